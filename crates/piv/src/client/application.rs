use iso7816::ber::{self, Tag};
use serde::Serialize;

use crate::Finding;
use crate::words::{AID, Algorithm};

const CLAUSE: &str = "SP 800-73-5 Part 2, 3.1.1, Table 3";

/// What the card says about its PIV application when it is selected: the application property
/// template (SP 800-73-5 Part 2, 3.1.1, Table 3), and the extended length information of
/// ISO/IEC 7816-4 that some cards add after it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct ApplicationProperties {
    /// Tag 4F as it stood: the whole identifier, or only its extension (PIX) on some cards.
    pub aid: Vec<u8>,
    /// The application version from the identifier, `[1, 0]` for every edition so far.
    pub version: Option<[u8; 2]>,
    /// Tag 50: the product's name.
    pub label: Option<String>,
    /// Tag 5F50: where its documentation is.
    pub url: Option<String>,
    /// Tag AC: the algorithm identifiers listed, as bytes. Most cards list only their secure
    /// messaging suite, many nothing at all.
    pub algorithms: Vec<u8>,
    /// Tag 7F66.
    pub extended_length: Option<ExtendedLength>,
    /// What is worth telling.
    pub findings: Vec<Finding>,
    /// The response as it came.
    pub raw: Vec<u8>,
}

/// Extended length information, tag 7F66 (ISO/IEC 7816-4:2020, 12.7.1): the longest APDUs the
/// card takes and gives, length fields and status word included.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct ExtendedLength {
    /// Most bytes in a command APDU.
    pub command: u32,
    /// Most bytes in a response APDU.
    pub response: u32,
}

impl ExtendedLength {
    /// What a card may be taken to mean that announces extended length without limits.
    pub(crate) const UNLIMITED: Self = Self {
        command: 65_544,
        response: 65_538,
    };

    /// Most data bytes in one command: without CLA to P2, extended Lc and extended Le.
    #[must_use]
    pub fn command_data(self) -> usize {
        usize::try_from(self.command.saturating_sub(9))
            .unwrap_or(usize::MAX)
            .min(65_535)
    }

    /// Most data bytes in one response: without the status word.
    #[must_use]
    pub fn response_data(self) -> u32 {
        self.response.saturating_sub(2).min(65_536)
    }
}

impl ApplicationProperties {
    /// Parses the answer to SELECT. Never fails: what cannot be read becomes a finding.
    #[must_use]
    pub fn parse(response: &[u8]) -> Self {
        let mut properties = Self {
            raw: response.to_vec(),
            ..Self::default()
        };
        let mut template = None;
        for object in ber::Reader::new(response) {
            match object {
                Ok(object) if object.tag == Tag(0x61) => template = Some(object),
                Ok(object) if object.tag == Tag(0x7F66) => {
                    properties.read_extended_length(object.value);
                }
                Ok(object) => properties.note(Finding::info(
                    CLAUSE,
                    format!("object `{}` beside the template", object.tag),
                )),
                Err(error) => properties.note(Finding::violation(
                    CLAUSE,
                    format!("answer to SELECT: {error}"),
                )),
            }
        }
        match template {
            Some(template) => properties.read_template(template),
            None => properties.note(Finding::violation(
                CLAUSE,
                "answer to SELECT has no application property template `61`",
            )),
        }
        properties
    }

    /// Whether the card lists this algorithm. Absence means little: see
    /// [`ApplicationProperties::algorithms`].
    #[must_use]
    pub fn lists(&self, algorithm: Algorithm) -> bool {
        self.algorithms
            .iter()
            .any(|byte| Algorithm::from_byte(*byte) == Some(algorithm))
    }

    /// The secure messaging suite the card supports, if any.
    #[must_use]
    pub fn secure_messaging(&self) -> Option<Algorithm> {
        [Algorithm::CipherSuite2, Algorithm::CipherSuite7]
            .into_iter()
            .find(|suite| self.lists(*suite))
    }

