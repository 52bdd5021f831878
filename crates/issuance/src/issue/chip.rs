//! What is done to the chip, one function a step.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use der::Encode;
use globalplatform::ProductionData;
use ground::Ambient;
use iso7816::transcript::Header;
use iso7816::{Channel, Disposition, Link, Traced, TranscriptWriter};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use piv::objects::{
    CardCapabilityContainer, CertificateObject, Chuid, Discovery, FascN, PinUsagePolicy,
    PrintedInformation,
};
use piv::secrets::Passcode;
use piv::signed::{ContentSigner, SignedError, sign_chuid, sign_security_object};
use piv::words::{Algorithm, ObjectId, PinReference};
use piv::{ApplicationProperties, Client, PivError, PublicKey};
use series::{AdminKeyChange, Identification, PivPlan, Profile, Profiles, Slot, identify};
use uuid::Uuid;
use x509_cert::Certificate;
use x509_cert::request::CertReq;

use super::IssueError;
use crate::authority::certificate_request::UnsignedRequest;
use crate::authority::{Authority, CardNames, Submission, subject_name};
use crate::keys::{KeyRing, Transport};
use crate::request::Request;
use crate::store::BlankNumber;

/// What the recording program calls itself in transcripts.
const TOOL: &str = concat!("cardwright ", env!("CARGO_PKG_VERSION"));
/// Clocks differ: a certificate has to be good on a workstation that is slow.
const CLOCK_TOLERANCE_MINUTES: i64 = 30;

/// A connection to the chip whose every exchange is recorded.
pub(super) struct Session {
    channel: Channel,
    transcript: TranscriptWriter,
}

impl Session {
    /// Starts recording.
    pub(super) fn open(
        link: Box<dyn Link>,
        path: &Path,
        ambient: &Arc<dyn Ambient>,
    ) -> Result<Self, IssueError> {
        let file = File::create_new(path).map_err(|source| IssueError::File {
            path: path.to_owned(),
            source,
        })?;
        let header = Header::new(TOOL, ambient.now(), &*link);
        let transcript = TranscriptWriter::new(Box::new(file), &header, Arc::clone(ambient));
        let link = Traced::new(link, Arc::clone(ambient), transcript.clone());
        Ok(Self {
            channel: Channel::new(Box::new(link)),
            transcript,
        })
    }

    /// Which series the card is of.
    pub(super) fn identify(&mut self, profiles: &Profiles) -> Result<Identification, IssueError> {
        Ok(identify(&mut self.channel, profiles)?)
    }

    /// Takes the power from the chip and ends the recording.
    pub(super) fn close(self) -> Result<(), IssueError> {
        end(self.channel, self.transcript)
    }

    /// Selects the PIV application, with the sizes of the series.
    pub(super) fn select_piv(
        &mut self,
        profile: &Profile,
    ) -> Result<ApplicationProperties, IssueError> {
        self.channel.set_limits(profile.limits());
        Ok(Client::probe(&mut self.channel)?)
    }

    /// Goes on with the PIV application, which has been selected.
    pub(super) fn into_chip(self, identified: Identified) -> Chip {
        let Identified {
            profile,
            plan,
            blank,
            application,
            numbers,
        } = identified;
        self.transcript
            .note(format!("identified as {}, blank {blank}", profile.id));
        Chip {
            client: Client::from_selected(self.channel, application),
            transcript: self.transcript,
            profile,
            plan,
            blank,
            numbers,
            written: BTreeMap::new(),
        }
    }
}

/// What is known of a blank once its chip has been read.
pub(super) struct Identified {
    pub(super) profile: Profile,
    pub(super) plan: PivPlan,
    pub(super) blank: BlankNumber,
    pub(super) application: ApplicationProperties,
    pub(super) numbers: ProductionData,
}

