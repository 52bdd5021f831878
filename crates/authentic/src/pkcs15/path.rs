//! Where a file is (PKCS#15 v1.1, 6.1.5, `Path`).

use std::fmt;

use super::element::{
    Elements, INTEGER, OCTET_STRING, RecordError, SEQUENCE, Writer, constructed, integer, octets,
    primitive,
};
use crate::FilePath;
use crate::words::MASTER_FILE;
use crate::words::v3::PKCS15;

/// Most file identifiers in a path; the file systems of these cards are three levels deep.
const DEEPEST: usize = 8;

/// File identifiers, from the master file or from the PKCS#15 dedicated file. May be empty: the
/// object is where its kind of object is by default.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Path(pub Vec<u16>);

impl Path {
    /// From its bytes, two an identifier.
    ///
    /// # Errors
    ///
    /// [`RecordError::Value`] for an odd number of bytes and for more than eight identifiers.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let (identifiers, []) = bytes.as_chunks::<2>() else {
            let why = format!("a path of {} bytes", bytes.len());
            return Err(RecordError::value("path", why));
        };
        if identifiers.len() > DEEPEST {
            let why = format!("a path of {} files", identifiers.len());
            return Err(RecordError::value("path", why));
        }
        Ok(Self(
            identifiers
                .iter()
                .copied()
                .map(u16::from_be_bytes)
                .collect(),
        ))
    }

    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|id| id.to_be_bytes()).collect()
    }

    /// The file from the master file on: a path without it starts in the dedicated file of
    /// PKCS#15.
    #[must_use]
    pub fn absolute(&self) -> FilePath {
        match self.0.split_first() {
            Some((&MASTER_FILE, below)) => FilePath::below_master(below),
            _ => FilePath::below_master(&[&[PKCS15][..], &self.0].concat()),
        }
    }
}

impl From<&FilePath> for Path {
    fn from(path: &FilePath) -> Self {
        Self(path.identifiers().to_vec())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, id) in self.0.iter().enumerate() {
            let separator = if n == 0 { "" } else { "/" };
            write!(f, "{separator}{id:04X}")?;
        }
        Ok(())
    }
}

impl<const N: usize> From<[u16; N]> for Path {
    fn from(identifiers: [u16; N]) -> Self {
        Self(identifiers.to_vec())
    }
}

/// A file or a part of one.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Reference {
    /// The file.
    pub path: Path,
    /// Offset in the file in bytes; the whole file where none is given.
    pub index: Option<u32>,
    /// Bytes from there.
    pub length: Option<u32>,
    /// The application the file is in, if another (an extension some cards have).
    pub aid: Option<Vec<u8>>,
}

impl Reference {
    /// All of a file.
    #[must_use]
    pub fn whole(path: Path) -> Self {
        Self {
            path,
            ..Self::default()
        }
    }

    pub(super) fn decode(value: &[u8]) -> Result<Self, RecordError> {
        let mut elements = Elements::of(value)?;
        let mut reference = Self::default();
        let mut found = false;
        if let Some(path) = elements.optional(OCTET_STRING) {
            reference.path = Path::from_bytes(&octets(path, "path")?)?;
            found = true;
        }
        if let Some(index) = elements.optional(INTEGER) {
            reference.index = Some(integer(index, "index")?);
        }
        if let Some(length) = elements.optional(primitive(0)) {
            reference.length = Some(integer(length, "length")?);
        }
        if let Some(extended) = elements.optional(constructed(1)) {
            let mut extended = Elements::of(extended)?;
            reference.aid = Some(extended.required(EXTENDED_AID, "aid")?.to_vec());
            let path = octets(extended.required(OCTET_STRING, "path")?, "path")?;
            reference.path = Path::from_bytes(&path)?;
            found = true;
        }
        if found {
            Ok(reference)
        } else {
            Err(RecordError::Missing { what: "path" })
        }
    }

    pub(super) fn encode(&self, out: &mut Writer) {
        out.nested(SEQUENCE, |out| self.encode_value(out));
    }

    pub(super) fn encode_value(&self, out: &mut Writer) {
        if self.aid.is_none() {
            out.octets(&self.path.to_bytes());
        }
        if let Some(index) = self.index {
            out.integer(index);
        }
        if let Some(length) = self.length {
            out.tagged_integer(primitive(0), length);
        }
        if let Some(aid) = &self.aid {
            out.nested(constructed(1), |out| {
                out.element(EXTENDED_AID, aid);
                out.octets(&self.path.to_bytes());
            });
        }
    }
}

const EXTENDED_AID: iso7816::ber::Tag = iso7816::ber::Tag(0x4F);
