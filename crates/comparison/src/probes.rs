use iso7816::{Protocol, StatusWord};

/// A command that neither writes nor spends a try, and what the standard has a card answer.
///
/// Each is sent while the PIV application is selected and nothing is verified.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// Its name in an image.
    pub name: &'static str,
    /// What it asks.
    pub asks: &'static str,
    /// The command APDU in short form. 61XX and 6CXX are not followed.
    pub command: &'static [u8],
    /// Only over T=1: over T=0 it would be another command.
    pub needs_t1: bool,
    /// What the standard has a card answer.
    pub standard: StandardSays,
}

impl Probe {
    /// The bytes that are sent over a protocol: T=0 has no room for Le after data. `None` where
    /// the probe makes no sense.
    #[must_use]
    pub fn over(&self, protocol: Protocol) -> Option<&'static [u8]> {
        let (command, with_le) = (self.command, 5 + usize::from(self.lc()) + 1);
        match protocol {
            Protocol::T1 => Some(command),
            Protocol::T0 if self.needs_t1 => None,
            Protocol::T0 if self.lc() > 0 && command.len() == with_le => {
                Some(&command[..command.len() - 1])
            }
            Protocol::T0 => Some(command),
        }
    }

    /// Bytes of data; the fifth byte is Lc where anything follows it.
    fn lc(&self) -> u8 {
        match self.command {
            [_, _, _, _, lc, _, ..] => *lc,
            _ => 0,
        }
    }
}

/// What a standard has a card answer to a probe. 61XX counts as 9000.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StandardSays {
    /// One of these, in this clause.
    OneOf(&'static [u16], &'static str),
    /// An error, whichever, in this clause.
    AnError(&'static str),
    /// Nothing.
    Nothing,
}

impl StandardSays {
    /// Whether a status word is as the standard has it; `None` where the standard says nothing.
    #[must_use]
    pub fn allows(self, status: StatusWord) -> Option<bool> {
        let status = plain(status);
        match self {
            Self::OneOf(words, _) => Some(words.contains(&status.0)),
            Self::AnError(_) => Some(!status.is_ok()),
            Self::Nothing => None,
        }
    }

    /// Document and clause.
    #[must_use]
    pub fn clause(self) -> Option<&'static str> {
        match self {
            Self::OneOf(_, clause) | Self::AnError(clause) => Some(clause),
            Self::Nothing => None,
        }
    }
}

/// The status word, that more data waits left aside.
pub(crate) fn plain(status: StatusWord) -> StatusWord {
    match status.waiting() {
        Some(_) => StatusWord::OK,
        None => status,
    }
}

const SELECT: &str = "SP 800-73-5 Part 2, 3.1.1";
const GET_DATA: &str = "SP 800-73-5 Part 2, 3.1.2";
const VERIFY: &str = "SP 800-73-5 Part 2, 3.2.1";
const GENERAL: &str = "ISO/IEC 7816-4:2020, 5.6";

