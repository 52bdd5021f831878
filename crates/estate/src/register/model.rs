use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use series::{Conflict, Known};

use crate::Version;
use crate::words::plain;

/// The document key of a citation: what stands before the colon.
pub(crate) fn key(cited: &str) -> &str {
    cited.split(':').next().unwrap_or_default().trim()
}

/// A document the register draws on.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Source {
    /// The short word citations use.
    pub key: String,
    /// Who says it, and where.
    pub title: String,
    /// The day the document gives itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dated: Option<Date>,
    /// The day it was read.
    pub read: Date,
}

impl Source {
    /// The last day of which the document can tell.
    #[must_use]
    pub fn as_of(&self) -> Date {
        self.dated.unwrap_or(self.read)
    }
}

/// Something of the calendar.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Event {
    /// The word rules refer to it by.
    pub id: String,
    /// What happens, in plain words.
    pub what: String,
    /// The first day on which it holds. Without one there is no date any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Known<Date>>,
    /// How the source writes the date, where that is no day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_written: Option<String>,
    /// Dates that were announced and passed without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slipped: Vec<Conflict<Date>>,
    /// What another source says that is no date.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disagreements: Vec<Disagreement>,
}

impl Event {
    /// The first day on which it holds, if there is one.
    #[must_use]
    pub fn day(&self) -> Option<Date> {
        self.date.as_ref().map(|known| known.value)
    }

    /// Whether it holds on a day, whoever confirmed it.
    #[must_use]
    pub fn holds(&self, on: Date) -> bool {
        self.day().is_some_and(|day| on >= day)
    }
}

/// What another source says.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Disagreement {
    /// In plain words.
    pub says: String,
    /// Who says so.
    pub source: String,
}

/// What a card is used for through a client.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Function {
    /// Logging in to applications behind CIS1.
    #[serde(rename = "authenticate-CIS1")]
    AuthenticateCis1,
    /// Logging in to applications behind CIS2.
    #[serde(rename = "authenticate-CIS2")]
    AuthenticateCis2,
    /// Signing prescriptions.
    #[serde(rename = "sign")]
    Sign,
    /// Being renewed, repaired and unlocked.
    #[serde(rename = "service")]
    Service,
}

impl Function {
    /// All of them, in the order of listings.
    pub const ALL: [Self; 4] = [
        Self::AuthenticateCis1,
        Self::AuthenticateCis2,
        Self::Sign,
        Self::Service,
    ];

    /// The word in the register and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthenticateCis1 => "authenticate-CIS1",
            Self::AuthenticateCis2 => "authenticate-CIS2",
            Self::Sign => "sign",
            Self::Service => "service",
        }
    }

    /// In plain words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::AuthenticateCis1 => "log in to CIS1",
            Self::AuthenticateCis2 => "log in to CIS2",
            Self::Sign => "sign",
            Self::Service => "renew and unlock",
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Through what a card is used: a program on the machine, or a service behind it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Client {
    /// The word rules refer to it by.
    pub id: String,
    /// What it is called.
    pub name: Known<String>,
    /// Phrases by which inventories name it.
    #[serde(rename = "match")]
    pub(crate) phrases: Phrases,
    /// Only this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exactly: Option<Version>,
    /// Only versions before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<Version>,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleKind {
    /// Opens, from `begins` until `ends`.
    Allow,
    /// Works and should not be relied on, from `begins`.
    Warn,
    /// Stops for good, from `begins`.
    Block,
}

/// What a series may do with a client, from when until when.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// Its name.
    pub id: String,
    /// What it does.
    pub kind: RuleKind,
    /// The series it is about; empty for every one.
    #[serde(default)]
    pub series: Vec<u8>,
    /// The clients it is about, by id; empty for every one.
    #[serde(default)]
    pub clients: Vec<String>,
    /// The functions it is about; empty for every one.
    #[serde(default)]
    pub functions: Vec<Function>,
    /// Why, in plain words.
    pub says: Known<String>,
    /// The event with which it begins; without one it always was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins: Option<String>,
    /// The event with which an allowance ends; without one it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// What the advice replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Thing>,
}

impl Rule {
    /// Whether it is about this combination.
    #[must_use]
    pub fn covers(&self, series: u8, client: &str, function: Function) -> bool {
        self.covers_pair(Some(series), Some(client))
            && (self.functions.is_empty() || self.functions.contains(&function))
    }

