//! The private key in a PKCS #12 file (RFC 7292) that opens with the empty password.
//!
//! Only what such key files need is read: integrity by password with SHA-1 or SHA-256, and a key
//! bag, plain or enciphered with pbeWithSHAAnd3-KeyTripleDES-CBC. Certificates are passed over:
//! they may be enciphered with algorithms nobody should bring back.

use cbc::Decryptor;
use cipher::array::Array;
use cipher::{BlockModeDecrypt, KeyIvInit};
use cms::content_info::ContentInfo;
use der::asn1::{Any, ObjectIdentifier, OctetString};
use der::{Decode, Sequence};
use des::TdesEde3;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use crate::{ImageError, PrivateKey};

const EXPECTED: &str = "no PKCS #12 key file";

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.1");
const SHROUDED_KEY_BAG: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.2");
const PBE_SHA1_3DES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3");
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// The empty password as a BMPString with its terminator (RFC 7292, B.1).
const EMPTY_PASSWORD: [u8; 2] = [0, 0];

/// The most rounds of key derivation: more is no key file but a way to burn time.
const MAX_ITERATIONS: u32 = 100_000;

/// RFC 7292, 4.
#[derive(Sequence)]
struct Pfx {
    version: u8,
    auth_safe: ContentInfo,
    mac_data: Option<MacData>,
}

#[derive(Sequence)]
struct MacData {
    mac: DigestInfo,
    salt: OctetString,
    #[asn1(default = "once")]
    iterations: u32,
}

fn once() -> u32 {
    1
}

#[derive(Sequence)]
struct DigestInfo {
    algorithm: AlgorithmIdentifierOwned,
    digest: OctetString,
}

/// RFC 7292, 4.2. The attributes are passed over, so that their order does not matter.
#[derive(Sequence)]
struct SafeBag {
    bag: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    value: Any,
    attributes: Option<Any>,
}

/// RFC 5958, 3.
#[derive(Sequence)]
struct EncryptedPrivateKeyInfo {
    algorithm: AlgorithmIdentifierOwned,
    data: OctetString,
}

/// RFC 7292, Appendix C.
#[derive(Sequence)]
struct PbeParameters {
    salt: OctetString,
    iterations: u32,
}

/// The one private key in the file.
pub(super) fn private_key(file: &str, bytes: &[u8]) -> Result<PrivateKey, ImageError> {
    find(bytes).map_err(|problem| match problem {
        Problem::Malformed(detail) => ImageError::Malformed {
            file: file.to_owned(),
            expected: EXPECTED,
            detail,
        },
        Problem::Password => ImageError::Password {
            file: file.to_owned(),
        },
    })
}

enum Problem {
    Malformed(String),
    Password,
}

