use std::fmt;

use super::{Crop, Photo, resample};
use crate::PhotoLimits;

/// The rows a photo is brought down to before it is measured, so that the measures do not depend
/// on the camera. Smaller photos are measured as they are.
const ROWS: u32 = 320;
/// The luma up to which a dot has no detail in the shadows.
const SHADOW: u8 = 4;
/// The luma from which a dot has no detail in the highlights.
const HIGHLIGHT: u8 = 251;

/// Something about a photo a person should look at. Nothing here prevents a card.
///
/// The measures are simple and know nothing of faces: a hint is a reason to look, its absence is no
/// proof of a good portrait.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum PhotoHint {
    /// It has few dots.
    Small {
        /// Dots across.
        width: u32,
        /// Dots down.
        height: u32,
        /// The least width asked for.
        min_width: f64,
        /// The least height asked for.
        min_height: f64,
    },
    /// It is wider or taller than a portrait.
    Shape {
        /// Height through width.
        aspect: f64,
        /// The least asked for.
        min: f64,
        /// The greatest asked for.
        max: f64,
    },
    /// Its middle is dark.
    Dark {
        /// Mean luma, 0 to 255.
        mean: f64,
        /// The least asked for.
        min: f64,
    },
    /// Its middle is bright.
    Bright {
        /// Mean luma, 0 to 255.
        mean: f64,
        /// The greatest asked for.
        max: f64,
    },
    /// Much of its middle is black.
    ShadowsClipped {
        /// Share of the middle, 0 to 1.
        share: f64,
        /// The greatest asked for.
        max: f64,
    },
    /// Much of its middle is white.
    HighlightsClipped {
        /// Share of the middle, 0 to 1.
        share: f64,
        /// The greatest asked for.
        max: f64,
    },
    /// Its middle has few levels.
    LowContrast {
        /// Levels from the 5th to the 95th percentile.
        levels: f64,
        /// The least asked for.
        min: f64,
    },
    /// Its middle has no sharp edges.
    Blurred {
        /// Variance of the Laplacian.
        sharpness: f64,
        /// The least asked for.
        min: f64,
    },
    /// The upper corners are not of one even colour.
    UnevenBackground {
        /// Standard deviation of their luma.
        deviation: f64,
        /// The greatest asked for.
        max: f64,
    },
    /// What stands before an even background does not stand in the middle.
    OffCentre {
        /// Share of the width, to the right if positive.
        by: f64,
        /// The greatest asked for.
        max: f64,
    },
}

impl PhotoHint {
    /// A short name for machines, in words joined by hyphens.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::Small { .. } => "photo-small",
            Self::Shape { .. } => "photo-shape",
            Self::Dark { .. } => "photo-dark",
            Self::Bright { .. } => "photo-bright",
            Self::ShadowsClipped { .. } => "photo-shadows-clipped",
            Self::HighlightsClipped { .. } => "photo-highlights-clipped",
            Self::LowContrast { .. } => "photo-low-contrast",
            Self::Blurred { .. } => "photo-blurred",
            Self::UnevenBackground { .. } => "photo-background",
            Self::OffCentre { .. } => "photo-off-centre",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Small { .. } => "ask for the photo as the camera took it",
            Self::Shape { .. } => "crop the photo around head and shoulders, upright",
            Self::Dark { .. } | Self::Bright { .. } => "take it again with even light",
            Self::ShadowsClipped { .. } | Self::HighlightsClipped { .. } => {
                "check that the face shows; take it again without flash or backlight if not"
            }
            Self::LowContrast { .. } => "check that the face stands out from its surroundings",
            Self::Blurred { .. } => "check that the eyes are sharp; take it again if not",
            Self::UnevenBackground { .. } => "take it before a plain, light, evenly lit wall",
            Self::OffCentre { .. } => "crop it with the head in the middle",
        }
    }
}

impl fmt::Display for PhotoHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| share * 100.0;
        match *self {
            Self::Small {
                width,
                height,
                min_width,
                min_height,
            } => write!(
                f,
                "the photo has {width} x {height} dots, {min_width:.0} x {min_height:.0} are recommended"
            ),
            Self::Shape { aspect, min, max } => write!(
                f,
                "the photo is {aspect:.2} times as tall as wide, a portrait is {min:.2} to {max:.2} times"
            ),
            Self::Dark { mean, min } => write!(
                f,
                "the middle of the photo is dark: mean level {mean:.0} of 255, expected at least {min:.0}"
            ),
            Self::Bright { mean, max } => write!(
                f,
                "the middle of the photo is bright: mean level {mean:.0} of 255, expected at most {max:.0}"
            ),
            Self::ShadowsClipped { share, max } => write!(
                f,
                "{:.0} % of the middle of the photo is black without detail, expected at most {:.0} %",
                percent(share),
                percent(max)
            ),
            Self::HighlightsClipped { share, max } => write!(
                f,
                "{:.0} % of the middle of the photo is white without detail, expected at most {:.0} %",
                percent(share),
                percent(max)
            ),
            Self::LowContrast { levels, min } => write!(
                f,
                "the photo has little contrast: its middle spans {levels:.0} of 255 levels, expected at least {min:.0}"
            ),
            Self::Blurred { sharpness, min } => write!(
                f,
                "the photo may be blurred: sharpness {sharpness:.0}, expected at least {min:.0}"
            ),
            Self::UnevenBackground { deviation, max } => write!(
                f,
                "the background is not even: its levels deviate by {deviation:.0}, expected at most {max:.0}"
            ),
            Self::OffCentre { by, max } => write!(
                f,
                "the person may stand {:.0} % of the width to the {} of the middle, expected at most {:.0} %",
                percent(by.abs()),
                if by > 0.0 { "right" } else { "left" },
                percent(max)
            ),
        }
    }
}

