//! The card's side of SCP01 as AuthentIC speaks it (GlobalPlatform Card Specification 2.1.1,
//! appendix D, with the key derivation and the padding of `src/smm` in OpenSC): Triple DES keys of
//! 16 bytes, commands encrypted and with a MAC, responses in clear.

use cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use des::TdesEde2;
use iso7816::{Command, StatusWord};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of a block, a challenge, a cryptogram and a MAC.
pub(super) const BLOCK: usize = 8;
/// Bytes of a key.
pub(super) const KEY: usize = 16;
/// The one security level: commands encrypted and with a MAC.
pub(super) const LEVEL: u8 = 0x03;
/// CLA bit 3: secure messaging of GlobalPlatform.
pub(super) const PROTECTED: u8 = 0x04;
/// Bytes of the diversification data.
pub(super) const DIVERSIFICATION: usize = 10;

/// The static keys ENC, MAC and KEK. The last wraps keys in commands this card does not have.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct StaticKeys {
    encryption: [u8; KEY],
    mac: [u8; KEY],
    key_encryption: [u8; KEY],
}

impl StaticKeys {
    /// From ENC, MAC and KEK one after the other.
    pub(super) fn new(keys: &[u8; 3 * KEY]) -> Self {
        let part = |at: usize| {
            let mut key = [0; KEY];
            key.copy_from_slice(&keys[at * KEY..][..KEY]);
            key
        };
        Self {
            encryption: part(0),
            mac: part(1),
            key_encryption: part(2),
        }
    }

    /// The keys of one card from a master key: key i is the master's encryption of
    /// `0000 d6..d9 F0 i 0000 d6..d9 0F i`.
    pub(super) fn diversified(master: &[u8; KEY], data: &[u8; DIVERSIFICATION]) -> Self {
        let engine = Engine::new(master);
        let of_card = &data[6..];
        let mut keys = Zeroizing::new([0; 3 * KEY]);
        for (index, key) in (1..).zip(keys.chunks_exact_mut(KEY)) {
            for (half, kind) in key.chunks_exact_mut(BLOCK).zip([0xF0, 0x0F]) {
                let mut block = [0; BLOCK];
                block[2..6].copy_from_slice(of_card);
                block[6..].copy_from_slice(&[kind, index]);
                half.copy_from_slice(&engine.encrypt(block));
            }
        }
        Self::new(&keys)
    }
}

/// Between INITIALIZE UPDATE and the end of the session.
pub(super) struct SecureSession {
    encryption: Engine,
    mac: Engine,
    host_challenge: [u8; BLOCK],
    card_challenge: [u8; BLOCK],
    chain: [u8; BLOCK],
    open: bool,
}

impl SecureSession {
    pub(super) fn begin(
        keys: &StaticKeys,
        host_challenge: [u8; BLOCK],
        card_challenge: [u8; BLOCK],
    ) -> Self {
        let session_key = |key: &[u8; KEY]| {
            let (host, card) = (&host_challenge, &card_challenge);
            let derived = [&card[4..], &host[..4], &card[..4], &host[4..]].concat();
            let engine = Engine::new(key);
            let mut session = Zeroizing::new([0; KEY]);
            let blocks = derived.as_chunks::<BLOCK>().0;
            for (to, block) in session.chunks_exact_mut(BLOCK).zip(blocks) {
                to.copy_from_slice(&engine.encrypt(*block));
            }
            Engine::new(&session)
        };
        Self {
            encryption: session_key(&keys.encryption),
            mac: session_key(&keys.mac),
            host_challenge,
            card_challenge,
            chain: [0; BLOCK],
            open: false,
        }
    }

    /// Proves to the host that the card has the keys.
    pub(super) fn card_cryptogram(&self) -> [u8; BLOCK] {
        self.cryptogram(&self.host_challenge, &self.card_challenge)
    }

