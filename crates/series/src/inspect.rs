mod certificate;
mod objects;
mod text;
mod token;

use authentic::AuthenticError;
use ground::{Blame, Blamed};
use iso7816::atr::AtrLine;
use iso7816::{Atr, Channel};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use piv::words::{Edition, PinReference};
use piv::{ApplicationProperties, Client, Finding, PivError, Severity, Tries};
use serde::Serialize;
use thiserror::Error;

use crate::identify::hexadecimal;
use crate::{
    Applet, Identification, IdentifyError, Operation, OperationStatus, Profile, ProfileError,
    Profiles, SerialSource, identify,
};

pub(crate) use certificate::not_after;
pub use certificate::{CertificateReport, Validity};
pub use objects::{
    ChuidReport, DiscoveryReport, HashReport, HashState, ObjectReport, ObjectState, SecurityReport,
    SignatureState,
};
pub use token::{DataReport, KeyReport, TokenReport};

/// Reads everything a card shows without a passcode into one report.
///
/// Only SELECT, GET DATA, VERIFY without data and, with AuthentIC, READ BINARY and READ RECORD are
/// sent: no try is spent and nothing is written. `now` is the moment certificates are judged at.
///
/// # Errors
///
/// [`InspectError`] when the card stops answering or the profile asked for is absent. A card that refuses, or holds nonsense, is
/// reported and is no error.
pub fn inspect(
    mut channel: Channel,
    profiles: &Profiles,
    options: &InspectOptions,
    now: Timestamp,
) -> Result<(Inspection, Channel), InspectError> {
    let identification = identify(&mut channel, profiles)?;
    let profile = judging_profile(&identification, profiles, options)?;
    let mut inspection = Inspection::begin(&channel, identification, profile, profiles, now);
    let selected = inspection.identification.selected.as_ref();
    if let Some(answer) = selected.filter(|answer| answer.is_piv()) {
        // Identification has left it selected, and knows what it said.
        let application = ApplicationProperties::parse(&answer.data);
        let mut client = Client::from_selected(channel, application);
        inspection.read_piv(&mut client, profile, options)?;
        channel = client.into_channel();
    }
    if let Some(Applet::Authentic(version)) = inspection.identification.applet() {
        let opened = authentic::open(channel, version);
        let mut token = opened.map_err(|unopened| unopened.error)?;
        token::read(&mut inspection, &mut *token, profile)?;
        channel = token.into_channel();
    }
    inspection.serial = serial(&inspection, profile);
    inspection.judge_by_edition(options.edition.or(profile.and_then(Profile::edition)));
    Ok((inspection, channel))
}

/// How to inspect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InspectOptions {
    /// The profile to judge the card by. Without one it is the first candidate cardwright has an
    /// engine for.
    pub profile: Option<String>,
    /// The edition of SP 800-73 to judge the card by, whatever the profile says. Without one, and
    /// none in the profile, what changed between editions is told and no violation.
    pub edition: Option<Edition>,
    /// Read the twenty retired certificates too. They are empty on most cards and cost a command
    /// each.
    pub retired: bool,
}

impl Default for InspectOptions {
    fn default() -> Self {
        Self {
            profile: None,
            edition: None,
            retired: true,
        }
    }
}

/// What one card is and holds.
///
/// Its JSON form is versioned by `schema`; its text form is [`Inspection::to_text`].
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Inspection {
    /// Version of the JSON form, 1.
    pub schema: u8,
    /// The reader, in the words of its selector.
    pub reader: String,
    /// When the card was read.
    pub read_at: Timestamp,
    /// The answer to reset.
    pub atr: AtrReport,
    /// Which series the card may be of, and why.
    pub identification: Identification,
    /// The id of the profile the card is judged by.
    pub judged_by: Option<String>,
    /// The edition of SP 800-73 the card is judged by, if one is known.
    pub edition: Option<Edition>,
    /// Why cards of that profile are not issued, if so.
    pub refusal: Option<String>,
    /// What is not done any more with a card of a withdrawn series, each from its day on.
    pub refused: Vec<OperationStatus>,
    /// The card serial number, if one could be read.
    pub serial: Option<CardSerial>,
    /// What the PIV application says of itself, if there is one.
    pub application: Option<ApplicationProperties>,
    /// What the AuthentIC application holds, if there is one.
    pub token: Option<TokenReport>,
    /// How passcodes and the PUK stand.
    pub tries: Vec<TriesReport>,
    /// The PIV data objects, in the order of the standard.
    pub objects: Vec<ObjectReport>,
    /// The certificates among them.
    pub certificates: Vec<CertificateReport>,
    /// The CHUID, if the card has one.
    pub chuid: Option<ChuidReport>,
    /// The Discovery Object, if the card has one.
    pub discovery: Option<DiscoveryReport>,
    /// The Security Object, if the card has one.
    pub security: Option<SecurityReport>,
    /// Everything worth telling, from all parts of the card.
    pub findings: Vec<CardFinding>,
}

