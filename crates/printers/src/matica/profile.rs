use std::path::Path;

use serde::Deserialize;

use super::job::Geometry;
use crate::{CardPosition, Certainty, FaultKind, Position, ProfileError, Sourced, sourced};

/// The profile that comes with this crate.
const BUILT_IN: &str = include_str!("../../profiles/matica-xid.toml");

/// What the driver does that the wire format does not settle, as data a site can change.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name, for messages.
    pub name: String,
    /// Whether there are contacts of an encoder.
    pub contacts: Sourced<bool>,
    /// Whether there is an antenna of an encoder.
    pub contactless: Sourced<bool>,
    /// Whether the printer turns cards over.
    pub duplex: Sourced<bool>,
    /// Whether the ribbon has a panel that takes the film off again.
    pub peel_off: Sourced<bool>,
    /// Whether the back is printed the other way up.
    pub back_turned: Sourced<bool>,
    /// Whether four zero bytes follow the transfer command.
    pub long_transfer: Sourced<bool>,
    /// The owner in the document.
    pub owner: Sourced<String>,
    /// The title in the document.
    pub title: Sourced<String>,
    /// How long things may take.
    pub limits_ms: Limits,
    /// What each model takes; the first whose name the greeting's begins with.
    pub models: Vec<Model>,
    /// Words of a printer that works and will be ready by itself.
    pub busy: Vec<KnownWord>,
    /// Words of faults.
    pub faults: Vec<KnownWord>,
}

/// What a model takes.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// How its name begins.
    pub name: String,
    /// Dots an inch.
    pub resolution: Sourced<Resolution>,
    /// Whether images are turned by 180 degrees.
    pub turned: Sourced<bool>,
    /// Parameter of the document.
    pub document: Sourced<u32>,
}

/// Dots an inch.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "u32")]
pub enum Resolution {
    /// 1036 x 664 pixels.
    Dpi300,
    /// 2072 x 1328 pixels.
    Dpi600,
}

/// An error word whose meaning is known.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct KnownWord {
    /// The word, eight hexadecimal digits; `x` stands for any.
    pub code: String,
    /// What it means.
    pub kind: FaultKind,
    /// Where the card is then, if the word says so.
    pub card: Option<Position>,
    /// Where that is known from.
    pub source: String,
    /// How certain it is.
    pub certainty: Certainty,
}

/// Limits in milliseconds.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// For a connection to open.
    pub connect: Sourced<u32>,
    /// For the greeting and for an answer to a question.
    pub reply: Sourced<u32>,
    /// Between two questions while waiting.
    pub poll: Sourced<u32>,
    /// For one motion of a card.
    pub motion: Sourced<u32>,
    /// For ink on the film or film on the card, a side.
    pub print: Sourced<u32>,
    /// For a printer to become ready by itself.
    pub ready: Sourced<u32>,
    /// Without the printer taking a byte.
    pub write: Sourced<u32>,
}

impl Resolution {
    /// Pixels to a dot of a face, each way.
    #[must_use]
    pub const fn scale(self) -> u32 {
        match self {
            Self::Dpi300 => 1,
            Self::Dpi600 => 2,
        }
    }
}

impl TryFrom<u32> for Resolution {
    type Error = String;

    fn try_from(dpi: u32) -> Result<Self, String> {
        match dpi {
            300 => Ok(Self::Dpi300),
            600 => Ok(Self::Dpi600),
            other => Err(format!("{other} dpi, expected 300 or 600")),
        }
    }
}

impl Model {
    /// How a front lies in an image.
    #[must_use]
    pub const fn geometry(&self) -> Geometry {
        Geometry {
            scale: self.resolution.value.scale(),
            turned: self.turned.value,
        }
    }
}

impl KnownWord {
    fn is(&self, word: &str) -> bool {
        let mut digits = self.code.bytes().zip(word.bytes());
        digits.all(|(known, digit)| known == b'x' || known == digit)
    }

    /// Where the card is.
    #[must_use]
    pub fn position(&self) -> CardPosition {
        self.card.map_or(self.kind.card(), CardPosition::At)
    }
}

impl Profile {
    /// The profile that comes with this crate.
    #[must_use]
    pub fn matica_xid() -> Self {
        Self::parse(BUILT_IN).expect("the built-in profile is read by a test")
    }

