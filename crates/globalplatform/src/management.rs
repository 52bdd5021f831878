//! The commands of a card manager that need a secure channel (GlobalPlatform Card Specification
//! 2.3.1, chapter 11): what is on the card, keys, personalisation data, life cycle.
//!
//! Each function sends its commands once. Where one of them fails, what the card then holds has
//! to be read back; nothing is repeated here.

mod error;
mod keys;

use iso7816::ber::{self, Tag};
use iso7816::{Command, Expected, Instruction, Response, StatusWord};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::scp03::SecureChannel;

pub use self::error::ManagementError;
pub use self::keys::{KeyPlace, KeyType, SingleKey, SingleKeyPlace, put_key, put_keys};

const DELETE: Instruction = Instruction(0xE4);
const INSTALL: Instruction = Instruction(0xE6);
const SET_STATUS: Instruction = Instruction(0xF0);
const GET_STATUS: Instruction = Instruction(0xF2);

/// An application identifier: 5 to 16 bytes (ISO/IEC 7816-4, 12.2.3).
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Aid(#[serde(serialize_with = "hex::serialize_upper")] Vec<u8>);

impl Aid {
    /// From its bytes.
    ///
    /// # Errors
    ///
    /// [`ManagementError::AidLength`] for fewer than 5 or more than 16.
    pub fn new(bytes: &[u8]) -> Result<Self, ManagementError> {
        match bytes.len() {
            5..=16 => Ok(Self(bytes.to_vec())),
            length => Err(ManagementError::AidLength { length }),
        }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Length (1) and bytes.
    fn counted(&self) -> Vec<u8> {
        let length = u8::try_from(self.0.len()).expect("at most 16 bytes");
        [&[length], &self.0[..]].concat()
    }
}

/// What GET STATUS lists (11.4.2.1, P1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Listing {
    /// 80: the issuer security domain.
    IssuerSecurityDomain = 0x80,
    /// 40: applications and other security domains.
    Applications = 0x40,
    /// 20: executable load files.
    LoadFiles = 0x20,
    /// 10: executable load files with their modules.
    LoadFilesAndModules = 0x10,
}

/// One entry of GET STATUS (11.4.3.1, Table 11-36).
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct StatusEntry {
    /// The identifier, tag 4F.
    #[serde(serialize_with = "hex::serialize_upper")]
    pub aid: Vec<u8>,
    /// The life cycle state, tag 9F70. Its meaning depends on what is listed.
    pub life_cycle: u8,
    /// The privileges, tag C5, where the entry has them: 1 or 3 bytes.
    #[serde(serialize_with = "hex::serialize_upper")]
    pub privileges: Vec<u8>,
    /// The modules of a load file, tags 84.
    #[serde(serialize_with = "hex_list")]
    pub modules: Vec<Vec<u8>>,
    /// The whole template, tag E3.
    #[serde(serialize_with = "hex::serialize_upper")]
    pub raw: Vec<u8>,
}

/// The most rounds of GET STATUS that are followed: far more than any card has entries.
const MOST_ROUNDS: usize = 64;

/// GET STATUS: what is on the card, in the order of the card. `aid` may be the beginning of an
/// identifier; empty is all. Nothing found (6A88) is an empty list.
///
/// # Errors
///
/// [`ManagementError`].
pub fn get_status(
    channel: &mut SecureChannel<'_>,
    listing: Listing,
    aid: &[u8],
) -> Result<Vec<StatusEntry>, ManagementError> {
    const TEMPLATES: u8 = 0x02;
    const NEXT: u8 = 0x01;
    const MORE: StatusWord = StatusWord(0x6310);
    let mut entries = Vec::new();
    for round in 0..MOST_ROUNDS {
        let p2 = if round == 0 {
            TEMPLATES
        } else {
            TEMPLATES | NEXT
        };
        let command = Command::new(0x80, GET_STATUS, listing as u8, p2)
            .with_data(ber::object(Tag(0x4F), aid))
            .with_expected(Expected::SHORT_MAX);
        let response = channel.transmit(&command)?;
        match response.status {
            StatusWord::OK | MORE => {}
            StatusWord::REFERENCE_NOT_FOUND if round == 0 => return Ok(entries),
            status => return Err(refused("GET STATUS", status)),
        }
        entries.extend(parse_status(&response.data)?);
        if response.status.is_ok() {
            return Ok(entries);
        }
    }
    Err(ManagementError::EndlessList {
        entries: entries.len(),
    })
}

/// Takes the data of one GET STATUS response apart: templates E3 end to end.
///
/// # Errors
///
/// [`ManagementError::Malformed`] and [`ManagementError::EntryLacks`].
pub fn parse_status(data: &[u8]) -> Result<Vec<StatusEntry>, ManagementError> {
    const ENTRY: Tag = Tag(0xE3);
    let malformed = |source| ManagementError::Malformed {
        command: "GET STATUS",
        source,
    };
    let mut entries = Vec::new();
    for object in ber::Reader::new(data) {
        let object = object.map_err(malformed)?;
        if object.tag != ENTRY {
            return Err(ManagementError::UnexpectedTag { tag: object.tag });
        }
        let (mut aid, mut life_cycle) = (None, None);
        let (mut privileges, mut modules) = (Vec::new(), Vec::new());
        for part in object.children() {
            let part = part.map_err(malformed)?;
            match (part.tag, part.value) {
                (Tag(0x4F), value) => aid = Some(value.to_vec()),
                // Only the first byte is a life cycle state where a card gives two.
                (Tag(0x9F70), &[state, ..]) => life_cycle = Some(state),
                (Tag(0xC5), value) => privileges = value.to_vec(),
                (Tag(0x84), value) => modules.push(value.to_vec()),
                _ => {}
            }
        }
        let lacks = |tag| ManagementError::EntryLacks { tag };
        entries.push(StatusEntry {
            aid: aid.ok_or(lacks(Tag(0x4F)))?,
            life_cycle: life_cycle.ok_or(lacks(Tag(0x9F70)))?,
            privileges,
            modules,
            raw: object.raw.to_vec(),
        });
    }
    Ok(entries)
}

/// How the data of STORE DATA is made (11.11.2.1, P1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum DataStructure {
    /// 00: the application's own affair.
    Unspecified = 0x00,
    /// 08: data grouping identifiers.
    Dgi = 0x08,
    /// 10: BER-TLV objects.
    BerTlv = 0x10,
}

