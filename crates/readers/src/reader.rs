use std::ffi::CString;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ground::Ambient;
use iso7816::{Link, LinkError, Reader};
use pcsc::{Card, Error, Protocols, ShareMode};

use crate::error::{During, link_error};
use crate::link::PcscLink;
use crate::listing::CardState;
use crate::name::{SELECTOR_PREFIX, choose, is_any};
use crate::service::Service;

/// One PC/SC reader.
///
/// A reader that is unplugged and comes back is found again by what was asked for, whatever name
/// the service gives it then.
pub struct PcscReader {
    service: Service,
    /// The name or pattern it was asked for by.
    asked: String,
    ambient: Arc<dyn Ambient>,
    reader: CString,
    name: String,
    /// The name without the selector's prefix, for messages.
    plain: String,
    sharing: Sharing,
    cancelled: Arc<AtomicBool>,
}

/// Who else may talk to a connected card.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Sharing {
    /// Nobody. The way to write to a card.
    #[default]
    Exclusive,
    /// Other programs too, except between [`Link::lock`] and [`Link::unlock`]. The way to look at
    /// a card that another program may be using.
    Shared,
}

/// The reader of a name or pattern, and its name in text.
fn find(service: &Service, asked: &str) -> Result<(CString, String), LinkError> {
    let present = service
        .names()
        .map_err(|error| link_error(error, During::Connecting, asked, Duration::ZERO))?;
    let names: Vec<String> = present
        .iter()
        .map(|reader| reader.to_string_lossy().into_owned())
        .collect();
    let plain = match choose(asked, &names) {
        Err(ambiguous @ LinkError::Ambiguous { .. }) if is_any(asked) => {
            the_one_with_a_card(service, ambiguous)?
        }
        chosen => chosen?,
    };
    let at = names
        .iter()
        .position(|name| *name == plain)
        .expect("what was chosen is one of the names");
    Ok((present[at].clone(), plain))
}

/// The only reader with a card in it, where no name says which one is meant.
fn the_one_with_a_card(service: &Service, ambiguous: LinkError) -> Result<String, LinkError> {
    let mut with_card: Vec<String> = service
        .list()?
        .into_iter()
        .filter(|reader| reader.card != CardState::Empty)
        .map(|reader| reader.name)
        .collect();
    match with_card.len() {
        1 => Ok(with_card.remove(0)),
        _ => Err(ambiguous),
    }
}

impl Sharing {
    pub(crate) fn mode(self) -> ShareMode {
        match self {
            Self::Exclusive => ShareMode::Exclusive,
            Self::Shared => ShareMode::Shared,
        }
    }
}

/// How long one wait in the service lasts at most: a cancellation that comes just before the wait
/// begins is noticed after this time.
const SLICE: Duration = Duration::from_millis(500);
/// How often a card that another program holds is asked for again.
const AGAIN: Duration = Duration::from_millis(100);

impl PcscReader {
    /// Finds a reader by its name, a part of it or a pattern; see [`choose`]. Of several readers an
    /// empty name means the only one with a card in it.
    ///
    /// # Errors
    ///
    /// [`LinkError::NoReader`], [`LinkError::Ambiguous`] or [`LinkError::NoService`].
    pub fn open(asked: &str, ambient: Arc<dyn Ambient>) -> Result<Self, LinkError> {
        Self::open_on(Service::new(), asked, ambient)
    }

    /// As [`PcscReader::open`], with a connection to the service that others share.
    ///
    /// # Errors
    ///
    /// As [`PcscReader::open`].
    pub fn open_on(
        service: Service,
        asked: &str,
        ambient: Arc<dyn Ambient>,
    ) -> Result<Self, LinkError> {
        let (reader, plain) = find(&service, asked)?;
        Ok(Self {
            service,
            asked: asked.to_owned(),
            ambient,
            name: format!("{SELECTOR_PREFIX}{plain}"),
            plain,
            reader,
            sharing: Sharing::default(),
            cancelled: Arc::default(),
        })
    }

    /// As [`PcscReader::open`], and waits at most `within` for such a reader to be plugged in.
    ///
    /// # Errors
    ///
    /// As [`PcscReader::open`].
    pub fn await_on(
        service: Service,
        asked: &str,
        within: Duration,
        ambient: Arc<dyn Ambient>,
    ) -> Result<Self, LinkError> {
        let mut spent = Duration::ZERO;
        loop {
            match Self::open_on(service.clone(), asked, Arc::clone(&ambient)) {
                Err(LinkError::NoReader { .. }) if spent < within => {
                    let slice = within.saturating_sub(spent).min(SLICE);
                    spent += service
                        .await_change_of_readers(slice, &*ambient)
                        .map_err(|error| link_error(error, During::Connecting, asked, spent))?;
                }
                done => return done,
            }
        }
    }

    /// Looks for the reader anew, under whatever name it has now.
    fn find_again(&mut self) -> Result<(), LinkError> {
        let (reader, plain) = find(&self.service, &self.asked)?;
        self.name = format!("{SELECTOR_PREFIX}{plain}");
        self.plain = plain;
        self.reader = reader;
        Ok(())
    }

    /// What is in the reader now, after it was looked for anew if it has gone.
    fn look_again(&mut self) -> Result<(pcsc::ReaderState, CardState), LinkError> {
        match self.look() {
            Err(gone @ LinkError::ReaderGone { .. }) => match self.find_again() {
                Ok(()) => self.look(),
                Err(LinkError::NoReader { .. }) => Err(gone),
                Err(error) => Err(error),
            },
            done => done,
        }
    }

    /// Says who else may talk to cards connected from now on.
    #[must_use]
    pub fn with_sharing(mut self, sharing: Sharing) -> Self {
        self.sharing = sharing;
        self
    }

