//! What a reader can do beyond passing bytes: the features of *Interoperability Specification for
//! ICCs and Personal Computer Systems, Part 10: IFDs with Secure PIN Entry Capabilities*
//! (PC/SC Workgroup, 2.02.09), of which a PIN pad is the one that matters here.

use std::ffi::CString;
use std::fmt;
use std::time::Duration;

use iso7816::LinkError;
use pcsc::{Card, Error, Protocols, ShareMode, ctl_code};
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::error::{During, link_error};
use crate::service::Service;

/// The function of CM_IOCTL_GET_FEATURE_REQUEST (2.2).
const GET_FEATURE_REQUEST: u32 = 3400;
/// Room for every feature there can be, six bytes each, and for the properties.
const LONGEST: usize = 2048;

/// A feature by its tag (2.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Feature(pub u8);

impl Feature {
    /// VERIFY with the PIN from the reader's own keys, begun and ended in two calls.
    pub const VERIFY_PIN_START: Self = Self(0x01);
    /// VERIFY with the PIN from the reader's own keys.
    pub const VERIFY_PIN_DIRECT: Self = Self(0x06);
    /// CHANGE REFERENCE DATA with both PINs from the reader's own keys.
    pub const MODIFY_PIN_DIRECT: Self = Self(0x07);
    /// What display and keys the reader has: [`PinProperties`].
    pub const IFD_PIN_PROPERTIES: Self = Self(0x0A);
    /// The same and more as a list: [`TlvProperties`].
    pub const GET_TLV_PROPERTIES: Self = Self(0x12);

    /// The names of part 10, by tag from 1.
    const NAMES: [&'static str; 0x14] = [
        "FEATURE_VERIFY_PIN_START",
        "FEATURE_VERIFY_PIN_FINISH",
        "FEATURE_MODIFY_PIN_START",
        "FEATURE_MODIFY_PIN_FINISH",
        "FEATURE_GET_KEY_PRESSED",
        "FEATURE_VERIFY_PIN_DIRECT",
        "FEATURE_MODIFY_PIN_DIRECT",
        "FEATURE_MCT_READER_DIRECT",
        "FEATURE_MCT_UNIVERSAL",
        "FEATURE_IFD_PIN_PROPERTIES",
        "FEATURE_ABORT",
        "FEATURE_SET_SPE_MESSAGE",
        "FEATURE_VERIFY_PIN_DIRECT_APP_ID",
        "FEATURE_MODIFY_PIN_DIRECT_APP_ID",
        "FEATURE_WRITE_DISPLAY",
        "FEATURE_GET_KEY",
        "FEATURE_IFD_DISPLAY_PROPERTIES",
        "FEATURE_GET_TLV_PROPERTIES",
        "FEATURE_CCID_ESC_COMMAND",
        "FEATURE_EXECUTE_PACE",
    ];

    /// Its name in part 10.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        let at = usize::from(self.0).checked_sub(1)?;
        Self::NAMES.get(at).copied()
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "feature {:02X}", self.0),
        }
    }
}

impl Serialize for Feature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A feature and the control code it is used by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FeatureCode {
    /// Which.
    pub feature: Feature,
    /// What SCardControl is called with.
    pub control: u32,
}

/// Reads the answer to CM_IOCTL_GET_FEATURE_REQUEST: tag, length 4, control code with its highest
/// byte first (2.2).
///
/// # Errors
///
/// [`FeatureError`].
pub fn parse_features(bytes: &[u8]) -> Result<Vec<FeatureCode>, FeatureError> {
    let mut features = Vec::new();
    for (tag, value) in Tlv(bytes) {
        let value = value?;
        let control = value.try_into().map_err(|_| FeatureError::Length {
            tag,
            length: value.len(),
        })?;
        features.push(FeatureCode {
            feature: Feature(tag),
            control: u32::from_be_bytes(control),
        });
    }
    Ok(features)
}

/// PIN_PROPERTIES_STRUCTURE (2.6.8).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PinProperties {
    /// Characters and lines of the display, `0000` for none: `wLcdLayout`.
    pub lcd_layout: u16,
    /// How the entry can end, in bits: 1 longest PIN reached, 2 key pressed, 4 time-out.
    pub entry_validation: u8,
    /// Whether the reader knows a time-out between keys: `bTimeOut2`.
    pub time_out2: u8,
}

