use iso7816::StatusWord;
use zeroize::Zeroizing;

use super::{Client, commands, structure};
use crate::secrets::{NewPasscode, OfficerPasscode, Passcode, UnblockingCode};
use crate::words::v2::{
    ONE_TIME_PIN, PIN_FIELD, PUK, PUK_FIELD, SO_PIN, TOKEN_INFO, USER_PIN, token_flag,
};
use crate::{Action, AuthenticError, LastTry, Role, Tries};

use super::layout::TokenInformation;

/// Tries of the unblocking code: as OpenSC sets them. Nobody types the code.
const UNBLOCKING_TRIES: u8 = 5;

/// Tries of the domain's copy of the security officer's passcode, where those it had are not
/// known: as OpenSC sets them.
const COPY_TRIES: u8 = 3;

/// Passcodes.
impl Client {
    /// How a passcode stands, asked twice. Spends no try.
    pub(super) fn tries_of(&mut self, role: Role) -> Result<Tries, AuthenticError> {
        match role {
            Role::User => {
                if !self.enter_domain()? {
                    return Ok(Tries::ABSENT);
                }
                self.state(role, USER_PIN)
            }
            Role::Officer => self.officer_reference().map(|(_, tries)| tries),
        }
    }

    /// Verifies the holder's passcode.
    pub(super) fn verify_user(
        &mut self,
        passcode: &Passcode,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        let action = Action::Verify(Role::User);
        let tries = self.tries_of(Role::User)?;
        may_try(&action, Role::User, tries, last)?;
        let field = field(&action, passcode.padded(PIN_FIELD))?;
        let response = self.send(&action, &commands::verify(USER_PIN, &field))?;
        AuthenticError::verified(action, Role::User, response.status)
    }

    /// Verifies the security officer's passcode: reference 04, or 84 on a card that has no 04.
    pub(super) fn verify_so(
        &mut self,
        passcode: &OfficerPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        let (reference, tries) = self.officer_reference()?;
        self.verify_officer_at(reference, tries, passcode, last)
    }

    /// Sets the holder's passcode with the unblocking code of file 2000, and says so in the token
    /// information.
    pub(super) fn define_user(
        &mut self,
        new: &NewPasscode,
        tries: u8,
    ) -> Result<(), AuthenticError> {
        let action = Action::Define(Role::User);
        if !(1..=15).contains(&tries) {
            return Err(AuthenticError::Impossible {
                action,
                detail: format!("{tries} tries, the card counts 1 to 15"),
            });
        }
        if !self.enter_domain()? {
            return Err(AuthenticError::NotInitialised { action });
        }
        let code = self.unblocking_code(&action)?;
        let field = field(&action, new.as_passcode().padded(PIN_FIELD))?;
        let command = commands::define(USER_PIN, tries, &field, Some((UNBLOCKING_TRIES, &code)));
        self.enter(&structure::domain())?;
        self.done(&action, &command)?;
        let path = structure::domain().child(TOKEN_INFO);
        let bytes = self.read(&path)?;
        let information = TokenInformation::parse(&path, &bytes).value;
        let flags = information.flags | token_flag::LOGIN_REQUIRED | token_flag::USER_PIN_SET;
        if flags != information.flags {
            // The flags alone: the label stays as it was, whatever is in it.
            self.update(&path, TokenInformation::SIZE - 2, &flags.to_be_bytes())?;
        }
        Ok(())
    }

    /// Replaces the holder's passcode.
    pub(super) fn change_user(
        &mut self,
        old: &Passcode,
        new: &NewPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        let action = Action::Change(Role::User);
        let tries = self.tries_of(Role::User)?;
        may_try(&action, Role::User, tries, last)?;
        let old = field(&action, old.padded(PIN_FIELD))?;
        let new = field(&action, new.as_passcode().padded(PIN_FIELD))?;
        let response = self.send(&action, &commands::change(USER_PIN, &old, &new))?;
        AuthenticError::verified(action, Role::User, response.status)
    }

    /// Replaces the security officer's passcode: the card's own (reference 04, in the master
    /// file), and the domain's copy (84) where there is one.
    pub(super) fn change_so(
        &mut self,
        old: &OfficerPasscode,
        new: &OfficerPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        let action = Action::Change(Role::Officer);
        let (reference, tries) = self.officer_reference()?;
        may_try(&action, Role::Officer, tries, last)?;
        let old = field(&action, old.padded(PIN_FIELD))?;
        let new = field(&action, new.padded(PIN_FIELD))?;
        // What is verified from here on is verified with the new passcode.
        self.done(&action, &commands::log_out(SO_PIN))?;
        let response = self.send(&action, &commands::change(reference, &old, &new))?;
        AuthenticError::verified(action.clone(), Role::Officer, response.status)?;
        if reference != SO_PIN || !self.enter_domain()? {
            return Ok(());
        }
        let response = self.send(&action, &commands::verify(SO_PIN, &new))?;
        AuthenticError::verified(action.clone(), Role::Officer, response.status)?;
        // On a card without a copy 84 is another name of 04, and verified with it.
        let copy = self.state(Role::Officer, PUK)?;
        if !copy.set || copy.verified {
            return Ok(());
        }
        let tries = copy.left.filter(|left| *left > 0);
        self.define_copy(&action, &new, tries.unwrap_or(COPY_TRIES))
    }

    /// Sets the domain's copy of the security officer's passcode.
    pub(super) fn define_copy(
        &mut self,
        action: &Action,
        field: &[u8],
        tries: u8,
    ) -> Result<(), AuthenticError> {
        if !(1..=15).contains(&tries) {
            return Err(AuthenticError::Impossible {
                action: action.clone(),
                detail: format!("{tries} tries, the card counts 1 to 15"),
            });
        }
        self.enter(&structure::domain())?;
        self.done(action, &commands::define(PUK, tries, field, None))
    }

