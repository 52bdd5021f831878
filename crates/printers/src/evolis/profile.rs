use std::path::Path;

use serde::Deserialize;

use super::job::Dialect;
use super::panel::{Levels, Panel};
use super::reply::{ByteOrder, StatusBit, StatusWords, is_plain};
use crate::{Certainty, FaultKind, Job, KnownFault, Position, ProfileError, Sourced, sourced};

/// The profile that comes with this crate.
const EVOLIS: &str = include_str!("../../profiles/evolis.toml");

/// What the driver does that the wire format does not settle, as data a site can change.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name, for messages.
    pub name: String,
    /// Which of the two kinds of wire the printer is on.
    pub connected: Sourced<Connected>,
    /// Over the network, one exchange a connection.
    pub network: Wire,
    /// Over USB, a serial line, or raw TCP that stays open.
    pub line: Wire,
    /// What moves a card.
    pub commands: Commands,
    /// What is asked.
    pub questions: Questions,
    /// How the status words come.
    pub status_words: Sourced<WordsForm>,
    /// What is fitted, as far as the printer does not say itself.
    pub fitted: Sourced<Vec<Fitting>>,
    /// The name of the ribbon for a printer that does not say which it has; empty to take the
    /// first of the table that has what the job needs.
    pub ribbon: Sourced<String>,
    /// Shades of the dyes: 32, 64, 128 or 256.
    pub shades: Sourced<u16>,
    /// Whether the front is printed upside down.
    pub front_turned: Sourced<bool>,
    /// Whether the back is printed upside down.
    pub back_turned: Sourced<bool>,
    /// How long things may take.
    pub limits_ms: Limits,
    /// How often a question is asked before silence is an error.
    pub tries: Sourced<u8>,
    /// With cards left for this many or fewer the ribbon counts as low.
    pub film_low: Sourced<u8>,
    /// The ribbons.
    pub ribbons: Vec<Ribbon>,
    /// Models that cannot have something, whatever [`Profile::fitted`] says.
    #[serde(default)]
    pub models: Vec<Model>,
    /// Bits of CFG that say what is fitted.
    #[serde(default)]
    pub fittings: Vec<FittingBit>,
    /// Bits of INF that say where the card is.
    #[serde(default)]
    pub positions: Vec<PositionBit>,
    /// Bits of INF that say that the printer works.
    #[serde(default)]
    pub busy: Vec<BusyBit>,
    /// What texts, NACK codes and status bits mean.
    #[serde(default)]
    pub faults: Vec<KnownFault>,
}

/// Which kind of wire the printer is on.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Connected {
    /// One exchange a connection: command and `00`, the end of input, answer and `00`, closed.
    Network,
    /// One connection for everything; every command is answered on it.
    Line,
}

/// What depends on the kind of wire.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Wire {
    /// How a job is written.
    pub dialect: Sourced<Dialect>,
    /// Whether resin and varnish are compressed.
    pub compressed: Sourced<bool>,
    /// Commands before a job, such as taking over the treatment of errors.
    pub before_print: Sourced<Vec<String>>,
    /// Commands after a job, also after one that failed.
    pub after_print: Sourced<Vec<String>>,
}

/// Texts that move a card, each list in the order it is sent, without `1B` and `0D`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Commands {
    /// Before a card is drawn in.
    pub before_feed: Sourced<Vec<String>>,
    /// To the contacts, from the hopper or from where the card is.
    pub feed_to_contacts: Sourced<Vec<String>>,
    /// To the antenna.
    pub feed_to_antenna: Sourced<Vec<String>>,
    /// To where printing starts.
    pub feed_to_head: Sourced<Vec<String>>,
    /// After a card was drawn in, also after it was not.
    pub after_feed: Sourced<Vec<String>>,
    /// To the output tray.
    pub eject: Sourced<Vec<String>>,
    /// To the reject tray.
    pub reject: Sourced<Vec<String>>,
    /// Starts the cleaning cycle.
    pub clean: Sourced<Vec<String>>,
    /// Answers a fault: what failed will be sent again.
    pub retry: Sourced<Vec<String>>,
    /// Answers a fault: give everything up.
    pub cancel: Sourced<Vec<String>>,
}

