//! The commands of SP 800-73-5 Part 2, section 3, as APDUs: one small builder each, no state.

use iso7816::ber::{self, Tag};
use iso7816::{Command, Expected, Instruction};
use zeroize::Zeroizing;

use crate::secrets::{AdminKey, Passcode, Puk};
use crate::words::{Algorithm, KeyReference, ObjectId, PinReference};

/// The dynamic authentication template of GENERAL AUTHENTICATE.
pub(crate) const TEMPLATE: Tag = Tag(0x7C);
/// Witness, in [`TEMPLATE`].
pub(crate) const WITNESS: Tag = Tag(0x80);
/// Challenge or input, in [`TEMPLATE`].
pub(crate) const CHALLENGE: Tag = Tag(0x81);
/// Response or output, in [`TEMPLATE`].
pub(crate) const RESPONSE: Tag = Tag(0x82);
/// Exponentiation: the other side's point, in [`TEMPLATE`].
pub(crate) const EXPONENTIATION: Tag = Tag(0x85);
/// The wrapper of every data object but two.
pub(crate) const WRAPPER: Tag = Tag(0x53);

/// SELECT by application identifier, full or truncated (Part 2, 3.1.1).
#[must_use]
pub fn select(aid: &[u8]) -> Command {
    Command::new(0x00, Instruction::SELECT, 0x04, 0x00)
        .with_data(aid)
        .with_expected(Expected::SHORT_MAX)
}

/// GET DATA: reads a whole object by its tag (Part 2, 3.1.2).
#[must_use]
pub fn get_data(tag: Tag) -> Command {
    Command::new(0x00, Instruction::GET_DATA, 0x3F, 0xFF)
        .with_data(ber::object(Tag(0x5C), &tag.to_bytes()))
        .with_expected(Expected::SHORT_MAX)
}

/// PUT DATA: replaces a whole object (Part 2, 3.3.1).
///
/// `value` is what goes inside tag 53, or inside `7E` and `7F61` for the two objects that carry
/// their own tag. An empty value empties the object.
#[must_use]
pub fn put_data(object: ObjectId, value: &[u8]) -> Command {
    if object.is_bare() {
        Command::new(0x00, Instruction::PUT_DATA, 0x3F, 0xFF)
            .with_data(ber::object(object.tag(), value))
    } else {
        put_tag(object.tag(), value)
    }
}

/// PUT DATA for any tag: `5C` tag, then the value inside tag 53.
#[must_use]
pub fn put_tag(tag: Tag, value: &[u8]) -> Command {
    // Objects hold nothing secret but the pairing code, for which the room is made at once.
    let mut data = Vec::with_capacity(value.len() + 16);
    ber::write(&mut data, Tag(0x5C), &tag.to_bytes());
    ber::write(&mut data, WRAPPER, value);
    Command::new(0x00, Instruction::PUT_DATA, 0x3F, 0xFF).with_data(data)
}

/// VERIFY with a passcode or pairing code (Part 2, 3.2.1).
#[must_use]
pub fn verify(reference: PinReference, passcode: &Passcode) -> Command {
    Command::new(0x00, Instruction::VERIFY, 0x00, reference.byte()).with_data(*passcode.padded())
}

/// VERIFY without data: asks for the state and the tries left, spends none (Part 2, 3.2.1).
#[must_use]
pub fn read_tries(reference: PinReference) -> Command {
    Command::new(0x00, Instruction::VERIFY, 0x00, reference.byte())
}

/// VERIFY with P1 = FF: forgets that the reference was verified (Part 2, 3.2.1).
#[must_use]
pub fn log_out(reference: PinReference) -> Command {
    Command::new(0x00, Instruction::VERIFY, 0xFF, reference.byte())
}

/// CHANGE REFERENCE DATA: old, then new, 8 bytes each (Part 2, 3.2.2).
#[must_use]
pub fn change_reference(reference: PinReference, old: &[u8; 8], new: &[u8; 8]) -> Command {
    Command::new(
        0x00,
        Instruction::CHANGE_REFERENCE_DATA,
        0x00,
        reference.byte(),
    )
    .with_data(two(old, new))
}

/// RESET RETRY COUNTER of the PIV PIN: PUK, then the new passcode (Part 2, 3.2.3).
#[must_use]
pub fn reset_retry_counter(puk: &Puk, new: &Passcode) -> Command {
    Command::new(
        0x00,
        Instruction::RESET_RETRY_COUNTER,
        0x00,
        PinReference::Application.byte(),
    )
    .with_data(two(puk.bytes(), new.padded()))
}

