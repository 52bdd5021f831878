//! IPP messages (RFC 8010, RFC 8011): requests as bytes, and replies as typed attributes.

use std::io::Cursor;

use ipp::parser::IppParser;
use ipp::prelude::{
    DelimiterTag, IppAttribute, IppAttributeGroup, IppHeader, IppRequestResponse, IppValue,
    IppVersion, Operation, StatusCode,
};
use ipp::reader::IppReader;
use thiserror::Error;

/// The longest reply that is read. A CUPS queue with a large driver answers about 60 kB.
pub(super) const MAX_REPLY: usize = 1 << 20;
/// How deep collections may lie in each other; the standards need three.
const MAX_DEPTH: usize = 8;
/// Bytes in front of the first attribute: version, status, number of the request.
const HEADER: usize = 8;

/// A request under construction. Every text that goes in is short and of plain characters: from a
/// checked profile, a checked address or a reply.
pub(super) struct Request(IppRequestResponse);

impl Request {
    /// A request to the queue at `uri`, in the name of `user`.
    pub(super) fn new(operation: Operation, uri: &str, user: &str) -> Self {
        // IPP 1.1 is what every queue speaks; nothing here needs more.
        let request = IppRequestResponse::new(IppVersion::v1_1(), operation, None);
        let mut request = Self(request.expect("without an address nothing can be too long"));
        request.operation("printer-uri", uri_value(uri));
        if operation != Operation::GetPrinterAttributes {
            request.operation("requesting-user-name", name(user));
        }
        request
    }

    /// A request about one job.
    pub(super) fn about_job(operation: Operation, uri: &str, user: &str, job: i32) -> Self {
        let request = IppRequestResponse::new(IppVersion::v1_1(), operation, None);
        let mut request = Self(request.expect("without an address nothing can be too long"));
        request.operation("printer-uri", uri_value(uri));
        request.operation("job-id", IppValue::Integer(job));
        request.operation("requesting-user-name", name(user));
        request
    }

    /// Adds an operation attribute.
    pub(super) fn operation(&mut self, attribute: &str, value: IppValue) {
        self.add(DelimiterTag::OperationAttributes, attribute, value);
    }

    /// Adds a job attribute.
    pub(super) fn job(&mut self, attribute: &str, value: IppValue) {
        self.add(DelimiterTag::JobAttributes, attribute, value);
    }

    /// The bytes, to be followed by the document if there is one.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes().to_vec()
    }

    fn add(&mut self, group: DelimiterTag, attribute: &str, value: IppValue) {
        let attribute = IppAttribute::with_name(attribute, value);
        let attribute = attribute.expect("the names of attributes here are short");
        self.0.attributes_mut().add(group, attribute);
    }
}

/// Values of the syntaxes used here. A text longer than its syntax allows is cut.
pub(super) fn name(text: &str) -> IppValue {
    IppValue::NameWithoutLanguage(cut(text))
}

pub(super) fn keyword(text: &str) -> IppValue {
    IppValue::Keyword(cut(text))
}

pub(super) fn keywords(texts: &[&str]) -> IppValue {
    IppValue::Array(texts.iter().map(|text| keyword(text)).collect())
}

pub(super) fn mime(text: &str) -> IppValue {
    IppValue::MimeMediaType(cut(text))
}

fn uri_value(text: &str) -> IppValue {
    IppValue::Uri(cut(text))
}

