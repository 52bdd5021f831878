use std::fmt;

use ground::Blame;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use series::Slot;

/// One journalled thing done to a card.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum StepKind {
    /// The printer takes a blank onto the contacts.
    Feed,
    /// The chip is powered, its series and number are read, the blank is bound.
    Identify,
    /// A blank that came without issuer and card number (IIN and CIN) gets them, where the profile
    /// says so. Left out for every other blank.
    WriteSerial,
    /// The transport key is proved and replaced by this card's own key; the keys of the card
    /// manager as well, where the profile says so.
    ReplaceAdminKey,
    /// PUK and passcode replace the transport values.
    SetPasscodes,
    /// CHUID, capability container, Discovery Object and Printed Information are written. Left out
    /// for an application without such objects.
    WriteIdentity,
    /// A key pair is made on the card.
    GenerateKey(Slot),
    /// A certificate request is signed by the card and answered by the authority.
    Certify(Slot),
    /// The certificate is written.
    WriteCertificate(Slot),
    /// The Security Object over all the others is written. Left out for an application without
    /// one.
    WriteSecurityObject,
    /// Everything is read back and checked as a stranger would.
    ReadBack,
    /// The face is printed. Left out with the check of it where the station does not print.
    Print,
    /// What was printed is compared with what was meant.
    CheckFace,
    /// The card leaves the printer by the output tray.
    Eject,
    /// The card is handed over or put aside; the card is issued.
    HandOver(Handover),
}

/// What becomes of a finished card.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Handover {
    /// Given to its holder.
    Delivered,
    /// Kept until its holder comes.
    Held,
}

impl StepKind {
    /// Every step of a card in the order they are done, with both ways to end.
    pub const ORDER: [Self; 19] = [
        Self::Feed,
        Self::Identify,
        Self::WriteSerial,
        Self::ReplaceAdminKey,
        Self::SetPasscodes,
        Self::WriteIdentity,
        Self::GenerateKey(Slot::Authentication),
        Self::Certify(Slot::Authentication),
        Self::WriteCertificate(Slot::Authentication),
        Self::GenerateKey(Slot::Signing),
        Self::Certify(Slot::Signing),
        Self::WriteCertificate(Slot::Signing),
        Self::WriteSecurityObject,
        Self::ReadBack,
        Self::Print,
        Self::CheckFace,
        Self::Eject,
        Self::HandOver(Handover::Delivered),
        Self::HandOver(Handover::Held),
    ];

    /// The place in the order; both ways of handing over share one.
    #[must_use]
    pub fn place(self) -> usize {
        let same = |kind: &Self| match (kind, &self) {
            (Self::HandOver(_), Self::HandOver(_)) => true,
            (one, other) => one == other,
        };
        Self::ORDER
            .iter()
            .position(same)
            .expect("every kind of step stands in the order")
    }

    /// Whether a card may do without the step.
    #[must_use]
    pub fn is_optional(self) -> bool {
        matches!(
            self,
            Self::WriteSerial | Self::WriteIdentity | Self::WriteSecurityObject
        ) || self.is_of_the_face()
    }

    /// Whether it concerns the face and not the chip. Both such steps are done, or neither.
    #[must_use]
    pub fn is_of_the_face(self) -> bool {
        matches!(self, Self::Print | Self::CheckFace)
    }

    /// Whether the step leaves something on chip or plastic that cannot be taken back, so that a
    /// blank on which it was begun cannot be used for anybody else. The serial number does not: it
    /// is the blank's, whoever gets it, and is read before it is written.
    #[must_use]
    pub fn marks_blank(self) -> bool {
        self.place() >= Self::ReplaceAdminKey.place()
    }

    /// The name used in the journal and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Identify => "identify",
            Self::WriteSerial => "write-serial",
            Self::ReplaceAdminKey => "replace-admin-key",
            Self::SetPasscodes => "set-passcodes",
            Self::WriteIdentity => "write-identity",
            Self::GenerateKey(Slot::Authentication) => "generate-authentication-key",
            Self::GenerateKey(Slot::Signing) => "generate-signing-key",
            Self::Certify(Slot::Authentication) => "certify-authentication",
            Self::Certify(Slot::Signing) => "certify-signing",
            Self::WriteCertificate(Slot::Authentication) => "write-authentication-certificate",
            Self::WriteCertificate(Slot::Signing) => "write-signing-certificate",
            Self::WriteSecurityObject => "write-security-object",
            Self::ReadBack => "read-back",
            Self::Print => "print",
            Self::CheckFace => "check-face",
            Self::Eject => "eject",
            Self::HandOver(Handover::Delivered) => "deliver",
            Self::HandOver(Handover::Held) => "hold",
        }
    }

    /// The kind with that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ORDER.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for StepKind {
    /// What is being done, as part of a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Feed => f.write_str("feeding a blank to the contacts"),
            Self::Identify => f.write_str("identifying the blank"),
            Self::WriteSerial => f.write_str("writing the serial number"),
            Self::ReplaceAdminKey => f.write_str("replacing the administration key"),
            Self::SetPasscodes => f.write_str("setting PUK and passcode"),
            Self::WriteIdentity => f.write_str("writing the identity objects"),
            Self::GenerateKey(slot) => write!(f, "generating the {slot} key"),
            Self::Certify(slot) => write!(f, "obtaining the {slot} certificate"),
            Self::WriteCertificate(slot) => write!(f, "writing the {slot} certificate"),
            Self::WriteSecurityObject => f.write_str("writing the Security Object"),
            Self::ReadBack => f.write_str("reading the card back"),
            Self::Print => f.write_str("printing the face"),
            Self::CheckFace => f.write_str("checking the printed face"),
            Self::Eject => f.write_str("ejecting the card"),
            Self::HandOver(Handover::Delivered) => f.write_str("delivering the card"),
            Self::HandOver(Handover::Held) => f.write_str("putting the card aside"),
        }
    }
}

impl Serialize for StepKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A step as it stands in the journal.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Step {
    /// What was meant to be done.
    pub kind: StepKind,
    /// When.
    pub intended: Timestamp,
    /// What came of it, and when; nothing yet, or nothing ever if the program died meanwhile.
    pub outcome: Option<(Outcome, Timestamp)>,
}

/// What came of a step.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Done, with what is worth keeping about it (never a secret).
    Done {
        /// In words, may be empty.
        detail: String,
    },
    /// Not done, or not known to be done.
    Failed(Failure),
}

/// Why a step failed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Failure {
    /// Who is to blame.
    #[serde(serialize_with = "blame_name")]
    pub blame: Blame,
    /// What happened, with all of its causes.
    pub message: String,
    /// What to do next, where there is something.
    pub hint: Option<String>,
}

fn blame_name<S: serde::Serializer>(blame: &Blame, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(blame.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_one_kind_each() {
        for kind in StepKind::ORDER {
            assert_eq!(StepKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(StepKind::from_name("unknown"), None);
    }

    #[test]
    fn only_feeding_reading_and_numbering_leave_a_blank_unmarked() {
        let unmarked: Vec<_> = StepKind::ORDER
            .into_iter()
            .filter(|kind| !kind.marks_blank())
            .collect();
        assert_eq!(
            unmarked,
            [StepKind::Feed, StepKind::Identify, StepKind::WriteSerial]
        );
    }
}
