use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Program, RigError};

/// How long a background program may take to say that it is ready.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A program that runs beside the test and is ended with it.
#[derive(Debug)]
pub struct Background {
    name: String,
    child: Child,
    lines: Receiver<String>,
    printed: Vec<String>,
    /// Held open: some programs end when their input does.
    stdin: Option<ChildStdin>,
}

impl Background {
    /// Starts a program.
    ///
    /// # Errors
    ///
    /// [`RigError::NotStarted`].
    pub fn start(program: Program) -> Result<Self, RigError> {
        let name = program.name();
        let mut child = program
            .into_command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|source| RigError::NotStarted {
                program: name.clone(),
                source,
            })?;
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Self {
            name,
            stdin: child.stdin.take(),
            child,
            lines,
            printed: Vec::new(),
        })
    }

    /// Waits for a line containing `awaited` and returns it.
    ///
    /// # Errors
    ///
    /// [`RigError::NotReady`] when it does not come within a minute or the program ends.
    pub fn wait_for(&mut self, awaited: &str) -> Result<String, RigError> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.printed.push(line.clone());
                    if line.contains(awaited) {
                        return Ok(line);
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return Err(RigError::NotReady {
                        program: self.name.clone(),
                        awaited: awaited.to_owned(),
                        printed: self.printed.join("\n"),
                    });
                }
            }
        }
    }

    /// Writes a line to its standard input.
    ///
    /// # Errors
    ///
    /// [`RigError::NotReady`] when it reads no more.
    pub fn tell(&mut self, line: &str) -> Result<(), RigError> {
        let told = self
            .stdin
            .as_mut()
            .map(|stdin| writeln!(stdin, "{line}").and_then(|()| stdin.flush()));
        match told {
            Some(Ok(())) => Ok(()),
            _ => Err(RigError::NotReady {
                program: self.name.clone(),
                awaited: format!("anything after `{line}`"),
                printed: self.printed.join("\n"),
            }),
        }
    }

    /// Whether the program still runs.
    ///
    /// # Errors
    ///
    /// [`RigError::NotReady`] with what it printed, when it has ended.
    pub fn expect_running(&mut self, awaited: &str) -> Result<(), RigError> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            _ => Err(RigError::NotReady {
                program: self.name.clone(),
                awaited: awaited.to_owned(),
                printed: self.lines.try_iter().collect::<Vec<_>>().join("\n"),
            }),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Both fail only for a program that has ended by itself.
        if self.child.kill().is_ok() {
            let _ended = self.child.wait();
        }
    }
}
