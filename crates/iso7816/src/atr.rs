//! The answer to reset (ISO/IEC 7816-3:2006, clause 8).
//!
//! [`Atr::parse`] is lenient: it refuses only bytes whose structure cannot be followed and keeps
//! everything else that is wrong as [`AtrFinding`]s beside the parsed form. [`encode`] is strict.

mod explain;
mod historical;

use nom::bytes::complete::take;
use nom::number::complete::u8;
use nom::{IResult, Parser};
use serde::Serialize;
use thiserror::Error;

use ground::{Blame, Blamed};

pub use self::explain::AtrLine;
pub use self::historical::{
    CardCapabilities, CardService, Historical, HistoricalObject, LifeCycle, Selection,
};

/// The most bytes an answer to reset has, TS included (ISO/IEC 7816-3, 8.2.1).
pub const MAX_LENGTH: usize = 33;

/// An answer to reset, taken apart.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Atr {
    /// The bytes as they came.
    #[serde(serialize_with = "crate::hexed::serialize")]
    pub raw: Vec<u8>,
    /// What TS says about the coding of bits on the line.
    pub convention: Convention,
    /// TA, TB, TC by group; the first group is always there, the others follow their TD.
    pub groups: Vec<InterfaceGroup>,
    /// The historical bytes.
    pub historical: Historical,
    /// TCK and whether it is right.
    pub check: Check,
    /// What is wrong with it.
    pub findings: Vec<AtrFinding>,
}

/// How bits are coded on the line, told by TS.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Convention {
    /// TS = 3B: high is 1, least significant bit first.
    Direct,
    /// TS = 3F: low is 1, most significant bit first.
    Inverse,
}

impl Convention {
    /// The TS byte.
    #[must_use]
    pub const fn initial_character(self) -> u8 {
        match self {
            Self::Direct => 0x3B,
            Self::Inverse => 0x3F,
        }
    }
}

/// The interface bytes TAi, TBi, TCi of one group i, and the T of the TD that announced it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct InterfaceGroup {
    /// T in TD(i-1), 0 to 15; none for the first group, which T0 announces.
    pub protocol: Option<u8>,
    /// TAi.
    pub ta: Option<u8>,
    /// TBi.
    pub tb: Option<u8>,
    /// TCi.
    pub tc: Option<u8>,
}

impl InterfaceGroup {
    /// The high half of T0 or TD that announces this group, the bit for the next TD left 0.
    const fn presence(self) -> u8 {
        (self.ta.is_some() as u8) << 4
            | (self.tb.is_some() as u8) << 5
            | (self.tc.is_some() as u8) << 6
    }
}

/// TCK, the check byte over T0 to the last historical byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// None, as it must be where only T=0 is offered.
    Absent,
    /// None, although a protocol other than T=0 is offered.
    Missing,
    /// There and right.
    Right(u8),
    /// There and wrong.
    Wrong {
        /// TCK as it came.
        found: u8,
        /// What makes the exclusive-or zero.
        expected: u8,
    },
}

/// Something wrong with an answer to reset that could be read nevertheless.
#[derive(Clone, Debug, Eq, Error, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "finding")]
#[non_exhaustive]
pub enum AtrFinding {
    /// TCK is wrong.
    #[error("check byte is {found:02X}, {expected:02X} is right")]
    WrongCheck {
        /// TCK as it came.
        found: u8,
        /// What makes the exclusive-or zero.
        expected: u8,
    },
    /// No TCK, although a protocol other than T=0 is offered.
    #[error("check byte missing, {expected:02X} is right")]
    MissingCheck {
        /// What TCK would be.
        expected: u8,
    },
    /// Bytes after the end.
    #[error("{length} bytes after the end")]
    Trailing {
        /// How many.
        length: usize,
    },
    /// More bytes than ISO/IEC 7816-3 allows.
    #[error("{length} bytes, at most {MAX_LENGTH} are allowed")]
    TooLong {
        /// How many.
        length: usize,
    },
    /// Protocols not in ascending order, T=15 last (ISO/IEC 7816-3, 8.2.3).
    #[error("protocol T={next} offered after T={previous}")]
    ProtocolOrder {
        /// The protocol before.
        previous: u8,
        /// The protocol out of order.
        next: u8,
    },
    /// Fi or Di is a value reserved for future use.
    #[error("TA1 {ta1:02X} uses a reserved speed value")]
    ReservedSpeed {
        /// TA1.
        ta1: u8,
    },
    /// Historical bytes that do not follow the coding their first byte announces.
    #[error("historical bytes: {detail}")]
    Historical {
        /// What is wrong.
        detail: &'static str,
    },
}

