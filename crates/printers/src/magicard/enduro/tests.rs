use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;

use ground::Virtual;
use plastic::Raster;

use super::*;
use crate::FileConnection;
use crate::magicard::{dye_only, resin_only};

const FINE: &[u8] = b"\x01STAReady\n00:00\n(c0300)\x03";
const NOT_DRAWN: &[u8] = b"\x01STACard not drawn in\nError code - 11:01\n(c0201)\x03";

fn inf(features: u32, cards: u32) -> Vec<u8> {
    format!(
        "\x01STA$${features},Enduro+,0,52P2207,PH03,CB,1.24,2.1,0,{cards},1,2,3,4,5,6,50,50,50,0,0,\
         E004,300,41,LC1/D,60,60,60\x03"
    )
    .into_bytes()
}

type Script = Box<dyn FnMut(&str) -> Vec<u8> + Send>;

/// A printer made of a closure: what is asked goes in, what comes back goes out.
struct Scripted {
    sent: Arc<Mutex<Vec<String>>>,
    answer: Script,
    pending: VecDeque<u8>,
    ambient: Arc<dyn Ambient>,
}

impl Connection for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn write_all(&mut self, bytes: &[u8], _within: Duration) -> io::Result<()> {
        let text: String = bytes
            .iter()
            .take(40)
            .filter(|byte| byte.is_ascii_graphic())
            .map(|byte| char::from(*byte))
            .collect();
        let text = if bytes.len() > 1000 {
            "job".to_owned()
        } else {
            text
        };
        self.pending.extend((self.answer)(&text));
        self.sent.lock().unwrap().push(text);
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
        if self.pending.is_empty() {
            self.ambient.sleep(within);
            return Err(io::ErrorKind::TimedOut.into());
        }
        // Three bytes at a time, so that no reply comes whole.
        let count = buffer.len().min(3).min(self.pending.len());
        for byte in &mut buffer[..count] {
            *byte = self.pending.pop_front().unwrap();
        }
        Ok(count)
    }

    fn reconnect(&mut self) -> io::Result<()> {
        self.pending.clear();
        Ok(())
    }
}

type Opened = (
    Result<Enduro<Scripted>, PrinterError>,
    Arc<Mutex<Vec<String>>>,
);

fn open(answer: impl FnMut(&str) -> Vec<u8> + Send + 'static) -> Opened {
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let sent = Arc::new(Mutex::new(Vec::new()));
    let connection = Scripted {
        sent: Arc::clone(&sent),
        answer: Box::new(answer),
        pending: VecDeque::new(),
        ambient: Arc::clone(&ambient),
    };
    (Enduro::open(connection, Profile::enduro(), ambient), sent)
}

/// Answers every question as a printer that is fine, with the given features.
fn fine(features: u32) -> impl FnMut(&str) -> Vec<u8> + Send + 'static {
    let mut cards = 10;
    move |text| match text {
        ",REQ,INF," => inf(features, cards),
        ",REQ,ERR," => FINE.to_vec(),
        "job" => {
            cards += 1;
            vec![]
        }
        _ => vec![],
    }
}

fn moves(sent: &Mutex<Vec<String>>) -> Vec<String> {
    let questions = [",REQ,INF,", ",REQ,ERR,"];
    let sent = sent.lock().unwrap();
    let moves = sent
        .iter()
        .filter(|text| !questions.contains(&text.as_str()));
    moves.cloned().collect()
}

fn text_page() -> Separation {
    let mut picture = Raster::white(plastic::WIDTH, plastic::HEIGHT);
    picture.set(5, 5, [0; 3]);
    resin_only(&picture, crate::magicard::Halftone::Threshold)
}

fn job(front: Option<Separation>, back: Option<Separation>) -> Job {
    Job {
        front,
        back,
        ..Job::default()
    }
}