/// Texts that ask; an empty one is not asked.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Questions {
    /// Model name.
    pub model: Sourced<String>,
    /// Serial number.
    pub serial: Sourced<String>,
    /// Firmware version.
    pub firmware: Sourced<String>,
    /// Ribbon, as a number or word of the table.
    pub ribbon: Sourced<String>,
    /// Cards the ribbon can still print.
    pub ribbon_left: Sourced<String>,
    /// Whether the last command went well: `OK`, or the text of a fault.
    pub last_answer: Sourced<String>,
    /// Whether a card is inside: [`words::NO_CARD`](super::words::NO_CARD) or
    /// [`words::ERR_CARD`](super::words::ERR_CARD).
    pub presence: Sourced<String>,
    /// Whether cleaning is due: `OK`, or
    /// [`words::ERR_NEED_CLEANING`](super::words::ERR_NEED_CLEANING).
    pub cleaning_due: Sourced<String>,
    /// Panels printed in all.
    pub panels: Sourced<String>,
    /// Cards drawn in in all.
    pub cards: Sourced<String>,
    /// Cleanings in all.
    pub cleanings: Sourced<String>,
}

/// How the status words come.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum WordsForm {
    /// Not asked for.
    None,
    /// In answer to an empty exchange, most significant byte first.
    BigEndian,
    /// In answer to an empty exchange, least significant byte first.
    LittleEndian,
}

impl WordsForm {
    /// The order of their bytes, if they are asked for.
    #[must_use]
    pub const fn order(self) -> Option<ByteOrder> {
        match self {
            Self::None => None,
            Self::BigEndian => Some(ByteOrder::Big),
            Self::LittleEndian => Some(ByteOrder::Little),
        }
    }
}

/// Something a printer may have.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Fitting {
    /// Turns cards over.
    Duplex,
    /// Holds a card against contacts.
    Contacts,
    /// Holds a card over an antenna.
    Antenna,
    /// Writes magnetic stripes.
    Magnetic,
    /// Has a reject tray.
    RejectTray,
}

/// Limits in milliseconds.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// For a connection to open.
    pub connect: Sourced<u32>,
    /// For an answer to a question or a setting.
    pub reply: Sourced<u32>,
    /// For one motion of a card.
    pub motion: Sourced<u32>,
    /// For a whole card.
    pub print: Sourced<u32>,
    /// For a cleaning cycle.
    pub cleaning: Sourced<u32>,
    /// Without the printer taking a byte.
    pub write: Sourced<u32>,
}

/// One ribbon.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Ribbon {
    /// What the vendor calls it.
    pub name: String,
    /// Its number in the tagged dialect.
    pub number: u16,
    /// Its word in the plain dialect, and in answers.
    pub word: String,
    /// Panels for the front, by their letters.
    pub front: String,
    /// Panels for the back.
    pub back: String,
    /// Where that comes from.
    pub source: String,
    /// How certain it is.
    pub certainty: Certainty,
    /// What else a site should know.
    pub note: Option<String>,
}

impl Ribbon {
    /// Its panels for a side: 0 the front, 1 the back.
    #[must_use]
    pub fn panels(&self, side: usize) -> Vec<Panel> {
        let letters = if side == 0 { &self.front } else { &self.back };
        letters.chars().filter_map(Panel::from_letter).collect()
    }

    /// Whether it has this panel for any side.
    #[must_use]
    pub fn has(&self, panel: Panel) -> bool {
        (0..2).any(|side| self.panels(side).contains(&panel))
    }

    fn covers(&self, job: &Job) -> bool {
        let sides = [&job.front, &job.back];
        sides.into_iter().enumerate().all(|(number, side)| {
            let panels = self.panels(number);
            side.as_ref().is_none_or(|side| {
                let dye = side.colour.bytes().iter().any(|channel| *channel != 255);
                let resin = side.black.dots().contains(&true);
                (!dye || Panel::DYES.iter().all(|dye| panels.contains(dye)))
                    && (!resin || panels.contains(&Panel::Black))
                    && (!job.overcoat || panels.contains(&Panel::Overlay))
            })
        })
    }
}

/// What a model cannot have.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// A part of its name, as it answers it.
    pub name: String,
    /// What it never has.
    pub cannot: Vec<Fitting>,
    /// Where that comes from.
    pub source: String,
    /// How certain it is.
    pub certainty: Certainty,
}

/// A bit that says that something is fitted.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct FittingBit {
    /// The bit, as `CFG 00100000`.
    pub bit: String,
    /// What is fitted.
    pub has: Fitting,
    /// Where that comes from.
    pub source: String,
    /// How certain it is.
    pub certainty: Certainty,
}

/// A bit that says where the card is.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct PositionBit {
    /// The bit, as `INF 04000000`.
    pub bit: String,
    /// Where the card is.
    pub at: Position,
    /// Where that comes from.
    pub source: String,
    /// How certain it is.
    pub certainty: Certainty,
}

