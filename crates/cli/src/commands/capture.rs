use std::path::PathBuf;
use std::time::Duration;

use card_image::{CardImage, Content};
use clap::Args;
use comparison::{CaptureOptions, capture};
use ground::System;
use piv::words::ObjectId;
use serde_json::json;

use crate::card_secrets::HolderPasscode;
use crate::devices;
use crate::output::{Ending, Failure, HEADING, Output};
use crate::selector::{FORMS, Selector};

/// The program in the files it writes.
pub(crate) const PROGRAM: &str = concat!("cardwright ", env!("CARGO_PKG_VERSION"));

/// Save everything readable of a card as one file
///
/// Each object is read once; a fixed set of harmless commands tells how the card answers. Nothing
/// is written to the card. Without a passcode no try is spent and what is behind the passcode is
/// left out; with it one try is made, and none when only one is left. A pairing code is a secret:
/// it is never in the file.
///
/// The file can be looked at as a simulated card (`sim:FILE`) and compared with other cards
/// (`cardwright diff`).
#[derive(Args, Debug)]
#[command(after_help = format!("Examples:
  cardwright capture --reader sim:series10 -o card.json
  cardwright capture --reader \"pcsc:OMNIKEY\" -o card.json --with-passcode
  cardwright inspect --reader sim:card.json

Readers: {FORMS}

Exit codes: 0 done, 2 no such reader or card, the file exists, or a wrong passcode,
            3 the card or the reader failed, 4 the file cannot be written"))]
pub(crate) struct Capture {
    /// Where the card is; the only PC/SC reader there is if left out
    #[arg(long, value_name = "READER", default_value = "pcsc:")]
    reader: Selector,

    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Replace the file if there is one
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    holder: HolderPasscode,

    /// Seconds to wait for a card
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    wait: u64,
}

impl Capture {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        // Known before a try is spent.
        if !self.force && self.output.exists() {
            let shown = self.output.display();
            return Err(Failure::mistake(format!("`{shown}` exists already"))
                .with_hint("name another file, or replace this one with --force"));
        }
        let options = CaptureOptions {
            passcode: self.holder.read()?,
            ..CaptureOptions::new(PROGRAM)
        };
        let ambient = System::shared();
        let link = devices::connect(&self.reader, Duration::from_secs(self.wait), &ambient)?;
        let image = capture(link, &options, &ambient)?;
        image.save(&self.output, self.force)?;
        if output.is_json() {
            output.document(&summary(&image, &self.output.display().to_string()))?;
        } else {
            output.line(&told(&image, &self.output.display().to_string()))?;
        }
        Ok(Ending::Done)
    }
}

fn count(image: &CardImage, is: impl Fn(&Content) -> bool) -> usize {
    image.objects.values().filter(|content| is(content)).count()
}

fn is_withheld(image: &CardImage) -> bool {
    image.objects.get(&ObjectId::PairingCode) == Some(&Content::Withheld)
}

fn summary(image: &CardImage, file: &str) -> serde_json::Value {
    json!({
        "file": file,
        "source": image.source,
        "with_passcode": image.with_passcode,
        "objects": image.values().len(),
        "protected": count(image, Content::is_protected),
        "pairing_code_left_out": is_withheld(image),
        "probes": image.probes.len(),
    })
}

fn told(image: &CardImage, file: &str) -> String {
    let mut lines = vec![format!(
        "{HEADING}{file}{HEADING:#}  {} objects, {} probes of {}",
        image.values().len(),
        image.probes.len(),
        image.source
    )];
    let protected = count(image, Content::is_protected);
    if protected > 0 && !image.with_passcode {
        lines.push(format!(
            "{protected} objects are behind the passcode and not in it; --with-passcode reads them"
        ));
    }
    if is_withheld(image) {
        lines.push("the pairing code is a secret and was left out".to_owned());
    }
    lines.join("\n")
}
