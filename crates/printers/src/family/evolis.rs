//! Jobs of the Evolis family.

use plastic::Separation;
use serde_json::{Value, json};

use super::side::{Plane, Side};
use super::{DecodeOptions, Decoded, EncodeOptions, Family, FamilyError, Hole, Panels, refuse};
use crate::Job;
use crate::evolis::words::{DOTS, LINES};
use crate::evolis::{self, Coding, DecodedSide, Dialect, Item, JobOptions, Panel, Profile, Stream};

const FAMILY: Family = Family::Evolis;

pub(super) fn encode(job: &Job, options: &EncodeOptions) -> Result<Vec<u8>, FamilyError> {
    let one_head = "its jobs are not shifted, whatever the head";
    refuse(
        FAMILY,
        &[
            (
                options.black_as_dye,
                "black-as-dye",
                "its jobs have no word for it; a job for dye alone prints without resin",
            ),
            (
                options.resin.is_some(),
                "resin-quality",
                "its jobs have no word for it",
            ),
            (options.head_type.is_some(), "head-type", one_head),
            (options.head_position.is_some(), "head-position", one_head),
            (
                options.firmware.is_some(),
                "firmware",
                "its jobs do not name it",
            ),
            (
                options.model.is_some(),
                "model",
                "its jobs are for every model",
            ),
        ],
    )?;
    let profile = match options.dialect {
        Some(Dialect::Plain) => Profile::evolis_line(),
        _ => Profile::evolis(),
    };
    let ribbon = match (options.panels, job.overcoat) {
        (Panels::Colour | Panels::Dye, _) => "YMCKO",
        (Panels::Mono | Panels::Black, true) => "KO",
        (Panels::Mono | Panels::Black, false) => "black",
    };
    let ribbon = profile.ribbon(ribbon).ok_or_else(|| {
        FamilyError::bad_job(format!(
            "the profile of the family has no ribbon `{ribbon}`"
        ))
    })?;
    let mut job_options = JobOptions::new(&profile, ribbon, options.time);
    if let Some(dialect) = options.dialect {
        job_options.dialect = dialect;
    }
    if let Some(rotated) = options.rotated {
        job_options.turned = [rotated.front, rotated.back];
    }
    let job = Job {
        front: job
            .front
            .as_ref()
            .map(|side| with_holes(side, &options.front_holes)),
        back: job
            .back
            .as_ref()
            .map(|side| with_holes(side, &options.back_holes)),
        ..job.clone()
    };
    evolis::encode(&job, &job_options).map_err(|error| FamilyError::bad_job(error.to_string()))
}

/// The side with more holes in its overcoat.
pub(super) fn with_holes(side: &Separation, holes: &[Hole]) -> Separation {
    let mut side = side.clone();
    side.overcoat_holes
        .extend(holes.iter().map(|hole| hole.area()));
    side
}

pub(super) fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<Decoded, FamilyError> {
    if options.head_position.is_some() {
        return Err(FamilyError::option(
            FAMILY,
            "head-position",
            "its jobs are not shifted",
        ));
    }
    let profile = Profile::evolis();
    let turned = options.rotated.map_or(
        [profile.front_turned.value, profile.back_turned.value],
        |rotated| [rotated.front, rotated.back],
    );
    let stream = Stream::decode(bytes)?;
    let cards = stream.cards();
    let alike = cards.iter().all(|card| *card == cards[0]);
    // Copies are whole cards one after the other; the first one shows them all.
    let decoded = evolis::decode(first_card(bytes, &stream), turned)?;
    if decoded.is_empty() {
        return Err(FamilyError::bad_job("there is no bitmap in it"));
    }
    let sides = decoded.iter().map(side).collect::<Result<Vec<_>, _>>()?;
    Ok(Decoded {
        family: FAMILY,
        header: json!({
            "family": FAMILY,
            "cards": cards.len(),
            "cards_alike": alike,
            "items": stream.items.iter().map(described).collect::<Vec<_>>(),
        }),
        sides,
    })
}

/// The bytes up to the end of the first card that has a bitmap.
fn first_card<'a>(bytes: &'a [u8], stream: &Stream) -> &'a [u8] {
    let mut end = 0;
    let mut has_bitmap = false;
    for item in &stream.items {
        end += item.size();
        match item {
            Item::Bitmap(_) => has_bitmap = true,
            Item::Command(command) if has_bitmap && command.name() == b"Se" => break,
            _ => {}
        }
    }
    &bytes[..end]
}

fn side(decoded: &DecodedSide) -> Result<Side, FamilyError> {
    let mut planes: Vec<Plane> = Vec::new();
    for (panel, dots) in &decoded.panels {
        let name = panel_name(*panel);
        if planes.iter().any(|earlier| earlier.name == name) {
            return Err(FamilyError::bad_job(format!(
                "panel `{}` comes twice on one side",
                panel.letter()
            )));
        }
        planes.push(Plane {
            name,
            width: DOTS as u32,
            height: LINES as u32,
            full: dots.levels().full(),
            ink: true,
            values: dots.values().to_vec(),
        });
    }
    let varnished = decoded
        .panels
        .iter()
        .any(|(panel, _)| *panel == Panel::Overlay);
    Ok(Side {
        name: if decoded.back { "back" } else { "front" },
        planes,
        picture: decoded.face.picture(),
        overcoat: varnished.then(|| decoded.face.overlay.clone()),
    })
}

const fn panel_name(panel: Panel) -> &'static str {
    match panel {
        Panel::Yellow => "yellow",
        Panel::Magenta => "magenta",
        Panel::Cyan => "cyan",
        Panel::Black => "black",
        Panel::Overlay => "varnish",
    }
}

fn described(item: &Item) -> Value {
    match item {
        Item::Command(command) => json!({ "command": command.to_string() }),
        Item::Bitmap(bitmap) => json!({
            "panel": bitmap.panel().letter().to_string(),
            "shades": bitmap.levels().number(),
            "compressed": bitmap.coding() == Coding::Compressed,
            "bytes": bitmap.data().len(),
        }),
        Item::Tags(text) => json!({ "tags": text }),
        Item::Filling(zeros) => json!({ "zeros": zeros }),
    }
}
