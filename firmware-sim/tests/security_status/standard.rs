//! The security status of a PIV card as SP 800-73-5 Part 2 has it (sections 2.4 and 3), for the
//! PIV PIN, the Global PIN, the PUK, the pairing code and the administrator, over the contacts
//! and contactless, in the clear and under secure messaging.
//!
//! It is told what was sent and what came back. For each command it knows every answer the
//! standard allows with what follows from it, takes the one that came, and says so when there is
//! none. Nothing in it comes from the simulated card.

use std::collections::BTreeSet;
use std::fmt;

use firmware_sim::card::Interface;

use crate::step::{Action, New, Object, Target, Value};

pub(crate) const PIN: u8 = 0x80;
pub(crate) const GLOBAL_PIN: u8 = 0x00;
pub(crate) const PUK: u8 = 0x81;
pub(crate) const PAIRING_CODE: u8 = 0x98;

/// What the issuer of the card decided.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) pin: ([u8; 8], u8),
    pub(crate) global_pin: ([u8; 8], u8),
    pub(crate) puk: ([u8; 8], u8),
    pub(crate) pairing_code: [u8; 8],
    /// The first byte of the PIN usage policy.
    pub(crate) policy: u8,
    /// Tries that contactless commands must leave.
    pub(crate) intermediate: u8,
    /// Whether PIV is what is selected after a reset.
    pub(crate) selected_by_default: bool,
}

impl Issued {
    fn has_global_pin(&self) -> bool {
        self.policy & 0x20 != 0
    }

    fn has_virtual_contact(&self) -> bool {
        self.policy & 0x08 != 0
    }

    fn wants_pairing_code(&self) -> bool {
        self.policy & 0x04 == 0
    }
}

/// A status that the standard does not always settle.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Belief {
    False,
    True,
    Unknown,
}

impl Belief {
    /// After something that may have ended it.
    fn doubted(self) -> Self {
        match self {
            Self::True => Self::Unknown,
            settled => settled,
        }
    }
}

impl From<bool> for Belief {
    fn from(known: bool) -> Self {
        if known { Self::True } else { Self::False }
    }
}

/// A secret with a retry counter.
#[derive(Clone, Debug)]
struct Counted {
    value: [u8; 8],
    /// What may be left: more than one number where the standard leaves a reset to the card.
    left: BTreeSet<u8>,
    most: u8,
    verified: bool,
}

impl Counted {
    fn new((value, tries): ([u8; 8], u8)) -> Self {
        Self {
            value,
            left: BTreeSet::from([tries]),
            most: tries,
            verified: false,
        }
    }

    fn reset(&mut self) {
        self.left = BTreeSet::from([self.most]);
    }
}

/// What a command may reach over the interface it came by (SP 800-73-5 Part 1, 5.5).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Reach {
    Plain,
    Protected,
    /// The virtual contact interface, if the pairing code still counts.
    PerhapsVirtual,
    Virtual,
    Contact,
}

/// The card as the standard sees it.
#[derive(Clone, Debug)]
pub(crate) struct Standard {
    issued: Issued,
    interface: Interface,
    selected: bool,
    pin: Counted,
    global_pin: Counted,
    puk: Counted,
    paired: Belief,
    administrator: Belief,
    /// Whether VERIFY was the command just before.
    just_verified: Belief,
    /// A challenge is out; whether it is the answer of the command just before.
    challenge: Option<bool>,
    chain: Option<Chain>,
    pending: bool,
    /// The rules of which an answer has been seen.
    pub(crate) seen: BTreeSet<Rule>,
}

/// Parts of a signature command.
#[derive(Clone, Copy, Debug)]
struct Chain {
    key: u8,
    parts: usize,
    just_verified: Belief,
}

/// A rule by its number and side, such as `14` for a wrong PIN.
pub(crate) type Rule = &'static str;

/// The status words an outcome may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Word {
    Is(u16),
    /// 9000, or 61XX with more to come.
    Success,
    /// A refusal that is no failed comparison.
    Refusal,
    /// Anything at all.
    Any,
}

