//! The way of one card, from the hopper to the output tray.
//!
//! [`Making::way`] is the order of things; each line of it is a step with its intent in the
//! journal before and its outcome after.

use std::sync::Arc;
use std::time::Duration;

use face::{DYE_TOLERANCE, Rendered, check_face};
use ground::Blamed;
use jiff::Timestamp;
use piv::PublicKey;
use piv::secrets::Passcode;
use printers::{CardPosition, Position};
use series::{Identification, Operation, Profile, Slot};
use x509_cert::Certificate;

use super::chip::{self, Chip, Identified, Unopened};
use super::event::{IssueEvent, IssuedCard, IssuedCertificate, Observer};
use super::identity::Identity;
use super::plastic::{self, clear_printer};
use super::read_back::Stranger;
use super::session::Session;
use super::{CardFailure, IssueError, Issuer, Station};
use crate::authority::serial_text;
use crate::request::Request;
use crate::store::{
    BlankNumber, CardId, CardState, CertificateRecord, Failure, Handover, Outcome, StepKind,
};

/// How often the encoder is asked whether it is empty.
const GLANCE: Duration = Duration::from_millis(50);

/// One card in the making.
pub(super) struct Making<'a> {
    pub(super) issuer: &'a mut Issuer,
    pub(super) station: &'a mut Station,
    pub(super) observer: &'a mut dyn Observer,
    pub(super) request: &'a Request,
    pub(super) passcode: Passcode,
    /// What to print; nothing at a station that does not.
    pub(super) face: Option<Rendered>,
    pub(super) handover: Handover,
    pub(super) card: CardId,
    pub(super) blank: Option<BlankNumber>,
    /// The step under way or done last.
    pub(super) at: Option<StepKind>,
    /// The printer holds no card of ours: none was fed, or it has gone out.
    pub(super) out: bool,
    /// How far the card has come.
    pub(super) steps: Steps,
}

/// Counts the steps of a card.
pub(super) struct Steps {
    begun: usize,
    of: usize,
    prints: bool,
}

impl Steps {
    /// As most cards take at a station that prints or not, before this one is known. Both ways to
    /// hand a card over are one.
    pub(super) fn of_most_cards(prints: bool) -> Self {
        let taken = |kind: StepKind| match kind.is_of_the_face() {
            true => prints,
            false => kind != StepKind::WriteSerial,
        };
        Self {
            begun: 0,
            of: count(taken),
            prints,
        }
    }

    /// As this card takes, which is known once it is identified.
    fn settle(&mut self, takes: impl Fn(StepKind) -> bool) {
        let prints = self.prints;
        self.of = count(|kind| match kind.is_of_the_face() {
            true => prints,
            false => !kind.is_optional() || takes(kind),
        });
    }
}

/// How many steps there are of those taken.
fn count(taken: impl Fn(StepKind) -> bool) -> usize {
    StepKind::ORDER
        .into_iter()
        .filter(|&kind| taken(kind))
        .count()
        - 1
}

/// What a step leaves behind: a value for the steps after it, and words for the journal.
type Done<T> = Result<(T, String), IssueError>;

