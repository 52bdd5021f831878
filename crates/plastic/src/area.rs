/// Dots along the long side of a card: 1016 at 300 dpi (86.0 mm; CR80 plus the bleed the printers
/// take).
pub const WIDTH: u32 = 1016;
/// Dots along the short side of a card: 642 at 300 dpi (54.4 mm).
pub const HEIGHT: u32 = 642;
/// Dots per inch of every size in this crate.
pub const DPI: u32 = 300;

/// The contacts of the chip on the front of a landscape card, with the tolerance of ISO/IEC
/// 7816-2 (minimum contact areas C1 to C8): 10.25 to 19.87 mm from the left edge and 19.23 to
/// 28.55 mm from the upper edge, in dots.
pub const CONTACTS: Area = Area {
    x: 121,
    y: 227,
    width: 114,
    height: 111,
};

/// A rectangle in dots, counted from the upper left corner of the upright face.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Area {
    /// Dots from the left edge.
    pub x: u32,
    /// Dots from the upper edge.
    pub y: u32,
    /// Dots across.
    pub width: u32,
    /// Dots down.
    pub height: u32,
}

impl Area {
    /// The whole face of a landscape card.
    pub const FACE: Self = Self {
        x: 0,
        y: 0,
        width: WIDTH,
        height: HEIGHT,
    };

    /// The first column right of the area.
    #[must_use]
    pub const fn right(self) -> u32 {
        self.x.saturating_add(self.width)
    }

    /// The first row below the area.
    #[must_use]
    pub const fn bottom(self) -> u32 {
        self.y.saturating_add(self.height)
    }

    /// Whether the dot lies inside.
    #[must_use]
    pub const fn contains(self, x: u32, y: u32) -> bool {
        x >= self.x && x < self.right() && y >= self.y && y < self.bottom()
    }

    /// Whether the two areas share a dot.
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.x < other.right()
            && other.x < self.right()
            && self.y < other.bottom()
            && other.y < self.bottom()
    }

    /// The dots both areas share, if any.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        self.overlaps(other).then(|| {
            let (x, y) = (self.x.max(other.x), self.y.max(other.y));
            Self {
                x,
                y,
                width: self.right().min(other.right()) - x,
                height: self.bottom().min(other.bottom()) - y,
            }
        })
    }

    /// The same area with `margin` more dots on every side, cut at the left and upper edges.
    #[must_use]
    pub const fn grown(self, margin: u32) -> Self {
        let x = self.x.saturating_sub(margin);
        let y = self.y.saturating_sub(margin);
        Self {
            x,
            y,
            width: self.right().saturating_add(margin) - x,
            height: self.bottom().saturating_add(margin) - y,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_intersection_is_what_both_areas_contain() {
        let one = Area {
            x: 2,
            y: 3,
            width: 10,
            height: 4,
        };
        let other = Area {
            x: 8,
            y: 0,
            width: 10,
            height: 5,
        };
        let both = Area {
            x: 8,
            y: 3,
            width: 4,
            height: 2,
        };
        assert_eq!(one.intersection(other), Some(both));
        assert_eq!(other.intersection(one), Some(both));
        assert_eq!(one.intersection(one.grown(1)), Some(one));
        assert_eq!(CONTACTS.intersection(one), None);
    }
}
