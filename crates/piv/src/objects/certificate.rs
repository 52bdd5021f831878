use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use ground::{Blame, Blamed};
use serde::Serialize;
use spki::der::{Decode, Encode};
use thiserror::Error;
use x509_cert::Certificate;

use super::elements::{
    ElementWriter, Elements, Extra, Layout, ObjectError, Presence, Size, Spec, hexed, hexed_if,
};
use crate::Parsed;

pub(super) const LAYOUT: Layout = Layout {
    object: "certificate object",
    clause: "SP 800-73-5 Part 1, Appendix A, Tables 10, 15 and 20",
    elements: &[
        Spec::new(0x70, "certificate", Size::UpTo(1856), Presence::Mandatory),
        Spec::new(0x71, "CertInfo", Size::Fixed(1), Presence::Mandatory),
        Spec::new(0x72, "MSCUID", Size::UpTo(38), Presence::Removed),
    ],
};

/// Of a retired key: there the MSCUID stays (SP 800-73-5 Part 1, Appendix A, Table 20).
pub(super) const RETIRED_LAYOUT: Layout = Layout {
    object: "retired certificate object",
    elements: &[
        Spec::new(0x70, "certificate", Size::UpTo(1856), Presence::Mandatory),
        Spec::new(0x71, "CertInfo", Size::Fixed(1), Presence::Mandatory),
        Spec::new(0x72, "MSCUID", Size::UpTo(38), Presence::Optional),
    ],
    ..LAYOUT
};

/// CertInfo bit 1: the certificate is compressed with gzip.
const COMPRESSED: u8 = 0x01;
const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];

/// The largest certificate a compressed one may grow to, in bytes. Five times the largest that
/// fits a container; a small object that unpacks to megabytes is an attack, not a certificate.
const LARGEST: u64 = 16 * 1024;

/// A certificate object, 5FC105 and its like (SP 800-73-5 Part 1, Appendix A, Table 10).
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct CertificateObject {
    /// 70: the certificate as stored, compressed or not.
    #[serde(serialize_with = "hexed")]
    pub stored: Vec<u8>,
    /// 71: CertInfo. Bit 1: compressed with gzip; the others are 0.
    pub info: u8,
    /// 72: MSCUID, since SP 800-73-5 in retired certificates only.
    #[serde(serialize_with = "hexed_if")]
    pub mscuid: Option<Vec<u8>>,
    /// Unknown elements.
    pub extras: Vec<Extra>,
}

impl CertificateObject {
    /// Holds a DER certificate as it is.
    #[must_use]
    pub fn plain(der: impl Into<Vec<u8>>) -> Self {
        Self {
            stored: der.into(),
            info: 0x00,
            mscuid: None,
            extras: Vec::new(),
        }
    }

    /// Holds a DER certificate compressed with gzip (RFC 1952).
    #[must_use]
    pub fn compressed(der: &[u8]) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let stored = encoder
            .write_all(der)
            .and_then(|()| encoder.finish())
            .expect("writing to memory does not fail");
        Self {
            stored,
            info: COMPRESSED,
            mscuid: None,
            extras: Vec::new(),
        }
    }

    /// Whether the certificate is stored compressed.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.stored.starts_with(&GZIP_MAGIC)
    }

    /// The DER certificate, unpacked if it is compressed, whatever CertInfo says.
    ///
    /// # Errors
    ///
    /// [`CertificateObjectError::Gzip`] and [`CertificateObjectError::TooLarge`].
    pub fn der(&self) -> Result<Vec<u8>, CertificateObjectError> {
        if !self.is_compressed() {
            return Ok(self.stored.clone());
        }
        let mut der = Vec::new();
        GzDecoder::new(&self.stored[..])
            .take(LARGEST + 1)
            .read_to_end(&mut der)
            .map_err(|error| CertificateObjectError::Gzip {
                detail: error.to_string(),
            })?;
        if der.len() as u64 > LARGEST {
            return Err(CertificateObjectError::TooLarge);
        }
        Ok(der)
    }

    /// The certificate.
    ///
    /// # Errors
    ///
    /// As [`CertificateObject::der`], and [`CertificateObjectError::Der`].
    pub fn certificate(&self) -> Result<Certificate, CertificateObjectError> {
        Certificate::from_der(&self.der()?).map_err(|error| CertificateObjectError::Der {
            detail: error.to_string(),
        })
    }

    /// Reads the value inside `53`.
    ///
    /// # Errors
    ///
    /// [`ObjectError`] when not one element can be read.
    pub fn parse(value: &[u8]) -> Result<Parsed<Self>, ObjectError> {
        Self::parse_as(value, &LAYOUT)
    }

    /// Reads the value inside `53` of a retired certificate, 5FC10D to 5FC120, which may still
    /// have an MSCUID.
    ///
    /// # Errors
    ///
    /// As [`CertificateObject::parse`].
    pub fn parse_retired(value: &[u8]) -> Result<Parsed<Self>, ObjectError> {
        Self::parse_as(value, &RETIRED_LAYOUT)
    }

    /// Reads the certificate in an object of another layout that has the same elements.
    pub(super) fn parse_as(
        value: &[u8],
        layout: &'static Layout,
    ) -> Result<Parsed<Self>, ObjectError> {
        let mut elements = Elements::read(value, layout)?;
        let info = elements.byte(0x71).unwrap_or_default();
        if info & !COMPRESSED != 0 {
            elements.violation(format!("CertInfo `71` is {info:02X}, expected 00 or 01"));
        }
        let mut object = Self {
            stored: elements.bytes(0x70),
            info,
            mscuid: elements.get(0x72).map(<[u8]>::to_vec),
            extras: Vec::new(),
        };
        let flagged = info & COMPRESSED != 0;
        if flagged != object.is_compressed() {
            let (says, is) = if flagged {
                ("compressed", "not")
            } else {
                ("uncompressed", "compressed")
            };
            elements.violation(format!(
                "CertInfo `71` says {says}, the certificate is {is}"
            ));
        }
        match object.certificate() {
            Err(error) => elements.violation(error.to_string()),
            Ok(certificate) => {
                if certificate.to_der().ok() != object.der().ok() {
                    elements.warning("the certificate is not in DER".to_owned());
                }
            }
        }
        let (extras, findings) = elements.finish();
        object.extras = extras;
        Ok(Parsed {
            value: object,
            findings,
            raw: value.to_vec(),
        })
    }

    /// The value to put inside `53`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.encode_with(&[])
    }

    /// The same with an object of another kind before the error detection code.
    pub(super) fn encode_with(&self, last: &[u8]) -> Vec<u8> {
        let mut writer = ElementWriter::new(&self.extras);
        writer.put(0x70, &self.stored);
        writer.put(0x71, &[self.info]);
        writer.put_if(0x72, self.mscuid.as_ref());
        writer.put_raw(last);
        writer.finish()
    }
}

