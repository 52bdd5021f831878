//! Our print queue driver against `ippeveprinter`, the IPP Everywhere printer of CUPS.

use std::error::Error;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ground::{Ambient, System};
use hil_tests::{Background, Program};
use plastic::{Raster, Separation};
use printers::ipp::raster::{Colour, Document};
use printers::ipp::{Http, JobPhase, Profile, Queue};
use printers::magicard::landscape;
use printers::{CardPosition, FaultKind, Job, Position, Printer, PrinterError, Readiness};
use tempfile::TempDir;

type TestResult = Result<(), Box<dyn Error>>;

/// A card printer as `ippeveprinter` reads it with `-a`.
const CARD_PRINTER: &str = r#"
ATTR boolean color-supported true
ATTR integer copies-default 1
ATTR rangeOfInteger copies-supported 1-1
ATTR keyword media-default custom_card_53.98x85.6mm
ATTR keyword media-ready custom_card_53.98x85.6mm
ATTR keyword media-supported custom_card_53.98x85.6mm
ATTR collection media-size-supported {
  MEMBER integer x-dimension 5398
  MEMBER integer y-dimension 8560
}
ATTR text printer-make-and-model "Example Card Printer"
ATTR keyword print-color-mode-default color
ATTR keyword print-color-mode-supported color,monochrome
ATTR resolution pwg-raster-document-resolution-supported 300dpi
ATTR keyword pwg-raster-document-sheet-back rotated
ATTR keyword pwg-raster-document-type-supported black_1,sgray_8,srgb_8
ATTR keyword sides-default one-sided
ATTR keyword sides-supported one-sided,two-sided-short-edge
"#;

/// `ippeveprinter` does not start without a message bus, even where it is to announce nothing.
const BUS: &str = r#"<busconfig>
  <listen>unix:path=BUS</listen>
  <policy context="default">
    <allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/>
  </policy>
</busconfig>
"#;

/// What the printer does with a document: keeps it, then does as it is told.
const COMMAND: &str = r#"#!/bin/sh
cp "$1" 'FOLDER/arrived.part' && mv 'FOLDER/arrived.part' 'FOLDER/arrived.pwg' || exit 9
. 'FOLDER/behaviour'
"#;

/// A printer that runs until it is dropped, and the folder it works in.
struct Everywhere {
    // Ended in this order.
    printer: Background,
    _bus: Background,
    folder: TempDir,
    port: u16,
}

impl Everywhere {
    fn start(more_attributes: &str) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name);
        let shown = folder.path().display().to_string();
        fs::write(
            path("card.conf"),
            format!("{CARD_PRINTER}{more_attributes}"),
        )?;
        fs::write(
            path("bus.conf"),
            BUS.replace("BUS", &format!("{shown}/bus")),
        )?;
        let command = path("command");
        fs::write(&command, COMMAND.replace("FOLDER", &shown))?;
        executable(&command)?;
        fs::write(path("behaviour"), "exit 0\n")?;
        fs::create_dir(path("spool"))?;
        let mut bus = Background::start(
            Program::foreign("dbus-daemon")
                .args([
                    "--nofork",
                    "--nopidfile",
                    "--print-address=1",
                    "--config-file",
                ])
                .arg(path("bus.conf")),
        )?;
        bus.wait_for("unix:path=")?;
        // The port is free a moment later; whoever takes it meanwhile makes the start fail.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let printer = Background::start(
            Program::foreign("ippeveprinter")
                .env("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={shown}/bus"))
                // Nothing is announced, and only this machine is listened to.
                .args(["-r", "off", "-n", "localhost", "-k"])
                .args(["-p", &port.to_string()])
                .arg("-a")
                .arg(path("card.conf"))
                .arg("-d")
                .arg(path("spool"))
                .arg("-c")
                .arg(&command)
                .arg("cards"),
        )?;
        let mut printer = Self {
            printer,
            _bus: bus,
            folder,
            port,
        };
        printer.wait_until_it_listens()?;
        Ok(printer)
    }

    fn wait_until_it_listens(&mut self) -> TestResult {
        let ambient = System::new();
        while ambient.elapsed() < Duration::from_secs(30) {
            self.printer.expect_running("that it listens")?;
            if std::net::TcpStream::connect(("localhost", self.port)).is_ok() {
                return Ok(());
            }
            ambient.sleep(Duration::from_millis(50));
        }
        Err("ippeveprinter does not listen within 30 s".into())
    }

    fn queue(&self, profile: Profile) -> Result<Queue<Http>, Box<dyn Error>> {
        let address = format!("ipp://localhost:{}/ipp/print", self.port);
        let http = Http::new(&address, Duration::from_secs(5))?;
        let ambient: Arc<dyn Ambient> = System::shared();
        Ok(Queue::open(http, profile, ambient)?)
    }

    /// What the printer does from now on with a document.
    fn behave(&self, script: &str) -> TestResult {
        Ok(fs::write(self.folder.path().join("behaviour"), script)?)
    }

    fn arrived(&self) -> PathBuf {
        self.folder.path().join("arrived.pwg")
    }

    fn document(&self) -> Result<Document, Box<dyn Error>> {
        Ok(Document::decode(&fs::read(self.arrived())?)?)
    }
}

