use piv::words::ObjectId;
use serde::{Deserialize, Serialize};

use super::wire;
use crate::Certainty;

/// A departure from a standard that is known of the cards of a series and accepted.
///
/// A validation reports it with this explanation instead of failing the card.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Explained {
    /// The id of the assertion that does not hold.
    pub assertion: String,
    /// The object it does not hold for, written `5FC102`; any if left out.
    #[serde(default, with = "wire::word", skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectId>,
    /// A part of what the report says was expected and observed; anything if left out. It keeps
    /// one known departure from hiding another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// Why the cards do so, and why that is accepted.
    pub why: String,
    /// Where that is stated.
    pub source: String,
    /// How far to trust it.
    pub certainty: Certainty,
}

impl Explained {
    /// Whether this explains a departure from `assertion` for `object`, told in these words.
    #[must_use]
    pub fn covers(&self, assertion: &str, object: Option<ObjectId>, told: &str) -> bool {
        self.assertion == assertion
            && (self.object.is_none() || self.object == object)
            && self.says.as_deref().is_none_or(|part| told.contains(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_departure_described_is_covered() {
        let known: Explained = toml::from_str(
            r#"
                assertion = "select.unknown-application"
                object = "5FC102"
                says = "6A88"
                why = "the applet answers for the card manager"
                source = "sample 3"
                certainty = "inferred"
            "#,
        )
        .unwrap();
        let chuid = Some(ObjectId::Chuid);
        assert!(known.covers("select.unknown-application", chuid, "answered with 6A88"));
        assert!(!known.covers("select.unknown-application", chuid, "answered with 9000"));
        assert!(!known.covers("select.unknown-application", None, "answered with 6A88"));
        assert!(!known.covers("select.truncated", chuid, "answered with 6A88"));
    }

    #[test]
    fn an_object_that_is_none_is_refused() {
        let text =
            "assertion = 'a'\nobject = '5FC1FF'\nwhy = 'w'\nsource = 's'\ncertainty = 'public'";
        let error = toml::from_str::<Explained>(text).unwrap_err();
        assert!(error.to_string().contains("5FC1FF"), "{error}");
    }
}
