//! Numbers of RSA keys and where they are found, for both versions.

use der::referenced::OwnedToRef;
use rsa::{BoxedUint, RsaPublicKey};
use zeroize::Zeroizing;

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

/// The RSA key of a certificate.
pub(crate) fn certified_key(certificate: &x509_cert::Certificate) -> Option<RsaPublicKey> {
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
