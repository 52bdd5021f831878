//! A chip with an AuthentIC application: series 8.
//!
//! It holds no identity objects: certificates alone say whose card it is. What administers it is
//! the security officer's passcode, of which each card gets one of its own.

use authentic::secrets::{NewPasscode, OfficerPasscode};
use authentic::{AuthenticError, Digest, Initialisation, KeyId, LastTry, Severity, Token};
use der::Decode;
use ground::Ambient;
use iso7816::Reset;
use piv::secrets::Passcode;
use piv::signed::ContentSigner;
use piv::{MessageDigest, PublicKey};
use series::{AuthenticAdmin, AuthenticPlan, Profile, Slot};
use x509_cert::Certificate;
use x509_cert::name::Name;
use x509_cert::request::CertReq;

use super::{Chip, Identified, Unopened};
use crate::authority::certificate_request::UnsignedRequest;
use crate::issue::IssueError;
use crate::issue::identity::Identity;
use crate::issue::read_back::{ReadBackError, Stranger, check_signature};
use crate::issue::session::{Recording, Session};
use crate::keys::KeyRing;
use crate::request::Request;
use crate::store::{BlankNumber, StepKind};

/// Longest code a card's officer gets: more strengthens nothing, and it may have to be typed.
const OFFICER_LENGTH: u8 = 16;

/// Selects which of the two applications the card has: the one that answered, if the profile knows
/// it.
pub(super) fn open(
    session: Session,
    identified: Identified,
    plan: AuthenticPlan,
) -> Result<Box<dyn Chip>, Box<Unopened>> {
    let applet = match identified.applet {
        Some(series::Applet::Authentic(applet)) => applet,
        _ => plan.applet.value,
    };
    if plan.words(applet).is_none() {
        let error = IssueError::WrongSeries {
            found: format!("a card with the {applet} application"),
            expected: format!("{}, as the profile says", plan.applet.value),
        };
        return Err(Unopened::new(session, error));
    }
    let Identified { profile, blank, .. } = identified;
    let (channel, recording) = session.into_parts();
    match authentic::open(channel, applet) {
        Ok(token) => {
            recording.note(format!(
                "identified as {} with {applet}, blank {blank}",
                profile.id
            ));
            Ok(Box::new(AuthenticChip {
                token,
                recording,
                profile,
                plan,
                blank,
            }))
        }
        Err(unopened) => {
            let session = Session::from_parts(unopened.channel, recording);
            Err(Unopened::new(session, unopened.error))
        }
    }
}

/// A chip whose AuthentIC application is selected.
struct AuthenticChip {
    token: Box<dyn Token>,
    recording: Recording,
    profile: Profile,
    plan: AuthenticPlan,
    blank: BlankNumber,
}

impl Chip for AuthenticChip {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn blank(&self) -> &BlankNumber {
        &self.blank
    }

    fn open_blank(&mut self, keys: &KeyRing, _: &dyn Ambient) -> Result<(), IssueError> {
        if self.token.is_initialised()? {
            return Err(IssueError::NotABlank {
                what: "a file structure".to_owned(),
            });
        }
        let words = self.plan.words(self.token.applet());
        if words.is_some_and(|words| words.admin.value == AuthenticAdmin::Scp01) {
            return Err(IssueError::Prepare {
                what: "the administration of the card",
                detail: "issuing through SCP01 is not there; the profile has to say `so-pin`"
                    .to_owned(),
            });
        }
        // The stock's own code: a wrong one costs a try of the blank, never its last.
        let officer = keys.transport(&self.profile.id)?.officer_passcode()?;
        match self.token.verify_officer(officer, LastTry::Refuse) {
            Err(AuthenticError::WrongPasscode { .. }) => Err(IssueError::TransportOfficer {
                series: self.profile.id.clone(),
            }),
            other => Ok(other?),
        }
    }

    /// Numbers, identity objects and a Security Object are PIV's.
    fn takes(&self, step: StepKind) -> bool {
        !step.is_optional()
    }

    fn write_serial(&mut self, _: &KeyRing, _: &dyn Ambient) -> Result<String, IssueError> {
        Err(self.not_here("a serial number"))
    }

    fn replace_admin_key(&mut self, keys: &KeyRing, _: &dyn Ambient) -> Result<String, IssueError> {
        let transport = keys.transport(&self.profile.id)?.officer_passcode()?;
        let own = self.own_officer(keys)?;
        self.token
            .change_officer(transport, &own, LastTry::Refuse)?;
        self.token.verify_officer(&own, LastTry::Refuse)?;
        Ok(format!("officer's passcode of ring `{}`", keys.name()))
    }

    fn bears_names(&self) -> bool {
        false
    }

