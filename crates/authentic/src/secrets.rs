//! Passcodes and the unblocking code.
//!
//! Each is checked when it is made, so that no try of the card's counters is ever spent on
//! something the card could not accept. All of them zeroize on drop, compare in constant time and
//! show nothing in `Debug`.

use std::fmt;

use ground::{Ambient, Blame, Blamed};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::words::v2::{PIN_FIELD, PUK_FIELD};

/// Fewest bytes of a passcode either applet takes.
pub const MIN_PASSCODE: usize = 4;
/// Most bytes of a passcode: one less than the field of AuthentIC v2, so that it ends with a
/// filler.
pub const MAX_PASSCODE: usize = PIN_FIELD - 1;
/// What a passcode is filled up with on the wire.
pub const FILLER: u8 = 0xFF;

/// A holder's passcode to verify: 4 to 63 printable ASCII characters, letters allowed, as older
/// cards still have them.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Passcode(Vec<u8>);

/// A holder's passcode to put on a card: 6 to 8 digits, the rule for new ones since October 2023.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct NewPasscode(Passcode);

/// The security officer's passcode (SO PIN): 4 to 63 bytes of any value but the filler FF.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct OfficerPasscode(Vec<u8>);

/// The code with which AuthentIC v2 itself lifts a blocked passcode: 16 bytes. It lies in a file
/// of the card; nobody types it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct UnblockingCode([u8; PUK_FIELD]);

impl Passcode {
    /// Checks.
    ///
    /// # Errors
    ///
    /// [`SecretError::Length`] outside 4 to 63 bytes, [`SecretError::NotPrintable`] for anything
    /// but the characters space to `~`.
    pub fn new(text: &str) -> Result<Self, SecretError> {
        checked_length(text.len())?;
        if !text.bytes().all(|byte| matches!(byte, 0x20..=0x7E)) {
            return Err(SecretError::NotPrintable);
        }
        Ok(Self(text.as_bytes().to_vec()))
    }

    /// The characters, without filler. Never log them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Filled up with FF to `length` bytes; `None` if it is longer than that.
    #[must_use]
    pub fn padded(&self, length: usize) -> Option<Zeroizing<Vec<u8>>> {
        padded(&self.0, length)
    }
}

impl NewPasscode {
    /// Checks.
    ///
    /// # Errors
    ///
    /// [`SecretError::NewLength`] outside 6 to 8 characters, [`SecretError::NotDigits`] for
    /// anything but `0` to `9`.
    pub fn new(digits: &str) -> Result<Self, SecretError> {
        let length = digits.chars().count();
        if !(6..=8).contains(&length) {
            return Err(SecretError::NewLength { length });
        }
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SecretError::NotDigits);
        }
        Ok(Self(Passcode(digits.as_bytes().to_vec())))
    }

    /// The same as one to verify.
    #[must_use]
    pub fn as_passcode(&self) -> &Passcode {
        &self.0
    }
}

