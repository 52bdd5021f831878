use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use plastic::Raster;

use crate::PhotoError;

mod hints;

pub use hints::PhotoHint;

/// The most bytes a photo file may have.
const MAX_FILE_BYTES: u64 = 32 << 20;
/// The most dots a photo may have on a side.
const MAX_SIDE: u32 = 8192;
/// The most bytes decoding may allocate.
const MAX_MEMORY: u64 = 256 << 20;
/// The longer side a photo is kept with: twice what the longer side of a card can show.
const KEPT_SIDE: u32 = 2048;
/// The most bytes of dots a byte of a photo file can stand for: deflate reaches 1032, and a JPEG with
/// coarse colour about 1400, in pictures of one colour only.
const MAX_RATIO: u64 = 2048;
/// How much of what is cut off a tall photo is cut off its top, in percent: faces stand above the
/// middle.
const CUT_AT_TOP: f64 = 30.0;

/// A decoded photo, upright, in colour.
///
/// It is decoded once, under limits checked before decoding: at most 32 MiB of file, 8192 dots a
/// side, 256 MiB of memory. Transparency is laid on white; an embedded colour profile is ignored,
/// as the printers ignore it. Cloning shares the dots.
#[derive(Clone)]
pub struct Photo {
    raster: Arc<Raster>,
    original: (u32, u32),
}

/// The part of a photo that is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Crop {
    left: f64,
    top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Photo {
    /// Reads a PNG or JPEG file and turns it upright as its EXIF orientation says.
    ///
    /// # Errors
    ///
    /// [`PhotoError`], naming the file.
    pub fn load(path: &Path) -> Result<Self, PhotoError> {
        let name = path.display().to_string();
        let failed = |source| PhotoError::Read {
            name: name.clone(),
            source,
        };
        let file = std::fs::File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut bytes = Vec::new();
        // One byte more than allowed, so that what grows or has no size (a pipe) is noticed too.
        file.take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(PhotoError::FileTooLarge {
                name,
                bytes: size.max(bytes.len() as u64),
                limit: MAX_FILE_BYTES,
            });
        }
        Self::from_named_bytes(&name, &bytes)
    }

    /// Decodes a PNG or JPEG held in memory.
    ///
    /// # Errors
    ///
    /// [`PhotoError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PhotoError> {
        Self::from_named_bytes("from memory", bytes)
    }

    /// Decodes a PNG or JPEG held in memory; errors call it `name`.
    ///
    /// # Errors
    ///
    /// [`PhotoError`].
    pub fn from_named_bytes(name: &str, bytes: &[u8]) -> Result<Self, PhotoError> {
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(PhotoError::FileTooLarge {
                name: name.to_owned(),
                bytes: bytes.len() as u64,
                limit: MAX_FILE_BYTES,
            });
        }
        let format = match image::guess_format(bytes) {
            Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg)) => format,
            _ => {
                return Err(PhotoError::NotAPicture {
                    name: name.to_owned(),
                    bytes: bytes.len(),
                });
            }
        };
        let damaged = |error: image::ImageError| PhotoError::Damaged {
            name: name.to_owned(),
            bytes: bytes.len(),
            reason: error.to_string(),
        };
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        // The sides are checked below, with a message that names them.
        let mut limits = image::Limits::no_limits();
        limits.max_alloc = Some(MAX_MEMORY);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(damaged)?;
        let (width, height) = decoder.dimensions();
        if width > MAX_SIDE || height > MAX_SIDE {
            return Err(PhotoError::TooManyDots {
                name: name.to_owned(),
                width,
                height,
                limit: MAX_SIDE,
            });
        }
        if decoder.total_bytes() > MAX_MEMORY {
            return Err(PhotoError::TooMuchMemory {
                name: name.to_owned(),
                width,
                height,
                bytes: decoder.total_bytes(),
                limit: MAX_MEMORY,
            });
        }
        // Nothing is allocated for dots the file cannot have.
        if decoder.total_bytes() > (bytes.len() as u64).saturating_mul(MAX_RATIO) {
            return Err(PhotoError::Damaged {
                name: name.to_owned(),
                bytes: bytes.len(),
                reason: format!("it is too short for {width} x {height} dots"),
            });
        }
        let orientation = decoder.orientation().map_err(damaged)?;
        let mut image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
        image.apply_orientation(orientation);
        let original = (image.width(), image.height());
        let raster = on_white(image).ok_or_else(|| PhotoError::Damaged {
            name: name.to_owned(),
            bytes: bytes.len(),
            reason: "the picture has no dots".to_owned(),
        })?;
        Ok(Self {
            raster: Arc::new(reduced(raster)),
            original,
        })
    }

    /// Dots across and down of the upright photo as it was read.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        self.original
    }

    /// The largest part of the photo with the proportions of `width` to `height`: from the middle,
    /// but from above the middle where a tall photo has to be cut.
    pub(crate) fn crop(&self, width: u32, height: u32) -> Crop {
        let (has_width, has_height) = (
            f64::from(self.raster.width()),
            f64::from(self.raster.height()),
        );
        let wanted = f64::from(width) / f64::from(height);
        if has_width / has_height > wanted {
            let width = has_height * wanted;
            Crop {
                left: (has_width - width) / 2.0,
                top: 0.0,
                width,
                height: has_height,
            }
        } else {
            let height = has_width / wanted;
            Crop {
                left: 0.0,
                top: (has_height - height) * CUT_AT_TOP / 100.0,
                width: has_width,
                height,
            }
        }
    }

    /// The cropped part, resampled to exactly `width` x `height` dots.
    pub(crate) fn resampled(&self, crop: Crop, width: u32, height: u32) -> Raster {
        resample(&self.raster, crop, width, height)
    }
}

