use std::fmt;

/// SW1-SW2, the two bytes that end every response (ISO/IEC 7816-4, 5.6).
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StatusWord(pub u16);

impl StatusWord {
    /// 9000: done.
    pub const OK: Self = Self(0x9000);
    /// 6300: verification failed, no counter given.
    pub const VERIFICATION_FAILED: Self = Self(0x6300);
    /// 6581: memory failure.
    pub const MEMORY_FAILURE: Self = Self(0x6581);
    /// 6700: wrong length.
    pub const WRONG_LENGTH: Self = Self(0x6700);
    /// 6881: logical channel not supported.
    pub const LOGICAL_CHANNEL_NOT_SUPPORTED: Self = Self(0x6881);
    /// 6882: secure messaging not supported.
    pub const SECURE_MESSAGING_NOT_SUPPORTED: Self = Self(0x6882);
    /// 6883: last command of the chain expected.
    pub const LAST_OF_CHAIN_EXPECTED: Self = Self(0x6883);
    /// 6884: command chaining not supported.
    pub const CHAINING_NOT_SUPPORTED: Self = Self(0x6884);
    /// 6982: security status not satisfied.
    pub const SECURITY_STATUS_NOT_SATISFIED: Self = Self(0x6982);
    /// 6983: authentication method blocked.
    pub const BLOCKED: Self = Self(0x6983);
    /// 6985: conditions of use not satisfied.
    pub const CONDITIONS_NOT_SATISFIED: Self = Self(0x6985);
    /// 6986: command not allowed.
    pub const COMMAND_NOT_ALLOWED: Self = Self(0x6986);
    /// 6987: expected secure messaging objects missing.
    pub const SM_OBJECTS_MISSING: Self = Self(0x6987);
    /// 6988: incorrect secure messaging objects.
    pub const SM_OBJECTS_INCORRECT: Self = Self(0x6988);
    /// 6A80: incorrect data field.
    pub const WRONG_DATA: Self = Self(0x6A80);
    /// 6A81: function not supported.
    pub const FUNCTION_NOT_SUPPORTED: Self = Self(0x6A81);
    /// 6A82: file, object or application not found.
    pub const NOT_FOUND: Self = Self(0x6A82);
    /// 6A84: not enough memory.
    pub const NO_MEMORY: Self = Self(0x6A84);
    /// 6A86: incorrect P1-P2.
    pub const WRONG_P1P2: Self = Self(0x6A86);
    /// 6A88: reference data not found.
    pub const REFERENCE_NOT_FOUND: Self = Self(0x6A88);
    /// 6D00: instruction not supported.
    pub const INSTRUCTION_NOT_SUPPORTED: Self = Self(0x6D00);
    /// 6E00: class not supported.
    pub const CLASS_NOT_SUPPORTED: Self = Self(0x6E00);
    /// 6F00: no precise diagnosis.
    pub const UNKNOWN_ERROR: Self = Self(0x6F00);

    /// 63CX: verification failed, `tries` left. Values above 15 are cut to 15.
    #[must_use]
    pub const fn tries_left_word(tries: u8) -> Self {
        let tries = if tries > 15 { 15 } else { tries };
        Self(0x63C0 | tries as u16)
    }

    /// 61XX: `waiting` more bytes can be fetched; 256 or more is written 6100.
    #[must_use]
    pub const fn more_data(waiting: usize) -> Self {
        Self(0x6100 | if waiting > 255 { 0 } else { waiting as u16 })
    }

    /// 6CXX: repeat the command with this Le; 256 is written 6C00.
    #[must_use]
    pub const fn exact_length(length: usize) -> Self {
        Self(0x6C00 | if length > 255 { 0 } else { length as u16 })
    }

    /// The first byte.
    #[must_use]
    pub const fn sw1(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// The second byte.
    #[must_use]
    pub const fn sw2(self) -> u8 {
        (self.0 & 0xFF) as u8
    }

    /// Whether the command was carried out: 9000.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        self.0 == 0x9000
    }

    /// The bytes waiting after a 61XX, 00 meaning 256 or more.
    #[must_use]
    pub const fn waiting(self) -> Option<u16> {
        match (self.sw1(), self.sw2()) {
            (0x61, 0) => Some(256),
            (0x61, n) => Some(n as u16),
            _ => None,
        }
    }

    /// The Le to repeat the command with after a 6CXX.
    #[must_use]
    pub const fn corrected_length(self) -> Option<u16> {
        match (self.sw1(), self.sw2()) {
            (0x6C, 0) => Some(256),
            (0x6C, n) => Some(n as u16),
            _ => None,
        }
    }

