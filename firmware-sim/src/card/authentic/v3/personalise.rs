//! What the application of a personalised card holds: the files and keys OpenSC's profile makes, two
//! keys, two certificates.

use ::authentic::words::v3::{
    AUTHENTICATION_OBJECTS, CERTIFICATES, CHANGE_STAMP, CHANGE_STAMP_SIZE, DATA_OBJECTS, DIRECTORY,
    FIRST_CERTIFICATE, MECHANISMS, NEVER, OBJECT_DIRECTORY, PKCS15, PKCS15_AID, PRIVATE_KEYS,
    PUBLIC_KEYS, SO_CREDENTIAL, TOKEN_INFO, USER_CREDENTIAL,
};
use rand_core::Rng;
use rsa::pkcs1::EncodeRsaPublicKey;
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use super::access::Pair;
use super::by;
use super::files::{File, Kind};
use super::pkcs15::{self, Entry, Passcode, Usage};
use super::sdo::{Header, Rules};
use crate::card::authentic::certificates::{self, Issued};
use crate::card::authentic::files::{MASTER, Place};
use crate::card::authentic::model::{AuthenticModel, Lengths};
use crate::card::manager;
use crate::card::nvm::{Cell, Transaction};
use crate::card::random::seeded;

const NOBODY: Pair = Pair([NEVER, 0]);
const ANYBODY: Pair = Pair::ALWAYS;

const LABEL: &str = "Simulated series 8 card";
const MANUFACTURER: &str = "Oberthur COSMO.v7";

/// The stream of random bytes the first change stamp comes from.
const STAMP_STREAM: u64 = u64::MAX - 2;

/// Adds files and keys to a new card's memory.
pub(super) fn add_to(cells: Transaction, model: &AuthenticModel, number: u64) -> Transaction {
    let issued = certificates::issue(number, model.keys.personalised);
    let described = issued.each_ref().map(Described::of);
    let entries = [
        described[0].entry("Authentication", 1, Usage::AUTHENTICATION),
        described[1].entry("Content commitment", 2, Usage::SIGNATURE),
    ];
    let mut files = Files { cells, next: 1 };
    let df = add_files(&mut files, model, number, &entries);
    let user = by(USER_CREDENTIAL);
    for (entry, issued) in entries.iter().zip(&issued) {
        let content = &issued.certificate;
        let access = [ANYBODY, ANYBODY, user, user];
        files.transparent(df, entry.certificate, content.len(), access, content);
    }
    entries
        .iter()
        .zip(&issued)
        .fold(files.cells, |cells, (entry, issued)| {
            let key = key_cell(entry, issued);
            cells.set(Cell::KeyObject(entry.key), key.as_slice())
        })
}

