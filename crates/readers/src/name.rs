use iso7816::LinkError;

/// What the selector of a PC/SC reader starts with.
pub const SELECTOR_PREFIX: &str = "pcsc:";

/// What stands for any characters in a pattern.
const WILDCARD: char = '*';

/// Chooses the reader an operator means: the one of exactly that name, else the only one that fits
/// (upper and lower case alike). A name with `*` in it fits as a whole, each `*` standing for any
/// characters or none; any other fits where it is a part; an empty name fits every reader. The
/// name may be written as a selector, with `pcsc:` in front.
///
/// # Errors
///
/// [`LinkError::NoReader`] when none fits, [`LinkError::Ambiguous`] when several do.
pub fn choose(asked: &str, present: &[String]) -> Result<String, LinkError> {
    let asked = asked.strip_prefix(SELECTOR_PREFIX).unwrap_or(asked);
    if let Some(exact) = present.iter().find(|name| *name == asked) {
        return Ok(exact.clone());
    }
    let fitting: Vec<&String> = present.iter().filter(|name| fits(asked, name)).collect();
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

/// Whether a reader of this name fits what is asked for; the rules of [`choose`].
pub(crate) fn fits(asked: &str, name: &str) -> bool {
    let (asked, name) = (asked.to_lowercase(), name.to_lowercase());
    let mut parts = asked.split(WILDCARD);
    let first = parts.next().unwrap_or_default();
    let Some(last) = parts.next_back() else {
        return name.contains(first);
    };
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    // The first place is as good as any later one: what follows has the most room then.
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Whether no reader in particular is asked for.
pub(crate) fn is_any(asked: &str) -> bool {
    let asked = asked.strip_prefix(SELECTOR_PREFIX).unwrap_or(asked);
    asked.chars().all(|letter| letter == WILDCARD)
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
    fn a_pattern_fits_the_whole_name() {
        for (pattern, expected) in [
            ("*00 01", "Virtual PCD 00 01"),
            ("virtual*01", "Virtual PCD 00 01"),
            ("pcsc:*PCD*1", "Virtual PCD 00 01"),
            ("*(2)", "OMNIKEY AG 3121 00 00 (2)"),
            ("OMNIKEY*00", "OMNIKEY AG 3121 00 00"),
        ] {
            assert_eq!(choose(pattern, &present()).unwrap(), expected, "{pattern}");
        }
        for pattern in ["PCD*", "*PCD", "OMNIKEY*5*", "*00*00*00*"] {
            let Err(LinkError::NoReader {
                reader,
                present: named,
            }) = choose(pattern, &present())
            else {
                panic!("{pattern} fits");
            };
            assert_eq!((reader.as_str(), named), (pattern, present()));
        }
        let Err(LinkError::Ambiguous { asked, fitting }) = choose("*PCD*", &present()) else {
            panic!("one reader was chosen");
        };
        assert_eq!((asked.as_str(), fitting.len()), ("*PCD*", 2));
        assert!(is_any("") && is_any("*") && is_any("pcsc:*") && !is_any("*a"));
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

        /// Compared with the definition, which takes time that grows with every `*`.
        #[test]
        fn a_pattern_fits_as_it_is_defined(
            pattern in "[ab*]{0,8}",
            name in "[ab]{0,10}",
        ) {
            fn defined(pattern: &[u8], name: &[u8]) -> bool {
                match pattern {
                    [] => name.is_empty(),
                    [b'*', rest @ ..] => {
                        (0..=name.len()).any(|skipped| defined(rest, &name[skipped..]))
                    }
                    [letter, rest @ ..] => {
                        name.first() == Some(letter) && defined(rest, &name[1..])
                    }
                }
            }
            let expected = if pattern.contains(WILDCARD) {
                defined(pattern.as_bytes(), name.as_bytes())
            } else {
                name.contains(&pattern)
            };
            prop_assert_eq!(fits(&pattern, &name), expected);
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
