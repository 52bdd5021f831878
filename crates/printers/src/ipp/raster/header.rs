//! The header of a page (PWG 5102.4-2012, section 4.3).

use serde::Serialize;

use super::{HEADER_BYTES, RasterError};

/// How a dot is written (PWG 5102.4 section 4.3.2.1 and 4.3.3.3, names of
/// `pwg-raster-document-type-supported`).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Colour {
    /// `black_1`: one bit a dot, 1 is black.
    #[serde(rename = "black_1")]
    Black1,
    /// `black_8`: a byte a dot, 255 is black.
    #[serde(rename = "black_8")]
    Black8,
    /// `sgray_8`: a byte a dot, 255 is white.
    #[serde(rename = "sgray_8")]
    Sgray8,
    /// `srgb_8`: red, green and blue, a byte each.
    #[serde(rename = "srgb_8")]
    Srgb8,
}

impl Colour {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Black1, Self::Black8, Self::Sgray8, Self::Srgb8];

    /// The keyword of the attribute.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Black1 => "black_1",
            Self::Black8 => "black_8",
            Self::Sgray8 => "sgray_8",
            Self::Srgb8 => "srgb_8",
        }
    }

    /// From the keyword of the attribute.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|colour| colour.name() == name)
    }

    /// Bits of a dot.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::Black1 => 1,
            Self::Black8 | Self::Sgray8 => 8,
            Self::Srgb8 => 24,
        }
    }

    /// `BitsPerColor`, `BitsPerPixel`, `ColorSpace` and `NumColors` of the header.
    const fn fields(self) -> [u32; 4] {
        match self {
            Self::Black1 => [1, 1, 3, 1],
            Self::Black8 => [8, 8, 3, 1],
            Self::Sgray8 => [8, 8, 18, 1],
            Self::Srgb8 => [8, 24, 19, 3],
        }
    }

    /// The byte of a dot without ink.
    pub(super) const fn white(self) -> u8 {
        match self {
            Self::Black1 | Self::Black8 => 0,
            Self::Sgray8 | Self::Srgb8 => 255,
        }
    }
}

/// The header of a page. Fields of PWG 5102.4 that are not here are written as 0, which means the
/// printer's own choice, and passed over when read.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Header {
    /// `MediaType`, such as `stationery`; may be empty.
    pub media_type: String,
    /// `PageSizeName`: the media by its self-describing name (PWG 5101.1); may be empty.
    pub media: String,
    /// `HWResolution`: dots an inch across and along.
    pub resolution: [u32; 2],
    /// `PageSize`: the media in points (1/72 inch) across and along.
    pub points: [u32; 2],
    /// `Width`: dots across.
    pub width: u32,
    /// `Height`: lines.
    pub height: u32,
    /// How a dot is written.
    pub colour: Colour,
    /// `NumCopies`; 0 is the printer's choice.
    pub copies: u32,
    /// `Duplex`: whether the document has a back for each front.
    pub duplex: bool,
    /// `Tumble`: whether the back is bound at the short edge.
    pub tumble: bool,
    /// `TotalPageCount`; 0 is not known.
    pub pages: u32,
    /// `CrossFeedTransform` is -1: left and right of each line are exchanged.
    pub mirrored_across: bool,
    /// `FeedTransform` is -1: the last line is sent first.
    pub mirrored_along: bool,
    /// `PrintQuality`: 0 the printer's choice, 3 draft, 4 normal, 5 high.
    pub quality: u32,
}

/// Places of the fields in the header, in bytes.
mod at {
    pub(super) const MEDIA_TYPE: usize = 128;
    pub(super) const DUPLEX: usize = 272;
    pub(super) const RESOLUTION: usize = 276;
    pub(super) const COPIES: usize = 340;
    pub(super) const PAGE_SIZE: usize = 352;
    pub(super) const TUMBLE: usize = 368;
    pub(super) const WIDTH: usize = 372;
    pub(super) const HEIGHT: usize = 376;
    pub(super) const BITS_PER_COLOR: usize = 384;
    pub(super) const BITS_PER_PIXEL: usize = 388;
    pub(super) const BYTES_PER_LINE: usize = 392;
    pub(super) const COLOR_ORDER: usize = 396;
    pub(super) const COLOR_SPACE: usize = 400;
    pub(super) const NUM_COLORS: usize = 420;
    pub(super) const TOTAL_PAGES: usize = 452;
    pub(super) const CROSS_FEED: usize = 456;
    pub(super) const FEED: usize = 460;
    pub(super) const IMAGE_BOX: usize = 464;
    pub(super) const QUALITY: usize = 484;
    pub(super) const MEDIA: usize = 1732;
}

/// The name every page starts with.
const MARK: &str = "PwgRaster";
/// Bytes of a text field, with at least one zero behind the text.
const TEXT: usize = 64;

impl Header {
    /// A page of 300 dpi in `colour`, one-sided, one copy.
    #[must_use]
    pub fn new(colour: Colour, width: u32, height: u32) -> Self {
        Self {
            media_type: String::new(),
            media: String::new(),
            resolution: [plastic::DPI; 2],
            points: [width, height].map(|dots| (dots * 72 + plastic::DPI / 2) / plastic::DPI),
            width,
            height,
            colour,
            copies: 1,
            duplex: false,
            tumble: false,
            pages: 1,
            mirrored_across: false,
            mirrored_along: false,
            quality: 0,
        }
    }

