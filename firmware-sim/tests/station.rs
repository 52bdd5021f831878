//! The `station` and `printer` commands as a script uses them.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use plastic::{Raster, Separation};
use printers::magicard::{Enduro, Profile};
use printers::{Job, Position, Printer, TcpConnection};
use serde_json::Value;

const LATER: Duration = Duration::from_secs(20);

/// A running command, killed when dropped.
struct Running {
    child: Child,
    line: Value,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_firmware-sim"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            child,
            line: serde_json::from_str(&line).unwrap(),
        }
    }

    fn station(state: &Path, out: &Path) -> Self {
        let [state, out] = [state, out].map(|path| path.to_str().unwrap());
        Self::start(&[
            "station", "--hopper", "3", "--first", "71", "--state", state, "--out", out,
        ])
    }

    fn driver(&self) -> Enduro<TcpConnection> {
        let address = self.line["printer"].as_str().unwrap();
        let connection = TcpConnection::open(address, LATER).unwrap();
        Enduro::open(connection, Profile::enduro(), ground::System::shared()).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_killed_station_goes_on_with_the_card_that_was_on_the_contacts() {
    let folder = tempfile::tempdir().unwrap();
    let (state, out) = (folder.path().join("state"), folder.path().join("out"));
    let mut picture = Raster::white(plastic::WIDTH, plastic::HEIGHT);
    picture.set(5, 5, [0; 3]);
    let job = Job {
        front: Some(Separation::of_pure_black(&picture)),
        back: None,
        overcoat: false,
        copies: 1,
    };

    let station = Running::station(&state, &out);
    assert_eq!(station.line["next"], 71);
    let mut printer = station.driver();
    printer.print(&job).unwrap();
    let printed = Raster::read_png(&out.join("card-71-front.png")).unwrap();
    assert_eq!(printed, picture);
    printer.feed(Position::Contacts).unwrap();
    drop((station, printer));

    let station = Running::station(&state, &out);
    assert_eq!(station.line["inside"], 72);
    assert_eq!(station.line["next"], 73);
    assert_eq!(station.line["left"], 1);
    assert!(state.join("card-72.card").is_file());
    let mut printer = station.driver();
    printer.eject().unwrap();
    printer.feed(Position::Contacts).unwrap();
    drop((station, printer));
    assert_eq!(Running::station(&state, &out).line["inside"], 73);
}

#[test]
fn a_printer_ends_when_standard_input_does() {
    let mut printer = Running::start(&["printer", "--until-eof"]);
    assert!(printer.line["printer"].is_string());
    drop(printer.child.stdin.take());
    assert!(printer.child.wait().unwrap().success());
}

#[test]
fn faults_and_the_log_are_the_command_lines() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("motions.jsonl");
    let station = Running::start(&[
        "station",
        "--hopper",
        "3",
        "--fault",
        "contacts:2:jam",
        "--film-sides",
        "12",
        "--clean-every",
        "1",
        "--log",
        log.to_str().unwrap(),
    ]);
    let mut printer = station.driver();
    printer.feed(Position::Contacts).unwrap();
    let read = || std::fs::read_to_string(&log).unwrap();
    assert!(read().contains("\"event\":\"contacts-closed\",\"card\":1"));
    printer.eject().unwrap();
    assert!(printer.feed(Position::Contacts).is_err());
    let last = read().lines().last().map(str::to_owned).unwrap();
    assert!(last.contains("\"event\":\"faulted\",\"trouble\":\"jam\""));
    let film = printer.status().unwrap().film.unwrap();
    assert_eq!(film.remaining, Some(12));
    let counters = printer.counters().unwrap();
    assert_eq!(counters.cards_until_cleaning, Some(1));
}

#[test]
fn what_cannot_be_simulated_is_refused_with_words() {
    for (arguments, words) in [
        (vec!["printer", "--family", "typewriter"], "magicard-enduro"),
        (vec!["printer", "--time", "fast"], "published"),
        (vec!["printer", "--fault", "eject:mute"], "cannot happen"),
        (vec!["printer", "--show-chip"], "--out"),
        (vec!["station", "--other-model", "series4"], "no blanks"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_firmware-sim"))
            .args(&arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

/// The encoder on a pseudo-terminal: the reader is asked in its own frames whether there is a card.
#[cfg(unix)]
#[test]
fn the_encoder_is_a_serial_reader_that_has_the_card_on_the_contacts() {
    use std::io::{Read, Write};

    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("encoder");
    let station = Running::start(&[
        "station",
        "--hopper",
        "2",
        "--encoder-link",
        link.to_str().unwrap(),
    ]);
    assert_eq!(station.line["encoder"], link.to_str().unwrap());
    let mut printer = station.driver();
    let mut line = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&link)
        .unwrap();
    // GetSlotStatus: 03 06, ten bytes of header, the exclusive or of all before.
    let mut status = |number: u8| -> u8 {
        let mut frame = vec![3, 6, 0x65, 0, 0, 0, 0, 0, number, 0, 0, 0];
        frame.push(frame.iter().fold(0, |sum, byte| sum ^ byte));
        line.write_all(&frame).unwrap();
        let mut received = Vec::new();
        let mut byte = [0];
        let answer = loop {
            line.read_exact(&mut byte).unwrap();
            received.push(byte[0]);
            // The echo, perhaps an event of the card, then an answer that begins with 81.
            let start = received.windows(3).position(|bytes| bytes == [3, 6, 0x81]);
            if let Some(answer) = start.and_then(|start| received.get(start..start + 13)) {
                break answer.to_vec();
            }
        };
        assert_eq!(answer[8], number);
        // Bits 0 and 1: 0 active, 1 present, 2 no card.
        answer[9] & 3
    };
    assert_eq!(status(1), 2);
    printer.feed(Position::Contacts).unwrap();
    assert_eq!(status(2), 1);
    printer.eject().unwrap();
    assert_eq!(status(3), 2);
}
