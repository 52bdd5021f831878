use std::ffi::{CStr, CString};
use std::time::Duration;

use iso7816::LinkError;
use pcsc::{Error, ReaderState, State};
use serde::Serialize;

use crate::error::{During, link_error};
use crate::service::Service;

/// A reader and the card in it, at one moment.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ReaderInfo {
    /// The name the service gives it.
    pub name: String,
    /// What is in it.
    pub card: CardState,
}

/// What is in a reader. This is the complete list.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardState {
    /// A card, free to be used.
    Present {
        /// Its answer to reset.
        atr: Vec<u8>,
    },
    /// A card that another program is connected to, so that it cannot be had exclusively.
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
    /// From what the service says about a reader; none if the reader is not there any more.
    pub(crate) fn new(events: State, atr: &[u8]) -> Option<Self> {
        let atr = || atr.to_vec();
        if events.intersects(State::UNKNOWN | State::UNAVAILABLE | State::IGNORE) {
            return None;
        }
        Some(if events.contains(State::MUTE) {
            Self::Mute
        } else if !events.contains(State::PRESENT) {
            Self::Empty
        } else if events.intersects(State::INUSE | State::EXCLUSIVE) {
            Self::InUse { atr: atr() }
        } else {
            Self::Present { atr: atr() }
        })
    }

    /// As [`CardState::new`].
    pub(crate) fn of(state: &ReaderState) -> Option<Self> {
        Self::new(state.event_state(), state.atr())
    }
}

/// The PC/SC readers there are, each with what is in it.
///
/// # Errors
///
/// [`LinkError::NoService`] when the service does not run. No readers are no error.
pub fn list() -> Result<Vec<ReaderInfo>, LinkError> {
    Service::new().list()
}

impl Service {
    /// The PC/SC readers there are, each with what is in it.
    ///
    /// # Errors
    ///
    /// [`LinkError::NoService`] when the service does not run. No readers are no error.
    pub fn list(&self) -> Result<Vec<ReaderInfo>, LinkError> {
        self.with(|context| {
            let names = context.list_readers_owned()?;
            let mut states: Vec<ReaderState> = names
                .into_iter()
                .map(|name| ReaderState::new(name, State::UNAWARE))
                .collect();
            if !states.is_empty() {
                match context.get_status_change(Duration::ZERO, &mut states) {
                    // A reader unplugged in between says so in its state, and is left out.
                    Ok(()) | Err(Error::Timeout | Error::UnknownReader) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(states)
        })
        .map(|states| states.iter().filter_map(info).collect())
        .map_err(|error| link_error(error, During::Connecting, "all readers", Duration::ZERO))
    }

    /// The names of all readers.
    pub(crate) fn names(&self) -> Result<Vec<CString>, Error> {
        self.with(|context| context.list_readers_owned())
    }

    /// What is in one reader now.
    pub(crate) fn state_of(&self, reader: &CStr) -> Result<ReaderState, Error> {
        self.with(|context| {
            let mut states = [ReaderState::new(reader.to_owned(), State::UNAWARE)];
            context.get_status_change(Duration::ZERO, &mut states)?;
            let [state] = states;
            Ok(state)
        })
    }

    /// What is in one reader as soon as that changes, or after `within`.
    pub(crate) fn next_state_of(
        &self,
        reader: &CStr,
        within: Duration,
    ) -> Result<ReaderState, Error> {
        let now = self.state_of(reader)?;
        if !now.event_state().contains(State::PRESENT) {
            return Ok(now);
        }
        self.with(|context| {
            let mut states = [ReaderState::new(reader.to_owned(), now.event_state())];
            match context.get_status_change(within, &mut states) {
                Ok(()) | Err(Error::Timeout) => {}
                Err(error) => return Err(error),
            }
            let [state] = states;
            Ok(state)
        })
    }
}

fn info(state: &ReaderState) -> Option<ReaderInfo> {
    Some(ReaderInfo {
        name: state.name().to_string_lossy().into_owned(),
        card: CardState::of(state)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_of_the_service_are_told_apart() {
        let card = || vec![0x3B, 0x00];
        for (state, expected) in [
            (State::CHANGED | State::EMPTY, Some(CardState::Empty)),
            (
                State::CHANGED | State::PRESENT,
                Some(CardState::Present { atr: card() }),
            ),
            (
                State::PRESENT | State::INUSE,
                Some(CardState::InUse { atr: card() }),
            ),
            (
                State::PRESENT | State::INUSE | State::EXCLUSIVE,
                Some(CardState::InUse { atr: card() }),
            ),
            (State::PRESENT | State::MUTE, Some(CardState::Mute)),
            (State::UNKNOWN | State::CHANGED, None),
            (State::UNAVAILABLE | State::CHANGED, None),
        ] {
            assert_eq!(CardState::new(state, &card()), expected, "{state:?}");
        }
    }
}
