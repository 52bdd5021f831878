//! What is around a message on the serial line of a GemPC Twin.
//!
//! `SYNC ACK message LRC` is a frame; LRC is the exclusive-or of all bytes before it. A frame that
//! came damaged is answered [`NAK_FRAME`]. The reader repeats each frame of the host, the echo,
//! before it answers it.

/// Begins every frame.
pub const SYNC: u8 = 0x03;
/// Second byte of a frame with a message.
pub const ACK: u8 = 0x06;
/// Second byte of a frame that says the last one came damaged.
pub const NAK: u8 = 0x15;
/// That whole frame.
pub const NAK_FRAME: [u8; 3] = [SYNC, NAK, SYNC ^ NAK];

/// Outside frames: a card was moved; how says the byte that follows.
pub const CARD_EVENT: u8 = 0x50;
/// After [`CARD_EVENT`]: there is no card any more.
pub const CARD_ABSENT: u8 = 0x02;
/// After [`CARD_EVENT`]: there is a card.
pub const CARD_PRESENT: u8 = 0x03;

/// Outside frames, between echo and answer: a T=0 card asked for more time. So does every byte
/// above.
pub const TIME_REQUEST: u8 = 0x80;

/// Bits per second, with 8 data bits, no parity and 2 stop bits.
pub const BAUD_RATE: u32 = 115_200;
