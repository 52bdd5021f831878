//! Frames: `F2 ADDR LENH LENL TEXT 03 BCC`, and the single bytes between them (*CRT-591-M001
//! Communication Protocol* 1.0).

use thiserror::Error;
use zeroize::Zeroizing;

/// Begins a frame.
pub const STX: u8 = 0xF2;
/// Stands behind the text.
pub const ETX: u8 = 0x03;
/// The frame came whole.
pub const ACK: u8 = 0x06;
/// The frame came damaged.
pub const NAK: u8 = 0x15;
/// Gives up what is under way.
pub const EOT: u8 = 0x04;

/// The most data bytes behind the command and parameter bytes of a host's text.
pub const LONGEST_DATA: usize = 512;
/// The longest text of either side: a `P`, two bytes that repeat the command, three of the sensors,
/// one of the card's protocol, and the data.
const LONGEST_TEXT: usize = 7 + LONGEST_DATA;
/// What stands before the text.
const HEAD: usize = 4;
/// What stands behind it.
const TAIL: usize = 2;

/// What of a frame is wrong.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum FrameError {
    /// More data than a frame may have.
    #[error("{length} data bytes do not fit one frame, which has {LONGEST_DATA} at most")]
    TooLong {
        /// Data bytes.
        length: usize,
    },
    /// An address that the switches of the device do not have.
    #[error("address {address} is none of 0 to 15")]
    Address {
        /// The address.
        address: u8,
    },
    /// A length no frame has.
    #[error("it says to be {length} bytes long")]
    Length {
        /// What it says.
        length: usize,
    },
    /// No ETX where one must stand.
    #[error("it does not end with 03")]
    NoEnd,
    /// The check byte is wrong.
    #[error("its check byte is {found:02X}, expected {expected:02X}")]
    Check {
        /// What came.
        found: u8,
        /// What the bytes before it give.
        expected: u8,
    },
    /// It ended before it was whole.
    #[error("it stops after {length} bytes")]
    Cut {
        /// Bytes that came.
        length: usize,
    },
}

/// The exclusive or of all bytes.
fn check(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

/// The frame around a text.
///
/// # Errors
///
/// [`FrameError::TooLong`], [`FrameError::Address`].
pub fn frame(address: u8, text: &[u8]) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    if address > 15 {
        return Err(FrameError::Address { address });
    }
    let length = text.len();
    if length > LONGEST_TEXT {
        return Err(FrameError::TooLong { length });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(HEAD + length + TAIL));
    bytes.extend([STX, address]);
    bytes.extend((length as u16).to_be_bytes());
    bytes.extend_from_slice(text);
    bytes.push(ETX);
    let sum = check(&bytes);
    bytes.push(sum);
    Ok(bytes)
}

/// Something whole that came over the line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Heard {
    /// ACK.
    Acknowledged,
    /// NAK.
    Refused,
    /// EOT.
    Ended,
    /// The text of a frame.
    Text(Zeroizing<Vec<u8>>),
    /// A frame that is none.
    Damaged(FrameError),
}

/// Makes frames of bytes as they come, for one address.
#[derive(Debug)]
pub struct Receiver {
    address: u8,
    buffer: Zeroizing<Vec<u8>>,
}

impl Receiver {
    /// For the device at `address`; frames of others are passed over.
    #[must_use]
    pub fn new(address: u8) -> Self {
        Self {
            address,
            buffer: Zeroizing::default(),
        }
    }

    /// Takes bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole thing among the bytes taken. What is neither is passed over.
    pub fn hear(&mut self) -> Option<Heard> {
        loop {
            match *self.buffer.first()? {
                ACK => return self.single(Heard::Acknowledged),
                NAK => return self.single(Heard::Refused),
                EOT => return self.single(Heard::Ended),
                STX => {
                    let length = match self.buffer[..] {
                        [_, _, high, low, ..] => usize::from(u16::from_be_bytes([high, low])),
                        _ => return None,
                    };
                    if length > LONGEST_TEXT {
                        // Where the next frame begins cannot be told.
                        self.forget();
                        return Some(Heard::Damaged(FrameError::Length { length }));
                    }
                    let whole = HEAD + length + TAIL;
                    if self.buffer.len() < whole {
                        return None;
                    }
                    let bytes = Zeroizing::new(self.buffer.drain(..whole).collect::<Vec<u8>>());
                    match open(&bytes) {
                        Err(error) => return Some(Heard::Damaged(error)),
                        Ok(text) if bytes[1] == self.address => {
                            return Some(Heard::Text(Zeroizing::new(text.to_vec())));
                        }
                        Ok(_) => {}
                    }
                }
                _ => {
                    self.buffer.remove(0);
                }
            }
        }
    }

