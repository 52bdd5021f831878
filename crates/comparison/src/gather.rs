//! From a transcript to an image.

use std::collections::BTreeMap;

use card_image::{Answer, CardImage, Content, Probe, Timing};
use globalplatform::Cplc;
use iso7816::ber::{self, Tag};
use iso7816::describe::{Apdu, Folded, fold};
use iso7816::transcript::{Entry, Exchange};
use iso7816::{Instruction, Masked, Protocol, StatusWord, Transcript};
use piv::words::{AID, ObjectId, PinReference};

use crate::probes::PROBES;

/// The image of a card as far as a transcript shows it: whichever program recorded it, and for
/// whatever reason.
///
/// What was withheld in the transcript is withheld in the image. Where an object was read more
/// than once, the first value counts, and a value more than a refusal.
#[must_use]
pub fn image_of(transcript: &Transcript) -> CardImage {
    let header = &transcript.header;
    let mut image = CardImage::new(header.reader.clone());
    image.program = Some(header.tool.clone());
    image.taken_at = Some(header.time);
    image.atr =
        Some(header.atr.clone()).filter(|atr| (2..=iso7816::atr::MAX_LENGTH).contains(&atr.len()));
    image.protocol = Some(header.protocol);
    let mut gather = Gather {
        image,
        protocol: header.protocol,
        selected: Selected::Unknown,
        verified: false,
        unverified: Vec::new(),
    };
    for session in sessions(transcript) {
        gather.begin();
        gather.session(&session);
    }
    gather.finish()
}

