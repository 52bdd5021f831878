//! A certification authority made from a number: for tests, and says so in its name.

use std::str::FromStr;

use ::piv::words::KeyReference;
use cms::builder::{SignedDataBuilder, SignerInfoBuilder};
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::signed_data::{EncapsulatedContentInfo, SignerIdentifier};
use der::asn1::{
    Any, GeneralizedTime, Ia5String, ObjectIdentifier, OctetString, SetOfVec, UtcTime,
};
use der::flagset::FlagSet;
use der::{DateTime, Encode};
use p256::ecdsa::{DerSignature, SigningKey};
use p256::elliptic_curve::Generate;
use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha256};
use spki::{
    AlgorithmIdentifierOwned, EncodePublicKey, SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef,
};
use x509_cert::attr::Attribute;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::ext::pkix::certpolicy::PolicyInformation;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName, OtherName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints,
    CertificatePolicies, CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};
use x509_cert::{Certificate, TbsCertificate};

use super::cvc::CertificateSigner;
use crate::card::Suite;
use crate::card::keys::PrivateKey;

/// Everything here is made of constants and fresh keys, so encoding it cannot fail.
pub(in crate::card) const ENCODES: &str = "made of constants and valid keys";

const CHUID_CONTENT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.1");
const HASHES_CONTENT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.27.1.1.1");
const SIGNER_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.5");
const FASC_N: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.6");
const CONTENT_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.7");
const CARD_AUTHENTICATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.8");
const INTERIM: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.9.1");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const OCSP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
const CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");

/// Certificate policies of test PKIs (2.16.840.1.101.3.2.1.48): never mistaken for real ones.
const POLICY_AUTHENTICATION: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.2.1.48.11");
const POLICY_HARDWARE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.2.1.48.9");
const POLICY_CARD_AUTHENTICATION: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.2.1.48.13");
const POLICY_CONTENT_SIGNING: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.2.1.48.86");

/// The reserved top-level name keeps these addresses from ever being asked (RFC 2606).
const OCSP_ADDRESS: &str = "http://ocsp.simulated.invalid";
const ISSUERS_ADDRESS: &str = "http://ca.simulated.invalid/authority.p7c";
const REVOCATION_ADDRESS: &str = "http://ca.simulated.invalid/authority.crl";

/// The authority of one card, and the content signer it has certified.
pub(super) struct Authority {
    name: Name,
    key: SigningKey,
    signer: SigningKey,
    number: u64,
}

/// A key of a card that is to have a certificate.
pub(super) struct Subject<'a> {
    pub(super) reference: KeyReference,
    pub(super) key: &'a PrivateKey,
    pub(super) fasc_n: [u8; 25],
    pub(super) uuid: [u8; 16],
}

impl Authority {
    pub(super) fn new(number: u64, random: &mut ChaCha20Rng) -> Self {
        Self {
            name: name(&format!("Simulated Test Authority {number}")),
            key: SigningKey::generate_from_rng(random),
            signer: SigningKey::generate_from_rng(random),
            number,
        }
    }

