//! Print jobs of every family, and what a print queue answers.

use printers::family::{DecodeOptions, Family};
use printers::ipp::raster::Document;
use printers::ipp::{JobState, QueueState};

pub(crate) fn pwg_raster(bytes: &[u8]) {
    match Document::decode(bytes) {
        Ok(document) => {
            let again = Document::decode(&document.encode()).expect("what is written is read");
            assert_eq!(again, document);
            for page in &document.pages {
                let picture = page.picture();
                assert_eq!(picture.width(), page.header().width);
            }
        }
        Err(error) => drop(error.to_string()),
    }
}

pub(crate) fn ipp_reply(bytes: &[u8]) {
    match QueueState::parse(bytes) {
        Ok(state) => drop(format!("{state:?}")),
        Err(error) => drop(error.to_string()),
    }
    match (JobState::parse(bytes), JobState::parse_all(bytes)) {
        (Ok(job), Ok(jobs)) => assert_eq!(jobs.first(), Some(&job)),
        (Err(error), _) => drop(error.to_string()),
        (Ok(job), Err(error)) => panic!("{job:?}, but {error}"),
    }
}

pub(crate) fn printer_family(bytes: &[u8]) {
    let _ = Family::recognise(bytes);
    for family in Family::ALL {
        match family.decode(bytes, &DecodeOptions::default()) {
            Ok(decoded) => {
                assert_eq!(decoded.family, family);
                for plane in decoded.sides.iter().flat_map(|side| &side.planes) {
                    let dots = plane.width as usize * plane.height as usize;
                    assert_eq!(plane.values.len(), dots);
                }
            }
            Err(error) => drop(error.to_string()),
        }
    }
}
