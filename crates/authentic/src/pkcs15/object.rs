//! What all objects have in common (PKCS#15 v1.1, 6.1.8 to 6.1.15).

use super::element::{
    BIT_STRING, BOOLEAN, Elements, GENERALIZED_TIME, INTEGER, OCTET_STRING, RecordError, SEQUENCE,
    UTF8_STRING, Writer, bits, boolean, constructed, integer, octets, primitive, text,
};
use super::flags::{AccessModes, KeyAccessFlags, ObjectFlags, UsageFlags};
use super::path::Reference;

/// The identifier by which private key, public key and certificate belong together.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Id(pub Vec<u8>);

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode_upper(&self.0))
    }
}

/// Attributes of any object (`CommonObjectAttributes`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Common {
    /// What people call it.
    pub label: Option<String>,
    /// Private, modifiable.
    pub flags: Option<ObjectFlags>,
    /// The authentication object that guards it.
    pub auth_id: Option<Id>,
    /// How many uses one authentication is good for.
    pub user_consent: Option<u32>,
    /// Who may do what.
    pub rules: Vec<AccessRule>,
    /// Elements of later editions, as they stand.
    pub unknown: Vec<Vec<u8>>,
}

/// One rule of access (`AccessControlRule`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AccessRule {
    /// What is allowed.
    pub modes: AccessModes,
    /// To whom: an authentication object; `None` with nothing in `unknown` for everybody.
    pub auth_id: Option<Id>,
    /// Conditions of other forms, as they stand.
    pub unknown: Vec<Vec<u8>>,
}

impl Common {
    pub(super) fn decode(value: &[u8]) -> Result<Self, RecordError> {
        let mut elements = Elements::of(value)?;
        let mut common = Self {
            label: elements.optional(UTF8_STRING).map(text),
            ..Self::default()
        };
        if let Some(flags) = elements.optional(BIT_STRING) {
            common.flags = Some(ObjectFlags(bits(flags, "flags")?));
        }
        if let Some(id) = elements.optional(OCTET_STRING) {
            common.auth_id = Some(Id(octets(id, "authId")?));
        }
        if let Some(count) = elements.optional(INTEGER) {
            common.user_consent = Some(integer(count, "userConsent")?);
        }
        if let Some(rules) = elements.optional(SEQUENCE) {
            let mut rules = Elements::of(rules)?;
            while let Some(rule) = rules.optional(SEQUENCE) {
                common.rules.push(AccessRule::decode(rule)?);
            }
            if let Some(other) = rules.next() {
                let why = format!("a rule with the tag {}", other.tag);
                return Err(RecordError::value("accessControlRules", why));
            }
        }
        common.unknown = elements.rest();
        Ok(common)
    }

    pub(super) fn encode(&self, out: &mut Writer) {
        out.nested(SEQUENCE, |out| {
            if let Some(label) = &self.label {
                out.text(label);
            }
            if let Some(flags) = self.flags {
                out.bits(flags.0);
            }
            if let Some(id) = &self.auth_id {
                out.octets(&id.0);
            }
            if let Some(count) = self.user_consent {
                out.integer(count);
            }
            if !self.rules.is_empty() {
                out.nested(SEQUENCE, |out| {
                    for rule in &self.rules {
                        rule.encode(out);
                    }
                });
            }
            out.raw(&self.unknown);
        });
    }
}

impl AccessRule {
    fn decode(value: &[u8]) -> Result<Self, RecordError> {
        let mut elements = Elements::of(value)?;
        let modes = elements.required(BIT_STRING, "accessMode")?;
        let mut rule = Self {
            modes: AccessModes(bits(modes, "accessMode")?),
            ..Self::default()
        };
        if let Some(id) = elements.optional(OCTET_STRING) {
            rule.auth_id = Some(Id(octets(id, "authId")?));
        }
        rule.unknown = elements.rest();
        Ok(rule)
    }

    fn encode(&self, out: &mut Writer) {
        out.nested(SEQUENCE, |out| {
            out.bits(self.modes.0);
            if let Some(id) = &self.auth_id {
                out.octets(&id.0);
            }
            out.raw(&self.unknown);
        });
    }
}

/// Attributes of any key (`CommonKeyAttributes`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyAttributes {
    /// By which the key's other objects are found.
    pub id: Id,
    /// What it is used for.
    pub usage: UsageFlags,
    /// Whether the card can use it.
    pub native: bool,
    /// How it is kept.
    pub access: Option<KeyAccessFlags>,
    /// The card's reference of the key.
    pub reference: Option<u32>,
    /// From when it is used, as it stands (`GeneralizedTime`).
    pub start: Option<Vec<u8>>,
    /// Until when it is used, as it stands.
    pub end: Option<Vec<u8>>,
    /// Algorithms it can be used with: references into those of the token information.
    pub algorithms: Option<Vec<u32>>,
    /// Elements of later editions, as they stand.
    pub unknown: Vec<Vec<u8>>,
}

