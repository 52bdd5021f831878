//! Commands opened and responses sealed (SP 800-73-5 Part 2, 4.2).

use iso7816::ber::{self, Tag};
use iso7816::{Command, Expected, StatusWord};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::SECURED;
use super::key::{BLOCK, Block, EncryptionKey, MacKey};

/// Padding indicator and cryptogram.
const CRYPTOGRAM: Tag = Tag(0x87);
/// Le.
const LENGTH: Tag = Tag(0x97);
/// Status word.
const STATUS: Tag = Tag(0x99);
/// The beginning of the MAC.
const MAC: Tag = Tag(0x8E);

/// Bytes of a MAC on the wire.
const MAC_SIZE: usize = 8;

/// The padding indicator: 80, then zeros.
const PADDED: u8 = 0x01;

/// The keys and counters of one session, for as long as it lasts. Dropping it ends the session:
/// all keys zeroize themselves.
pub(in crate::card) struct SecureChannel {
    command_mac: MacKey,
    encryption: EncryptionKey,
    response_mac: MacKey,
    /// The counter of the command to come, or of the one not answered yet.
    counter: u128,
    /// The MAC of the command before, whole.
    command_chaining: Block,
    /// The MAC of the response before, whole.
    response_chaining: Block,
}

impl SecureChannel {
    pub(super) fn new(
        command_mac: MacKey,
        encryption: EncryptionKey,
        response_mac: MacKey,
    ) -> Self {
        Self {
            command_mac,
            encryption,
            response_mac,
            counter: 1,
            command_chaining: Block::default(),
            response_chaining: Block::default(),
        }
    }

    /// The plain command inside a protected one, all parts of a chain together.
    ///
    /// Whatever it refuses with ends the session: 6987 without a MAC, 6988 for anything wrong.
    pub(in crate::card) fn open(&mut self, command: &Command) -> Result<Command, StatusWord> {
        let objects = Objects::read(&command.data)?;
        let mut header = [0; BLOCK];
        header[..5].copy_from_slice(&[
            // As if it had come in one piece.
            SECURED,
            command.instruction.0,
            command.p1,
            command.p2,
            0x80,
        ]);
        let mac = self
            .command_mac
            .mac(&[&self.command_chaining, &header, objects.covered]);
        if !bool::from(mac[..MAC_SIZE].ct_eq(objects.mac)) {
            return Err(StatusWord::SM_OBJECTS_INCORRECT);
        }
        self.command_chaining = mac;
        let mut plain = Command::new(0x00, command.instruction, command.p1, command.p2);
        if let Some(cryptogram) = objects.cryptogram {
            plain.data = self
                .decrypt(cryptogram)
                .ok_or(StatusWord::SM_OBJECTS_INCORRECT)?;
        }
        plain.expected = objects.asks_for_data.then_some(Expected::SHORT_MAX);
        Ok(plain)
    }

    /// The protected response to the command last opened.
    pub(in crate::card) fn seal(&mut self, data: &[u8], status: StatusWord) -> Vec<u8> {
        /// Tag, length in three bytes and padding indicator before, one block of padding, and
        /// the objects 99 and 8E after.
        const OVERHEAD: usize = 5 + BLOCK + 4 + 2 + MAC_SIZE;
        let mut objects = Vec::with_capacity(data.len() + OVERHEAD);
        if !data.is_empty() {
            let padded = (data.len() / BLOCK + 1) * BLOCK;
            let mut cryptogram = Vec::with_capacity(1 + padded);
            cryptogram.push(PADDED);
            cryptogram.extend_from_slice(data);
            cryptogram.push(0x80);
            cryptogram.resize(1 + padded, 0x00);
            let mut counter = self.counter.to_be_bytes();
            counter[0] = 0x80;
            self.encryption
                .encrypt(self.encryption.block(counter), &mut cryptogram[1..]);
            ber::write(&mut objects, CRYPTOGRAM, &cryptogram);
        }
        ber::write(&mut objects, STATUS, &status.0.to_be_bytes());
        let mac = self.response_mac.mac(&[&self.response_chaining, &objects]);
        ber::write(&mut objects, MAC, &mac[..MAC_SIZE]);
        self.response_chaining = mac;
        // For every command, also where nothing was encrypted.
        self.counter = self.counter.wrapping_add(1);
        objects
    }

    fn decrypt(&self, cryptogram: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let vector = self.encryption.block(self.counter.to_be_bytes());
        let mut data = Zeroizing::new(cryptogram.to_vec());
        self.encryption.decrypt(vector, &mut data);
        let end = data.iter().rposition(|&byte| byte != 0x00)?;
        // The padding is at most one block and always there.
        if data[end] != 0x80 || data.len() - end > BLOCK {
            return None;
        }
        data.truncate(end);
        Some(data)
    }
}

