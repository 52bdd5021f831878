use std::io;
use std::time::Duration;

use super::pty::Pty;
use super::twin::Twin;
use crate::vpcd::Stop;

/// How soon a wish to stop is noticed.
const GLANCE: Duration = Duration::from_millis(100);
/// Within a frame, silence for so long ends it.
const BETWEEN_BYTES: Duration = Duration::from_millis(500);

/// Lets a reader answer on a pseudo-terminal until told to stop.
///
/// # Errors
///
/// From the operating system.
pub fn serve(twin: &mut Twin, pty: &mut Pty, stop: &Stop) -> io::Result<()> {
    let mut buffer = [0; 1024];
    let mut silence = Duration::ZERO;
    while !stop.is_asked() {
        let count = pty.read(&mut buffer, GLANCE)?;
        if count > 0 {
            silence = Duration::ZERO;
            twin.receive(&buffer[..count], &mut |bytes| pty.write_all(bytes))?;
        } else if twin.is_inside_frame() {
            silence += GLANCE;
            if silence >= BETWEEN_BYTES {
                silence = Duration::ZERO;
                twin.pause(&mut |bytes| pty.write_all(bytes))?;
            }
        }
    }
    Ok(())
}
