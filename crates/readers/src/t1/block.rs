use std::fmt;

use iso7816::atr::ErrorDetection;
use iso7816::block::{
    I_MORE, I_SEQUENCE, LONGEST_INFORMATION, PROLOGUE, R_BLOCK, R_DAMAGED, R_NO_ERROR, R_OTHER,
    R_SEQUENCE, S_ABORT, S_BLOCK, S_IFS, S_RESPONSE, S_RESYNCH, S_WTX,
};
use thiserror::Error;
use zeroize::Zeroizing;

/// A block of T=1 (ISO/IEC 7816-3, 11.3).
#[derive(Clone, Eq, PartialEq)]
pub enum Block {
    /// I-block: a piece of a command or response.
    Information {
        /// N(S).
        sequence: bool,
        /// M: the next one goes on.
        more: bool,
        /// The piece. It may hold a passcode or a decrypted key.
        data: Zeroizing<Vec<u8>>,
    },
    /// R-block: which I-block is expected next.
    Ready {
        /// N(R).
        sequence: bool,
        /// The low bits: 0 no error, 1 damaged, 2 other error.
        error: u8,
    },
    /// S-block request.
    Request(Supervisory),
    /// S-block response.
    Response(Supervisory),
}

/// What an S-block is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Supervisory {
    /// Begin with number 0 again.
    Resynch,
    /// The sender takes information fields of that many bytes, 1 to 254.
    InformationSize(u8),
    /// The chain is given up.
    Abort,
    /// The card needs that many times the waiting time.
    WaitingTime(u8),
}

impl Supervisory {
    fn code(self) -> (u8, Option<u8>) {
        match self {
            Self::Resynch => (S_RESYNCH, None),
            Self::InformationSize(size) => (S_IFS, Some(size)),
            Self::Abort => (S_ABORT, None),
            Self::WaitingTime(times) => (S_WTX, Some(times)),
        }
    }
}

impl Block {
    /// The bytes, from node address 0 to node address 0.
    ///
    /// # Panics
    ///
    /// If an I-block holds more than 254 bytes.
    #[must_use]
    pub fn encode(&self, error_detection: ErrorDetection) -> Zeroizing<Vec<u8>> {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        let value;
        let (control, information): (u8, &[u8]) = match self {
            Self::Information {
                sequence,
                more,
                data,
            } => (bit(*sequence, I_SEQUENCE) | bit(*more, I_MORE), data),
            Self::Ready { sequence, error } => (R_BLOCK | bit(*sequence, R_SEQUENCE) | error, &[]),
            Self::Request(about) | Self::Response(about) => {
                let (code, argument) = about.code();
                value = argument;
                let response = bit(matches!(self, Self::Response(_)), S_RESPONSE);
                (S_BLOCK | response | code, value.as_slice())
            }
        };
        assert!(information.len() <= usize::from(LONGEST_INFORMATION));
        let mut bytes = Zeroizing::new(Vec::with_capacity(PROLOGUE + information.len() + 2));
        bytes.extend_from_slice(&[0, control, information.len() as u8]);
        bytes.extend_from_slice(information);
        match error_detection {
            ErrorDetection::Lrc => {
                let check = exclusive_or(&bytes);
                bytes.push(check);
            }
            ErrorDetection::Crc => {
                let check = redundancy(&bytes);
                bytes.extend_from_slice(&check);
            }
        }
        bytes
    }

