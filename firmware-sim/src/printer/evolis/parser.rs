//! From bytes to commands and panels, whatever pieces they come in.

use printers::evolis::words::{CR, DOTS, ESC, LINES};
use thiserror::Error;

/// The longest command.
const LONGEST: usize = 4096;
/// The longest tag.
const LONGEST_TAG: usize = 4096;
/// The longest compressed panel: a byte for every dot and one for every line.
const LONGEST_PANEL: usize = LINES * DOTS + LINES;

/// Takes bytes apart.
#[derive(Debug, Default)]
pub struct Parser {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// Nothing is begun.
    #[default]
    Between,
    /// Behind `<`; how many bytes of it there were.
    Tag(usize),
    /// Behind `1B`.
    Command(Vec<u8>),
    /// In the data of a bitmap.
    Data(RawPanel, usize),
    /// Behind it.
    Closing(RawPanel),
    /// Passes over what cannot be read until something starts anew.
    Lost,
}

/// Something that came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// A command: its name and parameters.
    Command(Vec<String>),
    /// A panel, for the side that is being loaded.
    Panel(RawPanel),
    /// Bytes that make no sense.
    Broken(ParseError),
}

/// A panel as it came.
#[derive(Clone, Eq, PartialEq)]
pub struct RawPanel {
    /// `y`, `m`, `c`, `k` or `o`.
    pub letter: char,
    /// Bits of a dot.
    pub bits: usize,
    /// Whether it is compressed.
    pub compressed: bool,
    /// The data.
    pub data: Vec<u8>,
}

impl std::fmt::Debug for RawPanel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} ({} bits, {} bytes)",
            self.letter,
            self.bits,
            self.data.len()
        )
    }
}

impl Parser {
    /// Takes more bytes; returns what they complete.
    pub fn push(&mut self, mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while !bytes.is_empty() {
            let (used, event) = self.step(bytes);
            events.extend(event);
            bytes = &bytes[used..];
        }
        events
    }

    /// Whether something is begun and not ended.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        !matches!(self.state, State::Between | State::Lost)
    }

    /// Takes some of the bytes, at least one; returns how many.
    fn step(&mut self, bytes: &[u8]) -> (usize, Option<Event>) {
        let byte = bytes[0];
        match std::mem::take(&mut self.state) {
            State::Between => match byte {
                ESC => self.state = State::Command(Vec::new()),
                b'<' => self.state = State::Tag(0),
                0 | CR | b'\n' => {}
                _ => return (1, Some(self.lost(ParseError::Noise { byte }))),
            },
            State::Lost => match byte {
                ESC => self.state = State::Command(Vec::new()),
                _ => self.state = State::Lost,
            },
            State::Tag(length) => match byte {
                b'>' => {}
                ESC => {
                    self.state = State::Command(Vec::new());
                    return (1, Some(Event::Broken(ParseError::Tag)));
                }
                _ if length == LONGEST_TAG => return (1, Some(self.lost(ParseError::Tag))),
                _ => self.state = State::Tag(length + 1),
            },
            State::Command(text) => return (1, self.in_command(text, byte)),
            State::Data(mut panel, left) => {
                let count = left.min(bytes.len());
                panel.data.extend_from_slice(&bytes[..count]);
                self.state = if count == left {
                    State::Closing(panel)
                } else {
                    State::Data(panel, left - count)
                };
                return (count, None);
            }
            State::Closing(panel) => {
                return match byte {
                    CR => (1, Some(Event::Panel(panel))),
                    _ => (1, Some(self.lost(ParseError::Count))),
                };
            }
        }
        (1, None)
    }

    fn in_command(&mut self, mut text: Vec<u8>, byte: u8) -> Option<Event> {
        match byte {
            CR => {
                if text.starts_with(b"Db") {
                    // A bitmap whose head is not whole has no end that could be found.
                    return Some(self.lost(ParseError::Bitmap));
                }
                let fields = text.split(|byte| *byte == b';');
                let fields = fields.map(|field| String::from_utf8_lossy(field).into_owned());
                return Some(Event::Command(fields.collect()));
            }
            ESC => {
                self.state = State::Command(Vec::new());
                return Some(Event::Broken(ParseError::NoEnd));
            }
            _ if text.len() == LONGEST => return Some(self.lost(ParseError::NoEnd)),
            _ => text.push(byte),
        }
        let semicolons = text.iter().filter(|byte| **byte == b';').count();
        let head_whole = byte == b';'
            && match text.as_slice() {
                [b'D', b'b', b'c', b';', ..] => semicolons == 4,
                [b'D', b'b', ..] => semicolons == 3,
                _ => false,
            };
        if !head_whole {
            self.state = State::Command(text);
            return None;
        }
        match head(&text) {
            Some((panel, count)) => {
                self.state = match count {
                    0 => State::Closing(panel),
                    count => State::Data(panel, count),
                };
                None
            }
            None => Some(self.lost(ParseError::Bitmap)),
        }
    }

    fn lost(&mut self, error: ParseError) -> Event {
        self.state = State::Lost;
        Event::Broken(error)
    }
}

/// The head of a bitmap up to its last semicolon, and how many bytes of data follow.
fn head(text: &[u8]) -> Option<(RawPanel, usize)> {
    let text = std::str::from_utf8(text).ok()?;
    let mut fields = text.split(';');
    let compressed = match fields.next()? {
        "Db" => false,
        "Dbc" => true,
        _ => return None,
    };
    let letter = match fields.next()? {
        "y" => 'y',
        "m" => 'm',
        "c" => 'c',
        "k" => 'k',
        "o" => 'o',
        _ => return None,
    };
    let bits = match fields.next()? {
        "2" => 1,
        "32" => 5,
        "64" => 6,
        "128" => 7,
        "256" if !compressed => 8,
        _ => return None,
    };
    let count = if compressed {
        fields.next()?.parse().ok()?
    } else {
        LINES * DOTS * bits / 8
    };
    let panel = RawPanel {
        letter,
        bits,
        compressed,
        data: Vec::new(),
    };
    (count <= LONGEST_PANEL).then_some((panel, count))
}

/// Why bytes make no sense.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ParseError {
    /// Neither a command nor a tag.
    #[error("byte `{byte:02X}` between commands")]
    Noise {
        /// The byte.
        byte: u8,
    },
    /// A command without end.
    #[error("a command does not end")]
    NoEnd,
    /// A tag without end.
    #[error("a tag does not end")]
    Tag,
    /// A bitmap of a kind or size that is not printed.
    #[error("a bitmap has a head that is not understood")]
    Bitmap,
    /// A bitmap that does not end where its count says.
    #[error("a bitmap does not end where its count says")]
    Count,
}
