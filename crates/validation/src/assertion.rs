use std::fmt;

use piv::words::ObjectId;
use serde::Serialize;

use crate::{Bench, Evidence, Judgement, ValidationError};

/// One thing that is held of a card, and how it is proved.
///
/// Assertions are data: what they need and whether they write is known before the card is
/// touched, so that a run can say what it will do and leave out what is not permitted.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Assertion {
    /// Unique, lower case, stable between versions: `verify.wrong-pin-costs-one-try`.
    pub id: &'static str,
    /// What is held, as a statement that can be true or false.
    pub title: &'static str,
    /// Whose rule it is.
    pub standard: Standard,
    /// Part and section of that document.
    pub clause: &'static str,
    /// What must be given before it can be proved.
    pub needs: &'static [Need],
    /// Whether it changes what is stored on the card, tries of passcodes left aside.
    pub writes: bool,
    /// How many tries of the PIV PIN it spends at most, all given back when it ends well.
    pub pin_tries: u8,
    /// The numbers of the checks of SP 800-85B that it carries out on its objects, such as
    /// `73-4.16`.
    pub checks: &'static [&'static str],
    /// How it is proved.
    #[serde(skip)]
    pub check: Check,
}

/// How an assertion is proved.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// By what was read, for each of the objects that is on the card.
    Object(Objects, fn(&Evidence, ObjectId) -> Judgement),
    /// By what was read of the whole card.
    Card(fn(&Evidence) -> Judgement),
    /// By sending commands. The card has been reset and the PIV application selected.
    Command(fn(&mut Bench<'_>) -> Result<Judgement, ValidationError>),
}

/// The objects an assertion is about.
#[derive(Clone, Copy, Debug)]
pub enum Objects {
    /// Those named.
    These(&'static [ObjectId]),
    /// Those named and the twenty retired certificates.
    TheseAndRetired(&'static [ObjectId]),
    /// All 36.
    All,
    /// All but the retired certificates and those named.
    AllBut(&'static [ObjectId]),
}

impl Objects {
    /// Whether the assertion is about this object.
    #[must_use]
    pub fn contains(self, object: ObjectId) -> bool {
        match self {
            Self::These(objects) => objects.contains(&object),
            Self::TheseAndRetired(objects) => {
                objects.contains(&object) || matches!(object, ObjectId::RetiredCertificate(_))
            }
            Self::All => true,
            Self::AllBut(objects) => {
                !objects.contains(&object) && !matches!(object, ObjectId::RetiredCertificate(_))
            }
        }
    }
}

/// Whose rule an assertion proves.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Standard {
    /// FIPS 201-3, Personal Identity Verification.
    #[serde(rename = "FIPS 201-3")]
    Fips201,
    /// SP 800-73-5, Interfaces for PIV.
    #[serde(rename = "SP 800-73-5")]
    Sp80073,
    /// SP 800-76-2, Biometric Specifications for PIV.
    #[serde(rename = "SP 800-76-2")]
    Sp80076,
    /// SP 800-78-5, Cryptographic Algorithms and Key Sizes for PIV.
    #[serde(rename = "SP 800-78-5")]
    Sp80078,
    /// SP 800-85A-4, test guidelines for the card application.
    #[serde(rename = "SP 800-85A-4")]
    Sp80085A,
    /// SP 800-85B-4, test guidelines for the data model.
    #[serde(rename = "SP 800-85B-4")]
    Sp80085B,
    /// ISO/IEC 7816, contact cards.
    #[serde(rename = "ISO/IEC 7816")]
    Iso7816,
    /// RFC 5280, certificates and revocation lists.
    #[serde(rename = "RFC 5280")]
    Rfc5280,
    /// A rule of the estate, from the series profile or the middleware expectations.
    #[serde(rename = "estate")]
    Estate,
}

impl fmt::Display for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fips201 => "FIPS 201-3",
            Self::Sp80073 => "SP 800-73-5",
            Self::Sp80076 => "SP 800-76-2",
            Self::Sp80078 => "SP 800-78-5",
            Self::Sp80085A => "SP 800-85A-4",
            Self::Sp80085B => "SP 800-85B-4",
            Self::Iso7816 => "ISO/IEC 7816",
            Self::Rfc5280 => "RFC 5280",
            Self::Estate => "estate",
        })
    }
}

/// What must be given before an assertion can be proved.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The holder's passcode.
    Passcode,
    /// The PUK.
    Puk,
    /// The administration key 9B.
    AdminKey,
    /// That the card is read through its contacts.
    Contact,
    /// That the card is read without contact.
    Contactless,
    /// The pairing code, if the card asks for one.
    PairingCode,
    /// That the card has key 04.
    SecureMessaging,
    /// That the operator has marked the card as one that may be changed.
    TestCard,
    /// Certificates to trust.
    TrustAnchors,
    /// A key that may be replaced, named by the operator.
    SpareKey,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passcode => "the passcode",
            Self::Puk => "the PUK",
            Self::AdminKey => "the administration key",
            Self::Contact => "a contact reader",
            Self::Contactless => "a contactless reader",
            Self::PairingCode => "the pairing code",
            Self::SecureMessaging => "secure messaging",
            Self::TestCard => "a card marked as a test card",
            Self::TrustAnchors => "trust anchors",
            Self::SpareKey => "a key that may be replaced",
        })
    }
}
