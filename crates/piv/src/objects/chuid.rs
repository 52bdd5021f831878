use jiff::civil::Date;
use serde::Serialize;
use uuid::{Uuid, Variant};

use super::elements::{
    ElementWriter, Elements, Extra, Layout, ObjectError, Presence, Size, Spec, hexed, hexed_if,
};
use super::fasc_n::FascN;
use crate::{Finding, Parsed};

pub(super) const LAYOUT: Layout = Layout {
    object: "CHUID",
    clause: "SP 800-73-5 Part 1, 3.1.2 and Appendix A, Table 9",
    elements: &[
        Spec::new(0xEE, "buffer length", Size::Fixed(2), Presence::Removed),
        Spec::new(0x30, "FASC-N", Size::Fixed(25), Presence::Mandatory),
        Spec::new(
            0x32,
            "organizational identifier",
            Size::Fixed(4),
            Presence::Removed,
        ),
        Spec::new(0x33, "DUNS", Size::Fixed(9), Presence::Removed),
        Spec::new(0x34, "GUID", Size::Fixed(16), Presence::Mandatory),
        Spec::new(0x35, "expiration date", Size::Fixed(8), Presence::Mandatory),
        Spec::new(0x36, "Cardholder UUID", Size::Fixed(16), Presence::Optional),
        Spec::new(
            0x3E,
            "issuer asymmetric signature",
            Size::UpTo(2816),
            Presence::Mandatory,
        ),
    ],
};

/// Card Holder Unique Identifier, 5FC102 (SP 800-73-5 Part 1, 3.1.2).
///
/// Elements that are absent or malformed on a card are `None`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Chuid {
    /// EE, removed in SP 800-73-5: the length of the value without this element.
    pub buffer_length: Option<u16>,
    /// 30: FASC-N.
    pub fasc_n: Option<FascN>,
    /// 32, removed in SP 800-73-5: organizational identifier.
    #[serde(serialize_with = "hexed_if")]
    pub organization: Option<[u8; 4]>,
    /// 33, removed in SP 800-73-5: DUNS number.
    #[serde(serialize_with = "hexed_if")]
    pub duns: Option<[u8; 9]>,
    /// 34: the card's GUID, a UUID of version 1, 4 or 5.
    pub guid: Option<Uuid>,
    /// 35: the card's expiration date, YYYYMMDD on the card.
    pub expiry: Option<Date>,
    /// 36: the holder's UUID.
    pub cardholder: Option<Uuid>,
    /// 3E: the issuer's CMS signature ([`crate::signed`]); empty in an unsigned CHUID.
    #[serde(serialize_with = "hexed")]
    pub signature: Vec<u8>,
    /// Unknown elements.
    pub extras: Vec<Extra>,
}

impl Chuid {
    /// A CHUID with what SP 800-73-5 demands, still unsigned.
    #[must_use]
    pub fn new(fasc_n: FascN, guid: Uuid, expiry: Date) -> Self {
        Self {
            buffer_length: None,
            fasc_n: Some(fasc_n),
            organization: None,
            duns: None,
            guid: Some(guid),
            expiry: Some(expiry),
            cardholder: None,
            signature: Vec::new(),
            extras: Vec::new(),
        }
    }

    /// Reads the value inside `53`.
    ///
    /// # Errors
    ///
    /// [`ObjectError`] when not one element can be read.
    pub fn parse(value: &[u8]) -> Result<Parsed<Self>, ObjectError> {
        let mut elements = Elements::read(value, &LAYOUT)?;
        let expiry = elements.fixed::<8>(0x35).and_then(|digits| {
            let date = parse_date(&digits);
            if date.is_none() {
                elements.violation(format!(
                    "expiration date `{}` is no date YYYYMMDD",
                    digits.escape_ascii()
                ));
            }
            date
        });
        let buffer_length = elements.fixed(0xEE).map(u16::from_be_bytes);
        if let Some(stated) = buffer_length
            && usize::from(stated) + 4 != value.len()
        {
            elements.violation(format!(
                "buffer length `EE` is {stated}, the rest has {} bytes",
                value.len().saturating_sub(4)
            ));
        }
        let fasc_n = elements.fixed(0x30).map(FascN::from_bytes);
        if let Some(Err(error)) = fasc_n.map(|number| number.fields()) {
            elements.violation(error.to_string());
        }
        let guid = elements.fixed(0x34).map(Uuid::from_bytes);
        let cardholder = elements.fixed(0x36).map(Uuid::from_bytes);
        let signature = elements.bytes(0x3E);
        let unsigned = elements.get(0x3E).is_some_and(<[u8]>::is_empty);
        if unsigned {
            elements.violation("the issuer's signature `3E` is empty".to_owned());
        }
        let organization = elements.fixed(0x32);
        let duns = elements.fixed(0x33);
        let (extras, mut findings) = elements.finish();
        findings.extend(guid.and_then(|guid| check_uuid("GUID", guid)));
        findings.extend(cardholder.and_then(|uuid| check_uuid("Cardholder UUID", uuid)));
        Ok(Parsed {
            value: Self {
                buffer_length,
                fasc_n,
                organization,
                duns,
                guid,
                expiry,
                cardholder,
                signature,
                extras,
            },
            findings,
            raw: value.to_vec(),
        })
    }

