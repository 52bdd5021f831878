//! From the face of a card to the pages of a raster document.

use plastic::{Raster, Separation};
use serde::Serialize;

use super::media::Size;
use super::raster::{Colour, Document, Header, Page};
use crate::magicard::luminance;

/// How the back of a sheet is to be drawn (`pwg-raster-document-sheet-back`, PWG 5102.4 section
/// 7.3).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SheetBack {
    /// As the front.
    #[default]
    Normal,
    /// Mirrored: along where it is bound at the long edge, across where at the short one.
    Flipped,
    /// Turned by 180 degrees where it is bound at the short edge.
    ManualTumble,
    /// Turned by 180 degrees where it is bound at the long edge.
    Rotated,
}

impl SheetBack {
    /// From the keyword of the attribute.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "normal" => Some(Self::Normal),
            "flipped" => Some(Self::Flipped),
            "manual-tumble" => Some(Self::ManualTumble),
            "rotated" => Some(Self::Rotated),
            _ => None,
        }
    }

    /// Whether a back is mirrored across and along. `tumble` is whether it is bound at the short
    /// edge.
    #[must_use]
    pub const fn mirrored(self, tumble: bool) -> [bool; 2] {
        match (self, tumble) {
            (Self::Flipped, true) => [true, false],
            (Self::Flipped, false) => [false, true],
            (Self::ManualTumble, true) | (Self::Rotated, false) => [true, true],
            _ => [false, false],
        }
    }
}

/// How faces are drawn.
#[derive(Clone, Debug)]
pub(super) struct Drawing {
    /// How a dot is written.
    pub(super) colour: Colour,
    /// The medium by its name; its size decides whether the page is upright or lies.
    pub(super) media: String,
    /// How the back is drawn; `None` for a job with one side.
    pub(super) back: Option<(SheetBack, bool)>,
}

/// Draws faces as a document of 300 dpi, one page a side, in this colour and for this medium.
/// `tumble` is whether the back is bound at the short edge. Resin dots are drawn black.
///
/// A medium whose name has the shorter side first (as PWG 5101.1 wants it) is fed that way, and the
/// face is turned: its left edge is the top of the page. The face has 1016 x 642 dots, about two
/// dots more than the card on every side.
///
/// `None` for a name of a medium without a size, or a face of another size.
#[must_use]
pub fn draw(
    front: &Separation,
    back: Option<&Separation>,
    colour: Colour,
    media: &str,
    sheet_back: SheetBack,
    tumble: bool,
) -> Option<Document> {
    let drawing = Drawing {
        colour,
        media: media.to_owned(),
        back: back.map(|_| (sheet_back, tumble)),
    };
    let size = Size::of_name(media)?;
    let sides = [Some(front), back];
    let pages = sides.iter().flatten().zip([false, true]);
    let pages = pages.map(|(side, is_back)| page(&drawing, size, side, is_back));
    Some(Document {
        pages: pages.collect::<Option<_>>()?,
    })
}

fn page(drawing: &Drawing, size: Size, side: &Separation, is_back: bool) -> Option<Page> {
    let fits = |width, height| (width, height) == (plastic::WIDTH, plastic::HEIGHT);
    if !fits(side.colour.width(), side.colour.height())
        || !fits(side.black.width(), side.black.height())
    {
        return None;
    }
    let face = side.composed();
    let face = if size.across < size.along {
        portrait(&face)
    } else {
        face
    };
    let (sheet_back, tumble) = drawing.back.unwrap_or_default();
    let [across, along] = if is_back {
        sheet_back.mirrored(tumble)
    } else {
        [false; 2]
    };
    let header = Header {
        media: drawing.media.clone(),
        points: size.points(),
        duplex: drawing.back.is_some(),
        tumble: drawing.back.is_some() && tumble,
        pages: if drawing.back.is_some() { 2 } else { 1 },
        mirrored_across: across,
        mirrored_along: along,
        ..Header::new(drawing.colour, face.width(), face.height())
    };
    let mut lines = Vec::with_capacity(header.stride() * header.height as usize);
    for y in 0..face.height() {
        let y = if along { face.height() - 1 - y } else { y };
        let row = face.row(y).as_chunks::<3>().0;
        if across {
            let mirrored: Vec<[u8; 3]> = row.iter().rev().copied().collect();
            line(drawing.colour, &mirrored, &mut lines);
        } else {
            line(drawing.colour, row, &mut lines);
        }
    }
    Page::new(header, lines)
}

