use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use const_oid::ObjectIdentifier;
use ground::System;
use indicatif::{ProgressBar, ProgressStyle};
use piv::signed::{CertificateRole, CertificateRules};
use piv::words::{Edition, KeyReference};
use series::{Profile, Profiles};
use validation::{
    Assertion, Middleware, Permits, Report, Settings, TrustStore, assertions, validate,
};

use crate::card_secrets::{HolderPasscode, IssuerSecrets};
use crate::devices;
use crate::output::{BAD, Ending, FAINT, Failure, GOOD, HEADING, Output, STDOUT, WARNING};
use crate::selector::{FORMS, Selector};

/// Prove a card against the standards, the rules of the estate and what clients expect
///
/// Nothing is written and no try is spent unless it is permitted for exactly this card. Without a
/// passcode what it protects is left out; a wrong one ends the run after one try.
#[derive(Args, Debug)]
#[command(after_help = format!("Examples:
  cardwright validate --reader sim:series10
  cardwright validate --reader \"pcsc:Virtual PCD\" --with-passcode --html report.html
  cardwright validate --trust anchors/ --crl lists/ --junit validation.xml --json report.json
  cardwright validate --only verify. --all
  cardwright validate --test-card GUID --write --spend-pin-tries 2 --admin-key-file KEY
  cardwright validate --list

Readers: {FORMS}

Exit codes: 0 what was proved holds, 1 something does not or the card is not as it was,
            2 no such reader, card or file, 3 the card or the reader failed"))]
pub(crate) struct Validate {
    /// Where the card is; the only PC/SC reader there is if left out
    #[arg(long, value_name = "READER", default_value = "pcsc:")]
    reader: Selector,

    /// Judge the card by this series or profile file, whatever it seems to be
    #[arg(long, value_name = "NAME|FILE")]
    profile: Option<String>,

    /// Judge the card by this edition of SP 800-73, 73-4 or 73-5, whatever the profile says
    #[arg(long, value_name = "EDITION", value_parser = super::inspect::edition)]
    edition: Option<Edition>,

    /// Write the report as one HTML file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Write the report as JUnit XML for build servers
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Write the report as JSON to a file; without a file it is printed instead of the text
    #[arg(long, id = "json", value_name = "FILE", num_args = 0..=1, default_missing_value = STDOUT)]
    json: Option<String>,

    /// Prove only assertions whose id begins like this; may be repeated
    #[arg(long, value_name = "ID")]
    only: Vec<String>,

    /// Show every outcome, not only what does not hold
    #[arg(long)]
    all: bool,

    /// List the assertions there are and touch no card
    #[arg(long)]
    list: bool,

    /// Certificates to trust: files, or folders of them; may be repeated
    #[arg(long, value_name = "PATH")]
    trust: Vec<PathBuf>,

    /// Certificates that may be on the way to a trusted one; may be repeated
    #[arg(long, value_name = "PATH")]
    intermediate: Vec<PathBuf>,

    /// Revocation lists: files, or folders of them; may be repeated. Nothing is fetched
    #[arg(long, value_name = "PATH")]
    crl: Vec<PathBuf>,

    /// Whose rules bind the certificates; what the profile says if left out
    #[arg(long = "issuer", value_name = "ISSUER")]
    issuer_rules: Option<Issuer>,

    /// A policy the certificate of a key may name, such as 9A=1.2.826.0.1275.102.0.3.2.0, or
    /// signer=OID for the content signer; may be repeated
    #[arg(long, value_name = "KEY=OID", value_parser = Policy::parse, requires = "issuer_rules")]
    policy: Vec<Policy>,

    /// What further clients need of a card: files of their expectations; may be repeated
    #[arg(long, value_name = "FILE")]
    middleware: Vec<PathBuf>,

    #[command(flatten)]
    holder: HolderPasscode,

    #[command(flatten)]
    issuer: IssuerSecrets,

    /// The card that may be written to and whose tries may be spent, by GUID or serial number
    #[arg(long, value_name = "CARD")]
    test_card: Option<String>,

    /// Permit writing to the test card
    #[arg(long, requires = "test_card")]
    write: bool,

    /// Permit this many wrong passcodes in a row at the test card; the right one follows
    #[arg(long, value_name = "N", default_value_t = 0, requires = "test_card")]
    spend_pin_tries: u8,

    /// The key of the test card that may be replaced by a new one, such as 9D
    #[arg(long, value_name = "KEY", value_parser = key_reference, requires = "write")]
    spare_key: Option<KeyReference>,

    /// Seconds to wait for a card
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    wait: u64,
}

/// Whose rules bind an issuer's certificates.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Issuer {
    /// An agency of the United States: the Common Policy, FASC-N and piv-interim
    Federal,
    /// Anybody else
    Other,
}

/// A policy that a certificate may name.
#[derive(Clone, Copy, Debug)]
struct Policy {
    role: CertificateRole,
    policy: ObjectIdentifier,
}

impl Policy {
    fn parse(text: &str) -> Result<Self, String> {
        let (key, policy) = text
            .split_once('=')
            .ok_or("write it as KEY=OID, such as 9A=2.16.840.1.101.3.2.1.3.13")?;
        let role = match key {
            "signer" => Some(CertificateRole::ContentSigner),
            key => key_reference(key).ok().and_then(CertificateRole::of),
        };
        Ok(Self {
            role: role.ok_or_else(|| {
                format!("`{key}` has no certificate profile; 9A, 9C, 9D, 9E and signer have")
            })?,
            policy: policy
                .parse()
                .map_err(|_| format!("`{policy}` is no object identifier"))?,
        })
    }
}

