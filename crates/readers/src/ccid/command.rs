use std::fmt;

use ccid::{HEADER, LONGEST_MESSAGE, Request, Voltage, escape};
use iso7816::atr::{Convention, ErrorDetection};
use thiserror::Error;
use zeroize::Zeroizing;

/// What the host asks the reader to do.
#[derive(Clone, Eq, PartialEq)]
pub enum Command {
    /// Powers the card up or, if it has power, resets it.
    PowerOn(Voltage),
    /// Takes the power away.
    PowerOff,
    /// Asks for the state of the slot.
    GetSlotStatus,
    /// Asks for protocol and speed.
    GetParameters,
    /// Sets protocol and speed to what the answer to reset says.
    ResetParameters,
    /// Sets protocol and speed.
    SetParameters(Parameters),
    /// Sends bytes to the card and returns its answer: a TPDU over T=0, a block over T=1.
    TransferBlock {
        /// How many times the block waiting time to wait; 0 is taken as 1.
        waiting: u8,
        /// The bytes. They may hold a passcode.
        data: Zeroizing<Vec<u8>>,
    },
    /// The maker's own.
    Escape(Vec<u8>),
}

/// bProtocolNum and abProtocolDataStructure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Parameters {
    /// T=0.
    T0 {
        /// Fi and Di as in TA1.
        speed: u8,
        /// How bits are coded.
        convention: Convention,
        /// N of TC1.
        guard_time: u8,
        /// WI of TC2.
        waiting: u8,
        /// Clock stop: 00 not at all.
        clock_stop: u8,
    },
    /// T=1.
    T1 {
        /// Fi and Di as in TA1.
        speed: u8,
        /// How bits are coded.
        convention: Convention,
        /// What ends a block.
        error_detection: ErrorDetection,
        /// N of TC1.
        guard_time: u8,
        /// BWI and CWI as in TB3.
        waiting: u8,
        /// Clock stop: 00 not at all.
        clock_stop: u8,
        /// IFSC, the card's information field size.
        information: u8,
        /// The node address.
        node: u8,
    },
}

impl Parameters {
    /// bProtocolNum.
    #[must_use]
    pub const fn protocol(self) -> u8 {
        match self {
            Self::T0 { .. } => 0,
            Self::T1 { .. } => 1,
        }
    }

    /// abProtocolDataStructure.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let inverse = |convention| u8::from(convention == Convention::Inverse) << 1;
        match self {
            Self::T0 {
                speed,
                convention,
                guard_time,
                waiting,
                clock_stop,
            } => vec![speed, inverse(convention), guard_time, waiting, clock_stop],
            Self::T1 {
                speed,
                convention,
                error_detection,
                guard_time,
                waiting,
                clock_stop,
                information,
                node,
            } => vec![
                speed,
                0x10 | u8::from(error_detection == ErrorDetection::Crc) | inverse(convention),
                guard_time,
                waiting,
                clock_stop,
                information,
                node,
            ],
        }
    }
}

impl Command {
    /// bMessageType.
    #[must_use]
    pub const fn request(&self) -> Request {
        match self {
            Self::PowerOn(_) => Request::IccPowerOn,
            Self::PowerOff => Request::IccPowerOff,
            Self::GetSlotStatus => Request::GetSlotStatus,
            Self::GetParameters => Request::GetParameters,
            Self::ResetParameters => Request::ResetParameters,
            Self::SetParameters(_) => Request::SetParameters,
            Self::TransferBlock { .. } => Request::XfrBlock,
            Self::Escape(_) => Request::Escape,
        }
    }

    /// Whether doing it twice is the same as doing it once. What goes to the card is not: it may
    /// be a passcode, of which the card counts the tries. Of the maker's own, those known here are.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::TransferBlock { .. } => false,
            Self::Escape(data) => {
                [escape::FIRMWARE, escape::SYNCHRONOUS_EVENTS].contains(&&data[..])
            }
            _ => true,
        }
    }

    /// The message for slot 0, with this sequence number.
    ///
    /// # Errors
    ///
    /// [`CommandError::TooLong`].
    pub fn encode(&self, sequence: u8) -> Result<Zeroizing<Vec<u8>>, CommandError> {
        let parameters;
        let (data, specific): (&[u8], [u8; 3]) = match self {
            Self::PowerOn(voltage) => (&[], [voltage.byte(), 0, 0]),
            Self::PowerOff | Self::GetSlotStatus | Self::GetParameters | Self::ResetParameters => {
                (&[], [0; 3])
            }
            Self::SetParameters(set) => {
                parameters = set.to_bytes();
                (&parameters, [set.protocol(), 0, 0])
            }
            Self::TransferBlock { waiting, data } => (data, [*waiting, 0, 0]),
            Self::Escape(data) => (data, [0; 3]),
        };
        if data.len() > LONGEST_MESSAGE - HEADER {
            return Err(CommandError::TooLong { length: data.len() });
        }
        let mut message = Zeroizing::new(Vec::with_capacity(HEADER + data.len()));
        message.push(self.request().byte());
        message.extend_from_slice(&(data.len() as u32).to_le_bytes());
        message.extend_from_slice(&[0, sequence]);
        message.extend_from_slice(&specific);
        message.extend_from_slice(data);
        Ok(message)
    }
}

/// What is sent to the card by its length: it may be a passcode.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TransferBlock { data, .. } => write!(f, "TransferBlock({} bytes)", data.len()),
            Self::PowerOn(voltage) => write!(f, "PowerOn({voltage:?})"),
            Self::SetParameters(parameters) => write!(f, "SetParameters({parameters:?})"),
            other => write!(f, "{:?}", other.request()),
        }
    }
}

/// Why a command makes no message.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CommandError {
    /// More data than a message holds.
    #[error("{length} bytes do not fit a message of the reader, which holds {}", LONGEST_MESSAGE - HEADER)]
    TooLong {
        /// Data bytes.
        length: usize,
    },
}
