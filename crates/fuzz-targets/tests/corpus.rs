//! The corpus of every target, made from the project's vectors, profiles and simulated cards.
//! `CARDWRIGHT_WRITE_VECTORS` writes it anew. What is made of vectors is compared to the byte; the
//! rest may grow old: as a beginning for mutations it is as good as ever.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use authentic::Token;
use firmware_sim::card::authentic::{AuthenticChip, AuthenticModel};
use firmware_sim::card::nvm::Cell;
use firmware_sim::card::{Model, PivChip};
use firmware_sim::contacts::{Chip, Contacts};
use iso7816::ber::{self, Tag};
use iso7816::{Channel, Reader};
use printers::magicard::{Ink, Job, Page, Plane, Query, Word};

/// Files by target and name, and whether they are made of vectors.
#[derive(Default)]
struct Corpus(BTreeMap<(String, String), (Vec<u8>, bool)>);

impl Corpus {
    /// Something made of a vector.
    fn add(&mut self, target: &str, name: &str, bytes: impl Into<Vec<u8>>) {
        self.put(target, name, bytes.into(), true);
    }

    /// Something made of what may change.
    fn seed(&mut self, target: &str, name: &str, bytes: impl Into<Vec<u8>>) {
        self.put(target, name, bytes.into(), false);
    }

