use std::collections::HashSet;
use std::ops::Range;

use resvg::usvg::roxmltree::{Document, Node, NodeId};

use super::{Layers, bad_attribute, bad_element, field, safety};
use crate::TemplateError;

/// Takes the document apart into what is printed in dye and what in resin. The fields and the
/// root's size go, everything else keeps its bytes.
pub(super) fn split(document: &Document<'_>) -> Result<Layers, TemplateError> {
    let root = document.root_element();
    let mut inks = Inks {
        resin: HashSet::new(),
        fields: HashSet::new(),
        other: HashSet::new(),
    };
    inks.sort(root, false, true)?;
    inks.check_clones(root)?;
    let dye = without(document, |node| {
        inks.resin.contains(&node.id()) || inks.fields.contains(&node.id())
    });
    let resin = (!inks.resin.is_empty()).then(|| {
        without(document, |node| {
            inks.other.contains(&node.id()) || inks.fields.contains(&node.id())
        })
    });
    Ok(Layers { dye, resin })
}

/// Which elements are painted with what. Everything within a member belongs to it.
struct Inks {
    /// The outermost elements printed in resin.
    resin: HashSet<NodeId>,
    fields: HashSet<NodeId>,
    /// The painting elements that are neither.
    other: HashSet<NodeId>,
}

impl Inks {
    fn sort(
        &mut self,
        node: Node<'_, '_>,
        in_resin: bool,
        painted: bool,
    ) -> Result<(), TemplateError> {
        if field::is_field(node) {
            self.fields.insert(node.id());
            return Ok(());
        }
        let resin = match node.attribute("data-ink") {
            None => node
                .attribute("class")
                .is_some_and(|class| class.split_ascii_whitespace().any(|word| word == "resin")),
            Some("resin") => true,
            Some("dye") if in_resin => {
                return Err(bad_element(node, "dye cannot stand within resin"));
            }
            Some("dye") => false,
            Some(other) => {
                return Err(bad_attribute(node, "data-ink", other, "`resin` or `dye`"));
            }
        };
        let painted = painted && !is_definition(node);
        if resin && !in_resin {
            if !painted {
                return Err(bad_element(
                    node,
                    "what only stands in definitions has no ink of its own; mark what uses it",
                ));
            }
            self.resin.insert(node.id());
        } else if !in_resin && painted && is_painting(node) {
            self.other.insert(node.id());
        }
        for child in node.children().filter(Node::is_element) {
            self.sort(child, in_resin || resin, painted)?;
        }
        Ok(())
    }

    /// A clone must be printed with the ink of its original, which is gone from the other layer.
    fn check_clones(&self, root: Node<'_, '_>) -> Result<(), TemplateError> {
        let within = |node: Node<'_, '_>, set: &HashSet<NodeId>| {
            node.ancestors().any(|around| set.contains(&around.id()))
        };
        let ids = safety::by_id(root);
        for clone in root.descendants().filter(|node| node.has_tag_name("use")) {
            let Some(original) = safety::href(clone)
                .and_then(|href| href.strip_prefix('#'))
                .and_then(|id| ids.get(id))
            else {
                continue;
            };
            if within(*original, &self.fields) {
                return Err(bad_element(clone, "a field cannot be cloned"));
            }
            let resin = within(clone, &self.resin);
            if resin != within(*original, &self.resin) && painted(*original) {
                return Err(bad_element(
                    clone,
                    "a clone has to be printed with the same ink as its original",
                ));
            }
        }
        Ok(())
    }
}

/// Whether nothing around the element keeps it from being painted where it stands.
fn painted(node: Node<'_, '_>) -> bool {
    !node.ancestors().any(is_definition)
}

/// Elements whose content is painted only where something refers to it.
fn is_definition(node: Node<'_, '_>) -> bool {
    matches!(
        node.tag_name().name(),
        "clipPath"
            | "defs"
            | "linearGradient"
            | "marker"
            | "mask"
            | "metadata"
            | "pattern"
            | "radialGradient"
            | "symbol"
    )
}

/// Elements that paint by themselves.
fn is_painting(node: Node<'_, '_>) -> bool {
    matches!(
        node.tag_name().name(),
        "circle"
            | "ellipse"
            | "image"
            | "line"
            | "path"
            | "polygon"
            | "polyline"
            | "rect"
            | "text"
            | "use"
    )
}

/// The document's text without some elements, and without the root's own size, so that one unit
/// of the view box is one dot.
fn without(document: &Document<'_>, mut leave_out: impl FnMut(Node<'_, '_>) -> bool) -> String {
    let text = document.input_text();
    let root = document.root_element();
    let mut ranges: Vec<Range<usize>> = root
        .attributes()
        .filter(|attribute| {
            matches!(
                attribute.name(),
                "width" | "height" | "x" | "y" | "preserveAspectRatio"
            )
        })
        .map(|attribute| attribute.range())
        .chain(
            root.descendants()
                .filter(|&node| leave_out(node))
                .map(|node| node.range()),
        )
        .collect();
    ranges.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for range in ranges {
        // An element within one that is gone already.
        if range.start < at {
            continue;
        }
        out.push_str(&text[at..range.start]);
        at = range.end;
    }
    out.push_str(&text[at..]);
    out
}
