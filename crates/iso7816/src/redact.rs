//! Which bytes of an exchange must not be kept, told by what the command is.
//!
//! The rules know instructions and the place of secrets in them, never what a secret looks like.
//! Where a command cannot be understood, more is withheld rather than less.
//!
//! Under secure messaging a data field that would be withheld in clear is withheld enciphered, and
//! of GENERAL AUTHENTICATE the response always. Key establishment is public and stays. So does
//! the response to a GET DATA whose tag list is enciphered: it may be the pairing code, but only
//! as ciphertext under session keys of which no transcript holds anything.
//!
//! | command | withheld |
//! |---|---|
//! | VERIFY 20, 21 | data: passcode, pairing code, biometric |
//! | CHANGE REFERENCE DATA 24, 25 (AuthentIC v2 defines a PIN with it); RESET RETRY COUNTER 2C, 2D | data |
//! | UPDATE KEY 25, PUT KEY D8, import key FE, set management key FF | data |
//! | WRITE COMPONENT D8 (AuthentIC v2) | data, unless all of it is a public key's modulus or exponent |
//! | PUT DATA DB | all after the tag list for the pairing code; all that is no PIV object, so every key of AuthentIC v3; all that is enciphered |
//! | STORE DATA E2 | data |
//! | EXTERNAL AUTHENTICATE 82 | data |
//! | INITIALIZE UPDATE 50 (SCP01, 02, 03) | response after key diversification data and key information |
//! | GENERAL AUTHENTICATE 87, key 9B | template values, both ways |
//! | GENERAL AUTHENTICATE 87 with tag 85, or key 9D, 82 to 95 | response |
//! | GENERAL AUTHENTICATE 87 with a template that cannot be read | response |
//! | PERFORM SECURITY OPERATION 2A, decipher, each part of a chain | response |
//! | GET DATA CB of 5FC123 | response |
//! | READ BINARY, WRITE BINARY, UPDATE BINARY of file 2000, selected or just created (AuthentIC v2 unblocking code) | response, data |
//!
//! Parts of a chain are judged with the parts before them, GET RESPONSE with the command whose
//! response it fetches.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::ber::{self, Tag};
use crate::{Command, Instruction, Secret, Span, StatusWord};

/// The bytes to withhold of one exchange.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Redaction {
    /// Of the command APDU.
    pub command: Vec<Span>,
    /// Of the response APDU.
    pub response: Vec<Span>,
}

/// Judges the exchanges of one card session, in order.
#[derive(Default)]
pub struct Redactor {
    chain: Option<Chain>,
    pending: Option<Withheld>,
    /// The file selected or created last may be the one AuthentIC v2 keeps the unblocking code in.
    puk_file: bool,
}

/// The parts of a command chain seen so far.
struct Chain {
    header: [u8; 3],
    data: Zeroizing<Vec<u8>>,
    /// A part could not be taken apart.
    broken: bool,
    /// More came than is kept.
    cut: bool,
}

/// What to withhold of a response, and how far it has come.
#[derive(Clone, Copy)]
struct Withheld {
    what: Secret,
    shape: Shape,
    /// Data bytes seen before, in earlier responses of the same command.
    seen: usize,
    /// The byte that says which secure channel protocol an INITIALIZE UPDATE answers with.
    protocol: Option<u8>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Shape {
    /// Everything.
    All,
    /// The values of a dynamic authentication template, or everything if it is none.
    TemplateValues,
    /// Everything after diversification data and key information.
    AfterKeyInformation,
}

/// The longest chain understood; the largest template is that of an RSA-4096 operation.
const CHAIN_KEPT: usize = 4096;

impl Redactor {
    /// For a card just connected or reset.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets what went before, after a reset.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Judges one exchange. `response` is `None` where none came.
    pub fn judge(&mut self, command: &[u8], response: Option<&[u8]>) -> Redaction {
        let mut redaction = Redaction::default();
        let &[class, instruction, p1, p2, ..] = command else {
            self.chain = None;
            self.pending = None;
            // Too short to be a command, and so to be understood.
            withhold(&mut redaction.command, 0..command.len(), Secret::Key);
            return redaction;
        };

        let withheld = if Instruction(instruction) == Instruction::GET_RESPONSE {
            self.pending
        } else {
            let parsed = Command::parse(command).ok();
            let range = match &parsed {
                Some(parsed) => data_range(command, parsed.data.len()),
                None => 4..command.len(),
            };
            let well_formed = parsed.is_some();
            let part = Part {
                class,
                header: [instruction, p1, p2],
                more: class & Command::CHAINING != 0,
                well_formed,
                data: &command[range.clone()],
                at: range.start,
            };
            self.judge_command(&part, &mut redaction.command)
        };

        if instruction == Instruction::SELECT.0 && !command.windows(2).any(|id| id == PUK_FILE) {
            let status = response.and_then(|response| response.split_last_chunk::<2>());
            let status = status.map(|(_, status)| StatusWord::from(*status));
            // A SELECT that failed leaves the file before selected.
            if status.is_some_and(|status| status.is_ok() || status.waiting().is_some()) {
                self.puk_file = false;
            }
        }

        self.pending = None;
        if let (Some(mut withheld), Some(response)) = (withheld, response) {
            if let Some((data, status)) = response.split_last_chunk::<2>() {
                let status = StatusWord::from(*status);
                withheld.judge(data, status, &mut redaction.response);
                if status.waiting().is_some() {
                    self.pending = Some(withheld);
                }
            } else {
                withhold(&mut redaction.response, 0..response.len(), withheld.what);
            }
        }
        redaction
    }

