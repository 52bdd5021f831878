use serde::Serialize;

use super::elements::{
    ElementWriter, Elements, Extra, Layout, ObjectError, Presence, Size, Spec, hexed,
};
use crate::Parsed;
use crate::words::ObjectId;

pub(super) const LAYOUT: Layout = Layout {
    object: "Security Object",
    clause: "SP 800-73-5 Part 1, 3.1.7 and Appendix A, Table 14",
    elements: &[
        Spec::new(
            0xBA,
            "mapping of data groups to containers",
            Size::UpTo(30),
            Presence::Mandatory,
        ),
        Spec::new(
            0xBB,
            "security object",
            Size::UpTo(1298),
            Presence::Mandatory,
        ),
    ],
};

/// Security Object, 5FC106: signed hashes of other objects (SP 800-73-5 Part 1, 3.1.7).
///
/// [`crate::signed`] makes and checks what is in it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct SecurityObject {
    /// BA: which data group number stands for which container.
    pub mapping: Vec<Mapping>,
    /// BB: CMS SignedData over an LDSSecurityObject.
    #[serde(serialize_with = "hexed")]
    pub signed: Vec<u8>,
    /// Unknown elements.
    pub extras: Vec<Extra>,
}

/// One entry of the mapping: a data group number and the container it stands for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Mapping {
    /// Data group number, arbitrary but unique.
    pub number: u8,
    /// Container identifier ([`ObjectId::container`]).
    pub container: u16,
}

impl Mapping {
    /// The object with this container identifier, if there is one.
    #[must_use]
    pub fn object(self) -> Option<ObjectId> {
        ObjectId::all().find(|object| object.container() == self.container)
    }
}

impl SecurityObject {
    /// Reads the value inside `53`.
    ///
    /// # Errors
    ///
    /// [`ObjectError`] when not one element can be read.
    pub fn parse(value: &[u8]) -> Result<Parsed<Self>, ObjectError> {
        let mut elements = Elements::read(value, &LAYOUT)?;
        let (entries, rest) = elements.get(0xBA).unwrap_or_default().as_chunks::<3>();
        if !rest.is_empty() {
            elements.violation("mapping `BA` is not made of entries of 3 bytes".to_owned());
        }
        let mapping: Vec<Mapping> = entries
            .iter()
            .map(|&[number, high, low]| Mapping {
                number,
                container: u16::from_be_bytes([high, low]),
            })
            .collect();
        for (index, entry) in mapping.iter().enumerate() {
            let before = &mapping[..index];
            if before.iter().any(|other| other.number == entry.number) {
                elements.violation(format!("data group {} is mapped twice", entry.number));
            }
            if before
                .iter()
                .any(|other| other.container == entry.container)
            {
                elements.violation(format!("container {:04X} is mapped twice", entry.container));
            }
            if entry.object().is_none() {
                elements.violation(format!("container {:04X} does not exist", entry.container));
            }
        }
        let signed = elements.bytes(0xBB);
        let (extras, findings) = elements.finish();
        Ok(Parsed {
            value: Self {
                mapping,
                signed,
                extras,
            },
            findings,
            raw: value.to_vec(),
        })
    }

    /// The value to put inside `53`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = ElementWriter::new(&self.extras);
        let mapping: Vec<u8> = self
            .mapping
            .iter()
            .flat_map(|entry| {
                let [high, low] = entry.container.to_be_bytes();
                [entry.number, high, low]
            })
            .collect();
        writer.put(0xBA, &mapping);
        writer.put(0xBB, &self.signed);
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::elements::tests::{damaged, extras, holds_for_any_bytes};
    use super::*;

    fn example() -> SecurityObject {
        SecurityObject {
            mapping: vec![
                Mapping {
                    number: 1,
                    container: ObjectId::CardCapabilityContainer.container(),
                },
                Mapping {
                    number: 2,
                    container: ObjectId::PrintedInformation.container(),
                },
            ],
            signed: vec![0x30, 0x00],
            extras: Vec::new(),
        }
    }

    #[test]
    fn the_mapping_has_three_bytes_an_entry() {
        let value = example().encode();
        assert_eq!(hex::encode_upper(&value), "BA0601DB00023001BB023000FE00");
        assert_eq!(SecurityObject::parse(&value).unwrap().findings, []);
    }

    #[test]
    fn numbers_and_containers_are_mapped_once() {
        for (number, container) in [(1, 0x3000), (3, 0xDB00), (3, 0x0042)] {
            let mut object = example();
            object.mapping.push(Mapping { number, container });
            let parsed = SecurityObject::parse(&object.encode()).unwrap();
            assert_eq!(parsed.value, object);
            assert_eq!(parsed.findings.len(), 1);
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed_back(
            mapping in vec(any::<(u8, u16)>(), 0..20),
            signed in vec(any::<u8>(), 0..2000),
            extras in extras(&[0xBA, 0xBB]),
        ) {
            let mapping = mapping
                .into_iter()
                .map(|(number, container)| Mapping { number, container })
                .collect();
            let object = SecurityObject { mapping, signed, extras };
            let parsed = SecurityObject::parse(&object.encode()).unwrap();
            prop_assert_eq!(parsed.value, object);
        }

        #[test]
        fn any_bytes_are_taken(bytes in damaged(example().encode())) {
            holds_for_any_bytes(&bytes, SecurityObject::parse, SecurityObject::encode);
        }
    }
}