impl Making<'_> {
    /// Makes the card, or puts it away.
    pub(super) fn make(mut self) -> Result<IssuedCard, Box<CardFailure>> {
        match self.way() {
            Ok(card) => Ok(card),
            Err(error) => Err(Box::new(self.put_away(error))),
        }
    }

    fn way(&mut self) -> Result<IssuedCard, IssueError> {
        let started = self.issuer.ambient.elapsed();
        self.step(StepKind::Feed, Self::feed)?;
        let mut chip = self.step(StepKind::Identify, Self::identify)?;
        self.steps.settle(|kind| chip.takes(kind));
        let personalised = self.personalise(&mut *chip);
        // The chip must be without power before the card moves, however it went.
        let series = chip.profile().id.clone();
        let closed = chip.close();
        let certificates = personalised?;
        closed?;
        let face = self.face.take();
        if let Some(face) = &face {
            self.step(StepKind::Print, |it| it.print(face))?;
            self.step(StepKind::CheckFace, |it| it.check_face(face))?;
        }
        self.step(StepKind::Eject, |it| it.eject(face.is_some()))?;
        self.step(StepKind::HandOver(self.handover), |_| {
            Ok(((), String::new()))
        })?;
        let data = &self.issuer.data;
        Ok(IssuedCard {
            request: self.request.id.clone(),
            card: self.card,
            blank: self.blank.clone().ok_or(IssueError::NoNumber)?,
            series,
            certificates,
            handover: self.handover,
            took: self.issuer.ambient.elapsed().saturating_sub(started),
            face: face.map(|_| data.join(&data.face(self.card))),
            transcript: data.join(&data.transcript(self.card)),
        })
    }

    /// Everything done to the chip.
    fn personalise(&mut self, chip: &mut dyn Chip) -> Result<Vec<IssuedCertificate>, IssueError> {
        let identity = Identity::new(chip.profile(), &*self.issuer.ambient)?;
        if chip.takes(StepKind::WriteSerial) {
            self.step(StepKind::WriteSerial, |it| it.write_serial(chip))?;
        }
        self.step(StepKind::ReplaceAdminKey, |it| it.replace_admin_key(chip))?;
        self.step(StepKind::SetPasscodes, |it| it.set_passcodes(chip))?;
        if chip.takes(StepKind::WriteIdentity) {
            self.step(StepKind::WriteIdentity, |it| {
                it.write_identity(chip, &identity)
            })?;
        }
        let mut certificates = Vec::new();
        for slot in Slot::ALL {
            let key = self.step(StepKind::GenerateKey(slot), |it| it.generate(chip, slot))?;
            let certificate = self.step(StepKind::Certify(slot), |it| {
                it.certify(chip, slot, &key, &identity)
            })?;
            self.step(StepKind::WriteCertificate(slot), |_| {
                chip.write_certificate(slot, &certificate)?;
                Ok(((), String::new()))
            })?;
            certificates.push(issued(slot, &certificate)?);
        }
        if chip.takes(StepKind::WriteSecurityObject) {
            self.step(StepKind::WriteSecurityObject, |it| {
                let detail = chip.write_security_object(it.issuer.authority.content_signer())?;
                Ok(((), detail))
            })?;
        }
        self.step(StepKind::ReadBack, |it| it.read_back(chip))?;
        Ok(certificates)
    }

    /// Does one step between its intent and its outcome, both durable.
    fn step<T>(
        &mut self,
        kind: StepKind,
        act: impl FnOnce(&mut Self) -> Done<T>,
    ) -> Result<T, IssueError> {
        let started = self.issuer.ambient.elapsed();
        let now = self.issuer.ambient.now();
        self.issuer.store.intend(self.card, kind, now)?;
        self.at = Some(kind);
        self.steps.begun += 1;
        self.observer.event(&IssueEvent::StepBegun {
            request: &self.request.id,
            card: self.card,
            step: kind,
            number: self.steps.begun,
            of: self.steps.of,
        });
        let done = act(self);
        let outcome = match &done {
            Ok((_, detail)) => Outcome::Done {
                detail: detail.clone(),
            },
            Err(error) => Outcome::Failed(Failure {
                blame: error.blame(),
                message: error.to_string(),
                hint: error.hint(),
            }),
        };
        let now = self.issuer.ambient.now();
        let recorded = self.issuer.store.conclude(self.card, &outcome, now);
        // The step's own failure is the one to tell; a journal that fails as well is told when
        // the card is put away.
        let (value, detail) = done?;
        recorded?;
        self.observer.event(&IssueEvent::StepDone {
            request: &self.request.id,
            card: self.card,
            step: kind,
            detail: &detail,
            took: self.issuer.ambient.elapsed().saturating_sub(started),
        });
        Ok(value)
    }

    fn feed(&mut self) -> Done<()> {
        self.await_empty_encoder()?;
        self.out = false;
        self.station.printer.feed(Position::Contacts)?;
        Ok(((), String::new()))
    }

    /// Waits until the encoder reports no card.
    ///
    /// A service looks into its readers only a few times a second: a card taken for the one before
    /// it would be spoken to as if it had never left.
    fn await_empty_encoder(&mut self) -> Result<(), IssueError> {
        let Station {
            encoder,
            card_within,
            ..
        } = &mut *self.station;
        let ambient = &self.issuer.ambient;
        let deadline = ambient.elapsed().saturating_add(*card_within);
        while encoder.card_present()? {
            if ambient.elapsed() >= deadline {
                return Err(IssueError::EncoderOccupied {
                    encoder: encoder.name().to_owned(),
                });
            }
            ambient.sleep(GLANCE);
        }
        Ok(())
    }

    fn identify(&mut self) -> Done<Box<dyn Chip>> {
        let link = self.station.encoder.connect(self.station.card_within)?;
        let relative = self.issuer.data.transcript(self.card);
        self.issuer
            .store
            .record_transcript(self.card, &relative.to_string_lossy())?;
        let path = self.issuer.data.join(&relative);
        let mut session = Session::open(link, &path, &self.issuer.ambient)?;
        let opened = match self.blank_of(&mut session) {
            Ok(identified) => chip::open(session, identified),
            Err(error) => Err(Unopened::new(session, error)),
        };
        let mut chip = match opened {
            Ok(chip) => chip,
            Err(unopened) => {
                let Unopened { session, error } = *unopened;
                return Err(close_after(session.close(), error));
            }
        };
        let ambient = Arc::clone(&self.issuer.ambient);
        if let Err(error) = chip.open_blank(&self.issuer.keys, &*ambient) {
            return Err(close_after(chip.close(), error));
        }
        let detail = format!("{}, blank {}", chip.profile().id, chip.blank());
        Ok((chip, detail))
    }

    /// Which series the card is of, and by which number it is accounted for.
    fn blank_of(&mut self, session: &mut Session) -> Result<Identified, IssueError> {
        let identification = session.identify(&self.issuer.profiles)?;
        let today = self.issuer.today();
        if let Some(refusal) =
            identification.refusal(&self.issuer.profiles, Operation::Issue, today)
        {
            return Err(refusal.into());
        }
        let profile = self.choose_profile(&identification)?;
        profile.issuable(today)?;
        if let Err(problem) = profile.passcode.check(self.passcode.digits().as_bytes()) {
            return Err(IssueError::Passcode(problem));
        }
        let blank = blank_number(&identification).ok_or(IssueError::NoNumber)?;
        // Known from here on, whatever else is found: a refused card is told by its number.
        self.blank = Some(blank.clone());
        let now = self.issuer.ambient.now();
        self.issuer
            .store
            .bind_blank(self.card, &blank, &profile.id, now)?;
        Ok(Identified {
            profile,
            applet: identification.applet(),
            blank,
            numbers: identification.numbers,
        })
    }

    /// The one profile the card may be of that the request and the station admit.
    fn choose_profile(&self, identification: &Identification) -> Result<Profile, IssueError> {
        let admitted = |profile: &Profile| match self.request.series {
            Some(series) => profile.series == Some(series),
            None => self.issuer.series.contains(&profile.id),
        };
        let mut candidates = identification
            .candidates()
            .into_iter()
            .filter_map(|id| self.issuer.profiles.get(id).ok())
            .filter(|profile| admitted(profile));
        match (candidates.next(), candidates.next()) {
            (Some(profile), None) => Ok(profile.clone()),
            (None, _) => Err(IssueError::WrongSeries {
                found: identification.conclusion.to_string(),
                expected: self.expected_series(),
            }),
            (Some(_), Some(_)) => Err(IssueError::WrongSeries {
                found: format!("{}, and which cannot be told", identification.conclusion),
                expected: "a request that names its series".to_owned(),
            }),
        }
    }

    fn expected_series(&self) -> String {
        match self.request.series {
            Some(series) => format!("series {series}, as the request says"),
            None => format!("one of {}", self.issuer.series.join(", ")),
        }
    }

    fn write_serial(&mut self, chip: &mut dyn Chip) -> Done<()> {
        let ambient = Arc::clone(&self.issuer.ambient);
        let detail = chip.write_serial(&self.issuer.keys, &*ambient)?;
        Ok(((), detail))
    }

    fn replace_admin_key(&mut self, chip: &mut dyn Chip) -> Done<()> {
        let ambient = Arc::clone(&self.issuer.ambient);
        let detail = chip.replace_admin_key(&self.issuer.keys, &*ambient)?;
        Ok(((), detail))
    }

    fn set_passcodes(&mut self, chip: &mut dyn Chip) -> Done<()> {
        chip.set_passcodes(&self.issuer.keys, &self.passcode)?;
        Ok(((), String::new()))
    }

    fn write_identity(&mut self, chip: &mut dyn Chip, identity: &Identity) -> Done<()> {
        let signer = self.issuer.authority.content_signer();
        let detail = chip.write_identity(identity, self.request, signer)?;
        Ok(((), detail))
    }

    fn generate(&mut self, chip: &mut dyn Chip, slot: Slot) -> Done<PublicKey> {
        let started = self.issuer.ambient.elapsed();
        let (key, mut detail) = chip.generate(slot)?;
        let took = self.issuer.ambient.elapsed().saturating_sub(started);
        let budget = chip.profile().timing.generate_key();
        if took > budget {
            detail.push_str(&slow(took, budget));
        }
        Ok((key, detail))
    }

    fn certify(
        &mut self,
        chip: &mut dyn Chip,
        slot: Slot,
        key: &PublicKey,
        identity: &Identity,
    ) -> Done<Certificate> {
        let certificate = chip::certify(
            chip,
            slot,
            key,
            self.request,
            identity,
            &self.passcode,
            &mut *self.issuer.authority,
        )?;
        let issued = issued(slot, &certificate)?;
        let der = der::Encode::to_der(&certificate).map_err(|error| IssueError::Prepare {
            what: "the certificate",
            detail: error.to_string(),
        })?;
        let record = CertificateRecord {
            slot,
            serial: issued.serial.clone(),
            not_after: issued.not_after,
            der,
        };
        self.issuer.store.record_certificate(self.card, &record)?;
        let detail = format!(
            "serial {} by the {}",
            issued.serial,
            self.issuer.authority.name()
        );
        Ok((certificate, detail))
    }

    fn read_back(&mut self, chip: &mut dyn Chip) -> Done<()> {
        chip.read_back(&Stranger {
            chain: self.issuer.authority.chain(),
            passcode: &self.passcode,
            user: self.request.user,
            ambient: &*self.issuer.ambient,
        })?;
        Ok((
            (),
            "objects, signatures, certificates and keys in order".to_owned(),
        ))
    }

    fn print(&mut self, face: &Rendered) -> Done<()> {
        let relative = self.issuer.data.face(self.card);
        let path = self.issuer.data.join(&relative);
        let file = |source| IssueError::File {
            path: path.clone(),
            source,
        };
        let png = face.picture.to_png().map_err(file)?;
        std::fs::write(&path, png).map_err(file)?;
        let job = plastic::job(face, &*self.station.printer);
        let printed = self.station.printer.print(&job)?;
        self.out = matches!(
            printed.card,
            CardPosition::None | CardPosition::At(Position::Output)
        );
        Ok(((), relative.to_string_lossy().into_owned()))
    }

    fn check_face(&mut self, face: &Rendered) -> Done<()> {
        let seen = match &mut self.station.witness {
            Some(witness) => witness.last_face().map_err(IssueError::Witness)?,
            None => None,
        };
        let detail = match seen {
            Some(printed) => {
                check_face(&face.separation, &printed, DYE_TOLERANCE)?;
                "the printed face is the one meant"
            }
            None => "not compared: nothing here sees the printed face",
        };
        Ok(((), detail.to_owned()))
    }

    fn eject(&mut self, printed: bool) -> Done<()> {
        if self.out {
            return Ok((
                (),
                "the printer put it out itself after printing".to_owned(),
            ));
        }
        self.station.printer.eject()?;
        self.out = true;
        let detail = match printed {
            true => String::new(),
            false => format!(
                "the face is blank: `{}` does not print",
                self.station.printer.name()
            ),
        };
        Ok(((), detail))
    }

    /// Gets the card out of the way and closes its record. The person's request is open again.
    fn put_away(mut self, error: IssueError) -> CardFailure {
        let mut notes = Vec::new();
        let whereabouts = if self.out {
            match self.at {
                Some(step) if step > StepKind::Print => "in the output tray".to_owned(),
                _ => "not drawn from the hopper".to_owned(),
            }
        } else {
            clear_printer(&mut *self.station.printer).unwrap_or_else(|fault| {
                notes.push(format!("the card could not be moved out: {fault}"));
                "still in the printer".to_owned()
            })
        };
        self.out = true;
        let now = self.issuer.ambient.now();
        let reason = match self.at {
            Some(step) => format!("{step}: {error}"),
            None => error.to_string(),
        };
        let outcome = match self.issuer.store.abandon(self.card, &reason, now) {
            Ok(state) => match (&self.blank, state) {
                (Some(blank), CardState::Spoiled { .. }) => {
                    format!("blank {blank} is spoiled ({whereabouts}), the request is open")
                }
                (Some(blank), _) => {
                    format!("blank {blank} is unharmed ({whereabouts}), the request is open")
                }
                (None, _) => format!("no blank was used ({whereabouts}), the request is open"),
            },
            Err(fault) => {
                notes.push(format!("the journal could not be told: {fault}"));
                format!("the card is {whereabouts} and will be dealt with at the next start")
            }
        };
        CardFailure {
            request: self.request.id.clone(),
            card: Some(self.card),
            blank: self.blank,
            step: self.at,
            error,
            outcome,
            notes,
        }
    }
}

