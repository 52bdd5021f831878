//! Secure channel protocol 03 (GlobalPlatform Card Specification 2.3, Amendment D): mutual
//! authentication with AES keys, then commands and responses with MACs and, by level, encrypted.
//!
//! [`open_channel`] never costs a card a try for a wrong Key-MAC: the card proves first that it
//! has the same key, and EXTERNAL AUTHENTICATE is sent only then. Nothing here is ever repeated.

mod derivation;
mod error;
mod key;
mod keyset;
mod messaging;
mod session;

use std::fmt;

use ground::Ambient;
use iso7816::{Channel, Command, Expected, Instruction, Response};
use subtle::ConstantTimeEq;

use self::derivation::{SessionKeys, card_challenge};
use self::session::Session;
use crate::{ISSUER_SECURITY_DOMAIN_AID, IssuerSecurityDomain};

pub use self::error::{KeyLengthError, KeySetError, Scp03Error};
pub use self::key::AesKey;
pub(crate) use self::key::BLOCK_SIZE;
pub use self::keyset::{Diversification, DiversificationData, Kdf3, StaticKeys, Undiversified};
pub use self::messaging::Scp03Messaging;

/// What is protected (Amendment D, 7.1.2, P1 of EXTERNAL AUTHENTICATE).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum SecurityLevel {
    /// 01: commands have a MAC.
    CMac = 0x01,
    /// 03: commands have a MAC and are encrypted.
    CMacCEnc = 0x03,
    /// 11: commands and responses have a MAC.
    CMacRMac = 0x11,
    /// 13: commands and responses have a MAC, commands are encrypted.
    CMacCEncRMac = 0x13,
    /// 33: commands and responses have a MAC and are encrypted.
    Full = 0x33,
}

impl SecurityLevel {
    /// All five.
    pub const ALL: [Self; 5] = [
        Self::CMac,
        Self::CMacCEnc,
        Self::CMacRMac,
        Self::CMacCEncRMac,
        Self::Full,
    ];

    /// The byte on the wire.
    #[must_use]
    pub const fn byte(self) -> u8 {
        self as u8
    }

    /// The level of this byte.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.byte() == byte)
    }

    const fn encrypts_commands(self) -> bool {
        self.byte() & 0x02 != 0
    }

    const fn authenticates_responses(self) -> bool {
        self.byte() & 0x10 != 0
    }

    const fn encrypts_responses(self) -> bool {
        self.byte() & 0x20 != 0
    }
}

/// How long challenges, cryptograms and MACs are (Amendment D, 1.1).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// 8 bytes.
    #[default]
    S8,
    /// 16 bytes.
    S16,
}

impl Mode {
    /// Bytes of a challenge, a cryptogram, a MAC.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::S8 => 8,
            Self::S16 => 16,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::S8 => "S8",
            Self::S16 => "S16",
        })
    }
}

/// The options of a card's SCP03, the byte `i` (Amendment D, 5.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProtocolOptions(pub u8);

impl ProtocolOptions {
    /// Bit 01: 16-byte challenges and MACs.
    #[must_use]
    pub const fn mode(self) -> Mode {
        if self.0 & 0x01 != 0 {
            Mode::S16
        } else {
            Mode::S8
        }
    }

    /// Bit 10: the card challenge is pseudo-random, its sequence counter is in the answer.
    #[must_use]
    pub const fn is_challenge_derived(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// Whether the card has what the level needs: bit 20 for response MACs, bits 60 for encrypted
    /// responses.
    #[must_use]
    pub const fn offers(self, level: SecurityLevel) -> bool {
        (!level.authenticates_responses() || self.0 & 0x20 != 0)
            && (!level.encrypts_responses() || self.0 & 0x40 != 0)
    }
}

/// How to open a channel.
pub struct ChannelOptions<'a> {
    /// The key version to ask for; 00 lets the card choose.
    pub key_version: u8,
    /// The lengths in use. A card has one of the two and refuses the other.
    pub mode: Mode,
    /// How the card's keys come from those given.
    pub diversification: &'a dyn Diversification,
    /// The identifier of the security domain that is selected, against which a pseudo-random card
    /// challenge is checked. `None` leaves the check out, for a card that draws it from another.
    pub security_domain: Option<Vec<u8>>,
}

impl ChannelOptions<'_> {
    /// For this security domain: first key version, S8, keys as they are.
    #[must_use]
    pub fn for_domain(domain: &IssuerSecurityDomain) -> Self {
        Self {
            security_domain: Some(domain.aid.clone()),
            ..Self::default()
        }
    }
}

