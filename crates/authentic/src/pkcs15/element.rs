//! Elements of a structure, one after the other, and values made of them.
//!
//! Tags and lengths are read by [`iso7816::ber`], which takes the longer length forms that cards
//! have; what is inside an element is decoded with `der`. All that is written is DER.

use der::asn1::{AnyRef, BitStringRef, OctetStringRef, Utf8StringRef};
use der::{DecodeValue, Encode, FixedTag, Length};
use iso7816::ber::{self, Object, Tag, TlvError};
use thiserror::Error;

pub(super) const BOOLEAN: Tag = Tag(0x01);
pub(super) const INTEGER: Tag = Tag(0x02);
pub(super) const BIT_STRING: Tag = Tag(0x03);
pub(super) const OCTET_STRING: Tag = Tag(0x04);
pub(super) const OBJECT_IDENTIFIER: Tag = Tag(0x06);
pub(super) const ENUMERATED: Tag = Tag(0x0A);
pub(super) const UTF8_STRING: Tag = Tag(0x0C);
pub(super) const GENERALIZED_TIME: Tag = Tag(0x18);
pub(super) const SEQUENCE: Tag = Tag(0x30);

/// A context-specific tag, of a value that is made of elements.
pub(super) const fn constructed(number: u8) -> Tag {
    Tag(0xA0 | number as u32)
}

/// A context-specific tag, of a value without elements.
pub(super) const fn primitive(number: u8) -> Tag {
    Tag(0x80 | number as u32)
}

/// Most elements read of one structure; those of PKCS#15 have at most a dozen.
const MOST_ELEMENTS: usize = 64;

/// Why a record is not what its directory holds.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum RecordError {
    /// Tags and lengths do not nest.
    #[error(transparent)]
    Tlv(#[from] TlvError),
    /// An element that must be there is not.
    #[error("no {what}")]
    Missing {
        /// The element's name in the standard.
        what: &'static str,
    },
    /// An element does not hold what it must.
    #[error("{what} cannot be read: {why}")]
    Value {
        /// The element's name in the standard.
        what: &'static str,
        /// Why not.
        why: String,
    },
    /// A structure of more elements than any has.
    #[error("more than {MOST_ELEMENTS} elements in one structure")]
    TooMany,
    /// A record with a tag this directory knows nothing of.
    #[error("a record with the unknown tag {tag}")]
    UnknownTag {
        /// The tag.
        tag: Tag,
    },
}

impl RecordError {
    pub(super) fn value(what: &'static str, why: impl ToString) -> Self {
        let why = why.to_string();
        Self::Value { what, why }
    }
}

/// The elements of a structure, taken in order.
pub(super) struct Elements<'a> {
    list: std::vec::IntoIter<Object<'a>>,
}

impl<'a> Elements<'a> {
    pub(super) fn of(value: &'a [u8]) -> Result<Self, RecordError> {
        let list: Vec<_> = ber::Reader::new(value)
            .take(MOST_ELEMENTS + 1)
            .collect::<Result<_, _>>()?;
        if list.len() > MOST_ELEMENTS {
            return Err(RecordError::TooMany);
        }
        Ok(Self {
            list: list.into_iter(),
        })
    }

    /// The next element, if it has this tag.
    pub(super) fn optional(&mut self, tag: Tag) -> Option<&'a [u8]> {
        let next = self.list.as_slice().first()?;
        (next.tag == tag).then(|| self.list.next().expect("looked at").value)
    }

    /// The next element as it stands, if it has this tag.
    pub(super) fn optional_raw(&mut self, tag: Tag) -> Option<&'a [u8]> {
        let next = self.list.as_slice().first()?;
        (next.tag == tag).then(|| self.list.next().expect("looked at").raw)
    }

    pub(super) fn required(
        &mut self,
        tag: Tag,
        what: &'static str,
    ) -> Result<&'a [u8], RecordError> {
        self.optional(tag).ok_or(RecordError::Missing { what })
    }

    /// The next element, whichever it is.
    pub(super) fn next(&mut self) -> Option<Object<'a>> {
        self.list.next()
    }

    /// What was not taken, as it stands.
    pub(super) fn rest(self) -> Vec<Vec<u8>> {
        self.list.map(|object| object.raw.to_vec()).collect()
    }
}