impl OfficerPasscode {
    /// Checks.
    ///
    /// # Errors
    ///
    /// [`SecretError::Length`] outside 4 to 63 bytes, [`SecretError::Filler`] where it contains
    /// the filler FF.
    pub fn new(bytes: &[u8]) -> Result<Self, SecretError> {
        checked_length(bytes.len())?;
        if bytes.contains(&FILLER) {
            return Err(SecretError::Filler);
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The bytes, without filler. Never log them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Filled up with FF to `length` bytes; `None` if it is longer than that.
    #[must_use]
    pub fn padded(&self, length: usize) -> Option<Zeroizing<Vec<u8>>> {
        padded(&self.0, length)
    }
}

impl UnblockingCode {
    /// Any 16 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; PUK_FIELD]) -> Self {
        Self(bytes)
    }

    /// A random one.
    #[must_use]
    pub fn random(ambient: &dyn Ambient) -> Self {
        let mut code = Self([0; PUK_FIELD]);
        ambient.fill_random(&mut code.0);
        code
    }

    /// The bytes sent to the card. Never log them.
    #[must_use]
    pub fn bytes(&self) -> &[u8; PUK_FIELD] {
        &self.0
    }
}

macro_rules! secret {
    ($($name:ident),*) => {$(
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }

        impl Eq for $name {}

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

secret!(Passcode, OfficerPasscode, UnblockingCode);

impl PartialEq for NewPasscode {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for NewPasscode {}

impl fmt::Debug for NewPasscode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPasscode(..)")
    }
}

fn checked_length(length: usize) -> Result<(), SecretError> {
    if (MIN_PASSCODE..=MAX_PASSCODE).contains(&length) {
        Ok(())
    } else {
        Err(SecretError::Length { length })
    }
}

fn padded(bytes: &[u8], length: usize) -> Option<Zeroizing<Vec<u8>>> {
    // Room for everything at once, so that no copy is left behind.
    let mut field = Zeroizing::new(vec![FILLER; length]);
    field.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(field)
}

/// Why something is no passcode.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SecretError {
    /// Too short or too long for the card.
    #[error("a passcode has 4 to 63 characters, this one has {length}")]
    Length {
        /// Bytes given.
        length: usize,
    },
    /// Characters a keyboard reader cannot give.
    #[error("a passcode has printable ASCII characters only")]
    NotPrintable,
    /// Too short or too long for a new one.
    #[error("a new passcode has 6 to 8 digits, this one has {length} characters")]
    NewLength {
        /// Characters given.
        length: usize,
    },
    /// Something other than digits in a new one.
    #[error("a new passcode has digits only")]
    NotDigits,
    /// The filler FF in a security officer's passcode.
    #[error("a security officer's passcode cannot contain the byte FF, with which it is filled up")]
    Filler,
}

impl Blamed for SecretError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NewLength { .. } | Self::NotDigits => {
                "choose 6 to 8 digits; the card was not asked, no try is lost"
            }
            _ => "check the passcode; the card was not asked, no try is lost",
        };
        Some(hint.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use ground::Virtual;

    use super::*;

    #[test]
    fn an_old_passcode_may_have_letters_a_new_one_has_six_to_eight_digits() {
        assert!(Passcode::new("Ab3x").is_ok());
        assert!(Passcode::new(&"9".repeat(63)).is_ok());
        assert_eq!(
            Passcode::new(&"9".repeat(64)),
            Err(SecretError::Length { length: 64 })
        );
        assert_eq!(Passcode::new("123"), Err(SecretError::Length { length: 3 }));
        assert_eq!(Passcode::new("caf\u{e9}s"), Err(SecretError::NotPrintable));
        assert!(NewPasscode::new("123456").is_ok() && NewPasscode::new("12345678").is_ok());
        assert_eq!(
            NewPasscode::new("12345"),
            Err(SecretError::NewLength { length: 5 })
        );
        assert_eq!(NewPasscode::new("12345a"), Err(SecretError::NotDigits));
        assert_eq!(
            NewPasscode::new("123456\u{661}"),
            Err(SecretError::NotDigits)
        );
    }

    #[test]
    fn an_officer_passcode_is_bytes_without_filler() {
        assert!(OfficerPasscode::new(&[0x00, 0x80, 0x01, 0x02]).is_ok());
        assert_eq!(
            OfficerPasscode::new(&[1, 2, 3, 0xFF]),
            Err(SecretError::Filler)
        );
        assert_eq!(
            OfficerPasscode::new(&[1, 2, 3]),
            Err(SecretError::Length { length: 3 })
        );
    }

    #[test]
    fn passcodes_are_filled_up_with_ff() {
        let field = Passcode::new("1234").unwrap().padded(6).unwrap();
        assert_eq!(field[..], *b"1234\xFF\xFF");
        assert!(Passcode::new("1234567").unwrap().padded(6).is_none());
    }

    #[test]
    fn nothing_of_a_secret_is_shown() {
        let shown = format!(
            "{:?} {:?} {:?} {:?}",
            Passcode::new("24681357").unwrap(),
            NewPasscode::new("24681357").unwrap(),
            OfficerPasscode::new(b"24681357").unwrap(),
            UnblockingCode::new(*b"2468135724681357"),
        );
        assert_eq!(
            shown,
            "Passcode(..) NewPasscode(..) OfficerPasscode(..) UnblockingCode(..)"
        );
    }

    #[test]
    fn random_codes_differ_and_compare() {
        let ambient = Virtual::new(1);
        let (one, other) = (
            UnblockingCode::random(&ambient),
            UnblockingCode::random(&ambient),
        );
        assert_ne!(one, other);
        assert_eq!(one, one.clone());
    }
}
