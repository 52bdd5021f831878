use std::fmt;

use iso7816::atr::ErrorDetection;
use iso7816::block::{DEFAULT_INFORMATION, LONGEST_INFORMATION, R_DAMAGED, R_NO_ERROR, R_OTHER};
use thiserror::Error;
use zeroize::Zeroizing;

use super::block::{Block, BlockError, Supervisory};

/// Errors in a row after which the host begins anew (ISO/IEC 7816-3, 11.6.3.2, rule 7.4.2: two
/// repetitions).
const TRIES: u32 = 3;
/// Attempts to begin anew (rule 6.4).
const RESYNCHRONISATIONS: u32 = 3;
/// How often one command may be begun anew before its last block was sent.
const STARTS: u32 = 3;
/// Requests for time, and for another field size, that one command may bring. At a third of a
/// second each this is five minutes and more, longer than any key generation.
const REQUESTS: u32 = 1024;
/// The longest response: extended data and the status word.
const LONGEST_RESPONSE: usize = 65_536 + 2;

/// What carries blocks to the card and back.
pub trait BlockCarrier {
    /// Why there is no use in trying again.
    type Error;

    /// Sends a block and waits for the one that answers it: the block waiting time at most, or
    /// `waiting` times that where the card asked for it and so it is not 0. `None` when nothing
    /// came, or nothing that could be read.
    ///
    /// # Errors
    ///
    /// What no repetition will mend, such as a card that is gone.
    fn carry(
        &mut self,
        block: &[u8],
        waiting: u8,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Self::Error>;
}

/// The state of T=1 between the host and one card, from reset to reset.
pub struct BlockProtocol {
    error_detection: ErrorDetection,
    /// IFSC as the answer to reset says, to which a resynchronisation returns.
    initial_card_size: u8,
    /// IFSC, the most the card takes.
    card_size: u8,
    /// IFSD wanted, if it was agreed on.
    host_size: Option<u8>,
    /// N(S) of our next I-block.
    ours: bool,
    /// N(S) of the card's next I-block.
    theirs: bool,
    /// What both sides believe of each other is not known.
    lost: bool,
}

impl BlockProtocol {
    /// After a reset. `card_size` is IFSC, 1 to 254; anything else is taken as the default.
    #[must_use]
    pub fn new(error_detection: ErrorDetection, card_size: u8) -> Self {
        let card_size = match card_size {
            1..=LONGEST_INFORMATION => card_size,
            _ => DEFAULT_INFORMATION,
        };
        Self {
            error_detection,
            initial_card_size: card_size,
            card_size,
            host_size: None,
            ours: false,
            theirs: false,
            lost: false,
        }
    }

    /// Tells the card how long a field the host takes, with S(IFS). A card that refuses keeps to
    /// the default of 32 bytes.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`].
    pub fn announce_size<C: BlockCarrier>(
        &mut self,
        size: u8,
        carrier: &mut C,
    ) -> Result<(), ProtocolError<C::Error>> {
        let about = Supervisory::InformationSize(size);
        let request = Block::Request(about).encode(self.error_detection);
        let mut last = None;
        for _ in 0..TRIES {
            match self.carry(carrier, &request, 0)? {
                Ok(Block::Response(agreed)) if agreed == about => {
                    self.host_size = Some(size);
                    return Ok(());
                }
                // An R-block instead: it knows no S(IFS), and the default stays.
                Ok(Block::Ready { .. }) => return Ok(()),
                Ok(_) => {}
                Err(unread) => last = Some(unread),
            }
        }
        Err(ProtocolError::Lost { last })
    }

    /// Sends a command APDU and returns the response APDU.
    ///
    /// A command whose last block was sent is never begun anew: the card may have carried it out.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`]. After any of them the next command is tried all the same, after a
    /// resynchronisation where that is needed.
    pub fn exchange<C: BlockCarrier>(
        &mut self,
        command: &[u8],
        carrier: &mut C,
    ) -> Result<Vec<u8>, ProtocolError<C::Error>> {
        if self.lost {
            self.resynchronise(carrier)?;
        }
        for _ in 0..STARTS {
            let ended = self.attempt(command, carrier);
            match ended {
                Err(Stop::Astray {
                    maybe_done: false, ..
                }) => self.resynchronise(carrier)?,
                Err(Stop::Astray { last, .. }) => {
                    self.resynchronise(carrier)?;
                    return Err(ProtocolError::OutcomeUnknown { last });
                }
                Err(Stop::Fatal(error)) => {
                    self.lost = true;
                    return Err(error);
                }
                Ok(response) => return Ok(response),
            }
        }
        Err(ProtocolError::Lost { last: None })
    }

