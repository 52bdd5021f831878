#![doc = include_str!("../README.md")]

mod background;
mod batch;
mod check;
mod colour;
mod drawing;
mod error;
mod fit;
mod fonts;
mod limits;
mod lint;
mod photo;
mod preview;
mod renderer;
mod sheet;
mod template;
mod text;

pub use batch::Batch;
pub use check::{DYE_TOLERANCE, FaceMismatch, check_face};
pub use colour::{ColourError, ColourProfile};
pub use drawing::{DrawError, draw_svg};
pub use error::{FaceError, FontError, PhotoError, TemplateError, Warning};
pub use fonts::Fonts;
pub use limits::{Certainty, Limit, Limits, LimitsError, PhotoLimits, TemplateLimits};
pub use lint::{Example, Finding, Lint, Rule, Severity, Side, worst_text};
pub use photo::{Photo, PhotoHint};
pub use preview::PreviewOptions;
pub use renderer::{FaceData, Placed, Rendered, Renderer};
pub use sheet::{Shown, sheet};
pub use template::{Align, Field, FieldKind, Ink, Template, TextStyle, VerticalAlign};
