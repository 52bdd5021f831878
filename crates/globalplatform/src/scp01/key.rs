use std::fmt;

use cipher::{BlockCipherEncrypt, KeyInit};
use des::TdesEde2;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{BLOCK_SIZE, KeyError};
use crate::scp03::DiversificationData;

pub(super) type Block = [u8; BLOCK_SIZE];

/// A two-key 3DES key: zeroized on drop, compared in constant time, not shown by `Debug`.
#[derive(Clone)]
pub struct DesKey(Zeroizing<[u8; 16]>);

impl DesKey {
    /// From its bytes; parity is not looked at.
    #[must_use]
    pub fn new(bytes: &[u8; 16]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// The bytes. Never log them.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn cipher(&self) -> TdesEde2 {
        TdesEde2::new_from_slice(&*self.0).expect("16 bytes are a two-key 3DES key")
    }

    /// ECB, in place. Bytes after the last whole block are left alone.
    pub(super) fn encrypt_ecb(&self, data: &mut [u8]) {
        let cipher = self.cipher();
        for block in data.chunks_exact_mut(BLOCK_SIZE) {
            cipher.encrypt_block(block.try_into().expect("a whole block"));
        }
    }

    /// CBC, in place. Bytes after the last whole block are left alone.
    pub(super) fn encrypt_cbc(&self, iv: &Block, data: &mut [u8]) {
        let cipher = self.cipher();
        let mut before = *iv;
        for block in data.chunks_exact_mut(BLOCK_SIZE) {
            for (byte, before) in block.iter_mut().zip(before) {
                *byte ^= before;
            }
            let block: &mut Block = block.try_into().expect("a whole block");
            cipher.encrypt_block(block.into());
            before = *block;
        }
    }

    /// The last block of CBC over the data, padded with 80 00 ... (Card Specification 2.1.1, D.1.3
    /// and B.1.2.1: full triple DES).
    pub(super) fn mac(&self, iv: &Block, data: &[u8]) -> Block {
        let mut padded = Zeroizing::new(Vec::with_capacity(data.len() + BLOCK_SIZE));
        padded.extend_from_slice(data);
        padded.push(0x80);
        let whole = padded.len().next_multiple_of(BLOCK_SIZE);
        padded.resize(whole, 0);
        self.encrypt_cbc(iv, &mut padded);
        let (_, last) = padded
            .split_last_chunk::<BLOCK_SIZE>()
            .expect("padding makes a block at least");
        *last
    }

    fn is_published(&self) -> bool {
        PUBLISHED
            .iter()
            .any(|first| (0..16).all(|at| self.0[at as usize] == first + at))
    }
}

/// The first byte of keys everybody knows, which count up from there: OpenSC's master key for
/// these cards (`sm-card-authentic.c`) and GlobalPlatform's default key.
const PUBLISHED: [u8; 2] = [0x10, 0x40];

impl PartialEq for DesKey {
    fn eq(&self, other: &Self) -> bool {
        self.0[..].ct_eq(&other.0[..]).into()
    }
}

impl Eq for DesKey {}

impl fmt::Debug for DesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DesKey(16 bytes)")
    }
}

/// The three static keys of a card.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StaticKeys {
    pub(super) encryption: DesKey,
    pub(super) mac: DesKey,
    /// Unchanged in a session; encrypts keys sent to the card manager.
    data_encryption: DesKey,
}

impl StaticKeys {
    fn of(encryption: DesKey, mac: DesKey, data_encryption: DesKey) -> Self {
        Self {
            encryption,
            mac,
            data_encryption,
        }
    }

    fn split(bytes: &[u8; 48]) -> Self {
        let key = |n: usize| DesKey::new(&std::array::from_fn(|at| bytes[16 * n + at]));
        Self::of(key(0), key(1), key(2))
    }

    fn in_order(&self) -> [&DesKey; 3] {
        [&self.encryption, &self.mac, &self.data_encryption]
    }

    /// The key that encrypts keys sent to the card.
    #[must_use]
    pub fn data_encryption(&self) -> &DesKey {
        &self.data_encryption
    }
}

/// Says that the station at hand is for tests: no card on it will go to a person.
///
/// Published keys are taken only from a caller who holds one. Make it where the operator has said
/// so, nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct TestStation(());

impl TestStation {
    /// The operator has marked this station as one for tests.
    #[must_use]
    pub const fn marked_by_operator() -> Self {
        Self(())
    }
}

/// A key of which each card has three of its own, made with the bytes by which it names itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MasterKey(DesKey);

impl MasterKey {
    /// A key only the issuer knows.
    ///
    /// # Errors
    ///
    /// [`KeyError::Published`] for one that everybody knows.
    pub fn new(bytes: &[u8; 16]) -> Result<Self, KeyError> {
        let key = DesKey::new(bytes);
        if key.is_published() {
            return Err(KeyError::Published);
        }
        Ok(Self(key))
    }

    /// Any key, at a station for tests.
    #[must_use]
    pub fn for_tests(bytes: &[u8; 16], _: TestStation) -> Self {
        Self(DesKey::new(bytes))
    }

    /// The keys of the card that names itself so: key i is 3DES of `00 00 d6 d7 d8 d9 F0 i` and
    /// `00 00 d6 d7 d8 d9 0F i` with i 1 for encryption, 2 for MACs, 3 for keys.
    #[must_use]
    pub fn of_card(&self, data: &DiversificationData) -> StaticKeys {
        let key = |number| {
            let mut blocks = Zeroizing::new([0; 16]);
            for (half, mark) in blocks.chunks_exact_mut(BLOCK_SIZE).zip([0xF0, 0x0F]) {
                half[2..6].copy_from_slice(&data[6..10]);
                half[6..].copy_from_slice(&[mark, number]);
            }
            self.0.encrypt_ecb(&mut *blocks);
            DesKey::new(&blocks)
        };
        StaticKeys::of(key(1), key(2), key(3))
    }
}

/// Where a card's keys come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CardKeys {
    /// They are these.
    Static(StaticKeys),
    /// They are made from a master key.
    Diversified(MasterKey),
}

impl CardKeys {
    /// A master key of 16 bytes, or three keys of 16 (encryption, MAC, keys) laid end to end.
    ///
    /// # Errors
    ///
    /// [`KeyError::Length`]; [`KeyError::Published`] if one of them is a key everybody knows.
    pub fn new(bytes: &[u8]) -> Result<Self, KeyError> {
        let keys = Self::any(bytes)?;
        let published = match &keys {
            Self::Static(keys) => keys.in_order().into_iter().any(DesKey::is_published),
            Self::Diversified(master) => master.0.is_published(),
        };
        if published {
            return Err(KeyError::Published);
        }
        Ok(keys)
    }

    /// As [`CardKeys::new`], with published keys, at a station for tests.
    ///
    /// # Errors
    ///
    /// [`KeyError::Length`].
    pub fn for_tests(bytes: &[u8], _: TestStation) -> Result<Self, KeyError> {
        Self::any(bytes)
    }

    fn any(bytes: &[u8]) -> Result<Self, KeyError> {
        let length = bytes.len();
        if let Ok(master) = bytes.try_into() {
            return Ok(Self::Diversified(MasterKey(DesKey::new(master))));
        }
        let keys = bytes.try_into().map_err(|_| KeyError::Length { length })?;
        Ok(Self::Static(StaticKeys::split(keys)))
    }

    /// The keys of the card that names itself so.
    #[must_use]
    pub fn of_card(&self, data: &DiversificationData) -> StaticKeys {
        match self {
            Self::Static(keys) => keys.clone(),
            Self::Diversified(master) => master.of_card(data),
        }
    }
}
