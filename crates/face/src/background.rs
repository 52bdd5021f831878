use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use image::ImageFormat;
use plastic::{Area, Bitmap, Raster};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{self, FontResolver, ImageHrefResolver, ImageKind, Paint, Tree};

use crate::fonts::{EMBEDDED_FAMILY, Fonts, describe};
use crate::template::{Template, safety};
use crate::{FaceError, TemplateError, Warning};

/// What a template's own text is called in errors.
const TEMPLATE_TEXT: &str = "text of the template";

/// What is the same on every card of a template, painted once.
#[derive(Debug)]
pub(crate) struct Background {
    pub(crate) dye: Raster,
    pub(crate) black: Bitmap,
    pub(crate) warnings: Vec<Warning>,
}

impl Background {
    pub(crate) fn paint(template: &Template, fonts: &Fonts) -> Result<Self, FaceError> {
        let layers = template.layers();
        let mut on_chip = Vec::new();
        let tree = sound(parse(&layers.dye, template, fonts)?)?;
        let mut dye = render(&tree)?;
        let mut masked = false;
        if let Some(area) = template.keep_out()
            && !is_white(&dye, area)
        {
            painters(tree.root(), "", area, &mut on_chip);
            fill(&mut dye, area, [255; 3]);
            masked = true;
        }
        let mut black = Bitmap::blank(plastic::WIDTH, plastic::HEIGHT);
        if let Some(resin) = &layers.resin {
            let tree = sound(parse(resin, template, fonts)?)?;
            black = ink(&render(&tree)?);
            if let Some(area) = template.keep_out()
                && clear(&mut black, area) > 0
            {
                painters(tree.root(), "", area, &mut on_chip);
                masked = true;
            }
        }
        on_chip.dedup();
        let mut names: Vec<String> = on_chip.iter().map(Painter::name).collect();
        if masked && names.is_empty() {
            names.push("the drawing".to_owned());
        }
        let warnings = if masked {
            vec![Warning::ChipMasked {
                what: names.join(", "),
            }]
        } else {
            Vec::new()
        };
        Ok(Self {
            dye,
            black,
            warnings,
        })
    }
}

/// The dots of the resin layer, drawn on white, that become ink.
pub(crate) fn ink(drawn: &Raster) -> Bitmap {
    let mut black = Bitmap::blank(drawn.width(), drawn.height());
    for (ink, dot) in black
        .dots_mut()
        .iter_mut()
        .zip(drawn.bytes().chunks_exact(3))
    {
        *ink = is_dark(dot);
    }
    black
}

/// Whether a dot of the resin layer, drawn on white, is ink: more black than white (ITU-R BT.601
/// luma).
fn is_dark(dot: &[u8]) -> bool {
    let [red, green, blue] = [dot[0], dot[1], dot[2]].map(u32::from);
    299 * red + 587 * green + 114 * blue < 128 * 1000
}

pub(crate) fn is_white(raster: &Raster, area: Area) -> bool {
    (area.y..area.bottom()).all(|y| {
        raster.row(y)[area.x as usize * 3..area.right() as usize * 3]
            .iter()
            .all(|&byte| byte == 255)
    })
}

/// Fills an area of the raster.
pub(crate) fn fill(raster: &mut Raster, area: Area, colour: [u8; 3]) {
    for y in area.y..area.bottom() {
        let row = &mut raster.row_mut(y)[area.x as usize * 3..area.right() as usize * 3];
        for dot in row.chunks_exact_mut(3) {
            dot.copy_from_slice(&colour);
        }
    }
}

/// Takes the ink out of an area of the bitmap and returns how many dots had some.
fn clear(bitmap: &mut Bitmap, area: Area) -> usize {
    let mut cleared = 0;
    for y in area.y..area.bottom() {
        let row = &mut bitmap.row_mut(y)[area.x as usize..area.right() as usize];
        cleared += row.iter().filter(|&&ink| ink).count();
        row.fill(false);
    }
    cleared
}

/// Something that may paint in an area.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Painter {
    /// Its id, or that of the group around it; empty if there is none.
    pub(crate) id: String,
    kind: &'static str,
}

impl Painter {
    fn name(&self) -> String {
        match self.id.as_str() {
            "" => format!("a {} without id", self.kind),
            id => format!("`{id}`"),
        }
    }
}

/// What may paint in the area; white fills cannot be what was seen there.
pub(crate) fn painters(group: &usvg::Group, around: &str, area: Area, found: &mut Vec<Painter>) {
    /// The most ids worth naming.
    const MOST: usize = 8;
    for node in group.children() {
        let id = match node.id() {
            "" => around,
            id => id,
        };
        if let usvg::Node::Group(group) = node {
            painters(group, id, area, found);
            continue;
        }
        let reaches = node.abs_layer_bounding_box().is_some_and(|bounds| {
            bounds.left() < area.right() as f32
                && bounds.right() > area.x as f32
                && bounds.top() < area.bottom() as f32
                && bounds.bottom() > area.y as f32
        });
        if !reaches || found.len() >= MOST {
            continue;
        }
        let kind = match node {
            usvg::Node::Path(path) if !path.is_visible() || is_only_white(path) => continue,
            usvg::Node::Path(_) => "path",
            usvg::Node::Image(_) => "image",
            usvg::Node::Text(_) => "text",
            usvg::Node::Group(_) => continue,
        };
        found.push(Painter {
            id: id.to_owned(),
            kind,
        });
    }
}

