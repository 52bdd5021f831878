//! How commands and responses travel (ISO/IEC 7816-3, 12; ISO/IEC 7816-4, 5; SP 800-73-5 Part 1,
//! 4.2), one test for each rule: the card alone, and with the host's channel at the other end.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

use std::time::Duration;

use firmware_sim::card::authentic::{AuthenticChip, AuthenticModel};
use firmware_sim::card::{Interface, Model, PivChip};
use firmware_sim::contacts::{Chip, Contacts};
use iso7816::ber::{self, Tag};
use iso7816::{
    Channel, Command, Expected, Instruction, Limits, Link, Protocol, Reader, Reset, StatusWord,
};
use piv::Client;
use piv::secrets::AdminKey;
use piv::words::{Algorithm, ObjectId};

const SELECT: &str = "00A4040009A00000030800001000";
const VERIFY: &str = "0020008008313233343536FFFF";
const GET_CERTIFICATE: &str = "00CB3FFF055C035FC105";

/// A card under test, powered, PIV selected.
struct Card(PivChip);

impl Card {
    fn of(model: &Model) -> Self {
        let mut card = Self(PivChip::personalised(model, 7));
        card.0.power_on();
        let (_, status) = card.whole(SELECT);
        assert_eq!(status, 0x9000);
        card
    }

    fn series10() -> Self {
        Self::of(&Model::series10())
    }

    fn send(&mut self, command: &str) -> (Vec<u8>, u16) {
        let command = hex::decode(command.replace(' ', "")).unwrap();
        let mut answer = self.0.transmit(&command);
        let status = answer.split_off(answer.len() - 2);
        (answer, u16::from_be_bytes([status[0], status[1]]))
    }

    fn status(&mut self, command: &str) -> u16 {
        self.send(command).1
    }

    /// Sends and fetches what waits, each time as much as the card says.
    fn whole(&mut self, command: &str) -> (Vec<u8>, u16) {
        let (mut data, mut status) = self.send(command);
        while status >> 8 == 0x61 {
            let (more, next) = self.send(&format!("00C00000{:02X}", status & 0xFF));
            data.extend(more);
            status = next;
        }
        (data, status)
    }

    fn authenticate(&mut self) {
        let (challenge, status) = self.whole(&self.with_le("00870A9B047C028100"));
        assert_eq!(status, 0x9000);
        let key: Vec<u8> = (1..=8).cycle().take(24).collect();
        let answer = hex::encode(encrypt(&key, &challenge[4..]));
        assert_eq!(self.status(&format!("00870A9B147C128210{answer}")), 0x9000);
    }

    /// Le 00 behind a case-4 command, which only T=1 has.
    fn with_le(&self, command: &str) -> String {
        match self.0.protocol() {
            Protocol::T0 => command.to_owned(),
            Protocol::T1 => format!("{command}00"),
        }
    }

    fn certificate(&mut self) -> Vec<u8> {
        let (data, status) = self.whole(&self.with_le(GET_CERTIFICATE));
        assert_eq!(status, 0x9000);
        data
    }
}

fn encrypt(key: &[u8], block: &[u8]) -> Vec<u8> {
    use aes::cipher::{Block, BlockCipherEncrypt, KeyInit};
    let cipher = aes::Aes192::new_from_slice(key).unwrap();
    let mut out = Block::<aes::Aes192>::default();
    out.copy_from_slice(block);
    cipher.encrypt_block(&mut out);
    out.to_vec()
}

fn over_t0() -> Model {
    let mut model = Model::series10();
    model.transport.protocol = Protocol::T0;
    model
}

fn connect(chip: PivChip) -> Box<dyn Link> {
    let mut contacts = Contacts::new("sim:transport");
    contacts.close_on(Box::new(chip));
    contacts.connect(Duration::from_secs(1)).unwrap()
}

