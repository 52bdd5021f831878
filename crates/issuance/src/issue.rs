//! The journalled flow.
//!
//! [`Issuer::issue_all`] takes requests through a [`Station`], one card each. The way of one card
//! is in `issue/card.rs`; what is done to the chip in `issue/chip.rs`, and how for each application
//! below it; how it is checked when it is done in `issue/read_back.rs`; what is done after a crash
//! in `issue/recovery.rs`.

mod card;
mod chip;
mod event;
mod failure;
mod identity;
mod plastic;
mod read_back;
mod recovery;
mod session;
mod station;

use std::sync::Arc;

use face::{FaceData, Limits, Photo, PhotoHint, Rendered, Renderer, Template};
use ground::Ambient;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use piv::secrets::Passcode;
use serde::Serialize;
use series::Profiles;

pub use event::{IssueEvent, IssuedCard, IssuedCertificate, Observer, Recovered};
pub use failure::{CardFailure, IssueError};
pub use read_back::ReadBackError;
pub use station::{FaceWitness, Station};

use crate::authority::{Authority, AuthorityError};
use crate::data_dir::DataDir;
use crate::keys::{KeyRing, Purpose};
use crate::request::{Request, RequestId};
use crate::store::{CardRecord, CardState, Handover, Refusal, StepKind, Store};
use card::{Making, Steps};

/// Everything that is the same for every card.
pub struct Issuer {
    /// The journal.
    pub store: Box<dyn Store>,
    /// The keys of cards.
    pub keys: KeyRing,
    /// Who certifies.
    pub authority: Box<dyn Authority>,
    /// What is known of the series.
    pub profiles: Profiles,
    /// The ids of the profiles that may be issued to a request that names no series.
    pub series: Vec<String>,
    /// Draws faces.
    pub renderer: Renderer,
    /// What photos are held against; what departs from it is a warning and prevents nothing.
    pub limits: Limits,
    /// The design of the face.
    pub template: Template,
    /// Where transcripts and faces are kept.
    pub data: DataDir,
    /// What becomes of finished cards.
    pub handover: Handover,
    /// Time and randomness.
    pub ambient: Arc<dyn Ambient>,
}

/// Where the passcode of each card comes from: a person at a keyboard, a service. Never a file of
/// requests.
pub trait Passcodes {
    /// The passcode for the card of a request.
    ///
    /// # Errors
    ///
    /// In words, why there is none. Nothing has happened to a card then.
    fn passcode(&mut self, request: &Request) -> Result<Passcode, String>;
}

impl<F: FnMut(&Request) -> Result<Passcode, String>> Passcodes for F {
    fn passcode(&mut self, request: &Request) -> Result<Passcode, String> {
        self(request)
    }
}

/// What became of a batch.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Batch {
    /// What an earlier run left, and what was done about it.
    pub recovered: Vec<Recovered>,
    /// Issued now.
    pub issued: Vec<IssuedCard>,
    /// Issued by an earlier run; nothing was done.
    pub already_issued: Vec<IssuedCard>,
    /// Not fulfilled.
    pub failed: Vec<CardFailure>,
    /// Not begun, because a failure before would have met them, too.
    #[serde(serialize_with = "ids")]
    pub not_begun: Vec<RequestId>,
}

impl Batch {
    /// Whether every request has its card.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.not_begun.is_empty()
    }
}

