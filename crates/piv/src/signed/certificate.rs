use std::collections::BTreeMap;
use std::fmt;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280;
use const_oid::db::rfc5912::{self, ID_RSASSA_PSS};
use der::{Decode, Encode};
use jiff::civil::{Date, date};
use rsa::pkcs1::RsaPssParamsOwned;
use rsa::traits::PublicKeyParts;
use serde::Serialize;
use x509_cert::Certificate;
use x509_cert::ext::pkix::crl::CrlDistributionPoints;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AuthorityInfoAccessSyntax, CertificatePolicies, ExtendedKeyUsage, KeyUsage, KeyUsages,
};

use super::dates::day_of;
use super::{HashAlgorithm, SubjectNames, oid};
use crate::words::{Algorithm, KeyReference, ObjectId};
use crate::{Finding, PublicKey};

const PROFILE: &str = "SP 800-85B-4, 11; X.509 Certificate and CRL Extensions Profile for SSP";
const ALGORITHMS: &str = "SP 800-78-5, Tables 1 to 4 and 10";
const NAMES: &str = "SP 800-73-5 Part 1, 3.4; SP 800-85B-4, 11.1 and 11.4";

/// What a certificate on a card is for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateRole {
    /// Key 9A.
    Authentication,
    /// Key 9E.
    CardAuthentication,
    /// Key 9C.
    Signature,
    /// Key 9D.
    KeyManagement,
    /// The issuer's key that signs the objects.
    ContentSigner,
}

impl CertificateRole {
    /// The role of a key's certificate; `None` for keys without one of these profiles.
    #[must_use]
    pub const fn of(key: KeyReference) -> Option<Self> {
        Some(match key {
            KeyReference::Authentication => Self::Authentication,
            KeyReference::CardAuthentication => Self::CardAuthentication,
            KeyReference::Signature => Self::Signature,
            KeyReference::KeyManagement => Self::KeyManagement,
            _ => return None,
        })
    }

    /// Whether FASC-N and Card UUID must stand in the subjectAltName.
    #[must_use]
    pub const fn names_the_card(self) -> bool {
        matches!(self, Self::Authentication | Self::CardAuthentication)
    }
}

impl fmt::Display for CertificateRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authentication => ObjectId::AuthenticationCertificate.fmt(f),
            Self::CardAuthentication => ObjectId::CardAuthenticationCertificate.fmt(f),
            Self::Signature => ObjectId::SignatureCertificate.fmt(f),
            Self::KeyManagement => ObjectId::KeyManagementCertificate.fmt(f),
            Self::ContentSigner => f.write_str("certificate of the content signer"),
        }
    }
}

/// What an issuer's certificates are held against where the standard leaves a choice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateRules {
    /// The policies of which a certificate must name one; roles without an entry are not asked.
    pub policies: BTreeMap<CertificateRole, Vec<ObjectIdentifier>>,
    /// The extended key usages of which the content signer must name one.
    pub content_signing: Vec<ObjectIdentifier>,
    /// Whether FASC-N and piv-interim are demanded, as of a government agency. Other issuers have
    /// the UUID alone.
    pub federal: bool,
    /// The last day RSA-2048 may be used (SP 800-78-5: end of 2030).
    pub rsa_2048_until: Date,
}

impl CertificateRules {
    /// The Common Policy Framework of the United States: policies 2.16.840.1.101.3.2.1.3.x.
    #[must_use]
    pub fn common() -> Self {
        let common = ObjectIdentifier::new_unwrap;
        let high = vec![
            common("2.16.840.1.101.3.2.1.3.7"),
            common("2.16.840.1.101.3.2.1.3.16"),
        ];
        Self {
            policies: BTreeMap::from([
                (
                    CertificateRole::Authentication,
                    vec![common("2.16.840.1.101.3.2.1.3.13")],
                ),
                (
                    CertificateRole::CardAuthentication,
                    vec![common("2.16.840.1.101.3.2.1.3.17")],
                ),
                (CertificateRole::Signature, high.clone()),
                (CertificateRole::KeyManagement, high),
                (
                    CertificateRole::ContentSigner,
                    vec![common("2.16.840.1.101.3.2.1.3.39")],
                ),
            ]),
            content_signing: vec![oid::CONTENT_SIGNING],
            federal: true,
            rsa_2048_until: date(2030, 12, 31),
        }
    }

    /// An issuer outside the government, whatever its policies: no FASC-N, no piv-interim.
    #[must_use]
    pub fn non_federal() -> Self {
        Self {
            policies: BTreeMap::new(),
            content_signing: vec![oid::CONTENT_SIGNING, oid::PIVI_CONTENT_SIGNING],
            federal: false,
            rsa_2048_until: date(2030, 12, 31),
        }
    }
}

