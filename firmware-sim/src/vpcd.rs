//! A chip on the contacts as a card in the virtual PC/SC reader of vsmartcard.
//!
//! The reader driver listens; we connect whenever a chip lies on the contacts and hang up when it
//! leaves, which is how the PC/SC service sees a card being inserted and removed. Messages both
//! ways are a length (2 bytes, big endian) and a body; a body of one byte is a control message,
//! any other a command APDU (vsmartcard, `virtualsmartcard/src/vpcd`).

mod quick_ack;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ground::{Blame, Blamed};
use thiserror::Error;

use crate::contacts::{Contacts, Hold};

/// Where the virtual reader listens unless told otherwise.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:35963";

/// How soon a removed chip and a wish to stop are noticed, and how long to wait before trying
/// again to reach a reader that is not there.
const GLANCE: Duration = Duration::from_millis(100);

const OFF: u8 = 0;
const ON: u8 = 1;
const RESET: u8 = 2;
const ATR: u8 = 4;

/// Asks [`serve`] to end, from another thread.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Not asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks. [`serve`] returns within about a tenth of a second.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why there is no virtual reader.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VpcdError {
    /// The address is no `HOST:PORT` or its host is not known.
    #[error("`{address}` is no address of a virtual reader: {detail}")]
    Address {
        /// What was given.
        address: String,
        /// The resolver's words.
        detail: String,
    },
}

impl Blamed for VpcdError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        Some(format!("give HOST:PORT, such as {DEFAULT_ADDRESS}"))
    }
}

/// What [`serve`] tells of its work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// A chip lies there, but nobody listens at the address. Told once until that changes.
    NoReader,
    /// The chip is in the virtual reader.
    Inserted,
    /// It is there no longer.
    Removed,
}

/// Shows whatever lies on the contacts to the virtual reader at `address`, until told to stop.
/// Waits for the reader when it is not there, and comes back when it was restarted.
///
/// # Errors
///
/// [`VpcdError::Address`]; an unreachable reader is no error but an [`Event`].
pub fn serve(
    contacts: &Contacts,
    address: &str,
    stop: &Stop,
    mut tell: impl FnMut(Event),
) -> Result<(), VpcdError> {
    let mistake = |detail: String| VpcdError::Address {
        address: address.to_owned(),
        detail,
    };
    let addresses: Vec<_> = address
        .to_socket_addrs()
        .map_err(|error| mistake(error.to_string()))?
        .collect();
    let mut reachable = true;
    while !stop.is_asked() {
        let Some(insertion) = contacts.wait_for_change(None, GLANCE) else {
            continue;
        };
        let Some(hold) = contacts.occupy(insertion) else {
            // Somebody in this process has the chip.
            let _ = contacts.wait_for_change(Some(insertion), GLANCE);
            continue;
        };
        let leaves = || stop.is_asked() || contacts.insertion() != Some(insertion);
        match TcpStream::connect(addresses.as_slice()) {
            Ok(mut socket) => {
                reachable = true;
                tell(Event::Inserted);
                // A connection that fails in any way is over; the next one starts afresh.
                let _ = exchange(&hold, &mut socket, &leaves);
                let _ = hold.with_chip(|chip| chip.power_off());
                let _ = socket.shutdown(Shutdown::Both);
                tell(Event::Removed);
            }
            Err(_) if reachable => {
                reachable = false;
                tell(Event::NoReader);
            }
            Err(_) => {}
        }
        drop(hold);
        if !leaves() {
            // The reader is not there or hung up, or the chip went mute. A chip that comes back
            // at once would look as if it had never left.
            let _ = contacts.wait_for_change(Some(insertion), GLANCE);
        }
    }
    Ok(())
}

fn exchange(hold: &Hold, socket: &mut TcpStream, leaves: &dyn Fn() -> bool) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(GLANCE))?;
    let mut atr = None;
    let mut message = Vec::new();
    while read_message(socket, &mut message, leaves)? {
        let answer = hold.with_chip(|chip| match *message.as_slice() {
            [OFF] => {
                chip.power_off();
                atr = None;
                None
            }
            [ON | RESET] => {
                atr = Some(chip.power_on());
                None
            }
            [ATR] => Some(atr.get_or_insert_with(|| chip.power_on()).clone()),
            // The driver sends no other control message.
            [] | [_] => None,
            ref command => Some(chip.transmit(command)),
        });
        match answer {
            None => return Ok(()),
            Some(None) => {}
            // Mute: on this protocol a chip can only stay silent by leaving.
            Some(Some(answer)) if answer.is_empty() => return Ok(()),
            Some(Some(answer)) => write_message(socket, &answer)?,
        }
    }
    Ok(())
}

/// Length and body in one segment: two would wait for each other's acknowledgement.
fn write_message(socket: &mut TcpStream, body: &[u8]) -> io::Result<()> {
    let length = u16::try_from(body.len()).map_err(|_| ErrorKind::InvalidData)?;
    let mut message = Vec::with_capacity(2 + body.len());
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(body);
    socket.write_all(&message)
}

/// Reads one message; `false` when it is time to leave.
fn read_message(
    socket: &mut TcpStream,
    body: &mut Vec<u8>,
    leaves: &dyn Fn() -> bool,
) -> io::Result<bool> {
    let mut length = [0; 2];
    if !read_full(socket, &mut length, leaves)? {
        return Ok(false);
    }
    // The driver writes length and body separately and its second write waits until the first is
    // acknowledged, which the system would put off by some 40 ms.
    quick_ack::again(socket)?;
    body.clear();
    body.resize(usize::from(u16::from_be_bytes(length)), 0);
    read_full(socket, body, leaves)
}

