use iso7816::{Command, Expected, Instruction};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{ManagementError, accepted};
use crate::scp03::{AesKey, BLOCK_SIZE, SecureChannel, StaticKeys};

/// Where PUT KEY puts a key set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyPlace {
    /// Beside those there are.
    New,
    /// In the place of the set with this version, 01 to 7F.
    Replace(u8),
}

/// PUT KEY: writes the three keys of a secure channel as version `version`, encrypted with
/// Key-DEK. The card checks the key check values sent, this function those that come back.
///
/// The session goes on with its own keys; the next channel needs the new ones.
///
/// # Errors
///
/// [`ManagementError::Version`] before anything is sent. [`ManagementError::CheckValues`] when the
/// card took the command but confirms other keys: do not use it further.
pub fn put_keys(
    channel: &mut SecureChannel<'_>,
    place: KeyPlace,
    version: u8,
    keys: &StaticKeys,
) -> Result<(), ManagementError> {
    /// P2: three keys from key identifier 01 on.
    const ALL_FROM_FIRST: u8 = 0x81;
    let replaced = match place {
        KeyPlace::New => 0,
        KeyPlace::Replace(replaced) => {
            check_version(replaced)?;
            replaced
        }
    };
    check_version(version)?;
    let data = key_data(version, keys, channel.data_encryption());
    let command = Command {
        data,
        ..Command::new(0x80, Instruction::PUT_KEY, replaced, ALL_FROM_FIRST)
            .with_expected(Expected::SHORT_MAX)
    };
    let response = accepted("PUT KEY", channel.transmit(&command)?)?;
    let mut expected = vec![version];
    for key in keys.in_order() {
        expected.extend_from_slice(&key.check_value());
    }
    if !bool::from(expected.ct_eq(&response.data)) {
        channel.end();
        return Err(ManagementError::CheckValues { version });
    }
    Ok(())
}

/// What kind of key a single one is (11.1.8, Table 11-16).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum KeyType {
    /// 80: DES, the mode told by its use.
    TripleDes = 0x80,
    /// 88: AES.
    Aes = 0x88,
}

/// A key for another purpose than a secure channel.
pub struct SingleKey<'a> {
    /// Its kind.
    pub kind: KeyType,
    /// The key.
    pub bytes: &'a [u8],
    /// Its check value: a block of zeros (3DES) or of 01 (AES) encrypted, 3 bytes of it.
    pub check_value: [u8; 3],
}

impl std::fmt::Debug for SingleKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SingleKey")
            .field("kind", &self.kind)
            .field("length", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// Where and as what a single key is written. What the bytes mean to an application is its maker's
/// affair.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SingleKeyPlace {
    /// P1: the version replaced, 00 for none.
    pub p1: u8,
    /// P2: the key's identifier.
    pub p2: u8,
    /// The new version, the first byte of the data field.
    pub version: u8,
}

/// PUT KEY for one key, encrypted with Key-DEK, in the form 11.8.2.3.1 has for one key. The card
/// checks the key check value sent, this function the one that comes back.
///
/// # Errors
///
/// [`ManagementError::CheckValues`] when the card took the command but confirms another key: do
/// not use it further.
pub fn put_key(
    channel: &mut SecureChannel<'_>,
    place: SingleKeyPlace,
    key: &SingleKey<'_>,
) -> Result<(), ManagementError> {
    let mut data = Zeroizing::new(Vec::with_capacity(1 + COMPONENT_ROOM));
    data.push(place.version);
    add_component(&mut data, key, channel.data_encryption());
    let command = Command {
        data,
        ..Command::new(0x80, Instruction::PUT_KEY, place.p1, place.p2)
            .with_expected(Expected::SHORT_MAX)
    };
    let response = accepted("PUT KEY", channel.transmit(&command)?)?;
    let [first, second, third] = key.check_value;
    let expected = [place.version, first, second, third];
    if !bool::from(expected[..].ct_eq(&response.data)) {
        channel.end();
        return Err(ManagementError::CheckValues {
            version: place.version,
        });
    }
    Ok(())
}

fn check_version(version: u8) -> Result<(), ManagementError> {
    match version {
        0x01..=0x7F => Ok(()),
        _ => Err(ManagementError::Version { version }),
    }
}

/// The most bytes of one key in PUT KEY: type, two lengths, 32 bytes, check value.
const COMPONENT_ROOM: usize = 3 + 32 + 4;

/// Version, then one component for each key.
fn key_data(version: u8, keys: &StaticKeys, encryption: &AesKey) -> Zeroizing<Vec<u8>> {
    let mut data = Zeroizing::new(Vec::with_capacity(1 + 3 * COMPONENT_ROOM));
    data.push(version);
    for key in keys.in_order() {
        let key = SingleKey {
            kind: KeyType::Aes,
            bytes: key.bytes(),
            check_value: key.check_value(),
        };
        add_component(&mut data, &key, encryption);
    }
    data
}

/// Type, length, key length, the key padded to blocks and encrypted, `03`, check value (11.8.2.3;
/// as in Amendment D under a channel with AES keys).
fn add_component(data: &mut Vec<u8>, key: &SingleKey<'_>, encryption: &AesKey) {
    let length = key.bytes.len();
    let in_blocks = length.next_multiple_of(BLOCK_SIZE);
    let mut block = Zeroizing::new(Vec::with_capacity(in_blocks));
    block.extend_from_slice(key.bytes);
    block.resize(in_blocks, 0);
    encryption.cbc_encrypt(&[0; BLOCK_SIZE], &mut block);
    data.extend_from_slice(&[key.kind as u8, in_blocks as u8 + 1, length as u8]);
    data.extend_from_slice(&block);
    data.push(3);
    data.extend_from_slice(&key.check_value);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The layout by hand: type, length with the key length in it, key length, blocks, check
    /// value.
    #[test]
    fn key_data_has_its_layout_for_every_length() {
        for (length, in_blocks) in [(16, 16), (24, 32), (32, 32)] {
            let key = AesKey::new(&vec![0x42; length]).unwrap();
            let dek = AesKey::new(&[0x07; 16]).unwrap();
            let data = key_data(0x31, &StaticKeys::same(&key), &dek);
            assert_eq!(data.len(), 1 + 3 * (3 + in_blocks + 4));
            assert_eq!(data[0], 0x31);
            let component = &data[1..][..3 + in_blocks + 4];
            assert_eq!(component[..3], [0x88, in_blocks as u8 + 1, length as u8]);
            let mut block = component[3..3 + in_blocks].to_vec();
            dek.cbc_decrypt(&[0; 16], &mut block);
            assert_eq!(&block[..length], key.bytes());
            assert_eq!(component[3 + in_blocks], 3);
            assert_eq!(component[4 + in_blocks..], key.check_value());
        }
    }
}
