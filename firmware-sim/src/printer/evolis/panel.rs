//! From the data of a panel to what it lays on the card.

use plastic::{HEIGHT, WIDTH};
use printers::evolis::words::{DOTS, LINES};
use thiserror::Error;

use super::parser::RawPanel;
use crate::printer::printed::PrintedSide;

/// Dots of a line below the card, and above it: a line is six dots wider than a card.
const BESIDE: usize = (DOTS - HEIGHT as usize) / 2;

/// The heat of every dot of a panel, line by line, 0 to 255.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ink {
    heat: Vec<u8>,
}

impl Ink {
    /// Unpacks a panel.
    ///
    /// # Errors
    ///
    /// [`PanelError`] when its data is not a whole panel.
    pub fn of(panel: &RawPanel) -> Result<Self, PanelError> {
        let full = (1_u32 << panel.bits) - 1;
        let mut dots = Dots {
            heat: Vec::with_capacity(LINES * DOTS),
            full,
        };
        let mut data = panel.data.iter().copied();
        match (panel.compressed, panel.bits) {
            (false, bits) => {
                let mut pool = 0_u32;
                let mut there = 0;
                while dots.heat.len() < LINES * DOTS {
                    if there < bits {
                        pool = pool << 8 | u32::from(data.next().ok_or(PanelError::Short)?);
                        there += 8;
                    }
                    while there >= bits && dots.heat.len() < LINES * DOTS {
                        there -= bits;
                        dots.lay(pool >> there & full, 1);
                    }
                }
            }
            (true, 1) => {
                for line in 1..=LINES {
                    match data.next().ok_or(PanelError::Short)? {
                        0xFF => dots.lay(1, DOTS),
                        bytes if usize::from(bytes) <= DOTS / 8 => {
                            for _ in 0..bytes {
                                let byte = data.next().ok_or(PanelError::Short)?;
                                for bit in (0..8).rev() {
                                    dots.lay(u32::from(byte >> bit & 1), 1);
                                }
                            }
                        }
                        _ => return Err(PanelError::Line),
                    }
                    dots.lay(0, line * DOTS - dots.heat.len());
                }
            }
            (true, bits) => {
                for line in 1..=LINES {
                    let end = line * DOTS;
                    while dots.heat.len() < end {
                        let byte = data.next().ok_or(PanelError::Short)?;
                        let value = u32::from(byte) & full;
                        if byte & 0x80 == 0 {
                            dots.lay(value, 1);
                            continue;
                        }
                        let low = usize::from(data.next().ok_or(PanelError::Short)?);
                        // Every bit of the first byte that is neither mark nor value is 256 more.
                        let more = u32::from(byte & 0x7F) >> bits;
                        let left = end - dots.heat.len();
                        match more.count_ones() as usize * 256 + low {
                            0 if left == DOTS => dots.lay(0, DOTS),
                            0 => return Err(PanelError::Line),
                            count if count > left => return Err(PanelError::Line),
                            count => dots.lay(value, count),
                        }
                    }
                }
            }
        }
        match data.next() {
            Some(_) => Err(PanelError::Long),
            None => Ok(Self { heat: dots.heat }),
        }
    }

    /// Lays the ink on a side: `letter` says which. The first line meets the left edge of the
    /// upright card and the first dot of a line its lower edge.
    pub(super) fn lay_on(&self, letter: char, side: &mut PrintedSide) {
        for (x, line) in (0..WIDTH).zip(self.heat.chunks_exact(DOTS)) {
            for (dot, heat) in line.iter().enumerate().filter(|(_, heat)| **heat > 0) {
                let up = dot
                    .checked_sub(BESIDE)
                    .and_then(|up| u32::try_from(up).ok());
                let Some(y) = up.and_then(|up| (HEIGHT - 1).checked_sub(up)) else {
                    side.missed += 1;
                    continue;
                };
                let mut dye = |channel: usize| {
                    let mut colour = side.dye.get(x, y);
                    colour[channel] = colour[channel].saturating_sub(*heat);
                    side.dye.set(x, y, colour);
                };
                match letter {
                    'y' => dye(2),
                    'm' => dye(1),
                    'c' => dye(0),
                    'k' => side.resin.set(x, y, true),
                    _ => side.overcoat.set(x, y, true),
                }
            }
        }
    }
}

/// Dots as they are unpacked.
struct Dots {
    heat: Vec<u8>,
    full: u32,
}

impl Dots {
    fn lay(&mut self, value: u32, count: usize) {
        let heat = (value * 255 + self.full / 2) / self.full;
        let heat = u8::try_from(heat).unwrap_or(u8::MAX);
        self.heat.resize(self.heat.len() + count, heat);
    }
}

/// Why data is no panel.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PanelError {
    /// It ends before its last line.
    #[error("a panel ends before its last line")]
    Short,
    /// It has more than its lines.
    #[error("a panel goes on behind its last line")]
    Long,
    /// A line that is longer than the head.
    #[error("a line of a panel is longer than the head")]
    Line,
}
