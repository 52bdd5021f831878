//! A job as a stream of bytes: framing, header and planes, both ways.

use ground::{Blame, Blamed};
use thiserror::Error;

use super::header::{self, Head, Word};
use super::layout::{Dots, Ink, Layout, PlaneError};
use super::query::Query;
use super::words::{ENQ, ETX, FS, LEAD, SOH};

/// The longest text of a frame that is read.
const MAX_TEXT: usize = 8 * 1024;
/// The largest plane that is read; the largest known has 585 216 bytes.
const MAX_PLANE: usize = 1 << 20;
/// The most pages that are read: the two sides of a card.
const MAX_PAGES: usize = 2;

/// What goes to the printer for one card: questions in front, if any, and one or two pages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Job {
    /// Questions on the same stream before the first page, as the vendor's driver sends them.
    pub queries: Vec<Query>,
    /// One page, or front and back.
    pub pages: Vec<Page>,
}

/// One side of a card: a header and its planes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    lead: usize,
    header: Vec<Word>,
    planes: Vec<Plane>,
}

/// The bytes of one panel.
#[derive(Clone, Eq, PartialEq)]
pub struct Plane {
    ink: Ink,
    /// The letter after the plane: that of `ink`, except for the empty plane the vendor's driver
    /// sends for a blank side.
    closing: Ink,
    data: Vec<u8>,
}

impl Job {
    /// The bytes for the printer.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let planes = self.pages.iter().flat_map(|page| &page.planes);
        let size: usize = planes.map(|plane| plane.data.len() + 16).sum();
        let mut out = Vec::with_capacity(size + MAX_TEXT);
        for query in &self.queries {
            query.write(&mut out);
        }
        for page in &self.pages {
            page.write(&mut out);
        }
        out
    }

    /// Takes a job apart. Encoding the result gives the same bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] with the offset where the bytes stop being a job.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor { bytes, at: 0 };
        let mut job = Self {
            queries: Vec::new(),
            pages: Vec::new(),
        };
        while cursor.at < bytes.len() {
            let offset = cursor.at;
            match frame(&mut cursor)? {
                Frame::Query(query) if job.pages.is_empty() => job.queries.push(query),
                Frame::Query(_) => return Err(DecodeError::QueryInsideJob { offset }),
                Frame::Page(_) if job.pages.len() == MAX_PAGES => {
                    return Err(DecodeError::TooManyPages { offset });
                }
                Frame::Page(page) => job.pages.push(page),
            }
        }
        if job.pages.is_empty() {
            return Err(DecodeError::NoPage);
        }
        Ok(job)
    }
}

impl Page {
    /// A page with the usual lead. The size words are made from the planes and go last.
    #[must_use]
    pub fn new(mut header: Vec<Word>, planes: Vec<Plane>) -> Self {
        header.retain(|word| !matches!(word, Word::Size(..)));
        header.extend(planes.iter().map(|plane| {
            let size = u32::try_from(plane.data.len()).expect("a plane is far below 4 GB");
            Word::Size(plane.ink, size)
        }));
        Self {
            lead: LEAD,
            header,
            planes,
        }
    }

    /// The words of the header in their order, size words included.
    #[must_use]
    pub fn header(&self) -> &[Word] {
        &self.header
    }

    /// The planes in the order of the wire.
    #[must_use]
    pub fn planes(&self) -> &[Plane] {
        &self.planes
    }

    /// The head word.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.header.iter().find_map(|word| match word {
            Word::Head(head) => Some(*head),
            _ => None,
        })
    }

    /// The ink of a panel as dots; a panel that is not in the page has none.
    ///
    /// # Errors
    ///
    /// [`PlaneError`] for bytes that are no plane of `layout`.
    pub fn dots(&self, layout: Layout, ink: Ink) -> Result<Dots, PlaneError> {
        match self.planes.iter().find(|plane| plane.ink == ink) {
            Some(plane) if !plane.data.is_empty() => Dots::unpack(layout, ink, &plane.data),
            _ => Ok(Dots::blank(ink)),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.resize(out.len() + self.lead, ENQ);
        out.push(SOH);
        for word in &self.header {
            out.push(b',');
            word.write(out);
        }
        out.push(FS);
        for plane in &self.planes {
            out.extend_from_slice(&plane.data);
            out.push(FS);
            out.push(plane.closing.letter() as u8);
            out.push(b':');
        }
        out.push(ETX);
    }
}

