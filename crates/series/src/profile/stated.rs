use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Profile;
use crate::Certainty;

/// One value of a profile as a listing shows it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Stated {
    /// Where it stands in the file, such as `piv.slots.signing.key`.
    pub path: String,
    /// The value as JSON: a word, number or list; for a byte pattern or probe the whole table.
    pub value: Value,
    /// Where it comes from.
    pub source: String,
    /// How far to trust it.
    pub certainty: Certainty,
    /// What other sources say: value and source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<(Value, String)>,
}

/// Something that is not public.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Unknown {
    /// What is not known: a question, or the path of a value in the profile.
    pub what: String,
    /// The default cardwright works with, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Why it is not known, or where the default comes from.
    pub source: String,
}

/// Every value of the profile, in the order of the file format.
pub(super) fn collect(profile: &Profile) -> Vec<Stated> {
    let mut all = Vec::new();
    // A profile is strings, numbers and lists throughout: nothing in it has no JSON form.
    let value = serde_json::to_value(profile).expect("a profile has a JSON form");
    walk(String::new(), &value, &mut all);
    all
}

pub(super) fn unknowns(profile: &Profile) -> Vec<Unknown> {
    let defaults = collect(profile)
        .into_iter()
        .filter(|stated| stated.certainty == Certainty::Unknown)
        .map(|stated| Unknown {
            what: stated.path,
            default: Some(stated.value),
            source: stated.source,
        });
    defaults.chain(profile.unknown.iter().cloned()).collect()
}

fn walk(path: String, value: &Value, all: &mut Vec<Stated>) {
    let child = |key: &str| match path.is_empty() {
        true => key.to_owned(),
        false => format!("{path}.{key}"),
    };
    match value {
        Value::Array(members) => {
            for (index, member) in members.iter().enumerate() {
                walk(format!("{path}[{index}]"), member, all);
            }
        }
        Value::Object(table) => match certainty_of(value) {
            Some(certainty) => all.push(Stated {
                value: table.get("value").unwrap_or(value).clone(),
                source: text(value, "source"),
                certainty,
                conflicts: conflicts(value),
                path,
            }),
            None => {
                for (key, member) in table {
                    walk(child(key), member, all);
                }
            }
        },
        _ => {}
    }
}

fn certainty_of(value: &Value) -> Option<Certainty> {
    Certainty::deserialize(value.get("certainty")?).ok()
}

fn conflicts(value: &Value) -> Vec<(Value, String)> {
    let list = value.get("conflicts").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .map(|conflict| (conflict["value"].clone(), text(conflict, "source")))
        .collect()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}
