//! What is on the card, as far as it can be understood.

use der::Decode;
use iso7816::ber;

use super::Client;
use super::records::{number, public_value};
use crate::key_value::{certified_key, first_element};
use crate::pkcs15::{
    AccessModes, Certificate, DataObject as DataRecord, DirectoryFault, DirectoryKind, FileContent,
    Files, Id, KeyAccessFlags, PrivateKey, RecordError, Structure, StructureFault,
    StructureFinding, UsageFlags, Value,
};
use crate::words::v3::PKCS15;
use crate::{
    AuthenticError, CertificateObject, Contents, DataObject, FilePath, Finding, KeyId, KeyObject,
    Problem, RawFile, TokenInfo, Uses,
};

/// A finding of the structure in the words of both versions.
fn finding(found: &StructureFinding) -> Finding {
    let element = "a record";
    let problem = match &found.kind {
        StructureFault::Absent => Problem::Absent,
        StructureFault::Guarded { status } => Problem::Unreadable { status: *status },
        StructureFault::Short { stated, actual } => Problem::ShorterThanStated {
            stated: *stated,
            actual: *actual,
        },
        StructureFault::Loop { .. } => Problem::Loop,
        StructureFault::Directory(fault) => match fault {
            DirectoryFault::Cut(error) => match error.kind {
                ber::TlvErrorKind::ValueCut { length, available } => Problem::Truncated {
                    element,
                    needed: length,
                    left: available,
                },
                kind => Problem::Unexpected {
                    element,
                    detail: kind.to_string(),
                },
            },
            DirectoryFault::Unreadable(RecordError::UnknownTag { tag }) => Problem::NotUnderstood {
                what: format!("a record with the tag {tag}"),
            },
            DirectoryFault::Unreadable(error) => Problem::Unexpected {
                element,
                detail: error.to_string(),
            },
            DirectoryFault::NotDer => Problem::Contradiction {
                detail: fault.to_string(),
            },
            DirectoryFault::Gap { length } => Problem::Contradiction {
                detail: format!("{length} zero bytes between records"),
            },
            DirectoryFault::TooMany => Problem::TooMany { limit: 256 },
        },
        other => Problem::Unexpected {
            element: "the structure",
            detail: other.to_string(),
        },
    };
    match found.offset {
        Some(offset) => Finding::at(&found.file, offset, problem),
        None => Finding::of(&found.file, problem),
    }
}

impl Client {
    pub(super) fn read_contents(&mut self) -> Result<Contents, AuthenticError> {
        let structure = Structure::read(self)?;
        let mut contents = Contents {
            findings: structure.findings.iter().map(finding).collect(),
            files: structure
                .files
                .iter()
                .map(|(path, bytes)| RawFile {
                    path: path.clone(),
                    bytes: bytes.clone(),
                })
                .collect(),
            ..Contents::default()
        };
        if let Some(info) = &structure.token_info {
            contents.token = TokenInfo {
                label: info.label.clone(),
                serial: info.serial.clone(),
                manufacturer: info.manufacturer.clone(),
                passcode_set: None,
            };
        }
        self.keys(&structure, &mut contents);
        for record in structure.certificates.values() {
            self.one_certificate(&structure, record, &mut contents)?;
        }
        for record in structure.data_objects.values() {
            self.one_data_object(record, &mut contents)?;
        }
        contents.keys.sort_by_key(|key| key.id.0);
        contents.certificates.sort_by_key(|found| found.id.0);
        for key in &mut contents.keys {
            if key.public.is_none() {
                let certificate = contents
                    .certificates
                    .iter()
                    .find(|found| found.link == key.link);
                key.public = certificate
                    .and_then(|found| x509_cert::Certificate::from_der(&found.der).ok())
                    .and_then(|certificate| certified_key(&certificate));
            }
        }
        Ok(contents)
    }