/// GENERAL AUTHENTICATE (Part 2, 3.2.4): the given elements in a template `7C`, an empty one
/// asking for that element. Expects data back when any element is empty.
#[must_use]
pub fn general_authenticate(
    algorithm: Algorithm,
    key: KeyReference,
    elements: &[(Tag, &[u8])],
) -> Command {
    let capacity = elements.iter().map(|(_, value)| value.len() + 8).sum();
    let mut inner = Zeroizing::new(Vec::with_capacity(capacity));
    for (tag, value) in elements {
        ber::write(&mut inner, *tag, value);
    }
    let mut data = Vec::with_capacity(inner.len() + 8);
    ber::write(&mut data, TEMPLATE, &inner);
    let command = Command::new(
        0x00,
        Instruction::GENERAL_AUTHENTICATE,
        algorithm.byte(),
        key.byte(),
    )
    .with_data(data);
    if elements.iter().any(|(_, value)| value.is_empty()) {
        command.with_expected(Expected::SHORT_MAX)
    } else {
        command
    }
}

/// Asks key 9B for a witness: the first half of mutual authentication (Part 2, A.1).
#[must_use]
pub fn request_witness(algorithm: Algorithm) -> Command {
    general_authenticate(algorithm, KeyReference::Administration, &[(WITNESS, &[])])
}

/// Answers the witness and challenges the card: the second half (Part 2, A.1).
///
/// The lengths are those of the data. The example in the standard gives a template of 24 (hex)
/// bytes, which leaves out the `82 00` it then shows.
#[must_use]
pub fn answer_witness(algorithm: Algorithm, witness: &[u8], challenge: &[u8]) -> Command {
    general_authenticate(
        algorithm,
        KeyReference::Administration,
        &[(WITNESS, witness), (CHALLENGE, challenge), (RESPONSE, &[])],
    )
}

/// Asks key 9B for a challenge: the first half of external authentication (Part 2, A.1).
#[must_use]
pub fn request_challenge(algorithm: Algorithm) -> Command {
    general_authenticate(algorithm, KeyReference::Administration, &[(CHALLENGE, &[])])
}

/// Answers the challenge of key 9B: the second half of external authentication (Part 2, A.1).
#[must_use]
pub fn answer_challenge(algorithm: Algorithm, response: &[u8]) -> Command {
    general_authenticate(
        algorithm,
        KeyReference::Administration,
        &[(RESPONSE, response)],
    )
}

/// A private-key operation on `input`: signature or raw RSA (Part 2, A.2 to A.4).
#[must_use]
pub fn private_key_operation(algorithm: Algorithm, key: KeyReference, input: &[u8]) -> Command {
    general_authenticate(algorithm, key, &[(RESPONSE, &[]), (CHALLENGE, input)])
}

/// Key agreement with the other side's uncompressed point (Part 2, A.5).
#[must_use]
pub fn agree(algorithm: Algorithm, key: KeyReference, point: &[u8]) -> Command {
    general_authenticate(algorithm, key, &[(RESPONSE, &[]), (EXPONENTIATION, point)])
}

/// GENERATE ASYMMETRIC KEY PAIR (Part 2, 3.3.2). RSA keys get the exponent 65537.
#[must_use]
pub fn generate(key: KeyReference, algorithm: Algorithm) -> Command {
    let mechanism = ber::object(Tag(0x80), &[algorithm.byte()]);
    Command::new(
        0x00,
        Instruction::GENERATE_ASYMMETRIC_KEY_PAIR,
        0x00,
        key.byte(),
    )
    .with_data(ber::object(Tag(0xAC), &mechanism))
    .with_expected(Expected::SHORT_MAX)
}

/// SET MANAGEMENT KEY, `00 FF FF FF {algorithm 9B length key}`: replaces key 9B.
///
/// A vendor command, first of the YubiKey, publicly documented there and taken over by others.
/// SP 800-73 has no command for it; a profile says whether a card takes this one.
#[must_use]
pub fn set_admin_key(key: &AdminKey) -> Command {
    let bytes = key.bytes();
    let mut data = Vec::with_capacity(3 + bytes.len());
    data.push(key.algorithm().byte());
    data.push(KeyReference::Administration.byte());
    // At most 32, by the sizes of the symmetric algorithms.
    data.push(bytes.len() as u8);
    data.extend_from_slice(bytes);
    Command::new(0x00, Instruction(0xFF), 0xFF, 0xFF).with_data(data)
}

