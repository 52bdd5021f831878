use iso7816::Command;
use zeroize::Zeroizing;

use super::{Client, commands, template_element};
use crate::words::{Algorithm, KeyReference};
use crate::{Action, MessageDigest, PivError, PublicKey};

/// Key pairs.
impl Client {
    /// Generates a key pair on the card and returns its public half. Needs
    /// [`Client::authenticate_admin`]. Any key in that place is lost.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`]; [`PivError::Malformed`] also when the key is of another algorithm
    /// than asked for.
    pub fn generate(
        &mut self,
        key: KeyReference,
        algorithm: Algorithm,
    ) -> Result<PublicKey, PivError> {
        let action = Action::Generate(key, algorithm);
        let command = self.long(commands::generate(key, algorithm));
        let data = self.data(action, &command)?;
        let malformed = |what| PivError::Malformed { action, what };
        let public = PublicKey::parse(&data).map_err(|error| malformed(error.to_string()))?;
        // The point of a secure messaging key is on the curve of its suite.
        let curve = match algorithm {
            Algorithm::CipherSuite2 => Algorithm::P256,
            Algorithm::CipherSuite7 => Algorithm::P384,
            algorithm => algorithm,
        };
        if public.algorithm() != Some(curve) {
            let actual = public
                .algorithm()
                .map_or("RSA of another size".to_owned(), |actual| {
                    actual.to_string()
                });
            return Err(malformed(format!("a {actual} key, expected {curve}")));
        }
        Ok(public)
    }

    /// Signs a digest: PKCS#1 v1.5 for RSA, made up by the host; ECDSA in DER for P-256 and P-384,
    /// the digest cut or filled with zeros on the left to the size of the curve.
    ///
    /// # Errors
    ///
    /// [`PivError::Impossible`] for algorithms that do not sign, [`PivError::Refused`],
    /// [`PivError::Malformed`].
    pub fn sign_digest(
        &mut self,
        key: KeyReference,
        algorithm: Algorithm,
        digest: &MessageDigest,
    ) -> Result<Vec<u8>, PivError> {
        let action = Action::Sign(key, algorithm);
        let input = match algorithm {
            Algorithm::P256 => Some(digest.fitted(32)),
            Algorithm::P384 => Some(digest.fitted(48)),
            _ => rsa_size(algorithm).and_then(|size| digest.padded(size)),
        }
        .ok_or_else(|| PivError::Impossible {
            action,
            what: format!("{algorithm} does not sign"),
        })?;
        let signature = self.sign_raw(key, algorithm, &input)?;
        let well_formed = match algorithm {
            Algorithm::P256 => p256::ecdsa::Signature::from_der(&signature).is_ok(),
            Algorithm::P384 => p384::ecdsa::Signature::from_der(&signature).is_ok(),
            _ => signature.len() == input.len(),
        };
        if !well_formed {
            return Err(PivError::Malformed {
                action,
                what: format!("{} bytes are no {algorithm} signature", signature.len()),
            });
        }
        Ok(signature)
    }

    /// Has the card apply a private key to `input` as it is: a padded block for RSA, a digest for
    /// ECDSA.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`], [`PivError::Malformed`].
    pub fn sign_raw(
        &mut self,
        key: KeyReference,
        algorithm: Algorithm,
        input: &[u8],
    ) -> Result<Vec<u8>, PivError> {
        let command = commands::private_key_operation(algorithm, key, input);
        let output = self.authenticate(Action::Sign(key, algorithm), command)?;
        Ok(output.to_vec())
    }

    /// Has the card apply an RSA private key to a ciphertext. The padding is left in place.
    ///
    /// # Errors
    ///
    /// [`PivError::Impossible`] for other algorithms or a ciphertext that is not of the key's
    /// size, [`PivError::Refused`], [`PivError::Malformed`].
    pub fn decipher_raw(
        &mut self,
        key: KeyReference,
        algorithm: Algorithm,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PivError> {
        let action = Action::Decipher(key, algorithm);
        if rsa_size(algorithm) != Some(ciphertext.len()) {
            return Err(PivError::Impossible {
                action,
                what: format!("{} bytes are no {algorithm} ciphertext", ciphertext.len()),
            });
        }
        let command = commands::private_key_operation(algorithm, key, ciphertext);
        let plain = self.authenticate(action, command)?;
        exactly(action, ciphertext.len(), plain)
    }

    /// Agrees on a secret with the holder of `peer`, an uncompressed point: the X coordinate, 32
    /// bytes for P-256 and 48 for P-384.
    ///
    /// # Errors
    ///
    /// [`PivError::Impossible`] for other algorithms or a point not on the curve,
    /// [`PivError::Refused`], [`PivError::Malformed`].
    pub fn agree(
        &mut self,
        key: KeyReference,
        algorithm: Algorithm,
        peer: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PivError> {
        let action = Action::Agree(key, algorithm);
        let size = match (algorithm, PublicKey::from_point(peer)) {
            (Algorithm::P256, Ok(PublicKey::P256(_))) => 32,
            (Algorithm::P384, Ok(PublicKey::P384(_))) => 48,
            _ => {
                return Err(PivError::Impossible {
                    action,
                    what: format!("{} bytes are no point on {algorithm}", peer.len()),
                });
            }
        };
        let secret = self.authenticate(action, commands::agree(algorithm, key, peer))?;
        exactly(action, size, secret)
    }

    /// Sends a GENERAL AUTHENTICATE and returns its response element.
    fn authenticate(
        &mut self,
        action: Action,
        command: Command,
    ) -> Result<Zeroizing<Vec<u8>>, PivError> {
        let command = self.long(command);
        let data = self.data(action, &command)?;
        template_element(action, commands::RESPONSE, &data).map(Zeroizing::new)
    }
}

fn exactly(
    action: Action,
    size: usize,
    bytes: Zeroizing<Vec<u8>>,
) -> Result<Zeroizing<Vec<u8>>, PivError> {
    if bytes.len() == size {
        return Ok(bytes);
    }
    Err(PivError::Malformed {
        action,
        what: format!("{} bytes, expected {size}", bytes.len()),
    })
}

fn rsa_size(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::Rsa1024 => Some(128),
        Algorithm::Rsa2048 => Some(256),
        Algorithm::Rsa3072 => Some(384),
        _ => None,
    }
}
