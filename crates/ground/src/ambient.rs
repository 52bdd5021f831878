use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Time, randomness and sleep: everything a program takes from its surroundings.
///
/// Code below the command line never reads a clock, draws a random number or sleeps except
/// through this interface, so that a simulation can run on virtual time and be repeated from a
/// seed. Implementations are cheap to share: pass `Arc<dyn Ambient>`.
pub trait Ambient: fmt::Debug + Send + Sync {
    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// Time since an arbitrary fixed point, never going back. For measuring and for timeouts.
    fn elapsed(&self) -> Duration;

    /// Waits.
    fn sleep(&self, duration: Duration);

    /// Fills `buffer` with random bytes fit for keys.
    ///
    /// # Panics
    ///
    /// [`System`] panics when the operating system has no randomness to give: nothing in this
    /// project may go on with predictable keys.
    fn fill_random(&self, buffer: &mut [u8]);
}

/// The real clock and the operating system's randomness.
#[derive(Clone, Debug)]
pub struct System {
    start: Instant,
}

impl System {
    /// Starts counting [`Ambient::elapsed`] now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// A shared handle, the form most constructors take.
    #[must_use]
    pub fn shared() -> Arc<dyn Ambient> {
        Arc::new(Self::new())
    }
}

impl Default for System {
    fn default() -> Self {
        Self::new()
    }
}

impl Ambient for System {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system provides randomness");
    }
}

/// Virtual time and seeded randomness: sleeping is instant and every run with the same seed is
/// the same run. Never use it where a key must be secret.
pub struct Virtual {
    state: Mutex<VirtualState>,
}

struct VirtualState {
    elapsed: Duration,
    start: Timestamp,
    rng: ChaCha20Rng,
}

impl Virtual {
    /// Starts at a fixed wall-clock time (2026-01-05 09:00 UTC) with the given seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::starting_at(seed, Timestamp::constant(1_767_603_600, 0))
    }

    /// Starts at the given wall-clock time.
    #[must_use]
    pub fn starting_at(seed: u64, start: Timestamp) -> Self {
        Self {
            state: Mutex::new(VirtualState {
                elapsed: Duration::ZERO,
                start,
                rng: ChaCha20Rng::seed_from_u64(seed),
            }),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, VirtualState> {
        // A panic while holding the lock leaves plain numbers behind, which stay usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ambient for Virtual {
    fn now(&self) -> Timestamp {
        let state = self.state();
        state
            .start
            .saturating_add(state.elapsed)
            .unwrap_or(Timestamp::MAX)
    }

    fn elapsed(&self) -> Duration {
        self.state().elapsed
    }

    fn sleep(&self, duration: Duration) {
        let mut state = self.state();
        state.elapsed = state.elapsed.saturating_add(duration);
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        self.state().rng.fill_bytes(buffer);
    }
}

impl fmt::Debug for Virtual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Virtual")
            .field("elapsed", &self.elapsed())
            .finish_non_exhaustive()
    }
}

/// An [`Ambient`]'s randomness as a `rand_core` generator, for the RustCrypto crates.
#[derive(Clone, Debug)]
pub struct AmbientRng(Arc<dyn Ambient>);

impl AmbientRng {
    /// Draws from `ambient`.
    #[must_use]
    pub fn new(ambient: Arc<dyn Ambient>) -> Self {
        Self(ambient)
    }
}

impl rand_core::TryRng for AmbientRng {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.0.fill_random(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.0.fill_random(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill_random(buffer);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for AmbientRng {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_time_moves_only_by_sleeping() {
        let ambient = Virtual::new(1);
        let (wall, elapsed) = (ambient.now(), ambient.elapsed());
        ambient.sleep(Duration::from_millis(1500));
        assert_eq!(ambient.elapsed() - elapsed, Duration::from_millis(1500));
        assert_eq!(
            ambient.now().duration_since(wall),
            jiff::SignedDuration::from_millis(1500)
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
        let draw = |seed| {
            let mut bytes = [0; 32];
            Virtual::new(seed).fill_random(&mut bytes);
            bytes
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
