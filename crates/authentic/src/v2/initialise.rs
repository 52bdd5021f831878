//! The file structure of a new card: the files OpenSC's profile names. The flag that says so in the
//! token information is written last.

use super::layout::TokenInformation;
use super::passcodes::field;
use super::{Client, structure};
use crate::secrets::UnblockingCode;
use crate::words::v2::{PIN_FIELD, TOKEN_INFO, UNBLOCKING_CODE, token_flag};
use crate::{Action, AuthenticError, FilePath, Initialisation};

impl Client {
    /// Whether the domain is there and its token information says that it is complete.
    pub(super) fn has_structure(&mut self) -> Result<bool, AuthenticError> {
        let path = structure::domain().child(TOKEN_INFO);
        if !self.enter_domain()? || self.find(&path)?.is_none() {
            return Ok(false);
        }
        let (_, bytes) = self.read_leniently(&path)?;
        Ok(TokenInformation::parse(&path, &bytes)
            .value
            .is_initialised())
    }

    pub(super) fn make_structure(&mut self, what: &Initialisation) -> Result<(), AuthenticError> {
        let action = Action::Initialise;
        // Checked before anything is made.
        let information = TokenInformation {
            label: what.label.clone(),
            flags: token_flag::INITIALISED | token_flag::RANDOM_SOURCE,
        }
        .encode()
        .map_err(|error| AuthenticError::Impossible {
            action: action.clone(),
            detail: error.to_string(),
        })?;
        let copy = what
            .officer
            .as_ref()
            .map(|officer| field(&action, officer.padded(PIN_FIELD)))
            .transpose()?;
        let domain = structure::domain();
        if self.has_structure()? {
            return Err(AuthenticError::AlreadyInitialised {
                action,
                present: domain,
            });
        }

        if !self.enter_domain()? {
            self.create(&FilePath::master(), &structure::domain_file(), 0)?;
        }
        for file in structure::domain_files() {
            // A broken run may have made it.
            if self.find(&domain.child(file.identifier))?.is_none() {
                self.create(&domain, &file, 0)?;
            }
        }
        let path = domain.child(UNBLOCKING_CODE);
        let code = self.read(&path)?;
        if is_unwritten(&code) {
            let code = UnblockingCode::random(&*self.ambient);
            self.update(&path, 0, code.bytes())?;
        }
        if let Some(field) = copy {
            self.define_copy(&action, &field, what.officer_tries)?;
        }
        self.update(&domain.child(TOKEN_INFO), 0, &information)
    }
}

fn is_unwritten(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0x00) || bytes.iter().all(|byte| *byte == 0xFF)
}
