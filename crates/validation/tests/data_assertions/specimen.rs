//! An invented card without a fault, and with exactly one.

use std::collections::BTreeMap;

use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use der::asn1::OctetString;
use der::{Decode, Encode};
use iso7816::ber::{self, Tag};
use jiff::Timestamp;
use jiff::civil::date;
use piv::biometric::{
    BiometricKind, BiometricRecord, CbeffDate, CbeffHeader, Creator, FaceImage, FaceRecord,
    FingerView, IrisRecord, Minutia, MinutiaeRecord,
};
use piv::objects::{
    BiometricInformationTemplate, BiometricInformationTemplates, CardCapabilityContainer,
    CertificateObject, Chuid, Discovery, FascN, FascNFields, KeyHistory, PairingCode,
    PinUsagePolicy, PrintedInformation, SecureMessagingSigner,
};
use piv::signed::{
    CertificateRules, ContentSigner, sign_biometric, sign_chuid, sign_security_object,
};
use piv::words::{KeyReference, ObjectId, PinReference, RetiredKey};
use piv::{ApplicationProperties, Tries};
use uuid::Uuid;
use validation::{Evidence, ObjectState, TrustStore};
use x509_cert::ext::pkix::KeyUsages;

use crate::certificates::{Authority, content_signer, holder};
use crate::resigning::{
    change_certificate, encode, set_digest, sign_again, sign_certificate_again,
};

/// Elements with tags of one byte, or a BER tag, in order.
pub(crate) type Elements = Vec<(u32, Vec<u8>)>;

/// How one object, or what is known of the card, is damaged.
#[derive(Clone, Copy)]
pub(crate) enum Damage {
    /// The elements of an object, before anything is signed; the signature of the CHUID and the
    /// record of a biometric are made later.
    Elements(ObjectId, fn(&mut Elements)),
    /// The header of a biometric, before its lengths are counted and it is signed.
    Header(ObjectId, fn(&mut CbeffHeader)),
    /// The header with its lengths, before it is signed.
    Counted(ObjectId, fn(&mut CbeffHeader)),
    /// The fingerprints before they are signed.
    Minutiae(fn(&mut MinutiaeRecord)),
    /// The face before it is signed.
    Face(fn(&mut FaceRecord)),
    /// The iris before it is signed.
    Iris(fn(&mut IrisRecord)),
    /// The signature of an object: signed again after the change, its message digest as it was.
    Signature(ObjectId, fn(&mut SignedData)),
    /// The signature of an object, not signed again.
    Forged(ObjectId, fn(&mut SignedData)),
    /// A certificate in DER: of the holder, or the content signer's own in the CHUID.
    Certificate(ObjectId, fn(&mut Vec<u8>)),
    /// The value of an object at the very end.
    Value(ObjectId, fn(&mut Vec<u8>)),
    /// What the card returns.
    Raw(ObjectId, fn(&mut Vec<u8>)),
    /// What is known of the card.
    Known(fn(&mut Evidence)),
}

pub(crate) fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

pub(crate) fn fasc_n(credential: u32) -> FascN {
    FascN::new(&FascNFields {
        agency: 3201,
        system: 1,
        credential,
        series: 1,
        issue: 1,
        person: 12,
        category: 1,
        organization: 3201,
        association: 1,
    })
    .unwrap()
}

pub(crate) fn guid() -> Uuid {
    uuid::uuid!("2f8d1c5e-7a41-4c7f-9b1e-0123456789ab")
}

pub(crate) fn authority() -> Authority {
    Authority::of_vectors("CN=Authority,O=Not For Use")
}

