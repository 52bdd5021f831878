use super::LayoutError;
use super::reader::{Reader, write_llv};
use crate::words::v2::object_flag;
use crate::{FilePath, Parsed, Problem, Uses};

/// A date that says nothing, as OpenSC writes them.
pub const UNDATED: [u8; 8] = *b"00000000";

/// Attributes of a certificate, file 21xx: flags, label, id, subject, issuer, serial number.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CertificateAttributes {
    /// See [`object_flag`].
    pub flags: u16,
    /// What it is called.
    pub label: String,
    /// What links it to its key: the SHA-1 of the modulus.
    pub id: Vec<u8>,
    /// The subject's name in DER.
    pub subject: Vec<u8>,
    /// The issuer's name in DER; empty of a certificate issued to its own issuer.
    pub issuer: Vec<u8>,
    /// The serial number, an INTEGER in DER; empty of a certificate issued to its own issuer.
    pub serial: Vec<u8>,
}

/// Attributes of a public key, file 11xx: flags, label, id, two dates, subject.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PublicKeyAttributes {
    /// See [`object_flag`].
    pub flags: u16,
    /// What it is called.
    pub label: String,
    /// What links it to its certificate: the SHA-1 of the modulus.
    pub id: Vec<u8>,
    /// First day, `YYYYMMDD`, or [`UNDATED`].
    pub start: [u8; 8],
    /// Last day, `YYYYMMDD`, or [`UNDATED`].
    pub end: [u8; 8],
    /// The subject's name in DER; normally empty.
    pub subject: Vec<u8>,
}

/// Attributes of a private key, file 31xx: those of a public key, then modulus and exponent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PrivateKeyAttributes {
    /// What public keys have too.
    pub common: PublicKeyAttributes,
    /// The modulus, without length in front.
    pub modulus: Vec<u8>,
    /// The public exponent, one byte of length in front.
    pub exponent: Vec<u8>,
}

/// Attributes of a data object, file 51xx or 61xx: flags, label, application, object identifier.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DataAttributes {
    /// See [`object_flag`].
    pub flags: u16,
    /// What it is called.
    pub label: String,
    /// The application it belongs to.
    pub application: String,
    /// The object identifier in DER, `06 length ..`; empty for none.
    pub oid: Vec<u8>,
}

impl CertificateAttributes {
    /// Reads them, leniently.
    #[must_use]
    pub fn parse(file: &FilePath, bytes: &[u8]) -> Parsed<Self> {
        let mut reader = Reader::new(file, bytes);
        let value = Self {
            flags: reader.number("flags").unwrap_or_default(),
            label: reader.text("label", 8).unwrap_or_default(),
            id: taken(reader.llv("id", 6)),
            subject: taken(reader.llv("subject", 4)),
            issuer: taken(reader.llv("issuer", 2)),
            serial: taken(reader.llv("serial number", 0)),
        };
        finish(reader, value, bytes)
    }

    /// The bytes of the file.
    ///
    /// # Errors
    ///
    /// [`LayoutError`] for elements above 65,535 bytes.
    pub fn encode(&self) -> Result<Vec<u8>, LayoutError> {
        let mut bytes = self.flags.to_be_bytes().to_vec();
        write_llv(&mut bytes, "label", self.label.as_bytes())?;
        write_llv(&mut bytes, "id", &self.id)?;
        write_llv(&mut bytes, "subject", &self.subject)?;
        write_llv(&mut bytes, "issuer", &self.issuer)?;
        write_llv(&mut bytes, "serial number", &self.serial)?;
        Ok(bytes)
    }
}

impl PublicKeyAttributes {
    /// Reads them, leniently.
    #[must_use]
    pub fn parse(file: &FilePath, bytes: &[u8]) -> Parsed<Self> {
        let mut reader = Reader::new(file, bytes);
        let value = Self::read(&mut reader, 0);
        finish(reader, value, bytes)
    }

