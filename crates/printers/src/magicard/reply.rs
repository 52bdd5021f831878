//! What the printer answers: the status reply (`REQ,INF`) and the error reply (`REQ,ERR`).

use std::fmt;

use ground::{Blame, Blamed};
use thiserror::Error;

use super::words::{ETX, INF_START, REPLY_START, SOH};

/// The longest reply that is read.
pub const MAX_REPLY: usize = 4 * 1024;

/// A reply to `REQ,INF`, all fields in their order. A field the printer leaves empty or out is
/// `None`; a number that is no number makes the whole reply an error.
///
/// Fields 2, 6 and 16 are verified (they change the job of the vendor's driver); the others were
/// read in public sources.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Inf {
    /// 0: what is built in, see [`Features`].
    pub features: Option<u32>,
    /// 1: model name.
    pub model: Option<String>,
    /// 2: head type; 0 `KGE2`, 1 `KEE1`, 2 `KEE4`.
    pub head_type: Option<u32>,
    /// 3: serial number of the printer.
    pub printer_serial: Option<String>,
    /// 4: serial number of the head.
    pub head_serial: Option<String>,
    /// 5: serial number of the board.
    pub board_serial: Option<String>,
    /// 6: firmware version.
    pub firmware: Option<String>,
    /// 7: board version.
    pub board_version: Option<String>,
    /// 8: hand feed.
    pub hand_feed: Option<u32>,
    /// 9: cards printed in all.
    pub cards_printed: Option<u32>,
    /// 10: cards printed with this head.
    pub cards_on_head: Option<u32>,
    /// 11: dye panels used.
    pub dye_panels: Option<u32>,
    /// 12: cleanings.
    pub cleanings: Option<u32>,
    /// 13: panels since the last cleaning.
    pub panels_since_cleaning: Option<u32>,
    /// 14: cards since the last cleaning.
    pub cards_since_cleaning: Option<u32>,
    /// 15: cards between cleanings.
    pub cards_between_cleanings: Option<u32>,
    /// 16: position of the head; 0 counts as 50.
    pub head_position: Option<u32>,
    /// 17: start of the picture.
    pub image_start: Option<u32>,
    /// 18: end of the picture.
    pub image_end: Option<u32>,
    /// 19 and 20: major and minor error.
    pub error: Option<Code>,
    /// 21: number of the tag on the film.
    pub film_tag: Option<String>,
    /// 22: sides the film had when new.
    pub film_shots: Option<u32>,
    /// 23: sides used.
    pub film_used: Option<u32>,
    /// 24: name of the film, such as `LC1/D`.
    pub film_name: Option<String>,
    /// 25: length of the colour panels; 0 means none.
    pub colour_panel: Option<u32>,
    /// 26: length of the resin panel.
    pub resin_panel: Option<u32>,
    /// 27: length of the overcoat panel.
    pub overcoat_panel: Option<u32>,
    /// 28: flags of the film.
    pub film_flags: Option<u32>,
    /// 29: command code.
    pub command_code: Option<u32>,
    /// 30: called "DOB" in a public source; perhaps the date of the film.
    pub film_date: Option<String>,
    /// 31: maker of the film.
    pub film_maker: Option<String>,
    /// 32: programmer of the film's tag.
    pub film_programmer: Option<String>,
    /// 33: called "SEM" in a public source; meaning unknown.
    pub sem: Option<String>,
    /// 34 and everything after it.
    pub rest: Vec<String>,
}

/// Field 0 of the status reply. Magnetic and duplex were read in a public source, chip is
/// inferred.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Features(pub u32);

impl Features {
    /// Has a magnetic encoder.
    #[must_use]
    pub const fn magnetic(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// Prints both sides.
    #[must_use]
    pub const fn duplex(self) -> bool {
        self.0 & 0x02 != 0
    }

    /// Has a contact station.
    #[must_use]
    pub const fn chip(self) -> bool {
        self.0 & 0x10 != 0
    }
}

/// An error pair, major and minor, as the printer writes it (`11:01`). `00:00` is no error.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Code(String);

impl Code {
    /// From two parts of one to four letters or digits; short ones are filled up to two places.
    #[must_use]
    pub fn new(major: &str, minor: &str) -> Option<Self> {
        let fits = |part: &str| {
            (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let part = |part: &str| format!("{:0>2}", part.trim_start_matches('0').to_uppercase());
        (fits(major) && fits(minor)).then(|| Self(format!("{}:{}", part(major), part(minor))))
    }

    /// From `11:01`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once(':')?;
        Self::new(major, minor)
    }

    /// Whether it says that nothing is wrong.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'0' || byte == b':')
    }

