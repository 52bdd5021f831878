use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use const_oid::db::rfc4519;
use der::pem::LineEnding;
use der::{Decode, DecodePem, EncodePem};
use ecdsa::der::Signature as DerSignature;
use ground::{Ambient, AmbientRng};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use p384::elliptic_curve::Generate;
use piv::signed::{ContentSigner, SigningKey};
use pkcs8::{DecodePrivateKey, EncodePrivateKey};
use x509_cert::Certificate;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{EncodePublicKey, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};
use zeroize::Zeroizing;

use super::name::plain_name;
use super::profile::{Kind, Profile, generalized};
use super::{
    Authority, AuthorityError, Submission, certificate_request, serial_text, verify_chain,
};
use crate::keys::Purpose;
use crate::private_file;

/// A certification authority for simulated and test cards, in a folder.
///
/// A root and an issuing authority, both ECDSA on P-384, and a signer for CHUIDs and Security
/// Objects on P-256. Everything is made on first use, says TEST in its name, and is kept: keys as
/// PKCS#8 that only the owner may read, certificates as PEM, each certificate issued under its
/// serial number.
#[derive(Debug)]
pub struct TestAuthority {
    folder: PathBuf,
    ambient: Arc<dyn Ambient>,
    issuing_key: p384::ecdsa::SigningKey,
    /// Issuing authority, root.
    chain: [Certificate; 2],
    content_signer: ContentSigner,
}

impl TestAuthority {
    /// Opens the authority in `folder`, and makes what is not there yet.
    ///
    /// # Errors
    ///
    /// [`AuthorityError::File`] and [`AuthorityError::Content`].
    pub fn open_or_create(
        folder: &Path,
        ambient: Arc<dyn Ambient>,
    ) -> Result<Self, AuthorityError> {
        let issued = folder.join("issued");
        std::fs::create_dir_all(&issued).map_err(|source| file(&issued, source))?;
        // Made in this order, each complete before the next: what a crash leaves is continued.
        let maker = Maker {
            folder,
            ambient: &ambient,
        };
        let root_key: p384::SecretKey = maker.key("root")?;
        let root_name = test_name("TEST ROOT, NO REAL CARDS");
        let root =
            maker.certificate("root", &root_key.public_key(), &root_key, 20, |_| Profile {
                issuer: root_name.clone(),
                subject: root_name.clone(),
                kind: Kind::Authority { below: 1 },
            })?;
        let issuing_key: p384::SecretKey = maker.key("issuing")?;
        let issuing_name = test_name("TEST ISSUING AUTHORITY, NO REAL CARDS");
        let issuing =
            maker.certificate("issuing", &issuing_key.public_key(), &root_key, 15, |_| {
                Profile {
                    issuer: root_name.clone(),
                    subject: issuing_name.clone(),
                    kind: Kind::Authority { below: 0 },
                }
            })?;
        let content_key: p256::SecretKey = maker.key("content-signer")?;
        let content_certificate = maker.certificate(
            "content-signer",
            &content_key.public_key(),
            &issuing_key,
            12,
            |_| Profile {
                issuer: issuing_name.clone(),
                subject: test_name("TEST CONTENT SIGNER, NO REAL CARDS"),
                kind: Kind::ContentSigner,
            },
        )?;
        let chain = [issuing, root];
        verify_chain(&content_certificate, &chain, ambient.now()).map_err(|error| {
            AuthorityError::Content {
                path: folder.to_owned(),
                detail: error.to_string(),
            }
        })?;
        let content_key = SigningKey::P256(content_key.into());
        let content_signer =
            ContentSigner::new(content_certificate, content_key).map_err(AuthorityError::build)?;
        Ok(Self {
            folder: folder.to_owned(),
            issuing_key: issuing_key.into(),
            chain,
            content_signer,
            ambient,
        })
    }

    /// The root, which whoever shall trust the test cards has to be given.
    #[must_use]
    pub fn root(&self) -> &Certificate {
        &self.chain[1]
    }

    fn check(&self, submission: &Submission<'_>) -> Result<(), AuthorityError> {
        certificate_request::verify(submission.request).map_err(AuthorityError::NoProof)?;
        if submission.request.info.subject != submission.subject {
            return Err(AuthorityError::OtherSubject {
                requested: submission.request.info.subject.to_string(),
                submitted: submission.subject.to_string(),
            });
        }
        let validity = |detail: &str| AuthorityError::Validity {
            not_before: submission.not_before,
            not_after: submission.not_after,
            detail: detail.to_owned(),
        };
        if submission.not_after <= submission.not_before {
            return Err(validity("it would end before it begins"));
        }
        let end = self.chain[0].tbs_certificate().validity().not_after;
        if submission.not_after.as_second() > unix_second(end) {
            return Err(validity("the issuing authority itself ends earlier"));
        }
        Ok(())
    }
}

impl Authority for TestAuthority {
    fn name(&self) -> &str {
        "built-in test authority"
    }