    fn put(&mut self, target: &str, name: &str, bytes: Vec<u8>, lasting: bool) {
        let place = (target.to_owned(), name.to_owned());
        let before = self.0.insert(place, (bytes, lasting));
        assert!(before.is_none(), "{target}/{name}");
    }
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

fn object(name: &str) -> Vec<u8> {
    let path = vectors().join("objects").join(format!("{name}.hex"));
    let text = std::fs::read_to_string(path).unwrap();
    hex::decode(text.split_whitespace().collect::<String>()).unwrap()
}

fn repository(path: &str) -> Vec<u8> {
    std::fs::read(vectors().join("..").join(path)).unwrap()
}

/// The value of an element of an object.
fn element(value: &[u8], tag: u32) -> Vec<u8> {
    ber::Reader::single_byte_tags(value)
        .map(Result::unwrap)
        .find(|element| element.tag == Tag(tag))
        .unwrap()
        .value
        .to_vec()
}

/// Each behind its length in one byte, or two after `FF`.
fn pieces<T: AsRef<[u8]>>(pieces: &[T]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces {
        let piece = piece.as_ref();
        match piece.len() {
            length @ 0..=0xFE => out.push(length as u8),
            length => {
                out.push(0xFF);
                out.extend_from_slice(&(length as u16).to_be_bytes());
            }
        }
        out.extend_from_slice(piece);
    }
    out
}

fn commands(texts: &[&str]) -> Vec<Vec<u8>> {
    texts
        .iter()
        .map(|text| hex::decode(text.replace(' ', "")).unwrap())
        .collect()
}

/// What the chip answers to these, one by one.
fn answers(chip: &mut PivChip, commands: &[Vec<u8>]) -> Vec<Vec<u8>> {
    commands
        .iter()
        .map(|command| chip.transmit(command))
        .collect()
}

fn objects(corpus: &mut Corpus) {
    for kind in ["p256", "p384", "rsa2048", "rsa3072"] {
        let small = kind.starts_with('p');
        corpus.add("chuid", kind, object(&format!("chuid-{kind}")));
        let certificate = object(&format!("content-signer-{kind}.certificate"));
        if small {
            for (target, name) in [
                ("fingerprints_object", "fingerprints"),
                ("face_object", "face"),
                ("iris_object", "iris"),
            ] {
                let value = object(&format!("{name}-{kind}"));
                corpus.add("cbeff", &format!("{name}-{kind}"), element(&value, 0xBC));
                corpus.add(target, kind, value);
            }
            corpus.add(
                "security_object",
                kind,
                object(&format!("security-object-{kind}")),
            );
        }
        corpus.add("certificate", kind, certificate.clone());
        let mut value = ber::object(Tag(0x70), &certificate);
        value.extend_from_slice(&[0x71, 0x01, 0x00, 0xFE, 0x00]);
        corpus.add("certificate_object", kind, value);
    }
    for (target, kind) in [
        ("minutiae_record", "fingerprints"),
        ("face_record", "face"),
        ("iris_record", "iris"),
    ] {
        let record = element(&object(&format!("{kind}-p256")), 0xBC);
        let length = u32::from_be_bytes(record[2..6].try_into().unwrap()) as usize;
        corpus.add(target, "vector", &record[88..88 + length]);
    }
    corpus.add("chuid", "unsigned", object("chuid-unsigned"));
    corpus.add("certificate_object", "gzip", object("certificate-gzip"));
    let mut old = object("certificate-gzip");
    old.truncate(old.len() - 2);
    old.extend_from_slice(&[0x72, 0x02, 0x41, 0x42, 0xFE, 0x00]);
    corpus.add("certificate_object", "mscuid", old);
    for (target, name) in [
        ("bit_group", "biometric-information-templates"),
        ("card_capability_container", "card-capability-container"),
        ("discovery", "discovery"),
        ("key_history", "key-history"),
        ("pairing_code", "pairing-code"),
        ("printed_information", "printed-information"),
        ("secure_messaging_signer", "secure-messaging-signer-direct"),
        (
            "secure_messaging_signer",
            "secure-messaging-signer-intermediate",
        ),
    ] {
        corpus.add(target, name, object(name));
    }
    corpus.add("bit_group", "none", [0x02, 0x01, 0x00]);
    let signer = object("secure-messaging-signer-intermediate");
    let intermediate = ber::Reader::new(&signer)
        .filter_map(Result::ok)
        .find(|object| object.tag == Tag(0x7F21))
        .unwrap();
    corpus.add("cvc", "intermediate", intermediate.raw);
}

fn card_side(corpus: &mut Corpus) {
    let model = Model::series10();
    let mut chip = PivChip::personalised(&model, 1);
    let select = "00A404000BA00000030800001000010000";
    let verify = "0020008008313233343536FFFF";
    let whole: Vec<Vec<u8>> = commands(&[
        select,
        "00CB3FFF055C035FC10200",
        "00200080",
        verify,
        "0087119A267C2482008120000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F00",
        "00240080103132333435 36FFFF 363534333231FFFF",
        "002C0080103132333435363738 313233343536FFFF",
        "00870A9B047C02810000",
        "1087119A107C2482008120000102030405060708090A",
        "00CB3FFF055C035FC10508",
        "00C0000000",
        "00FFFFFF1B0A9B18010203040506070801020304050607080102030405060708",
    ]);
    corpus.seed(
        "card",
        "piv-contact",
        [&[0x01][..], &pieces(&whole)].concat(),
    );
    corpus.seed("card", "piv-blank", [&[0x00][..], &pieces(&whole)].concat());
    corpus.seed(
        "card",
        "piv-series9",
        [&[0x08][..], &pieces(&whole)].concat(),
    );
    corpus.seed(
        "card",
        "piv-over-t0",
        [
            &[0x05][..],
            &pieces(&commands(&[
                &select[..32],
                "00C0000037",
                "00CB3FFF055C035FC102",
                "00C0000000",
                verify,
                "0020008000",
            ])),
        ]
        .concat(),
    );
    let manager = commands(&[
        "00A4040008A00000015100000000",
        "80CA9F7F00",
        "80CA00E000",
        "8050000008010203040506070800",
        "8482330010000102030405060708090A0B0C0D0E0F",
        "80D8018108880102030405060700",
    ]);
    corpus.seed(
        "card",
        "card-manager",
        [&[0x00][..], &pieces(&manager)].concat(),
    );

    chip.power_on();
    corpus.seed("atr", "series10", chip.power_on());
    corpus.seed(
        "atr",
        "series10-contactless",
        model.contactless.as_ref().unwrap().atr.clone(),
    );
    corpus.seed("atr", "series9", Model::series9().atr);
    corpus.seed("atr", "shortest", [0x3B, 0x00]);
    let template = chip.transmit(&commands(&[select])[0]);
    corpus.seed("application", "series10", &template[..template.len() - 2]);

    let mut host = vec![0x02];
    host.extend(pieces(&[
        template.as_slice(),
        &[0x6A, 0x82],
        &[0x90, 0x00],
        &[0x63, 0xC3],
    ]));
    corpus.seed("host", "few-answers", host.clone());
    for tag in ["5FC107", "5FC102", "5FC105", "5FC101"] {
        let value = chip
            .memory()
            .get(Cell::Object(Tag(u32::from_str_radix(tag, 16).unwrap())))
            .unwrap();
        host.extend(pieces(&[[value, &[0x90, 0x00]].concat()]));
    }
    corpus.seed("host", "objects", host);

    let mut blank = PivChip::blank(&model, 1);
    blank.power_on();
    let answered = answers(&mut blank, &manager[..4]);
    corpus.seed(
        "secure_channel",
        "series10",
        [&[0x02][..], &pieces(&answered)].concat(),
    );
    let cplc = &answered[1][..answered[1].len() - 2];
    corpus.seed("production_data", "series10", cplc);
    corpus.seed("production_data", "serial", [0x4D, 0, 0, 0, 0, 0, 0, 1]);
    corpus.seed(
        "status_list",
        "security-domain",
        hex::decode("E3124F08A0000001510000009F700101C5039EFE80").unwrap(),
    );

    let establish = {
        use piv::secure_messaging::{CipherSuite, HostEphemeral};
        let host = HostEphemeral::from_scalar(CipherSuite::Cs2, &[7; 32]).unwrap();
        host.command().to_short().unwrap().to_vec()
    };
    let mut data = chip.transmit(&establish);
    let status = data.split_off(data.len() - 2);
    if status[0] == 0x61 {
        let more = chip.transmit(&[0x00, 0xC0, 0x00, 0x00, 0x00]);
        data.extend_from_slice(&more[..more.len() - 2]);
    }
    corpus.seed("secure_messaging_establishment", "series10", data);
    let cvc = chip.memory().get(Cell::Certificate).unwrap();
    corpus.seed("cvc", "card", cvc);
    corpus.seed(
        "secure_messaging",
        "status-alone",
        hex::decode("990290008E0801020304050607089000").unwrap(),
    );
    corpus.seed(
        "secure_messaging",
        "data",
        hex::decode("871101000102030405060708090A0B0C0D0E0F990290008E0801020304050607089000")
            .unwrap(),
    );
    corpus.seed("secure_messaging", "clear", [0x69, 0x88]);

    let exchanges: Vec<Vec<u8>> = {
        let mut chip = PivChip::personalised(&model, 1);
        chip.power_on();
        let given = answers(&mut chip, &whole);
        whole
            .iter()
            .cloned()
            .zip(given)
            .flat_map(|(c, a)| [c, a])
            .collect()
    };
    corpus.seed("apdu_description", "piv", pieces(&exchanges));
    for (number, command) in whole.iter().enumerate() {
        corpus.seed("command", &format!("piv-{number:02}"), command.clone());
    }
    corpus.seed(
        "command",
        "extended",
        hex::decode("00CB3FFF0000055C035FC1050000").unwrap(),
    );
    corpus.seed("response", "template", template.clone());
    corpus.seed("response", "status", [0x6A, 0x82]);
    corpus.seed(
        "ber",
        "discovery",
        chip.memory().get(Cell::Object(Tag(0x7E))).unwrap(),
    );
    corpus.seed("ber", "application", &template[..template.len() - 2]);
    corpus.seed(
        "ber",
        "long-form",
        hex::decode("7F498201048082010000").unwrap(),
    );

    let point = {
        use piv::secure_messaging::{CipherSuite, HostEphemeral};
        let host = HostEphemeral::from_scalar(CipherSuite::Cs7, &[9; 48]).unwrap();
        host.point().to_vec()
    };
    corpus.seed(
        "public_key",
        "p384",
        ber::object(Tag(0x7F49), &ber::object(Tag(0x86), &point)),
    );
    let mut rsa = ber::object(Tag(0x81), &[0xC3; 256]);
    ber::write(&mut rsa, Tag(0x82), &[1, 0, 1]);
    corpus.seed("public_key", "rsa2048", ber::object(Tag(0x7F49), &rsa));
    use der::{Decode, Encode};
    let certificate = x509_cert::Certificate::from_der(&object("content-signer-p256.certificate"));
    let spki = certificate
        .unwrap()
        .tbs_certificate()
        .subject_public_key_info()
        .to_der()
        .unwrap();
    corpus.seed("public_key", "spki-p256", spki);
}

/// Files of AuthentIC v2 as a host writes them.
fn authentic_files(corpus: &mut Corpus) {
    use authentic::v2::layout::{
        CertificateAttributes, ContainerRecord, DataAttributes, KeyContainer, ObjectId,
        PrivateKeyAttributes, PublicKeyAttributes, TokenInformation, UNDATED,
    };

    let answer = |text: &str| commands(&[text]).remove(0);
    for (name, text) in [
        (
            "transparent",
            "6F16 82020101 83022000 80020010 8608FF2400FFFFFFFFFF",
        ),
        (
            "records",
            "6F19 8205040100 8D02 83023000 85020014 86080000000000000000",
        ),
        (
            "private-key",
            "6216 82021400 83023001 85020800 86082121FF21FF21FFFF",
        ),
    ] {
        corpus.add("authentic_v2_file", name, answer(text));
    }
    corpus.add(
        "authentic_object_list",
        "used-and-free",
        answer("FF20010412 0020020333 FF10010800 FFFFFFFFFF 0000000000"),
    );
    let token = TokenInformation {
        label: "SCM".to_owned(),
        flags: 0x040D,
    };
    corpus.add(
        "authentic_token_information",
        "scm",
        token.encode().unwrap(),
    );
    let container = ContainerRecord {
        exchange: KeyContainer {
            public: Some(ObjectId(0x1001)),
            private: Some(ObjectId(0x3001)),
            certificate: Some(ObjectId(0x2001)),
        },
        guid: Some("ABABABAB-ABAB-4BAB-8BAB-ABABABABABAB".parse().unwrap()),
        ..ContainerRecord::default()
    };
    corpus.add(
        "authentic_container",
        "one-key",
        container.encode().unwrap(),
    );

    let label = "555253521108".to_owned();
    let public = PublicKeyAttributes {
        flags: 0x034D,
        label: label.clone(),
        id: vec![7; 20],
        start: UNDATED,
        end: UNDATED,
        subject: Vec::new(),
    };
    let certificate = CertificateAttributes {
        flags: 1,
        label: label.clone(),
        id: vec![7; 20],
        subject: answer("3000"),
        issuer: answer("3000"),
        serial: answer("020105"),
    };
    let private = PrivateKeyAttributes {
        common: PublicKeyAttributes {
            flags: 0x04B5,
            ..public.clone()
        },
        modulus: vec![0xC1; 64],
        exponent: vec![1, 0, 1],
    };
    let data = DataAttributes {
        flags: 1,
        label,
        application: "estate".to_owned(),
        oid: answer("06032A0304"),
    };
    for (kind, name, bytes) in [
        (0, "certificate", certificate.encode().unwrap()),
        (1, "public-key", public.encode().unwrap()),
        (2, "private-key", private.encode().unwrap()),
        (3, "data", data.encode().unwrap()),
    ] {
        corpus.add("authentic_attributes", name, [&[kind][..], &bytes].concat());
    }
}

fn printing(corpus: &mut Corpus) {
    use firmware_sim::printer::Firmware;
    use firmware_sim::printer::magicard::Magicard;

    let page = Page::new(
        vec![Word::Copies(1), Word::Page(1), Word::HighCoercivity(true)],
        vec![Plane::new(Ink::Black, vec![0x5A; 64])],
    );
    let job = Job {
        queries: vec![Query::inf()],
        pages: vec![page],
    };
    corpus.seed("printer_job", "small", job.encode());
    let talk = [
        Query::inf().to_bytes(),
        Query::err().to_bytes(),
        job.encode(),
    ]
    .concat();
    corpus.seed("printer", "questions-and-a-job", talk);
    let mut machine = machine();
    for (name, query) in [("inf", Query::inf()), ("err", Query::err())] {
        let mut session = Magicard::default().session();
        let reply = session.push(&query.to_bytes(), &mut machine);
        corpus.seed("printer_reply", name, reply.bytes);
    }
    corpus.seed(
        "printer_profile",
        "enduro",
        repository("crates/printers/profiles/magicard-enduro.toml"),
    );
}

fn machine() -> firmware_sim::printer::Machine {
    use std::sync::Arc;
    let ambient: Arc<dyn ground::Ambient> = Arc::new(ground::Virtual::new(1));
    let transport = firmware_sim::printer::Transport::new(1, 3, Arc::clone(&ambient));
    firmware_sim::printer::Machine::new(Default::default(), transport, ambient)
}

/// What driver and simulated reader say to each other.
fn serial(corpus: &mut Corpus) {
    use std::io;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use firmware_sim::contacts::Contacts;
    use firmware_sim::reader::Twin;
    use ground::{Ambient, Virtual};
    use iso7816::{Protocol, Reader, Reset};
    use readers::{GemPcTwin, Line};

    #[derive(Default)]
    struct Talk {
        to_reader: Vec<Vec<u8>>,
        to_host: Vec<Vec<u8>>,
        given: usize,
    }
    struct Listening(Twin, Arc<Mutex<Talk>>);
    impl Line for Listening {
        fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
            let mut talk = self.1.lock().unwrap();
            talk.to_reader.push(bytes.to_vec());
            self.0.receive(bytes, &mut |said| {
                talk.to_host.push(said.to_vec());
                Ok(())
            })
        }
        fn read(&mut self, buffer: &mut [u8], _within: Duration) -> io::Result<usize> {
            let mut talk = self.1.lock().unwrap();
            let Some(piece) = talk.to_host.get(talk.given) else {
                return Err(io::ErrorKind::TimedOut.into());
            };
            let count = piece.len();
            buffer[..count].copy_from_slice(piece);
            talk.given += 1;
            Ok(count)
        }
    }