impl Word {
    fn allows(self, status: u16) -> bool {
        match self {
            Self::Is(word) => word == status,
            Self::Success => status == 0x9000 || status >> 8 == 0x61,
            Self::Refusal => !matches!(status >> 8, 0x90 | 0x61..=0x63),
            Self::Any => true,
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(word) => write!(f, "{word:04X}"),
            Self::Success => f.write_str("9000 or 61XX"),
            Self::Refusal => f.write_str("a refusal"),
            Self::Any => f.write_str("anything"),
        }
    }
}

/// What follows from an answer.
#[derive(Clone, Copy, Debug)]
enum Effect {
    Nothing,
    Verified(u8),
    /// A comparison failed when so many tries were left.
    Failed {
        reference: u8,
        of: u8,
    },
    Forgotten(u8),
    Changed {
        reference: u8,
        value: [u8; 8],
    },
    Unblocked([u8; 8]),
    UnblockFailed {
        of: u8,
    },
    Paired(bool),
    Challenged,
    Administrator(Belief),
    Begun(Chain),
    Answered(Belief),
    Left,
}

/// One answer that is allowed.
struct Outcome {
    rule: Rule,
    word: Word,
    effect: Effect,
}

fn may(rule: Rule, word: Word, effect: Effect) -> Outcome {
    Outcome { rule, word, effect }
}

impl Standard {
    pub(crate) fn new(issued: Issued) -> Self {
        Self {
            interface: Interface::Contact,
            selected: issued.selected_by_default,
            pin: Counted::new(issued.pin),
            global_pin: Counted::new(issued.global_pin),
            puk: Counted::new(issued.puk),
            paired: Belief::False,
            administrator: Belief::False,
            just_verified: Belief::False,
            challenge: None,
            chain: None,
            pending: false,
            seen: BTreeSet::new(),
            issued,
        }
    }

    /// The right value of a reference now.
    pub(crate) fn value(&self, reference: u8) -> [u8; 8] {
        match reference {
            GLOBAL_PIN => self.global_pin.value,
            PUK => self.puk.value,
            PAIRING_CODE => self.issued.pairing_code,
            _ => self.pin.value,
        }
    }

    /// Rule 4.
    pub(crate) fn was_reset(&mut self, interface: Interface) {
        self.interface = interface;
        self.deselect();
        self.global_pin.verified = false;
        self.selected = self.issued.selected_by_default;
        self.challenge = None;
        self.chain = None;
        self.pending = false;
        self.just_verified = Belief::False;
    }

    /// The answer to SELECT: rules 1 to 3.
    pub(crate) fn selected(&mut self, target: Target, status: u16) -> Result<(), String> {
        self.another_command();
        let outcome = match target {
            Target::Piv | Target::PivWithoutVersion => {
                may("1 select", Word::Success, Effect::Nothing)
            }
            Target::Nothing => may("2 select nothing", Word::Is(0x6A82), Effect::Nothing),
            Target::AnotherApplication => may("3 select another", Word::Success, Effect::Left),
        };
        self.follow(vec![outcome], status)?;
        if matches!(target, Target::Piv | Target::PivWithoutVersion) {
            self.selected = true;
        }
        self.pending = status >> 8 == 0x61;
        Ok(())
    }

    /// The answer to key establishment, which key 04 gives to anybody.
    pub(crate) fn established(&mut self, status: u16) -> Result<(), String> {
        self.another_command();
        self.paired = self.paired.doubted();
        let outcome = if self.selected {
            may("29 establish", Word::Success, Effect::Nothing)
        } else {
            may("not selected", Word::Refusal, Effect::Nothing)
        };
        self.follow(vec![outcome], status)
    }

    /// The answer to a command under keys the card does not have.
    pub(crate) fn was_stale(&mut self, status: u16) -> Result<(), String> {
        self.another_command();
        self.paired = self.paired.doubted();
        self.follow(
            vec![may("4 stale keys", Word::Refusal, Effect::Nothing)],
            status,
        )
    }