    /// The value to put inside `53`. The signature element is written even if it is empty.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.write(self.buffer_length, Some(&self.signature))
    }

    /// The bytes the issuer signs: every element but the signature and the buffer length
    /// (SP 800-73-5 Part 1, 3.1.2).
    #[must_use]
    pub fn covered(&self) -> Vec<u8> {
        self.write(None, None)
    }

    fn write(&self, buffer_length: Option<u16>, signature: Option<&[u8]>) -> Vec<u8> {
        let mut writer = ElementWriter::new(&self.extras);
        writer.put_if(0xEE, buffer_length.map(u16::to_be_bytes));
        writer.put_if(0x30, self.fasc_n.map(|number| *number.bytes()));
        writer.put_if(0x32, self.organization);
        writer.put_if(0x33, self.duns);
        writer.put_if(0x34, self.guid.map(Uuid::into_bytes));
        let expiry = self.expiry.map(|date| date.strftime("%Y%m%d").to_string());
        writer.put_if(0x35, expiry);
        writer.put_if(0x36, self.cardholder.map(Uuid::into_bytes));
        writer.put_if(0x3E, signature);
        writer.finish()
    }
}

/// `YYYYMMDD` in ASCII digits.
fn parse_date(digits: &[u8; 8]) -> Option<Date> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        digits[range]
            .iter()
            .fold(0_i16, |number, digit| number * 10 + i16::from(digit - b'0'))
    };
    // Two digits fit an i8.
    Date::new(number(0..4), number(4..6) as i8, number(6..8) as i8).ok()
}

fn check_uuid(name: &str, uuid: Uuid) -> Option<Finding> {
    const CLAUSE: &str = "SP 800-73-5 Part 1, 3.4.1";
    if uuid.is_nil() {
        return Some(Finding::violation(CLAUSE, format!("{name} is all zeros")));
    }
    // Official sample cards carry other variants: a warning, no violation.
    let proper =
        uuid.get_variant() == Variant::RFC4122 && matches!(uuid.get_version_num(), 1 | 4 | 5);
    (!proper).then(|| {
        Finding::warning(
            CLAUSE,
            format!("{name} {uuid} is no UUID of version 1, 4 or 5 (RFC 4122)"),
        )
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::super::elements::tests::{damaged, extras, holds_for_any_bytes};
    use super::*;

    fn minimal() -> Chuid {
        Chuid::new(
            FascN::non_federal(),
            Uuid::from_u128(0x2f8d_1c5e_7a41_4c7f_9b1e_0123_4567_89ab),
            date(2031, 12, 31),
        )
    }

    #[test]
    fn an_unsigned_chuid_has_sixty_one_bytes_with_its_wrapper() {
        let value = minimal().encode();
        assert_eq!(value.len() + 2, 61);
        let parsed = Chuid::parse(&value).unwrap();
        assert_eq!(parsed.value, minimal());
        assert_eq!(parsed.findings.len(), 1, "{:?}", parsed.findings);
    }

    #[test]
    fn signature_and_buffer_length_are_not_covered() {
        let bare = minimal();
        let full = Chuid {
            buffer_length: Some(99),
            signature: vec![1, 2, 3],
            ..minimal()
        };
        assert_eq!(full.covered(), bare.covered());
        assert!(full.covered().ends_with(b"\x35\x0820311231\xFE\x00"));
    }

    #[test]
    fn an_impossible_date_is_a_finding_and_the_rest_is_read() {
        let mut value = minimal().encode();
        let at = value.windows(8).position(|w| w == b"20311231").unwrap();
        value[at + 4..at + 6].copy_from_slice(b"13");
        let parsed = Chuid::parse(&value).unwrap();
        assert_eq!(parsed.value.expiry, None);
        assert_eq!(parsed.value.guid, minimal().guid);
        assert!(!parsed.conforms());
    }

    #[test]
    fn a_wrong_buffer_length_is_a_finding() {
        let mut chuid = Chuid {
            signature: vec![0x30, 0x00],
            ..minimal()
        };
        let right = u16::try_from(chuid.encode().len()).unwrap();
        chuid.buffer_length = Some(right);
        assert!(Chuid::parse(&chuid.encode()).unwrap().conforms());
        chuid.buffer_length = Some(right + 4);
        assert!(!Chuid::parse(&chuid.encode()).unwrap().conforms());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed_back(
            fasc_n in any::<[u8; 25]>(),
            guid in any::<u128>(),
            days in 0..100_000_i32,
            cardholder in proptest::option::of(any::<u128>()),
            organization in proptest::option::of(any::<[u8; 4]>()),
            duns in proptest::option::of(any::<[u8; 9]>()),
            buffer_length in proptest::option::of(any::<u16>()),
            signature in proptest::collection::vec(any::<u8>(), 0..3000),
            extras in extras(&[0x30, 0x34, 0x35, 0x3E]),
        ) {
            let chuid = Chuid {
                buffer_length,
                fasc_n: Some(FascN::from_bytes(fasc_n)),
                organization,
                duns,
                guid: Some(Uuid::from_u128(guid)),
                expiry: Some(date(2000, 1, 1) + jiff::Span::new().days(days)),
                cardholder: cardholder.map(Uuid::from_u128),
                signature,
                extras,
            };
            let bytes = chuid.encode();
            let parsed = Chuid::parse(&bytes).unwrap();
            prop_assert_eq!(parsed.value.encode(), bytes);
            prop_assert_eq!(parsed.value, chuid);
        }

        #[test]
        fn any_bytes_are_taken(bytes in damaged(minimal().encode())) {
            holds_for_any_bytes(&bytes, Chuid::parse, Chuid::encode);
        }
    }
}
