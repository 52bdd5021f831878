//! From what the transport brings to the command of the selected application: classes, chains,
//! SELECT by application identifier, and the card manager, which tells production data and
//! nothing else.

use iso7816::{Command, Instruction, StatusWord};
use zeroize::Zeroizing;

use super::{AppletVersion, AuthenticChip, DefaultApplication, v2, v3};
use crate::card::manager;
use crate::card::session::{Answer, Chain, Pending, Stop};
use crate::card::transport::{
    Carrier, Endpoint, Exchange, Performed, Received, names_another_channel,
};

/// P1 of SELECT: by application identifier.
const BY_NAME: u8 = 0x04;
/// P2 of SELECT: no answer data is wanted.
const NO_DATA: u8 = 0x0C;

/// The shortest beginning of an application identifier that selects: the RID.
const SHORTEST_AID: usize = 5;

impl Endpoint for AuthenticChip {
    fn carrier(&self) -> Carrier {
        let transport = &self.model.transport;
        Carrier {
            protocol: transport.protocol,
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
        let carrier = self.carrier();
        let chain = self.session.exchange.chain.take();
        let command = received.command(&carrier)?;
        self.check_class(command.class)?;
        // Each part of a chain is protected by itself.
        let opened = match (self.session.selected, self.model.applet) {
            (DefaultApplication::Applet, AppletVersion::V3) => self.open_v3(command)?,
            _ => None,
        };
        let command = opened.as_ref().unwrap_or(command);
        let continued = chain.filter(|chain| chain.continues_with(command));
        if command.class & Command::CHAINING != 0 {
            if !self.is_chainable(command.instruction) {
                return Err(StatusWord::CHAINING_NOT_SUPPORTED.into());
            }
            let mut chain = continued.unwrap_or_else(|| Chain::begin(command, &carrier));
            chain.extend(command)?;
            self.session.exchange.chain = Some(chain);
            return Ok(Performed::PartTaken);
        }
        let whole = match continued {
            Some(chain) => chain.finish(command)?,
            None => command.clone(),
        };
        self.session.warning = None;
        let data = self.run(&Command {
            expected: received.asked(),
            ..whole
        })?;
        let status = self.session.warning.take().unwrap_or(StatusWord::OK);
        let pending = Pending {
            status,
            ..Pending::new(data)
        };
        Ok(Performed::Answered(pending, command.expected))
    }
}

impl AuthenticChip {
    /// Classes 00 and 80 and their parts of chains, 10 and 90; with the bit of secure messaging
    /// where the application has it. There is the basic logical channel alone.
    fn check_class(&self, class: u8) -> Result<(), StatusWord> {
        const SECURE_MESSAGING: u8 = 0x04;
        let mut allowed = 0x80;
        if self.session.selected == DefaultApplication::Applet {
            allowed |= Command::CHAINING;
            if self.model.applet == AppletVersion::V3 {
                allowed |= SECURE_MESSAGING;
            }
        }
        if class & !allowed == 0 {
            Ok(())
        } else if names_another_channel(class, true) {
            Err(StatusWord::LOGICAL_CHANNEL_NOT_SUPPORTED)
        } else {
            Err(StatusWord::CLASS_NOT_SUPPORTED)
        }
    }

    fn is_chainable(&self, instruction: Instruction) -> bool {
        match self.model.applet {
            AppletVersion::V2 => v2::is_chainable(instruction),
            AppletVersion::V3 => v3::is_chainable(instruction),
        }
    }

    fn run(&mut self, command: &Command) -> Answer {
        if (command.class, command.instruction, command.p1) == (0, Instruction::SELECT, BY_NAME) {
            return self.select_application(command);
        }
        match (self.session.selected, self.model.applet) {
            (DefaultApplication::CardManager, _) => self.run_card_manager(command),
            (DefaultApplication::Applet, AppletVersion::V2) => self.run_v2(command),
            (DefaultApplication::Applet, AppletVersion::V3) => self.run_v3(command),
        }
    }

    /// What is not there leaves the selected application and its security status as they are.
    fn select_application(&mut self, command: &Command) -> Answer {
        if !matches!(command.p2, 0x00 | NO_DATA) {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let name = command.data.as_slice();
        let aid = match self.model.applet {
            AppletVersion::V2 => &authentic::words::v2::AID,
            AppletVersion::V3 => &authentic::words::v3::AID,
        };
        let answer = if name.len() >= SHORTEST_AID && aid.starts_with(name) {
            self.session.selected = DefaultApplication::Applet;
            match self.model.applet {
                AppletVersion::V2 => self.select_v2()?,
                AppletVersion::V3 => self.select_v3()?,
            }
        } else if [&manager::OPEN_PLATFORM_AID[..], &manager::AID]
            .iter()
            .any(|own| manager::is_named_by(name, own))
        {
            self.session.selected = DefaultApplication::CardManager;
            self.session.v2 = v2::State::default();
            self.session.v3 = v3::State::default();
            Zeroizing::new(manager::control_information(&manager::OPEN_PLATFORM_AID))
        } else if (self.session.selected, self.model.applet)
            == (DefaultApplication::Applet, AppletVersion::V3)
        {
            return self.select_v3_by_name(command);
        } else {
            return Err(StatusWord::NOT_FOUND.into());
        };
        match command.p2 {
            NO_DATA => Ok(Zeroizing::new(Vec::new())),
            _ => Ok(answer),
        }
    }

    fn run_card_manager(&self, command: &Command) -> Answer {
        match command.instruction {
            Instruction::GET_DATA_P1P2 => {
                let manager = &self.model.card_manager;
                manager::issuer_object(&self.memory, manager, self.number, command)
            }
            Instruction::GET_RESPONSE => Err(StatusWord::CONDITIONS_NOT_SATISFIED.into()),
            _ => Err(StatusWord::INSTRUCTION_NOT_SUPPORTED.into()),
        }
    }
}