impl Photo {
    /// Measures the photo and says where it departs from the limits.
    ///
    /// Measured are: size and proportions of the upright photo; and with the photo brought down to
    /// 320 rows, in luma (ITU-R BT.601), of the middle half across from a fifth to four fifths down,
    /// where a portrait has its face: the mean, the share without detail at both ends, the span from
    /// the 5th to the 95th percentile, and the variance of the Laplacian as a measure of sharpness.
    /// Of the background, taken to be the upper corners, a sixth across and a third down: the
    /// standard deviation. Only before a background that is even can it be told where somebody
    /// stands: there the middle of all dots which differ from it, down to seven tenths of the
    /// height, is compared with the middle of the picture. No face is looked for.
    #[must_use]
    pub fn hints(&self, limits: &PhotoLimits) -> Vec<PhotoHint> {
        let mut hints = Vec::new();
        self.hint_at_size(limits, &mut hints);
        let measured = Measured::of(self);
        measured.hint_at_middle(limits, &mut hints);
        measured.hint_at_background(limits, &mut hints);
        hints
    }

    fn hint_at_size(&self, limits: &PhotoLimits, hints: &mut Vec<PhotoHint>) {
        let (width, height) = self.original;
        let (min_width, min_height) = (limits.min_width.value, limits.min_height.value);
        if f64::from(width) < min_width || f64::from(height) < min_height {
            hints.push(PhotoHint::Small {
                width,
                height,
                min_width,
                min_height,
            });
        }
        let aspect = f64::from(height) / f64::from(width);
        let (min, max) = (limits.min_aspect.value, limits.max_aspect.value);
        // Whole dots: 600 x 749 is not to be told from 1.25.
        let tolerance = 1.0 / f64::from(width) + 0.005;
        if aspect < min - tolerance || aspect > max + tolerance {
            hints.push(PhotoHint::Shape { aspect, min, max });
        }
    }
}

/// A photo at the size it is measured at.
struct Measured {
    width: usize,
    height: usize,
    /// Three bytes a dot.
    colours: Vec<u8>,
    lumas: Vec<u8>,
}

/// A part of a picture: columns and rows.
struct Part {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
}

impl Measured {
    fn of(photo: &Photo) -> Self {
        let raster = &photo.raster;
        let (width, height) = (raster.width(), raster.height());
        let colours = if height > ROWS {
            let whole = Crop {
                left: 0.0,
                top: 0.0,
                width: f64::from(width),
                height: f64::from(height),
            };
            let across = (u64::from(width) * u64::from(ROWS) / u64::from(height)).max(1);
            // No more than `width`, since `height` is more than `ROWS`.
            resample(raster, whole, across as u32, ROWS)
        } else {
            (**raster).clone()
        };
        let lumas = colours.bytes().chunks_exact(3).map(luma).collect();
        Self {
            width: colours.width() as usize,
            height: colours.height() as usize,
            colours: colours.bytes().to_vec(),
            lumas,
        }
    }

    /// Where a portrait has its face.
    fn middle(&self) -> Part {
        Part {
            left: self.width / 4,
            right: (self.width - self.width / 4).max(1),
            top: self.height / 5,
            bottom: (self.height - self.height / 5).max(1),
        }
    }

    fn corners(&self) -> [Part; 2] {
        let (across, down) = ((self.width / 6).max(1), (self.height / 3).max(1));
        let corner = |left, right| Part {
            left,
            right,
            top: 0,
            bottom: down,
        };
        [corner(0, across), corner(self.width - across, self.width)]
    }

    fn lumas<'a>(&'a self, part: &'a Part) -> impl Iterator<Item = u8> + 'a {
        (part.top..part.bottom).flat_map(move |y| {
            let row = &self.lumas[y * self.width..][..self.width];
            row[part.left..part.right].iter().copied()
        })
    }

