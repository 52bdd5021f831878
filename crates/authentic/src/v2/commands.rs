//! The commands of AuthentIC v2.2 as APDUs: one small builder each, no state.

use iso7816::{Command, Expected, Instruction};

use super::NewFile;
use crate::secrets::UnblockingCode;
use crate::words::v2::{self as words, PIN_FIELD};
use crate::words::{
    COMPUTE_SIGNATURE, CONFIDENTIALITY_TEMPLATE, CREATE_FILE, DECIPHER, DELETE_FILE, LIST_FILES,
    PERFORM_SECURITY_OPERATION, SIGNATURE_TEMPLATE, UPDATE_BINARY,
};

/// The class of this application's own commands.
const OWN_CLASS: u8 = 0x80;
/// Most bytes of one READ BINARY.
pub const READ_STEP: usize = 256;
/// Most bytes of one UPDATE BINARY.
pub const UPDATE_STEP: usize = 255;

/// SELECT of the card manager.
#[must_use]
pub fn select_card_manager() -> Command {
    select_application(&[0xA0, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00])
}

/// GET DATA of the card production life cycle data, `80 CA 9F 7F 2D`.
#[must_use]
pub fn get_cplc() -> Command {
    Command::new(OWN_CLASS, Instruction::GET_DATA_P1P2, 0x9F, 0x7F)
        .with_expected(Expected::new(0x2D))
}

/// SELECT by application identifier.
#[must_use]
pub fn select_application(aid: &[u8]) -> Command {
    Command::new(0x00, Instruction::SELECT, 0x04, 0x00)
        .with_data(aid)
        .with_expected(Expected::SHORT_MAX)
}

/// SELECT of a file in the current dedicated file; the answer describes it.
#[must_use]
pub fn select(identifier: u16) -> Command {
    Command::new(0x00, Instruction::SELECT, 0x00, 0x00)
        .with_data(identifier.to_be_bytes())
        .with_expected(Expected::SHORT_MAX)
}

/// SELECT of a file in the current dedicated file, without answer data.
#[must_use]
pub fn select_silently(identifier: u16) -> Command {
    Command::new(0x00, Instruction::SELECT, 0x00, 0x0C).with_data(identifier.to_be_bytes())
}

/// SELECT of the dedicated file above the current one.
#[must_use]
pub fn select_parent() -> Command {
    Command::new(0x00, Instruction::SELECT, 0x03, 0x00).with_expected(Expected::SHORT_MAX)
}

/// The same without answer data, so that nothing makes the command go twice, one file further up
/// each time: over T=0 a card may ask for it again with another Le.
#[must_use]
pub fn select_parent_silently() -> Command {
    Command::new(0x00, Instruction::SELECT, 0x03, 0x0C)
}

/// LIST FILES.
#[must_use]
pub fn list_files() -> Command {
    Command::new(OWN_CLASS, Instruction(LIST_FILES), 0x00, 0x00).with_expected(Expected::new(0x40))
}

/// CREATE FILE; `records` is the number of records of a file of records, else 0.
#[must_use]
pub fn create_file(file: &NewFile, records: u8) -> Command {
    Command::new(0x00, Instruction(CREATE_FILE), 0x00, records).with_data(file.to_bytes())
}

/// DELETE FILE of a file that holds no others.
#[must_use]
pub fn delete_file(identifier: u16) -> Command {
    Command::new(0x00, Instruction(DELETE_FILE), 0x02, 0x00).with_data(identifier.to_be_bytes())
}

/// DELETE FILE of an empty dedicated file.
#[must_use]
pub fn delete_dedicated_file(identifier: u16) -> Command {
    Command::new(0x00, Instruction(DELETE_FILE), 0x01, 0x00).with_data(identifier.to_be_bytes())
}

/// READ BINARY of the selected file; offsets below 32,768, 1 to 256 bytes.
#[must_use]
pub fn read_binary(offset: u16, length: usize) -> Command {
    let [p1, p2] = offset.to_be_bytes();
    Command::new(0x00, Instruction(0xB0), p1 & 0x7F, p2).with_expected(Expected::new(length as u32))
}

/// UPDATE BINARY of the selected file; offsets below 32,768.
#[must_use]
pub fn update_binary(offset: u16, bytes: &[u8]) -> Command {
    let [p1, p2] = offset.to_be_bytes();
    Command::new(0x00, Instruction(UPDATE_BINARY), p1 & 0x7F, p2).with_data(bytes)
}

/// READ RECORD by number, from 1.
#[must_use]
pub fn read_record(number: u8) -> Command {
    Command::new(0x00, Instruction(words::READ_RECORD), number, 0x04)
        .with_expected(Expected::SHORT_MAX)
}

/// APPEND RECORD.
#[must_use]
pub fn append_record(bytes: &[u8]) -> Command {
    Command::new(0x00, Instruction(words::APPEND_RECORD), 0x00, 0x00).with_data(bytes)
}

