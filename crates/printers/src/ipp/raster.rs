//! `image/pwg-raster` as bytes, both ways (PWG 5102.4-2012, PWG Raster Format).
//!
//! A document is the word `RaS2` and its pages: a header of 1796 bytes, big-endian, and the lines,
//! each with how often it repeats and packed in runs (5102.4 section 4.4).

mod header;
mod runs;

use ground::{Blame, Blamed};
use thiserror::Error;

pub use header::{Colour, Header};

/// What every document starts with.
pub const SYNC: [u8; 4] = *b"RaS2";
/// Bytes of the header of a page.
pub const HEADER_BYTES: usize = 1796;
/// The most dots a page may have; a card has 652 272.
const MAX_DOTS: u64 = 1 << 20;
/// The most pages that are read: the two sides of a card.
const MAX_PAGES: usize = 2;

/// The pages of a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Document {
    /// One page, or front and back.
    pub pages: Vec<Page>,
}

/// One page: a header and its dots.
#[derive(Clone, Eq, PartialEq)]
pub struct Page {
    header: Header,
    lines: Vec<u8>,
}

impl Document {
    /// The bytes of the document.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SYNC.len() + self.pages.len() * HEADER_BYTES);
        out.extend_from_slice(&SYNC);
        for page in &self.pages {
            page.header.write(&mut out);
            runs::pack(
                &page.lines,
                page.header.stride(),
                page.header.colour,
                &mut out,
            );
        }
        out
    }

    /// Takes a document apart. Encoding the result gives a document of the same pages; lines that
    /// another program packed differently are packed anew.
    ///
    /// # Errors
    ///
    /// [`RasterError`] with the offset where the bytes stop being a document.
    pub fn decode(bytes: &[u8]) -> Result<Self, RasterError> {
        if !bytes.starts_with(&SYNC) {
            return Err(RasterError::NoRaster);
        }
        let mut at = SYNC.len();
        let mut pages = Vec::new();
        while at < bytes.len() {
            if pages.len() == MAX_PAGES {
                return Err(RasterError::TooManyPages { offset: at });
            }
            let header = bytes[at..]
                .first_chunk()
                .ok_or(RasterError::Truncated {
                    offset: bytes.len(),
                    expected: "the header of a page (1796 bytes)",
                })
                .and_then(|header| Header::parse(header, at))?;
            if u64::from(header.width) * u64::from(header.height) > MAX_DOTS {
                return Err(RasterError::TooLarge {
                    offset: at,
                    width: header.width,
                    height: header.height,
                });
            }
            at += HEADER_BYTES;
            let (lines, end) = runs::unpack(bytes, at, &header)?;
            at = end;
            pages.push(Page { header, lines });
        }
        if pages.is_empty() {
            return Err(RasterError::NoPage);
        }
        Ok(Self { pages })
    }
}

impl Page {
    /// From whole lines. `None` unless there are exactly as many bytes as the header says.
    #[must_use]
    pub fn new(header: Header, lines: Vec<u8>) -> Option<Self> {
        let expected = header.stride().checked_mul(header.height as usize)?;
        (lines.len() == expected).then_some(Self { header, lines })
    }

    /// Its header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Its dots, line by line, as they are sent: mirrored if the header says so.
    #[must_use]
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// Red, green and blue of a dot of the upright page. Lines are turned back the way the two
    /// transforms of the header say.
    ///
    /// # Panics
    ///
    /// Outside the page.
    #[must_use]
    pub fn colour(&self, x: u32, y: u32) -> [u8; 3] {
        let header = &self.header;
        assert!(
            x < header.width && y < header.height,
            "dot ({x}, {y}) lies outside the page"
        );
        let x = if header.mirrored_across {
            header.width - 1 - x
        } else {
            x
        };
        let y = if header.mirrored_along {
            header.height - 1 - y
        } else {
            y
        };
        let line = &self.lines[y as usize * header.stride()..][..header.stride()];
        let x = x as usize;
        match header.colour {
            Colour::Black1 if line[x / 8] & (0x80 >> (x % 8)) != 0 => [0; 3],
            Colour::Black1 => [255; 3],
            Colour::Black8 => [255 - line[x]; 3],
            Colour::Sgray8 => [line[x]; 3],
            Colour::Srgb8 => [line[3 * x], line[3 * x + 1], line[3 * x + 2]],
        }
    }

    /// The upright page as a picture.
    #[must_use]
    pub fn picture(&self) -> plastic::Raster {
        let mut picture = plastic::Raster::white(self.header.width, self.header.height);
        for y in 0..self.header.height {
            for (x, dot) in (0..).zip(picture.row_mut(y).chunks_exact_mut(3)) {
                dot.copy_from_slice(&self.colour(x, y));
            }
        }
        picture
    }
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Page({:?}, {} bytes)", self.header, self.lines.len())
    }
}

/// Why bytes are no document.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum RasterError {
    /// The first word is another.
    #[error("the bytes do not start with `RaS2`, the mark of a PWG raster")]
    NoRaster,
    /// The bytes end too early.
    #[error("the raster ends at offset {offset}, expected {expected}")]
    Truncated {
        /// Where it ends.
        offset: usize,
        /// What should have come.
        expected: &'static str,
    },
    /// A field of a header has a value that makes no sense, or is not read here.
    #[error("field {field} at offset {offset} is {found}, expected {expected}")]
    Field {
        /// Where.
        offset: usize,
        /// Its name in PWG 5102.4.
        field: &'static str,
        /// What stands there.
        found: String,
        /// What should.
        expected: String,
    },
    /// A page larger than any card.
    #[error("the page at offset {offset} has {width} x {height} dots, at most {MAX_DOTS} are read")]
    TooLarge {
        /// Where its header starts.
        offset: usize,
        /// Dots across.
        width: u32,
        /// Dots down.
        height: u32,
    },
    /// A line repeats beyond the end of the page.
    #[error("line {line} at offset {offset} repeats {repeats} times, {left} lines are left")]
    TooManyLines {
        /// Where it starts.
        offset: usize,
        /// Its number, from 0.
        line: u32,
        /// How often it repeats.
        repeats: u32,
        /// Lines up to the end of the page.
        left: u32,
    },
    /// A run goes beyond the end of its line.
    #[error("the run at offset {offset} goes beyond the end of line {line}")]
    RunTooLong {
        /// Where it starts.
        offset: usize,
        /// The line, from 0.
        line: u32,
    },
    /// A third page.
    #[error("there is a third page at offset {offset}; a card has two sides")]
    TooManyPages {
        /// Where it starts.
        offset: usize,
    },
    /// Nothing to print.
    #[error("there is no page in the raster")]
    NoPage,
}

impl Blamed for RasterError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        Some("give a file with one whole job, as it was sent to the queue".to_owned())
    }
}

#[cfg(test)]
mod tests;
