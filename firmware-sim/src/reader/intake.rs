//! What the reader makes of the bytes on its serial line.

use ccid::serial::{ACK, NAK, SYNC};
use ccid::{HEADER, LONGEST_MESSAGE};

/// What came from the host.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Taken {
    /// A frame with a message, as it came and without what is around it.
    Request { frame: Vec<u8>, message: Vec<u8> },
    /// A frame that is none: wrong check byte or impossible length.
    Damaged { frame: Vec<u8> },
    /// The host says our last frame came damaged.
    HostRefused,
}

/// The state of the line: which byte of a frame comes next.
#[derive(Debug, Default)]
pub(super) struct Intake {
    frame: Vec<u8>,
}

impl Intake {
    /// Takes one byte.
    pub(super) fn take(&mut self, byte: u8) -> Option<Taken> {
        self.frame.push(byte);
        match self.frame.len() {
            // Noise before a frame is passed over.
            1 if byte != SYNC => self.frame.clear(),
            2 if byte == SYNC => {
                self.frame.pop();
            }
            2 if byte != ACK && byte != NAK => self.frame.clear(),
            3 if self.frame[1] == NAK => {
                self.frame.clear();
                return Some(Taken::HostRefused);
            }
            7 if self.data_length() > LONGEST_MESSAGE - HEADER => {
                let frame = std::mem::take(&mut self.frame);
                return Some(Taken::Damaged { frame });
            }
            length if length > 2 + HEADER && length == 2 + HEADER + self.data_length() + 1 => {
                return Some(self.whole());
            }
            _ => {}
        }
        None
    }

    /// Nothing came for a while: what has begun does not go on.
    pub(super) fn pause(&mut self) -> Option<Taken> {
        let frame = std::mem::take(&mut self.frame);
        (frame.len() >= 2).then_some(Taken::Damaged { frame })
    }

    /// Whether a frame has begun.
    pub(super) fn is_inside(&self) -> bool {
        !self.frame.is_empty()
    }

    fn data_length(&self) -> usize {
        let mut length = [0; 4];
        length.copy_from_slice(&self.frame[3..7]);
        usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX)
    }

    fn whole(&mut self) -> Taken {
        let frame = std::mem::take(&mut self.frame);
        let mut sum = 0;
        for byte in &frame {
            sum ^= byte;
        }
        if sum != 0 {
            return Taken::Damaged { frame };
        }
        let message = frame[2..frame.len() - 1].to_vec();
        Taken::Request { frame, message }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn take(bytes: &[u8]) -> Vec<Taken> {
        let mut intake = Intake::default();
        bytes.iter().filter_map(|&byte| intake.take(byte)).collect()
    }

    const STATUS: [u8; 13] = [3, 6, 0x65, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0x62];

    #[test]
    fn a_frame_is_taken_whole_with_noise_before_it() {
        let bytes = [&[0x00, 0x41, 0x03][..], &STATUS].concat();
        let expected = Taken::Request {
            frame: STATUS.to_vec(),
            message: STATUS[2..12].to_vec(),
        };
        assert_eq!(take(&bytes), [expected]);
    }

    #[test]
    fn a_wrong_check_byte_and_an_impossible_length_are_damage() {
        let mut wrong = STATUS;
        wrong[12] ^= 1;
        assert!(matches!(take(&wrong)[..], [Taken::Damaged { .. }]));
        let long = [3, 6, 0x6F, 0xFF, 0xFF, 0xFF, 0xFF];
        assert!(matches!(take(&long)[..], [Taken::Damaged { .. }]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_and_none_is_kept_without_end(
            bytes in proptest::collection::vec(any::<u8>(), 0..2000),
        ) {
            let mut intake = Intake::default();
            for byte in bytes {
                let _ = intake.take(byte);
                prop_assert!(intake.frame.len() <= 2 + LONGEST_MESSAGE);
            }
            let _ = intake.pause();
            prop_assert!(!intake.is_inside());
        }
    }
}
