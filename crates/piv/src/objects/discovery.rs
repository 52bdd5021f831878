use std::fmt;

use iso7816::ber::{Reader, Tag, write};
use serde::Serialize;

use super::elements::{ObjectError, hexed};
use crate::words::AID;
use crate::{Finding, Parsed};

const OBJECT: &str = "Discovery Object";
const CLAUSE: &str = "SP 800-73-5 Part 1, 3.3.2";
const IDENTIFIER: Tag = Tag(0x4F);
const POLICY: Tag = Tag(0x5F2F);

/// Discovery Object, 7E: the application identifier and the PIN usage policy
/// (SP 800-73-5 Part 1, 3.3.2). The only object here with BER tags and without `FE`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Discovery {
    /// 4F: application identifier.
    #[serde(serialize_with = "hexed")]
    pub aid: Vec<u8>,
    /// 5F2F: PIN usage policy; `None` if absent or malformed on a card.
    pub policy: Option<PinUsagePolicy>,
    /// Unknown objects, in order, after the two.
    pub extras: Vec<(u32, Vec<u8>)>,
}

/// PIN usage policy: two bytes (SP 800-73-5 Part 1, 3.3.2).
#[derive(Clone, Copy, Eq, Hash, PartialEq, Serialize)]
pub struct PinUsagePolicy {
    /// What satisfies the access rules.
    pub rules: u8,
    /// Which PIN is primary.
    pub preference: u8,
}

/// Which PIN the issuer wants asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrimaryPin {
    /// The PIV PIN, 80; also when there is no other.
    Application,
    /// The Global PIN, 00.
    Global,
}

impl Discovery {
    /// For this application with the given policy.
    #[must_use]
    pub fn new(policy: PinUsagePolicy) -> Self {
        Self {
            aid: AID.to_vec(),
            policy: Some(policy),
            extras: Vec::new(),
        }
    }

    /// Reads the value inside `7E`.
    ///
    /// # Errors
    ///
    /// [`ObjectError`] when not one object can be read.
    pub fn parse(value: &[u8]) -> Result<Parsed<Self>, ObjectError> {
        if value.is_empty() {
            return Err(ObjectError::Empty { object: OBJECT });
        }
        let mut findings = Vec::new();
        let mut violation = |what: String| {
            findings.push(Finding::violation(CLAUSE, format!("{OBJECT}: {what}")));
        };
        let mut aid = None;
        let mut policy = None;
        let mut policy_read = false;
        let mut extras = Vec::new();
        for (index, object) in Reader::new(value).enumerate() {
            let object = match object {
                Ok(object) => object,
                Err(source) if index == 0 => {
                    return Err(ObjectError::Unreadable {
                        object: OBJECT,
                        source,
                    });
                }
                Err(error) => {
                    violation(format!("cannot be read to its end: {error}"));
                    break;
                }
            };
            match (index, object.tag) {
                (0, IDENTIFIER) => aid = Some(object.value.to_vec()),
                (1, POLICY) => {
                    policy_read = true;
                    match *object.value {
                        [rules, preference] => policy = Some(PinUsagePolicy { rules, preference }),
                        _ => violation(format!(
                            "PIN usage policy of {} bytes, expected 2",
                            object.value.len()
                        )),
                    }
                }
                (_, IDENTIFIER | POLICY) => {
                    violation(format!("object `{}` is out of place", object.tag));
                }
                _ => {
                    violation(format!("unknown object `{}`", object.tag));
                    extras.push((object.tag.0, object.value.to_vec()));
                }
            }
            let shortest = object.value.len() <= 0x7F;
            if shortest && object.raw.len() != object.tag.to_bytes().len() + 1 + object.value.len()
            {
                violation(format!(
                    "length of object `{}` is not in its shortest form",
                    object.tag
                ));
            }
        }
        match aid.as_deref() {
            None => violation("application identifier `4F` is missing".to_owned()),
            Some(aid) if aid != AID => violation(format!(
                "application identifier `{}`, expected `{}`",
                hex::encode_upper(aid),
                hex::encode_upper(AID)
            )),
            Some(_) => {}
        }
        if !policy_read {
            violation("PIN usage policy `5F2F` is missing".to_owned());
        }
        findings.extend(policy.iter().flat_map(PinUsagePolicy::findings));
        Ok(Parsed {
            value: Self {
                aid: aid.unwrap_or_default(),
                policy,
                extras,
            },
            findings,
            raw: value.to_vec(),
        })
    }

    /// The value to put inside `7E`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, IDENTIFIER, &self.aid);
        if let Some(policy) = self.policy {
            write(&mut out, POLICY, &[policy.rules, policy.preference]);
        }
        for (tag, value) in &self.extras {
            write(&mut out, Tag(*tag), value);
        }
        out
    }
}

