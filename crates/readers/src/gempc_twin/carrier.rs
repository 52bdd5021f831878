use std::time::Duration;

use ccid::{CardStatus, SlotError};
use iso7816::LinkError;
use zeroize::Zeroizing;

use super::error::{SessionError, garbled, refused};
use super::session::Session;
use crate::ccid::{Answer, Command, Outcome};
use crate::t1::BlockCarrier;

/// How long the reader may take for what it does without the card.
pub(super) const BY_ITSELF: Duration = Duration::from_secs(2);

/// Bytes to the card in the slot and back.
pub(super) struct Slot<'a> {
    pub(super) session: &'a mut Session,
    pub(super) reader: &'a str,
    /// How long the card may take for one block or TPDU, the way there and back included.
    pub(super) within: Duration,
}

/// What became of bytes sent to the card.
pub(super) enum Sent {
    /// It answered.
    Answered(Zeroizing<Vec<u8>>),
    /// It is there, and nothing came of it that could be read.
    Nothing(Unanswered),
}

/// Why a card that is there gave no readable answer.
pub(super) enum Unanswered {
    /// The reader says so.
    Reader(SlotError),
    /// The reader's own answer was lost on the way.
    Line(SessionError),
}

impl Slot<'_> {
    /// Sends bytes to the card.
    ///
    /// # Errors
    ///
    /// [`LinkError::CardRemoved`], and what makes the reader unusable.
    pub(super) fn send(
        &mut self,
        data: Zeroizing<Vec<u8>>,
        waiting: u8,
    ) -> Result<Sent, LinkError> {
        let command = Command::TransferBlock { waiting, data };
        let within = self.within * u32::from(waiting.max(1));
        match self.session.exchange(&command, within) {
            Ok(answer) => self.judge(answer),
            Err(
                error @ (SessionError::Frame(_)
                | SessionError::Answer(_)
                | SessionError::Silent { .. }),
            ) => {
                // Whether the reader still lives, and the card in it.
                let status = self
                    .session
                    .exchange(&Command::GetSlotStatus, BY_ITSELF)
                    .map_err(|error| error.for_reader(self.reader))?;
                self.expect_powered(&status)?;
                Ok(Sent::Nothing(Unanswered::Line(error)))
            }
            Err(error) => Err(error.for_reader(self.reader)),
        }
    }

    /// Sends a TPDU of T=0, which is sent once whatever becomes of it.
    pub(super) fn send_tpdu(&mut self, tpdu: Zeroizing<Vec<u8>>) -> Result<Vec<u8>, LinkError> {
        match self.send(tpdu, 0)? {
            Sent::Answered(mut answer) => Ok(std::mem::take(&mut *answer)),
            Sent::Nothing(Unanswered::Reader(error)) => Err(garbled(
                self.reader,
                &format_args!("{error}; whether the command was carried out is not known"),
            )),
            Sent::Nothing(Unanswered::Line(error)) => Err(LinkError::OutOfOrder {
                reader: self.reader.to_owned(),
                detail: format!("{error}; whether the card carried out the command is not known"),
                next: "check the cable, then look at the card before going on with it",
            }),
        }
    }

    fn judge(&mut self, answer: Answer) -> Result<Sent, LinkError> {
        self.expect_powered(&answer)?;
        match answer.outcome {
            Outcome::Done => Ok(Sent::Answered(answer.data)),
            Outcome::Failed(error) if is_of_the_card(error) => {
                Ok(Sent::Nothing(Unanswered::Reader(error)))
            }
            Outcome::Failed(error) => Err(refused(self.reader, "it did not send a block", error)),
            Outcome::TimeExtension(_) => Err(SessionError::NeverReady.for_reader(self.reader)),
        }
    }

    /// A card that lost its power, by whatever way, has lost its security status.
    fn expect_powered(&mut self, answer: &Answer) -> Result<(), LinkError> {
        if self.session.take_removed() || answer.card != CardStatus::Active {
            return Err(LinkError::CardRemoved {
                reader: self.reader.to_owned(),
            });
        }
        Ok(())
    }
}

/// Whether a repetition may help.
fn is_of_the_card(error: SlotError) -> bool {
    matches!(
        error,
        SlotError::Mute | SlotError::Parity | SlotError::Overrun | SlotError::ProcedureByte
    )
}

impl BlockCarrier for Slot<'_> {
    type Error = LinkError;

    fn carry(
        &mut self,
        block: &[u8],
        waiting: u8,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, LinkError> {
        match self.send(Zeroizing::new(block.to_vec()), waiting)? {
            Sent::Answered(answer) => Ok(Some(answer)),
            Sent::Nothing(_) => Ok(None),
        }
    }
}
