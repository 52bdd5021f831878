//! Files: transcripts, card images, profiles and models.

use std::sync::Arc;

use card_image::CardImage;
use firmware_sim::card::Model;
use iso7816::describe::fold;
use iso7816::{Link, ReplayLink, Transcript};
use series::Profile;

pub(crate) fn transcript(bytes: &[u8]) {
    let transcript = match Transcript::read(bytes) {
        Ok(transcript) => transcript,
        Err(error) => {
            let _ = error.to_string();
            return;
        }
    };
    let _ = fold(transcript.exchanges());
    let mut replay = ReplayLink::new(Arc::new(transcript));
    for _ in 0..replay.remaining().min(64) {
        let _ = replay.transmit(&[0x00, 0xA4, 0x04, 0x00]);
    }
}

pub(crate) fn card_image(bytes: &[u8]) {
    match CardImage::parse_capture("fuzz.json", bytes) {
        Ok(image) => drop(format!("{image:?}")),
        Err(error) => drop(error.to_string()),
    }
}

pub(crate) fn profile(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Profile::parse("fuzz.toml", text) {
        Ok(profile) => {
            let _ = profile.unknowns();
            let again = Profile::parse("fuzz.toml", &profile.to_toml());
            assert_eq!(again.expect("what is written is parsed"), profile);
        }
        Err(error) => drop(error.to_string()),
    }
}

pub(crate) fn printer_profile(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let refused = [
        printers::magicard::Profile::parse(text).err(),
        printers::matica::Profile::parse(text).err(),
        printers::rio_pro_360::Profile::parse(text).err(),
    ];
    for error in refused.into_iter().flatten() {
        let _ = error.to_string();
    }
}

pub(crate) fn card_model(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Err(error) = Model::parse(text) {
        let _ = error.to_string();
    }
}