/// The exchanges between resets.
fn sessions(transcript: &Transcript) -> Vec<Vec<&Exchange>> {
    let mut sessions = vec![Vec::new()];
    for entry in &transcript.entries {
        match entry {
            Entry::Exchange(exchange) => {
                if let Some(last) = sessions.last_mut() {
                    last.push(exchange);
                }
            }
            Entry::Reset { .. } | Entry::Inserted { .. } => sessions.push(Vec::new()),
            _ => {}
        }
    }
    sessions
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Selected {
    Unknown,
    Piv,
    Other,
}

struct Gather {
    image: CardImage,
    protocol: Protocol,
    selected: Selected,
    /// A passcode was verified.
    verified: bool,
    /// How objects that need the passcode were answered without it.
    unverified: Vec<(ObjectId, StatusWord)>,
}

impl Gather {
    fn begin(&mut self) {
        self.selected = Selected::Unknown;
        self.verified = false;
    }

    fn session(&mut self, exchanges: &[&Exchange]) {
        let by_number: BTreeMap<u64, &Exchange> = exchanges
            .iter()
            .map(|exchange| (exchange.seq, *exchange))
            .collect();
        for folded in fold(exchanges.iter().copied()) {
            let (Some(apdu), Some(status)) = (&folded.command, folded.status) else {
                continue;
            };
            if folded.first == folded.last
                && let Some(exchange) = by_number.get(&folded.first)
                && self.take_probe(exchange, &folded, status)
            {
                continue;
            }
            self.take(apdu, &folded, status);
        }
    }

    /// A probe counts in the state it is made for, the first time.
    fn take_probe(&mut self, exchange: &Exchange, folded: &Folded, status: StatusWord) -> bool {
        let probe = PROBES.iter().find(|probe| {
            probe.over(self.protocol).is_some_and(|command| {
                exchange.command.is_whole() && exchange.command.matches(command)
            })
        });
        let Some(probe) = probe else { return false };
        if self.selected != Selected::Piv || self.verified {
            return false;
        }
        if self.image.probe(probe.name).is_none() {
            self.image.probes.push(Probe {
                name: probe.name.to_owned(),
                status,
                length: folded.response.len(),
            });
        }
        true
    }

    fn take(&mut self, apdu: &Apdu, folded: &Folded, status: StatusWord) {
        let [class, instruction, p1, p2] = apdu.header;
        match (class, Instruction(instruction), p1, p2) {
            (0x00, Instruction::SELECT, 0x04, 0x00) => self.take_select(apdu, folded, status),
            (0x00, Instruction::GET_DATA, 0x3F, 0xFF) if self.selected == Selected::Piv => {
                self.take_object(apdu, folded, status);
            }
            (0x00, Instruction::VERIFY, 0x00, reference) if self.selected == Selected::Piv => {
                self.take_verify(apdu, reference, status);
            }
            (0x00 | 0x80, Instruction::GET_DATA_P1P2, ..) if self.selected == Selected::Other => {
                self.take_production(u16::from_be_bytes([p1, p2]), folded, status);
            }
            _ => {}
        }
    }

    fn take_select(&mut self, apdu: &Apdu, folded: &Folded, status: StatusWord) {
        /// The RID: what the shortest identifier has that some cards take for PIV.
        const SHORTEST: usize = 5;
        let aid = apdu.data.filled();
        let is_piv = aid.len() >= SHORTEST && AID.starts_with(&aid);
        // The whole identifier says most; an answer to it is kept before others.
        let fits = folded.response.len() <= CardImage::MAX_OBJECT;
        if is_piv && folded.response.is_whole() && fits {
            let known = self.image.select.as_ref();
            if known.is_none_or(|known| !known.status.is_ok() && status.is_ok()) {
                self.image.select = Some(Answer {
                    status,
                    data: folded.response.filled(),
                });
                self.time("select", folded);
            }
        }
        if status.is_ok() {
            let selected = if is_piv {
                Selected::Piv
            } else {
                Selected::Other
            };
            // Selecting PIV while it is selected changes nothing.
            if (selected, self.selected) != (Selected::Piv, Selected::Piv) {
                self.verified = false;
            }
            self.selected = selected;
        }
    }

    fn take_verify(&mut self, apdu: &Apdu, reference: u8, status: StatusWord) {
        let Some(reference) = PinReference::from_byte(reference) else {
            return;
        };
        if !apdu.data.is_empty() {
            let opens = matches!(reference, PinReference::Application | PinReference::Global);
            if opens && status.is_ok() {
                self.verified = true;
                self.image.with_passcode = true;
            }
        } else if !self.verified {
            self.image.references.entry(reference).or_insert(status);
        }
    }

    fn take_object(&mut self, apdu: &Apdu, folded: &Folded, status: StatusWord) {
        const TAG_LIST: Tag = Tag(0x5C);
        let request = apdu.data.filled();
        let Some(object) = ber::expect(TAG_LIST, &request).ok().and_then(object_of) else {
            return;
        };
        if object.needs_pin() && !self.verified {
            self.unverified.push((object, status));
        }
        if status.waiting().is_some() {
            // The rest was never fetched.
            return;
        }
        let Some(content) = content(object, &folded.response, status) else {
            return;
        };
        if status.is_ok() {
            self.time(&format!("read-{}", object.tag()), folded);
        }
        match self.image.objects.get(&object) {
            None => {}
            // What the card says once the passcode is verified is the whole truth.
            Some(Content::Refused(_)) if status.is_ok() || self.verified => {}
            Some(_) => return,
        }
        self.image.objects.insert(object, content);
    }

    fn take_production(&mut self, tag: u16, folded: &Folded, status: StatusWord) {
        let fits = folded.response.len() <= CardImage::MAX_OBJECT;
        if !status.is_ok() || !folded.response.is_whole() || !fits {
            return;
        }
        let data = folded.response.filled();
        let number = || match ber::expect(Tag(u32::from(tag)), &data) {
            Ok(value) if !value.is_empty() => Some(value.to_vec()),
            _ => None,
        };
        let production = &mut self.image.production;
        match tag {
            0x9F7F if production.cplc.is_none() => {
                production.cplc = Cplc::parse(&data).ok().map(|cplc| cplc.to_bytes().to_vec());
            }
            0x0042 if production.issuer_identification.is_none() => {
                production.issuer_identification = number();
            }
            0x0045 if production.card_image_number.is_none() => {
                production.card_image_number = number();
            }
            _ => {}
        }
    }

    /// The first time counts: what is read again may come faster.
    fn time(&mut self, what: &str, folded: &Folded) {
        if !self.image.timings.iter().any(|timing| timing.what == what) {
            self.image.timings.push(Timing {
                what: what.to_owned(),
                microseconds: folded.took_us,
            });
        }
    }

    /// Where the passcode was verified, how its objects were answered before is kept as probes:
    /// the objects themselves no longer show it.
    fn finish(mut self) -> CardImage {
        if self.image.with_passcode {
            for (object, status) in self.unverified {
                let name = format!("{UNVERIFIED}{}", object.tag());
                if self.image.probe(&name).is_none() {
                    self.image.probes.push(Probe {
                        name,
                        status,
                        length: 0,
                    });
                }
            }
        }
        self.image
    }
}

/// How the probes begin that tell how an object is answered before the passcode.
pub(crate) const UNVERIFIED: &str = "without-passcode-";

fn object_of(tag: &[u8]) -> Option<ObjectId> {
    if !(1..=3).contains(&tag.len()) {
        return None;
    }
    let tag = tag.iter().fold(0, |tag, byte| tag << 8 | u32::from(*byte));
    ObjectId::from_tag(Tag(tag))
}

/// What an answer says of an object; `None` for one that is longer than an image takes.
fn content(object: ObjectId, response: &Masked, status: StatusWord) -> Option<Content> {
    if !status.is_ok() {
        return Some(Content::Refused(status));
    }
    if !response.is_whole() {
        return Some(Content::Withheld);
    }
    let bytes = response.filled();
    let content = match ber::expect(object.wrapper(), &bytes) {
        Ok([]) => Content::Empty,
        Ok(value) if value.len() <= CardImage::MAX_OBJECT => Content::Present(value.to_vec()),
        Err(_) if bytes.len() <= CardImage::MAX_OBJECT => Content::Malformed(bytes),
        _ => return None,
    };
    Some(content)
}
