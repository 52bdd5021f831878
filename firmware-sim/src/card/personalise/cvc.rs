//! Card verifiable certificates (SP 800-73-5 Part 2, 4.1.5).

use ::piv::words::Algorithm;
use iso7816::ber::{self, Tag};
use sha2::{Digest, Sha256, Sha384};

use crate::card::keys::PrivateKey;

const CERTIFICATE: Tag = Tag(0x7F21);
const PROFILE: Tag = Tag(0x5F29);
const ISSUER: Tag = Tag(0x42);
const SUBJECT: Tag = Tag(0x5F20);
const PUBLIC_KEY: Tag = Tag(0x7F49);
const POINT: Tag = Tag(0x86);
const ROLE: Tag = Tag(0x5F4C);
const SIGNATURE: Tag = Tag(0x5F37);

// DER.
const BIT_STRING: Tag = Tag(0x03);
const OBJECT_IDENTIFIER: Tag = Tag(0x06);
const SEQUENCE: Tag = Tag(0x30);

/// A role of 0 is the card application's.
const CARD: u8 = 0x00;

const P256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2B, 0x81, 0x04, 0x00, 0x22];
const ECDSA_WITH_SHA256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];
const ECDSA_WITH_SHA384: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03];

/// Who signs certificates of keys 04: a content signer with a key on the curve of theirs.
pub(super) struct CertificateSigner {
    key: PrivateKey,
    identifier: [u8; 8],
    certificate: Vec<u8>,
}

impl CertificateSigner {
    /// With a key on a curve, the beginning of its subject key identifier, and its X.509
    /// certificate in DER.
    pub(super) fn new(key: PrivateKey, identifier: [u8; 8], certificate: Vec<u8>) -> Self {
        Self {
            key,
            identifier,
            certificate,
        }
    }

    /// Its own certificate, X.509 in DER.
    pub(super) fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The certificate of a card's key, for the card with this UUID.
    pub(super) fn certify(&self, key: &PrivateKey, uuid: &[u8; 16]) -> Vec<u8> {
        let (curve, _) = words_of(key);
        let mut public = ber::object(OBJECT_IDENTIFIER, curve);
        let point = key.point().expect("a key on a curve has a point");
        ber::write(&mut public, POINT, &point);

        let mut body = ber::object(PROFILE, &[0x80]);
        ber::write(&mut body, ISSUER, &self.identifier);
        ber::write(&mut body, SUBJECT, uuid);
        ber::write(&mut body, PUBLIC_KEY, &public);
        ber::write(&mut body, ROLE, &[CARD]);
        let signature = self.sign(&body);
        ber::write(&mut body, SIGNATURE, &signature);
        ber::object(CERTIFICATE, &body)
    }

    /// `SEQUENCE { SEQUENCE { algorithm }, BIT STRING { r, s } }`
    fn sign(&self, body: &[u8]) -> Vec<u8> {
        let (_, algorithm) = words_of(&self.key);
        let digest = match self.key.algorithm() {
            Algorithm::P384 => Sha384::digest(body).to_vec(),
            _ => Sha256::digest(body).to_vec(),
        };
        let value = self
            .key
            .sign(&digest, false)
            .expect("the digest has the size of the curve");
        let mut bits = vec![0x00];
        bits.extend_from_slice(&value);
        let mut inner = ber::object(SEQUENCE, &ber::object(OBJECT_IDENTIFIER, algorithm));
        ber::write(&mut inner, BIT_STRING, &bits);
        ber::object(SEQUENCE, &inner)
    }
}

/// The object identifiers of the key's curve and of its signatures.
fn words_of(key: &PrivateKey) -> (&'static [u8], &'static [u8]) {
    match key.algorithm() {
        Algorithm::P384 => (P384, ECDSA_WITH_SHA384),
        _ => (P256, ECDSA_WITH_SHA256),
    }
}
