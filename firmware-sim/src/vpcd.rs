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

use crate::contacts::Contacts;

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

/// Shows whatever lies on the contacts to the virtual reader at `address`, until told to stop.
/// Waits for the reader when it is not there, and comes back when it was restarted.
///
/// # Errors
///
/// [`VpcdError::Address`]; an unreachable reader is no error.
pub fn serve(contacts: &Contacts, address: &str, stop: &Stop) -> Result<(), VpcdError> {
    let mistake = |detail: String| VpcdError::Address {
        address: address.to_owned(),
        detail,
    };
    let addresses: Vec<_> = address
        .to_socket_addrs()
        .map_err(|error| mistake(error.to_string()))?
        .collect();
    while !stop.is_asked() {
        let Some(insertion) = contacts.wait_for_change(None, GLANCE) else {
            continue;
        };
        match TcpStream::connect(addresses.as_slice()) {
            Ok(socket) => show(contacts, insertion, socket, stop),
            Err(_) => {
                // Nobody listens. This waits a moment, or less when the chip leaves.
                let _ = contacts.wait_for_change(Some(insertion), GLANCE);
            }
        }
    }
    Ok(())
}

/// Serves one insertion over one connection, until either ends.
fn show(contacts: &Contacts, insertion: u64, mut socket: TcpStream, stop: &Stop) {
    let leaves = || stop.is_asked() || contacts.insertion() != Some(insertion);
    // A connection that fails in any way is over; the next one starts afresh.
    let _ = exchange(contacts, insertion, &mut socket, &leaves);
    let _ = contacts.with_chip(insertion, |chip| chip.power_off());
    let _ = socket.shutdown(Shutdown::Both);
    if !leaves() {
        // The reader hung up or the chip went mute. A chip that comes back at once would look as
        // if it had never left.
        let _ = contacts.wait_for_change(Some(insertion), GLANCE);
    }
}

fn exchange(
    contacts: &Contacts,
    insertion: u64,
    socket: &mut TcpStream,
    leaves: &dyn Fn() -> bool,
) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(GLANCE))?;
    let mut atr = None;
    let mut message = Vec::new();
    while read_message(socket, &mut message, leaves)? {
        let answer = contacts.with_chip(insertion, |chip| match *message.as_slice() {
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
