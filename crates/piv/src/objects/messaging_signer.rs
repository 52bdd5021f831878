use iso7816::ber::{Reader, Tag, object};
use serde::Serialize;

use super::certificate::CertificateObject;
use super::elements::{Layout, ObjectError, Presence, Size, Spec, hexed_if};
use crate::cvc::{CVC, Cvc, CvcError, Signer};
use crate::{Finding, Parsed};

pub(super) const LAYOUT: Layout = Layout {
    object: "secure messaging certificate signer",
    clause: "SP 800-73-5 Part 1, 3.3.7 and Appendix A",
    elements: &[
        Spec::new(0x70, "certificate", Size::UpTo(1856), Presence::Mandatory),
        Spec::new(0x71, "CertInfo", Size::Fixed(1), Presence::Mandatory),
    ],
};

/// The largest Intermediate CVC the standard foresees, in bytes of its value.
const LARGEST_CVC: usize = 601;

/// Secure Messaging Certificate Signer, 5FC122 (SP 800-73-5 Part 1, 3.3.7): whose key signed the
/// card's CVC for secure messaging.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct SecureMessagingSigner {
    /// 70 and 71: the content signing certificate.
    pub certificate: CertificateObject,
    /// 7F21: the Intermediate CVC between an RSA content signer and the card's CVC, with its tag
    /// and length. Never compressed.
    #[serde(serialize_with = "hexed_if")]
    pub intermediate: Option<Vec<u8>>,
}

impl SecureMessagingSigner {
    /// Reads the value inside `53`.
    ///
    /// # Errors
    ///
    /// [`ObjectError`] when not one element can be read.
    pub fn parse(value: &[u8]) -> Result<Parsed<Self>, ObjectError> {
        let (elements, intermediate, mut findings) = take_out_cvc(value);
        let parsed = CertificateObject::parse_as(&elements, &LAYOUT)?;
        findings.splice(0..0, parsed.findings);
        if let Some(cvc) = intermediate {
            match Cvc::parse(cvc) {
                Ok(cvc) => findings.extend(cvc.findings),
                Err(error) => findings.push(violation(error.to_string())),
            }
            if cvc.len() > object(CVC, &[0; LARGEST_CVC]).len() {
                findings.push(Finding::warning(
                    LAYOUT.clause,
                    format!(
                        "{}: Intermediate CVC `7F21` of more than {LARGEST_CVC} bytes",
                        LAYOUT.object
                    ),
                ));
            }
        }
        let signer = Self {
            certificate: parsed.value,
            intermediate: intermediate.map(<[u8]>::to_vec),
        };
        let harmless = findings
            .iter()
            .all(|finding| finding.severity == crate::Severity::Info);
        if harmless && signer.encode() != value {
            findings.push(violation("`7F21` does not stand behind `71`".to_owned()));
        }
        Ok(Parsed {
            value: signer,
            findings,
            raw: value.to_vec(),
        })
    }

    /// The value to put inside `53`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.certificate
            .encode_with(self.intermediate.as_deref().unwrap_or_default())
    }

    /// The Intermediate CVC, if there is one.
    ///
    /// # Errors
    ///
    /// [`CvcError::NotCvc`].
    pub fn intermediate_cvc(&self) -> Result<Option<Parsed<Cvc>>, CvcError> {
        self.intermediate.as_deref().map(Cvc::parse).transpose()
    }

    /// The key that signs the CVCs of cards: the Intermediate CVC's, once that is verified with
    /// the certificate, or else the certificate's. Whether the certificate may be trusted is not
    /// decided here.
    ///
    /// # Errors
    ///
    /// [`CvcError::Certificate`] and [`CvcError`] as [`Signer::from_certificate`] and
    /// [`Signer::from_intermediate`].
    pub fn signer(&self) -> Result<Signer, CvcError> {
        let certificate = self
            .certificate
            .certificate()
            .map_err(|_| CvcError::Certificate)?;
        let content_signer = Signer::from_certificate(&certificate)?;
        match self.intermediate_cvc()? {
            Some(cvc) => Signer::from_intermediate(&cvc.value, &content_signer),
            None => Ok(content_signer),
        }
    }
}

/// Parts the elements of one-byte tags from `7F21`, the one BER tag among them.
fn take_out_cvc(value: &[u8]) -> (Vec<u8>, Option<&[u8]>, Vec<Finding>) {
    let mut at = 0;
    for element in Reader::single_byte_tags(value) {
        match element {
            Ok(element) if element.tag == Tag(0x7F) => break,
            Ok(element) => at += element.raw.len(),
            Err(_) => break,
        }
    }
    let (before, rest) = value.split_at(at);
    if rest.first() != Some(&0x7F) {
        return (value.to_vec(), None, Vec::new());
    }
    match Reader::new(rest).next() {
        Some(Ok(cvc)) if cvc.tag == CVC => {
            let after = &rest[cvc.raw.len()..];
            ([before, after].concat(), Some(cvc.raw), Vec::new())
        }
        _ => (
            before.to_vec(),
            None,
            vec![violation(
                "what begins with `7F` is no CVC `7F21`".to_owned(),
            )],
        ),
    }
}

fn violation(what: String) -> Finding {
    Finding::violation(LAYOUT.clause, format!("{}: {what}", LAYOUT.object))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::elements::tests::{damaged, extras, holds_for_any_bytes};
    use super::*;

    fn with_cvc(inner: &[u8]) -> SecureMessagingSigner {
        SecureMessagingSigner {
            certificate: CertificateObject::compressed(&[0x30; 99]),
            intermediate: Some(object(CVC, inner)),
        }
    }

    #[test]
    fn the_cvc_stands_between_certinfo_and_the_end() {
        let mut signer = with_cvc(&[0x42, 0x00]);
        signer.certificate = CertificateObject::plain([0xAA]);
        assert_eq!(
            hex::encode_upper(signer.encode()),
            "7001AA7101007F21024200FE00"
        );
        let parsed = SecureMessagingSigner::parse(&signer.encode()).unwrap();
        assert_eq!(parsed.value, signer);
    }

    #[test]
    fn a_cvc_out_of_place_or_broken_is_a_violation() {
        for value in [
            "7F21024200700130710100FE00",
            "7001307101007F210942FE00",
            "7001307101007F49024200FE00",
        ] {
            let value = hex::decode(value).unwrap();
            match SecureMessagingSigner::parse(&value) {
                Ok(parsed) => assert!(!parsed.conforms(), "{parsed:?}"),
                Err(error) => assert!(matches!(error, ObjectError::Unreadable { .. })),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed_back(
            stored in vec(any::<u8>(), 0..2000),
            info in any::<u8>(),
            cvc in proptest::option::of(vec(any::<u8>(), 0..300)),
            extras in extras(&[0x70, 0x71]),
        ) {
            let certificate = CertificateObject { stored, info, mscuid: None, extras };
            let intermediate = cvc.map(|inner| object(CVC, &inner));
            let signer = SecureMessagingSigner { certificate, intermediate };
            let parsed = SecureMessagingSigner::parse(&signer.encode()).unwrap();
            prop_assert_eq!(parsed.value, signer);
        }

        #[test]
        fn any_bytes_are_taken(bytes in damaged(with_cvc(&[0x5F, 0x29, 0x01, 0x80]).encode())) {
            holds_for_any_bytes(
                &bytes,
                SecureMessagingSigner::parse,
                SecureMessagingSigner::encode,
            );
        }
    }
}
