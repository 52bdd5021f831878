//! From the face of a card and the wishes for it to a job.

use ground::{Blame, Blamed};
use plastic::{Area, Separation};
use thiserror::Error;

use super::header::{CardSize, Header, Ink, OvercoatOptions, Panel, SideOptions};
use super::job::{Job, Plane};
use super::placement::Placement;
use super::words::{LINES, PIXELS, PLANE};

/// The normal setting of every power.
pub const NORMAL: u32 = 50;

/// What one step of power is in the header.
const POWER_STEP: i64 = 655;

/// Rows of the picture gathered at a time: their bytes of one line lie side by side.
const ROWS: usize = 64;

/// What is the same for both sides of a card.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JobOptions {
    /// Cards to print.
    pub copies: u32,
    /// Seconds since 1970.
    pub time: u32,
    /// Power for the dye panels, [`NORMAL`] or more or less.
    pub dye_power: u32,
    /// Power for the resin panel.
    pub resin_power: u32,
    /// Power for the overcoat.
    pub overcoat_power: u32,
}

impl JobOptions {
    /// One card with normal power.
    #[must_use]
    pub const fn new(time: u32) -> Self {
        Self {
            copies: 1,
            time,
            dye_power: NORMAL,
            resin_power: NORMAL,
            overcoat_power: NORMAL,
        }
    }
}

/// One side of a card.
#[derive(Clone, Debug)]
pub struct Side<'a> {
    /// What to print, landscape, 1016 x 642 dots.
    pub separation: &'a Separation,
    /// Whether resin dots print as full dye, without a resin plane.
    pub black_as_dye: bool,
    /// Where the face lies in the planes.
    pub placement: Placement,
    /// The overcoat, if any. It has the holes the separation names, and those named here.
    pub overcoat: Option<Overcoat>,
}

/// The overcoat of one side.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Overcoat {
    /// Holes in the printer's own coordinates, such as [`Overcoat::MAGNETIC`]; they do not turn
    /// with the side.
    pub holes: Vec<Area>,
    /// Number of the watermark, if there is one.
    pub watermark: Option<u32>,
}

impl Overcoat {
    /// The vendor's hole for the contacts.
    pub const CHIP: Area = from_below(106, 310, 136, 112);
    /// The vendor's larger hole for the contacts.
    pub const CHIP_LARGE: Area = from_below(96, 288, 162, 144);
    /// The vendor's hole for a magnetic stripe.
    pub const MAGNETIC: Area = from_below(0, 420, 1012, 170);
    /// The vendor's larger hole for a magnetic stripe.
    pub const MAGNETIC_WIDE: Area = from_below(0, 400, 1012, 200);
}

/// The vendor's driver keeps holes from the lower edge and sends them from the upper one.
const fn from_below(x: u32, bottom: u32, width: u32, height: u32) -> Area {
    Area {
        x,
        y: plastic::HEIGHT - bottom - height,
        width,
        height,
    }
}

/// Draws a job. A panel without ink is left out; a card without any gets one empty resin plane.
///
/// # Errors
///
/// [`BuildError`] when a side is missing or has the wrong size.
pub fn build(
    options: &JobOptions,
    front: Option<&Side<'_>>,
    back: Option<&Side<'_>>,
) -> Result<Job, BuildError> {
    let mut planes = Vec::new();
    let mut sides = Vec::new();
    for (side, back) in [(front, false), (back, true)] {
        let Some(side) = side else { continue };
        check(side.separation)?;
        planes.extend(drawn(side, back));
        let overcoat = side
            .overcoat
            .as_ref()
            .map(|overcoat| overcoat_options(options, side, overcoat));
        sides.push(SideOptions {
            back,
            panels: Vec::new(),
            overcoat,
        });
    }
    let Some(first) = sides.first() else {
        return Err(BuildError::NothingToPrint);
    };
    if planes.is_empty() {
        planes.push(Plane::new(first.back, Ink::Black, vec![0; PLANE]));
    }
    for side in &mut sides {
        let of_side = planes.iter().filter(|plane| plane.is_back() == side.back);
        side.panels = of_side
            .map(|plane| Panel {
                ink: plane.ink(),
                power_adjust: power_adjust(match plane.ink() {
                    Ink::Black => options.resin_power,
                    _ => options.dye_power,
                }),
            })
            .collect();
    }
    let header = Header {
        copies: options.copies,
        card_size: CardSize::Cr80,
        width: LINES as u32,
        height: None,
        sides,
        time: options.time,
    };
    Ok(Job::new(header, planes))
}

fn check(separation: &Separation) -> Result<(), BuildError> {
    for (width, height) in [
        (separation.colour.width(), separation.colour.height()),
        (separation.black.width(), separation.black.height()),
    ] {
        if (width, height) != (plastic::WIDTH, plastic::HEIGHT) {
            return Err(BuildError::Size { width, height });
        }
    }
    Ok(())
}

fn power_adjust(power: u32) -> i32 {
    let adjust = (i64::from(power) - i64::from(NORMAL)) * POWER_STEP;
    i32::try_from(adjust).unwrap_or(i32::MAX)
}

