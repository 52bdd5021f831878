use std::fmt;

use piv::words::{Algorithm, KeyReference, ObjectId};
use serde::{Deserialize, Serialize};

use super::{AuthenticPlan, wire};
use crate::Known;

/// What a key is for, in the estate's words.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slot {
    /// Logging in.
    Authentication,
    /// Signing prescriptions and the like.
    Signing,
}

impl Slot {
    /// Both, in the order they are personalised.
    pub const ALL: [Self; 2] = [Self::Authentication, Self::Signing];

    /// The word used in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Signing => "signing",
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a card is personalised, by the application it has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Plan<'a> {
    /// Through the PIV application.
    Piv(&'a PivPlan),
    /// Through an AuthentIC application.
    Authentic(&'a AuthenticPlan),
}

impl<'a> Plan<'a> {
    /// The plan for the PIV application, if it is that.
    #[must_use]
    pub fn piv(self) -> Option<&'a PivPlan> {
        match self {
            Self::Piv(plan) => Some(plan),
            Self::Authentic(_) => None,
        }
    }

    /// The plan for an AuthentIC application, if it is that.
    #[must_use]
    pub fn authentic(self) -> Option<&'a AuthenticPlan> {
        match self {
            Self::Piv(_) => None,
            Self::Authentic(plan) => Some(plan),
        }
    }
}

/// How a card with the PIV application is personalised.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PivPlan {
    /// Which key serves which purpose.
    pub slots: Slots,
    /// How the administration key is used and replaced.
    pub admin: AdminPath,
    /// The unblocking key.
    pub puk: PukPolicy,
    /// The data objects written at issuance, in order.
    #[serde(with = "wire::known_words")]
    pub objects: Known<Vec<ObjectId>>,
}

impl PivPlan {
    /// The key and algorithm of a slot.
    #[must_use]
    pub fn slot(&self, slot: Slot) -> (KeyReference, Algorithm) {
        let plan = match slot {
            Slot::Authentication => &self.slots.authentication,
            Slot::Signing => &self.slots.signing,
        };
        (plan.key.value, plan.algorithm.value)
    }

    /// The slot a key serves.
    #[must_use]
    pub fn slot_of(&self, key: KeyReference) -> Option<Slot> {
        Slot::ALL.into_iter().find(|&slot| self.slot(slot).0 == key)
    }

    pub(super) fn inconsistency(&self) -> Option<(&'static str, String)> {
        for slot in Slot::ALL {
            let (key, algorithm) = self.slot(slot);
            if key.certificate().is_none() {
                let problem = format!("key {key} has no certificate, it cannot serve {slot}");
                return Some(("slots", problem));
            }
            if !matches!(
                algorithm,
                Algorithm::Rsa1024
                    | Algorithm::Rsa2048
                    | Algorithm::Rsa3072
                    | Algorithm::P256
                    | Algorithm::P384
            ) {
                let problem = format!("{algorithm} makes no key pairs, it cannot serve {slot}");
                return Some(("slots", problem));
            }
        }
        if self.slot(Slot::Authentication).0 == self.slot(Slot::Signing).0 {
            let problem = "authentication and signing share one key".to_owned();
            return Some(("slots", problem));
        }
        if self.admin.algorithm.value.symmetric_key_size().is_none() {
            let problem = format!(
                "{} is no symmetric algorithm, it cannot serve administration",
                self.admin.algorithm.value
            );
            return Some(("admin", problem));
        }
        if self.admin.change.value == AdminKeyChange::Scp03PutKey && self.admin.put_key.is_none() {
            let problem = "change `scp03-put-key` needs a table `[piv.admin.put-key]`".to_owned();
            return Some(("change", problem));
        }
        None
    }
}

/// Which key serves which purpose.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Slots {
    /// [`Slot::Authentication`].
    pub authentication: SlotPlan,
    /// [`Slot::Signing`].
    pub signing: SlotPlan,
}

/// One slot.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SlotPlan {
    /// The PIV key, written `9A`.
    #[serde(with = "wire::known_word")]
    pub key: Known<KeyReference>,
    /// The algorithm its key pair is generated for, written `rsa-2048`.
    #[serde(with = "wire::known_word")]
    pub algorithm: Known<Algorithm>,
}

/// How the administration key is used and replaced.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AdminPath {
    /// The key, `9B` in the standard.
    #[serde(with = "wire::known_word")]
    pub key: Known<KeyReference>,
    /// Its algorithm, written `aes-192`.
    #[serde(with = "wire::known_word")]
    pub algorithm: Known<Algorithm>,
    /// How the stock's key is replaced by the card's own.
    pub change: Known<AdminKeyChange>,
    /// The form of PUT KEY, for [`AdminKeyChange::Scp03PutKey`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub put_key: Option<PutKeyForm>,
}

/// Where PUT KEY puts the administration key. The command is GlobalPlatform's (Card Specification
/// 2.3.1, 11.8, in the form for one key); these bytes are the maker's choice.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PutKeyForm {
    /// P1: the version replaced, 0 for none.
    pub p1: Known<u8>,
    /// P2: the key's identifier.
    pub p2: Known<u8>,
    /// The new version, first in the data field.
    pub version: Known<u8>,
}

/// How the administration key of a card is replaced. The PIV standard has no command for it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdminKeyChange {
    /// The vendor command SET MANAGEMENT KEY, `00 FF FF FF`.
    SetManagementKey,
    /// PUT KEY through a secure channel (SCP03) opened while the PIV application is selected, to
    /// the security domain that serves it. Needs `[piv.admin.put-key]` and `[card-manager]`.
    Scp03PutKey,
    /// The issuer's key stays; nothing is replaced.
    Keep,
}

/// The unblocking key of a card.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PukPolicy {
    /// Where its value comes from.
    pub scheme: Known<PukScheme>,
    /// Wrong tries before it is blocked for good.
    pub tries: Known<u8>,
}

/// Where the value of an unblocking key comes from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PukScheme {
    /// Drawn at random for each card and kept by the key service.
    RandomPerCard,
    /// Derived from a master key and the card's identity.
    DerivedPerCard,
}
