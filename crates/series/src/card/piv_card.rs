//! The estate's operations on a PIV card, where they are more than one command.

use std::collections::BTreeMap;

use authentic::secrets::{NewPasscode, Passcode};
use authentic::{Digest, LastTry};
use der::Decode;
use ground::Ambient;
use piv::objects::{CertificateObject, Chuid};
use piv::secrets::Puk;
use piv::words::{Algorithm, KeyReference, ObjectId, PinReference};
use piv::{Client, MessageDigest, PivError, PublicKey, Tries, secrets};
use x509_cert::Certificate;

use super::CardError;
use crate::inspect::TriesState;
use crate::{Applet, PasscodeProblem, PivPlan, Profile, Slot};

/// Wrong secrets that are tried before a card is said not to block. No card allows more than 15
/// tries in a row, the most 63CX can tell (ISO/IEC 7816-4, Table 6).
pub(super) const MOST_GUESSES: usize = 16;

const PASSCODE: &str = "passcode";
const PUK: &str = "PUK";

/// The objects that are the holder's or bind the card to one. What says how the application is to
/// be used (Discovery, capabilities) stays.
const PERSONAL: [ObjectId; 10] = [
    ObjectId::AuthenticationCertificate,
    ObjectId::SignatureCertificate,
    ObjectId::KeyManagementCertificate,
    ObjectId::CardAuthenticationCertificate,
    ObjectId::Chuid,
    ObjectId::PrintedInformation,
    ObjectId::Fingerprints,
    ObjectId::FacialImage,
    ObjectId::IrisImages,
    ObjectId::SecurityObject,
];