    /// VERIFY 84 with the officer's passcode, or 04 on a card without 84, then RESET RETRY COUNTER
    /// with the code of file 2000.
    pub(super) fn unblock(
        &mut self,
        officer: &OfficerPasscode,
        new: &NewPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        let action = Action::Unblock;
        if !self.enter_domain()? {
            return Err(AuthenticError::NotInitialised { action });
        }
        if !self.state(Role::User, USER_PIN)?.set {
            return Err(AuthenticError::PasscodeAbsent {
                action,
                role: Role::User,
            });
        }
        let (mut reference, mut tries) = (PUK, self.state(Role::Officer, PUK)?);
        if !tries.set {
            (reference, tries) = (SO_PIN, self.state(Role::Officer, SO_PIN)?);
        }
        self.verify_officer_at(reference, tries, officer, last)?;
        let code = self.unblocking_code(&action)?;
        let field = field(&action, new.as_passcode().padded(PIN_FIELD))?;
        self.enter(&structure::domain())?;
        self.done(&action, &commands::unblock(&code, &field))
    }

    /// Makes the card forget all passcodes verified.
    pub(super) fn log_all_out(&mut self) -> Result<(), AuthenticError> {
        let action = Action::LogOut;
        for reference in [USER_PIN, ONE_TIME_PIN, SO_PIN] {
            let status = self.send(&action, &commands::log_out(reference))?.status;
            // There is nothing to forget of a passcode the card does not have.
            if !status.is_ok() && status != StatusWord::REFERENCE_NOT_FOUND {
                return Err(AuthenticError::from_status(action, status));
            }
        }
        Ok(())
    }

    /// Which reference the security officer's passcode has, and how it stands. The reference is
    /// the card's own, 04; a card that does not know it has the domain's, 84.
    pub(super) fn officer_reference(&mut self) -> Result<(u8, Tries), AuthenticError> {
        let tries = self.state(Role::Officer, SO_PIN)?;
        if tries.set || !self.enter_domain()? {
            return Ok((SO_PIN, tries));
        }
        Ok((PUK, self.state(Role::Officer, PUK)?))
    }

    /// Selects the domain; whether there is one.
    pub(super) fn enter_domain(&mut self) -> Result<bool, AuthenticError> {
        let domain = structure::domain();
        // Below it what is local to it holds as well.
        if self
            .directory
            .as_ref()
            .is_some_and(|path| path.identifiers().starts_with(domain.identifiers()))
        {
            self.enter(&domain)?;
            return Ok(true);
        }
        match self.enter(&domain) {
            Ok(()) => Ok(true),
            Err(AuthenticError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn verify_officer_at(
        &mut self,
        reference: u8,
        tries: Tries,
        passcode: &OfficerPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        let action = Action::Verify(Role::Officer);
        may_try(&action, Role::Officer, tries, last)?;
        let field = field(&action, passcode.padded(PIN_FIELD))?;
        let response = self.send(&action, &commands::verify(reference, &field))?;
        AuthenticError::verified(action, Role::Officer, response.status)
    }

    /// VERIFY without data, twice.
    fn state(&mut self, role: Role, reference: u8) -> Result<Tries, AuthenticError> {
        let action = Action::ReadTries(role);
        let what = format!("the tries left for the {role}");
        self.twice(&action.clone(), &what, |client| {
            let status = client
                .send(&action, &commands::read_tries(reference))?
                .status;
            match (status, status.tries_left()) {
                (StatusWord::OK, _) => Ok(Tries::verified()),
                (StatusWord::BLOCKED, _) => Ok(Tries::left(0)),
                (_, Some(left)) => Ok(Tries::left(left)),
                (StatusWord::REFERENCE_NOT_FOUND, _) => Ok(Tries::ABSENT),
                _ => Err(AuthenticError::Refused {
                    action: action.clone(),
                    status,
                }),
            }
        })
    }

    /// The code of file 2000, read twice.
    fn unblocking_code(&mut self, action: &Action) -> Result<UnblockingCode, AuthenticError> {
        let path = structure::domain().child(crate::words::v2::UNBLOCKING_CODE);
        let bytes = self.twice(action, "the unblocking code", |client| client.read(&path))?;
        let code = bytes.first_chunk::<PUK_FIELD>();
        code.copied()
            .map(UnblockingCode::new)
            .ok_or(AuthenticError::ShortFile {
                path,
                stated: PUK_FIELD,
                actual: bytes.len(),
            })
    }
}

/// Whether a passcode may be sent now.
fn may_try(action: &Action, role: Role, tries: Tries, last: LastTry) -> Result<(), AuthenticError> {
    let action = action.clone();
    match (tries, last) {
        (Tries { set: false, .. }, _) => Err(AuthenticError::PasscodeAbsent { action, role }),
        (Tries { blocked: true, .. }, _) => Err(AuthenticError::Blocked { action, role }),
        (Tries { left: Some(1), .. }, LastTry::Refuse) => {
            Err(AuthenticError::LastTryRefused { action, role })
        }
        _ => Ok(()),
    }
}

pub(super) fn field(
    action: &Action,
    padded: Option<Zeroizing<Vec<u8>>>,
) -> Result<Zeroizing<Vec<u8>>, AuthenticError> {
    padded.ok_or_else(|| AuthenticError::Impossible {
        action: action.clone(),
        detail: format!("the passcode is longer than {PIN_FIELD} bytes"),
    })
}