    for (name, protocol) in [("t1", Protocol::T1), ("t0", Protocol::T0)] {
        let mut model = Model::series10();
        if protocol == Protocol::T0 {
            model.atr = hex::decode("3B139653494D").unwrap();
            model.transport.protocol = protocol;
        }
        let contacts = Contacts::new("sim:reader");
        contacts.close_on(Box::new(PivChip::blank(&model, 1)));
        let talk = Arc::new(Mutex::new(Talk::default()));
        let line = Listening(Twin::new(contacts), Arc::clone(&talk));
        let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
        let mut reader = GemPcTwin::over("corpus", Box::new(line), ambient).unwrap();
        let mut link = reader.connect(Duration::ZERO).unwrap();
        link.transmit(&[0x00, 0xA4, 0x04, 0x00]).unwrap();
        link.transmit(&[0x00, 0xCB, 0x3F, 0xFF, 0x00]).unwrap();
        link.reset(Reset::Warm).unwrap();
        let talk = talk.lock().unwrap();
        corpus.seed("serial_driver", name, pieces(&talk.to_host));
        corpus.seed("serial_reader", name, pieces(&talk.to_reader));
        corpus.seed("serial_frame", name, talk.to_host.concat());
        let from_card: Vec<&[u8]> = talk
            .to_host
            .iter()
            .filter(|frame| frame.len() > 13 && frame[2] == 0x80 && frame[12] == 0)
            .map(|frame| &frame[12..frame.len() - 1])
            .collect();
        if protocol == Protocol::T1 {
            corpus.seed("block_protocol", name, pieces(&from_card));
            corpus.seed("block", "from-card", from_card[1]);
        }
        let selection = [&model.atr[..], &[0xFF, 0x11, 0x96, 0x78]];
        corpus.seed("protocol_selection", name, pieces(&selection));
    }
    corpus.seed("block", "information-size", [0x00, 0xC1, 0x01, 0xFE, 0x3E]);
    corpus.seed(
        "serial_frame",
        "refused",
        [0x50, 0x03, 0x81, 0x03, 0x15, 0x16],
    );
}

