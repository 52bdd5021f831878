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
}

impl PasscodePolicy {
    /// Checks a new passcode. The passcode does not appear in the error.
    ///
    /// # Errors
    ///
    /// [`PasscodeProblem`].
    pub fn check(&self, passcode: &[u8]) -> Result<(), PasscodeProblem> {
        let (min, max) = (self.min_length.value, self.max_length.value);
        if passcode.len() < usize::from(min) || passcode.len() > usize::from(max) {
            return Err(PasscodeProblem::Length {
                min,
                max,
                length: passcode.len(),
            });
        }
        let alphabet = self.alphabet.value;
        let fits = |byte: &u8| match alphabet {
            Alphabet::Digits => byte.is_ascii_digit(),
            Alphabet::LettersAndDigits => byte.is_ascii_alphanumeric(),
        };
        match passcode.iter().all(fits) {
            true => Ok(()),
            false => Err(PasscodeProblem::Alphabet { alphabet }),
        }
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
