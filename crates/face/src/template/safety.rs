use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::path::{Component, Path};
use std::sync::Arc;

use image::{ImageFormat, ImageReader};
use resvg::usvg::roxmltree::{Document, Node, NodeId};

use super::{MAX_BYTES, bad_attribute, bad_element, line_of, name_of, shortened};
use crate::TemplateError;

/// The most nodes of XML, comments and texts included.
pub(super) const MAX_NODES: u32 = 20_000;
/// The most elements that are drawn, with every clone counted as often as it is drawn.
const MAX_DRAWN: u64 = 20_000;
/// How many elements a picture counts for, since decoding one takes as long.
const PICTURE_WEIGHT: u64 = 250;
/// The deepest nesting.
const MAX_DEPTH: usize = 64;
/// The most dots an embedded or linked picture may have on a side.
const MAX_PICTURE_SIDE: u32 = 4096;
/// The most bytes of all linked pictures together.
const MAX_PICTURE_BYTES: u64 = 32 << 20;

/// Refuses what a face cannot have, and reads the pictures it refers to.
pub(super) fn check(
    document: &Document<'_>,
    base: Option<&Path>,
) -> Result<HashMap<String, Arc<Vec<u8>>>, TemplateError> {
    let mut complaints = Vec::new();
    let pictures = examine(document, base, &mut complaints);
    match complaints.into_iter().next() {
        Some(first) => Err(first),
        None => Ok(pictures),
    }
}

/// The same with every complaint, in the order of the document.
pub(super) fn examine(
    document: &Document<'_>,
    base: Option<&Path>,
    complaints: &mut Vec<TemplateError>,
) -> HashMap<String, Arc<Vec<u8>>> {
    let root = document.root_element();
    let mut pictures = Pictures {
        base,
        bytes: 0,
        read: HashMap::new(),
    };
    for node in root.descendants().filter(Node::is_element) {
        let depth = node.ancestors().count();
        if depth > MAX_DEPTH {
            complaints.push(too_deep(depth));
            return pictures.read;
        }
        complaints.extend(check_element(node).err());
        let Some(href) = href(node) else { continue };
        if node.tag_name().name() == "image" {
            complaints.extend(pictures.check(node, href).err());
        } else if node.tag_name().name() != "a" && !href.starts_with('#') {
            complaints.push(reference(node, href, "only `image` may refer to a file"));
        }
    }
    let mut drawn = HashMap::new();
    match count_drawn(root, &by_id(root), &mut drawn, 0) {
        Err(error) => complaints.push(error),
        Ok(count) if count > MAX_DRAWN => complaints.push(TemplateError::TooLarge {
            what: "the drawing with its clones".to_owned(),
            actual: count,
            limit: MAX_DRAWN,
            unit: "elements",
        }),
        Ok(_) => {}
    }
    pictures.read
}

/// What an element refers to.
pub(crate) fn href<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    const XLINK: &str = "http://www.w3.org/1999/xlink";
    node.attribute("href")
        .or_else(|| node.attribute((XLINK, "href")))
        .map(str::trim)
}

/// All elements with an id; the first of two of the same id, as the renderer takes it.
pub(crate) fn by_id<'a, 'input>(root: Node<'a, 'input>) -> HashMap<&'a str, Node<'a, 'input>> {
    let mut ids = HashMap::new();
    for node in root.descendants() {
        if let Some(id) = node.attribute("id") {
            ids.entry(id).or_insert(node);
        }
    }
    ids
}

