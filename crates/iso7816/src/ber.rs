//! BER-TLV data objects (ISO/IEC 7816-4, 5.2.2; ISO/IEC 8825-1).
//!
//! Tags are checked and classified by `iso7816-tlv`. Its object parser is not used: it descends
//! into every tag whose constructed bit is set, to any depth, while half of the tags inside PIV
//! objects have that bit set on primitive values; and it reports no offsets. [`Reader`] therefore
//! reads one header at a time and leaves the value alone.

use std::fmt;

use thiserror::Error;

/// A tag of one to three bytes, held as the number its bytes spell (`0x7F49`, `0x5FC102`).
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Tag(pub u32);

impl Tag {
    /// The bytes on the wire.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let bytes = self.0.to_be_bytes();
        let first = bytes.iter().position(|&byte| byte != 0).unwrap_or(3);
        bytes[first..].to_vec()
    }

    /// Whether bit 6 of the first byte says that the value is made of further objects.
    #[must_use]
    pub fn is_constructed(self) -> bool {
        iso7816_tlv::ber::Tag::try_from(self.0).is_ok_and(|tag| tag.is_constructed())
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_upper(self.to_bytes()))
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
    }
}

/// One object: where it starts, its tag and its value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Object<'a> {
    /// Offset of the tag in the input of the reader.
    pub offset: usize,
    /// The tag.
    pub tag: Tag,
    /// The value, not descended into.
    pub value: &'a [u8],
    /// Tag, length and value as they stood.
    pub raw: &'a [u8],
}

impl<'a> Object<'a> {
    /// Reads the value as a sequence of BER-TLV objects.
    #[must_use]
    pub fn children(&self) -> Reader<'a> {
        Reader::new(self.value)
    }
}

/// Reads one object after the other; ends after the first error.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    input: &'a [u8],
    offset: usize,
    tags: TagForm,
    failed: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum TagForm {
    Ber,
    SingleByte,
}

impl<'a> Reader<'a> {
    /// Reads BER tags.
    #[must_use]
    pub fn new(input: &'a [u8]) -> Self {
        Self {
            input,
            offset: 0,
            tags: TagForm::Ber,
            failed: false,
        }
    }

    /// Reads every tag as one byte, whatever its bits say: the form used inside PIV data objects
    /// (SP 800-73-5 Part 1, Appendix A).
    #[must_use]
    pub fn single_byte_tags(input: &'a [u8]) -> Self {
        Self {
            tags: TagForm::SingleByte,
            ..Self::new(input)
        }
    }

    /// The bytes not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        &self.input[self.offset..]
    }

    /// Where the next object starts.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    fn read(&mut self) -> Result<Object<'a>, TlvError> {
        let start = self.offset;
        let input = self.rest();
        let fail = |kind| TlvError {
            offset: start,
            kind,
        };
        let tag_length = match self.tags {
            TagForm::SingleByte => 1,
            TagForm::Ber => tag_length(input).map_err(fail)?,
        };
        let tag = input[..tag_length]
            .iter()
            .fold(0, |tag, &byte| tag << 8 | u32::from(byte));
        let (length, length_length) = read_length(&input[tag_length..]).map_err(fail)?;
        let value_start = tag_length + length_length;
        let available = input.len() - value_start;
        if length > available {
            return Err(fail(TlvErrorKind::ValueCut { length, available }));
        }
        let raw = &input[..value_start + length];
        self.offset += raw.len();
        Ok(Object {
            offset: start,
            tag: Tag(tag),
            value: &raw[value_start..],
            raw,
        })
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Object<'a>, TlvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.rest().is_empty() {
            return None;
        }
        let object = self.read();
        self.failed = object.is_err();
        Some(object)
    }
}

/// Reads exactly one object that fills the whole input.
///
/// # Errors
///
/// [`TlvError`] for malformed, missing or trailing bytes.
pub fn read_one(input: &[u8]) -> Result<Object<'_>, TlvError> {
    let mut reader = Reader::new(input);
    let object = reader.next().unwrap_or(Err(TlvError {
        offset: 0,
        kind: TlvErrorKind::Empty,
    }))?;
    match reader.rest() {
        [] => Ok(object),
        rest => Err(TlvError {
            offset: reader.offset(),
            kind: TlvErrorKind::Trailing { length: rest.len() },
        }),
    }
}

/// Reads exactly one object with the given tag that fills the whole input.
///
/// # Errors
///
/// [`TlvError`], also when the tag is another one.
pub fn expect(tag: Tag, input: &[u8]) -> Result<&[u8], TlvError> {
    let object = read_one(input)?;
    if object.tag != tag {
        return Err(TlvError {
            offset: 0,
            kind: TlvErrorKind::UnexpectedTag {
                expected: tag,
                actual: object.tag,
            },
        });
    }
    Ok(object.value)
}

/// Finds the first object with the given tag among objects laid end to end.
///
/// # Errors
///
/// [`TlvError`] when an object before it is malformed.
pub fn find(tag: Tag, input: &[u8]) -> Result<Option<&[u8]>, TlvError> {
    for object in Reader::new(input) {
        let object = object?;
        if object.tag == tag {
            return Ok(Some(object.value));
        }
    }
    Ok(None)
}

