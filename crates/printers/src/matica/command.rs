//! Commands: a code, a length, and as many bytes.

use ground::{Blame, Blamed};
use thiserror::Error;

use super::frame::Frame;
use super::words::{command, host};

/// Turn the card over on the way, or after the transfer.
const FLIP: u8 = 0x10;
/// Bring the film into its place on the way.
const FILM: u8 = 0x80;
/// Contactless instead of contacts.
const CONTACTLESS: u8 = 0x10;
/// Open instead of close.
const RELEASE: u8 = 0x40;

/// What the host tells the printer to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// Is there anything wrong?
    Status,
    /// Where is the card?
    Position,
    /// Begin anew.
    Initialise,
    /// A card from the hopper to a station.
    Load {
        /// Where it goes.
        to: Station,
        /// Whether it is turned over.
        flip: bool,
        /// Whether the film is brought into its place.
        film: bool,
    },
    /// The card inside to a station.
    Move {
        /// Where it goes.
        to: Station,
        /// Whether it is turned over.
        flip: bool,
        /// Whether the film is brought into its place.
        film: bool,
    },
    /// Ink of the layers that were sent on the film.
    Print {
        /// Buffer and marks, usually 0.
        options: u8,
        /// Which layers.
        planes: Planes,
    },
    /// Film on the card.
    Transfer {
        /// Where the card goes: [`Station::Print`] back under the film, [`Station::Eject`] out.
        to: Station,
        /// Whether it is turned over.
        flip: bool,
        /// Whether four zero bytes follow; sources have both forms.
        long: bool,
    },
    /// Contacts or antenna on the card, or off it.
    Contacts {
        /// Whether it is the antenna.
        contactless: bool,
        /// Whether it goes off.
        release: bool,
    },
    /// A command that is not drawn here, such as those of the magnetic stripe.
    Other {
        /// Its code.
        code: u8,
        /// What follows the length.
        bytes: Vec<u8>,
    },
}

/// A place a card can be sent to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Station {
    /// Under the film.
    Print,
    /// On the contacts.
    Contacts,
    /// Over the antenna.
    Contactless,
    /// At the magnetic head.
    Stripe,
    /// In the reject tray.
    Reject,
    /// In the output tray.
    Eject,
}

/// A set of layers.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Planes(pub u8);

impl Station {
    const ALL: [Self; 6] = [
        Self::Print,
        Self::Contacts,
        Self::Contactless,
        Self::Stripe,
        Self::Reject,
        Self::Eject,
    ];

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The one of that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl Command {
    /// The bytes of a command frame's data, without filling.
    ///
    /// # Panics
    ///
    /// If [`Command::Other`] has more than 255 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let flags = |flip: bool, film: bool| (u8::from(flip) * FLIP) | (u8::from(film) * FILM);
        let two = |code: u8, first: u8, second: u8| vec![code, 2, first, second];
        match self {
            Self::Status => two(command::STATUS, 0, 0),
            Self::Position => two(command::POSITION, 0, 0),
            Self::Initialise => two(command::INITIALISE, 0, 0),
            Self::Load { to, flip, film } => two(command::LOAD, flags(*flip, *film), to.number()),
            Self::Move { to, flip, film } => two(command::MOVE, flags(*flip, *film), to.number()),
            Self::Print { options, planes } => two(command::PRINT, *options, planes.0),
            Self::Transfer { to, flip, long } => {
                let mut bytes = two(command::TRANSFER, flags(*flip, false), to.number());
                if *long {
                    bytes[1] = 6;
                    bytes.extend_from_slice(&[0; 4]);
                }
                bytes
            }
            Self::Contacts {
                contactless,
                release,
            } => {
                let flags = (u8::from(*contactless) * CONTACTLESS) | (u8::from(*release) * RELEASE);
                two(command::CONTACTS, flags, 0)
            }
            Self::Other { code, bytes } => {
                let length = u8::try_from(bytes.len()).expect("a command is short");
                [&[*code, length], bytes.as_slice()].concat()
            }
        }
    }

    /// The frame.
    #[must_use]
    pub fn to_frame(&self, sequence: u32) -> Frame {
        Frame::new(host::COMMAND, 0, sequence, self.to_bytes())
    }

    /// Reads the data of a command frame.
    ///
    /// # Errors
    ///
    /// [`CommandError`].
    pub fn parse(data: &[u8]) -> Result<Self, CommandError> {
        let [code, length, rest @ ..] = data else {
            return Err(CommandError::Truncated {
                length: data.len(),
                expected: 2,
            });
        };
        let Some((bytes, filling)) = rest.split_at_checked(usize::from(*length)) else {
            return Err(CommandError::Truncated {
                length: rest.len(),
                expected: usize::from(*length),
            });
        };
        if filling.len() > 3 || filling.iter().any(|byte| *byte != 0) {
            return Err(CommandError::Filling);
        }
        let known = Self::known(*code, bytes);
        Ok(known.unwrap_or_else(|| Self::Other {
            code: *code,
            bytes: bytes.to_vec(),
        }))
    }

