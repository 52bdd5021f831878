//! Simulated cards and the published images.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use card_image::CardImage;
use comparison::{CaptureError, CaptureOptions, capture};
use firmware_sim::card::{Model, PivChip};
use firmware_sim::contacts::Contacts;
use ground::{Ambient, Virtual};
use iso7816::{Link, Reader};
use piv::secrets::Passcode;

pub(crate) fn ambient() -> Arc<dyn Ambient> {
    Arc::new(Virtual::new(1))
}

/// Contacts with this card on them; the card stays there between connections.
pub(crate) fn contacts(chip: PivChip) -> Contacts {
    let contacts = Contacts::new("sim:test");
    contacts.close_on(Box::new(chip));
    contacts
}

pub(crate) fn connect(contacts: &Contacts) -> Box<dyn Link> {
    contacts.clone().connect(Duration::ZERO).unwrap()
}

pub(crate) fn options() -> CaptureOptions {
    CaptureOptions::new("test 1")
}

pub(crate) fn with_passcode(digits: &str) -> CaptureOptions {
    CaptureOptions {
        passcode: Some(Passcode::new(digits).unwrap()),
        ..options()
    }
}

pub(crate) fn take(
    contacts: &Contacts,
    options: &CaptureOptions,
) -> Result<CardImage, CaptureError> {
    capture(connect(contacts), options, &ambient())
}

/// A capture of a card nobody else uses.
pub(crate) fn capture_of(chip: PivChip, options: &CaptureOptions) -> CardImage {
    take(&contacts(chip), options).unwrap()
}

pub(crate) fn personalised(number: u64) -> PivChip {
    PivChip::personalised(&Model::series10(), number)
}

/// The published card images, or `None` with a plain word where there are none.
pub(crate) fn published() -> Option<PathBuf> {
    let data = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = data.join("icam");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no test data at {}", folder.display());
    None
}

pub(crate) const CARDS: [&str; 4] = [
    "01_Golden_PIV",
    "02_Golden_PIV-I",
    "37_Golden_FIPS_201-2_PIV_PPS_F=512_D=64",
    "46_Golden_FIPS_201-2_PIV",
];
