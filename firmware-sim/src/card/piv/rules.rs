//! The rules of SP 800-73-5 on state and answers, one test each; over the contact interface but
//! where a file says otherwise.
//! `P1` and `P2` are its Parts 1 and 2.

mod authenticating;
mod changing;
mod contactless;
mod objects;
mod secure_messaging;
mod selecting;
mod transport;
mod unblocking;
mod verifying;

use ::piv::secure_messaging::{CipherSuite, HostEphemeral, Session, message};
use ::piv::words::{Algorithm, KeyReference, PinReference};
use iso7816::{Command, Response, StatusWord};
use p256::elliptic_curve::sec1::ToSec1Point;
use signature::hazmat::PrehashVerifier;

use crate::card::cipher::BlockKey;
use crate::card::nvm::Cell;
use crate::card::{Interface, Model, PivChip, Reference, Suite};
use crate::contacts::Chip;

const PIN: &[u8] = b"123456\xFF\xFF";
const OTHER_PIN: &[u8] = b"654321\xFF\xFF";
const PUK: &[u8] = b"12345678";
const SELECT: &str = "00A404000BA00000030800001000010000";

/// A card under test.
struct Card(PivChip);

impl Card {
    fn blank() -> Self {
        Self::of(PivChip::blank(&Model::series10(), 7))
    }

    fn personalised() -> Self {
        Self::of(PivChip::personalised(&Model::series10(), 7))
    }

    /// Powered up, PIV selected.
    fn of(mut chip: PivChip) -> Self {
        chip.power_on();
        let mut card = Self(chip);
        assert_eq!(card.status(SELECT), 0x9000);
        card
    }

    /// Held to a contactless reader, PIV selected.
    fn contactless(mut self) -> Self {
        self.0.set_interface(Interface::Contactless).unwrap();
        Self::of(self.0)
    }

    /// In a contact reader again, PIV selected.
    fn contact(mut self) -> Self {
        self.0.set_interface(Interface::Contact).unwrap();
        Self::of(self.0)
    }

    /// A session, with the host's side of it.
    fn establish(&mut self) -> Session {
        let suite = match self.0.model().secure_messaging.unwrap().suite {
            Suite::Cs2 => CipherSuite::Cs2,
            Suite::Cs7 => CipherSuite::Cs7,
        };
        let host = HostEphemeral::from_scalar(suite, &vec![7; suite.coordinate_size()]).unwrap();
        let (data, status) = self.whole(&hex::encode(host.command().to_short().unwrap()));
        let response = Response::new(data, StatusWord(status));
        host.establish(&response, None).unwrap().session
    }

    /// Sends a command under secure messaging; the answer from inside.
    fn secured(&mut self, session: &mut Session, command: &str) -> (Vec<u8>, u16) {
        let plain = Command::parse(&hex::decode(command.replace(' ', "")).unwrap()).unwrap();
        let protected = session.protect(&plain).unwrap();
        let mut last = (Vec::new(), 0x9000);
        for part in message::parts(&protected) {
            assert_eq!(last, (Vec::new(), 0x9000));
            last = self.whole(&hex::encode(part.to_short().unwrap()));
        }
        let (data, status) = last;
        let response = session.unprotect(&Response::new(data, StatusWord(status)));
        let Response { data, status } = response.unwrap();
        (data.to_vec(), status.0)
    }

    fn secured_with(&mut self, session: &mut Session, header: &str, data: &[u8]) -> (Vec<u8>, u16) {
        let command = format!("{header}{:02X}{}", data.len(), hex::encode(data));
        self.secured(session, &command)
    }

    fn secured_get(&mut self, session: &mut Session, tag: &str) -> (Vec<u8>, u16) {
        let size = tag.len() / 2;
        let command = format!("00CB3FFF{:02X}5C{size:02X}{tag}00", size + 2);
        self.secured(session, &command)
    }

    /// The code as the personalised card holds it.
    fn pairing_code(&self) -> Vec<u8> {
        let object = self.0.object(iso7816::ber::Tag(0x5F_C123)).unwrap();
        object[4..12].to_vec()
    }

    fn send_bytes(&mut self, command: &[u8]) -> (Vec<u8>, u16) {
        let mut answer = self.0.transmit(command);
        let status = answer.split_off(answer.len() - 2);
        (answer, u16::from_be_bytes([status[0], status[1]]))
    }