impl PinProperties {
    /// Reads them; numbers are in the order of the machine, which is the lowest byte first
    /// everywhere this runs.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Properties`] for another length than 4.
    pub fn parse(bytes: &[u8]) -> Result<Self, FeatureError> {
        match *bytes {
            [low, high, entry_validation, time_out2] => Ok(Self {
                lcd_layout: u16::from_le_bytes([low, high]),
                entry_validation,
                time_out2,
            }),
            _ => Err(FeatureError::Properties {
                length: bytes.len(),
            }),
        }
    }
}

/// What FEATURE_GET_TLV_PROPERTIES says (2.6.14); nothing for what it does not.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TlvProperties {
    /// Tag 1, `wLcdLayout`.
    pub lcd_layout: Option<u16>,
    /// Tag 2, `bEntryValidationCondition`.
    pub entry_validation: Option<u8>,
    /// Tag 3, `bTimeOut2`.
    pub time_out2: Option<u8>,
    /// Tag 4, `wLcdMaxCharacters`.
    pub lcd_characters: Option<u16>,
    /// Tag 5, `wLcdMaxLines`.
    pub lcd_lines: Option<u16>,
    /// Tag 6, `bMinPINSize`.
    pub shortest_pin: Option<u8>,
    /// Tag 7, `bMaxPINSize`.
    pub longest_pin: Option<u8>,
    /// Tag 8, `sFirmwareID`.
    pub firmware: Option<String>,
    /// Tag 9, `bPPDUSupport`, in bits: 1 by SCardControl, 2 by SCardTransmit.
    pub ppdu: Option<u8>,
    /// Tag 10, `dwMaxAPDUDataSize`: 0 short APDUs only, else the most data bytes.
    pub longest_apdu_data: Option<u32>,
    /// Tag 11, `wIdVendor`.
    pub vendor: Option<u16>,
    /// Tag 12, `wIdProduct`.
    pub product: Option<u16>,
    /// Tags nobody here knows.
    pub unknown: Vec<u8>,
}

impl TlvProperties {
    /// Reads them; numbers are in the order of the machine, the lowest byte first.
    ///
    /// # Errors
    ///
    /// [`FeatureError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FeatureError> {
        let mut properties = Self::default();
        for (tag, value) in Tlv(bytes) {
            let value = value?;
            let number = |size: usize| -> Result<u32, FeatureError> {
                if value.len() != size {
                    let length = value.len();
                    return Err(FeatureError::Length { tag, length });
                }
                let bytes = value.iter().rev();
                Ok(bytes.fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
            };
            let byte = || number(1).map(|number| Some(number as u8));
            let word = || number(2).map(|number| Some(number as u16));
            match tag {
                1 => properties.lcd_layout = word()?,
                2 => properties.entry_validation = byte()?,
                3 => properties.time_out2 = byte()?,
                4 => properties.lcd_characters = word()?,
                5 => properties.lcd_lines = word()?,
                6 => properties.shortest_pin = byte()?,
                7 => properties.longest_pin = byte()?,
                8 => {
                    let text = String::from_utf8_lossy(value);
                    let shown = text.trim_end_matches('\0').chars();
                    let shown = shown.filter(|letter| !letter.is_control()).collect();
                    properties.firmware = Some(shown);
                }
                9 => properties.ppdu = byte()?,
                10 => properties.longest_apdu_data = Some(number(4)?),
                11 => properties.vendor = word()?,
                12 => properties.product = word()?,
                other => properties.unknown.push(other),
            }
        }
        Ok(properties)
    }
}

/// Elements of a tag byte, a length byte and a value.
struct Tlv<'a>(&'a [u8]);

