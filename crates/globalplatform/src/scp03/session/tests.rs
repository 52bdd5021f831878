use iso7816::{Instruction, StatusWord};

use super::*;
use crate::scp03::derivation::SessionKeys;
use crate::scp03::{AesKey, InitializeUpdate, StaticKeys};

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn command(text: &str) -> Command {
    Command::parse(&bytes(text)).unwrap()
}

fn wrapped(session: &mut Session, text: &str) -> String {
    let wrapped = session.wrap(&command(text)).unwrap();
    hex::encode(wrapped.to_short().unwrap())
}

/// Default keys, host challenge 00..07, card challenge 08..0F, level 33.
fn worked_example() -> Session {
    let key = AesKey::new(&bytes("404142434445464748494A4B4C4D4E4F")).unwrap();
    let challenges: Vec<u8> = (0..16).collect();
    let keys = SessionKeys::derive(&StaticKeys::same(&key), &challenges);
    let cryptogram = keys.host_cryptogram(&challenges, Mode::S8);
    let mut session = Session::new(keys, SecurityLevel::Full, Mode::S8);
    let command =
        Command::new(0x80, Instruction::EXTERNAL_AUTHENTICATE, 0x33, 0).with_data(&cryptogram[..]);
    let sent = session.authenticate(&command).unwrap();
    assert_eq!(
        hex::encode_upper(sent.to_short().unwrap()),
        "8482330010FAFA93C2EDE62463CB51E38EC18EB00B"
    );
    assert_eq!(
        hex::encode_upper(session.chain),
        "CB51E38EC18EB00BA2140A6B09656E0F"
    );
    session
}

#[test]
fn the_worked_example_goes_through_byte_for_byte() {
    let mut session = worked_example();
    assert_eq!(
        wrapped(&mut session, "80E280000A0102030405060708090A"),
        "84e280001880bcc74941570e5d71a0627e6bd8c5d30eec3a4f4dfedf03"
    );
    let answer = |session: &Session, text: &str| {
        session
            .unwrap(Response::parse(&bytes(text)).unwrap())
            .map(|response| (response.data.to_vec(), response.status))
    };
    assert_eq!(
        answer(
            &session,
            "EDE8A3BD532409F9AE47237F9EE046807D919C199C8ED5639000"
        ),
        Ok((bytes("AABBCC"), StatusWord::OK))
    );
    assert_eq!(
        answer(&session, "2B25EB636D20EFA39000"),
        Ok((vec![], StatusWord::OK))
    );
    assert_eq!(
        wrapped(&mut session, "80CA006600"),
        "84ca006608e7a42c0f01c5c93300"
    );
}

#[test]
fn an_error_without_mac_is_passed_on_and_with_data_refused() {
    let session = worked_example();
    let error = Response::status(StatusWord::NOT_FOUND);
    assert_eq!(session.unwrap(error.clone()), Ok(error));
    assert_eq!(
        session.unwrap(Response::new([0; 8], StatusWord::NOT_FOUND)),
        Err(Scp03Error::UnprotectedData {
            status: StatusWord::NOT_FOUND,
            length: 8
        })
    );
}

#[test]
fn a_success_or_warning_without_mac_is_refused() {
    let session = worked_example();
    for status in [StatusWord::OK, StatusWord(0x6310), StatusWord(0x6200)] {
        assert_eq!(
            session.unwrap(Response::new([0; 7], status)),
            Err(Scp03Error::ResponseMacMissing { status, length: 7 })
        );
    }
}

#[test]
fn a_command_that_does_not_fit_leaves_the_session_as_it_was() {
    let mut session = worked_example();
    let long = Command::new(0x80, Instruction::STORE_DATA, 0, 0).with_data([0; 240]);
    assert_eq!(
        session.wrap(&long),
        Err(Scp03Error::TooLong {
            length: 264,
            limit: 255
        })
    );
    for class in [0x0C, 0x10, 0x81, 0x84, 0xC0] {
        let other = Command::new(class, Instruction::STORE_DATA, 0, 0);
        assert_eq!(session.wrap(&other), Err(Scp03Error::Class { class }));
    }
    assert_eq!(
        wrapped(&mut session, "80E280000A0102030405060708090A"),
        "84e280001880bcc74941570e5d71a0627e6bd8c5d30eec3a4f4dfedf03"
    );
}

#[test]
fn padding_is_taken_off_only_where_it_is_padding() {
    for length in 0..40 {
        let data = vec![0x80; length];
        assert_eq!(unpadded(&padded(&data)), Some(length));
    }
    assert_eq!(unpadded(&[0; 16]), None);
    assert_eq!(unpadded(&[0x81; 16]), None);
    let far = [&[0x80][..], &[0; 31]].concat();
    assert_eq!(unpadded(&far), None);
}

