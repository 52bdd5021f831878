use std::fmt;

use serde::{Deserialize, Serialize};

/// What the estate does with a card, as far as each ends on a day of its own when a series is
/// withdrawn.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Making a new card.
    Issue,
    /// Replacing keys and certificates, for renewal or repair.
    Renewal,
    /// Giving a locked card a new passcode.
    Unlock,
    /// Using the card: verifying the passcode, logging in, signing.
    Authentication,
}

impl Operation {
    /// All, in the order of a card's life.
    pub const ALL: [Self; 4] = [
        Self::Issue,
        Self::Renewal,
        Self::Unlock,
        Self::Authentication,
    ];

    /// The word used in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Renewal => "renewal",
            Self::Unlock => "unlock",
            Self::Authentication => "authentication",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
