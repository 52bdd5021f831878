//! The file system: select, create, read, update, delete.

use iso7816::{Command, Expected, Instruction, StatusWord};

use super::Client;
use super::control::FileControl;
use crate::pkcs15::rewrite::Write;
use crate::pkcs15::{FileContent, Files};
use crate::words::v3::{CHANGE_STAMP, CHANGE_STAMP_SIZE, PKCS15, file as position};
use crate::words::{CREATE_FILE, DELETE_FILE, UPDATE_BINARY};
use crate::{Action, AuthenticError, FilePath};

/// WRITE BINARY: as UPDATE BINARY, into a file that was never written.
const WRITE_BINARY: u8 = 0xD0;
/// Most bytes read with one command.
const MOST_READ: usize = 256;
/// READ and UPDATE BINARY reach no further.
const FURTHEST: usize = 0x8000;

/// How SELECT finds a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// The master file.
    Master,
    /// A path from the master file, which leads it.
    Path(Vec<u8>),
    /// A file in the current dedicated file.
    Identifier(u16),
    /// The dedicated file above.
    Parent,
    /// A path from the current dedicated file.
    FromHere(Vec<u8>),
}

impl Way {
    fn command(&self) -> Command {
        let (p1, data) = match self {
            Self::Master => (0x00, Vec::new()),
            Self::Identifier(id) => (0x00, id.to_be_bytes().to_vec()),
            Self::Parent => (0x03, Vec::new()),
            Self::Path(path) => (0x08, path.clone()),
            Self::FromHere(path) => (0x09, path.clone()),
        };
        Command::new(0x00, Instruction::SELECT, p1, 0x00)
            .with_data(data)
            .with_expected(Expected::SHORT_MAX)
    }
}

impl Client {
    /// Selects a file and tells what it is.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::NotFound`], [`AuthenticError::MalformedAnswer`],
    /// [`AuthenticError::Channel`].
    pub fn file(&mut self, path: &FilePath) -> Result<FileControl, AuthenticError> {
        let way = match path.identifiers() {
            [_] => Way::Master,
            ids => Way::Path(ids.iter().flat_map(|id| id.to_be_bytes()).collect()),
        };
        self.select_by(&way, path)
    }

    /// Selects a file in the current dedicated file.
    ///
    /// # Errors
    ///
    /// As [`Client::file`].
    pub fn select_identifier(&mut self, identifier: u16) -> Result<FileControl, AuthenticError> {
        let path = FilePath::below_master(&[identifier]);
        self.select_by(&Way::Identifier(identifier), &path)
    }

    /// Selects by a path from the current dedicated file.
    ///
    /// # Errors
    ///
    /// As [`Client::file`].
    pub fn select_from_here(&mut self, identifiers: &[u16]) -> Result<FileControl, AuthenticError> {
        let bytes = identifiers.iter().flat_map(|id| id.to_be_bytes());
        let path = FilePath::below_master(identifiers);
        self.select_by(&Way::FromHere(bytes.collect()), &path)
    }

    /// Selects the dedicated file above the current one.
    ///
    /// # Errors
    ///
    /// As [`Client::file`].
    pub fn select_parent(&mut self) -> Result<FileControl, AuthenticError> {
        self.select_by(&Way::Parent, &FilePath::master())
    }

    fn select_by(&mut self, way: &Way, path: &FilePath) -> Result<FileControl, AuthenticError> {
        let action = Action::Select(path.clone());
        let response = self.succeed(&action, &way.command())?;
        FileControl::parse(&response.data).map_err(|error| AuthenticError::MalformedAnswer {
            action,
            detail: error.to_string(),
        })
    }