/// Sessions of a real card with options 70; the values are recorded in pysim,
/// `tests/unittests/test_globalplatform.py`.
struct Recorded {
    key_length: usize,
    update: &'static str,
    answer: &'static str,
    authenticate: &'static str,
    /// Of `80E2910006BF3E035C015A00`.
    command: &'static str,
    response: &'static str,
    /// Of `80F22002`, `80CA006600`, `80F220020A4F0212345C054F9F70C5`, `80F28002024F0000`.
    cases: [&'static str; 4],
}

const RECORDED: [Recorded; 9] = [
    Recorded {
        key_length: 16,
        update: "8050300008b13e5f938fc108c400",
        answer: "000000000000000000003003703eb51047495b249f66c484c1d2ef1948000002",
        authenticate: "84821100107d5f5826a993ebc89eea24957fa0b3ce",
        command: "84e291000ebf3e035c015a558d036518a2829700",
        response: "bf3e125a1089882119900000000000000000000005971be68992dbbdfa",
        cases: [
            "84f220020863a63f8959827fb2",
            "84ca006608a0c6a4a74166f7ce00",
            "84f22002124f0212345c054f9f70c52249b50272656536",
            "84f280020a4f00e91443f6dce6b8ed00",
        ],
    },
    Recorded {
        key_length: 16,
        update: "80503000088e1552d0513c60f300",
        answer: "0000000000000000000030037030760cd2c47c1dd395065fe5ead8a9d7000001",
        authenticate: "8482030010fd4721a14d9b07003c451d2f8ae6bb21",
        command: "84e2910018ca9c00f6713d79bc8baa642bdff51c3f6a4082d3bd9ad26c00",
        response: "bf3e125a1089882119900000000000000000000005",
        cases: [
            "84f2200208c9811b11f1264cf1",
            "84ca006608e10ab60b3054798800",
            "84f22002184e2908bdb48b2315a55482e9e936ca122d6ecfae7d17416e",
            "84f28002180dd10a6b6193e5340b9e77d32d5a179cd710ac2773aefb2800",
        ],
    },
    Recorded {
        key_length: 16,
        update: "8050300008fdf38259a1e0de4400",
        answer: "000000000000000000003003703b1aca81e821f219081cdc01c26b372d000003",
        authenticate: "84823300108c36f96bcc00724a4e13ad591d7da3f0",
        command: "84e2910018267a85dfe4a98fca6fb0527e0dfecce4914e40401433c87f00",
        response: "f3ba2b1013aa6224f5e1c138d71805c569e5439b47576260b75fc021b25097cb2e68f8a0144975b9",
        cases: [
            "84f2200208ac6a59024bed84cc",
            "84ca006608409912ad8fb7aed000",
            "84f22002185f3dafc3ac14c381536a488bf44e06d056df9d74dbd21e5a",
            "84f280021865165105be3373347d0424d4400af2ac393f569ec779389e00",
        ],
    },
    Recorded {
        key_length: 24,
        update: "80503100087396430b768b085b00",
        answer: "000000000000000000003103708cfc23522ffdbf1e5df5542cac8fd866000003",
        authenticate: "84821100102145ed30b146f5db252fb7e624cec244",
        command: "84e291000ebf3e035c015aff42cf801d14394400",
        response: "bf3e125a1089882119900000000000000000000005162fbd33e04940a9",
        cases: [
            "84f22002084584e4f6784811ee",
            "84ca006608937776ebe190fa3000",
            "84f22002124f0212345c054f9f70c59a52bddf3040368c",
            "84f280020a4f009804b11411f7393d00",
        ],
    },
    Recorded {
        key_length: 24,
        update: "805031000869c65da8202bf19f00",
        answer: "00000000000000000000310370b570a67be38446717729d6dd3d2ec5b1000001",
        authenticate: "848203001065df4f1a356a887905466516d9e5b7c1",
        command: "84e2910018d2c6fb477c5d4afe4fd4d21f17eff10d3578ec1774a12a2d00",
        response: "bf3e125a1089882119900000000000000000000005",
        cases: [
            "84f2200208964e188f0b1bb697",
            "84ca006608f0820035a41d3e1800",
            "84f220021806b076ed452cd1fa84f77f5c08a146aa77a9286757dea791",
            "84f2800218d06527e39222dce091fabdb8e9b898417a67a6852d3577db00",
        ],
    },
    Recorded {
        key_length: 24,
        update: "80503100089b3f2eef0e8c937400",
        answer: "00000000000000000000310370f6bb305a15bae1a68f79fb08212fbed7000002",
        authenticate: "84823300109100bc22d58b45b86a26365ce39ff3cf",
        command: "84e29100188f7f946c84f70d17994bc6e8791251bb1bb1bf02cf8de58900",
        response: "c05176c1b6f72aae50c32cbee63b0e95998928fd4dfb2be9f27ffde8c8476f5909b4805cc4039599",
        cases: [
            "84f2200208d5d97754b6b3d2ba",
            "84ca006608516c82b8e30adbeb00",
            "84f2200218cc247f4761e6944277a4e0d6e32e44025b1e31537e2fc668",
            "84f2800218ba22b63d509bef5d093b43e5eaed03ed23144ab2d9cb51de00",
        ],
    },
    Recorded {
        key_length: 32,
        update: "805032000811666d57866c6f5400",
        answer: "0000000000000000000032037053ea8847efa7674e41498a4d66cf0dee000003",
        authenticate: "84821100102f2ad190eff2fafc4908996d1cebd310",
        command: "84e291000ebf3e035c015af4b680372542b59d00",
        response: "bf3e125a10898821199000000000000000000000058012dd7f01f1c4c1",
        cases: [
            "84f2200208d618b7da68d5fe52",
            "84ca0066088f3e055db23ad5e500",
            "84f22002124f0212345c054f9f70c5b6e15cc42404915e",
            "84f280020a4f00aa124aa74afe7f7500",
        ],
    },
    Recorded {
        key_length: 32,
        update: "8050320008c6066990fc426e1d00",
        answer: "000000000000000000003203708682cd81bbd8919f2de3f2664581f118000001",
        authenticate: "848203001077c493b632edadaf865a1e64acc07ce9",
        command: "84e29100183ddaa60594963befaada3525b492ede23c2ab2c1ce3afe4400",
        response: "bf3e125a1089882119900000000000000000000005",
        cases: [
            "84f2200208480ddc8e419da38d",
            "84ca0066083e9d6a6c0b2d732000",
            "84f22002183ebfef2da8b04af2a85f491f299b76973df76ff08a4031be",
            "84f2800218783fff80990f5585b1055010ea95094a26e4a8f1ef4b18e100",
        ],
    },
    Recorded {
        key_length: 32,
        update: "805032000897b2055fe58599fd00",
        answer: "00000000000000000000320370a8439a22cedf045fa9f1903b2834f26e000002",
        authenticate: "8482330010508a0fd959d2e547c6b33154a6be2057",
        command: "84e29100187a5ef717eaf1e135ae92fe54429d0e465decda65f5fe5aea00",
        response: "ea90dbfa648a67c5eb6abc57f8530b97d0cd5647c5e8732016b55203b078dd2ace7f8bc5d1c1cd99",
        cases: [
            "84f2200208bcc5c17275545d93",
            "84ca00660804806aba9d543bb600",
            "84f2200218717222491556ec81a45f49ce48be33320024801a1c4cb0e0",
            "84f2800218561f105bccd3a1642904b251ccc1228beb80a82370a8637000",
        ],
    },
];

#[test]
fn recorded_sessions_of_a_real_card_are_reproduced_byte_for_byte() {
    for recorded in &RECORDED {
        // 00..0F, 10..1F, 20..2F, each begun again up to the key's length.
        let key = |first: u8| {
            let bytes: Vec<u8> = (first..first + 16)
                .cycle()
                .take(recorded.key_length)
                .collect();
            AesKey::new(&bytes).unwrap()
        };
        let keys = StaticKeys::new(key(0x00), key(0x10), key(0x20)).unwrap();
        let answer = bytes(recorded.answer);
        let update = InitializeUpdate::parse(&answer).unwrap();
        let host_challenge = command(recorded.update).data;
        let challenges = [&host_challenge[..], update.card_challenge].concat();
        let session_keys = SessionKeys::derive(&keys, &challenges);
        assert_eq!(
            session_keys.card_cryptogram(&challenges, Mode::S8)[..],
            *update.card_cryptogram
        );

        let sent = command(recorded.authenticate);
        let level = SecurityLevel::from_byte(sent.p1).unwrap();
        let cryptogram = session_keys.host_cryptogram(&challenges, Mode::S8);
        let mut session = Session::new(session_keys, level, Mode::S8);
        let plain = Command::new(0x80, Instruction::EXTERNAL_AUTHENTICATE, sent.p1, 0)
            .with_data(&cryptogram[..]);
        assert_eq!(session.authenticate(&plain).unwrap(), sent);

        let plain = "80E2910006BF3E035C015A00";
        assert_eq!(wrapped(&mut session, plain), recorded.command);
        let response = session
            .unwrap(Response::new(bytes(recorded.response), StatusWord::OK))
            .unwrap();
        assert_eq!(
            hex::encode(&response.data[..]),
            "bf3e125a1089882119900000000000000000000005"
        );
        let cases = [
            "80F22002",
            "80CA006600",
            "80F220020A4F0212345C054F9F70C5",
            "80F28002024F0000",
        ];
        for (plain, expected) in cases.into_iter().zip(recorded.cases) {
            assert_eq!(wrapped(&mut session, plain), expected);
        }
    }
}
