use serde::Serialize;

use super::BiometricError;
use super::record::{self, Fields, Notes};
use crate::{Finding, Parsed};

const CLAUSE: &str = "SP 800-76-2, 7; INCITS 385-2004; SP 800-85B-4, 9.6";
const NAME: &str = "face record";

const FORMAT: [u8; 4] = *b"FAC\0";
const VERSION: [u8; 4] = *b"010\0";

const HEAD: usize = 14;
/// Bytes of an image's block besides feature points and picture.
const BLOCK: usize = 20 + 12;
const FEATURE: usize = 8;

const JPEG: &[u8] = &[0xFF, 0xD8];
const JPEG_2000: &[u8] = &[0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50, 0x20, 0x20];

/// A facial image, the data block of object 5FC108 (INCITS 385-2004 as SP 800-76-2, 7 restricts
/// it).
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct FaceRecord {
    /// Format identifier, `FAC` and a zero.
    pub format: [u8; 4],
    /// Version, `010` and a zero.
    pub version: [u8; 4],
    /// Bytes of the record.
    pub length: u32,
    /// How many images the record says it has.
    pub image_count: u16,
    /// The images that could be read.
    pub images: Vec<FaceImage>,
    /// Bytes that belong to no image.
    pub rest: Vec<u8>,
}

/// One picture of a [`FaceRecord`].
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct FaceImage {
    /// Gender, eye and hair colour, property mask, expression, pose and its uncertainty; zero
    /// where not stated.
    pub properties: [u8; 14],
    /// Feature points, eight bytes each.
    pub features: Vec<[u8; 8]>,
    /// Image type: 1 full frontal.
    pub image_type: u8,
    /// Image data type: 0 JPEG, 1 JPEG 2000.
    pub data_type: u8,
    /// Width in pixels.
    pub width: u16,
    /// Height in pixels.
    pub height: u16,
    /// Colour space: 1 sRGB.
    pub colour_space: u8,
    /// Source: 2 still camera, 6 frame of a video camera.
    pub source: u8,
    /// Type of the camera, the maker's number.
    pub device: u16,
    /// Quality.
    pub quality: u16,
    /// The picture.
    pub picture: Vec<u8>,
}

impl FaceRecord {
    /// A record of one picture.
    ///
    /// # Errors
    ///
    /// [`BiometricError::TooLarge`] beyond 2^32 - 1 bytes or 65535 feature points.
    pub fn new(image: FaceImage) -> Result<Self, BiometricError> {
        let length = HEAD + image.block_length();
        let too_large = |length| BiometricError::TooLarge { what: NAME, length };
        if u16::try_from(image.features.len()).is_err() {
            return Err(too_large(length));
        }
        Ok(Self {
            format: FORMAT,
            version: VERSION,
            length: u32::try_from(length).map_err(|_| too_large(length))?,
            image_count: 1,
            images: vec![image],
            rest: Vec::new(),
        })
    }

    /// Reads a record. What cannot be read stays in `rest`.
    ///
    /// # Errors
    ///
    /// [`BiometricError::TooShort`] for fewer than 14 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Parsed<Self>, BiometricError> {
        record::parse(bytes, NAME, HEAD, Self::read, Self::check)
    }

    /// The bytes of the record.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = [self.format, self.version, self.length.to_be_bytes()].concat();
        out.extend(self.image_count.to_be_bytes());
        for image in &self.images {
            image.write(&mut out);
        }
        out.extend_from_slice(&self.rest);
        out
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mut record = Self {
            format: fields.take()?,
            version: fields.take()?,
            length: fields.u32()?,
            image_count: fields.u16()?,
            images: Vec::new(),
            rest: Vec::new(),
        };
        record.images = fields.parts(record.image_count, FaceImage::read);
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
        if self.image_count == 0 {
            notes.violation("no image");
        }
        notes.expect_parts("image", self.images.len(), self.image_count, &self.rest);
        for image in &self.images {
            image.check(&mut notes);
        }
        notes.findings
    }
}

impl FaceImage {
    /// A full frontal picture in sRGB from a still camera, in JPEG or JPEG 2000 as its first bytes
    /// say.
    #[must_use]
    pub fn full_frontal(picture: Vec<u8>, width: u16, height: u16) -> Self {
        Self {
            properties: [0; 14],
            features: Vec::new(),
            image_type: 1,
            data_type: u8::from(picture.starts_with(JPEG_2000)),
            width,
            height,
            colour_space: 1,
            source: 2,
            device: 0,
            quality: 0,
            picture,
        }
    }

