//! Protecting commands and responses of an open session (Amendment D, 6.2.4 to 6.2.7).

use iso7816::{Command, Expected, Response};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::derivation::SessionKeys;
use super::key::{BLOCK_SIZE, Block};
use super::{Mode, Scp03Error, SecurityLevel};

/// CLA bit 3: GlobalPlatform secure messaging (Card Specification 2.3.1, 11.1.4).
const SECURE_MESSAGING: u8 = 0x04;

/// The most bytes behind a short Lc.
const MAX_DATA: usize = 255;

/// The state of a session on the host: keys, the command counter and the chain of command MACs.
#[derive(Debug)]
pub(super) struct Session {
    keys: SessionKeys,
    level: SecurityLevel,
    mode: Mode,
    /// The whole MAC of the command before; zeros before the first.
    chain: Block,
    /// Commands since EXTERNAL AUTHENTICATE.
    counter: u128,
}

impl Session {
    pub(super) fn new(keys: SessionKeys, level: SecurityLevel, mode: Mode) -> Self {
        Self {
            keys,
            level,
            mode,
            chain: [0; BLOCK_SIZE],
            counter: 0,
        }
    }

    /// Adds the MAC alone, as EXTERNAL AUTHENTICATE has it whatever the level.
    pub(super) fn authenticate(&mut self, command: &Command) -> Result<Command, Scp03Error> {
        check_class(command)?;
        self.add_mac(command, command.data.clone())
    }

    /// Protects a command as the level asks. A command that cannot be sent leaves the session as
    /// it was.
    pub(super) fn wrap(&mut self, command: &Command) -> Result<Command, Scp03Error> {
        check_class(command)?;
        let counter = self.counter + 1;
        let data = if self.level.encrypts_commands() && !command.data.is_empty() {
            let mut data = padded(&command.data);
            let iv = self.keys.encryption.encrypt_block(&counter.to_be_bytes());
            self.keys.encryption.cbc_encrypt(&iv, &mut data);
            data
        } else {
            command.data.clone()
        };
        let wrapped = self.add_mac(command, data)?;
        self.counter = counter;
        Ok(wrapped)
    }

    /// Checks and decrypts the response to the command wrapped last.
    pub(super) fn unwrap(&self, response: Response) -> Result<Response, Scp03Error> {
        if !self.level.authenticates_responses() {
            return Ok(response);
        }
        let status = response.status;
        if !carries_data(&response) {
            // An error comes without MAC, so nothing that comes with it can be believed.
            return match response.data.len() {
                0 => Ok(response),
                length => Err(Scp03Error::UnprotectedData { status, length }),
            };
        }
        let Some((data, mac)) = split_end(&response.data, self.mode.length()) else {
            return Err(Scp03Error::ResponseMacMissing {
                status,
                length: response.data.len(),
            });
        };
        let expected = self
            .keys
            .response_mac
            .cmac(&[&self.chain, data, &status.0.to_be_bytes()]);
        if !bool::from(expected[..self.mode.length()].ct_eq(mac)) {
            return Err(Scp03Error::ResponseMac { status });
        }
        if !self.level.encrypts_responses() || data.is_empty() {
            return Ok(Response::new(data, status));
        }
        if !data.len().is_multiple_of(BLOCK_SIZE) {
            return Err(Scp03Error::ResponsePadding);
        }
        let mut counter = self.counter.to_be_bytes();
        counter[0] = 0x80;
        let iv = self.keys.encryption.encrypt_block(&counter);
        let mut plain = Zeroizing::new(data.to_vec());
        self.keys.encryption.cbc_decrypt(&iv, &mut plain);
        let length = unpadded(&plain).ok_or(Scp03Error::ResponsePadding)?;
        Ok(Response::new(&plain[..length], status))
    }

    fn add_mac(
        &mut self,
        command: &Command,
        data: Zeroizing<Vec<u8>>,
    ) -> Result<Command, Scp03Error> {
        let length = data.len() + self.mode.length();
        let lc = u8::try_from(length).map_err(|_| Scp03Error::TooLong {
            length,
            limit: MAX_DATA,
        })?;
        let class = command.class | SECURE_MESSAGING;
        let header = [class, command.instruction.0, command.p1, command.p2, lc];
        let mac = self.keys.mac.cmac(&[&self.chain, &header, &data]);
        self.chain = mac;
        let mut protected = Zeroizing::new(Vec::with_capacity(length));
        protected.extend_from_slice(&data);
        protected.extend_from_slice(&mac[..self.mode.length()]);
        let wrapped = Command::new(class, command.instruction, command.p1, command.p2);
        Ok(Command {
            data: protected,
            // Short length fields only: what is longer comes by GET RESPONSE.
            expected: command
                .expected
                .map(|expected| expected.min(Expected::SHORT_MAX)),
            ..wrapped
        })
    }
}

/// The basic logical channel, without chaining or other secure messaging.
fn check_class(command: &Command) -> Result<(), Scp03Error> {
    match command.class {
        0x00 | 0x80 => Ok(()),
        class => Err(Scp03Error::Class { class }),
    }
}

/// Whether the status word is one with which a card sends data and MAC: success or a warning.
fn carries_data(response: &Response) -> bool {
    response.status.is_ok() || matches!(response.status.sw1(), 0x62 | 0x63)
}

/// ISO/IEC 9797-1 padding method 2 to whole blocks: 80 00 ...
fn padded(data: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = (data.len() / BLOCK_SIZE + 1) * BLOCK_SIZE;
    let mut padded = Zeroizing::new(Vec::with_capacity(length));
    padded.extend_from_slice(data);
    padded.push(0x80);
    padded.resize(length, 0);
    padded
}

/// The length without padding. The bytes are authenticated already, so where they are looked at
/// tells nobody anything.
fn unpadded(data: &[u8]) -> Option<usize> {
    let last = data.iter().rposition(|&byte| byte != 0)?;
    (data[last] == 0x80 && data.len() - last <= BLOCK_SIZE).then_some(last)
}

/// The bytes without, and the last `length` of them.
fn split_end(bytes: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(bytes.len().checked_sub(length)?)
}

#[cfg(test)]
mod tests;