impl From<der::Error> for Problem {
    fn from(error: der::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

fn malformed(detail: impl Into<String>) -> Problem {
    Problem::Malformed(detail.into())
}

fn find(bytes: &[u8]) -> Result<PrivateKey, Problem> {
    let pfx = Pfx::from_der(bytes)?;
    if pfx.version != 3 {
        return Err(malformed(format!("version {}, expected 3", pfx.version)));
    }
    let safe = data_of(&pfx.auth_safe)?.ok_or_else(|| malformed("it is signed, not MACed"))?;
    if let Some(mac) = &pfx.mac_data {
        check_mac(mac, safe.as_bytes())?;
    }
    let mut found = None;
    for content in Vec::<ContentInfo>::from_der(safe.as_bytes())? {
        let Some(bags) = data_of(&content)? else {
            continue;
        };
        for bag in Vec::<SafeBag>::from_der(bags.as_bytes())? {
            let key = match bag.bag {
                KEY_BAG => Zeroizing::new(der::Encode::to_der(&bag.value)?),
                SHROUDED_KEY_BAG => decrypt(&bag.value.decode_as()?)?,
                _ => continue,
            };
            let key = PrivateKey::from_pkcs8(&key)
                .ok_or_else(|| malformed("the key bag holds no PKCS #8 private key"))?;
            if found.replace(key).is_some() {
                return Err(malformed("it holds more than one private key"));
            }
        }
    }
    found.ok_or_else(|| malformed("it holds no private key that can be read"))
}

/// The octets of a content of type data; `None` for another type.
fn data_of(content: &ContentInfo) -> Result<Option<OctetString>, der::Error> {
    if content.content_type != DATA {
        return Ok(None);
    }
    content.content.decode_as().map(Some)
}

fn check_mac(mac: &MacData, content: &[u8]) -> Result<(), Problem> {
    let iterations = checked(mac.iterations)?;
    let salt = mac.salt.as_bytes();
    let expected = mac.mac.digest.as_bytes();
    let right = match mac.mac.algorithm.oid {
        SHA1 => {
            let key = derive::<Sha1>(Purpose::Mac, salt, iterations, 20);
            Hmac::<Sha1>::new_from_slice(&key)
                .is_ok_and(|mac| mac.chain_update(content).verify_slice(expected).is_ok())
        }
        SHA256 => {
            let key = derive::<Sha256>(Purpose::Mac, salt, iterations, 32);
            Hmac::<Sha256>::new_from_slice(&key)
                .is_ok_and(|mac| mac.chain_update(content).verify_slice(expected).is_ok())
        }
        other => {
            return Err(malformed(format!(
                "its MAC is made with algorithm {other}; SHA-1 and SHA-256 are read"
            )));
        }
    };
    if right {
        Ok(())
    } else {
        Err(Problem::Password)
    }
}

fn decrypt(key: &EncryptedPrivateKeyInfo) -> Result<Zeroizing<Vec<u8>>, Problem> {
    if key.algorithm.oid != PBE_SHA1_3DES {
        return Err(malformed(format!(
            "its key is enciphered with algorithm {}; pbeWithSHAAnd3-KeyTripleDES-CBC is read",
            key.algorithm.oid
        )));
    }
    let parameters: PbeParameters = key
        .algorithm
        .parameters
        .as_ref()
        .ok_or_else(|| malformed("its key has no parameters of encipherment"))?
        .decode_as()?;
    let iterations = checked(parameters.iterations)?;
    let salt = parameters.salt.as_bytes();
    let secret = derive::<Sha1>(Purpose::Key, salt, iterations, 24);
    let vector = derive::<Sha1>(Purpose::Vector, salt, iterations, 8);
    let mut plain = Zeroizing::new(key.data.as_bytes().to_vec());
    let (blocks, rest) = Array::slice_as_chunks_mut(&mut plain);
    if blocks.is_empty() || !rest.is_empty() {
        return Err(malformed("its key is not whole blocks"));
    }
    Decryptor::<TdesEde3>::new_from_slices(&secret, &vector)
        .map_err(|error| malformed(error.to_string()))?
        .decrypt_blocks(blocks);
    // PKCS #7: as many bytes as their value says.
    let fill = plain.last().copied().map_or(0, usize::from);
    let length = plain
        .len()
        .checked_sub(fill)
        .filter(|length| {
            (1..=8).contains(&fill)
                && plain[*length..]
                    .iter()
                    .all(|&byte| usize::from(byte) == fill)
        })
        .ok_or(Problem::Password)?;
    plain.truncate(length);
    Ok(plain)
}

fn checked(iterations: u32) -> Result<u32, Problem> {
    if (1..=MAX_ITERATIONS).contains(&iterations) {
        Ok(iterations)
    } else {
        Err(malformed(format!(
            "{iterations} rounds of key derivation, at most {MAX_ITERATIONS} are done"
        )))
    }
}

/// What derived bytes are for (RFC 7292, B.3).
#[derive(Clone, Copy)]
enum Purpose {
    Key = 1,
    Vector = 2,
    Mac = 3,
}

/// Bytes in a block of SHA-1 and of SHA-256, v of RFC 7292, B.2.
const BLOCK: usize = 64;

/// Key derivation from the empty password (RFC 7292, B.2).
fn derive<D: Digest>(
    purpose: Purpose,
    salt: &[u8],
    iterations: u32,
    size: usize,
) -> Zeroizing<Vec<u8>> {
    let diversifier = [purpose as u8; BLOCK];
    let mut input = Zeroizing::new(repeated(salt));
    input.extend_from_slice(&repeated(&EMPTY_PASSWORD));
    let mut derived = Zeroizing::new(Vec::with_capacity(size + BLOCK));
    while derived.len() < size {
        let mut hash = Zeroizing::new(
            D::new()
                .chain_update(diversifier)
                .chain_update(&*input)
                .finalize()
                .to_vec(),
        );
        for _ in 1..iterations {
            hash = Zeroizing::new(D::digest(&*hash).to_vec());
        }
        derived.extend_from_slice(&hash);
        let addend = Zeroizing::new(repeated_to(&hash, BLOCK));
        for block in input.chunks_exact_mut(BLOCK) {
            add_one_more(block, &addend);
        }
    }
    derived.truncate(size);
    derived
}

/// The bytes over and over, to the next whole block; nothing of nothing.
fn repeated(bytes: &[u8]) -> Vec<u8> {
    repeated_to(bytes, bytes.len().next_multiple_of(BLOCK))
}

fn repeated_to(bytes: &[u8], length: usize) -> Vec<u8> {
    bytes.iter().copied().cycle().take(length).collect()
}

/// block + addend + 1, big endian, the carry out of the first byte dropped.
fn add_one_more(block: &mut [u8], addend: &[u8]) {
    let mut carry = 1_u16;
    for (byte, other) in block.iter_mut().zip(addend).rev() {
        let sum = u16::from(*byte) + u16::from(*other) + carry;
        *byte = (sum & 0xFF) as u8;
        carry = sum >> 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_added_with_a_carry() {
        let mut block = [0x00, 0xFF, 0xFF];
        add_one_more(&mut block, &[0x00, 0x00, 0x00]);
        assert_eq!(block, [0x01, 0x00, 0x00]);
        let mut block = [0xFF, 0xFF];
        add_one_more(&mut block, &[0xFF, 0xFF]);
        assert_eq!(block, [0xFF, 0xFF]);
    }

    #[test]
    fn the_salt_is_repeated_to_whole_blocks() {
        assert_eq!(repeated(&[1, 2, 3]).len(), 64);
        assert_eq!(repeated(&[7; 65]).len(), 128);
        assert_eq!(repeated(&[]).len(), 0);
    }
}
