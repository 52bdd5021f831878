//! File control parameters (ISO/IEC 7816-4, 7.4.3) and the policy of a credential.

use iso7816::ber::{self, Tag, TlvError};
use thiserror::Error;

use super::access::{self, AccessPair};
use crate::words::v3::{TYPE_DF, TYPE_TRANSPARENT, policy};
use crate::words::{
    FCP_ACCESS, FCP_IDENTIFIER, FCP_SIZE, FCP_TYPE, FILE_CONTROL_INFORMATION,
    FILE_CONTROL_PARAMETERS,
};

/// Why an answer is not what it must be.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ControlError {
    /// It is no TLV.
    #[error(transparent)]
    Tlv(#[from] TlvError),
    /// An element that must be there is not.
    #[error("no {what}")]
    Missing {
        /// The element.
        what: &'static str,
    },
    /// An element has another length than it can have.
    #[error("{what} of {length} bytes")]
    Length {
        /// The element.
        what: &'static str,
        /// Its bytes.
        length: usize,
    },
}

/// A file as the answer to SELECT describes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileControl {
    /// File descriptor, where there is one.
    pub kind: Option<u8>,
    /// Identifier.
    pub identifier: Option<u16>,
    /// Bytes, of a transparent file.
    pub size: usize,
    /// Access conditions, in the order of the kind of file; none where the card tells none.
    pub access: Vec<AccessPair>,
}

impl FileControl {
    /// Reads the answer to SELECT: parameters in `62`, in `6F`, or in `62` inside `6F`. An empty
    /// answer is a file of which nothing is told.
    ///
    /// # Errors
    ///
    /// [`ControlError`].
    pub fn parse(answer: &[u8]) -> Result<Self, ControlError> {
        let mut fields = answer;
        for template in [FILE_CONTROL_INFORMATION, FILE_CONTROL_PARAMETERS] {
            if let Some(inner) = ber::find(Tag(template.into()), fields)? {
                fields = inner;
            }
        }
        let field = |tag: u8| ber::find(Tag(tag.into()), fields);
        let size = match field(FCP_SIZE)? {
            None => 0,
            Some(bytes @ ([_] | [_, _])) => bytes
                .iter()
                .fold(0, |size, byte| size << 8 | usize::from(*byte)),
            Some(other) => return Err(length("file size", other)),
        };
        let identifier = match field(FCP_IDENTIFIER)? {
            None => None,
            Some(bytes) => Some(u16::from_be_bytes(
                bytes.try_into().map_err(|_| length("identifier", bytes))?,
            )),
        };
        Ok(Self {
            kind: field(FCP_TYPE)?.and_then(|kind| kind.first().copied()),
            identifier,
            size,
            access: access::pairs(field(FCP_ACCESS)?.unwrap_or_default()),
        })
    }

    /// The data field of CREATE FILE for a transparent file.
    #[must_use]
    pub fn transparent(identifier: u16, size: u16, access: [AccessPair; 4]) -> Self {
        Self {
            kind: Some(TYPE_TRANSPARENT),
            identifier: Some(identifier),
            size: size.into(),
            access: access.to_vec(),
        }
    }

    /// The data field of CREATE FILE for a dedicated file.
    #[must_use]
    pub fn dedicated(identifier: u16, access: [AccessPair; 3]) -> Self {
        Self {
            kind: Some(TYPE_DF),
            identifier: Some(identifier),
            size: 0,
            access: access.to_vec(),
        }
    }

    /// Whether it is a dedicated file.
    #[must_use]
    pub fn is_dedicated(&self) -> bool {
        self.kind == Some(TYPE_DF)
    }

    /// The condition at this position.
    #[must_use]
    pub fn condition(&self, position: usize) -> Option<AccessPair> {
        self.access.get(position).copied()
    }

    /// The bytes of CREATE FILE: size in two bytes, type, identifier, access.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut field = |tag: u8, value: &[u8]| ber::write(&mut out, Tag(tag.into()), value);
        field(FCP_SIZE, &(self.size as u16).to_be_bytes());
        field(FCP_TYPE, self.kind.as_slice());
        if let Some(identifier) = self.identifier {
            field(FCP_IDENTIFIER, &identifier.to_be_bytes());
        }
        field(FCP_ACCESS, &access::to_bytes(&self.access));
        ber::object(Tag(FILE_CONTROL_PARAMETERS.into()), &out)
    }
}

/// What a credential is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CredentialKind {
    /// A passcode.
    Pin,
    /// A biometric template.
    Biometric,
    /// A key, 02 to 07: DES, 3DES with two and three keys, AES of three sizes.
    Key(u8),
    /// Something else.
    Other(u8),
}

