//! The XML in front of the planes.

use std::fmt::Write;

use plastic::Area;
use roxmltree::{Document, Node};

use super::job::DecodeError;

/// What the job says of the card and its sides.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// Cards to print.
    pub copies: u32,
    /// Size of the card.
    pub card_size: CardSize,
    /// Lines of a plane, along the long side of the card.
    pub width: u32,
    /// Pixels of a line, only on a card of another height than CR-80.
    pub height: Option<u32>,
    /// The sides that are printed, front first.
    pub sides: Vec<SideOptions>,
    /// Seconds since 1970.
    pub time: u32,
}

/// Size of the card.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CardSize {
    /// 85.6 x 54.0 mm.
    Cr80,
    /// 83.9 x 51.1 mm.
    Cr79,
    /// Longer than CR-80.
    Extended,
}

/// A panel of dye or resin.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Ink {
    /// Takes blue away.
    Yellow,
    /// Takes green away.
    Magenta,
    /// Takes red away.
    Cyan,
    /// Resin.
    Black,
}

/// What the job says of one side.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SideOptions {
    /// Whether it is the back.
    pub back: bool,
    /// The panels that follow as planes, in their order.
    pub panels: Vec<Panel>,
    /// The overcoat, if any.
    pub overcoat: Option<OvercoatOptions>,
}

/// What the job says of one panel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Panel {
    /// Which.
    pub ink: Ink,
    /// More or less power than usual, 655 a step.
    pub power_adjust: i32,
}

/// What the job says of the overcoat of a side.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct OvercoatOptions {
    /// Shift along the card.
    pub x_adjust: i32,
    /// Shift across the card.
    pub y_adjust: i32,
    /// More or less power than usual, 655 a step.
    pub power_adjust: i32,
    /// Whether the watermark is turned by 180 degrees.
    pub watermark_turned: bool,
    /// Whether the watermark is the secure one.
    pub watermark_secure: bool,
    /// Number of the watermark, if there is one.
    pub watermark: Option<u32>,
    /// Where overcoat is laid, counted from the upper left corner; everywhere if empty.
    pub areas: Vec<Area>,
    /// Where it is left out, counted from the upper left corner.
    pub holes: Vec<Area>,
}

impl CardSize {
    const ALL: [Self; 3] = [Self::Cr80, Self::Cr79, Self::Extended];

    /// The word in the header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cr80 => "cr80",
            Self::Cr79 => "cr79",
            Self::Extended => "extended",
        }
    }
}

impl Ink {
    /// In the order of the wire.
    pub const ALL: [Self; 4] = [Self::Yellow, Self::Magenta, Self::Cyan, Self::Black];

    /// The letter in the header.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Yellow => 'y',
            Self::Magenta => 'm',
            Self::Cyan => 'c',
            Self::Black => 'k',
        }
    }

    /// The colour channel of a picture it takes away: 0 red, 1 green, 2 blue.
    #[must_use]
    pub const fn channel(self) -> Option<usize> {
        match self {
            Self::Yellow => Some(2),
            Self::Magenta => Some(1),
            Self::Cyan => Some(0),
            Self::Black => None,
        }
    }

    fn from_letter(letter: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|ink| letter.chars().eq([ink.letter()]))
    }
}

impl Header {
    /// The panels of all sides in the order of their planes, with whether they are on the back.
    pub fn panels(&self) -> impl Iterator<Item = (bool, Panel)> {
        self.sides
            .iter()
            .flat_map(|side| side.panels.iter().map(|panel| (side.back, *panel)))
    }

    /// The text up to and with the line end behind `</prn>`: carriage returns end lines, tabs
    /// indent.
    #[must_use]
    pub fn to_text(&self, binary_size: usize) -> String {
        let mut out = Text::default();
        out.line("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        out.open("prn");
        out.open("card");
        out.open("card-options");
        out.value("num-copies", self.copies);
        out.value("card-size", self.card_size.name());
        out.value("width", self.width);
        if let Some(height) = self.height {
            out.value("height", height);
        }
        out.close("card-options");
        for side in &self.sides {
            side.write(&mut out);
        }
        out.close("card");
        out.value("binary-size", binary_size);
        out.value("time", self.time);
        out.close("prn");
        out.text
    }

    /// Reads the text; returns the header and the size of the planes it names. Indentation, line
    /// ends, order and unknown elements do not matter.
    ///
    /// # Errors
    ///
    /// [`DecodeError`].
    pub(super) fn parse(text: &str) -> Result<(Self, usize), DecodeError> {
        let document = Document::parse(text).map_err(|error| DecodeError::Xml {
            detail: error.to_string(),
        })?;
        let prn = document.root_element();
        if !prn.has_tag_name("prn") {
            return Err(DecodeError::Missing { element: "prn" });
        }
        let card = needed(prn, "card")?;
        let options = needed(card, "card-options")?;
        let size = text_of(needed(options, "card-size")?);
        let mut sides = Vec::new();
        for side in children(card, "side-options") {
            let side = SideOptions::parse(side)?;
            if sides
                .iter()
                .any(|other: &SideOptions| other.back == side.back)
            {
                return Err(DecodeError::Twice {
                    what: format!("side {}", u8::from(side.back)),
                });
            }
            sides.push(side);
        }
        let header = Self {
            copies: needed_number(options, "num-copies")?,
            card_size: CardSize::ALL
                .into_iter()
                .find(|known| known.name() == size)
                .ok_or_else(|| bad("card-size", size))?,
            width: needed_number(options, "width")?,
            height: number(options, "height")?,
            sides,
            time: needed_number(prn, "time")?,
        };
        Ok((header, needed_number(prn, "binary-size")?))
    }
}

impl SideOptions {
    fn write(&self, out: &mut Text) {
        out.open_with("side-options", "side", u8::from(self.back));
        for panel in &self.panels {
            out.open_with("panel-options", "panel", panel.ink.letter());
            out.value("power-adjust", panel.power_adjust);
            out.close("panel-options");
        }
        if let Some(overcoat) = &self.overcoat {
            out.open_with("panel-options", "panel", 'o');
            overcoat.write(out);
            out.close("panel-options");
        }
        out.close("side-options");
    }

