//! The access bytes of files.

use ::authentic::words::v2;
use iso7816::StatusWord;

use crate::card::authentic::AuthenticChip;
use crate::card::authentic::files::{self, Header, Place};

impl AuthenticChip {
    /// Whether the condition at this position of a file's access bytes is met. A status that lasts
    /// for one command ends with the command it lets through.
    pub(super) fn check_access(
        &mut self,
        header: &Header,
        position: usize,
    ) -> Result<(), StatusWord> {
        let verified = &mut self.session.v2.verified;
        let met = match header.access[position] {
            v2::ALWAYS => true,
            v2::NEEDS_USER_PIN => verified.user,
            v2::NEEDS_ONE_TIME_PIN => std::mem::take(&mut verified.one_time),
            v2::NEEDS_SO_PIN => verified.officer,
            v2::NEEDS_EITHER_PIN => verified.user || verified.officer,
            // Never; or secure messaging, which this card has no keys for; or nothing known.
            _ => false,
        };
        if met {
            Ok(())
        } else {
            Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED)
        }
    }

    /// The same for unblocking, where the officer's passcode is the one local to the domain.
    pub(super) fn check_reset_access(&mut self, domain: &Header) -> Result<(), StatusWord> {
        match domain.access[v2::df::RESET_PIN] {
            v2::NEEDS_SO_PIN if self.local_officer_verified() => Ok(()),
            v2::NEEDS_SO_PIN => Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED),
            _ => self.check_access(domain, v2::df::RESET_PIN),
        }
    }

    /// A file that must be there.
    pub(super) fn header(&self, place: Place) -> Result<Header, StatusWord> {
        files::file(&self.memory, place)
            .map(|(header, _)| header)
            .ok_or(StatusWord::NOT_FOUND)
    }

    /// The current dedicated file, with the condition at this position met.
    pub(super) fn directory_for(&mut self, position: usize) -> Result<Place, StatusWord> {
        let place = self.session.v2.directory;
        let header = self.header(place)?;
        self.check_access(&header, position)?;
        Ok(place)
    }

    /// The current file.
    pub(super) fn current(&self) -> Result<(Place, Header), StatusWord> {
        let place = self
            .session
            .v2
            .current
            .ok_or(StatusWord::COMMAND_NOT_ALLOWED)?;
        Ok((place, self.header(place)?))
    }
}
