use ground::{Blame, Blamed};
use iso7816::ber::{Reader, Tag, TlvError, write};
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::Finding;
use crate::words::Edition;

/// The error detection code, empty, that ends every object (SP 800-73-5 Part 1, Appendix A).
const ERROR_DETECTION: u8 = 0xFE;

/// One object's table in SP 800-73-5 Part 1, Appendix A.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The object in words.
    pub object: &'static str,
    /// Where its table stands.
    pub clause: &'static str,
    /// Its elements in order, without the error detection code.
    pub elements: &'static [Spec],
}

/// One row of such a table: an element with a tag of one byte.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Its tag.
    pub tag: u8,
    /// What it holds.
    pub name: &'static str,
    /// How large it may be.
    pub size: Size,
    /// Whether it must be there.
    pub presence: Presence,
}

/// The permitted size of an element in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Size {
    /// This and no other.
    Fixed(usize),
    /// This, or the element is empty.
    FixedOrEmpty(usize),
    /// A recommendation: larger ones occur and are allowed.
    UpTo(usize),
}

/// Whether an element must be there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    /// It must.
    Mandatory,
    /// It may.
    Optional,
    /// In SP 800-73-4 but no longer in SP 800-73-5.
    Removed,
}

impl Spec {
    pub(super) const fn new(tag: u8, name: &'static str, size: Size, presence: Presence) -> Self {
        Self {
            tag,
            name,
            size,
            presence,
        }
    }
}

/// An element the standard does not know, and where it stood.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Extra {
    /// The element of the standard it followed; `None` at the very beginning.
    pub after: Option<u8>,
    /// Its tag, one byte.
    pub tag: u8,
    /// Its value.
    #[serde(serialize_with = "hexed")]
    pub value: Vec<u8>,
}

/// No table has more rows.
const MOST_ELEMENTS: usize = 16;

/// The elements of one object as they were found.
pub(super) struct Elements<'a> {
    layout: &'static Layout,
    /// In the order of the layout.
    found: [Option<&'a [u8]>; MOST_ELEMENTS],
    extras: Vec<Extra>,
    findings: Vec<Finding>,
}

impl<'a> Elements<'a> {
    /// Reads as many elements as can be read and notes what is against the layout.
    pub(super) fn read(value: &'a [u8], layout: &'static Layout) -> Result<Self, ObjectError> {
        let object = layout.object;
        if value.is_empty() {
            return Err(ObjectError::Empty { object });
        }
        let mut elements = Self {
            layout,
            found: [None; MOST_ELEMENTS],
            extras: Vec::new(),
            findings: Vec::new(),
        };
        let mut furthest = None;
        let mut ended = false;
        for element in Reader::single_byte_tags(value) {
            let element = match element {
                Ok(element) => element,
                Err(source) if elements.found.iter().all(Option::is_none) => {
                    return Err(ObjectError::Unreadable { object, source });
                }
                Err(error) => {
                    elements.violation(format!("cannot be read to its end: {error}"));
                    break;
                }
            };
            // A single-byte tag fits one byte.
            let tag = element.tag.0 as u8;
            if ended {
                elements.violation(format!(
                    "element `{tag:02X}` after the error detection code"
                ));
            }
            if element.raw.len() != written_length(element.value.len()) {
                elements.warning(format!(
                    "length of element `{tag:02X}` is not in its shortest form"
                ));
            }
            if tag == ERROR_DETECTION {
                ended = true;
                if !element.value.is_empty() {
                    elements.violation("error detection code `FE` is not empty".to_owned());
                }
                continue;
            }
            let Some(place) = layout.elements.iter().position(|spec| spec.tag == tag) else {
                elements.warning(format!("unknown element `{tag:02X}`"));
                let after = furthest.map(|place: usize| layout.elements[place].tag);
                elements.extras.push(Extra {
                    after,
                    tag,
                    value: element.value.to_vec(),
                });
                continue;
            };
            let spec = &layout.elements[place];
            if elements.get(tag).is_some() {
                elements.violation(format!("{} `{tag:02X}` is there twice", spec.name));
                continue;
            }
            if furthest.is_some_and(|furthest| place < furthest) {
                elements.violation(format!("{} `{tag:02X}` is out of order", spec.name));
            }
            furthest = furthest.max(Some(place));
            elements.check_size(spec, element.value.len());
            elements.found[place] = Some(element.value);
        }
        if !ended {
            elements.violation("no error detection code `FE`".to_owned());
        }
        elements.check_presence();
        Ok(elements)
    }

