use serde::Serialize;
use thiserror::Error;

use super::{Failure, Handover, Outcome, Step, StepKind};

/// What a card is, as its steps tell.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum CardState {
    /// In the making; the step named last is done.
    Open {
        /// The last step done, if any.
        last: Option<StepKind>,
    },
    /// A step was begun and nobody knows how it ended.
    UnderWay {
        /// The step.
        step: StepKind,
    },
    /// A step failed, and the card has not been put away yet.
    Failed {
        /// The step.
        step: StepKind,
        /// Why.
        failure: Failure,
    },
    /// Ended, and nothing was done to the blank: it can be used again.
    Released {
        /// Why.
        reason: String,
    },
    /// Ended, and the blank is unusable.
    Spoiled {
        /// Why.
        reason: String,
    },
    /// Issued.
    Issued {
        /// Where it went.
        handover: Handover,
    },
}

/// A thing that cannot happen to a card in its state.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{attempt} cannot follow: {state}")]
pub struct OutOfOrder {
    /// What was attempted.
    pub attempt: String,
    /// What the card is.
    pub state: String,
}

impl CardState {
    /// Folds a card's steps, and the reason it was ended for if it was.
    ///
    /// # Errors
    ///
    /// [`OutOfOrder`] for a sequence no run can have written: a step out of its order, one begun
    /// before the last had an outcome, or anything after the end.
    pub fn fold(steps: &[Step], ended: Option<&str>) -> Result<Self, OutOfOrder> {
        let mut state = Self::Open { last: None };
        for step in steps {
            state = state.intend(step.kind)?;
            if let Some((outcome, _)) = &step.outcome {
                state = state.conclude(outcome)?;
            }
        }
        match ended {
            None => Ok(state),
            Some(reason) => state.abandon(steps, reason),
        }
    }

    /// The state after a step has been begun.
    ///
    /// # Errors
    ///
    /// [`OutOfOrder`] unless it is the next step of an open card, optional ones left out or not. A
    /// face that is printed is checked, and only such a one.
    pub fn intend(self, step: StepKind) -> Result<Self, OutOfOrder> {
        let next = match &self {
            Self::Open { last: None } => 0,
            Self::Open { last: Some(last) } => last.place() + 1,
            _ => return Err(self.refuses(&format!("`{}`", step.name()))),
        };
        let may_skip = |skipped: &[StepKind]| {
            let of_the_face = skipped.iter().filter(|step| step.is_of_the_face()).count();
            skipped.iter().all(|step| step.is_optional()) && of_the_face != 1
        };
        let skipped = StepKind::ORDER.get(next..step.place());
        if skipped.is_some_and(may_skip) {
            Ok(Self::UnderWay { step })
        } else {
            Err(self.refuses(&format!("`{}`", step.name())))
        }
    }

    /// The state after the step under way has come to an outcome.
    ///
    /// # Errors
    ///
    /// [`OutOfOrder`] when no step is under way.
    pub fn conclude(self, outcome: &Outcome) -> Result<Self, OutOfOrder> {
        let Self::UnderWay { step } = self else {
            return Err(self.refuses("an outcome"));
        };
        Ok(match (outcome, step) {
            (Outcome::Failed(failure), _) => Self::Failed {
                step,
                failure: failure.clone(),
            },
            (Outcome::Done { .. }, StepKind::HandOver(handover)) => Self::Issued { handover },
            (Outcome::Done { .. }, step) => Self::Open { last: Some(step) },
        })
    }

    /// The state after the card has been ended without being issued.
    ///
    /// # Errors
    ///
    /// [`OutOfOrder`] when it has ended or is issued.
    pub fn abandon(self, steps: &[Step], reason: &str) -> Result<Self, OutOfOrder> {
        if !self.is_unfinished() {
            return Err(self.refuses("abandoning"));
        }
        let reason = reason.to_owned();
        Ok(if steps.iter().any(|step| step.kind.marks_blank()) {
            Self::Spoiled { reason }
        } else {
            Self::Released { reason }
        })
    }