    /// The bytes of the file.
    ///
    /// # Errors
    ///
    /// [`LayoutError`] for elements above 65,535 bytes, or a date that is none.
    pub fn encode(&self) -> Result<Vec<u8>, LayoutError> {
        let mut bytes = self.flags.to_be_bytes().to_vec();
        write_llv(&mut bytes, "label", self.label.as_bytes())?;
        write_llv(&mut bytes, "id", &self.id)?;
        for date in [&self.start, &self.end] {
            if !is_date(date) {
                return Err(LayoutError::Value {
                    element: "date",
                    detail: "a date is of eight digits",
                });
            }
            bytes.extend_from_slice(date);
        }
        write_llv(&mut bytes, "subject", &self.subject)?;
        Ok(bytes)
    }

    fn read(reader: &mut Reader<'_>, tail: usize) -> Self {
        let flags = reader.number("flags").unwrap_or_default();
        let label = reader.text("label", 20 + tail).unwrap_or_default();
        let id = taken(reader.llv("id", 18 + tail));
        let mut date = |element| {
            let at = reader.position();
            let date = reader.take(element, 8)?.first_chunk::<8>().copied()?;
            if !is_date(&date) {
                reader.note(
                    at,
                    Problem::Unexpected {
                        element,
                        detail: "not eight digits".to_owned(),
                    },
                );
            }
            Some(date)
        };
        let start = date("start date").unwrap_or_default();
        let end = date("end date").unwrap_or_default();
        Self {
            flags,
            label,
            id,
            start,
            end,
            subject: taken(reader.llv("subject", tail)),
        }
    }
}

impl PrivateKeyAttributes {
    /// Reads them, leniently. `bits` is what the object list says of the modulus, which carries no
    /// length of its own.
    #[must_use]
    pub fn parse(file: &FilePath, bits: u16, bytes: &[u8]) -> Parsed<Self> {
        let mut reader = Reader::new(file, bytes);
        let size = usize::from(bits).div_ceil(8);
        let mut value = Self {
            common: PublicKeyAttributes::read(&mut reader, size + 1),
            ..Self::default()
        };
        value.modulus = taken(reader.take("modulus", size));
        if let Some(&[length]) = reader.take("length of the exponent", 1) {
            value.exponent = taken(reader.take("exponent", length.into()));
        }
        finish(reader, value, bytes)
    }

    /// The bytes of the file.
    ///
    /// # Errors
    ///
    /// [`LayoutError`] as of a public key, and for an exponent above 255 bytes.
    pub fn encode(&self) -> Result<Vec<u8>, LayoutError> {
        let mut bytes = self.common.encode()?;
        bytes.extend_from_slice(&self.modulus);
        let length = u8::try_from(self.exponent.len()).map_err(|_| LayoutError::TooLong {
            element: "exponent",
            length: self.exponent.len(),
            limit: 255,
        })?;
        bytes.push(length);
        bytes.extend_from_slice(&self.exponent);
        Ok(bytes)
    }
}

impl DataAttributes {
    /// Reads them, leniently.
    #[must_use]
    pub fn parse(file: &FilePath, bytes: &[u8]) -> Parsed<Self> {
        let mut reader = Reader::new(file, bytes);
        let flags = reader.number("flags").unwrap_or_default();
        let label = reader.text("label", 4).unwrap_or_default();
        let application = reader.text("application", 2).unwrap_or_default();
        let at = reader.position();
        let oid = taken(reader.llv("object identifier", 0));
        if !oid.is_empty() && !is_oid(&oid) {
            reader.note(
                at + 2,
                Problem::NotDer {
                    element: "object identifier",
                    detail: "expected `06`, its length and its bytes".to_owned(),
                },
            );
        }
        let value = Self {
            flags,
            label,
            application,
            oid,
        };
        finish(reader, value, bytes)
    }

    /// The bytes of the file.
    ///
    /// # Errors
    ///
    /// [`LayoutError`] for elements above 65,535 bytes, and for an object identifier that is none.
    pub fn encode(&self) -> Result<Vec<u8>, LayoutError> {
        if !self.oid.is_empty() && !is_oid(&self.oid) {
            return Err(LayoutError::Value {
                element: "object identifier",
                detail: "it is `06`, its length and its bytes",
            });
        }
        let mut bytes = self.flags.to_be_bytes().to_vec();
        write_llv(&mut bytes, "label", self.label.as_bytes())?;
        write_llv(&mut bytes, "application", self.application.as_bytes())?;
        write_llv(&mut bytes, "object identifier", &self.oid)?;
        Ok(bytes)
    }

