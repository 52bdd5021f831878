//! Acknowledging at once what has arrived, where the system lets us ask for it. Linux forgets the
//! wish after some segments, so it has to be said again and again.

use std::io;
use std::net::TcpStream;

/// Asks for immediate acknowledgement of what was just read and what comes next.
#[cfg(target_os = "linux")]
pub(super) fn again(socket: &TcpStream) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_tcp_quickack(socket, true)?)
}

/// Other systems have no such option.
#[cfg(not(target_os = "linux"))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "same signature as where it can fail"
)]
pub(super) fn again(_socket: &TcpStream) -> io::Result<()> {
    Ok(())
}
