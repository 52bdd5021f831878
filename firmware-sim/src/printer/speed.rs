//! How long printers take: the vendors' figures, as data.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use printers::Sourced;
use serde::Deserialize;
use thiserror::Error;

use super::setup::Timing;

/// Motions of a card that is printed on one side: drawn, under the head, handed out.
const MOTIONS: u32 = 3;

static SPEEDS: LazyLock<BTreeMap<String, Speeds>> = LazyLock::new(|| {
    toml::from_str(include_str!("speeds.toml")).expect("the file that comes with it is well-formed")
});

/// The figures of one family, in seconds.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Speeds {
    /// A card with one coloured side, motions included.
    pub colour_card: Sourced<f64>,
    /// A card with one side of resin alone, motions included.
    pub mono_card: Sourced<f64>,
    /// A card from one place to the next.
    pub motion: Sourced<f64>,
    /// A cleaning cycle.
    pub cleaning: Sourced<f64>,
}

impl Speeds {
    /// Those of a family, if there are any.
    #[must_use]
    pub fn of(family: &str) -> Option<&'static Self> {
        SPEEDS.get(family)
    }

    /// What each step takes so that whole cards take what they should.
    #[must_use]
    pub fn timing(&self) -> Timing {
        let seconds = Duration::from_secs_f64;
        let motion = seconds(self.motion.value);
        let side = |card: &Sourced<f64>| seconds(card.value).saturating_sub(motion * MOTIONS);
        Timing {
            motion,
            colour_side: side(&self.colour_card),
            mono_side: side(&self.mono_card),
            cleaning: seconds(self.cleaning.value),
        }
    }
}

/// How quick a simulated printer is. As text: `none`, `published`, or a factor such as `0.1` for a
/// tenth of the published time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Everything takes no time.
    None,
    /// Published time, so many times as long.
    Times(f64),
}

impl Pace {
    /// What that means for a family.
    ///
    /// # Errors
    ///
    /// [`PaceError::NoSpeeds`] when nothing is known of how quick it is.
    pub fn timing(self, family: &str) -> Result<Timing, PaceError> {
        let Self::Times(factor) = self else {
            return Ok(Timing::default());
        };
        let speeds = Speeds::of(family).ok_or_else(|| PaceError::NoSpeeds {
            family: family.to_owned(),
        })?;
        let Timing {
            motion,
            colour_side,
            mono_side,
            cleaning,
        } = speeds.timing();
        Ok(Timing {
            motion: motion.mul_f64(factor),
            colour_side: colour_side.mul_f64(factor),
            mono_side: mono_side.mul_f64(factor),
            cleaning: cleaning.mul_f64(factor),
        })
    }
}

/// The largest factor: an hour for a card is slow enough.
const SLOWEST: f64 = 100.0;

impl FromStr for Pace {
    type Err = PaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            "published" => Ok(Self::Times(1.0)),
            factor => match factor.parse::<f64>() {
                Ok(factor) if (0.0..=SLOWEST).contains(&factor) => Ok(Self::Times(factor)),
                _ => Err(PaceError::Form {
                    text: factor.to_owned(),
                }),
            },
        }
    }
}

/// Why there is no such pace.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PaceError {
    /// Neither a word nor a factor.
    #[error("`{text}` is none of none, published, or a factor from 0 to {SLOWEST}")]
    Form {
        /// What was given.
        text: String,
    },
    /// A family without figures.
    #[error("how quick printers of family `{family}` are is not known; give the times themselves")]
    NoSpeeds {
        /// The family.
        family: String,
    },
}

impl ground::Blamed for PaceError {
    fn blame(&self) -> ground::Blame {
        ground::Blame::OperatorMistake
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::Family;

    #[test]
    fn every_simulated_family_has_figures_in_which_its_motions_fit() {
        for family in Family::all() {
            let speeds = Speeds::of(family.name).expect(family.name);
            let timing = speeds.timing();
            assert!(timing.mono_side > Duration::ZERO, "{}", family.name);
            let card = timing.mono_side + timing.motion * MOTIONS;
            assert_eq!(card, Duration::from_secs_f64(speeds.mono_card.value));
            assert!(timing.colour_side > timing.mono_side);
        }
    }

    #[test]
    fn a_pace_is_a_word_or_a_factor() {
        assert_eq!("none".parse(), Ok(Pace::None));
        let half = "0.5".parse::<Pace>().unwrap().timing("magicard-enduro");
        let whole = "published".parse::<Pace>().unwrap();
        let whole = whole.timing("magicard-enduro").unwrap();
        assert_eq!(half.unwrap().colour_side * 2, whole.colour_side);
        for wrong in ["", "fast", "-1", "NaN", "inf", "1e9"] {
            assert!(wrong.parse::<Pace>().is_err(), "{wrong}");
        }
        let error = Pace::Times(1.0).timing("typewriter").unwrap_err();
        assert!(error.to_string().contains("typewriter"));
    }
}