impl Plane {
    /// From the bytes of a panel.
    #[must_use]
    pub fn new(ink: Ink, data: Vec<u8>) -> Self {
        Self {
            ink,
            closing: ink,
            data,
        }
    }

    /// Which panel.
    #[must_use]
    pub fn ink(&self) -> Ink {
        self.ink
    }

    /// Its bytes.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }
}

impl std::fmt::Debug for Plane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plane({:?}, {} bytes)", self.ink, self.data.len())
    }
}

enum Frame {
    Query(Query),
    Page(Page),
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn byte(&mut self, expected: &'static str) -> Result<u8, DecodeError> {
        let byte = *self.bytes.get(self.at).ok_or(DecodeError::Truncated {
            offset: self.at,
            expected,
        })?;
        self.at += 1;
        Ok(byte)
    }

    fn expect(&mut self, wanted: u8, expected: &'static str) -> Result<(), DecodeError> {
        let offset = self.at;
        match self.byte(expected)? {
            found if found == wanted => Ok(()),
            found => Err(DecodeError::Unexpected {
                offset,
                expected,
                found,
            }),
        }
    }

    fn take(&mut self, count: usize, expected: &'static str) -> Result<&'a [u8], DecodeError> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..count).ok_or(DecodeError::Truncated {
            offset: self.bytes.len(),
            expected,
        })?;
        self.at += count;
        Ok(taken)
    }
}

fn frame(cursor: &mut Cursor<'_>) -> Result<Frame, DecodeError> {
    let lead = cursor.bytes[cursor.at..]
        .iter()
        .take_while(|byte| **byte == ENQ)
        .count();
    cursor.at += lead;
    cursor.expect(SOH, "the start of a frame (01)")?;
    let start = cursor.at;
    let window = &cursor.bytes[start..cursor.bytes.len().min(start + MAX_TEXT + 1)];
    let Some(length) = window.iter().position(|byte| *byte == FS) else {
        return Err(if window.len() > MAX_TEXT {
            DecodeError::TextTooLong { offset: start }
        } else {
            DecodeError::Truncated {
                offset: cursor.bytes.len(),
                expected: "the end of the header (1C)",
            }
        });
    };
    let text = &window[..length];
    cursor.at = start + length + 1;

    // A page says how many copies, first of all; a question has another first word.
    let Some(words) = text
        .strip_prefix(b",")
        .filter(|words| words.starts_with(b"NOC"))
    else {
        cursor.expect(ETX, "the end of a question (03)")?;
        return Ok(Frame::Query(Query::from_text(lead, text)));
    };
    let header = header::parse(words);
    let sizes = header.iter().filter_map(|word| match word {
        Word::Size(ink, size) => Some((*ink, *size)),
        _ => None,
    });
    let mut planes: Vec<Plane> = Vec::new();
    for (ink, size) in sizes {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size > MAX_PLANE {
            return Err(DecodeError::PlaneTooLarge {
                offset: start,
                size,
            });
        }
        if planes.iter().any(|plane| plane.ink == ink) {
            return Err(DecodeError::PlaneTwice {
                offset: start,
                ink: ink.letter(),
            });
        }
        let data = cursor.take(size, "the bytes of a plane")?;
        cursor.expect(FS, "the end of a plane (1C)")?;
        let offset = cursor.at;
        let letter = cursor.byte("the letter of a plane")?;
        let closing = Ink::from_letter(char::from(letter))
            .filter(|closing| *closing == ink || data.is_empty())
            .ok_or(DecodeError::Unexpected {
                offset,
                expected: "the letter of the plane",
                found: letter,
            })?;
        cursor.expect(b':', "a colon after the letter of a plane")?;
        planes.push(Plane {
            ink,
            closing,
            data: data.to_vec(),
        });
    }
    cursor.expect(ETX, "the end of the page (03)")?;
    Ok(Frame::Page(Page {
        lead,
        header,
        planes,
    }))
}

