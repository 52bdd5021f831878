//! What a stranger finds on a card with the PIV application.

use std::collections::BTreeMap;

use der::asn1::OctetString;
use iso7816::Reset;
use piv::objects::{
    CardCapabilityContainer, CertificateObject, Chuid, Discovery, PrintedInformation,
    SecurityObject,
};
use piv::secrets::Passcode;
use piv::signed::{check_chuid, oid, verify_chuid_bytes};
use piv::words::{ObjectId, PinReference};
use piv::{Client, Finding, MessageDigest, Severity};
use series::{PivPlan, Slot};
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::authority::verify_chain;
use crate::issue::read_back::{ReadBackError, Stranger, check_signature};

/// Resets the card, reads everything and checks it.
pub(super) fn read_back(
    client: &mut Client,
    plan: &PivPlan,
    stranger: &Stranger<'_>,
) -> Result<(), ReadBackError> {
    client.reset(Reset::Cold)?;
    let objects = read_objects(client, plan, stranger.passcode)?;
    let (chuid, signer) = read_chuid(&objects, stranger)?;
    check_forms(&objects)?;
    check_security_object(&objects, &signer)?;
    for slot in Slot::ALL {
        let certificate = read_certificate(&objects, plan, slot)?;
        stranger.check_certificate(slot, &certificate)?;
        if slot == Slot::Authentication {
            check_card_names(&chuid, &certificate)?;
        }
        challenge(client, plan, slot, &certificate, stranger)?;
    }
    Ok(())
}

/// Reads what anybody may read, then what the passcode opens.
fn read_objects(
    client: &mut Client,
    plan: &PivPlan,
    passcode: &Passcode,
) -> Result<BTreeMap<ObjectId, Vec<u8>>, ReadBackError> {
    let mut wanted: Vec<ObjectId> = plan.objects.value.clone();
    wanted.extend(Slot::ALL.map(|slot| certificate_object(plan, slot)));
    wanted.push(ObjectId::SecurityObject);
    wanted.sort_by_key(|object| object.needs_pin());
    let mut objects = BTreeMap::new();
    let mut verified = false;
    for object in wanted {
        if object.needs_pin() && !verified {
            client.verify(PinReference::Application, passcode)?;
            verified = true;
        }
        let value = client.get_data(object)?.filter(|value| !value.is_empty());
        let value = value.ok_or(ReadBackError::Missing { object })?;
        objects.insert(object, value);
    }
    Ok(objects)
}

fn read_chuid(
    objects: &BTreeMap<ObjectId, Vec<u8>>,
    stranger: &Stranger<'_>,
) -> Result<(Chuid, Certificate), ReadBackError> {
    let object = ObjectId::Chuid;
    let raw = value_of(objects, object)?;
    let parsed = Chuid::parse(raw)?;
    no_violation(object, &parsed.findings)?;
    let signer =
        verify_chuid_bytes(raw).map_err(|source| ReadBackError::Signed { object, source })?;
    no_violation(object, &check_chuid(&parsed))?;
    verify_chain(&signer, stranger.chain, stranger.ambient.now())?;
    Ok((parsed.value, signer))
}

fn check_forms(objects: &BTreeMap<ObjectId, Vec<u8>>) -> Result<(), ReadBackError> {
    for (&object, value) in objects {
        let findings = match object {
            ObjectId::CardCapabilityContainer => CardCapabilityContainer::parse(value)?.findings,
            ObjectId::Discovery => Discovery::parse(value)?.findings,
            ObjectId::PrintedInformation => PrintedInformation::parse(value)?.findings,
            _ => continue,
        };
        no_violation(object, &findings)?;
    }
    Ok(())
}

fn check_security_object(
    objects: &BTreeMap<ObjectId, Vec<u8>>,
    signer: &Certificate,
) -> Result<(), ReadBackError> {
    let object = ObjectId::SecurityObject;
    let parsed = SecurityObject::parse(value_of(objects, object)?)?;
    no_violation(object, &parsed.findings)?;
    no_violation(object, &parsed.value.check(objects, signer))
}

fn read_certificate(
    objects: &BTreeMap<ObjectId, Vec<u8>>,
    plan: &PivPlan,
    slot: Slot,
) -> Result<Certificate, ReadBackError> {
    let object = certificate_object(plan, slot);
    let parsed = CertificateObject::parse(value_of(objects, object)?)?;
    no_violation(object, &parsed.findings)?;
    Ok(parsed.value.certificate()?)
}

/// Has the card sign something new and verifies it with its certificate.
fn challenge(
    client: &mut Client,
    plan: &PivPlan,
    slot: Slot,
    certificate: &Certificate,
    stranger: &Stranger<'_>,
) -> Result<(), ReadBackError> {
    let (key, algorithm) = plan.slot(slot);
    let digest = MessageDigest::customary(algorithm, &stranger.challenge());
    client.verify(PinReference::Application, stranger.passcode)?;
    let signature = client.sign_digest(key, algorithm, &digest)?;
    check_signature(slot, certificate, &digest, &signature)
}

fn certificate_object(plan: &PivPlan, slot: Slot) -> ObjectId {
    let (key, _) = plan.slot(slot);
    key.certificate()
        .expect("a profile with a slot without certificate is refused when it is read")
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