#[cfg(unix)]
fn executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// Waits shortly between questions, so that a test does not last.
fn quick() -> Profile {
    let mut profile = Profile::any_queue();
    profile.limits_ms.poll.value = 100;
    profile
}

/// A face of colour, black and white with runs and single dots.
fn face(seed: u32) -> Separation {
    let mut picture = Raster::white(plastic::WIDTH, plastic::HEIGHT);
    for y in 40..plastic::HEIGHT - 40 {
        for x in 30..plastic::WIDTH - 30 {
            let wave = |factor: u32| (((x * factor) ^ (y * seed)) & 0xFF) as u8;
            if x < 400 {
                picture.set(x, y, [wave(1), wave(3), wave(7)]);
            } else if y % 50 < 12 && (x / 5 + y / 3) % 3 == 0 {
                picture.set(x, y, [0; 3]);
            }
        }
    }
    Separation::of_pure_black(&picture)
}

fn front_only() -> Job {
    Job {
        front: Some(face(3)),
        ..Job::default()
    }
}

fn fault(error: PrinterError) -> Result<printers::Fault, Box<dyn Error>> {
    match error {
        PrinterError::Faulted { fault, .. } => Ok(fault),
        other => Err(format!("no fault: {other}").into()),
    }
}

#[test]
fn the_raster_that_arrives_is_the_face_dot_for_dot() -> TestResult {
    let printer = Everywhere::start("")?;
    let mut queue = printer.queue(quick())?;
    assert_eq!(queue.identify()?.model, "Example Card Printer");
    let can = queue.capabilities();
    assert!(can.prints && can.colour && can.duplex);
    assert!(!can.resin_black && !can.overcoat && !can.moves_cards);
    assert_eq!(queue.status()?.readiness, Readiness::Ready);

    let printed = queue.print(&front_only())?;
    assert_eq!(printed.card, CardPosition::At(Position::Output));
    let document = printer.document()?;
    let [page] = &document.pages[..] else {
        return Err("not one page".into());
    };
    assert_eq!(page.header().colour, Colour::Srgb8);
    assert!(landscape(&page.picture()) == face(3).composed());

    let job = Job {
        front: Some(face(5)),
        back: Some(face(11)),
        ..Job::default()
    };
    queue.print(&job)?;
    let document = printer.document()?;
    assert_eq!(document.pages.len(), 2);
    for (page, seed) in document.pages.iter().zip([5, 11]) {
        assert!(page.header().duplex && page.header().tumble);
        assert!(landscape(&page.picture()) == face(seed).composed());
    }

    let mut black = face(7);
    black.colour = Raster::white(plastic::WIDTH, plastic::HEIGHT);
    let job = Job {
        front: Some(black.clone()),
        ..Job::default()
    };
    queue.print(&job)?;
    let document = printer.document()?;
    assert_eq!(document.pages[0].header().colour, Colour::Black1);
    assert!(landscape(&document.pages[0].picture()) == black.composed());
    Ok(())
}

