//! What a credential is: its policy as GET DATA tells it, and the form of its values.

use ::authentic::words::v3::{CREDENTIAL_POLICY, credential, policy};
use iso7816::StatusWord;
use iso7816::ber::{self, Tag};
use subtle::ConstantTimeEq;

use super::access::{self, Pair};

/// What fills a passcode up to its field.
const FILLER: u8 = 0xFF;
/// The kind of credential that is a PIN.
const PIN: u8 = 0x00;
/// No rule for the characters of a passcode.
const NO_RULE: u8 = 0x00;

/// The rules one credential goes by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Policy {
    pub(super) reference: u8,
    pub(super) access: [Pair; credential::PAIRS],
    /// Consecutive wrong tries until it is blocked, 1 to 15.
    pub(super) tries: u8,
    /// Characters.
    pub(super) min_length: u8,
    /// Characters, and bytes of the field on the wire.
    pub(super) max_length: u8,
}

impl Policy {
    /// `5Frr { 80 kind, 86 access, 91 try limit, A1 { 83 max, 84 min, 85 complexity } }`.
    pub(super) fn object(&self) -> Vec<u8> {
        let tag = |byte: u8| Tag(byte.into());
        let mut form = Vec::new();
        ber::write(&mut form, tag(policy::MAX_LENGTH), &[self.max_length]);
        ber::write(&mut form, tag(policy::MIN_LENGTH), &[self.min_length]);
        ber::write(&mut form, tag(policy::COMPLEXITY), &[NO_RULE]);
        let mut rules = ber::object(tag(policy::KIND), &[PIN]);
        ber::write(
            &mut rules,
            tag(policy::ACCESS),
            &access::bytes(&self.access),
        );
        ber::write(&mut rules, tag(policy::TRY_LIMIT), &[self.tries]);
        ber::write(&mut rules, tag(policy::FORM), &form);
        let tag = u32::from(u16::from_be_bytes([CREDENTIAL_POLICY, self.reference]));
        ber::object(Tag(tag), &rules)
    }

    /// Whether a field holds a passcode this credential may have.
    ///
    /// # Errors
    ///
    /// 6700 for a field of another length, 6A80 for a passcode too short or with a filler in it.
    pub(super) fn check_new(&self, field: &[u8]) -> Result<(), StatusWord> {
        self.check_length(field)?;
        let length = field.iter().rposition(|&byte| byte != FILLER);
        let passcode = &field[..length.map_or(0, |last| last + 1)];
        if passcode.len() < self.min_length.into() || passcode.contains(&FILLER) {
            return Err(StatusWord::WRONG_DATA);
        }
        Ok(())
    }

    /// Whether a field has the length of this credential's.
    ///
    /// # Errors
    ///
    /// 6700.
    pub(super) fn check_length(&self, field: &[u8]) -> Result<(), StatusWord> {
        match field.len() == usize::from(self.max_length) {
            true => Ok(()),
            false => Err(StatusWord::WRONG_LENGTH),
        }
    }
}

/// Whether two fields are the same, in a time that does not tell where they differ.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> Policy {
        Policy {
            reference: 1,
            access: [
                Pair::ALWAYS,
                Pair([0, 2]),
                Pair([0, 3]),
                Pair([0, 2]),
                Pair([0xFF, 0]),
            ],
            tries: 3,
            min_length: 4,
            max_length: 63,
        }
    }

    impl Policy {
        /// A passcode in its field: FF after it up to the longest there may be.
        fn padded(&self, passcode: &[u8]) -> Vec<u8> {
            let mut field = passcode.to_vec();
            field.resize(self.max_length.into(), FILLER);
            field
        }
    }

    /// Tags and order after OpenSC, `authentic_parse_credential_data`.
    #[test]
    fn the_policy_is_told_with_its_reference_in_the_tag() {
        assert_eq!(
            hex::encode_upper(user().object()),
            "5F011D800100860A0000000200030002FF00910103A10983013F840104850100"
        );
    }

    #[test]
    fn a_new_passcode_has_its_length_and_nothing_but_fillers_after_it() {
        let policy = user();
        for good in [&b"abcd"[..], b"12345678", &[b'x'; 63]] {
            assert_eq!(policy.check_new(&policy.padded(good)), Ok(()), "{good:?}");
        }
        for wrong in [&b""[..], b"123", b"12\xFF456"] {
            let field = policy.padded(wrong);
            assert_eq!(policy.check_new(&field), Err(StatusWord::WRONG_DATA));
        }
        for length in [0, 8, 62, 64] {
            let field = vec![b'1'; length];
            assert_eq!(policy.check_new(&field), Err(StatusWord::WRONG_LENGTH));
        }
    }

    #[test]
    fn fields_are_compared_whole() {
        let policy = user();
        assert!(same(&policy.padded(b"1234"), &policy.padded(b"1234")));
        assert!(!same(&policy.padded(b"1234"), &policy.padded(b"12345")));
        assert!(!same(&policy.padded(b"1234"), b"1234"));
    }
}
