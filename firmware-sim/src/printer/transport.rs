//! The way of the cards: the one place that knows where every card is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ground::{Ambient, Blame, Blamed};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::log::{Entry, Movement, Side};

/// The version of the state file this program writes and reads.
const VERSION: u32 = 2;
/// The oldest one it reads. A state of version 1 knows no cards of another model, no turned card
/// and no count of cleanings: what it lacks was none.
const OLDEST: u32 = 1;
/// The state file in its folder.
const STATE_FILE: &str = "station.json";

/// Where a card can be.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In the input hopper.
    Hopper,
    /// Stuck in the feeder behind the card in front of it, with which it was drawn.
    Feeder,
    /// Drawn in, on no station.
    Standby,
    /// On the contacts of the encoder, and those closed.
    Contacts,
    /// Over the antenna of the encoder.
    Antenna,
    /// Under the print head.
    PrintHead,
    /// In the unit that turns it over.
    Flipper,
    /// In the output tray.
    Output,
    /// In the reject tray.
    Reject,
    /// Taken out by hand.
    TakenOut,
}

impl Place {
    /// Whether a card there lies on the way inside the printer, where there is room for one. A card
    /// in the feeder is not on it yet.
    #[must_use]
    pub const fn is_inside(self) -> bool {
        matches!(
            self,
            Self::Standby | Self::Contacts | Self::Antenna | Self::PrintHead | Self::Flipper
        )
    }
}

/// What lies beside the card path and closes contacts on a card.
pub trait Encoder: Send {
    /// Closes the contacts on a card.
    ///
    /// # Errors
    ///
    /// When the chip of that card cannot be made or read back.
    fn close_on(&mut self, number: u64) -> io::Result<()>;

    /// Brings the contacts down without touching the chip: a card is there, and mute. One that has
    /// no such fault closes as ever.
    ///
    /// # Errors
    ///
    /// As [`Encoder::close_on`].
    fn miss(&mut self, number: u64) -> io::Result<()> {
        self.close_on(number)
    }

    /// Hears, before the contacts close on it, that a card is of another model than the hopper was
    /// filled with.
    fn other_model(&mut self, _number: u64) {}

    /// Opens the contacts; the chip loses its power.
    fn open(&mut self);
}

/// What the printer counts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Counters {
    /// Cards printed, all of them with the one head the printer ever had.
    pub cards_printed: u32,
    /// Sides the film has printed.
    pub film_used: u32,
    /// Panels of dye printed.
    #[serde(default)]
    pub dye_panels: u32,
    /// Cleanings.
    #[serde(default)]
    pub cleanings: u32,
    /// Cards printed since the last cleaning.
    #[serde(default)]
    pub cards_since_cleaning: u32,
    /// Panels of dye printed since the last cleaning.
    #[serde(default)]
    pub panels_since_cleaning: u32,
}

/// The way of the cards: hopper, stations and trays, with every card known by its number.
///
/// With a state folder every move is on disk before it has an effect, so that a program that was
/// killed finds every card where it was.
pub struct Transport {
    state: State,
    encoder: Option<Box<dyn Encoder>>,
    folder: Option<Folder>,
    log: Vec<Entry>,
    journal: Option<Journal>,
    ambient: Arc<dyn Ambient>,
}

/// Where log entries are written as they happen.
struct Journal {
    out: Box<dyn Write + Send>,
    /// Why the last entry could not be written, until somebody asks.
    failed: Option<io::Error>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct State {
    version: u32,
    /// The number of the next blank of the hopper.
    next: u64,
    /// Blanks in the hopper.
    left: u64,
    counters: Counters,
    /// Every card that has left the hopper.
    cards: BTreeMap<u64, Place>,
    /// Those of them that are of another model than the hopper was filled with.
    #[serde(default)]
    other_model: BTreeSet<u64>,
    /// Whether the card inside lies with its back up.
    #[serde(default)]
    turned: bool,
}

/// Held for as long as the folder is in use: two printers over one hopper would draw the same
/// card twice.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Transport {
    /// A hopper with `blanks` cards, numbered from `first`. It lives as long as the process.
    #[must_use]
    pub fn new(first: u64, blanks: u64, ambient: Arc<dyn Ambient>) -> Self {
        let mut transport = Self {
            state: State {
                version: VERSION,
                next: first,
                left: blanks,
                counters: Counters::default(),
                cards: BTreeMap::new(),
                other_model: BTreeSet::new(),
                turned: false,
            },
            encoder: None,
            folder: None,
            log: Vec::new(),
            journal: None,
            ambient,
        };
        transport.note(Movement::Loaded { count: blanks });
        transport
    }

