use std::fmt;

use ccid::serial::{
    ACK, CARD_ABSENT, CARD_EVENT, CARD_PRESENT, NAK, NAK_FRAME, SYNC, TIME_REQUEST,
};
use ccid::{HEADER, LONGEST_MESSAGE};
use thiserror::Error;
use zeroize::Zeroizing;

/// SYNC and ACK before a message.
const LEAD: usize = 2;

/// The frame around a message.
#[must_use]
pub fn frame(message: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut frame = Zeroizing::new(Vec::with_capacity(LEAD + message.len() + 1));
    frame.extend_from_slice(&[SYNC, ACK]);
    frame.extend_from_slice(message);
    let check = check_of(&frame);
    frame.push(check);
    frame
}

fn check_of(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

/// What was heard on the line.
#[derive(Clone, Eq, PartialEq)]
pub enum Heard {
    /// A whole frame with a message, echo or answer; without SYNC, ACK and LRC.
    Message(Zeroizing<Vec<u8>>),
    /// The reader says that the last frame came damaged.
    Nak,
    /// A card was put in or taken out.
    CardMoved {
        /// Whether there is one now.
        present: bool,
    },
    /// The card asked for more time.
    TimeRequest,
    /// Something that is none of these. What comes right after it may belong to it.
    Damaged(FrameError),
}

/// Messages by their length: they may hold a passcode.
impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => write!(f, "Message({} bytes)", message.len()),
            Self::Nak => f.write_str("Nak"),
            Self::CardMoved { present } => write!(f, "CardMoved(present: {present})"),
            Self::TimeRequest => f.write_str("TimeRequest"),
            Self::Damaged(error) => write!(f, "Damaged({error:?})"),
        }
    }
}

/// What is wrong with bytes on the line.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum FrameError {
    /// The exclusive-or of a frame is not zero.
    #[error("a frame of {length} bytes came with the wrong check byte")]
    Check {
        /// Bytes of the frame.
        length: usize,
    },
    /// A frame announces more than the longest message.
    #[error("a frame announces {announced} bytes of data, more than there can be")]
    TooLong {
        /// Data bytes announced.
        announced: u32,
    },
    /// A frame stopped before its end.
    #[error("a frame stopped after {length} bytes")]
    Cut {
        /// Bytes that came.
        length: usize,
    },
    /// A byte that begins nothing, or does not go on with what was begun.
    #[error("byte {byte:02X} makes no sense where it came")]
    Stray {
        /// The byte.
        byte: u8,
    },
}

/// Bytes off the line, cut into what they mean.
#[derive(Default)]
pub struct Receiver {
    held: Zeroizing<Vec<u8>>,
}

impl Receiver {
    /// Nothing heard yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in bytes as they come off the line.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.held.capacity() < self.held.len() + bytes.len() {
            // A growing vector would leave copies of a passcode behind.
            let mut larger =
                Zeroizing::new(Vec::with_capacity(2 * (self.held.len() + bytes.len())));
            larger.extend_from_slice(&self.held);
            self.held = larger;
        }
        self.held.extend_from_slice(bytes);
    }

    /// The next thing heard; nothing while it is incomplete.
    pub fn hear(&mut self) -> Option<Heard> {
        let (heard, length) = parse(&self.held)?;
        self.held.drain(..length);
        Some(heard)
    }

    /// The line went quiet: what is incomplete stays so.
    pub fn quiet(&mut self) -> Option<FrameError> {
        let length = self.held.len();
        self.forget();
        (length > 0).then_some(FrameError::Cut { length })
    }

    /// Whether something has begun and not ended.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.held.is_empty()
    }

    /// Forgets what came.
    pub fn forget(&mut self) {
        self.held = Zeroizing::default();
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receiver({} bytes)", self.held.len())
    }
}

/// What the first bytes are, and how many of them.
fn parse(bytes: &[u8]) -> Option<(Heard, usize)> {
    let stray = |at: usize| {
        let byte = bytes[at];
        Some((Heard::Damaged(FrameError::Stray { byte }), at + 1))
    };
    match *bytes {
        [SYNC] | [CARD_EVENT] | [SYNC, NAK] => None,
        [CARD_EVENT, how @ (CARD_ABSENT | CARD_PRESENT), ..] => {
            let present = how == CARD_PRESENT;
            Some((Heard::CardMoved { present }, 2))
        }
        [CARD_EVENT, ..] => stray(1),
        [SYNC, NAK, check, ..] if check == NAK_FRAME[2] => Some((Heard::Nak, 3)),
        [SYNC, NAK, ..] => stray(2),
        [SYNC, ACK, ref message @ ..] => parse_message(bytes, message),
        [SYNC, ..] => stray(1),
        [TIME_REQUEST..=u8::MAX, ..] => Some((Heard::TimeRequest, 1)),
        [_, ..] => stray(0),
        [] => None,
    }
}

