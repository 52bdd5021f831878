//! The key derivation of SCP03 (Amendment D, 4.1.5) and what it derives.

use zeroize::Zeroizing;

use super::{AesKey, Mode, StaticKeys};

/// What is derived: the constant inside the KDF's label.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Purpose {
    CardCryptogram = 0x00,
    HostCryptogram = 0x01,
    CardChallenge = 0x02,
    SessionEncryption = 0x04,
    SessionMac = 0x06,
    SessionResponseMac = 0x07,
}

/// The keys of one session. Zeroized on drop, not shown by `Debug`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SessionKeys {
    pub(super) encryption: AesKey,
    pub(super) mac: AesKey,
    pub(super) response_mac: AesKey,
}

impl SessionKeys {
    /// From the static keys and both challenges, host's first.
    pub(super) fn derive(keys: &StaticKeys, challenges: &[u8]) -> Self {
        let key = |from: &AesKey, purpose| {
            let bytes = derive(from, purpose, challenges, from.bytes().len());
            AesKey::new(&bytes).expect("as long as the static key")
        };
        Self {
            encryption: key(keys.encryption(), Purpose::SessionEncryption),
            mac: key(keys.mac(), Purpose::SessionMac),
            response_mac: key(keys.mac(), Purpose::SessionResponseMac),
        }
    }

    /// By which the card proves that it has the keys.
    pub(super) fn card_cryptogram(&self, challenges: &[u8], mode: Mode) -> Zeroizing<Vec<u8>> {
        derive(
            &self.mac,
            Purpose::CardCryptogram,
            challenges,
            mode.length(),
        )
    }

    /// By which the host proves that it has them.
    pub(super) fn host_cryptogram(&self, challenges: &[u8], mode: Mode) -> Zeroizing<Vec<u8>> {
        derive(
            &self.mac,
            Purpose::HostCryptogram,
            challenges,
            mode.length(),
        )
    }
}

/// The pseudo-random card challenge (Amendment D, 6.2.2.1): drawn from Key-ENC, the sequence
/// counter and the identifier of the selected security domain.
pub(super) fn card_challenge(
    keys: &StaticKeys,
    sequence: [u8; 3],
    aid: &[u8],
    mode: Mode,
) -> Zeroizing<Vec<u8>> {
    let context = [&sequence[..], aid].concat();
    derive(
        keys.encryption(),
        Purpose::CardChallenge,
        &context,
        mode.length(),
    )
}

/// SP 800-108 in counter mode with AES-CMAC: label 00*11 ‖ constant, 00, length in bits (2),
/// counter (1), context. `length` is in bytes, at most 32.
fn derive(key: &AesKey, purpose: Purpose, context: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let bits = u16::try_from(length * 8).expect("at most 256 bits are derived");
    blocks(key, length, |counter| {
        let mut input = vec![0; 11];
        input.extend_from_slice(&[purpose as u8, 0]);
        input.extend_from_slice(&bits.to_be_bytes());
        input.push(counter);
        input.extend_from_slice(context);
        input
    })
}

