//! SCP03 on the card: opening what comes protected and protecting what goes back (Amendment D,
//! 6.2.4 to 6.2.7).

use iso7816::{Command, StatusWord};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::aes::{BLOCK, Engine};

const COMMANDS_ENCRYPTED: u8 = 0x02;
const RESPONSES_MACED: u8 = 0x10;
const RESPONSES_ENCRYPTED: u8 = 0x20;

/// Between INITIALIZE UPDATE and the end of the session.
pub(in crate::card) struct SecureSession {
    encryption: Engine,
    mac: Engine,
    response_mac: Engine,
    /// Encrypts keys that are loaded.
    pub(super) data_encryption: Engine,
    /// Both challenges, host's first.
    challenges: Vec<u8>,
    /// Bytes of challenges, cryptograms and MACs.
    length: usize,
    /// 00 until EXTERNAL AUTHENTICATE.
    level: u8,
    chain: [u8; BLOCK],
    /// Commands since EXTERNAL AUTHENTICATE.
    commands: u64,
}

impl SecureSession {
    /// From the static keys ENC, MAC, DEK; `None` if they are no AES keys.
    pub(super) fn begin(keys: [&[u8]; 3], challenges: Vec<u8>) -> Option<Self> {
        let [encryption, mac, data_encryption] = keys;
        let length = mac.len();
        let (from_encryption, from_mac) = (Engine::new(encryption)?, Engine::new(mac)?);
        Some(Self {
            encryption: Engine::new(&from_encryption.derive(0x04, &challenges, length))?,
            mac: Engine::new(&from_mac.derive(0x06, &challenges, length))?,
            response_mac: Engine::new(&from_mac.derive(0x07, &challenges, length))?,
            data_encryption: Engine::new(data_encryption)?,
            length: challenges.len() / 2,
            challenges,
            level: 0,
            chain: [0; BLOCK],
            commands: 0,
        })
    }

    pub(super) fn card_cryptogram(&self) -> Zeroizing<Vec<u8>> {
        self.mac.derive(0x00, &self.challenges, self.length)
    }

    /// Whether this is the right EXTERNAL AUTHENTICATE; then the session is open.
    pub(super) fn authenticate(&mut self, command: &Command) -> bool {
        let expected = self.mac.derive(0x01, &self.challenges, self.length);
        let Some(cryptogram) = self.without_mac(command) else {
            return false;
        };
        let right = bool::from(expected.as_slice().ct_eq(cryptogram));
        if right {
            self.level = command.p1;
        }
        right
    }

    pub(super) fn is_open(&self) -> bool {
        self.level != 0
    }

    /// The command in clear.
    ///
    /// # Errors
    ///
    /// 6988, after which the session must not go on.
    pub(super) fn open(&mut self, command: &Command) -> Result<Command, StatusWord> {
        const WRONG: StatusWord = StatusWord::SM_OBJECTS_INCORRECT;
        self.commands += 1;
        let data = self.without_mac(command).ok_or(WRONG)?;
        let plain = if self.level & COMMANDS_ENCRYPTED != 0 && !data.is_empty() {
            let iv = self.encryption.encrypt(self.counter(0x00));
            self.encryption.decrypt_padded(iv, data).ok_or(WRONG)?
        } else {
            Zeroizing::new(data.to_vec())
        };
        Ok(Command {
            class: command.class & !super::SECURE_MESSAGING,
            data: plain,
            ..command.clone()
        })
    }

    /// The data of a successful response, protected as the level asks.
    pub(super) fn seal(&self, data: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
        if self.level & RESPONSES_MACED == 0 {
            return data;
        }
        let mut sealed = if self.level & RESPONSES_ENCRYPTED != 0 && !data.is_empty() {
            let iv = self.encryption.encrypt(self.counter(0x80));
            Zeroizing::new(self.encryption.encrypt_padded(iv, &data))
        } else {
            data
        };
        let status = StatusWord::OK.0.to_be_bytes();
        let message = [&self.chain[..], &sealed, &status].concat();
        let mac = self.response_mac.mac(&message);
        sealed.extend_from_slice(&mac[..self.length]);
        sealed
    }

    /// The data before the MAC, if the MAC is right; it is then the next link of the chain.
    fn without_mac<'a>(&mut self, command: &'a Command) -> Option<&'a [u8]> {
        let lc = u8::try_from(command.data.len()).ok()?;
        let (data, mac) = command
            .data
            .split_at_checked(command.data.len().checked_sub(self.length)?)?;
        let header = [
            command.class,
            command.instruction.0,
            command.p1,
            command.p2,
            lc,
        ];
        let expected = self.mac.mac(&[&self.chain[..], &header, data].concat());
        let right = bool::from(expected[..self.length].ct_eq(mac));
        right.then(|| {
            self.chain = expected;
            data
        })
    }

    fn counter(&self, first: u8) -> [u8; BLOCK] {
        let mut counter = u128::from(self.commands).to_be_bytes();
        counter[0] = first;
        counter
    }
}