    /// The same over a folder. What is there goes on where it stopped, and `first` and `blanks`
    /// are for a new folder only.
    ///
    /// # Errors
    ///
    /// [`StateError`].
    pub fn open(
        folder: &Path,
        first: u64,
        blanks: u64,
        ambient: Arc<dyn Ambient>,
    ) -> Result<Self, StateError> {
        let path = folder.join(STATE_FILE);
        let failed = |source| StateError::File {
            path: path.clone(),
            source,
        };
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = File::create(folder.join("station.lock")).map_err(failed)?;
        lock.try_lock().map_err(|_| StateError::InUse {
            folder: folder.to_owned(),
        })?;
        let mut transport = match fs::read(&path) {
            Ok(bytes) => {
                let state = parse(&bytes).map_err(|detail| StateError::Damaged {
                    path: path.clone(),
                    detail,
                })?;
                Self {
                    state,
                    encoder: None,
                    folder: None,
                    log: Vec::new(),
                    journal: None,
                    ambient,
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::new(first, blanks, ambient)
            }
            Err(error) => return Err(failed(error)),
        };
        transport.folder = Some(Folder {
            path: folder.to_owned(),
            _lock: lock,
        });
        let state = transport.state.clone();
        transport.commit(state).map_err(failed)?;
        Ok(transport)
    }

    /// Puts an encoder at the contact station. If a card lay there when the program ended, its
    /// contacts close again.
    ///
    /// # Errors
    ///
    /// As [`Encoder::close_on`].
    pub fn attach(&mut self, mut encoder: Box<dyn Encoder>) -> io::Result<()> {
        for number in &self.state.other_model {
            encoder.other_model(*number);
        }
        self.encoder = Some(encoder);
        match self.inside() {
            Some((number, Place::Contacts)) => self.close(number, false),
            _ => Ok(()),
        }
    }

    /// Writes every entry of the log from now on to `out` as a line of JSON, as it happens, and
    /// first those that are there.
    ///
    /// # Errors
    ///
    /// From the writer.
    pub fn write_log(&mut self, mut out: Box<dyn Write + Send>) -> io::Result<()> {
        for entry in &self.log {
            entry.write_json(self.ambient.now(), &mut out)?;
        }
        self.journal = Some(Journal { out, failed: None });
        Ok(())
    }

    /// Why an entry of the log could not be written, once.
    pub(super) fn log_failure(&mut self) -> Option<io::Error> {
        self.journal.as_mut()?.failed.take()
    }

    /// Whether there is an encoder at the contact station.
    #[must_use]
    pub fn has_encoder(&self) -> bool {
        self.encoder.is_some()
    }

    /// The card inside the printer and where.
    #[must_use]
    pub fn inside(&self) -> Option<(u64, Place)> {
        let mut cards = self.state.cards.iter();
        cards
            .find(|(_, place)| place.is_inside())
            .map(|(number, place)| (*number, *place))
    }

    /// Where a card is; `None` for a number that was never loaded.
    #[must_use]
    pub fn place_of(&self, number: u64) -> Option<Place> {
        let hopper = self.state.next..self.state.next.saturating_add(self.state.left);
        self.state
            .cards
            .get(&number)
            .copied()
            .or_else(|| hopper.contains(&number).then_some(Place::Hopper))
    }

    /// The cards at a place outside the hopper, by number.
    #[must_use]
    pub fn cards_at(&self, place: Place) -> Vec<u64> {
        let cards = self.state.cards.iter();
        cards
            .filter(|(_, at)| **at == place)
            .map(|(number, _)| *number)
            .collect()
    }

    /// Blanks in the hopper.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.state.left
    }

