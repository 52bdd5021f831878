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
        let (tree, mut dye) = draw(&layers.dye, template, fonts)?;
        let mut on_chip = Vec::new();
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
            let (tree, drawn) = draw(resin, template, fonts)?;
            for (ink, dot) in black
                .dots_mut()
                .iter_mut()
                .zip(drawn.bytes().chunks_exact(3))
            {
                *ink = is_dark(dot);
            }
            if let Some(area) = template.keep_out()
                && clear(&mut black, area) > 0
            {
                painters(tree.root(), "", area, &mut on_chip);
                masked = true;
            }
        }
        on_chip.dedup();
        if masked && on_chip.is_empty() {
            on_chip.push("the drawing".to_owned());
        }
        let warnings = if masked {
            vec![Warning::ChipMasked {
                what: on_chip.join(", "),
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

/// Whether a dot of the resin layer, drawn on white, is ink: more black than white (ITU-R BT.601
/// luma).
fn is_dark(dot: &[u8]) -> bool {
    let [red, green, blue] = [dot[0], dot[1], dot[2]].map(u32::from);
    299 * red + 587 * green + 114 * blue < 128 * 1000
}

fn is_white(raster: &Raster, area: Area) -> bool {
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

/// The ids of what may paint in the area, or of the group around it; white fills cannot be what
/// was seen there.
fn painters(group: &usvg::Group, around: &str, area: Area, found: &mut Vec<String>) {
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
        found.push(match id {
            "" => format!("a {kind} without id"),
            id => format!("`{id}`"),
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

/// Draws a layer on white.
fn draw(svg: &str, template: &Template, fonts: &Fonts) -> Result<(Tree, Raster), FaceError> {
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
    let first = complaints
        .0
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .into_iter()
        .next();
    if let Some(error) = first {
        return Err(error);
    }
    let tree = parsed.map_err(|error| TemplateError::NotXml(error.to_string()))?;
    let raster = render(&tree).ok_or_else(|| TemplateError::NotAFace {
        expected: "a drawing of 1016 x 642 dots",
        actual: format!("{} x {}", tree.size().width(), tree.size().height()),
    })?;
    Ok((tree, raster))
}

fn render(tree: &Tree) -> Option<Raster> {
    let mut pixmap = Pixmap::new(plastic::WIDTH, plastic::HEIGHT)?;
    pixmap.fill(Color::WHITE);
    resvg::render(tree, Transform::identity(), &mut pixmap.as_mut());
    // On opaque white nothing is left transparent, so premultiplied is plain.
    let bytes = pixmap
        .data()
        .chunks_exact(4)
        .flat_map(|dot| [dot[0], dot[1], dot[2]])
        .collect();
    Raster::from_bytes(plastic::WIDTH, plastic::HEIGHT, bytes)
}

/// The face for the first family named, and no other.
fn select(font: &usvg::Font, fonts: &Fonts, complaints: &Complaints) -> Option<usvg::fontdb::ID> {
    let italic = font.style() != usvg::FontStyle::Normal;
    let family = match font.families().first() {
        Some(usvg::FontFamily::Named(name)) => name.clone(),
        Some(generic) => generic.to_string(),
        None => EMBEDDED_FAMILY.to_owned(),
    };
    let found = fonts.find(&family, font.weight(), italic);
    if found.is_none() {
        complaints.add(FaceError::FontMissing {
            font: describe(&family, font.weight(), italic),
            element: TEMPLATE_TEXT.to_owned(),
            loaded: fonts.names().join(", "),
        });
    }
    found.map(|face| face.id)
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