impl<'a> Iterator for Tlv<'a> {
    type Item = (u8, Result<&'a [u8], FeatureError>);

    fn next(&mut self) -> Option<Self::Item> {
        let (&tag, rest) = self.0.split_first()?;
        let cut = (tag, Err(FeatureError::Cut { tag }));
        self.0 = &[];
        let Some((&length, rest)) = rest.split_first() else {
            return Some(cut);
        };
        let Some((value, rest)) = rest.split_at_checked(usize::from(length)) else {
            return Some(cut);
        };
        self.0 = rest;
        Some((tag, Ok(value)))
    }
}

/// Why what a reader says of itself cannot be read.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum FeatureError {
    /// It ends in the middle of an element.
    #[error("the list ends within the element of tag {tag:02X}")]
    Cut {
        /// The tag of the element.
        tag: u8,
    },
    /// An element has another length than its kind.
    #[error("the element of tag {tag:02X} is {length} bytes long")]
    Length {
        /// The tag of the element.
        tag: u8,
        /// Its length.
        length: usize,
    },
    /// PIN properties of another length.
    #[error("the PIN properties are {length} bytes long, expected 4")]
    Properties {
        /// Their length.
        length: usize,
    },
}

/// What a reader says of itself.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Features {
    /// What it can do, in its own order.
    pub list: Vec<Feature>,
    /// Of its display and keys.
    pub pin: Option<PinProperties>,
    /// The same and more.
    pub properties: Option<TlvProperties>,
}

impl Features {
    /// Whether a PIN can be typed at the reader itself.
    #[must_use]
    pub fn has_pin_pad(&self) -> bool {
        self.list.iter().any(|feature| {
            matches!(
                *feature,
                Feature::VERIFY_PIN_DIRECT | Feature::VERIFY_PIN_START
            )
        })
    }
}

impl Service {
    /// What the reader of this name can do. A driver that does not know the question has nothing
    /// to offer. The card, if there is one, is left alone.
    ///
    /// # Errors
    ///
    /// [`LinkError::SharedElsewhere`] while another program holds the card exclusively, others as
    /// the service says, [`LinkError::OutOfOrder`] for an answer that cannot be read.
    pub fn features_of(&self, reader: &str) -> Result<Features, LinkError> {
        let wrong = |error| link_error(error, During::Connecting, reader, Duration::ZERO);
        let name = CString::new(reader).map_err(|_| wrong(Error::UnknownReader))?;
        let connected =
            self.with(|context| context.connect(&name, ShareMode::Direct, Protocols::UNDEFINED));
        let card = connected.map_err(wrong)?;
        let read = read(&card).map_err(|error| LinkError::OutOfOrder {
            reader: reader.to_owned(),
            detail: format!("what it says it can do: {error}"),
            next: "use it without its PIN pad, or install another driver",
        });
        match card.disconnect(pcsc::Disposition::LeaveCard) {
            Ok(()) => read,
            Err((_, error)) => read.and(Err(wrong(error))),
        }
    }
}

