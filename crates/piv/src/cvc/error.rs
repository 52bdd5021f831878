use ground::{Blame, Blamed};
use iso7816::ber::TlvError;
use thiserror::Error;

use super::{KeyIdentifier, Role};

/// Why bytes are no card verifiable certificate, or a certificate cannot be trusted or made.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CvcError {
    /// No object `7F21`.
    #[error("no card verifiable certificate: {0}")]
    NotCvc(#[from] TlvError),
    /// An element needed is not there, or could not be understood.
    #[error("the card verifiable certificate has no usable {element}")]
    Missing {
        /// Which one, with its tag.
        element: &'static str,
    },
    /// Its role does not let it do what it is used for.
    #[error("the card verifiable certificate is for role `{actual}`, expected `{expected}`")]
    Role {
        /// The role needed.
        expected: Role,
        /// The role found.
        actual: Role,
    },
    /// Another key signed it than the one at hand.
    #[error("the card verifiable certificate was signed by key `{actual}`, not by `{expected}`")]
    OtherSigner {
        /// The identifier of the key at hand.
        expected: KeyIdentifier,
        /// The issuer identification number.
        actual: KeyIdentifier,
    },
    /// The signature's algorithm is not the one for its role and the signer's key.
    #[error("a signature with {algorithm} cannot come from this signer for role `{role}`")]
    Algorithm {
        /// The name of the algorithm, or `another algorithm`.
        algorithm: &'static str,
        /// The certificate's role.
        role: Role,
    },
    /// The signature is not the signer's.
    #[error("the signature of the card verifiable certificate does not verify")]
    Signature,
    /// The content signing certificate cannot be read.
    #[error("the content signing certificate is no X.509 certificate")]
    Certificate,
    /// The content signing certificate does not name its key.
    #[error("the content signing certificate has no subjectKeyIdentifier of 8 bytes or more")]
    NoKeyIdentifier,
    /// The content signing certificate's key is neither RSA, P-256 nor P-384.
    #[error("the content signing certificate's key is neither RSA, P-256 nor P-384")]
    SignerKey,
    /// A CVC can certify P-256 and P-384 keys only.
    #[error("a card verifiable certificate holds a P-256 or P-384 key, not RSA")]
    NotEllipticCurve,
}

impl Blamed for CvcError {
    fn blame(&self) -> Blame {
        match self {
            Self::NotCvc(_)
            | Self::Missing { .. }
            | Self::Role { .. }
            | Self::Algorithm { .. }
            | Self::Signature => Blame::CardMisbehaved,
            Self::OtherSigner { .. }
            | Self::Certificate
            | Self::NoKeyIdentifier
            | Self::SignerKey
            | Self::NotEllipticCurve => Blame::OperatorMistake,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::OtherSigner { .. } => {
                "take the content signing certificate, or the intermediate one, from the card's \
                 object 5FC122"
            }
            Self::Signature => "set the card aside: it may be a forgery",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
