use iso7816::ber::{self, Object, Reader, Tag};
use uuid::Uuid;

use super::{
    CLAUSE, CURVE, CVC, Cvc, CvcError, CvcSignature, ISSUER, KeyIdentifier, POINT, PROFILE,
    PROFILE_VALUE, PUBLIC_KEY, ROLE, Role, SIGNATURE, SUBJECT, SignatureAlgorithm, Subject,
};
use crate::{Finding, Parsed, PublicKey};

/// The elements in the order the standard demands.
const ORDER: [(Tag, &str); 6] = [
    (PROFILE, "credential profile identifier"),
    (ISSUER, "issuer identification number"),
    (SUBJECT, "subject identifier"),
    (PUBLIC_KEY, "public key"),
    (ROLE, "role identifier"),
    (SIGNATURE, "signature"),
];

const P256_OID: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const P384_OID: &[u8] = &[0x2B, 0x81, 0x04, 0x00, 0x22];

/// The value of tag 06 for a key on a curve; empty for RSA, which no CVC holds.
pub(super) fn curve_oid(key: &PublicKey) -> &'static [u8] {
    match key {
        PublicKey::P256(_) => P256_OID,
        PublicKey::P384(_) => P384_OID,
        PublicKey::Rsa(_) => &[],
    }
}

impl Cvc {
    /// Reads a CVC, `7F21` and its value and nothing after it. Whatever is wrong inside becomes a
    /// finding.
    ///
    /// # Errors
    ///
    /// [`CvcError::NotCvc`] when the bytes are not one object `7F21`.
    pub fn parse(bytes: &[u8]) -> Result<Parsed<Self>, CvcError> {
        let inner = ber::expect(CVC, bytes)?;
        let mut parser = Parser {
            cvc: Self {
                profile: None,
                issuer: None,
                subject: None,
                public_key: None,
                role: None,
                signature: None,
                covered: Vec::new(),
            },
            findings: Vec::new(),
        };
        if bytes.len() != ber::object(CVC, inner).len() {
            parser.violation("the length of `7F21` is not in its shortest form");
        }
        parser.elements(inner);
        parser.relations();
        Ok(Parsed {
            value: parser.cvc,
            findings: parser.findings,
            raw: bytes.to_vec(),
        })
    }
}

struct Parser {
    cvc: Cvc,
    findings: Vec<Finding>,
}

impl Parser {
    fn violation(&mut self, message: impl Into<String>) {
        self.findings.push(Finding::violation(CLAUSE, message));
    }

    fn elements(&mut self, inner: &[u8]) {
        let mut seen: Vec<Tag> = Vec::with_capacity(ORDER.len());
        for object in Reader::new(inner) {
            let object = match object {
                Ok(object) => object,
                Err(error) => {
                    self.violation(format!("the elements of `7F21` are cut short: {error}"));
                    break;
                }
            };
            if object.tag != SIGNATURE {
                self.cvc.covered.extend_from_slice(object.raw);
            }
            if object.raw.len() != ber::object(object.tag, object.value).len() {
                self.violation(format!(
                    "the length of `{}` is not in its shortest form",
                    object.tag
                ));
            }
            if seen.contains(&object.tag) {
                self.violation(format!("`{}` appears twice; the first counts", object.tag));
                continue;
            }
            self.element(&object, &seen);
            seen.push(object.tag);
        }
        for (tag, name) in ORDER {
            if !seen.contains(&tag) {
                self.violation(format!("no {name} (`{tag}`)"));
            }
        }
    }

    fn element(&mut self, object: &Object<'_>, seen: &[Tag]) {
        let Some(place) = ORDER.iter().position(|(tag, _)| *tag == object.tag) else {
            self.violation(format!("unexpected element `{}`", object.tag));
            return;
        };
        if ORDER[place..].iter().any(|(tag, _)| seen.contains(tag)) {
            self.violation(format!("`{}` is out of order", object.tag));
        }
        match object.tag {
            PROFILE => self.profile(object.value),
            ISSUER => self.issuer(object.value),
            SUBJECT => self.subject(object.value),
            PUBLIC_KEY => self.public_key(object.value),
            ROLE => self.role(object.value),
            _ => self.signature(object.value),
        }
    }

    fn profile(&mut self, value: &[u8]) {
        if let [profile] = *value {
            self.cvc.profile = Some(profile);
        }
        if value != [PROFILE_VALUE] {
            self.violation(format!(
                "credential profile identifier (`5F29`) is `{}`, expected `80`",
                hex::encode_upper(value)
            ));
        }
    }

    fn issuer(&mut self, value: &[u8]) {
        match value.try_into() {
            Ok(issuer) => self.cvc.issuer = Some(KeyIdentifier(issuer)),
            Err(_) => self.violation(format!(
                "issuer identification number (`42`) has {} bytes, expected 8",
                value.len()
            )),
        }
    }

