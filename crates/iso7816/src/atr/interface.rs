//! What single interface bytes say (ISO/IEC 7816-3, 8.3 and 11.4).

use serde::Serialize;

/// Fi and Di of TA1: how many clock cycles a bit takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Speed {
    /// Clock rate conversion integer; none for a reserved value.
    pub fi: Option<u16>,
    /// Baud rate adjustment integer; none for a reserved value.
    pub di: Option<u8>,
    /// The highest clock frequency in Hz; none for a reserved value.
    pub max_clock: Option<u32>,
}

impl Speed {
    /// Fd 372, Dd 1: what holds without TA1, and for the answer to reset itself.
    pub const DEFAULT: Self = Self {
        fi: Some(372),
        di: Some(1),
        max_clock: Some(5_000_000),
    };

    /// Takes TA1 apart (ISO/IEC 7816-3, Tables 7 and 8).
    #[must_use]
    pub const fn from_ta1(ta1: u8) -> Self {
        let (fi, max_clock) = match ta1 >> 4 {
            0 => (Some(372), Some(4_000_000)),
            1 => (Some(372), Some(5_000_000)),
            2 => (Some(558), Some(6_000_000)),
            3 => (Some(744), Some(8_000_000)),
            4 => (Some(1116), Some(12_000_000)),
            5 => (Some(1488), Some(16_000_000)),
            6 => (Some(1860), Some(20_000_000)),
            9 => (Some(512), Some(5_000_000)),
            10 => (Some(768), Some(7_500_000)),
            11 => (Some(1024), Some(10_000_000)),
            12 => (Some(1536), Some(15_000_000)),
            13 => (Some(2048), Some(20_000_000)),
            _ => (None, None),
        };
        let di = match ta1 & 0x0F {
            1 => Some(1),
            2 => Some(2),
            3 => Some(4),
            4 => Some(8),
            5 => Some(16),
            6 => Some(32),
            7 => Some(64),
            8 => Some(12),
            9 => Some(20),
            _ => None,
        };
        Self { fi, di, max_clock }
    }

    /// Clock cycles per bit (one elementary time unit); none with a reserved value.
    #[must_use]
    pub fn clocks_per_bit(self) -> Option<f64> {
        Some(f64::from(self.fi?) / f64::from(self.di?))
    }

    /// Bits per second at the given clock in Hz; none with a reserved value.
    #[must_use]
    pub fn bits_per_second(self, clock: u32) -> Option<f64> {
        Some(f64::from(clock) / self.clocks_per_bit()?)
    }
}

/// TA2: the card works in one protocol and does not negotiate (ISO/IEC 7816-3, 8.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct SpecificMode {
    /// The protocol to use.
    pub protocol: u8,
    /// Whether a warm reset can bring the card to negotiable mode.
    pub can_change: bool,
    /// Whether Fi and Di are implicit, not those of TA1.
    pub implicit_speed: bool,
}

/// What T=1 says in its first TA, TB, TC after TD with T=1 (ISO/IEC 7816-3, 11.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct BlockProtocol {
    /// IFSC: the longest information field the card takes, in bytes.
    pub information_field_size: u8,
    /// BWI: block waiting time is 11 etu + 2^BWI × 960 × 372 clock cycles.
    pub block_waiting_integer: u8,
    /// CWI: character waiting time is 11 + 2^CWI etu.
    pub character_waiting_integer: u8,
    /// The error detection code at the end of each block.
    pub error_detection: ErrorDetection,
}

/// The error detection code of T=1 blocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ErrorDetection {
    /// Cyclic redundancy check, 2 bytes.
    Crc,
    /// Longitudinal redundancy check, 1 byte.
    Lrc,
}

/// What the first TA for T=15 says about clock and supply (ISO/IEC 7816-3, 8.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Electrical {
    /// Whether and how the clock may be stopped.
    pub clock_stop: ClockStop,
    /// Class A, 5 V.
    pub class_a: bool,
    /// Class B, 3 V.
    pub class_b: bool,
    /// Class C, 1.8 V.
    pub class_c: bool,
}

impl Electrical {
    /// Without TA for T=15: class A only, no clock stop.
    pub const DEFAULT: Self = Self {
        clock_stop: ClockStop::NotSupported,
        class_a: true,
        class_b: false,
        class_c: false,
    };
}

/// Whether the clock may be stopped, and in which state of the line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockStop {
    /// Not at all.
    NotSupported,
    /// In state L.
    Low,
    /// In state H.
    High,
    /// In either state.
    Either,
}
