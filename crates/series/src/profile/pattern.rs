use std::fmt;

use serde::{Deserialize, Serialize};

use super::wire;
use crate::Certainty;

/// Bytes some of which count: an answer to reset, or card production life cycle data.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", try_from = "RawPattern")]
pub struct BytePattern {
    /// What it is the pattern of, such as `ID-One PIV`.
    pub label: String,
    #[serde(with = "wire::bytes")]
    bytes: Vec<u8>,
    #[serde(with = "wire::bytes")]
    mask: Vec<u8>,
    /// Where it comes from.
    pub source: String,
    /// How surely it belongs to the series.
    pub certainty: Certainty,
}

impl BytePattern {
    /// A pattern of `bytes` in which the zero bits of `mask` are ignored.
    ///
    /// # Errors
    ///
    /// What is wrong, in words: an empty label or source, no bytes, a mask of another length or
    /// one that ignores everything.
    pub fn new(
        label: String,
        bytes: Vec<u8>,
        mask: Vec<u8>,
        source: String,
        certainty: Certainty,
    ) -> Result<Self, String> {
        check_words(&label, &source)?;
        if bytes.is_empty() {
            return Err("`bytes` is empty".to_owned());
        }
        if mask.len() != bytes.len() {
            let (bytes, mask) = (bytes.len(), mask.len());
            return Err(format!("`bytes` has {bytes} bytes and `mask` {mask}"));
        }
        if mask.iter().all(|&mask| mask == 0) {
            return Err("`mask` lets every byte pass".to_owned());
        }
        Ok(Self {
            label,
            bytes,
            mask,
            source,
            certainty,
        })
    }

    /// Whether the bytes have the same length and agree wherever the mask has a 1.
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        bytes.len() == self.bytes.len()
            && std::iter::zip(bytes, &self.bytes)
                .zip(&self.mask)
                .all(|((a, b), mask)| (a ^ b) & mask == 0)
    }

    /// How many bytes it has.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a pattern is never empty")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes, those under a zero mask included.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Ignored bytes are written `..`.
impl fmt::Display for BytePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (byte, mask) in std::iter::zip(&self.bytes, &self.mask) {
            match mask {
                0 => f.write_str("..")?,
                0xFF => write!(f, "{byte:02X}")?,
                mask => write!(f, "({byte:02X}/{mask:02X})")?,
            }
        }
        Ok(())
    }
}

/// An application that answers SELECT on cards of a series.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", try_from = "RawProbe")]
pub struct Probe {
    /// What it is called.
    pub label: String,
    /// The application identifier, 5 to 16 bytes.
    #[serde(with = "wire::bytes")]
    pub aid: Vec<u8>,
    /// Where it comes from.
    pub source: String,
    /// How surely the series answers to it.
    pub certainty: Certainty,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawPattern {
    label: String,
    #[serde(with = "wire::bytes")]
    bytes: Vec<u8>,
    #[serde(default, with = "wire::bytes")]
    mask: Vec<u8>,
    source: String,
    certainty: Certainty,
}

impl TryFrom<RawPattern> for BytePattern {
    type Error = String;

    fn try_from(raw: RawPattern) -> Result<Self, Self::Error> {
        // Without a mask every byte counts.
        let mask = match raw.mask.is_empty() {
            true => vec![0xFF; raw.bytes.len()],
            false => raw.mask,
        };
        Self::new(raw.label, raw.bytes, mask, raw.source, raw.certainty)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawProbe {
    label: String,
    #[serde(with = "wire::bytes")]
    aid: Vec<u8>,
    source: String,
    certainty: Certainty,
}

impl TryFrom<RawProbe> for Probe {
    type Error = String;

    fn try_from(raw: RawProbe) -> Result<Self, Self::Error> {
        check_words(&raw.label, &raw.source)?;
        if !(5..=16).contains(&raw.aid.len()) {
            return Err(format!(
                "an application identifier has 5 to 16 bytes, this one {}",
                raw.aid.len()
            ));
        }
        Ok(Self {
            label: raw.label,
            aid: raw.aid,
            source: raw.source,
            certainty: raw.certainty,
        })
    }
}

fn check_words(label: &str, source: &str) -> Result<(), String> {
    if label.trim().is_empty() {
        return Err("`label` is empty".to_owned());
    }
    if source.trim().is_empty() {
        return Err("`source` is empty; say where it comes from".to_owned());
    }
    Ok(())
}
