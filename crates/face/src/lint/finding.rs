use std::fmt;

use resvg::usvg::roxmltree::Node;
use serde::Serialize;

use crate::TemplateError;
use crate::template;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Cards cannot be printed so, or must not be.
    Error,
    /// A person should look at it.
    Warning,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rule {
    /// The template is not taken at all.
    Refused,
    /// A field every front has is not there.
    FieldMissing,
    /// A field every card needs may be left empty.
    FieldOptional,
    /// Nothing fills a field.
    FieldUnfilled,
    /// A text does not fit.
    TextDoesNotFit,
    /// A text cannot be printed with the font.
    TextUnprintable,
    /// Something is drawn where the contacts are.
    ArtOnChip,
    /// The contacts are not kept free.
    ChipUnprotected,
    /// Little around the contacts is kept free.
    ChipMargin,
    /// A back is kept free where it need not.
    ChipOnBack,
    /// A font is not there.
    FontMissing,
    /// A font has no glyph for a character of the drawing.
    GlyphMissing,
    /// A picture is not embedded.
    PictureLinked,
    /// Text is cut at the edge of the face.
    OutsideFace,
    /// Text is so near the edge that it may fall beyond the card.
    NearEdge,
    /// Text looks black and is printed in dye.
    BlackInDye,
    /// Resin is drawn in another colour than black.
    ResinNotBlack,
}

/// Something wrong or doubtful about a template.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub rule: Rule,
    /// The line of the SVG the element starts in, from 1.
    pub line: Option<u32>,
    /// The id of the element, or its tag name.
    pub element: Option<String>,
    /// What was found.
    pub what: String,
    /// What to do.
    pub next: String,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// Where something stands in a template.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) line: Option<u32>,
    pub(super) element: Option<String>,
}

impl Place {
    pub(super) fn of(node: Node<'_, '_>) -> Self {
        Self {
            line: Some(template::line_of(node)),
            element: Some(template::name_of(node)),
        }
    }

    /// The place an error names, and its message without it.
    pub(super) fn of_error(error: &TemplateError) -> (Self, String) {
        let (element, line, what) = match error {
            TemplateError::Attribute {
                element,
                line,
                attribute,
                value,
                expected,
            } => (
                element,
                line,
                format!("attribute `{attribute}` is `{value}`, expected {expected}"),
            ),
            TemplateError::Element {
                element,
                line,
                problem,
            } => (element, line, problem.clone()),
            TemplateError::Reference {
                element,
                line,
                href,
                reason,
            } => (
                element,
                line,
                format!("reference `{href}` is refused: {reason}"),
            ),
            other => return (Self::default(), other.to_string()),
        };
        let place = Self {
            // An embedded picture is decoded where its line is not known.
            line: Some(*line).filter(|line| *line > 0),
            element: Some(element.clone()),
        };
        (place, what)
    }
}
