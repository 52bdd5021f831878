//! The device behind both faces: what it is asked in which order, and what is done when an answer
//! is lost.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ground::Ambient;
use iso7816::Protocol;
use printers::{CardPosition, Fault, FaultKind, Position};
use zeroize::Zeroizing;

use super::answer::{CardSensor, ErrorCode, Outcome, Sensors, Stacker};
use super::command::{Carrier, Command, OnStart, Target};
use super::error::Crt591Error;
use super::profile::{CardExchange, HandOut, Profile};
use super::session::{Session, SessionError};

/// How often all speeds are tried: the first time the device may be at the end of a motion.
const ROUNDS: u32 = 2;
/// How long to rest before a device that may be in motion is asked again.
const REST: Duration = Duration::from_secs(1);

pub(super) struct Device {
    session: Session,
    profile: Profile,
    plain: String,
    /// What it says about itself when it is initialised.
    firmware: String,
    /// The contacts may be down on a card with power.
    powered: bool,
    /// Where the card at the RF or IC position was sent, if by us.
    lies: Option<Target>,
    /// Counts motions, so that a link notices that its card has gone.
    motions: u64,
    /// What happened to a card that no sensor sees any more and that has not left either.
    missing: Option<Fault>,
}

/// A card with power.
#[derive(Clone, Debug)]
pub(super) struct Activated {
    pub(super) atr: Vec<u8>,
    pub(super) protocol: Protocol,
}

/// What the sensors show after the answer to a motion was lost.
enum Afterwards {
    Arrived,
    /// The card lies where it lay, or none was drawn.
    AsBefore,
    /// Neither.
    Unclear,
}

impl Device {
    /// Finds the speed and initialises the device, which leaves a card that is inside where it is.
    pub(super) fn start(
        plain: &str,
        mut session: Session,
        profile: Profile,
    ) -> Result<Self, Crt591Error> {
        let wrong = |error, what| Crt591Error::new(error, plain, what);
        let initialise = Command::Initialise(OnStart::Stay);
        let within = profile.limits_ms.initialise.duration();
        let mut last = SessionError::Silent;
        let speeds = profile.speeds.value.iter();
        for &speed in speeds
            .cycle()
            .take(profile.speeds.value.len() * ROUNDS as usize)
        {
            let set = session.set_speed(speed).map_err(SessionError::Line);
            set.map_err(|error| wrong(error, initialise.what()))?;
            match session.exchange(&initialise, within) {
                Ok(answer) => {
                    let mut device = Self {
                        session,
                        profile,
                        plain: plain.to_owned(),
                        firmware: String::new(),
                        powered: false,
                        lies: None,
                        motions: 0,
                        missing: None,
                    };
                    let (_, data) = device.judge(answer.outcome)?;
                    device.firmware = text(&data);
                    return Ok(device);
                }
                Err(error @ SessionError::Line(_)) => return Err(wrong(error, initialise.what())),
                // At a wrong speed all of these are to be expected.
                Err(error) => last = error,
            }
        }
        Err(wrong(last, initialise.what()))
    }

    pub(super) fn ambient(&self) -> &Arc<dyn Ambient> {
        self.session.ambient()
    }

    pub(super) fn profile(&self) -> &Profile {
        &self.profile
    }

    pub(super) fn firmware(&self) -> &str {
        &self.firmware
    }

    /// How often a card was moved; a link to a card ends with the next motion.
    pub(super) fn motions(&self) -> u64 {
        self.motions
    }

    /// What the sensors see.
    pub(super) fn sensors(&mut self) -> Result<Sensors, Crt591Error> {
        let (sensors, _) = self.ask(&Command::Status)?;
        if sensors.card != CardSensor::Inside {
            self.lies = None;
            self.powered = false;
        }
        Ok(sensors)
    }

    /// What the sensors see once the device is at rest: it says nothing while a card moves, and
    /// that may take longer than it was given.
    fn sensors_at_rest(&mut self) -> Result<Sensors, Crt591Error> {
        let mut left = self.profile.limits_ms.motion.duration();
        loop {
            match self.sensors() {
                Err(Crt591Error::Silent { .. }) if !left.is_zero() => {
                    let rest = REST.min(left);
                    self.ambient().sleep(rest);
                    left -= rest;
                }
                done => return done,
            }
        }
    }

    /// What happened to a card that is inside and seen by no sensor. It stands until the device
    /// moves another card or is initialised without complaint.
    pub(super) fn missing(&self) -> Option<&Fault> {
        self.missing.as_ref()
    }

