//! `firmware-sim station`: a printer and an encoder that share the way of the cards.

use std::path::PathBuf;
use std::thread;

use clap::Args;
use firmware_sim::card::{AnyModel, Condition, ModelError, SimCard};
use firmware_sim::contacts::{Chip, Contacts};
use firmware_sim::station::{ChipError, Config, SimStation};
use firmware_sim::vpcd::{self, Event, Stop};

use super::printer::{Build, Over, listen, say, until_over};
use crate::Failure;

/// Run a simulated print station: card printer and encoder, coupled
///
/// A hopper of numbered blank cards, a printer on a TCP port, and the encoder as the virtual
/// PC/SC reader: the card is in the reader only while the printer holds it on the contacts. Once
/// the printer listens, one line of JSON with its address goes to standard output, so that a
/// script can wait for it. It runs until it is killed.
///
/// With --state everything survives that: the next start finds each card where it was, a card on
/// the contacts still there, and goes on with the next blank.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  firmware-sim station --hopper 10 --printer-port 9100 --out printed
          Ten blank series 10 cards; pictures of the printed ones in printed/.
  firmware-sim station --state station --vpcd 127.0.0.1:35963
          A station that remembers its cards, with the encoder as `Virtual PCD 00 00`.
  firmware-sim station --fault contacts:2:jam --motion-time 500
          Card 2 gets stuck on its way to the contacts; every move takes half a second.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    build: Build,

    /// The kind of card: series10, series9, series8-v3, series8-v2, or the path of a
    /// model file
    #[arg(long, value_name = "NAME|FILE", default_value = "series10")]
    model: String,

    /// TCP port of the printer, on this computer only; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    printer_port: u16,

    /// Show the card on the contacts to the virtual PC/SC reader that listens there, such as
    /// 127.0.0.1:35963
    #[arg(long, value_name = "HOST:PORT")]
    vpcd: Option<String>,

    /// Remember hopper and cards in DIR
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let build = &arguments.build;
    let model = AnyModel::find(&arguments.model)?;
    if !model.comes_blank() {
        let name = model.name().to_owned();
        return Err(ModelError::NoBlank { name }.into());
    }
    let name = format!("sim:{}", model.name());
    let printer = build.model()?;
    let config = Config {
        printer: printer.setup,
        firmware: printer.firmware,
        first: build.first,
        state: arguments.state.clone(),
        ..Config::new(&name, build.hopper, ground::System::shared())
    };
    let folder = arguments.state.clone();
    let station = SimStation::open(config, move |number| {
        let chip = match &folder {
            Some(folder) => {
                let path = folder.join(format!("card-{number}.card"));
                SimCard::open(&path, &model, number, Condition::Blank)?
            }
            None => SimCard::new(&model, number, Condition::Blank),
        };
        Ok::<Box<dyn Chip>, ChipError>(Box::new(chip))
    })?;
    build.fault.iter().for_each(|fault| station.script(*fault));
    let server = listen(station.printer().clone(), arguments.printer_port)?;
    let (next, left) = {
        let machine = station.printer().machine();
        (machine.transport().next(), machine.transport().left())
    };
    say(&serde_json::json!({
        "printer": server.address(),
        "vpcd": arguments.vpcd,
        "next": next,
        "left": left,
        "inside": station.inside().map(|(number, _)| number),
    }))?;
    until_over(build, |over| {
        if let Some(address) = &arguments.vpcd {
            show(station.contacts(), address.clone(), over.clone());
        }
    })
}

/// Shows the contacts to the virtual reader from a thread of its own.
fn show(contacts: Contacts, address: String, over: Over) {
    thread::spawn(move || {
        let shown = vpcd::serve(&contacts, &address, &Stop::new(), |event| match event {
            Event::NoReader => eprintln!("no virtual reader at {address} yet; is pcscd running?"),
            Event::Inserted => eprintln!("card on the contacts"),
            Event::Removed => eprintln!("contacts open"),
        });
        // If the program ends for another reason nobody listens any more.
        let _ = over.send(shown);
    });
}
