use std::collections::BTreeMap;

use der::asn1::OctetString;
use der::{Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;

use super::cms::{Envelope, ToSign, sign};
use super::{ContentSigner, HashAlgorithm, SignedError, oid};
use crate::Finding;
use crate::objects::{Mapping, SecurityObject};
use crate::words::ObjectId;

const CLAUSE: &str = "SP 800-73-5 Part 1, 3.1.7";

/// The hashes in a Security Object: LDSSecurityObject of ICAO Doc 9303 Part 10, 4.6.2.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub struct LdsSecurityObject {
    /// 0 in PIV.
    pub version: u8,
    /// How the hashes were made.
    pub hash_algorithm: AlgorithmIdentifierOwned,
    /// One hash an object.
    pub data_groups: Vec<DataGroup>,
}

/// One hash of an [`LdsSecurityObject`].
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub struct DataGroup {
    /// Data group number, which the mapping ties to a container.
    pub number: u8,
    /// Hash over the value of the object.
    pub hash: OctetString,
}

/// Hashes and signs objects: for each the value inside `53`, for the Discovery Object and the
/// biometric information templates the value inside their own tag. The Security Object itself and
/// empty objects are left out.
///
/// # Errors
///
/// [`SignedError::PrivateKey`], [`SignedError::Structure`].
pub fn sign_security_object(
    objects: &BTreeMap<ObjectId, Vec<u8>>,
    signer: &ContentSigner,
) -> Result<SecurityObject, SignedError> {
    let hash = signer.key().hash();
    let covered = objects
        .iter()
        .filter(|(object, value)| **object != ObjectId::SecurityObject && !value.is_empty());
    let mut mapping = Vec::new();
    let mut data_groups = Vec::new();
    // There are 35 objects to cover at most, so numbers never run out.
    for (number, (object, value)) in (1..=u8::MAX).zip(covered) {
        mapping.push(Mapping {
            number,
            container: object.container(),
        });
        data_groups.push(DataGroup {
            number,
            hash: OctetString::new(hash.digest(value).as_bytes())
                .map_err(SignedError::structure("hash"))?,
        });
    }
    let content = LdsSecurityObject {
        version: 0,
        hash_algorithm: hash.identifier(),
        data_groups,
    }
    .to_der()
    .map_err(SignedError::structure("LDSSecurityObject"))?;
    let signed = sign(
        &ToSign {
            kind: oid::LDS_SECURITY_OBJECT,
            content: &content,
            enclosed: true,
            with_certificate: false,
            attributes: Vec::new(),
            variant: 0,
        },
        signer,
    )?;
    Ok(SecurityObject {
        mapping,
        signed,
        extras: Vec::new(),
    })
}

impl SecurityObject {
    /// The hashes inside, not verified.
    ///
    /// # Errors
    ///
    /// [`SignedError::Unsigned`], [`SignedError::Structure`].
    pub fn hashes(&self) -> Result<LdsSecurityObject, SignedError> {
        hashes(&Envelope::parse(&self.signed)?)
    }

    /// The objects covered, by the mapping.
    pub fn covers(&self) -> impl Iterator<Item = ObjectId> {
        self.mapping.iter().filter_map(|entry| entry.object())
    }

    /// Verifies the signature with the certificate of the content signer, which is the CHUID's
    /// ([`super::verify_chuid`]), and returns the hashes.
    ///
    /// # Errors
    ///
    /// [`SignedError`].
    pub fn verify(&self, signer: &Certificate) -> Result<LdsSecurityObject, SignedError> {
        let envelope = Envelope::parse(&self.signed)?;
        envelope.verify(oid::LDS_SECURITY_OBJECT, content(&envelope)?, signer)?;
        hashes(&envelope)
    }

