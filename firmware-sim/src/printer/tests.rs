//! Any firmware behind a connection in this process and over TCP.

use std::io::ErrorKind;
use std::time::Duration;

use ground::{System, Virtual};
use printers::{Connection, TcpConnection};

use super::*;

const LATER: Duration = Duration::from_secs(20);

/// Greets, echoes, closes at a full stop, and says how much it has heard when that is all.
#[derive(Debug)]
struct Parrot;

struct ParrotSession {
    heard: usize,
}

impl Firmware for Parrot {
    fn session(&self) -> Box<dyn Session> {
        Box::new(ParrotSession { heard: 0 })
    }
}

impl Session for ParrotSession {
    fn greet(&mut self, machine: &mut Machine) -> Vec<u8> {
        machine.setup().model.clone().into_bytes()
    }

    fn push(&mut self, bytes: &[u8], machine: &mut Machine) -> Reply {
        self.heard += bytes.len();
        if bytes.contains(&b'd') {
            // Trouble is no matter for a parrot.
            let _ = machine.draw();
        }
        let reply = Reply::from(bytes.to_vec());
        if bytes.contains(&b'.') {
            reply.and_close()
        } else {
            reply
        }
    }

    fn end(&mut self, _machine: &mut Machine) -> Reply {
        Reply::from(format!("heard {}", self.heard).into_bytes()).and_close()
    }
}

fn parrot(ambient: Arc<dyn Ambient>) -> SimPrinter {
    let setup = Setup {
        model: "Parrot".to_owned(),
        ..Setup::default()
    };
    let transport = Transport::new(1, 5, Arc::clone(&ambient));
    SimPrinter::new(Machine::new(setup, transport, ambient), Arc::new(Parrot))
}

fn read(connection: &mut dyn Connection, count: usize) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        let mut buffer = [0; 5];
        let most = buffer.len().min(count - bytes.len());
        let count = connection.read(&mut buffer[..most], LATER).unwrap();
        bytes.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8(bytes).unwrap()
}

fn end_of(connection: &mut dyn Connection) -> ErrorKind {
    connection.read(&mut [0; 8], LATER).unwrap_err().kind()
}

/// What a firmware does on a connection is the same over both kinds.
fn talk(connection: &mut dyn Connection) {
    assert_eq!(read(connection, 6), "Parrot");
    connection.write_all(b"hello", LATER).unwrap();
    assert_eq!(read(connection, 5), "hello");
    connection.end_of_input().unwrap();
    assert_eq!(read(connection, 7), "heard 5");
    assert_eq!(end_of(connection), ErrorKind::UnexpectedEof);

    // A new session has heard nothing, and greets again.
    connection.reconnect().unwrap();
    connection.end_of_input().unwrap();
    assert_eq!(read(connection, 13), "Parrotheard 0");

    connection.reconnect().unwrap();
    connection.write_all(b"bye.", LATER).unwrap();
    assert_eq!(read(connection, 10), "Parrotbye.");
    assert_eq!(end_of(connection), ErrorKind::UnexpectedEof);
}

#[test]
fn greeting_end_and_close_reach_a_caller_in_this_process() {
    let printer = parrot(Arc::new(Virtual::new(1)));
    talk(&mut printer.connection());
}

#[test]
fn greeting_end_and_close_reach_a_caller_over_tcp() {
    let server = PrinterServer::start(parrot(System::shared()), "127.0.0.1:0").unwrap();
    let address = server.address().to_string();
    talk(&mut TcpConnection::open(&address, LATER).unwrap());
}

#[test]
fn nothing_can_be_written_after_the_end_or_the_close() {
    let printer = parrot(Arc::new(Virtual::new(1)));
    for last in [&b""[..], b"."] {
        let mut connection = printer.connection();
        if last.is_empty() {
            connection.end_of_input().unwrap();
        } else {
            connection.write_all(last, LATER).unwrap();
        }
        let error = connection.write_all(b"more", LATER).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }
}

#[test]
fn a_silent_printer_hears_nothing_and_its_clock_goes_on() {
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let printer = parrot(Arc::clone(&ambient));
    let mut connection = printer.connection();
    assert_eq!(read(&mut connection, 6), "Parrot");
    printer.machine().fail(Trouble::Silent);
    connection.write_all(b"anybody?", LATER).unwrap();
    assert_eq!(end_of(&mut connection), ErrorKind::TimedOut);
    assert_eq!(ambient.elapsed(), LATER);
    printer.machine().clear().unwrap();
    connection.write_all(b"you?", LATER).unwrap();
    assert_eq!(read(&mut connection, 4), "you?");
    connection.end_of_input().unwrap();
    assert_eq!(read(&mut connection, 7), "heard 4");
}

#[test]
fn a_printer_that_was_off_knows_nothing_of_its_connections() {
    let printer = parrot(Arc::new(Virtual::new(1)));
    let mut connection = printer.connection();
    assert_eq!(read(&mut connection, 6), "Parrot");
    printer.machine().fail(Trouble::PowerCut);
    connection.write_all(b"anybody?", LATER).unwrap();
    assert_eq!(end_of(&mut connection), ErrorKind::TimedOut);
    printer.machine().clear().unwrap();
    assert_eq!(end_of(&mut connection), ErrorKind::UnexpectedEof);
    connection.reconnect().unwrap();
    assert_eq!(read(&mut connection, 6), "Parrot");
}

#[test]
fn slow_answers_come_when_their_time_has_come() {
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let printer = parrot(Arc::clone(&ambient));
    let mut connection = printer.connection();
    assert_eq!(read(&mut connection, 6), "Parrot");
    printer.machine().script("draw:slow=2500".parse().unwrap());
    connection.write_all(b"draw", LATER).unwrap();
    let second = Duration::from_secs(1);
    let mut buffer = [0; 8];
    for _ in 0..2 {
        let error = connection.read(&mut buffer, second).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
    assert_eq!(connection.read(&mut buffer, second).unwrap(), 4);
    assert_eq!(ambient.elapsed(), Duration::from_millis(2500));
    printer.machine().clear().unwrap();
    connection.write_all(b"quick", LATER).unwrap();
    assert_eq!(connection.read(&mut buffer, Duration::ZERO).unwrap(), 5);
}
