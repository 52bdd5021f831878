use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ground::{Blame, Blamed};
use serde::Deserialize;
use thiserror::Error;

const BUILTIN: &str = include_str!("../data/limits.toml");

/// The most bytes a file of limits may have.
const MAX_BYTES: u64 = 64 << 10;

/// What a photo and a template are held against, as data (`data/limits.toml`).
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// For [`Photo::hints`](crate::Photo::hints).
    pub photo: PhotoLimits,
    /// For [`Lint`](crate::Lint).
    pub template: TemplateLimits,
}

/// A value that says where it comes from.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The value, in the unit of the field it stands in.
    pub value: f64,
    /// Where it comes from.
    pub source: String,
    /// How certain it is that it is the right one.
    pub certainty: Certainty,
    /// What else a site should know.
    pub note: Option<String>,
}

/// How certain a limit is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// A public source says it of these cards.
    Public,
    /// Taken or concluded from a public source on something near.
    Inferred,
    /// A choice that has to start somewhere.
    Unknown,
}

/// What a photo is held against.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PhotoLimits {
    /// Least width in dots.
    pub min_width: Limit,
    /// Least height in dots.
    pub min_height: Limit,
    /// Least height divided by width.
    pub min_aspect: Limit,
    /// Greatest height divided by width.
    pub max_aspect: Limit,
    /// Least mean luma of the middle, 0 to 255.
    pub min_mean: Limit,
    /// Greatest mean luma of the middle, 0 to 255.
    pub max_mean: Limit,
    /// Greatest share of the middle without detail in shadows, 0 to 1.
    pub max_clipped_shadows: Limit,
    /// Greatest share of the middle without detail in highlights, 0 to 1.
    pub max_clipped_highlights: Limit,
    /// Least span of the middle's luma, in levels.
    pub min_contrast: Limit,
    /// Least variance of the Laplacian, in squared levels.
    pub min_sharpness: Limit,
    /// Greatest standard deviation of the background's luma, in levels.
    pub max_background_deviation: Limit,
    /// Least difference of a channel between background and what stands before it, in levels.
    pub min_foreground_difference: Limit,
    /// Greatest distance of what stands before the background from the middle, as a share of the
    /// width.
    pub max_off_centre: Limit,
}

/// What a template is held against.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TemplateLimits {
    /// How far text stays away from the edge, in dots.
    pub safe_margin: Limit,
    /// Least margin around the contacts, in dots.
    pub min_chip_margin: Limit,
    /// Level below which all channels of a text lie that looks black, 0 to 255.
    pub near_black: Limit,
}

impl Limits {
    /// Those that come with this crate.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static LIMITS: OnceLock<Limits> = OnceLock::new();
        LIMITS.get_or_init(|| Self::parse(BUILTIN).expect("the built-in limits are tested"))
    }

    /// Reads a file of limits.
    ///
    /// # Errors
    ///
    /// [`LimitsError`].
    pub fn load(path: &Path) -> Result<Self, LimitsError> {
        let read = |source| LimitsError::Read {
            path: path.to_owned(),
            source,
        };
        let bytes = std::fs::metadata(path).map_err(read)?.len();
        if bytes > MAX_BYTES {
            return Err(LimitsError::Syntax {
                detail: format!("the file has {bytes} bytes, at most {MAX_BYTES} are read"),
            });
        }
        Self::parse(&std::fs::read_to_string(path).map_err(read)?)
    }

    /// Parses limits. All have to be there, and every value has to be a number of at least 0.
    ///
    /// # Errors
    ///
    /// [`LimitsError::Syntax`].
    pub fn parse(text: &str) -> Result<Self, LimitsError> {
        let limits: Self = toml::from_str(text).map_err(|error| LimitsError::Syntax {
            detail: error.to_string().trim_end().to_owned(),
        })?;
        let photo = &limits.photo;
        let template = &limits.template;
        let all = [
            ("min-width", &photo.min_width),
            ("min-height", &photo.min_height),
            ("min-aspect", &photo.min_aspect),
            ("max-aspect", &photo.max_aspect),
            ("min-mean", &photo.min_mean),
            ("max-mean", &photo.max_mean),
            ("max-clipped-shadows", &photo.max_clipped_shadows),
            ("max-clipped-highlights", &photo.max_clipped_highlights),
            ("min-contrast", &photo.min_contrast),
            ("min-sharpness", &photo.min_sharpness),
            ("max-background-deviation", &photo.max_background_deviation),
            (
                "min-foreground-difference",
                &photo.min_foreground_difference,
            ),
            ("max-off-centre", &photo.max_off_centre),
            ("safe-margin", &template.safe_margin),
            ("min-chip-margin", &template.min_chip_margin),
            ("near-black", &template.near_black),
        ];
        for (name, limit) in all {
            if !(0.0..=1e6).contains(&limit.value) {
                return Err(LimitsError::Syntax {
                    detail: format!(
                        "`{name}` is {}, expected a number from 0 to 1000000",
                        limit.value
                    ),
                });
            }
        }
        Ok(limits)
    }
}

/// Why limits cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LimitsError {
    /// The file cannot be read.
    #[error("failed to read limits `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The content is not what limits look like.
    #[error("the limits are not usable: {detail}")]
    Syntax {
        /// What is wrong, with its place.
        detail: String,
    },
}

impl Blamed for LimitsError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        Some("start from crates/face/data/limits.toml, which has every value".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_limit_names_a_source() {
        let limits = Limits::builtin();
        assert_eq!(limits.photo.min_width.value, 600.0);
        assert!(limits.photo.min_sharpness.source.contains("Pech-Pacheco"));
        assert_eq!(limits.template.near_black.certainty, Certainty::Unknown);
    }

    #[test]
    fn a_missing_an_unknown_and_an_impossible_value_are_refused_by_name() {
        for (from, to, expected) in [
            ("[photo.min-mean]", "[photo.min-main]", "min-main"),
            ("value = 0.35", "value = -1", "max-clipped-shadows"),
            ("value = 1.25", "value = nan", "min-aspect"),
            ("value = 215\n", "", "value"),
        ] {
            let error = Limits::parse(&BUILTIN.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
