use iso7816::ber::{Reader, Tag, object, write};
use serde::Serialize;

use super::elements::ObjectError;
use crate::{Finding, Parsed};

const OBJECT: &str = "biometric information templates";
const CLAUSE: &str = "SP 800-73-5 Part 1, 3.3.6 and Appendix A; SP 800-76-2, 5";

const NUMBER: Tag = Tag(0x02);
const TEMPLATE: Tag = Tag(0x7F60);
const REFERENCE: Tag = Tag(0x83);
const HEADER: Tag = Tag(0xA1);
const TYPE: Tag = Tag(0x81);
const SUBTYPE: Tag = Tag(0x82);
const OWNER: Tag = Tag(0x87);
const FORMAT: Tag = Tag(0x88);
const PARAMETERS: Tag = Tag(0xB1);
const MINUTIAE: Tag = Tag(0x81);
const ORDER: Tag = Tag(0x82);

/// The references of the fingers for on-card comparison, in order.
const FINGERS: [u8; 2] = [0x96, 0x97];

/// Biometric Information Templates Group Template, 7F61: which fingers the card compares, and how
/// (SP 800-73-5 Part 1, 3.3.6; ISO/IEC 7816-11).
///
/// [`BiometricInformationTemplates::default`] is that of a card that compares none.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct BiometricInformationTemplates {
    /// 02: the number of fingers; `None` if absent or malformed on a card.
    pub fingers: Option<u8>,
    /// 7F60: one template a finger.
    pub templates: Vec<BiometricInformationTemplate>,
}

/// One Biometric Information Template, 7F60 (SP 800-76-2, 5; ISO/IEC 7816-11).
///
/// Elements that are absent or malformed on a card are `None`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct BiometricInformationTemplate {
    /// 83: the reference VERIFY takes, 96 for the first finger, 97 for the second.
    pub reference: Option<u8>,
    /// 81 in A1: biometric type, 08 for fingerprints.
    pub biometric_type: Option<u8>,
    /// 82 in A1: biometric subtype, which finger.
    pub subtype: Option<u8>,
    /// 87 in A1: format owner, 0101 (ISO/IEC JTC 1 SC 37).
    pub format_owner: Option<u16>,
    /// 88 in A1: format type, 0005 (compact card format of ISO/IEC 19794-2).
    pub format_type: Option<u16>,
    /// 81 in B1 in A1: the least and the most minutiae the card takes.
    pub minutiae: Option<(u8, u8)>,
    /// 82 in B1 in A1: the order in which the card wants minutiae.
    pub order: Option<u8>,
}

impl BiometricInformationTemplates {
    /// A card that compares no finger: `02 01 00`.
    #[must_use]
    pub fn none() -> Self {
        Self {
            fingers: Some(0),
            templates: Vec::new(),
        }
    }

    /// A group of these templates, one or two.
    #[must_use]
    pub fn of(
        first: BiometricInformationTemplate,
        second: Option<BiometricInformationTemplate>,
    ) -> Self {
        let templates: Vec<_> = [Some(first), second].into_iter().flatten().collect();
        Self {
            fingers: Some(if templates.len() == 1 { 1 } else { 2 }),
            templates,
        }
    }

    /// Reads the value inside `7F61`.
    ///
    /// # Errors
    ///
    /// [`ObjectError`] when not one object can be read.
    pub fn parse(value: &[u8]) -> Result<Parsed<Self>, ObjectError> {
        if value.is_empty() {
            return Err(ObjectError::Empty { object: OBJECT });
        }
        if let Some(Err(source)) = Reader::new(value).next() {
            return Err(ObjectError::Unreadable {
                object: OBJECT,
                source,
            });
        }
        let mut notes = Notes::default();
        let mut group = Self::default();
        for (index, (tag, inner)) in notes.objects("group", value).into_iter().enumerate() {
            match (index, tag) {
                (0, NUMBER) => group.fingers = notes.number("number of fingers `02`", inner),
                (1.., TEMPLATE) => group.templates.push(template(inner, &mut notes)),
                _ => notes.violation(format!("object `{tag}` is out of place or unknown")),
            }
        }
        match group.fingers {
            None => notes.violation("number of fingers `02` is missing".to_owned()),
            Some(fingers) if fingers > 2 => {
                notes.violation(format!("{fingers} fingers, expected at most 2"));
            }
            Some(fingers) if usize::from(fingers) != group.templates.len() => {
                notes.violation(format!(
                    "{} templates for {fingers} fingers",
                    group.templates.len()
                ));
            }
            Some(_) => {}
        }
        for (template, reference) in group.templates.iter().zip(FINGERS) {
            notes.check(template, reference);
        }
        // A group with no finding and another encoding would be lost in writing it back.
        if notes.findings.is_empty() && group.encode() != value {
            notes.violation("a length is not in its shortest form".to_owned());
        }
        Ok(Parsed {
            value: group,
            findings: notes.findings,
            raw: value.to_vec(),
        })
    }

