//! AuthentIC models as they are written, and what makes one that cannot be wrong of them.

use authentic::words::v2;
use serde::Deserialize;

use super::v3::RawVersion3;
use super::{AppletVersion, AuthenticModel, DefaultApplication, FileCapacity, KeySizes};
use crate::card::model::Source;
use crate::card::model::raw::{RawCardManager, answer_to_reset_for};
use crate::card::{ExtendedLength, Reference, Transport};

/// A model as written; [`AuthenticModel`] is a model that cannot be wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawModel {
    name: String,
    description: String,
    applet: AppletVersion,
    atr: String,
    default_application: DefaultApplication,
    extended_length: Option<ExtendedLength>,
    transport: Transport,
    passcode: Reference,
    officer: Reference,
    unblocking: Option<Reference>,
    v3: Option<RawVersion3>,
    keys: KeySizes,
    memory: FileCapacity,
    card_manager: RawCardManager,
}

/// The shortest and the longest passcode there can be, in characters.
const PASSCODE: std::ops::RangeInclusive<usize> = 4..=63;

impl TryFrom<RawModel> for AuthenticModel {
    type Error = String;

    fn try_from(raw: RawModel) -> Result<Self, String> {
        let atr = answer_to_reset_for(&raw.atr, &raw.transport)?;
        check("passcode", &raw.passcode, PASSCODE)?;
        check("officer", &raw.officer, PASSCODE)?;
        match (&raw.unblocking, raw.applet) {
            (Some(code), AppletVersion::V2) => {
                check("unblocking", code, v2::PUK_FIELD..=v2::PUK_FIELD)?;
            }
            (None, AppletVersion::V3) => {}
            (Some(_), AppletVersion::V3) => {
                return Err("`unblocking`: v3 has no unblocking code".to_owned());
            }
            (None, AppletVersion::V2) => {
                return Err("`unblocking` is missing: v2 has an unblocking code".to_owned());
            }
        }
        if raw.v3.is_some() != (raw.applet == AppletVersion::V3) {
            return Err("the table `v3` belongs to a v3 card and to no other".to_owned());
        }
        if let Some(v3) = &raw.v3 {
            v3.check(&raw.passcode, &raw.officer, &raw.keys)?;
        }
        let keys = raw.keys;
        if let Some(size) = keys.sizes.iter().find(|size| !is_key_size(**size)) {
            return Err(format!(
                "keys of {size} bits are not possible: 512 to 2048 in steps of 64 are"
            ));
        }
        if !keys.sizes.contains(&keys.personalised) {
            return Err(format!(
                "`personalised` is {}, which is not among `sizes`",
                keys.personalised
            ));
        }
        Ok(Self {
            name: raw.name,
            description: raw.description,
            applet: raw.applet,
            atr,
            default_application: raw.default_application,
            extended_length: raw.extended_length,
            transport: raw.transport,
            passcode: raw.passcode,
            officer: raw.officer,
            unblocking: raw.unblocking,
            v3: raw.v3.map(TryInto::try_into).transpose()?,
            keys,
            memory: raw.memory,
            card_manager: raw.card_manager.try_into()?,
            source: Source(String::new()),
        })
    }
}

fn is_key_size(bits: u16) -> bool {
    (512..=2048).contains(&bits) && bits.is_multiple_of(64)
}

fn check(
    name: &str,
    reference: &Reference,
    lengths: std::ops::RangeInclusive<usize>,
) -> Result<(), String> {
    if !lengths.contains(&reference.length()) || !reference.is_printable() {
        let (shortest, longest) = lengths.into_inner();
        let many = match shortest == longest {
            true => shortest.to_string(),
            false => format!("{shortest} to {longest}"),
        };
        return Err(format!("`{name}` must have {many} printable characters"));
    }
    // 63CX has four bits for the counter.
    if !(1..=15).contains(&reference.tries) {
        return Err(format!(
            "`{name}` has {} tries, must be between 1 and 15",
            reference.tries
        ));
    }
    Ok(())
}