/// The chip of a blank on its way to become somebody's.
pub(super) struct Chip {
    pub(super) client: Client,
    transcript: TranscriptWriter,
    pub(super) profile: Profile,
    pub(super) plan: PivPlan,
    pub(super) blank: BlankNumber,
    /// What production left on the chip, and the issuer wrote since.
    pub(super) numbers: ProductionData,
    /// What the Security Object has to cover.
    written: BTreeMap<ObjectId, Vec<u8>>,
}

/// What identifies the card and for how long, decided before anything is written.
pub(super) struct Identity {
    uuid: Uuid,
    fasc_n: FascN,
    not_before: Timestamp,
    not_after: Timestamp,
    expiry: Date,
}

impl Identity {
    /// A new one, valid from now on for as long as the profile says.
    pub(super) fn new(profile: &Profile, ambient: &dyn Ambient) -> Result<Self, IssueError> {
        let mut random = [0; 16];
        ambient.fill_random(&mut random);
        let prepare = |error: jiff::Error| IssueError::Prepare {
            what: "the validity",
            detail: error.to_string(),
        };
        let now = ambient.now();
        let months = i64::from(profile.certificate.validity_months.value);
        let end = now
            .to_zoned(TimeZone::UTC)
            .checked_add(months.months())
            .map_err(prepare)?;
        Ok(Self {
            uuid: uuid::Builder::from_random_bytes(random).into_uuid(),
            fasc_n: FascN::non_federal(),
            not_before: now
                .checked_sub(CLOCK_TOLERANCE_MINUTES.minutes())
                .map_err(prepare)?,
            not_after: end.timestamp(),
            expiry: end.date(),
        })
    }
}

impl Chip {
    /// Takes the power from the chip and ends the recording.
    pub(super) fn close(self) -> Result<(), IssueError> {
        end(self.client.into_channel(), self.transcript)
    }

    /// Makes sure that this is a blank, and proves the transport keys that will be needed. Nothing
    /// is written: a card that is refused is as it was.
    pub(super) fn open_blank(
        &mut self,
        keys: &KeyRing,
        ambient: &dyn Ambient,
    ) -> Result<(), IssueError> {
        self.refuse_personalised()?;
        self.prove_manager_keys(keys, ambient)?;
        self.open_administration(keys, ambient)
    }