pub(super) fn guid(client: &mut Client) -> Result<Option<String>, CardError> {
    let value = match client.get_data(ObjectId::Chuid) {
        Ok(value) => value,
        // A card without a readable CHUID has no GUID.
        Err(PivError::Refused { .. } | PivError::Malformed { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let chuid = value.and_then(|value| Chuid::parse(&value).ok());
    Ok(chuid
        .and_then(|parsed| parsed.value.guid)
        .map(|guid| guid.to_string()))
}

pub(super) fn passcode(client: &mut Client) -> Result<TriesState, CardError> {
    Ok(match client.tries(PinReference::Application) {
        Ok(tries) => state(tries),
        Err(PivError::Refused { .. }) => TriesState::NotTold,
        Err(error) => return Err(error.into()),
    })
}

/// The standard has no VERIFY for the PUK, so most cards do not tell.
pub(super) fn puk(client: &mut Client) -> Result<TriesState, CardError> {
    Ok(match client.tries(PinReference::Unblocking) {
        Ok(Tries::NotPresent) | Err(PivError::Refused { .. }) => TriesState::NotTold,
        Ok(tries) => state(tries),
        Err(error) => return Err(error.into()),
    })
}

fn state(tries: Tries) -> TriesState {
    match tries {
        Tries::Left(tries) => TriesState::Left { tries },
        Tries::Blocked => TriesState::Blocked,
        Tries::Verified => TriesState::Verified,
        Tries::NotPresent => TriesState::Absent,
    }
}

pub(super) fn verify(
    client: &mut Client,
    given: &Passcode,
    last: LastTry,
) -> Result<(), CardError> {
    let given = six_to_eight_digits(given)?;
    spare_last(passcode(client)?, last, PASSCODE)?;
    Ok(client.verify(PinReference::Application, &given)?)
}

pub(super) fn change_passcode(
    client: &mut Client,
    old: &Passcode,
    new: &NewPasscode,
    last: LastTry,
) -> Result<(), CardError> {
    let (old, new) = (
        six_to_eight_digits(old)?,
        six_to_eight_digits(new.as_passcode())?,
    );
    spare_last(passcode(client)?, last, PASSCODE)?;
    Ok(client.change_passcode(&old, &new)?)
}

pub(super) fn unlock(
    client: &mut Client,
    secret: &Puk,
    new: &NewPasscode,
    last: LastTry,
) -> Result<(), CardError> {
    let new = six_to_eight_digits(new.as_passcode())?;
    spare_last(puk(client)?, last, PUK)?;
    Ok(client.reset_retry_counter(secret, &new)?)
}

/// Refuses before anything is sent when the last try would be spent unasked. What is blocked is
/// for the card to say.
fn spare_last(state: TriesState, last: LastTry, secret: &'static str) -> Result<(), CardError> {
    match (state, last) {
        (TriesState::Left { tries: 1 }, LastTry::Refuse) => Err(CardError::LastTry { secret }),
        (TriesState::Absent, _) => Err(CardError::SecretAbsent { secret }),
        _ => Ok(()),
    }
}

/// A passcode as PIV takes it. Older passcodes with letters or of 4 digits are none of a PIV card.
fn six_to_eight_digits(passcode: &Passcode) -> Result<secrets::Passcode, CardError> {
    let length = passcode.bytes().len();
    let digits = std::str::from_utf8(passcode.bytes()).unwrap_or_default();
    secrets::Passcode::new(digits).map_err(|_| {
        CardError::Passcode(match (6..=8).contains(&length) {
            true => PasscodeProblem::Alphabet {
                alphabet: crate::Alphabet::Digits,
            },
            false => PasscodeProblem::Length {
                min: 6,
                max: 8,
                length,
            },
        })
    })
}

pub(super) fn certificate(
    client: &mut Client,
    key: KeyReference,
) -> Result<Option<Vec<u8>>, CardError> {
    let Some(object) = key.certificate() else {
        return Ok(None);
    };
    let Some(value) = client.get_data(object)?.filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let malformed = |error: &dyn std::fmt::Display| CardError::Malformed {
        detail: format!("{object}: {error}"),
    };
    let parsed = CertificateObject::parse(&value).map_err(|error| malformed(&error))?;
    let der = parsed.value.der().map_err(|error| malformed(&error))?;
    Certificate::from_der(&der).map_err(|error| malformed(&error))?;
    Ok(Some(der))
}

/// What the keys of the slots are, as far as their certificates say.
pub(super) fn algorithms(
    client: &mut Client,
    profile: Option<&Profile>,
) -> Result<BTreeMap<Slot, Algorithm>, CardError> {
    let mut found = BTreeMap::new();
    for slot in Slot::ALL {
        let Some((key, _)) = profile.and_then(|profile| profile.slot(slot)) else {
            continue;
        };
        let der = match certificate(client, key) {
            Ok(der) => der,
            Err(error) if error.is_loss() => return Err(error),
            Err(_) => None,
        };
        let algorithm = der.and_then(|der| {
            let certificate = Certificate::from_der(&der).ok()?;
            let spki = certificate.tbs_certificate().subject_public_key_info();
            PublicKey::from_spki(spki).ok()?.algorithm()
        });
        found.extend(algorithm.map(|algorithm| (slot, algorithm)));
    }
    Ok(found)
}

/// What is to be written has to be a certificate.
pub(super) fn parse(der: &[u8]) -> Result<(), CardError> {
    Certificate::from_der(der)
        .map(drop)
        .map_err(|error| CardError::Malformed {
            detail: error.to_string(),
        })
}

pub(super) fn write_certificate(
    client: &mut Client,
    key: KeyReference,
    der: &[u8],
) -> Result<(), CardError> {
    let object = key.certificate().ok_or_else(|| CardError::Malformed {
        detail: format!("key {key} has no place for one"),
    })?;
    Ok(client.put_data(object, &CertificateObject::plain(der).encode())?)
}

pub(super) fn sign(
    client: &mut Client,
    key: KeyReference,
    algorithm: Algorithm,
    digest: &Digest,
) -> Result<Vec<u8>, CardError> {
    let hash = match digest {
        Digest::Sha256(hash) => MessageDigest::Sha256(*hash),
        Digest::Sha1(_) => return sign_sha1(client, key, algorithm, digest),
    };
    Ok(client.sign_digest(key, algorithm, &hash)?)
}

/// SHA-1 is no digest of PIV (SP 800-78-5, Table 2), but the card sees only the padded block.
fn sign_sha1(
    client: &mut Client,
    key: KeyReference,
    algorithm: Algorithm,
    digest: &Digest,
) -> Result<Vec<u8>, CardError> {
    let size = match algorithm {
        Algorithm::Rsa1024 => 128,
        Algorithm::Rsa2048 => 256,
        Algorithm::Rsa3072 => 384,
        _ => {
            return Err(CardError::NotOffered {
                what: "sign",
                applet: Applet::Piv,
                why: "SHA-1 goes with RSA only",
            });
        }
    };
    let info = digest.digest_info();
    // 00 01 FF .. FF 00 DigestInfo (RFC 8017, 9.2); the least size leaves room for 90 bytes of FF.
    let mut block = vec![0xFF; size];
    let start = size - info.len();
    block[0] = 0x00;
    block[1] = 0x01;
    block[start - 1] = 0x00;
    block[start..].copy_from_slice(&info);
    Ok(client.sign_raw(key, algorithm, &block)?)
}

pub(super) fn clear(client: &mut Client, plan: &PivPlan) -> Result<(), CardError> {
    for object in PERSONAL {
        let empty = match client.get_data(object) {
            Ok(None) => true,
            Ok(Some(value)) => value.is_empty(),
            // What needs the passcode may hold something.
            Err(PivError::Refused { .. } | PivError::Malformed { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        if !empty {
            client.put_data(object, &[])?;
        }
    }
    for slot in Slot::ALL {
        let (key, algorithm) = plan.slot(slot);
        client.generate(key, algorithm)?;
    }
    Ok(())
}

/// Blocks the PUK, then the passcode. In this order a card cut off half-way cannot be unlocked any
/// more.
pub(super) fn block(client: &mut Client, ambient: &dyn Ambient) -> Result<(), CardError> {
    exhaust(PUK, || {
        let wrong = Puk::random(ambient);
        let new = secrets::Passcode::random(8, ambient).expect("8 is a permitted length");
        client.reset_retry_counter(&wrong, &new)
    })?;
    exhaust(PASSCODE, || {
        let wrong = secrets::Passcode::random(8, ambient).expect("8 is a permitted length");
        client.verify(PinReference::Application, &wrong)
    })
}

fn exhaust(
    secret: &'static str,
    mut guess: impl FnMut() -> Result<(), PivError>,
) -> Result<(), CardError> {
    for _ in 0..MOST_GUESSES {
        match guess() {
            // A guess that is right by chance gives the tries back; the next one is another.
            Ok(()) => {}
            Err(
                PivError::WrongPasscode {
                    tries_left: Some(0),
                    ..
                }
                | PivError::Blocked { .. },
            ) => return Ok(()),
            Err(PivError::WrongPasscode { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(CardError::NotBlocked {
        secret,
        tries: MOST_GUESSES,
    })
}
