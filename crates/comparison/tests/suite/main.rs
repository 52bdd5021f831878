//! Captures of simulated cards, and what differs between them and the published ones.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where its data is not as it should be"
)]

mod capturing;
mod comparing;
mod published;
mod support;
