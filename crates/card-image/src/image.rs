use std::collections::BTreeMap;
use std::path::Path;

use iso7816::{Protocol, StatusWord};
use jiff::Timestamp;
use piv::words::{KeyReference, ObjectId, PinReference};

use crate::{ImageError, PrivateKey};

/// What one card holds and how it answers, as far as somebody asked it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CardImage {
    /// Where it comes from: a reader in the words of its selector, a folder, a transcript.
    pub source: String,
    /// The program that took it, and its version.
    pub program: Option<String>,
    /// When it was taken.
    pub taken_at: Option<Timestamp>,
    /// Whether the objects behind the passcode were asked for after it had been verified.
    pub with_passcode: bool,
    /// The answer to reset.
    pub atr: Option<Vec<u8>>,
    /// The transmission protocol it was read with.
    pub protocol: Option<Protocol>,
    /// The answer to SELECT of the PIV application.
    pub select: Option<Answer>,
    /// What the card manager tells of the card's production.
    pub production: Production,
    /// The data objects asked for. One that is not in here was not asked for.
    pub objects: BTreeMap<ObjectId, Content>,
    /// What VERIFY without data answers for each reference.
    pub references: BTreeMap<PinReference, StatusWord>,
    /// The private keys, where somebody has them. They are in no capture file.
    pub keys: BTreeMap<KeyReference, PrivateKey>,
    /// Harmless commands and what they brought, in the order they were sent.
    pub probes: Vec<Probe>,
    /// How long commands took, in the order they were sent.
    pub timings: Vec<Timing>,
}

impl CardImage {
    /// The longest value of a data object in bytes: what a channel takes from a card.
    pub const MAX_OBJECT: usize = 32_767;

    /// An image of which nothing is known but where it comes from.
    #[must_use]
    pub fn new(source: impl Into<String>) -> Self {
        Self {
            source: source.into(),
            ..Self::default()
        }
    }

    /// Reads an image: a folder with one file per data object, or a capture file.
    ///
    /// # Errors
    ///
    /// [`ImageError`], with the file it is about.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ImageError> {
        let path = path.as_ref();
        if path.is_dir() {
            Self::from_folder(path)
        } else {
            Self::from_capture(path)
        }
    }

    /// The value of an object, inside its wrapper; `None` unless it holds something that is in the
    /// image.
    #[must_use]
    pub fn object(&self, object: ObjectId) -> Option<&[u8]> {
        match self.objects.get(&object)? {
            Content::Present(value) => Some(value),
            _ => None,
        }
    }

    /// The values of all objects that hold something, inside their wrappers.
    #[must_use]
    pub fn values(&self) -> BTreeMap<ObjectId, Vec<u8>> {
        self.objects
            .iter()
            .filter_map(|(object, content)| match content {
                Content::Present(value) => Some((*object, value.clone())),
                _ => None,
            })
            .collect()
    }

    /// The probe of this name.
    #[must_use]
    pub fn probe(&self, name: &str) -> Option<&Probe> {
        self.probes.iter().find(|probe| probe.name == name)
    }
}

/// What is known of one data object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Content {
    /// Its value inside tag 53, or inside the object's own tag for the Discovery Object and the
    /// biometric information templates. Never empty.
    Present(Vec<u8>),
    /// It was created and not filled: `53 00`.
    Empty,
    /// The card refused: 6A82 for an object it does not have, 6982 for a protected one.
    Refused(StatusWord),
    /// The card answered 9000 and these bytes, which are not the object.
    Malformed(Vec<u8>),
    /// The card gave it, and it was left out because it is a secret.
    Withheld,
}

impl Content {
    /// The card says it has no such object: 6A82.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        *self == Self::Refused(StatusWord::NOT_FOUND)
    }

    /// The card says who may read it has to come first: 6982.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        *self == Self::Refused(StatusWord::SECURITY_STATUS_NOT_SATISFIED)
    }
}

/// What a command brought.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// SW1-SW2.
    pub status: StatusWord,
    /// The data before it.
    pub data: Vec<u8>,
}

/// What the card manager tells (GlobalPlatform Card Specification 2.3.1, H.2 and H.3).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Production {
    /// Card production life cycle data, 42 bytes, object 9F7F.
    pub cplc: Option<Vec<u8>>,
    /// Issuer identification number, object 0042.
    pub issuer_identification: Option<Vec<u8>>,
    /// Card image number, object 0045.
    pub card_image_number: Option<Vec<u8>>,
}

/// One harmless command and what it brought.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Probe {
    /// Lower-case words with dashes.
    pub name: String,
    /// SW1-SW2 as the card gave it: 61XX and 6CXX are not followed.
    pub status: StatusWord,
    /// Bytes of data before it.
    pub length: usize,
}

/// How long one command took.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Timing {
    /// What was done, in lower-case words with dashes, such as `read-5FC102`.
    pub what: String,
    /// Microseconds, chained parts and GET RESPONSE included.
    pub microseconds: u64,
}
