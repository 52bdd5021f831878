//! The PKCS#15 files of a personalised card, written (PKCS #15 v1.1, 6 and 7). Everything is a few
//! objects in DER whose content is known, so it is put together by hand.

use ::authentic::words::MASTER_FILE;
use ::authentic::words::v3::{self, FIRST_KEY, PKCS15, PKCS15_AID};
use iso7816::ber;

/// Tags of DER (ITU-T X.690, 8) and of PKCS #15.
mod tag {
    use iso7816::ber::Tag;

    pub(super) const BOOLEAN: Tag = Tag(0x01);
    pub(super) const INTEGER: Tag = Tag(0x02);
    pub(super) const BIT_STRING: Tag = Tag(0x03);
    pub(super) const OCTET_STRING: Tag = Tag(0x04);
    pub(super) const ENUMERATED: Tag = Tag(0x0A);
    pub(super) const UTF8_STRING: Tag = Tag(0x0C);
    pub(super) const SEQUENCE: Tag = Tag(0x30);
    pub(super) const APPLICATION_TEMPLATE: Tag = Tag(0x61);
    pub(super) const APPLICATION_IDENTIFIER: Tag = Tag(0x4F);
    pub(super) const APPLICATION_LABEL: Tag = Tag(0x50);
    pub(super) const APPLICATION_PATH: Tag = Tag(0x51);

    pub(super) const fn context(number: u8) -> Tag {
        Tag(0x80 | number as u32)
    }

    pub(super) const fn explicit(number: u8) -> Tag {
        Tag(0xA0 | number as u32)
    }
}

/// Bits of a key's usage (6.1.9), first bit first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Usage(u16);

impl Usage {
    const ENCRYPT: u16 = 1;
    const DECRYPT: u16 = 1 << 1;
    const SIGN: u16 = 1 << 2;
    const WRAP: u16 = 1 << 4;
    const UNWRAP: u16 = 1 << 5;
    const VERIFY: u16 = 1 << 6;
    const NON_REPUDIATION: u16 = 1 << 9;

    /// Of the private key that says who the holder is, which also deciphers.
    pub(super) const AUTHENTICATION: Self = Self(Self::DECRYPT | Self::SIGN | Self::UNWRAP);
    /// Of the private key that signs what the holder stands by.
    pub(super) const SIGNATURE: Self = Self(Self::SIGN | Self::NON_REPUDIATION);

    /// Of the public key beside it.
    fn of_public(self) -> Self {
        [
            (Self::DECRYPT, Self::ENCRYPT),
            (Self::SIGN, Self::VERIFY),
            (Self::UNWRAP, Self::WRAP),
        ]
        .into_iter()
        .filter(|(private, _)| self.0 & private != 0)
        .fold(Self(0), |usage, (_, public)| Self(usage.0 | public))
    }
}

/// A key and its certificate as the directories describe them.
pub(super) struct Entry<'a> {
    pub(super) label: &'a str,
    /// Ties key and certificate together.
    pub(super) id: &'a [u8],
    /// On-card id of the key, 01 to 7F.
    pub(super) key: u8,
    pub(super) bits: u16,
    pub(super) usage: Usage,
    /// RSAPublicKey (PKCS #1) in DER.
    pub(super) public_key: &'a [u8],
    /// The file of the certificate, in the PKCS#15 DF.
    pub(super) certificate: u16,
}

/// A passcode as the directory describes it.
pub(super) struct Passcode<'a> {
    pub(super) label: &'a str,
    pub(super) reference: u8,
    pub(super) is_officer: bool,
    pub(super) min_length: u8,
    pub(super) max_length: u8,
}

/// EF.DIR: one application, at [`PKCS15`].
pub(super) fn directory(label: &str) -> Vec<u8> {
    all(
        tag::APPLICATION_TEMPLATE,
        &[
            ber::object(tag::APPLICATION_IDENTIFIER, &PKCS15_AID),
            ber::object(tag::APPLICATION_LABEL, label.as_bytes()),
            ber::object(tag::APPLICATION_PATH, &path(&[])),
        ],
    )
}

/// The object directory file: which directory is where.
pub(super) fn object_directory() -> Vec<u8> {
    [
        (8, v3::AUTHENTICATION_OBJECTS),
        (0, v3::PRIVATE_KEYS),
        (1, v3::PUBLIC_KEYS),
        (4, v3::CERTIFICATES),
        (7, v3::DATA_OBJECTS),
    ]
    .into_iter()
    .flat_map(|(kind, file)| all(tag::explicit(kind), &[path_object(&[file])]))
    .collect()
}

