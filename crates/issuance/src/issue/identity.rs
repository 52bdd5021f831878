//! What identifies a card and for how long.

use ground::Ambient;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use piv::objects::FascN;
use series::Profile;
use uuid::Uuid;

use super::IssueError;

/// Clocks differ: a certificate has to be good on a workstation that is slow.
const CLOCK_TOLERANCE_MINUTES: i64 = 30;

/// What identifies the card and for how long, decided before anything is written.
pub(super) struct Identity {
    pub(super) uuid: Uuid,
    pub(super) fasc_n: FascN,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    pub(super) expiry: Date,
}

impl Identity {
    /// A new one, valid from now on for as long as the profile says.
    pub(super) fn new(profile: &Profile, ambient: &dyn Ambient) -> Result<Self, IssueError> {
        let mut random = [0; 16];
        ambient.fill_random(&mut random);
        let prepare = |error: jiff::Error| IssueError::Prepare {
            what: "the validity",
            detail: error.to_string(),
        };
        let now = ambient.now();
        let months = i64::from(profile.certificate.validity_months.value);
        let end = now
            .to_zoned(TimeZone::UTC)
            .checked_add(months.months())
            .map_err(prepare)?;
        Ok(Self {
            uuid: uuid::Builder::from_random_bytes(random).into_uuid(),
            fasc_n: FascN::non_federal(),
            not_before: now
                .checked_sub(CLOCK_TOLERANCE_MINUTES.minutes())
                .map_err(prepare)?,
            not_after: end.timestamp(),
            expiry: end.date(),
        })
    }
}
