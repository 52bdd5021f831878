use std::fs;
use std::path::{Path, PathBuf};

use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use const_oid::db::rfc5911::ID_SIGNED_DATA;
use der::{Decode, DecodePem};
use ground::{Blame, Blamed};
use thiserror::Error;
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;

use super::TrustStore;

/// Why certificates to trust, or revocation lists, cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrustError {
    /// A file or directory cannot be read.
    #[error("`{path}` cannot be read")]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file holds neither certificates nor revocation lists.
    #[error("`{path}` holds neither certificates nor revocation lists in DER or PEM")]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// One of them is broken.
    #[error("`{path}` holds {what} that cannot be read: {detail}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it was taken for.
        what: &'static str,
        /// What the decoder says.
        detail: String,
    },
    /// A file of trusted certificates holds something else.
    #[error("`{path}` holds {lists} revocation lists, and certificates to trust were expected")]
    NoAnchor {
        /// The file.
        path: PathBuf,
        /// Revocation lists in it.
        lists: usize,
    },
}

impl Blamed for TrustError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreadable { .. } => "name a file or directory that is there",
            Self::Unknown { .. } | Self::Malformed { .. } => {
                "certificates in PEM or DER, `.p7c` files and revocation lists are read"
            }
            Self::NoAnchor { .. } => "name revocation lists as such",
        };
        Some(hint.to_owned())
    }
}

impl TrustStore {
    /// Reads trusted certificates from `anchors`, and certificates on the way and revocation lists
    /// from `others`. Each is a file or a directory, of which every file is read that is named
    /// `.crt`, `.cer`, `.pem`, `.der`, `.p7c`, `.p7b` or `.crl`; those in directories below are
    /// not. A file holds one certificate, list or certificate bundle (RFC 5652) in DER, or any
    /// number of certificates and lists in PEM.
    ///
    /// # Errors
    ///
    /// [`TrustError`] with the name of the file.
    pub fn load(
        anchors: &[impl AsRef<Path>],
        others: &[impl AsRef<Path>],
    ) -> Result<Self, TrustError> {
        let mut store = Self::default();
        for file in files(anchors)? {
            let found = file.read()?;
            if found.certificates.is_empty() && file.is_named {
                return Err(TrustError::NoAnchor {
                    path: file.path,
                    lists: found.lists.len(),
                });
            }
            store.anchors.extend(found.certificates);
            store.revocation_lists.extend(found.lists);
        }
        for file in files(others)? {
            let found = file.read()?;
            store.intermediates.extend(found.certificates);
            store.revocation_lists.extend(found.lists);
        }
        Ok(store)
    }
}

const ENDINGS: [&str; 7] = ["crt", "cer", "pem", "der", "p7c", "p7b", "crl"];

struct NamedFile {
    path: PathBuf,
    /// Named itself, not found in a directory.
    is_named: bool,
}

impl NamedFile {
    /// What it holds. A directory may hold private keys and others that are passed over.
    fn read(&self) -> Result<Found, TrustError> {
        match read(&self.path) {
            Err(TrustError::Unknown { .. }) if !self.is_named => Ok(Found::default()),
            found => found,
        }
    }
}

/// The files named, and those in the directories named, by name.
fn files(paths: &[impl AsRef<Path>]) -> Result<Vec<NamedFile>, TrustError> {
    let mut files = Vec::new();
    for path in paths {
        let path = path.as_ref();
        if !path.is_dir() {
            files.push(NamedFile {
                path: path.to_owned(),
                is_named: true,
            });
            continue;
        }
        let unreadable = |source| TrustError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let mut inside = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            let ending = file.extension().and_then(|ending| ending.to_str());
            let known =
                ending.is_some_and(|it| ENDINGS.contains(&it.to_ascii_lowercase().as_str()));
            if known && file.is_file() {
                inside.push(file);
            }
        }
        inside.sort();
        files.extend(inside.into_iter().map(|path| NamedFile {
            path,
            is_named: false,
        }));
    }
    Ok(files)
}

#[derive(Default)]
struct Found {
    certificates: Vec<Certificate>,
    lists: Vec<CertificateList>,
}

fn read(path: &Path) -> Result<Found, TrustError> {
    let bytes = fs::read(path).map_err(|source| TrustError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let malformed = |what| {
        move |error: der::Error| TrustError::Malformed {
            path: path.to_owned(),
            what,
            detail: error.to_string(),
        }
    };
    let mut found = Found::default();
    if bytes.first() == Some(&0x30) {
        if let Ok(certificate) = Certificate::from_der(&bytes) {
            found.certificates.push(certificate);
        } else if let Ok(list) = CertificateList::from_der(&bytes) {
            found.lists.push(list);
        } else {
            found.certificates = bundle(&bytes).map_err(malformed("a structure in DER"))?;
        }
        return Ok(found);
    }
    let text = String::from_utf8_lossy(&bytes);
    for (label, block) in pem_blocks(&text) {
        match label {
            "CERTIFICATE" => found
                .certificates
                .push(Certificate::from_pem(block).map_err(malformed("a certificate"))?),
            "X509 CRL" => found
                .lists
                .push(CertificateList::from_pem(block).map_err(malformed("a revocation list"))?),
            "PKCS7" | "CMS" => {
                let (_, der) = der::pem::decode_vec(block.as_bytes())
                    .map_err(|error| malformed("a bundle")(error.into()))?;
                found
                    .certificates
                    .extend(bundle(&der).map_err(malformed("a bundle"))?);
            }
            _ => {}
        }
    }
    match found.certificates.is_empty() && found.lists.is_empty() {
        true => Err(TrustError::Unknown {
            path: path.to_owned(),
        }),
        false => Ok(found),
    }
}

/// The certificates of a certs-only message (RFC 5652, 5.1; RFC 8551, 3.8).
fn bundle(bytes: &[u8]) -> Result<Vec<Certificate>, der::Error> {
    let info = ContentInfo::from_der(bytes)?;
    if info.content_type != ID_SIGNED_DATA {
        return Err(der::ErrorKind::OidUnknown {
            oid: info.content_type,
        }
        .into());
    }
    let data: SignedData = info.content.decode_as()?;
    let choices = data
        .certificates
        .into_iter()
        .flat_map(|set| set.0.into_vec());
    Ok(choices
        .filter_map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => Some(certificate),
            CertificateChoices::Other(_) => None,
        })
        .collect())
}

/// The blocks of a PEM file with their labels; OpenSSL writes other text between them.
fn pem_blocks(text: &str) -> Vec<(&str, &str)> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find("-----BEGIN ") {
        let block = &rest[begin..];
        let Some(label) = block["-----BEGIN ".len()..].split("-----").next() else {
            break;
        };
        let end = format!("-----END {label}-----");
        let Some(length) = block.find(&end).map(|at| at + end.len()) else {
            break;
        };
        blocks.push((label, &block[..length]));
        rest = &block[length..];
    }
    blocks
}
