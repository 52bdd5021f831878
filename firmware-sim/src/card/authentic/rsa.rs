//! The RSA keys of an AuthentIC card and what they do: PKCS #1 v1.5 (RFC 8017) on the card, for a
//! modulus of 512 to 2048 bits.

use std::fmt;

use rand_chacha::ChaCha20Rng;
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey};
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BoxedUint, RsaPrivateKey};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// 2^16 + 1, the exponent of a key whose generation names none.
pub(super) const F4: u32 = 0x0001_0001;

/// A private key ready for use.
pub(super) struct RsaKey(Box<RsaPrivateKey>);

/// The values a key is loaded with.
pub(super) struct Crt<'a> {
    pub(super) p: &'a [u8],
    pub(super) q: &'a [u8],
    pub(super) q_inverse: &'a [u8],
    pub(super) dp: &'a [u8],
    pub(super) dq: &'a [u8],
}

impl RsaKey {
    /// A new key; `None` for an exponent no key can have.
    pub(super) fn generate(bits: u16, exponent: u32, random: &mut ChaCha20Rng) -> Option<Self> {
        if exponent < 3 || exponent.is_multiple_of(2) {
            return None;
        }
        // Short keys are what some of these cards hold, so no smallest size is asked for.
        let exponent = BoxedUint::from(exponent);
        RsaPrivateKey::new_with_exp_unchecked(random, usize::from(bits), exponent)
            .ok()
            .map(|key| Self(Box::new(key)))
    }

    /// From what a host loads; `None` unless the values belong together and make a modulus of
    /// this many bits. The public exponent follows from them.
    pub(super) fn from_crt(bits: u16, crt: &Crt<'_>) -> Option<Self> {
        let half = u32::from(bits) / 2;
        let number = |bytes| BoxedUint::from_be_slice(bytes, half).ok();
        let (p, q) = (number(crt.p)?, number(crt.q)?);
        let is_prime_like = |number: &BoxedUint, bytes: &[u8]| {
            number.bits() == half && bytes.last().is_some_and(|low| low & 1 == 1)
        };
        if !is_prime_like(&p, crt.p) || !is_prime_like(&q, crt.q) || p == q {
            return None;
        }
        let one = BoxedUint::one_with_precision(half);
        let exponent = number(crt.dp)?
            .invert_mod(&(&p - &one).to_nz().into_option()?)
            .into_option()?;
        // What every card of this kind can compute with is far smaller.
        if exponent.bits() > 32 {
            return None;
        }
        let mut key = RsaPrivateKey::from_p_q(p, q, exponent).ok()?;
        key.precompute().ok()?;
        let same = |ours: Option<&BoxedUint>, theirs: &[u8]| {
            let ours = ours?.to_be_bytes();
            (without_zeros(&ours) == without_zeros(theirs)).then_some(())
        };
        same(key.dp(), crt.dp)?;
        same(key.dq(), crt.dq)?;
        same(key.crt_coefficient().as_ref(), crt.q_inverse)?;
        (key.n().bits() == u32::from(bits)).then(|| Self(Box::new(key)))
    }

    /// From a memory cell, as [`RsaKey::to_cell`] wrote it.
    pub(super) fn from_cell(cell: &[u8]) -> Option<Self> {
        RsaPrivateKey::from_pkcs1_der(cell)
            .ok()
            .map(|key| Self(Box::new(key)))
    }

    /// For a memory cell: the structure of PKCS #1.
    pub(super) fn to_cell(&self) -> Option<Zeroizing<Vec<u8>>> {
        Some(self.0.to_pkcs1_der().ok()?.to_bytes())
    }

    pub(super) fn bits(&self) -> u16 {
        // 512 to 2048.
        self.0.n().bits() as u16
    }

    pub(super) fn public(&self) -> rsa::RsaPublicKey {
        self.0.to_public_key()
    }

    /// The modulus, without leading zeros.
    pub(super) fn modulus(&self) -> Vec<u8> {
        self.0.n_bytes().to_vec()
    }

    /// The public exponent, without leading zeros.
    pub(super) fn exponent(&self) -> Vec<u8> {
        self.0.e_bytes().to_vec()
    }

    /// RSASSA-PKCS1-v1_5 of a DigestInfo the host has made (RFC 8017, 9.2 from step 3); `None` for
    /// one that does not fit.
    pub(super) fn sign(&self, digest_info: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let filling = self.0.size().checked_sub(3 + digest_info.len())?;
        if filling < 8 {
            return None;
        }
        let mut block = Zeroizing::new(Vec::with_capacity(self.0.size()));
        block.extend_from_slice(&[0x00, 0x01]);
        block.resize(2 + filling, 0xFF);
        block.push(0x00);
        block.extend_from_slice(digest_info);
        self.raw(&block)
    }

