use std::collections::BTreeMap;
use std::convert::Infallible;

use der::asn1::ObjectIdentifier;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::FilePath;

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.replace([' ', '\n'], "")).unwrap()
}

fn labels() -> impl Strategy<Value = String> {
    "[ -~äß€]{0,40}"
}

fn ids() -> impl Strategy<Value = Id> {
    vec(any::<u8>(), 0..24).prop_map(Id)
}

prop_compose! {
    fn paths()(ids in vec(any::<u16>(), 0..=8)) -> Path {
        Path(ids)
    }
}

prop_compose! {
    fn references()(
        path in paths(),
        index in option::of(any::<u32>()),
        length in option::of(any::<u32>()),
        aid in option::of(vec(any::<u8>(), 1..16)),
    ) -> Reference {
        Reference { path, index, length, aid }
    }
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        references().prop_map(Value::Indirect),
        vec(any::<u8>(), 0..300).prop_map(Value::Direct),
    ]
}

prop_compose! {
    fn rules()(
        modes in any::<u32>(),
        auth_id in option::of(ids()),
    ) -> AccessRule {
        AccessRule { modes: AccessModes(modes), auth_id, unknown: Vec::new() }
    }
}

prop_compose! {
    fn commons()(
        label in option::of(labels()),
        flags in option::of(any::<u32>()),
        auth_id in option::of(ids()),
        user_consent in option::of(any::<u32>()),
        rules in vec(rules(), 0..4),
        unknown in option::of(vec(any::<u8>(), 0..5)),
    ) -> Common {
        Common {
            label,
            flags: flags.map(ObjectFlags),
            auth_id,
            user_consent,
            rules,
            unknown: unknown.map(unknown_element).into_iter().collect(),
        }
    }
}

/// An element of a later edition.
fn unknown_element(value: Vec<u8>) -> Vec<u8> {
    iso7816::ber::object(iso7816::ber::Tag(0x8E), &value)
}

prop_compose! {
    fn keys()(
        id in ids(),
        usage in any::<u32>(),
        native in any::<bool>(),
        access in option::of(any::<u32>()),
        reference in option::of(any::<u32>()),
        algorithms in option::of(vec(any::<u32>(), 0..5)),
        end in option::of(Just(b"20280101000000Z".to_vec())),
    ) -> KeyAttributes {
        KeyAttributes {
            native,
            access: access.map(KeyAccessFlags),
            reference,
            algorithms,
            end,
            ..KeyAttributes::new(id, UsageFlags(usage))
        }
    }
}

prop_compose! {
    fn private_keys()(
        common in commons(),
        key in keys(),
        subject in option::of(Just(hex("30 0B 31 09 30 07 06 03 55 04 03 0C 00"))),
        value in values(),
        modulus_length in any::<u32>(),
    ) -> PrivateKey {
        let unknown = UnknownOfKey {
            subclass: subject.is_some().then(Vec::new),
            ..UnknownOfKey::default()
        };
        PrivateKey { common, key, subject, value, modulus_length, unknown }
    }
}

prop_compose! {
    fn certificates()(
        common in commons(),
        id in ids(),
        authority in any::<bool>(),
        value in values(),
    ) -> Certificate {
        Certificate { authority, ..Certificate::new(common, id, value) }
    }
}

prop_compose! {
    fn data_objects()(
        common in commons(),
        application in option::of(labels()),
        identified in any::<bool>(),
        value in values(),
    ) -> DataObject {
        let identifier = identified.then(|| ObjectIdentifier::new_unwrap("1.2.826.0.1275.102"));
        DataObject { common, application, identifier, value, class: vec![], unknown: vec![] }
    }
}

prop_compose! {
    fn pins()(
        common in commons(),
        auth_id in ids(),
        flags in any::<u32>(),
        lengths in any::<[u32; 2]>(),
        max_length in option::of(any::<u32>()),
        reference in option::of(any::<u32>()),
        pad in option::of(any::<u8>()),
        path in option::of(references()),
    ) -> Authentication {
        Authentication::Pin(Pin {
            common,
            auth_id,
            flags: PinFlags(flags),
            kind: 1,
            min_length: lengths[0],
            stored_length: lengths[1],
            max_length,
            reference,
            pad,
            last_change: None,
            path,
            class: Vec::new(),
            unknown: UnknownOfPin::default(),
        })
    }
}

