//! A run of commands, bitmaps and tags as bytes, both ways.

use ground::{Blame, Blamed};
use thiserror::Error;

use super::bitmap::{Bitmap, BitmapError, Coding};
use super::command::Command;
use super::panel::{Levels, Panel};
use super::words::{CR, ESC, NUL};

/// The longest text of a command or of tags that is read.
const MAX_TEXT: usize = 8 * 1024;
/// The most items of a stream; a card of two sides has about eighty.
const MAX_ITEMS: usize = 4096;
/// The longest head of a bitmap command: `Dbc;k;2;` and a count.
const MAX_HEAD: usize = 32;

/// Everything that is sent for one card, or any other run of commands.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Stream {
    /// What it is made of, in the order of the wire.
    pub items: Vec<Item>,
}

/// One thing on the wire.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Item {
    /// A command.
    Command(Command),
    /// A panel: a command with counted data.
    Bitmap(Bitmap),
    /// Text between commands, such as `<CARD>`; the vendor's library marks its jobs so and the
    /// printer passes over it. It is not empty and has no `1B` and no `00`.
    Tags(String),
    /// Zero bytes between or behind commands: how many, at least one.
    Filling(usize),
}

impl Stream {
    /// The bytes for the printer.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let size: usize = self.items.iter().map(Item::size).sum();
        let mut out = Vec::with_capacity(size);
        for item in &self.items {
            item.write(&mut out);
        }
        out
    }

    /// Takes bytes apart. Encoding the result gives the same bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] with the offset where the bytes stop being commands.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut items = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            if items.len() == MAX_ITEMS {
                return Err(DecodeError::TooManyItems { offset: at });
            }
            let item = match bytes[at] {
                ESC => command_or_bitmap(bytes, at)?,
                NUL => {
                    let zeros = bytes[at..].iter().take_while(|byte| **byte == NUL).count();
                    Item::Filling(zeros)
                }
                _ => tags(bytes, at)?,
            };
            at += item.size();
            items.push(item);
        }
        Ok(Self { items })
    }

    /// The commands in their order.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.items.iter().filter_map(|item| match item {
            Item::Command(command) => Some(command),
            _ => None,
        })
    }

    /// The bitmaps of the two sides: those before and those behind `Sv`, which turns the card
    /// over. Of several cards those of all.
    #[must_use]
    pub fn sides(&self) -> [Vec<&Bitmap>; 2] {
        let mut sides = [Vec::new(), Vec::new()];
        for card in self.cards() {
            for (all, side) in sides.iter_mut().zip(card) {
                all.extend(side);
            }
        }
        sides
    }

    /// The same card by card: `Ss` begins one and `Se` ends it. What has bitmaps without an `Se`
    /// is a card too.
    #[must_use]
    pub fn cards(&self) -> Vec<[Vec<&Bitmap>; 2]> {
        let mut cards = Vec::new();
        let mut card = None;
        let mut side = 0;
        for item in &self.items {
            match item {
                Item::Command(command) => match command.name() {
                    b"Ss" => {
                        cards.extend(card.replace(<[Vec<&Bitmap>; 2]>::default()));
                        side = 0;
                    }
                    b"Se" => {
                        cards.extend(card.take());
                        side = 0;
                    }
                    b"Sr" => side = 0,
                    b"Sv" => side = 1,
                    _ => {}
                },
                Item::Bitmap(bitmap) => card.get_or_insert_default()[side].push(bitmap),
                Item::Tags(_) | Item::Filling(_) => {}
            }
        }
        cards.extend(card);
        cards
    }
}

impl Item {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Command(command) => command.write(out),
            Self::Bitmap(bitmap) => {
                out.push(ESC);
                out.extend_from_slice(bitmap.head().as_bytes());
                out.extend_from_slice(bitmap.data());
                out.push(CR);
            }
            Self::Tags(text) => out.extend_from_slice(text.as_bytes()),
            Self::Filling(count) => out.resize(out.len() + count, NUL),
        }
    }

    /// Bytes on the wire.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Command(command) => command.text().len() + 2,
            Self::Bitmap(bitmap) => bitmap.command_bytes(),
            Self::Tags(text) => text.len(),
            Self::Filling(count) => *count,
        }
    }
}

