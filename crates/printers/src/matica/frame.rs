//! Frames of big-endian 32-bit words.

use std::fmt;

use ground::{Blame, Blamed};
use thiserror::Error;

use super::words::HEADER;

/// The most words a frame may count; an image for 600 dpi has 687 909.
const MAX_WORDS: usize = 1 << 20;
/// Bytes of a word.
const WORD: usize = 4;
/// Bytes before what the count word counts.
const UNCOUNTED: usize = 8;

/// One message of host or printer.
#[derive(Clone, Eq, PartialEq)]
pub struct Frame {
    /// What it is, from [`super::words`].
    pub kind: u32,
    /// A parameter, usually 0; in a reply the error word.
    pub parameter: u32,
    /// Its number; a reply has that of what it answers.
    pub sequence: u32,
    data: Vec<u8>,
}

impl Frame {
    /// A frame; data is filled with zeros to whole words.
    ///
    /// # Panics
    ///
    /// If `data` has more than 4 MB.
    #[must_use]
    pub fn new(kind: u32, parameter: u32, sequence: u32, mut data: Vec<u8>) -> Self {
        data.resize(data.len().next_multiple_of(WORD), 0);
        assert!(data.len() / WORD + 2 <= MAX_WORDS, "a frame has a limit");
        Self {
            kind,
            parameter,
            sequence,
            data,
        }
    }

    /// What follows the header, in whole words.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Bytes on the wire.
    #[must_use]
    pub fn size(&self) -> usize {
        HEADER + self.data.len()
    }

    /// Appends the bytes for the wire.
    pub fn write(&self, out: &mut Vec<u8>) {
        let count = u32::try_from(self.data.len() / WORD + 2).expect("a frame has a limit");
        for word in [self.kind, count, self.parameter, self.sequence] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        out.extend_from_slice(&self.data);
    }

    /// The bytes for the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size());
        self.write(&mut out);
        out
    }

    /// How many bytes the frame has that begins with `bytes`; `None` before its count is there.
    ///
    /// # Errors
    ///
    /// [`FrameError::Count`].
    pub fn size_of(bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        let Some(words) = bytes.first_chunk::<UNCOUNTED>() else {
            return Ok(None);
        };
        let [kind, count] = [0, 4].map(|at| word(words, at));
        let words = usize::try_from(count).unwrap_or(usize::MAX);
        if !(2..=MAX_WORDS).contains(&words) {
            return Err(FrameError::Count { kind, count });
        }
        Ok(Some(UNCOUNTED + WORD * words))
    }

    /// Takes one frame off the front; returns it and the bytes it took.
    ///
    /// # Errors
    ///
    /// [`FrameError`].
    pub fn read(bytes: &[u8]) -> Result<(Self, usize), FrameError> {
        let size = Self::size_of(bytes)?.unwrap_or(HEADER);
        let Some(frame) = bytes.get(..size) else {
            return Err(FrameError::Truncated {
                length: bytes.len(),
                expected: size,
            });
        };
        let frame = Self {
            kind: word(frame, 0),
            parameter: word(frame, 8),
            sequence: word(frame, 12),
            data: frame[HEADER..].to_vec(),
        };
        Ok((frame, size))
    }
}

/// The big-endian word at an offset that is there.
pub(super) fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes[at..].first_chunk().expect("the bytes were counted");
    u32::from_be_bytes(*word)
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Frame({:08X}, parameter {:08X}, sequence {:08X}, {} bytes",
            self.kind,
            self.parameter,
            self.sequence,
            self.data.len()
        )?;
        let shown = &self.data[..self.data.len().min(16)];
        if !shown.is_empty() {
            write!(f, ": {}", hex::encode_upper(shown))?;
        }
        f.write_str(")")
    }
}

/// Why bytes are no frame.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum FrameError {
    /// The bytes end too early.
    #[error("a frame ends after {length} bytes, expected {expected}")]
    Truncated {
        /// The bytes that are there.
        length: usize,
        /// The bytes it should have.
        expected: usize,
    },
    /// A count no frame has.
    #[error("a frame of type {kind:08X} counts {count} words, expected 2 to {MAX_WORDS}")]
    Count {
        /// Its type.
        kind: u32,
        /// The words it counts.
        count: u32,
    },
}

impl Blamed for FrameError {
    fn blame(&self) -> Blame {
        Blame::PrinterFault
    }

    fn hint(&self) -> Option<String> {
        Some("check that the address is that of the printer's own port, usually 50730".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::matica::words::{host, printer};

    #[test]
    fn frames_are_the_noted_ones() {
        // From the notes: a status check and the answer that there are no cards.
        let status = Frame::new(host::COMMAND, 0, 0, vec![0x01, 0x02, 0, 0]);
        assert_eq!(
            hex::encode(status.to_bytes()),
            "f000010000000003000000000000000001020000"
        );
        let answer = hex::decode("f1000200000000020002d00000000000").unwrap();
        let (frame, size) = Frame::read(&answer).unwrap();
        assert_eq!(
            (frame.kind, frame.parameter),
            (printer::NOT_DONE, 0x0002_D000)
        );
        assert_eq!((size, frame.data()), (16, &[][..]));
        // An image for 600 dpi counts 000A7F25 words.
        let image = Frame::new(host::IMAGE, 0, 5, vec![0; 12 + 2072 * 1328]);
        assert_eq!(hex::encode(&image.to_bytes()[..8]), "f0000200000a7f25");
    }

    #[test]
    fn a_count_no_frame_has_is_refused_before_anything_is_read() {
        for count in [0_u32, 1, 0x0010_0001, u32::MAX] {
            let bytes = [0xF100_0100, count].map(u32::to_be_bytes).concat();
            assert_eq!(
                Frame::read(&bytes),
                Err(FrameError::Count {
                    kind: 0xF100_0100,
                    count
                })
            );
        }
        assert_eq!(Frame::size_of(&[0xF1; 7]), Ok(None));
    }

    proptest! {
        #[test]
        fn a_frame_comes_back_and_its_prefixes_do_not(
            kind: u32, parameter: u32, sequence: u32,
            data in proptest::collection::vec(any::<u8>(), 0..40)
        ) {
            let frame = Frame::new(kind, parameter, sequence, data);
            let bytes = frame.to_bytes();
            prop_assert_eq!(Frame::read(&bytes), Ok((frame, bytes.len())));
            for end in 0..bytes.len() {
                let truncated = matches!(
                    Frame::read(&bytes[..end]),
                    Err(FrameError::Truncated { .. })
                );
                prop_assert!(truncated);
            }
        }

        #[test]
        fn any_bytes_are_a_frame_or_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..64), count in 0_u8..12
        ) {
            let counted = [&bytes[..bytes.len().min(4)], &[0, 0, 0, count], &bytes].concat();
            for bytes in [bytes, counted] {
                if let Ok((frame, size)) = Frame::read(&bytes) {
                    prop_assert_eq!(frame.to_bytes(), &bytes[..size]);
                }
            }
        }
    }
}
