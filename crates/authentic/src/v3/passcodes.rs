//! Credentials: policy, state, VERIFY, CHANGE, RESET.

use iso7816::{Command, Expected, Instruction, StatusWord};
use zeroize::Zeroizing;

use super::Client;
use super::access::Access;
use super::control::{CredentialKind, Policy};
use crate::secrets::{NewPasscode, OfficerPasscode, Passcode};
use crate::words::v3::{CREDENTIAL_POLICY, SO_CREDENTIAL, USER_CREDENTIAL, credential as position};
use crate::{Action, AuthenticError, LastTry, Role, Tries};

const fn reference(role: Role) -> u8 {
    match role {
        Role::User => USER_CREDENTIAL,
        Role::Officer => SO_CREDENTIAL,
    }
}

/// A passcode of either kind as it goes to the card.
pub(super) trait Padded {
    fn length(&self) -> usize;
    fn padded(&self, length: usize) -> Option<Zeroizing<Vec<u8>>>;
}

impl Padded for Passcode {
    fn length(&self) -> usize {
        self.bytes().len()
    }

    fn padded(&self, length: usize) -> Option<Zeroizing<Vec<u8>>> {
        self.padded(length)
    }
}

impl Padded for OfficerPasscode {
    fn length(&self) -> usize {
        self.bytes().len()
    }

    fn padded(&self, length: usize) -> Option<Zeroizing<Vec<u8>>> {
        self.padded(length)
    }
}

impl Client {
    /// The policy of a credential. Class 00 is tried, then 80, as cards differ.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::PasscodeAbsent`] if there is none, [`AuthenticError::MalformedAnswer`],
    /// [`AuthenticError::Refused`], [`AuthenticError::Channel`].
    pub fn policy(&mut self, role: Role) -> Result<Policy, AuthenticError> {
        let action = Action::ReadPolicy(role);
        let command = |class| {
            Command::new(
                class,
                Instruction::GET_DATA_P1P2,
                CREDENTIAL_POLICY,
                reference(role),
            )
            .with_expected(Expected::SHORT_MAX)
        };
        let mut response = self.transmit(&action, &command(0x00))?;
        if response.status == StatusWord::CLASS_NOT_SUPPORTED {
            response = self.transmit(&action, &command(0x80))?;
        }
        match response.status {
            StatusWord::OK => {}
            StatusWord::REFERENCE_NOT_FOUND | StatusWord::NOT_FOUND => {
                return Err(AuthenticError::PasscodeAbsent { action, role });
            }
            status => return Err(AuthenticError::from_status(action, status)),
        }
        Policy::parse(reference(role), &response.data).map_err(|error| {
            AuthenticError::MalformedAnswer {
                action,
                detail: error.to_string(),
            }
        })
    }

    /// How a credential stands, asked twice.
    pub(super) fn state(&mut self, role: Role) -> Result<Tries, AuthenticError> {
        let action = Action::ReadTries(role);
        let command = Command::new(0x00, Instruction::VERIFY, 0x00, reference(role));
        let first = self.transmit(&action, &command)?.status;
        let second = self.transmit(&action, &command)?.status;
        if first != second {
            return Err(AuthenticError::ChangedItsMind {
                action,
                what: format!("the tries of the {role}"),
            });
        }
        let tries = match (first, first.tries_left()) {
            (StatusWord::OK, _) => Tries::verified(),
            (StatusWord::BLOCKED, _) => Tries::left(0),
            (_, Some(left)) => Tries::left(left),
            (StatusWord::REFERENCE_NOT_FOUND, _) => return Ok(Tries::ABSENT),
            (status, None) => return Err(AuthenticError::from_status(action, status)),
        };
        Ok(tries)
    }

