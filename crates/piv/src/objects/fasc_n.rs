use std::fmt;

use serde::{Serialize, Serializer};
use thiserror::Error;

/// A Federal Agency Smart Credential Number as it stands on a card: 40 characters of five bits
/// (Technical Implementation Guidance: Smart Card Enabled Physical Access Control Systems 2.2,
/// section 6; SP 800-73-5 Part 1, 3.1.2).
///
/// Any 25 bytes can be held; [`FascN::fields`] says whether they are a number.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct FascN([u8; 25]);

/// The fields of a [`FascN`], in order.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct FascNFields {
    /// Agency code, 4 digits; 9999 for anyone who is no government agency.
    pub agency: u16,
    /// System code, 4 digits.
    pub system: u16,
    /// Credential number, 6 digits.
    pub credential: u32,
    /// Credential series, 1 digit.
    pub series: u8,
    /// Individual credential issue, 1 digit.
    pub issue: u8,
    /// Person identifier, 10 digits.
    pub person: u64,
    /// Organizational category, 1 digit.
    pub category: u8,
    /// Organizational identifier, 4 digits.
    pub organization: u16,
    /// Person's association with the organization, 1 digit.
    pub association: u8,
}

const START: u8 = 0xB;
const SEPARATOR: u8 = 0xD;
const END: u8 = 0xF;

/// Digits of each field and whether a separator follows.
const SHAPE: [(usize, bool); 9] = [
    (4, true),
    (4, true),
    (6, true),
    (1, true),
    (1, true),
    (10, false),
    (1, false),
    (4, false),
    (1, false),
];

impl FascN {
    /// Any 25 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 25]) -> Self {
        Self(bytes)
    }

    /// Encodes with parity and check character.
    ///
    /// # Errors
    ///
    /// [`FascNError::FieldTooLarge`] for a number with more digits than its field.
    pub fn new(fields: &FascNFields) -> Result<Self, FascNError> {
        let mut characters = vec![START];
        for ((name, value), (digits, separated)) in fields.named().into_iter().zip(SHAPE) {
            let mut rest = value;
            let from = characters.len();
            for _ in 0..digits {
                // One decimal digit fits a byte.
                characters.insert(from, (rest % 10) as u8);
                rest /= 10;
            }
            if rest != 0 {
                return Err(FascNError::FieldTooLarge {
                    field: name,
                    digits,
                });
            }
            if separated {
                characters.push(SEPARATOR);
            }
        }
        characters.push(END);
        characters.push(characters.iter().fold(0, |check, next| check ^ next));

        let mut bytes = [0; 25];
        for (index, character) in characters.into_iter().enumerate() {
            let five = u16::from(five_bits(character));
            // The five bits start at bit 5 * index, counted from the left.
            let (at, shift) = (index * 5 / 8, index * 5 % 8);
            let placed = (five << 11) >> shift;
            bytes[at] |= (placed >> 8) as u8;
            if let Some(next) = bytes.get_mut(at + 1) {
                *next |= (placed & 0xFF) as u8;
            }
        }
        Ok(Self(bytes))
    }

    /// The number for an issuer outside the government: nines, and the UUID is the identifier.
    /// Readers then take the GUID (SP 800-73-5 Part 1, 3.4.1).
    #[must_use]
    pub fn non_federal() -> Self {
        Self::new(&FascNFields {
            agency: 9999,
            system: 9999,
            credential: 999_999,
            series: 0,
            issue: 1,
            person: 0,
            category: 3,
            organization: 0,
            association: 1,
        })
        .expect("every number has as many digits as its field")
    }

    /// The 25 bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 25] {
        &self.0
    }

    /// Takes the number apart, checking parity, sentinels, separators and check character.
    ///
    /// # Errors
    ///
    /// [`FascNError`].
    pub fn fields(&self) -> Result<FascNFields, FascNError> {
        let mut characters = [0; 40];
        for (index, character) in characters.iter_mut().enumerate() {
            let (at, shift) = (index * 5 / 8, index * 5 % 8);
            let next = self.0.get(at + 1).copied().unwrap_or(0);
            let window = u16::from_be_bytes([self.0[at], next]);
            let five = ((window << shift) >> 11) as u8;
            let value = (five >> 1).reverse_bits() >> 4;
            if five_bits(value) != five {
                return Err(FascNError::Parity { character: index });
            }
            *character = value;
        }
        if characters.iter().fold(0, |check, next| check ^ next) != 0 {
            return Err(FascNError::Check);
        }

        let mut rest = characters.iter().copied().enumerate();
        let mut next = |allowed: fn(u8) -> bool| match rest.next() {
            Some((_, character)) if allowed(character) => Ok(character),
            Some((index, _)) => Err(FascNError::Character { character: index }),
            None => Err(FascNError::Character { character: 40 }),
        };
        next(|character| character == START)?;
        let mut numbers = [0_u64; 9];
        for (number, (digits, separated)) in numbers.iter_mut().zip(SHAPE) {
            for _ in 0..digits {
                *number = *number * 10 + u64::from(next(|character| character <= 9)?);
            }
            if separated {
                next(|character| character == SEPARATOR)?;
            }
        }
        next(|character| character == END)?;
        let [
            agency,
            system,
            credential,
            series,
            issue,
            person,
            category,
            organization,
            association,
        ] = numbers;
        // The number of digits bounds every one of these.
        Ok(FascNFields {
            agency: agency as u16,
            system: system as u16,
            credential: credential as u32,
            series: series as u8,
            issue: issue as u8,
            person,
            category: category as u8,
            organization: organization as u16,
            association: association as u8,
        })
    }
}

