use super::derivation::blocks;
use super::{AesKey, KeySetError};

/// The three static keys of a security domain, all of one length.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StaticKeys {
    encryption: AesKey,
    mac: AesKey,
    data_encryption: AesKey,
}

impl StaticKeys {
    /// Key-ENC, Key-MAC and Key-DEK.
    ///
    /// # Errors
    ///
    /// [`KeySetError::Lengths`] unless all have one length.
    pub fn new(
        encryption: AesKey,
        mac: AesKey,
        data_encryption: AesKey,
    ) -> Result<Self, KeySetError> {
        let lengths = [&encryption, &mac, &data_encryption].map(|key| key.bytes().len());
        if lengths.iter().any(|&length| length != lengths[0]) {
            return Err(KeySetError::Lengths { lengths });
        }
        Ok(Self {
            encryption,
            mac,
            data_encryption,
        })
    }

    /// One key in all three places, as transport key sets have it.
    #[must_use]
    pub fn same(key: &AesKey) -> Self {
        Self {
            encryption: key.clone(),
            mac: key.clone(),
            data_encryption: key.clone(),
        }
    }

    /// Key-ENC: encrypts commands and responses.
    #[must_use]
    pub fn encryption(&self) -> &AesKey {
        &self.encryption
    }

    /// Key-MAC: authenticates both sides, commands and responses.
    #[must_use]
    pub fn mac(&self) -> &AesKey {
        &self.mac
    }

    /// Key-DEK: encrypts keys that are sent to the card.
    #[must_use]
    pub fn data_encryption(&self) -> &AesKey {
        &self.data_encryption
    }

    /// Bytes of each key: 16, 24 or 32.
    #[must_use]
    pub fn key_length(&self) -> usize {
        self.mac.bytes().len()
    }

    pub(crate) fn in_order(&self) -> [&AesKey; 3] {
        [&self.encryption, &self.mac, &self.data_encryption]
    }
}

/// The 10 bytes by which a card names itself in the answer to INITIALIZE UPDATE.
pub type DiversificationData = [u8; 10];

/// How a card's own keys come from the keys the issuer holds.
pub trait Diversification {
    /// The keys of the card that gave `data`.
    fn keys_of(&self, master: &StaticKeys, data: &DiversificationData) -> StaticKeys;
}

/// All cards have the keys given.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Undiversified;

impl Diversification for Undiversified {
    fn keys_of(&self, master: &StaticKeys, _: &DiversificationData) -> StaticKeys {
        master.clone()
    }
}

/// The convention known as KDF3: each key is CMAC(master, block counter ‖ 00 00 00 kk 00 ‖
/// diversification data) with kk 01 for ENC, 02 for MAC, 03 for DEK, in as many blocks as the
/// master key is long.
///
/// Only its AES-128 form has a published known answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Kdf3;

impl Diversification for Kdf3 {
    fn keys_of(&self, master: &StaticKeys, data: &DiversificationData) -> StaticKeys {
        let key = |master: &AesKey, which| {
            let bytes = blocks(master, master.bytes().len(), |counter| {
                [&[counter, 0, 0, 0, which, 0], &data[..]].concat()
            });
            AesKey::new(&bytes).expect("as long as the master key")
        };
        StaticKeys {
            encryption: key(&master.encryption, 1),
            mac: key(&master.mac, 2),
            data_encryption: key(&master.data_encryption, 3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(hex: &str) -> AesKey {
        AesKey::new(&hex::decode(hex).unwrap()).unwrap()
    }

    #[test]
    fn kdf3_gives_the_known_answer() {
        let master = StaticKeys::same(&key("404142434445464748494A4B4C4D4E4F"));
        let data = hex::decode("00112233445566778899").unwrap();
        let keys = Kdf3.keys_of(&master, &data.try_into().unwrap());
        let expected = StaticKeys::new(
            key("61F6267A603E6B23D38E9AA20931EAB8"),
            key("174E06E3A14F266EF9894374F159DB6E"),
            key("5330297BC4F5F5F24509563A7AC147DC"),
        )
        .unwrap();
        assert_eq!(keys, expected);
    }

    #[test]
    fn diversified_keys_keep_the_length_and_differ_between_cards() {
        for length in [16, 24, 32] {
            let master = StaticKeys::same(&AesKey::new(&vec![0xA5; length]).unwrap());
            let one = Kdf3.keys_of(&master, &[1; 10]);
            assert_eq!(one.key_length(), length);
            assert_ne!(one, Kdf3.keys_of(&master, &[2; 10]));
            assert_eq!(Undiversified.keys_of(&master, &[1; 10]), master);
        }
    }

    #[test]
    fn keys_of_different_lengths_are_no_set() {
        let (short, long) = (key(&"00".repeat(16)), key(&"00".repeat(32)));
        assert_eq!(
            StaticKeys::new(short.clone(), short, long),
            Err(KeySetError::Lengths {
                lengths: [16, 16, 32]
            })
        );
    }
}