fn get_data(tag: u32) -> Command {
    Command::new(0x00, Instruction::GET_DATA, 0x3F, 0xFF)
        .with_data(ber::object(Tag(0x5C), &Tag(tag).to_bytes()))
        .with_expected(Expected::SHORT_MAX)
}

// Lengths.

#[test]
fn short_and_extended_length_bring_the_same_object() {
    let mut card = Card::series10();
    let short = card.certificate();
    assert!(short.len() > 256);
    let (extended, status) = card.send("00CB3FFF 000005 5C035FC105 0000");
    assert_eq!((extended, status), (short, 0x9000));
}

#[test]
fn extended_length_is_refused_where_the_card_does_not_announce_it() {
    let mut model = Model::series10();
    model.extended_length = None;
    let mut card = Card::of(&model);
    assert!(!hex::encode(card.send(&format!("{SELECT}00")).0).contains("7f66"));
    assert_eq!(card.status("00CB3FFF 000005 5C035FC105 0000"), 0x6700);
}

#[test]
fn an_extended_command_is_taken_up_to_the_announced_length_and_not_beyond() {
    let mut card = Card::series10();
    let limit = usize::from(Model::series10().extended_length.unwrap().command);
    let command = |length: usize| {
        let data = length - 7;
        format!("00DB3FFF00{data:04X}{}", "00".repeat(data))
    };
    // Not the administrator: it is taken and refused for that.
    assert_eq!(card.status(&command(limit)), 0x6982);
    assert_eq!(card.status(&command(limit + 1)), 0x6700);
}

#[test]
fn length_fields_that_do_not_fit_the_command_are_refused() {
    let mut card = Card::series10();
    for command in [
        "",
        "00",
        "00CB3F",
        "00CB3FFF065C035FC105",
        "00CB3FFF045C035FC10500",
    ] {
        assert_eq!(card.status(command), 0x6700, "{command}");
    }
}

// Chains.

#[test]
fn every_part_of_a_chain_but_the_last_gets_9000_and_the_last_the_answer() {
    let mut card = Card::series10();
    assert_eq!(card.status(VERIFY), 0x9000);
    assert_eq!(
        card.send("1087119A 10 7C2482008120 00000000000000000000"),
        (vec![], 0x9000)
    );
    assert_eq!(card.send("1087119A 08 0000000000000000"), (vec![], 0x9000));
    let (signature, status) = card.send("0087119A 0E 0000000000000000000000000000 00");
    assert_eq!((signature[0], status), (0x7C, 0x9000));
}

#[test]
fn an_interrupted_chain_rolls_back_and_what_interrupts_it_is_carried_out() {
    let mut card = Card::series10();
    card.authenticate();
    let before = card.certificate();
    assert_eq!(card.status("10DB3FFF 09 5C035FC105 53040102"), 0x9000);
    assert_eq!(card.certificate(), before);
    // The rest alone is no command.
    assert_eq!(card.status("00DB3FFF 02 0304"), 0x6A80);
    assert_eq!(card.certificate(), before);
    assert_eq!(card.status("10DB3FFF 09 5C035FC105 53040102"), 0x9000);
    assert_eq!(card.status("00DB3FFF 02 0304"), 0x9000);
    assert_eq!(card.certificate(), [0x53, 0x04, 1, 2, 3, 4]);
}

#[test]
fn a_part_with_another_instruction_or_parameter_begins_a_chain_of_its_own() {
    let mut card = Card::series10();
    assert_eq!(card.status(VERIFY), 0x9000);
    assert_eq!(card.status("1087119E 06 7C2482008120"), 0x9000);
    assert_eq!(card.status("1087119A 06 7C2482008120"), 0x9000);
    let digest = "00".repeat(32);
    assert_eq!(card.status(&format!("0087119A20{digest}00")), 0x9000);
    assert_eq!(card.status(&format!("0087119E20{digest}00")), 0x6A80);
}

