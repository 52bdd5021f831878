//! Damage to what the simple objects say.

use piv::Tries;
use piv::words::{ObjectId as O, PinReference};
use validation::ObjectState;

use crate::Row;
use crate::specimen::Damage::{Elements, Known, Value};
use crate::structure::{REMOVED, RETIRED, add, at, set, set_state};

pub(crate) const ROWS: &[Row] = &[
    Row::new(
        "ccc.data-model",
        &["73-4.1"],
        &[],
        Elements(O::CardCapabilityContainer, |it| set(it, 0xF5, &[4])),
    ),
    Row::new(
        "chuid.fasc-n",
        &["73-4.12"],
        &["biometric.fasc-n", "signature.fasc-n", "certificate.fasc-n"],
        Elements(O::Chuid, |it| set(it, 0x30, &[0; 25])),
    ),
    Row::new(
        "chuid.guid",
        &[],
        &["signature.card-uuid", "certificate.card-uuid"],
        Elements(O::Chuid, |it| set(it, 0x34, &[0xFF; 16])),
    ),
    Row::new(
        "chuid.cardholder-uuid",
        &["73-4.13"],
        &[],
        Elements(O::Chuid, |it| set(it, 0x36, &[0; 16])),
    ),
    Row::new(
        "chuid.expiration-date",
        &["73-4.15"],
        &[],
        Elements(O::Chuid, |it| set(it, 0x35, b"20301332")),
    ),
    Row::new(
        "chuid.expiration-horizon",
        &["73-4.16"],
        &[
            "printed.expires-with-the-card",
            "biometric.outlives-the-card",
        ],
        Elements(O::Chuid, |it| set(it, 0x35, b"20410602")),
    ),
    Row::new(
        "chuid.not-expired",
        &[],
        &[
            "printed.expires-with-the-card",
            "certificate.ends-with-the-card",
        ],
        Elements(O::Chuid, |it| set(it, 0x35, b"20260531")),
    ),
    Row::new(
        "chuid.no-key-map",
        &["73-4.24"],
        &[],
        Elements(O::Chuid, |it| add(it, 0x3D, &[1, 2], 0x3E)),
    ),
    Row::new(
        "chuid.buffer-length",
        &[],
        &[REMOVED],
        Elements(O::Chuid, |it| add(it, 0xEE, &[0, 1], 0x30)),
    ),
    Row::new(
        "printed.expiration-date",
        &[],
        &[],
        Elements(O::PrintedInformation, |it| set(it, 0x04, b"2030JUN31")),
    ),
    Row::new(
        "printed.expires-with-the-card",
        &[],
        &[],
        Elements(O::PrintedInformation, |it| set(it, 0x04, b"2030JUN29")),
    ),
    Row::new(
        "discovery.application",
        &["73-4.40"],
        &[],
        Elements(O::Discovery, |it| {
            let place = at(it, 0x4F);
            it[place].1[9] = 2;
        }),
    ),
    Row::new(
        "discovery.policy",
        &["73-4.41"],
        &[],
        Elements(O::Discovery, |it| set(it, 0x5F2F, &[0x78, 0x00])),
    ),
    Row::new(
        "discovery.matches-the-card",
        &["73-4.42"],
        &[],
        Known(|card| {
            card.tries
                .insert(PinReference::Global, Some(Tries::NotPresent));
        }),
    ),
    Row::new(
        "discovery.matches-the-card",
        &["73-4.42"],
        &["security.objects-there"],
        Known(|card| {
            set_state(card, O::PairingCode, ObjectState::Absent);
        }),
    ),
    Row::new(
        "key-history.matches-the-card",
        &[],
        &[],
        Known(|card| {
            set_state(card, RETIRED, ObjectState::Absent);
        }),
    ),
    Row::new(
        "secure-messaging-signer.chain",
        &[],
        &["object.conforms"],
        Elements(O::SecureMessagingSigner, |it| {
            let card = crate::specimen::specimen(None);
            let signer = piv::signed::verify_chuid_bytes(card.value(O::Chuid).unwrap()).unwrap();
            set(it, 0x70, &der::Encode::to_der(&signer).unwrap());
            // An Intermediate CVC that is none.
            it.insert(2, (0x7F21, vec![0x5F, 0x29, 0x01, 0x80]));
        }),
    ),
    Row::new(
        "object.conforms",
        &[],
        &[],
        Elements(O::KeyHistory, |it| {
            add(it, 0xF3, b"ftp://example.org", 0xFE);
        }),
    ),
    Row::new(
        "object.conforms",
        &[],
        &["security.hashes"],
        Value(O::PairingCode, |value| value[2] = b'A'),
    ),
    Row::new(
        "object.conforms",
        &[],
        &["security.hashes"],
        Value(O::BiometricInformationTemplates, |value| value[2] = 2),
    ),
    Row::new(
        "object.conforms",
        &[],
        &[],
        Elements(O::AuthenticationCertificate, |it| set(it, 0x71, &[1])),
    ),
];
