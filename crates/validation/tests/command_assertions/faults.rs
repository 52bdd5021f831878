//! Cards with one fault each, made by altering what passes between a sound card and the reader.

use std::collections::BTreeMap;

use firmware_sim::card::nvm::Cell;
use firmware_sim::card::{Interface, Model, PivChip};
use firmware_sim::contacts::Chip;

use piv::words::Edition;
use series::{Certainty, Known};
use validation::Settings;

use crate::cards::{Between, everything, pass};

/// A fault, the assertion it must be found by, and the card it is made of.
pub(crate) struct Fault {
    pub(crate) id: &'static str,
    pub(crate) card: Card,
    pub(crate) spoil: Spoil,
    /// Whether it is there from the beginning of the run and not only for the assertion.
    pub(crate) from_the_start: bool,
}

/// The sound card below.
#[derive(Clone, Copy)]
pub(crate) enum Card {
    Series10,
    Series9,
    /// Series 10, judged by the edition of 2024.
    FifthEdition,
    /// Series 10 without contact.
    Contactless,
    /// Series 10 without contact, and this policy.
    Policy([u8; 2]),
    /// Series 10 on contacts, which says that it is without contact.
    Pretender,
}

/// What goes wrong.
pub(crate) enum Spoil {
    /// Commands like this get this answer, and the card does not see them. A dot is any digit; a
    /// `$` at the end means that nothing follows.
    Says(&'static str, &'static str),
    /// The last byte of data in the answers to commands like this is another.
    Flips(&'static str),
    /// After the answer to commands like this the card gets another.
    AndThen(&'static str, &'static str),
    /// Before commands like this the card gets another.
    First(&'static str, &'static str),
    /// In the answer to commands like this, these digits are replaced by those.
    Replaces(&'static str, &'static str, &'static str),
    /// Commands like this are taken for others.
    Mistakes(&'static str, &'static str),
    /// From the nth on, commands like this get this answer.
    SaysFrom(usize, &'static str, &'static str),
    /// The nth command like this gets this answer.
    SaysOnce(usize, &'static str, &'static str),
    /// Once a command like this was seen, those like that get this answer.
    SaysAfter(&'static str, &'static str, &'static str),
    /// Commands like this get the answer the first of them got.
    Repeats(&'static str),
    /// The answer is counted up each time.
    Counts(&'static str, [&'static str; 3]),
    /// Wrong passcodes in VERIFY and CHANGE REFERENCE DATA get this answer and are not seen.
    WrongPasscode(&'static str),
    /// After 61XX, anything but GET RESPONSE gets this answer.
    InsistsOnGetResponse(&'static str),
    /// A reset changes nothing.
    SurvivesReset,
    /// Before a reset the card gets this.
    BeforeReset(&'static str),
    /// After a reset this is the answer to it.
    OtherAtr(&'static str),
}

use Card::{Contactless, FifthEdition, Policy, Pretender, Series9, Series10};
use Spoil::{
    AndThen, BeforeReset, Counts, First, Flips, InsistsOnGetResponse, Mistakes, OtherAtr, Repeats,
    Replaces, Says, SaysAfter, SaysFrom, SaysOnce, SurvivesReset, WrongPasscode,
};

const fn on(card: Card, id: &'static str, spoil: Spoil) -> Fault {
    Fault {
        id,
        card,
        spoil,
        from_the_start: false,
    }
}

const fn fault(id: &'static str, spoil: Spoil) -> Fault {
    on(Series10, id, spoil)
}

const fn always(card: Card, id: &'static str, spoil: Spoil) -> Fault {
    Fault {
        from_the_start: true,
        ..on(card, id, spoil)
    }
}

const VERIFY: &str = "0020008008313233343536FFFF";
const VERIFY_WRONG: &str = "0020008008313233343539FFFF";
const LOG_OUT: &str = "0020FF80";
const PRINTED: &str = "00CB3FFF055C035FC109";
const CHUID: &str = "00CB3FFF055C035FC102";
const UNKNOWN_OBJECT: &str = "00CB3FFF055C035FC1FF";
const DISCOVERY: &str = "00CB3FFF035C017E";
/// With extended length fields, as objects are read before the assertions.
const DISCOVERY_AT_ONCE: &str = "00CB3FFF0000035C017E";
const SELECT_NOBODY: &str = "00A4040009F0";
const SELECT_MANAGER: &str = "00A4040008A000000151000000";
const ANSWER_CHALLENGE: &str = "0087..9B147C128210";

/// Every assertion about commands has one here, some have two.
pub(crate) const FAULTS: &[Fault] = &[
    // SELECT
    fault(
        "select.full-identifier",
        Says("00A404000BA0000003080000100001", "6A82"),
    ),
    fault("select.truncated-identifier", Says("00A4040009A0", "6A82")),
    fault(
        "select.template",
        Says("00A404000BA0", "610D4F0BA0000003080000100001009000"),
    ),
    fault("select.unknown-application", Says(SELECT_NOBODY, "9000")),
    fault("select.unknown-application", Says(SELECT_NOBODY, "6D00")),
    fault(
        "select.unknown-version",
        Says("00A404000BA000000308000010007F", "9000"),
    ),
    fault("select.longer-identifier", Says("00A404000C", "9000")),
    fault(
        "select.unknown-keeps-application",
        AndThen(SELECT_NOBODY, SELECT_MANAGER),
    ),
    fault(
        "select.unknown-keeps-status",
        AndThen(SELECT_NOBODY, LOG_OUT),
    ),
    fault("select.again-keeps-status", AndThen("00A404000B", LOG_OUT)),
    fault(
        "select.again-truncated-keeps-status",
        AndThen("00A4040009A0", LOG_OUT),
    ),
    fault(
        "select.other-application-clears-status",
        Says(SELECT_MANAGER, "9000"),
    ),
    fault("select.reset-clears-status", SurvivesReset),
    // Transport
    fault("transport.unknown-instruction", Says("000F", "9000")),
    fault("transport.unknown-class", Says("A0CB", "9000")),
    fault("transport.stable-answer-to-reset", OtherAtr("3B00")),
    fault(
        "transport.no-more-than-asked",
        Mistakes("00CB3FFF055C035FC10208$", "00CB3FFF055C035FC10200"),
    ),
    fault("transport.announced-data-come", Flips("00C0")),
    fault("transport.nothing-pending", Says("00C0", "AABB9000")),
    fault(
        "transport.new-command-in-between",
        InsistsOnGetResponse("6883"),
    ),
    fault(
        "transport.abandoned-data-are-gone",
        Says("00C0", "AABB9000"),
    ),
    fault("transport.short-lengths-suffice", Says("00C0", "6F00")),
    fault("transport.chain", Says("1087", "6884")),
    fault(
        "transport.chain-parts-are-acknowledged",
        Says("1087", "AA9000"),
    ),
    fault(
        "transport.command-in-a-chain",
        SaysAfter("1087", "00CB", "6883"),
    ),
    fault(
        "transport.interrupted-chain-has-no-effect",
        SaysAfter("1087", "00CB", "6A82"),
    ),
    // GET DATA
    fault("get-data.whole-object", Says(CHUID, "5302AABBCC9000")),
    fault("get-data.same-twice", SaysOnce(2, CHUID, "53009000")),
    fault("get-data.unknown-object", Says(UNKNOWN_OBJECT, "9000")),
    fault(
        "get-data.unknown-template",
        Says("00CB3FFF045C027F62", "6A81"),
    ),
    fault(
        "get-data.unknown-keeps-status",
        AndThen(UNKNOWN_OBJECT, LOG_OUT),
    ),
    fault("get-data.wrong-parameters", Says("00CB3F00", "53009000")),
    fault("get-data.no-tag-list", Says("00CB3FFF055D", "53009000")),
    fault(
        "get-data.discovery-in-its-own-tag",
        Says(DISCOVERY, "53027E009000"),
    ),
    fault(
        "get-data.free-before-passcode",
        Says("00CB3FFF055C035FC107", "6982"),
    ),
    fault(
        "get-data.protected-before-passcode",
        Says("00CB3FFF055C035FC103", "6A82"),
    ),
    fault("get-data.protected-before-passcode", First(PRINTED, VERIFY)),
    fault("get-data.protected-after-passcode", Says(PRINTED, "6982")),
    fault("get-data.protected-after-log-out", Says(LOG_OUT, "9000")),
    // VERIFY
    fault("verify.tells-tries", Says("00200080$", "6300")),
    fault(
        "verify.asking-costs-nothing",
        Counts("00200080$", ["63C3", "63C2", "63C1"]),
    ),
    fault("verify.at-most-ten-tries", Says("00200080$", "63CF")),
    fault("verify.unknown-reference", Says("00200085", "63C3")),
    fault("verify.puk-cannot-be-verified", Says("00200081", "63C3")),
    fault("verify.key-cannot-be-verified", Says("0020009B", "6A86")),
    fault(
        "verify.global-pin-follows-policy",
        Says("00200000$", "63C3"),
    ),
    fault("verify.fingers-follow-policy", Says("00200096$", "63C3")),
    on(
        Series9,
        "verify.pairing-code-follows-policy",
        Says("00200098$", "6300"),
    ),
    fault("verify.wrong-p1", Says("002001", "9000")),
    fault("verify.log-out-costs-nothing", Says(LOG_OUT, "6A86")),
    fault(
        "verify.log-out-costs-nothing",
        AndThen(LOG_OUT, VERIFY_WRONG),
    ),
    fault("verify.right-passcode", Says(VERIFY, "9000")),
    fault("verify.right-passcode", Says(VERIFY, "6700")),
    fault("verify.log-out", Says(LOG_OUT, "9000")),
    fault("verify.refusal-keeps-status", AndThen("00200085", LOG_OUT)),
    fault("verify.refusal-keeps-status", AndThen("002001", LOG_OUT)),
    fault("verify.wrong-passcode-costs-one-try", WrongPasscode("6300")),
    fault("verify.wrong-passcode-costs-one-try", WrongPasscode("63C2")),
    fault("verify.wrong-passcode-costs-one-try", WrongPasscode("9000")),
    fault("verify.wrong-passcode-clears-status", WrongPasscode("63C2")),
    fault(
        "verify.right-passcode-gives-tries-back",
        Says(VERIFY, "9000"),
    ),
    fault("verify.tries-survive-reset", BeforeReset(VERIFY)),
    fault(
        "verify.malformed-passcode",
        Says("00200080083132414235", "9000"),
    ),
    fault(
        "verify.malformed-passcode",
        Says("00200080083132414235", "63C2"),
    ),
    fault(
        "verify.short-passcode",
        Says("00200080083132333435FF", "9000"),
    ),
    fault(
        "verify.wrong-padding",
        Says("00200080083132333435360000", "9000"),
    ),
    fault(
        "verify.wrong-padding",
        Mistakes("00200080083132333435360000", VERIFY),
    ),
    fault("verify.wrong-length", Mistakes("0020008006", VERIFY)),
    fault("verify.last-try", Replaces("0020008008", "63C0", "6983")),
    fault("verify.blocked", Replaces(VERIFY, "6983", "63C0")),
    // GENERAL AUTHENTICATE
    fault("key.9e-matches-certificate", Flips("0087119E")),
    fault("key.9a-matches-certificate", Flips("0087119A")),
    fault("key.9c-matches-certificate", Flips("0087119C")),
    fault("key.9c-matches-certificate", Says("0087119C", "6982")),
    fault("key.9d-matches-certificate", Flips("0087119D")),
    fault("key.retired-match-certificates", Flips("00871182")),
    fault("key.9a-needs-passcode", First("0087119A", VERIFY)),
    fault("key.9c-needs-passcode", First("0087119C", VERIFY)),
    fault("key.9d-needs-passcode", First("0087119D", VERIFY)),
    fault("key.retired-need-passcode", First("00871182", VERIFY)),
    fault("key.9a-again", SaysFrom(2, "0087119A", "6982")),
    fault("key.9c-passcode-always", First("0087119C", VERIFY)),
    fault("key.9c-passcode-just-before", First("0087119C", VERIFY)),
    fault("key.log-out-closes", Says(LOG_OUT, "9000")),
    on(
        FifthEdition,
        "key.no-agreement-with-9e",
        Says("0087119E", "7C03820100 9000"),
    ),
    on(
        FifthEdition,
        "key.no-agreement-with-9a",
        Says("0087119A", "7C03820100 9000"),
    ),
    fault(
        "key.point-off-the-curve",
        Says("0087119D", "7C03820100 9000"),
    ),
    fault(
        "general-authenticate.unknown-key",
        Says("0087117A", "7C009000"),
    ),
    fault(
        "general-authenticate.unknown-algorithm",
        Says("00877A9E", "7C009000"),
    ),
    fault(
        "general-authenticate.other-algorithm",
        Says("0087149E", "7C009000"),
    ),
    fault(
        "general-authenticate.malformed-template",
        Says("0087119E04", "7C009000"),
    ),
    fault(
        "administration.challenge-is-random",
        Repeats("00870A9B047C0281"),
    ),
    fault(
        "administration.challenge-is-random",
        Says("00870A9B047C0281", "7C0281009000"),
    ),
    fault(
        "administration.no-oracle",
        Says("00870A9B16", "7C03820100 9000"),
    ),
    fault("administration.right-key", Flips("00870A9B28")),
    fault("administration.right-key", Says("00870A9B28", "6982")),
    fault("administration.external", Says(ANSWER_CHALLENGE, "9000")),
    fault("administration.external", Says(ANSWER_CHALLENGE, "6982")),
    fault(
        "administration.wrong-answer",
        Says(ANSWER_CHALLENGE, "9000"),
    ),
    fault("administration.answer-once", Says(ANSWER_CHALLENGE, "9000")),
    // Secure messaging
    fault("secure-messaging.establishes", Flips("00872704")),
    fault("secure-messaging.establishes", Says("00872704", "6A80")),
    always(
        Series10,
        "secure-messaging.certificate-is-signed",
        Mistakes("00CB3FFF0000055C035FC122", "00CB3FFF0000055C035FC1010000"),
    ),
    fault("secure-messaging.fresh-nonce", Repeats("00872704")),
    fault("secure-messaging.other-suite", Says("00872E04", "6A80")),
    fault(
        "secure-messaging.control-byte",
        Says("00872704", "7C009000"),
    ),
    fault(
        "secure-messaging.point-off-the-curve",
        Says("00872704", "7C009000"),
    ),
    fault("secure-messaging.short-point", Says("00872704", "7C009000")),
    fault("secure-messaging.same-data", SaysOnce(1, CHUID, "53009000")),
    fault("secure-messaging.same-data", Flips("0CCB")),
    fault("secure-messaging.error-inside", Says("0CCB", "6A82")),
    fault(
        "secure-messaging.many-commands",
        SaysFrom(10, "0CCB", "6988"),
    ),
    fault("secure-messaging.key", Flips("0C87")),
    fault("secure-messaging.chain", Says("1C87", "6884")),
    fault("secure-messaging.chain", Flips("0C87")),
    fault(
        "secure-messaging.mixed-chain",
        Says("0087119E", "7C03820100 9000"),
    ),
    fault("secure-messaging.no-session", Says("0CCB", "9000")),
    fault("secure-messaging.no-session", SurvivesReset),
    fault("secure-messaging.wrong-mac", Says("0CCB", "6982")),
    fault("secure-messaging.wrong-mac", SaysOnce(1, "0CCB", "6988")),
    fault("secure-messaging.no-mac", Says("0CCB", "6988")),
    fault("secure-messaging.no-mac", SaysOnce(1, "0CCB", "6987")),
    fault("secure-messaging.replay", Repeats("0CCB")),
    fault(
        "secure-messaging.plain-between",
        SaysAfter("0CCB", "00CB", "6988"),
    ),
    fault("secure-messaging.reset-ends", SurvivesReset),
    fault(
        "secure-messaging.new-session-ends-old",
        SaysFrom(2, "0CCB", "9000"),
    ),
    fault(
        "secure-messaging.select-is-not-carried",
        Says("0CA4", "9000"),
    ),
    fault("secure-messaging.passcode", Says("0C20", "6988")),
    fault("secure-messaging.opens-nothing", First("0CCB", VERIFY)),
    // Without contact
    on(Contactless, "contactless.free-objects", Says(CHUID, "6982")),
    on(
        Contactless,
        "contactless.other-objects",
        Says("00CB3FFF055C035FC105", "53009000"),
    ),
    on(
        Contactless,
        "contactless.passcode",
        Says("00200080$", "63C3"),
    ),
    on(Contactless, "contactless.log-out", Says(LOG_OUT, "9000")),
    on(
        Contactless,
        "contactless.keys",
        Says("0087119C", "7C009000"),
    ),
    on(
        Contactless,
        "contactless.administration",
        Says("0087089B", "7C009000"),
    ),
    // The Discovery Object asks for a pairing code, the card does not.
    always(
        Policy([0x4C, 0x00]),
        "contactless.session-alone",
        Replaces(DISCOVERY_AT_ONCE, "5F2F024C", "5F2F0248"),
    ),
    always(
        Policy([0x4C, 0x00]),
        "contactless.wrong-pairing-code",
        Replaces(DISCOVERY_AT_ONCE, "5F2F024C", "5F2F0248"),
    ),
    // The Discovery Object promises what the card does not have.
    always(
        Policy([0x40, 0x00]),
        "vci.opens-objects",
        Replaces(DISCOVERY_AT_ONCE, "5F2F0240", "5F2F024C"),
    ),
    on(Pretender, "vci.protected-objects", First("0CCB", VERIFY)),
    on(Pretender, "vci.tells-tries", First("0C2000", VERIFY)),
    on(Contactless, "vci.key", Flips("0C87")),
    on(
        Contactless,
        "vci.in-clear-again",
        Says("00CB3FFF055C035FC105", "53009000"),
    ),
    on(Contactless, "contactless.change", Says("0024", "9000")),
    on(Contactless, "contactless.unblock", Says("002C", "9000")),
    on(Contactless, "contactless.put-data", Says("00DB", "9000")),
    on(Contactless, "contactless.generate", Says("0047", "9000")),
    // CHANGE REFERENCE DATA
    fault("change.to-and-back", Says("0024", "9000")),
    fault("change.to-and-back", Says("0024", "6A80")),
    fault("change.to-and-back", SaysFrom(2, "0024", "6A80")),
    fault("change.old-passcode-is-void", Says("0024", "9000")),
    fault("change.verifies", AndThen("0024", LOG_OUT)),
    fault("change.gives-tries-back", AndThen("0024", VERIFY_WRONG)),
    fault("change.wrong-old-passcode", WrongPasscode("6A80")),
    fault("change.wrong-old-passcode", WrongPasscode("9000")),
    fault("change.wrong-clears-status", WrongPasscode("63C2")),
    fault(
        "change.malformed-new-passcode",
        Says("0024008010313233343536FFFF3132FF", "9000"),
    ),
    fault(
        "change.malformed-new-passcode",
        Says("0024008010313233343536FFFF3132FF", "63C2"),
    ),
    fault("change.both-wrong", WrongPasscode("9000")),
    fault("change.both-wrong", WrongPasscode("63C2")),
    fault("change.wrong-length", Says("002400800F", "9000")),
    fault("change.wrong-p1", Says("002401", "9000")),
    fault("change.unknown-reference", Says("00240085", "9000")),
    fault("change.blocked", Says("00240080", "63C0")),
    fault("change.puk", Says("00240081", "9000")),
    fault("change.puk", Says("00240081", "6A80")),
    // RESET RETRY COUNTER
    fault("reset-retry.gives-tries-back", SaysOnce(1, "002C", "9000")),
    fault("reset-retry.sets-passcode", SaysOnce(1, "002C", "9000")),
    fault("reset-retry.does-not-verify", AndThen("002C", VERIFY)),
    fault("reset-retry.keeps-status", AndThen("002C", LOG_OUT)),
    fault("reset-retry.unblocks", SaysOnce(2, "002C", "9000")),
    fault(
        "reset-retry.malformed-passcode",
        Says("002C00801031323334353637383132FF", "9000"),
    ),
    fault("reset-retry.wrong-length", Says("002C00800F", "9000")),
    fault("reset-retry.wrong-p1", Says("002C01", "9000")),
    fault("reset-retry.other-reference", Says("002C0081", "9000")),
    fault(
        "reset-retry.wrong-puk",
        Says("002C0080103132333435363739", "6A80"),
    ),
    // PUT DATA
    fault("put-data.needs-administrator", Says("00DB", "9000")),
    fault("put-data.passcode-is-not-enough", Says("00DB", "9000")),
    fault("put-data.reset-clears-administrator", SurvivesReset),
    fault("put-data.write-and-read", Says("00DB", "9000")),
    fault("put-data.write-and-read", SaysOnce(2, "00DB", "6A84")),
    fault("put-data.emptied-object", Says("00DB", "9000")),
    fault("put-data.chain", Says("10DB", "6884")),
    fault(
        "put-data.interrupted-chain",
        SaysAfter("10DB", "00CB", "53009000"),
    ),
    fault("put-data.wrong-parameters", Says("00DB3F01", "9000")),
    // GENERATE ASYMMETRIC KEY PAIR
    fault("generate.needs-administrator", Says("0047009D", "9000")),
    fault("generate.unknown-key", Says("0047007A", "9000")),
    fault(
        "generate.unknown-mechanism",
        Says("0047009D05AC0380017A", "9000"),
    ),
    fault("generate.new-key", Repeats("0047009D")),
    fault("generate.new-key", Flips("0087119D")),
];

impl Card {
    pub(crate) fn model(self) -> Model {
        let mut model = match self {
            Self::Series9 => Model::series9(),
            _ => Model::series10(),
        };
        match self {
            Self::Policy(policy) => model.pin_usage_policy = policy,
            Self::Pretender => {
                model.pin_usage_policy = [0x4C, 0x00];
                model.atr = hex("3B8680018031C152411A7E");
            }
            _ => {}
        }
        model
    }

    /// What it is judged by besides.
    pub(crate) fn settings(self) -> Settings {
        let mut settings = everything(&self.model());
        if let Self::FifthEdition = self {
            let mut profile = settings.profiles.get("series-10").unwrap().clone();
            profile.edition = Some(Known {
                value: Edition::Fifth,
                source: "a test".to_owned(),
                certainty: Certainty::Public,
                conflicts: Vec::new(),
            });
            settings.profiles.put(profile);
        }
        settings
    }

    pub(crate) fn interface(self) -> Interface {
        match self {
            Self::Contactless | Self::Policy(_) => Interface::Contactless,
            Self::Series10 | Self::Series9 | Self::FifthEdition | Self::Pretender => {
                Interface::Contact
            }
        }
    }
}

/// A card with a fault, which shows while it is armed.
pub(crate) struct Faulty {
    spoil: &'static Spoil,
    pub(crate) armed: bool,
    /// Commands seen that the fault is about.
    seen: usize,
    kept: Option<Vec<u8>>,
    waiting: bool,
    /// What the card holds, when the power was last taken away.
    pub(crate) memory: BTreeMap<Cell, Vec<u8>>,
}

impl Faulty {
    pub(crate) fn new(fault: &'static Fault) -> Self {
        Self {
            spoil: &fault.spoil,
            armed: fault.from_the_start,
            seen: 0,
            kept: None,
            waiting: false,
            memory: BTreeMap::new(),
        }
    }
}

impl Between for Faulty {
    fn answer(&mut self, chip: &mut PivChip, command: &[u8]) -> Vec<u8> {
        if !self.armed {
            return pass(chip, command);
        }
        let was_waiting = std::mem::replace(&mut self.waiting, false);
        let like = |pattern: &str| is_like(command, pattern);
        match *self.spoil {
            Says(pattern, answer) if like(pattern) => hex(answer),
            Flips(pattern) if like(pattern) => {
                let mut answer = pass(chip, command);
                let last = answer.len() - 2;
                if let Some(byte) = answer[..last].last_mut() {
                    *byte ^= 0x01;
                }
                answer
            }
            AndThen(pattern, other) if like(pattern) => {
                let answer = pass(chip, command);
                pass(chip, &hex(other));
                answer
            }
            First(pattern, other) if like(pattern) => {
                pass(chip, &hex(other));
                pass(chip, command)
            }
            Replaces(pattern, this, that) if like(pattern) => {
                let answer = pass(chip, command);
                let (this, that) = (hex(this), hex(that));
                match answer.windows(this.len()).position(|part| part == this) {
                    Some(at) => [&answer[..at], &that, &answer[at + this.len()..]].concat(),
                    None => answer,
                }
            }
            Mistakes(pattern, other) if like(pattern) => pass(chip, &hex(other)),
            SaysFrom(first, pattern, answer) if like(pattern) => {
                self.seen += 1;
                match self.seen >= first {
                    true => hex(answer),
                    false => pass(chip, command),
                }
            }
            SaysOnce(which, pattern, answer) if like(pattern) => {
                self.seen += 1;
                match self.seen == which {
                    true => hex(answer),
                    false => pass(chip, command),
                }
            }
            SaysAfter(before, pattern, answer) => {
                if like(pattern) && self.seen > 0 {
                    return hex(answer);
                }
                self.seen += usize::from(like(before));
                pass(chip, command)
            }
            Repeats(pattern) if like(pattern) => match &self.kept {
                Some(answer) => answer.clone(),
                None => {
                    let answer = pass(chip, command);
                    self.kept = Some(answer.clone());
                    answer
                }
            },
            Counts(pattern, answers) if like(pattern) => {
                let answer = answers[self.seen.min(2)];
                self.seen += 1;
                hex(answer)
            }
            WrongPasscode(answer) if is_wrong_passcode(command) => hex(answer),
            InsistsOnGetResponse(answer) => {
                if was_waiting && command[1] != 0xC0 {
                    return hex(answer);
                }
                let response = pass(chip, command);
                self.waiting = response[response.len() - 2] == 0x61;
                response
            }
            _ => pass(chip, command),
        }
    }

    fn off(&mut self, chip: &PivChip) {
        self.memory = cells(chip);
    }

    fn reset(&mut self, chip: &mut PivChip) -> Vec<u8> {
        if !self.armed {
            return chip.power_on();
        }
        match *self.spoil {
            SurvivesReset => chip.model().atr.clone(),
            BeforeReset(command) => {
                pass(chip, &hex(command));
                chip.power_on()
            }
            OtherAtr(atr) => {
                chip.power_on();
                hex(atr)
            }
            _ => chip.power_on(),
        }
    }
}

/// What a card holds, but for the count of its random numbers.
pub(crate) fn cells(chip: &PivChip) -> BTreeMap<Cell, Vec<u8>> {
    chip.memory()
        .cells()
        .filter(|(cell, _)| *cell != Cell::RandomStreams)
        .map(|(cell, value)| (cell, value.to_vec()))
        .collect()
}

fn is_wrong_passcode(command: &[u8]) -> bool {
    const PIN: &[u8] = b"123456\xFF\xFF";
    matches!(command, [0x00, 0x20 | 0x24, 0x00, 0x80, _, data @ ..] if !data.starts_with(PIN))
}

fn is_like(command: &[u8], pattern: &str) -> bool {
    let command = hex::encode_upper(command);
    let (pattern, whole) = match pattern.strip_suffix('$') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    command.len() >= pattern.len()
        && !(whole && command.len() > pattern.len())
        && command
            .chars()
            .zip(pattern.chars())
            .all(|(digit, wanted)| wanted == '.' || digit == wanted)
}

fn hex(digits: &str) -> Vec<u8> {
    hex::decode(digits.replace(' ', "")).unwrap()
}
