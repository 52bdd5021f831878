//! A job as a stream of bytes: header, planes and checksum, both ways.

use std::fmt;

use crc::{CRC_32_BZIP2, Crc, Table};
use ground::{Blame, Blamed};
use plastic::{Bitmap, HEIGHT, WIDTH};
use thiserror::Error;

use super::header::{Header, Ink};
use super::placement::Placement;
use super::words::{CHECKSUM, HEADER_END, PIXELS, PLANE};
use crate::job_side::{JobPlane, JobSide, pictured};

/// The longest header that is read.
const MAX_HEADER: usize = 32 * 1024;

static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_BZIP2);

/// The checksum over header and planes.
pub(super) fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    CRC.checksum(bytes).to_le_bytes()
}

/// What goes to the printer for one card or several of the same.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Job {
    header: Header,
    planes: Vec<Plane>,
    /// The header as it was read, where we would write it otherwise.
    text: Option<String>,
}

/// The bytes of one panel: line by line, one byte of ink a pixel.
#[derive(Clone, Eq, PartialEq)]
pub struct Plane {
    back: bool,
    ink: Ink,
    data: Vec<u8>,
}

impl Job {
    /// A job of a header and its planes.
    ///
    /// # Panics
    ///
    /// If the planes are not those the header names, in its order.
    pub(super) fn new(header: Header, planes: Vec<Plane>) -> Self {
        let named = header.panels().map(|(back, panel)| (back, panel.ink));
        assert!(
            named.eq(planes.iter().map(|plane| (plane.back, plane.ink))),
            "the header names the planes that follow"
        );
        Self {
            header,
            planes,
            text: None,
        }
    }

    /// What the job says of the card.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The planes in the order of the wire.
    #[must_use]
    pub fn planes(&self) -> &[Plane] {
        &self.planes
    }

    /// The header as it goes to the printer.
    #[must_use]
    pub fn header_text(&self) -> String {
        let text = self.text.clone();
        text.unwrap_or_else(|| self.header.to_text(self.planes.len() * PLANE))
    }

    /// The bytes for the printer.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let text = self.header_text();
        let size = text.len() + 1 + self.planes.len() * PLANE + CHECKSUM;
        let mut out = Vec::with_capacity(size);
        out.extend_from_slice(text.as_bytes());
        out.push(0);
        for plane in &self.planes {
            out.extend_from_slice(&plane.data);
        }
        let checksum = checksum(&out);
        out.extend_from_slice(&checksum);
        out
    }

    /// Takes a job apart. Encoding the result gives the same bytes. The header may be indented in
    /// any way and have elements that are not known here.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] with what is wrong and where.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let window = &bytes[..bytes.len().min(MAX_HEADER + 1)];
        let Some(length) = window.iter().position(|byte| *byte == 0) else {
            return Err(if window.len() > MAX_HEADER {
                DecodeError::HeaderTooLong
            } else {
                DecodeError::Truncated {
                    offset: bytes.len(),
                    expected: "the zero byte behind the header",
                }
            });
        };
        let text = std::str::from_utf8(&window[..length]).map_err(|error| DecodeError::NoText {
            offset: error.valid_up_to(),
        })?;
        let (header, binary_size) = Header::parse(text)?;
        let inks: Vec<(bool, Ink)> = header
            .panels()
            .map(|(back, panel)| (back, panel.ink))
            .collect();
        if binary_size != inks.len() * PLANE {
            return Err(DecodeError::BinarySize {
                size: binary_size,
                planes: inks.len(),
                expected: inks.len() * PLANE,
            });
        }
        let start = length + 1;
        let end = start + binary_size;
        let Some(data) = bytes.get(start..end) else {
            return Err(DecodeError::Truncated {
                offset: bytes.len(),
                expected: "the bytes of the planes",
            });
        };
        let Some(found) = bytes[end..].first_chunk::<CHECKSUM>() else {
            return Err(DecodeError::Truncated {
                offset: bytes.len(),
                expected: "the checksum",
            });
        };
        let computed = checksum(&bytes[..end]);
        if *found != computed {
            return Err(DecodeError::Checksum {
                offset: end,
                found: u32::from_le_bytes(*found),
                computed: u32::from_le_bytes(computed),
            });
        }
        if bytes.len() > end + CHECKSUM {
            return Err(DecodeError::Trailing {
                offset: end + CHECKSUM,
            });
        }
        let planes = inks
            .into_iter()
            .zip(data.chunks_exact(PLANE))
            .map(|((back, ink), data)| Plane {
                back,
                ink,
                data: data.to_vec(),
            })
            .collect();
        let mut job = Self {
            header,
            planes,
            text: None,
        };
        if job.header_text() != text {
            job.text = Some(text.to_owned());
        }
        Ok(job)
    }

    /// Whether bytes begin like a job of this family, which says nothing of the rest.
    #[must_use]
    pub fn looks_like(bytes: &[u8]) -> bool {
        let window = &bytes[..bytes.len().min(MAX_HEADER)];
        let end = &HEADER_END[..HEADER_END.len() - 2];
        window.starts_with(b"<?xml") && window.windows(end.len()).any(|found| found == end)
    }

    /// The sides as faces, each turned upright by its placement.
    #[must_use]
    pub fn sides(&self, front: Placement, back: Placement) -> Vec<JobSide> {
        let sides = self.header.sides.iter();
        sides
            .map(|side| {
                let placement = if side.back { back } else { front };
                let at = |plane: &Plane, x, y| {
                    let place = placement.of(x, y);
                    place.map_or(0, |(line, pixel)| plane.data[line * PIXELS + pixel])
                };
                let of_side = || self.planes.iter().filter(|plane| plane.back == side.back);
                let planes = of_side().map(|plane| {
                    let dots = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
                    JobPlane {
                        name: match plane.ink {
                            Ink::Yellow => "yellow",
                            Ink::Magenta => "magenta",
                            Ink::Cyan => "cyan",
                            Ink::Black => "black",
                        },
                        width: WIDTH,
                        height: HEIGHT,
                        ink: dots.map(|(x, y)| at(plane, x, y)).collect(),
                    }
                });
                let by_ink = Ink::ALL.map(|ink| of_side().find(|plane| plane.ink == ink));
                let ink = |x, y| by_ink.map(|plane| plane.map_or(0, |plane| at(plane, x, y)));
                let overcoat = side.overcoat.as_ref().map(|overcoat| {
                    Bitmap::from_fn(WIDTH, HEIGHT, |x, y| {
                        let dot = plastic::Area {
                            x,
                            y,
                            width: 1,
                            height: 1,
                        };
                        placement.area(dot).is_some_and(|dot| {
                            let inside = |area: &plastic::Area| area.contains(dot.x, dot.y);
                            (overcoat.areas.is_empty() || overcoat.areas.iter().any(inside))
                                && !overcoat.holes.iter().any(inside)
                        })
                    })
                });
                JobSide {
                    back: side.back,
                    planes: planes.collect(),
                    picture: pictured(ink, WIDTH, HEIGHT),
                    overcoat,
                }
            })
            .collect()
    }
}

