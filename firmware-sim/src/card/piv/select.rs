//! SELECT (SP 800-73-5 Part 2, 3.1.1).

use ::piv::words::{AID, KeyReference};
use iso7816::ber::{self, Tag};
use iso7816::{Command, StatusWord};
use zeroize::Zeroizing;

use crate::card::nvm::Cell;
use crate::card::session::{Answer, SecurityStatus};
use crate::card::{Application, PivChip, manager};

impl PivChip {
    /// By application identifier only; there are no files. What is not there leaves the selected
    /// application and its security status as they are.
    pub(in crate::card) fn select(&mut self, command: &Command) -> Answer {
        match (command.p1, command.p2) {
            (0x04, 0x00) => {}
            // Files by identifier, name or path: there are none.
            (0x00..=0x03 | 0x08 | 0x09, _) | (0x04, 0x02) => {
                return Err(StatusWord::NOT_FOUND.into());
            }
            _ => return Err(StatusWord::WRONG_P1P2.into()),
        }
        let aid = command.data.as_slice();
        if aid.len() >= self.model.shortest_aid && AID.starts_with(aid) {
            self.session.selected = Application::Piv;
            let answer = match self.memory.get(Cell::SelectAnswer) {
                Some(answer) => answer.to_vec(),
                None => self.application_property_template(),
            };
            return Ok(Zeroizing::new(answer));
        }
        if manager::is_named_by(aid, &manager::AID) {
            self.session.selected = Application::CardManager;
            self.session.status = SecurityStatus::default();
            self.session.channel = None;
            return Ok(Zeroizing::new(manager::control_information(&manager::AID)));
        }
        Err(StatusWord::NOT_FOUND.into())
    }

    /// SP 800-73-5 Part 2, 3.1.1; then what the card says of extended length (ISO/IEC 7816-4,
    /// 12.7.1), outside the template as real cards have it.
    fn application_property_template(&self) -> Vec<u8> {
        // Room for both at once: this is what every host asks first.
        let mut template = Vec::with_capacity(64);
        ber::write(&mut template, Tag(0x4F), &AID);
        ber::write(&mut template, Tag(0x79), &ber::object(Tag(0x4F), &AID[..5]));
        ber::write(&mut template, Tag(0x50), self.model.label.as_bytes());
        // Named once it can be used: a host that sees it asks for it.
        let has_key = self
            .memory
            .get(Cell::Key(KeyReference::SecureMessaging))
            .is_some();
        if let Some(secure_messaging) = self.model.secure_messaging.filter(|_| has_key) {
            let identifier = secure_messaging.suite.algorithm().byte();
            // The identifier, and an object identifier that is always this dummy.
            let algorithms = [0x80, 0x01, identifier, 0x06, 0x01, 0x00];
            ber::write(&mut template, Tag(0xAC), &algorithms);
        }
        let mut answer = Vec::with_capacity(template.len() + 16);
        ber::write(&mut answer, Tag(0x61), &template);
        if let Some(limits) = self.model.extended_length {
            let mut lengths = ber::object(Tag(0x02), &limits.command.to_be_bytes());
            ber::write(&mut lengths, Tag(0x02), &limits.response.to_be_bytes());
            ber::write(&mut answer, Tag(0x7F66), &lengths);
        }
        answer
    }
}