fn cut<const MAX: usize>(text: &str) -> ipp::value::BoundedString<MAX> {
    let mut end = text.len().min(MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    ipp::value::BoundedString::new_truncated(&text[..end])
}

/// A reply, taken apart.
#[derive(Debug)]
pub(super) struct Reply {
    status: i16,
    groups: Vec<IppAttributeGroup>,
}

impl Reply {
    /// Takes a reply apart.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ReplyError> {
        if bytes.len() > MAX_REPLY {
            return Err(ReplyError::TooLong {
                actual: bytes.len(),
            });
        }
        let end = measure(bytes)?;
        let message = Cursor::new(bytes[..end].to_vec());
        let message = IppParser::new(IppReader::new(message)).parse();
        let message = message.map_err(|error| ReplyError::Attributes {
            detail: error.to_string(),
        })?;
        Ok(Self {
            status: message.header().operation_or_status,
            groups: message.attributes().groups().to_vec(),
        })
    }

    /// The reply, if the queue did what it was asked.
    pub(super) fn successful(self) -> Result<Self, ReplyError> {
        // RFC 8011 appendix B: 0000 to 00FF are successes.
        if (0..=0x00FF).contains(&self.status) {
            return Ok(self);
        }
        let code = self.status.cast_unsigned();
        let words = match code_name(self.status) {
            Some(words) => words,
            None => format!("status {code:04X}"),
        };
        let said = self.first(DelimiterTag::OperationAttributes);
        Err(ReplyError::Refused {
            code,
            words,
            message: said.text("status-message"),
        })
    }

    /// The first group of this kind; an empty one where there is none.
    pub(super) fn first(&self, tag: DelimiterTag) -> Attributes<'_> {
        Attributes(self.groups.iter().find(|group| group.tag() == tag))
    }

    /// All groups of this kind.
    pub(super) fn all(&self, tag: DelimiterTag) -> impl Iterator<Item = Attributes<'_>> {
        let of_kind = move |group: &&IppAttributeGroup| group.tag() == tag;
        self.groups
            .iter()
            .filter(of_kind)
            .map(|group| Attributes(Some(group)))
    }
}

/// The name of a status in RFC 8011, in words.
fn code_name(status: i16) -> Option<String> {
    let status = IppHeader::new(IppVersion::v1_1(), status, 0).status_code();
    (status != StatusCode::UnknownStatusCode).then(|| status.to_string().to_lowercase())
}

/// Attributes by their name. What has another syntax than asked for counts as not there: queues
/// differ in what they say, and nothing follows from what they do not.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a>(Option<&'a IppAttributeGroup>);

impl<'a> Attributes<'a> {
    /// The values of an attribute, one or many.
    fn values(self, name: &str) -> &'a [IppValue] {
        match self
            .0
            .and_then(|group| group.get(name))
            .map(IppAttribute::value)
        {
            Some(IppValue::Array(values)) => values,
            Some(value) => std::slice::from_ref(value),
            None => &[],
        }
    }

    pub(super) fn has(self, name: &str) -> bool {
        !self.values(name).is_empty()
    }

    /// A number, or the number of an enumeration.
    pub(super) fn integer(self, name: &str) -> Option<i32> {
        self.integers(name).first().copied()
    }

    pub(super) fn integers(self, name: &str) -> Vec<i32> {
        let number = |value: &IppValue| match value {
            IppValue::Integer(number) | IppValue::Enum(number) => Some(*number),
            _ => None,
        };
        self.values(name).iter().filter_map(number).collect()
    }

    pub(super) fn boolean(self, name: &str) -> Option<bool> {
        match self.values(name) {
            [IppValue::Boolean(value)] => Some(*value),
            _ => None,
        }
    }

    /// A text of whatever syntax; `None` for an empty one.
    pub(super) fn text(self, name: &str) -> Option<String> {
        let first = self.texts(name).into_iter().next();
        first.filter(|text| !text.is_empty())
    }

    pub(super) fn texts(self, name: &str) -> Vec<String> {
        self.values(name).iter().filter_map(text).collect()
    }

    /// Resolutions in dots an inch.
    pub(super) fn resolutions(self, name: &str) -> Vec<[i32; 2]> {
        let resolution = |value: &IppValue| match value {
            // 3 is dots an inch, 4 dots a centimetre (RFC 8011 section 5.1.16).
            IppValue::Resolution {
                cross_feed,
                feed,
                units: 3,
            } => Some([*cross_feed, *feed]),
            _ => None,
        };
        self.values(name).iter().filter_map(resolution).collect()
    }
}

fn text(value: &IppValue) -> Option<String> {
    let text = match value {
        IppValue::Keyword(text) => text.as_str(),
        IppValue::NameWithoutLanguage(text) => text.as_str(),
        IppValue::NameWithLanguage { name, .. } => name.as_str(),
        IppValue::TextWithoutLanguage(text) | IppValue::TextWithLanguage { text, .. } => {
            text.as_ref()
        }
        IppValue::MimeMediaType(text) => text.as_str(),
        IppValue::Uri(text) => text.as_str(),
        _ => return None,
    };
    Some(text.to_owned())
}