fn check_element(node: Node<'_, '_>) -> Result<(), TemplateError> {
    match node.tag_name().name() {
        "script" | "foreignObject" | "iframe" | "audio" | "video" | "animate" | "set"
        | "animateTransform" | "animateMotion" => {
            return Err(bad_element(node, "this cannot be printed on a card"));
        }
        "filter" => {
            return Err(bad_element(
                node,
                "filters are not drawn on cards; convert the effect to a picture",
            ));
        }
        "style" => {
            let sheet: String = node.children().filter_map(|child| child.text()).collect();
            check_css(node, &sheet)?;
            // What a rule refers to is drawn for every element it matches, which nobody counts.
            if sheet.to_ascii_lowercase().contains("url(") || sheet.contains("filter") {
                return Err(bad_element(
                    node,
                    "a style sheet cannot refer to elements or filter; write it on the element",
                ));
            }
        }
        _ => {}
    }
    for attribute in node.attributes() {
        check_css(node, attribute.value())?;
        if attribute.name() == "style" || attribute.name() == "filter" {
            let value = attribute.value().to_ascii_lowercase();
            let filtered = match attribute.name() {
                "filter" => value.trim() != "none",
                _ => value.split(';').any(|declaration| {
                    declaration.split_once(':').is_some_and(|(name, value)| {
                        name.trim() == "filter" && value.trim() != "none"
                    })
                }),
            };
            if filtered {
                return Err(bad_attribute(
                    node,
                    attribute.name(),
                    attribute.value(),
                    "no filter; convert the effect to a picture",
                ));
            }
        }
    }
    Ok(())
}

/// Style may refer to elements of the same document only.
fn check_css(node: Node<'_, '_>, css: &str) -> Result<(), TemplateError> {
    let lower = css.to_ascii_lowercase();
    if lower.contains("@import") || lower.contains("@font-face") {
        return Err(reference(
            node,
            css,
            "style cannot come from elsewhere, fonts are loaded from a directory",
        ));
    }
    for (at, _) in lower.match_indices("url(") {
        let target = lower[at + 4..].trim_start_matches([' ', '\t', '\n', '\'', '"']);
        if !target.starts_with('#') {
            return Err(reference(
                node,
                &css[at..],
                "only elements of this document can be referred to",
            ));
        }
    }
    Ok(())
}

/// How many elements are drawn for `node`, each reference followed.
fn count_drawn<'a>(
    node: Node<'a, 'a>,
    ids: &HashMap<&'a str, Node<'a, 'a>>,
    known: &mut HashMap<NodeId, Option<u64>>,
    depth: usize,
) -> Result<u64, TemplateError> {
    match known.get(&node.id()) {
        Some(Some(count)) => return Ok(*count),
        Some(None) => return Err(bad_element(node, "it is drawn within itself")),
        None => {}
    }
    if depth > MAX_DEPTH {
        return Err(too_deep(depth));
    }
    known.insert(node.id(), None);
    let mut count = match node.tag_name().name() {
        "image" => PICTURE_WEIGHT,
        _ => 1,
    };
    for child in node.children().filter(Node::is_element) {
        count = count.saturating_add(count_drawn(child, ids, known, depth + 1)?);
    }
    for id in targets(node) {
        let Some(target) = ids.get(id) else { continue };
        let mut drawn = count_drawn(*target, ids, known, depth + 1)?;
        if target.tag_name().name() == "marker" {
            drawn = drawn.saturating_mul(vertices(node));
        }
        count = count.saturating_add(drawn);
    }
    known.insert(node.id(), Some(count));
    Ok(count)
}

/// The ids an element refers to in a way that makes what they stand for be drawn again.
fn targets<'a>(node: Node<'a, 'a>) -> Vec<&'a str> {
    let mut ids = Vec::new();
    if node.tag_name().name() != "a" {
        ids.extend(href(node).and_then(|href| href.strip_prefix('#')));
    }
    for attribute in node.attributes() {
        let mut rest = attribute.value();
        while let Some(at) = rest.find("url(") {
            rest = rest[at + 4..].trim_start_matches([' ', '\'', '"']);
            if let Some(id) = rest.strip_prefix('#') {
                let end = id.find([')', '\'', '"', ' ']).unwrap_or(id.len());
                ids.push(&id[..end]);
            }
        }
    }
    ids
}