    /// Authenticates with the transport key, unless the profile has it replaced without.
    pub(super) fn open_administration(
        &mut self,
        keys: &KeyRing,
        ambient: &dyn Ambient,
    ) -> Result<(), IssueError> {
        if self.plan.admin.change.value == AdminKeyChange::Scp03PutKey {
            return Ok(());
        }
        let key = keys.transport(&self.profile.id)?.admin_key();
        match self.client.authenticate_admin(key, ambient) {
            Ok(_) => Ok(()),
            Err(PivError::WrongAdminKey { status, .. }) => Err(IssueError::TransportKey {
                series: self.profile.id.clone(),
                status,
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// A blank has neither CHUID nor certificates, or empty ones.
    fn refuse_personalised(&mut self) -> Result<(), IssueError> {
        for object in [
            ObjectId::Chuid,
            ObjectId::AuthenticationCertificate,
            ObjectId::SignatureCertificate,
        ] {
            let value = self.client.get_data(object)?;
            if value.is_some_and(|value| !value.is_empty()) {
                return Err(IssueError::NotABlank {
                    what: format!("a {object}"),
                });
            }
        }
        Ok(())
    }

    /// Replaces the transport key by the card's own, and proves that one; then the keys of the card
    /// manager, where the profile says so.
    pub(super) fn replace_admin_key(
        &mut self,
        keys: &KeyRing,
        ambient: &dyn Ambient,
    ) -> Result<String, IssueError> {
        let own = match self.plan.admin.change.value {
            AdminKeyChange::Keep => None,
            AdminKeyChange::SetManagementKey | AdminKeyChange::Scp03PutKey => {
                Some(keys.admin_key(self.plan.admin.algorithm.value, &self.blank)?)
            }
        };
        let mut detail = match &own {
            None => "the issuer's key stays, as the profile says".to_owned(),
            Some(own) => {
                if self.plan.admin.change.value == AdminKeyChange::Scp03PutKey {
                    self.put_admin_key(own, keys, ambient)?;
                } else {
                    self.client.set_admin_key(own)?;
                }
                self.client.authenticate_admin(own, ambient)?;
                format!(
                    "{} key of ring `{}`, check value {}",
                    own.algorithm(),
                    keys.name(),
                    hex::encode_upper(own.check_value())
                )
            }
        };
        if self.replaces_manager_keys() {
            detail.push_str("; ");
            detail.push_str(&self.replace_manager_keys(keys, ambient)?);
            // The card manager was selected meanwhile.
            match &own {
                Some(own) => {
                    self.client.authenticate_admin(own, ambient)?;
                }
                None => self.open_administration(keys, ambient)?,
            }
        }
        Ok(detail)
    }

    /// Replaces the transport PUK and passcode.
    pub(super) fn set_passcodes(
        &mut self,
        transport: &Transport,
        keys: &KeyRing,
        passcode: &Passcode,
    ) -> Result<(), IssueError> {
        let puk = keys.puk(&self.blank);
        self.client.change_puk(transport.puk(), &puk)?;
        self.client
            .change_passcode(transport.passcode(), passcode)?;
        Ok(())
    }

    /// Writes the objects of the profile in its order.
    pub(super) fn write_identity(
        &mut self,
        identity: &Identity,
        request: &Request,
        signer: &ContentSigner,
    ) -> Result<String, IssueError> {
        let objects = self.plan.objects.value.clone();
        for &object in &objects {
            let value = match object {
                ObjectId::CardCapabilityContainer => CardCapabilityContainer::default().encode(),
                ObjectId::Chuid => {
                    let chuid = Chuid::new(identity.fasc_n, identity.uuid, identity.expiry);
                    sign_chuid(&chuid, signer)
                        .map_err(signing("the CHUID"))?
                        .encode()
                }
                ObjectId::Discovery => Discovery::new(PinUsagePolicy {
                    rules: PinUsagePolicy::APPLICATION,
                    preference: 0,
                })
                .encode(),
                ObjectId::PrintedInformation => self.printed(identity, request)?.encode(),
                other => {
                    return Err(IssueError::Prepare {
                        what: "the objects of the profile",
                        detail: format!("there is nothing to write into the {other}"),
                    });
                }
            };
            self.write(object, value)?;
        }
        Ok(format!("UUID {}", identity.uuid))
    }

    fn printed(
        &self,
        identity: &Identity,
        request: &Request,
    ) -> Result<PrintedInformation, IssueError> {
        if request.name.len() > 125 {
            return Err(IssueError::Prepare {
                what: "Printed Information",
                detail: format!("the name has {} bytes, at most 125 fit", request.name.len()),
            });
        }
        // The organisation runs over its three lines of 20 bytes; a longer one is on the face.
        let (affiliation, rest) = split(&request.organisation, 20);
        let (line1, rest) = split(rest, 20);
        let (line2, _) = split(rest, 20);
        let line = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (issuer, _) = split(&self.profile.certificate.organisation.value, 15);
        let (serial, _) = split(self.blank.as_str(), 20);
        Ok(PrintedInformation {
            name: Some(request.name.clone()),
            affiliation: Some(affiliation.to_owned()),
            expiry: Some(identity.expiry),
            serial: Some(serial.to_owned()),
            issuer: Some(format!("{issuer:<15}")),
            line1: line(line1),
            line2: line(line2),
            extras: Vec::new(),
        })
    }

    /// Has the card make a key pair.
    pub(super) fn generate(&mut self, slot: Slot) -> Result<PublicKey, IssueError> {
        let (key, algorithm) = self.plan.slot(slot);
        Ok(self.client.generate(key, algorithm)?)
    }

    /// Has the card sign a certificate request and the authority answer it.
    pub(super) fn certify(
        &mut self,
        slot: Slot,
        key: &PublicKey,
        request: &Request,
        identity: &Identity,
        passcode: &Passcode,
        authority: &mut dyn Authority,
    ) -> Result<Certificate, IssueError> {
        let wanted = &self.profile.certificate;
        let policy = match (slot, &wanted.signing_policy) {
            (Slot::Signing, Some(policy)) => {
                Some(policy.value.parse().map_err(|error: const_oid::Error| {
                    IssueError::Prepare {
                        what: "the certificate policy of the profile",
                        detail: error.to_string(),
                    }
                })?)
            }
            _ => None,
        };
        let subject = subject_name(
            &wanted.organisation.value,
            &wanted.organisational_unit.value,
            request.user,
            &request.name,
        );
        let (_, algorithm) = self.plan.slot(slot);
        let signed = self.sign_request(slot, algorithm, subject.clone(), key, passcode)?;
        let certificate = authority.submit(&Submission {
            slot,
            subject,
            card: CardNames {
                uuid: identity.uuid,
                fascn: identity.fasc_n.bytes(),
            },
            policy,
            not_before: identity.not_before,
            not_after: identity.not_after,
            request: &signed,
        })?;
        let certified = certificate.tbs_certificate().subject_public_key_info();
        if PublicKey::from_spki(certified).ok().as_ref() != Some(key) {
            return Err(IssueError::OtherKey);
        }
        Ok(certificate)
    }

    fn sign_request(
        &mut self,
        slot: Slot,
        algorithm: Algorithm,
        subject: x509_cert::name::Name,
        key: &PublicKey,
        passcode: &Passcode,
    ) -> Result<CertReq, IssueError> {
        let unsigned = UnsignedRequest::new(subject, key).ok_or_else(|| IssueError::Prepare {
            what: "the certificate request",
            detail: format!("{algorithm} does not sign"),
        })?;
        let (reference, _) = self.plan.slot(slot);
        // Directly before the signature: a signing key wants it each time.
        self.client.verify(PinReference::Application, passcode)?;
        let signature = self
            .client
            .sign_digest(reference, algorithm, unsigned.digest())?;
        Ok(unsigned.sign(&signature))
    }

    /// Writes a certificate.
    pub(super) fn write_certificate(
        &mut self,
        slot: Slot,
        certificate: &Certificate,
    ) -> Result<(), IssueError> {
        let (key, _) = self.plan.slot(slot);
        let object = key
            .certificate()
            .expect("a profile with a slot without certificate is refused when it is read");
        let der = certificate.to_der().map_err(|error| IssueError::Prepare {
            what: "the certificate",
            detail: error.to_string(),
        })?;
        self.write(object, CertificateObject::plain(der).encode())
    }

    /// Signs the hashes of everything written and writes them.
    pub(super) fn write_security_object(
        &mut self,
        signer: &ContentSigner,
    ) -> Result<String, IssueError> {
        let object =
            sign_security_object(&self.written, signer).map_err(signing("the Security Object"))?;
        let covered = object.mapping.len();
        self.write(ObjectId::SecurityObject, object.encode())?;
        Ok(format!("covers {covered} objects"))
    }

    fn write(&mut self, object: ObjectId, value: Vec<u8>) -> Result<(), IssueError> {
        self.client.put_data(object, &value)?;
        self.written.insert(object, value);
        Ok(())
    }
}

fn end(channel: Channel, transcript: TranscriptWriter) -> Result<(), IssueError> {
    let disconnected = channel.disconnect(Disposition::PowerOff);
    // The recording ends whatever the card did.
    transcript.finish()?;
    Ok(disconnected?)
}

fn signing(what: &'static str) -> impl Fn(SignedError) -> IssueError {
    move |error| IssueError::Prepare {
        what,
        detail: error.to_string(),
    }
}

/// Splits a text after at most `most` bytes, between characters.
fn split(text: &str, most: usize) -> (&str, &str) {
    text.split_at(text.floor_char_boundary(most))
}
