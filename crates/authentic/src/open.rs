use std::fmt;

use iso7816::Channel;

use crate::{Applet, AuthenticError, Token, v2, v3};

/// Selects an application of either version.
///
/// # Errors
///
/// [`Unopened`], with the channel, so that whoever opened it can end it.
pub fn open(channel: Channel, applet: Applet) -> Result<Box<dyn Token>, Box<Unopened>> {
    match applet {
        Applet::V2 => opened(v2::Client::over(channel)),
        Applet::V3 => opened(v3::Client::over(channel)),
    }
}

fn opened(mut token: impl Token + 'static) -> Result<Box<dyn Token>, Box<Unopened>> {
    match token.reselect() {
        Ok(()) => Ok(Box::new(token)),
        Err(error) => Err(Box::new(Unopened {
            channel: Box::new(token).into_channel(),
            error,
        })),
    }
}

/// A card whose application could not be selected.
pub struct Unopened {
    /// The channel to it.
    pub channel: Channel,
    /// Why.
    pub error: AuthenticError,
}

impl fmt::Debug for Unopened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unopened")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
