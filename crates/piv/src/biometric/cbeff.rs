use std::fmt;

use jiff::civil::{Date, DateTime, Time};
use serde::{Serialize, Serializer};

use super::{BiometricError, BiometricKind};
use crate::Finding;
use crate::objects::FascN;

pub(super) const CLAUSE: &str = "SP 800-76-2, Table 14";

/// Signed, not encrypted.
const SIGNED: u8 = 0x0D;
const VERSION: u8 = 0x03;

/// The CBEFF header of PIV, 88 bytes (SP 800-76-2, Table 14).
///
/// Every field has a fixed place, so any 88 bytes can be held and written back;
/// [`CbeffHeader::check`] says what is wrong with them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct CbeffHeader {
    /// Patron header version, 03.
    pub version: u8,
    /// Security options, 0D: signed, not encrypted.
    pub security: u8,
    /// Bytes of the biometric data block.
    pub data_length: u32,
    /// Bytes of the signature block.
    pub signature_length: u16,
    /// Format owner: 001B (INCITS M1) or 0101 (ISO/IEC JTC 1 SC 37).
    pub format_owner: u16,
    /// Format type: 0201 fingerprint minutiae, 0501 face, 0009 iris.
    pub format_type: u16,
    /// When the biometric was made.
    pub created: CbeffDate,
    /// From when it is valid.
    pub not_before: CbeffDate,
    /// Until when it is valid.
    pub not_after: CbeffDate,
    /// Biometric type: 000008 fingerprints, 000002 face, 000010 iris.
    pub biometric_type: [u8; 3],
    /// Biometric data type: how far processed, in the three highest bits.
    pub data_type: u8,
    /// Quality, 0 to 100, or -2 for not assessed.
    pub quality: i8,
    /// Who made it.
    pub creator: Creator,
    /// The card's FASC-N.
    pub fasc_n: FascN,
    /// Reserved, all zeros.
    pub reserved: [u8; 4],
}

impl CbeffHeader {
    /// Its size in bytes.
    pub const LENGTH: usize = 88;

    /// A header as the standard demands it, with quality not assessed and lengths of zero, which
    /// [`super::BiometricRecord::new`] and signing set.
    #[must_use]
    pub fn new(
        kind: BiometricKind,
        fasc_n: FascN,
        creator: Creator,
        created: CbeffDate,
        valid: (CbeffDate, CbeffDate),
    ) -> Self {
        let demanded = Demanded::of(kind);
        Self {
            version: VERSION,
            security: SIGNED,
            data_length: 0,
            signature_length: 0,
            format_owner: demanded.owner,
            format_type: demanded.format,
            created,
            not_before: valid.0,
            not_after: valid.1,
            biometric_type: demanded.biometric,
            data_type: demanded.processing,
            quality: -2,
            creator,
            fasc_n,
            reserved: [0; 4],
        }
    }

    /// Reads a header.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        // Offsets and lengths are constants within 88 bytes.
        fn at<const N: usize>(bytes: &[u8; CbeffHeader::LENGTH], offset: usize) -> [u8; N] {
            let mut field = [0; N];
            field.copy_from_slice(&bytes[offset..offset + N]);
            field
        }
        Self {
            version: bytes[0],
            security: bytes[1],
            data_length: u32::from_be_bytes(at(bytes, 2)),
            signature_length: u16::from_be_bytes(at(bytes, 6)),
            format_owner: u16::from_be_bytes(at(bytes, 8)),
            format_type: u16::from_be_bytes(at(bytes, 10)),
            created: CbeffDate(at(bytes, 12)),
            not_before: CbeffDate(at(bytes, 20)),
            not_after: CbeffDate(at(bytes, 28)),
            biometric_type: at(bytes, 36),
            data_type: bytes[39],
            quality: i8::from_be_bytes([bytes[40]]),
            creator: Creator(at(bytes, 41)),
            fasc_n: FascN::from_bytes(at(bytes, 59)),
            reserved: at(bytes, 84),
        }
    }

    /// The 88 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let mut put = |offset: usize, field: &[u8]| {
            bytes[offset..offset + field.len()].copy_from_slice(field);
        };
        put(0, &[self.version, self.security]);
        put(2, &self.data_length.to_be_bytes());
        put(6, &self.signature_length.to_be_bytes());
        put(8, &self.format_owner.to_be_bytes());
        put(10, &self.format_type.to_be_bytes());
        put(12, &self.created.0);
        put(20, &self.not_before.0);
        put(28, &self.not_after.0);
        put(36, &self.biometric_type);
        put(39, &[self.data_type]);
        put(40, &self.quality.to_be_bytes());
        put(41, &self.creator.0);
        put(59, self.fasc_n.bytes());
        put(84, &self.reserved);
        bytes
    }

    /// What is wrong with it for this kind of biometric. The lengths are compared where the rest
    /// of the record is known.
    #[must_use]
    pub fn check(&self, kind: BiometricKind) -> Vec<Finding> {
        let demanded = Demanded::of(kind);
        let mut findings = Vec::new();
        let mut violation = |what: String| {
            findings.push(Finding::violation(CLAUSE, format!("{kind}: {what}")));
        };
        let mut expect = |field: &str, actual: u32, expected: u32, digits: usize| {
            if actual != expected {
                violation(format!(
                    "{field} is {actual:0digits$X}, expected {expected:0digits$X}"
                ));
            }
        };
        let three = |[high, middle, low]: [u8; 3]| u32::from_be_bytes([0, high, middle, low]);
        expect(
            "patron header version",
            self.version.into(),
            VERSION.into(),
            2,
        );
        expect("security options", self.security.into(), SIGNED.into(), 2);
        expect(
            "format owner",
            self.format_owner.into(),
            demanded.owner.into(),
            4,
        );
        expect(
            "format type",
            self.format_type.into(),
            demanded.format.into(),
            4,
        );
        expect(
            "biometric type",
            three(self.biometric_type),
            three(demanded.biometric),
            6,
        );
        expect(
            "data type without its free bits",
            (self.data_type & 0xE0).into(),
            demanded.processing.into(),
            2,
        );
        expect("reserved field", u32::from_be_bytes(self.reserved), 0, 8);
        if self.data_length == 0 {
            violation("the header counts no data".to_owned());
        }
        for (name, date) in [
            ("creation date", self.created),
            ("begin of validity", self.not_before),
            ("end of validity", self.not_after),
        ] {
            if date.datetime().is_none() {
                violation(format!("{name} `{date}` is no date"));
            }
        }
        if let (Some(from), Some(until)) = (self.not_before.datetime(), self.not_after.datetime())
            && from > until
        {
            violation(format!("valid from {from} until {until}"));
        }
        if !matches!(self.quality, -2 | 0..=100) {
            violation(format!(
                "quality is {}, expected -2 or 0 to 100",
                self.quality
            ));
        }
        if self.creator.text().is_none() {
            violation("creator is not ASCII that ends in a zero".to_owned());
        }
        if let Err(error) = self.fasc_n.fields() {
            violation(error.to_string());
        }
        findings
    }
}

