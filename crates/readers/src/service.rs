use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pcsc::{Context, Error, Scope};

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
