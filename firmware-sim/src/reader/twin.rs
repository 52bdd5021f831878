use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ccid::serial::{ACK, CARD_ABSENT, CARD_EVENT, CARD_PRESENT, NAK_FRAME, SYNC, TIME_REQUEST};
use ccid::{CardStatus, CommandStatus, HEADER, Reply, Request, SEQUENCE_AT, SlotError, escape};
use iso7816::Protocol;

use super::card::{DEFAULT_SPEED, PoweredCard, Says};
use super::fault::{Fault, Faults};
use super::intake::{Intake, Taken};
use crate::contacts::{Chip, Contacts};

/// What the reader says it is.
pub const FIRMWARE: &str = "GemTwin-V2.00-SIM";

/// How long a card works before it says that it takes longer: well within the waiting times of
/// T=0 and T=1 at the usual values.
const PATIENCE: Duration = Duration::from_millis(300);

/// Where the bytes of the reader go.
pub type Sink<'a> = dyn FnMut(&[u8]) -> io::Result<()> + 'a;

/// A simulated GemPC Twin.
///
/// ```
/// use firmware_sim::contacts::Contacts;
/// use firmware_sim::reader::Twin;
///
/// let mut twin = Twin::new(Contacts::new("encoder"));
/// let status = [3, 6, 0x65, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0x62];
/// let mut said = Vec::new();
/// twin.receive(&status, &mut |bytes| {
///     said.extend_from_slice(bytes);
///     Ok(())
/// })?;
/// // The echo, and that there is no card.
/// assert!(said.starts_with(&status));
/// assert_eq!(said[13..], [3, 6, 0x81, 0, 0, 0, 0, 0, 2, 2, 0, 0, 0x84]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Twin {
    contacts: Contacts,
    /// The insertion the host knows of.
    told: Option<u64>,
    /// The card with power, and its insertion.
    powered: Option<(u64, PoweredCard)>,
    /// Protocol and parameters as the host set them.
    parameters: Option<(u8, Vec<u8>)>,
    intake: Intake,
    faults: Faults,
    dead: bool,
    echoes: bool,
    patience: Duration,
    last_answer: Vec<u8>,
    /// A chip that left by a fault.
    left: Option<Box<dyn Chip>>,
}

/// What the reader answers, but for type and sequence number.
struct Said {
    outcome: Result<(), SlotError>,
    specific: u8,
    data: Vec<u8>,
}

impl Twin {
    /// A reader with these contacts.
    #[must_use]
    pub fn new(contacts: Contacts) -> Self {
        Self {
            contacts,
            told: None,
            powered: None,
            parameters: None,
            intake: Intake::default(),
            faults: Faults::default(),
            dead: false,
            echoes: true,
            patience: PATIENCE,
            last_answer: Vec::new(),
            left: None,
        }
    }

    /// A relative that does not repeat what it is told, such as a GemCore POS Pro.
    #[must_use]
    pub fn without_echo(mut self) -> Self {
        self.echoes = false;
        self
    }

    /// Says how long a card works before it asks for more time.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// What lets faults strike, also while the reader is at work on another thread.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }

    /// The contacts, for putting cards in and taking them out.
    #[must_use]
    pub fn contacts(&self) -> Contacts {
        self.contacts.clone()
    }

    /// The chip that [`Fault::Remove`] took out.
    pub fn take_removed(&mut self) -> Option<Box<dyn Chip>> {
        self.left.take()
    }

    /// Takes bytes from the host and sends what the reader has to say to them.
    ///
    /// # Errors
    ///
    /// Those of `send`.
    pub fn receive(&mut self, bytes: &[u8], send: &mut Sink<'_>) -> io::Result<()> {
        for &byte in bytes {
            if let Some(taken) = self.intake.take(byte) {
                self.act(taken, send)?;
            }
        }
        Ok(())
    }

    /// Whether a frame has begun and not ended.
    #[must_use]
    pub fn is_inside_frame(&self) -> bool {
        self.intake.is_inside()
    }

    /// Nothing came for a while: a frame that has begun is damaged.
    ///
    /// # Errors
    ///
    /// Those of `send`.
    pub fn pause(&mut self, send: &mut Sink<'_>) -> io::Result<()> {
        match self.intake.pause() {
            Some(taken) => self.act(taken, send),
            None => Ok(()),
        }
    }

    fn act(&mut self, taken: Taken, send: &mut Sink<'_>) -> io::Result<()> {
        if self.dead {
            return Ok(());
        }
        match taken {
            Taken::Damaged { frame } => {
                self.echo(&frame, send)?;
                send(&NAK_FRAME)
            }
            Taken::HostRefused => {
                let last = std::mem::take(&mut self.last_answer);
                send(&last)?;
                self.last_answer = last;
                Ok(())
            }
            Taken::Request { frame, message } => self.serve(&frame, &message, send),
        }
    }

