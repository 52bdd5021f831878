use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The 12-digit number by which the estate knows a user: the SDS user id, called UUID on the card
/// although it is no RFC 9562 identifier.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UserId([u8; 12]);

impl UserId {
    /// The digits as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the digits are ASCII by construction")
    }

    /// The digit the first eleven digits call for.
    ///
    /// The rule was found by experiment on published test numbers (odd places as they are, even
    /// places doubled and reduced by 9 above 9, modulo 10) and is not documented by the estate:
    /// a mismatch is worth a warning, never a refusal.
    #[must_use]
    pub fn expected_check_digit(&self) -> u8 {
        let sum: u32 = self.0[..11]
            .iter()
            .enumerate()
            .map(|(index, ascii)| {
                let digit = u32::from(ascii - b'0');
                // The first place is odd, and its index even.
                match (index % 2, 2 * digit) {
                    (0, _) => digit,
                    (_, doubled) if doubled > 9 => doubled - 9,
                    (_, doubled) => doubled,
                }
            })
            .sum();
        (sum % 10) as u8
    }

    /// The last digit.
    #[must_use]
    pub fn check_digit(&self) -> u8 {
        self.0[11] - b'0'
    }

    /// Whether the last digit is the expected one.
    #[must_use]
    pub fn check_digit_matches(&self) -> bool {
        self.check_digit() == self.expected_check_digit()
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for UserId {
    type Err = UserIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match <[u8; 12]>::try_from(text.as_bytes()) {
            Ok(digits) if digits.iter().all(u8::is_ascii_digit) => Ok(Self(digits)),
            _ => Err(UserIdError),
        }
    }
}

/// Text that is not 12 digits.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a UUID is exactly 12 digits")]
pub struct UserIdError;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn published_test_number_has_the_expected_check_digit() {
        let user: UserId = "555253521108".parse().unwrap();
        assert_eq!(user.expected_check_digit(), 8);
        assert!(user.check_digit_matches());
    }

    proptest! {
        #[test]
        fn twelve_digits_parse_and_print_the_same(text in "[0-9]{12}") {
            prop_assert_eq!(text.parse::<UserId>().unwrap().to_string(), text);
        }

        #[test]
        fn changing_one_digit_changes_the_check_digit(text in "[0-9]{12}", at in 0..11_usize) {
            let before: UserId = text.parse().unwrap();
            let mut digits = text.into_bytes();
            digits[at] = b'0' + (digits[at] - b'0' + 1) % 10;
            let after: UserId = String::from_utf8(digits).unwrap().parse().unwrap();
            prop_assert_ne!(before.expected_check_digit(), after.expected_check_digit());
        }

        #[test]
        fn anything_else_is_refused(text in "\\PC*") {
            let is_twelve_digits = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
            prop_assert_eq!(text.parse::<UserId>().is_ok(), is_twelve_digits);
        }
    }
}
