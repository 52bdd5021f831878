//! Message types and status ("Specification for Integrated Circuit(s) Cards Interface Devices",
//! revision 1.1, section 6).

/// bMessageType of what the host asks.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Request {
    /// PC_to_RDR_SetParameters: protocol and speed.
    SetParameters,
    /// PC_to_RDR_IccPowerOn: power and reset.
    IccPowerOn,
    /// PC_to_RDR_IccPowerOff.
    IccPowerOff,
    /// PC_to_RDR_GetSlotStatus.
    GetSlotStatus,
    /// PC_to_RDR_Escape: the maker's own.
    Escape,
    /// PC_to_RDR_GetParameters.
    GetParameters,
    /// PC_to_RDR_ResetParameters.
    ResetParameters,
    /// PC_to_RDR_XfrBlock: bytes to the card.
    XfrBlock,
}

impl Request {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::SetParameters,
        Self::IccPowerOn,
        Self::IccPowerOff,
        Self::GetSlotStatus,
        Self::Escape,
        Self::GetParameters,
        Self::ResetParameters,
        Self::XfrBlock,
    ];

    /// The byte on the wire.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::SetParameters => 0x61,
            Self::IccPowerOn => 0x62,
            Self::IccPowerOff => 0x63,
            Self::GetSlotStatus => 0x65,
            Self::Escape => 0x6B,
            Self::GetParameters => 0x6C,
            Self::ResetParameters => 0x6D,
            Self::XfrBlock => 0x6F,
        }
    }

    /// The request of this byte, if a GemPC Twin knows one.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|request| request.byte() == byte)
    }

    /// What the reader answers it with.
    #[must_use]
    pub const fn reply(self) -> Reply {
        match self {
            Self::IccPowerOn | Self::XfrBlock => Reply::DataBlock,
            Self::IccPowerOff | Self::GetSlotStatus => Reply::SlotStatus,
            Self::SetParameters | Self::GetParameters | Self::ResetParameters => Reply::Parameters,
            Self::Escape => Reply::Escape,
        }
    }
}

/// bMessageType of what the reader answers. All are 80 and above, all requests below.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Reply {
    /// RDR_to_PC_DataBlock: bytes from the card.
    DataBlock,
    /// RDR_to_PC_SlotStatus.
    SlotStatus,
    /// RDR_to_PC_Parameters.
    Parameters,
    /// RDR_to_PC_Escape.
    Escape,
}

impl Reply {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::DataBlock,
        Self::SlotStatus,
        Self::Parameters,
        Self::Escape,
    ];

    /// The byte on the wire.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::DataBlock => 0x80,
            Self::SlotStatus => 0x81,
            Self::Parameters => 0x82,
            Self::Escape => 0x83,
        }
    }

    /// The reply of this byte.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reply| reply.byte() == byte)
    }
}

/// bmICCStatus, the two low bits of bStatus.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CardStatus {
    /// There and powered.
    Active,
    /// There without power.
    Inactive,
    /// Not there.
    Absent,
}

impl CardStatus {
    /// The two bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Active => 0,
            Self::Inactive => 1,
            Self::Absent => 2,
        }
    }

    /// From bStatus; nothing for the value that is not used.
    #[must_use]
    pub const fn from_bits(status: u8) -> Option<Self> {
        match status & 0x03 {
            0 => Some(Self::Active),
            1 => Some(Self::Inactive),
            2 => Some(Self::Absent),
            _ => None,
        }
    }
}

/// bmCommandStatus, the two high bits of bStatus.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CommandStatus {
    /// Done.
    Done,
    /// Not done: bError says why.
    Failed,
    /// Still at it: bError multiplies the waiting time.
    TimeExtension,
}

impl CommandStatus {
    /// The two bits, in their place.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Done => 0x00,
            Self::Failed => 0x40,
            Self::TimeExtension => 0x80,
        }
    }

    /// From bStatus; nothing for the value that is not used.
    #[must_use]
    pub const fn from_bits(status: u8) -> Option<Self> {
        match status & 0xC0 {
            0x00 => Some(Self::Done),
            0x40 => Some(Self::Failed),
            0x80 => Some(Self::TimeExtension),
            _ => None,
        }
    }
}

/// bPowerSelect of [`Request::IccPowerOn`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Voltage {
    /// The reader chooses, if it can.
    Automatic,
    /// 5 V, class A.
    Five,
    /// 3 V, class B.
    Three,
    /// 1.8 V, class C.
    OnePointEight,
}

impl Voltage {
    /// The byte on the wire.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Automatic => 0,
            Self::Five => 1,
            Self::Three => 2,
            Self::OnePointEight => 3,
        }
    }
}

/// What a GemPC Twin understands behind [`Request::Escape`].
pub mod escape {
    /// Its firmware's name and version as text.
    pub const FIRMWARE: &[u8] = &[0x02];
    /// From now on, card events come between the echo and the answer of a request and at no other
    /// time.
    pub const SYNCHRONOUS_EVENTS: &[u8] = &[0x01, 0x01, 0x01];
}
