//! What goes wrong on purpose: once, at a motion.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::trouble::Trouble;

/// When something can go wrong.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Motion {
    /// A card is drawn from the hopper.
    Draw,
    /// A card is moved to the contacts.
    Contacts,
    /// A card is moved over the antenna.
    Antenna,
    /// A card is turned over.
    Flip,
    /// A card is moved under the print head.
    Print,
    /// A side is half printed.
    Side,
    /// A card is moved to the output tray.
    Eject,
    /// A card is moved to the reject tray.
    Reject,
    /// The cleaning cycle begins.
    Clean,
}

impl Motion {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Draw,
        Self::Contacts,
        Self::Antenna,
        Self::Flip,
        Self::Print,
        Self::Side,
        Self::Eject,
        Self::Reject,
        Self::Clean,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draw => "draw",
            Self::Contacts => "contacts",
            Self::Antenna => "antenna",
            Self::Flip => "flip",
            Self::Print => "print",
            Self::Side => "side",
            Self::Eject => "eject",
            Self::Reject => "reject",
            Self::Clean => "clean",
        }
    }
}

/// What goes wrong at a motion.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Mishap {
    /// Trouble that stays until somebody deals with it. The motion is not done.
    Trouble(Trouble),
    /// From now on every answer comes so much later, until somebody deals with it. The motion is
    /// done.
    Slow(Duration),
    /// The contacts come down beside the chip: a card is there, and gives no answer to reset. The
    /// next time they touch it. Only at `contacts`.
    Mute,
    /// The card that is drawn is of another model than the hopper was filled with. Nothing
    /// in the printer notices. Only at `draw`.
    OtherModel,
}

impl Mishap {
    /// Whether it can happen at that motion at all.
    #[must_use]
    pub const fn fits(self, motion: Motion) -> bool {
        match self {
            Self::Mute => matches!(motion, Motion::Contacts),
            Self::OtherModel => matches!(motion, Motion::Draw),
            Self::Slow(_) => true,
            Self::Trouble(trouble) => match trouble {
                Trouble::HopperEmpty | Trouble::CardNotDrawnIn | Trouble::DoubleFeed => {
                    matches!(motion, Motion::Draw)
                }
                Trouble::OutputFull => matches!(motion, Motion::Eject),
                Trouble::RejectFull => matches!(motion, Motion::Reject),
                Trouble::CleaningCard => matches!(motion, Motion::Clean),
                Trouble::FilmOut | Trouble::WrongFilm | Trouble::HeadHot => {
                    matches!(motion, Motion::Print | Motion::Side)
                }
                Trouble::MissingOption => false,
                _ => true,
            },
        }
    }
}

impl From<Trouble> for Mishap {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trouble(trouble) => f.write_str(trouble.name()),
            Self::Slow(late) => write!(f, "slow={}", late.as_millis()),
            Self::Mute => f.write_str("mute"),
            Self::OtherModel => f.write_str("other-model"),
        }
    }
}

impl FromStr for Mishap {
    type Err = ScriptedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || ScriptedError::Trouble {
            trouble: text.to_owned(),
        };
        if let Some(milliseconds) = text.strip_prefix("slow=") {
            let milliseconds = milliseconds.parse().map_err(|_| unknown())?;
            return Ok(Self::Slow(Duration::from_millis(milliseconds)));
        }
        match text {
            "mute" => Ok(Self::Mute),
            "other-model" => Ok(Self::OtherModel),
            name => Trouble::ALL
                .into_iter()
                .find(|trouble| trouble.name() == name)
                .map(Self::Trouble)
                .ok_or_else(unknown),
        }
    }
}

/// Something that goes wrong once, when a motion happens.
///
/// As text: `MOTION:MISHAP` for the next card, `MOTION:NUMBER:MISHAP` for one card
/// (`draw:card-not-drawn-in`, `print:3:film-out`, `contacts:mute`, `draw:slow=2500`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Scripted {
    /// The motion.
    pub motion: Motion,
    /// The card, or any. Cleaning has none.
    pub card: Option<u64>,
    /// What happens.
    pub mishap: Mishap,
}

impl fmt::Display for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.motion.name())?;
        if let Some(card) = self.card {
            write!(f, "{card}:")?;
        }
        write!(f, "{}", self.mishap)
    }
}

impl FromStr for Scripted {
    type Err = ScriptedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        let (motion, card, mishap) = match parts[..] {
            [motion, mishap] => (motion, None, mishap),
            [motion, card, mishap] => {
                let number = card.parse().map_err(|_| ScriptedError::Card {
                    card: card.to_owned(),
                })?;
                (motion, Some(number), mishap)
            }
            _ => {
                return Err(ScriptedError::Form {
                    text: text.to_owned(),
                });
            }
        };
        let motion = Motion::ALL
            .into_iter()
            .find(|known| known.name() == motion)
            .ok_or_else(|| ScriptedError::Motion {
                motion: motion.to_owned(),
            })?;
        let mishap: Mishap = mishap.parse()?;
        if !mishap.fits(motion) {
            return Err(ScriptedError::Never {
                mishap: mishap.to_string(),
                motion: motion.name(),
            });
        }
        Ok(Self {
            motion,
            card,
            mishap,
        })
    }
}

/// Why a text is no [`Scripted`] mishap.
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
    #[error(
        "there is no motion `{motion}` (known: {})",
        Motion::ALL.map(Motion::name).join(", ")
    )]
    Motion {
        /// What was given.
        motion: String,
    },
    /// No such trouble.
    #[error(
        "there is no trouble `{trouble}` (known: {}, mute, other-model, slow=MS)",
        Trouble::ALL.map(Trouble::name).join(", ")
    )]
    Trouble {
        /// What was given.
        trouble: String,
    },
    /// It cannot happen then.
    #[error("`{mishap}` cannot happen at `{motion}`")]
    Never {
        /// What.
        mishap: String,
        /// When.
        motion: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_read_and_wrong_ones_refused_by_name() {
        assert_eq!(
            "print:3:film-out".parse(),
            Ok(Scripted {
                motion: Motion::Print,
                card: Some(3),
                mishap: Trouble::FilmOut.into()
            })
        );
        assert_eq!(
            "draw:jam".parse::<Scripted>().map(|script| script.card),
            Ok(None)
        );
        for wrong in [
            "",
            "jam",
            "fly:jam",
            "draw:x:jam",
            "draw:1:rust",
            "a:b:c:d",
            "draw:slow=",
            "draw:slow=-1",
            "eject:mute",
            "print:other-model",
            "contacts:film-out",
            "eject:missing-option",
        ] {
            assert!(wrong.parse::<Scripted>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_mishap_is_read_back_from_its_text() {
        let others = [
            Mishap::Mute,
            Mishap::OtherModel,
            Mishap::Slow(Duration::from_millis(1500)),
        ];
        let mishaps = Trouble::ALL.map(Mishap::from).into_iter().chain(others);
        for mishap in mishaps {
            for motion in Motion::ALL {
                for card in [None, Some(7)] {
                    let scripted = Scripted {
                        motion,
                        card,
                        mishap,
                    };
                    let read = scripted.to_string().parse::<Scripted>();
                    assert_eq!(read.is_ok(), mishap.fits(motion), "{scripted}");
                    if let Ok(read) = read {
                        assert_eq!(read, scripted);
                    }
                }
            }
        }
    }
}
