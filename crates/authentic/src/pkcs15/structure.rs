//! All of a PKCS#15 structure, read from wherever its files are.

use std::collections::BTreeMap;
use std::fmt;

use iso7816::StatusWord;

use super::authentication::Authentication;
use super::certificate::{Certificate, DataObject};
use super::directory::{Directory, DirectoryFault, Record};
use super::key::{PrivateKey, PublicKey};
use super::object::Value;
use super::path::Reference;
use super::token::{Application, DirectoryEntry, DirectoryKind, Place, TokenInfo};
use crate::FilePath;
use crate::words::v3::{DIRECTORY, OBJECT_DIRECTORY, PKCS15, TOKEN_INFO};

/// Where files come from.
pub trait Files {
    /// Why no file can be had any more: the card is gone.
    type Error;

    /// The file at this path from the master file.
    ///
    /// # Errors
    ///
    /// Only where nothing more can be read. A file that is not there, is guarded or is shorter
    /// than stated is a [`FileContent`].
    fn read(&mut self, path: &FilePath) -> Result<FileContent, Self::Error>;
}

/// What there is at a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FileContent {
    /// A file, and its size as stated: fewer bytes are a card that ended early.
    File {
        /// The bytes that came.
        bytes: Vec<u8>,
        /// Bytes stated.
        stated: usize,
    },
    /// No file.
    Absent,
    /// A file that cannot be read now.
    Guarded {
        /// What the card answered.
        status: StatusWord,
    },
    /// A dedicated file.
    Dedicated,
}

/// A PKCS#15 structure as it was read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Structure {
    /// The applications EF.DIR names.
    pub applications: Directory<Application>,
    /// The object directory.
    pub object_directory: Directory<DirectoryEntry>,
    /// Token information.
    pub token_info: Option<TokenInfo>,
    /// Means of authentication.
    pub authentication: Directory<Authentication>,
    /// Private keys.
    pub private_keys: Directory<PrivateKey>,
    /// Public keys.
    pub public_keys: Directory<PublicKey>,
    /// Certificates.
    pub certificates: Directory<Certificate>,
    /// Data objects.
    pub data_objects: Directory<DataObject>,
    /// The files read, with the bytes that came.
    pub files: BTreeMap<FilePath, Vec<u8>>,
    /// What is wrong, and where.
    pub findings: Vec<StructureFinding>,
}

/// Something wrong with a structure, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StructureFinding {
    /// The file.
    pub file: FilePath,
    /// Offset in it, where the finding has a place.
    pub offset: Option<usize>,
    /// What.
    pub kind: StructureFault,
}

/// What is wrong with a structure.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StructureFault {
    /// The structure names a file that is not there.
    #[error("the file is not there")]
    Absent,
    /// The file cannot be read now.
    #[error("the file cannot be read: {status}")]
    Guarded {
        /// What the card answered.
        status: StatusWord,
    },
    /// A path that leads to a dedicated file where data should be.
    #[error("a dedicated file where data should be")]
    Dedicated,
    /// The card ended the file before the size it states.
    #[error("the file has {actual} bytes, {stated} are stated")]
    Short {
        /// As the card states it.
        stated: usize,
        /// What came.
        actual: usize,
    },
    /// The file is a directory of another kind, or of the same a second time: a loop.
    #[error("the directory of {kind} is a file that is a directory already: a loop")]
    Loop {
        /// What the entry says it holds.
        kind: DirectoryKind,
    },
    /// The value of an object is in a directory of this structure.
    #[error("the value of object {id} is in a directory")]
    ValueInDirectory {
        /// The object.
        id: String,
    },
    /// A part of a file that is outside of it.
    #[error("bytes {index} to {end} are outside of the file")]
    OutsideFile {
        /// First byte.
        index: usize,
        /// Behind the last.
        end: usize,
    },
    /// A record or the end of the file.
    #[error(transparent)]
    Directory(DirectoryFault),
    /// Token information that cannot be read.
    #[error("no token information")]
    NoTokenInfo,
}

impl fmt::Display for StructureFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.kind)?;
        match self.offset {
            Some(offset) => write!(f, " at offset {offset}"),
            None => Ok(()),
        }
    }
}

/// Most directory files one object directory may name.
const MOST_DIRECTORIES: usize = 32;

impl Structure {
    /// The dedicated file of the structure, from the master file.
    #[must_use]
    pub fn dedicated_file() -> FilePath {
        FilePath::below_master(&[PKCS15])
    }

    /// Reads a structure. Every file is read once; one the card does not give is a finding.
    ///
    /// # Errors
    ///
    /// Those of `files`.
    pub fn read<F: Files>(files: &mut F) -> Result<Self, F::Error> {
        let mut structure = Self::default();
        let mut read = Read {
            files,
            structure: &mut structure,
            fixed: Vec::new(),
        };
        read.all()?;
        Ok(structure)
    }

    /// The bytes a reference names, of a file that was read.
    #[must_use]
    pub fn part<'b>(bytes: &'b [u8], reference: &Reference) -> Option<&'b [u8]> {
        let index = reference.index.unwrap_or(0) as usize;
        match reference.length {
            Some(length) => bytes.get(index..index.checked_add(length as usize)?),
            None => bytes.get(index..),
        }
    }

    /// The entry of the object directory for a kind of objects, if it names a file.
    #[must_use]
    pub fn directory_file(&self, kind: DirectoryKind) -> Option<FilePath> {
        self.object_directory.values().find_map(|entry| {
            (entry.kind == kind).then_some(())?;
            match &entry.place {
                Place::File(reference) => Some(reference.path.absolute()),
                Place::Here(_) => None,
            }
        })
    }
}

