use printers::magicard::words::{ENQ, ETX, FS, SOH};

use super::sheet::{Sheet, SheetError};

/// The longest text between `01` and `1C` that is kept.
const LONGEST_TEXT: usize = 8192;

/// What came in over the stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A question or command: its words without `REQ`.
    Asked(Vec<String>),
    /// One side of a card to print.
    Page(Box<Sheet>),
    /// Something that is neither; the stream goes on with the next `01`.
    Broken(SheetError),
}

/// Takes a stream of bytes apart, however it is cut into pieces. Keeps at most one page.
#[derive(Debug, Default)]
pub struct Stream {
    state: State,
    /// Whether the last bytes were noise, which is told once and not for every byte.
    noise: bool,
}

#[derive(Debug, Default)]
enum State {
    /// Between frames.
    #[default]
    Idle,
    /// After `01`.
    Text(Vec<u8>),
    /// After the `1C` of a question: `03` is next.
    QuestionEnd(Vec<u8>),
    /// Inside a page.
    Page(Box<Sheet>, PagePart),
}

#[derive(Clone, Copy, Debug)]
enum PagePart {
    Data(usize),
    PlaneEnd(usize),
    Letter(usize),
    Colon(usize),
    PageEnd,
}

impl Stream {
    /// Takes more bytes; returns what is whole now.
    pub fn push(&mut self, mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some((byte, rest)) = bytes.split_first() {
            // Planes are most of all bytes: take as much as belongs to one.
            if let State::Page(sheet, PagePart::Data(index)) = &mut self.state {
                let plane = &mut sheet.planes[*index];
                let count = (plane.size - plane.data.len()).min(bytes.len());
                plane.data.extend_from_slice(&bytes[..count]);
                bytes = &bytes[count..];
                if plane.data.len() == plane.size {
                    let part = PagePart::PlaneEnd(*index);
                    self.advance(part);
                }
                continue;
            }
            bytes = rest;
            events.extend(self.byte(*byte));
        }
        events
    }

    fn byte(&mut self, byte: u8) -> Option<Event> {
        match std::mem::take(&mut self.state) {
            State::Idle => {
                let told = std::mem::replace(&mut self.noise, byte != SOH && byte != ENQ);
                if byte == SOH {
                    self.state = State::Text(Vec::new());
                }
                (self.noise && !told).then_some(Event::Broken(SheetError::Noise))
            }
            State::Text(text) if byte == FS => self.text_done(text),
            State::Text(text) if text.len() == LONGEST_TEXT => {
                Some(Event::Broken(SheetError::TooLong))
            }
            State::Text(mut text) => {
                text.push(byte);
                self.state = State::Text(text);
                None
            }
            State::QuestionEnd(text) if byte == ETX => {
                let words = text
                    .split(|byte| *byte == b',')
                    .map(|word| String::from_utf8_lossy(word).into_owned())
                    .filter(|word| !word.is_empty())
                    .skip_while(|word| word == "REQ")
                    .collect();
                Some(Event::Asked(words))
            }
            State::QuestionEnd(_) => Some(Event::Broken(SheetError::Framing)),
            State::Page(sheet, part) => self.page_byte(sheet, part, byte),
        }
    }

    fn text_done(&mut self, text: Vec<u8>) -> Option<Event> {
        // A page tells the number of copies in its first word; questions have other words.
        if !text.starts_with(b",NOC") {
            self.state = State::QuestionEnd(text);
            return None;
        }
        match Sheet::of_header(&String::from_utf8_lossy(&text[1..])) {
            Ok(sheet) => {
                let part = after(&sheet, None);
                self.state = State::Page(Box::new(sheet), part);
                None
            }
            Err(error) => Some(Event::Broken(error)),
        }
    }

