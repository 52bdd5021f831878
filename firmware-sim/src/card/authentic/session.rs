//! What an AuthentIC chip remembers until the next reset.

use super::model::DefaultApplication;
use super::{v2, v3};
use crate::card::transport::Exchange;

/// Volatile state: the selected application, exchanges in progress, and the state of the
/// application, of which a chip has one version.
pub(super) struct Session {
    pub(super) selected: DefaultApplication,
    pub(super) exchange: Exchange,
    pub(super) v2: v2::State,
    pub(super) v3: v3::State,
}

impl Session {
    pub(super) fn new(selected: DefaultApplication) -> Self {
        Self {
            selected,
            exchange: Exchange::default(),
            v2: v2::State::default(),
            v3: v3::State::default(),
        }
    }
}
