use super::LayoutError;
use super::reader::Reader;
use crate::words::v2::token_flag;
use crate::{FilePath, Parsed, Problem};

/// Bytes of the label.
const LABEL: usize = 32;

/// Token information, file 1000: 32 bytes of label, filled up with spaces, `00 00`, flags.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TokenInformation {
    /// What the token is called, without the spaces at its end.
    pub label: String,
    /// See [`token_flag`].
    pub flags: u16,
}

impl TokenInformation {
    /// Bytes of the file.
    pub const SIZE: usize = 36;

    /// Reads it, leniently.
    #[must_use]
    pub fn parse(file: &FilePath, bytes: &[u8]) -> Parsed<Self> {
        let mut reader = Reader::new(file, bytes);
        let mut value = Self::default();
        if let Some(label) = reader.take("label", LABEL) {
            match std::str::from_utf8(label) {
                Ok(text) => value.label = text.trim_end_matches([' ', '\0']).to_owned(),
                Err(_) => {
                    value.label = String::from_utf8_lossy(label).trim_end().to_owned();
                    reader.note(
                        0,
                        Problem::Unexpected {
                            element: "label",
                            detail: "not UTF-8".to_owned(),
                        },
                    );
                }
            }
        }
        if let Some(reserved) = reader.number("reserved bytes").filter(|zero| *zero != 0) {
            reader.note(
                LABEL,
                Problem::Unexpected {
                    element: "reserved bytes",
                    detail: format!("{reserved:04X}, expected 0000"),
                },
            );
        }
        if let Some(flags) = reader.number("flags") {
            value.flags = flags;
        }
        reader.end();
        Parsed {
            value,
            findings: reader.findings,
            raw: bytes.to_vec(),
        }
    }

    /// The bytes of the file.
    ///
    /// # Errors
    ///
    /// [`LayoutError`] for a label of more than 32 bytes, with a space or zero at its end or a
    /// control character.
    pub fn encode(&self) -> Result<Vec<u8>, LayoutError> {
        if self.label.len() > LABEL {
            return Err(LayoutError::TooLong {
                element: "label",
                length: self.label.len(),
                limit: LABEL,
            });
        }
        if self.label.ends_with(' ') || self.label.chars().any(char::is_control) {
            return Err(LayoutError::Value {
                element: "label",
                detail: "a label has no control characters and no space at its end",
            });
        }
        let mut bytes = vec![b' '; LABEL];
        bytes[..self.label.len()].copy_from_slice(self.label.as_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&self.flags.to_be_bytes());
        Ok(bytes)
    }

    /// Whether the file structure is complete.
    #[must_use]
    pub fn is_initialised(&self) -> bool {
        self.flags & token_flag::INITIALISED != 0
    }

    /// Whether the holder's passcode is set.
    #[must_use]
    pub fn is_passcode_set(&self) -> bool {
        self.flags & token_flag::USER_PIN_SET != 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file() -> FilePath {
        FilePath::below_master(&[0x5011, 0x1000])
    }

    #[test]
    fn token_information_has_label_and_flags() {
        let info = TokenInformation {
            label: "SCM".to_owned(),
            flags: token_flag::INITIALISED | token_flag::RANDOM_SOURCE,
        };
        let bytes = info.encode().unwrap();
        assert_eq!(bytes.len(), TokenInformation::SIZE);
        assert_eq!(bytes[..4], *b"SCM ");
        assert_eq!(bytes[32..], [0x00, 0x00, 0x04, 0x01]);
        let parsed = TokenInformation::parse(&file(), &bytes);
        assert_eq!(parsed.findings, []);
        assert!(parsed.value.is_initialised() && !parsed.value.is_passcode_set());
    }

    #[test]
    fn a_short_file_keeps_its_label() {
        let parsed = TokenInformation::parse(&file(), &[b'A'; 33]);
        assert_eq!(parsed.value.label, "A".repeat(32));
        assert_eq!(
            parsed.findings[0].to_string(),
            "error: file 3F00/5011/1000, byte 32: reserved bytes of 2 bytes, only 1 are left"
        );
    }

    proptest! {
        #[test]
        fn token_information_reads_back(label in "[A-Za-z0-9]{0,32}", flags: u16) {
            let info = TokenInformation { label, flags };
            let parsed = TokenInformation::parse(&file(), &info.encode().unwrap());
            prop_assert_eq!(parsed.value, info);
            prop_assert!(parsed.findings.is_empty());
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            prop_assert_eq!(&TokenInformation::parse(&file(), &bytes).raw, &bytes);
        }
    }
}