    fn page_byte(&mut self, sheet: Box<Sheet>, part: PagePart, byte: u8) -> Option<Event> {
        let next = match part {
            PagePart::PlaneEnd(index) if byte == FS => PagePart::Letter(index),
            // The vendor's driver closes an empty plane with another letter.
            PagePart::Letter(index)
                if char::from(byte) == sheet.planes[index].letter
                    || sheet.planes[index].size == 0 =>
            {
                PagePart::Colon(index)
            }
            PagePart::Colon(index) if byte == b':' => after(&sheet, Some(index)),
            PagePart::PageEnd if byte == ETX => return Some(Event::Page(sheet)),
            _ => return Some(Event::Broken(SheetError::Framing)),
        };
        self.state = State::Page(sheet, next);
        None
    }

    fn advance(&mut self, to: PagePart) {
        if let State::Page(_, part) = &mut self.state {
            *part = to;
        }
    }
}

/// What comes after a plane, or after the header.
fn after(sheet: &Sheet, plane: Option<usize>) -> PagePart {
    let next = plane.map_or(0, |plane| plane + 1);
    match sheet.planes.get(next) {
        Some(plane) if plane.size > 0 => PagePart::Data(next),
        Some(_) => PagePart::PlaneEnd(next),
        None => PagePart::PageEnd,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(words: &[&str]) -> Event {
        Event::Asked(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn every_observed_form_of_a_question_is_understood() {
        for (bytes, words) in [
            (&b"\x01,REQ,INF,\x1c\x03"[..], &["INF"][..]),
            (
                b"\x05\x05\x05\x05\x05\x05\x05\x05\x01,REQ,CLN,\x1c\x03",
                &["CLN"],
            ),
            (
                b"\x05\x05\x05\x05\x05\x05\x05\x05\x05\x01REQ,STA,MSR,\x1c\x03",
                &["STA", "MSR"],
            ),
            (b"\x01EJT,\x1c\x03", &["EJT"]),
            (b"\x01QPR1,\x1c\x03", &["QPR1"]),
            (b"\x01SNR2\x1c\x03", &["SNR2"]),
        ] {
            assert_eq!(Stream::default().push(bytes), [asked(words)]);
        }
    }

    #[test]
    fn a_question_and_a_job_come_over_one_stream_cut_anywhere() {
        let mut bytes =
            b"\x01,REQ,INF,\x1c\x03\x05\x05\x01,NOC1,KGE2,DPXOFF,PAG1,SZK97536\x1c".to_vec();
        bytes.extend(vec![0x1C; 97_536]);
        bytes.extend(b"\x1cK:\x03\x01,REQ,ERR,\x1c\x03");
        for piece in [1, 7, 4096, bytes.len()] {
            let mut stream = Stream::default();
            let events: Vec<_> = bytes
                .chunks(piece)
                .flat_map(|part| stream.push(part))
                .collect();
            assert_eq!(events.len(), 3);
            assert_eq!(
                (&events[0], &events[2]),
                (&asked(&["INF"]), &asked(&["ERR"]))
            );
            let Event::Page(sheet) = &events[1] else {
                panic!("{:?}", events[1]);
            };
            assert_eq!(sheet.planes[0].data.len(), 97_536);
        }
    }

    #[test]
    fn the_vendors_empty_plane_with_another_letter_is_taken() {
        let events = Stream::default().push(b"\x01,NOC1,KGE2,DPXON,PAG2,SZK0\x1c\x1cB:\x03");
        assert!(matches!(events[..], [Event::Page(_)]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_leave_a_stream_that_still_understands_a_question(
            bytes in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..400),
                proptest::collection::vec(
                    prop_oneof![Just(1_u8), Just(5), Just(0x1C), Just(3), Just(b','), any::<u8>()],
                    0..400
                ),
                "\u{1},NOC[0-9]{1,12},(KGE2|KEE|XYZ),((SZ[BGRKX][0-9]{1,11}|[A-Z]{3}[0-9]),){0,6}\u{1c}.{0,40}"
                    .prop_map(String::into_bytes),
            ]
        ) {
            let mut stream = Stream::default();
            stream.push(&bytes);
            // A page under way swallows as many bytes as its planes have; then comes an end.
            stream.push(&vec![0; 4 * 600_000]);
            let events = stream.push(b"\x1c\x03\x01,REQ,INF,\x1c\x03");
            prop_assert_eq!(events.last(), Some(&asked(&["INF"])));
        }
    }
}