#[test]
fn a_chain_takes_as_much_as_the_model_has_room_for_and_no_more() {
    let mut model = Model::series10();
    model.transport.chain_buffer = 300;
    let mut card = Card::of(&model);
    card.authenticate();
    let before = card.certificate();
    let put = |size: usize| format!("5C035FC1055382{size:04X}{}", "5A".repeat(size));
    let parts = |data: &str| (data[..510].to_owned(), data[510..].to_owned());
    for (size, expected) in [(300 - 9 + 1, 0x6A84), (300 - 9, 0x9000)] {
        let (first, last) = parts(&put(size));
        assert_eq!(card.status(&format!("10DB3FFFFF{first}")), 0x9000);
        let last = format!("00DB3FFF{:02X}{last}", last.len() / 2);
        assert_eq!(card.status(&last), expected);
        assert_eq!(card.certificate() == before, expected != 0x9000);
    }
}

#[test]
fn a_command_that_is_not_chained_in_the_standard_is_refused_as_a_part() {
    let mut card = Card::series10();
    for command in [
        "10CB3FFF055C035FC105",
        "1020008008313233343536FFFF",
        "102C008008313233343536FFFF",
        "10A4040005A000000308",
    ] {
        assert_eq!(card.status(command), 0x6884, "{command}");
    }
}

// Responses in pieces.

#[test]
fn pieces_are_as_long_as_the_model_says() {
    for chunk in [1_u16, 100, 255, 256] {
        let mut model = Model::series10();
        model.transport.response_chunk = chunk;
        let mut card = Card::of(&model);
        let (first, status) = card.send(&format!("{GET_CERTIFICATE}00"));
        assert_eq!((first.len(), status >> 8), (usize::from(chunk), 0x61));
        assert_eq!(card.certificate(), Card::series10().certificate());
    }
}

#[test]
fn get_response_never_brings_more_than_le_and_61xx_tells_what_is_left() {
    for model in [Model::series10(), over_t0()] {
        let mut card = Card::of(&model);
        let whole = card.certificate();
        for le in 1..=255_usize {
            let command = card.with_le(GET_CERTIFICATE);
            let (mut data, mut status) = card.send(&command);
            while status >> 8 == 0x61 {
                let left = whole.len() - data.len();
                assert_eq!(
                    usize::from(status & 0xFF),
                    if left > 255 { 0 } else { left }
                );
                let (more, next) = card.send(&format!("00C00000{:02X}", le.min(left)));
                assert_eq!(more.len(), le.min(left));
                data.extend(more);
                status = next;
            }
            assert_eq!((&data, status), (&whole, 0x9000), "Le {le}");
        }
    }
}

#[test]
fn the_first_piece_never_is_longer_than_le_either() {
    let mut card = Card::series10();
    for le in [1_usize, 8, 255] {
        let (data, status) = card.send(&format!("{GET_CERTIFICATE}{le:02X}"));
        assert_eq!((data.len(), status), (le, 0x6100));
    }
}

#[test]
fn after_61xx_any_command_is_accepted_and_the_rest_is_gone() {
    let digest = "00".repeat(32);
    for (command, expected) in [
        (VERIFY.to_owned(), 0x9000),
        (format!("{SELECT}00"), 0x9000),
        ("00200080".to_owned(), 0x63C3),
        (format!("0087119E267C2482008120{digest}00"), 0x9000),
        ("1087119E 06 7C2482008120".to_owned(), 0x9000),
        ("00FD000000".to_owned(), 0x6D00),
        ("80CA9F7F00".to_owned(), 0x6E00),
    ] {
        let mut card = Card::series10();
        assert_eq!(card.status(&format!("{GET_CERTIFICATE}08")), 0x6100);
        assert_eq!(card.status(&command), expected, "{command}");
        assert_eq!(card.status("00C0000000"), 0x6985, "{command}");
    }
}

// T=0.