impl Default for ChannelOptions<'_> {
    fn default() -> Self {
        Self {
            key_version: 0,
            mode: Mode::S8,
            diversification: &Undiversified,
            security_domain: Some(ISSUER_SECURITY_DOMAIN_AID.to_vec()),
        }
    }
}

impl fmt::Debug for ChannelOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelOptions")
            .field("key_version", &self.key_version)
            .field("mode", &self.mode)
            .field("security_domain", &self.security_domain)
            .finish_non_exhaustive()
    }
}

/// Opens a secure channel to the security domain that is selected.
///
/// INITIALIZE UPDATE, then the checks of the card's answer, then EXTERNAL AUTHENTICATE. The first
/// costs the card nothing; the last is sent only to a card that has proved, with its cryptogram,
/// that it has Key-MAC, and with a pseudo-random challenge that it has Key-ENC. A card that draws
/// its challenge by lot proves Key-ENC with the first encrypted command only.
///
/// # Errors
///
/// [`Scp03Error`]; [`Scp03Error::WrongKeys`] and [`Scp03Error::WrongChallenge`] have cost the card
/// no try.
pub fn open_channel<'c>(
    channel: &'c mut Channel,
    keys: &StaticKeys,
    level: SecurityLevel,
    ambient: &dyn Ambient,
    options: &ChannelOptions<'_>,
) -> Result<SecureChannel<'c>, Scp03Error> {
    let mode = options.mode;
    let mut host_challenge = vec![0; mode.length()];
    ambient.fill_random(&mut host_challenge);
    let command = Command::new(
        0x80,
        Instruction::INITIALIZE_UPDATE,
        options.key_version,
        0x00,
    )
    .with_data(&host_challenge[..])
    .with_expected(Expected::SHORT_MAX);
    let response = channel.transmit(&command)?;
    if !response.status.is_ok() {
        return Err(Scp03Error::Refused {
            command: "INITIALIZE UPDATE",
            status: response.status,
        });
    }
    let update = InitializeUpdate::parse(&response.data)?;
    update.check(options, level)?;

    let keys = options
        .diversification
        .keys_of(keys, &update.diversification_data);
    let challenges = [&host_challenge[..], update.card_challenge].concat();
    let session_keys = SessionKeys::derive(&keys, &challenges);
    let cryptogram = session_keys.card_cryptogram(&challenges, mode);
    if !bool::from(cryptogram.ct_eq(update.card_cryptogram)) {
        return Err(Scp03Error::WrongKeys {
            version: update.key_version,
        });
    }
    if let (Some(sequence), Some(aid)) = (update.sequence, &options.security_domain) {
        let expected = card_challenge(&keys, sequence, aid, mode);
        if !bool::from(expected.ct_eq(update.card_challenge)) {
            return Err(Scp03Error::WrongChallenge {
                version: update.key_version,
            });
        }
    }

    let host_cryptogram = session_keys.host_cryptogram(&challenges, mode);
    let mut session = Session::new(session_keys, level, mode);
    let command = Command::new(0x80, Instruction::EXTERNAL_AUTHENTICATE, level.byte(), 0x00)
        .with_data(&host_cryptogram[..]);
    let response = channel.transmit(&session.authenticate(&command)?)?;
    if !response.status.is_ok() {
        return Err(Scp03Error::Refused {
            command: "EXTERNAL AUTHENTICATE",
            status: response.status,
        });
    }
    Ok(SecureChannel {
        channel,
        messaging: Scp03Messaging::new(session, level),
        keys,
        info: ChannelInfo {
            diversification_data: update.diversification_data,
            key_version: update.key_version,
            protocol_options: update.options,
            sequence: update.sequence,
            level,
        },
    })
}

/// What a card said of itself when a channel was opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ChannelInfo {
    /// The bytes by which the card names itself.
    pub diversification_data: DiversificationData,
    /// The version of the keys in use.
    pub key_version: u8,
    /// The byte `i`.
    pub protocol_options: ProtocolOptions,
    /// The sequence counter, where the card challenge is pseudo-random.
    pub sequence: Option<[u8; 3]>,
    /// What is protected.
    pub level: SecurityLevel,
}

/// An open secure channel. It ends for good with the first thing that is not as it must be.
pub struct SecureChannel<'c> {
    channel: &'c mut Channel,
    messaging: Scp03Messaging,
    keys: StaticKeys,
    info: ChannelInfo,
}

