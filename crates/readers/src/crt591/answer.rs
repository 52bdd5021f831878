use std::fmt;

use printers::{CardPosition, Position};
use thiserror::Error;
use zeroize::Zeroizing;

/// Begins a good answer.
const DONE: u8 = b'P';
/// Begins a bad one: the table of the document prints `E`, its diagrams and host programs use `N`.
const FAILED: [u8; 2] = [b'N', b'E'];

/// An answer of the device.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The command and parameter bytes it answers.
    pub code: [u8; 2],
    /// How it went.
    pub outcome: Outcome,
}

/// How a command went.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It was done.
    Done {
        /// What the sensors see afterwards.
        sensors: Sensors,
        /// What was asked for.
        data: Zeroizing<Vec<u8>>,
    },
    /// It was not done, or not to its end.
    Failed {
        /// Why.
        error: ErrorCode,
        /// What else the device says.
        data: Zeroizing<Vec<u8>>,
    },
}

impl Answer {
    /// Reads the text of a frame.
    ///
    /// # Errors
    ///
    /// [`AnswerError`].
    pub fn parse(text: &[u8]) -> Result<Self, AnswerError> {
        let data = |rest: &[u8]| Zeroizing::new(rest.to_vec());
        match *text {
            [DONE, command, parameter, st0, st1, st2, ref rest @ ..] => Ok(Self {
                code: [command, parameter],
                outcome: Outcome::Done {
                    sensors: Sensors::of([st0, st1, st2]),
                    data: data(rest),
                },
            }),
            [kind, command, parameter, e1, e0, ref rest @ ..] if FAILED.contains(&kind) => {
                Ok(Self {
                    code: [command, parameter],
                    outcome: Outcome::Failed {
                        error: ErrorCode([e1, e0]),
                        data: data(rest),
                    },
                })
            }
            [kind, ..] if kind == DONE || FAILED.contains(&kind) => {
                Err(AnswerError::Short { length: text.len() })
            }
            [kind, ..] => Err(AnswerError::Kind { kind }),
            [] => Err(AnswerError::Short { length: 0 }),
        }
    }
}

/// Why a text is no answer.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum AnswerError {
    /// It begins with neither P, N nor E.
    #[error("it begins with {kind:02X}, neither P, N nor E")]
    Kind {
        /// With what it begins.
        kind: u8,
    },
    /// Too short for what it begins with.
    #[error("it ends after {length} bytes")]
    Short {
        /// Its length.
        length: usize,
    },
}

/// What the sensors see: `st0`, `st1`, `st2`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sensors {
    /// st0: the card on its way.
    pub card: CardSensor,
    /// st1: the cards in the stacker.
    pub stacker: Stacker,
    /// st2 is `1`: the error bin is full.
    pub bin_full: bool,
}

/// Where a card is on its way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CardSensor {
    /// `0`: there is none.
    None,
    /// `1`: in the gate.
    Gate,
    /// `2`: at the RF or the IC position; which of them the sensors do not tell.
    Inside,
    /// Nothing the document has.
    Other(u8),
}

/// How full the stacker is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stacker {
    /// `0`.
    Empty,
    /// `1`: the last few.
    Few,
    /// `2`.
    Enough,
    /// Nothing the document has.
    Other(u8),
}

impl Sensors {
    /// From the three bytes of an answer.
    #[must_use]
    pub const fn of([st0, st1, st2]: [u8; 3]) -> Self {
        Self {
            card: match st0 {
                b'0' => CardSensor::None,
                b'1' => CardSensor::Gate,
                b'2' => CardSensor::Inside,
                other => CardSensor::Other(other),
            },
            stacker: match st1 {
                b'0' => Stacker::Empty,
                b'1' => Stacker::Few,
                b'2' => Stacker::Enough,
                other => Stacker::Other(other),
            },
            bin_full: st2 == b'1',
        }
    }

    /// Where the card is. A card in the gate is where its person takes it.
    #[must_use]
    pub const fn position(self) -> CardPosition {
        match self.card {
            CardSensor::None => CardPosition::None,
            CardSensor::Gate => CardPosition::At(Position::Output),
            CardSensor::Inside => CardPosition::Inside,
            CardSensor::Other(_) => CardPosition::Unknown,
        }
    }
}

/// The two characters `e1 e0` of a bad answer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ErrorCode(pub [u8; 2]);

