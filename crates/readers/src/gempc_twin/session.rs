use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ground::Ambient;

use super::error::SessionError;
use crate::ccid::{Answer, Command, FrameError, Heard, Outcome, Receiver, frame};
use crate::serial::Line;

/// How often a frame is sent at most, when the reader says it came damaged or its answer did.
const ATTEMPTS: u32 = 3;
/// Once a frame has begun, its bytes follow one another; after this much silence it is cut.
const BETWEEN_BYTES: Duration = Duration::from_millis(200);
/// Silence after which a disturbed line counts as quiet.
const QUIET: Duration = Duration::from_millis(50);
/// Requests for more time that one command may bring. A reader passes them on some three times a
/// second, so these are more than five minutes.
const TIME_REQUESTS: u32 = 1024;
/// More bytes than any answer with its echo and all requests for time has: somebody else talks.
const BABBLE: usize = 8 * 1024;

/// Requests to one reader and its answers, one at a time.
pub(super) struct Session {
    line: Box<dyn Line>,
    ambient: Arc<dyn Ambient>,
    receiver: Receiver,
    sequence: u8,
    /// Whether this reader repeats what it is told; not known before the first answer.
    echoes: Option<bool>,
    /// The reader said that the card was taken out since this was last asked.
    removed: bool,
}

/// What listening for an answer ended with.
enum Listened {
    Answer(Answer),
    Refused,
    Damaged(SessionError),
    Silence { echoed: bool },
}

impl Session {
    pub(super) fn new(line: Box<dyn Line>, ambient: Arc<dyn Ambient>) -> Self {
        Self {
            line,
            ambient,
            receiver: Receiver::new(),
            sequence: 0,
            echoes: None,
            removed: false,
        }
    }

    pub(super) fn ambient(&self) -> &Arc<dyn Ambient> {
        &self.ambient
    }

    /// Whether a card was taken out since this was last asked, even if there is one again.
    pub(super) fn take_removed(&mut self) -> bool {
        std::mem::take(&mut self.removed)
    }

    /// Asks, and waits for the answer at most `within`, and as long again whenever the reader
    /// says that it needs more time.
    ///
    /// A frame the reader refused as damaged is sent again: it was not acted on. After a damaged
    /// answer, or none, only what can be done twice is.
    pub(super) fn exchange(
        &mut self,
        command: &Command,
        within: Duration,
    ) -> Result<Answer, SessionError> {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let message = command.encode(sequence)?;
        let framed = frame(&message);
        let mut trouble = None;
        for _ in 0..ATTEMPTS {
            self.line.write_all(&framed)?;
            let (again, error) = match self.listen(command, &message, within)? {
                Listened::Answer(answer) => return Ok(answer),
                Listened::Refused => (true, SessionError::Refused { times: ATTEMPTS }),
                Listened::Damaged(error) => (command.is_repeatable(), error),
                Listened::Silence { echoed } => {
                    let error = SessionError::Silent { echoed, within };
                    (command.is_repeatable(), error)
                }
            };
            if !again {
                return Err(error);
            }
            trouble = Some(error);
        }
        Err(trouble.unwrap_or(SessionError::Refused { times: ATTEMPTS }))
    }

    fn listen(
        &mut self,
        command: &Command,
        message: &[u8],
        within: Duration,
    ) -> Result<Listened, SessionError> {
        let mut left = within;
        let mut echoed = false;
        let mut time_requests = 0;
        let mut count = 0;
        let mut buffer = [0; 512];
        loop {
            while let Some(heard) = self.receiver.hear() {
                match heard {
                    Heard::Message(told) if told[..] == *message && !echoed => echoed = true,
                    // All requests are below 80: the echo of an earlier one, or not quite ours,
                    // which the reader will then refuse.
                    Heard::Message(told) if told[0] < 0x80 => {}
                    Heard::Message(told) => match Answer::parse(&told) {
                        Ok(answer) if answer_fits(&answer, command, message) => {
                            self.echoes = Some(echoed);
                            let Outcome::TimeExtension(times) = answer.outcome else {
                                return Ok(Listened::Answer(answer));
                            };
                            time_requests += 1;
                            left = within * u32::from(times.max(1));
                        }
                        // Late, from a request that was given up.
                        Ok(_) => {}
                        Err(error) => {
                            return Ok(Listened::Damaged(SessionError::Answer(error)));
                        }
                    },
                    Heard::Nak => return Ok(Listened::Refused),
                    Heard::CardMoved { present } => self.removed |= !present,
                    Heard::TimeRequest => {
                        time_requests += 1;
                        left = within;
                    }
                    // A damaged echo is no damaged answer.
                    Heard::Damaged(FrameError::Check { .. })
                        if !echoed && self.echoes == Some(true) =>
                    {
                        echoed = true;
                    }
                    Heard::Damaged(error) => {
                        self.settle(&mut buffer)?;
                        return Ok(Listened::Damaged(SessionError::Frame(error)));
                    }
                }
                if time_requests > TIME_REQUESTS {
                    return Err(SessionError::NeverReady);
                }
            }
            let begun = self.receiver.is_waiting();
            let slice = if begun { BETWEEN_BYTES } else { left };
            match self.read(&mut buffer, slice)? {
                (Some(read), took) => {
                    left = left.saturating_sub(took);
                    count += read;
                    if count > BABBLE {
                        return Err(SessionError::Babble);
                    }
                }
                (None, _) if begun => {
                    if let Some(error) = self.receiver.quiet() {
                        return Ok(Listened::Damaged(SessionError::Frame(error)));
                    }
                }
                (None, _) => return Ok(Listened::Silence { echoed }),
            }
        }
    }

    /// Reads for at most `within` into the receiver; how many bytes came, and how long it took.
    fn read(
        &mut self,
        buffer: &mut [u8],
        within: Duration,
    ) -> Result<(Option<usize>, Duration), SessionError> {
        let before = self.ambient.elapsed();
        let came = match self.line.read(buffer, within) {
            Ok(count) => {
                self.receiver.push(&buffer[..count]);
                buffer[..count].fill(0);
                Some(count)
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => None,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Some(0),
            Err(error) => return Err(error.into()),
        };
        Ok((came, self.ambient.elapsed().saturating_sub(before)))
    }

    /// Waits until the line is quiet, and forgets what came.
    fn settle(&mut self, buffer: &mut [u8]) -> Result<(), SessionError> {
        let mut count = 0;
        loop {
            self.receiver.forget();
            match self.read(buffer, QUIET)? {
                (Some(read), _) if count < BABBLE => count += read.max(1),
                (Some(_), _) => return Err(SessionError::Babble),
                (None, _) => return Ok(()),
            }
        }
    }
}

fn answer_fits(answer: &Answer, command: &Command, message: &[u8]) -> bool {
    answer.sequence == message[ccid::SEQUENCE_AT] && answer.reply == command.request().reply()
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("sequence", &self.sequence)
            .field("echoes", &self.echoes)
            .finish_non_exhaustive()
    }
}
