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
    AdminKeyChange, AdminPath, Alphabet, BytePattern, Capabilities, CardManagerPlan,
    CertificateProfile, ChannelLevel, ChannelLimits, ChannelProtocol, DiffPlan, Engine, Explained,
    KeyDiversification, ManagerKeys, Middleware, PasscodePolicy, PasscodeProblem, PivPlan,
    Policies, PolicyHolder, Probe, Profile, PukPolicy, PukScheme, PutKeyForm, Refusal, Retirement,
    SerialSource, SerialWriting, Slot, SlotPlan, Slots, State, Stated, Timing, Tolerance, Unknown,
};
pub use profiles::Profiles;