    /// The value of an element.
    pub(super) fn get(&self, tag: u8) -> Option<&'a [u8]> {
        let mut specs = self.layout.elements.iter();
        self.found[specs.position(|spec| spec.tag == tag)?]
    }

    /// The value of an element, as a vector; empty if it is not there.
    pub(super) fn bytes(&self, tag: u8) -> Vec<u8> {
        self.get(tag).unwrap_or_default().to_vec()
    }

    /// The value of an element of fixed size. A wrong size has been noted by then.
    pub(super) fn fixed<const N: usize>(&self, tag: u8) -> Option<[u8; N]> {
        self.get(tag)?.try_into().ok()
    }

    /// The value of an element of one byte.
    pub(super) fn byte(&self, tag: u8) -> Option<u8> {
        self.fixed(tag).map(|[byte]| byte)
    }

    /// The value of an element of text; bytes that are no UTF-8 are noted and shown as `�`.
    pub(super) fn text(&mut self, tag: u8) -> Option<String> {
        let value = self.get(tag)?;
        match std::str::from_utf8(value) {
            Ok(text) => {
                if !text.is_ascii() {
                    self.warning(format!("text in element `{tag:02X}` is not ASCII"));
                }
                Some(text.to_owned())
            }
            Err(_) => {
                self.violation(format!("element `{tag:02X}` is no text"));
                Some(String::from_utf8_lossy(value).into_owned())
            }
        }
    }

    /// Notes something against the layout's clause.
    pub(super) fn violation(&mut self, what: String) {
        let finding = Finding::violation(
            self.layout.clause,
            format!("{}: {what}", self.layout.object),
        );
        self.findings.push(finding);
    }

    /// Notes something to be wary of.
    pub(super) fn warning(&mut self, what: String) {
        let finding = Finding::warning(
            self.layout.clause,
            format!("{}: {what}", self.layout.object),
        );
        self.findings.push(finding);
    }

    /// What is left over: unknown elements and the findings.
    pub(super) fn finish(self) -> (Vec<Extra>, Vec<Finding>) {
        (self.extras, self.findings)
    }

    fn check_size(&mut self, spec: &Spec, actual: usize) {
        let named = || format!("{} `{:02X}` of {actual} bytes", spec.name, spec.tag);
        match spec.size {
            Size::Fixed(size) if actual != size => {
                self.violation(format!("{}, expected {size}", named()));
            }
            Size::FixedOrEmpty(size) if actual != size && actual != 0 => {
                self.violation(format!("{}, expected {size} or none", named()));
            }
            Size::UpTo(size) if actual > size => {
                self.warning(format!("{}, expected at most {size}", named()));
            }
            _ => {}
        }
    }

    fn check_presence(&mut self) {
        for spec in self.layout.elements {
            let named = || format!("{} `{:02X}`", spec.name, spec.tag);
            match (spec.presence, self.get(spec.tag).is_some()) {
                (Presence::Mandatory, false) => self.violation(format!("{} is missing", named())),
                (Presence::Removed, true) => {
                    let finding = Finding::since(
                        Edition::Fifth,
                        "SP 800-73-5 Part 1, Appendix G",
                        format!(
                            "{}: {} is an element removed in SP 800-73-5",
                            self.layout.object,
                            named()
                        ),
                    );
                    self.findings.push(finding);
                }
                _ => {}
            }
        }
    }
}

/// Writes elements in the order of the calls, with the unknown ones in their places.
pub(super) struct ElementWriter<'a> {
    out: Vec<u8>,
    extras: Vec<&'a Extra>,
}