prop_compose! {
    fn token_infos()(
        version in any::<u32>(),
        serial in option::of(vec(any::<u8>(), 0..20)),
        names in any::<[Option<()>; 4]>(),
        label in labels(),
        flags in any::<u32>(),
        updated in any::<bool>(),
    ) -> TokenInfo {
        let name = |n: usize| names[n].map(|()| label.clone());
        TokenInfo {
            version,
            serial,
            manufacturer: name(0),
            label: name(1),
            flags: TokenFlags(flags),
            issuer: name(2),
            holder: name(3),
            last_update: updated.then(|| "20260105090000Z".to_owned()),
            ..TokenInfo::default()
        }
    }
}

prop_compose! {
    fn applications()(
        aid in vec(any::<u8>(), 1..17),
        label in option::of(labels()),
        path in option::of(paths()),
        places in option::of((references(), references())),
    ) -> Application {
        let discretionary = places.map(|(object_directory, token_info)| Discretionary {
            object_directory: Some(object_directory),
            token_info: Some(token_info),
            ..Discretionary::default()
        });
        Application { aid, label, path, discretionary, unknown: Vec::new() }
    }
}

fn entries() -> impl Strategy<Value = DirectoryEntry> {
    let places = prop_oneof![
        references().prop_map(Place::File),
        vec(any::<u8>(), 0..40).prop_map(Place::Here),
    ];
    (0..DirectoryKind::ALL.len(), places).prop_map(|(kind, place)| DirectoryEntry {
        kind: DirectoryKind::ALL[kind],
        place,
    })
}

/// Written, padded as the file is and read again.
fn reread<T: Record + Clone + PartialEq + std::fmt::Debug>(
    records: &[T],
    filling: usize,
) -> Result<(), TestCaseError> {
    let mut directory = Directory::default();
    for record in records {
        directory.push(record.clone());
    }
    let mut bytes = directory.to_bytes();
    bytes.resize(bytes.len() + filling, 0x00);
    let read = Directory::<T>::read(&bytes);
    prop_assert_eq!(&read.findings, &vec![]);
    prop_assert_eq!(read.values().cloned().collect::<Vec<_>>(), records);
    prop_assert_eq!(&read.entries, &directory.entries);
    prop_assert_eq!(read.to_bytes(), directory.to_bytes());
    Ok(())
}

/// Whatever it is, it is a directory, and what was read is there to be written back.
fn any_bytes<T: Record>(bytes: &[u8]) -> Result<(), TestCaseError> {
    let read = Directory::<T>::read(bytes);
    for entry in &read.entries {
        let end = entry.offset + entry.raw.len();
        prop_assert_eq!(&bytes[entry.offset..end], &entry.raw[..]);
    }
    Ok(())
}

proptest! {
    #[test]
    fn private_keys_are_read_as_written(records in vec(private_keys(), 0..4), filling in 0_usize..50) {
        reread(&records, filling)?;
        let records: Vec<_> = records
            .into_iter()
            .map(|PrivateKey { common, key, subject, value, modulus_length, unknown }| PublicKey {
                common, key, subject, value, modulus_length, unknown,
            })
            .collect();
        reread(&records, filling)?;
    }

    #[test]
    fn certificates_are_read_as_written(records in vec(certificates(), 0..4), filling in 0_usize..50) {
        reread(&records, filling)?;
    }

    #[test]
    fn data_objects_are_read_as_written(records in vec(data_objects(), 0..4), filling in 0_usize..50) {
        reread(&records, filling)?;
    }

    #[test]
    fn passcodes_are_read_as_written(records in vec(pins(), 0..4), filling in 0_usize..50) {
        reread(&records, filling)?;
    }

    #[test]
    fn token_information_is_read_as_written(record in token_infos(), filling in 0_usize..50) {
        reread(&[record], filling)?;
    }

    #[test]
    fn applications_are_read_as_written(records in vec(applications(), 0..4), filling in 0_usize..50) {
        reread(&records, filling)?;
    }

    #[test]
    fn object_directories_are_read_as_written(records in vec(entries(), 0..10), filling in 0_usize..50) {
        reread(&records, filling)?;
    }

    #[test]
    fn any_bytes_are_a_directory(
        bytes in vec(any::<u8>(), 0..400),
        records in vec(private_keys(), 1..3),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut mutated: Vec<u8> = records.iter().flat_map(Record::encode).collect();
        for (at, byte) in changes {
            let at = at.index(mutated.len());
            mutated[at] = byte;
        }
        mutated.truncate(cut.index(mutated.len() + 1));
        for bytes in [bytes, mutated] {
            any_bytes::<PrivateKey>(&bytes)?;
            any_bytes::<PublicKey>(&bytes)?;
            any_bytes::<Certificate>(&bytes)?;
            any_bytes::<DataObject>(&bytes)?;
            any_bytes::<Authentication>(&bytes)?;
            any_bytes::<TokenInfo>(&bytes)?;
            any_bytes::<Application>(&bytes)?;
            any_bytes::<DirectoryEntry>(&bytes)?;
        }
    }
}

