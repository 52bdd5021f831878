use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;

use ground::Virtual;
use plastic::{HEIGHT, Raster, WIDTH};
use proptest::prelude::*;

use super::*;
use crate::FileConnection;
use crate::evolis::profile::WordsForm;

type Answers = dyn FnMut(&str) -> Option<Vec<u8>> + Send;

/// A printer made of a closure: a command goes in without `1B` and `0D`, a job as `job`; what comes
/// back goes out. An answer of `None` is silence.
struct Scripted {
    sent: Arc<Mutex<Vec<String>>>,
    answer: Box<Answers>,
    network: bool,
    written: Vec<u8>,
    pending: VecDeque<u8>,
    closed: bool,
    ambient: Arc<dyn Ambient>,
}

impl Scripted {
    fn take(&mut self) {
        let bytes = std::mem::take(&mut self.written);
        let text: String = bytes
            .iter()
            .filter(|byte| byte.is_ascii_graphic() || **byte == b' ')
            .map(|byte| char::from(*byte))
            .collect();
        let text = if bytes.len() > 1000 {
            "job".to_owned()
        } else {
            text
        };
        match (self.answer)(&text) {
            Some(answer) => {
                self.pending.extend(answer);
                self.closed = self.network;
            }
            None => self.closed = false,
        }
        self.sent.lock().unwrap().push(text);
    }
}

impl Connection for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn write_all(&mut self, bytes: &[u8], _within: Duration) -> io::Result<()> {
        assert!(!self.closed, "every exchange has a connection of its own");
        self.written.extend_from_slice(bytes);
        if !self.network {
            self.take();
        }
        Ok(())
    }

    fn end_of_input(&mut self) -> io::Result<()> {
        assert!(self.network);
        if !self.written.is_empty() {
            assert_eq!(self.written.pop(), Some(0));
        }
        self.take();
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
        if self.pending.is_empty() {
            if self.closed {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.ambient.sleep(within);
            return Err(io::ErrorKind::TimedOut.into());
        }
        // Three bytes at a time, so that no answer comes whole.
        let count = buffer.len().min(3).min(self.pending.len());
        for byte in &mut buffer[..count] {
            *byte = self.pending.pop_front().unwrap();
        }
        Ok(count)
    }

    fn reconnect(&mut self) -> io::Result<()> {
        self.pending.clear();
        self.closed = false;
        Ok(())
    }
}

type Opened = (
    Result<Evolis<Scripted>, PrinterError>,
    Arc<Mutex<Vec<String>>>,
);

fn open_with(
    profile: Profile,
    answer: impl FnMut(&str) -> Option<Vec<u8>> + Send + 'static,
) -> Opened {
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let sent = Arc::new(Mutex::new(Vec::new()));
    let connection = Scripted {
        sent: Arc::clone(&sent),
        answer: Box::new(answer),
        network: profile.connected.value == Connected::Network,
        written: Vec::new(),
        pending: VecDeque::new(),
        closed: false,
        ambient: Arc::clone(&ambient),
    };
    (Evolis::open(connection, profile, ambient), sent)
}

/// What a printer that is well answers.
fn well(text: &str) -> &'static str {
    match text {
        "Rtp" => "Evolis Primacy",
        "Rsn" => "10000123456",
        "Rfv" => "1234",
        "Rr" => "ymcko",
        "Rco;l" => "87",
        "Rco;c" => "1200",
        "Rco;p" => "5000",
        "Rco;n" => "3",
        "Rem;1" => "0;0",
        "Rlr;p" => "NO CARD",
        _ => "OK",
    }
}

fn network(text: &str) -> Option<Vec<u8>> {
    Some(format!("{text}\0").into_bytes())
}

fn line(text: &str) -> Option<Vec<u8>> {
    Some(format!("{text}\r").into_bytes())
}

fn motions(sent: &Mutex<Vec<String>>) -> Vec<String> {
    let sent = sent.lock().unwrap();
    let motions = sent
        .iter()
        .filter(|text| !text.starts_with('R') && !text.is_empty());
    motions.cloned().collect()
}

