use std::path::Path;

use printers::{FaultKind, KnownFault, ProfileError, Sourced};
use serde::Deserialize;

use super::answer::ErrorCode;
use super::command::Voltage;

/// The profile that comes with the program.
const BUILTIN: &str = include_str!("../../profiles/crt591.toml");
/// The speeds the device has, in baud.
const SPEEDS: [u32; 4] = [9600, 19_200, 38_400, 57_600];

/// What the driver of a CRT-591 does that the protocol document does not settle.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What it is called.
    pub name: String,
    /// The address set with the switches of the device, 0 to 15.
    pub address: Sourced<u8>,
    /// The speeds to try, in baud, in this order.
    pub speeds: Sourced<Vec<u32>>,
    /// How often a frame is sent, or an answer asked for, before that is given up.
    pub tries: Sourced<u32>,
    /// How long to wait.
    pub limits_ms: Limits,
    /// How to power a card, in this order until it answers.
    pub resets: Sourced<Vec<Voltage>>,
    /// How commands go to the card.
    pub exchange: Sourced<CardExchange>,
    /// How a finished card is handed out.
    pub hand_out: Sourced<HandOut>,
    /// How the counter of the error bin is written.
    pub bin_counter: Sourced<BinCounter>,
    /// What the codes of bad answers mean.
    pub faults: Vec<KnownFault>,
}

/// How long to wait, in milliseconds.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// For ACK.
    pub acknowledge: Sourced<u32>,
    /// For the next byte of a frame.
    pub between_bytes: Sourced<u32>,
    /// For what the device says without moving anything.
    pub reply: Sourced<u32>,
    /// For it to initialise.
    pub initialise: Sourced<u32>,
    /// For a motion.
    pub motion: Sourced<u32>,
    /// For the card.
    pub card: Sourced<u32>,
}

/// How commands go to the card.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum CardExchange {
    /// By the device's command for the protocol of the card.
    ByProtocol,
    /// By the one that chooses by itself.
    Automatic,
}

/// How a finished card is handed out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum HandOut {
    /// Out of the gate.
    Out,
    /// Held in the gate until it is taken.
    Hold,
}

/// How the counter of the error bin is written.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum BinCounter {
    /// ASCII digits.
    Decimal,
    /// A number, its lowest byte first.
    LittleEndian,
    /// A number, its highest byte first.
    BigEndian,
}

impl BinCounter {
    /// The number in an answer; nothing if it is none.
    #[must_use]
    pub fn read(self, data: &[u8]) -> Option<u32> {
        let number =
            |sum: Option<u32>, byte: &u8| sum?.checked_mul(256)?.checked_add((*byte).into());
        if data.is_empty() || data.len() > 10 {
            return None;
        }
        match self {
            Self::Decimal => std::str::from_utf8(data).ok()?.trim().parse().ok(),
            Self::LittleEndian => data.iter().rev().fold(Some(0), number),
            Self::BigEndian => data.iter().fold(Some(0), number),
        }
    }
}

impl Profile {
    /// The one that comes with the program.
    #[must_use]
    pub fn builtin() -> Self {
        Self::parse(BUILTIN).expect("the profile in the program is tested")
    }

    /// Reads one from TOML.
    ///
    /// # Errors
    ///
    /// [`ProfileError::Syntax`], [`ProfileError::Value`].
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let profile: Self = toml::from_str(text).map_err(|error| ProfileError::Syntax {
            detail: error.to_string(),
        })?;
        profile
            .check()
            .map_err(|what| ProfileError::Value { what })?;
        Ok(profile)
    }

    /// Reads one from a file.
    ///
    /// # Errors
    ///
    /// As [`Profile::parse`], and [`ProfileError::Read`].
    pub fn load(path: &Path) -> Result<Self, ProfileError> {
        let text = std::fs::read_to_string(path).map_err(|source| ProfileError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text)
    }

    fn check(&self) -> Result<(), String> {
        if self.address.value > 15 {
            return Err(format!("address {} is none of 0 to 15", self.address.value));
        }
        if let Some(speed) = self.speeds.value.iter().find(|it| !SPEEDS.contains(it)) {
            return Err(format!("speed {speed} is none of {SPEEDS:?}"));
        }
        if self.speeds.value.is_empty() || self.resets.value.is_empty() {
            return Err("speeds and resets must name at least one".to_owned());
        }
        if !(1..=10).contains(&self.tries.value) {
            return Err(format!("{} tries are none of 1 to 10", self.tries.value));
        }
        let limits = &self.limits_ms;
        let all = [
            &limits.acknowledge,
            &limits.between_bytes,
            &limits.reply,
            &limits.initialise,
            &limits.motion,
            &limits.card,
        ];
        if all.iter().any(|limit| limit.value == 0) {
            return Err("a limit of 0 ms leaves no time at all".to_owned());
        }
        Ok(())
    }

    /// The speed a port is opened with.
    pub(super) fn first_speed(&self) -> u32 {
        self.speeds.value.first().copied().unwrap_or(SPEEDS[0])
    }

    /// What a code means for an operator.
    #[must_use]
    pub fn kind_of(&self, error: ErrorCode) -> FaultKind {
        let code = error.to_string();
        self.faults
            .iter()
            .find(|known| known.code == code)
            .map_or(FaultKind::Unknown, |known| known.kind)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_profile_in_the_program_can_be_read_and_knows_every_published_code() {
        let profile = Profile::builtin();
        assert_eq!(profile.first_speed(), 9600);
        for first in 0..=0xFF {
            for second in 0..=0xFF {
                let code = ErrorCode([first, second]);
                assert_eq!(
                    code.meaning().is_some(),
                    profile.kind_of(code) != FaultKind::Unknown,
                    "{code}"
                );
            }
        }
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        for (from, to) in [
            ("[address]\nvalue = 0", "[address]\nvalue = 16"),
            ("[9600,", "[300,"),
            ("[9600, 19200, 38400, 57600]", "[]"),
            ("[tries]\nvalue = 3", "[tries]\nvalue = 0"),
            (
                "[limits_ms.reply]\nvalue = 3000",
                "[limits_ms.reply]\nvalue = 0",
            ),
        ] {
            let text = BUILTIN.replace(from, to);
            assert_ne!(text, BUILTIN, "{from}");
            assert!(
                matches!(Profile::parse(&text), Err(ProfileError::Value { .. })),
                "{to}"
            );
        }
        assert!(matches!(
            Profile::parse("name = 1"),
            Err(ProfileError::Syntax { .. })
        ));
    }

    #[test]
    fn the_counter_is_read_in_each_of_its_forms() {
        assert_eq!(BinCounter::Decimal.read(b"00012"), Some(12));
        assert_eq!(BinCounter::LittleEndian.read(&[12, 1, 0]), Some(268));
        assert_eq!(BinCounter::BigEndian.read(&[0, 1, 12]), Some(268));
        assert_eq!(BinCounter::Decimal.read(b""), None);
        assert_eq!(BinCounter::BigEndian.read(&[1; 5]), None);
    }

    proptest! {
        #[test]
        fn any_counter_is_a_number_or_none(data in proptest::collection::vec(any::<u8>(), 0..20)) {
            for form in [BinCounter::Decimal, BinCounter::LittleEndian, BinCounter::BigEndian] {
                let _ = form.read(&data);
            }
        }
    }
}
