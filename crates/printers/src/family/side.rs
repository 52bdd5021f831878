//! One side of a job that was taken apart.

use plastic::{Bitmap, Raster};

/// One side of a card as a job has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// `front` or `back`.
    pub name: &'static str,
    /// The panels in the order of the wire, as they lie under the head.
    pub planes: Vec<Plane>,
    /// The face as it is seen, upright in landscape.
    pub picture: Raster,
    /// Where overcoat goes, upright in landscape; `None` if the side gets none.
    pub overcoat: Option<Bitmap>,
}

/// One panel: a value for each dot.
#[derive(Clone, Eq, PartialEq)]
pub struct Plane {
    /// What it is called: `yellow`, `black`.
    pub name: &'static str,
    /// Dots of a line.
    pub width: u32,
    /// Lines.
    pub height: u32,
    /// The most a value can be.
    pub full: u8,
    /// Whether values are ink. Otherwise they are light.
    pub ink: bool,
    /// The values, line by line.
    pub values: Vec<u8>,
}

impl Plane {
    /// The panel as a grey picture: ink is dark.
    #[must_use]
    pub fn picture(&self) -> Raster {
        let mut picture = Raster::white(self.width, self.height);
        let dots = picture.bytes_mut().chunks_exact_mut(3);
        for (dot, value) in dots.zip(&self.values) {
            let light = scaled(*value, self.full);
            dot.fill(if self.ink { 255 - light } else { light });
        }
        picture
    }
}

impl std::fmt::Debug for Plane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            name,
            width,
            height,
            full,
            ..
        } = self;
        write!(f, "Plane({name}, {width} x {height}, up to {full})")
    }
}

/// A value of 0 to `full` as one of 0 to 255, rounded.
pub(super) fn scaled(value: u8, full: u8) -> u8 {
    let (value, full) = (u32::from(value.min(full)), u32::from(full.max(1)));
    u8::try_from((value * 255 + full / 2) / full).expect("at most 255")
}

/// A picture turned by 180 degrees.
pub(super) fn turned(picture: &Raster) -> Raster {
    let mut bytes = Vec::with_capacity(picture.bytes().len());
    for dot in picture.bytes().as_chunks::<3>().0.iter().rev() {
        bytes.extend_from_slice(dot);
    }
    Raster::from_bytes(picture.width(), picture.height(), bytes).expect("as many bytes as before")
}

/// A bitmap turned by 180 degrees.
pub(super) fn turned_bitmap(bitmap: &Bitmap) -> Bitmap {
    let mut turned = bitmap.clone();
    turned.dots_mut().reverse();
    turned
}
