use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use series::{Applet, Slot};

use super::sign::SlotName;
use super::target::Target;
use crate::card_secrets::AdminSource;
use crate::output::{Ending, Failure, GOOD, Output};

/// Read the certificate of a slot, or write one
///
/// Reading needs neither passcode nor name. Writing needs the card named, and the administration
/// key (series 9 and 10) or the holder's passcode (series 8).
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright card certificate --reader sim:series10 --slot signing -o certificate.der
  cardwright card certificate --card 00000007AAAA --slot signing --write new.der \\
             --admin-key-file key")]
pub(crate) struct Certificate {
    #[command(flatten)]
    target: Target,

    /// Which key's certificate
    #[arg(long, value_name = "SLOT", default_value = "signing")]
    slot: SlotName,

    /// Write the certificate read to this file, in DER, instead of printing it in hexadecimal
    #[arg(short, long, value_name = "FILE", conflicts_with = "write")]
    output: Option<PathBuf>,

    /// Put the certificate in this file, in DER, on the card in place of the one there is
    #[arg(long, value_name = "FILE", requires = "card")]
    write: Option<PathBuf>,

    /// The card this has to be, by a number `cardwright card status` shows
    #[arg(long, value_name = "NUMBER")]
    card: Option<String>,

    #[command(flatten)]
    admin: AdminSource,

    /// Spend the last try of the passcode; a wrong one then blocks it
    #[arg(long)]
    spend_last_try: bool,
}

#[derive(Serialize)]
struct Held {
    slot: Slot,
    certificate: Option<String>,
}

impl Certificate {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        match (&self.write, &self.card) {
            (Some(path), Some(card)) => self.put(path, card, output),
            _ => self.read(output),
        }
    }

    fn read(&self, output: Output) -> Result<Ending, Failure> {
        let slot = self.slot.slot();
        let der = self.target.with(|card, _| {
            if let Some(named) = &self.card {
                card.claim(named)?;
            }
            Ok(card.certificate(slot)?)
        })?;
        if let (Some(path), Some(der)) = (&self.output, &der) {
            std::fs::write(path, der).map_err(|error| {
                Failure::store(format!("failed to write `{}`: {error}", path.display()))
            })?;
        }
        let certificate = der.map(hex::encode);
        let there = certificate.is_some();
        if output.is_json() {
            output.document(&Held { slot, certificate })?;
        } else {
            match (certificate, &self.output) {
                (None, _) => output.line(&format!("no certificate for {slot}"))?,
                (Some(digits), None) => output.line(&digits)?,
                (Some(_), Some(_)) => {}
            }
        }
        Ok(match there {
            true => Ending::Done,
            false => Ending::Findings,
        })
    }

    fn put(&self, path: &Path, named: &str, output: Output) -> Result<Ending, Failure> {
        let shown = path.display();
        let der = std::fs::read(path)
            .map_err(|error| Failure::mistake(format!("failed to read `{shown}`: {error}")))?;
        let slot = self.slot.slot();
        let last = match self.spend_last_try {
            true => series::LastTry::Spend,
            false => series::LastTry::Refuse,
        };
        self.target.with(|card, ambient| {
            card.claim(named)?;
            match card.applet() {
                Some(Applet::Piv) => {
                    let key = series::AdminSecret::Key(self.admin.key()?);
                    card.open_administration(&key, last, ambient)?;
                }
                Some(Applet::Authentic(_)) => card.verify(&self.admin.passcode()?, last)?,
                None => {}
            }
            Ok(card.write_certificate(slot, &der)?)
        })?;
        if output.is_json() {
            output.document(&Held {
                slot,
                certificate: Some(hex::encode(&der)),
            })?;
        } else {
            output.line(&format!(
                "{GOOD}done{GOOD:#}: card {named} has the certificate for {slot}"
            ))?;
        }
        Ok(Ending::Done)
    }
}
