//! Which protocol and speed to use with a card, and how to agree on it (ISO/IEC 7816-3,
//! clause 9). The GemPC Twin leaves both to the host.

use iso7816::atr::Speed;
use iso7816::block::{PPS1_PRESENT, PPSS};
use iso7816::{Atr, Protocol};
use thiserror::Error;

/// Fi and Di of a card that says nothing, as TA1.
pub const DEFAULT_SPEED: u8 = 0x11;
/// The clock the reader gives the card, in Hz, and the fastest line it can follow, in bits per
/// second, as libccid's description of the GemPC Twin has them.
const CLOCK: u32 = 4_000_000;
const FASTEST: f64 = 344_086.0;

/// How to talk to a card.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Agreement {
    /// The protocol.
    pub protocol: Protocol,
    /// Fi and Di as in TA1.
    pub speed: u8,
}

/// What the host wants of a card, by its answer to reset.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Plan {
    /// What to try.
    pub wanted: Agreement,
    /// Whether the card has to be asked, because it would do something else by itself.
    pub ask: bool,
    /// What the card does without being asked.
    pub default: Agreement,
}

impl Plan {
    /// T=1 where the card offers it, at the fastest speed that card and reader can do.
    ///
    /// # Errors
    ///
    /// [`PpsError::NoProtocol`] for a card that offers neither T=0 nor T=1.
    pub fn of(atr: &Atr) -> Result<Self, PpsError> {
        let known = |number: u8| match number {
            0 => Some(Protocol::T0),
            1 => Some(Protocol::T1),
            _ => None,
        };
        let offered = atr.protocols();
        let no_protocol = || PpsError::NoProtocol {
            offered: offered.clone(),
        };
        let announced = atr.groups[0].ta.unwrap_or(DEFAULT_SPEED);
        if let Some(mode) = atr.specific_mode() {
            let fixed = Agreement {
                protocol: known(mode.protocol).ok_or_else(no_protocol)?,
                speed: if mode.implicit_speed {
                    DEFAULT_SPEED
                } else {
                    announced
                },
            };
            return Ok(Self {
                wanted: fixed,
                ask: false,
                default: fixed,
            });
        }
        let first = offered.first().copied().and_then(known);
        let best = if offered.contains(&1) {
            Some(Protocol::T1)
        } else {
            offered.contains(&0).then_some(Protocol::T0)
        };
        let wanted = Agreement {
            protocol: best.ok_or_else(no_protocol)?,
            speed: possible(announced),
        };
        let default = Agreement {
            protocol: first.unwrap_or(wanted.protocol),
            speed: DEFAULT_SPEED,
        };
        Ok(Self {
            wanted,
            ask: wanted != default || first.is_none(),
            default,
        })
    }
}

/// The fastest speed up to that of TA1 that the reader can do: any between the default and what
/// the card offers may be asked for.
fn possible(ta1: u8) -> u8 {
    let too_fast = |speed: u8| {
        Speed::from_ta1(speed)
            .bits_per_second(CLOCK)
            .is_none_or(|bits| bits > FASTEST)
    };
    // The codes of Di by falling value: 64, 32, 16, 8, 4, 2, 1.
    let slower = (1..=7).rev().map(|di| ta1 & 0xF0 | di);
    std::iter::once(ta1)
        .chain(slower.filter(|speed| speed & 0x0F < ta1 & 0x0F))
        .find(|&speed| !too_fast(speed))
        .unwrap_or(DEFAULT_SPEED)
}

/// The request for an agreement: PPSS, PPS0, PPS1 unless it would be the default, PCK.
#[must_use]
pub fn request(wanted: Agreement) -> Vec<u8> {
    let protocol = match wanted.protocol {
        Protocol::T0 => 0,
        Protocol::T1 => 1,
    };
    let mut bytes = if wanted.speed == DEFAULT_SPEED {
        vec![PPSS, protocol]
    } else {
        vec![PPSS, PPS1_PRESENT | protocol, wanted.speed]
    };
    bytes.push(bytes.iter().fold(0, |sum, byte| sum ^ byte));
    bytes
}

/// What the card agreed to.
///
/// # Errors
///
/// [`PpsError::Answer`] for anything that is no agreement to the request.
pub fn agreed(wanted: Agreement, answer: &[u8]) -> Result<Agreement, PpsError> {
    let refused = || PpsError::Answer {
        answer: answer.to_vec(),
    };
    let asked = request(wanted);
    if answer.iter().fold(0, |sum, byte| sum ^ byte) != 0 {
        return Err(refused());
    }
    if answer == asked {
        return Ok(wanted);
    }
    match *answer {
        // Without PPS1: the protocol as asked, the speed as by default.
        [PPSS, format, _] if format == asked[1] & 0x0F => Ok(Agreement {
            speed: DEFAULT_SPEED,
            ..wanted
        }),
        _ => Err(refused()),
    }
}

