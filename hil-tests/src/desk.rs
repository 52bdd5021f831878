use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Background, Program, RigError};

/// Where vpcd waits for the card of its first reader.
pub const VPCD_PORT: u16 = 0x8C7B;

/// The name of vpcd's first reader.
pub const VPCD_READER: &str = "Virtual PCD 00 00";

/// Where pcscd listens; it cannot be told another place.
const PCSCD_SOCKET: &str = "/run/pcscd/pcscd.comm";

/// Tenths of a second a card may take to appear in the reader.
const APPEARS_WITHIN_TENTHS: u32 = 200;

/// How long pcscd may take to offer the virtual reader.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// The machine's smart card service, held by one test at a time.
///
/// All tests share one pcscd and one virtual reader, whichever process they run in, so a lock
/// file keeps them apart.
#[derive(Debug)]
pub struct Desk {
    service: Option<Child>,
    _lock: File,
}

impl Desk {
    /// Puts a simulated card into the virtual reader and waits until the service sees it. The
    /// card stays until what is returned is dropped.
    ///
    /// # Errors
    ///
    /// [`RigError::Service`] when the card does not appear, and as [`Background::start`].
    pub fn insert(&self, card: Program) -> Result<Background, RigError> {
        let mut card = Background::start(card.args(["--vpcd", &format!("127.0.0.1:{VPCD_PORT}")]))?;
        for _ in 0..APPEARS_WITHIN_TENTHS {
            let seen = Program::foreign("opensc-tool").arg("--atr").outcome()?;
            if seen.code() == Some(0) {
                return Ok(card);
            }
            card.expect_running("a card in the virtual reader")?;
            thread::sleep(Duration::from_millis(100));
        }
        Err(RigError::Service(
            "the card does not appear in the virtual reader".to_owned(),
        ))
    }

    /// Waits until no other test uses the service, and starts it unless it runs.
    ///
    /// # Errors
    ///
    /// [`RigError::Service`] when pcscd or its virtual reader is missing.
    pub fn take() -> Result<Self, RigError> {
        let mut desk = Self::without_service()?;
        if !is_serving() {
            desk.serve(Command::new("pcscd").arg("--foreground"))?;
        }
        desk.wait_for_reader(VPCD_READER, "is vsmartcard-vpcd installed?")?;
        Ok(desk)
    }

    /// Waits until no other test uses the service, starts it with the readers of a `reader.conf`
    /// and no others, and waits until it offers one whose name contains `reader`.
    ///
    /// # Errors
    ///
    /// [`RigError::Service`] when a service runs already, which has other readers, and when the
    /// reader does not appear.
    pub fn take_with_readers(configuration: &Path, reader: &str) -> Result<Self, RigError> {
        let mut desk = Self::without_service()?;
        if is_serving() {
            return Err(RigError::Service(
                "pcscd runs already; stop it, this test needs one with readers of its own"
                    .to_owned(),
            ));
        }
        desk.serve(
            Command::new("pcscd")
                .arg("--foreground")
                .arg("--config")
                .arg(configuration),
        )?;
        desk.wait_for_reader(reader, "is its driver installed?")?;
        Ok(desk)
    }

    /// Waits until no other test uses the service, and starts it with the readers of a
    /// `reader.conf`, which may all be missing.
    ///
    /// # Errors
    ///
    /// [`RigError::Service`] when a service runs already, which has other readers, and when it
    /// does not come up.
    pub fn take_with_configuration(configuration: &Path) -> Result<Self, RigError> {
        let mut desk = Self::without_service()?;
        if is_serving() {
            return Err(RigError::Service(
                "pcscd runs already; stop it, this test needs one with readers of its own"
                    .to_owned(),
            ));
        }
        desk.serve(
            Command::new("pcscd")
                .arg("--foreground")
                .arg("--config")
                .arg(configuration),
        )?;
        let deadline = Instant::now() + READY_WITHIN;
        while !is_serving() {
            if Instant::now() > deadline {
                return Err(RigError::Service("pcscd does not come up".to_owned()));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(desk)
    }

    /// Holds the desk and leaves the service as it is: for trying what happens without one.
    ///
    /// # Errors
    ///
    /// [`RigError::Service`].
    pub fn without_service() -> Result<Self, RigError> {
        let path = std::env::temp_dir().join("cardwright-hil-tests.lock");
        let lock = File::create(&path)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|error| RigError::Service(format!("lock `{}`: {error}", path.display())))?;
        Ok(Self {
            service: None,
            _lock: lock,
        })
    }

    /// Whether a service runs, whoever started it.
    #[must_use]
    pub fn is_served(&self) -> bool {
        is_serving()
    }

    fn serve(&mut self, service: &mut Command) -> Result<(), RigError> {
        let child = service
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| RigError::NotStarted {
                program: "pcscd".to_owned(),
                source,
            })?;
        self.service = Some(child);
        Ok(())
    }

    fn wait_for_reader(&mut self, name: &str, otherwise: &str) -> Result<(), RigError> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let readers = Program::foreign("opensc-tool")
                .arg("--list-readers")
                .outcome()?;
            if readers.stdout().contains(name) {
                return Ok(());
            }
            if let Some(Ok(Some(status))) = self.service.as_mut().map(Child::try_wait) {
                return Err(RigError::Service(format!("pcscd ended with {status}")));
            }
            if Instant::now() > deadline {
                return Err(RigError::Service(format!(
                    "reader `{name}` does not appear; {otherwise} {readers}"
                )));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(service) = &mut self.service {
            // TERM, not KILL: pcscd removes its socket only when asked politely.
            let asked = Command::new("kill").arg(service.id().to_string()).status();
            if !asked.is_ok_and(|status| status.success()) {
                let _gone = service.kill();
            }
            let _ended = service.wait();
        }
    }
}

fn is_serving() -> bool {
    // The socket may outlive a killed service; a connection tells.
    #[cfg(unix)]
    {
        std::os::unix::net::UnixStream::connect(Path::new(PCSCD_SOCKET)).is_ok()
    }
    #[cfg(not(unix))]
    {
        Path::new(PCSCD_SOCKET).exists()
    }
}
