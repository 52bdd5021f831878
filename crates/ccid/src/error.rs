use std::fmt;

/// bError of a request that failed ("Specification for Integrated Circuit(s) Cards Interface
/// Devices", revision 1.1, table 6.2-2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SlotError {
    /// FF: the host aborted it.
    Aborted,
    /// FE: the card did not answer in time.
    Mute,
    /// FD: a parity error on the card's line.
    Parity,
    /// FC: the card sent more than there was room for.
    Overrun,
    /// FB: a fault in the hardware, such as a short circuit.
    Hardware,
    /// F8: the first character of the answer to reset is none.
    BadInitialCharacter,
    /// F7: the check character of the answer to reset is wrong.
    BadCheckCharacter,
    /// F6: the card speaks a protocol the reader does not.
    ProtocolNotSupported,
    /// F5: the card's class is not supported.
    ClassNotSupported,
    /// F4: a procedure byte of T=0 that contradicts the command.
    ProcedureByte,
    /// F3: a card that chooses its protocol by itself was switched off.
    Deactivated,
    /// F2: busy with something begun by itself.
    BusyWithAutomation,
    /// E0: another request is under way.
    SlotBusy,
    /// 00: the reader does not know the request.
    NotSupported,
    /// 01 to 7F: the byte of the message, counted from 0, that makes no sense.
    BadByte(u8),
    /// Anything else, reserved or the maker's own.
    Other(u8),
}

impl SlotError {
    /// The error of this byte.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        match byte {
            0xFF => Self::Aborted,
            0xFE => Self::Mute,
            0xFD => Self::Parity,
            0xFC => Self::Overrun,
            0xFB => Self::Hardware,
            0xF8 => Self::BadInitialCharacter,
            0xF7 => Self::BadCheckCharacter,
            0xF6 => Self::ProtocolNotSupported,
            0xF5 => Self::ClassNotSupported,
            0xF4 => Self::ProcedureByte,
            0xF3 => Self::Deactivated,
            0xF2 => Self::BusyWithAutomation,
            0xE0 => Self::SlotBusy,
            0x00 => Self::NotSupported,
            0x01..=0x7F => Self::BadByte(byte),
            other => Self::Other(other),
        }
    }

    /// The byte on the wire.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Aborted => 0xFF,
            Self::Mute => 0xFE,
            Self::Parity => 0xFD,
            Self::Overrun => 0xFC,
            Self::Hardware => 0xFB,
            Self::BadInitialCharacter => 0xF8,
            Self::BadCheckCharacter => 0xF7,
            Self::ProtocolNotSupported => 0xF6,
            Self::ClassNotSupported => 0xF5,
            Self::ProcedureByte => 0xF4,
            Self::Deactivated => 0xF3,
            Self::BusyWithAutomation => 0xF2,
            Self::SlotBusy => 0xE0,
            Self::NotSupported => 0x00,
            Self::BadByte(byte) | Self::Other(byte) => byte,
        }
    }
}

impl fmt::Display for SlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aborted => "the request was aborted",
            Self::Mute => "the card does not answer",
            Self::Parity => "parity error between reader and card",
            Self::Overrun => "the card sent more than the reader has room for",
            Self::Hardware => "hardware fault, such as a short circuit at the contacts",
            Self::BadInitialCharacter => "the answer to reset begins with no initial character",
            Self::BadCheckCharacter => "the check character of the answer to reset is wrong",
            Self::ProtocolNotSupported => "the reader does not speak the card's protocol",
            Self::ClassNotSupported => "the reader does not support the card's class",
            Self::ProcedureByte => "the card answered a procedure byte that makes no sense",
            Self::Deactivated => "the reader switched the card off",
            Self::BusyWithAutomation => "the reader is busy with something of its own",
            Self::SlotBusy => "the reader is busy with another request",
            Self::NotSupported => "the reader does not know the request",
            Self::BadByte(at) => return write!(f, "the reader refused byte {at} of the request"),
            Self::Other(byte) => return write!(f, "the reader gave error {byte:02X}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_an_error_and_back() {
        for byte in 0..=u8::MAX {
            assert_eq!(SlotError::from_byte(byte).byte(), byte);
        }
    }
}
