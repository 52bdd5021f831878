use std::fmt;

use iso7816::ber::{self, Tag};
use serde::{Serialize, Serializer};
use thiserror::Error;

/// Card production life cycle data: who made, embedded and personalised a chip, and when.
///
/// The 42 bytes of tag 9F7F, in the layout Open Platform cards had and GlobalPlatform cards kept.
/// Codes are kept as the numbers they are: the lists behind them are not public. In JSON they are
/// upper-case hex.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Cplc {
    /// Maker of the chip (`4790` NXP).
    #[serde(serialize_with = "hex_code")]
    pub ic_fabricator: u16,
    /// Type of the chip.
    #[serde(serialize_with = "hex_code")]
    pub ic_type: u16,
    /// Maker of the operating system.
    #[serde(serialize_with = "hex_code")]
    pub operating_system: u16,
    /// When this release of the operating system was made.
    pub operating_system_release_date: CplcDate,
    /// Release level of the operating system.
    #[serde(serialize_with = "hex_code")]
    pub operating_system_release_level: u16,
    /// When the chip was made.
    pub ic_fabrication_date: CplcDate,
    /// Serial number of the chip, unique within its batch.
    #[serde(serialize_with = "hex_number")]
    pub ic_serial_number: u32,
    /// Batch of the chip.
    #[serde(serialize_with = "hex_code")]
    pub ic_batch: u16,
    /// Maker of the module.
    #[serde(serialize_with = "hex_code")]
    pub module_fabricator: u16,
    /// When the module was packaged.
    pub module_packaging_date: CplcDate,
    /// Maker of the card.
    #[serde(serialize_with = "hex_code")]
    pub icc_manufacturer: u16,
    /// When the module was embedded in the card.
    pub embedding_date: CplcDate,
    /// Who pre-personalised the card.
    #[serde(serialize_with = "hex_code")]
    pub pre_personaliser: u16,
    /// When it was pre-personalised.
    pub pre_personalisation_date: CplcDate,
    /// With which machine it was pre-personalised.
    #[serde(serialize_with = "hex_number")]
    pub pre_personalisation_equipment: u32,
    /// Who personalised the card.
    #[serde(serialize_with = "hex_code")]
    pub personaliser: u16,
    /// When it was personalised.
    pub personalisation_date: CplcDate,
    /// With which machine it was personalised.
    #[serde(serialize_with = "hex_number")]
    pub personalisation_equipment: u32,
}

impl Cplc {
    /// The tag of GET DATA.
    pub const TAG: Tag = Tag(0x9F7F);
    /// Bytes of the value.
    pub const LENGTH: usize = 42;

    /// Takes apart what GET DATA returned: the 42 bytes in their object, or, as some cards give
    /// them, bare.
    ///
    /// # Errors
    ///
    /// [`CplcError`] if there are not 42 bytes.
    pub fn parse(data: &[u8]) -> Result<Self, CplcError> {
        let value = match ber::expect(Self::TAG, data) {
            Ok(value) => value,
            Err(_) => data,
        };
        let bytes: &[u8; Self::LENGTH] = value.try_into().map_err(|_| CplcError {
            length: value.len(),
        })?;
        let pair = |at: usize| [bytes[at], bytes[at + 1]];
        let code = |at: usize| u16::from_be_bytes(pair(at));
        let date = |at: usize| CplcDate(pair(at));
        let number = |at: usize| u32::from(code(at)) << 16 | u32::from(code(at + 2));
        Ok(Self {
            ic_fabricator: code(0),
            ic_type: code(2),
            operating_system: code(4),
            operating_system_release_date: date(6),
            operating_system_release_level: code(8),
            ic_fabrication_date: date(10),
            ic_serial_number: number(12),
            ic_batch: code(16),
            module_fabricator: code(18),
            module_packaging_date: date(20),
            icc_manufacturer: code(22),
            embedding_date: date(24),
            pre_personaliser: code(26),
            pre_personalisation_date: date(28),
            pre_personalisation_equipment: number(30),
            personaliser: code(34),
            personalisation_date: date(36),
            personalisation_equipment: number(38),
        })
    }

    /// The 42 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let code = |code: u16| code.to_be_bytes().to_vec();
        let number = |number: u32| number.to_be_bytes().to_vec();
        let date = |date: CplcDate| date.0.to_vec();
        let mut bytes = [0; Self::LENGTH];
        let fields = [
            code(self.ic_fabricator),
            code(self.ic_type),
            code(self.operating_system),
            date(self.operating_system_release_date),
            code(self.operating_system_release_level),
            date(self.ic_fabrication_date),
            number(self.ic_serial_number),
            code(self.ic_batch),
            code(self.module_fabricator),
            date(self.module_packaging_date),
            code(self.icc_manufacturer),
            date(self.embedding_date),
            code(self.pre_personaliser),
            date(self.pre_personalisation_date),
            number(self.pre_personalisation_equipment),
            code(self.personaliser),
            date(self.personalisation_date),
            number(self.personalisation_equipment),
        ];
        bytes.copy_from_slice(&fields.concat());
        bytes
    }
}

fn hex_code<S: Serializer>(code: &u16, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{code:04X}"))
}

fn hex_number<S: Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{number:08X}"))
}