/// What driver and simulated dispenser say to each other, and what a reader with PIN pad says.
fn dispenser(corpus: &mut Corpus) {
    use std::io;
    use std::sync::{Arc, Mutex};

    use firmware_sim::dispenser::{Config, SimDispenser, SimLine};
    use ground::{Ambient, Virtual};
    use printers::{Position, Printer};
    use readers::crt591::Profile;
    use readers::{Crt591, Line};

    #[derive(Default)]
    struct Talk {
        to_device: Vec<Vec<u8>>,
        to_host: Vec<Vec<u8>>,
    }
    struct Listening(SimLine, Arc<Mutex<Talk>>);
    impl Line for Listening {
        fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.1.lock().unwrap().to_device.push(bytes.to_vec());
            self.0.write_all(bytes)
        }
        fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
            let read = self.0.read(buffer, within);
            let said = read.as_ref().map_or(&[][..], |count| &buffer[..*count]);
            self.1.lock().unwrap().to_host.push(said.to_vec());
            read
        }
    }

    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let sim = SimDispenser::open(Config::new(2, Arc::clone(&ambient)), |number| {
        Ok(Box::new(PivChip::blank(&Model::series10(), number)) as Box<dyn Chip>)
    })
    .unwrap();
    let talk = Arc::new(Mutex::new(Talk::default()));
    let line = Box::new(Listening(sim.line(), Arc::clone(&talk)));
    let opened = Crt591::over("corpus", line, Profile::builtin(), ambient);
    let (mut mover, mut encoder) = opened.unwrap();
    mover.feed(Position::Contacts).unwrap();
    let mut link = encoder.connect(Duration::ZERO).unwrap();
    link.transmit(&[0x00, 0xA4, 0x04, 0x00]).unwrap();
    drop(link);
    mover.counters().unwrap();
    mover.eject().unwrap();
    mover.status().unwrap();
    let talk = talk.lock().unwrap();
    corpus.seed("dispenser_driver", "issued", pieces(&talk.to_host));
    corpus.seed("dispenser", "issued", pieces(&talk.to_device));
    corpus.seed("dispenser_frame", "issued", talk.to_host.concat());
    corpus.add("dispenser_answer", "done", *b"P03020CRT-591-M001");
    corpus.add("dispenser_answer", "jam", *b"N2110");
    corpus.seed(
        "dispenser_profile",
        "crt591",
        repository("crates/readers/profiles/crt591.toml"),
    );
    corpus.add(
        "reader_features",
        "pin-pad",
        hex::decode("0604423300060704423300070A044233000A120442330012").unwrap(),
    );
    corpus.add(
        "reader_features",
        "properties",
        hex::decode("0102100202010706010407011008055631312E300B02E608").unwrap(),
    );
}