impl ErrorCode {
    /// The contacts are not released: the card must be switched off before it moves.
    pub const CONTACTS_CLOSED: Self = Self(*b"05");
    /// Somebody moved the card by hand.
    pub const MOVED_BY_HAND: Self = Self(*b"45");
    /// The card draws too much current.
    pub const SHORT_CIRCUIT: Self = Self(*b"60");
    /// The card gives no answer to reset.
    pub const NOT_ACTIVATED: Self = Self(*b"61");
    /// The card does not speak that protocol.
    pub const WRONG_PROTOCOL: Self = Self(*b"62");
    /// The card has no power.
    pub const NOT_ACTIVE: Self = Self(*b"65");
    /// The answer to reset is not as EMV has it.
    pub const NOT_EMV: Self = Self(*b"69");
    /// The stacker is empty.
    pub const STACKER_EMPTY: Self = Self(*b"A0");
    /// The error bin is full.
    pub const BIN_FULL: Self = Self(*b"A1");
    /// Nobody has initialised the device since it was switched on.
    pub const NOT_INITIALISED: Self = Self(*b"B0");

    /// What the document says it means.
    #[must_use]
    pub const fn meaning(self) -> Option<&'static str> {
        Some(match &self.0 {
            b"00" => "unknown command",
            b"01" => "wrong parameter",
            b"02" => "the command cannot be done now",
            b"03" => "not supported by this device",
            b"04" => "wrong data",
            b"05" => "the contacts are not released",
            b"10" => "card jam",
            b"12" => "sensor error",
            b"13" => "the card is too long",
            b"14" => "the card is too short",
            b"16" | b"45" => "the card was moved by hand",
            b"40" => "the card moved while it was put away",
            b"41" => "the magnet of the contacts fails",
            b"43" => "the card cannot be moved to the IC position",
            b"50" => "the counter of the error bin is at its end",
            b"51" => "motor error",
            b"60" => "short circuit in the card",
            b"61" => "the card cannot be activated",
            b"62" => "the card does not have this protocol",
            b"63" => "the card did not answer in time and was switched off",
            b"64" => "the card broke its protocol and was switched off",
            b"65" => "the card has no power",
            b"66" => "the card does not support it",
            b"67" => "transmission error on the card's line",
            b"68" => "time-out on the card's line",
            b"69" => "the answer to reset does not keep to EMV",
            b"A0" => "the stacker is empty",
            b"A1" => "the error bin is full",
            b"B0" => "not initialised",
            _ => return None,
        })
    }
}

impl fmt::Display for ErrorCode {
    /// The two characters; in hexadecimal if they are none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [e1, e0] = self.0;
        if e1.is_ascii_graphic() && e0.is_ascii_graphic() {
            write!(f, "{}{}", e1 as char, e0 as char)
        } else {
            write!(f, "{e1:02X} {e0:02X}")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn good_answers_have_sensors_and_data() {
        let answer = Answer::parse(b"P03020CRT-591-M001").unwrap();
        assert_eq!(answer.code, *b"03");
        let Outcome::Done { sensors, data } = answer.outcome else {
            panic!("{answer:?}");
        };
        assert_eq!(data[..], *b"CRT-591-M001");
        assert_eq!(
            sensors,
            Sensors {
                card: CardSensor::None,
                stacker: Stacker::Enough,
                bin_full: false,
            }
        );
    }

    #[test]
    fn both_forms_of_a_bad_answer_are_read() {
        for text in [b"N2110", b"E2110"] {
            let answer = Answer::parse(text).unwrap();
            let Outcome::Failed { error, .. } = answer.outcome else {
                panic!("{answer:?}");
            };
            assert_eq!(error.to_string(), "10");
            assert_eq!(error.meaning(), Some("card jam"));
        }
        assert_eq!(ErrorCode([0, 0xFF]).to_string(), "00 FF");
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        assert_eq!(Answer::parse(b""), Err(AnswerError::Short { length: 0 }));
        assert_eq!(Answer::parse(b"C21"), Err(AnswerError::Kind { kind: b'C' }));
        assert_eq!(
            Answer::parse(b"P2102"),
            Err(AnswerError::Short { length: 5 })
        );
        assert_eq!(Answer::parse(b"N21"), Err(AnswerError::Short { length: 3 }));
    }

    proptest! {
        #[test]
        fn any_text_is_an_answer_or_a_typed_error(
            text in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            if let Ok(answer) = Answer::parse(&text) {
                prop_assert_eq!(&answer.code[..], &text[1..3]);
            }
        }
    }
}
