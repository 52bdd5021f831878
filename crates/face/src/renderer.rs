use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use plastic::{Area, Bitmap, Raster, Separation};
use resvg::tiny_skia::{FillRule, Mask, Path, PathBuilder, Transform};

use crate::background::{self, Background};
use crate::fit::{self, Misfit};
use crate::fonts::{Face, Fonts, describe};
use crate::template::{Field, FieldKind, Ink, Template, TextStyle};
use crate::text::Unprintable;
use crate::{ColourProfile, FaceError, Photo, Warning};

/// How many templates keep their background painted.
const KEPT_BACKGROUNDS: usize = 8;

/// The fields that are never looked up among the extra ones.
pub(crate) const OWN_FIELDS: [&str; 4] = ["name", "organisation", "photo", "uuid"];

/// What goes on one card.
#[derive(Clone, Debug, Default)]
pub struct FaceData {
    /// The name as it shall be printed: field `name`.
    pub name: String,
    /// The NHS unique user identifier of the holder: field `uuid`.
    pub uuid: String,
    /// The organisation: field `organisation`.
    pub organisation: String,
    /// The photo: field `photo`.
    pub photo: Option<Photo>,
    /// The text of every other field, by name. The four above are never taken from here.
    pub extra: BTreeMap<String, String>,
}

impl FaceData {
    /// The text for a field; blank counts as none.
    fn text(&self, field: &str) -> Option<&str> {
        let text = match field {
            "name" => &self.name,
            "organisation" => &self.organisation,
            "uuid" => &self.uuid,
            other => self.extra.get(other)?,
        };
        Some(text.as_str()).filter(|text| !text.trim_matches(' ').is_empty())
    }
}

/// Renders faces. Fonts are taken apart once, the background of a template is painted once, each
/// card costs its fields only. Can be shared between threads.
pub struct Renderer {
    fonts: Fonts,
    colours: Option<ColourProfile>,
    backgrounds: Mutex<Vec<(u64, Arc<Background>)>>,
}

/// A face ready for the printer.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// What the printer lays down.
    pub separation: Separation,
    /// What a person will see, in sRGB: without a colour profile the very colours of the separation,
    /// with one those before the conversion.
    pub picture: Raster,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
    /// Where each field landed, in the order of the template.
    pub fields: Vec<Placed>,
    pub(crate) keep_out: Option<Area>,
}

/// Where a field landed.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// The field's name.
    pub name: String,
    /// Its area.
    pub area: Area,
    /// The text on each line; none for a photo.
    pub lines: Vec<String>,
    /// The size of the type in dots; 0 for a photo.
    pub size: f32,
}

impl Renderer {
    /// A renderer with these fonts and no others.
    #[must_use]
    pub fn new(fonts: Fonts) -> Self {
        Self {
            fonts,
            colours: None,
            backgrounds: Mutex::new(Vec::new()),
        }
    }

    /// The same renderer, with the dye of its faces converted for a printer. Without a profile the
    /// colours are sent as they are, like the vendors' drivers do with colour matching off.
    #[must_use]
    pub fn with_colours(self, profile: ColourProfile) -> Self {
        Self {
            colours: Some(profile),
            ..self
        }
    }

    /// Checks that a template can be drawn with these fonts and paints its background. The first
    /// [`render`](Self::render) would do the same.
    ///
    /// # Errors
    ///
    /// [`FaceError::FontMissing`], [`FaceError::NoGlyph`] or [`FaceError::Template`].
    pub fn prepare(&self, template: &Template) -> Result<(), FaceError> {
        for field in template.fields() {
            if let FieldKind::Text(style) = &field.kind {
                self.face(field, style)?;
            }
        }
        self.background(template).map(|_| ())
    }

