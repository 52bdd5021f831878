//! One command and its answer over the line, half duplex: frame, ACK, work, frame, ACK.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ground::Ambient;
use zeroize::Zeroizing;

use super::answer::{Answer, AnswerError};
use super::command::Command;
use super::frame::{ACK, EOT, FrameError, Heard, NAK, Receiver, frame};
use super::profile::Profile;
use crate::serial::Line;

/// The most bytes that may come in one wait before the line counts as babbling.
const BABBLE: usize = 8 * 1024;
/// Answers to something else that are passed over in one wait.
const STRANGERS: u32 = 8;
/// Frames and single bytes that are passed over while the line settles.
const LEFTOVERS: u32 = 256;

/// Why a command has no answer.
#[derive(Debug)]
pub(super) enum SessionError {
    Line(io::Error),
    /// It does not fit a frame; nothing was sent.
    Frame(FrameError),
    /// Nobody acknowledged a frame that may be sent again, however often it was.
    Silent,
    /// The device said each time that the frame came damaged: it has done nothing.
    Refused {
        times: u32,
    },
    /// No answer to what must not be sent twice.
    Lost {
        /// The frame was acknowledged.
        heard: bool,
        within: Duration,
    },
    /// The answer came damaged each time.
    Damaged(FrameError),
    /// The answer came whole and makes no sense.
    Answer(AnswerError),
    /// There is something on the line all the time.
    Babble,
}

impl From<io::Error> for SessionError {
    fn from(error: io::Error) -> Self {
        Self::Line(error)
    }
}

pub(super) struct Session {
    line: Box<dyn Line>,
    receiver: Receiver,
    ambient: Arc<dyn Ambient>,
    address: u8,
    tries: u32,
    acknowledged_within: Duration,
    between_bytes: Duration,
    /// The last answer: the device says it again if our ACK was lost.
    last: Zeroizing<Vec<u8>>,
    /// Something may still come that nobody waits for.
    unsettled: bool,
}

/// What came of waiting for ACK.
enum Reception {
    Acknowledged,
    Refused,
    Nothing,
    /// The answer came instead: the ACK before it was lost.
    Answered(Result<Answer, AnswerError>),
    /// Something that may be the answer came damaged.
    Damaged(FrameError),
}

impl Session {
    pub(super) fn new(line: Box<dyn Line>, profile: &Profile, ambient: Arc<dyn Ambient>) -> Self {
        Self {
            line,
            receiver: Receiver::new(profile.address.value),
            ambient,
            address: profile.address.value,
            tries: profile.tries.value,
            acknowledged_within: profile.limits_ms.acknowledge.duration(),
            between_bytes: profile.limits_ms.between_bytes.duration(),
            last: Zeroizing::default(),
            // What was on its way when the port was opened is for somebody else.
            unsettled: true,
        }
    }

    pub(super) fn ambient(&self) -> &Arc<dyn Ambient> {
        &self.ambient
    }

    pub(super) fn set_speed(&mut self, baud: u32) -> io::Result<()> {
        self.unsettled = true;
        self.line.set_speed(baud)
    }

    /// Has a command done. A frame the device refused is sent again, and one it did not
    /// acknowledge if it [may be](Command::may_be_repeated).
    pub(super) fn exchange(
        &mut self,
        command: &Command,
        within: Duration,
    ) -> Result<Answer, SessionError> {
        let text = command.text().map_err(SessionError::Frame)?;
        let whole = frame(self.address, &text).map_err(SessionError::Frame)?;
        if std::mem::take(&mut self.unsettled) {
            self.settle()?;
        }
        let done = self.have_done(command, &whole, within);
        if done.is_err() {
            self.unsettled = true;
            if command.can_be_cancelled() && matches!(done, Err(SessionError::Lost { .. })) {
                self.cancel()?;
            }
        }
        done
    }

    fn have_done(
        &mut self,
        command: &Command,
        whole: &[u8],
        within: Duration,
    ) -> Result<Answer, SessionError> {
        let again = command.may_be_repeated();
        for sent in 1..=self.tries {
            let last = sent == self.tries;
            // Both frames may have been heard, and then there is an answer too many.
            self.unsettled |= sent > 1;
            self.line.write_all(whole)?;
            match self.reception(command)? {
                Reception::Acknowledged => return self.answer(command, within, true),
                Reception::Answered(answer) => return answer.map_err(SessionError::Answer),
                Reception::Damaged(error) => {
                    if self.tries == 1 {
                        return Err(SessionError::Damaged(error));
                    }
                    self.line.write_all(&[NAK])?;
                    return self.answer(command, within, false);
                }
                Reception::Refused if last => break,
                Reception::Nothing if again && last => return Err(SessionError::Silent),
                Reception::Refused => {}
                Reception::Nothing if again => {}
                // It may be at work all the same.
                Reception::Nothing => return self.answer(command, within, false),
            }
        }
        Err(SessionError::Refused { times: self.tries })
    }