/// The card with one fault, or without any.
pub(crate) fn specimen(damage: Option<Damage>) -> Evidence {
    let authority = authority();
    let signer = content_signer(&authority);
    let mut maker = Maker {
        damage,
        signer,
        values: BTreeMap::new(),
    };
    maker.make(&authority);
    let mut objects = BTreeMap::new();
    for (object, mut value) in maker.values {
        if let Some(Damage::Value(at, change)) = damage
            && at == object
        {
            change(&mut value);
        }
        let tag = match object.is_bare() {
            true => object.tag(),
            false => Tag(0x53),
        };
        let mut raw = ber::object(tag, &value);
        if let Some(Damage::Raw(at, change)) = damage
            && at == object
        {
            change(&mut raw);
        }
        objects.insert(object, raw);
    }
    let mut card = Evidence::of_objects("specimen", objects, CertificateRules::common(), now());
    for reading in card.readings.values_mut() {
        if reading.state == ObjectState::NotRead {
            reading.state = ObjectState::Absent;
        }
    }
    card.atr = vec![0x3B, 0x00];
    card.application = ApplicationProperties::parse(
        &hex::decode("61164F0BA00000030800001000010079074F05A000000308").unwrap(),
    );
    card.passcode_verified = true;
    card.edition = Some(piv::words::Edition::Fifth);
    card.tries = BTreeMap::from([
        (PinReference::Application, Some(Tries::Left(3))),
        (PinReference::Global, Some(Tries::Left(3))),
    ]);
    card.trust = TrustStore {
        anchors: vec![authority.certificate(Vec::new())],
        intermediates: Vec::new(),
        revocation_lists: vec![authority.revoke(&[9], (2026, 6, 30))],
    };
    if let Some(Damage::Known(change)) = damage {
        change(&mut card);
    }
    card
}

struct Maker {
    damage: Option<Damage>,
    signer: ContentSigner,
    values: BTreeMap<ObjectId, Vec<u8>>,
}

impl Maker {
    fn make(&mut self, authority: &Authority) {
        for (object, value) in unsigned() {
            let value = self.elements(object, &value);
            self.values.insert(object, value);
        }
        for (object, der) in certificates(authority) {
            let der = self.certificate(object, der);
            let value = CertificateObject::plain(der).encode();
            let value = self.elements(object, &value);
            self.values.insert(object, value);
        }
        self.chuid();
        for object in [
            ObjectId::Fingerprints,
            ObjectId::FacialImage,
            ObjectId::IrisImages,
        ] {
            self.biometric(object);
        }
        self.security_object();
        let signer = SecureMessagingSigner {
            certificate: CertificateObject::plain(content_signer_p256(authority).to_der().unwrap()),
            intermediate: None,
        };
        let object = ObjectId::SecureMessagingSigner;
        let value = self.elements(object, &signer.encode());
        self.values.insert(object, value);
    }

    fn elements(&self, object: ObjectId, value: &[u8]) -> Vec<u8> {
        let mut elements = split(object, value);
        if let Some(Damage::Elements(at, change)) = self.damage
            && at == object
        {
            change(&mut elements);
        }
        join(&elements)
    }

    fn certificate(&self, object: ObjectId, mut der: Vec<u8>) -> Vec<u8> {
        if let Some(Damage::Certificate(at, change)) = self.damage
            && at == object
        {
            change(&mut der);
            der = sign_certificate_again(&der);
        }
        der
    }

    fn chuid(&mut self) {
        let bare = Chuid {
            cardholder: Some(uuid::uuid!("5b3f8d0e-11c2-4e7a-8c55-fedcba987654")),
            ..Chuid::new(fasc_n(7), guid(), date(2030, 6, 30))
        };
        let object = ObjectId::Chuid;
        let mut elements = split(object, &bare.encode());
        if let Some(Damage::Elements(at, change)) = self.damage
            && at == object
        {
            change(&mut elements);
        }
        let is_covered = |tag: u32| tag != 0x3E && tag != 0xEE;
        let covered: Elements = elements
            .iter()
            .filter(|it| is_covered(it.0))
            .cloned()
            .collect();
        let template = sign_chuid(&bare, &self.signer).unwrap().signature;
        let signature = self.sign_over(object, &template, Some(&join(&covered)));
        let place = elements
            .iter_mut()
            .find(|(tag, value)| *tag == 0x3E && value.is_empty());
        if let Some((_, value)) = place {
            *value = signature;
        }
        self.values.insert(object, join(&elements));
    }

