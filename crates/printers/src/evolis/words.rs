//! The bytes, names and sizes of the wire format: data without behaviour, so that a printer model
//! can share them without sharing the codec.

/// Starts a command.
pub const ESC: u8 = 0x1B;
/// Ends a command.
pub const CR: u8 = 0x0D;
/// Ends a request and an answer on the network.
pub const NUL: u8 = 0x00;
/// A command was carried out (with the option ACK/NACK).
pub const ACK: u8 = 0x06;
/// A command was not carried out; a code follows.
pub const NACK: u8 = 0x15;

/// Lines of a panel: one for each dot of the long side of the card.
pub const LINES: usize = 1016;
/// Dots of a line: the short side of the card.
pub const DOTS: usize = 648;

/// The answer when all is well.
pub const OK: &str = "OK";
/// The answer to `Rlr;p` when no card is inside. (Programming guide A5013, R commands.)
pub const NO_CARD: &str = "NO CARD";
/// The answer to `Rlr;p` when a card is in the printing module or the feeder. (The same.)
pub const ERR_CARD: &str = "ERR CARD";
/// The answer to `Rlr;r` when the printer is due for cleaning. (The same.)
pub const ERR_NEED_CLEANING: &str = "ERR NEED CLEANING";
