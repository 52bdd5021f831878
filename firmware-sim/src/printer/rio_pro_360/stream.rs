//! From bytes as they come to whole jobs and questions.

use super::sheet::{Sheet, SheetError, Text};

/// The longest text that is taken.
const MAX_TEXT: usize = 64 * 1024;
/// The most bytes of planes that are taken: two sides of four panels, and room.
const MAX_PLANES: usize = 8 << 20;
/// Bytes of the checksum.
const CHECKSUM: usize = 4;

/// What came over the stream.
#[derive(Debug)]
pub enum Event {
    /// A job.
    Job(Box<Sheet>),
    /// A question for the value of that name.
    Asked(String),
    /// Bytes that are neither.
    Broken(SheetError),
}

/// Takes a stream apart.
#[derive(Debug, Default)]
pub struct Stream {
    received: Vec<u8>,
    /// Nothing is understood any more.
    lost: bool,
}

impl Stream {
    /// Takes bytes; returns what is complete now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        if self.lost {
            return events;
        }
        self.received.extend_from_slice(bytes);
        loop {
            match self.next() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => {
                    self.lost = true;
                    self.received = Vec::new();
                    events.push(Event::Broken(error));
                    break;
                }
            }
        }
        events
    }

    fn next(&mut self) -> Result<Option<Event>, SheetError> {
        let end = self
            .received
            .iter()
            .take(MAX_TEXT)
            .position(|byte| *byte == 0);
        let Some(end) = end else {
            return if self.received.len() >= MAX_TEXT {
                Err(SheetError::TooLong)
            } else {
                Ok(None)
            };
        };
        let text = Text::read(&self.received[..end])?;
        let planes = text.binary_size;
        if planes > MAX_PLANES {
            return Err(SheetError::TooLarge { size: planes });
        }
        let size = end + 1 + planes + CHECKSUM;
        if self.received.len() < size {
            return Ok(None);
        }
        let whole: Vec<u8> = self.received.drain(..size).collect();
        let (body, sum) = whole.split_at(size - CHECKSUM);
        if checksum(body).to_le_bytes() != sum {
            return Err(SheetError::Checksum);
        }
        let planes = &body[end + 1..];
        Ok(Some(match text.asked {
            Some(name) => Event::Asked(name),
            None => Event::Job(Box::new(Sheet::new(text, planes)?)),
        }))
    }
}

/// Polynomial 04C11DB7, most significant bit first, all ones before and inverted after.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    let mut rest = u32::MAX;
    for byte in bytes {
        let [top, ..] = rest.to_be_bytes();
        rest = (rest << 8) ^ TABLE[usize::from(top ^ byte)];
    }
    !rest
}

const fn table() -> [u32; 256] {
    let mut table = [0_u32; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut rest = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            let carry = rest & 0x8000_0000 != 0;
            rest <<= 1;
            if carry {
                rest ^= 0x04C1_1DB7;
            }
            bit += 1;
        }
        table[byte] = rest;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_has_the_catalogued_check_value() {
        assert_eq!(checksum(b"123456789"), 0xFC89_1918);
    }
}
