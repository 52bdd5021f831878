use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ground::Ambient;
use pcsc::{Context, Error, PNP_NOTIFICATION, ReaderState, Scope, State};

use crate::error::needs_new_context;

/// The operating system's smart card service.
///
/// A handle: clones share one connection to the service, made when first needed and made anew
/// when the service was restarted.
#[derive(Clone, Default)]
pub struct Service {
    context: Arc<Mutex<Option<Context>>>,
}

impl Service {
    /// Connects when first needed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `work` with a context; once more with a new one if the old has become useless.
    pub(crate) fn with<T>(
        &self,
        mut work: impl FnMut(&Context) -> Result<T, Error>,
    ) -> Result<T, Error> {
        // The lock is not held while working: waiting for a card blocks.
        let (context, is_new) = self.context()?;
        match work(&context) {
            Err(error) if needs_new_context(error) => {
                *self.slot() = None;
                if is_new {
                    return Err(error);
                }
                let (context, _) = self.context()?;
                work(&context)
            }
            done => done,
        }
    }

    /// Waits until a reader is plugged in or out, for `within` at most; how long that took. A change
    /// just before the wait began may be missed, so the wait should be short. Where the service does
    /// not tell, the time just passes.
    pub(crate) fn await_change_of_readers(
        &self,
        within: Duration,
        ambient: &dyn Ambient,
    ) -> Result<Duration, Error> {
        let before = ambient.elapsed();
        let waited = self.with(|context| {
            let mut states = [ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE)];
            // Windows counts the readers in the state; without it every wait would end at once.
            match context.get_status_change(Duration::ZERO, &mut states) {
                Ok(()) | Err(Error::Timeout) => states[0].sync_current_state(),
                Err(error) => return Err(error),
            }
            context.get_status_change(within, &mut states)
        });
        let took = ambient.elapsed().saturating_sub(before);
        match waited {
            // Whoever asked for the end of the wait is heard by the caller.
            Ok(()) | Err(Error::Cancelled) => Ok(took),
            // On a clock that stands still, the time has passed all the same.
            Err(Error::Timeout) => Ok(took.max(within)),
            Err(Error::UnknownReader | Error::ReaderUnavailable | Error::UnsupportedFeature) => {
                ambient.sleep(within);
                Ok(within)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the service answers.
    pub(crate) fn probe(&self) -> Result<(), Error> {
        self.with(|context| context.is_valid())
    }

    /// Ends the wait of whoever waits in this context.
    pub(crate) fn cancel(&self) -> Result<(), Error> {
        match &*self.slot() {
            Some(context) => context.cancel(),
            None => Ok(()),
        }
    }

    /// The context, and whether it was made just now.
    fn context(&self) -> Result<(Context, bool), Error> {
        let mut slot = self.slot();
        if let Some(context) = &*slot {
            return Ok((context.clone(), false));
        }
        let context = Context::establish(Scope::User)?;
        *slot = Some(context.clone());
        Ok((context, true))
    }

    fn slot(&self) -> MutexGuard<'_, Option<Context>> {
        // Nothing that could panic half way happens under the lock.
        self.context.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("connected", &self.slot().is_some())
            .finish()
    }
}
