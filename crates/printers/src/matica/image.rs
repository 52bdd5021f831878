//! The ink of one layer.

use std::fmt;

use ground::{Blame, Blamed};
use thiserror::Error;

use super::frame::{Frame, word};
use super::words::host;

/// The most pixels an image may have; one for 600 dpi has 2 751 616.
const MAX_PIXELS: usize = 3 << 20;
/// Bytes of the image header: layer, length and 4, length.
const HEADER: usize = 12;

/// A layer of ink on the film.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Layer {
    /// Takes blue away.
    Yellow,
    /// Takes green away.
    Magenta,
    /// Takes red away.
    Cyan,
    /// Resin.
    Black,
    /// Takes the film off again, so that nothing of it lies there.
    PeelOff,
    /// Seen under ultraviolet light.
    Uv,
}

impl Layer {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Yellow,
        Self::Magenta,
        Self::Cyan,
        Self::Black,
        Self::PeelOff,
        Self::Uv,
    ];

    /// Its bit, in an image and in the command that prints it.
    #[must_use]
    pub const fn bit(self) -> u8 {
        match self {
            Self::Yellow => 0x01,
            Self::Magenta => 0x02,
            Self::Cyan => 0x04,
            Self::Black => 0x08,
            Self::PeelOff => 0x20,
            Self::Uv => 0x40,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yellow => "yellow",
            Self::Magenta => "magenta",
            Self::Cyan => "cyan",
            Self::Black => "black",
            Self::PeelOff => "peel-off",
            Self::Uv => "uv",
        }
    }

    /// The one of that bit.
    #[must_use]
    pub fn from_bit(bit: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.bit() == bit)
    }
}

/// The ink of one layer, row by row, FF full.
#[derive(Clone, Eq, PartialEq)]
pub struct Image {
    /// Which layer.
    pub layer: Layer,
    /// One byte a pixel.
    pub ink: Vec<u8>,
}

impl Image {
    /// The frame.
    ///
    /// # Panics
    ///
    /// If it has more than 3 million pixels.
    #[must_use]
    pub fn to_frame(&self, sequence: u32) -> Frame {
        assert!(self.ink.len() <= MAX_PIXELS, "an image has a limit");
        let length = u32::try_from(self.ink.len()).expect("an image has a limit");
        let mut data = Vec::with_capacity(HEADER + self.ink.len());
        for word in [u32::from(self.layer.bit()) << 24, length + 4, length] {
            data.extend_from_slice(&word.to_be_bytes());
        }
        data.extend_from_slice(&self.ink);
        Frame::new(host::IMAGE, 0, sequence, data)
    }

    /// Reads the data of an image frame.
    ///
    /// # Errors
    ///
    /// [`ImageError`].
    pub fn parse(data: &[u8]) -> Result<Self, ImageError> {
        if data.len() < HEADER {
            return Err(ImageError::Truncated {
                length: data.len(),
                expected: HEADER,
            });
        }
        let [layer, outer, length] = [0, 4, 8].map(|at| word(data, at));
        let bit = layer.to_be_bytes();
        let layer = Layer::from_bit(bit[0])
            .filter(|_| bit[1..] == [0; 3])
            .ok_or(ImageError::Layer { word: layer })?;
        let pixels = usize::try_from(length).unwrap_or(usize::MAX);
        if pixels > MAX_PIXELS || Some(outer) != length.checked_add(4) {
            return Err(ImageError::Length { outer, length });
        }
        let rest = &data[HEADER..];
        let Some((ink, filling)) = rest.split_at_checked(pixels) else {
            return Err(ImageError::Truncated {
                length: rest.len(),
                expected: pixels,
            });
        };
        if filling.len() > 3 || filling.iter().any(|byte| *byte != 0) {
            return Err(ImageError::Filling);
        }
        Ok(Self {
            layer,
            ink: ink.to_vec(),
        })
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({:?}, {} pixels)", self.layer, self.ink.len())
    }
}

/// Why bytes are no image.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ImageError {
    /// The bytes end too early.
    #[error("an image ends after {length} bytes, expected {expected}")]
    Truncated {
        /// The bytes that are there.
        length: usize,
        /// The bytes it should have.
        expected: usize,
    },
    /// No single known layer.
    #[error("an image is of layer {word:08X}, which is no known one")]
    Layer {
        /// The layer word.
        word: u32,
    },
    /// Lengths that do not belong together, or of an image larger than any.
    #[error(
        "an image has the lengths {outer} and {length}, expected n + 4 and n up to {MAX_PIXELS}"
    )]
    Length {
        /// The outer length.
        outer: u32,
        /// The inner length.
        length: u32,
    },
    /// Something other than filling follows.
    #[error("something follows an image in its frame")]
    Filling,
}

impl Blamed for ImageError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_image_has_the_noted_header() {
        let image = Image {
            layer: Layer::Yellow,
            ink: vec![0; 2072 * 1328],
        };
        let bytes = image.to_frame(5).to_bytes();
        assert_eq!(
            hex::encode(&bytes[..28]),
            "f0000200000a7f250000000000000005010000000029fc840029fc80"
        );
    }

    #[test]
    fn wrong_headers_are_refused() {
        let with = |header: &str| Image::parse(&hex::decode(header).unwrap()).unwrap_err();
        assert!(matches!(
            with("0100000000000008"),
            ImageError::Truncated { .. }
        ));
        assert!(matches!(
            with("030000000000000400000000"),
            ImageError::Layer { .. }
        ));
        assert!(matches!(
            with("010000010000000400000000"),
            ImageError::Layer { .. }
        ));
        assert!(matches!(
            with("010000000000000500000000"),
            ImageError::Length { .. }
        ));
        assert!(matches!(
            with("0100000000000003ffffffff"),
            ImageError::Length { .. }
        ));
        assert!(matches!(
            with("010000000000000500000001"),
            ImageError::Truncated { .. }
        ));
        assert!(matches!(
            with("01000000000000050000000100000001"),
            ImageError::Filling
        ));
    }

    proptest! {
        #[test]
        fn an_image_comes_back(
            layer in prop::sample::select(&Layer::ALL),
            ink in proptest::collection::vec(any::<u8>(), 0..30)
        ) {
            let image = Image { layer, ink };
            prop_assert_eq!(Image::parse(image.to_frame(0).data()), Ok(image));
        }

        #[test]
        fn any_bytes_are_an_image_or_an_error(
            bytes in proptest::collection::vec(prop_oneof![Just(0), 0_u8..9, any::<u8>()], 0..30)
        ) {
            if let Ok(image) = Image::parse(&bytes) {
                let frame = image.to_frame(0);
                prop_assert!(bytes.starts_with(&frame.data()[..HEADER + image.ink.len()]));
            }
        }
    }
}
