//! Biometric data of a PIV card: CBEFF header, record, signature block (SP 800-76-2, Table 14).
//!
//! A [`BiometricRecord`] is what stands in element `BC` of a fingerprint, face or iris object
//! ([`crate::objects::BiometricObject`]). [`MinutiaeRecord`], [`FaceRecord`] and [`IrisRecord`] take
//! the record inside apart as far as the frame goes: whether a picture shows a face is not decided
//! here. [`crate::signed`] makes and verifies the signature.

mod cbeff;
mod face;
mod iris;
mod minutiae;
mod record;

use std::fmt;

use ground::{Blame, Blamed};
use serde::Serialize;
use thiserror::Error;

pub use cbeff::{CbeffDate, CbeffHeader, Creator};
pub use face::{FaceImage, FaceRecord};
pub use iris::IrisRecord;
pub use minutiae::{FingerView, Minutia, MinutiaeRecord};

use crate::words::ObjectId;
use crate::{Finding, Parsed};

/// Which biometric an object holds.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BiometricKind {
    /// Two fingers as minutiae (INCITS 378-2004).
    Fingerprints,
    /// A face (INCITS 385-2004).
    Face,
    /// One or two irises (ISO/IEC 19794-6:2011).
    Iris,
}

impl BiometricKind {
    /// The object that holds it.
    #[must_use]
    pub const fn object(self) -> ObjectId {
        match self {
            Self::Fingerprints => ObjectId::Fingerprints,
            Self::Face => ObjectId::FacialImage,
            Self::Iris => ObjectId::IrisImages,
        }
    }

    /// What an object holds.
    #[must_use]
    pub const fn of(object: ObjectId) -> Option<Self> {
        Some(match object {
            ObjectId::Fingerprints => Self::Fingerprints,
            ObjectId::FacialImage => Self::Face,
            ObjectId::IrisImages => Self::Iris,
            _ => return None,
        })
    }
}

impl fmt::Display for BiometricKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.object().fmt(f)
    }
}

/// Header, biometric data block and signature block: the value of element `BC`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BiometricRecord {
    /// The CBEFF header with the lengths of the other two.
    pub header: CbeffHeader,
    /// The biometric data block.
    pub data: Vec<u8>,
    /// The signature block, CMS SignedData; empty in an unsigned record.
    pub signature: Vec<u8>,
}

impl BiometricRecord {
    /// Binds a data block to its header, still unsigned.
    ///
    /// # Errors
    ///
    /// [`BiometricError::TooLarge`] beyond what the header can count.
    pub fn new(mut header: CbeffHeader, data: Vec<u8>) -> Result<Self, BiometricError> {
        header.data_length = u32::try_from(data.len()).map_err(|_| BiometricError::TooLarge {
            what: "biometric data block",
            length: data.len(),
        })?;
        header.signature_length = 0;
        Ok(Self {
            header,
            data,
            signature: Vec::new(),
        })
    }

    /// Reads the value of element `BC`. Where the lengths in the header do not fit, the data block
    /// is cut where the header says and the rest is taken for the signature, so that nothing is
    /// lost.
    ///
    /// # Errors
    ///
    /// [`BiometricError::TooShort`] for fewer bytes than a header has.
    pub fn parse(kind: BiometricKind, bytes: &[u8]) -> Result<Parsed<Self>, BiometricError> {
        let (header, rest) = bytes.split_first_chunk::<{ CbeffHeader::LENGTH }>().ok_or(
            BiometricError::TooShort {
                what: "CBEFF header",
                expected: CbeffHeader::LENGTH,
                actual: bytes.len(),
            },
        )?;
        let header = CbeffHeader::from_bytes(header);
        let mut findings = header.check(kind);
        let mut violation = |what: String| {
            findings.push(Finding::violation(cbeff::CLAUSE, format!("{kind}: {what}")));
        };
        let stated = usize::try_from(header.data_length).unwrap_or(usize::MAX);
        let (data, signature) = rest.split_at(stated.min(rest.len()));
        if stated > rest.len() {
            violation(format!(
                "the header counts {stated} bytes of data, {} follow",
                rest.len()
            ));
        } else if usize::from(header.signature_length) != signature.len() {
            violation(format!(
                "the header counts {} bytes of signature, {} follow",
                header.signature_length,
                signature.len()
            ));
        }
        if signature.is_empty() {
            violation("there is no signature block".to_owned());
        }
        match check_data(kind, data) {
            Ok(of_data) => findings.extend(of_data),
            Err(error) => violation(error.to_string()),
        }
        Ok(Parsed {
            value: Self {
                header,
                data: data.to_vec(),
                signature: signature.to_vec(),
            },
            findings,
            raw: bytes.to_vec(),
        })
    }

    /// The value of element `BC`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        [self.covered(), self.signature.clone()].concat()
    }

    /// The bytes the issuer signs: header and data block (SP 800-76-2, Table 14).
    #[must_use]
    pub fn covered(&self) -> Vec<u8> {
        [&self.header.to_bytes()[..], &self.data].concat()
    }
}

/// What is wrong with a data block.
fn check_data(kind: BiometricKind, data: &[u8]) -> Result<Vec<Finding>, BiometricError> {
    Ok(match kind {
        BiometricKind::Fingerprints => MinutiaeRecord::parse(data)?.findings,
        BiometricKind::Face => FaceRecord::parse(data)?.findings,
        BiometricKind::Iris => IrisRecord::parse(data)?.findings,
    })
}

/// Why bytes are no biometric record at all, or a record cannot be made.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum BiometricError {
    /// Fewer bytes than its fixed head.
    #[error("{actual} bytes are no {what}, expected at least {expected}")]
    TooShort {
        /// What it should be.
        what: &'static str,
        /// The bytes it has at least.
        expected: usize,
        /// The bytes there are.
        actual: usize,
    },
    /// More than its length field counts.
    #[error("a {what} of {length} bytes is longer than its length field counts")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// Its bytes.
        length: usize,
    },
    /// A creator that does not fit.
    #[error("creator `{creator}` is not at most 17 printable ASCII characters")]
    Creator {
        /// The text given.
        creator: String,
    },
    /// A moment no CBEFF date can say.
    #[error("year {year} does not fit a CBEFF date")]
    Year {
        /// The year.
        year: i16,
    },
}

impl Blamed for BiometricError {
    fn blame(&self) -> Blame {
        match self {
            Self::TooShort { .. } => Blame::CardMisbehaved,
            _ => Blame::OperatorMistake,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::TooShort { .. } => "write the object again, or set the card aside",
            Self::TooLarge { .. } => "compress the picture more",
            Self::Creator { .. } => "name the creator in at most 17 letters and digits",
            Self::Year { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
