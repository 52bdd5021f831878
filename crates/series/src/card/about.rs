//! What is known of a card and allowed with it, apart from the application that is spoken to.

use authentic::KeySpec;
use authentic::secrets::{NewPasscode, Passcode};
use piv::words::{Algorithm, KeyReference};

use super::{CardError, CardOptions};
use crate::{
    AuthenticPlan, Identification, Operation, PivPlan, Plan, Profile, Profiles, Refusal, Slot,
};

pub(super) struct About {
    pub(super) identification: Identification,
    pub(super) profile: Option<Profile>,
    /// The profiles the card may be of, where it matters which.
    ambiguous: Option<Vec<String>>,
    refusals: Vec<(Operation, Refusal)>,
    claimed: bool,
}

impl About {
    pub(super) fn new(
        identification: Identification,
        profiles: &Profiles,
        options: &CardOptions,
    ) -> Result<Self, CardError> {
        let candidates: Vec<&Profile> = identification
            .candidates()
            .into_iter()
            .map(|id| profiles.get(id))
            .collect::<Result<_, _>>()?;
        let profile = match &options.profile {
            Some(named) => {
                let profile = profiles.get(named)?;
                if !identification.admits(&profile.id) {
                    return Err(CardError::OtherSeries {
                        named: profile.name().to_owned(),
                        found: identification.conclusion.to_string(),
                    });
                }
                Some(profile)
            }
            None => {
                let with_engine = candidates.iter().find(|profile| profile.plan().is_some());
                with_engine.or(candidates.first()).copied()
            }
        };
        let ambiguous = match options.profile {
            None if candidates.iter().any(|other| !same_slots(profile, other)) => {
                Some(candidates.iter().map(|it| it.id.clone()).collect())
            }
            _ => None,
        };
        let refusal = |operation| match &options.profile {
            Some(_) => profile.and_then(|it| it.permits(operation, options.today).err()),
            None => identification.refusal(profiles, operation, options.today),
        };
        let refusals = Operation::ALL
            .into_iter()
            .filter_map(|operation| Some((operation, refusal(operation)?)))
            .collect();
        Ok(Self {
            refusals,
            ambiguous,
            profile: profile.cloned(),
            identification,
            claimed: false,
        })
    }

    pub(super) fn refusal(&self, operation: Operation) -> Option<&Refusal> {
        let of = |(refused, _): &&(Operation, Refusal)| *refused == operation;
        self.refusals.iter().find(of).map(|(_, refusal)| refusal)
    }

    /// The names that are known without asking the application.
    pub(super) fn names(&self) -> Vec<String> {
        let chip = self.identification.chip_number().map(hex::encode_upper);
        let issuer = self.identification.numbers.issuer_serial();
        chip.into_iter()
            .chain(issuer.map(|serial| serial.to_string()))
            .collect()
    }

    pub(super) fn claim(&mut self, named: &str, names: &[String]) -> Result<(), CardError> {
        let plain = |name: &str| -> String {
            name.chars()
                .filter(|c| !c.is_whitespace() && *c != '-')
                .map(|c| c.to_ascii_uppercase())
                .collect()
        };
        let wanted = plain(named);
        self.claimed = !wanted.is_empty() && names.iter().any(|name| plain(name) == wanted);
        match self.claimed {
            true => Ok(()),
            false => Err(CardError::OtherCard {
                named: named.to_owned(),
                found: match names {
                    [] => "a card without any number".to_owned(),
                    names => names.join(", "),
                },
            }),
        }
    }

    pub(super) fn claimed(&self, what: &'static str) -> Result<(), CardError> {
        match self.claimed {
            true => Ok(()),
            false => Err(CardError::NotClaimed { what }),
        }
    }

    /// Whether an operation is done with this card: the series is not withdrawn, and the card is
    /// the one meant.
    pub(super) fn permit(&self, operation: Operation, what: &'static str) -> Result<(), CardError> {
        match self.refusal(operation) {
            Some(refusal) => Err(refusal.clone().into()),
            None => self.claimed(what),
        }
    }

    pub(super) fn check_existing(&self, passcode: &Passcode) -> Result<(), CardError> {
        match &self.profile {
            Some(profile) => Ok(profile.passcode.check_existing(passcode.bytes())?),
            None => Ok(()),
        }
    }

    pub(super) fn check_new(&self, passcode: &NewPasscode) -> Result<(), CardError> {
        match &self.profile {
            Some(profile) => Ok(profile.passcode.check(passcode.as_passcode().bytes())?),
            None => Ok(()),
        }
    }

    pub(super) fn piv_plan(&self, what: &'static str) -> Result<&PivPlan, CardError> {
        let plan = self.plan(what)?.and_then(Plan::piv);
        plan.ok_or_else(|| self.no_engine(what))
    }

    pub(super) fn piv_slot(
        &self,
        slot: Slot,
        what: &'static str,
    ) -> Result<(KeyReference, Algorithm), CardError> {
        Ok(self.piv_plan(what)?.slot(slot))
    }

    fn authentic_plan(&self, what: &'static str) -> Result<&AuthenticPlan, CardError> {
        let plan = self.plan(what)?.and_then(Plan::authentic);
        plan.ok_or_else(|| self.no_engine(what))
    }

    pub(super) fn key_spec(&self, slot: Slot, what: &'static str) -> Result<KeySpec, CardError> {
        Ok(self.authentic_plan(what)?.key_spec(slot))
    }

    fn plan(&self, what: &'static str) -> Result<Option<Plan<'_>>, CardError> {
        match &self.ambiguous {
            Some(candidates) => Err(CardError::Ambiguous {
                what,
                candidates: candidates.clone(),
            }),
            None => Ok(self.profile.as_ref().and_then(Profile::plan)),
        }
    }

    pub(super) fn no_engine(&self, what: &'static str) -> CardError {
        CardError::NoEngine {
            what,
            found: self.identification.conclusion.to_string(),
        }
    }
}

/// Whether the same keys serve the same purposes, so that it does not matter which it is.
fn same_slots(one: Option<&Profile>, other: &Profile) -> bool {
    let slots = |profile: &Profile| {
        Slot::ALL.map(|slot| {
            let authentic = profile.authentic.as_ref().map(|plan| plan.slot(slot));
            (profile.slot(slot), authentic)
        })
    };
    one.is_some_and(|one| slots(one) == slots(other))
}
