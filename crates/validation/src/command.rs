//! Assertions about how the card answers commands, one file per command.

mod administration;
mod change;
mod contactless;
mod establishment;
mod general_authenticate;
mod generate;
mod get_data;
mod keys;
mod proof;
mod put_data;
mod reset_retry;
mod restore;
mod secure_messaging;
mod select;
mod transport;
mod verify;

use crate::{Assertion, Bench, Check, Judgement, Need, Standard, ValidationError};

/// The groups, in the order they are proved.
pub(crate) const GROUPS: &[&[Assertion]] = &[
    select::ASSERTIONS,
    transport::ASSERTIONS,
    get_data::ASSERTIONS,
    verify::ASSERTIONS,
    general_authenticate::ASSERTIONS,
    administration::ASSERTIONS,
    establishment::ASSERTIONS,
    secure_messaging::ASSERTIONS,
    contactless::ASSERTIONS,
    change::ASSERTIONS,
    reset_retry::ASSERTIONS,
    put_data::ASSERTIONS,
    generate::ASSERTIONS,
];

type Prove = fn(&mut Bench<'_>) -> Result<Judgement, ValidationError>;
type Proved = Result<Judgement, ValidationError>;

/// An assertion of SP 800-73-5 that needs nothing, writes nothing and spends nothing.
const fn assertion(
    id: &'static str,
    title: &'static str,
    clause: &'static str,
    prove: Prove,
) -> Assertion {
    Assertion {
        id,
        title,
        standard: Standard::Sp80073,
        clause,
        needs: &[],
        writes: false,
        pin_tries: 0,
        checks: &[],
        check: Check::Command(prove),
    }
}

impl Assertion {
    const fn of(mut self, standard: Standard) -> Self {
        self.standard = standard;
        self
    }

    const fn needs(mut self, needs: &'static [Need]) -> Self {
        self.needs = needs;
        self
    }

    /// It carries out these checks of SP 800-85B.
    const fn checks(mut self, checks: &'static [&'static str]) -> Self {
        self.checks = checks;
        self
    }

    /// It spends so many tries, on a test card.
    const fn spends(mut self, tries: u8) -> Self {
        self.pin_tries = tries;
        self
    }

    const fn writes(mut self) -> Self {
        self.writes = true;
        self
    }
}

const CONTACT: &[Need] = &[Need::Contact];
const PASSCODE: &[Need] = &[Need::Contact, Need::Passcode];
const TEST_PASSCODE: &[Need] = &[Need::Contact, Need::TestCard, Need::Passcode];
const TEST_PUK: &[Need] = &[Need::Contact, Need::TestCard, Need::Passcode, Need::Puk];
const ADMIN: &[Need] = &[Need::Contact, Need::AdminKey];
const TEST_CARD: &[Need] = &[Need::Contact, Need::TestCard];
const TEST_ADMIN: &[Need] = &[Need::Contact, Need::TestCard, Need::AdminKey];
const TEST_SPARE: &[Need] = &[Need::Contact, Need::TestCard, Need::SpareKey];
const TEST_SPARE_ADMIN: &[Need] = &[
    Need::Contact,
    Need::TestCard,
    Need::SpareKey,
    Need::AdminKey,
];
const SECURED: &[Need] = &[Need::SecureMessaging];
const CONTACTLESS: &[Need] = &[Need::Contactless];