fn two(first: &[u8; 8], second: &[u8; 8]) -> Vec<u8> {
    let mut both = Vec::with_capacity(16);
    both.extend_from_slice(first);
    both.extend_from_slice(second);
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(command: &Command) -> String {
        hex::encode_upper(&*command.to_short().unwrap())
    }

    fn passcode(digits: &str) -> Passcode {
        Passcode::new(digits).unwrap()
    }

    #[test]
    fn objects_are_asked_for_by_tag() {
        assert_eq!(
            short(&get_data(ObjectId::Chuid.tag())),
            "00CB3FFF055C035FC10200"
        );
        assert_eq!(
            short(&get_data(ObjectId::Discovery.tag())),
            "00CB3FFF035C017E00"
        );
        assert_eq!(
            short(&get_data(ObjectId::BiometricInformationTemplates.tag())),
            "00CB3FFF045C027F6100"
        );
    }

    #[test]
    fn objects_are_put_in_the_wrapper_unless_they_have_a_tag_of_their_own() {
        assert_eq!(
            short(&put_data(ObjectId::KeyHistory, &[0xFE, 0x00])),
            "00DB3FFF095C035FC10C5302FE00"
        );
        assert_eq!(
            short(&put_data(ObjectId::Discovery, &[0x5F, 0x2F, 0x00])),
            "00DB3FFF057E035F2F00"
        );
        assert_eq!(
            short(&put_data(ObjectId::Chuid, &[])),
            "00DB3FFF075C035FC1025300"
        );
    }

    #[test]
    fn passcode_commands_are_padded_and_expect_nothing_back() {
        let application = PinReference::Application;
        assert_eq!(
            short(&verify(application, &passcode("123456"))),
            "0020008008313233343536FFFF"
        );
        assert_eq!(short(&read_tries(application)), "00200080");
        assert_eq!(short(&log_out(PinReference::Global)), "0020FF00");
        assert_eq!(
            short(&change_reference(
                application,
                passcode("123456").padded(),
                passcode("7654321").padded()
            )),
            "0024008010313233343536FFFF37363534333231FF"
        );
        assert_eq!(
            short(&reset_retry_counter(
                &Puk::new(*b"87654321"),
                &passcode("123456")
            )),
            "002C0080103837363534333231313233343536FFFF"
        );
    }

    #[test]
    fn administration_key_commands_have_the_layout_of_the_standard() {
        let aes = Algorithm::Aes128;
        assert_eq!(short(&request_witness(aes)), "0087089B047C02800000");
        assert_eq!(
            short(&request_challenge(Algorithm::TripleDes)),
            "0087039B047C02810000"
        );
        assert_eq!(
            short(&answer_witness(aes, &[0xAA; 16], &[0xBB; 16])),
            format!(
                "0087089B287C268010{}8110{}820000",
                "AA".repeat(16),
                "BB".repeat(16)
            )
        );
        assert_eq!(
            short(&answer_challenge(aes, &[0xCC; 16])),
            format!("0087089B147C128210{}", "CC".repeat(16))
        );
    }

    #[test]
    fn private_key_commands_have_the_layout_of_the_standard() {
        assert_eq!(
            short(&private_key_operation(
                Algorithm::P256,
                KeyReference::Authentication,
                &[0x11; 32]
            )),
            format!("0087119A267C2482008120{}00", "11".repeat(32))
        );
        assert_eq!(
            short(&private_key_operation(
                Algorithm::P384,
                KeyReference::Signature,
                &[0x11; 48]
            )),
            format!("0087149C367C3482008130{}00", "11".repeat(48))
        );
        assert_eq!(
            short(&agree(
                Algorithm::P256,
                KeyReference::KeyManagement,
                &[0x04; 65]
            )),
            format!("0087119D477C4582008541{}00", "04".repeat(65))
        );
        assert_eq!(
            short(&agree(
                Algorithm::P384,
                KeyReference::KeyManagement,
                &[0x04; 97]
            )),
            format!("0087149D677C6582008561{}00", "04".repeat(97))
        );
        let header = |algorithm, size| {
            let command =
                private_key_operation(algorithm, KeyReference::Authentication, &vec![0x22; size]);
            (
                command.data.len(),
                hex::encode_upper(&command.data[..command.data.len() - size]),
            )
        };
        assert_eq!(
            header(Algorithm::Rsa2048, 256),
            (266, "7C820106820081820100".to_owned())
        );
        assert_eq!(
            header(Algorithm::Rsa3072, 384),
            (394, "7C820186820081820180".to_owned())
        );
    }

    #[test]
    fn key_generation_names_the_mechanism() {
        assert_eq!(
            short(&generate(KeyReference::Authentication, Algorithm::P256)),
            "0047009A05AC0380011100"
        );
    }

    #[test]
    fn set_management_key_carries_algorithm_reference_and_length() {
        let key: Vec<u8> = (0x40..0x50).collect();
        let key = AdminKey::new(Algorithm::Aes128, &key).unwrap();
        assert_eq!(
            short(&set_admin_key(&key)),
            "00FFFFFF13089B10404142434445464748494A4B4C4D4E4F"
        );
    }

    #[test]
    fn select_names_the_application() {
        assert_eq!(
            short(&select(&crate::words::AID)),
            "00A404000BA00000030800001000010000"
        );
    }
}
