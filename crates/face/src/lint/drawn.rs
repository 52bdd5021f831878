//! What can only be told from the drawing.

use plastic::Area;
use resvg::tiny_skia::Rect;
use resvg::usvg::{self, Paint};

use super::{Findings, Lint, Places, Rule, Severity, luma, near_edge};
use crate::FaceError;
use crate::background::{self, Painter};
use crate::lint::finding::Place;
use crate::template::Template;
use crate::text::{self, Unprintable};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Layer {
    Dye,
    Resin,
}

/// Draws both layers and looks at them.
pub(super) fn check(
    lint: &Lint<'_>,
    template: &Template,
    places: &Places,
    findings: &mut Findings,
) {
    let layers = template.layers();
    let svgs = [
        (Layer::Dye, Some(layers.dye.as_str())),
        (Layer::Resin, layers.resin.as_deref()),
    ];
    for (layer, svg) in svgs {
        let Some(svg) = svg else { continue };
        let (tree, complaints) = match background::parse(svg, template, lint.fonts) {
            Ok(parsed) => parsed,
            Err(error) => {
                refused(&error, findings);
                continue;
            }
        };
        for complaint in &complaints {
            // Fonts and glyphs are told below, where the element is known.
            let told = matches!(
                complaint,
                FaceError::FontMissing { .. } | FaceError::NoGlyph { .. }
            );
            if !told {
                refused(complaint, findings);
            }
        }
        let visit = Visit {
            lint,
            layer,
            places,
        };
        visit.group(tree.root(), "", findings);
        if let Some(area) = template.keep_out() {
            match background::render(&tree) {
                Ok(drawn) if visit.inks(&drawn, area) => {
                    visit.art_on_chip(&tree, area, findings);
                }
                Ok(_) => {}
                Err(error) => refused(&error, findings),
            }
        }
    }
}

fn refused(error: &FaceError, findings: &mut Findings) {
    match error {
        FaceError::Template(error) => findings.refusal(error),
        other => findings.add(
            Severity::Error,
            Rule::Refused,
            Place::default(),
            other.to_string(),
            "correct it; until then no face can be drawn",
        ),
    }
}

struct Visit<'a> {
    lint: &'a Lint<'a>,
    layer: Layer,
    places: &'a Places,
}