    /// The authority's own certificate.
    pub(super) fn certificate(&self) -> Vec<u8> {
        let extensions = vec![
            extension(
                true,
                &BasicConstraints {
                    ca: true,
                    path_len_constraint: Some(0),
                },
            ),
            extension(true, &KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign)),
            extension(false, &subject_key_identifier(&public(&self.key))),
        ];
        let certificate = self.issue(self.name.clone(), 1, public(&self.key), extensions);
        certificate.to_der().expect(ENCODES)
    }

    /// The certificate of a card's key (NIST SP 800-85B-4, section 7).
    pub(super) fn certify(&self, subject: &Subject<'_>) -> Vec<u8> {
        let (usage, policy): (FlagSet<KeyUsages>, _) = match subject.reference {
            KeyReference::Authentication => {
                (KeyUsages::DigitalSignature.into(), POLICY_AUTHENTICATION)
            }
            KeyReference::Signature => (
                KeyUsages::DigitalSignature | KeyUsages::NonRepudiation,
                POLICY_HARDWARE,
            ),
            KeyReference::CardAuthentication => (
                KeyUsages::DigitalSignature.into(),
                POLICY_CARD_AUTHENTICATION,
            ),
            _ => (KeyUsages::KeyAgreement.into(), POLICY_HARDWARE),
        };
        let key = subject_public_key(subject.key);
        let mut extensions = self.leaf_extensions(&key, usage, policy);
        if matches!(
            subject.reference,
            KeyReference::Authentication | KeyReference::CardAuthentication
        ) {
            extensions.push(extension(false, &card_names(subject)));
            // piv-interim: no background investigation was done, least of all here.
            extensions.push(raw_extension(INTERIM, &false));
        }
        if subject.reference == KeyReference::CardAuthentication {
            extensions.push(extension(
                true,
                &ExtendedKeyUsage(vec![CARD_AUTHENTICATION]),
            ));
        }
        let holder = match subject.reference {
            // No person is named by the key that works without a PIN.
            KeyReference::CardAuthentication => name(&format!("Simulated Card {}", self.number)),
            _ => name(&format!("Simulated Holder {}", self.number)),
        };
        let serial = u32::from(subject.reference.byte());
        self.issue(holder, serial, key, extensions)
            .to_der()
            .expect(ENCODES)
    }

    /// The CMS signature of a CHUID over the elements it covers (SP 800-73-5 Part 1, 3.1.2).
    pub(super) fn sign_chuid(&self, covered: &[u8]) -> Vec<u8> {
        let content = EncapsulatedContentInfo {
            econtent_type: CHUID_CONTENT,
            econtent: None,
        };
        self.sign(&content, Some(&Sha256::digest(covered)), true)
    }

    /// The CMS signature around the hashes of a Security Object, without the certificate: it is in
    /// the CHUID (SP 800-73-5 Part 1, 3.1.7).
    pub(super) fn sign_hashes(&self, hashes: &[u8]) -> Vec<u8> {
        let content = EncapsulatedContentInfo {
            econtent_type: HASHES_CONTENT,
            econtent: Some(Any::new(der::Tag::OctetString, hashes).expect(ENCODES)),
        };
        self.sign(&content, None, false)
    }

    fn sign(
        &self,
        content: &EncapsulatedContentInfo,
        digest: Option<&[u8]>,
        with_certificate: bool,
    ) -> Vec<u8> {
        let algorithm = AlgorithmIdentifierOwned {
            oid: SHA_256,
            parameters: None,
        };
        let certificate = self.signer_certificate();
        let signer = SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: self.name.clone(),
            serial_number: certificate.tbs_certificate().serial_number().clone(),
        });
        let mut info =
            SignerInfoBuilder::new(signer, algorithm.clone(), content, digest).expect(ENCODES);
        let name = Any::encode_from(certificate.tbs_certificate().subject()).expect(ENCODES);
        info.add_signed_attribute(Attribute {
            oid: SIGNER_NAME,
            values: SetOfVec::try_from(vec![name]).expect(ENCODES),
        })
        .expect(ENCODES);
        let mut signed = SignedDataBuilder::new(content);
        signed.add_digest_algorithm(algorithm).expect(ENCODES);
        if with_certificate {
            signed
                .add_certificate(CertificateChoices::Certificate(certificate))
                .expect(ENCODES);
        }
        signed
            .add_signer_info::<SigningKey, DerSignature>(info, &self.signer)
            .expect(ENCODES);
        signed
            .build()
            .and_then(|info| Ok(info.to_der()?))
            .expect(ENCODES)
    }

    /// The content signer for certificates of key 04: the one of the CHUID where its curve fits
    /// the suite, else another.
    pub(super) fn certificate_signer(
        &self,
        suite: Suite,
        random: &mut ChaCha20Rng,
    ) -> CertificateSigner {
        let (key, certificate) = match suite {
            Suite::Cs2 => {
                let key = PrivateKey::from(&self.signer);
                (key, self.signer_certificate())
            }
            Suite::Cs7 => {
                let key = PrivateKey::generate(suite.curve(), random).expect(ENCODES);
                let certificate = self.content_signer(subject_public_key(&key), 3);
                (key, certificate)
            }
        };
        let identifier =
            subject_key_identifier(certificate.tbs_certificate().subject_public_key_info());
        let identifier = identifier.0.as_bytes().first_chunk().expect(ENCODES);
        CertificateSigner::new(key, *identifier, certificate.to_der().expect(ENCODES))
    }

    fn signer_certificate(&self) -> Certificate {
        self.content_signer(public(&self.signer), 2)
    }

    fn content_signer(&self, key: SubjectPublicKeyInfoOwned, serial: u32) -> Certificate {
        let mut extensions = self.leaf_extensions(
            &key,
            KeyUsages::DigitalSignature | KeyUsages::NonRepudiation,
            POLICY_CONTENT_SIGNING,
        );
        extensions.push(extension(true, &ExtendedKeyUsage(vec![CONTENT_SIGNING])));
        self.issue(
            name(&format!("Simulated Content Signer {}", self.number)),
            serial,
            key,
            extensions,
        )
    }

    /// What all certificates but the authority's own have in common.
    fn leaf_extensions(
        &self,
        key: &SubjectPublicKeyInfoOwned,
        usage: impl Into<FlagSet<KeyUsages>>,
        policy: ObjectIdentifier,
    ) -> Vec<Extension> {
        let authority_key = AuthorityKeyIdentifier {
            key_identifier: Some(subject_key_identifier(&public(&self.key)).0),
            ..AuthorityKeyIdentifier::default()
        };
        let access = |method, address| AccessDescription {
            access_method: method,
            access_location: GeneralName::UniformResourceIdentifier(uri(address)),
        };
        let revocation = DistributionPoint {
            distribution_point: Some(DistributionPointName::FullName(vec![
                GeneralName::UniformResourceIdentifier(uri(REVOCATION_ADDRESS)),
            ])),
            reasons: None,
            crl_issuer: None,
        };
        vec![
            extension(true, &KeyUsage(usage.into())),
            extension(false, &subject_key_identifier(key)),
            extension(false, &authority_key),
            extension(
                false,
                &CertificatePolicies(vec![PolicyInformation {
                    policy_identifier: policy,
                    policy_qualifiers: None,
                }]),
            ),
            extension(
                false,
                &AuthorityInfoAccessSyntax(vec![
                    access(OCSP, OCSP_ADDRESS),
                    access(CA_ISSUERS, ISSUERS_ADDRESS),
                ]),
            ),
            extension(false, &CrlDistributionPoints(vec![revocation])),
        ]
    }

    fn issue(
        &self,
        subject: Name,
        serial: u32,
        key: SubjectPublicKeyInfoOwned,
        extensions: Vec<Extension>,
    ) -> Certificate {
        let profile = Profile {
            issuer: self.name.clone(),
            subject,
            extensions,
        };
        CertificateBuilder::new(profile, SerialNumber::from(serial), validity(), key)
            .and_then(|builder| builder.build::<_, DerSignature>(&self.key))
            .expect(ENCODES)
    }
}

