use serde::Serialize;

use super::BiometricError;
use super::record::{self, Fields, Notes};
use crate::Parsed;

const CLAUSE: &str = "SP 800-76-2, 4; INCITS 378-2004; SP 800-85B-4, 9.4";
const NAME: &str = "minutiae record";

const FORMAT: [u8; 4] = *b"FMR\0";
const VERSION: [u8; 4] = *b" 20\0";
/// As the procedures of SP 800-85B spell the version; its assertions and real cards do not.
const VERSION_85B: [u8; 4] = *b" 200";

/// Bytes before the first view.
const HEAD: usize = 26;
/// The longest record of two fingers with 128 minutiae each.
const LONGEST: usize = 1574;
/// Pixels in a centimetre: 500 pixels in an inch.
const RESOLUTION: u16 = 197;

/// Fingerprint minutiae, the data block of object 5FC103 (INCITS 378-2004 as SP 800-76-2, 4
/// restricts it).
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct MinutiaeRecord {
    /// Format identifier, `FMR` and a zero.
    pub format: [u8; 4],
    /// Version, ` 20` and a zero.
    pub version: [u8; 4],
    /// Bytes of the record, in the form of two bytes.
    pub length: u16,
    /// Who owns the product that found the minutiae.
    pub product_owner: u16,
    /// The product.
    pub product_type: u16,
    /// Capture equipment: compliance in the four highest bits, identifier in the others.
    pub equipment: u16,
    /// Width of the scan in pixels.
    pub width: u16,
    /// Height of the scan in pixels.
    pub height: u16,
    /// Horizontal resolution in pixels per centimetre.
    pub x_resolution: u16,
    /// Vertical resolution in pixels per centimetre.
    pub y_resolution: u16,
    /// How many views the record says it has.
    pub view_count: u8,
    /// Reserved, 0.
    pub reserved: u8,
    /// The views that could be read.
    pub views: Vec<FingerView>,
    /// Bytes that belong to no view.
    pub rest: Vec<u8>,
}

/// One finger of a [`MinutiaeRecord`].
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct FingerView {
    /// Which finger: 1 right thumb to 10 left little finger, 0 unknown.
    pub position: u8,
    /// View number in the four highest bits, impression type in the others.
    pub view: u8,
    /// Quality: 20, 40, 60, 80, 100, or 254 and 255.
    pub quality: u8,
    /// The minutiae, at most 255.
    pub minutiae: Vec<Minutia>,
    /// The extended data, none on a PIV card.
    pub extended: Vec<u8>,
}

/// One minutia.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Minutia {
    /// 1 ridge ending, 2 bifurcation, 0 other.
    pub kind: u8,
    /// From the left in pixels.
    pub x: u16,
    /// Two reserved bits, 0.
    pub reserved: u8,
    /// From the top in pixels.
    pub y: u16,
    /// Direction in units of two degrees, 0 to 179.
    pub angle: u8,
    /// Quality, 0 to 100.
    pub quality: u8,
}

impl MinutiaeRecord {
    /// A record of these views at 197 pixels a centimetre, with its length and count set. `product`
    /// is owner and type, `equipment` the identifier of the scanner, `size` width and height.
    ///
    /// # Errors
    ///
    /// [`BiometricError::TooLarge`] beyond 65535 bytes or 255 views.
    pub fn new(
        product: (u16, u16),
        equipment: u16,
        size: (u16, u16),
        views: Vec<FingerView>,
    ) -> Result<Self, BiometricError> {
        let too_large = |length| BiometricError::TooLarge { what: NAME, length };
        let mut record = Self {
            format: FORMAT,
            version: VERSION,
            length: 0,
            product_owner: product.0,
            product_type: product.1,
            equipment: 0x8000 | equipment,
            width: size.0,
            height: size.1,
            x_resolution: RESOLUTION,
            y_resolution: RESOLUTION,
            view_count: u8::try_from(views.len()).map_err(|_| too_large(views.len()))?,
            reserved: 0,
            views,
            rest: Vec::new(),
        };
        let length = record.encode().len();
        record.length = u16::try_from(length).map_err(|_| too_large(length))?;
        Ok(record)
    }

