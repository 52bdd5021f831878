//! Secure channel protocol 01, option 05 (GlobalPlatform Card Specification 2.1.1, Appendix D):
//! mutual authentication with two-key 3DES, then commands with a MAC and encrypted. Responses go
//! as they are.
//!
//! The administration channel of AuthentIC v3.2.2, which knows security level 03 only. What is
//! wrapped and how long a command may be is as OpenSC's driver has it (commit 14c80b0,
//! `card-authentic.c`, `sm-global-platform.c`), unconfirmed on an NHS card.
//!
//! [`open_channel`] never costs a card a try for wrong keys: the card proves first that it has the
//! same, and EXTERNAL AUTHENTICATE is sent only then. Nothing here is ever repeated.

mod error;
mod key;
mod messaging;
mod session;

use ground::Ambient;
use iso7816::{Channel, Command, Expected, Instruction};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use self::session::Session;
use crate::scp03::DiversificationData;

pub use self::error::{KeyError, Scp01Error};
pub use self::key::{CardKeys, DesKey, MasterKey, StaticKeys, TestStation};
pub use self::messaging::Scp01Messaging;

/// P1 of EXTERNAL AUTHENTICATE: commands have a MAC and are encrypted.
const ENCRYPTION_AND_MAC: u8 = 0x03;

/// Bytes of a challenge, a cryptogram and a MAC.
pub(crate) const BLOCK_SIZE: usize = 8;

/// The most bytes of data a protected command can carry: with its length byte 30 blocks, then the
/// MAC.
pub const MAX_DATA: usize = 239;

/// What a card said of itself when a channel was opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ChannelInfo {
    /// The bytes by which the card names itself.
    pub diversification_data: DiversificationData,
    /// The version of the keys in use.
    pub key_version: u8,
    /// The index of the keys, or the number of the protocol.
    pub key_index: u8,
}

/// Opens a secure channel to what is selected and returns the session, to be given to
/// [`Channel::begin_secure_messaging`].
///
/// INITIALIZE UPDATE, then the checks of the card's answer, then EXTERNAL AUTHENTICATE. The first
/// costs the card nothing; the last is sent only to a card that has proved, with its cryptogram,
/// that it has the encryption key.
///
/// # Errors
///
/// [`Scp01Error`]; [`Scp01Error::WrongKeys`] has cost the card no try.
pub fn open_channel(
    channel: &mut Channel,
    keys: &CardKeys,
    ambient: &dyn Ambient,
) -> Result<(Scp01Messaging, ChannelInfo), Scp01Error> {
    let mut host_challenge = [0; BLOCK_SIZE];
    ambient.fill_random(&mut host_challenge);
    let command = Command::new(0x80, Instruction::INITIALIZE_UPDATE, 0x00, 0x00)
        .with_data(host_challenge)
        .with_expected(Expected::new(InitializeUpdate::LENGTH as u32));
    let response = channel.transmit(&command)?;
    if !response.status.is_ok() {
        return Err(Scp01Error::Refused {
            command: "INITIALIZE UPDATE",
            status: response.status,
        });
    }
    let update = InitializeUpdate::parse(&response.data)?;
    let keys = keys.of_card(&update.info.diversification_data);
    let mut session = Session::new(&keys, host_challenge, update.card_challenge);
    let cryptogram = Zeroizing::new(session.card_cryptogram());
    if !bool::from(cryptogram.ct_eq(&update.card_cryptogram)) {
        return Err(Scp01Error::WrongKeys {
            version: update.info.key_version,
        });
    }
    let command = Command::new(
        0x80,
        Instruction::EXTERNAL_AUTHENTICATE,
        ENCRYPTION_AND_MAC,
        0x00,
    )
    .with_data(session.host_cryptogram());
    let response = channel.transmit(&session.authenticate(&command))?;
    if !response.status.is_ok() {
        return Err(Scp01Error::Refused {
            command: "EXTERNAL AUTHENTICATE",
            status: response.status,
        });
    }
    Ok((Scp01Messaging::new(session), update.info))
}

/// The answer to INITIALIZE UPDATE (Card Specification 2.1.1, D.4.1.5).
#[derive(Debug)]
struct InitializeUpdate {
    info: ChannelInfo,
    card_challenge: [u8; BLOCK_SIZE],
    card_cryptogram: [u8; BLOCK_SIZE],
}

impl InitializeUpdate {
    const LENGTH: usize = 28;

    fn parse(data: &[u8]) -> Result<Self, Scp01Error> {
        // The third byte of key information is where the protocols 02 and 03 begin to differ.
        if let Some(&protocol @ 0x02..=0x03) = data.get(11) {
            return Err(Scp01Error::Protocol { actual: protocol });
        }
        let wrong = Scp01Error::UpdateLength { length: data.len() };
        let data: &[u8; Self::LENGTH] = data.try_into().map_err(|_| wrong)?;
        let part = |from: usize| std::array::from_fn(|at| data[from + at]);
        Ok(Self {
            info: ChannelInfo {
                diversification_data: std::array::from_fn(|at| data[at]),
                key_version: data[10],
                key_index: data[11],
            },
            card_challenge: part(12),
            card_cryptogram: part(20),
        })
    }
}

#[cfg(test)]
mod tests;