/// An answer to reset, taken apart.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AtrReport {
    /// The bytes, hexadecimal in JSON.
    #[serde(serialize_with = "hexadecimal")]
    pub raw: Vec<u8>,
    /// What they mean, line by line; empty if they could not be followed.
    pub lines: Vec<AtrLine>,
}

/// A card serial number and where it was read.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CardSerial {
    /// Hexadecimal digits; for the CHUID's GUID in the form of a UUID.
    pub value: String,
    /// Where it was read.
    pub source: SerialSource,
}

/// How one reference stands.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TriesReport {
    /// What it is called.
    pub reference: String,
    /// How it stands.
    #[serde(flatten)]
    pub state: TriesState,
}

/// How a passcode or PUK stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum TriesState {
    /// This many tries left.
    Left {
        /// How many.
        tries: u8,
    },
    /// None left.
    Blocked,
    /// Verified in this session.
    Verified,
    /// The card has none.
    Absent,
    /// The card does not say.
    NotTold,
}

impl TriesState {
    /// As an AuthentIC application tells it.
    pub(crate) fn of_authentic(tries: authentic::Tries) -> Self {
        match tries.left {
            _ if !tries.set => Self::Absent,
            _ if tries.blocked => Self::Blocked,
            _ if tries.verified => Self::Verified,
            Some(tries) => Self::Left { tries },
            None => Self::NotTold,
        }
    }
}

/// A finding and the part of the card it is about.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CardFinding {
    /// The part, such as `CHUID`.
    pub about: String,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

impl Inspection {
    /// The version of the JSON form.
    pub const SCHEMA: u8 = 1;

    /// The findings that go against a standard.
    pub fn violations(&self) -> impl Iterator<Item = &CardFinding> {
        self.findings
            .iter()
            .filter(|finding| finding.finding.severity == Severity::Violation)
    }

