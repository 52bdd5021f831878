use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::SimPrinter;
use super::firmware::{Answer, Line};

/// How soon a connection notices that the server ends.
const GLANCE: Duration = Duration::from_millis(100);

/// A simulated printer on a TCP port. Ends when dropped.
#[derive(Debug)]
pub struct PrinterServer {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl PrinterServer {
    /// Listens on `address`; port 0 takes any free one.
    ///
    /// # Errors
    ///
    /// When the port cannot be had.
    pub fn start(printer: SimPrinter, address: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        let accepting = thread::Builder::new()
            .name("printer-server".to_owned())
            .spawn(move || accept(&listener, &printer, &stop))?;
        Ok(Self {
            address,
            over,
            accepting: Some(accepting),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for PrinterServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // A last caller wakes the thread that waits for one. If nobody can call, nobody is woken,
        // and the thread ends with the process.
        if TcpStream::connect_timeout(&self.address, GLANCE).is_ok()
            && let Some(accepting) = self.accepting.take()
        {
            // A panic in a connection has been reported already.
            let _ = accepting.join();
        }
    }
}

fn accept(listener: &TcpListener, printer: &SimPrinter, over: &Arc<AtomicBool>) {
    let mut serving: Vec<JoinHandle<()>> = Vec::new();
    for caller in listener.incoming() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        serving.retain(|thread| !thread.is_finished());
        // A caller that is gone before it is greeted is no matter.
        let Ok(caller) = caller else { continue };
        let (printer, over) = (printer.clone(), Arc::clone(over));
        serving.extend(
            thread::Builder::new()
                .name("printer-connection".to_owned())
                .spawn(move || {
                    // The caller hung up; the next one starts afresh.
                    let _ = serve(caller, &printer, &over);
                }),
        );
    }
    for thread in serving {
        // As above.
        let _ = thread.join();
    }
}

fn serve(mut caller: TcpStream, printer: &SimPrinter, over: &AtomicBool) -> io::Result<()> {
    caller.set_read_timeout(Some(GLANCE))?;
    caller.set_nodelay(true)?;
    let (mut line, greeting) = Line::open(printer);
    let mut closes = say(&mut caller, printer, greeting)?;
    let mut buffer = vec![0; 64 * 1024];
    while !closes && !over.load(Ordering::Relaxed) && !line.is_stale() {
        let count = match caller.read(&mut buffer) {
            // The caller says nothing more, and may listen still.
            Ok(0) => {
                let last = line.end();
                say(&mut caller, printer, last)?;
                return Ok(());
            }
            Ok(count) => count,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock
                        | io::ErrorKind::TimedOut
                        | io::ErrorKind::Interrupted
                ) =>
            {
                continue;
            }
            Err(error) => return Err(error),
        };
        let answer = line.push(&buffer[..count]);
        closes = say(&mut caller, printer, answer)?;
    }
    Ok(())
}

/// Sends an answer; returns whether it is the last one.
fn say(caller: &mut TcpStream, printer: &SimPrinter, answer: Answer) -> io::Result<bool> {
    if !answer.late.is_zero() {
        printer.ambient().sleep(answer.late);
    }
    caller.write_all(&answer.reply.bytes)?;
    Ok(answer.reply.close)
}
