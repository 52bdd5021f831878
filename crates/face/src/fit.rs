use std::ops::Range;

use plastic::Area;
use resvg::tiny_skia::{FillRule, Mask, Transform};

use crate::fonts::{Face, Fonts};
use crate::template::{Align, TextStyle, VerticalAlign};
use crate::text::{self, Line, Measured, Metrics, Unprintable};

/// By how many dots the size is lowered at a time.
const STEP: f32 = 0.5;
/// The most characters that are tried at all.
const MAX_CHARACTERS: usize = 500;
/// What rounding may add up to, in dots.
const SLACK: f32 = 0.01;

/// What keeps a text from being laid out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Misfit {
    Unprintable(Unprintable),
    DoesNotFit { length: usize },
}

impl From<Unprintable> for Misfit {
    fn from(unprintable: Unprintable) -> Self {
        Self::Unprintable(unprintable)
    }
}

/// A text laid out within an area.
#[derive(Clone, Debug)]
pub(crate) struct Fitted {
    /// The size in dots.
    pub(crate) size: f32,
    /// The text of each line.
    pub(crate) lines: Vec<String>,
    /// Each line with where its pen starts, in dots from the upper left of the area.
    placed: Vec<(Line, f32, f32)>,
    area: Area,
}

impl Fitted {
    /// How much of each dot of the area, row by row, the text covers.
    pub(crate) fn coverage(&self) -> Option<Mask> {
        self.paint(0)
    }

    /// The same with `margin` more dots on every side.
    fn paint(&self, margin: u32) -> Option<Mask> {
        let (width, height) = (self.area.width + 2 * margin, self.area.height + 2 * margin);
        let mut mask = Mask::new(width, height)?;
        for (line, x, y) in &self.placed {
            if let Some(outline) = &line.outline {
                let at = Transform::from_row(
                    self.size,
                    0.0,
                    0.0,
                    self.size,
                    x + margin as f32,
                    y + margin as f32,
                );
                mask.fill_path(outline, FillRule::Winding, true, at);
            }
        }
        Some(mask)
    }
}

/// Lays a text out in `area`.
///
/// As long as the size at which the template would rather wrap is kept, the fewest lines win: one
/// line from the full size down to that, then two lines, and so on. Below it, down to the smallest
/// size, the largest wins. Lines break at spaces and after hyphens; only if nothing fits so are
/// words broken, between letters (never between a letter and its accents), without adding a
/// hyphen, since that would change the name.
pub(crate) fn fit(
    fonts: &Fonts,
    face: &Face,
    style: &TextStyle,
    area: Area,
    text: &str,
) -> Result<Fitted, Misfit> {
    let cleaned = text::cleaned(text)?;
    let text = text::grouped(&cleaned, style.group as usize);
    let length = text.chars().count();
    if length > MAX_CHARACTERS {
        return Err(Misfit::DoesNotFit { length });
    }
    let measured = text::measure(fonts, face, &text)?;
    let metrics = text::metrics(fonts, face);
    let page = Page {
        fonts,
        face,
        style,
        area,
        text: &text,
        measured: &measured,
        metrics,
    };
    for break_words in [false, true] {
        for lines in 1..=style.lines {
            if let Some(fitted) = page.largest(lines, break_words, style.size, style.wrap_size) {
                return Ok(fitted);
            }
        }
        if let Some(fitted) =
            page.largest(style.lines, break_words, style.wrap_size, style.min_size)
        {
            return Ok(fitted);
        }
    }
    Err(Misfit::DoesNotFit { length })
}

struct Page<'a> {
    fonts: &'a Fonts,
    face: &'a Face,
    style: &'a TextStyle,
    area: Area,
    text: &'a str,
    measured: &'a Measured,
    metrics: Metrics,
}

