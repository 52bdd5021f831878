//! What the dispenser makes of the bytes on its serial line.

/// What came from the host.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Taken {
    /// A whole frame; without what is around the text.
    Text(Vec<u8>),
    /// A frame that is none.
    Damaged,
    /// Our answer came whole.
    Acknowledged,
    /// Our answer came damaged.
    Refused,
    /// The host gives up.
    Ended,
}

/// The longest text of a host: `C`, command, parameter and 512 bytes.
const LONGEST: usize = 515;

/// The state of the line: which byte of a frame comes next.
#[derive(Debug)]
pub(super) struct Intake {
    address: u8,
    frame: Vec<u8>,
}

impl Intake {
    pub(super) fn new(address: u8) -> Self {
        Self {
            address,
            frame: Vec::new(),
        }
    }

    /// Takes one byte.
    pub(super) fn take(&mut self, byte: u8) -> Option<Taken> {
        if self.frame.is_empty() {
            return match byte {
                0xF2 => {
                    self.frame.push(byte);
                    None
                }
                0x06 => Some(Taken::Acknowledged),
                0x15 => Some(Taken::Refused),
                0x04 => Some(Taken::Ended),
                // Noise between frames.
                _ => None,
            };
        }
        self.frame.push(byte);
        if self.frame.len() < 4 {
            return None;
        }
        let length = usize::from(self.frame[2]) << 8 | usize::from(self.frame[3]);
        if length > LONGEST {
            self.frame.clear();
            return Some(Taken::Damaged);
        }
        if self.frame.len() < length + 6 {
            return None;
        }
        let frame = std::mem::take(&mut self.frame);
        let sum = frame.iter().fold(0, |sum, byte| sum ^ byte);
        if sum != 0 || frame[length + 4] != 0x03 {
            // Whose it was cannot be told either.
            return Some(Taken::Damaged);
        }
        (frame[1] == self.address).then(|| Taken::Text(frame[4..length + 4].to_vec()))
    }

    /// Nothing came for a while: what has begun does not go on.
    pub(super) fn pause(&mut self) -> Option<Taken> {
        let begun = !self.frame.is_empty();
        self.frame.clear();
        begun.then_some(Taken::Damaged)
    }

    pub(super) fn is_inside(&self) -> bool {
        !self.frame.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(intake: &mut Intake, bytes: &[u8]) -> Vec<Taken> {
        bytes.iter().filter_map(|byte| intake.take(*byte)).collect()
    }

    #[test]
    fn frames_of_the_protocol_document_are_taken() {
        let mut intake = Intake::new(0);
        let init = [0xF2, 0, 0, 3, 0x43, 0x30, 0x33, 3, 0xB2];
        assert_eq!(all(&mut intake, &init), [Taken::Text(b"C03".to_vec())]);
        let mut changed = init;
        changed[6] = 0x31;
        assert_eq!(all(&mut intake, &changed), [Taken::Damaged]);
        assert_eq!(
            all(&mut intake, &[0x06, 0xFF, 0x15, 0x04]),
            [Taken::Acknowledged, Taken::Refused, Taken::Ended]
        );
        assert_eq!(all(&mut Intake::new(1), &init), []);
        assert_eq!(all(&mut intake, &init[..5]), []);
        assert_eq!(intake.pause(), Some(Taken::Damaged));
        assert_eq!(intake.pause(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..900)) {
            let mut intake = Intake::new(0);
            for byte in bytes {
                let _ = intake.take(byte);
                prop_assert!(intake.frame.len() <= LONGEST + 6);
            }
        }
    }
}