    fn biometric(&mut self, object: ObjectId) {
        let kind = BiometricKind::of(object).unwrap();
        let data = self.record(kind);
        let day = |year| CbeffDate::new(date(year, 12, 31).at(8, 30, 0, 0)).unwrap();
        let creator = Creator::new("CARDWRIGHT").unwrap();
        let mut header =
            CbeffHeader::new(kind, fasc_n(7), creator, day(2024), (day(2024), day(2030)));
        if let Some(Damage::Header(at, change)) = self.damage
            && at == object
        {
            change(&mut header);
        }
        let record = BiometricRecord::new(header, data).unwrap();
        let mut signed = sign_biometric(&record, guid(), &self.signer, false).unwrap();
        let template = signed.signature.clone();
        // A change to the signature may change its length, which the header counts.
        let length = self
            .sign_over(object, &template, Some(&signed.covered()))
            .len();
        signed.header.signature_length = u16::try_from(length).unwrap();
        if let Some(Damage::Counted(at, change)) = self.damage
            && at == object
        {
            change(&mut signed.header);
        }
        // The fields in the signature are those of the card, whatever the header says.
        signed.signature = self.sign_over(object, &template, Some(&signed.covered()));
        let value = [(0xBC, signed.encode()), (0xFE, Vec::new())].to_vec();
        let value = self.elements(object, &join(&value));
        self.values.insert(object, value);
    }

    fn record(&self, kind: BiometricKind) -> Vec<u8> {
        match kind {
            BiometricKind::Fingerprints => {
                let mut record = minutiae();
                if let Some(Damage::Minutiae(change)) = self.damage {
                    change(&mut record);
                }
                let length = record.encode().len();
                record.length = u16::try_from(length).unwrap();
                record.encode()
            }
            BiometricKind::Face => {
                let picture = vec![0xFF, 0xD8, 0xFF, 0xD9];
                let mut image = FaceImage::full_frontal(picture, 240, 320);
                image.features.push([1, 0x31, 0, 60, 0, 90, 0, 0]);
                let mut record = FaceRecord::new(image).unwrap();
                if let Some(Damage::Face(change)) = self.damage {
                    change(&mut record);
                }
                record.length = u32::try_from(record.encode().len()).unwrap();
                record.encode()
            }
            BiometricKind::Iris => {
                let mut record = IrisRecord::new(1, vec![vec![0; 50]]).unwrap();
                if let Some(Damage::Iris(change)) = self.damage {
                    change(&mut record);
                }
                record.length = u32::try_from(record.encode().len()).unwrap();
                record.encode()
            }
        }
    }

    fn security_object(&mut self) {
        let object = ObjectId::SecurityObject;
        let mut covered = self.values.clone();
        covered.retain(|object, _| !matches!(object, ObjectId::RetiredCertificate(_)));
        for uncovered in [
            ObjectId::AuthenticationCertificate,
            ObjectId::CardAuthenticationCertificate,
            ObjectId::SignatureCertificate,
            ObjectId::KeyManagementCertificate,
            ObjectId::Fingerprints,
            ObjectId::FacialImage,
            ObjectId::IrisImages,
        ] {
            covered.remove(&uncovered);
        }
        let mut security = sign_security_object(&covered, &self.signer).unwrap();
        security.signed = self.sign_over(object, &security.signed, None);
        let value = self.elements(object, &security.encode());
        self.values.insert(object, value);
    }

    /// The signature over other content, with a change, signed again.
    fn sign_over(&self, object: ObjectId, template: &[u8], content: Option<&[u8]>) -> Vec<u8> {
        let info = ContentInfo::from_der(template).unwrap();
        let mut data: SignedData = info.content.decode_as().unwrap();
        if let Some(content) = content {
            set_digest(&mut data, content);
        }
        if let Some(Damage::Certificate(at, change)) = self.damage
            && at == object
        {
            change_certificate(&mut data, change);
        }
        if let Some(Damage::Signature(at, change)) = self.damage
            && at == object
        {
            change(&mut data);
        }
        sign_again(&mut data, &self.signer);
        if let Some(Damage::Forged(at, change)) = self.damage
            && at == object
        {
            change(&mut data);
        }
        encode(&data)
    }
}

/// Takes a value apart.
fn split(object: ObjectId, value: &[u8]) -> Elements {
    let reader = match object.is_bare() {
        true => ber::Reader::new(value),
        false => ber::Reader::single_byte_tags(value),
    };
    let elements = reader.map(|element| element.unwrap());
    elements
        .map(|element| (element.tag.0, element.value.to_vec()))
        .collect()
}

