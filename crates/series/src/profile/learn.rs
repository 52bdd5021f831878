//! Learning how a series is recognised from one of its cards.

use globalplatform::Cplc;
use iso7816::Atr;
use iso7816::atr::Check;
use jiff::Timestamp;

use super::{BytePattern, Profile};
use crate::{Certainty, Identification};

/// Bytes of the production data that are the same for a whole series: fabricator, type and
/// operating system.
const COMMON_CPLC: usize = 6;

impl Profile {
    /// A profile like this one that recognises cards as the given golden card is recognised:
    /// by its answer to reset (but for speed, life cycle and check byte) and by the maker, type
    /// and operating system in its production data.
    ///
    /// The engineer gives it an `id` and completes the rest in the file ([`Profile::to_toml`]).
    #[must_use]
    pub fn learned_from(&self, id: &str, card: &Identification, read_at: Timestamp) -> Self {
        let day = read_at.strftime("%Y-%m-%d");
        let pattern = |label: &str, bytes: &[u8], mask: Vec<u8>| {
            let source = format!("learned from a card on {day}");
            BytePattern::new(
                format!("{label} of {id}"),
                bytes.to_vec(),
                mask,
                source,
                Certainty::Inferred,
            )
            .ok()
        };
        let cplc = card.numbers.cplc.and_then(|cplc| {
            let mut mask = vec![0; Cplc::LENGTH];
            mask[..COMMON_CPLC].fill(0xFF);
            pattern("production data", &cplc.to_bytes(), mask)
        });
        let atr = pattern("answer to reset", &card.atr, atr_mask(&card.atr));
        Self {
            id: id.to_owned(),
            atr: atr.into_iter().collect(),
            cplc: cplc.into_iter().collect(),
            ..self.clone()
        }
    }

    /// The profile as a file that [`Profile::parse`] reads.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a profile has a TOML form")
    }
}

/// What differs between cards of one series, or resets of one card, is ignored.
fn atr_mask(bytes: &[u8]) -> Vec<u8> {
    const HAS_TA1: u8 = 0x10;
    let mut mask = vec![0xFF; bytes.len()];
    let Ok(atr) = Atr::parse(bytes) else {
        return mask;
    };
    let mut ignore = |index: Option<usize>| {
        if let Some(byte) = index.and_then(|index| mask.get_mut(index)) {
            *byte = 0;
        }
    };
    if bytes.get(1).is_some_and(|format| format & HAS_TA1 != 0) {
        ignore(Some(2));
    }
    let has_check = matches!(atr.check, Check::Right(_) | Check::Wrong { .. });
    let end = bytes.len() - usize::from(has_check);
    if has_check {
        ignore(Some(end));
    }
    if atr.historical.raw.len() > 3 && bytes[..end].ends_with(&[0x90, 0x00]) {
        ignore(end.checked_sub(3));
    }
    mask
}
