//! Reading a card as somebody who has never seen it: with its root certificate, its passcode, and
//! nothing remembered from writing it.

use std::collections::BTreeMap;

use der::asn1::OctetString;
use ground::{Ambient, Blame, Blamed};
use iso7816::Reset;
use piv::objects::{
    CardCapabilityContainer, CertificateObject, CertificateObjectError, Chuid, Discovery,
    ObjectError, PrintedInformation, SecurityObject,
};
use piv::secrets::Passcode;
use piv::signed::{SignedError, check_chuid, oid, verify_chuid_bytes};
use piv::words::{KeyReference, ObjectId, PinReference};
use piv::{Client, Finding, MessageDigest, PivError, PublicKey, PublicKeyError, Severity};
use series::{PivPlan, Slot};
use thiserror::Error;
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::authority::{ChainError, verify_chain};
use crate::request::UserId;

/// What the card is checked against.
pub(super) struct Stranger<'a> {
    /// What a card of the series holds.
    pub(super) plan: &'a PivPlan,
    /// The issuer first, the trusted root last.
    pub(super) chain: &'a [Certificate],
    /// The holder's passcode.
    pub(super) passcode: &'a Passcode,
    /// Whom the certificates have to name.
    pub(super) user: UserId,
    pub(super) ambient: &'a dyn Ambient,
}

impl Stranger<'_> {
    /// Resets the card, reads everything and checks it.
    pub(super) fn read_back(&self, client: &mut Client) -> Result<(), ReadBackError> {
        client.reset(Reset::Cold)?;
        let objects = self.read_objects(client)?;
        let (chuid, signer) = self.check_chuid(&objects)?;
        self.check_forms(&objects)?;
        self.check_security_object(&objects, &signer)?;
        for slot in Slot::ALL {
            let certificate = self.check_certificate(&objects, slot)?;
            if slot == Slot::Authentication {
                check_card_names(&chuid, &certificate)?;
            }
            self.challenge(client, slot, &certificate)?;
        }
        Ok(())
    }

    /// Reads what anybody may read, then what the passcode opens.
    fn read_objects(
        &self,
        client: &mut Client,
    ) -> Result<BTreeMap<ObjectId, Vec<u8>>, ReadBackError> {
        let mut wanted: Vec<ObjectId> = self.plan.objects.value.clone();
        wanted.extend(Slot::ALL.map(|slot| self.certificate_object(slot)));
        wanted.push(ObjectId::SecurityObject);
        wanted.sort_by_key(|object| object.needs_pin());
        let mut objects = BTreeMap::new();
        let mut verified = false;
        for object in wanted {
            if object.needs_pin() && !verified {
                client.verify(PinReference::Application, self.passcode)?;
                verified = true;
            }
            let value = client.get_data(object)?.filter(|value| !value.is_empty());
            let value = value.ok_or(ReadBackError::Missing { object })?;
            objects.insert(object, value);
        }
        Ok(objects)
    }

    fn check_chuid(
        &self,
        objects: &BTreeMap<ObjectId, Vec<u8>>,
    ) -> Result<(Chuid, Certificate), ReadBackError> {
        let object = ObjectId::Chuid;
        let raw = value_of(objects, object)?;
        let parsed = Chuid::parse(raw)?;
        no_violation(object, &parsed.findings)?;
        let signer =
            verify_chuid_bytes(raw).map_err(|source| ReadBackError::Signed { object, source })?;
        no_violation(object, &check_chuid(&parsed))?;
        verify_chain(&signer, self.chain, self.ambient.now())?;
        Ok((parsed.value, signer))
    }

    fn check_forms(&self, objects: &BTreeMap<ObjectId, Vec<u8>>) -> Result<(), ReadBackError> {
        for (&object, value) in objects {
            let findings = match object {
                ObjectId::CardCapabilityContainer => {
                    CardCapabilityContainer::parse(value)?.findings
                }
                ObjectId::Discovery => Discovery::parse(value)?.findings,
                ObjectId::PrintedInformation => PrintedInformation::parse(value)?.findings,
                _ => continue,
            };
            no_violation(object, &findings)?;
        }
        Ok(())
    }

    fn check_security_object(
        &self,
        objects: &BTreeMap<ObjectId, Vec<u8>>,
        signer: &Certificate,
    ) -> Result<(), ReadBackError> {
        let object = ObjectId::SecurityObject;
        let parsed = SecurityObject::parse(value_of(objects, object)?)?;
        no_violation(object, &parsed.findings)?;
        no_violation(object, &parsed.value.check(objects, signer))
    }

    fn check_certificate(
        &self,
        objects: &BTreeMap<ObjectId, Vec<u8>>,
        slot: Slot,
    ) -> Result<Certificate, ReadBackError> {
        let object = self.certificate_object(slot);
        let parsed = CertificateObject::parse(value_of(objects, object)?)?;
        no_violation(object, &parsed.findings)?;
        let certificate = parsed.value.certificate()?;
        verify_chain(&certificate, self.chain, self.ambient.now())?;
        let subject = certificate.tbs_certificate().subject();
        let name = subject.common_name().ok().flatten();
        let name = name.map_or_else(String::new, |name| name.value().into_owned());
        if !name.starts_with(&format!("{}_", self.user)) {
            return Err(ReadBackError::OtherPerson {
                slot,
                expected: self.user,
                found: name,
            });
        }
        Ok(certificate)
    }

    /// Has the card sign something new and verifies it with its certificate.
    fn challenge(
        &self,
        client: &mut Client,
        slot: Slot,
        certificate: &Certificate,
    ) -> Result<(), ReadBackError> {
        let (key, algorithm) = self.plan.slot(slot);
        let wrong = |source| ReadBackError::Key { slot, key, source };
        let public = certificate.tbs_certificate().subject_public_key_info();
        let public = PublicKey::from_spki(public).map_err(wrong)?;
        let mut challenge = [0; 32];
        self.ambient.fill_random(&mut challenge);
        let digest = MessageDigest::customary(algorithm, &challenge);
        client.verify(PinReference::Application, self.passcode)?;
        let signature = client.sign_digest(key, algorithm, &digest)?;
        public.verify_digest(&digest, &signature).map_err(wrong)
    }

    fn certificate_object(&self, slot: Slot) -> ObjectId {
        let (key, _) = self.plan.slot(slot);
        key.certificate()
            .expect("a profile with a slot without certificate is refused when it is read")
    }
}

