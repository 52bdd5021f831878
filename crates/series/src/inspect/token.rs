//! What an AuthentIC card holds.

use authentic::{
    Applet, AuthenticError, CertificateObject, Contents, KeyObject, Role, Severity, Token, Uses,
};
use der::Decode;
use piv::{Finding, PublicKey};
use serde::Serialize;
use x509_cert::Certificate;

use super::{CardFinding, InspectError, Inspection, TriesReport, TriesState, certificate};
use crate::{Profile, Slot};

/// Where a slot's key is cited in findings.
const PLAN: &str = "series profile, [authentic]";

/// An AuthentIC application and its file structure.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TokenReport {
    /// Which version.
    pub applet: Applet,
    /// Whether the card is blank: without a file structure.
    pub blank: bool,
    /// What it is called.
    pub label: Option<String>,
    /// The serial number it tells, hexadecimal.
    pub serial: Option<String>,
    /// Who made it, as it says.
    pub manufacturer: Option<String>,
    /// Whether it says that a passcode is set.
    pub passcode_set: Option<bool>,
    /// The keys it lists.
    pub keys: Vec<KeyReport>,
    /// The data objects it lists.
    pub data: Vec<DataReport>,
}

/// A key on the card.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeyReport {
    /// Its index.
    pub id: u8,
    /// What it is for, if the card's profile says so.
    pub slot: Option<Slot>,
    /// What it is called.
    pub label: String,
    /// Bits of the modulus, as the card says.
    pub bits: u16,
    /// What it may be used for, as the card says.
    pub uses: Uses,
    /// Whether it says that it was made on the card.
    pub made_on_card: Option<bool>,
    /// Whether its private half is listed.
    pub private: bool,
}

/// A data object on the card.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DataReport {
    /// What it is called.
    pub label: String,
    /// The application it belongs to.
    pub application: String,
    /// Whether it needs the passcode.
    pub private: bool,
    /// Bytes, where it could be read.
    pub size: Option<usize>,
}

/// Reads what the card shows without a passcode.
pub(super) fn read(
    inspection: &mut Inspection,
    token: &mut dyn Token,
    profile: Option<&Profile>,
) -> Result<(), InspectError> {
    for role in [Role::User, Role::Officer] {
        let state = tries(inspection, token, role)?;
        inspection.tries.push(TriesReport {
            reference: role.to_string(),
            state,
        });
    }
    inspection.judge_authentic_tries(profile);
    let contents = match token.contents() {
        Ok(contents) => Some(contents),
        Err(AuthenticError::NotInitialised { .. }) => None,
        Err(error @ AuthenticError::Channel { .. }) => return Err(error.into()),
        Err(error) => {
            let finding = Finding::violation(clause(token.applet()), error.to_string());
            inspection.note("contents", [finding]);
            Some(Contents::default())
        }
    };
    inspection.token = Some(report(token.applet(), contents.as_ref(), profile));
    if let Some(contents) = contents {
        tell_findings(inspection, token.applet(), &contents);
        for listed in &contents.certificates {
            judge_certificate(inspection, listed, &contents, profile);
        }
        judge_slots(inspection, &contents, profile);
    }
    Ok(())
}

fn tries(
    inspection: &mut Inspection,
    token: &mut dyn Token,
    role: Role,
) -> Result<TriesState, InspectError> {
    match token.tries(role) {
        Ok(tries) => Ok(TriesState::of_authentic(tries)),
        Err(error @ AuthenticError::Channel { .. }) => Err(error.into()),
        Err(AuthenticError::PasscodeAbsent { .. }) => Ok(TriesState::Absent),
        Err(error) => {
            let finding = Finding::warning(clause(token.applet()), error.to_string());
            inspection.note("passcode", [finding]);
            Ok(TriesState::NotTold)
        }
    }
}