    /// The value to put inside `7F61`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(fingers) = self.fingers {
            write(&mut out, NUMBER, &[fingers]);
        }
        for template in &self.templates {
            write(&mut out, TEMPLATE, &template.encode());
        }
        out
    }
}

impl BiometricInformationTemplate {
    /// A template as SP 800-76-2 demands: the finger's reference (96 or 97), its subtype, how many
    /// minutiae the card takes, and their order.
    #[must_use]
    pub const fn new(reference: u8, subtype: u8, minutiae: (u8, u8), order: u8) -> Self {
        Self {
            reference: Some(reference),
            biometric_type: Some(0x08),
            subtype: Some(subtype),
            format_owner: Some(0x0101),
            format_type: Some(0x0005),
            minutiae: Some(minutiae),
            order: Some(order),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut parameters = Vec::new();
        put(
            &mut parameters,
            MINUTIAE,
            self.minutiae.map(|(least, most)| [least, most]),
        );
        put(&mut parameters, ORDER, self.order.map(|order| [order]));
        let mut header = Vec::new();
        put(&mut header, TYPE, self.biometric_type.map(|byte| [byte]));
        put(&mut header, SUBTYPE, self.subtype.map(|byte| [byte]));
        put(&mut header, OWNER, self.format_owner.map(u16::to_be_bytes));
        put(&mut header, FORMAT, self.format_type.map(u16::to_be_bytes));
        if !parameters.is_empty() {
            write(&mut header, PARAMETERS, &parameters);
        }
        let mut out = Vec::new();
        put(&mut out, REFERENCE, self.reference.map(|byte| [byte]));
        if !header.is_empty() {
            out.extend(object(HEADER, &header));
        }
        out
    }
}

fn put<const N: usize>(out: &mut Vec<u8>, tag: Tag, value: Option<[u8; N]>) {
    if let Some(value) = value {
        write(out, tag, &value);
    }
}

fn template(value: &[u8], notes: &mut Notes) -> BiometricInformationTemplate {
    let mut template = BiometricInformationTemplate::default();
    for (tag, inner) in notes.objects("template `7F60`", value) {
        match tag {
            REFERENCE => template.reference = notes.number("reference `83`", inner),
            HEADER => header(inner, &mut template, notes),
            _ => notes.violation(format!("unknown object `{tag}` in a template")),
        }
    }
    template
}

fn header(value: &[u8], template: &mut BiometricInformationTemplate, notes: &mut Notes) {
    for (tag, inner) in notes.objects("header `A1`", value) {
        match tag {
            TYPE => template.biometric_type = notes.number("biometric type `81`", inner),
            SUBTYPE => template.subtype = notes.number("biometric subtype `82`", inner),
            OWNER => {
                template.format_owner = notes
                    .pair("format owner `87`", inner)
                    .map(u16::from_be_bytes);
            }
            FORMAT => {
                template.format_type = notes
                    .pair("format type `88`", inner)
                    .map(u16::from_be_bytes);
            }
            PARAMETERS => {
                for (tag, inner) in notes.objects("parameters `B1`", inner) {
                    match tag {
                        MINUTIAE => {
                            template.minutiae = notes
                                .pair("numbers of minutiae `81`", inner)
                                .map(|[least, most]| (least, most));
                        }
                        ORDER => template.order = notes.number("minutiae order `82`", inner),
                        _ => notes.violation(format!("unknown object `{tag}` in `B1`")),
                    }
                }
            }
            _ => notes.violation(format!("unknown object `{tag}` in a header")),
        }
    }
}

/// Findings on the way.
#[derive(Default)]
struct Notes {
    findings: Vec<Finding>,
}

impl Notes {
    fn violation(&mut self, what: String) {
        self.findings
            .push(Finding::violation(CLAUSE, format!("{OBJECT}: {what}")));
    }

    /// The objects in a value, as far as they can be read.
    fn objects<'a>(&mut self, name: &str, value: &'a [u8]) -> Vec<(Tag, &'a [u8])> {
        let mut found: Vec<(Tag, &[u8])> = Vec::new();
        for next in Reader::new(value) {
            match next {
                Ok(next) => {
                    if next.tag != TEMPLATE && found.iter().any(|(tag, _)| *tag == next.tag) {
                        self.violation(format!("object `{}` is twice in the {name}", next.tag));
                    }
                    found.push((next.tag, next.value));
                }
                Err(error) => self.violation(format!("{name} cannot be read to its end: {error}")),
            }
        }
        found
    }

    fn pair(&mut self, name: &str, value: &[u8]) -> Option<[u8; 2]> {
        self.fixed(name, value)
    }

    fn number(&mut self, name: &str, value: &[u8]) -> Option<u8> {
        self.fixed(name, value).map(|[byte]| byte)
    }

    fn fixed<const N: usize>(&mut self, name: &str, value: &[u8]) -> Option<[u8; N]> {
        let fixed = value.try_into().ok();
        if fixed.is_none() {
            self.violation(format!("{name} of {} bytes, expected {N}", value.len()));
        }
        fixed
    }