/// UPDATE RECORD by number, from 1.
#[must_use]
pub fn update_record(number: u8, bytes: &[u8]) -> Command {
    Command::new(0x00, Instruction(words::UPDATE_RECORD), number, 0x04).with_data(bytes)
}

/// DELETE RECORD by number, from 1.
#[must_use]
pub fn delete_record(number: u8) -> Command {
    Command::new(OWN_CLASS, Instruction(words::DELETE_RECORD), number, 0x04)
}

/// VERIFY with a passcode filled up to 64 bytes.
#[must_use]
pub fn verify(reference: u8, field: &[u8]) -> Command {
    Command::new(0x00, Instruction::VERIFY, 0x00, reference).with_data(field)
}

/// VERIFY without data: asks for the state, spends no try.
#[must_use]
pub fn read_tries(reference: u8) -> Command {
    Command::new(0x00, Instruction::VERIFY, 0x00, reference)
}

/// CHANGE REFERENCE DATA: old, then new, each filled up to 64 bytes.
#[must_use]
pub fn change(reference: u8, old: &[u8], new: &[u8]) -> Command {
    let mut data = Vec::with_capacity(old.len() + new.len());
    data.extend_from_slice(old);
    data.extend_from_slice(new);
    Command::new(
        0x00,
        Instruction::CHANGE_REFERENCE_DATA,
        0x00,
        number(reference),
    )
    .with_data(data)
}

/// Sets a passcode (CHANGE REFERENCE DATA with P1 01): tries, `40`, the passcode filled up to 64
/// bytes; with an unblocking code also its tries, `01` and the code.
#[must_use]
pub fn define(
    reference: u8,
    tries: u8,
    field: &[u8],
    unblocking: Option<(u8, &UnblockingCode)>,
) -> Command {
    let mut data = Vec::with_capacity(2 + field.len() + 2 + words::PUK_FIELD);
    data.extend_from_slice(&[tries, PIN_FIELD as u8]);
    data.extend_from_slice(field);
    if let Some((tries, code)) = unblocking {
        data.extend_from_slice(&[tries, 1]);
        data.extend_from_slice(code.bytes());
    }
    Command::new(
        0x00,
        Instruction::CHANGE_REFERENCE_DATA,
        0x01,
        number(reference),
    )
    .with_data(data)
}

/// RESET RETRY COUNTER of the holder's passcode: unblocking code, then the new passcode filled up
/// to 64 bytes.
#[must_use]
pub fn unblock(code: &UnblockingCode, new: &[u8]) -> Command {
    let mut data = Vec::with_capacity(words::PUK_FIELD + new.len());
    data.extend_from_slice(code.bytes());
    data.extend_from_slice(new);
    Command::new(
        0x00,
        Instruction::RESET_RETRY_COUNTER,
        0x00,
        number(words::USER_PIN),
    )
    .with_data(data)
}

/// LOG OUT of a passcode.
#[must_use]
pub fn log_out(reference: u8) -> Command {
    Command::new(
        OWN_CLASS,
        Instruction(words::LOG_OUT),
        0x00,
        words::logout_reference(reference),
    )
}

/// GET CHALLENGE: random bytes, 1 to 255.
#[must_use]
pub fn get_challenge(length: usize) -> Command {
    Command::new(0x00, Instruction::GET_CHALLENGE, 0x00, 0x00)
        .with_expected(Expected::new(length as u32))
}

/// MANAGE SECURITY ENVIRONMENT: RSA with PKCS#1 padding for signatures.
#[must_use]
pub fn set_signature() -> Command {
    environment(SIGNATURE_TEMPLATE)
}

/// MANAGE SECURITY ENVIRONMENT: RSA with PKCS#1 padding for deciphering.
#[must_use]
pub fn set_decipherment() -> Command {
    environment(CONFIDENTIALITY_TEMPLATE)
}

/// PERFORM SECURITY OPERATION: signature over a DigestInfo of at most 96 bytes.
#[must_use]
pub fn sign(digest_info: &[u8]) -> Command {
    let (p1, p2) = COMPUTE_SIGNATURE;
    Command::new(0x00, Instruction(PERFORM_SECURITY_OPERATION), p1, p2)
        .with_data(digest_info)
        .with_expected(Expected::SHORT_MAX)
}

/// PERFORM SECURITY OPERATION: decipher. A cryptogram of 256 bytes goes as 8, then 248.
#[must_use]
pub fn decipher(cryptogram: &[u8]) -> Vec<Command> {
    let (p1, p2) = DECIPHER;
    let command = |class, data: &[u8]| {
        Command::new(class, Instruction(PERFORM_SECURITY_OPERATION), p1, p2).with_data(data)
    };
    match cryptogram.split_at_checked(8) {
        Some((first, rest)) if cryptogram.len() == 256 => vec![
            command(Command::CHAINING, first),
            command(0x00, rest).with_expected(Expected::SHORT_MAX),
        ],
        _ => vec![command(0x00, cryptogram).with_expected(Expected::SHORT_MAX)],
    }
}

