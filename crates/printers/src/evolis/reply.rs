//! What the printer answers.

use std::fmt;

use ground::{Blame, Blamed};
use thiserror::Error;

use super::words::{ACK, CR, ESC, NACK, NUL, OK};

/// The longest answer that is read; answers are a line of text or a few words.
pub const MAX_REPLY: usize = 1024;
/// The line feed some firmwares put behind the carriage return.
const LF: u8 = 0x0A;

/// One answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// `OK`, or `06` with the option ACK/NACK: the command was carried out.
    Done,
    /// `15` and a code, with the option ACK/NACK: it was not. (Programming guide A5013, 5.)
    Refused(char),
    /// A value, or why the command was not carried out.
    Text(String),
}

impl Reply {
    /// Everything that came on a connection that takes one exchange: a text and `00`. (Jobs and
    /// exchanges of the vendor's library 9.4.)
    ///
    /// # Errors
    ///
    /// [`ReplyError`].
    pub fn of_exchange(bytes: &[u8]) -> Result<Self, ReplyError> {
        match bytes.split_last() {
            Some((&NUL, text)) => Self::of_text(text),
            Some(_) => Err(ReplyError::NoEnd { bytes: bytes.len() }),
            None => Err(ReplyError::Empty),
        }
    }

    /// Takes the first whole answer of a line out of what has come: text up to `0D`, or `06`, or
    /// `15` and a code. `None` when none is whole yet.
    ///
    /// # Errors
    ///
    /// [`ReplyError`]; what made it is taken out too.
    pub fn next(received: &mut Vec<u8>) -> Result<Option<Self>, ReplyError> {
        let noise = received
            .iter()
            .take_while(|byte| matches!(**byte, CR | LF | NUL))
            .count();
        received.drain(..noise);
        match received.as_slice() {
            [ACK, ..] => {
                received.remove(0);
                Ok(Some(Self::Done))
            }
            [NACK, code, ..] => {
                let code = *code;
                received.drain(..2);
                if code.is_ascii_graphic() {
                    Ok(Some(Self::Refused(char::from(code))))
                } else {
                    Err(ReplyError::Byte { byte: code })
                }
            }
            [] | [NACK] => Ok(None),
            text => match text.iter().position(|byte| *byte == CR) {
                Some(end) if end <= MAX_REPLY => {
                    let line: Vec<u8> = received.drain(..=end).collect();
                    Self::of_text(&line[..end]).map(Some)
                }
                None if text.len() <= MAX_REPLY => Ok(None),
                _ => {
                    let bytes = received.len();
                    received.clear();
                    Err(ReplyError::NoEnd { bytes })
                }
            },
        }
    }

    /// The bytes of the answer on a connection that takes one exchange.
    #[must_use]
    pub fn to_exchange(&self) -> Vec<u8> {
        let mut bytes = match self {
            Self::Done => OK.as_bytes().to_vec(),
            Self::Refused(code) => vec![NACK, *code as u8],
            Self::Text(text) => text.clone().into_bytes(),
        };
        bytes.push(NUL);
        bytes
    }

    fn of_text(text: &[u8]) -> Result<Self, ReplyError> {
        if text.len() > MAX_REPLY {
            return Err(ReplyError::NoEnd { bytes: text.len() });
        }
        let text = text.trim_ascii();
        if let [NACK, code] = text
            && code.is_ascii_graphic()
        {
            return Ok(Self::Refused(char::from(*code)));
        }
        if text == [ACK] {
            return Ok(Self::Done);
        }
        let printable = |byte: &u8| *byte == b' ' || byte.is_ascii_graphic();
        match text.iter().find(|byte| !printable(byte)) {
            Some(byte) => Err(ReplyError::Byte { byte: *byte }),
            None if text == OK.as_bytes() => Ok(Self::Done),
            None => Ok(Self::Text(
                text.iter().map(|byte| char::from(*byte)).collect(),
            )),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str(OK),
            Self::Refused(code) => write!(f, "NACK {code}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Why bytes are no answer.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ReplyError {
    /// Nothing came.
    #[error("the connection was closed without an answer")]
    Empty,
    /// An answer without its end, or longer than any.
    #[error("{bytes} bytes without the end of an answer")]
    NoEnd {
        /// How many.
        bytes: usize,
    },
    /// A byte no answer has.
    #[error("byte `{byte:02X}` in an answer")]
    Byte {
        /// Which.
        byte: u8,
    },
}

impl Blamed for ReplyError {
    fn blame(&self) -> Blame {
        Blame::PrinterFault
    }

    fn hint(&self) -> Option<String> {
        Some("check that the profile names the right kind of exchange for this connection".into())
    }
}

/// The order of bytes in the status words, which no public source gives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ByteOrder {
    /// Most significant byte first.
    Big,
    /// Least significant byte first.
    Little,
}

/// The four status words. Their bits are those of the vendor's headers (`evolis.h`); what they mean
/// to the driver is in its profile.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct StatusWords {
    /// CFG: what is fitted.
    pub fitted: u32,
    /// INF: where the card is and what goes on.
    pub information: u32,
    /// WAR: what the next card will stop at.
    pub warnings: u32,
    /// ERR: what a job has stopped at.
    pub errors: u32,
}

impl StatusWords {
    /// From the answer to an empty exchange: four words in the order of the vendor's structure, and
    /// what else there is. `None` for a shorter answer, which stands for a printer without them.
    #[must_use]
    pub fn parse(bytes: &[u8], order: ByteOrder) -> Option<Self> {
        let (words, _) = bytes.as_chunks::<4>();
        let [fitted, information, warnings, errors, ..] = words else {
            return None;
        };
        let word = |bytes: &[u8; 4]| match order {
            ByteOrder::Big => u32::from_be_bytes(*bytes),
            ByteOrder::Little => u32::from_le_bytes(*bytes),
        };
        Some(Self {
            fitted: word(fitted),
            information: word(information),
            warnings: word(warnings),
            errors: word(errors),
        })
    }