fn value_of(
    objects: &BTreeMap<ObjectId, Vec<u8>>,
    object: ObjectId,
) -> Result<&Vec<u8>, ReadBackError> {
    objects
        .get(&object)
        .ok_or(ReadBackError::Missing { object })
}

fn no_violation(object: ObjectId, findings: &[Finding]) -> Result<(), ReadBackError> {
    match findings
        .iter()
        .find(|finding| finding.severity == Severity::Violation)
    {
        None => Ok(()),
        Some(finding) => Err(ReadBackError::Violation {
            object,
            finding: finding.clone(),
        }),
    }
}

/// The card's names in the CHUID and in the authentication certificate have to be the same
/// (SP 800-73-5 Part 1, 3.4): this is how an object copied from another card is found.
fn check_card_names(chuid: &Chuid, certificate: &Certificate) -> Result<(), ReadBackError> {
    let found = certificate
        .tbs_certificate()
        .get_extension::<SubjectAltName>();
    let names = found.ok().flatten().map(|(_, names)| names.0);
    let names = names.unwrap_or_default();
    let uuid = chuid.guid.map(|guid| guid.urn().to_string());
    let has_uuid = names.iter().any(|name| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str()) == uuid.as_deref(),
        _ => false,
    });
    let fasc_n = chuid.fasc_n.map(|number| *number.bytes());
    let has_fasc_n = names.iter().any(|name| match name {
        GeneralName::OtherName(other) if other.type_id == oid::FASC_N => {
            let value = other.value.decode_as::<OctetString>().ok();
            value.as_ref().map(OctetString::as_bytes) == fasc_n.as_ref().map(<[u8; 25]>::as_slice)
        }
        _ => false,
    });
    match (has_uuid, has_fasc_n) {
        (true, true) => Ok(()),
        (false, _) => Err(ReadBackError::OtherCard { what: "UUID" }),
        (_, false) => Err(ReadBackError::OtherCard { what: "FASC-N" }),
    }
}

/// What a stranger finds wrong with a card just made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadBackError {
    /// The card does not answer as it should.
    #[error(transparent)]
    Piv(#[from] PivError),
    /// An object is not there.
    #[error("the {object} was written and is not there")]
    Missing {
        /// The object.
        object: ObjectId,
    },
    /// An object cannot be read.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// An object is not as the standard has it.
    #[error("the {object} is not in order: {finding}")]
    Violation {
        /// The object.
        object: ObjectId,
        /// What is wrong, and which clause says so.
        finding: Finding,
    },
    /// A signed object does not verify.
    #[error("the {object} does not verify: {source}")]
    Signed {
        /// The object.
        object: ObjectId,
        /// What is wrong.
        source: SignedError,
    },
    /// A certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateObjectError),
    /// A certificate is not to be trusted.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A certificate names another person.
    #[error("the {slot} certificate names `{found}`, expected user {expected}")]
    OtherPerson {
        /// What its key is for.
        slot: Slot,
        /// Who should be named.
        expected: UserId,
        /// Who is.
        found: String,
    },
    /// CHUID and certificate are of different cards.
    #[error("the {what} in the authentication certificate is not that of the CHUID")]
    OtherCard {
        /// Which name of the card.
        what: &'static str,
    },
    /// The private key on the card is not the certificate's.
    #[error("key {key} does not prove the {slot} certificate: {source}")]
    Key {
        /// What it is for.
        slot: Slot,
        /// The key on the card.
        key: KeyReference,
        /// What is wrong.
        source: PublicKeyError,
    },
}

impl Blamed for ReadBackError {
    fn blame(&self) -> Blame {
        match self {
            Self::Piv(error) => error.blame(),
            Self::Chain(error) => error.blame(),
            _ => Blame::CardMisbehaved,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Piv(error) => error.hint(),
            Self::Chain(error) => error.hint(),
            _ => Some("set the card aside by its number; it must not be handed out".to_owned()),
        }
    }
}
