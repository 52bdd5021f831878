use std::fmt;

use iso7816::Channel;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::secrets::{NewPasscode, OfficerPasscode, Passcode};
use crate::{AuthenticError, FilePath, Finding};

/// Which AuthentIC application.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Applet {
    /// Version 2.2: object lists in the domain file 5011.
    V2,
    /// Version 3.2.2: PKCS#15.
    V3,
}

impl fmt::Display for Applet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V2 => "AuthentIC v2",
            Self::V3 => "AuthentIC v3",
        })
    }
}

/// Who proves himself to the card.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The holder, with the passcode.
    User,
    /// The security officer, with the SO PIN.
    Officer,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "holder's passcode",
            Self::Officer => "security officer's passcode",
        })
    }
}

/// How a passcode stands with the card.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Tries {
    /// Tries left; `None` where the card does not tell, as when the passcode is verified.
    pub left: Option<u8>,
    /// Tries there are after a right one; `None` where the card does not tell.
    pub limit: Option<u8>,
    /// None is left.
    pub blocked: bool,
    /// It was verified already in this session.
    pub verified: bool,
    /// The card has such a passcode.
    pub set: bool,
}

impl Tries {
    /// Of a card without the passcode.
    pub const ABSENT: Self = Self {
        left: None,
        limit: None,
        blocked: false,
        verified: false,
        set: false,
    };

    /// This many left.
    #[must_use]
    pub const fn left(left: u8) -> Self {
        Self {
            left: Some(left),
            blocked: left == 0,
            set: true,
            ..Self::ABSENT
        }
    }

    /// Verified in this session.
    #[must_use]
    pub const fn verified() -> Self {
        Self {
            verified: true,
            set: true,
            ..Self::ABSENT
        }
    }
}

/// What to do when one try is left.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LastTry {
    /// Refuse, and send nothing.
    #[default]
    Refuse,
    /// Spend it.
    Spend,
}

/// Which key: its index in the object lists of AuthentIC v2, the low seven bits of its reference
/// in v3. By convention 1 is for authentication and 2 for signing; a profile may say otherwise.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct KeyId(pub u8);

impl KeyId {
    /// For authentication, by convention.
    pub const AUTHENTICATION: Self = Self(1);
    /// For signing, by convention.
    pub const SIGNING: Self = Self(2);
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}", self.0)
    }
}

/// What a key is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyUsage {
    /// Signing challenges and deciphering.
    Authentication,
    /// Signatures that bind the holder (non-repudiation).
    Signing,
}

/// A key to be made or written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeySpec {
    /// Where.
    pub id: KeyId,
    /// Bits of the modulus.
    pub bits: u16,
    /// For what.
    pub usage: KeyUsage,
    /// What to call it.
    pub label: String,
}

/// What a blank card gets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Initialisation {
    /// What to call the token: at most 32 bytes.
    pub label: String,
    /// Serial number to write, where the format has a place for it.
    pub serial: Option<Vec<u8>>,
    /// The security officer's passcode once more, for applications that keep a copy of it with
    /// which the holder's passcode is unlocked (AuthentIC v2, reference 84). `None` makes no copy.
    pub officer: Option<OfficerPasscode>,
    /// Tries of that copy.
    pub officer_tries: u8,
}

/// The hash to sign, put in a DigestInfo (PKCS#1 v2.2, 9.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Digest {
    /// SHA-1.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
}

/// DigestInfo up to the hash (PKCS#1 v2.2, 9.2, note 1).
const SHA1_PREFIX: [u8; 15] = [
    0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A, 0x05, 0x00, 0x04, 0x14,
];
const SHA256_PREFIX: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

impl Digest {
    /// The DigestInfo in DER: 35 or 51 bytes.
    #[must_use]
    pub fn digest_info(&self) -> Vec<u8> {
        match self {
            Self::Sha1(hash) => [&SHA1_PREFIX[..], hash].concat(),
            Self::Sha256(hash) => [&SHA256_PREFIX[..], hash].concat(),
        }
    }
}

/// What a card tells about itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TokenInfo {
    /// What it is called.
    pub label: Option<String>,
    /// Its serial number: from the card's production data in v2, from the token information in v3.
    pub serial: Option<Vec<u8>>,
    /// Who made it, as it says.
    pub manufacturer: Option<String>,
    /// Whether it says that a passcode is set.
    pub passcode_set: Option<bool>,
}

/// What a key may be used for, as the card says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Uses {
    pub encrypt: bool,
    pub decrypt: bool,
    pub sign: bool,
    pub sign_recover: bool,
    pub verify: bool,
    pub verify_recover: bool,
    pub wrap: bool,
    pub unwrap: bool,
    pub derive: bool,
    pub non_repudiation: bool,
}