/// Why a certificate object has no certificate.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CertificateObjectError {
    /// The gzip stream is broken.
    #[error("the compressed certificate cannot be unpacked: {detail}")]
    Gzip {
        /// What the decompressor says.
        detail: String,
    },
    /// It unpacks to more than any certificate has.
    #[error("the compressed certificate unpacks to more than {LARGEST} bytes")]
    TooLarge,
    /// No certificate in DER.
    #[error("the certificate cannot be read: {detail}")]
    Der {
        /// What the decoder says.
        detail: String,
    },
}

impl Blamed for CertificateObjectError {
    fn blame(&self) -> Blame {
        Blame::CardMisbehaved
    }

    fn hint(&self) -> Option<String> {
        Some("write the certificate to the card again".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::elements::tests::{damaged, extras, holds_for_any_bytes};
    use super::*;

    #[test]
    fn a_plain_certificate_is_followed_by_its_info() {
        let value = CertificateObject::plain([0x30, 0x01, 0x00]).encode();
        assert_eq!(hex::encode_upper(value), "7003300100710100FE00");
    }

    #[test]
    fn what_is_compressed_is_unpacked() {
        let der: Vec<u8> = (0..=255).cycle().take(1500).collect();
        let object = CertificateObject::compressed(&der);
        assert!(object.is_compressed() && object.stored.len() < der.len());
        assert_eq!(object.der().unwrap(), der);
    }

    #[test]
    fn a_small_object_cannot_unpack_to_megabytes() {
        let object = CertificateObject::compressed(&vec![0; 20 << 20]);
        assert_eq!(object.der(), Err(CertificateObjectError::TooLarge));
    }

    #[test]
    fn a_cut_gzip_stream_is_an_error() {
        let mut object = CertificateObject::compressed(&[0x30; 500]);
        object.stored.truncate(object.stored.len() - 9);
        assert!(matches!(
            object.der(),
            Err(CertificateObjectError::Gzip { .. })
        ));
    }

    #[test]
    fn info_and_content_must_agree() {
        let mut object = CertificateObject::compressed(&[0x30; 500]);
        object.info = 0x00;
        let parsed = CertificateObject::parse(&object.encode()).unwrap();
        assert!(
            parsed
                .findings
                .iter()
                .any(|finding| finding.message.contains("says uncompressed"))
        );
        assert_eq!(parsed.value.der().unwrap(), [0x30; 500]);
    }

    #[test]
    fn an_mscuid_belongs_to_the_fourth_edition_and_to_retired_certificates() {
        use crate::words::Edition;
        let mut object = CertificateObject::plain([0x30, 0x00]);
        object.mscuid = Some(vec![1, 2, 3]);
        let value = object.encode();
        let about_it = |parsed: Parsed<CertificateObject>| {
            let findings = parsed.findings.into_iter();
            findings
                .filter(|finding| finding.message.contains("MSCUID"))
                .map(|finding| finding.severity)
                .collect::<Vec<_>>()
        };
        use crate::Severity::{Info, Violation};
        for (edition, expected) in [
            (None, vec![Info]),
            (Some(Edition::Fourth), vec![]),
            (Some(Edition::Fifth), vec![Violation]),
        ] {
            let parsed = CertificateObject::parse(&value).unwrap();
            assert_eq!(about_it(parsed.judged_by(edition)), expected, "{edition:?}");
            let retired = CertificateObject::parse_retired(&value).unwrap();
            assert_eq!(about_it(retired.judged_by(edition)), []);
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed_back(
            stored in vec(any::<u8>(), 0..2000),
            info in any::<u8>(),
            mscuid in proptest::option::of(vec(any::<u8>(), 0..40)),
            extras in extras(&[0x70, 0x71]),
        ) {
            let object = CertificateObject { stored, info, mscuid, extras };
            let parsed = CertificateObject::parse(&object.encode()).unwrap();
            prop_assert_eq!(parsed.value, object);
        }

        #[test]
        fn any_bytes_are_taken(
            bytes in damaged(CertificateObject::compressed(&[0x30; 99]).encode()),
        ) {
            holds_for_any_bytes(&bytes, CertificateObject::parse, CertificateObject::encode);
            if let Ok(parsed) = CertificateObject::parse(&bytes) {
                let _ = parsed.value.certificate();
            }
        }
    }
}