/// What a personalised AuthentIC v3 card holds and answers.
fn authentic_v3(corpus: &mut Corpus) {
    let chip = AuthenticChip::personalised(&AuthenticModel::series8_v3(), 1);
    let mut contacts = Contacts::new("sim:series8-v3");
    contacts.close_on(Box::new(chip));
    let channel = Channel::new(contacts.connect(Duration::ZERO).unwrap());
    let mut client = authentic::v3::Client::select(channel).unwrap();
    let files = client.contents().unwrap().files;
    let file = |path: &str| {
        let found = files.iter().find(|file| file.path.to_string() == path);
        found.map_or_else(Vec::new, |file| file.bytes.clone())
    };
    let directories = [
        "3F00/2F00",
        "3F00/5015/5031",
        "3F00/5015/5032",
        "3F00/5015/7001",
        "3F00/5015/7002",
        "3F00/5015/7003",
        "3F00/5015/7004",
        "3F00/5015/7005",
        "3F00/5015/7006",
    ];
    let all = directories.map(file);
    for (kind, path) in [
        (0_u8, directories[0]),
        (1, directories[1]),
        (2, directories[2]),
        (3, directories[3]),
        (4, directories[4]),
        (5, directories[6]),
        (6, directories[7]),
    ] {
        let name = path.replace('/', "-");
        let bytes = [&[kind][..], &file(path)].concat();
        corpus.seed("pkcs15_directory", &name, bytes);
    }
    corpus.seed("pkcs15_structure", "personalised", pieces(&all));
    let select = |path: &[u8]| {
        let mut command = vec![0x00, 0xA4, 0x08, 0x00, path.len() as u8];
        command.extend_from_slice(path);
        command.push(0x00);
        command
    };
    let mut ask = |command: Vec<u8>| {
        let link = client.channel_mut().link_mut();
        let mut answer = link.transmit(&command).unwrap();
        answer.truncate(answer.len() - 2);
        answer
    };
    let transparent = ask(select(&[0x3F, 0x00, 0x50, 0x15, 0x70, 0x02]));
    corpus.seed("authentic_file_control", "transparent", transparent);
    let dedicated = ask(select(&[0x3F, 0x00, 0x50, 0x15]));
    corpus.seed("authentic_file_control", "dedicated", dedicated);
    for (name, reference) in [("holder", 1), ("officer", 2)] {
        let policy = ask(vec![0x00, 0xCA, 0x5F, reference, 0x00]);
        corpus.seed("authentic_credential_policy", name, policy);
    }
    let mut key = ber::object(Tag(0x81), &[0xC5; 128]);
    ber::write(&mut key, Tag(0x82), &[1, 0, 1]);
    let key = ber::object(Tag(0x7F49), &key);
    corpus.seed("authentic_generated_key", "rsa1024", key);
    let ok = vec![0x90, 0x00];
    let tries = vec![0x63, 0xC3];
    let stated = |bytes: &[u8]| {
        let size = (bytes.len() as u16).to_be_bytes();
        let mut control = vec![0x62, 0x07, 0x80, 0x02, size[0], size[1], 0x82, 0x01, 0x01];
        control.extend_from_slice(&ok);
        control
    };
    let mut answers = vec![ok.clone(), ok.clone(), tries.clone(), tries];
    answers.push(vec![0x6A, 0x88]);
    for bytes in [&all[0], &all[0], &all[0], &all[1], &all[2]] {
        answers.push(stated(bytes));
        for chunk in bytes.chunks(256) {
            answers.push([chunk, &ok].concat());
        }
    }
    let answers = [&[0x02][..], &pieces(&answers)].concat();
    corpus.seed("authentic_host", "begun", answers);
}

