use std::fmt;

use sha2::{Digest, Sha256, Sha384};
use zeroize::Zeroizing;

use super::key::Block;
use super::{CipherSuite, SessionKey};

/// What both sides know once the card has answered: everything but the shared secret that goes
/// into the keys (SP 800-73-5 Part 2, 4.1.6, 4.1.7).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Agreement {
    /// The cipher suite.
    pub suite: CipherSuite,
    /// CB_H, the host's control byte.
    pub host_control: u8,
    /// ID_sH, whatever the host calls itself.
    pub host_identifier: [u8; 8],
    /// X then Y of the host's ephemeral key, without the leading 04: 64 or 96 bytes.
    pub host_coordinates: Vec<u8>,
    /// CB_ICC, the card's control byte.
    pub card_control: u8,
    /// ID_sICC, from [`card_identifier`].
    pub card_identifier: [u8; 8],
    /// N_ICC, the card's nonce: 16 or 24 bytes.
    pub nonce: Vec<u8>,
}

/// ID_sICC: the first 8 bytes of SHA-256, for CS7 as well, over the whole CVC with its `7F21`
/// header (4.1.1, step H6).
#[must_use]
pub fn card_identifier(cvc: &[u8]) -> [u8; 8] {
    let mut identifier = [0; 8];
    identifier.copy_from_slice(&Sha256::digest(cvc)[..8]);
    identifier
}

impl Agreement {
    /// OtherInfo (4.1.6): 61 bytes for CS2, 69 for CS7.
    #[must_use]
    pub fn other_info(&self) -> Vec<u8> {
        let head = &self.host_coordinates[..self.host_coordinates.len().min(16)];
        let mut out = Vec::with_capacity(69);
        out.push(4);
        out.extend_from_slice(&[self.suite.key_algorithm(); 4]);
        let fields: [&[u8]; 6] = [
            &self.host_identifier,
            &[self.host_control],
            head,
            &self.card_identifier,
            &self.nonce,
            &[self.card_control],
        ];
        for field in fields {
            // A nonce of another length than the suite's is refused before it comes here.
            out.push(field.len() as u8);
            out.extend_from_slice(field);
        }
        out
    }

    /// One round of the key derivation function: the hash of the round number from 1 as 4 bytes,
    /// the shared secret and OtherInfo. 32 bytes with SHA-256 for CS2, 48 with SHA-384 for CS7.
    #[must_use]
    pub fn kdf_round(&self, round: u32, secret: &SharedSecret) -> Zeroizing<Vec<u8>> {
        fn hash<D: Digest>(round: u32, secret: &[u8], other_info: &[u8]) -> Zeroizing<Vec<u8>> {
            let digest = D::new()
                .chain_update(round.to_be_bytes())
                .chain_update(secret)
                .chain_update(other_info)
                .finalize();
            Zeroizing::new(digest.to_vec())
        }
        let other_info = self.other_info();
        match self.suite {
            CipherSuite::Cs2 => hash::<Sha256>(round, secret.bytes(), &other_info),
            CipherSuite::Cs7 => hash::<Sha384>(round, secret.bytes(), &other_info),
        }
    }

    /// The four keys (SP 800-56A concatenation KDF, 4.1.6).
    #[must_use]
    pub fn derive(&self, secret: &SharedSecret) -> SessionKeys {
        let rounds = self.suite.kdf_rounds();
        // Room for everything at once: a growing vector would leave copies behind.
        let mut material = Zeroizing::new(Vec::with_capacity(3 * 48));
        for round in 1..=rounds {
            material.extend_from_slice(&self.kdf_round(round, secret));
        }
        let mut keys = material
            .chunks_exact(self.suite.key_size())
            .map(|bytes| SessionKey::new(bytes).expect("every suite's keys have 16 or 32 bytes"));
        let mut next = || keys.next().expect("the rounds yield four keys");
        SessionKeys {
            confirmation: next(),
            command_mac: next(),
            encryption: next(),
            response_mac: next(),
        }
    }

    /// AuthCryptogram, with which the card proves that it has the same keys (4.1.7).
    #[must_use]
    pub fn cryptogram(&self, confirmation: &SessionKey) -> Block {
        confirmation.cmac(&[
            b"KC_1_V",
            &self.card_identifier,
            &self.host_identifier,
            &self.host_coordinates,
        ])
    }
}

/// Z, the x-coordinate of the Diffie-Hellman point: 32 or 48 bytes.
#[derive(Clone)]
pub struct SharedSecret(Zeroizing<Vec<u8>>);

impl SharedSecret {
    /// Holds the bytes given.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The bytes. Never log them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(..)")
    }
}

/// The four keys of a session (4.1.6). Zeroized on drop, never shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionKeys {
    /// SK_CFRM: key confirmation, used once.
    pub confirmation: SessionKey,
    /// SK_MAC: MACs of commands.
    pub command_mac: SessionKey,
    /// SK_ENC: encryption both ways.
    pub encryption: SessionKey,
    /// SK_RMAC: MACs of responses.
    pub response_mac: SessionKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from card 04 of NIST Special Database 33.
    #[test]
    fn the_keys_of_a_real_card_are_derived() {
        let unhex = |hex: &str| hex::decode(hex).unwrap();
        let agreement = Agreement {
            suite: CipherSuite::Cs2,
            host_control: 0x00,
            host_identifier: [0; 8],
            // OtherInfo takes no more of it than this.
            host_coordinates: unhex("0296B8FED9BF202166CE1A81FF1FDB16"),
            card_control: 0x00,
            card_identifier: unhex("FD5C658944D2B56B").try_into().unwrap(),
            nonce: unhex("9D39DC85A7903AD89596DDB35A07E4E4"),
        };
        assert_eq!(
            hex::encode_upper(agreement.other_info()),
            "04090909090800000000000000000100100296B8FED9BF202166CE1A81FF1FDB1608FD5C658944D2B56B\
             109D39DC85A7903AD89596DDB35A07E4E40100"
        );
        let secret = SharedSecret::new(&unhex(
            "66541C41670A1395EBC91B2D86915391C690DF3D356F6B7BEBE3C1735878DCFF",
        ));
        let keys = agreement.derive(&secret);
        for (key, expected) in [
            (&keys.confirmation, "0289E4F143787186613679AFA2BB9FE1"),
            (&keys.command_mac, "AED7520D4E5C0D8C34FB4FB36DF1489B"),
            (&keys.encryption, "612E8170C3DB2841E0D00F0A8B8AB115"),
            (&keys.response_mac, "87290A94C43E9C0403B79E93DF66EB1D"),
        ] {
            assert_eq!(hex::encode_upper(key.bytes()), expected);
        }
        assert_eq!(format!("{secret:?}"), "SharedSecret(..)");
        assert_eq!(format!("{keys:?}").matches("SessionKey(..)").count(), 4);
    }

    #[test]
    fn other_info_has_the_lengths_of_the_standard() {
        for (suite, length) in [(CipherSuite::Cs2, 61), (CipherSuite::Cs7, 69)] {
            let agreement = Agreement {
                suite,
                host_control: 0x00,
                host_identifier: [0; 8],
                host_coordinates: vec![0; 2 * suite.coordinate_size()],
                card_control: 0x00,
                card_identifier: [0; 8],
                nonce: vec![0; suite.nonce_size()],
            };
            assert_eq!(agreement.other_info().len(), length);
        }
    }
}