#[test]
fn a_record_cut_short_is_told_with_its_offset_and_the_ones_before_it_are_read() {
    let entry = |kind, file| DirectoryEntry {
        kind,
        place: Place::File(Reference::whole([0x3F00, 0x5015, file].into())),
    };
    let mut directory = Directory::default();
    directory.push(entry(DirectoryKind::PrivateKeys, 0x7002));
    directory.push(entry(DirectoryKind::Certificates, 0x7005));
    let bytes = directory.to_bytes();
    assert_eq!(
        hex::encode_upper(&bytes),
        "A00A300804063F0050157002A40A300804063F0050157005"
    );
    let read = Directory::<DirectoryEntry>::read(&bytes[..20]);
    assert_eq!(read.entries.len(), 1);
    assert_eq!(read.findings.len(), 1);
    assert_eq!(read.findings[0].offset, 12);
    assert!(matches!(read.findings[0].kind, DirectoryFault::Cut(_)));
}

#[test]
fn records_behind_zeros_are_read_and_told() {
    let first = hex("A0 0A 30 08 04 06 3F 00 50 15 70 02");
    let second = hex("A4 0A 30 08 04 06 3F 00 50 15 70 05");
    let bytes = [&first[..], &[0; 5], &second, &[0; 9]].concat();
    let read = Directory::<DirectoryEntry>::read(&bytes);
    assert_eq!(read.values().count(), 2);
    assert_eq!(read.findings.len(), 1);
    assert_eq!(read.findings[0].kind, DirectoryFault::Gap { length: 5 });
    // Written back they are laid end to end.
    assert_eq!(read.to_bytes(), [first, second].concat());
}

#[test]
fn an_unknown_record_is_kept_as_it_is() {
    let bytes = hex("A0 04 30 02 04 00 AF 03 01 02 03");
    let mut read = Directory::<DirectoryEntry>::read(&bytes);
    assert_eq!(read.values().count(), 1);
    assert!(matches!(
        read.findings[0].kind,
        DirectoryFault::Unreadable(RecordError::UnknownTag { .. })
    ));
    read.remove(|_| true);
    assert_eq!(hex::encode_upper(read.to_bytes()), "AF03010203");
}

#[test]
fn longer_length_forms_and_negative_references_are_read_and_told() {
    // Length 81 08 where 08 does, and reference 81 written as -127.
    let path = hex("30 81 08 04 06 3F 00 50 15 70 01");
    let bytes = [&[0xA8, path.len() as u8][..], &path].concat();
    let read = Directory::<DirectoryEntry>::read(&bytes);
    assert_eq!(read.values().count(), 1);
    assert_eq!(read.findings[0].kind, DirectoryFault::NotDer);

    let mut key = KeyAttributes::new(Id(vec![1]), UsageFlags::SIGN);
    key.reference = Some(0x81);
    let key = PrivateKey {
        common: Common::default(),
        key,
        subject: None,
        value: Value::Indirect(Reference::whole([0x3F00, 0x5015].into())),
        modulus_length: 2048,
        unknown: UnknownOfKey::default(),
    };
    let good = key.encode();
    let at = good.windows(4).position(|w| w == [2, 2, 0, 0x81]).unwrap();
    let mut old = good.clone();
    old.splice(at..at + 4, [2, 1, 0x81]);
    old[1] -= 1;
    let class = old[..at]
        .windows(3)
        .rposition(|w| w == [0x04, 0x01, 0x01])
        .unwrap();
    old[class - 1] -= 1;
    let read = Directory::<PrivateKey>::read(&old);
    assert_eq!(read.values().collect::<Vec<_>>(), [&key]);
    assert_eq!(read.findings[0].kind, DirectoryFault::NotDer);
}

/// Files by path.
#[derive(Default)]
struct Folder(BTreeMap<FilePath, FileContent>);

impl Folder {
    fn with<const N: usize>(mut self, path: [u16; N], bytes: Vec<u8>) -> Self {
        let stated = bytes.len();
        self.0.insert(
            Path::from(path).absolute(),
            FileContent::File { bytes, stated },
        );
        self
    }
}