fn read_full(
    socket: &mut TcpStream,
    mut buffer: &mut [u8],
    leaves: &dyn Fn() -> bool,
) -> io::Result<bool> {
    while !buffer.is_empty() {
        if leaves() {
            return Ok(false);
        }
        match socket.read(buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => buffer = &mut buffer[count..],
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::mpsc;

    use super::*;
    use crate::card::{Model, PivChip};
    use crate::contacts::Chip;

    /// The driver's side of one connection.
    struct Driver(TcpStream);

    impl Driver {
        fn accept(listener: &TcpListener) -> Self {
            Self(listener.accept().unwrap().0)
        }

        fn send(&mut self, body: &[u8]) {
            // Length and body separately, as the driver does.
            let length = u16::try_from(body.len()).unwrap().to_be_bytes();
            self.0.write_all(&length).unwrap();
            self.0.write_all(body).unwrap();
        }

        fn receive(&mut self) -> Vec<u8> {
            let mut length = [0; 2];
            self.0.read_exact(&mut length).unwrap();
            let mut body = vec![0; usize::from(u16::from_be_bytes(length))];
            self.0.read_exact(&mut body).unwrap();
            body
        }

        fn is_hung_up_on(&mut self) -> bool {
            matches!(self.0.read(&mut [0]), Ok(0) | Err(_))
        }
    }

    fn chip() -> Box<dyn Chip> {
        Box::new(PivChip::blank(&Model::series10(), 1))
    }

    fn with_service(work: impl FnOnce(&Contacts, &TcpListener)) -> Vec<Event> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let contacts = Contacts::new("sim:series10");
        let stop = Stop::new();
        let (tell, told) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                serve(&contacts, &address, &stop, |event| {
                    tell.send(event).unwrap();
                })
                .unwrap();
            });
            work(&contacts, &listener);
            stop.stop();
        });
        drop(tell);
        told.iter().collect()
    }

    #[test]
    fn the_driver_gets_the_answer_to_reset_and_answers_to_commands() {
        with_service(|contacts, listener| {
            contacts.close_on(chip());
            let mut driver = Driver::accept(listener);
            driver.send(&[ON]);
            driver.send(&[ATR]);
            assert_eq!(driver.receive(), Model::series10().atr);
            driver.send(&[0x00, 0xFD, 0x00, 0x00]);
            assert_eq!(driver.receive(), [0x6D, 0x00]);
            driver.send(&[RESET]);
            driver.send(&[ATR]);
            assert_eq!(driver.receive(), Model::series10().atr);
        });
    }

    #[test]
    fn a_chip_that_leaves_is_a_card_removed_and_a_new_one_a_card_inserted() {
        let events = with_service(|contacts, listener| {
            contacts.close_on(chip());
            let mut driver = Driver::accept(listener);
            driver.send(&[ATR]);
            driver.receive();
            assert!(contacts.open().is_some());
            assert!(driver.is_hung_up_on());
            contacts.close_on(chip());
            let mut driver = Driver::accept(listener);
            driver.send(&[ATR]);
            assert_eq!(driver.receive(), Model::series10().atr);
        });
        assert_eq!(
            events,
            [
                Event::Inserted,
                Event::Removed,
                Event::Inserted,
                Event::Removed
            ]
        );
    }

    #[test]
    fn a_reader_that_hangs_up_is_called_again() {
        with_service(|contacts, listener| {
            contacts.close_on(chip());
            drop(Driver::accept(listener));
            let mut driver = Driver::accept(listener);
            driver.send(&[ATR]);
            assert_eq!(driver.receive(), Model::series10().atr);
        });
    }

    #[test]
    fn a_chip_that_went_mute_leaves_and_comes_back_alive() {
        with_service(|contacts, listener| {
            let mut chip = PivChip::blank(&Model::series10(), 1);
            let mut first = true;
            chip.set_write_hook(Some(Box::new(move |_: &crate::card::nvm::Write<'_>| {
                if std::mem::take(&mut first) {
                    crate::card::nvm::Fate::Lose
                } else {
                    crate::card::nvm::Fate::Commit
                }
            })));
            contacts.close_on(Box::new(chip));
            let select = [0, 0xA4, 4, 0, 9, 0xA0, 0, 0, 3, 8, 0, 0, 0x10, 0, 0];
            let mut verify = vec![0x00, 0x20, 0x00, 0x80, 0x08];
            verify.extend_from_slice(b"123456\xFF\xFF");
            for survives in [false, true] {
                let mut driver = Driver::accept(listener);
                driver.send(&[ON]);
                driver.send(&select);
                assert!(driver.receive().ends_with(&[0x90, 0x00]));
                driver.send(&verify);
                if survives {
                    assert_eq!(driver.receive(), [0x90, 0x00]);
                } else {
                    assert!(driver.is_hung_up_on());
                }
            }
        });
    }

    #[test]
    fn an_address_without_a_port_is_the_operators_mistake() {
        let contacts = Contacts::new("sim");
        let error = serve(&contacts, "nowhere", &Stop::new(), |_| {}).unwrap_err();
        assert_eq!(error.blame(), Blame::OperatorMistake);
    }
}
