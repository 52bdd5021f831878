use std::collections::VecDeque;
use std::sync::Mutex;

use ground::Virtual;
use ipp::prelude::*;
use plastic::Raster;

use super::*;
use crate::ipp::raster::Document;

const URI: &str = "ipp://localhost/printers/cards";

/// A queue under a script: what state it is in, and how a job goes on, one step a question.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    reasons: Vec<&'static str>,
    stopped: bool,
    refuses_jobs: bool,
    policy: Option<&'static str>,
    sides: Vec<&'static str>,
    grey: bool,
    no_card_media: bool,
    /// `job-state` at each question; the last one stays.
    job: VecDeque<i32>,
    /// How `Cancel-Job` changes it.
    after_cancel: Option<i32>,
    /// The job is taken and the reply lost.
    loses_reply: bool,
    /// Print-Job answers this status.
    status: i16,
    /// Everything asked, by its number.
    asked: Vec<Operation>,
    document: Vec<u8>,
    job_name: String,
    /// Attributes of the job as the queue got them.
    attributes: Vec<(String, String)>,
}

impl Exchange for Script {
    fn uri(&self) -> &str {
        URI
    }

    fn exchange(
        &mut self,
        request: Vec<u8>,
        document: &[u8],
        _within: Duration,
    ) -> io::Result<Vec<u8>> {
        let mut inner = self.0.lock().unwrap();
        let message = ipp::parser::IppParser::new(io::Cursor::new(request))
            .parse()
            .unwrap();
        let operation = Operation::from_i16(message.header().operation_or_status).unwrap();
        inner.asked.push(operation);
        let mut reply = answer(0);
        match operation {
            Operation::GetPrinterAttributes => inner.describe(&mut reply),
            Operation::PrintJob => {
                inner.document = document.to_vec();
                for attribute in message.attributes().groups().iter().flatten() {
                    let value = attribute.value().to_string();
                    inner.attributes.push((attribute.name().to_string(), value));
                }
                inner.job_name = inner.sent("job-name").to_owned();
                if inner.loses_reply {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                if inner.status != 0 {
                    return Ok(answer(inner.status).to_bytes().to_vec());
                }
                inner.add_job(&mut reply);
            }
            Operation::GetJobAttributes | Operation::GetJobs => inner.add_job(&mut reply),
            Operation::CancelJob => {
                if let Some(state) = inner.after_cancel {
                    inner.job = [state].into();
                }
            }
            other => panic!("{other:?}"),
        }
        Ok(reply.to_bytes().to_vec())
    }
}

fn answer(status: i16) -> IppRequestResponse {
    let mut reply = IppRequestResponse::new(IppVersion::v1_1(), Operation::PrintJob, None).unwrap();
    reply.header_mut().operation_or_status = status;
    reply
}

fn add(reply: &mut IppRequestResponse, group: DelimiterTag, attribute: &str, value: IppValue) {
    let attribute = IppAttribute::with_name(attribute, value).unwrap();
    reply.attributes_mut().add(group, attribute);
}

impl Inner {
    fn sent(&self, attribute: &str) -> &str {
        let found = self.attributes.iter().find(|(name, _)| name == attribute);
        found.map_or("", |(_, value)| value)
    }

    fn describe(&self, reply: &mut IppRequestResponse) {
        let mut say = |attribute: &str, value: IppValue| {
            add(reply, DelimiterTag::PrinterAttributes, attribute, value);
        };
        say(
            "printer-state",
            IppValue::Enum(if self.stopped { 5 } else { 3 }),
        );
        let reasons = if self.reasons.is_empty() {
            &["none"][..]
        } else {
            &self.reasons
        };
        say("printer-state-reasons", keywords(reasons));
        say(
            "printer-is-accepting-jobs",
            IppValue::Boolean(!self.refuses_jobs),
        );
        say("document-format-supported", mime(FORMAT));
        let media = if self.no_card_media {
            "iso_a4_210x297mm"
        } else {
            "custom_cr80_54x86mm"
        };
        say("media-supported", keyword(media));
        say("color-supported", IppValue::Boolean(!self.grey));
        let types: &[&str] = if self.grey {
            &["sgray_8"]
        } else {
            &["black_1", "srgb_8"]
        };
        say("pwg-raster-document-type-supported", keywords(types));
        say(
            "print-color-mode-supported",
            keywords(&["color", "monochrome"]),
        );
        let copies = IppValue::RangeOfInteger { min: 1, max: 99 };
        say("copies-supported", copies);
        let sides: Vec<&str> = ["one-sided"].iter().chain(&self.sides).copied().collect();
        say("sides-supported", keywords(&sides));
        say("marker-names", name("YMCKO"));
        say("marker-levels", IppValue::Integer(4));
        say("marker-low-levels", IppValue::Integer(5));
        say("printer-make-and-model", name("Card Printer"));
        if let Some(policy) = self.policy {
            say("printer-error-policy", name(policy));
        }
    }