    /// Withholds of the command and says what to withhold of its response.
    fn judge_command(&mut self, part: &Part<'_>, spans: &mut Vec<Span>) -> Option<Withheld> {
        let [instruction, p1, p2] = part.header;
        let (before, whole) = self.continue_chain(part);
        let was_chained = before > 0 || part.more;
        let all = |spans: &mut Vec<Span>, what| withhold(spans, part.range(0), what);

        match instruction {
            0x20 | 0x21 => all(
                spans,
                match p2 {
                    0x96 | 0x97 => Secret::Biometric,
                    0x98 => Secret::PairingCode,
                    0x84 => Secret::Puk,
                    _ => Secret::Pin,
                },
            ),
            0x24 if [p1, p2] == DEFINE_PIN && part.data.len() > DEFINED_PIN => {
                all(spans, Secret::PukAndPin);
            }
            0x24 => all(
                spans,
                match p2 {
                    0x81 => Secret::Puk,
                    0x96 | 0x97 => Secret::Biometric,
                    _ => Secret::Pin,
                },
            ),
            // P1: the unblocking code alone, the new passcode alone (ISO/IEC 7816-4, 11.5.10).
            0x2C | 0x2D => all(
                spans,
                match p1 {
                    0x01 => Secret::Puk,
                    0x02 => Secret::Pin,
                    _ => Secret::PukAndPin,
                },
            ),
            0xD8 if writes_public_component(part, &whole) => {}
            0x25 | 0xD8 | 0xFE | 0xFF => all(spans, Secret::Key),
            0xE2 => all(spans, Secret::PersonalisationData),
            0x82 => all(spans, Secret::AdminCryptogram),
            0x50 => {
                return Some(Withheld::new(
                    Secret::AdminCryptogram,
                    Shape::AfterKeyInformation,
                ));
            }
            0x2A if p1 == 0x80 => return Some(Withheld::new(Secret::Deciphered, Shape::All)),
            0x87 => return judge_authenticate(part, &whole, was_chained, spans),
            0xCB if whole
                .as_ref()
                .is_none_or(|tags| tags.windows(3).any(|tag| tag == PAIRING_CODE)) =>
            {
                return Some(Withheld::new(Secret::PairingCode, Shape::All));
            }
            // Enciphered, the object is not known.
            0xDB if part.is_secured() => all(spans, Secret::Key),
            0xDB => match whole
                .as_ref()
                .map_or(Put::Secret(0, Secret::Key), |whole| judge_put(whole))
            {
                Put::Plain => {}
                Put::Secret(from, what) => {
                    withhold(spans, part.range(from.saturating_sub(before)), what);
                }
            },
            // AuthentIC v2 may leave the file created selected.
            0xE0 => {
                self.puk_file |= part
                    .data
                    .windows(4)
                    .any(|object| object == CREATED_PUK_FILE)
            }
            0xA4 => self.puk_file |= part.data.ends_with(&PUK_FILE),
            0xB0 if self.puk_file => return Some(Withheld::new(Secret::Puk, Shape::All)),
            0xD0 | 0xD6 if self.puk_file => all(spans, Secret::Puk),
            _ if !part.well_formed => all(spans, Secret::Key),
            _ => {}
        }
        None
    }