    /// Renders and separates one face. The same input always gives the same dots.
    ///
    /// # Errors
    ///
    /// [`FaceError`]. A face that cannot be rendered in full is not rendered at all.
    pub fn render(&self, template: &Template, data: &FaceData) -> Result<Rendered, FaceError> {
        let background = self.background(template)?;
        let mut canvas = Canvas {
            colour: background.dye.clone(),
            black: background.black.clone(),
        };
        let mut warnings = background.warnings.clone();
        let mut placed = Vec::with_capacity(template.fields().len());
        for field in template.fields() {
            let landed = match &field.kind {
                FieldKind::Text(style) => match data.text(&field.name) {
                    Some(text) => Some(self.set_text(&mut canvas, field, style, text)?),
                    None => None,
                },
                FieldKind::Photo { radius } => data.photo.as_ref().map(|photo| {
                    warnings.extend(canvas.lay_photo(photo, field.area, *radius));
                    if let Some(cut) = template
                        .keep_out()
                        .and_then(|keep_out| keep_out.intersection(field.area))
                    {
                        background::fill(&mut canvas.colour, cut, [255; 3]);
                        warnings.push(Warning::ChipMasked {
                            what: format!("`field:{}`", field.name),
                        });
                    }
                    Placed {
                        name: field.name.clone(),
                        area: field.area,
                        lines: Vec::new(),
                        size: 0.0,
                    }
                }),
            };
            match landed {
                Some(landed) => placed.push(landed),
                None if field.required => {
                    return Err(FaceError::MissingField {
                        field: field.name.clone(),
                    });
                }
                None => {}
            }
        }
        for name in data.extra.keys() {
            let own = OWN_FIELDS.contains(&name.as_str());
            if own || !template.fields().iter().any(|field| field.name == *name) {
                warnings.push(Warning::UnusedField {
                    field: name.clone(),
                });
            }
        }
        let (mut separation, picture) = canvas.separated(template.keep_out());
        if let Some(colours) = &self.colours {
            colours.convert(&mut separation.colour)?;
        }
        Ok(Rendered {
            separation,
            picture,
            warnings,
            fields: placed,
            keep_out: template.keep_out(),
        })
    }

    /// The fonts this renderer uses.
    #[must_use]
    pub fn fonts(&self) -> &Fonts {
        &self.fonts
    }

    fn background(&self, template: &Template) -> Result<Arc<Background>, FaceError> {
        let kept = || {
            self.backgrounds
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some((_, background)) = kept().iter().find(|(id, _)| *id == template.id()) {
            return Ok(Arc::clone(background));
        }
        // Painted without holding the lock: another thread may paint the same, to no harm.
        let background = Arc::new(Background::paint(template, &self.fonts)?);
        let mut backgrounds = kept();
        if backgrounds.len() == KEPT_BACKGROUNDS {
            backgrounds.remove(0);
        }
        backgrounds.push((template.id(), Arc::clone(&background)));
        Ok(background)
    }

    fn face(&self, field: &Field, style: &TextStyle) -> Result<&Face, FaceError> {
        self.fonts
            .find(&style.family, style.weight, style.italic)
            .map(Arc::as_ref)
            .ok_or_else(|| FaceError::FontMissing {
                font: describe(&style.family, style.weight, style.italic),
                element: format!("field:{}", field.name),
                loaded: self.fonts.names().join(", "),
            })
    }

    fn set_text(
        &self,
        canvas: &mut Canvas,
        field: &Field,
        style: &TextStyle,
        text: &str,
    ) -> Result<Placed, FaceError> {
        let face = self.face(field, style)?;
        let fitted = fit::fit(&self.fonts, face, style, field.area, text)
            .map_err(|misfit| explained(misfit, field, style, face))?;
        if let Some(coverage) = fitted.coverage() {
            match style.ink {
                Ink::Resin => canvas.lay_resin(&coverage, field.area),
                Ink::Dye(colour) => canvas.lay_dye(&coverage, field.area, colour),
            }
        }
        Ok(Placed {
            name: field.name.clone(),
            area: field.area,
            lines: fitted.lines,
            size: fitted.size,
        })
    }
}

impl Default for Renderer {
    fn default() -> Self {
        Self::new(Fonts::builtin())
    }
}

impl std::fmt::Debug for Renderer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renderer")
            .field("fonts", &self.fonts)
            .finish_non_exhaustive()
    }
}

/// The error for a text that cannot be laid out.
pub(crate) fn explained(
    misfit: Misfit,
    field: &Field,
    style: &TextStyle,
    face: &Face,
) -> FaceError {
    let name = field.name.clone();
    match misfit {
        Misfit::DoesNotFit { length } => FaceError::TextDoesNotFit {
            field: name,
            length,
            width: field.area.width,
            height: field.area.height,
            min_size: style.min_size,
            lines: style.lines,
        },
        Misfit::Unprintable(Unprintable::Control(character)) => FaceError::ControlCharacter {
            field: name,
            character,
        },
        Misfit::Unprintable(Unprintable::RightToLeft(character)) => FaceError::RightToLeft {
            field: name,
            character,
        },
        Misfit::Unprintable(Unprintable::NoGlyph(character)) => FaceError::NoGlyph {
            field: name,
            character,
            font: face.name(),
        },
    }
}

/// A face while its fields are laid on the background.
struct Canvas {
    colour: Raster,
    black: Bitmap,
}

impl Canvas {
    /// Resin is there or not: a dot at least half covered is ink.
    fn lay_resin(&mut self, coverage: &Mask, area: Area) {
        for (y, row) in (area.y..).zip(coverage.data().chunks_exact(area.width as usize)) {
            let dots = &mut self.black.row_mut(y)[area.x as usize..area.right() as usize];
            for (dot, &covered) in dots.iter_mut().zip(row) {
                *dot |= covered >= 128;
            }
        }
    }