    /// With the limit its policy states.
    pub(super) fn tries_with_limit(&mut self, role: Role) -> Result<Tries, AuthenticError> {
        let tries = self.state(role)?;
        if !tries.set {
            return Ok(tries);
        }
        let limit = match self.policy(role) {
            Ok(policy) => policy.try_limit,
            // A card may keep its policies to itself.
            Err(AuthenticError::Refused { .. } | AuthenticError::AccessDenied { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(Tries { limit, ..tries })
    }

    /// Nothing is sent that costs a try before this.
    fn afford(&mut self, action: &Action, role: Role, last: LastTry) -> Result<(), AuthenticError> {
        let tries = self.state(role)?;
        let action = action.clone();
        if !tries.set {
            return Err(AuthenticError::PasscodeAbsent { action, role });
        }
        if tries.blocked {
            return Err(AuthenticError::Blocked { action, role });
        }
        if tries.left == Some(1) && last == LastTry::Refuse {
            return Err(AuthenticError::LastTryRefused { action, role });
        }
        Ok(())
    }

    /// The passcode as the policy wants it on the wire: FF to the longest.
    fn padded(
        &mut self,
        action: &Action,
        role: Role,
        passcode: &dyn Padded,
    ) -> Result<Zeroizing<Vec<u8>>, AuthenticError> {
        let policy = self.policy(role)?;
        let impossible = |detail| AuthenticError::Impossible {
            action: action.clone(),
            detail,
        };
        if policy.kind != CredentialKind::Pin {
            return Err(impossible(format!("the card has no passcode as {role}")));
        }
        let longest = policy
            .max_length
            .ok_or_else(|| AuthenticError::MalformedAnswer {
                action: Action::ReadPolicy(role),
                detail: "no longest length, to which the passcode is padded".to_owned(),
            })?;
        let shortest = policy.min_length.unwrap_or(0);
        let length = passcode.length();
        if length < shortest.into() {
            return Err(impossible(format!(
                "the card takes {shortest} to {longest} characters as {role}, this one has {length}"
            )));
        }
        passcode.padded(longest.into()).ok_or_else(|| {
            impossible(format!(
                "the card takes {shortest} to {longest} characters as {role}, this one has {length}"
            ))
        })
    }

    pub(super) fn verify_as(
        &mut self,
        role: Role,
        passcode: &dyn Padded,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        let action = Action::Verify(role);
        let data = self.padded(&action, role, passcode)?;
        self.afford(&action, role, last)?;
        let command =
            Command::new(0x00, Instruction::VERIFY, 0x00, reference(role)).with_data(&data[..]);
        let response = self.transmit(&action, &command)?;
        AuthenticError::verified(action, role, response.status)
    }

    /// Replaces a passcode; the old one is verified by the same command.
    pub(super) fn change_as(
        &mut self,
        role: Role,
        old: &dyn Padded,
        new: &dyn Padded,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        let action = Action::Change(role);
        let old = self.padded(&action, role, old)?;
        let new = self.padded(&action, role, new)?;
        self.afford(&action, role, last)?;
        let data = joined(&old, &new);
        let command = Command::new(
            0x00,
            Instruction::CHANGE_REFERENCE_DATA,
            0x00,
            reference(role),
        )
        .with_data(&data[..]);
        let response = self.transmit(&action, &command)?;
        AuthenticError::verified(action, role, response.status)
    }

    /// Replaces a passcode that is verified already, or may be changed without.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::AccessDenied`] with what it needs, [`AuthenticError::Impossible`].
    pub fn change_to(&mut self, new: &NewPasscode) -> Result<(), AuthenticError> {
        let action = Action::Change(Role::User);
        let data = self.padded(&action, Role::User, new.as_passcode())?;
        let command = Command::new(
            0x00,
            Instruction::CHANGE_REFERENCE_DATA,
            0x01,
            USER_CREDENTIAL,
        )
        .with_data(&data[..]);
        self.officers_command(action, &command, position::CHANGE)
    }

    /// Sets the holder's passcode, with all its tries.
    pub(super) fn reset_to(
        &mut self,
        action: Action,
        new: &NewPasscode,
    ) -> Result<(), AuthenticError> {
        let data = self.padded(&action, Role::User, new.as_passcode())?;
        let command = Command::new(
            0x00,
            Instruction::RESET_RETRY_COUNTER,
            0x02,
            USER_CREDENTIAL,
        )
        .with_data(&data[..]);
        self.officers_command(action, &command, position::RESET)
    }

    /// Gives the holder's passcode all its tries again and leaves it as it is. Needs the credential
    /// its policy names for RESET.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::AccessDenied`] with what it needs.
    pub fn reset_tries(&mut self) -> Result<(), AuthenticError> {
        let command = Command::new(
            0x00,
            Instruction::RESET_RETRY_COUNTER,
            0x03,
            USER_CREDENTIAL,
        );
        self.officers_command(Action::Unblock, &command, position::RESET)
    }

    /// Whether RESET of the holder's passcode is the officer's, before a try of hers is spent.
    pub(super) fn officer_may_reset(&mut self) -> Result<(), AuthenticError> {
        let policy = self.policy(Role::User)?;
        match policy.condition(position::RESET).map(|pair| pair.access()) {
            Some(access) if access == Access::Always || access.names(SO_CREDENTIAL) => Ok(()),
            Some(access) => Err(AuthenticError::Impossible {
                action: Action::Unblock,
                detail: format!("to reset the holder's passcode the card needs {access}"),
            }),
            // A card that does not say: it will.
            None => Ok(()),
        }
    }

    fn officers_command(
        &mut self,
        action: Action,
        command: &Command,
        position: usize,
    ) -> Result<(), AuthenticError> {
        match self.succeed(&action, command) {
            Ok(_) => Ok(()),
            Err(error @ AuthenticError::AccessDenied { .. }) => {
                let condition = self.policy(Role::User)?.condition(position);
                Err(match condition {
                    Some(condition) => error.needing(condition),
                    None => error,
                })
            }
            Err(error) => Err(error),
        }
    }
}

fn joined(old: &[u8], new: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut data = Zeroizing::new(Vec::with_capacity(old.len() + new.len()));
    data.extend_from_slice(old);
    data.extend_from_slice(new);
    data
}
