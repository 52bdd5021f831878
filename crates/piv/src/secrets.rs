//! Passcodes, unblocking keys and administration keys.
//!
//! Each is checked when it is made, so that no try of the card's counters is ever spent on
//! something the card could not accept. All of them zeroize on drop, compare in constant time and
//! show nothing in `Debug`.

use std::fmt;

use aes::{Aes128, Aes192, Aes256};
use cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use des::TdesEde3;
use ground::{Ambient, Blame, Blamed};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::words::Algorithm;

/// A passcode as a PIV card takes it: 6 to 8 digits, padded with FF to 8 bytes
/// (SP 800-73-5 Part 2, 2.4.3). The estate calls it passcode, the standard PIN.
///
/// The pairing code, exactly 8 digits, has the same form.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Passcode([u8; 8]);

impl Passcode {
    /// Checks and pads.
    ///
    /// # Errors
    ///
    /// [`SecretError::PasscodeLength`] outside 6 to 8 characters, [`SecretError::PasscodeDigits`]
    /// for anything but `0` to `9`.
    pub fn new(digits: &str) -> Result<Self, SecretError> {
        let length = digits.chars().count();
        if !(6..=8).contains(&length) {
            return Err(SecretError::PasscodeLength { length });
        }
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SecretError::PasscodeDigits);
        }
        let mut padded = [0xFF; 8];
        padded[..length].copy_from_slice(digits.as_bytes());
        Ok(Self(padded))
    }

    /// A passcode of `length` random digits, each equally likely.
    ///
    /// # Errors
    ///
    /// [`SecretError::PasscodeLength`] outside 6 to 8.
    pub fn random(length: usize, ambient: &dyn Ambient) -> Result<Self, SecretError> {
        if !(6..=8).contains(&length) {
            return Err(SecretError::PasscodeLength { length });
        }
        let mut padded = [0xFF; 8];
        for digit in &mut padded[..length] {
            *digit = loop {
                let mut byte = [0];
                ambient.fill_random(&mut byte);
                // 250 is the largest multiple of ten in a byte: above it digits 0 to 5 would win.
                if byte[0] < 250 {
                    break b'0' + byte[0] % 10;
                }
            };
        }
        Ok(Self(padded))
    }

    /// The 8 bytes sent to the card.
    #[must_use]
    pub fn padded(&self) -> &[u8; 8] {
        &self.0
    }

    /// The digits, for handing them to the holder. Never log them.
    #[must_use]
    pub fn digits(&self) -> Zeroizing<String> {
        let digits = self.0.iter().take_while(|byte| **byte != 0xFF);
        let mut shown = Zeroizing::new(String::with_capacity(8));
        shown.extend(digits.map(|&byte| char::from(byte)));
        shown
    }
}

impl PartialEq for Passcode {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Passcode {}

impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passcode(..)")
    }
}

/// A PIN unblocking key: exactly 8 bytes of any value (SP 800-73-5 Part 2, 2.4.3).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Puk([u8; 8]);

impl Puk {
    /// Any 8 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// 8 random decimal digits, which can be dictated over the telephone.
    #[must_use]
    pub fn random(ambient: &dyn Ambient) -> Self {
        let passcode = Passcode::random(8, ambient).expect("8 is a permitted length");
        Self(*passcode.padded())
    }

    /// The 8 bytes sent to the card. Never log them.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl PartialEq for Puk {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Puk {}

impl fmt::Debug for Puk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Puk(..)")
    }
}

/// The symmetric key 9B that opens the card for writing (SP 800-73-5 Part 1, Table 4).
///
/// 3DES, AES-128, AES-192 or AES-256 (SP 800-78-5, Table 9).
#[derive(Clone)]
pub struct AdminKey {
    algorithm: Algorithm,
    bytes: Zeroizing<Vec<u8>>,
    weak: bool,
}