/// A date in two bytes of binary-coded decimals, YDDD: last digit of the year, day of the year.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct CplcDate(pub [u8; 2]);

impl CplcDate {
    /// Whether nothing was written: all zeros or all ones.
    #[must_use]
    pub fn is_blank(self) -> bool {
        matches!(self.0, [0x00, 0x00] | [0xFF, 0xFF])
    }

    /// The last digit of the year and the day of the year, 1 to 366. None if the bytes are no
    /// such digits.
    #[must_use]
    pub fn digits(self) -> Option<(u8, u16)> {
        let [high, low] = self.0;
        let digits = [high >> 4, high & 0x0F, low >> 4, low & 0x0F];
        if digits.iter().any(|&digit| digit > 9) {
            return None;
        }
        let day = digits[1..]
            .iter()
            .fold(0, |day, &digit| day * 10 + u16::from(digit));
        (1..=366).contains(&day).then_some((digits[0], day))
    }

    /// Year and day of the year, the year being the last with that digit up to `latest`.
    #[must_use]
    pub fn year_up_to(self, latest: u16) -> Option<(u16, u16)> {
        let (digit, day) = self.digits()?;
        let back = (latest % 10 + 10 - u16::from(digit)) % 10;
        Some((latest.checked_sub(back)?, day))
    }
}

impl fmt::Display for CplcDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let raw = u16::from_be_bytes(self.0);
        match self.digits() {
            Some((year, day)) => write!(f, "{raw:04X} (day {day} of a year ending in {year})"),
            None if self.is_blank() => write!(f, "{raw:04X} (blank)"),
            None => write!(f, "{raw:04X} (no date)"),
        }
    }
}

impl fmt::Debug for CplcDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CplcDate({:04X})", u16::from_be_bytes(self.0))
    }
}

impl Serialize for CplcDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hex_code(&u16::from_be_bytes(self.0), serializer)
    }
}

/// Not the 42 bytes of card production life cycle data.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("card production life cycle data of {length} bytes, 42 were expected")]
pub struct CplcError {
    /// Bytes of the value.
    pub length: usize,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAMPLE: &str = "9F7F2A47905168479163580100634912345678\
        9ABC4793635047946351479563520000000147966353000000\
        02";

    fn sample() -> Cplc {
        Cplc::parse(&hex::decode(SAMPLE).unwrap()).unwrap()
    }

    #[test]
    fn every_field_is_where_it_belongs() {
        let cplc = sample();
        assert_eq!(cplc.ic_fabricator, 0x4790);
        assert_eq!(cplc.ic_type, 0x5168);
        assert_eq!(cplc.operating_system, 0x4791);
        assert_eq!(cplc.operating_system_release_date.digits(), Some((6, 358)));
        assert_eq!(cplc.operating_system_release_level, 0x0100);
        assert_eq!(cplc.ic_fabrication_date.digits(), Some((6, 349)));
        assert_eq!(cplc.ic_serial_number, 0x1234_5678);
        assert_eq!(cplc.ic_batch, 0x9ABC);
        assert_eq!(cplc.personalisation_equipment, 2);
    }

    #[test]
    fn dates_are_read_and_blanks_and_nonsense_are_told_apart() {
        assert_eq!(CplcDate([0x63, 0x58]).year_up_to(2026), Some((2026, 358)));
        assert_eq!(CplcDate([0x73, 0x58]).year_up_to(2026), Some((2017, 358)));
        assert_eq!(
            CplcDate([0x63, 0x58]).to_string(),
            "6358 (day 358 of a year ending in 6)"
        );
        assert_eq!(CplcDate([0, 0]).to_string(), "0000 (blank)");
        assert_eq!(CplcDate([0x6A, 0x58]).to_string(), "6A58 (no date)");
        assert_eq!(CplcDate([0x63, 0x67]).digits(), None);
    }

    #[test]
    fn json_shows_hex() {
        let json = serde_json::to_value(sample()).unwrap();
        assert_eq!(json["ic_fabricator"], "4790");
        assert_eq!(json["ic_serial_number"], "12345678");
        assert_eq!(json["ic_fabrication_date"], "6349");
    }

    proptest! {
        #[test]
        fn any_42_bytes_read_back_bare_and_wrapped(bytes: [[u8; 21]; 2]) {
            let bytes = bytes.concat();
            // 42 bytes that happen to be an object of their own tag would be 39 inside.
            prop_assume!(!bytes.starts_with(&[0x9F, 0x7F]));
            let cplc = Cplc::parse(&bytes).unwrap();
            prop_assert_eq!(&cplc.to_bytes()[..], &bytes);
            prop_assert_eq!(Cplc::parse(&ber::object(Cplc::TAG, &bytes)).unwrap(), cplc);
        }

        #[test]
        fn any_bytes_parse_or_give_a_typed_error(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Cplc::parse(&bytes);
        }

        #[test]
        fn a_date_is_a_day_of_a_year_in_the_last_ten(bytes: [u8; 2], latest in 10_u16..3000) {
            if let Some((year, day)) = CplcDate(bytes).year_up_to(latest) {
                prop_assert!(year <= latest && latest - year < 10);
                prop_assert!((1..=366).contains(&day));
            }
        }
    }
}