    fn add_job(&mut self, reply: &mut IppRequestResponse) {
        let state = match self.job.len() {
            0 => return,
            1 => self.job[0],
            _ => self.job.pop_front().unwrap(),
        };
        let group = DelimiterTag::JobAttributes;
        add(reply, group, "job-id", IppValue::Integer(12));
        add(reply, group, "job-name", name(&self.job_name));
        add(reply, group, "job-state", IppValue::Enum(state));
        add(reply, group, "job-state-reasons", keyword("none"));
    }
}

fn queue(inner: Inner) -> (Script, Queue<Script>) {
    let script = Script(Arc::new(Mutex::new(inner)));
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let queue = Queue::open(script.clone(), Profile::any_queue(), ambient).unwrap();
    (script, queue)
}

fn face(colour: [u8; 3]) -> Separation {
    let mut picture = Raster::white(plastic::WIDTH, plastic::HEIGHT);
    picture.set(5, 6, colour);
    picture.set(7, 8, [0; 3]);
    Separation::of_pure_black(&picture)
}

fn job() -> Job {
    Job {
        front: Some(face([10, 20, 30])),
        ..Job::default()
    }
}

impl Script {
    fn count(&self, operation: Operation) -> usize {
        let inner = self.0.lock().unwrap();
        inner
            .asked
            .iter()
            .filter(|asked| **asked == operation)
            .count()
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.0.lock().unwrap());
    }
}

const PENDING: i32 = 3;
const HELD: i32 = 4;
const PROCESSING: i32 = 5;
const CANCELED: i32 = 7;
const ABORTED: i32 = 8;
const COMPLETED: i32 = 9;

#[test]
fn a_card_is_one_job_followed_to_its_end() {
    let (script, mut queue) = queue(Inner {
        job: [PENDING, PROCESSING, PROCESSING, COMPLETED].into(),
        ..Inner::default()
    });
    let printed = queue.print(&job()).unwrap();
    assert_eq!(printed.card, CardPosition::At(Position::Output));
    assert_eq!(script.count(Operation::PrintJob), 1);
    assert_eq!(script.count(Operation::CancelJob), 0);
    let inner = script.0.lock().unwrap();
    let document = Document::decode(&inner.document).unwrap();
    let picture = crate::magicard::landscape(&document.pages[0].picture());
    assert!(picture == job().front.unwrap().composed());
    for (attribute, value) in [
        ("ipp-attribute-fidelity", "true"),
        ("copies", "1"),
        ("media", "custom_cr80_54x86mm"),
        ("sides", "one-sided"),
        ("print-color-mode", "color"),
        ("document-format", FORMAT),
    ] {
        assert_eq!(inner.sent(attribute), value, "{attribute}");
    }
}

#[test]
fn what_the_queue_cannot_do_is_refused_before_anything_is_sent() {
    let lacks = |inner: Inner, job: &Job| {
        let (script, mut queue) = queue(inner);
        let error = queue.print(job).unwrap_err().to_string();
        assert_eq!(script.count(Operation::PrintJob), 0);
        error
    };
    let overcoat = Job {
        overcoat: true,
        ..job()
    };
    assert!(lacks(Inner::default(), &overcoat).contains("no overcoat"));
    let duplex = Job {
        back: Some(face([0; 3])),
        ..job()
    };
    assert!(lacks(Inner::default(), &duplex).contains("no two-sided"));
    let grey = Inner {
        grey: true,
        ..Inner::default()
    };
    assert!(lacks(grey, &job()).contains("no colour"));
    let paper = Inner {
        no_card_media: true,
        ..Inner::default()
    };
    assert!(lacks(paper, &job()).contains("size of a card"));
    let many = Job { copies: 2, ..job() };
    assert!(lacks(Inner::default(), &many).contains("one card a job"));
    assert!(lacks(Inner::default(), &Job::default()).contains("no front"));
}

