//! The simulated authority that certifies the holder of an AuthentIC card, after a certificate of
//! the estate's test environment: subject `O=nhs, OU=People, CN=<12 digits>_<NAME>`, a critical
//! policy with the address of its statement, and a private key that may be used for about seven
//! tenths of the certificate's life.
//!
//! The key follows from the card's number, and the name says that it is simulated.

use std::str::FromStr;

use der::asn1::{Any, GeneralizedTime, Ia5String, ObjectIdentifier};
use der::flagset::FlagSet;
use der::{DateTime, Encode};
use rand_chacha::ChaCha20Rng;
use rsa::RsaPublicKey;
use rsa::pkcs1v15::{Signature, SigningKey};
use sha2::Sha256;
use signature::Keypair;
use spki::{EncodePublicKey, SubjectPublicKeyInfoOwned};
use x509_cert::Certificate;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::certpolicy::{PolicyInformation, PolicyQualifierInfo};
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies, CrlDistributionPoints,
    ExtendedKeyUsage, KeyUsage, KeyUsages, PrivateKeyUsagePeriod,
};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Validity;

use crate::card::personalise::authority::{
    ENCODES, Profile, extension, subject_key_identifier, time, uri,
};
use crate::card::random::seeded;

/// The policy of the certificate it is made after, and the address of its statement.
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.826.0.1275.102.0.3.2.0");
const STATEMENT: &str = "https://pki.nhs.uk/certificate_policies/content_commitment";
/// RFC 5280, 4.2.1.4.
const STATEMENT_QUALIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.2.1");
const CLIENT_AUTHENTICATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
/// The reserved top-level name keeps this address from ever being asked (RFC 2606).
const REVOCATION_ADDRESS: &str = "http://crl.simulated.invalid/1/crlc1.crl";

/// Two years and half an hour, as the certificate they are made after; fixed like all else here.
const BEGIN: (u16, u8, u8) = (2026, 1, 1);
const END: (u16, u8, u8) = (2028, 1, 1);
/// Seven tenths of the life.
const LAST_USE: (u16, u8, u8) = (2027, 5, 27);

const AUTHORITY_BITS: usize = 2048;

/// What a key is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Usage {
    /// Logging in, and deciphering: digitalSignature and keyEncipherment.
    Authentication,
    /// Content commitment: critical nonRepudiation and nothing else.
    Signing,
}

/// The holder of a personalised card.
pub(super) struct Holder {
    /// Twelve digits.
    pub(super) identifier: String,
    pub(super) name: String,
}

impl Holder {
    /// Made from the card's number.
    pub(super) fn of(number: u64) -> Self {
        let digits = format!("555{:08}", number % 100_000_000);
        Self {
            identifier: format!("{digits}{}", check_digit(&digits)),
            name: format!("SIMULATED HOLDER {number}"),
        }
    }

    /// The common name of the certificates.
    pub(super) fn common_name(&self) -> String {
        format!("{}_{}", self.identifier, self.name)
    }
}

/// The last of twelve digits, as most identifiers of test persons have it: the digits in odd
/// places, and those in even places doubled, nine less where that is above nine, add up to it.
fn check_digit(eleven: &str) -> u32 {
    let digits = eleven.bytes().map(|byte| u32::from(byte - b'0'));
    let sum: u32 = digits
        .enumerate()
        .map(|(index, digit)| match (index % 2, 2 * digit) {
            (0, _) => digit,
            (_, doubled @ 0..=9) => doubled,
            (_, doubled) => doubled - 9,
        })
        .sum();
    sum % 10
}

/// The authority of one card.
pub(super) struct Authority {
    name: Name,
    key: SigningKey<Sha256>,
}

impl Authority {
    /// The first that is drawn for a card of this number.
    pub(super) fn new(number: u64, random: &mut ChaCha20Rng) -> Self {
        let key = rsa::RsaPrivateKey::new(random, AUTHORITY_BITS).expect(ENCODES);
        Self {
            name: name("CA", &format!("Simulated Test Authority {number}")),
            key: SigningKey::new(key),
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
            extension(false, &subject_key_identifier(&self.public())),
        ];
        self.issue(self.name.clone(), 1, self.public(), extensions)
    }

    /// The certificate of one of the holder's keys.
    pub(super) fn certify(&self, holder: &Holder, usage: Usage, key: &RsaPublicKey) -> Vec<u8> {
        let key = public_key(key);
        let (serial, usages): (u32, FlagSet<KeyUsages>) = match usage {
            Usage::Authentication => (2, KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment),
            Usage::Signing => (3, KeyUsages::NonRepudiation.into()),
        };
        let mut extensions = vec![extension(true, &KeyUsage(usages))];
        match usage {
            Usage::Authentication => extensions.push(extension(
                false,
                &ExtendedKeyUsage(vec![CLIENT_AUTHENTICATION]),
            )),
            Usage::Signing => extensions.push(extension(true, &policies())),
        }
        extensions.extend([
            extension(false, &usage_period()),
            extension(false, &subject_key_identifier(&key)),
            extension(
                false,
                &AuthorityKeyIdentifier {
                    key_identifier: Some(subject_key_identifier(&self.public()).0),
                    ..AuthorityKeyIdentifier::default()
                },
            ),
            extension(false, &revocation()),
        ]);
        self.issue(
            name("People", &holder.common_name()),
            serial,
            key,
            extensions,
        )
    }

    fn public(&self) -> SubjectPublicKeyInfoOwned {
        public_key(self.key.verifying_key().as_ref())
    }

