//! A contactless card as the host's client sees it: in clear, under secure messaging, and over the
//! virtual contact interface with a pairing code and without one.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firmware_sim::card::{Interface, Model, PivChip, Suite};
use firmware_sim::contacts::{Chip, Contacts};
use ground::{Ambient, System};
use iso7816::transcript::Header;
use iso7816::{
    Channel, ChannelError, Disposition, Link, LinkError, Protocol, Reader, Reset, StatusWord,
    Traced, Transcript, TranscriptWriter,
};
use piv::cvc::{CvcError, Signer, Subject};
use piv::objects::{Chuid, PairingCode};
use piv::secrets::{AdminKey, Passcode};
use piv::secure_messaging::{CipherSuite, EstablishmentError};
use piv::words::{Algorithm, KeyReference, ObjectId, PinReference};
use piv::{Client, MessageDigest, PivError, Tries};
use proptest::prelude::*;

const PAIRED: [u8; 2] = [0x48, 0x00];
const WITHOUT_CODE: [u8; 2] = [0x4C, 0x00];
const NO_VCI: [u8; 2] = [0x40, 0x00];

/// A card with a face and fingerprints on it, held to a contactless reader.
struct Held {
    client: Client,
    code: Option<PairingCode>,
    recording: Memory,
    transcript: TranscriptWriter,
    ambient: Arc<dyn Ambient>,
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The image is nothing real: what counts is that it takes many parts.
fn face() -> Vec<u8> {
    (0..3000_u32).map(|place| (place % 251) as u8).collect()
}

/// A chip that is taken from one reader to another.
#[derive(Clone)]
struct Carried(Arc<Mutex<PivChip>>);

impl Chip for Carried {
    fn power_on(&mut self) -> Vec<u8> {
        self.0.lock().unwrap().power_on()
    }

    fn power_off(&mut self) {
        self.0.lock().unwrap().power_off();
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.0.lock().unwrap().transmit(command)
    }
}

fn link_to(chip: impl Chip + 'static) -> Box<dyn Link> {
    let mut contacts = Contacts::new("sim:virtual-contact");
    contacts.close_on(Box::new(chip));
    contacts.connect(Duration::from_secs(1)).unwrap()
}

fn client_over(chip: impl Chip + 'static) -> Client {
    Client::select(Channel::new(link_to(chip))).unwrap()
}

fn pin() -> Passcode {
    Passcode::new("123456").unwrap()
}

/// Puts the face on over the contacts, reads the pairing code there, and takes the card to a
/// contactless reader.
fn carried(suite: Suite, policy: [u8; 2]) -> (Carried, Option<PairingCode>) {
    let mut model = Model::series10();
    model.pin_usage_policy = policy;
    model.secure_messaging.as_mut().unwrap().suite = suite;
    let chip = Carried(Arc::new(Mutex::new(PivChip::personalised(&model, 5))));
    let ambient = System::shared();

    let mut client = client_over(chip.clone());
    let key: Vec<u8> = (1..=8).cycle().take(24).collect();
    let key = AdminKey::as_delivered(Algorithm::Aes192, &key).unwrap();
    client.authenticate_admin(&key, &*ambient).unwrap();
    client.put_data(ObjectId::FacialImage, &face()).unwrap();
    client.verify(PinReference::Application, &pin()).unwrap();
    let code = client.get_data(ObjectId::PairingCode).unwrap();
    let code = code.and_then(|value| PairingCode::parse(&value).unwrap().0);
    drop(client);

    let contactless = chip.0.lock().unwrap().set_interface(Interface::Contactless);
    contactless.unwrap();
    (chip, code)
}

/// A client of that card, recorded.
fn hold(suite: Suite, policy: [u8; 2]) -> Held {
    let (chip, code) = carried(suite, policy);
    let ambient = System::shared();
    let link = link_to(chip);
    let recording = Memory::default();
    let header = Header::new("test", ambient.now(), &*link);
    let transcript =
        TranscriptWriter::new(Box::new(recording.clone()), &header, Arc::clone(&ambient));
    let link = Traced::new(link, Arc::clone(&ambient), transcript.clone());
    Held {
        client: Client::select(Channel::new(Box::new(link))).unwrap(),
        code,
        recording,
        transcript,
        ambient,
    }
}

impl Held {
    /// Secure messaging with the signer the card names.
    fn secure(&mut self) -> piv::SecuredCard {
        let signer = self.client.read_messaging_signer().unwrap().unwrap();
        assert_eq!(signer.findings, []);
        let signer = signer.value.signer().unwrap();
        self.client
            .establish_secure_messaging(Some(&signer), &self.ambient)
            .unwrap()
    }

