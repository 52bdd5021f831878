use std::fmt;

use der::Decode;
use zeroize::Zeroizing;

/// A private key, PKCS #8 in DER. Zeroized when dropped; never shown and never written to a file.
#[derive(Clone, Eq, PartialEq)]
pub struct PrivateKey(Zeroizing<Vec<u8>>);

impl PrivateKey {
    /// From PKCS #8 (RFC 5958) in DER; `None` if it is none. What kind of key it is is not looked
    /// at.
    #[must_use]
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        pkcs8::PrivateKeyInfoRef::from_der(der).ok()?;
        Some(Self(Zeroizing::new(der.to_vec())))
    }

    /// The bytes.
    #[must_use]
    pub fn pkcs8(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}