#[test]
fn a_card_goes_to_the_contacts_is_printed_and_comes_out() {
    let (printer, sent) = open(fine(0x12));
    let mut printer = printer.unwrap();
    printer.feed(Position::Contacts).unwrap();
    assert_eq!(
        printer.status().unwrap().card,
        CardPosition::At(Position::Contacts)
    );
    // Already there: nothing moves, the chip keeps its power.
    printer.feed(Position::Contacts).unwrap();
    let printed = printer.print(&job(Some(text_page()), None)).unwrap();
    assert_eq!(printed.card, CardPosition::At(Position::Output));
    // Out already: nothing to eject.
    printer.eject().unwrap();
    assert_eq!(
        moves(&sent),
        [",REQ,FEED1,", ",REQ,CHPDOWN,", ",REQ,CHPUP,", "job"]
    );
}

#[test]
fn identity_and_film_come_from_the_status_reply() {
    let (printer, _) = open(fine(0x13));
    let mut printer = printer.unwrap();
    let identity = printer.identify().unwrap();
    assert_eq!(identity.model, "Enduro+");
    assert_eq!(identity.serial, "52P2207");
    assert_eq!(identity.firmware, "1.24");
    let status = printer.status().unwrap();
    assert_eq!(status.readiness, Readiness::Ready);
    assert_eq!(status.card, CardPosition::Unknown);
    let film = status.film.unwrap();
    assert_eq!((film.name.as_str(), film.remaining), ("LC1/D", Some(259)));
}

#[test]
fn what_the_printer_lacks_is_refused_before_anything_moves() {
    let (printer, sent) = open(fine(0x00));
    let mut printer = printer.unwrap();
    let refused = [
        printer.feed(Position::Contacts),
        printer.reject(),
        printer.feed(Position::Hopper),
        printer
            .print(&job(Some(text_page()), Some(text_page())))
            .map(drop),
    ];
    for outcome in refused {
        assert!(matches!(outcome, Err(PrinterError::Lacks { .. })));
    }
    let small = dye_only(&Raster::white(10, 10));
    assert!(matches!(
        printer.print(&job(Some(small), None)),
        Err(PrinterError::BadJob { .. })
    ));
    let mut holes = text_page();
    holes.overcoat_holes = vec![plastic::CONTACTS; 2];
    let job = Job {
        overcoat: true,
        ..job(Some(holes), None)
    };
    assert!(matches!(
        printer.print(&job),
        Err(PrinterError::BadJob { .. })
    ));
    assert_eq!(moves(&sent), [""; 0]);
}

#[test]
fn a_standing_fault_keeps_everything_where_it_is() {
    let (printer, sent) = open(|text| match text {
        ",REQ,INF," => inf(0x12, 0),
        _ => NOT_DRAWN.to_vec(),
    });
    let mut printer = printer.unwrap();
    let outcomes = [
        printer.feed(Position::Contacts),
        printer.print(&job(Some(text_page()), None)).map(drop),
    ];
    for outcome in outcomes {
        let Err(PrinterError::Faulted { fault, .. }) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(fault.kind, FaultKind::CardNotFed);
        assert_eq!(fault.code, "11:01");
        assert_eq!(fault.text.as_deref(), Some("Card not drawn in"));
        assert_eq!(fault.card, CardPosition::None);
    }
    assert_eq!(moves(&sent), [""; 0]);
}

#[test]
fn a_print_is_over_only_when_the_counter_has_risen() {
    let mut polls = 0;
    let mut printing = false;
    let (printer, sent) = open(move |text| match text {
        ",REQ,INF," if printing => {
            polls += 1;
            inf(0x12, if polls < 4 { 10 } else { 11 })
        }
        ",REQ,INF," => inf(0x12, 10),
        ",REQ,ERR," => FINE.to_vec(),
        _ => {
            printing = true;
            vec![]
        }
    });
    printer
        .unwrap()
        .print(&job(Some(text_page()), None))
        .unwrap();
    let sent = sent.lock().unwrap();
    let job = sent.iter().position(|text| text == "job").unwrap();
    let polls = sent[job..].iter().filter(|text| *text == ",REQ,INF,");
    assert_eq!(polls.count(), 4);
}

