//! The words of the protocols on a card's line (ISO/IEC 7816-3, clauses 9 and 11): what makes a
//! block of T=1 and what the request for another protocol or speed begins with. Plain numbers,
//! shared by whoever plays the interface device and whoever plays the card.

/// A prologue: node address, protocol control byte, length.
pub const PROLOGUE: usize = 3;
/// The longest information field, in bytes: 255 is reserved.
pub const LONGEST_INFORMATION: u8 = 254;
/// The information field size of both sides until they agree on another.
pub const DEFAULT_INFORMATION: u8 = 32;

/// In the protocol control byte of an I-block: N(S), the block's number, 0 or 1.
pub const I_SEQUENCE: u8 = 0x40;
/// In that of an I-block: M, the next block goes on with the same data.
pub const I_MORE: u8 = 0x20;

/// The two high bits of an R-block.
pub const R_BLOCK: u8 = 0x80;
/// In that of an R-block: N(R), the number of the I-block expected next.
pub const R_SEQUENCE: u8 = 0x10;
/// Low bits of an R-block: all is well.
pub const R_NO_ERROR: u8 = 0;
/// Low bits of an R-block: a wrong error detection code or a parity error.
pub const R_DAMAGED: u8 = 1;
/// Low bits of an R-block: any other error.
pub const R_OTHER: u8 = 2;

/// The two high bits of an S-block.
pub const S_BLOCK: u8 = 0xC0;
/// In that of an S-block: a response, else a request.
pub const S_RESPONSE: u8 = 0x20;
/// S(RESYNCH): both begin with number 0 again.
pub const S_RESYNCH: u8 = 0x00;
/// S(IFS): one byte, the information field size of the sender.
pub const S_IFS: u8 = 0x01;
/// S(ABORT): the chain is given up.
pub const S_ABORT: u8 = 0x02;
/// S(WTX): one byte, how many times the waiting time the card needs.
pub const S_WTX: u8 = 0x03;

/// PPSS, the first byte of a protocol and parameters selection.
pub const PPSS: u8 = 0xFF;
/// In PPS0: PPS1, the speed as in TA1, follows.
pub const PPS1_PRESENT: u8 = 0x10;
