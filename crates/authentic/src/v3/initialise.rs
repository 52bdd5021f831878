//! The file structure of a new card: the files OpenSC's profile names, EF.DIR written last.

use iso7816::StatusWord;

use super::Client;
use super::access::AccessPair;
use super::control::FileControl;
use crate::pkcs15::{
    Application, Authentication, Common, Directory, DirectoryEntry, DirectoryKind, Id, ObjectFlags,
    Path, Pin, PinFlags, Place, Record, Reference, TokenFlags, TokenInfo, UnknownOfPin,
};
use crate::secrets::FILLER;
use crate::words::v3::{
    AUTHENTICATION_OBJECTS, CERTIFICATES, CHANGE_STAMP, CHANGE_STAMP_SIZE, DATA_OBJECTS, DIRECTORY,
    OBJECT_DIRECTORY, PKCS15, PKCS15_AID, PRIVATE_KEYS, PUBLIC_KEYS, SECRET_KEYS, SO_CREDENTIAL,
    TOKEN_INFO, USER_CREDENTIAL,
};
use crate::{Action, AuthenticError, FilePath, Initialisation, Role};

/// Longest label of a token, in bytes.
const LONGEST_LABEL: usize = 32;

/// Bytes of EF.DIR, as OpenSC's profile has it.
const DIRECTORY_SIZE: u16 = 128;
/// Directories of objects with their sizes in bytes: room for a handful of keys.
const OBJECT_FILES: [(DirectoryKind, u16, u16); 6] = [
    (
        DirectoryKind::AuthenticationObjects,
        AUTHENTICATION_OBJECTS,
        512,
    ),
    (DirectoryKind::PrivateKeys, PRIVATE_KEYS, 1024),
    (DirectoryKind::SecretKeys, SECRET_KEYS, 128),
    (DirectoryKind::PublicKeys, PUBLIC_KEYS, 2560),
    (DirectoryKind::Certificates, CERTIFICATES, 1024),
    (DirectoryKind::DataObjects, DATA_OBJECTS, 512),
];

