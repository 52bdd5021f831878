//! The folder layout.

mod pkcs12;

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use iso7816::StatusWord;
use iso7816::ber::{self, Tag};
use piv::words::{KeyReference, ObjectId, RetiredKey};
use zeroize::Zeroizing;

use crate::{CardImage, Content, ImageError, PrivateKey};

/// The most files that are looked at: an image has 36 objects and 24 keys.
const MAX_FILES: usize = 1024;

/// What is between the number and the name.
const DASH: &str = " - ";

impl CardImage {
    /// Reads a folder in the layout of the GSA ICAM test cards: one file for each data object, its
    /// name beginning with the object's number and a dash.
    ///
    /// | number | object | key |
    /// |---|---|---|
    /// | 1 | Discovery Object, with its tag `7E` | |
    /// | 2 | Security Object | |
    /// | 3, 4, 5, 6 | certificate | 9A, 9C, 9D, 9E |
    /// | 7, 8 | Card Capability Container, CHUID | |
    /// | 9, 10, 11 | fingerprints, facial image, Printed Information | |
    /// | 13 | Key History Object | |
    /// | 14 to 33 | retired certificate 1 to 20 | 82 to 95 |
    ///
    /// Objects are the values inside tag 53. A certificate is `.crt` (PEM, with any text before
    /// it), its key `.p12` with the empty password. Files without a number are not the card's.
    /// A folder is the whole card: an object without a file is absent.
    ///
    /// # Errors
    ///
    /// [`ImageError`].
    pub fn from_folder(path: &Path) -> Result<Self, ImageError> {
        let shown = path.display().to_string();
        let unreadable = |source| ImageError::Unreadable {
            file: shown.clone(),
            source,
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            paths.push(entry.map_err(unreadable)?.path());
            if paths.len() > MAX_FILES {
                return Err(ImageError::Malformed {
                    file: shown,
                    expected: "no image folder",
                    detail: format!("it has more than {MAX_FILES} files"),
                });
            }
        }
        // In the order of names, so that the same folder gives the same first error.
        paths.sort();
        let name = path.file_name().unwrap_or(path.as_os_str());
        let mut image = Self::new(name.to_string_lossy());
        image.with_passcode = true;
        for path in paths {
            image.read(&path)?;
        }
        if image.objects.is_empty() && image.keys.is_empty() {
            return Err(ImageError::NoImage { file: shown });
        }
        for object in ObjectId::all() {
            image
                .objects
                .entry(object)
                .or_insert(Content::Refused(StatusWord::NOT_FOUND));
        }
        Ok(image)
    }

    /// Takes one file in, if it is of an object.
    fn read(&mut self, path: &Path) -> Result<(), ImageError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some((number, _)) = name.split_once(DASH) else {
            return Ok(());
        };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(());
        }
        let file = path.display().to_string();
        let place = number
            .parse()
            .ok()
            .and_then(Place::numbered)
            .ok_or_else(|| ImageError::UnknownNumber {
                file: file.clone(),
                number: number.to_owned(),
            })?;
        let bytes = read_bounded(path, MAX_FILE)?;
        let extension = path.extension().and_then(|extension| extension.to_str());
        let (object, value) = match (place, extension) {
            (Place::Key(reference), Some("p12")) => {
                let key = pkcs12::private_key(&file, &bytes)?;
                return self.put_key(file, reference, key);
            }
            (Place::Key(reference), _) => {
                let object = reference
                    .certificate()
                    .expect("every key with a number has a certificate");
                (object, certificate_object(&file, &bytes)?)
            }
            (Place::Object(object), _) if object.is_bare() => {
                let value =
                    ber::expect(object.tag(), &bytes).map_err(|error| ImageError::Malformed {
                        file: file.clone(),
                        expected: "no object with its own tag",
                        detail: error.to_string(),
                    })?;
                (object, value.to_vec())
            }
            (Place::Object(object), _) => (object, bytes.to_vec()),
        };
        self.put_object(file, object, value)
    }

    fn put_object(
        &mut self,
        file: String,
        object: ObjectId,
        value: Vec<u8>,
    ) -> Result<(), ImageError> {
        if value.len() > Self::MAX_OBJECT {
            let most = Self::MAX_OBJECT;
            return Err(ImageError::TooLarge { file, most });
        }
        let content = if value.is_empty() {
            Content::Empty
        } else {
            Content::Present(value)
        };
        match self.objects.insert(object, content) {
            None => Ok(()),
            Some(_) => Err(ImageError::Duplicate {
                file,
                what: object.to_string(),
            }),
        }
    }

    fn put_key(
        &mut self,
        file: String,
        reference: KeyReference,
        key: PrivateKey,
    ) -> Result<(), ImageError> {
        match self.keys.insert(reference, key) {
            None => Ok(()),
            Some(_) => Err(ImageError::Duplicate {
                file,
                what: format!("key {reference}"),
            }),
        }
    }
}