/// CMACs of the inputs for the counters 1, 2 ... laid end to end and cut to `length` bytes.
pub(super) fn blocks(
    key: &AesKey,
    length: usize,
    input: impl Fn(u8) -> Vec<u8>,
) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(length));
    for counter in 1_u8.. {
        let block = Zeroizing::new(key.cmac(&[&input(counter)]));
        let missing = length - out.len();
        out.extend_from_slice(&block[..missing.min(block.len())]);
        if out.len() == length {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upper(bytes: &[u8]) -> String {
        hex::encode_upper(bytes)
    }

    /// Default keys, challenges 00..07 and 08..0F.
    #[test]
    fn the_worked_example_gives_its_session_keys_and_cryptograms() {
        let default = hex::decode("404142434445464748494A4B4C4D4E4F").unwrap();
        let keys = StaticKeys::same(&AesKey::new(&default).unwrap());
        let challenges: Vec<u8> = (0..16).collect();
        let session = SessionKeys::derive(&keys, &challenges);
        assert_eq!(
            upper(session.encryption.bytes()),
            "EB845BBC703969A9B312A5F8E4834AA2"
        );
        assert_eq!(
            upper(session.mac.bytes()),
            "94D9141C5E50A39EF3939B9A4616C910"
        );
        assert_eq!(
            upper(session.response_mac.bytes()),
            "F034ED3222D3466EE1531F3FA3561DEF"
        );
        assert_eq!(
            upper(&session.card_cryptogram(&challenges, Mode::S8)),
            "114F6BC5052C5228"
        );
        assert_eq!(
            upper(&session.host_cryptogram(&challenges, Mode::S8)),
            "FAFA93C2EDE62463"
        );
    }

    /// From the same real card as the sessions in the session's tests: an eUICC, whose security
    /// domain is the ISD-R.
    #[test]
    fn a_real_cards_pseudo_random_challenge_is_derived() {
        let aid = hex::decode("A0000005591010FFFFFFFF8900000100").unwrap();
        let keys = StaticKeys::same(
            &AesKey::new(&hex::decode("000102030405060708090a0b0c0d0e0f").unwrap()).unwrap(),
        );
        let challenge = card_challenge(&keys, [0, 0, 2], &aid, Mode::S8);
        assert_eq!(upper(&challenge), "3EB51047495B249F");
    }

    /// CAVP KBKDF counter mode (SP 800-108), KDFCTR_gen.rsp, [PRF=CMAC_AES128],
    /// [CTRLOCATION=BEFORE_FIXED], [RLEN=8_BITS], COUNT = 0, 10 and 20: one block, two blocks, and
    /// one and a quarter.
    #[test]
    fn counter_mode_gives_the_known_answers() {
        for (key, fixed, derived) in [
            (
                "dff1e50ac0b69dc40f1051d46c2b069c",
                "c16e6e02c5a3dcc8d78b9ac1306877761310455b4e41469951d9e6c2245a064b\
                 33fd8c3b01203a7824485bf0a64060c4648b707d2607935699316ea5",
                "8be8f0869b3c0ba97b71863d1b9f7813",
            ),
            (
                "682e814d872397eba71170a693514904",
                "e323cdfa7873a0d72cd86ffb4468744f097db60498f7d0e3a43bafd2d1af675e\
                 4a88338723b1236199705357c47bf1d89b2f4617a340980e6331625c",
                "dac9b6ca405749cfb065a0f1e42c7c4224d3d5db32fdafe9dee6ca193316f2c7",
            ),
            (
                "7aa9973481d560f3be217ac3341144d8",
                "46f88b5af7fb9e29262dd4e010143a0a9c465c627450ec74ab7251889529193e\
                 995c4b56ff55bc2fc8992a0df1ee8056f6816b7614fba4c12d3be1a5",
                "1746ae4f09903f74bfbe1b8ae2b79d74576a3b09",
            ),
        ] {
            let key = AesKey::new(&hex::decode(key).unwrap()).unwrap();
            let fixed = hex::decode(fixed).unwrap();
            let length = derived.len() / 2;
            let output = blocks(&key, length, |counter| [&[counter][..], &fixed].concat());
            assert_eq!(hex::encode(&*output), derived);
        }
    }

    /// SP 800-38B, D.2 with its updated examples: AES-192, 0 and 16 bytes.
    #[test]
    fn cmac_with_192_bits_gives_the_known_answers() {
        let key = hex::decode("8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b").unwrap();
        let key = AesKey::new(&key).unwrap();
        for (message, mac) in [
            ("", "d17ddf46adaacde531cac483de7a9367"),
            (
                "6bc1bee22e409f96e93d7e117393172a",
                "9e99a7bf31e710900662f65e617c5184",
            ),
        ] {
            let message = hex::decode(message).unwrap();
            assert_eq!(hex::encode(key.cmac(&[&message])), mac);
        }
    }

    #[test]
    fn session_keys_are_not_in_the_debug_text() {
        let keys = StaticKeys::same(&AesKey::new(&[7; 16]).unwrap());
        let text = format!("{:?}", SessionKeys::derive(&keys, &[0; 16]));
        assert_eq!(text.matches("AesKey(16 bytes)").count(), 3);
    }
}
