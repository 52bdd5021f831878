use serde::Serialize;

use crate::inventory::{Machine, Tpm};
use crate::register::Hello;

/// Whether a machine qualifies for Windows Hello.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HelloVerdict {
    /// It does.
    Eligible,
    /// It does not.
    NotEligible,
    /// The inventory does not say enough.
    NotStated,
}

/// Whether a machine qualifies for Windows Hello, and why.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct HelloAnswer {
    /// Whether it does.
    pub verdict: HelloVerdict,
    /// Why not, or what is not stated.
    pub because: Vec<String>,
    /// How its user unlocks it: `PIN`, `face`, `fingerprint`.
    pub ways: Vec<&'static str>,
    /// What else to know.
    pub notes: Vec<String>,
}

impl Hello {
    /// Whether a machine qualifies.
    #[must_use]
    pub fn check(&self, machine: &Machine) -> HelloAnswer {
        let mut against = Vec::new();
        let mut missing = Vec::new();
        let mut notes = Vec::new();
        match &machine.tpm {
            None => missing.push("the TPM is not stated".to_owned()),
            Some(Tpm::Absent) => {
                against.push(format!(
                    "no TPM, {} is needed [{}]",
                    self.tpm.value, self.tpm.source
                ));
            }
            // A TPM of no stated version may be either.
            Some(Tpm::Present) => missing.push("the version of the TPM is not stated".to_owned()),
            Some(Tpm::Version(version)) if *version < self.tpm.value => against.push(format!(
                "TPM {version}, {} is needed [{}]",
                self.tpm.value, self.tpm.source
            )),
            Some(Tpm::Version(_)) => {}
        }
        match machine.windows_build {
            None => missing.push("the Windows build is not stated".to_owned()),
            Some(build) => self.check_windows(build, &mut against, &mut notes),
        }
        match machine.shared {
            Some(true) => against.push(format!(
                "{} [{}]",
                self.own_device.value, self.own_device.source
            )),
            Some(false) => {}
            None => notes.push("if the machine is shared, it does not qualify".to_owned()),
        }
        let mut ways = vec!["PIN"];
        ways.extend((machine.camera == Some(true)).then_some("face"));
        ways.extend((machine.fingerprint == Some(true)).then_some("fingerprint"));
        let (verdict, because) = if !against.is_empty() {
            (HelloVerdict::NotEligible, against)
        } else if !missing.is_empty() {
            (HelloVerdict::NotStated, missing)
        } else {
            if machine.applications.cis1 == Some(true) {
                notes.push(format!(
                    "{} [{}]",
                    self.applications.value, self.applications.source
                ));
            }
            (HelloVerdict::Eligible, Vec::new())
        };
        if verdict != HelloVerdict::Eligible {
            ways.clear();
            notes.clear();
        }
        HelloAnswer {
            verdict,
            because,
            ways,
            notes,
        }
    }

    fn check_windows(&self, build: u32, against: &mut Vec<String>, notes: &mut Vec<String>) {
        let of_build = self.windows.iter().find(|windows| {
            build >= windows.first_build && windows.last_build.is_none_or(|last| build <= last)
        });
        let Some(windows) = of_build else {
            let known: Vec<&str> = self.windows.iter().map(|w| w.name.as_str()).collect();
            against.push(format!("build {build} is not of {}", known.join(" or ")));
            return;
        };
        if !windows.eligible.value {
            against.push(format!(
                "{} does not qualify [{}]",
                windows.name, windows.eligible.source
            ));
        }
        if let Some(note) = &windows.note
            && windows.note_build == Some(build)
        {
            notes.push(format!("{} [{}]", note.value, note.source));
        }
    }
}