/// STORE DATA: sends the blocks in order, the last one marked as such. The answer is that to the
/// last block.
///
/// # Errors
///
/// [`ManagementError::Blocks`] and [`ManagementError::BlockTooLong`] before anything is sent;
/// [`ManagementError::BlockRefused`] at the first block the card refuses: the blocks before it
/// are stored.
pub fn store_data(
    channel: &mut SecureChannel<'_>,
    structure: DataStructure,
    blocks: &[&[u8]],
) -> Result<Zeroizing<Vec<u8>>, ManagementError> {
    const LAST: u8 = 0x80;
    if !(1..=256).contains(&blocks.len()) {
        return Err(ManagementError::Blocks {
            count: blocks.len(),
        });
    }
    let limit = channel.max_data();
    if let Some(block) = blocks.iter().position(|block| block.len() > limit) {
        return Err(ManagementError::BlockTooLong {
            block,
            length: blocks[block].len(),
            limit,
        });
    }
    let mut answer = Zeroizing::new(Vec::new());
    for (number, block) in (0..=u8::MAX).zip(blocks) {
        let last = usize::from(number) + 1 == blocks.len();
        let p1 = structure as u8 | if last { LAST } else { 0 };
        let command = Command::new(0x80, Instruction::STORE_DATA, p1, number).with_data(*block);
        let response = channel.transmit(&command)?;
        if !response.status.is_ok() {
            return Err(ManagementError::BlockRefused {
                block: number,
                status: response.status,
            });
        }
        answer = response.data;
    }
    Ok(answer)
}

/// STORE DATA to the issuer security domain: its issuer identification number (42) and card image
/// number (45), those that are given, in one block, so that a card writes both or neither
/// (11.11.3.2).
///
/// # Errors
///
/// As [`store_data`].
pub fn store_issuer_numbers(
    channel: &mut SecureChannel<'_>,
    issuer_identification_number: Option<&[u8]>,
    card_image_number: Option<&[u8]>,
) -> Result<(), ManagementError> {
    let mut block = Vec::new();
    for (tag, value) in [
        (Tag(0x42), issuer_identification_number),
        (Tag(0x45), card_image_number),
    ] {
        if let Some(value) = value {
            ber::write(&mut block, tag, value);
        }
    }
    store_data(channel, DataStructure::BerTlv, &[&block]).map(drop)
}

/// INSTALL [for personalization] (11.5.2.3.6): the STORE DATA commands that follow go to this
/// application.
///
/// # Errors
///
/// [`ManagementError`].
pub fn install_for_personalization(
    channel: &mut SecureChannel<'_>,
    application: &Aid,
) -> Result<(), ManagementError> {
    const FOR_PERSONALIZATION: u8 = 0x20;
    let data = [&[0, 0][..], &application.counted(), &[0, 0, 0]].concat();
    let command = Command::new(0x80, INSTALL, FOR_PERSONALIZATION, 0x00)
        .with_data(data)
        .with_expected(Expected::SHORT_MAX);
    accepted("INSTALL [for personalization]", channel.transmit(&command)?)?;
    Ok(())
}

