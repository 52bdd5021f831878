//! Reader selectors: `sim:series10`, `sim:IMAGE`, `pcsc:NAME`, `replay:FILE`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Which reader a command should use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Selector {
    /// A PC/SC reader by name or part of it; any reader when empty.
    Pcsc(String),
    /// A recorded transcript.
    Replay(PathBuf),
    /// A simulated card: of that kind, or with what the card image at that path holds.
    Sim(String),
}

/// The forms there are, for help texts.
pub(crate) const FORMS: &str =
    "sim:series10, sim:series10-blank, sim:series8, sim:IMAGE, pcsc:NAME, replay:FILE";

/// The simulated cards that can be named, with what they are.
pub(crate) const SIMULATED: [(&str, &str); 6] = [
    ("sim:series10", "simulated personalised series 10 card"),
    ("sim:series10-blank", "simulated series 10 blank"),
    ("sim:series9", "simulated personalised series 9 card"),
    ("sim:series9-blank", "simulated series 9 blank"),
    ("sim:series8", "simulated personalised series 8 card"),
    ("sim:series8-blank", "simulated series 8 blank"),
];

impl FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("pcsc", name)) => Ok(Self::Pcsc(name.trim().to_owned())),
            Some(("replay", path)) if !path.is_empty() => Ok(Self::Replay(PathBuf::from(path))),
            Some(("sim", kind)) if !kind.is_empty() => Ok(Self::Sim(kind.to_owned())),
            _ => Err(format!("a reader is named as one of: {FORMS}")),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pcsc(name) => write!(f, "pcsc:{name}"),
            Self::Replay(path) => write!(f, "replay:{}", path.display()),
            Self::Sim(kind) => write!(f, "sim:{kind}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_read_as_it_is_written() {
        for text in [
            "pcsc:Virtual PCD 00 00",
            "sim:series10",
            "replay:a/b.jsonl",
            "pcsc:",
            "sim:../card images/37_Golden_FIPS_201-2_PIV_PPS_F=512_D=64",
            "sim:C:\\cards\\card.json",
        ] {
            assert_eq!(text.parse::<Selector>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_bare_name_is_refused_with_the_forms_there_are() {
        assert!(
            "Virtual PCD"
                .parse::<Selector>()
                .unwrap_err()
                .contains("pcsc:NAME")
        );
    }
}
