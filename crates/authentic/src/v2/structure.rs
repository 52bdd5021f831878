//! The files of a card as the profile of OpenSC's `oberthur` driver makes them.

use super::{Access, Condition, FileKind, NewFile};
use crate::words::v2::{
    CONTAINERS, DOMAIN, PRIVATE_DOMAIN, PRIVATE_OBJECTS, PUBLIC_DOMAIN, PUBLIC_OBJECTS, PUK_FIELD,
    TOKEN_INFO, UNBLOCKING_CODE, df, ef, private_key, public_key,
};
use crate::{FilePath, KeyUsage};

use super::layout::{ObjectId, Slot, TokenInformation};
use Condition::{Always, Never, OfficerPin, UserPin};

/// Where OpenSC has the public half of a new key made: beside the private one, deleted when it is
/// read.
pub(super) const TEMPORARY_PUBLIC_KEY: u16 = 0x1012;
/// Places in the list of public objects.
const PUBLIC_PLACES: usize = 50;
/// Places in the list of private objects.
const PRIVATE_PLACES: usize = 25;
/// What OpenSC's profile states as the size of the file of containers; its records grow one by one.
const CONTAINER_FILE: u16 = 20;

/// The domain file 5011.
pub(super) fn domain() -> FilePath {
    FilePath::below_master(&[DOMAIN])
}

/// The list of an object.
pub(super) fn list_of(private: bool) -> FilePath {
    domain().child(if private {
        PRIVATE_OBJECTS
    } else {
        PUBLIC_OBJECTS
    })
}

/// The dedicated file of public or private objects.
pub(super) fn objects(private: bool) -> FilePath {
    domain().child(if private {
        PRIVATE_DOMAIN
    } else {
        PUBLIC_DOMAIN
    })
}

/// The file of an object; public where its class is not known.
pub(super) fn object(id: ObjectId) -> FilePath {
    objects(id.is_private().unwrap_or(false)).child(id.0)
}

/// The file of an object's attributes.
pub(super) fn attributes(id: ObjectId) -> FilePath {
    objects(id.is_private().unwrap_or(false)).child(id.attributes())
}

/// The file of containers.
pub(super) fn containers() -> FilePath {
    domain().child(CONTAINERS)
}

/// The domain, in the master file.
pub(super) fn domain_file() -> NewFile {
    dedicated(
        DOMAIN,
        40,
        &[
            (df::CREATE, OfficerPin),
            (df::GENERATE, Never),
            (df::LIST, Always),
            (df::DELETE, Always),
            (df::DEFINE_PIN, OfficerPin),
            (df::CHANGE_PIN, Always),
            (df::RESET_PIN, OfficerPin),
        ],
    )
}

/// What is in the domain, in the order of creation.
pub(super) fn domain_files() -> [NewFile; 7] {
    [
        dedicated(
            PRIVATE_DOMAIN,
            40,
            &[
                (df::CREATE, UserPin),
                (df::GENERATE, UserPin),
                (df::LIST, Always),
                (df::DELETE, Always),
            ],
        ),
        dedicated(
            PUBLIC_DOMAIN,
            80,
            &[
                (df::CREATE, Always),
                (df::GENERATE, Always),
                (df::LIST, Always),
                (df::DELETE, Always),
            ],
        ),
        transparent(
            TOKEN_INFO,
            TokenInformation::SIZE,
            [OfficerPin, OfficerPin, Always, Never],
        ),
        transparent(
            UNBLOCKING_CODE,
            PUK_FIELD,
            [Never, OfficerPin, Always, Never],
        ),
        container_file(),
        transparent(
            PUBLIC_OBJECTS,
            PUBLIC_PLACES * Slot::SIZE,
            [Always, Always, Always, Never],
        ),
        transparent(
            PRIVATE_OBJECTS,
            PRIVATE_PLACES * Slot::SIZE,
            [UserPin, UserPin, Always, Never],
        ),
    ]
}

/// The file of containers.
pub(super) fn container_file() -> NewFile {
    NewFile {
        kind: FileKind::Records,
        identifier: CONTAINERS,
        size: CONTAINER_FILE,
        access: data([Always, Always, Always, Always]),
    }
}

/// A transparent file for a public object or its attributes.
pub(super) fn public_file(identifier: u16, size: usize) -> NewFile {
    transparent(identifier, size, [Always; 4])
}

/// A transparent file for the attributes of a private object.
pub(super) fn private_attributes(identifier: u16, size: usize) -> NewFile {
    transparent(identifier, size, [UserPin, UserPin, Always, UserPin])
}

/// A private key. One for signing deciphers nothing.
pub(super) fn private_key_file(identifier: u16, bits: u16, usage: KeyUsage) -> NewFile {
    let (decipher, authenticate) = match usage {
        KeyUsage::Authentication => (UserPin, UserPin),
        KeyUsage::Signing => (Never, Never),
    };
    NewFile {
        kind: FileKind::PrivateKey,
        identifier,
        size: bits,
        access: Access::new(&[
            (private_key::UPDATE, UserPin),
            (private_key::DECIPHER, decipher),
            (private_key::SIGN, UserPin),
            (private_key::INTERNAL_AUTHENTICATE, authenticate),
        ]),
    }
}

/// A public key, which anybody may read but only the holder write.
pub(super) fn public_key_file(identifier: u16, bits: u16) -> NewFile {
    NewFile {
        kind: FileKind::PublicKey,
        identifier,
        size: bits,
        access: Access::new(&[
            (public_key::UPDATE, UserPin),
            (public_key::ENCIPHER, Always),
            (public_key::VERIFY, Always),
            (public_key::EXTERNAL_AUTHENTICATE, Always),
        ]),
    }
}

fn dedicated(identifier: u16, size: u16, access: &[(usize, Condition)]) -> NewFile {
    NewFile {
        kind: FileKind::Dedicated,
        identifier,
        size,
        access: Access::new(access),
    }
}

fn transparent(identifier: u16, size: usize, access: [Condition; 4]) -> NewFile {
    NewFile {
        kind: FileKind::Transparent,
        identifier,
        // Certificates and attributes are checked before against what an offset can name.
        size: size as u16,
        access: data(access),
    }
}

/// Write, update, read, erase.
fn data([write, update, read, erase]: [Condition; 4]) -> Access {
    Access::new(&[
        (ef::WRITE, write),
        (ef::UPDATE, update),
        (ef::READ, read),
        (ef::ERASE, erase),
    ])
}
