use super::Apdu;
use crate::transcript::{Exchange, Failure};
use crate::{Command, Instruction, Masked, StatusWord};

/// What a channel does as one: the parts of a chain, the repetition with a corrected length and
/// the GET RESPONSE commands that fetch the answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Folded {
    /// Sequence number of the first exchange.
    pub first: u64,
    /// Sequence number of the last exchange.
    pub last: u64,
    /// Microseconds from the start until the first command was sent.
    pub at_us: u64,
    /// Microseconds until the last answer had come, time between exchanges included.
    pub took_us: u64,
    /// The whole command, its chaining bit cleared; none if the bytes are no command.
    pub command: Option<Apdu>,
    /// The whole response data, without SW1-SW2.
    pub response: Masked,
    /// The last SW1-SW2; none if no answer came.
    pub status: Option<StatusWord>,
    /// Why the last answer did not come.
    pub error: Option<Failure>,
}

/// Joins exchanges that belong together; the others stay as they are.
pub fn fold<'a>(exchanges: impl IntoIterator<Item = &'a Exchange>) -> Vec<Folded> {
    let mut whole: Vec<Folded> = Vec::new();
    // Whether the last one waits for the next part of its chain.
    let mut open = false;
    for exchange in exchanges {
        let part = Part::new(exchange);
        let continues = whole.last_mut().is_some_and(|last| {
            if open {
                last.take_part(&part)
            } else {
                last.take_response(&part) || last.take_repetition(&part)
            }
        });
        if !continues {
            whole.push(part.folded.clone());
        }
        open = part.is_chained && part.folded.status.is_some_and(StatusWord::is_ok);
    }
    whole
}

struct Part {
    folded: Folded,
    is_chained: bool,
    end_us: u64,
}

impl Part {
    fn new(exchange: &Exchange) -> Self {
        let mut command = Apdu::parse(&exchange.command);
        let mut is_chained = false;
        if let Some(apdu) = &mut command {
            let class = &mut apdu.header[0];
            if *class & 0x80 == 0 && *class & Command::CHAINING != 0 {
                is_chained = true;
                *class &= !Command::CHAINING;
            }
        }
        let (response, status) = split(exchange.response.as_ref());
        Self {
            folded: Folded {
                first: exchange.seq,
                last: exchange.seq,
                at_us: exchange.at_us,
                took_us: exchange.took_us,
                command,
                response,
                status,
                error: exchange.error.clone(),
            },
            is_chained,
            end_us: exchange.at_us.saturating_add(exchange.took_us),
        }
    }
}

impl Folded {
    /// The next part of a chain: same header.
    fn take_part(&mut self, part: &Part) -> bool {
        let (Some(own), Some(next)) = (&mut self.command, &part.folded.command) else {
            return false;
        };
        if own.header != next.header {
            return false;
        }
        own.data.extend(&next.data);
        own.expected = next.expected;
        self.response = part.folded.response.clone();
        self.end_with(part);
        true
    }

    /// The GET RESPONSE that fetches what was announced.
    fn take_response(&mut self, part: &Part) -> bool {
        let announced = self.status.is_some_and(|status| status.waiting().is_some());
        let fetches = part
            .folded
            .command
            .as_ref()
            .is_some_and(|command| command.header[1] == Instruction::GET_RESPONSE.0);
        if !announced || !fetches {
            return false;
        }
        self.response.extend(&part.folded.response);
        self.end_with(part);
        true
    }

    /// The same command with the length the card named.
    fn take_repetition(&mut self, part: &Part) -> bool {
        let corrected = self
            .status
            .is_some_and(|status| status.corrected_length().is_some());
        let same = match (&self.command, &part.folded.command) {
            (Some(own), Some(next)) => own.header == next.header && own.data == next.data,
            _ => false,
        };
        if !corrected || !same || part.is_chained {
            return false;
        }
        self.command.clone_from(&part.folded.command);
        self.response = part.folded.response.clone();
        self.end_with(part);
        true
    }

    fn end_with(&mut self, part: &Part) {
        self.last = part.folded.last;
        self.took_us = part.end_us.saturating_sub(self.at_us);
        self.status = part.folded.status;
        self.error.clone_from(&part.folded.error);
    }
}

/// Data and status word.
fn split(response: Option<&Masked>) -> (Masked, Option<StatusWord>) {
    let Some(response) = response else {
        return (Masked::default(), None);
    };
    match response.bytes() {
        [data @ .., Some(sw1), Some(sw2)] => (
            response.part(0..data.len()),
            Some(StatusWord::from([*sw1, *sw2])),
        ),
        _ => (response.clone(), None),
    }
}
