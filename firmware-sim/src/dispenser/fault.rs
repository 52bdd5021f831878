use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ground::{Blame, Blamed};
use thiserror::Error;

/// What can go wrong with one command of the host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// It says that the frame came damaged, and does nothing.
    Nak,
    /// It does not hear the frame.
    Deaf,
    /// It hears nothing from now on, as with its cable pulled.
    Dead,
    /// It does what it is asked; its ACK is lost.
    NoAck,
    /// It does what it is asked; its answer is lost for good.
    Silent,
    /// Neither ACK nor answer arrives, and it does what it is asked.
    Mute,
    /// Its answer has a wrong check byte the first time.
    BadBcc,
    /// Its answer has a wrong check byte every time.
    AlwaysBadBcc,
    /// Its answer stops in the middle the first time.
    Cut,
    /// It says its answer twice.
    Twice,
    /// The card gets stuck.
    Jam,
    /// The contacts do not reach the chip: no answer to reset.
    Contact,
    /// It answers this code and does nothing.
    Code([u8; 2]),
    /// Somebody switches it off and on before it hears the command.
    Restart,
    /// It takes so much longer.
    Slow(Duration),
}

impl Fault {
    const NAMED: [(&'static str, Self); 13] = [
        ("nak", Self::Nak),
        ("deaf", Self::Deaf),
        ("dead", Self::Dead),
        ("no-ack", Self::NoAck),
        ("silent", Self::Silent),
        ("mute", Self::Mute),
        ("bad-bcc", Self::BadBcc),
        ("always-bad-bcc", Self::AlwaysBadBcc),
        ("cut", Self::Cut),
        ("twice", Self::Twice),
        ("jam", Self::Jam),
        ("contact", Self::Contact),
        ("restart", Self::Restart),
    ];

    fn parse(text: &str) -> Option<Self> {
        if let Some(code) = text.strip_prefix("code=") {
            return code.as_bytes().try_into().ok().map(Self::Code);
        }
        if let Some(time) = text.strip_prefix("slow=") {
            return time.parse().ok().map(Duration::from_millis).map(Self::Slow);
        }
        let mut named = Self::NAMED.iter();
        named
            .find(|(name, _)| *name == text)
            .map(|(_, fault)| *fault)
    }
}

/// Which commands a fault is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moment {
    /// Any.
    Any,
    /// Initialising.
    Init,
    /// What the sensors see.
    Status,
    /// A card is moved.
    Move,
    /// A card is switched on or reset.
    Reset,
    /// A command goes to the card.
    Transfer,
}

impl Moment {
    const NAMED: [(&'static str, Self); 6] = [
        ("any", Self::Any),
        ("init", Self::Init),
        ("status", Self::Status),
        ("move", Self::Move),
        ("reset", Self::Reset),
        ("transfer", Self::Transfer),
    ];

    fn includes(self, command: u8, parameter: u8) -> bool {
        match self {
            Self::Any => true,
            Self::Init => command == 0x30,
            Self::Status => command == 0x31,
            Self::Move => command == 0x32,
            Self::Reset => command == 0x51 && matches!(parameter, 0x30 | 0x38),
            Self::Transfer => command == 0x51 && matches!(parameter, 0x33 | 0x34 | 0x39),
        }
    }
}

/// A fault that strikes once.
///
/// As text: `MOMENT:FAULT` for the next such command, `MOMENT:N:FAULT` for the Nth from now
/// (`move:jam`, `transfer:3:bad-bcc`, `move:code=A0`, `any:slow=500`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Scripted {
    /// The commands it is for.
    pub moment: Moment,
    /// Which of them, counted from 1.
    pub nth: u32,
    /// What happens.
    pub fault: Fault,
}

impl FromStr for Scripted {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        let parsed = match parts[..] {
            [moment, fault] => Some((moment, 1, fault)),
            [moment, nth, fault] => nth.parse().ok().map(|nth| (moment, nth, fault)),
            _ => None,
        };
        let read = |(moment, nth, fault): (&str, u32, &str)| {
            let (_, moment) = Moment::NAMED.iter().find(|(name, _)| *name == moment)?;
            let fault = Fault::parse(fault)?;
            (nth > 0).then_some(Self {
                moment: *moment,
                nth,
                fault,
            })
        };
        parsed.and_then(read).ok_or_else(|| FaultError {
            text: text.to_owned(),
        })
    }
}

/// A text that names no fault.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{text}` is no fault of the dispenser")]
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
            "write MOMENT[:N]:FAULT; moments: {}; faults: {}, code=XX, slow=MS",
            names(Moment::NAMED.iter().map(|(name, _)| *name).collect()),
            names(Fault::NAMED.iter().map(|(name, _)| *name).collect()),
        ))
    }
}

/// The faults to come, shared by the dispenser and whoever scripts them.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Scripted>>>);

impl Faults {
    /// Lets this one strike.
    pub fn script(&self, fault: Scripted) {
        self.list().push(fault);
    }

    /// The fault that strikes at this command. All others for such commands come one nearer.
    pub(super) fn strike(&self, command: u8, parameter: u8) -> Option<Fault> {
        let mut list = self.list();
        for scripted in list.iter_mut() {
            if scripted.moment.includes(command, parameter) {
                scripted.nth = scripted.nth.saturating_sub(1);
            }
        }
        // Two due at once strike one after the other.
        let at = list
            .iter()
            .position(|it| it.nth == 0 && it.moment.includes(command, parameter))?;
        Some(list.remove(at).fault)
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
    fn a_fault_strikes_at_the_nth_of_its_commands_and_once() {
        let faults = Faults::default();
        faults.script("move:2:jam".parse().unwrap());
        faults.script("any:4:code=A0".parse().unwrap());
        assert_eq!(faults.strike(0x32, 0x31), None);
        assert_eq!(faults.strike(0x31, 0x30), None);
        assert_eq!(faults.strike(0x32, 0x39), Some(Fault::Jam));
        assert_eq!(faults.strike(0x51, 0x31), Some(Fault::Code(*b"A0")));
        assert_eq!(faults.strike(0x32, 0x39), None);
    }

    #[test]
    fn what_is_no_fault_is_answered_with_those_there_are() {
        for text in [
            "",
            "jam",
            "move:0:jam",
            "move:x:jam",
            "move:fire",
            "fire:jam",
            "move:code=A",
            "move:slow=x",
        ] {
            let error = text.parse::<Scripted>().unwrap_err();
            assert!(error.hint().unwrap().contains("bad-bcc"), "{text}");
        }
    }
}