impl AdminKey {
    /// A key fit to be put on a card.
    ///
    /// # Errors
    ///
    /// [`SecretError::KeyAlgorithm`] for an asymmetric algorithm, [`SecretError::KeyLength`] for
    /// a length that is not the algorithm's, [`SecretError::WeakKey`] for a 3DES key with a weak,
    /// semi-weak or repeated part and for an AES key of one repeated byte.
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, SecretError> {
        let key = Self::as_delivered(algorithm, bytes)?;
        if key.weak {
            return Err(SecretError::WeakKey { algorithm });
        }
        Ok(key)
    }

    /// The key a manufacturer or an earlier issuer left on the card, to authenticate with.
    ///
    /// Factory keys are often weak: the widespread 3DES key `0102030405060708` three times over
    /// is single DES. Such a key opens a card but [`crate::Client::set_admin_key`] refuses to put
    /// it on one.
    ///
    /// # Errors
    ///
    /// As [`AdminKey::new`] but never [`SecretError::WeakKey`].
    pub fn as_delivered(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, SecretError> {
        let expected = algorithm
            .symmetric_key_size()
            .ok_or(SecretError::KeyAlgorithm { algorithm })?;
        if bytes.len() != expected {
            return Err(SecretError::KeyLength {
                algorithm,
                expected,
                actual: bytes.len(),
            });
        }
        Ok(Self {
            algorithm,
            weak: is_weak(algorithm, bytes),
            bytes: Zeroizing::new(bytes.to_vec()),
        })
    }

    /// A random key.
    ///
    /// # Errors
    ///
    /// [`SecretError::KeyAlgorithm`] for an asymmetric algorithm.
    pub fn random(algorithm: Algorithm, ambient: &dyn Ambient) -> Result<Self, SecretError> {
        let length = algorithm
            .symmetric_key_size()
            .ok_or(SecretError::KeyAlgorithm { algorithm })?;
        let mut bytes = Zeroizing::new(vec![0; length]);
        loop {
            ambient.fill_random(&mut bytes);
            match Self::new(algorithm, &bytes) {
                Err(SecretError::WeakKey { .. }) => {}
                key => return key,
            }
        }
    }

    /// What the key is for.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key itself, for storing it encrypted or putting it on a card. Never log it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the key is too weak to be put on a card.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        self.weak
    }

    /// The key check value: the first 3 bytes of an encrypted block, of 01 bytes for AES and of
    /// zeros for 3DES (GlobalPlatform Card Specification, B.6). Identifies the key without
    /// revealing it.
    #[must_use]
    pub fn check_value(&self) -> [u8; 3] {
        let fill = if self.algorithm == Algorithm::TripleDes {
            0x00
        } else {
            0x01
        };
        let mut block = vec![fill; self.block_size()];
        self.encrypt(&mut block);
        [block[0], block[1], block[2]]
    }

    /// The cipher's block size in bytes: 8 or 16.
    #[must_use]
    pub fn block_size(&self) -> usize {
        self.algorithm
            .block_size()
            .expect("the constructor takes symmetric algorithms only")
    }

    /// Encrypts blocks in place, ECB. `blocks` is a multiple of the block size.
    pub fn encrypt(&self, blocks: &mut [u8]) {
        match self.algorithm {
            Algorithm::TripleDes => each_block(&self.cipher::<TdesEde3>(), blocks, |c, b| {
                c.encrypt_block(b);
            }),
            Algorithm::Aes128 => each_block(&self.cipher::<Aes128>(), blocks, |c, b| {
                c.encrypt_block(b);
            }),
            Algorithm::Aes192 => each_block(&self.cipher::<Aes192>(), blocks, |c, b| {
                c.encrypt_block(b);
            }),
            _ => each_block(&self.cipher::<Aes256>(), blocks, |c, b| c.encrypt_block(b)),
        }
    }