    fn echo(&self, frame: &[u8], send: &mut Sink<'_>) -> io::Result<()> {
        if self.echoes { send(frame) } else { Ok(()) }
    }

    fn serve(&mut self, frame: &[u8], message: &[u8], send: &mut Sink<'_>) -> io::Result<()> {
        let request = Request::from_byte(message[0]);
        let fault = self.faults.strike(request);
        match fault {
            Some(Fault::Dead) => self.dead = true,
            Some(Fault::BadEcho) => {
                let mut changed = frame.to_vec();
                changed[2 + SEQUENCE_AT] ^= 0x20;
                self.echo(&changed, send)?;
            }
            Some(Fault::Deaf) => {}
            _ => self.echo(frame, send)?,
        }
        match fault {
            Some(Fault::Dead | Fault::Deaf) => return Ok(()),
            Some(Fault::Nak) => return send(&NAK_FRAME),
            _ => {}
        }
        self.tell_moves(send)?;
        let mut answer = self.answer(request, message, fault, send)?;
        if fault == Some(Fault::Remove) {
            self.left = self.contacts.open();
            self.tell_moves(send)?;
            answer = Said::failed(SlotError::Mute);
        }
        let framed = self.framed(request, message, &answer);
        self.last_answer.clone_from(&framed);
        match fault {
            Some(Fault::Silent) => Ok(()),
            Some(Fault::BadLrc) => {
                let mut changed = framed;
                if let Some(check) = changed.last_mut() {
                    *check ^= 0x40;
                }
                send(&changed)
            }
            Some(Fault::Cut) => send(&framed[..framed.len() - 3]),
            _ => send(&framed),
        }
    }

    /// What moved since the host was told.
    fn tell_moves(&mut self, send: &mut Sink<'_>) -> io::Result<()> {
        let now = self.contacts.insertion();
        if self.told == now {
            return Ok(());
        }
        if self.told.take().is_some() {
            send(&[CARD_EVENT, CARD_ABSENT])?;
        }
        if now.is_some() {
            send(&[CARD_EVENT, CARD_PRESENT])?;
        }
        self.told = now;
        Ok(())
    }

    fn framed(&mut self, request: Option<Request>, message: &[u8], answer: &Said) -> Vec<u8> {
        let reply = request.map_or(Reply::SlotStatus, Request::reply);
        let (command_status, error) = match answer.outcome {
            Ok(()) => (CommandStatus::Done, 0),
            Err(error) => (CommandStatus::Failed, error.byte()),
        };
        let mut frame = vec![SYNC, ACK, reply.byte()];
        frame.extend((answer.data.len() as u32).to_le_bytes());
        frame.extend([0, message[SEQUENCE_AT]]);
        let status = command_status.bits() | self.status().bits();
        frame.extend([status, error, answer.specific]);
        frame.extend(&answer.data);
        let mut check = 0;
        frame.iter().for_each(|byte| check ^= byte);
        frame.push(check);
        frame
    }

    fn status(&mut self) -> CardStatus {
        let Some(now) = self.contacts.insertion() else {
            self.powered = None;
            return CardStatus::Absent;
        };
        match &self.powered {
            Some((insertion, _)) if *insertion == now => CardStatus::Active,
            _ => {
                self.powered = None;
                CardStatus::Inactive
            }
        }
    }

    fn answer(
        &mut self,
        request: Option<Request>,
        message: &[u8],
        fault: Option<Fault>,
        send: &mut Sink<'_>,
    ) -> io::Result<Said> {
        let data = &message[HEADER..];
        let status = self.status();
        if message[5] != 0 {
            return Ok(Said::failed(SlotError::BadByte(5)));
        }
        Ok(match request {
            None => Said::failed(SlotError::NotSupported),
            Some(Request::GetSlotStatus) => Said::done(Vec::new()),
            Some(Request::Escape) => match data {
                escape::FIRMWARE => Said::done(FIRMWARE.into()),
                escape::SYNCHRONOUS_EVENTS => Said::done(Vec::new()),
                _ => Said::failed(SlotError::BadByte(HEADER as u8)),
            },
            Some(Request::IccPowerOff) => {
                if let Some((_, card)) = self.powered.take() {
                    card.power_off();
                }
                self.parameters = None;
                Said {
                    // The clock is stopped low.
                    specific: 1,
                    ..Said::done(Vec::new())
                }
            }
            Some(Request::IccPowerOn) => self.power_on(message[7]),
            Some(_) if status != CardStatus::Active => Said::failed(SlotError::Mute),
            Some(Request::SetParameters) => self.set_parameters(message[7], data),
            Some(Request::ResetParameters) => {
                self.parameters = None;
                self.tell_parameters()
            }
            Some(Request::GetParameters) => self.tell_parameters(),
            Some(Request::XfrBlock) => return self.transfer(data, fault, send),
        })
    }

