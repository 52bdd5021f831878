#![doc = include_str!("../README.md")]

pub mod biometric;
mod client;
pub mod cvc;
mod error;
mod finding;
pub mod objects;
mod public_key;
pub mod secrets;
pub mod secure_messaging;
pub mod signed;
pub mod words;

pub use client::{
    AdminAuthentication, ApplicationProperties, Client, ExtendedLength, SecuredCard, Tries,
    commands,
};
pub use error::{Action, PivError};
pub use finding::{Finding, Parsed, Severity};
pub use public_key::{MessageDigest, PublicKey, PublicKeyError};