    /// The answer to a command.
    pub(crate) fn answered(
        &mut self,
        action: &Action,
        secured: bool,
        status: u16,
    ) -> Result<(), String> {
        let reach = self.reach(secured);
        let before = self.clone();
        if !(matches!(action, Action::More { .. }) && self.pending) {
            self.another_command();
        }
        let outcomes = if !self.selected {
            match action {
                Action::More { .. } => vec![may("no pending", Word::Any, Effect::Nothing)],
                _ => vec![may("not selected", Word::Refusal, Effect::Nothing)],
            }
        } else if reach == Reach::PerhapsVirtual {
            let mut outcomes = before.outcomes(action, secured, Reach::Virtual);
            outcomes.extend(before.outcomes(action, secured, Reach::Protected));
            outcomes
        } else {
            before.outcomes(action, secured, reach)
        };
        self.follow(outcomes, status)?;
        self.pending = status >> 8 == 0x61 && !secured;
        Ok(())
    }

    fn outcomes(&self, action: &Action, secured: bool, reach: Reach) -> Vec<Outcome> {
        match *action {
            Action::Verify { reference, value } => self.verify(reference, value, reach),
            Action::Query { reference } => self.query(reference, reach),
            Action::Forget { reference } => self.forget(reference, reach),
            Action::VerifyWithP1 { .. } => {
                vec![may("7 P1", settled(reach, 0x6A86), Effect::Nothing)]
            }
            Action::Change {
                reference,
                old,
                new,
            } => self.change(reference, old, new, reach),
            Action::Unblock {
                reference,
                puk,
                new,
            } => self.unblock(reference, puk, new, reach),
            Action::Challenge => self.ask_for_challenge(reach),
            Action::Answer { right } => self.answer_challenge(right, reach),
            // In the clear it is the last part of the chain that began in the clear.
            Action::Sign { key } if !secured && self.chain.is_some_and(|it| it.key == key) => {
                vec![may("30 overfull chain", Word::Refusal, Effect::Nothing)]
            }
            Action::Sign { key } => self.sign(key, self.just_verified(), reach),
            Action::Begin { key } => self.begin(key, reach),
            Action::Finish { key } => match &self.chain {
                Some(chain) if chain.key == key && chain.parts == 1 => {
                    self.sign(key, chain.just_verified, reach)
                }
                Some(chain) if chain.key == key => {
                    vec![may("30 overfull chain", Word::Refusal, Effect::Nothing)]
                }
                _ => vec![may("30 rest of a chain", Word::Refusal, Effect::Nothing)],
            },
            Action::Read(object) => self.read(object, reach),
            Action::ReadLittle => self.read(Object::Certificate, reach),
            Action::More { .. } if self.pending => {
                vec![may("get response", Word::Success, Effect::Nothing)]
            }
            Action::More { .. } => vec![may("no pending", Word::Any, Effect::Nothing)],
            Action::Write => self.administrate("35 put", reach),
            Action::Generate => self.administrate("35 generate", reach),
            Action::Unknown { .. } => vec![may("unknown", Word::Refusal, Effect::Nothing)],
        }
    }

    /// Rules 7, 8, 11 to 15, 17, 18.
    fn verify(&self, reference: u8, value: Value, reach: Reach) -> Vec<Outcome> {
        if !self.can_be_verified(reference) {
            return vec![may("7 reference", settled(reach, 0x6A88), Effect::Nothing)];
        }
        if reach < least(reference) {
            return vec![may("18 interface", Word::Refusal, Effect::Nothing)];
        }
        if reference == PAIRING_CODE {
            let right = may("17 paired", Word::Is(0x9000), Effect::Paired(true));
            let wrong = may("17 wrong", Word::Is(0x6300), Effect::Paired(false));
            let malformed = may("17 malformed", Word::Is(0x6A80), Effect::Nothing);
            return match value {
                Value::Right => vec![right],
                Value::Wrong => vec![wrong],
                Value::Malformed(_) => vec![malformed, wrong],
            };
        }
        self.each_count(reference, reach, |left| match value {
            _ if left == 0 => blocked(matches!(value, Value::Malformed(_))),
            Value::Right => vec![may(
                "15 right PIN",
                Word::Is(0x9000),
                Effect::Verified(reference),
            )],
            Value::Wrong => vec![failed("14 wrong PIN", reference, left)],
            Value::Malformed(_) => vec![
                may("13 malformed PIN", Word::Is(0x6A80), Effect::Nothing),
                failed("13 malformed PIN counted", reference, left),
            ],
        })
    }