    /// Whether the person has this card, or will have it: no other may be begun for them.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !matches!(self, Self::Released { .. } | Self::Spoiled { .. })
    }

    /// Whether something must still be done about the card.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        self.is_live() && !matches!(self, Self::Issued { .. })
    }

    fn refuses(&self, attempt: &str) -> OutOfOrder {
        OutOfOrder {
            attempt: attempt.to_owned(),
            state: self.to_string(),
        }
    }
}

impl std::fmt::Display for CardState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open { last: None } => f.write_str("nothing done yet"),
            Self::Open { last: Some(last) } => write!(f, "done up to `{}`", last.name()),
            Self::UnderWay { step } => write!(f, "`{}` begun, outcome unknown", step.name()),
            Self::Failed { step, failure } => {
                write!(f, "`{}` failed: {}", step.name(), failure.message)
            }
            Self::Released { reason } => write!(f, "ended, blank unused: {reason}"),
            Self::Spoiled { reason } => write!(f, "ended, blank spoiled: {reason}"),
            Self::Issued {
                handover: Handover::Delivered,
            } => f.write_str("issued and delivered"),
            Self::Issued {
                handover: Handover::Held,
            } => f.write_str("issued and held"),
        }
    }
}

#[cfg(test)]
mod tests {
    use ground::Blame;
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn failure() -> Failure {
        Failure {
            blame: Blame::CardMisbehaved,
            message: "no answer".to_owned(),
            hint: None,
        }
    }

    fn done() -> Outcome {
        Outcome::Done {
            detail: String::new(),
        }
    }

    fn step(kind: StepKind, outcome: Option<Outcome>) -> Step {
        Step {
            kind,
            intended: Timestamp::UNIX_EPOCH,
            outcome: outcome.map(|outcome| (outcome, Timestamp::UNIX_EPOCH)),
        }
    }

    /// How many steps every card takes.
    const EVERY: usize = 13;

    /// The steps of a card up to `count`, all done, handed over as told, no optional ones.
    fn way(count: usize, handover: Handover) -> Vec<Step> {
        StepKind::ORDER[..17]
            .iter()
            .copied()
            .filter(|kind| !kind.is_optional())
            .chain([StepKind::HandOver(handover)])
            .take(count)
            .map(|kind| step(kind, Some(done())))
            .collect()
    }

    fn any_outcome() -> impl Strategy<Value = Option<Outcome>> {
        prop_oneof![
            1 => Just(None),
            30 => Just(Some(done())),
            1 => Just(Some(Outcome::Failed(failure()))),
        ]
    }

    fn any_steps() -> impl Strategy<Value = Vec<Step>> {
        // Mostly the right order, so that long sequences are reached, with one step swapped.
        (
            proptest::collection::vec(any_outcome(), 0..20),
            proptest::option::of((0..20_usize, 0..StepKind::ORDER.len())),
        )
            .prop_map(|(outcomes, swap)| {
                let mut kinds: Vec<_> = StepKind::ORDER.to_vec();
                kinds.extend(StepKind::ORDER);
                if let Some((at, with)) = swap {
                    kinds[at] = StepKind::ORDER[with];
                }
                kinds
                    .into_iter()
                    .zip(outcomes)
                    .map(|(kind, outcome)| step(kind, outcome))
                    .collect()
            })
    }

    #[test]
    fn the_whole_way_issues_the_card() {
        for handover in [Handover::Delivered, Handover::Held] {
            let state = CardState::fold(&way(EVERY, handover), None).unwrap();
            assert_eq!(state, CardState::Issued { handover });
            assert!(state.is_live() && !state.is_unfinished());
        }
    }