    /// Whether this is the right EXTERNAL AUTHENTICATE; then the session is open.
    pub(super) fn authenticate(&mut self, command: &Command) -> bool {
        let Some((cryptogram, mac)) = command.data.split_first_chunk::<BLOCK>() else {
            return false;
        };
        let expected = self.cryptogram(&self.card_challenge, &self.host_challenge);
        self.open =
            self.continues(command, cryptogram, mac) && bool::from(expected.ct_eq(cryptogram));
        self.open
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// The command in clear, its class without the sign of protection.
    ///
    /// # Errors
    ///
    /// 6987 without a MAC, 6988 with a wrong one; after either the session must not go on.
    pub(super) fn unwrap(&mut self, command: &Command) -> Result<Command, StatusWord> {
        const WRONG: StatusWord = StatusWord::SM_OBJECTS_INCORRECT;
        let length = command
            .data
            .len()
            .checked_sub(BLOCK)
            .ok_or(StatusWord::SM_OBJECTS_MISSING)?;
        let (encrypted, mac) = command.data.split_at(length);
        let data = self.decrypt(encrypted).ok_or(WRONG)?;
        if !self.continues(command, &data, mac) {
            return Err(WRONG);
        }
        Ok(Command {
            class: command.class & !PROTECTED,
            data,
            ..command.clone()
        })
    }

    /// Whether this is the MAC over header and plain data; it is then the next link of the chain.
    fn continues(&mut self, command: &Command, plain: &[u8], mac: &[u8]) -> bool {
        let Some(message) = message(command, plain) else {
            return false;
        };
        let expected = self.mac.chain(self.chain, &message);
        let right = bool::from(expected.ct_eq(mac));
        if right {
            self.chain = expected;
        }
        right
    }

    /// The data of a command: encrypted are its length in one byte, the data, and `80 00..` unless
    /// that was whole blocks already.
    fn decrypt(&self, encrypted: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (blocks, []) = encrypted.as_chunks::<BLOCK>() else {
            return None;
        };
        if blocks.is_empty() {
            return Some(Zeroizing::new(Vec::new()));
        }
        let mut plain = Zeroizing::new(Vec::with_capacity(encrypted.len()));
        let mut last = [0; BLOCK];
        for block in blocks {
            plain.extend_from_slice(&xor(self.encryption.decrypt(*block), last));
            last = *block;
        }
        let (&length, rest) = plain.split_first()?;
        let (data, padding) = rest.split_at_checked(length.into())?;
        let right = match padding {
            [] => true,
            [first, zeroes @ ..] => {
                *first == 0x80 && zeroes.len() < BLOCK && zeroes.iter().all(|&byte| byte == 0)
            }
        };
        (right && padding.len() < BLOCK).then(|| Zeroizing::new(data.to_vec()))
    }

    fn cryptogram(&self, first: &[u8; BLOCK], second: &[u8; BLOCK]) -> [u8; BLOCK] {
        let end = [0x80, 0, 0, 0, 0, 0, 0, 0];
        self.encryption
            .chain([0; BLOCK], &[*first, *second, end].concat())
    }
}

/// What a MAC is over: the header, the length of data and MAC, the plain data, and `80 00..`;
/// `None` for more data than there can be.
fn message(command: &Command, plain: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let length = u8::try_from(plain.len() + BLOCK).ok()?;
    let mut message = Zeroizing::new(vec![
        command.class,
        command.instruction.0,
        command.p1,
        command.p2,
        length,
    ]);
    message.extend_from_slice(plain);
    message.push(0x80);
    let padded = message.len().next_multiple_of(BLOCK);
    message.resize(padded, 0);
    Some(message)
}

/// Triple DES with two keys.
struct Engine(Box<TdesEde2>);

impl Engine {
    fn new(key: &[u8; KEY]) -> Self {
        Self(Box::new(TdesEde2::new(key.into())))
    }

    fn encrypt(&self, block: [u8; BLOCK]) -> [u8; BLOCK] {
        let mut block: Block<TdesEde2> = block.into();
        self.0.encrypt_block(&mut block);
        block.into()
    }

    fn decrypt(&self, block: [u8; BLOCK]) -> [u8; BLOCK] {
        let mut block: Block<TdesEde2> = block.into();
        self.0.decrypt_block(&mut block);
        block.into()
    }

    /// The last block of CBC over whole blocks.
    fn chain(&self, iv: [u8; BLOCK], message: &[u8]) -> [u8; BLOCK] {
        let (blocks, _) = message.as_chunks::<BLOCK>();
        blocks
            .iter()
            .fold(iv, |last, block| self.encrypt(xor(*block, last)))
    }
}

fn xor(one: [u8; BLOCK], other: [u8; BLOCK]) -> [u8; BLOCK] {
    let mut out = one;
    for (to, from) in out.iter_mut().zip(other) {
        *to ^= from;
    }
    out
}

#[cfg(test)]
pub(super) mod tests {
    use iso7816::{Expected, Instruction};
    use proptest::prelude::*;

    use super::*;

    const KEYS: [u8; 3 * KEY] = [0x40; 3 * KEY];
    const HOST: [u8; BLOCK] = [1, 2, 3, 4, 5, 6, 7, 8];
    const CARD: [u8; BLOCK] = [0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8];

    fn session() -> SecureSession {
        SecureSession::begin(&StaticKeys::new(&KEYS), HOST, CARD)
    }

    /// The other side, for the tests: the same chain of MACs, encryption the other way.
    pub(in crate::card::authentic::v3) struct Host(
        pub(in crate::card::authentic::v3) SecureSession,
    );

    impl Host {
        fn mac(&mut self, command: &Command, plain: &[u8]) -> [u8; BLOCK] {
            let message = message(command, plain).unwrap();
            self.0.chain = self.0.mac.chain(self.0.chain, &message);
            self.0.chain
        }

        pub(in crate::card::authentic::v3) fn external_authenticate(&mut self) -> Command {
            let (card, host) = (self.0.card_challenge, self.0.host_challenge);
            let cryptogram = self.0.cryptogram(&card, &host);
            let command = Command::new(0x84, Instruction::EXTERNAL_AUTHENTICATE, LEVEL, 0);
            let mac = self.mac(&command, &cryptogram);
            command.with_data([cryptogram, mac].concat())
        }

