//! What a job says, read tag by tag.

use plastic::{Bitmap, HEIGHT, WIDTH};
use printers::rio_pro_360::words::{LINES, PIXELS, PLANE};
use thiserror::Error;

use super::RioPro360;
use crate::printer::printed::PrintedSide;

/// The deepest nesting that is followed.
const MAX_DEPTH: usize = 16;
/// The most areas and holes of a side.
const MAX_RECTANGLES: usize = 64;

/// A job as it came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sheet {
    /// Cards to print.
    pub copies: u32,
    /// The sides.
    pub sides: Vec<SheetSide>,
}

/// One side of a job.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SheetSide {
    /// 0 is the front.
    pub number: u32,
    /// The panels that print, in the order of their planes.
    pub panels: Vec<Panel>,
    /// Whether there is overcoat.
    pub overcoat: bool,
    /// Where; everywhere if empty.
    pub areas: Vec<Rectangle>,
    /// Where not.
    pub holes: Vec<Rectangle>,
}

/// A panel and its plane.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Panel {
    /// `y`, `m`, `c` or `k`.
    pub letter: char,
    /// Line by line.
    pub plane: Vec<u8>,
}

/// A rectangle of the overcoat, from the upper left corner of the printed part.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rectangle {
    /// From the left.
    pub x: u32,
    /// From above.
    pub y: u32,
    /// Across.
    pub width: u32,
    /// Down.
    pub height: u32,
}

/// The text before the planes.
#[derive(Debug, Default)]
pub(super) struct Text {
    copies: Option<u32>,
    sides: Vec<SheetSide>,
    pub(super) binary_size: usize,
    /// The name of the value that is asked for.
    pub(super) asked: Option<String>,
}

impl Text {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, SheetError> {
        let text = std::str::from_utf8(bytes).map_err(|_| SheetError::NoText)?;
        if !text.trim_start().starts_with("<?xml") {
            return Err(SheetError::NoText);
        }
        let mut found = Self::default();
        let mut open: Vec<&str> = Vec::new();
        let mut rest = text;
        let mut sized = false;
        while let Some((before, after)) = rest.split_once('<') {
            let (tag, after) = after.split_once('>').ok_or(SheetError::Tags)?;
            let value = before.trim();
            rest = after;
            if tag.starts_with(['?', '!']) {
                continue;
            }
            if let Some(name) = tag.strip_prefix('/') {
                if open.pop() != Some(name.trim()) {
                    return Err(SheetError::Tags);
                }
                sized |= name == "binary-size";
                found.closed(name, value, &open)?;
                continue;
            }
            let alone = tag.ends_with('/');
            let tag = tag.trim_end_matches('/');
            let name = tag
                .split([' ', '\t', '\r', '\n'])
                .next()
                .unwrap_or_default();
            found.opened(name, tag)?;
            if !alone {
                open.push(name);
            }
            if open.len() > MAX_DEPTH {
                return Err(SheetError::Tags);
            }
        }
        if !open.is_empty() || !sized {
            return Err(SheetError::Tags);
        }
        Ok(found)
    }

    fn opened(&mut self, name: &str, tag: &str) -> Result<(), SheetError> {
        match name {
            "side-options" => {
                if self.sides.len() == 2 {
                    return Err(SheetError::Sides);
                }
                let number = attribute(tag, "side").and_then(|number| number.parse().ok());
                self.sides.push(SheetSide {
                    number: number
                        .filter(|number| *number < 2)
                        .ok_or(SheetError::Sides)?,
                    ..SheetSide::default()
                });
            }
            "panel-options" => {
                let side = self.sides.last_mut().ok_or(SheetError::Panels)?;
                match attribute(tag, "panel") {
                    Some("o") => side.overcoat = true,
                    Some(letter @ ("y" | "m" | "c" | "k")) if side.panels.len() < 4 => {
                        side.panels.push(Panel {
                            letter: letter.chars().next().unwrap_or('k'),
                            plane: Vec::new(),
                        });
                    }
                    _ => return Err(SheetError::Panels),
                }
            }
            "area" | "hole" => {
                let side = self.sides.last_mut().ok_or(SheetError::Panels)?;
                let rectangles = if name == "area" {
                    &mut side.areas
                } else {
                    &mut side.holes
                };
                if rectangles.len() == MAX_RECTANGLES {
                    return Err(SheetError::Panels);
                }
                rectangles.push(Rectangle::default());
            }
            "param" => self.asked = attribute(tag, "id").map(str::to_owned),
            _ => {}
        }
        Ok(())
    }

