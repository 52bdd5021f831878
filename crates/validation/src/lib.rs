#![doc = include_str!("../README.md")]

mod assertion;
mod bench;
mod command;
pub mod coverage;
mod data;
mod error;
mod evidence;
mod judgement;
mod logbook;
mod middleware;
mod registry;
mod report;
mod run;
mod settings;
mod trust;

pub use assertion::{Assertion, Check, Need, Objects, Standard};
pub use bench::Bench;
pub use error::ValidationError;
pub use evidence::{Evidence, ObjectReading, ObjectState};
pub use judgement::{Deviation, Judgement, Verdict};
pub use middleware::{
    Expectation, Middleware, MiddlewareError, Probe, ProbeInterface, StatusPattern,
};
pub use registry::{assertion, assertions};
pub use report::{CardIdentity, Outcome, Report, Summary};
pub use run::{judge, validate};
pub use settings::{Permits, Settings};
pub use trust::{CertificatePath, PathError, Revocation, TrustError, TrustStore};
