use clap::Args;

use super::target::{Named, Target, done};
use crate::card_secrets::{NewPasscodeSource, PasscodeOfCard, UnlockSource};
use crate::output::{Ending, Failure, Output};

/// Verify the holder's passcode: is it right?
///
/// One try is made. A passcode that no card of the series can have is refused before the card sees
/// it. Older series 8 passcodes with letters, or of 4 digits, are verified like any.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright card verify --card 00000007AAAA
  CARDWRIGHT_PASSCODE=... cardwright card verify --reader sim:series10 --card 000000010000")]
pub(crate) struct Verify {
    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    named: Named,

    #[command(flatten)]
    passcode: PasscodeOfCard,
}

impl Verify {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        let passcode = self.passcode.read()?;
        self.target.with_named(&self.named, |card, _| {
            Ok(card.verify(&passcode, self.named.last_try())?)
        })?;
        done(output, &self.named, "verify", "has this passcode")
    }
}

/// Change the holder's passcode to a new one of 6 to 8 digits
///
/// One try of the old passcode is made.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  cardwright card change-passcode --card 00000007AAAA --passcode-file old --new-passcode-file new")]
pub(crate) struct ChangePasscode {
    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    named: Named,

    #[command(flatten)]
    passcode: PasscodeOfCard,

    #[command(flatten)]
    new: NewPasscodeSource,
}

impl ChangePasscode {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        let (old, new) = (self.passcode.read()?, self.new.read()?);
        self.target.with_named(&self.named, |card, _| {
            Ok(card.change_passcode(&old, &new, self.named.last_try())?)
        })?;
        done(
            output,
            &self.named,
            "change-passcode",
            "has the new passcode",
        )
    }
}

/// Give a locked card a new passcode, with its PUK (series 9 and 10) or SO PIN (series 8)
///
/// One try of that secret is made. Without any the card cannot be unlocked again.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright card unlock --card 00000007AAAA --puk-file puk
  cardwright card unlock --card 00000007AAAA --so-pin-file so-pin --new-passcode-file new")]
pub(crate) struct Unlock {
    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    named: Named,

    #[command(flatten)]
    secret: UnlockSource,

    #[command(flatten)]
    new: NewPasscodeSource,
}

impl Unlock {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        self.target.with_named(&self.named, |card, _| {
            // Before secrets are asked for: a withdrawn card needs none.
            if let Some(refusal) = card.refusal(series::Operation::Unlock) {
                return Err(refusal.clone().into());
            }
            let secret = self.secret.read(card.applet())?;
            let new = self.new.read()?;
            Ok(card.unlock(&secret, &new, self.named.last_try())?)
        })?;
        done(
            output,
            &self.named,
            "unlock",
            "is unlocked and has the new passcode",
        )
    }
}
