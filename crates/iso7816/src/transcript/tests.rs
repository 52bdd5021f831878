use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ground::{Ambient, Virtual};
use proptest::prelude::*;

use super::*;
use crate::{Link, Reset, StatusWord, Traced, Transcript};

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A card that takes 21 ms to refuse everything, and loses contact on 00 F0.
struct Refusing(Arc<dyn Ambient>);

impl Link for Refusing {
    fn name(&self) -> &str {
        "sim:refusing"
    }

    fn atr(&self) -> &[u8] {
        &[0x3B, 0x00]
    }

    fn protocol(&self) -> Protocol {
        Protocol::T0
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        self.0.sleep(Duration::from_millis(21));
        if command.starts_with(&[0x00, 0xF0]) {
            return Err(LinkError::CardRemoved {
                reader: self.name().to_owned(),
            });
        }
        let status = StatusWord::INSTRUCTION_NOT_SUPPORTED;
        Ok(status.0.to_be_bytes().to_vec())
    }

    fn reset(&mut self, _: Reset) -> Result<(), LinkError> {
        self.0.sleep(Duration::from_millis(5));
        Ok(())
    }

    fn disconnect(self: Box<Self>, _: Disposition) -> Result<(), LinkError> {
        Ok(())
    }
}

fn recorded() -> String {
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let memory = Memory::default();
    let link = Refusing(Arc::clone(&ambient));
    let header = Header::new("cardwright test", ambient.now(), &link)
        .with_series("series10")
        .with_card("0011223344");
    ambient.sleep(Duration::from_secs(3));
    let writer = TranscriptWriter::new(Box::new(memory.clone()), &header, Arc::clone(&ambient));
    let mut link = Box::new(Traced::new(link, ambient, writer.clone()));
    link.transmit(&[0x00, 0x20, 0x00, 0x80, 0x02, 0x31, 0x32])
        .unwrap();
    link.reset(Reset::Cold).unwrap();
    writer.note("the operator took the card out");
    link.transmit(&[0x00, 0xF0, 0x00, 0x00]).unwrap_err();
    writer.removed();
    writer.inserted(&[0x3B, 0x01, 0x00]);
    link.disconnect(Disposition::PowerOff).unwrap();
    assert_eq!(writer.finish(), Ok(2));
    memory.text()
}

#[test]
fn a_session_is_recorded_line_by_line() {
    assert_eq!(
        recorded().lines().collect::<Vec<_>>(),
        [
            r#"{"schema":"cardwright-transcript","version":1,"tool":"cardwright test","time":"2026-01-05T09:00:00Z","reader":"sim:refusing","atr":"3B00","protocol":"T=0","series":"series10","card":"0011223344"}"#,
            r#"{"kind":"exchange","seq":1,"at_us":0,"took_us":21000,"command":"0020008002****","response":"6D00","redacted":[{"side":"command","at":5,"length":2,"what":"pin"}]}"#,
            r#"{"kind":"reset","at_us":21000,"reset":"cold","atr":"3B00"}"#,
            r#"{"kind":"note","at_us":26000,"text":"the operator took the card out"}"#,
            r#"{"kind":"exchange","seq":2,"at_us":26000,"took_us":21000,"command":"00F00000","error":{"error":"card-removed","detail":"the card in reader `sim:refusing` was removed in the middle of the work"}}"#,
            r#"{"kind":"removed","at_us":47000}"#,
            r#"{"kind":"inserted","at_us":47000,"atr":"3B0100"}"#,
            r#"{"kind":"disconnected","at_us":47000,"disposition":"power-off"}"#,
            r#"{"kind":"end","at_us":47000,"exchanges":2}"#,
        ]
    );
}

#[test]
fn what_is_written_reads_back() {
    let text = recorded();
    let transcript = Transcript::read(text.as_bytes()).unwrap();
    assert!(transcript.complete);
    assert_eq!(transcript.header.series.as_deref(), Some("series10"));
    let again: Vec<String> = std::iter::once(serde_json::to_string(&transcript.header).unwrap())
        .chain(
            transcript
                .entries
                .iter()
                .map(|entry| serde_json::to_string(entry).unwrap()),
        )
        .collect();
    assert_eq!(again, text.lines().collect::<Vec<_>>());
}

