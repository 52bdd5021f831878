//! The card's side of T=1 (ISO/IEC 7816-3, clause 11): one block in, one block out.

use iso7816::atr::ErrorDetection;
use iso7816::block::{
    DEFAULT_INFORMATION, I_MORE, I_SEQUENCE, LONGEST_INFORMATION, PROLOGUE, R_BLOCK, R_DAMAGED,
    R_OTHER, R_SEQUENCE, S_ABORT, S_BLOCK, S_IFS, S_RESPONSE, S_RESYNCH, S_WTX,
};

/// The longest command APDU: extended length fields around 65,535 bytes.
const LONGEST_COMMAND: usize = 4 + 3 + 65_535 + 2;

/// What the card does with a block.
#[derive(Debug, Eq, PartialEq)]
pub enum Turn {
    /// It answers with this block.
    Answer(Vec<u8>),
    /// The command is whole: it is carried out, and [`BlockSide::respond`] or
    /// [`BlockSide::need_time`] says what then.
    Carry(Vec<u8>),
    /// The host granted time: the wait for the command goes on.
    GoOn,
}

/// What is between this card and the host since the last reset or resynchronisation.
#[derive(Debug)]
pub struct BlockSide {
    check: ErrorDetection,
    /// What the answer to reset says we take.
    own_size: u8,
    host_size: u8,
    /// N(S) of the next I-block we send.
    sends: u8,
    /// N(S) of the next I-block we take.
    takes: u8,
    command: Vec<u8>,
    /// The response and how much of it has gone out.
    response: Vec<u8>,
    gone: usize,
    last: Last,
}

/// The last block that may have to be sent again.
#[derive(Debug)]
enum Last {
    /// None, or an R-block, which says what is expected and can be made anew.
    Nothing,
    /// An I-block, with its N(S).
    Information { block: Vec<u8>, number: u8 },
    /// A request for time.
    TimeRequest { block: Vec<u8> },
}

impl BlockSide {
    /// After a reset: what ends a block, and the longest information field this card takes.
    #[must_use]
    pub fn new(check: ErrorDetection, own_size: u8) -> Self {
        Self {
            check,
            own_size,
            host_size: DEFAULT_INFORMATION,
            sends: 0,
            takes: 0,
            command: Vec::new(),
            response: Vec::new(),
            gone: 0,
            last: Last::Nothing,
        }
    }

    /// Takes a block from the host.
    pub fn take(&mut self, block: &[u8]) -> Turn {
        let length = self.check_length();
        if block.len() < PROLOGUE + length
            || self.check_of(&block[..block.len() - length]) != block[block.len() - length..]
        {
            return self.expect(R_DAMAGED);
        }
        let body = &block[PROLOGUE..block.len() - length];
        if block[0] != 0 || usize::from(block[2]) != body.len() {
            return self.expect(R_OTHER);
        }
        let control = block[1];
        match control & S_BLOCK {
            S_BLOCK => self.supervise(control, body),
            R_BLOCK => self.repeat_or_go_on(control),
            _ => self.gather(control, body),
        }
    }

    /// The response to the command that was carried out.
    #[must_use]
    pub fn respond(&mut self, response: Vec<u8>) -> Vec<u8> {
        self.response = response;
        self.gone = 0;
        self.next_piece()
    }

    /// Asks the host for `times` the block waiting time more.
    #[must_use]
    pub fn need_time(&mut self, times: u8) -> Vec<u8> {
        let block = self.seal(S_BLOCK | S_WTX, &[times]);
        self.last = Last::TimeRequest {
            block: block.clone(),
        };
        block
    }

