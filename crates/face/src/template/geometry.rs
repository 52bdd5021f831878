use plastic::Area;
use resvg::usvg::roxmltree::Node;
use resvg::usvg::{self, Transform, Tree};

use super::{bad_attribute, bad_element};
use crate::TemplateError;

/// A field's box on the face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Drawn {
    pub(super) area: Area,
    /// Radius of the corners in dots.
    pub(super) radius: f32,
}

/// How far a box may reach over the edge of the face and still count as within, in dots: what
/// drawing programs leave behind when they snap.
const TOLERANCE: f32 = 0.05;

/// Where a `rect` lies, through all groups around it.
///
/// The box is measured in a document of its own, made of nothing but the groups' transforms and
/// the `rect`, so that it counts whether or not it is hidden or painted in the template.
pub(super) fn of(node: Node<'_, '_>) -> Result<Drawn, TemplateError> {
    let mut probe =
        String::from(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1016 642">"#);
    let mut groups = 0;
    let mut around: Vec<Node<'_, '_>> = node.ancestors().skip(1).collect();
    // The root element and the document node above it.
    around.truncate(around.len().saturating_sub(2));
    for group in around.into_iter().rev() {
        if group.tag_name().name() != "g" {
            return Err(bad_element(
                node,
                format!(
                    "a field may stand in groups and layers, not in `{}`",
                    group.tag_name().name()
                ),
            ));
        }
        probe.push_str("<g");
        push_attribute(&mut probe, group, "transform");
        probe.push('>');
        groups += 1;
    }
    probe.push_str("<rect id=\"box\"");
    for attribute in ["transform", "x", "y", "width", "height"] {
        push_attribute(&mut probe, node, attribute);
    }
    probe.push_str("/>");
    probe.push_str(&"</g>".repeat(groups));
    probe.push_str("</svg>");

    let options = usvg::Options {
        dpi: plastic::DPI as f32,
        ..usvg::Options::default()
    };
    let tree = Tree::from_str(&probe, &options)
        .map_err(|error| bad_element(node, format!("the box cannot be measured: {error}")))?;
    let measured = tree
        .node_by_id("box")
        .ok_or_else(|| bad_element(node, "the box has no width or no height"))?;
    let transform = measured.abs_transform();
    if !is_upright(transform) {
        return Err(bad_element(
            node,
            "a field may be moved and scaled, but not turned, slanted or mirrored",
        ));
    }
    let bounds = measured.abs_bounding_box();
    let (left, top) = (bounds.left() + TOLERANCE, bounds.top() + TOLERANCE);
    let (right, bottom) = (bounds.right() - TOLERANCE, bounds.bottom() - TOLERANCE);
    let (width, height) = (plastic::WIDTH as f32, plastic::HEIGHT as f32);
    if left < 0.0 || top < 0.0 || right > width || bottom > height {
        return Err(bad_element(
            node,
            format!(
                "the box reaches over the edge of the face: {:.1}, {:.1} to {:.1}, {:.1}",
                bounds.left(),
                bounds.top(),
                bounds.right(),
                bounds.bottom()
            ),
        ));
    }
    // Whole dots within the box. The float-to-integer casts hold: all lie within the face.
    let (x, y) = (
        (left - 2.0 * TOLERANCE).ceil().max(0.0) as u32,
        (top - 2.0 * TOLERANCE).ceil().max(0.0) as u32,
    );
    let (right, bottom) = (
        (right + 2.0 * TOLERANCE).floor().min(width) as u32,
        (bottom + 2.0 * TOLERANCE).floor().min(height) as u32,
    );
    if right <= x || bottom <= y {
        return Err(bad_element(node, "the box is smaller than a dot"));
    }
    Ok(Drawn {
        area: Area {
            x,
            y,
            width: right - x,
            height: bottom - y,
        },
        radius: radius(node)? * transform.sx,
    })
}

/// The radius of the corners in the units of the element.
fn radius(node: Node<'_, '_>) -> Result<f32, TemplateError> {
    let Some((attribute, value)) = ["rx", "ry"]
        .into_iter()
        .find_map(|name| Some((name, node.attribute(name)?)))
    else {
        return Ok(0.0);
    };
    value
        .parse::<f32>()
        .ok()
        .filter(|radius| (0.0..=1016.0).contains(radius))
        .ok_or_else(|| bad_attribute(node, attribute, value, "a number from 0 to 1016"))
}

fn is_upright(transform: Transform) -> bool {
    const NONE: f32 = 1e-4;
    transform.kx.abs() < NONE
        && transform.ky.abs() < NONE
        && transform.sx > NONE
        && transform.sy > NONE
}

fn push_attribute(out: &mut String, node: Node<'_, '_>, name: &str) {
    if let Some(value) = node.attribute(name) {
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        for character in value.chars() {
            match character {
                '"' => out.push_str("&quot;"),
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                other => out.push(other),
            }
        }
        out.push('"');
    }
}
