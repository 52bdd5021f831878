use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use plastic::{Area, CONTACTS};
use resvg::usvg::roxmltree::{Document, Node, ParsingOptions};

use crate::TemplateError;
use crate::error::TemplateError as Error;

pub(crate) mod field;
mod geometry;
mod layers;
pub(crate) mod safety;

pub use field::{Align, Field, FieldKind, Ink, TextStyle, VerticalAlign};

/// The most bytes a template may have, embedded pictures included.
const MAX_BYTES: u64 = 4 << 20;
/// How far ink and overcoat stay away from the contacts unless the template says otherwise.
pub(crate) const DEFAULT_MARGIN: u32 = 12;
/// The farthest a template may ask for.
const MAX_MARGIN: u32 = 100;

/// A card face as its designer drew it: what is the same on every card, and named fields.
///
/// Cloning is cheap. A template is checked when it is parsed; its fonts are checked when it is
/// first rendered.
#[derive(Clone, Debug)]
pub struct Template {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    id: u64,
    fields: Vec<Field>,
    keep_out: Option<Area>,
    layers: Layers,
    pictures: HashMap<String, Arc<Vec<u8>>>,
}

/// The two documents a template is taken apart into.
#[derive(Debug)]
pub(crate) struct Layers {
    /// Everything printed in dye.
    pub(crate) dye: String,
    /// Everything printed in resin black, if there is anything.
    pub(crate) resin: Option<String>,
}

impl Template {
    /// The text of the built-in template.
    pub const BUILTIN: &str = include_str!("../templates/band.svg");

    /// The neutral design that comes with this crate.
    #[must_use]
    pub fn builtin() -> Self {
        Self::parse(Self::BUILTIN, None).expect("the built-in template is tested")
    }

    /// Reads a template. Pictures it refers to are looked for in its folder and below.
    ///
    /// # Errors
    ///
    /// [`TemplateError`].
    pub fn load(path: &Path) -> Result<Self, TemplateError> {
        let svg = Self::read(path)?;
        Self::parse(&svg, Some(folder(path)))
    }

    /// Reads the text of a template without looking at it.
    ///
    /// # Errors
    ///
    /// [`TemplateError::Read`], and [`TemplateError::TooLarge`] or [`TemplateError::NotXml`] for
    /// what cannot be one.
    pub fn read(path: &Path) -> Result<String, TemplateError> {
        let failed = |source| Error::Read {
            path: path.to_owned(),
            source,
        };
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        check_size(bytes.len())?;
        String::from_utf8(bytes).map_err(|error| Error::NotXml(format!("it is not UTF-8: {error}")))
    }

    /// Parses a template. Pictures it refers to are read now, from the folder `base` and below;
    /// without one, only embedded pictures are allowed.
    ///
    /// # Errors
    ///
    /// [`TemplateError`].
    pub fn parse(svg: &str, base: Option<&Path>) -> Result<Self, TemplateError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let document = document(svg)?;
        check_page(&document)?;
        let pictures = safety::check(&document, base)?;
        let keep_out = keep_out(document.root_element())?;
        let fields = field::read(&document, keep_out)?;
        let layers = layers::split(&document)?;
        Ok(Self {
            shared: Arc::new(Shared {
                id: NEXT.fetch_add(1, Ordering::Relaxed),
                fields,
                keep_out,
                layers,
                pictures,
            }),
        })
    }

    /// The fields in the order of the document, in which they are also painted.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.shared.fields
    }

    /// Where neither ink nor overcoat may go; `None` for a face without chip.
    #[must_use]
    pub fn keep_out(&self) -> Option<Area> {
        self.shared.keep_out
    }

    /// What tells this template from every other one parsed by this process.
    pub(crate) fn id(&self) -> u64 {
        self.shared.id
    }

    pub(crate) fn layers(&self) -> &Layers {
        &self.shared.layers
    }

    /// The pictures it refers to, by reference.
    pub(crate) fn pictures(&self) -> &HashMap<String, Arc<Vec<u8>>> {
        &self.shared.pictures
    }
}

/// The folder in which the pictures of a template lie.
pub(crate) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// The document of a template.
pub(crate) fn document(svg: &str) -> Result<Document<'_>, TemplateError> {
    check_size(svg.len())?;
    // Without document types there are no entities, and so nothing that grows while parsed.
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: safety::MAX_NODES,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(svg, options).map_err(|error| Error::NotXml(error.to_string()))
}

