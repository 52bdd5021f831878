use std::fmt;

use zeroize::Zeroizing;

use crate::{LinkError, StatusWord};

/// What a card answered: data, then the status word.
///
/// `Debug` shows lengths only, because the data may be a decrypted key.
#[derive(Clone, Eq, PartialEq)]
pub struct Response {
    /// The data field, without SW1-SW2.
    pub data: Zeroizing<Vec<u8>>,
    /// SW1-SW2.
    pub status: StatusWord,
}

impl Response {
    /// A response with data.
    #[must_use]
    pub fn new(data: impl Into<Vec<u8>>, status: StatusWord) -> Self {
        Self {
            data: Zeroizing::new(data.into()),
            status,
        }
    }

    /// A response of a status word alone.
    #[must_use]
    pub fn status(status: StatusWord) -> Self {
        Self::new(Vec::new(), status)
    }

    /// Takes apart the bytes a link returned.
    ///
    /// # Errors
    ///
    /// [`LinkError::ShortAnswer`] if there are fewer than two bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, LinkError> {
        let (data, status) = bytes
            .split_last_chunk::<2>()
            .ok_or(LinkError::ShortAnswer {
                length: bytes.len(),
            })?;
        Ok(Self::new(data, StatusWord::from(*status)))
    }

    /// The bytes on the wire: data, SW1, SW2.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.data.len() + 2);
        bytes.extend_from_slice(&self.data);
        bytes.extend_from_slice(&self.status.0.to_be_bytes());
        bytes
    }
}

impl From<StatusWord> for Response {
    fn from(status: StatusWord) -> Self {
        Self::status(status)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Response({} bytes, {:04X})",
            self.data.len(),
            self.status.0
        )
    }
}