/// Walks over the attributes without taking them apart, and says where they end. The parser behind
/// this follows collections as deep as they go.
fn measure(bytes: &[u8]) -> Result<usize, ReplyError> {
    let mut at = HEADER;
    let mut depth = 0_usize;
    let truncated = ReplyError::Truncated {
        offset: bytes.len(),
    };
    loop {
        let tag = *bytes.get(at).ok_or(truncated.clone())?;
        let start = at;
        at += 1;
        match tag {
            // A new group, or the end of all.
            0x03 => return Ok(at),
            0x00..=0x0F => continue,
            0x34 => depth += 1,
            0x37 => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(ReplyError::TooDeep { offset: start });
        }
        // Name and value, each behind its length.
        for _ in 0..2 {
            let length = bytes.get(at..at + 2).ok_or(truncated.clone())?;
            at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
        }
    }
}

/// Why a reply says nothing, or says no.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ReplyError {
    /// The bytes end before the attributes do.
    #[error("the IPP reply ends at offset {offset}, inside its attributes")]
    Truncated {
        /// Where it ends.
        offset: usize,
    },
    /// Longer than any reply.
    #[error("the IPP reply has {actual} bytes, at most {MAX_REPLY} are read")]
    TooLong {
        /// How long it is.
        actual: usize,
    },
    /// Collections in collections without end.
    #[error("the IPP reply has collections more than {MAX_DEPTH} deep at offset {offset}")]
    TooDeep {
        /// Where the first too deep one starts.
        offset: usize,
    },
    /// An attribute that cannot be read.
    #[error("an attribute of the IPP reply cannot be read: {detail}")]
    Attributes {
        /// Why.
        detail: String,
    },
    /// An attribute without which the reply says nothing.
    #[error("the IPP reply has no `{attribute}`")]
    Missing {
        /// Its name.
        attribute: &'static str,
    },
    /// The queue has refused the request.
    #[error("the queue answered `{words}` ({code:04X}){}", said(.message.as_deref()))]
    Refused {
        /// The status (RFC 8011 appendix B).
        code: u16,
        /// The status in words.
        words: String,
        /// What else the queue said.
        message: Option<String>,
    },
}

fn said(message: Option<&str>) -> String {
    message.map_or_else(String::new, |message| format!(": {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_starts_with_the_attributes_the_standard_wants_first() {
        let request = Request::about_job(Operation::CancelJob, "ipp://q/a", "me", 7);
        let bytes = request.to_bytes();
        assert_eq!(&bytes[..9], [1, 1, 0, 8, 0, 0, 0, 1, 1]);
        let place = |text: &str| {
            let found = bytes
                .windows(text.len())
                .position(|window| window == text.as_bytes());
            found.unwrap_or_else(|| panic!("{text}"))
        };
        let order = [
            "attributes-charset",
            "attributes-natural-language",
            "printer-uri",
            "job-id",
            "requesting-user-name",
        ]
        .map(place);
        assert!(order.is_sorted(), "{order:?}");
        assert_eq!(bytes.last(), Some(&3));
    }

    #[test]
    fn a_refusal_is_told_with_the_words_of_the_queue() {
        let mut bytes = vec![1, 1, 0x04, 0x0B, 0, 0, 0, 1, 1];
        bytes.extend(b"\x41\0\x0estatus-message\0\x0ano `media`");
        bytes.push(3);
        let error = Reply::parse(&bytes).unwrap().successful().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the queue answered `attributes or values not supported` (040B): no `media`"
        );
    }

    #[test]
    fn collections_without_end_are_refused_before_they_are_followed() {
        let mut bytes = vec![1, 1, 0, 0, 0, 0, 0, 1, 4];
        bytes.extend([0x34, 0, 1, b'a', 0, 0]);
        for _ in 0..50_000 {
            bytes.extend([0x4A, 0, 0, 0, 1, b'm', 0x34, 0, 0, 0, 0]);
        }
        for _ in 0..50_000 {
            bytes.extend([0x37, 0, 0, 0, 0]);
        }
        bytes.push(3);
        bytes.truncate(MAX_REPLY);
        assert!(matches!(
            Reply::parse(&bytes).unwrap_err(),
            ReplyError::TooDeep { .. }
        ));
    }
}
