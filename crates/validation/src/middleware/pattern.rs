use std::fmt;
use std::str::FromStr;

use iso7816::StatusWord;

/// Status words a client can go on with, such as `6A82`, `63Cx` or `not 9000`.
///
/// An `x` is any digit. Of several patterns all that begin with `not` must hold, and one of the
/// others, if there are any.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct StatusPattern {
    value: u16,
    /// The bits that count.
    mask: u16,
    negated: bool,
}

impl StatusPattern {
    /// Whether a status word is within what all of the patterns together allow.
    #[must_use]
    pub fn allow(patterns: &[Self], status: StatusWord) -> bool {
        let matches = |pattern: &&Self| status.0 & pattern.mask == pattern.value;
        let (negated, wanted): (Vec<&Self>, Vec<&Self>) =
            patterns.iter().partition(|pattern| pattern.negated);
        !negated.iter().any(matches) && (wanted.is_empty() || wanted.iter().any(matches))
    }

    /// The patterns in words.
    #[must_use]
    pub fn list(patterns: &[Self]) -> String {
        let (negated, wanted): (Vec<&Self>, Vec<&Self>) =
            patterns.iter().partition(|pattern| pattern.negated);
        let join = |list: &[&Self], between| {
            let names: Vec<String> = list.iter().map(ToString::to_string).collect();
            names.join(between)
        };
        match (wanted.is_empty(), negated.is_empty()) {
            (false, false) => format!("{} and {}", join(&wanted, " or "), join(&negated, " and ")),
            (false, true) => join(&wanted, " or "),
            (true, _) => join(&negated, " and "),
        }
    }
}

impl FromStr for StatusPattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (digits, negated) = match text.strip_prefix("not ") {
            Some(digits) => (digits, true),
            None => (text, false),
        };
        const FORM: &str = "a status pattern is four digits, an x for any digit, or `not` and such";
        if digits.len() != 4 {
            return Err(FORM);
        }
        let (mut value, mut mask) = (0, 0);
        for digit in digits.chars() {
            let nibble = match digit {
                'x' => None,
                _ => Some(digit.to_digit(16).ok_or(FORM)?),
            };
            value = value << 4 | nibble.unwrap_or(0) as u16;
            mask = mask << 4 | if nibble.is_some() { 0xF } else { 0 };
        }
        Ok(Self {
            value,
            mask,
            negated,
        })
    }
}

impl fmt::Display for StatusPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negated {
            f.write_str("not ")?;
        }
        for shift in [12, 8, 4, 0] {
            match self.mask >> shift & 0xF {
                0 => f.write_str("x")?,
                _ => write!(f, "{:X}", self.value >> shift & 0xF)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for StatusPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatusPattern({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn patterns(texts: &[&str]) -> Vec<StatusPattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn allows(texts: &[&str], status: u16) -> bool {
        StatusPattern::allow(&patterns(texts), StatusWord(status))
    }

    #[test]
    fn one_of_the_wanted_and_none_of_the_others() {
        assert!(allows(&["6A82"], 0x6A82));
        assert!(!allows(&["6A82"], 0x6A81));
        assert!(allows(&["63Cx", "9000"], 0x63C7));
        assert!(allows(&["63Cx", "9000"], 0x9000));
        assert!(!allows(&["63Cx", "9000"], 0x6300));
        assert!(allows(&["not 9000"], 0x6A82));
        assert!(!allows(&["not 9000"], 0x9000));
        assert!(allows(&["6xxx", "not 61xx"], 0x6982));
        assert!(!allows(&["6xxx", "not 61xx"], 0x6110));
        assert_eq!(
            StatusPattern::list(&patterns(&["6Axx", "not 6A80", "6D00"])),
            "6Axx or 6D00 and not 6A80"
        );
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "6A8", "6A822", "6A8g", "not6A82", "not ", "6a8X"] {
            assert!(text.parse::<StatusPattern>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_pattern_that_reads_back_or_none(text in "(not )?[0-9a-fA-Fx]{0,5}|.*") {
            if let Ok(pattern) = text.parse::<StatusPattern>() {
                prop_assert_eq!(pattern.to_string().parse(), Ok(pattern));
            }
        }
    }
}
