use std::time::Duration;

use ccid::{CardStatus, SlotError, Voltage};
use iso7816::atr::{BlockProtocol as BlockParameters, ErrorDetection, Speed};
use iso7816::block::LONGEST_INFORMATION;
use iso7816::{Atr, LinkError, Protocol};
use zeroize::Zeroizing;

use super::carrier::{BY_ITSELF, Sent, Slot};
use super::error::{garbled, of_protocol, refused};
use super::session::Session;
use crate::ccid::{Answer, Command, Outcome, Parameters};
use crate::pps::{self, Agreement, Plan};
use crate::t1::BlockProtocol;

/// How long a card may take to its answer to reset: 40,000 clock cycles and 33 characters at the
/// longest distance (ISO/IEC 7816-3, 8.1), and the reader's own tries.
const ANSWERS_TO_RESET_WITHIN: Duration = Duration::from_secs(10);
/// The clock the reader gives the card, in Hz.
const CLOCK: f64 = 4_000_000.0;
/// On top of what the card may take: the serial line both ways at its longest message, and the
/// card's own line at its slowest.
const MARGIN: Duration = Duration::from_secs(3);

/// A card with power, and what was agreed with it.
pub(super) struct Activated {
    pub(super) atr: Vec<u8>,
    pub(super) voltage: Voltage,
    pub(super) talk: Talk,
    /// How long it may take for one block or TPDU.
    pub(super) within: Duration,
}

/// The protocol in force and its state.
pub(super) enum Talk {
    T0,
    T1(BlockProtocol),
}

impl Talk {
    pub(super) fn protocol(&self) -> Protocol {
        match self {
            Self::T0 => Protocol::T0,
            Self::T1(_) => Protocol::T1,
        }
    }
}

/// Powers the card up, with the voltages in the order pcscd tries them, and agrees on how to talk.
pub(super) fn cold(session: &mut Session, reader: &str) -> Result<Activated, LinkError> {
    power_off(session, reader)?;
    let voltages = [Voltage::Five, Voltage::Three, Voltage::OnePointEight];
    let mut last = LinkError::CardMute {
        reader: reader.to_owned(),
    };
    for voltage in voltages {
        match warm(session, reader, voltage) {
            Err(error @ LinkError::CardMute { .. }) => last = error,
            done => return done,
        }
    }
    Err(last)
}

/// Resets the card, or powers it up, and agrees on how to talk.
pub(super) fn warm(
    session: &mut Session,
    reader: &str,
    voltage: Voltage,
) -> Result<Activated, LinkError> {
    let atr_bytes = power_on(session, reader, voltage)?;
    let atr = Atr::parse(&atr_bytes)
        .map_err(|error| garbled(reader, &format_args!("its answer to reset: {error}")))?;
    let plan = Plan::of(&atr).map_err(|error| garbled(reader, &error))?;
    let agreement = if plan.ask {
        match ask(session, reader, &atr, plan.wanted)? {
            Some(agreement) => agreement,
            None => {
                // A card that did not agree has to be reset (ISO/IEC 7816-3, 9.1), and then does
                // what it does by itself.
                power_off(session, reader)?;
                power_on(session, reader, voltage)?;
                plan.default
            }
        }
    } else {
        plan.wanted
    };
    let parameters = parameters(&atr, agreement);
    let set = Command::SetParameters(parameters);
    expect(
        session,
        reader,
        &set,
        "it does not take the card's parameters",
    )?;
    let within = waiting_time(&atr, agreement) + MARGIN;
    let talk = match agreement.protocol {
        Protocol::T0 => Talk::T0,
        Protocol::T1 => {
            let block = block_parameters(&atr);
            let mut protocol =
                BlockProtocol::new(block.error_detection, block.information_field_size);
            let mut slot = Slot {
                session,
                reader,
                within,
            };
            protocol
                .announce_size(LONGEST_INFORMATION, &mut slot)
                .map_err(|error| of_protocol(error, reader))?;
            Talk::T1(protocol)
        }
    };
    Ok(Activated {
        atr: atr_bytes,
        voltage,
        talk,
        within,
    })
}

/// Takes the power away.
pub(super) fn power_off(session: &mut Session, reader: &str) -> Result<(), LinkError> {
    // The answer says whether there is a card; either way it has no power now.
    exchange(session, reader, &Command::PowerOff, BY_ITSELF)?;
    Ok(())
}

/// What is in the slot.
pub(super) fn card_status(session: &mut Session, reader: &str) -> Result<CardStatus, LinkError> {
    Ok(exchange(session, reader, &Command::GetSlotStatus, BY_ITSELF)?.card)
}

