use jiff::civil::Date;
use serde::Serialize;

use super::elements::{ElementWriter, Elements, Extra, Layout, ObjectError, Presence, Size, Spec};
use crate::Parsed;

pub(super) const LAYOUT: Layout = Layout {
    object: "Printed Information",
    clause: "SP 800-73-5 Part 1, 3.2.3 and Appendix A, Table 16",
    elements: &[
        Spec::new(0x01, "name", Size::UpTo(125), Presence::Mandatory),
        Spec::new(
            0x02,
            "employee affiliation",
            Size::UpTo(20),
            Presence::Mandatory,
        ),
        Spec::new(0x04, "expiration date", Size::Fixed(9), Presence::Mandatory),
        Spec::new(
            0x05,
            "agency card serial number",
            Size::UpTo(20),
            Presence::Mandatory,
        ),
        Spec::new(
            0x06,
            "issuer identification",
            Size::Fixed(15),
            Presence::Mandatory,
        ),
        Spec::new(
            0x07,
            "organization affiliation line 1",
            Size::UpTo(20),
            Presence::Optional,
        ),
        Spec::new(
            0x08,
            "organization affiliation line 2",
            Size::UpTo(20),
            Presence::Optional,
        ),
    ],
};

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];

/// Printed Information, 5FC109: what the face of the card says (SP 800-73-5 Part 1, 3.2.3).
///
/// Elements that are absent or malformed on a card are `None`.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct PrintedInformation {
    /// 01: the holder's name, at most 125 bytes.
    pub name: Option<String>,
    /// 02: employee affiliation, at most 20 bytes.
    pub affiliation: Option<String>,
    /// 04: expiration date, `2031DEC31` on the card.
    pub expiry: Option<Date>,
    /// 05: the issuer's serial number of the card, at most 20 bytes.
    pub serial: Option<String>,
    /// 06: issuer identification, 15 bytes.
    pub issuer: Option<String>,
    /// 07: organization affiliation, first line, at most 20 bytes.
    pub line1: Option<String>,
    /// 08: organization affiliation, second line, at most 20 bytes.
    pub line2: Option<String>,
    /// Unknown elements.
    pub extras: Vec<Extra>,
}

impl PrintedInformation {
    /// Reads the value inside `53`.
    ///
    /// # Errors
    ///
    /// [`ObjectError`] when not one element can be read.
    pub fn parse(value: &[u8]) -> Result<Parsed<Self>, ObjectError> {
        let mut elements = Elements::read(value, &LAYOUT)?;
        let expiry = elements.fixed::<9>(0x04).and_then(|text| {
            let date = parse_date(&text);
            if date.is_none() {
                elements.violation(format!(
                    "expiration date `{}` is no date like `2031DEC31`",
                    text.escape_ascii()
                ));
            }
            date
        });
        let mut printed = Self {
            name: elements.text(0x01),
            affiliation: elements.text(0x02),
            expiry,
            serial: elements.text(0x05),
            issuer: elements.text(0x06),
            line1: elements.text(0x07),
            line2: elements.text(0x08),
            extras: Vec::new(),
        };
        let (extras, findings) = elements.finish();
        printed.extras = extras;
        Ok(Parsed {
            value: printed,
            findings,
            raw: value.to_vec(),
        })
    }

    /// The value to put inside `53`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = ElementWriter::new(&self.extras);
        writer.put_if(0x01, self.name.as_ref());
        writer.put_if(0x02, self.affiliation.as_ref());
        writer.put_if(0x04, self.expiry.map(write_date));
        writer.put_if(0x05, self.serial.as_ref());
        writer.put_if(0x06, self.issuer.as_ref());
        writer.put_if(0x07, self.line1.as_ref());
        writer.put_if(0x08, self.line2.as_ref());
        writer.finish()
    }
}

fn write_date(date: Date) -> String {
    // Months run from 1 to 12.
    let month = MONTHS[usize::try_from(date.month() - 1).unwrap_or_default()];
    format!("{:04}{month}{:02}", date.year(), date.day())
}

fn parse_date(text: &[u8; 9]) -> Option<Date> {
    let [year @ .., m1, m2, m3, d1, d2] = text;
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_i16, |number, digit| {
            digit
                .is_ascii_digit()
                .then(|| number * 10 + i16::from(digit - b'0'))
        })
    };
    let month = MONTHS
        .iter()
        .position(|month| month.as_bytes() == [*m1, *m2, *m3])?;
    let month = i8::try_from(month + 1).ok()?;
    let day = i8::try_from(number(&[*d1, *d2])?).ok()?;
    Date::new(number(year)?, month, day).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::option::of;
    use proptest::prelude::*;

    use super::super::elements::tests::{damaged, extras, holds_for_any_bytes};
    use super::*;

    fn example() -> PrintedInformation {
        PrintedInformation {
            name: Some("Florence Nightingale".to_owned()),
            affiliation: Some("Employee".to_owned()),
            expiry: Some(date(2031, 12, 31)),
            serial: Some("0000123456".to_owned()),
            issuer: Some("CARDWRIGHT TEST".to_owned()),
            ..PrintedInformation::default()
        }
    }

    #[test]
    fn dates_have_a_month_in_three_capitals() {
        assert_eq!(write_date(date(2040, 12, 31)), "2040DEC31");
        assert_eq!(parse_date(b"2040FEB29"), Some(date(2040, 2, 29)));
        for wrong in [b"2041FEB29", b"2040dec31", b"2040DEC32", b"20400231 "] {
            assert_eq!(parse_date(wrong), None);
        }
    }

    #[test]
    fn well_formed_information_has_no_findings() {
        let parsed = PrintedInformation::parse(&example().encode()).unwrap();
        assert_eq!((parsed.value, parsed.findings), (example(), Vec::new()));
    }

    #[test]
    fn text_that_is_no_text_is_a_violation() {
        let mut value = example().encode();
        value[2] = 0xFF;
        let parsed = PrintedInformation::parse(&value).unwrap();
        assert_eq!(
            parsed.value.name.as_deref(),
            Some("\u{FFFD}lorence Nightingale")
        );
        assert!(!parsed.conforms());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed_back(
            name in of("\\PC{0,130}"),
            affiliation in "\\PC{0,30}",
            days in 0..100_000_i32,
            serial in of("\\PC{0,30}"),
            issuer in of("\\PC{0,30}"),
            line1 in of("\\PC{0,30}"),
            line2 in of("\\PC{0,30}"),
            extras in extras(&[0x02, 0x04]),
        ) {
            let printed = PrintedInformation {
                name,
                affiliation: Some(affiliation),
                expiry: Some(date(2000, 1, 1) + jiff::Span::new().days(days)),
                serial,
                issuer,
                line1,
                line2,
                extras,
            };
            let parsed = PrintedInformation::parse(&printed.encode()).unwrap();
            prop_assert_eq!(parsed.value, printed);
        }

        #[test]
        fn any_bytes_are_taken(bytes in damaged(example().encode())) {
            holds_for_any_bytes(&bytes, PrintedInformation::parse, PrintedInformation::encode);
        }
    }
}
