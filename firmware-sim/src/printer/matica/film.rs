//! From ink on the film to what lies on the card.

use plastic::{Bitmap, HEIGHT, WIDTH};

use super::Matica;
use crate::printer::printed::PrintedSide;

/// Pixels of an image at 300 dots an inch.
const COLUMNS: usize = 1036;
const ROWS: usize = 664;

/// Bits of the layers.
pub(super) const YELLOW: u8 = 0x01;
pub(super) const MAGENTA: u8 = 0x02;
pub(super) const CYAN: u8 = 0x04;
pub(super) const BLACK: u8 = 0x08;
pub(super) const PEEL_OFF: u8 = 0x20;
pub(super) const UV: u8 = 0x40;

/// Ink of one layer, as it was sent.
#[derive(Debug)]
pub(super) struct Ink {
    pub(super) layer: u8,
    pub(super) pixels: Vec<u8>,
}

impl Matica {
    /// Pixels of an image.
    pub(super) fn pixels(&self) -> usize {
        COLUMNS * ROWS * self.scale() * self.scale()
    }

    fn scale(&self) -> usize {
        if self.fine { 2 } else { 1 }
    }

    /// Lays the film on the card; it covers all of it but what is peeled off.
    pub(super) fn transfer(&self, inks: &[Ink], upside_down: bool) -> PrintedSide {
        let scale = self.scale();
        let turned = self.turned != upside_down;
        let mut side = PrintedSide {
            overcoat: Bitmap::from_fn(WIDTH, HEIGHT, |_, _| true),
            ..PrintedSide::default()
        };
        // The card lies in the middle.
        let left = (COLUMNS * scale - WIDTH as usize * scale) / 2;
        let above = (ROWS * scale - HEIGHT as usize * scale) / 2;
        for ink in inks {
            let line = COLUMNS * scale;
            for (at, pixel) in ink.pixels.iter().enumerate() {
                let at = if turned {
                    ink.pixels.len() - 1 - at
                } else {
                    at
                };
                let (column, row) = (at % line, at / line);
                let outside = column < left
                    || row < above
                    || column - left >= WIDTH as usize * scale
                    || row - above >= HEIGHT as usize * scale;
                if outside {
                    side.missed += usize::from(*pixel > 0);
                    continue;
                }
                // All pixels of a dot are alike or the last one counts: a card is looked at with
                // 300 dots an inch.
                let x = ((column - left) / scale) as u32;
                let y = ((row - above) / scale) as u32;
                let full = *pixel >= 0x80;
                let channel = match ink.layer {
                    CYAN => 0,
                    MAGENTA => 1,
                    YELLOW => 2,
                    BLACK => {
                        side.resin.set(x, y, full);
                        continue;
                    }
                    PEEL_OFF => {
                        side.overcoat.set(x, y, !full);
                        continue;
                    }
                    // Not seen by day.
                    _ => continue,
                };
                let mut colour = side.dye.get(x, y);
                colour[channel] = 255 - pixel;
                side.dye.set(x, y, colour);
            }
        }
        side
    }
}
