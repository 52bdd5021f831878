/// One bit a dot, row by row from the upper left; `true` is ink.
#[derive(Clone, Eq, PartialEq)]
pub struct Bitmap {
    width: u32,
    height: u32,
    dots: Vec<bool>,
}

impl Bitmap {
    /// A bitmap without ink.
    #[must_use]
    pub fn blank(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            dots: vec![false; width as usize * height as usize],
        }
    }

    /// A bitmap with ink where `ink(x, y)` says so.
    #[must_use]
    pub fn from_fn(width: u32, height: u32, mut ink: impl FnMut(u32, u32) -> bool) -> Self {
        let mut bitmap = Self::blank(width, height);
        for y in 0..height {
            for x in 0..width {
                bitmap.set(x, y, ink(x, y));
            }
        }
        bitmap
    }

    /// Dots across.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Dots down.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Whether there is ink at a dot.
    ///
    /// # Panics
    ///
    /// Outside the bitmap.
    #[must_use]
    pub fn get(&self, x: u32, y: u32) -> bool {
        self.dots[self.index(x, y)]
    }

    /// Sets or clears a dot.
    ///
    /// # Panics
    ///
    /// Outside the bitmap.
    pub fn set(&mut self, x: u32, y: u32, ink: bool) {
        let index = self.index(x, y);
        self.dots[index] = ink;
    }

    /// All dots, row by row.
    #[must_use]
    pub fn dots(&self) -> &[bool] {
        &self.dots
    }

    /// All dots to be changed, row by row.
    pub fn dots_mut(&mut self) -> &mut [bool] {
        &mut self.dots
    }

    /// One row.
    ///
    /// # Panics
    ///
    /// Outside the bitmap.
    #[must_use]
    pub fn row(&self, y: u32) -> &[bool] {
        let start = self.index(0, y);
        &self.dots[start..start + self.width as usize]
    }

    /// One row to be changed.
    ///
    /// # Panics
    ///
    /// Outside the bitmap.
    pub fn row_mut(&mut self, y: u32) -> &mut [bool] {
        let start = self.index(0, y);
        &mut self.dots[start..start + self.width as usize]
    }

    /// How many dots have ink.
    #[must_use]
    pub fn count(&self) -> usize {
        self.dots.iter().filter(|&&ink| ink).count()
    }

    fn index(&self, x: u32, y: u32) -> usize {
        assert!(
            x < self.width && y < self.height,
            "dot ({x}, {y}) lies outside the bitmap"
        );
        y as usize * self.width as usize + x as usize
    }
}

impl std::fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Bitmap({} x {}, {} dots of ink)",
            self.width,
            self.height,
            self.count()
        )
    }
}