    fn keys(&mut self, structure: &Structure, contents: &mut Contents) {
        let file = structure
            .directory_file(DirectoryKind::PrivateKeys)
            .unwrap_or_else(Structure::dedicated_file);
        for record in structure.private_keys.values() {
            let Some(id) = number(&record.key) else {
                contents.findings.push(Finding::of(
                    &file,
                    Problem::Unexpected {
                        element: "keyReference",
                        detail: format!("none for the key {}", record.key.id),
                    },
                ));
                continue;
            };
            if contents.keys.iter().any(|key| key.id == id) {
                let what = id.to_string();
                contents
                    .findings
                    .push(Finding::of(&file, Problem::Duplicate { what }));
                continue;
            }
            if let Some(detail) = unguarded(record) {
                contents.findings.push(Finding::of(
                    &file,
                    Problem::NoPasscodeForKey { key: id, detail },
                ));
            }
            let public = structure
                .public_keys
                .values()
                .find(|public| public.key.id == record.key.id);
            contents.keys.push(KeyObject {
                id,
                label: record.common.label.clone().unwrap_or_default(),
                link: record.key.id.0.clone(),
                bits: u16::try_from(record.modulus_length).unwrap_or(u16::MAX),
                uses: uses(record.key.usage),
                made_on_card: record
                    .key
                    .access
                    .map(|access| access.has(KeyAccessFlags::LOCAL)),
                private: true,
                public: public.and_then(public_value),
                file: record
                    .value
                    .reference()
                    .map_or_else(Structure::dedicated_file, |place| place.path.absolute()),
            });
        }
        for record in structure.public_keys.values() {
            let known = contents.keys.iter().any(|key| key.link == record.key.id.0);
            if known {
                continue;
            }
            if let Some(file) = structure.directory_file(DirectoryKind::PublicKeys) {
                let what = format!("the private half of the key {}", record.key.id);
                contents
                    .findings
                    .push(Finding::of(&file, Problem::Dangling { what }));
            }
        }
    }

    fn one_certificate(
        &mut self,
        structure: &Structure,
        record: &Certificate,
        contents: &mut Contents,
    ) -> Result<(), AuthenticError> {
        let directory = structure
            .directory_file(DirectoryKind::Certificates)
            .unwrap_or_else(Structure::dedicated_file);
        let Some((file, bytes)) = self.value(&directory, &record.value, contents)? else {
            return Ok(());
        };
        let der = first_element(&bytes).to_vec();
        match x509_cert::Certificate::from_der(&der) {
            Err(error) => contents.findings.push(Finding::of(
                &file,
                Problem::NotACertificate {
                    detail: error.to_string(),
                },
            )),
            Ok(certificate) => {
                let public = contents
                    .keys
                    .iter()
                    .find(|key| key.link == record.id.0)
                    .and_then(|key| key.public.clone());
                let certified = certified_key(&certificate);
                if public.is_some() && certified.is_some() && public != certified {
                    contents.findings.push(Finding::of(
                        &file,
                        Problem::Contradiction {
                            detail: "the certificate is of another key than the public key listed"
                                .to_owned(),
                        },
                    ));
                }
            }
        }
        let Some(id) = key_of(&record.id, contents) else {
            let what = format!("the key {}", record.id);
            contents
                .findings
                .push(Finding::of(&file, Problem::Dangling { what }));
            return Ok(());
        };
        if contents.certificates.iter().any(|found| found.id == id) {
            let what = format!("the certificate of {id}");
            contents
                .findings
                .push(Finding::of(&file, Problem::Duplicate { what }));
            return Ok(());
        }
        contents.certificates.push(CertificateObject {
            id,
            label: record.common.label.clone().unwrap_or_default(),
            link: record.id.0.clone(),
            der,
            file,
        });
        Ok(())
    }

