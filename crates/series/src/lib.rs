//! What each card series is, how to tell them apart without harm, and what one card holds.
//!
//! A [`Profile`] is data: a TOML file in which every value names its source and how far it can be
//! trusted. [`identify`] weighs the answer to reset and a fixed row of SELECTs against the
//! [`Profiles`] and says which series a card may be of, and why. [`inspect`] reads everything a
//! card shows without a passcode into one report.

mod error;
mod identify;
mod known;
mod profile;
mod profiles;

pub use error::ProfileError;
pub use identify::{
    Answer, Conclusion, Confidence, Cplc, Evidence, Identification, IdentifyError, identify,
};
pub use known::{Certainty, Conflict, Known};
pub use profile::{
    AdminKeyChange, AdminPath, Alphabet, BytePattern, Capabilities, CertificateProfile,
    ChannelLimits, Engine, Middleware, PasscodePolicy, PasscodeProblem, PivPlan, Probe, Profile,
    PukPolicy, PukScheme, Refusal, Retirement, SerialSource, Slot, SlotPlan, Slots, State, Stated,
    Timing, Unknown,
};
pub use profiles::Profiles;