/// Why there is no agreement with a card.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PpsError {
    /// None the reader speaks.
    #[error("it offers the protocols {offered:?}, of which neither is T=0 or T=1")]
    NoProtocol {
        /// What the answer to reset offers.
        offered: Vec<u8>,
    },
    /// The card answered something else.
    #[error("its answer to the choice of protocol and speed is {answer:02X?}")]
    Answer {
        /// The answer.
        answer: Vec<u8>,
    },
}

#[cfg(test)]
mod tests {
    use iso7816::atr::{InterfaceGroup, encode};
    use proptest::prelude::*;

    use super::*;

    fn plan(atr: &str) -> Plan {
        let bytes: Vec<u8> = (0..atr.len() / 2)
            .map(|at| u8::from_str_radix(&atr[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        Plan::of(&Atr::parse(&bytes).unwrap()).unwrap()
    }

    #[test]
    fn a_card_that_says_nothing_is_not_asked() {
        let plan = plan("3B6600005457494E3031");
        assert!(!plan.ask);
        assert_eq!(plan.wanted.protocol, Protocol::T0);
        assert_eq!(plan.wanted.speed, DEFAULT_SPEED);
    }

    #[test]
    fn a_series_10_card_is_asked_for_its_speed() {
        let plan = plan("3BDF96008131FE4580738421E0554978000080830F90000C");
        assert!(plan.ask);
        assert_eq!(request(plan.wanted), [0xFF, 0x11, 0x96, 0x78]);
    }

    #[test]
    fn a_card_too_fast_for_the_reader_is_asked_for_less() {
        // 512/64 at 4 MHz are half a million bits per second.
        assert_eq!(possible(0x97), 0x96);
        assert_eq!(possible(0x96), 0x96);
        assert_eq!(possible(0xFF), DEFAULT_SPEED);
    }

    #[test]
    fn a_specific_mode_is_not_negotiated() {
        // TA2 = 01: T=1, speed as in TA1.
        let group = |protocol, ta| InterfaceGroup {
            protocol,
            ta,
            ..InterfaceGroup::default()
        };
        let groups = [group(None, Some(0x95)), group(Some(1), Some(0x01))];
        let atr = encode(iso7816::atr::Convention::Direct, &groups, b"").unwrap();
        let plan = Plan::of(&Atr::parse(&atr).unwrap()).unwrap();
        assert!(!plan.ask);
        assert_eq!(
            (plan.wanted.protocol, plan.wanted.speed),
            (Protocol::T1, 0x95)
        );
    }

    #[test]
    fn the_request_of_the_facts_is_made_and_its_answers_understood() {
        let wanted = Agreement {
            protocol: Protocol::T1,
            speed: 0x95,
        };
        assert_eq!(request(wanted), [0xFF, 0x11, 0x95, 0x7B]);
        assert_eq!(agreed(wanted, &[0xFF, 0x11, 0x95, 0x7B]), Ok(wanted));
        let slow = agreed(wanted, &[0xFF, 0x01, 0xFE]).unwrap();
        assert_eq!(slow.speed, DEFAULT_SPEED);
        for other in [
            &[0xFF, 0x11, 0x95, 0x7A][..],
            &[0xFF, 0x00, 0xFF],
            &[],
            &[0],
        ] {
            assert!(agreed(wanted, other).is_err());
        }
    }

    proptest! {
        #[test]
        fn every_card_gets_a_plan_within_what_it_offers(
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut bytes = bytes;
            bytes.insert(0, 0x3B);
            let Ok(atr) = Atr::parse(&bytes) else { return Ok(()) };
            match Plan::of(&atr) {
                Ok(plan) => {
                    let number = if plan.wanted.protocol == Protocol::T1 { 1 } else { 0 };
                    prop_assert!(atr.specific_mode().is_some() || atr.protocols().contains(&number));
                    let asked = request(plan.wanted);
                    prop_assert_eq!(agreed(plan.wanted, &asked), Ok(plan.wanted));
                }
                Err(PpsError::NoProtocol { .. }) => {}
                Err(other) => prop_assert!(false, "{}", other),
            }
        }

        #[test]
        fn any_answer_is_an_agreement_or_a_typed_error(
            answer in proptest::collection::vec(any::<u8>(), 0..8),
            speed: u8,
        ) {
            let wanted = Agreement { protocol: Protocol::T1, speed };
            if let Ok(got) = agreed(wanted, &answer) {
                prop_assert_eq!(got.protocol, wanted.protocol);
            }
        }
    }
}