    fn attempt<C: BlockCarrier>(
        &mut self,
        command: &[u8],
        carrier: &mut C,
    ) -> Result<Vec<u8>, Stop<C::Error>> {
        let mut pieces = Pieces::new(command);
        let mut piece = pieces.first(self.card_size);
        let mut outgoing = self.information(&piece);
        let mut waiting = 0;
        let mut errors = 0;
        let mut requests = 0;
        let mut last = None;
        // Whether the card has begun to answer, and so has the whole command.
        let mut answering = false;
        let mut response = Zeroizing::new(Vec::new());
        loop {
            let came = self.carry(carrier, &outgoing, waiting)?;
            waiting = 0;
            match came {
                Ok(Block::Information {
                    sequence,
                    more,
                    data,
                }) if sequence == self.theirs && !piece.more && !(more && data.is_empty()) => {
                    if !answering {
                        answering = true;
                        self.ours = !self.ours;
                    }
                    self.theirs = !self.theirs;
                    errors = 0;
                    if response.len() + data.len() > LONGEST_RESPONSE {
                        return Err(Stop::Fatal(ProtocolError::EndlessResponse));
                    }
                    append(&mut response, &data);
                    if !more {
                        return Ok(std::mem::take(&mut *response));
                    }
                    outgoing = self.ready(R_NO_ERROR);
                    continue;
                }
                Ok(Block::Ready { sequence, .. }) if !answering && sequence == self.ours => {
                    // The card wants this piece again.
                    errors += 1;
                    outgoing = self.information(&piece);
                }
                Ok(Block::Ready { sequence, .. }) if !answering && piece.more => {
                    debug_assert_ne!(sequence, self.ours);
                    self.ours = sequence;
                    errors = 0;
                    piece = pieces.next(self.card_size);
                    outgoing = self.information(&piece);
                    continue;
                }
                Ok(Block::Request(
                    about @ (Supervisory::WaitingTime(_) | Supervisory::InformationSize(_)),
                )) => {
                    requests += 1;
                    if requests > REQUESTS {
                        return Err(Stop::Fatal(ProtocolError::NeverReady));
                    }
                    match about {
                        Supervisory::InformationSize(size) => self.card_size = size,
                        Supervisory::WaitingTime(times) => waiting = times.max(1),
                        _ => {}
                    }
                    outgoing = Block::Response(about).encode(self.error_detection);
                    continue;
                }
                Ok(Block::Request(Supervisory::Abort)) => {
                    let answer = Block::Response(Supervisory::Abort).encode(self.error_detection);
                    // Whatever follows, both begin anew before the next command.
                    self.carry(carrier, &answer, 0)?.ok();
                    return Err(Stop::Fatal(ProtocolError::Aborted));
                }
                Ok(_) => {
                    errors += 1;
                    outgoing = self.ready(R_OTHER);
                }
                Err(unread) => {
                    errors += 1;
                    outgoing = self.ready(match unread {
                        Unread::Nothing => R_OTHER,
                        Unread::Damaged(_) => R_DAMAGED,
                    });
                    last = Some(unread);
                }
            }
            if errors >= TRIES {
                return Err(Stop::Astray {
                    maybe_done: !piece.more,
                    last,
                });
            }
        }
    }

    /// Both sides begin with number 0 again (rule 6).
    fn resynchronise<C: BlockCarrier>(
        &mut self,
        carrier: &mut C,
    ) -> Result<(), ProtocolError<C::Error>> {
        self.lost = true;
        let request = Block::Request(Supervisory::Resynch).encode(self.error_detection);
        let mut last = None;
        for _ in 0..RESYNCHRONISATIONS {
            match self.carry(carrier, &request, 0)? {
                Ok(Block::Response(Supervisory::Resynch)) => {
                    self.lost = false;
                    self.ours = false;
                    self.theirs = false;
                    self.card_size = self.initial_card_size;
                    return match self.host_size.take() {
                        Some(size) => self.announce_size(size, carrier).inspect_err(|_| {
                            self.host_size = Some(size);
                            self.lost = true;
                        }),
                        None => Ok(()),
                    };
                }
                Ok(_) => {}
                Err(unread) => last = Some(unread),
            }
        }
        Err(ProtocolError::Lost { last })
    }

