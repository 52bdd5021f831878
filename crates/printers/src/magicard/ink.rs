//! From the colours of a picture to ink.

use plastic::{Bitmap, Raster, Separation};

use super::job::Plane;
use super::layout::{Ink, Layout, Placement};
use super::words::{LINES, PICTURE_DOTS};

/// Luminance above which a dot stays white on a resin-only page.
const THRESHOLD: i32 = 127;
/// Columns of the picture gathered at a time: their bytes of one row fill a cache line.
const COLUMNS: usize = 16;

/// How a picture becomes resin dots.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Halftone {
    /// Dark dots become resin, the others stay white. For text and codes.
    Threshold,
    /// Floyd and Steinberg's error diffusion. For photographs.
    FloydSteinberg,
}

/// The ink for a colour channel: none for 255, all (63) for 0.
#[must_use]
pub const fn of_channel(channel: u8) -> u8 {
    (255 - channel) >> 2
}

/// The brightness of a dot, 0 to 255, with the weights of the vendor's driver.
#[must_use]
pub fn luminance([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 74 * u32::from(red) + 155 * u32::from(green) + 27 * u32::from(blue);
    u8::try_from(sum >> 8).expect("the weights add up to 256")
}

/// Prints with dye alone, black too.
#[must_use]
pub fn dye_only(picture: &Raster) -> Separation {
    Separation {
        colour: picture.clone(),
        black: Bitmap::blank(picture.width(), picture.height()),
        overcoat_holes: Vec::new(),
    }
}

/// Prints with resin alone.
#[must_use]
pub fn resin_only(picture: &Raster, halftone: Halftone) -> Separation {
    let (width, height) = (picture.width(), picture.height());
    let black = match halftone {
        Halftone::Threshold => Bitmap::from_fn(width, height, |x, y| {
            i32::from(luminance(picture.get(x, y))) <= THRESHOLD
        }),
        Halftone::FloydSteinberg => diffused(picture),
    };
    Separation {
        colour: Raster::white(width, height),
        black,
        overcoat_holes: Vec::new(),
    }
}

/// The picture upright in landscape; a portrait picture is turned so that its top is at the left,
/// as the vendor's driver lays it.
#[must_use]
pub fn landscape(picture: &Raster) -> Raster {
    if picture.width() >= picture.height() {
        return picture.clone();
    }
    let mut turned = Raster::white(picture.height(), picture.width());
    for y in 0..turned.height() {
        for x in 0..turned.width() {
            turned.set(x, y, picture.get(picture.width() - 1 - y, x));
        }
    }
    turned
}

fn diffused(picture: &Raster) -> Bitmap {
    let (width, height) = (picture.width(), picture.height());
    let mut black = Bitmap::blank(width, height);
    // Errors in sixteenths, one place more on either side so that the edges need no question.
    let mut here = vec![0_i32; width as usize + 2];
    let mut below = here.clone();
    for y in 0..height {
        for x in 0..width {
            let at = x as usize + 1;
            let wanted = i32::from(luminance(picture.get(x, y))) + here[at] / 16;
            let ink = wanted <= THRESHOLD;
            black.set(x, y, ink);
            let error = wanted - if ink { 0 } else { 255 };
            here[at + 1] += 7 * error;
            below[at - 1] += 3 * error;
            below[at] += 5 * error;
            below[at + 1] += error;
        }
        std::mem::swap(&mut here, &mut below);
        below.fill(0);
    }
    black
}

/// [`of_channel`] for eight channels at once, one in each byte.
const fn of_eight_channels(channels: u64) -> u64 {
    (!channels >> 2) & 0x3F3F_3F3F_3F3F_3F3F
}

/// Which panels to draw.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Panels {
    pub(super) dye: bool,
    pub(super) resin: bool,
    /// Dots of the resin plane print as full dye instead.
    pub(super) black_as_dye: bool,
}

/// Packs the panels of a landscape separation of 1016 x 642 dots; panels without ink are left out.
pub(super) fn planes(separation: &Separation, placement: Placement, panels: Panels) -> Vec<Plane> {
    let mut planes = Vec::with_capacity(4);
    if panels.dye {
        let packed = dye_planes(separation, placement, panels.black_as_dye);
        planes.extend(
            packed
                .into_iter()
                .zip(Ink::DYES)
                .filter_map(|(data, ink)| Some(Plane::new(ink, data?))),
        );
    }
    if panels.resin {
        planes.extend(
            resin_plane(&separation.black, placement).map(|data| Plane::new(Ink::Black, data)),
        );
    }
    planes
}