/// The policy of a credential, the answer to GET DATA 5Frr.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Policy {
    /// What it is.
    pub kind: CredentialKind,
    /// Who may verify, reset, change, modify and delete it.
    pub access: Vec<AccessPair>,
    /// Tries after a right one.
    pub try_limit: Option<u8>,
    /// Most bytes; what is sent is padded to this.
    pub max_length: Option<u8>,
    /// Fewest bytes.
    pub min_length: Option<u8>,
    /// What it must be made of, as it stands.
    pub complexity: Option<Vec<u8>>,
}

impl Policy {
    /// Reads the answer for credential `reference`.
    ///
    /// # Errors
    ///
    /// [`ControlError`].
    pub fn parse(reference: u8, answer: &[u8]) -> Result<Self, ControlError> {
        let tag = Tag(0x5F00 | u32::from(reference));
        let fields = ber::find(tag, answer)?.ok_or(ControlError::Missing {
            what: "credential template",
        })?;
        let kind = byte(fields, policy::KIND, "kind")?.ok_or(ControlError::Missing {
            what: "kind of credential",
        })?;
        let form = ber::find(Tag(policy::FORM.into()), fields)?.unwrap_or_default();
        Ok(Self {
            kind: match kind {
                0x00 => CredentialKind::Pin,
                0x01 => CredentialKind::Biometric,
                0x02..=0x07 => CredentialKind::Key(kind),
                _ => CredentialKind::Other(kind),
            },
            access: access::pairs(
                ber::find(Tag(policy::ACCESS.into()), fields)?.unwrap_or_default(),
            ),
            try_limit: byte(fields, policy::TRY_LIMIT, "try limit")?,
            max_length: byte(form, policy::MAX_LENGTH, "longest")?,
            min_length: byte(form, policy::MIN_LENGTH, "shortest")?,
            complexity: ber::find(Tag(policy::COMPLEXITY.into()), form)?.map(<[u8]>::to_vec),
        })
    }

    /// The condition at this position.
    #[must_use]
    pub fn condition(&self, position: usize) -> Option<AccessPair> {
        self.access.get(position).copied()
    }
}

fn byte(fields: &[u8], tag: u8, what: &'static str) -> Result<Option<u8>, ControlError> {
    match ber::find(Tag(tag.into()), fields)? {
        None => Ok(None),
        Some(&[byte]) => Ok(Some(byte)),
        Some(other) => Err(length(what, other)),
    }
}

fn length(what: &'static str, bytes: &[u8]) -> ControlError {
    let length = bytes.len();
    ControlError::Length { what, length }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).unwrap()
    }

    #[test]
    fn parameters_are_read_from_all_three_templates() {
        let fields = "80 02 01 80 82 01 01 83 02 70 05 86 08 0000 0001 0001 FF00";
        let inner = hex(fields);
        let fcp = ber::object(Tag(0x62), &inner);
        let answers = [
            fcp.clone(),
            ber::object(Tag(0x6F), &inner),
            ber::object(Tag(0x6F), &fcp),
        ];
        for answer in answers {
            let control = FileControl::parse(&answer).unwrap();
            assert_eq!(control.size, 0x180);
            assert_eq!(control.identifier, Some(0x7005));
            assert_eq!(control.condition(2), Some(AccessPair([0x00, 0x01])));
            assert_eq!(control.to_bytes(), fcp);
        }
        assert_eq!(FileControl::parse(&[]).unwrap().size, 0);
    }

    #[test]
    fn a_policy_is_read() {
        let answer = hex(
            "5F01 1B 80 01 00 86 0A 0000 0002 0001 FF00 FF00 91 01 05 A1 07 83 01 3F 84 02 04 04",
        );
        assert_eq!(
            Policy::parse(1, &answer),
            Err(ControlError::Length {
                what: "shortest",
                length: 2
            })
        );
        let answer =
            hex("5F01 1A 80 01 00 86 0A 0000 0002 0001 FF00 FF00 91 01 05 A1 06 83 01 3F 84 01 04");
        let policy = Policy::parse(1, &answer).unwrap();
        assert_eq!(policy.kind, CredentialKind::Pin);
        assert_eq!(
            (policy.try_limit, policy.min_length, policy.max_length),
            (Some(5), Some(4), Some(63))
        );
        assert!(policy.condition(1).unwrap().access().names(2));
        assert!(Policy::parse(2, &answer).is_err());
    }

    proptest! {
        #[test]
        fn any_answer_gives_a_value_or_a_typed_error(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = FileControl::parse(&bytes);
            let _ = Policy::parse(1, &bytes);
            let _ = FileControl::parse(&ber::object(Tag(0x62), &bytes));
            let _ = Policy::parse(1, &ber::object(Tag(0x5F01), &bytes));
        }

        #[test]
        fn what_is_created_is_read_back(id: u16, size: u16, pairs: [[u8; 2]; 4]) {
            let control = FileControl::transparent(id, size, pairs.map(AccessPair));
            prop_assert_eq!(FileControl::parse(&control.to_bytes()), Ok(control));
        }
    }
}
