//! Evolis: jobs both ways, answers, profiles, and the simulated printer.

use std::sync::Arc;

use firmware_sim::printer::evolis::{Evolis, StatusForm, Wire};
use firmware_sim::printer::{Firmware, Machine, Setup, Transport};
use ground::{Ambient, Virtual};
use printers::evolis::{
    Bitmap, ByteOrder, Coding, Dots, Levels, Panel, Profile, Reply, StatusBit, StatusWords, Stream,
    decode_sides,
};

/// Any bytes as a job.
pub(crate) fn job(bytes: &[u8]) {
    match Stream::decode(bytes) {
        Ok(stream) => {
            assert_eq!(stream.encode(), bytes);
            let _ = format!("{stream:?}");
        }
        Err(error) => drop(error.to_string()),
    }
    match decode_sides(bytes, [false, true]) {
        Ok(sides) => {
            for side in sides {
                assert!(!side.panels.is_empty());
            }
        }
        Err(error) => drop(error.to_string()),
    }
}

/// Any dots as a panel: the first byte chooses panel, shades and coding, every four behind it are
/// a run of ink.
pub(crate) fn bitmap(bytes: &[u8]) {
    let Some((&choice, runs)) = bytes.split_first() else {
        return;
    };
    let choice = usize::from(choice);
    let panel = Panel::ALL[choice % 5];
    let levels = Levels::ALL[choice / 5 % 5];
    let coding = match levels {
        Levels::TwoHundredFiftySix => Coding::Packed,
        _ if choice / 25 % 2 == 0 => Coding::Packed,
        _ => Coding::Compressed,
    };
    let mut dots = Dots::blank(levels);
    for &[line, from, length, ink] in runs.as_chunks::<4>().0 {
        let line = usize::from(line) * 1015 / 255;
        let from = usize::from(from) * 647 / 255;
        let end = (from + 3 * usize::from(length)).min(648);
        dots.line_mut(line)[from..end].fill(ink.min(levels.full()));
    }
    let bitmap = dots.to_bitmap(panel, coding);
    let again = Bitmap::new(panel, levels, coding, bitmap.data().to_vec());
    assert_eq!(again.expect("what is written is read"), bitmap);
    assert!(bitmap.dots() == Ok(dots));
}

/// Any bytes as an answer.
pub(crate) fn reply(bytes: &[u8]) {
    if let Ok(reply) = Reply::of_exchange(bytes) {
        assert_eq!(Reply::of_exchange(&reply.to_exchange()), Ok(reply));
    }
    let mut received = bytes.to_vec();
    loop {
        let before = received.len();
        match Reply::next(&mut received) {
            Ok(None) => break,
            Ok(Some(reply)) => drop(reply.to_string()),
            Err(error) => drop(error.to_string()),
        }
        assert!(received.len() < before);
    }
    for order in [ByteOrder::Big, ByteOrder::Little] {
        let words = StatusWords::parse(bytes, order);
        assert_eq!(words.is_some(), bytes.len() >= 16);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = StatusBit::parse(text);
    }
}

pub(crate) fn profile(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Err(error) = Profile::parse(text) {
        let _ = error.to_string();
    }
}

/// Any bytes to the simulated printer, in pieces. The first byte chooses how it is connected and
/// how it answers.
pub(crate) fn printer(bytes: &[u8]) {
    let Some((&choice, bytes)) = bytes.split_first() else {
        return;
    };
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let transport = Transport::new(1, 3, Arc::clone(&ambient));
    let setup = Setup {
        film: "YMCKO".to_owned(),
        reject_tray: true,
        ..Setup::default()
    };
    let mut machine = Machine::new(setup, transport, ambient);
    let mut evolis = Evolis::new([Wire::Network, Wire::Line][usize::from(choice & 1)]);
    evolis.acknowledges = choice & 2 != 0;
    evolis.status_words = StatusForm::Big;
    let mut session = evolis.session();
    for piece in bytes.chunks(61) {
        let _ = session.push(piece, &mut machine);
    }
    let end = session.end(&mut machine);
    assert!(end.close);
}