/// Names and extensions as they were given.
pub(in crate::card) struct Profile {
    pub(in crate::card) issuer: Name,
    pub(in crate::card) subject: Name,
    pub(in crate::card) extensions: Vec<Extension>,
}

impl BuilderProfile for Profile {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _subject_key: SubjectPublicKeyInfoRef<'_>,
        _issuer_key: SubjectPublicKeyInfoRef<'_>,
        _tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        Ok(self.extensions.clone())
    }
}

/// FASC-N and card UUID, which tie the certificate to the CHUID (SP 800-73-5 Part 1, 3.4).
fn card_names(subject: &Subject<'_>) -> SubjectAltName {
    let fasc_n = OctetString::new(subject.fasc_n.as_slice()).expect(ENCODES);
    let hex = hex::encode(subject.uuid);
    let uuid = format!(
        "urn:uuid:{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    );
    SubjectAltName(vec![
        GeneralName::OtherName(OtherName {
            type_id: FASC_N,
            value: Any::encode_from(&fasc_n).expect(ENCODES),
        }),
        GeneralName::UniformResourceIdentifier(uri(&uuid)),
    ])
}

fn name(common_name: &str) -> Name {
    Name::from_str(&format!("CN={common_name},O=Not For Use")).expect(ENCODES)
}

/// Until CHUIDs expire; fixed, like all else here.
fn validity() -> Validity {
    let at = |year, month, day, hour, minute, second| {
        DateTime::new(year, month, day, hour, minute, second)
            .map(time)
            .expect(ENCODES)
    };
    Validity::new(at(2026, 1, 1, 0, 0, 0), at(2035, 12, 31, 23, 59, 59))
}

/// A date of validity: UTCTime through 2049 (RFC 5280, 4.1.2.5).
pub(in crate::card) fn time(moment: DateTime) -> Time {
    match UtcTime::from_date_time(moment) {
        Ok(time) => Time::UtcTime(time),
        Err(_) => Time::GeneralTime(GeneralizedTime::from_date_time(moment)),
    }
}

fn public(key: &SigningKey) -> SubjectPublicKeyInfoOwned {
    SubjectPublicKeyInfoOwned::from_key(key.verifying_key()).expect(ENCODES)
}

fn subject_public_key(key: &PrivateKey) -> SubjectPublicKeyInfoOwned {
    let encoded = match key {
        PrivateKey::P256(secret, _) => secret.public_key().to_public_key_der(),
        PrivateKey::P384(secret, _) => secret.public_key().to_public_key_der(),
        PrivateKey::Rsa2048(key) | PrivateKey::Rsa3072(key) => {
            key.to_public_key().to_public_key_der()
        }
    };
    encoded
        .ok()
        .and_then(|document| document.decode_msg().ok())
        .expect(ENCODES)
}

/// RFC 7093, 2 (1): the leftmost 160 bits of the SHA-256 of the public key.
pub(in crate::card) fn subject_key_identifier(
    key: &SubjectPublicKeyInfoOwned,
) -> SubjectKeyIdentifier {
    let digest = Sha256::digest(key.subject_public_key.raw_bytes());
    SubjectKeyIdentifier(OctetString::new(&digest[..20]).expect(ENCODES))
}

pub(in crate::card) fn uri(text: &str) -> Ia5String {
    Ia5String::new(text).expect(ENCODES)
}

pub(in crate::card) fn extension<T>(critical: bool, value: &T) -> Extension
where
    T: der::oid::AssociatedOid + Encode,
{
    (critical, value)
        .to_extension(&Name::default(), &[])
        .expect(ENCODES)
}

fn raw_extension(oid: ObjectIdentifier, value: &impl Encode) -> Extension {
    Extension {
        extn_id: oid,
        critical: false,
        extn_value: OctetString::new(value.to_der().expect(ENCODES)).expect(ENCODES),
    }
}