    fn subject(&mut self, value: &[u8]) {
        self.cvc.subject = match value.len() {
            16 => Uuid::from_slice(value).ok().map(Subject::Card),
            8 => value
                .first_chunk()
                .map(|id| Subject::Intermediate(KeyIdentifier(*id))),
            length => {
                self.violation(format!(
                    "subject identifier (`5F20`) has {length} bytes, expected 16 for a card or 8 \
                     for an intermediate"
                ));
                None
            }
        };
    }

    fn public_key(&mut self, value: &[u8]) {
        let mut objects = Vec::new();
        for object in Reader::new(value) {
            match object {
                Ok(object) => objects.push(object),
                Err(error) => {
                    self.violation(format!("the public key (`7F49`) is cut short: {error}"));
                    return;
                }
            }
        }
        let (oid, point) = match objects[..] {
            [oid, point] if oid.tag == CURVE && point.tag == POINT => (oid.value, point.value),
            _ => {
                let tags: Vec<_> = objects
                    .iter()
                    .map(|object| object.tag.to_string())
                    .collect();
                self.violation(format!(
                    "the public key (`7F49`) holds `{}`, expected `06 86`",
                    tags.join(" ")
                ));
                return;
            }
        };
        if objects
            .iter()
            .any(|object| object.raw.len() != object.value.len() + 2)
        {
            self.violation("a length inside `7F49` is not in its shortest form");
        }
        match PublicKey::from_point(point) {
            Ok(key) if curve_oid(&key) == oid => self.cvc.public_key = Some(key),
            Ok(_) => self.violation(format!(
                "the public key (`7F49`) has a point of {} bytes on a curve with OID `{}`",
                point.len(),
                hex::encode_upper(oid)
            )),
            Err(error) => self.violation(format!("the public key (`7F49`): {error}")),
        }
    }

    fn role(&mut self, value: &[u8]) {
        let role = match *value {
            [role] => Some(Role::from_byte(role)),
            _ => None,
        };
        self.cvc.role = role;
        if !matches!(role, Some(Role::Card | Role::Intermediate)) {
            self.violation(format!(
                "role identifier (`5F4C`) is `{}`, expected `00` or `12`",
                hex::encode_upper(value)
            ));
        }
    }

    fn signature(&mut self, value: &[u8]) {
        let signature = match CvcSignature::parse(value) {
            Ok(signature) => signature,
            Err(error) => {
                self.violation(format!("the signature (`5F37`) is malformed: {error}"));
                return;
            }
        };
        match signature.algorithm {
            None => self.violation(format!(
                "the signature (`5F37`) has algorithm `{}`, expected ECDSA with SHA-256 or \
                 SHA-384, or RSA with SHA-256",
                signature.oid
            )),
            Some(algorithm) if !signature.parameters_conform => self.violation(format!(
                "the parameters of {} in the signature (`5F37`) must be {}",
                algorithm.name(),
                match algorithm {
                    SignatureAlgorithm::RsaSha256 => "NULL",
                    _ => "absent",
                }
            )),
            Some(_) => {}
        }
        self.cvc.signature = Some(signature);
    }

    /// What must agree between elements.
    fn relations(&mut self) {
        let role = self.cvc.role;
        match (role, self.cvc.subject) {
            (Some(Role::Card), Some(Subject::Intermediate(_))) => {
                self.violation("subject identifier (`5F20`) has 8 bytes, a card's has 16");
            }
            (Some(Role::Intermediate), Some(Subject::Card(_))) => {
                self.violation("subject identifier (`5F20`) has 16 bytes, an intermediate's has 8");
            }
            (Some(Role::Intermediate), Some(Subject::Intermediate(identifier))) => {
                let of_key = self.cvc.public_key.as_ref().and_then(KeyIdentifier::of_key);
                if let Some(of_key) = of_key.filter(|of_key| *of_key != identifier) {
                    // The standard does not say whether SHA-1 covers the point or its TLV.
                    self.findings.push(Finding::warning(
                        CLAUSE,
                        format!(
                            "subject identifier (`5F20`) is `{identifier}`, SHA-1 of the point \
                             begins `{of_key}`"
                        ),
                    ));
                }
            }
            _ => {}
        }
        let algorithm = self.cvc.signature.as_ref().and_then(|it| it.algorithm);
        let expected = match (role, &self.cvc.public_key) {
            (Some(Role::Card), Some(key)) => Some(SignatureAlgorithm::of_signer(key)),
            (Some(Role::Intermediate), _) => Some(SignatureAlgorithm::RsaSha256),
            _ => None,
        };
        if let (Some(algorithm), Some(expected)) = (algorithm, expected)
            && algorithm != expected
        {
            self.violation(format!(
                "signed with {}, expected {}",
                algorithm.name(),
                expected.name()
            ));
        }
    }
}
