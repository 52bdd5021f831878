//! Lines to readers that are not there.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firmware_sim::reader::Twin;
use ground::{Ambient, Virtual};
use readers::{GemPcTwin, Line};

/// A simulated reader in this process.
pub(crate) struct TwinLine {
    twin: Arc<Mutex<Twin>>,
    said: VecDeque<u8>,
    ambient: Arc<dyn Ambient>,
}

impl Line for TwinLine {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let said = &mut self.said;
        self.twin.lock().unwrap().receive(bytes, &mut |bytes| {
            said.extend(bytes);
            Ok(())
        })
    }

    fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
        if self.said.is_empty() {
            self.ambient.sleep(within);
            return Err(io::ErrorKind::TimedOut.into());
        }
        let count = buffer.len().min(self.said.len());
        for (place, byte) in buffer.iter_mut().zip(self.said.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }
}

/// The host's driver on a simulated reader, on virtual time.
pub(crate) struct Bench {
    pub(crate) twin: Arc<Mutex<Twin>>,
    pub(crate) ambient: Arc<dyn Ambient>,
}

impl Bench {
    pub(crate) fn new(twin: Twin) -> Self {
        Self {
            twin: Arc::new(Mutex::new(twin)),
            ambient: Arc::new(Virtual::new(1)),
        }
    }

    pub(crate) fn line(&self) -> Box<dyn Line> {
        Box::new(TwinLine {
            twin: Arc::clone(&self.twin),
            said: VecDeque::new(),
            ambient: Arc::clone(&self.ambient),
        })
    }

    pub(crate) fn reader(&self) -> Result<GemPcTwin, iso7816::LinkError> {
        GemPcTwin::over("twin", self.line(), Arc::clone(&self.ambient))
    }

    pub(crate) fn fault(&self, text: &str) {
        let faults = self.twin.lock().unwrap().faults();
        faults.script(text.parse().unwrap());
    }
}
