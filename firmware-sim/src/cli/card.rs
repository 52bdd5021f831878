//! `firmware-sim card`: a card in the virtual PC/SC reader.

use std::path::{Path, PathBuf};

use card_image::CardImage;
use clap::Args;
use firmware_sim::card::{
    AnyModel, Condition, Interface, Model, ModelError, NullChip, PivChip, SimCard,
};
use firmware_sim::contacts::{Chip, Contacts};
use firmware_sim::vpcd::{self, Event, Stop};

use crate::Failure;

/// Put a simulated card into the virtual PC/SC reader
///
/// The card appears to every PC/SC program as if it lay in the reader `Virtual PCD 00 00`.
/// It stays until this program ends; Ctrl-C takes it out.
///
/// The reader is part of vsmartcard: on Debian, install `pcscd` and `vsmartcard-vpcd`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  firmware-sim card
          A personalised series 10 card, number 1. PIN 123456, PUK 12345678.
  firmware-sim card --blank --number 4711 --state 4711.card
          A blank that remembers what is done to it. Give --state 4711.card alone to go on.
  firmware-sim card --model series9 --vpcd 127.0.0.1:35964
          A series 9 card in the second slot of the reader.
  firmware-sim card --model series8-v3
          A series 8 card with AuthentIC v3.2.2, or series8-v2 with v2.2. Passcode 12345678.
  firmware-sim card --contactless
          The personalised card held to a contactless reader. What needs a PIN needs secure
          messaging and the pairing code first.
  firmware-sim card --image 46_Golden_FIPS_201-2_PIV
          What the folder holds, objects and keys, on a card of series 10. PIN 123456,
          PUK 12345678. A capture file does as well; it has no keys.
  firmware-sim card --null
          A card that answers 9000 to anything, to measure everything but the card.")]
pub(crate) struct Arguments {
    /// The kind of card: series10, series9, series8-v3, series8-v2, the retired series6, series5
    /// and series4, or the path of a model file
    /// [default: series10]
    #[arg(long, value_name = "NAME|FILE")]
    model: Option<String>,

    /// The card's number: serial and seed. The same number is the same card, keys and all
    /// [default: 1]
    #[arg(long, visible_alias = "seed", value_name = "N")]
    number: Option<u64>,

    /// As from the factory: no objects, delivered PIN, PUK and administration key
    #[arg(long, conflicts_with = "personalised")]
    blank: bool,

    /// With keys, certificates of a simulated authority, and identity objects (the default)
    #[arg(long)]
    personalised: bool,

    /// A card that holds what a card image holds: a folder with one file per data object and its
    /// keys, or a file made by `cardwright capture`. PIN, PUK and what the chip can do are the
    /// model's
    #[arg(long, value_name = "DIR|FILE", conflicts_with_all = ["blank", "personalised"])]
    image: Option<PathBuf>,

    /// Keep the card in FILE, which survives the end of this program
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// Speak to the card through its antenna instead of its contacts
    #[arg(long)]
    contactless: bool,

    /// Where the virtual reader listens
    #[arg(long, value_name = "HOST:PORT", default_value = vpcd::DEFAULT_ADDRESS)]
    vpcd: String,

    /// A card that answers 9000 to anything
    #[arg(long, conflicts_with_all = ["number", "blank", "personalised", "image", "state", "contactless"])]
    null: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (chip, what) = chip(arguments)?;
    let contacts = Contacts::new("sim:card");
    contacts.close_on(chip);
    let address = &arguments.vpcd;
    vpcd::serve(&contacts, address, &Stop::new(), |event| match event {
        Event::NoReader => eprintln!("no virtual reader at {address} yet; is pcscd running?"),
        Event::Inserted => eprintln!("{what} inserted in the virtual reader at {address}"),
        Event::Removed => eprintln!("{what} removed"),
    })?;
    Ok(())
}

/// The chip asked for, and what to call it.
fn chip(arguments: &Arguments) -> Result<(Box<dyn Chip>, String), Failure> {
    let asked = arguments.model.as_deref().map(AnyModel::find).transpose()?;
    if arguments.null {
        let model = asked.unwrap_or_else(|| Model::series10().into());
        return Ok((Box::new(NullChip::new(model.atr())), "null card".to_owned()));
    }
    if let Some(path) = &arguments.image {
        let model = match asked {
            None => Model::series10(),
            Some(AnyModel::Piv(model)) => *model,
            Some(other) => {
                let name = other.name().to_owned();
                return Err(ModelError::NoPiv { name }.into());
            }
        };
        return image_chip(arguments, path, &model);
    }
    let condition = if arguments.blank {
        Condition::Blank
    } else {
        Condition::Personalised
    };
    // What is not asked for is as the state file has it.
    let found = match &arguments.state {
        Some(path) => SimCard::resume(path)?.map(|card| (card.model(), card.number())),
        None => None,
    };
    let (model, number) = found.unwrap_or_else(|| (Model::series10().into(), 1));
    let model = asked.unwrap_or(model);
    if arguments.blank && !model.comes_blank() {
        let name = model.name().to_owned();
        return Err(ModelError::NoBlank { name }.into());
    }
    let number = arguments.number.unwrap_or(number);
    let mut card = match &arguments.state {
        Some(path) => SimCard::open(path, &model, number, condition)?,
        None => SimCard::new(&model, number, condition),
    };
    let mut what = format!("{} card {number}", model.name());
    match &mut card {
        SimCard::Piv(chip) => hold_to(arguments, chip, &mut what)?,
        _ if arguments.contactless => {
            let name = model.name().to_owned();
            return Err(ModelError::NoContactless { name }.into());
        }
        _ => {}
    }
    Ok((Box::new(card), what))
}

/// The chip with the contents of a card image.
fn image_chip(
    arguments: &Arguments,
    path: &Path,
    model: &Model,
) -> Result<(Box<dyn Chip>, String), Failure> {
    let image = CardImage::load(path)?;
    let number = arguments.number.unwrap_or(1);
    let mut chip = match &arguments.state {
        Some(state) => PivChip::open_image(state, model, &image, number)?,
        None => PivChip::from_image(model, &image, number)?,
    };
    let mut what = format!("card image `{}` on {}", image.source, model.name);
    hold_to(arguments, &mut chip, &mut what)?;
    Ok((Box::new(chip), what))
}

/// Holds the card to a contactless reader, if that was asked for.
fn hold_to(arguments: &Arguments, chip: &mut PivChip, what: &mut String) -> Result<(), Failure> {
    if arguments.contactless {
        chip.set_interface(Interface::Contactless)?;
        *what += ", contactless,";
    }
    Ok(())
}
