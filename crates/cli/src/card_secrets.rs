//! Where the secrets of a card that is looked at come from: files, the environment or a prompt.
//! Never an argument.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use piv::objects::PairingCode;
use piv::secrets::{AdminKey, Passcode, Puk};
use piv::words::Algorithm;
use series::{Applet, NewPasscode, OfficerPasscode, UnlockSecret};
use zeroize::Zeroizing;

use crate::output::Failure;
use crate::passcode::{VARIABLE as PASSCODE_VARIABLE, passcode};

/// The variable the PUK may come from.
const PUK_VARIABLE: &str = "CARDWRIGHT_PUK";
/// The variable the administration key may come from.
const ADMIN_KEY_VARIABLE: &str = "CARDWRIGHT_ADMIN_KEY";
/// The variable the SO PIN may come from.
const SO_PIN_VARIABLE: &str = "CARDWRIGHT_SO_PIN";
/// The variable a new passcode may come from.
const NEW_PASSCODE_VARIABLE: &str = "CARDWRIGHT_NEW_PASSCODE";
/// The variable the pairing code may come from.
const PAIRING_CODE_VARIABLE: &str = "CARDWRIGHT_PAIRING_CODE";

/// The holder's passcode.
#[derive(Args, Clone, Debug)]
pub(crate) struct HolderPasscode {
    /// Verify the holder's passcode: taken from CARDWRIGHT_PASSCODE, or asked for at a terminal
    ///
    /// One try is made, and none when only one is left.
    #[arg(long)]
    with_passcode: bool,

    /// Verify the holder's passcode, which stands in this file
    #[arg(long, value_name = "FILE")]
    passcode_file: Option<PathBuf>,
}

impl HolderPasscode {
    /// The passcode, if it was to be verified.
    pub(crate) fn read(&self) -> Result<Option<Passcode>, Failure> {
        if let Some(path) = &self.passcode_file {
            let text = line_of(path, "passcode")?;
            let place = format!("passcode file `{}`", path.display());
            return passcode(&text, &place, "put the passcode alone into the file").map(Some);
        }
        if !self.with_passcode {
            return Ok(None);
        }
        if let Some(text) = variable(PASSCODE_VARIABLE) {
            let hint = "set it to the passcode of the card";
            return passcode(&text, PASSCODE_VARIABLE, hint).map(Some);
        }
        if !io::stdin().is_terminal() {
            return Err(
                Failure::mistake("the passcode of the card was not given").with_hint(format!(
                    "name a file with --passcode-file or set {PASSCODE_VARIABLE}"
                )),
            );
        }
        let typed = rpassword::prompt_password("Passcode of the card: ")
            .map(Zeroizing::new)
            .map_err(|error| Failure::mistake(format!("failed to read the passcode: {error}")))?;
        passcode(&typed, "the passcode typed", "start again").map(Some)
    }
}

/// The secrets of whoever administers the card.
#[derive(Args, Clone, Debug)]
pub(crate) struct IssuerSecrets {
    /// File with the PUK: 8 characters. Without it CARDWRIGHT_PUK is used if set
    #[arg(long, value_name = "FILE")]
    puk_file: Option<PathBuf>,

    /// File with key 9B, such as `aes-192 0102..`. Without it CARDWRIGHT_ADMIN_KEY is used if set
    #[arg(long, value_name = "FILE")]
    admin_key_file: Option<PathBuf>,

    /// File with the pairing code, 8 digits, which opens a contactless card. Without it
    /// CARDWRIGHT_PAIRING_CODE is used if set
    #[arg(long, value_name = "FILE")]
    pairing_code_file: Option<PathBuf>,
}

impl IssuerSecrets {
    /// The PUK, if given.
    pub(crate) fn puk(&self) -> Result<Option<Puk>, Failure> {
        let Some((text, place)) = given(self.puk_file.as_deref(), PUK_VARIABLE, "PUK")? else {
            return Ok(None);
        };
        puk(&text, &place).map(Some)
    }

    /// The pairing code, if given.
    pub(crate) fn pairing_code(&self) -> Result<Option<PairingCode>, Failure> {
        let source = self.pairing_code_file.as_deref();
        let Some((text, place)) = given(source, PAIRING_CODE_VARIABLE, "pairing code")? else {
            return Ok(None);
        };
        PairingCode::new(&text)
            .map(Some)
            .map_err(|error| Failure::mistake(format!("{place}: {error}")))
    }

    /// Key 9B, if given.
    pub(crate) fn admin_key(&self) -> Result<Option<AdminKey>, Failure> {
        let source = self.admin_key_file.as_deref();
        let Some((text, place)) = given(source, ADMIN_KEY_VARIABLE, "administration key")? else {
            return Ok(None);
        };
        admin_key(&text, &place).map(Some)
    }
}

