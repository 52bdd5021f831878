//! Asking for one of the printer's values.
//!
//! One public program asks printers of this vendor so (Kjszywala/WorkHelp, `ReadWrite.cs`, port
//! 9100). Which models answer, and with what exactly, it does not say: it takes the text between
//! the next `>` and `<` behind the name.

use ground::{Blame, Blamed};
use thiserror::Error;

use super::job::checksum;

/// The longest answer that is read.
const MAX_REPLY: usize = 16 * 1024;
/// Ends an answer.
const END: &[u8] = b"</prn>";

/// A question for one value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Query {
    name: String,
}

impl Query {
    /// For the value of that name, such as `id_printer_serial`; `None` if it is not made of
    /// letters, digits, `-`, `_` and `.` alone or longer than 64 bytes.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (!name.is_empty() && name.len() <= 64 && name.bytes().all(plain)).then(|| Self {
            name: name.to_owned(),
        })
    }

    /// The name of the value.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes for the printer.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><prn><binary-size>0</binary-size>\
             <get><param id=\"{}\"/></get></prn>\0",
            self.name
        )
        .into_bytes();
        let checksum = checksum(&out);
        out.extend_from_slice(&checksum);
        out
    }
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// The value, as text.
    pub value: String,
}

impl Reply {
    /// Whether an answer has come to its end.
    #[must_use]
    pub fn is_whole(received: &[u8]) -> bool {
        received.windows(END.len()).any(|window| window == END)
    }

    /// Takes the value of that name out of an answer.
    ///
    /// # Errors
    ///
    /// [`ReplyError`].
    pub fn parse(received: &[u8], query: &Query) -> Result<Self, ReplyError> {
        if received.len() > MAX_REPLY {
            return Err(ReplyError::TooLong);
        }
        let text = received.split(|byte| *byte == 0).next().unwrap_or_default();
        let text = std::str::from_utf8(text).map_err(|_| ReplyError::NoText)?;
        let missing = || ReplyError::NoValue {
            name: query.name.clone(),
        };
        let mut rest = text;
        // A name can be the beginning of a longer one.
        let after = loop {
            let at = rest.find(&query.name).ok_or_else(missing)?;
            rest = &rest[at + query.name.len()..];
            if rest.starts_with(['"', '\'', '>', ' ']) {
                break rest;
            }
        };
        let (tag, value) = after.split_once('>').ok_or_else(missing)?;
        // An element without content has no value.
        let (value, _) = value.split_once('<').ok_or_else(missing)?;
        if tag.ends_with('/') {
            return Err(missing());
        }
        Ok(Self {
            value: value.trim().to_owned(),
        })
    }
}

/// Why bytes are no answer.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ReplyError {
    /// Longer than any answer.
    #[error("the answer is longer than {MAX_REPLY} bytes")]
    TooLong,
    /// No text.
    #[error("the answer is no UTF-8 text")]
    NoText,
    /// The value is not in it.
    #[error("the answer has no value of `{name}`")]
    NoValue {
        /// Which.
        name: String,
    },
}

impl Blamed for ReplyError {
    fn blame(&self) -> Blame {
        Blame::PrinterFault
    }

    fn hint(&self) -> Option<String> {
        Some("switch the status queries off in the profile".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_question_is_text_a_zero_byte_and_a_checksum() {
        let bytes = Query::new("error_code").unwrap().to_bytes();
        let (text, sum) = bytes.split_at(bytes.len() - 4);
        assert!(text.ends_with(b"<get><param id=\"error_code\"/></get></prn>\0"));
        assert_eq!(sum, checksum(text));
        for bad in ["", "a b", "a\"b", "<a>", &"x".repeat(65)] {
            assert_eq!(Query::new(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_value_is_found_by_its_whole_name() {
        let query = Query::new("dye").unwrap();
        let reply = b"<prn>\n\t<param id=\"dye_total\">9</param>\n\t<param id=\"dye\"> 41 </param>\n</prn>\0";
        assert!(Reply::is_whole(reply));
        assert_eq!(Reply::parse(reply, &query).unwrap().value, "41");
        assert_eq!(
            Reply::parse(b"<prn><dye>7</dye></prn>", &query)
                .unwrap()
                .value,
            "7"
        );
        for bad in [
            &b"<param id=\"dye\"/><a>"[..],
            b"",
            b"dye",
            b"dye>",
            b"dyes>1<",
        ] {
            assert!(Reply::parse(bad, &query).is_err());
        }
        assert_eq!(Reply::parse(&[0xFF], &query), Err(ReplyError::NoText));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..200), name in "[a-z_]{1,8}"
        ) {
            let query = Query::new(&name).unwrap();
            let _ = Reply::parse(&bytes, &query);
            let wrapped = [b"<", name.as_bytes(), b">", &bytes].concat();
            let _ = Reply::parse(&wrapped, &query);
        }
    }
}
