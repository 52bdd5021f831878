use std::fmt;
use std::sync::Arc;

use printers::{
    Capabilities, CardPosition, Counters, Fault, FaultKind, Identity, Job, Position, Printed,
    Printer, PrinterError, Readiness, Status,
};

use super::Shared;
use super::answer::{ErrorCode, Stacker};
use super::command::{Command, Target};
use super::device::text;
use super::error::Crt591Error;

/// The face of a CRT-591 that moves cards: a [`Printer`] that does not print.
///
/// A card in the gate counts as being in the output tray, the error bin as the reject tray.
pub struct Crt591Mover {
    shared: Arc<Shared>,
}

impl Crt591Mover {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn wrong(&self, error: Crt591Error) -> PrinterError {
        error.for_printer(&self.shared.name)
    }

    /// What the device calls itself; nothing where it does not say.
    fn says(&self, command: &Command) -> Result<String, PrinterError> {
        let done = self.shared.device().ask(command);
        match done {
            Ok((_, data)) => Ok(text(&data)),
            // Not every model has every question.
            Err(error) if error.code().is_some() => Ok(String::new()),
            Err(error) => Err(self.wrong(error)),
        }
    }

    fn carry(&self, to: Target) -> Result<(), PrinterError> {
        let done = self.shared.device().carry(to);
        done.map_err(|error| self.wrong(error))
    }
}

impl Printer for Crt591Mover {
    fn name(&self) -> &str {
        &self.shared.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            moves_cards: true,
            contact_station: true,
            contactless_station: true,
            reject_tray: true,
            reports_position: true,
            counters: true,
            ..Capabilities::default()
        }
    }

    fn identify(&mut self) -> Result<Identity, PrinterError> {
        let model = self.shared.device().firmware().to_owned();
        Ok(Identity {
            model: if model.is_empty() {
                "CRT-591".to_owned()
            } else {
                model
            },
            serial: self.says(&Command::Serial)?,
            firmware: self.says(&Command::Version)?,
        })
    }

    fn status(&mut self) -> Result<Status, PrinterError> {
        let mut device = self.shared.device();
        let sensors = match device.sensors() {
            Ok(sensors) => sensors,
            Err(Crt591Error::Faulted { fault, .. }) => {
                return Ok(Status {
                    card: fault.card,
                    readiness: Readiness::Faulted(fault),
                    film: None,
                    warnings: Vec::new(),
                });
            }
            Err(error) => {
                drop(device);
                return Err(self.wrong(error));
            }
        };
        let mut warnings = Vec::new();
        if sensors.stacker == Stacker::Empty {
            warnings.push(warning(FaultKind::HopperEmpty, ErrorCode::STACKER_EMPTY));
        }
        if sensors.bin_full {
            warnings.push(warning(FaultKind::RejectFull, ErrorCode::BIN_FULL));
        }
        let (readiness, card) = match (device.position(sensors), device.missing()) {
            (CardPosition::None, Some(fault)) => {
                (Readiness::Faulted(fault.clone()), CardPosition::Inside)
            }
            (card, _) => (Readiness::Ready, card),
        };
        Ok(Status {
            readiness,
            card,
            film: None,
            warnings,
        })
    }

    /// Moves a card to the contacts or over the antenna. A card that waits in the gate is not
    /// taken back in: that is a fault until somebody takes it.
    fn feed(&mut self, position: Position) -> Result<(), PrinterError> {
        let to = match position {
            Position::Contacts => Target::Contacts,
            Position::Contactless => Target::Antenna,
            Position::PrintHead => return Err(self.lacks("print head")),
            Position::Hopper
            | Position::Feeder
            | Position::Flipper
            | Position::Output
            | Position::Reject => return Err(self.lacks("way to feed a card there")),
        };
        self.carry(to)
    }

    /// Refuses every job; no card moves.
    fn check(&self, _job: &Job) -> Result<(), PrinterError> {
        Err(self.lacks("print head"))
    }

    fn print(&mut self, _job: &Job) -> Result<Printed, PrinterError> {
        Err(self.lacks("print head"))
    }

    /// Hands the card out at the gate.
    fn eject(&mut self) -> Result<(), PrinterError> {
        let to = self.shared.device().way_out();
        self.carry(to)
    }

    /// Moves the card into the error bin.
    fn reject(&mut self) -> Result<(), PrinterError> {
        self.carry(Target::Bin)
    }

    fn counters(&mut self) -> Result<Counters, PrinterError> {
        let mut device = self.shared.device();
        let form = device.profile().bin_counter.value;
        let asked = device.ask(&Command::BinCounter);
        drop(device);
        let (_, data) = asked.map_err(|error| self.wrong(error))?;
        let rejected = form.read(&data).ok_or_else(|| PrinterError::Gibberish {
            printer: self.shared.name.clone(),
            detail: format!(
                "its counter {:02X?} is no number as the profile has it",
                &data[..]
            ),
        })?;
        Ok(Counters {
            rejected: Some(rejected),
            ..Counters::default()
        })
    }
}

fn warning(kind: FaultKind, code: ErrorCode) -> Fault {
    Fault::new(kind, code.to_string()).with_text(code.meaning().map(str::to_owned))
}

impl fmt::Debug for Crt591Mover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crt591Mover")
            .field("name", &self.shared.name)
            .finish_non_exhaustive()
    }
}
