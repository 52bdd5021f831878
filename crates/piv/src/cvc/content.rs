use iso7816::ber;
use uuid::Uuid;

use super::{
    CURVE, CVC, CvcError, CvcSignature, ISSUER, KeyIdentifier, POINT, PROFILE, PROFILE_VALUE,
    PUBLIC_KEY, ROLE, Role, SIGNATURE, SUBJECT, SignatureAlgorithm, Subject,
};
use crate::PublicKey;

/// What a CVC says, before it is signed. Only what the standard allows can be held.
///
/// ```
/// use piv::PublicKey;
/// use piv::cvc::{Cvc, CvcContent, KeyIdentifier, Signer};
/// use p256::ecdsa::{DerSignature, SigningKey, signature::Signer as _};
///
/// let signing_key = SigningKey::from_slice(&[7; 32])?;
/// let signer = Signer {
///     identifier: KeyIdentifier([1; 8]),
///     key: PublicKey::P256(signing_key.verifying_key().into()),
/// };
/// let card_key = p256::SecretKey::from_slice(&[9; 32])?.public_key();
/// let card = uuid::Uuid::from_bytes([0x42; 16]);
/// let content = CvcContent::card(signer.identifier, card, PublicKey::P256(card_key))?;
///
/// let signature: DerSignature = signing_key.sign(&content.covered());
/// let bytes = content.encode(signature.as_bytes())?;
///
/// Cvc::parse(&bytes)?.value.verify(&signer)?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CvcContent {
    issuer: KeyIdentifier,
    subject: Subject,
    public_key: PublicKey,
    point: Vec<u8>,
}

impl CvcContent {
    /// For a card's secure messaging key.
    ///
    /// # Errors
    ///
    /// [`CvcError::NotEllipticCurve`] for an RSA key.
    pub fn card(issuer: KeyIdentifier, card: Uuid, key: PublicKey) -> Result<Self, CvcError> {
        Self::new(issuer, Subject::Card(card), key)
    }

    /// For a key that signs the CVCs of cards; its identifier follows from the key.
    ///
    /// # Errors
    ///
    /// [`CvcError::NotEllipticCurve`] for an RSA key.
    pub fn intermediate(issuer: KeyIdentifier, key: PublicKey) -> Result<Self, CvcError> {
        let identifier = KeyIdentifier::of_key(&key).ok_or(CvcError::NotEllipticCurve)?;
        Self::new(issuer, Subject::Intermediate(identifier), key)
    }

    fn new(
        issuer: KeyIdentifier,
        subject: Subject,
        public_key: PublicKey,
    ) -> Result<Self, CvcError> {
        let point = public_key.point().ok_or(CvcError::NotEllipticCurve)?;
        Ok(Self {
            issuer,
            subject,
            public_key,
            point,
        })
    }

    /// The identifier of the key that is to sign.
    #[must_use]
    pub fn issuer(&self) -> KeyIdentifier {
        self.issuer
    }

    /// Whom it is for.
    #[must_use]
    pub fn subject(&self) -> Subject {
        self.subject
    }

    /// The key it certifies.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The role, which follows from the subject.
    #[must_use]
    pub fn role(&self) -> Role {
        match self.subject {
            Subject::Card(_) => Role::Card,
            Subject::Intermediate(_) => Role::Intermediate,
        }
    }

    /// How it must be signed: a card's CVC with ECDSA on the curve of its own key, an
    /// intermediate one with RSA.
    #[must_use]
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        match self.subject {
            Subject::Card(_) => SignatureAlgorithm::of_signer(&self.public_key),
            Subject::Intermediate(_) => SignatureAlgorithm::RsaSha256,
        }
    }

    /// The bytes to sign: profile, issuer, subject, public key and role.
    #[must_use]
    pub fn covered(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(192);
        ber::write(&mut out, PROFILE, &[PROFILE_VALUE]);
        ber::write(&mut out, ISSUER, &self.issuer.0);
        match &self.subject {
            Subject::Card(card) => ber::write(&mut out, SUBJECT, card.as_bytes()),
            Subject::Intermediate(identifier) => ber::write(&mut out, SUBJECT, &identifier.0),
        }
        let mut key = Vec::with_capacity(112);
        ber::write(&mut key, CURVE, super::parse::curve_oid(&self.public_key));
        ber::write(&mut key, POINT, &self.point);
        ber::write(&mut out, PUBLIC_KEY, &key);
        ber::write(&mut out, ROLE, &[self.role().byte()]);
        out
    }

    /// The whole CVC with the given signature over [`CvcContent::covered`], made with
    /// [`CvcContent::signature_algorithm`]: `ECDSA-Sig-Value` in DER, or the RSA signature. The
    /// signature itself is not verified here, a test card may need a wrong one.
    ///
    /// # Errors
    ///
    /// [`CvcError::Signature`] if the signature is too long for DER.
    pub fn encode(&self, signature: &[u8]) -> Result<Vec<u8>, CvcError> {
        let signature = CvcSignature::encode(self.signature_algorithm(), signature)?;
        let mut inner = self.covered();
        ber::write(&mut inner, SIGNATURE, &signature);
        Ok(ber::object(CVC, &inner))
    }
}
