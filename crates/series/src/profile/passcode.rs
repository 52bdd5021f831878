use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Known;

/// Rules for the holder's passcode.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PasscodePolicy {
    /// Fewest characters of a new passcode.
    pub min_length: Known<u8>,
    /// Most characters of a new passcode.
    pub max_length: Known<u8>,
    /// What a new passcode is made of.
    pub alphabet: Known<Alphabet>,
    /// Wrong tries in a row before it is locked.
    pub tries: Known<u8>,
    /// What passcodes from before the rule may be. They are verified and never set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy: Option<LegacyPasscode>,
}

/// What passcodes set before the rule for new ones may be.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LegacyPasscode {
    /// Fewest characters.
    pub min_length: Known<u8>,
    /// Most characters.
    pub max_length: Known<u8>,
    /// What it is made of.
    pub alphabet: Known<Alphabet>,
}

impl PasscodePolicy {
    /// Checks a new passcode. The passcode does not appear in the error.
    ///
    /// # Errors
    ///
    /// [`PasscodeProblem`].
    pub fn check(&self, passcode: &[u8]) -> Result<(), PasscodeProblem> {
        check(
            passcode,
            self.min_length.value,
            self.max_length.value,
            self.alphabet.value,
        )
    }

    /// Checks a passcode a card may have: one of today's rule, or one from before it. What passes
    /// neither is no card's passcode, and no try need be spent on it.
    ///
    /// # Errors
    ///
    /// [`PasscodeProblem`], of the older rule where there is one.
    pub fn check_existing(&self, passcode: &[u8]) -> Result<(), PasscodeProblem> {
        match (self.check(passcode), &self.legacy) {
            (Err(_), Some(legacy)) => check(
                passcode,
                legacy.min_length.value,
                legacy.max_length.value,
                legacy.alphabet.value,
            ),
            (checked, _) => checked,
        }
    }

    pub(super) fn legacy_inconsistency(&self) -> Option<(&'static str, String)> {
        let legacy = self.legacy.as_ref()?;
        let (min, max) = (legacy.min_length.value, legacy.max_length.value);
        if min == 0 || min > max {
            let problem = format!("older passcodes of {min} to {max} characters");
            return Some(("legacy", problem));
        }
        None
    }
}

fn check(passcode: &[u8], min: u8, max: u8, alphabet: Alphabet) -> Result<(), PasscodeProblem> {
    if passcode.len() < usize::from(min) || passcode.len() > usize::from(max) {
        return Err(PasscodeProblem::Length {
            min,
            max,
            length: passcode.len(),
        });
    }
    let fits = |byte: &u8| match alphabet {
        Alphabet::Digits => byte.is_ascii_digit(),
        Alphabet::LettersAndDigits => byte.is_ascii_alphanumeric(),
    };
    match passcode.iter().all(fits) {
        true => Ok(()),
        false => Err(PasscodeProblem::Alphabet { alphabet }),
    }
}

/// What a passcode is made of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alphabet {
    /// 0 to 9.
    Digits,
    /// 0 to 9, A to Z, a to z.
    LettersAndDigits,
}

impl fmt::Display for Alphabet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Digits => "digits",
            Self::LettersAndDigits => "letters and digits",
        })
    }
}

/// Why a passcode does not conform to the policy.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PasscodeProblem {
    /// Too short or too long.
    #[error("the passcode has {length} characters, {min} to {max} are allowed")]
    Length {
        /// Fewest characters.
        min: u8,
        /// Most characters.
        max: u8,
        /// Characters given.
        length: usize,
    },
    /// A character that is not allowed.
    #[error("the passcode has characters other than {alphabet}")]
    Alphabet {
        /// What is allowed.
        alphabet: Alphabet,
    },
}