#[test]
fn a_printer_that_never_finishes_is_a_timeout_with_the_card_unknown() {
    let (printer, _) = open(|text| match text {
        ",REQ,INF," => inf(0x12, 10),
        _ => FINE.to_vec(),
    });
    let mut printer = printer.unwrap();
    let error = printer.print(&job(Some(text_page()), None)).unwrap_err();
    assert!(
        matches!(error, PrinterError::Timeout { seconds: 180, .. }),
        "{error}"
    );
    assert_eq!(printer.status().unwrap().card, CardPosition::Unknown);
}

#[test]
fn a_silent_printer_is_a_timeout_and_a_talkative_one_gibberish() {
    let (printer, sent) = open(|_| vec![]);
    assert!(matches!(
        printer.unwrap_err(),
        PrinterError::Timeout { what: "answer", .. }
    ));
    assert_eq!(sent.lock().unwrap().len(), 2);
    for noise in [vec![b'x'; 20_000], b"\x01STA$$1,Enduro,many\x03".to_vec()] {
        let (printer, _) = open(move |_| noise.clone());
        assert!(matches!(
            printer.unwrap_err(),
            PrinterError::Gibberish { .. }
        ));
    }
}

#[test]
fn a_late_answer_to_another_question_is_passed_over() {
    let (printer, _) = open(|text| match text {
        ",REQ,INF," => [FINE, &inf(0x12, 10)].concat(),
        _ => [inf(0x12, 10), FINE.to_vec()].concat(),
    });
    let status = printer.unwrap().status().unwrap();
    assert_eq!(status.readiness, Readiness::Ready);
}

#[test]
fn several_copies_are_one_job_that_ends_with_the_last_card() {
    let mut polls = 0;
    let mut printing = false;
    let (printer, sent) = open(move |text| match text {
        ",REQ,INF," if printing => {
            polls += 1;
            inf(0x12, 10 + polls)
        }
        ",REQ,INF," => inf(0x12, 10),
        ",REQ,ERR," => FINE.to_vec(),
        _ => {
            printing = true;
            vec![]
        }
    });
    let three = Job {
        copies: 3,
        ..job(Some(text_page()), None)
    };
    let mut printer = printer.unwrap();
    printer.print(&three).unwrap();
    let sent = sent.lock().unwrap();
    let job = sent.iter().position(|text| text == "job").unwrap();
    let asked = sent[job..].iter().filter(|text| *text == ",REQ,INF,");
    assert_eq!(asked.count(), 3);
    let none = Job { copies: 0, ..three };
    assert!(matches!(
        printer.draw(&none, None),
        Err(PrinterError::BadJob { .. })
    ));
    let drawn = printer.draw(&Job { copies: 3, ..none }, None).unwrap();
    let header = drawn.pages[0].header();
    assert!(header.contains(&crate::magicard::Word::Copies(3)));
}

#[test]
fn counters_cleaning_and_answers_follow_the_profile() {
    let (printer, sent) = open(fine(0x12));
    let mut printer = printer.unwrap();
    let counters = printer.counters().unwrap();
    assert_eq!(
        (counters.cards, counters.cards_on_head),
        (Some(10), Some(1))
    );
    assert_eq!(counters.panels, Some(2));
    assert_eq!(counters.cleanings, Some(3));
    assert_eq!(counters.cards_since_cleaning, Some(5));
    assert_eq!(counters.cards_until_cleaning, Some(1));
    printer.clean().unwrap();
    printer.answer(Answer::Retry).unwrap();
    printer.answer(Answer::Cancel).unwrap();
    assert_eq!(moves(&sent), [",REQ,CLN,", ",REQ,OKY,", ",REQ,CAN,"]);
    // A card that lies inside would meet the cleaning card.
    printer.feed(Position::Contacts).unwrap();
    assert!(matches!(printer.clean(), Err(PrinterError::BadJob { .. })));
}

