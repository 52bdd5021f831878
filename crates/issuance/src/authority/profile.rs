//! What stands in the certificates of the test authority.

use std::time::Duration;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_QT_CPS};
use der::asn1::{Any, GeneralizedTime, Ia5String, OctetString};
use jiff::Timestamp;
use series::Slot;
use x509_cert::TbsCertificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::ext::pkix::certpolicy::{PolicyInformation, PolicyQualifierInfo};
use x509_cert::ext::pkix::name::{GeneralName, OtherName};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies, ExtendedKeyUsage, KeyUsage,
    KeyUsages, PrivateKeyUsagePeriod, SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::{CardNames, CertificateTerms, PolicyTerms};

/// pivFASC-N (FIPS 201-3, appendix B; SP 800-73-5 Part 1, 3.4).
const FASC_N: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.6");
/// id-PIV-content-signing (FIPS 201-3, appendix B).
const CONTENT_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.7");

/// One certificate's names and extensions.
pub(super) struct Profile {
    pub(super) issuer: Name,
    pub(super) subject: Name,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// An authority; `below` says how many authorities may stand under it.
    Authority { below: u8 },
    /// The signer of CHUIDs and Security Objects.
    ContentSigner,
    /// A person's key.
    Person {
        slot: Slot,
        /// FASC-N and UUID of the card.
        names: Option<(uuid::Uuid, [u8; 25])>,
        terms: CertificateTerms,
    },
}

impl Kind {
    pub(super) fn person(slot: Slot, card: Option<CardNames<'_>>, terms: CertificateTerms) -> Self {
        Self::Person {
            slot,
            // SP 800-73-5 Part 1, 3.4 puts the card's names into the certificates that
            // authenticate it, not into those that sign content.
            names: card
                .filter(|_| slot == Slot::Authentication)
                .map(|card| (card.uuid, *card.fascn)),
            terms,
        }
    }

    fn key_usage(&self) -> (bool, KeyUsage) {
        match self {
            Self::Authority { .. } => (true, KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign)),
            Self::ContentSigner => {
                let usage = KeyUsages::DigitalSignature | KeyUsages::NonRepudiation;
                (true, KeyUsage(usage))
            }
            Self::Person { terms, .. } => (terms.usage_critical, terms.usage),
        }
    }
}

impl BuilderProfile for Profile {
    fn get_issuer(&self, _: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        spk: SubjectPublicKeyInfoRef<'_>,
        issuer_spk: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let mut extensions = Vec::new();
        let authority_key = AuthorityKeyIdentifier {
            key_identifier: Some(SubjectKeyIdentifier::try_from(issuer_spk)?.0),
            ..Default::default()
        };
        let mut add = |extension: Extension| extensions.push(extension);
        let subject = tbs.subject();
        let (critical, usage) = self.kind.key_usage();
        add((critical, &usage).to_extension(subject, &[])?);
        add((false, &SubjectKeyIdentifier::try_from(spk)?).to_extension(subject, &[])?);
        add((false, &authority_key).to_extension(subject, &[])?);
        match &self.kind {
            Kind::Authority { below } => {
                let constraints = BasicConstraints {
                    ca: true,
                    path_len_constraint: Some(*below),
                };
                add((true, &constraints).to_extension(subject, &[])?);
            }
            Kind::ContentSigner => {
                let usage = ExtendedKeyUsage(vec![CONTENT_SIGNING]);
                add((true, &usage).to_extension(subject, &[])?);
            }
            Kind::Person { slot, names, terms } => {
                if *slot == Slot::Authentication {
                    let usage = ExtendedKeyUsage(vec![ID_KP_CLIENT_AUTH]);
                    add((false, &usage).to_extension(subject, &[])?);
                }
                if let Some((uuid, fascn)) = names {
                    add((false, &card_names(*uuid, fascn)?).to_extension(subject, &[])?);
                }
                if let Some(policy) = &terms.policy {
                    let policies = certificate_policies(policy)?;
                    add((policy.critical, &policies).to_extension(subject, &[])?);
                }
                if let Some(until) = terms.key_until {
                    let from = tbs.validity().not_before.to_date_time();
                    let period = PrivateKeyUsagePeriod {
                        not_before: Some(GeneralizedTime::from_date_time(from)),
                        not_after: Some(generalized(until)?),
                    };
                    add((false, &period).to_extension(subject, &[])?);
                }
            }
        }
        Ok(extensions)
    }
}

fn card_names(uuid: uuid::Uuid, fascn: &[u8; 25]) -> der::Result<SubjectAltName> {
    let fascn = OctetString::new(fascn.as_slice())?;
    Ok(SubjectAltName(vec![
        GeneralName::OtherName(OtherName {
            type_id: FASC_N,
            value: Any::encode_from(&fascn)?,
        }),
        GeneralName::UniformResourceIdentifier(Ia5String::new(&uuid.urn().to_string())?),
    ]))
}

fn certificate_policies(policy: &PolicyTerms) -> der::Result<CertificatePolicies> {
    let statement = policy.practice_statement.as_deref();
    let qualifiers = statement
        .map(|uri| {
            Ok::<_, der::Error>(vec![PolicyQualifierInfo {
                policy_qualifier_id: ID_QT_CPS,
                qualifier: Some(Any::encode_from(&Ia5String::new(uri)?)?),
            }])
        })
        .transpose()?;
    Ok(CertificatePolicies(vec![PolicyInformation {
        policy_identifier: policy.identifier,
        policy_qualifiers: qualifiers,
    }]))
}

/// A moment in whole seconds.
pub(super) fn generalized(at: Timestamp) -> der::Result<GeneralizedTime> {
    let seconds = u64::try_from(at.as_second()).map_err(|_| der::ErrorKind::DateTime)?;
    GeneralizedTime::from_unix_duration(Duration::from_secs(seconds))
}
