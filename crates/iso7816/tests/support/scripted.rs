//! A card that follows a script, on virtual time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ground::Ambient;
use iso7816::{Disposition, Link, LinkError, Protocol, Reset};

type Answer = Result<Vec<u8>, LinkError>;

/// Expects commands in order and answers as the script says.
pub(crate) struct ScriptedCard {
    pub(crate) name: &'static str,
    pub(crate) atr: Vec<u8>,
    pub(crate) protocol: Protocol,
    pub(crate) script: VecDeque<(Vec<u8>, Answer)>,
    pub(crate) ambient: Arc<dyn Ambient>,
}

impl ScriptedCard {
    /// Adds an exchange, both sides in hex, spaces allowed.
    pub(crate) fn answers(mut self, command: &str, response: &str) -> Self {
        self.script.push_back((bytes(command), Ok(bytes(response))));
        self
    }

    /// Adds a command during which the card is taken out.
    pub(crate) fn goes_at(mut self, command: &str) -> Self {
        let gone = LinkError::CardRemoved {
            reader: self.name.to_owned(),
        };
        self.script.push_back((bytes(command), Err(gone)));
        self
    }
}

impl Link for ScriptedCard {
    fn name(&self) -> &str {
        self.name
    }

    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        let (expected, answer) = self.script.pop_front().expect("the script goes on");
        assert_eq!(
            hex::encode_upper(command),
            hex::encode_upper(expected),
            "the command differs from the script"
        );
        // 12 bits a character at 10,753 bit/s, and a millisecond for the card to think.
        let characters = command.len() + answer.as_ref().map_or(0, Vec::len);
        self.ambient
            .sleep(Duration::from_micros(1000 + characters as u64 * 1116));
        answer
    }

    fn reset(&mut self, _: Reset) -> Result<(), LinkError> {
        self.ambient.sleep(Duration::from_millis(40));
        Ok(())
    }

    fn disconnect(self: Box<Self>, _: Disposition) -> Result<(), LinkError> {
        assert!(self.script.is_empty(), "the script has commands left");
        Ok(())
    }
}

pub(crate) fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).expect("the script is hex")
}
