//! Jobs of the Magicard families.

use plastic::{Area, Bitmap, Raster};
use serde_json::{Value, json};

use super::options::{self, Rotated};
use super::side::{Plane, Side, scaled};
use super::{DecodeOptions, Decoded, EncodeOptions, Family, FamilyError, Hole, Panels, refuse};
use crate::Job;
use crate::magicard::words::{DOTS, LINES, PICTURE_DOTS};
use crate::magicard::{
    self, Dots, Format, Head, Ink, JobOptions, Layout, NORMAL, Overcoat, Page, Placement, Profile,
    Query, Rectangle, Word,
};

const INKS: [(Ink, &str); 4] = [
    (Ink::Yellow, "yellow"),
    (Ink::Magenta, "magenta"),
    (Ink::Cyan, "cyan"),
    (Ink::Black, "black"),
];

/// The family of a job that starts as one of them does. The head word is near the start of the
/// header; Enduro's is taken where it cannot be found.
pub(super) fn family(bytes: &[u8]) -> Family {
    let start = &bytes[..bytes.len().min(1024)];
    if start.windows(5).any(|word| word == b",KEE,") {
        Family::MagicardRioTango
    } else {
        Family::MagicardEnduro
    }
}

fn profile(family: Family) -> Profile {
    match family {
        Family::MagicardRioTango => Profile::rio_tango(),
        _ => Profile::enduro(),
    }
}

pub(super) fn encode(
    family: Family,
    job: &Job,
    options: &EncodeOptions,
) -> Result<Vec<u8>, FamilyError> {
    let profile = profile(family);
    let rio = family == Family::MagicardRioTango;
    refuse(
        family,
        &[
            (
                rio && options.head_type.is_some(),
                "head-type",
                "it has one head only",
            ),
            (
                rio && options.resin.is_some(),
                "resin-quality",
                "its jobs have no word for it",
            ),
            (
                rio && options.firmware.is_some(),
                "firmware",
                "its jobs do not name it",
            ),
            (
                options.dialect.is_some(),
                "dialect",
                "its jobs have one form",
            ),
            (
                options.model.is_some(),
                "model",
                "its jobs are for every model",
            ),
        ],
    )?;
    let head_type = match options.head_type.unwrap_or(0) {
        known @ 0..=2 => known,
        other => {
            return Err(FamilyError::bad_job(format!(
                "head type {other} is not known (known: 0, 1, 2)"
            )));
        }
    };
    let head = profile.head.value.head(head_type);
    let layout = Layout::of(head).expect("a profile names no head without a layout");
    let mut version = profile.version.value.clone();
    if let Some(firmware) = &options.firmware {
        if !firmware
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b',')
        {
            return Err(FamilyError::bad_job(format!(
                "firmware `{firmware}` cannot stand in a header"
            )));
        }
        version = format!("{version}-{firmware}");
    }
    let job_options = JobOptions {
        copies: job.copies,
        language: profile.language.value.clone(),
        resin: options.resin.unwrap_or_default(),
        head,
        margin: margin(layout, options.head_position, &profile),
        ..JobOptions::new(version, options.time)
    };
    let rotated = rotated(options.rotated, &profile);
    let side = |separation, turned, holes: &[Hole]| magicard::Side {
        separation,
        format: match options.panels {
            Panels::Colour => Format::Ymck,
            Panels::Dye => Format::Ymc,
            Panels::Mono | Panels::Black => Format::K,
        },
        black_as_dye: options.black_as_dye,
        turned,
        overcoat: job.overcoat.then(|| Overcoat {
            holes: holes.iter().map(|hole| hole.rectangle()).collect(),
            ..Overcoat::default()
        }),
    };
    let front = job.front.as_ref();
    let front = front.map(|front| side(front, rotated.front, &options.front_holes));
    let back = job.back.as_ref();
    let back = back.map(|back| side(back, rotated.back, &options.back_holes));
    magicard::build(&job_options, front.as_ref(), back.as_ref())
        .map(|job| job.encode())
        .map_err(|error| FamilyError::bad_job(error.to_string()))
}

fn margin(layout: Layout, head_position: Option<u32>, profile: &Profile) -> usize {
    let adjustment = i32::from(profile.head_adjustment.value);
    layout.margin(head_position.unwrap_or(NORMAL), adjustment)
}

fn rotated(given: Option<Rotated>, profile: &Profile) -> Rotated {
    given.unwrap_or(Rotated {
        front: false,
        back: profile.back_turned.value,
    })
}

