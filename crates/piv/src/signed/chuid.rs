use x509_cert::Certificate;
use x509_cert::ext::pkix::ExtendedKeyUsage;

use iso7816::ber::Reader;

use super::cms::{Envelope, ToSign, sign};
use super::{ContentSigner, SignedError, oid};
use crate::objects::Chuid;
use crate::{Finding, Parsed};

const CLAUSE: &str = "SP 800-73-5 Part 1, 3.1.2";

/// The CHUID with a new signature, and with a right buffer length if it has one.
///
/// # Errors
///
/// [`SignedError::PrivateKey`], [`SignedError::Structure`].
pub fn sign_chuid(chuid: &Chuid, signer: &ContentSigner) -> Result<Chuid, SignedError> {
    let signature = sign(
        &ToSign {
            kind: oid::CHUID_SECURITY_OBJECT,
            content: &chuid.covered(),
            enclosed: false,
            with_certificate: true,
            attributes: Vec::new(),
            variant: 0,
        },
        signer,
    )?;
    let mut signed = Chuid {
        buffer_length: None,
        signature,
        ..chuid.clone()
    };
    if chuid.buffer_length.is_some() {
        let length = signed.encode().len();
        signed.buffer_length = Some(u16::try_from(length).map_err(|_| SignedError::Structure {
            what: "CHUID",
            detail: format!("{length} bytes do not fit a buffer length"),
        })?);
    }
    Ok(signed)
}

/// Verifies the signature of a CHUID and returns the signer's certificate, which it contains.
/// The certificate itself is not judged.
///
/// A CHUID read from a card is better verified with [`verify_chuid_bytes`]: this verifies it as
/// it would be written.
///
/// # Errors
///
/// [`SignedError`].
pub fn verify_chuid(chuid: &Chuid) -> Result<Certificate, SignedError> {
    verify(&chuid.signature, &chuid.covered())
}

/// Verifies the signature of a CHUID as it was read from a card: the value inside `53`.
///
/// # Errors
///
/// [`SignedError`].
pub fn verify_chuid_bytes(value: &[u8]) -> Result<Certificate, SignedError> {
    let mut signature: &[u8] = &[];
    let mut covered = Vec::with_capacity(value.len());
    for element in Reader::single_byte_tags(value) {
        let element = element.map_err(|error| SignedError::Structure {
            what: "CHUID",
            detail: error.to_string(),
        })?;
        match element.tag.0 {
            0x3E => signature = element.value,
            0xEE => {}
            _ => covered.extend_from_slice(element.raw),
        }
    }
    verify(signature, &covered)
}

/// Verifies the signature of a CHUID and checks its form and its signer's certificate.
#[must_use]
pub fn check_chuid(chuid: &Parsed<Chuid>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match verify_chuid_bytes(&chuid.raw) {
        Ok(certificate) => findings.extend(check_signer(&certificate)),
        Err(error) => findings.push(Finding::violation(
            CLAUSE,
            format!("signature of the CHUID: {error}"),
        )),
    }
    if let Ok(envelope) = Envelope::parse(&chuid.value.signature) {
        findings.extend(envelope.profile("signature of the CHUID", CLAUSE));
        findings.extend(check_signer_name(
            &envelope,
            envelope.certificate().ok(),
            "signature of the CHUID",
            CLAUSE,
        ));
    }
    findings
}

fn verify(signature: &[u8], covered: &[u8]) -> Result<Certificate, SignedError> {
    let envelope = Envelope::parse(signature)?;
    if envelope.content()?.is_some() {
        return Err(SignedError::Structure {
            what: "signature of the CHUID",
            detail: "it has content of its own, expected none".to_owned(),
        });
    }
    let certificate = envelope.certificate()?;
    envelope.verify(oid::CHUID_SECURITY_OBJECT, covered, certificate)?;
    Ok(certificate.clone())
}

/// Whether a certificate is for signing the content of PIV cards.
pub(super) fn check_signer(certificate: &Certificate) -> Option<Finding> {
    let usage = certificate
        .tbs_certificate()
        .get_extension::<ExtendedKeyUsage>();
    let allowed = [oid::CONTENT_SIGNING, oid::PIVI_CONTENT_SIGNING];
    let fits = matches!(&usage, Ok(Some((_, ExtendedKeyUsage(usages))))
        if usages.iter().any(|usage| allowed.contains(usage)));
    (!fits).then(|| {
        Finding::violation(
            "SP 800-73-5 Part 1, 3.1.2; FIPS 201-3, 4.2.1",
            format!(
                "the signer's certificate `{}` is not for PIV content signing",
                certificate.tbs_certificate().subject()
            ),
        )
    })
}

/// Whether pivSigner-DN is the subject of the signer's certificate, where that is known.
pub(super) fn check_signer_name(
    envelope: &Envelope,
    certificate: Option<&Certificate>,
    object: &str,
    clause: &'static str,
) -> Option<Finding> {
    let what = match (envelope.signer_name(), certificate) {
        (Err(error), _) => error.to_string(),
        (Ok(name), Some(certificate)) if name != *certificate.tbs_certificate().subject() => {
            format!(
                "pivSigner-DN is `{name}`, the signer's certificate is of `{}`",
                certificate.tbs_certificate().subject()
            )
        }
        _ => return None,
    };
    Some(Finding::violation(clause, format!("{object}: {what}")))
}
