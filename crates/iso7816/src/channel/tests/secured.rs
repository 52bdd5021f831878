//! The channel under secure messaging, with a protocol that can be checked by eye: every byte is
//! turned over and AA goes before it.

use ground::Blame;
use thiserror::Error;

use super::*;

#[derive(Debug)]
struct Turned {
    open: bool,
}

#[derive(Clone, Debug, Error)]
#[error("turned messaging failed: {0}")]
struct TurnedError(&'static str);

impl Blamed for TurnedError {
    fn blame(&self) -> Blame {
        Blame::CardMisbehaved
    }

    fn hint(&self) -> Option<String> {
        Some("turn again".to_owned())
    }
}

fn turned(data: &[u8]) -> Vec<u8> {
    data.iter().map(|byte| !byte).collect()
}

impl SecureMessaging for Turned {
    fn wraps(&self, command: &Command) -> bool {
        command.instruction == Instruction::GET_DATA
    }

    fn protect(&mut self, command: &Command) -> Result<Command, SecureMessagingError> {
        if !self.open {
            return Err(SecureMessagingError::new(TurnedError("ended")));
        }
        let data = [&[0xAA], &turned(&command.data)[..]].concat();
        Ok(
            Command::new(0x0C, command.instruction, command.p1, command.p2)
                .with_data(data)
                .with_expected(Expected::SHORT_MAX),
        )
    }

    fn unprotect(&mut self, response: &Response) -> Result<Response, SecureMessagingError> {
        match response.data.split_first() {
            Some((0xAA, rest)) => Ok(Response::new(turned(rest), StatusWord::NOT_FOUND)),
            _ => Err(SecureMessagingError::new(TurnedError("no AA"))),
        }
    }

    fn end(&mut self) {
        self.open = false;
    }

    fn is_open(&self) -> bool {
        self.open
    }
}

/// A channel under secure messaging that expects these exchanges.
fn secured(limits: Limits, exchanges: &[(&str, &str)]) -> Channel {
    let link = Scripted {
        protocol: Protocol::T1,
        exchanges: exchanges
            .iter()
            .map(|(command, answer)| (command.replace(' ', ""), answer.replace(' ', "")))
            .collect(),
    };
    let mut channel = Channel::with_limits(Box::new(link), limits);
    channel.begin_secure_messaging(Box::new(Turned { open: true }));
    channel
}

fn long_get_data() -> Command {
    Command::new(0x00, Instruction::GET_DATA, 0x3F, 0xFF)
        .with_data([0x00; 300])
        .with_expected(Expected::SHORT_MAX)
}

fn verify() -> Command {
    Command::new(0x00, Instruction::VERIFY, 0x00, 0x80)
}

#[test]
fn a_command_is_protected_before_it_is_split_and_a_response_opened_when_it_is_whole() {
    let mut channel = secured(
        Limits::SHORT,
        &[
            (&format!("1CCB3FFF FF AA {}", "FF".repeat(254)), "9000"),
            (&format!("0CCB3FFF 2E {} 00", "FF".repeat(46)), "AAFE 6102"),
            // GET RESPONSE is in clear.
            ("00C00000 02", "FDFC 9000"),
        ],
    );
    let response = channel.transmit(&long_get_data()).unwrap();
    assert_eq!(*response.data, [0x01, 0x02, 0x03]);
    // The status word from inside, not that of the last GET RESPONSE.
    assert_eq!(response.status, StatusWord::NOT_FOUND);
    assert!(channel.is_secured());
    channel.disconnect(Disposition::Leave).unwrap();
}

#[test]
fn a_protected_command_goes_in_one_piece_only_where_extended_length_is_allowed() {
    let mut channel = secured(
        EXTENDED,
        &[(
            &format!("0CCB3FFF 00012D AA {} 0100", "FF".repeat(300)),
            "AA 9000",
        )],
    );
    channel.transmit(&long_get_data()).unwrap();
    channel.disconnect(Disposition::Leave).unwrap();
}

#[test]
fn a_command_the_protocol_does_not_wrap_goes_in_clear_and_leaves_the_session() {
    let mut channel = secured(Limits::SHORT, &[("00200080", "63C3")]);
    let response = channel.transmit(&verify()).unwrap();
    assert_eq!(response.status.tries_left(), Some(3));
    assert!(channel.is_secured());
    channel.disconnect(Disposition::Leave).unwrap();
}

#[test]
fn nothing_goes_in_clear_after_a_session_broke_until_the_caller_ends_it() {
    let command = get_data(Expected::SHORT_MAX);
    let mut channel = secured(
        Limits::SHORT,
        &[
            ("0CCB3FFF 04 AAA3FE81 00", "6988"),
            ("00CB3FFF 03 5C017E 00", "7E00 9000"),
        ],
    );
    let error = channel.transmit(&command).unwrap_err();
    assert_eq!(error.to_string(), "turned messaging failed: no AA");
    assert_eq!(error.hint().as_deref(), Some("turn again"));
    assert!(error.secure_messaging::<TurnedError>().is_some());
    assert!(error.secure_messaging::<LinkError>().is_none());
    assert!(!channel.is_secured());

    let error = channel.transmit(&command).unwrap_err();
    assert!(matches!(error, ChannelError::Protect(_)), "{error:?}");

    channel.end_secure_messaging();
    assert!(channel.transmit(&command).unwrap().status.is_ok());
    channel.disconnect(Disposition::Leave).unwrap();
}

#[test]
fn a_chain_the_card_refuses_half_way_is_for_the_protocol_to_judge() {
    let mut channel = secured(
        Limits::SHORT,
        &[(&format!("1CCB3FFF FF AA {}", "FF".repeat(254)), "6883")],
    );
    let error = channel.transmit(&long_get_data()).unwrap_err();
    assert!(matches!(error, ChannelError::Unprotect(_)), "{error:?}");
    assert!(!channel.is_secured());
}

#[test]
fn lost_bytes_end_the_session_whatever_command_they_were_of() {
    for command in [get_data(Expected::SHORT_MAX), verify()] {
        let sent = match command.instruction {
            Instruction::VERIFY => "00200080",
            _ => "0CCB3FFF04AAA3FE8100",
        };
        // One byte is no status word.
        let mut channel = secured(Limits::SHORT, &[(sent, "90")]);
        let error = channel.transmit(&command).unwrap_err();
        assert!(matches!(error, ChannelError::Link(_)), "{error:?}");
        assert!(!channel.is_secured());
        assert!(matches!(
            channel.transmit(&get_data(Expected::SHORT_MAX)),
            Err(ChannelError::Protect(_))
        ));
    }
}

#[test]
fn a_reset_ends_the_session() {
    let mut channel = secured(Limits::SHORT, &[("00CB3FFF 03 5C017E 00", "7E00 9000")]);
    channel.reset(Reset::Cold).unwrap();
    assert!(!channel.is_secured());
    let response = channel.transmit(&get_data(Expected::SHORT_MAX)).unwrap();
    assert!(response.status.is_ok());
}