    /// As the printer writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A reply to `REQ,ERR`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ErrReply {
    /// The printer's own words in its own language, without the code.
    pub text: String,
    /// The error pair.
    pub code: Code,
    /// The last line, in brackets in the reply (`c0201`); meaning unknown.
    pub mark: Option<String>,
}

impl Inf {
    /// Takes a reply apart, from `01` to `03`.
    ///
    /// # Errors
    ///
    /// [`ReplyError`].
    pub fn parse(reply: &[u8]) -> Result<Self, ReplyError> {
        let body = body(reply)?;
        let fields = body
            .strip_prefix(INF_START)
            .ok_or(ReplyError::NotThisReply {
                expected: "a status reply (`STA$$`)",
            })?;
        // A colon separates as a comma does, so no field can have one.
        let mut fields = Fields {
            fields: fields.split(|byte| matches!(byte, b',' | b':')),
            index: 0,
        };
        let mut inf = Self {
            features: fields.number()?,
            model: fields.text(),
            head_type: fields.number()?,
            printer_serial: fields.text(),
            head_serial: fields.text(),
            board_serial: fields.text(),
            firmware: fields.text(),
            board_version: fields.text(),
            hand_feed: fields.number()?,
            cards_printed: fields.number()?,
            cards_on_head: fields.number()?,
            dye_panels: fields.number()?,
            cleanings: fields.number()?,
            panels_since_cleaning: fields.number()?,
            cards_since_cleaning: fields.number()?,
            cards_between_cleanings: fields.number()?,
            head_position: fields.number()?,
            image_start: fields.number()?,
            image_end: fields.number()?,
            ..Self::default()
        };
        let (major, minor) = (fields.text(), fields.text());
        inf.error = match (major, minor) {
            (Some(major), Some(minor)) => {
                Some(Code::new(&major, &minor).ok_or(ReplyError::Field {
                    index: 19,
                    expected: "an error code",
                    value: format!("{major},{minor}"),
                })?)
            }
            _ => None,
        };
        inf.film_tag = fields.text();
        inf.film_shots = fields.number()?;
        inf.film_used = fields.number()?;
        inf.film_name = fields.text();
        inf.colour_panel = fields.number()?;
        inf.resin_panel = fields.number()?;
        inf.overcoat_panel = fields.number()?;
        inf.film_flags = fields.number()?;
        inf.command_code = fields.number()?;
        inf.film_date = fields.text();
        inf.film_maker = fields.text();
        inf.film_programmer = fields.text();
        inf.sem = fields.text();
        inf.rest = fields.fields.map(latin).collect();
        Ok(inf)
    }

    /// Writes the reply, from `01` to `03`. What is `None` becomes an empty field.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let number = |value: Option<u32>| value.map(|value| value.to_string()).unwrap_or_default();
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let (major, minor) = self
            .error
            .as_ref()
            .and_then(|code| code.0.split_once(':'))
            .unwrap_or_default();
        // The vendor writes numbers without leading zeros here.
        let plain = |part: &str| match part.parse::<u32>() {
            Ok(value) => value.to_string(),
            Err(_) => part.to_owned(),
        };
        let mut fields = vec![
            number(self.features),
            text(&self.model),
            number(self.head_type),
            text(&self.printer_serial),
            text(&self.head_serial),
            text(&self.board_serial),
            text(&self.firmware),
            text(&self.board_version),
            number(self.hand_feed),
            number(self.cards_printed),
            number(self.cards_on_head),
            number(self.dye_panels),
            number(self.cleanings),
            number(self.panels_since_cleaning),
            number(self.cards_since_cleaning),
            number(self.cards_between_cleanings),
            number(self.head_position),
            number(self.image_start),
            number(self.image_end),
            plain(major),
            plain(minor),
            text(&self.film_tag),
            number(self.film_shots),
            number(self.film_used),
            text(&self.film_name),
            number(self.colour_panel),
            number(self.resin_panel),
            number(self.overcoat_panel),
            number(self.film_flags),
            number(self.command_code),
            text(&self.film_date),
            text(&self.film_maker),
            text(&self.film_programmer),
            text(&self.sem),
        ];
        fields.extend(self.rest.iter().cloned());
        let mut out = vec![SOH];
        out.extend_from_slice(INF_START);
        out.extend(
            fields
                .join(",")
                .chars()
                .map(|c| u8::try_from(c).unwrap_or(b'?')),
        );
        out.push(ETX);
        out
    }

