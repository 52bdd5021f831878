//! From the face of a card to the frames that print it, and back.

use ground::{Blame, Blamed};
use plastic::{Area, HEIGHT, Raster, Separation, WIDTH};
use thiserror::Error;

use super::command::{Command, CommandError, Planes, Station};
use super::frame::{Frame, FrameError};
use super::image::{Image, ImageError, Layer};
use super::words::{COLUMNS_300, ROWS_300, host};
use crate::job_side::{JobPlane, JobSide, pictured};

/// The most frames of a job that are read: two sides of all layers and what is said between.
const MAX_FRAMES: usize = 64;

/// How the pixels of an image lie on the card.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Geometry {
    /// Pixels of an image to a dot of the face, each way: 1 for 300 dpi, 2 for 600.
    pub scale: u32,
    /// Whether an image is turned by 180 degrees.
    pub turned: bool,
}

impl Geometry {
    /// Pixels across an image.
    #[must_use]
    pub const fn columns(self) -> u32 {
        COLUMNS_300 * self.scale
    }

    /// Pixels down an image.
    #[must_use]
    pub const fn rows(self) -> u32 {
        ROWS_300 * self.scale
    }

    /// Pixels of an image.
    #[must_use]
    pub const fn pixels(self) -> usize {
        self.columns() as usize * self.rows() as usize
    }

    /// The other way up.
    #[must_use]
    pub const fn turn(self, turn: bool) -> Self {
        Self {
            turned: self.turned != turn,
            ..self
        }
    }

    /// Pixels to the left of the face and above it: the face is smaller than an image and lies in
    /// its middle.
    const fn margins(self) -> (usize, usize) {
        (
            (self.columns() - WIDTH * self.scale) as usize / 2,
            (self.rows() - HEIGHT * self.scale) as usize / 2,
        )
    }

    /// The first of the pixels of a dot of the face.
    fn pixel(self, x: u32, y: u32) -> usize {
        let (left, above) = self.margins();
        let scale = self.scale as usize;
        let (column, row) = (left + x as usize * scale, above + y as usize * scale);
        let at = row * self.columns() as usize + column;
        if self.turned {
            self.pixels() - 1 - at
        } else {
            at
        }
    }
}

/// One side of a card.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// What to print, landscape, 1016 x 642 dots.
    pub separation: &'a Separation,
    /// How the face lies in the images.
    pub geometry: Geometry,
    /// Whether the film is taken off again in the holes the separation names.
    pub peel_off: bool,
}

/// The images of one side; none where there is no ink. With one dye come all three.
///
/// # Errors
///
/// [`BuildError`] when the side has the wrong size.
pub(super) fn images(side: &Side<'_>) -> Result<Vec<Image>, BuildError> {
    let separation = side.separation;
    for (width, height) in [
        (separation.colour.width(), separation.colour.height()),
        (separation.black.width(), separation.black.height()),
    ] {
        if (width, height) != (WIDTH, HEIGHT) {
            return Err(BuildError::Size { width, height });
        }
    }
    let mut images = Vec::new();
    let dyes = dye_images(separation, side.geometry);
    if dyes.iter().flatten().any(|ink| *ink != 0) {
        let layers = [Layer::Yellow, Layer::Magenta, Layer::Cyan];
        let dyes = layers.into_iter().zip(dyes);
        images.extend(dyes.map(|(layer, ink)| Image { layer, ink }));
    }
    if separation.black.dots().contains(&true) {
        images.push(Image {
            layer: Layer::Black,
            ink: flat_image(side.geometry, |y| separation.black.row(y).iter().copied()),
        });
    }
    let holes = &separation.overcoat_holes;
    if side.peel_off
        && holes
            .iter()
            .any(|hole| hole.intersection(Area::FACE).is_some())
    {
        let in_hole = |y| (0..WIDTH).map(move |x| holes.iter().any(|hole| hole.contains(x, y)));
        images.push(Image {
            layer: Layer::PeelOff,
            ink: flat_image(side.geometry, in_hole),
        });
    }
    Ok(images)
}

