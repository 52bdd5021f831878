//! What a crash left behind.
//!
//! The journal says what was meant, the printer says where the card is. Nothing is repeated: a
//! card that only had to leave the printer is finished, every other one is put away, its blank
//! spoiled by number if anything was written, and the person's request is open again.

use printers::CardPosition;

use super::event::{IssueEvent, Observer, Recovered};
use super::plastic::clear_printer;
use super::{IssueError, Issuer, Station};
use crate::store::{CardRecord, CardState, Handover, Outcome, StepKind};

impl Issuer {
    /// Deals with the cards an earlier run of this station left unfinished.
    ///
    /// # Errors
    ///
    /// [`IssueError`] from the printer or the journal; what could not be dealt with stays for the
    /// next time.
    pub fn recover(
        &mut self,
        station: &mut Station,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Recovered>, IssueError> {
        let mut all = Vec::new();
        for card in self.store.unfinished(&station.name)? {
            let recovered = self.recover_card(station, &card)?;
            observer.event(&IssueEvent::Recovered(&recovered));
            all.push(recovered);
        }
        Ok(all)
    }

    fn recover_card(
        &mut self,
        station: &mut Station,
        card: &CardRecord,
    ) -> Result<Recovered, IssueError> {
        let prints = station.printer.capabilities().prints;
        let (state, whereabouts) = match left_to_do(&card.state, prints) {
            Some(rest) => self.finish(station, card, rest)?,
            None => {
                let whereabouts = clear_printer(&mut *station.printer)?;
                let reason = format!("interrupted: {}", card.state);
                let now = self.ambient.now();
                (self.store.abandon(card.id, &reason, now)?, whereabouts)
            }
        };
        Ok(Recovered {
            request: card.request.clone(),
            card: card.id,
            blank: card.blank.clone(),
            found: card.state.to_string(),
            now: state.to_string(),
            whereabouts,
        })
    }

    /// Ejects the card, if it is inside still, and holds it for its person.
    fn finish(
        &mut self,
        station: &mut Station,
        card: &CardRecord,
        rest: Rest,
    ) -> Result<(CardState, String), IssueError> {
        let conclude = |issuer: &mut Self, detail: &str| {
            let outcome = Outcome::Done {
                detail: detail.to_owned(),
            };
            let now = issuer.ambient.now();
            issuer.store.conclude(card.id, &outcome, now)
        };
        if rest.eject {
            if !rest.begun {
                let now = self.ambient.now();
                self.store.intend(card.id, StepKind::Eject, now)?;
            }
            if station.printer.status()?.card != CardPosition::None {
                station.printer.eject()?;
            }
            conclude(self, "after an interruption")?;
        }
        if rest.eject || !rest.begun {
            let held = StepKind::HandOver(Handover::Held);
            let now = self.ambient.now();
            self.store.intend(card.id, held, now)?;
        }
        let state = conclude(self, "after an interruption")?;
        Ok((state, "in the output tray".to_owned()))
    }
}

/// What is left of a card that is personalised and checked, and printed where the station prints.
struct Rest {
    /// It has to leave the printer.
    eject: bool,
    /// The first step left stands in the journal as begun.
    begun: bool,
}

fn left_to_do(state: &CardState, prints: bool) -> Option<Rest> {
    let (eject, begun) = match state {
        CardState::Open {
            last: Some(StepKind::ReadBack),
        } if !prints => (true, false),
        CardState::Open {
            last: Some(StepKind::CheckFace),
        } => (true, false),
        CardState::UnderWay {
            step: StepKind::Eject,
        } => (true, true),
        CardState::Open {
            last: Some(StepKind::Eject),
        } => (false, false),
        CardState::UnderWay {
            step: StepKind::HandOver(_),
        } => (false, true),
        _ => return None,
    };
    Some(Rest { eject, begun })
}