    /// The number of the next card to be drawn.
    #[must_use]
    pub fn next(&self) -> Option<u64> {
        (self.state.left > 0).then_some(self.state.next)
    }

    /// What the printer has counted.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.state.counters
    }

    /// Everything that happened since the program started.
    #[must_use]
    pub fn log(&self) -> &[Entry] {
        &self.log
    }

    /// Adds to the log.
    pub fn note(&mut self, movement: Movement) {
        let at = self.ambient.elapsed();
        let entry = Entry { at, movement };
        self.log.push(entry);
        if let Some(journal) = &mut self.journal
            && let Err(error) = entry.write_json(self.ambient.now(), &mut journal.out)
        {
            journal.failed.get_or_insert(error);
        }
    }

    /// Puts more blanks into the hopper; their numbers follow those that are there.
    ///
    /// # Errors
    ///
    /// When the state cannot be written.
    pub fn load(&mut self, count: u64) -> io::Result<()> {
        let mut state = self.state.clone();
        state.left = state.left.saturating_add(count);
        self.commit(state)?;
        self.note(Movement::Loaded { count });
        Ok(())
    }

    /// Sets the counters.
    ///
    /// # Errors
    ///
    /// When the state cannot be written.
    pub fn count(&mut self, counters: Counters) -> io::Result<()> {
        let mut state = self.state.clone();
        state.counters = counters;
        self.commit(state)
    }

    /// Draws the next blank to standby. `None` when the hopper is empty.
    ///
    /// # Errors
    ///
    /// When the state cannot be written; nothing has moved then.
    pub fn draw(&mut self) -> io::Result<Option<u64>> {
        self.draw_cards(&[Place::Standby], false)
    }

    /// Draws the next card, which is of another model than the hopper was filled with.
    ///
    /// # Errors
    ///
    /// As [`Transport::draw`].
    pub fn draw_other_model(&mut self) -> io::Result<Option<u64>> {
        self.draw_cards(&[Place::Standby], true)
    }

    /// Draws two blanks at once: the first lies at standby, the second behind it in the feeder.
    /// `None`, and nothing moves, when there are not two.
    ///
    /// # Errors
    ///
    /// As [`Transport::draw`].
    pub fn draw_two(&mut self) -> io::Result<Option<u64>> {
        self.draw_cards(&[Place::Standby, Place::Feeder], false)
    }

    fn draw_cards(&mut self, places: &[Place], other_model: bool) -> io::Result<Option<u64>> {
        let first = self.state.next;
        let mut state = self.state.clone();
        for place in places {
            if state.left == 0 {
                return Ok(None);
            }
            state.cards.insert(state.next, *place);
            state.next += 1;
            state.left -= 1;
        }
        if other_model {
            state.other_model.insert(first);
        }
        state.turned = false;
        self.commit(state)?;
        for (number, to) in (first..).zip(places) {
            self.note(Movement::Moved {
                number,
                from: Place::Hopper,
                to: *to,
            });
        }
        if other_model {
            self.note(Movement::OtherModel { number: first });
            if let Some(encoder) = &mut self.encoder {
                encoder.other_model(first);
            }
        }
        Ok(Some(first))
    }

    /// Which face of the card inside is up, where the head and the contacts are.
    #[must_use]
    pub fn facing(&self) -> Side {
        if self.state.turned {
            Side::Back
        } else {
            Side::Front
        }
    }

    /// Turns the card inside over.
    ///
    /// # Errors
    ///
    /// When the state cannot be written.
    pub fn turn(&mut self) -> io::Result<()> {
        if self.inside().is_none() {
            return Ok(());
        }
        let mut state = self.state.clone();
        state.turned = !state.turned;
        self.commit(state)
    }

    /// Moves the card that is inside; nothing when there is none or it lies there. Contacts open
    /// before it moves and close once it lies on them.
    ///
    /// # Errors
    ///
    /// When the state cannot be written or the chip cannot be made.
    pub fn move_to(&mut self, to: Place) -> io::Result<()> {
        match self.inside() {
            Some((number, from)) => self.carry(number, from, to, false),
            None => Ok(()),
        }
    }

    /// Moves the card that is inside to the contacts, which come down without touching its chip.
    ///
    /// # Errors
    ///
    /// As [`Transport::move_to`].
    pub fn miss_contacts(&mut self) -> io::Result<()> {
        match self.inside() {
            Some((number, from)) => self.carry(number, from, Place::Contacts, true),
            None => Ok(()),
        }
    }

    /// Takes a card that lies anywhere outside the hopper by hand.
    ///
    /// # Errors
    ///
    /// When the state cannot be written.
    pub fn take_out(&mut self, number: u64) -> io::Result<bool> {
        match self.state.cards.get(&number) {
            Some(from) => self
                .carry(number, *from, Place::TakenOut, false)
                .map(|()| true),
            None => Ok(false),
        }
    }

    fn carry(&mut self, number: u64, from: Place, to: Place, misses: bool) -> io::Result<()> {
        if from == to {
            return Ok(());
        }
        if from == Place::Contacts
            && let Some(encoder) = &mut self.encoder
        {
            encoder.open();
            self.note(Movement::ContactsOpened { number });
        }
        let mut state = self.state.clone();
        state.cards.insert(number, to);
        // A card in a tray lies there either way; the next one comes with its front up.
        if from.is_inside() && !to.is_inside() {
            state.turned = false;
        }
        self.commit(state)?;
        self.note(Movement::Moved { number, from, to });
        if to == Place::Contacts {
            self.close(number, misses)?;
        }
        Ok(())
    }

    /// Closes the contacts on a card that lies there. They find no chip on its back.
    fn close(&mut self, number: u64, misses: bool) -> io::Result<()> {
        let misses = misses || self.facing() == Side::Back;
        let Some(encoder) = &mut self.encoder else {
            return Ok(());
        };
        if misses {
            encoder.miss(number)?;
            self.note(Movement::ContactsMissed { number });
        } else {
            encoder.close_on(number)?;
            self.note(Movement::ContactsClosed { number });
        }
        Ok(())
    }

    /// Makes a state the one in force: on disk first, by replacing the file whole.
    fn commit(&mut self, state: State) -> io::Result<()> {
        if let Some(folder) = &self.folder {
            let path = folder.path.join(STATE_FILE);
            let new = path.with_extension("json.new");
            let mut file = File::create(&new)?;
            serde_json::to_writer_pretty(&mut file, &state)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
        }
        self.state = state;
        Ok(())
    }
}

