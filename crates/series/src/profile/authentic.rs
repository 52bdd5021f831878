use authentic::{Applet, KeyId, KeySpec, KeyUsage};
use serde::{Deserialize, Serialize};

use super::{Slot, wire};
use crate::Known;

/// How a card with an AuthentIC application is personalised.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AuthenticPlan {
    /// Which of the two applications the stock has. Identification finds out what a card has; this
    /// is what is expected of a blank.
    #[serde(with = "wire::known_word")]
    pub applet: Known<Applet>,
    /// Which key serves which purpose.
    pub slots: AuthenticSlots,
    /// The security officer's passcode (SO PIN), by which a locked card is unlocked.
    pub officer: OfficerPolicy,
    /// What is particular to AuthentIC v2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v2: Option<AppletWords>,
    /// What is particular to AuthentIC v3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v3: Option<AppletWords>,
}

/// Which key serves which purpose.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AuthenticSlots {
    /// Logging in.
    pub authentication: AuthenticSlot,
    /// Signing prescriptions and the like.
    pub signing: AuthenticSlot,
}

/// One key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AuthenticSlot {
    /// The key's index on the card, 1 to 126.
    pub key: Known<u8>,
    /// Bits of the RSA modulus, 1024 or 2048.
    pub bits: Known<u16>,
}

/// Rules for the security officer's passcode.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OfficerPolicy {
    /// Where its value comes from.
    pub scheme: Known<super::PukScheme>,
    /// Fewest characters.
    pub min_length: Known<u8>,
    /// Most characters.
    pub max_length: Known<u8>,
    /// Wrong tries before it is blocked for good.
    pub tries: Known<u8>,
}

/// What one version of the application calls its passcodes, and how it is administered.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AppletWords {
    /// Reference of the holder's passcode, hexadecimal.
    #[serde(with = "wire::known_word")]
    pub holder: Known<u8>,
    /// Reference of the security officer's passcode, hexadecimal.
    #[serde(with = "wire::known_word")]
    pub officer: Known<u8>,
    /// What opens the card for writing.
    pub admin: Known<AuthenticAdmin>,
    /// How the card's keys for the secure channel come from what is supplied; only for
    /// [`AuthenticAdmin::Scp01`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_diversification: Option<Known<Scp01Diversification>>,
}

/// What opens an AuthentIC card for writing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthenticAdmin {
    /// The security officer's passcode.
    SoPin,
    /// A secure channel of GlobalPlatform, SCP01. AuthentIC v3 alone.
    Scp01,
}

/// How the three static keys of SCP01 come from what is supplied.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scp01Diversification {
    /// 48 bytes are supplied for each card: the keys themselves.
    None,
    /// 16 bytes are supplied for all cards: a master key, diversified by bytes 6 to 9 of each
    /// card's answer to INITIALIZE UPDATE.
    Master,
}

impl AuthenticPlan {
    /// The key index and the bits of its modulus for a slot.
    #[must_use]
    pub fn slot(&self, slot: Slot) -> (u8, u16) {
        let plan = match slot {
            Slot::Authentication => &self.slots.authentication,
            Slot::Signing => &self.slots.signing,
        };
        (plan.key.value, plan.bits.value)
    }

    /// The key of a slot as the application is asked for it.
    #[must_use]
    pub fn key_spec(&self, slot: Slot) -> KeySpec {
        let (key, bits) = self.slot(slot);
        KeySpec {
            id: KeyId(key),
            bits,
            usage: match slot {
                Slot::Authentication => KeyUsage::Authentication,
                Slot::Signing => KeyUsage::Signing,
            },
            label: slot.name().to_owned(),
        }
    }

    /// The slot a key serves.
    #[must_use]
    pub fn slot_of(&self, key: u8) -> Option<Slot> {
        Slot::ALL.into_iter().find(|&slot| self.slot(slot).0 == key)
    }

    /// What is particular to a version, if the profile says.
    #[must_use]
    pub fn words(&self, applet: Applet) -> Option<&AppletWords> {
        match applet {
            Applet::V2 => self.v2.as_ref(),
            Applet::V3 => self.v3.as_ref(),
        }
    }

    pub(super) fn inconsistency(&self) -> Option<(&'static str, String)> {
        for slot in Slot::ALL {
            let (key, bits) = self.slot(slot);
            if !(1..=0x7E).contains(&key) {
                let problem = format!("key {key} cannot serve {slot}, keys are 1 to 126");
                return Some(("slots", problem));
            }
            if !matches!(bits, 1024 | 2048) {
                let problem = format!("RSA-{bits} cannot serve {slot}, it is 1024 or 2048 bits");
                return Some(("slots", problem));
            }
        }
        if self.slot(Slot::Authentication).0 == self.slot(Slot::Signing).0 {
            let problem = "authentication and signing share one key".to_owned();
            return Some(("slots", problem));
        }
        let (min, max) = (self.officer.min_length.value, self.officer.max_length.value);
        if min < 4 || max > 64 || min > max {
            let problem = format!("SO PIN of {min} to {max} characters; 4 to 64 are possible");
            return Some(("officer", problem));
        }
        let expected = self.applet.value;
        if self.words(expected).is_none() {
            let problem = format!(
                "applet `{word}` needs a table `[authentic.{word}]`",
                word = wire::Word::write(&expected)
            );
            return Some(("applet", problem));
        }
        [Applet::V2, Applet::V3]
            .into_iter()
            .find_map(|applet| self.words(applet)?.inconsistency(applet))
    }
}

impl AppletWords {
    fn inconsistency(&self, applet: Applet) -> Option<(&'static str, String)> {
        if self.holder.value == self.officer.value {
            let problem = "holder and officer share one passcode".to_owned();
            let table = match applet {
                Applet::V2 => "v2",
                Applet::V3 => "v3",
            };
            return Some((table, problem));
        }
        match (self.admin.value, &self.key_diversification) {
            (AuthenticAdmin::Scp01, _) if applet == Applet::V2 => {
                Some(("admin", "AuthentIC v2 has no secure channel".to_owned()))
            }
            (AuthenticAdmin::Scp01, None) => {
                let problem = "admin `scp01` needs a `key-diversification`".to_owned();
                Some(("admin", problem))
            }
            (AuthenticAdmin::SoPin, Some(_)) => {
                let problem = "admin `so-pin` has no use for a `key-diversification`".to_owned();
                Some(("key-diversification", problem))
            }
            _ => None,
        }
    }
}
