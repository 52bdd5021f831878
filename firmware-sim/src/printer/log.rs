//! The movement log: what happened to every card, in memory for a test and as JSON Lines for a
//! file.

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::transport::Place;
use super::trouble::Trouble;

/// A face of a card.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The face with the contacts.
    Front,
    /// The other one.
    Back,
}

impl Side {
    /// The other face.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Front => Self::Back,
            Self::Back => Self::Front,
        }
    }

    /// Its name in a log and in file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Front => "front",
            Self::Back => "back",
        }
    }
}

/// What happened to a card or the printer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Movement {
    /// Blanks were put into the hopper.
    Loaded {
        /// How many.
        count: u64,
    },
    /// A card went from one place to another.
    Moved {
        /// Its number.
        #[serde(rename = "card")]
        number: u64,
        /// From where.
        from: Place,
        /// To where.
        to: Place,
    },
    /// The card that was drawn is not of the model the hopper was filled with.
    OtherModel {
        /// Its number.
        #[serde(rename = "card")]
        number: u64,
    },
    /// The contacts closed on a card.
    ContactsClosed {
        /// Its number.
        #[serde(rename = "card")]
        number: u64,
    },
    /// The contacts came down and do not touch the chip.
    ContactsMissed {
        /// The number of the card that lies there.
        #[serde(rename = "card")]
        number: u64,
    },
    /// The contacts opened.
    ContactsOpened {
        /// The number of the card that lay there.
        #[serde(rename = "card")]
        number: u64,
    },
    /// A side was printed.
    Printed {
        /// The card's number.
        #[serde(rename = "card")]
        number: u64,
        /// Which side.
        side: Side,
    },
    /// Part of a side was printed before something went wrong.
    PartlyPrinted {
        /// The card's number.
        #[serde(rename = "card")]
        number: u64,
        /// Which side.
        side: Side,
    },
    /// A cleaning cycle is over.
    Cleaned,
    /// Trouble began.
    Faulted {
        /// Which.
        trouble: Trouble,
    },
    /// Trouble was dealt with.
    Cleared {
        /// Which.
        trouble: Trouble,
    },
}

/// A line of the movement log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry {
    /// When, on the clock of the simulation.
    pub at: Duration,
    /// What.
    pub movement: Movement,
}

impl Entry {
    /// The entry as one line of JSON with its end. `now` is the wall clock at that moment.
    ///
    /// # Errors
    ///
    /// From the writer.
    pub fn write_json(&self, now: Timestamp, mut out: impl Write) -> io::Result<()> {
        #[derive(Serialize)]
        struct Line<'a> {
            time: String,
            elapsed_ms: u128,
            #[serde(flatten)]
            movement: &'a Movement,
        }
        let line = Line {
            time: format!("{now:.3}"),
            elapsed_ms: self.at.as_millis(),
            movement: &self.movement,
        };
        // In one piece, so that a reader never sees half a line.
        let mut bytes = serde_json::to_vec(&line)?;
        bytes.push(b'\n');
        out.write_all(&bytes)?;
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_which_card_from_where_to_where() {
        let line = |movement| {
            let entry = Entry {
                at: Duration::from_millis(1500),
                movement,
            };
            let mut bytes = Vec::new();
            entry
                .write_json(Timestamp::constant(1_767_603_600, 0), &mut bytes)
                .unwrap();
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(
            line(Movement::Moved {
                number: 7,
                from: Place::Hopper,
                to: Place::Standby
            }),
            "{\"time\":\"2026-01-05T09:00:00.000Z\",\"elapsed_ms\":1500,\"event\":\"moved\",\
             \"card\":7,\"from\":\"hopper\",\"to\":\"standby\"}\n"
        );
        assert!(
            line(Movement::Faulted {
                trouble: Trouble::FilmOut
            })
            .contains("\"event\":\"faulted\",\"trouble\":\"film-out\"")
        );
        assert!(
            line(Movement::PartlyPrinted {
                number: 1,
                side: Side::Back
            })
            .contains("\"event\":\"partly-printed\",\"card\":1,\"side\":\"back\"")
        );
    }
}
