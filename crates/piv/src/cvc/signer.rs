use der::Decode;
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectKeyIdentifier;

use super::{Cvc, CvcError, KeyIdentifier, Role, SignatureAlgorithm};
use crate::PublicKey;

/// A key that signs CVCs, and the identifier they name it by.
///
/// Whether a content signing certificate may be trusted at all (its path, validity and
/// revocation) is not decided here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signer {
    /// The issuer identification number of what it signs.
    pub identifier: KeyIdentifier,
    /// The key.
    pub key: PublicKey,
}

impl Signer {
    /// The key of a content signing certificate.
    ///
    /// # Errors
    ///
    /// [`CvcError::NoKeyIdentifier`], [`CvcError::SignerKey`]; [`CvcError::Certificate`] if the
    /// subjectKeyIdentifier is malformed or there are several.
    pub fn from_certificate(certificate: &Certificate) -> Result<Self, CvcError> {
        let certificate = certificate.tbs_certificate();
        let (_, SubjectKeyIdentifier(identifier)) = certificate
            .get_extension()
            .map_err(|_| CvcError::Certificate)?
            .ok_or(CvcError::NoKeyIdentifier)?;
        let first = identifier
            .as_bytes()
            .first_chunk()
            .ok_or(CvcError::NoKeyIdentifier)?;
        Ok(Self {
            identifier: KeyIdentifier(*first),
            key: PublicKey::from_spki(certificate.subject_public_key_info())
                .map_err(|_| CvcError::SignerKey)?,
        })
    }

    /// The key of a content signing certificate in DER.
    ///
    /// # Errors
    ///
    /// [`CvcError::Certificate`] for malformed DER, else as [`Signer::from_certificate`].
    pub fn from_certificate_der(der: &[u8]) -> Result<Self, CvcError> {
        Self::from_certificate(&Certificate::from_der(der).map_err(|_| CvcError::Certificate)?)
    }

    /// The key of an Intermediate CVC, once that is verified with the RSA key that signed it.
    ///
    /// # Errors
    ///
    /// [`CvcError::Role`] for a card's CVC, [`CvcError::Missing`], and those of [`Cvc::verify`].
    pub fn from_intermediate(intermediate: &Cvc, content_signer: &Self) -> Result<Self, CvcError> {
        let role = intermediate.role()?;
        if role != Role::Intermediate {
            return Err(CvcError::Role {
                expected: Role::Intermediate,
                actual: role,
            });
        }
        intermediate.verify(content_signer)?;
        match (intermediate.subject, &intermediate.public_key) {
            (Some(super::Subject::Intermediate(identifier)), Some(key)) => Ok(Self {
                identifier,
                key: key.clone(),
            }),
            (_, None) => Err(CvcError::Missing {
                element: "public key (7F49)",
            }),
            _ => Err(CvcError::Missing {
                element: "subject identifier (5F20) of 8 bytes",
            }),
        }
    }
}

impl Cvc {
    /// Checks the signature: the signer is the one named, the algorithm fits the role and the
    /// signer's key (ECDSA for cards, RSA for intermediates), the signature verifies.
    ///
    /// # Errors
    ///
    /// [`CvcError::Missing`], [`CvcError::OtherSigner`], [`CvcError::Algorithm`],
    /// [`CvcError::Role`] for an unknown role, [`CvcError::Signature`].
    pub fn verify(&self, signer: &Signer) -> Result<(), CvcError> {
        let role = self.role()?;
        let issuer = self.issuer.ok_or(CvcError::Missing {
            element: "issuer identification number (42)",
        })?;
        let signature = self.signature.as_ref().ok_or(CvcError::Missing {
            element: "signature (5F37)",
        })?;
        if issuer != signer.identifier {
            return Err(CvcError::OtherSigner {
                expected: signer.identifier,
                actual: issuer,
            });
        }
        let expected = SignatureAlgorithm::of_signer(&signer.key);
        let fits_role = match role {
            Role::Card => expected != SignatureAlgorithm::RsaSha256,
            Role::Intermediate => expected == SignatureAlgorithm::RsaSha256,
            Role::Unknown(_) => {
                return Err(CvcError::Role {
                    expected: Role::Card,
                    actual: role,
                });
            }
        };
        if signature.algorithm != Some(expected) || !fits_role {
            return Err(CvcError::Algorithm {
                algorithm: signature
                    .algorithm
                    .map_or("another algorithm", SignatureAlgorithm::name),
                role,
            });
        }
        signer
            .key
            .verify_digest(&expected.digest(&self.covered), &signature.value)
            .map_err(|_| CvcError::Signature)
    }

    fn role(&self) -> Result<Role, CvcError> {
        self.role.ok_or(CvcError::Missing {
            element: "role identifier (5F4C)",
        })
    }
}