    /// The report as plain text in sections.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::render(self)
    }

    fn begin(
        channel: &Channel,
        identification: Identification,
        profile: Option<&Profile>,
        profiles: &Profiles,
        now: Timestamp,
    ) -> Self {
        let today = now.to_zoned(TimeZone::UTC).date();
        let refusal = identification
            .refusal(profiles, Operation::Issue, today)
            .or(profile.and_then(|profile| profile.refusal(today)));
        let refused = Operation::ALL
            .into_iter()
            .filter_map(|operation| {
                let refusal = identification.refusal(profiles, operation, today)?;
                Some(OperationStatus::new(operation, &refusal))
            })
            .collect();
        let mut inspection = Self {
            refused,
            schema: Self::SCHEMA,
            reader: channel.link().name().to_owned(),
            read_at: now,
            atr: AtrReport {
                raw: identification.atr.clone(),
                lines: Vec::new(),
            },
            identification,
            judged_by: profile.map(|profile| profile.id.clone()),
            edition: None,
            refusal: refusal.map(|refusal| refusal.to_string()),
            serial: None,
            application: None,
            token: None,
            tries: Vec::new(),
            objects: Vec::new(),
            certificates: Vec::new(),
            chuid: None,
            discovery: None,
            security: None,
            findings: Vec::new(),
        };
        inspection.read_atr();
        inspection.compare_profile(profile);
        for text in &inspection.identification.contradictions {
            inspection.findings.push(CardFinding {
                about: "series".to_owned(),
                finding: Finding::warning("series profiles", text),
            });
        }
        inspection.tell_production();
        inspection
    }

    fn tell_production(&mut self) {
        for malformed in &self.identification.numbers.findings {
            let message = format!(
                "{} ({})",
                malformed.detail,
                hex::encode_upper(&malformed.raw)
            );
            self.findings.push(CardFinding {
                about: malformed.object.to_owned(),
                finding: Finding::warning("GlobalPlatform Card Specification 2.3.1, 11.3", message),
            });
        }
    }

    fn read_atr(&mut self) {
        const CLAUSE: &str = "ISO/IEC 7816-3, 8.2";
        let findings = match Atr::parse(&self.atr.raw) {
            Ok(atr) => {
                self.atr.lines = atr.explain();
                let texts = atr.findings.iter().map(ToString::to_string);
                texts.map(|text| Finding::violation(CLAUSE, text)).collect()
            }
            Err(error) => vec![Finding::violation(CLAUSE, error.to_string())],
        };
        self.note("answer to reset", findings);
    }

    /// A profile the operator named may not be what the card seems to be.
    fn compare_profile(&mut self, profile: Option<&Profile>) {
        let Some(profile) = profile.filter(|profile| !self.identification.admits(&profile.id))
        else {
            return;
        };
        let text = format!(
            "judged by profile {}, but the card is {}",
            profile.id, self.identification.conclusion
        );
        self.note("series", [Finding::warning("series profiles", text)]);
    }

    fn read_piv(
        &mut self,
        client: &mut Client,
        profile: Option<&Profile>,
        options: &InspectOptions,
    ) -> Result<(), PivError> {
        let application = client.application().clone();
        self.note("application", application.findings.clone());
        self.application = Some(application);
        for reference in [
            PinReference::Application,
            PinReference::Global,
            PinReference::Unblocking,
        ] {
            let state = match client.tries(reference) {
                Ok(Tries::Left(tries)) => TriesState::Left { tries },
                Ok(Tries::Blocked) => TriesState::Blocked,
                Ok(Tries::Verified) => TriesState::Verified,
                // The standard has no VERIFY for the PUK: 6A88 says nothing about it.
                Ok(Tries::NotPresent) if reference == PinReference::Unblocking => {
                    TriesState::NotTold
                }
                Ok(Tries::NotPresent) => TriesState::Absent,
                Err(PivError::Refused { .. }) => TriesState::NotTold,
                Err(error) => return Err(error),
            };
            self.tries.push(TriesReport {
                reference: reference.to_string(),
                state,
            });
        }
        self.judge_tries(profile);
        objects::read(self, client, profile, options)
    }

    fn judge_tries(&mut self, profile: Option<&Profile>) {
        let most = Edition::Fifth.most_pin_tries();
        // The PIV PIN and the Global PIN.
        let generous: Vec<_> = self
            .tries
            .iter()
            .take(2)
            .filter_map(|report| match report.state {
                TriesState::Left { tries } if tries > most => Some(Finding::since(
                    Edition::Fifth,
                    "SP 800-73-5 Part 1, Appendix G",
                    format!(
                        "{} has {tries} tries left, at most {most} are allowed",
                        report.reference
                    ),
                )),
                _ => None,
            })
            .collect();
        self.note("passcode", generous);
        // The first is the PIV PIN.
        let findings = match self.tries.first().map(|report| report.state) {
            Some(TriesState::Blocked) => vec![Finding::warning(
                "SP 800-73-5 Part 2, 3.2.1",
                "the passcode is blocked; unblock it with the PUK",
            )],
            Some(TriesState::Left { tries }) => {
                let allowed = profile.map(|profile| &profile.passcode.tries);
                match allowed.filter(|allowed| allowed.value != tries && !allowed.is_default()) {
                    Some(allowed) => vec![Finding::info(
                        "series profile, [passcode]",
                        format!("{tries} tries left, the series allows {}", allowed.value),
                    )],
                    None => Vec::new(),
                }
            }
            _ => Vec::new(),
        };
        self.note("passcode", findings);
    }

    /// What the counters of an AuthentIC card say.
    fn judge_authentic_tries(&mut self, profile: Option<&Profile>) {
        const CLAUSE: &str = "series profile, [passcode]";
        let mut findings = Vec::new();
        for (index, report) in self.tries.iter().enumerate() {
            let (who, remedy) = match index {
                0 => ("the passcode", "unlock it with the SO PIN"),
                _ => ("the SO PIN", "the card cannot be unlocked any more"),
            };
            match report.state {
                TriesState::Blocked => {
                    findings.push(Finding::warning(
                        CLAUSE,
                        format!("{who} is blocked; {remedy}"),
                    ));
                }
                TriesState::Left { tries: 1 } => {
                    findings.push(Finding::warning(CLAUSE, format!("{who} has one try left")));
                }
                TriesState::Left { tries } if index == 0 => {
                    let allowed = profile.map(|profile| &profile.passcode.tries);
                    if let Some(allowed) = allowed.filter(|allowed| allowed.value != tries) {
                        let told =
                            format!("{tries} tries left, the series allows {}", allowed.value);
                        findings.push(Finding::info(CLAUSE, told));
                    }
                }
                _ => {}
            }
        }
        self.note("passcode", findings);
    }

    /// Settles what depends on the edition.
    fn judge_by_edition(&mut self, edition: Option<Edition>) {
        self.edition = edition;
        self.findings = std::mem::take(&mut self.findings)
            .into_iter()
            .filter_map(|found| {
                Some(CardFinding {
                    finding: found.finding.judged_by(edition)?,
                    ..found
                })
            })
            .collect();
    }

    fn note(&mut self, about: &str, findings: impl IntoIterator<Item = Finding>) {
        let findings = findings.into_iter().map(|finding| CardFinding {
            about: about.to_owned(),
            finding,
        });
        self.findings.extend(findings);
    }
}

