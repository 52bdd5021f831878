use iso7816::{Command, StatusWord};
use zeroize::Zeroizing;

use super::{Client, FileInfo, FileKind, NewFile, commands};
use crate::words::v2::{df, ef};
use crate::{Action, AuthenticError, FilePath};

/// The largest offset READ BINARY and UPDATE BINARY can name.
const MAX_OFFSET: usize = 0x7FFF;
/// Most files that are deleted inside of one dedicated file; a card that goes on listing is cut
/// off here.
const MAX_FILES: usize = 256;
/// A warning the drivers take as success: the file ended before the bytes asked for.
const END_OF_FILE: StatusWord = StatusWord(0x6282);

/// Files.
impl Client {
    /// Selects a dedicated file, going up and down from the current one: going by the master file
    /// would lose what was proved in the domain.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::NotFound`].
    pub fn enter(&mut self, path: &FilePath) -> Result<(), AuthenticError> {
        let action = Action::Select(path.clone());
        let mut here = match self.directory.take() {
            Some(directory) => directory,
            None => {
                self.select_silently(&action, FilePath::master().identifier())?;
                FilePath::master()
            }
        };
        self.selected = None;
        while !path.identifiers().starts_with(here.identifiers()) {
            self.silently(
                &action,
                &commands::select_parent_silently(),
                &commands::select_parent(),
            )?;
            here = here.parent().unwrap_or_else(FilePath::master);
        }
        // Known from here on, whatever is not there further down.
        self.directory = Some(here.clone());
        for identifier in &path.identifiers()[here.identifiers().len()..] {
            self.select_silently(&action, *identifier)?;
            here = here.child(*identifier);
            self.directory = Some(here.clone());
        }
        Ok(())
    }

    /// Selects a file and returns what the card tells of it.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::NotFound`], [`AuthenticError::MalformedAnswer`].
    pub fn file_info(&mut self, path: &FilePath) -> Result<FileInfo, AuthenticError> {
        let action = Action::Select(path.clone());
        if let Some(parent) = path.parent() {
            self.enter(&parent)?;
        }
        let answer = self.data(&action, &commands::select(path.identifier()))?;
        let malformed = |detail| AuthenticError::MalformedAnswer {
            action: action.clone(),
            detail,
        };
        let info = FileInfo::parse(&answer).map_err(|error| {
            self.directory = None;
            malformed(error.to_string())
        })?;
        if info.kind == FileKind::Dedicated {
            self.directory = Some(path.clone());
            self.selected = None;
        } else {
            self.selected = Some(path.identifier());
        }
        if info.identifier != path.identifier() {
            self.directory = None;
            return Err(malformed(format!(
                "file {:04X}, expected {:04X}",
                info.identifier,
                path.identifier()
            )));
        }
        Ok(info)
    }

