//! The estate's operations on an AuthentIC card, where they are more than one call.

use authentic::secrets::{OfficerPasscode, Passcode};
use authentic::{AuthenticError, KeySpec, LastTry, Role, Token};
use ground::Ambient;
use rsa::{RsaPrivateKey, RsaPublicKey};
use zeroize::Zeroizing;

use super::CardError;
use super::piv_card::MOST_GUESSES;
use crate::inspect::TriesState;

/// Digits of a wrong holder's passcode: what every card takes.
const HOLDER_GUESS: usize = 8;
/// Digits of a wrong officer's passcode: the only length AuthentIC v3 takes as OpenSC makes it,
/// and the least of any.
const OFFICER_GUESS: usize = 4;

pub(super) fn tries(token: &mut dyn Token, role: Role) -> Result<TriesState, CardError> {
    Ok(TriesState::of_authentic(token.tries(role)?))
}

/// A new key in place of one there was.
pub(super) fn generate(
    token: &mut dyn Token,
    spec: &KeySpec,
) -> Result<RsaPublicKey, AuthenticError> {
    remove(token, spec)?;
    token.generate(spec)
}

pub(super) fn import(
    token: &mut dyn Token,
    spec: &KeySpec,
    key: &RsaPrivateKey,
) -> Result<(), CardError> {
    remove(token, spec)?;
    Ok(token.import_key(spec, key)?)
}

/// First the certificate: one without its key is worse than a key without a certificate.
fn remove(token: &mut dyn Token, spec: &KeySpec) -> Result<(), AuthenticError> {
    token.delete_certificate(spec.id)?;
    token.delete_key(spec.id)
}

/// Blocks the officer's passcode, then the holder's. In this order a card cut off half-way cannot
/// be unlocked any more.
pub(super) fn block(token: &mut dyn Token, ambient: &dyn Ambient) -> Result<(), CardError> {
    token.log_out()?;
    exhaust(
        "security officer's passcode",
        |guess| {
            let guess = OfficerPasscode::new(guess.as_bytes());
            let guess = guess.expect("digits of a permitted number");
            token.verify_officer(&guess, LastTry::Spend)
        },
        OFFICER_GUESS,
        ambient,
    )?;
    exhaust(
        "holder's passcode",
        |guess| {
            let guess = Passcode::new(guess).expect("digits of a permitted number");
            token.verify(&guess, LastTry::Spend)
        },
        HOLDER_GUESS,
        ambient,
    )
}

fn exhaust(
    secret: &'static str,
    mut guess: impl FnMut(&str) -> Result<(), AuthenticError>,
    length: usize,
    ambient: &dyn Ambient,
) -> Result<(), CardError> {
    for _ in 0..MOST_GUESSES {
        let digits = random_digits(length, ambient);
        match guess(&digits) {
            // A guess that is right by chance gives the tries back; the next one is another.
            Ok(()) => {}
            Err(
                AuthenticError::WrongPasscode {
                    tries_left: Some(0),
                    ..
                }
                | AuthenticError::Blocked { .. },
            ) => return Ok(()),
            Err(AuthenticError::WrongPasscode { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(CardError::NotBlocked {
        secret,
        tries: MOST_GUESSES,
    })
}

fn random_digits(length: usize, ambient: &dyn Ambient) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    ambient.fill_random(&mut bytes);
    let mut digits = Zeroizing::new(String::with_capacity(length));
    // Some digits come a little more often, which does not matter for a wrong passcode.
    digits.extend(bytes.iter().map(|byte| char::from(b'0' + byte % 10)));
    digits
}
