//! Certificates and data objects (PKCS#15 v1.1, 6.6 and 6.7).

use der::asn1::ObjectIdentifier;
use iso7816::ber::Tag;

use super::directory::Record;
use super::element::{
    BOOLEAN, Elements, OBJECT_IDENTIFIER, OCTET_STRING, RecordError, SEQUENCE, UTF8_STRING, Writer,
    boolean, constructed, octets, text,
};
use super::object::{Common, Id, Parts, Value};

/// An X.509 certificate, a record of the CDF.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Certificate {
    /// Label, flags, guard.
    pub common: Common,
    /// The identifier of its key.
    pub id: Id,
    /// Whether it is an authority's.
    pub authority: bool,
    /// Where it is, or the certificate itself.
    pub value: Value,
    /// Further attributes of the class, as they stand: credential identifier, hash, trusted usage.
    pub class: Vec<Vec<u8>>,
    /// Further attributes of the type, as they stand: subject, issuer, serial number.
    pub kind: Vec<Vec<u8>>,
    /// What is not understood, as it stands.
    pub unknown: Vec<Vec<u8>>,
}

impl Certificate {
    /// A holder's certificate without further attributes.
    #[must_use]
    pub fn new(common: Common, id: Id, value: Value) -> Self {
        Self {
            common,
            id,
            authority: false,
            value,
            class: Vec::new(),
            kind: Vec::new(),
            unknown: Vec::new(),
        }
    }
}

impl Record for Certificate {
    fn decode(tag: Tag, value: &[u8]) -> Result<Self, RecordError> {
        if tag != SEQUENCE {
            return Err(RecordError::UnknownTag { tag });
        }
        let parts = Parts::of(value)?;
        let mut class = Elements::of(parts.class)?;
        let id = Id(octets(class.required(OCTET_STRING, "iD")?, "iD")?);
        let authority = match class.optional(BOOLEAN) {
            Some(value) => boolean(value, "authority")?,
            None => false,
        };
        let kind = Elements::of(parts.kind)?.required(SEQUENCE, "x509CertificateAttributes")?;
        let mut kind = Elements::of(kind)?;
        Ok(Self {
            common: parts.common,
            id,
            authority,
            value: Value::take(&mut kind)?,
            class: class.rest(),
            kind: kind.rest(),
            unknown: parts.unknown,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.nested(SEQUENCE, |out| {
            self.common.encode(out);
            out.nested(SEQUENCE, |out| {
                out.octets(&self.id.0);
                if self.authority {
                    out.boolean(true);
                }
                out.raw(&self.class);
            });
            out.nested(constructed(1), |out| {
                out.nested(SEQUENCE, |out| {
                    self.value.encode(out);
                    out.raw(&self.kind);
                });
            });
            out.raw(&self.unknown);
        });
        out.finish()
    }
}

/// A data object without structure, a record of the DODF.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DataObject {
    /// Label, flags, guard.
    pub common: Common,
    /// The application it belongs to.
    pub application: Option<String>,
    /// The same as an object identifier.
    pub identifier: Option<ObjectIdentifier>,
    /// Where it is, or the data itself.
    pub value: Value,
    /// Further attributes of the class, as they stand.
    pub class: Vec<Vec<u8>>,
    /// What is not understood, as it stands.
    pub unknown: Vec<Vec<u8>>,
}

impl Record for DataObject {
    fn decode(tag: Tag, value: &[u8]) -> Result<Self, RecordError> {
        if tag != SEQUENCE {
            return Err(RecordError::UnknownTag { tag });
        }
        let parts = Parts::of(value)?;
        let mut class = Elements::of(parts.class)?;
        let application = class.optional(UTF8_STRING).map(text);
        let identifier = match class.optional(OBJECT_IDENTIFIER) {
            Some(identifier) => Some(
                ObjectIdentifier::from_bytes(identifier)
                    .map_err(|error| RecordError::value("applicationOID", error))?,
            ),
            None => None,
        };
        let mut kind = Elements::of(parts.kind)?;
        let value = Value::take(&mut kind)?;
        let unknown = [kind.rest(), parts.unknown].concat();
        Ok(Self {
            common: parts.common,
            application,
            identifier,
            value,
            class: class.rest(),
            unknown,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.nested(SEQUENCE, |out| {
            self.common.encode(out);
            out.nested(SEQUENCE, |out| {
                if let Some(application) = &self.application {
                    out.text(application);
                }
                if let Some(identifier) = &self.identifier {
                    out.element(OBJECT_IDENTIFIER, identifier.as_bytes());
                }
                out.raw(&self.class);
            });
            out.nested(constructed(1), |out| self.value.encode(out));
            out.raw(&self.unknown);
        });
        out.finish()
    }
}