    /// Decrypts blocks in place, ECB. `blocks` is a multiple of the block size.
    pub fn decrypt(&self, blocks: &mut [u8]) {
        match self.algorithm {
            Algorithm::TripleDes => each_block(&self.cipher::<TdesEde3>(), blocks, |c, b| {
                c.decrypt_block(b);
            }),
            Algorithm::Aes128 => each_block(&self.cipher::<Aes128>(), blocks, |c, b| {
                c.decrypt_block(b);
            }),
            Algorithm::Aes192 => each_block(&self.cipher::<Aes192>(), blocks, |c, b| {
                c.decrypt_block(b);
            }),
            _ => each_block(&self.cipher::<Aes256>(), blocks, |c, b| c.decrypt_block(b)),
        }
    }

    fn cipher<C: KeyInit>(&self) -> C {
        C::new_from_slice(&self.bytes).expect("the constructor checked the length")
    }
}

impl PartialEq for AdminKey {
    fn eq(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && self.bytes.ct_eq(&other.bytes).into()
    }
}

impl Eq for AdminKey {}

impl fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AdminKey({}, ..)", self.algorithm)
    }
}

fn each_block<C: cipher::BlockSizeUser>(
    cipher: &C,
    blocks: &mut [u8],
    run: impl Fn(&C, &mut cipher::Block<C>),
) {
    for block in blocks.chunks_exact_mut(C::block_size()) {
        run(
            cipher,
            block.try_into().expect("chunks are of the block size"),
        );
    }
}

fn is_weak(algorithm: Algorithm, bytes: &[u8]) -> bool {
    if algorithm != Algorithm::TripleDes {
        return bytes.iter().all(|byte| *byte == bytes[0]);
    }
    // The lowest bit of each byte is parity, which DES ignores and the list of weak keys has odd.
    let odd: Zeroizing<Vec<u8>> = Zeroizing::new(
        bytes
            .iter()
            .map(|byte| (byte & 0xFE) | u8::from((byte & 0xFE).count_ones().is_multiple_of(2)))
            .collect(),
    );
    des::weak_key_test(&odd).is_err()
}

/// Why something is no passcode or key.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SecretError {
    /// Too short or too long.
    #[error("a passcode has 6 to 8 digits, this one has {length} characters")]
    PasscodeLength {
        /// Characters given.
        length: usize,
    },
    /// Something other than digits.
    #[error("a passcode has digits only")]
    PasscodeDigits,
    /// An algorithm without a symmetric key.
    #[error("`{algorithm}` is no algorithm for an administration key")]
    KeyAlgorithm {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// A key of another length.
    #[error("a key for {algorithm} has {expected} bytes, this one has {actual}")]
    KeyLength {
        /// The algorithm.
        algorithm: Algorithm,
        /// Its key size in bytes.
        expected: usize,
        /// Bytes given.
        actual: usize,
    },
    /// A key that protects nothing.
    #[error("this {algorithm} key is weak")]
    WeakKey {
        /// The algorithm.
        algorithm: Algorithm,
    },
}

