use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

/// A command APDU (ISO/IEC 7816-4, 5.1): header, data field and expected length.
///
/// The data field may hold a passcode or a key: it is zeroized on drop and `Debug` shows its
/// length only.
#[derive(Clone, Eq, PartialEq)]
pub struct Command {
    /// CLA.
    pub class: u8,
    /// INS.
    pub instruction: Instruction,
    /// P1.
    pub p1: u8,
    /// P2.
    pub p2: u8,
    /// The data field; empty when there is none.
    pub data: Zeroizing<Vec<u8>>,
    /// Ne, if the command expects data back.
    pub expected: Option<Expected>,
}

impl Command {
    /// CLA bit 5: another part of the chain follows (ISO/IEC 7816-4, 5.3.3).
    pub const CHAINING: u8 = 0x10;

    /// A case-1 command: header only.
    #[must_use]
    pub fn new(class: u8, instruction: Instruction, p1: u8, p2: u8) -> Self {
        Self {
            class,
            instruction,
            p1,
            p2,
            data: Zeroizing::new(Vec::new()),
            expected: None,
        }
    }

    /// Adds a data field.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.data = Zeroizing::new(data.into());
        self
    }

    /// Adds an expected length.
    #[must_use]
    pub fn with_expected(mut self, expected: Expected) -> Self {
        self.expected = Some(expected);
        self
    }

    /// Whether another part of the chain follows this one.
    #[must_use]
    pub fn is_chained(&self) -> bool {
        self.class & 0x80 == 0 && self.class & Self::CHAINING != 0
    }

    /// Whether the command needs extended length fields: more than 255 data bytes or Ne above 256.
    #[must_use]
    pub fn needs_extended(&self) -> bool {
        self.data.len() > 255 || self.expected.is_some_and(|expected| expected.get() > 256)
    }

    /// The bytes with short length fields (cases 1, 2S, 3S, 4S).
    ///
    /// # Errors
    ///
    /// [`CommandError::TooLong`] for more than 255 data bytes. An Ne above 256 is asked for as
    /// 256: the rest comes by GET RESPONSE.
    pub fn to_short(&self) -> Result<Zeroizing<Vec<u8>>, CommandError> {
        let mut bytes = self.header(self.data.len() + 6);
        if !self.data.is_empty() {
            let length = u8::try_from(self.data.len()).map_err(|_| CommandError::TooLong {
                length: self.data.len(),
                limit: 255,
            })?;
            bytes.push(length);
            bytes.extend_from_slice(&self.data);
        }
        if let Some(expected) = self.expected {
            bytes.push(if expected.get() >= 256 {
                0
            } else {
                expected.get() as u8
            });
        }
        Ok(bytes)
    }

    /// The bytes with extended length fields (cases 1, 2E, 3E, 4E).
    ///
    /// # Errors
    ///
    /// [`CommandError::TooLong`] for more than 65,535 data bytes.
    pub fn to_extended(&self) -> Result<Zeroizing<Vec<u8>>, CommandError> {
        let mut bytes = self.header(self.data.len() + 9);
        if !self.data.is_empty() {
            let length = u16::try_from(self.data.len()).map_err(|_| CommandError::TooLong {
                length: self.data.len(),
                limit: 65_535,
            })?;
            bytes.push(0);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&self.data);
        }
        if let Some(expected) = self.expected {
            if self.data.is_empty() {
                bytes.push(0);
            }
            // 65,536 is written 0000, which is what the cut leaves.
            bytes.extend_from_slice(&(expected.get() as u16).to_be_bytes());
        }
        Ok(bytes)
    }

    /// Takes apart a command APDU of any of the seven cases.
    ///
    /// # Errors
    ///
    /// [`CommandError::Short`] for fewer than four bytes, [`CommandError::LengthFields`] when the
    /// length fields do not agree with the number of bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, CommandError> {
        let &[class, instruction, p1, p2, ref body @ ..] = bytes else {
            return Err(CommandError::Short {
                length: bytes.len(),
            });
        };
        let command = Self::new(class, Instruction(instruction), p1, p2);
        let wrong = CommandError::LengthFields {
            length: bytes.len(),
        };
        Ok(match *body {
            [] => command,
            [le] => command.with_expected(Expected::from_short(le)),
            [0, hi, lo] => command.with_expected(Expected::from_extended([hi, lo])),
            [0, hi, lo, ref rest @ ..] => {
                let lc = usize::from(u16::from_be_bytes([hi, lo]));
                match rest.split_at_checked(lc) {
                    Some((data, [])) if lc > 0 => command.with_data(data),
                    Some((data, &[hi, lo])) if lc > 0 => command
                        .with_data(data)
                        .with_expected(Expected::from_extended([hi, lo])),
                    _ => return Err(wrong),
                }
            }
            [lc, ref rest @ ..] => match rest.split_at_checked(usize::from(lc)) {
                Some((data, [])) if lc > 0 => command.with_data(data),
                Some((data, &[le])) if lc > 0 => command
                    .with_data(data)
                    .with_expected(Expected::from_short(le)),
                _ => return Err(wrong),
            },
        })
    }

    fn header(&self, capacity: usize) -> Zeroizing<Vec<u8>> {
        // Room for everything at once: a growing vector would leave copies of a passcode behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(capacity + 4));
        bytes.extend_from_slice(&[self.class, self.instruction.0, self.p1, self.p2]);
        bytes
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Command({:02X} {:02X} {:02X} {:02X}, {} data bytes",
            self.class,
            self.instruction.0,
            self.p1,
            self.p2,
            self.data.len()
        )?;
        if let Some(expected) = self.expected {
            write!(f, ", Ne {}", expected.get())?;
        }
        f.write_str(")")
    }
}

