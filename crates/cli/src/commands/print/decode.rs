use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use plastic::{Bitmap, Raster};
use printers::family::{DecodeOptions, Decoded, Family};
use serde_json::json;

use super::encode::Sides;
use crate::output::{Ending, Failure, Output, STDOUT, chain};

/// The longest job that is read. The longest known, two sides of a Matica in 600 dpi, has 22 MB.
const MAX_BYTES: u64 = 64 << 20;

/// Take a print job apart: its words as JSON, its panels and faces as PNG
///
/// Writes into DIR: header.json, for each side front.png or back.png as it is seen,
/// front-overcoat.png where overcoat goes (grey; white stays free), and front-PANEL.png, each panel
/// as it lies under the head.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright print decode card.prn -o card
  cardwright --json print decode card.prn -o card
  cardwright print decode --head-position 40 captured.prn -o captured
  zstdcat captured.prn.zst | cardwright print decode - -o captured")]
pub(super) struct Decode {
    /// The job, as it was sent to the printer; - for standard input
    job: PathBuf,

    /// Folder to write into; made if it is not there
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// Family of the printer; recognised from the job if left out
    #[arg(long, value_name = "FAMILY")]
    printer: Option<Family>,

    /// Head position of the printer the job was made for, which no job says (Magicard; 50 if left
    /// out)
    #[arg(long, value_name = "NUMBER")]
    head_position: Option<u32>,

    /// Sides that were printed upside down; what the printer needs if left out
    #[arg(long, value_enum)]
    rotated: Option<Sides>,
}

impl Decode {
    pub(super) fn run(&self, output: Output) -> Result<Ending, Failure> {
        let shown = format!("job `{}`", self.job.display());
        let bytes = self
            .read()
            .map_err(|error| Failure::mistake(format!("failed to read {shown}: {error}")))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(Failure::mistake(format!(
                "{shown} is larger than {MAX_BYTES} bytes: is it one job?"
            )));
        }
        let family = match self.printer {
            Some(family) => family,
            None => Family::recognise(&bytes).ok_or_else(|| {
                Failure::mistake(format!(
                    "{shown} starts like that of no family that is known"
                ))
                .with_hint("give `--printer FAMILY`; a compressed file must be unpacked first")
            })?,
        };
        let options = DecodeOptions {
            head_position: self.head_position,
            rotated: self.rotated.map(Sides::rotated),
        };
        let decoded = family
            .decode(&bytes, &options)
            .map_err(|error| Failure::from(error).about(&shown))?;
        let written = self.write(&decoded)?;
        if output.is_json() {
            let sides: Vec<_> = decoded
                .sides
                .iter()
                .map(|side| {
                    let planes: Vec<_> = side.planes.iter().map(|plane| plane.name).collect();
                    json!({
                        "name": side.name,
                        "planes": planes,
                        "overcoat": side.overcoat.is_some(),
                        "width": side.picture.width(),
                        "height": side.picture.height(),
                    })
                })
                .collect();
            output.document(&json!({
                "family": decoded.family,
                "header": decoded.header,
                "sides": sides,
                "files": written,
            }))?;
        } else {
            for path in written {
                output.line(&path)?;
            }
        }
        Ok(Ending::Done)
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if self.job == Path::new(STDOUT) {
            io::stdin()
                .lock()
                .take(MAX_BYTES + 1)
                .read_to_end(&mut bytes)?;
        } else {
            let file = fs::File::open(&self.job)?;
            file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    }

    /// Writes everything; returns the paths.
    fn write(&self, decoded: &Decoded) -> Result<Vec<String>, Failure> {
        let failed = |path: &Path, error: &dyn std::error::Error| {
            Failure::store(format!(
                "failed to write `{}`: {}",
                path.display(),
                chain(error)
            ))
        };
        fs::create_dir_all(&self.output).map_err(|error| failed(&self.output, &error))?;
        let mut written = Vec::new();
        let header = self.output.join("header.json");
        let text = serde_json::to_string_pretty(&decoded.header)
            .map_err(|error| failed(&header, &error))?;
        fs::write(&header, text + "\n").map_err(|error| failed(&header, &error))?;
        written.push(header.display().to_string());
        let mut picture = |name: String, picture: &Raster| -> Result<(), Failure> {
            let path = self.output.join(name);
            picture
                .write_png(&path)
                .map_err(|error| Failure::store(chain(&error)))?;
            written.push(path.display().to_string());
            Ok(())
        };
        for side in &decoded.sides {
            picture(format!("{}.png", side.name), &side.picture)?;
            if let Some(overcoat) = &side.overcoat {
                picture(format!("{}-overcoat.png", side.name), &grey(overcoat))?;
            }
            for plane in &side.planes {
                picture(
                    format!("{}-{}.png", side.name, plane.name),
                    &plane.picture(),
                )?;
            }
        }
        Ok(written)
    }
}

fn grey(bitmap: &Bitmap) -> Raster {
    let mut picture = Raster::white(bitmap.width(), bitmap.height());
    let dots = picture.bytes_mut().chunks_exact_mut(3);
    for (dot, _) in dots.zip(bitmap.dots()).filter(|(_, laid)| **laid) {
        dot.fill(0xB0);
    }
    picture
}
