//! What goes wrong between host and printer. That cards go the right way is tested against the
//! simulated printer.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use ground::Virtual;
use plastic::{Bitmap, CONTACTS, Raster};

use super::*;
use crate::matica::Frame;
use crate::matica::words::printer;

type Script = Box<dyn FnMut(&Frame) -> Vec<Frame> + Send>;

/// A printer made of a closure: a frame goes in, frames come out.
struct Scripted {
    sent: Arc<Mutex<Vec<String>>>,
    script: Script,
    greeting: Vec<u8>,
    pending: VecDeque<u8>,
    ambient: Arc<dyn Ambient>,
    /// Ends the connection at the next read without anything pending.
    cut: Arc<Mutex<bool>>,
}

impl Connection for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn write_all(&mut self, bytes: &[u8], _within: Duration) -> io::Result<()> {
        let (frame, size) = Frame::read(bytes).unwrap();
        assert_eq!(size, bytes.len(), "one frame at a time");
        let text = match frame.kind {
            host::COMMAND => hex::encode(frame.data()),
            host::IMAGE => "image".to_owned(),
            _ => "document".to_owned(),
        };
        self.sent.lock().unwrap().push(text);
        let answers = if frame.kind == host::DOCUMENT {
            vec![Frame::new(printer::DOCUMENT, 0, frame.sequence, Vec::new())]
        } else {
            (self.script)(&frame)
        };
        for answer in answers {
            self.pending.extend(answer.to_bytes());
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
        if self.pending.is_empty() {
            if std::mem::take(&mut *self.cut.lock().unwrap()) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.ambient.sleep(within);
            return Err(io::ErrorKind::TimedOut.into());
        }
        // Five bytes at a time, so that no frame comes whole.
        let count = buffer.len().min(5).min(self.pending.len());
        for byte in &mut buffer[..count] {
            *byte = self.pending.pop_front().unwrap();
        }
        Ok(count)
    }

    fn reconnect(&mut self) -> io::Result<()> {
        self.pending.clear();
        self.pending.extend(&self.greeting);
        Ok(())
    }
}

struct Desk {
    printer: Matica<Scripted>,
    sent: Arc<Mutex<Vec<String>>>,
    cut: Arc<Mutex<bool>>,
}

fn greeting(model: &str) -> Vec<u8> {
    let mut data = vec![0; 104];
    data[14..23].copy_from_slice(b"PRINTER01");
    data[40..56].fill(b' ');
    data[40..40 + model.len()].copy_from_slice(model.as_bytes());
    Frame::new(printer::GREETING, 0, 7, data).to_bytes()
}

fn open(
    model: &str,
    script: impl FnMut(&Frame) -> Vec<Frame> + Send + 'static,
) -> Result<Desk, PrinterError> {
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let sent = Arc::new(Mutex::new(Vec::new()));
    let cut = Arc::new(Mutex::new(false));
    let greeting = greeting(model);
    let connection = Scripted {
        sent: Arc::clone(&sent),
        script: Box::new(script),
        pending: greeting.iter().copied().collect(),
        greeting,
        ambient: Arc::clone(&ambient),
        cut: Arc::clone(&cut),
    };
    let printer = Matica::open(connection, Profile::matica_xid(), ambient)?;
    Ok(Desk { printer, sent, cut })
}

fn done(frame: &Frame) -> Vec<Frame> {
    vec![Frame::new(printer::DONE, 0, frame.sequence, Vec::new())]
}

fn refused(frame: &Frame, word: u32) -> Vec<Frame> {
    vec![Frame::new(
        printer::NOT_DONE,
        word,
        frame.sequence,
        Vec::new(),
    )]
}

fn place(frame: &Frame, mode: u8, number: u8) -> Vec<Frame> {
    vec![Frame::new(
        printer::DATA,
        0,
        frame.sequence,
        vec![1, 2, mode, number],
    )]
}

fn separation() -> Separation {
    let mut black = Bitmap::blank(plastic::WIDTH, plastic::HEIGHT);
    black.set(5, 5, true);
    Separation {
        colour: Raster::white(plastic::WIDTH, plastic::HEIGHT),
        black,
        overcoat_holes: vec![CONTACTS],
    }
}

#[test]
fn the_greeting_says_who_it_is_and_an_unknown_model_is_refused() {
    let mut desk = open("XID8600", done).unwrap();
    assert_eq!(desk.printer.identify().unwrap().model, "XID8600");
    assert_eq!(desk.printer.greeting().name, "PRINTER01");
    assert_eq!(*desk.sent.lock().unwrap(), ["document"]);
    let error = open("LX300", done).err().unwrap();
    assert!(error.to_string().contains("LX300"), "{error}");
}

#[test]
fn a_job_that_cannot_be_done_is_refused_before_anything_is_sent() {
    let mut desk = open("XID8600", done).unwrap();
    let with_holes = Job {
        front: Some(separation()),
        overcoat: true,
        ..Job::default()
    };
    for job in [
        with_holes,
        Job::default(),
        Job {
            copies: 0,
            ..Job::default()
        },
    ] {
        desk.printer.print(&job).unwrap_err();
    }
    for position in [Position::Feeder, Position::Flipper, Position::Hopper] {
        let error = desk.printer.feed(position).unwrap_err();
        assert!(matches!(error, PrinterError::Lacks { .. }));
    }
    assert_eq!(*desk.sent.lock().unwrap(), ["document"]);
}

