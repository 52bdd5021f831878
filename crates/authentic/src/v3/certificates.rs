//! Certificates: written whole before anything names them, read twice.

use der::Decode;

use super::Client;
use super::access::AccessPair;
use super::control::FileControl;
use super::objects::{Opened, no_room};
use super::records::labelled;
use crate::key_value::{certificate_to_write, first_element};
use crate::pkcs15::{Certificate, DirectoryKind, ObjectFlags, Reference, Value};
use crate::words::v3::{FIRST_CERTIFICATE, PKCS15, USER_CREDENTIAL};
use crate::{Action, AuthenticError, FilePath, KeyId};

/// Certificates there is room for among the file identifiers.
const CERTIFICATE_FILES: u16 = 0xFF;

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
        let (_, certified) = certificate_to_write(&action, der)?;
        let (id, public) = self.link(&action, key)?;
        if public.is_some_and(|public| public != certified) {
            return Err(none(format!(
                "it is the certificate of another key than {key}"
            )));
        }
        let certificates: Opened<Certificate> = self.open(&action, DirectoryKind::Certificates)?;
        let old = certificates
            .directory
            .entries
            .iter()
            .find(|entry| entry.value.as_ref().is_some_and(|record| record.id == id));

        // The new one lies on the card whole before anything names it.
        let path = self.free_file(&action, &certificates)?;
        let size = u16::try_from(der.len())
            .ok()
            .filter(|size| *size < 0x8000)
            .ok_or_else(|| none(format!("{} bytes are more than a file holds", der.len())))?;
        let user = AccessPair::any_of(&[USER_CREDENTIAL]);
        let access = [AccessPair::ALWAYS, user, user, user];
        let parent = FilePath::below_master(&[PKCS15]);
        let control = FileControl::transparent(path.identifier(), size, access);
        self.create(&parent, &control)?;
        self.update(&path, 0, der)?;

        let value = Value::Indirect(Reference::whole((&path).into()));
        let record = Certificate::new(labelled(label, ObjectFlags::MODIFIABLE), id, value);
        let before = match old {
            Some(entry) => {
                self.replace(&action, &certificates, entry, &record)?;
                entry.value.as_ref().and_then(file_of)
            }
            None => {
                self.append(&action, &certificates, &record)?;
                None
            }
        };
        if let Some(before) = before.filter(is_certificate_file) {
            self.delete(&before)?;
        }
        self.stamp()
    }

    /// A file for a certificate that no record names. What a broken run left in it goes.
    fn free_file(
        &mut self,
        action: &Action,
        certificates: &Opened<Certificate>,
    ) -> Result<FilePath, AuthenticError> {
        let base = FilePath::below_master(&[PKCS15]);
        let taken: Vec<_> = certificates
            .directory
            .values()
            .filter_map(file_of)
            .collect();
        let free = (0..CERTIFICATE_FILES)
            .map(|n| base.child(FIRST_CERTIFICATE + n))
            .find(|path| !taken.contains(path))
            .ok_or_else(|| no_room(action, certificates, 0))?;
        self.delete(&free)?;
        Ok(free)
    }

    pub(super) fn erase_certificate(&mut self, key: KeyId) -> Result<(), AuthenticError> {
        let action = Action::DeleteCertificate(key);
        let (id, _) = match self.link(&action, key) {
            Ok(link) => link,
            Err(AuthenticError::KeyAbsent { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut certificates: Opened<Certificate> =
            self.open(&action, DirectoryKind::Certificates)?;
        let files: Vec<_> = certificates
            .directory
            .values()
            .filter(|record| record.id == id)
            .filter_map(file_of)
            .collect();
        if !self.remove(&mut certificates, |record| record.id == id)? {
            return Ok(());
        }
        for file in files.iter().filter(|file| is_certificate_file(file)) {
            self.delete(file)?;
        }
        self.stamp()
    }

    /// The certificate of a key, read twice.
    pub(super) fn read_certificate(
        &mut self,
        key: KeyId,
    ) -> Result<Option<Vec<u8>>, AuthenticError> {
        let action = Action::ReadPublicKey(key);
        let (id, _) = match self.link(&action, key) {
            Ok(link) => link,
            Err(AuthenticError::KeyAbsent { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let certificates: Opened<Certificate> = self.open(&action, DirectoryKind::Certificates)?;
        let Some(record) = certificates
            .directory
            .values()
            .find(|record| record.id == id)
        else {
            return Ok(None);
        };
        let (path, bytes) = match &record.value {
            Value::Direct(der) => (certificates.path.clone(), der.clone()),
            Value::Other(_) => {
                return Err(AuthenticError::MalformedFile {
                    path: certificates.path.clone(),
                    detail: format!("the certificate of {key} is not on the card"),
                });
            }
            Value::Indirect(reference) => {
                let path = reference.path.absolute();
                let first = self.read(&path)?;
                let second = self.read(&path)?;
                if first != second {
                    return Err(AuthenticError::ChangedItsMind {
                        action: Action::Read(path),
                        what: format!("the certificate of {key}"),
                    });
                }
                let part = crate::pkcs15::Structure::part(&first, reference).ok_or_else(|| {
                    AuthenticError::MalformedFile {
                        path: path.clone(),
                        detail: "its directory names bytes outside of it".to_owned(),
                    }
                })?;
                (path, part.to_vec())
            }
        };
        let der = first_element(&bytes);
        x509_cert::Certificate::from_der(der)
            .map_err(|error| AuthenticError::MalformedFile {
                path,
                detail: format!("it is no certificate: {error}"),
            })
            .map(|_| Some(der.to_vec()))
    }
}

fn file_of(record: &Certificate) -> Option<FilePath> {
    record
        .value
        .reference()
        .map(|reference| reference.path.absolute())
}

/// Whether a file is one of those certificates are in: what a record names elsewhere is left alone.
fn is_certificate_file(path: &FilePath) -> bool {
    matches!(path.identifiers(), [_, PKCS15, file] if file & 0xFF00 == FIRST_CERTIFICATE & 0xFF00)
}