    /// The object identifier with dots; empty if there is none, or none that can be read.
    #[must_use]
    pub fn dotted_oid(&self) -> String {
        use der::Decode as _;
        <der::asn1::ObjectIdentifier>::from_der(&self.oid)
            .map_or_else(|_| String::new(), |oid| oid.to_string())
    }
}

/// What the flags of an object say that it is for.
pub(in crate::v2) fn uses(flags: u16) -> Uses {
    let has = |flag| flags & flag != 0;
    Uses {
        encrypt: has(object_flag::ENCRYPT),
        decrypt: has(object_flag::DECRYPT),
        sign: has(object_flag::SIGN),
        sign_recover: has(object_flag::SIGN_RECOVER),
        verify: has(object_flag::VERIFY),
        verify_recover: has(object_flag::VERIFY_RECOVER),
        wrap: has(object_flag::WRAP),
        unwrap: has(object_flag::UNWRAP),
        derive: has(object_flag::DERIVE),
        // The format has no flag for it.
        non_repudiation: false,
    }
}

fn taken(bytes: Option<&[u8]>) -> Vec<u8> {
    bytes.map(<[u8]>::to_vec).unwrap_or_default()
}

fn is_date(date: &[u8; 8]) -> bool {
    date.iter().all(u8::is_ascii_digit)
}

/// `06`, one byte of length, that many bytes. Arcs are not looked at.
fn is_oid(bytes: &[u8]) -> bool {
    matches!(bytes, [0x06, length, rest @ ..] if usize::from(*length) == rest.len())
}