    fn submit(&mut self, submission: &Submission<'_>) -> Result<Certificate, AuthorityError> {
        self.check(submission)?;
        let profile = Profile {
            issuer: self.chain[0].tbs_certificate().subject().clone(),
            subject: submission.subject.clone(),
            kind: Kind::person(submission.slot, submission.card, submission.terms.clone()),
        };
        let certificate = build(
            profile,
            submission.request.info.public_key.clone(),
            (submission.not_before, submission.not_after),
            &self.issuing_key,
            &self.ambient,
        )?;
        let name = format!("{}.pem", serial_text(&certificate));
        let path = self.folder.join("issued").join(name);
        std::fs::write(&path, pem(&certificate)?).map_err(|source| file(&path, source))?;
        Ok(certificate)
    }

    fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    fn content_signer(&self) -> &ContentSigner {
        &self.content_signer
    }

    fn purpose(&self) -> Purpose {
        Purpose::Test
    }
}

/// Makes or reads the parts of the authority.
struct Maker<'a> {
    folder: &'a Path,
    ambient: &'a Arc<dyn Ambient>,
}

impl Maker<'_> {
    fn key<K>(&self, name: &str) -> Result<K, AuthorityError>
    where
        K: Generate + EncodePrivateKey + DecodePrivateKey,
    {
        let path = self.folder.join(format!("{name}.key.pem"));
        if !path.try_exists().map_err(|source| file(&path, source))? {
            let key = K::generate_from_rng(&mut AmbientRng::new(self.ambient.clone()));
            let pem = key
                .to_pkcs8_pem(LineEnding::LF)
                .map_err(AuthorityError::build)?;
            private_file::create(&path, pem.as_bytes()).map_err(|source| file(&path, source))?;
        }
        let text = private_file::read(&path).map_err(|source| file(&path, source))?;
        let text = Zeroizing::new(text);
        K::from_pkcs8_pem(&text).map_err(|_| AuthorityError::Content {
            path,
            detail: "this is no private key of the kind expected".to_owned(),
        })
    }

    fn certificate(
        &self,
        name: &str,
        key: &impl EncodePublicKey,
        issuer: &p384::SecretKey,
        years: i64,
        profile: impl FnOnce(&str) -> Profile,
    ) -> Result<Certificate, AuthorityError> {
        let spki = SubjectPublicKeyInfoOwned::from_key(key).map_err(AuthorityError::build)?;
        let path = self.folder.join(format!("{name}.pem"));
        if !path.try_exists().map_err(|source| file(&path, source))? {
            let now = self.ambient.now();
            // Clocks differ: a certificate just made has to be good on the machine next to this.
            let from = now
                .checked_sub(30.minutes())
                .map_err(AuthorityError::build)?;
            let to = now
                .to_zoned(TimeZone::UTC)
                .checked_add(years.years())
                .map_err(AuthorityError::build)?
                .timestamp();
            let signer = p384::ecdsa::SigningKey::from(issuer);
            let profile = profile(name);
            let made = build(profile, spki.clone(), (from, to), &signer, self.ambient)?;
            private_file::create_public(&path, pem(&made)?.as_bytes())
                .map_err(|source| file(&path, source))?;
        }
        let content = |detail: &str| AuthorityError::Content {
            path: path.clone(),
            detail: detail.to_owned(),
        };
        let text = std::fs::read(&path).map_err(|source| file(&path, source))?;
        let certificate =
            Certificate::from_pem(text).map_err(|_| content("this is no certificate"))?;
        if *certificate.tbs_certificate().subject_public_key_info() != spki {
            return Err(content(
                "the certificate does not belong to the key beside it",
            ));
        }
        Ok(certificate)
    }
}

fn build(
    profile: Profile,
    key: SubjectPublicKeyInfoOwned,
    (from, to): (Timestamp, Timestamp),
    signer: &p384::ecdsa::SigningKey,
    ambient: &Arc<dyn Ambient>,
) -> Result<Certificate, AuthorityError> {
    let serial = SerialNumber::generate(&mut AmbientRng::new(ambient.clone()));
    let validity = Validity::new(time(from)?, time(to)?);
    let certificate = CertificateBuilder::new(profile, serial, validity, key)
        .and_then(|builder| builder.build::<_, DerSignature<p384::NistP384>>(signer))
        .map_err(AuthorityError::build)?;
    // As it will be read back from a card: what cannot be parsed must not be handed out.
    let der = der::Encode::to_der(&certificate).map_err(AuthorityError::build)?;
    Certificate::from_der(&der).map_err(AuthorityError::build)
}

/// A moment as X.509 has it, whole seconds; the builder chooses the form by the year.
fn time(at: Timestamp) -> Result<Time, AuthorityError> {
    let time = generalized(at).map_err(AuthorityError::build)?;
    Ok(Time::GeneralTime(time))
}

fn unix_second(time: Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

fn test_name(common_name: &str) -> Name {
    plain_name(&[
        (rfc4519::ORGANIZATION_NAME, "cardwright TEST"),
        (rfc4519::ORGANIZATIONAL_UNIT_NAME, "CA"),
        (rfc4519::COMMON_NAME, common_name),
    ])
}

fn pem(certificate: &Certificate) -> Result<String, AuthorityError> {
    certificate
        .to_pem(LineEnding::LF)
        .map_err(AuthorityError::build)
}

fn file(path: &Path, source: io::Error) -> AuthorityError {
    AuthorityError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