/// TokenInfo: the serial number, who made the card, its label; login is needed and there is a
/// source of random bytes.
pub(super) fn token_info(serial: &[u8], manufacturer: &str, label: &str) -> Vec<u8> {
    const LOGIN_REQUIRED: u16 = 1 << 1;
    const RANDOM_SOURCE: u16 = 1 << 2;
    all(
        tag::SEQUENCE,
        &[
            integer(0),
            ber::object(tag::OCTET_STRING, serial),
            ber::object(tag::UTF8_STRING, manufacturer.as_bytes()),
            ber::object(tag::context(0), label.as_bytes()),
            bits(LOGIN_REQUIRED | RANDOM_SOURCE),
        ],
    )
}

/// One entry of the directory of authentication objects.
pub(super) fn authentication_object(passcode: &Passcode<'_>) -> Vec<u8> {
    const PRIVATE: u16 = 1;
    const MODIFIABLE: u16 = 1 << 1;
    const INITIALIZED: u16 = 1 << 4;
    const NEEDS_PADDING: u16 = 1 << 5;
    const OFFICER: u16 = 1 << 7;
    const ASCII: u8 = 1;
    let officer = if passcode.is_officer { OFFICER } else { 0 };
    let attributes = [
        bits(INITIALIZED | NEEDS_PADDING | officer),
        ber::object(tag::ENUMERATED, &[ASCII]),
        integer(passcode.min_length.into()),
        integer(passcode.max_length.into()),
        integer(passcode.max_length.into()),
        ber::object(tag::context(0), &[passcode.reference]),
        ber::object(tag::OCTET_STRING, &[0xFF]),
        path_object(&[]),
    ];
    object(
        &[
            ber::object(tag::UTF8_STRING, passcode.label.as_bytes()),
            bits(PRIVATE | MODIFIABLE),
        ],
        &[ber::object(tag::OCTET_STRING, &[passcode.reference])],
        &attributes,
    )
}

/// One entry of the directory of private keys, to be used after the holder's passcode.
pub(super) fn private_key(entry: &Entry<'_>) -> Vec<u8> {
    const PRIVATE: u16 = 1;
    const MODIFIABLE: u16 = 1 << 1;
    const SENSITIVE: u16 = 1;
    const ALWAYS_SENSITIVE: u16 = 1 << 2;
    const NEVER_EXTRACTABLE: u16 = 1 << 3;
    const LOCAL: u16 = 1 << 4;
    object(
        &[
            ber::object(tag::UTF8_STRING, entry.label.as_bytes()),
            bits(PRIVATE | MODIFIABLE),
            ber::object(tag::OCTET_STRING, &[v3::USER_CREDENTIAL]),
        ],
        &[
            ber::object(tag::OCTET_STRING, entry.id),
            bits(entry.usage.0),
            bits(SENSITIVE | ALWAYS_SENSITIVE | NEVER_EXTRACTABLE | LOCAL),
            integer(reference(entry.key)),
        ],
        &[path_object(&[]), integer(entry.bits)],
    )
}

/// One entry of the directory of public keys, with the key in it: the card has no object for it.
pub(super) fn public_key(entry: &Entry<'_>) -> Vec<u8> {
    const MODIFIABLE: u16 = 1 << 1;
    const EXTRACTABLE: u16 = 1 << 1;
    const LOCAL: u16 = 1 << 4;
    object(
        &[
            ber::object(tag::UTF8_STRING, entry.label.as_bytes()),
            bits(MODIFIABLE),
        ],
        &[
            ber::object(tag::OCTET_STRING, entry.id),
            bits(entry.usage.of_public().0),
            ber::object(tag::BOOLEAN, &[0x00]),
            bits(EXTRACTABLE | LOCAL),
            integer(reference(entry.key)),
        ],
        &[
            ber::object(tag::explicit(0), entry.public_key),
            integer(entry.bits),
        ],
    )
}

/// One entry of the directory of certificates.
pub(super) fn certificate(entry: &Entry<'_>) -> Vec<u8> {
    const MODIFIABLE: u16 = 1 << 1;
    object(
        &[
            ber::object(tag::UTF8_STRING, entry.label.as_bytes()),
            bits(MODIFIABLE),
        ],
        &[ber::object(tag::OCTET_STRING, entry.id)],
        &[path_object(&[entry.certificate])],
    )
}