/// One part of a certificate's profile, for who wants to know which part does not hold.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CertificateAspect {
    /// Kind and size of the key.
    Key,
    /// Public exponent of an RSA key.
    Exponent,
    /// Algorithm and parameters of the certificate's own signature.
    SignatureAlgorithm,
    /// Key usage.
    KeyUsage,
    /// Certificate policies.
    Policies,
    /// Extended key usage.
    ExtendedKeyUsage,
    /// Names in the subjectAltName.
    SubjectNames,
    /// The extension piv-interim.
    Interim,
    /// Address of the issuer's certificates.
    IssuerAccess,
    /// Address for questions of revocation.
    Ocsp,
    /// Addresses of revocation lists.
    RevocationLists,
}

impl CertificateAspect {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Key,
        Self::Exponent,
        Self::SignatureAlgorithm,
        Self::KeyUsage,
        Self::Policies,
        Self::ExtendedKeyUsage,
        Self::SubjectNames,
        Self::Interim,
        Self::IssuerAccess,
        Self::Ocsp,
        Self::RevocationLists,
    ];
}

/// Holds a certificate against the profile of its role: key usage, policies, extended key usage,
/// subjectAltName, piv-interim, access to authority and revocation lists, algorithms and key
/// sizes. Its path and revocation are not decided here, its dates by [`super::check_dates`], whose
/// it is by [`super::check_identifiers`].
#[must_use]
pub fn check_certificate(
    role: CertificateRole,
    certificate: &Certificate,
    rules: &CertificateRules,
) -> Vec<Finding> {
    CertificateAspect::ALL
        .into_iter()
        .flat_map(|aspect| check_certificate_aspect(aspect, role, certificate, rules))
        .collect()
}

/// The part of [`check_certificate`] that is about one aspect.
#[must_use]
pub fn check_certificate_aspect(
    aspect: CertificateAspect,
    role: CertificateRole,
    certificate: &Certificate,
    rules: &CertificateRules,
) -> Vec<Finding> {
    let mut check = Check {
        role,
        certificate,
        rules,
        findings: Vec::new(),
    };
    match aspect {
        CertificateAspect::Key => check.key(),
        CertificateAspect::Exponent => check.exponent(),
        CertificateAspect::SignatureAlgorithm => check.signature_algorithm(),
        CertificateAspect::KeyUsage => check.key_usage(),
        CertificateAspect::Policies => check.policies(),
        CertificateAspect::ExtendedKeyUsage => check.extended_key_usage(),
        CertificateAspect::SubjectNames => check.subject_names(),
        CertificateAspect::Interim => check.interim(),
        CertificateAspect::IssuerAccess => check.issuer_access(),
        CertificateAspect::Ocsp => check.ocsp(),
        CertificateAspect::RevocationLists => check.revocation_lists(),
    }
    check.findings
}

struct Check<'a> {
    role: CertificateRole,
    certificate: &'a Certificate,
    rules: &'a CertificateRules,
    findings: Vec<Finding>,
}

impl<'a> Check<'a> {
    fn violation(&mut self, clause: &'static str, what: impl fmt::Display) {
        let finding = Finding::violation(clause, format!("{}: {what}", self.role));
        self.findings.push(finding);
    }

    /// An extension; one that cannot be read is noted.
    fn extension<T>(&mut self, name: &str) -> Option<(bool, T)>
    where
        T: Decode<'a, Error = der::Error> + const_oid::AssociatedOid,
    {
        match self.certificate.tbs_certificate().get_extension::<T>() {
            Ok(extension) => extension,
            Err(error) => {
                self.violation(PROFILE, format_args!("{name} cannot be read: {error}"));
                None
            }
        }
    }

    fn public_key(&self) -> Option<PublicKey> {
        let tbs = self.certificate.tbs_certificate();
        PublicKey::from_spki(tbs.subject_public_key_info()).ok()
    }

    fn key(&mut self) {
        let Some(key) = self.public_key() else {
            return self.violation(ALGORITHMS, "no RSA, P-256 or P-384 key");
        };
        match key.algorithm() {
            Some(Algorithm::Rsa3072 | Algorithm::P256 | Algorithm::P384) => {}
            Some(Algorithm::Rsa2048) => {
                let expiry = day_of(self.certificate.tbs_certificate().validity().not_after);
                if expiry.is_some_and(|expiry| expiry > self.rules.rsa_2048_until) {
                    let finding = Finding::warning(
                        ALGORITHMS,
                        format!(
                            "{}: the RSA-2048 key may not be used after {}, before the \
                             certificate expires",
                            self.role, self.rules.rsa_2048_until
                        ),
                    );
                    self.findings.push(finding);
                }
            }
            _ => self.violation(ALGORITHMS, "size of the RSA key is neither 2048 nor 3072"),
        }
    }

