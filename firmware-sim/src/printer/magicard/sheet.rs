use thiserror::Error;

/// Lines of a page.
const LINES: usize = 1016;

/// One side of a card as the job describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// The words of the header in their order.
    pub words: Vec<String>,
    /// Cards to print.
    pub copies: u32,
    /// How dots lie in a plane.
    pub head: HeadKind,
    /// 1 or 2.
    pub page: u32,
    /// Whether another page belongs to the card.
    pub duplex: bool,
    /// Whether the page goes on the back though it is the only one.
    pub back_only: bool,
    /// Where the overcoat goes, `None` for nowhere.
    pub overcoat: Option<Corners>,
    /// Where it does not go.
    pub holes: Vec<Corners>,
    /// The planes in the order of the wire.
    pub planes: Vec<SheetPlane>,
}

/// How dots lie in a plane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HeadKind {
    /// Two interleaved halves, 96 bytes a bit-plane.
    Interleaved,
    /// In order, 84 bytes a bit-plane.
    InOrder,
}

/// A rectangle as in the job: x from the left, y from the bottom, corners included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Corners {
    /// Left.
    pub left: u32,
    /// Lower.
    pub lower: u32,
    /// Right.
    pub right: u32,
    /// Upper.
    pub upper: u32,
}

/// The bytes of one panel.
#[derive(Clone, PartialEq)]
pub struct SheetPlane {
    /// `B`, `G`, `R` or `K`.
    pub letter: char,
    /// Bytes the header says.
    pub size: usize,
    /// Bytes that have come.
    pub data: Vec<u8>,
}

impl std::fmt::Debug for SheetPlane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.letter, self.size)
    }
}

impl HeadKind {
    /// Bytes of one bit-plane of a line.
    #[must_use]
    pub const fn stride(self) -> usize {
        match self {
            Self::Interleaved => 96,
            Self::InOrder => 84,
        }
    }
}

impl Sheet {
    /// Reads a header, without its first comma. Words that are not known are skipped.
    ///
    /// # Errors
    ///
    /// [`SheetError`] when the header cannot be printed from.
    pub fn of_header(text: &str) -> Result<Self, SheetError> {
        let words: Vec<String> = text.split(',').map(str::to_owned).collect();
        let value = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        let has = |name: &str| words.iter().any(|word| word == name);
        let number = |name: &'static str| -> Result<Option<u32>, SheetError> {
            value(name)
                .map(|digits| digits.parse().map_err(|_| SheetError::Word { name }))
                .transpose()
        };
        let head = match words
            .iter()
            .find(|word| word.starts_with("KGE") || word.starts_with("KEE"))
        {
            Some(word) if ["KGE2", "KEE1", "KEE4"].contains(&word.as_str()) => {
                HeadKind::Interleaved
            }
            Some(word) if word == "KEE" => HeadKind::InOrder,
            _ => return Err(SheetError::Head),
        };
        // A rectangle stands in four fields of the list.
        let corners = |at: usize, name: &'static str| -> Result<Corners, SheetError> {
            let bad = || SheetError::Word { name };
            let field = |offset: usize| -> Result<u32, SheetError> {
                let word = words.get(at + offset).ok_or_else(bad)?;
                let digits = if offset == 0 {
                    &word[name.len()..]
                } else {
                    word
                };
                digits.parse().map_err(|_| bad())
            };
            Ok(Corners {
                left: field(0)?,
                lower: field(1)?,
                right: field(2)?,
                upper: field(3)?,
            })
        };
        let all = |name: &'static str| -> Result<Vec<Corners>, SheetError> {
            (0..words.len())
                .filter(|at| words[*at].starts_with(name))
                .map(|at| corners(at, name))
                .collect()
        };
        let whole = Corners {
            left: 0,
            lower: 0,
            right: u32::MAX,
            upper: u32::MAX,
        };
        let overcoat = if has("OVRON") {
            Some(all("PCT")?.first().copied().unwrap_or(whole))
        } else {
            None
        };
        let mut planes: Vec<SheetPlane> = Vec::new();
        for word in words.iter().filter_map(|word| word.strip_prefix("SZ")) {
            let mut characters = word.chars();
            let letter = characters.next().unwrap_or(' ');
            let size: usize = characters
                .as_str()
                .parse()
                .map_err(|_| SheetError::Word { name: "SZ" })?;
            let bit_planes = match letter {
                'B' | 'G' | 'R' => 6,
                'K' => 1,
                _ => return Err(SheetError::Word { name: "SZ" }),
            };
            if size != 0 && size != LINES * bit_planes * head.stride() {
                return Err(SheetError::PlaneSize { letter, size });
            }
            if planes.iter().any(|plane| plane.letter == letter) {
                return Err(SheetError::Word { name: "SZ" });
            }
            planes.push(SheetPlane {
                letter,
                size,
                data: Vec::new(),
            });
        }
        Ok(Self {
            copies: number("NOC")?.unwrap_or(1),
            head,
            page: number("PAG")?.unwrap_or(1),
            duplex: has("DPXON"),
            back_only: has("BSO"),
            overcoat,
            holes: all("NCT")?,
            planes,
            words,
        })
    }
}

/// Why bytes cannot be printed from.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SheetError {
    /// Bytes between frames.
    #[error("bytes outside of a frame")]
    Noise,
    /// A text without end.
    #[error("the text is longer than any header")]
    TooLong,
    /// An end, a letter or a colon is missing.
    #[error("the frame does not end where it should")]
    Framing,
    /// No head word, or one of another family.
    #[error("the header names no head of this family")]
    Head,
    /// A word has the wrong form.
    #[error("the header has a `{name}` word of the wrong form")]
    Word {
        /// Its name.
        name: &'static str,
    },
    /// A plane that is not as large as the head needs it.
    #[error("plane `{letter}` has {size} bytes, which no head of this family takes")]
    PlaneSize {
        /// Which plane.
        letter: char,
        /// Its size in the header.
        size: usize,
    },
}
