//! What is wrong or doubtful about a template, before a card is printed with it.

mod drawn;
mod finding;

use std::collections::HashMap;
use std::path::Path;

use resvg::usvg::roxmltree::{Document, Node};

pub use finding::{Finding, Rule, Severity};

use crate::fit;
use crate::fonts::{Fonts, describe};
use crate::renderer::{OWN_FIELDS, explained};
use crate::template::{self, FieldKind, Ink, Template, TextStyle, field, safety};
use crate::{TemplateError, TemplateLimits};
use finding::Place;

/// The fields a front has to have: a card shows name, photo and UUID of its holder.
const OBLIGATORY: [&str; 3] = ["name", "photo", "uuid"];
/// The most findings that are collected; a template with more is no template.
const MOST_FINDINGS: usize = 500;

/// Which side of the card a template is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// The side with the contacts.
    Front,
    /// The side without.
    Back,
}

/// A text that has to fit into a field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Example {
    /// The field.
    pub field: String,
    /// The text.
    pub text: String,
    /// Whose it is, for the message: `request R-0001`, `the longest name a request may have`.
    pub origin: String,
    /// How bad it is if it does not fit.
    pub severity: Severity,
}

/// Checks templates.
///
/// A template that [`Template::parse`] refuses gives every reason at once; one that it takes is
/// looked at further: fields that are missing or that nothing fills, texts that do not fit, fonts
/// and glyphs that are not there, what is drawn under the chip, over the edge or near it, black that
/// is dye, pictures that are not embedded, and a chip without protection.
#[derive(Clone, Copy, Debug)]
pub struct Lint<'a> {
    /// The fonts faces are drawn with.
    pub fonts: &'a Fonts,
    /// What is held against sizes and colours.
    pub limits: &'a TemplateLimits,
    /// The side the template is for.
    pub side: Side,
    /// The folder its pictures lie in; without one, only embedded ones are found.
    pub base: Option<&'a Path>,
    /// Texts that have to fit.
    pub examples: &'a [Example],
}

