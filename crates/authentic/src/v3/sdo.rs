//! Keys as security data objects: what PUT DATA and GENERATE ASYMMETRIC KEY PAIR carry.

use iso7816::ber::{self, Tag};
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BoxedUint, RsaPrivateKey, RsaPublicKey};
use zeroize::Zeroizing;

use super::access::{self, AccessPair};
use super::control::ControlError;
use crate::words::v3::{MECHANISMS, sdo};

/// The mechanism of RSA keys of this many bits.
#[must_use]
pub fn mechanism(bits: u16) -> Option<u8> {
    MECHANISMS
        .iter()
        .find(|(_, size)| *size == bits)
        .map(|(mechanism, _)| *mechanism)
}

fn reference(mechanism: u8, number: u8) -> Vec<u8> {
    let mut out = ber::object(Tag(sdo::MECHANISM.into()), &[mechanism]);
    ber::write(&mut out, Tag(sdo::REFERENCE.into()), &[number]);
    out
}

/// Creates an empty key: update, delete, decipher, sign, internal authenticate, generate.
#[must_use]
pub fn create(mechanism: u8, number: u8, access: &[AccessPair; 6]) -> Vec<u8> {
    let mut out = reference(mechanism, number);
    ber::write(&mut out, Tag(sdo::ACCESS.into()), &access::to_bytes(access));
    ber::object(Tag(sdo::KEY.into()), &out)
}

/// Deletes a key.
#[must_use]
pub fn delete(mechanism: u8, number: u8) -> Vec<u8> {
    ber::object(Tag(sdo::KEY.into()), &reference(mechanism, number))
}

/// Generates a key pair with the exponent 65,537.
#[must_use]
pub fn generate(mechanism: u8, number: u8) -> Vec<u8> {
    let mut out = reference(mechanism, number);
    ber::write(&mut out, Tag(sdo::EXPONENT.into()), &[1, 0, 1]);
    ber::object(Tag(sdo::GENERATE.into()), &out)
}

/// Stores a key made elsewhere; `None` for one that has not exactly two primes.
#[must_use]
pub fn store(mechanism: u8, number: u8, key: &RsaPrivateKey) -> Option<Zeroizing<Vec<u8>>> {
    let mut key = key.clone();
    key.precompute().ok()?;
    let &[ref p, ref q] = key.primes() else {
        return None;
    };
    let modulus = usize::from((key.n().bits() as u16).div_ceil(8));
    let half = modulus / 2;
    let coefficient = Zeroizing::new(key.crt_coefficient()?);
    let mut private = Zeroizing::new(Vec::with_capacity(5 * (half + 4)));
    for (tag, number) in [
        (sdo::P, p.as_ref()),
        (sdo::Q, q.as_ref()),
        (sdo::Q_INVERSE, &*coefficient),
        (sdo::DP, key.dp()?),
        (sdo::DQ, key.dq()?),
    ] {
        let bytes = padded(number, half)?;
        ber::write(&mut private, Tag(tag.into()), &bytes);
    }
    let mut public = Vec::new();
    for (tag, number) in [
        (sdo::MODULUS, key.n_bytes()),
        (sdo::PUBLIC_EXPONENT, key.e_bytes()),
    ] {
        ber::write(&mut public, Tag(tag.into()), &number);
    }
    let mut value = Zeroizing::new(Vec::with_capacity(private.len() + public.len() + 16));
    ber::write(&mut value, Tag(sdo::PRIVATE.into()), &private);
    ber::write(&mut value, Tag(sdo::PUBLIC.into()), &public);
    let mut out = Zeroizing::new(reference(mechanism, number));
    out.reserve(value.len() + 8);
    ber::write(&mut out, Tag(sdo::VALUE.into()), &value);
    let mut whole = Zeroizing::new(Vec::with_capacity(out.len() + 8));
    ber::write(&mut whole, Tag(sdo::KEY.into()), &out);
    Some(whole)
}

/// A number in exactly this many bytes.
fn padded(number: &BoxedUint, length: usize) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = Zeroizing::new(number.to_be_bytes_trimmed_vartime().to_vec());
    let zeros = length.checked_sub(bytes.len())?;
    let mut out = Zeroizing::new(Vec::with_capacity(length));
    out.resize(zeros, 0);
    out.extend_from_slice(&bytes);
    Some(out)
}

/// The public key in the answer to GENERATE ASYMMETRIC KEY PAIR.
///
/// # Errors
///
/// [`ControlError`]; [`ControlError::Length`] for a key that cannot be used.
pub fn public_key(answer: &[u8]) -> Result<RsaPublicKey, ControlError> {
    let missing = |what| ControlError::Missing { what };
    let template = ber::find(Tag(sdo::PUBLIC.into()), answer)?.ok_or(missing("public key"))?;
    let part = |tag: u8, what| ber::find(Tag(tag.into()), template)?.ok_or(missing(what));
    let modulus = part(sdo::MODULUS, "modulus")?;
    let exponent = part(sdo::PUBLIC_EXPONENT, "public exponent")?;
    let wrong = ControlError::Length {
        what: "an RSA public key with a modulus",
        length: modulus.len(),
    };
    if modulus.len() > MOST_BYTES || exponent.len() > MOST_BYTES {
        return Err(wrong);
    }
    RsaPublicKey::new(
        BoxedUint::from_be_slice_vartime(modulus),
        BoxedUint::from_be_slice_vartime(exponent),
    )
    .map_err(|_| wrong)
}

/// Most bytes of a modulus read.
const MOST_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_created_deleted_and_generated_as_the_driver_does() {
        let user = AccessPair::any_of(&[1]);
        assert_eq!(
            hex::encode_upper(create(0x0C, 1, &[user; 6])),
            "A11480010C830101860C000100010001000100010001"
        );
        assert_eq!(hex::encode_upper(delete(0x08, 2)), "A106800108830102");
        assert_eq!(
            hex::encode_upper(generate(0x0C, 1)),
            "AC0B80010C8301018203010001"
        );
        assert_eq!(mechanism(1792), Some(0x0B));
        assert_eq!(mechanism(3072), None);
    }

    proptest! {
        #[test]
        fn any_answer_gives_a_key_or_a_typed_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
            modulus in proptest::collection::vec(any::<u8>(), 0..300),
            exponent in proptest::collection::vec(any::<u8>(), 0..10),
        ) {
            let _ = public_key(&bytes);
            let mut template = ber::object(Tag(0x81), &modulus);
            ber::write(&mut template, Tag(0x82), &exponent);
            let _ = public_key(&ber::object(Tag(0x7F49), &template));
        }
    }
}
