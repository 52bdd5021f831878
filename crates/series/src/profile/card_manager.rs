use serde::{Deserialize, Serialize};

use crate::Known;

/// How issuing speaks to the card manager of a series, and what it does there (GlobalPlatform Card
/// Specification 2.3.1). The keys themselves are in no profile: they are the issuer's secret.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CardManagerPlan {
    /// The secure channel protocol and the length of its challenges and MACs.
    pub protocol: Known<ChannelProtocol>,
    /// The version of the delivered keys to ask for; 0 lets the card choose.
    pub key_version: Known<u8>,
    /// What the secure channel protects.
    pub security_level: Known<ChannelLevel>,
    /// How a card's delivered keys come from those supplied with the stock.
    pub diversification: Known<KeyDiversification>,
    /// What becomes of the delivered keys.
    pub keys: Known<ManagerKeys>,
    /// Whether a card that arrives without issuer and card number (IIN and CIN) gets them.
    pub serial: Known<SerialWriting>,
    /// The issuer identification number written, 1 to 16 bytes in hexadecimal. The card image
    /// number is the number the blank is accounted for by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iin: Option<Known<String>>,
}

impl CardManagerPlan {
    /// The issuer identification number in bytes; `None` where none is written.
    #[must_use]
    pub fn iin(&self) -> Option<Vec<u8>> {
        hex::decode(&self.iin.as_ref()?.value).ok()
    }

    pub(super) fn inconsistency(&self) -> Option<(&'static str, String)> {
        if let Some(iin) = &self.iin
            && !hex::decode(&iin.value).is_ok_and(|iin| (1..=16).contains(&iin.len()))
        {
            let problem = format!("`{}` is not 1 to 16 bytes in hexadecimal", iin.value);
            return Some(("iin", problem));
        }
        if self.serial.value == SerialWriting::WriteIfAbsent && self.iin.is_none() {
            let problem = "writing the serial number needs an `iin`".to_owned();
            return Some(("serial", problem));
        }
        if self.key_version.value > 0x7F && self.key_version.value != 0xFF {
            let problem = format!(
                "{} is no version of a key set: 0 to 127, or 255 for initial keys",
                self.key_version.value
            );
            return Some(("key-version", problem));
        }
        None
    }
}

/// A secure channel protocol.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelProtocol {
    /// SCP03 with 8-byte challenges and MACs.
    #[serde(rename = "scp03-s8")]
    Scp03S8,
    /// SCP03 with 16-byte challenges and MACs.
    #[serde(rename = "scp03-s16")]
    Scp03S16,
}

/// What a secure channel protects (Amendment D, 7.1.2).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelLevel {
    /// 01: commands have a MAC.
    CMac,
    /// 03: commands have a MAC and are encrypted.
    CMacCEnc,
    /// 11: commands and responses have a MAC.
    CMacRMac,
    /// 13: commands and responses have a MAC, commands are encrypted.
    CMacCEncRMac,
    /// 33: commands and responses have a MAC and are encrypted.
    Full,
}

impl ChannelLevel {
    /// The byte on the wire.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::CMac => 0x01,
            Self::CMacCEnc => 0x03,
            Self::CMacRMac => 0x11,
            Self::CMacCEncRMac => 0x13,
            Self::Full => 0x33,
        }
    }
}

/// How a card's keys come from a master key.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyDiversification {
    /// All cards have the keys supplied.
    None,
    /// The convention known as KDF3.
    Kdf3,
}

/// What becomes of the delivered keys of a card manager.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManagerKeys {
    /// They stay.
    Keep,
    /// The card's own keys, derived from the issuer's master key, take their place.
    Replace,
}

/// What is done about a card without issuer and card number.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SerialWriting {
    /// Nothing.
    Leave,
    /// What is absent is written; what is there stays.
    WriteIfAbsent,
}
