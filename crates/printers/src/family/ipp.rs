//! Raster documents, which any print queue takes.

use plastic::Separation;
use serde_json::json;

use super::side::{Plane, Side, turned};
use super::{DecodeOptions, Decoded, EncodeOptions, Family, FamilyError, Panels, refuse};
use crate::Job;
use crate::ipp::raster::{Colour, Document, Page};
use crate::ipp::{Profile, SheetBack, draw};
use crate::magicard::landscape;

const FAMILY: Family = Family::Ipp;

pub(super) fn encode(job: &Job, options: &EncodeOptions) -> Result<Vec<u8>, FamilyError> {
    let no_resin = "a raster has no resin; what prints black is the queue's choice";
    refuse(
        FAMILY,
        &[
            (options.black_as_dye, "black-as-dye", no_resin),
            (options.resin.is_some(), "resin-quality", no_resin),
            (
                options.head_type.is_some(),
                "head-type",
                "a raster is for any head",
            ),
            (
                options.head_position.is_some(),
                "head-position",
                "a raster is for any head",
            ),
            (
                options.firmware.is_some(),
                "firmware",
                "a raster names no printer",
            ),
            (
                !options.front_holes.is_empty(),
                "front-hole",
                "its jobs cannot ask for overcoat",
            ),
            (
                !options.back_holes.is_empty(),
                "back-hole",
                "its jobs cannot ask for overcoat",
            ),
            (job.copies != 1, "copies", "a queue is given one card a job"),
            (
                options.dialect.is_some(),
                "dialect",
                "a raster is for any printer",
            ),
            (
                options.model.is_some(),
                "model",
                "a raster is for any printer",
            ),
        ],
    )?;
    let Some(front) = &job.front else {
        return Err(FamilyError::bad_job(
            "it has no front; a queue prints the front, or front and back",
        ));
    };
    let colour = match options.panels {
        Panels::Colour | Panels::Dye => Colour::Srgb8,
        Panels::Mono | Panels::Black => Colour::Black1,
    };
    let rotated = options.rotated.unwrap_or_default();
    let front = if rotated.front {
        upside_down(front)
    } else {
        front.clone()
    };
    let back = job.back.as_ref();
    let back = back.map(|back| {
        if rotated.back {
            upside_down(back)
        } else {
            back.clone()
        }
    });
    let profile = Profile::any_queue();
    let tumble = profile.two_sided.value == "two-sided-short-edge";
    let media = &profile.media.value;
    let document = draw(
        &front,
        back.as_ref(),
        colour,
        media,
        SheetBack::Normal,
        tumble,
    );
    let document = document.ok_or_else(|| {
        let (width, height) = (plastic::WIDTH, plastic::HEIGHT);
        FamilyError::bad_job(format!("a side has not {width} x {height} dots"))
    })?;
    Ok(document.encode())
}

fn upside_down(separation: &Separation) -> Separation {
    let mut black = separation.black.clone();
    black.dots_mut().reverse();
    Separation {
        colour: turned(&separation.colour),
        black,
        // Nothing here lays overcoat.
        overcoat_holes: Vec::new(),
    }
}

pub(super) fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<Decoded, FamilyError> {
    if options.head_position.is_some() {
        return Err(FamilyError::option(
            FAMILY,
            "head-position",
            "a raster is for any head",
        ));
    }
    let document = Document::decode(bytes)?;
    let headers: Vec<_> = document.pages.iter().map(Page::header).collect();
    let header = json!({ "family": FAMILY, "pages": headers });
    let rotated = options.rotated.unwrap_or_default();
    let named = [("front", rotated.front), ("back", rotated.back)];
    let sides = document
        .pages
        .iter()
        .zip(named)
        .map(|(page, (name, rotated))| {
            let picture = landscape(&page.picture());
            Side {
                name,
                planes: planes(page),
                picture: if rotated { turned(&picture) } else { picture },
                overcoat: None,
            }
        });
    Ok(Decoded {
        family: FAMILY,
        sides: sides.collect(),
        header,
    })
}

/// What is sent, as it is sent: ink or light, and mirrored where it is.
fn planes(page: &Page) -> Vec<Plane> {
    let header = page.header();
    let plane = |name, ink, full, values| Plane {
        name,
        width: header.width,
        height: header.height,
        full,
        ink,
        values,
    };
    let lines = page.lines();
    match header.colour {
        Colour::Black1 => {
            let width = header.width as usize;
            let bit = |line: &[u8], x: usize| line[x / 8] >> (7 - x % 8) & 1;
            let lines = lines.chunks_exact(header.stride());
            let values = lines.flat_map(|line| (0..width).map(move |x| bit(line, x)));
            vec![plane("black", true, 1, values.collect())]
        }
        Colour::Black8 => vec![plane("black", true, 255, lines.to_vec())],
        Colour::Sgray8 => vec![plane("grey", false, 255, lines.to_vec())],
        Colour::Srgb8 => ["red", "green", "blue"]
            .into_iter()
            .enumerate()
            .map(|(channel, name)| {
                let values = lines.iter().skip(channel).step_by(3).copied();
                plane(name, false, 255, values.collect())
            })
            .collect(),
    }
}