    /// The file structure, in which alone a holder's passcode can be, then the passcode.
    fn set_passcodes(&mut self, keys: &KeyRing, passcode: &Passcode) -> Result<(), IssueError> {
        self.token.initialise(&Initialisation {
            label: format!("NHS {}", self.blank),
            serial: Some(self.blank.bytes().to_vec()),
            officer: Some(self.own_officer(keys)?),
            officer_tries: self.plan.officer.tries.value,
        })?;
        let tries = self.profile.passcode.tries.value;
        self.token.set_passcode(&new_passcode(passcode)?, tries)?;
        self.token
            .verify(new_passcode(passcode)?.as_passcode(), LastTry::Refuse)?;
        Ok(())
    }

    fn write_identity(
        &mut self,
        _: &Identity,
        _: &Request,
        _: &ContentSigner,
    ) -> Result<String, IssueError> {
        Err(self.not_here("identity objects"))
    }

    fn generate(&mut self, slot: Slot) -> Result<(PublicKey, String), IssueError> {
        let spec = self.plan.key_spec(slot);
        let public = self.token.generate(&spec)?;
        let detail = format!("RSA-{} in {}", spec.bits, spec.id);
        Ok((PublicKey::Rsa(public), detail))
    }

    fn sign_request(
        &mut self,
        slot: Slot,
        subject: Name,
        key: &PublicKey,
        passcode: &Passcode,
    ) -> Result<CertReq, IssueError> {
        let unsigned = UnsignedRequest::new(subject, key).ok_or_else(|| IssueError::Prepare {
            what: "the certificate request",
            detail: "the key does not sign".to_owned(),
        })?;
        let passcode = new_passcode(passcode)?;
        self.token.verify(passcode.as_passcode(), LastTry::Refuse)?;
        let signature = self.sign(slot, unsigned.digest())?;
        Ok(unsigned.sign(&signature))
    }

    fn write_certificate(
        &mut self,
        slot: Slot,
        certificate: &Certificate,
    ) -> Result<(), IssueError> {
        let der = der::Encode::to_der(certificate).map_err(|error| IssueError::Prepare {
            what: "the certificate",
            detail: error.to_string(),
        })?;
        let (key, _) = self.plan.slot(slot);
        self.token
            .write_certificate(KeyId(key), &der, slot.name())?;
        Ok(())
    }

    fn write_security_object(&mut self, _: &ContentSigner) -> Result<String, IssueError> {
        Err(self.not_here("a Security Object"))
    }

    fn read_back(&mut self, stranger: &Stranger<'_>) -> Result<(), ReadBackError> {
        self.token.channel_mut().reset(Reset::Cold)?;
        self.token.reselect()?;
        let passcode = NewPasscode::new(&stranger.passcode.digits())
            .expect("a PIV passcode is one AuthentIC cards take");
        self.token.verify(passcode.as_passcode(), LastTry::Refuse)?;
        let contents = self.token.contents()?;
        let wrong = |finding: &&authentic::Finding| finding.severity() == Severity::Error;
        if let Some(finding) = contents.findings.iter().find(wrong) {
            return Err(ReadBackError::Finding {
                finding: finding.clone(),
            });
        }
        for slot in Slot::ALL {
            let (key, _) = self.plan.slot(slot);
            let certificate = contents
                .certificates
                .iter()
                .find(|certificate| certificate.id == KeyId(key))
                .ok_or(ReadBackError::NoCertificate { slot })?;
            let certificate = Certificate::from_der(&certificate.der)
                .map_err(|source| ReadBackError::NotACertificate { slot, source })?;
            stranger.check_certificate(slot, &certificate)?;
            let digest = MessageDigest::sha256(&stranger.challenge());
            let signature = self.sign(slot, &digest)?;
            check_signature(slot, &certificate, &digest, &signature)?;
        }
        self.token.log_out()?;
        Ok(())
    }

    fn close(self: Box<Self>) -> Result<(), IssueError> {
        self.recording.end(self.token.into_channel())
    }
}

impl AuthenticChip {
    /// The officer's passcode of the card made of this blank.
    fn own_officer(&self, keys: &KeyRing) -> Result<OfficerPasscode, IssueError> {
        let policy = &self.plan.officer;
        let length = OFFICER_LENGTH.clamp(policy.min_length.value, policy.max_length.value);
        Ok(keys.officer_passcode(&self.blank, length)?)
    }

    fn sign(&mut self, slot: Slot, digest: &MessageDigest) -> Result<Vec<u8>, AuthenticError> {
        let hash = digest.as_bytes().try_into().expect("SHA-256 has 32 bytes");
        let (key, _) = self.plan.slot(slot);
        self.token.sign(KeyId(key), Digest::Sha256(hash))
    }

    /// What asks for a step this application does not take.
    fn not_here(&self, what: &'static str) -> IssueError {
        IssueError::Prepare {
            what,
            detail: format!("the {} application has none", self.token.applet()),
        }
    }
}

fn new_passcode(passcode: &Passcode) -> Result<NewPasscode, IssueError> {
    NewPasscode::new(&passcode.digits()).map_err(|error| IssueError::Prepare {
        what: "the passcode",
        detail: error.to_string(),
    })
}
