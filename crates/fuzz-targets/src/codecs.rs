//! Small codecs: answers to reset, APDUs, BER-TLV, GlobalPlatform answers, printer frames.

use globalplatform::management::parse_status;
use globalplatform::{CardSerial, Cplc};
use iso7816::ber::{self, Reader, Tag};
use iso7816::describe::{Apdu, GenericNames, tlv_tree};
use iso7816::redact::Redactor;
use iso7816::{Atr, Command, Masked, Response};
use printers::magicard::{Code, ErrReply, Inf, Job};

pub(crate) fn atr(bytes: &[u8]) {
    match Atr::parse(bytes) {
        Ok(atr) => {
            for line in atr.explain() {
                let _ = format!("{line:?}");
            }
            for finding in &atr.findings {
                let _ = finding.to_string();
            }
        }
        Err(error) => drop(error.to_string()),
    }
}

pub(crate) fn ber(bytes: &[u8]) {
    for mut reader in [Reader::new(bytes), Reader::single_byte_tags(bytes)] {
        let mut read = 0;
        let mut complete = true;
        for object in reader.by_ref() {
            let Ok(object) = object else {
                complete = false;
                break;
            };
            assert_eq!(object.offset, read);
            read += object.raw.len();
            assert!(object.raw.ends_with(object.value));
            assert_eq!(&bytes[object.offset..read], object.raw);
        }
        assert!(!complete || read == bytes.len());
        assert!(reader.rest().len() <= bytes.len());
    }
    if let Ok(object) = ber::read_one(bytes) {
        // The shortest form says the same.
        let written = ber::object(object.tag, object.value);
        let again = ber::read_one(&written).expect("what is written is read");
        assert_eq!((again.tag, again.value), (object.tag, object.value));
        descend(object.children(), 0);
    }
    let _ = ber::find(Tag(0x81), bytes);
    let _ = ber::expect(Tag(0x53), bytes);
}

fn descend(objects: Reader<'_>, depth: usize) {
    if depth < 8 {
        for object in objects.map_while(Result::ok) {
            descend(object.children(), depth + 1);
        }
    }
}

pub(crate) fn command(bytes: &[u8]) {
    let Ok(command) = Command::parse(bytes) else {
        return;
    };
    let _ = format!("{command:?}");
    let extended = command
        .to_extended()
        .expect("what came in one APDU fits one");
    assert!(Command::parse(&extended).expect("what is written is parsed") == command);
    match command.to_short() {
        Ok(short) if !command.needs_extended() => {
            assert!(Command::parse(&short).expect("what is written is parsed") == command);
        }
        Ok(_) => {}
        Err(_) => assert!(command.data.len() > 255),
    }
}

pub(crate) fn response(bytes: &[u8]) {
    if let Ok(response) = Response::parse(bytes) {
        assert_eq!(response.to_bytes(), bytes);
        let _ = response.status.meaning();
        let _ = format!("{response:?}");
    }
}

/// A command and its response, the length of the command before both.
pub(crate) fn apdu_description(bytes: &[u8]) {
    let mut redactor = Redactor::new();
    let pieces: Vec<&[u8]> = crate::link::pieces(bytes).collect();
    for pair in pieces.chunks(2) {
        let (command, response) = (pair[0], pair.get(1).copied());
        let redaction = redactor.judge(command, response);
        for (bytes, spans) in [
            (command, &redaction.command),
            (response.unwrap_or_default(), &redaction.response),
        ] {
            let masked = Masked::new(bytes, spans);
            assert!(masked.matches(bytes));
            let again: Masked = masked.to_string().parse().expect("what is shown is read");
            assert_eq!(again, masked);
        }
        let masked = Masked::new(command, &redaction.command);
        if let Some(apdu) = Apdu::parse(&masked) {
            let _ = tlv_tree(&apdu.data, &GenericNames);
        }
    }
}

pub(crate) fn production_data(bytes: &[u8]) {
    if let Ok(cplc) = Cplc::parse(bytes) {
        assert_eq!(
            Cplc::parse(&cplc.to_bytes()).expect("what is written is parsed"),
            cplc
        );
        let _ = format!("{cplc:?}");
    }
    if let Ok(serial) = CardSerial::new(bytes) {
        assert_eq!(serial.as_bytes(), bytes);
        let _ = serial.to_string();
    }
}

pub(crate) fn status_list(bytes: &[u8]) {
    match parse_status(bytes) {
        Ok(entries) => {
            assert!(entries.iter().map(|entry| entry.raw.len()).sum::<usize>() <= bytes.len())
        }
        Err(error) => drop(error.to_string()),
    }
}

pub(crate) fn printer_job(bytes: &[u8]) {
    match Job::decode(bytes) {
        Ok(job) => {
            assert_eq!(job.encode(), bytes);
            let _ = format!("{job:?}");
        }
        Err(error) => drop(error.to_string()),
    }
}

pub(crate) fn printer_reply(bytes: &[u8]) {
    if let Ok(inf) = Inf::parse(bytes) {
        let again = Inf::parse(&inf.to_bytes()).expect("what is written is parsed");
        assert_eq!(again, inf);
    }
    if let Ok(reply) = ErrReply::parse(bytes) {
        let _ = reply.code.is_fine();
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some(code) = Code::parse(text)
    {
        assert_eq!(Code::parse(code.as_str()), Some(code));
    }
}
