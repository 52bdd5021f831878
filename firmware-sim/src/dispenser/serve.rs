use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::line::AGAIN_AFTER;
use super::twin::Twin;
use crate::reader::Pty;
use crate::vpcd::Stop;

/// How soon a wish to stop is noticed.
const GLANCE: Duration = Duration::from_millis(100);

/// Lets a dispenser answer on a pseudo-terminal until told to stop. It may be moved about by
/// others in the meantime.
///
/// # Errors
///
/// From the operating system.
pub fn serve(twin: &Mutex<Twin>, pty: &mut Pty, stop: &Stop) -> io::Result<()> {
    let mut buffer = [0; 1024];
    let mut silence = Duration::ZERO;
    while !stop.is_asked() {
        let count = pty.read(&mut buffer, GLANCE)?;
        let baud = pty.speed()?;
        let mut coming: Vec<(Duration, Vec<u8>)> = Vec::new();
        {
            let mut say = |after, said: &[u8]| {
                coming.push((after, said.to_vec()));
                Ok(())
            };
            let mut twin = twin.lock().unwrap_or_else(PoisonError::into_inner);
            if count > 0 {
                silence = Duration::ZERO;
                twin.receive(&buffer[..count], baud, &mut say)?;
            } else {
                silence += GLANCE;
                twin.pause(&mut say)?;
                if silence >= AGAIN_AFTER {
                    silence = Duration::ZERO;
                    twin.say_again(&mut say)?;
                }
            }
        }
        let mut passed = Duration::ZERO;
        for (after, said) in coming {
            // Half duplex: nobody speaks in the meantime.
            thread::sleep(after.saturating_sub(passed));
            passed = passed.max(after);
            pty.write_all(&said)?;
        }
    }
    Ok(())
}
