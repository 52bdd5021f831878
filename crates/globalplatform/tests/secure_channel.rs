//! The host against the simulated card, which has its own code for everything.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::{Arc, Mutex, MutexGuard};

use firmware_sim::card::nvm::{Cell, Fate, Write};
use firmware_sim::card::{Model, PivChip};
use firmware_sim::contacts::Chip;
use globalplatform::management::{
    Aid, CardState, DataStructure, Deletion, KeyPlace, Listing, ManagementError, StatusOf, delete,
    get_status, install_for_personalization, put_keys, set_status, store_data,
};
use globalplatform::scp03::{
    AesKey, ChannelOptions, Diversification, Kdf3, Mode, Scp03Error, SecureChannel, SecurityLevel,
    StaticKeys, open_channel,
};
use globalplatform::{ISSUER_SECURITY_DOMAIN_AID, select_issuer_security_domain};
use ground::Virtual;
use iso7816::{
    Channel, Command, Disposition, Expected, Instruction, Link, LinkError, Protocol, Reset,
    StatusWord,
};
use proptest::prelude::*;

const DELIVERED: &str = "404142434445464748494A4B4C4D4E4F";
const PIV_AID: [u8; 11] = [0xA0, 0, 0, 3, 8, 0, 0, 0x10, 0, 1, 0];

/// A card on a table: the tests look into it while a channel is open.
#[derive(Clone)]
struct Table(Arc<Mutex<Shared>>);

struct Shared {
    chip: PivChip,
    /// Every command that reached the card.
    commands: Vec<Vec<u8>>,
    tamper: Tamper,
}

/// What happens to an exchange on its way.
#[derive(Default)]
enum Tamper {
    #[default]
    Nothing,
    /// This bit of each command is flipped, Le left out.
    Command(usize),
    /// This bit of each response is flipped.
    Response(usize),
    /// Each response is this.
    Answer(Vec<u8>),
}

impl Table {
    fn with(model: &Model) -> Self {
        let mut chip = PivChip::blank(model, 7);
        chip.power_on();
        Self(Arc::new(Mutex::new(Shared {
            chip,
            commands: Vec::new(),
            tamper: Tamper::Nothing,
        })))
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap()
    }

    fn channel(&self) -> Channel {
        let mut channel = Channel::new(Box::new(self.clone()));
        let domain = select_issuer_security_domain(&mut channel).unwrap();
        assert_eq!(domain.unwrap().aid, ISSUER_SECURITY_DOMAIN_AID);
        channel
    }

    fn tamper(&self, tamper: Tamper) {
        self.shared().tamper = tamper;
    }

    fn cell(&self, cell: Cell) -> Vec<u8> {
        self.shared().chip.memory().get(cell).unwrap().to_vec()
    }

    fn tries(&self) -> u8 {
        self.cell(Cell::KeySetTries)[0]
    }

    fn last_command(&self) -> Vec<u8> {
        self.shared().commands.last().unwrap().clone()
    }
}

impl Link for Table {
    fn name(&self) -> &str {
        "sim:table"
    }
    fn atr(&self) -> &[u8] {
        &[0x3B, 0x00]
    }
    fn protocol(&self) -> Protocol {
        Protocol::T1
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        let mut shared = self.shared();
        let mut command = command.to_vec();
        if let Tamper::Command(bit) = shared.tamper {
            // Le is not under the MAC: everything up to it is flipped.
            let length = 5 + usize::from(command[4]);
            flip(&mut command[..length], bit);
        }
        shared.commands.push(command.clone());
        let mut answer = shared.chip.transmit(&command);
        match &shared.tamper {
            Tamper::Response(bit) => flip(&mut answer, *bit),
            Tamper::Answer(other) => answer.clone_from(other),
            Tamper::Nothing | Tamper::Command(_) => {}
        }
        if answer.is_empty() {
            return Err(LinkError::CardMute {
                reader: "table".to_owned(),
            });
        }
        Ok(answer)
    }
    fn reset(&mut self, _: Reset) -> Result<(), LinkError> {
        self.shared().chip.power_on();
        Ok(())
    }
    fn disconnect(self: Box<Self>, _: Disposition) -> Result<(), LinkError> {
        Ok(())
    }
}

fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

/// The series 10 card with these options and keys of its security domain.
fn model(options: &str, keys: [&str; 3]) -> Model {
    let text = include_str!("../../../firmware-sim/src/card/models/series10.toml");
    let mut text = text.replace("options = \"70\"", &format!("options = \"{options}\""));
    for (name, key) in ["encryption_key", "mac_key", "data_encryption_key"]
        .into_iter()
        .zip(keys)
    {
        text = text.replace(
            &format!("\n{name} = \"{DELIVERED}\""),
            &format!("\n{name} = \"{key}\""),
        );
        assert!(text.contains(&format!("\n{name} = \"{key}\"")));
    }
    Model::parse(&text).unwrap()
}

fn key(hex: &str) -> AesKey {
    AesKey::new(&hex::decode(hex).unwrap()).unwrap()
}

fn delivered() -> StaticKeys {
    StaticKeys::same(&key(DELIVERED))
}

fn options(version: u8) -> ChannelOptions<'static> {
    ChannelOptions {
        key_version: version,
        ..ChannelOptions::default()
    }
}

/// Whether a channel opens with these keys.
fn opens(table: &Table, version: u8, keys: &StaticKeys) -> bool {
    let mut channel = table.channel();
    let ambient = Virtual::new(99);
    open_channel(
        &mut channel,
        keys,
        SecurityLevel::Full,
        &ambient,
        &options(version),
    )
    .is_ok()
}

fn get_data(tag: u16) -> Command {
    let [p1, p2] = tag.to_be_bytes();
    Command::new(0x80, Instruction::GET_DATA_P1P2, p1, p2).with_expected(Expected::SHORT_MAX)
}

