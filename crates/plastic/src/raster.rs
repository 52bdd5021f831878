use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The most dots a picture file may have on a side before it is refused unread.
const MAX_SIDE: u32 = 8192;

/// Three bytes a dot (red, green, blue), row by row from the upper left.
#[derive(Clone, Eq, PartialEq)]
pub struct Raster {
    width: u32,
    height: u32,
    bytes: Vec<u8>,
}

impl Raster {
    /// A white raster.
    #[must_use]
    pub fn white(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            bytes: vec![255; width as usize * height as usize * 3],
        }
    }

    /// From bytes; `None` unless there are exactly `3 * width * height` of them.
    #[must_use]
    pub fn from_bytes(width: u32, height: u32, bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() == width as usize * height as usize * 3).then_some(Self {
            width,
            height,
            bytes,
        })
    }

    /// Dots across.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Dots down.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// All bytes, row by row.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All bytes to be changed, row by row.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// One row, three bytes a dot.
    ///
    /// # Panics
    ///
    /// Outside the raster.
    #[must_use]
    pub fn row(&self, y: u32) -> &[u8] {
        let stride = self.width as usize * 3;
        &self.bytes[y as usize * stride..][..stride]
    }

    /// One row to be changed, three bytes a dot.
    ///
    /// # Panics
    ///
    /// Outside the raster.
    pub fn row_mut(&mut self, y: u32) -> &mut [u8] {
        let stride = self.width as usize * 3;
        &mut self.bytes[y as usize * stride..][..stride]
    }

    /// Red, green and blue of a dot.
    ///
    /// # Panics
    ///
    /// Outside the raster.
    #[must_use]
    pub fn get(&self, x: u32, y: u32) -> [u8; 3] {
        let index = self.index(x, y);
        [
            self.bytes[index],
            self.bytes[index + 1],
            self.bytes[index + 2],
        ]
    }

    /// Sets a dot.
    ///
    /// # Panics
    ///
    /// Outside the raster.
    pub fn set(&mut self, x: u32, y: u32, colour: [u8; 3]) {
        let index = self.index(x, y);
        self.bytes[index..index + 3].copy_from_slice(&colour);
    }

    /// Writes an 8-bit RGB PNG with the resolution of the plastic.
    ///
    /// # Errors
    ///
    /// [`ImageError::Write`].
    pub fn write_png(&self, path: &Path) -> Result<(), ImageError> {
        let bytes = self.to_png().map_err(|source| ImageError::Write {
            path: path.to_owned(),
            source,
        })?;
        std::fs::write(path, bytes).map_err(|source| ImageError::Write {
            path: path.to_owned(),
            source,
        })
    }

    /// The bytes of an 8-bit RGB PNG.
    ///
    /// # Errors
    ///
    /// What the encoder reports, for a raster too large for the format.
    pub fn to_png(&self) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        // 300 dpi is 11811 dots a metre.
        encoder.set_pixel_dims(Some(png::PixelDimensions {
            xppu: 11_811,
            yppu: 11_811,
            unit: png::Unit::Meter,
        }));
        let mut writer = encoder.write_header().map_err(io::Error::other)?;
        writer
            .write_image_data(&self.bytes)
            .map_err(io::Error::other)?;
        writer.finish().map_err(io::Error::other)?;
        Ok(out)
    }

    /// Reads a PNG of any colour type; transparency is laid on white.
    ///
    /// # Errors
    ///
    /// [`ImageError`].
    pub fn read_png(path: &Path) -> Result<Self, ImageError> {
        let read = |source| ImageError::Read {
            path: path.to_owned(),
            source,
        };
        let file = io::BufReader::new(std::fs::File::open(path).map_err(read)?);
        let mut decoder = png::Decoder::new(file);
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder
            .read_info()
            .map_err(|error| read(io::Error::other(error)))?;
        let (width, height) = (reader.info().width, reader.info().height);
        if width > MAX_SIDE || height > MAX_SIDE {
            return Err(ImageError::TooLarge {
                path: path.to_owned(),
                width,
                height,
            });
        }
        let size = reader
            .output_buffer_size()
            .ok_or_else(|| read(io::Error::other("the picture is too large")))?;
        let mut buffer = vec![0; size];
        let info = reader
            .next_frame(&mut buffer)
            .map_err(|error| read(io::Error::other(error)))?;
        let samples = info.color_type.samples();
        let on_white = |channel: u8, alpha: u8| -> u8 {
            let (channel, alpha) = (u32::from(channel), u32::from(alpha));
            ((channel * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        let bytes = buffer[..info.buffer_size()]
            .chunks_exact(samples)
            .flat_map(|dot| match *dot {
                [grey] => [grey; 3],
                [grey, alpha] => [on_white(grey, alpha); 3],
                [red, green, blue, alpha] => [
                    on_white(red, alpha),
                    on_white(green, alpha),
                    on_white(blue, alpha),
                ],
                _ => [dot[0], dot[1], dot[2]],
            })
            .collect();
        Self::from_bytes(width, height, bytes)
            .ok_or_else(|| read(io::Error::other("the picture has fewer dots than it says")))
    }

    fn index(&self, x: u32, y: u32) -> usize {
        assert!(
            x < self.width && y < self.height,
            "dot ({x}, {y}) lies outside the raster"
        );
        (y as usize * self.width as usize + x as usize) * 3
    }
}

impl std::fmt::Debug for Raster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Raster({} x {})", self.width, self.height)
    }
}

/// Why a picture could not be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The file could not be read or is no PNG.
    #[error("failed to read picture `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The picture is larger than any face or photo needs to be.
    #[error("picture `{path}` is {width} x {height}, at most {MAX_SIDE} a side are read")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its dots across.
        width: u32,
        /// Its dots down.
        height: u32,
    },
    /// The file could not be written.
    #[error("failed to write picture `{path}`: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}
