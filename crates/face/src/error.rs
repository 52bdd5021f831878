use std::fmt;
use std::io;
use std::path::PathBuf;

use ground::{Blame, Blamed};
use thiserror::Error;

use crate::ColourError;

/// Why a template was refused. Where an element is to blame, its id (or its tag name) and the line
/// it starts in are named.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The file could not be read.
    #[error("failed to read template `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The template, or a picture it embeds, is larger than any face needs.
    #[error("{what} has {actual} {unit}, at most {limit} are read")]
    TooLarge {
        /// The template or the picture.
        what: String,
        /// Its size.
        actual: u64,
        /// The most there may be.
        limit: u64,
        /// What is counted: bytes, elements, levels, dots.
        unit: &'static str,
    },
    /// The text is no XML, or uses a document type declaration.
    #[error("the template is no usable XML: {0}")]
    NotXml(String),
    /// The document as a whole is no face of a card.
    #[error("the template is no card face: {expected}, found {actual}")]
    NotAFace {
        /// What a face needs.
        expected: &'static str,
        /// What was found.
        actual: String,
    },
    /// An attribute has a value nobody can use.
    #[error(
        "element `{element}` (line {line}): attribute `{attribute}` is `{value}`, expected {expected}"
    )]
    Attribute {
        /// Id or tag name.
        element: String,
        /// Line in the document, from 1.
        line: u32,
        /// The attribute's name.
        attribute: String,
        /// What it says.
        value: String,
        /// What it may say.
        expected: &'static str,
    },
    /// An element stands for something a card face cannot have.
    #[error("element `{element}` (line {line}): {problem}")]
    Element {
        /// Id or tag name.
        element: String,
        /// Line in the document, from 1.
        line: u32,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A reference leads out of the template's folder or to something that is no picture.
    #[error("element `{element}` (line {line}): reference `{href}` is refused: {reason}")]
    Reference {
        /// Id or tag name.
        element: String,
        /// Line in the document, from 1.
        line: u32,
        /// Where the reference leads, shortened.
        href: String,
        /// Why it is refused.
        reason: String,
    },
}

/// Why fonts could not be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FontError {
    /// The directory or a file in it could not be read.
    #[error("failed to read fonts from `{path}`: {source}")]
    Read {
        /// The directory or file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file that is named like a font is none, or is too large.
    #[error("`{path}` is no font: {reason}")]
    NotAFont {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why a photo was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PhotoError {
    /// The file could not be read.
    #[error("failed to read photo `{name}`: {source}")]
    Read {
        /// The file.
        name: String,
        /// The cause.
        source: io::Error,
    },
    /// The file has more bytes than are read.
    #[error("photo `{name}` has {bytes} bytes, at most {limit} are read")]
    FileTooLarge {
        /// The file.
        name: String,
        /// Its size.
        bytes: u64,
        /// The most that is read.
        limit: u64,
    },
    /// The content is neither PNG nor JPEG.
    #[error("photo `{name}` ({bytes} bytes) is neither PNG nor JPEG")]
    NotAPicture {
        /// The file.
        name: String,
        /// Its size.
        bytes: usize,
    },
    /// The picture has more dots than are decoded. Nothing was decoded.
    #[error("photo `{name}` is {width} x {height} dots, at most {limit} a side are decoded")]
    TooManyDots {
        /// The file.
        name: String,
        /// Dots across.
        width: u32,
        /// Dots down.
        height: u32,
        /// The most there may be on a side.
        limit: u32,
    },
    /// The picture would take more memory than it may. Nothing was decoded.
    #[error(
        "photo `{name}` ({width} x {height} dots) takes {bytes} bytes of memory, at most {limit} are allowed"
    )]
    TooMuchMemory {
        /// The file.
        name: String,
        /// Dots across.
        width: u32,
        /// Dots down.
        height: u32,
        /// What decoding would take.
        bytes: u64,
        /// The most it may take.
        limit: u64,
    },
    /// The picture is damaged.
    #[error("photo `{name}` ({bytes} bytes) cannot be decoded: {reason}")]
    Damaged {
        /// The file.
        name: String,
        /// Its size.
        bytes: usize,
        /// What the decoder says.
        reason: String,
    },
}

