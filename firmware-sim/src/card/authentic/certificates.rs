//! The two keys of a personalised series 8 card and their certificates, which have the profile of a
//! signing certificate published with test-estate prescriptions, but for its authority: that is the
//! one made from the card's number.

use std::str::FromStr;

use der::asn1::{Any, Ia5String, ObjectIdentifier, OctetString};
use der::flagset::FlagSet;
use der::{DateTime, Encode};
use spki::{EncodePublicKey, SubjectPublicKeyInfoOwned};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::certpolicy::{PolicyInformation, PolicyQualifierInfo};
use x509_cert::ext::pkix::{CertificatePolicies, KeyUsage, KeyUsages, PrivateKeyUsagePeriod};
use x509_cert::name::Name;
use x509_cert::time::{Time, Validity};

use super::rsa::{F4, RsaKey};
use crate::card::personalise::authority::{Authority, extension};
use crate::card::random::seeded;

/// Everything here is made of constants and fresh keys, so encoding it cannot fail.
const ENCODES: &str = "made of constants and valid keys";

/// The policy of the published certificate, and where its statement is.
const CONTENT_COMMITMENT: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.826.0.1275.102.0.3.2.0");
const STATEMENT: &str = "https://pki.nhs.uk/certificate_policies/content_commitment";
/// A policy of test PKIs (2.16.840.1.101.3.2.1.48), for a certificate of which none is published.
const TEST_AUTHENTICATION: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.2.1.48.11");
/// RFC 5280, 4.2.1.4: the qualifier that is an address.
const CPS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.2.1");
/// The extension in which Entrust authorities name their version.
const ENTRUST_VERSION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113533.7.65.0");

/// What a key of a card is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Purpose {
    /// It says who the holder is, and deciphers.
    Authentication,
    /// It signs what the holder stands by.
    Signing,
}

/// A key with its certificate in DER.
pub(super) struct Issued {
    pub(super) key: RsaKey,
    pub(super) certificate: Vec<u8>,
}

/// The keys of the card with this number, for authentication first and then for signing.
pub(super) fn issue(number: u64, bits: u16) -> [Issued; 2] {
    let authority = Authority::new(number, &mut seeded(number, 0));
    [Purpose::Authentication, Purpose::Signing].map(|purpose| {
        // A stream of its own, so that one key does not hang on the other.
        let stream = match purpose {
            Purpose::Authentication => u64::MAX,
            Purpose::Signing => u64::MAX - 1,
        };
        let key = RsaKey::generate(bits, F4, &mut seeded(number, stream)).expect(ENCODES);
        let certificate = certify(&authority, number, purpose, &key);
        Issued { key, certificate }
    })
}

/// Two years and half an hour; after about 70 % of it the private key is to be used no more.
fn certify(authority: &Authority, number: u64, purpose: Purpose, key: &RsaKey) -> Vec<u8> {
    let at =
        |year, month, day, minutes| DateTime::new(year, month, day, 0, minutes, 0).expect(ENCODES);
    let (from, until) = (at(2026, 1, 1, 0), at(2028, 1, 1, 30));
    let usage_until = at(2027, 5, 27, 0);
    let (usage, policy): (FlagSet<KeyUsages>, _) = match purpose {
        Purpose::Authentication => (
            KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment,
            PolicyInformation {
                policy_identifier: TEST_AUTHENTICATION,
                policy_qualifiers: None,
            },
        ),
        Purpose::Signing => (
            KeyUsages::NonRepudiation.into(),
            PolicyInformation {
                policy_identifier: CONTENT_COMMITMENT,
                policy_qualifiers: Some(vec![statement()]),
            },
        ),
    };
    let usage_period = PrivateKeyUsagePeriod {
        not_before: Some(from.into()),
        not_after: Some(usage_until.into()),
    };
    let extensions = vec![
        extension(true, &KeyUsage(usage)),
        extension(true, &CertificatePolicies(vec![policy])),
        extension(false, &usage_period),
        authority.revocation(),
        authority.authority_key(),
        entrust_version(),
    ];
    let public_key: SubjectPublicKeyInfoOwned = key
        .public()
        .to_public_key_der()
        .ok()
        .and_then(|document| document.decode_msg().ok())
        .expect(ENCODES);
    let serial = match purpose {
        Purpose::Authentication => 0x0801,
        Purpose::Signing => 0x0802,
    };
    let time = |at: DateTime| Time::UtcTime(at.try_into().expect(ENCODES));
    let validity = Validity::new(time(from), time(until));
    authority
        .issue_for(holder(number), serial, public_key, validity, extensions)
        .to_der()
        .expect(ENCODES)
}