    /// Bytes of a line.
    #[must_use]
    pub fn stride(&self) -> usize {
        // Both fit: no page is read with more than a million dots.
        (self.width as usize * self.colour.bits() as usize).div_ceil(8)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + HEADER_BYTES, 0);
        let bytes = &mut out[start..];
        let mut text = |place: usize, text: &str| {
            let text = cut(text).as_bytes();
            bytes[place..place + text.len()].copy_from_slice(text);
        };
        text(0, MARK);
        text(at::MEDIA_TYPE, &self.media_type);
        text(at::MEDIA, &self.media);
        let transform = |mirrored: bool| if mirrored { u32::MAX } else { 1 };
        let [bits_per_color, bits_per_pixel, color_space, colors] = self.colour.fields();
        for (place, value) in [
            (at::DUPLEX, u32::from(self.duplex)),
            (at::RESOLUTION, self.resolution[0]),
            (at::RESOLUTION + 4, self.resolution[1]),
            (at::COPIES, self.copies),
            (at::PAGE_SIZE, self.points[0]),
            (at::PAGE_SIZE + 4, self.points[1]),
            (at::TUMBLE, u32::from(self.tumble)),
            (at::WIDTH, self.width),
            (at::HEIGHT, self.height),
            (at::BITS_PER_COLOR, bits_per_color),
            (at::BITS_PER_PIXEL, bits_per_pixel),
            (
                at::BYTES_PER_LINE,
                u32::try_from(self.stride()).expect("at most three bytes a dot"),
            ),
            (at::COLOR_SPACE, color_space),
            (at::NUM_COLORS, colors),
            (at::TOTAL_PAGES, self.pages),
            (at::CROSS_FEED, transform(self.mirrored_across)),
            (at::FEED, transform(self.mirrored_along)),
            (at::IMAGE_BOX + 8, self.width),
            (at::IMAGE_BOX + 12, self.height),
            (at::QUALITY, self.quality),
        ] {
            bytes[place..place + 4].copy_from_slice(&value.to_be_bytes());
        }
    }

    /// Reads the header that lies at `offset` of the document.
    pub(super) fn parse(bytes: &[u8; HEADER_BYTES], offset: usize) -> Result<Self, RasterError> {
        let number = |place: usize| {
            let mut word = [0; 4];
            word.copy_from_slice(&bytes[place..place + 4]);
            u32::from_be_bytes(word)
        };
        let text = |place: usize| {
            let field = &bytes[place..place + TEXT];
            let end = field.iter().position(|byte| *byte == 0);
            let text = String::from_utf8_lossy(&field[..end.unwrap_or(TEXT)]);
            cut(&text).to_owned()
        };
        let wrong =
            |place: usize, field: &'static str, found: String, expected: &str| RasterError::Field {
                offset: offset + place,
                field,
                found,
                expected: expected.to_owned(),
            };
        if text(0) != MARK {
            let found = format!("`{}`", text(0).escape_debug());
            return Err(wrong(0, "PwgRaster", found, "`PwgRaster`"));
        }
        let found = [
            at::BITS_PER_COLOR,
            at::BITS_PER_PIXEL,
            at::COLOR_SPACE,
            at::NUM_COLORS,
        ]
        .map(number);
        let [bits_per_color, bits_per_pixel, color_space, _] = found;
        let Some(colour) = Colour::ALL.into_iter().find(|colour| {
            // Writers leave NumColors at 0 where it follows from the rest.
            let fields = colour.fields();
            fields[..3] == found[..3] && (found[3] == 0 || found[3] == fields[3])
        }) else {
            return Err(wrong(
                at::COLOR_SPACE,
                "ColorSpace",
                format!(
                    "{color_space} with {bits_per_color} bits a colour and {bits_per_pixel} a dot"
                ),
                "3 (black, 1 or 8 bits), 18 (grey, 8) or 19 (sRGB, 24)",
            ));
        };
        let flag = |place: usize, field: &'static str| match number(place) {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(wrong(place, field, other.to_string(), "0 or 1")),
        };
        // 0 stands for no transform in documents of older writers.
        let mirrored = |place: usize, field: &'static str| match number(place) {
            0 | 1 => Ok(false),
            u32::MAX => Ok(true),
            other => Err(wrong(place, field, other.to_string(), "1 or -1")),
        };
        let header = Self {
            media_type: text(at::MEDIA_TYPE),
            media: text(at::MEDIA),
            resolution: [number(at::RESOLUTION), number(at::RESOLUTION + 4)],
            points: [number(at::PAGE_SIZE), number(at::PAGE_SIZE + 4)],
            width: number(at::WIDTH),
            height: number(at::HEIGHT),
            colour,
            copies: number(at::COPIES),
            duplex: flag(at::DUPLEX, "Duplex")?,
            tumble: flag(at::TUMBLE, "Tumble")?,
            pages: number(at::TOTAL_PAGES),
            mirrored_across: mirrored(at::CROSS_FEED, "CrossFeedTransform")?,
            mirrored_along: mirrored(at::FEED, "FeedTransform")?,
            quality: number(at::QUALITY),
        };
        for (place, field, dots) in [
            (at::WIDTH, "Width", header.width),
            (at::HEIGHT, "Height", header.height),
        ] {
            if dots == 0 {
                return Err(wrong(place, field, "0".to_owned(), "at least 1"));
            }
        }
        if number(at::COLOR_ORDER) != 0 {
            let found = number(at::COLOR_ORDER).to_string();
            return Err(wrong(
                at::COLOR_ORDER,
                "ColorOrder",
                found,
                "0 (dots whole)",
            ));
        }
        let stride = u64::from(number(at::BYTES_PER_LINE));
        let expected = (u64::from(header.width) * u64::from(colour.bits())).div_ceil(8);
        if stride != expected {
            return Err(wrong(
                at::BYTES_PER_LINE,
                "BytesPerLine",
                stride.to_string(),
                &format!("{expected} for its width"),
            ));
        }
        Ok(header)
    }
}

/// A text at the length of its field, cut at a boundary of a character.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(TEXT - 1);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
