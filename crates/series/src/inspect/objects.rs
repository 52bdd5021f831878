//! Reading the data objects and decoding those that say something about the card.

mod decode;

use std::collections::BTreeMap;
use std::fmt;

use iso7816::StatusWord;
use piv::words::{ObjectId, RetiredKey};
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
    /// It was not asked for: a retired certificate of a card without a Key History Object.
    NotRead,
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

/// Reads all objects, each once, then decodes them.
///
/// A card with a retired key has a Key History Object; certificates on the card take the first
/// places, those kept elsewhere the last (SP 800-73-5 Part 1, 3.3.3). Where there is none, the
/// first and the last place are asked, and the others only if something is in one of them.
pub(super) fn read(
    inspection: &mut Inspection,
    client: &mut Client,
    profile: Option<&Profile>,
    options: &InspectOptions,
) -> Result<(), PivError> {
    let mut contents = BTreeMap::new();
    let mut history = ObjectState::NotRead;
    // The last retired certificate, where it was read before its turn.
    let mut ahead = None;
    let mut rest_is_empty = false;
    // Whether a reader refuses extended length fields though the card takes them shows with the
    // first of them.
    let mut untried = client.use_extended(true);
    for object in ObjectId::all() {
        let mut get = |object| match read_one(inspection, client, object, &mut contents) {
            Err(PivError::Channel { .. }) if std::mem::take(&mut untried) => {
                client.use_extended(false);
                read_one(inspection, client, object, &mut contents)
            }
            read => {
                untried = false;
                read
            }
        };
        let state = match object {
            ObjectId::RetiredCertificate(_) if !options.retired => continue,
            FIRST_RETIRED if history == ObjectState::Absent => {
                let first = get(FIRST_RETIRED)?;
                let last = get(LAST_RETIRED)?;
                rest_is_empty = first == ObjectState::Absent && last == ObjectState::Absent;
                ahead = Some(last);
                first
            }
            LAST_RETIRED if let Some(last) = ahead.take() => last,
            ObjectId::RetiredCertificate(_) if rest_is_empty => ObjectState::NotRead,
            object => get(object)?,
        };
        if object == ObjectId::KeyHistory {
            history = state.clone();
        }
        inspection.objects.push(ObjectReport {
            name: object.to_string(),
            tag: object.tag().to_string(),
            state,
        });
    }
    decode::all(inspection, &contents, profile);
    Ok(())
}

const FIRST_RETIRED: ObjectId = retired(1);
const LAST_RETIRED: ObjectId = retired(20);

const fn retired(number: u8) -> ObjectId {
    ObjectId::RetiredCertificate(RetiredKey::new(number).expect("there are 20"))
}

fn read_one(
    inspection: &mut Inspection,
    client: &mut Client,
    object: ObjectId,
    contents: &mut BTreeMap<ObjectId, Vec<u8>>,
) -> Result<ObjectState, PivError> {
    Ok(match client.get_data(object) {
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
    })
}