/// What DELETE takes away (11.2.2.2, P2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Deletion {
    /// 00: the application or load file alone.
    Alone = 0x00,
    /// 80: a load file and all applications made from it.
    WithRelated = 0x80,
}

/// DELETE: takes an application or load file off the card, for good.
///
/// # Errors
///
/// [`ManagementError`].
pub fn delete(
    channel: &mut SecureChannel<'_>,
    aid: &Aid,
    deletion: Deletion,
) -> Result<(), ManagementError> {
    let command = Command::new(0x80, DELETE, 0x00, deletion as u8)
        .with_data(ber::object(Tag(0x4F), aid.bytes()))
        .with_expected(Expected::SHORT_MAX);
    accepted("DELETE", channel.transmit(&command)?)?;
    Ok(())
}

/// Whose life cycle SET STATUS changes (11.10.2.1, P1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StatusOf {
    /// 80: the issuer security domain and with it the card.
    Card,
    /// 40: an application or another security domain.
    Application(Aid),
    /// 60: a security domain and all its applications.
    DomainAndApplications(Aid),
}

/// A life cycle state of the card (11.1.1, Table 11-6). TERMINATED is left out: nothing in this
/// crate makes a card unusable for good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum CardState {
    /// 01.
    OpReady = 0x01,
    /// 07.
    Initialized = 0x07,
    /// 0F: the state of a card in use.
    Secured = 0x0F,
    /// 7F: only the issuer security domain can be selected.
    Locked = 0x7F,
}

/// SET STATUS: moves a life cycle on to `state`, which is [`CardState`] for the card and the
/// states of 11.1.1 or the application's own otherwise.
///
/// # Errors
///
/// [`ManagementError::Terminates`] before anything is sent, for the card and state FF.
pub fn set_status(
    channel: &mut SecureChannel<'_>,
    of: &StatusOf,
    state: u8,
) -> Result<(), ManagementError> {
    const TERMINATED: u8 = 0xFF;
    let (p1, aid) = match of {
        StatusOf::Card if state == TERMINATED => return Err(ManagementError::Terminates),
        StatusOf::Card => (0x80, &[][..]),
        StatusOf::Application(aid) => (0x40, aid.bytes()),
        StatusOf::DomainAndApplications(aid) => (0x60, aid.bytes()),
    };
    let command = Command::new(0x80, SET_STATUS, p1, state).with_data(aid);
    accepted("SET STATUS", channel.transmit(&command)?)?;
    Ok(())
}

fn accepted(command: &'static str, response: Response) -> Result<Response, ManagementError> {
    if response.status.is_ok() {
        Ok(response)
    } else {
        Err(refused(command, response.status))
    }
}

fn refused(command: &'static str, status: StatusWord) -> ManagementError {
    ManagementError::Refused { command, status }
}

fn hex_list<S: serde::Serializer>(list: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().map(hex::encode_upper))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn status_entries_are_taken_apart() {
        let data = hex::decode(
            "E3114F08A0000001510000009F70010FC5019A\
             E31D4F07A00000030800009F700101C50300000084094142434445464748\
             49",
        )
        .unwrap();
        let entries = parse_status(&data).unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(hex::encode_upper(&entries[0].aid), "A000000151000000");
        assert_eq!(entries[0].life_cycle, 0x0F);
        assert_eq!(entries[0].privileges, [0x9A]);
        assert_eq!(entries[1].modules, [b"ABCDEFGHI".to_vec()]);
        assert_eq!([&entries[0].raw[..], &entries[1].raw].concat(), data);
    }

    #[test]
    fn an_entry_without_identifier_or_state_is_an_error() {
        for (data, lacking) in [("E3049F70010F", 0x4F), ("E3074F05A000000003", 0x9F70)] {
            assert_eq!(
                parse_status(&hex::decode(data).unwrap()),
                Err(ManagementError::EntryLacks { tag: Tag(lacking) })
            );
        }
        assert!(matches!(
            parse_status(&[0x4F, 0x00]),
            Err(ManagementError::UnexpectedTag { tag: Tag(0x4F) })
        ));
    }

    #[test]
    fn an_identifier_has_5_to_16_bytes() {
        assert!(Aid::new(&[0xA0; 4]).is_err());
        assert!(Aid::new(&[0xA0; 17]).is_err());
        assert_eq!(Aid::new(&[0xA0; 5]).unwrap().counted()[0], 5);
    }

    proptest! {
        #[test]
        fn any_bytes_are_entries_or_a_typed_error(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_status(&data);
            let _ = parse_status(&ber::object(Tag(0xE3), &data));
        }
    }
}
