use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, Resizer};
use ground::Ambient;
use plastic::{HEIGHT, Raster, Separation, WIDTH};
use printers::Job;
use printers::evolis::Dialect;
use printers::family::{EncodeOptions, Family, Hole, Panels, Rotated};
use printers::magicard::{ResinQuality, landscape};
use serde_json::json;

use crate::output::{Ending, Failure, Output, STDOUT};

/// Turn pictures of a card into the bytes a printer takes
///
/// Pictures are PNG of 1016 x 642 dots, or 642 x 1016 with the top of the card's left edge at the
/// upper left.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright print encode --printer magicard-enduro --front face.png -o card.prn
  cardwright print encode --printer magicard-rio-tango --front face.png --back back.png \\
      --front-hole chip -o card.prn
  cardwright print encode --printer ipp --front face.png -o card.pwg
  cardwright print encode --printer magicard-enduro --front face.png --ink black -o - | nc PRINTER 9100

The same pictures, options and --time give the same bytes.")]
pub(super) struct Encode {
    /// Family of the printer: magicard-enduro, magicard-rio-tango, rio-pro-360, evolis,
    /// matica-xid or ipp
    #[arg(long, value_name = "FAMILY")]
    printer: Family,

    /// Picture of the front
    #[arg(long, value_name = "PNG", required_unless_present = "back")]
    front: Option<PathBuf>,

    /// Picture of the back
    #[arg(long, value_name = "PNG")]
    back: Option<PathBuf>,

    /// Where to write the job; - for standard output
    #[arg(short, long, value_name = "JOB")]
    output: PathBuf,

    /// Fit pictures of any size onto the card, with white around them
    #[arg(long)]
    fit: bool,

    /// What prints
    #[arg(long, value_enum, default_value_t)]
    ink: Ink,

    /// Print black with dye too, without resin
    #[arg(long)]
    black_as_dye: bool,

    /// Cards to print
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    copies: u32,

    /// Lay no overcoat, where the family can
    #[arg(long)]
    no_overcoat: bool,

    /// Leave this part of the front free of overcoat; may be given several times
    #[arg(long, value_enum, value_name = "PART", conflicts_with = "no_overcoat")]
    front_hole: Vec<Part>,

    /// Leave this part of the back free of overcoat; may be given several times
    #[arg(long, value_enum, value_name = "PART", conflicts_with = "no_overcoat")]
    back_hole: Vec<Part>,

    /// Sides printed upside down; what the printer needs if left out
    #[arg(long, value_enum)]
    rotated: Option<Sides>,

    /// How resin is laid down (Magicard Enduro)
    #[arg(long, value_enum)]
    resin_quality: Option<Resin>,

    /// Head position, field 16 of the printer's status reply (Magicard)
    #[arg(long, value_name = "NUMBER")]
    head_position: Option<u32>,

    /// Head type, field 2 of the printer's status reply: 0, 1 or 2 (Magicard Enduro)
    #[arg(long, value_name = "NUMBER")]
    head_type: Option<u32>,

    /// How commands are written (Evolis): as on the network, or as on USB and serial lines
    #[arg(long, value_enum)]
    dialect: Option<Writing>,

    /// Model of the printer, which says how fine its images are (Matica): XID8300, XID8600 ...
    #[arg(long)]
    model: Option<String>,

    /// Firmware the job names (Magicard Enduro)
    #[arg(long, value_name = "VERSION")]
    firmware: Option<String>,

    /// Time in the job, seconds since 1970, so that jobs can be compared; now if left out
    #[arg(long, value_name = "SECONDS")]
    time: Option<u32>,
}

/// What prints.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Ink {
    /// Dye, and resin for pure black
    #[default]
    Colour,
    /// Dye alone, black too
    Dye,
    /// Resin alone, greys as patterns
    Mono,
    /// Resin alone, dark dots only
    Black,
}

/// What can be left free of overcoat.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Part {
    /// The contacts of the chip
    Chip,
    /// The same with more room
    ChipLarge,
    /// The magnetic stripe
    Magnetic,
    /// The same with more room
    MagneticWide,
}

/// Which sides are turned by 180 degrees.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Sides {
    /// Neither side
    None,
    /// The front alone
    Front,
    /// The back alone
    Back,
    /// Both sides
    Both,
}

/// How resin is laid down.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Resin {
    /// The printer's default
    Default,
    /// Fast
    Fast,
    /// High quality
    High,
}

/// How the commands of an Evolis job are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Writing {
    /// Commands alone, as the driver for Windows does
    Plain,
    /// With tags between them, as the vendor's library does
    Tagged,
}

impl Sides {
    pub(super) const fn rotated(self) -> Rotated {
        Rotated {
            front: matches!(self, Self::Front | Self::Both),
            back: matches!(self, Self::Back | Self::Both),
        }
    }
}

impl Part {
    const fn hole(self) -> Hole {
        match self {
            Self::Chip => Hole::Chip,
            Self::ChipLarge => Hole::ChipLarge,
            Self::Magnetic => Hole::Magnetic,
            Self::MagneticWide => Hole::MagneticWide,
        }
    }
}