/// Why a card could not be inspected.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InspectError {
    /// The card stopped answering while it was identified.
    #[error(transparent)]
    Identify(#[from] IdentifyError),
    /// The card stopped answering while it was read.
    #[error(transparent)]
    Piv(#[from] PivError),
    /// The card stopped answering while its AuthentIC application was read.
    #[error(transparent)]
    Authentic(#[from] AuthenticError),
    /// There is no profile of the name asked for.
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

impl Blamed for InspectError {
    fn blame(&self) -> Blame {
        match self {
            Self::Identify(error) => error.blame(),
            Self::Piv(error) => error.blame(),
            Self::Authentic(error) => error.blame(),
            Self::Profile(error) => error.blame(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Identify(error) => error.hint(),
            Self::Piv(error) => error.hint(),
            Self::Authentic(error) => error.hint(),
            Self::Profile(error) => error.hint(),
        }
    }
}

/// The profile to judge by: the one named, or the first candidate with an engine, or the first.
fn judging_profile<'a>(
    identification: &Identification,
    profiles: &'a Profiles,
    options: &InspectOptions,
) -> Result<Option<&'a Profile>, ProfileError> {
    if let Some(id) = &options.profile {
        return profiles.get(id).map(Some);
    }
    let candidates: Vec<&Profile> = profiles
        .iter()
        .filter(|profile| identification.admits(&profile.id))
        .collect();
    let with_engine = candidates.iter().find(|profile| profile.plan().is_some());
    Ok(with_engine.or(candidates.first()).copied())
}

fn serial(inspection: &Inspection, profile: Option<&Profile>) -> Option<CardSerial> {
    let identification = &inspection.identification;
    let read = |source| {
        let value = match source {
            SerialSource::Cplc => identification.chip_number().map(hex::encode_upper),
            SerialSource::IinCin => identification
                .numbers
                .issuer_serial()
                .map(|serial| serial.to_string()),
            SerialSource::ChuidGuid => inspection.chuid.as_ref()?.guid.clone(),
            SerialSource::None => None,
        }?;
        Some(CardSerial { value, source })
    };
    match profile {
        Some(profile) => {
            let others = profile.serial.conflicts.iter();
            std::iter::once(profile.serial.value)
                .chain(others.map(|conflict| conflict.value))
                .find_map(read)
        }
        None => read(SerialSource::Cplc),
    }
}
