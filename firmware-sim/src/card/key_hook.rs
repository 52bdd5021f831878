//! Results of private keys from outside.

use ::piv::words::KeyReference;

/// Stands in for a card's private keys and its nonces, so that a recording of a card whose keys
/// nobody has can be played again byte for byte. A method that gives `None`, as all do unless
/// written, leaves the matter to the chip.
///
/// The chip checks access rules, references and the form of commands as ever; it needs a key of
/// the right algorithm in the place of the one that is stood in for.
pub trait KeyHook: Send {
    /// N_ICC of a key establishment: this many bytes.
    fn nonce(&mut self, size: usize) -> Option<Vec<u8>> {
        let _ = size;
        None
    }

    /// The X coordinate agreed on with the owner of this uncompressed point.
    fn agree(&mut self, key: KeyReference, point: &[u8]) -> Option<Vec<u8>> {
        let _ = (key, point);
        None
    }

    /// The signature of this digest, a DER sequence.
    fn sign(&mut self, key: KeyReference, digest: &[u8]) -> Option<Vec<u8>> {
        let _ = (key, digest);
        None
    }
}
