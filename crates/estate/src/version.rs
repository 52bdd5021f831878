use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The version of a program: numbers with dots between. Trailing zeros do not count, `3.x` is `3`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(Vec<u32>);

impl Version {
    /// The most numbers a version may have.
    const MOST: usize = 6;

    fn significant(&self) -> &[u32] {
        let end = self.0.iter().rposition(|&part| part != 0);
        &self.0[..end.map_or(0, |last| last + 1)]
    }
}

impl FromStr for Version {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "a version is numbers with dots between, such as 2.4.10.0";
        let text = text.trim();
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text).trim_start();
        let text = text.strip_suffix(".x").unwrap_or(text);
        let mut parts = Vec::new();
        for part in text.split('.') {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if !digits || parts.len() == Self::MOST {
                return Err(EXPECTED);
            }
            parts.push(part.parse().map_err(|_| EXPECTED)?);
        }
        Ok(Self(parts))
    }
}

impl TryFrom<String> for Version {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            write!(f, "{part}")?;
        }
        Ok(())
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.significant() == other.significant()
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.significant().cmp(other.significant())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number_not_by_letter() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert!(version("2.4.9") < version("2.4.10.0"));
        assert_eq!(version("v2.4.10"), version("2.4.10.0"));
        assert_eq!(version("3.x"), version("3"));
        assert_eq!(version("1.3.1.0").to_string(), "1.3.1.0");
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in [
            "",
            "x",
            "1..2",
            "1.2.3.4.5.6.7",
            "99999999999",
            "1.-2",
            "+1",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }
}
