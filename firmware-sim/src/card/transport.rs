//! From bytes to one command of the card and back: APDU cases, extended length, command chaining,
//! GET RESPONSE (ISO/IEC 7816-4, 5.1 to 5.3), over T=1 and T=0. What the command means is the
//! card's own.

mod t0;

use iso7816::{Command, CommandError, Expected, Instruction, Protocol, StatusWord};

use super::ExtendedLength;
use super::session::{Answer, Chain, Pending, Stop};

/// What a card carries to and fro.
#[derive(Clone, Copy)]
pub(super) struct Carrier {
    pub(super) protocol: Protocol,
    /// The most response data in one piece of a 61XX exchange.
    pub(super) response_chunk: u16,
    /// The most data a chain of commands may bring together.
    pub(super) chain_buffer: usize,
    /// Whether a command without Le gets its data over T=1; over T=0 a command with data never
    /// has a Le, so none says nothing there.
    pub(super) data_without_le: bool,
    pub(super) extended_length: Option<ExtendedLength>,
}

/// Exchanges in progress.
#[derive(Default)]
pub(super) struct Exchange {
    pub(super) chain: Option<Chain>,
    pub(super) pending: Option<Pending>,
    /// Over T=0, the answer to the command of this header, which came with a wrong Le.
    pub(super) kept_back: Option<([u8; 4], Pending)>,
}

/// A card as its transport sees it.
pub(super) trait Endpoint {
    /// What it carries at the moment.
    fn carrier(&self) -> Carrier;

    /// Its exchanges in progress.
    fn exchange(&mut self) -> &mut Exchange;

    /// Carries out what has come: anything but the fetching of data that waits.
    fn perform(&mut self, received: &Received<'_>) -> Result<Performed, Stop>;
}

/// A command APDU as it came.
pub(super) struct Received<'a> {
    pub(super) bytes: &'a [u8],
    parsed: Result<&'a Command, &'a CommandError>,
    extended: bool,
    /// Le where it is not part of the command: over T=0 a header of five bytes is one with Le or
    /// one without data, which only its outcome tells.
    asked: Option<Expected>,
}

impl<'a> Received<'a> {
    /// The command; refused unless its length fields are right and the card can take them.
    pub(super) fn command(&self, carrier: &Carrier) -> Result<&'a Command, StatusWord> {
        let command = self.parsed.map_err(|_| StatusWord::WRONG_LENGTH)?;
        let limit = carrier.extended_length.map(|limits| limits.command);
        let fits = |limit: u16| self.bytes.len() <= usize::from(limit);
        if self.extended && !limit.is_some_and(fits) {
            return Err(StatusWord::WRONG_LENGTH);
        }
        Ok(command)
    }

    /// Ne, as far as it is known before the command is carried out.
    pub(super) fn asked(&self) -> Option<Expected> {
        let own = self.parsed.ok().and_then(|command| command.expected);
        own.or(self.asked)
    }
}

/// What became of one command APDU.
pub(super) enum Performed {
    /// It was a part of a chain that goes on.
    PartTaken,
    /// It was carried out, with this for a host that expects so much.
    Answered(Pending, Option<Expected>),
}

impl Performed {
    /// The answer to a command as it came last.
    pub(super) fn of(answer: Answer, command: &Command) -> Result<Self, Stop> {
        Ok(Self::Answered(Pending::new(answer?), command.expected))
    }
}

/// The response APDU; `None` when the power failed in the middle.
pub(super) fn execute(card: &mut impl Endpoint, bytes: &[u8]) -> Option<Vec<u8>> {
    let answer = match card.carrier().protocol {
        Protocol::T0 => t0::respond(card, bytes),
        Protocol::T1 => respond(card, bytes, None),
    };
    match answer {
        Ok(response) => Some(response),
        Err(Stop::Refused(status)) => Some(status.0.to_be_bytes().to_vec()),
        Err(Stop::PowerCut) => None,
    }
}

fn respond(
    card: &mut impl Endpoint,
    bytes: &[u8],
    asked: Option<Expected>,
) -> Result<Vec<u8>, Stop> {
    let command = Command::parse(bytes);
    let extended = bytes.len() > 5 && bytes[4] == 0;
    if let Ok(command) = &command
        && is_get_response(command)
        && let Some(pending) = card.exchange().pending.take()
    {
        // Part of the exchange that is going on, so nothing that waits for the next command
        // is disturbed.
        return Ok(hand_out(card, pending, command.expected, extended));
    }
    card.exchange().pending = None;
    let received = Received {
        bytes,
        parsed: command.as_ref(),
        extended,
        asked,
    };
    match card.perform(&received)? {
        Performed::PartTaken => Ok(StatusWord::OK.0.to_be_bytes().to_vec()),
        Performed::Answered(pending, expected) => Ok(hand_out(card, pending, expected, extended)),
    }
}

/// The next piece of a response: never more than the host asked for, and 61XX while there is
/// more (ISO/IEC 7816-4, 5.3.4).
fn hand_out(
    card: &mut impl Endpoint,
    mut pending: Pending,
    expected: Option<Expected>,
    extended: bool,
) -> Vec<u8> {
    let carrier = card.carrier();
    let most = match carrier.extended_length {
        Some(limits) if extended => usize::from(limits.response).saturating_sub(2),
        _ => usize::from(carrier.response_chunk),
    };
    let asked = match expected {
        Some(expected) => usize::try_from(expected.get()).unwrap_or(most),
        None if carrier.data_without_le && carrier.protocol != Protocol::T0 => most,
        None => 0,
    };
    let rest = &pending.data[pending.given..];
    let piece = &rest[..rest.len().min(most).min(asked)];
    let left = rest.len() - piece.len();
    let status = if left == 0 {
        pending.status
    } else {
        StatusWord::more_data(left)
    };
    let mut response = Vec::with_capacity(piece.len() + 2);
    response.extend_from_slice(piece);
    response.extend_from_slice(&status.0.to_be_bytes());
    if left > 0 {
        pending.given += piece.len();
        card.exchange().pending = Some(pending);
    }
    response
}

fn is_get_response(command: &Command) -> bool {
    command.class == 0
        && command.instruction == Instruction::GET_RESPONSE
        && (command.p1, command.p2) == (0, 0)
}

/// Whether the class is for a logical channel other than the basic one (ISO/IEC 7816-4, 5.4.1):
/// 1 to 3 in the first interindustry values, 4 to 19 in the further ones; and the same in the
/// proprietary classes that GlobalPlatform shapes like them (Card Specification 2.3, 11.1.4).
pub(super) fn names_another_channel(class: u8, proprietary: bool) -> bool {
    const CHANNEL: u8 = 0x03;
    match class {
        0x00..=0x1F => class & CHANNEL != 0,
        0x40..=0x7F => true,
        0x80..=0x8F => proprietary && class & CHANNEL != 0,
        0xC0..=0xFE => proprietary,
        _ => false,
    }
}
