use std::fmt;

use super::words::{CR, ESC};

/// One command: a name and its parameters, `1B Pr;k 0D`.
///
/// It is kept as it stood, so that what is not understood is written back unchanged.
#[derive(Clone, Eq, PartialEq)]
pub struct Command {
    text: Vec<u8>,
}

impl Command {
    /// A command with everything between `1B` and `0D`.
    ///
    /// `None` for a text that could not be told from what follows: one with `1B` or `0D` in it, or
    /// one that starts a bitmap (`Db`).
    #[must_use]
    pub fn new(text: impl Into<Vec<u8>>) -> Option<Self> {
        let text = text.into();
        let plain = !text.contains(&ESC) && !text.contains(&CR) && !text.starts_with(b"Db");
        plain.then_some(Self { text })
    }

    /// Everything between `1B` and `0D`.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// What stands before the first semicolon.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.fields().next().unwrap_or_default()
    }

    /// What stands behind it, one by one.
    pub fn parameters(&self) -> impl Iterator<Item = &[u8]> {
        self.fields().skip(1)
    }

    /// The bytes of the command.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len() + 2);
        self.write(&mut out);
        out
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(ESC);
        out.extend_from_slice(&self.text);
        out.push(CR);
    }

    fn fields(&self) -> impl Iterator<Item = &[u8]> {
        self.text.split(|byte| *byte == b';')
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text.escape_ascii().to_string())
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_a_name_and_parameters() {
        let command = Command::new("Pc;k;=;10").unwrap();
        assert_eq!(command.name(), b"Pc");
        let parameters: Vec<_> = command.parameters().collect();
        assert_eq!(parameters, [&b"k"[..], b"=", b"10"]);
        assert_eq!(command.to_bytes(), b"\x1bPc;k;=;10\r");
        assert_eq!(Command::new("Ss").unwrap().parameters().count(), 0);
    }

    #[test]
    fn a_text_that_would_be_read_differently_is_no_command() {
        for text in ["a\r", "\x1b", "Db;k;2;", "Dbc"] {
            assert_eq!(Command::new(text), None, "{text:?}");
        }
    }
}
