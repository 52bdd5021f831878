//! NIST's known answers for the primitives, through the functions that use them.
//!
//! Elsewhere: AES-CBC (SP 800-38A, F.2) and AES-CMAC with 128 and 256 bits (SP 800-38B, D) in
//! `secure_messaging/key.rs`; AES-CMAC with 192 bits and the key derivation of SP 800-108 in
//! `globalplatform`; the concatenation key derivation of SP 800-56A, 5.8.1 with the keys of a real
//! card in `secure_messaging/agreement.rs`.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

use der::asn1::{Any, UintRef};
use der::{Decode, Encode};
use piv::secrets::AdminKey;
use piv::secure_messaging::{CipherSuite, HostEphemeral};
use piv::signed::{HashAlgorithm, verify_signature};
use piv::words::Algorithm;
use piv::{MessageDigest, PublicKey};
use sha1::Digest;
use spki::{AlgorithmIdentifierOwned, ObjectIdentifier};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    hex::decode(digits).unwrap()
}

/// FIPS 180-4 examples (csrc.nist.gov, SHA1.pdf, SHA256.pdf, SHA384.pdf): `abc`, and the empty
/// message of CAVP SHA*ShortMsg.rsp, Len = 0.
#[test]
fn sha_1_256_384_give_the_known_answers() {
    let sha1 = |message: &[u8]| hex::encode(sha1::Sha1::digest(message));
    assert_eq!(sha1(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(sha1(b""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    let sha256 = |message: &[u8]| hex::encode(MessageDigest::sha256(message).as_bytes());
    assert_eq!(
        sha256(b"abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(
        sha256(b""),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    let sha384 = |message: &[u8]| hex::encode(MessageDigest::sha384(message).as_bytes());
    assert_eq!(
        sha384(b"abc"),
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
         8086072ba1e7cc2358baeca134c825a7"
    );
    assert_eq!(
        sha384(b""),
        "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da\
         274edebfe76f65fbd51ad2f14898b95b"
    );
}

fn assert_cipher(algorithm: Algorithm, key: &str, pairs: &[(&str, &str)]) {
    let key = AdminKey::as_delivered(algorithm, &bytes(key)).unwrap();
    for (plain, cipher) in pairs {
        let mut block = bytes(plain);
        key.encrypt(&mut block);
        assert_eq!(block, bytes(cipher), "{algorithm}");
        key.decrypt(&mut block);
        assert_eq!(block, bytes(plain), "{algorithm}");
    }
}

/// SP 800-38A, F.1.1 to F.1.6, the first two blocks.
#[test]
fn aes_ecb_gives_the_known_answers() {
    const PLAIN: [&str; 2] = [
        "6bc1bee22e409f96e93d7e117393172a",
        "ae2d8a571e03ac9c9eb76fac45af8e51",
    ];
    for (algorithm, key, cipher) in [
        (
            Algorithm::Aes128,
            "2b7e151628aed2a6abf7158809cf4f3c",
            [
                "3ad77bb40d7a3660a89ecaf32466ef97",
                "f5d3d58503b9699de785895a96fdbaaf",
            ],
        ),
        (
            Algorithm::Aes192,
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            [
                "bd334f1d6e45f25ff712a214571fa5cc",
                "974104846d0ad3ad7734ecb3ecee4eef",
            ],
        ),
        (
            Algorithm::Aes256,
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            [
                "f3eed1bdb5d2a03c064b5a7e3db181f8",
                "591ccb10d410ed26dc5ba74a31362870",
            ],
        ),
    ] {
        assert_cipher(
            algorithm,
            key,
            &[(PLAIN[0], cipher[0]), (PLAIN[1], cipher[1])],
        );
    }
}

/// SP 800-67 Revision 1, B.1: three keys, `The qufck brown fox jump`.
#[test]
fn tdea_ecb_gives_the_known_answers() {
    assert_cipher(
        Algorithm::TripleDes,
        "0123456789abcdef 23456789abcdef01 456789abcdef0123",
        &[
            ("5468652071756663", "a826fd8ce53b855f"),
            ("6b2062726f776e20", "cce21c8112256fe6"),
            ("666f78206a756d70", "68d5c05dd9b6b900"),
        ],
    );
}

/// CAVP KAS_ECC_CDH_PrimitiveTest.txt, [P-256] and [P-384], COUNT = 0.
#[test]
fn ecdh_gives_the_known_answers() {
    for (suite, x, y, scalar, shared) in [
        (
            CipherSuite::Cs2,
            "700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287",
            "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac",
            "7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534",
            "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b",
        ),
        (
            CipherSuite::Cs7,
            "a7c76b970c3b5fe8b05d2838ae04ab47697b9eaf52e764592efda27fe7513272\
             734466b400091adbf2d68c58e0c50066",
            "ac68f19f2e1cb879aed43a9969b91a0839c4c38a49749b661efedf243451915e\
             d0905a32b060992b468c64766fc8437a",
            "3cc3122a68f0d95027ad38c067916ba0eb8c38894d22e1b15618b6818a661774\
             ad463b205da88cf699ab4d43c9cf98a1",
            "5f9d29dc5e31a163060356213669c8ce132e22f57c9a04f40ba7fcead493b457\
             e5621e766c40a2e3d4d6a04b25e533f1",
        ),
    ] {
        let card = PublicKey::from_point(&bytes(&format!("04{x}{y}"))).unwrap();
        let host = HostEphemeral::from_scalar(suite, &bytes(scalar)).unwrap();
        let secret = host.shared_secret(&card).unwrap();
        assert_eq!(secret.bytes(), bytes(shared));
    }
}

/// ECDSA-Sig-Value: both numbers without leading zeros, as positive integers.
fn signature(r: &str, s: &str) -> Vec<u8> {
    let (r, s) = (bytes(r), bytes(s));
    let mut body = UintRef::new(&r).unwrap().to_der().unwrap();
    body.extend(UintRef::new(&s).unwrap().to_der().unwrap());
    let mut signature = vec![0x30, body.len() as u8];
    signature.extend(body);
    signature
}

fn assert_verifies(key: &PublicKey, digest: &MessageDigest, mut signature: Vec<u8>) {
    key.verify_digest(digest, &signature).unwrap();
    let last = signature.len() - 1;
    signature[last] ^= 0x01;
    assert!(key.verify_digest(digest, &signature).is_err());
}

/// CAVP 186-4ecdsatestvectors, SigGen.txt, [P-256,SHA-256] and [P-384,SHA-384], the first of each;
/// the digests of their messages.
#[test]
fn ecdsa_signatures_verify() {
    let key = PublicKey::from_point(&bytes(
        "04 1ccbe91c075fc7f4f033bfa248db8fccd3565de94bbfb12f3c59ff46c271bf83
            ce4014c68811f9a21a1fdb2c0e6113e06db7ca93b7404e78dc7ccd5ca89a4ca9",
    ));
    let digest = bytes("44acf6b7e36c1342c2c5897204fe09504e1e2efb1a900377dbc4e7a6a133ec56");
    assert_verifies(
        &key.unwrap(),
        &MessageDigest::Sha256(digest.try_into().unwrap()),
        signature(
            "f3ac8061b514795b8843e3d6629527ed2afd6b1f6a555a7acabb5e6f79c8c2ac",
            "8bf77819ca05a6b2786c76262bf7371cef97b218e96f175a3ccdda2acc058903",
        ),
    );
    let key = PublicKey::from_point(&bytes(
        "04 c2b47944fb5de342d03285880177ca5f7d0f2fcad7678cce4229d6e1932fcac1
            1bfc3c3e97d942a3c56bf34123013dbf
            37257906a8223866eda0743c519616a76a758ae58aee81c5fd35fbf3a855b775
            4a36d4a0672df95d6c44a81cf7620c2d",
    ));
    let digest = bytes(
        "31a452d6164d904bb5724c878280231eae705c29ce9d4bc7d58e020e1085f17e
         ebcc1a38f0ed0bf2b344d81fbd896825",
    );
    assert_verifies(
        &key.unwrap(),
        &MessageDigest::Sha384(digest.try_into().unwrap()),
        signature(
            "50835a9251bad008106177ef004b091a1e4235cd0da84fff54542b0ed755c1d6
             f251609d14ecf18f9e1ddfe69b946e32",
            "0475f3d30c6463b646e8d3bf2455830314611cbde404be518b14464fdb195fdc
             c92eb222e61f426a4a592c00a6a89721",
        ),
    );
}

/// The exponent of both RSA groups below.
const EXPONENT: [u8; 2] = [0x10, 0x01];

/// CAVP 186-3rsatestvectors, SigGen15_186-3.rsp, [mod = 2048]: one with SHA-256, the first with
/// SHA-384.
#[test]
fn rsa_pkcs1_signatures_verify() {
    let key = PublicKey::from_rsa_parts(
        &bytes(
            "a564d3d06be468a46958d56bb4884e2c4c28f538b7e15df35330505177789d3e
             1d792ad7aec7fc80a8cccf7ed4030471100401724bd4636a8a8244180cc655e2
             56c00e778efe8bea55ab52d3a557075e35039d687cc0755b939a44a73033a0a6
             f09d2d6ae7e6593380718be00814d20567b1d7d48b633735e423017ff0a7b406
             d822f45fbb4d234028ca78abb702b18fcce13d2f69148ef584e9aaf283caab38
             f6946d342d600c6e77b7370a05ff302e5483b0faad3103d0b3e8c9c8e9eca1d4
             a871bdbd09585eb00dc3a488271cf6a3b767e68ea9bd2c83e8c89fd047f17915
             cf6a4c05bb9222b7e4470df5f3f1a28324c1aafcbb2236d2293041d128b0e15f",
        ),
        &EXPONENT,
    )
    .unwrap();
    assert_verifies(
        &key,
        &MessageDigest::sha256(&bytes(
            "7201d4c8d56446e17dd0128c8eac910f4119f6237f308156af8af5aecc064b8f
             bac6a8deda7b8d67dce34d7cd490c5df90ea47e32977d7cdd95a9a800c1a8b5a
             baa57059f3950d82bcb1978319b76b976b5900aafc851abed9e9418de0b7726f
             19a5147f4a392df9c543d6e785abedfd796c09c120e1b3ef5640d31b6e646898",
        )),
        bytes(
            "5E767F91A3DD3E64A2F624A267E40E91740F7A5971ABD15649A7EB6D3D8524C0
             033E8A120D16F48305867114143D886419A13388431E0687BAA55202FCD46EC8
             A560EF5BB267F21D2ECA9E51DF03CF809B28BA5281B9F9EA651A9433B0014C32
             3334051EAF68DFE64B196314DC66CC0FCDFDA4CBEB9AE53FE8CB0718EE91E8BD
             57A98069B503896E276123C2434B2062BA83E4D55E843F10B23E6962DF06803C
             E288FF5E54BEC7820845AF2447E9D9B288D5F76074F3EB4636DC62A03DFE082B
             49BB13C9726D6FD85FF7018E4517C331342C85F389817D07AD76208C81D88991
             70F670C6D9E22A4ACC48F168E5021F5D87ADD45D1433D3821FA0F4FB9982AF2E",
        ),
    );
    assert_verifies(
        &key,
        &MessageDigest::sha384(&bytes(
            "7ff1fbab615bc95c3a4acc20c855d1df643d2503d973042476da54e562cd9419
             30640f2bb3f355bc14d4eb8d216742a0e856e69a851ef86c38cbde32bb02395b
             d245170b23736bbd488eba2d23c1167571a25076a2b46a79e9304b168f05b656
             8c1d7d1458e2f2a9ff019fc8746d37a627a8cc5ed93e4195af92035986dcf44f",
        )),
        bytes(
            "18F57A57BDAA5CDE7B1CCC571AE27EC701D800B7FE2FA856B4702343CC728BAE
             E8096585CAE6B684E177ABDF20CFFC0A2E2D4D52D103D06AA2F43790A63E1FC0
             C94A1D72AAEEF28934D8234BE6AC69D503656967ECE11E9DC5AD4C7FC6518827
             4FF07660A21BA498556C1D0EFC3E381DAC279A90BC80C042F868FBCC109E5668
             92495A9217BDA692DB965970A5128369E3727F135397E1D829CBB6B4D5C29D6C
             2DFF1B7F42FA26FA2C1D130F9E29A8E3ECA0575D6E9B1F0D558995D170E52F9D
             B3AEA4F8FBFB1FDC679E729EA19DE8C783179751C912CA81B45FA5D0BBE34A50
             C9AC2872EFE2EEEE9B1CFEAD25D918A4A2A5A4438C9AA59A87A5678920C580A4",
        ),
    );
}

/// CAVP 186-3rsatestvectors, SigGenPSS_186-3.rsp, [mod = 2048], SHA-256, the first; no salt.
#[test]
fn rsa_pss_signatures_verify() {
    let key = PublicKey::from_rsa_parts(
        &bytes(
            "d58dcfa1b7b8dfb5c3135e9cb4ba80387f9841757fa8585ce00f431aeb7cfdec
             9e1ecec8cc2efd935a9641124f563a49f62d426eafe0fa180b4d9b27957f8973
             91c75ed86341d6ccf56ca79a880c697375809c973cd63ea238f46fec331d3dfa
             0b71e5971d585d14d52da8c5bec9138a6041eb8cbc645a88a9bc6a780d2333ce
             b6e753707a6b91321665b4b524118bd6c5430e0072b15bfa0c70fd2da1edf68e
             3d7c657381c7247f45497996bff1f28a9f0d70627aa3b638a549958e6c8fae92
             17dbe851ce64ed41fe847dafae743f7c9ca9c597aefa827bbfb06e603bd77522
             3e39e214a17b5f51d54e5196b99d32f927749a2492718a1c57d6e5ae2a178549",
        ),
        &EXPONENT,
    )
    .unwrap();
    let message = bytes(
        "19828d058058243557e29ec3f95b566fb4292c6e7dc0d56ae1c475cb3f6d6f35
         35307b51589cfad1288287ae4358cfb4d8dfa2415f044a4a87041b9e70d44b6f
         1bc0040e1f52b8f69d75b50c75daf925ba9b47c9641f7a37453d1aa83fa42dd8
         b37a4fc33c4305ac9e054f64f9a97cc943a5428df4d80e3903b5997112a4bc79",
    );
    let mut signature = bytes(
        "38AE4EC36AE6A2DF3470364E5BB46778F3BADA7BBBD7368C295F871CAB3C0C0F
         474D2C4A4F4F3371FB11C0D98ABEA04EB699693898DCE2A63B58334B8B5C708B
         4D00739FBCE8E8A2B4DF6D2E7219DA5B6CC13D48AF729B79D2FDE5FAAACA6DBA
         3D84A352695ED324884076EF34A9D4E8102DF1DE0D9C65E62BDE97457D95AB1D
         F3551E030F94C53B4A8E1A8C22B3E7BB49453670F26DEE950361AD40481A01BA
         34D1CD8F36AFE249B2C41D3BE7514A2FDE9AD918C18392031023399B3D434539
         64B660A44D03C93CFB1375B45F853CE90B501672F04A2E84A7FE09C9B97E55F2
         3A05E39419625DCF465325983947C0AE1E4455A602BCBD65FA87A52079ACE7AF",
    );
    // RSASSA-PSS-params (RFC 8017, A.2.3): SHA-256, MGF1 with SHA-256, salt of 0 bytes.
    let algorithm = |salt: u8| AlgorithmIdentifierOwned {
        oid: ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10"),
        parameters: Some(
            Any::from_der(&bytes(&format!(
                "3030 A00D 300B 0609608648016503040201
                 A11A 3018 06092A864886F70D010108 300B 0609608648016503040201
                 A203 0201{salt:02x}"
            )))
            .unwrap(),
        ),
    };
    let hash = Some(HashAlgorithm::Sha256);
    let verify = |salt, signature: &[u8]| {
        verify_signature(&key, &algorithm(salt), hash, &message, signature)
    };
    verify(0, &signature).unwrap();
    assert!(verify(32, &signature).is_err());
    signature[200] ^= 0x01;
    assert!(verify(0, &signature).is_err());
}
