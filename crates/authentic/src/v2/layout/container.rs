use uuid::Uuid;

use super::reader::Reader;
use super::{LayoutError, ObjectId};
use crate::{FilePath, Parsed, Problem};

/// What belongs together: the halves of a key and its certificate. `None` is written 0000.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct KeyContainer {
    /// The public key.
    pub public: Option<ObjectId>,
    /// The private key.
    pub private: Option<ObjectId>,
    /// The certificate.
    pub certificate: Option<ObjectId>,
}

impl KeyContainer {
    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the object is in it.
    #[must_use]
    pub fn holds(&self, id: ObjectId) -> bool {
        [self.public, self.private, self.certificate].contains(&Some(id))
    }

    fn ids(&self) -> [Option<ObjectId>; 3] {
        [self.public, self.private, self.certificate]
    }
}

/// A record of file 3000: a container for exchange and one for signature, `26`, 38 ASCII
/// characters of a GUID in braces, zeros.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ContainerRecord {
    /// The key for exchange.
    pub exchange: KeyContainer,
    /// The key for signature.
    pub signature: KeyContainer,
    /// What tells the container from others.
    pub guid: Option<Uuid>,
}

/// Bytes of the GUID in braces.
const GUID: usize = 38;

impl ContainerRecord {
    /// Bytes of a record as it is written.
    pub const SIZE: usize = 141;
    /// Fewest bytes of a record that is read.
    pub const MIN_SIZE: usize = 52;

    /// Reads a record, leniently.
    #[must_use]
    pub fn parse(file: &FilePath, bytes: &[u8]) -> Parsed<Self> {
        let mut reader = Reader::new(file, bytes);
        let mut value = Self::default();
        for container in [&mut value.exchange, &mut value.signature] {
            let mut next = || {
                let id = reader.number("object identifier")?;
                (id != 0).then_some(ObjectId(id))
            };
            container.public = next();
            container.private = next();
            container.certificate = next();
        }
        let at = bytes.len() - reader.rest().len();
        if let Some([length]) = reader.take("length of the GUID", 1) {
            if usize::from(*length) == GUID {
                value.guid = read_guid(&mut reader, at + 1);
                reader.end();
            } else {
                reader.note(
                    at,
                    Problem::Unexpected {
                        element: "length of the GUID",
                        detail: format!("{length}, expected {GUID}"),
                    },
                );
            }
        }
        Parsed {
            value,
            findings: reader.findings,
            raw: bytes.to_vec(),
        }
    }

    /// The bytes of the record.
    ///
    /// # Errors
    ///
    /// [`LayoutError::Value`] without a GUID, and for an object identifier of 0000.
    pub fn encode(&self) -> Result<Vec<u8>, LayoutError> {
        let guid = self.guid.ok_or(LayoutError::Value {
            element: "GUID",
            detail: "a container has one",
        })?;
        let mut bytes = Vec::with_capacity(Self::SIZE);
        for id in self.exchange.ids().into_iter().chain(self.signature.ids()) {
            if id == Some(ObjectId(0)) {
                return Err(LayoutError::Value {
                    element: "object identifier",
                    detail: "0000 means none",
                });
            }
            bytes.extend_from_slice(&id.map_or(0, |id| id.0).to_be_bytes());
        }
        bytes.push(GUID as u8);
        bytes.extend_from_slice(guid.braced().to_string().to_ascii_uppercase().as_bytes());
        bytes.resize(Self::SIZE, 0);
        Ok(bytes)
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.exchange.is_empty() && self.signature.is_empty()
    }

    /// The container the object is in.
    #[must_use]
    pub fn container_of(&self, id: ObjectId) -> Option<&KeyContainer> {
        [&self.exchange, &self.signature]
            .into_iter()
            .find(|container| container.holds(id))
    }

    /// The container the object is in, to change it.
    pub fn container_of_mut(&mut self, id: ObjectId) -> Option<&mut KeyContainer> {
        [&mut self.exchange, &mut self.signature]
            .into_iter()
            .find(|container| container.holds(id))
    }
}

fn read_guid(reader: &mut Reader<'_>, at: usize) -> Option<Uuid> {
    let bytes = reader.take("GUID", GUID)?;
    let braced = bytes.first() == Some(&b'{') && bytes.last() == Some(&b'}');
    let guid = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|_| braced);
    if guid.is_none() {
        reader.note(
            at,
            Problem::Unexpected {
                element: "GUID",
                detail: "not of the form {XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX}".to_owned(),
            },
        );
    }
    guid
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file() -> FilePath {
        FilePath::below_master(&[0x5011, 0x3000])
    }

    #[test]
    fn a_record_has_its_identifiers_and_its_guid() {
        let record = ContainerRecord {
            exchange: KeyContainer {
                public: Some(ObjectId(0x1001)),
                private: Some(ObjectId(0x3001)),
                certificate: None,
            },
            guid: Some(Uuid::from_u128(0xAB)),
            ..ContainerRecord::default()
        };
        let bytes = record.encode().unwrap();
        assert_eq!(bytes.len(), 141);
        assert_eq!(
            hex::encode_upper(&bytes[..13]),
            "10013001000000000000000026"
        );
        assert_eq!(bytes[13..51], *b"{00000000-0000-0000-0000-0000000000AB}");
        let parsed = ContainerRecord::parse(&file(), &bytes);
        assert_eq!((parsed.value, parsed.findings), (record, Vec::new()));
        // The shortest a card may have.
        let parsed = ContainerRecord::parse(&file(), &bytes[..ContainerRecord::MIN_SIZE]);
        assert_eq!((parsed.value, parsed.findings), (record, Vec::new()));
    }

    #[test]
    fn a_cut_record_keeps_what_is_whole() {
        let parsed = ContainerRecord::parse(&file(), &[0x10, 0x01, 0x30, 0x01, 0x20]);
        assert_eq!(parsed.value.exchange.private, Some(ObjectId(0x3001)));
        assert_eq!(parsed.value.exchange.certificate, None);
        assert_eq!(parsed.findings.len(), 1);
    }

    fn ids() -> impl Strategy<Value = KeyContainer> {
        let id = || proptest::option::of((1..=u16::MAX).prop_map(ObjectId));
        (id(), id(), id()).prop_map(|(public, private, certificate)| KeyContainer {
            public,
            private,
            certificate,
        })
    }

    proptest! {
        #[test]
        fn a_record_reads_back(exchange in ids(), signature in ids(), guid: u128) {
            let record = ContainerRecord { exchange, signature, guid: Some(Uuid::from_u128(guid)) };
            let parsed = ContainerRecord::parse(&file(), &record.encode().unwrap());
            prop_assert_eq!(parsed.value, record);
            prop_assert!(parsed.findings.is_empty());
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..160)) {
            prop_assert_eq!(&ContainerRecord::parse(&file(), &bytes).raw, &bytes);
        }
    }
}