impl<'a> ElementWriter<'a> {
    pub(super) fn new(extras: &'a [Extra]) -> Self {
        let mut writer = Self {
            out: Vec::new(),
            extras: extras.iter().collect(),
        };
        writer.write_extras(|extra| extra.after.is_none());
        writer
    }

    /// Writes an element.
    pub(super) fn put(&mut self, tag: u8, value: &[u8]) {
        write(&mut self.out, Tag(tag.into()), value);
        self.write_extras(|extra| extra.after == Some(tag));
    }

    /// Writes an element if it is there.
    pub(super) fn put_if(&mut self, tag: u8, value: Option<impl AsRef<[u8]>>) {
        if let Some(value) = value {
            self.put(tag, value.as_ref());
        }
    }

    /// Writes an object as it is.
    pub(super) fn put_raw(&mut self, object: &[u8]) {
        self.out.extend_from_slice(object);
    }

    /// Writes unknown elements whose place is gone, then the error detection code.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.write_extras(|_| true);
        self.out.extend_from_slice(&[ERROR_DETECTION, 0x00]);
        self.out
    }

    fn write_extras(&mut self, here: impl Fn(&Extra) -> bool) {
        let (now, later) = self.extras.drain(..).partition(|extra| here(extra));
        self.extras = later;
        let now: Vec<&Extra> = now;
        for extra in now {
            write(&mut self.out, Tag(extra.tag.into()), &extra.value);
        }
    }
}

/// The bytes of an element with a one-byte tag and the shortest length.
fn written_length(value: usize) -> usize {
    let length_field = match value {
        0..=0x7F => 1,
        0x80..=0xFF => 2,
        0x100..=0xFFFF => 3,
        0x1_0000..=0xFF_FFFF => 4,
        _ => 5,
    };
    1 + length_field + value
}

/// Writes bytes as upper-case hex.
pub(super) fn hexed<S: Serializer>(
    bytes: impl AsRef<[u8]>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode_upper(bytes))
}

/// Writes bytes, if any, as upper-case hex.
pub(super) fn hexed_if<S: Serializer, B: AsRef<[u8]>>(
    bytes: &Option<B>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) => serializer.serialize_some(&hex::encode_upper(bytes)),
        None => serializer.serialize_none(),
    }
}

/// Why nothing of an object could be read.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ObjectError {
    /// Created on the card but never filled (SP 800-73-5 Part 1, 4.1.1).
    #[error("the {object} is empty")]
    Empty {
        /// The object.
        object: &'static str,
    },
    /// Not one element can be read.
    #[error("the {object} cannot be read: {source}")]
    Unreadable {
        /// The object.
        object: &'static str,
        /// What is wrong with the first element.
        source: TlvError,
    },
}

impl Blamed for ObjectError {
    fn blame(&self) -> Blame {
        Blame::CardMisbehaved
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Empty { .. } => "the card was not personalised to the end; issue it again".into(),
            Self::Unreadable { .. } => {
                "write the object again, or set the card aside and keep the transcript".into()
            }
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Parsed, Severity};

    /// Unknown elements in valid places after the given tags.
    pub(crate) fn extras(known: &'static [u8]) -> impl Strategy<Value = Vec<Extra>> {
        let after = proptest::option::of(proptest::sample::select(known));
        // 2x is used by no object of the standard.
        let extra = (
            after,
            0x20_u8..0x30,
            proptest::collection::vec(any::<u8>(), 0..200),
        );
        proptest::collection::vec(extra, 0..3).prop_map(move |extras| {
            let mut extras: Vec<Extra> = extras
                .into_iter()
                .map(|(after, tag, value)| Extra { after, tag, value })
                .collect();
            let place = |after: Option<u8>| known.iter().position(|tag| Some(*tag) == after);
            extras.sort_by_key(|extra| place(extra.after));
            extras
        })
    }