    /// The same, `None` where there is no such file.
    ///
    /// # Errors
    ///
    /// As [`Client::file_info`] but for [`AuthenticError::NotFound`].
    pub fn find(&mut self, path: &FilePath) -> Result<Option<FileInfo>, AuthenticError> {
        match self.file_info(path) {
            Ok(info) => Ok(Some(info)),
            Err(AuthenticError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads a whole transparent file.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::NotFound`], [`AuthenticError::AccessDenied`] with the condition in words,
    /// [`AuthenticError::ShortFile`], [`AuthenticError::MalformedAnswer`] for a file of another
    /// kind.
    pub fn read(&mut self, path: &FilePath) -> Result<Zeroizing<Vec<u8>>, AuthenticError> {
        let (stated, bytes) = self.read_leniently(path)?;
        if bytes.len() < stated {
            return Err(AuthenticError::ShortFile {
                path: path.clone(),
                stated,
                actual: bytes.len(),
            });
        }
        Ok(bytes)
    }

    /// Reads as much of a transparent file as there is; first what the card says it has.
    pub(super) fn read_leniently(
        &mut self,
        path: &FilePath,
    ) -> Result<(usize, Zeroizing<Vec<u8>>), AuthenticError> {
        let info = self.transparent(path)?;
        let action = Action::Read(path.clone());
        let stated = usize::from(info.size).min(MAX_OFFSET + 1);
        // Room for everything at once, so that no copies are left behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(stated));
        while bytes.len() < stated {
            let step = (stated - bytes.len()).min(commands::READ_STEP);
            let command = commands::read_binary(bytes.len() as u16, step);
            let response = self.send(&action, &command)?;
            match response.status {
                StatusWord::OK | END_OF_FILE => {
                    let take = response.data.len().min(step);
                    bytes.extend_from_slice(&response.data[..take]);
                    if take < step {
                        break;
                    }
                }
                // Beyond the end of the file: there is less than it says.
                StatusWord(0x6B00 | 0x6A83 | 0x6700) if !bytes.is_empty() => break,
                status => {
                    return Err(AuthenticError::from_status(action, status)
                        .needing(info.access.at(ef::READ)));
                }
            }
        }
        Ok((stated, bytes))
    }

    /// Writes into a transparent file.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::NotFound`], [`AuthenticError::AccessDenied`] with the condition in words,
    /// [`AuthenticError::NoRoom`] where the file is too small: nothing is written then.
    pub fn update(
        &mut self,
        path: &FilePath,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), AuthenticError> {
        let info = self.transparent(path)?;
        let action = Action::Update(path.clone());
        if offset + bytes.len() > usize::from(info.size).min(MAX_OFFSET + 1) {
            return Err(AuthenticError::NoRoom {
                action,
                detail: format!(
                    "{} bytes from byte {offset} in a file of {}",
                    bytes.len(),
                    info.size
                ),
            });
        }
        for (number, step) in bytes.chunks(commands::UPDATE_STEP).enumerate() {
            let at = offset + number * commands::UPDATE_STEP;
            self.done(&action, &commands::update_binary(at as u16, step))
                .map_err(|error| error.needing(info.access.at(ef::UPDATE)))?;
        }
        Ok(())
    }

    /// Creates a file. Of a file of records, `records` is how many places are made at once.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::Impossible`] for an identifier the card does not take,
    /// [`AuthenticError::AccessDenied`], [`AuthenticError::NoRoom`], [`AuthenticError::Refused`]
    /// with 6A89 if it is there already.
    pub fn create(
        &mut self,
        directory: &FilePath,
        file: &NewFile,
        records: u8,
    ) -> Result<(), AuthenticError> {
        let path = directory.child(file.identifier);
        let action = Action::Create(path.clone());
        if !file.is_identifier_allowed() {
            return Err(AuthenticError::Impossible {
                action,
                detail: "the card takes no file with this identifier".to_owned(),
            });
        }
        self.enter(directory)?;
        let created = self.done(&action, &commands::create_file(file, records));
        if let Err(error @ AuthenticError::AccessDenied { .. }) = created {
            return Err(match self.file_info(directory) {
                Ok(info) => error.needing(info.access.at(df::CREATE)),
                Err(_) => error,
            });
        }
        created?;
        // A card may select what it has just made.
        self.directory = None;
        self.stay_in(directory, file)
    }

    /// Deletes a file, a dedicated file with everything in it.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::NotFound`], [`AuthenticError::AccessDenied`].
    pub fn delete(&mut self, path: &FilePath) -> Result<(), AuthenticError> {
        self.delete_at_depth(path, 0)
    }

    /// The identifiers of the files in a dedicated file.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::AccessDenied`], [`AuthenticError::MalformedAnswer`].
    pub fn list(&mut self, directory: &FilePath) -> Result<Vec<u16>, AuthenticError> {
        let action = Action::List(directory.clone());
        self.enter(directory)?;
        let bytes = self.data(&action, &commands::list_files())?;
        let (pairs, rest) = bytes.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(AuthenticError::MalformedAnswer {
                action,
                detail: format!("{} bytes are no list of identifiers", bytes.len()),
            });
        }
        Ok(pairs
            .iter()
            .map(|pair| u16::from_be_bytes(*pair))
            .take_while(|identifier| !matches!(identifier, 0x0000 | 0xFFFF))
            .collect())
    }

    /// Reads a record, from 1; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::AccessDenied`].
    pub fn read_record(
        &mut self,
        path: &FilePath,
        number: u8,
    ) -> Result<Option<Vec<u8>>, AuthenticError> {
        let info = self.of_records(path)?;
        let action = Action::ReadRecord(path.clone(), number);
        let response = self.send(&action, &commands::read_record(number))?;
        match response.status {
            StatusWord::OK | END_OF_FILE => Ok(Some(response.data.to_vec())),
            StatusWord(0x6A83) => Ok(None),
            status => {
                Err(AuthenticError::from_status(action, status).needing(info.access.at(ef::READ)))
            }
        }
    }

    /// Reads all records.
    ///
    /// # Errors
    ///
    /// As [`Client::read_record`].
    pub fn read_records(&mut self, path: &FilePath) -> Result<Vec<Vec<u8>>, AuthenticError> {
        let info = self.of_records(path)?;
        let mut records = Vec::new();
        for number in 1..=info.records.map_or(0, |(_, count)| count) {
            let action = Action::ReadRecord(path.clone(), number);
            let response = self.send(&action, &commands::read_record(number))?;
            match response.status {
                StatusWord::OK | END_OF_FILE => records.push(response.data.to_vec()),
                StatusWord(0x6A83) => break,
                status => {
                    return Err(AuthenticError::from_status(action, status)
                        .needing(info.access.at(ef::READ)));
                }
            }
        }
        Ok(records)
    }

    /// Appends a record.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::AccessDenied`], [`AuthenticError::NoRoom`].
    pub fn append_record(&mut self, path: &FilePath, bytes: &[u8]) -> Result<(), AuthenticError> {
        let info = self.of_records(path)?;
        let action = Action::AppendRecord(path.clone());
        self.done(&action, &commands::append_record(bytes))
            .map_err(|error| error.needing(info.access.at(ef::WRITE)))
    }

    /// Writes a record, from 1.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::NotFound`], [`AuthenticError::AccessDenied`].
    pub fn update_record(
        &mut self,
        path: &FilePath,
        number: u8,
        bytes: &[u8],
    ) -> Result<(), AuthenticError> {
        let info = self.of_records(path)?;
        let action = Action::UpdateRecord(path.clone(), number);
        self.done(&action, &commands::update_record(number, bytes))
            .map_err(|error| error.needing(info.access.at(ef::UPDATE)))
    }

    /// Deletes a record, from 1.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::NotFound`], [`AuthenticError::AccessDenied`].
    pub fn delete_record(&mut self, path: &FilePath, number: u8) -> Result<(), AuthenticError> {
        let info = self.of_records(path)?;
        let action = Action::DeleteRecord(path.clone(), number);
        self.done(&action, &commands::delete_record(number))
            .map_err(|error| error.needing(info.access.at(ef::ERASE)))
    }

    /// Deletes a file if it is there.
    pub(super) fn delete_if_there(&mut self, path: &FilePath) -> Result<(), AuthenticError> {
        match self.find(path)? {
            Some(_) => self.delete(path),
            None => Ok(()),
        }
    }

    fn delete_at_depth(&mut self, path: &FilePath, depth: usize) -> Result<(), AuthenticError> {
        let action = Action::Delete(path.clone());
        let Some(parent) = path.parent() else {
            return Err(AuthenticError::Impossible {
                action,
                detail: "the master file cannot be deleted".to_owned(),
            });
        };
        self.enter(&parent)?;
        let response = self.send(&action, &commands::delete_file(path.identifier()))?;
        self.selected = None;
        match response.status {
            StatusWord::OK => return Ok(()),
            // Also the answer for a dedicated file, which has to be empty.
            StatusWord::NOT_FOUND => {}
            status => return Err(self.deletion_refused(&parent, action, status)),
        }
        if depth == FilePath::MAX_DEPTH {
            return Err(AuthenticError::MalformedAnswer {
                action,
                detail: "dedicated files within dedicated files without end".to_owned(),
            });
        }
        let not_found = |error| match error {
            AuthenticError::NotFound { status, .. } => AuthenticError::NotFound {
                action: action.clone(),
                status,
            },
            error => error,
        };
        self.enter(path).map_err(not_found)?;
        let files = self.list(path)?;
        if files.len() > MAX_FILES {
            return Err(AuthenticError::MalformedAnswer {
                action,
                detail: format!("{} files in one dedicated file", files.len()),
            });
        }
        for identifier in files {
            self.delete_at_depth(&path.child(identifier), depth + 1)?;
        }
        self.enter(&parent)?;
        let response = self.send(&action, &commands::delete_dedicated_file(path.identifier()))?;
        match response.status {
            StatusWord::OK => Ok(()),
            status => Err(self.deletion_refused(&parent, action, status)),
        }
    }

    fn deletion_refused(
        &mut self,
        parent: &FilePath,
        action: Action,
        status: StatusWord,
    ) -> AuthenticError {
        let error = AuthenticError::from_status(action, status);
        if !matches!(error, AuthenticError::AccessDenied { .. }) {
            return error;
        }
        match self.file_info(parent) {
            Ok(info) => error.needing(info.access.at(df::DELETE)),
            Err(_) => error,
        }
    }

    /// After CREATE FILE: a data file leaves its dedicated file current; a dedicated file is
    /// selected, and what the card does of itself then makes no difference.
    fn stay_in(&mut self, directory: &FilePath, file: &NewFile) -> Result<(), AuthenticError> {
        self.directory = Some(directory.clone());
        self.selected = None;
        if file.kind != FileKind::Dedicated {
            return Ok(());
        }
        let path = directory.child(file.identifier);
        let action = Action::Select(path.clone());
        // If the new file is current already, it holds no file of its own name.
        let response = self.send(&action, &commands::select(file.identifier))?;
        match response.status {
            StatusWord::OK | StatusWord::NOT_FOUND => {
                self.directory = Some(path);
                Ok(())
            }
            status => Err(AuthenticError::from_status(action, status)),
        }
    }

    fn select_silently(&mut self, action: &Action, identifier: u16) -> Result<(), AuthenticError> {
        self.silently(
            action,
            &commands::select_silently(identifier),
            &commands::select(identifier),
        )
    }

    /// A SELECT without answer data; some cards answer in any case and do not know that.
    fn silently(
        &mut self,
        action: &Action,
        silent: &Command,
        answered: &Command,
    ) -> Result<(), AuthenticError> {
        match self.send(action, silent)?.status {
            StatusWord::WRONG_P1P2 => self.done(action, answered),
            StatusWord::OK => Ok(()),
            status => Err(AuthenticError::from_status(action.clone(), status)),
        }
    }

    fn transparent(&mut self, path: &FilePath) -> Result<FileInfo, AuthenticError> {
        self.of_kind(path, FileKind::Transparent)
    }

    fn of_records(&mut self, path: &FilePath) -> Result<FileInfo, AuthenticError> {
        self.of_kind(path, FileKind::Records)
    }

    pub(super) fn of_kind(
        &mut self,
        path: &FilePath,
        kind: FileKind,
    ) -> Result<FileInfo, AuthenticError> {
        let info = self.file_info(path)?;
        if info.kind == kind {
            return Ok(info);
        }
        Err(AuthenticError::MalformedFile {
            path: path.clone(),
            detail: format!("a {}, expected a {kind}", info.kind),
        })
    }
}
