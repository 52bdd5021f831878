//! Readers on a serial line, both sides: frames and answers, blocks, the choice of protocol and
//! speed, and the driver and the simulated reader as a whole.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ::readers::ccid::{Answer, Heard, Receiver, frame};
use ::readers::pps::{self, Plan};
use ::readers::t1::{Block, BlockCarrier, BlockProtocol};
use ::readers::{GemPcTwin, Line, t0};
use firmware_sim::card::NullChip;
use firmware_sim::contacts::Contacts;
use firmware_sim::reader::{BlockSide, Turn, Twin};
use ground::{Ambient, Virtual};
use iso7816::atr::ErrorDetection;
use iso7816::{Atr, Reader, Reset};
use zeroize::Zeroizing;

use crate::link::pieces;

/// T=1, information fields of 254 bytes.
const BLOCK_CARD: [u8; 24] = [
    0x3B, 0xDF, 0x96, 0x00, 0x81, 0x31, 0xFE, 0x45, 0x80, 0x73, 0x84, 0x21, 0xE0, 0x55, 0x49, 0x78,
    0x00, 0x00, 0x80, 0x83, 0x0F, 0x90, 0x00, 0x0C,
];

/// Any bytes off the line.
pub(crate) fn serial_frame(bytes: &[u8]) {
    let mut receiver = Receiver::new();
    let mut count = 0;
    for piece in bytes.chunks(7) {
        receiver.push(piece);
        while let Some(heard) = receiver.hear() {
            count += 1;
            assert!(count <= bytes.len());
            let Heard::Message(message) = heard else {
                continue;
            };
            let mut again = Receiver::new();
            again.push(&frame(&message));
            assert!(again.hear() == Some(Heard::Message(message.clone())));
            match Answer::parse(&message) {
                Ok(answer) => assert_eq!(answer.data[..], message[10..]),
                Err(error) => drop(error.to_string()),
            }
        }
    }
    let _ = receiver.quiet();
    assert!(!receiver.is_waiting());
}

/// Any bytes as a block, to the host and to the card.
pub(crate) fn block(bytes: &[u8]) {
    for check in [ErrorDetection::Lrc, ErrorDetection::Crc] {
        match Block::parse(bytes, check) {
            Ok(block) => assert_eq!(block.encode(check)[..], *bytes),
            Err(error) => drop(error.to_string()),
        }
        let mut card = BlockSide::new(check, 254);
        match card.take(bytes) {
            Turn::Answer(answer) => drop(Block::parse(&answer, check).expect("a card's block")),
            Turn::Carry(command) => {
                let answer = card.respond([&command[..], &[0x90, 0x00]].concat());
                Block::parse(&answer, check).expect("a card's block");
            }
            Turn::GoOn => panic!("the card asked for no time"),
        }
    }
    if let Ok(tpdu) = t0::tpdu(bytes) {
        assert!(tpdu.len() == 5 || tpdu.len() == 5 + usize::from(tpdu[4]));
    }
}

/// Any blocks as the card's answers to one command.
pub(crate) fn block_protocol(bytes: &[u8]) {
    struct Answers<'a>(Box<dyn Iterator<Item = &'a [u8]> + 'a>);
    impl BlockCarrier for Answers<'_> {
        type Error = Infallible;
        fn carry(
            &mut self,
            _block: &[u8],
            _waiting: u8,
        ) -> Result<Option<Zeroizing<Vec<u8>>>, Infallible> {
            let answer = self.0.next().filter(|answer| !answer.is_empty());
            Ok(answer.map(|answer| Zeroizing::new(answer.to_vec())))
        }
    }
    let mut carrier = Answers(Box::new(pieces(bytes)));
    let mut protocol = BlockProtocol::new(ErrorDetection::Lrc, 32);
    if let Err(error) = protocol.announce_size(254, &mut carrier) {
        let _ = error.to_string();
    }
    for command in [&[0x00, 0xA4, 0x04, 0x00][..], &[0x55; 80]] {
        if let Err(error) = protocol.exchange(command, &mut carrier) {
            let _ = error.to_string();
        }
    }
}

/// An answer to reset, and behind it the answer to the choice of protocol and speed: the length
/// of the first before both.
pub(crate) fn protocol_selection(bytes: &[u8]) {
    let mut both = pieces(bytes);
    let (Some(atr), answer) = (both.next(), both.next().unwrap_or_default()) else {
        return;
    };
    let Ok(atr) = Atr::parse(atr) else { return };
    match Plan::of(&atr) {
        Ok(plan) => {
            let request = pps::request(plan.wanted);
            assert_eq!(pps::agreed(plan.wanted, &request), Ok(plan.wanted));
            match pps::agreed(plan.wanted, answer) {
                Ok(agreed) => assert_eq!(agreed.protocol, plan.wanted.protocol),
                Err(error) => drop(error.to_string()),
            }
        }
        Err(error) => drop(error.to_string()),
    }
}

/// Any bytes to the simulated reader, with a card in it.
pub(crate) fn serial_reader(bytes: &[u8]) {
    let contacts = Contacts::new("sim:reader");
    contacts.close_on(Box::new(NullChip::new(BLOCK_CARD)));
    let mut twin = Twin::new(contacts);
    let mut said = Vec::new();
    for piece in pieces(bytes).take(64) {
        let mut sink = |bytes: &[u8]| {
            said.extend_from_slice(bytes);
            Ok(())
        };
        twin.receive(piece, &mut sink).expect("the sink takes all");
        if piece.is_empty() {
            twin.pause(&mut sink).expect("the sink takes all");
        }
    }
    // Whatever it says, it says in frames.
    let mut receiver = Receiver::new();
    receiver.push(&said);
    while receiver.hear().is_some() {}
}

/// Any bytes as what the reader says to the driver, one piece a read; an empty one is silence.
pub(crate) fn serial_driver(bytes: &[u8]) {
    struct Said(VecDeque<Vec<u8>>, Arc<dyn Ambient>);
    impl Line for Said {
        fn write_all(&mut self, _bytes: &[u8]) -> io::Result<()> {
            Ok(())
        }
        fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
            match self.0.pop_front() {
                Some(piece) if !piece.is_empty() => {
                    let count = buffer.len().min(piece.len());
                    buffer[..count].copy_from_slice(&piece[..count]);
                    Ok(count)
                }
                _ => {
                    self.1.sleep(within);
                    Err(io::ErrorKind::TimedOut.into())
                }
            }
        }
    }
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let said = pieces(bytes).map(<[u8]>::to_vec).collect();
    let line = Box::new(Said(said, Arc::clone(&ambient)));
    let Ok(mut reader) = GemPcTwin::over("fuzz", line, ambient) else {
        return;
    };
    let Ok(mut link) = reader.connect(Duration::from_secs(1)) else {
        return;
    };
    for command in [
        &[0x00, 0xA4, 0x04, 0x00][..],
        &[0x00, 0xCB, 0x3F, 0xFF, 0x00],
    ] {
        if let Err(error) = link.transmit(command) {
            let _ = error.to_string();
        }
    }
    let _ = link.reset(Reset::Warm);
}
