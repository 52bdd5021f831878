use serde::Serialize;

use super::elements::{
    ElementWriter, Elements, Extra, Layout, ObjectError, Presence, Size, Spec, hexed, hexed_if,
};
use crate::Parsed;

/// The only data model number SP 800-73 knows.
const DATA_MODEL: u8 = 0x10;

pub(super) const LAYOUT: Layout = Layout {
    object: "Card Capability Container",
    clause: "SP 800-73-5 Part 1, 3.1.1 and Appendix A, Table 8",
    elements: &[
        mandatory(0xF0, "card identifier", Size::FixedOrEmpty(21)),
        mandatory(0xF1, "capability container version", Size::FixedOrEmpty(1)),
        mandatory(0xF2, "capability grammar version", Size::FixedOrEmpty(1)),
        mandatory(0xF3, "applications card URL", Size::UpTo(128)),
        mandatory(0xF4, "PKCS#15", Size::FixedOrEmpty(1)),
        mandatory(0xF5, "registered data model number", Size::Fixed(1)),
        mandatory(0xF6, "access control rule table", Size::FixedOrEmpty(17)),
        mandatory(0xF7, "card APDUs", Size::UpTo(0)),
        mandatory(0xFA, "redirection tag", Size::UpTo(0)),
        mandatory(0xFB, "capability tuples", Size::UpTo(0)),
        mandatory(0xFC, "status tuples", Size::UpTo(0)),
        mandatory(0xFD, "next CCC", Size::UpTo(0)),
        Spec::new(
            0xE3,
            "extended application card URL",
            Size::UpTo(48),
            Presence::Removed,
        ),
        Spec::new(
            0xB4,
            "security object buffer",
            Size::UpTo(48),
            Presence::Removed,
        ),
    ],
};

const fn mandatory(tag: u8, name: &'static str, size: Size) -> Spec {
    Spec::new(tag, name, size, Presence::Mandatory)
}

/// Card Capability Container, 5FC107 (SP 800-73-5 Part 1, 3.1.1).
///
/// A relic of the Government Smart Card framework: all but the data model number may be empty,
/// and [`CardCapabilityContainer::default`] leaves everything else so.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct CardCapabilityContainer {
    /// F0: card identifier, 21 bytes or none.
    #[serde(serialize_with = "hexed")]
    pub card_identifier: Vec<u8>,
    /// F1: capability container version.
    pub version: Option<u8>,
    /// F2: capability grammar version.
    pub grammar_version: Option<u8>,
    /// F3: applications card URL.
    #[serde(serialize_with = "hexed")]
    pub url: Vec<u8>,
    /// F4: PKCS#15 version.
    pub pkcs15: Option<u8>,
    /// F5: registered data model number, 10 for PIV; `None` if absent or malformed on a card.
    pub data_model: Option<u8>,
    /// F6: access control rule table, 17 bytes or none.
    #[serde(serialize_with = "hexed")]
    pub access_control_rules: Vec<u8>,
    /// F7: card APDUs.
    #[serde(serialize_with = "hexed")]
    pub card_apdus: Vec<u8>,
    /// FA: redirection tag.
    #[serde(serialize_with = "hexed")]
    pub redirection: Vec<u8>,
    /// FB: capability tuples.
    #[serde(serialize_with = "hexed")]
    pub capability_tuples: Vec<u8>,
    /// FC: status tuples.
    #[serde(serialize_with = "hexed")]
    pub status_tuples: Vec<u8>,
    /// FD: next CCC.
    #[serde(serialize_with = "hexed")]
    pub next: Vec<u8>,
    /// E3, removed in SP 800-73-5: extended application card URL.
    #[serde(serialize_with = "hexed_if")]
    pub extended_url: Option<Vec<u8>>,
    /// B4, removed in SP 800-73-5: security object buffer.
    #[serde(serialize_with = "hexed_if")]
    pub security_object_buffer: Option<Vec<u8>>,
    /// Unknown elements.
    pub extras: Vec<Extra>,
}

impl Default for CardCapabilityContainer {
    fn default() -> Self {
        Self {
            card_identifier: Vec::new(),
            version: None,
            grammar_version: None,
            url: Vec::new(),
            pkcs15: None,
            data_model: Some(DATA_MODEL),
            access_control_rules: Vec::new(),
            card_apdus: Vec::new(),
            redirection: Vec::new(),
            capability_tuples: Vec::new(),
            status_tuples: Vec::new(),
            next: Vec::new(),
            extended_url: None,
            security_object_buffer: None,
            extras: Vec::new(),
        }
    }
}

