//! From the Diffie-Hellman secret to session keys and the authentication cryptogram
//! (SP 800-73-5 Part 2, 4.1.6 and 4.1.7).

use sha2::{Digest, Sha256, Sha384};
use zeroize::Zeroizing;

use super::Suite;
use super::channel::SecureChannel;
use super::key::{Block, EncryptionKey, MacKey};

/// What both sides know of one key establishment.
pub(in crate::card) struct Agreement<'a> {
    pub(in crate::card) suite: Suite,
    /// CB_H.
    pub(in crate::card) host_control: u8,
    /// CB_ICC.
    pub(in crate::card) card_control: u8,
    /// ID_sH, 8 bytes.
    pub(in crate::card) host_identifier: &'a [u8],
    /// The host's ephemeral key, X and Y without 04.
    pub(in crate::card) host_coordinates: &'a [u8],
    /// N_ICC.
    pub(in crate::card) nonce: &'a [u8],
    /// The whole CVC, from 7F21.
    pub(in crate::card) certificate: &'a [u8],
}

impl Agreement<'_> {
    /// The channel under the keys that follow from `secret`, the X coordinate Z, and the
    /// cryptogram that proves the card has them.
    pub(in crate::card) fn conclude(&self, secret: &[u8]) -> (SecureChannel, Block) {
        let card_identifier = self.card_identifier();
        let material = self.material(secret, &self.other_info(&card_identifier));
        let size = self.suite.key_size();
        let key = |place: usize| &material[place * size..(place + 1) * size];
        let cryptogram = MacKey::new(key(0)).mac(&[
            b"KC_1_V",
            &card_identifier,
            self.host_identifier,
            self.host_coordinates,
        ]);
        let channel = SecureChannel::new(
            MacKey::new(key(1)),
            EncryptionKey::new(key(2)),
            MacKey::new(key(3)),
        );
        (channel, cryptogram)
    }

    /// ID_sICC: the beginning of the SHA-256 of the CVC, for either suite.
    fn card_identifier(&self) -> [u8; 8] {
        let digest = Sha256::digest(self.certificate);
        *digest.first_chunk().expect("SHA-256 has more than 8 bytes")
    }

    fn other_info(&self, card_identifier: &[u8; 8]) -> Vec<u8> {
        let mut info = vec![4];
        info.extend([self.suite.key_algorithm(); 4]);
        let mut add = |value: &[u8]| {
            info.push(value.len() as u8);
            info.extend_from_slice(value);
        };
        add(self.host_identifier);
        add(&[self.host_control]);
        add(&self.host_coordinates[..16]);
        add(card_identifier);
        add(self.nonce);
        add(&[self.card_control]);
        info
    }

    /// The concatenation key derivation of SP 800-56A: the four keys end to end.
    fn material(&self, secret: &[u8], info: &[u8]) -> Zeroizing<Vec<u8>> {
        let size = 4 * self.suite.key_size();
        // Room for one digest more than is kept, so that nothing is moved and left behind.
        let mut material = Zeroizing::new(Vec::with_capacity(size + 48));
        for round in 1_u32.. {
            if material.len() >= size {
                break;
            }
            let parts = [&round.to_be_bytes(), secret, info];
            match self.suite {
                Suite::Cs2 => material.extend_from_slice(&hash::<Sha256>(parts)),
                Suite::Cs7 => material.extend_from_slice(&hash::<Sha384>(parts)),
            }
        }
        material
    }
}

fn hash<H: Digest>(parts: [&[u8]; 3]) -> Zeroizing<Vec<u8>> {
    let mut hash = H::new();
    for part in parts {
        hash.update(part);
    }
    Zeroizing::new(hash.finalize().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Card 04 of NIST Special Database 33, as published: OtherInfo, and the keys made of it.
    #[test]
    fn a_recorded_agreement_gives_the_recorded_keys() {
        let bytes = |hex: &str| hex::decode(hex).unwrap();
        let agreement = Agreement {
            suite: Suite::Cs2,
            host_control: 0,
            card_control: 0,
            host_identifier: &[0; 8],
            host_coordinates: &bytes("0296B8FED9BF202166CE1A81FF1FDB16"),
            nonce: &bytes("9D39DC85A7903AD89596DDB35A07E4E4"),
            certificate: &[],
        };
        let info = agreement.other_info(&[0xFD, 0x5C, 0x65, 0x89, 0x44, 0xD2, 0xB5, 0x6B]);
        assert_eq!(
            hex::encode_upper(&info),
            "04090909090800000000000000000100100296B8FED9BF202166CE1A81FF1FDB16\
             08FD5C658944D2B56B109D39DC85A7903AD89596DDB35A07E4E40100"
        );
        let secret = bytes("66541C41670A1395EBC91B2D86915391C690DF3D356F6B7BEBE3C1735878DCFF");
        assert_eq!(
            hex::encode_upper(agreement.material(&secret, &info)),
            "0289E4F143787186613679AFA2BB9FE1AED7520D4E5C0D8C34FB4FB36DF1489B\
             612E8170C3DB2841E0D00F0A8B8AB11587290A94C43E9C0403B79E93DF66EB1D"
        );
    }

    #[test]
    fn the_larger_suite_takes_three_hashes_of_which_the_last_is_cut() {
        let agreement = Agreement {
            suite: Suite::Cs7,
            host_control: 0,
            card_control: 0,
            host_identifier: &[0; 8],
            host_coordinates: &[1; 96],
            nonce: &[2; 24],
            certificate: &[3],
        };
        let info = agreement.other_info(&[0; 8]);
        assert_eq!((info.len(), &info[..6]), (69, &[4, 13, 13, 13, 13, 8][..]));
        assert_eq!(agreement.material(&[4; 48], &info).len(), 144);
    }
}