    fn parse(node: Node<'_, '_>) -> Result<Self, DecodeError> {
        let mut side = Self {
            back: match node.attribute("side") {
                Some("0") => false,
                Some("1") => true,
                other => return Err(bad("side-options side", other.unwrap_or_default())),
            },
            ..Self::default()
        };
        for panel in children(node, "panel-options") {
            let letter = panel.attribute("panel").unwrap_or_default();
            let twice = || DecodeError::Twice {
                what: format!("panel `{letter}` of side {}", u8::from(side.back)),
            };
            if letter == "o" {
                if side.overcoat.is_some() {
                    return Err(twice());
                }
                side.overcoat = Some(OvercoatOptions::parse(panel)?);
                continue;
            }
            let ink = Ink::from_letter(letter).ok_or_else(|| bad("panel-options panel", letter))?;
            if side.panels.iter().any(|panel| panel.ink == ink) {
                return Err(twice());
            }
            side.panels.push(Panel {
                ink,
                power_adjust: number(panel, "power-adjust")?.unwrap_or(0),
            });
        }
        Ok(side)
    }
}

impl OvercoatOptions {
    fn write(&self, out: &mut Text) {
        out.value("x-adjust", self.x_adjust);
        out.value("y-adjust", self.y_adjust);
        out.value("power-adjust", self.power_adjust);
        if self.watermark_turned {
            out.value("watermark-rotation", 180);
        }
        if self.watermark_secure {
            out.value("watermark-secure-shield", true);
        }
        if let Some(index) = self.watermark {
            out.value("watermark-index", index);
        }
        for (name, areas) in [("area", &self.areas), ("hole", &self.holes)] {
            for area in areas {
                out.open(name);
                out.value("x", area.x);
                out.value("y", area.y);
                out.value("width", area.width);
                out.value("height", area.height);
                out.close(name);
            }
        }
    }

    fn parse(node: Node<'_, '_>) -> Result<Self, DecodeError> {
        let areas = |name| -> Result<Vec<Area>, DecodeError> {
            children(node, name)
                .map(|area| {
                    Ok(Area {
                        x: needed_number(area, "x")?,
                        y: needed_number(area, "y")?,
                        width: needed_number(area, "width")?,
                        height: needed_number(area, "height")?,
                    })
                })
                .collect()
        };
        Ok(Self {
            x_adjust: number(node, "x-adjust")?.unwrap_or(0),
            y_adjust: number(node, "y-adjust")?.unwrap_or(0),
            power_adjust: number(node, "power-adjust")?.unwrap_or(0),
            watermark_turned: number(node, "watermark-rotation")? == Some(180_u32),
            watermark_secure: child(node, "watermark-secure-shield").map(text_of) == Some("true"),
            watermark: number(node, "watermark-index")?,
            areas: areas("area")?,
            holes: areas("hole")?,
        })
    }
}

/// The text as it grows, line by line.
#[derive(Default)]
struct Text {
    text: String,
    depth: usize,
}

impl Text {
    fn line(&mut self, line: &str) {
        self.text.extend(std::iter::repeat_n('\t', self.depth));
        self.text.push_str(line);
        self.text.push('\r');
    }

    fn open(&mut self, name: &str) {
        self.line(&format!("<{name}>"));
        self.depth += 1;
    }

    fn open_with(&mut self, name: &str, attribute: &str, value: impl std::fmt::Display) {
        self.line(&format!("<{name} {attribute}=\"{value}\">"));
        self.depth += 1;
    }

    fn close(&mut self, name: &str) {
        self.depth -= 1;
        self.line(&format!("</{name}>"));
    }

    fn value(&mut self, name: &str, value: impl std::fmt::Display) {
        let mut line = String::new();
        write!(line, "<{name}>{value}</{name}>").expect("a string takes any text");
        self.line(&line);
    }
}

fn children<'a, 'input: 'a>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children()
        .filter(move |child| child.has_tag_name(name))
}

fn child<'a, 'input: 'a>(node: Node<'a, 'input>, name: &'static str) -> Option<Node<'a, 'input>> {
    children(node, name).next()
}

fn needed<'a, 'input: 'a>(
    node: Node<'a, 'input>,
    element: &'static str,
) -> Result<Node<'a, 'input>, DecodeError> {
    child(node, element).ok_or(DecodeError::Missing { element })
}

fn text_of<'a>(node: Node<'a, '_>) -> &'a str {
    node.text().unwrap_or_default().trim()
}

fn number<T: std::str::FromStr>(
    node: Node<'_, '_>,
    element: &'static str,
) -> Result<Option<T>, DecodeError> {
    child(node, element)
        .map(|child| {
            let text = text_of(child);
            text.parse().map_err(|_| bad(element, text))
        })
        .transpose()
}

fn needed_number<T: std::str::FromStr>(
    node: Node<'_, '_>,
    element: &'static str,
) -> Result<T, DecodeError> {
    number(node, element)?.ok_or(DecodeError::Missing { element })
}

fn bad(element: &'static str, value: &str) -> DecodeError {
    // Enough to see what it is.
    DecodeError::Value {
        element,
        value: value.chars().take(40).collect(),
    }
}
