//! The contents of the files a host writes: token information, object lists, containers, and the
//! attributes of objects. Numbers are big endian; text and identifiers come with a length of two
//! bytes.

use ::authentic::words::v2;

/// Bytes of the label of a token.
const TOKEN_LABEL: usize = 32;
/// Bytes of a record of the container list.
const CONTAINER: usize = 141;
/// What an entry of an object list begins with.
const IN_USE: u8 = 0xFF;

/// Token information: label, 0000, flags.
pub(super) fn token_information(label: &str, flags: u16) -> Vec<u8> {
    let mut content: Vec<u8> = label.bytes().take(TOKEN_LABEL).collect();
    content.resize(TOKEN_LABEL, b' ');
    content.extend_from_slice(&[0, 0]);
    content.extend_from_slice(&flags.to_be_bytes());
    content
}

/// An entry of an object list: identifier and size, which is that of the modulus in bits for a key
/// and in bytes for all else.
pub(super) fn entry(identifier: u16, size: u16) -> Vec<u8> {
    let [high, low] = identifier.to_be_bytes();
    let [size_high, size_low] = size.to_be_bytes();
    vec![IN_USE, high, low, size_high, size_low]
}

/// The objects of one key pair: 0000 for one that is not there.
#[derive(Clone, Copy, Default)]
pub(super) struct Pair {
    pub(super) public: u16,
    pub(super) private: u16,
    pub(super) certificate: u16,
}

/// A record of the container list: what is for key exchange, what is for signatures, the
/// container's name.
pub(super) fn container(exchange: Pair, signature: Pair, name: [u8; 16]) -> Vec<u8> {
    let mut record = Vec::with_capacity(CONTAINER);
    for pair in [exchange, signature] {
        for identifier in [pair.public, pair.private, pair.certificate] {
            record.extend_from_slice(&identifier.to_be_bytes());
        }
    }
    let digits = hex::encode_upper(name);
    let (first, rest) = digits.split_at(8);
    let (second, rest) = rest.split_at(4);
    let (third, rest) = rest.split_at(4);
    let (fourth, fifth) = rest.split_at(4);
    let text = format!("{{{first}-{second}-{third}-{fourth}-{fifth}}}");
    record.push(text.len() as u8);
    record.extend_from_slice(text.as_bytes());
    record.resize(CONTAINER, 0);
    record
}

/// Attributes of a certificate: label, identifier, subject, issuer, serial number, the last three
/// in DER.
pub(super) fn certificate(label: &str, identifier: &[u8], names: [&[u8]; 3]) -> Vec<u8> {
    let mut content = v2::object_flag::MODIFIABLE.to_be_bytes().to_vec();
    counted(&mut content, label.as_bytes());
    counted(&mut content, identifier);
    for name in names {
        counted(&mut content, name);
    }
    content
}

/// What the attributes of both keys of a pair have in common.
pub(super) struct KeyAttributes<'a> {
    pub(super) label: &'a str,
    pub(super) identifier: &'a [u8],
    /// First and last day, eight digits each.
    pub(super) days: &'a [String; 2],
}

impl KeyAttributes<'_> {
    /// Of the public key.
    pub(super) fn public(&self, flags: u16) -> Vec<u8> {
        let mut content = flags.to_be_bytes().to_vec();
        counted(&mut content, self.label.as_bytes());
        counted(&mut content, self.identifier);
        for day in self.days {
            content.extend_from_slice(day.as_bytes());
        }
        // The subject: normally empty.
        counted(&mut content, &[]);
        content
    }

    /// Of the private key: the same, the modulus as it is, and the exponent with its length.
    pub(super) fn private(&self, flags: u16, modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        let mut content = self.public(flags);
        content.extend_from_slice(modulus);
        content.push(exponent.len() as u8);
        content.extend_from_slice(exponent);
        content
    }
}

fn counted(content: &mut Vec<u8>, value: &[u8]) {
    content.extend_from_slice(&(value.len() as u16).to_be_bytes());
    content.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_information_is_36_bytes_with_the_flags_last() {
        let content = token_information("NHS", 0x040D);
        assert_eq!(content.len(), 36);
        assert_eq!(&content[..4], b"NHS ");
        assert_eq!(content[32..], [0, 0, 0x04, 0x0D]);
    }

    #[test]
    fn a_container_names_itself_in_braces() {
        let pair = Pair {
            public: 0x1001,
            private: 0x3001,
            certificate: 0x2001,
        };
        let record = container(pair, Pair::default(), [0xAB; 16]);
        assert_eq!(record.len(), 141);
        assert_eq!(record[..12], [0x10, 1, 0x30, 1, 0x20, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(record[12], 0x26);
        assert_eq!(&record[13..51], b"{ABABABAB-ABAB-ABAB-ABAB-ABABABABABAB}");
        assert!(record[51..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn attributes_are_laid_out_as_published() {
        let days = ["20260101".to_owned(), "20290101".to_owned()];
        let key = KeyAttributes {
            label: "A",
            identifier: &[9, 9],
            days: &days,
        };
        let expected = b"\x03\x49\x00\x01A\x00\x02\x09\x092026010120290101\x00\x00";
        assert_eq!(key.public(0x0349), expected);
        let private = key.private(0x04B1, &[7; 4], &[1, 0, 1]);
        assert!(private.ends_with(&[0, 0, 7, 7, 7, 7, 3, 1, 0, 1]));
        let certificate = certificate("A", &[9, 9], [b"S", b"I", b"N"]);
        assert_eq!(
            certificate,
            b"\x00\x01\x00\x01A\x00\x02\x09\x09\x00\x01S\x00\x01I\x00\x01N"
        );
    }
}