    /// Nothing came for longer than there may be between two bytes: what has begun does not go on.
    pub fn quiet(&mut self) -> Option<Heard> {
        let length = self.buffer.len();
        self.forget();
        (length > 0).then_some(Heard::Damaged(FrameError::Cut { length }))
    }

    /// Whether a frame has begun and not ended.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Forgets what came.
    pub fn forget(&mut self) {
        self.buffer.fill(0);
        self.buffer.clear();
    }

    fn single(&mut self, heard: Heard) -> Option<Heard> {
        self.buffer.remove(0);
        Some(heard)
    }
}

/// The text of a whole frame.
fn open(bytes: &[u8]) -> Result<&[u8], FrameError> {
    let (covered, found) = (&bytes[..bytes.len() - 1], bytes[bytes.len() - 1]);
    let expected = check(covered);
    if found != expected {
        return Err(FrameError::Check { found, expected });
    }
    match covered.split_last() {
        Some((&ETX, rest)) => Ok(&rest[HEAD..]),
        _ => Err(FrameError::NoEnd),
    }
}

#[cfg(test)]
mod tests {
    use hex::decode;
    use proptest::prelude::*;

    use super::*;

    /// Frames of the protocol document.
    #[test]
    fn published_frames_are_built_and_read() {
        for (text, whole) in [
            ("433033", "F20000034330 3303B2"),
            ("433231", "F20000034332 3103B2"),
            ("43513033", "F2000004 4351303303E4"),
            ("4E32313130", "F20000054E3231313003B8"),
        ] {
            let text = decode(text).unwrap();
            let whole = decode(whole.replace(' ', "")).unwrap();
            assert_eq!(frame(0, &text).unwrap()[..], whole[..]);
            let mut receiver = Receiver::new(0);
            receiver.push(&whole);
            assert_eq!(receiver.hear(), Some(Heard::Text(Zeroizing::new(text))));
            assert_eq!(receiver.hear(), None);
        }
    }

    #[test]
    fn what_cannot_be_framed_is_refused() {
        assert_eq!(frame(16, b"C0"), Err(FrameError::Address { address: 16 }));
        let length = LONGEST_TEXT + 1;
        assert_eq!(
            frame(0, &vec![0; length]),
            Err(FrameError::TooLong { length })
        );
    }

    #[test]
    fn frames_of_another_address_are_passed_over() {
        let mut receiver = Receiver::new(3);
        receiver.push(&frame(2, b"P00000").unwrap());
        receiver.push(&[ACK]);
        receiver.push(&frame(3, b"P11000").unwrap());
        assert_eq!(receiver.hear(), Some(Heard::Acknowledged));
        assert!(matches!(receiver.hear(), Some(Heard::Text(_))));
    }

    #[test]
    fn a_frame_that_stops_is_damaged_once() {
        let mut receiver = Receiver::new(0);
        receiver.push(&frame(0, b"P00000").unwrap()[..7]);
        assert_eq!(receiver.hear(), None);
        assert!(receiver.is_inside());
        assert_eq!(
            receiver.quiet(),
            Some(Heard::Damaged(FrameError::Cut { length: 7 }))
        );
        assert_eq!(receiver.quiet(), None);
    }

    proptest! {
        #[test]
        fn a_text_comes_back_however_the_line_cuts_it(
            text in proptest::collection::vec(any::<u8>(), 0..=LONGEST_TEXT),
            address in 0_u8..16,
            cut in 1_usize..64,
        ) {
            let whole = frame(address, &text).unwrap();
            let mut receiver = Receiver::new(address);
            let mut heard = Vec::new();
            for piece in whole.chunks(cut) {
                receiver.push(piece);
                heard.extend(std::iter::from_fn(|| receiver.hear()));
            }
            prop_assert_eq!(heard, [Heard::Text(Zeroizing::new(text))]);
            prop_assert!(!receiver.is_inside());
        }

        #[test]
        fn one_changed_byte_never_gives_another_text(
            text in proptest::collection::vec(any::<u8>(), 3..64),
            at in any::<proptest::sample::Index>(),
            change in 1_u8..,
        ) {
            let mut whole = frame(0, &text).unwrap();
            let at = at.index(whole.len());
            whole[at] ^= change;
            let mut receiver = Receiver::new(0);
            receiver.push(&whole);
            while let Some(heard) = receiver.hear() {
                prop_assert_ne!(heard, Heard::Text(Zeroizing::new(text.clone())));
            }
        }

        #[test]
        fn any_bytes_are_heard_to_their_end(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let mut receiver = Receiver::new(0);
            receiver.push(&bytes);
            let mut count = 0;
            while receiver.hear().is_some() {
                count += 1;
                prop_assert!(count <= bytes.len());
            }
            let _ = receiver.quiet();
            prop_assert!(!receiver.is_inside());
        }
    }
}