    /// Rule 9.
    fn query(&self, reference: u8, reach: Reach) -> Vec<Outcome> {
        if !self.can_be_verified(reference) {
            return vec![may("7 reference", settled(reach, 0x6A88), Effect::Nothing)];
        }
        if reach < least(reference) {
            return vec![may("18 interface", Word::Refusal, Effect::Nothing)];
        }
        if reference == PAIRING_CODE {
            // Not specified but that it is no lie.
            return match self.paired {
                Belief::False => vec![
                    may("9 pairing code", Word::Is(0x6300), Effect::Nothing),
                    may("9 pairing code", Word::Refusal, Effect::Nothing),
                ],
                _ => vec![may("9 pairing code", Word::Any, Effect::Nothing)],
            };
        }
        let counted = self.counted(reference);
        if counted.verified {
            return vec![may("9 verified", Word::Is(0x9000), Effect::Nothing)];
        }
        let mut outcomes: Vec<_> = counted
            .left
            .iter()
            .map(|&left| may("9 tries left", Word::Is(tries(left)), Effect::Nothing))
            .collect();
        if reach < Reach::Contact || counted.left.contains(&0) {
            outcomes.push(may("9 blocked", Word::Is(0x6983), Effect::Nothing));
        }
        outcomes
    }

    /// Rule 10.
    fn forget(&self, reference: u8, reach: Reach) -> Vec<Outcome> {
        if !self.can_be_verified(reference) {
            return vec![may("7 reference", settled(reach, 0x6A88), Effect::Nothing)];
        }
        if reach < least(reference) {
            return vec![may("18 interface", Word::Refusal, Effect::Nothing)];
        }
        vec![may(
            "10 forget",
            Word::Is(0x9000),
            Effect::Forgotten(reference),
        )]
    }

    /// Rules 19 to 22.
    fn change(&self, reference: u8, old: Value, new: New, reach: Reach) -> Vec<Outcome> {
        let not_there = || may("19 reference", settled(reach, 0x6A88), Effect::Nothing);
        let there = match reference {
            PIN | PUK => true,
            GLOBAL_PIN => self.issued.has_global_pin(),
            _ => false,
        };
        if !there {
            return vec![not_there()];
        }
        let least = if reference == PUK {
            Reach::Contact
        } else {
            Reach::Virtual
        };
        if reach < least {
            return vec![may("19 interface", Word::Refusal, Effect::Nothing)];
        }
        let malformed = matches!(old, Value::Malformed(_)) || matches!(new, New::Malformed(_));
        let mut outcomes = self.each_count(reference, reach, |left| match (old, new) {
            _ if left == 0 => blocked(malformed),
            (Value::Right, New::Good(number)) => {
                let value = new_value(reference, number);
                let effect = Effect::Changed { reference, value };
                vec![may("22 changed", Word::Is(0x9000), effect)]
            }
            (Value::Right, New::Malformed(_)) => {
                vec![may("20 new malformed", Word::Is(0x6A80), Effect::Nothing)]
            }
            (Value::Wrong, New::Good(_)) => vec![failed("20 old wrong", reference, left)],
            _ => vec![
                may("20 malformed", Word::Is(0x6A80), Effect::Nothing),
                failed("20 malformed counted", reference, left),
            ],
        });
        if reference != PIN {
            outcomes.push(not_there());
        }
        outcomes
    }

