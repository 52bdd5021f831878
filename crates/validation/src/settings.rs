use piv::objects::PairingCode;
use piv::secrets::{AdminKey, Passcode, Puk};
use piv::signed::CertificateRules;
use piv::words::{Edition, KeyReference};
use series::Profiles;

use crate::{Middleware, TrustStore};

/// How to validate.
#[derive(Debug)]
pub struct Settings {
    /// The profiles the card is identified by.
    pub profiles: Profiles,
    /// The profile to judge the card by; without one the first candidate with a PIV application.
    pub profile: Option<String>,
    /// The edition of SP 800-73 to judge by; what the profile says, if this is left open.
    pub edition: Option<Edition>,
    /// The holder's passcode, to read what it protects and to use the keys.
    pub passcode: Option<Passcode>,
    /// The PUK.
    pub puk: Option<Puk>,
    /// The administration key.
    pub admin_key: Option<AdminKey>,
    /// The pairing code, to open the virtual contact interface of a contactless card.
    pub pairing_code: Option<PairingCode>,
    /// What may be done to the card.
    pub permits: Permits,
    /// What certificates are checked against.
    pub trust: TrustStore,
    /// What is demanded of certificates where the standard leaves a choice; what the profile says,
    /// if this is left open.
    pub rules: Option<CertificateRules>,
    /// The clients whose expectations are judged.
    pub middleware: Vec<Middleware>,
    /// The assertions and probes to prove, by id or the beginning of one; all if empty.
    pub only: Vec<String>,
    /// Whether retired certificates are read, where there can be any.
    pub retired: bool,
}

impl Default for Settings {
    /// Nothing given, nothing permitted; the profiles and clients built in.
    fn default() -> Self {
        Self {
            profiles: Profiles::default(),
            profile: None,
            edition: None,
            passcode: None,
            puk: None,
            admin_key: None,
            pairing_code: None,
            permits: Permits::default(),
            trust: TrustStore::default(),
            rules: None,
            middleware: Middleware::built_in(),
            only: Vec::new(),
            retired: false,
        }
    }
}

/// What may be done to a card besides reading it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Permits {
    /// Whether objects and keys may be written.
    pub write: bool,
    /// How many tries of the PIV PIN may be spent on wrong passcodes at a time: the right one
    /// gives them back before the next is spent. One try of the PUK may be spent with any of them.
    pub pin_tries: u8,
    /// The card this is permitted on, by GUID or serial number. Without it nothing is.
    pub test_card: Option<String>,
    /// The key that may be replaced.
    pub spare_key: Option<KeyReference>,
}

impl Permits {
    /// The tries of a passcode that are left alone whatever is permitted, but by an assertion
    /// about a blocked passcode: that needs the PUK, and permission for every try there is.
    pub const RESERVE: u8 = 1;
}
