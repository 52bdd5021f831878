use iso7816::ber;
use thiserror::Error;

use super::{Access, FileKind};
use crate::words::v2::ACCESS_BYTES;
use crate::words::{
    FCP_ACCESS, FCP_IDENTIFIER, FCP_OTHER_SIZE, FCP_SIZE, FCP_TYPE, FILE_CONTROL_INFORMATION,
    FILE_CONTROL_PARAMETERS,
};

/// What the answer to SELECT tells of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileInfo {
    /// What it is.
    pub kind: FileKind,
    /// Its identifier.
    pub identifier: u16,
    /// Bytes of a transparent file, bits of a key; of other files what the card says.
    pub size: u16,
    /// Of a file of records: most bytes of a record, and how many there are.
    pub records: Option<(u16, u8)>,
    /// Its access conditions.
    pub access: Access,
    /// The answer as it came.
    pub raw: Vec<u8>,
}

impl FileInfo {
    /// Parses the answer to SELECT: `82` type, `83` identifier, `80` or `85` size, `86` access
    /// bytes, in a template `6F` or `62` or in none.
    ///
    /// # Errors
    ///
    /// [`FileInfoError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FileInfoError> {
        let inner = match bytes.first() {
            Some(&tag @ (FILE_CONTROL_INFORMATION | FILE_CONTROL_PARAMETERS)) => {
                ber::expect(ber::Tag(tag.into()), bytes)
                    .map_err(|error| FileInfoError::Tlv(error.to_string()))?
            }
            _ => bytes,
        };
        let element = |tag: u8, name| {
            ber::find(ber::Tag(tag.into()), inner)
                .map_err(|error| FileInfoError::Tlv(error.to_string()))?
                .ok_or(FileInfoError::Absent { name })
        };
        let short = |name, length| FileInfoError::Short { name, length };
        let descriptor = element(FCP_TYPE, "file type (82)")?;
        let kind = descriptor
            .first()
            .ok_or(short("file type (82)", 0))
            .and_then(|byte| {
                FileKind::from_byte(*byte).ok_or(FileInfoError::Type { byte: *byte })
            })?;
        let identifier = element(FCP_IDENTIFIER, "identifier (83)")?;
        let identifier = be16(identifier).ok_or(short("identifier (83)", identifier.len()))?;
        let (tag, name) = if kind == FileKind::Transparent {
            (FCP_SIZE, "size (80)")
        } else {
            (FCP_OTHER_SIZE, "size (85)")
        };
        let size = match (kind, element(tag, name)) {
            // Of these the size tells nothing that is needed.
            (FileKind::Dedicated | FileKind::Records, Ok([size])) => u16::from(*size),
            (FileKind::Dedicated | FileKind::Records, Ok(size)) => be16(size).unwrap_or(0),
            (FileKind::Dedicated | FileKind::Records, Err(FileInfoError::Absent { .. })) => 0,
            (_, Ok(size)) => be16(size).ok_or(short(name, size.len()))?,
            (_, Err(error)) => return Err(error),
        };
        let records = if kind == FileKind::Records {
            let &[_, _, high, low, count, ..] = descriptor else {
                return Err(short("file type (82)", descriptor.len()));
            };
            Some((u16::from_be_bytes([high, low]), count))
        } else {
            None
        };
        let access = element(FCP_ACCESS, "access conditions (86)")?;
        let access = access
            .first_chunk::<ACCESS_BYTES>()
            .ok_or(short("access conditions (86)", access.len()))?;
        Ok(Self {
            kind,
            identifier,
            size,
            records,
            access: Access::from_bytes(*access),
            raw: bytes.to_vec(),
        })
    }
}

fn be16(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk::<2>().map(|two| u16::from_be_bytes(*two))
}