    /// What is built in. A printer that does not say has nothing.
    #[must_use]
    pub fn features(&self) -> Features {
        Features(self.features.unwrap_or(0))
    }

    /// Cards until the printer asks for cleaning; 0 when it is due.
    #[must_use]
    pub fn cards_until_cleaning(&self) -> Option<u32> {
        // A printer that has no interval says 0.
        let between = self.cards_between_cleanings.filter(|cards| *cards > 0)?;
        Some(between.saturating_sub(self.cards_since_cleaning?))
    }

    /// Sides the film can still print.
    #[must_use]
    pub fn film_remaining(&self) -> Option<u32> {
        Some(self.film_shots?.saturating_sub(self.film_used?))
    }
}

impl ErrReply {
    /// Takes a reply apart, from `01` to `03`.
    ///
    /// # Errors
    ///
    /// [`ReplyError`].
    pub fn parse(reply: &[u8]) -> Result<Self, ReplyError> {
        let body = body(reply)?;
        if body.starts_with(INF_START) {
            return Err(ReplyError::NotThisReply {
                expected: "an error reply",
            });
        }
        let body = body
            .strip_prefix(REPLY_START)
            .ok_or(ReplyError::NotThisReply {
                expected: "an error reply (`STA`)",
            })?;
        let body = latin(body);
        let mut lines: Vec<&str> = body.lines().collect();
        let mark = lines
            .last()
            .and_then(|line| line.trim().strip_prefix('(')?.strip_suffix(')'))
            .map(str::to_owned);
        if mark.is_some() {
            lines.pop();
        }
        // The code ends the last line, after words in the printer's language if it is an error.
        let last = lines.pop().unwrap_or_default();
        let code = last
            .split_whitespace()
            .next_back()
            .and_then(Code::parse)
            .ok_or_else(|| ReplyError::NoCode { text: body.clone() })?;
        Ok(Self {
            text: lines.join(" ").trim().to_owned(),
            code,
            mark,
        })
    }
}

struct Fields<'a, I: Iterator<Item = &'a [u8]>> {
    fields: I,
    index: usize,
}

impl<'a, I: Iterator<Item = &'a [u8]>> Fields<'a, I> {
    fn text(&mut self) -> Option<String> {
        self.index += 1;
        self.fields
            .next()
            .filter(|field| !field.is_empty())
            .map(latin)
    }

    fn number(&mut self) -> Result<Option<u32>, ReplyError> {
        let index = self.index;
        self.text()
            .map(|value| {
                value.trim().parse().map_err(|_| ReplyError::Field {
                    index,
                    expected: "a number",
                    value,
                })
            })
            .transpose()
    }
}

pub(super) fn body(reply: &[u8]) -> Result<&[u8], ReplyError> {
    if reply.len() > MAX_REPLY {
        return Err(ReplyError::TooLong {
            length: reply.len(),
        });
    }
    reply
        .strip_prefix(&[SOH])
        .and_then(|rest| rest.strip_suffix(&[ETX]))
        .ok_or(ReplyError::NoFrame)
}