/// Reads from `1B` at `at`.
fn command_or_bitmap(bytes: &[u8], at: usize) -> Result<Item, DecodeError> {
    let rest = &bytes[at + 1..];
    if rest.starts_with(b"Db") {
        return bitmap(bytes, at).map(Item::Bitmap);
    }
    let window = &rest[..rest.len().min(MAX_TEXT + 1)];
    let end = window
        .iter()
        .position(|byte| matches!(*byte, CR | ESC))
        .ok_or(if window.len() > MAX_TEXT {
            DecodeError::TextTooLong { offset: at }
        } else {
            DecodeError::Truncated {
                offset: bytes.len(),
                expected: "the end of a command (0D)",
            }
        })?;
    if window[end] == ESC {
        return Err(DecodeError::Unexpected {
            offset: at + 1 + end,
            expected: "the end of a command (0D)",
            found: ESC,
        });
    }
    let command = Command::new(&window[..end]).expect("ended before any control character");
    Ok(Item::Command(command))
}

fn bitmap(bytes: &[u8], at: usize) -> Result<Bitmap, DecodeError> {
    let bad_head = || DecodeError::BitmapHead { offset: at };
    let window = &bytes[at + 1..bytes.len().min(at + 1 + MAX_HEAD)];
    let mut fields = window.split(|byte| *byte == b';');
    let mut used = 0;
    let mut field = || -> Result<&[u8], DecodeError> {
        let field = fields.next().unwrap_or_default();
        used += field.len() + 1;
        if used <= window.len() {
            Ok(field)
        } else if at + 1 + window.len() == bytes.len() {
            Err(DecodeError::Truncated {
                offset: bytes.len(),
                expected: "the head of a bitmap",
            })
        } else {
            Err(bad_head())
        }
    };
    let coding = match field()? {
        b"Db" => Coding::Packed,
        b"Dbc" => Coding::Compressed,
        _ => return Err(bad_head()),
    };
    let panel = match field()? {
        &[letter] => Panel::from_letter(char::from(letter)).ok_or_else(bad_head)?,
        _ => return Err(bad_head()),
    };
    let levels = number(field()?)
        .and_then(Levels::from_number)
        .ok_or_else(bad_head)?;
    let count = match coding {
        Coding::Packed => levels.panel_bytes(),
        Coding::Compressed => {
            let count = number(field()?).ok_or_else(bad_head)?;
            usize::try_from(count).unwrap_or(usize::MAX)
        }
    };
    let start = at + 1 + used;
    let broken = |source| DecodeError::Bitmap { offset: at, source };
    let most = Levels::TwoHundredFiftySix.panel_bytes() + super::words::LINES;
    if count > most {
        return Err(broken(BitmapError::TooLong { actual: count }));
    }
    let data = bytes
        .get(start..start + count)
        .ok_or(DecodeError::Truncated {
            offset: bytes.len(),
            expected: "the bytes of a bitmap",
        })?;
    match bytes.get(start + count) {
        Some(&CR) => Bitmap::new(panel, levels, coding, data.to_vec()).map_err(broken),
        Some(&found) => Err(DecodeError::Unexpected {
            offset: start + count,
            expected: "the end of a bitmap (0D)",
            found,
        }),
        None => Err(DecodeError::Truncated {
            offset: bytes.len(),
            expected: "the end of a bitmap (0D)",
        }),
    }
}