    /// Reads a record. What cannot be read stays in `rest`.
    ///
    /// # Errors
    ///
    /// [`BiometricError::TooShort`] for fewer than 26 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Parsed<Self>, BiometricError> {
        record::parse(bytes, NAME, HEAD, Self::read, Self::check)
    }

    /// The bytes of the record.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = [self.format, self.version].concat();
        for number in [
            self.length,
            self.product_owner,
            self.product_type,
            self.equipment,
            self.width,
            self.height,
            self.x_resolution,
            self.y_resolution,
        ] {
            out.extend(number.to_be_bytes());
        }
        out.extend([self.view_count, self.reserved]);
        for view in &self.views {
            view.write(&mut out);
        }
        out.extend_from_slice(&self.rest);
        out
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mut record = Self {
            format: fields.take()?,
            version: fields.take()?,
            length: fields.u16()?,
            product_owner: fields.u16()?,
            product_type: fields.u16()?,
            equipment: fields.u16()?,
            width: fields.u16()?,
            height: fields.u16()?,
            x_resolution: fields.u16()?,
            y_resolution: fields.u16()?,
            view_count: fields.u8()?,
            reserved: fields.u8()?,
            views: Vec::new(),
            rest: Vec::new(),
        };
        record.views = fields.parts(record.view_count, FingerView::read);
        record.rest = fields.rest().to_vec();
        Some(record)
    }

    fn check(&self, actual: usize) -> Vec<crate::Finding> {
        let mut notes = Notes::new(NAME, CLAUSE);
        notes.expect_bytes("format identifier", self.format, FORMAT);
        if self.version == VERSION_85B {
            notes.warning("version is 20323030, which only a procedure of SP 800-85B asks for");
        } else {
            notes.expect_bytes("version", self.version, VERSION);
        }
        notes.expect("length", usize::from(self.length), actual);
        if !(HEAD..=LONGEST).contains(&actual) {
            notes.violation(format_args!("{actual} bytes, expected {HEAD} to {LONGEST}"));
        }
        if self.product_owner == 0 || self.product_type == 0 {
            notes.violation("product owner or type is zero");
        }
        notes.expect("equipment compliance", self.equipment >> 12, 0b1000);
        if self.equipment & 0x0FFF == 0 {
            notes.violation("capture equipment has no identifier");
        }
        notes.expect("horizontal resolution", self.x_resolution, RESOLUTION);
        notes.expect("vertical resolution", self.y_resolution, RESOLUTION);
        notes.expect("number of views", self.view_count, 2);
        notes.expect("reserved byte", self.reserved, 0);
        notes.expect_parts("view", self.views.len(), self.view_count, &self.rest);
        for (index, view) in self.views.iter().enumerate() {
            let alone = self
                .views
                .iter()
                .filter(|other| other.position == view.position)
                .count()
                == 1;
            view.check(index + 1, alone, (self.width, self.height), &mut notes);
        }
        notes.findings
    }
}

impl FingerView {
    /// The view number.
    #[must_use]
    pub const fn number(&self) -> u8 {
        self.view >> 4
    }

