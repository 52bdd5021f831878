//! What lies in the files of AuthentIC v2: token information, object lists, container records and
//! the attributes of objects. Read leniently, with findings and the bytes kept; written strictly.
//! Numbers are big-endian; an element of variable length has two bytes of length in front (LLV).

mod attributes;
mod container;
mod objects;
mod reader;
mod token_info;

pub(super) use attributes::uses;

pub use attributes::{
    CertificateAttributes, DataAttributes, PrivateKeyAttributes, PublicKeyAttributes, UNDATED,
};
pub use container::{ContainerRecord, KeyContainer};
pub use objects::{Entry, ObjectId, ObjectList, Slot};
pub use token_info::TokenInformation;

use thiserror::Error;

/// Why a value cannot be written in the format.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum LayoutError {
    /// Longer than its place.
    #[error("{element} has {length} bytes, at most {limit} have room")]
    TooLong {
        /// The element.
        element: &'static str,
        /// Its bytes.
        length: usize,
        /// The most there can be.
        limit: usize,
    },
    /// A value the format cannot express.
    #[error("{element}: {detail}")]
    Value {
        /// The element.
        element: &'static str,
        /// Why not.
        detail: &'static str,
    },
}