/// INS, the instruction byte.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Instruction(pub u8);

impl Instruction {
    /// 20: VERIFY.
    pub const VERIFY: Self = Self(0x20);
    /// 22: MANAGE SECURITY ENVIRONMENT.
    pub const MANAGE_SECURITY_ENVIRONMENT: Self = Self(0x22);
    /// 24: CHANGE REFERENCE DATA.
    pub const CHANGE_REFERENCE_DATA: Self = Self(0x24);
    /// 2C: RESET RETRY COUNTER.
    pub const RESET_RETRY_COUNTER: Self = Self(0x2C);
    /// 47: GENERATE ASYMMETRIC KEY PAIR.
    pub const GENERATE_ASYMMETRIC_KEY_PAIR: Self = Self(0x47);
    /// 50: INITIALIZE UPDATE (GlobalPlatform).
    pub const INITIALIZE_UPDATE: Self = Self(0x50);
    /// 82: EXTERNAL AUTHENTICATE.
    pub const EXTERNAL_AUTHENTICATE: Self = Self(0x82);
    /// 84: GET CHALLENGE.
    pub const GET_CHALLENGE: Self = Self(0x84);
    /// 87: GENERAL AUTHENTICATE.
    pub const GENERAL_AUTHENTICATE: Self = Self(0x87);
    /// A4: SELECT.
    pub const SELECT: Self = Self(0xA4);
    /// B0: READ BINARY.
    pub const READ_BINARY: Self = Self(0xB0);
    /// C0: GET RESPONSE.
    pub const GET_RESPONSE: Self = Self(0xC0);
    /// CA: GET DATA, tag in P1-P2.
    pub const GET_DATA_P1P2: Self = Self(0xCA);
    /// CB: GET DATA, tag list in the data field.
    pub const GET_DATA: Self = Self(0xCB);
    /// D8: PUT KEY (GlobalPlatform).
    pub const PUT_KEY: Self = Self(0xD8);
    /// DB: PUT DATA, tag in the data field.
    pub const PUT_DATA: Self = Self(0xDB);
    /// E2: STORE DATA (GlobalPlatform).
    pub const STORE_DATA: Self = Self(0xE2);
}

/// Ne, the most data bytes a command expects back: 1 to 65,536.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Expected(u32);

impl Expected {
    /// As much as short length fields can ask for: 256, written 00.
    pub const SHORT_MAX: Self = Self(256);
    /// As much as extended length fields can ask for: 65,536, written 0000.
    pub const EXTENDED_MAX: Self = Self(65_536);

    /// An expected length; 0 is taken as [`Expected::SHORT_MAX`] and anything above 65,536 is
    /// cut to that.
    #[must_use]
    pub const fn new(length: u32) -> Self {
        match length {
            0 => Self::SHORT_MAX,
            65_537.. => Self::EXTENDED_MAX,
            n => Self(n),
        }
    }

    /// From a short Le byte.
    #[must_use]
    pub const fn from_short(le: u8) -> Self {
        if le == 0 {
            Self::SHORT_MAX
        } else {
            Self(le as u32)
        }
    }

    /// From the two bytes of an extended Le.
    #[must_use]
    pub const fn from_extended(le: [u8; 2]) -> Self {
        match u16::from_be_bytes(le) {
            0 => Self::EXTENDED_MAX,
            n => Self(n as u32),
        }
    }

    /// The number of bytes.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// Why bytes are no command APDU, or a command fits no APDU.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CommandError {
    /// Fewer than the four header bytes.
    #[error("a command APDU has at least 4 bytes, these are {length}")]
    Short {
        /// Bytes given.
        length: usize,
    },
    /// Lc and Le do not agree with the number of bytes.
    #[error("the length fields of this {length}-byte command APDU do not agree with its length")]
    LengthFields {
        /// Bytes given.
        length: usize,
    },
    /// More data than the length field can say.
    #[error("{length} data bytes do not fit, the limit is {limit}")]
    TooLong {
        /// Data bytes.
        length: usize,
        /// The limit.
        limit: usize,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn commands(max_data: usize, max_expected: u32) -> impl Strategy<Value = Command> {
        (
            any::<[u8; 4]>(),
            proptest::collection::vec(any::<u8>(), 0..=max_data),
            proptest::option::of(1..=max_expected),
        )
            .prop_map(|([class, instruction, p1, p2], data, expected)| Command {
                expected: expected.map(Expected::new),
                ..Command::new(class, Instruction(instruction), p1, p2).with_data(data)
            })
    }

    proptest! {
        #[test]
        fn a_short_command_parses_back_to_itself(command in commands(255, 256)) {
            prop_assert_eq!(Command::parse(&command.to_short().unwrap()).unwrap(), command);
        }

        #[test]
        fn an_extended_command_parses_back_to_itself(command in commands(2000, 65_536)) {
            prop_assert_eq!(Command::parse(&command.to_extended().unwrap()).unwrap(), command);
        }

        #[test]
        fn any_bytes_parse_or_give_a_typed_error(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = Command::parse(&bytes);
        }
    }

    #[test]
    fn a_passcode_is_not_in_the_debug_text() {
        let command = Command::new(0, Instruction::VERIFY, 0, 0x80).with_data(*b"246813\xFF\xFF");
        assert_eq!(format!("{command:?}"), "Command(00 20 00 80, 8 data bytes)");
    }
}