fn admin_key(text: &str, place: &str) -> Result<AdminKey, Failure> {
    let malformed = || {
        Failure::mistake(format!(
            "{place}: an algorithm and hexadecimal digits expected"
        ))
        .with_hint("write it as `aes-192 0102030405060708..`")
    };
    let (word, digits) = text.split_once(char::is_whitespace).ok_or_else(malformed)?;
    let algorithm = (0..=u8::MAX)
        .filter_map(Algorithm::from_byte)
        .filter(|algorithm| algorithm.symmetric_key_size().is_some())
        .find(|algorithm| algorithm.to_string().eq_ignore_ascii_case(word))
        .ok_or_else(malformed)?;
    let bytes = hex::decode(digits.trim())
        .map(Zeroizing::new)
        .map_err(|_| malformed())?;
    AdminKey::as_delivered(algorithm, &bytes)
        .map_err(|error| Failure::mistake(format!("{place}: {error}")))
}

/// The passcode a card has: of today's rule or an older one.
#[derive(Args, Clone, Debug)]
pub(crate) struct PasscodeOfCard {
    /// File with the passcode of the card. Without it CARDWRIGHT_PASSCODE is used, and without
    /// that a terminal is asked
    #[arg(long, value_name = "FILE")]
    passcode_file: Option<PathBuf>,
}

impl PasscodeOfCard {
    pub(crate) fn read(&self) -> Result<series::Passcode, Failure> {
        passcode_of_card(self.passcode_file.as_deref())
    }
}

/// The passcode a card is to have.
#[derive(Args, Clone, Debug)]
pub(crate) struct NewPasscodeSource {
    /// File with the new passcode, 6 to 8 digits. Without it CARDWRIGHT_NEW_PASSCODE is used, and
    /// without that a terminal is asked
    #[arg(long, value_name = "FILE")]
    new_passcode_file: Option<PathBuf>,
}

impl NewPasscodeSource {
    pub(crate) fn read(&self) -> Result<NewPasscode, Failure> {
        let source = self.new_passcode_file.as_deref();
        let (text, place) = match given(source, NEW_PASSCODE_VARIABLE, "new passcode")? {
            Some(given) => given,
            None => {
                let first = asked("new passcode", NEW_PASSCODE_VARIABLE, "--new-passcode-file")?;
                let again = asked("new passcode again", NEW_PASSCODE_VARIABLE, "")?;
                if *first.0 != *again.0 {
                    return Err(Failure::mistake("the two passcodes differ"));
                }
                first
            }
        };
        NewPasscode::new(&text).map_err(|error| Failure::from(error).about(&place))
    }
}

/// What unlocks a card: the PUK of a PIV card, the SO PIN of an AuthentIC card.
#[derive(Args, Clone, Debug)]
pub(crate) struct UnlockSource {
    /// File with the PUK of a series 9 or 10 card: 8 characters. Without it CARDWRIGHT_PUK is
    /// used, and without that a terminal is asked
    #[arg(long, value_name = "FILE")]
    puk_file: Option<PathBuf>,

    /// File with the SO PIN of a series 8 card. Without it CARDWRIGHT_SO_PIN is used, and without
    /// that a terminal is asked
    #[arg(long, value_name = "FILE")]
    so_pin_file: Option<PathBuf>,
}

impl UnlockSource {
    pub(crate) fn read(&self, applet: Option<Applet>) -> Result<UnlockSecret, Failure> {
        if matches!(applet, Some(Applet::Authentic(_))) {
            let given = given(self.so_pin_file.as_deref(), SO_PIN_VARIABLE, "SO PIN")?;
            let (text, place) = match given {
                Some(given) => given,
                None => asked("SO PIN", SO_PIN_VARIABLE, "--so-pin-file")?,
            };
            return officer(&text, &place).map(UnlockSecret::Officer);
        }
        let (text, place) = match given(self.puk_file.as_deref(), PUK_VARIABLE, "PUK")? {
            Some(given) => given,
            None => asked("PUK", PUK_VARIABLE, "--puk-file")?,
        };
        puk(&text, &place).map(UnlockSecret::Puk)
    }
}

/// What opens a card for being wiped or written to.
#[derive(Args, Clone, Debug)]
pub(crate) struct AdminSource {
    /// File with key 9B of a series 9 or 10 card, such as `aes-192 0102..`. Without it
    /// CARDWRIGHT_ADMIN_KEY is used
    #[arg(long, value_name = "FILE")]
    admin_key_file: Option<PathBuf>,

    /// File with the SO PIN of a series 8 card. Without it CARDWRIGHT_SO_PIN is used if set
    #[arg(long, value_name = "FILE")]
    so_pin_file: Option<PathBuf>,

