use super::value::StaKey;
use super::words::{ENQ, ETX, FS, SOH};

/// A question or a command: one frame without planes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Query {
    lead: usize,
    text: Vec<u8>,
}

impl Query {
    /// `REQ,INF`: who the printer is and how it is, as the vendor's driver asks.
    #[must_use]
    pub fn inf() -> Self {
        Self::from_text(0, b",REQ,INF,")
    }

    /// `REQ,ERR`: what is wrong.
    #[must_use]
    pub fn err() -> Self {
        Self::from_text(0, b",REQ,ERR,")
    }

    /// `REQ,STA`: one value of the printer's own table, as selphy_print asks.
    #[must_use]
    pub fn value(key: StaKey) -> Self {
        Self::from_text(9, format!("REQ,STA,{},", key.name()).as_bytes())
    }

    /// A frame with `lead` filling bytes and the whole text between `01` and `1C`.
    #[must_use]
    pub fn from_text(lead: usize, text: &[u8]) -> Self {
        Self {
            lead,
            text: text.to_vec(),
        }
    }

    /// The text between `01` and `1C`, commas included.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The words, without `REQ` and without empty ones: `INF`, `STA MSR`, `CHPUP`.
    pub fn words(&self) -> impl Iterator<Item = &[u8]> {
        let mut words = self
            .text
            .split(|byte| *byte == b',')
            .filter(|word| !word.is_empty())
            .peekable();
        words.next_if_eq(&b"REQ".as_slice());
        words
    }

    /// The bytes of the frame.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.resize(out.len() + self.lead, ENQ);
        out.push(SOH);
        out.extend_from_slice(&self.text);
        out.push(FS);
        out.push(ETX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frames_are_the_captured_ones() {
        assert_eq!(Query::inf().to_bytes(), b"\x01,REQ,INF,\x1c\x03");
        assert_eq!(Query::err().to_bytes(), b"\x01,REQ,ERR,\x1c\x03");
        let clean = Query::from_text(8, b",REQ,CLN,");
        assert_eq!(
            clean.to_bytes(),
            b"\x05\x05\x05\x05\x05\x05\x05\x05\x01,REQ,CLN,\x1c\x03"
        );
    }

    #[test]
    fn the_words_are_found_in_every_observed_form() {
        for (text, expected) in [
            (&b",REQ,INF,"[..], vec![&b"INF"[..]]),
            (b"REQ,STA,MSR,", vec![b"STA", b"MSR"]),
            (b"EJT,", vec![b"EJT"]),
            (b"QPR1", vec![b"QPR1"]),
            (b"", vec![]),
        ] {
            let query = Query::from_text(0, text);
            assert_eq!(query.words().collect::<Vec<_>>(), expected);
        }
    }
}
