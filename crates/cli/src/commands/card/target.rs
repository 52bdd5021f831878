//! Which card a command is about, and how it is taken up and put down.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ground::{Ambient, System};
use iso7816::transcript::Header;
use iso7816::{Channel, Disposition, Traced, TranscriptWriter};
use jiff::tz::TimeZone;
use serde::Serialize;
use series::{Card, CardOptions, LastTry, Profiles};

use crate::devices;
use crate::output::{Ending, Failure, GOOD, Output};
use crate::selector::Selector;

/// Where the card is.
#[derive(Args, Debug)]
pub(crate) struct Target {
    /// Where the card is; the only PC/SC reader there is if left out
    #[arg(long, value_name = "READER", default_value = "pcsc:")]
    reader: Selector,

    /// Take the card for one of this series, such as `9`, where it may be of several
    #[arg(long, value_name = "SERIES")]
    series: Option<String>,

    /// Record every exchange in this file, secrets left out
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,

    /// Seconds to wait for a card
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    wait: u64,
}

/// Which card it has to be, and what may be spent on it.
#[derive(Args, Debug)]
pub(crate) struct Named {
    /// The card this has to be, by a number `cardwright card status` shows
    #[arg(long, value_name = "NUMBER")]
    card: String,

    /// Spend the last try of a passcode, PUK or SO PIN; a wrong one then blocks it
    #[arg(long)]
    spend_last_try: bool,
}

impl Named {
    /// The number given.
    pub(crate) fn number(&self) -> &str {
        &self.card
    }

    pub(crate) fn last_try(&self) -> LastTry {
        match self.spend_last_try {
            true => LastTry::Spend,
            false => LastTry::Refuse,
        }
    }
}

/// What was done, for machines.
#[derive(Serialize)]
struct Done<'a> {
    card: &'a str,
    done: &'a str,
}

/// Says what was done to which card.
pub(crate) fn done(
    output: Output,
    named: &Named,
    what: &str,
    text: &str,
) -> Result<Ending, Failure> {
    let card = named.number();
    if output.is_json() {
        output.document(&Done { card, done: what })?;
    } else {
        output.line(&format!("{GOOD}done{GOOD:#}: card {card} {text}"))?;
    }
    Ok(Ending::Done)
}

impl Target {
    /// Takes the card up, does something with it, and puts it down again: without power, so that
    /// nobody after us finds a passcode verified.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&mut Card, &dyn Ambient) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let ambient = System::shared();
        let link = devices::connect(&self.reader, Duration::from_secs(self.wait), &ambient)?;
        let Some(path) = &self.transcript else {
            return self.work(Channel::new(link), &*ambient, work);
        };
        let unwritable = |error: &dyn std::fmt::Display| {
            let shown = path.display();
            Failure::store(format!("failed to write transcript `{shown}`: {error}"))
        };
        let file = File::create(path).map_err(|error| unwritable(&error))?;
        let tool = concat!("cardwright ", env!("CARGO_PKG_VERSION"));
        let header = Header::new(tool, ambient.now(), &*link);
        let file = Box::new(BufWriter::new(file));
        let writer = TranscriptWriter::new(file, &header, Arc::clone(&ambient));
        let traced = Traced::new(link, Arc::clone(&ambient), writer.clone());
        let worked = self.work(Channel::new(Box::new(traced)), &*ambient, work);
        let written = writer.finish();
        let result = worked?;
        written.map_err(|error| unwritable(&error))?;
        Ok(result)
    }

    /// As [`Target::with`], once the card is known to be the one named.
    pub(crate) fn with_named<T>(
        &self,
        named: &Named,
        work: impl FnOnce(&mut Card, &dyn Ambient) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.with(|card, ambient| {
            card.claim(named.number())?;
            work(card, ambient)
        })
    }

    fn work<T>(
        &self,
        channel: Channel,
        ambient: &dyn Ambient,
        work: impl FnOnce(&mut Card, &dyn Ambient) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let options = CardOptions {
            profile: self.series.clone(),
            today: ambient.now().to_zoned(TimeZone::UTC).date(),
        };
        let mut card = Card::open(channel, &Profiles::builtin(), &options)?;
        let worked = work(&mut card, ambient);
        let put_down = card.into_channel().disconnect(Disposition::PowerOff);
        // What went wrong first is what the operator has to know.
        let result = worked?;
        put_down?;
        Ok(result)
    }
}