impl FascNFields {
    fn named(&self) -> [(&'static str, u64); 9] {
        [
            ("agency", self.agency.into()),
            ("system", self.system.into()),
            ("credential", self.credential.into()),
            ("series", self.series.into()),
            ("issue", self.issue.into()),
            ("person", self.person),
            ("category", self.category.into()),
            ("organization", self.organization.into()),
            ("association", self.association.into()),
        ]
    }
}

impl fmt::Display for FascNFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:04}-{:04}-{:06}-{}-{}-{:010}{}{:04}{}",
            self.agency,
            self.system,
            self.credential,
            self.series,
            self.issue,
            self.person,
            self.category,
            self.organization,
            self.association
        )
    }
}

impl fmt::Display for FascN {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fields() {
            Ok(fields) => fields.fmt(f),
            Err(_) => f.write_str(&hex::encode_upper(self.0)),
        }
    }
}

impl fmt::Debug for FascN {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FascN({})", hex::encode_upper(self.0))
    }
}

impl Serialize for FascN {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        super::elements::hexed(self.0, serializer)
    }
}

/// Four data bits, least significant first, then odd parity.
fn five_bits(value: u8) -> u8 {
    let data = (value & 0x0F).reverse_bits() >> 4;
    data << 1 | u8::from(data.count_ones().is_multiple_of(2))
}

/// Why 25 bytes are no FASC-N, or numbers do not fit one.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum FascNError {
    /// The parity bit of a character is wrong.
    #[error("character {character} of the FASC-N has wrong parity")]
    Parity {
        /// Its place, from 0.
        character: usize,
    },
    /// The check character is wrong.
    #[error("the check character of the FASC-N is wrong")]
    Check,
    /// A digit, sentinel or separator is not where it should be.
    #[error("character {character} of the FASC-N is not what belongs there")]
    Character {
        /// Its place, from 0.
        character: usize,
    },
    /// A number with too many digits.
    #[error("`{field}` of the FASC-N has {digits} digits at most")]
    FieldTooLarge {
        /// The field.
        field: &'static str,
        /// Its digits.
        digits: usize,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXAMPLE: &str = "D13810D828AF2C1084246DA1685828AF0210848D84E739C3EB";

    fn number(digits: &str) -> FascN {
        FascN::from_bytes(hex::decode(digits).unwrap().try_into().unwrap())
    }

    #[test]
    fn the_published_example_is_taken_apart_and_put_together() {
        let fields = number(EXAMPLE).fields().unwrap();
        assert_eq!(
            fields,
            FascNFields {
                agency: 4700,
                system: 257,
                credential: 46,
                series: 1,
                issue: 1,
                person: 257_000_046,
                category: 1,
                organization: 9999,
                association: 1,
            }
        );
        assert_eq!(FascN::new(&fields).unwrap(), number(EXAMPLE));
        assert_eq!(fields.to_string(), "4700-0257-000046-1-1-0257000046199991");
    }

    #[test]
    fn a_non_federal_number_starts_with_nines() {
        let shown = hex::encode_upper(FascN::non_federal().bytes());
        assert!(shown.starts_with("D4E739DA739CED39CE739D"), "{shown}");
        assert_eq!(FascN::non_federal().fields().unwrap().agency, 9999);
    }

    #[test]
    fn every_single_bit_error_is_found() {
        for bit in 0..200 {
            let mut bytes = *number(EXAMPLE).bytes();
            bytes[bit / 8] ^= 0x80 >> (bit % 8);
            assert_eq!(
                FascN::from_bytes(bytes).fields(),
                Err(FascNError::Parity { character: bit / 5 })
            );
        }
    }

    #[test]
    fn a_number_too_large_for_its_field_is_refused() {
        let fields = FascNFields {
            agency: 10_000,
            ..number(EXAMPLE).fields().unwrap()
        };
        assert_eq!(
            FascN::new(&fields),
            Err(FascNError::FieldTooLarge {
                field: "agency",
                digits: 4
            })
        );
    }

    proptest! {
        #[test]
        fn any_number_survives(
            agency in 0..=9999_u16,
            system in 0..=9999_u16,
            credential in 0..=999_999_u32,
            series in 0..=9_u8,
            issue in 0..=9_u8,
            person in 0..=9_999_999_999_u64,
            category in 0..=9_u8,
            organization in 0..=9999_u16,
            association in 0..=9_u8,
        ) {
            let fields = FascNFields {
                agency, system, credential, series, issue, person, category, organization,
                association,
            };
            prop_assert_eq!(FascN::new(&fields).unwrap().fields(), Ok(fields));
        }

        #[test]
        fn any_bytes_are_refused_or_are_their_own_encoding(bytes in any::<[u8; 25]>()) {
            if let Ok(fields) = FascN::from_bytes(bytes).fields() {
                prop_assert_eq!(*FascN::new(&fields).unwrap().bytes(), bytes);
            }
        }
    }
}