/// One row of a face, laid into the rows of an image that are of it.
fn lay(image: &mut [u8], geometry: Geometry, y: u32, row: impl Iterator<Item = u8>) {
    let scale = geometry.scale as usize;
    let columns = geometry.columns() as usize;
    let length = WIDTH as usize * scale;
    // The first dot of the row is the last one of a turned image.
    let start = geometry.pixel(0, y);
    let first = if geometry.turned {
        start + 1 - length
    } else {
        start
    };
    let pixels = &mut image[first..][..length];
    if geometry.turned {
        for (pixels, ink) in pixels.rchunks_exact_mut(scale).zip(row) {
            pixels.fill(ink);
        }
    } else {
        for (pixels, ink) in pixels.chunks_exact_mut(scale).zip(row) {
            pixels.fill(ink);
        }
    }
    for copy in 1..scale {
        let to = if geometry.turned {
            first - copy * columns
        } else {
            first + copy * columns
        };
        image.copy_within(first..first + length, to);
    }
}

fn dye_images(separation: &Separation, geometry: Geometry) -> [Vec<u8>; 3] {
    // Yellow takes blue away, magenta green, cyan red.
    [2, 1, 0].map(|channel| {
        let mut image = vec![0; geometry.pixels()];
        for y in 0..HEIGHT {
            let dots = separation.colour.row(y).as_chunks::<3>().0;
            let black = separation.black.row(y);
            let ink = dots
                .iter()
                .zip(black)
                .map(|(dot, black)| if *black { 0 } else { !dot[channel] });
            lay(&mut image, geometry, y, ink);
        }
        image
    })
}

fn flat_image<I: Iterator<Item = bool>>(geometry: Geometry, row: impl Fn(u32) -> I) -> Vec<u8> {
    let mut image = vec![0; geometry.pixels()];
    for y in 0..HEIGHT {
        let ink = row(y).map(|full| if full { 0xFF } else { 0 });
        lay(&mut image, geometry, y, ink);
    }
    image
}

/// The frames that print one card that lies under the film, numbered from 0: images, ink, transfer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Job {
    /// In the order they are sent.
    pub frames: Vec<Frame>,
}

/// Draws a job for a card that lies under the film with its front up: the front is transferred on
/// the way to the flipper, the back on the way out. A card without any ink is handed out. `long`
/// chooses the form of the transfer command.
///
/// # Errors
///
/// [`BuildError`] when a side is missing or has the wrong size.
pub fn build(
    front: Option<&Side<'_>>,
    back: Option<&Side<'_>>,
    long: bool,
) -> Result<Job, BuildError> {
    if front.is_none() && back.is_none() {
        return Err(BuildError::NothingToPrint);
    }
    let drawn = |side: Option<&Side<'_>>| side.map_or(Ok(Vec::new()), images);
    let (front, back) = (drawn(front)?, drawn(back)?);
    let mut frames = Vec::new();
    let mut film = false;
    let mut next = 0_u32;
    let mut push = |frame: &dyn Fn(u32) -> Frame| {
        frames.push(frame(next));
        next += 1;
    };
    for (images, is_back) in [(&front, false), (&back, true)] {
        if images.is_empty() {
            continue;
        }
        if is_back {
            let flip = if film {
                Command::Transfer {
                    to: Station::Print,
                    flip: true,
                    long,
                }
            } else {
                Command::Move {
                    to: Station::Print,
                    flip: true,
                    film: false,
                }
            };
            push(&|sequence| flip.to_frame(sequence));
        }
        for image in images {
            push(&|sequence| image.to_frame(sequence));
        }
        let planes = Planes(
            images
                .iter()
                .fold(0, |bits, image| bits | image.layer.bit()),
        );
        let print = Command::Print { options: 0, planes };
        push(&|sequence| print.to_frame(sequence));
        film = true;
    }
    let out = if film {
        Command::Transfer {
            to: Station::Eject,
            flip: false,
            long,
        }
    } else {
        Command::Move {
            to: Station::Eject,
            flip: false,
            film: false,
        }
    };
    push(&|sequence| out.to_frame(sequence));
    Ok(Job { frames })
}

