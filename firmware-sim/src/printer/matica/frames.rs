//! From bytes as they come to whole messages.

/// The most words after the count.
const MAX_WORDS: usize = 1 << 20;

/// A message of the host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// The first word.
    pub kind: u32,
    /// The fourth, which an answer has too.
    pub number: u32,
    /// What follows the fourth word.
    pub data: Vec<u8>,
}

/// Takes a stream apart.
#[derive(Debug, Default)]
pub struct Messages {
    received: Vec<u8>,
}

impl Messages {
    /// Adds what came.
    pub fn add(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// The next whole message; `Err` for a count no message has, after which nothing is
    /// understood any more.
    ///
    /// # Errors
    ///
    /// The count.
    pub fn take(&mut self) -> Result<Option<Message>, u32> {
        let words = |at: usize| -> Option<u32> {
            let bytes = self.received.get(4 * at..4 * at + 4)?;
            Some(
                bytes
                    .iter()
                    .fold(0, |word, byte| (word << 8) | u32::from(*byte)),
            )
        };
        let (Some(kind), Some(count)) = (words(0), words(1)) else {
            return Ok(None);
        };
        let after = usize::try_from(count).unwrap_or(usize::MAX);
        if !(2..=MAX_WORDS).contains(&after) {
            return Err(count);
        }
        let size = 8 + 4 * after;
        let (true, Some(number)) = (self.received.len() >= size, words(3)) else {
            return Ok(None);
        };
        let message: Vec<u8> = self.received.drain(..size).collect();
        Ok(Some(Message {
            kind,
            number,
            data: message[16..].to_vec(),
        }))
    }
}

/// The bytes of an answer.
pub(super) fn answer(kind: u32, word: u32, number: u32, data: &[u8]) -> Vec<u8> {
    let filled = data.len().next_multiple_of(4);
    let count = u32::try_from(filled / 4 + 2).expect("an answer is short");
    let mut bytes: Vec<u8> = [kind, count, word, number]
        .iter()
        .flat_map(|word| word.to_be_bytes())
        .collect();
    bytes.extend_from_slice(data);
    bytes.resize(16 + filled, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_whole_or_not_at_all() {
        let bytes = hex::decode("f000010000000003000000000000002a02020000").unwrap();
        let mut messages = Messages::default();
        for byte in &bytes[..19] {
            messages.add(&[*byte]);
            assert_eq!(messages.take(), Ok(None));
        }
        messages.add(&bytes[19..]);
        messages.add(&bytes[..9]);
        let message = messages.take().unwrap().unwrap();
        assert_eq!((message.kind, message.number), (0xF000_0100, 42));
        assert_eq!(message.data, [2, 2, 0, 0]);
        assert_eq!(messages.take(), Ok(None));
        let mut messages = Messages::default();
        messages.add(&[0xF0, 0, 1, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert_eq!(messages.take(), Err(u32::MAX));
    }
}