/// `ippevepcl` reads rasters with the library of CUPS and writes PCL: the bits of each line, but for
/// a quarter of an inch on either side.
#[test]
fn the_library_of_cups_reads_the_same_dots() -> TestResult {
    let mut black = face(9);
    black.colour = Raster::white(plastic::WIDTH, plastic::HEIGHT);
    let printer = Everywhere::start("")?;
    let job = Job {
        front: Some(black),
        ..Job::default()
    };
    printer.queue(quick())?.print(&job)?;
    let document = printer.document()?;
    let page = &document.pages[0];
    let stride = page.header().stride();
    let printed = Program::foreign("ippevepcl")
        .env("CONTENT_TYPE", "image/pwg-raster")
        .arg(printer.arrived())
        .succeed()?;
    let mut lines = lines_of_pcl(printed.stdout_bytes()).ok_or("no PCL of one page")?;
    let height = page.header().height as usize;
    assert!(lines.len() <= height);
    // 75 of 642 dots are left out at the left and at the right, in whole bytes.
    let (first, last) = (75 / 8, (642 - 75_usize).div_ceil(8));
    // It says nothing of blank lines at the end.
    lines.resize(height, vec![0; last - first]);
    let ours = page.lines().chunks_exact(stride);
    let mut inked = 0;
    for (number, (theirs, ours)) in lines.iter().zip(ours).enumerate() {
        assert_eq!(theirs, &ours[first..last], "line {number}");
        inked += usize::from(theirs.iter().any(|byte| *byte != 0));
    }
    assert!(inked > 100, "{inked} lines with ink");
    Ok(())
}

/// The lines of one page of PCL in compression mode 2 (PackBits).
fn lines_of_pcl(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    const START: &[u8] = b"\x1b*r1A";
    let place = bytes
        .windows(START.len())
        .position(|window| window == START)?;
    let mut rest = &bytes[place + START.len()..];
    let mut lines = Vec::new();
    let mut blank = 0;
    while let Some(command) = rest.strip_prefix(b"\x1b*b") {
        let digits = command
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let count: usize = std::str::from_utf8(&command[..digits]).ok()?.parse().ok()?;
        let (word, data) = command[digits..].split_first()?;
        match word {
            b'Y' => {
                blank += count;
                rest = data;
            }
            b'W' => {
                let (mut packed, behind) = data.split_at_checked(count)?;
                let mut line = Vec::new();
                while let [code, behind @ ..] = packed {
                    let code = usize::from(*code);
                    packed = if code < 128 {
                        let (plain, behind) = behind.split_at_checked(code + 1)?;
                        line.extend_from_slice(plain);
                        behind
                    } else {
                        let (value, behind) = behind.split_first()?;
                        line.resize(line.len() + 257 - code, *value);
                        behind
                    };
                }
                lines.resize(lines.len() + blank, vec![0; line.len()]);
                blank = 0;
                lines.push(line);
                rest = behind;
            }
            _ => return None,
        }
    }
    let width = lines.first()?.len();
    lines.resize(lines.len() + blank, vec![0; width]);
    Some(lines)
}

#[test]
fn a_job_the_printer_gives_up_is_the_fault_it_names_and_is_sent_once() -> TestResult {
    let printer = Everywhere::start("")?;
    let mut queue = printer.queue(quick())?;
    for (reason, kind) in [
        ("media-jam", FaultKind::CardJam),
        ("cover-open", FaultKind::CoverOpen),
        ("marker-supply-empty", FaultKind::FilmOut),
    ] {
        printer.behave(&format!("echo 'STATE: +{reason}' >&2\nexit 1\n"))?;
        let found = fault(queue.print(&front_only()).expect_err(reason))?;
        assert_eq!(found.kind, kind, "{reason}: {found}");
        assert!(found.code.starts_with(reason), "{found}");
        let Readiness::Faulted(standing) = queue.status()?.readiness else {
            return Err(format!("{reason}: the status is fine").into());
        };
        assert_eq!(standing.kind, kind);
        // While the reason stands, no further job is sent.
        fs::remove_file(printer.arrived())?;
        let again = fault(queue.print(&front_only()).expect_err(reason))?;
        assert_eq!(again.kind, kind);
        assert!(!printer.arrived().exists());
        // The operator deals with it: the printer says so with its next job, which is another's.
        printer.behave(&format!("echo 'STATE: -{reason}' >&2\nexit 0\n"))?;
        somebody_else_prints(&printer)?;
        wait_until_ready(&mut queue)?;
    }
    printer.behave("exit 0\n")?;
    queue.print(&front_only())?;
    Ok(())
}

