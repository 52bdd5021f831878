//! A small authority and the certificates of an invented card.

use std::str::FromStr;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_AD_CA_ISSUERS, ID_AD_OCSP};
use der::asn1::{Any, Ia5String, OctetString, Utf8StringRef};
use der::flagset::FlagSet;
use der::{DateTime, Decode, Encode};
use p256::ecdsa::DerSignature;
use piv::objects::FascN;
use piv::signed::{ContentSigner, SigningKey, oid};
use uuid::Uuid;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder, CrlBuilder};
use x509_cert::crl::{CertificateList, RevokedCert};
use x509_cert::ext::pkix::certpolicy::PolicyInformation;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName, OtherName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, BasicConstraints, CertificatePolicies,
    CrlDistributionPoints, CrlNumber, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use x509_cert::time::{Time, Validity};
use x509_cert::{Certificate, TbsCertificate};

/// A name and a key that issue certificates.
pub(crate) struct Authority {
    pub(crate) name: &'static str,
    pub(crate) key: p256::ecdsa::SigningKey,
}

/// What a certificate is made of.
pub(crate) struct Wanted {
    pub(crate) subject: &'static str,
    pub(crate) serial: u32,
    /// First and last day.
    pub(crate) validity: [(u16, u8, u8); 2],
    pub(crate) key: SubjectPublicKeyInfoOwned,
    pub(crate) extensions: Vec<Extension>,
}

/// Until shortly before the card expires.
pub(crate) const LIFE: [(u16, u8, u8); 2] = [(2025, 1, 1), (2030, 6, 29)];
/// As long as RSA-2048 may be used.
pub(crate) const SIGNER_LIFE: [(u16, u8, u8); 2] = [(2025, 1, 1), (2030, 12, 30)];

impl Authority {
    /// The authority whose key is published among the vectors.
    pub(crate) fn of_vectors(name: &'static str) -> Self {
        let SigningKey::P256(key) = key("p256") else {
            panic!("the vector is a key on P-256");
        };
        Self { name, key }
    }

    pub(crate) fn issue(&self, wanted: Wanted) -> Certificate {
        let profile = Profile {
            issuer: Name::from_str(self.name).unwrap(),
            subject: Name::from_str(wanted.subject).unwrap(),
            extensions: wanted.extensions,
        };
        let [from, until] = wanted.validity.map(day);
        let serial = SerialNumber::from(wanted.serial);
        let builder =
            CertificateBuilder::new(profile, serial, Validity::new(from, until), wanted.key);
        builder
            .unwrap()
            .build::<_, DerSignature>(&self.key)
            .unwrap()
    }

    /// Its own certificate, with further extensions.
    pub(crate) fn certificate(&self, more: Vec<Extension>) -> Certificate {
        let constraints = BasicConstraints {
            ca: true,
            path_len_constraint: None,
        };
        let mut extensions = vec![extension(true, &constraints)];
        extensions.push(usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign));
        extensions.extend(more);
        self.issue(Wanted {
            subject: self.name,
            serial: 1,
            validity: SIGNER_LIFE,
            key: spki(&SigningKey::P256(self.key.clone())),
            extensions,
        })
    }

    /// A revocation list of these serial numbers.
    pub(crate) fn revoke(&self, serials: &[u32], next: (u16, u8, u8)) -> CertificateList {
        let entries = serials.iter().map(|serial| RevokedCert {
            serial_number: SerialNumber::from(*serial),
            revocation_date: day((2026, 5, 1)),
            crl_entry_extensions: None,
        });
        let issuer = self.certificate(Vec::new());
        let number = CrlNumber(der::asn1::Uint::new(&[1]).unwrap());
        let builder = CrlBuilder::new_with_this_update(&issuer, number, day((2026, 5, 30)));
        builder
            .unwrap()
            .with_next_update(Some(day(next)))
            .with_certificates(entries)
            .build::<_, DerSignature>(&self.key)
            .unwrap()
    }
}

struct Profile {
    issuer: Name,
    subject: Name,
    extensions: Vec<Extension>,
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
        _: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        _: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        Ok(self.extensions.clone())
    }
}

/// The private key of a content signer among the vectors.
pub(crate) fn key(name: &str) -> SigningKey {
    SigningKey::from_pkcs8_der(&vector(&format!("content-signer-{name}.key"))).unwrap()
}

pub(crate) fn vector(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../vectors/objects")
        .join(format!("{name}.hex"));
    let text = std::fs::read_to_string(path).unwrap();
    hex::decode(text.split_whitespace().collect::<String>()).unwrap()
}

