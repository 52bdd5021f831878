use std::collections::BTreeMap;

use const_oid::ObjectIdentifier;
use piv::signed::CertificateRole;
use serde::{Deserialize, Serialize};

/// The policies of which certificates must name one, by whose certificate it is. What is not
/// named may name any.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(
    try_from = "BTreeMap<PolicyHolder, Vec<String>>",
    into = "BTreeMap<PolicyHolder, Vec<String>>"
)]
pub struct Policies(pub BTreeMap<PolicyHolder, Vec<ObjectIdentifier>>);

/// Whose certificate a policy is demanded of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum PolicyHolder {
    /// Key 9A.
    #[serde(rename = "9A")]
    Authentication,
    /// Key 9C.
    #[serde(rename = "9C")]
    Signature,
    /// Key 9D.
    #[serde(rename = "9D")]
    KeyManagement,
    /// Key 9E.
    #[serde(rename = "9E")]
    CardAuthentication,
    /// The content signer.
    #[serde(rename = "signer")]
    ContentSigner,
}

impl PolicyHolder {
    /// The role of the certificate.
    #[must_use]
    pub const fn role(self) -> CertificateRole {
        match self {
            Self::Authentication => CertificateRole::Authentication,
            Self::Signature => CertificateRole::Signature,
            Self::KeyManagement => CertificateRole::KeyManagement,
            Self::CardAuthentication => CertificateRole::CardAuthentication,
            Self::ContentSigner => CertificateRole::ContentSigner,
        }
    }
}

impl TryFrom<BTreeMap<PolicyHolder, Vec<String>>> for Policies {
    type Error = String;

    fn try_from(written: BTreeMap<PolicyHolder, Vec<String>>) -> Result<Self, String> {
        let parse = |text: String| {
            text.parse()
                .map_err(|_| format!("`{text}` is no object identifier; they are written 2.16.840"))
        };
        let policies = written.into_iter().map(|(holder, texts)| {
            let parsed: Result<Vec<_>, String> = texts.into_iter().map(parse).collect();
            Ok((holder, parsed?))
        });
        policies.collect::<Result<_, String>>().map(Self)
    }
}

impl From<Policies> for BTreeMap<PolicyHolder, Vec<String>> {
    fn from(policies: Policies) -> Self {
        let text = |all: Vec<ObjectIdentifier>| all.iter().map(ToString::to_string).collect();
        policies
            .0
            .into_iter()
            .map(|(holder, all)| (holder, text(all)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_written_back_as_they_were_read() {
        let text = r#"{"9A":["2.16.840.1"],"signer":["1.2.3","1.2.4"]}"#;
        let policies: Policies = serde_json::from_str(text).unwrap();
        assert_eq!(policies.0[&PolicyHolder::ContentSigner].len(), 2);
        assert_eq!(serde_json::to_string(&policies).unwrap(), text);
    }

    #[test]
    fn what_is_no_object_identifier_is_named() {
        let error = serde_json::from_str::<Policies>(r#"{"9A":["id-policy"]}"#).unwrap_err();
        assert!(error.to_string().contains("id-policy"), "{error}");
        assert!(serde_json::from_str::<Policies>(r#"{"9B":[]}"#).is_err());
    }
}