    fn one_data_object(
        &mut self,
        record: &DataRecord,
        contents: &mut Contents,
    ) -> Result<(), AuthenticError> {
        let directory = Structure::dedicated_file();
        let found = self.value(&directory, &record.value, contents)?;
        let private = record
            .common
            .flags
            .is_some_and(|flags| flags.has(crate::pkcs15::ObjectFlags::PRIVATE));
        let file = found.as_ref().map_or_else(
            || {
                let place = record.value.reference();
                place.map_or(directory, |place| place.path.absolute())
            },
            |(file, _)| file.clone(),
        );
        contents.data.push(DataObject {
            label: record.common.label.clone().unwrap_or_default(),
            application: record.application.clone().unwrap_or_default(),
            oid: record
                .identifier
                .map(|identifier| identifier.to_string())
                .unwrap_or_default(),
            private,
            value: found.map(|(_, bytes)| bytes),
            file,
        });
        Ok(())
    }

    /// The bytes of an object, and where they are; `None` with a finding if there are none.
    fn value(
        &mut self,
        directory: &FilePath,
        value: &Value,
        contents: &mut Contents,
    ) -> Result<Option<(FilePath, Vec<u8>)>, AuthenticError> {
        let reference = match value {
            Value::Direct(bytes) => return Ok(Some((directory.clone(), bytes.clone()))),
            Value::Other(_) => {
                let what = "a value that is not on the card".to_owned();
                contents
                    .findings
                    .push(Finding::of(directory, Problem::NotUnderstood { what }));
                return Ok(None);
            }
            Value::Indirect(reference) => reference,
        };
        let path = reference.path.absolute();
        let problem = match Files::read(self, &path)? {
            FileContent::File { bytes, stated } => {
                if bytes.len() < stated {
                    let actual = bytes.len();
                    let problem = Problem::ShorterThanStated { stated, actual };
                    contents.findings.push(Finding::of(&path, problem));
                }
                contents.files.push(RawFile {
                    path: path.clone(),
                    bytes: bytes.clone(),
                });
                match Structure::part(&bytes, reference) {
                    Some(part) => return Ok(Some((path, part.to_vec()))),
                    None => Problem::Dangling {
                        what: "a part outside of the file".to_owned(),
                    },
                }
            }
            FileContent::Absent => Problem::Absent,
            FileContent::Guarded { status } => Problem::Unreadable { status },
            FileContent::Dedicated => Problem::Unexpected {
                element: "path",
                detail: "a dedicated file where data should be".to_owned(),
            },
        };
        contents.findings.push(Finding::of(&path, problem));
        Ok(None)
    }
}

fn key_of(id: &Id, contents: &Contents) -> Option<KeyId> {
    let key = contents.keys.iter().find(|key| key.link == id.0)?;
    Some(key.id)
}

/// Why the directory lets a key sign without a passcode, if it does.
fn unguarded(record: &PrivateKey) -> Option<String> {
    let signs = |rule: &&crate::pkcs15::AccessRule| rule.modes.has(AccessModes::SIGN);
    let rule = record.common.rules.iter().find(signs);
    match rule {
        Some(rule) if rule.auth_id.is_none() && rule.unknown.is_empty() => {
            Some("its rule of access for signing names no passcode".to_owned())
        }
        None if record.common.auth_id.is_none() => {
            Some("the directory names no passcode for it".to_owned())
        }
        _ => None,
    }
}

fn uses(usage: UsageFlags) -> Uses {
    let has = |flag| usage.has(flag);
    Uses {
        encrypt: has(UsageFlags::ENCRYPT),
        decrypt: has(UsageFlags::DECRYPT),
        sign: has(UsageFlags::SIGN),
        sign_recover: has(UsageFlags::SIGN_RECOVER),
        verify: has(UsageFlags::VERIFY),
        verify_recover: has(UsageFlags::VERIFY_RECOVER),
        wrap: has(UsageFlags::WRAP),
        unwrap: has(UsageFlags::UNWRAP),
        derive: has(UsageFlags::DERIVE),
        non_repudiation: has(UsageFlags::NON_REPUDIATION),
    }
}

/// Files the structure is in, for whoever clears it.
pub(super) fn is_in_structure(path: &FilePath) -> bool {
    matches!(path.identifiers(), [_, PKCS15, _])
}