    /// Rules 23 to 26.
    fn unblock(&self, reference: u8, puk: Value, new: New, reach: Reach) -> Vec<Outcome> {
        if reach < Reach::Contact {
            return vec![may("23 interface", Word::Refusal, Effect::Nothing)];
        }
        if reference != PIN {
            return vec![may("23 reference", Word::Is(0x6A88), Effect::Nothing)];
        }
        let malformed = matches!(puk, Value::Malformed(_)) || matches!(new, New::Malformed(_));
        self.each_count(PUK, reach, |left| {
            let counted = || {
                let word = Word::Is(tries(left.saturating_sub(1)));
                may("23 wrong PUK", word, Effect::UnblockFailed { of: left })
            };
            match (puk, new) {
                _ if left == 0 => blocked(malformed),
                (Value::Right, New::Good(number)) => {
                    let effect = Effect::Unblocked(new_value(PIN, number));
                    vec![may("25 unblocked", Word::Is(0x9000), effect)]
                }
                (Value::Right, New::Malformed(_)) => {
                    vec![may("24 new malformed", Word::Is(0x6A80), Effect::Nothing)]
                }
                (Value::Wrong, New::Good(_)) => vec![counted()],
                _ => vec![
                    may("24 both wrong", Word::Is(0x6A80), Effect::Nothing),
                    counted(),
                ],
            }
        })
    }

    /// Rule 6; a card may refuse a second challenge in a row.
    fn ask_for_challenge(&self, reach: Reach) -> Vec<Outcome> {
        if reach < Reach::Contact {
            return vec![may("6 interface", Word::Refusal, Effect::Nothing)];
        }
        let mut outcomes = vec![may("6 challenge", Word::Is(0x9000), Effect::Challenged)];
        if self.challenge.is_some() {
            let refused = Effect::Administrator(self.administrator.doubted());
            outcomes.push(may("6 second challenge", Word::Is(0x6A80), refused));
        }
        outcomes
    }

    /// Rule 6.
    fn answer_challenge(&self, right: bool, reach: Reach) -> Vec<Outcome> {
        if reach < Reach::Contact {
            return vec![may("6 interface", Word::Refusal, Effect::Nothing)];
        }
        let known = |to| Effect::Answered(Belief::from(to));
        let doubted = Effect::Answered(self.administrator.doubted());
        match (self.challenge, right) {
            (Some(true), true) => vec![may("6 authenticated", Word::Is(0x9000), known(true))],
            (Some(_), false) => vec![may("6 wrong answer", Word::Refusal, known(false))],
            // Whether a challenge outlives other commands is for the card to say.
            (Some(false), true) => vec![
                may("6 late answer", Word::Is(0x9000), known(true)),
                may("6 late answer refused", Word::Refusal, doubted),
            ],
            (None, _) => vec![may("6 no challenge", Word::Refusal, doubted)],
        }
    }

    /// Rules 27 and 28.
    fn sign(&self, key: u8, just_verified: Belief, reach: Reach) -> Vec<Outcome> {
        let done = || may("27 signed", Word::Success, Effect::Nothing);
        let refused = |rule| may(rule, Word::Is(0x6982), Effect::Nothing);
        match key {
            0x9E => vec![may("27 9E", Word::Success, Effect::Nothing)],
            _ if reach < Reach::Virtual => {
                vec![may("27 interface", Word::Refusal, Effect::Nothing)]
            }
            _ if !self.pin_satisfied() => vec![refused("27 without PIN")],
            0x9C => match just_verified {
                Belief::True => vec![may("28 signed", Word::Success, Effect::Nothing)],
                Belief::False => vec![refused("28 not just verified")],
                Belief::Unknown => vec![done(), refused("28 not just verified")],
            },
            _ => vec![done()],
        }
    }

    /// A part of a chain is taken; a card may refuse it where it would refuse the command.
    fn begin(&self, key: u8, reach: Reach) -> Vec<Outcome> {
        let chain = match self.chain {
            Some(chain) if chain.key == key => Chain {
                parts: chain.parts + 1,
                ..chain
            },
            _ => Chain {
                key,
                parts: 1,
                just_verified: self.just_verified(),
            },
        };
        let mut outcomes = vec![may("30 part", Word::Is(0x9000), Effect::Begun(chain))];
        let whole = self.sign(key, chain.just_verified, reach);
        if whole.iter().any(|outcome| outcome.word != Word::Success) {
            outcomes.push(may("30 part refused", Word::Refusal, Effect::Nothing));
        }
        outcomes
    }

