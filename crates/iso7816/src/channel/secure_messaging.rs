use std::error::Error;
use std::fmt;
use std::sync::Arc;

use ground::{Blame, Blamed};

use crate::{Command, Response};

/// What a [`Channel`](crate::Channel) needs to send commands under secure messaging.
///
/// The channel asks [`SecureMessaging::wraps`] of each command. One that is wrapped is protected
/// before it is split into parts, sent as any chained command would be (which makes the class 1C
/// of all but the last part of class 0C), its response collected with GET RESPONSE in clear and
/// unprotected as a whole. If the exchange fails in between, the channel calls
/// [`SecureMessaging::end`], since the card may or may not have seen the command.
pub trait SecureMessaging: fmt::Debug + Send {
    /// Whether this command goes protected. The others go in clear, in mid-session.
    fn wraps(&self, command: &Command) -> bool;

    /// The protected form of a plain command, unsplit.
    ///
    /// # Errors
    ///
    /// [`SecureMessagingError`]; nothing must be sent then.
    fn protect(&mut self, command: &Command) -> Result<Command, SecureMessagingError>;

    /// The plain response to the command last protected, with the status word the card meant.
    ///
    /// # Errors
    ///
    /// [`SecureMessagingError`]; every error ends the session.
    fn unprotect(&mut self, response: &Response) -> Result<Response, SecureMessagingError>;

    /// Forgets the keys.
    fn end(&mut self);

    /// Whether there are keys.
    fn is_open(&self) -> bool;
}

/// Why a command could not be protected, or a response not be trusted: the error of the protocol
/// in use, whichever that is.
///
/// Two of them are equal if they say the same.
#[derive(Clone)]
pub struct SecureMessagingError(Arc<dyn Blamed + Send + Sync>);

impl SecureMessagingError {
    /// Wraps the error of a protocol.
    pub fn new(error: impl Blamed + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }

    /// The error of the protocol, if it is of this type.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        let error: &(dyn Error + 'static) = &*self.0;
        error.downcast_ref()
    }
}

impl fmt::Display for SecureMessagingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SecureMessagingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Transparent: it says what the error of the protocol says.
impl Error for SecureMessagingError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl Blamed for SecureMessagingError {
    fn blame(&self) -> Blame {
        self.0.blame()
    }

    fn hint(&self) -> Option<String> {
        self.0.hint()
    }
}

impl PartialEq for SecureMessagingError {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for SecureMessagingError {}
