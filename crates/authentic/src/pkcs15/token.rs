//! The card itself: EF.DIR, the object directory, token information (PKCS#15 v1.1, 5.4, 6.2, 6.9).

use std::fmt;

use iso7816::ber::Tag;

use super::directory::Record;
use super::element::{
    BIT_STRING, Elements, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, RecordError,
    SEQUENCE, UTF8_STRING, Writer, bits, constructed, integer, octets, primitive, text,
};
use super::flags::TokenFlags;
use super::path::{Path, Reference};

/// An application as EF.DIR names it (ISO/IEC 7816-4, 12.2.3).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Application {
    /// Its identifier.
    pub aid: Vec<u8>,
    /// What people call it.
    pub label: Option<String>,
    /// Its dedicated file.
    pub path: Option<Path>,
    /// Discretionary data objects (tag 73), which may say where directory and token information
    /// are.
    pub discretionary: Option<Discretionary>,
    /// What is not understood, as it stands.
    pub unknown: Vec<Vec<u8>>,
}

/// Where the files of the application are (`DDO`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Discretionary {
    /// Who provides the application, an object identifier's value.
    pub provider: Option<Vec<u8>>,
    /// The object directory.
    pub object_directory: Option<Reference>,
    /// Token information.
    pub token_info: Option<Reference>,
    /// Unused space.
    pub unused_space: Option<Reference>,
    /// What is not understood, as it stands.
    pub unknown: Vec<Vec<u8>>,
}

const TEMPLATE: Tag = Tag(0x61);
const AID: Tag = Tag(0x4F);
const LABEL: Tag = Tag(0x50);
const PATH: Tag = Tag(0x51);
const DISCRETIONARY: Tag = Tag(0x73);

impl Record for Application {
    fn decode(tag: Tag, value: &[u8]) -> Result<Self, RecordError> {
        if tag != TEMPLATE {
            return Err(RecordError::UnknownTag { tag });
        }
        let mut elements = Elements::of(value)?;
        Ok(Self {
            aid: elements.required(AID, "application identifier")?.to_vec(),
            label: elements.optional(LABEL).map(text),
            path: elements.optional(PATH).map(Path::from_bytes).transpose()?,
            discretionary: elements
                .optional(DISCRETIONARY)
                .map(Discretionary::decode)
                .transpose()?,
            unknown: elements.rest(),
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.nested(TEMPLATE, |out| {
            out.element(AID, &self.aid);
            if let Some(label) = &self.label {
                out.element(LABEL, label.as_bytes());
            }
            if let Some(path) = &self.path {
                out.element(PATH, &path.to_bytes());
            }
            if let Some(discretionary) = &self.discretionary {
                out.nested(DISCRETIONARY, |out| discretionary.encode(out));
            }
            out.raw(&self.unknown);
        });
        out.finish()
    }
}

impl Discretionary {
    fn decode(value: &[u8]) -> Result<Self, RecordError> {
        let mut elements = Elements::of(value)?;
        let reference = |value: Option<&[u8]>| value.map(Reference::decode).transpose();
        Ok(Self {
            provider: elements.optional(OBJECT_IDENTIFIER).map(<[u8]>::to_vec),
            object_directory: reference(elements.optional(SEQUENCE))?,
            token_info: reference(elements.optional(constructed(0)))?,
            unused_space: reference(elements.optional(constructed(1)))?,
            unknown: elements.rest(),
        })
    }

    fn encode(&self, out: &mut Writer) {
        if let Some(provider) = &self.provider {
            out.element(OBJECT_IDENTIFIER, provider);
        }
        if let Some(reference) = &self.object_directory {
            reference.encode(out);
        }
        for (number, reference) in [(0, &self.token_info), (1, &self.unused_space)] {
            if let Some(reference) = reference {
                out.nested(constructed(number), |out| reference.encode_value(out));
            }
        }
        out.raw(&self.unknown);
    }
}

/// What a directory file holds: the kind of an entry in the object directory.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum DirectoryKind {
    /// PrKDF.
    PrivateKeys = 0,
    /// PuKDF.
    PublicKeys = 1,
    /// PuKDF of keys that are trusted.
    TrustedPublicKeys = 2,
    /// SKDF.
    SecretKeys = 3,
    /// CDF.
    Certificates = 4,
    /// CDF of certificates that are trusted.
    TrustedCertificates = 5,
    /// CDF of other certificates.
    UsefulCertificates = 6,
    /// DODF.
    DataObjects = 7,
    /// AODF.
    AuthenticationObjects = 8,
}

impl DirectoryKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::PrivateKeys,
        Self::PublicKeys,
        Self::TrustedPublicKeys,
        Self::SecretKeys,
        Self::Certificates,
        Self::TrustedCertificates,
        Self::UsefulCertificates,
        Self::DataObjects,
        Self::AuthenticationObjects,
    ];
}