    fn read_template(&mut self, template: ber::Object<'_>) {
        let mut authority = false;
        for object in template.children() {
            let object = match object {
                Ok(object) => object,
                Err(error) => {
                    self.note(Finding::violation(
                        CLAUSE,
                        format!("application property template: {error}"),
                    ));
                    break;
                }
            };
            match object.tag.0 {
                0x4F => self.aid = object.value.to_vec(),
                0x79 => authority = true,
                0x50 => self.label = Some(text(object.value)),
                0x5F50 => self.url = Some(text(object.value)),
                0xAC => self.read_algorithms(object),
                0x7F66 => self.read_extended_length(object.value),
                _ => self.note(Finding::info(
                    CLAUSE,
                    format!("unknown object `{}` in the template", object.tag),
                )),
            }
        }
        self.read_identifier();
        if !authority {
            self.note(Finding::violation(
                CLAUSE,
                "no tag allocation authority `79` in the template",
            ));
        }
    }

    fn read_identifier(&mut self) {
        let provider = &AID[..5];
        let extension = match self.aid.strip_prefix(provider) {
            Some(extension) => extension,
            None => &self.aid,
        };
        self.version = match extension.strip_prefix(&AID[5..9]) {
            Some([major, minor]) => Some([*major, *minor]),
            _ => None,
        };
        let finding = if self.aid == AID {
            None
        } else if self.version.is_none() {
            Some(Finding::violation(
                CLAUSE,
                format!(
                    "application identifier `{}`, expected `{}`",
                    hex::encode_upper(&self.aid),
                    hex::encode_upper(AID)
                ),
            ))
        } else if self.aid.starts_with(provider) {
            Some(Finding::warning(
                CLAUSE,
                format!(
                    "application version `{}`, expected `0100`",
                    hex::encode_upper(self.version.unwrap_or_default())
                ),
            ))
        } else {
            Some(Finding::info(
                CLAUSE,
                "application identifier without its provider part",
            ))
        };
        if let Some(finding) = finding {
            self.note(finding);
        }
    }

    fn read_algorithms(&mut self, algorithms: ber::Object<'_>) {
        for object in algorithms.children() {
            match object {
                Ok(object) => match (object.tag.0, object.value) {
                    (0x80, [algorithm]) => self.algorithms.push(*algorithm),
                    (0x06, _) => {}
                    _ => self.note(Finding::warning(
                        CLAUSE,
                        format!("object `{}` in the list of algorithms", object.tag),
                    )),
                },
                Err(error) => self.note(Finding::violation(
                    CLAUSE,
                    format!("list of algorithms: {error}"),
                )),
            }
        }
        if self.lists(Algorithm::CipherSuite2) && self.lists(Algorithm::CipherSuite7) {
            self.note(Finding::violation(
                CLAUSE,
                "both secure messaging suites listed, one is allowed",
            ));
        }
    }

    fn read_extended_length(&mut self, value: &[u8]) {
        let numbers: Vec<u32> = ber::Reader::new(value)
            .map_while(Result::ok)
            .filter(|object| object.tag == Tag(0x02) && (1..=4).contains(&object.value.len()))
            .map(|object| {
                object
                    .value
                    .iter()
                    .fold(0, |number, byte| number << 8 | u32::from(*byte))
            })
            .collect();
        match numbers[..] {
            [command, response] if command > 264 && response > 258 => {
                self.extended_length = Some(ExtendedLength { command, response });
            }
            _ => self.note(Finding::warning(
                "ISO/IEC 7816-4:2020, 12.7.1",
                format!(
                    "extended length information `{}` is not two lengths beyond the short ones",
                    hex::encode_upper(value)
                ),
            )),
        }
    }