    /// The impression type: 0 live-scan plain, 2 nonlive-scan plain.
    #[must_use]
    pub const fn impression(&self) -> u8 {
        self.view & 0x0F
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (position, view, quality) = (fields.u8()?, fields.u8()?, fields.u8()?);
        let count = fields.u8()?;
        let minutiae = (0..count)
            .map(|_| fields.take().map(Minutia::from_bytes))
            .collect::<Option<_>>()?;
        let extended = fields.u16()?;
        Some(Self {
            position,
            view,
            quality,
            minutiae,
            extended: fields.bytes(extended.into())?.to_vec(),
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        // A record cannot say more than these; what is beyond is left out.
        let count = u8::try_from(self.minutiae.len()).unwrap_or(u8::MAX);
        out.extend([self.position, self.view, self.quality, count]);
        for minutia in self.minutiae.iter().take(count.into()) {
            out.extend(minutia.to_bytes());
        }
        let extended = u16::try_from(self.extended.len()).unwrap_or(u16::MAX);
        out.extend(extended.to_be_bytes());
        out.extend(&self.extended[..extended.into()]);
    }

    fn check(&self, index: usize, alone: bool, size: (u16, u16), notes: &mut Notes) {
        let mut violation = |what: String| notes.violation(format_args!("view {index}: {what}"));
        if self.position > 14 {
            violation(format!(
                "finger position {}, expected 0 to 14",
                self.position
            ));
        }
        if alone && self.number() != 0 {
            violation(format!(
                "view number {} of the only view of its finger, expected 0",
                self.number()
            ));
        }
        if !matches!(self.impression(), 0 | 2) {
            violation(format!(
                "impression type {}, expected 0 or 2",
                self.impression()
            ));
        }
        if !matches!(self.quality, 20 | 40 | 60 | 80 | 100 | 254 | 255) {
            violation(format!(
                "finger quality {}, expected 20, 40, 60, 80, 100, 254 or 255",
                self.quality
            ));
        }
        if self.minutiae.len() > 128 {
            violation(format!(
                "{} minutiae, expected at most 128",
                self.minutiae.len()
            ));
        }
        if !self.extended.is_empty() {
            violation(format!(
                "{} bytes of extended data, expected none",
                self.extended.len()
            ));
        }
        for (place, minutia) in self.minutiae.iter().enumerate() {
            for what in minutia.check(size) {
                violation(format!("minutia {}: {what}", place + 1));
            }
        }
    }
}

impl Minutia {
    const fn from_bytes([x1, x2, y1, y2, angle, quality]: [u8; 6]) -> Self {
        let (x, y) = (u16::from_be_bytes([x1, x2]), u16::from_be_bytes([y1, y2]));
        Self {
            kind: x1 >> 6,
            x: x & 0x3FFF,
            reserved: y1 >> 6,
            y: y & 0x3FFF,
            angle,
            quality,
        }
    }

    const fn to_bytes(self) -> [u8; 6] {
        let [x1, x2] = (self.x & 0x3FFF).to_be_bytes();
        let [y1, y2] = (self.y & 0x3FFF).to_be_bytes();
        let (x1, y1) = (self.kind << 6 | x1, self.reserved << 6 | y1);
        [x1, x2, y1, y2, self.angle, self.quality]
    }

    fn check(&self, (width, height): (u16, u16)) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.kind > 2 {
            wrong.push("type 3, expected 0, 1 or 2".to_owned());
        }
        if self.reserved != 0 {
            wrong.push("reserved bits are set".to_owned());
        }
        if self.x >= width || self.y >= height {
            wrong.push(format!(
                "at {}, {} outside {width} by {height} pixels",
                self.x, self.y
            ));
        }
        if self.angle > 179 {
            wrong.push(format!("angle {}, expected 0 to 179", self.angle));
        }
        if self.quality > 100 {
            wrong.push(format!("quality {}, expected 0 to 100", self.quality));
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn example() -> MinutiaeRecord {
        let minutia = |kind, x| Minutia {
            kind,
            x,
            reserved: 0,
            y: 0x12C,
            angle: 90,
            quality: 55,
        };
        let view = |position| FingerView {
            position,
            view: 0x00,
            quality: 80,
            minutiae: vec![minutia(1, 16), minutia(2, 255)],
            extended: Vec::new(),
        };
        MinutiaeRecord::new((1, 1), 1, (512, 480), vec![view(2), view(7)]).unwrap()
    }

    #[test]
    fn a_record_is_laid_out_as_the_standard_draws_it() {
        let bytes = example().encode();
        assert_eq!(
            hex::encode_upper(&bytes[..44]),
            [
                "464D5200 20323000 003E 0001 0001 8001 0200 01E0 00C5 00C5 02 00",
                "02 00 50 02 4010012C5A37 80FF012C5A37 0000",
            ]
            .concat()
            .replace(' ', "")
        );
        assert_eq!(bytes.len(), 26 + 2 * (4 + 12 + 2));
        let parsed = MinutiaeRecord::parse(&bytes).unwrap();
        assert_eq!((parsed.value, parsed.findings), (example(), Vec::new()));
    }

    #[test]
    fn each_wrong_field_is_named() {
        let message = |change: fn(&mut MinutiaeRecord)| {
            let mut record = example();
            change(&mut record);
            let parsed = MinutiaeRecord::parse(&record.encode()).unwrap();
            assert_eq!(parsed.findings.len(), 1, "{:?}", parsed.findings);
            parsed.findings[0].message.replace("minutiae record: ", "")
        };
        assert_eq!(
            message(|it| it.format[3] = b'X'),
            "format identifier is 464D5258, expected 464D5200"
        );
        assert_eq!(message(|it| it.length = 61), "length is 61, expected 62");
        assert_eq!(
            message(|it| it.product_type = 0),
            "product owner or type is zero"
        );
        assert_eq!(
            message(|it| it.equipment = 1),
            "equipment compliance is 0, expected 8"
        );
        assert_eq!(
            message(|it| it.x_resolution = 100),
            "horizontal resolution is 100, expected 197"
        );
        assert_eq!(
            message(|it| it.reserved = 1),
            "reserved byte is 1, expected 0"
        );
        assert_eq!(
            message(|it| it.views[1].quality = 61),
            "view 2: finger quality 61, expected 20, 40, 60, 80, 100, 254 or 255"
        );
        assert_eq!(
            message(|it| it.views[0].view = 0x01),
            "view 1: impression type 1, expected 0 or 2"
        );
        assert_eq!(
            message(|it| it.views[0].view = 0x10),
            "view 1: view number 1 of the only view of its finger, expected 0"
        );
        assert_eq!(
            message(|it| it.views[1].minutiae[1].x = 512),
            "view 2: minutia 2: at 512, 300 outside 512 by 480 pixels"
        );
        assert_eq!(
            message(|it| it.views[1].minutiae[0].angle = 180),
            "view 2: minutia 1: angle 180, expected 0 to 179"
        );
        assert!(message(|it| it.version = VERSION_85B).contains("20323030"));
    }

    #[test]
    fn a_record_cut_in_a_view_keeps_the_rest() {
        let bytes = example().encode();
        let parsed = MinutiaeRecord::parse(&bytes[..50]).unwrap();
        assert_eq!((parsed.value.views.len(), parsed.value.rest.len()), (1, 6));
        assert!(!parsed.conforms());
        assert_eq!(parsed.value.encode(), bytes[..50]);
    }

    proptest! {
        #[test]
        fn any_bytes_of_a_head_or_more_are_written_back(
            bytes in vec(any::<u8>(), 0..400),
            at in 0_usize..62,
            to in any::<u8>(),
        ) {
            let mut damaged = example().encode();
            damaged[at] = to;
            for bytes in [bytes, damaged] {
                match MinutiaeRecord::parse(&bytes) {
                    Ok(parsed) => prop_assert_eq!(parsed.value.encode(), bytes),
                    Err(_) => prop_assert!(bytes.len() < HEAD),
                }
            }
        }

        #[test]
        fn what_is_made_is_parsed_back(
            minutiae in vec(any::<[u8; 6]>().prop_map(Minutia::from_bytes), 0..200),
            position in any::<u8>(),
            size in any::<(u16, u16)>(),
        ) {
            let view = FingerView { position, view: 0, quality: 20, minutiae, extended: vec![1] };
            let record = MinutiaeRecord::new((1, 2), 3, size, vec![view.clone(), view]).unwrap();
            let parsed = MinutiaeRecord::parse(&record.encode()).unwrap();
            prop_assert_eq!(parsed.value, record);
        }
    }
}