/// Everything for which [`Template::parse`] would refuse the document, not only the first.
pub(crate) fn complaints(document: &Document<'_>, base: Option<&Path>) -> Vec<TemplateError> {
    let mut complaints = Vec::new();
    complaints.extend(check_page(document).err());
    safety::examine(document, base, &mut complaints);
    match keep_out(document.root_element()) {
        Ok(keep_out) => {
            field::examine(document, keep_out, &mut complaints);
        }
        Err(error) => complaints.push(error),
    }
    // What is nested too deep must not be gone through again.
    if complaints.is_empty() {
        complaints.extend(layers::split(document).err());
    }
    complaints
}

/// The id of an element, or its tag name.
pub(crate) fn name_of(node: Node<'_, '_>) -> String {
    match node.attribute("id") {
        Some(id) => shortened(id),
        None => node.tag_name().name().to_owned(),
    }
}

/// The line an element starts in.
pub(crate) fn line_of(node: Node<'_, '_>) -> u32 {
    node.document().text_pos_at(node.range().start).row
}

/// A complaint about an attribute of an element.
fn bad_attribute(
    node: Node<'_, '_>,
    attribute: &str,
    value: &str,
    expected: &'static str,
) -> TemplateError {
    Error::Attribute {
        element: name_of(node),
        line: line_of(node),
        attribute: attribute.to_owned(),
        value: shortened(value),
        expected,
    }
}

/// A complaint about an element.
fn bad_element(node: Node<'_, '_>, problem: impl Into<String>) -> TemplateError {
    Error::Element {
        element: name_of(node),
        line: line_of(node),
        problem: problem.into(),
    }
}

/// The first characters of a foreign value, for messages.
pub(crate) fn shortened(value: &str) -> String {
    const MOST: usize = 60;
    if value.chars().count() <= MOST {
        return value.to_owned();
    }
    let mut short: String = value.chars().take(MOST).collect();
    short.push('…');
    short
}

fn check_size(bytes: usize) -> Result<(), TemplateError> {
    if bytes as u64 > MAX_BYTES {
        return Err(Error::TooLarge {
            what: "the template".to_owned(),
            actual: bytes as u64,
            limit: MAX_BYTES,
            unit: "bytes",
        });
    }
    Ok(())
}

/// The root must be an SVG document of exactly the dots of a card.
fn check_page(document: &Document<'_>) -> Result<(), TemplateError> {
    const EXPECTED: &str = "the root `svg` needs viewBox=\"0 0 1016 642\"";
    let root = document.root_element();
    if root.tag_name().name() != "svg" || root.tag_name().namespace() != Some(SVG) {
        return Err(Error::NotAFace {
            expected: "the root has to be `svg` in the namespace http://www.w3.org/2000/svg",
            actual: format!("`{}`", shortened(root.tag_name().name())),
        });
    }
    let view_box = root.attribute("viewBox").ok_or_else(|| Error::NotAFace {
        expected: EXPECTED,
        actual: "none".to_owned(),
    })?;
    let numbers: Result<Vec<f32>, _> = view_box
        .split([' ', ','])
        .filter(|part| !part.is_empty())
        .map(str::parse)
        .collect();
    let [width, height] = [plastic::WIDTH as f32, plastic::HEIGHT as f32];
    if numbers != Ok(vec![0.0, 0.0, width, height]) {
        return Err(Error::NotAFace {
            expected: EXPECTED,
            actual: format!("`{}`", shortened(view_box)),
        });
    }
    Ok(())
}

/// The namespace of every element that is drawn.
const SVG: &str = "http://www.w3.org/2000/svg";

/// The contacts and the margin around them, unless `data-chip="none"`.
fn keep_out(root: Node<'_, '_>) -> Result<Option<Area>, TemplateError> {
    let margin = match root.attribute("data-chip-margin") {
        None => DEFAULT_MARGIN,
        Some(value) => value
            .parse()
            .ok()
            .filter(|margin| *margin <= MAX_MARGIN)
            .ok_or_else(|| {
                bad_attribute(root, "data-chip-margin", value, "whole dots from 0 to 100")
            })?,
    };
    match root.attribute("data-chip") {
        None | Some("contacts") => Ok(Some(CONTACTS.grown(margin))),
        Some("none") => Ok(None),
        Some(other) => Err(bad_attribute(
            root,
            "data-chip",
            other,
            "`contacts` or `none`",
        )),
    }
}

#[cfg(test)]
mod tests;
