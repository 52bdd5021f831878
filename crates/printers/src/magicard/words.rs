//! The letters, names and sizes of the wire format: data without behaviour, so that a printer
//! model can share them without sharing the codec.

/// Fills the line before a frame; a printer skips any number of them.
pub const ENQ: u8 = 0x05;
/// Starts a frame.
pub const SOH: u8 = 0x01;
/// Ends the text of a frame, and each plane.
pub const FS: u8 = 0x1C;
/// Ends a frame.
pub const ETX: u8 = 0x03;
/// How many [`ENQ`] stand before each page of a job.
pub const LEAD: usize = 64;

/// Lines of a page: one for each dot of the long side of the card.
pub const LINES: usize = 1016;
/// Dots the print head has.
pub const DOTS: usize = 672;
/// Dots of a line that the picture fills: the short side of the card.
pub const PICTURE_DOTS: usize = 642;
/// Bit-planes of a dye dot, least significant first.
pub const DYE_BITS: usize = 6;

/// Starts the status reply to `REQ,INF`.
pub const INF_START: &[u8] = b"STA$$";
/// Starts every reply.
pub const REPLY_START: &[u8] = b"STA";
