//! What the chip's AES engine does: one block, chains of blocks, CMAC, key derivation.

use aes::{Aes128, Aes192, Aes256};
use cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use zeroize::Zeroizing;

pub(super) const BLOCK: usize = 16;

/// An AES key expanded for use.
pub(super) struct Engine(Cipher);

enum Cipher {
    Short(Box<Aes128>),
    Middle(Box<Aes192>),
    Long(Box<Aes256>),
}

impl Engine {
    /// `None` for a key that has not 16, 24 or 32 bytes.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        Some(Self(match key.len() {
            16 => Cipher::Short(Box::new(Aes128::new_from_slice(key).ok()?)),
            24 => Cipher::Middle(Box::new(Aes192::new_from_slice(key).ok()?)),
            32 => Cipher::Long(Box::new(Aes256::new_from_slice(key).ok()?)),
            _ => return None,
        }))
    }

    pub(super) fn encrypt(&self, block: [u8; BLOCK]) -> [u8; BLOCK] {
        let mut block = block.into();
        match &self.0 {
            Cipher::Short(aes) => aes.encrypt_block(&mut block),
            Cipher::Middle(aes) => aes.encrypt_block(&mut block),
            Cipher::Long(aes) => aes.encrypt_block(&mut block),
        }
        block.into()
    }

    fn decrypt(&self, block: [u8; BLOCK]) -> [u8; BLOCK] {
        let mut block = block.into();
        match &self.0 {
            Cipher::Short(aes) => aes.decrypt_block(&mut block),
            Cipher::Middle(aes) => aes.decrypt_block(&mut block),
            Cipher::Long(aes) => aes.decrypt_block(&mut block),
        }
        block.into()
    }

    /// CBC over data padded with 80 00 ...
    pub(super) fn encrypt_padded(&self, iv: [u8; BLOCK], data: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(data.len() + BLOCK);
        let mut last = iv;
        let (whole, rest) = data.as_chunks::<BLOCK>();
        let mut end = [0; BLOCK];
        end[..rest.len()].copy_from_slice(rest);
        end[rest.len()] = 0x80;
        for block in whole.iter().chain([&end]) {
            last = self.encrypt(xor(*block, last));
            out.extend_from_slice(&last);
        }
        out
    }

    /// CBC backwards; `None` unless there are whole blocks.
    pub(super) fn decrypt_blocks(
        &self,
        iv: [u8; BLOCK],
        data: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let (blocks, []) = data.as_chunks::<BLOCK>() else {
            return None;
        };
        let mut out = Zeroizing::new(Vec::with_capacity(data.len()));
        let mut last = iv;
        for block in blocks {
            out.extend_from_slice(&xor(self.decrypt(*block), last));
            last = *block;
        }
        Some(out)
    }

    /// CBC backwards, then the padding off; `None` if either is not possible.
    pub(super) fn decrypt_padded(
        &self,
        iv: [u8; BLOCK],
        data: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let mut plain = self.decrypt_blocks(iv, data)?;
        let whole = plain.len();
        while plain.last() == Some(&0) {
            plain.pop();
        }
        let padding = whole - plain.len() + 1;
        (plain.pop() == Some(0x80) && padding <= BLOCK).then_some(plain)
    }

    /// CMAC (SP 800-38B, 6.2).
    pub(super) fn mac(&self, message: &[u8]) -> [u8; BLOCK] {
        let first_subkey = doubled(self.encrypt([0; BLOCK]));
        let (whole, rest) = message.as_chunks::<BLOCK>();
        let (before, last) = match whole.split_last() {
            Some((last, before)) if rest.is_empty() => (before, xor(*last, first_subkey)),
            _ => {
                let mut last = [0; BLOCK];
                last[..rest.len()].copy_from_slice(rest);
                last[rest.len()] = 0x80;
                (whole, xor(last, doubled(first_subkey)))
            }
        };
        let state = before
            .iter()
            .fold([0; BLOCK], |state, block| self.encrypt(xor(state, *block)));
        self.encrypt(xor(state, last))
    }

    /// The key derivation of SCP03 (Amendment D, 4.1.5): `length` bytes for `constant`.
    pub(super) fn derive(&self, constant: u8, context: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
        let mut derived = Zeroizing::new(Vec::with_capacity(length + BLOCK));
        let bits = u16::try_from(length * 8).unwrap_or(u16::MAX);
        let mut counter = 0;
        while derived.len() < length {
            counter += 1;
            let mut message = [0; 16];
            message[11] = constant;
            message[13..15].copy_from_slice(&bits.to_be_bytes());
            message[15] = counter;
            derived.extend_from_slice(&self.mac(&[&message, context].concat()));
        }
        derived.truncate(length);
        derived
    }
}

