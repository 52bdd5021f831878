//! The random bytes of a card: the same for the same card and history.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sha2::{Digest, Sha256};

use super::nvm::{Cell, CommitError, Memory, Transaction};

/// The random bytes of one power-up, begun when the first are needed. They never come twice on one
/// card: each power-up that needs some takes a stream of its own, counted in non-volatile memory.
#[derive(Default)]
pub(super) struct Lots {
    drawn: Option<ChaCha20Rng>,
}

impl Lots {
    /// The source, for the card of this number.
    pub(super) fn draw(
        &mut self,
        memory: &mut Memory,
        number: u64,
    ) -> Result<&mut ChaCha20Rng, CommitError> {
        if self.drawn.is_none() {
            let stream = memory
                .get(Cell::RandomStreams)
                .and_then(|bytes| bytes.try_into().ok())
                .map_or(0, u64::from_be_bytes)
                + 1;
            memory.commit(Transaction::new().set(Cell::RandomStreams, stream.to_be_bytes()))?;
            self.drawn = Some(seeded(number, stream));
        }
        Ok(self.drawn.as_mut().expect("set just above"))
    }
}

/// The stream 0 of a card's random bytes made it; the others are drawn in use.
pub(super) fn seeded(number: u64, stream: u64) -> ChaCha20Rng {
    let seed = Sha256::new()
        .chain_update(b"simulated card, not for use")
        .chain_update(number.to_be_bytes())
        .finalize();
    let mut random = ChaCha20Rng::from_seed(seed.into());
    random.set_stream(stream);
    random
}
