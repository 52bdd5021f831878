#![doc = include_str!("../README.md")]

mod error;
mod finding;
mod key_value;
mod open;
mod path;
pub mod pkcs15;
#[cfg(test)]
mod scripted;
pub mod secrets;
mod token;
pub mod v2;
pub mod v3;
pub mod words;

pub use error::{Action, AuthenticError};
pub use finding::{Finding, Parsed, Problem, Severity};
pub use open::{Unopened, open};
pub use path::{FilePath, FilePathError};
pub use token::{
    Applet, CertificateObject, Contents, DataObject, Digest, Initialisation, KeyId, KeyObject,
    KeySpec, KeyUsage, LastTry, RawFile, Role, Token, TokenInfo, Tries, Uses,
};