/// The most corners the outline of an element, or of one within it, can have.
fn vertices(node: Node<'_, '_>) -> u64 {
    node.descendants()
        .filter_map(|within| within.attribute("d").or_else(|| within.attribute("points")))
        .map(|outline| outline.len() as u64 / 2 + 1)
        .sum::<u64>()
        .max(1)
}

struct Pictures<'a> {
    base: Option<&'a Path>,
    bytes: u64,
    read: HashMap<String, Arc<Vec<u8>>>,
}

impl Pictures<'_> {
    fn check(&mut self, node: Node<'_, '_>, href: &str) -> Result<(), TemplateError> {
        if let Some(data) = href.strip_prefix("data:") {
            if !data.starts_with("image/png;base64,") && !data.starts_with("image/jpeg;base64,") {
                return Err(reference(
                    node,
                    href,
                    "an embedded picture has to be PNG or JPEG in base64",
                ));
            }
            // Its dots are checked when the renderer has decoded the base64.
            return Ok(());
        }
        if self.read.contains_key(href) {
            return Ok(());
        }
        let Some(base) = self.base else {
            return Err(reference(
                node,
                href,
                "this template has no folder, embed the picture",
            ));
        };
        let path = Path::new(href);
        let plain = path
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !plain || href.contains(':') || href.contains('\\') || href.is_empty() {
            return Err(reference(
                node,
                href,
                "only files in the template's folder and below can be referred to",
            ));
        }
        if self.bytes > MAX_PICTURE_BYTES {
            return Err(reference(
                node,
                href,
                "the pictures before it take all the room there is for pictures",
            ));
        }
        let unreadable = |error: std::io::Error| reference(node, href, &error.to_string());
        // Both with links resolved, so that none leads out.
        let folder = base.canonicalize().map_err(unreadable)?;
        let file = folder.join(path).canonicalize().map_err(unreadable)?;
        if !file.starts_with(&folder) {
            return Err(reference(
                node,
                href,
                "it leads out of the template's folder",
            ));
        }
        let mut bytes = Vec::new();
        std::fs::File::open(&file)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
            .map_err(unreadable)?;
        self.bytes += bytes.len() as u64;
        if bytes.len() as u64 > MAX_BYTES || self.bytes > MAX_PICTURE_BYTES {
            return Err(TemplateError::TooLarge {
                what: format!("picture `{}`", shortened(href)),
                actual: bytes.len() as u64,
                limit: MAX_BYTES,
                unit: "bytes",
            });
        }
        picture_format(&bytes).map_err(|reason| reference(node, href, &reason))?;
        self.read.insert(href.to_owned(), Arc::new(bytes));
        Ok(())
    }
}

/// The format of a picture whose header says it may be decoded.
pub(crate) fn picture_format(bytes: &[u8]) -> Result<ImageFormat, String> {
    let format = match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg)) => format,
        _ => return Err("it is neither PNG nor JPEG".to_owned()),
    };
    let (width, height) = ImageReader::with_format(Cursor::new(bytes), format)
        .into_dimensions()
        .map_err(|error| format!("it cannot be decoded: {error}"))?;
    if width > MAX_PICTURE_SIDE || height > MAX_PICTURE_SIDE {
        return Err(format!(
            "it is {width} x {height} dots, at most {MAX_PICTURE_SIDE} a side are decoded"
        ));
    }
    Ok(format)
}

fn reference(node: Node<'_, '_>, href: &str, reason: &str) -> TemplateError {
    TemplateError::Reference {
        element: name_of(node),
        line: line_of(node),
        href: shortened(href),
        reason: reason.to_owned(),
    }
}

fn too_deep(depth: usize) -> TemplateError {
    TemplateError::TooLarge {
        what: "the nesting of the template".to_owned(),
        actual: depth as u64,
        limit: MAX_DEPTH as u64,
        unit: "levels",
    }
}
