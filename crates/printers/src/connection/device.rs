use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use ground::Ambient;

use super::{Connection, closed, timed_out};

/// What is handed to the device in one piece, so that a time-out means no progress for that long
/// and not a long job.
const PIECE: usize = 16 * 1024;
/// How long the reader rests when the device says it has nothing (USB printer drivers answer a
/// read with nothing instead of waiting).
const REST: Duration = Duration::from_millis(50);

/// A printer behind a device file, such as `/dev/usb/lp0`.
///
/// Such files cannot wait with a limit in a portable way, so two threads do the blocking calls and
/// this side waits for them.
#[derive(Debug)]
pub struct DeviceConnection {
    name: String,
    path: Option<PathBuf>,
    ambient: Arc<dyn Ambient>,
    pipe: Pipe,
    /// Read, but not yet asked for.
    pending: Vec<u8>,
}

impl DeviceConnection {
    /// Opens the device file for reading and writing.
    ///
    /// # Errors
    ///
    /// From the operating system, such as no permission to use the device.
    pub fn open(path: &Path, ambient: Arc<dyn Ambient>) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let pipe = Pipe::start(file.try_clone()?, file, Arc::clone(&ambient))?;
        Ok(Self {
            name: format!("device:{}", path.display()),
            path: Some(path.to_owned()),
            ambient,
            pipe,
            pending: Vec::new(),
        })
    }

    /// The same over any pair of a reading and a writing end, such as a pseudo-terminal. It cannot
    /// be reconnected.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub fn over(
        name: &str,
        reader: impl Read + Send + 'static,
        writer: impl Write + Send + 'static,
        ambient: Arc<dyn Ambient>,
    ) -> io::Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            path: None,
            pipe: Pipe::start(reader, writer, Arc::clone(&ambient))?,
            ambient,
            pending: Vec::new(),
        })
    }

    /// A device that was unplugged may answer every read with nothing, as one that is silent does;
    /// its file is gone then.
    fn silent(&self) -> io::Error {
        let gone = |path: &PathBuf| matches!(path.try_exists(), Ok(false));
        if self.path.as_ref().is_some_and(gone) {
            return io::Error::new(
                io::ErrorKind::NotFound,
                "the device file is gone: is the printer switched off or unplugged?",
            );
        }
        timed_out("the printer sent nothing")
    }
}

impl Connection for DeviceConnection {
    fn name(&self) -> &str {
        &self.name
    }

    fn write_all(&mut self, bytes: &[u8], within: Duration) -> io::Result<()> {
        if self.pipe.write_under_way {
            // An earlier piece is still stuck in the device.
            self.pipe.finish_write(within)?;
        }
        for piece in bytes.chunks(PIECE) {
            self.pipe
                .to_writer
                .send(piece.to_vec())
                .map_err(|_| closed())?;
            self.pipe.write_under_way = true;
            self.pipe.finish_write(within)?;
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
        if self.pending.is_empty() {
            self.pending = match self.pipe.from_reader.recv_timeout(within) {
                Ok(outcome) => outcome?,
                Err(RecvTimeoutError::Timeout) => return Err(self.silent()),
                Err(RecvTimeoutError::Disconnected) => return Err(closed()),
            };
        }
        let count = self.pending.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.pending[..count]);
        self.pending.drain(..count);
        Ok(count)
    }

    fn reconnect(&mut self) -> io::Result<()> {
        let Some(path) = self.path.clone() else {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this connection was handed over open and cannot be opened again",
            ));
        };
        *self = Self::open(&path, Arc::clone(&self.ambient))?;
        Ok(())
    }
}

/// The two threads and the channels to them.
#[derive(Debug)]
struct Pipe {
    to_writer: Sender<Vec<u8>>,
    written: Receiver<io::Result<()>>,
    from_reader: Receiver<io::Result<Vec<u8>>>,
    write_under_way: bool,
    over: Arc<AtomicBool>,
}

