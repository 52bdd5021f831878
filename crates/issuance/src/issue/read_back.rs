//! Reading a card as somebody who has never seen it: with its root certificate, its passcode, and
//! nothing remembered from writing it. What is the same for every application is here, what an
//! application holds in `chip`.

use authentic::AuthenticError;
use ground::{Ambient, Blame, Blamed};
use iso7816::LinkError;
use piv::objects::{CertificateObjectError, ObjectError};
use piv::secrets::Passcode;
use piv::signed::SignedError;
use piv::words::ObjectId;
use piv::{Finding, MessageDigest, PivError, PublicKey, PublicKeyError};
use series::Slot;
use thiserror::Error;
use x509_cert::Certificate;

use crate::authority::{ChainError, verify_chain};
use crate::request::UserId;

/// What the card is checked against.
pub(super) struct Stranger<'a> {
    /// The issuer first, the trusted root last.
    pub(super) chain: &'a [Certificate],
    /// The holder's passcode.
    pub(super) passcode: &'a Passcode,
    /// Whom the certificates have to name.
    pub(super) user: UserId,
    pub(super) ambient: &'a dyn Ambient,
}

impl Stranger<'_> {
    /// The certificate is the authority's and names the person.
    pub(super) fn check_certificate(
        &self,
        slot: Slot,
        certificate: &Certificate,
    ) -> Result<(), ReadBackError> {
        verify_chain(certificate, self.chain, self.ambient.now())?;
        let subject = certificate.tbs_certificate().subject();
        let name = subject.common_name().ok().flatten();
        let name = name.map_or_else(String::new, |name| name.value().into_owned());
        if !name.starts_with(&format!("{}_", self.user)) {
            return Err(ReadBackError::OtherPerson {
                slot,
                expected: self.user,
                found: name,
            });
        }
        Ok(())
    }

    /// Something new to be signed.
    pub(super) fn challenge(&self) -> [u8; 32] {
        let mut challenge = [0; 32];
        self.ambient.fill_random(&mut challenge);
        challenge
    }
}

/// The card's signature verifies with its certificate.
pub(super) fn check_signature(
    slot: Slot,
    certificate: &Certificate,
    digest: &MessageDigest,
    signature: &[u8],
) -> Result<(), ReadBackError> {
    let wrong = |source| ReadBackError::Key { slot, source };
    let public = certificate.tbs_certificate().subject_public_key_info();
    let public = PublicKey::from_spki(public).map_err(wrong)?;
    public.verify_digest(digest, signature).map_err(wrong)
}

/// What a stranger finds wrong with a card just made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadBackError {
    /// The card does not answer as it should.
    #[error(transparent)]
    Piv(#[from] PivError),
    /// The AuthentIC application does not answer as it should.
    #[error(transparent)]
    Authentic(#[from] AuthenticError),
    /// The card cannot be reset.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A file is not as its format has it.
    #[error("the card is not in order: {finding}")]
    Finding {
        /// What is wrong, and where.
        finding: authentic::Finding,
    },
    /// A certificate is not there.
    #[error("the {slot} certificate was written and is not there")]
    NoCertificate {
        /// What its key is for.
        slot: Slot,
    },
    /// What lies in the place of a certificate is none.
    #[error("what was written as {slot} certificate is none any more: {source}")]
    NotACertificate {
        /// What its key is for.
        slot: Slot,
        /// What is wrong.
        source: der::Error,
    },
    /// An object is not there.
    #[error("the {object} was written and is not there")]
    Missing {
        /// The object.
        object: ObjectId,
    },
    /// An object cannot be read.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// An object is not as the standard has it.
    #[error("the {object} is not in order: {finding}")]
    Violation {
        /// The object.
        object: ObjectId,
        /// What is wrong, and which clause says so.
        finding: Finding,
    },
    /// A signed object does not verify.
    #[error("the {object} does not verify: {source}")]
    Signed {
        /// The object.
        object: ObjectId,
        /// What is wrong.
        source: SignedError,
    },
    /// A certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateObjectError),
    /// A certificate is not to be trusted.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A certificate names another person.
    #[error("the {slot} certificate names `{found}`, expected user {expected}")]
    OtherPerson {
        /// What its key is for.
        slot: Slot,
        /// Who should be named.
        expected: UserId,
        /// Who is.
        found: String,
    },
    /// CHUID and certificate are of different cards.
    #[error("the {what} in the authentication certificate is not that of the CHUID")]
    OtherCard {
        /// Which name of the card.
        what: &'static str,
    },
    /// The private key on the card is not the certificate's.
    #[error("the {slot} key does not prove its certificate: {source}")]
    Key {
        /// What it is for.
        slot: Slot,
        /// What is wrong.
        source: PublicKeyError,
    },
}

impl Blamed for ReadBackError {
    fn blame(&self) -> Blame {
        match self {
            Self::Piv(error) => error.blame(),
            Self::Authentic(error) => error.blame(),
            Self::Link(error) => error.blame(),
            Self::Chain(error) => error.blame(),
            _ => Blame::CardMisbehaved,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Piv(error) => error.hint(),
            Self::Authentic(error) => error.hint(),
            Self::Link(error) => error.hint(),
            Self::Chain(error) => error.hint(),
            _ => Some("set the card aside by its number; it must not be handed out".to_owned()),
        }
    }
}