fn line(colour: Colour, dots: &[[u8; 3]], out: &mut Vec<u8>) {
    match colour {
        Colour::Srgb8 => out.extend_from_slice(dots.as_flattened()),
        Colour::Sgray8 => out.extend(dots.iter().map(|dot| luminance(*dot))),
        Colour::Black8 => out.extend(dots.iter().map(|dot| 255 - luminance(*dot))),
        Colour::Black1 => out.extend(dots.chunks(8).map(|eight| {
            (0..).zip(eight).fold(0, |byte, (place, dot)| {
                // Faces that go this way are black and white; grey is cut in the middle.
                byte | if luminance(*dot) < 128 {
                    0x80_u8 >> place
                } else {
                    0
                }
            })
        })),
    }
}

/// A landscape face with its left edge at the top: the reverse of [`crate::magicard::landscape`].
fn portrait(face: &Raster) -> Raster {
    let mut turned = Raster::white(face.height(), face.width());
    for y in 0..face.height() {
        for (x, dot) in (0..).zip(face.row(y).as_chunks::<3>().0) {
            turned.set(face.height() - 1 - y, x, *dot);
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use plastic::Bitmap;
    use proptest::prelude::*;

    use super::*;
    use crate::magicard::landscape;

    const UPRIGHT: &str = "custom_card_53.98x85.6mm";
    const LYING: &str = "oe_cr80_85.6x53.98mm";

    fn face(spots: &[(u32, u32, [u8; 3])]) -> Separation {
        let mut picture = Raster::white(plastic::WIDTH, plastic::HEIGHT);
        for (x, y, colour) in spots {
            picture.set(*x, *y, *colour);
        }
        Separation::of_pure_black(&picture)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn a_document_decodes_to_the_faces_it_was_drawn_from(
            spots in proptest::collection::vec(
                (0..plastic::WIDTH, 0..plastic::HEIGHT, any::<[u8; 3]>()), 1..40),
            lying: bool, tumble: bool,
            sheet_back in proptest::sample::select(vec![
                SheetBack::Normal, SheetBack::Flipped, SheetBack::ManualTumble, SheetBack::Rotated,
            ]),
        ) {
            let (front, back) = (face(&spots), face(&spots[1..]));
            let media = if lying { LYING } else { UPRIGHT };
            let document =
                draw(&front, Some(&back), Colour::Srgb8, media, sheet_back, tumble).unwrap();
            let decoded = Document::decode(&document.encode()).unwrap();
            prop_assert_eq!(&decoded, &document);
            for (page, side) in decoded.pages.iter().zip([&front, &back]) {
                prop_assert_eq!(page.header().width < page.header().height, !lying);
                prop_assert!(landscape(&page.picture()) == side.composed());
                prop_assert!(page.header().duplex);
                prop_assert_eq!(page.header().tumble, tumble);
            }
            let [across, along] = sheet_back.mirrored(tumble);
            let header = decoded.pages[1].header();
            prop_assert_eq!((header.mirrored_across, header.mirrored_along), (across, along));
        }
    }

    #[test]
    fn black_and_grey_are_drawn_in_every_kind_that_has_them() {
        let mut side = face(&[(3, 4, [0x80; 3])]);
        side.black = Bitmap::from_fn(plastic::WIDTH, plastic::HEIGHT, |x, y| {
            (x, y) == (1015, 641)
        });
        for (colour, grey) in [
            (Colour::Black1, 255),
            (Colour::Black8, 0x80),
            (Colour::Sgray8, 0x80),
            (Colour::Srgb8, 0x80),
        ] {
            let document = draw(&side, None, colour, LYING, SheetBack::Normal, false).unwrap();
            let page = &document.pages[0];
            assert_eq!(page.colour(1015, 641), [0; 3], "{colour:?}");
            assert_eq!(page.colour(3, 4), [grey; 3], "{colour:?}");
            assert_eq!(page.colour(0, 0), [255; 3], "{colour:?}");
            assert_eq!((page.header().duplex, page.header().pages), (false, 1));
        }
    }

    #[test]
    fn a_face_of_another_size_is_not_drawn() {
        let small = Separation::of_pure_black(&Raster::white(100, 60));
        let drawn = draw(
            &small,
            None,
            Colour::Srgb8,
            UPRIGHT,
            SheetBack::Normal,
            false,
        );
        assert_eq!(drawn, None);
    }
}
