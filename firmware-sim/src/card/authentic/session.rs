//! What an AuthentIC chip remembers until the next reset.

use iso7816::StatusWord;

use super::model::DefaultApplication;
use super::{v2, v3};
use crate::card::transport::Exchange;

/// Volatile state: the selected application, exchanges in progress, and the state of the
/// application, of which a chip has one version.
pub(super) struct Session {
    pub(super) selected: DefaultApplication,
    pub(super) exchange: Exchange,
    /// What the command in hand answers in place of 9000.
    pub(super) warning: Option<StatusWord>,
    pub(super) v2: v2::State,
    pub(super) v3: v3::State,
}

impl Session {
    pub(super) fn new(selected: DefaultApplication) -> Self {
        Self {
            selected,
            exchange: Exchange::default(),
            warning: None,
            v2: v2::State::default(),
            v3: v3::State::default(),
        }
    }
}
