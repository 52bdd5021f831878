//! Access pairs: what must hold before something is done with a file, a credential or a key. A
//! pair is a control byte and a byte with one bit for each credential.

use ::authentic::words::v3 as words;

/// Protection of commands by secure messaging, least first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Level {
    /// A session is open; the command itself came in clear.
    Plain,
    /// The command came with a MAC.
    Mac,
    /// The command came encrypted and with a MAC.
    Full,
}

/// One access pair as it stands in a template.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Pair(pub(super) [u8; 2]);

/// What the host has shown, for one command.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Shown {
    /// Bit n-1 is credential n.
    pub(super) credentials: u8,
    /// Of the command being carried out.
    pub(super) protection: Option<Level>,
}

impl Pair {
    pub(super) const ALWAYS: Self = Self(words::ALWAYS);

    /// Whether it lets somebody through who has shown this.
    pub(super) fn is_met(self, shown: Shown) -> bool {
        let Self([control, credentials]) = self;
        if self == Self::ALWAYS {
            return true;
        }
        if control == words::NEVER {
            return false;
        }
        let needed = match control & words::SM_MASK {
            words::SM_PLAIN => Level::Plain,
            words::SM_MAC => Level::Mac,
            words::SM_FULL => Level::Full,
            // One of several credentials is enough.
            _ => return credentials & shown.credentials != 0,
        };
        shown.protection >= Some(needed)
    }
}

/// As many pairs as the position names of `words` count; `None` for another number of bytes.
pub(super) fn pairs<const N: usize>(bytes: &[u8]) -> Option<[Pair; N]> {
    let (pairs, []) = bytes.as_chunks::<2>() else {
        return None;
    };
    let pairs: &[[u8; 2]; N] = pairs.try_into().ok()?;
    Some(pairs.map(Pair))
}

/// The bytes of pairs, one after the other.
pub(super) fn bytes(pairs: &[Pair]) -> Vec<u8> {
    pairs.iter().flat_map(|pair| pair.0).collect()
}

/// The bit of a credential.
pub(super) fn bit(reference: u8) -> u8 {
    match reference {
        1..=8 => 1 << (reference - 1),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(credentials: u8, protection: Option<Level>) -> Shown {
        Shown {
            credentials,
            protection,
        }
    }

    #[test]
    fn always_never_and_credentials_are_told_apart() {
        let nothing = Shown::default();
        let everything = shown(0xFF, Some(Level::Full));
        assert!(Pair([0x00, 0x00]).is_met(nothing));
        for never in [[0xFF, 0x00], [0xFF, 0x01], [0xFF, 0xFF], [0x01, 0x00]] {
            assert!(!Pair(never).is_met(everything), "{never:02X?}");
        }
        let user = Pair([0x00, bit(words::USER_CREDENTIAL)]);
        assert!(!user.is_met(nothing));
        assert!(!user.is_met(shown(bit(words::SO_CREDENTIAL), Some(Level::Full))));
        assert!(user.is_met(shown(bit(words::USER_CREDENTIAL), None)));
        let either = Pair([0x00, 0x03]);
        assert!(either.is_met(shown(0x02, None)) && either.is_met(shown(0x01, None)));
    }

    #[test]
    fn secure_messaging_is_asked_for_by_level_and_no_credential_stands_in_for_it() {
        let levels = [
            None,
            Some(Level::Plain),
            Some(Level::Mac),
            Some(Level::Full),
        ];
        for (control, least) in [(0x20, 1), (0x40, 2), (0x60, 3), (0x7F, 3)] {
            for (given, level) in levels.into_iter().enumerate() {
                let met = Pair([control, 0x01]).is_met(shown(0xFF, level));
                assert_eq!(met, given >= least, "{control:02X} {level:?}");
            }
        }
    }

    #[test]
    fn pairs_are_read_only_from_as_many_bytes_as_there_must_be() {
        assert_eq!(
            pairs::<2>(&[0, 1, 0xFF, 0]),
            Some([Pair([0, 1]), Pair([0xFF, 0])])
        );
        assert_eq!(pairs::<2>(&[0, 1, 0xFF]), None);
        assert_eq!(pairs::<2>(&[0, 1]), None);
        assert_eq!(bytes(&[Pair([0, 1]), Pair([2, 3])]), [0, 1, 2, 3]);
    }

    #[test]
    fn only_eight_credentials_have_a_bit() {
        assert_eq!((bit(0), bit(1), bit(2), bit(8), bit(9)), (0, 1, 2, 0x80, 0));
    }
}
