//! Simulated cards with something in between that watches or spoils, and everything an operator
//! may give or permit.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use card_image::CardImage;
use firmware_sim::card::nvm::Cell;
use firmware_sim::card::{Interface, Model, PivChip, Reference};
use firmware_sim::contacts::{Chip, Contacts};
use iso7816::ber::Tag;
use iso7816::{Disposition, Link, LinkError, Protocol, Reader, Reset};
use piv::objects::PairingCode;
use piv::secrets::{AdminKey, Passcode, Puk};
use piv::words::{Algorithm, KeyReference};
use validation::{Permits, Report, Settings, ValidationError, validate};

const PUK: &[u8; 8] = b"12345678";
const ADMIN_KEY: [u8; 24] = [
    1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8,
];

/// What stands between a reader and a chip.
pub(crate) trait Between: Send {
    /// The response to a command; `chip` is the card itself.
    fn answer(&mut self, chip: &mut PivChip, command: &[u8]) -> Vec<u8>;

    /// The power is taken away.
    fn off(&mut self, _chip: &PivChip) {}

    /// The card is reset.
    fn reset(&mut self, chip: &mut PivChip) -> Vec<u8> {
        chip.power_on()
    }
}

/// Sends a command to the card. Its key 9D and that key's certificate are also the retired key 82
/// and its certificate, which a simulated card cannot be given otherwise.
pub(crate) fn pass(chip: &mut PivChip, command: &[u8]) -> Vec<u8> {
    const GET_RETIRED: &[u8] = &[0x5C, 0x03, 0x5F, 0xC1, 0x0D];
    let mut command = command.to_vec();
    match command[..] {
        [_, 0xCB, ..] => {
            if let Some(at) = command.windows(5).position(|part| part == GET_RETIRED) {
                command[at + 4] = 0x0B;
            }
        }
        [_, 0x87, _, 0x82, ..] => command[3] = 0x9D,
        _ => {}
    }
    chip.transmit(&command)
}

/// Nothing in between, and no retired key lent.
pub(crate) struct Direct;

impl Between for Direct {
    fn answer(&mut self, chip: &mut PivChip, command: &[u8]) -> Vec<u8> {
        chip.transmit(command)
    }
}

/// Nothing in between.
pub(crate) struct Nothing;

impl Between for Nothing {
    fn answer(&mut self, chip: &mut PivChip, command: &[u8]) -> Vec<u8> {
        pass(chip, command)
    }
}

struct Wrapped<B> {
    chip: PivChip,
    between: Arc<Mutex<B>>,
}

impl<B: Between> Chip for Wrapped<B> {
    fn power_on(&mut self) -> Vec<u8> {
        self.between.lock().unwrap().reset(&mut self.chip)
    }

    fn power_off(&mut self) {
        self.between.lock().unwrap().off(&self.chip);
        self.chip.power_off();
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.between.lock().unwrap().answer(&mut self.chip, command)
    }
}

pub(crate) fn link<B: Between + 'static>(chip: PivChip, between: &Arc<Mutex<B>>) -> Box<dyn Link> {
    let mut contacts = Contacts::new("sim:test");
    contacts.close_on(Box::new(Wrapped {
        chip,
        between: Arc::clone(between),
    }));
    contacts.connect(Duration::ZERO).unwrap()
}

/// The card every test has.
pub(crate) fn chip(model: &Model, interface: Interface) -> PivChip {
    let mut chip = PivChip::personalised(model, 5);
    chip.set_interface(interface).unwrap();
    chip
}

/// Nothing given, nothing permitted.
pub(crate) fn bare() -> Settings {
    Settings {
        retired: true,
        ..Settings::default()
    }
}

/// Everything given and permitted on the card every test has.
pub(crate) fn everything(model: &Model) -> Settings {
    everything_on(&PivChip::personalised(model, 5))
}

/// Everything given and permitted on this card.
pub(crate) fn everything_on(chip: &PivChip) -> Settings {
    let code = chip.memory().get(Cell::Object(Tag(0x5F_C123)));
    let code = code.and_then(|object| {
        let value = iso7816::ber::expect(Tag(0x53), object).unwrap();
        PairingCode::parse(value).unwrap().0
    });
    Settings {
        passcode: Some(Passcode::new("123456").unwrap()),
        puk: Some(Puk::new(*PUK)),
        admin_key: Some(AdminKey::as_delivered(Algorithm::Aes192, &ADMIN_KEY).unwrap()),
        pairing_code: code,
        permits: Permits {
            write: true,
            pin_tries: 3,
            test_card: Some(guid(chip)),
            spare_key: Some(KeyReference::KeyManagement),
        },
        ..bare()
    }
}

fn guid(chip: &PivChip) -> String {
    let object = chip.memory().get(Cell::Object(Tag(0x5F_C102))).unwrap();
    let value = iso7816::ber::expect(Tag(0x53), object).unwrap();
    let chuid = piv::objects::Chuid::parse(value).unwrap().value;
    chuid.guid.unwrap().to_string()
}

pub(crate) fn run(
    link: Box<dyn Link>,
    settings: &Settings,
    progress: &mut dyn FnMut(usize, usize, &str),
) -> Result<Report, ValidationError> {
    validate(link, settings, &ground::System::shared(), progress)
}

/// A run over a sound card.
pub(crate) fn run_sound(model: &Model, interface: Interface, settings: &Settings) -> Report {
    let between = Arc::new(Mutex::new(Nothing));
    run(
        link(chip(model, interface), &between),
        settings,
        &mut |_, _, _| {},
    )
    .unwrap()
}

/// A link that says it speaks T=0, where a command with data has no Le.
pub(crate) struct OverT0(pub(crate) Box<dyn Link>);

impl Link for OverT0 {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn atr(&self) -> &[u8] {
        self.0.atr()
    }

    fn protocol(&self) -> Protocol {
        Protocol::T0
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        let case_4 = command.len() > 5 && command.len() == 6 + usize::from(command[4]);
        assert!(!case_4, "a command with data and Le over T=0");
        self.0.transmit(command)
    }

    fn reset(&mut self, reset: Reset) -> Result<(), LinkError> {
        self.0.reset(reset)
    }

    fn disconnect(self: Box<Self>, disposition: Disposition) -> Result<(), LinkError> {
        self.0.disconnect(disposition)
    }
}

/// The published ICAM cards, with their private keys, on a chip of series 10.
pub(crate) fn published() -> Vec<(String, PivChip)> {
    let data = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = data.join("icam");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no test data at {}", folder.display());
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("_Golden_"))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "no card in {}", folder.display());
    let mut model = Model::series10();
    // Some of their Discovery Objects name one.
    model.global_pin = Some(Reference::new("111111", 3));
    let on_chip = |name: String| {
        let image = CardImage::load(folder.join(&name)).unwrap();
        assert!(image.keys.len() >= 4, "{name}");
        let chip = PivChip::from_image(&model, &image, 5).unwrap();
        (name, chip)
    };
    names.into_iter().map(on_chip).collect()
}