#[test]
fn a_case_4_command_over_t0_gets_61xx_and_its_data_by_get_response() {
    let mut card = Card::of(&over_t0());
    assert_eq!(card.send(GET_CERTIFICATE), (vec![], 0x6100));
    let (piece, status) = card.send("00C0000000");
    assert_eq!((piece.len(), status >> 8), (256, 0x61));
    let (select, status) = card.send(SELECT);
    assert_eq!((select, status >> 8), (vec![], 0x61));
    let (template, next) = card.send(&format!("00C00000{:02X}", status & 0xFF));
    assert_eq!((template.len(), next), (usize::from(status & 0xFF), 0x9000));
}

#[test]
fn a_le_behind_the_data_is_a_wrong_length_over_t0() {
    let mut card = Card::of(&over_t0());
    assert_eq!(card.status(&format!("{GET_CERTIFICATE}00")), 0x6700);
    assert_eq!(card.status("00CB3FFF 000005 5C035FC105 0000"), 0x6700);
}

#[test]
fn a_wrong_le_over_t0_gets_6cxx_with_the_right_one() {
    let mut card = Card::of(&over_t0());
    card.whole("00A4040008A000000151000000");
    for le in ["00", "01", "2C", "2E", "FF"] {
        assert_eq!(
            card.send(&format!("80CA9F7F{le}")),
            (vec![], 0x6C2D),
            "{le}"
        );
    }
    let (data, status) = card.send("80CA9F7F2D");
    assert_eq!((data.len(), status), (0x2D, 0x9000));
}

/// The one command of a card whose repetition shows: SELECT of the parent would go up twice.
#[test]
fn a_command_sent_again_after_6cxx_is_not_carried_out_again() {
    let mut card = AuthenticChip::blank(&AuthenticModel::series8_v2(), 7);
    card.power_on();
    let mut send = |command: &str| {
        let answer = card.transmit(&hex::decode(command.replace(' ', "")).unwrap());
        hex::encode_upper(answer)
    };
    let officer = format!("3837363534333231{}", "FF".repeat(56));
    assert_eq!(send("00A4040C10 A000000077010303000000F100000002"), "9000");
    assert_eq!(send(&format!("0020000440 {officer}")), "9000");
    for identifier in ["5011", "9001"] {
        let create = "00E0000018 6216 82023800 8302";
        let rest = "85020000 86080000000000000000";
        assert_eq!(send(&format!("{create} {identifier} {rest}")), "9000");
        assert_eq!(send(&format!("00A4000C02 {identifier}")), "9000");
    }
    let refused = send("00A4030000");
    let right = refused.strip_prefix("6C").unwrap();
    assert_eq!(send("00A40300FF"), refused);
    let parent = send(&format!("00A40300{right}"));
    assert!(parent.contains("83025011"), "{parent}");
    // Another command in between: what was kept back is gone, and the command is a new one.
    assert_eq!(send("00A4000C02 9001"), "9000");
    assert_eq!(send("00A4030000"), refused);
    assert_eq!(send("00A4000C02 9001"), "9000");
    assert_eq!(send(&format!("00A40300{right}")), parent);
}

#[test]
fn a_get_response_for_more_than_waits_gets_6cxx_over_t0_and_loses_nothing() {
    let mut card = Card::of(&over_t0());
    let (_, status) = card.send(SELECT);
    let waiting = status & 0xFF;
    for le in [waiting + 1, 0xFF, 0x00] {
        assert_eq!(
            card.send(&format!("00C00000{le:02X}")),
            (vec![], 0x6C00 | waiting)
        );
    }
    let (data, status) = card.send(&format!("00C00000{waiting:02X}"));
    assert_eq!((data.len(), status), (usize::from(waiting), 0x9000));
}

#[test]
fn a_case_1_command_over_t0_comes_with_p3_00_or_without() {
    let mut card = Card::of(&over_t0());
    assert_eq!(card.status("0020008000"), 0x63C3);
    assert_eq!(card.status("00200080"), 0x63C3);
    assert_eq!(card.status(VERIFY), 0x9000);
    assert_eq!(card.status("0020008000"), 0x9000);
}

