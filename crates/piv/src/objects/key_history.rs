use serde::Serialize;

use super::elements::{ElementWriter, Elements, Extra, Layout, ObjectError, Presence, Size, Spec};
use crate::Parsed;

pub(super) const LAYOUT: Layout = Layout {
    object: "Key History Object",
    clause: "SP 800-73-5 Part 1, 3.3.3 and Appendix A, Table 19",
    elements: &[
        Spec::new(
            0xC1,
            "number of keys with on-card certificates",
            Size::Fixed(1),
            Presence::Mandatory,
        ),
        Spec::new(
            0xC2,
            "number of keys with off-card certificates",
            Size::Fixed(1),
            Presence::Mandatory,
        ),
        Spec::new(
            0xF3,
            "off-card certificate URL",
            Size::UpTo(118),
            Presence::Optional,
        ),
    ],
};

/// Key History Object, 5FC10C: how many retired key management keys there are
/// (SP 800-73-5 Part 1, 3.3.3).
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct KeyHistory {
    /// C1: keys whose certificate is on the card, in references 82 upwards. `None` if absent or
    /// malformed on a card.
    pub on_card: Option<u8>,
    /// C2: keys whose certificate is elsewhere, in references 95 downwards.
    pub off_card: Option<u8>,
    /// F3: where the certificates of all retired keys are.
    pub url: Option<String>,
    /// Unknown elements.
    pub extras: Vec<Extra>,
}

impl KeyHistory {
    /// With all retired certificates on the card.
    #[must_use]
    pub fn on_card(keys: u8) -> Self {
        Self {
            on_card: Some(keys),
            off_card: Some(0),
            ..Self::default()
        }
    }

    /// Reads the value inside `53`.
    ///
    /// # Errors
    ///
    /// [`ObjectError`] when not one element can be read.
    pub fn parse(value: &[u8]) -> Result<Parsed<Self>, ObjectError> {
        let mut elements = Elements::read(value, &LAYOUT)?;
        let on_card = elements.byte(0xC1);
        let off_card = elements.byte(0xC2);
        let url = elements.text(0xF3);
        let keys = u16::from(on_card.unwrap_or(0)) + u16::from(off_card.unwrap_or(0));
        if keys > 20 {
            elements.violation(format!("{keys} retired keys, there is room for 20"));
        }
        if keys == 0 && url.is_some() {
            elements.violation("a certificate URL `F3` without any retired key".to_owned());
        }
        if off_card.is_some_and(|keys| keys > 0) && url.as_deref().unwrap_or_default().is_empty() {
            elements.violation("off-card certificates without a URL `F3`".to_owned());
        }
        if url.as_deref().is_some_and(|url| !is_certificate_url(url)) {
            elements.violation(
                "certificate URL `F3` is not `http://`, a name, `/` and a SHA-256 in hex"
                    .to_owned(),
            );
        }
        let (extras, findings) = elements.finish();
        Ok(Parsed {
            value: Self {
                on_card,
                off_card,
                url,
                extras,
            },
            findings,
            raw: value.to_vec(),
        })
    }

    /// The value to put inside `53`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = ElementWriter::new(&self.extras);
        writer.put_if(0xC1, self.on_card.map(|keys| [keys]));
        writer.put_if(0xC2, self.off_card.map(|keys| [keys]));
        writer.put_if(0xF3, self.url.as_ref());
        writer.finish()
    }
}

/// `http://`, a DNS name, `/`, 64 hex digits.
fn is_certificate_url(url: &str) -> bool {
    url.strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(name, hash)| {
            !name.is_empty()
                && hash.len() == 64
                && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::elements::tests::{damaged, extras, holds_for_any_bytes};
    use super::*;

    #[test]
    fn a_history_without_off_card_keys_needs_no_url() {
        let value = KeyHistory::on_card(5).encode();
        assert_eq!(hex::encode_upper(&value), "C10105C20100FE00");
        assert_eq!(KeyHistory::parse(&value).unwrap().findings, []);
    }

    #[test]
    fn the_url_belongs_to_off_card_keys() {
        let conforms = |on_card, off_card, url: Option<String>| {
            let history = KeyHistory {
                on_card: Some(on_card),
                off_card: Some(off_card),
                url,
                extras: Vec::new(),
            };
            KeyHistory::parse(&history.encode()).unwrap().conforms()
        };
        let url = || Some(format!("http://certs.example.org/{}", "0a".repeat(32)));
        assert!(conforms(0, 0, None));
        assert!(conforms(7, 2, url()));
        assert!(conforms(7, 0, url()));
        assert!(!conforms(0, 0, url()));
        assert!(!conforms(7, 2, None));
        assert!(!conforms(
            7,
            2,
            Some("https://certs.example.org/x".to_owned())
        ));
        assert!(!conforms(15, 6, url()));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed_back(
            on_card in proptest::option::of(any::<u8>()),
            off_card in proptest::option::of(any::<u8>()),
            url in proptest::option::of("\\PC{0,120}"),
            extras in extras(&[0xC1, 0xC2]),
        ) {
            let history = KeyHistory { on_card, off_card, url, extras };
            prop_assume!(!history.encode().starts_with(&[0xFE]));
            // A place after an element that is not there is lost.
            prop_assume!(history.extras.is_empty() || on_card.is_some() && off_card.is_some());
            let parsed = KeyHistory::parse(&history.encode()).unwrap();
            prop_assert_eq!(parsed.value, history);
        }

        #[test]
        fn any_bytes_are_taken(bytes in damaged(KeyHistory::on_card(3).encode())) {
            holds_for_any_bytes(&bytes, KeyHistory::parse, KeyHistory::encode);
        }
    }
}
