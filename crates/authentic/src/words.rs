//! The words both sides of the card edge speak: application identifiers, file identifiers, passcode
//! references, access bytes, templates. Plain data without behaviour, shared with the simulated
//! card.
//!
//! All of it as the drivers of OpenSC (commit 14c80b0) send and read it; none of it is confirmed on
//! an NHS card.

pub mod v2;
pub mod v3;

/// The master file (ISO/IEC 7816-4, 7.3.1).
pub const MASTER_FILE: u16 = 0x3F00;

/// LIST FILES, `80 34`.
pub const LIST_FILES: u8 = 0x34;
/// CREATE FILE (ISO/IEC 7816-9).
pub const CREATE_FILE: u8 = 0xE0;
/// DELETE FILE (ISO/IEC 7816-9).
pub const DELETE_FILE: u8 = 0xE4;
/// UPDATE BINARY (ISO/IEC 7816-4).
pub const UPDATE_BINARY: u8 = 0xD6;
/// PERFORM SECURITY OPERATION (ISO/IEC 7816-8).
pub const PERFORM_SECURITY_OPERATION: u8 = 0x2A;
/// P1-P2 of PERFORM SECURITY OPERATION: compute digital signature.
pub const COMPUTE_SIGNATURE: (u8, u8) = (0x9E, 0x9A);
/// P1-P2 of PERFORM SECURITY OPERATION: decipher.
pub const DECIPHER: (u8, u8) = (0x80, 0x86);
/// P2 of MANAGE SECURITY ENVIRONMENT: the template for digital signature.
pub const SIGNATURE_TEMPLATE: u8 = 0xB6;
/// P2 of MANAGE SECURITY ENVIRONMENT: the template for confidentiality.
pub const CONFIDENTIALITY_TEMPLATE: u8 = 0xB8;

/// Tag of a file's control parameters in the answer to SELECT (ISO/IEC 7816-4, 7.4.3).
pub const FILE_CONTROL_PARAMETERS: u8 = 0x62;
/// Tag of a file's control information in the answer to SELECT (ISO/IEC 7816-4, 7.4.3).
pub const FILE_CONTROL_INFORMATION: u8 = 0x6F;
/// File control parameter: bytes of a transparent file.
pub const FCP_SIZE: u8 = 0x80;
/// File control parameter: file descriptor, see the types of the versions.
pub const FCP_TYPE: u8 = 0x82;
/// File control parameter: file identifier, two bytes.
pub const FCP_IDENTIFIER: u8 = 0x83;
/// File control parameter of AuthentIC v2: size of anything but a transparent file, a key's in bits.
pub const FCP_OTHER_SIZE: u8 = 0x85;
/// File control parameter: access conditions, in the form of the version.
pub const FCP_ACCESS: u8 = 0x86;
