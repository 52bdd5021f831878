//! Retransfer printers and the Rio Pro 360: jobs, frames and replies, the drivers under any answers
//! and the simulated printers under any host.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use firmware_sim::printer::{Family, Machine, Options, Transport};
use ground::{Ambient, Virtual};
use printers::matica::{self, Command, Frame, Greeting, Image, Matica, Place};
use printers::rio_pro_360::{self, Query, Reply};
use printers::{Connection, Position, Printer};

/// A job whose checksum is made right, so that what is behind it is reached.
pub(crate) fn rio_pro_360_job(bytes: &[u8]) {
    use rio_pro_360::{DecodeError, Job};

    let mut bytes = bytes.to_vec();
    let mut decoded = Job::decode(&bytes);
    if let Err(DecodeError::Checksum {
        offset, computed, ..
    }) = decoded
    {
        bytes[offset..][..4].copy_from_slice(&computed.to_le_bytes());
        decoded = Job::decode(&bytes);
    }
    match decoded {
        Ok(job) => {
            assert_eq!(job.encode(), bytes);
            let _ = format!("{job:?}");
        }
        Err(error) => drop(error.to_string()),
    }
}

pub(crate) fn rio_pro_360_reply(bytes: &[u8]) {
    for name in ["error_code", "id_model_name"] {
        let query = Query::new(name).expect("plain names");
        match Reply::parse(bytes, &query) {
            Ok(reply) => assert!(reply.value.len() <= bytes.len()),
            Err(error) => drop(error.to_string()),
        }
    }
    let _ = Reply::is_whole(bytes);
}

pub(crate) fn rio_pro_360_printer(bytes: &[u8]) {
    printer("rio-pro-360", bytes);
}

pub(crate) fn matica_frame(bytes: &[u8]) {
    match Frame::read(bytes) {
        Ok((frame, size)) => {
            assert_eq!(frame.to_bytes(), bytes[..size]);
            let _ = format!("{frame:?}");
            let _ = Greeting::parse(&frame);
            let _ = Place::parse(frame.data());
            if let Ok(image) = Image::parse(frame.data()) {
                assert_eq!(Image::parse(image.to_frame(0).data()), Ok(image));
            }
        }
        Err(error) => drop(error.to_string()),
    }
    if let Ok(command) = Command::parse(bytes) {
        assert_eq!(Command::parse(&command.to_bytes()), Ok(command));
    }
}

pub(crate) fn matica_job(bytes: &[u8]) {
    match matica::Job::decode(bytes) {
        Ok(job) => {
            assert_eq!(job.encode(), bytes);
            for scale in [1, 2] {
                let geometry = matica::Geometry {
                    scale,
                    turned: true,
                };
                if let Err(error) = job.sides(geometry, geometry) {
                    let _ = error.to_string();
                }
            }
        }
        Err(error) => drop(error.to_string()),
    }
}

/// The driver, with any bytes as what the printer says.
pub(crate) fn matica_host(bytes: &[u8]) {
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let connection = Replayed {
        bytes: bytes.to_vec(),
        at: 0,
        ambient: Arc::clone(&ambient),
    };
    let opened = Matica::open(connection, matica::Profile::matica_xid(), ambient);
    let mut driver = match opened {
        Ok(driver) => driver,
        Err(error) => return drop(error.to_string()),
    };
    if let Err(error) = driver.status() {
        let _ = error.to_string();
    }
    if let Err(error) = driver.feed(Position::Contacts) {
        let _ = error.to_string();
    }
}

pub(crate) fn matica_printer(bytes: &[u8]) {
    printer("matica-xid", bytes);
}

fn printer(family: &str, bytes: &[u8]) {
    let family = Family::find(family).expect("a family of the simulator");
    let model = family.model(Options::default()).expect("without options");
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let transport = Transport::new(1, 3, Arc::clone(&ambient));
    let mut machine = Machine::new(model.setup, transport, ambient);
    let mut session = model.firmware.session();
    let _ = session.greet(&mut machine);
    for piece in bytes.chunks(61) {
        if session.push(piece, &mut machine).close {
            break;
        }
    }
    let _ = session.end(&mut machine);
}

/// Says what it was given, whatever it hears; then nothing.
struct Replayed {
    bytes: Vec<u8>,
    at: usize,
    ambient: Arc<dyn Ambient>,
}

impl Connection for Replayed {
    fn name(&self) -> &str {
        "replayed"
    }

    fn write_all(&mut self, _bytes: &[u8], _within: Duration) -> io::Result<()> {
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
        let left = &self.bytes[self.at..];
        if left.is_empty() {
            self.ambient.sleep(within);
            return Err(io::ErrorKind::TimedOut.into());
        }
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.at += count;
        Ok(count)
    }

    fn reconnect(&mut self) -> io::Result<()> {
        Ok(())
    }
}
