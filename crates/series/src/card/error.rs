use authentic::AuthenticError;
use ground::{Blame, Blamed};
use piv::PivError;
use thiserror::Error;

use crate::{Applet, IdentifyError, PasscodeProblem, ProfileError, Refusal};

/// Why something asked of a card was not done.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CardError {
    /// The card stopped answering while it was identified.
    #[error(transparent)]
    Identify(#[from] IdentifyError),
    /// There is no profile of the name asked for.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// What the PIV application said.
    #[error(transparent)]
    Piv(#[from] PivError),
    /// What the AuthentIC application said.
    #[error(transparent)]
    Authentic(#[from] AuthenticError),
    /// The series is withdrawn, or nothing personalises it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The passcode does not conform to the rules. The card has not seen it.
    #[error(transparent)]
    Passcode(#[from] PasscodeProblem),
    /// The card is not the one that was named.
    #[error("this is not the card `{named}`: it is {found}")]
    OtherCard {
        /// What the operator named.
        named: String,
        /// The names the card goes by.
        found: String,
    },
    /// The operator did not say which card it is.
    #[error("did not {what}: which card this has to be was not said, nothing was sent")]
    NotClaimed {
        /// What was to be done.
        what: &'static str,
    },
    /// The card cannot be of the series that was named.
    #[error("this is no card of {named}: it is {found}")]
    OtherSeries {
        /// What the operator named.
        named: String,
        /// What the card seems to be.
        found: String,
    },
    /// The card may be of several series, and it matters which.
    #[error("cannot {what}: the card may be of {}, and they differ", candidates.join(" or "))]
    Ambiguous {
        /// What was to be done.
        what: &'static str,
        /// The profiles it may be of.
        candidates: Vec<String>,
    },
    /// Nothing on the card that cardwright can speak to.
    #[error("cannot {what}: there is no engine for {found}")]
    NoEngine {
        /// What was to be done.
        what: &'static str,
        /// What the card seems to be.
        found: String,
    },
    /// The application has no such thing.
    #[error("cannot {what}: {applet} does not offer it: {why}")]
    NotOffered {
        /// What was to be done.
        what: &'static str,
        /// The application.
        applet: Applet,
        /// Why not.
        why: &'static str,
    },
    /// The secret given is that of the other application.
    #[error("cannot {what}: this card needs {needs}")]
    WrongSecret {
        /// What was to be done.
        what: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// One try is left and the caller did not say to spend it. Nothing was sent.
    #[error("only one try is left for the {secret}, nothing was sent")]
    LastTry {
        /// Whose tries they are.
        secret: &'static str,
    },
    /// The card has no such secret.
    #[error("the card has no {secret}")]
    SecretAbsent {
        /// What is absent.
        secret: &'static str,
    },
    /// What was read or is to be written is no certificate.
    #[error("no certificate: {detail}")]
    Malformed {
        /// What is wrong with it.
        detail: String,
    },
    /// The card does not block a secret however often it is wrong.
    #[error("the card is cleared, but its {secret} is not blocked after {tries} wrong ones")]
    NotBlocked {
        /// The secret.
        secret: &'static str,
        /// How many were tried.
        tries: usize,
    },
}

impl CardError {
    /// Whether the card itself was lost, as opposed to saying no.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::Identify(_)
                | Self::Piv(PivError::Channel { .. })
                | Self::Authentic(AuthenticError::Channel { .. })
        )
    }
}

impl Blamed for CardError {
    fn blame(&self) -> Blame {
        match self {
            Self::Identify(error) => error.blame(),
            Self::Profile(error) => error.blame(),
            Self::Piv(error) => error.blame(),
            Self::Authentic(error) => error.blame(),
            Self::Refused(refusal) => refusal.blame(),
            Self::Malformed { .. } | Self::NotBlocked { .. } => Blame::CardMisbehaved,
            Self::Passcode(_)
            | Self::OtherCard { .. }
            | Self::NotClaimed { .. }
            | Self::OtherSeries { .. }
            | Self::Ambiguous { .. }
            | Self::NoEngine { .. }
            | Self::NotOffered { .. }
            | Self::WrongSecret { .. }
            | Self::LastTry { .. }
            | Self::SecretAbsent { .. } => Blame::OperatorMistake,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Identify(error) => return error.hint(),
            Self::Profile(error) => return error.hint(),
            Self::Piv(error) => return error.hint(),
            Self::Authentic(error) => return error.hint(),
            Self::Refused(refusal) => return refusal.hint(),
            Self::Passcode(_) => "check the passcode; the card was not asked, no try is lost",
            Self::OtherCard { .. } => {
                "check that the right card is in the right reader; nothing was done to this one"
            }
            Self::NotClaimed { .. } => "name the card by its serial number",
            Self::OtherSeries { .. } => "`cardwright inspect` says what the card is and why",
            Self::Ambiguous { .. } => "say which series it is",
            Self::NoEngine { .. } => "take a card of series 8, 9 or 10",
            Self::NotOffered { .. } => "have the card generate its key",
            Self::WrongSecret { .. } => "fetch the secret of this very card",
            Self::LastTry { .. } => {
                "make sure of the secret, then say that the last try may be spent; a wrong one \
                 blocks it"
            }
            Self::SecretAbsent { .. } => "the card has not been issued yet",
            Self::Malformed { .. } => "set the card aside and keep the transcript",
            Self::NotBlocked { .. } => "destroy the card",
        };
        Some(hint.to_owned())
    }
}
