//! Passcodes, against a second reading of the rules.

use proptest::prelude::*;

use super::{Card, FIELD, OFFICER, USER, field};

#[test]
fn the_policy_is_told_in_either_class() {
    let mut card = Card::blank();
    let policy = card.data("00CA5F0100", &[]).unwrap();
    assert_eq!(
        hex::encode_upper(&policy),
        "5F011D800100860A0000000200030002FF00910103A10983013F840104850100"
    );
    assert_eq!(card.data("80CA5F0100", &[]), Ok(policy));
    assert!(card.data("00CA5F0200", &[]).is_ok());
    assert_eq!(card.status("00CA5F0300", &[]), 0x6A88);
    let production = card.data("80CA9F7F2D", &[]).unwrap();
    assert_eq!(
        (production.len(), &production[..3]),
        (45, &[0x9F, 0x7F, 0x2A][..])
    );
    assert_eq!(production[15..19], [0, 0, 0, 7]);
}

#[test]
fn the_holder_of_a_blank_has_no_passcode_until_the_officer_gives_one() {
    for set in ["002C0201", "00240101"] {
        let mut card = Card::blank();
        assert_eq!(card.status("00200001", &[]), 0x6A88);
        assert_eq!(card.verify(1, USER), 0x6A88);
        assert_eq!(card.status(set, &field(USER)), 0x6982);
        assert_eq!(card.verify(2, OFFICER), 0x9000);
        assert_eq!(card.status(set, &field(USER)), 0x9000);
        assert_eq!(card.status("00200001", &[]), 0x63C3);
        assert_eq!(card.verify(1, USER), 0x9000);
        assert_eq!(card.status("00200001", &[]), 0x9000);
    }
}

#[test]
fn selecting_the_application_again_logs_out() {
    let mut card = Card::personalised();
    card.verify(1, USER);
    card.verify(2, OFFICER);
    card.log_out();
    assert_eq!(card.status("00200001", &[]), 0x63C3);
    assert_eq!(card.status("00200002", &[]), 0x63C5);
}

#[test]
fn a_field_of_another_length_or_a_new_passcode_of_another_form_costs_no_try() {
    let mut card = Card::personalised();
    assert_eq!(card.status("00200001", USER), 0x6700);
    assert_eq!(card.status("00240001", &field(USER)), 0x6700);
    let short = [field(USER), field(b"123")].concat();
    assert_eq!(card.status("00240001", &short), 0x6A80);
    assert_eq!(card.status("00200001", &[]), 0x63C3);
    assert_eq!(card.status("00200101", &field(USER)), 0x6A86);
    assert_eq!(card.status("00200009", &field(USER)), 0x6A88);
}

/// The rules once more, written without the card's code.
#[derive(Debug)]
struct Standard {
    passcodes: [Vec<u8>; 2],
    tries: [u8; 2],
    verified: [bool; 2],
}

const LIMITS: [u8; 2] = [3, 5];

#[derive(Clone, Debug)]
enum Step {
    Verify(usize, usize),
    Ask(usize),
    Change(usize, usize, usize),
    ChangeAlone(usize, usize),
    Reset(usize, usize),
    ResetCounter(usize),
    LogOut,
    Power,
}

const VALUES: [&[u8]; 4] = [USER, OFFICER, b"24682468", b"abcd"];

impl Standard {
    fn new() -> Self {
        Self {
            passcodes: [USER.to_vec(), OFFICER.to_vec()],
            tries: LIMITS,
            verified: [false; 2],
        }
    }

    fn left(&self, who: usize) -> u16 {
        0x63C0 | u16::from(self.tries[who])
    }

    fn prove(&mut self, who: usize, value: usize) -> u16 {
        if self.tries[who] == 0 {
            return 0x6983;
        }
        if self.passcodes[who] == VALUES[value] {
            self.tries[who] = LIMITS[who];
            return 0x9000;
        }
        self.tries[who] -= 1;
        self.verified[who] = false;
        self.left(who)
    }