    fn lay_dye(&mut self, coverage: &Mask, area: Area, colour: [u8; 3]) {
        for (y, row) in (area.y..).zip(coverage.data().chunks_exact(area.width as usize)) {
            let dots = &mut self.colour.row_mut(y)[area.x as usize * 3..];
            for (dot, &covered) in dots.chunks_exact_mut(3).zip(row) {
                blend(dot, colour, covered);
            }
        }
    }

    fn lay_photo(&mut self, photo: &Photo, area: Area, radius: f32) -> Option<Warning> {
        let crop = photo.crop(area.width, area.height);
        let scaled = photo.resampled(crop, area.width, area.height);
        let coverage = (radius > 0.0)
            .then(|| rounded(area.width, area.height, radius))
            .flatten();
        for (y, row) in (area.y..).zip(0..area.height) {
            let from = scaled.row(row);
            let dots = &mut self.colour.row_mut(y)[area.x as usize * 3..area.right() as usize * 3];
            match &coverage {
                None => dots.copy_from_slice(from),
                Some(coverage) => {
                    let width = area.width as usize;
                    let covered = &coverage.data()[row as usize * width..][..width];
                    let pairs = dots.chunks_exact_mut(3).zip(from.chunks_exact(3));
                    for ((dot, from), &covered) in pairs.zip(covered) {
                        blend(dot, [from[0], from[1], from[2]], covered);
                    }
                }
            }
        }
        let short =
            crop.width + 0.5 < f64::from(area.width) || crop.height + 0.5 < f64::from(area.height);
        short.then(|| Warning::PhotoTooSmall {
            // Both lie within the photo, whose sides are below 8193.
            width: crop.width.round() as u32,
            height: crop.height.round() as u32,
            field_width: area.width,
            field_height: area.height,
        })
    }

    /// Takes the dye out from under the resin and composes what will be seen.
    fn separated(mut self, hole: Option<Area>) -> (Separation, Raster) {
        let mut picture = self.colour.clone();
        let width = self.colour.width() as usize;
        for ((inks, dyes), seen) in self
            .black
            .dots()
            .chunks_exact(width)
            .zip(self.colour.bytes_mut().chunks_exact_mut(width * 3))
            .zip(picture.bytes_mut().chunks_exact_mut(width * 3))
        {
            // Most rows have little ink: step from one dot of ink to the next.
            let mut at = 0;
            while let Some(next) = inks[at..].iter().position(|&ink| ink) {
                let dot = at + next;
                dyes[dot * 3..dot * 3 + 3].fill(255);
                seen[dot * 3..dot * 3 + 3].fill(0);
                at = dot + 1;
            }
        }
        let separation = Separation {
            colour: self.colour,
            black: self.black,
            overcoat_holes: hole.into_iter().collect(),
        };
        (separation, picture)
    }
}

/// Lays `colour` over a dot as far as it is covered.
fn blend(dot: &mut [u8], colour: [u8; 3], covered: u8) {
    match covered {
        0 => {}
        255 => dot.copy_from_slice(&colour),
        _ => {
            let over = u32::from(covered);
            for (channel, new) in dot.iter_mut().zip(colour) {
                let mixed = u32::from(new) * over + u32::from(*channel) * (255 - over) + 127;
                *channel = u8::try_from(mixed / 255).unwrap_or(u8::MAX);
            }
        }
    }
}

/// The coverage of a rectangle with rounded corners that fills `width` x `height`.
fn rounded(width: u32, height: u32, radius: f32) -> Option<Mask> {
    let path = rounded_path(width as f32, height as f32, radius)?;
    let mut mask = Mask::new(width, height)?;
    mask.fill_path(&path, FillRule::Winding, true, Transform::identity());
    Some(mask)
}

/// A rectangle with rounded corners at the origin.
pub(crate) fn rounded_path(width: f32, height: f32, radius: f32) -> Option<Path> {
    // How far the control points of a cubic lie from the corner to draw a quarter circle.
    const HANDLE: f32 = 0.447_715;
    let radius = radius.min(width / 2.0).min(height / 2.0);
    let near = radius * HANDLE;
    let (right, bottom) = (width - near, height - near);
    let mut path = PathBuilder::new();
    path.move_to(radius, 0.0);
    path.line_to(width - radius, 0.0);
    path.cubic_to(right, 0.0, width, near, width, radius);
    path.line_to(width, height - radius);
    path.cubic_to(width, bottom, right, height, width - radius, height);
    path.line_to(radius, height);
    path.cubic_to(near, height, 0.0, bottom, 0.0, height - radius);
    path.line_to(0.0, radius);
    path.cubic_to(0.0, near, near, 0.0, radius, 0.0);
    path.close();
    path.finish()
}