    /// Where the card is: what the sensors see, and which of the two positions inside we sent it
    /// to.
    pub(super) fn position(&self, sensors: Sensors) -> CardPosition {
        match (sensors.card, self.lies) {
            (CardSensor::Inside, Some(Target::Contacts)) => CardPosition::At(Position::Contacts),
            (CardSensor::Inside, Some(Target::Antenna)) => CardPosition::At(Position::Contactless),
            _ => sensors.position(),
        }
    }

    /// Asks for something that moves nothing and concerns no card.
    pub(super) fn ask(
        &mut self,
        command: &Command,
    ) -> Result<(Sensors, Zeroizing<Vec<u8>>), Crt591Error> {
        let within = self.profile.limits_ms.reply.duration();
        let done = self.once(command, within);
        match done {
            // Switched off and on since: it has done nothing, and what it is asked changes nothing.
            Err(error) if error.code() == Some(ErrorCode::NOT_INITIALISED) => {
                self.initialise()?;
                self.once(command, within)
            }
            done => done,
        }
    }

    fn once(
        &mut self,
        command: &Command,
        within: Duration,
    ) -> Result<(Sensors, Zeroizing<Vec<u8>>), Crt591Error> {
        let answer = self
            .session
            .exchange(command, within)
            .map_err(|error| Crt591Error::new(error, &self.plain, command.what()))?;
        self.judge(answer.outcome)
    }

    fn initialise(&mut self) -> Result<(), Crt591Error> {
        self.powered = false;
        self.lies = None;
        self.motions += 1;
        let within = self.profile.limits_ms.initialise.duration();
        self.once(&Command::Initialise(OnStart::Stay), within)?;
        self.missing = None;
        Ok(())
    }

    fn judge(&self, outcome: Outcome) -> Result<(Sensors, Zeroizing<Vec<u8>>), Crt591Error> {
        match outcome {
            Outcome::Done { sensors, data } => Ok((sensors, data)),
            Outcome::Failed { error, .. } => Err(self.fault(error)),
        }
    }

    fn fault(&self, code: ErrorCode) -> Crt591Error {
        let fault = Fault::new(self.profile.kind_of(code), code.to_string())
            .with_text(code.meaning().map(str::to_owned));
        Crt591Error::Faulted {
            device: self.plain.clone(),
            code,
            fault,
        }
    }

    /// A fault the sensors show before the device is asked to do anything.
    fn seen(&self, kind: FaultKind, code: ErrorCode, text: &str, at: CardPosition) -> Crt591Error {
        Crt591Error::Faulted {
            device: self.plain.clone(),
            code,
            fault: Fault::new(kind, code.to_string())
                .with_text(Some(text.to_owned()))
                .with_card(at),
        }
    }

    /// Moves the card that is inside, or the next one of the stacker to the contacts or the
    /// antenna if there is none. The card is switched off before.
    pub(super) fn carry(&mut self, to: Target) -> Result<(), Crt591Error> {
        let before = self.sensors()?;
        if !self.may_carry(to, before)? {
            return Ok(());
        }
        if before.card == CardSensor::Inside && self.powered {
            self.power_off()?;
        }
        self.motions += 1;
        let command = Command::Move(to);
        let within = self.profile.limits_ms.motion.duration();
        // Once for each reason at most.
        let (mut released, mut initialised, mut repeated) = (false, false, false);
        loop {
            match self.session.exchange(&command, within) {
                Ok(answer) => match self.judge(answer.outcome) {
                    Ok((sensors, _)) => return self.arrived(to, sensors),
                    // In both it has done nothing yet.
                    Err(error) if error.code() == Some(ErrorCode::CONTACTS_CLOSED) && !released => {
                        released = true;
                        self.power_off()?;
                    }
                    Err(error)
                        if error.code() == Some(ErrorCode::NOT_INITIALISED) && !initialised =>
                    {
                        initialised = true;
                        self.initialise()?;
                    }
                    Err(error) => return Err(self.placed(error, before)),
                },
                Err(
                    lost @ (SessionError::Lost { .. }
                    | SessionError::Damaged(_)
                    | SessionError::Answer(_)
                    | SessionError::Babble),
                ) => {
                    let heard = !matches!(lost, SessionError::Lost { heard: false, .. });
                    let after = self.sensors_at_rest()?;
                    match afterwards(to, before, after, heard) {
                        Afterwards::Arrived => return self.arrived(to, after),
                        Afterwards::AsBefore if !repeated => repeated = true,
                        _ if draws(to, before) && after.stacker == Stacker::Empty => {
                            return Err(self.fault(ErrorCode::STACKER_EMPTY));
                        }
                        _ => return Err(Crt591Error::new(lost, &self.plain, command.what())),
                    }
                }
                Err(error) => return Err(Crt591Error::new(error, &self.plain, command.what())),
            }
        }
    }

