use authentic::{Applet, AuthenticError, Token};
use iso7816::Channel;

/// The AuthentIC application of that version, or the channel back where there is no engine for it.
pub(crate) fn open(
    version: Applet,
    channel: Channel,
) -> Result<Result<Box<dyn Token>, Channel>, AuthenticError> {
    Ok(match version {
        Applet::V3 => Ok(Box::new(authentic::v3::Client::select(channel)?)),
        Applet::V2 => Err(channel),
    })
}