#[test]
fn a_job_that_does_not_end_is_cancelled() -> TestResult {
    let printer = Everywhere::start("")?;
    let mut profile = quick();
    profile.limits_ms.print.value = 1500;
    let mut queue = printer.queue(profile)?;
    // This printer heeds a cancellation when its command has ended.
    printer.behave("exec sleep 4\n")?;
    let error = queue.print(&front_only()).expect_err("no end");
    assert!(matches!(error, PrinterError::Timeout { .. }), "{error}");
    assert_eq!(queue.job(1)?.phase, JobPhase::Cancelled);
    printer.behave("exit 0\n")?;
    queue.print(&front_only())?;
    assert_eq!(queue.job(2)?.phase, JobPhase::Completed);
    Ok(())
}

#[test]
fn a_queue_that_stops_is_not_left_with_a_job_in_it_unsaid() -> TestResult {
    let printer = Everywhere::start("")?;
    let mut profile = quick();
    profile.limits_ms.print.value = 1000;
    profile.limits_ms.motion.value = 1500;
    // So that the job is sent in spite of the empty tray.
    profile
        .reasons
        .retain(|reason| reason.keyword != "media-empty");
    let mut queue = printer.queue(profile)?;
    printer.behave("echo 'STATE: +media-empty' >&2\nexit 0\n")?;
    queue.print(&front_only())?;
    fs::remove_file(printer.arrived())?;
    // This printer keeps a job until cards are loaded, and no request takes it out.
    let error = queue.print(&front_only()).expect_err("no card");
    assert!(!printer.arrived().exists());
    if queue.job(2)?.phase == JobPhase::Cancelled {
        assert!(matches!(error, PrinterError::Timeout { .. }), "{error}");
    } else {
        let words = error.to_string();
        assert!(words.contains("job 2 could not be cancelled"), "{words}");
        assert!(words.contains("may still be printed"), "{words}");
    }
    Ok(())
}

#[test]
fn a_queue_that_tries_again_and_a_queue_for_paper_get_no_card() -> TestResult {
    let printer = Everywhere::start("ATTR name printer-error-policy retry-job\n")?;
    let error = printer
        .queue(quick())?
        .print(&front_only())
        .expect_err("retries");
    assert!(error.to_string().contains("retry-job"), "{error}");
    assert!(!printer.arrived().exists());

    let mut profile = quick();
    profile.media.value = "custom_card_30x40mm".to_owned();
    let error = printer
        .queue(profile)?
        .print(&front_only())
        .expect_err("no medium");
    assert!(error.to_string().contains("size of a card"), "{error}");
    Ok(())
}

#[test]
fn a_printer_that_is_not_there_is_a_connection_error() -> TestResult {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let http = Http::new(
        &format!("ipp://localhost:{port}/ipp/print"),
        Duration::from_secs(5),
    )?;
    let opened = Queue::open(http, quick(), System::shared());
    assert!(matches!(
        opened.err(),
        Some(PrinterError::Connection { .. })
    ));
    Ok(())
}

/// A job of another program, which is sent whatever state the printer is in.
fn somebody_else_prints(printer: &Everywhere) -> TestResult {
    let job = printer.folder.path().join("other.pwg");
    fs::write(&job, b"RaS2")?;
    let test = printer.folder.path().join("print.test");
    fs::write(
        &test,
        "{\nOPERATION Print-Job\nGROUP operation-attributes-tag\n\
         ATTR charset attributes-charset utf-8\nATTR language attributes-natural-language en\n\
         ATTR uri printer-uri $uri\nATTR mimeMediaType document-format image/pwg-raster\n\
         FILE $filename\nSTATUS successful-ok\n}\n",
    )?;
    Program::foreign("ipptool")
        .arg("-f")
        .arg(&job)
        .arg(format!("ipp://localhost:{}/ipp/print", printer.port))
        .arg(&test)
        .succeed()?;
    Ok(())
}

fn wait_until_ready(queue: &mut Queue<Http>) -> TestResult {
    let ambient = System::new();
    while ambient.elapsed() < Duration::from_secs(30) {
        if queue.status()?.readiness == Readiness::Ready {
            return Ok(());
        }
        ambient.sleep(Duration::from_millis(50));
    }
    Err("the printer does not get ready within 30 s".into())
}