#[test]
fn the_antenna_carries_whole_apdus_whatever_the_contacts_speak() {
    let mut chip = PivChip::personalised(&over_t0(), 7);
    assert_eq!(chip.protocol(), Protocol::T0);
    chip.set_interface(Interface::Contactless).unwrap();
    assert_eq!(chip.protocol(), Protocol::T1);
    chip.power_on();
    let mut card = Card(chip);
    assert_eq!(card.status(&format!("{SELECT}00")), 0x9000);
}

#[test]
fn a_model_speaks_only_what_its_answer_to_reset_offers() {
    let text = include_str!("../src/card/models/series10.toml");
    let with = |atr: &str| {
        text.replace("[transport]", "[transport]\nprotocol = \"T=0\"")
            .replace("3BDF96008131FE4580738421E0554978000080830F90000C", atr)
    };
    let refused = Model::parse(&with("3BDF96008131FE4580738421E0554978000080830F90000C"));
    assert!(refused.unwrap_err().to_string().contains("T=0"));
    for atr in ["3B00", "3B80800101", "3B6500009C02020702"] {
        let model = Model::parse(&with(atr)).unwrap();
        assert_eq!(model.transport.protocol, Protocol::T0, "{atr}");
    }
}

// Logical channels.

#[test]
fn there_is_the_basic_logical_channel_alone() {
    let mut card = Card::series10();
    for class in ["01", "02", "03", "11", "0D", "40", "4F", "50", "7F"] {
        for rest in [
            "CB3FFF055C035FC10200",
            "20008008313233343536FFFF",
            "A4040000",
        ] {
            assert_eq!(
                card.status(&format!("{class}{rest}")),
                0x6881,
                "{class}{rest}"
            );
        }
    }
    // Neither open nor close.
    assert_eq!(card.status("0070000001"), 0x6881);
    assert_eq!(card.status("00708001"), 0x6881);
    // Reserved and proprietary classes are not channels.
    for class in ["20", "3F", "80", "83", "A0", "FF"] {
        assert_eq!(
            card.status(&format!("{class}CB3FFF055C035FC10200")),
            0x6E00,
            "{class}"
        );
    }
}

#[test]
fn the_card_manager_has_the_basic_channel_alone_in_proprietary_classes_too() {
    let mut card = Card::series10();
    card.whole("00A4040008A00000015100000000");
    assert_eq!(card.status("80CA9F7F00"), 0x9000);
    for class in ["01", "83", "87", "C0", "EF"] {
        assert_eq!(card.status(&format!("{class}CA9F7F00")), 0x6881, "{class}");
    }
    assert_eq!(card.status("0070000001"), 0x6881);
}

#[test]
fn a_command_for_another_channel_opens_and_changes_nothing() {
    let mut card = Card::series10();
    assert_eq!(card.status("0120008008313233343536FFFF"), 0x6881);
    assert_eq!(card.status("00200080"), 0x63C3);
    assert_eq!(card.status("0120008008303030303030FFFF"), 0x6881);
    assert_eq!(card.status("00200080"), 0x63C3);
}

// Resets.

#[test]
fn a_warm_and_a_cold_reset_end_status_selection_chains_and_what_waits() {
    for reset in [Reset::Warm, Reset::Cold] {
        let mut link = connect(PivChip::personalised(&Model::series10(), 7));
        let atr = link.atr().to_vec();
        let status = |link: &mut Box<dyn Link>, command: &str| {
            let command = hex::decode(command.replace(' ', "")).unwrap();
            let answer = link.transmit(&command).unwrap();
            u16::from_be_bytes(answer[answer.len() - 2..].try_into().unwrap())
        };
        let select = format!("{SELECT}00");
        assert_eq!(status(&mut link, &select), 0x9000);
        assert_eq!(status(&mut link, VERIFY), 0x9000);
        assert_eq!(status(&mut link, "1087119A 06 7C2482008120"), 0x9000);
        link.reset(reset).unwrap();
        assert_eq!(link.atr(), atr);
        assert_eq!(status(&mut link, "00200080"), 0x6D00);
        assert_eq!(status(&mut link, &select), 0x9000);
        assert_eq!(status(&mut link, "00200080"), 0x63C3);
        let rest = format!("0087119A20{}00", "00".repeat(32));
        assert_eq!(status(&mut link, VERIFY), 0x9000);
        assert_eq!(status(&mut link, &rest), 0x6A80);
        assert_eq!(status(&mut link, &format!("{GET_CERTIFICATE}08")), 0x6100);
        link.reset(reset).unwrap();
        assert_eq!(status(&mut link, &select), 0x9000);
        assert_eq!(status(&mut link, "00C0000000"), 0x6985);
    }
}

