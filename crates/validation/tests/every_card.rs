//! Whatever card image lies among the test data can be put on a simulated chip and be validated to
//! the end: each departure named with its clause, the card left as it was.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use card_image::CardImage;
use firmware_sim::card::{Model, PivChip};
use firmware_sim::contacts::Contacts;
use ground::Ambient;
use iso7816::Reader;
use piv::secrets::Passcode;
use validation::{Settings, Verdict, validate};

/// The PIN of a simulated card.
const PIN: &str = "123456";

/// The folders with a CHUID among the test data, or none with a plain word.
fn images() -> Vec<PathBuf> {
    let data = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = data.join("icam");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no test data at {}", folder.display());
        return Vec::new();
    };
    let mut images: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a folder that can be listed").path())
        .filter(|path| path.join("8 - CHUID Object").is_file())
        .collect();
    images.sort();
    images
}

#[test]
fn every_card_image_there_is_can_be_validated_to_the_end() {
    let ambient: Arc<dyn Ambient> = ground::System::shared();
    for path in images() {
        let shown = path.display();
        let image = CardImage::load(&path).unwrap();
        let chip = PivChip::from_image(&Model::series10(), &image, 1).unwrap();
        let mut contacts = Contacts::new("sim:image");
        contacts.close_on(Box::new(chip));
        let settings = Settings {
            profile: Some("generic-piv".to_owned()),
            passcode: Some(Passcode::new(PIN).unwrap()),
            retired: true,
            ..Settings::default()
        };
        let link = contacts.connect(Duration::ZERO).unwrap();
        let report = validate(link, &settings, &ambient, &mut |_, _, _| {}).unwrap();

        assert_eq!(report.aftermath.differences, [""; 0], "{shown}");
        assert!(report.summary.pass > 100, "{shown}: {:?}", report.summary);
        let mut failed = Vec::new();
        for outcome in report.findings() {
            assert!(!outcome.deviations.is_empty(), "{shown}: {}", outcome.id);
            assert!(!outcome.clause.is_empty(), "{shown}: {}", outcome.id);
            if outcome.verdict == Verdict::Fail {
                failed.push(&*outcome.id);
            }
        }
        println!("{shown}: {:?}, failed: {failed:?}", report.summary);
    }
}
