use std::fmt;
use std::time::Duration;

use ground::{Blame, Blamed};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A byte pipe to one card.
///
/// PC/SC readers, serial encoders, simulated cards and replayed transcripts are all links, and so
/// are the layers wrapped around them. A link moves bytes: it does not retry, chain or interpret.
pub trait Link: Send {
    /// What the link is connected to, in the words of the reader selector that opened it
    /// (`sim:series10`, `pcsc:Virtual PCD 00 00`).
    fn name(&self) -> &str;

    /// The answer to reset given when the card was last reset.
    fn atr(&self) -> &[u8];

    /// The transmission protocol in force.
    fn protocol(&self) -> Protocol;

    /// Sends one command APDU and returns the response APDU, SW1-SW2 included.
    ///
    /// # Errors
    ///
    /// Whatever kept the bytes from going there and back. A status word is not an error here.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError>;

    /// Resets the card; all its security status is lost.
    ///
    /// # Errors
    ///
    /// As [`Link::transmit`].
    fn reset(&mut self, reset: Reset) -> Result<(), LinkError>;

    /// Keeps every other program away from the card until [`Link::unlock`].
    ///
    /// # Errors
    ///
    /// [`LinkError::SharedElsewhere`] when another program holds the card.
    fn lock(&mut self) -> Result<(), LinkError> {
        Ok(())
    }

    /// Ends what [`Link::lock`] began.
    ///
    /// # Errors
    ///
    /// As [`Link::transmit`].
    fn unlock(&mut self) -> Result<(), LinkError> {
        Ok(())
    }

    /// Ends the connection and leaves the card as asked.
    ///
    /// # Errors
    ///
    /// As [`Link::transmit`].
    fn disconnect(self: Box<Self>, disposition: Disposition) -> Result<(), LinkError>;
}

impl Link for Box<dyn Link> {
    fn name(&self) -> &str {
        (**self).name()
    }
    fn atr(&self) -> &[u8] {
        (**self).atr()
    }
    fn protocol(&self) -> Protocol {
        (**self).protocol()
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        (**self).transmit(command)
    }
    fn reset(&mut self, reset: Reset) -> Result<(), LinkError> {
        (**self).reset(reset)
    }
    fn lock(&mut self) -> Result<(), LinkError> {
        (**self).lock()
    }
    fn unlock(&mut self) -> Result<(), LinkError> {
        (**self).unlock()
    }
    fn disconnect(self: Box<Self>, disposition: Disposition) -> Result<(), LinkError> {
        (*self).disconnect(disposition)
    }
}

/// A place where a card can be: a PC/SC reader, an encoder, the contacts of a simulated printer.
pub trait Reader: Send {
    /// The reader in the words of its selector (`pcsc:Virtual PCD 00 00`).
    fn name(&self) -> &str;

    /// Whether a card is in contact now.
    ///
    /// # Errors
    ///
    /// [`LinkError::NoService`] or [`LinkError::ReaderGone`].
    fn card_present(&mut self) -> Result<bool, LinkError>;

    /// Waits at most `within` for a card, powers it up and connects to it exclusively.
    ///
    /// # Errors
    ///
    /// [`LinkError::NoCard`] when none came in time; others as [`Link::transmit`].
    fn connect(&mut self, within: Duration) -> Result<Box<dyn Link>, LinkError>;
}

/// The transmission protocols of ISO/IEC 7816-3.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Protocol {
    /// Character oriented: a case-4 command goes without Le and answers 61XX.
    #[serde(rename = "T=0")]
    T0,
    /// Block oriented: the whole APDU goes as it is.
    #[serde(rename = "T=1")]
    T1,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::T0 => "T=0",
            Self::T1 => "T=1",
        })
    }
}

/// How a card is reset.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reset {
    /// Power off and on again.
    Cold,
    /// The RST line alone.
    Warm,
}

impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cold => "cold reset",
            Self::Warm => "warm reset",
        })
    }
}

/// What becomes of the card when a link ends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disposition {
    /// Keep power and security status.
    Leave,
    /// Power off.
    PowerOff,
    /// Reset: security status is lost.
    Reset,
}