fn text_page() -> Separation {
    let mut picture = Raster::white(WIDTH, HEIGHT);
    picture.set(5, 5, [0; 3]);
    Separation::of_pure_black(&picture)
}

fn job(front: Option<Separation>, back: Option<Separation>) -> Job {
    Job {
        front,
        back,
        ..Job::default()
    }
}

#[test]
fn a_card_goes_to_the_contacts_as_the_vendors_library_takes_it_is_printed_and_comes_out() {
    let (printer, sent) = open_with(Profile::evolis(), |text| network(well(text)));
    let mut printer = printer.unwrap();
    assert_eq!(*sent.lock().unwrap(), ["Rtp", "Rsn", "Rfv", "Rr"]);
    printer.feed(Position::Contacts).unwrap();
    assert_eq!(
        sent.lock().unwrap()[4..],
        ["Rem;1", "Pem;2", "Sis", "Pem;0"]
    );
    // Already there: nothing moves, the chip keeps its power.
    printer.feed(Position::Contacts).unwrap();
    assert_eq!(
        printer.status().unwrap().card,
        CardPosition::At(Position::Contacts)
    );
    let printed = printer.print(&job(Some(text_page()), None)).unwrap();
    assert_eq!(printed.card, CardPosition::At(Position::Output));
    // Out already: nothing to eject.
    printer.eject().unwrap();
    assert_eq!(motions(&sent), ["Pem;2", "Sis", "Pem;0", "job"]);
}

#[test]
fn on_a_line_every_command_of_a_job_is_answered_before_the_next() {
    let (printer, sent) = open_with(Profile::evolis_line(), |text| line(well(text)));
    let mut printer = printer.unwrap();
    printer.print(&job(Some(text_page()), None)).unwrap();
    let sent = motions(&sent).join(" ");
    let sent = sent.replace("Ppws;1767603600", "Ppws;n");
    assert_eq!(
        sent,
        "Pem;2 Pr;ymcko Pmi;F;s Pc;y;=;10 Pc;m;=;10 Pc;c;=;10 Pc;k;=;10 Pc;o;=;10 Pdt;DU Mr;s \
         Ppws;n Ss Sr job Se;1  Pem;0"
            .replace("  ", " ")
    );
}