impl SecureChannel<'_> {
    /// Sends one command protected and returns the response checked and in clear, whatever its
    /// status word.
    ///
    /// The class must be 00 or 80. Only short length fields are used; a longer response comes by
    /// GET RESPONSE. A status word that is neither 9000 nor a warning comes without data and
    /// without MAC: it may be anyone's.
    ///
    /// # Errors
    ///
    /// [`Scp03Error::TooLong`] and [`Scp03Error::Class`] before anything is sent; the session goes
    /// on. After any other error it has ended and every further command is
    /// [`Scp03Error::Ended`].
    pub fn transmit(&mut self, command: &Command) -> Result<Response, Scp03Error> {
        let wrapped = self.messaging.protect(command)?;
        let response = self.channel.transmit(&wrapped)?;
        self.messaging.unprotect(response)
    }

    /// What the card said of itself.
    #[must_use]
    pub fn info(&self) -> &ChannelInfo {
        &self.info
    }

    /// Whether the session goes on.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.messaging.is_open()
    }

    /// The session apart from the channel, to be given back to it with
    /// [`Channel::begin_secure_messaging`]: clients of an application then speak through the
    /// secure channel without knowing. What needs Key-DEK or has to know how much fits into a
    /// command ([`management`](crate::management)) takes the secure channel itself.
    #[must_use]
    pub fn into_messaging(self) -> Scp03Messaging {
        self.messaging
    }

    /// The most data bytes a command of this session can carry.
    #[must_use]
    pub fn max_data(&self) -> usize {
        let room = 255 - self.info.protocol_options.mode().length();
        if self.info.level.encrypts_commands() {
            // Whole blocks, of which padding takes one byte at least.
            room / BLOCK_SIZE * BLOCK_SIZE - 1
        } else {
            room
        }
    }

    /// Key-DEK of this card, which encrypts keys sent to it.
    pub(crate) fn data_encryption(&self) -> &AesKey {
        self.keys.data_encryption()
    }

    /// Ends the session on this side: something protected made no sense.
    pub(crate) fn end(&mut self) {
        self.messaging.end();
    }
}

impl fmt::Debug for SecureChannel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecureChannel")
            .field("info", &self.info)
            .field("open", &self.is_open())
            .finish_non_exhaustive()
    }
}

/// The answer to INITIALIZE UPDATE (Amendment D, 7.1.1.6).
struct InitializeUpdate<'a> {
    diversification_data: DiversificationData,
    key_version: u8,
    options: ProtocolOptions,
    card_challenge: &'a [u8],
    card_cryptogram: &'a [u8],
    sequence: Option<[u8; 3]>,
}

impl<'a> InitializeUpdate<'a> {
    const PROTOCOL: u8 = 0x03;

    fn parse(data: &'a [u8]) -> Result<Self, Scp03Error> {
        let wrong = || Scp03Error::UpdateLength { length: data.len() };
        let (diversification_data, rest) = data.split_first_chunk::<10>().ok_or_else(wrong)?;
        let &[key_version, protocol, ref rest @ ..] = rest else {
            return Err(wrong());
        };
        if protocol != Self::PROTOCOL {
            return Err(Scp03Error::Protocol { actual: protocol });
        }
        let (&options, rest) = rest.split_first().ok_or_else(wrong)?;
        let options = ProtocolOptions(options);
        let length = options.mode().length();
        let (card_challenge, rest) = rest.split_at_checked(length).ok_or_else(wrong)?;
        let (card_cryptogram, rest) = rest.split_at_checked(length).ok_or_else(wrong)?;
        let sequence = match rest {
            [] => None,
            rest => Some(rest.try_into().map_err(|_| wrong())?),
        };
        if options.is_challenge_derived() != sequence.is_some() {
            return Err(wrong());
        }
        Ok(Self {
            diversification_data: *diversification_data,
            key_version,
            options,
            card_challenge,
            card_cryptogram,
            sequence,
        })
    }

    /// Whether the card is as it was asked to be.
    fn check(&self, options: &ChannelOptions<'_>, level: SecurityLevel) -> Result<(), Scp03Error> {
        if self.options.mode() != options.mode {
            return Err(Scp03Error::OtherMode {
                expected: options.mode,
                actual: self.options.mode(),
            });
        }
        if options.key_version != 0 && self.key_version != options.key_version {
            return Err(Scp03Error::OtherVersion {
                expected: options.key_version,
                actual: self.key_version,
            });
        }
        if !self.options.offers(level) {
            return Err(Scp03Error::LevelNotOffered {
                level: level.byte(),
                options: self.options.0,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
