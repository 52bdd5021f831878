//! From the planes of a page to what lies on the card.

use plastic::{Bitmap, HEIGHT, WIDTH};

use super::sheet::{Corners, HeadKind, Sheet};
use crate::printer::printed::PrintedSide;

/// Dots of the print head.
const HEAD_DOTS: usize = 672;

/// Prints a sheet with the head at the position the status reply gives: upright in landscape for a
/// picture that was not turned.
pub(super) fn print(sheet: &Sheet, head_position: u32) -> PrintedSide {
    let first = first_dot(sheet.head, head_position);
    let mut side = PrintedSide {
        overcoat: overcoat(sheet),
        ..PrintedSide::default()
    };
    for plane in sheet.planes.iter().filter(|plane| !plane.data.is_empty()) {
        transfer(&mut side, sheet.head, first, plane.letter, &plane.data);
    }
    side
}

/// Goes through the bits of a plane as the head does and lays each dot on the card.
fn transfer(side: &mut PrintedSide, head: HeadKind, first: usize, letter: char, data: &[u8]) {
    let bits = if letter == 'K' { 1 } else { 6 };
    let dots = head_dots(head);
    for (line, bytes) in (0..WIDTH).zip(data.chunks_exact(bits * head.stride())) {
        // The card goes in with its right edge first.
        let x = WIDTH - 1 - line;
        let mut heat = [0_u8; HEAD_DOTS];
        for (level, bit_plane) in bytes.chunks_exact(head.stride()).enumerate() {
            for (byte, dots) in bit_plane.iter().zip(&dots) {
                for (bit, dot) in dots.iter().enumerate() {
                    if byte << bit & 0x80 != 0
                        && let Some(dot) = dot
                    {
                        heat[*dot] |= 1 << level;
                    }
                }
            }
        }
        for (dot, heat) in heat.into_iter().enumerate().filter(|(_, heat)| *heat > 0) {
            let y = dot.checked_sub(first).and_then(|y| u32::try_from(y).ok());
            let Some(y) = y.filter(|y| *y < HEIGHT) else {
                side.missed += 1;
                continue;
            };
            if letter == 'K' {
                side.resin.set(x, y, true);
                continue;
            }
            let mut colour = side.dye.get(x, y);
            let light = 255 - u32::from(heat) * 255 / 63;
            let channel = match letter {
                'R' => 0,
                'G' => 1,
                _ => 2,
            };
            colour[channel] = u8::try_from(light).expect("at most 255");
            side.dye.set(x, y, colour);
        }
    }
}

/// For every bit of a bit-plane, from the top bit of its first byte, the dot it heats.
fn head_dots(head: HeadKind) -> Vec<[Option<usize>; 8]> {
    (0..head.stride())
        .map(|byte| {
            std::array::from_fn(|bit| match head {
                HeadKind::InOrder => Some(8 * byte + bit),
                HeadKind::Interleaved => {
                    // 24 words of 32 bits: even bits are the first part of the head, which starts
                    // in word 6, odd bits the second, which starts at dot 288.
                    let (word, place) = (byte / 4, 8 * (byte % 4) + bit);
                    match place % 2 {
                        0 => word.checked_sub(6).map(|word| 16 * word + place / 2),
                        _ => Some(288 + 16 * word + place / 2),
                    }
                }
            })
        })
        .collect()
}

/// The dot that prints the upper edge of the card.
fn first_dot(head: HeadKind, position: u32) -> usize {
    let position = if position == 0 { 50 } else { position };
    let shift = usize::try_from(65_u32.saturating_sub(position).min(30)).expect("at most 30");
    match head {
        HeadKind::Interleaved => shift,
        HeadKind::InOrder => shift + 1,
    }
}

fn overcoat(sheet: &Sheet) -> Bitmap {
    let inside = |area: &Corners, x: u32, from_bottom: u32| {
        (area.left..=area.right).contains(&x) && (area.lower..=area.upper).contains(&from_bottom)
    };
    Bitmap::from_fn(WIDTH, HEIGHT, |x, y| {
        let from_bottom = HEIGHT - 1 - y;
        sheet
            .overcoat
            .is_some_and(|area| inside(&area, x, from_bottom))
            && !sheet.holes.iter().any(|hole| inside(hole, x, from_bottom))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interleaved_head_has_the_captured_places() {
        let dots = head_dots(HeadKind::Interleaved);
        for (byte, mask, dot) in [
            (24, 0x80_u8, 0),
            (24, 0x20, 1),
            (25, 0x80, 4),
            (27, 0x02, 15),
            (28, 0x80, 16),
            (95, 0x02, 287),
            (0, 0x40, 288),
            (0, 0x10, 289),
            (95, 0x01, 671),
        ] {
            let bit = mask.leading_zeros() as usize;
            assert_eq!(dots[byte][bit], Some(dot));
        }
        let unused = dots.iter().flatten().filter(|dot| dot.is_none()).count();
        assert_eq!(unused, 96);
    }

    #[test]
    fn the_card_edge_follows_the_head_position() {
        for (position, first) in [(0, 15), (30, 30), (40, 25), (50, 15), (60, 5), (70, 0)] {
            assert_eq!(first_dot(HeadKind::Interleaved, position), first);
        }
    }
}
