use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use card_image::{CardImage, Content};
use comparison::{CaptureError, PROBES, capture, diff, image_of};
use firmware_sim::card::{Model, PivChip};
use ground::Blamed;
use iso7816::transcript::{Entry, Exchange, Header};
use iso7816::{
    Channel, Command, Disposition, Instruction, Link, LinkError, Masked, Protocol, Reset, Secret,
    Span, StatusWord, Traced, Transcript, TranscriptWriter,
};
use piv::words::{ObjectId, PinReference};
use proptest::collection::vec;
use proptest::prelude::*;
use series::{InspectOptions, Profiles, inspect};

use crate::support::*;

/// Status words as the chip answers them without a detour.
fn tries(contacts: &firmware_sim::contacts::Contacts) -> StatusWord {
    let mut link = connect(contacts);
    link.transmit(&[0x00, 0xA4, 0x04, 0x00, 0x05, 0xA0, 0, 0, 0x03, 0x08, 0x00])
        .unwrap();
    let answer = link.transmit(&[0x00, 0x20, 0x00, 0x80]).unwrap();
    StatusWord::from([answer[0], answer[1]])
}

#[test]
fn a_capture_has_everything_readable_and_spends_no_try() {
    let contacts = contacts(personalised(1));
    let image = take(&contacts, &options()).unwrap();
    assert_eq!(tries(&contacts), StatusWord(0x63C3));

    assert_eq!(image.source, "sim:test");
    assert_eq!(image.program.as_deref(), Some("test 1"));
    assert!(image.taken_at.is_some() && !image.with_passcode);
    assert_eq!(image.atr, Some(Model::series10().atr));
    assert!(image.select.as_ref().unwrap().status.is_ok());
    assert_eq!(image.production.cplc.as_ref().unwrap().len(), 42);
    assert!(image.production.issuer_identification.is_some());
    assert!(image.production.card_image_number.is_some());

    assert_eq!(image.objects.len(), 36, "every object was asked for");
    for (object, content) in &image.objects {
        assert_eq!(content.is_protected(), object.needs_pin(), "{object}");
    }
    assert!(image.object(ObjectId::Chuid).is_some());
    assert_eq!(image.references.len(), 6);
    assert_eq!(
        image.references[&PinReference::Application],
        StatusWord(0x63C3)
    );
    let names: Vec<&str> = image.probes.iter().map(|probe| &*probe.name).collect();
    assert_eq!(names, PROBES.map(|probe| probe.name));
    for what in ["select", "read-5FC102", "read-7E"] {
        assert!(
            image.timings.iter().any(|timing| timing.what == what),
            "{what}"
        );
    }
}

#[test]
fn a_simulated_card_answers_every_probe_as_the_standard_has_it() {
    for model in [Model::series10(), Model::series9()] {
        let image = capture_of(PivChip::personalised(&model, 1), &options());
        for probe in PROBES {
            let status = image.probe(probe.name).unwrap().status;
            assert_ne!(
                probe.standard.allows(status),
                Some(false),
                "{} {}: {status}",
                model.name,
                probe.name
            );
        }
    }
}

#[test]
fn with_the_passcode_what_is_behind_it_is_read_and_the_pairing_code_is_left_out() {
    let contacts = contacts(personalised(1));
    let image = take(&contacts, &with_passcode("123456")).unwrap();
    assert!(image.with_passcode);
    assert!(image.object(ObjectId::PrintedInformation).is_some());
    assert_eq!(image.objects[&ObjectId::PairingCode], Content::Withheld);
    let before = image.probe("without-passcode-5FC109").unwrap();
    assert_eq!(before.status, StatusWord::SECURITY_STATUS_NOT_SATISFIED);

    // What the card itself says the code is.
    let mut link = connect(&contacts);
    for command in ["00A4040005A000000308", "0020008008313233343536FFFF"] {
        link.transmit(&hex::decode(command).unwrap()).unwrap();
    }
    let answer = link
        .transmit(&hex::decode("00CB3FFF055C035FC12300").unwrap())
        .unwrap();
    let code = hex::encode_upper(&answer[4..12]);
    assert!(code.starts_with('3'), "eight digits: {code}");
    assert!(!image.to_capture().contains(&code));
    assert!(!image.to_capture().contains("313233343536"), "the passcode");
}