fn is_only_white(path: &usvg::Path) -> bool {
    let white = usvg::Color::white();
    path.stroke().is_none()
        && path
            .fill()
            .is_none_or(|fill| matches!(fill.paint(), Paint::Color(colour) if *colour == white))
}

/// What was found missing while a document was turned into a tree; the resolvers cannot return
/// errors.
#[derive(Default)]
struct Complaints(Mutex<Vec<FaceError>>);

impl Complaints {
    fn add(&self, error: FaceError) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(error);
    }
}

/// A layer as a tree, and what was found missing; in place of a missing font the embedded one
/// stands, so that the tree can be looked at.
pub(crate) fn parse(
    svg: &str,
    template: &Template,
    fonts: &Fonts,
) -> Result<(Tree, Vec<FaceError>), FaceError> {
    let complaints = Complaints::default();
    let options = usvg::Options {
        dpi: plastic::DPI as f32,
        font_family: EMBEDDED_FAMILY.to_owned(),
        fontdb: Arc::clone(fonts.database()),
        font_resolver: FontResolver {
            select_font: Box::new(|font, _| select(font, fonts, &complaints)),
            select_fallback: Box::new(|character, used, _| {
                let font = used.first().and_then(|id| fonts.by_id(*id));
                complaints.add(FaceError::NoGlyph {
                    field: TEMPLATE_TEXT.to_owned(),
                    character,
                    font: font.map_or_else(String::new, |face| face.name()),
                });
                None
            }),
        },
        image_href_resolver: ImageHrefResolver {
            resolve_data: Box::new(|_, bytes, _| embedded(bytes, &complaints)),
            resolve_string: Box::new(|href, _| linked(href, template.pictures())),
        },
        ..usvg::Options::default()
    };
    let parsed = Tree::from_str(svg, &options);
    drop(options);
    let complaints = complaints
        .0
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    match parsed {
        Ok(tree) => Ok((tree, complaints)),
        Err(error) => Err(match complaints.into_iter().next() {
            Some(first) => first,
            None => TemplateError::NotXml(error.to_string()).into(),
        }),
    }
}

/// The tree, if nothing is missing in it.
fn sound((tree, complaints): (Tree, Vec<FaceError>)) -> Result<Tree, FaceError> {
    match complaints.into_iter().next() {
        Some(first) => Err(first),
        None => Ok(tree),
    }
}

/// Draws a layer on white.
pub(crate) fn render(tree: &Tree) -> Result<Raster, FaceError> {
    let not_a_face = || TemplateError::NotAFace {
        expected: "a drawing of 1016 x 642 dots",
        actual: format!("{} x {}", tree.size().width(), tree.size().height()),
    };
    let mut pixmap = Pixmap::new(plastic::WIDTH, plastic::HEIGHT).ok_or_else(not_a_face)?;
    pixmap.fill(Color::WHITE);
    resvg::render(tree, Transform::identity(), &mut pixmap.as_mut());
    // On opaque white nothing is left transparent, so premultiplied is plain.
    let bytes = pixmap
        .data()
        .chunks_exact(4)
        .flat_map(|dot| [dot[0], dot[1], dot[2]])
        .collect();
    let raster = Raster::from_bytes(plastic::WIDTH, plastic::HEIGHT, bytes);
    Ok(raster.ok_or_else(not_a_face)?)
}

/// The family, weight and style a text asks for: the first family named, and no other.
pub(crate) fn asked(font: &usvg::Font) -> (String, u16, bool) {
    let family = match font.families().first() {
        Some(usvg::FontFamily::Named(name)) => name.clone(),
        Some(generic) => generic.to_string(),
        None => EMBEDDED_FAMILY.to_owned(),
    };
    let italic = font.style() != usvg::FontStyle::Normal;
    (family, font.weight(), italic)
}

fn select(font: &usvg::Font, fonts: &Fonts, complaints: &Complaints) -> Option<usvg::fontdb::ID> {
    let (family, weight, italic) = asked(font);
    match fonts.find(&family, weight, italic) {
        Some(face) => Some(face.id),
        None => {
            complaints.add(FaceError::FontMissing {
                font: describe(&family, weight, italic),
                element: TEMPLATE_TEXT.to_owned(),
                loaded: fonts.names().join(", "),
            });
            fonts.nearest(weight).map(|face| face.id)
        }
    }
}

fn embedded(bytes: Arc<Vec<u8>>, complaints: &Complaints) -> Option<ImageKind> {
    match safety::picture_format(&bytes) {
        Ok(format) => kind(format, bytes),
        Err(reason) => {
            complaints.add(
                TemplateError::Reference {
                    element: "image".to_owned(),
                    line: 0,
                    href: "data:".to_owned(),
                    reason,
                }
                .into(),
            );
            None
        }
    }
}

fn linked(href: &str, pictures: &HashMap<String, Arc<Vec<u8>>>) -> Option<ImageKind> {
    let bytes = pictures.get(href.trim())?;
    kind(safety::picture_format(bytes).ok()?, Arc::clone(bytes))
}

fn kind(format: ImageFormat, bytes: Arc<Vec<u8>>) -> Option<ImageKind> {
    match format {
        ImageFormat::Png => Some(ImageKind::PNG(bytes)),
        ImageFormat::Jpeg => Some(ImageKind::JPEG(bytes)),
        _ => None,
    }
}
