use std::fmt;

use serde::{Deserialize, Serialize};

/// How far a stated value can be relied on.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// The named source states it.
    Public,
    /// Concluded from what sources state; no source states it outright.
    Inferred,
    /// Not public. The value is a working default, to be replaced by whoever knows.
    Unknown,
}

impl Certainty {
    /// The word used in profile files and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Inferred => "inferred",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value, where it comes from and how far to trust it.
///
/// A value of certainty [`Certainty::Unknown`] is a default that lets the tools work; it shows
/// itself as one in every listing. Where sources disagree the others stand in `conflicts`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "RawKnown<T>")]
pub struct Known<T> {
    /// The value to work with.
    pub value: T,
    /// Document and section, or why it was chosen. Never empty.
    pub source: String,
    /// How far to trust it.
    pub certainty: Certainty,
    /// What other sources say instead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict<T>>,
}

/// What another source says instead.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Conflict<T> {
    /// The other value.
    pub value: T,
    /// Who says so.
    pub source: String,
}

impl<T> Known<T> {
    /// Whether the value stands in for something that is not public.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.certainty == Certainty::Unknown
    }

    /// The same statement about another form of the value.
    ///
    /// # Errors
    ///
    /// The first error of `form`, for the value or for a conflicting one.
    pub(crate) fn try_map<U, E>(
        self,
        mut form: impl FnMut(T) -> Result<U, E>,
    ) -> Result<Known<U>, E> {
        Ok(Known {
            value: form(self.value)?,
            source: self.source,
            certainty: self.certainty,
            conflicts: self
                .conflicts
                .into_iter()
                .map(|conflict| {
                    Ok(Conflict {
                        value: form(conflict.value)?,
                        source: conflict.source,
                    })
                })
                .collect::<Result<_, E>>()?,
        })
    }

    /// The same statement about another form of the value.
    pub(crate) fn map_ref<U>(&self, mut form: impl FnMut(&T) -> U) -> Known<U> {
        Known {
            value: form(&self.value),
            source: self.source.clone(),
            certainty: self.certainty,
            conflicts: self
                .conflicts
                .iter()
                .map(|conflict| Conflict {
                    value: form(&conflict.value),
                    source: conflict.source.clone(),
                })
                .collect(),
        }
    }
}

/// As written in the file, before it is known that a source is given.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKnown<T> {
    value: T,
    source: String,
    certainty: Certainty,
    #[serde(default = "Vec::new")]
    conflicts: Vec<Conflict<T>>,
}

impl<T> TryFrom<RawKnown<T>> for Known<T> {
    type Error = &'static str;

    fn try_from(raw: RawKnown<T>) -> Result<Self, Self::Error> {
        let sources = raw.conflicts.iter().map(|conflict| &conflict.source);
        if sources.chain([&raw.source]).any(|s| s.trim().is_empty()) {
            return Err("`source` is empty; say where the value comes from");
        }
        Ok(Self {
            value: raw.value,
            source: raw.source,
            certainty: raw.certainty,
            conflicts: raw.conflicts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_source_is_refused() {
        let text = r#"value = 1
source = " "
certainty = "public""#;
        let error = toml::from_str::<Known<u8>>(text).unwrap_err();
        assert!(error.to_string().contains("`source` is empty"), "{error}");
    }

    #[test]
    fn a_misspelt_field_is_refused() {
        let text = "value = 1\nsource = \"x\"\ncertanty = \"public\"";
        assert!(toml::from_str::<Known<u8>>(text).is_err());
    }
}