#[test]
fn a_file_cut_anywhere_in_its_last_line_reads_as_incomplete() {
    let text = recorded();
    let start = text.trim_end().rfind('\n').unwrap() + 1;
    for end in start..text.len() - 1 {
        let transcript = Transcript::read(&text.as_bytes()[..end]).unwrap();
        assert!(!transcript.complete, "cut at {end}");
        assert_eq!(transcript.entries.len(), 7);
    }
}

#[test]
fn other_schemas_and_versions_are_refused() {
    let text = recorded();
    let read = |text: &str| Transcript::read(text.as_bytes()).unwrap_err();
    assert_eq!(read(""), TranscriptError::Empty);
    assert_eq!(read("hello\n"), TranscriptError::NotATranscript);
    assert_eq!(read("{}\n"), TranscriptError::NotATranscript);
    assert_eq!(
        read(&text.replace("cardwright-transcript", "another")),
        TranscriptError::NotATranscript
    );
    assert_eq!(
        read(r#"{"schema":"cardwright-transcript","version":2,"whatever":[]}"#),
        TranscriptError::Version { version: 2 }
    );
}

#[test]
fn lines_that_contradict_each_other_are_refused() {
    let text = recorded();
    let detail = |from: &str, to: &str| {
        assert!(text.contains(from));
        Transcript::read(text.replacen(from, to, 1).as_bytes())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        detail(r#""seq":2"#, r#""seq":3"#),
        "line 5 of the transcript: sequence number out of order"
    );
    assert_eq!(
        detail(r#""exchanges":2"#, r#""exchanges":3"#),
        "line 9 of the transcript: the count at the end does not agree"
    );
    assert_eq!(
        detail("0020008002****", "00200080023132"),
        "line 2 of the transcript: a byte marked as redacted is not withheld"
    );
    assert_eq!(
        detail(r#""length":2"#, r#""length":1"#),
        "line 2 of the transcript: a byte withheld is not marked as redacted"
    );
    assert_eq!(
        detail(r#","response":"6D00""#, ""),
        "line 2 of the transcript: an exchange has either a response or an error"
    );
    assert!(detail(r#""kind":"note""#, r#""kind":"vote""#).contains("unknown variant `vote`"));
    assert!(detail(r#""seq":1,"#, r#""seq":1,"extra":1,"#).contains("unknown field `extra`"));
    assert_eq!(
        Transcript::read(format!("{text}{{}}\n").as_bytes()),
        Err(TranscriptError::AfterEnd { line: 10 })
    );
}

#[test]
fn a_line_without_end_is_refused_and_not_kept() {
    let header = recorded().lines().next().unwrap().to_owned();
    let endless = io::Read::chain(header.as_bytes(), io::repeat(b' '));
    assert_eq!(
        Transcript::read(io::BufReader::new(endless)),
        Err(TranscriptError::LineTooLong {
            line: 1,
            limit: 1 << 20
        })
    );
}

/// Takes so many bytes and is full then.
struct SmallDisk(usize);

impl Write for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or_else(|| io::Error::new(io::ErrorKind::StorageFull, "no space left"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_reported_at_the_end_and_does_not_disturb_the_card() {
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let link = Refusing(Arc::clone(&ambient));
    let header = Header::new("test", ambient.now(), &link);
    let writer = TranscriptWriter::new(Box::new(SmallDisk(500)), &header, Arc::clone(&ambient));
    let mut link = Traced::new(link, ambient, writer.clone());
    for _ in 0..20 {
        assert_eq!(
            link.transmit(&[0x00, 0xA4, 0x04, 0x00]),
            Ok(vec![0x6D, 0x00])
        );
    }
    let error = writer.finish().unwrap_err();
    assert_eq!(error.kind, io::ErrorKind::StorageFull);
    assert!((1..20).contains(&error.exchanges), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_read_or_give_a_typed_error(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        let _ = Transcript::read(&bytes[..]);
        let mut with_header = recorded().lines().next().unwrap().as_bytes().to_vec();
        with_header.push(b'\n');
        with_header.extend_from_slice(&bytes);
        let _ = Transcript::read(&with_header[..]);
    }

    #[test]
    fn a_damaged_transcript_reads_or_gives_a_typed_error(at in 0_usize..1200, byte: u8) {
        let mut bytes = recorded().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = Transcript::read(&bytes[..]);
    }
}
