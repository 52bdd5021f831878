//! Private and public keys (PKCS#15 v1.1, 6.3 and 6.4).

use iso7816::ber::Tag;

use super::directory::Record;
use super::element::{Elements, INTEGER, RecordError, SEQUENCE, Writer, constructed, integer};
use super::object::{Common, KeyAttributes, Parts, Value};

/// An RSA private key, a record of the PrKDF.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PrivateKey {
    /// Label, flags, guard.
    pub common: Common,
    /// Identifier, usage, reference.
    pub key: KeyAttributes,
    /// The subject of its certificate, a DER `Name`.
    pub subject: Option<Vec<u8>>,
    /// Where it is. On these cards the dedicated file that has to be current.
    pub value: Value,
    /// Bits of the modulus.
    pub modulus_length: u32,
    /// What is not understood, as it stands.
    pub unknown: Unknown,
}

/// An RSA public key, a record of the PuKDF.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicKey {
    /// Label, flags, guard.
    pub common: Common,
    /// Identifier, usage, reference.
    pub key: KeyAttributes,
    /// The subject of its certificate, a DER `Name`.
    pub subject: Option<Vec<u8>>,
    /// Where it is, or the key itself: a DER `RSAPublicKey`, or a `SubjectPublicKeyInfo` under
    /// `A1`.
    pub value: Value,
    /// Bits of the modulus.
    pub modulus_length: u32,
    /// What is not understood, as it stands.
    pub unknown: Unknown,
}

/// Elements that are not understood, by where they are.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Unknown {
    /// Behind the attributes of the subclass; with `None` for the subject these are all there is.
    pub subclass: Option<Vec<Vec<u8>>>,
    /// Behind those of the type.
    pub kind: Vec<Vec<u8>>,
    /// Behind the object.
    pub object: Vec<Vec<u8>>,
}

/// The shape both kinds of key have.
struct Key {
    common: Common,
    key: KeyAttributes,
    subject: Option<Vec<u8>>,
    value: Value,
    modulus_length: u32,
    unknown: Unknown,
}

impl Key {
    fn decode(tag: Tag, value: &[u8]) -> Result<Self, RecordError> {
        if tag != SEQUENCE {
            return Err(RecordError::UnknownTag { tag });
        }
        let parts = Parts::of(value)?;
        let mut unknown = Unknown {
            object: parts.unknown,
            ..Unknown::default()
        };
        let mut subject = None;
        if let Some(subclass) = parts.subclass {
            let mut outer = Elements::of(subclass)?;
            let attributes = outer.required(SEQUENCE, "commonKeyAttributes")?;
            let mut attributes = Elements::of(attributes)?;
            subject = attributes.optional_raw(SEQUENCE).map(<[u8]>::to_vec);
            unknown.subclass = Some(attributes.rest());
        }
        let kind = Elements::of(parts.kind)?.required(SEQUENCE, "rsaKeyAttributes")?;
        let mut kind = Elements::of(kind)?;
        let value = Value::take(&mut kind)?;
        let modulus_length = integer(kind.required(INTEGER, "modulusLength")?, "modulusLength")?;
        unknown.kind = kind.rest();
        Ok(Self {
            common: parts.common,
            key: KeyAttributes::decode(parts.class)?,
            subject,
            value,
            modulus_length,
            unknown,
        })
    }
}

fn encode(
    common: &Common,
    key: &KeyAttributes,
    subject: Option<&Vec<u8>>,
    (value, modulus_length): (&Value, u32),
    unknown: &Unknown,
) -> Vec<u8> {
    let mut out = Writer::default();
    out.nested(SEQUENCE, |out| {
        common.encode(out);
        key.encode(out);
        if subject.is_some() || unknown.subclass.is_some() {
            out.nested(constructed(0), |out| {
                out.nested(SEQUENCE, |out| {
                    out.raw(subject.as_slice());
                    out.raw(unknown.subclass.as_deref().unwrap_or_default());
                });
            });
        }
        out.nested(constructed(1), |out| {
            out.nested(SEQUENCE, |out| {
                value.encode(out);
                out.integer(modulus_length);
                out.raw(&unknown.kind);
            });
        });
        out.raw(&unknown.object);
    });
    out.finish()
}

macro_rules! key_record {
    ($name:ident) => {
        impl Record for $name {
            fn decode(tag: Tag, value: &[u8]) -> Result<Self, RecordError> {
                let Key {
                    common,
                    key,
                    subject,
                    value,
                    modulus_length,
                    unknown,
                } = Key::decode(tag, value)?;
                Ok(Self {
                    common,
                    key,
                    subject,
                    value,
                    modulus_length,
                    unknown,
                })
            }

            fn encode(&self) -> Vec<u8> {
                encode(
                    &self.common,
                    &self.key,
                    self.subject.as_ref(),
                    (&self.value, self.modulus_length),
                    &self.unknown,
                )
            }
        }
    };
}

key_record!(PrivateKey);
key_record!(PublicKey);
