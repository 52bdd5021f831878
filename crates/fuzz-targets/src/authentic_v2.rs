//! What lies in the files of AuthentIC v2, and the answer to SELECT.

use authentic::v2::layout::{
    CertificateAttributes, ContainerRecord, DataAttributes, ObjectList, PrivateKeyAttributes,
    PublicKeyAttributes, TokenInformation,
};
use authentic::v2::{FileInfo, NewFile};
use authentic::{FilePath, Finding, Parsed};

fn file() -> FilePath {
    FilePath::below_master(&[0x5011, 0x1000])
}

fn show(findings: &[Finding]) {
    for finding in findings {
        let _ = finding.to_string();
    }
}

/// What was read without a finding is read as the same again when it is written.
fn reads_back<T: PartialEq + std::fmt::Debug, E>(
    bytes: &[u8],
    parse: impl Fn(&[u8]) -> Parsed<T>,
    encode: impl Fn(&T) -> Result<Vec<u8>, E>,
) {
    let parsed = parse(bytes);
    assert_eq!(parsed.raw, bytes);
    show(&parsed.findings);
    if let Ok(written) = encode(&parsed.value)
        && parsed.findings.is_empty()
    {
        assert_eq!(parse(&written).value, parsed.value);
    }
}

pub(crate) fn file_control(bytes: &[u8]) {
    match FileInfo::parse(bytes) {
        Err(error) => drop(error.to_string()),
        Ok(info) => {
            let _ = info.access.explain(info.kind);
            let created = NewFile {
                kind: info.kind,
                identifier: info.identifier,
                size: info.size,
                access: info.access,
            };
            assert_eq!(created.to_bytes().len(), 24);
        }
    }
}

pub(crate) fn token_information(bytes: &[u8]) {
    let parse = |bytes: &[u8]| TokenInformation::parse(&file(), bytes);
    reads_back(bytes, parse, TokenInformation::encode);
}

pub(crate) fn object_list(bytes: &[u8]) {
    let parsed = ObjectList::parse(&file(), bytes);
    show(&parsed.findings);
    let whole = bytes.len() / 5 * 5;
    assert_eq!(parsed.value.encode(), bytes[..whole]);
    for entry in parsed.value.entries() {
        assert!(parsed.value.position(entry.id).is_some());
    }
}

pub(crate) fn container(bytes: &[u8]) {
    let parse = |bytes: &[u8]| ContainerRecord::parse(&file(), bytes);
    reads_back(bytes, parse, ContainerRecord::encode);
}

/// The first byte says of what.
pub(crate) fn attributes(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    match kind % 4 {
        0 => {
            let parse = |bytes: &[u8]| CertificateAttributes::parse(&file(), bytes);
            reads_back(bytes, parse, CertificateAttributes::encode);
        }
        1 => {
            let parse = |bytes: &[u8]| PublicKeyAttributes::parse(&file(), bytes);
            reads_back(bytes, parse, PublicKeyAttributes::encode);
        }
        2 => {
            let parse = |bytes: &[u8]| PrivateKeyAttributes::parse(&file(), 512, bytes);
            reads_back(bytes, parse, PrivateKeyAttributes::encode);
        }
        _ => {
            let parse = |bytes: &[u8]| DataAttributes::parse(&file(), bytes);
            let _ = parse(bytes).value.dotted_oid();
            reads_back(bytes, parse, DataAttributes::encode);
        }
    }
}