/// A bit that says that the printer works.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct BusyBit {
    /// The bit, as `INF 00000001`.
    pub bit: String,
    /// Where that comes from.
    pub source: String,
    /// How certain it is.
    pub certainty: Certainty,
}

impl Profile {
    /// The profile that comes with this crate, for a printer on the network.
    #[must_use]
    pub fn evolis() -> Self {
        Self::parse(EVOLIS).expect("the built-in profile is read by a test")
    }

    /// The same for a printer on USB, a serial line or raw TCP.
    #[must_use]
    pub fn evolis_line() -> Self {
        let mut profile = Self::evolis();
        profile.connected.value = Connected::Line;
        profile
    }

    /// Reads a profile.
    ///
    /// # Errors
    ///
    /// [`ProfileError`].
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        sourced::parse::<Self>(text)?.checked()
    }

    /// Reads a profile from a file.
    ///
    /// # Errors
    ///
    /// [`ProfileError`].
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        Self::parse(&sourced::read(path)?)
    }

    /// What depends on the kind of wire the printer is on.
    #[must_use]
    pub fn wire(&self) -> &Wire {
        match self.connected.value {
            Connected::Network => &self.network,
            Connected::Line => &self.line,
        }
    }

    /// Shades of the dyes.
    #[must_use]
    pub fn shades(&self) -> Levels {
        Levels::from_number(self.shades.value.into()).expect("checked when it was read")
    }

    /// The ribbon of this name, word or number, upper and lower case alike.
    #[must_use]
    pub fn ribbon(&self, name: &str) -> Option<&Ribbon> {
        let name = name.trim();
        self.ribbons.iter().find(|ribbon| {
            ribbon.name.eq_ignore_ascii_case(name)
                || ribbon.word.eq_ignore_ascii_case(name)
                || ribbon.number.to_string() == name
        })
    }

    /// The first ribbon of the table that has what the job needs.
    #[must_use]
    pub fn ribbon_for(&self, job: &Job) -> Option<&Ribbon> {
        self.ribbons.iter().find(|ribbon| ribbon.covers(job))
    }

    /// What a text, a NACK code (`NACK C`) or a status bit (`ERR 01000000`) means.
    #[must_use]
    pub fn fault_kind(&self, code: &str) -> FaultKind {
        self.faults
            .iter()
            .find(|known| known.code.eq_ignore_ascii_case(code))
            .map_or(FaultKind::Unknown, |known| known.kind)
    }

    /// What status words say is fitted.
    #[must_use]
    pub fn fitted_by(&self, words: &StatusWords) -> Vec<Fitting> {
        let set = self
            .fittings
            .iter()
            .filter(|known| is_set(&known.bit, words));
        set.map(|known| known.has).collect()
    }

    /// The places where status words see a card.
    #[must_use]
    pub fn places_by(&self, words: &StatusWords) -> Vec<Position> {
        let set = self
            .positions
            .iter()
            .filter(|known| is_set(&known.bit, words));
        set.map(|known| known.at).collect()
    }

    /// Whether status words say that the printer works.
    #[must_use]
    pub fn busy_by(&self, words: &StatusWords) -> bool {
        self.busy.iter().any(|known| is_set(&known.bit, words))
    }

    /// The codes of the table of faults whose bit is set.
    pub(super) fn faults_by(&self, words: &StatusWords) -> Vec<&KnownFault> {
        let set = self
            .faults
            .iter()
            .filter(|known| is_set(&known.code, words));
        set.collect()
    }

    fn checked(self) -> Result<Self, ProfileError> {
        let bad = |what: String| Err(ProfileError::Value { what });
        let commands = &self.commands;
        let lists = [
            &commands.before_feed,
            &commands.feed_to_contacts,
            &commands.feed_to_antenna,
            &commands.feed_to_head,
            &commands.after_feed,
            &commands.eject,
            &commands.reject,
            &commands.clean,
            &commands.retry,
            &commands.cancel,
            &self.network.before_print,
            &self.network.after_print,
            &self.line.before_print,
            &self.line.after_print,
        ];
        let asked = &self.questions;
        let questions = [
            &asked.model,
            &asked.serial,
            &asked.firmware,
            &asked.ribbon,
            &asked.ribbon_left,
            &asked.last_answer,
            &asked.presence,
            &asked.cleaning_due,
            &asked.panels,
            &asked.cards,
            &asked.cleanings,
        ];
        let questions = questions.into_iter().map(|question| &question.value);
        let words = self.ribbons.iter().map(|ribbon| &ribbon.word);
        let texts = lists.into_iter().flat_map(|list| &list.value);
        let texts = texts.chain(questions.filter(|text| !text.is_empty()));
        for text in texts.chain(words) {
            if !is_plain(text) {
                return bad(format!("command `{text}` is not plain printable text"));
            }
        }
        for ribbon in &self.ribbons {
            for letter in ribbon.front.chars().chain(ribbon.back.chars()) {
                if Panel::from_letter(letter).is_none() {
                    return bad(format!(
                        "ribbon `{}` has a panel `{letter}`, known are y, m, c, k and o",
                        ribbon.name
                    ));
                }
            }
        }
        let ribbon = &self.ribbon.value;
        if !ribbon.is_empty() && self.ribbon(ribbon).is_none() {
            return bad(format!("ribbon `{ribbon}` is not in its table"));
        }
        let bits = self.fittings.iter().map(|known| &known.bit);
        let bits = bits.chain(self.positions.iter().map(|known| &known.bit));
        for bit in bits.chain(self.busy.iter().map(|known| &known.bit)) {
            if StatusBit::parse(bit).is_none() {
                return bad(format!(
                    "status bit `{bit}` is not of the form `INF 04000000`"
                ));
            }
        }
        let shades = Levels::from_number(self.shades.value.into());
        if shades.is_none_or(|shades| shades == Levels::Two) {
            return bad(format!(
                "`shades` is {}, a dye has 32, 64, 128 or 256",
                self.shades.value
            ));
        }
        if self.tries.value == 0 {
            return bad("`tries` is 0, at least 1 is needed".to_owned());
        }
        Ok(self)
    }
}

