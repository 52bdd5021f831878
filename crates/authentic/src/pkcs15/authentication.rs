//! Passcodes and other means of authentication (PKCS#15 v1.1, 6.8).

use iso7816::ber::Tag;

use super::directory::Record;
use super::element::{
    BIT_STRING, ENUMERATED, Elements, GENERALIZED_TIME, INTEGER, OCTET_STRING, RecordError,
    SEQUENCE, Writer, bits, constructed, integer, octets, primitive,
};
use super::flags::PinFlags;
use super::object::{Common, Id, Parts};
use super::path::Reference;

/// A record of the AODF.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Authentication {
    /// A passcode.
    Pin(Box<Pin>),
    /// A biometric template (A0), an authentication key (A1) or an external authentication (A2),
    /// tag and value as they stand.
    Other {
        /// Which of them.
        tag: Tag,
        /// The value.
        value: Vec<u8>,
    },
}

impl Authentication {
    /// The passcode, if it is one.
    #[must_use]
    pub fn pin(&self) -> Option<&Pin> {
        match self {
            Self::Pin(pin) => Some(pin),
            Self::Other { .. } => None,
        }
    }
}

/// A passcode.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pin {
    /// Label, flags. Its own guard is the one that unblocks it.
    pub common: Common,
    /// By which objects name it as their guard.
    pub auth_id: Id,
    /// How it behaves.
    pub flags: PinFlags,
    /// BCD 0, ASCII digits 1, UTF-8 2.
    pub kind: u32,
    /// Fewest characters.
    pub min_length: u32,
    /// Bytes on the card, with padding.
    pub stored_length: u32,
    /// Most characters, where another number.
    pub max_length: Option<u32>,
    /// The card's reference. 0 where none is given.
    pub reference: Option<u32>,
    /// What it is padded with.
    pub pad: Option<u8>,
    /// When it was changed last, as it stands.
    pub last_change: Option<Vec<u8>>,
    /// The dedicated file it belongs to.
    pub path: Option<Reference>,
    /// Further attributes of the class, as they stand.
    pub class: Vec<Vec<u8>>,
    /// What is not understood, as it stands.
    pub unknown: Unknown,
}

/// Elements that are not understood, by where they are.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Unknown {
    /// The attributes of the subclass.
    pub subclass: Option<Vec<u8>>,
    /// Behind those of the type.
    pub kind: Vec<Vec<u8>>,
    /// Behind the object.
    pub object: Vec<Vec<u8>>,
}

impl Record for Authentication {
    fn decode(tag: Tag, value: &[u8]) -> Result<Self, RecordError> {
        match tag {
            SEQUENCE => Pin::decode(value).map(Box::new).map(Self::Pin),
            Tag(0xA0..=0xA2) => Ok(Self::Other {
                tag,
                value: value.to_vec(),
            }),
            _ => Err(RecordError::UnknownTag { tag }),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        match self {
            Self::Pin(pin) => pin.encode(&mut out),
            Self::Other { tag, value } => out.element(*tag, value),
        }
        out.finish()
    }
}

impl Pin {
    fn decode(value: &[u8]) -> Result<Self, RecordError> {
        let parts = Parts::of(value)?;
        let mut class = Elements::of(parts.class)?;
        let auth_id = Id(octets(class.required(OCTET_STRING, "authId")?, "authId")?);
        let kind = Elements::of(parts.kind)?.required(SEQUENCE, "pinAttributes")?;
        let mut kind = Elements::of(kind)?;
        let flags = kind.required(BIT_STRING, "pinFlags")?;
        let pin_type = kind.required(ENUMERATED, "pinType")?;
        let min_length = kind.required(INTEGER, "minLength")?;
        let stored_length = kind.required(INTEGER, "storedLength")?;
        let max_length = kind.optional(INTEGER);
        let reference = kind.optional(primitive(0));
        let pad = match kind.optional(OCTET_STRING) {
            None => None,
            Some(&[byte]) => Some(byte),
            Some(other) => {
                let why = format!("{} bytes", other.len());
                return Err(RecordError::value("padChar", why));
            }
        };
        let last_change = kind.optional(GENERALIZED_TIME).map(<[u8]>::to_vec);
        let path = kind.optional(SEQUENCE).map(Reference::decode).transpose()?;
        let number =
            |value: Option<&[u8]>, what| value.map(|value| integer(value, what)).transpose();
        Ok(Self {
            common: parts.common,
            auth_id,
            flags: PinFlags(bits(flags, "pinFlags")?),
            kind: integer(pin_type, "pinType")?,
            min_length: integer(min_length, "minLength")?,
            stored_length: integer(stored_length, "storedLength")?,
            max_length: number(max_length, "maxLength")?,
            reference: number(reference, "pinReference")?,
            pad,
            last_change,
            path,
            class: class.rest(),
            unknown: Unknown {
                subclass: parts.subclass.map(<[u8]>::to_vec),
                kind: kind.rest(),
                object: parts.unknown,
            },
        })
    }

    fn encode(&self, out: &mut Writer) {
        out.nested(SEQUENCE, |out| {
            self.common.encode(out);
            out.nested(SEQUENCE, |out| {
                out.octets(&self.auth_id.0);
                out.raw(&self.class);
            });
            if let Some(subclass) = &self.unknown.subclass {
                out.element(constructed(0), subclass);
            }
            out.nested(constructed(1), |out| {
                out.nested(SEQUENCE, |out| self.encode_attributes(out));
            });
            out.raw(&self.unknown.object);
        });
    }

    fn encode_attributes(&self, out: &mut Writer) {
        out.bits(self.flags.0);
        out.tagged_integer(ENUMERATED, self.kind);
        out.integer(self.min_length);
        out.integer(self.stored_length);
        if let Some(length) = self.max_length {
            out.integer(length);
        }
        if let Some(reference) = self.reference {
            out.tagged_integer(primitive(0), reference);
        }
        if let Some(pad) = self.pad {
            out.octets(&[pad]);
        }
        if let Some(time) = &self.last_change {
            out.element(GENERALIZED_TIME, time);
        }
        if let Some(path) = &self.path {
            path.encode(out);
        }
        out.raw(&self.unknown.kind);
    }
}