pub(super) fn decode(
    family: Family,
    bytes: &[u8],
    options: &DecodeOptions,
) -> Result<Decoded, FamilyError> {
    let job = magicard::Job::decode(bytes)?;
    let profile = profile(family);
    let mut pages = Vec::new();
    let mut sides: Vec<Side> = Vec::new();
    for (number, page) in (1..).zip(&job.pages) {
        let head = page.head().unwrap_or_default();
        let found = if head == Head::Kee {
            Family::MagicardRioTango
        } else {
            Family::MagicardEnduro
        };
        // The second page of a job may leave the head word out.
        if page.head().is_some() && found != family {
            return Err(FamilyError::OtherFamily { family, found });
        }
        let layout = match (page.head(), family) {
            (None, Family::MagicardRioTango) => Layout::Kee,
            _ => Layout::of(head).ok_or(FamilyError::BadJob {
                detail: format!(
                    "planes for head `{}` cannot be read (known: KGE2, KEE1, KEE4, KEE)",
                    head.name()
                ),
            })?,
        };
        let back = page.header().contains(&Word::BackOnly)
            || page.header().contains(&Word::Page(2))
            || sides.iter().any(|side| side.name == "front");
        let turned = rotated(options.rotated, &profile);
        let placement = Placement {
            layout,
            margin: margin(layout, options.head_position, &profile),
            turned: if back { turned.back } else { turned.front },
        };
        let (side, off_the_face) = side(page, number, placement, back)?;
        pages.push(described(page, &side, placement, off_the_face));
        // A job of two backs is odd; its second page still gets a name of its own.
        let twice = sides.iter().any(|earlier| earlier.name == side.name);
        sides.push(Side {
            name: if twice { "front" } else { side.name },
            ..side
        });
    }
    Ok(Decoded {
        family,
        header: json!({
            "family": family,
            "questions": job.queries.iter().map(question).collect::<Vec<_>>(),
            "pages": pages,
        }),
        sides,
    })
}

fn question(query: &Query) -> String {
    query.text().escape_ascii().to_string()
}

/// The side, and how many dots of ink lie beside the face.
fn side(
    page: &Page,
    number: usize,
    placement: Placement,
    back: bool,
) -> Result<(Side, usize), FamilyError> {
    let mut planes = Vec::new();
    let mut picture = Raster::white(plastic::WIDTH, plastic::HEIGHT);
    let mut off_the_face = 0;
    for (ink, name) in INKS {
        if !page.planes().iter().any(|plane| plane.ink() == ink) {
            continue;
        }
        let dots = page.dots(placement.layout, ink);
        let dots = dots.map_err(|source| FamilyError::MagicardPlane {
            page: number,
            ink: ink.letter(),
            source,
        })?;
        let on_the_face = lay(&dots, placement, &mut picture);
        let mut values = Vec::with_capacity(LINES * DOTS);
        for line in 0..LINES {
            values.extend_from_slice(dots.line(line));
        }
        off_the_face += values.iter().filter(|value| **value != 0).count() - on_the_face;
        planes.push(Plane {
            name,
            width: DOTS as u32,
            height: LINES as u32,
            full: ink.full(),
            ink: true,
            values,
        });
    }
    let side = Side {
        name: if back { "back" } else { "front" },
        planes,
        picture,
        overcoat: overcoat(page, placement.turned),
    };
    Ok((side, off_the_face))
}

/// Lays the ink of a panel on the picture; returns how many dots have any.
fn lay(dots: &Dots, placement: Placement, picture: &mut Raster) -> usize {
    let ink = dots.ink();
    let mut inked = 0;
    for y in 0..PICTURE_DOTS {
        let row = picture.row_mut(u32::try_from(y).expect("below 642"));
        for (x, dot) in row.chunks_exact_mut(3).enumerate() {
            let Some((line, place)) = placement.of(x, y) else {
                continue;
            };
            let value = dots.get(line, place);
            if value == 0 {
                continue;
            }
            inked += 1;
            match ink.channel() {
                Some(channel) => dot[channel] = 255 - scaled(value, ink.full()),
                None => dot.fill(0),
            }
        }
    }
    inked
}

/// Where the overcoat goes on the upright face.
fn overcoat(page: &Page, turned: bool) -> Option<Bitmap> {
    if !page.header().contains(&Word::Overcoat(true)) {
        return None;
    }
    let areas = |wanted: fn(&Word) -> Option<Rectangle>| -> Vec<Area> {
        let words = page.header().iter().filter_map(wanted);
        words.filter_map(options::area).collect()
    };
    let laid = areas(|word| match word {
        Word::OvercoatArea(area) => Some(*area),
        _ => None,
    });
    let holes = areas(|word| match word {
        Word::OvercoatHole(hole) => Some(*hole),
        _ => None,
    });
    let covers = |x: u32, y: u32| {
        // Without a word for it, everywhere.
        (laid.is_empty() || laid.iter().any(|area| area.contains(x, y)))
            && !holes.iter().any(|hole| hole.contains(x, y))
    };
    // Areas are in the printer's coordinates and do not turn with the side.
    Some(Bitmap::from_fn(plastic::WIDTH, plastic::HEIGHT, |x, y| {
        if turned {
            covers(plastic::WIDTH - 1 - x, plastic::HEIGHT - 1 - y)
        } else {
            covers(x, y)
        }
    }))
}

fn described(page: &Page, side: &Side, placement: Placement, off_the_face: usize) -> Value {
    let words: Vec<String> = page
        .header()
        .iter()
        .map(|word| word.to_bytes().escape_ascii().to_string())
        .collect();
    let planes: Vec<Value> = page
        .planes()
        .iter()
        .map(|plane| {
            json!({
                "letter": plane.ink().letter().to_string(),
                "bytes": plane.data().len(),
            })
        })
        .collect();
    json!({
        "side": side.name,
        "head": page.head().map(Head::name),
        "words": words,
        "planes": planes,
        "overcoat": side.overcoat.is_some(),
        "first_dot": placement.margin,
        "rotated": placement.turned,
        "ink_off_the_face": off_the_face,
    })
}
