//! RSA keys, their numbers and their certificates, for both versions.

use der::Decode;
use der::referenced::OwnedToRef;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, RsaPrivateKey, RsaPublicKey};
use x509_cert::Certificate;
use zeroize::Zeroizing;

use crate::{Action, AuthenticError, KeySpec};

/// Most bytes of a modulus read.
const MOST_BYTES: usize = 512;

/// A number in exactly this many bytes; `None` if it has more.
pub(crate) fn fixed_width(number: &BoxedUint, length: usize) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = Zeroizing::new(number.to_be_bytes_trimmed_vartime().to_vec());
    let zeros = length.checked_sub(bytes.len())?;
    let mut out = Zeroizing::new(Vec::with_capacity(length));
    out.resize(zeros, 0);
    out.extend_from_slice(&bytes);
    Some(out)
}

/// A public key of numbers as they were read, with or without zeros in front.
pub(crate) fn public_key(modulus: &[u8], exponent: &[u8]) -> Option<RsaPublicKey> {
    if modulus.len() > MOST_BYTES || exponent.len() > MOST_BYTES {
        return None;
    }
    RsaPublicKey::new(
        BoxedUint::from_be_slice_vartime(modulus),
        BoxedUint::from_be_slice_vartime(exponent),
    )
    .ok()
}

/// A generated key has the size that was asked for.
pub(crate) fn of_size(
    action: &Action,
    spec: &KeySpec,
    public: &RsaPublicKey,
) -> Result<(), AuthenticError> {
    let bits = public.n().bits();
    if bits == u32::from(spec.bits) {
        return Ok(());
    }
    Err(AuthenticError::MalformedAnswer {
        action: action.clone(),
        detail: format!(
            "a key of {} bits was asked for, one of {bits} came",
            spec.bits
        ),
    })
}

/// A key made elsewhere has the size that is said of it.
pub(crate) fn to_import(
    action: &Action,
    spec: &KeySpec,
    key: &RsaPrivateKey,
) -> Result<(), AuthenticError> {
    let bits = key.n().bits();
    if bits == u32::from(spec.bits) {
        return Ok(());
    }
    Err(AuthenticError::Impossible {
        action: action.clone(),
        detail: format!("the key has {bits} bits, {} were said", spec.bits),
    })
}

/// A certificate and its key, before it is written.
pub(crate) fn certificate_to_write(
    action: &Action,
    der: &[u8],
) -> Result<(Certificate, RsaPublicKey), AuthenticError> {
    let none = |detail| AuthenticError::NoCertificate {
        action: action.clone(),
        detail,
    };
    let certificate = Certificate::from_der(der)
        .map_err(|error| none(format!("it is no certificate: {error}")))?;
    let key =
        certified_key(&certificate).ok_or_else(|| none("its key is no RSA key".to_owned()))?;
    Ok((certificate, key))
}

/// The RSA key of a certificate.
pub(crate) fn certified_key(certificate: &Certificate) -> Option<RsaPublicKey> {
    let info = certificate.tbs_certificate().subject_public_key_info();
    RsaPublicKey::try_from(info.owned_to_ref()).ok()
}

/// The first TLV object of a file that may be longer than what it holds.
pub(crate) fn first_element(bytes: &[u8]) -> &[u8] {
    match iso7816::ber::Reader::new(bytes).next() {
        Some(Ok(object)) => object.raw,
        _ => bytes,
    }
}