    fn send(&mut self, command: &str) -> (Vec<u8>, u16) {
        self.send_bytes(&hex::decode(command.replace(' ', "")).unwrap())
    }

    fn status(&mut self, command: &str) -> u16 {
        self.send(command).1
    }

    /// Sends and fetches all of the answer.
    fn whole(&mut self, command: &str) -> (Vec<u8>, u16) {
        let (mut data, mut status) = self.send(command);
        while status >> 8 == 0x61 {
            let (more, next) = self.send("00C0000000");
            data.extend(more);
            status = next;
        }
        (data, status)
    }

    fn with_data(&mut self, header: &str, data: &[u8]) -> (Vec<u8>, u16) {
        let command = format!("{header}{:02X}{}", data.len(), hex::encode(data));
        self.send(&command)
    }

    fn verify(&mut self, pin: &[u8]) -> u16 {
        self.with_data("00200080", pin).1
    }

    fn pin_state(&mut self) -> u16 {
        self.status("00200080")
    }

    fn change(&mut self, old: &[u8], new: &[u8]) -> u16 {
        self.with_data("00240080", &[old, new].concat()).1
    }

    fn unblock(&mut self, puk: &[u8], new: &[u8]) -> u16 {
        self.with_data("002C0080", &[puk, new].concat()).1
    }

    fn tries(&self, reference: PinReference) -> u8 {
        self.0.memory().get(Cell::Tries(reference)).unwrap()[0]
    }

    fn admin_key(&self) -> BlockKey {
        let cell = Cell::Key(KeyReference::Administration);
        BlockKey::from_cell(self.0.memory().get(cell).unwrap()).unwrap()
    }

    /// External authentication with key 9B.
    fn authenticate(&mut self) -> u16 {
        let key = self.admin_key();
        let p1 = key.algorithm().byte();
        let (answer, status) = self.send(&format!("0087{p1:02X}9B047C02810000"));
        assert_eq!(status, 0x9000);
        self.answer_challenge(&key.encrypt(&answer[4..]))
    }

    fn answer_challenge(&mut self, response: &[u8]) -> u16 {
        let p1 = self.admin_key().algorithm().byte();
        let size = response.len();
        let mut data = vec![0x7C, size as u8 + 2, 0x82, size as u8];
        data.extend_from_slice(response);
        self.with_data(&format!("0087{p1:02X}9B"), &data).1
    }

    fn is_administrator(&mut self) -> bool {
        // An empty mechanism is refused for its data only after the access rule.
        match self.status("0047009A02AC0000") {
            0x6982 => false,
            0x6A80 => true,
            other => panic!("{other:04X}"),
        }
    }

    fn sign(&mut self, key: u8) -> (Vec<u8>, u16) {
        self.send(&sign_command(key))
    }

    fn get(&mut self, tag: &str) -> (Vec<u8>, u16) {
        let size = tag.len() / 2;
        self.whole(&format!("00CB3FFF{:02X}5C{size:02X}{tag}00", size + 2))
    }

    fn put(&mut self, data: &str) -> u16 {
        self.with_data("00DB3FFF", &hex::decode(data).unwrap()).1
    }
}

fn sign_command(key: u8) -> String {
    format!("008711{key:02X}267C2482008120{}00", "5A".repeat(32))
}

fn with_global_pin() -> Card {
    let mut model = Model::series10();
    model.global_pin = Some(Reference::new("111111", 5));
    let mut card = Card::of(PivChip::personalised(&model, 7));
    assert_eq!(card.authenticate(), 0x9000);
    assert_eq!(card.put("7E124F0BA0000003080000100001005F2F026010"), 0x9000);
    card
}

/// A personalised card with this policy in its Discovery Object.
fn with_policy(policy: [u8; 2]) -> Card {
    let mut model = Model::series10();
    model.pin_usage_policy = policy;
    Card::of(PivChip::personalised(&model, 7))
}

/// The host's side of mutual authentication.
fn decrypt_aes192(key: &[u8], block: &[u8]) -> Vec<u8> {
    use cipher::{Block, BlockCipherDecrypt, KeyInit};
    let cipher = aes::Aes192::new_from_slice(key).unwrap();
    let mut out = Block::<aes::Aes192>::default();
    out.copy_from_slice(block);
    cipher.decrypt_block(&mut out);
    out.to_vec()
}