    /// Whether there is anything to move. What the sensors forbid is refused before anything
    /// moves: sent out or into the bin, a card that is not there would be drawn from the stacker
    /// first; and a card that waits in the gate is somebody's.
    fn may_carry(&mut self, to: Target, before: Sensors) -> Result<bool, Crt591Error> {
        let at = self.position(before);
        let sensors = ErrorCode(*b"--");
        match (to, before.card) {
            (Target::Contacts | Target::Antenna, CardSensor::Gate) => {
                Err(self.seen(FaultKind::OutputFull, sensors, "a card is in the gate", at))
            }
            (Target::Contacts | Target::Antenna, CardSensor::Inside) => Ok(self.lies != Some(to)),
            (Target::Contacts | Target::Antenna, CardSensor::None) => Ok(true),
            (Target::Gate, CardSensor::Gate) => Ok(false),
            (_, CardSensor::None) => {
                if self.missing.is_some() {
                    // Unless somebody has taken it out, the device says what is wrong.
                    self.initialise()?;
                }
                Err(self.seen(
                    FaultKind::Unknown,
                    sensors,
                    "no card is inside, and none was moved",
                    at,
                ))
            }
            (Target::Bin, _) if before.bin_full => Err(self.seen(
                FaultKind::RejectFull,
                ErrorCode::BIN_FULL,
                "the error bin is full",
                at,
            )),
            (_, CardSensor::Gate | CardSensor::Inside) => Ok(true),
            (_, CardSensor::Other(_)) => Err(self.seen(
                FaultKind::Hardware,
                sensors,
                "the sensors make no sense",
                CardPosition::Unknown,
            )),
        }
    }

    /// Checks that the sensors show what the device says it has done.
    fn arrived(&mut self, to: Target, sensors: Sensors) -> Result<(), Crt591Error> {
        let as_expected = match to {
            Target::Contacts | Target::Antenna => sensors.card == CardSensor::Inside,
            Target::Gate => sensors.card == CardSensor::Gate,
            Target::Bin => sensors.card == CardSensor::None,
            // It lies in the gate until somebody takes it.
            Target::Out => sensors.card != CardSensor::Inside,
        };
        if !as_expected {
            return Err(Crt591Error::Garbled {
                device: self.plain.clone(),
                detail: format!(
                    "it says that the card was moved {to}, and its sensors that it is not there: {}",
                    self.position(sensors)
                ),
            });
        }
        self.lies = (sensors.card == CardSensor::Inside).then_some(to);
        self.missing = None;
        Ok(())
    }

    /// The same fault with the place of the card, as far as the sensors tell it. One that is stuck,
    /// or was inside and is seen no more, is missing until somebody has looked.
    fn placed(&mut self, error: Crt591Error, before: Sensors) -> Crt591Error {
        let Crt591Error::Faulted {
            device,
            code,
            fault,
        } = error
        else {
            return error;
        };
        let fault = match self.sensors() {
            Ok(after) if after.card != CardSensor::None => fault.with_card(self.position(after)),
            Ok(_) if fault.kind == FaultKind::CardJam || before.card != CardSensor::None => {
                let fault = fault.with_card(CardPosition::Inside);
                self.missing = Some(fault.clone());
                fault
            }
            Ok(_) => fault.with_card(CardPosition::None),
            // The fault is what matters; where the card is, its kind tells as well as it can.
            Err(_) => fault,
        };
        Crt591Error::Faulted {
            device,
            code,
            fault,
        }
    }

    /// Where a finished card goes.
    pub(super) fn way_out(&self) -> Target {
        match self.profile.hand_out.value {
            HandOut::Out => Target::Out,
            HandOut::Hold => Target::Gate,
        }
    }

    /// Powers the card up in each way of the profile until it answers.
    pub(super) fn power_on(&mut self) -> Result<Activated, Crt591Error> {
        let ways = self.profile.resets.value.clone();
        let mut last = self.fault(ErrorCode::NOT_ACTIVATED);
        for way in ways {
            if self.powered {
                self.power_off()?;
            }
            self.powered = true;
            match self.reset_by(&Command::PowerOn(way)) {
                Err(error)
                    if matches!(
                        error.code(),
                        Some(
                            ErrorCode::NOT_ACTIVATED
                                | ErrorCode::SHORT_CIRCUIT
                                | ErrorCode::NOT_EMV
                        )
                    ) =>
                {
                    last = error;
                }
                done => return done,
            }
        }
        self.power_off()?;
        Err(last)
    }

    /// Resets the card without taking its power away.
    pub(super) fn reset(&mut self) -> Result<Activated, Crt591Error> {
        self.reset_by(&Command::Reset)
    }