#[test]
fn acknowledgements_are_understood_and_a_refusal_stops_the_job() {
    let (printer, sent) = open_with(Profile::evolis_line(), |text| match text {
        "Rlr;p" => Some(b"ERR CARD\r".to_vec()),
        text if text.starts_with('R') => line(well(text)),
        "job" => Some(b"\x15R".to_vec()),
        _ => Some(b"\x06".to_vec()),
    });
    let mut printer = printer.unwrap();
    let error = printer.print(&job(Some(text_page()), None)).unwrap_err();
    let PrinterError::Faulted { fault, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(
        (fault.kind, fault.code.as_str()),
        (FaultKind::FilmError, "NACK R")
    );
    assert_eq!(fault.card, CardPosition::Inside);
    let sent = motions(&sent);
    assert!(!sent.contains(&"Se;1".to_owned()));
    // The printer treats errors itself again.
    assert_eq!(sent.last().unwrap(), "Pem;0");
}

#[test]
fn identity_film_counters_and_warnings_are_what_the_printer_says() {
    let (printer, _) = open_with(Profile::evolis(), |text| match text {
        "Rco;l" => network("10"),
        "Rlr;r" => network("ERR NEED CLEANING"),
        text => network(well(text)),
    });
    let mut printer = printer.unwrap();
    let identity = printer.identify().unwrap();
    assert_eq!(identity.model, "Evolis Primacy");
    assert_eq!(identity.serial, "10000123456");
    let status = printer.status().unwrap();
    assert_eq!(status.readiness, Readiness::Ready);
    assert_eq!(status.card, CardPosition::None);
    let film = status.film.unwrap();
    assert_eq!((film.name.as_str(), film.remaining), ("YMCKO", Some(10)));
    let kinds: Vec<_> = status.warnings.iter().map(|fault| fault.kind).collect();
    assert_eq!(kinds, [FaultKind::NeedsCleaning, FaultKind::FilmLow]);
    let counters = printer.counters().unwrap();
    assert_eq!(counters.cards, Some(1200));
    assert_eq!(counters.panels, Some(5000));
    assert_eq!(counters.cleanings, Some(3));
}

#[test]
fn what_the_printer_lacks_is_refused_before_anything_moves() {
    let (printer, sent) = open_with(Profile::evolis(), |text| match text {
        "Rtp" => network("Evolis Zenius"),
        "Rr" => network("k"),
        text => network(well(text)),
    });
    let mut printer = printer.unwrap();
    let mut colour = text_page();
    colour.colour.set(1, 1, [9, 9, 9]);
    let overcoat = Job {
        overcoat: true,
        ..job(Some(text_page()), None)
    };
    let refused = [
        printer.feed(Position::Contactless),
        printer.reject(),
        printer.feed(Position::Hopper),
        printer.feed(Position::Flipper),
        printer
            .print(&job(Some(text_page()), Some(text_page())))
            .map(drop),
        printer.print(&job(Some(colour), None)).map(drop),
        printer.print(&overcoat).map(drop),
    ];
    for outcome in refused {
        assert!(matches!(outcome, Err(PrinterError::Lacks { .. })));
    }
    for wrong in [
        job(None, None),
        job(Some(Separation::of_pure_black(&Raster::white(9, 9))), None),
        Job {
            copies: 0,
            ..job(Some(text_page()), None)
        },
    ] {
        assert!(matches!(
            printer.print(&wrong),
            Err(PrinterError::BadJob { .. })
        ));
    }
    assert_eq!(motions(&sent), [""; 0]);
}

#[test]
fn a_ribbon_nobody_described_is_not_printed_with_unless_the_profile_names_one() {
    let red = |text: &str| match text {
        "Rr" => network("kr"),
        text => network(well(text)),
    };
    let (printer, sent) = open_with(Profile::evolis(), red);
    let mut printer = printer.unwrap();
    let error = printer.print(&job(Some(text_page()), None)).unwrap_err();
    assert!(error.to_string().contains("ribbon `kr`"), "{error}");
    assert_eq!(motions(&sent), [""; 0]);
    let mut profile = Profile::evolis();
    profile.ribbon.value = "black".to_owned();
    let (printer, sent) = open_with(profile, red);
    printer
        .unwrap()
        .print(&job(Some(text_page()), None))
        .unwrap();
    assert_eq!(motions(&sent), ["job"]);
}

#[test]
fn a_motion_that_fails_gives_errors_back_to_the_printer_and_tells_where_the_card_is() {
    for (answer, seen, kind, card) in [
        (
            "FEEDER EMPTY",
            "NO CARD",
            FaultKind::HopperEmpty,
            CardPosition::None,
        ),
        (
            "CARD JAM",
            "ERR CARD",
            FaultKind::CardJam,
            CardPosition::Inside,
        ),
        // No sensor at that place: nobody knows.
        (
            "CARD JAM",
            "NO CARD",
            FaultKind::CardJam,
            CardPosition::Unknown,
        ),
        (
            "SOMETHING NEW",
            "OK",
            FaultKind::Unknown,
            CardPosition::Unknown,
        ),
    ] {
        let (printer, sent) = open_with(Profile::evolis(), move |text| match text {
            "Sis" => network(answer),
            "Rlr;p" => network(seen),
            text => network(well(text)),
        });
        let mut printer = printer.unwrap();
        let error = printer.feed(Position::Contacts).unwrap_err();
        let PrinterError::Faulted { fault, .. } = error else {
            panic!("{error}");
        };
        assert_eq!((fault.kind, fault.code.as_str()), (kind, answer));
        assert_eq!(printer.card, card, "{answer}, {seen}");
        assert_eq!(motions(&sent), ["Pem;2", "Sis", "Pem;0"]);
    }
}

#[test]
fn after_a_time_out_nobody_knows_where_the_card_is() {
    let (printer, _) = open_with(Profile::evolis(), |text| match text {
        "Sis" => None,
        "Rlr;p" => network("OK"),
        text => network(well(text)),
    });
    let mut printer = printer.unwrap();
    assert!(matches!(
        printer.feed(Position::Contacts),
        Err(PrinterError::Timeout { seconds: 30, .. })
    ));
    assert_eq!(printer.status().unwrap().card, CardPosition::Unknown);
}

#[test]
fn a_late_answer_on_a_line_is_not_taken_for_the_next_one() {
    let mut asked = 0;
    let (printer, sent) = open_with(Profile::evolis_line(), move |text| match text {
        "Sis" => None,
        // The answer to the motion comes late, in front of the next answer.
        "Rsn" => {
            asked += 1;
            let late = if asked == 2 { "CARD JAM\r" } else { "" };
            Some(format!("{late}{}\r", well(text)).into_bytes())
        }
        text => line(well(text)),
    });
    let mut printer = printer.unwrap();
    assert!(matches!(
        printer.feed(Position::Contacts),
        Err(PrinterError::Timeout { .. })
    ));
    printer.eject().unwrap();
    assert_eq!(motions(&sent), ["Pem;2", "Sis", "Pem;0", "Sce"]);
}

#[test]
fn status_words_say_what_is_fitted_where_the_card_is_and_what_is_wrong() {
    let words = Arc::new(Mutex::new([0x0010_0020_u32, 0, 0, 0]));
    let shared = Arc::clone(&words);
    let mut profile = Profile::evolis();
    profile.status_words.value = WordsForm::LittleEndian;
    let (printer, _) = open_with(profile, move |text| match text {
        "" => {
            let words = *shared.lock().unwrap();
            Some(words.iter().flat_map(|word| word.to_le_bytes()).collect())
        }
        text => network(well(text)),
    });
    let mut printer = printer.unwrap();
    let can = printer.capabilities();
    assert!(can.duplex && can.reject_tray && can.reports_position);
    assert!(!can.contact_station && !can.contactless_station && !can.magnetic_stripe);
    *words.lock().unwrap() = [0x0004_0000, 0x0400_0001, 0x0100_0000, 0];
    let status = printer.status().unwrap();
    assert_eq!(status.readiness, Readiness::Busy);
    assert_eq!(status.card, CardPosition::At(Position::Contacts));
    assert_eq!(status.warnings[0].kind, FaultKind::HopperEmpty);
    words.lock().unwrap()[3] = 0x0100_0000;
    let status = printer.status().unwrap();
    let Readiness::Faulted(fault) = status.readiness else {
        panic!("{status:?}");
    };
    assert_eq!(
        (fault.kind, fault.code.as_str()),
        (FaultKind::CardJam, "ERR 01000000")
    );
    // A motion that was answered well and did not take place.
    words.lock().unwrap()[1] = 0x0800_0000;
    printer.status().unwrap();
    assert!(matches!(
        printer.feed(Position::Contacts),
        Err(PrinterError::Gibberish { .. })
    ));
    assert_eq!(printer.card, CardPosition::At(Position::Contactless));
}

#[test]
fn a_printer_without_words_answers_the_empty_exchange_with_a_byte() {
    let mut profile = Profile::evolis();
    profile.status_words.value = WordsForm::BigEndian;
    let (printer, _) = open_with(profile, |text| match text {
        "" => Some(vec![0]),
        text => network(well(text)),
    });
    assert!(printer.unwrap().capabilities().contact_station);
}

#[test]
fn a_question_without_an_answer_is_asked_again_and_a_motion_is_not() {
    let mut silent = true;
    let (printer, sent) = open_with(Profile::evolis(), move |text| match text {
        "Rr" if std::mem::take(&mut silent) => None,
        "Sce" => Some(Vec::new()),
        text => network(well(text)),
    });
    let mut printer = printer.unwrap();
    assert!(matches!(
        printer.eject(),
        Err(PrinterError::Connection { .. })
    ));
    assert_eq!(printer.card, CardPosition::Unknown);
    let sent = sent.lock().unwrap();
    let count = |what| sent.iter().filter(|text| *text == what).count();
    assert_eq!((count("Rr"), count("Sce")), (2, 1));
}

#[test]
fn a_reset_need_not_be_answered() {
    let (printer, sent) = open_with(Profile::evolis(), |text| match text {
        "Srs" => Some(Vec::new()),
        text => network(well(text)),
    });
    let mut printer = printer.unwrap();
    printer.answer(Answer::Retry).unwrap();
    printer.answer(Answer::Cancel).unwrap();
    assert_eq!(motions(&sent), ["Scs", "Srs"]);
}

#[test]
fn a_file_takes_the_job_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.prn");
    let connection = FileConnection::create(&path).unwrap();
    let mut printer =
        Evolis::open(connection, Profile::evolis(), Arc::new(Virtual::new(1))).unwrap();
    let wanted = Job {
        copies: 2,
        ..job(Some(text_page()), None)
    };
    printer.print(&wanted).unwrap();
    assert!(matches!(printer.eject(), Err(PrinterError::Lacks { .. })));
    assert!(matches!(
        printer.feed(Position::Contacts),
        Err(PrinterError::Lacks { .. })
    ));
    let bytes = std::fs::read(&path).unwrap();
    let sides = job::decode(&bytes, [false, false]).unwrap();
    assert_eq!(sides.len(), 2);
    assert_eq!(sides[1].face.separation().black, text_page().black);
}