impl KeyAttributes {
    /// A key of the card without further attributes.
    #[must_use]
    pub fn new(id: Id, usage: UsageFlags) -> Self {
        Self {
            id,
            usage,
            native: true,
            access: None,
            reference: None,
            start: None,
            end: None,
            algorithms: None,
            unknown: Vec::new(),
        }
    }

    pub(super) fn decode(value: &[u8]) -> Result<Self, RecordError> {
        let mut elements = Elements::of(value)?;
        let id = Id(octets(elements.required(OCTET_STRING, "iD")?, "iD")?);
        let usage = UsageFlags(bits(elements.required(BIT_STRING, "usage")?, "usage")?);
        let mut key = Self::new(id, usage);
        if let Some(native) = elements.optional(BOOLEAN) {
            key.native = boolean(native, "native")?;
        }
        if let Some(access) = elements.optional(BIT_STRING) {
            key.access = Some(KeyAccessFlags(bits(access, "accessFlags")?));
        }
        if let Some(reference) = elements.optional(INTEGER) {
            key.reference = Some(integer(reference, "keyReference")?);
        }
        key.start = elements.optional(GENERALIZED_TIME).map(<[u8]>::to_vec);
        key.end = elements.optional(primitive(0)).map(<[u8]>::to_vec);
        if let Some(algorithms) = elements.optional(constructed(1)) {
            let mut list = Elements::of(algorithms)?;
            let mut numbers = Vec::new();
            while let Some(number) = list.optional(INTEGER) {
                numbers.push(integer(number, "algReference")?);
            }
            key.algorithms = Some(numbers);
        }
        key.unknown = elements.rest();
        Ok(key)
    }

    pub(super) fn encode(&self, out: &mut Writer) {
        out.nested(SEQUENCE, |out| {
            out.octets(&self.id.0);
            out.bits(self.usage.0);
            if !self.native {
                out.boolean(false);
            }
            if let Some(access) = self.access {
                out.bits(access.0);
            }
            if let Some(reference) = self.reference {
                out.integer(reference);
            }
            if let Some(start) = &self.start {
                out.element(GENERALIZED_TIME, start);
            }
            if let Some(end) = &self.end {
                out.element(primitive(0), end);
            }
            if let Some(algorithms) = &self.algorithms {
                out.nested(constructed(1), |out| {
                    for number in algorithms {
                        out.integer(*number);
                    }
                });
            }
            out.raw(&self.unknown);
        });
    }
}

/// Where the value of an object is (`ObjectValue`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// In a file.
    Indirect(Reference),
    /// In the directory itself, as it stands.
    Direct(Vec<u8>),
    /// Elsewhere: a URL or a protected form, tag and value as they stand.
    Other(Vec<u8>),
}

impl Value {
    pub(super) fn take(elements: &mut Elements<'_>) -> Result<Self, RecordError> {
        if let Some(reference) = elements.optional(SEQUENCE) {
            return if reference.is_empty() {
                // "The default place"; OpenSC writes it for keys.
                Ok(Self::Other(vec![0x30, 0x00]))
            } else {
                Reference::decode(reference).map(Self::Indirect)
            };
        }
        if let Some(value) = elements.optional(constructed(0)) {
            return Ok(Self::Direct(value.to_vec()));
        }
        match elements.next() {
            Some(other) => Ok(Self::Other(other.raw.to_vec())),
            None => Err(RecordError::Missing { what: "value" }),
        }
    }

    pub(super) fn encode(&self, out: &mut Writer) {
        match self {
            Self::Indirect(reference) => reference.encode(out),
            Self::Direct(value) => out.element(constructed(0), value),
            Self::Other(raw) => out.raw(&[raw]),
        }
    }

    /// The file, if there is one.
    #[must_use]
    pub fn reference(&self) -> Option<&Reference> {
        match self {
            Self::Indirect(reference) => Some(reference),
            _ => None,
        }
    }
}

/// The parts of an object (`PKCS15Object`): attributes of all objects, of its class, of its
/// subclass, of its type.
pub(super) struct Parts<'a> {
    pub(super) common: Common,
    pub(super) class: &'a [u8],
    pub(super) subclass: Option<&'a [u8]>,
    pub(super) kind: &'a [u8],
    pub(super) unknown: Vec<Vec<u8>>,
}

impl<'a> Parts<'a> {
    pub(super) fn of(value: &'a [u8]) -> Result<Self, RecordError> {
        let mut elements = Elements::of(value)?;
        let common = elements.required(SEQUENCE, "commonObjectAttributes")?;
        Ok(Self {
            common: Common::decode(common)?,
            class: elements.required(SEQUENCE, "classAttributes")?,
            subclass: elements.optional(constructed(0)),
            kind: elements.required(constructed(1), "typeAttributes")?,
            unknown: elements.rest(),
        })
    }
}