#[test]
fn a_site_that_knows_the_words_gets_a_reject_tray_and_an_antenna() {
    let (printer, sent) = open(fine(0x12));
    let mut printer = printer.unwrap();
    assert!(!printer.capabilities().reject_tray);
    printer.profile.commands.reject.value = vec![",REQ,REJ,".to_owned()];
    printer.profile.commands.feed_to_antenna.value = vec![",REQ,RFD,".to_owned()];
    assert!(printer.capabilities().reject_tray);
    printer.feed(Position::Contactless).unwrap();
    printer.reject().unwrap();
    // Where the card was at first is not known: it may have lain on the contacts.
    assert_eq!(moves(&sent), [",REQ,CHPUP,", ",REQ,RFD,", ",REQ,REJ,"]);
    assert_eq!(printer.status().unwrap().card, CardPosition::None);
}

#[test]
fn a_rio_is_sent_its_own_layout_and_words() {
    let (printer, _) = open(fine(0x12));
    let mut printer = printer.unwrap();
    printer.profile = Profile::rio_tango();
    let inf = Inf::parse(&inf(0x12, 1)).unwrap();
    let drawn = printer
        .draw(&job(Some(text_page()), None), Some(&inf))
        .unwrap();
    let page = &drawn.pages[0];
    assert_eq!(page.head(), Some(Head::Kee));
    let header: Vec<_> = page.header().iter().map(ToString::to_string).collect();
    assert_eq!(header[1], "VER1.0");
    assert!(header.contains(&"REJOFF".to_owned()) && header.contains(&"RT2".to_owned()));
    let dots = page.dots(Layout::Kee, crate::magicard::Ink::Black);
    assert_eq!(dots.unwrap().get(1010, 21), 1);
}

#[test]
fn a_value_is_asked_by_its_key() {
    let (printer, sent) = open(|text| match text {
        ",REQ,INF," => inf(0x12, 10),
        "REQ,STA,MSR," => b"\x01STA,MSR52P2207,\x03".to_vec(),
        _ => b"\x01STA,XYZ1,\x03".to_vec(),
    });
    let mut printer = printer.unwrap();
    let serial = printer.value(StaKey::PrinterSerial).unwrap();
    assert_eq!(serial, "52P2207");
    assert!(matches!(
        printer.value(StaKey::Cards),
        Err(PrinterError::Gibberish { .. })
    ));
    assert_eq!(moves(&sent), ["REQ,STA,MSR,", "REQ,STA,TCQ,"]);
}

#[test]
fn over_a_file_it_prints_with_the_defaults_and_does_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.prn");
    let connection = FileConnection::create(&path).unwrap();
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let mut printer = Enduro::open(connection, Profile::enduro(), ambient).unwrap();
    let printed = printer.print(&job(Some(text_page()), None)).unwrap();
    assert_eq!(printed.card, CardPosition::Unknown);
    assert!(matches!(
        printer.feed(Position::Contacts),
        Err(PrinterError::Lacks { .. })
    ));
    assert!(matches!(printer.eject(), Err(PrinterError::Lacks { .. })));
    let bytes = std::fs::read(&path).unwrap();
    let job = crate::magicard::Job::decode(&bytes).unwrap();
    let dots = job.pages[0].dots(Layout::Kge2, crate::magicard::Ink::Black);
    // The default margin is 15: the dot at (5, 5) lies on line 1010.
    assert_eq!(dots.unwrap().get(1010, 20), 1);
}

#[test]
fn head_position_and_type_change_the_job() {
    let (printer, _) = open(fine(0x12));
    let printer = printer.unwrap();
    let inf = Inf {
        head_position: Some(40),
        head_type: Some(2),
        firmware: Some("2.07".to_owned()),
        ..Inf::default()
    };
    let drawn = printer
        .draw(&job(Some(text_page()), None), Some(&inf))
        .unwrap();
    let page = &drawn.pages[0];
    let header: Vec<_> = page.header().iter().map(ToString::to_string).collect();
    assert!(header.contains(&"VER1.0-2.07".to_owned()) && header.contains(&"KEE4".to_owned()));
    let dots = page.dots(Layout::Kge2, crate::magicard::Ink::Black);
    assert_eq!(dots.unwrap().get(1010, 30), 1);
}