/// An all-white resin plane: what a side without any ink is sent as.
pub(super) fn blank_resin(layout: Layout) -> Plane {
    Plane::new(Ink::Black, vec![0; layout.plane_bytes(Ink::Black)])
}

/// Lines of the head run along the short side of the card, rows of the picture along the long
/// one. Going through the picture by columns would touch another cache line for every dot, so a
/// few columns are gathered at a time and packed from there.
fn dye_planes(
    separation: &Separation,
    placement: Placement,
    black_as_dye: bool,
) -> [Option<Vec<u8>>; 3] {
    let layout = placement.layout;
    let stride = Ink::Yellow.bits() * layout.line_bytes();
    let mut packed = Ink::DYES.map(|ink| vec![0; layout.plane_bytes(ink)]);
    let mut any = [false; 3];
    // White wherever the picture does not reach.
    let mut gathered = vec![[[255_u8; SLOTS]; 3]; COLUMNS];
    for start in (0..LINES).step_by(COLUMNS) {
        let count = COLUMNS.min(LINES - start);
        for y in 0..PICTURE_DOTS {
            let Some(dot) = placement.dot(y) else {
                continue;
            };
            let slot = layout.slot(dot);
            let row = u32::try_from(y).expect("below 642");
            let dots = separation.colour.row(row)[3 * start..][..3 * count]
                .as_chunks::<3>()
                .0;
            for (columns, [red, green, blue]) in gathered.iter_mut().zip(dots) {
                // In the order of the wire: yellow takes blue away and goes first.
                columns[0][slot] = *blue;
                columns[1][slot] = *green;
                columns[2][slot] = *red;
            }
            if black_as_dye {
                let black = &separation.black.row(row)[start..][..count];
                for (columns, _) in gathered.iter_mut().zip(black).filter(|(_, black)| **black) {
                    for column in columns {
                        column[slot] = 0;
                    }
                }
            }
        }
        for (index, columns) in gathered.iter().enumerate().take(count) {
            let line = placement.line(start + index);
            for ((column, packed), any) in columns.iter().zip(&mut packed).zip(&mut any) {
                let out = &mut packed[line * stride..][..stride];
                *any |= layout.pack_line(
                    &column[..layout.slots()],
                    Ink::Yellow.bits(),
                    of_eight_channels,
                    out,
                );
            }
        }
    }
    let mut any = any.into_iter();
    packed.map(|plane| any.next().unwrap_or(false).then_some(plane))
}

fn resin_plane(black: &Bitmap, placement: Placement) -> Option<Vec<u8>> {
    let layout = placement.layout;
    let stride = layout.line_bytes();
    let mut packed = vec![0; layout.plane_bytes(Ink::Black)];
    let mut any = false;
    let mut gathered = vec![[0_u8; SLOTS]; COLUMNS];
    for start in (0..LINES).step_by(COLUMNS) {
        let count = COLUMNS.min(LINES - start);
        for y in 0..PICTURE_DOTS {
            let Some(dot) = placement.dot(y) else {
                continue;
            };
            let slot = layout.slot(dot);
            let dots = &black.row(u32::try_from(y).expect("below 642"))[start..][..count];
            for (column, dot) in gathered.iter_mut().zip(dots) {
                column[slot] = u8::from(*dot);
            }
        }
        for (index, column) in gathered.iter().enumerate().take(count) {
            let line = placement.line(start + index);
            let out = &mut packed[line * stride..][..stride];
            any |= layout.pack_line(&column[..layout.slots()], 1, |dot| dot, out);
        }
    }
    any.then_some(packed)
}