#[test]
fn a_queue_that_would_try_again_is_refused_with_what_to_do() {
    for policy in ["retry-job", "retry-current-job", "stop-printer"] {
        let (script, mut queue) = queue(Inner {
            policy: Some(policy),
            ..Inner::default()
        });
        let error = queue.print(&job()).unwrap_err().to_string();
        assert!(
            error.contains(policy) && error.contains("abort-job"),
            "{error}"
        );
        assert_eq!(script.count(Operation::PrintJob), 0);
    }
    let (_, mut queue) = queue(Inner {
        policy: Some("abort-job"),
        job: [COMPLETED].into(),
        ..Inner::default()
    });
    queue.print(&job()).unwrap();
}

#[test]
fn a_queue_that_reports_a_fault_gets_no_job() {
    for (reason, kind) in [
        ("media-empty-error", FaultKind::HopperEmpty),
        ("media-jam", FaultKind::CardJam),
        ("cover-open", FaultKind::CoverOpen),
        ("marker-supply-empty-error", FaultKind::FilmOut),
        ("output-area-full", FaultKind::OutputFull),
        ("vendor-smoke-error", FaultKind::Unknown),
    ] {
        let (script, mut queue) = queue(Inner {
            reasons: vec![reason],
            ..Inner::default()
        });
        let Err(PrinterError::Faulted { fault, .. }) = queue.print(&job()) else {
            panic!("{reason}");
        };
        assert_eq!((fault.kind, fault.code.as_str()), (kind, reason));
        assert_eq!(script.count(Operation::PrintJob), 0);
        let status = queue.status().unwrap();
        assert_eq!(status.readiness, Readiness::Faulted(fault));
    }
    let (_, mut queue) = queue(Inner {
        refuses_jobs: true,
        ..Inner::default()
    });
    let error = queue.print(&job()).unwrap_err().to_string();
    assert!(error.contains("not-accepting-jobs"), "{error}");
}

#[test]
fn a_warning_stops_nothing_and_is_told() {
    let (_, mut queue) = queue(Inner {
        reasons: vec!["marker-supply-low-report", "vendor-dust"],
        job: [COMPLETED].into(),
        ..Inner::default()
    });
    let status = queue.status().unwrap();
    assert_eq!(status.readiness, Readiness::Ready);
    let codes: Vec<&str> = status
        .warnings
        .iter()
        .map(|fault| fault.code.as_str())
        .collect();
    assert_eq!(
        codes,
        ["marker-supply-low-report", "vendor-dust", "marker-levels"]
    );
    assert_eq!(status.film.unwrap().name, "YMCKO");
    queue.print(&job()).unwrap();
}

#[test]
fn an_aborted_job_is_the_fault_of_the_printers_reason_and_is_not_sent_again() {
    let (script, mut queue) = queue(Inner {
        job: [PROCESSING, ABORTED].into(),
        ..Inner::default()
    });
    let error = queue.print(&job()).unwrap_err().to_string();
    assert!(error.contains("job-aborted"), "{error}");
    assert_eq!(script.count(Operation::PrintJob), 1);
    assert_eq!(script.count(Operation::CancelJob), 0);
}

#[test]
fn a_job_that_stands_still_is_cancelled() {
    // Held, and a printer that stops while the job waits.
    for stops in [false, true] {
        let (script, mut queue) = queue(Inner {
            job: [PROCESSING, if stops { PROCESSING } else { HELD }].into(),
            after_cancel: Some(CANCELED),
            ..Inner::default()
        });
        let state = queue.state().unwrap();
        let plan = queue.plan(&job(), &state).unwrap();
        let id = queue.submit(&plan, &state).unwrap();
        if stops {
            script.change(|inner| {
                inner.stopped = true;
                inner.reasons = vec!["media-jam-error"];
            });
        }
        let Err(PrinterError::Faulted { fault, .. }) = queue.follow(id) else {
            panic!("stops: {stops}");
        };
        let kind = if stops {
            FaultKind::CardJam
        } else {
            FaultKind::Unknown
        };
        assert_eq!(fault.kind, kind);
        assert_eq!(script.count(Operation::CancelJob), 1);
    }
}