/// EF.DIR, the PKCS#15 DF and its directories; where the DF is. Access is in the order of read,
/// delete, update, resize, for a DF of create, delete, crypto.
fn add_files(
    files: &mut Files,
    model: &AuthenticModel,
    number: u64,
    entries: &[Entry<'_>],
) -> Place {
    let all = |write: fn(&Entry<'_>) -> Vec<u8>| entries.iter().flat_map(write).collect::<Vec<_>>();
    let officer = by(SO_CREDENTIAL);
    let fixed = [ANYBODY, NOBODY, NOBODY, NOBODY];
    let shared = [ANYBODY, NOBODY, ANYBODY, NOBODY];
    let directory = [ANYBODY, officer, officer, officer];
    files.transparent(MASTER, DIRECTORY, 128, directory, &pkcs15::directory(LABEL));
    let df = files.dedicated(PKCS15, [ANYBODY, officer, ANYBODY], &PKCS15_AID);
    let serial = manager::serial_number(number);
    let token_info = pkcs15::token_info(&serial, MANUFACTURER, LABEL);
    let passcodes = passcodes(model)
        .iter()
        .flat_map(pkcs15::authentication_object)
        .collect();
    let mut stamp = vec![0; CHANGE_STAMP_SIZE];
    seeded(number, STAMP_STREAM).fill_bytes(&mut stamp);
    for (identifier, size, access, content) in [
        (OBJECT_DIRECTORY, 256, fixed, pkcs15::object_directory()),
        (TOKEN_INFO, 128, fixed, token_info),
        (AUTHENTICATION_OBJECTS, 256, fixed, passcodes),
        (PRIVATE_KEYS, 1024, shared, all(pkcs15::private_key)),
        (PUBLIC_KEYS, 2048, shared, all(pkcs15::public_key)),
        (CERTIFICATES, 1024, shared, all(pkcs15::certificate)),
        (DATA_OBJECTS, 512, shared, Vec::new()),
        (CHANGE_STAMP, CHANGE_STAMP_SIZE, shared, stamp),
    ] {
        files.transparent(df, identifier, size, access, &content);
    }
    df
}

fn passcodes(model: &AuthenticModel) -> Vec<Passcode<'static>> {
    let Some(v3) = &model.v3 else {
        return Vec::new();
    };
    let passcode = |label, reference, Lengths { min, max }| Passcode {
        label,
        reference,
        is_officer: reference == SO_CREDENTIAL,
        min_length: min,
        max_length: max,
    };
    vec![
        passcode("User PIN", USER_CREDENTIAL, v3.passcode_length),
        passcode("Security Officer PIN", SO_CREDENTIAL, v3.officer_length),
    ]
}

/// A key with what the directories say of it.
struct Described {
    /// SHA-1 of the modulus, as many hosts tie a key to its certificate.
    id: Vec<u8>,
    public_key: Vec<u8>,
    bits: u16,
}

impl Described {
    fn of(issued: &Issued) -> Self {
        let public_key = issued.key.public().to_pkcs1_der();
        let public_key = public_key.expect("a public key encodes");
        Self {
            id: Sha1::digest(issued.key.modulus()).to_vec(),
            public_key: public_key.as_bytes().to_vec(),
            bits: issued.key.bits(),
        }
    }

    fn entry<'a>(&'a self, label: &'a str, key: u8, usage: Usage) -> Entry<'a> {
        Entry {
            label,
            id: &self.id,
            key,
            bits: self.bits,
            usage,
            public_key: &self.public_key,
            certificate: FIRST_CERTIFICATE + u16::from(key) - 1,
        }
    }
}

/// The key as the holder may use it: in the order of update, delete, decipher, sign, internal
/// authenticate, generate.
fn key_cell(entry: &Entry<'_>, issued: &Issued) -> Zeroizing<Vec<u8>> {
    let user = by(USER_CREDENTIAL);
    let deciphers = match entry.usage == Usage::AUTHENTICATION {
        true => user,
        false => NOBODY,
    };
    let (mechanism, _) = MECHANISMS
        .iter()
        .find(|(_, bits)| *bits == entry.bits)
        .expect("a v3 model has keys of the known mechanisms");
    let header = Header {
        mechanism: *mechanism,
        rules: Rules {
            access: [user, user, deciphers, user, user, user],
            security: 0,
            uses: None,
        },
    };
    let value = issued.key.to_cell().expect("a private key encodes");
    header.to_cell(&value)
}

/// Files as they are added, one after the other.
struct Files {
    cells: Transaction,
    next: u16,
}

impl Files {
    /// A file of this size, or of that of its content if it is longer.
    fn transparent(
        &mut self,
        parent: Place,
        identifier: u16,
        size: usize,
        access: [Pair; 4],
        content: &[u8],
    ) {
        let mut whole = content.to_vec();
        whole.resize(size.max(content.len()), 0);
        let size = u16::try_from(whole.len()).expect("a certificate is far shorter");
        self.add(
            parent,
            identifier,
            Kind::Transparent { size, access },
            &whole,
        );
    }

    fn dedicated(&mut self, identifier: u16, access: [Pair; 3], name: &[u8]) -> Place {
        let name = name.to_vec();
        self.add(MASTER, identifier, Kind::Dedicated { access, name }, &[])
    }

    fn add(&mut self, parent: Place, identifier: u16, kind: Kind, content: &[u8]) -> Place {
        let place = Place(self.next);
        self.next += 1;
        let file = File {
            identifier,
            parent,
            kind,
        };
        let cells = std::mem::take(&mut self.cells);
        self.cells = cells.set(place.cell(), file.to_cell(content).as_slice());
        place
    }
}
