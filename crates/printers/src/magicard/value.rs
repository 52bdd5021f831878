//! Single values of the printer's own table: `REQ,STA` and its reply.

use super::reply::{ReplyError, body, latin};
use super::words::REPLY_START;

/// What can be asked for by name, as selphy_print does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StaKey {
    /// `MSR`: serial number of the printer.
    PrinterSerial,
    /// `PSR`: serial number of the head.
    HeadSerial,
    /// `BSR`: serial number of the board.
    BoardSerial,
    /// `VRS`: firmware version.
    Firmware,
    /// `FDC`: a setting of the head.
    HeadDensity,
    /// `FSP`: a setting of the head: start of the picture.
    ImageStart,
    /// `FEP`: a setting of the head: end of the picture.
    ImageEnd,
    /// `FSS`: a setting of the head.
    HeadSpeed,
    /// `FPP`: a setting of the head: its position.
    HeadPosition,
    /// `MDL`: model.
    Model,
    /// `PID`: USB product number.
    UsbProduct,
    /// `VID`: USB vendor number.
    UsbVendor,
    /// `USN`: USB serial number.
    UsbSerial,
    /// `UPN`: USB product name.
    UsbName,
    /// `MAC`: address of the network interface.
    Mac,
    /// `DYN`: whether the address is given by the network.
    Dynamic,
    /// `IPA`: internet address.
    Address,
    /// `SNM`: subnet mask.
    Subnet,
    /// `GWY`: gateway.
    Gateway,
    /// `TCQ`: cards in all.
    Cards,
    /// `TCP`: cards on this head.
    CardsOnHead,
    /// `TCN`: cleanings.
    Cleanings,
    /// `CCQ`: cards since the last cleaning.
    CardsSinceCleaning,
    /// `TPQ`: panels in all.
    Panels,
    /// `CCP`: cards between cleanings.
    CardsBetweenCleanings,
    /// `CPQ`: panels since the last cleaning.
    PanelsSinceCleaning,
    /// `DFR`: sides left on the film.
    FilmLeft,
    /// `CLP`: whether the printer asks for cleaning.
    CleaningPrompt,
}

impl StaKey {
    /// All of them, with their names.
    pub const ALL: [(Self, &'static str); 28] = [
        (Self::PrinterSerial, "MSR"),
        (Self::HeadSerial, "PSR"),
        (Self::BoardSerial, "BSR"),
        (Self::Firmware, "VRS"),
        (Self::HeadDensity, "FDC"),
        (Self::ImageStart, "FSP"),
        (Self::ImageEnd, "FEP"),
        (Self::HeadSpeed, "FSS"),
        (Self::HeadPosition, "FPP"),
        (Self::Model, "MDL"),
        (Self::UsbProduct, "PID"),
        (Self::UsbVendor, "VID"),
        (Self::UsbSerial, "USN"),
        (Self::UsbName, "UPN"),
        (Self::Mac, "MAC"),
        (Self::Dynamic, "DYN"),
        (Self::Address, "IPA"),
        (Self::Subnet, "SNM"),
        (Self::Gateway, "GWY"),
        (Self::Cards, "TCQ"),
        (Self::CardsOnHead, "TCP"),
        (Self::Cleanings, "TCN"),
        (Self::CardsSinceCleaning, "CCQ"),
        (Self::Panels, "TPQ"),
        (Self::CardsBetweenCleanings, "CCP"),
        (Self::PanelsSinceCleaning, "CPQ"),
        (Self::FilmLeft, "DFR"),
        (Self::CleaningPrompt, "CLP"),
    ];

    /// The three letters on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        let mut known = Self::ALL.iter();
        known
            .find(|(key, _)| *key == self)
            .map_or("", |(_, name)| name)
    }
}

/// A reply to `REQ,STA`: `01`, seven characters (`STA,MSR`), the value, `2C 03`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StaReply {
    /// The three letters of the key.
    pub key: String,
    /// The value.
    pub value: String,
}

impl StaReply {
    /// Takes a reply apart, from `01` to `03`.
    ///
    /// # Errors
    ///
    /// [`ReplyError`].
    pub fn parse(reply: &[u8]) -> Result<Self, ReplyError> {
        let other = ReplyError::NotThisReply {
            expected: "a value (`STA,` and a key)",
        };
        let body = body(reply)?;
        let rest = body
            .strip_prefix(REPLY_START)
            .and_then(|rest| rest.strip_prefix(b","))
            .ok_or(other.clone())?;
        let (key, value) = rest.split_at_checked(3).ok_or(other)?;
        Ok(Self {
            key: latin(key),
            value: latin(value.strip_suffix(b",").unwrap_or(value)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_key_has_three_letters_of_its_own() {
        let names: HashSet<_> = StaKey::ALL.iter().map(|(key, _)| key.name()).collect();
        assert_eq!(names.len(), StaKey::ALL.len());
        assert!(names.iter().all(|name| name.len() == 3));
    }

    #[test]
    fn a_value_is_read_and_other_replies_are_told_apart() {
        let reply = StaReply::parse(b"\x01STA,MSR52P2207,\x03").unwrap();
        assert_eq!(
            (reply.key.as_str(), reply.value.as_str()),
            ("MSR", "52P2207")
        );
        for other in [
            &b"\x01STA$$19,Enduro\x03"[..],
            b"\x01STA\n00:00\n(c)\x03",
            b"\x01STA,M\x03",
        ] {
            assert!(matches!(
                StaReply::parse(other),
                Err(ReplyError::NotThisReply { .. })
            ));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_value_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = StaReply::parse(&bytes);
            let framed = [b"\x01STA,".as_slice(), &bytes, b"\x03"].concat();
            if let Ok(reply) = StaReply::parse(&framed) {
                prop_assert_eq!(reply.key.chars().count(), 3);
            }
        }
    }
}
