use std::fmt;

use ccid::{CardStatus, CommandStatus, HEADER, Reply, SlotError};
use thiserror::Error;
use zeroize::Zeroizing;

/// What the reader answered.
#[derive(Clone, Eq, PartialEq)]
pub struct Answer {
    /// To which kind of request.
    pub reply: Reply,
    /// The sequence number of the request.
    pub sequence: u8,
    /// Whether there is a card and whether it has power.
    pub card: CardStatus,
    /// What became of the request.
    pub outcome: Outcome,
    /// The last byte of the header: clock status, protocol, or whether there is more to come.
    pub specific: u8,
    /// The answer to reset, the card's answer, the parameters. It may be a decrypted key.
    pub data: Zeroizing<Vec<u8>>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not.
    Failed(SlotError),
    /// The reader is still at it and needs this many times the waiting time.
    TimeExtension(u8),
}

impl Answer {
    /// Takes a message apart.
    ///
    /// # Errors
    ///
    /// [`AnswerError`].
    pub fn parse(message: &[u8]) -> Result<Self, AnswerError> {
        let length = message.len();
        let Some((&[kind, a, b, c, d, slot, sequence, status, error, specific], data)) =
            message.split_first_chunk::<HEADER>()
        else {
            return Err(AnswerError::Short { length });
        };
        let announced = u32::from_le_bytes([a, b, c, d]);
        let reply = Reply::from_byte(kind).ok_or(AnswerError::Kind { kind })?;
        if usize::try_from(announced) != Ok(data.len()) {
            return Err(AnswerError::Length {
                announced,
                length: data.len(),
            });
        }
        if slot != 0 {
            return Err(AnswerError::Slot { slot });
        }
        let unknown = AnswerError::Status { status };
        Ok(Self {
            reply,
            sequence,
            card: CardStatus::from_bits(status).ok_or(unknown)?,
            outcome: match CommandStatus::from_bits(status).ok_or(unknown)? {
                CommandStatus::Done => Outcome::Done,
                CommandStatus::Failed => Outcome::Failed(SlotError::from_byte(error)),
                CommandStatus::TimeExtension => Outcome::TimeExtension(error),
            },
            specific,
            data: Zeroizing::new(data.to_vec()),
        })
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Answer({:?} {:02X}, card {:?}, {:?}, {} bytes)",
            self.reply,
            self.sequence,
            self.card,
            self.outcome,
            self.data.len()
        )
    }
}

/// Why a message is no answer.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum AnswerError {
    /// Shorter than a header.
    #[error("an answer has at least {HEADER} bytes, this one {length}")]
    Short {
        /// Bytes that came.
        length: usize,
    },
    /// An unknown type.
    #[error("message type {kind:02X} is no answer")]
    Kind {
        /// bMessageType.
        kind: u8,
    },
    /// dwLength does not agree with what came.
    #[error("the answer announces {announced} bytes of data and has {length}")]
    Length {
        /// dwLength.
        announced: u32,
        /// Bytes of data.
        length: usize,
    },
    /// From a slot that was not asked.
    #[error("the answer comes from slot {slot}, there is only slot 0")]
    Slot {
        /// bSlot.
        slot: u8,
    },
    /// A reserved value in bStatus.
    #[error("status {status:02X} is reserved")]
    Status {
        /// bStatus.
        status: u8,
    },
}

#[cfg(test)]
mod tests {
    use ccid::Request;
    use proptest::prelude::*;

    use super::*;
    use crate::ccid::{Command, CommandError};

    proptest! {
        #[test]
        fn any_bytes_parse_to_what_they_say_or_give_a_typed_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            if let Ok(answer) = Answer::parse(&bytes) {
                prop_assert_eq!(answer.reply.byte(), bytes[0]);
                prop_assert_eq!(answer.sequence, bytes[6]);
                prop_assert_eq!(&answer.data[..], &bytes[10..]);
            }
        }

        #[test]
        fn a_well_formed_answer_is_read(
            kind in 0_usize..4,
            sequence: u8,
            card in 0_u8..3,
            status in 0_u8..3,
            error: u8,
            specific: u8,
            data in proptest::collection::vec(any::<u8>(), 0..=261),
        ) {
            let reply = Reply::ALL[kind];
            let mut message = vec![reply.byte()];
            message.extend((data.len() as u32).to_le_bytes());
            message.extend([0, sequence, status << 6 | card, error, specific]);
            message.extend(&data);
            let answer = Answer::parse(&message).unwrap();
            prop_assert_eq!(answer.reply, reply);
            prop_assert_eq!(answer.card.bits(), card);
            prop_assert_eq!(&answer.data[..], &data[..]);
            let as_told = match answer.outcome {
                Outcome::Done => status == 0,
                Outcome::Failed(told) => status == 1 && told.byte() == error,
                Outcome::TimeExtension(times) => status == 2 && times == error,
            };
            prop_assert!(as_told);
        }

        #[test]
        fn what_goes_to_the_card_stands_behind_a_header_of_ten_bytes(
            data in proptest::collection::vec(any::<u8>(), 0..300),
            waiting: u8,
            sequence: u8,
        ) {
            let length = data.len();
            let command = Command::TransferBlock { waiting, data: data.clone().into() };
            match command.encode(sequence) {
                Ok(message) => {
                    prop_assert_eq!(&message[10..], &data[..]);
                    prop_assert_eq!(message[0], Request::XfrBlock.byte());
                    prop_assert_eq!((message[6], message[7]), (sequence, waiting));
                    prop_assert_eq!(&message[1..5], &(length as u32).to_le_bytes()[..]);
                }
                Err(error) => {
                    prop_assert!(length > 261);
                    prop_assert_eq!(error, CommandError::TooLong { length });
                }
            }
        }
    }

    #[test]
    fn secrets_are_not_in_the_debug_text() {
        let data = Zeroizing::new(b"90417352".to_vec());
        let command = Command::TransferBlock { waiting: 0, data };
        assert_eq!(format!("{command:?}"), "TransferBlock(8 bytes)");
    }
}