/// Why bytes are no answer to reset, or values make none.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum AtrError {
    /// No bytes at all.
    #[error("no answer to reset")]
    Empty,
    /// TS is neither 3B nor 3F.
    #[error("answer to reset starts with {found:02X}, 3B or 3F was expected")]
    InitialCharacter {
        /// The first byte.
        found: u8,
    },
    /// The bytes end where an announced byte should be.
    #[error("answer to reset of {length} bytes ends before {missing}")]
    Cut {
        /// The byte or bytes announced.
        missing: Missing,
        /// Bytes given.
        length: usize,
    },
    /// More than 15 historical bytes cannot be announced.
    #[error("{length} historical bytes do not fit, the limit is 15")]
    HistoricalTooLong {
        /// Historical bytes given.
        length: usize,
    },
    /// The answer would be longer than 33 bytes.
    #[error("an answer to reset of {length} bytes is too long, the limit is {MAX_LENGTH}")]
    TooLong {
        /// Bytes it would have.
        length: usize,
    },
    /// The groups given make no chain.
    #[error("interface group {index}: {detail}")]
    Group {
        /// The group, counted from 1.
        index: usize,
        /// What is wrong with it.
        detail: &'static str,
    },
}

impl Blamed for AtrError {
    fn blame(&self) -> Blame {
        match self {
            Self::Empty | Self::InitialCharacter { .. } | Self::Cut { .. } => Blame::CardMisbehaved,
            _ => Blame::OperatorMistake,
        }
    }

    fn hint(&self) -> Option<String> {
        (self.blame() == Blame::CardMisbehaved)
            .then(|| "clean the contacts and try again, then try another reader".to_owned())
    }
}

/// An announced byte that is not there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Missing {
    /// T0.
    Format,
    /// TA, TB, TC or TD of a group.
    Interface {
        /// `A` to `D`.
        letter: char,
        /// The group, counted from 1.
        group: usize,
    },
    /// Some of the historical bytes.
    Historical {
        /// How many were announced.
        announced: u8,
    },
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Format => f.write_str("T0"),
            Self::Interface { letter, group } => write!(f, "T{letter}{group}"),
            Self::Historical { announced } => {
                write!(f, "the last of {announced} historical bytes")
            }
        }
    }
}

/// Fi and Di of TA1: how many clock cycles a bit takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Speed {
    /// Clock rate conversion integer; none for a reserved value.
    pub fi: Option<u16>,
    /// Baud rate adjustment integer; none for a reserved value.
    pub di: Option<u8>,
    /// The highest clock frequency in Hz; none for a reserved value.
    pub max_clock: Option<u32>,
}

impl Speed {
    /// Fd 372, Dd 1: what holds without TA1, and for the answer to reset itself.
    pub const DEFAULT: Self = Self {
        fi: Some(372),
        di: Some(1),
        max_clock: Some(5_000_000),
    };

    /// Takes TA1 apart (ISO/IEC 7816-3, Tables 7 and 8).
    #[must_use]
    pub const fn from_ta1(ta1: u8) -> Self {
        let (fi, max_clock) = match ta1 >> 4 {
            0 => (Some(372), Some(4_000_000)),
            1 => (Some(372), Some(5_000_000)),
            2 => (Some(558), Some(6_000_000)),
            3 => (Some(744), Some(8_000_000)),
            4 => (Some(1116), Some(12_000_000)),
            5 => (Some(1488), Some(16_000_000)),
            6 => (Some(1860), Some(20_000_000)),
            9 => (Some(512), Some(5_000_000)),
            10 => (Some(768), Some(7_500_000)),
            11 => (Some(1024), Some(10_000_000)),
            12 => (Some(1536), Some(15_000_000)),
            13 => (Some(2048), Some(20_000_000)),
            _ => (None, None),
        };
        let di = match ta1 & 0x0F {
            1 => Some(1),
            2 => Some(2),
            3 => Some(4),
            4 => Some(8),
            5 => Some(16),
            6 => Some(32),
            7 => Some(64),
            8 => Some(12),
            9 => Some(20),
            _ => None,
        };
        Self { fi, di, max_clock }
    }

