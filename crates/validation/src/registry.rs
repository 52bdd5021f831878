use crate::{Assertion, command, data};

/// Every assertion there is, in the order they are proved: first what follows from the data read,
/// then what needs commands, those that write last.
pub fn assertions() -> impl Iterator<Item = &'static Assertion> {
    let read_only = || all().filter(|assertion| !assertion.writes);
    read_only().chain(all().filter(|assertion| assertion.writes))
}

/// The assertion with this id.
#[must_use]
pub fn assertion(id: &str) -> Option<&'static Assertion> {
    all().find(|assertion| assertion.id == id)
}

fn all() -> impl Iterator<Item = &'static Assertion> {
    data::GROUPS
        .iter()
        .chain(command::GROUPS)
        .flat_map(|group| group.iter())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_assertion_has_an_id_of_its_own_in_lower_case() {
        let mut seen = BTreeSet::new();
        for assertion in assertions() {
            assert!(seen.insert(assertion.id), "`{}` twice", assertion.id);
            assert!(
                assertion
                    .id
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c)),
                "`{}`",
                assertion.id
            );
            assert!(!assertion.title.is_empty() && !assertion.clause.is_empty());
        }
    }

    #[test]
    fn what_writes_or_spends_tries_needs_a_test_card() {
        for assertion in assertions().filter(|a| a.writes || a.pin_tries > 0) {
            assert!(
                assertion.needs.contains(&crate::Need::TestCard),
                "`{}`",
                assertion.id
            );
        }
    }
}
