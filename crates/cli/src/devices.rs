//! Opens what a selector or a station file names.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use card_image::CardImage;
use firmware_sim::card::{AnyModel, Condition, Model, PivChip, SimCard};
use firmware_sim::contacts::{Chip, Contacts};
use firmware_sim::printer::Place;
use firmware_sim::station::{ChipError, Config, SimStation};
use ground::Ambient;
use iso7816::{Link, Reader, ReplayLink, Transcript};
use issuance::issue::Station;
use issuance::keys::Purpose;
use printers::magicard::{Enduro, Profile};
use readers::{GemPcTwin, PcscReader};
use stations::{Devices, StationFile};

use crate::output::{Failure, chain};
use crate::selector::{SIMULATED, Selector};

/// The number of every simulated card that is opened by a selector: always the same card.
const SIMULATED_NUMBER: u64 = 1;

/// Connects to the card a selector names, waiting at most `within` for one to be inserted.
pub(crate) fn connect(
    selector: &Selector,
    within: Duration,
    ambient: &Arc<dyn Ambient>,
) -> Result<Box<dyn Link>, Failure> {
    match selector {
        Selector::Pcsc(_) | Selector::Serial(_) => Ok(reader(selector, ambient)?.connect(within)?),
        Selector::Replay(path) => replay(path),
        Selector::Sim(kind) => simulated(kind, selector),
    }
}

/// Opens the reader a selector names.
fn reader(selector: &Selector, ambient: &Arc<dyn Ambient>) -> Result<Box<dyn Reader>, Failure> {
    let ambient = Arc::clone(ambient);
    match selector {
        Selector::Pcsc(name) => Ok(Box::new(PcscReader::open(name, ambient)?)),
        Selector::Serial(path) => Ok(Box::new(GemPcTwin::open(path, ambient)?)),
        Selector::Replay(_) | Selector::Sim(_) => Err(Failure::mistake(format!(
            "`{selector}` is no reader a card can be put into"
        ))),
    }
}

fn replay(path: &Path) -> Result<Box<dyn Link>, Failure> {
    Ok(Box::new(ReplayLink::named(
        format!("replay:{}", path.display()),
        read_transcript(path)?,
    )))
}

/// Reads a transcript file.
pub(crate) fn read_transcript(path: &Path) -> Result<Transcript, Failure> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| {
        Failure::mistake(format!("failed to open transcript `{shown}`: {error}"))
    })?;
    Transcript::read(BufReader::new(file))
        .map_err(|error| Failure::mistake(format!("transcript `{shown}`: {error}")))
}

fn simulated(kind: &str, selector: &Selector) -> Result<Box<dyn Link>, Failure> {
    let chip = match SimCard::named(kind, SIMULATED_NUMBER) {
        Some(card) => card,
        None => from_image(kind)?.into(),
    };
    let mut contacts = Contacts::new(selector.to_string());
    contacts.close_on(Box::new(chip));
    Ok(contacts.connect(Duration::ZERO)?)
}

/// A series 10 card that holds what the card image at this path holds.
fn from_image(path: &str) -> Result<PivChip, Failure> {
    if !Path::new(path).exists() {
        let known: Vec<&str> = SIMULATED.iter().map(|(selector, _)| *selector).collect();
        return Err(Failure::mistake(format!(
            "there is no simulated card `{path}` (known: {}; or the path of a card image)",
            known.join(", ")
        )));
    }
    let image = CardImage::load(path)?;
    let chip = PivChip::from_image(&Model::series10(), &image, SIMULATED_NUMBER);
    chip.map_err(|error| Failure::from(error).about(&format!("card image `{path}`")))
}

/// Connects the devices of a station file.
pub(crate) fn station(file: &StationFile, ambient: &Arc<dyn Ambient>) -> Result<Station, Failure> {
    let Devices { printer, encoder } = file.open(ambient)?;
    Ok(Station {
        name: file.name.clone(),
        purpose: purpose(file),
        printer,
        encoder,
        card_within: file.encoder.card_within,
        witness: None,
    })
}

/// What a station issues.
pub(crate) fn purpose(file: &StationFile) -> Purpose {
    if file.test {
        Purpose::Test
    } else {
        Purpose::Live
    }
}

/// A simulated station that lives in `folder`, with a blank of each of these series on top of its
/// hopper, in that order.
pub(crate) fn simulated_station(
    folder: &Path,
    blanks: &[u8],
    ambient: &Arc<dyn Ambient>,
) -> Result<Station, Failure> {
    let chips = folder.to_owned();
    let failed = |error: &dyn std::error::Error| {
        Failure::store(format!(
            "the simulated station in `{}`: {}",
            folder.display(),
            chain(error)
        ))
    };
    let config = Config {
        state: Some(folder.to_owned()),
        ..Config::new("sim:station", 0, Arc::clone(ambient))
    };
    let simulated = SimStation::open(config, move |number| -> Result<Box<dyn Chip>, ChipError> {
        let model = AnyModel::from(Model::series10());
        let path = blank_file(&chips, number);
        let card = match SimCard::resume(&path)? {
            Some(card) => card,
            None => SimCard::open(&path, &model, number, Condition::Blank)?,
        };
        Ok(Box::new(card))
    })
    .map_err(|error| failed(&error))?;
    let left = simulated.printer().machine().transport().left();
    let wanted = blanks.len() as u64;
    if left < wanted {
        simulated
            .load(wanted - left)
            .map_err(|error| failed(&error))?;
    }
    let first = simulated.printer().machine().transport().next();
    for (number, &series) in (first.unwrap_or_default()..).zip(blanks) {
        put_blank(folder, number, series).map_err(|error| failed(&*error))?;
    }
    let connection = simulated.printer_connection();
    let contacts = simulated.contacts();
    let witness = move || {
        let last = simulated
            .printer()
            .machine()
            .transport()
            .cards_at(Place::Output)
            .pop();
        let side = last
            .and_then(|number| simulated.printed(number))
            .and_then(|card| card.front);
        Ok(side.map(|side| side.picture()))
    };
    Ok(Station {
        name: "simulated station".to_owned(),
        purpose: Purpose::Test,
        printer: Box::new(Enduro::open(
            connection,
            Profile::enduro(),
            Arc::clone(ambient),
        )?),
        encoder: Box::new(contacts),
        card_within: Duration::from_secs(10),
        witness: Some(Box::new(witness)),
    })
}

/// What is in the hopper was never fed, so it may as well be a blank of another series. One of this
/// series stays as it is.
fn put_blank(folder: &Path, number: u64, series: u8) -> Result<(), Box<dyn std::error::Error>> {
    let path = blank_file(folder, number);
    let named = AnyModel::named(&format!("series{series}"));
    // A retired series has no blanks, and its request is refused before any is fed.
    let named = named.filter(AnyModel::comes_blank);
    let model = named.unwrap_or_else(|| Model::series10().into());
    match SimCard::resume(&path)? {
        Some(there) if there.model_name() == model.name() => return Ok(()),
        Some(_) => std::fs::remove_file(&path)?,
        None => {}
    }
    SimCard::open(&path, &model, number, Condition::Blank)?;
    Ok(())
}

fn blank_file(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("card-{number}.card"))
}
