use std::fmt;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::frame::{FrameError, LONGEST_DATA};

/// Begins the text of every command.
const COMMAND: u8 = b'C';

/// What the device is asked to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// 30: before anything else.
    Initialise(OnStart),
    /// 31 30: the sensors that stand in every good answer.
    Status,
    /// 31 31: every sensor for itself.
    Sensors,
    /// 32: moves the card that is inside, or the next one of the stacker if there is none.
    Move(Target),
    /// 33: whether a card may be put in at the gate.
    Entry(bool),
    /// 50 30: what kind of contact card it is.
    CardType,
    /// 51 30: lowers the contacts and resets the card cold.
    PowerOn(Voltage),
    /// 51 31: takes the power away and lifts the contacts.
    PowerOff,
    /// 51 32: whether the card has power.
    CardState,
    /// 51 38: resets the card that has power.
    Reset,
    /// 51 33, 34 or 39: bytes to the card and back.
    Exchange(Carrier, Zeroizing<Vec<u8>>),
    /// A2: the serial number.
    Serial,
    /// A3: the configuration.
    Configuration,
    /// A4: the version of the firmware.
    Version,
    /// A5 30: how many cards went into the error bin.
    BinCounter,
}

/// What becomes of a card that is inside when the device starts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnStart {
    /// 30: it is moved to the gate.
    ToGate,
    /// 31: it is moved into the error bin.
    ToBin,
    /// 33: it stays where it is.
    Stay,
}

/// Where a card is moved.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Target {
    /// 30: held in the gate.
    Gate,
    /// 31: the IC position, under the contacts.
    Contacts,
    /// 32: the RF position, over the antenna.
    Antenna,
    /// 33: the error bin.
    Bin,
    /// 39: out of the gate.
    Out,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gate => "to the gate",
            Self::Contacts => "to the contacts",
            Self::Antenna => "to the antenna",
            Self::Bin => "into the error bin",
            Self::Out => "out of the gate",
        })
    }
}

/// How the card is powered.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub enum Voltage {
    /// 30: 5 V, and only a card that keeps to EMV.
    #[serde(rename = "emv-5v")]
    EmvFive,
    /// 33: 5 V.
    #[serde(rename = "iso-5v")]
    IsoFive,
    /// 35: 3 V.
    #[serde(rename = "iso-3v")]
    IsoThree,
}

/// Which of its ways the device talks to the card in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Carrier {
    /// 33: T=0.
    T0,
    /// 34: T=1.
    T1,
    /// 39: the device chooses.
    Automatic,
}

impl Command {
    /// The command and parameter bytes, which the answer repeats.
    #[must_use]
    pub const fn code(&self) -> [u8; 2] {
        match self {
            Self::Initialise(OnStart::ToGate) => [0x30, 0x30],
            Self::Initialise(OnStart::ToBin) => [0x30, 0x31],
            Self::Initialise(OnStart::Stay) => [0x30, 0x33],
            Self::Status => [0x31, 0x30],
            Self::Sensors => [0x31, 0x31],
            Self::Move(Target::Gate) => [0x32, 0x30],
            Self::Move(Target::Contacts) => [0x32, 0x31],
            Self::Move(Target::Antenna) => [0x32, 0x32],
            Self::Move(Target::Bin) => [0x32, 0x33],
            Self::Move(Target::Out) => [0x32, 0x39],
            Self::Entry(true) => [0x33, 0x30],
            Self::Entry(false) => [0x33, 0x31],
            Self::CardType => [0x50, 0x30],
            Self::PowerOn(_) => [0x51, 0x30],
            Self::PowerOff => [0x51, 0x31],
            Self::CardState => [0x51, 0x32],
            Self::Exchange(Carrier::T0, _) => [0x51, 0x33],
            Self::Exchange(Carrier::T1, _) => [0x51, 0x34],
            Self::Reset => [0x51, 0x38],
            Self::Exchange(Carrier::Automatic, _) => [0x51, 0x39],
            Self::Serial => [0xA2, 0x30],
            Self::Configuration => [0xA3, 0x30],
            Self::Version => [0xA4, 0x30],
            Self::BinCounter => [0xA5, 0x30],
        }
    }

