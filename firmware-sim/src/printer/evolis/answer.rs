//! What the printer says.

use printers::evolis::words::{ACK, CR, NACK, NUL};

use super::StatusForm;
use crate::printer::machine::Machine;
use crate::printer::transport::Place;
use crate::printer::trouble::Trouble;

/// With sides left for this many or fewer the ribbon is low.
const LOW: u32 = 10;

/// The answer to one command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// Carried out.
    Done,
    /// A value.
    Value(String),
    /// Not carried out.
    Failed(Failure),
}

/// Why a command was not carried out, in words and as the code behind NACK.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Failure {
    pub(super) text: &'static str,
    pub(super) code: u8,
}

impl Failure {
    /// No such command.
    pub(super) const COMMAND: Self = Self::new("ERROR CDE", b'1');
    /// A parameter that makes no sense.
    pub(super) const PARAMETER: Self = Self::new("ERROR PARAMETRES", b'2');

    const fn new(text: &'static str, code: u8) -> Self {
        Self { text, code }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::HopperEmpty => Self::new("FEEDER EMPTY", b'F'),
            Trouble::CardNotDrawnIn => Self::new("ERROR TIME OUT", b'F'),
            Trouble::Jam | Trouble::DoubleFeed => Self::new("CARD JAM", b'T'),
            Trouble::FilmOut | Trouble::WrongFilm => Self::new("ERROR RIBBON", b'R'),
            Trouble::CoverOpen => Self::new("COVER OPEN", b'C'),
            Trouble::HeadHot => Self::new("ERROR HEAD", b'T'),
            Trouble::OutputFull | Trouble::RejectFull => Self::new("HOPPER FULL", b'T'),
            Trouble::CleaningCard => Self::new("ERROR TIME OUT", b'T'),
            Trouble::MissingOption => Self::new("OPT NOT AVAILABLE", b'1'),
            Trouble::BadJob => Self::PARAMETER,
            Trouble::Storage | Trouble::Silent | Trouble::PowerCut => Self::new("ERROR", b'T'),
        }
    }
}

impl From<Result<(), Trouble>> for Answer {
    fn from(outcome: Result<(), Trouble>) -> Self {
        match outcome {
            Ok(()) => Self::Done,
            Err(trouble) => Self::Failed(trouble.into()),
        }
    }
}

impl Answer {
    /// As it goes over a line.
    pub(super) fn on_line(&self, acknowledges: bool) -> Vec<u8> {
        match self {
            Self::Done if acknowledges => vec![ACK],
            Self::Failed(failure) if acknowledges => vec![NACK, failure.code],
            _ => self.text(CR),
        }
    }

    /// As it goes over a connection of its own.
    pub(super) fn on_network(&self) -> Vec<u8> {
        self.text(NUL)
    }

    fn text(&self, end: u8) -> Vec<u8> {
        let text = match self {
            Self::Done => "OK",
            Self::Value(value) => value,
            Self::Failed(failure) => failure.text,
        };
        // One byte a character, and none that would end the answer.
        let bytes = text.bytes().map(|byte| match byte {
            b' '..=b'~' => byte,
            _ => b'?',
        });
        bytes.chain([end]).collect()
    }
}

/// The answer to an empty exchange.
pub(super) fn status(form: StatusForm, machine: &Machine) -> Vec<u8> {
    let words = words(machine);
    match form {
        StatusForm::Byte => vec![0],
        StatusForm::Big => words.into_iter().flat_map(u32::to_be_bytes).collect(),
        StatusForm::Little => words.into_iter().flat_map(u32::to_le_bytes).collect(),
    }
}

/// CFG, INF, WAR and ERR, with the bits of the vendor's headers.
fn words(machine: &Machine) -> [u32; 4] {
    let setup = machine.setup();
    let transport = machine.transport();
    let all = |bits: &[(bool, u32)]| {
        let set = bits.iter().filter(|(is_set, _)| *is_set);
        set.fold(0_u32, |word, (_, bit)| word | bit)
    };
    let fitted = all(&[
        // A Primacy with Ethernet.
        (true, 0x8040_0000),
        (setup.duplex, 0x0010_0000),
        (setup.antenna, 0x0008_0000),
        (setup.contacts && transport.has_encoder(), 0x0004_0000),
        (setup.magnetic, 0x0002_0000),
        (setup.reject_tray, 0x0000_0020),
    ]);
    let at = |place| !transport.cards_at(place).is_empty();
    let information = all(&[
        (at(Place::Feeder), 0x2000_0000),
        (at(Place::Flipper), 0x1000_0000),
        (at(Place::Antenna), 0x0800_0000),
        (at(Place::Contacts), 0x0400_0000),
        // A card between stations lies where printing would start.
        (at(Place::PrintHead) || at(Place::Standby), 0x0200_0000),
        (machine.film_left() <= LOW, 0x0008_0000),
        (machine.cards_until_cleaning() == 0, 0x0002_0000),
    ]);
    let trouble = machine.trouble();
    let is = |what: &[Trouble]| trouble.is_some_and(|trouble| what.contains(&trouble));
    let full = |place, capacity: Option<usize>| {
        capacity.is_some_and(|capacity| transport.cards_at(place).len() >= capacity)
    };
    let warnings = all(&[
        (full(Place::Reject, setup.reject_capacity), 0x0800_0000),
        (transport.left() == 0, 0x0100_0000),
        (is(&[Trouble::HeadHot]), 0x0020_0000),
        (full(Place::Output, setup.output_capacity), 0x0010_0000),
        (machine.film_left() == 0, 0x0008_0000),
        (is(&[Trouble::CoverOpen]), 0x0002_0000),
    ]);
    let errors = all(&[
        (is(&[Trouble::HeadHot]), 0x2000_0000),
        (is(&[Trouble::CardNotDrawnIn]), 0x0800_0000),
        (is(&[Trouble::CoverOpen]), 0x0200_0000),
        (
            is(&[Trouble::Jam, Trouble::DoubleFeed, Trouble::CleaningCard]),
            0x0100_0000,
        ),
        (is(&[Trouble::RejectFull]), 0x0080_0000),
        (is(&[Trouble::WrongFilm]), 0x0040_0000),
        (is(&[Trouble::FilmOut]), 0x0020_0000),
        (is(&[Trouble::OutputFull]), 0x0010_0000),
    ]);
    [fitted, information, warnings, errors]
}
