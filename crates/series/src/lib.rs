#![doc = include_str!("../README.md")]

mod card;
mod error;
mod identify;
mod inspect;
mod known;
mod profile;
mod profiles;

pub use authentic::secrets::{NewPasscode, OfficerPasscode, Passcode};
pub use authentic::{Digest, LastTry};
pub use card::{AdminSecret, Card, CardError, CardOptions, CardStatus, SlotStatus, UnlockSecret};
pub use error::ProfileError;
pub use identify::{
    Answer, Applet, Conclusion, Confidence, Evidence, Identification, IdentifyError, identify,
};
pub use inspect::{
    AtrReport, CardFinding, CardSerial, CertificateReport, ChuidReport, DataReport,
    DiscoveryReport, HashReport, HashState, InspectError, InspectOptions, Inspection, KeyReport,
    ObjectReport, ObjectState, SecurityReport, SignatureState, TokenReport, TriesReport,
    TriesState, Validity, inspect,
};
pub use known::{Certainty, Conflict, Known};
pub use profile::{
    AdminKeyChange, AdminPath, Alphabet, AppletWords, AuthenticAdmin, AuthenticPlan, AuthenticSlot,
    AuthenticSlots, BytePattern, Capabilities, CardManagerPlan, CertificateProfile, ChannelLevel,
    ChannelLimits, ChannelProtocol, DiffPlan, Engine, Explained, KeyDiversification,
    LegacyPasscode, ManagerKeys, Middleware, OfficerPolicy, Operation, OperationStatus,
    PasscodePolicy, PasscodeProblem, PivPlan, Plan, Policies, PolicyHolder, Probe, Profile,
    PukPolicy, PukScheme, PutKeyForm, Refusal, Retirement, Scp01Diversification, SerialSource,
    SerialWriting, Slot, SlotPlan, Slots, State, Stated, Timing, Tolerance, Unknown, Usage,
};
pub use profiles::Profiles;