/// Why a face could not be rendered. Nothing is ever cut, replaced or left out instead.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FaceError {
    /// The template cannot be drawn.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The photo cannot be used.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// The fonts cannot be used.
    #[error(transparent)]
    Font(#[from] FontError),
    /// The colour profile cannot be used.
    #[error(transparent)]
    Colour(#[from] ColourError),
    /// The template has a field for which there is no data.
    #[error("field `{field}` of the template has no data")]
    MissingField {
        /// The field.
        field: String,
    },
    /// The template names a font that is not loaded. No other is taken in its place.
    #[error("font `{font}` for `{element}` is not loaded, loaded are {loaded}")]
    FontMissing {
        /// The family, weight and style asked for.
        font: String,
        /// The field, or the text of the template.
        element: String,
        /// What there is.
        loaded: String,
    },
    /// The text does not fit into its field at the smallest size on the most lines.
    #[error(
        "the text for field `{field}` ({length} characters) does not fit into {width} x {height} dots on {lines} line(s) at {min_size} dots"
    )]
    TextDoesNotFit {
        /// The field.
        field: String,
        /// Characters of the text.
        length: usize,
        /// Dots across of the field.
        width: u32,
        /// Dots down of the field.
        height: u32,
        /// The smallest size the template allows, in dots.
        min_size: f32,
        /// The most lines the template allows.
        lines: u32,
    },
    /// The text has a control or invisible formatting character.
    #[error("the text for field `{field}` has the control character U+{code:04X}", code = u32::from(*.character))]
    ControlCharacter {
        /// The field.
        field: String,
        /// The character.
        character: char,
    },
    /// The text is written from right to left, which is not laid out here.
    #[error(
        "the text for field `{field}` has the right-to-left character `{character}` (U+{code:04X}), which cannot be laid out",
        code = u32::from(*.character)
    )]
    RightToLeft {
        /// The field.
        field: String,
        /// The first such character.
        character: char,
    },
    /// The font has no glyph for a character. No other font is taken in its place.
    #[error(
        "font `{font}` has no glyph for `{character}` (U+{code:04X}) of `{field}`",
        code = u32::from(*.character)
    )]
    NoGlyph {
        /// The field, or the text of the template.
        field: String,
        /// The first such character.
        character: char,
        /// The font.
        font: String,
    },
}

impl Blamed for TemplateError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Reference { .. } => {
                Some("embed the picture, or put it beside the template as PNG or JPEG".to_owned())
            }
            Self::NotAFace { .. } => Some("start from one of examples/templates".to_owned()),
            _ => None,
        }
    }
}

impl Blamed for FontError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }
}

impl Blamed for PhotoError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } => None,
            Self::FileTooLarge { .. } | Self::TooManyDots { .. } | Self::TooMuchMemory { .. } => {
                Some("reduce the photo: 600 x 750 dots are plenty for a card".to_owned())
            }
            Self::NotAPicture { .. } | Self::Damaged { .. } => {
                Some("save the photo again as JPEG or PNG".to_owned())
            }
        }
    }
}

impl Blamed for FaceError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Template(error) => error.hint(),
            Self::Photo(error) => error.hint(),
            Self::Font(error) => error.hint(),
            Self::Colour(error) => error.hint(),
            Self::MissingField { .. } => None,
            Self::FontMissing { .. } => {
                Some("load the directory with the site's fonts, or change the template".to_owned())
            }
            Self::TextDoesNotFit { .. } => {
                Some("give a shorter name for the card, or a template with more room".to_owned())
            }
            Self::ControlCharacter { .. } => Some("retype the text".to_owned()),
            Self::RightToLeft { .. } | Self::NoGlyph { .. } => Some(
                "give the text as it shall be printed, in characters of the template's font"
                    .to_owned(),
            ),
        }
    }
}

/// Something a person should look at although the face was rendered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// Something paints where the contacts of the chip are; it was masked.
    ChipMasked {
        /// The ids (or tag names) of what paints there.
        what: String,
    },
    /// The photo has fewer dots than its field and was enlarged.
    PhotoTooSmall {
        /// Dots across of the part of the photo that is used.
        width: u32,
        /// Dots down of that part.
        height: u32,
        /// Dots across of the field.
        field_width: u32,
        /// Dots down of the field.
        field_height: u32,
    },
    /// The extra data has a field which the template has not, or which belongs elsewhere.
    UnusedField {
        /// The field.
        field: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChipMasked { what } => {
                write!(f, "{what} paints on the chip and was masked there")
            }
            Self::PhotoTooSmall {
                width,
                height,
                field_width,
                field_height,
            } => write!(
                f,
                "the photo gives {width} x {height} dots for a field of {field_width} x {field_height} and was enlarged"
            ),
            Self::UnusedField { field } => {
                write!(
                    f,
                    "the template takes no extra text for `{field}`, it is not printed"
                )
            }
        }
    }
}