    fn set(&mut self, who: usize, value: usize) -> u16 {
        self.passcodes[who] = VALUES[value].to_vec();
        self.tries[who] = LIMITS[who];
        self.verified[who] = false;
        0x9000
    }

    fn take(&mut self, step: &Step) -> u16 {
        match *step {
            Step::Verify(who, value) => {
                let status = self.prove(who, value);
                if status == 0x9000 {
                    self.verified[who] = true;
                }
                status
            }
            Step::Ask(who) => match (self.tries[who], self.verified[who]) {
                (0, _) => 0x6983,
                (_, true) => 0x9000,
                _ => self.left(who),
            },
            Step::Change(who, old, new) => match self.prove(who, old) {
                0x9000 => self.set(who, new),
                status => status,
            },
            // The holder's by either of the two, the officer's by the officer.
            Step::ChangeAlone(who, new) => {
                match self.verified[1] || (who == 0 && self.verified[0]) {
                    true => self.set(who, new),
                    false => 0x6982,
                }
            }
            // The holder's by the officer, the officer's by nobody.
            Step::Reset(who, new) => match who == 0 && self.verified[1] {
                true => self.set(who, new),
                false => 0x6982,
            },
            Step::ResetCounter(who) => match who == 0 && self.verified[1] {
                true => {
                    self.tries[who] = LIMITS[who];
                    self.verified[who] = false;
                    0x9000
                }
                false => 0x6982,
            },
            Step::LogOut | Step::Power => {
                self.verified = [false; 2];
                0x9000
            }
        }
    }
}

fn act(card: &mut Card, step: &Step) -> u16 {
    let value = |at: usize| field(VALUES[at]);
    let header = |start: &str, who: usize| format!("{start}{:02X}", who + 1);
    match *step {
        Step::Verify(who, it) => card.status(&header("002000", who), &value(it)),
        Step::Ask(who) => card.status(&header("002000", who), &[]),
        Step::Change(who, old, new) => {
            card.status(&header("002400", who), &[value(old), value(new)].concat())
        }
        Step::ChangeAlone(who, new) => card.status(&header("002401", who), &value(new)),
        Step::Reset(who, new) => card.status(&header("002C02", who), &value(new)),
        Step::ResetCounter(who) => card.status(&header("002C03", who), &[]),
        Step::LogOut => {
            card.log_out();
            0x9000
        }
        Step::Power => {
            use crate::contacts::Chip;
            card.0.power_off();
            card.0.power_on();
            0x9000
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..2_usize;
    let value = 0..VALUES.len();
    prop_oneof![
        4 => (who.clone(), value.clone()).prop_map(|(who, it)| Step::Verify(who, it)),
        1 => who.clone().prop_map(|who| Step::Verify(who, who)),
        2 => who.clone().prop_map(Step::Ask),
        2 => (who.clone(), value.clone(), value.clone())
            .prop_map(|(who, old, new)| Step::Change(who, old, new)),
        1 => (who.clone(), value.clone()).prop_map(|(who, it)| Step::ChangeAlone(who, it)),
        1 => (who.clone(), value).prop_map(|(who, it)| Step::Reset(who, it)),
        1 => who.prop_map(Step::ResetCounter),
        1 => Just(Step::LogOut),
        1 => Just(Step::Power),
    ]
}

proptest! {
    #[test]
    fn passcodes_keep_the_rules(steps in prop::collection::vec(step(), 1..40)) {
        // A blank whose holder got a passcode is quicker made than a personalised card.
        let mut card = Card::blank();
        card.verify(2, OFFICER);
        card.status("002C0201", &field(USER));
        card.log_out();
        let mut standard = Standard::new();
        for step in &steps {
            prop_assert_eq!(act(&mut card, step), standard.take(step), "{:?} {:?}", step, standard);
        }
    }
}

#[test]
fn the_field_is_as_long_as_the_policy_says() {
    let policy = Card::blank().data("00CA5F0100", &[]).unwrap();
    assert!(policy.windows(3).any(|it| it == [0x83, 0x01, FIELD]));
}
