//! What shows that a card holds the private key of a certificate.

use std::sync::Arc;

use ground::{Ambient, AmbientRng};
use iso7816::ber::{self, Tag};
use iso7816::{Command, Response, StatusWord};
use piv::secure_messaging::{CipherSuite, HostEphemeral, SharedSecret};
use piv::words::{Algorithm, KeyReference};
use piv::{MessageDigest, PublicKey, commands};
use rsa::Pkcs1v15Encrypt;

use crate::{Bench, Judgement};

/// One use of a private key, and how its outcome is told from any other's.
pub(super) struct Challenge {
    pub(super) command: Command,
    answer: Answer,
}

enum Answer {
    /// A signature over this.
    Signature(PublicKey, MessageDigest),
    /// The X coordinate both sides agree on.
    Agreed(SharedSecret),
    /// The padded block that was encrypted for the key.
    Deciphered(Vec<u8>),
}

/// Sent enciphered to RSA keys.
const MESSAGE_SIZE: usize = 24;

impl Challenge {
    /// For the key a certificate on the card is about; else why there is none.
    pub(super) fn for_key(bench: &Bench<'_>, key: KeyReference) -> Result<Self, Judgement> {
        let Some(certificate) = bench.evidence().certificates.get(&key) else {
            return Err(Judgement::not_applicable(format!(
                "no certificate of key {key} could be read"
            )));
        };
        let spki = certificate.tbs_certificate().subject_public_key_info();
        match PublicKey::from_spki(spki) {
            Ok(public) => Self::new(bench.ambient(), key, public),
            Err(error) => Err(Judgement::not_applicable(format!(
                "the certificate of key {key} is of no key of PIV: {error}"
            ))),
        }
    }

    /// For a public key: a signature, for key management an agreement or a ciphertext.
    pub(super) fn new(
        ambient: &Arc<dyn Ambient>,
        key: KeyReference,
        public: PublicKey,
    ) -> Result<Self, Judgement> {
        let no_algorithm =
            || Judgement::not_applicable(format!("key {key} is of a size PIV does not have"));
        let algorithm = public.algorithm().ok_or_else(no_algorithm)?;
        let manages = matches!(key, KeyReference::KeyManagement | KeyReference::Retired(_));
        if manages {
            return Self::key_management(ambient, key, algorithm, &public).ok_or_else(no_algorithm);
        }
        let mut message = [0; 32];
        ambient.fill_random(&mut message);
        let digest = MessageDigest::customary(algorithm, &message);
        let input = match algorithm {
            Algorithm::P256 => digest.fitted(32),
            Algorithm::P384 => digest.fitted(48),
            _ => rsa_size(algorithm)
                .and_then(|size| digest.padded(size))
                .ok_or_else(no_algorithm)?,
        };
        Ok(Self {
            command: commands::private_key_operation(algorithm, key, &input),
            answer: Answer::Signature(public, digest),
        })
    }

    fn key_management(
        ambient: &Arc<dyn Ambient>,
        key: KeyReference,
        algorithm: Algorithm,
        public: &PublicKey,
    ) -> Option<Self> {
        let suite = match (algorithm, public) {
            (Algorithm::P256, _) => CipherSuite::Cs2,
            (Algorithm::P384, _) => CipherSuite::Cs7,
            (_, PublicKey::Rsa(public)) => {
                let mut random = AmbientRng::new(Arc::clone(ambient));
                let mut message = [0; MESSAGE_SIZE];
                ambient.fill_random(&mut message);
                let ciphertext = public
                    .encrypt(&mut random, Pkcs1v15Encrypt, &message)
                    .ok()?;
                return Some(Self {
                    command: commands::private_key_operation(algorithm, key, &ciphertext),
                    answer: Answer::Deciphered(message.to_vec()),
                });
            }
            _ => return None,
        };
        let host = HostEphemeral::generate(suite, ambient);
        Some(Self {
            command: commands::agree(algorithm, key, host.point()),
            answer: Answer::Agreed(host.shared_secret(public)?),
        })
    }