impl fmt::Display for DirectoryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PrivateKeys => "private keys",
            Self::PublicKeys => "public keys",
            Self::TrustedPublicKeys => "trusted public keys",
            Self::SecretKeys => "secret keys",
            Self::Certificates => "certificates",
            Self::TrustedCertificates => "trusted certificates",
            Self::UsefulCertificates => "useful certificates",
            Self::DataObjects => "data objects",
            Self::AuthenticationObjects => "authentication objects",
        })
    }
}

/// An entry of the object directory (ODF): where the directory of a kind of objects is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DirectoryEntry {
    /// What the directory holds.
    pub kind: DirectoryKind,
    /// Where it is.
    pub place: Place,
}

/// Where a directory is (`PathOrObjects`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// In a file.
    File(Reference),
    /// Here: records laid end to end, as they stand.
    Here(Vec<u8>),
}

impl Record for DirectoryEntry {
    fn decode(tag: Tag, value: &[u8]) -> Result<Self, RecordError> {
        let kind = DirectoryKind::ALL
            .into_iter()
            .find(|kind| tag == constructed(*kind as u8))
            .ok_or(RecordError::UnknownTag { tag })?;
        let mut elements = Elements::of(value)?;
        let place = if let Some(path) = elements.optional(SEQUENCE) {
            Place::File(Reference::decode(path)?)
        } else {
            Place::Here(
                elements
                    .required(constructed(0), "path or objects")?
                    .to_vec(),
            )
        };
        match elements.next() {
            None => Ok(Self { kind, place }),
            Some(other) => {
                let why = format!("{} follows", other.tag);
                Err(RecordError::value("path or objects", why))
            }
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.nested(constructed(self.kind as u8), |out| match &self.place {
            Place::File(reference) => reference.encode(out),
            Place::Here(records) => out.element(constructed(0), records),
        });
        out.finish()
    }
}

/// Token information.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TokenInfo {
    /// Edition: 0 for PKCS#15 v1.x.
    pub version: u32,
    /// The card's serial number.
    pub serial: Option<Vec<u8>>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// What people call it.
    pub label: Option<String>,
    /// What it can do.
    pub flags: TokenFlags,
    /// Security environments, as they stand.
    pub environments: Option<Vec<u8>>,
    /// Records of the directories, as they stand.
    pub records: Option<Vec<u8>>,
    /// Supported algorithms, as they stand.
    pub algorithms: Option<Vec<u8>>,
    /// Who issued it.
    pub issuer: Option<String>,
    /// Who holds it.
    pub holder: Option<String>,
    /// When it was changed last (`GeneralizedTime`, `YYYYMMDDhhmmssZ`).
    pub last_update: Option<String>,
    /// What is not understood, as it stands.
    pub unknown: Vec<Vec<u8>>,
}

impl Record for TokenInfo {
    fn decode(tag: Tag, value: &[u8]) -> Result<Self, RecordError> {
        if tag != SEQUENCE {
            return Err(RecordError::UnknownTag { tag });
        }
        let mut elements = Elements::of(value)?;
        let mut info = Self {
            version: integer(elements.required(INTEGER, "version")?, "version")?,
            ..Self::default()
        };
        if let Some(serial) = elements.optional(OCTET_STRING) {
            info.serial = Some(octets(serial, "serialNumber")?);
        }
        info.manufacturer = elements.optional(UTF8_STRING).map(text);
        info.label = elements.optional(primitive(0)).map(text);
        let flags = elements.required(BIT_STRING, "tokenflags")?;
        info.flags = TokenFlags(bits(flags, "tokenflags")?);
        info.environments = elements.optional(SEQUENCE).map(<[u8]>::to_vec);
        info.records = elements.optional(constructed(1)).map(<[u8]>::to_vec);
        info.algorithms = elements.optional(constructed(2)).map(<[u8]>::to_vec);
        info.issuer = elements.optional(primitive(3)).map(text);
        info.holder = elements.optional(primitive(4)).map(text);
        if let Some(update) = elements.optional(constructed(5)) {
            let mut update = Elements::of(update)?;
            let time = update.required(GENERALIZED_TIME, "lastUpdate")?;
            info.last_update = Some(text(time));
        }
        info.unknown = elements.rest();
        Ok(info)
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.nested(SEQUENCE, |out| {
            out.integer(self.version);
            if let Some(serial) = &self.serial {
                out.octets(serial);
            }
            if let Some(manufacturer) = &self.manufacturer {
                out.text(manufacturer);
            }
            if let Some(label) = &self.label {
                out.element(primitive(0), label.as_bytes());
            }
            out.bits(self.flags.0);
            for (tag, value) in [
                (SEQUENCE, &self.environments),
                (constructed(1), &self.records),
                (constructed(2), &self.algorithms),
            ] {
                if let Some(value) = value {
                    out.element(tag, value);
                }
            }
            for (tag, value) in [(primitive(3), &self.issuer), (primitive(4), &self.holder)] {
                if let Some(value) = value {
                    out.element(tag, value.as_bytes());
                }
            }
            if let Some(time) = &self.last_update {
                out.nested(constructed(5), |out| {
                    out.element(GENERALIZED_TIME, time.as_bytes());
                });
            }
            out.raw(&self.unknown);
        });
        out.finish()
    }
}