    /// Verifies the signature and compares the hashes with the objects read: for each the value
    /// as [`crate::Client::get_data`] returns it.
    #[must_use]
    pub fn check(
        &self,
        objects: &BTreeMap<ObjectId, Vec<u8>>,
        signer: &Certificate,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        let violation =
            |what: String| Finding::violation(CLAUSE, format!("Security Object: {what}"));
        if let Err(error) = self.verify(signer) {
            findings.push(violation(error.to_string()));
        }
        let Ok(envelope) = Envelope::parse(&self.signed) else {
            return findings;
        };
        findings.extend(envelope.profile("Security Object", CLAUSE));
        if !envelope.certificates().is_empty() {
            findings.push(violation(
                "contains a certificate, the CHUID's is to be used".to_owned(),
            ));
        }
        // A structure that cannot be read has failed verification above.
        if let Ok(hashes) = hashes(&envelope) {
            findings.extend(self.check_hashes(&hashes, objects, envelope.hash().ok()));
        }
        findings.extend(
            must_be_covered(objects)
                .filter(|object| !self.covers().any(|covered| covered == *object))
                .map(|object| violation(format!("does not cover the unsigned {object}"))),
        );
        findings
    }

    fn check_hashes(
        &self,
        hashes: &LdsSecurityObject,
        objects: &BTreeMap<ObjectId, Vec<u8>>,
        digest: Option<HashAlgorithm>,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut violation = |what: String| {
            findings.push(Finding::violation(
                CLAUSE,
                format!("Security Object: {what}"),
            ));
        };
        if hashes.version != 0 {
            violation(format!(
                "LDSSecurityObject version {}, expected 0",
                hashes.version
            ));
        }
        let Some(algorithm) = HashAlgorithm::from_oid(hashes.hash_algorithm.oid) else {
            violation(format!(
                "hash algorithm `{}` is not allowed",
                hashes.hash_algorithm.oid
            ));
            return findings;
        };
        if digest.is_some_and(|digest| digest != algorithm) {
            violation(format!(
                "hashes by {algorithm}, the signature by another algorithm"
            ));
        }
        let mut unread = Vec::new();
        for entry in &self.mapping {
            let mut of_number = hashes
                .data_groups
                .iter()
                .filter(|group| group.number == entry.number);
            let (Some(group), None) = (of_number.next(), of_number.next()) else {
                violation(format!(
                    "data group {} is mapped but not hashed exactly once",
                    entry.number
                ));
                continue;
            };
            let Some(object) = entry.object() else {
                continue;
            };
            match objects.get(&object) {
                None => unread.push(object),
                Some(value) if algorithm.digest(value).as_bytes() != group.hash.as_bytes() => {
                    violation(format!("the {object} is not the one that was hashed"));
                }
                Some(_) => {}
            }
        }
        for group in &hashes.data_groups {
            if !self
                .mapping
                .iter()
                .any(|entry| entry.number == group.number)
            {
                violation(format!("data group {} is not mapped", group.number));
            }
        }
        findings.extend(unread.into_iter().map(|object| {
            Finding::info(
                CLAUSE,
                format!("Security Object: covers the {object}, which was not read"),
            )
        }));
        findings
    }
}

/// Objects that carry no signature of their own and are there.
fn must_be_covered(objects: &BTreeMap<ObjectId, Vec<u8>>) -> impl Iterator<Item = ObjectId> {
    [
        ObjectId::CardCapabilityContainer,
        ObjectId::PrintedInformation,
        ObjectId::Discovery,
        ObjectId::KeyHistory,
        ObjectId::BiometricInformationTemplates,
        ObjectId::PairingCode,
    ]
    .into_iter()
    .filter(|object| objects.get(object).is_some_and(|value| !value.is_empty()))
}

fn content(envelope: &Envelope) -> Result<&[u8], SignedError> {
    envelope.content()?.ok_or(SignedError::Structure {
        what: "Security Object",
        detail: "it has no content".to_owned(),
    })
}

fn hashes(envelope: &Envelope) -> Result<LdsSecurityObject, SignedError> {
    LdsSecurityObject::from_der(content(envelope)?)
        .map_err(SignedError::structure("LDSSecurityObject"))
}