/// Everything sent over it.
struct Spy {
    link: Box<dyn Link>,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Link for Spy {
    fn name(&self) -> &str {
        self.link.name()
    }
    fn atr(&self) -> &[u8] {
        self.link.atr()
    }
    fn protocol(&self) -> Protocol {
        self.link.protocol()
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        self.sent.lock().unwrap().push(command.to_vec());
        self.link.transmit(command)
    }
    fn reset(&mut self, reset: Reset) -> Result<(), LinkError> {
        self.link.reset(reset)
    }
    fn disconnect(self: Box<Self>, disposition: Disposition) -> Result<(), LinkError> {
        self.link.disconnect(disposition)
    }
}

#[test]
fn each_object_is_read_once_and_only_harmless_commands_are_sent() {
    for (options, passcodes) in [(options(), 0), (with_passcode("123456"), 1)] {
        let contacts = contacts(personalised(1));
        let sent = Arc::new(Mutex::new(Vec::new()));
        let spy = Spy {
            link: connect(&contacts),
            sent: Arc::clone(&sent),
        };
        let image = capture(Box::new(spy), &options, &ambient()).unwrap();
        let sent = sent.lock().unwrap();
        let commands: Vec<Command> = sent.iter().flat_map(|it| Command::parse(it)).collect();
        assert_eq!(commands.len(), sent.len(), "all are commands");
        for object in image.objects.keys() {
            let whole = piv::commands::get_data(object.tag());
            let times = commands.iter().filter(|sent| **sent == whole).count();
            // What was refused is asked for again behind the passcode.
            let again = passcodes == 1 && object.needs_pin();
            assert_eq!(times, 1 + usize::from(again), "{object}");
        }
        let verified = commands
            .iter()
            .filter(|sent| sent.instruction == Instruction::VERIFY && !sent.data.is_empty())
            .count();
        assert_eq!(verified, passcodes);
        for command in commands.iter() {
            assert!(
                matches!(
                    command.instruction,
                    Instruction::SELECT
                        | Instruction::GET_DATA
                        | Instruction::GET_DATA_P1P2
                        | Instruction::GET_RESPONSE
                        | Instruction::VERIFY
                        | Instruction(0x3E)
                ),
                "{:?}",
                command.instruction
            );
        }
    }
}

#[test]
fn a_wrong_passcode_is_tried_once_and_not_when_too_few_tries_are_left() {
    let contacts = contacts(personalised(1));
    let error = take(&contacts, &with_passcode("999999")).unwrap_err();
    assert!(matches!(error, CaptureError::Piv(_)), "{error}");
    assert_eq!(tries(&contacts), StatusWord(0x63C2));
    let error = take(&contacts, &with_passcode("999999")).unwrap_err();
    assert!(error.to_string().contains("wrong"), "{error}");
    assert_eq!(tries(&contacts), StatusWord(0x63C1));
    let error = take(&contacts, &with_passcode("123456")).unwrap_err();
    assert!(
        matches!(
            error,
            CaptureError::TooFewTries {
                left: 1,
                reserve: 1
            }
        ),
        "{error}"
    );
    assert!(error.hint().is_some());
    assert_eq!(tries(&contacts), StatusWord(0x63C1), "nothing was tried");
}

/// All but where and when it was taken.
fn timeless(mut image: CardImage) -> CardImage {
    image.source.clear();
    image.taken_at = None;
    image.timings.clear();
    image
}

#[test]
fn a_capture_put_on_a_card_is_captured_again() {
    let mut spent = personalised(3);
    // One try is gone: that is part of the picture.
    {
        use firmware_sim::contacts::Chip;
        spent.power_on();
        spent.transmit(&hex::decode("00A4040005A000000308").unwrap());
        spent.transmit(&hex::decode("0020008008393939393939FFFF").unwrap());
    }
    for (model, chip, options) in [
        (Model::series10(), personalised(1), options()),
        (Model::series10(), personalised(2), with_passcode("123456")),
        (Model::series10(), spent, options()),
        (
            Model::series10(),
            PivChip::blank(&Model::series10(), 1),
            options(),
        ),
        (
            Model::series9(),
            PivChip::personalised(&Model::series9(), 1),
            options(),
        ),
    ] {
        let first = capture_of(chip, &options);
        let read = CardImage::parse_capture("x", first.to_capture().as_bytes()).unwrap();
        assert_eq!(read, first);
        // Another number, so that nothing comes from there.
        let again = PivChip::from_image(&model, &read, 99).unwrap();
        let second = capture_of(again, &options);
        assert_eq!(timeless(second), timeless(first));
    }
}

/// Over T=0 answers are fetched in pieces; what they say is the same.
#[test]
fn a_capture_over_t0_has_the_same_objects() {
    let mut model = Model::series10();
    model.transport.protocol = Protocol::T0;
    let contacts = contacts(PivChip::personalised(&model, 1));
    let over_t0 = take(&contacts, &with_passcode("123456")).unwrap();
    let over_t1 = capture_of(personalised(1), &with_passcode("123456"));
    assert_eq!(over_t0.protocol, Some(Protocol::T0));
    assert_eq!(over_t0.objects, over_t1.objects);
    assert_eq!(over_t0.select, over_t1.select);
    assert_eq!(over_t0.references, over_t1.references);
    let sent = PROBES.iter().filter(|probe| !probe.needs_t1).count();
    assert_eq!(
        over_t0.probes.len(),
        sent + 5,
        "and five before the passcode"
    );
    let comparison = diff(&over_t1, &over_t0, None);
    assert!(!comparison.has_regressions(), "{}", comparison.to_text());
}

#[test]
fn a_card_without_piv_gives_what_else_it_says() {
    let mut model = Model::series10();
    // No beginning of the identifier is that long.
    model.shortest_aid = 12;
    let image = capture_of(PivChip::blank(&model, 1), &options());
    assert_eq!(image.select.unwrap().status, StatusWord::NOT_FOUND);
    assert!(image.production.cplc.is_some());
    assert_eq!(image.objects, BTreeMap::new());
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `cardwright inspect --transcript` records.
fn transcript_of_an_inspection(chip: PivChip) -> Transcript {
    let contacts = contacts(chip);
    let (ambient, lines) = (ambient(), Lines::default());
    let link = connect(&contacts);
    let header = Header::new("test 1", ambient.now(), &*link);
    let writer = TranscriptWriter::new(Box::new(lines.clone()), &header, Arc::clone(&ambient));
    let traced = Traced::new(link, Arc::clone(&ambient), writer.clone());
    let channel = Channel::new(Box::new(traced));
    inspect(
        channel,
        &Profiles::builtin(),
        &InspectOptions::default(),
        ambient.now(),
    )
    .unwrap();
    writer.finish().unwrap();
    let lines = lines.0.lock().unwrap();
    Transcript::read(&lines[..]).unwrap()
}

#[test]
fn a_transcript_of_an_inspection_gives_the_image_of_what_it_contains() {
    let image = image_of(&transcript_of_an_inspection(personalised(1)));
    let capture = capture_of(personalised(1), &options());
    assert_eq!(image.atr, capture.atr);
    assert_eq!(image.select, capture.select);
    assert_eq!(image.production, capture.production);
    // Where there can be no more of them an inspection asks for two retired certificates only.
    for (object, content) in &capture.objects {
        match (object, image.objects.get(object)) {
            (ObjectId::RetiredCertificate(_), None) => {}
            (_, read) => assert_eq!(read, Some(content), "{object}"),
        }
    }
    assert_eq!(image.references.len(), 3, "those an inspection asks for");
    assert!(image.probes.len() < capture.probes.len());
}

#[test]
fn a_transcript_cut_anywhere_gives_an_image_of_the_part() {
    let whole = transcript_of_an_inspection(personalised(1));
    let image = image_of(&whole);
    for length in 0..whole.entries.len() {
        let part = Transcript {
            entries: whole.entries[..length].to_vec(),
            ..whole.clone()
        };
        let part = image_of(&part);
        for (object, content) in &part.objects {
            assert_eq!(&image.objects[object], content);
        }
    }
    assert!(matches!(whole.entries.last(), Some(Entry::End { .. })));
}

/// Exchanges of all kinds, in any order: selections, readings, references, probes, nonsense.
fn exchange() -> impl Strategy<Value = (Masked, Masked)> {
    let tag = prop_oneof![
        proptest::sample::select(ObjectId::all().collect::<Vec<_>>())
            .prop_map(|object| object.tag().to_bytes()),
        vec(any::<u8>(), 0..5),
    ];
    let get_data = tag.prop_map(|tag| {
        let list = iso7816::ber::object(iso7816::ber::Tag(0x5C), &tag);
        let length = u8::try_from(list.len()).unwrap();
        [&[0x00, 0xCB, 0x3F, 0xFF, length], &list[..], &[0x00]].concat()
    });
    let command = prop_oneof![
        proptest::sample::select(PROBES.to_vec()).prop_map(|probe| probe.command.to_vec()),
        get_data,
        Just(hex::decode("00A4040005A00000030800").unwrap()),
        Just(hex::decode("00A4040000").unwrap()),
        Just(hex::decode("80CA9F7F00").unwrap()),
        Just(hex::decode("80CA004200").unwrap()),
        Just(hex::decode("0020008008313233343536FFFF").unwrap()),
        any::<u8>().prop_map(|reference| vec![0x00, 0x20, 0x00, reference]),
        vec(any::<u8>(), 0..12),
    ];
    let status = prop_oneof![Just(0x9000_u16), Just(0x6982), Just(0x6104), any::<u16>()];
    let data = prop_oneof![
        vec(any::<u8>(), 0..40),
        vec(any::<u8>(), 0..40)
            .prop_map(|value| iso7816::ber::object(iso7816::ber::Tag(0x53), &value)),
    ];
    (command, data, status, any::<bool>()).prop_map(|(command, data, status, hidden)| {
        let length = data.len();
        let response = [data, status.to_be_bytes().to_vec()].concat();
        let span = Span {
            at: 0,
            length,
            what: Secret::Pin,
        };
        let spans = if hidden && length > 0 {
            vec![span]
        } else {
            Vec::new()
        };
        (Masked::from(&command[..]), Masked::new(&response, &spans))
    })
}

proptest! {
    #[test]
    fn any_transcript_gives_an_image_that_can_be_written_and_read(
        exchanges in vec(exchange(), 0..40),
        atr in vec(any::<u8>(), 0..40),
    ) {
        let whole = transcript(atr, exchanges);
        let image = image_of(&whole);
        let read = CardImage::parse_capture("x", image.to_capture().as_bytes()).unwrap();
        prop_assert_eq!(&read, &image);
        PivChip::from_image(&Model::series10(), &image, 1).unwrap();
    }
}

fn transcript(atr: Vec<u8>, exchanges: Vec<(Masked, Masked)>) -> Transcript {
    let contacts = contacts(personalised(1));
    let header = Header {
        atr,
        ..Header::new("test 1", ambient().now(), &*connect(&contacts))
    };
    let entries = (1..)
        .zip(exchanges)
        .map(|(seq, (command, response))| {
            Entry::Exchange(Exchange {
                seq,
                at_us: seq * 100,
                took_us: 50,
                command,
                response: Some(response),
                error: None,
                redacted: Vec::new(),
            })
        })
        .collect();
    Transcript {
        header,
        entries,
        complete: false,
    }
}