impl Encode {
    pub(super) fn run(&self, output: Output) -> Result<Ending, Failure> {
        let to_stdout = self.output == Path::new(STDOUT);
        if to_stdout && output.is_json() {
            return Err(
                Failure::mistake("the job and the JSON cannot both go to standard output")
                    .with_hint("write the job to a file with `-o FILE`"),
            );
        }
        if to_stdout && io::stdout().is_terminal() {
            return Err(Failure::mistake("a job is not for a terminal")
                .with_hint("write it to a file with `-o FILE`, or into a pipe"));
        }
        let job = Job {
            front: self.side(self.front.as_deref())?,
            back: self.side(self.back.as_deref())?,
            overcoat: self.printer.capabilities().overcoat && !self.no_overcoat,
            copies: self.copies,
        };
        let bytes = self.printer.encode(&job, &self.options())?;
        if to_stdout {
            let mut stdout = io::stdout().lock();
            return match stdout.write_all(&bytes).and_then(|()| stdout.flush()) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    Err(Failure::store(format!("failed to write the job: {error}")))
                }
                _ => Ok(Ending::Done),
            };
        }
        let path = self.output.display();
        std::fs::write(&self.output, &bytes)
            .map_err(|error| Failure::store(format!("failed to write job `{path}`: {error}")))?;
        if output.is_json() {
            output.document(&json!({
                "job": path.to_string(),
                "family": self.printer,
                "bytes": bytes.len(),
                "front": job.front.is_some(),
                "back": job.back.is_some(),
                "overcoat": job.overcoat,
                "copies": job.copies,
            }))?;
        } else {
            output.line(&format!(
                "{path}: {} bytes for {}",
                bytes.len(),
                self.printer
            ))?;
        }
        Ok(Ending::Done)
    }

    fn options(&self) -> EncodeOptions {
        EncodeOptions {
            panels: self.panels(),
            black_as_dye: self.black_as_dye,
            resin: self.resin_quality.map(|quality| match quality {
                Resin::Default => ResinQuality::Default,
                Resin::Fast => ResinQuality::Fast,
                Resin::High => ResinQuality::High,
            }),
            dialect: self.dialect.map(|dialect| match dialect {
                Writing::Plain => Dialect::Plain,
                Writing::Tagged => Dialect::Tagged,
            }),
            model: self.model.clone(),
            head_type: self.head_type,
            head_position: self.head_position,
            firmware: self.firmware.clone(),
            front_holes: self.front_hole.iter().map(|part| part.hole()).collect(),
            back_holes: self.back_hole.iter().map(|part| part.hole()).collect(),
            rotated: self.rotated.map(Sides::rotated),
            time: self.time.unwrap_or_else(|| {
                // Jobs have 32 bits for it.
                u32::try_from(ground::System::new().now().as_second()).unwrap_or(u32::MAX)
            }),
        }
    }

    const fn panels(&self) -> Panels {
        match self.ink {
            Ink::Colour => Panels::Colour,
            Ink::Dye => Panels::Dye,
            Ink::Mono => Panels::Mono,
            Ink::Black => Panels::Black,
        }
    }

    fn side(&self, path: Option<&Path>) -> Result<Option<Separation>, Failure> {
        let Some(path) = path else {
            return Ok(None);
        };
        let picture = Raster::read_png(path)
            .map_err(|error| Failure::mistake(crate::output::chain(&error)))?;
        let picture = landscape(&picture);
        let (width, height) = (picture.width(), picture.height());
        let picture = match (width, height) {
            (WIDTH, HEIGHT) => picture,
            _ if self.fit => fitted(&picture),
            _ => {
                return Err(Failure::mistake(format!(
                    "picture `{}` has {width} x {height} dots, expected {WIDTH} x {HEIGHT}",
                    path.display()
                ))
                .with_hint("draw it in that size, or give `--fit` to have it scaled"));
            }
        };
        Ok(Some(self.panels().separate(&picture)))
    }
}

/// As large as the card takes it without distortion, in the middle, white around it.
fn fitted(picture: &Raster) -> Raster {
    let (width, height) = (u64::from(picture.width()), u64::from(picture.height()));
    let (card_width, card_height) = (u64::from(WIDTH), u64::from(HEIGHT));
    // A picture of no dots is no PNG.
    let (wide, high) = if width * card_height > height * card_width {
        (card_width, (height * card_width / width).max(1))
    } else {
        ((width * card_height / height).max(1), card_height)
    };
    let side = |dots: u64| u32::try_from(dots).expect("no more than the card has");
    let (wide, high) = (side(wide), side(high));
    let source = ImageRef::new(
        picture.width(),
        picture.height(),
        picture.bytes(),
        PixelType::U8x3,
    )
    .expect("a raster has three bytes a dot");
    let mut scaled = Image::new(wide, high, PixelType::U8x3);
    Resizer::new()
        .resize(&source, &mut scaled, None)
        .expect("both have three bytes a dot");
    let mut card = Raster::white(WIDTH, HEIGHT);
    let (left, top) = (((WIDTH - wide) / 2) as usize, (HEIGHT - high) / 2);
    let rows = scaled.buffer().chunks_exact(3 * wide as usize);
    for (y, row) in (top..).zip(rows) {
        card.row_mut(y)[3 * left..][..row.len()].copy_from_slice(row);
    }
    card
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_fitted_whole_and_in_the_middle() {
        let mut picture = Raster::white(100, 100);
        picture.bytes_mut().fill(0);
        let card = fitted(&picture);
        assert_eq!((card.width(), card.height()), (WIDTH, HEIGHT));
        let middle = HEIGHT / 2;
        assert_eq!(card.get(WIDTH / 2, 0), [0; 3]);
        assert_eq!(card.get((WIDTH - HEIGHT) / 2, middle), [0; 3]);
        assert_eq!(card.get((WIDTH - HEIGHT) / 2 - 1, middle), [255; 3]);
        assert_eq!(card.get((WIDTH + HEIGHT) / 2, middle), [255; 3]);
        let wide = fitted(&Raster::white(5000, 1));
        assert_eq!((wide.width(), wide.height()), (WIDTH, HEIGHT));
    }
}