impl Pipe {
    fn start(
        mut reader: impl Read + Send + 'static,
        mut writer: impl Write + Send + 'static,
        ambient: Arc<dyn Ambient>,
    ) -> io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let (to_writer, pieces) = mpsc::channel::<Vec<u8>>();
        let (tell_written, written) = mpsc::channel();
        thread::Builder::new()
            .name("printer-writer".to_owned())
            .spawn(move || {
                for piece in pieces {
                    let outcome = writer.write_all(&piece).and_then(|()| writer.flush());
                    if tell_written.send(outcome).is_err() {
                        return;
                    }
                }
            })?;
        let (tell_read, from_reader) = mpsc::channel();
        let stop = Arc::clone(&over);
        thread::Builder::new()
            .name("printer-reader".to_owned())
            .spawn(move || {
                let mut buffer = vec![0; 4096];
                while !stop.load(Ordering::Relaxed) {
                    match reader.read(&mut buffer) {
                        Ok(0) => ambient.sleep(REST),
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Ok(count) => {
                            if tell_read.send(Ok(buffer[..count].to_vec())).is_err() {
                                return;
                            }
                        }
                        Err(error) => {
                            // Nobody listens any more when the connection was dropped.
                            let _ = tell_read.send(Err(error));
                            return;
                        }
                    }
                }
            })?;
        Ok(Self {
            to_writer,
            written,
            from_reader,
            write_under_way: false,
            over,
        })
    }

    fn finish_write(&mut self, within: Duration) -> io::Result<()> {
        match self.written.recv_timeout(within) {
            Ok(outcome) => {
                self.write_under_way = false;
                outcome
            }
            Err(RecvTimeoutError::Timeout) => Err(timed_out("the printer takes no more bytes")),
            Err(RecvTimeoutError::Disconnected) => Err(closed()),
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // A reader inside a blocking call sees this when the call returns.
        self.over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LATER: Duration = Duration::from_secs(20);

    #[test]
    fn bytes_go_both_ways_in_order_and_silence_is_a_timeout() {
        let (mut job_end, job_start) = io::pipe().unwrap();
        let (answer_end, mut answer_start) = io::pipe().unwrap();
        let mut device =
            DeviceConnection::over("test", answer_end, job_start, ground::System::shared())
                .unwrap();
        let job: Vec<u8> = (0..=255).cycle().take(3 * PIECE + 5).collect();
        let expected = job.clone();
        let other_side = thread::spawn(move || {
            let mut got = vec![0; expected.len()];
            job_end.read_exact(&mut got).unwrap();
            assert_eq!(got, expected);
        });
        device.write_all(&job, LATER).unwrap();
        other_side.join().unwrap();
        let error = device.read(&mut [0; 4], SOON).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        answer_start.write_all(b"abc").unwrap();
        let mut byte = [0];
        for expected in b"abc" {
            assert_eq!(device.read(&mut byte, LATER).unwrap(), 1);
            assert_eq!(byte[0], *expected);
        }
    }

    #[test]
    fn a_device_that_takes_nothing_more_is_a_timeout_not_a_hang() {
        let (_job_end, job_start) = io::pipe().unwrap();
        let (answer_end, _answer_start) = io::pipe().unwrap();
        let mut device =
            DeviceConnection::over("test", answer_end, job_start, ground::System::shared())
                .unwrap();
        let error = device.write_all(&vec![0; 1 << 20], SOON).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_device_file_that_disappears_is_no_silence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lp0");
        std::fs::write(&path, b"").unwrap();
        let mut device = DeviceConnection::open(&path, ground::System::shared()).unwrap();
        let kind = |outcome: io::Result<usize>| outcome.unwrap_err().kind();
        assert_eq!(
            kind(device.read(&mut [0; 4], SOON)),
            io::ErrorKind::TimedOut
        );
        std::fs::remove_file(&path).unwrap();
        assert_eq!(
            kind(device.read(&mut [0; 4], SOON)),
            io::ErrorKind::NotFound
        );
        let error = device.reconnect().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_that_is_unplugged_takes_and_gives_nothing_more() {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

        let printer = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&printer).unwrap();
        unlockpt(&printer).unwrap();
        let path = ptsname(&printer, Vec::new())
            .unwrap()
            .into_string()
            .unwrap();
        let mut device =
            DeviceConnection::open(Path::new(&path), ground::System::shared()).unwrap();
        device.write_all(b"before", LATER).unwrap();
        drop(printer);
        let error = device.write_all(b"after", LATER).unwrap_err();
        assert_ne!(error.kind(), io::ErrorKind::TimedOut);
        let error = device.read(&mut [0; 4], SOON).unwrap_err();
        assert_ne!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_printer_that_reads_in_small_pieces_gets_everything() {
        let (mut job_end, job_start) = io::pipe().unwrap();
        let (answer_end, _answer_start) = io::pipe().unwrap();
        let mut device =
            DeviceConnection::over("test", answer_end, job_start, ground::System::shared())
                .unwrap();
        let job: Vec<u8> = (0..=255).cycle().take(500_000).collect();
        let expected = job.clone();
        let other_side = thread::spawn(move || {
            let mut got = Vec::new();
            let mut piece = [0; 61];
            while got.len() < expected.len() {
                let count = job_end.read(&mut piece).unwrap();
                got.extend_from_slice(&piece[..count]);
            }
            assert!(got == expected);
        });
        device.write_all(&job, LATER).unwrap();
        other_side.join().unwrap();
    }
}