/// `SEQUENCE { common attributes, class attributes, [1] { SEQUENCE { type attributes } } }`
/// (6.1.2, 6.1.8).
fn object(common: &[Vec<u8>], class: &[Vec<u8>], kind: &[Vec<u8>]) -> Vec<u8> {
    all(
        tag::SEQUENCE,
        &[
            all(tag::SEQUENCE, common),
            all(tag::SEQUENCE, class),
            all(tag::explicit(1), &[all(tag::SEQUENCE, kind)]),
        ],
    )
}

/// The reference of a key: its on-card id, marked as local.
fn reference(key: u8) -> u16 {
    const LOCAL: u8 = FIRST_KEY & 0x80;
    (key | LOCAL).into()
}

/// `SEQUENCE { path }` of a file in the PKCS#15 DF, or of that itself.
fn path_object(files: &[u16]) -> Vec<u8> {
    all(
        tag::SEQUENCE,
        &[ber::object(tag::OCTET_STRING, &path(files))],
    )
}

fn path(files: &[u16]) -> Vec<u8> {
    [&[MASTER_FILE, PKCS15], files]
        .concat()
        .into_iter()
        .flat_map(u16::to_be_bytes)
        .collect()
}

fn all(tag: ber::Tag, parts: &[Vec<u8>]) -> Vec<u8> {
    ber::object(tag, &parts.concat())
}

/// A number that is not negative, as short as can be.
fn integer(number: u16) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    match (high, low) {
        (0, 0x00..=0x7F) => ber::object(tag::INTEGER, &[low]),
        (0..=0x7F, _) => ber::object(tag::INTEGER, &[high, low]),
        _ => ber::object(tag::INTEGER, &[0, high, low]),
    }
}

/// A named bit list: the first bit is the first of the string, zeroes at the end are left out.
fn bits(bits: u16) -> Vec<u8> {
    let mirrored = bits.reverse_bits().to_be_bytes();
    let used = 16 - mirrored_trailing(bits);
    let bytes = used.div_ceil(8);
    let unused = u8::try_from(bytes * 8 - used).expect("less than 8");
    let mut value = vec![unused];
    value.extend_from_slice(&mirrored[..bytes]);
    ber::object(tag::BIT_STRING, &value)
}

/// How many bits at the end of the string are zero.
fn mirrored_trailing(bits: u16) -> usize {
    bits.leading_zeros() as usize
}

#[cfg(test)]
mod tests {
    use der::asn1::{BitString, Uint};
    use der::{Decode, Encode};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_directories_are_where_the_object_directory_says() {
        assert_eq!(
            hex::encode_upper(object_directory()),
            "A80A300804063F0050157001\
             A00A300804063F0050157002\
             A10A300804063F0050157004\
             A40A300804063F0050157005\
             A70A300804063F0050157006"
        );
    }

    #[test]
    fn the_application_is_named_with_its_path() {
        assert_eq!(
            hex::encode_upper(directory("AB")),
            "61184F0CA000000063504B43532D3135500241425104\
             3F005015"
        );
    }

    #[test]
    fn a_reference_is_local_and_positive() {
        assert_eq!(reference(1), 0x81);
        assert_eq!(integer(reference(1)), [0x02, 0x02, 0x00, 0x81]);
    }

    #[test]
    fn a_public_key_does_what_the_private_one_undoes() {
        let usage = Usage::AUTHENTICATION.of_public();
        assert_eq!(usage, Usage(Usage::ENCRYPT | Usage::VERIFY | Usage::WRAP));
        assert_eq!(Usage::SIGNATURE.of_public(), Usage(Usage::VERIFY));
    }

    proptest! {
        #[test]
        fn numbers_are_der(number: u16) {
            let decoded = Uint::from_der(&integer(number)).unwrap();
            prop_assert_eq!(decoded.to_der().unwrap(), integer(number));
            let value = decoded.as_bytes().iter().fold(0, |all, &byte| all << 8 | u32::from(byte));
            prop_assert_eq!(value, u32::from(number));
        }

        #[test]
        fn bit_lists_are_der_and_their_last_bit_is_set(number: u16) {
            let string = BitString::from_der(&bits(number)).unwrap();
            let set: Vec<bool> = string.bits().collect();
            prop_assert_eq!(set.len(), 16 - number.leading_zeros() as usize);
            for (at, bit) in set.into_iter().enumerate() {
                prop_assert_eq!(bit, number >> at & 1 == 1);
            }
        }
    }
}