    fn note(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}

/// Whether the card capabilities in the historical bytes of an answer to reset announce extended
/// Lc and Le fields (ISO/IEC 7816-4:2020, 12.2.2, third software function table, bit 7).
pub(crate) fn atr_announces_extended(atr: &[u8]) -> bool {
    let Some(historical) = historical_bytes(atr) else {
        return false;
    };
    // Category 80: COMPACT-TLV to the end. Category 00: the same, then three status bytes.
    let objects = match historical {
        [0x80, objects @ ..] => objects,
        [0x00, objects @ .., _, _, _] => objects,
        _ => return false,
    };
    let mut rest = objects;
    while let [header, after @ ..] = rest {
        let length = usize::from(header & 0x0F);
        let Some((value, after)) = after.split_at_checked(length) else {
            return false;
        };
        if header >> 4 == 7 {
            return value.get(2).is_some_and(|table| table & 0x40 != 0);
        }
        rest = after;
    }
    false
}

/// The historical bytes (ISO/IEC 7816-3, 8.2).
fn historical_bytes(atr: &[u8]) -> Option<&[u8]> {
    let format = *atr.get(1)?;
    let mut position = 2;
    let mut presence = format >> 4;
    loop {
        let interface_bytes = usize::try_from(presence.count_ones()).ok()?;
        let has_more = presence & 0x08 != 0;
        position += interface_bytes;
        if !has_more {
            break;
        }
        // TD is the last of its group.
        presence = *atr.get(position - 1)? >> 4;
    }
    atr.get(position..position + usize::from(format & 0x0F))
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID_ONE: &str = "612A4F0BA00000030800001000010079074F05A000000308500A49442D4F6E6520504956\
                          AC06800127060100 7F6608020203F802027FFF";

    fn bytes(digits: &str) -> Vec<u8> {
        hex::decode(digits.replace(char::is_whitespace, "")).unwrap()
    }

    #[test]
    fn the_template_of_an_id_one_card_is_read_past_its_end() {
        let properties = ApplicationProperties::parse(&bytes(ID_ONE));
        assert_eq!(properties.findings, []);
        assert_eq!(properties.version, Some([1, 0]));
        assert_eq!(properties.label.as_deref(), Some("ID-One PIV"));
        assert_eq!(properties.secure_messaging(), Some(Algorithm::CipherSuite2));
        let limits = properties.extended_length.unwrap();
        assert_eq!(
            limits,
            ExtendedLength {
                command: 1016,
                response: 32_767
            }
        );
        assert_eq!(
            (limits.command_data(), limits.response_data()),
            (1007, 32_765)
        );
    }

    #[test]
    fn an_identifier_without_provider_is_taken_with_a_remark() {
        let properties =
            ApplicationProperties::parse(&bytes("61114F0600001000010079074F05A000000308"));
        assert_eq!(properties.version, Some([1, 0]));
        assert_eq!(properties.findings.len(), 1);
        assert_eq!(properties.findings[0].severity, crate::Severity::Info);
    }

    #[test]
    fn the_answer_to_reset_tells_of_extended_length() {
        // ID-One PIV: historical bytes 80 31 C1 52 41 1A 2B, no card capabilities.
        assert!(!atr_announces_extended(&bytes(
            "3BD6970081B1FE451F878031C152411A2B"
        )));
        // Historical bytes 80 73 00 21 C0: chaining and extended length.
        assert!(atr_announces_extended(&bytes("3B858001807300 21C0 00")));
        assert!(!atr_announces_extended(&bytes("3B85800180730021 80 00")));
    }

    proptest! {
        #[test]
        fn any_answer_is_taken(answer in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = ApplicationProperties::parse(&answer);
            let _ = atr_announces_extended(&answer);
        }

        #[test]
        fn any_change_to_a_real_answer_is_taken(at in 0_usize..55, to in any::<u8>()) {
            let mut answer = bytes(ID_ONE);
            answer[at] = to;
            let _ = ApplicationProperties::parse(&answer);
        }
    }
}
