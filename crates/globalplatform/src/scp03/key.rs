use std::fmt;

use aes::{Aes128, Aes192, Aes256};
use cipher::{BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit};
use cmac::{Cmac, Mac};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::KeyLengthError;

/// One block of AES: a whole MAC, a chaining value, an initialisation vector.
pub(crate) type Block = [u8; 16];

pub(crate) const BLOCK_SIZE: usize = size_of::<Block>();

/// Why the expectations below hold.
const LENGTH: &str = "an AES key has 16, 24 or 32 bytes";

/// Runs an expression with `$cipher` standing for AES of this key's size.
macro_rules! with_cipher {
    ($key:expr, |$cipher:ident| $run:expr) => {
        match $key.0.len() {
            16 => {
                type $cipher = Aes128;
                $run
            }
            24 => {
                type $cipher = Aes192;
                $run
            }
            _ => {
                type $cipher = Aes256;
                $run
            }
        }
    };
}

/// An AES key of 16, 24 or 32 bytes: zeroized on drop, compared in constant time, not shown by
/// `Debug`.
#[derive(Clone)]
pub struct AesKey(Zeroizing<Vec<u8>>);

impl AesKey {
    /// From its bytes.
    ///
    /// # Errors
    ///
    /// [`KeyLengthError`] for anything but 16, 24 or 32 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, KeyLengthError> {
        match bytes.len() {
            16 | 24 | 32 => Ok(Self(Zeroizing::new(bytes.to_vec()))),
            length => Err(KeyLengthError { length }),
        }
    }

    /// The bytes. Never log them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key check value: the first 3 bytes of a block of 01 encrypted (Card Specification
    /// 2.3.1, B.6, as amended for AES).
    #[must_use]
    pub fn check_value(&self) -> [u8; 3] {
        let [first, second, third, ..] = self.encrypt_block(&[0x01; BLOCK_SIZE]);
        [first, second, third]
    }

    /// AES-CMAC over the parts laid end to end (SP 800-38B), all 16 bytes.
    pub(crate) fn cmac(&self, parts: &[&[u8]]) -> Block {
        fn with<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Block {
            let mut mac = <M as KeyInit>::new_from_slice(key).expect(LENGTH);
            for part in parts {
                mac.update(part);
            }
            let mut block = Block::default();
            block.copy_from_slice(&mac.finalize().into_bytes());
            block
        }
        with_cipher!(self, |Aes| with::<Cmac<Aes>>(&self.0, parts))
    }

    /// AES in ECB mode on one block.
    pub(crate) fn encrypt_block(&self, block: &Block) -> Block {
        fn with<C: BlockCipherEncrypt + KeyInit>(key: &[u8], block: &Block) -> Block {
            let mut out = cipher::Block::<C>::default();
            out.copy_from_slice(block);
            C::new_from_slice(key)
                .expect(LENGTH)
                .encrypt_block(&mut out);
            let mut block = Block::default();
            block.copy_from_slice(&out);
            block
        }
        with_cipher!(self, |Aes| with::<Aes>(&self.0, block))
    }

    /// AES in CBC mode, in place. Bytes after the last whole block are left alone.
    pub(crate) fn cbc_encrypt(&self, iv: &Block, data: &mut [u8]) {
        fn with<M: BlockModeEncrypt + KeyIvInit>(key: &[u8], iv: &Block, data: &mut [u8]) {
            let mut mode = M::new_from_slices(key, iv).expect(LENGTH);
            for block in data.chunks_exact_mut(BLOCK_SIZE) {
                mode.encrypt_block(block.try_into().expect("a whole block"));
            }
        }
        with_cipher!(self, |Aes| with::<cbc::Encryptor<Aes>>(&self.0, iv, data));
    }

    /// AES in CBC mode, in place. Bytes after the last whole block are left alone.
    pub(crate) fn cbc_decrypt(&self, iv: &Block, data: &mut [u8]) {
        fn with<M: BlockModeDecrypt + KeyIvInit>(key: &[u8], iv: &Block, data: &mut [u8]) {
            let mut mode = M::new_from_slices(key, iv).expect(LENGTH);
            for block in data.chunks_exact_mut(BLOCK_SIZE) {
                mode.decrypt_block(block.try_into().expect("a whole block"));
            }
        }
        with_cipher!(self, |Aes| with::<cbc::Decryptor<Aes>>(&self.0, iv, data));
    }
}

impl PartialEq for AesKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for AesKey {}

impl fmt::Debug for AesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AesKey({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_default_key_is_the_known_one() {
        let key = AesKey::new(&hex::decode("404142434445464748494A4B4C4D4E4F").unwrap()).unwrap();
        assert_eq!(key.check_value(), [0x50, 0x4A, 0x77]);
    }

    /// SP 800-38A, F.2.1, F.2.3, F.2.5: the first block of each CBC example.
    #[test]
    fn cbc_gives_the_published_first_blocks_and_their_way_back() {
        let iv: Block = std::array::from_fn(|at| at as u8);
        for (key, cipher) in [
            (
                "2b7e151628aed2a6abf7158809cf4f3c",
                "7649abac8119b246cee98e9b12e9197d",
            ),
            (
                "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
                "4f021db243bc633d7178183a9fa071e8",
            ),
            (
                "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                "f58c4c04d6e5f1ba779eabfb5f7bfbd6",
            ),
        ] {
            let key = AesKey::new(&hex::decode(key).unwrap()).unwrap();
            let plain = hex::decode("6bc1bee22e409f96e93d7e117393172a").unwrap();
            let mut data = plain.clone();
            key.cbc_encrypt(&iv, &mut data);
            assert_eq!(hex::encode(&data), cipher);
            key.cbc_decrypt(&iv, &mut data);
            assert_eq!(data, plain);
        }
    }

    #[test]
    fn a_key_is_not_in_the_debug_text_and_has_a_length_of_aes() {
        let key = AesKey::new(&[0x5A; 24]).unwrap();
        assert_eq!(format!("{key:?}"), "AesKey(24 bytes)");
        assert_eq!(AesKey::new(&[0; 17]), Err(KeyLengthError { length: 17 }));
    }
}