    /// Clock cycles per bit (one elementary time unit); none with a reserved value.
    #[must_use]
    pub fn clocks_per_bit(self) -> Option<f64> {
        Some(f64::from(self.fi?) / f64::from(self.di?))
    }

    /// Bits per second at the given clock in Hz; none with a reserved value.
    #[must_use]
    pub fn bits_per_second(self, clock: u32) -> Option<f64> {
        Some(f64::from(clock) / self.clocks_per_bit()?)
    }
}

/// TA2: the card works in one protocol and does not negotiate (ISO/IEC 7816-3, 8.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct SpecificMode {
    /// The protocol to use.
    pub protocol: u8,
    /// Whether a warm reset can bring the card to negotiable mode.
    pub can_change: bool,
    /// Whether Fi and Di are implicit, not those of TA1.
    pub implicit_speed: bool,
}

/// What T=1 says in its first TA, TB, TC after TD with T=1 (ISO/IEC 7816-3, 11.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct BlockProtocol {
    /// IFSC: the longest information field the card takes, in bytes.
    pub information_field_size: u8,
    /// BWI: block waiting time is 11 etu + 2^BWI × 960 × 372 clock cycles.
    pub block_waiting_integer: u8,
    /// CWI: character waiting time is 11 + 2^CWI etu.
    pub character_waiting_integer: u8,
    /// The error detection code at the end of each block.
    pub error_detection: ErrorDetection,
}

/// The error detection code of T=1 blocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ErrorDetection {
    /// Cyclic redundancy check, 2 bytes.
    Crc,
    /// Longitudinal redundancy check, 1 byte.
    Lrc,
}

/// What the first TA for T=15 says about clock and supply (ISO/IEC 7816-3, 8.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Electrical {
    /// Whether and how the clock may be stopped.
    pub clock_stop: ClockStop,
    /// Class A, 5 V.
    pub class_a: bool,
    /// Class B, 3 V.
    pub class_b: bool,
    /// Class C, 1.8 V.
    pub class_c: bool,
}

impl Electrical {
    /// Without TA for T=15: class A only, no clock stop.
    pub const DEFAULT: Self = Self {
        clock_stop: ClockStop::NotSupported,
        class_a: true,
        class_b: false,
        class_c: false,
    };
}

/// Whether the clock may be stopped, and in which state of the line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockStop {
    /// Not at all.
    NotSupported,
    /// In state L.
    Low,
    /// In state H.
    High,
    /// In either state.
    Either,
}

