//! What opens a connection, and the answer that says where the card is.

use ground::{Blame, Blamed};
use jiff::tz::TimeZone;
use thiserror::Error;

use super::command::Station;
use super::frame::Frame;
use super::words::{DOCUMENT_BYTES, DOCUMENT_SEQUENCE, command, host, printer};

/// Where things stand in the data of a greeting.
const NAME: std::ops::Range<usize> = 14..24;
const ADDRESS: std::ops::Range<usize> = 24..28;
const MODEL: std::ops::Range<usize> = 40..56;
/// Where things stand in a document.
const DATE: usize = 4;
const OWNER: std::ops::Range<usize> = 12..44;
const TITLE: std::ops::Range<usize> = 44..DOCUMENT_BYTES;

/// What the printer says when a connection opens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Greeting {
    /// The name it was given, such as `PRINTER01`.
    pub name: String,
    /// Its IPv4 address.
    pub address: [u8; 4],
    /// Its model, such as `XID8600`.
    pub model: String,
}

impl Greeting {
    /// Reads a greeting.
    ///
    /// # Errors
    ///
    /// [`GreetingError`].
    pub fn parse(frame: &Frame) -> Result<Self, GreetingError> {
        if frame.kind != printer::GREETING {
            return Err(GreetingError::Kind { kind: frame.kind });
        }
        let data = frame.data();
        let Some(model) = data.get(MODEL) else {
            return Err(GreetingError::Short { length: data.len() });
        };
        Ok(Self {
            name: text(&data[NAME]),
            address: *data[ADDRESS].first_chunk().expect("the range has four"),
            model: text(model),
        })
    }
}

/// Printable characters up to the first zero byte, without the blanks behind them.
fn text(bytes: &[u8]) -> String {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let printable = bytes.iter().map(|byte| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '?',
    });
    printable.collect::<String>().trim_end().to_owned()
}

/// What the host says of itself: a date, an owner and a title.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Document {
    /// Parameter of the frame; sources have 2 for 600 dpi and 0 else.
    pub parameter: u32,
    /// When.
    pub time: jiff::Timestamp,
    /// For whom, up to 15 letters.
    pub owner: String,
    /// What, up to 31 letters.
    pub title: String,
}

impl Document {
    /// The frame.
    #[must_use]
    pub fn to_frame(&self) -> Frame {
        let mut data = vec![0; DOCUMENT_BYTES];
        let time = self.time.to_zoned(TimeZone::UTC);
        let years = u8::try_from(time.year() - 1900).unwrap_or(0);
        let rest = [
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
        ];
        data[DATE] = years;
        for (byte, value) in data[DATE + 1..].iter_mut().zip(rest) {
            *byte = u8::try_from(value).unwrap_or(0);
        }
        for (range, text) in [(OWNER, &self.owner), (TITLE, &self.title)] {
            // The last unit stays zero.
            let units = data[range.start..range.end - 2].as_chunks_mut::<2>().0;
            for (unit, letter) in units.iter_mut().zip(text.encode_utf16()) {
                *unit = letter.to_le_bytes();
            }
        }
        Frame::new(host::DOCUMENT, self.parameter, DOCUMENT_SEQUENCE, data)
    }
}

/// Where the printer says the card is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// There is none inside.
    None,
    /// At a station.
    At(Station),
}

impl Place {
    /// Reads the data of the answer to [`super::Command::Position`]: a mode, which is 0 while a card
    /// is inside, and a number.
    ///
    /// # Errors
    ///
    /// [`PlaceError`].
    pub fn parse(data: &[u8]) -> Result<Self, PlaceError> {
        let unknown = || PlaceError {
            data: hex::encode_upper(&data[..data.len().min(8)]),
        };
        match *data {
            // The notes have 01 here where the question had 02.
            [command::STATUS | command::POSITION, 2, 0, number, ..] => Station::from_number(number)
                .map(Self::At)
                .ok_or_else(unknown),
            [command::STATUS | command::POSITION, 2, _, _, ..] => Ok(Self::None),
            _ => Err(unknown()),
        }
    }
}

/// Why a frame is no greeting.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum GreetingError {
    /// Another frame.
    #[error("the first frame has type {kind:08X}, expected a greeting (F3000200)")]
    Kind {
        /// Its type.
        kind: u32,
    },
    /// Too short.
    #[error("the greeting has {length} bytes of data, expected at least 56")]
    Short {
        /// Its bytes of data.
        length: usize,
    },
}

impl Blamed for GreetingError {
    fn blame(&self) -> Blame {
        Blame::PrinterFault
    }
}

/// Why data is no place.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{data}` is no place of a card")]
pub struct PlaceError {
    /// The data, or the beginning of it.
    pub data: String,
}

impl Blamed for PlaceError {
    fn blame(&self) -> Blame {
        Blame::PrinterFault
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The greeting in the notes, with an address of the documentation range.
    const GREETING: &str = "f30002000000001c00000000000331180000000000000000\
        0000000000005052494e544552303100c0000207000000000000000000000000\
        584944383630302020202020202020200000000000000000000000000000000\
        0000000000000000000000000000000000000000000000000000000000000000\
        0";

    #[test]
    fn the_noted_greeting_is_read() {
        let bytes = hex::decode(GREETING).unwrap();
        assert_eq!(bytes.len(), 120);
        let (frame, size) = Frame::read(&bytes).unwrap();
        assert_eq!(size, 120);
        let greeting = Greeting::parse(&frame).unwrap();
        assert_eq!(greeting.name, "PRINTER01");
        assert_eq!(greeting.model, "XID8600");
        assert_eq!(greeting.address, [192, 0, 2, 7]);
        let other = Frame::new(0xF100_0100, 0, 0, frame.data().to_vec());
        assert!(matches!(
            Greeting::parse(&other),
            Err(GreetingError::Kind { .. })
        ));
        let short = Frame::new(printer::GREETING, 0, 0, vec![0; 52]);
        assert_eq!(
            Greeting::parse(&short),
            Err(GreetingError::Short { length: 52 })
        );
    }

    #[test]
    fn a_document_has_the_noted_places() {
        let document = Document {
            parameter: 2,
            time: "2020-09-17T07:21:41Z".parse().unwrap(),
            owner: "Owner".to_owned(),
            title: "Document that has far more letters than fit".to_owned(),
        };
        let bytes = document.to_frame().to_bytes();
        assert_eq!(
            hex::encode(&bytes[..40]),
            "f20003000000001d0000000299999999000000007809110715290000\
             4f0077006e00650072000000"
        );
        assert_eq!(hex::encode(&bytes[60..68]), "44006f0063007500");
        assert_eq!(bytes.len(), 124);
        assert_eq!(bytes[122..], [0, 0]);
    }

    #[test]
    fn the_noted_places_are_read() {
        assert_eq!(Place::parse(&[1, 2, 4, 0]), Ok(Place::None));
        assert_eq!(
            Place::parse(&[1, 2, 0, 2]),
            Ok(Place::At(Station::Contactless))
        );
        assert_eq!(Place::parse(&[2, 2, 0, 0]), Ok(Place::At(Station::Print)));
        for bad in [&[][..], &[1], &[3, 2, 0, 0], &[1, 1, 0, 0], &[1, 2, 0, 9]] {
            assert!(Place::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_data_is_read_or_refused(
            kind in prop_oneof![Just(printer::GREETING), any::<u32>()],
            data in proptest::collection::vec(any::<u8>(), 0..80)
        ) {
            let _ = Place::parse(&data);
            let _ = Greeting::parse(&Frame::new(kind, 0, 0, data));
        }
    }
}