    /// Reads a profile.
    ///
    /// # Errors
    ///
    /// [`ProfileError`].
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        sourced::parse::<Self>(text)?.checked()
    }

    /// Reads a profile from a file.
    ///
    /// # Errors
    ///
    /// [`ProfileError`].
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        Self::parse(&sourced::read(path)?)
    }

    /// What the model of that name takes.
    #[must_use]
    pub fn model(&self, name: &str) -> Option<&Model> {
        self.models
            .iter()
            .find(|model| name.starts_with(&model.name))
    }

    /// Whether a printer with that error word will be ready by itself.
    #[must_use]
    pub fn is_busy(&self, word: u32) -> bool {
        let word = written(word);
        self.busy.iter().any(|known| known.is(&word))
    }

    /// What an error word means.
    #[must_use]
    pub fn fault(&self, word: u32) -> crate::Fault {
        let word = written(word);
        let known = self.busy.iter().chain(&self.faults);
        match known.into_iter().find(|known| known.is(&word)) {
            Some(known) => crate::Fault::new(known.kind, word).with_card(known.position()),
            None => crate::Fault::new(FaultKind::Unknown, word),
        }
    }

    fn checked(self) -> Result<Self, ProfileError> {
        let bad = |what: String| Err(ProfileError::Value { what });
        for known in self.busy.iter().chain(&self.faults) {
            let digit = |digit: u8| digit == b'x' || matches!(digit, b'0'..=b'9' | b'A'..=b'F');
            if known.code.len() != 8 || !known.code.bytes().all(digit) {
                return bad(format!(
                    "error word `{}` is not eight upper-case hexadecimal digits or `x`",
                    known.code
                ));
            }
        }
        if self.models.is_empty() {
            return bad("there is no model".to_owned());
        }
        if self.limits_ms.poll.value == 0 {
            return bad("`limits_ms.poll` is 0, waiting would never end".to_owned());
        }
        Ok(self)
    }
}

/// An error word as the profile writes it.
fn written(word: u32) -> String {
    format!("{word:08X}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_profile_knows_the_noted_words() {
        let profile = Profile::matica_xid();
        let fault = |word| {
            let fault = profile.fault(word);
            (fault.kind, fault.card)
        };
        use CardPosition::{At, Unknown};
        assert_eq!(
            fault(0x0002_D000),
            (FaultKind::HopperEmpty, CardPosition::None)
        );
        assert_eq!(fault(0x0002_D100), (FaultKind::CoverOpen, Unknown));
        assert_eq!(
            fault(0x0003_9000),
            (FaultKind::CardJam, At(Position::Feeder))
        );
        assert_eq!(
            fault(0x0003_9107),
            (FaultKind::CardJam, At(Position::Flipper))
        );
        assert_eq!(
            fault(0x0003_9500),
            (FaultKind::CardJam, At(Position::PrintHead))
        );
        assert_eq!(fault(0x0003_B200).0, FaultKind::FilmOut);
        assert_eq!(fault(0x0005_2000).0, FaultKind::BadJob);
        assert_eq!(fault(0x1234_5678), (FaultKind::Unknown, Unknown));
        for busy in [
            0x0002_D300,
            0x0002_D400,
            0x0002_DA00,
            0x0002_DB00,
            0x0006_2800,
        ] {
            assert!(profile.is_busy(busy), "{busy:08X}");
        }
        assert!(!profile.is_busy(0x0002_D100));
        assert_eq!(profile.model("XID8600").unwrap().geometry().columns(), 2072);
        assert_eq!(profile.model("XID8300").unwrap().geometry().rows(), 664);
        assert!(profile.model("LaserJet").is_none());
    }

    #[test]
    fn nothing_claims_to_have_been_compared_with_a_printer() {
        let profile = Profile::matica_xid();
        let words = profile.busy.iter().chain(&profile.faults);
        assert!(
            words
                .into_iter()
                .all(|known| known.certainty != Certainty::Public)
        );
        for model in &profile.models {
            assert_ne!(model.turned.certainty, Certainty::Public);
        }
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        for (from, to) in [
            ("\"0002D000\"", "\"0002d000\""),
            ("\"0002D000\"", "\"2D000\""),
            ("value = 600", "value = 601"),
            (
                "[limits_ms.poll]\nvalue = 200",
                "[limits_ms.poll]\nvalue = 0",
            ),
        ] {
            let text = BUILT_IN.replace(from, to);
            assert_ne!(text, BUILT_IN, "{from}");
            assert!(Profile::parse(&text).is_err(), "{from}");
        }
    }
}