fn decode<'a, T: DecodeValue<'a, Error = der::Error> + FixedTag + 'a>(
    value: &'a [u8],
    what: &'static str,
) -> Result<T, RecordError> {
    AnyRef::new(T::TAG, value)
        .and_then(AnyRef::decode_as)
        .map_err(|error| RecordError::value(what, error))
}

/// A number that fits 32 bits. Some writers made reference 81 the number -127.
pub(super) fn integer(value: &[u8], what: &'static str) -> Result<u32, RecordError> {
    match decode::<i64>(value, what)? {
        number @ -128..=-1 => Ok((number + 256) as u32),
        number => u32::try_from(number)
            .map_err(|_| RecordError::value(what, format!("{number} is out of range"))),
    }
}

pub(super) fn boolean(value: &[u8], what: &'static str) -> Result<bool, RecordError> {
    // Any byte but 00 is true in BER.
    match value {
        [byte] => Ok(*byte != 0),
        _ => Err(RecordError::value(
            what,
            format!("a boolean of {} bytes", value.len()),
        )),
    }
}

/// The named bits as a number: bit n of the standard is worth 2^n. Bits above 31 are dropped.
pub(super) fn bits(value: &[u8], what: &'static str) -> Result<u32, RecordError> {
    let bits: BitStringRef<'_> = decode(value, what)?;
    Ok(bits
        .bits()
        .take(32)
        .enumerate()
        .fold(0, |flags, (n, set)| flags | u32::from(set) << n))
}

pub(super) fn octets(value: &[u8], what: &'static str) -> Result<Vec<u8>, RecordError> {
    let octets: &OctetStringRef = decode(value, what)?;
    Ok(octets.as_bytes().to_vec())
}

/// Text; bytes that are no UTF-8 are replaced.
pub(super) fn text(value: &[u8]) -> String {
    match decode::<Utf8StringRef<'_>>(value, "text") {
        Ok(text) => text.as_str().to_owned(),
        Err(_) => String::from_utf8_lossy(value).into_owned(),
    }
}

/// Writes DER.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn integer(&mut self, number: u32) {
        self.der(&number);
    }

    pub(super) fn boolean(&mut self, value: bool) {
        self.der(&value);
    }

    pub(super) fn octets(&mut self, bytes: &[u8]) {
        ber::write(&mut self.0, OCTET_STRING, bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        ber::write(&mut self.0, UTF8_STRING, text.as_bytes());
    }

    /// A BIT STRING of named bits, without zeros at its end (X.690, 11.2.2).
    pub(super) fn bits(&mut self, flags: u32) {
        let used = 32 - flags.leading_zeros();
        let bytes: Vec<u8> = flags
            .to_le_bytes()
            .into_iter()
            .take(used.div_ceil(8) as usize)
            .map(u8::reverse_bits)
            .collect();
        let unused = (8 - used % 8) % 8;
        let bits = BitStringRef::new(unused as u8, &bytes).expect("at most 4 bytes, 7 unused bits");
        self.der(&bits);
    }

    /// A number under a tag of its own.
    pub(super) fn tagged_integer(&mut self, tag: Tag, number: u32) {
        let mut value = Vec::new();
        der::EncodeValue::encode_value(&number, &mut value).expect("a vector takes all");
        self.element(tag, &value);
    }

    pub(super) fn element(&mut self, tag: Tag, value: &[u8]) {
        ber::write(&mut self.0, tag, value);
    }

    /// An element made of what `fill` writes.
    pub(super) fn nested(&mut self, tag: Tag, fill: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        fill(&mut inner);
        self.element(tag, &inner.0);
    }

    /// Elements as they stand.
    pub(super) fn raw<T: AsRef<[u8]>>(&mut self, elements: &[T]) {
        for element in elements {
            self.0.extend_from_slice(element.as_ref());
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    fn der(&mut self, value: &impl Encode) {
        value
            .encode_to_vec(&mut self.0)
            .map(|_: Length| ())
            .expect("a vector takes all");
    }
}
