//! Both sides of the card edge as a whole: the simulated card and printer under any host, the
//! host under any card.

use std::sync::Arc;

use firmware_sim::card::{Interface, Model, PivChip};
use firmware_sim::contacts::Chip;
use firmware_sim::printer::magicard::Magicard;
use firmware_sim::printer::{Firmware, Machine, Setup, Transport};
use globalplatform::scp03::{self, AesKey, ChannelOptions, SecurityLevel, StaticKeys};
use globalplatform::{read_production_data, select_issuer_security_domain};
use ground::{Ambient, Virtual};
use iso7816::{Command, Expected, Instruction, Protocol, Response, StatusWord};
use jiff::Timestamp;
use piv::secure_messaging::{Agreement, CipherSuite, HostEphemeral, Session, SharedSecret};
use piv::words::ObjectId;
use series::{InspectOptions, Profiles, inspect};

use crate::link::{AnyLink, pieces};

/// Any commands to the simulated card. The first byte chooses the card: blank or personalised,
/// contact or contactless, T=0 or T=1. Empty pieces reset it.
pub(crate) fn card(bytes: &[u8]) {
    let Some((&choice, commands)) = bytes.split_first() else {
        return;
    };
    let mut model = match choice & 0x08 {
        0 => Model::series10(),
        _ => Model::series9(),
    };
    if choice & 0x04 != 0 {
        model.transport.protocol = Protocol::T0;
    }
    let mut chip = match choice & 0x01 {
        0 => PivChip::blank(&model, 7),
        _ => PivChip::personalised(&model, 7),
    };
    if choice & 0x02 != 0 && chip.model().contactless.is_some() {
        chip.set_interface(Interface::Contactless)
            .expect("the model has an antenna");
    }
    chip.power_on();
    // Key pairs of RSA would be all that an input's time goes into.
    let costly = |command: &[u8]| command.get(1) == Some(&0x47);
    for command in pieces(commands).take(64) {
        if command.is_empty() {
            chip.power_on();
            continue;
        }
        if costly(command) {
            continue;
        }
        let answer = chip.transmit(command);
        assert!(answer.len() >= 2, "no answer to {command:02X?}");
        let status = answer[answer.len() - 2];
        assert!(
            matches!(status, 0x61..=0x6F | 0x90),
            "SW1 {status:02X} to {command:02X?}"
        );
        if let (Ok(command), true) = (Command::parse(command), command.len() < 300) {
            let most = command.expected.map_or(256, Expected::get).max(256) as usize;
            assert!(answer.len() - 2 <= most, "{} bytes", answer.len());
        }
    }
}

/// Everything `inspect` reads, from any card.
pub(crate) fn host(bytes: &[u8]) {
    let channel = AnyLink::channel(bytes);
    let options = InspectOptions::default();
    if let Ok((inspection, _)) = inspect(
        channel,
        &Profiles::builtin(),
        &options,
        Timestamp::UNIX_EPOCH,
    ) {
        let _ = inspection.to_text();
    }
}

/// The security domain, production data and SCP03, from any card.
pub(crate) fn secure_channel(bytes: &[u8]) {
    let mut channel = AnyLink::channel(bytes);
    let _ = select_issuer_security_domain(&mut channel);
    let _ = read_production_data(&mut channel);
    let key = AesKey::new(&[0x40; 16]).expect("16 bytes");
    let keys = StaticKeys::same(&key);
    let ambient = Virtual::new(1);
    let level = SecurityLevel::from_byte(0x33).expect("a level of the protocol");
    let options = ChannelOptions::default();
    if let Ok(mut open) = scp03::open_channel(&mut channel, &keys, level, &ambient, &options) {
        let _ = open.transmit(&get_data());
    }
}

/// Any response to a protected command.
pub(crate) fn secure_messaging(bytes: &[u8]) {
    for suite in [CipherSuite::Cs2, CipherSuite::Cs7] {
        let mut session = session(suite);
        let _ = session.protect(&get_data());
        let Ok(response) = Response::parse(bytes) else {
            return;
        };
        match session.unprotect(&response) {
            Ok(_) => assert!(session.is_open()),
            Err(error) => {
                let _ = error.to_string();
                assert!(!session.is_open());
            }
        }
    }
}

fn session(suite: CipherSuite) -> Session {
    let agreement = Agreement {
        suite,
        host_control: 0x00,
        host_identifier: [1; 8],
        host_coordinates: vec![2; 2 * suite.coordinate_size()],
        card_control: 0x00,
        card_identifier: [3; 8],
        nonce: vec![4; suite.nonce_size()],
    };
    let secret = SharedSecret::new(&vec![5; suite.coordinate_size()]);
    Session::new(suite, agreement.derive(&secret))
}

/// Any response to key establishment.
pub(crate) fn secure_messaging_establishment(bytes: &[u8]) {
    for suite in [CipherSuite::Cs2, CipherSuite::Cs7] {
        let scalar = vec![7; suite.coordinate_size()];
        let host = HostEphemeral::from_scalar(suite, &scalar).expect("a small number is a key");
        let response = Response::new(bytes, StatusWord::OK);
        if let Err(error) = host.establish(&response, None) {
            let _ = error.to_string();
        }
    }
}

fn get_data() -> Command {
    Command::new(0x00, Instruction::GET_DATA, 0x3F, 0xFF)
        .with_data([&[0x5C, 0x03][..], &ObjectId::Chuid.tag().to_bytes()].concat())
        .with_expected(Expected::SHORT_MAX)
}

/// Any bytes to the simulated printer, in pieces.
pub(crate) fn printer(bytes: &[u8]) {
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let transport = Transport::new(1, 3, Arc::clone(&ambient));
    let mut machine = Machine::new(Setup::default(), transport, ambient);
    let mut session = Magicard::default().session();
    for piece in bytes.chunks(61) {
        let _ = session.push(piece, &mut machine);
    }
}
