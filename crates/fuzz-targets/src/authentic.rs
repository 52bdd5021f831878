//! What an AuthentIC v3 card holds and answers.

use std::collections::BTreeMap;
use std::convert::Infallible;

use ::authentic::pkcs15::rewrite::{append, apply, remove};
use ::authentic::pkcs15::{
    Application, Authentication, Certificate, DataObject, Directory, DirectoryEntry, FileContent,
    Files, PrivateKey, PublicKey, Record, Structure, TokenInfo,
};
use ::authentic::v3::control::{FileControl, Policy};
use ::authentic::v3::{Client, sdo};
use ::authentic::{FilePath, KeyId, Role, Token};

/// Every record is where it says, and what was read is read again when it is written.
fn directory<T: Record + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let read = Directory::<T>::read(bytes);
    for finding in &read.findings {
        let _ = finding.to_string();
    }
    for entry in &read.entries {
        assert_eq!(
            entry.raw,
            bytes[entry.offset..entry.offset + entry.raw.len()]
        );
        if let Some(value) = &entry.value {
            let again = Directory::<T>::read(&value.encode());
            let values: Vec<_> = again.values().collect();
            assert_eq!(values, [value]);
        }
    }
    if let Some(first) = read.entries.first() {
        let mut file = bytes.to_vec();
        apply(&mut file, &remove::<T>(bytes, first.offset, 255));
        if let Some(writes) = append::<T>(&file, &first.raw, 239) {
            apply(&mut file, &writes);
        }
    }
}

/// The first byte chooses what the directory holds.
pub(crate) fn pkcs15_directory(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    match kind % 8 {
        0 => directory::<Application>(bytes),
        1 => directory::<DirectoryEntry>(bytes),
        2 => directory::<TokenInfo>(bytes),
        3 => directory::<Authentication>(bytes),
        4 => directory::<PrivateKey>(bytes),
        5 => directory::<PublicKey>(bytes),
        6 => directory::<Certificate>(bytes),
        _ => directory::<DataObject>(bytes),
    }
}

struct Folder(BTreeMap<FilePath, Vec<u8>>);

impl Files for Folder {
    type Error = Infallible;

    fn read(&mut self, path: &FilePath) -> Result<FileContent, Infallible> {
        Ok(match self.0.get(path) {
            Some(bytes) => FileContent::File {
                bytes: bytes.clone(),
                stated: bytes.len(),
            },
            None => FileContent::Absent,
        })
    }
}

/// Pieces behind their lengths, in one byte or in two after `FF`; the last may be cut.
fn pieces(mut bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    std::iter::from_fn(move || {
        let (length, from) = match *bytes {
            [] => return None,
            [0xFF, high, low, ..] => (usize::from(u16::from_be_bytes([high, low])), 3),
            [length, ..] => (usize::from(length), 1),
        };
        let end = bytes.len().min(from + length);
        let piece = bytes[from..end].to_vec();
        bytes = &bytes[end..];
        Some(piece)
    })
}

/// Files behind their lengths: EF.DIR, the object directory, token information, 7001 and so on.
pub(crate) fn pkcs15_structure(bytes: &[u8]) {
    let paths = [
        FilePath::below_master(&[0x2F00]),
        FilePath::below_master(&[0x5015, 0x5031]),
        FilePath::below_master(&[0x5015, 0x5032]),
    ];
    let directories = (0x7001..=0x7006).map(|file| FilePath::below_master(&[0x5015, file]));
    let files = paths.into_iter().chain(directories);
    let mut folder = Folder(files.zip(pieces(bytes)).collect());
    let Ok(structure) = Structure::read(&mut folder);
    for finding in &structure.findings {
        let _ = finding.to_string();
    }
    assert!(structure.files.len() <= folder.0.len());
}

pub(crate) fn file_control(bytes: &[u8]) {
    if let Ok(control) = FileControl::parse(bytes) {
        for condition in &control.access {
            let _ = condition.to_string();
        }
        if control.kind.is_some() {
            assert_eq!(FileControl::parse(&control.to_bytes()), Ok(control));
        }
    }
}

pub(crate) fn credential_policy(bytes: &[u8]) {
    for reference in [1, 2] {
        if let Ok(policy) = Policy::parse(reference, bytes) {
            let _ = policy.condition(1).map(|condition| condition.to_string());
        }
    }
}

pub(crate) fn generated_key(bytes: &[u8]) {
    if let Err(error) = sdo::public_key(bytes) {
        let _ = error.to_string();
    }
}

/// All that is read of a card whose answers are the input.
pub(crate) fn host(bytes: &[u8]) {
    let Ok(mut client) = Client::select(crate::link::AnyLink::channel(bytes)) else {
        return;
    };
    let _ = client.tries(Role::User);
    let _ = client.is_initialised();
    if let Ok(contents) = client.contents() {
        for finding in &contents.findings {
            let _ = finding.to_string();
        }
    }
    let _ = client.certificate(KeyId::SIGNING);
}
