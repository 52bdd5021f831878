//! One module a command.

pub(crate) mod capture;
pub(crate) mod card;
pub(crate) mod diff;
pub(crate) mod estate;
pub(crate) mod inspect;
pub(crate) mod issue;
pub(crate) mod print;
pub(crate) mod readers;
pub(crate) mod series;
pub(crate) mod station;
pub(crate) mod transcript;
pub(crate) mod validate;
