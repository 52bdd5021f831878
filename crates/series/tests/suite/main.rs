//! The crate from outside.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod atr_list;
mod card;
mod identification;
mod inspection;
mod profiles;
mod scripted;
mod token;
