//! Certificates.
//!
//! An [`Authority`] answers certificate requests the card has signed ([`certificate_request`]).
//! [`TestAuthority`] is a built-in one for simulated and test cards. [`verify_chain`] checks what
//! came back, with nothing of the authority but its root.

pub mod certificate_request;
mod chain;
mod name;
mod profile;
mod signature;
mod terms;
mod test_authority;

use ground::{Blame, Blamed};
use jiff::Timestamp;
use piv::signed::{ContentSigner, SignedError};
use series::Slot;
use thiserror::Error;
use x509_cert::Certificate;
use x509_cert::name::Name;
use x509_cert::request::CertReq;

use crate::keys::Purpose;

pub use chain::{ChainError, verify_chain};
pub use name::subject_name;
pub use terms::{CertificateTerms, PolicyTerms};
pub use test_authority::TestAuthority;

/// Who certifies keys.
pub trait Authority: Send {
    /// What it calls itself, for the journal.
    fn name(&self) -> &str;

    /// Certifies a key.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`]: the request is not in order, or the authority cannot be reached.
    fn submit(&mut self, submission: &Submission<'_>) -> Result<Certificate, AuthorityError>;

    /// The certificates above those issued: the issuer first, the root last.
    fn chain(&self) -> &[Certificate];

    /// Who signs CHUIDs and Security Objects.
    fn content_signer(&self) -> &ContentSigner;

    /// Whether its certificates are for people.
    fn purpose(&self) -> Purpose;
}

/// What the Registration Authority asks to be certified.
#[derive(Clone, Debug)]
pub struct Submission<'a> {
    /// What the key is for.
    pub slot: Slot,
    /// Whom to name.
    pub subject: Name,
    /// What identifies the card in an authentication certificate, of a card that has such names.
    pub card: Option<CardNames<'a>>,
    /// What else the certificate has to say.
    pub terms: CertificateTerms,
    /// The first moment of validity.
    pub not_before: Timestamp,
    /// The last moment of validity.
    pub not_after: Timestamp,
    /// The request, signed with the key to be certified.
    pub request: &'a CertReq,
}

/// The names of a card (SP 800-73-5 Part 1, 3.4).
#[derive(Clone, Copy, Debug)]
pub struct CardNames<'a> {
    /// The Card UUID.
    pub uuid: uuid::Uuid,
    /// The FASC-N, 25 bytes.
    pub fascn: &'a [u8; 25],
}

/// The serial number of a certificate in upper-case hexadecimal, without the leading zero that
/// makes it positive in DER: as other programs show it.
#[must_use]
pub fn serial_text(certificate: &Certificate) -> String {
    let bytes = certificate.tbs_certificate().serial_number().as_bytes();
    let number = bytes.strip_prefix(&[0]).filter(|rest| !rest.is_empty());
    hex::encode_upper(number.unwrap_or(bytes))
}

/// Why there is no certificate.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// The request does not prove that its key is in the sender's hands.
    #[error("the certificate request does not prove possession of its key: {0}")]
    NoProof(SignedError),
    /// The request names somebody else than the submission.
    #[error("the certificate request names `{requested}`, the submission `{submitted}`")]
    OtherSubject {
        /// In the request.
        requested: String,
        /// In the submission.
        submitted: String,
    },
    /// A test authority for live cards, or the other way round.
    #[error(
        "the {authority} is for {authority_purpose} cards, station `{station}` is for {station_purpose} cards"
    )]
    WrongPurpose {
        /// The authority.
        authority: String,
        /// What it is for.
        authority_purpose: Purpose,
        /// The station.
        station: String,
        /// What the station is for.
        station_purpose: Purpose,
    },
    /// The dates cannot be met.
    #[error("a certificate from {not_before} to {not_after} cannot be issued: {detail}")]
    Validity {
        /// Asked for.
        not_before: Timestamp,
        /// Asked for.
        not_after: Timestamp,
        /// Why not.
        detail: String,
    },
    /// A file of the authority cannot be read or written.
    #[error("authority file `{path}`: {source}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A file of the authority is not what it should be.
    #[error("authority file `{path}`: {detail}")]
    Content {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The certificate could not be put together.
    #[error("failed to build the certificate: {detail}")]
    Build {
        /// The builder's words.
        detail: String,
    },
}

impl AuthorityError {
    pub(crate) fn build(error: impl std::fmt::Display) -> Self {
        Self::Build {
            detail: error.to_string(),
        }
    }
}

impl Blamed for AuthorityError {
    fn blame(&self) -> Blame {
        match self {
            // The card made the signature.
            Self::NoProof(_) => Blame::CardMisbehaved,
            Self::WrongPurpose { .. } => Blame::OperatorMistake,
            _ => Blame::AuthorityFault,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoProof(_) => "set this blank aside and use another",
            Self::File { .. } => {
                "check the room on the disk and the permissions of the data directory"
            }
            Self::Content { .. } => {
                "restore the file from a backup; a new test authority is made in an empty data directory"
            }
            Self::Validity { .. } => {
                "check the clock of this computer and the validity in the profile"
            }
            Self::WrongPurpose { .. } => {
                "use the authority and the data directory that belong to this station"
            }
            Self::OtherSubject { .. } | Self::Build { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
