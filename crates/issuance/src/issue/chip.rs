//! What is done to the chip, one function a step, whatever application it speaks.

mod authentic;
mod piv;

use ::piv::PublicKey;
use ::piv::secrets::Passcode;
use ::piv::signed::ContentSigner;
use globalplatform::ProductionData;
use ground::Ambient;
use series::{Applet, Plan, Profile, Slot};
use x509_cert::Certificate;
use x509_cert::name::Name;
use x509_cert::request::CertReq;

use super::IssueError;
use super::identity::Identity;
use super::read_back::{ReadBackError, Stranger};
use super::session::Session;
use crate::authority::{Authority, CardNames, CertificateTerms, Submission, subject_name};
use crate::keys::KeyRing;
use crate::request::Request;
use crate::store::{BlankNumber, StepKind};

/// The chip of a blank on its way to become somebody's.
///
/// The methods are called in the order they stand in; each is one step of the journal, but for the
/// questions among them.
pub(super) trait Chip {
    /// The series it is of.
    fn profile(&self) -> &Profile;

    /// The blank it is accounted for by.
    fn blank(&self) -> &BlankNumber;

    /// Makes sure that this is a blank, and proves the transport secrets that will be needed.
    /// Nothing is written: a card that is refused is as it was.
    fn open_blank(&mut self, keys: &KeyRing, ambient: &dyn Ambient) -> Result<(), IssueError>;

    /// Whether an optional step ([`StepKind::is_optional`]) is done to this card.
    fn takes(&self, step: StepKind) -> bool;

    /// Gives a blank without serial number one.
    fn write_serial(&mut self, keys: &KeyRing, ambient: &dyn Ambient)
    -> Result<String, IssueError>;

    /// Replaces the key or code that administers the card by the card's own, and proves that one.
    fn replace_admin_key(
        &mut self,
        keys: &KeyRing,
        ambient: &dyn Ambient,
    ) -> Result<String, IssueError>;

    /// Whether it has a UUID and a FASC-N of its own, for its certificates to name.
    fn bears_names(&self) -> bool;

    /// Replaces the transport passcodes.
    fn set_passcodes(&mut self, keys: &KeyRing, passcode: &Passcode) -> Result<(), IssueError>;

    /// Writes what says whose card it is.
    fn write_identity(
        &mut self,
        identity: &Identity,
        request: &Request,
        signer: &ContentSigner,
    ) -> Result<String, IssueError>;

    /// Has the card make a key pair; with the words for the journal.
    fn generate(&mut self, slot: Slot) -> Result<(PublicKey, String), IssueError>;

    /// Has the card sign a certificate request.
    fn sign_request(
        &mut self,
        slot: Slot,
        subject: Name,
        key: &PublicKey,
        passcode: &Passcode,
    ) -> Result<CertReq, IssueError>;

    /// Writes a certificate.
    fn write_certificate(
        &mut self,
        slot: Slot,
        certificate: &Certificate,
    ) -> Result<(), IssueError>;

    /// Signs the hashes of everything written and writes them.
    fn write_security_object(&mut self, signer: &ContentSigner) -> Result<String, IssueError>;

    /// Resets the card, reads everything and checks it.
    fn read_back(&mut self, stranger: &Stranger<'_>) -> Result<(), ReadBackError>;

    /// Takes the power from the chip and ends the recording.
    fn close(self: Box<Self>) -> Result<(), IssueError>;
}

/// What is known of a blank once its chip has been identified.
pub(super) struct Identified {
    pub(super) profile: Profile,
    /// The application that decided the series.
    pub(super) applet: Option<Applet>,
    pub(super) blank: BlankNumber,
    pub(super) numbers: ProductionData,
}

/// A chip that does not let itself be selected, and its session, to be closed.
pub(super) struct Unopened {
    pub(super) session: Session,
    pub(super) error: IssueError,
}

impl Unopened {
    pub(super) fn new(session: Session, error: impl Into<IssueError>) -> Box<Self> {
        let error = error.into();
        Box::new(Self { session, error })
    }
}

/// Selects the application the profile personalises.
pub(super) fn open(
    mut session: Session,
    identified: Identified,
) -> Result<Box<dyn Chip>, Box<Unopened>> {
    session.channel.set_limits(identified.profile.limits());
    match identified.profile.plan() {
        Some(Plan::Piv(plan)) => {
            let plan = plan.clone();
            match piv::select(&mut session) {
                Ok(properties) => Ok(piv::open(session, identified, plan, properties)),
                Err(error) => Err(Unopened::new(session, error)),
            }
        }
        Some(Plan::Authentic(plan)) => {
            let plan = plan.clone();
            authentic::open(session, identified, plan)
        }
        None => {
            let error = series::Refusal::NoEngine {
                series: identified.profile.name().to_owned(),
                engine: identified.profile.engine.value,
            };
            Err(Unopened::new(session, error))
        }
    }
}

/// Has the card sign a certificate request and the authority answer it.
pub(super) fn certify(
    chip: &mut dyn Chip,
    slot: Slot,
    key: &PublicKey,
    request: &Request,
    identity: &Identity,
    passcode: &Passcode,
    authority: &mut dyn Authority,
) -> Result<Certificate, IssueError> {
    let wanted = chip.profile().certificate.clone();
    let subject = subject_name(
        &wanted.organisation.value,
        &wanted.organisational_unit.value,
        request.user,
        &request.name,
    );
    let signed = chip.sign_request(slot, subject.clone(), key, passcode)?;
    let names = CardNames {
        uuid: identity.uuid,
        fascn: identity.fasc_n.bytes(),
    };
    let certificate = authority.submit(&Submission {
        slot,
        subject,
        card: chip.bears_names().then_some(names),
        terms: CertificateTerms::of(&wanted, slot, identity.not_before, identity.not_after)
            .map_err(|detail| IssueError::Prepare {
                what: "the certificate profile",
                detail,
            })?,
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
