//! PKCS#15 v1.1 (ISO/IEC 7816-15): which keys, certificates and data a card holds and where.
//!
//! A directory file is records laid end to end ([`Directory`]); each is read leniently, with its
//! bytes kept beside it, and written in DER. [`Structure::read`] follows the directories from
//! EF.DIR and the object directory, reads each file once and reports what is wrong as findings.

mod authentication;
mod certificate;
mod directory;
mod element;
mod flags;
mod key;
mod object;
mod path;
pub mod rewrite;
mod structure;
mod token;

pub use self::authentication::{Authentication, Pin, Unknown as UnknownOfPin};
pub use self::certificate::{Certificate, DataObject};
pub use self::directory::{Directory, DirectoryFault, DirectoryFinding, Entry, Record};
pub use self::element::RecordError;
pub use self::flags::{AccessModes, KeyAccessFlags, ObjectFlags, PinFlags, TokenFlags, UsageFlags};
pub use self::key::{PrivateKey, PublicKey, Unknown as UnknownOfKey};
pub use self::object::{AccessRule, Common, Id, KeyAttributes, Value};
pub use self::path::{Path, Reference};
pub use self::structure::{FileContent, Files, Structure, StructureFault, StructureFinding};
pub use self::token::{
    Application, DirectoryEntry, DirectoryKind, Discretionary, Place, TokenInfo,
};

#[cfg(test)]
mod tests;
