//! Certificates: written whole before anything names them, read twice.

use der::{Decode, Encode};
use rsa::traits::PublicKeyParts;
use sha1::{Digest as _, Sha1};

use super::layout::{CertificateAttributes, Entry, ObjectId};
use super::objects::{Opened, impossible};
use super::{Client, structure};
use crate::key_value::{certificate_to_write, first_element};
use crate::words::v2::{class, object_flag};
use crate::{Action, AuthenticError, KeyId};

/// Most bytes of a transparent file: offsets have 15 bits.
const MOST: usize = 0x8000;

impl Client {
    pub(super) fn put_certificate(
        &mut self,
        key: KeyId,
        der: &[u8],
        label: &str,
    ) -> Result<(), AuthenticError> {
        let action = Action::WriteCertificate(key);
        let none = |detail: String| AuthenticError::NoCertificate {
            action: action.clone(),
            detail,
        };
        let (certificate, certified) = certificate_to_write(&action, der)?;
        let size = u16::try_from(der.len())
            .ok()
            .filter(|size| usize::from(*size) < MOST)
            .ok_or_else(|| none(format!("{} bytes are more than a file holds", der.len())))?;
        let private = self.key_entry(&action, key)?;
        let public = self.public_half(&action, private)?;
        if public.is_some_and(|public| public != certified) {
            return Err(none(format!(
                "it is the certificate of another key than {key}"
            )));
        }
        let attributes = attributes(&certificate, &certified.n_bytes(), label)
            .map_err(|error| none(error.to_string()))?
            .encode()
            .map_err(impossible(&action))?;

        let publics = self.open(&action, false)?;
        let before = self.certificate_of(private, &publics)?;
        let id = free_certificate(&publics, key).ok_or_else(|| AuthenticError::NoRoom {
            action: action.clone(),
            detail: "every identifier of certificates is taken".to_owned(),
        })?;
        if before.is_none() {
            self.has_place(&action, &publics)?;
        }
        let file = structure::public_file(id.attributes(), attributes.len());
        self.write_file(id, &file, &attributes)?;
        let file = structure::public_file(id.0, der.len());
        self.write_file(id, &file, der)?;
        let before = before.map(|entry| entry.id);
        self.list_object(&action, Entry { id, size }, before)?;
        self.put_certificate_in_container(&action, key, Some(id))?;
        if let Some(before) = before {
            self.delete_files(before)?;
        }
        Ok(())
    }

    /// The certificate of a key, read twice.
    pub(super) fn read_certificate(
        &mut self,
        key: KeyId,
    ) -> Result<Option<Vec<u8>>, AuthenticError> {
        let action = Action::ReadPublicKey(key);
        let Some(entry) = self.listed_certificate(&action, key)? else {
            return Ok(None);
        };
        let path = structure::object(entry.id);
        let what = format!("the certificate of {key}");
        let bytes = self.twice(&Action::Read(path.clone()), &what, |it| it.read(&path))?;
        let der = first_element(&bytes);
        x509_cert::Certificate::from_der(der)
            .map_err(|error| AuthenticError::MalformedFile {
                path,
                detail: format!("it is no certificate: {error}"),
            })
            .map(|_| Some(der.to_vec()))
    }

    pub(super) fn erase_certificate(&mut self, key: KeyId) -> Result<(), AuthenticError> {
        let action = Action::DeleteCertificate(key);
        let Some(entry) = self.listed_certificate(&action, key)? else {
            return Ok(());
        };
        self.unlist_object(&action, entry.id)?;
        self.take_from_containers(&action, entry.id)?;
        self.delete_files(entry.id)
    }

    fn listed_certificate(
        &mut self,
        action: &Action,
        key: KeyId,
    ) -> Result<Option<Entry>, AuthenticError> {
        let private = match self.key_entry(action, key) {
            Ok(entry) => entry,
            Err(AuthenticError::KeyAbsent { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let publics = self.open(action, false)?;
        self.certificate_of(private, &publics)
    }
}

/// An identifier that is not listed: the key's own index if possible.
fn free_certificate(publics: &Opened, key: KeyId) -> Option<ObjectId> {
    std::iter::once(key.0)
        .chain(1..=u8::MAX)
        .map(|index| ObjectId::new(class::CERTIFICATE, index))
        .find(|id| publics.entry(*id).is_none())
}

/// Of a certificate issued to its own issuer, issuer and serial number are left empty.
fn attributes(
    certificate: &x509_cert::Certificate,
    modulus: &[u8],
    label: &str,
) -> der::Result<CertificateAttributes> {
    let certificate = certificate.tbs_certificate();
    let (subject, issuer) = (certificate.subject(), certificate.issuer());
    let (issuer, serial) = if subject == issuer {
        (Vec::new(), Vec::new())
    } else {
        (issuer.to_der()?, certificate.serial_number().to_der()?)
    };
    Ok(CertificateAttributes {
        flags: object_flag::MODIFIABLE,
        label: label.to_owned(),
        id: Sha1::digest(modulus).to_vec(),
        subject: subject.to_der()?,
        issuer,
        serial,
    })
}
