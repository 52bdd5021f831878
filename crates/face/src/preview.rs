use plastic::{Area, CONTACTS, Raster, Separation};
use resvg::tiny_skia::{
    Color, FillRule, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash, Transform,
};

use crate::Rendered;

/// Radius of the corners of a card in dots (3.18 mm, ISO/IEC 7810).
const CORNER: f32 = 37.6;

/// What is drawn onto the picture of a face that is not printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PreviewOptions {
    /// The contacts of the chip.
    pub chip: bool,
    /// Every hole in the overcoat, hatched.
    pub overcoat: bool,
    /// The boxes of the fields.
    pub fields: bool,
    /// The rounded corners of the card.
    pub corners: bool,
}

impl Rendered {
    /// The picture of the face with marks for a person on the screen. Without options it is the
    /// picture itself.
    #[must_use]
    pub fn preview(&self, options: PreviewOptions) -> Raster {
        if options == PreviewOptions::default() {
            return self.picture.clone();
        }
        self.drawn(options).unwrap_or_else(|| self.picture.clone())
    }

    /// A side that exists as a picture only, to be shown beside one that was rendered: without
    /// fields, chip and holes, its pure black taken for resin as the vendors' drivers do.
    #[must_use]
    pub fn of_picture(picture: Raster) -> Self {
        Self {
            separation: Separation::of_pure_black(&picture),
            picture,
            warnings: Vec::new(),
            fields: Vec::new(),
            keep_out: None,
        }
    }

    /// `None` only for a picture without dots.
    fn drawn(&self, options: PreviewOptions) -> Option<Raster> {
        let (width, height) = (self.picture.width(), self.picture.height());
        let mut pixmap = Pixmap::new(width, height)?;
        let dots = pixmap.data_mut().chunks_exact_mut(4);
        for (to, from) in dots.zip(self.picture.bytes().chunks_exact(3)) {
            to[..3].copy_from_slice(from);
            to[3] = 255;
        }
        if options.overcoat {
            for &hole in &self.separation.overcoat_holes {
                hatch(&mut pixmap, hole);
            }
        }
        if options.chip && self.keep_out.is_some() {
            draw_chip(&mut pixmap)?;
        }
        if options.overcoat {
            for &hole in &self.separation.overcoat_holes {
                outline(&mut pixmap, hole, Color::from_rgba8(0, 150, 200, 255))?;
            }
        }
        if options.fields {
            for field in &self.fields {
                outline(&mut pixmap, field.area, Color::from_rgba8(220, 0, 120, 255))?;
            }
        }
        if options.corners {
            draw_corners(&mut pixmap)?;
        }
        let bytes = pixmap
            .data()
            .chunks_exact(4)
            .flat_map(|dot| [dot[0], dot[1], dot[2]])
            .collect();
        Raster::from_bytes(width, height, bytes)
    }
}

/// Draws slanting lines over an area.
fn hatch(pixmap: &mut Pixmap, area: Area) {
    /// Dots from one line to the next, and of a line.
    const PERIOD: u32 = 12;
    const LINE: u32 = 3;
    const COLOUR: [u8; 4] = [0, 150, 200, 255];
    let width = pixmap.width();
    let bottom = area.bottom().min(pixmap.height());
    let right = area.right().min(width);
    for y in area.y..bottom {
        for x in (area.x..right).filter(|x| (x + y) % PERIOD < LINE) {
            let at = (y as usize * width as usize + x as usize) * 4;
            pixmap.data_mut()[at..at + 4].copy_from_slice(&COLOUR);
        }
    }
}

/// A chip module in gold with the gaps between its eight contacts.
fn draw_chip(pixmap: &mut Pixmap) -> Option<()> {
    let module = CONTACTS.grown(6);
    let rim = rounded(module, 14.0)?;
    let mut paint = Paint {
        anti_alias: true,
        ..Paint::default()
    };
    paint.set_color_rgba8(219, 184, 104, 255);
    pixmap.fill_path(&rim, &paint, FillRule::Winding, Transform::identity(), None);

    let (left, top) = (module.x as f32, module.y as f32);
    let (right, bottom) = (module.right() as f32, module.bottom() as f32);
    let column = (right - left) / 3.0;
    let row = (bottom - top) / 4.0;
    let mut gaps = PathBuilder::new();
    for side in [left + column, right - column] {
        gaps.move_to(side, top);
        gaps.line_to(side, bottom);
    }
    for step in 1..4_u8 {
        let y = top + row * f32::from(step);
        gaps.move_to(left, y);
        gaps.line_to(left + column, y);
        gaps.move_to(right - column, y);
        gaps.line_to(right, y);
    }
    paint.set_color_rgba8(140, 108, 44, 255);
    let stroke = Stroke {
        width: 2.5,
        ..Stroke::default()
    };
    for path in [&gaps.finish()?, &rim] {
        pixmap.stroke_path(path, &paint, &stroke, Transform::identity(), None);
    }
    Some(())
}

/// A dashed rectangle just within an area.
fn outline(pixmap: &mut Pixmap, area: Area, colour: Color) -> Option<()> {
    let rect = Rect::from_xywh(
        area.x as f32 + 1.0,
        area.y as f32 + 1.0,
        (area.width as f32 - 2.0).max(1.0),
        (area.height as f32 - 2.0).max(1.0),
    )?;
    let mut paint = Paint {
        anti_alias: true,
        ..Paint::default()
    };
    paint.set_color(colour);
    let stroke = Stroke {
        width: 2.0,
        dash: StrokeDash::new(vec![10.0, 6.0], 0.0),
        ..Stroke::default()
    };
    let path = PathBuilder::from_rect(rect);
    pixmap.stroke_path(&path, &paint, &stroke, Transform::identity(), None);
    Some(())
}

/// Greys out what lies beyond the rounded corners.
fn draw_corners(pixmap: &mut Pixmap) -> Option<()> {
    let face = Area {
        x: 0,
        y: 0,
        width: pixmap.width(),
        height: pixmap.height(),
    };
    let mut beyond = PathBuilder::new();
    beyond.push_rect(Rect::from_xywh(
        0.0,
        0.0,
        face.width as f32,
        face.height as f32,
    )?);
    beyond.push_path(&rounded(face, CORNER)?);
    let mut paint = Paint {
        anti_alias: true,
        ..Paint::default()
    };
    paint.set_color_rgba8(200, 200, 200, 255);
    pixmap.fill_path(
        &beyond.finish()?,
        &paint,
        FillRule::EvenOdd,
        Transform::identity(),
        None,
    );
    Some(())
}

fn rounded(area: Area, radius: f32) -> Option<Path> {
    crate::renderer::rounded_path(area.width as f32, area.height as f32, radius)?
        .transform(Transform::from_translate(area.x as f32, area.y as f32))
}
