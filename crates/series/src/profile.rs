mod card_manager;
mod diff;
mod explained;
mod learn;
mod passcode;
mod pattern;
mod plan;
mod policies;
mod refusal;
mod stated;
mod wire;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use iso7816::Limits;
use jiff::civil::Date;
use piv::words::{Algorithm, Edition, KeyReference};
use serde::{Deserialize, Serialize};

use crate::{Known, ProfileError};

pub use card_manager::{
    CardManagerPlan, ChannelLevel, ChannelProtocol, KeyDiversification, ManagerKeys, SerialWriting,
};
pub use diff::{DiffPlan, Tolerance};
pub use explained::Explained;
pub use passcode::{Alphabet, PasscodePolicy, PasscodeProblem};
pub use pattern::{BytePattern, Probe};
pub use plan::{
    AdminKeyChange, AdminPath, PivPlan, PukPolicy, PukScheme, PutKeyForm, Slot, SlotPlan, Slots,
};
pub use policies::{Policies, PolicyHolder};
pub use refusal::Refusal;
pub use stated::{Stated, Unknown};

/// What one card series is: how it is recognised, what it can do and how it is personalised.
///
/// Profiles are TOML files; the built-in ones are in [`Profiles::builtin`](crate::Profiles::builtin)
/// and an engineer can write another with no Rust ([`Profile::load`]).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Profile {
    /// Version of the file format, 1.
    pub schema: u8,
    /// The word for the series on the command line and in files, such as `series-10`.
    pub id: String,
    /// The number of the NHS series; a profile without one is of no NHS card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<u8>,
    /// What people call it.
    pub name: Known<String>,
    /// Where it stands in its life.
    pub state: Known<State>,
    /// Which part of cardwright personalises it.
    pub engine: Known<Engine>,
    /// The edition of SP 800-73 its cards were made to, for a card with the PIV application.
    /// Without one what changed between editions is told and held against no card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edition: Option<Known<Edition>>,
    /// Answers to reset that nominate the series. They never decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub atr: Vec<BytePattern>,
    /// Card production life cycle data (42 bytes) of this series' chips, where known. A profile
    /// with such patterns is struck off when a card shows other data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cplc: Vec<BytePattern>,
    /// Applications that answer SELECT on cards of this series.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<Probe>,
    /// Rules for the holder's passcode.
    pub passcode: PasscodePolicy,
    /// APDU sizes.
    pub channel: ChannelLimits,
    /// Where the card serial number is read.
    pub serial: Known<SerialSource>,
    /// Time budgets.
    pub timing: Timing,
    /// What the series can be used for in the estate.
    pub capabilities: Capabilities,
    /// What the series' certificates look like.
    pub certificate: CertificateProfile,
    /// How a card with the PIV application is personalised; there is one exactly when `engine`
    /// is `piv`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub piv: Option<PivPlan>,
    /// How issuing uses the card manager; without it, it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_manager: Option<CardManagerPlan>,
    /// What may differ between two cards of the series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<DiffPlan>,
    /// What workstations need.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub middleware: Vec<Middleware>,
    /// When and why the series is withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retirement: Option<Retirement>,
    /// Departures from a standard that are known of the series and accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explained: Vec<Explained>,
    /// What is not public and has not even a working default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Unknown>,
}

impl Profile {
    /// The file format this library reads.
    pub const SCHEMA: u8 = 1;

