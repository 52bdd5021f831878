use serde::Serialize;

use super::elements::{
    ElementWriter, Elements, Extra, Layout, ObjectError, Presence, Size, Spec, hexed,
};
use crate::Parsed;
use crate::biometric::{BiometricError, BiometricKind, BiometricRecord};

pub(super) const FINGERPRINTS: Layout = Layout {
    object: "fingerprints",
    clause: "SP 800-73-5 Part 1, 3.1.5 and Appendix A",
    elements: &[Spec::new(
        0xBC,
        "biometric record",
        Size::UpTo(4000),
        Presence::Mandatory,
    )],
};
pub(super) const FACE: Layout = Layout {
    object: "facial image",
    clause: "SP 800-73-5 Part 1, 3.1.6 and Appendix A",
    elements: &[Spec::new(
        0xBC,
        "biometric record",
        Size::UpTo(12704),
        Presence::Mandatory,
    )],
};
pub(super) const IRIS: Layout = Layout {
    object: "iris images",
    clause: "SP 800-73-5 Part 1, 3.3.5 and Appendix A",
    elements: &[Spec::new(
        0xBC,
        "biometric record",
        Size::UpTo(7100),
        Presence::Mandatory,
    )],
};

/// Fingerprints 5FC103, facial image 5FC108 or iris images 5FC121: one signed biometric record.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct BiometricObject {
    /// Which of the three.
    pub kind: BiometricKind,
    /// BC: the record, as [`BiometricRecord`] reads it; empty if absent.
    #[serde(serialize_with = "hexed")]
    pub record: Vec<u8>,
    /// Unknown elements.
    pub extras: Vec<Extra>,
}

impl BiometricObject {
    /// Holds a record.
    #[must_use]
    pub fn new(kind: BiometricKind, record: &BiometricRecord) -> Self {
        Self {
            kind,
            record: record.encode(),
            extras: Vec::new(),
        }
    }

    /// The record taken apart.
    ///
    /// # Errors
    ///
    /// [`BiometricError::TooShort`].
    pub fn record(&self) -> Result<Parsed<BiometricRecord>, BiometricError> {
        BiometricRecord::parse(self.kind, &self.record)
    }

    /// Reads the value inside `53`. The findings include those of the record.
    ///
    /// # Errors
    ///
    /// [`ObjectError`] when not one element can be read.
    pub fn parse(kind: BiometricKind, value: &[u8]) -> Result<Parsed<Self>, ObjectError> {
        let layout = match kind {
            BiometricKind::Fingerprints => &FINGERPRINTS,
            BiometricKind::Face => &FACE,
            BiometricKind::Iris => &IRIS,
        };
        let mut elements = Elements::read(value, layout)?;
        let mut of_record = Vec::new();
        if let Some(record) = elements.get(0xBC) {
            match BiometricRecord::parse(kind, record) {
                Ok(parsed) => of_record = parsed.findings,
                Err(error) => elements.violation(error.to_string()),
            }
        }
        let record = elements.bytes(0xBC);
        let (extras, mut findings) = elements.finish();
        findings.extend(of_record);
        Ok(Parsed {
            value: Self {
                kind,
                record,
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
        writer.put(0xBC, &self.record);
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::elements::tests::{damaged, extras, holds_for_any_bytes};
    use super::*;

    fn any_kind() -> impl Strategy<Value = BiometricKind> {
        prop_oneof![
            Just(BiometricKind::Fingerprints),
            Just(BiometricKind::Face),
            Just(BiometricKind::Iris),
        ]
    }

    #[test]
    fn a_record_too_short_for_its_header_is_a_violation() {
        let parsed = BiometricObject::parse(BiometricKind::Face, &[0xBC, 1, 3, 0xFE, 0]).unwrap();
        assert_eq!(parsed.findings.len(), 1);
        assert_eq!(
            parsed.findings[0].message,
            "facial image: 1 bytes are no CBEFF header, expected at least 88"
        );
        assert!(parsed.value.record().is_err());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed_back(
            kind in any_kind(),
            record in vec(any::<u8>(), 0..300),
            extras in extras(&[0xBC]),
        ) {
            let object = BiometricObject { kind, record, extras };
            let parsed = BiometricObject::parse(kind, &object.encode()).unwrap();
            if let Ok(record) = object.record() {
                prop_assert_eq!(record.value.encode(), object.record.clone());
            }
            prop_assert_eq!(parsed.value, object);
        }

        #[test]
        fn any_bytes_are_taken(kind in any_kind(), bytes in damaged([0xBC, 1, 3, 0xFE, 0].to_vec())) {
            holds_for_any_bytes(
                &bytes,
                |bytes| BiometricObject::parse(kind, bytes),
                BiometricObject::encode,
            );
        }
    }
}