    fn exponent(&mut self) {
        if let Some(PublicKey::Rsa(rsa)) = self.public_key()
            && rsa.e_bytes()[..] != [0x01, 0x00, 0x01]
        {
            self.violation(ALGORITHMS, "public exponent of the RSA key is not 65537");
        }
    }

    fn signature_algorithm(&mut self) {
        let algorithm = self.certificate.signature_algorithm();
        let parameters = algorithm.parameters.as_ref();
        let right = match algorithm.oid {
            rfc5912::SHA_256_WITH_RSA_ENCRYPTION | rfc5912::SHA_384_WITH_RSA_ENCRYPTION => {
                parameters.is_some_and(der::asn1::Any::is_null)
            }
            rfc5912::ECDSA_WITH_SHA_256 | rfc5912::ECDSA_WITH_SHA_384 => parameters.is_none(),
            ID_RSASSA_PSS => parameters
                .and_then(|parameters| parameters.to_der().ok())
                .and_then(|der| RsaPssParamsOwned::from_der(&der).ok())
                .is_some_and(|pss| pss.hash.oid == HashAlgorithm::Sha256.oid()),
            other => {
                return self.violation(
                    ALGORITHMS,
                    format_args!("signature algorithm `{other}` is not allowed"),
                );
            }
        };
        if !right {
            self.violation(
                ALGORITHMS,
                format_args!(
                    "wrong parameters of signature algorithm `{}`",
                    algorithm.oid
                ),
            );
        }
    }

    fn key_usage(&mut self) {
        use KeyUsages::{DigitalSignature, KeyAgreement, KeyEncipherment, NonRepudiation};
        let expected = match (self.role, self.public_key()) {
            (CertificateRole::Authentication | CertificateRole::CardAuthentication, _) => {
                DigitalSignature.into()
            }
            (CertificateRole::Signature | CertificateRole::ContentSigner, _) => {
                DigitalSignature | NonRepudiation
            }
            (CertificateRole::KeyManagement, Some(PublicKey::Rsa(_))) => KeyEncipherment.into(),
            (CertificateRole::KeyManagement, Some(_)) => KeyAgreement.into(),
            // That there is no usable key has been noted.
            (CertificateRole::KeyManagement, None) => return,
        };
        match self.extension::<KeyUsage>("key usage") {
            Some((_, KeyUsage(actual))) if actual == expected => {}
            // The draft of SP 800-85B-4 asks for nonRepudiation; no published card has it.
            Some((_, KeyUsage(actual)))
                if self.role == CertificateRole::ContentSigner && actual == DigitalSignature =>
            {
                self.findings.push(Finding::warning(
                    "SP 800-85B-4, 11.7.2",
                    format!("{}: key usage without NonRepudiation", self.role),
                ));
            }
            Some((_, KeyUsage(actual))) => {
                let show = |usages: der::flagset::FlagSet<KeyUsages>| {
                    let names: Vec<_> = usages.into_iter().map(|it| format!("{it:?}")).collect();
                    names.join(" and ")
                };
                self.violation(
                    PROFILE,
                    format_args!("key usage is {}, expected {}", show(actual), show(expected)),
                );
            }
            None => self.violation(PROFILE, "no key usage"),
        }
    }

    fn policies(&mut self) {
        let rules = self.rules;
        let Some(allowed) = rules.policies.get(&self.role) else {
            return;
        };
        let stated = self
            .extension::<CertificatePolicies>("certificate policies")
            .map(|(_, CertificatePolicies(policies))| policies)
            .unwrap_or_default();
        let fits = stated
            .iter()
            .any(|policy| allowed.contains(&policy.policy_identifier));
        if !fits {
            let stated: Vec<_> = stated
                .iter()
                .map(|policy| policy.policy_identifier)
                .collect();
            self.violation(
                PROFILE,
                format_args!(
                    "policies are [{}], expected one of [{}]",
                    listed(&stated),
                    listed(allowed)
                ),
            );
        }
    }

    fn extended_key_usage(&mut self) {
        let usage = self.extension::<ExtendedKeyUsage>("extended key usage");
        let (critical, usages) = match &usage {
            Some((critical, ExtendedKeyUsage(usages))) => (*critical, &usages[..]),
            None => (false, &[][..]),
        };
        match self.role {
            CertificateRole::CardAuthentication => {
                if usages != [oid::CARD_AUTHENTICATION] {
                    self.violation(
                        PROFILE,
                        format_args!(
                            "extended key usage is [{}], expected id-PIV-cardAuth alone",
                            listed(usages)
                        ),
                    );
                } else if !critical {
                    self.violation(PROFILE, "extended key usage is not critical");
                }
            }
            CertificateRole::ContentSigner => {
                let allowed = &self.rules.content_signing;
                if !usages.iter().any(|usage| allowed.contains(usage)) {
                    self.violation(
                        PROFILE,
                        format_args!(
                            "extended key usage is [{}], expected [{}]",
                            listed(usages),
                            listed(allowed)
                        ),
                    );
                }
            }
            _ => {}
        }
    }

