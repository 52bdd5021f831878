use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ground::{Blame, Blamed};
use moxcms::{ColorProfile, Layout, RenderingIntent, TransformExecutor, TransformOptions};
use plastic::Raster;
use thiserror::Error;

/// The most bytes a profile may have.
const MAX_BYTES: u64 = 8 << 20;
/// Bytes of the header and the count of tags behind it (ICC.1:2022, 7.2 and 7.3.1).
const HEADER: usize = 132;

/// What turns the colours of a face, which are sRGB, into those a printer is sent.
///
/// Without one the colours are sent as they are, as the vendors' drivers do with colour matching
/// off. With one, every dot of dye is taken from sRGB (IEC 61966-2-1) through the profile's table
/// from the connection space to the device, or its matrix and curves: with the perceptual intent if
/// the profile has a table for it, else the relative colorimetric one. Two things stay as they are:
/// resin black, which is no colour, and dots without ink, so that no profile prints a grey veil
/// where the face is blank.
#[derive(Clone)]
pub struct ColourProfile {
    name: String,
    transform: Arc<dyn TransformExecutor<u8> + Send + Sync>,
}

impl ColourProfile {
    /// Reads an ICC profile of a printer (or a display or colour space) with the colour space RGB.
    ///
    /// # Errors
    ///
    /// [`ColourError`], naming the file.
    pub fn load(path: &Path) -> Result<Self, ColourError> {
        let read = |source| ColourError::Read {
            path: path.to_owned(),
            source,
        };
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .map_err(read)?
            .take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(read)?;
        Self::from_named_bytes(&path.display().to_string(), &bytes)
    }

    /// Takes an ICC profile held in memory; errors call it `name`.
    ///
    /// # Errors
    ///
    /// [`ColourError`].
    pub fn from_named_bytes(name: &str, bytes: &[u8]) -> Result<Self, ColourError> {
        if bytes.len() as u64 > MAX_BYTES {
            return Err(ColourError::TooLarge {
                name: name.to_owned(),
                limit: MAX_BYTES,
            });
        }
        check_header(name, bytes)?;
        let damaged = |reason: String| ColourError::Damaged {
            name: name.to_owned(),
            bytes: bytes.len(),
            reason,
        };
        let profile =
            ColorProfile::new_from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        let has_tables = [
            &profile.lut_b_to_a_perceptual,
            &profile.lut_b_to_a_colorimetric,
        ]
        .map(Option::is_some);
        let rendering_intent = match has_tables {
            [true, _] => RenderingIntent::Perceptual,
            [false, true] => RenderingIntent::RelativeColorimetric,
            [false, false] if profile.is_matrix_shaper() => RenderingIntent::Perceptual,
            [false, false] => {
                return Err(damaged(
                    "it has neither a table to the device nor a matrix with curves".to_owned(),
                ));
            }
        };
        let options = TransformOptions {
            rendering_intent,
            ..TransformOptions::default()
        };
        let transform = ColorProfile::new_srgb()
            .create_transform_8bit(Layout::Rgb, &profile, Layout::Rgb, options)
            .map_err(|error| damaged(error.to_string()))?;
        Ok(Self {
            name: name.to_owned(),
            transform,
        })
    }

    /// What the profile was called when it was read.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Converts a raster from sRGB. Dots without ink, pure white, stay so.
    ///
    /// # Errors
    ///
    /// [`ColourError::Damaged`] if the profile's tables turn out unusable.
    pub fn convert(&self, raster: &mut Raster) -> Result<(), ColourError> {
        let mut converted = vec![0; raster.width() as usize * 3];
        for y in 0..raster.height() {
            let row = raster.row_mut(y);
            if row.iter().all(|&byte| byte == 255) {
                continue;
            }
            self.transform
                .transform(row, &mut converted)
                .map_err(|error| ColourError::Damaged {
                    name: self.name.clone(),
                    bytes: 0,
                    reason: error.to_string(),
                })?;
            for (dot, new) in row.chunks_exact_mut(3).zip(converted.chunks_exact(3)) {
                if dot != [255; 3] {
                    dot.copy_from_slice(new);
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ColourProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ColourProfile").field(&self.name).finish()
    }
}

/// Refuses what is no profile, is cut short, or is for something else than an RGB printer.
fn check_header(name: &str, bytes: &[u8]) -> Result<(), ColourError> {
    if bytes.len() < HEADER || &bytes[36..40] != b"acsp" {
        return Err(ColourError::NotAProfile {
            name: name.to_owned(),
            bytes: bytes.len(),
        });
    }
    let word = |at: usize| -> [u8; 4] { [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] };
    let size = u32::from_be_bytes(word(0)) as usize;
    if size > bytes.len() {
        return Err(ColourError::Damaged {
            name: name.to_owned(),
            bytes: bytes.len(),
            reason: format!("it says it has {size} bytes: it was cut short"),
        });
    }
    let wrong = |expected, at| ColourError::WrongKind {
        name: name.to_owned(),
        expected,
        actual: String::from_utf8_lossy(&word(at)).trim_end().to_owned(),
    };
    if ![*b"prtr", *b"mntr", *b"spac"].contains(&word(12)) {
        return Err(wrong("a profile of the class `prtr`, `mntr` or `spac`", 12));
    }
    if word(16) != *b"RGB " {
        return Err(wrong("the colour space `RGB`", 16));
    }
    if ![*b"XYZ ", *b"Lab "].contains(&word(20)) {
        return Err(wrong("the connection space `XYZ` or `Lab`", 20));
    }
    Ok(())
}

/// Why a colour profile cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ColourError {
    /// The file cannot be read.
    #[error("failed to read colour profile `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file has more bytes than are read.
    #[error("colour profile `{name}` has more than the {limit} bytes that are read")]
    TooLarge {
        /// The file.
        name: String,
        /// The most that is read.
        limit: u64,
    },
    /// The content is no ICC profile.
    #[error("`{name}` ({bytes} bytes) is no ICC profile")]
    NotAProfile {
        /// The file.
        name: String,
        /// Its size.
        bytes: usize,
    },
    /// The profile is for another kind of device.
    #[error(
        "colour profile `{name}` is not for an RGB printer: expected {expected}, found `{actual}`"
    )]
    WrongKind {
        /// The file.
        name: String,
        /// What is needed.
        expected: &'static str,
        /// What the header says.
        actual: String,
    },
    /// The profile cannot be used as it is.
    #[error("colour profile `{name}` ({bytes} bytes) is damaged: {reason}")]
    Damaged {
        /// The file.
        name: String,
        /// Its size in bytes; 0 where it is not at hand.
        bytes: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl Blamed for ColourError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Read { .. } => "check the path and the permissions of the file",
                Self::WrongKind { actual, .. } if actual == "link" => {
                    "device links are not supported; give the printer's own profile"
                }
                Self::WrongKind { .. } => {
                    "give an RGB profile of the printer, or none: colours are then sent as they are"
                }
                _ => "get the profile again, or give none: colours are then sent as they are",
            }
            .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests;
