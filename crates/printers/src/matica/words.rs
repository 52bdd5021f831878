//! The numbers of the wire format: data without behaviour, so that a printer model can share them
//! without sharing the codec.

/// Frame types of the host.
pub mod host {
    /// What is printed and for whom; answers the greeting.
    pub const DOCUMENT: u32 = 0xF200_0300;
    /// A command.
    pub const COMMAND: u32 = 0xF000_0100;
    /// The ink of one layer.
    pub const IMAGE: u32 = 0xF000_0200;
}

/// Frame types of the printer.
pub mod printer {
    /// Sent when a connection opens.
    pub const GREETING: u32 = 0xF300_0200;
    /// Answers the document.
    pub const DOCUMENT: u32 = 0xF300_0400;
    /// Done, or taken.
    pub const DONE: u32 = 0xF100_0100;
    /// Not ready, or not done; the error word says why.
    pub const NOT_DONE: u32 = 0xF100_0200;
    /// Done, with data.
    pub const DATA: u32 = 0xF100_0300;
}

/// The first byte of a command.
pub mod command {
    /// Is there anything wrong?
    pub const STATUS: u8 = 0x01;
    /// Where is the card?
    pub const POSITION: u8 = 0x02;
    /// Begin anew.
    pub const INITIALISE: u8 = 0x03;
    /// A card from the hopper to a station.
    pub const LOAD: u8 = 0x04;
    /// The card inside to a station.
    pub const MOVE: u8 = 0x05;
    /// Ink on the film.
    pub const PRINT: u8 = 0x06;
    /// Film on the card.
    pub const TRANSFER: u8 = 0x07;
    /// Read the magnetic stripe.
    pub const READ_STRIPE: u8 = 0x08;
    /// Write the magnetic stripe.
    pub const WRITE_STRIPE: u8 = 0x09;
    /// Close or open contacts.
    pub const CONTACTS: u8 = 0x0A;
}

/// The sequence number of the document.
pub const DOCUMENT_SEQUENCE: u32 = 0x9999_9999;
/// Bytes of the document.
pub const DOCUMENT_BYTES: usize = 108;
/// Bytes of a frame before its data: type, count, parameter, sequence.
pub const HEADER: usize = 16;
/// Pixels across an image for 300 dpi.
pub const COLUMNS_300: u32 = 1036;
/// Pixels down an image for 300 dpi.
pub const ROWS_300: u32 = 664;
