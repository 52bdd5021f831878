//! The pieces of protected commands and responses (SP 800-73-5 Part 2, 4.2), stateless.

use iso7816::ber::{self, Tag};
use iso7816::{Command, Expected, Instruction, StatusWord};
use zeroize::Zeroizing;

use super::key::{BLOCK_SIZE, Block};
use super::{SessionKey, SmError};

/// Padding indicator and cryptogram.
pub const CRYPTOGRAM: Tag = Tag(0x87);
/// Le of the plain command.
pub const LE: Tag = Tag(0x97);
/// Status word of the plain response.
pub const STATUS: Tag = Tag(0x99);
/// The first 8 bytes of the MAC.
pub const MAC: Tag = Tag(0x8E);

/// The class byte of a protected command, also in the MAC of one that is sent in parts.
pub const CLASS: u8 = 0x0C;

/// Bytes of a MAC that travel.
pub const MAC_SIZE: usize = 8;

/// The first byte of a cryptogram: the data were padded with 80 and zeros.
const PADDED: u8 = 0x01;

/// The initialisation vector of a command: the counter, encrypted (4.2.2).
#[must_use]
pub fn command_iv(encryption: &SessionKey, counter: u128) -> Block {
    encryption.encrypt_block(&counter.to_be_bytes())
}

/// The initialisation vector of the response to the command with this counter: the counter with
/// its first byte set to 80, encrypted (4.2.2).
#[must_use]
pub fn response_iv(encryption: &SessionKey, counter: u128) -> Block {
    let mut block = counter.to_be_bytes();
    block[0] = 0x80;
    encryption.encrypt_block(&block)
}

/// Object 87 with the data padded and encrypted; nothing for no data.
#[must_use]
pub fn encrypt(encryption: &SessionKey, iv: &Block, data: &[u8]) -> Vec<u8> {
    if data.is_empty() {
        return Vec::new();
    }
    let padded = (data.len() / BLOCK_SIZE + 1) * BLOCK_SIZE;
    let mut value = Zeroizing::new(Vec::with_capacity(1 + padded));
    value.push(PADDED);
    value.extend_from_slice(data);
    value.push(0x80);
    value.resize(1 + padded, 0);
    encryption.cbc_encrypt(iv, &mut value[1..]);
    ber::object(CRYPTOGRAM, &value)
}

