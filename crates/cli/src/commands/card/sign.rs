use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use series::{Digest, Slot};
use sha1::Digest as _;

use super::target::{Named, Target};
use crate::card_secrets::PasscodeOfCard;
use crate::output::{Ending, Failure, Output};

/// Sign a file with a key of the card
///
/// RSA signatures are PKCS#1 v1.5, those of elliptic curves in DER. The passcode is verified
/// directly before: one try.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright card sign --card 00000007AAAA --slot signing message.txt -o message.sig
  cardwright card sign --card 00000007AAAA --slot signing --hash sha1 old.xml -o old.sig")]
pub(crate) struct Sign {
    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    named: Named,

    #[command(flatten)]
    passcode: PasscodeOfCard,

    /// Which key
    #[arg(long, value_name = "SLOT", default_value = "signing")]
    slot: SlotName,

    /// What the file is hashed with; SHA-1 is for applications that have not moved on
    #[arg(long, value_name = "HASH", default_value = "sha256")]
    hash: Hash,

    /// The file to sign
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Write the signature to this file instead of printing it in hexadecimal
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A slot on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SlotName {
    /// The key for logging in
    Authentication,
    /// The key for signing prescriptions and the like
    Signing,
}

impl SlotName {
    pub(crate) const fn slot(self) -> Slot {
        match self {
            Self::Authentication => Slot::Authentication,
            Self::Signing => Slot::Signing,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Hash {
    Sha256,
    Sha1,
}

#[derive(Serialize)]
struct Signed<'a> {
    card: &'a str,
    slot: Slot,
    signature: String,
}

impl Sign {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        let shown = self.file.display();
        let message = std::fs::read(&self.file)
            .map_err(|error| Failure::mistake(format!("failed to read `{shown}`: {error}")))?;
        let digest = match self.hash {
            Hash::Sha256 => Digest::Sha256(sha2::Sha256::digest(&message).into()),
            Hash::Sha1 => Digest::Sha1(sha1::Sha1::digest(&message).into()),
        };
        let passcode = self.passcode.read()?;
        let slot = self.slot.slot();
        let signature = self.target.with_named(&self.named, |card, _| {
            card.verify(&passcode, self.named.last_try())?;
            Ok(card.sign(slot, &digest)?)
        })?;
        if let Some(path) = &self.output {
            std::fs::write(path, &signature).map_err(|error| {
                Failure::store(format!("failed to write `{}`: {error}", path.display()))
            })?;
        }
        let signature = hex::encode(&signature);
        if output.is_json() {
            output.document(&Signed {
                card: self.named.number(),
                slot,
                signature,
            })?;
        } else if self.output.is_none() {
            output.line(&signature)?;
        }
        Ok(Ending::Done)
    }
}
