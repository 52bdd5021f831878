//! Models as they are written, and what makes one that cannot be wrong of them.

use iso7816::Protocol;
use piv::words::{Algorithm, Edition};
use serde::Deserialize;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{
    Administration, Application, Capacity, CardManager, Contactless, ExtendedLength, Keys, Model,
    Reference, SecureMessaging, Source, Transport,
};
use crate::card::manager::SecurityDomain;

/// A model as written; [`Model`] is a model that cannot be wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawModel {
    name: String,
    description: String,
    #[serde(default)]
    edition: Edition,
    atr: String,
    default_application: Application,
    label: String,
    shortest_aid: usize,
    pin_usage_policy: Option<String>,
    extended_length: Option<ExtendedLength>,
    secure_messaging: Option<SecureMessaging>,
    contactless: Option<RawContactless>,
    transport: Transport,
    pin: Reference,
    puk: Reference,
    global_pin: Option<Reference>,
    administration: RawAdministration,
    keys: RawKeys,
    memory: Capacity,
    card_manager: RawCardManager,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawContactless {
    atr: String,
    intermediate_retry_value: u8,
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct RawAdministration {
    algorithm: String,
    key: String,
    algorithms: Vec<String>,
    set_management_key: bool,
    #[serde(default)]
    put_key: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKeys {
    algorithms: Vec<String>,
    short_digests: bool,
    sign_with_key_management: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::card) struct RawCardManager {
    issuer_identification: String,
    #[serde(default = "numbered")]
    numbered: bool,
    ic_fabricator: String,
    ic_type: String,
    operating_system: String,
    security_domain: Option<SecurityDomain>,
}

fn numbered() -> bool {
    true
}

impl TryFrom<RawModel> for Model {
    type Error = String;

    fn try_from(raw: RawModel) -> Result<Self, String> {
        let atr = answer_to_reset_for(&raw.atr, &raw.transport)?;
        let contactless = match raw.contactless {
            None => None,
            Some(contactless) => Some(Contactless {
                atr: answer_to_reset(&contactless.atr)?,
                intermediate_retry_value: contactless.intermediate_retry_value,
            }),
        };
        let pin_usage_policy = match &raw.pin_usage_policy {
            Some(policy) => two_bytes("pin_usage_policy", policy)?,
            None => [0x40, 0x00],
        };
        check_policy(pin_usage_policy, raw.secure_messaging.is_some())?;
        if !(5..=9).contains(&raw.shortest_aid) {
            return Err(format!(
                "`shortest_aid` is {}, must be between 5 and 9",
                raw.shortest_aid
            ));
        }
        check_reference("pin", &raw.pin, 6)?;
        check_reference("puk", &raw.puk, 8)?;
        check_tries("pin", &raw.pin, raw.edition)?;
        if let Some(global) = &raw.global_pin {
            check_reference("global_pin", global, 6)?;
            check_tries("global_pin", global, raw.edition)?;
        }
        Ok(Self {
            name: raw.name,
            description: raw.description,
            edition: raw.edition,
            atr,
            default_application: raw.default_application,
            label: raw.label,
            shortest_aid: raw.shortest_aid,
            pin_usage_policy,
            extended_length: raw.extended_length,
            secure_messaging: raw.secure_messaging,
            contactless,
            transport: raw.transport,
            pin: raw.pin,
            puk: raw.puk,
            global_pin: raw.global_pin,
            administration: administration(&raw.administration)?,
            keys: Keys {
                algorithms: algorithms(&raw.keys.algorithms, is_key_algorithm)?,
                short_digests: raw.keys.short_digests,
                sign_with_key_management: raw.keys.sign_with_key_management,
            },
            memory: raw.memory,
            card_manager: raw.card_manager.try_into()?,
            source: Source(String::new()),
        })
    }
}

impl TryFrom<RawCardManager> for CardManager {
    type Error = String;

    fn try_from(raw: RawCardManager) -> Result<Self, String> {
        Ok(Self {
            issuer_identification: bytes("issuer_identification", &raw.issuer_identification)?,
            numbered: raw.numbered,
            ic_fabricator: two_bytes("ic_fabricator", &raw.ic_fabricator)?,
            ic_type: two_bytes("ic_type", &raw.ic_type)?,
            operating_system: two_bytes("operating_system", &raw.operating_system)?,
            security_domain: raw.security_domain,
        })
    }
}

/// The answer to reset of a card with contacts, and whether the two go together.
pub(in crate::card) fn answer_to_reset_for(
    text: &str,
    transport: &Transport,
) -> Result<Vec<u8>, String> {
    let atr = answer_to_reset(text)?;
    if !(1..=256).contains(&transport.response_chunk) {
        return Err(format!(
            "`response_chunk` is {}, must be between 1 and 256",
            transport.response_chunk
        ));
    }
    if !offers(&atr, transport.protocol) {
        return Err(format!(
            "`protocol` is {}, which `atr` does not offer",
            transport.protocol
        ));
    }
    Ok(atr)
}

/// ISO/IEC 7816-3, 8.1: TS, T0 and at most 31 characters after them.
fn answer_to_reset(text: &str) -> Result<Vec<u8>, String> {
    let atr = bytes("atr", text)?;
    if !(2..=33).contains(&atr.len()) {
        return Err(format!(
            "`atr` has {} bytes, 2 to 33 are allowed",
            atr.len()
        ));
    }
    Ok(atr)
}

/// ISO/IEC 7816-3, 8.2.3: each TDi names a protocol, and which of TAi+1 to TDi+1 follow; without
/// TD1 there is T=0 alone.
fn offers(atr: &[u8], protocol: Protocol) -> bool {
    const T0: usize = 1;
    const PROTOCOL_FOLLOWS: u8 = 0x80;
    let wanted = match protocol {
        Protocol::T0 => 0,
        Protocol::T1 => 1,
    };
    let mut at = T0;
    let mut any = false;
    while let Some(&indicator) = atr.get(at).filter(|it| **it & PROTOCOL_FOLLOWS != 0) {
        at += (indicator >> 4).count_ones() as usize;
        match atr.get(at) {
            Some(td) if td & 0x0F == wanted => return true,
            Some(_) => any = true,
            None => return false,
        }
    }
    !any && wanted == 0
}

/// A personalised card must not announce what its chip cannot do.
fn check_policy(policy: [u8; 2], secure_messaging: bool) -> Result<(), String> {
    const PIV_PIN: u8 = 0x40;
    const COMPARISON: u8 = 0x10;
    const VIRTUAL_CONTACT: u8 = 0x08;
    let text = hex::encode_upper(policy);
    if policy[0] & PIV_PIN == 0 {
        return Err(format!("`pin_usage_policy` is {text}: bit 7 must be set"));
    }
    if policy[0] & COMPARISON != 0 {
        return Err(format!(
            "`pin_usage_policy` is {text}: there is no on-card biometric comparison"
        ));
    }
    if policy[0] & VIRTUAL_CONTACT != 0 && !secure_messaging {
        return Err(format!(
            "`pin_usage_policy` is {text}: a virtual contact interface needs secure messaging"
        ));
    }
    Ok(())
}

fn check_reference(name: &str, reference: &Reference, shortest: usize) -> Result<(), String> {
    if !(shortest..=8).contains(&reference.value.len()) {
        return Err(format!("`{name}` must have {shortest} to 8 characters"));
    }
    // 63CX has four bits for the counter.
    if !(1..=15).contains(&reference.tries) {
        return Err(format!(
            "`{name}` has {} tries, must be between 1 and 15",
            reference.tries
        ));
    }
    Ok(())
}

/// The retry limit of a PIN (SP 800-73-5 Part 1, Table 4); that of the PUK is the issuer's.
fn check_tries(name: &str, reference: &Reference, edition: Edition) -> Result<(), String> {
    let most = edition.most_pin_tries();
    if reference.tries > most {
        return Err(format!(
            "`{name}` has {} tries, {edition} allows at most {most}",
            reference.tries
        ));
    }
    Ok(())
}

fn administration(raw: &RawAdministration) -> Result<Administration, String> {
    let algorithm = algorithm(&raw.algorithm)?;
    let key = zeroize::Zeroizing::new(bytes("key", &raw.key)?);
    if algorithm.symmetric_key_size() != Some(key.len()) {
        return Err(format!(
            "the administration key has {} bytes, which does not fit {algorithm}",
            key.len()
        ));
    }
    Ok(Administration {
        algorithm,
        key,
        algorithms: algorithms(&raw.algorithms, |algorithm| {
            algorithm.symmetric_key_size().is_some()
        })?,
        set_management_key: raw.set_management_key,
        put_key: raw.put_key,
    })
}

fn is_key_algorithm(algorithm: Algorithm) -> bool {
    matches!(
        algorithm,
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::P256 | Algorithm::P384
    )
}

fn algorithms(
    names: &[String],
    fits: impl Fn(Algorithm) -> bool,
) -> Result<Vec<Algorithm>, String> {
    names
        .iter()
        .map(|name| {
            let algorithm = algorithm(name)?;
            fits(algorithm)
                .then_some(algorithm)
                .ok_or_else(|| format!("algorithm `{name}` is not possible here"))
        })
        .collect()
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    (0..=u8::MAX)
        .filter_map(Algorithm::from_byte)
        .find(|algorithm| algorithm.to_string() == name)
        .ok_or_else(|| format!("algorithm `{name}` not known"))
}

fn bytes(name: &str, text: &str) -> Result<Vec<u8>, String> {
    hex::decode(text).map_err(|error| format!("`{name}` is no hexadecimal: {error}"))
}

fn two_bytes(name: &str, text: &str) -> Result<[u8; 2], String> {
    bytes(name, text)?
        .try_into()
        .map_err(|_| format!("`{name}` must have 2 bytes"))
}
