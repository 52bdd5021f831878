//! From bytes to the command of the selected application and back: APDU cases, classes, command
//! chaining, GET RESPONSE (ISO/IEC 7816-4, 5.1 to 5.4), secure messaging around all of it.

mod t0;

use std::mem;

use iso7816::{Command, Expected, Instruction, Protocol, StatusWord};
use zeroize::Zeroizing;

use super::secure_messaging::{self, SECURED};
use super::session::{Answer, Chain, Moment, Pending, Stop};
use super::{Application, Interface, PivChip};

impl PivChip {
    /// The response APDU; `None` when the power failed in the middle.
    pub(super) fn execute(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let answer = match self.protocol_in_use() {
            Protocol::T0 => self.respond_over_t0(bytes),
            Protocol::T1 => self.respond(bytes),
        };
        match answer {
            Ok(response) => Some(response),
            Err(Stop::Refused(status)) => Some(status.0.to_be_bytes().to_vec()),
            Err(Stop::PowerCut) => None,
        }
    }

    fn respond(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Stop> {
        let command = Command::parse(bytes);
        let extended = bytes.len() > 5 && bytes[4] == 0;
        if let Ok(command) = &command
            && is_get_response(command)
            && let Some(pending) = self.session.pending.take()
        {
            // Part of the exchange that is going on, so nothing that waits for the next command
            // is disturbed.
            return Ok(self.hand_out(pending, command.expected, extended));
        }
        let moment = mem::take(&mut self.session.moment);
        if moment.challenge.is_some() {
            // What comes now is the right answer, or the authentication failed or was aborted:
            // the indicator is FALSE unless it is set again (SP 800-73-5 Part 2, 2.4.2).
            self.session.status.administrator = false;
        }
        self.session.pending = None;
        let chain = self.session.chain.take();
        match self.perform(command.as_ref(), bytes.len(), extended, chain, moment) {
            Err(stop) => {
                // Only what went wrong with secure messaging itself is told in the clear, and
                // that ends the session (SP 800-73-5 Part 2, 4.3).
                if bytes.first().is_some_and(|&class| is_protected(class)) {
                    self.session.channel = None;
                }
                Err(stop)
            }
            Ok(Performed::PartTaken) => Ok(StatusWord::OK.0.to_be_bytes().to_vec()),
            Ok(Performed::Answered(data, expected)) => {
                let pending = Pending { data, given: 0 };
                Ok(self.hand_out(pending, expected, extended))
            }
        }
    }

    fn perform(
        &mut self,
        command: Result<&Command, &iso7816::CommandError>,
        length: usize,
        extended: bool,
        chain: Option<Chain>,
        moment: Moment,
    ) -> Result<Performed, Stop> {
        let command = command.map_err(|_| StatusWord::WRONG_LENGTH)?;
        let limit = self.model.extended_length.map(|limits| limits.command);
        if extended && limit.is_none_or(|limit| length > usize::from(limit)) {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        self.check_class(command)?;
        let continued = chain.filter(|chain| chain.continues_with(command));
        let continued = match continued {
            // SP 800-73-5 Part 2, 4.2: what began under secure messaging goes on under it.
            Some(chain) if chain.is_protected() && !is_protected(command.class) => {
                self.session.channel = None;
                return Err(StatusWord::SM_OBJECTS_MISSING.into());
            }
            continued => continued.filter(|it| it.is_protected() == is_protected(command.class)),
        };
        if command.is_chained() {
            if !is_chainable(command.instruction) {
                return Err(StatusWord::CHAINING_NOT_SUPPORTED.into());
            }
            let limit = self.model.transport.chain_buffer;
            let mut chain = continued.unwrap_or_else(|| Chain::begin(command, limit));
            self.extend(&mut chain, &command.data)?;
            self.session.chain = Some(chain);
            // The chain is one command: what holds for the next command holds for all of it.
            self.session.moment = moment;
            return Ok(Performed::PartTaken);
        }
        let answer = match continued {
            Some(mut chain) => {
                self.extend(&mut chain, &command.data)?;
                let whole = Command {
                    data: chain.data,
                    ..command.clone()
                };
                self.run_in_its_class(&whole, moment)
            }
            None => self.run_in_its_class(command, moment),
        };
        Ok(Performed::Answered(answer?, command.expected))
    }

    fn run_in_its_class(&mut self, command: &Command, moment: Moment) -> Answer {
        if is_protected(command.class) {
            self.run_protected(command, moment)
        } else {
            self.run(command, moment)
        }
    }

    /// Opens the command, carries it out, seals what became of it, good or bad. The session is
    /// taken out meanwhile, so that whatever fails in between ends it.
    fn run_protected(&mut self, command: &Command, moment: Moment) -> Answer {
        let mut channel = self
            .session
            .channel
            .take()
            .ok_or(StatusWord::SECURITY_STATUS_NOT_SATISFIED)?;
        let plain = channel.open(command)?;
        self.session.protected = true;
        let answer = self.run(&plain, moment);
        self.session.protected = false;
        let sealed = match answer {
            Ok(data) => channel.seal(&data, StatusWord::OK),
            Err(Stop::Refused(status)) => channel.seal(&[], status),
            Err(Stop::PowerCut) => return Err(Stop::PowerCut),
        };
        self.session.channel = Some(channel);
        Ok(Zeroizing::new(sealed))
    }

    fn run(&mut self, command: &Command, moment: Moment) -> Answer {
        if command.class == 0 && command.instruction == Instruction::SELECT {
            let answer = self.select(command)?;
            self.session.security_domain = None;
            return Ok(answer);
        }
        if command.class == 0 && command.instruction == MANAGE_CHANNEL {
            // There is the basic channel and no other.
            return Err(StatusWord::LOGICAL_CHANNEL_NOT_SUPPORTED.into());
        }
        match self.session.selected {
            Application::Piv if command.class & 0x80 != 0 => self.run_domain_for_piv(command),
            Application::Piv => {
                // Nothing goes unprotected between the commands of a session.
                self.session.security_domain = None;
                self.run_piv(command, moment)
            }
            Application::CardManager => self.run_card_manager(command),
        }
    }

    /// SP 800-73-5 Part 2, 3 for PIV; 0C and 1C are secure messaging, for some commands and
    /// within a session. The card manager takes 00 and 80, and 84 within its own sessions; where
    /// it serves the PIV application, that takes them, too. There is the basic logical channel
    /// alone.
    fn check_class(&self, command: &Command) -> Result<(), StatusWord> {
        let proprietary = self.session.selected == Application::CardManager;
        if names_another_channel(command.class, proprietary) {
            return Err(StatusWord::LOGICAL_CHANNEL_NOT_SUPPORTED);
        }
        match (self.session.selected, command.class) {
            (_, 0x00) | (Application::Piv, 0x10) | (Application::CardManager, 0x80 | 0x84) => {
                Ok(())
            }
            (Application::Piv, 0x80 | 0x84) if self.model.administration.put_key => Ok(()),
            (Application::Piv, 0x0C | 0x1C) => {
                if self.model.secure_messaging.is_none()
                    || !secure_messaging::may_carry(command.instruction)
                {
                    return Err(StatusWord::SECURE_MESSAGING_NOT_SUPPORTED);
                }
                match self.session.channel {
                    Some(_) => Ok(()),
                    None => Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED),
                }
            }
            _ => Err(StatusWord::CLASS_NOT_SUPPORTED),
        }
    }

    fn extend(&self, chain: &mut Chain, data: &[u8]) -> Result<(), StatusWord> {
        if chain.data.len() + data.len() > self.model.transport.chain_buffer {
            return Err(StatusWord::NO_MEMORY);
        }
        chain.data.extend_from_slice(data);
        Ok(())
    }

    /// The next piece of a response: never more than the host asked for, and 61XX while there is
    /// more (ISO/IEC 7816-4, 5.3.4).
    fn hand_out(
        &mut self,
        mut pending: Pending,
        expected: Option<Expected>,
        extended: bool,
    ) -> Vec<u8> {
        let most = match self.model.extended_length {
            Some(limits) if extended => usize::from(limits.response).saturating_sub(2),
            _ => usize::from(self.model.transport.response_chunk),
        };
        let asked = match expected {
            Some(expected) => usize::try_from(expected.get()).unwrap_or(most),
            None if self.takes_no_le_for_all() => most,
            None => 0,
        };
        let rest = &pending.data[pending.given..];
        let piece = &rest[..rest.len().min(most).min(asked)];
        let left = rest.len() - piece.len();
        let status = if left == 0 {
            StatusWord::OK
        } else {
            StatusWord::more_data(left)
        };
        let mut response = Vec::with_capacity(piece.len() + 2);
        response.extend_from_slice(piece);
        response.extend_from_slice(&status.0.to_be_bytes());
        if left > 0 {
            pending.given += piece.len();
            self.session.pending = Some(pending);
        }
        response
    }

    /// Over T=0 a command with data never has a Le, so none says nothing there.
    fn takes_no_le_for_all(&self) -> bool {
        self.model.transport.data_without_le && self.protocol_in_use() != Protocol::T0
    }

    /// The protocol of the model over the contacts; an antenna carries whole APDUs as T=1 does.
    pub(super) fn protocol_in_use(&self) -> Protocol {
        match self.interface {
            Interface::Contact => self.model.transport.protocol,
            Interface::Contactless => Protocol::T1,
        }
    }
}

/// What became of one command APDU.
enum Performed {
    /// It was a part of a chain that goes on.
    PartTaken,
    /// It was carried out, with this data for a host that expects so much.
    Answered(Zeroizing<Vec<u8>>, Option<Expected>),
}

/// ISO/IEC 7816-4, 11.1.2: opens and closes logical channels.
const MANAGE_CHANNEL: Instruction = Instruction(0x70);

/// Whether the class is for a logical channel other than the basic one (ISO/IEC 7816-4, 5.4.1):
/// 1 to 3 in the first interindustry values, 4 to 19 in the further ones; and the same in the
/// proprietary classes that GlobalPlatform shapes like them (Card Specification 2.3, 11.1.4).
fn names_another_channel(class: u8, proprietary: bool) -> bool {
    const CHANNEL: u8 = 0x03;
    match class {
        0x00..=0x1F => class & CHANNEL != 0,
        0x40..=0x7F => true,
        0x80..=0x8F => proprietary && class & CHANNEL != 0,
        0xC0..=0xFE => proprietary,
        _ => false,
    }
}

fn is_protected(class: u8) -> bool {
    class & 0x80 == 0 && class & SECURED == SECURED
}

fn is_get_response(command: &Command) -> bool {
    command.class == 0
        && command.instruction == Instruction::GET_RESPONSE
        && (command.p1, command.p2) == (0, 0)
}

/// SP 800-73-5 Part 2, 3: the commands with `10` among their classes. VERIFY, and since that
/// edition CHANGE REFERENCE DATA, are chained for on-card comparison only, which these cards have
/// not.
fn is_chainable(instruction: Instruction) -> bool {
    matches!(
        instruction,
        Instruction::GENERAL_AUTHENTICATE
            | Instruction::PUT_DATA
            | Instruction::GENERATE_ASYMMETRIC_KEY_PAIR
    )
}