impl Client {
    /// Whether EF.DIR names the structure and its object directory is there.
    pub(super) fn has_structure(&mut self) -> Result<bool, AuthenticError> {
        let path = FilePath::below_master(&[DIRECTORY]);
        let bytes = match self.read(&path) {
            Ok(bytes) => bytes,
            Err(AuthenticError::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        let listed = Directory::<Application>::read(&bytes)
            .values()
            .next()
            .is_some();
        Ok(listed && self.exists(&FilePath::below_master(&[PKCS15, OBJECT_DIRECTORY]))?)
    }

    pub(super) fn make_structure(&mut self, what: &Initialisation) -> Result<(), AuthenticError> {
        let action = Action::Initialise;
        if what.label.len() > LONGEST_LABEL {
            return Err(AuthenticError::Impossible {
                action,
                detail: format!(
                    "a label has at most {LONGEST_LABEL} bytes, this one has {}",
                    what.label.len()
                ),
            });
        }
        if self.has_structure()? {
            return Err(AuthenticError::AlreadyInitialised {
                action,
                present: FilePath::below_master(&[DIRECTORY]),
            });
        }
        // Told before anything is made.
        let pins = [
            self.pin(Role::User, "PIN")?.encode(),
            self.pin(Role::Officer, "SO PIN")?.encode(),
        ]
        .concat();

        let officer = AccessPair::any_of(&[SO_CREDENTIAL]);
        let user = AccessPair::any_of(&[USER_CREDENTIAL]);
        let either = AccessPair::any_of(&[USER_CREDENTIAL, SO_CREDENTIAL]);
        let master = FilePath::master();
        let base = master.child(PKCS15);
        self.make(
            &master,
            &FileControl::dedicated(PKCS15, [either, officer, user]),
        )?;

        let administered = [AccessPair::ALWAYS, officer, officer, officer];
        let used = [AccessPair::ALWAYS, officer, either, officer];
        let open = [AccessPair::ALWAYS, officer, AccessPair::ALWAYS, officer];
        let stamp = CHANGE_STAMP_SIZE as u16;
        self.make(&base, &FileControl::transparent(CHANGE_STAMP, stamp, open))?;
        for (kind, file, size) in OBJECT_FILES {
            let access = if kind == DirectoryKind::AuthenticationObjects {
                administered
            } else {
                used
            };
            self.make(&base, &FileControl::transparent(file, size, access))?;
        }
        self.fill(&base.child(AUTHENTICATION_OBJECTS), &pins)?;

        let info = TokenInfo {
            version: 0,
            serial: what.serial.clone(),
            manufacturer: Some("Oberthur".to_owned()),
            label: Some(what.label.clone()),
            flags: TokenFlags::LOGIN_REQUIRED.with(TokenFlags::RANDOM_SOURCE),
            ..TokenInfo::default()
        }
        .encode();
        self.make(
            &base,
            &FileControl::transparent(TOKEN_INFO, 192, administered),
        )?;
        self.fill(&base.child(TOKEN_INFO), &info)?;

        let entries: Vec<u8> = OBJECT_FILES
            .iter()
            .flat_map(|&(kind, file, _)| {
                let path = Path::from(&base.child(file));
                let place = Place::File(Reference::whole(path));
                DirectoryEntry { kind, place }.encode()
            })
            .collect();
        self.make(
            &base,
            &FileControl::transparent(OBJECT_DIRECTORY, 256, administered),
        )?;
        self.fill(&base.child(OBJECT_DIRECTORY), &entries)?;

        let application = Application {
            aid: PKCS15_AID.to_vec(),
            label: Some(what.label.clone()),
            path: Some(Path::from(&base)),
            ..Application::default()
        }
        .encode();
        let directory = FileControl::transparent(DIRECTORY, DIRECTORY_SIZE, administered);
        self.make(&master, &directory)?;
        self.fill(&master.child(DIRECTORY), &application)?;
        self.stamp()
    }

    /// A file, unless a broken run made it.
    fn make(&mut self, parent: &FilePath, control: &FileControl) -> Result<(), AuthenticError> {
        let path = parent.child(control.identifier.unwrap_or_default());
        if self.exists(&path)? {
            return Ok(());
        }
        self.create(parent, control)
    }

    /// A file's content with zeros behind it, whatever a broken run left there.
    fn fill(&mut self, path: &FilePath, content: &[u8]) -> Result<(), AuthenticError> {
        let size = self.file(path)?.size;
        if content.len() > size {
            return Err(AuthenticError::NoRoom {
                action: Action::Update(path.clone()),
                detail: format!("{} bytes in a file of {size}", content.len()),
            });
        }
        let mut bytes = content.to_vec();
        bytes.resize(size, 0);
        self.update(path, 0, &bytes)
    }

    /// A passcode as the AODF has it, by the card's own policy.
    fn pin(&mut self, role: Role, label: &str) -> Result<Authentication, AuthenticError> {
        let policy = self.policy(role)?;
        let reference = match role {
            Role::User => USER_CREDENTIAL,
            Role::Officer => SO_CREDENTIAL,
        };
        let max = policy
            .max_length
            .ok_or_else(|| AuthenticError::MalformedAnswer {
                action: Action::ReadPolicy(role),
                detail: StatusWord::OK.to_string() + " without a longest length",
            })?;
        let mut flags = PinFlags::CASE_SENSITIVE
            .with(PinFlags::LOCAL)
            .with(PinFlags::INITIALISED)
            .with(PinFlags::NEEDS_PADDING);
        if role == Role::Officer {
            flags = flags
                .with(PinFlags::UNBLOCK_DISABLED)
                .with(PinFlags::SECURITY_OFFICER);
        }
        Ok(Authentication::Pin(Pin {
            common: Common {
                label: Some(label.to_owned()),
                flags: Some(ObjectFlags::PRIVATE.with(ObjectFlags::MODIFIABLE)),
                auth_id: (role == Role::User).then(|| Id(vec![SO_CREDENTIAL])),
                ..Common::default()
            },
            auth_id: Id(vec![reference]),
            flags,
            kind: ASCII_NUMERIC,
            min_length: policy.min_length.unwrap_or(0).into(),
            stored_length: max.into(),
            max_length: Some(max.into()),
            reference: Some(reference.into()),
            pad: Some(FILLER),
            last_change: None,
            path: Some(Reference::whole(
                (&FilePath::below_master(&[PKCS15])).into(),
            )),
            class: Vec::new(),
            unknown: UnknownOfPin::default(),
        }))
    }
}

/// Type of a passcode: ASCII.
const ASCII_NUMERIC: u32 = 1;
