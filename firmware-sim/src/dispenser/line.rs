use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ground::Ambient;

use super::twin::Twin;

/// After so long without a word of the host the device says its answer again.
pub(super) const AGAIN_AFTER: Duration = Duration::from_millis(300);
/// More than a frame may pause.
const PAUSE: Duration = Duration::from_millis(20);

/// The host's end of the serial line to a dispenser in this process.
///
/// What the device takes time for arrives that much later on the clock of the simulation.
pub struct SimLine {
    twin: Arc<Mutex<Twin>>,
    ambient: Arc<dyn Ambient>,
    /// What is on its way, and when it arrives.
    coming: VecDeque<(Duration, Vec<u8>)>,
    quiet: Duration,
    baud: u32,
}

impl SimLine {
    pub(super) fn new(twin: Arc<Mutex<Twin>>, ambient: Arc<dyn Ambient>) -> Self {
        Self {
            twin,
            ambient,
            coming: VecDeque::new(),
            quiet: Duration::ZERO,
            baud: 9600,
        }
    }

    /// Writes bytes to the device.
    ///
    /// # Errors
    ///
    /// None at present.
    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.quiet = Duration::ZERO;
        let (coming, now) = (&mut self.coming, self.ambient.elapsed());
        lock(&self.twin).receive(bytes, self.baud, &mut |after, said| {
            coming.push_back((now + after, said.to_vec()));
            Ok(())
        })
    }

    /// Reads what has come, at least one byte.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] when nothing came for `within`.
    pub fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
        let now = self.ambient.elapsed();
        if let Some((due, said)) = self.coming.front_mut() {
            let rest = due.saturating_sub(now);
            self.ambient.sleep(rest.min(within));
            if rest > within {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let count = buffer.len().min(said.len());
            for (place, byte) in buffer.iter_mut().zip(said.drain(..count)) {
                *place = byte;
            }
            if said.is_empty() {
                self.coming.pop_front();
            }
            return Ok(count);
        }
        self.ambient.sleep(within);
        self.quiet += within;
        let (coming, now) = (&mut self.coming, self.ambient.elapsed());
        let mut say = |after, said: &[u8]| {
            coming.push_back((now + after, said.to_vec()));
            Ok(())
        };
        let mut twin = lock(&self.twin);
        if self.quiet > PAUSE {
            twin.pause(&mut say)?;
        }
        if self.quiet >= AGAIN_AFTER {
            self.quiet = Duration::ZERO;
            twin.say_again(&mut say)?;
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Sets the speed in baud.
    pub fn set_speed(&mut self, baud: u32) {
        self.baud = baud;
    }
}

fn lock(twin: &Mutex<Twin>) -> MutexGuard<'_, Twin> {
    twin.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for SimLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimLine")
            .field("baud", &self.baud)
            .finish_non_exhaustive()
    }
}