/// The most bytes of one file of an image.
const MAX_FILE: usize = 256 * 1024;

/// What a number stands for.
#[derive(Clone, Copy)]
enum Place {
    Object(ObjectId),
    /// A key and its certificate.
    Key(KeyReference),
}

impl Place {
    fn numbered(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Object(ObjectId::Discovery),
            2 => Self::Object(ObjectId::SecurityObject),
            3 => Self::Key(KeyReference::Authentication),
            4 => Self::Key(KeyReference::Signature),
            5 => Self::Key(KeyReference::KeyManagement),
            6 => Self::Key(KeyReference::CardAuthentication),
            7 => Self::Object(ObjectId::CardCapabilityContainer),
            8 => Self::Object(ObjectId::Chuid),
            9 => Self::Object(ObjectId::Fingerprints),
            10 => Self::Object(ObjectId::FacialImage),
            11 => Self::Object(ObjectId::PrintedInformation),
            13 => Self::Object(ObjectId::KeyHistory),
            _ => Self::Key(KeyReference::Retired(RetiredKey::new(
                number.checked_sub(13)?,
            )?)),
        })
    }
}

/// The file, unless it is longer than `most`.
pub(crate) fn read_bounded(path: &Path, most: usize) -> Result<Zeroizing<Vec<u8>>, ImageError> {
    let file = path.display().to_string();
    let unreadable = |source| ImageError::Unreadable {
        file: file.clone(),
        source,
    };
    let opened = File::open(path).map_err(unreadable)?;
    let mut bytes = Zeroizing::new(Vec::new());
    // One more than allowed tells that there are more.
    let limit = u64::try_from(most).map_or(u64::MAX, |most| most.saturating_add(1));
    opened
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() > most {
        return Err(ImageError::TooLarge { file, most });
    }
    Ok(bytes)
}

/// `70` certificate, `71 01 00` not compressed, `FE 00` (SP 800-73-5 Part 1, Appendix A).
fn certificate_object(file: &str, bytes: &[u8]) -> Result<Vec<u8>, ImageError> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    let malformed = |detail: String| ImageError::Malformed {
        file: file.to_owned(),
        expected: "no PEM certificate",
        detail,
    };
    let start = bytes
        .windows(BEGIN.len())
        .position(|window| window == BEGIN)
        .ok_or_else(|| malformed("no line `-----BEGIN CERTIFICATE-----`".to_owned()))?;
    let (_, der) =
        der::pem::decode_vec(&bytes[start..]).map_err(|error| malformed(error.to_string()))?;
    let mut value = Vec::with_capacity(der.len() + 16);
    ber::write(&mut value, Tag(0x70), &der);
    ber::write(&mut value, Tag(0x71), &[0x00]);
    ber::write(&mut value, Tag(0xFE), &[]);
    Ok(value)
}

#[cfg(test)]
mod tests;