impl CardCapabilityContainer {
    /// Reads the value inside `53`.
    ///
    /// # Errors
    ///
    /// [`ObjectError`] when not one element can be read.
    pub fn parse(value: &[u8]) -> Result<Parsed<Self>, ObjectError> {
        let mut elements = Elements::read(value, &LAYOUT)?;
        let data_model = elements.byte(0xF5);
        if let Some(number) = data_model.filter(|number| *number != DATA_MODEL) {
            elements.violation(format!(
                "data model number `F5` is {number:02X}, expected {DATA_MODEL:02X}"
            ));
        }
        let mut value_of = Self {
            card_identifier: elements.bytes(0xF0),
            version: elements.byte(0xF1),
            grammar_version: elements.byte(0xF2),
            url: elements.bytes(0xF3),
            pkcs15: elements.byte(0xF4),
            data_model,
            access_control_rules: elements.bytes(0xF6),
            card_apdus: elements.bytes(0xF7),
            redirection: elements.bytes(0xFA),
            capability_tuples: elements.bytes(0xFB),
            status_tuples: elements.bytes(0xFC),
            next: elements.bytes(0xFD),
            extended_url: elements.get(0xE3).map(<[u8]>::to_vec),
            security_object_buffer: elements.get(0xB4).map(<[u8]>::to_vec),
            extras: Vec::new(),
        };
        let (extras, findings) = elements.finish();
        value_of.extras = extras;
        Ok(Parsed {
            value: value_of,
            findings,
            raw: value.to_vec(),
        })
    }

    /// The value to put inside `53`. Elements without a value are written empty.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = ElementWriter::new(&self.extras);
        writer.put(0xF0, &self.card_identifier);
        writer.put(0xF1, self.version.as_slice());
        writer.put(0xF2, self.grammar_version.as_slice());
        writer.put(0xF3, &self.url);
        writer.put(0xF4, self.pkcs15.as_slice());
        writer.put(0xF5, self.data_model.as_slice());
        writer.put(0xF6, &self.access_control_rules);
        writer.put(0xF7, &self.card_apdus);
        writer.put(0xFA, &self.redirection);
        writer.put(0xFB, &self.capability_tuples);
        writer.put(0xFC, &self.status_tuples);
        writer.put(0xFD, &self.next);
        writer.put_if(0xE3, self.extended_url.as_ref());
        writer.put_if(0xB4, self.security_object_buffer.as_ref());
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option::of;
    use proptest::prelude::*;

    use super::super::elements::tests::{damaged, extras, holds_for_any_bytes};
    use super::*;

    #[test]
    fn the_default_is_the_minimal_legal_container() {
        let value = CardCapabilityContainer::default().encode();
        assert_eq!(
            hex::encode_upper(&value),
            "F000F100F200F300F400F50110F600F700FA00FB00FC00FD00FE00"
        );
        let parsed = CardCapabilityContainer::parse(&value).unwrap();
        assert_eq!(parsed.findings, []);
        assert_eq!(parsed.value, CardCapabilityContainer::default());
    }

    #[test]
    fn another_data_model_is_a_violation() {
        let container = CardCapabilityContainer {
            data_model: Some(0x04),
            ..CardCapabilityContainer::default()
        };
        let parsed = CardCapabilityContainer::parse(&container.encode()).unwrap();
        assert_eq!(parsed.value, container);
        assert!(!parsed.conforms());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed_back(
            card_identifier in vec(any::<u8>(), 0..25),
            versions in any::<(Option<u8>, Option<u8>, Option<u8>, Option<u8>)>(),
            url in vec(any::<u8>(), 0..200),
            access_control_rules in vec(any::<u8>(), 0..20),
            others in vec(vec(any::<u8>(), 0..5), 5),
            extended_url in of(vec(any::<u8>(), 0..60)),
            security_object_buffer in of(vec(any::<u8>(), 0..60)),
            extras in extras(&[0xF0, 0xF5, 0xF7, 0xFD]),
        ) {
            let container = CardCapabilityContainer {
                card_identifier,
                version: versions.0,
                grammar_version: versions.1,
                url,
                pkcs15: versions.2,
                data_model: versions.3,
                access_control_rules,
                card_apdus: others[0].clone(),
                redirection: others[1].clone(),
                capability_tuples: others[2].clone(),
                status_tuples: others[3].clone(),
                next: others[4].clone(),
                extended_url,
                security_object_buffer,
                extras,
            };
            let bytes = container.encode();
            let parsed = CardCapabilityContainer::parse(&bytes).unwrap();
            prop_assert_eq!(parsed.value, container);
        }

        #[test]
        fn any_bytes_are_taken(bytes in damaged(CardCapabilityContainer::default().encode())) {
            holds_for_any_bytes(
                &bytes,
                CardCapabilityContainer::parse,
                CardCapabilityContainer::encode,
            );
        }
    }
}
