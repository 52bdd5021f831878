//! What a host may do to a card, right, wrong and malformed, and how such steps are drawn by lot.

use firmware_sim::card::Interface;
use proptest::prelude::*;

/// One thing done to the card.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A reset, and SELECT of PIV after it.
    Reset { cold: bool, select: bool },
    /// Into a reader of this kind, and SELECT of PIV.
    Hold(Interface),
    /// SELECT by identifier.
    Select(Target),
    /// Key establishment with key 04.
    Establish,
    /// A command under the keys of a session that has ended, or under made-up keys.
    Stale,
    /// A command; under secure messaging a session is established first where there is none.
    Send { secured: bool, action: Action },
}

/// What SELECT names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    Piv,
    PivWithoutVersion,
    AnotherApplication,
    Nothing,
}

/// A command to the PIV application.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Verify {
        reference: u8,
        value: Value,
    },
    /// VERIFY without data: the retries that are left.
    Query {
        reference: u8,
    },
    /// VERIFY with P1 FF: the status becomes FALSE.
    Forget {
        reference: u8,
    },
    /// VERIFY with another P1.
    VerifyWithP1 {
        p1: u8,
    },
    Change {
        reference: u8,
        old: Value,
        new: New,
    },
    Unblock {
        reference: u8,
        puk: Value,
        new: New,
    },
    /// Asks for a challenge of key 9B.
    Challenge,
    /// Answers the challenge that was given out last.
    Answer {
        right: bool,
    },
    Sign {
        key: u8,
    },
    /// The first part of a chained signature command.
    Begin {
        key: u8,
    },
    /// Its last part.
    Finish {
        key: u8,
    },
    Read(Object),
    /// GET DATA of a certificate with Le 08.
    ReadLittle,
    /// GET RESPONSE.
    More {
        le: u8,
    },
    /// PUT DATA of a small object.
    Write,
    /// GENERATE ASYMMETRIC KEY PAIR for key 9D.
    Generate,
    /// Not a command of PIV.
    Unknown {
        class: u8,
        instruction: u8,
    },
}

/// A secret as the host gives it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Right,
    /// Well formed.
    Wrong,
    Malformed(u8),
}

/// A new secret.
#[derive(Clone, Copy, Debug)]
pub(crate) enum New {
    /// Well formed, made of the number.
    Good(u8),
    Malformed(u8),
}

/// An object to read, by what it asks for (SP 800-73-5 Part 1, Table 2).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Object {
    /// CHUID: Always / Always.
    Free,
    /// The certificate of key 9A: Always / VCI.
    Certificate,
    /// Printed Information: PIN / VCI and PIN.
    Printed,
    /// Iris images, which the card has not: PIN / VCI and PIN.
    AbsentBehindPin,
    /// Retired certificate 20, which the card has not: Always / VCI.
    Absent,
}

/// Steps by lot, some of them in the order that gets a host anywhere.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let plain = |action| Step::Send {
        secured: false,
        action,
    };
    let group = prop_oneof![
        12 => step().prop_map(|step| vec![step]),
        1 => prop::bool::weighted(0.8)
            .prop_map(move |right| vec![plain(Action::Challenge), plain(Action::Answer { right })]),
        1 => prop::sample::select(vec![0x9A, 0x9C])
            .prop_map(move |key| vec![plain(Action::Begin { key }), plain(Action::Finish { key })]),
    ];
    prop::collection::vec(group, 1..50).prop_map(|groups| groups.concat())
}

/// Any step.
fn step() -> impl Strategy<Value = Step> {
    let secured = || prop::bool::weighted(0.5);
    prop_oneof![
        2 => (any::<bool>(), prop::bool::weighted(0.8))
            .prop_map(|(cold, select)| Step::Reset { cold, select }),
        2 => prop_oneof![Just(Interface::Contact), Just(Interface::Contactless)]
            .prop_map(Step::Hold),
        6 => prop_oneof![
            3 => Just(Target::Piv),
            2 => Just(Target::PivWithoutVersion),
            1 => Just(Target::AnotherApplication),
            1 => Just(Target::Nothing),
        ]
        .prop_map(Step::Select),
        1 => Just(Step::Establish),
        1 => Just(Step::Stale),
        40 => (secured(), carried()).prop_map(|(secured, action)| Step::Send { secured, action }),
        40 => prop_oneof![carried(), other()]
            .prop_map(|action| Step::Send { secured: false, action }),
    ]
}

/// What secure messaging may carry (SP 800-73-5 Part 2, 4.2).
fn carried() -> impl Strategy<Value = Action> {
    let signing = || prop::sample::select(vec![0x9A, 0x9C, 0x9C, 0x9E]);
    prop_oneof![
        8 => (reference(), value())
            .prop_map(|(reference, value)| Action::Verify { reference, value }),
        3 => reference().prop_map(|reference| Action::Query { reference }),
        2 => reference().prop_map(|reference| Action::Forget { reference }),
        1 => prop::sample::select(vec![0x01, 0x80, 0xFE]).prop_map(|p1| Action::VerifyWithP1 { p1 }),
        4 => (reference(), value(), new())
            .prop_map(|(reference, old, new)| Action::Change { reference, old, new }),
        5 => signing().prop_map(|key| Action::Sign { key }),
        5 => prop::sample::select(vec![
            Object::Free,
            Object::Certificate,
            Object::Printed,
            Object::AbsentBehindPin,
            Object::Absent,
        ])
        .prop_map(Action::Read),
    ]
}

fn other() -> impl Strategy<Value = Action> {
    let signing = || prop::sample::select(vec![0x9A, 0x9C]);
    prop_oneof![
        4 => (prop::sample::select(vec![0x80, 0x80, 0x80, 0x80, 0x81, 0x00]), value(), new())
            .prop_map(|(reference, puk, new)| Action::Unblock { reference, puk, new }),
        3 => Just(Action::Challenge),
        4 => prop::bool::weighted(0.7).prop_map(|right| Action::Answer { right }),
        3 => signing().prop_map(|key| Action::Begin { key }),
        3 => signing().prop_map(|key| Action::Finish { key }),
        2 => Just(Action::ReadLittle),
        2 => prop::sample::select(vec![0x00, 0x01, 0x20]).prop_map(|le| Action::More { le }),
        3 => Just(Action::Write),
        1 => Just(Action::Generate),
        1 => prop::sample::select(vec![(0x00, 0xFD), (0x80, 0xCA), (0xA0, 0xA4), (0x00, 0xF7)])
            .prop_map(|(class, instruction)| Action::Unknown { class, instruction }),
    ]
}

/// The references there are, and one that does not exist.
fn reference() -> impl Strategy<Value = u8> {
    prop::sample::select(vec![
        0x80, 0x80, 0x80, 0x80, 0x00, 0x00, 0x98, 0x98, 0x81, 0x96, 0x82,
    ])
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        5 => Just(Value::Right),
        3 => Just(Value::Wrong),
        1 => (0..6_u8).prop_map(Value::Malformed),
    ]
}

fn new() -> impl Strategy<Value = New> {
    prop_oneof![
        4 => any::<u8>().prop_map(New::Good),
        1 => (0..6_u8).prop_map(New::Malformed),
    ]
}