fn report(applet: Applet, contents: Option<&Contents>, profile: Option<&Profile>) -> TokenReport {
    let token = contents.map(|contents| contents.token.clone());
    let blank = token.is_none();
    let token = token.unwrap_or_default();
    TokenReport {
        applet,
        blank,
        label: token.label,
        serial: token.serial.map(hex::encode_upper),
        manufacturer: token.manufacturer,
        passcode_set: token.passcode_set,
        keys: contents
            .iter()
            .flat_map(|contents| &contents.keys)
            .map(|key| KeyReport {
                id: key.id.0,
                slot: slot_of(profile, key.id.0),
                label: key.label.clone(),
                bits: key.bits,
                uses: key.uses,
                made_on_card: key.made_on_card,
                private: key.private,
            })
            .collect(),
        data: contents
            .iter()
            .flat_map(|contents| &contents.data)
            .map(|data| DataReport {
                label: data.label.clone(),
                application: data.application.clone(),
                private: data.private,
                size: data.value.as_ref().map(Vec::len),
            })
            .collect(),
    }
}

fn tell_findings(inspection: &mut Inspection, applet: Applet, contents: &Contents) {
    for found in &contents.findings {
        let place = found
            .offset
            .map_or_else(String::new, |offset| format!("byte {offset}: "));
        let message = format!("{place}{}", found.problem);
        let finding = match found.severity() {
            Severity::Info => Finding::info(clause(applet), message),
            Severity::Warning => Finding::warning(clause(applet), message),
            Severity::Error => Finding::violation(clause(applet), message),
        };
        inspection.findings.push(CardFinding {
            about: format!("file {}", found.file),
            finding,
        });
    }
}

fn judge_certificate(
    inspection: &mut Inspection,
    listed: &CertificateObject,
    contents: &Contents,
    profile: Option<&Profile>,
) {
    // What keeps it from being a certificate is among the findings of its file.
    let Ok(certificate) = Certificate::from_der(&listed.der) else {
        return;
    };
    let about = format!("certificate of {}", listed.id);
    let mut findings = Vec::new();
    let report = certificate::report_authentic(
        &listed.id.to_string(),
        &listed.file.to_string(),
        slot_of(profile, listed.id.0),
        &certificate,
        profile,
        inspection.read_at,
        &mut findings,
    );
    inspection.certificates.push(report);
    let key = contents.keys.iter().find(|key| key.id == listed.id);
    findings.extend(judge_key(key, &certificate));
    inspection.note(&about, findings);
}

/// Whether the certificate is that of the key beside it.
fn judge_key(key: Option<&KeyObject>, certificate: &Certificate) -> Option<Finding> {
    const CLAUSE: &str = "PKCS #15 v1.1, 6.1.4";
    let Some(key) = key else {
        return Some(Finding::violation(CLAUSE, "no key goes with it"));
    };
    let public = key.public.as_ref()?;
    let spki = certificate.tbs_certificate().subject_public_key_info();
    let same = PublicKey::from_spki(spki).is_ok_and(|own| own == PublicKey::Rsa(public.clone()));
    (!same).then(|| Finding::violation(CLAUSE, "it is of another key than the one beside it"))
}

/// Whether the keys the profile plans are there.
fn judge_slots(inspection: &mut Inspection, contents: &Contents, profile: Option<&Profile>) {
    let Some(plan) = profile.and_then(|profile| profile.authentic.as_ref()) else {
        return;
    };
    let findings: Vec<Finding> = Slot::ALL
        .into_iter()
        .filter_map(|slot| {
            let (id, bits) = plan.slot(slot);
            let message = match contents.keys.iter().find(|key| key.id.0 == id) {
                None => format!("no key {id}, which the profile has for {slot}"),
                Some(key) if key.bits != bits => {
                    format!("RSA-{} for {slot}, the profile has RSA-{bits}", key.bits)
                }
                Some(_) => return None,
            };
            Some(Finding::info(PLAN, message))
        })
        .collect();
    inspection.note("keys", findings);
}

fn slot_of(profile: Option<&Profile>, key: u8) -> Option<Slot> {
    profile?.authentic.as_ref()?.slot_of(key)
}

const fn clause(applet: Applet) -> &'static str {
    match applet {
        Applet::V2 => "AuthentIC v2 as OpenSC reads it",
        Applet::V3 => "PKCS #15 v1.1",
    }
}
