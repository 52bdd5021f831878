use plastic::Raster;
use resvg::tiny_skia::{Color, FillRule, Paint, Pixmap, PixmapPaint, Transform};

use crate::fonts::{EMBEDDED_FAMILY, Fonts};
use crate::text;

/// Dots around and between the cards.
const GAP: u32 = 48;
/// Dots above a card for its label.
const LABEL: u32 = 72;
/// Size of a label in dots.
const LABEL_SIZE: f32 = 34.0;
/// The level of what lies beyond the cards, the same as beyond their corners in a preview.
const GROUND: u8 = 200;

/// One side of a card on a sheet.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What stands above it.
    pub label: String,
    /// Its picture, usually a [preview](crate::Rendered::preview).
    pub picture: Raster,
}

/// Lays pictures of cards side by side, each with its label above it, outside of the card.
///
/// `note` stands below, if it is not empty. `None` only if there is nothing to show, or if a sheet
/// of that size cannot be drawn.
#[must_use]
pub fn sheet(cards: &[Shown], note: &str) -> Option<Raster> {
    let height = cards.iter().map(|card| card.picture.height()).max()?;
    let across: u32 = cards.iter().map(|card| card.picture.width() + GAP).sum();
    let (width, height) = (across + GAP, LABEL + height + LABEL);
    let mut pixmap = Pixmap::new(width, height)?;
    pixmap.fill(Color::from_rgba8(GROUND, GROUND, GROUND, 255));
    let mut x = GAP;
    for card in cards {
        write(
            &mut pixmap,
            &card.label,
            x,
            LABEL - 22,
            card.picture.width(),
            LABEL_SIZE,
        )?;
        let mut picture = Pixmap::new(card.picture.width(), card.picture.height())?;
        let dots = picture.data_mut().chunks_exact_mut(4);
        for (to, from) in dots.zip(card.picture.bytes().chunks_exact(3)) {
            to[..3].copy_from_slice(from);
            to[3] = 255;
        }
        // The places lie within the sheet, which has far less than i32::MAX dots a side.
        pixmap.draw_pixmap(
            x as i32,
            LABEL as i32,
            picture.as_ref(),
            &PixmapPaint::default(),
            Transform::identity(),
            None,
        );
        x += card.picture.width() + GAP;
    }
    if !note.is_empty() {
        write(
            &mut pixmap,
            note,
            GAP,
            height - 24,
            across - GAP,
            LABEL_SIZE * 0.75,
        )?;
    }
    let bytes = pixmap
        .data()
        .chunks_exact(4)
        .flat_map(|dot| [dot[0], dot[1], dot[2]])
        .collect();
    Raster::from_bytes(width, height, bytes)
}

/// Writes a line at a baseline, made smaller if it is wider than there is room.
fn write(
    pixmap: &mut Pixmap,
    words: &str,
    x: u32,
    baseline: u32,
    room: u32,
    size: f32,
) -> Option<()> {
    let fonts = Fonts::builtin();
    let face = fonts.find(EMBEDDED_FAMILY, 400, false)?;
    let line = text::line(&fonts, face, words);
    let Some(outline) = &line.outline else {
        return Some(());
    };
    let size = size.min(room as f32 / line.advance.max(0.01));
    let mut paint = Paint {
        anti_alias: true,
        ..Paint::default()
    };
    paint.set_color_rgba8(40, 40, 40, 255);
    let at = Transform::from_row(size, 0.0, 0.0, size, x as f32, baseline as f32);
    pixmap.fill_path(outline, &paint, FillRule::Winding, at, None);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(label: &str, colour: u8) -> Shown {
        let mut picture = Raster::white(300, 200);
        picture.bytes_mut().fill(colour);
        Shown {
            label: label.to_owned(),
            picture,
        }
    }

    /// Whether something dark stands in some rows.
    fn written(sheet: &Raster, rows: std::ops::Range<u32>) -> bool {
        rows.into_iter()
            .any(|y| sheet.row(y).iter().any(|&byte| byte < 100))
    }

    #[test]
    fn cards_stand_side_by_side_with_labels_outside() {
        let cards = [card("Front", 130), card("Back", 250)];
        let shown = sheet(&cards, "").unwrap();
        assert_eq!(
            (shown.width(), shown.height()),
            (2 * 300 + 3 * GAP, 200 + 2 * LABEL)
        );
        for (card, x) in cards.iter().zip([GAP, 2 * GAP + 300]) {
            for y in 0..200 {
                let row = &shown.row(LABEL + y)[x as usize * 3..][..900];
                assert_eq!(row, card.picture.row(y));
            }
        }
        assert!(written(&shown, 0..LABEL));
        assert!(!written(&shown, LABEL + 200..shown.height()));
        let noted = sheet(&cards, "note").unwrap();
        assert!(written(&noted, LABEL + 200..noted.height()));
    }

    #[test]
    fn an_endless_label_stays_above_its_card() {
        let shown = sheet(&[card(&"W".repeat(300), 255)], "").unwrap();
        let right = (GAP + 300 + 2) as usize * 3;
        for y in 0..LABEL {
            assert!(shown.row(y)[right..].iter().all(|&byte| byte == 200));
        }
    }

    #[test]
    fn nothing_to_show_is_no_sheet() {
        assert!(sheet(&[], "").is_none());
    }
}