    /// Takes a block from the card apart.
    ///
    /// # Errors
    ///
    /// [`BlockError`].
    pub fn parse(bytes: &[u8], error_detection: ErrorDetection) -> Result<Self, BlockError> {
        let length = bytes.len();
        let check_length = match error_detection {
            ErrorDetection::Lrc => 1,
            ErrorDetection::Crc => 2,
        };
        let Some((&[node, control, announced], rest)) = bytes.split_first_chunk::<PROLOGUE>()
        else {
            return Err(BlockError::Short { length });
        };
        if announced > LONGEST_INFORMATION || rest.len() != usize::from(announced) + check_length {
            return Err(BlockError::Length { announced, length });
        }
        let (covered, check) = bytes.split_at(length - check_length);
        let right = match error_detection {
            ErrorDetection::Lrc => check == [exclusive_or(covered)],
            ErrorDetection::Crc => check == redundancy(covered),
        };
        if !right {
            return Err(BlockError::Check);
        }
        if node != 0 {
            return Err(BlockError::Node { node });
        }
        let information = &covered[PROLOGUE..];
        Self::of(control, information).ok_or(BlockError::Control { control, announced })
    }

    fn of(control: u8, information: &[u8]) -> Option<Self> {
        if control & 0x80 == 0 {
            return (control & !(I_SEQUENCE | I_MORE) == 0).then(|| Self::Information {
                sequence: control & I_SEQUENCE != 0,
                more: control & I_MORE != 0,
                data: Zeroizing::new(information.to_vec()),
            });
        }
        if control & 0xC0 == R_BLOCK {
            let error = control & !(R_BLOCK | R_SEQUENCE);
            let known = matches!(error, R_NO_ERROR | R_DAMAGED | R_OTHER);
            return (known && information.is_empty()).then_some(Self::Ready {
                sequence: control & R_SEQUENCE != 0,
                error,
            });
        }
        let about = match (control & !(S_BLOCK | S_RESPONSE), information) {
            (S_RESYNCH, []) => Supervisory::Resynch,
            (S_IFS, &[size @ 1..=LONGEST_INFORMATION]) => Supervisory::InformationSize(size),
            (S_ABORT, []) => Supervisory::Abort,
            (S_WTX, &[times]) => Supervisory::WaitingTime(times),
            _ => return None,
        };
        Some(if control & S_RESPONSE == 0 {
            Self::Request(about)
        } else {
            Self::Response(about)
        })
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Information {
                sequence,
                more,
                data,
            } => write!(
                f,
                "I({}{}, {} bytes)",
                u8::from(*sequence),
                if *more { ", more" } else { "" },
                data.len()
            ),
            Self::Ready { sequence, error } => write!(f, "R({}, {error})", u8::from(*sequence)),
            Self::Request(about) => write!(f, "S({about:?} request)"),
            Self::Response(about) => write!(f, "S({about:?} response)"),
        }
    }
}

/// LRC: what makes the exclusive-or of the whole block zero.
fn exclusive_or(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

/// CRC of ISO/IEC 13239: x^16 + x^12 + x^5 + 1, low bits first, from FFFF; most significant byte
/// first in the block, as other implementations of T=1 send it.
fn redundancy(bytes: &[u8]) -> [u8; 2] {
    let one = |sum: u16, byte: &u8| {
        (0..8).fold(sum ^ u16::from(*byte), |sum, _| {
            (sum >> 1) ^ (0x8408 * (sum & 1))
        })
    };
    bytes.iter().fold(u16::MAX, one).to_be_bytes()
}

/// Why bytes are no block.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum BlockError {
    /// Shorter than a prologue.
    #[error("a block has at least {PROLOGUE} bytes, this one {length}")]
    Short {
        /// Bytes that came.
        length: usize,
    },
    /// LEN does not agree with what came.
    #[error("a block of {length} bytes announces {announced} bytes of information")]
    Length {
        /// LEN.
        announced: u8,
        /// Bytes that came.
        length: usize,
    },
    /// The error detection code is wrong.
    #[error("the error detection code is wrong")]
    Check,
    /// For or from another node.
    #[error("node address {node:02X} is not 00")]
    Node {
        /// NAD.
        node: u8,
    },
    /// A control byte that says nothing, or not with that much information.
    #[error("control byte {control:02X} with {announced} bytes of information means nothing")]
    Control {
        /// PCB.
        control: u8,
        /// LEN.
        announced: u8,
    },
}
