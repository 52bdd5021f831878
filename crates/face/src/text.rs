use harfrust::{Direction, ShapeOptions, UnicodeBuffer};
use resvg::tiny_skia::{Path, PathBuilder, Rect};
use skrifa::MetadataProvider;
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};

use crate::fonts::{Face, Fonts};

/// What keeps a text from being set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unprintable {
    Control(char),
    RightToLeft(char),
    NoGlyph(char),
}

/// A text shaped with one face: where it may be broken and how wide its parts are, in ems.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) clusters: Vec<Cluster>,
}

/// Characters that cannot be parted, such as a letter and the accents on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cluster {
    /// Byte of the text at which it starts.
    pub(crate) start: usize,
    /// How far it moves the pen, in ems.
    pub(crate) advance: f32,
}

/// One line ready to be painted, in ems, with the baseline at 0 and y growing downwards.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The outlines of all glyphs; `None` for a line without ink.
    pub(crate) outline: Option<Path>,
    /// How far the line moves the pen.
    pub(crate) advance: f32,
}

impl Line {
    /// The rectangle all ink lies in.
    pub(crate) fn ink(&self) -> Option<Rect> {
        self.outline.as_ref().map(Path::bounds)
    }
}

/// The vertical measures of a face in ems, all positive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metrics {
    pub(crate) ascent: f32,
    pub(crate) descent: f32,
    pub(crate) cap_height: f32,
}

/// The text with each run of spaces as one and none around it.
///
/// Characters that are not printed, or that would silently change the order of what is printed,
/// are refused.
pub(crate) fn cleaned(text: &str) -> Result<String, Unprintable> {
    if let Some(character) = text.chars().find(|&c| c.is_control() || is_invisible(c)) {
        return Err(Unprintable::Control(character));
    }
    if let Some(character) = text.chars().find(|&c| is_right_to_left(c)) {
        return Err(Unprintable::RightToLeft(character));
    }
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    Ok(words.join(" "))
}

/// The text with a space after every `group` characters, if it is one word.
pub(crate) fn grouped(text: &str, group: usize) -> String {
    if group == 0 || text.contains(char::is_whitespace) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + text.len() / group);
    for (index, character) in text.chars().enumerate() {
        if index > 0 && index % group == 0 {
            out.push(' ');
        }
        out.push(character);
    }
    out
}

/// Measures a cleaned text.
pub(crate) fn measure(fonts: &Fonts, face: &Face, text: &str) -> Result<Measured, Unprintable> {
    let glyphs = shape(fonts, face, text);
    let mut clusters: Vec<Cluster> = Vec::new();
    for glyph in &glyphs {
        if glyph.id == 0 {
            return Err(Unprintable::NoGlyph(missing(
                fonts,
                face,
                &text[glyph.start..],
            )));
        }
        match clusters.last_mut() {
            Some(last) if last.start == glyph.start => last.advance += glyph.advance,
            _ => clusters.push(Cluster {
                start: glyph.start,
                advance: glyph.advance,
            }),
        }
    }
    Ok(Measured { clusters })
}

/// Shapes a line that was measured before and draws its outlines.
pub(crate) fn line(fonts: &Fonts, face: &Face, text: &str) -> Line {
    let glyphs = shape(fonts, face, text);
    let advance = glyphs.iter().map(|glyph| glyph.advance).sum();
    let outline = fonts
        .with_face(face, |data, index| outline(data, index, &glyphs))
        .flatten();
    Line { outline, advance }
}

/// The vertical measures of a face. A face that does not tell its cap height gets 0.7.
pub(crate) fn metrics(fonts: &Fonts, face: &Face) -> Metrics {
    let measured = fonts.with_face(face, |data, index| {
        let font = skrifa::FontRef::from_index(data, index).ok()?;
        let metrics = font.metrics(Size::new(1.0), LocationRef::default());
        Some(Metrics {
            ascent: metrics.ascent.max(0.0),
            descent: (-metrics.descent).max(0.0),
            cap_height: metrics.cap_height.unwrap_or(0.7),
        })
    });
    measured.flatten().unwrap_or(Metrics {
        ascent: 0.9,
        descent: 0.2,
        cap_height: 0.7,
    })
}

struct Glyph {
    id: u32,
    /// Byte of the text its cluster starts at.
    start: usize,
    /// Pen position and offset, in ems, y upwards.
    x: f32,
    y: f32,
    advance: f32,
}

fn shape(fonts: &Fonts, face: &Face, text: &str) -> Vec<Glyph> {
    let shaped = fonts.with_face(face, |data, index| {
        let font = harfrust::FontRef::from_index(data, index).ok()?;
        let shaper = face.shaper.shaper(&font).build();
        let em = 1.0 / shaper.units_per_em().max(1) as f32;
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.guess_segment_properties();
        buffer.set_direction(Direction::LeftToRight);
        let shaped = shaper.shape(buffer, ShapeOptions::new());
        let mut pen = 0.0;
        let glyphs = shaped.glyph_infos().iter().zip(shaped.glyph_positions());
        Some(
            glyphs
                .map(|(info, position)| {
                    let advance = position.x_advance as f32 * em;
                    let glyph = Glyph {
                        id: info.glyph_id,
                        start: info.cluster as usize,
                        x: pen + position.x_offset as f32 * em,
                        y: position.y_offset as f32 * em,
                        advance,
                    };
                    pen += advance;
                    glyph
                })
                .collect(),
        )
    });
    shaped.flatten().unwrap_or_default()
}

