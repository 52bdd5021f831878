//! AES as secure messaging uses it: single blocks, CBC and CMAC.

use aes::{Aes128, Aes256};
use cbc::{Decryptor, Encryptor};
use cipher::{
    BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit, array::Array,
};
use cmac::{Cmac, Mac};

/// A block of AES: a counter, a vector, a whole MAC.
pub(super) type Block = [u8; BLOCK];

/// Bytes of a block.
pub(super) const BLOCK: usize = 16;

const SIZE: &str = "session keys have 16 or 32 bytes";

/// SK_ENC, its schedule made once. Zeroized when dropped.
pub(super) enum EncryptionKey {
    Aes128(Box<Aes128>),
    Aes256(Box<Aes256>),
}

impl EncryptionKey {
    /// Of 16 or 32 bytes.
    pub(super) fn new(key: &[u8]) -> Self {
        if key.len() == 16 {
            Self::Aes128(Box::new(Aes128::new_from_slice(key).expect(SIZE)))
        } else {
            Self::Aes256(Box::new(Aes256::new_from_slice(key).expect(SIZE)))
        }
    }

    /// One block in ECB mode.
    pub(super) fn block(&self, block: Block) -> Block {
        let mut out = Array::from(block);
        match self {
            Self::Aes128(cipher) => cipher.encrypt_block(&mut out),
            Self::Aes256(cipher) => cipher.encrypt_block(&mut out),
        }
        out.into()
    }

    /// Whole blocks in CBC mode, in place.
    pub(super) fn encrypt(&self, vector: Block, data: &mut [u8]) {
        fn run(mut mode: impl BlockModeEncrypt<BlockSize = cipher::consts::U16>, data: &mut [u8]) {
            let (blocks, _) = Array::slice_as_chunks_mut(data);
            mode.encrypt_blocks(blocks);
        }
        let vector = Array::from(vector);
        match self {
            Self::Aes128(cipher) => run(Encryptor::inner_iv_init(&**cipher, &vector), data),
            Self::Aes256(cipher) => run(Encryptor::inner_iv_init(&**cipher, &vector), data),
        }
    }

    /// Whole blocks in CBC mode, in place.
    pub(super) fn decrypt(&self, vector: Block, data: &mut [u8]) {
        fn run(mut mode: impl BlockModeDecrypt<BlockSize = cipher::consts::U16>, data: &mut [u8]) {
            let (blocks, _) = Array::slice_as_chunks_mut(data);
            mode.decrypt_blocks(blocks);
        }
        let vector = Array::from(vector);
        match self {
            Self::Aes128(cipher) => run(Decryptor::inner_iv_init(&**cipher, &vector), data),
            Self::Aes256(cipher) => run(Decryptor::inner_iv_init(&**cipher, &vector), data),
        }
    }
}

/// SK_CFRM, SK_MAC or SK_RMAC. Zeroized when dropped.
pub(super) enum MacKey {
    Aes128(Box<Cmac<Aes128>>),
    Aes256(Box<Cmac<Aes256>>),
}

impl MacKey {
    /// Of 16 or 32 bytes.
    pub(super) fn new(key: &[u8]) -> Self {
        if key.len() == 16 {
            Self::Aes128(Box::new(KeyInit::new_from_slice(key).expect(SIZE)))
        } else {
            Self::Aes256(Box::new(KeyInit::new_from_slice(key).expect(SIZE)))
        }
    }

    /// AES-CMAC over the parts end to end, all 16 bytes (SP 800-38B).
    pub(super) fn mac(&self, parts: &[&[u8]]) -> Block {
        fn run(mut mac: impl Mac<OutputSize = cipher::consts::U16>, parts: &[&[u8]]) -> Block {
            for part in parts {
                mac.update(part);
            }
            mac.finalize().into_bytes().into()
        }
        match self {
            Self::Aes128(mac) => run(Cmac::clone(mac), parts),
            Self::Aes256(mac) => run(Cmac::clone(mac), parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AES_256: &str = "603DEB1015CA71BE2B73AEF0857D77811F352C073B6108D72D9810A30914DFF4";
    const AES_128: &str = "2B7E151628AED2A6ABF7158809CF4F3C";
    const BLOCKS: &str = "6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51";

    fn bytes(hex: &str) -> Vec<u8> {
        hex::decode(hex).unwrap()
    }

    /// SP 800-38B, Appendix D, one whole block for each key size.
    #[test]
    fn cmac_makes_the_published_examples() {
        for (key, mac) in [
            (AES_128, "070A16B46B4D4144F79BDD9DD04A287C"),
            (AES_256, "28A7023F452E8F82BD4BF28D8C37C35C"),
        ] {
            let made = MacKey::new(&bytes(key)).mac(&[&bytes(BLOCKS)[..7], &bytes(BLOCKS)[7..16]]);
            assert_eq!(hex::encode_upper(made), mac);
        }
    }

    /// SP 800-38A, F.2.1 and F.2.5, the first two blocks.
    #[test]
    fn cbc_makes_the_published_examples_and_goes_back() {
        let vector: Block = std::array::from_fn(|index| index as u8);
        for (key, encrypted) in [
            (
                AES_128,
                "7649ABAC8119B246CEE98E9B12E9197D5086CB9B507219EE95DB113A917678B2",
            ),
            (
                AES_256,
                "F58C4C04D6E5F1BA779EABFB5F7BFBD69CFC4E967EDB808D679F777BC6702C7D",
            ),
        ] {
            let key = EncryptionKey::new(&bytes(key));
            let mut data = bytes(BLOCKS);
            key.encrypt(vector, &mut data);
            assert_eq!(hex::encode_upper(&data), encrypted);
            key.decrypt(vector, &mut data);
            assert_eq!(data, bytes(BLOCKS));
        }
    }
}