impl Job {
    /// The bytes of all frames.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.frames.iter().map(Frame::size).sum());
        for frame in &self.frames {
            frame.write(&mut out);
        }
        out
    }

    /// Takes the frames of a host apart. Encoding the result gives the same bytes.
    ///
    /// # Errors
    ///
    /// [`JobError`] with the offset of the frame that is none of a host's.
    pub fn decode(bytes: &[u8]) -> Result<Self, JobError> {
        let mut frames = Vec::new();
        let mut offset = 0;
        while offset < bytes.len() {
            if frames.len() == MAX_FRAMES {
                return Err(JobError::TooManyFrames { offset });
            }
            let (frame, size) = Frame::read(&bytes[offset..])
                .map_err(|source| JobError::Frame { offset, source })?;
            if ![host::DOCUMENT, host::COMMAND, host::IMAGE].contains(&frame.kind) {
                return Err(JobError::Kind {
                    offset,
                    kind: frame.kind,
                });
            }
            offset += size;
            frames.push(frame);
        }
        if frames.is_empty() {
            return Err(JobError::NoFrame);
        }
        Ok(Self { frames })
    }

    /// Whether bytes begin like frames of a host, which says nothing of the rest.
    #[must_use]
    pub fn looks_like(bytes: &[u8]) -> bool {
        let kinds = [host::DOCUMENT, host::COMMAND, host::IMAGE];
        let first = bytes.first_chunk().map(|word| u32::from_be_bytes(*word));
        first.is_some_and(|kind| kinds.contains(&kind))
            && matches!(Frame::size_of(bytes), Ok(Some(_)))
    }

    /// The sides as faces: each image that was printed before the card went away from the film.
    ///
    /// # Errors
    ///
    /// [`JobError`] for a frame that cannot be understood, or an image of another size.
    pub fn sides(&self, front: Geometry, back: Geometry) -> Result<Vec<JobSide>, JobError> {
        let mut sides: Vec<JobSide> = Vec::new();
        let mut sent: Vec<Image> = Vec::new();
        let mut on_film: Vec<Image> = Vec::new();
        let mut is_back = false;
        let mut offset = 0;
        for frame in &self.frames {
            let geometry = if is_back { back } else { front };
            match frame.kind {
                host::IMAGE => {
                    let image = Image::parse(frame.data())
                        .map_err(|source| JobError::Image { offset, source })?;
                    if image.ink.len() != geometry.pixels() {
                        return Err(JobError::Pixels {
                            offset,
                            pixels: image.ink.len(),
                            expected: geometry.pixels(),
                        });
                    }
                    sent.retain(|other| other.layer != image.layer);
                    sent.push(image);
                }
                host::COMMAND => {
                    let command = Command::parse(frame.data())
                        .map_err(|source| JobError::Command { offset, source })?;
                    match command {
                        Command::Print { planes, .. } => {
                            on_film.extend(
                                std::mem::take(&mut sent)
                                    .into_iter()
                                    .filter(|image| planes.0 & image.layer.bit() != 0),
                            );
                        }
                        Command::Load { flip, .. } => is_back = flip,
                        Command::Move { flip, .. } => is_back ^= flip,
                        Command::Transfer { flip, .. } => {
                            let images = std::mem::take(&mut on_film);
                            if !images.is_empty() {
                                sides.push(side(&images, geometry, is_back));
                            }
                            is_back ^= flip;
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
            offset += frame.size();
        }
        Ok(sides)
    }
}

/// Takes the frames of a host apart into faces. Which of the two resolutions it is follows from
/// the size of the images; a profile says which way up they are.
///
/// # Errors
///
/// [`JobError`].
pub fn decode_sides(bytes: &[u8], profile: &super::Profile) -> Result<Vec<JobSide>, JobError> {
    let job = Job::decode(bytes)?;
    let longest = job.frames.iter().map(|frame| frame.data().len()).max();
    let scale = 1 + u32::from(longest.unwrap_or(0) > 2 * (COLUMNS_300 * ROWS_300) as usize);
    let turned = profile
        .models
        .iter()
        .find(|model| model.resolution.value.scale() == scale)
        .is_none_or(|model| model.turned.value);
    let front = Geometry { scale, turned };
    job.sides(front, front.turn(profile.back_turned.value))
}

fn side(images: &[Image], geometry: Geometry, back: bool) -> JobSide {
    let of = |layer| images.iter().rev().find(|image| image.layer == layer);
    let [yellow, magenta, cyan, black] =
        [Layer::Yellow, Layer::Magenta, Layer::Cyan, Layer::Black].map(of);
    let ink_of =
        |image: Option<&Image>, x, y| image.map_or(0, |image| image.ink[geometry.pixel(x, y)]);
    let ink = |x, y| [yellow, magenta, cyan, black].map(|image| ink_of(image, x, y));
    let (columns, rows) = (geometry.columns(), geometry.rows());
    let planes = images.iter().map(|image| {
        let mut ink = image.ink.clone();
        if geometry.turned {
            ink.reverse();
        }
        JobPlane {
            name: image.layer.name(),
            width: columns,
            height: rows,
            ink,
        }
    });
    let picture: Raster = pictured(ink, WIDTH, HEIGHT);
    let peeled = of(Layer::PeelOff);
    JobSide {
        back,
        planes: planes.collect(),
        picture,
        // The film covers the card wherever it is not taken off again.
        overcoat: Some(plastic::Bitmap::from_fn(WIDTH, HEIGHT, |x, y| {
            ink_of(peeled, x, y) < 0x80
        })),
    }
}

/// Why a job cannot be drawn.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum BuildError {
    /// Neither front nor back.
    #[error("the job has neither a front nor a back")]
    NothingToPrint,
    /// A side has the wrong size.
    #[error("a side has {width} x {height} dots, expected {WIDTH} x {HEIGHT}")]
    Size {
        /// Dots across.
        width: u32,
        /// Dots down.
        height: u32,
    },
}

impl Blamed for BuildError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }
}

