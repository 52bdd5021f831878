use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use card_image::CardImage;
use globalplatform::GlobalPlatformError;
use ground::{Ambient, Blame, Blamed};
use iso7816::transcript::Header;
use iso7816::{Channel, Disposition, Link, LinkError, Traced, Transcript, TranscriptWriter};
use piv::secrets::Passcode;
use piv::words::{AID, ObjectId, PinReference};
use piv::{Client, PivError, Tries, commands};
use thiserror::Error;

use crate::gather::image_of;
use crate::probes::PROBES;

/// How to take a capture.
#[derive(Clone, Debug)]
pub struct CaptureOptions {
    /// The program and its version, for the image.
    pub program: String,
    /// The holder's passcode, to read what is behind it.
    pub passcode: Option<Passcode>,
    /// So many tries have to be left after a wrong passcode, or it is not tried.
    pub reserve: u8,
}

impl CaptureOptions {
    /// The tries that have to be left after a wrong passcode, unless somebody says otherwise.
    pub const RESERVE: u8 = 1;

    /// Without a passcode.
    #[must_use]
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            passcode: None,
            reserve: Self::RESERVE,
        }
    }
}

/// Reads everything readable of a card, each object once, and asks it the [`PROBES`].
///
/// SELECT, GET DATA, GET RESPONSE and VERIFY without data are sent, and an instruction no card
/// has: nothing is written and no try is spent. With a passcode one VERIFY carries it, and what
/// was refused before is asked for once more. The card is reset at the end. A card without the PIV
/// application gives an image of what else it says.
///
/// # Errors
///
/// [`CaptureError`].
pub fn capture(
    link: Box<dyn Link>,
    options: &CaptureOptions,
    ambient: &Arc<dyn Ambient>,
) -> Result<CardImage, CaptureError> {
    let header = Header::new(options.program.as_str(), ambient.now(), &*link);
    let lines = Lines::default();
    let writer = TranscriptWriter::new(Box::new(lines.clone()), &header, Arc::clone(ambient));
    let traced = Traced::new(link, Arc::clone(ambient), writer.clone());
    let channel = read(Channel::new(Box::new(traced)), options)?;
    channel.disconnect(Disposition::Reset)?;
    let recorded = writer
        .finish()
        .map_err(|error| error.to_string())
        .and_then(|_| Transcript::read(&lines.take()[..]).map_err(|error| error.to_string()));
    // The lines went to memory and were written by the same library.
    let transcript = recorded.expect("what was just recorded can be read");
    Ok(image_of(&transcript))
}

/// Sends everything; what the card said is in the transcript.
fn read(mut channel: Channel, options: &CaptureOptions) -> Result<Channel, CaptureError> {
    globalplatform::read_production_data(&mut channel)?;
    let application = match Client::probe(&mut channel) {
        Ok(application) => application,
        Err(PivError::NotPiv { .. }) => return Ok(channel),
        Err(error) => return Err(error.into()),
    };
    let mut client = Client::from_selected(channel, application);
    for reference in (0..=u8::MAX).filter_map(PinReference::from_byte) {
        unless_refused(client.tries(reference))?;
    }
    probe(&mut client)?;
    let mut refused = Vec::new();
    for object in ObjectId::all() {
        match unless_refused(client.get_data_raw(object))? {
            None => refused.push(object),
            // Some cards deny without the passcode what they have behind it.
            Some(None) if object.needs_pin() => refused.push(object),
            Some(_) => {}
        }
    }
    if let Some(passcode) = &options.passcode {
        verify(&mut client, passcode, options.reserve)?;
        for object in refused {
            unless_refused(client.get_data_raw(object))?;
        }
    }
    Ok(client.into_channel())
}

/// What a card refuses is an answer, too: it is in the transcript.
fn unless_refused<T>(result: Result<T, PivError>) -> Result<Option<T>, PivError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(PivError::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn probe(client: &mut Client) -> Result<(), CaptureError> {
    let link = client.channel_mut().link_mut();
    let protocol = link.protocol();
    for probe in PROBES {
        if let Some(command) = probe.over(protocol) {
            link.transmit(command)?;
        }
    }
    // Whatever the probes did to it, PIV is selected again.
    client
        .channel_mut()
        .transmit(&commands::select(&AID))
        .map_err(|source| PivError::Channel {
            action: piv::Action::Select,
            source,
        })?;
    Ok(())
}

fn verify(client: &mut Client, passcode: &Passcode, reserve: u8) -> Result<(), CaptureError> {
    match client.tries(PinReference::Application)? {
        Tries::Left(left) if left > reserve => {}
        Tries::Left(left) => return Err(CaptureError::TooFewTries { left, reserve }),
        Tries::Blocked => return Err(CaptureError::TooFewTries { left: 0, reserve }),
        // Where nothing is counted nothing can be kept.
        Tries::Verified | Tries::NotPresent => {}
    }
    Ok(client.verify(PinReference::Application, passcode)?)
}

/// Lines written by one handle and taken by another.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why there is no capture.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// A wrong passcode would leave fewer tries than have to stay.
    #[error(
        "{left} tries of the passcode are left, more than {reserve} have to be before it is tried"
    )]
    TooFewTries {
        /// Tries left.
        left: u8,
        /// Tries that have to stay.
        reserve: u8,
    },
    /// The card or the way to it failed, or the passcode is wrong.
    #[error(transparent)]
    Piv(#[from] PivError),
    /// The card was lost while its production data was read.
    #[error(transparent)]
    Production(#[from] GlobalPlatformError),
    /// The card was lost.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl Blamed for CaptureError {
    fn blame(&self) -> Blame {
        match self {
            Self::TooFewTries { .. } => Blame::OperatorMistake,
            Self::Piv(error) => error.blame(),
            Self::Production(error) => error.blame(),
            Self::Link(error) => error.blame(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::TooFewTries { .. } => Some(
                "verify the right passcode with another program first, which gives the card all \
                 its tries back, or take the capture without it"
                    .to_owned(),
            ),
            Self::Piv(error) => error.hint(),
            Self::Production(error) => error.hint(),
            Self::Link(error) => error.hint(),
        }
    }
}