    /// The text of its frame.
    ///
    /// # Errors
    ///
    /// [`FrameError::TooLong`] for more than [`LONGEST_DATA`] bytes to the card.
    pub fn text(&self) -> Result<Zeroizing<Vec<u8>>, FrameError> {
        let [command, parameter] = self.code();
        let mut text = Zeroizing::new(vec![COMMAND, command, parameter]);
        match self {
            Self::PowerOn(voltage) => text.push(match voltage {
                Voltage::EmvFive => 0x30,
                Voltage::IsoFive => 0x33,
                Voltage::IsoThree => 0x35,
            }),
            Self::Exchange(_, data) => {
                let length = data.len();
                if length > LONGEST_DATA {
                    return Err(FrameError::TooLong { length });
                }
                // Grown at once, so that no copy of a passcode is left behind.
                text.reserve_exact(length);
                text.extend_from_slice(data);
            }
            _ => {}
        }
        Ok(text)
    }

    /// Whether doing it twice is the same as doing it once, so that a frame may be sent again
    /// although the device may have heard it.
    #[must_use]
    pub const fn may_be_repeated(&self) -> bool {
        !matches!(
            self,
            Self::Move(_) | Self::Exchange(..) | Self::Initialise(OnStart::ToGate | OnStart::ToBin)
        )
    }

    /// Whether EOT ends it. Motions go on to their end.
    pub(super) const fn can_be_cancelled(&self) -> bool {
        !matches!(self, Self::Move(_) | Self::Initialise(_))
    }

    /// In words, behind "the answer to".
    #[must_use]
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Initialise(_) => "initialise",
            Self::Status | Self::Sensors => "say how it is",
            Self::Move(_) => "move the card",
            Self::Entry(_) => "open or close its gate",
            Self::CardType | Self::CardState => "look at the card",
            Self::PowerOn(_) | Self::Reset => "reset the card",
            Self::PowerOff => "switch the card off",
            Self::Exchange(..) => "pass a command to the card",
            Self::Serial | Self::Configuration | Self::Version => "say what it is",
            Self::BinCounter => "say what it has counted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_the_protocol_document() {
        for (command, text) in [
            (Command::Initialise(OnStart::Stay), &b"C03"[..]),
            (Command::Move(Target::Contacts), b"C21"),
            (Command::Move(Target::Out), b"C29"),
            (Command::PowerOn(Voltage::IsoFive), b"CQ03"),
            (Command::PowerOff, b"CQ1"),
            (
                Command::Exchange(Carrier::Automatic, Zeroizing::new(vec![0, 0xA4, 4, 0])),
                b"CQ9\x00\xA4\x04\x00",
            ),
            (Command::BinCounter, b"C\xA50"),
        ] {
            assert_eq!(command.text().unwrap()[..], *text);
        }
    }

    #[test]
    fn more_than_a_frame_holds_is_refused_before_it_is_sent() {
        let exchange =
            |length| Command::Exchange(Carrier::T1, Zeroizing::new(vec![0; length])).text();
        assert_eq!(exchange(LONGEST_DATA).unwrap().len(), 3 + LONGEST_DATA);
        assert_eq!(exchange(513), Err(FrameError::TooLong { length: 513 }));
    }

    #[test]
    fn nothing_that_moves_a_card_or_reaches_its_chip_may_be_repeated() {
        for target in [
            Target::Gate,
            Target::Contacts,
            Target::Antenna,
            Target::Bin,
            Target::Out,
        ] {
            assert!(!Command::Move(target).may_be_repeated());
            assert!(!Command::Move(target).can_be_cancelled());
        }
        assert!(!Command::Initialise(OnStart::ToBin).may_be_repeated());
        assert!(!Command::Exchange(Carrier::T0, Zeroizing::default()).may_be_repeated());
        assert!(Command::Status.may_be_repeated());
        assert!(Command::Initialise(OnStart::Stay).may_be_repeated());
    }
}