    fn read(&mut self, object: ObjectId) -> Result<Option<Vec<u8>>, StatusWord> {
        self.client.get_data(object).map_err(|error| match error {
            PivError::Refused { status, .. } => status,
            other => panic!("{other}"),
        })
    }
}

fn refused(error: &PivError) -> Option<StatusWord> {
    match error {
        PivError::Refused { status, .. } => Some(*status),
        _ => None,
    }
}

#[test]
fn the_face_is_read_after_the_pin_over_the_virtual_contact_interface() {
    for suite in [Suite::Cs2, Suite::Cs7] {
        for policy in [PAIRED, WITHOUT_CODE] {
            let mut held = hold(suite, policy);
            let card = held.secure();
            assert!(card.verified && card.findings.is_empty());
            assert_eq!(card.suite.algorithm(), algorithm(suite));
            // The certificate is that of the card whose CHUID this is.
            let chuid = held.read(ObjectId::Chuid).unwrap().unwrap();
            let guid = Chuid::parse(&chuid).unwrap().value.guid.unwrap();
            assert_eq!(card.cvc.value.subject, Some(Subject::Card(guid)));

            if policy == PAIRED {
                assert!(!held.client.is_vci().unwrap());
                assert_eq!(
                    held.read(ObjectId::FacialImage),
                    Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED)
                );
                let code = held.code.clone().unwrap();
                held.client.verify_pairing_code(&code).unwrap();
            }
            assert!(held.client.is_vci().unwrap());
            assert_eq!(
                held.read(ObjectId::FacialImage),
                Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED),
                "the PIN is wanted as it is over the contacts"
            );
            held.client
                .verify(PinReference::Application, &pin())
                .unwrap();
            assert_eq!(held.read(ObjectId::FacialImage), Ok(Some(face())));
            // The printed information and the keys, too.
            assert!(held.read(ObjectId::PrintedInformation).unwrap().is_some());
            held.client
                .sign_digest(
                    KeyReference::Authentication,
                    Algorithm::P256,
                    &MessageDigest::sha256(b"login"),
                )
                .unwrap();
            assert!(held.client.is_secured());
        }
    }
}

/// SP 800-73-5 Part 1, Table 2 and 5.5; Part 2, 3.2.
#[test]
fn plain_contactless_is_refused_what_the_standard_refuses() {
    let mut held = hold(Suite::Cs2, PAIRED);
    assert!(!held.client.is_vci().unwrap());
    for object in [
        ObjectId::Chuid,
        ObjectId::CardAuthenticationCertificate,
        ObjectId::Discovery,
        ObjectId::SecureMessagingSigner,
    ] {
        assert!(held.read(object).unwrap().is_some(), "{object}");
    }
    let not_satisfied = StatusWord::SECURITY_STATUS_NOT_SATISFIED;
    for object in [
        ObjectId::CardCapabilityContainer,
        ObjectId::AuthenticationCertificate,
        ObjectId::SignatureCertificate,
        ObjectId::Fingerprints,
        ObjectId::FacialImage,
        ObjectId::PrintedInformation,
        ObjectId::PairingCode,
        ObjectId::SecurityObject,
    ] {
        assert_eq!(held.read(object), Err(not_satisfied), "{object}");
    }
    let client = &mut held.client;
    let error = client
        .verify(PinReference::Application, &pin())
        .unwrap_err();
    assert_eq!(refused(&error), Some(not_satisfied));
    let error = client.tries(PinReference::Application).unwrap_err();
    assert_eq!(refused(&error), Some(not_satisfied));
    let digest = MessageDigest::sha256(b"login");
    let error = client
        .sign_digest(KeyReference::Authentication, Algorithm::P256, &digest)
        .unwrap_err();
    assert_eq!(refused(&error), Some(not_satisfied));
    client
        .sign_digest(KeyReference::CardAuthentication, Algorithm::P256, &digest)
        .unwrap();
    // Card management is for the contacts only.
    let error = client.put_data(ObjectId::FacialImage, &[]).unwrap_err();
    assert_eq!(refused(&error), Some(StatusWord::FUNCTION_NOT_SUPPORTED));
}

#[test]
fn without_bit_4_secure_messaging_opens_nothing_more() {
    let mut held = hold(Suite::Cs2, NO_VCI);
    held.secure();
    assert!(held.client.is_secured());
    assert!(!held.client.is_vci().unwrap());
    let not_satisfied = StatusWord::SECURITY_STATUS_NOT_SATISFIED;
    assert_eq!(held.read(ObjectId::FacialImage), Err(not_satisfied));
    let error = held
        .client
        .verify(PinReference::Application, &pin())
        .unwrap_err();
    assert_eq!(refused(&error), Some(not_satisfied));
    let code = PairingCode::new("00000000").unwrap();
    let error = held.client.verify_pairing_code(&code).unwrap_err();
    assert_eq!(refused(&error), Some(StatusWord::REFERENCE_NOT_FOUND));
    assert!(held.client.is_secured(), "a refusal inside ends nothing");
}

