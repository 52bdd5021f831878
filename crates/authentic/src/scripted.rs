//! A card that expects commands and gives answers, both as written, for tests of either version.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use iso7816::{Channel, Disposition, Link, LinkError, Protocol, Reset};

/// What is left of a script: commands and answers in hex.
pub(crate) type Script = Arc<Mutex<VecDeque<(String, String)>>>;

/// A link that expects commands and gives answers, in hex.
struct Scripted(Script);

impl Link for Scripted {
    fn name(&self) -> &str {
        "sim:scripted"
    }
    fn atr(&self) -> &[u8] {
        &[0x3B, 0x00]
    }
    fn protocol(&self) -> Protocol {
        Protocol::T1
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        let next = self.0.lock().unwrap().pop_front();
        let command = hex::encode_upper(command);
        let (expected, answer) = next.unwrap_or_else(|| panic!("no answer to {command}"));
        assert_eq!(command, expected);
        Ok(hex::decode(answer).unwrap())
    }
    fn reset(&mut self, _: Reset) -> Result<(), LinkError> {
        Ok(())
    }
    fn disconnect(self: Box<Self>, _: Disposition) -> Result<(), LinkError> {
        Ok(())
    }
}

/// A channel to such a card. Spaces are for the reader.
pub(crate) fn scripted_channel(exchanges: &[(&str, &str)]) -> (Channel, Script) {
    let script: VecDeque<_> = exchanges
        .iter()
        .map(|(command, answer)| (command.replace(' ', ""), answer.replace(' ', "")))
        .collect();
    let script = Arc::new(Mutex::new(script));
    (
        Channel::new(Box::new(Scripted(Arc::clone(&script)))),
        script,
    )
}

/// Every command of the script was sent.
pub(crate) fn done(script: &Script) {
    assert_eq!(*script.lock().unwrap(), VecDeque::new());
}