    fn gather(&mut self, control: u8, body: &[u8]) -> Turn {
        let number = u8::from(control & I_SEQUENCE != 0);
        let reserved = control & !(I_SEQUENCE | I_MORE) != 0;
        if reserved || body.len() > usize::from(self.own_size) || number != self.takes {
            return self.expect(R_OTHER);
        }
        if self.command.len() + body.len() > LONGEST_COMMAND {
            // No such command exists; the host has to begin anew.
            self.command.clear();
            return self.expect(R_OTHER);
        }
        // The host has our last response, or does not want the rest of it.
        self.response.clear();
        self.gone = 0;
        self.last = Last::Nothing;
        self.takes ^= 1;
        self.command.extend_from_slice(body);
        if control & I_MORE != 0 {
            return self.expect(0);
        }
        Turn::Carry(std::mem::take(&mut self.command))
    }

    fn repeat_or_go_on(&mut self, control: u8) -> Turn {
        let wanted = u8::from(control & R_SEQUENCE != 0);
        match &self.last {
            Last::TimeRequest { block } => Turn::Answer(block.clone()),
            Last::Information { block, number } if *number == wanted => Turn::Answer(block.clone()),
            Last::Information { .. } if self.gone < self.response.len() => {
                Turn::Answer(self.next_piece())
            }
            _ => self.expect(R_OTHER),
        }
    }

    fn supervise(&mut self, control: u8, body: &[u8]) -> Turn {
        let answer = |side: &Self| Turn::Answer(side.seal(control | S_RESPONSE, body));
        match (control, body) {
            (control, []) if control == S_BLOCK | S_RESYNCH => {
                *self = Self::new(self.check, self.own_size);
                answer(self)
            }
            (control, &[size @ 1..=LONGEST_INFORMATION]) if control == S_BLOCK | S_IFS => {
                self.host_size = size;
                answer(self)
            }
            (control, []) if control == S_BLOCK | S_ABORT => {
                self.command.clear();
                self.response.clear();
                self.last = Last::Nothing;
                answer(self)
            }
            (control, &[_]) if control == S_BLOCK | S_RESPONSE | S_WTX => {
                if !matches!(self.last, Last::TimeRequest { .. }) {
                    return self.expect(R_OTHER);
                }
                self.last = Last::Nothing;
                Turn::GoOn
            }
            _ => self.expect(R_OTHER),
        }
    }

    /// R: which I-block is expected, and what was wrong with what came instead.
    fn expect(&mut self, error: u8) -> Turn {
        let number = if self.takes == 1 { R_SEQUENCE } else { 0 };
        Turn::Answer(self.seal(R_BLOCK | number | error, &[]))
    }

    fn next_piece(&mut self) -> Vec<u8> {
        let rest = &self.response[self.gone..];
        let piece = &rest[..rest.len().min(usize::from(self.host_size))];
        let more = if piece.len() < rest.len() { I_MORE } else { 0 };
        let number = self.sends;
        let block = self.seal((number * I_SEQUENCE) | more, piece);
        self.gone += piece.len();
        self.sends ^= 1;
        self.last = Last::Information {
            block: block.clone(),
            number,
        };
        block
    }

    fn seal(&self, control: u8, body: &[u8]) -> Vec<u8> {
        let mut block = vec![0, control, body.len() as u8];
        block.extend_from_slice(body);
        let check = self.check_of(&block);
        block.extend(check);
        block
    }

    fn check_length(&self) -> usize {
        match self.check {
            ErrorDetection::Lrc => 1,
            ErrorDetection::Crc => 2,
        }
    }

    fn check_of(&self, bytes: &[u8]) -> Vec<u8> {
        match self.check {
            ErrorDetection::Lrc => {
                let mut sum = 0;
                bytes.iter().for_each(|byte| sum ^= byte);
                vec![sum]
            }
            ErrorDetection::Crc => {
                // ISO/IEC 13239: shifted out at the low end, 1 + x^5 + x^12 + x^16.
                let mut register = 0xFFFF_u16;
                for &byte in bytes {
                    for bit in 0..8 {
                        let feedback = (register ^ u16::from(byte >> bit)) & 1 == 1;
                        register >>= 1;
                        if feedback {
                            register ^= 0x8408;
                        }
                    }
                }
                vec![(register >> 8) as u8, register as u8]
            }
        }
    }
}