impl Atr {
    /// Takes an answer to reset apart.
    ///
    /// # Errors
    ///
    /// [`AtrError`] when there are no bytes, the first is neither 3B nor 3F, or they end before
    /// an announced byte. All else that is wrong becomes [`Atr::findings`].
    pub fn parse(bytes: &[u8]) -> Result<Self, AtrError> {
        let length = bytes.len();
        let cut = |missing| AtrError::Cut { missing, length };

        let (rest, initial) = byte(bytes).ok_or(AtrError::Empty)?;
        let convention = match initial {
            0x3B => Convention::Direct,
            0x3F => Convention::Inverse,
            found => return Err(AtrError::InitialCharacter { found }),
        };
        let (mut rest, format) = byte(rest).ok_or(cut(Missing::Format))?;

        let mut groups = Vec::new();
        let mut presence = format >> 4;
        let mut protocol = None;
        loop {
            let index = groups.len() + 1;
            let mut next = |letter: char, bit: u8| -> Result<Option<u8>, AtrError> {
                if presence & bit == 0 {
                    return Ok(None);
                }
                let (after, value) = byte(rest).ok_or(cut(Missing::Interface {
                    letter,
                    group: index,
                }))?;
                rest = after;
                Ok(Some(value))
            };
            groups.push(InterfaceGroup {
                protocol,
                ta: next('A', 1)?,
                tb: next('B', 2)?,
                tc: next('C', 4)?,
            });
            let Some(td) = next('D', 8)? else { break };
            protocol = Some(td & 0x0F);
            presence = td >> 4;
        }

        let announced = format & 0x0F;
        let (rest, historical) =
            bytes_of(announced, rest).ok_or(cut(Missing::Historical { announced }))?;
        let mut findings = Vec::new();
        let covered = &bytes[1..length - rest.len()];
        let expected = covered.iter().fold(0, |sum, byte| sum ^ byte);
        let needs_check = groups
            .iter()
            .any(|group| group.protocol.is_some_and(|protocol| protocol != 0));
        let (check, rest) = match (needs_check, rest) {
            (false, rest) => (Check::Absent, rest),
            (true, []) => {
                findings.push(AtrFinding::MissingCheck { expected });
                (Check::Missing, rest)
            }
            (true, &[found, ref rest @ ..]) if found == expected => (Check::Right(found), rest),
            (true, &[found, ref rest @ ..]) => {
                findings.push(AtrFinding::WrongCheck { found, expected });
                (Check::Wrong { found, expected }, rest)
            }
        };
        if !rest.is_empty() {
            findings.push(AtrFinding::Trailing { length: rest.len() });
        }
        if length > MAX_LENGTH {
            findings.push(AtrFinding::TooLong { length });
        }
        let offered: Vec<u8> = groups.iter().filter_map(|group| group.protocol).collect();
        findings.extend(
            offered
                .windows(2)
                .filter(|pair| pair[0] > pair[1])
                .map(|pair| AtrFinding::ProtocolOrder {
                    previous: pair[0],
                    next: pair[1],
                }),
        );
        if let Some(ta1) = groups[0].ta
            && Speed::from_ta1(ta1).clocks_per_bit().is_none()
        {
            findings.push(AtrFinding::ReservedSpeed { ta1 });
        }
        let (historical, detail) = Historical::parse(historical);
        findings.extend(detail.map(|detail| AtrFinding::Historical { detail }));

        Ok(Self {
            raw: bytes.to_vec(),
            convention,
            groups,
            historical,
            check,
            findings,
        })
    }

    /// TA1 as speed, or the default.
    #[must_use]
    pub fn speed(&self) -> Speed {
        self.groups[0].ta.map_or(Speed::DEFAULT, Speed::from_ta1)
    }

    /// N of TC1, the extra guard time in etu; 255 has a meaning of its own (ISO/IEC 7816-3, 8.3).
    #[must_use]
    pub fn extra_guard_time(&self) -> u8 {
        self.groups[0].tc.unwrap_or(0)
    }

    /// TA2, if the card is in specific mode.
    #[must_use]
    pub fn specific_mode(&self) -> Option<SpecificMode> {
        let ta2 = self.groups.get(1)?.ta?;
        Some(SpecificMode {
            protocol: ta2 & 0x0F,
            can_change: ta2 & 0x80 == 0,
            implicit_speed: ta2 & 0x10 != 0,
        })
    }

    /// The transmission protocols offered, in order, without T=15. T=0 where nothing is said.
    #[must_use]
    pub fn protocols(&self) -> Vec<u8> {
        let mut offered: Vec<u8> = Vec::new();
        for protocol in self.groups.iter().filter_map(|group| group.protocol) {
            if protocol != 15 && !offered.contains(&protocol) {
                offered.push(protocol);
            }
        }
        // The first offered protocol is the default one, and T=0 if there is no TD1; a TD1 with
        // T=15 alone leaves it at T=0 as well.
        if offered.is_empty() {
            offered.push(0);
        }
        offered
    }

    /// WI of TC2: the waiting time of T=0 is WI × 960 × Fi clock cycles. Default 10.
    #[must_use]
    pub fn waiting_integer(&self) -> u8 {
        self.groups.get(1).and_then(|group| group.tc).unwrap_or(10)
    }