/// Slots of the wider of the two layouts.
const SLOTS: usize = 768;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::magicard::Dots;

    fn noise(seed: u32) -> Raster {
        let mut state = seed | 1;
        let bytes = (0..plastic::WIDTH * plastic::HEIGHT * 3)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                // A quarter of the bytes is black, so that whole black dots occur.
                if state & 0x300 == 0 {
                    0
                } else {
                    (state >> 16) as u8
                }
            })
            .collect();
        Raster::from_bytes(plastic::WIDTH, plastic::HEIGHT, bytes).unwrap()
    }

    /// Dot by dot, as the rules say, without tables or blocks.
    fn plainly(
        separation: &Separation,
        placement: Placement,
        ink: Ink,
        black_as_dye: bool,
    ) -> Dots {
        let mut dots = Dots::blank(ink);
        for y in 0..plastic::HEIGHT {
            for x in 0..plastic::WIDTH {
                let black = separation.black.get(x, y);
                let value = match ink.channel() {
                    None => u8::from(black),
                    Some(_) if black && black_as_dye => 63,
                    Some(channel) => (255 - separation.colour.get(x, y)[channel]) / 4,
                };
                if let Some((line, dot)) = placement.of(x as usize, y as usize) {
                    dots.set(line, dot, value);
                }
            }
        }
        dots
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6))]
        #[test]
        fn the_fast_way_lays_the_ink_the_rules_say(
            seed: u32, kee: bool, turned: bool, black_as_dye: bool, position in 0_u32..90
        ) {
            let layout = if kee { Layout::Kee } else { Layout::Kge2 };
            let placement = Placement { layout, margin: layout.margin(position, 0), turned };
            let separation = Separation::of_pure_black(&noise(seed));
            let panels = Panels { dye: true, resin: !black_as_dye, black_as_dye };
            let planes = planes(&separation, placement, panels);
            prop_assert_eq!(planes.len(), if black_as_dye { 3 } else { 4 });
            for plane in &planes {
                let dots = Dots::unpack(layout, plane.ink(), plane.data()).unwrap();
                let expected = plainly(&separation, placement, plane.ink(), black_as_dye);
                prop_assert!(dots == expected, "{:?}", plane.ink());
            }
        }
    }

    #[test]
    fn eight_channels_at_once_are_each_as_one() {
        for channel in 0..=255 {
            let eight = of_eight_channels(u64::from_le_bytes([channel; 8]));
            assert_eq!(eight.to_le_bytes(), [of_channel(channel); 8]);
        }
    }

    #[test]
    fn panels_without_ink_are_left_out() {
        let mut picture = Raster::white(plastic::WIDTH, plastic::HEIGHT);
        let placement = Placement {
            layout: Layout::Kge2,
            margin: 15,
            turned: false,
        };
        let panels = Panels {
            dye: true,
            resin: true,
            black_as_dye: false,
        };
        let inks = |picture: &Raster| -> Vec<Ink> {
            planes(&Separation::of_pure_black(picture), placement, panels)
                .iter()
                .map(Plane::ink)
                .collect()
        };
        assert_eq!(inks(&picture), []);
        picture.set(3, 3, [255, 0, 255]);
        assert_eq!(inks(&picture), [Ink::Magenta]);
        picture.set(1015, 641, [0, 0, 0]);
        assert_eq!(inks(&picture), [Ink::Magenta, Ink::Black]);
    }

    #[test]
    fn diffusion_keeps_the_mean_of_a_grey_and_pure_dots_as_they_are() {
        for grey in [20_u8, 100, 128, 200] {
            let picture = Raster::from_bytes(64, 64, vec![grey; 64 * 64 * 3]).unwrap();
            let share =
                resin_only(&picture, Halftone::FloydSteinberg).black.count() as f64 / 4096.0;
            let expected = 1.0 - f64::from(grey) / 255.0;
            assert!(
                (share - expected).abs() < 0.02,
                "{grey}: {share} {expected}"
            );
        }
        let mut picture = Raster::white(40, 40);
        picture.set(7, 9, [0; 3]);
        for halftone in [Halftone::Threshold, Halftone::FloydSteinberg] {
            let black = resin_only(&picture, halftone).black;
            assert_eq!(black.count(), 1);
            assert!(black.get(7, 9));
        }
    }

    #[test]
    fn a_portrait_picture_has_its_top_at_the_left() {
        let mut picture = Raster::white(642, 1016);
        picture.set(0, 0, [1, 2, 3]);
        let turned = landscape(&picture);
        assert_eq!((turned.width(), turned.height()), (1016, 642));
        assert_eq!(turned.get(0, 641), [1, 2, 3]);
    }
}