/// The chip's own number, as `inspect` shows it.
fn blank_number(identification: &Identification) -> Option<BlankNumber> {
    identification
        .chip_number()
        .map(|number| BlankNumber::new(&number))
}

/// What is told of a certificate, as the authority issued it.
fn issued(slot: Slot, certificate: &Certificate) -> Result<IssuedCertificate, IssueError> {
    let tbs = certificate.tbs_certificate();
    let seconds = tbs.validity().not_after.to_unix_duration().as_secs();
    let not_after = i64::try_from(seconds)
        .map_err(|error| error.to_string())
        .and_then(|seconds| Timestamp::from_second(seconds).map_err(|error| error.to_string()))
        .map_err(|detail| IssueError::Prepare {
            what: "the end of the certificate",
            detail,
        })?;
    Ok(IssuedCertificate {
        slot,
        serial: serial_text(certificate),
        not_after,
    })
}

fn slow(took: Duration, budget: Duration) -> String {
    format!(
        "; slow: {} ms, the profile expects {} ms",
        took.as_millis(),
        budget.as_millis()
    )
}

/// The error to tell when closing may have failed, too: the first one, which led to closing.
fn close_after(closed: Result<(), IssueError>, error: IssueError) -> IssueError {
    match closed {
        // A card that was pulled out cannot be powered off, which says nothing new.
        Ok(()) | Err(IssueError::Link(_)) => error,
        Err(IssueError::Transcript(transcript)) => IssueError::Prepare {
            what: "the end of the session",
            detail: format!("{error}; moreover {transcript}"),
        },
        Err(_) => error,
    }
}
