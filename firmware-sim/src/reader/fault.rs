use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ccid::Request;
use ground::{Blame, Blamed};
use thiserror::Error;

/// What can go wrong with one request of the host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The reader says that the frame came damaged, and does nothing.
    Nak,
    /// It repeats the frame, does what it is asked, and does not answer.
    Silent,
    /// It does not hear the frame.
    Deaf,
    /// It hears nothing from now on, as with its cable pulled.
    Dead,
    /// Its answer has a wrong check byte.
    BadLrc,
    /// Its echo differs from what it was told.
    BadEcho,
    /// Its answer stops in the middle.
    Cut,
    /// The card does not answer; it never got the bytes.
    Mute,
    /// A parity error on the card's line; the card never got the bytes.
    Parity,
    /// What the card sends is changed on its line.
    FromCard,
    /// What goes to the card is changed on its line.
    ToCard,
    /// The card does what it is told and leaves before it can answer.
    Remove,
    /// The card asks that many times for more time than it needs.
    Time(u32),
}

impl Fault {
    const NAMED: [(&'static str, Self); 12] = [
        ("nak", Self::Nak),
        ("silent", Self::Silent),
        ("deaf", Self::Deaf),
        ("dead", Self::Dead),
        ("bad-lrc", Self::BadLrc),
        ("bad-echo", Self::BadEcho),
        ("cut", Self::Cut),
        ("mute", Self::Mute),
        ("parity", Self::Parity),
        ("from-card", Self::FromCard),
        ("to-card", Self::ToCard),
        ("remove", Self::Remove),
    ];
}

/// Which requests a fault is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moment {
    /// Any.
    Any,
    /// Power on and off.
    Power,
    /// The state of the slot.
    Status,
    /// Protocol and speed.
    Parameters,
    /// Bytes to the card.
    Transfer,
    /// The maker's own.
    Escape,
}

impl Moment {
    const NAMED: [(&'static str, Self); 6] = [
        ("any", Self::Any),
        ("power", Self::Power),
        ("status", Self::Status),
        ("parameters", Self::Parameters),
        ("transfer", Self::Transfer),
        ("escape", Self::Escape),
    ];

    fn includes(self, request: Option<Request>) -> bool {
        let own = match request {
            Some(Request::IccPowerOn | Request::IccPowerOff) => Self::Power,
            Some(Request::GetSlotStatus) => Self::Status,
            Some(Request::SetParameters | Request::GetParameters | Request::ResetParameters) => {
                Self::Parameters
            }
            Some(Request::XfrBlock) => Self::Transfer,
            Some(Request::Escape) => Self::Escape,
            None => return self == Self::Any,
        };
        self == Self::Any || self == own
    }
}

/// A fault that strikes once.
///
/// As text: `MOMENT:FAULT` for the next such request, `MOMENT:N:FAULT` for the Nth from now
/// (`transfer:nak`, `transfer:3:bad-lrc`, `any:dead`, `transfer:time=2`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Scripted {
    /// The requests it is for.
    pub moment: Moment,
    /// Which of them, counted from 1.
    pub nth: u32,
    /// What happens.
    pub fault: Fault,
}

impl FromStr for Scripted {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || FaultError {
            text: text.to_owned(),
        };
        let parts: Vec<&str> = text.split(':').collect();
        let (moment, nth, fault) = match parts[..] {
            [moment, fault] => (moment, 1, fault),
            [moment, nth, fault] => (moment, nth.parse().map_err(|_| wrong())?, fault),
            _ => return Err(wrong()),
        };
        let moment = Moment::NAMED.iter().find(|(name, _)| *name == moment);
        let fault = match fault.strip_prefix("time=") {
            Some(times) => Some(Fault::Time(times.parse().map_err(|_| wrong())?)),
            None => Fault::NAMED
                .iter()
                .find(|(name, _)| *name == fault)
                .map(|(_, fault)| *fault),
        };
        match (moment, fault) {
            (Some((_, moment)), Some(fault)) if nth > 0 => Ok(Self {
                moment: *moment,
                nth,
                fault,
            }),
            _ => Err(wrong()),
        }
    }
}

/// A text that names no fault.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{text}` is no fault of the reader")]
pub struct FaultError {
    /// What was given.
    pub text: String,
}

impl Blamed for FaultError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        let names = |names: Vec<&str>| names.join(", ");
        Some(format!(
            "write MOMENT[:N]:FAULT; moments: {}; faults: {}, time=N",
            names(Moment::NAMED.iter().map(|(name, _)| *name).collect()),
            names(Fault::NAMED.iter().map(|(name, _)| *name).collect()),
        ))
    }
}

/// The faults to come, shared by the reader and whoever scripts them.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Scripted>>>);

impl Faults {
    /// Lets this one strike.
    pub fn script(&self, fault: Scripted) {
        self.list().push(fault);
    }

    /// The fault that strikes at this request. All others for such requests come one nearer.
    pub(super) fn strike(&self, request: Option<Request>) -> Option<Fault> {
        let mut list = self.list();
        let mut struck = None;
        for scripted in list.iter_mut().filter(|it| it.moment.includes(request)) {
            scripted.nth = scripted.nth.saturating_sub(1);
        }
        // Two due at once strike one after the other.
        if let Some(at) = list
            .iter()
            .position(|it| it.nth == 0 && it.moment.includes(request))
        {
            struck = Some(list.remove(at).fault);
        }
        struck
    }

    fn list(&self) -> MutexGuard<'_, Vec<Scripted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Faults").field(&*self.list()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_at_the_nth_of_its_requests_and_once() {
        let faults = Faults::default();
        faults.script("transfer:2:nak".parse().unwrap());
        faults.script("status:time=3".parse().unwrap());
        let transfer = Some(Request::XfrBlock);
        assert_eq!(faults.strike(transfer), None);
        assert_eq!(faults.strike(Some(Request::Escape)), None);
        assert_eq!(faults.strike(transfer), Some(Fault::Nak));
        assert_eq!(faults.strike(transfer), None);
        assert_eq!(
            faults.strike(Some(Request::GetSlotStatus)),
            Some(Fault::Time(3))
        );
    }

    #[test]
    fn what_is_no_fault_is_answered_with_those_there_are() {
        for text in [
            "",
            "nak",
            "transfer:0:nak",
            "transfer:x:nak",
            "transfer:jam",
            "jam:nak",
        ] {
            let error = text.parse::<Scripted>().unwrap_err();
            assert!(error.hint().unwrap().contains("bad-lrc"), "{text}");
        }
    }
}
