//! AuthentIC v3.2.2 on Cosmo v7.

/// The application identifier.
pub const AID: [u8; 16] = [
    0xA0, 0x00, 0x00, 0x00, 0x77, 0x01, 0x00, 0x70, 0x0A, 0x10, 0x00, 0xF1, 0x00, 0x00, 0x01, 0x00,
];
/// The AID of the PKCS#15 application as EF.DIR names it (PKCS#15 v1.1, 7.1).
pub const PKCS15_AID: [u8; 12] = [
    0xA0, 0x00, 0x00, 0x00, 0x63, 0x50, 0x4B, 0x43, 0x53, 0x2D, 0x31, 0x35,
];

/// EF.DIR, under the master file.
pub const DIRECTORY: u16 = 0x2F00;
/// The PKCS#15 dedicated file, under the master file.
pub const PKCS15: u16 = 0x5015;
/// The object directory file (ODF), in [`PKCS15`].
pub const OBJECT_DIRECTORY: u16 = 0x5031;
/// Token information, in [`PKCS15`].
pub const TOKEN_INFO: u16 = 0x5032;
/// Authentication objects (AODF), in [`PKCS15`].
pub const AUTHENTICATION_OBJECTS: u16 = 0x7001;
/// Private keys (PrKDF), in [`PKCS15`].
pub const PRIVATE_KEYS: u16 = 0x7002;
/// Secret keys (SKDF), in [`PKCS15`].
pub const SECRET_KEYS: u16 = 0x7003;
/// Public keys (PuKDF), in [`PKCS15`].
pub const PUBLIC_KEYS: u16 = 0x7004;
/// Certificates (CDF), in [`PKCS15`].
pub const CERTIFICATES: u16 = 0x7005;
/// Data objects (DODF), in [`PKCS15`].
pub const DATA_OBJECTS: u16 = 0x7006;
/// The first file of a certificate, in [`PKCS15`]; the others follow.
pub const FIRST_CERTIFICATE: u16 = 0xB001;
/// The change stamp, 8 random bytes after each change, in [`PKCS15`].
pub const CHANGE_STAMP: u16 = 0x9999;
/// Bytes of the change stamp.
pub const CHANGE_STAMP_SIZE: usize = 8;

/// File type: transparent.
pub const TYPE_TRANSPARENT: u8 = 0x01;
/// File type: dedicated file.
pub const TYPE_DF: u8 = 0x38;

/// Credential of the holder.
pub const USER_CREDENTIAL: u8 = 0x01;
/// Credential of the security officer.
pub const SO_CREDENTIAL: u8 = 0x02;

/// P1 of GET DATA for a credential's policy; P2 is its reference.
pub const CREDENTIAL_POLICY: u8 = 0x5F;
/// Tags inside the policy of a credential.
#[allow(missing_docs)]
pub mod policy {
    pub const KIND: u8 = 0x80;
    pub const ACCESS: u8 = 0x86;
    pub const TRY_LIMIT: u8 = 0x91;
    pub const FORM: u8 = 0xA1;
    pub const MAX_LENGTH: u8 = 0x83;
    pub const MIN_LENGTH: u8 = 0x84;
    pub const COMPLEXITY: u8 = 0x85;
}

/// Bytes GET CHALLENGE always returns.
pub const CHALLENGE_SIZE: usize = 24;

/// Access: control byte and credentials, always.
pub const ALWAYS: [u8; 2] = [0x00, 0x00];
/// Control byte of an access pair: never, whatever the credentials.
pub const NEVER: u8 = 0xFF;
/// Bits of the control byte of an access pair: secure messaging, [`SM_PLAIN`] to [`SM_FULL`].
pub const SM_MASK: u8 = 0x60;
/// Secure messaging without protection.
pub const SM_PLAIN: u8 = 0x20;
/// Secure messaging with a MAC.
pub const SM_MAC: u8 = 0x40;
/// Secure messaging with encryption and a MAC.
pub const SM_FULL: u8 = 0x60;

/// Position of an access pair of a file.
#[allow(missing_docs)]
pub mod file {
    pub const READ: usize = 0;
    pub const DELETE: usize = 1;
    pub const UPDATE: usize = 2;
    pub const RESIZE: usize = 3;
    /// How many pairs there are.
    pub const PAIRS: usize = 4;
}

/// Position of an access pair of a dedicated file.
#[allow(missing_docs)]
pub mod df {
    pub const CREATE: usize = 0;
    pub const DELETE: usize = 1;
    pub const CRYPTO: usize = 2;
    /// How many pairs there are.
    pub const PAIRS: usize = 3;
}

/// Position of an access pair of a credential.
#[allow(missing_docs)]
pub mod credential {
    pub const VERIFY: usize = 0;
    pub const RESET: usize = 1;
    pub const CHANGE: usize = 2;
    pub const MODIFY: usize = 3;
    pub const DELETE: usize = 4;
    /// How many pairs there are.
    pub const PAIRS: usize = 5;
}

/// Position of an access pair of an RSA key.
#[allow(missing_docs)]
pub mod key {
    pub const UPDATE: usize = 0;
    pub const DELETE: usize = 1;
    pub const DECIPHER: usize = 2;
    pub const SIGN: usize = 3;
    pub const INTERNAL_AUTHENTICATE: usize = 4;
    pub const GENERATE: usize = 5;
    /// How many pairs there are.
    pub const PAIRS: usize = 6;
}

/// Lowest reference of a key; the top bit says that it is local.
pub const FIRST_KEY: u8 = 0x81;
/// Mechanism of RSA-1024, -1280, -1536, -1792 and -2048, in bits.
pub const MECHANISMS: [(u8, u16); 5] = [
    (0x08, 1024),
    (0x09, 1280),
    (0x0A, 1536),
    (0x0B, 1792),
    (0x0C, 2048),
];
/// P1-P2 of PUT DATA for keys.
pub const SDO_PUT_DATA: (u8, u8) = (0x3F, 0xFF);
/// Tags inside PUT DATA and GENERATE ASYMMETRIC KEY PAIR.
#[allow(missing_docs)]
pub mod sdo {
    pub const KEY: u8 = 0xA1;
    pub const GENERATE: u8 = 0xAC;
    pub const MECHANISM: u8 = 0x80;
    pub const EXPONENT: u8 = 0x82;
    pub const REFERENCE: u8 = 0x83;
    pub const ACCESS: u8 = 0x86;
    pub const SECURITY: u8 = 0x87;
    pub const USAGE_COUNTER: u8 = 0x90;
    pub const VALUE: u8 = 0xA5;
    pub const PRIVATE: u16 = 0x7F48;
    pub const PUBLIC: u16 = 0x7F49;
    pub const MODULUS: u8 = 0x81;
    pub const PUBLIC_EXPONENT: u8 = 0x82;
    pub const P: u8 = 0x92;
    pub const Q: u8 = 0x93;
    pub const Q_INVERSE: u8 = 0x94;
    pub const DP: u8 = 0x95;
    pub const DQ: u8 = 0x96;
}
/// Algorithm reference in MANAGE SECURITY ENVIRONMENT.
#[allow(missing_docs)]
pub mod algorithm {
    pub const PKCS1: u8 = 0x11;
    pub const RAW: u8 = 0x12;
    pub const OAEP: u8 = 0x13;
    pub const ISO_9796: u8 = 0x14;
}