#[test]
fn a_motion_without_an_answer_is_not_repeated_and_its_late_answer_is_passed_over() {
    let mut late = None;
    let mut loaded = false;
    let mut desk = open("XID8600", move |frame| match frame.data() {
        [4, ..] => {
            loaded = true;
            late = Some(done(frame));
            Vec::new()
        }
        [2, ..] => {
            let mut answers = late.take().unwrap_or_default();
            answers.extend(place(frame, if loaded { 0 } else { 4 }, 1));
            answers
        }
        _ => done(frame),
    })
    .unwrap();
    let error = desk.printer.feed(Position::Contacts).unwrap_err();
    assert!(
        matches!(error, PrinterError::Timeout { seconds: 60, .. }),
        "{error}"
    );
    assert_eq!(desk.printer.card, CardPosition::Unknown);
    // The printer is asked, and says that the motion was done after all.
    let status = desk.printer.status().unwrap();
    assert_eq!(status.card, CardPosition::At(Position::Contacts));
    desk.printer.feed(Position::Contacts).unwrap();
    let sent = desk.sent.lock().unwrap();
    let loads = sent.iter().filter(|text| text.starts_with("04")).count();
    assert_eq!(loads, 1, "{sent:?}");
}

#[test]
fn a_connection_that_ends_in_a_motion_is_reported_and_opened_again_for_the_next_call() {
    let mut desk = open("XID8600", |frame| match frame.data() {
        [4, ..] => Vec::new(),
        [2, ..] => place(frame, 4, 0),
        _ => done(frame),
    })
    .unwrap();
    // It ends when the load is under way.
    *desk.cut.lock().unwrap() = true;
    let error = desk.printer.feed(Position::PrintHead).unwrap_err();
    assert!(matches!(error, PrinterError::Connection { .. }), "{error}");
    assert_eq!(desk.printer.card, CardPosition::Unknown);
    assert_eq!(desk.printer.status().unwrap().card, CardPosition::None);
    let sent = desk.sent.lock().unwrap();
    assert_eq!(
        *sent,
        [
            "document", "02020000", "01020000", "04020000", "document", "01020000", "02020000"
        ]
    );
}

#[test]
fn a_busy_printer_is_waited_for_and_a_fault_is_not() {
    let mut words = vec![0x0003_9400, 0x0002_DA00, 0x0002_D300]
        .into_iter()
        .rev();
    let mut desk = open("XID8600", move |frame| match frame.data() {
        [1, ..] => match words.next() {
            Some(word) => refused(frame, word),
            None => done(frame),
        },
        [2, ..] => place(frame, 0, 0),
        _ => done(frame),
    })
    .unwrap();
    let error = desk.printer.eject().unwrap_err();
    let PrinterError::Faulted { fault, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(fault.kind, FaultKind::CardJam);
    assert_eq!(fault.code, "00039400");
    assert_eq!(fault.card, CardPosition::At(Position::PrintHead));
    assert!(
        desk.sent
            .lock()
            .unwrap()
            .iter()
            .all(|text| !text.starts_with("05"))
    );
}

#[test]
fn an_empty_hopper_is_a_warning_while_a_card_is_inside() {
    for (mode, faulted) in [(0, false), (4, true)] {
        let mut desk = open("XID8600", move |frame| match frame.data() {
            [1, ..] => refused(frame, 0x0002_D000),
            [2, ..] => place(frame, mode, 1),
            _ => done(frame),
        })
        .unwrap();
        let status = desk.printer.status().unwrap();
        assert_eq!(matches!(status.readiness, Readiness::Faulted(_)), faulted);
        assert_eq!(status.warnings.is_empty(), faulted);
        // A status moves nothing.
        assert_eq!(
            *desk.sent.lock().unwrap(),
            ["document", "01020000", "02020000"]
        );
    }
}

#[test]
fn a_printer_that_contradicts_itself_or_talks_nonsense_is_found_out() {
    let mut desk = open("XID8600", |frame| match frame.data() {
        [2, ..] => place(frame, 4, 0),
        _ => done(frame),
    })
    .unwrap();
    let error = desk.printer.feed(Position::Contacts).unwrap_err();
    assert!(
        error.to_string().contains("after a card was moved"),
        "{error}"
    );

    let mut desk = open("XID8600", |frame| {
        vec![Frame::new(printer::DATA, 0, frame.sequence, vec![0; 8000])]
    })
    .unwrap();
    let error = desk.printer.status().unwrap_err();
    assert!(matches!(error, PrinterError::Gibberish { .. }), "{error}");
    assert!(!desk.printer.open);

    // Answers to anything but the question, without end.
    let mut desk = open("XID8600", |_| {
        (0..100)
            .map(|_| Frame::new(printer::DONE, 0, 0xABCD, Vec::new()))
            .collect()
    })
    .unwrap();
    let error = desk.printer.status().unwrap_err();
    assert!(matches!(error, PrinterError::Gibberish { .. }), "{error}");
}