    #[test]
    fn the_serial_number_is_written_after_identifying_or_not_at_all() {
        let done_kinds = |kinds: &[StepKind]| -> Vec<Step> {
            let steps = kinds.iter().map(|&kind| step(kind, Some(done())));
            steps.collect()
        };
        let (feed, identify) = (StepKind::Feed, StepKind::Identify);
        let (serial, key) = (StepKind::WriteSerial, StepKind::ReplaceAdminKey);
        for good in [&[feed, identify, serial, key][..], &[feed, identify, key]] {
            let state = CardState::fold(&done_kinds(good), None).unwrap();
            assert_eq!(state, CardState::Open { last: Some(key) });
        }
        for bad in [
            &[feed, serial][..],
            &[feed, identify, serial, serial],
            &[feed, identify, key, serial],
            &[feed, key],
        ] {
            assert!(CardState::fold(&done_kinds(bad), None).is_err(), "{bad:?}");
        }
        // The blank stays whose it was: nobody's.
        let mut steps = done_kinds(&[feed, identify, serial]);
        for outcome in [None, Some((done(), Timestamp::UNIX_EPOCH))] {
            steps[2].outcome = outcome;
            let state = CardState::fold(&steps, Some("power cut")).unwrap();
            assert!(matches!(state, CardState::Released { .. }), "{state}");
        }
    }

    #[test]
    fn a_face_is_printed_and_checked_or_neither() {
        let (read_back, eject) = (StepKind::ReadBack, StepKind::Eject);
        let (print, check) = (StepKind::Print, StepKind::CheckFace);
        let after = |last| CardState::Open { last: Some(last) };
        for (last, next, allowed) in [
            (read_back, print, true),
            (read_back, eject, true),
            (read_back, check, false),
            (print, check, true),
            (print, eject, false),
            (check, eject, true),
        ] {
            assert_eq!(after(last).intend(next).is_ok(), allowed, "{last} {next}");
        }
    }

    #[test]
    fn a_blank_is_free_again_only_before_the_first_writing_step() {
        for count in 0..EVERY {
            let steps = way(count, Handover::Held);
            let state = CardState::fold(&steps, Some("power cut")).unwrap();
            let released = matches!(state, CardState::Released { .. });
            assert_eq!(released, count <= 2, "after {count} steps: {state}");
            assert!(!state.is_live());
        }
    }

    proptest! {
        /// However a journal was cut off, the fold knows no card as issued that has not had
        /// every step done, and never a blank as free on which writing was begun.
        #[test]
        fn no_sequence_is_folded_into_more_than_it_holds(
            steps in any_steps(),
            ended in proptest::option::of(Just("reason")),
        ) {
            let Ok(state) = CardState::fold(&steps, ended) else { return Ok(()) };
            let all_done = steps.iter().all(|step| matches!(step.outcome, Some((Outcome::Done { .. }, _))));
            if let CardState::Issued { .. } = state {
                let optional = steps.iter().filter(|step| step.kind.is_optional()).count();
                prop_assert_eq!(steps.len() - optional, EVERY);
                prop_assert!(all_done);
            }
            if let CardState::Released { .. } = state {
                prop_assert!(steps.iter().all(|step| !step.kind.marks_blank()));
            }
            if ended.is_none() {
                prop_assert!(state.is_live());
            }
        }

        /// A journal that can be folded can be folded after every step of it, too: reading it at
        /// any moment works.
        #[test]
        fn every_prefix_of_a_journal_folds(steps in any_steps()) {
            if CardState::fold(&steps, None).is_ok() {
                for end in 0..steps.len() {
                    prop_assert!(CardState::fold(&steps[..end], None).is_ok());
                }
            }
        }

        /// Nothing but putting the card away follows a failure or a lost outcome.
        #[test]
        fn no_step_follows_a_failure_or_a_lost_outcome(
            count in 0..EVERY,
            lost in any::<bool>(),
            next in 0..StepKind::ORDER.len(),
        ) {
            let mut steps = way(count + 1, Handover::Held);
            steps[count].outcome = (!lost)
                .then(|| (Outcome::Failed(failure()), Timestamp::UNIX_EPOCH));
            let state = CardState::fold(&steps, None).unwrap();
            prop_assert!(state.is_unfinished());
            prop_assert!(state.clone().intend(StepKind::ORDER[next]).is_err());
            prop_assert!(state.abandon(&steps, "reason").is_ok());
        }
    }
}