fn finish<T>(mut reader: Reader<'_>, value: T, bytes: &[u8]) -> Parsed<T> {
    reader.end();
    Parsed {
        value,
        findings: reader.findings,
        raw: bytes.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn file() -> FilePath {
        FilePath::below_master(&[0x5011, 0x9001, 0x2101])
    }

    #[test]
    fn certificate_attributes_by_hand() {
        let bytes = hex::decode("0001 0002 4142 0003 010203 0002 3000 0000 0000".replace(' ', ""));
        let parsed = CertificateAttributes::parse(&file(), &bytes.unwrap());
        assert_eq!(parsed.findings, []);
        assert_eq!(parsed.value.label, "AB");
        assert_eq!(parsed.value.subject, [0x30, 0x00]);
        assert!(parsed.value.serial.is_empty());
    }

    #[test]
    fn a_subject_of_which_only_the_length_modulo_256_was_written_is_found() {
        let whole = CertificateAttributes {
            flags: 1,
            label: "a".to_owned(),
            id: vec![7; 20],
            subject: vec![0x30; 300],
            issuer: vec![0x31; 10],
            serial: vec![0x02, 0x01, 0x05],
        };
        let mut bytes = whole.encode().unwrap();
        // 2 + 3 + 22 + 2, and of the subject its first 44 bytes.
        bytes.drain(29 + 44..29 + 300);
        let parsed = CertificateAttributes::parse(&file(), &bytes);
        assert_eq!(parsed.value.subject, vec![0x30; 44]);
        assert_eq!(parsed.value.issuer, whole.issuer);
        assert_eq!(parsed.value.serial, whole.serial);
        assert_eq!(
            parsed.findings[0].to_string(),
            "warning: file 3F00/5011/9001/2101, byte 27: subject says 300 bytes but has 44"
        );
    }

    #[test]
    fn a_private_key_has_its_modulus_without_length() {
        let attributes = PrivateKeyAttributes {
            common: PublicKeyAttributes {
                flags: 0x04B1,
                label: "k".to_owned(),
                id: vec![9; 20],
                start: UNDATED,
                end: UNDATED,
                subject: Vec::new(),
            },
            modulus: vec![0xC1; 128],
            exponent: vec![1, 0, 1],
        };
        let bytes = attributes.encode().unwrap();
        assert_eq!(bytes.len(), 2 + 3 + 22 + 16 + 2 + 128 + 4);
        let parsed = PrivateKeyAttributes::parse(&file(), 1024, &bytes);
        assert_eq!(parsed.value, attributes);
        assert_eq!(parsed.findings, []);
        assert!(uses(0x04B1).sign && uses(0x04B1).unwrap && !uses(0x04B1).verify);
        // A list that says another size leads to a finding, not to a wrong key.
        let parsed = PrivateKeyAttributes::parse(&file(), 2048, &bytes);
        assert!(parsed.value.modulus.is_empty());
        assert!(matches!(
            parsed.findings[0].problem,
            Problem::Truncated {
                element: "modulus",
                needed: 256,
                ..
            }
        ));
    }

    #[test]
    fn strange_dates_and_identifiers_are_found_and_never_written() {
        let mut bytes = vec![0, 0, 0, 0, 0, 0];
        bytes.extend_from_slice(b"2026-1-120270101");
        bytes.extend_from_slice(&[0, 0]);
        let parsed = PublicKeyAttributes::parse(&file(), &bytes);
        assert_eq!(parsed.findings.len(), 1);
        assert!(parsed.value.encode().is_err());
        let data = DataAttributes {
            oid: vec![0x06, 0x05, 0x2A],
            ..DataAttributes::default()
        };
        assert!(data.encode().is_err());
        let data = DataAttributes {
            oid: vec![0x06, 0x03, 0x2A, 0x03, 0x04],
            ..data
        };
        assert_eq!(data.dotted_oid(), "1.2.3.4");
    }

    prop_compose! {
        fn public()(
            flags: u16,
            label in "\\PC{0,20}",
            id in vec(any::<u8>(), 0..24),
            start in "[0-9]{8}",
            end in "[0-9]{8}",
            subject in vec(any::<u8>(), 0..300),
        ) -> PublicKeyAttributes {
            let date = |text: String| *text.as_bytes().first_chunk().unwrap();
            PublicKeyAttributes { flags, label, id, start: date(start), end: date(end), subject }
        }
    }

    proptest! {
        #[test]
        fn certificate_attributes_read_back(
            flags: u16,
            label in "\\PC{0,20}",
            id in vec(any::<u8>(), 0..24),
            subject in vec(any::<u8>(), 0..400),
            issuer in vec(any::<u8>(), 0..400),
            serial in vec(any::<u8>(), 0..24),
        ) {
            let attributes = CertificateAttributes { flags, label, id, subject, issuer, serial };
            let parsed = CertificateAttributes::parse(&file(), &attributes.encode().unwrap());
            prop_assert_eq!(parsed.value, attributes);
            prop_assert!(parsed.findings.is_empty());
        }

        #[test]
        fn public_key_attributes_read_back(attributes in public()) {
            let parsed = PublicKeyAttributes::parse(&file(), &attributes.encode().unwrap());
            prop_assert_eq!(parsed.value, attributes);
            prop_assert!(parsed.findings.is_empty());
        }

        #[test]
        fn private_key_attributes_read_back(
            common in public(),
            modulus in vec(any::<u8>(), 64..=64),
            exponent in vec(any::<u8>(), 0..5),
        ) {
            let attributes = PrivateKeyAttributes { common, modulus, exponent };
            let parsed = PrivateKeyAttributes::parse(&file(), 512, &attributes.encode().unwrap());
            prop_assert_eq!(parsed.value, attributes);
        }

        #[test]
        fn data_attributes_read_back(
            flags: u16,
            label in "\\PC{0,20}",
            application in "\\PC{0,20}",
            arcs in vec(any::<u8>(), 0..9),
        ) {
            let oid = if arcs.is_empty() {
                Vec::new()
            } else {
                [&[0x06, arcs.len() as u8], &arcs[..]].concat()
            };
            let attributes = DataAttributes { flags, label, application, oid };
            let parsed = DataAttributes::parse(&file(), &attributes.encode().unwrap());
            prop_assert_eq!(parsed.value, attributes);
            prop_assert!(parsed.findings.is_empty());
        }

        #[test]
        fn any_bytes_are_read(bytes in vec(any::<u8>(), 0..400), bits: u16) {
            let _ = CertificateAttributes::parse(&file(), &bytes);
            let _ = PublicKeyAttributes::parse(&file(), &bytes);
            let _ = PrivateKeyAttributes::parse(&file(), bits, &bytes);
            let _ = DataAttributes::parse(&file(), &bytes).value.dotted_oid();
        }
    }
}
