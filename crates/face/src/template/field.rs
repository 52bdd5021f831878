use plastic::Area;
use resvg::usvg::roxmltree::{Document, Node};

use super::{bad_attribute, bad_element, geometry};
use crate::TemplateError;
use crate::fonts::EMBEDDED_FAMILY;

/// What the id of a field starts with.
pub(crate) const PREFIX: &str = "field:";
/// The field that takes the photo.
pub(crate) const PHOTO: &str = "photo";

/// The smallest type that stays legible in resin, in dots (2.9 points).
const SMALLEST: f32 = 12.0;
/// The largest type there is room for, in dots.
const LARGEST: f32 = 642.0;
/// The most fields on a face.
const MAX_FIELDS: usize = 64;

/// A named place on the face that is filled for each card.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// What the id says behind `field:`.
    pub name: String,
    /// Where it lies, in whole dots within the drawn box.
    pub area: Area,
    /// Whether a face without data for it is refused.
    pub required: bool,
    /// What goes there.
    pub kind: FieldKind,
}

/// What goes into a field.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldKind {
    /// The photo, cut to the field's proportions.
    Photo {
        /// Radius of the rounded corners in dots.
        radius: f32,
    },
    /// Text.
    Text(TextStyle),
}

/// How the text of a field is set.
#[derive(Clone, Debug, PartialEq)]
pub struct TextStyle {
    /// Font family (`data-font`).
    pub family: String,
    /// Weight from 100 to 900 (`data-weight`).
    pub weight: u16,
    /// Whether the italic is asked for (`data-style`).
    pub italic: bool,
    /// Size in dots (`data-size`).
    pub size: f32,
    /// The size in dots below which a text rather takes another line (`data-wrap-size`).
    pub wrap_size: f32,
    /// The smallest size in dots a long text may shrink to (`data-min-size`).
    pub min_size: f32,
    /// The most lines (`data-lines`).
    pub lines: u32,
    /// Distance of baselines as a multiple of the size (`data-line-height`).
    pub line_height: f32,
    /// Where lines stand across (`data-align`).
    pub align: Align,
    /// Where the block stands down (`data-valign`).
    pub vertical: VerticalAlign,
    /// Characters between spaces put into a text of one word, 0 for none (`data-group`).
    pub group: u32,
    /// What it is printed with (`data-ink`, `data-fill`).
    pub ink: Ink,
}

/// What a text is printed with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ink {
    /// Resin black.
    Resin,
    /// Dye of this colour (red, green, blue).
    Dye([u8; 3]),
}

/// Where a line stands across its field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Align {
    /// At the left edge.
    Left,
    /// In the middle.
    Centre,
    /// At the right edge.
    Right,
}

/// Where the lines stand down their field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum VerticalAlign {
    /// At the upper edge.
    Top,
    /// In the middle.
    Middle,
    /// At the lower edge.
    Bottom,
}

/// Whether an element stands for a field.
pub(crate) fn is_field(node: Node<'_, '_>) -> bool {
    node.attribute("id")
        .is_some_and(|id| id.starts_with(PREFIX))
}

/// All fields of the document.
pub(super) fn read(
    document: &Document<'_>,
    keep_out: Option<Area>,
) -> Result<Vec<Field>, TemplateError> {
    let mut complaints = Vec::new();
    let fields = examine(document, keep_out, &mut complaints);
    match complaints.into_iter().next() {
        Some(first) => Err(first),
        None => Ok(fields),
    }
}

/// All fields that can be used, and every complaint about the others.
pub(super) fn examine(
    document: &Document<'_>,
    keep_out: Option<Area>,
    complaints: &mut Vec<TemplateError>,
) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for node in document.descendants().filter(|&node| is_field(node)) {
        match read_one(node, keep_out) {
            Err(error) => complaints.push(error),
            Ok(field) if fields.iter().any(|other| other.name == field.name) => {
                complaints.push(bad_element(node, "there is another field of this name"));
            }
            Ok(_) if fields.len() == MAX_FIELDS => {
                complaints.push(bad_element(node, "a face has at most 64 fields"));
                return fields;
            }
            Ok(field) => fields.push(field),
        }
    }
    fields
}

fn read_one(node: Node<'_, '_>, keep_out: Option<Area>) -> Result<Field, TemplateError> {
    let id = node.attribute("id").unwrap_or_default();
    let name = id.strip_prefix(PREFIX).unwrap_or_default();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 32 || !name.chars().all(allowed) {
        return Err(bad_attribute(
            node,
            "id",
            id,
            "`field:` and a name of at most 32 of a-z, 0-9, - and _",
        ));
    }
    if node.tag_name().name() != "rect" {
        return Err(bad_element(node, "a field has to be a `rect`"));
    }
    let drawn = geometry::of(node)?;
    let required = match node.attribute("data-required") {
        None | Some("yes") => true,
        Some("no") => false,
        Some(other) => return Err(bad_attribute(node, "data-required", other, "`yes` or `no`")),
    };
    let kind = if name == PHOTO {
        FieldKind::Photo {
            radius: drawn.radius,
        }
    } else {
        if keep_out.is_some_and(|keep_out| keep_out.overlaps(drawn.area)) {
            return Err(bad_element(
                node,
                "the field reaches onto the chip, its text would be cut there",
            ));
        }
        FieldKind::Text(text_style(node)?)
    };
    Ok(Field {
        name: name.to_owned(),
        area: drawn.area,
        required,
        kind,
    })
}