/// Why an answer to SELECT cannot be understood.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum FileInfoError {
    /// Not BER-TLV.
    #[error("not BER-TLV: {0}")]
    Tlv(String),
    /// An element is not there.
    #[error("no {name}")]
    Absent {
        /// The element.
        name: &'static str,
    },
    /// An element is too short.
    #[error("{name} of {length} bytes is too short")]
    Short {
        /// The element.
        name: &'static str,
        /// Its bytes.
        length: usize,
    },
    /// A type of file without known meaning.
    #[error("file type {byte:02X} is not known")]
    Type {
        /// The type byte.
        byte: u8,
    },
}

/// A file to be created.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NewFile {
    /// What it is.
    pub kind: FileKind,
    /// Its identifier; 0000, 3FFF and FFFF are refused by the card.
    pub identifier: u16,
    /// Bytes of a data file, bits of a key.
    pub size: u16,
    /// Its access conditions.
    pub access: Access,
}

impl NewFile {
    /// The data field of CREATE FILE: `62 16 82 02 tt ss 83 02 id 85 02 size 86 08 access`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let coding = u8::from(matches!(
            self.kind,
            FileKind::Transparent | FileKind::Records
        ));
        let mut bytes = vec![
            FILE_CONTROL_PARAMETERS,
            0x16,
            FCP_TYPE,
            2,
            self.kind.byte(),
            coding,
            FCP_IDENTIFIER,
            2,
        ];
        bytes.extend_from_slice(&self.identifier.to_be_bytes());
        bytes.extend_from_slice(&[FCP_OTHER_SIZE, 2]);
        bytes.extend_from_slice(&self.size.to_be_bytes());
        bytes.extend_from_slice(&[FCP_ACCESS, 8]);
        bytes.extend_from_slice(&self.access.bytes());
        bytes
    }

    /// Whether the card takes the identifier.
    #[must_use]
    pub fn is_identifier_allowed(&self) -> bool {
        !matches!(self.identifier, 0x0000 | 0x3FFF | 0xFFFF)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Condition;
    use super::*;
    use crate::words::v2::private_key;

    #[test]
    fn the_answer_to_select_is_taken_apart() {
        let answer =
            hex::decode("6F18820101830220008002001086082424 00FFFFFFFFFF".replace(' ', ""));
        let mut answer = answer.unwrap();
        answer[1] = (answer.len() - 2) as u8;
        let info = FileInfo::parse(&answer).unwrap();
        assert_eq!(info.kind, FileKind::Transparent);
        assert_eq!((info.identifier, info.size), (0x2000, 16));
        assert_eq!(info.access.at(0), Condition::OfficerPin);
        let records =
            hex::decode("820504 01008D02 83023000 850114 86080000000000000000".replace(' ', ""));
        let info = FileInfo::parse(&records.unwrap()).unwrap();
        assert_eq!(info.records, Some((141, 2)));
    }

    #[test]
    fn an_answer_without_access_conditions_or_of_an_unknown_type_is_none() {
        let bare = hex::decode("820101830220008002001 0".replace(' ', "")).unwrap();
        assert_eq!(
            FileInfo::parse(&bare),
            Err(FileInfoError::Absent {
                name: "access conditions (86)"
            })
        );
        assert_eq!(
            FileInfo::parse(&[0x82, 1, 0x77]),
            Err(FileInfoError::Type { byte: 0x77 })
        );
    }

    #[test]
    fn a_private_key_file_is_created_with_its_bits_and_conditions() {
        let file = NewFile {
            kind: FileKind::PrivateKey,
            identifier: 0x3001,
            size: 2048,
            access: Access::new(&[
                (private_key::UPDATE, Condition::UserPin),
                (private_key::DECIPHER, Condition::UserPin),
                (private_key::SIGN, Condition::UserPin),
                (private_key::INTERNAL_AUTHENTICATE, Condition::UserPin),
            ]),
        };
        assert_eq!(
            hex::encode_upper(file.to_bytes()),
            "6216820214008302300185020800".to_owned() + "86082121FF21FF21FFFF"
        );
    }

    proptest! {
        #[test]
        fn any_answer_parses_or_gives_a_typed_error(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = FileInfo::parse(&bytes);
        }
    }
}