#[test]
fn a_job_without_end_is_cancelled_at_the_limit() {
    let (script, mut queue) = queue(Inner {
        job: [PROCESSING].into(),
        after_cancel: Some(CANCELED),
        ..Inner::default()
    });
    let error = queue.print(&job()).unwrap_err();
    assert!(
        matches!(error, PrinterError::Timeout { seconds: 300, .. }),
        "{error}"
    );
    assert_eq!(script.count(Operation::CancelJob), 1);
}

#[test]
fn a_job_printed_while_it_was_being_cancelled_is_printed() {
    let (_, mut queue) = queue(Inner {
        job: [PROCESSING].into(),
        after_cancel: Some(COMPLETED),
        ..Inner::default()
    });
    queue.print(&job()).unwrap();
}

#[test]
fn a_job_that_cannot_be_cancelled_is_said_to_be_about() {
    let (script, mut queue) = queue(Inner {
        job: [HELD].into(),
        ..Inner::default()
    });
    let error = queue.print(&job()).unwrap_err().to_string();
    assert!(error.contains("job 12 could not be cancelled"), "{error}");
    assert!(error.contains("may still be printed"), "{error}");
    assert_eq!(script.count(Operation::PrintJob), 1);
}

#[test]
fn a_job_whose_reply_was_lost_is_found_by_its_name_and_cancelled() {
    let (script, mut queue) = queue(Inner {
        job: [PROCESSING].into(),
        after_cancel: Some(CANCELED),
        loses_reply: true,
        ..Inner::default()
    });
    let error = queue.print(&job()).unwrap_err();
    assert!(
        matches!(
            error,
            PrinterError::Timeout {
                what: "take the job",
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(script.count(Operation::PrintJob), 1);
    assert_eq!(script.count(Operation::GetJobs), 1);
    assert_eq!(script.count(Operation::CancelJob), 1);
}

#[test]
fn a_refused_job_says_whose_fault_it_is() {
    for (status, words) in [
        (
            0x040B,
            "cannot be printed: the queue answered `attributes or values",
        ),
        (0x0506, "is locked"),
        (0x0504, "device error"),
    ] {
        let (script, mut queue) = queue(Inner {
            status,
            ..Inner::default()
        });
        let error = queue.print(&job()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert_eq!(script.count(Operation::PrintJob), 1);
    }
}

#[test]
fn capabilities_say_that_a_queue_prints_and_nothing_else() {
    let (_, mut queue) = queue(Inner {
        sides: vec!["two-sided-short-edge"],
        ..Inner::default()
    });
    let expected = Capabilities {
        prints: true,
        colour: true,
        duplex: true,
        ..Capabilities::default()
    };
    assert_eq!(queue.capabilities(), expected);
    for error in [
        queue.feed(Position::Contacts).unwrap_err(),
        queue.eject().unwrap_err(),
        queue.reject().unwrap_err(),
        queue.clean().unwrap_err(),
    ] {
        assert!(matches!(error, PrinterError::Lacks { .. }));
    }
    assert_eq!(queue.identify().unwrap().model, "Card Printer");
}

#[test]
fn black_alone_goes_as_one_bit_and_both_sides_as_two_pages() {
    let (_, queue) = queue(Inner {
        sides: vec!["two-sided-short-edge"],
        ..Inner::default()
    });
    let black = Job {
        front: Some(face([0; 3])),
        back: Some(face([0; 3])),
        ..Job::default()
    };
    let document = Document::decode(&queue.draw(&black).unwrap()).unwrap();
    assert_eq!(document.pages.len(), 2);
    for page in document.pages {
        assert_eq!(page.header().colour, Colour::Black1);
        assert!(page.header().duplex && page.header().tumble);
    }
}