fn text_style(node: Node<'_, '_>) -> Result<TextStyle, TemplateError> {
    let size = match node.attribute("data-size") {
        Some(value) => length(node, "data-size", value)?,
        None => return Err(bad_element(node, "a text field needs `data-size`")),
    };
    let min_size = match node.attribute("data-min-size") {
        Some(value) => length(node, "data-min-size", value)?,
        None => size,
    };
    if min_size > size {
        return Err(bad_attribute(
            node,
            "data-min-size",
            node.attribute("data-min-size").unwrap_or_default(),
            "at most `data-size`",
        ));
    }
    let wrap_size = match node.attribute("data-wrap-size") {
        Some(value) => {
            let wrap_size = length(node, "data-wrap-size", value)?;
            if !(min_size..=size).contains(&wrap_size) {
                return Err(bad_attribute(
                    node,
                    "data-wrap-size",
                    value,
                    "a size from `data-min-size` to `data-size`",
                ));
            }
            wrap_size
        }
        None => min_size,
    };
    let weight = match node.attribute("data-weight") {
        None | Some("regular" | "normal") => 400,
        Some("bold") => 700,
        Some(value) => number(
            node,
            "data-weight",
            value,
            100,
            900,
            "`regular`, `bold` or 100 to 900",
        )?,
    };
    let italic = match node.attribute("data-style") {
        None | Some("normal") => false,
        Some("italic") => true,
        Some(other) => {
            return Err(bad_attribute(
                node,
                "data-style",
                other,
                "`normal` or `italic`",
            ));
        }
    };
    let lines = match node.attribute("data-lines") {
        None => 1,
        Some(value) => number(
            node,
            "data-lines",
            value,
            1,
            8,
            "a whole number from 1 to 8",
        )?,
    };
    let line_height = match node.attribute("data-line-height") {
        None => 1.15,
        Some(value) => value
            .parse::<f32>()
            .ok()
            .filter(|height| (0.8..=3.0).contains(height))
            .ok_or_else(|| bad_attribute(node, "data-line-height", value, "0.8 to 3.0"))?,
    };
    let align = match node.attribute("data-align") {
        None | Some("left") => Align::Left,
        Some("centre" | "center") => Align::Centre,
        Some("right") => Align::Right,
        Some(other) => {
            return Err(bad_attribute(
                node,
                "data-align",
                other,
                "`left`, `centre` or `right`",
            ));
        }
    };
    let vertical = match node.attribute("data-valign") {
        None | Some("top") => VerticalAlign::Top,
        Some("middle") => VerticalAlign::Middle,
        Some("bottom") => VerticalAlign::Bottom,
        Some(other) => {
            return Err(bad_attribute(
                node,
                "data-valign",
                other,
                "`top`, `middle` or `bottom`",
            ));
        }
    };
    let group = match node.attribute("data-group") {
        None => 0,
        Some(value) => number(
            node,
            "data-group",
            value,
            0,
            12,
            "a whole number from 0 to 12",
        )?,
    };
    Ok(TextStyle {
        family: node
            .attribute("data-font")
            .unwrap_or(EMBEDDED_FAMILY)
            .to_owned(),
        weight,
        italic,
        size,
        wrap_size,
        min_size,
        lines,
        line_height,
        align,
        vertical,
        group,
        ink: ink(node)?,
    })
}

fn ink(node: Node<'_, '_>) -> Result<Ink, TemplateError> {
    let fill = node
        .attribute("data-fill")
        .map(|value| {
            colour(value).ok_or_else(|| bad_attribute(node, "data-fill", value, "#rrggbb"))
        })
        .transpose()?;
    match (node.attribute("data-ink"), fill) {
        (None | Some("resin"), None | Some([0, 0, 0])) => Ok(Ink::Resin),
        (None | Some("resin"), Some(_)) => Err(bad_attribute(
            node,
            "data-fill",
            node.attribute("data-fill").unwrap_or_default(),
            "black, or data-ink=\"dye\" beside it",
        )),
        (Some("dye"), fill) => Ok(Ink::Dye(fill.unwrap_or([0; 3]))),
        (Some(other), _) => Err(bad_attribute(node, "data-ink", other, "`resin` or `dye`")),
    }
}

/// A colour written as `#rrggbb`.
fn colour(value: &str) -> Option<[u8; 3]> {
    let digits = value.strip_prefix('#').filter(|digits| {
        digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    let [_, red, green, blue] = number.to_be_bytes();
    Some([red, green, blue])
}

/// A size of type in dots; `pt` and `mm` are turned into dots at 300 dpi.
fn length(node: Node<'_, '_>, attribute: &str, value: &str) -> Result<f32, TemplateError> {
    let (number, dots) = if let Some(number) = value.strip_suffix("pt") {
        (number, 300.0 / 72.0)
    } else if let Some(number) = value.strip_suffix("mm") {
        (number, 300.0 / 25.4)
    } else {
        (value, 1.0)
    };
    number
        .trim()
        .parse::<f32>()
        .ok()
        .map(|number| number * dots)
        .filter(|size| (SMALLEST..=LARGEST).contains(size))
        .ok_or_else(|| {
            bad_attribute(
                node,
                attribute,
                value,
                "12 to 642 dots, or that in `pt` or `mm`",
            )
        })
}

fn number<T: std::str::FromStr + PartialOrd>(
    node: Node<'_, '_>,
    attribute: &str,
    value: &str,
    least: T,
    most: T,
    expected: &'static str,
) -> Result<T, TemplateError> {
    value
        .parse::<T>()
        .ok()
        .filter(|number| *number >= least && *number <= most)
        .ok_or_else(|| bad_attribute(node, attribute, value, expected))
}