#[test]
fn a_command_that_broke_off_is_the_last_on_a_line() {
    struct Broken(Scripted, bool);
    impl Connection for Broken {
        fn name(&self) -> &str {
            "broken"
        }
        fn write_all(&mut self, bytes: &[u8], within: Duration) -> io::Result<()> {
            if self.1 && bytes.len() > 1000 {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.0.write_all(bytes, within)
        }
        fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
            self.0.read(buffer, within)
        }
        fn reconnect(&mut self) -> io::Result<()> {
            self.0.reconnect()
        }
    }
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let sent = Arc::new(Mutex::new(Vec::new()));
    let scripted = Scripted {
        sent: Arc::clone(&sent),
        answer: Box::new(|text| line(well(text))),
        network: false,
        written: Vec::new(),
        pending: VecDeque::new(),
        closed: false,
        ambient: Arc::clone(&ambient),
    };
    let mut printer =
        Evolis::open(Broken(scripted, true), Profile::evolis_line(), ambient).unwrap();
    for _ in 0..2 {
        assert!(matches!(
            printer.print(&job(Some(text_page()), None)),
            Err(PrinterError::Connection { .. })
        ));
    }
    let before = sent.lock().unwrap().len();
    assert!(matches!(
        printer.status(),
        Err(PrinterError::Connection { .. })
    ));
    // Not a byte went into what the printer takes for a bitmap.
    assert_eq!(sent.lock().unwrap().len(), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_the_printer_answers_the_driver_ends_and_claims_no_place_it_was_not_told(
        answers in proptest::collection::vec(
            proptest::option::of(prop_oneof![
                Just(b"OK\0".to_vec()), Just(b"OK\r".to_vec()), Just(b"\x06".to_vec()),
                Just(b"\x15T".to_vec()), Just(b"CARD JAM\0".to_vec()), Just(b"NO CARD\r".to_vec()),
                proptest::collection::vec(any::<u8>(), 0..40),
            ]), 1..12),
        on_line: bool, verbs in proptest::collection::vec(0..7_u8, 1..8),
    ) {
        let profile = if on_line { Profile::evolis_line() } else { Profile::evolis() };
        let mut at = 0;
        let mut opening = 4;
        let (printer, _) = open_with(profile, move |text| {
            if opening > 0 {
                opening -= 1;
                return if on_line { line(well(text)) } else { network(well(text)) };
            }
            at += 1;
            answers[at % answers.len()].clone()
        });
        let mut printer = printer.unwrap();
        for verb in verbs {
            let outcome = match verb {
                0 => printer.feed(Position::Contacts),
                1 => printer.eject(),
                2 => printer.status().map(drop),
                3 => printer.print(&job(Some(text_page()), None)).map(drop),
                4 => printer.clean(),
                5 => printer.counters().map(drop),
                _ => printer.answer(Answer::Cancel),
            };
            if outcome.is_err() && matches!(verb, 0 | 3) {
                prop_assert!(!matches!(
                    printer.card,
                    CardPosition::At(place) if place != Position::Contacts
                ));
            }
        }
    }
}