/// What the header must say for one kind of biometric.
struct Demanded {
    owner: u16,
    format: u16,
    biometric: [u8; 3],
    processing: u8,
}

impl Demanded {
    const fn of(kind: BiometricKind) -> Self {
        let (owner, format, biometric, processing) = match kind {
            BiometricKind::Fingerprints => (0x001B, 0x0201, 0x08, 0x80),
            BiometricKind::Face => (0x001B, 0x0501, 0x02, 0x20),
            BiometricKind::Iris => (0x0101, 0x0009, 0x10, 0x40),
        };
        Self {
            owner,
            format,
            biometric: [0, 0, biometric],
            processing,
        }
    }
}

/// A moment in UTC as CBEFF writes it: century, year, month, day, hour, minute and second, a byte
/// each in binary, then `Z`. `14 13 08 05 08 1E 00 5A` is 5 August 2019, 08:30.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct CbeffDate(pub [u8; 8]);

impl CbeffDate {
    /// Writes a moment in UTC; fractions of a second are dropped.
    ///
    /// # Errors
    ///
    /// [`BiometricError::Year`] before the year 0.
    pub fn new(moment: DateTime) -> Result<Self, BiometricError> {
        let year = moment.year();
        let byte = |number: i16| u8::try_from(number).map_err(|_| BiometricError::Year { year });
        Ok(Self([
            byte(year.div_euclid(100))?,
            byte(year.rem_euclid(100))?,
            byte(moment.month().into())?,
            byte(moment.day().into())?,
            byte(moment.hour().into())?,
            byte(moment.minute().into())?,
            byte(moment.second().into())?,
            b'Z',
        ]))
    }

    /// The moment in UTC; `None` if the bytes are none.
    #[must_use]
    pub fn datetime(self) -> Option<DateTime> {
        let [century, year, month, day, hour, minute, second, b'Z'] = self.0 else {
            return None;
        };
        if year > 99 {
            return None;
        }
        let small = |byte: u8| i8::try_from(byte).ok();
        let date = Date::new(
            i16::from(century) * 100 + i16::from(year),
            small(month)?,
            small(day)?,
        );
        let time = Time::new(small(hour)?, small(minute)?, small(second)?, 0);
        Some(DateTime::from_parts(date.ok()?, time.ok()?))
    }
}

impl fmt::Display for CbeffDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.datetime() {
            Some(moment) => write!(f, "{moment}Z"),
            None => f.write_str(&hex::encode_upper(self.0)),
        }
    }
}

impl fmt::Debug for CbeffDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CbeffDate({self})")
    }
}

impl Serialize for CbeffDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Who made a biometric: up to 17 ASCII characters in 18 bytes, closed by a zero.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Creator(pub [u8; 18]);

impl Creator {
    /// Writes a name.
    ///
    /// # Errors
    ///
    /// [`BiometricError::Creator`] for more than 17 characters or others than printable ASCII.
    pub fn new(name: &str) -> Result<Self, BiometricError> {
        let printable = name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if name.len() > 17 || !printable {
            return Err(BiometricError::Creator {
                creator: name.to_owned(),
            });
        }
        let mut bytes = [0; 18];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Ok(Self(bytes))
    }