    /// Waits for ACK.
    fn reception(&mut self, command: &Command) -> Result<Reception, SessionError> {
        let mut left = self.acknowledged_within;
        let mut strangers = 0;
        loop {
            let (heard, took) = self.listen(left)?;
            left = left.saturating_sub(took);
            match heard {
                None => return Ok(Reception::Nothing),
                Some(Heard::Acknowledged) => return Ok(Reception::Acknowledged),
                Some(Heard::Refused) => return Ok(Reception::Refused),
                Some(Heard::Ended) => {}
                Some(Heard::Damaged(error)) => return Ok(Reception::Damaged(error)),
                Some(Heard::Text(text)) => {
                    // The answer before, said again because our ACK to it was lost.
                    let again = text == self.last;
                    match self.taken(command, text)? {
                        Some(answer) if !again => return Ok(Reception::Answered(answer)),
                        _ => strangers += 1,
                    }
                    if strangers > STRANGERS {
                        return Err(SessionError::Babble);
                    }
                }
            }
        }
    }

    /// Waits for the answer.
    fn answer(
        &mut self,
        command: &Command,
        within: Duration,
        mut heard_by_device: bool,
    ) -> Result<Answer, SessionError> {
        let mut left = within;
        let (mut damaged, mut strangers) = (0, 0);
        loop {
            let (heard, took) = self.listen(left)?;
            left = left.saturating_sub(took);
            match heard {
                None => {
                    return Err(SessionError::Lost {
                        heard: heard_by_device,
                        within,
                    });
                }
                Some(Heard::Acknowledged) => heard_by_device = true,
                Some(Heard::Refused) => return Err(SessionError::Refused { times: 1 }),
                Some(Heard::Ended) => {
                    return Err(SessionError::Lost {
                        heard: heard_by_device,
                        within: within.saturating_sub(left),
                    });
                }
                Some(Heard::Damaged(error)) => {
                    damaged += 1;
                    if damaged >= self.tries {
                        return Err(SessionError::Damaged(error));
                    }
                    // It says the same again; what it did, it does not do again.
                    self.line.write_all(&[NAK])?;
                }
                Some(Heard::Text(text)) => match self.taken(command, text)? {
                    Some(answer) => return answer.map_err(SessionError::Answer),
                    None => strangers += 1,
                },
            }
            if strangers > STRANGERS {
                return Err(SessionError::Babble);
            }
        }
    }

    /// Acknowledges a frame; the answer in it, unless it is to something else.
    fn taken(
        &mut self,
        command: &Command,
        text: Zeroizing<Vec<u8>>,
    ) -> Result<Option<Result<Answer, AnswerError>>, SessionError> {
        self.line.write_all(&[ACK])?;
        let answer = Answer::parse(&text);
        let is_ours = answer
            .as_ref()
            .map_or(true, |answer| answer.code == command.code());
        if is_ours {
            self.last = text;
        }
        Ok(is_ours.then_some(answer))
    }

    /// Gives up what is under way, and waits until the device says that it has.
    fn cancel(&mut self) -> Result<(), SessionError> {
        self.line.write_all(&[EOT])?;
        let mut left = self.acknowledged_within;
        // A device that does not answer this either is told so by what is asked next.
        while let (Some(heard), took) = self.listen(left)? {
            left = left.saturating_sub(took);
            if heard == Heard::Ended || left.is_zero() {
                break;
            }
        }
        Ok(())
    }

    /// The next whole thing that comes within the time, and how long that took.
    fn listen(&mut self, within: Duration) -> Result<(Option<Heard>, Duration), SessionError> {
        let mut buffer = Zeroizing::new([0; 256]);
        let mut spent = Duration::ZERO;
        let mut count = 0;
        loop {
            if let Some(heard) = self.receiver.hear() {
                return Ok((Some(heard), spent));
            }
            let inside = self.receiver.is_inside();
            let limit = if inside {
                self.between_bytes
            } else {
                within.saturating_sub(spent)
            };
            let before = self.ambient.elapsed();
            let came = self.line.read(&mut buffer[..], limit);
            let took = self.ambient.elapsed().saturating_sub(before);
            spent += took;
            match came {
                Ok(read) => {
                    self.receiver.push(&buffer[..read]);
                    count += read.max(1);
                    if count > BABBLE {
                        return Err(SessionError::Babble);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    // On a clock that stands still, the time has passed all the same.
                    spent += limit.saturating_sub(took);
                    return Ok((self.receiver.quiet(), spent));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    count += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits until the line is quiet, and forgets what came. A frame that is waiting to be
    /// acknowledged is, so that the device does not say it again.
    fn settle(&mut self) -> Result<(), SessionError> {
        let mut count = 0;
        while let (Some(heard), _) = self.listen(self.between_bytes)? {
            if let Heard::Text(text) = heard {
                self.line.write_all(&[ACK])?;
                self.last = text;
            }
            count += 1;
            if count > LEFTOVERS {
                return Err(SessionError::Babble);
            }
        }
        self.receiver.forget();
        Ok(())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