fn overcoat_options(options: &JobOptions, side: &Side<'_>, overcoat: &Overcoat) -> OvercoatOptions {
    let named = side.separation.overcoat_holes.iter();
    let holes = named
        .filter_map(|hole| side.placement.area(*hole))
        .chain(overcoat.holes.iter().copied());
    OvercoatOptions {
        power_adjust: power_adjust(options.overcoat_power),
        watermark: overcoat.watermark,
        holes: holes.collect(),
        ..OvercoatOptions::default()
    }
}

/// The planes of a side that have ink.
fn drawn(side: &Side<'_>, back: bool) -> Vec<Plane> {
    let mut planes = Vec::with_capacity(Ink::ALL.len());
    let dyes = dye_planes(side);
    let inks = [Ink::Yellow, Ink::Magenta, Ink::Cyan];
    for (ink, data) in inks.into_iter().zip(dyes) {
        if data.iter().any(|ink| *ink != 0) {
            planes.push(Plane::new(back, ink, data));
        }
    }
    if !side.black_as_dye {
        let data = resin_plane(side);
        if data.iter().any(|ink| *ink != 0) {
            planes.push(Plane::new(back, Ink::Black, data));
        }
    }
    planes
}

/// How the columns and rows of the printed part of a face go through a plane.
struct Way {
    first_column: usize,
    /// Whether columns go with the lines.
    forward: bool,
    /// Whether rows go with the pixels.
    down: bool,
}

impl Way {
    fn of(placement: Placement) -> Self {
        Self {
            first_column: placement.first_column.min(Placement::CUT) as usize,
            forward: placement.turned,
            down: placement.from_below == placement.turned,
        }
    }

    fn line(&self, column: usize) -> usize {
        if self.forward {
            column
        } else {
            LINES - 1 - column
        }
    }

    fn pixel(&self, row: usize) -> usize {
        if self.down { row } else { PIXELS - 1 - row }
    }
}

/// Lines run along the short side of the card and rows of the picture along the long one. Going
/// through a plane line by line would touch another row of the picture for every pixel, so a band
/// of rows is done at a time: what it touches of the planes stays in the cache.
fn dye_planes(side: &Side<'_>) -> [Vec<u8>; 3] {
    let way = Way::of(side.placement);
    let separation = side.separation;
    let [mut yellow, mut magenta, mut cyan] = [(); 3].map(|()| vec![0_u8; PLANE]);
    for band in (0..PIXELS).step_by(ROWS) {
        let rows: Vec<&[[u8; 3]]> = (band..PIXELS.min(band + ROWS))
            .map(|row| {
                let row = separation
                    .colour
                    .row(u32::try_from(row).expect("below 642"));
                &row.as_chunks::<3>().0[way.first_column..][..LINES]
            })
            .collect();
        let (first, last) = (way.pixel(band), way.pixel(band + rows.len() - 1));
        let start = first.min(last);
        for column in 0..LINES {
            let at = way.line(column) * PIXELS + start;
            let inks = yellow[at..][..rows.len()]
                .iter_mut()
                .zip(&mut magenta[at..][..rows.len()])
                .zip(&mut cyan[at..][..rows.len()]);
            let lay = |ink: ((&mut u8, &mut u8), &mut u8), row: &[[u8; 3]]| {
                let ((yellow, magenta), cyan) = ink;
                let [red, green, blue] = row[column];
                *yellow = !blue;
                *magenta = !green;
                *cyan = !red;
            };
            if way.down {
                inks.zip(&rows).for_each(|(ink, row)| lay(ink, row));
            } else {
                let rows = rows.iter().rev();
                inks.zip(rows).for_each(|(ink, row)| lay(ink, row));
            }
        }
    }
    // Under resin lies no dye, or all of it.
    let under = if side.black_as_dye { 0xFF } else { 0 };
    for row in 0..PIXELS {
        let dots = separation.black.row(u32::try_from(row).expect("below 642"));
        let dots = &dots[way.first_column..][..LINES];
        for (column, _) in dots.iter().enumerate().filter(|(_, black)| **black) {
            let at = way.line(column) * PIXELS + way.pixel(row);
            for plane in [&mut yellow, &mut magenta, &mut cyan] {
                plane[at] = under;
            }
        }
    }
    [yellow, magenta, cyan]
}

fn resin_plane(side: &Side<'_>) -> Vec<u8> {
    let way = Way::of(side.placement);
    let mut plane = vec![0; PLANE];
    for row in 0..PIXELS {
        let dots = side
            .separation
            .black
            .row(u32::try_from(row).expect("below 642"));
        let dots = &dots[way.first_column..][..LINES];
        for (column, _) in dots.iter().enumerate().filter(|(_, black)| **black) {
            plane[way.line(column) * PIXELS + way.pixel(row)] = 0xFF;
        }
    }
    plane
}

/// Why a job cannot be drawn.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum BuildError {
    /// Neither front nor back.
    #[error("the job has neither a front nor a back")]
    NothingToPrint,
    /// A side has the wrong size.
    #[error(
        "a side has {width} x {height} dots, expected {} x {}",
        plastic::WIDTH,
        plastic::HEIGHT
    )]
    Size {
        /// Dots across.
        width: u32,
        /// Dots down.
        height: u32,
    },
}

impl Blamed for BuildError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }
}

#[cfg(test)]
mod tests;