/// A key the card lists.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyObject {
    /// Which.
    pub id: KeyId,
    /// What it is called.
    pub label: String,
    /// What links it to its certificate: the SHA-1 of its modulus in v2, any bytes in v3.
    pub link: Vec<u8>,
    /// Bits of the modulus, as the card says.
    pub bits: u16,
    /// For what it may be used.
    pub uses: Uses,
    /// Whether it says that it was made on the card; `None` where it does not say.
    pub made_on_card: Option<bool>,
    /// Its private half is listed.
    pub private: bool,
    /// Its public half, where it could be read.
    pub public: Option<RsaPublicKey>,
    /// Where it is: the private half, or what there is of it.
    pub file: FilePath,
}

/// A certificate the card lists.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateObject {
    /// The key it goes with, by its place.
    pub id: KeyId,
    /// What it is called.
    pub label: String,
    /// What links it to its key.
    pub link: Vec<u8>,
    /// The certificate as it lies there; where it is none, a finding says so.
    pub der: Vec<u8>,
    /// Where it is.
    pub file: FilePath,
}

/// A data object the card lists.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DataObject {
    /// What it is called.
    pub label: String,
    /// The application it belongs to.
    pub application: String,
    /// Its object identifier, dotted; empty if it has none.
    pub oid: String,
    /// Whether it needs the holder's passcode.
    pub private: bool,
    /// Its value; `None` where it could not be read.
    pub value: Option<Vec<u8>>,
    /// Where it is.
    pub file: FilePath,
}

/// A file as it was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RawFile {
    /// Which.
    pub path: FilePath,
    /// Its bytes; of a file of records each with `R` and its length in front.
    pub bytes: Vec<u8>,
}

/// What is on a card, as far as it could be understood, and what is wrong with it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Contents {
    /// The token.
    pub token: TokenInfo,
    /// Keys, in the order of their ids.
    pub keys: Vec<KeyObject>,
    /// Certificates, in the order of their ids.
    pub certificates: Vec<CertificateObject>,
    /// Data objects, in the order of the card's list.
    pub data: Vec<DataObject>,
    /// What is wrong, in the order of reading.
    pub findings: Vec<Finding>,
    /// Every file that was read, in the order of reading. The one that holds AuthentIC v2's
    /// unblocking code is never among them.
    pub files: Vec<RawFile>,
}

/// A selected AuthentIC application of either version: what the estate does with a series 8 card.
///
/// No method spends a try it was not asked to spend: [`Token::verify`] and all that take an old
/// passcode ask for the counter first.
pub trait Token {
    /// Which version.
    fn applet(&self) -> Applet;

    /// The channel, for commands outside this crate.
    fn channel_mut(&mut self) -> &mut Channel;

    /// Gives the channel back. The card keeps its security status.
    fn into_channel(self: Box<Self>) -> Channel;

    /// Selects the application anew, after a reset or when another was selected meanwhile. Every
    /// passcode verified is forgotten.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::NoApplet`], [`AuthenticError::Channel`].
    fn reselect(&mut self) -> Result<(), AuthenticError>;

    /// Whether the card has a file structure. Of a card on which an initialisation was broken off
    /// this is false.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::Channel`], [`AuthenticError::Refused`].
    fn is_initialised(&mut self) -> Result<bool, AuthenticError>;

    /// Creates the file structure on a blank card, or goes on where an initialisation was broken
    /// off. Needs [`Token::verify_officer`].
    ///
    /// # Errors
    ///
    /// [`AuthenticError::AlreadyInitialised`], [`AuthenticError::AccessDenied`],
    /// [`AuthenticError::NoRoom`], [`AuthenticError::Impossible`] for a label that is too long.
    fn initialise(&mut self, what: &Initialisation) -> Result<(), AuthenticError>;

    /// Reads all there is, leniently. Objects that need the passcode are left out if it is not
    /// verified.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::Channel`]; [`AuthenticError::NotInitialised`] of a blank card. Whatever
    /// else is wrong is among the findings.
    fn contents(&mut self) -> Result<Contents, AuthenticError>;

    /// How a passcode stands. Spends no try.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::Refused`] for an answer that says nothing of the kind;
    /// [`AuthenticError::ChangedItsMind`] if two readings differ.
    fn tries(&mut self, role: Role) -> Result<Tries, AuthenticError>;

    /// Verifies the holder's passcode. A wrong one costs a try.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::WrongPasscode`], [`AuthenticError::Blocked`],
    /// [`AuthenticError::LastTryRefused`], [`AuthenticError::PasscodeAbsent`].
    fn verify(&mut self, passcode: &Passcode, last: LastTry) -> Result<(), AuthenticError>;