fn statement() -> PolicyQualifierInfo {
    let address = Ia5String::new(STATEMENT).expect(ENCODES);
    PolicyQualifierInfo {
        policy_qualifier_id: CPS,
        qualifier: Some(Any::encode_from(&address).expect(ENCODES)),
    }
}

/// `O=nhs, OU=People, CN=<12 digits>_<name>`, in this order in the certificate.
fn holder(number: u64) -> Name {
    // RFC 4514 has the last first.
    let name = format!("CN={}_SIMULATED HOLDER,OU=People,O=nhs", identity(number));
    Name::from_str(&name).expect(ENCODES)
}

/// An identity of the test range with its check digit.
fn identity(number: u64) -> String {
    let eleven = format!("555{:08}", number % 100_000_000);
    let sum: u32 = eleven
        .bytes()
        .enumerate()
        .map(|(at, digit)| {
            let digit = u32::from(digit - b'0');
            match at % 2 {
                0 => digit,
                _ if digit > 4 => 2 * digit - 9,
                _ => 2 * digit,
            }
        })
        .sum();
    format!("{eleven}{}", sum % 10)
}

/// `SEQUENCE { GeneralString "V8.1", BIT STRING }`.
fn entrust_version() -> Extension {
    const VALUE: &[u8] = b"\x30\x0A\x1B\x04V8.1\x03\x02\x03\xA8";
    Extension {
        extn_id: ENTRUST_VERSION,
        critical: false,
        extn_value: OctetString::new(VALUE).expect(ENCODES),
    }
}

#[cfg(test)]
mod tests {
    use der::Decode;
    use x509_cert::Certificate;

    use super::*;

    #[test]
    fn the_check_digit_is_that_of_the_published_example() {
        assert_eq!(identity(25_352_110), "555253521108");
    }

    #[test]
    fn the_certificates_have_the_published_profile() {
        let issued = issue(8, 1024);
        let [authentication, signing] = issued
            .each_ref()
            .map(|it| Certificate::from_der(&it.certificate).unwrap());
        for certificate in [&authentication, &signing] {
            let tbs = certificate.tbs_certificate();
            assert_eq!(
                tbs.subject().to_string(),
                format!("CN={}_SIMULATED HOLDER,OU=People,O=nhs", identity(8))
            );
            let seconds = |time: Time| time.to_unix_duration().as_secs();
            let validity = tbs.validity();
            let life = seconds(validity.not_after) - seconds(validity.not_before);
            assert_eq!(life, 2 * 365 * 86_400 + 1800);
            let usage: Option<(bool, PrivateKeyUsagePeriod)> = tbs.get_extension().unwrap();
            let (_, usage) = usage.unwrap();
            let used = usage.not_after.unwrap().to_unix_duration()
                - usage.not_before.unwrap().to_unix_duration();
            let percent = used.as_secs() * 100 / life;
            assert!((68..=72).contains(&percent), "{percent} %");
        }
        let tbs = signing.tbs_certificate();
        let usage: Option<(bool, KeyUsage)> = tbs.get_extension().unwrap();
        assert_eq!(
            usage,
            Some((true, KeyUsage(KeyUsages::NonRepudiation.into())))
        );
        let policies: Option<(bool, CertificatePolicies)> = tbs.get_extension().unwrap();
        let (critical, policies) = policies.unwrap();
        assert!(critical);
        assert_eq!(policies.0[0].policy_identifier, CONTENT_COMMITMENT);
        for (issued, certificate) in issued.iter().zip([&authentication, &signing]) {
            let key: SubjectPublicKeyInfoOwned = issued
                .key
                .public()
                .to_public_key_der()
                .unwrap()
                .decode_msg()
                .unwrap();
            let tbs = certificate.tbs_certificate();
            assert_eq!(*tbs.subject_public_key_info(), key);
        }
    }
}