    /// Whether there is a file.
    ///
    /// # Errors
    ///
    /// Those of [`Client::file`] but [`AuthenticError::NotFound`].
    pub fn exists(&mut self, path: &FilePath) -> Result<bool, AuthenticError> {
        match self.file(path) {
            Ok(_) => Ok(true),
            Err(AuthenticError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads a transparent file as far as its size says, or the card gives.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::NotFound`], [`AuthenticError::AccessDenied`] with what it needs,
    /// [`AuthenticError::ShortFile`], [`AuthenticError::Channel`].
    pub fn read(&mut self, path: &FilePath) -> Result<Vec<u8>, AuthenticError> {
        let control = self.file(path)?;
        let bytes = self.read_selected(path, &control)?;
        if bytes.len() < control.size {
            return Err(AuthenticError::ShortFile {
                path: path.clone(),
                stated: control.size,
                actual: bytes.len(),
            });
        }
        Ok(bytes)
    }

    /// The bytes of the file selected; fewer than its size says if the card ends it.
    fn read_selected(
        &mut self,
        path: &FilePath,
        control: &FileControl,
    ) -> Result<Vec<u8>, AuthenticError> {
        let action = Action::Read(path.clone());
        let size = control.size.min(FURTHEST);
        let mut bytes = Vec::with_capacity(size);
        while bytes.len() < size {
            let [p1, p2] = (bytes.len() as u16).to_be_bytes();
            let wanted = (size - bytes.len()).min(MOST_READ);
            let command = Command::new(0x00, Instruction::READ_BINARY, p1, p2)
                .with_expected(Expected::new(wanted as u32));
            let response = self.transmit(&action, &command)?;
            match response.status.0 {
                0x9000 | 0x6282 => {}
                // Outside of the file: it is shorter than stated.
                0x6B00 => break,
                _ => {
                    let error = AuthenticError::from_status(action, response.status);
                    return Err(denied(error, control, position::READ));
                }
            }
            let received = response.data.len().min(wanted);
            bytes.extend_from_slice(&response.data[..received]);
            if received < wanted {
                break;
            }
        }
        Ok(bytes)
    }

    /// Writes into a file from an offset on.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::NoRoom`] beyond its end, nothing is sent then; as [`Client::read`]. What
    /// was written before an error stays written.
    pub fn update(
        &mut self,
        path: &FilePath,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), AuthenticError> {
        let most = self.most();
        let writes: Vec<_> = bytes
            .chunks(most)
            .enumerate()
            .map(|(n, part)| Write {
                offset: offset + n * most,
                bytes: part.to_vec(),
            })
            .collect();
        self.write_all(path, UPDATE_BINARY, &writes)
    }

    /// As [`Client::update`], with WRITE BINARY, into a file that was never written.
    ///
    /// # Errors
    ///
    /// As [`Client::update`].
    pub fn write_once(&mut self, path: &FilePath, bytes: &[u8]) -> Result<(), AuthenticError> {
        let most = self.most();
        let writes: Vec<_> = bytes
            .chunks(most)
            .enumerate()
            .map(|(n, part)| Write {
                offset: n * most,
                bytes: part.to_vec(),
            })
            .collect();
        self.write_all(path, WRITE_BINARY, &writes)
    }

    /// Fills a file with zeros.
    ///
    /// # Errors
    ///
    /// As [`Client::update`].
    pub fn erase(&mut self, path: &FilePath) -> Result<(), AuthenticError> {
        let size = self.file(path)?.size;
        self.update(path, 0, &vec![0; size.min(FURTHEST)])
    }

    /// Carries out planned writes, in this order.
    pub(super) fn write(
        &mut self,
        path: &FilePath,
        writes: &[Write],
    ) -> Result<(), AuthenticError> {
        self.write_all(path, UPDATE_BINARY, writes)
    }

    fn write_all(
        &mut self,
        path: &FilePath,
        instruction: u8,
        writes: &[Write],
    ) -> Result<(), AuthenticError> {
        let action = Action::Update(path.clone());
        let control = self.file(path)?;
        let room = control.size.min(FURTHEST);
        let end = writes
            .iter()
            .map(|write| write.offset + write.bytes.len())
            .max();
        if let Some(end) = end.filter(|end| *end > room) {
            return Err(AuthenticError::NoRoom {
                action,
                detail: format!("file {path} has {room} bytes, {end} are needed"),
            });
        }
        for write in writes {
            let [p1, p2] = (write.offset as u16).to_be_bytes();
            let command =
                Command::new(0x00, Instruction(instruction), p1, p2).with_data(write.bytes.clone());
            self.succeed(&action, &command)
                .map_err(|error| denied(error, &control, position::UPDATE))?;
        }
        Ok(())
    }

    /// Creates a file in the dedicated file `parent` and selects it.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::AccessDenied`], [`AuthenticError::NoRoom`],
    /// [`AuthenticError::Refused`] with 6A89 if there is one.
    pub fn create(
        &mut self,
        parent: &FilePath,
        control: &FileControl,
    ) -> Result<(), AuthenticError> {
        let above = self.file(parent)?;
        let path = parent.child(control.identifier.unwrap_or_default());
        let command =
            Command::new(0x00, Instruction(CREATE_FILE), 0x00, 0x00).with_data(control.to_bytes());
        self.succeed(&Action::Create(path), &command)
            .map_err(|error| denied(error, &above, crate::words::v3::df::CREATE))
            .map(|_| ())
    }

    /// Deletes a file, if there is one. A dedicated file must be empty.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::AccessDenied`], [`AuthenticError::Refused`],
    /// [`AuthenticError::Channel`].
    pub fn delete(&mut self, path: &FilePath) -> Result<(), AuthenticError> {
        let control = match self.file(path) {
            Ok(control) => control,
            Err(AuthenticError::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let parent = path.parent().unwrap_or_else(FilePath::master);
        self.file(&parent)?;
        let action = Action::Delete(path.clone());
        let condition = if control.is_dedicated() {
            crate::words::v3::df::DELETE
        } else {
            position::DELETE
        };
        // P1 02 is for a file here, 01 for a dedicated one: the card answers 6A82 to the wrong.
        let mut response = StatusWord::NOT_FOUND;
        for p1 in [0x02, 0x01] {
            let command = Command::new(0x00, Instruction(DELETE_FILE), p1, 0x00)
                .with_data(path.identifier().to_be_bytes());
            response = self.transmit(&action, &command)?.status;
            if response != StatusWord::NOT_FOUND {
                break;
            }
        }
        match response {
            StatusWord::OK | StatusWord::NOT_FOUND => Ok(()),
            status => {
                let error = AuthenticError::from_status(action, status);
                Err(denied(error, &control, condition))
            }
        }
    }

    /// Writes random bytes of the card into the file by which hosts notice that their caches are
    /// stale. A card without the file needs none.
    pub(super) fn stamp(&mut self) -> Result<(), AuthenticError> {
        let path = FilePath::below_master(&[PKCS15, CHANGE_STAMP]);
        let size = match self.file(&path) {
            Ok(control) => control.size.min(CHANGE_STAMP_SIZE),
            Err(AuthenticError::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let random = self.challenge()?;
        self.update(&path, 0, &random[..size])
    }
}

/// Says which access condition was not met.
fn denied(error: AuthenticError, control: &FileControl, position: usize) -> AuthenticError {
    match control.condition(position) {
        Some(condition) => error.needing(condition),
        None => error,
    }
}

/// Files for [`Structure::read`](crate::pkcs15::Structure::read).
impl Files for Client {
    type Error = AuthenticError;

    fn read(&mut self, path: &FilePath) -> Result<FileContent, AuthenticError> {
        let control = match self.file(path) {
            Ok(control) => control,
            Err(AuthenticError::NotFound { .. }) => return Ok(FileContent::Absent),
            Err(AuthenticError::AccessDenied { status, .. }) => {
                return Ok(FileContent::Guarded { status });
            }
            Err(error) => return Err(error),
        };
        if control.is_dedicated() {
            return Ok(FileContent::Dedicated);
        }
        match self.read_selected(path, &control) {
            Ok(bytes) => Ok(FileContent::File {
                bytes,
                stated: control.size,
            }),
            Err(
                AuthenticError::AccessDenied { status, .. }
                | AuthenticError::Refused { status, .. }
                | AuthenticError::NotFound { status, .. },
            ) => Ok(FileContent::Guarded { status }),
            Err(error) => Err(error),
        }
    }
}
