//! A card that answers from a script and writes down what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use iso7816::ber::{self, Tag};
use iso7816::{Channel, Command, Disposition, Link, LinkError, Protocol, Reset};

/// What was sent to the card, in order.
pub(crate) type Sent = Arc<Mutex<Vec<Vec<u8>>>>;

/// Answers SELECT by application identifier, GET DATA of PIV objects in one long response, GET
/// DATA 9F7F and VERIFY 80 without data; anything else is 6D00.
pub(crate) struct ScriptedCard {
    atr: Vec<u8>,
    applications: HashMap<Vec<u8>, Vec<u8>>,
    objects: HashMap<Vec<u8>, Vec<u8>>,
    cplc: Option<Vec<u8>>,
    /// What unknown applications get.
    pub(crate) otherwise: Vec<u8>,
    sent: Sent,
}

pub(crate) const PIV_TEMPLATE: &str = "61114F0BA00000030800001000010079024F00";
pub(crate) const AUTHENTIC_V3: &str = "A0000000770100700A1000F100000100";
pub(crate) const AUTHENTIC_V2: &str = "A000000077010303000000F100000002";
pub(crate) const CARD_MANAGER: &str = "A000000151000000";

impl ScriptedCard {
    pub(crate) fn new(atr: &str) -> Self {
        Self {
            atr: bytes(atr),
            applications: HashMap::new(),
            objects: HashMap::new(),
            cplc: None,
            otherwise: bytes("6A82"),
            sent: Sent::default(),
        }
    }

    pub(crate) fn with_piv(self) -> Self {
        let answer = format!("{PIV_TEMPLATE}9000");
        self.with_application("A000000308000010000100", &answer)
            .with_application("A00000030800001000", &answer)
    }

    pub(crate) fn with_application(mut self, aid: &str, answer: &str) -> Self {
        self.applications.insert(bytes(aid), bytes(answer));
        self
    }

    /// A PIV object, its wrapper included; the status word is added.
    pub(crate) fn with_object(mut self, tag: &str, content: &[u8]) -> Self {
        let answer = [content, &[0x90, 0x00]].concat();
        self.objects.insert(bytes(tag), answer);
        self
    }

    pub(crate) fn with_cplc(mut self, answer: &str) -> Self {
        self.cplc = Some(bytes(answer));
        self.with_application(CARD_MANAGER, "6F009000")
    }

    pub(crate) fn channel(self) -> (Channel, Sent) {
        let sent = Arc::clone(&self.sent);
        (Channel::new(Box::new(self)), sent)
    }
}

impl Link for ScriptedCard {
    fn name(&self) -> &str {
        "scripted"
    }

    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn protocol(&self) -> Protocol {
        Protocol::T1
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        self.sent.lock().unwrap().push(command.to_vec());
        Ok(match command {
            [0x00, 0xA4, 0x04, 0x00, length, rest @ ..] => {
                let aid = &rest[..usize::from(*length)];
                self.applications
                    .get(aid)
                    .unwrap_or(&self.otherwise)
                    .clone()
            }
            // With short length fields or extended ones.
            [0x00, 0xCB, 0x3F, 0xFF, ..] => {
                let command = Command::parse(command).unwrap();
                let tag = ber::expect(Tag(0x5C), &command.data).unwrap();
                self.objects.get(tag).cloned().unwrap_or(bytes("6A82"))
            }
            [0x00, 0x20, 0x00, 0x80] => bytes("63C2"),
            [0x80, 0xCA, 0x9F, 0x7F, ..] => self.cplc.clone().unwrap_or(bytes("6A88")),
            _ => bytes("6D00"),
        })
    }

    fn reset(&mut self, _: Reset) -> Result<(), LinkError> {
        panic!("identification never resets a card");
    }

    fn disconnect(self: Box<Self>, _: Disposition) -> Result<(), LinkError> {
        Ok(())
    }
}

pub(crate) fn bytes(digits: &str) -> Vec<u8> {
    hex::decode(digits).unwrap()
}
