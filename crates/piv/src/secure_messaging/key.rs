use std::fmt;

use aes::{Aes128, Aes256};
use cipher::{BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit};
use cmac::{Cmac, Mac};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// One block of AES: a whole MAC, a chaining value, an initialisation vector.
pub type Block = [u8; 16];

pub(super) const BLOCK_SIZE: usize = size_of::<Block>();

/// One AES-128 or AES-256 key of a session.
#[derive(Clone)]
pub struct SessionKey(Zeroizing<Vec<u8>>);

/// Why the expectations below hold.
const LENGTH: &str = "a session key has 16 or 32 bytes";

impl SessionKey {
    /// A key of 16 or 32 bytes; `None` for any other length.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        matches!(bytes.len(), 16 | 32).then(|| Self(Zeroizing::new(bytes.to_vec())))
    }

    /// The bytes. Never log them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// AES-CMAC over the parts laid end to end (SP 800-38B), all 16 bytes.
    #[must_use]
    pub fn cmac(&self, parts: &[&[u8]]) -> Block {
        fn with<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Block {
            let mut mac = <M as KeyInit>::new_from_slice(key).expect(LENGTH);
            for part in parts {
                mac.update(part);
            }
            let mut block = Block::default();
            block.copy_from_slice(&mac.finalize().into_bytes());
            block
        }
        if self.is_short() {
            with::<Cmac<Aes128>>(&self.0, parts)
        } else {
            with::<Cmac<Aes256>>(&self.0, parts)
        }
    }

    /// AES in ECB mode on one block.
    #[must_use]
    pub fn encrypt_block(&self, block: &Block) -> Block {
        let mut out = (*block).into();
        if self.is_short() {
            Aes128::new_from_slice(&self.0)
                .expect(LENGTH)
                .encrypt_block(&mut out);
        } else {
            Aes256::new_from_slice(&self.0)
                .expect(LENGTH)
                .encrypt_block(&mut out);
        }
        out.into()
    }

    /// AES in CBC mode, in place. Bytes after the last whole block are left alone.
    pub(super) fn cbc_encrypt(&self, iv: &Block, data: &mut [u8]) {
        fn with<M: BlockModeEncrypt + KeyIvInit>(key: &[u8], iv: &Block, data: &mut [u8]) {
            let mut mode = M::new_from_slices(key, iv).expect(LENGTH);
            for block in data.chunks_exact_mut(BLOCK_SIZE) {
                mode.encrypt_block(block.try_into().expect("a whole block"));
            }
        }
        if self.is_short() {
            with::<cbc::Encryptor<Aes128>>(&self.0, iv, data);
        } else {
            with::<cbc::Encryptor<Aes256>>(&self.0, iv, data);
        }
    }

    /// AES in CBC mode, in place. Bytes after the last whole block are left alone.
    pub(super) fn cbc_decrypt(&self, iv: &Block, data: &mut [u8]) {
        fn with<M: BlockModeDecrypt + KeyIvInit>(key: &[u8], iv: &Block, data: &mut [u8]) {
            let mut mode = M::new_from_slices(key, iv).expect(LENGTH);
            for block in data.chunks_exact_mut(BLOCK_SIZE) {
                mode.decrypt_block(block.try_into().expect("a whole block"));
            }
        }
        if self.is_short() {
            with::<cbc::Decryptor<Aes128>>(&self.0, iv, data);
        } else {
            with::<cbc::Decryptor<Aes256>>(&self.0, iv, data);
        }
    }

    fn is_short(&self) -> bool {
        self.0.len() == 16
    }
}

impl PartialEq for SessionKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SessionKey {}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SP 800-38B, Appendix D (updated examples): the message of which each example takes a
    /// beginning.
    const MESSAGE: &str = "6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51\
                           30C81C46A35CE411E5FBC1191A0A52EFF69F2445DF4F9B17AD2B417BE66C3710";

    fn assert_cmac(key: &str, examples: [(usize, &str); 4]) {
        let key = SessionKey::new(&hex::decode(key).unwrap()).unwrap();
        let message = hex::decode(MESSAGE).unwrap();
        for (length, mac) in examples {
            let expected = hex::decode(mac).unwrap();
            assert_eq!(
                key.cmac(&[&message[..length]])[..],
                expected,
                "{length} bytes"
            );
            // The same message in parts.
            let (first, second) = message[..length].split_at(length / 3);
            assert_eq!(key.cmac(&[first, &[], second])[..], expected);
        }
    }

    #[test]
    fn cmac_gives_the_known_answers_for_aes_128() {
        assert_cmac(
            "2B7E151628AED2A6ABF7158809CF4F3C",
            [
                (0, "BB1D6929E95937287FA37D129B756746"),
                (16, "070A16B46B4D4144F79BDD9DD04A287C"),
                (40, "DFA66747DE9AE63030CA32611497C827"),
                (64, "51F0BEBF7E3B9D92FC49741779363CFE"),
            ],
        );
    }

    #[test]
    fn cmac_gives_the_known_answers_for_aes_256() {
        assert_cmac(
            "603DEB1015CA71BE2B73AEF0857D77811F352C073B6108D72D9810A30914DFF4",
            [
                (0, "028962F61B7BF89EFC6B551F4667D983"),
                (16, "28A7023F452E8F82BD4BF28D8C37C35C"),
                (40, "AAF3D8F1DE5640C232F5B169B9C911E6"),
                (64, "E1992190549F6ED5696A2C056C315410"),
            ],
        );
    }

    /// SP 800-38A, F.2.1, F.2.5: CBC with the same message.
    #[test]
    fn cbc_gives_the_known_answers() {
        for (key, first_block) in [
            (
                "2B7E151628AED2A6ABF7158809CF4F3C",
                "7649ABAC8119B246CEE98E9B12E9197D",
            ),
            (
                "603DEB1015CA71BE2B73AEF0857D77811F352C073B6108D72D9810A30914DFF4",
                "F58C4C04D6E5F1BA779EABFB5F7BFBD6",
            ),
        ] {
            let key = SessionKey::new(&hex::decode(key).unwrap()).unwrap();
            let iv = std::array::from_fn(|i| i as u8);
            let mut data = hex::decode(MESSAGE).unwrap();
            key.cbc_encrypt(&iv, &mut data);
            assert_eq!(hex::encode_upper(&data[..16]), first_block);
            key.cbc_decrypt(&iv, &mut data);
            assert_eq!(hex::encode_upper(&data), MESSAGE);
        }
    }

    #[test]
    fn keys_of_other_lengths_are_refused_and_none_is_shown() {
        assert!(SessionKey::new(&[1; 24]).is_none());
        let key = SessionKey::new(&[0xA5; 16]).unwrap();
        assert_eq!(format!("{key:?}"), "SessionKey(..)");
    }
}
