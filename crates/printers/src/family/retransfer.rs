//! Jobs of the families that print with whole bytes of ink: Rio Pro 360 and Matica XID.

use serde_json::json;

use super::evolis::with_holes;
use super::options::Rotated;
use super::side::{Plane, Side, turned, turned_bitmap};
use super::{DecodeOptions, Decoded, EncodeOptions, Family, FamilyError, Hole, Panels, refuse};
use crate::matica::{self, Command, Frame};
use crate::rio_pro_360::{self, Overcoat};
use crate::{Job, JobSide};

const RIO: Family = Family::RioPro360;
const MATICA: Family = Family::MaticaXid;

const NO_SHIFT: &str = "its jobs are not shifted, whatever the head";
const NO_WORD: &str = "its jobs have no word for it";

pub(super) fn encode_rio_pro_360(
    job: &Job,
    options: &EncodeOptions,
) -> Result<Vec<u8>, FamilyError> {
    refuse(
        RIO,
        &[
            (options.resin.is_some(), "resin-quality", NO_WORD),
            (options.head_type.is_some(), "head-type", NO_SHIFT),
            (options.head_position.is_some(), "head-position", NO_SHIFT),
            (options.firmware.is_some(), "firmware", NO_WORD),
            (
                options.model.is_some(),
                "model",
                "its jobs are for one model",
            ),
            (
                options.dialect.is_some(),
                "dialect",
                "its jobs have one form",
            ),
        ],
    )?;
    let profile = rio_pro_360::Profile::rio_pro_360();
    let side = |separation, back: bool, holes: &[Hole]| {
        let mut placement = profile.placement(back);
        if let Some(rotated) = options.rotated {
            placement.turned = if back { rotated.back } else { rotated.front };
        }
        rio_pro_360::Side {
            separation,
            black_as_dye: options.black_as_dye || options.panels == Panels::Dye,
            placement,
            overcoat: job.overcoat.then(|| Overcoat {
                holes: holes.iter().map(|hole| vendors_hole(*hole)).collect(),
                ..Overcoat::default()
            }),
        }
    };
    let front = job.front.as_ref();
    let front = front.map(|front| side(front, false, &options.front_holes));
    let back = job.back.as_ref();
    let back = back.map(|back| side(back, true, &options.back_holes));
    let job_options = rio_pro_360::JobOptions {
        copies: job.copies,
        ..rio_pro_360::JobOptions::new(options.time)
    };
    rio_pro_360::build(&job_options, front.as_ref(), back.as_ref())
        .map(|job| job.encode())
        .map_err(|error| FamilyError::bad_job(error.to_string()))
}

/// The vendor has other sizes for this printer.
const fn vendors_hole(hole: Hole) -> plastic::Area {
    match hole {
        Hole::Chip => Overcoat::CHIP,
        Hole::ChipLarge => Overcoat::CHIP_LARGE,
        Hole::Magnetic => Overcoat::MAGNETIC,
        Hole::MagneticWide => Overcoat::MAGNETIC_WIDE,
    }
}

pub(super) fn decode_rio_pro_360(
    bytes: &[u8],
    options: &DecodeOptions,
) -> Result<Decoded, FamilyError> {
    not_shifted(RIO, options)?;
    let profile = rio_pro_360::Profile::rio_pro_360();
    let [mut front, mut back] = [false, true].map(|back| profile.placement(back));
    if let Some(rotated) = options.rotated {
        (front.turned, back.turned) = (rotated.front, rotated.back);
    }
    let job = rio_pro_360::Job::decode(bytes)?;
    Ok(Decoded {
        family: RIO,
        header: json!({
            "family": RIO,
            "xml": job.header_text().lines().collect::<Vec<_>>(),
        }),
        sides: job.sides(front, back).into_iter().map(side).collect(),
    })
}