    /// Rule 33 and the access rules of Part 1, Table 2.
    fn read(&self, object: Object, reach: Reach) -> Vec<Outcome> {
        let found = || may("read", Word::Success, Effect::Nothing);
        let absent = || may("34 absent", Word::Is(0x6A82), Effect::Nothing);
        let behind_pin = matches!(object, Object::Printed | Object::AbsentBehindPin);
        match object {
            Object::Free => vec![found()],
            _ if reach < Reach::Virtual => {
                vec![may("33 interface", Word::Refusal, Effect::Nothing)]
            }
            _ if behind_pin && !self.pin_satisfied() => {
                vec![may("33 without PIN", Word::Is(0x6982), Effect::Nothing)]
            }
            Object::Certificate | Object::Printed => vec![found()],
            // Created and empty, or never created.
            Object::Absent | Object::AbsentBehindPin => vec![absent(), found()],
        }
    }

    /// Rule 35.
    fn administrate(&self, rule: Rule, reach: Reach) -> Vec<Outcome> {
        if reach < Reach::Contact {
            return vec![may("35 interface", Word::Refusal, Effect::Nothing)];
        }
        let done = may(rule, Word::Success, Effect::Administrator(Belief::True));
        let refused = may(
            "35 refused",
            Word::Is(0x6982),
            Effect::Administrator(Belief::False),
        );
        match self.administrator_now() {
            Belief::True => vec![done],
            Belief::False => vec![refused],
            Belief::Unknown => vec![done, refused],
        }
    }

    /// Takes the answer that came for one of those allowed.
    fn follow(&mut self, outcomes: Vec<Outcome>, status: u16) -> Result<(), String> {
        let Some(outcome) = outcomes.iter().find(|it| it.word.allows(status)) else {
            let allowed: Vec<_> = outcomes
                .iter()
                .map(|outcome| format!("{} ({})", outcome.word, outcome.rule))
                .collect();
            return Err(format!(
                "answered {status:04X}, the standard allows {}",
                allowed.join(", ")
            ));
        };
        self.seen.insert(outcome.rule);
        match outcome.effect {
            Effect::Nothing => {}
            Effect::Verified(reference) => {
                let counted = self.counted_mut(reference);
                counted.reset();
                counted.verified = true;
                self.just_verified = Belief::True;
            }
            Effect::Failed { reference, of } => {
                let counted = self.counted_mut(reference);
                counted.left = BTreeSet::from([of.saturating_sub(1)]);
                counted.verified = false;
            }
            Effect::Forgotten(PAIRING_CODE) => self.paired = Belief::False,
            Effect::Forgotten(reference) => self.counted_mut(reference).verified = false,
            Effect::Changed { reference, value } => {
                let counted = self.counted_mut(reference);
                counted.value = value;
                counted.reset();
                counted.verified = true;
            }
            Effect::Unblocked(value) => {
                self.pin.value = value;
                self.pin.reset();
                // Whether the counter of the PUK starts again is for the card to say.
                self.puk.left.remove(&0);
                self.puk.left.insert(self.puk.most);
            }
            Effect::UnblockFailed { of } => {
                self.puk.left = BTreeSet::from([of.saturating_sub(1)]);
                self.pin.verified = false;
            }
            Effect::Paired(paired) => self.paired = paired.into(),
            Effect::Challenged => {
                self.challenge = Some(true);
                self.administrator = self.administrator.doubted();
            }
            Effect::Administrator(belief) => self.administrator = belief,
            Effect::Answered(belief) => {
                self.administrator = belief;
                self.challenge = None;
            }
            Effect::Begun(chain) => self.chain = Some(chain),
            Effect::Left => self.deselect(),
        }
        Ok(())
    }

    /// What any command ends, whatever it is.
    fn another_command(&mut self) {
        self.pending = false;
        self.just_verified = Belief::False;
        self.chain = None;
        if self.challenge == Some(true) {
            self.challenge = Some(false);
            self.administrator = self.administrator.doubted();
        }
    }

    fn deselect(&mut self) {
        self.selected = false;
        self.pin.verified = false;
        self.puk.verified = false;
        self.paired = Belief::False;
        self.administrator = Belief::False;
    }

