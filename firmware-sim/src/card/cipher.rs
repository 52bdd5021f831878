//! The block ciphers of key 9B, one block at a time (SP 800-78-5, 3.2).

use ::piv::words::Algorithm;
use aes::{Aes128, Aes192, Aes256};
use cipher::{Block, BlockCipherEncrypt, KeyInit};
use des::TdesEde3;
use zeroize::Zeroizing;

/// A symmetric key ready for use.
pub(super) struct BlockKey {
    algorithm: Algorithm,
    cipher: Cipher,
}

enum Cipher {
    TripleDes(Box<TdesEde3>),
    Aes128(Box<Aes128>),
    Aes192(Box<Aes192>),
    Aes256(Box<Aes256>),
}

impl BlockKey {
    /// From a memory cell: algorithm identifier, then the key.
    pub(super) fn from_cell(cell: &[u8]) -> Option<Self> {
        let (&algorithm, key) = cell.split_first()?;
        let algorithm = Algorithm::from_byte(algorithm)?;
        let cipher = match algorithm {
            Algorithm::TripleDes => Cipher::TripleDes(Box::new(keyed(key)?)),
            Algorithm::Aes128 => Cipher::Aes128(Box::new(keyed(key)?)),
            Algorithm::Aes192 => Cipher::Aes192(Box::new(keyed(key)?)),
            Algorithm::Aes256 => Cipher::Aes256(Box::new(keyed(key)?)),
            _ => return None,
        };
        Some(Self { algorithm, cipher })
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Block size in bytes: 8 for Triple DES, 16 for AES.
    pub(super) fn block_size(&self) -> usize {
        match self.cipher {
            Cipher::TripleDes(_) => 8,
            _ => 16,
        }
    }

    /// Encrypts one block of exactly [`BlockKey::block_size`] bytes.
    pub(super) fn encrypt(&self, block: &[u8]) -> Zeroizing<Vec<u8>> {
        match &self.cipher {
            Cipher::TripleDes(cipher) => encrypt(&**cipher, block),
            Cipher::Aes128(cipher) => encrypt(&**cipher, block),
            Cipher::Aes192(cipher) => encrypt(&**cipher, block),
            Cipher::Aes256(cipher) => encrypt(&**cipher, block),
        }
    }
}

fn keyed<C: KeyInit>(key: &[u8]) -> Option<C> {
    C::new_from_slice(key).ok()
}

fn encrypt<C: BlockCipherEncrypt>(cipher: &C, block: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Block::<C>::default();
    out.copy_from_slice(block);
    cipher.encrypt_block(&mut out);
    Zeroizing::new(out.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known_answer(algorithm: Algorithm, key: &str, plain: &str, cipher: &str) {
        let mut cell = vec![algorithm.byte()];
        cell.extend(hex::decode(key).unwrap());
        let encrypted = BlockKey::from_cell(&cell)
            .unwrap()
            .encrypt(&hex::decode(plain).unwrap());
        assert_eq!(hex::encode(encrypted), cipher);
    }

    /// FIPS 197, Appendix C.
    #[test]
    fn aes_encrypts_the_published_examples() {
        let plain = "00112233445566778899aabbccddeeff";
        let key = "000102030405060708090a0b0c0d0e0f1011121314151617";
        known_answer(
            Algorithm::Aes128,
            &key[..32],
            plain,
            "69c4e0d86a7b0430d8cdb78070b4c55a",
        );
        known_answer(
            Algorithm::Aes192,
            key,
            plain,
            "dda97ca4864cdfe06eaf70a0ec0d7191",
        );
        let key = format!("{key}18191a1b1c1d1e1f");
        known_answer(
            Algorithm::Aes256,
            &key,
            plain,
            "8ea2b7ca516745bfeafc49904b496089",
        );
    }

    /// SP 800-67, Appendix B, first block.
    #[test]
    fn triple_des_encrypts_the_published_example() {
        known_answer(
            Algorithm::TripleDes,
            "0123456789abcdef23456789abcdef01456789abcdef0123",
            "5468652071756663",
            "a826fd8ce53b855f",
        );
    }
}