pub(super) fn encode_matica(job: &Job, options: &EncodeOptions) -> Result<Vec<u8>, FamilyError> {
    refuse(
        MATICA,
        &[
            (
                options.black_as_dye,
                "black-as-dye",
                "its jobs have no word for it; a job for dye alone prints without resin",
            ),
            (options.resin.is_some(), "resin-quality", NO_WORD),
            (options.head_type.is_some(), "head-type", NO_SHIFT),
            (options.head_position.is_some(), "head-position", NO_SHIFT),
            (options.firmware.is_some(), "firmware", NO_WORD),
            (
                options.dialect.is_some(),
                "dialect",
                "its jobs have one form",
            ),
            (
                job.copies != 1,
                "copies",
                "each card is loaded and printed by itself",
            ),
        ],
    )?;
    let profile = matica::Profile::matica_xid();
    let model = match &options.model {
        Some(name) => profile.model(name),
        None => profile.models.first(),
    };
    let model = model.ok_or_else(|| {
        let known: Vec<&str> = profile
            .models
            .iter()
            .map(|model| model.name.as_str())
            .collect();
        FamilyError::bad_job(format!(
            "model `{}` is not known (known: {})",
            options.model.as_deref().unwrap_or_default(),
            known.join(", ")
        ))
    })?;
    let rotated = options.rotated.unwrap_or(usual(&profile));
    let front = job.front.as_ref();
    let front = front.map(|side| with_holes(side, &options.front_holes));
    let back = job.back.as_ref();
    let back = back.map(|side| with_holes(side, &options.back_holes));
    let peel_off =
        profile.peel_off.value || !options.front_holes.is_empty() || !options.back_holes.is_empty();
    let side = |separation, turn| matica::Side {
        separation,
        geometry: model.geometry().turn(turn),
        peel_off: job.overcoat && peel_off,
    };
    let front = front.as_ref().map(|front| side(front, rotated.front));
    let back = back.as_ref().map(|back| side(back, rotated.back));
    matica::build(front.as_ref(), back.as_ref(), profile.long_transfer.value)
        .map(|job| job.encode())
        .map_err(|error| FamilyError::bad_job(error.to_string()))
}

fn usual(profile: &matica::Profile) -> Rotated {
    Rotated {
        front: false,
        back: profile.back_turned.value,
    }
}

pub(super) fn decode_matica(bytes: &[u8], options: &DecodeOptions) -> Result<Decoded, FamilyError> {
    not_shifted(MATICA, options)?;
    let profile = matica::Profile::matica_xid();
    let usual = usual(&profile);
    let asked = options.rotated.unwrap_or(usual);
    let frames = matica::Job::decode(bytes)?.frames;
    let sides = matica::decode_sides(bytes, &profile)?;
    let sides = sides.into_iter().map(|decoded| {
        let other_way_up = if decoded.back {
            asked.back != usual.back
        } else {
            asked.front != usual.front
        };
        let side = side(decoded);
        if other_way_up {
            Side {
                picture: turned(&side.picture),
                overcoat: side.overcoat.as_ref().map(turned_bitmap),
                ..side
            }
        } else {
            side
        }
    });
    Ok(Decoded {
        family: MATICA,
        header: json!({
            "family": MATICA,
            "frames": frames.iter().map(described).collect::<Vec<_>>(),
        }),
        sides: sides.collect(),
    })
}

fn described(frame: &Frame) -> serde_json::Value {
    let command = (frame.kind == matica::words::host::COMMAND)
        .then(|| Command::parse(frame.data()).ok())
        .flatten();
    json!({
        "type": format!("{:08X}", frame.kind),
        "parameter": format!("{:08X}", frame.parameter),
        "sequence": frame.sequence,
        "bytes": frame.data().len(),
        "command": command.map(|command| format!("{command:?}")),
    })
}

fn not_shifted(family: Family, options: &DecodeOptions) -> Result<(), FamilyError> {
    if options.head_position.is_some() {
        return Err(FamilyError::option(family, "head-position", NO_SHIFT));
    }
    Ok(())
}

fn side(side: JobSide) -> Side {
    let planes = side.planes.into_iter().map(|plane| Plane {
        name: plane.name,
        width: plane.width,
        height: plane.height,
        full: 255,
        ink: true,
        values: plane.ink,
    });
    Side {
        name: if side.back { "back" } else { "front" },
        planes: planes.collect(),
        picture: side.picture,
        overcoat: side.overcoat,
    }
}
