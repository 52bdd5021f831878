//! The derivation of a card's keys.
//!
//! NIST SP 800-108r1, 4.1, the KDF in counter mode, with AES-256-CMAC (SP 800-38B) as its PRF:
//!
//! ```text
//! K(i) = CMAC(master, [i] ‖ Label ‖ 00 ‖ Context ‖ [L])      i = 1, 2, …
//! ```
//!
//! with `[i]` and `[L]` as 32-bit big-endian numbers and L the length of the result in bits. The
//! result is the first L bits of K(1) ‖ K(2) ‖ …
//!
//! | Result | Label (ASCII) | Context | L |
//! |---|---|---|---|
//! | administration key | `cardwright/admin-key/1` | chip serial ‖ algorithm identifier (SP 800-78-5, Table 9) | size of the key |
//! | PUK | `cardwright/puk/1` | chip serial | 128 |
//! | officer's passcode of AuthentIC | `cardwright/officer-passcode/1` | chip serial | 16 a character |
//! | key of the card manager | `cardwright/manager-key/1` | chip serial ‖ 01 (ENC), 02 (MAC), 03 (DEK) | size of the key |
//!
//! The chip serial is what the blank's number shows in hexadecimal. The PUK is the 128-bit
//! big-endian number modulo 10⁸, as 8 ASCII digits, so that it can be dictated. A character of the
//! officer's passcode is a 16-bit big-endian number modulo 32, of the digits and capital letters
//! without `0`, `1`, `I` and `O`, which are misread.

use aes::Aes256;
use authentic::secrets::OfficerPasscode;
use cmac::{Cmac, KeyInit, Mac};
use globalplatform::scp03::{AesKey, KeyLengthError, StaticKeys};
use piv::secrets::{AdminKey, Puk, SecretError};
use piv::words::Algorithm;
use zeroize::{Zeroize, Zeroizing};

/// A key from which those of cards are derived: AES-256.
pub(super) type MasterKey = Zeroizing<[u8; 32]>;

const ADMIN_KEY: &[u8] = b"cardwright/admin-key/1";
const PUK: &[u8] = b"cardwright/puk/1";
const OFFICER: &[u8] = b"cardwright/officer-passcode/1";
const MANAGER_KEY: &[u8] = b"cardwright/manager-key/1";

/// Derives the administration key of the card with that chip serial.
///
/// # Errors
///
/// [`SecretError::KeyAlgorithm`] for an asymmetric algorithm; [`SecretError::WeakKey`] once in
/// some 2⁵⁰ cards, which then cannot be issued.
pub fn admin_key(
    master: &[u8; 32],
    algorithm: Algorithm,
    serial: &[u8],
) -> Result<AdminKey, SecretError> {
    let length = algorithm
        .symmetric_key_size()
        .ok_or(SecretError::KeyAlgorithm { algorithm })?;
    let mut key = Zeroizing::new(vec![0; length]);
    derive(master, ADMIN_KEY, &[serial, &[algorithm.byte()]], &mut key);
    AdminKey::new(algorithm, &key)
}

/// Derives the PUK of the card with that chip serial.
#[must_use]
pub fn puk(master: &[u8; 32], serial: &[u8]) -> Puk {
    let mut number = Zeroizing::new([0; 16]);
    derive(master, PUK, &[serial], &mut *number);
    let mut rest = u128::from_be_bytes(*number);
    let mut digits = Zeroizing::new([0; 8]);
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    rest.zeroize();
    Puk::new(*digits)
}

/// What an officer's passcode is made of.
const OFFICER_ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Derives the officer's passcode of the card with that chip serial.
///
/// # Errors
///
/// [`authentic::secrets::SecretError`] for a length no officer's passcode has.
pub fn officer_passcode(
    master: &[u8; 32],
    serial: &[u8],
    length: u8,
) -> Result<OfficerPasscode, authentic::secrets::SecretError> {
    let mut numbers = Zeroizing::new(vec![0; usize::from(length) * 2]);
    derive(master, OFFICER, &[serial], &mut numbers);
    let characters: Zeroizing<Vec<u8>> = Zeroizing::new(
        numbers
            .chunks_exact(2)
            .map(|pair| OFFICER_ALPHABET[usize::from(pair[1] & 0x1F)])
            .collect(),
    );
    OfficerPasscode::new(&characters)
}