impl PinUsagePolicy {
    /// The PIV PIN satisfies the access rules: always set.
    pub const APPLICATION: u8 = 0x40;
    /// The Global PIN does too.
    pub const GLOBAL: u8 = 0x20;
    /// On-card comparison does too.
    pub const ON_CARD_COMPARISON: u8 = 0x10;
    /// The virtual contact interface is implemented.
    pub const VIRTUAL_CONTACT: u8 = 0x08;
    /// The virtual contact interface needs no pairing code.
    pub const NO_PAIRING_CODE: u8 = 0x04;

    /// The PIV PIN and nothing else.
    pub const PIN_ONLY: Self = Self {
        rules: Self::APPLICATION,
        preference: 0x00,
    };

    /// Whether the Global PIN satisfies the access rules.
    #[must_use]
    pub const fn global_pin(self) -> bool {
        self.rules & Self::GLOBAL != 0
    }

    /// Whether on-card comparison satisfies the access rules.
    #[must_use]
    pub const fn on_card_comparison(self) -> bool {
        self.rules & Self::ON_CARD_COMPARISON != 0
    }

    /// Whether the virtual contact interface is implemented.
    #[must_use]
    pub const fn virtual_contact(self) -> bool {
        self.rules & Self::VIRTUAL_CONTACT != 0
    }

    /// Whether the virtual contact interface needs the pairing code.
    #[must_use]
    pub const fn pairing_code(self) -> bool {
        self.virtual_contact() && self.rules & Self::NO_PAIRING_CODE == 0
    }

    /// The PIN to ask for first.
    #[must_use]
    pub const fn primary(self) -> PrimaryPin {
        if self.global_pin() && self.preference == 0x20 {
            PrimaryPin::Global
        } else {
            PrimaryPin::Application
        }
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut violation = |what: String| {
            findings.push(Finding::violation(
                CLAUSE,
                format!("PIN usage policy {self:?}: {what}"),
            ));
        };
        if self.rules & Self::APPLICATION == 0 {
            violation("the PIV PIN does not satisfy the access rules".to_owned());
        }
        if self.rules & 0x83 != 0 {
            violation("reserved bits are set".to_owned());
        }
        if self.rules & Self::NO_PAIRING_CODE != 0 && !self.virtual_contact() {
            violation("the pairing code is waived without a virtual contact interface".to_owned());
        }
        let right = if self.global_pin() {
            matches!(self.preference, 0x10 | 0x20)
        } else {
            self.preference == 0x00
        };
        if !right {
            violation(format!(
                "second byte {:02X}, expected {}",
                self.preference,
                if self.global_pin() { "10 or 20" } else { "00" }
            ));
        }
        findings
    }
}

impl fmt::Debug for PinUsagePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X} {:02X}", self.rules, self.preference)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::elements::tests::{damaged, holds_for_any_bytes};
    use super::*;

    #[test]
    fn the_object_has_eighteen_bytes_inside_its_tag() {
        let value = Discovery::new(PinUsagePolicy::PIN_ONLY).encode();
        assert_eq!(
            hex::encode_upper(&value),
            "4F0BA0000003080000100001005F2F024000"
        );
        assert_eq!(Discovery::parse(&value).unwrap().findings, []);
    }

    #[test]
    fn exactly_the_policies_of_the_standard_are_allowed() {
        let mut allowed = Vec::new();
        for rules in 0..=u8::MAX {
            for preference in 0..=u8::MAX {
                let policy = PinUsagePolicy { rules, preference };
                if policy.findings().is_empty() {
                    allowed.push((rules, preference));
                }
            }
        }
        let mut expected = Vec::new();
        for rules in [
            0x40, 0x48, 0x4C, 0x50, 0x58, 0x5C, 0x60, 0x68, 0x6C, 0x70, 0x78, 0x7C,
        ] {
            if rules & 0x20 == 0 {
                expected.push((rules, 0x00));
            } else {
                expected.extend([(rules, 0x10), (rules, 0x20)]);
            }
        }
        assert_eq!(allowed, expected);
    }

    #[test]
    fn the_bits_are_read() {
        let policy = PinUsagePolicy {
            rules: 0x68,
            preference: 0x20,
        };
        assert!(policy.global_pin() && policy.virtual_contact() && policy.pairing_code());
        assert!(!policy.on_card_comparison());
        assert_eq!(policy.primary(), PrimaryPin::Global);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed_back(
            aid in proptest::collection::vec(any::<u8>(), 0..20),
            rules in any::<u8>(),
            preference in any::<u8>(),
            extras in proptest::collection::vec(
                (0x80..0x9F_u32, proptest::collection::vec(any::<u8>(), 0..200)),
                0..3,
            ),
        ) {
            let discovery = Discovery {
                aid,
                policy: Some(PinUsagePolicy { rules, preference }),
                extras,
            };
            let parsed = Discovery::parse(&discovery.encode()).unwrap();
            prop_assert_eq!(parsed.value, discovery);
        }

        #[test]
        fn any_bytes_are_taken(
            bytes in damaged(Discovery::new(PinUsagePolicy::PIN_ONLY).encode()),
        ) {
            holds_for_any_bytes(&bytes, Discovery::parse, Discovery::encode);
        }
    }
}
