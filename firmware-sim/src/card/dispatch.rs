//! From what the transport brings to the command of the selected application: classes, the rules
//! on chains, secure messaging around all of it.

use std::mem;

use iso7816::{Command, Instruction, Protocol, StatusWord};
use zeroize::Zeroizing;

use super::secure_messaging::{self, SECURED};
use super::session::{Answer, Chain, Moment, Stop};
use super::transport::{Carrier, Endpoint, Exchange, Performed, Received, names_another_channel};
use super::{Application, Interface, PivChip};

impl Endpoint for PivChip {
    fn carrier(&self) -> Carrier {
        let transport = &self.model.transport;
        Carrier {
            protocol: self.protocol_in_use(),
            response_chunk: transport.response_chunk,
            chain_buffer: transport.chain_buffer,
            data_without_le: transport.data_without_le,
            extended_length: self.model.extended_length,
        }
    }

    fn exchange(&mut self) -> &mut Exchange {
        &mut self.session.exchange
    }

    fn perform(&mut self, received: &Received<'_>) -> Result<Performed, Stop> {
        let moment = mem::take(&mut self.session.moment);
        if moment.challenge.is_some() {
            // What comes now is the right answer, or the authentication failed or was aborted:
            // the indicator is FALSE unless it is set again (SP 800-73-5 Part 2, 2.4.2).
            self.session.status.administrator = false;
        }
        let chain = self.session.exchange.chain.take();
        let performed = self.perform_in_chain(received, chain, moment);
        // Only what went wrong with secure messaging itself is told in the clear, and that ends
        // the session (SP 800-73-5 Part 2, 4.3).
        if performed.is_err() && received.bytes.first().is_some_and(|&it| is_protected(it)) {
            self.session.channel = None;
        }
        performed
    }
}

impl PivChip {
    fn perform_in_chain(
        &mut self,
        received: &Received<'_>,
        chain: Option<Chain>,
        moment: Moment,
    ) -> Result<Performed, Stop> {
        let carrier = self.carrier();
        let command = received.command(&carrier)?;
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
            let mut chain = continued.unwrap_or_else(|| Chain::begin(command, &carrier));
            chain.extend(command)?;
            self.session.exchange.chain = Some(chain);
            // The chain is one command: what holds for the next command holds for all of it.
            self.session.moment = moment;
            return Ok(Performed::PartTaken);
        }
        let answer = match continued {
            Some(chain) => self.run_in_its_class(&chain.finish(command)?, moment),
            None => self.run_in_its_class(command, moment),
        };
        Performed::of(answer, command)
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

    /// The protocol of the model over the contacts; an antenna carries whole APDUs as T=1 does.
    pub(super) fn protocol_in_use(&self) -> Protocol {
        match self.interface {
            Interface::Contact => self.model.transport.protocol,
            Interface::Contactless => Protocol::T1,
        }
    }
}

/// ISO/IEC 7816-4, 11.1.2: opens and closes logical channels.
const MANAGE_CHANNEL: Instruction = Instruction(0x70);

fn is_protected(class: u8) -> bool {
    class & 0x80 == 0 && class & SECURED == SECURED
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