    /// The word of a name as a profile has it.
    #[must_use]
    pub fn word(&self, name: WordName) -> u32 {
        match name {
            WordName::Cfg => self.fitted,
            WordName::Inf => self.information,
            WordName::War => self.warnings,
            WordName::Err => self.errors,
        }
    }
}

/// Which status word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WordName {
    /// `CFG`.
    Cfg,
    /// `INF`.
    Inf,
    /// `WAR`.
    War,
    /// `ERR`.
    Err,
}

/// One bit of a status word, in a profile `INF 04000000`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StatusBit {
    /// The word.
    pub word: WordName,
    /// The bit; exactly one.
    pub mask: u32,
}

impl StatusBit {
    /// From the text in a profile.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, mask) = text.split_once(' ')?;
        let word = match name {
            "CFG" => WordName::Cfg,
            "INF" => WordName::Inf,
            "WAR" => WordName::War,
            "ERR" => WordName::Err,
            _ => return None,
        };
        let digits = mask.len() == 8 && mask.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mask = u32::from_str_radix(mask, 16).ok()?;
        (digits && mask.is_power_of_two()).then_some(Self { word, mask })
    }

    /// Whether it is set.
    #[must_use]
    pub fn is_set(self, words: &StatusWords) -> bool {
        words.word(self.word) & self.mask != 0
    }
}

/// Whether a text can stand in a command and a profile: printable, without what frames it.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != ESC)
        && !text.starts_with("Db")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_exchange_is_answered_with_a_text_and_a_zero() {
        let reply = |bytes| Reply::of_exchange(bytes);
        assert_eq!(reply(b"OK\0"), Ok(Reply::Done));
        assert_eq!(reply(b"NO CARD\0"), Ok(Reply::Text("NO CARD".into())));
        assert_eq!(reply(b"\0"), Ok(Reply::Text(String::new())));
        assert_eq!(reply(b"OK"), Err(ReplyError::NoEnd { bytes: 2 }));
        assert_eq!(reply(b""), Err(ReplyError::Empty));
        assert_eq!(reply(b"O\x1bK\0"), Err(ReplyError::Byte { byte: 0x1B }));
    }

    #[test]
    fn a_line_carries_texts_and_acknowledgements_one_after_the_other() {
        let mut received = b"OK\r\nEVOLIS Primacy\r\x06\x15C\x06\x15".to_vec();
        let mut replies = Vec::new();
        while let Some(reply) = Reply::next(&mut received).unwrap() {
            replies.push(reply);
        }
        assert_eq!(
            replies,
            [
                Reply::Done,
                Reply::Text("EVOLIS Primacy".into()),
                Reply::Done,
                Reply::Refused('C'),
                Reply::Done,
            ]
        );
        assert_eq!(received, [NACK]);
        received.push(0x80);
        assert_eq!(
            Reply::next(&mut received),
            Err(ReplyError::Byte { byte: 0x80 })
        );
        assert!(received.is_empty());
    }

    #[test]
    fn four_words_in_either_order_and_a_short_answer_is_none() {
        let bytes: Vec<u8> = (1..=40).collect();
        let big = StatusWords::parse(&bytes, ByteOrder::Big).unwrap();
        assert_eq!(big.information, 0x0506_0708);
        let little = StatusWords::parse(&bytes, ByteOrder::Little).unwrap();
        assert_eq!(little.errors, 0x100F_0E0D);
        assert_eq!(StatusWords::parse(&[0], ByteOrder::Big), None);
        let bit = StatusBit::parse("INF 04000000").unwrap();
        assert!(bit.is_set(&big) && !bit.is_set(&StatusWords::default()));
        for wrong in [
            "INF 3",
            "INF 03000000",
            "XXX 01000000",
            "INF",
            "INF +1000000",
        ] {
            assert_eq!(StatusBit::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answers_or_an_error(
            bytes in proptest::collection::vec(
                prop_oneof![any::<u8>(), Just(CR), Just(NACK), b' '..=b'~'], 0..3000)
        ) {
            if let Ok(reply) = Reply::of_exchange(&bytes) {
                prop_assert_eq!(Reply::of_exchange(&reply.to_exchange()), Ok(reply));
            }
            let mut received = bytes;
            loop {
                let before = received.len();
                match Reply::next(&mut received) {
                    Ok(None) => break,
                    Ok(Some(_)) | Err(_) => prop_assert!(received.len() < before),
                }
            }
            prop_assert!(received.len() <= MAX_REPLY);
        }
    }
}
