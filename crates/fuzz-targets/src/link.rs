use iso7816::{Channel, Disposition, Limits, Link, LinkError, Protocol, Reset};

/// The most answers one input gives: a host that goes on asking for ever would be the fault.
const MOST: usize = 4096;

/// A card whose answers are the input: each begins with its length in one byte, or in two after
/// `FF`. Where the input ends the card has gone.
pub(crate) struct AnyLink {
    rest: Vec<u8>,
    answers: usize,
    protocol: Protocol,
}

impl AnyLink {
    /// The first bit of the input says which protocol the link has.
    pub(crate) fn channel(bytes: &[u8]) -> Channel {
        let (protocol, limits) = match bytes.first().map(|byte| byte & 3) {
            Some(0) => (Protocol::T0, Limits::SHORT),
            Some(1) => (
                Protocol::T1,
                Limits {
                    command_data: 1007,
                    response_data: 32_767,
                },
            ),
            _ => (Protocol::T1, Limits::SHORT),
        };
        let link = Self {
            rest: bytes.get(1..).unwrap_or_default().to_vec(),
            answers: 0,
            protocol,
        };
        Channel::with_limits(Box::new(link), limits)
    }

    fn gone(&self) -> LinkError {
        LinkError::CardRemoved {
            reader: self.name().to_owned(),
        }
    }
}

impl Link for AnyLink {
    fn name(&self) -> &str {
        "any"
    }

    fn atr(&self) -> &[u8] {
        &[0x3B, 0x00]
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn transmit(&mut self, _command: &[u8]) -> Result<Vec<u8>, LinkError> {
        self.answers += 1;
        assert!(self.answers < MOST, "the host asks for ever");
        let (length, from) = match self.rest[..] {
            [0xFF, high, low, ..] => (usize::from(u16::from_be_bytes([high, low])), 3),
            [length, ..] => (usize::from(length), 1),
            [] => return Err(self.gone()),
        };
        let Some(answer) = self.rest.get(from..from + length) else {
            self.rest.clear();
            return Err(self.gone());
        };
        let answer = answer.to_vec();
        self.rest.drain(..from + length);
        Ok(answer)
    }

    fn reset(&mut self, _reset: Reset) -> Result<(), LinkError> {
        Ok(())
    }

    fn disconnect(self: Box<Self>, _disposition: Disposition) -> Result<(), LinkError> {
        Ok(())
    }
}

/// The pieces of an input, each behind its length in one byte, or in two after `FF`. The last may
/// be cut short.
pub(crate) fn pieces(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, from) = match *bytes {
            [0xFF, high, low, ..] => (usize::from(u16::from_be_bytes([high, low])), 3),
            [length, ..] => (usize::from(length), 1),
            [] => return None,
        };
        let end = (from + length).min(bytes.len());
        let (piece, rest) = bytes.split_at(end);
        bytes = rest;
        Some(&piece[from.min(end)..])
    })
}