    /// Whether it is about this series and client in any function. What is not known is covered
    /// only by a rule about every one.
    pub(crate) fn covers_pair(&self, series: Option<u8>, client: Option<&str>) -> bool {
        let series_covered =
            self.series.is_empty() || series.is_some_and(|series| self.series.contains(&series));
        let client_covered = self.clients.is_empty()
            || client.is_some_and(|client| self.clients.iter().any(|known| known == client));
        series_covered && client_covered
    }
}

/// What has to be replaced.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Thing {
    /// Smartcards, counted by card.
    Cards,
    /// Programs such as the Identity Agent, counted by machine.
    Clients,
    /// Applications that use CIS1, counted by machine.
    Applications,
    /// Middleware, counted by machine.
    Middleware,
    /// Credential Management, counted by machine.
    CredentialManagement,
    /// Printers.
    Printers,
}

impl Thing {
    /// All of them, in the order of listings.
    pub const ALL: [Self; 6] = [
        Self::Cards,
        Self::Clients,
        Self::Applications,
        Self::Middleware,
        Self::CredentialManagement,
        Self::Printers,
    ];

    /// In plain words, for listings and plots.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Cards => "smartcards",
            Self::Clients => "machines: client",
            Self::Applications => "machines: CIS1 applications",
            Self::Middleware => "machines: middleware",
            Self::CredentialManagement => "machines: Credential Management",
            Self::Printers => "printers",
        }
    }
}

/// Clients that do not go on one machine.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Apart {
    /// Its name.
    pub id: String,
    /// The clients, by id.
    pub clients: Vec<String>,
    /// Why, in plain words.
    pub says: Known<String>,
    /// What to do about it.
    pub advice: String,
}

/// In which column of an inventory a program stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SoftwareColumn {
    /// By name.
    Middleware,
    /// By version.
    CredentialManagement,
}

/// A program machines need, or must not have.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Software {
    /// Its name in the register.
    pub id: String,
    /// Where an inventory says what is installed.
    pub column: SoftwareColumn,
    /// The series that need it; empty for every one.
    #[serde(default)]
    pub series: Vec<u8>,
    /// The clients that need it, by id; empty for every one.
    #[serde(default)]
    pub clients: Vec<String>,
    /// What it is called.
    pub name: Known<String>,
    /// Phrases by which inventories name it.
    #[serde(default, rename = "match")]
    pub(crate) phrases: Phrases,
    /// The least version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Known<Version>>,
    /// Why, in plain words.
    pub why: Known<String>,
    /// The event by which it is to be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// Whether it is to be taken off rather than installed.
    #[serde(default)]
    pub unwanted: bool,
    /// What to do about it.
    pub advice: String,
}

/// What is known of a kind of printer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Printer {
    /// Its name in the register.
    pub id: String,
    /// Phrases by which inventories name it.
    #[serde(rename = "match")]
    pub(crate) phrases: Phrases,
    /// In plain words.
    pub says: Known<String>,
    /// What to do about it.
    pub advice: String,
    /// Whether it has to be replaced.
    #[serde(default)]
    pub end_of_life: bool,
    /// Whether its machine needs Credential Management.
    #[serde(default)]
    pub needs_credential_management: bool,
}

/// Who may use Windows Hello.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hello {
    /// The version of the TPM.
    pub tpm: Known<Version>,
    /// That the device is the user's own.
    pub own_device: Known<String>,
    /// For what a camera or fingerprint reader is needed.
    pub biometrics: Known<String>,
    /// For which applications.
    pub applications: Known<String>,
    /// What else to know when registering.
    pub battery: Known<String>,
    /// Which Windows, by build.
    #[serde(default)]
    pub windows: Vec<Windows>,
}

/// A version of Windows, by the builds it has.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Windows {
    /// What it is called.
    pub name: String,
    /// Its first build.
    pub first_build: u32,
    /// Its last build; open without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_build: Option<u32>,
    /// Whether Windows Hello is for it.
    pub eligible: Known<bool>,
    /// What is known of one build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Known<String>>,
    /// That build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note_build: Option<u32>,
}

/// Phrases of an inventory, as [`plain`] text.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(from = "Vec<String>")]
pub(crate) struct Phrases(pub(crate) Vec<String>);

impl From<Vec<String>> for Phrases {
    fn from(phrases: Vec<String>) -> Self {
        Self(phrases.iter().map(|phrase| plain(phrase)).collect())
    }
}