impl Visit<'_> {
    /// Whether the layer prints within the area.
    fn inks(&self, drawn: &plastic::Raster, area: Area) -> bool {
        match self.layer {
            Layer::Dye => !background::is_white(drawn, area),
            Layer::Resin => {
                let black = background::ink(drawn);
                (area.y..area.bottom())
                    .any(|y| black.row(y)[area.x as usize..area.right() as usize].contains(&true))
            }
        }
    }

    fn art_on_chip(&self, tree: &usvg::Tree, area: Area, findings: &mut Findings) {
        let mut found: Vec<Painter> = Vec::new();
        background::painters(tree.root(), "", area, &mut found);
        let mut places: Vec<Place> = found
            .iter()
            .map(|painter| self.places.id(&painter.id))
            .collect();
        if places.is_empty() {
            places.push(Place::default());
        }
        for place in places {
            findings.add(
                Severity::Warning,
                Rule::ArtOnChip,
                place,
                format!(
                    "it paints where the chip is (from {}, {} to {}, {}) and is masked there",
                    area.x,
                    area.y,
                    area.right(),
                    area.bottom()
                ),
                "leave a hole there in the drawing, so that the cut is where you want it",
            );
        }
    }

    fn group(&self, group: &usvg::Group, around: &str, findings: &mut Findings) {
        for node in group.children() {
            let id = match node.id() {
                "" => around,
                id => id,
            };
            match node {
                usvg::Node::Group(group) => self.group(group, id, findings),
                usvg::Node::Text(text) => self.text(text, id, findings),
                usvg::Node::Path(path) if path.is_visible() && self.layer == Layer::Resin => {
                    let paints = [
                        path.fill().map(usvg::Fill::paint),
                        path.stroke().map(usvg::Stroke::paint),
                    ];
                    for paint in paints.into_iter().flatten() {
                        self.resin(paint, id, findings);
                    }
                }
                usvg::Node::Path(_) | usvg::Node::Image(_) => {}
            }
        }
    }

    fn text(&self, text: &usvg::Text, id: &str, findings: &mut Findings) {
        let place = self.places.id(id);
        let mut visible = false;
        for chunk in text.chunks() {
            for span in chunk.spans().iter().filter(|span| span.is_visible()) {
                visible = true;
                self.font(span, chunk.text(), &place, findings);
                match (self.layer, span.fill().map(usvg::Fill::paint)) {
                    (Layer::Resin, Some(paint)) => self.resin(paint, id, findings),
                    (Layer::Dye, Some(Paint::Color(colour))) => self.lint.check_dye_of_text(
                        [colour.red, colour.green, colour.blue],
                        &place,
                        findings,
                    ),
                    _ => {}
                }
            }
        }
        if visible {
            self.edges(text.flattened().abs_bounding_box(), &place, findings);
        }
    }

    fn font(&self, span: &usvg::TextSpan, chunk: &str, place: &Place, findings: &mut Findings) {
        let (family, weight, italic) = background::asked(span.font());
        let Some(face) = self.lint.fonts.find(&family, weight, italic) else {
            self.lint
                .font_missing(&family, weight, italic, place, findings);
            return;
        };
        let Some(words) = chunk.get(span.start()..span.end()) else {
            return;
        };
        if let Err(Unprintable::NoGlyph(character)) = text::measure(self.lint.fonts, face, words) {
            findings.add(
                Severity::Error,
                Rule::GlyphMissing,
                place.clone(),
                format!(
                    "{} has no glyph for `{character}` (U+{:04X}): the face is refused",
                    face.name(),
                    u32::from(character)
                ),
                "write it otherwise, or name a font that has it",
            );
        }
    }

    /// Resin is black or nothing.
    fn resin(&self, paint: &Paint, id: &str, findings: &mut Findings) {
        let (what, next) = match paint {
            Paint::Color(colour) => {
                let colour = [colour.red, colour.green, colour.blue];
                if colour == [0; 3] {
                    return;
                }
                let [red, green, blue] = colour;
                let becomes = if luma(colour) < 128.0 {
                    "is printed black"
                } else {
                    "leaves no ink"
                };
                (
                    format!("#{red:02x}{green:02x}{blue:02x} in resin {becomes}"),
                    "make it #000000, or take `data-ink=\"resin\"` away",
                )
            }
            _ => (
                "a gradient or pattern in resin becomes black and blank at middle grey".to_owned(),
                "make it #000000, or take `data-ink=\"resin\"` away",
            ),
        };
        findings.add(
            Severity::Warning,
            Rule::ResinNotBlack,
            self.places.id(id),
            what,
            next,
        );
    }

    fn edges(&self, ink: Rect, place: &Place, findings: &mut Findings) {
        let (width, height) = (plastic::WIDTH as f32, plastic::HEIGHT as f32);
        let beyond = |margin: f32| {
            ink.left() < margin
                || ink.top() < margin
                || ink.right() > width - margin
                || ink.bottom() > height - margin
        };
        let margin = self.lint.safe_margin();
        if beyond(0.0) {
            findings.add(
                Severity::Error,
                Rule::OutsideFace,
                place.clone(),
                format!(
                    "the text reaches from {:.0}, {:.0} to {:.0}, {:.0}, over the edge of the face (1016 x 642), and is cut",
                    ink.left(),
                    ink.top(),
                    ink.right(),
                    ink.bottom()
                ),
                "move it inwards or make it smaller",
            );
        } else if beyond(margin as f32) {
            near_edge("the text reaches", margin, place, findings);
        }
    }
}