/// Why bytes did not get to the card and back.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum LinkError {
    /// The PC/SC service is not running or not reachable.
    #[error("the smart card service is not running: {detail}")]
    NoService {
        /// The operating system's words.
        detail: String,
    },
    /// No reader of that name.
    #[error("reader `{reader}` not found (readers: {})", list(present))]
    NoReader {
        /// The name or pattern asked for.
        reader: String,
        /// The readers there are.
        present: Vec<String>,
    },
    /// More than one reader or card fits.
    #[error("{} more than one (fitting: {})", if asked.is_empty() { "no reader was named and there is".to_owned() } else { format!("`{asked}` fits") }, list(fitting))]
    Ambiguous {
        /// The name or pattern asked for.
        asked: String,
        /// Those that fit.
        fitting: Vec<String>,
    },
    /// The reader is empty.
    #[error("no card in reader `{reader}`")]
    NoCard {
        /// The reader.
        reader: String,
    },
    /// The card was taken out or lost contact while in use.
    #[error("the card in reader `{reader}` was removed in the middle of the work")]
    CardRemoved {
        /// The reader.
        reader: String,
    },
    /// The card was reset by somebody else; its security status is lost.
    #[error("the card in reader `{reader}` was reset by another program")]
    CardReset {
        /// The reader.
        reader: String,
    },
    /// The card gives no answer to reset.
    #[error("the card in reader `{reader}` does not answer to reset")]
    CardMute {
        /// The reader.
        reader: String,
    },
    /// The reader was unplugged.
    #[error("reader `{reader}` was unplugged")]
    ReaderGone {
        /// The reader.
        reader: String,
    },
    /// Another program holds the card.
    #[error("the card in reader `{reader}` is in use by another program")]
    SharedElsewhere {
        /// The reader.
        reader: String,
    },
    /// No answer in time.
    #[error("no answer from reader `{reader}` within {milliseconds} ms")]
    Timeout {
        /// The reader.
        reader: String,
        /// The limit that passed.
        milliseconds: u64,
    },
    /// The answer is too short to hold a status word.
    #[error("the card answered {length} bytes, a status word needs 2")]
    ShortAnswer {
        /// Bytes received.
        length: usize,
    },
    /// Waiting was ended by the program itself.
    #[error("waiting for a card in reader `{reader}` was cancelled")]
    Cancelled {
        /// The reader.
        reader: String,
    },
    /// A replayed transcript does not continue with this command.
    #[error("the transcript does not continue this way: {detail}")]
    ReplayDiverged {
        /// What was expected and what was sent.
        detail: String,
    },
    /// The card no longer keeps to its transmission protocol.
    #[error("the card in reader `{reader}` cannot be understood: {detail}")]
    CardGarbled {
        /// The reader.
        reader: String,
        /// What it did.
        detail: String,
    },
    /// The reader or the line to it is out of order.
    #[error("reader `{reader}` is out of order: {detail}")]
    OutOfOrder {
        /// The reader.
        reader: String,
        /// What it did.
        detail: String,
        /// What to do next.
        next: &'static str,
    },
    /// Anything else the reader or its driver said.
    #[error("reader `{reader}` failed: {detail}")]
    Failed {
        /// The reader.
        reader: String,
        /// The driver's words.
        detail: String,
    },
}

impl Blamed for LinkError {
    fn blame(&self) -> Blame {
        match self {
            Self::ShortAnswer { .. } | Self::CardMute { .. } | Self::CardGarbled { .. } => {
                Blame::CardMisbehaved
            }
            Self::NoReader { .. }
            | Self::Ambiguous { .. }
            | Self::NoCard { .. }
            | Self::Cancelled { .. }
            | Self::ReplayDiverged { .. } => Blame::OperatorMistake,
            _ => Blame::ReaderFault,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoService { .. } => {
                "start the service (Linux: `systemctl start pcscd`; Windows: service `SCardSvr`) and try again"
            }
            Self::NoReader { .. } => {
                "`cardwright readers` lists what is there; check the cable and the name"
            }
            Self::Ambiguous { .. } => "name one of them in full",
            Self::NoCard { .. } => "insert a card, chip first",
            Self::CardRemoved { .. } => {
                "insert the same card again and resume; what was done is in the journal"
            }
            Self::CardReset { .. } | Self::SharedElsewhere { .. } => {
                "close the other program that uses this reader and try again"
            }
            Self::CardMute { .. } => {
                "clean the contacts, check that the chip faces the right way, try another card"
            }
            Self::CardGarbled { .. } => {
                "clean the contacts and insert the card again; if that does not help, try another card"
            }
            Self::ReaderGone { .. } => "plug the reader in again",
            Self::Timeout { .. } => {
                "check the reader's cable and power, and that no other program uses it; then try again"
            }
            Self::OutOfOrder { next, .. } => next,
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