    fn hint_at_middle(&self, limits: &PhotoLimits, hints: &mut Vec<PhotoHint>) {
        let middle = self.middle();
        let mut histogram = [0_u32; 256];
        for luma in self.lumas(&middle) {
            histogram[usize::from(luma)] += 1;
        }
        let dots: u32 = histogram.iter().sum();
        let total = f64::from(dots.max(1));
        let levels = || (0_u32..).zip(histogram);
        let mean = levels()
            .map(|(level, count)| f64::from(level) * f64::from(count))
            .sum::<f64>()
            / total;
        if mean < limits.min_mean.value {
            hints.push(PhotoHint::Dark {
                mean,
                min: limits.min_mean.value,
            });
        } else if mean > limits.max_mean.value {
            hints.push(PhotoHint::Bright {
                mean,
                max: limits.max_mean.value,
            });
        }
        let share = |range: &[u32]| f64::from(range.iter().sum::<u32>()) / total;
        let shadows = share(&histogram[..=usize::from(SHADOW)]);
        if shadows > limits.max_clipped_shadows.value {
            hints.push(PhotoHint::ShadowsClipped {
                share: shadows,
                max: limits.max_clipped_shadows.value,
            });
        }
        let highlights = share(&histogram[usize::from(HIGHLIGHT)..]);
        if highlights > limits.max_clipped_highlights.value {
            hints.push(PhotoHint::HighlightsClipped {
                share: highlights,
                max: limits.max_clipped_highlights.value,
            });
        }
        let percentile = |share: f64| {
            let mut so_far = 0.0;
            levels()
                .find(|(_, count)| {
                    so_far += f64::from(*count);
                    so_far >= share * total
                })
                .map_or(0.0, |(level, _)| f64::from(level))
        };
        let span = percentile(0.95) - percentile(0.05);
        if span < limits.min_contrast.value {
            hints.push(PhotoHint::LowContrast {
                levels: span,
                min: limits.min_contrast.value,
            });
            // Where nothing differs there is nothing to be sharp.
            return;
        }
        let sharpness = self.sharpness(&middle);
        if sharpness < limits.min_sharpness.value {
            hints.push(PhotoHint::Blurred {
                sharpness,
                min: limits.min_sharpness.value,
            });
        }
    }

    /// The variance of the Laplacian, with the four neighbours of a dot.
    fn sharpness(&self, part: &Part) -> f64 {
        let at = |x: usize, y: usize| i32::from(self.lumas[y * self.width + x]);
        let (mut sum, mut squares, mut count) = (0_i64, 0_i64, 0_i64);
        for y in part.top.max(1)..part.bottom.min(self.height - 1) {
            for x in part.left.max(1)..part.right.min(self.width - 1) {
                let around = at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1);
                let value = i64::from(around - 4 * at(x, y));
                sum += value;
                squares += value * value;
                count += 1;
            }
        }
        let count = count.max(1) as f64;
        let mean = sum as f64 / count;
        squares as f64 / count - mean * mean
    }

    fn hint_at_background(&self, limits: &PhotoLimits, hints: &mut Vec<PhotoHint>) {
        let corners = self.corners();
        let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
        for luma in corners.iter().flat_map(|corner| self.lumas(corner)) {
            let luma = f64::from(luma);
            sum += luma;
            squares += luma * luma;
            count += 1.0;
        }
        let mean = sum / count;
        let deviation = (squares / count - mean * mean).max(0.0).sqrt();
        if deviation > limits.max_background_deviation.value {
            hints.push(PhotoHint::UnevenBackground {
                deviation,
                max: limits.max_background_deviation.value,
            });
            return;
        }
        if let Some(by) = self.off_centre(&corners, limits.min_foreground_difference.value)
            && by.abs() > limits.max_off_centre.value
        {
            hints.push(PhotoHint::OffCentre {
                by,
                max: limits.max_off_centre.value,
            });
        }
    }

    /// By which share of the width the middle of the foreground is off; `None` where there is next
    /// to no foreground, or next to nothing else.
    fn off_centre(&self, corners: &[Part; 2], difference: f64) -> Option<f64> {
        let mut background = [0.0; 3];
        let mut count = 0.0;
        for corner in corners {
            for y in corner.top..corner.bottom {
                for x in corner.left..corner.right {
                    let dot = self.dot(x, y);
                    for (sum, &channel) in background.iter_mut().zip(dot) {
                        *sum += f64::from(channel);
                    }
                    count += 1.0;
                }
            }
        }
        let background = background.map(|sum| sum / count);
        let (mut columns, mut found) = (0.0, 0.0);
        let rows = (self.height * 7 / 10).max(1);
        for y in 0..rows {
            for x in 0..self.width {
                let differs = self
                    .dot(x, y)
                    .iter()
                    .zip(background)
                    .any(|(&channel, behind)| (f64::from(channel) - behind).abs() >= difference);
                if differs {
                    columns += x as f64 + 0.5;
                    found += 1.0;
                }
            }
        }
        let share = found / (rows * self.width) as f64;
        (0.05..0.9)
            .contains(&share)
            .then(|| columns / found / self.width as f64 - 0.5)
    }

    fn dot(&self, x: usize, y: usize) -> &[u8] {
        &self.colours[(y * self.width + x) * 3..][..3]
    }
}

/// The luma of a dot (ITU-R BT.601).
fn luma(dot: &[u8]) -> u8 {
    let [red, green, blue] = [dot[0], dot[1], dot[2]].map(u32::from);
    // At most 255.
    ((299 * red + 587 * green + 114 * blue + 500) / 1000) as u8
}

#[cfg(test)]
mod tests;