fn documents(corpus: &mut Corpus) {
    for name in [
        "admin-key-over-t0",
        "piv-passcode-and-signature",
        "production-data",
    ] {
        let path = format!("vectors/transcripts/{name}.jsonl");
        corpus.add("transcript", name, repository(&path));
    }
    for name in ["generic-piv", "series-9"] {
        let path = format!("crates/series/profiles/{name}.toml");
        corpus.seed("profile", name, repository(&path));
    }
    for name in ["series9", "series10"] {
        let path = format!("firmware-sim/src/card/models/{name}.toml");
        corpus.seed("card_model", name, repository(&path));
    }
    let image = format!(
        "{{\"schema\":1,\"source\":\"example\",\"objects\":[\
         {{\"tag\":\"5FC102\",\"state\":\"present\",\"value\":\"{}\"}},\
         {{\"tag\":\"5FC109\",\"state\":\"refused\",\"status\":\"6982\"}}]}}",
        hex::encode_upper(object("chuid-unsigned"))
    );
    corpus.seed("card_image", "two-objects", image);
}

fn estate_files(corpus: &mut Corpus) {
    let inventory = repository("examples/inventory.csv");
    let text = String::from_utf8(inventory.clone()).unwrap();
    // As Excel writes it where the comma is in numbers.
    let excel = format!(
        "\u{FEFF}sep=;\r\n{}",
        text.replace(',', ";").replace('\n', "\r\n")
    );
    corpus.seed("estate_inventory", "example", inventory);
    corpus.seed("estate_inventory", "excel", excel);
    corpus.seed(
        "estate_inventory",
        "quoted",
        "site,cards,unknown\n\"A, \"\"B\"\"\n\",12\n,,\nC,-1,x,y\n",
    );
    for part in ["calendar", "capabilities", "workstation"] {
        let path = format!("crates/estate/register/{part}.toml");
        corpus.seed("estate_register", part, repository(&path));
    }
    corpus.seed("estate_register", "own", OWN_REGISTER);
}

