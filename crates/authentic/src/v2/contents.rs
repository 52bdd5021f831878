//! What is on the card, as far as it can be understood.

use der::Decode;
use iso7816::StatusWord;

use super::layout::{
    CertificateAttributes, ContainerRecord, DataAttributes, Entry, ObjectId, ObjectList,
    PrivateKeyAttributes, PublicKeyAttributes, TokenInformation, uses,
};
use super::{Client, FileKind, structure};
use crate::key_value::{certified_key, first_element, public_key};
use crate::words::v2::{TOKEN_INFO, class, object_flag, private_key};
use crate::{
    Action, AuthenticError, CertificateObject, Contents, DataObject, FilePath, Finding, KeyId,
    KeyObject, Parsed, Problem, RawFile, TokenInfo, Uses,
};

/// What is read, and what of it still has to be put together.
#[derive(Default)]
struct Reading {
    contents: Contents,
    containers: Vec<ContainerRecord>,
    /// Public halves, by identifier.
    publics: Vec<Public>,
}

struct Public {
    id: ObjectId,
    bits: u16,
    attributes: PublicKeyAttributes,
    key: Option<rsa::RsaPublicKey>,
}

impl Reading {
    fn note(&mut self, file: &FilePath, problem: Problem) {
        self.contents.findings.push(Finding::of(file, problem));
    }

    fn take<T>(&mut self, parsed: Parsed<T>) -> T {
        self.contents.findings.extend(parsed.findings);
        parsed.value
    }
}

impl Client {
    pub(super) fn read_contents(&mut self) -> Result<Contents, AuthenticError> {
        let mut reading = Reading::default();
        self.token_information(&mut reading)?;
        let mut entries = self.listed(&mut reading, false)?;
        entries.extend(self.listed(&mut reading, true)?);
        self.read_containers(&mut reading, &entries)?;
        // Public halves before private ones, keys before their certificates.
        let order = |entry: &Entry| match entry.id.class() {
            class::PUBLIC_KEY => 0,
            class::PRIVATE_KEY => 1,
            class::CERTIFICATE => 2,
            _ => 3,
        };
        entries.sort_by_key(order);
        for entry in entries {
            match entry.id.class() {
                class::PUBLIC_KEY => self.one_public_key(&mut reading, entry)?,
                class::PRIVATE_KEY => self.one_private_key(&mut reading, entry)?,
                class::CERTIFICATE => self.one_certificate(&mut reading, entry)?,
                class::PUBLIC_DATA | class::PRIVATE_DATA => {
                    self.one_data_object(&mut reading, entry)?;
                }
                class::PRIVATE_DES_KEY | class::PUBLIC_DES_KEY => {
                    let what = format!("the DES key {:04X}", entry.id.0);
                    let file = structure::object(entry.id);
                    reading.note(&file, Problem::NotUnderstood { what });
                }
                // Its list has a finding already.
                _ => {}
            }
        }
        Ok(finished(reading))
    }

    fn token_information(&mut self, reading: &mut Reading) -> Result<(), AuthenticError> {
        let path = structure::domain().child(TOKEN_INFO);
        reading.contents.token.serial = self.serial.map(|serial| serial.to_vec());
        let Some(bytes) = self.leniently(reading, &path)? else {
            return Ok(());
        };
        let value = reading.take(TokenInformation::parse(&path, &bytes));
        if !value.is_initialised() {
            let detail = "the token information says that the card is not initialised".to_owned();
            reading.note(&path, Problem::Contradiction { detail });
        }
        reading.contents.token = TokenInfo {
            label: Some(value.label.clone()),
            passcode_set: Some(value.is_passcode_set()),
            ..std::mem::take(&mut reading.contents.token)
        };
        Ok(())
    }

