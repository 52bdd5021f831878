use serde::Serialize;

use super::BiometricError;
use super::record::{self, Fields, Notes};
use crate::{Finding, Parsed};

const CLAUSE: &str = "SP 800-76-2, 6; ISO/IEC 19794-6:2011; SP 800-85B-4, 9.7";
const NAME: &str = "iris record";

const FORMAT: [u8; 4] = *b"IIR\0";
const VERSION: [u8; 4] = *b"020\0";

const HEAD: usize = 16;
/// Bytes of a representation's own length field.
const LENGTH: usize = 4;

/// Iris images, the data block of object 5FC121 (ISO/IEC 19794-6:2011 as SP 800-76-2, 6 restricts
/// it). The representations are counted and kept, not taken apart.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct IrisRecord {
    /// Format identifier, `IIR` and a zero.
    pub format: [u8; 4],
    /// Version, `020` and a zero.
    pub version: [u8; 4],
    /// Bytes of the record.
    pub length: u32,
    /// How many representations the record says it has.
    pub representation_count: u16,
    /// Certification flag, 0 in this version of the standard.
    pub certification: u8,
    /// How many eyes: 1 or 2, 0 unknown.
    pub eyes: u8,
    /// The representations that could be read, without their length field of four bytes.
    pub representations: Vec<Vec<u8>>,
    /// Bytes that belong to no representation.
    pub rest: Vec<u8>,
}

impl IrisRecord {
    /// A record of these representations, each without its length field.
    ///
    /// # Errors
    ///
    /// [`BiometricError::TooLarge`] beyond 2^32 - 1 bytes or 65535 representations.
    pub fn new(eyes: u8, representations: Vec<Vec<u8>>) -> Result<Self, BiometricError> {
        let too_large = |length| BiometricError::TooLarge { what: NAME, length };
        let count = representations.len();
        let bytes = representations.iter().map(|each| LENGTH + each.len());
        let length = HEAD + bytes.sum::<usize>();
        Ok(Self {
            format: FORMAT,
            version: VERSION,
            length: u32::try_from(length).map_err(|_| too_large(length))?,
            representation_count: u16::try_from(count).map_err(|_| too_large(length))?,
            certification: 0,
            eyes,
            representations,
            rest: Vec::new(),
        })
    }

    /// Reads a record. What cannot be read stays in `rest`.
    ///
    /// # Errors
    ///
    /// [`BiometricError::TooShort`] for fewer than 16 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Parsed<Self>, BiometricError> {
        record::parse(bytes, NAME, HEAD, Self::read, Self::check)
    }

    /// The bytes of the record.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = [self.format, self.version, self.length.to_be_bytes()].concat();
        out.extend(self.representation_count.to_be_bytes());
        out.extend([self.certification, self.eyes]);
        for representation in &self.representations {
            // Larger ones do not come from parsing and are refused by `IrisRecord::new`.
            let length = u32::try_from(LENGTH + representation.len()).unwrap_or(u32::MAX);
            out.extend(length.to_be_bytes());
            out.extend_from_slice(representation);
        }
        out.extend_from_slice(&self.rest);
        out
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mut record = Self {
            format: fields.take()?,
            version: fields.take()?,
            length: fields.u32()?,
            representation_count: fields.u16()?,
            certification: fields.u8()?,
            eyes: fields.u8()?,
            representations: Vec::new(),
            rest: Vec::new(),
        };
        record.representations = fields.parts(record.representation_count, representation);
        record.rest = fields.rest().to_vec();
        Some(record)
    }

    fn check(&self, actual: usize) -> Vec<Finding> {
        let mut notes = Notes::new(NAME, CLAUSE);
        notes.expect_bytes("format identifier", self.format, FORMAT);
        notes.expect_bytes("version", self.version, VERSION);
        if usize::try_from(self.length) != Ok(actual) {
            notes.violation(format_args!("length is {}, expected {actual}", self.length));
        }
        if self.representation_count == 0 {
            notes.violation("no representation");
        }
        if self.eyes > 2 {
            notes.violation(format_args!("{} eyes, expected at most 2", self.eyes));
        }
        notes.expect_parts(
            "representation",
            self.representations.len(),
            self.representation_count,
            &self.rest,
        );
        notes.findings
    }
}

fn representation(fields: &mut Fields<'_>) -> Option<Vec<u8>> {
    let length = usize::try_from(fields.u32()?).ok()?;
    let body = fields.bytes(length.checked_sub(LENGTH)?)?;
    Some(body.to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn example() -> IrisRecord {
        IrisRecord::new(2, vec![vec![1, 2, 3], vec![4]]).unwrap()
    }

    #[test]
    fn a_record_is_laid_out_as_the_standard_draws_it() {
        let bytes = example().encode();
        assert_eq!(
            hex::encode_upper(&bytes),
            "49495200303230000000001C0002000200000007010203 0000000504".replace(' ', "")
        );
        let parsed = IrisRecord::parse(&bytes).unwrap();
        assert_eq!((parsed.value, parsed.findings), (example(), Vec::new()));
    }

    #[test]
    fn each_wrong_field_is_named() {
        let message = |change: fn(&mut IrisRecord)| {
            let mut record = example();
            change(&mut record);
            let parsed = IrisRecord::parse(&record.encode()).unwrap();
            assert_eq!(parsed.findings.len(), 1, "{:?}", parsed.findings);
            parsed.findings[0].message.replace("iris record: ", "")
        };
        assert_eq!(
            message(|it| it.format[2] = b'Q'),
            "format identifier is 49495100, expected 49495200"
        );
        assert_eq!(message(|it| it.eyes = 3), "3 eyes, expected at most 2");
        assert_eq!(message(|it| it.length = 1), "length is 1, expected 28");
        assert_eq!(
            message(|it| it.representation_count = 1),
            "5 bytes after the last representation"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_of_a_head_or_more_are_written_back(
            bytes in vec(any::<u8>(), 0..200),
            at in 0_usize..28,
            to in any::<u8>(),
        ) {
            let mut damaged = example().encode();
            damaged[at] = to;
            for bytes in [bytes, damaged] {
                match IrisRecord::parse(&bytes) {
                    Ok(parsed) => prop_assert_eq!(parsed.value.encode(), bytes),
                    Err(_) => prop_assert!(bytes.len() < HEAD),
                }
            }
        }

        #[test]
        fn what_is_made_is_parsed_back(
            representations in vec(vec(any::<u8>(), 0..50), 0..5),
            eyes in any::<u8>(),
        ) {
            let record = IrisRecord::new(eyes, representations).unwrap();
            let parsed = IrisRecord::parse(&record.encode()).unwrap();
            prop_assert_eq!(parsed.value, record);
        }
    }
}
