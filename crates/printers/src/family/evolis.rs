//! Jobs of the Evolis family.

use plastic::{Bitmap, Raster};
use serde_json::{Value, json};

use super::side::{Plane, Side, scaled, turned, turned_bitmap};
use super::{DecodeOptions, Decoded, Family, FamilyError};
use crate::evolis::words::{DOTS, LINES};
use crate::evolis::{self, Coding, Dots, Item, Panel, Stream};

pub(super) fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<Decoded, FamilyError> {
    let family = Family::Evolis;
    if options.head_position.is_some() {
        return Err(FamilyError::option(
            family,
            "head-position",
            "its jobs are not shifted",
        ));
    }
    let stream = Stream::decode(bytes)?;
    let rotated = options.rotated.unwrap_or_default();
    let mut sides = Vec::new();
    let named = [("front", rotated.front), ("back", rotated.back)];
    for (bitmaps, (name, rotated)) in stream.sides().into_iter().zip(named) {
        if bitmaps.is_empty() {
            continue;
        }
        let side = side(name, &bitmaps)?;
        sides.push(if rotated {
            Side {
                picture: turned(&side.picture),
                overcoat: side.overcoat.as_ref().map(turned_bitmap),
                ..side
            }
        } else {
            side
        });
    }
    if sides.is_empty() {
        return Err(FamilyError::bad_job("there is no bitmap in it"));
    }
    Ok(Decoded {
        family,
        header: json!({
            "family": family,
            "items": stream.items.iter().map(described).collect::<Vec<_>>(),
        }),
        sides,
    })
}

fn side(name: &'static str, bitmaps: &[&evolis::Bitmap]) -> Result<Side, FamilyError> {
    let mut planes: Vec<Plane> = Vec::new();
    let mut picture = Raster::white(LINES as u32, DOTS as u32);
    let mut overcoat = None;
    // Resin lies on top of the dyes, whichever comes first.
    let mut black = None;
    for bitmap in bitmaps {
        let panel = bitmap.panel();
        let plane = panel_name(panel);
        if planes.iter().any(|earlier| earlier.name == plane) {
            return Err(FamilyError::bad_job(format!(
                "panel `{}` comes twice",
                panel.letter()
            )));
        }
        let dots = bitmap.dots().map_err(|source| FamilyError::EvolisBitmap {
            side: name,
            panel: panel.letter(),
            source,
        })?;
        match panel {
            Panel::Overlay => overcoat = Some(upright(&dots)),
            Panel::Black => black = Some(upright(&dots)),
            Panel::Yellow | Panel::Magenta | Panel::Cyan => lay(&dots, panel, &mut picture),
        }
        planes.push(Plane {
            name: plane,
            width: DOTS as u32,
            height: LINES as u32,
            full: dots.levels().full(),
            ink: true,
            values: dots.values().to_vec(),
        });
    }
    if let Some(black) = black {
        let dots = picture.bytes_mut().chunks_exact_mut(3);
        for (dot, _) in dots.zip(black.dots()).filter(|(_, ink)| **ink) {
            dot.fill(0);
        }
    }
    Ok(Side {
        name,
        planes,
        picture,
        overcoat,
    })
}

/// Lines run along the card from left to right, their dots from the bottom up.
fn lay(dots: &Dots, panel: Panel, picture: &mut Raster) {
    let channel = panel.channel().expect("a dye takes a colour away");
    let full = dots.levels().full();
    for y in 0..DOTS {
        let row = picture.row_mut(u32::try_from(y).expect("below 648"));
        for (x, dot) in row.chunks_exact_mut(3).enumerate() {
            dot[channel] = 255 - scaled(dots.line(x)[DOTS - 1 - y], full);
        }
    }
}

fn upright(dots: &Dots) -> Bitmap {
    Bitmap::from_fn(LINES as u32, DOTS as u32, |x, y| {
        dots.line(x as usize)[DOTS - 1 - y as usize] != 0
    })
}

const fn panel_name(panel: Panel) -> &'static str {
    match panel {
        Panel::Yellow => "yellow",
        Panel::Magenta => "magenta",
        Panel::Cyan => "cyan",
        Panel::Black => "black",
        Panel::Overlay => "overlay",
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