/// The printers write Western European text with one byte a character.
pub(super) fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Why bytes are no reply.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ReplyError {
    /// Does not start with `01` and end with `03`.
    #[error("the reply is not framed by 01 and 03")]
    NoFrame,
    /// Longer than any reply.
    #[error("the reply has {length} bytes, at most {MAX_REPLY} are read")]
    TooLong {
        /// Its bytes.
        length: usize,
    },
    /// Another kind of reply.
    #[error("the reply is not {expected}")]
    NotThisReply {
        /// What was expected.
        expected: &'static str,
    },
    /// A field has the wrong form.
    #[error("field {index} of the status reply is `{value}`, expected {expected}")]
    Field {
        /// Which, from 0.
        index: usize,
        /// What was expected.
        expected: &'static str,
        /// What is there.
        value: String,
    },
    /// No error pair in an error reply.
    #[error("the error reply has no code: `{text}`")]
    NoCode {
        /// What it says.
        text: String,
    },
}

impl Blamed for ReplyError {
    fn blame(&self) -> Blame {
        Blame::PrinterFault
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A reply the vendor's driver accepted.
    const ACCEPTED: &[u8] =
        b"\x01STA$$19,Enduro+,0,52P2207,PH03-1190,CB-00417,1.24,2.1,0,1834,1834,\
        5502,9,212,53,700,40,50,50,0,0,E00401501A2B3C4D,300,41,LC1/D,60,60,60,0,0,0,1,1,0,0,\x03";

    #[test]
    fn the_accepted_status_reply_is_read_field_by_field() {
        let inf = Inf::parse(ACCEPTED).unwrap();
        assert_eq!(inf.model.as_deref(), Some("Enduro+"));
        assert_eq!(inf.printer_serial.as_deref(), Some("52P2207"));
        assert_eq!(inf.firmware.as_deref(), Some("1.24"));
        assert_eq!(inf.head_position, Some(40));
        assert_eq!(inf.cards_printed, Some(1834));
        assert_eq!(inf.film_name.as_deref(), Some("LC1/D"));
        assert_eq!(inf.film_remaining(), Some(259));
        assert!(inf.error.as_ref().unwrap().is_fine());
        let features = inf.features();
        assert!(features.magnetic() && features.duplex() && features.chip());
        assert_eq!(inf.to_bytes(), ACCEPTED);
    }

    #[test]
    fn a_short_status_reply_leaves_fields_open_and_a_colon_separates_too() {
        let inf = Inf::parse(b"\x01STA$$2:Enduro,0\x03").unwrap();
        assert_eq!(inf.features, Some(2));
        assert_eq!(inf.model.as_deref(), Some("Enduro"));
        assert_eq!(inf.head_type, Some(0));
        assert_eq!(inf.head_position, None);
        assert_eq!(inf.error, None);
    }

    #[test]
    fn a_number_that_is_none_names_its_field() {
        let error = Inf::parse(b"\x01STA$$19,Enduro,x\x03").unwrap_err();
        assert!(matches!(error, ReplyError::Field { index: 2, .. }));
    }

    #[test]
    fn error_replies_give_code_text_and_mark() {
        let fine = ErrReply::parse(b"\x01STABereit\n00:00\n(c0300)\x03").unwrap();
        assert!(fine.code.is_fine());
        assert_eq!(fine.mark.as_deref(), Some("c0300"));
        let fault =
            ErrReply::parse(b"\x01STAKarte nicht eingezogen\nFehlercode - 11:01\n(c0201)\x03")
                .unwrap();
        assert_eq!(fault.code.as_str(), "11:01");
        assert!(!fault.code.is_fine());
        assert_eq!(fault.text, "Karte nicht eingezogen");
    }

    #[test]
    fn the_two_replies_are_not_taken_for_each_other() {
        assert!(ErrReply::parse(ACCEPTED).is_err());
        assert!(Inf::parse(b"\x01STA\n00:00\n(c0300)\x03").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_reply_or_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            inf: bool,
        ) {
            let _ = (Inf::parse(&bytes), ErrReply::parse(&bytes));
            let mut framed = if inf { b"\x01STA$$".to_vec() } else { b"\x01STA".to_vec() };
            framed.extend(bytes);
            framed.push(ETX);
            if let Ok(inf) = Inf::parse(&framed) {
                prop_assert_eq!(Inf::parse(&inf.to_bytes()), Ok(inf));
            }
            if let Ok(reply) = ErrReply::parse(&framed) {
                prop_assert!(reply.code.as_str().contains(':'));
            }
        }
    }
}