/// A register as a site writes its own: one event, one rule that begins with it.
const OWN_REGISTER: &str = r#"schema = 1

[[event]]
id = "own"
what = "our desks change over"
date = { value = "2026-12-01", source = "RS", certainty = "public" }

[[rule]]
id = "own-rule"
kind = "block"
series = [8]
clients = ["smartcard-connect"]
begins = "own"
says = { value = "no longer", source = "RS", certainty = "public" }
"#;

/// Small pictures, so that a mutated size stays small, and profiles of both kinds.
fn faces(corpus: &mut Corpus) {
    let picture = image::RgbImage::from_fn(24, 30, |x, y| {
        image::Rgb([(x * 10) as u8, (y * 8) as u8, 120])
    });
    for (name, format) in [
        ("portrait.png", image::ImageFormat::Png),
        ("portrait.jpg", image::ImageFormat::Jpeg),
    ] {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        corpus.seed("photo", name, bytes.into_inner());
    }
    let matrix = moxcms::ColorProfile::new_srgb().encode().unwrap();
    corpus.seed("icc_profile", "matrix", matrix);
    corpus.seed("icc_profile", "table", table_profile().encode().unwrap());
    corpus.seed("face_template", "own", OWN_TEMPLATE);
    for template in ["examples/templates/back.svg", "examples/templates/wave.svg"] {
        let name = template.rsplit('/').next().unwrap();
        corpus.seed("face_template", name, repository(template));
    }
    corpus.seed(
        "face_limits",
        "builtin",
        repository("crates/face/data/limits.toml"),
    );
}