    /// The entries of a list, each object once.
    fn listed(
        &mut self,
        reading: &mut Reading,
        private: bool,
    ) -> Result<Vec<Entry>, AuthenticError> {
        let path = structure::list_of(private);
        let Some(bytes) = self.leniently(reading, &path)? else {
            return Ok(Vec::new());
        };
        let list = reading.take(ObjectList::parse(&path, &bytes));
        let mut entries: Vec<Entry> = Vec::new();
        for entry in list.entries() {
            if entry.id.is_private().is_some_and(|it| it != private) {
                let detail = format!("{} is in the other list's place", entry.id);
                reading.note(&path, Problem::Contradiction { detail });
            }
            if !entries.iter().any(|known| known.id == entry.id) {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    fn read_containers(
        &mut self,
        reading: &mut Reading,
        entries: &[Entry],
    ) -> Result<(), AuthenticError> {
        let path = structure::containers();
        let records = match self.read_records(&path) {
            Ok(records) => records,
            // OpenSC makes the file with the first container.
            Err(AuthenticError::NotFound { .. }) => return Ok(()),
            Err(error) => return reading.unreadable(&path, error),
        };
        let mut raw = Vec::new();
        for bytes in &records {
            raw.extend_from_slice(&[b'R', bytes.len() as u8]);
            raw.extend_from_slice(bytes);
            let record = reading.take(ContainerRecord::parse(&path, bytes));
            for container in [record.exchange, record.signature] {
                let ids = [container.public, container.private, container.certificate];
                for id in ids.into_iter().flatten() {
                    if !entries.iter().any(|entry| entry.id == id) {
                        let what = id.to_string();
                        reading.note(&path, Problem::Dangling { what });
                    }
                }
            }
            reading.containers.push(record);
        }
        reading.contents.files.push(RawFile { path, bytes: raw });
        Ok(())
    }

    fn one_public_key(
        &mut self,
        reading: &mut Reading,
        entry: Entry,
    ) -> Result<(), AuthenticError> {
        let path = structure::attributes(entry.id);
        let attributes = match self.leniently(reading, &path)? {
            Some(bytes) => reading.take(PublicKeyAttributes::parse(&path, &bytes)),
            None => PublicKeyAttributes::default(),
        };
        let path = structure::object(entry.id);
        let action = Action::ReadPublicKey(entry.id.key());
        let key = match self.public_key_of(&action, &path) {
            Ok(key) => Some(key),
            Err(error) => {
                reading.unreadable(&path, error)?;
                None
            }
        };
        reading.publics.push(Public {
            id: entry.id,
            bits: entry.size,
            attributes,
            key,
        });
        Ok(())
    }

    fn one_private_key(
        &mut self,
        reading: &mut Reading,
        entry: Entry,
    ) -> Result<(), AuthenticError> {
        let id = entry.id.key();
        let file = structure::object(entry.id);
        match self.file_info(&file) {
            Ok(info) if info.kind == FileKind::PrivateKey => {
                if info.access.at(private_key::SIGN) == super::Condition::Always {
                    let detail = "its file asks for nothing".to_owned();
                    reading.note(&file, Problem::NoPasscodeForKey { key: id, detail });
                }
                if info.size != entry.size {
                    let detail =
                        format!("the list says {} bits, the file {}", entry.size, info.size);
                    reading.note(&file, Problem::Contradiction { detail });
                }
            }
            Ok(info) => {
                let detail = format!("a {}, expected a {}", info.kind, FileKind::PrivateKey);
                let element = "file type";
                reading.note(&file, Problem::Unexpected { element, detail });
            }
            Err(error) => reading.unreadable(&file, error)?,
        }
        let path = structure::attributes(entry.id);
        let attributes = match self.leniently(reading, &path)? {
            Some(bytes) => reading.take(PrivateKeyAttributes::parse(&path, entry.size, &bytes)),
            None => PrivateKeyAttributes::default(),
        };
        let public = reading.publics.iter().position(|public| {
            let link = &public.attributes.id;
            (!link.is_empty() && *link == attributes.common.id) || public.id.key() == id
        });
        let public = public.map(|place| reading.publics.remove(place));
        let listed = public.as_ref().and_then(|public| public.key.clone());
        let told = public_key(&attributes.modulus, &attributes.exponent);
        if listed.is_some() && told.is_some() && listed != told {
            let detail = "its attributes have another modulus than its public key".to_owned();
            reading.note(&path, Problem::Contradiction { detail });
        }
        let flags = attributes.common.flags
            | public.as_ref().map_or(0, |public| {
                public.attributes.flags & !object_flag::MADE_ON_CARD
            });
        reading.contents.keys.push(KeyObject {
            id,
            label: attributes.common.label,
            link: attributes.common.id,
            bits: entry.size,
            uses: uses(flags),
            made_on_card: Some(flags & object_flag::MADE_ON_CARD != 0),
            private: true,
            public: listed.or(told),
            file,
        });
        Ok(())
    }

    fn one_certificate(
        &mut self,
        reading: &mut Reading,
        entry: Entry,
    ) -> Result<(), AuthenticError> {
        let path = structure::attributes(entry.id);
        let attributes = match self.leniently(reading, &path)? {
            Some(bytes) => reading.take(CertificateAttributes::parse(&path, &bytes)),
            None => CertificateAttributes::default(),
        };
        let file = structure::object(entry.id);
        let Some(bytes) = self.leniently(reading, &file)? else {
            return Ok(());
        };
        if bytes.len() < usize::from(entry.size) {
            let (stated, actual) = (entry.size.into(), bytes.len());
            reading.note(&file, Problem::ShorterThanStated { stated, actual });
        }
        let der = first_element(&bytes).to_vec();
        let key = reading.key_of(entry.id, &attributes.id);
        match x509_cert::Certificate::from_der(&der) {
            Err(error) => {
                let detail = error.to_string();
                reading.note(&file, Problem::NotACertificate { detail });
            }
            Ok(certificate) => reading.compare(&file, key, certified_key(&certificate)),
        }
        let Some(id) = key else {
            let what = "a key with the same id".to_owned();
            reading.note(&file, Problem::Dangling { what });
            return Ok(());
        };
        if reading.contents.certificates.iter().any(|it| it.id == id) {
            let what = format!("the certificate of {id}");
            reading.note(&file, Problem::Duplicate { what });
            return Ok(());
        }
        reading.contents.certificates.push(CertificateObject {
            id,
            label: attributes.label,
            link: attributes.id,
            der,
            file,
        });
        Ok(())
    }

    fn one_data_object(
        &mut self,
        reading: &mut Reading,
        entry: Entry,
    ) -> Result<(), AuthenticError> {
        let path = structure::attributes(entry.id);
        let attributes = match self.leniently(reading, &path)? {
            Some(bytes) => reading.take(DataAttributes::parse(&path, &bytes)),
            None => DataAttributes::default(),
        };
        let private = entry.id.class() == class::PRIVATE_DATA;
        let file = structure::object(entry.id);
        let value = match self.read(&file) {
            Ok(bytes) => {
                reading.contents.files.push(RawFile {
                    path: file.clone(),
                    bytes: bytes.to_vec(),
                });
                Some(bytes.to_vec())
            }
            // Nobody has logged in.
            Err(AuthenticError::AccessDenied { .. }) if private => None,
            Err(error) => {
                reading.unreadable(&file, error)?;
                None
            }
        };
        reading.contents.data.push(DataObject {
            oid: attributes.dotted_oid(),
            label: attributes.label,
            application: attributes.application,
            private,
            value,
            file,
        });
        Ok(())
    }

    /// A transparent file, as much of it as there is; `None` with a finding if there is none.
    fn leniently(
        &mut self,
        reading: &mut Reading,
        path: &FilePath,
    ) -> Result<Option<Vec<u8>>, AuthenticError> {
        let (stated, bytes) = match self.read_leniently(path) {
            Ok(read) => read,
            Err(error) => {
                reading.unreadable(path, error)?;
                return Ok(None);
            }
        };
        let bytes = bytes.to_vec();
        if bytes.len() < stated {
            let actual = bytes.len();
            reading.note(path, Problem::ShorterThanStated { stated, actual });
        }
        reading.contents.files.push(RawFile {
            path: path.clone(),
            bytes: bytes.clone(),
        });
        Ok(Some(bytes))
    }
}

impl Reading {
    /// Why a file could not be read, as a finding; an error if the card is lost.
    fn unreadable(&mut self, path: &FilePath, error: AuthenticError) -> Result<(), AuthenticError> {
        let problem = match error {
            AuthenticError::Channel { .. } => return Err(error),
            AuthenticError::NotFound { .. } => Problem::Absent,
            AuthenticError::ShortFile { stated, actual, .. } => {
                Problem::ShorterThanStated { stated, actual }
            }
            AuthenticError::AccessDenied { status, .. }
            | AuthenticError::Refused { status, .. } => Problem::Unreadable { status },
            AuthenticError::NoRoom { .. } => Problem::Unreadable {
                status: StatusWord::NO_MEMORY,
            },
            error => Problem::Unexpected {
                element: "file",
                detail: error.to_string(),
            },
        };
        self.note(path, problem);
        Ok(())
    }

    /// The key a certificate goes with: that of the same id, else that of its container.
    fn key_of(&self, certificate: ObjectId, link: &[u8]) -> Option<KeyId> {
        let keys = &self.contents.keys;
        let linked = keys.iter().find(|key| !link.is_empty() && key.link == link);
        linked.map(|key| key.id).or_else(|| {
            let mut containers = self.containers.iter();
            let private = containers
                .find_map(|record| record.container_of(certificate))?
                .private?;
            let id = private.key();
            keys.iter().any(|key| key.id == id).then_some(id)
        })
    }

    fn compare(&mut self, file: &FilePath, key: Option<KeyId>, of: Option<rsa::RsaPublicKey>) {
        let mut keys = self.contents.keys.iter_mut();
        let Some(key) = keys.find(|it| Some(it.id) == key) else {
            return;
        };
        if key.public.is_none() {
            key.public = of;
        } else if of.is_some() && key.public != of {
            let detail = "the certificate is of another key than the public key listed".to_owned();
            self.note(file, Problem::Contradiction { detail });
        }
    }
}

fn finished(reading: Reading) -> Contents {
    let Reading {
        mut contents,
        publics,
        ..
    } = reading;
    for public in publics {
        let file = structure::object(public.id);
        let what = format!("the private half of {}", public.id.key());
        contents
            .findings
            .push(Finding::of(&file, Problem::Dangling { what }));
        let id = public.id.key();
        if contents.keys.iter().any(|key| key.id == id) {
            continue;
        }
        contents.keys.push(KeyObject {
            id,
            label: public.attributes.label,
            link: public.attributes.id,
            bits: public.bits,
            uses: Uses {
                non_repudiation: false,
                ..uses(public.attributes.flags)
            },
            made_on_card: Some(public.attributes.flags & object_flag::MADE_ON_CARD != 0),
            private: false,
            public: public.key,
            file,
        });
    }
    contents.keys.sort_by_key(|key| key.id.0);
    contents.certificates.sort_by_key(|found| found.id.0);
    contents
}