impl Issuer {
    /// Issues a card to every request that has none, in order. What an earlier run left
    /// unfinished is dealt with first.
    ///
    /// A fault of one card or one request is recorded and the next request taken up; any other
    /// fault ends the batch.
    ///
    /// # Errors
    ///
    /// [`IssueError`] when nothing can be begun: the keys or the authority are not for this
    /// station, the printer or the journal do not answer.
    pub fn issue_all(
        &mut self,
        station: &mut Station,
        requests: &[Request],
        passcodes: &mut dyn Passcodes,
        observer: &mut dyn Observer,
    ) -> Result<Batch, IssueError> {
        self.permit(&station.name, station.purpose)?;
        let mut batch = Batch {
            recovered: self.recover(station, observer)?,
            ..Batch::default()
        };
        let of = requests.len();
        let mut left = requests.iter().enumerate();
        for (index, request) in left.by_ref() {
            observer.event(&IssueEvent::RequestBegun {
                request: &request.id,
                number: index + 1,
                of,
            });
            match self.issue(station, request, passcodes, observer) {
                Ok(Fulfilled::Now(card)) => {
                    observer.event(&IssueEvent::Issued(&card));
                    batch.issued.push(card);
                }
                Ok(Fulfilled::Before(card)) => {
                    observer.event(&IssueEvent::AlreadyIssued(&card));
                    batch.already_issued.push(card);
                }
                Err(failure) => {
                    observer.event(&IssueEvent::Failed(&failure));
                    let stops = failure.stops_batch();
                    batch.failed.push(*failure);
                    if stops {
                        break;
                    }
                }
            }
        }
        batch.not_begun = left.map(|(_, request)| request.id.clone()).collect();
        Ok(batch)
    }

    /// Test keys and test certificates stay on test cards, live ones on live cards.
    ///
    /// [`Issuer::issue_all`] asks first of all; whoever opens devices may ask before that.
    ///
    /// # Errors
    ///
    /// [`IssueError::Keys`] and [`IssueError::Authority`] when they are not for such a station.
    pub fn permit(&self, station: &str, purpose: Purpose) -> Result<(), IssueError> {
        self.keys.permit(station, purpose)?;
        if self.authority.purpose() != purpose {
            return Err(AuthorityError::WrongPurpose {
                authority: self.authority.name().to_owned(),
                authority_purpose: self.authority.purpose(),
                station: station.to_owned(),
                station_purpose: purpose,
            }
            .into());
        }
        Ok(())
    }

    fn issue(
        &mut self,
        station: &mut Station,
        request: &Request,
        passcodes: &mut dyn Passcodes,
        observer: &mut dyn Observer,
    ) -> Result<Fulfilled, Box<CardFailure>> {
        let prepared = self.prepare(station, request, passcodes, observer);
        let (card, face, passcode) = match prepared {
            Ok(Prepared::Begin {
                card,
                face,
                passcode,
            }) => (card, face.map(|face| *face), passcode),
            Ok(Prepared::Issued(card)) => return Ok(Fulfilled::Before(card)),
            Err(error) => return Err(Box::new(not_begun(request, error))),
        };
        let handover = self.handover;
        let steps = Steps::of_most_cards(face.is_some());
        let making = Making {
            issuer: self,
            station,
            observer,
            request,
            passcode,
            face,
            handover,
            card,
            blank: None,
            at: None,
            out: true,
            steps,
        };
        making.make().map(Fulfilled::Now)
    }

    /// Everything that can be found wrong before a card moves.
    fn prepare(
        &mut self,
        station: &Station,
        request: &Request,
        passcodes: &mut dyn Passcodes,
        observer: &mut dyn Observer,
    ) -> Result<Prepared, IssueError> {
        self.store.register(request, self.ambient.now())?;
        if let Some(card) = self.store.live_card(&request.id)? {
            return match card.state {
                CardState::Issued { handover } if card.request == request.id => {
                    Ok(Prepared::Issued(self.issued_before(&card, handover)?))
                }
                _ => Err(already_issued(card).into()),
            };
        }
        self.permit_series(request)?;
        // Nothing is drawn that is not printed: a name no font has is no hindrance then.
        let (face, hints) = if station.printer.capabilities().prints {
            let (face, hints) = self.face_of(request)?;
            (Some(face), hints)
        } else {
            (None, Vec::new())
        };
        let warnings = face
            .iter()
            .flat_map(|face| &face.warnings)
            .map(ToString::to_string);
        let hints = hints
            .iter()
            .map(|hint| format!("{hint}; {}", hint.advice()));
        for message in warnings.chain(hints) {
            observer.event(&IssueEvent::Warning {
                request: &request.id,
                message,
            });
        }
        if let Some(face) = &face {
            let printer = &*station.printer;
            printer.check(&plastic::job(face, printer))?;
        }
        let passcode = passcodes
            .passcode(request)
            .map_err(IssueError::NoPasscode)?;
        let now = self.ambient.now();
        let card = self.store.open_card(&request.id, &station.name, now)?;
        Ok(Prepared::Begin {
            card,
            face: face.map(Box::new),
            passcode,
        })
    }

