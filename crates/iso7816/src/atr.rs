//! The answer to reset (ISO/IEC 7816-3:2006, clause 8).
//!
//! [`Atr::parse`] is lenient: it refuses only bytes whose structure cannot be followed and keeps
//! everything else that is wrong as [`AtrFinding`]s beside the parsed form. [`encode`] is strict.

mod explain;
mod fault;
mod historical;
mod interface;

use nom::bytes::complete::take;
use nom::number::complete::u8;
use nom::{IResult, Parser};
use serde::Serialize;

pub use self::explain::AtrLine;
pub use self::fault::{AtrError, AtrFinding, Missing};
pub use self::historical::{
    CardCapabilities, CardService, Historical, HistoricalObject, LifeCycle, Selection,
};
pub use self::interface::{
    BlockProtocol, ClockStop, Electrical, ErrorDetection, SpecificMode, Speed,
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