    /// The command, if it is one of those drawn here to the last bit.
    fn known(code: u8, bytes: &[u8]) -> Option<Self> {
        let (first, second, long) = match *bytes {
            [first, second] => (first, second, false),
            [first, second, 0, 0, 0, 0] if code == command::TRANSFER => (first, second, true),
            _ => return None,
        };
        let flip = first & FLIP != 0;
        let film = first & FILM != 0;
        let only = |flags: u8| (first & !flags == 0).then_some(());
        let plain = |command: Self| ([first, second] == [0, 0]).then_some(command);
        match code {
            command::STATUS => plain(Self::Status),
            command::POSITION => plain(Self::Position),
            command::INITIALISE => plain(Self::Initialise),
            command::LOAD => {
                only(FLIP | FILM)?;
                let to = Station::from_number(second)?;
                Some(Self::Load { to, flip, film })
            }
            command::MOVE => {
                only(FLIP | FILM)?;
                let to = Station::from_number(second)?;
                Some(Self::Move { to, flip, film })
            }
            command::PRINT => Some(Self::Print {
                options: first,
                planes: Planes(second),
            }),
            command::TRANSFER => {
                only(FLIP)?;
                let to = Station::from_number(second)?;
                Some(Self::Transfer { to, flip, long })
            }
            command::CONTACTS if second == 0 => {
                only(CONTACTLESS | RELEASE)?;
                Some(Self::Contacts {
                    contactless: first & CONTACTLESS != 0,
                    release: first & RELEASE != 0,
                })
            }
            _ => None,
        }
    }
}

/// Why bytes are no command.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CommandError {
    /// The bytes end too early.
    #[error("a command ends after {length} bytes, expected {expected}")]
    Truncated {
        /// The bytes that are there.
        length: usize,
        /// The bytes it should have.
        expected: usize,
    },
    /// Something other than filling follows.
    #[error("something follows a command in its frame")]
    Filling,
}

impl Blamed for CommandError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn commands_are_the_noted_ones() {
        let film = false;
        for (command, bytes) in [
            (Command::Status, "01020000"),
            (Command::Position, "02020000"),
            (Command::Initialise, "03020000"),
            (
                Command::Load {
                    to: Station::Contactless,
                    flip: false,
                    film,
                },
                "04020002",
            ),
            (
                Command::Load {
                    to: Station::Print,
                    flip: true,
                    film,
                },
                "04021000",
            ),
            (
                Command::Load {
                    to: Station::Print,
                    flip: false,
                    film: true,
                },
                "04028000",
            ),
            (
                Command::Move {
                    to: Station::Contacts,
                    flip: false,
                    film,
                },
                "05020001",
            ),
            (
                Command::Move {
                    to: Station::Reject,
                    flip: false,
                    film,
                },
                "05020004",
            ),
            (
                Command::Move {
                    to: Station::Contacts,
                    flip: true,
                    film,
                },
                "05021001",
            ),
            (
                Command::Print {
                    options: 1,
                    planes: Planes(0x6F),
                },
                "0602016f",
            ),
            (
                Command::Transfer {
                    to: Station::Eject,
                    flip: false,
                    long: true,
                },
                "0706000500000000",
            ),
            (
                Command::Transfer {
                    to: Station::Print,
                    flip: true,
                    long: true,
                },
                "0706100000000000",
            ),
            (
                Command::Transfer {
                    to: Station::Eject,
                    flip: false,
                    long: false,
                },
                "07020005",
            ),
            (
                Command::Contacts {
                    contactless: false,
                    release: false,
                },
                "0a020000",
            ),
            (
                Command::Contacts {
                    contactless: true,
                    release: false,
                },
                "0a021000",
            ),
            (
                Command::Contacts {
                    contactless: false,
                    release: true,
                },
                "0a024000",
            ),
            (
                Command::Contacts {
                    contactless: true,
                    release: true,
                },
                "0a025000",
            ),
        ] {
            assert_eq!(hex::encode(command.to_bytes()), bytes, "{command:?}");
            assert_eq!(Command::parse(&hex::decode(bytes).unwrap()), Ok(command));
        }
    }

    #[test]
    fn other_commands_are_kept_and_broken_ones_are_refused() {
        for bytes in [
            "0806000000160000",
            "05020406",
            "0102ffff",
            "0a020001",
            "04022000",
        ] {
            let bytes = hex::decode(bytes).unwrap();
            let command = Command::parse(&bytes).unwrap();
            assert!(matches!(command, Command::Other { .. }), "{command:?}");
            assert_eq!(command.to_bytes(), bytes);
        }
        assert_eq!(
            Command::parse(&[1]),
            Err(CommandError::Truncated {
                length: 1,
                expected: 2
            })
        );
        assert_eq!(
            Command::parse(&[1, 3, 0, 0]),
            Err(CommandError::Truncated {
                length: 2,
                expected: 3
            })
        );
        assert_eq!(Command::parse(&[1, 1, 0, 1]), Err(CommandError::Filling));
        assert_eq!(
            Command::parse(&[1, 0, 0, 0, 0, 0]),
            Err(CommandError::Filling)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_command_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            if let Ok(command) = Command::parse(&bytes) {
                let again = command.to_bytes();
                prop_assert!(bytes.starts_with(&again));
                prop_assert_eq!(Command::parse(&again), Ok(command));
            }
        }
    }
}