    /// The tries left after a 63CX.
    #[must_use]
    pub const fn tries_left(self) -> Option<u8> {
        if self.0 & 0xFFF0 == 0x63C0 {
            Some((self.0 & 0x0F) as u8)
        } else {
            None
        }
    }

    /// The meaning in words (ISO/IEC 7816-4, Tables 5 to 7; SP 800-73-5 Part 1, Table 7).
    #[must_use]
    pub fn meaning(self) -> String {
        if let Some(tries) = self.tries_left() {
            return match tries {
                0 => "verification failed, no tries left".to_owned(),
                1 => "verification failed, 1 try left".to_owned(),
                n => format!("verification failed, {n} tries left"),
            };
        }
        if let Some(waiting) = self.waiting() {
            return match waiting {
                256 => "more data waiting, 256 bytes or more".to_owned(),
                1 => "more data waiting, 1 byte".to_owned(),
                n => format!("more data waiting, {n} bytes"),
            };
        }
        if let Some(length) = self.corrected_length() {
            return format!("wrong Le, {length} is right");
        }
        let words = match self.0 {
            0x9000 => "done",
            0x6200 => "warning, memory unchanged",
            0x6281 => "returned data may be corrupted",
            0x6282 => "end of file or record reached early",
            0x6283 => "selected file or application deactivated",
            0x6285 => "selected file in termination state",
            0x6300 => "verification failed",
            0x6310 => "more data available",
            0x6400 => "execution error, memory unchanged",
            0x6500 => "execution error, memory changed",
            0x6581 => "memory failure",
            0x6700 => "wrong length",
            0x6800 => "class function not supported",
            0x6881 => "logical channel not supported",
            0x6882 => "secure messaging not supported",
            0x6883 => "last command of the chain expected",
            0x6884 => "command chaining not supported",
            0x6900 => "command not allowed",
            0x6981 => "command incompatible with file structure",
            0x6982 => "security status not satisfied",
            0x6983 => "authentication method blocked",
            0x6984 => "reference data not usable",
            0x6985 => "conditions of use not satisfied",
            0x6986 => "command not allowed, no current file",
            0x6987 => "secure messaging objects missing",
            0x6988 => "secure messaging objects incorrect",
            0x6A00 => "wrong parameters",
            0x6A80 => "incorrect data field",
            0x6A81 => "function not supported",
            0x6A82 => "object or application not found",
            0x6A83 => "record not found",
            0x6A84 => "not enough memory",
            0x6A85 => "Lc inconsistent with TLV structure",
            0x6A86 => "incorrect P1-P2",
            0x6A87 => "Lc inconsistent with P1-P2",
            0x6A88 => "reference data not found",
            0x6A89 => "file already exists",
            0x6A8A => "name already exists",
            0x6B00 => "wrong P1-P2, offset outside the file",
            0x6D00 => "instruction not supported",
            0x6E00 => "class not supported",
            0x6F00 => "no precise diagnosis",
            _ => match self.sw1() {
                0x62 => "warning, memory unchanged",
                0x63 => "warning, memory changed",
                0x64 => "execution error, memory unchanged",
                0x65 => "execution error, memory changed",
                0x66 => "security-related error",
                0x68 => "class function not supported",
                0x69 => "command not allowed",
                0x6A => "wrong parameters",
                0x90..=0x9F => "vendor-specific success or warning",
                _ => "unknown status",
            },
        };
        words.to_owned()
    }
}

impl From<[u8; 2]> for StatusWord {
    fn from(bytes: [u8; 2]) -> Self {
        Self(u16::from_be_bytes(bytes))
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X} ({})", self.0, self.meaning())
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatusWord({:04X})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_lengths_are_taken_apart() {
        assert_eq!(StatusWord(0x63C2).tries_left(), Some(2));
        assert_eq!(StatusWord(0x6300).tries_left(), None);
        assert_eq!(StatusWord(0x6100).waiting(), Some(256));
        assert_eq!(StatusWord(0x6C1F).corrected_length(), Some(31));
        assert_eq!(StatusWord::more_data(264), StatusWord(0x6100));
        assert_eq!(StatusWord::tries_left_word(99), StatusWord(0x63CF));
    }

    #[test]
    fn every_status_word_has_a_meaning() {
        for word in 0..=u16::MAX {
            assert!(!StatusWord(word).meaning().is_empty());
        }
    }
}
