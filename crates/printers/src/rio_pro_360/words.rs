//! The sizes and fixed pieces of the wire format: data without behaviour, so that a printer model
//! can share them without sharing the codec.

/// Lines of a plane, along the long side of the card.
pub const LINES: usize = 1013;
/// Pixels of a line, along the short side of the card.
pub const PIXELS: usize = 642;
/// Bytes of a plane: one a pixel.
pub const PLANE: usize = LINES * PIXELS;
/// Bytes of the checksum at the end, least significant first.
pub const CHECKSUM: usize = 4;
/// Ends the header: the closing tag, a line end and a zero byte.
pub const HEADER_END: &[u8] = b"</prn>\r\0";
