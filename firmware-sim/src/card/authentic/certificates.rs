//! The two key pairs of a personalised AuthentIC v3 card, with their certificates.

use super::authority::{Authority, Holder, Usage};
use super::rsa::{F4, RsaKey};
use crate::card::personalise::authority::ENCODES;
use crate::card::random::seeded;

/// A key with its certificate in DER.
pub(super) struct Issued {
    pub(super) key: RsaKey,
    pub(super) certificate: Vec<u8>,
}

/// The keys of the card with this number, for authentication first and then for signing.
pub(super) fn issue(number: u64, bits: u16) -> [Issued; 2] {
    let random = &mut seeded(number, 0);
    let authority = Authority::new(number, random);
    let holder = Holder::of(number);
    [Usage::Authentication, Usage::Signing].map(|usage| {
        let key = RsaKey::generate(bits, F4, random).expect(ENCODES);
        let certificate = authority.certify(&holder, usage, &key.public());
        Issued { key, certificate }
    })
}

#[cfg(test)]
mod tests {
    use der::Decode;
    use spki::{EncodePublicKey, SubjectPublicKeyInfoOwned};
    use x509_cert::Certificate;

    use super::*;

    #[test]
    fn each_certificate_is_of_its_key_and_the_keys_are_two() {
        let issued = issue(8, 1024);
        assert_ne!(issued[0].key.modulus(), issued[1].key.modulus());
        for Issued { key, certificate } in issued {
            let certificate = Certificate::from_der(&certificate).unwrap();
            let own: SubjectPublicKeyInfoOwned = key
                .public()
                .to_public_key_der()
                .unwrap()
                .decode_msg()
                .unwrap();
            let told = certificate.tbs_certificate().subject_public_key_info();
            assert_eq!(*told, own);
        }
    }
}