    /// File with the passcode of a series 8 card. Without it CARDWRIGHT_PASSCODE is used, and
    /// without that a terminal is asked
    #[arg(long, value_name = "FILE")]
    passcode_file: Option<PathBuf>,
}

impl AdminSource {
    pub(crate) fn key(&self) -> Result<AdminKey, Failure> {
        let source = self.admin_key_file.as_deref();
        match given(source, ADMIN_KEY_VARIABLE, "administration key")? {
            Some((text, place)) => admin_key(&text, &place),
            None => Err(
                Failure::mistake("the administration key of the card was not given").with_hint(
                    format!("name a file with --admin-key-file or set {ADMIN_KEY_VARIABLE}"),
                ),
            ),
        }
    }

    /// The SO PIN, if given.
    pub(crate) fn officer(&self) -> Result<Option<OfficerPasscode>, Failure> {
        given(self.so_pin_file.as_deref(), SO_PIN_VARIABLE, "SO PIN")?
            .map(|(text, place)| officer(&text, &place))
            .transpose()
    }

    /// The holder's passcode.
    pub(crate) fn passcode(&self) -> Result<series::Passcode, Failure> {
        passcode_of_card(self.passcode_file.as_deref())
    }
}

fn passcode_of_card(file: Option<&Path>) -> Result<series::Passcode, Failure> {
    let (text, place) = match given(file, PASSCODE_VARIABLE, "passcode")? {
        Some(given) => given,
        None => asked("passcode", PASSCODE_VARIABLE, "--passcode-file")?,
    };
    series::Passcode::new(&text).map_err(|error| Failure::from(error).about(&place))
}

fn officer(text: &str, place: &str) -> Result<OfficerPasscode, Failure> {
    OfficerPasscode::new(text.as_bytes()).map_err(|error| Failure::from(error).about(place))
}

fn puk(text: &str, place: &str) -> Result<Puk, Failure> {
    let bytes: [u8; 8] = text.as_bytes().try_into().map_err(|_| {
        let length = text.len();
        Failure::mistake(format!(
            "{place}: a PUK has 8 characters, this has {length}"
        ))
    })?;
    Ok(Puk::new(bytes))
}

/// A secret typed at the terminal, and what to call where it comes from.
fn asked(what: &str, variable: &str, option: &str) -> Result<(Zeroizing<String>, String), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::mistake(format!("the {what} was not given"))
            .with_hint(format!("name a file with {option} or set {variable}")));
    }
    let typed = rpassword::prompt_password(format!("The {what}: "))
        .map(Zeroizing::new)
        .map_err(|error| Failure::mistake(format!("failed to read the {what}: {error}")))?;
    Ok((typed, format!("the {what} typed")))
}

/// A secret from a file or else the environment, and where it was found.
fn given(
    file: Option<&Path>,
    name: &str,
    what: &str,
) -> Result<Option<(Zeroizing<String>, String)>, Failure> {
    match file {
        Some(path) => Ok(Some((
            line_of(path, what)?,
            format!("{what} file `{}`", path.display()),
        ))),
        None => Ok(variable(name).map(|text| (text, name.to_owned()))),
    }
}

fn variable(name: &str) -> Option<Zeroizing<String>> {
    std::env::var(name).ok().map(Zeroizing::new)
}

/// The one line of a file.
fn line_of(path: &Path, what: &str) -> Result<Zeroizing<String>, Failure> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| {
            Failure::mistake(format!("failed to read {what} file `{shown}`: {error}"))
                .with_hint("check the path and the permissions of the file")
        })?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match (lines.next(), lines.next()) {
        (Some(only), None) => Ok(Zeroizing::new(only.to_owned())),
        _ => Err(Failure::mistake(format!(
            "{what} file `{shown}` has not exactly one line"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(content: &str) -> (tempfile::NamedTempFile, IssuerSecrets) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        let source = IssuerSecrets {
            puk_file: Some(file.path().to_owned()),
            admin_key_file: Some(file.path().to_owned()),
            pairing_code_file: None,
        };
        (file, source)
    }

    #[test]
    fn a_key_is_read_with_its_algorithm() {
        let (_file, source) = secrets("aes-128 000102030405060708090a0b0c0d0e0f\n");
        let key = source.admin_key().unwrap().unwrap();
        assert_eq!(key.algorithm(), Algorithm::Aes128);
    }

    #[test]
    fn a_malformed_secret_is_told_without_showing_it() {
        let (_file, source) = secrets("aes-128 0011zz\n");
        for message in [
            format!("{:?}", source.admin_key().unwrap_err()),
            format!("{:?}", source.puk().unwrap_err()),
        ] {
            assert!(!message.contains("0011"), "{message}");
        }
    }

    #[test]
    fn two_lines_are_no_secret() {
        let (_file, source) = secrets("12345678\n87654321\n");
        assert!(source.puk().is_err());
    }
}