    /// The name; `None` if it is not ASCII or does not end in a zero.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(&self.0[..end])
            .ok()
            .filter(|text| text.is_ascii())
    }
}

impl fmt::Display for Creator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Some(text) => f.write_str(text),
            None => f.write_str(&hex::encode_upper(self.0)),
        }
    }
}

impl fmt::Debug for Creator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Creator({self})")
    }
}

impl Serialize for Creator {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn example(kind: BiometricKind) -> CbeffHeader {
        let day = |year| CbeffDate::new(date(year, 8, 5).at(8, 30, 0, 0)).unwrap();
        let mut header = CbeffHeader::new(
            kind,
            FascN::non_federal(),
            Creator::new("CARDWRIGHT").unwrap(),
            day(2019),
            (day(2019), day(2031)),
        );
        header.data_length = 1;
        header
    }

    #[test]
    fn dates_are_written_byte_by_byte_in_binary() {
        let date = CbeffDate::new(date(2019, 8, 5).at(8, 30, 0, 0)).unwrap();
        assert_eq!(hex::encode_upper(date.0), "14130805081E005A");
        assert_eq!(date.to_string(), "2019-08-05T08:30:00Z");
        for wrong in [
            "14130D05081E005A",
            "14130805081E0000",
            "14640805081E005A",
            "141308050818805A",
        ] {
            let bytes = hex::decode(wrong).unwrap().try_into().unwrap();
            assert_eq!(CbeffDate(bytes).datetime(), None, "{wrong}");
        }
    }

    #[test]
    fn a_new_header_has_no_findings_for_its_kind_and_some_for_another() {
        use BiometricKind::{Face, Fingerprints, Iris};
        for kind in [Fingerprints, Face, Iris] {
            assert_eq!(example(kind).check(kind), []);
            for other in [Fingerprints, Face, Iris] {
                assert_eq!(example(kind).check(other).is_empty(), kind == other);
            }
        }
    }

    #[test]
    fn each_wrong_field_is_named() {
        let message = |change: fn(&mut CbeffHeader)| {
            let mut header = example(BiometricKind::Face);
            change(&mut header);
            let findings = header.check(BiometricKind::Face);
            assert_eq!(findings.len(), 1, "{findings:?}");
            findings[0].message.replace("facial image: ", "")
        };
        assert_eq!(
            message(|it| it.version = 2),
            "patron header version is 02, expected 03"
        );
        assert_eq!(
            message(|it| it.security = 0x0F),
            "security options is 0F, expected 0D"
        );
        assert_eq!(
            message(|it| it.format_type = 0x0201),
            "format type is 0201, expected 0501"
        );
        assert_eq!(
            message(|it| it.biometric_type[2] = 8),
            "biometric type is 000008, expected 000002"
        );
        assert_eq!(
            message(|it| it.data_type = 0x9F),
            "data type without its free bits is 80, expected 20"
        );
        assert_eq!(
            message(|it| it.quality = -1),
            "quality is -1, expected -2 or 0 to 100"
        );
        assert_eq!(
            message(|it| it.quality = 101),
            "quality is 101, expected -2 or 0 to 100"
        );
        assert_eq!(
            message(|it| it.reserved[3] = 1),
            "reserved field is 00000001, expected 00000000"
        );
        assert_eq!(
            message(|it| it.creator.0 = [b'A'; 18]),
            "creator is not ASCII that ends in a zero"
        );
        assert_eq!(
            message(|it| std::mem::swap(&mut it.not_before, &mut it.not_after)),
            "valid from 2031-08-05T08:30:00 until 2019-08-05T08:30:00"
        );
        assert_eq!(
            message(|it| it.created.0[7] = b'z'),
            "creation date `14130805081E007A` is no date"
        );
    }

    #[test]
    fn a_creator_has_17_characters_at_most() {
        assert_eq!(
            Creator::new("12345678901234567").unwrap().text(),
            Some("12345678901234567")
        );
        for wrong in ["123456789012345678", "Bjørn", "a\0b"] {
            assert!(Creator::new(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_88_bytes_are_read_and_written_back(bytes in proptest::collection::vec(any::<u8>(), 88)) {
            let bytes: [u8; 88] = bytes.try_into().unwrap();
            let header = CbeffHeader::from_bytes(&bytes);
            prop_assert_eq!(header.to_bytes(), bytes);
            for kind in [BiometricKind::Fingerprints, BiometricKind::Face, BiometricKind::Iris] {
                let _ = header.check(kind);
            }
        }

        #[test]
        fn any_moment_survives(days in 0..500_000_i32, second in 0..86_400_i32) {
            let moment = date(0, 1, 1).at(0, 0, 0, 0)
                + jiff::Span::new().days(days).seconds(second);
            prop_assert_eq!(CbeffDate::new(moment).unwrap().datetime(), Some(moment));
        }
    }
}
