use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// No mutation makes an input longer than this.
const LONGEST: usize = 16 * 1024;

/// Bytes with a meaning in length fields, tags, digits and classes.
const TELLING: [u8; 16] = [
    0x00, 0x01, 0x02, 0x03, 0x0C, 0x10, 0x30, 0x53, 0x7E, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xFE, 0xFF,
];

/// Damages inputs, the same way for the same seed.
pub struct Mutator {
    random: ChaCha8Rng,
}

impl Mutator {
    /// A generator with this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// One of the inputs with one to four damages, some of them with pieces of another.
    #[must_use]
    pub fn mutate(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = self.pick(corpus).cloned().unwrap_or_default();
        for _ in 0..=self.below(4) {
            self.damage(&mut bytes, corpus);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn damage(&mut self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(bytes.len());
        let length = self.below(16.min(bytes.len() - at.min(bytes.len())));
        match self.below(9) {
            0 => {
                let bit = self.below(8);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            1 => {
                let byte = self.byte();
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
            2 => {
                let byte = TELLING[self.below(TELLING.len())];
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
            3 => {
                let byte = self.byte();
                bytes.insert(at, byte);
            }
            4 => drop(bytes.drain(at..at + length)),
            5 => {
                let piece = bytes[at..at + length].to_vec();
                bytes.splice(at..at, piece);
            }
            6 => bytes.truncate(at),
            7 => {
                if let Some(by) = bytes.get_mut(at) {
                    *by = by.wrapping_add(1);
                }
            }
            _ => {
                let Some(other) = self.pick(corpus) else {
                    return;
                };
                let from = self.below(other.len());
                let piece = &other[from..];
                let piece = &piece[..self.below(piece.len())];
                bytes.truncate(at);
                bytes.extend_from_slice(piece);
            }
        }
    }

    fn pick<'a>(&mut self, corpus: &'a [Vec<u8>]) -> Option<&'a Vec<u8>> {
        corpus.get(self.below(corpus.len()))
    }

    fn byte(&mut self) -> u8 {
        self.random.next_u32() as u8
    }

    /// A number below the limit; 0 where there is none.
    fn below(&mut self, limit: usize) -> usize {
        match limit {
            0 => 0,
            limit => self.random.next_u32() as usize % limit,
        }
    }
}
