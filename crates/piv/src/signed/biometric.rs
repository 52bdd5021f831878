use der::asn1::OctetString;
use uuid::Uuid;
use x509_cert::Certificate;

use super::chuid::{check_signer, check_signer_name};
use super::cms::{Envelope, ToSign, attribute, sign};
use super::{ContentSigner, SignedError, oid};
use crate::biometric::{BiometricKind, BiometricRecord};
use crate::objects::FascN;
use crate::{Finding, Parsed};

const CLAUSE: &str = "FIPS 201-3, 4.2.3; SP 800-85B-4, 10.2 to 10.5";

/// What a verified signature block says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BiometricSignature {
    /// Signed attribute pivFASC-N.
    pub fasc_n: FascN,
    /// Signed attribute entryUUID: the Card UUID.
    pub card_uuid: Uuid,
    /// The signer's certificate, from the signature block or else the one given.
    pub signer: Certificate,
}

/// The record with a new signature block and its length in the header. The attribute pivFASC-N is
/// the header's FASC-N, entryUUID the Card UUID.
///
/// `with_certificate` puts the signer's certificate inside; it is left out where the signer is the
/// CHUID's, which SP 800-73-5 wants.
///
/// # Errors
///
/// [`SignedError::PrivateKey`], [`SignedError::Structure`]; [`SignedError::Length`] for a
/// signature block of more than 65535 bytes.
pub fn sign_biometric(
    record: &BiometricRecord,
    card_uuid: Uuid,
    signer: &ContentSigner,
    with_certificate: bool,
) -> Result<BiometricRecord, SignedError> {
    let octets =
        |bytes: &[u8]| OctetString::new(bytes).map_err(SignedError::structure("signed attribute"));
    let attributes = vec![
        attribute(oid::FASC_N, &octets(record.header.fasc_n.bytes())?)?,
        attribute(oid::ENTRY_UUID, &octets(card_uuid.as_bytes())?)?,
    ];
    let mut signed = record.clone();
    signed.header.signature_length = 0;
    let mut variant = 0;
    // The header counts the signature block and is covered by it, and an ECDSA signature has one
    // of a few lengths by chance: sign until the length is the one the header says. About every
    // second variant fits, unless the first length was a rare one, which is not waited for.
    loop {
        signed.signature = sign(
            &ToSign {
                kind: oid::BIOMETRIC_OBJECT,
                content: &signed.covered(),
                enclosed: false,
                with_certificate,
                attributes: attributes.clone(),
                variant,
            },
            signer,
        )?;
        let length = signed.signature.len();
        let counted = u16::try_from(length).map_err(|_| SignedError::Length { length })?;
        if counted == signed.header.signature_length {
            return Ok(signed);
        }
        if variant.is_multiple_of(16) {
            signed.header.signature_length = counted;
        }
        variant = variant
            .checked_add(1)
            .ok_or(SignedError::Length { length })?;
    }
}

/// Verifies the signature block of a biometric record as it was read.
///
/// `chuid_signer` is the certificate in the CHUID, for a signature block without one of its own.
///
/// # Errors
///
/// [`SignedError`]; [`SignedError::Certificates`] when there is no certificate here nor there.
pub fn verify_biometric(
    record: &BiometricRecord,
    chuid_signer: Option<&Certificate>,
) -> Result<BiometricSignature, SignedError> {
    let envelope = Envelope::parse(&record.signature)?;
    if envelope.content()?.is_some() {
        return Err(SignedError::Structure {
            what: "signature of the biometric",
            detail: "it has content of its own, expected none".to_owned(),
        });
    }
    let signer = signer(&envelope, chuid_signer)?;
    envelope.verify(oid::BIOMETRIC_OBJECT, &record.covered(), signer)?;
    Ok(BiometricSignature {
        fasc_n: fasc_n(&envelope)?,
        card_uuid: card_uuid(&envelope)?,
        signer: signer.clone(),
    })
}

/// Verifies the signature block of a biometric record and checks its form, its attributes and its
/// signer's certificate.
#[must_use]
pub fn check_biometric(
    kind: BiometricKind,
    record: &Parsed<BiometricRecord>,
    chuid_signer: Option<&Certificate>,
) -> Vec<Finding> {
    let object = format!("signature of the {kind}");
    let violation = |what: String| Finding::violation(CLAUSE, format!("{object}: {what}"));
    let mut findings = Vec::new();
    if let Err(error) = verify_biometric(&record.value, chuid_signer) {
        findings.push(violation(error.to_string()));
    }
    let Ok(envelope) = Envelope::parse(&record.value.signature) else {
        return findings;
    };
    findings.extend(envelope.profile(&object, CLAUSE));
    let signer = signer(&envelope, chuid_signer).ok();
    findings.extend(check_signer_name(&envelope, signer, &object, CLAUSE));
    findings.extend(signer.and_then(check_signer));
    if let Ok(own) = envelope.certificate()
        && let Some(chuid_signer) = chuid_signer
    {
        findings.push(if own == chuid_signer {
            Finding::info(
                CLAUSE,
                format!("{object}: repeats the certificate of the CHUID's signer"),
            )
        } else {
            Finding::warning(
                "FIPS 201-3, 4.2.3.2",
                format!("{object}: another signer than the CHUID's, which is deprecated"),
            )
        });
    }
    if let Ok(stated) = fasc_n(&envelope)
        && stated != record.value.header.fasc_n
    {
        findings.push(violation(format!(
            "pivFASC-N is {stated}, the header has {}",
            record.value.header.fasc_n
        )));
    }
    findings
}

fn signer<'a>(
    envelope: &'a Envelope,
    chuid_signer: Option<&'a Certificate>,
) -> Result<&'a Certificate, SignedError> {
    match (envelope.certificates()[..].first(), chuid_signer) {
        (None, Some(certificate)) => Ok(certificate),
        _ => envelope.certificate(),
    }
}

fn fasc_n(envelope: &Envelope) -> Result<FascN, SignedError> {
    let octets: OctetString = envelope.attribute(oid::FASC_N, "pivFASC-N")?;
    let bytes = octets.as_bytes().try_into();
    bytes
        .map(FascN::from_bytes)
        .map_err(|_| SignedError::Attribute { name: "pivFASC-N" })
}

fn card_uuid(envelope: &Envelope) -> Result<Uuid, SignedError> {
    let octets: OctetString = envelope.attribute(oid::ENTRY_UUID, "entryUUID")?;
    Uuid::from_slice(octets.as_bytes()).map_err(|_| SignedError::Attribute { name: "entryUUID" })
}