        pub(in crate::card::authentic::v3) fn wrap(&mut self, plain: &Command) -> Command {
            let mut command = plain.clone();
            command.class |= PROTECTED;
            let mac = self.mac(&command, &plain.data);
            let mut data = Vec::new();
            if !plain.data.is_empty() {
                data.push(u8::try_from(plain.data.len()).unwrap());
                data.extend_from_slice(&plain.data);
                if data.len() % BLOCK != 0 {
                    data.push(0x80);
                    data.resize(data.len().next_multiple_of(BLOCK), 0);
                }
                let mut last = [0; BLOCK];
                for block in data.as_chunks_mut::<BLOCK>().0 {
                    last = self.0.encryption.encrypt(xor(*block, last));
                    *block = last;
                }
            }
            data.extend_from_slice(&mac);
            command.with_data(data)
        }
    }

    fn opened() -> (SecureSession, Host) {
        let (mut card, mut host) = (session(), Host(session()));
        assert!(card.authenticate(&host.external_authenticate()));
        (card, host)
    }

    /// Computed with OpenSSL: `openssl enc -des-ede` in ECB and CBC mode over the data named in
    /// the facts, keys and challenges as above.
    #[test]
    fn session_keys_and_cryptograms_are_those_openssl_computes() {
        let session = session();
        assert_eq!(hex::encode(session.card_cryptogram()), "8622ae04196015b7");
        let host = session.cryptogram(&CARD, &HOST);
        assert_eq!(hex::encode(host), "e17f71ce8f52a338");
    }

    /// Computed with OpenSSL: `openssl enc -des-ede` in ECB mode with the master key 10..1F.
    #[test]
    fn diversified_keys_are_those_openssl_computes() {
        let master: [u8; KEY] = std::array::from_fn(|at| 0x10 + u8::try_from(at).unwrap());
        let data = [0, 0, 0, 0, 0, 0, 0xD6, 0xD7, 0xD8, 0xD9];
        let keys = StaticKeys::diversified(&master, &data);
        assert_eq!(
            hex::encode(keys.encryption),
            "4283dc6bb33b2e3bd17eddc7b2990ceb"
        );
        assert_eq!(hex::encode(keys.mac), "8ad00c96fe49457eac14896282dd77a6");
        assert_eq!(
            hex::encode(keys.key_encryption),
            "ef28ddb5be8424f32ccdda4d2b0b0bca"
        );
    }

    #[test]
    fn a_wrong_cryptogram_or_mac_opens_nothing() {
        for at in 0..2 * BLOCK {
            let mut command = Host(session()).external_authenticate();
            command.data[at] ^= 1;
            let mut card = session();
            assert!(!card.authenticate(&command), "byte {at}");
            assert!(!card.is_open());
        }
        assert!(!session().authenticate(&Command::new(0x84, Instruction(0x82), LEVEL, 0)));
    }

    #[test]
    fn a_command_comes_out_as_it_went_in_and_only_in_its_turn() {
        let (mut card, mut host) = opened();
        for length in [0_usize, 1, 6, 7, 8, 15, 16, 239] {
            let plain = Command::new(0x00, Instruction(0xD6), 0x01, 0x02)
                .with_data(vec![0x5A; length])
                .with_expected(Expected::SHORT_MAX);
            let wrapped = host.wrap(&plain);
            assert_eq!(card.unwrap(&wrapped), Ok(plain));
            assert_eq!(
                card.unwrap(&wrapped),
                Err(StatusWord::SM_OBJECTS_INCORRECT),
                "a second time"
            );
        }
    }

    #[test]
    fn header_and_data_are_both_under_the_mac() {
        let plain = Command::new(0x00, Instruction(0xD6), 1, 2).with_data(vec![1; 9]);
        let change: [fn(&mut Command); 5] = [
            |it| it.class |= 0x10,
            |it| it.instruction = Instruction(0xD0),
            |it| it.p1 ^= 1,
            |it| it.p2 ^= 1,
            |it| it.data[3] ^= 1,
        ];
        for change in change {
            let (mut card, mut host) = opened();
            let mut wrapped = host.wrap(&plain);
            change(&mut wrapped);
            assert_eq!(card.unwrap(&wrapped), Err(StatusWord::SM_OBJECTS_INCORRECT));
        }
        let (mut card, _) = opened();
        let bare = Command::new(0x04, Instruction(0xD6), 0, 0).with_data(vec![0; 7]);
        assert_eq!(card.unwrap(&bare), Err(StatusWord::SM_OBJECTS_MISSING));
    }

    proptest! {
        #[test]
        fn no_data_makes_it_panic_or_passes(
            data in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let (mut card, _) = opened();
            let command = Command::new(0x04, Instruction(0xD6), 0, 0).with_data(data);
            prop_assert!(card.unwrap(&command).is_err());
        }
    }
}
