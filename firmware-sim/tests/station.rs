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