/// Derives the keys of the card manager of the card with that chip serial, each of `length` bytes.
///
/// # Errors
///
/// [`KeyLengthError`] for anything but 16, 24 or 32 bytes.
pub fn manager_keys(
    master: &[u8; 32],
    length: usize,
    serial: &[u8],
) -> Result<StaticKeys, KeyLengthError> {
    let key = |which: u8| {
        let mut key = Zeroizing::new(vec![0; length]);
        derive(master, MANAGER_KEY, &[serial, &[which]], &mut key);
        AesKey::new(&key)
    };
    Ok(StaticKeys::new(key(1)?, key(2)?, key(3)?).expect("all of one length"))
}

/// Fills `result` with derived bytes. The parts of the context are joined.
fn derive(master: &[u8; 32], label: &[u8], context: &[&[u8]], result: &mut [u8]) {
    let bits = u32::try_from(result.len() * 8).expect("a key has a few hundred bits");
    for (counter, block) in (1_u32..).zip(result.chunks_mut(16)) {
        let mut mac = Cmac::<Aes256>::new_from_slice(master).expect("AES-256 takes 32 bytes");
        mac.update(&counter.to_be_bytes());
        mac.update(label);
        mac.update(&[0]);
        for part in context {
            mac.update(part);
        }
        mac.update(&bits.to_be_bytes());
        let mut output = mac.finalize().into_bytes();
        block.copy_from_slice(&output[..block.len()]);
        output.as_mut_slice().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 00 01 … 1F.
    fn master() -> [u8; 32] {
        std::array::from_fn(|index| index as u8)
    }

    const SERIAL: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF];

    /// The expected values were computed with OpenSSL 3.0:
    /// `openssl kdf -keylen 24 -kdfopt mac:CMAC -kdfopt cipher:AES-256-CBC -kdfopt mode:COUNTER
    /// -kdfopt hexkey:0001…1f -kdfopt hexsalt:<label> -kdfopt hexinfo:<context> KBKDF`.
    #[test]
    fn administration_keys_are_those_openssl_derives() {
        let key =
            |algorithm| hex::encode(admin_key(&master(), algorithm, &SERIAL).unwrap().bytes());
        assert_eq!(
            key(Algorithm::Aes192),
            "56e46edef25216a4efe8eb5335d733c78802226fa268ccc6"
        );
        assert_eq!(
            key(Algorithm::TripleDes),
            "8b60aeb6b0b09738f129f79177d48b00b4190d707c1559f7"
        );
        let mut key = [0; 16];
        derive(&master(), ADMIN_KEY, &[&SERIAL, &[0x0A]], &mut key);
        assert_eq!(hex::encode(key), "cd46a7c0a6eb45339dca1772bfeedbea");
        let mut key = [0; 32];
        derive(&master(), ADMIN_KEY, &[&SERIAL, &[0x0A]], &mut key);
        assert_eq!(
            hex::encode(key),
            "c67244e8dc8235ba22753ea33aa5d3fb89f0fca398f75f0c1610a7adab06d239"
        );
    }

    #[test]
    fn the_keys_of_the_card_manager_are_derived_each_by_itself() {
        for length in [16, 24, 32] {
            let keys = manager_keys(&master(), length, &SERIAL).unwrap();
            for (key, which) in [
                (keys.encryption(), 1),
                (keys.mac(), 2),
                (keys.data_encryption(), 3),
            ] {
                let mut expected = vec![0; length];
                derive(&master(), MANAGER_KEY, &[&SERIAL, &[which]], &mut expected);
                assert_eq!(key.bytes(), expected);
            }
            assert_ne!(keys.encryption(), keys.mac());
            let other = manager_keys(&master(), length, &[1]).unwrap();
            assert_ne!(keys, other);
        }
        assert!(manager_keys(&master(), 8, &SERIAL).is_err());
    }

    #[test]
    fn the_puk_is_the_derived_number_in_decimal() {
        let number = u128::from_str_radix("1b941d728996aafc2281ca89eab3260e", 16).unwrap();
        let expected = format!("{:08}", number % 100_000_000);
        assert_eq!(puk(&master(), &SERIAL).bytes(), expected.as_bytes());
    }

    #[test]
    fn an_asymmetric_algorithm_has_no_administration_key() {
        assert!(admin_key(&master(), Algorithm::P256, &SERIAL).is_err());
    }

    proptest! {
        #[test]
        fn cards_with_different_serials_have_different_secrets(
            one in proptest::collection::vec(any::<u8>(), 1..16),
            other in proptest::collection::vec(any::<u8>(), 1..16),
        ) {
            prop_assume!(one != other);
            let key = |serial: &[u8]| admin_key(&master(), Algorithm::Aes128, serial).unwrap();
            prop_assert!(key(&one) != key(&other));
            prop_assert!(puk(&master(), &one).bytes().iter().all(u8::is_ascii_digit));
        }
    }
}