    fn power_on(&mut self, voltage: u8) -> Said {
        if voltage > 3 {
            return Said::failed(SlotError::BadByte(7));
        }
        self.parameters = None;
        let Some(insertion) = self.contacts.insertion() else {
            return Said::failed(SlotError::Mute);
        };
        let card = match self.powered.take() {
            Some((powered, card)) if powered == insertion => card.reset(),
            _ => match self.contacts.occupy(insertion) {
                Some(hold) => PoweredCard::power_up(Arc::new(hold)),
                None => return Said::failed(SlotError::SlotBusy),
            },
        };
        let Some(card) = card else {
            return Said::failed(SlotError::Mute);
        };
        let atr = card.atr().to_vec();
        self.powered = Some((insertion, card));
        Said::done(atr)
    }

    fn set_parameters(&mut self, protocol: u8, data: &[u8]) -> Said {
        match (protocol, data.len()) {
            (0, 5) | (1, 7) => {
                self.parameters = Some((protocol, data.to_vec()));
                self.tell_parameters()
            }
            (0 | 1, _) => Said::failed(SlotError::BadByte(1)),
            _ => Said::failed(SlotError::BadByte(7)),
        }
    }

    fn tell_parameters(&self) -> Said {
        let (protocol, data) = match &self.parameters {
            Some((protocol, data)) => (*protocol, data.clone()),
            None => (0, vec![DEFAULT_SPEED, 0, 0, 10, 0]),
        };
        Said {
            specific: protocol,
            ..Said::done(data)
        }
    }

    fn transfer(
        &mut self,
        data: &[u8],
        fault: Option<Fault>,
        send: &mut Sink<'_>,
    ) -> io::Result<Said> {
        if data.is_empty() {
            return Ok(Said::failed(SlotError::BadByte(1)));
        }
        let Some((_, card)) = &mut self.powered else {
            return Ok(Said::failed(SlotError::Mute));
        };
        // Reader and card have to agree on how they talk, or neither understands the other.
        if let Some((protocol, parameters)) = &self.parameters {
            let same = matches!(
                (card.protocol(), protocol),
                (Protocol::T0, 0) | (Protocol::T1, 1)
            );
            if parameters.first() != Some(&card.speed()) {
                return Ok(Said::failed(SlotError::Parity));
            }
            if !same {
                return Ok(Said::failed(SlotError::Mute));
            }
        }
        let mut to_card = data.to_vec();
        match fault {
            Some(Fault::Mute) => return Ok(Said::failed(SlotError::Mute)),
            // The characters of T=0 have their parity, where the blocks of T=1 have a code.
            Some(Fault::ToCard | Fault::FromCard) if card.protocol() == Protocol::T0 => {
                return Ok(Said::failed(SlotError::Parity));
            }
            Some(Fault::Parity) => return Ok(Said::failed(SlotError::Parity)),
            Some(Fault::ToCard) => to_card[data.len() / 2] ^= 0x08,
            Some(Fault::Time(times)) => card.pretend(times),
            _ => {}
        }
        let mut says = card.take(&to_card, self.patience);
        loop {
            match says {
                Says::Wait => {
                    send(&[TIME_REQUEST | 1])?;
                    says = card.go_on(self.patience);
                }
                Says::Nothing => return Ok(Said::failed(SlotError::Mute)),
                Says::Bytes(mut bytes) => {
                    if fault == Some(Fault::FromCard) {
                        let middle = bytes.len() / 2;
                        bytes[middle] ^= 0x10;
                    }
                    return Ok(Said::done(bytes));
                }
            }
        }
    }
}

impl Said {
    fn done(data: Vec<u8>) -> Self {
        Self {
            outcome: Ok(()),
            specific: 0,
            data,
        }
    }

    fn failed(error: SlotError) -> Self {
        Self {
            outcome: Err(error),
            specific: 0,
            data: Vec::new(),
        }
    }
}

impl fmt::Debug for Twin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twin")
            .field("told", &self.told)
            .field("faults", &self.faults)
            .field("dead", &self.dead)
            .finish_non_exhaustive()
    }
}