/// Why bytes are no job.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("the job ends at offset {offset}, expected {expected}")]
    Truncated {
        /// Where it ends.
        offset: usize,
        /// What should have come.
        expected: &'static str,
    },
    /// Another byte than expected.
    #[error("found byte `{found:02X}` at offset {offset}, expected {expected}")]
    Unexpected {
        /// Where.
        offset: usize,
        /// What should stand there.
        expected: &'static str,
        /// What does.
        found: u8,
    },
    /// A text longer than any header.
    #[error("the text at offset {offset} is longer than {MAX_TEXT} bytes")]
    TextTooLong {
        /// Where it starts.
        offset: usize,
    },
    /// A plane larger than any head.
    #[error(
        "the header at offset {offset} asks for a plane of {size} bytes, at most {MAX_PLANE} are read"
    )]
    PlaneTooLarge {
        /// Where the header starts.
        offset: usize,
        /// The size it gives.
        size: usize,
    },
    /// The same panel twice on one page.
    #[error("the header at offset {offset} has plane `{ink}` twice")]
    PlaneTwice {
        /// Where the header starts.
        offset: usize,
        /// The letter.
        ink: char,
    },
    /// A question after a page.
    #[error("there is a question at offset {offset}, after a page")]
    QueryInsideJob {
        /// Where it starts.
        offset: usize,
    },
    /// A third page.
    #[error("there is a third page at offset {offset}; a card has two sides")]
    TooManyPages {
        /// Where it starts.
        offset: usize,
    },
    /// Nothing to print.
    #[error("there is no page in the job")]
    NoPage,
}

impl Blamed for DecodeError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        Some("give a file with one whole job, as it was sent to the printer".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn small() -> Job {
        let planes = vec![
            Plane::new(Ink::Yellow, vec![FS; 5]),
            Plane::new(Ink::Black, vec![ETX, SOH, 0]),
        ];
        Job {
            queries: vec![Query::inf()],
            pages: vec![Page::new(
                vec![Word::Copies(1), Word::Head(Head::Kge2)],
                planes,
            )],
        }
    }

    #[test]
    fn the_framing_is_the_captured_one() {
        let mut expected = b"\x01,REQ,INF,\x1c\x03".to_vec();
        expected.extend([ENQ; 64]);
        expected.extend(
            b"\x01,NOC1,KGE2,SZB5,SZK3\x1c\x1c\x1c\x1c\x1c\x1c\x1cB:\x03\x01\x00\x1cK:\x03",
        );
        assert_eq!(small().encode(), expected);
        assert_eq!(Job::decode(&expected), Ok(small()));
    }

    #[test]
    fn an_empty_plane_closed_by_another_letter_is_kept_as_it_was() {
        let bytes = b"\x01,NOC1,KGE2,SZK0\x1c\x1cB:\x03";
        assert_eq!(Job::decode(bytes).unwrap().encode(), bytes);
    }

    #[test]
    fn an_encode_only_job_has_no_planes() {
        let bytes = b"\x05\x01,NOC1,COEH,MAG2,;12=34?,KGE2\x1c\x03";
        let job = Job::decode(bytes).unwrap();
        assert!(job.pages[0].planes().is_empty());
        assert_eq!(job.encode(), bytes);
    }

    #[test]
    fn every_prefix_is_an_error_that_says_where() {
        let bytes = small().encode();
        let query = 12;
        for end in 0..bytes.len() {
            let error = Job::decode(&bytes[..end]).unwrap_err();
            match error {
                DecodeError::Truncated { offset, .. } => assert!(offset <= end),
                DecodeError::NoPage => assert!(end == 0 || end == query),
                other => panic!("at {end}: {other}"),
            }
        }
    }

    #[test]
    fn a_huge_size_is_refused_before_anything_is_read() {
        assert_eq!(
            Job::decode(b"\x01,NOC1,SZB4294967295\x1c"),
            Err(DecodeError::PlaneTooLarge {
                offset: 1,
                size: 4_294_967_295
            })
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_job_or_an_error(
            bytes in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..300),
                "\u{5}{0,3}\u{1},NOC1(,(SZ[BGRK][0-9]|KGE2|[A-Z]{3}[0-9])){0,5}\u{1c}.{0,12}\u{1c}[BGRK]:\u{3}"
                    .prop_map(String::into_bytes),
            ]
        ) {
            if let Ok(job) = Job::decode(&bytes) {
                prop_assert_eq!(job.encode(), bytes);
            }
        }

        #[test]
        fn a_damaged_job_is_a_job_or_an_error(at in any::<prop::sample::Index>(), value: u8) {
            let mut bytes = small().encode();
            let at = at.index(bytes.len());
            bytes[at] = value;
            if let Ok(job) = Job::decode(&bytes) {
                prop_assert_eq!(job.encode(), bytes);
            }
        }
    }
}