fn power_on(session: &mut Session, reader: &str, voltage: Voltage) -> Result<Vec<u8>, LinkError> {
    // Whatever was taken out before is not the card that is powered now.
    session.take_removed();
    let power_on = Command::PowerOn(voltage);
    let answer = exchange(session, reader, &power_on, ANSWERS_TO_RESET_WITHIN)?;
    if answer.card == CardStatus::Absent {
        return Err(LinkError::NoCard {
            reader: reader.to_owned(),
        });
    }
    let mute = LinkError::CardMute {
        reader: reader.to_owned(),
    };
    match answer.outcome {
        Outcome::Done if answer.data.is_empty() => Err(mute),
        Outcome::Done => Ok(answer.data.to_vec()),
        // The reader could give no other voltage, or the card took none of it.
        Outcome::Failed(SlotError::Mute | SlotError::BadByte(7)) => Err(mute),
        Outcome::Failed(
            error @ (SlotError::BadInitialCharacter
            | SlotError::BadCheckCharacter
            | SlotError::Parity
            | SlotError::Overrun),
        ) => Err(garbled(
            reader,
            &format_args!("its answer to reset: {error}"),
        )),
        Outcome::Failed(error) => Err(refused(reader, "it does not power the card up", error)),
        Outcome::TimeExtension(_) => Err(mute),
    }
}

/// Asks the card for another protocol or speed; nothing if it does not agree.
fn ask(
    session: &mut Session,
    reader: &str,
    atr: &Atr,
    wanted: Agreement,
) -> Result<Option<Agreement>, LinkError> {
    let request = Zeroizing::new(pps::request(wanted));
    let within = waiting_time(atr, wanted) + MARGIN;
    let mut slot = Slot {
        session,
        reader,
        within,
    };
    match slot.send(request, 0)? {
        Sent::Answered(answer) => Ok(pps::agreed(wanted, &answer).ok()),
        Sent::Nothing(_) => Ok(None),
    }
}

/// How long the card may take to begin to answer: the work waiting time of T=0, the block waiting
/// time of T=1 (ISO/IEC 7816-3, 10.2 and 11.4.3).
fn waiting_time(atr: &Atr, agreement: Agreement) -> Duration {
    let cycles = match agreement.protocol {
        Protocol::T0 => {
            let fi = Speed::from_ta1(agreement.speed).fi.unwrap_or(372);
            f64::from(atr.waiting_integer()) * 960.0 * f64::from(fi)
        }
        Protocol::T1 => {
            let exponent = block_parameters(atr).block_waiting_integer.min(9);
            f64::from(1_u32 << exponent) * 960.0 * 372.0
        }
    };
    Duration::from_secs_f64(cycles / CLOCK)
}

fn parameters(atr: &Atr, agreement: Agreement) -> Parameters {
    let convention = atr.convention;
    let guard_time = atr.extra_guard_time();
    match agreement.protocol {
        Protocol::T0 => Parameters::T0 {
            speed: agreement.speed,
            convention,
            guard_time,
            waiting: atr.waiting_integer(),
            clock_stop: 0,
        },
        Protocol::T1 => {
            let block = block_parameters(atr);
            Parameters::T1 {
                speed: agreement.speed,
                convention,
                error_detection: block.error_detection,
                guard_time,
                waiting: block.block_waiting_integer << 4 | block.character_waiting_integer,
                clock_stop: 0,
                information: block.information_field_size,
                node: 0,
            }
        }
    }
}

/// What the answer to reset says about T=1, or the defaults where a specific mode chose it without
/// offering it.
fn block_parameters(atr: &Atr) -> BlockParameters {
    atr.block_protocol().unwrap_or(BlockParameters {
        information_field_size: 32,
        block_waiting_integer: 4,
        character_waiting_integer: 13,
        error_detection: ErrorDetection::Lrc,
    })
}

/// Asks for something and expects it to be done.
pub(super) fn expect(
    session: &mut Session,
    reader: &str,
    command: &Command,
    otherwise: &str,
) -> Result<Answer, LinkError> {
    let answer = exchange(session, reader, command, BY_ITSELF)?;
    match answer.outcome {
        Outcome::Failed(_) if answer.card == CardStatus::Absent => Err(LinkError::CardRemoved {
            reader: reader.to_owned(),
        }),
        Outcome::Failed(error) => Err(refused(reader, otherwise, error)),
        Outcome::Done | Outcome::TimeExtension(_) => Ok(answer),
    }
}

fn exchange(
    session: &mut Session,
    reader: &str,
    command: &Command,
    within: Duration,
) -> Result<Answer, LinkError> {
    session
        .exchange(command, within)
        .map_err(|error| error.for_reader(reader))
}