/// The data in the value of object 87. Check the MAC first.
///
/// # Errors
///
/// [`SmError::Length`] unless it is the indicator and whole blocks, [`SmError::Padding`].
pub fn decrypt(
    encryption: &SessionKey,
    iv: &Block,
    value: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SmError> {
    let (indicator, blocks) = match value {
        [indicator, blocks @ ..] if !blocks.is_empty() && blocks.len() % BLOCK_SIZE == 0 => {
            (*indicator, blocks)
        }
        _ => {
            return Err(SmError::Length {
                tag: CRYPTOGRAM,
                length: value.len(),
                expected: "1 and a multiple of 16",
            });
        }
    };
    if indicator != PADDED {
        return Err(SmError::PaddingIndicator { indicator });
    }
    let mut data = Zeroizing::new(blocks.to_vec());
    encryption.cbc_decrypt(iv, &mut data);
    let end = data
        .iter()
        .rposition(|&byte| byte != 0)
        .filter(|&end| data[end] == 0x80 && data.len() - end <= BLOCK_SIZE)
        .ok_or(SmError::Padding)?;
    // The vector keeps its room, so that what is cut off is zeroized on drop as well.
    data.truncate(end);
    Ok(data)
}

/// The MAC of a command: over the chaining value, the header padded to a block, and the objects
/// 87 and 97 as they are sent (4.2.3).
#[must_use]
pub fn command_mac(
    key: &SessionKey,
    chaining: &Block,
    [instruction, p1, p2]: [u8; 3],
    objects: &[u8],
) -> Block {
    let mut header = Block::default();
    header[..5].copy_from_slice(&[CLASS, instruction, p1, p2, 0x80]);
    key.cmac(&[chaining, &header, objects])
}

/// The MAC of a response: over the chaining value and the objects 87 and 99 as they were sent
/// (4.2.5).
#[must_use]
pub fn response_mac(key: &SessionKey, chaining: &Block, objects: &[u8]) -> Block {
    key.cmac(&[chaining, objects])
}

/// The parts in which a command is sent: 255 data bytes each, all but the last with the chaining
/// bit (1C for a protected command) and without Le (ISO/IEC 7816-4, 5.3.3).
///
/// A [`Channel`](iso7816::Channel) does the same by itself.
#[must_use]
pub fn parts(command: &Command) -> Vec<Command> {
    let header = |class| Command::new(class, command.instruction, command.p1, command.p2);
    let mut chunks = command.data.chunks(255).peekable();
    let mut parts = Vec::with_capacity(command.data.len() / 255 + 1);
    while let Some(chunk) = chunks.next() {
        if chunks.peek().is_some() {
            parts.push(header(command.class | Command::CHAINING).with_data(chunk));
        } else {
            parts.push(Command {
                expected: command.expected,
                ..header(command.class).with_data(chunk)
            });
        }
    }
    if parts.is_empty() {
        parts.push(command.clone());
    }
    parts
}

/// A protected command: its objects, the MAC's first 8 bytes, and Le 00 always (4.2.4).
pub(super) fn command(
    instruction: Instruction,
    p1: u8,
    p2: u8,
    mut objects: Vec<u8>,
    mac: &Block,
) -> Command {
    ber::write(&mut objects, MAC, &mac[..MAC_SIZE]);
    Command::new(CLASS, instruction, p1, p2)
        .with_data(objects)
        .with_expected(Expected::SHORT_MAX)
}

/// A protected response taken apart, nothing verified.
#[derive(Debug)]
pub(super) struct ProtectedResponse<'a> {
    /// The value of object 87, if there is one.
    pub(super) cryptogram: Option<&'a [u8]>,
    /// The value of object 99.
    pub(super) status: StatusWord,
    /// The value of object 8E.
    pub(super) mac: &'a [u8; MAC_SIZE],
    /// The bytes the MAC covers: objects 87 and 99.
    pub(super) covered: &'a [u8],
}

impl<'a> ProtectedResponse<'a> {
    /// Exactly `[87] 99 8E` in this order (4.2.6).
    pub(super) fn parse(data: &'a [u8]) -> Result<Self, SmError> {
        let mut reader = ber::Reader::new(data);
        let mut take = |tag| match reader.next() {
            Some(Ok(object)) if object.tag == tag => Ok(object),
            Some(Ok(object)) if tag == CRYPTOGRAM && object.tag == STATUS => Ok(object),
            Some(Ok(object)) => Err(SmError::UnexpectedObject {
                expected: tag,
                actual: object.tag,
            }),
            Some(Err(error)) => Err(SmError::Malformed(error)),
            None => Err(SmError::MissingObject { tag }),
        };
        let first = take(CRYPTOGRAM)?;
        let (cryptogram, status) = if first.tag == CRYPTOGRAM {
            (Some(first.value), take(STATUS)?)
        } else {
            (None, first)
        };
        let mac = take(MAC)?;
        if let Some(after) = reader.next() {
            return Err(
                after.map_or_else(SmError::Malformed, |object| SmError::TrailingObject {
                    tag: object.tag,
                }),
            );
        }
        Ok(Self {
            cryptogram,
            status: status
                .value
                .try_into()
                .map(<StatusWord as From<[u8; 2]>>::from)
                .map_err(|_| SmError::Length {
                    tag: STATUS,
                    length: status.value.len(),
                    expected: "2",
                })?,
            mac: mac
                .value
                .try_into()
                .ok()
                // No MAC covers the length field itself, so only its one right form is taken.
                .filter(|_| mac.raw.len() == 2 + MAC_SIZE)
                .ok_or(SmError::Length {
                    tag: MAC,
                    length: mac.value.len(),
                    expected: "8, written in one byte",
                })?,
            covered: &data[..mac.offset],
        })
    }
}
