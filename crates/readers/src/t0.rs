//! The host's side of T=0 (ISO/IEC 7816-3, 12.2): what a command APDU is on the card's line.
//!
//! 61XX and 6CXX are answers like others here; [`iso7816::Channel`] follows them.

use iso7816::{Command, CommandError};
use thiserror::Error;
use zeroize::Zeroizing;

/// The most a P3 of 00 asks for.
const LONGEST_SHORT: u32 = 256;

/// The TPDU of a command APDU: the header with P3, and the data if there is any.
///
/// A Le behind data is left out, because P3 is Lc then; the card answers 61XX and GET RESPONSE
/// fetches the rest. A longer Le than 256 is asked for with 00.
///
/// # Errors
///
/// [`T0Error`].
pub fn tpdu(command: &[u8]) -> Result<Zeroizing<Vec<u8>>, T0Error> {
    let parsed = Command::parse(command)?;
    let length = parsed.data.len();
    let short_length = u8::try_from(length).map_err(|_| T0Error::TooLong { length })?;
    let p3 = match parsed.expected {
        _ if length > 0 => short_length,
        None => 0,
        Some(expected) if expected.get() < LONGEST_SHORT => expected.get() as u8,
        Some(_) => 0,
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(5 + length));
    bytes.extend_from_slice(&command[..4]);
    bytes.push(p3);
    bytes.extend_from_slice(&parsed.data);
    Ok(bytes)
}

/// Why a command cannot be sent over T=0.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum T0Error {
    /// It is no command APDU.
    #[error("over T=0 only a well-formed command can be sent: {0}")]
    Command(#[from] CommandError),
    /// More data than P3 can say.
    #[error("{length} data bytes do not fit one command of T=0, which has 255 at most; chain it")]
    TooLong {
        /// Data bytes.
        length: usize,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_case_has_a_header_of_five_bytes() {
        for (command, expected) in [
            (&[0, 0xA4, 0, 0][..], &[0, 0xA4, 0, 0, 0][..]),
            (&[0, 0xB0, 0, 0, 0x16], &[0, 0xB0, 0, 0, 0x16]),
            (&[0, 0xB0, 0, 0, 0], &[0, 0xB0, 0, 0, 0]),
            (&[0, 0xD6, 0, 0, 2, 1, 2], &[0, 0xD6, 0, 0, 2, 1, 2]),
            (&[0, 0xA4, 4, 0, 2, 1, 2, 0], &[0, 0xA4, 4, 0, 2, 1, 2]),
            // Extended length fields that say what short ones could, or ask for all there is.
            (&[0, 0xB0, 0, 0, 0, 0, 0x16], &[0, 0xB0, 0, 0, 0x16]),
            (&[0, 0xB0, 0, 0, 0, 0, 0], &[0, 0xB0, 0, 0, 0]),
            (&[0, 0xDB, 0, 0, 0, 0, 1, 7, 0, 0], &[0, 0xDB, 0, 0, 1, 7]),
        ] {
            assert_eq!(tpdu(command).unwrap().as_slice(), expected);
        }
    }

    #[test]
    fn what_t0_has_no_room_for_is_refused_before_it_is_sent() {
        let long = [&[0, 0xDB, 0x3F, 0xFF, 0, 1, 0][..], &[0; 256]].concat();
        assert_eq!(tpdu(&long), Err(T0Error::TooLong { length: 256 }));
        assert!(matches!(tpdu(&[0, 0xA4]), Err(T0Error::Command(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_become_one_tpdu_or_a_typed_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            if let Ok(tpdu) = tpdu(&bytes) {
                prop_assert_eq!(&tpdu[..4], &bytes[..4]);
                prop_assert!(tpdu.len() == 5 || tpdu.len() == 5 + usize::from(tpdu[4]));
            }
        }
    }
}