    /// What every object promises about any bytes: no panic, the bytes kept, and bytes nothing is
    /// wrong with written back as they were.
    pub(crate) fn holds_for_any_bytes<T>(
        bytes: &[u8],
        parse: impl Fn(&[u8]) -> Result<Parsed<T>, ObjectError>,
        encode: impl Fn(&T) -> Vec<u8>,
    ) {
        let Ok(parsed) = parse(bytes) else { return };
        assert_eq!(parsed.raw, bytes);
        if parsed
            .findings
            .iter()
            .all(|finding| finding.severity == Severity::Info)
        {
            assert_eq!(encode(&parsed.value), bytes);
        }
    }

    /// Bytes, and well-formed bytes with one byte changed.
    pub(crate) fn damaged(good: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
        let length = good.len();
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300),
            (0..length, any::<u8>()).prop_map(move |(at, to)| {
                let mut bytes = good.clone();
                bytes[at] = to;
                bytes
            }),
        ]
    }

    const LAYOUT: Layout = Layout {
        object: "test object",
        clause: "none",
        elements: &[
            Spec::new(0x01, "first", Size::Fixed(1), Presence::Mandatory),
            Spec::new(0x02, "second", Size::UpTo(2), Presence::Optional),
            Spec::new(0x03, "third", Size::FixedOrEmpty(2), Presence::Removed),
        ],
    };

    fn messages(bytes: &[u8]) -> Vec<String> {
        Elements::read(bytes, &LAYOUT)
            .unwrap()
            .finish()
            .1
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn each_breach_of_the_layout_is_named() {
        let one = |bytes: &[u8]| {
            let messages = messages(bytes);
            assert_eq!(messages.len(), 1, "{messages:?}");
            messages[0].clone()
        };
        assert_eq!(messages(&[1, 1, 0, 0xFE, 0]), [""; 0]);
        assert_eq!(one(&[2, 0, 0xFE, 0]), "test object: first `01` is missing");
        assert_eq!(
            one(&[1, 2, 0, 0, 0xFE, 0]),
            "test object: first `01` of 2 bytes, expected 1"
        );
        assert_eq!(
            one(&[1, 1, 0, 2, 3, 0, 0, 0, 0xFE, 0]),
            "test object: second `02` of 3 bytes, expected at most 2"
        );
        assert_eq!(
            one(&[2, 0, 1, 1, 0, 0xFE, 0]),
            "test object: first `01` is out of order"
        );
        assert_eq!(
            one(&[1, 1, 0, 1, 1, 0, 0xFE, 0]),
            "test object: first `01` is there twice"
        );
        assert_eq!(
            one(&[1, 1, 0, 3, 0, 0xFE, 0]),
            "test object: third `03` is an element removed in SP 800-73-5"
        );
        assert_eq!(one(&[1, 1, 0]), "test object: no error detection code `FE`");
        assert_eq!(
            one(&[1, 0x81, 1, 0, 0xFE, 0]),
            "test object: length of element `01` is not in its shortest form"
        );
        assert_eq!(
            one(&[1, 1, 0, 0x77, 0, 0xFE, 0]),
            "test object: unknown element `77`"
        );
        assert_eq!(
            one(&[1, 1, 0, 0xFE, 0, 0x02]),
            "test object: cannot be read to its end: length cut short at offset 5"
        );
    }

    #[test]
    fn an_object_without_a_single_element_is_an_error() {
        assert_eq!(
            Elements::read(&[], &LAYOUT).err(),
            Some(ObjectError::Empty {
                object: "test object"
            })
        );
        assert!(matches!(
            Elements::read(&[1, 9], &LAYOUT).err(),
            Some(ObjectError::Unreadable { .. })
        ));
    }

    #[test]
    fn unknown_elements_keep_their_places() {
        let bytes = [0x77, 0, 1, 1, 0, 0x78, 1, 9, 0x79, 0, 2, 0, 0xFE, 0];
        let (extras, _) = Elements::read(&bytes, &LAYOUT).unwrap().finish();
        let mut writer = ElementWriter::new(&extras);
        writer.put(1, &[0]);
        writer.put(2, &[]);
        assert_eq!(writer.finish(), bytes);
    }
}