/// Why bytes are no job.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum JobError {
    /// No frame.
    #[error("at offset {offset}: {source}")]
    Frame {
        /// Where it starts.
        offset: usize,
        /// Why.
        source: FrameError,
    },
    /// No frame of a host.
    #[error("the frame at offset {offset} has type {kind:08X}, which is none of a host's")]
    Kind {
        /// Where it starts.
        offset: usize,
        /// Its type.
        kind: u32,
    },
    /// A command that cannot be understood.
    #[error("in the frame at offset {offset}: {source}")]
    Command {
        /// Where the frame starts.
        offset: usize,
        /// Why.
        source: CommandError,
    },
    /// An image that cannot be understood.
    #[error("in the frame at offset {offset}: {source}")]
    Image {
        /// Where the frame starts.
        offset: usize,
        /// Why.
        source: ImageError,
    },
    /// An image of another size.
    #[error("the image at offset {offset} has {pixels} pixels, expected {expected}")]
    Pixels {
        /// Where the frame starts.
        offset: usize,
        /// Its pixels.
        pixels: usize,
        /// Those of an image.
        expected: usize,
    },
    /// More frames than any job has.
    #[error("there are more than {MAX_FRAMES} frames, the next one at offset {offset}")]
    TooManyFrames {
        /// Where the next one starts.
        offset: usize,
    },
    /// Nothing at all.
    #[error("there is no frame in the job")]
    NoFrame,
}

impl Blamed for JobError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        Some("give a file with the frames of one whole job, as they were sent".to_owned())
    }
}

#[cfg(test)]
mod tests;