    /// Adds a part to the chain it continues. Returns how many data bytes came before it, and all
    /// data so far, unless that is more than is kept.
    fn continue_chain(&mut self, part: &Part<'_>) -> (usize, Option<Zeroizing<Vec<u8>>>) {
        let mut chain = self
            .chain
            .take()
            .filter(|chain| chain.header == part.header)
            .unwrap_or_else(|| Chain {
                header: part.header,
                // Never grows, so that no copies are left behind.
                data: Zeroizing::new(Vec::with_capacity(CHAIN_KEPT)),
                broken: false,
                cut: false,
            });
        let before = chain.data.len();
        let room = CHAIN_KEPT - before;
        chain.broken |= !part.well_formed;
        chain.cut |= part.data.len() > room;
        chain
            .data
            .extend_from_slice(&part.data[..part.data.len().min(room)]);
        // Of a long object only the start matters, and that is kept.
        let enough = !chain.cut || part.header[0] == Instruction::PUT_DATA.0;
        let known = (enough && !chain.broken).then(|| chain.data.clone());
        if part.more {
            self.chain = Some(chain);
        }
        (before, known)
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

/// One command APDU on its way through the rules.
struct Part<'a> {
    class: u8,
    /// INS, P1, P2.
    header: [u8; 3],
    more: bool,
    well_formed: bool,
    data: &'a [u8],
    /// Where the data starts in the APDU.
    at: usize,
}

impl Part<'_> {
    /// Whether the class byte says secure messaging (ISO/IEC 7816-4, 5.4.1; GlobalPlatform Card
    /// Specification, 11.1.4).
    const fn is_secured(&self) -> bool {
        if self.class & 0x40 == 0 {
            self.class & 0x0C != 0
        } else {
            self.class & 0x20 != 0
        }
    }

    /// The data from `from` on, as a range of the APDU.
    fn range(&self, from: usize) -> Range<usize> {
        self.at + from.min(self.data.len())..self.at + self.data.len()
    }
}

impl Withheld {
    fn new(what: Secret, shape: Shape) -> Self {
        Self {
            what,
            shape,
            seen: 0,
            protocol: None,
        }
    }

