use std::fmt;

/// Who has to be replaced, repaired or asked when something goes wrong.
///
/// This is the complete list: an error that fits none of these is a bug in cardwright.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Blame {
    /// The certification authority or key service refused or failed.
    AuthorityFault,
    /// The card answered something its specification does not allow, or refused.
    CardMisbehaved,
    /// A person asked for something impossible: a wrong file, name, passcode or card.
    OperatorMistake,
    /// The printer jammed, ran out, or answered nonsense.
    PrinterFault,
    /// The reader, its driver, its cable or the PC/SC service failed.
    ReaderFault,
    /// The journal or the disk under it failed.
    StoreFault,
}

impl Blame {
    /// The process exit code for a run that ended with this blame.
    ///
    /// 2 usage, 3 device or rig, 4 store or authority. 0 (done) and 1 (findings) are not errors.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::OperatorMistake => 2,
            Self::CardMisbehaved | Self::PrinterFault | Self::ReaderFault => 3,
            Self::AuthorityFault | Self::StoreFault => 4,
        }
    }

    /// The kebab-case name used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthorityFault => "authority-fault",
            Self::CardMisbehaved => "card-misbehaved",
            Self::OperatorMistake => "operator-mistake",
            Self::PrinterFault => "printer-fault",
            Self::ReaderFault => "reader-fault",
            Self::StoreFault => "store-fault",
        }
    }
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AuthorityFault => "the authority",
            Self::CardMisbehaved => "the card",
            Self::OperatorMistake => "the request",
            Self::PrinterFault => "the printer",
            Self::ReaderFault => "the reader",
            Self::StoreFault => "the store",
        })
    }
}

/// An error that says whose fault it is.
pub trait Blamed: std::error::Error {
    /// Who is to blame.
    fn blame(&self) -> Blame;

    /// What the operator can do next, where there is something.
    fn hint(&self) -> Option<String> {
        None
    }
}