    fn block_length(&self) -> usize {
        BLOCK + self.features.len() * FEATURE + self.picture.len()
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let length = usize::try_from(fields.u32()?).ok()?;
        let points = fields.u16()?;
        let picture = length.checked_sub(BLOCK + usize::from(points) * FEATURE)?;
        Some(Self {
            properties: fields.take()?,
            features: (0..points).map(|_| fields.take()).collect::<Option<_>>()?,
            image_type: fields.u8()?,
            data_type: fields.u8()?,
            width: fields.u16()?,
            height: fields.u16()?,
            colour_space: fields.u8()?,
            source: fields.u8()?,
            device: fields.u16()?,
            quality: fields.u16()?,
            picture: fields.bytes(picture)?.to_vec(),
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        // Larger ones do not come from parsing and are refused by `FaceRecord::new`.
        let length = u32::try_from(self.block_length()).unwrap_or(u32::MAX);
        let points = u16::try_from(self.features.len()).unwrap_or(u16::MAX);
        out.extend(length.to_be_bytes());
        out.extend(points.to_be_bytes());
        out.extend(self.properties);
        out.extend(self.features.iter().flatten());
        out.extend([self.image_type, self.data_type]);
        out.extend(self.width.to_be_bytes());
        out.extend(self.height.to_be_bytes());
        out.extend([self.colour_space, self.source]);
        out.extend(self.device.to_be_bytes());
        out.extend(self.quality.to_be_bytes());
        out.extend_from_slice(&self.picture);
    }

    fn check(&self, notes: &mut Notes) {
        notes.expect("image type", self.image_type, 1);
        notes.expect("colour space", self.colour_space, 1);
        if !matches!(self.source, 2 | 6) {
            notes.violation(format_args!(
                "source type is {}, expected 2 or 6",
                self.source
            ));
        }
        match self.data_type {
            0 if !self.picture.starts_with(JPEG) => {
                notes.violation("the picture is not in JPEG as its data type says");
            }
            1 if !self.picture.starts_with(JPEG_2000) => {
                notes.violation("the picture is not in JPEG 2000 as its data type says");
            }
            0 | 1 => {}
            other => notes.violation(format_args!("image data type is {other}, expected 0 or 1")),
        }
        if self.width == 0 || self.height == 0 {
            notes.warning("the picture has no width or no height");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn example() -> FaceRecord {
        let picture = [JPEG, &[0xFF, 0xE0, 0x00]].concat();
        FaceRecord::new(FaceImage::full_frontal(picture, 480, 640)).unwrap()
    }

    #[test]
    fn a_record_is_laid_out_as_the_standard_draws_it() {
        let bytes = example().encode();
        assert_eq!(
            hex::encode_upper(&bytes),
            [
                "46414300 30313000 00000033 0001",
                "00000025 0000 0000000000000000000000000000",
                "01 00 01E0 0280 01 02 0000 0000",
                "FFD8FFE000",
            ]
            .concat()
            .replace(' ', "")
        );
        let parsed = FaceRecord::parse(&bytes).unwrap();
        assert_eq!((parsed.value, parsed.findings), (example(), Vec::new()));
    }

    #[test]
    fn each_wrong_field_is_named() {
        let message = |change: fn(&mut FaceRecord)| {
            let mut record = example();
            change(&mut record);
            let parsed = FaceRecord::parse(&record.encode()).unwrap();
            assert_eq!(parsed.findings.len(), 1, "{:?}", parsed.findings);
            parsed.findings[0].message.replace("face record: ", "")
        };
        assert_eq!(
            message(|it| it.version[2] = b'1'),
            "version is 30313100, expected 30313000"
        );
        assert_eq!(message(|it| it.length = 50), "length is 50, expected 51");
        assert_eq!(
            message(|it| it.images[0].image_type = 2),
            "image type is 2, expected 1"
        );
        assert_eq!(
            message(|it| it.images[0].colour_space = 4),
            "colour space is 4, expected 1"
        );
        assert_eq!(
            message(|it| it.images[0].source = 3),
            "source type is 3, expected 2 or 6"
        );
        assert_eq!(
            message(|it| it.images[0].data_type = 1),
            "the picture is not in JPEG 2000 as its data type says"
        );
        assert_eq!(message(|it| it.image_count = 2), "cut short: 1 of 2 images");
    }

    proptest! {
        #[test]
        fn any_bytes_of_a_head_or_more_are_written_back(
            bytes in vec(any::<u8>(), 0..200),
            at in 0_usize..51,
            to in any::<u8>(),
        ) {
            let mut damaged = example().encode();
            damaged[at] = to;
            for bytes in [bytes, damaged] {
                match FaceRecord::parse(&bytes) {
                    Ok(parsed) => prop_assert_eq!(parsed.value.encode(), bytes),
                    Err(_) => prop_assert!(bytes.len() < HEAD),
                }
            }
        }

        #[test]
        fn what_is_made_is_parsed_back(
            features in vec(any::<[u8; 8]>(), 0..20),
            picture in vec(any::<u8>(), 0..300),
            size in any::<(u16, u16)>(),
        ) {
            let image = FaceImage { features, ..FaceImage::full_frontal(picture, size.0, size.1) };
            let record = FaceRecord::new(image).unwrap();
            let parsed = FaceRecord::parse(&record.encode()).unwrap();
            prop_assert_eq!(parsed.value, record);
        }
    }
}
