use clap::Args;
use ground::Ambient;
use piv::secrets::Passcode;
use series::{AdminSecret, Applet, Card, LastTry, NewPasscode, UnlockSecret};

use super::target::{Named, Target, done};
use crate::card_secrets::AdminSource;
use crate::output::{Ending, Failure, Output};

/// Wipe certificates, keys and identity objects, so that the plastic can be used again
///
/// Series 9 and 10 need the administration key: objects are emptied, and each key is overwritten by
/// one that nobody has certified, as PIV cannot delete keys. Series 8 needs the holder's passcode,
/// or the SO PIN, with which the card gets a new passcode that nobody knows. Other secrets stay.
/// What was cleared half-way is cleared by clearing again. The certificates are to be revoked
/// where they were made.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright card clear --card 00000007AAAA --admin-key-file key
  cardwright card clear --reader sim:series8 --card 00000007AAAA --so-pin-file so-pin")]
pub(crate) struct Clear {
    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    named: Named,

    #[command(flatten)]
    admin: AdminSource,
}

impl Clear {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        self.target.with_named(&self.named, |card, ambient| {
            open(card, &self.admin, self.named.last_try(), ambient)?;
            Ok(card.clear()?)
        })?;
        done(output, &self.named, "clear", "is cleared")
    }
}

/// Make a card useless for good: clear it, then block its passcode and whatever could unlock it
///
/// There is no way back. On series 9 and 10 the PIN and the PUK are blocked, on series 8 the
/// passcode and the SO PIN, by wrong ones until no try is left. The certificates are to be revoked
/// where they were made.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  cardwright card cancel --card 00000007AAAA --admin-key-file key")]
pub(crate) struct Cancel {
    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    named: Named,

    #[command(flatten)]
    admin: AdminSource,
}

impl Cancel {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        self.target.with_named(&self.named, |card, ambient| {
            open(card, &self.admin, self.named.last_try(), ambient)?;
            Ok(card.cancel(ambient)?)
        })?;
        done(output, &self.named, "cancel", "is cancelled for good")
    }
}

/// Opens the card for being wiped, by the means of its application.
fn open(
    card: &mut Card,
    admin: &AdminSource,
    last: LastTry,
    ambient: &dyn Ambient,
) -> Result<(), Failure> {
    match card.applet() {
        Some(Applet::Authentic(_)) => {
            let Some(officer) = admin.officer()? else {
                return Ok(card.verify(&admin.passcode()?, last)?);
            };
            let random = Passcode::random(8, ambient)?;
            let unknown = NewPasscode::new(&random.digits())?;
            card.unlock(&UnlockSecret::Officer(officer), &unknown, last)?;
            Ok(card.verify(unknown.as_passcode(), LastTry::Refuse)?)
        }
        Some(Applet::Piv) => {
            let key = AdminSecret::Key(admin.key()?);
            Ok(card.open_administration(&key, last, ambient)?)
        }
        // Clearing says what is wrong.
        None => Ok(()),
    }
}