    fn carry<C: BlockCarrier>(
        &self,
        carrier: &mut C,
        block: &[u8],
        waiting: u8,
    ) -> Result<Result<Block, Unread>, ProtocolError<C::Error>> {
        let came = carrier
            .carry(block, waiting)
            .map_err(ProtocolError::Carrier)?;
        Ok(match came {
            None => Err(Unread::Nothing),
            Some(bytes) => Block::parse(&bytes, self.error_detection).map_err(Unread::Damaged),
        })
    }

    fn information(&self, piece: &Piece<'_>) -> Zeroizing<Vec<u8>> {
        let data = Zeroizing::new(piece.data.to_vec());
        Block::Information {
            sequence: self.ours,
            more: piece.more,
            data,
        }
        .encode(self.error_detection)
    }

    fn ready(&self, error: u8) -> Zeroizing<Vec<u8>> {
        let sequence = self.theirs;
        Block::Ready { sequence, error }.encode(self.error_detection)
    }
}

impl fmt::Debug for BlockProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockProtocol")
            .field("error_detection", &self.error_detection)
            .field("card_size", &self.card_size)
            .field("host_size", &self.host_size)
            .finish_non_exhaustive()
    }
}

/// A command, cut into what fits a block.
struct Pieces<'a> {
    rest: &'a [u8],
}

struct Piece<'a> {
    data: &'a [u8],
    more: bool,
}

impl<'a> Pieces<'a> {
    fn new(command: &'a [u8]) -> Self {
        Self { rest: command }
    }

    fn first(&mut self, size: u8) -> Piece<'a> {
        self.next(size)
    }

    fn next(&mut self, size: u8) -> Piece<'a> {
        let (data, rest) = self
            .rest
            .split_at_checked(usize::from(size))
            .unwrap_or((self.rest, &[]));
        self.rest = rest;
        Piece {
            data,
            more: !rest.is_empty(),
        }
    }
}

/// A growing vector would leave copies of a decrypted key behind.
fn append(response: &mut Zeroizing<Vec<u8>>, data: &[u8]) {
    if response.capacity() < response.len() + data.len() {
        let mut larger = Zeroizing::new(Vec::with_capacity(2 * (response.len() + data.len())));
        larger.extend_from_slice(response);
        *response = larger;
    }
    response.extend_from_slice(data);
}

/// Why an attempt ended.
enum Stop<E> {
    /// Too many errors in a row.
    Astray {
        /// The last block was sent, so that the card may have carried the command out.
        maybe_done: bool,
        last: Option<Unread>,
    },
    Fatal(ProtocolError<E>),
}

impl<E> From<ProtocolError<E>> for Stop<E> {
    fn from(error: ProtocolError<E>) -> Self {
        Self::Fatal(error)
    }
}

/// Why no block was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unread {
    /// Nothing came, or nothing the reader could read.
    Nothing,
    /// What came is no block.
    Damaged(BlockError),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing came"),
            Self::Damaged(error) => error.fmt(f),
        }
    }
}

/// Why a command got no response. `E` is the carrier's error.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ProtocolError<E> {
    /// Nothing can be carried any more.
    #[error("blocks cannot be carried")]
    Carrier(E),
    /// The card answers nothing that makes sense, not even to the request to begin anew.
    #[error("the card no longer follows the block protocol{}", because(*last))]
    Lost {
        /// The last thing that could not be read.
        last: Option<Unread>,
    },
    /// The whole command was sent and the answer did not come through: the card may have carried
    /// it out, or not. The protocol works again.
    #[error("the card's answer did not come through{}; whether the command was carried out is not known", because(*last))]
    OutcomeUnknown {
        /// The last thing that could not be read.
        last: Option<Unread>,
    },
    /// The card gave up the command or its own response.
    #[error("the card aborted the exchange")]
    Aborted,
    /// The card asks for more time again and again.
    #[error("the card asked for more time {REQUESTS} times and did not answer")]
    NeverReady,
    /// The response does not end.
    #[error("the card's response is longer than any response may be")]
    EndlessResponse,
}

fn because(last: Option<Unread>) -> String {
    last.map_or_else(String::new, |last| format!(" ({last})"))
}
