use std::collections::BTreeMap;
use std::ops::Range;

use globalplatform::ProductionData;
use iso7816::{Protocol, StatusWord, ber};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use piv::objects::{CertificateObject, Chuid, Discovery, PinUsagePolicy};
use piv::signed::{CertificateRules, verify_chuid_bytes};
use piv::words::{Edition, KeyReference, ObjectId, PinReference};
use piv::{ApplicationProperties, Client, Parsed, PivError, Tries};
use series::{Conclusion, Identification, Profile};
use x509_cert::Certificate;

use crate::logbook::Logbook;
use crate::{TrustStore, ValidationError};

/// What was read of a card, each thing once, and what it is held against.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The reader, in the words of its selector.
    pub reader: String,
    /// The answer to reset.
    pub atr: Vec<u8>,
    /// The transmission protocol.
    pub protocol: Protocol,
    /// Which series the card may be of.
    pub identification: Identification,
    /// The profile it is judged by.
    pub profile: Option<Profile>,
    /// The answer to SELECT.
    pub application: ApplicationProperties,
    /// How the references stood before anything was done; `None` where the card does not tell.
    pub tries: BTreeMap<PinReference, Option<Tries>>,
    /// Whether the passcode was verified before the protected objects were read.
    pub passcode_verified: bool,
    /// The data objects.
    pub readings: BTreeMap<ObjectId, ObjectReading>,
    /// The values inside the wrappers of those that are there and not empty.
    pub contents: BTreeMap<ObjectId, Vec<u8>>,
    /// The CHUID, as far as it can be understood.
    pub chuid: Option<Parsed<Chuid>>,
    /// The certificate the CHUID verifies with.
    pub signer: Option<Certificate>,
    /// The Discovery Object, as far as it can be understood.
    pub discovery: Option<Parsed<Discovery>>,
    /// The certificates that can be decoded.
    pub certificates: BTreeMap<KeyReference, Certificate>,
    /// The moment certificates are judged at.
    pub now: Timestamp,
    /// What certificates are checked against.
    pub trust: TrustStore,
    /// What is demanded of certificates where the standard leaves a choice.
    pub rules: CertificateRules,
    /// The edition of SP 800-73 the card was made to, if that is known: what changed between the
    /// editions is held against a card of the later one alone.
    pub edition: Option<Edition>,
}

/// One data object as it was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ObjectReading {
    /// What came.
    pub state: ObjectState,
    /// The exchanges that read it, counted from 1.
    pub exchanges: Range<u64>,
}

/// What came when an object was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ObjectState {
    /// The response data, wrapper included; it may be malformed.
    Present(Vec<u8>),
    /// Created and not filled: an empty wrapper.
    Empty,
    /// The card says that there is no such object (6A82).
    Absent,
    /// The card refuses (6982 before the passcode).
    Refused(StatusWord),
    /// It was not asked for.
    NotRead,
}

impl Evidence {
    /// What is known where there are data objects and no card: each as GET DATA would return it,
    /// wrapper included. Nobody was asked for a passcode, and all that is there was given.
    #[must_use]
    pub fn of_objects(
        source: &str,
        objects: BTreeMap<ObjectId, Vec<u8>>,
        rules: CertificateRules,
        now: Timestamp,
    ) -> Self {
        let mut evidence = Self {
            reader: source.to_owned(),
            atr: Vec::new(),
            protocol: Protocol::T1,
            identification: Identification {
                atr: Vec::new(),
                conclusion: Conclusion::Unknown,
                reasons: Vec::new(),
                contradictions: Vec::new(),
                evidence: Vec::new(),
                selected: None,
                numbers: ProductionData {
                    issuer_security_domain: None,
                    cplc: None,
                    issuer_identification_number: None,
                    card_image_number: None,
                    findings: Vec::new(),
                },
            },
            profile: None,
            application: ApplicationProperties::default(),
            tries: BTreeMap::new(),
            passcode_verified: false,
            readings: BTreeMap::new(),
            contents: BTreeMap::new(),
            chuid: None,
            signer: None,
            discovery: None,
            certificates: BTreeMap::new(),
            now,
            trust: TrustStore::default(),
            rules,
            edition: None,
        };
        for object in ObjectId::all() {
            let state = match objects.get(&object) {
                Some(raw) if is_empty(object, raw) => ObjectState::Empty,
                Some(raw) => ObjectState::Present(raw.clone()),
                None => ObjectState::NotRead,
            };
            let reading = ObjectReading {
                state,
                exchanges: 0..0,
            };
            evidence.readings.insert(object, reading);
        }
        evidence.decode();
        evidence
    }