impl Lint<'_> {
    /// Everything found, in the order of the document; what belongs to no line comes first. Empty
    /// for a template nothing is wrong with.
    #[must_use]
    pub fn check(&self, svg: &str) -> Vec<Finding> {
        let mut findings = Findings::default();
        match template::document(svg) {
            Err(error) => findings.refusal(&error),
            Ok(document) => self.check_document(svg, &document, &mut findings),
        }
        findings.sorted()
    }

    fn check_document(&self, svg: &str, document: &Document<'_>, findings: &mut Findings) {
        let refusals = template::complaints(document, self.base);
        for refusal in &refusals {
            findings.refusal(refusal);
        }
        self.check_structure(document, findings);
        if !refusals.is_empty() {
            return;
        }
        // With a name for every element, so that what is seen in the drawing can be found again. A
        // template that grows too large by that is drawn as it is.
        let parsed = Template::parse(&labelled(document), self.base)
            .or_else(|_| Template::parse(svg, self.base));
        let template = match parsed {
            Ok(template) => template,
            Err(error) => {
                findings.refusal(&error);
                return;
            }
        };
        let places = Places::of(document);
        self.check_fields(&template, &places, findings);
        self.check_examples(&template, &places, findings);
        drawn::check(self, &template, &places, findings);
    }

    /// What can be told from the elements alone.
    fn check_structure(&self, document: &Document<'_>, findings: &mut Findings) {
        let root = document.root_element();
        let has = |name: &str| {
            document.descendants().any(|node| {
                field::is_field(node)
                    && node
                        .attribute("id")
                        .and_then(|id| id.strip_prefix(field::PREFIX))
                        == Some(name)
            })
        };
        if self.side == Side::Front {
            for name in OBLIGATORY.into_iter().filter(|name| !has(name)) {
                findings.add(
                    Severity::Error,
                    Rule::FieldMissing,
                    Place::of(root),
                    format!("the front has no field for the {name}"),
                    format!("draw a `rect` with the id `field:{name}`"),
                );
            }
            if !has("organisation") {
                findings.add(
                    Severity::Warning,
                    Rule::FieldMissing,
                    Place::of(root),
                    "the front has no field for the organisation: it is not printed",
                    "draw a `rect` with the id `field:organisation` if it shall be",
                );
            }
        }
        self.check_chip(root, findings);
        for node in document
            .descendants()
            .filter(|node| node.has_tag_name("image"))
        {
            let Some(href) = safety::href(node).filter(|href| !href.starts_with("data:")) else {
                continue;
            };
            findings.add(
                Severity::Warning,
                Rule::PictureLinked,
                Place::of(node),
                format!(
                    "the picture `{}` is linked, not embedded: without that file beside it the template is refused",
                    template::shortened(href)
                ),
                "embed it (Inkscape: Extensions, Images, Embed Images)",
            );
        }
    }

    fn check_chip(&self, root: Node<'_, '_>, findings: &mut Findings) {
        let protected = root.attribute("data-chip") != Some("none");
        match self.side {
            Side::Front if !protected => findings.add(
                Severity::Error,
                Rule::ChipUnprotected,
                Place::of(root),
                "the front has `data-chip=\"none\"`: ink and overcoat would cover the contacts, there is no hole for them",
                "take the attribute away, or check the template as a back",
            ),
            Side::Back if protected => findings.add(
                Severity::Warning,
                Rule::ChipOnBack,
                Place::of(root),
                "the back is kept free where the contacts are on the front",
                "give the `svg` element `data-chip=\"none\"`",
            ),
            _ => {}
        }
        let margin = match root.attribute("data-chip-margin") {
            None => Some(template::DEFAULT_MARGIN),
            Some(value) => value.parse().ok(),
        };
        let least = self.limits.min_chip_margin.value;
        if let Some(margin) = margin
            && self.side == Side::Front
            && protected
            && f64::from(margin) < least
        {
            findings.add(
                Severity::Warning,
                Rule::ChipMargin,
                Place::of(root),
                format!(
                    "only {margin} dots around the contacts stay free of ink and overcoat: a card drawn in askew gets some on them"
                ),
                format!("set `data-chip-margin` to {least:.0} or more"),
            );
        }
    }

    fn check_fields(&self, template: &Template, places: &Places, findings: &mut Findings) {
        for field in template.fields() {
            let place = places.field(&field.name);
            let obligatory = OBLIGATORY.contains(&field.name.as_str());
            if obligatory && !field.required && self.side == Side::Front {
                findings.add(
                    Severity::Warning,
                    Rule::FieldOptional,
                    place.clone(),
                    format!("a card may be printed without the {}", field.name),
                    "take `data-required=\"no\"` away",
                );
            }
            if !OWN_FIELDS.contains(&field.name.as_str()) {
                let severity = if field.required {
                    Severity::Error
                } else {
                    Severity::Warning
                };
                findings.add(
                    severity,
                    Rule::FieldUnfilled,
                    place.clone(),
                    "nothing in a request fills this field: requests have name, uuid, organisation and photo",
                    if field.required {
                        "give it `data-required=\"no\"`, or take it away"
                    } else {
                        "take it away, unless a program of your own fills it"
                    },
                );
            }
            match &field.kind {
                FieldKind::Photo { .. } => {
                    if template
                        .keep_out()
                        .is_some_and(|area| area.overlaps(field.area))
                    {
                        findings.add(
                            Severity::Warning,
                            Rule::ArtOnChip,
                            place,
                            "the photo reaches onto the chip and is cut out there",
                            "move the field or make it smaller",
                        );
                    }
                }
                FieldKind::Text(style) => self.check_text_field(field, style, &place, findings),
            }
        }
    }

    fn check_text_field(
        &self,
        field: &template::Field,
        style: &TextStyle,
        place: &Place,
        findings: &mut Findings,
    ) {
        if self
            .fonts
            .find(&style.family, style.weight, style.italic)
            .is_none()
        {
            self.font_missing(&style.family, style.weight, style.italic, place, findings);
        }
        if let Ink::Dye(colour) = style.ink {
            self.check_dye_of_text(colour, place, findings);
        }
        let margin = self.safe_margin();
        let area = field.area;
        let near = area.x < margin
            || area.y < margin
            || area.right() > plastic::WIDTH - margin
            || area.bottom() > plastic::HEIGHT - margin;
        if near {
            near_edge("the field reaches", margin, place, findings);
        }
    }

    fn check_examples(&self, template: &Template, places: &Places, findings: &mut Findings) {
        for example in self.examples {
            let Some(field) = template
                .fields()
                .iter()
                .find(|field| field.name == example.field)
            else {
                continue;
            };
            let FieldKind::Text(style) = &field.kind else {
                continue;
            };
            // Said already.
            let Some(face) = self.fonts.find(&style.family, style.weight, style.italic) else {
                continue;
            };
            let Err(misfit) = fit::fit(self.fonts, face, style, field.area, &example.text) else {
                continue;
            };
            let rule = match misfit {
                fit::Misfit::DoesNotFit { .. } => Rule::TextDoesNotFit,
                fit::Misfit::Unprintable(_) => Rule::TextUnprintable,
            };
            let next = match rule {
                Rule::TextDoesNotFit => {
                    "make the field larger, or allow more lines (`data-lines`) or a smaller size (`data-min-size`)"
                }
                _ => "correct the text, or set the field in a font that has the character",
            };
            findings.add(
                example.severity,
                rule,
                places.field(&field.name),
                format!(
                    "{}: {}",
                    example.origin,
                    explained(misfit, field, style, face)
                ),
                next,
            );
        }
    }

    fn font_missing(
        &self,
        family: &str,
        weight: u16,
        italic: bool,
        place: &Place,
        findings: &mut Findings,
    ) {
        findings.add(
            Severity::Error,
            Rule::FontMissing,
            place.clone(),
            format!(
                "the font {} is named but neither embedded here nor loaded: no other is taken in its place, the face is refused",
                describe(family, weight, italic)
            ),
            format!(
                "load it with the site's fonts, turn the text into paths, or name one that is there: {}",
                self.fonts.names().join(", ")
            ),
        );
    }

    /// Text that looks black and is not resin.
    fn check_dye_of_text(&self, colour: [u8; 3], place: &Place, findings: &mut Findings) {
        let [red, green, blue] = colour;
        if f64::from(red.max(green).max(blue)) >= self.limits.near_black.value {
            return;
        }
        let shade = if colour == [0; 3] {
            "black"
        } else {
            "near-black"
        };
        findings.add(
            Severity::Warning,
            Rule::BlackInDye,
            place.clone(),
            format!(
                "{shade} text (#{red:02x}{green:02x}{blue:02x}) is mixed of three dyes and does not go to the resin panel: its edges get soft"
            ),
            "give it `data-ink=\"resin\"` and make it #000000, or a lighter colour",
        );
    }

    /// How many dots text stays away from the edge.
    fn safe_margin(&self) -> u32 {
        // Limits are not negative; more than a hundred dots leave no face.
        self.limits.safe_margin.value.min(100.0) as u32
    }
}