    /// Whether the answer is one that only the key can give.
    pub(super) fn judge(&self, response: &Response) -> Judgement {
        let sent = format!("GENERAL AUTHENTICATE of key {:02X}", self.command.p2);
        if !response.status.is_ok() {
            return Judgement::status(&sent, response.status, &[StatusWord::OK]);
        }
        let element = ber::expect(Tag(0x7C), &response.data)
            .and_then(|template| ber::find(Tag(0x82), template));
        let output = match element {
            Ok(Some(output)) => output,
            Ok(None) => return Judgement::fail("an element 82 in a template 7C", "there is none"),
            Err(error) => {
                return Judgement::fail("an element 82 in a template 7C", error.to_string());
            }
        };
        match &self.answer {
            Answer::Signature(public, digest) => {
                let verified = public.verify_digest(digest, output);
                Judgement::require(
                    verified.is_ok(),
                    "a signature that verifies with the public key",
                    || {
                        verified
                            .err()
                            .map_or_else(String::new, |error| error.to_string())
                    },
                )
            }
            Answer::Agreed(secret) => Judgement::require(
                output == secret.bytes(),
                "the secret the host agrees on with the public key",
                || "another one".to_owned(),
            ),
            Answer::Deciphered(message) => Judgement::require(
                output.starts_with(&[0x00, 0x02]) && output.ends_with(message),
                "the block that was enciphered for the public key",
                || "another one".to_owned(),
            ),
        }
    }
}

fn rsa_size(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::Rsa1024 => Some(128),
        Algorithm::Rsa2048 => Some(256),
        Algorithm::Rsa3072 => Some(384),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use iso7816::StatusWord;
    use piv::words::RetiredKey;
    use rsa::traits::PublicKeyParts;
    use rsa::{BoxedUint, RsaPrivateKey, RsaPublicKey};

    use super::*;

    fn ambient() -> Arc<dyn Ambient> {
        ground::System::shared()
    }

    fn rsa_key() -> RsaPrivateKey {
        RsaPrivateKey::new(&mut AmbientRng::new(ambient()), 2048).unwrap()
    }

    /// What a card answers: the private key applied to the whole block, padding and all.
    fn answer(key: &RsaPrivateKey, challenge: &Challenge) -> Response {
        let template = ber::expect(Tag(0x7C), &challenge.command.data).unwrap();
        let block = ber::find(Tag(0x81), template).unwrap().unwrap();
        let input = BoxedUint::from_be_slice(block, key.n_bits_precision()).unwrap();
        let output = rsa::hazmat::rsa_decrypt_and_check::<AmbientRng>(key, None, &input).unwrap();
        let inner = ber::object(Tag(0x82), &output.to_be_bytes());
        Response::new(ber::object(Tag(0x7C), &inner), StatusWord::OK)
    }

    #[test]
    fn an_rsa_key_proves_itself_by_a_signature_or_by_deciphering_and_another_does_not() {
        let (right, other) = (rsa_key(), rsa_key());
        let retired = RetiredKey::new(3).map(KeyReference::Retired).unwrap();
        for key in [
            KeyReference::Authentication,
            KeyReference::CardAuthentication,
            KeyReference::KeyManagement,
            retired,
        ] {
            let public = PublicKey::Rsa(RsaPublicKey::from(&right));
            let challenge = Challenge::new(&ambient(), key, public).unwrap();
            assert_eq!(challenge.command.p1, Algorithm::Rsa2048.byte());
            assert_eq!(
                challenge.judge(&answer(&right, &challenge)),
                Judgement::pass()
            );
            // A block above the other key's modulus cannot be used with it.
            let template = ber::expect(Tag(0x7C), &challenge.command.data).unwrap();
            let block = ber::find(Tag(0x81), template).unwrap().unwrap();
            if block < &other.n_bytes()[..] {
                let judgement = challenge.judge(&answer(&other, &challenge));
                assert_eq!(judgement.verdict, crate::Verdict::Fail, "{key}");
            }
        }
    }

    #[test]
    fn an_answer_of_another_form_is_no_proof() {
        let public = PublicKey::Rsa(RsaPublicKey::from(&rsa_key()));
        let key = KeyReference::KeyManagement;
        let challenge = Challenge::new(&ambient(), key, public).unwrap();
        for data in [&[][..], &[0x7C, 0x00], &[0x7C, 0x02, 0x82, 0x00], &[0x53]] {
            let response = Response::new(data, StatusWord::OK);
            let judgement = challenge.judge(&response);
            assert_eq!(judgement.verdict, crate::Verdict::Fail, "{data:02X?}");
        }
        let refused = Response::status(StatusWord::SECURITY_STATUS_NOT_SATISFIED);
        assert_eq!(challenge.judge(&refused).verdict, crate::Verdict::Fail);
    }
}