impl Files for Folder {
    type Error = Infallible;

    fn read(&mut self, path: &FilePath) -> Result<FileContent, Infallible> {
        Ok(self.0.get(path).cloned().unwrap_or(FileContent::Absent))
    }
}

fn object_directory(entries: &[(DirectoryKind, u16)]) -> Vec<u8> {
    entries
        .iter()
        .flat_map(|&(kind, file)| {
            DirectoryEntry {
                kind,
                place: Place::File(Reference::whole([file].into())),
            }
            .encode()
        })
        .collect()
}

#[test]
fn an_empty_card_is_a_structure_with_findings() {
    let Ok(structure) = Structure::read(&mut Folder::default());
    let absent = |path: &[u16]| StructureFinding {
        file: Path(path.to_vec()).absolute(),
        offset: None,
        kind: StructureFault::Absent,
    };
    assert_eq!(
        structure.findings,
        [
            absent(&[0x3F00, 0x2F00]),
            absent(&[0x3F00, 0x5015, 0x5032]),
            absent(&[0x3F00, 0x5015, 0x5031])
        ]
    );
}

#[test]
fn loops_are_found_and_no_file_is_read_twice() {
    let odf = object_directory(&[
        (DirectoryKind::PrivateKeys, 0x5031),
        (DirectoryKind::Certificates, 0x7005),
        (DirectoryKind::DataObjects, 0x7005),
        (DirectoryKind::AuthenticationObjects, 0x5032),
    ]);
    let certificate = Certificate::new(
        Common::default(),
        Id(vec![1]),
        Value::Indirect(Reference::whole([0x7005].into())),
    );
    let mut folder = Folder::default()
        .with([0x3F00, 0x5015, 0x5031], odf)
        .with([0x3F00, 0x5015, 0x5032], TokenInfo::default().encode())
        .with([0x3F00, 0x5015, 0x7005], certificate.encode());
    let Ok(structure) = Structure::read(&mut folder);
    let told: Vec<_> = structure.findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "3F00/2F00: the file is not there",
            "3F00/5015/5031: the directory of private keys is a file that is a directory already: a loop",
            "3F00/5015/7005: the directory of data objects is a file that is a directory already: a loop",
            "3F00/5015/5032: the directory of authentication objects is a file that is a directory already: a loop",
            "3F00/5015/7005: the value of object 01 is in a directory",
        ]
    );
    assert_eq!(structure.certificates.values().count(), 1);
    assert_eq!(structure.private_keys.entries, []);
}

#[test]
fn a_file_shorter_than_stated_is_told() {
    let mut folder = Folder::default().with(
        [0x3F00, 0x5015, 0x5031],
        object_directory(&[(DirectoryKind::Certificates, 0x7005)]),
    );
    folder.0.insert(
        Path::from([0x3F00, 0x5015, 0x7005]).absolute(),
        FileContent::File {
            bytes: vec![0x30, 0x20],
            stated: 300,
        },
    );
    let Ok(structure) = Structure::read(&mut folder);
    assert!(structure.findings.iter().any(|finding| finding.kind
        == StructureFault::Short {
            stated: 300,
            actual: 2
        }));
    assert!(structure.findings.iter().any(|finding| matches!(
        finding.kind,
        StructureFault::Directory(DirectoryFault::Cut(_))
    )));
}

proptest! {
    #[test]
    fn any_files_are_a_structure(
        files in proptest::collection::btree_map(
            prop_oneof![
                Just(FilePath::below_master(&[0x2F00])),
                Just(FilePath::below_master(&[0x5015, 0x5031])),
                Just(FilePath::below_master(&[0x5015, 0x5032])),
                (0x7000_u16..0x7008).prop_map(|file| FilePath::below_master(&[0x5015, file])),
            ],
            prop_oneof![
                vec(any::<u8>(), 0..200),
                vec((0..9_usize, 0x7000_u16..0x7008), 0..40).prop_map(|entries| {
                    let entries: Vec<_> = entries
                        .into_iter()
                        .map(|(kind, file)| (DirectoryKind::ALL[kind], file))
                        .collect();
                    object_directory(&entries)
                }),
            ],
            0..12,
        ),
    ) {
        let mut folder = Folder::default();
        for (path, bytes) in files {
            let stated = bytes.len();
            folder.0.insert(path, FileContent::File { bytes, stated });
        }
        let Ok(structure) = Structure::read(&mut folder);
        prop_assert!(structure.files.len() <= folder.0.len());
    }
}
