//! The connection to the chip under way, and its recording.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use ground::Ambient;
use iso7816::transcript::Header;
use iso7816::{Channel, Disposition, Link, Traced, TranscriptWriter};
use series::{Identification, Profiles, identify};

use super::IssueError;

/// What the recording program calls itself in transcripts.
const TOOL: &str = concat!("cardwright ", env!("CARGO_PKG_VERSION"));

/// A connection to the chip whose every exchange is recorded.
pub(super) struct Session {
    pub(super) channel: Channel,
    recording: Recording,
}

impl Session {
    /// Starts recording.
    pub(super) fn open(
        link: Box<dyn Link>,
        path: &Path,
        ambient: &Arc<dyn Ambient>,
    ) -> Result<Self, IssueError> {
        let file = File::create_new(path).map_err(|source| IssueError::File {
            path: path.to_owned(),
            source,
        })?;
        let header = Header::new(TOOL, ambient.now(), &*link);
        let transcript = TranscriptWriter::new(Box::new(file), &header, Arc::clone(ambient));
        let link = Traced::new(link, Arc::clone(ambient), transcript.clone());
        Ok(Self {
            channel: Channel::new(Box::new(link)),
            recording: Recording(transcript),
        })
    }

    /// Which series the card is of.
    pub(super) fn identify(&mut self, profiles: &Profiles) -> Result<Identification, IssueError> {
        Ok(identify(&mut self.channel, profiles)?)
    }

    /// Takes the power from the chip and ends the recording.
    pub(super) fn close(self) -> Result<(), IssueError> {
        self.recording.end(self.channel)
    }

    /// A session again of what [`Session::into_parts`] gave.
    pub(super) fn from_parts(channel: Channel, recording: Recording) -> Self {
        Self { channel, recording }
    }

    /// The channel for a client of its own, and what ends the recording after it.
    pub(super) fn into_parts(self) -> (Channel, Recording) {
        (self.channel, self.recording)
    }
}

/// The transcript of a connection.
pub(super) struct Recording(TranscriptWriter);

impl Recording {
    /// Notes something between two exchanges.
    pub(super) fn note(&self, text: String) {
        self.0.note(text);
    }

    /// Takes the power from the chip and ends the recording.
    pub(super) fn end(self, channel: Channel) -> Result<(), IssueError> {
        let disconnected = channel.disconnect(Disposition::PowerOff);
        // The recording ends whatever the card did.
        self.0.finish()?;
        Ok(disconnected?)
    }
}
