//! The security domain as a model describes it.

use std::fmt;

use serde::Deserialize;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The version of initial keys (Card Specification 2.3.1, 11.8.2.2 and the practice of makers).
pub(super) const INITIAL_KEYS: u8 = 0xFF;

/// The issuer security domain's secure channel (SCP03) as delivered.
#[derive(Clone, Deserialize)]
#[serde(try_from = "Raw")]
pub struct SecurityDomain {
    /// The options of the protocol, the byte `i` (Amendment D, 5.1).
    pub options: u8,
    /// The version of the delivered keys: 01 to 7F, or FF for initial keys, which the first key set
    /// put on the card replaces.
    pub key_version: u8,
    /// Failed EXTERNAL AUTHENTICATE commands until the domain is locked for good.
    pub tries: u8,
    pub(super) keys: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for SecurityDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecurityDomain")
            .field("options", &self.options)
            .field("key_version", &self.key_version)
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

/// As written in TOML.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Raw {
    options: String,
    key_version: u8,
    tries: u8,
    encryption_key: String,
    mac_key: String,
    data_encryption_key: String,
}

impl TryFrom<Raw> for SecurityDomain {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let options = match hex::decode(&raw.options).as_deref() {
            // S16, pseudo-random challenge, response MAC, response encryption, which needs MACs.
            Ok(&[options]) if options & !0x71 == 0 && options & 0x60 != 0x40 => options,
            _ => return Err(format!("`options` is `{}`, no byte of SCP03", raw.options)),
        };
        if !matches!(raw.key_version, 0x01..=0x7F | INITIAL_KEYS) {
            return Err(format!(
                "`key_version` is {}, must be between 1 and 127, or 255 for initial keys",
                raw.key_version
            ));
        }
        if raw.tries == 0 {
            return Err("`tries` must be at least 1".to_owned());
        }
        let mut keys = Zeroizing::new(Vec::with_capacity(96));
        let mut length = None;
        for (name, text) in [
            ("encryption_key", &raw.encryption_key),
            ("mac_key", &raw.mac_key),
            ("data_encryption_key", &raw.data_encryption_key),
        ] {
            let key = Zeroizing::new(
                hex::decode(text)
                    .map_err(|error| format!("`{name}` is no hexadecimal: {error}"))?,
            );
            if !matches!(key.len(), 16 | 24 | 32) || *length.get_or_insert(key.len()) != key.len() {
                return Err(format!(
                    "`{name}` has {} bytes, all three keys must have 16, 24 or 32",
                    key.len()
                ));
            }
            keys.extend_from_slice(&key);
        }
        Ok(Self {
            options,
            key_version: raw.key_version,
            tries: raw.tries,
            keys,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SecurityDomain, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    fn text(options: &str, version: u16, tries: u8, mac: &str) -> String {
        let key = "40".repeat(16);
        format!(
            "options = \"{options}\"\nkey_version = {version}\ntries = {tries}\n\
             encryption_key = \"{key}\"\nmac_key = \"{mac}\"\ndata_encryption_key = \"{key}\"\n"
        )
    }

    #[test]
    fn a_domain_that_cannot_be_is_refused() {
        let key = "40".repeat(16);
        assert!(parse(&text("70", 1, 10, &key)).is_ok());
        assert!(parse(&text("70", 255, 10, &key)).is_ok());
        for wrong in [
            text("40", 1, 10, &key),
            text("82", 1, 10, &key),
            text("7", 1, 10, &key),
            text("70", 0, 10, &key),
            text("70", 128, 10, &key),
            text("70", 1, 0, &key),
            text("70", 1, 10, &key[..30]),
            text("70", 1, 10, &"40".repeat(24)),
        ] {
            assert!(parse(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_are_not_in_the_debug_text() {
        let domain = parse(&text("70", 1, 10, &"5A".repeat(16))).unwrap();
        assert_eq!(
            format!("{domain:?}"),
            "SecurityDomain { options: 112, key_version: 1, tries: 10, .. }"
        );
    }
}