    fn issue(
        &self,
        subject: Name,
        serial: u32,
        key: SubjectPublicKeyInfoOwned,
        extensions: Vec<Extension>,
    ) -> Vec<u8> {
        let profile = Profile {
            issuer: self.name.clone(),
            subject,
            extensions,
        };
        let certificate: Certificate =
            CertificateBuilder::new(profile, SerialNumber::from(serial), validity(), key)
                .and_then(|builder| builder.build::<_, Signature>(&self.key))
                .expect(ENCODES);
        certificate.to_der().expect(ENCODES)
    }
}

/// The certificate of the authority that certified the keys of the personalised AuthentIC card of
/// this number, in DER.
#[must_use]
pub fn test_authority(number: u64) -> Vec<u8> {
    Authority::new(number, &mut seeded(number, 0)).certificate()
}

fn policies() -> CertificatePolicies {
    let statement = Ia5String::new(STATEMENT).expect(ENCODES);
    CertificatePolicies(vec![PolicyInformation {
        policy_identifier: POLICY,
        policy_qualifiers: Some(vec![PolicyQualifierInfo {
            policy_qualifier_id: STATEMENT_QUALIFIER,
            qualifier: Some(Any::encode_from(&statement).expect(ENCODES)),
        }]),
    }])
}

fn usage_period() -> PrivateKeyUsagePeriod {
    let at = |date| GeneralizedTime::from_date_time(moment(date, 0));
    PrivateKeyUsagePeriod {
        not_before: Some(at(BEGIN)),
        not_after: Some(at(LAST_USE)),
    }
}

fn revocation() -> CrlDistributionPoints {
    CrlDistributionPoints(vec![DistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(vec![
            GeneralName::UniformResourceIdentifier(uri(REVOCATION_ADDRESS)),
        ])),
        reasons: None,
        crl_issuer: None,
    }])
}

fn validity() -> Validity {
    Validity::new(time(moment(BEGIN, 0)), time(moment(END, 30)))
}

fn moment((year, month, day): (u16, u8, u8), minute: u8) -> DateTime {
    DateTime::new(year, month, day, 0, minute, 0).expect(ENCODES)
}

fn name(unit: &str, common_name: &str) -> Name {
    // Written last to first (RFC 4514, 2.1).
    Name::from_str(&format!("CN={common_name},OU={unit},O=nhs")).expect(ENCODES)
}

fn public_key(key: &RsaPublicKey) -> SubjectPublicKeyInfoOwned {
    key.to_public_key_der()
        .ok()
        .and_then(|document| document.decode_msg().ok())
        .expect(ENCODES)
}

/// The first and the last day of the certificates, eight digits each.
pub(super) fn days() -> [String; 2] {
    [BEGIN, END].map(|(year, month, day)| format!("{year:04}{month:02}{day:02}"))
}

#[cfg(test)]
mod tests {
    use der::Decode;
    use x509_cert::time::Time;

    use super::*;
    use crate::card::authentic::rsa::{F4, RsaKey};

    #[test]
    fn the_check_digit_is_that_of_a_published_test_identifier() {
        assert_eq!(check_digit("55525352110"), 8);
        let holder = Holder::of(1);
        assert_eq!(holder.identifier.len(), 12);
        assert!(holder.common_name().starts_with("55500000001"));
    }

    #[test]
    fn the_private_key_may_be_used_for_seven_tenths_of_the_life() {
        let seconds = |date| moment(date, 0).unix_duration().as_secs();
        let life = seconds(END) - seconds(BEGIN);
        let use_of_key = seconds(LAST_USE) - seconds(BEGIN);
        let per_mille = use_of_key * 1000 / life;
        assert!((695..=705).contains(&per_mille), "{per_mille}");
    }

    #[test]
    fn a_signing_certificate_has_the_profile_of_the_estate_and_only_that() {
        let random = &mut seeded(9, 0);
        let authority = Authority::new(9, random);
        let key = RsaKey::generate(1024, F4, random).unwrap();
        let holder = Holder::of(9);
        let certificate =
            Certificate::from_der(&authority.certify(&holder, Usage::Signing, &key.public()))
                .unwrap();
        let tbs = certificate.tbs_certificate();
        let validity = tbs.validity();
        for time in [&validity.not_before, &validity.not_after] {
            assert!(matches!(time, Time::UtcTime(_)), "{time}");
        }
        let life = validity.not_after.to_unix_duration() - validity.not_before.to_unix_duration();
        assert_eq!(life.as_secs(), 730 * 86_400 + 30 * 60);
        let expected = format!("CN={},OU=People,O=nhs", holder.common_name());
        assert_eq!(tbs.subject().to_string(), expected);
        assert_eq!(
            tbs.issuer().to_string(),
            "CN=Simulated Test Authority 9,OU=CA,O=nhs"
        );
        let (critical, usage) = tbs.get_extension::<KeyUsage>().unwrap().unwrap();
        assert!(critical);
        assert_eq!(usage.0, FlagSet::from(KeyUsages::NonRepudiation));
        let (critical, policies) = tbs.get_extension::<CertificatePolicies>().unwrap().unwrap();
        assert!(critical);
        assert_eq!(policies.0[0].policy_identifier, POLICY);
        assert!(tbs.get_extension::<ExtendedKeyUsage>().unwrap().is_none());
        assert!(
            tbs.get_extension::<PrivateKeyUsagePeriod>()
                .unwrap()
                .is_some()
        );
    }
}