    /// Reads a profile file.
    ///
    /// # Errors
    ///
    /// [`ProfileError::Unreadable`] when the file cannot be read; the others name file and line.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ProfileError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| ProfileError::Unreadable {
            file: name.clone(),
            detail: error.to_string(),
        })?;
        Self::parse(&name, &text)
    }

    /// Reads the text of a profile; `file` is the name errors give it.
    ///
    /// # Errors
    ///
    /// [`ProfileError::Malformed`] with line and column, [`ProfileError::Inconsistent`] when its
    /// parts contradict one another.
    pub fn parse(file: &str, text: &str) -> Result<Self, ProfileError> {
        let profile: Self =
            toml::from_str(text).map_err(|error| ProfileError::malformed(file, text, &error))?;
        match profile.inconsistency() {
            Some((key, problem)) => Err(ProfileError::inconsistent(file, text, key, problem)),
            None => Ok(profile),
        }
    }

    /// The name people use.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name.value
    }

    /// Whether this is a profile of an NHS series.
    #[must_use]
    pub fn is_nhs(&self) -> bool {
        self.series.is_some()
    }

    /// The edition of SP 800-73 to judge its cards by, if one is stated.
    #[must_use]
    pub fn edition(&self) -> Option<Edition> {
        self.edition.as_ref().map(|known| known.value)
    }

    /// The key and algorithm of a slot; `None` when cardwright does not personalise the series.
    #[must_use]
    pub fn slot(&self, slot: Slot) -> Option<(KeyReference, Algorithm)> {
        self.piv.as_ref().map(|plan| plan.slot(slot))
    }

    /// Why no card of this series is issued on this day; `None` when it can be.
    #[must_use]
    pub fn refusal(&self, today: Date) -> Option<Refusal> {
        self.issuable(today).err()
    }

    /// The plan to personalise a card of this series on this day.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when the series is withdrawn by then or cardwright has no engine for it.
    pub fn issuable(&self, today: Date) -> Result<&PivPlan, Refusal> {
        if let Some(retirement) = &self.retirement
            && today >= retirement.blocked.value
        {
            return Err(Refusal::Retired {
                series: self.name().to_owned(),
                since: retirement.blocked.value,
                reason: retirement.reason.value.clone(),
                stated_by: retirement.blocked.source.clone(),
            });
        }
        self.piv.as_ref().ok_or_else(|| Refusal::NoEngine {
            series: self.name().to_owned(),
            engine: self.engine.value,
        })
    }

    /// The sizes to open a channel with.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            command_data: self.channel.command_data.value.into(),
            response_data: self.channel.response_data.value.into(),
        }
    }

    /// Every value of the profile with its path, source and certainty.
    #[must_use]
    pub fn stated(&self) -> Vec<Stated> {
        stated::collect(self)
    }

    /// What is not public: values that are defaults, and questions without an answer.
    #[must_use]
    pub fn unknowns(&self) -> Vec<Unknown> {
        stated::unknowns(self)
    }

    /// The key in the file and what is wrong there, when parts contradict one another.
    fn inconsistency(&self) -> Option<(&'static str, String)> {
        if self.schema != Self::SCHEMA {
            let problem = format!("schema {} where {} is expected", self.schema, Self::SCHEMA);
            return Some(("schema", problem));
        }
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.id.is_empty() || !self.id.chars().all(word) {
            let problem = format!("`{}` is not lower-case letters, digits and `-`", self.id);
            return Some(("id", problem));
        }
        match (self.engine.value, &self.piv) {
            (Engine::Piv, None) => {
                return Some(("engine", "engine `piv` needs a table `[piv]`".to_owned()));
            }
            (engine, Some(_)) if engine != Engine::Piv => {
                let problem = format!("engine `{engine}` has no use for a table `[piv]`");
                return Some(("engine", problem));
            }
            _ => {}
        }
        if self.edition.is_some() && self.engine.value != Engine::Piv {
            let problem = format!("engine `{}` has no edition of SP 800-73", self.engine.value);
            return Some(("edition", problem));
        }
        if let Some(pattern) = self.cplc.iter().find(|pattern| pattern.len() != 42) {
            let problem = format!("CPLC data is 42 bytes, this pattern {}", pattern.len());
            return Some(("cplc", problem));
        }
        let passcode = &self.passcode;
        let lengths = (passcode.min_length.value, passcode.max_length.value);
        if lengths.0 == 0 || lengths.0 > lengths.1 {
            let problem = format!("passcodes of {} to {} characters", lengths.0, lengths.1);
            return Some(("passcode", problem));
        }
        if self.piv.is_some() && (lengths.0 < 6 || lengths.1 > 8) {
            // SP 800-73-5 Part 2, 2.4.3.
            let problem = format!(
                "PIV passcodes have 6 to 8 digits, not {} to {}",
                lengths.0, lengths.1
            );
            return Some(("passcode", problem));
        }
        if self.channel.command_data.value < 255 || self.channel.response_data.value < 256 {
            let problem = "every card takes 255 and gives 256 bytes".to_owned();
            return Some(("channel", problem));
        }
        let through_manager =
            |plan: &PivPlan| plan.admin.change.value == AdminKeyChange::Scp03PutKey;
        if self.card_manager.is_none() && self.piv.as_ref().is_some_and(through_manager) {
            let problem = "change `scp03-put-key` needs a table `[card-manager]`".to_owned();
            return Some(("change", problem));
        }
        if let Some(problem) = self.diff.as_ref().and_then(DiffPlan::inconsistency) {
            return Some(problem);
        }
        let manager = self.card_manager.as_ref();
        self.piv
            .as_ref()
            .and_then(PivPlan::inconsistency)
            .or_else(|| manager.and_then(CardManagerPlan::inconsistency))
    }
}