struct Read<'a, F> {
    files: &'a mut F,
    structure: &'a mut Structure,
    /// Files that are directories.
    fixed: Vec<FilePath>,
}

impl<F: Files> Read<'_, F> {
    fn all(&mut self) -> Result<(), F::Error> {
        let base = Structure::dedicated_file();
        let path = FilePath::below_master(&[DIRECTORY]);
        if let Some(bytes) = self.file(&path)? {
            self.structure.applications = self.directory(&path, &bytes, 0);
        }
        self.fixed.push(path);

        let path = base.child(TOKEN_INFO);
        if let Some(bytes) = self.file(&path)? {
            let info: Directory<TokenInfo> = self.directory(&path, &bytes, 0);
            self.structure.token_info = info.values().next().cloned();
            if self.structure.token_info.is_none() {
                self.find(&path, None, StructureFault::NoTokenInfo);
            }
        }
        self.fixed.push(path);

        let path = base.child(OBJECT_DIRECTORY);
        self.fixed.push(path.clone());
        let Some(bytes) = self.file(&path)? else {
            return Ok(());
        };
        self.structure.object_directory = self.directory(&path, &bytes, 0);
        let entries: Vec<_> = self.structure.object_directory.values().cloned().collect();
        for entry in entries.into_iter().take(MOST_DIRECTORIES) {
            self.objects(&path, entry)?;
        }
        self.check_values();
        Ok(())
    }

    fn objects(&mut self, odf: &FilePath, entry: DirectoryEntry) -> Result<(), F::Error> {
        let kind = entry.kind;
        let (path, bytes, offset) = match entry.place {
            Place::Here(records) => (odf.clone(), records, 0),
            Place::File(reference) => {
                let path = reference.path.absolute();
                if self.fixed.contains(&path) {
                    self.find(&path, None, StructureFault::Loop { kind });
                    return Ok(());
                }
                self.fixed.push(path.clone());
                let Some(bytes) = self.file(&path)? else {
                    return Ok(());
                };
                let Some(part) = Structure::part(&bytes, &reference) else {
                    let index = reference.index.unwrap_or(0) as usize;
                    let end = index.saturating_add(reference.length.unwrap_or(0) as usize);
                    self.find(&path, None, StructureFault::OutsideFile { index, end });
                    return Ok(());
                };
                (path, part.to_vec(), reference.index.unwrap_or(0) as usize)
            }
        };
        match kind {
            DirectoryKind::PrivateKeys => {
                let more = self.directory(&path, &bytes, offset);
                self.structure.private_keys.entries.extend(more.entries);
            }
            DirectoryKind::PublicKeys | DirectoryKind::TrustedPublicKeys => {
                let more = self.directory(&path, &bytes, offset);
                self.structure.public_keys.entries.extend(more.entries);
            }
            DirectoryKind::Certificates
            | DirectoryKind::TrustedCertificates
            | DirectoryKind::UsefulCertificates => {
                let more = self.directory(&path, &bytes, offset);
                self.structure.certificates.entries.extend(more.entries);
            }
            DirectoryKind::DataObjects => {
                let more = self.directory(&path, &bytes, offset);
                self.structure.data_objects.entries.extend(more.entries);
            }
            DirectoryKind::AuthenticationObjects => {
                let more = self.directory(&path, &bytes, offset);
                self.structure.authentication.entries.extend(more.entries);
            }
            // Their bytes are among the files read; the estate has none.
            DirectoryKind::SecretKeys => {}
        }
        Ok(())
    }

    /// A value that is in a directory would be overwritten with it, or read as something else.
    fn check_values(&mut self) {
        let structure = &*self.structure;
        let certificates = structure.certificates.values();
        let public_keys = structure.public_keys.values();
        let values = certificates
            .map(|certificate| (certificate.id.to_string(), &certificate.value))
            .chain(public_keys.map(|key| (key.key.id.to_string(), &key.value)));
        let found: Vec<_> = values
            .filter_map(|(id, value)| {
                let path = Value::reference(value)?.path.absolute();
                self.fixed.contains(&path).then_some((path, id))
            })
            .collect();
        for (path, id) in found {
            self.find(&path, None, StructureFault::ValueInDirectory { id });
        }
    }

    fn file(&mut self, path: &FilePath) -> Result<Option<Vec<u8>>, F::Error> {
        let fault = match self.files.read(path)? {
            FileContent::File { bytes, stated } => {
                let actual = bytes.len();
                if actual < stated {
                    self.find(path, None, StructureFault::Short { stated, actual });
                }
                self.structure.files.insert(path.clone(), bytes.clone());
                return Ok(Some(bytes));
            }
            FileContent::Absent => StructureFault::Absent,
            FileContent::Guarded { status } => StructureFault::Guarded { status },
            FileContent::Dedicated => StructureFault::Dedicated,
        };
        self.find(path, None, fault);
        Ok(None)
    }

    fn directory<T: Record>(
        &mut self,
        path: &FilePath,
        bytes: &[u8],
        offset: usize,
    ) -> Directory<T> {
        let mut directory = Directory::read(bytes);
        for finding in std::mem::take(&mut directory.findings) {
            let kind = StructureFault::Directory(finding.kind);
            self.find(path, Some(offset + finding.offset), kind);
        }
        directory
    }

    fn find(&mut self, file: &FilePath, offset: Option<usize>, kind: StructureFault) {
        self.structure.findings.push(StructureFinding {
            file: file.clone(),
            offset,
            kind,
        });
    }
}