/// The data field of a protected command: 87 and 97 where needed, then 8E.
struct Objects<'a> {
    /// Whole blocks, at least one.
    cryptogram: Option<&'a [u8]>,
    asks_for_data: bool,
    mac: &'a [u8],
    /// What the MAC is over: all before 8E.
    covered: &'a [u8],
}

impl<'a> Objects<'a> {
    fn read(data: &'a [u8]) -> Result<Self, StatusWord> {
        let wrong = StatusWord::SM_OBJECTS_INCORRECT;
        let mut cryptogram = None;
        let mut asks_for_data = false;
        let mut reader = ber::Reader::new(data);
        while let Some(object) = reader.next() {
            let object = object.map_err(|_| wrong)?;
            match (object.tag, object.value) {
                (CRYPTOGRAM, &[PADDED, ref blocks @ ..])
                    if cryptogram.is_none()
                        && !asks_for_data
                        && !blocks.is_empty()
                        && blocks.len().is_multiple_of(BLOCK) =>
                {
                    cryptogram = Some(blocks);
                }
                (LENGTH, &[0x00]) if !asks_for_data => asks_for_data = true,
                (MAC, mac) if mac.len() == MAC_SIZE && reader.rest().is_empty() => {
                    return Ok(Self {
                        cryptogram,
                        asks_for_data,
                        mac,
                        covered: &data[..object.offset],
                    });
                }
                _ => return Err(wrong),
            }
        }
        Err(StatusWord::SM_OBJECTS_MISSING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The channel of card 04 of NIST Special Database 33, as published.
    fn recorded() -> SecureChannel {
        let bytes = |hex: &str| hex::decode(hex).unwrap();
        SecureChannel::new(
            MacKey::new(&bytes("AED7520D4E5C0D8C34FB4FB36DF1489B")),
            EncryptionKey::new(&bytes("612E8170C3DB2841E0D00F0A8B8AB115")),
            MacKey::new(&bytes("87290A94C43E9C0403B79E93DF66EB1D")),
        )
    }

    fn command(hex: &str) -> Command {
        Command::parse(&hex::decode(hex).unwrap()).unwrap()
    }

    const VERIFY: &str = "0C2000981D871101A1ADEA640D947C09C5123946D4A8DB238E08F50210986EDC453000";

    #[test]
    fn a_recorded_command_opens_and_its_response_is_as_recorded() {
        let mut channel = recorded();
        let plain = channel.open(&command(VERIFY)).unwrap();
        assert_eq!(plain.data.as_slice(), b"00000004");
        assert_eq!((plain.class, plain.p2, plain.expected), (0, 0x98, None));
        let response = channel.seal(&[], StatusWord::OK);
        assert_eq!(hex::encode_upper(response), "990290008E083003B41DEA2D3F32");
        assert_eq!(channel.counter, 2);
    }

    /// P2 4.2.
    #[test]
    fn objects_that_are_missing_or_wrong_have_words_of_their_own() {
        let open =
            |data: &str| recorded().open(&command(VERIFY).with_data(hex::decode(data).unwrap()));
        let cryptogram = "871101A1ADEA640D947C09C5123946D4A8DB23";
        let mac = "8E08F50210986EDC4530";
        for missing in ["", cryptogram, "970100"] {
            assert_eq!(
                open(missing).unwrap_err(),
                StatusWord::SM_OBJECTS_MISSING,
                "{missing}"
            );
        }
        for wrong in [
            mac.to_owned(),
            format!("{mac}{cryptogram}"),
            format!("{cryptogram}{mac}00"),
            format!("{cryptogram}{cryptogram}{mac}"),
            format!("970100{cryptogram}{mac}"),
            format!("{cryptogram}970108{mac}"),
            format!("{cryptogram}8E07F50210986EDC45"),
            format!("8710A1ADEA640D947C09C5123946D4A8DB23{mac}"),
            format!("871102A1ADEA640D947C09C5123946D4A8DB23{mac}"),
            format!("870101{mac}"),
            format!("8100{mac}"),
            "87".to_owned(),
            "FF".to_owned(),
        ] {
            assert_eq!(
                open(&wrong).unwrap_err(),
                StatusWord::SM_OBJECTS_INCORRECT,
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_cryptogram_without_padding_inside_is_wrong() {
        for (plain, unpadded) in [
            ([0x00; 16], None),
            ([0x11; 16], None),
            ([0x80; 16], Some(15)),
        ] {
            let channel = recorded();
            let mut data = plain;
            let vector = channel.encryption.block(1_u128.to_be_bytes());
            channel.encryption.encrypt(vector, &mut data);
            let length = channel.decrypt(&data).map(|plain| plain.len());
            assert_eq!(length, unpadded, "{plain:02X?}");
        }
        // A whole block of zeros behind the 80 is more padding than there can be.
        let channel = recorded();
        let mut data = [[0x80; 16], [0x00; 16]].concat();
        let vector = channel.encryption.block(1_u128.to_be_bytes());
        channel.encryption.encrypt(vector, &mut data);
        assert!(channel.decrypt(&data).is_none());
    }
}