    fn closed(&mut self, name: &str, value: &str, open: &[&str]) -> Result<(), SheetError> {
        let number = || {
            value.parse::<u32>().map_err(|_| SheetError::Number {
                name: name.chars().take(40).collect(),
            })
        };
        match (open.last().copied(), name) {
            (_, "num-copies") => self.copies = Some(number()?),
            (_, "binary-size") => {
                self.binary_size = usize::try_from(number()?).unwrap_or(usize::MAX);
            }
            (Some(of @ ("area" | "hole")), "x" | "y" | "width" | "height") => {
                let side = self.sides.last_mut().ok_or(SheetError::Panels)?;
                let rectangles = if of == "area" {
                    &mut side.areas
                } else {
                    &mut side.holes
                };
                let rectangle = rectangles.last_mut().ok_or(SheetError::Panels)?;
                *match name {
                    "x" => &mut rectangle.x,
                    "y" => &mut rectangle.y,
                    "width" => &mut rectangle.width,
                    _ => &mut rectangle.height,
                } = number()?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The value of an attribute in double quotes.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = tag.split_once(&format!(" {name}=\""))?;
    after.split_once('"').map(|(value, _)| value)
}

impl Sheet {
    pub(super) fn new(text: Text, planes: &[u8]) -> Result<Self, SheetError> {
        let mut sheet = Self {
            copies: text.copies.ok_or(SheetError::Number {
                name: "num-copies".to_owned(),
            })?,
            sides: text.sides,
        };
        let mut planes = planes.chunks(PLANE);
        for panel in sheet.sides.iter_mut().flat_map(|side| &mut side.panels) {
            let plane = planes.next().filter(|plane| plane.len() == PLANE);
            panel.plane = plane.ok_or(SheetError::Planes)?.to_vec();
        }
        match (planes.next(), sheet.sides.is_empty()) {
            (None, false) => Ok(sheet),
            (None, true) => Err(SheetError::Sides),
            (Some(_), _) => Err(SheetError::Planes),
        }
    }
}

impl SheetSide {
    /// What lies on the card: lines come from its right edge, pixels from its lower one.
    pub(super) fn print(&self, printer: &RioPro360) -> PrintedSide {
        let mut side = PrintedSide::default();
        let lines = u32::try_from(LINES).expect("a plane is small");
        for panel in &self.panels {
            for (line, pixels) in (0..lines).zip(panel.plane.chunks_exact(PIXELS)) {
                let x = printer.first_column + (lines - 1 - line);
                for (y, ink) in (0..HEIGHT).rev().zip(pixels).filter(|(_, ink)| **ink > 0) {
                    if x >= WIDTH {
                        side.missed += 1;
                        continue;
                    }
                    let mut colour = side.dye.get(x, y);
                    match panel.letter {
                        'k' => {
                            side.resin.set(x, y, *ink >= 0x80);
                            continue;
                        }
                        'c' => colour[0] = 255 - ink,
                        'm' => colour[1] = 255 - ink,
                        _ => colour[2] = 255 - ink,
                    }
                    side.dye.set(x, y, colour);
                }
            }
        }
        if self.overcoat {
            let inside = |rectangle: &Rectangle, x: u32, y: u32| {
                x.checked_sub(rectangle.x)
                    .is_some_and(|x| x < rectangle.width)
                    && y.checked_sub(rectangle.y)
                        .is_some_and(|y| y < rectangle.height)
            };
            side.overcoat = Bitmap::from_fn(WIDTH, HEIGHT, |x, y| {
                x.checked_sub(printer.first_column)
                    .filter(|x| *x < lines)
                    .is_some_and(|x| {
                        (self.areas.is_empty() || self.areas.iter().any(|area| inside(area, x, y)))
                            && !self.holes.iter().any(|hole| inside(hole, x, y))
                    })
            });
        }
        side
    }
}

/// Why bytes are no job.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SheetError {
    /// No text where there should be some.
    #[error("there is no XML text")]
    NoText,
    /// No end of the text.
    #[error("the text does not end")]
    TooLong,
    /// Tags that do not belong together, or no size.
    #[error("the tags do not fit each other")]
    Tags,
    /// No number where there should be one.
    #[error("`{name}` is no number")]
    Number {
        /// The element.
        name: String,
    },
    /// No side, too many or another than 0 and 1.
    #[error("the sides are not those of a card")]
    Sides,
    /// A panel there is not.
    #[error("there is no such panel")]
    Panels,
    /// More planes than any job has.
    #[error("the planes have {size} bytes")]
    TooLarge {
        /// What the text says.
        size: usize,
    },
    /// Planes of another size than the panels need.
    #[error("the planes are not those of the panels")]
    Planes,
    /// The checksum is wrong.
    #[error("the checksum is wrong")]
    Checksum,
}
