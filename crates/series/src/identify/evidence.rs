//! What follows from the answers. Pure: no card is needed here.

use globalplatform::Cplc;
use serde::Serialize;

use super::probing::{Answer, Answers, Applet};
use super::{Conclusion, Confidence, Identification};
use crate::{Certainty, Profile, Profiles};

/// One thing seen on the card.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Evidence {
    /// What was seen.
    pub seen: String,
    /// Ids of the profiles it speaks for.
    pub speaks_for: Vec<String>,
    /// Ids of the profiles it speaks against.
    pub speaks_against: Vec<String>,
}

/// How one profile fits the answers.
struct Fit<'a> {
    profile: &'a Profile,
    /// How sure the pattern that fits the answer to reset is, if one fits.
    atr: Option<Certainty>,
    /// Whether an application of the profile answered.
    applet: bool,
    /// Whether the profile has CPLC patterns and the card other data.
    struck: bool,
}

impl Fit<'_> {
    fn is_whole(&self) -> bool {
        self.atr.is_some() && self.applet && !self.struck
    }
}

pub(super) fn weigh(atr: Vec<u8>, answers: Answers, profiles: &Profiles) -> Identification {
    let there = answers.there();
    let fits: Vec<Fit<'_>> = profiles
        .iter()
        .map(|profile| fit(profile, &atr, &there, &answers))
        .collect();
    let (conclusion, reasons) = conclude(&fits, &there);
    let selected = selected(&conclusion, &there, profiles).cloned();
    Identification {
        contradictions: contradictions(&fits, &there, &answers),
        evidence: list_evidence(&atr, &answers, &there, profiles),
        selected,
        numbers: answers.numbers,
        conclusion,
        reasons,
        atr,
    }
}

fn fit<'a>(profile: &'a Profile, atr: &[u8], there: &[&Answer], answers: &Answers) -> Fit<'a> {
    Fit {
        profile,
        atr: profile
            .atr
            .iter()
            .filter(|pattern| pattern.matches(atr))
            .map(|pattern| pattern.certainty)
            .min(),
        applet: there.iter().any(|answer| names(profile, answer)),
        struck: answers
            .numbers
            .cplc
            .is_some_and(|cplc| is_of_other_production(profile, &cplc)),
    }
}

