use iso7816::LinkError;

/// What the selector of a PC/SC reader starts with.
pub const SELECTOR_PREFIX: &str = "pcsc:";

/// Chooses the reader an operator means: the one of exactly that name, else the only one whose
/// name contains it (upper and lower case alike), else, for an empty name, the only one there is.
/// The name may be written as a selector, with `pcsc:` in front.
///
/// # Errors
///
/// [`LinkError::NoReader`] when none fits, [`LinkError::Ambiguous`] when several do.
pub fn choose(asked: &str, present: &[String]) -> Result<String, LinkError> {
    let asked = asked.strip_prefix(SELECTOR_PREFIX).unwrap_or(asked);
    if let Some(exact) = present.iter().find(|name| *name == asked) {
        return Ok(exact.clone());
    }
    let part = asked.to_lowercase();
    let fitting: Vec<&String> = present
        .iter()
        .filter(|name| name.to_lowercase().contains(&part))
        .collect();
    match fitting[..] {
        [only] => Ok(only.clone()),
        [] => Err(LinkError::NoReader {
            reader: asked.to_owned(),
            present: present.to_vec(),
        }),
        _ => Err(LinkError::Ambiguous {
            asked: asked.to_owned(),
            fitting: fitting.into_iter().cloned().collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn present() -> Vec<String> {
        [
            "Virtual PCD 00 00",
            "Virtual PCD 00 01",
            "OMNIKEY AG 3121 00 00",
            "OMNIKEY AG 3121 00 00 (2)",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    #[test]
    fn a_part_of_one_name_is_enough() {
        assert_eq!(
            choose("pcd 00 01", &present()).unwrap(),
            "Virtual PCD 00 01"
        );
    }

    #[test]
    fn an_exact_name_wins_over_a_longer_one_that_contains_it() {
        let name = "OMNIKEY AG 3121 00 00";
        assert_eq!(choose(name, &present()).unwrap(), name);
    }

    #[test]
    fn several_fitting_readers_are_all_named() {
        let Err(LinkError::Ambiguous { fitting, .. }) = choose("Virtual", &present()) else {
            panic!("one reader was chosen");
        };
        assert_eq!(fitting.len(), 2);
    }

    #[test]
    fn an_unknown_reader_is_answered_with_those_there_are() {
        let Err(LinkError::NoReader { present: named, .. }) = choose("Gemalto", &present()) else {
            panic!("a reader was chosen");
        };
        assert_eq!(named, present());
    }

    #[test]
    fn no_name_means_the_only_reader() {
        assert_eq!(choose("", &present()[..1]).unwrap(), "Virtual PCD 00 00");
        assert!(choose("", &present()).is_err());
    }
    #[test]
    fn a_selector_is_a_name_too() {
        assert_eq!(
            choose("pcsc:pcd 00 01", &present()).unwrap(),
            "Virtual PCD 00 01"
        );
        assert_eq!(choose("pcsc:", &present()[..1]).unwrap(), present()[0]);
    }

    proptest! {
        #[test]
        fn every_reader_is_chosen_by_its_name(
            names in proptest::collection::vec("[A-Za-z0-9 ()]{1,20}", 1..6),
        ) {
            for name in &names {
                prop_assert_eq!(&choose(name, &names).unwrap(), name);
                prop_assert_eq!(&choose(&format!("pcsc:{name}"), &names).unwrap(), name);
            }
        }

        #[test]
        fn any_text_chooses_one_that_is_there_or_gives_a_typed_error(
            asked in ".{0,20}",
            names in proptest::collection::vec(".{0,20}", 0..6),
        ) {
            if let Ok(chosen) = choose(&asked, &names) {
                prop_assert!(names.contains(&chosen));
            }
        }
    }
}