#[test]
fn a_wrong_pairing_code_costs_nothing_and_is_never_sent_in_clear() {
    let mut held = hold(Suite::Cs2, PAIRED);
    let code = held.code.clone().unwrap();
    let error = held.client.verify_pairing_code(&code).unwrap_err();
    assert!(matches!(error, PivError::Impossible { .. }), "{error}");
    held.secure();
    let wrong = PairingCode::new("00000000").unwrap();
    assert_ne!(wrong, code);
    for _ in 0..20 {
        let error = held.client.verify_pairing_code(&wrong).unwrap_err();
        assert!(
            matches!(
                error,
                PivError::WrongPasscode {
                    reference: PinReference::PairingCode,
                    tries_left: None,
                    ..
                }
            ),
            "{error}"
        );
    }
    held.client.verify_pairing_code(&code).unwrap();
    assert!(held.client.is_vci().unwrap());
}

#[test]
fn a_session_lasts_until_reset_and_can_be_established_anew() {
    let mut held = hold(Suite::Cs2, WITHOUT_CODE);
    held.secure();
    held.client
        .verify(PinReference::Application, &pin())
        .unwrap();
    held.secure();
    assert!(held.client.is_vci().unwrap());
    let tries = held.client.tries(PinReference::Application);
    assert_eq!(
        tries,
        Ok(Tries::Verified),
        "a new session, the same PIN status"
    );
    held.client.reset(Reset::Cold).unwrap();
    assert!(!held.client.is_secured());
    assert!(!held.client.is_vci().unwrap());
    assert_eq!(
        held.read(ObjectId::FacialImage),
        Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED)
    );
}

#[test]
fn a_session_the_card_has_forgotten_is_not_gone_on_with_in_clear() {
    let mut held = hold(Suite::Cs2, WITHOUT_CODE);
    held.secure();
    // Behind the client's back: a second establishment, of which only the card knows.
    let stranger = piv::secure_messaging::HostEphemeral::generate(CipherSuite::Cs2, &held.ambient);
    let channel = held.client.channel_mut();
    assert!(
        channel
            .transmit(&stranger.command())
            .unwrap()
            .status
            .is_ok()
    );
    let error = held
        .client
        .verify(PinReference::Application, &pin())
        .unwrap_err();
    assert!(
        matches!(
            &error,
            PivError::Channel {
                source: ChannelError::Unprotect(_),
                ..
            }
        ),
        "{error}"
    );
    let error = held
        .client
        .verify(PinReference::Application, &pin())
        .unwrap_err();
    assert!(
        matches!(
            &error,
            PivError::Channel {
                source: ChannelError::Protect(_),
                ..
            }
        ),
        "{error}"
    );
    assert!(!error.outcome_unknown(), "nothing was sent");
}

#[test]
fn a_card_signed_by_somebody_else_is_refused() {
    let mut held = hold(Suite::Cs2, WITHOUT_CODE);
    let mut other = client_over(PivChip::personalised(&Model::series10(), 6));
    let signer: Signer = other
        .read_messaging_signer()
        .unwrap()
        .unwrap()
        .value
        .signer()
        .unwrap();
    let error = held
        .client
        .establish_secure_messaging(Some(&signer), &held.ambient)
        .unwrap_err();
    assert!(
        matches!(
            error,
            PivError::SecureMessaging {
                source: EstablishmentError::Cvc(CvcError::OtherSigner { .. }),
                ..
            }
        ),
        "{error}"
    );
    assert!(!held.client.is_secured());
    // Without anybody to compare with it is told, not refused.
    let card = held
        .client
        .establish_secure_messaging(None, &held.ambient)
        .unwrap();
    assert!(!card.verified);
    assert_eq!(card.findings.len(), 1);
}

#[test]
fn a_card_without_a_suite_is_not_asked() {
    let mut client = client_over(PivChip::personalised(&Model::series9(), 5));
    let error = client
        .establish_secure_messaging(None, &System::shared())
        .unwrap_err();
    assert!(matches!(error, PivError::Impossible { .. }), "{error}");
}