/// Where a series stands in its life.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Being introduced.
    New,
    /// Issued and accepted.
    InUse,
    /// No longer accepted.
    Retired,
}

impl State {
    /// The word used in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::InUse => "in-use",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which part of cardwright personalises a series.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// The PIV card application.
    Piv,
    /// The AuthentIC applications, which cardwright recognises and does not personalise yet.
    Authentic,
    /// None.
    None,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Piv => "piv",
            Self::Authentic => "authentic",
            Self::None => "none",
        })
    }
}

/// What the card takes and gives in one APDU, in bytes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ChannelLimits {
    /// Most data bytes in one command. 255 means short length fields and chaining.
    pub command_data: Known<u16>,
    /// Most data bytes of a whole response.
    pub response_data: Known<u16>,
}

/// Where the card serial number is read.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SerialSource {
    /// The IC serial number in the card production life cycle data (GET DATA 9F7F).
    Cplc,
    /// Issuer identification number and card image number (GET DATA 0042 and 0045).
    IinCin,
    /// The GUID of the CHUID.
    ChuidGuid,
    /// Nowhere on the chip.
    None,
}

/// Time budgets, in milliseconds. Past them an operation is reported as slow; nothing is aborted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Timing {
    /// One key pair generated on the card.
    pub generate_key_ms: Known<u32>,
    /// One signature.
    pub sign_ms: Known<u32>,
    /// A whole card, from contact to last read-back.
    pub issue_ms: Known<u32>,
}

impl Timing {
    /// The budget for one key pair.
    #[must_use]
    pub fn generate_key(&self) -> Duration {
        Duration::from_millis(self.generate_key_ms.value.into())
    }

    /// The budget for one signature.
    #[must_use]
    pub fn sign(&self) -> Duration {
        Duration::from_millis(self.sign_ms.value.into())
    }

    /// The budget for a whole card.
    #[must_use]
    pub fn issue(&self) -> Duration {
        Duration::from_millis(self.issue_ms.value.into())
    }
}

/// What a series can be used for in the estate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Capabilities {
    /// Logging in to applications behind CIS1.
    #[serde(rename = "authenticate-CIS1")]
    pub authenticate_cis1: Known<bool>,
    /// Logging in to applications behind CIS2.
    #[serde(rename = "authenticate-CIS2")]
    pub authenticate_cis2: Known<bool>,
    /// Signing prescriptions.
    pub sign: Known<bool>,
    /// Being renewed, repaired and unlocked.
    pub service: Known<bool>,
}

/// What workstations need for a series.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Middleware {
    /// What it is called.
    pub name: Known<String>,
    /// The least version, where one is stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Known<String>>,
}

/// What a series' certificates look like.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CertificateProfile {
    /// Months from notBefore to notAfter.
    pub validity_months: Known<u16>,
    /// Days before the end in which a pair can be renewed.
    pub renewal_window_days: Known<u16>,
    /// Organisation (O) of the subject.
    pub organisation: Known<String>,
    /// Organisational unit (OU) of the subject.
    pub organisational_unit: Known<String>,
    /// Certificate policies, dotted decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_policy: Option<Known<String>>,
    /// Whether the issuer is bound to what FIPS 201 asks of agencies of the United States: FASC-N
    /// and piv-interim in the certificates, and the policies of the Common Policy Framework. Left
    /// out where the FASC-N of each card says so itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub federal: Option<Known<bool>>,
    /// The policies of which the certificate of a key must name one, dotted decimal, by the key:
    /// `9A`, `9C`, `9D`, `9E`, or `signer` for the content signer. What is not named may name any;
    /// without this, the Common Policy Framework's bind a federal issuer and none another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<Known<Policies>>,
}

/// When and why a series is withdrawn.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Retirement {
    /// Why.
    pub reason: Known<String>,
    /// The day from which cards no longer authenticate. Dates that slipped are conflicts.
    pub blocked: Known<Date>,
    /// The day from which cards are no longer renewed and unlocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_ended: Option<Known<Date>>,
}