impl std::fmt::Debug for Photo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Photo({} x {})", self.original.0, self.original.1)
    }
}

/// The picture in three bytes a dot; `None` for one without dots.
fn on_white(image: DynamicImage) -> Option<Raster> {
    let (width, height) = (image.width(), image.height());
    if width == 0 || height == 0 {
        return None;
    }
    let bytes = if image.color().has_alpha() {
        let rgba = image.into_rgba8();
        rgba.pixels()
            .flat_map(|dot| {
                let [red, green, blue, alpha] = dot.0.map(u32::from);
                [red, green, blue].map(|channel| {
                    u8::try_from((channel * alpha + 255 * (255 - alpha) + 127) / 255)
                        .unwrap_or(u8::MAX)
                })
            })
            .collect()
    } else {
        image.into_rgb8().into_raw()
    };
    Raster::from_bytes(width, height, bytes)
}

/// The raster with its longer side brought down to what is worth keeping.
fn reduced(raster: Raster) -> Raster {
    let (width, height) = (raster.width(), raster.height());
    let longer = width.max(height);
    if longer <= KEPT_SIDE {
        return raster;
    }
    let scaled = |side: u32| (side * KEPT_SIDE / longer).max(1);
    let whole = Crop {
        left: 0.0,
        top: 0.0,
        width: f64::from(width),
        height: f64::from(height),
    };
    resample(&raster, whole, scaled(width), scaled(height))
}