/// Takes a job apart into faces with the placements of a profile.
///
/// # Errors
///
/// As [`Job::decode`].
pub fn decode_sides(bytes: &[u8], profile: &super::Profile) -> Result<Vec<JobSide>, DecodeError> {
    let job = Job::decode(bytes)?;
    Ok(job.sides(profile.placement(false), profile.placement(true)))
}

impl Plane {
    /// From the ink of a panel.
    ///
    /// # Panics
    ///
    /// If it has another size than [`PLANE`].
    pub(super) fn new(back: bool, ink: Ink, data: Vec<u8>) -> Self {
        assert_eq!(data.len(), PLANE, "a plane has one size");
        Self { back, ink, data }
    }

    /// Whether it is on the back.
    #[must_use]
    pub fn is_back(&self) -> bool {
        self.back
    }

    /// Which panel.
    #[must_use]
    pub fn ink(&self) -> Ink {
        self.ink
    }

    /// Its ink, line by line.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }
}

impl fmt::Debug for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.back { "back" } else { "front" };
        write!(
            f,
            "Plane({side}, {:?}, {} bytes)",
            self.ink,
            self.data.len()
        )
    }
}

/// Why bytes are no job.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("the job ends at offset {offset}, expected {expected}")]
    Truncated {
        /// Where it ends.
        offset: usize,
        /// What should have come.
        expected: &'static str,
    },
    /// No zero byte where the longest header would have ended.
    #[error("the header is longer than {MAX_HEADER} bytes")]
    HeaderTooLong,
    /// The header is no text.
    #[error("the header is no UTF-8 text from offset {offset}")]
    NoText {
        /// Where it stops being one.
        offset: usize,
    },
    /// The header is no XML.
    #[error("the header is no XML: {detail}")]
    Xml {
        /// The parser's words.
        detail: String,
    },
    /// An element is missing.
    #[error("the header has no `{element}`")]
    Missing {
        /// Which.
        element: &'static str,
    },
    /// An element has a value that cannot be understood.
    #[error("`{element}` of the header is `{value}`, which cannot be understood")]
    Value {
        /// Which.
        element: &'static str,
        /// Its value, or the beginning of it.
        value: String,
    },
    /// A side or panel is there twice.
    #[error("the header has {what} twice")]
    Twice {
        /// What.
        what: String,
    },
    /// The size of the planes is not that of the panels the header names.
    #[error(
        "the header has a binary size of {size} and names {planes} planes, which are {expected} bytes"
    )]
    BinarySize {
        /// What it says.
        size: usize,
        /// The panels it names.
        planes: usize,
        /// The bytes of these.
        expected: usize,
    },
    /// The checksum is another one.
    #[error(
        "the checksum at offset {offset} is {found:08X}, that of the bytes before it {computed:08X}"
    )]
    Checksum {
        /// Where it stands.
        offset: usize,
        /// What stands there.
        found: u32,
        /// What should.
        computed: u32,
    },
    /// Something follows the job.
    #[error("something follows the job at offset {offset}")]
    Trailing {
        /// Where.
        offset: usize,
    },
}

impl Blamed for DecodeError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        Some("give a file with one whole job, as it was sent to the printer".to_owned())
    }
}

#[cfg(test)]
mod tests;