/// All probes in the order they are sent. One that could take the application away is last.
pub const PROBES: [Probe; 15] = [
    Probe {
        // First, while no answer is waiting to be fetched.
        name: "get-response-with-nothing-pending",
        asks: "GET RESPONSE with nothing pending",
        command: &[0x00, 0xC0, 0x00, 0x00, 0x00],
        needs_t1: true,
        standard: StandardSays::AnError(GENERAL),
    },
    Probe {
        name: "unknown-instruction",
        asks: "an instruction no standard has",
        command: &[0x00, 0x3E, 0x00, 0x00],
        needs_t1: false,
        standard: StandardSays::OneOf(&[0x6D00, 0x6E00], GENERAL),
    },
    Probe {
        name: "unknown-class",
        asks: "GET DATA with a class PIV has not",
        command: &[
            0xA0, 0xCB, 0x3F, 0xFF, 0x05, 0x5C, 0x03, 0x5F, 0xC1, 0x02, 0x00,
        ],
        needs_t1: false,
        standard: StandardSays::AnError(GENERAL),
    },
    Probe {
        name: "get-unknown-object",
        asks: "GET DATA of an object PIV has not",
        command: &[
            0x00, 0xCB, 0x3F, 0xFF, 0x05, 0x5C, 0x03, 0x5F, 0xC1, 0xF0, 0x00,
        ],
        needs_t1: false,
        standard: StandardSays::OneOf(&[0x6A82], GET_DATA),
    },
    Probe {
        name: "get-data-wrong-p1p2",
        asks: "GET DATA with P1-P2 0000",
        command: &[
            0x00, 0xCB, 0x00, 0x00, 0x05, 0x5C, 0x03, 0x5F, 0xC1, 0x02, 0x00,
        ],
        needs_t1: false,
        standard: StandardSays::AnError(GET_DATA),
    },
    Probe {
        name: "get-data-without-tag-list",
        asks: "GET DATA with something else than a tag list",
        command: &[0x00, 0xCB, 0x3F, 0xFF, 0x02, 0x53, 0x00, 0x00],
        needs_t1: false,
        standard: StandardSays::AnError(GET_DATA),
    },
    Probe {
        name: "get-data-short-le",
        asks: "GET DATA of the CHUID with Le 01",
        command: &[
            0x00, 0xCB, 0x3F, 0xFF, 0x05, 0x5C, 0x03, 0x5F, 0xC1, 0x02, 0x01,
        ],
        needs_t1: true,
        standard: StandardSays::Nothing,
    },
    Probe {
        name: "verify-wrong-p1",
        asks: "VERIFY without data with P1 01",
        command: &[0x00, 0x20, 0x01, 0x80],
        needs_t1: false,
        standard: StandardSays::AnError(VERIFY),
    },
    Probe {
        name: "verify-unknown-reference",
        asks: "VERIFY without data of a reference PIV has not",
        command: &[0x00, 0x20, 0x00, 0x99],
        needs_t1: false,
        standard: StandardSays::OneOf(&[0x6A88], VERIFY),
    },
    Probe {
        name: "get-data-without-le",
        asks: "GET DATA of the CHUID without Le",
        command: &[0x00, 0xCB, 0x3F, 0xFF, 0x05, 0x5C, 0x03, 0x5F, 0xC1, 0x02],
        needs_t1: true,
        standard: StandardSays::Nothing,
    },
    Probe {
        name: "select-again",
        asks: "SELECT of PIV while it is selected",
        command: &[
            0x00, 0xA4, 0x04, 0x00, 0x0B, 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00,
            0x01, 0x00, 0x00,
        ],
        needs_t1: false,
        standard: StandardSays::OneOf(&[0x9000], SELECT),
    },
    Probe {
        name: "select-truncated",
        asks: "SELECT of PIV without the version",
        command: &[
            0x00, 0xA4, 0x04, 0x00, 0x09, 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00,
            0x00,
        ],
        needs_t1: false,
        standard: StandardSays::OneOf(&[0x9000], SELECT),
    },
    Probe {
        name: "select-wrong-p1",
        asks: "SELECT with P1 0C",
        command: &[
            0x00, 0xA4, 0x0C, 0x00, 0x09, 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00,
            0x00,
        ],
        needs_t1: false,
        standard: StandardSays::AnError(SELECT),
    },
    Probe {
        name: "select-unknown",
        asks: "SELECT of an application no card has",
        command: &[
            0x00, 0xA4, 0x04, 0x00, 0x09, 0xF0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,
            0x00,
        ],
        needs_t1: false,
        standard: StandardSays::OneOf(&[0x6A82], SELECT),
    },
    Probe {
        // PIV stays selected after a SELECT that failed.
        name: "get-data-after-select-unknown",
        asks: "GET DATA of an object PIV has not, after SELECT failed",
        command: &[
            0x00, 0xCB, 0x3F, 0xFF, 0x05, 0x5C, 0x03, 0x5F, 0xC1, 0xF1, 0x00,
        ],
        needs_t1: false,
        standard: StandardSays::OneOf(&[0x6A82], SELECT),
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use iso7816::{Command, Instruction};

    use super::*;

    #[test]
    fn every_probe_has_a_name_and_a_command_of_its_own() {
        let names: HashSet<_> = PROBES.iter().map(|probe| probe.name).collect();
        let commands: HashSet<_> = PROBES.iter().map(|probe| probe.command).collect();
        assert_eq!((names.len(), commands.len()), (PROBES.len(), PROBES.len()));
    }

    /// Nothing is written and no try is spent: these instructions alone, VERIFY without data.
    #[test]
    fn every_probe_is_harmless() {
        for probe in PROBES {
            let command = Command::parse(probe.command).unwrap();
            match command.instruction {
                Instruction::SELECT | Instruction::GET_DATA | Instruction::GET_RESPONSE => {}
                Instruction::VERIFY => assert!(command.data.is_empty(), "{}", probe.name),
                Instruction(0x3E) => assert_eq!(probe.name, "unknown-instruction"),
                other => panic!("{}: {other:?}", probe.name),
            }
        }
    }

    /// ISO/IEC 7816-3, 12.2: a command with data travels without Le.
    #[test]
    fn over_t0_le_does_not_travel_with_data() {
        for probe in PROBES {
            let whole = Command::parse(probe.command).unwrap();
            assert_eq!(probe.over(Protocol::T1), Some(probe.command));
            match probe.over(Protocol::T0) {
                None => assert!(probe.needs_t1),
                Some(bytes) => {
                    let sent = Command::parse(bytes).unwrap();
                    assert_eq!(sent.data, whole.data, "{}", probe.name);
                    assert!(sent.data.is_empty() || sent.expected.is_none());
                }
            }
        }
    }

    #[test]
    fn more_data_waiting_counts_as_done() {
        let done = StandardSays::OneOf(&[0x9000], SELECT);
        assert_eq!(done.allows(StatusWord(0x6112)), Some(true));
        assert_eq!(done.allows(StatusWord(0x6A82)), Some(false));
        let error = StandardSays::AnError(GET_DATA);
        assert_eq!(error.allows(StatusWord(0x6112)), Some(false));
        assert_eq!(error.allows(StatusWord(0x6985)), Some(true));
        assert_eq!(StandardSays::Nothing.allows(StatusWord::OK), None);
    }
}