fn read(card: &Card) -> Result<Features, FeatureError> {
    let mut buffer = vec![0; LONGEST];
    let Ok(said) = card.control(ctl_code(GET_FEATURE_REQUEST.into()), &[], &mut buffer) else {
        return Ok(Features::default());
    };
    let codes = parse_features(said)?;
    let mut ask = |feature: Feature| {
        let code = codes.iter().find(|code| code.feature == feature)?;
        // A driver that offers a question and does not answer it has said nothing.
        let said = card.control(code.control.into(), &[], &mut buffer).ok()?;
        Some(said.to_vec())
    };
    let pin = ask(Feature::IFD_PIN_PROPERTIES);
    let properties = ask(Feature::GET_TLV_PROPERTIES);
    Ok(Features {
        list: codes.iter().map(|code| code.feature).collect(),
        pin: pin.map(|bytes| PinProperties::parse(&bytes)).transpose()?,
        properties: properties
            .map(|bytes| TlvProperties::parse(&bytes))
            .transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As libccid answers for a reader with PIN pad: SCARD_CTL_CODE(tag + 330000h), highest byte
    /// first (LudovicRousseau/CCID, `src/ifdhandler.c`).
    const PIN_PAD: [u8; 24] = [
        0x06, 0x04, 0x42, 0x33, 0x00, 0x06, //
        0x07, 0x04, 0x42, 0x33, 0x00, 0x07, //
        0x0A, 0x04, 0x42, 0x33, 0x00, 0x0A, //
        0x12, 0x04, 0x42, 0x33, 0x00, 0x12,
    ];

    #[test]
    fn the_features_of_a_pin_pad_are_named() {
        let codes = parse_features(&PIN_PAD).unwrap();
        let names: Vec<String> = codes.iter().map(|code| code.feature.to_string()).collect();
        assert_eq!(
            names,
            [
                "FEATURE_VERIFY_PIN_DIRECT",
                "FEATURE_MODIFY_PIN_DIRECT",
                "FEATURE_IFD_PIN_PROPERTIES",
                "FEATURE_GET_TLV_PROPERTIES",
            ]
        );
        assert_eq!(codes[0].control, 0x4233_0006);
        let features = Features {
            list: codes.iter().map(|code| code.feature).collect(),
            ..Features::default()
        };
        assert!(features.has_pin_pad());
        assert!(!Features::default().has_pin_pad());
        assert_eq!(Feature(0x14).name(), Some("FEATURE_EXECUTE_PACE"));
        assert_eq!(Feature(0).to_string(), "feature 00");
        assert_eq!(Feature(0x7F).to_string(), "feature 7F");
    }

    #[test]
    fn a_list_that_is_cut_or_odd_is_refused() {
        assert_eq!(parse_features(&[]), Ok(Vec::new()));
        for end in [1, 2, 5, 7, 23] {
            let cut = parse_features(&PIN_PAD[..end]);
            assert!(matches!(cut, Err(FeatureError::Cut { .. })), "{end}");
        }
        assert_eq!(
            parse_features(&[6, 2, 1, 2]),
            Err(FeatureError::Length { tag: 6, length: 2 })
        );
    }

    #[test]
    fn properties_are_read_with_the_lowest_byte_first() {
        // Two lines of sixteen characters, the entry ends with a key.
        let properties = PinProperties::parse(&[0x10, 0x02, 0x02, 0x00]).unwrap();
        assert_eq!(properties.lcd_layout, 0x0210);
        assert_eq!(properties.entry_validation, 2);
        assert!(PinProperties::parse(&[0; 6]).is_err());

        let bytes = [
            &[1, 2, 0x10, 0x02, 2, 1, 7, 3, 1, 0, 6, 1, 4, 7, 1, 16][..],
            &[8, 6, b'V', b'1', b'.', b'2', b'0', 0],
            &[
                9, 1, 1, 10, 4, 0, 1, 0, 0, 11, 2, 0xE6, 0x08, 12, 2, 0x37, 0x34,
            ],
            &[0x40, 1, 9],
        ]
        .concat();
        let properties = TlvProperties::parse(&bytes).unwrap();
        assert_eq!(properties.lcd_layout, Some(0x0210));
        assert_eq!(properties.shortest_pin, Some(4));
        assert_eq!(properties.longest_pin, Some(16));
        assert_eq!(properties.firmware.as_deref(), Some("V1.20"));
        assert_eq!(properties.longest_apdu_data, Some(256));
        assert_eq!(properties.vendor, Some(0x08E6));
        assert_eq!(properties.product, Some(0x3437));
        assert_eq!(properties.unknown, [0x40]);
        assert_eq!(
            TlvProperties::parse(&[11, 1, 8]),
            Err(FeatureError::Length { tag: 11, length: 1 })
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_features_or_a_typed_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            if let Ok(codes) = parse_features(&bytes) {
                prop_assert_eq!(codes.len() * 6, bytes.len());
            }
            let _ = PinProperties::parse(&bytes);
            let _ = TlvProperties::parse(&bytes);
        }

        #[test]
        fn a_list_of_codes_comes_back(codes in proptest::collection::vec(any::<(u8, u32)>(), 0..30)) {
            let mut bytes = Vec::new();
            for (tag, control) in &codes {
                bytes.extend([*tag, 4]);
                bytes.extend(control.to_be_bytes());
            }
            let read = parse_features(&bytes).unwrap();
            let read: Vec<_> = read.iter().map(|code| (code.feature.0, code.control)).collect();
            prop_assert_eq!(read, codes);
        }
    }
}