    /// Whether VERIFY was just before, for a command that is not a part of the chain there is. An
    /// interrupted chain is as if it had never been (rule 30), or was a command in between
    /// (rule 28).
    fn just_verified(&self) -> Belief {
        match &self.chain {
            Some(chain) => chain.just_verified.doubted(),
            None => self.just_verified,
        }
    }

    fn administrator_now(&self) -> Belief {
        match self.challenge {
            Some(true) => self.administrator.doubted(),
            _ => self.administrator,
        }
    }

    fn pin_satisfied(&self) -> bool {
        self.pin.verified || (self.issued.has_global_pin() && self.global_pin.verified)
    }

    fn can_be_verified(&self, reference: u8) -> bool {
        match reference {
            PIN => true,
            GLOBAL_PIN => self.issued.has_global_pin(),
            PAIRING_CODE => self.issued.has_virtual_contact(),
            _ => false,
        }
    }

    fn reach(&self, secured: bool) -> Reach {
        match self.interface {
            Interface::Contact => return Reach::Contact,
            Interface::Contactless if !secured => return Reach::Plain,
            Interface::Contactless => {}
        }
        if !self.issued.has_virtual_contact() {
            return Reach::Protected;
        }
        match self.paired {
            _ if !self.issued.wants_pairing_code() => Reach::Virtual,
            Belief::True => Reach::Virtual,
            Belief::False => Reach::Protected,
            Belief::Unknown => Reach::PerhapsVirtual,
        }
    }

    /// What is allowed for each number of tries that may be left; 0 stands for blocked, which
    /// contactless comes earlier (rule 12).
    fn each_count(
        &self,
        reference: u8,
        reach: Reach,
        allowed: impl Fn(u8) -> Vec<Outcome>,
    ) -> Vec<Outcome> {
        let kept = if reach == Reach::Contact {
            0
        } else {
            self.issued.intermediate
        };
        self.counted(reference)
            .left
            .iter()
            .flat_map(|&left| allowed(if left <= kept { 0 } else { left }))
            .collect()
    }

    fn counted(&self, reference: u8) -> &Counted {
        match reference {
            GLOBAL_PIN => &self.global_pin,
            PUK => &self.puk,
            _ => &self.pin,
        }
    }

    fn counted_mut(&mut self, reference: u8) -> &mut Counted {
        match reference {
            GLOBAL_PIN => &mut self.global_pin,
            PUK => &mut self.puk,
            _ => &mut self.pin,
        }
    }
}

/// The new value made of a number: 6 to 8 digits for a PIN, any 8 bytes for the PUK.
pub(crate) fn new_value(reference: u8, number: u8) -> [u8; 8] {
    if reference == PUK {
        return [number; 8];
    }
    let digits = format!("{:08}", u32::from(number) * 390_001);
    let mut value = [0xFF; 8];
    let length = 6 + usize::from(number % 3);
    value[..length].copy_from_slice(&digits.as_bytes()[..length]);
    value
}

/// This word over the contacts, where nothing else can be wrong; elsewhere the interface may be
/// what the card complains of.
fn settled(reach: Reach, word: u16) -> Word {
    match reach {
        Reach::Contact => Word::Is(word),
        _ => Word::Refusal,
    }
}

fn least(reference: u8) -> Reach {
    match reference {
        PAIRING_CODE => Reach::Protected,
        _ => Reach::Virtual,
    }
}

/// Rule 11; of malformed data a card may also say that.
fn blocked(malformed: bool) -> Vec<Outcome> {
    let mut outcomes = vec![may("11 blocked", Word::Is(0x6983), Effect::Nothing)];
    if malformed {
        outcomes.push(may("11 blocked", Word::Is(0x6A80), Effect::Nothing));
    }
    outcomes
}

fn failed(rule: Rule, reference: u8, left: u8) -> Outcome {
    let word = Word::Is(tries(left.saturating_sub(1)));
    may(
        rule,
        word,
        Effect::Failed {
            reference,
            of: left,
        },
    )
}

fn tries(left: u8) -> u16 {
    0x63C0 | u16::from(left)
}