/// Appends tag, shortest length and value.
pub fn write(out: &mut Vec<u8>, tag: Tag, value: &[u8]) {
    out.extend_from_slice(&tag.to_bytes());
    write_length(out, value.len());
    out.extend_from_slice(value);
}

/// Tag, shortest length and value.
#[must_use]
pub fn object(tag: Tag, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + 8);
    write(&mut out, tag, value);
    out
}

fn write_length(out: &mut Vec<u8>, length: usize) {
    let bytes = length.to_be_bytes();
    let significant = &bytes[bytes
        .iter()
        .position(|&b| b != 0)
        .unwrap_or(bytes.len() - 1)..];
    if length > 0x7F {
        out.push(0x80 | significant.len() as u8);
    }
    out.extend_from_slice(significant);
}

pub(crate) fn tag_length(input: &[u8]) -> Result<usize, TlvErrorKind> {
    let &first = input.first().ok_or(TlvErrorKind::Empty)?;
    if first & 0x1F != 0x1F {
        return Ok(1);
    }
    match input.get(1..).unwrap_or_default() {
        [] => Err(TlvErrorKind::TagCut),
        [second, ..] if second & 0x80 == 0 => Ok(2),
        [_] => Err(TlvErrorKind::TagCut),
        [_, third, ..] if third & 0x80 == 0 => Ok(3),
        _ => Err(TlvErrorKind::TagTooLong),
    }
}

/// The length and how many bytes it took.
fn read_length(input: &[u8]) -> Result<(usize, usize), TlvErrorKind> {
    let &first = input.first().ok_or(TlvErrorKind::LengthCut)?;
    let count = match first {
        0..=0x7F => return Ok((usize::from(first), 1)),
        0x81..=0x84 => usize::from(first & 0x7F),
        _ => return Err(TlvErrorKind::LengthForm { first }),
    };
    let bytes = input.get(1..=count).ok_or(TlvErrorKind::LengthCut)?;
    let length = bytes
        .iter()
        .fold(0_usize, |length, &byte| length << 8 | usize::from(byte));
    Ok((length, count + 1))
}

/// Why bytes are no BER-TLV object, and where.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{kind} at offset {offset}")]
pub struct TlvError {
    /// Offset of the object in the input.
    pub offset: usize,
    /// What is wrong with it.
    pub kind: TlvErrorKind,
}

/// What is wrong with a BER-TLV object.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum TlvErrorKind {
    /// No bytes where an object should be.
    #[error("no object")]
    Empty,
    /// The input ends inside the tag.
    #[error("tag cut short")]
    TagCut,
    /// More than three tag bytes.
    #[error("tag longer than 3 bytes")]
    TagTooLong,
    /// The input ends inside the length.
    #[error("length cut short")]
    LengthCut,
    /// Indefinite, reserved or longer than four bytes.
    #[error("length form {first:02X} not allowed")]
    LengthForm {
        /// The first length byte.
        first: u8,
    },
    /// The input ends inside the value.
    #[error("value of {length} bytes cut short after {available}")]
    ValueCut {
        /// The length given.
        length: usize,
        /// The bytes there are.
        available: usize,
    },
    /// Bytes after the object.
    #[error("{length} bytes after the object")]
    Trailing {
        /// How many.
        length: usize,
    },
    /// Another object than the one asked for.
    #[error("object {actual} where {expected} was expected")]
    UnexpectedTag {
        /// The tag asked for.
        expected: Tag,
        /// The tag found.
        actual: Tag,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_are_written_in_their_shortest_form() {
        let header = |length| object(Tag(0x53), &vec![0; length])[..4.min(length + 2)].to_vec();
        assert_eq!(header(0), [0x53, 0x00]);
        assert_eq!(header(0x7F)[..2], [0x53, 0x7F]);
        assert_eq!(header(0x80)[..3], [0x53, 0x81, 0x80]);
        assert_eq!(header(0x100), [0x53, 0x82, 0x01, 0x00]);
    }

    #[test]
    fn a_value_longer_than_the_input_is_reported_with_its_offset() {
        let mut reader = Reader::new(&[0x80, 0x01, 0xAA, 0x81, 0x05, 0x00]);
        assert_eq!(reader.next().unwrap().unwrap().value, [0xAA]);
        assert_eq!(
            reader.next().unwrap().unwrap_err(),
            TlvError {
                offset: 3,
                kind: TlvErrorKind::ValueCut {
                    length: 5,
                    available: 1
                }
            }
        );
        assert!(reader.next().is_none());
    }

    #[test]
    fn single_byte_tags_do_not_swallow_the_length() {
        // 3F would start a two-byte BER tag.
        let object = Reader::single_byte_tags(&[0x3F, 0x01, 0x55])
            .next()
            .unwrap()
            .unwrap();
        assert_eq!((object.tag, object.value), (Tag(0x3F), &[0x55][..]));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            tag in prop_oneof![Just(0x53_u32), Just(0x7F49), Just(0x5FC102), Just(0x80)],
            value in proptest::collection::vec(any::<u8>(), 0..70_000),
        ) {
            let bytes = object(Tag(tag), &value);
            let read = read_one(&bytes).unwrap();
            prop_assert_eq!((read.tag, read.value), (Tag(tag), &value[..]));
        }

        #[test]
        fn any_bytes_end_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Reader::new(&bytes).count() <= bytes.len());
            prop_assert!(Reader::single_byte_tags(&bytes).count() <= bytes.len());
        }
    }
}
