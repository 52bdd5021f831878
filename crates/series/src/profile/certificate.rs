use serde::{Deserialize, Serialize};

use super::{Policies, Slot};
use crate::Known;

/// What a series' certificates look like.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CertificateProfile {
    /// Months from notBefore to notAfter.
    pub validity_months: Known<u16>,
    /// Days before the end in which a pair can be renewed.
    pub renewal_window_days: Known<u16>,
    /// Organisation (O) of the subject.
    pub organisation: Known<String>,
    /// Organisational unit (OU) of the subject.
    pub organisational_unit: Known<String>,
    /// Certificate policies, dotted decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_policy: Option<Known<String>>,
    /// Whether the policies extension of a signing certificate is critical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_policy_critical: Option<Known<bool>>,
    /// Where the certification practice statement of the signing policy is, a URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_cps: Option<Known<String>>,
    /// How much of the certificate's life the signing key may be used in, in percent: the private
    /// key usage period (RFC 3280, 4.2.1.4) ends that far on. 1 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_key_life_percent: Option<Known<u8>>,
    /// Key usages of the signing certificate (RFC 5280, 4.2.1.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_usage: Option<Known<Vec<Usage>>>,
    /// Key usages of the authentication certificate (RFC 5280, 4.2.1.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication_usage: Option<Known<Vec<Usage>>>,
    /// Whether key usage is critical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_critical: Option<Known<bool>>,
    /// Whether the issuer is bound to what FIPS 201 asks of agencies of the United States: FASC-N
    /// and piv-interim in the certificates, and the policies of the Common Policy Framework. Left
    /// out where the FASC-N of each card says so itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub federal: Option<Known<bool>>,
    /// The policies of which the certificate of a key must name one, dotted decimal, by the key:
    /// `9A`, `9C`, `9D`, `9E`, or `signer` for the content signer. What is not named may name any;
    /// without this, the Common Policy Framework's bind a federal issuer and none another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<Known<Policies>>,
}

impl CertificateProfile {
    /// Key usages of the certificate of a slot, if the profile says.
    #[must_use]
    pub fn usage(&self, slot: Slot) -> Option<&Known<Vec<Usage>>> {
        match slot {
            Slot::Authentication => self.authentication_usage.as_ref(),
            Slot::Signing => self.signing_usage.as_ref(),
        }
    }

    pub(super) fn inconsistency(&self) -> Option<(&'static str, String)> {
        let share = self.signing_key_life_percent.as_ref()?.value;
        if (1..=100).contains(&share) {
            return None;
        }
        let problem = format!("{share} percent of a life, 1 to 100 are possible");
        Some(("signing-key-life-percent", problem))
    }
}

/// A key usage (RFC 5280, 4.2.1.3).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Usage {
    /// Bit 0.
    DigitalSignature,
    /// Bit 1, also called content commitment.
    NonRepudiation,
    /// Bit 2.
    KeyEncipherment,
    /// Bit 3.
    DataEncipherment,
    /// Bit 4.
    KeyAgreement,
}

impl Usage {
    /// The name in RFC 5280, such as `nonRepudiation`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DigitalSignature => "digitalSignature",
            Self::NonRepudiation => "nonRepudiation",
            Self::KeyEncipherment => "keyEncipherment",
            Self::DataEncipherment => "dataEncipherment",
            Self::KeyAgreement => "keyAgreement",
        }
    }
}
