//! AuthentIC v2.2.

/// The application identifier.
pub const AID: [u8; 16] = [
    0xA0, 0x00, 0x00, 0x00, 0x77, 0x01, 0x03, 0x03, 0x00, 0x00, 0x00, 0xF1, 0x00, 0x00, 0x00, 0x02,
];

/// The dedicated file of the passcode domain, under the master file.
pub const DOMAIN: u16 = 0x5011;
/// Token information, in [`DOMAIN`].
pub const TOKEN_INFO: u16 = 0x1000;
/// The unblocking code the application checks, 16 bytes, in [`DOMAIN`].
pub const UNBLOCKING_CODE: u16 = 0x2000;
/// The container list, records, in [`DOMAIN`].
pub const CONTAINERS: u16 = 0x3000;
/// The list of public objects, in [`DOMAIN`].
pub const PUBLIC_OBJECTS: u16 = 0x4000;
/// The list of private objects, in [`DOMAIN`].
pub const PRIVATE_OBJECTS: u16 = 0x5000;
/// The dedicated file with the public objects, in [`DOMAIN`].
pub const PUBLIC_DOMAIN: u16 = 0x9001;
/// The dedicated file with the private objects, in [`DOMAIN`].
pub const PRIVATE_DOMAIN: u16 = 0x9002;

/// Reference of the holder's passcode.
pub const USER_PIN: u8 = 0x81;
/// Reference of the one-time passcode.
pub const ONE_TIME_PIN: u8 = 0x82;
/// Reference of the unblocking code, local to the domain.
pub const PUK: u8 = 0x84;
/// Reference of the security officer's passcode.
pub const SO_PIN: u8 = 0x04;
/// Bytes of a passcode on the wire, padded with FF.
pub const PIN_FIELD: usize = 64;
/// Bytes of the unblocking code on the wire.
pub const PUK_FIELD: usize = 16;
/// LOG OUT, `80 2E 00` with the passcode's [`logout_reference`].
pub const LOG_OUT: u8 = 0x2E;

/// P2 of LOG OUT for a passcode: its number above 20.
#[must_use]
pub const fn logout_reference(pin: u8) -> u8 {
    0x20 + (pin & 0x0F)
}

/// Bytes of the access conditions of any file.
pub const ACCESS_BYTES: usize = 8;
/// Access condition: always.
pub const ALWAYS: u8 = 0x00;
/// Access condition: the holder's passcode.
pub const NEEDS_USER_PIN: u8 = 0x21;
/// Access condition: the one-time passcode.
pub const NEEDS_ONE_TIME_PIN: u8 = 0x22;
/// Access condition: the security officer's passcode.
pub const NEEDS_SO_PIN: u8 = 0x24;
/// Access condition: the holder's or the security officer's passcode.
pub const NEEDS_EITHER_PIN: u8 = 0x25;
/// Access condition: never.
pub const NEVER: u8 = 0xFF;

/// Position of a condition among the access bytes of a dedicated file.
#[allow(missing_docs)]
pub mod df {
    pub const CREATE: usize = 0;
    pub const GENERATE: usize = 1;
    pub const LIST: usize = 2;
    pub const DELETE: usize = 3;
    pub const DEFINE_PIN: usize = 4;
    pub const CHANGE_PIN: usize = 5;
    pub const RESET_PIN: usize = 6;
}

/// Position of a condition among the access bytes of a data file, transparent or of records.
#[allow(missing_docs)]
pub mod ef {
    pub const WRITE: usize = 0;
    pub const UPDATE: usize = 1;
    pub const READ: usize = 2;
    pub const ERASE: usize = 3;
}

/// Position of a condition among the access bytes of an RSA private key.
#[allow(missing_docs)]
pub mod private_key {
    pub const UPDATE: usize = 0;
    pub const DECIPHER: usize = 1;
    pub const SIGN: usize = 3;
    pub const INTERNAL_AUTHENTICATE: usize = 5;
}

/// Position of a condition among the access bytes of an RSA public key.
#[allow(missing_docs)]
pub mod public_key {
    pub const UPDATE: usize = 0;
    pub const ENCIPHER: usize = 2;
    pub const VERIFY: usize = 4;
    pub const EXTERNAL_AUTHENTICATE: usize = 6;
}

/// File type: transparent.
pub const TYPE_TRANSPARENT: u8 = 0x01;
/// File type: records of variable length.
pub const TYPE_RECORDS: u8 = 0x04;
/// File type: DES key.
pub const TYPE_DES_KEY: u8 = 0x11;
/// File type: RSA public key.
pub const TYPE_PUBLIC_KEY: u8 = 0x12;
/// File type: RSA private key with its Chinese remainder values.
pub const TYPE_PRIVATE_KEY: u8 = 0x14;
/// File type: dedicated file.
pub const TYPE_DF: u8 = 0x38;

/// GENERATE ASYMMETRIC KEY PAIR as this version has it.
pub const GENERATE: u8 = 0x46;
/// READ COMPONENT, `80 B4 n 00`: 1 modulus, 2 exponent.
pub const READ_COMPONENT: u8 = 0xB4;
/// WRITE COMPONENT, `80 D8 n 04`.
pub const WRITE_COMPONENT: u8 = 0xD8;
/// READ RECORD.
pub const READ_RECORD: u8 = 0xB2;
/// APPEND RECORD.
pub const APPEND_RECORD: u8 = 0xE2;
/// UPDATE RECORD.
pub const UPDATE_RECORD: u8 = 0xDC;
/// DELETE RECORD, `80 32 n 04`.
pub const DELETE_RECORD: u8 = 0x32;
/// Algorithm reference in MANAGE SECURITY ENVIRONMENT: RSA with PKCS#1 v1.5 padding.
pub const ALGORITHM_PKCS1: u8 = 0x11;
/// Most bytes of a DigestInfo given to be signed.
pub const DIGEST_INFO_MAX: usize = 96;

/// The class of an object, the upper byte of its file identifier. The object's attributes are in
/// the file one above: certificate 2001, attributes 2101.
#[allow(missing_docs)]
pub mod class {
    pub const PUBLIC_KEY: u8 = 0x10;
    pub const CERTIFICATE: u8 = 0x20;
    pub const PRIVATE_KEY: u8 = 0x30;
    pub const PRIVATE_DES_KEY: u8 = 0x40;
    pub const PUBLIC_DATA: u8 = 0x50;
    pub const PRIVATE_DATA: u8 = 0x60;
    pub const PUBLIC_DES_KEY: u8 = 0x70;
}

/// Flags of token information.
#[allow(missing_docs)]
pub mod token_flag {
    pub const RANDOM_SOURCE: u16 = 0x0001;
    pub const LOGIN_REQUIRED: u16 = 0x0004;
    pub const USER_PIN_SET: u16 = 0x0008;
    pub const INITIALISED: u16 = 0x0400;
}

/// Flags of an object's attributes.
#[allow(missing_docs)]
pub mod object_flag {
    pub const MODIFIABLE: u16 = 0x0001;
    pub const TRUSTED: u16 = 0x0002;
    pub const MADE_ON_CARD: u16 = 0x0004;
    pub const ENCRYPT: u16 = 0x0008;
    pub const DECRYPT: u16 = 0x0010;
    pub const SIGN: u16 = 0x0020;
    pub const VERIFY: u16 = 0x0040;
    pub const SIGN_RECOVER: u16 = 0x0080;
    pub const VERIFY_RECOVER: u16 = 0x0100;
    pub const WRAP: u16 = 0x0200;
    pub const UNWRAP: u16 = 0x0400;
    pub const DERIVE: u16 = 0x0800;
}