#[test]
fn counters_outlive_resets() {
    for reset in [Reset::Warm, Reset::Cold] {
        let mut link = connect(PivChip::personalised(&Model::series9(), 7));
        let wrong = hex::decode("0020008008303030303030FFFF").unwrap();
        assert_eq!(link.transmit(&wrong).unwrap(), [0x63, 0xC2]);
        link.reset(reset).unwrap();
        assert_eq!(link.transmit(&wrong).unwrap(), [0x63, 0xC1]);
    }
}

// The host's channel.

/// The ways to one card.
fn ways() -> Vec<(&'static str, Model, Limits)> {
    let chunked = |chunk| {
        let mut model = Model::series10();
        model.transport.response_chunk = chunk;
        model
    };
    let mut strict = Model::series10();
    strict.transport.data_without_le = false;
    let extended = Limits {
        command_data: 1007,
        response_data: 32_767,
    };
    vec![
        ("T=1, short", Model::series10(), Limits::SHORT),
        ("T=1, extended", Model::series10(), extended),
        ("T=1, pieces of 100", chunked(100), Limits::SHORT),
        ("T=1, pieces of 255", chunked(255), Limits::SHORT),
        ("T=1, data only with Le", strict, Limits::SHORT),
        ("T=0", over_t0(), Limits::SHORT),
        ("T=0, extended length announced", over_t0(), extended),
    ]
}

/// The administrator of a card writes `object` and reads it back.
fn write_and_read(chip: PivChip, limits: Limits, object: &[u8]) -> Vec<u8> {
    let channel = Channel::with_limits(connect(chip), limits);
    let mut client = Client::select(channel).unwrap();
    client.channel_mut().set_limits(limits);
    let key: Vec<u8> = (1..=8).cycle().take(24).collect();
    let key = AdminKey::as_delivered(Algorithm::Aes192, &key).unwrap();
    client
        .authenticate_admin(&key, &*ground::System::shared())
        .unwrap();
    client
        .put_data(ObjectId::CardAuthenticationCertificate, object)
        .unwrap();
    let command = get_data(0x5F_C101);
    let response = client.channel_mut().transmit(&command).unwrap();
    assert_eq!(response.status, StatusWord::OK);
    response.data.to_vec()
}

#[test]
fn the_channel_writes_and_reads_the_same_object_whatever_the_transport() {
    for size in [0_usize, 1, 246, 247, 255, 256, 257, 1000, 3000, 12_704] {
        let object: Vec<u8> = (0..size).map(|place| (place % 251) as u8).collect();
        for (way, model, limits) in ways() {
            let read = write_and_read(PivChip::blank(&model, 7), limits, &object);
            assert_eq!(read, ber::object(Tag(0x53), &object), "{way}, {size} bytes");
        }
    }
}

#[test]
fn the_channel_recovers_from_a_wrong_le_over_t0() {
    let mut channel = Channel::new(connect(PivChip::personalised(&over_t0(), 7)));
    let command =
        Command::new(0x80, Instruction(0xCA), 0x9F, 0x7F).with_expected(Expected::SHORT_MAX);
    let response = channel.transmit(&command).unwrap();
    assert_eq!((response.data.len(), response.status), (45, StatusWord::OK));
}