/// A number as this program writes it, so that writing it again gives the same bytes.
fn number(digits: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok()?;
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn tags(bytes: &[u8], at: usize) -> Result<Item, DecodeError> {
    let window = &bytes[at..bytes.len().min(at + MAX_TEXT + 1)];
    let length = window
        .iter()
        .position(|byte| matches!(*byte, ESC | NUL))
        .unwrap_or(window.len());
    if length > MAX_TEXT {
        return Err(DecodeError::TextTooLong { offset: at });
    }
    let text = std::str::from_utf8(&window[..length])
        .ok()
        .filter(|text| text.starts_with('<') && text.ends_with('>'))
        .ok_or(DecodeError::Unexpected {
            offset: at,
            expected: "a command (1B) or a tag",
            found: bytes[at],
        })?;
    Ok(Item::Tags(text.to_owned()))
}

/// Why bytes are no run of commands.
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
    /// A text longer than any command.
    #[error("the text at offset {offset} is longer than {MAX_TEXT} bytes")]
    TextTooLong {
        /// Where it starts.
        offset: usize,
    },
    /// The head of a bitmap that cannot be read.
    #[error(
        "the bitmap at offset {offset} has a head that is not `Db;PANEL;SHADES;` or `Dbc;PANEL;SHADES;BYTES;`"
    )]
    BitmapHead {
        /// Where it starts.
        offset: usize,
    },
    /// A bitmap that is none.
    #[error("the bitmap at offset {offset}: {source}")]
    Bitmap {
        /// Where it starts.
        offset: usize,
        /// Why.
        source: BitmapError,
    },
    /// One panel twice on one side.
    #[error("panel `{panel}` comes twice on one side of card {card}")]
    PanelTwice {
        /// Which card, from 1.
        card: usize,
        /// Its letter.
        panel: char,
    },
    /// More items than any job has.
    #[error("there are more than {MAX_ITEMS} commands before offset {offset}")]
    TooManyItems {
        /// Where the next starts.
        offset: usize,
    },
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
    use crate::evolis::Dots;

    fn command(text: &str) -> Command {
        Command::new(text).unwrap()
    }

    fn small() -> Stream {
        let black = Dots::blank(Levels::Two);
        Stream {
            items: vec![
                Item::Command(command("Pr;k")),
                Item::Tags("<HEADER>".to_owned()),
                Item::Command(command("Ss")),
                Item::Command(command("Sr")),
                Item::Bitmap(black.to_bitmap(Panel::Black, Coding::Compressed)),
                Item::Command(command("Sv")),
                Item::Bitmap(black.to_bitmap(Panel::Overlay, Coding::Compressed)),
                Item::Command(command("Se;1")),
                Item::Filling(16),
            ],
        }
    }

    #[test]
    fn a_stream_comes_back_as_it_was() {
        let bytes = small().encode();
        assert!(bytes.starts_with(b"\x1bPr;k\r<HEADER>\x1bSs\r\x1bSr\r\x1bDbc;k;2;1016;\0\0"));
        assert!(bytes.ends_with(b"\r\x1bSe;1\r\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
        let decoded = Stream::decode(&bytes).unwrap();
        assert_eq!(decoded, small());
        let [front, back] = decoded.sides();
        assert_eq!((front.len(), back.len()), (1, 1));
        assert_eq!(back[0].panel(), Panel::Overlay);
        let mut twice = small();
        twice.items.extend(small().items);
        assert_eq!(twice.cards(), [small().cards(), small().cards()].concat());
    }

    #[test]
    fn every_torn_end_is_an_error_that_says_where_or_a_shorter_run() {
        let bytes = small().encode();
        for end in 0..bytes.len() {
            match Stream::decode(&bytes[..end]) {
                Ok(shorter) => assert_eq!(shorter.encode(), bytes[..end]),
                Err(
                    DecodeError::Truncated { offset, .. } | DecodeError::Unexpected { offset, .. },
                ) => assert!(offset <= end),
                Err(other) => panic!("at {end}: {other}"),
            }
        }
    }

    #[test]
    fn heads_and_sizes_that_are_none_are_refused_before_anything_is_kept() {
        for (bytes, expected) in [
            (&b"\x1bDb;q;2;"[..], DecodeError::BitmapHead { offset: 0 }),
            (
                b"\x1bDb;k;3;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                DecodeError::BitmapHead { offset: 0 },
            ),
            (b"\x1bDbmp;1;", DecodeError::BitmapHead { offset: 0 }),
            (
                b"\x1bDbc;k;2;4294967295;",
                DecodeError::Bitmap {
                    offset: 0,
                    source: BitmapError::TooLong {
                        actual: 4_294_967_295,
                    },
                },
            ),
            (
                b"hello",
                DecodeError::Unexpected {
                    offset: 0,
                    expected: "a command (1B) or a tag",
                    found: b'h',
                },
            ),
        ] {
            assert_eq!(Stream::decode(bytes), Err(expected));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_stream_or_an_error(
            bytes in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..300),
                "(\u{1b}(Ss|Sr|Pr;[a-z]|[A-Z][a-z]{1,3}(;[0-9]{1,3}){0,2})\r|<[A-Z]{1,5}>|\u{0}{1,3}|\u{1b}Dbc;[kyo];2;[0-9];.{0,9}\r){0,9}"
                    .prop_map(String::into_bytes),
            ]
        ) {
            if let Ok(stream) = Stream::decode(&bytes) {
                prop_assert_eq!(stream.encode(), bytes);
            }
        }
    }
}