impl Page<'_> {
    /// The largest size between `from` and `to` at which the text stands on at most `lines` lines.
    fn largest(&self, lines: u32, break_words: bool, from: f32, to: f32) -> Option<Fitted> {
        let mut size = from;
        // The same breaks come again and again while the size falls; shape them once.
        let mut shaped: Option<(Vec<Range<usize>>, Vec<Line>)> = None;
        loop {
            let width = self.area.width as f32 / size;
            if let Some(ranges) = self.breaks(width, lines as usize, break_words) {
                let shaped_lines = match &shaped {
                    Some((same, shaped_lines)) if *same == ranges => shaped_lines,
                    _ => {
                        let fresh = ranges.iter().map(|range| {
                            text::line(self.fonts, self.face, &self.text[range.clone()])
                        });
                        let fresh = fresh.collect();
                        &shaped.insert((ranges.clone(), fresh)).1
                    }
                };
                if let Some(placed) = self.place(shaped_lines, size) {
                    return Some(Fitted {
                        size,
                        lines: ranges
                            .into_iter()
                            .map(|range| self.text[range].to_owned())
                            .collect(),
                        placed,
                        area: self.area,
                    });
                }
            }
            if size <= to {
                return None;
            }
            size = (size - STEP).max(to);
        }
    }

    /// The byte ranges of the lines when each takes as much as goes into `width` ems; `None` if
    /// that makes more than `most` lines or a word is too long.
    fn breaks(&self, width: f32, most: usize, break_words: bool) -> Option<Vec<Range<usize>>> {
        let mut lines: Vec<Range<usize>> = Vec::new();
        // The line being filled: its bytes without spaces at its end, and how wide they are.
        let mut line: Option<(Range<usize>, f32)> = None;
        for word in self.words() {
            let joined = line
                .as_ref()
                .map(|(_, so_far)| so_far + word.gap + word.width);
            match (&mut line, joined) {
                (Some((range, so_far)), Some(joined)) if joined <= width => {
                    range.end = word.range.end;
                    *so_far = joined;
                    continue;
                }
                _ => {}
            }
            if let Some((range, _)) = line.take() {
                lines.push(range);
            }
            line = Some(if word.width <= width {
                (word.range, word.width)
            } else if break_words {
                self.broken(&word.range, width, most, &mut lines)?
            } else {
                return None;
            });
            if lines.len() >= most {
                return None;
            }
        }
        lines.extend(line.map(|(range, _)| range));
        (lines.len() <= most).then_some(lines)
    }

    /// Breaks a word between clusters. Whole lines go to `lines`, the rest is returned.
    fn broken(
        &self,
        word: &Range<usize>,
        width: f32,
        most: usize,
        lines: &mut Vec<Range<usize>>,
    ) -> Option<(Range<usize>, f32)> {
        let mut start = word.start;
        let mut so_far = 0.0;
        for cluster in &self.measured.clusters {
            if !word.contains(&cluster.start) {
                continue;
            }
            if cluster.advance > width || lines.len() >= most {
                return None;
            }
            if so_far + cluster.advance > width {
                lines.push(start..cluster.start);
                start = cluster.start;
                so_far = 0.0;
            }
            so_far += cluster.advance;
        }
        Some((start..word.end, so_far))
    }

    /// What may not be broken while there is another way: the parts between spaces and behind
    /// hyphens.
    fn words(&self) -> Vec<Word> {
        let clusters = &self.measured.clusters;
        let mut words: Vec<Word> = Vec::new();
        let mut gap = 0.0;
        let mut open = false;
        for (index, cluster) in clusters.iter().enumerate() {
            let end = clusters
                .get(index + 1)
                .map_or(self.text.len(), |next| next.start);
            let characters = &self.text[cluster.start..end];
            if characters == " " {
                gap += cluster.advance;
                open = false;
                continue;
            }
            match words.last_mut() {
                Some(word) if open => {
                    word.range.end = end;
                    word.width += cluster.advance;
                }
                _ => words.push(Word {
                    range: cluster.start..end,
                    width: cluster.advance,
                    gap: std::mem::take(&mut gap),
                }),
            }
            // U+2010 is the typographic hyphen, U+2013 the en dash of double names.
            open = !matches!(characters, "-" | "\u{2010}" | "\u{2013}");
        }
        words
    }

    /// Where the pen of each line starts; `None` if ink or line height goes beyond the area.
    fn place(&self, lines: &[Line], size: f32) -> Option<Vec<(Line, f32, f32)>> {
        let (width, height) = (self.area.width as f32, self.area.height as f32);
        // Baselines counted from the first, and the block they and their ink take up.
        let mut baseline = 0.0_f32;
        let (mut top, mut bottom) = (f32::MAX, f32::MIN);
        let mut baselines = Vec::with_capacity(lines.len());
        let mut below = None;
        for line in lines {
            let above = line
                .ink()
                .map_or(0.0, |ink| -ink.top())
                .max(self.metrics.ascent)
                * size;
            if let Some(below) = below {
                // Ink of one line never meets that of the next, whatever accents there are.
                let ink_above = line.ink().map_or(0.0, |ink| -ink.top()) * size;
                baseline += (self.style.line_height * size)
                    .max(below + ink_above)
                    .ceil();
            }
            below = Some(line.ink().map_or(0.0, |ink| ink.bottom()) * size);
            let under = line
                .ink()
                .map_or(0.0, |ink| ink.bottom())
                .max(self.metrics.descent)
                * size;
            top = top.min(baseline - above);
            bottom = bottom.max(baseline + under);
            baselines.push(baseline);
        }
        let first = match self.style.vertical {
            VerticalAlign::Top => -top,
            VerticalAlign::Bottom => height - bottom,
            // What looks centred is the block from the capitals of the first line to the last
            // baseline.
            VerticalAlign::Middle => {
                (height - (baseline + self.metrics.cap_height * size)) / 2.0
                    + self.metrics.cap_height * size
            }
        };
        // Whole dots make stems and bars of resin text crisp; within those, keep the block inside.
        let (lowest, highest) = ((-top - SLACK).ceil(), (height - bottom + SLACK).floor());
        if lowest > highest {
            return None;
        }
        let first = first.round().clamp(lowest, highest);
        let mut placed = Vec::with_capacity(lines.len());
        for (line, baseline) in lines.iter().zip(baselines) {
            let advance = line.advance * size;
            let (left, right) = line
                .ink()
                .map_or((0.0, 0.0), |ink| (ink.left() * size, ink.right() * size));
            if advance > width + SLACK || right - left > width + SLACK {
                return None;
            }
            let x = match self.style.align {
                Align::Left => 0.0,
                Align::Centre => (width - advance) / 2.0,
                Align::Right => width - advance,
            };
            placed.push((
                line.clone(),
                x.min(width - right).max(-left),
                first + baseline,
            ));
        }
        Some(placed)
    }
}

struct Word {
    range: Range<usize>,
    /// Its width in ems.
    width: f32,
    /// The width of the spaces before it.
    gap: f32,
}

#[cfg(test)]
mod tests;