/// The application decides; the answer to reset only says among which series.
fn conclude(fits: &[Fit<'_>], there: &[&Answer]) -> (Conclusion, Vec<String>) {
    let ids = |fits: &[&Fit<'_>]| -> Vec<String> {
        fits.iter().map(|fit| fit.profile.id.clone()).collect()
    };
    let mut reasons: Vec<String> = fits
        .iter()
        .filter(|fit| fit.struck && fit.atr.is_some())
        .map(|fit| format!("production data is not that of {}", fit.profile.id))
        .collect();

    let whole: Vec<&Fit<'_>> = fits.iter().filter(|fit| fit.is_whole()).collect();
    if !whole.is_empty() {
        let stated = whole.iter().any(|fit| fit.atr == Some(Certainty::Public));
        reasons.push(format!(
            "answer to reset and application fit {}",
            ids(&whole).join(" and ")
        ));
        let confidence = match stated {
            true => Confidence::Probably,
            false => {
                reasons.push(
                    "no public source names this answer to reset as that of an NHS card".to_owned(),
                );
                Confidence::Possibly
            }
        };
        return (several(ids(&whole), confidence), reasons);
    }

    if there.iter().any(|answer| answer.is_piv()) {
        reasons.push("the PIV application answers".to_owned());
        reasons.push("no series with this application has this answer to reset".to_owned());
        return (Conclusion::GenericPiv, reasons);
    }

    let by_applet: Vec<&Fit<'_>> = fits
        .iter()
        .filter(|fit| fit.applet && !fit.struck)
        .collect();
    if !by_applet.is_empty() {
        reasons.push(format!(
            "only the application speaks for {}",
            ids(&by_applet).join(" and ")
        ));
        return (several(ids(&by_applet), Confidence::Possibly), reasons);
    }

    // A series whose applications are known would have answered, so only the others are left.
    let by_atr: Vec<&Fit<'_>> = fits
        .iter()
        .filter(|fit| fit.atr.is_some() && fit.profile.probes.is_empty() && !fit.struck)
        .collect();
    if there.is_empty() && !by_atr.is_empty() {
        reasons.push(format!(
            "only the answer to reset speaks for {}",
            ids(&by_atr).join(" and ")
        ));
        return (several(ids(&by_atr), Confidence::Possibly), reasons);
    }

    reasons.push("no application of a known series answers".to_owned());
    (Conclusion::Unknown, reasons)
}

fn several(mut ids: Vec<String>, confidence: Confidence) -> Conclusion {
    match ids.len() {
        1 => Conclusion::Series {
            profile: ids.remove(0),
            confidence,
        },
        _ => Conclusion::OneOf {
            profiles: ids,
            confidence,
        },
    }
}

fn contradictions(fits: &[Fit<'_>], there: &[&Answer], answers: &Answers) -> Vec<String> {
    let mut found = Vec::new();
    if answers.answers_to_all() {
        found.push(
            "the card says of an application that does not exist that it is there; only an answer \
             that proves itself counts"
                .to_owned(),
        );
    }
    let nominated: Vec<&Fit<'_>> = fits.iter().filter(|fit| fit.atr.is_some()).collect();
    for fit in &nominated {
        let id = &fit.profile.id;
        if !fit.profile.probes.is_empty() && !fit.applet {
            found.push(format!(
                "the answer to reset is one of {id}, but no application of {id} answers"
            ));
        }
    }
    for answer in there {
        let expected = nominated.iter().any(|fit| names(fit.profile, answer));
        if !nominated.is_empty() && !expected {
            let ids: Vec<&str> = nominated.iter().map(|fit| &*fit.profile.id).collect();
            found.push(format!(
                "{} answers, which is no application of {}",
                answer.label,
                ids.join(" or ")
            ));
        }
    }
    let families = [
        there.iter().any(|answer| answer.is_piv()),
        there.iter().any(|answer| !answer.is_piv()),
    ];
    if families == [true, true] {
        found.push("PIV and another known application answer on one card".to_owned());
    }
    let versions: Vec<Applet> = there
        .iter()
        .filter_map(|answer| answer.applet())
        .filter(|applet| *applet != Applet::Piv)
        .collect();
    if let [first, second, ..] = versions[..] {
        found.push(format!("{first} and {second} answer on one card"));
    }
    found
}

fn list_evidence(
    atr: &[u8],
    answers: &Answers,
    present: &[&Answer],
    profiles: &Profiles,
) -> Vec<Evidence> {
    let ids = |holds: &dyn Fn(&Profile) -> bool| -> Vec<String> {
        profiles
            .iter()
            .filter(|profile| holds(profile))
            .map(|profile| profile.id.clone())
            .collect()
    };
    let labels: Vec<&str> = profiles
        .iter()
        .flat_map(|profile| &profile.atr)
        .filter(|pattern| pattern.matches(atr))
        .map(|pattern| &*pattern.label)
        .collect();
    let label = labels.first().unwrap_or(&"of no known card");
    let mut evidence = vec![Evidence {
        seen: format!("answer to reset {} ({label})", hex::encode_upper(atr)),
        speaks_for: ids(&|profile| profile.atr.iter().any(|pattern| pattern.matches(atr))),
        speaks_against: Vec::new(),
    }];
    for answer in &answers.applications {
        let there = present.contains(&answer);
        let named = |profile: &Profile| names(profile, answer);
        let note = match (there, answer.is_there(), answer.status.is_ok()) {
            (false, true, _) => ", as to everything",
            (false, false, true) => ", but not with the template of that application",
            _ => "",
        };
        evidence.push(Evidence {
            seen: format!("SELECT {}: {}{note}", answer.label, answer.status),
            speaks_for: if there { ids(&named) } else { Vec::new() },
            speaks_against: Vec::new(),
        });
    }
    if let Some(nobody) = &answers.nobody {
        evidence.push(Evidence {
            seen: format!("SELECT {}: {}", nobody.label, nobody.status),
            speaks_for: Vec::new(),
            speaks_against: Vec::new(),
        });
    }
    evidence.push(Evidence {
        seen: match &answers.numbers.issuer_security_domain {
            Some(manager) => format!(
                "card manager {}{}",
                hex::encode_upper(&manager.aid),
                if manager.locked { ", locked" } else { "" }
            ),
            None => "no card manager".to_owned(),
        },
        speaks_for: Vec::new(),
        speaks_against: Vec::new(),
    });
    if let Some(cplc) = &answers.numbers.cplc {
        evidence.push(Evidence {
            seen: format!(
                "production data: fabricator {:04X}, type {:04X}, operating system {:04X}",
                cplc.ic_fabricator, cplc.ic_type, cplc.operating_system
            ),
            speaks_for: ids(&|profile| is_of_production(profile, cplc)),
            speaks_against: ids(&|profile| is_of_other_production(profile, cplc)),
        });
    }
    evidence
}

/// The application to leave selected: the first that answered of those the conclusion rests on.
fn selected<'a>(
    conclusion: &Conclusion,
    there: &[&'a Answer],
    profiles: &Profiles,
) -> Option<&'a Answer> {
    let ids: Vec<&str> = match conclusion {
        Conclusion::Series { profile, .. } => vec![profile],
        Conclusion::OneOf { profiles, .. } => profiles.iter().map(String::as_str).collect(),
        Conclusion::GenericPiv => return there.iter().find(|answer| answer.is_piv()).copied(),
        Conclusion::Unknown => return None,
    };
    let named = |answer: &&&Answer| {
        profiles
            .iter()
            .any(|profile| ids.contains(&&*profile.id) && names(profile, answer))
    };
    there.iter().find(named).copied()
}

fn names(profile: &Profile, answer: &Answer) -> bool {
    profile.probes.iter().any(|probe| probe.aid == answer.aid)
}

fn is_of_production(profile: &Profile, cplc: &Cplc) -> bool {
    let bytes = cplc.to_bytes();
    profile.cplc.iter().any(|pattern| pattern.matches(&bytes))
}

/// Whether the profile knows production data and this is none of it.
fn is_of_other_production(profile: &Profile, cplc: &Cplc) -> bool {
    !profile.cplc.is_empty() && !is_of_production(profile, cplc)
}