    /// RSAES-PKCS1-v1_5 decryption (RFC 8017, 7.2.2); `None` for anything that does not come out
    /// as a padded message.
    pub(super) fn decipher(&self, cryptogram: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let block = self.raw(cryptogram)?;
        let padded = block.strip_prefix(&[0x00, 0x02])?;
        let zero = padded.iter().position(|byte| bool::from(byte.ct_eq(&0)))?;
        (zero >= 8).then(|| Zeroizing::new(padded[zero + 1..].to_vec()))
    }

    /// The private key operation on a whole block; `None` for a block of another length or not
    /// smaller than the modulus.
    pub(super) fn raw(&self, block: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        if block.len() != self.0.size() {
            return None;
        }
        let input = BoxedUint::from_be_slice(block, self.0.n_bits_precision()).ok()?;
        // Blinding would hide timing from someone next to a real card; here it only costs.
        let output =
            rsa::hazmat::rsa_decrypt_and_check::<ChaCha20Rng>(&*self.0, None, &input).ok()?;
        let bytes = Zeroizing::new(output.to_be_bytes().to_vec());
        // The number is as wide as the modulus in whole words.
        let start = bytes.len().checked_sub(block.len())?;
        Some(Zeroizing::new(bytes[start..].to_vec()))
    }
}

/// A number without its leading zeros.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaKey({} bits)", self.bits())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rsa::Pkcs1v15Encrypt;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::card::random::seeded;

    fn key(bits: u16) -> RsaKey {
        RsaKey::generate(bits, F4, &mut seeded(1, 7)).unwrap()
    }

    fn values(key: &RsaKey) -> [Vec<u8>; 5] {
        let bytes = |number: &BoxedUint| number.to_be_bytes().to_vec();
        let mut inner = key.0.clone();
        inner.precompute().unwrap();
        let primes = inner.primes();
        [
            bytes(&primes[0]),
            bytes(&primes[1]),
            bytes(&inner.crt_coefficient().unwrap()),
            bytes(inner.dp().unwrap()),
            bytes(inner.dq().unwrap()),
        ]
    }

    fn load(bits: u16, [p, q, q_inverse, dp, dq]: &[Vec<u8>; 5]) -> Option<RsaKey> {
        let crt = Crt {
            p,
            q,
            q_inverse,
            dp,
            dq,
        };
        RsaKey::from_crt(bits, &crt)
    }

    #[test]
    fn every_size_signs_and_deciphers() {
        for bits in [512, 1024, 2048] {
            let key = key(bits);
            assert_eq!(
                (key.bits(), key.modulus().len()),
                (bits, usize::from(bits) / 8)
            );
            let digest = Sha256::digest(b"what is signed");
            let prefix = hex::decode("3031300d060960864801650304020105000420").unwrap();
            if bits > 512 {
                let signature = key.sign(&[&prefix[..], &digest].concat()).unwrap();
                let scheme = rsa::Pkcs1v15Sign::new::<Sha256>();
                key.public().verify(scheme, &digest, &signature).unwrap();
            }
            let mut random = seeded(1, 8);
            let cryptogram = key
                .public()
                .encrypt(&mut random, Pkcs1v15Encrypt, b"secret")
                .unwrap();
            assert_eq!(*key.decipher(&cryptogram).unwrap(), b"secret");
        }
    }

    #[test]
    fn a_loaded_key_is_the_key_it_was_taken_from() {
        let key = key(1024);
        let loaded = load(1024, &values(&key)).unwrap();
        assert_eq!(loaded.modulus(), key.modulus());
        assert_eq!(loaded.exponent(), [1, 0, 1]);
        let again = RsaKey::from_cell(&loaded.to_cell().unwrap()).unwrap();
        assert_eq!(again.raw(&[0x11; 128]), key.raw(&[0x11; 128]));
    }

    #[test]
    fn values_of_different_keys_do_not_load() {
        let right = values(&key(1024));
        let other = values(&RsaKey::generate(1024, F4, &mut seeded(2, 7)).unwrap());
        for index in 0..5 {
            let mut mixed = right.clone();
            mixed[index] = other[index].clone();
            assert!(load(1024, &mixed).is_none(), "value {index}");
        }
        assert!(load(512, &right).is_none());
    }

    #[test]
    fn an_exponent_that_is_even_or_one_makes_no_key() {
        for exponent in [0, 1, 2, 65536] {
            assert!(RsaKey::generate(512, exponent, &mut seeded(1, 1)).is_none());
        }
        let three = RsaKey::generate(512, 3, &mut seeded(1, 1)).unwrap();
        assert_eq!(three.exponent(), [3]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_values_load_or_are_refused(values in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..40), 5)
        ) {
            let values: [Vec<u8>; 5] = values.try_into().unwrap();
            prop_assert!(load(512, &values).is_none());
            // Right in length and first and last bit, as far as that goes.
            let mut shaped = values.clone();
            for value in &mut shaped {
                value.resize(32, 0x5A);
                value[0] |= 0xC0;
                value[31] |= 1;
            }
            prop_assert!(load(512, &shaped).is_none());
        }
    }
}
