use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The simulator's error pairs as a table for a driver's profile.
///
/// Only `11:01` is publicly known. All pairs that start with 90 are the simulator's own and mean
/// nothing to a real printer.
pub const FAULT_TABLE: &str = include_str!("faults.toml");

/// What can go wrong in the printer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Trouble {
    /// No card in the hopper.
    HopperEmpty,
    /// The card was not drawn in and lies in the hopper still.
    CardNotDrawnIn,
    /// The card is stuck on its way.
    Jam,
    /// The film has run out.
    FilmOut,
    /// Somebody opened the cover.
    CoverOpen,
    /// A job that makes no sense.
    BadJob,
    /// The simulator cannot write its files.
    Storage,
    /// Says nothing at all until it is switched off and on, as with the cable pulled.
    Silent,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::HopperEmpty,
        Self::CardNotDrawnIn,
        Self::Jam,
        Self::FilmOut,
        Self::CoverOpen,
        Self::BadJob,
        Self::Storage,
        Self::Silent,
    ];

    /// The error pair in the replies. Only that of [`Trouble::CardNotDrawnIn`] is a real
    /// printer's.
    #[must_use]
    pub const fn code(self) -> (u8, u8) {
        match self {
            Self::CardNotDrawnIn => (11, 1),
            Self::HopperEmpty => (90, 1),
            Self::Jam => (90, 2),
            Self::FilmOut => (90, 3),
            Self::CoverOpen => (90, 4),
            Self::BadJob => (90, 5),
            Self::Storage => (90, 6),
            Self::Silent => (90, 7),
        }
    }

    /// What the printer's display says.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::HopperEmpty => "Hopper empty",
            Self::CardNotDrawnIn => "Card not drawn in",
            Self::Jam => "Card jam",
            Self::FilmOut => "Film has run out",
            Self::CoverOpen => "Cover open",
            Self::BadJob => "Job not understood",
            Self::Storage => "Simulator cannot write its files",
            Self::Silent => "Silent",
        }
    }

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HopperEmpty => "hopper-empty",
            Self::CardNotDrawnIn => "card-not-drawn-in",
            Self::Jam => "jam",
            Self::FilmOut => "film-out",
            Self::CoverOpen => "cover-open",
            Self::BadJob => "bad-job",
            Self::Storage => "storage",
            Self::Silent => "silent",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// When trouble can strike.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Motion {
    /// A card is drawn from the hopper.
    Draw,
    /// A card is moved to the contacts.
    Contacts,
    /// A card is printed.
    Print,
    /// A card is moved to the output tray.
    Eject,
}

impl Motion {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Draw, Self::Contacts, Self::Print, Self::Eject];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draw => "draw",
            Self::Contacts => "contacts",
            Self::Print => "print",
            Self::Eject => "eject",
        }
    }
}

/// Trouble that strikes once, when a motion happens.
///
/// As text: `MOTION:TROUBLE` for the next card, `MOTION:NUMBER:TROUBLE` for one card
/// (`draw:card-not-drawn-in`, `print:3:film-out`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Scripted {
    /// The motion.
    pub motion: Motion,
    /// The card, or any.
    pub card: Option<u64>,
    /// What happens.
    pub trouble: Trouble,
}

impl FromStr for Scripted {
    type Err = ScriptedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        let (motion, card, trouble) = match parts[..] {
            [motion, trouble] => (motion, None, trouble),
            [motion, card, trouble] => {
                let number = card.parse().map_err(|_| ScriptedError::Card {
                    card: card.to_owned(),
                })?;
                (motion, Some(number), trouble)
            }
            _ => {
                return Err(ScriptedError::Form {
                    text: text.to_owned(),
                });
            }
        };
        Ok(Self {
            motion: Motion::ALL
                .into_iter()
                .find(|known| known.name() == motion)
                .ok_or_else(|| ScriptedError::Motion {
                    motion: motion.to_owned(),
                })?,
            card,
            trouble: Trouble::ALL
                .into_iter()
                .find(|known| known.name() == trouble)
                .ok_or_else(|| ScriptedError::Trouble {
                    trouble: trouble.to_owned(),
                })?,
        })
    }
}

/// Why a text is no [`Scripted`] trouble.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ScriptedError {
    /// Not two or three parts.
    #[error("`{text}` is not of the form MOTION:TROUBLE or MOTION:NUMBER:TROUBLE")]
    Form {
        /// What was given.
        text: String,
    },
    /// No number.
    #[error("`{card}` is no number of a card")]
    Card {
        /// What was given.
        card: String,
    },
    /// No such motion.
    #[error("there is no motion `{motion}` (known: draw, contacts, print, eject)")]
    Motion {
        /// What was given.
        motion: String,
    },
    /// No such trouble.
    #[error(
        "there is no trouble `{trouble}` (known: {})",
        Trouble::ALL.map(Trouble::name).join(", ")
    )]
    Trouble {
        /// What was given.
        trouble: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_a_driver_can_see_is_in_the_fault_table() {
        for trouble in Trouble::ALL {
            let (major, minor) = trouble.code();
            // The one public pair is the driver's own knowledge; silence has no reply.
            let listed = !matches!(trouble, Trouble::CardNotDrawnIn | Trouble::Silent);
            let entry = format!("code = \"{major:02}:{minor:02}\"");
            assert_eq!(FAULT_TABLE.contains(&entry), listed, "{trouble}");
        }
    }

    #[test]
    fn scripts_are_read_and_wrong_ones_refused_by_name() {
        assert_eq!(
            "print:3:film-out".parse(),
            Ok(Scripted {
                motion: Motion::Print,
                card: Some(3),
                trouble: Trouble::FilmOut
            })
        );
        assert_eq!(
            "draw:jam".parse::<Scripted>().map(|script| script.card),
            Ok(None)
        );
        for wrong in ["", "jam", "fly:jam", "draw:x:jam", "draw:1:rust", "a:b:c:d"] {
            assert!(wrong.parse::<Scripted>().is_err(), "{wrong}");
        }
    }
}
