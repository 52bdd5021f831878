use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use ground::Ambient;
use iso7816::{Link, LinkError, Reader};
use pcsc::{Context, Error, Protocols, ReaderState, Scope, ShareMode, State};
use serde::Serialize;

use crate::PcscLink;
use crate::error::link_error;
use crate::name::choose;

/// How often a card that another program holds is asked for again.
const AGAIN: Duration = Duration::from_millis(100);

/// A reader and the card in it, at one moment.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ReaderInfo {
    /// The name the service gives it.
    pub name: String,
    /// What is in it.
    pub card: CardState,
}

/// What is in a reader.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardState {
    /// A card, free to be used.
    Present {
        /// Its answer to reset.
        atr: Vec<u8>,
    },
    /// A card that another program holds exclusively.
    InUse {
        /// Its answer to reset.
        atr: Vec<u8>,
    },
    /// A card that does not answer to reset.
    Mute,
    /// No card.
    Empty,
}

impl CardState {
    fn of(state: &ReaderState) -> Self {
        let events = state.event_state();
        let atr = || state.atr().to_vec();
        if events.contains(State::MUTE) {
            Self::Mute
        } else if events.contains(State::EXCLUSIVE) {
            Self::InUse { atr: atr() }
        } else if events.contains(State::PRESENT) {
            Self::Present { atr: atr() }
        } else {
            Self::Empty
        }
    }
}

/// The PC/SC readers there are, each with what is in it.
///
/// # Errors
///
/// [`LinkError::NoService`] when the service does not run.
pub fn list() -> Result<Vec<ReaderInfo>, LinkError> {
    let context = establish()?;
    let names = reader_names(&context)?;
    let mut states: Vec<ReaderState> = names
        .iter()
        .map(|name| ReaderState::new(name.clone(), State::UNAWARE))
        .collect();
    if !states.is_empty() {
        context
            .get_status_change(Duration::ZERO, &mut states)
            .map_err(|error| link_error(error, "all readers"))?;
    }
    Ok(states
        .iter()
        .map(|state| ReaderInfo {
            name: state.name().to_string_lossy().into_owned(),
            card: CardState::of(state),
        })
        .collect())
}

/// One PC/SC reader, whether or not a card is in it.
pub struct PcscReader {
    ambient: Arc<dyn Ambient>,
    context: Context,
    reader: CString,
    name: String,
    /// The name without the selector's prefix, for messages.
    plain: String,
}

impl PcscReader {
    /// Finds a reader by its name or a part of it; see [`choose`].
    ///
    /// # Errors
    ///
    /// [`LinkError::NoService`], [`LinkError::NoReader`], [`LinkError::Ambiguous`].
    pub fn open(name: &str, ambient: Arc<dyn Ambient>) -> Result<Self, LinkError> {
        let context = establish()?;
        let names = reader_names(&context)?;
        let plain: Vec<String> = names
            .iter()
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        let chosen = choose(name, &plain)?;
        let index = plain.iter().position(|name| *name == chosen).unwrap_or(0);
        Ok(Self {
            ambient,
            context,
            reader: names[index].clone(),
            name: format!("pcsc:{chosen}"),
            plain: chosen,
        })
    }

    /// Waits at most `within` for the reader's state to differ from `seen`.
    fn state(&mut self, seen: State, within: Duration) -> Result<ReaderState, LinkError> {
        let mut states = [ReaderState::new(self.reader.clone(), seen)];
        let mut result = self.context.get_status_change(within, &mut states);
        if matches!(
            result,
            Err(Error::NoService | Error::ServiceStopped | Error::InvalidHandle)
        ) {
            // The service was restarted: its old context is worth nothing.
            self.context = establish()?;
            result = self.context.get_status_change(within, &mut states);
        }
        let [state] = states;
        match result {
            Ok(()) | Err(Error::Timeout) => {}
            Err(error) => return Err(link_error(error, &self.plain)),
        }
        if state
            .event_state()
            .intersects(State::UNKNOWN | State::IGNORE | State::UNAVAILABLE)
        {
            return Err(LinkError::ReaderGone {
                reader: self.plain.clone(),
            });
        }
        Ok(state)
    }

    /// Connects, and asks again until `deadline` while another program holds the card.
    fn connect_until(&mut self, deadline: Duration) -> Result<Box<dyn Link>, LinkError> {
        loop {
            match self
                .context
                .connect(&self.reader, ShareMode::Exclusive, Protocols::ANY)
            {
                Ok(card) => return Ok(Box::new(PcscLink::new(card, &self.name, &self.plain)?)),
                Err(Error::SharingViolation) if self.ambient.elapsed() < deadline => {
                    self.ambient.sleep(AGAIN);
                }
                Err(error) => return Err(link_error(error, &self.plain)),
            }
        }
    }
}

impl Reader for PcscReader {
    fn name(&self) -> &str {
        &self.name
    }

    fn card_present(&mut self) -> Result<bool, LinkError> {
        let state = self.state(State::UNAWARE, Duration::ZERO)?;
        Ok(state.event_state().contains(State::PRESENT))
    }

    fn connect(&mut self, within: Duration) -> Result<Box<dyn Link>, LinkError> {
        let deadline = self.ambient.elapsed().saturating_add(within);
        let mut seen = State::UNAWARE;
        loop {
            let left = deadline.saturating_sub(self.ambient.elapsed());
            let state = self.state(seen, left)?;
            if state.event_state().contains(State::PRESENT) {
                return self.connect_until(deadline);
            }
            if self.ambient.elapsed() >= deadline {
                return Err(LinkError::NoCard {
                    reader: self.plain.clone(),
                });
            }
            seen = state.event_state();
        }
    }
}

impl std::fmt::Debug for PcscReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PcscReader")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn establish() -> Result<Context, LinkError> {
    Context::establish(Scope::User).map_err(|error| LinkError::NoService {
        detail: error.to_string(),
    })
}

fn reader_names(context: &Context) -> Result<Vec<CString>, LinkError> {
    match context.list_readers_owned() {
        Ok(names) => Ok(names),
        Err(Error::NoReadersAvailable) => Ok(Vec::new()),
        Err(error) => Err(link_error(error, "all readers")),
    }
}
