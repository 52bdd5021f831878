//! The CRT-591, both sides, and what readers say they can do.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ::readers::crt591::frame::{Heard, Receiver, frame};
use ::readers::crt591::{Answer, Crt591, Profile};
use ::readers::features::{PinProperties, TlvProperties, parse_features};
use ::readers::{Line, crt591};
use firmware_sim::card::NullChip;
use firmware_sim::contacts::Chip;
use firmware_sim::dispenser::{Config, SimDispenser};
use ground::{Ambient, Virtual};
use iso7816::Reader;
use printers::{Position, Printer};

use crate::link::pieces;

/// T=1.
const ATR: [u8; 6] = [0x3B, 0x90, 0x11, 0x81, 0x01, 0x01];

/// Any bytes off the line.
pub(crate) fn dispenser_frame(bytes: &[u8]) {
    let mut receiver = Receiver::new(0);
    let mut count = 0;
    for piece in bytes.chunks(7) {
        receiver.push(piece);
        while let Some(heard) = receiver.hear() {
            count += 1;
            assert!(count <= bytes.len());
            let Heard::Text(text) = heard else { continue };
            let mut again = Receiver::new(0);
            again.push(&frame(0, &text).expect("a text that came fits"));
            assert!(again.hear() == Some(Heard::Text(text.clone())));
            match Answer::parse(&text) {
                Ok(answer) => assert_eq!(answer.code[..], text[1..3]),
                Err(error) => drop(error.to_string()),
            }
        }
    }
    let _ = receiver.quiet();
    assert!(!receiver.is_inside());
}

/// Any bytes as the text of an answer.
pub(crate) fn dispenser_answer(bytes: &[u8]) {
    match Answer::parse(bytes) {
        Ok(answer) => {
            if let crt591::Outcome::Failed { error, .. } = answer.outcome {
                let _ = Profile::builtin().kind_of(error);
                let _ = error.to_string();
            }
        }
        Err(error) => drop(error.to_string()),
    }
}

/// Any bytes as what the device says to the driver, one piece a read; an empty one is silence.
pub(crate) fn dispenser_driver(bytes: &[u8]) {
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
    let opened = Crt591::over("fuzz", line, Profile::builtin(), ambient);
    let Ok((mut mover, mut encoder)) = opened else {
        return;
    };
    if let Err(error) = mover.feed(Position::Contacts) {
        let _ = error.to_string();
    }
    if let Ok(mut link) = encoder.connect(Duration::ZERO)
        && let Err(error) = link.transmit(&[0x00, 0xA4, 0x04, 0x00])
    {
        let _ = error.to_string();
    }
    let _ = mover.counters();
    let _ = mover.eject();
    let _ = mover.status();
}

/// Any bytes to the simulated device. No card is lost, whatever they are.
pub(crate) fn dispenser(bytes: &[u8]) {
    const BLANKS: u64 = 3;
    let sim = SimDispenser::open(Config::new(BLANKS, Arc::new(Virtual::new(1))), |_| {
        Ok(Box::new(NullChip::new(ATR)) as Box<dyn Chip>)
    })
    .expect("one that remembers nothing opens");
    let mut line = sim.line();
    let mut buffer = [0; 64];
    for piece in pieces(bytes).take(64) {
        line.write_all(piece).expect("the line takes all");
        for _ in 0..64 {
            if line.read(&mut buffer, Duration::from_millis(50)).is_err() {
                break;
            }
        }
    }
    let gone = (1..=BLANKS).filter(|number| sim.place_of(*number).is_none());
    assert_eq!(gone.count(), 0, "a card is lost");
}

/// Any bytes as the profile of a site.
pub(crate) fn dispenser_profile(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Err(error) = Profile::parse(text) {
        let _ = error.to_string();
    }
}

/// Any bytes as what a reader says it can do.
pub(crate) fn reader_features(bytes: &[u8]) {
    match parse_features(bytes) {
        Ok(codes) => {
            assert_eq!(codes.len() * 6, bytes.len());
            for code in codes {
                let _ = code.feature.to_string();
            }
        }
        Err(error) => drop(error.to_string()),
    }
    if let Err(error) = PinProperties::parse(bytes) {
        let _ = error.to_string();
    }
    match TlvProperties::parse(bytes) {
        Ok(properties) => drop(format!("{properties:?}")),
        Err(error) => drop(error.to_string()),
    }
}
