use clap::{Args, Subcommand};

use crate::output::{Ending, Failure, Output};

mod certificate;
mod passcode;
mod sign;
mod status;
mod target;
mod wipe;

/// Do something with one card, whichever series it is of: look, verify, unlock, clear, cancel, sign
///
/// Whatever writes to the card or spends a try needs the card named with --card, by one of the
/// numbers `cardwright card status` shows; nothing is sent to another. The last try is kept unless
/// --spend-last-try is given. Cards of a withdrawn series are refused, with the day and the source.
/// Secrets come from a file, the environment or a prompt, never from an argument.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright card status --reader sim:series8
  cardwright card verify --reader pcsc: --card 00000007AAAA
  cardwright card unlock --reader pcsc: --card 00000007AAAA --so-pin-file so-pin
  cardwright card sign --card 00000007AAAA --slot signing message.txt -o message.sig
  cardwright card certificate --slot authentication -o certificate.der
  cardwright card clear --card 00000007AAAA --admin-key-file key

Exit codes: 0 done, 1 the card is blocked, withdrawn or contradicts itself (status),
            2 refused: not that card, wrong secret, last try, withdrawn series,
            3 the card or the reader failed")]
pub(crate) struct Card {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Status(status::Status),
    Verify(passcode::Verify),
    ChangePasscode(passcode::ChangePasscode),
    Unlock(passcode::Unlock),
    Clear(wipe::Clear),
    Cancel(wipe::Cancel),
    Sign(sign::Sign),
    Certificate(certificate::Certificate),
}

impl Card {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        match &self.command {
            Command::Status(status) => status.run(output),
            Command::Verify(verify) => verify.run(output),
            Command::ChangePasscode(change) => change.run(output),
            Command::Unlock(unlock) => unlock.run(output),
            Command::Clear(clear) => clear.run(output),
            Command::Cancel(cancel) => cancel.run(output),
            Command::Sign(sign) => sign.run(output),
            Command::Certificate(certificate) => certificate.run(output),
        }
    }
}
