//! Where passcodes come from: a file, the environment or a prompt. Never an argument.

use std::collections::HashMap;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use piv::secrets::Passcode;
use zeroize::Zeroizing;

use crate::output::Failure;

/// The variable a passcode may come from.
pub(crate) const VARIABLE: &str = "CARDWRIGHT_PASSCODE";

/// What to do about a passcode file that cannot be used.
const FILE_HINT: &str =
    "put one passcode of 6 to 8 digits into the file, or a line `REQUEST,PASSCODE` for each card";

/// Where the passcode comes from.
#[derive(Args, Clone, Debug)]
pub(crate) struct PasscodeSource {
    /// File with the passcode: one line for all cards, or `REQUEST,PASSCODE` lines
    ///
    /// Without it the environment variable CARDWRIGHT_PASSCODE is used, and without that a
    /// terminal is asked. A passcode is never taken from an argument.
    #[arg(long, value_name = "FILE")]
    passcode_file: Option<PathBuf>,
}

/// Passcodes by request, or one for all.
#[derive(Debug)]
pub(crate) enum Passcodes {
    /// The same for every card.
    One(Passcode),
    /// One a request.
    Each(HashMap<String, Passcode>),
}

impl PasscodeSource {
    /// Takes the passcodes from wherever they come from.
    pub(crate) fn read(&self) -> Result<Passcodes, Failure> {
        if let Some(path) = &self.passcode_file {
            return from_file(path);
        }
        if let Ok(text) = std::env::var(VARIABLE) {
            let text = Zeroizing::new(text);
            return Ok(Passcodes::One(passcode(
                &text,
                VARIABLE,
                "set it to a passcode of 6 to 8 digits",
            )?));
        }
        if !io::stdin().is_terminal() {
            return Err(
                Failure::mistake("no passcode was given for the new cards").with_hint(format!(
                    "name a file with --passcode-file or set {VARIABLE}"
                )),
            );
        }
        from_prompt()
    }
}

impl Passcodes {
    /// The passcode for a request.
    pub(crate) fn for_request(&self, request: &str) -> Option<Passcode> {
        match self {
            Self::One(passcode) => Some(passcode.clone()),
            Self::Each(passcodes) => passcodes.get(request).cloned(),
        }
    }
}

fn from_file(path: &Path) -> Result<Passcodes, Failure> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| {
            Failure::mistake(format!("failed to read passcode file `{shown}`: {error}"))
                .with_hint("check the path and the permissions of the file")
        })?;
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    if let [only] = lines[..]
        && !only.contains(',')
    {
        return Ok(Passcodes::One(passcode(
            only,
            &format!("passcode file `{shown}`"),
            FILE_HINT,
        )?));
    }
    let mut passcodes = HashMap::new();
    for (index, line) in lines.iter().enumerate() {
        let place = format!("passcode file `{shown}`, line {}", index + 1);
        let (request, digits) = line.split_once(',').ok_or_else(|| {
            Failure::mistake(format!("{place}: `REQUEST,PASSCODE` expected")).with_hint(FILE_HINT)
        })?;
        passcodes.insert(
            request.trim().to_owned(),
            passcode(digits.trim(), &place, FILE_HINT)?,
        );
    }
    if passcodes.is_empty() {
        return Err(
            Failure::mistake(format!("passcode file `{shown}` is empty")).with_hint(FILE_HINT),
        );
    }
    Ok(Passcodes::Each(passcodes))
}

fn from_prompt() -> Result<Passcodes, Failure> {
    let ask = |prompt: &str| {
        rpassword::prompt_password(prompt)
            .map(Zeroizing::new)
            .map_err(|error| Failure::mistake(format!("failed to read the passcode: {error}")))
    };
    let first = ask("Passcode for the new cards (6 to 8 digits): ")?;
    let passcode = passcode(&first, "the passcode typed", "start again")?;
    if *ask("Again: ")? != *first {
        return Err(Failure::mistake("the two passcodes differ"));
    }
    Ok(Passcodes::One(passcode))
}

pub(crate) fn passcode(text: &str, place: &str, hint: &str) -> Result<Passcode, Failure> {
    Passcode::new(text)
        .map_err(|error| Failure::mistake(format!("{place}: {error}")).with_hint(hint))
}
