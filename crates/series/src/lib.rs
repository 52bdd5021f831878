#![doc = include_str!("../README.md")]

mod error;
mod identify;
mod inspect;
mod known;
mod profile;
mod profiles;

pub use error::ProfileError;
pub use identify::{
    Answer, Conclusion, Confidence, Evidence, Identification, IdentifyError, identify,
};
pub use inspect::{
    AtrReport, CardFinding, CardSerial, CertificateReport, ChuidReport, DiscoveryReport,
    HashReport, HashState, InspectError, InspectOptions, Inspection, ObjectReport, ObjectState,
    SecurityReport, SignatureState, TriesReport, TriesState, Validity, inspect,
};
pub use known::{Certainty, Conflict, Known};
pub use profile::{
    AdminKeyChange, AdminPath, Alphabet, BytePattern, Capabilities, CertificateProfile,
    ChannelLimits, DiffPlan, Engine, Explained, Middleware, PasscodePolicy, PasscodeProblem,
    PivPlan, Probe, Profile, PukPolicy, PukScheme, Refusal, Retirement, SerialSource, Slot,
    SlotPlan, Slots, State, Stated, Timing, Tolerance, Unknown,
};
pub use profiles::Profiles;