fn join(elements: &Elements) -> Vec<u8> {
    let objects = elements
        .iter()
        .map(|(tag, value)| ber::object(Tag(*tag), value));
    objects.collect::<Vec<_>>().concat()
}

/// Objects made of what they say alone.
fn unsigned() -> Vec<(ObjectId, Vec<u8>)> {
    let printed = PrintedInformation {
        name: Some("NIGHTINGALE FLORENCE".to_owned()),
        affiliation: Some("Employee".to_owned()),
        expiry: Some(date(2030, 6, 30)),
        serial: Some("0000123456".to_owned()),
        issuer: Some("CARDWRIGHT TEST".to_owned()),
        line1: Some("Wards".to_owned()),
        line2: Some("Scutari".to_owned()),
        ..PrintedInformation::default()
    };
    let policy = PinUsagePolicy {
        rules: 0x78,
        preference: 0x10,
    };
    let templates = BiometricInformationTemplates::of(
        BiometricInformationTemplate::new(0x96, 0x05, (12, 60), 0x00),
        None,
    );
    let container = CardCapabilityContainer::default();
    let code = PairingCode::new("93817264").unwrap();
    vec![
        (ObjectId::CardCapabilityContainer, container.encode()),
        (ObjectId::PrintedInformation, printed.encode()),
        (ObjectId::Discovery, Discovery::new(policy).encode()),
        (ObjectId::KeyHistory, KeyHistory::on_card(1).encode()),
        (ObjectId::BiometricInformationTemplates, templates.encode()),
        (ObjectId::PairingCode, code.encode().to_vec()),
    ]
}

fn certificates(authority: &Authority) -> Vec<(ObjectId, Vec<u8>)> {
    use KeyUsages::{DigitalSignature, KeyAgreement, NonRepudiation};
    let names = Some((fasc_n(7), guid()));
    let retired = RetiredKey::new(1).unwrap();
    let of = |key: KeyReference| key.certificate().unwrap();
    vec![
        (
            of(KeyReference::Authentication),
            holder(authority, 13, DigitalSignature, names),
        ),
        (
            of(KeyReference::Signature),
            holder(authority, 7, DigitalSignature | NonRepudiation, None),
        ),
        (
            of(KeyReference::KeyManagement),
            holder(authority, 16, KeyAgreement, None),
        ),
        (
            of(KeyReference::CardAuthentication),
            holder(authority, 17, DigitalSignature, names),
        ),
        (
            of(KeyReference::Retired(retired)),
            holder(authority, 16, KeyAgreement, None),
        ),
    ]
}

/// A content signer that can sign CVCs, which takes a key on a curve and an identifier of it.
fn content_signer_p256(authority: &Authority) -> x509_cert::Certificate {
    use crate::certificates::{SIGNER_LIFE, Wanted, extension, key, spki};
    use x509_cert::ext::pkix::SubjectKeyIdentifier;
    let like = content_signer(authority);
    let mut extensions = like
        .certificate()
        .tbs_certificate()
        .extensions()
        .unwrap()
        .clone();
    let identifier = OctetString::new([0x11; 20]).unwrap();
    extensions.push(extension(false, &SubjectKeyIdentifier(identifier)));
    authority.issue(Wanted {
        subject: "CN=Messaging Signer,O=Not For Use",
        serial: 8,
        validity: SIGNER_LIFE,
        key: spki(&key("p256")),
        extensions: extensions.to_vec(),
    })
}

fn minutiae() -> MinutiaeRecord {
    let view = |position: u8| FingerView {
        position,
        view: 0x00,
        quality: 80,
        minutiae: (0..12_u8)
            .map(|place| Minutia {
                kind: 1 + place % 2,
                x: 40 * u16::from(place),
                reserved: 0,
                y: 30 * u16::from(place) + u16::from(position),
                angle: 14 * place,
                quality: 60,
            })
            .collect(),
        extended: Vec::new(),
    };
    MinutiaeRecord::new((1, 1), 1, (512, 480), vec![view(2), view(7)]).unwrap()
}
