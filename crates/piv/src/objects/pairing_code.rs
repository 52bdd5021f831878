use ground::Ambient;
use iso7816::ber::Reader;
use zeroize::Zeroizing;

use super::elements::ObjectError;
use crate::Finding;
use crate::secrets::{Passcode, SecretError};

const OBJECT: &str = "pairing code reference data";
const CLAUSE: &str = "SP 800-73-5 Part 1, 3.3.8 and Appendix A, Table 44";

/// The pairing code: eight digits.
const LENGTH: usize = 8;

/// Pairing Code Reference Data Container, 5FC123 (SP 800-73-5 Part 1, 3.3.8).
///
/// Who knows the code may use the card without contact as if it were in a reader: it is a secret.
/// It zeroizes on drop, compares in constant time, shows nothing in `Debug` and is never
/// serialised. Nothing of an unreadable object goes into findings or errors either.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PairingCode(Passcode);

impl PairingCode {
    /// Takes exactly eight digits.
    ///
    /// # Errors
    ///
    /// [`SecretError::PasscodeLength`] for another length, [`SecretError::PasscodeDigits`] for
    /// anything but `0` to `9`.
    pub fn new(digits: &str) -> Result<Self, SecretError> {
        match digits.chars().count() {
            LENGTH => Passcode::new(digits).map(Self),
            length => Err(SecretError::PasscodeLength { length }),
        }
    }

    /// Eight random digits, each equally likely.
    #[must_use]
    pub fn random(ambient: &dyn Ambient) -> Self {
        Self(Passcode::random(LENGTH, ambient).expect("8 is a permitted length"))
    }

    /// What VERIFY takes with reference 98.
    #[must_use]
    pub fn passcode(&self) -> &Passcode {
        &self.0
    }

    /// Reads the value inside `53`: the code, if there is one, and what is wrong. Unlike other
    /// objects it keeps no copy of the bytes.
    ///
    /// # Errors
    ///
    /// [`ObjectError::Empty`].
    pub fn parse(value: &[u8]) -> Result<(Option<Self>, Vec<Finding>), ObjectError> {
        if value.is_empty() {
            return Err(ObjectError::Empty { object: OBJECT });
        }
        let code = Reader::single_byte_tags(value)
            .map_while(Result::ok)
            .find(|element| element.tag.0 == 0x99)
            .map(|element| Self::from_bytes(element.value));
        // What is wrong is told without the bytes: they may be digits out of place.
        let wrong = match &code {
            None => Some("no pairing code `99` can be found"),
            Some(None) => Some("the pairing code `99` is not made of 8 digits"),
            Some(Some(code)) if code.encode()[..] != *value => {
                Some("there is more in it than the pairing code `99` and `FE`")
            }
            Some(Some(_)) => None,
        };
        let findings = wrong
            .map(|what| Finding::violation(CLAUSE, format!("{OBJECT}: {what}")))
            .into_iter()
            .collect();
        Ok((code.flatten(), findings))
    }

    /// The value to put inside `53`.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        // Room at once, so that no copy is left behind.
        let mut value = Zeroizing::new(Vec::with_capacity(2 + LENGTH + 2));
        value.extend_from_slice(&[0x99, 0x08]);
        value.extend_from_slice(self.0.padded());
        value.extend_from_slice(&[0xFE, 0x00]);
        value
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::new(std::str::from_utf8(bytes).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::elements::tests::damaged;
    use super::*;

    fn example() -> PairingCode {
        PairingCode::new("93817264").unwrap()
    }

    #[test]
    fn the_object_has_twelve_bytes() {
        assert_eq!(
            hex::encode_upper(example().encode()),
            "99083933383137323634FE00"
        );
    }

    #[test]
    fn only_eight_digits_are_a_pairing_code() {
        for wrong in ["9381726", "938172645", "9381726a", "", "９３８１７２６４"] {
            assert!(PairingCode::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn neither_debug_nor_findings_show_the_code() {
        assert_eq!(format!("{:?}", example()), "PairingCode(Passcode(..))");
        for wrong in [
            &b"\x99\x0893817264"[..],
            b"\x99\x0793817264\xFE\x00",
            b"93817264",
            b"\x31\x0093817264",
            b"\x99\x0893817264\x39\x00\xFE\x00",
        ] {
            let (_, findings) = PairingCode::parse(wrong).unwrap();
            assert_eq!(findings.len(), 1);
            for digits in ["93", "81", "72", "64", "31", "39"] {
                assert!(!findings[0].message.contains(digits), "{}", findings[0]);
            }
        }
    }

    #[test]
    fn a_code_with_something_after_it_is_still_read() {
        let (code, findings) = PairingCode::parse(b"\x99\x0893817264\x77\x00\xFE\x00").unwrap();
        assert_eq!((code, findings.len()), (Some(example()), 1));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed_back(digits in "[0-9]{8}") {
            let code = PairingCode::new(&digits).unwrap();
            let (read, findings) = PairingCode::parse(&code.encode()).unwrap();
            prop_assert_eq!(read, Some(code));
            prop_assert_eq!(findings, []);
        }

        #[test]
        fn any_bytes_are_taken(bytes in damaged(example().encode().to_vec())) {
            if let Ok((Some(code), findings)) = PairingCode::parse(&bytes) {
                prop_assert_eq!(findings.is_empty(), code.encode()[..] == bytes[..]);
            }
        }
    }
}