    /// Verifies the security officer's passcode. A wrong one costs a try; with none left the card
    /// cannot be unlocked any more.
    ///
    /// # Errors
    ///
    /// As [`Token::verify`].
    fn verify_officer(
        &mut self,
        passcode: &OfficerPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError>;

    /// Sets the first passcode of a new card. Needs [`Token::verify_officer`]. `tries` is the try
    /// limit it gets, where the application lets it be chosen here.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::AccessDenied`], [`AuthenticError::NotInitialised`].
    fn set_passcode(&mut self, new: &NewPasscode, tries: u8) -> Result<(), AuthenticError>;

    /// Replaces the holder's passcode. A wrong old one costs a try.
    ///
    /// # Errors
    ///
    /// As [`Token::verify`].
    fn change_passcode(
        &mut self,
        old: &Passcode,
        new: &NewPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError>;

    /// Replaces the security officer's passcode. A wrong old one costs a try.
    ///
    /// # Errors
    ///
    /// As [`Token::verify_officer`].
    fn change_officer(
        &mut self,
        old: &OfficerPasscode,
        new: &OfficerPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError>;

    /// Gives the holder a new passcode with all its tries. A wrong officer's passcode costs one of
    /// the officer's tries.
    ///
    /// # Errors
    ///
    /// As [`Token::verify_officer`].
    fn unlock(
        &mut self,
        officer: &OfficerPasscode,
        new: &NewPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError>;

    /// Generates a key pair on the card and returns its public half. Needs [`Token::verify`].
    ///
    /// # Errors
    ///
    /// [`AuthenticError::KeyExists`], [`AuthenticError::AccessDenied`],
    /// [`AuthenticError::Impossible`] for a size the application does not have.
    fn generate(&mut self, spec: &KeySpec) -> Result<RsaPublicKey, AuthenticError>;

    /// Writes a key made elsewhere. Needs [`Token::verify`].
    ///
    /// # Errors
    ///
    /// As [`Token::generate`]; [`AuthenticError::Impossible`] also for a key of another size than
    /// the specification says.
    fn import_key(&mut self, spec: &KeySpec, key: &RsaPrivateKey) -> Result<(), AuthenticError>;

    /// Writes the certificate of a key, in the place of one there was.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::NoCertificate`] if it is none, or of another key;
    /// [`AuthenticError::KeyAbsent`], [`AuthenticError::NoRoom`].
    fn write_certificate(
        &mut self,
        key: KeyId,
        der: &[u8],
        label: &str,
    ) -> Result<(), AuthenticError>;

    /// The certificate of a key as it lies there, `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::ShortFile`], [`AuthenticError::ChangedItsMind`] if two readings differ,
    /// [`AuthenticError::MalformedFile`] if it is no certificate.
    fn certificate(&mut self, key: KeyId) -> Result<Option<Vec<u8>>, AuthenticError>;

    /// Deletes the certificate of a key; the key stays. Nothing happens if there is none.
    ///
    /// # Errors
    ///
    /// [`AuthenticError`].
    fn delete_certificate(&mut self, key: KeyId) -> Result<(), AuthenticError>;

    /// Deletes both halves of a key; its certificate stays. Nothing happens if there is none.
    /// Needs [`Token::verify`].
    ///
    /// # Errors
    ///
    /// [`AuthenticError`].
    fn delete_key(&mut self, key: KeyId) -> Result<(), AuthenticError>;

    /// Signs a digest: RSA, PKCS#1 v1.5. Needs [`Token::verify`].
    ///
    /// # Errors
    ///
    /// [`AuthenticError::KeyAbsent`], [`AuthenticError::AccessDenied`],
    /// [`AuthenticError::MalformedAnswer`].
    fn sign(&mut self, key: KeyId, digest: Digest) -> Result<Vec<u8>, AuthenticError>;

    /// Deciphers a cryptogram of the key's size; the padding (PKCS#1 v1.5) is taken off. Needs
    /// [`Token::verify`].
    ///
    /// # Errors
    ///
    /// As [`Token::sign`]; [`AuthenticError::Impossible`] for a cryptogram of another size.
    fn decipher(
        &mut self,
        key: KeyId,
        cryptogram: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, AuthenticError>;

    /// Deletes every certificate, key and data object; file structure and passcodes stay. Needs
    /// [`Token::verify`].
    ///
    /// # Errors
    ///
    /// [`AuthenticError`]. What was deleted before stays deleted; clearing again goes on.
    fn clear(&mut self) -> Result<(), AuthenticError>;

    /// Makes the card forget every passcode verified.
    ///
    /// # Errors
    ///
    /// [`AuthenticError`].
    fn log_out(&mut self) -> Result<(), AuthenticError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_object_safe() {
        fn _takes(_: &mut dyn Token) {}
    }

    #[test]
    fn digest_infos_have_the_standard_sizes() {
        assert_eq!(Digest::Sha1([7; 20]).digest_info().len(), 35);
        let info = Digest::Sha256([7; 32]).digest_info();
        assert_eq!(info.len(), 51);
        assert_eq!(info[19..], [7; 32]);
    }
}
