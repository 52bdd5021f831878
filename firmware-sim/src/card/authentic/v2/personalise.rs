//! What the application of a new card holds.

use ::authentic::words::{self, v2};
use der::{Decode, Encode};
use rand_core::Rng;
use sha1::{Digest, Sha1};
use x509_cert::Certificate;
use zeroize::Zeroizing;

use super::attributes::{self, KeyAttributes, Pair};
use super::passcode::{Passcode, Unblocking};
use super::{data, key};
use crate::card::Condition;
use crate::card::authentic::AuthenticModel;
use crate::card::authentic::authority::{self, Authority, Holder, Usage};
use crate::card::authentic::files::{Header, MASTER, Place};
use crate::card::authentic::rsa::{F4, RsaKey};
use crate::card::nvm::{Cell, Transaction};
use crate::card::personalise::authority::ENCODES;
use crate::card::random::seeded;

/// Access bytes, as OpenSC's profile makes them; of the master file, which it does not make: the
/// officer builds and tears down, anybody looks.
mod access {
    pub(super) const MASTER: [u8; 8] = [0x24, 0x24, 0x00, 0x24, 0x24, 0x00, 0x24, 0xFF];
    pub(super) const DOMAIN: [u8; 8] = [0x24, 0xFF, 0x00, 0x00, 0x24, 0x00, 0x24, 0xFF];
    pub(super) const PUBLIC_DOMAIN: [u8; 8] = [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xFF];
    pub(super) const PRIVATE_DOMAIN: [u8; 8] = [0x21, 0x21, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF];
    pub(super) const TOKEN_INFO: [u8; 8] = [0x24, 0x24, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    pub(super) const UNBLOCKING_CODE: [u8; 8] = [0xFF, 0x24, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    pub(super) const ANYBODY: [u8; 8] = [0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF];
    pub(super) const PUBLIC_LIST: [u8; 8] = [0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    pub(super) const PRIVATE: [u8; 8] = [0x21, 0x21, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    pub(super) const PUBLIC_KEY: [u8; 8] = [0x00, 0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0xFF];
    pub(super) const PRIVATE_KEY: [u8; 8] = [0x21, 0x21, 0xFF, 0x21, 0xFF, 0x21, 0xFF, 0xFF];
    /// For a key that signs and does nothing else.
    pub(super) const SIGNING_KEY: [u8; 8] = [0x21, 0xFF, 0xFF, 0x21, 0xFF, 0xFF, 0xFF, 0xFF];
}

/// The label of the token.
const LABEL: &str = "SCM";

/// Sizes of the files that are there from the beginning, in bytes; of the container list, its
/// records.
const PUBLIC_LIST: u16 = 250;
const PRIVATE_LIST: u16 = 125;
const CONTAINERS: u16 = 20;

/// What a key of either pair may do, in its attributes: the authentication key what OpenSC
/// writes for any key, the signing key its one purpose.
mod flag {
    use ::authentic::words::v2::object_flag as of;

    const BOTH: u16 = of::MODIFIABLE | of::MADE_ON_CARD;
    pub(super) const PRIVATE: u16 = BOTH | of::DECRYPT | of::SIGN | of::SIGN_RECOVER | of::UNWRAP;
    pub(super) const PUBLIC: u16 = BOTH | of::ENCRYPT | of::VERIFY | of::VERIFY_RECOVER | of::WRAP;
    pub(super) const SIGNING_PRIVATE: u16 = BOTH | of::SIGN;
    pub(super) const SIGNING_PUBLIC: u16 = BOTH | of::VERIFY;
}

/// A blank has the master file and the officer's passcode as delivered. A personalised card has
/// the file structure, the holder's passcode and two key pairs with their certificates besides.
pub(in crate::card::authentic) fn add_to(
    cells: Transaction,
    model: &AuthenticModel,
    number: u64,
    condition: Condition,
) -> Transaction {
    let mut card = NewCard::new(cells);
    card.officer(model);
    match condition {
        Condition::Blank => {}
        Condition::Personalised => card.personalise(model, number),
    }
    card.cells
}

/// A card that is being made.
struct NewCard {
    cells: Transaction,
    next: Place,
}

impl NewCard {
    fn new(cells: Transaction) -> Self {
        let mut card = Self {
            cells,
            next: MASTER,
        };
        card.directory(MASTER, words::MASTER_FILE, access::MASTER, 0);
        card
    }

    fn officer(&mut self, model: &AuthenticModel) {
        let officer = Passcode {
            domain: MASTER,
            limit: model.officer.tries,
            left: model.officer.tries,
            value: Zeroizing::new(model.officer.padded()),
            unblocking: None,
        };
        self.set(Cell::Credential(v2::SO_PIN), &officer.to_cell());
    }

    fn personalise(&mut self, model: &AuthenticModel, number: u64) {
        let random = &mut seeded(number, 0);
        let authority = Authority::new(number, random);
        let holder = Holder::of(number);
        let bits = model.keys.personalised;
        let mut pair = || RsaKey::generate(bits, F4, random).expect(ENCODES);
        let pairs = [
            NewPair {
                index: 1,
                usage: Usage::Authentication,
                key: pair(),
            },
            NewPair {
                index: 2,
                usage: Usage::Signing,
                key: pair(),
            },
        ];
        let mut names = [[0; 16]; 2];
        names.iter_mut().for_each(|name| random.fill_bytes(name));

        let domain = self.directory(MASTER, v2::DOMAIN, access::DOMAIN, 40);
        let flags = v2::token_flag::INITIALISED
            | v2::token_flag::RANDOM_SOURCE
            | v2::token_flag::LOGIN_REQUIRED
            | v2::token_flag::USER_PIN_SET;
        let information = attributes::token_information(LABEL, flags);
        self.transparent(domain, v2::TOKEN_INFO, access::TOKEN_INFO, &information);
        self.holder_passcode(model, domain);

        let entries = |classes: &[u8]| -> Vec<u8> {
            let objects = pairs.iter().flat_map(|pair| {
                let classes = classes.iter();
                classes.map(|class| attributes::entry(pair.identifier(*class), bits))
            });
            objects.flatten().collect()
        };
        let mut public_list = entries(&[v2::class::PUBLIC_KEY]);
        let private_list = padded(entries(&[v2::class::PRIVATE_KEY]), PRIVATE_LIST);
        let containers = data::encode(&[
            attributes::container(pairs[0].objects(), Pair::default(), names[0]),
            attributes::container(Pair::default(), pairs[1].objects(), names[1]),
        ]);

        let public = self.directory(domain, v2::PUBLIC_DOMAIN, access::PUBLIC_DOMAIN, 80);
        let private = self.directory(domain, v2::PRIVATE_DOMAIN, access::PRIVATE_DOMAIN, 40);
        for pair in &pairs {
            let certificate = authority.certify(&holder, pair.usage, &pair.key.public());
            let size = certificate.len() as u16;
            let identifier = pair.identifier(v2::class::CERTIFICATE);
            public_list.extend(attributes::entry(identifier, size));
            self.put_pair(pair, &holder, &certificate, public, private);
        }
        let file = Header {
            parent: domain,
            identifier: v2::CONTAINERS,
            kind: v2::TYPE_RECORDS,
            coding: 1,
            size: CONTAINERS,
            access: access::ANYBODY,
        };
        self.add(&file, &containers);
        let public_list = padded(public_list, PUBLIC_LIST);
        self.transparent(
            domain,
            v2::PUBLIC_OBJECTS,
            access::PUBLIC_LIST,
            &public_list,
        );
        self.transparent(domain, v2::PRIVATE_OBJECTS, access::PRIVATE, &private_list);
    }

    /// The holder's passcode and what unblocks it; the code is in a file for anybody to read, as
    /// hosts put it there, behind the officer's passcode only when it is used.
    fn holder_passcode(&mut self, model: &AuthenticModel, domain: Place) {
        let code = model.unblocking.as_ref().expect("a model of v2 has one");
        let value: Zeroizing<[u8; v2::PUK_FIELD]> = Zeroizing::new(code.padded());
        let passcode = Passcode {
            domain,
            limit: model.passcode.tries,
            left: model.passcode.tries,
            value: Zeroizing::new(model.passcode.padded()),
            unblocking: Some(Unblocking {
                limit: code.tries,
                left: code.tries,
                codes: Zeroizing::new(value.to_vec()),
            }),
        };
        self.set(Cell::Credential(v2::USER_PIN), &passcode.to_cell());
        self.transparent(
            domain,
            v2::UNBLOCKING_CODE,
            access::UNBLOCKING_CODE,
            &*value,
        );
    }

    fn put_pair(
        &mut self,
        pair: &NewPair,
        holder: &Holder,
        certificate: &[u8],
        public: Place,
        private: Place,
    ) {
        let (modulus, exponent) = (pair.key.modulus(), pair.key.exponent());
        let identifier = Sha1::digest(&modulus);
        let label = holder.common_name();
        let (private_access, private_flags, public_flags) = match pair.usage {
            Usage::Authentication => (access::PRIVATE_KEY, flag::PRIVATE, flag::PUBLIC),
            Usage::Signing => (
                access::SIGNING_KEY,
                flag::SIGNING_PRIVATE,
                flag::SIGNING_PUBLIC,
            ),
        };
        let of_key = KeyAttributes {
            label: &label,
            identifier: &identifier,
            days: &authority::days(),
        };
        let parsed = Certificate::from_der(certificate).expect(ENCODES);
        let tbs = parsed.tbs_certificate();
        let names = [
            tbs.subject().to_der(),
            tbs.issuer().to_der(),
            tbs.serial_number().to_der(),
        ]
        .map(|der| der.expect(ENCODES));
        let names = names.each_ref().map(Vec::as_slice);
        let of_certificate = attributes::certificate(&label, &identifier, names);

        let key_file = |parent, class, kind, access| Header {
            parent,
            identifier: pair.identifier(class),
            kind,
            coding: 0,
            size: pair.key.bits(),
            access,
        };
        let class = v2::class::PUBLIC_KEY;
        let file = key_file(public, class, v2::TYPE_PUBLIC_KEY, access::PUBLIC_KEY);
        self.add(&file, &key::public_body(&modulus, &exponent));
        let of_public = of_key.public(public_flags);
        self.transparent(public, pair.attributes(class), access::ANYBODY, &of_public);

        let class = v2::class::CERTIFICATE;
        self.transparent(public, pair.identifier(class), access::ANYBODY, certificate);
        self.transparent(
            public,
            pair.attributes(class),
            access::ANYBODY,
            &of_certificate,
        );

        let class = v2::class::PRIVATE_KEY;
        let file = key_file(private, class, v2::TYPE_PRIVATE_KEY, private_access);
        self.add(&file, &key::private_body(&pair.key).expect(ENCODES));
        let of_private = of_key.private(private_flags, &modulus, &exponent);
        self.transparent(
            private,
            pair.attributes(class),
            access::PRIVATE,
            &of_private,
        );
    }

    fn directory(&mut self, parent: Place, identifier: u16, access: [u8; 8], size: u16) -> Place {
        let file = Header {
            parent,
            identifier,
            kind: v2::TYPE_DF,
            coding: 0,
            size,
            access,
        };
        self.add(&file, &[])
    }

    fn transparent(&mut self, parent: Place, identifier: u16, access: [u8; 8], content: &[u8]) {
        let file = Header {
            parent,
            identifier,
            kind: v2::TYPE_TRANSPARENT,
            coding: 1,
            size: content.len() as u16,
            access,
        };
        self.add(&file, content);
    }

    fn add(&mut self, file: &Header, body: &[u8]) -> Place {
        let place = self.next;
        self.next = Place(place.0 + 1);
        self.set(place.cell(), &file.with(body));
        place
    }

    fn set(&mut self, cell: Cell, value: &[u8]) {
        self.cells = std::mem::take(&mut self.cells).set(cell, value);
    }
}

/// A key pair of a new card.
struct NewPair {
    index: u8,
    usage: Usage,
    key: RsaKey,
}

impl NewPair {
    /// The file of its object of this class.
    fn identifier(&self, class: u8) -> u16 {
        u16::from_be_bytes([class, self.index])
    }

    /// The file of that object's attributes.
    fn attributes(&self, class: u8) -> u16 {
        u16::from_be_bytes([class + 1, self.index])
    }

    fn objects(&self) -> Pair {
        Pair {
            public: self.identifier(v2::class::PUBLIC_KEY),
            private: self.identifier(v2::class::PRIVATE_KEY),
            certificate: self.identifier(v2::class::CERTIFICATE),
        }
    }
}

/// A list with room for more.
fn padded(mut list: Vec<u8>, size: u16) -> Vec<u8> {
    list.resize(usize::from(size), 0);
    list
}