fn parse_message(bytes: &[u8], message: &[u8]) -> Option<(Heard, usize)> {
    let &[_, a, b, c, d, ..] = message else {
        return None;
    };
    let announced = u32::from_le_bytes([a, b, c, d]);
    let Some(length) = usize::try_from(announced)
        .ok()
        .filter(|&data| data <= LONGEST_MESSAGE - HEADER)
        .map(|data| HEADER + data)
    else {
        return Some((
            Heard::Damaged(FrameError::TooLong { announced }),
            bytes.len(),
        ));
    };
    let whole = LEAD + length + 1;
    let frame = bytes.get(..whole)?;
    let heard = if check_of(frame) == 0 {
        Heard::Message(Zeroizing::new(message[..length].to_vec()))
    } else {
        Heard::Damaged(FrameError::Check { length: whole })
    };
    Some((heard, whole))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hear(bytes: &[u8]) -> Vec<Heard> {
        let mut receiver = Receiver::new();
        receiver.push(bytes);
        std::iter::from_fn(|| receiver.hear()).collect()
    }

    fn messages() -> impl Strategy<Value = Vec<u8>> {
        (
            any::<[u8; 10]>(),
            proptest::collection::vec(any::<u8>(), 0..=261),
        )
            .prop_map(|(mut header, data)| {
                header[1..5].copy_from_slice(&(data.len() as u32).to_le_bytes());
                [&header[..], &data].concat()
            })
    }

    proptest! {
        #[test]
        fn a_framed_message_is_heard_whole_however_it_is_cut(
            message in messages(),
            cut in 1_usize..300,
        ) {
            let mut receiver = Receiver::new();
            let mut heard = Vec::new();
            for piece in frame(&message).chunks(cut) {
                receiver.push(piece);
                heard.extend(std::iter::from_fn(|| receiver.hear()));
            }
            prop_assert_eq!(heard, [Heard::Message(Zeroizing::new(message))]);
            prop_assert_eq!(receiver.quiet(), None);
        }

        #[test]
        fn a_frame_with_one_other_byte_is_never_taken_for_a_message(
            message in messages(),
            at in any::<prop::sample::Index>(),
            change in 1_u8..,
        ) {
            let mut bytes = frame(&message).to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            for heard in hear(&bytes) {
                let is_message = matches!(heard, Heard::Message(_));
                // A shorter length may cut another, smaller frame out of the bytes only by a
                // check byte that happens to be right; what it holds then lacks its own header.
                prop_assert!(!is_message || (3..7).contains(&at) || at < 2);
            }
        }

        #[test]
        fn any_bytes_are_heard_as_something_and_nothing_is_heard_twice(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let mut receiver = Receiver::new();
            receiver.push(&bytes);
            let mut count = 0;
            while receiver.hear().is_some() {
                count += 1;
                prop_assert!(count <= bytes.len());
            }
            let _ = receiver.quiet();
            prop_assert!(!receiver.is_waiting());
        }
    }

    #[test]
    fn what_comes_outside_frames_is_told_apart() {
        assert_eq!(
            hear(&[
                0x50, 0x03, 0x81, 0x50, 0x02, 0x03, 0x15, 0x16, 0x03, 0x15, 0x17
            ]),
            [
                Heard::CardMoved { present: true },
                Heard::TimeRequest,
                Heard::CardMoved { present: false },
                Heard::Nak,
                Heard::Damaged(FrameError::Stray { byte: 0x17 }),
            ]
        );
    }

    #[test]
    fn a_frame_that_believes_itself_endless_is_not_waited_for() {
        let bytes = [0x03, 0x06, 0x80, 0xFF, 0xFF, 0xFF, 0xFF];
        assert_eq!(
            hear(&bytes),
            [Heard::Damaged(FrameError::TooLong {
                announced: u32::MAX
            })]
        );
    }

    #[test]
    fn a_passcode_is_not_in_the_debug_text() {
        let heard = hear(&frame(&[0x6F, 3, 0, 0, 0, 0, 0, 0, 0, 0, b'1', b'2', b'3']));
        assert_eq!(format!("{heard:?}"), "[Message(13 bytes)]");
    }
}
