use crate::{Area, Bitmap, Raster};

/// One side of a card separated for printing: what the dye panels and the resin panel each lay
/// down, and what must stay free of overcoat.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Separation {
    /// Dye: the colour of every dot. White where resin black prints alone.
    pub colour: Raster,
    /// Resin black, of the same size.
    pub black: Bitmap,
    /// Where overcoat must not go, such as the contacts of the chip.
    pub overcoat_holes: Vec<Area>,
}

impl Separation {
    /// Splits off every pure black dot, the rule of the vendors' own drivers.
    #[must_use]
    pub fn of_pure_black(picture: &Raster) -> Self {
        let black = Bitmap::from_fn(picture.width(), picture.height(), |x, y| {
            picture.get(x, y) == [0, 0, 0]
        });
        let mut colour = picture.clone();
        for y in 0..black.height() {
            for x in 0..black.width() {
                if black.get(x, y) {
                    colour.set(x, y, [255; 3]);
                }
            }
        }
        Self {
            colour,
            black,
            overcoat_holes: Vec::new(),
        }
    }

    /// What a person sees: the dye with the resin black on top.
    #[must_use]
    pub fn composed(&self) -> Raster {
        let mut picture = self.colour.clone();
        let dots = picture.bytes_mut().chunks_exact_mut(3);
        for (dot, &ink) in dots.zip(self.black.dots()) {
            if ink {
                dot.fill(0);
            }
        }
        picture
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn separating_and_composing_gives_the_picture_back(
            bytes in proptest::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 7 * 5 * 3)
        ) {
            let picture = Raster::from_bytes(7, 5, bytes).unwrap();
            prop_assert_eq!(Separation::of_pure_black(&picture).composed(), picture);
        }
    }
}