    fn judge(&mut self, data: &[u8], status: StatusWord, spans: &mut Vec<Span>) {
        let whole = self.seen == 0 && status.waiting().is_none();
        match self.shape {
            Shape::All => withhold(spans, 0..data.len(), self.what),
            Shape::TemplateValues => match template(data).filter(|_| whole) {
                Some(objects) => {
                    for (_, range) in objects {
                        withhold(spans, range, self.what);
                    }
                }
                None => withhold(spans, 0..data.len(), self.what),
            },
            Shape::AfterKeyInformation => {
                // Diversification data 10, key version 1, protocol 1, and with SCP03 its options.
                // SCP01 has a key index in place of the protocol, which may be 3 as well; its
                // answer is shorter than any of SCP03.
                let total = self.seen + data.len() + status.waiting().map_or(0, usize::from);
                if self.protocol.is_none() {
                    self.protocol = 11_usize
                        .checked_sub(self.seen)
                        .and_then(|at| data.get(at))
                        .copied();
                }
                let has_options = self.protocol == Some(3) && total > SCP01_ANSWER;
                let shown: usize = if has_options { 13 } else { 12 };
                let from = shown.saturating_sub(self.seen).min(data.len());
                withhold(spans, from..data.len(), self.what);
            }
        }
        self.seen += data.len();
    }
}

/// GENERAL AUTHENTICATE: the administration key both ways, deciphering keys in the answer.
fn judge_authenticate(
    part: &Part<'_>,
    whole: &Option<Zeroizing<Vec<u8>>>,
    was_chained: bool,
    spans: &mut Vec<Span>,
) -> Option<Withheld> {
    let [_, _, key] = part.header;
    let objects = whole.as_ref().and_then(|whole| template(whole));
    if key == ADMIN_KEY {
        // In a part of a chain, value bytes could look like headers.
        match objects.filter(|_| !was_chained) {
            Some(objects) => {
                for (_, value) in objects {
                    withhold(
                        spans,
                        part.at + value.start..part.at + value.end,
                        Secret::AdminCryptogram,
                    );
                }
            }
            None => withhold(spans, part.range(0), Secret::AdminCryptogram),
        }
        return Some(Withheld::new(
            Secret::AdminCryptogram,
            Shape::TemplateValues,
        ));
    }
    let what = match objects {
        Some(objects) if objects.iter().any(|(tag, _)| *tag == EXPONENTIATION) => {
            Secret::SharedSecret
        }
        _ if matches!(key, 0x9D | 0x82..=0x95) => Secret::Deciphered,
        None => Secret::Deciphered,
        Some(_) => return None,
    };
    Some(Withheld::new(what, Shape::All))
}

/// What a PUT DATA field so far turns out to be.
enum Put {
    /// A data object, or too little yet to tell, but nothing secret.
    Plain,
    /// Secret from this offset on.
    Secret(usize, Secret),
}

fn judge_put(data: &[u8]) -> Put {
    match *data {
        [] | [0x7E, ..] | [0x7F] | [0x7F, 0x61, ..] | [0x5C] => Put::Plain,
        [0x5C, length, ref rest @ ..] => {
            let length = usize::from(length);
            match rest.get(..length) {
                Some(tags) if tags == PAIRING_CODE => Put::Secret(2 + length, Secret::PairingCode),
                // No tag is longer than three bytes: this is no tag list.
                _ if length > 3 => Put::Secret(2, Secret::Key),
                _ => Put::Plain,
            }
        }
        _ => Put::Secret(0, Secret::Key),
    }
}

/// Whether WRITE COMPONENT of AuthentIC v2 writes a part of a public key and nothing else: every
/// command of the chain so far is type A1, length, value, 00, and goes to component 1, the modulus,
/// or 2, the exponent. A PUT KEY does not look like it: A1 is no key version number.
fn writes_public_component(part: &Part<'_>, whole: &Option<Zeroizing<Vec<u8>>>) -> bool {
    let [_, component, place] = part.header;
    let mut rest = match whole {
        Some(whole) if !whole.is_empty() => whole.as_slice(),
        _ => return false,
    };
    while let [PUBLIC_COMPONENT, length, after @ ..] = rest {
        match after.get(usize::from(*length)..) {
            Some([0x00, next @ ..]) => rest = next,
            _ => return false,
        }
    }
    rest.is_empty()
        && part.class & !Command::CHAINING == 0x80
        && matches!(component, 1 | 2)
        && place == 0x04
}

const ADMIN_KEY: u8 = 0x9B;
const DYNAMIC_AUTHENTICATION_TEMPLATE: Tag = Tag(0x7C);
const EXPONENTIATION: Tag = Tag(0x85);
const PAIRING_CODE: [u8; 3] = [0x5F, 0xC1, 0x23];
const PUK_FILE: [u8; 2] = [0x20, 0x00];
/// The identifier of [`PUK_FILE`] among the control parameters of CREATE FILE.
const CREATED_PUK_FILE: [u8; 4] = [0x83, 0x02, PUK_FILE[0], PUK_FILE[1]];
/// P1-P2 with which AuthentIC v2 defines a PIN.
const DEFINE_PIN: [u8; 2] = [0x01, 0x01];
/// Bytes of that: tries, length, PIN. What follows is unblocking codes.
const DEFINED_PIN: usize = 66;
/// Type of a component of a public RSA key in WRITE COMPONENT.
const PUBLIC_COMPONENT: u8 = 0xA1;
/// Bytes an INITIALIZE UPDATE of SCP01 or SCP02 answers with; SCP03 has 29 or more.
const SCP01_ANSWER: usize = 28;

/// Tags and value ranges of a dynamic authentication template that fills `data`.
fn template(data: &[u8]) -> Option<Vec<(Tag, Range<usize>)>> {
    let inside = ber::expect(DYNAMIC_AUTHENTICATION_TEMPLATE, data).ok()?;
    let start = data.len() - inside.len();
    ber::Reader::new(inside)
        .map(|object| {
            let object = object.ok()?;
            let end = start + object.offset + object.raw.len();
            Some((object.tag, end - object.value.len()..end))
        })
        .collect()
}

/// Where the data field of a well-formed command lies.
fn data_range(command: &[u8], length: usize) -> Range<usize> {
    let start = match command.get(4) {
        Some(0) if length > 0 => 7,
        _ => 5,
    }
    .min(command.len());
    start..start + length
}

fn withhold(spans: &mut Vec<Span>, range: Range<usize>, what: Secret) {
    if !range.is_empty() {
        spans.push(Span {
            at: range.start,
            length: range.len(),
            what,
        });
    }
}

#[cfg(test)]
mod tests;
