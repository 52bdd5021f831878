//! A chip with the PIV application.

mod manager;
mod read_back;

use std::collections::BTreeMap;

use der::Encode;
use globalplatform::ProductionData;
use ground::Ambient;
use piv::objects::{
    CardCapabilityContainer, CertificateObject, Chuid, Discovery, PinUsagePolicy,
    PrintedInformation,
};
use piv::secrets::Passcode;
use piv::signed::{ContentSigner, SignedError, sign_chuid, sign_security_object};
use piv::words::{ObjectId, PinReference};
use piv::{ApplicationProperties, Client, PivError, PublicKey};
use series::{AdminKeyChange, PivPlan, Profile, Slot};
use x509_cert::Certificate;
use x509_cert::name::Name;
use x509_cert::request::CertReq;

use super::{Chip, Identified};
use crate::authority::certificate_request::UnsignedRequest;
use crate::issue::IssueError;
use crate::issue::identity::Identity;
use crate::issue::read_back::{ReadBackError, Stranger};
use crate::issue::session::{Recording, Session};
use crate::keys::KeyRing;
use crate::request::Request;
use crate::store::{BlankNumber, StepKind};

/// Selects the PIV application.
pub(super) fn select(session: &mut Session) -> Result<ApplicationProperties, IssueError> {
    Ok(Client::probe(&mut session.channel)?)
}

/// Goes on with the PIV application, which has been selected.
pub(super) fn open(
    session: Session,
    identified: Identified,
    plan: PivPlan,
    properties: ApplicationProperties,
) -> Box<dyn Chip> {
    let Identified {
        profile,
        blank,
        numbers,
        ..
    } = identified;
    let (channel, recording) = session.into_parts();
    recording.note(format!("identified as {}, blank {blank}", profile.id));
    Box::new(PivChip {
        client: Client::from_selected(channel, properties),
        recording,
        profile,
        plan,
        blank,
        numbers,
        written: BTreeMap::new(),
    })
}

/// A chip whose PIV application is selected.
struct PivChip {
    client: Client,
    recording: Recording,
    profile: Profile,
    plan: PivPlan,
    blank: BlankNumber,
    /// What production left on the chip, and the issuer wrote since.
    numbers: ProductionData,
    /// What the Security Object has to cover.
    written: BTreeMap<ObjectId, Vec<u8>>,
}

impl Chip for PivChip {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn blank(&self) -> &BlankNumber {
        &self.blank
    }

    fn open_blank(&mut self, keys: &KeyRing, ambient: &dyn Ambient) -> Result<(), IssueError> {
        self.refuse_personalised()?;
        self.prove_manager_keys(keys, ambient)?;
        self.open_administration(keys, ambient)
    }

    fn takes(&self, step: StepKind) -> bool {
        step != StepKind::WriteSerial || self.lacks_serial()
    }

    fn write_serial(
        &mut self,
        keys: &KeyRing,
        ambient: &dyn Ambient,
    ) -> Result<String, IssueError> {
        self.number_blank(keys, ambient)
    }

    /// Replaces the transport key by the card's own, and proves that one; then the keys of the card
    /// manager, where the profile says so.
    fn replace_admin_key(
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

    fn bears_names(&self) -> bool {
        true
    }

    /// PUK, then passcode.
    fn set_passcodes(&mut self, keys: &KeyRing, passcode: &Passcode) -> Result<(), IssueError> {
        let transport = keys.transport(&self.profile.id)?;
        let puk = keys.puk(&self.blank);
        self.client.change_puk(transport.puk(), &puk)?;
        self.client
            .change_passcode(transport.passcode(), passcode)?;
        Ok(())
    }

    /// Writes the objects of the profile in its order.
    fn write_identity(
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

    fn generate(&mut self, slot: Slot) -> Result<(PublicKey, String), IssueError> {
        let (key, algorithm) = self.plan.slot(slot);
        let public = self.client.generate(key, algorithm)?;
        Ok((public, format!("{algorithm} in key {key}")))
    }

    fn sign_request(
        &mut self,
        slot: Slot,
        subject: Name,
        key: &PublicKey,
        passcode: &Passcode,
    ) -> Result<CertReq, IssueError> {
        let (reference, algorithm) = self.plan.slot(slot);
        let unsigned = UnsignedRequest::new(subject, key).ok_or_else(|| IssueError::Prepare {
            what: "the certificate request",
            detail: format!("{algorithm} does not sign"),
        })?;
        // Directly before the signature: a signing key wants it each time.
        self.client.verify(PinReference::Application, passcode)?;
        let signature = self
            .client
            .sign_digest(reference, algorithm, unsigned.digest())?;
        Ok(unsigned.sign(&signature))
    }

    fn write_certificate(
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

    fn write_security_object(&mut self, signer: &ContentSigner) -> Result<String, IssueError> {
        let object =
            sign_security_object(&self.written, signer).map_err(signing("the Security Object"))?;
        let covered = object.mapping.len();
        self.write(ObjectId::SecurityObject, object.encode())?;
        Ok(format!("covers {covered} objects"))
    }

    fn read_back(&mut self, stranger: &Stranger<'_>) -> Result<(), ReadBackError> {
        read_back::read_back(&mut self.client, &self.plan, stranger)
    }

    fn close(self: Box<Self>) -> Result<(), IssueError> {
        self.recording.end(self.client.into_channel())
    }
}

impl PivChip {
    /// Authenticates with the transport key, unless the profile has it replaced without.
    fn open_administration(
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

    fn write(&mut self, object: ObjectId, value: Vec<u8>) -> Result<(), IssueError> {
        self.client.put_data(object, &value)?;
        self.written.insert(object, value);
        Ok(())
    }
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