    /// The response to GET DATA for an object, wrapper included.
    #[must_use]
    pub fn raw(&self, object: ObjectId) -> Option<&[u8]> {
        match self.readings.get(&object).map(|reading| &reading.state) {
            Some(ObjectState::Present(raw)) => Some(raw),
            _ => None,
        }
    }

    /// The value inside the wrapper of an object.
    #[must_use]
    pub fn value(&self, object: ObjectId) -> Option<&[u8]> {
        self.contents.get(&object).map(Vec::as_slice)
    }

    /// The day certificates and dates are judged at, in UTC.
    #[must_use]
    pub fn today(&self) -> Date {
        self.now.to_zoned(TimeZone::UTC).date()
    }

    /// Whether the card is read without contact: a contactless reader makes up the answer to reset
    /// in a form of its own (PC/SC Part 3, 3.1.3.2.3).
    #[must_use]
    pub fn is_contactless(&self) -> bool {
        self.atr.first() == Some(&0x3B) && self.atr.get(2..4) == Some(&[0x80, 0x01])
    }

    /// The PIN usage policy of the Discovery Object.
    #[must_use]
    pub fn policy(&self) -> Option<PinUsagePolicy> {
        self.discovery.as_ref()?.value.policy
    }

    /// Whether the CHUID says that the issuer is no agency of the United States: its agency code is
    /// 9999 (SP 800-73-5 Part 1, 3.1.2; TIG SCEPACS 2.3).
    #[must_use]
    pub fn is_of_no_agency(&self) -> bool {
        let number = self.chuid.as_ref().and_then(|chuid| chuid.value.fasc_n);
        let fields = number.and_then(|number| number.fields().ok());
        fields.is_some_and(|fields| fields.agency == NO_AGENCY)
    }