    fn subject_names(&mut self) {
        if !self.role.names_the_card() {
            return;
        }
        let names = match SubjectNames::of(self.certificate) {
            Ok(names) => names,
            Err(error) => {
                return self.violation(
                    NAMES,
                    format_args!("subjectAltName cannot be read: {error}"),
                );
            }
        };
        match names.fasc_n.len() {
            0 if self.rules.federal => self.violation(NAMES, "no FASC-N in the subjectAltName"),
            0 | 1 => {}
            _ => self.violation(NAMES, "more than one FASC-N in the subjectAltName"),
        }
        // The authentication certificate may name the Cardholder UUID beside the card's.
        let most = match self.role {
            CertificateRole::Authentication => 2,
            _ => 1,
        };
        match names.uuids.len() {
            0 => self.violation(NAMES, "no UUID in the subjectAltName"),
            count if count > most => {
                self.violation(NAMES, format_args!("{count} UUIDs in the subjectAltName"));
            }
            _ => {}
        }
        for other in names.others {
            let what = format!("{}: also {other} in the subjectAltName", self.role);
            self.findings.push(match self.role {
                CertificateRole::CardAuthentication => Finding::violation(NAMES, what),
                _ => Finding::info(NAMES, what),
            });
        }
    }

    fn interim(&mut self) {
        if !self.rules.federal || !self.role.names_the_card() {
            return;
        }
        let extensions = self.certificate.tbs_certificate().extensions();
        let interim = extensions
            .into_iter()
            .flatten()
            .find(|extension| extension.extn_id == oid::PIV_INTERIM);
        match interim {
            None => self.violation(PROFILE, "no piv-interim extension"),
            Some(extension) if bool::from_der(extension.extn_value.as_bytes()).is_err() => {
                self.violation(PROFILE, "piv-interim is no BOOLEAN");
            }
            Some(_) => {}
        }
    }

    fn issuer_access(&mut self) {
        let access = self.authority_access(rfc5280::ID_AD_CA_ISSUERS);
        let addresses: Vec<_> = access.iter().map(uri).collect();
        self.locations("the issuer's certificates (caIssuers)", &addresses, ".p7c");
    }

    fn ocsp(&mut self) {
        if !self.role.names_the_card() {
            return;
        }
        let access = self.authority_access(rfc5280::ID_AD_OCSP);
        let addresses: Vec<_> = access.iter().map(uri).collect();
        self.locations("OCSP", &addresses, "");
    }

    fn authority_access(&mut self, method: ObjectIdentifier) -> Vec<GeneralName> {
        let access = self
            .extension::<AuthorityInfoAccessSyntax>("authority information access")
            .map(|(_, AuthorityInfoAccessSyntax(access))| access)
            .unwrap_or_default();
        let fitting = access.into_iter().filter(|one| one.access_method == method);
        fitting.map(|one| one.access_location).collect()
    }

    fn revocation_lists(&mut self) {
        let points = self
            .extension::<CrlDistributionPoints>("CRL distribution points")
            .map(|(_, CrlDistributionPoints(points))| points)
            .unwrap_or_default();
        let lists: Vec<_> = points
            .iter()
            .filter_map(|point| match &point.distribution_point {
                Some(DistributionPointName::FullName(names)) => Some(names.iter().map(uri)),
                _ => None,
            })
            .flatten()
            .collect();
        self.locations("revocation lists", &lists, ".crl");
    }

    /// At least one address over HTTP, and every such one with the ending; others over LDAP may
    /// stand beside it.
    fn locations(&mut self, what: &str, locations: &[Option<&str>], ending: &str) {
        let right = |address: &str| address.starts_with("http://") && address.ends_with(ending);
        let web = |address: &&str| address.starts_with("http");
        let mut of_web = locations.iter().flatten().filter(|it| web(it)).peekable();
        if locations.is_empty() {
            self.violation(PROFILE, format_args!("no address of {what}"));
        } else if of_web.peek().is_none() || !of_web.all(|address| right(address)) {
            let shown: Vec<_> = locations.iter().map(|it| it.unwrap_or("no URI")).collect();
            self.violation(
                PROFILE,
                format_args!(
                    "address of {what} is `{}`, expected `http://...{ending}`",
                    shown.join("`, `")
                ),
            );
        }
    }
}

fn uri(name: &GeneralName) -> Option<&str> {
    match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str()),
        _ => None,
    }
}

fn listed(identifiers: &[ObjectIdentifier]) -> String {
    let names: Vec<_> = identifiers.iter().map(ToString::to_string).collect();
    names.join(", ")
}