impl Blamed for SecretError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::PasscodeLength { .. } | Self::PasscodeDigits => {
                "choose 6 to 8 digits; the card was not asked, no try is lost"
            }
            Self::KeyAlgorithm { .. } => "use 3DES, AES-128, AES-192 or AES-256",
            Self::KeyLength { .. } => "check that the key belongs to this series of cards",
            Self::WeakKey { .. } => "draw another key",
        };
        Some(hint.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use ground::Virtual;

    use super::*;

    const FACTORY: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

    #[test]
    fn a_passcode_is_padded_with_ff_to_eight_bytes() {
        let padded = |digits| *Passcode::new(digits).unwrap().padded();
        assert_eq!(padded("123456"), *b"123456\xFF\xFF");
        assert_eq!(padded("12345678"), *b"12345678");
        assert_eq!(*Passcode::new("654321").unwrap().digits(), "654321");
    }

    #[test]
    fn a_malformed_passcode_does_not_exist() {
        for (digits, error) in [
            ("12345", SecretError::PasscodeLength { length: 5 }),
            ("123456789", SecretError::PasscodeLength { length: 9 }),
            ("12345a", SecretError::PasscodeDigits),
            ("12345٣", SecretError::PasscodeDigits),
        ] {
            assert_eq!(Passcode::new(digits).unwrap_err(), error);
        }
    }

    #[test]
    fn random_passcodes_are_well_formed_and_differ() {
        let ambient = Virtual::new(5);
        let drawn: std::collections::HashSet<String> = (0..50)
            .map(|_| {
                Passcode::random(6, &ambient)
                    .unwrap()
                    .digits()
                    .as_str()
                    .into()
            })
            .collect();
        assert!(drawn.iter().all(|digits| Passcode::new(digits).is_ok()));
        assert!(drawn.len() > 45);
    }

    #[test]
    fn an_admin_key_has_the_length_of_its_algorithm() {
        let lengths = |algorithm| {
            (0..=40)
                .filter(|length| AdminKey::as_delivered(algorithm, &vec![0xA5; *length]).is_ok())
                .collect::<Vec<usize>>()
        };
        assert_eq!(lengths(Algorithm::TripleDes), [24]);
        assert_eq!(lengths(Algorithm::Aes128), [16]);
        assert_eq!(lengths(Algorithm::Aes192), [24]);
        assert_eq!(lengths(Algorithm::Aes256), [32]);
        assert!(lengths(Algorithm::P256).is_empty());
    }

    #[test]
    fn the_factory_key_opens_a_card_but_is_not_put_on_one() {
        let factory = FACTORY.repeat(3);
        assert_eq!(
            AdminKey::new(Algorithm::TripleDes, &factory).unwrap_err(),
            SecretError::WeakKey {
                algorithm: Algorithm::TripleDes
            }
        );
        assert!(
            AdminKey::as_delivered(Algorithm::TripleDes, &factory)
                .unwrap()
                .is_weak()
        );
        // Parts that differ in their parity bits only are the same DES key.
        let mut parity = factory.clone();
        parity[8] ^= 1;
        parity[16] ^= 1;
        parity[17] ^= 1;
        assert!(AdminKey::new(Algorithm::TripleDes, &parity).is_err());
        assert!(AdminKey::new(Algorithm::Aes128, &[0; 16]).is_err());
    }

    #[test]
    fn the_check_value_of_the_known_aes_key_is_right() {
        let key: Vec<u8> = (0x40..0x50).collect();
        let key = AdminKey::new(Algorithm::Aes128, &key).unwrap();
        assert_eq!(key.check_value(), [0x50, 0x4A, 0x77]);
    }

    #[test]
    fn decryption_undoes_encryption_for_every_algorithm() {
        let ambient = Virtual::new(9);
        for algorithm in [
            Algorithm::TripleDes,
            Algorithm::Aes128,
            Algorithm::Aes192,
            Algorithm::Aes256,
        ] {
            let key = AdminKey::random(algorithm, &ambient).unwrap();
            let mut blocks = vec![0xA5; 2 * key.block_size()];
            key.encrypt(&mut blocks);
            assert_ne!(blocks, vec![0xA5; blocks.len()]);
            key.decrypt(&mut blocks);
            assert_eq!(blocks, vec![0xA5; blocks.len()]);
        }
    }

    #[test]
    fn secrets_do_not_show_in_debug() {
        let key = AdminKey::as_delivered(Algorithm::TripleDes, &FACTORY.repeat(3)).unwrap();
        let shown = format!(
            "{:?} {:?} {key:?}",
            Passcode::new("123456").unwrap(),
            Puk::new(*b"12345678"),
        );
        assert_eq!(shown, "Passcode(..) Puk(..) AdminKey(3DES, ..)");
    }
}