/// The face comes whole and the commands of the session are in the transcript, and what was
/// secret in them is not: neither in clear nor in cipher.
#[test]
fn the_transcript_of_a_session_holds_no_secret() {
    let mut held = hold(Suite::Cs2, PAIRED);
    held.secure();
    let code = held.code.clone().unwrap();
    held.client.verify_pairing_code(&code).unwrap();
    held.client
        .verify(PinReference::Application, &pin())
        .unwrap();
    assert_eq!(held.read(ObjectId::FacialImage), Ok(Some(face())));
    held.transcript.finish().unwrap();
    let bytes = held.recording.0.lock().unwrap().clone();
    let text = String::from_utf8(bytes.clone()).unwrap();
    for (secret, what) in [
        (pin().padded(), "PIN"),
        (code.passcode().padded(), "pairing code"),
    ] {
        assert!(!text.contains(&hex::encode_upper(secret)), "{what}");
    }
    let transcript = Transcript::read(&bytes[..]).unwrap();
    let sent: Vec<String> = transcript
        .exchanges()
        .map(|exchange| exchange.command.to_string())
        .collect();
    let protected = |header: &str| sent.iter().find(|sent| sent.starts_with(header)).unwrap();
    for header in ["0C200098", "0C200080"] {
        assert!(protected(header)[10..].starts_with("****"), "{header}");
    }
    assert!(!protected("0CCB3FFF").contains('*'));
    assert!(
        !protected("00872704").contains('*'),
        "key establishment is public"
    );
}

/// Somebody between card and reader, who flips one bit of one message.
struct Meddler {
    link: Box<dyn Link>,
    plan: Arc<Mutex<Meddling>>,
}

#[derive(Default)]
struct Meddling {
    /// Messages left until the one that is changed: commands and answers alternate.
    countdown: Option<usize>,
    bit: usize,
    /// Whether it came to that.
    done: bool,
    /// Commands that went out since.
    since: Vec<Vec<u8>>,
}

impl Meddling {
    fn pass(&mut self, message: &mut [u8]) {
        match &mut self.countdown {
            Some(0) => {
                let bit = self.bit % (message.len() * 8);
                message[bit / 8] ^= 1 << (bit % 8);
                self.countdown = None;
                self.done = true;
            }
            Some(left) => *left -= 1,
            None => {}
        }
    }
}

impl Link for Meddler {
    fn name(&self) -> &str {
        self.link.name()
    }

    fn atr(&self) -> &[u8] {
        self.link.atr()
    }

    fn protocol(&self) -> Protocol {
        self.link.protocol()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        let mut plan = self.plan.lock().unwrap();
        if plan.done {
            plan.since.push(command.to_vec());
        }
        let mut command = command.to_vec();
        plan.pass(&mut command);
        let mut answer = self.link.transmit(&command)?;
        plan.pass(&mut answer);
        Ok(answer)
    }

    fn reset(&mut self, reset: Reset) -> Result<(), LinkError> {
        self.link.reset(reset)
    }

    fn disconnect(self: Box<Self>, disposition: Disposition) -> Result<(), LinkError> {
        self.link.disconnect(disposition)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// One bit changed anywhere while a face is read: it comes as it is or not at all, and after
    /// an error nothing goes in clear that was meant to be protected.
    #[test]
    fn a_changed_bit_is_noticed_and_nothing_goes_in_clear_after_it(
        countdown in 0_usize..32,
        bit in any::<usize>(),
        cs7: bool,
    ) {
        let suite = if cs7 { Suite::Cs7 } else { Suite::Cs2 };
        let plan = Arc::new(Mutex::new(Meddling::default()));
        let mut client = {
            let (chip, _) = carried(suite, WITHOUT_CODE);
            let link = Meddler { link: link_to(chip), plan: Arc::clone(&plan) };
            Client::select(Channel::new(Box::new(link))).unwrap()
        };
        client.establish_secure_messaging(None, &System::shared()).unwrap();
        client.verify(PinReference::Application, &pin()).unwrap();
        {
            let mut plan = plan.lock().unwrap();
            plan.countdown = Some(countdown);
            plan.bit = bit;
        }
        match client.get_data(ObjectId::FacialImage) {
            Ok(read) => prop_assert_eq!(read, Some(face())),
            // The card's own refusal, which came authentic: it saw another command.
            Err(PivError::Refused { status, .. }) => {
                prop_assert!(client.is_secured(), "{}", status);
            }
            Err(PivError::Channel { .. }) => {
                prop_assert!(!client.is_secured());
                plan.lock().unwrap().since.clear();
                let again = client.verify(PinReference::Application, &pin());
                let refused = matches!(
                    again,
                    Err(PivError::Channel { source: ChannelError::Protect(_), .. })
                );
                prop_assert!(refused);
                prop_assert!(plan.lock().unwrap().since.is_empty());
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

fn algorithm(suite: Suite) -> Algorithm {
    match suite {
        Suite::Cs2 => Algorithm::CipherSuite2,
        Suite::Cs7 => Algorithm::CipherSuite7,
    }
}
