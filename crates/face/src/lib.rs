#![doc = include_str!("../README.md")]

mod background;
mod check;
mod drawing;
mod error;
mod fit;
mod fonts;
mod photo;
mod preview;
mod renderer;
mod template;
mod text;

pub use check::{DYE_TOLERANCE, FaceMismatch, check_face};
pub use drawing::{DrawError, draw_svg};
pub use error::{FaceError, FontError, PhotoError, TemplateError, Warning};
pub use fonts::Fonts;
pub use photo::Photo;
pub use preview::PreviewOptions;
pub use renderer::{FaceData, Placed, Rendered, Renderer};
pub use template::{Align, Field, FieldKind, Ink, Template, TextStyle, VerticalAlign};