    /// The parameters of T=1, defaults filled in; none if T=1 is not offered.
    #[must_use]
    pub fn block_protocol(&self) -> Option<BlockProtocol> {
        if !self.protocols().contains(&1) {
            return None;
        }
        let first = self.first_specific(1).unwrap_or_default();
        let waiting = first.tb.unwrap_or(0x4D);
        Some(BlockProtocol {
            information_field_size: first.ta.unwrap_or(32),
            block_waiting_integer: waiting >> 4,
            character_waiting_integer: waiting & 0x0F,
            error_detection: if first.tc.unwrap_or(0) & 1 == 0 {
                ErrorDetection::Lrc
            } else {
                ErrorDetection::Crc
            },
        })
    }

    /// Clock stop and supply classes of the first TA for T=15, or the default.
    #[must_use]
    pub fn electrical(&self) -> Electrical {
        let Some(ta) = self.first_specific(15).and_then(|group| group.ta) else {
            return Electrical::DEFAULT;
        };
        Electrical {
            clock_stop: match ta >> 6 {
                0 => ClockStop::NotSupported,
                1 => ClockStop::Low,
                2 => ClockStop::High,
                _ => ClockStop::Either,
            },
            class_a: ta & 1 != 0,
            class_b: ta & 2 != 0,
            class_c: ta & 4 != 0,
        }
    }

    /// Card capabilities from the historical bytes, where stated.
    #[must_use]
    pub fn capabilities(&self) -> Option<CardCapabilities> {
        self.historical.objects.iter().find_map(|object| {
            if let HistoricalObject::Capabilities(capabilities) = object {
                Some(*capabilities)
            } else {
                None
            }
        })
    }

    /// The first group from i = 3 on that speaks for `protocol`: groups 1 and 2 are global
    /// (ISO/IEC 7816-3, 8.2.3).
    fn first_specific(&self, protocol: u8) -> Option<InterfaceGroup> {
        self.groups
            .iter()
            .skip(2)
            .find(|group| group.protocol == Some(protocol))
            .copied()
    }
}

/// Makes an answer to reset. TCK is added where it belongs.
///
/// # Errors
///
/// [`AtrError::Group`] when the groups make no chain, [`AtrError::HistoricalTooLong`] and
/// [`AtrError::TooLong`] when it does not fit.
pub fn encode(
    convention: Convention,
    groups: &[InterfaceGroup],
    historical: &[u8],
) -> Result<Vec<u8>, AtrError> {
    let historical_length = u8::try_from(historical.len())
        .ok()
        .filter(|&length| length <= 15)
        .ok_or(AtrError::HistoricalTooLong {
            length: historical.len(),
        })?;
    if groups.is_empty() {
        return Err(AtrError::Group {
            index: 1,
            detail: "the first group is always there",
        });
    }
    let mut bytes = vec![convention.initial_character()];
    for (at, group) in groups.iter().enumerate() {
        let fail = |detail| AtrError::Group {
            index: at + 1,
            detail,
        };
        let low = match (at, group.protocol) {
            (0, None) => historical_length,
            (0, Some(_)) => return Err(fail("the first group has no protocol")),
            (_, None) => return Err(fail("a group after the first needs a protocol")),
            (_, Some(protocol @ 0..=15)) => protocol,
            (_, Some(_)) => return Err(fail("a protocol is 0 to 15")),
        };
        let more = u8::from(at + 1 < groups.len()) << 7;
        bytes.push(more | group.presence() | low);
        bytes.extend([group.ta, group.tb, group.tc].into_iter().flatten());
    }
    bytes.extend_from_slice(historical);
    if groups
        .iter()
        .any(|group| group.protocol.is_some_and(|protocol| protocol != 0))
    {
        bytes.push(bytes[1..].iter().fold(0, |sum, byte| sum ^ byte));
    }
    if bytes.len() > MAX_LENGTH {
        return Err(AtrError::TooLong {
            length: bytes.len(),
        });
    }
    Ok(bytes)
}

fn byte(input: &[u8]) -> Option<(&[u8], u8)> {
    let parsed: IResult<&[u8], u8> = u8(input);
    parsed.ok()
}

fn bytes_of(count: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let parsed: IResult<&[u8], &[u8]> = take(count).parse(input);
    parsed.ok()
}

#[cfg(test)]
mod tests;