impl Validate {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        if self.list {
            return list(output);
        }
        let settings = self.settings()?;
        let ambient = System::shared();
        let link = devices::connect(&self.reader, Duration::from_secs(self.wait), &ambient)?;
        let bar = progress_bar(output);
        let report = validate(link, &settings, &ambient, &mut |done, of, what| {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
            bar.set_message(what.to_owned());
        });
        bar.finish_and_clear();
        let report = report?;
        // First to the terminal: a file that cannot be written must not cost the result.
        if output.is_json() {
            output.document(&report)?;
        } else {
            output.line(&coloured(report.to_text(self.all).trim_end()))?;
        }
        self.write_files(&report)?;
        Ok(match report.is_good() {
            true => Ending::Done,
            false => Ending::Findings,
        })
    }

    fn settings(&self) -> Result<Settings, Failure> {
        let (profiles, profile) = profile(self.profile.as_deref())?;
        Ok(Settings {
            profiles,
            profile,
            edition: self.edition,
            passcode: self.holder.read()?,
            puk: self.issuer.puk()?,
            admin_key: self.issuer.admin_key()?,
            permits: Permits {
                write: self.write,
                pin_tries: self.spend_pin_tries,
                test_card: self.test_card.clone(),
                spare_key: self.spare_key,
            },
            pairing_code: self.issuer.pairing_code()?,
            trust: TrustStore::load(&self.trust, &[&self.intermediate[..], &self.crl].concat())?,
            rules: self.rules(),
            middleware: self.clients()?,
            only: self.only.clone(),
            retired: true,
        })
    }

    /// The clients built in, and those the operator names.
    fn clients(&self) -> Result<Vec<Middleware>, Failure> {
        let mut clients = Middleware::built_in();
        for path in &self.middleware {
            clients.push(Middleware::load(path)?);
        }
        Ok(clients)
    }

    /// What is demanded of certificates, if the operator says so.
    fn rules(&self) -> Option<CertificateRules> {
        let mut rules = match self.issuer_rules? {
            Issuer::Federal => CertificateRules::common(),
            Issuer::Other => CertificateRules::non_federal(),
        };
        if !self.policy.is_empty() {
            rules.policies.clear();
        }
        for Policy { role, policy } in &self.policy {
            rules.policies.entry(*role).or_default().push(*policy);
        }
        Some(rules)
    }

    fn write_files(&self, report: &Report) -> Result<(), Failure> {
        if let Some(path) = &self.html {
            write(path, &report.to_html())?;
        }
        if let Some(path) = &self.junit {
            write(path, &report.to_junit())?;
        }
        if let Some(path) = self.json.as_deref().filter(|path| *path != STDOUT) {
            let text = serde_json::to_string_pretty(report)
                .map_err(|error| Failure::mistake(format!("the report is no JSON: {error}")))?;
            write(Path::new(path), &text)?;
        }
        Ok(())
    }
}

/// The profiles to identify the card by, and the one to judge it by: one of them or a file.
fn profile(named: Option<&str>) -> Result<(Profiles, Option<String>), Failure> {
    let mut profiles = Profiles::builtin();
    let Some(named) = named else {
        return Ok((profiles, None));
    };
    if profiles.get(named).is_err() && Path::new(named).exists() {
        let profile = Profile::load(named)?;
        let id = profile.id.clone();
        profiles.put(profile);
        return Ok((profiles, Some(id)));
    }
    profiles.get(named)?;
    Ok((profiles, Some(named.to_owned())))
}

fn key_reference(text: &str) -> Result<KeyReference, String> {
    u8::from_str_radix(text, 16)
        .ok()
        .and_then(KeyReference::from_byte)
        .filter(|key| key.certificate().is_some())
        .ok_or_else(|| format!("`{text}` is no key with a certificate; such are 9A, 9C, 9D, 9E"))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| {
        Failure::store(format!("failed to write `{}`: {error}", path.display()))
            .with_hint("check the path and the space on the disk")
    })
}

fn progress_bar(output: Output) -> ProgressBar {
    if !output.shows_progress() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{pos:>4}/{len} {wide_msg}")
        .expect("the template is one that indicatif knows");
    ProgressBar::no_length().with_style(style)
}

fn list(output: Output) -> Result<Ending, Failure> {
    if output.is_json() {
        let listed: Vec<&Assertion> = assertions().collect();
        output.document(&listed)?;
        return Ok(Ending::Done);
    }
    for assertion in assertions() {
        let mut notes: Vec<String> = assertion.needs.iter().map(ToString::to_string).collect();
        if assertion.writes {
            notes.push("writes".to_owned());
        }
        if assertion.pin_tries > 0 {
            notes.push(format!("spends {} tries", assertion.pin_tries));
        }
        let notes = match notes.is_empty() {
            true => String::new(),
            false => format!(" ({})", notes.join(", ")),
        };
        output.line(&format!(
            "{HEADING}{}{HEADING:#}  {}{FAINT}\n    {} {}{notes}{FAINT:#}",
            assertion.id, assertion.title, assertion.standard, assertion.clause
        ))?;
    }
    Ok(Ending::Done)
}

/// Headings bold, verdicts in colour. The terminal layer takes both away where there is none.
fn coloured(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let style = match line.trim_start() {
            _ if !line.starts_with(' ') && !line.is_empty() => Some(HEADING),
            rest if rest.starts_with("fail ") || rest.starts_with("changed:") => Some(BAD),
            rest if rest.starts_with("warning ") => Some(WARNING),
            rest if rest.starts_with("pass ") || rest.starts_with("as it was") => Some(GOOD),
            rest if rest.starts_with("not applicable ") || rest.starts_with("skipped ") => {
                Some(FAINT)
            }
            _ => None,
        };
        lines.push(match style {
            Some(style) => format!("{style}{line}{style:#}"),
            None => line.to_owned(),
        });
    }
    lines.join("\n")
}
