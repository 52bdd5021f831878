//! Secure messaging around the commands: INITIALIZE UPDATE, EXTERNAL AUTHENTICATE, and what comes
//! protected.

use ::authentic::words::v3::CHALLENGE_SIZE;
use iso7816::{Command, Instruction, StatusWord};
use rand_core::Rng;
use zeroize::Zeroizing;

use super::access::Level;
use super::scp01::{self, BLOCK, DIVERSIFICATION, LEVEL, PROTECTED, SecureSession};
use crate::card::authentic::AuthenticChip;
use crate::card::authentic::model::SecureChannel;
use crate::card::manager;
use crate::card::nvm::{Cell, Transaction};
use crate::card::session::{Answer, Stop, done};

/// Whether the command may come in clear while a session is open: those OpenSC never wraps.
fn is_exempt(command: &Command) -> bool {
    match command.class & !Command::CHAINING {
        0x00 => matches!(
            command.instruction,
            Instruction::MANAGE_SECURITY_ENVIRONMENT
                | super::PERFORM_SECURITY_OPERATION
                | Instruction::GET_CHALLENGE
                | super::INTERNAL_AUTHENTICATE
                | Instruction::SELECT
                | Instruction::GET_RESPONSE
                | Instruction::GET_DATA_P1P2
        ),
        0x80 => command.instruction == Instruction::INITIALIZE_UPDATE,
        _ => false,
    }
}

impl AuthenticChip {
    /// A command that came protected, in clear; `None` for one that came in clear. A session ends
    /// with the first command that is not protected as it must be.
    ///
    /// # Errors
    ///
    /// 6982 without a session or for a command that must be protected, and as
    /// [`SecureSession::unwrap`].
    pub(in crate::card::authentic) fn open_v3(
        &mut self,
        command: &Command,
    ) -> Result<Option<Command>, StatusWord> {
        let state = &mut self.session.v3;
        state.protection = None;
        let is_open = state.session.as_ref().is_some_and(SecureSession::is_open);
        if command.instruction == Instruction::EXTERNAL_AUTHENTICATE {
            return Ok(None);
        }
        if command.class & PROTECTED == 0 {
            if !is_open {
                return Ok(None);
            }
            if !is_exempt(command) {
                state.session = None;
                return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED);
            }
            state.protection = Some(Level::Plain);
            return Ok(None);
        }
        let mut session = state
            .session
            .take()
            .filter(SecureSession::is_open)
            .ok_or(StatusWord::SECURITY_STATUS_NOT_SATISFIED)?;
        let plain = session.unwrap(command)?;
        state.session = Some(session);
        state.protection = Some(Level::Full);
        Ok(Some(plain))
    }

    pub(super) fn initialize_update(&mut self, command: &Command) -> Answer {
        self.session.v3.session = None;
        let channel = self.secure_channel()?;
        if command.p2 != 0 {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let host_challenge: [u8; BLOCK] = command
            .data
            .as_slice()
            .try_into()
            .map_err(|_| StatusWord::WRONG_LENGTH)?;
        if command.p1 != 0 && command.p1 != channel.key_version {
            return Err(StatusWord::REFERENCE_NOT_FOUND.into());
        }
        if self.channel_tries() == 0 {
            return Err(StatusWord::BLOCKED.into());
        }
        let mut card_challenge = [0; BLOCK];
        self.random()?.fill_bytes(&mut card_challenge);
        let diversification = self.diversification();
        let keys = channel.keys.of_card(&diversification);
        let session = SecureSession::begin(&keys, host_challenge, card_challenge);
        let mut answer = Zeroizing::new(diversification.to_vec());
        answer.extend_from_slice(&[channel.key_version, KEY_INDEX]);
        answer.extend_from_slice(&card_challenge);
        answer.extend_from_slice(&session.card_cryptogram());
        self.session.v3.session = Some(session);
        Ok(answer)
    }

    /// The counter goes down before anything is compared, so that cutting the power after a wrong
    /// cryptogram gains nothing.
    pub(super) fn external_authenticate(&mut self, command: &Command) -> Answer {
        let channel = self.secure_channel()?;
        let mut session = self
            .session
            .v3
            .session
            .take()
            .filter(|session| !session.is_open())
            .ok_or(StatusWord::CONDITIONS_NOT_SATISFIED)?;
        if (command.p1, command.p2) != (LEVEL, 0) {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        if command.data.len() != 2 * BLOCK {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        let left = self
            .channel_tries()
            .checked_sub(1)
            .ok_or(StatusWord::BLOCKED)?;
        self.set_channel_tries(left)?;
        if !session.authenticate(command) {
            return Err(StatusWord::VERIFICATION_FAILED.into());
        }
        self.set_channel_tries(channel.tries)?;
        self.session.v3.session = Some(session);
        done()
    }

    /// Always as many bytes as the card gives, whatever was asked for.
    pub(super) fn get_challenge(&mut self, command: &Command) -> Answer {
        if (command.p1, command.p2) != (0, 0) {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        match command.expected.map(|expected| expected.get()) {
            Some(asked) if usize::try_from(asked).is_ok_and(|asked| asked < CHALLENGE_SIZE) => {
                return Err(StatusWord::exact_length(CHALLENGE_SIZE).into());
            }
            _ => {}
        }
        let mut challenge = Zeroizing::new(vec![0; CHALLENGE_SIZE]);
        self.random()?.fill_bytes(&mut challenge);
        Ok(challenge)
    }

    fn secure_channel(&self) -> Result<SecureChannel, StatusWord> {
        let v3 = self.model.v3.as_ref();
        v3.and_then(|v3| v3.secure_channel.clone())
            .ok_or(StatusWord::INSTRUCTION_NOT_SUPPORTED)
    }

    /// Ten bytes which end with the serial number of the production data.
    fn diversification(&self) -> [u8; DIVERSIFICATION] {
        let mut data = [0; DIVERSIFICATION];
        data[DIVERSIFICATION - 4..].copy_from_slice(&manager::serial_number(self.number));
        data
    }

    fn channel_tries(&self) -> u8 {
        match self.memory.get(Cell::KeySetTries) {
            Some(&[tries]) => tries,
            _ => 0,
        }
    }

    fn set_channel_tries(&mut self, tries: u8) -> Result<(), Stop> {
        self.commit(Transaction::new().set(Cell::KeySetTries, [tries]))
    }
}

/// The key index told with the version; there is one key set.
const KEY_INDEX: u8 = 0x01;

impl crate::card::authentic::model::ChannelKeys {
    /// The keys of the card with these diversification data.
    fn of_card(&self, diversification: &[u8; DIVERSIFICATION]) -> scp01::StaticKeys {
        match self {
            Self::Same(keys) => scp01::StaticKeys::new(keys),
            Self::Master(master) => scp01::StaticKeys::diversified(master, diversification),
        }
    }
}