/// The public half as certificates have it.
pub(crate) fn spki(key: &SigningKey) -> SubjectPublicKeyInfoOwned {
    match key {
        SigningKey::P256(key) => SubjectPublicKeyInfoOwned::from_key(key.verifying_key()).unwrap(),
        _ => {
            let certificate = Certificate::from_der(&vector("content-signer-rsa2048.certificate"));
            let certificate = certificate.unwrap();
            certificate
                .tbs_certificate()
                .subject_public_key_info()
                .clone()
        }
    }
}

/// The content signer: RSA, so that its signatures all have one length.
pub(crate) fn content_signer(authority: &Authority) -> ContentSigner {
    let key = key("rsa2048");
    let mut extensions = common(39);
    extensions.push(usage(
        KeyUsages::DigitalSignature | KeyUsages::NonRepudiation,
    ));
    extensions.push(extension(
        false,
        &ExtendedKeyUsage(vec![oid::CONTENT_SIGNING]),
    ));
    let certificate = authority.issue(Wanted {
        subject: "CN=Content Signer,O=Not For Use",
        serial: 7,
        validity: SIGNER_LIFE,
        key: spki(&key),
        extensions,
    });
    ContentSigner::new(certificate, key).unwrap()
}

/// A certificate of the holder, by the last arc of its policy.
pub(crate) fn holder(
    authority: &Authority,
    policy: u32,
    usages: impl Into<FlagSet<KeyUsages>>,
    names: Option<(FascN, Uuid)>,
) -> Vec<u8> {
    let mut extensions = common(policy);
    extensions.push(usage(usages));
    if let Some((fasc_n, uuid)) = names {
        extensions.push(extension(false, &alternative_names(fasc_n, uuid)));
        extensions.push(raw(oid::PIV_INTERIM, false, &false));
    }
    if policy == 17 {
        extensions.push(extension(
            true,
            &ExtendedKeyUsage(vec![oid::CARD_AUTHENTICATION]),
        ));
    }
    let certificate = authority.issue(Wanted {
        subject: "CN=Florence Nightingale,O=Not For Use",
        serial: 100 + policy,
        validity: LIFE,
        key: spki(&key("p256")),
        extensions,
    });
    certificate.to_der().unwrap()
}

/// Policy 2.16.840.1.101.3.2.1.3.x and the addresses all certificates have.
fn common(policy: u32) -> Vec<Extension> {
    let policy = ObjectIdentifier::new(&format!("2.16.840.1.101.3.2.1.3.{policy}")).unwrap();
    let access = |access_method, address: &str| AccessDescription {
        access_method,
        access_location: uri(address),
    };
    let point = DistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(vec![
            uri("http://pki.example.org/authority.crl"),
            uri("ldap://pki.example.org/cn=authority"),
            uri("http://mirror.example.org/authority.crl"),
        ])),
        reasons: None,
        crl_issuer: None,
    };
    vec![
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
                access(ID_AD_OCSP, "http://ocsp.example.org"),
                access(ID_AD_CA_ISSUERS, "http://pki.example.org/authority.p7c"),
            ]),
        ),
        extension(false, &CrlDistributionPoints(vec![point])),
    ]
}

pub(crate) fn alternative_names(fasc_n: FascN, uuid: Uuid) -> SubjectAltName {
    let number = OctetString::new(fasc_n.bytes().as_slice()).unwrap();
    SubjectAltName(vec![
        GeneralName::OtherName(OtherName {
            type_id: oid::FASC_N,
            value: Any::encode_from(&number).unwrap(),
        }),
        uri(&format!("urn:uuid:{uuid}")),
    ])
}

fn uri(text: &str) -> GeneralName {
    GeneralName::UniformResourceIdentifier(Ia5String::new(text).unwrap())
}

pub(crate) fn usage(usages: impl Into<FlagSet<KeyUsages>>) -> Extension {
    extension(true, &KeyUsage(usages.into()))
}

pub(crate) fn extension<T>(critical: bool, value: &T) -> Extension
where
    T: der::oid::AssociatedOid + Encode,
{
    (critical, value)
        .to_extension(&Name::default(), &[])
        .unwrap()
}

pub(crate) fn raw(extn_id: ObjectIdentifier, critical: bool, value: &impl Encode) -> Extension {
    Extension {
        extn_id,
        critical,
        extn_value: OctetString::new(value.to_der().unwrap()).unwrap(),
    }
}

/// A text as the value of an attribute or an extension.
pub(crate) fn text(text: &str) -> Any {
    Any::encode_from(&Utf8StringRef::new(text).unwrap()).unwrap()
}

fn day((year, month, day): (u16, u8, u8)) -> Time {
    let moment = DateTime::new(year, month, day, 0, 0, 0).unwrap();
    Time::UtcTime(moment.try_into().unwrap())
}