/// GENERATE ASYMMETRIC KEY PAIR with exponent 65537 into two key files that are there.
#[must_use]
pub fn generate(public: u16, private: u16) -> Command {
    let mut data = public.to_be_bytes().to_vec();
    data.extend_from_slice(&private.to_be_bytes());
    Command::new(0x00, Instruction(words::GENERATE), 0x00, 0x00)
        .with_data(data)
        .with_expected(Expected::SHORT_MAX)
}

/// READ COMPONENT of the selected public key: 1 modulus, 2 exponent.
#[must_use]
pub fn read_component(number: u8) -> Command {
    Command::new(OWN_CLASS, Instruction(words::READ_COMPONENT), number, 0x00)
        .with_expected(Expected::SHORT_MAX)
}

/// WRITE COMPONENT of the selected key: `kind` is [`PUBLIC`] or [`PRIVATE`]. A value of 256 bytes
/// goes as 32, then 224.
#[must_use]
pub fn write_component(kind: u8, number: u8, value: &[u8]) -> Vec<Command> {
    let command = |class, value: &[u8]| {
        let mut data = Vec::with_capacity(value.len() + 3);
        // At most 224: longer values are split.
        data.extend_from_slice(&[kind, value.len() as u8]);
        data.extend_from_slice(value);
        data.push(0);
        Command::new(class, Instruction(words::WRITE_COMPONENT), number, 0x04).with_data(data)
    };
    match value.split_at_checked(32) {
        Some((first, rest)) if value.len() == 256 => vec![
            command(OWN_CLASS | Command::CHAINING, first),
            command(OWN_CLASS, rest),
        ],
        _ => vec![command(OWN_CLASS, value)],
    }
}

/// Kind of component: of a public key.
pub const PUBLIC: u8 = 0xA1;
/// Kind of component: of a private key, Chinese remainder values.
pub const PRIVATE: u8 = 0xA3;

fn environment(template: u8) -> Command {
    Command::new(
        0x00,
        Instruction::MANAGE_SECURITY_ENVIRONMENT,
        0x41,
        template,
    )
    .with_data([0x80, 0x01, words::ALGORITHM_PKCS1])
}

/// The reference as CHANGE, DEFINE and UNBLOCK take it: without the bit that says it is local.
const fn number(reference: u8) -> u8 {
    reference & 0x7F
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(command: &Command) -> String {
        hex::encode_upper(&*command.to_short().unwrap())
    }

    #[test]
    fn files_are_selected_listed_and_deleted() {
        assert_eq!(short(&select_card_manager()), "00A4040007A000000003000000");
        assert_eq!(short(&get_cplc()), "80CA9F7F2D");
        assert_eq!(short(&select(0x5011)), "00A4000002501100");
        assert_eq!(short(&select_silently(0x5011)), "00A4000C025011");
        assert_eq!(short(&select_parent()), "00A4030000");
        assert_eq!(short(&select_parent_silently()), "00A4030C");
        assert_eq!(short(&list_files()), "8034000040");
        assert_eq!(short(&delete_file(0x2001)), "00E40200022001");
        assert_eq!(short(&delete_record(3)), "80320304");
        assert_eq!(short(&read_record(1)), "00B2010400");
        assert_eq!(short(&read_binary(0x0110, 256)), "00B0011000");
    }

    #[test]
    fn passcodes_go_without_the_local_bit_where_they_are_changed() {
        let (old, new) = ([0x31; 64], [0x32; 64]);
        assert!(short(&verify(0x81, &old)).starts_with("0020008140"));
        assert!(short(&change(0x81, &old, &new)).starts_with("0024000180"));
        let code = UnblockingCode::new([7; 16]);
        let command = short(&define(0x81, 3, &new, Some((5, &code))));
        assert!(command.starts_with("002401015403403232"));
        assert!(command.ends_with(&("0501".to_owned() + &"07".repeat(16))));
        assert!(short(&unblock(&code, &new)).starts_with("002C000150070707"));
        assert_eq!(short(&log_out(0x81)), "802E0021");
        assert_eq!(short(&log_out(0x04)), "802E0024");
    }

    #[test]
    fn long_cryptograms_and_components_are_split_as_the_card_wants_them() {
        let parts = decipher(&[9; 256]);
        assert!(short(&parts[0]).starts_with("102A80860809"));
        assert!(short(&parts[1]).starts_with("002A8086F809"));
        assert_eq!(decipher(&[9; 128]).len(), 1);
        let parts = write_component(PUBLIC, 1, &[9; 256]);
        assert!(short(&parts[0]).starts_with("90D8010423A12009"));
        assert!(short(&parts[1]).starts_with("80D80104E3A1E009"));
        assert!(short(&parts[1]).ends_with("00"));
        assert_eq!(
            short(&write_component(PUBLIC, 2, &[1, 0, 1])[0]),
            "80D8020406A10301000100"
        );
        assert_eq!(short(&set_signature()), "002241B603800111");
        assert_eq!(short(&generate(0x1012, 0x3001)), "00460000041012300100");
        assert_eq!(short(&read_component(2)), "80B4020000");
    }
}
