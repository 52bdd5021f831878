//! Where the dots of a face lie in a plane.

use plastic::{Area, HEIGHT, WIDTH};

use super::words::{LINES, PIXELS};

/// Where the dots of an upright landscape face lie in a plane.
///
/// The face is 1016 dots wide and a plane has 1013 lines: three columns go, `first_column` of them
/// at the left edge and the rest at the right one. Holes and areas of the overcoat move with the
/// picture.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Placement {
    /// The column of the face that is the leftmost one printed, 0 to 3.
    pub first_column: u32,
    /// Whether pixels of a line are counted from the lower edge of the face.
    pub from_below: bool,
    /// Whether the face is printed upside down.
    pub turned: bool,
}

impl Placement {
    /// Columns of a face that are not printed.
    pub const CUT: u32 = WIDTH - LINES as u32;

    /// Line and pixel of a dot of the face, if it is printed.
    #[must_use]
    pub fn of(self, x: u32, y: u32) -> Option<(usize, usize)> {
        let (x, y) = self.on_printed(x, y)?;
        let pixel = if self.from_below { PIXELS - 1 - y } else { y };
        Some((LINES - 1 - x, pixel))
    }

    /// Where an area of the face lies on the printed part, counted from the upper left corner as
    /// the printer sees it; `None` if nothing of it is printed.
    #[must_use]
    pub fn area(self, area: Area) -> Option<Area> {
        let printed = Area {
            x: self.first_column.min(Self::CUT),
            y: 0,
            width: LINES as u32,
            height: HEIGHT,
        };
        let Area {
            x,
            y,
            width,
            height,
        } = area.intersection(printed)?;
        let x = x - printed.x;
        let (x, y) = if self.turned {
            (printed.width - x - width, printed.height - y - height)
        } else {
            (x, y)
        };
        Some(Area {
            x,
            y,
            width,
            height,
        })
    }

    /// The column and row of the printed part, after turning.
    fn on_printed(self, x: u32, y: u32) -> Option<(usize, usize)> {
        let x = x.checked_sub(self.first_column.min(Self::CUT))? as usize;
        let y = y as usize;
        if x >= LINES || y >= PIXELS {
            return None;
        }
        Some(if self.turned {
            (LINES - 1 - x, PIXELS - 1 - y)
        } else {
            (x, y)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Placement = Placement {
        first_column: 1,
        from_below: true,
        turned: false,
    };

    #[test]
    fn corners_lie_where_the_facts_say() {
        let from_left = Placement {
            first_column: 0,
            ..PLAIN
        };
        // Line 1012 - x, pixel 641 - y.
        assert_eq!(from_left.of(0, 0), Some((1012, 641)));
        assert_eq!(from_left.of(1012, 641), Some((0, 0)));
        assert_eq!(from_left.of(1013, 0), None);
        assert_eq!(PLAIN.of(0, 0), None);
        assert_eq!(PLAIN.of(1, 0), Some((1012, 641)));
        assert_eq!(PLAIN.of(1013, 641), Some((0, 0)));
        assert_eq!(PLAIN.of(1014, 0), None);
        let turned = Placement {
            turned: true,
            ..PLAIN
        };
        assert_eq!(turned.of(1, 0), Some((0, 0)));
        assert_eq!(
            turned.area(Area {
                x: 1,
                y: 0,
                width: 2,
                height: 3
            }),
            Some(Area {
                x: 1011,
                y: 639,
                width: 2,
                height: 3,
            })
        );
    }

    #[test]
    fn areas_are_cut_at_the_edges_of_what_is_printed() {
        assert_eq!(
            PLAIN.area(Area::FACE),
            Some(Area {
                x: 0,
                y: 0,
                width: 1013,
                height: 642
            })
        );
        assert_eq!(
            PLAIN.area(Area {
                x: 1014,
                y: 0,
                width: 2,
                height: 9
            }),
            None
        );
    }
}