    fn reset_by(&mut self, command: &Command) -> Result<Activated, Crt591Error> {
        let within = self.profile.limits_ms.card.duration();
        let (_, data) = self.once(command, within)?;
        let protocol = match data.first() {
            Some(b'0') => Protocol::T0,
            Some(b'1') => Protocol::T1,
            other => {
                return Err(Crt591Error::Garbled {
                    device: self.plain.clone(),
                    detail: format!("it says that the card speaks protocol {other:02X?}"),
                });
            }
        };
        Ok(Activated {
            atr: data[1..].to_vec(),
            protocol,
        })
    }

    /// Takes the power away and lifts the contacts. Without a card there is nothing to do.
    pub(super) fn power_off(&mut self) -> Result<(), Crt591Error> {
        let within = self.profile.limits_ms.reply.duration();
        match self.once(&Command::PowerOff, within) {
            Ok(_) => {}
            Err(error)
                if matches!(
                    error.code(),
                    Some(ErrorCode::NOT_ACTIVE | ErrorCode::NOT_INITIALISED)
                ) => {}
            Err(error) => return Err(error),
        }
        self.powered = false;
        Ok(())
    }

    /// Passes a command to the card, once whatever becomes of it.
    pub(super) fn pass(
        &mut self,
        command: Zeroizing<Vec<u8>>,
        protocol: Protocol,
    ) -> Result<Zeroizing<Vec<u8>>, Crt591Error> {
        let carrier = match (self.profile.exchange.value, protocol) {
            (CardExchange::Automatic, _) => Carrier::Automatic,
            (CardExchange::ByProtocol, Protocol::T0) => Carrier::T0,
            (CardExchange::ByProtocol, Protocol::T1) => Carrier::T1,
        };
        let within = self.profile.limits_ms.card.duration();
        let (_, answer) = self.once(&Command::Exchange(carrier, command), within)?;
        Ok(answer)
    }
}

/// Whether a card is drawn from the stacker for this.
fn draws(to: Target, before: Sensors) -> bool {
    matches!(to, Target::Contacts | Target::Antenna) && before.card == CardSensor::None
}

/// What became of a motion whose answer was lost, by the sensors.
///
/// A card is drawn only if none is inside. So a repetition is safe where the card that was inside
/// is still; where one was to be drawn, only if the device did not even acknowledge the frame and
/// still sees none: one that is stuck between two sensors would not be seen either.
fn afterwards(to: Target, before: Sensors, after: Sensors, heard: bool) -> Afterwards {
    match (to, before.card, after.card) {
        (Target::Contacts | Target::Antenna, CardSensor::None, CardSensor::Inside) => {
            Afterwards::Arrived
        }
        (Target::Contacts | Target::Antenna, CardSensor::None, CardSensor::None) if !heard => {
            Afterwards::AsBefore
        }
        // From one position inside to the other, which the sensors do not tell apart.
        (Target::Contacts | Target::Antenna, CardSensor::Inside, CardSensor::Inside) => {
            Afterwards::AsBefore
        }
        (Target::Bin, _, CardSensor::None) => Afterwards::Arrived,
        (Target::Bin, before, after) if before == after => Afterwards::AsBefore,
        (Target::Out, _, CardSensor::None | CardSensor::Gate) => Afterwards::Arrived,
        (Target::Gate, _, CardSensor::Gate) => Afterwards::Arrived,
        (Target::Out | Target::Gate, CardSensor::Inside, CardSensor::Inside) => {
            Afterwards::AsBefore
        }
        _ => Afterwards::Unclear,
    }
}

/// What the device says in text, as far as it is text.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .filter(|letter| !letter.is_control())
        .collect::<String>()
        .trim()
        .to_owned()
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("plain", &self.plain)
            .field("firmware", &self.firmware)
            .field("powered", &self.powered)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sees(card: CardSensor) -> Sensors {
        Sensors {
            card,
            stacker: Stacker::Enough,
            bin_full: false,
        }
    }

    /// The device draws a card for any motion when it sees none inside.
    #[test]
    fn a_motion_is_repeated_only_where_it_cannot_draw_a_second_card() {
        let cards = [
            CardSensor::None,
            CardSensor::Gate,
            CardSensor::Inside,
            CardSensor::Other(0),
        ];
        for to in [
            Target::Gate,
            Target::Contacts,
            Target::Antenna,
            Target::Bin,
            Target::Out,
        ] {
            for before in cards {
                for after in cards {
                    for heard in [false, true] {
                        let done = afterwards(to, sees(before), sees(after), heard);
                        if matches!(done, Afterwards::AsBefore) {
                            assert_eq!(before, after, "{to:?}");
                            assert!(
                                after != CardSensor::None || !heard && draws(to, sees(before)),
                                "{to:?} {before:?} {after:?} {heard}"
                            );
                        }
                    }
                }
            }
        }
    }
}