/// Lanczos resampling of a part of a raster. `width` and `height` are not zero.
fn resample(raster: &Raster, crop: Crop, width: u32, height: u32) -> Raster {
    let source = ImageRef::new(
        raster.width(),
        raster.height(),
        raster.bytes(),
        PixelType::U8x3,
    )
    .expect("a raster has three bytes a dot");
    let mut scaled = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .crop(crop.left, crop.top, crop.width, crop.height);
    Resizer::new()
        .resize(&source, &mut scaled, &options)
        .expect("the part lies within the raster");
    Raster::from_bytes(width, height, scaled.into_vec()).expect("the picture has three bytes a dot")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        Raster::white(width, height).to_png().unwrap()
    }

    /// A PNG that says it is `width` x `height` and has no dots.
    fn png_header(width: u32, height: u32) -> Vec<u8> {
        let mut chunk = b"IHDR".to_vec();
        chunk.extend(width.to_be_bytes());
        chunk.extend(height.to_be_bytes());
        chunk.extend([8, 2, 0, 0, 0]);
        let crc = chunk.iter().fold(u32::MAX, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| {
                (crc >> 1) ^ (0xEDB8_8320 * (crc & 1))
            })
        }) ^ u32::MAX;
        let mut out = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
        out.extend(chunk);
        out.extend(crc.to_be_bytes());
        out.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
        out
    }

    #[test]
    fn a_photo_of_20000_dots_is_refused_before_decoding_with_name_size_and_limit() {
        let error = Photo::from_named_bytes("wide.png", &png_header(20_000, 400)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "photo `wide.png` is 20000 x 400 dots, at most 8192 a side are decoded"
        );
    }

    #[test]
    fn a_picture_without_dots_behind_its_header_is_damaged() {
        let error = Photo::from_named_bytes("cut.png", &png_header(100, 100)).unwrap_err();
        assert!(matches!(error, PhotoError::Damaged { .. }), "{error}");
    }

    #[test]
    fn a_header_with_more_dots_than_the_file_can_have_is_refused_before_decoding() {
        let error = Photo::from_named_bytes("bomb.png", &png_header(8000, 8000)).unwrap_err();
        assert!(
            error.to_string().contains("too short for 8000 x 8000"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_picture_is_refused_with_its_name_and_size() {
        let error = Photo::from_named_bytes("letter.jpg", b"Dear Sir").unwrap_err();
        assert_eq!(
            error.to_string(),
            "photo `letter.jpg` (8 bytes) is neither PNG nor JPEG"
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Photo::load(Path::new("no-such-photo.png")).unwrap_err();
        assert!(error.to_string().contains("no-such-photo.png"), "{error}");
    }

    #[test]
    fn a_file_beyond_the_limit_is_not_decoded() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_FILE_BYTES + 1).unwrap();
        let error = Photo::load(file.path()).unwrap_err();
        assert!(
            matches!(error, PhotoError::FileTooLarge { bytes, .. } if bytes == MAX_FILE_BYTES + 1)
        );
    }

    #[test]
    fn a_wide_photo_is_cut_at_both_sides_and_a_tall_one_less_at_the_top() {
        let wide = Photo::from_bytes(&png(400, 100)).unwrap();
        let crop = wide.crop(100, 100);
        assert_eq!((crop.left, crop.top, crop.width), (150.0, 0.0, 100.0));
        let tall = Photo::from_bytes(&png(100, 200)).unwrap();
        let crop = tall.crop(100, 100);
        assert_eq!((crop.left, crop.top, crop.height), (0.0, 30.0, 100.0));
    }

    #[test]
    fn a_large_photo_is_kept_small_and_its_size_remembered() {
        let photo = Photo::from_bytes(&png(4096, 1024)).unwrap();
        assert_eq!(photo.size(), (4096, 1024));
        assert_eq!((photo.raster.width(), photo.raster.height()), (2048, 512));
    }

    #[test]
    fn transparency_is_laid_on_white() {
        let image = image::RgbaImage::from_pixel(2, 2, image::Rgba([200, 0, 0, 0]));
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        let photo = Photo::from_bytes(bytes.get_ref()).unwrap();
        assert_eq!(photo.raster.get(0, 0), [255; 3]);
    }

    #[test]
    fn a_photo_lying_on_its_side_is_turned_upright() {
        let image = image::RgbImage::from_pixel(24, 8, image::Rgb([90; 3]));
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        let mut bytes = bytes.into_inner();
        // An APP1 segment with one EXIF entry: orientation (0112) 6, turned right by 90 degrees.
        let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        bytes.splice(2..2, exif.iter().copied());
        assert_eq!(Photo::from_bytes(&bytes).unwrap().size(), (8, 24));
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_photo_or_a_typed_error(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..300),
            magic in prop_oneof![
                Just(&b""[..]),
                Just(&b"\x89PNG\r\n\x1a\n"[..]),
                Just(&b"\xff\xd8\xff\xe0"[..]),
            ],
        ) {
            bytes.splice(0..0, magic.iter().copied());
            let _ = Photo::from_bytes(&bytes);
        }

        #[test]
        fn a_photo_with_changed_bytes_gives_a_photo_or_a_typed_error(
            at in 8_usize..120,
            value in any::<u8>(),
        ) {
            let mut bytes = png(40, 50);
            let at = at % bytes.len();
            bytes[at] = value;
            let _ = Photo::from_bytes(&bytes);
        }

        #[test]
        fn the_shown_part_lies_in_the_photo(
            size in (1_u32..60, 1_u32..60),
            field in (1_u32..60, 1_u32..60),
        ) {
            let photo = Photo::from_bytes(&png(size.0, size.1)).unwrap();
            let crop = photo.crop(field.0, field.1);
            let scaled = photo.resampled(crop, field.0, field.1);
            prop_assert_eq!((scaled.width(), scaled.height()), field);
            prop_assert!(scaled.bytes().iter().all(|&byte| byte == 255));
        }
    }
}