    /// The day by which a series is withdrawn or not.
    fn today(&self) -> Date {
        self.ambient.now().to_zoned(TimeZone::UTC).date()
    }

    /// A request for a series that is withdrawn needs no card to be refused.
    fn permit_series(&self, request: &Request) -> Result<(), IssueError> {
        let Some(number) = request.series else {
            return Ok(());
        };
        let named = |profile: &&series::Profile| profile.series == Some(number);
        match self.profiles.iter().find(named) {
            Some(profile) => Ok(profile.permits(series::Operation::Issue, self.today())?),
            None => Ok(()),
        }
    }

    /// The face of a request, and what there is to say of its photo.
    fn face_of(&self, request: &Request) -> Result<(Rendered, Vec<PhotoHint>), IssueError> {
        let photo = Photo::load(&request.photo)?;
        let hints = photo.hints(&self.limits.photo);
        let data = FaceData {
            name: request.name.clone(),
            uuid: request.user.to_string(),
            organisation: request.organisation.clone(),
            photo: Some(photo),
            ..FaceData::default()
        };
        Ok((self.renderer.render(&self.template, &data)?, hints))
    }

    /// A card as the journal has it.
    fn issued_before(
        &self,
        card: &CardRecord,
        handover: Handover,
    ) -> Result<IssuedCard, IssueError> {
        let certificates = self.store.certificates(card.id)?;
        let blank = card.blank.clone().ok_or(IssueError::NoNumber)?;
        let series = self
            .store
            .blanks()?
            .into_iter()
            .find(|known| known.number == blank)
            .map_or_else(String::new, |known| known.series);
        let printed = card.steps.iter().any(|step| step.kind == StepKind::Print);
        let first = card.steps.first().map(|step| step.intended);
        let last = card.steps.last().and_then(|step| step.outcome.as_ref());
        let took = match (first, last) {
            (Some(first), Some((_, last))) => last.duration_since(first).unsigned_abs(),
            _ => std::time::Duration::ZERO,
        };
        Ok(IssuedCard {
            request: card.request.clone(),
            card: card.id,
            blank,
            series,
            certificates: certificates
                .into_iter()
                .map(|certificate| IssuedCertificate {
                    slot: certificate.slot,
                    serial: certificate.serial,
                    not_after: certificate.not_after,
                })
                .collect(),
            handover,
            took,
            face: printed.then(|| self.data.join(&self.data.face(card.id))),
            transcript: self.data.join(&self.data.transcript(card.id)),
        })
    }
}

enum Fulfilled {
    Now(IssuedCard),
    Before(IssuedCard),
}

enum Prepared {
    Begin {
        card: crate::store::CardId,
        face: Option<Box<Rendered>>,
        passcode: Passcode,
    },
    Issued(IssuedCard),
}

fn already_issued(card: CardRecord) -> crate::store::StoreError {
    Refusal::AlreadyIssued {
        user: card.user,
        card: card.id,
        request: card.request,
        blank: card.blank,
    }
    .into()
}

fn not_begun(request: &Request, error: IssueError) -> CardFailure {
    CardFailure {
        request: request.id.clone(),
        card: None,
        blank: None,
        step: None,
        error,
        outcome: "no card was touched".to_owned(),
        notes: Vec::new(),
    }
}

fn ids<S: serde::Serializer>(ids: &[RequestId], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ids.iter().map(RequestId::as_str))
}