/// The first character the face does not map. A cluster that starts with one may still fail for a
/// later one, such as an accent.
fn missing(fonts: &Fonts, face: &Face, text: &str) -> char {
    let unmapped = fonts.with_face(face, |data, index| {
        let font = skrifa::FontRef::from_index(data, index).ok()?;
        let map = font.charmap();
        text.chars().find(|&c| map.map(c).is_none())
    });
    unmapped
        .flatten()
        .or_else(|| text.chars().next())
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn outline(data: &[u8], index: u32, glyphs: &[Glyph]) -> Option<Path> {
    let font = skrifa::FontRef::from_index(data, index).ok()?;
    let outlines = font.outline_glyphs();
    let mut pen = Pen {
        path: PathBuilder::new(),
        x: 0.0,
        y: 0.0,
    };
    for glyph in glyphs {
        let Some(outline) = outlines.get(skrifa::GlyphId::new(glyph.id)) else {
            continue;
        };
        (pen.x, pen.y) = (glyph.x, -glyph.y);
        let settings = DrawSettings::unhinted(Size::new(1.0), LocationRef::default());
        outline.draw(settings, &mut pen).ok()?;
    }
    pen.path.finish()
}

/// Takes an outline in ems, y upwards, and lays it at the pen with y downwards.
struct Pen {
    path: PathBuilder,
    x: f32,
    y: f32,
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.x + x, self.y - y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.x + x, self.y - y);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        self.path
            .quad_to(self.x + cx, self.y - cy, self.x + x, self.y - y);
    }

    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        self.path.cubic_to(
            self.x + cx0,
            self.y - cy0,
            self.x + cx1,
            self.y - cy1,
            self.x + x,
            self.y - y,
        );
    }

    fn close(&mut self) {
        self.path.close();
    }
}

/// Format characters (Unicode category Cf), separators and variation selectors: they leave no
/// ink, and some turn the order of the text around.
fn is_invisible(character: char) -> bool {
    matches!(u32::from(character),
        0x00AD | 0x034F | 0x061C | 0x180B..=0x180F | 0x200B..=0x200F | 0x2028..=0x202E
        | 0x2060..=0x206F | 0xFE00..=0xFE0F | 0xFEFF | 0xFFF0..=0xFFFB
        | 0xE0000..=0xE0FFF)
}

/// The blocks of the scripts written from right to left.
fn is_right_to_left(character: char) -> bool {
    matches!(u32::from(character),
        0x0590..=0x08FF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFE | 0x10800..=0x10FFF
        | 0x1E800..=0x1EFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(text: &str) -> Result<Measured, Unprintable> {
        let fonts = Fonts::builtin();
        let face = fonts.find("Liberation Sans", 400, false).unwrap();
        measure(&fonts, face, text)
    }

    #[test]
    fn a_combining_accent_stays_with_its_letter() {
        assert_eq!(measured("e\u{301}a").unwrap().clusters.len(), 2);
        assert_eq!(measured("éa").unwrap().clusters.len(), 2);
    }

    #[test]
    fn names_of_europe_have_glyphs() {
        for name in [
            "Zoë Ŵynne-Ŷork",
            "Núñez",
            "Łukasz Dąbrowski",
            "O’Neill",
            "O'Neill",
            "Ștefan",
            "Đorđe",
        ] {
            measured(name).unwrap();
        }
    }

    #[test]
    fn a_character_without_glyph_is_named() {
        assert_eq!(measured("A中").unwrap_err(), Unprintable::NoGlyph('中'));
        assert_eq!(measured("😀").unwrap_err(), Unprintable::NoGlyph('😀'));
    }

    #[test]
    fn control_and_direction_characters_are_refused() {
        assert_eq!(cleaned("a\tb"), Err(Unprintable::Control('\t')));
        assert_eq!(cleaned("a\u{202e}b"), Err(Unprintable::Control('\u{202e}')));
        assert_eq!(cleaned("a\u{0}b"), Err(Unprintable::Control('\0')));
        assert_eq!(cleaned("שלום"), Err(Unprintable::RightToLeft('ש')));
    }

    #[test]
    fn spaces_are_collapsed() {
        assert_eq!(cleaned("  Ann   Lee ").unwrap(), "Ann Lee");
    }

    #[test]
    fn grouping_spaces_a_single_word_only() {
        assert_eq!(grouped("555123456789", 4), "5551 2345 6789");
        assert_eq!(grouped("5551 23456789", 4), "5551 23456789");
        assert_eq!(grouped("5551", 0), "5551");
    }
}
