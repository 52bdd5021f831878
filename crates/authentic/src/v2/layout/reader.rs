use crate::{FilePath, Finding, Problem};

use super::LayoutError;

/// Reads elements one after the other and notes what is wrong.
pub(super) struct Reader<'a> {
    file: &'a FilePath,
    bytes: &'a [u8],
    at: usize,
    pub(super) findings: Vec<Finding>,
    /// Something did not fit: nothing after it can be found.
    lost: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a FilePath, bytes: &'a [u8]) -> Self {
        Self {
            file,
            bytes,
            at: 0,
            findings: Vec::new(),
            lost: false,
        }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn note(&mut self, at: usize, problem: Problem) {
        self.findings.push(Finding::at(self.file, at, problem));
    }

    /// The next `length` bytes.
    pub(super) fn take(&mut self, element: &'static str, length: usize) -> Option<&'a [u8]> {
        if self.lost {
            return None;
        }
        let rest = self.rest();
        match rest.get(..length) {
            Some(bytes) => {
                self.at += length;
                Some(bytes)
            }
            None => {
                self.lost = true;
                self.note(
                    self.at,
                    Problem::Truncated {
                        element,
                        needed: length,
                        left: rest.len(),
                    },
                );
                None
            }
        }
    }

    pub(super) fn number(&mut self, element: &'static str) -> Option<u16> {
        let bytes = self.take(element, 2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// An element with its length in front. `tail` is what the elements after it need at least:
    /// where the stated length leaves no room for that but the length modulo 256 does, the writer
    /// was one that cuts lengths, and that many bytes are taken.
    pub(super) fn llv(&mut self, element: &'static str, tail: usize) -> Option<&'a [u8]> {
        let start = self.at;
        let stated = usize::from(self.number(element)?);
        let left = self.rest().len();
        let cut = stated % 256;
        let beyond = stated > 255 && stated.saturating_add(tail) > left;
        if beyond && cut.saturating_add(tail) <= left {
            self.note(
                start,
                Problem::CutModulo256 {
                    element,
                    stated,
                    actual: cut,
                },
            );
            return self.take(element, cut);
        }
        self.take(element, stated)
    }

    /// Text of an element; bytes that are no text are replaced and noted.
    pub(super) fn text(&mut self, element: &'static str, tail: usize) -> Option<String> {
        let start = self.at;
        let bytes = self.llv(element, tail)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Some(text.to_owned()),
            Err(_) => {
                self.note(
                    start + 2,
                    Problem::Unexpected {
                        element,
                        detail: "not UTF-8".to_owned(),
                    },
                );
                Some(String::from_utf8_lossy(bytes).into_owned())
            }
        }
    }

    /// Notes what is left, unless it is filler.
    pub(super) fn end(&mut self) {
        let rest = self.rest();
        let filler = rest.iter().all(|byte| *byte == 0x00) || rest.iter().all(|byte| *byte == 0xFF);
        if !self.lost && !filler {
            let bytes = rest.len();
            self.note(self.at, Problem::Trailing { bytes });
        }
    }
}

/// Writes an element with its length in front.
pub(super) fn write_llv(
    out: &mut Vec<u8>,
    element: &'static str,
    bytes: &[u8],
) -> Result<(), LayoutError> {
    let length = u16::try_from(bytes.len()).map_err(|_| LayoutError::TooLong {
        element,
        length: bytes.len(),
        limit: usize::from(u16::MAX),
    })?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}
