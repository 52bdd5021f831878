//! What a model says of AuthentIC v3 alone.

use std::fmt;

use ::authentic::words::v3::MECHANISMS;
use serde::Deserialize;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::KeySizes;
use crate::card::Reference;
use crate::card::authentic::v3::LONGEST_PASSCODE;

/// What a model says of AuthentIC v3 alone.
#[derive(Clone, Debug)]
pub struct Version3 {
    /// The holder's passcode, as the card takes it.
    pub passcode_length: Lengths,
    /// The security officer's passcode, as the card takes it.
    pub officer_length: Lengths,
    /// Whether GET DATA needs class 80; otherwise 00 does as well.
    pub proprietary_get_data: bool,
    /// Whether the card puts a bare digest of 20 or 32 bytes into its DigestInfo before signing.
    pub completes_digests: bool,
    /// The secure channel, where the card has one.
    pub secure_channel: Option<SecureChannel>,
}

/// How long a passcode may be, in characters.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    /// The shortest.
    pub min: u8,
    /// The longest, to which it is filled up on the wire: 63 at most.
    pub max: u8,
}

/// The secure channel, SCP01, and its keys.
#[derive(Clone)]
pub struct SecureChannel {
    /// The version of the key set.
    pub key_version: u8,
    /// Consecutive failures until the channel is locked for good, 1 to 255.
    pub tries: u8,
    pub(in crate::card::authentic) keys: ChannelKeys,
}

/// ENC, MAC and KEK of a card.
#[derive(Clone)]
pub(in crate::card::authentic) enum ChannelKeys {
    /// The same on every card of the model.
    Same(Zeroizing<[u8; 48]>),
    /// Those of each card follow from this one and its serial number.
    Master(Zeroizing<[u8; 16]>),
}

impl fmt::Debug for SecureChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecureChannel")
            .field("key_version", &self.key_version)
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

/// [`Version3`] as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVersion3 {
    passcode_length: Lengths,
    officer_length: Lengths,
    proprietary_get_data: bool,
    completes_digests: bool,
    secure_channel: Option<RawSecureChannel>,
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct RawSecureChannel {
    key_version: u8,
    tries: u8,
    keys: Option<String>,
    master_key: Option<String>,
}

impl RawVersion3 {
    /// That the card could take its own passcodes, and make every key.
    pub(super) fn check(
        &self,
        passcode: &Reference,
        officer: &Reference,
        keys: &KeySizes,
    ) -> Result<(), String> {
        for (name, reference, lengths) in [
            ("passcode", passcode, self.passcode_length),
            ("officer", officer, self.officer_length),
        ] {
            let (min, max) = (usize::from(lengths.min), usize::from(lengths.max));
            if !(min..=max).contains(&reference.length()) {
                return Err(format!("`{name}` must have {min} to {max} characters"));
            }
        }
        let is_known = |size: &u16| MECHANISMS.iter().any(|(_, bits)| bits == size);
        match keys.sizes.iter().find(|size| !is_known(size)) {
            Some(size) => Err(format!("v3 has no mechanism for keys of {size} bits")),
            None => Ok(()),
        }
    }
}

impl TryFrom<RawVersion3> for Version3 {
    type Error = String;

    fn try_from(raw: RawVersion3) -> Result<Self, String> {
        for (name, lengths) in [
            ("passcode_length", raw.passcode_length),
            ("officer_length", raw.officer_length),
        ] {
            let longest = usize::from(lengths.max);
            if lengths.min == 0 || lengths.min > lengths.max || longest > LONGEST_PASSCODE {
                return Err(format!(
                    "`{name}` must go from at least 1 to at most {LONGEST_PASSCODE}"
                ));
            }
        }
        Ok(Self {
            passcode_length: raw.passcode_length,
            officer_length: raw.officer_length,
            proprietary_get_data: raw.proprietary_get_data,
            completes_digests: raw.completes_digests,
            secure_channel: raw.secure_channel.map(TryFrom::try_from).transpose()?,
        })
    }
}

impl TryFrom<RawSecureChannel> for SecureChannel {
    type Error = String;

    fn try_from(raw: RawSecureChannel) -> Result<Self, String> {
        if raw.tries == 0 {
            return Err("`tries` of the secure channel must be at least 1".to_owned());
        }
        let keys = match (&raw.keys, &raw.master_key) {
            (Some(keys), None) => ChannelKeys::Same(key("keys", keys)?),
            (None, Some(master)) => ChannelKeys::Master(key("master_key", master)?),
            _ => return Err("a secure channel has either `keys` or a `master_key`".to_owned()),
        };
        Ok(Self {
            key_version: raw.key_version,
            tries: raw.tries,
            keys,
        })
    }
}

fn key<const N: usize>(name: &str, text: &str) -> Result<Zeroizing<[u8; N]>, String> {
    let mut key = Zeroizing::new([0; N]);
    hex::decode_to_slice(text, &mut *key)
        .map_err(|_| format!("`{name}` must have {N} bytes in hexadecimal digits"))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use crate::card::authentic::AuthenticModel;

    #[test]
    fn a_model_that_contradicts_itself_is_refused() {
        let text = &AuthenticModel::series8_v3().source.0;
        for (from, to, word) in [
            (
                "min = 4, max = 63 }\n# (unknown) OpenSC",
                "min = 4, max = 64 }\n#",
                "at most 63",
            ),
            (
                "min = 4, max = 63 }\n# (unknown) OpenSC",
                "min = 9, max = 63 }\n#",
                "`passcode`",
            ),
            (
                "min = 4, max = 63 }\n# (unknown) the drivers",
                "min = 4, max = 7 }\n#",
                "`officer`",
            ),
            ("[1024, 1280,", "[1024, 1088,", "1088"),
            ("tries = 10", "tries = 0", "at least 1"),
            ("101112", "1112", "16 bytes"),
            ("master_key", "keys", "48 bytes"),
            ("applet = \"v3\"", "applet = \"v2\"", "v2"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = AuthenticModel::parse(&text.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(word), "{to}: {error}");
        }
    }

    #[test]
    fn keys_are_not_in_the_debug_text() {
        let text = format!("{:?}", AuthenticModel::series8_v3());
        assert!(
            text.contains("SecureChannel") && !text.contains("16, 17, 18"),
            "{text}"
        );
    }
}