    /// What ends a wait for a card from another thread.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        Canceller {
            service: self.service.clone(),
            cancelled: Arc::clone(&self.cancelled),
        }
    }

    /// What is in the reader now.
    ///
    /// # Errors
    ///
    /// [`LinkError::NoService`] or [`LinkError::ReaderGone`].
    pub fn state(&self) -> Result<CardState, LinkError> {
        self.look().map(|(_, card)| card)
    }

    fn look(&self) -> Result<(pcsc::ReaderState, CardState), LinkError> {
        let state = self
            .service
            .state_of(&self.reader)
            .map_err(|error| self.error(error, Duration::ZERO))?;
        let card = CardState::of(&state).ok_or_else(|| LinkError::ReaderGone {
            reader: self.plain.clone(),
        })?;
        Ok((state, card))
    }

    /// Waits until the reader's state is no longer `known`, for one slice of `within` at most.
    /// Returns how long that took.
    fn wait(&self, known: pcsc::ReaderState, within: Duration) -> Result<Duration, LinkError> {
        let slice = within.min(SLICE);
        let before = self.ambient.elapsed();
        let mut states = [known];
        states[0].sync_current_state();
        let waited = self
            .service
            .with(|context| context.get_status_change(slice, &mut states));
        let took = self.ambient.elapsed().saturating_sub(before);
        match waited {
            Ok(()) => Ok(took),
            // On a clock that stands still, the time has passed all the same.
            Err(Error::Timeout) => Ok(took.max(slice)),
            // The caller looks at the flag, which says whether it was this wait that was meant.
            Err(Error::Cancelled) => Ok(took),
            Err(error) => Err(self.error(error, took)),
        }
    }

    fn try_connect(&self) -> Result<Card, Error> {
        self.service
            .with(|context| context.connect(&self.reader, self.sharing.mode(), Protocols::ANY))
    }

    fn error(&self, error: Error, waited: Duration) -> LinkError {
        link_error(error, During::Connecting, &self.plain, waited)
    }
}

impl Reader for PcscReader {
    fn name(&self) -> &str {
        &self.name
    }

    fn card_present(&mut self) -> Result<bool, LinkError> {
        let (_, card) = self.look_again()?;
        Ok(card != CardState::Empty)
    }

    /// Waits at most `within` for a card, and for the reader if it is unplugged, and connects to it, exclusively unless
    /// [`PcscReader::with_sharing`] said otherwise. A card that another program holds is asked for
    /// again until then: Windows looks into every card that comes and lets go of it soon.
    ///
    /// # Errors
    ///
    /// [`LinkError::NoCard`], [`LinkError::CardMute`], [`LinkError::SharedElsewhere`],
    /// [`LinkError::Cancelled`] and what the service says.
    fn connect(&mut self, within: Duration) -> Result<Box<dyn Link>, LinkError> {
        let mut spent = Duration::ZERO;
        loop {
            if self.cancelled.swap(false, Ordering::SeqCst) {
                let reader = self.plain.clone();
                return Err(LinkError::Cancelled { reader });
            }
            let (state, card) = match self.look_again() {
                Err(LinkError::ReaderGone { .. }) if spent < within => {
                    let slice = within.saturating_sub(spent).min(SLICE);
                    let waited = self.service.await_change_of_readers(slice, &*self.ambient);
                    spent += waited.map_err(|error| self.error(error, spent))?;
                    continue;
                }
                done => done?,
            };
            let reader = || self.plain.clone();
            match card {
                CardState::Mute => return Err(LinkError::CardMute { reader: reader() }),
                CardState::Empty => {}
                CardState::Present { .. } | CardState::InUse { .. } => match self.try_connect() {
                    Ok(card) => {
                        let link = PcscLink::new(
                            card,
                            self.service.clone(),
                            self.reader.clone(),
                            self.name.clone(),
                            self.plain.clone(),
                            self.sharing,
                        )?;
                        return Ok(Box::new(link));
                    }
                    Err(Error::SharingViolation) if spent < within => {
                        let before = self.ambient.elapsed();
                        self.ambient.sleep(AGAIN);
                        let took = self.ambient.elapsed().saturating_sub(before);
                        spent += took.max(AGAIN);
                        continue;
                    }
                    // It went again in between: wait for the next.
                    Err(Error::NoSmartcard | Error::RemovedCard) => {}
                    // As did the reader.
                    Err(Error::UnknownReader | Error::ReaderUnavailable) if spent < within => {
                        spent += AGAIN;
                        continue;
                    }
                    Err(error) => return Err(self.error(error, spent)),
                },
            }
            let left = within.saturating_sub(spent);
            if left.is_zero() {
                return Err(LinkError::NoCard { reader: reader() });
            }
            spent += match self.wait(state, left) {
                // Unplugged while it was waited for: found again above, if it comes back.
                Err(LinkError::ReaderGone { .. }) => AGAIN,
                done => done?,
            };
        }
    }
}

impl fmt::Debug for PcscReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PcscReader")
            .field("name", &self.name)
            .field("sharing", &self.sharing)
            .finish_non_exhaustive()
    }
}

/// Ends a wait for a card from another thread.
#[derive(Clone, Debug)]
pub struct Canceller {
    service: Service,
    cancelled: Arc<AtomicBool>,
}

impl Canceller {
    /// Ends the wait in [`Reader::connect`] with [`LinkError::Cancelled`]: the present one, or if
    /// there is none, the next.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when the service could not be told; the wait then ends half a second later.
    pub fn cancel(&self) -> Result<(), LinkError> {
        self.cancelled.store(true, Ordering::SeqCst);
        self.service
            .cancel()
            .map_err(|error| link_error(error, During::Connecting, "all readers", Duration::ZERO))
    }
}