    /// What the card is called: the GUID of its CHUID and the serial numbers it tells, in the
    /// order of their usefulness.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let guid = self.chuid.as_ref().and_then(|chuid| chuid.value.guid);
        let chip = self.identification.chip_number().map(hex::encode_upper);
        let issuer = self.identification.numbers.issuer_serial();
        guid.map(|guid| guid.to_string())
            .into_iter()
            .chain(chip)
            .chain(issuer.map(|serial| serial.to_string()))
            .collect()
    }

    /// Reads what the card gives without a passcode, each object once. `retired` says whether
    /// retired certificates are read too: a card that has some has a Key History Object, and
    /// certificates on the card take the first places, those kept elsewhere the last
    /// (SP 800-73-5 Part 1, 3.3.3). Without that object the first and the last place are asked, and
    /// the others only if one is taken.
    pub(crate) fn read_open_objects(
        &mut self,
        client: &mut Client,
        logbook: &Logbook,
        retired: bool,
    ) -> Result<(), ValidationError> {
        self.readings.clear();
        // That a reader refuses extended length fields shows with the first of them.
        let first = ObjectId::CardCapabilityContainer;
        if let Err(error) = self.read_object(client, logbook, first) {
            if !matches!(error, ValidationError::Piv(PivError::Channel { .. })) {
                return Err(error);
            }
            client.use_extended(false);
            self.read_object(client, logbook, first)?;
        }
        let (places, others): (Vec<_>, Vec<_>) = ObjectId::all()
            .filter(|object| *object != first && !object.needs_pin())
            .partition(|object| matches!(object, ObjectId::RetiredCertificate(_)));
        for object in others {
            self.read_object(client, logbook, object)?;
        }
        let [first, middle @ .., last] = &places[..] else {
            unreachable!("there are twenty places for retired certificates");
        };
        let mut wanted = retired;
        if wanted {
            self.read_object(client, logbook, *first)?;
            self.read_object(client, logbook, *last)?;
            let nothing = [ObjectId::KeyHistory, *first, *last];
            wanted = !nothing.iter().all(|object| self.is_absent(*object));
        }
        for object in middle.iter().filter(|_| wanted) {
            self.read_object(client, logbook, *object)?;
        }
        for object in places {
            self.readings.entry(object).or_insert(ObjectReading {
                state: ObjectState::NotRead,
                exchanges: 0..0,
            });
        }
        self.decode();
        Ok(())
    }

    /// Reads what the card gives to whoever knows the passcode, each object once.
    pub(crate) fn read_guarded_objects(
        &mut self,
        client: &mut Client,
        logbook: &Logbook,
    ) -> Result<(), ValidationError> {
        for object in ObjectId::all().filter(|object| object.needs_pin()) {
            self.read_object(client, logbook, object)?;
        }
        self.decode();
        Ok(())
    }

    fn read_object(
        &mut self,
        client: &mut Client,
        logbook: &Logbook,
        object: ObjectId,
    ) -> Result<(), ValidationError> {
        let before = logbook.position();
        let state = read(client, object)?;
        let exchanges = logbook.since(before);
        self.readings
            .insert(object, ObjectReading { state, exchanges });
        Ok(())
    }

    fn is_absent(&self, object: ObjectId) -> bool {
        let reading = self.readings.get(&object);
        reading.is_some_and(|reading| reading.state == ObjectState::Absent)
    }

    fn decode(&mut self) {
        for object in ObjectId::all() {
            // A wrapper that is not there is a finding of the assertion about it.
            let value = self
                .raw(object)
                .and_then(|raw| ber::expect(object.wrapper(), raw).ok());
            if let Some(value) = value {
                self.contents.insert(object, value.to_vec());
            }
        }
        if let Some(value) = self.contents.get(&ObjectId::Chuid) {
            self.chuid = Chuid::parse(value).ok();
            self.signer = verify_chuid_bytes(value).ok();
        }
        if let Some(value) = self.contents.get(&ObjectId::Discovery) {
            self.discovery = Discovery::parse(value).ok();
        }
        for key in (0..=u8::MAX).filter_map(KeyReference::from_byte) {
            let held = key
                .certificate()
                .and_then(|object| self.contents.get(&object))
                .and_then(|value| CertificateObject::parse(value).ok());
            if let Some(certificate) = held.and_then(|held| held.value.certificate().ok()) {
                self.certificates.insert(key, certificate);
            }
        }
    }
}

/// The agency code of whoever is none.
const NO_AGENCY: u16 = 9999;

fn read(client: &mut Client, object: ObjectId) -> Result<ObjectState, ValidationError> {
    match client.get_data_raw(object) {
        Ok(Some(raw)) if is_empty(object, &raw) => Ok(ObjectState::Empty),
        Ok(Some(raw)) => Ok(ObjectState::Present(raw)),
        Ok(None) => Ok(ObjectState::Absent),
        Err(PivError::Refused { status, .. }) => Ok(ObjectState::Refused(status)),
        Err(error) => Err(error.into()),
    }
}

/// An object created and not filled is an empty wrapper, or nothing at all.
fn is_empty(object: ObjectId, raw: &[u8]) -> bool {
    raw.is_empty()
        || raw == [0x53, 0x00]
        || object.is_bare() && ber::expect(object.tag(), raw).is_ok_and(<[u8]>::is_empty)
}
