//! Reading the data objects and decoding those that say something about the card.

mod decode;

use std::collections::BTreeMap;
use std::fmt;

use iso7816::StatusWord;
use piv::words::ObjectId;
use piv::{Client, Finding, PivError};
use serde::Serialize;

use super::{InspectOptions, Inspection};
use crate::Profile;

/// One data object.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObjectReport {
    /// What it is called.
    pub name: String,
    /// Its tag, such as `5FC102`.
    pub tag: String,
    /// What is there.
    #[serde(flatten)]
    pub state: ObjectState,
}

/// What is there of a data object.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum ObjectState {
    /// It holds something.
    Present {
        /// Bytes inside the wrapper.
        size: usize,
    },
    /// It was created and not filled.
    Empty,
    /// It was never created.
    Absent,
    /// It cannot be read without the passcode.
    Protected,
    /// The card refuses for another reason.
    Refused {
        /// SW1-SW2 and its meaning.
        status: String,
    },
    /// The card answered something else than the object.
    Malformed {
        /// Expected and actual.
        problem: String,
    },
}

/// The Card Holder Unique Identifier.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChuidReport {
    /// The Card UUID.
    pub guid: Option<String>,
    /// The FASC-N in digits.
    pub fasc_n: Option<String>,
    /// The day the card expires.
    pub expiry: Option<String>,
    /// The issuer's signature.
    pub signature: SignatureState,
}

/// A signature over an object.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum SignatureState {
    /// There is none.
    Absent,
    /// It verifies with the certificate in the CHUID. Who issued that certificate is not checked.
    Good {
        /// Subject of the certificate.
        signer: String,
    },
    /// It does not verify.
    Bad {
        /// What is wrong.
        reason: String,
    },
    /// It could not be checked.
    Unchecked {
        /// What was missing.
        reason: String,
    },
}

/// The Discovery Object.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DiscoveryReport {
    /// The two bytes of the PIN usage policy, hexadecimal.
    pub policy: Option<String>,
    /// What they mean.
    pub meaning: Vec<&'static str>,
}

/// The Security Object: the hashes of other objects, signed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SecurityReport {
    /// The issuer's signature.
    pub signature: SignatureState,
    /// The hashes, in the order of the mapping.
    pub hashes: Vec<HashReport>,
}

/// One hash of the Security Object.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HashReport {
    /// The object it is of.
    pub object: String,
    /// Whether it is that of the object on the card.
    pub state: HashState,
}

/// How a hash compares with the object on the card.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HashState {
    /// The object is as it was signed.
    Same,
    /// The object was changed or comes from another card.
    Different,
    /// The object cannot be read without the passcode, or is not there.
    NotCompared,
}

impl fmt::Display for HashState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "as signed",
            Self::Different => "DIFFERENT from what was signed",
            Self::NotCompared => "not compared",
        })
    }
}

/// Reads all objects, then decodes them.
pub(super) fn read(
    inspection: &mut Inspection,
    client: &mut Client,
    profile: Option<&Profile>,
    options: &InspectOptions,
) -> Result<(), PivError> {
    let mut contents = BTreeMap::new();
    for object in ObjectId::all() {
        if !options.retired && matches!(object, ObjectId::RetiredCertificate(_)) {
            continue;
        }
        let state = match client.get_data(object) {
            Ok(Some(value)) if value.is_empty() => ObjectState::Empty,
            Ok(Some(value)) => {
                let size = value.len();
                contents.insert(object, value);
                ObjectState::Present { size }
            }
            Ok(None) => ObjectState::Absent,
            Err(PivError::Refused {
                status: StatusWord::SECURITY_STATUS_NOT_SATISFIED,
                ..
            }) => ObjectState::Protected,
            Err(PivError::Refused { status, .. }) => ObjectState::Refused {
                status: status.to_string(),
            },
            Err(PivError::Malformed { what, .. }) => {
                let finding = Finding::violation("SP 800-73-5 Part 2, 3.1.2", what.clone());
                inspection.note(&object.to_string(), [finding]);
                ObjectState::Malformed { problem: what }
            }
            Err(error) => return Err(error),
        };
        inspection.objects.push(ObjectReport {
            name: object.to_string(),
            tag: object.tag().to_string(),
            state,
        });
    }
    decode::all(inspection, &contents, profile);
    Ok(())
}
