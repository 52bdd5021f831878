use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ground::{Ambient, Blame, Blamed};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::trouble::Trouble;

/// The version of the state file this program writes and reads.
const VERSION: u32 = 1;
/// The state file in its folder.
const STATE_FILE: &str = "station.json";

/// Where a card can be.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In the input hopper.
    Hopper,
    /// Drawn in, on no station.
    Standby,
    /// On the contacts of the encoder, and those closed.
    Contacts,
    /// Under the print head.
    PrintHead,
    /// In the output tray.
    Output,
    /// In the reject tray.
    Reject,
    /// Taken out by hand.
    TakenOut,
}

impl Place {
    /// Whether a card there is inside the printer.
    #[must_use]
    pub const fn is_inside(self) -> bool {
        matches!(self, Self::Standby | Self::Contacts | Self::PrintHead)
    }
}

/// A face of a card.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// The face with the contacts.
    Front,
    /// The other one.
    Back,
}

/// What happened to a card or the printer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Movement {
    /// Blanks were put into the hopper.
    Loaded {
        /// How many.
        count: u64,
    },
    /// A card went from one place to another.
    Moved {
        /// Its number.
        number: u64,
        /// From where.
        from: Place,
        /// To where.
        to: Place,
    },
    /// The contacts closed on a card.
    ContactsClosed {
        /// Its number.
        number: u64,
    },
    /// The contacts opened.
    ContactsOpened {
        /// The number of the card that lay there.
        number: u64,
    },
    /// A side was printed.
    Printed {
        /// The card's number.
        number: u64,
        /// Which side.
        side: Side,
    },
    /// Trouble began.
    Faulted {
        /// Which.
        trouble: Trouble,
    },
    /// Trouble was dealt with.
    Cleared {
        /// Which.
        trouble: Trouble,
    },
}

/// A line of the movement log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry {
    /// When, on the clock of the simulation.
    pub at: Duration,
    /// What.
    pub movement: Movement,
}

/// What lies beside the card path and closes contacts on a card.
pub trait Encoder: Send {
    /// Closes the contacts on a card.
    ///
    /// # Errors
    ///
    /// When the chip of that card cannot be made or read back.
    fn close_on(&mut self, number: u64) -> io::Result<()>;

    /// Opens the contacts; the chip loses its power.
    fn open(&mut self);
}

/// What the printer counts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Counters {
    /// Cards printed.
    pub cards_printed: u32,
    /// Sides the film has printed.
    pub film_used: u32,
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
    ambient: Arc<dyn Ambient>,
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
            },
            encoder: None,
            folder: None,
            log: Vec::new(),
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
        if let Some((number, Place::Contacts)) = self.inside() {
            encoder.close_on(number)?;
            self.note(Movement::ContactsClosed { number });
        }
        self.encoder = Some(encoder);
        Ok(())
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
        self.log.push(Entry { at, movement });
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
        let Some(number) = self.next() else {
            return Ok(None);
        };
        let mut state = self.state.clone();
        state.next += 1;
        state.left -= 1;
        state.cards.insert(number, Place::Standby);
        self.commit(state)?;
        self.note(Movement::Moved {
            number,
            from: Place::Hopper,
            to: Place::Standby,
        });
        Ok(Some(number))
    }

    /// Moves the card that is inside; nothing when there is none or it lies there. Contacts open
    /// before it moves and close once it lies on them.
    ///
    /// # Errors
    ///
    /// When the state cannot be written or the chip cannot be made.
    pub fn move_to(&mut self, to: Place) -> io::Result<()> {
        match self.inside() {
            Some((number, from)) => self.carry(number, from, to),
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
            Some(from) => self.carry(number, *from, Place::TakenOut).map(|()| true),
            None => Ok(false),
        }
    }

    fn carry(&mut self, number: u64, from: Place, to: Place) -> io::Result<()> {
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
        self.commit(state)?;
        self.note(Movement::Moved { number, from, to });
        if to == Place::Contacts
            && let Some(encoder) = &mut self.encoder
        {
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
    if versioned.version != VERSION {
        return Err(format!(
            "it has version {}, this program reads version {VERSION}",
            versioned.version
        ));
    }
    let state: State = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let inside = state.cards.values().filter(|place| place.is_inside());
    if inside.count() > 1 {
        return Err("it has two cards inside the printer".to_owned());
    }
    if state.next.checked_add(state.left).is_none() {
        return Err("it has more cards than there are numbers".to_owned());
    }
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
mod tests {
    use ground::Virtual;

    use super::*;

    fn ambient() -> Arc<dyn Ambient> {
        Arc::new(Virtual::new(1))
    }

    #[test]
    fn every_card_is_found_again_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Transport::open(folder.path(), 100, 5, ambient());
        let mut transport = open().unwrap();
        assert!(matches!(open(), Err(StateError::InUse { .. })));
        assert_eq!(transport.draw().unwrap(), Some(100));
        transport.move_to(Place::Output).unwrap();
        assert_eq!(transport.draw().unwrap(), Some(101));
        transport.move_to(Place::PrintHead).unwrap();
        transport
            .count(Counters {
                cards_printed: 1,
                film_used: 2,
            })
            .unwrap();
        drop(transport);
        let mut transport = open().unwrap();
        assert_eq!(transport.inside(), Some((101, Place::PrintHead)));
        assert_eq!(transport.place_of(100), Some(Place::Output));
        assert_eq!(transport.place_of(104), Some(Place::Hopper));
        assert_eq!(transport.place_of(105), None);
        assert_eq!(transport.left(), 3);
        assert_eq!(transport.counters().film_used, 2);
        transport.move_to(Place::Output).unwrap();
        assert_eq!(transport.draw().unwrap(), Some(102));
        assert_eq!(transport.cards_at(Place::Output), [100, 101]);
    }

    #[test]
    fn an_empty_hopper_gives_nothing_until_it_is_loaded() {
        let mut transport = Transport::new(1, 1, ambient());
        assert_eq!(transport.draw().unwrap(), Some(1));
        transport.move_to(Place::Output).unwrap();
        assert_eq!(transport.draw().unwrap(), None);
        transport.load(2).unwrap();
        assert_eq!(transport.draw().unwrap(), Some(2));
    }

    #[test]
    fn a_state_of_another_version_or_none_at_all_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for text in [
            r#"{"version":2}"#,
            "no json",
            r#"{"version":1,"next":1,"left":1,"counters":{"cards_printed":0,"film_used":0},
                "cards":{"7":"contacts","8":"standby"}}"#,
        ] {
            fs::write(folder.path().join(STATE_FILE), text).unwrap();
            assert!(matches!(
                Transport::open(folder.path(), 1, 1, ambient()),
                Err(StateError::Damaged { .. })
            ));
        }
    }
}