/// Whether a text is a status bit that is set.
fn is_set(bit: &str, words: &StatusWords) -> bool {
    StatusBit::parse(bit).is_some_and(|bit| bit.is_set(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_profile_knows_ribbons_texts_codes_and_bits() {
        let profile = Profile::evolis();
        assert_eq!(profile.ribbon("100").unwrap().name, "black");
        assert_eq!(profile.ribbon("YMCKO").unwrap().number, 0);
        assert_eq!(profile.ribbon("k").unwrap().number, 100);
        assert!(profile.ribbon("gold leaf").is_none());
        assert_eq!(profile.fault_kind("FEEDER EMPTY"), FaultKind::HopperEmpty);
        assert_eq!(profile.fault_kind("NACK C"), FaultKind::CoverOpen);
        assert_eq!(profile.fault_kind("NACK z"), FaultKind::Unknown);
        let words = StatusWords {
            fitted: 0x0010_0000 | 0x0004_0000,
            information: 0x0400_0001,
            warnings: 0x0002_0000,
            errors: 0,
        };
        assert_eq!(
            profile.fitted_by(&words),
            [Fitting::Duplex, Fitting::Contacts]
        );
        assert_eq!(profile.places_by(&words), [Position::Contacts]);
        assert!(profile.busy_by(&words));
        let kinds: Vec<_> = profile
            .faults_by(&words)
            .iter()
            .map(|known| known.kind)
            .collect();
        assert_eq!(kinds, [FaultKind::CoverOpen]);
    }

    #[test]
    fn the_sequence_to_the_contacts_is_that_of_the_vendors_library() {
        let commands = Profile::evolis().commands;
        assert_eq!(commands.before_feed.value, ["Rem;1", "Pem;2"]);
        assert_eq!(commands.feed_to_contacts.value, ["Sis"]);
        assert_eq!(commands.after_feed.value, ["Pem;0"]);
        assert_eq!(commands.feed_to_contacts.certainty, Certainty::Public);
        assert_eq!(Profile::evolis().status_words.value, WordsForm::None);
    }

    #[test]
    fn a_value_that_makes_no_sense_is_refused() {
        for (from, to) in [
            ("value = [\"Sis\"]", "value = [\"Sis \"]"),
            ("value = [\"Sis\"]", "value = [\"Db;k;2;\"]"),
            ("front = \"ymcko\"", "front = \"ymckx\""),
            ("bit = \"CFG 00100000\"", "bit = \"CFG 00300000\""),
            ("[tries]\nvalue = 2", "[tries]\nvalue = 0"),
            ("[shades]\nvalue = 256", "[shades]\nvalue = 100"),
            ("[tries]", "[trys]"),
        ] {
            let text = EVOLIS.replacen(from, to, 1);
            assert_ne!(text, EVOLIS, "{from}");
            assert!(Profile::parse(&text).is_err(), "{to}");
        }
    }
}