fn xor(left: [u8; BLOCK], right: [u8; BLOCK]) -> [u8; BLOCK] {
    std::array::from_fn(|at| left[at] ^ right[at])
}

/// Multiplied by x in GF(2^128).
fn doubled(block: [u8; BLOCK]) -> [u8; BLOCK] {
    let number = u128::from_be_bytes(block);
    let reduction = if number >> 127 == 1 { 0x87 } else { 0 };
    (number << 1 ^ reduction).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    /// SP 800-38B, Appendix D, examples of AES-128, AES-192 and AES-256.
    #[test]
    fn cmac_gives_the_published_examples() {
        let message = bytes(
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
             30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
        );
        for (key, macs) in [
            (
                "2b7e151628aed2a6abf7158809cf4f3c",
                [
                    (0, "bb1d6929e95937287fa37d129b756746"),
                    (16, "070a16b46b4d4144f79bdd9dd04a287c"),
                    (40, "dfa66747de9ae63030ca32611497c827"),
                    (64, "51f0bebf7e3b9d92fc49741779363cfe"),
                ],
            ),
            (
                "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
                [
                    (0, "d17ddf46adaacde531cac483de7a9367"),
                    (16, "9e99a7bf31e710900662f65e617c5184"),
                    (40, "8a1de5be2eb31aad089a82e6ee908b0e"),
                    (64, "a1d5df0eed790f794d77589659f39a11"),
                ],
            ),
            (
                "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                [
                    (0, "028962f61b7bf89efc6b551f4667d983"),
                    (16, "28a7023f452e8f82bd4bf28d8c37c35c"),
                    (40, "aaf3d8f1de5640c232f5b169b9c911e6"),
                    (64, "e1992190549f6ed5696a2c056c315410"),
                ],
            ),
        ] {
            let engine = Engine::new(&bytes(key)).unwrap();
            for (length, mac) in macs {
                assert_eq!(hex::encode(engine.mac(&message[..length])), mac);
            }
        }
    }

    #[test]
    fn padded_data_comes_back_and_wrong_padding_does_not() {
        let engine = Engine::new(&[7; 24]).unwrap();
        for length in 0..40 {
            let data = vec![0x80; length];
            let encrypted = engine.encrypt_padded([1; 16], &data);
            assert_eq!(encrypted.len() % 16, 0);
            let plain = engine.decrypt_padded([1; 16], &encrypted).unwrap();
            assert_eq!(plain[..], data);
        }
        assert!(engine.decrypt_padded([1; 16], &[]).is_none());
        assert!(engine.decrypt_padded([1; 16], &[0; 15]).is_none());
        let zeros = xor(engine.decrypt([5; 16]), [0; 16]);
        assert!(engine.decrypt_padded(zeros, &[5; 16]).is_none());
    }

    /// Default keys, challenges 00..07 and 08..0F.
    #[test]
    fn derivation_gives_the_worked_example() {
        let engine = Engine::new(&bytes("404142434445464748494A4B4C4D4E4F")).unwrap();
        let context: Vec<u8> = (0..16).collect();
        for (constant, key) in [
            (4, "eb845bbc703969a9b312a5f8e4834aa2"),
            (6, "94d9141c5e50a39ef3939b9a4616c910"),
            (7, "f034ed3222d3466ee1531f3fa3561def"),
        ] {
            assert_eq!(hex::encode(engine.derive(constant, &context, 16)), key);
        }
    }
}