fn parse(bytes: &[u8]) -> Result<State, String> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let versioned: Versioned = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if !(OLDEST..=VERSION).contains(&versioned.version) {
        return Err(format!(
            "it has version {}, this program reads versions {OLDEST} to {VERSION}",
            versioned.version
        ));
    }
    let mut state: State = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let inside = state.cards.values().filter(|place| place.is_inside());
    if inside.count() > 1 {
        return Err("it has two cards inside the printer".to_owned());
    }
    if state.next.checked_add(state.left).is_none() {
        return Err("it has more cards than there are numbers".to_owned());
    }
    state.version = VERSION;
    Ok(state)
}

/// Why the state of a station cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StateError {
    /// The folder or file cannot be read or written.
    #[error("failed to use station state `{path}`: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        source: io::Error,
    },
    /// The file is no state of this version.
    #[error("station state `{path}` cannot be read: {detail}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// Another program has it open.
    #[error("station state folder `{folder}` is in use by another program")]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
}

impl Blamed for StateError {
    fn blame(&self) -> Blame {
        match self {
            Self::InUse { .. } => Blame::OperatorMistake,
            _ => Blame::StoreFault,
        }
    }

    fn hint(&self) -> Option<String> {
        Some("give another folder, or an empty one to start with a full hopper".to_owned())
    }
}

#[cfg(test)]
mod tests;
