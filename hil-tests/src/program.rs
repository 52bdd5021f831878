use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use thiserror::Error;

/// A command about to be run, with what it should read.
#[derive(Debug)]
pub struct Program {
    command: Command,
    input: Vec<u8>,
}

impl Program {
    /// A foreign program, found on the search path.
    #[must_use]
    pub fn foreign(name: &str) -> Self {
        Self::at(Path::new(name))
    }

    /// One of the workspace's own commands (`cardwright`, `firmware-sim`), as last built.
    ///
    /// # Errors
    ///
    /// [`RigError::NotBuilt`] if it was not built in the profile of the running test.
    pub fn ours(name: &str) -> Result<Self, RigError> {
        let built = built(name)?;
        Ok(Self::at(&built))
    }

    fn at(path: &Path) -> Self {
        let mut command = Command::new(path);
        // What the surroundings say must not change what is tested.
        command
            .env_remove("CARDWRIGHT_PASSCODE")
            .env("LC_ALL", "C.UTF-8");
        Self {
            command,
            input: Vec::new(),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it in this folder.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Gives it this on standard input.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Runs it to its end, whatever that is.
    ///
    /// # Errors
    ///
    /// [`RigError::NotStarted`] when the program is missing.
    pub fn outcome(mut self) -> Result<Outcome, RigError> {
        let name = self.name();
        let failed = |source| RigError::NotStarted {
            program: name.clone(),
            source,
        };
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read its input closes the pipe; that is its right.
            match stdin.write_all(&self.input) {
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                    return Err(failed(error));
                }
                _ => {}
            }
        }
        let output = child.wait_with_output().map_err(failed)?;
        Ok(Outcome {
            program: name,
            output,
        })
    }

    /// Runs it and expects success.
    ///
    /// # Errors
    ///
    /// [`RigError::Failed`] with everything the program said.
    pub fn succeed(self) -> Result<Outcome, RigError> {
        let outcome = self.outcome()?;
        if outcome.output.status.success() {
            Ok(outcome)
        } else {
            Err(RigError::Failed(Box::new(outcome)))
        }
    }

    /// Where the program is, for a shell that runs it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.command.get_program().into()
    }

    pub(crate) fn into_command(self) -> Command {
        self.command
    }

    pub(crate) fn name(&self) -> String {
        Path::new(self.command.get_program())
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }
}

/// Where a command of the workspace was built: beside the folder of the running test.
fn built(name: &str) -> Result<PathBuf, RigError> {
    let not_built = || RigError::NotBuilt {
        program: name.to_owned(),
    };
    let test = std::env::current_exe().map_err(|_| not_built())?;
    let profile = test.parent().and_then(Path::parent).ok_or_else(not_built)?;
    let path = profile.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if path.is_file() {
        Ok(path)
    } else {
        Err(not_built())
    }
}

/// What a program did.
#[derive(Debug)]
pub struct Outcome {
    program: String,
    output: Output,
}

impl Outcome {
    /// Standard output as text.
    #[must_use]
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Standard output as it came.
    #[must_use]
    pub fn stdout_bytes(&self) -> &[u8] {
        &self.output.stdout
    }

    /// Standard error as text.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// The exit code; `None` when a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.output.status.code()
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "`{}` ended with {}\n--- standard output\n{}--- standard error\n{}",
            self.program,
            self.output.status,
            self.stdout(),
            self.stderr()
        )
    }
}

/// What kept the rig from working. Never the fault of what is tested, except [`RigError::Failed`].
#[derive(Debug, Error)]
pub enum RigError {
    /// A program could not be started.
    #[error("`{program}` could not be run ({source}); `./test` installs what the tests need")]
    NotStarted {
        /// The program.
        program: String,
        /// The operating system's words.
        source: std::io::Error,
    },
    /// A command of the workspace is not there.
    #[error("`{program}` is not built; run `cargo build --workspace` first")]
    NotBuilt {
        /// The command.
        program: String,
    },
    /// A program ended without success.
    #[error("{0}")]
    Failed(Box<Outcome>),
    /// A background program did not say what was waited for.
    #[error("`{program}` did not print `{awaited}`; it printed:\n{printed}")]
    NotReady {
        /// The program.
        program: String,
        /// The text waited for.
        awaited: String,
        /// What came instead.
        printed: String,
    },
    /// The smart card service could not be had.
    #[error("the smart card service is not usable: {0}")]
    Service(String),
}