fn near_edge(what: &str, margin: u32, place: &Place, findings: &mut Findings) {
    findings.add(
        Severity::Warning,
        Rule::NearEdge,
        place.clone(),
        format!("{what} into the outermost {margin} dots, which may fall beyond the card"),
        "move it inwards",
    );
}

/// The luma of a colour (ITU-R BT.601).
fn luma(colour: [u8; 3]) -> f64 {
    let [red, green, blue] = colour.map(f64::from);
    0.299 * red + 0.587 * green + 0.114 * blue
}

/// A long name of so many characters, as bad as one has to be ready for: of wide letters, with a
/// word of 31 characters that has hyphens and one of 17 that has none.
///
/// Wider texts exist, such as that of nothing but W, and are refused when they come.
#[must_use]
pub fn worst_text(characters: usize) -> String {
    const PATTERN: &str =
        "Wilhelmina Featherstonehaugh Mohammed-Cholmondeley-Wyndham Mwangombe-Wongsakul ";
    let mut text: String = PATTERN.chars().cycle().take(characters).collect();
    if text.ends_with([' ', '-']) {
        text.pop();
        text.push('m');
    }
    text
}

/// The text of the document with an id for every element that has none.
fn labelled(document: &Document<'_>) -> String {
    let text = document.input_text();
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut at = 0;
    let elements = document.root_element().descendants().skip(1);
    for (number, node) in elements.filter(Node::is_element).enumerate() {
        if node.attribute("id").is_some() {
            continue;
        }
        let start = node.range().start;
        let name = text[start..]
            .find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>')
            .map_or(start, |length| start + length);
        out.push_str(&text[at..name]);
        out.push_str(&format!(
            " id=\"{LABEL}{}:{number}:{}\"",
            template::line_of(node),
            node.tag_name().name()
        ));
        at = name;
    }
    out.push_str(&text[at..]);
    out
}

/// What the ids begin with that [`labelled`] gives.
const LABEL: &str = "unnamed:";

/// Where the elements with an id stand.
struct Places(HashMap<String, u32>);

impl Places {
    fn of(document: &Document<'_>) -> Self {
        let mut lines = HashMap::new();
        for node in document.descendants() {
            if let Some(id) = node.attribute("id") {
                lines
                    .entry(id.to_owned())
                    .or_insert_with(|| template::line_of(node));
            }
        }
        Self(lines)
    }

    fn field(&self, name: &str) -> Place {
        self.id(&format!("{}{name}", field::PREFIX))
    }

    /// The place of an id of a [`labelled`] document.
    fn id(&self, id: &str) -> Place {
        if let Some(label) = id.strip_prefix(LABEL) {
            let mut parts = label.split(':');
            return Place {
                line: parts.next().and_then(|line| line.parse().ok()),
                element: parts.nth(1).map(str::to_owned),
            };
        }
        Place {
            line: self.0.get(id).copied(),
            element: (!id.is_empty()).then(|| template::shortened(id)),
        }
    }
}

/// What was found so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(
        &mut self,
        severity: Severity,
        rule: Rule,
        place: Place,
        what: impl Into<String>,
        next: impl Into<String>,
    ) {
        let finding = Finding {
            severity,
            rule,
            line: place.line,
            element: place.element,
            what: what.into(),
            next: next.into(),
        };
        if self.0.len() < MOST_FINDINGS && !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }

    /// A reason for which the template is refused.
    fn refusal(&mut self, error: &TemplateError) {
        let (place, what) = Place::of_error(error);
        let next = ground::Blamed::hint(error)
            .unwrap_or_else(|| "correct it; until then the template is refused".to_owned());
        self.add(Severity::Error, Rule::Refused, place, what, next);
    }

    fn sorted(self) -> Vec<Finding> {
        let mut findings = self.0;
        findings.sort_by_key(|finding| (finding.line.unwrap_or(0), finding.severity));
        findings
    }
}

#[cfg(test)]
mod tests;