#[test]
fn the_delivered_keys_open_every_built_in_card_and_read_it() {
    for model in [Model::series9(), Model::series10()] {
        let table = Table::with(&model);
        let mut channel = table.channel();
        let in_clear = channel.transmit(&get_data(0x9F7F)).unwrap();
        let ambient = Virtual::new(1);
        let mut session = open_channel(
            &mut channel,
            &delivered(),
            SecurityLevel::Full,
            &ambient,
            &ChannelOptions::default(),
        )
        .unwrap();
        let info = *session.info();
        assert_eq!(info.key_version, 1);
        assert_eq!(info.sequence, Some([0, 0, 1]));
        assert_eq!(info.diversification_data, [0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(session.transmit(&get_data(0x9F7F)).unwrap(), in_clear);
        let domain = get_status(&mut session, Listing::IssuerSecurityDomain, &[]).unwrap();
        assert_eq!(domain.len(), 1);
        assert_eq!(domain[0].aid, ISSUER_SECURITY_DOMAIN_AID);
        assert_eq!(domain[0].life_cycle, 0x0F);
        let applications = get_status(&mut session, Listing::Applications, &PIV_AID[..5]).unwrap();
        assert_eq!(applications[0].aid, PIV_AID);
        assert_eq!(
            get_status(&mut session, Listing::LoadFiles, &[]),
            Ok(vec![])
        );
        assert!(session.is_open());
    }
}

/// A session's commands: what a card answers in clear it must answer protected.
#[derive(Clone, Debug)]
enum Act {
    GetData(u16),
    Status(Vec<u8>),
    Unknown(Vec<u8>),
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        proptest::sample::select(&[0x9F7F_u16, 0x0042, 0x0045, 0x0066][..]).prop_map(Act::GetData),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(Act::Status),
        proptest::collection::vec(any::<u8>(), 0..224).prop_map(Act::Unknown),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn host_and_card_understand_each_other_at_every_level_mode_and_key_length(
        keys: [[u8; 32]; 3],
        seed: u64,
        s16: bool,
        derived: bool,
        acts in proptest::collection::vec(acts(), 0..6),
    ) {
        for length in [16, 24, 32] {
            let bytes = keys.map(|key| hex::encode_upper(&key[..length]));
            let i = 0x60 | u8::from(s16) | if derived { 0x10 } else { 0 };
            let table = Table::with(&model(&format!("{i:02X}"), bytes.each_ref().map(|key| &key[..])));
            let [encryption, mac, dek] = bytes.map(|bytes| key(&bytes));
            let keys = StaticKeys::new(encryption, mac, dek).unwrap();
            let mut channel = table.channel();
            let number = channel.transmit(&get_data(0x0045)).unwrap();
            for level in SecurityLevel::ALL {
                let options = ChannelOptions {
                    mode: if s16 { Mode::S16 } else { Mode::S8 },
                    ..ChannelOptions::default()
                };
                let ambient = Virtual::new(seed);
                let mut session = open_channel(&mut channel, &keys, level, &ambient, &options).unwrap();
                for act in &acts {
                    match act {
                        Act::GetData(tag) => {
                            let response = session.transmit(&get_data(*tag)).unwrap();
                            match tag {
                                0x0066 => prop_assert_eq!(response.status, StatusWord::REFERENCE_NOT_FOUND),
                                0x0045 => prop_assert_eq!(&response, &number),
                                _ => prop_assert!(response.status.is_ok()),
                            }
                        }
                        Act::Status(aid) => {
                            let found = get_status(&mut session, Listing::Applications, aid).unwrap();
                            prop_assert_eq!(found.len() == 1, PIV_AID.starts_with(aid));
                        }
                        Act::Unknown(data) => {
                            // Refused for what it is, so its MAC was right and its padding too.
                            let data = &data[..data.len().min(session.max_data())];
                            let command = Command::new(0x80, Instruction(0x3E), 1, 2).with_data(data);
                            let response = session.transmit(&command).unwrap();
                            prop_assert_eq!(response.status, StatusWord::INSTRUCTION_NOT_SUPPORTED);
                        }
                    }
                }
                prop_assert!(session.is_open());
                prop_assert_eq!(table.tries(), 10);
            }
        }
    }

    #[test]
    fn any_answer_in_a_session_is_a_response_or_a_typed_error(
        answer in proptest::collection::vec(any::<u8>(), 1..300),
        status in proptest::sample::select(&[0x9000_u16, 0x6310, 0x6A88, 0x6C10, 0x6110, 0x6988][..]),
        level in 0_usize..5,
    ) {
        let table = Table::with(&Model::series10());
        let mut channel = table.channel();
        let ambient = Virtual::new(3);
        for answer in [answer.clone(), [&answer[..], &status.to_be_bytes()].concat()] {
            table.tamper(Tamper::Nothing);
            let level = SecurityLevel::ALL[level];
            let mut session = open_channel(&mut channel, &delivered(), level, &ambient, &ChannelOptions::default()).unwrap();
            table.tamper(Tamper::Answer(answer));
            let _ = get_status(&mut session, Listing::Applications, &[]);
            let _ = put_keys(&mut session, KeyPlace::New, 2, &delivered());
        }
    }

    #[test]
    fn any_bytes_to_the_card_manager_are_answered(
        commands in proptest::collection::vec(
            (
                proptest::sample::select(&[0x84_u8, 0x84, 0x80, 0x00, 0x04, 0x94][..]),
                proptest::sample::select(&[0x50_u8, 0x82, 0xD8, 0xF2, 0xCA, 0xE2, 0xC0][..]),
                proptest::sample::select(&[0x00_u8, 0x01, 0x33, 0x40, 0x80][..]),
                proptest::sample::select(&[0x00_u8, 0x02, 0x81][..]),
                proptest::collection::vec(any::<u8>(), 0..60),
            ),
            1..20,
        ),
        open: bool,
    ) {
        let table = Table::with(&Model::series10());
        let mut channel = table.channel();
        if open {
            let ambient = Virtual::new(3);
            open_channel(&mut channel, &delivered(), SecurityLevel::Full, &ambient, &ChannelOptions::default()).unwrap();
        }
        let before = table.cell(Cell::KeySets);
        for (class, instruction, p1, p2, data) in commands {
            let mut command = vec![class, instruction, p1, p2];
            if !data.is_empty() {
                command.push(u8::try_from(data.len()).unwrap());
                command.extend(data);
            }
            prop_assert!(table.shared().chip.transmit(&command).len() >= 2);
        }
        prop_assert_eq!(table.cell(Cell::KeySets), before);
    }
}

/// Opens a channel at this level to a new card and hands both on.
fn at_level(level: SecurityLevel, act: impl FnOnce(&Table, &mut SecureChannel<'_>)) {
    let table = Table::with(&Model::series10());
    let mut channel = table.channel();
    let ambient = Virtual::new(3);
    let options = ChannelOptions::default();
    let mut session = open_channel(&mut channel, &delivered(), level, &ambient, &options).unwrap();
    act(&table, &mut session);
}

#[test]
fn every_flipped_bit_in_a_command_is_refused_and_changes_nothing() {
    let new = StaticKeys::same(&key(&"77".repeat(16)));
    for level in SecurityLevel::ALL {
        let mut bits = 0;
        at_level(level, |table, session| {
            put_keys(session, KeyPlace::Replace(1), 2, &new).unwrap();
            // All but Le, which is not under the MAC.
            bits = (table.last_command().len() - 1) * 8;
        });
        for bit in 0..bits {
            at_level(level, |table, session| {
                let before = table.cell(Cell::KeySets);
                table.tamper(Tamper::Command(bit));
                let refused = put_keys(session, KeyPlace::Replace(1), 2, &new);
                assert!(refused.is_err(), "bit {bit} at {level:?}");
                assert_eq!(table.cell(Cell::KeySets), before);
                // And the chain is broken for what comes after.
                table.tamper(Tamper::Nothing);
                let next = session.transmit(&get_data(0x9F7F));
                assert!(!next.is_ok_and(|response| response.status.is_ok()));
            });
        }
    }
}

#[test]
fn every_flipped_bit_in_a_response_with_mac_ends_the_session() {
    for level in SecurityLevel::ALL {
        if level.byte() & 0x10 == 0 {
            continue;
        }
        // Data of 45 bytes, encrypted 48, MAC, status word.
        let length = if level == SecurityLevel::Full { 48 } else { 45 } + 8 + 2;
        for bit in 0..length * 8 {
            at_level(level, |table, session| {
                table.tamper(Tamper::Response(bit));
                let response = session.transmit(&get_data(0x9F7F));
                assert!(
                    matches!(
                        response,
                        Err(Scp03Error::ResponseMac { .. } | Scp03Error::UnprotectedData { .. })
                    ),
                    "bit {bit} at {level:?}: {response:?}"
                );
                table.tamper(Tamper::Nothing);
                assert_eq!(session.transmit(&get_data(0x9F7F)), Err(Scp03Error::Ended));
                assert!(!session.is_open());
            });
        }
    }
}

#[test]
fn get_status_asks_on_while_the_card_has_more_but_not_for_ever() {
    at_level(SecurityLevel::CMac, |table, session| {
        // One entry, 6310.
        let answer = hex::decode("E30E4F05A0000000039F700107C501006310").unwrap();
        table.tamper(Tamper::Answer(answer));
        assert_eq!(
            get_status(session, Listing::Applications, &[]),
            Err(ManagementError::EndlessList { entries: 64 })
        );
        // The next occurrence, in templates.
        assert_eq!(table.last_command()[1..4], [0xF2, 0x40, 0x03]);
    });
}

#[test]
fn wrong_static_keys_are_noticed_before_external_authenticate_and_cost_no_try() {
    let table = Table::with(&Model::series10());
    let (right, wrong) = (key(DELIVERED), key(&"41".repeat(16)));
    let cases = [
        (
            StaticKeys::same(&wrong),
            Scp03Error::WrongKeys { version: 1 },
        ),
        (
            StaticKeys::new(right.clone(), wrong.clone(), right.clone()).unwrap(),
            Scp03Error::WrongKeys { version: 1 },
        ),
        (
            StaticKeys::new(wrong.clone(), right.clone(), right.clone()).unwrap(),
            Scp03Error::WrongChallenge { version: 1 },
        ),
    ];
    let mut channel = table.channel();
    for (keys, expected) in cases {
        let error = open_channel(
            &mut channel,
            &keys,
            SecurityLevel::Full,
            &Virtual::new(1),
            &ChannelOptions::default(),
        )
        .unwrap_err();
        assert_eq!(error, expected);
    }
    assert_eq!(table.tries(), 10);
    let shared = table.shared();
    assert!(shared.commands.iter().all(|command| command[1] != 0x82));
}

#[test]
fn another_security_domain_gives_another_challenge() {
    let table = Table::with(&Model::series10());
    let mut channel = table.channel();
    let mut open = |security_domain| {
        let options = ChannelOptions {
            security_domain,
            ..ChannelOptions::default()
        };
        let ambient = Virtual::new(1);
        open_channel(
            &mut channel,
            &delivered(),
            SecurityLevel::CMac,
            &ambient,
            &options,
        )
        .map(|_| ())
    };
    assert_eq!(
        open(Some(PIV_AID.to_vec())),
        Err(Scp03Error::WrongChallenge { version: 1 })
    );
    assert_eq!(open(None), Ok(()));
}

/// EXTERNAL AUTHENTICATE with a cryptogram out of thin air.
fn guess(table: &Table) -> Vec<u8> {
    let mut shared = table.shared();
    let update = [0x80, 0x50, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0];
    let answer = shared.chip.transmit(&update);
    if !answer.ends_with(&[0x90, 0x00]) {
        return answer;
    }
    let mut command = vec![0x84, 0x82, 0x33, 0, 16];
    command.extend([0xA5; 16]);
    shared.chip.transmit(&command)
}

#[test]
fn ten_failures_lock_the_domain_and_a_success_before_sets_the_counter_back() {
    let table = Table::with(&Model::series10());
    drop(table.channel());
    for failed in 1..10 {
        assert_eq!(guess(&table), [0x63, 0x00]);
        assert_eq!(table.tries(), 10 - failed);
    }
    assert!(opens(&table, 1, &delivered()));
    assert_eq!(table.tries(), 10);
    for _ in 0..10 {
        assert_eq!(guess(&table), [0x63, 0x00]);
    }
    assert_eq!(guess(&table), [0x69, 0x83]);
    let mut channel = table.channel();
    let error = open_channel(
        &mut channel,
        &delivered(),
        SecurityLevel::Full,
        &Virtual::new(1),
        &ChannelOptions::default(),
    )
    .unwrap_err();
    assert_eq!(
        error,
        Scp03Error::Refused {
            command: "INITIALIZE UPDATE",
            status: StatusWord::BLOCKED
        }
    );
}

#[test]
fn power_lost_after_a_wrong_cryptogram_gains_no_try() {
    let table = Table::with(&Model::series10());
    drop(table.channel());
    {
        let mut shared = table.shared();
        shared
            .chip
            .set_write_hook(Some(Box::new(|write: &Write<'_>| {
                if write.cells == [Cell::KeySetTries] {
                    Fate::Tear { after: usize::MAX }
                } else {
                    Fate::Commit
                }
            })));
    }
    assert!(guess(&table).is_empty());
    let mut shared = table.shared();
    shared.chip.set_write_hook(None);
    shared.chip.power_on();
    drop(shared);
    assert_eq!(table.tries(), 9);
}

#[test]
fn reset_selection_and_unprotected_commands_end_the_cards_session() {
    let select_piv = [&[0x00, 0xA4, 0x04, 0x00, 11][..], &PIV_AID, &[0x00]].concat();
    let select_manager = vec![0x00, 0xA4, 0x04, 0x00];
    type Disturbance<'a> = Box<dyn Fn(&mut PivChip) + 'a>;
    let disturbances: [Disturbance<'_>; 4] = [
        Box::new(|chip| {
            chip.power_on();
        }),
        Box::new(|chip| {
            assert!(chip.transmit(&select_piv).ends_with(&[0x90, 0x00]));
            assert!(chip.transmit(&select_manager).ends_with(&[0x90, 0x00]));
        }),
        Box::new(|chip| {
            assert!(chip.transmit(&select_manager).ends_with(&[0x90, 0x00]));
        }),
        Box::new(|chip| {
            let answer = chip.transmit(&[0x80, 0xCA, 0x9F, 0x7F, 0x00]);
            assert_eq!(answer, [0x69, 0x82]);
        }),
    ];
    for disturb in disturbances {
        let table = Table::with(&Model::series10());
        let mut channel = table.channel();
        let ambient = Virtual::new(5);
        let mut session = open_channel(
            &mut channel,
            &delivered(),
            SecurityLevel::Full,
            &ambient,
            &ChannelOptions::default(),
        )
        .unwrap();
        assert!(session.transmit(&get_data(0x9F7F)).unwrap().status.is_ok());
        disturb(&mut table.shared().chip);
        let response = session.transmit(&get_data(0x9F7F)).unwrap();
        assert_eq!(response.status, StatusWord::SECURITY_STATUS_NOT_SATISFIED);
    }
}

#[test]
fn a_repeated_command_is_refused_and_ends_the_session() {
    let table = Table::with(&Model::series10());
    let mut channel = table.channel();
    let ambient = Virtual::new(5);
    let mut session = open_channel(
        &mut channel,
        &delivered(),
        SecurityLevel::Full,
        &ambient,
        &ChannelOptions::default(),
    )
    .unwrap();
    session.transmit(&get_data(0x9F7F)).unwrap();
    let again = table.last_command();
    assert_eq!(table.shared().chip.transmit(&again), [0x69, 0x88]);
    let response = session.transmit(&get_data(0x9F7F)).unwrap();
    assert_eq!(response.status, StatusWord::SECURITY_STATUS_NOT_SATISFIED);
}

#[test]
fn the_transport_keys_are_replaced_by_the_cards_own_of_any_length() {
    for length in [16, 24, 32] {
        let table = Table::with(&Model::series10());
        let mut channel = table.channel();
        let ambient = Virtual::new(6);
        let master = StaticKeys::same(&AesKey::new(&vec![0x3C; length]).unwrap());
        let mut session = open_channel(
            &mut channel,
            &delivered(),
            SecurityLevel::Full,
            &ambient,
            &ChannelOptions::default(),
        )
        .unwrap();
        let own = Kdf3.keys_of(&master, &session.info().diversification_data);
        put_keys(&mut session, KeyPlace::Replace(1), 0x30, &own).unwrap();
        // The session goes on with its own keys.
        assert!(session.transmit(&get_data(0x9F7F)).unwrap().status.is_ok());

        let diversified = ChannelOptions {
            key_version: 0x30,
            diversification: &Kdf3,
            ..ChannelOptions::default()
        };
        let level = SecurityLevel::Full;
        let mut session =
            open_channel(&mut channel, &master, level, &ambient, &diversified).unwrap();
        // Beside them a second set, and the first again under another version.
        put_keys(&mut session, KeyPlace::New, 0x31, &delivered()).unwrap();
        assert!(!opens(&table, 1, &delivered()));
        assert!(!opens(&table, 0x30, &delivered()));
        assert!(opens(&table, 0x30, &own));
        assert!(opens(&table, 0x31, &delivered()));
        assert_eq!(table.tries(), 10);
    }
}

#[test]
fn put_key_is_refused_where_it_does_not_fit_and_changes_nothing() {
    let table = Table::with(&Model::series10());
    let mut channel = table.channel();
    let ambient = Virtual::new(6);
    let right = key(DELIVERED);
    // The card proves Key-ENC and Key-MAC, not Key-DEK: that is what check values are for.
    let wrong_dek = StaticKeys::new(right.clone(), right, key(&"11".repeat(16))).unwrap();
    let before = table.cell(Cell::KeySets);
    let new = StaticKeys::same(&key(&"66".repeat(32)));
    let refusals = [
        (&wrong_dek, KeyPlace::Replace(1), StatusWord::WRONG_DATA),
        (&delivered(), KeyPlace::New, StatusWord::WRONG_DATA),
        (
            &delivered(),
            KeyPlace::Replace(9),
            StatusWord::REFERENCE_NOT_FOUND,
        ),
    ];
    for (keys, place, status) in refusals {
        let mut session = open_channel(
            &mut channel,
            keys,
            SecurityLevel::CMacCEnc,
            &ambient,
            &ChannelOptions::default(),
        )
        .unwrap();
        assert_eq!(
            put_keys(&mut session, place, 1, &new),
            Err(ManagementError::Refused {
                command: "PUT KEY",
                status
            })
        );
        for version in [0x00, 0x80, 0xFF] {
            assert_eq!(
                put_keys(&mut session, KeyPlace::New, version, &new),
                Err(ManagementError::Version { version })
            );
        }
        assert_eq!(table.cell(Cell::KeySets), before);
    }
}

#[test]
fn a_card_that_confirms_other_keys_is_not_used_further() {
    let table = Table::with(&Model::series10());
    let mut channel = table.channel();
    let ambient = Virtual::new(6);
    let mut session = open_channel(
        &mut channel,
        &delivered(),
        SecurityLevel::CMac,
        &ambient,
        &ChannelOptions::default(),
    )
    .unwrap();
    // Without response MACs only the check values tell; bit 9 is in the first of them.
    table.tamper(Tamper::Response(9));
    assert_eq!(
        put_keys(&mut session, KeyPlace::New, 2, &delivered()),
        Err(ManagementError::CheckValues { version: 2 })
    );
    assert_eq!(session.transmit(&get_data(0x9F7F)), Err(Scp03Error::Ended));
}

#[test]
fn put_key_cut_anywhere_leaves_the_old_set_or_the_new() {
    let new = StaticKeys::same(&key(&"99".repeat(24)));
    let (mut old_left, mut new_there) = (0, 0);
    for after in 0..140 {
        let table = Table::with(&Model::series10());
        let mut channel = table.channel();
        let ambient = Virtual::new(8);
        let mut session = open_channel(
            &mut channel,
            &delivered(),
            SecurityLevel::Full,
            &ambient,
            &ChannelOptions::default(),
        )
        .unwrap();
        table
            .shared()
            .chip
            .set_write_hook(Some(Box::new(move |_: &Write<'_>| Fate::Tear { after })));
        let cut = put_keys(&mut session, KeyPlace::Replace(1), 2, &new);
        assert!(matches!(
            cut,
            Err(ManagementError::Scp03(Scp03Error::Channel(_)))
        ));
        assert!(!session.is_open());
        {
            let mut shared = table.shared();
            shared.chip.set_write_hook(None);
            shared.chip.power_on();
        }
        match (opens(&table, 1, &delivered()), opens(&table, 2, &new)) {
            (true, false) => old_left += 1,
            (false, true) => new_there += 1,
            both => panic!("cut after {after} bytes: {both:?}"),
        }
    }
    assert!(old_left > 0 && new_there > 0, "{old_left} {new_there}");
}

/// What a real card takes further and the simulated one does not know: the bytes are compared.
#[test]
fn personalisation_commands_have_their_bytes() {
    let table = Table::with(&Model::series10());
    let mut channel = table.channel();
    let ambient = Virtual::new(8);
    let mut session = open_channel(
        &mut channel,
        &delivered(),
        SecurityLevel::CMac,
        &ambient,
        &ChannelOptions::default(),
    )
    .unwrap();
    let aid = Aid::new(&PIV_AID).unwrap();
    let refused = |command| {
        Err(ManagementError::Refused {
            command,
            status: StatusWord::INSTRUCTION_NOT_SUPPORTED,
        })
    };
    // Header, Lc, data; then come 8 bytes of MAC and, where data is expected, Le.
    let sent = |le: usize| {
        let command = table.last_command();
        hex::encode_upper(&command[..command.len() - 8 - le])
    };
    assert_eq!(
        install_for_personalization(&mut session, &aid),
        refused("INSTALL [for personalization]")
    );
    assert_eq!(
        sent(1),
        "84E6200019\
         00000BA000000308000010000100000000"
            .to_owned()
    );
    assert_eq!(
        delete(&mut session, &aid, Deletion::WithRelated),
        refused("DELETE")
    );
    assert_eq!(sent(1), "84E40080154F0BA000000308000010000100");
    let state = CardState::Secured as u8;
    assert_eq!(
        set_status(&mut session, &StatusOf::Card, state),
        refused("SET STATUS")
    );
    assert_eq!(sent(0), "84F0800F08");
    assert_eq!(
        set_status(&mut session, &StatusOf::Application(aid), 0x07),
        refused("SET STATUS")
    );
    assert_eq!(sent(0), "84F0400713A000000308000010000100");
    assert_eq!(
        set_status(&mut session, &StatusOf::Card, 0xFF),
        Err(ManagementError::Terminates)
    );
    assert_eq!(
        store_data(&mut session, DataStructure::BerTlv, &[&[1, 2], &[3]]),
        Err(ManagementError::BlockRefused {
            block: 0,
            status: StatusWord::WRONG_P1P2
        })
    );
    assert_eq!(sent(0), "84E210000A0102");
    assert_eq!(
        store_data(&mut session, DataStructure::Dgi, &[&[1, 2, 3]]).unwrap_err(),
        ManagementError::BlockRefused {
            block: 0,
            status: StatusWord::WRONG_P1P2
        }
    );
    assert_eq!(sent(0), "84E288000B010203");
    let long = vec![0; session.max_data() + 1];
    assert_eq!(
        store_data(&mut session, DataStructure::Dgi, &[&[1], &long]),
        Err(ManagementError::BlockTooLong {
            block: 1,
            length: 248,
            limit: 247
        })
    );
    assert_eq!(
        store_data(&mut session, DataStructure::Dgi, &[]),
        Err(ManagementError::Blocks { count: 0 })
    );
    assert!(session.is_open());
}

#[test]
fn a_longest_command_of_each_level_and_mode_fits_and_one_byte_more_is_not_sent() {
    for (options_byte, mode) in [("70", Mode::S8), ("71", Mode::S16)] {
        for level in SecurityLevel::ALL {
            let table = Table::with(&model(options_byte, [DELIVERED; 3]));
            let mut channel = table.channel();
            let ambient = Virtual::new(8);
            let options = ChannelOptions {
                mode,
                ..ChannelOptions::default()
            };
            let mut session =
                open_channel(&mut channel, &delivered(), level, &ambient, &options).unwrap();
            let command = |length: usize| {
                Command::new(0x80, Instruction::STORE_DATA, 0, 0).with_data(vec![9; length])
            };
            let longest = session.max_data();
            assert!(matches!(
                session.transmit(&command(longest + 1)),
                Err(Scp03Error::TooLong { .. })
            ));
            let response = session.transmit(&command(longest)).unwrap();
            assert_eq!(response.status, StatusWord::WRONG_P1P2);
        }
    }
}
