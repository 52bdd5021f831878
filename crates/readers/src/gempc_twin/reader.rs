use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ccid::{CardStatus, escape};
use ground::Ambient;
use iso7816::{Link, LinkError, Reader};

use super::activation::{self, expect};
use super::link::GemPcTwinLink;
use super::session::Session;
use crate::ccid::Command;
use crate::serial::{Line, Port, of_opening};

/// Begins the selector of a reader on a serial port.
pub const SERIAL_PREFIX: &str = "serial:";

/// How often an empty slot is looked into.
const AGAIN: Duration = Duration::from_millis(200);

/// A GemPC Twin on a serial port, such as the encoder of a print station.
///
/// Nothing else may use the port: no other program and no PC/SC service.
pub struct GemPcTwin {
    shared: Arc<Shared>,
    firmware: String,
}

/// What the reader and the link to its card have in common.
pub(super) struct Shared {
    session: Mutex<Session>,
    pub(super) in_use: AtomicBool,
    /// In the words of its selector.
    pub(super) name: String,
    /// The path alone, for messages.
    pub(super) plain: String,
}

impl Shared {
    pub(super) fn session(&self) -> MutexGuard<'_, Session> {
        // A session that a panic left in the middle finds its place by sequence numbers.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GemPcTwin {
    /// Opens the port and asks the reader who it is. The path may begin with `serial:`.
    ///
    /// # Errors
    ///
    /// [`LinkError::NoReader`] without such a port, [`LinkError::SharedElsewhere`] when another
    /// program has it, [`LinkError::Timeout`] and [`LinkError::OutOfOrder`] when no GemPC Twin
    /// answers on it.
    pub fn open(path: &str, ambient: Arc<dyn Ambient>) -> Result<Self, LinkError> {
        let plain = path.strip_prefix(SERIAL_PREFIX).unwrap_or(path);
        let port = Port::open(plain).map_err(|error| of_opening(&error, plain))?;
        Self::over(plain, Box::new(port), ambient)
    }

    /// The same over any line.
    ///
    /// # Errors
    ///
    /// As [`GemPcTwin::open`].
    pub fn over(
        plain: &str,
        line: Box<dyn Line>,
        ambient: Arc<dyn Ambient>,
    ) -> Result<Self, LinkError> {
        let mut session = Session::new(line, ambient);
        let firmware = Command::Escape(escape::FIRMWARE.to_vec());
        let who = expect(&mut session, plain, &firmware, "it does not say who it is")?;
        let events = Command::Escape(escape::SYNCHRONOUS_EVENTS.to_vec());
        expect(
            &mut session,
            plain,
            &events,
            "it does not keep its card events in order",
        )?;
        Ok(Self {
            firmware: String::from_utf8_lossy(&who.data).trim().to_owned(),
            shared: Arc::new(Shared {
                session: Mutex::new(session),
                in_use: AtomicBool::new(false),
                name: format!("{SERIAL_PREFIX}{plain}"),
                plain: plain.to_owned(),
            }),
        })
    }

    /// Name and version of the reader's firmware, as it says them.
    #[must_use]
    pub fn firmware(&self) -> &str {
        &self.firmware
    }

    fn status(&self) -> Result<CardStatus, LinkError> {
        activation::card_status(&mut self.shared.session(), &self.shared.plain)
    }
}

impl Reader for GemPcTwin {
    fn name(&self) -> &str {
        &self.shared.name
    }

    fn card_present(&mut self) -> Result<bool, LinkError> {
        Ok(self.status()? != CardStatus::Absent)
    }

    fn connect(&mut self, within: Duration) -> Result<Box<dyn Link>, LinkError> {
        let reader = self.shared.plain.clone();
        if self.shared.in_use.load(Ordering::SeqCst) {
            return Err(LinkError::SharedElsewhere { reader });
        }
        let ambient = Arc::clone(self.shared.session().ambient());
        let mut spent = Duration::ZERO;
        loop {
            if self.status()? != CardStatus::Absent {
                let found = activation::cold(&mut self.shared.session(), &self.shared.plain);
                match found {
                    Ok(card) => {
                        self.shared.in_use.store(true, Ordering::SeqCst);
                        let link = GemPcTwinLink::new(Arc::clone(&self.shared), card);
                        return Ok(Box::new(link));
                    }
                    // It went again in between: wait for the next.
                    Err(LinkError::NoCard { .. } | LinkError::CardRemoved { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            if spent >= within {
                return Err(LinkError::NoCard { reader });
            }
            let rest = AGAIN.min(within.saturating_sub(spent));
            let before = ambient.elapsed();
            ambient.sleep(rest);
            // On a clock that stands still, the time has passed all the same.
            spent += ambient.elapsed().saturating_sub(before).max(rest);
        }
    }
}

impl fmt::Debug for GemPcTwin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GemPcTwin")
            .field("name", &self.shared.name)
            .field("firmware", &self.firmware)
            .finish_non_exhaustive()
    }
}