    fn check(&mut self, template: &BiometricInformationTemplate, reference: u8) {
        let mut expect = |name: &str, actual: Option<u16>, expected: u16| {
            if actual != Some(expected) {
                let actual = actual.map_or("missing".to_owned(), |actual| format!("{actual:X}"));
                self.violation(format!(
                    "template of finger {reference:02X}: {name} is {actual}, expected {expected:X}"
                ));
            }
        };
        expect(
            "reference `83`",
            template.reference.map(u16::from),
            reference.into(),
        );
        expect(
            "biometric type `81`",
            template.biometric_type.map(u16::from),
            0x08,
        );
        expect("format owner `87`", template.format_owner, 0x0101);
        expect("format type `88`", template.format_type, 0x0005);
        if template.subtype.is_none() {
            self.violation(format!(
                "template of finger {reference:02X}: no subtype `82`"
            ));
        }
        if template.minutiae.is_some_and(|(least, most)| least > most) {
            self.violation(format!(
                "template of finger {reference:02X}: more minutiae needed than taken"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::option::of;
    use proptest::prelude::*;

    use super::super::elements::tests::{damaged, holds_for_any_bytes};
    use super::*;

    fn two() -> BiometricInformationTemplates {
        BiometricInformationTemplates::of(
            BiometricInformationTemplate::new(0x96, 0x05, (12, 60), 0x00),
            Some(BiometricInformationTemplate::new(
                0x97,
                0x09,
                (12, 60),
                0x00,
            )),
        )
    }

    #[test]
    fn a_card_that_compares_no_finger_says_so_in_three_bytes() {
        let value = BiometricInformationTemplates::none().encode();
        assert_eq!(hex::encode_upper(&value), "020100");
        let parsed = BiometricInformationTemplates::parse(&value).unwrap();
        assert_eq!(parsed.findings, []);
    }

    #[test]
    fn two_fingers_fill_the_container_of_65_bytes() {
        let value = two().encode();
        assert_eq!(value.len(), 65);
        assert_eq!(
            hex::encode_upper(&value[3..34]),
            "7F601C830196A117810108820105870201018802 0005B10781020C3C820100".replace(' ', "")
        );
        let parsed = BiometricInformationTemplates::parse(&value).unwrap();
        assert_eq!((parsed.value, parsed.findings), (two(), Vec::new()));
    }

    #[test]
    fn each_wrong_value_is_named() {
        let message = |change: fn(&mut BiometricInformationTemplates)| {
            let mut group = two();
            change(&mut group);
            let parsed = BiometricInformationTemplates::parse(&group.encode()).unwrap();
            assert_eq!(parsed.value, group);
            assert_eq!(parsed.findings.len(), 1, "{:?}", parsed.findings);
            parsed.findings[0].message.clone()
        };
        let of = |change| message(change).replace("biometric information templates: ", "");
        assert_eq!(
            of(|group| group.fingers = Some(3)),
            "3 fingers, expected at most 2"
        );
        assert_eq!(
            of(|group| group.fingers = Some(1)),
            "2 templates for 1 fingers"
        );
        assert_eq!(
            of(|group| group.templates[1].reference = Some(0x96)),
            "template of finger 97: reference `83` is 96, expected 97"
        );
        assert_eq!(
            of(|group| group.templates[0].biometric_type = None),
            "template of finger 96: biometric type `81` is missing, expected 8"
        );
        assert_eq!(
            of(|group| group.templates[0].format_type = Some(0x0003)),
            "template of finger 96: format type `88` is 3, expected 5"
        );
        assert_eq!(
            of(|group| group.templates[0].minutiae = Some((9, 8))),
            "template of finger 96: more minutiae needed than taken"
        );
    }

    fn any_template() -> impl Strategy<Value = BiometricInformationTemplate> {
        (
            any::<(Option<u8>, Option<u8>, Option<u8>)>(),
            any::<(Option<u16>, Option<u16>)>(),
            of(any::<(u8, u8)>()),
            of(any::<u8>()),
        )
            .prop_map(
                |(bytes, formats, minutiae, order)| BiometricInformationTemplate {
                    reference: bytes.0,
                    biometric_type: bytes.1,
                    subtype: bytes.2,
                    format_owner: formats.0,
                    format_type: formats.1,
                    minutiae,
                    order,
                },
            )
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed_back(
            fingers in any::<u8>(),
            templates in proptest::collection::vec(any_template(), 0..4),
        ) {
            let group = BiometricInformationTemplates { fingers: Some(fingers), templates };
            let parsed = BiometricInformationTemplates::parse(&group.encode()).unwrap();
            prop_assert_eq!(parsed.value, group);
        }

        #[test]
        fn any_bytes_are_taken(bytes in damaged(two().encode())) {
            holds_for_any_bytes(
                &bytes,
                BiometricInformationTemplates::parse,
                BiometricInformationTemplates::encode,
            );
        }
    }
}