/// A profile of a printer that knows nothing but lightness.
fn table_profile() -> moxcms::ColorProfile {
    use moxcms::{DataColorSpace, LutStore, LutWarehouse, Matrix3d, ProfileClass};
    let identity = LutStore::Store16([0, 0xFFFF].repeat(3));
    let mut grid = vec![0; 12];
    grid.extend([0xFFFF; 12]);
    let table = LutWarehouse::Lut(moxcms::LutDataType {
        num_input_channels: 3,
        num_output_channels: 3,
        num_clut_grid_points: 2,
        matrix: Matrix3d::IDENTITY,
        num_input_table_entries: 2,
        num_output_table_entries: 2,
        input_table: identity.clone(),
        clut_table: LutStore::Store16(grid),
        output_table: identity,
        lut_type: moxcms::LutType::Lut16,
    });
    let mut profile = moxcms::ColorProfile::new_srgb();
    profile.profile_class = ProfileClass::OutputDevice;
    profile.pcs = DataColorSpace::Lab;
    profile.lut_b_to_a_perceptual = Some(table);
    profile
}

/// A small template with something of everything.
const OWN_TEMPLATE: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1016 642" data-chip-margin="4">
<defs><linearGradient id="a"><stop offset="0" stop-color="#0b4f6c"/></linearGradient></defs>
<g id="b" opacity="0.5"><rect width="900" height="300" fill="url(#a)"/><use href="#c"/></g>
<text id="c" x="940" y="70" font-family="Frutiger" font-size="42" fill="#101010">Sp&#228;t</text>
<g data-ink="resin" transform="translate(9 9)"><path d="M0 520 H900 V530 Z" fill="#404040"/></g>
<rect id="field:name" x="270" y="176" width="404" height="212" data-size="9pt" data-lines="2"/>
<image href="data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC" width="20" height="20"/>
</svg>"##;

#[test]
fn the_corpus_is_what_the_vectors_and_the_simulated_cards_give() {
    let mut corpus = Corpus::default();
    objects(&mut corpus);
    card_side(&mut corpus);
    authentic_files(&mut corpus);
    printing(&mut corpus);
    authentic_v3(&mut corpus);
    documents(&mut corpus);
    estate_files(&mut corpus);
    faces(&mut corpus);
    serial(&mut corpus);
    dispenser(&mut corpus);
    let folder = vectors().join("corpus");
    for ((target, name), (bytes, lasting)) in &corpus.0 {
        let path = folder.join(target).join(name);
        if std::env::var_os("CARDWRIGHT_WRITE_VECTORS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, bytes).unwrap();
        }
        let kept =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(
            !lasting || kept == *bytes,
            "{} is not what it is made from",
            path.display()
        );
    }
}
