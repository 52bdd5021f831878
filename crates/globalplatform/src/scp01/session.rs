//! Session keys, cryptograms and the protection of commands (Card Specification 2.1.1, D.3).

use std::fmt;

use iso7816::{Command, Expected};
use zeroize::Zeroizing;

use super::key::Block;
use super::{BLOCK_SIZE, DesKey, MAX_DATA, Scp01Error, StaticKeys};

/// CLA bit 3: GlobalPlatform secure messaging.
pub(super) const SECURE_MESSAGING: u8 = 0x04;

/// The state of a session on the host.
pub(super) struct Session {
    pub(super) encryption: DesKey,
    pub(super) mac: DesKey,
    host_challenge: Block,
    card_challenge: Block,
    /// The MAC of the command before; zeros before the first.
    pub(super) chain: Block,
}

impl Session {
    pub(super) fn new(keys: &StaticKeys, host_challenge: Block, card_challenge: Block) -> Self {
        let (host, card) = (host_challenge, card_challenge);
        let key = |from: &DesKey| {
            let mut data = Zeroizing::new([0; 16]);
            for (at, half) in [&card[4..], &host[..4], &card[..4], &host[4..]]
                .into_iter()
                .enumerate()
            {
                data[4 * at..4 * at + 4].copy_from_slice(half);
            }
            from.encrypt_ecb(&mut *data);
            DesKey::new(&data)
        };
        Self {
            encryption: key(&keys.encryption),
            mac: key(&keys.mac),
            host_challenge,
            card_challenge,
            chain: [0; BLOCK_SIZE],
        }
    }

    /// By which the card proves that it has the keys.
    pub(super) fn card_cryptogram(&self) -> Block {
        self.cryptogram(&self.host_challenge, &self.card_challenge)
    }

    /// By which the host proves that it has them.
    pub(super) fn host_cryptogram(&self) -> Block {
        self.cryptogram(&self.card_challenge, &self.host_challenge)
    }

    fn cryptogram(&self, first: &Block, second: &Block) -> Block {
        let challenges = [&first[..], second].concat();
        self.encryption.mac(&[0; BLOCK_SIZE], &challenges)
    }

    /// Adds the MAC alone, as EXTERNAL AUTHENTICATE has it.
    pub(super) fn authenticate(&mut self, command: &Command) -> Command {
        let mac = self.next_mac(command);
        protected(command, &command.data, &mac)
    }

    /// Adds the MAC over header and plain data, then encrypts the data behind its length. A
    /// command that cannot be sent leaves the session as it was.
    pub(super) fn wrap(&mut self, command: &Command) -> Result<Command, Scp01Error> {
        let length = command.data.len();
        if length > MAX_DATA {
            return Err(Scp01Error::TooLong { length });
        }
        let mac = self.next_mac(command);
        let mut data = Zeroizing::new(Vec::with_capacity(length + 1 + BLOCK_SIZE));
        if length > 0 {
            data.push(length as u8);
            data.extend_from_slice(&command.data);
            // Padded only if it is no whole number of blocks.
            if !data.len().is_multiple_of(BLOCK_SIZE) {
                data.push(0x80);
                let whole = data.len().next_multiple_of(BLOCK_SIZE);
                data.resize(whole, 0);
            }
            self.encryption.encrypt_cbc(&[0; BLOCK_SIZE], &mut data);
        }
        Ok(protected(command, &data, &mac))
    }

    /// The MAC over the header as the card will see it and the plain data.
    fn next_mac(&mut self, command: &Command) -> Block {
        let length = (command.data.len() + BLOCK_SIZE) as u8;
        let header = [
            command.class | SECURE_MESSAGING,
            command.instruction.0,
            command.p1,
            command.p2,
            length,
        ];
        let mut input = Zeroizing::new(Vec::with_capacity(header.len() + command.data.len()));
        input.extend_from_slice(&header);
        input.extend_from_slice(&command.data);
        self.chain = self.mac.mac(&self.chain, &input);
        self.chain
    }
}

fn protected(command: &Command, data: &[u8], mac: &Block) -> Command {
    let mut whole = Vec::with_capacity(data.len() + BLOCK_SIZE);
    whole.extend_from_slice(data);
    whole.extend_from_slice(mac);
    let class = command.class | SECURE_MESSAGING;
    let command_of = Command::new(class, command.instruction, command.p1, command.p2);
    Command {
        // Short length fields only: what is longer comes by GET RESPONSE.
        expected: command
            .expected
            .map(|expected| expected.min(Expected::SHORT_MAX)),
        ..command_of.with_data(whole)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}
