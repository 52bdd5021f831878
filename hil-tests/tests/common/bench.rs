//! A folder with everything one run of `cardwright issue` at the simulated station needs.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use hil_tests::{Outcome, Program, RigError};
use serde_json::Value;
use tempfile::TempDir;

/// The columns of a request file.
pub(crate) const HEADER: &str = "request,uuid,name,photo,organisation";

/// The passcode of every card: eight digits, which hardly stand anywhere by chance.
pub(crate) const PASSCODE: &str = "90417352";

const PEOPLE: [&str; 2] = [
    "R-1,555102348712,Amara,amara.png,Riverside",
    "R-2,555277160922,Daniel,amara.png,Riverside",
];

/// The folder; commands run in it and name their files relative to it.
#[derive(Debug)]
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let bench = Self {
            folder: tempfile::tempdir()?,
        };
        bench.write("passcode.txt", PASSCODE)?;
        bench.write(
            "amara.png",
            include_bytes!("../../../examples/portraits/amara.png"),
        )?;
        Ok(bench)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> std::io::Result<()> {
        fs::write(self.path(name), content)
    }

    /// Writes `requests.csv` with that many good requests, at most two.
    pub(crate) fn requests(&self, count: usize) -> std::io::Result<()> {
        let rows = PEOPLE[..count].join("\n");
        self.write("requests.csv", format!("{HEADER}\n{rows}\n"))
    }

    pub(crate) fn cardwright(&self) -> Result<Program, RigError> {
        Ok(Program::ours("cardwright")?.in_folder(self.folder()))
    }

    pub(crate) fn issue(&self, requests: &str) -> Result<Program, RigError> {
        self.issue_with(requests, "passcode.txt")
    }

    pub(crate) fn issue_with(&self, requests: &str, passcodes: &str) -> Result<Program, RigError> {
        Ok(self
            .cardwright()?
            .args(["issue", requests, "--data", "data"])
            .args(["--passcode-file", passcodes]))
    }

    /// Issues and returns the report for machines.
    pub(crate) fn json(&self, requests: &str) -> Result<Value, Box<dyn Error>> {
        let outcome = self.issue(requests)?.arg("--json").succeed()?;
        assert!(!outcome.to_string().contains(PASSCODE), "{outcome}");
        Ok(serde_json::from_str(&outcome.stdout())?)
    }

    /// Issues, and returns the requests that have their card now.
    pub(crate) fn issued(&self, requests: &str) -> Result<Vec<String>, Box<dyn Error>> {
        let report = self.json(requests)?;
        let cards = report["cards"].as_array().ok_or("no cards")?;
        let mut issued: Vec<String> = cards
            .iter()
            .filter_map(|card| card["request"].as_str().map(str::to_owned))
            .collect();
        issued.sort();
        Ok(issued)
    }

    /// How many certificates the authority has issued: two a card.
    pub(crate) fn certificates(&self) -> std::io::Result<usize> {
        Ok(fs::read_dir(self.data().join("authority/issued"))?.count())
    }

    /// No file but the key ring, and the simulated cards themselves, holds a secret: neither as
    /// text nor as hexadecimal digits.
    pub(crate) fn assert_no_secrets(&self) -> Result<(), Box<dyn Error>> {
        let mut secrets = vec![PASSCODE.to_owned(), hexadecimal(PASSCODE.as_bytes())];
        let ring = fs::read_to_string(self.data().join("keys.toml"))?;
        let keys = ring
            .split('"')
            .filter(|text| text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        secrets.extend(keys.map(str::to_uppercase));
        assert!(secrets.len() > 2, "no keys in the key ring");
        let mut looked_at = 0;
        let mut folders = vec![self.data()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    // The simulated station holds what real chips would.
                    if !path.ends_with("data/station") {
                        folders.push(path);
                    }
                    continue;
                }
                if path.ends_with("data/keys.toml") {
                    continue;
                }
                let content = String::from_utf8_lossy(&fs::read(&path)?).to_uppercase();
                for secret in &secrets {
                    assert!(
                        !content.contains(secret.as_str()),
                        "`{}` holds a secret",
                        path.display()
                    );
                }
                looked_at += 1;
            }
        }
        assert!(looked_at > 5, "only {looked_at} files were looked at");
        Ok(())
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Asserts that a command ended with one error that says what happened and what to do next.
pub(crate) fn assert_refused(outcome: &Outcome, code: i32, expected: &[&str], what: &str) {
    assert_eq!(outcome.code(), Some(code), "{what}: {outcome}");
    let said = outcome.stderr();
    assert_eq!(said.matches("error: ").count(), 1, "{what}: {outcome}");
    assert_eq!(said.matches("next: ").count(), 1, "{what}: {outcome}");
    assert!(outcome.stdout().is_empty(), "{what}: {outcome}");
    for never in ["panicked", "RUST_BACKTRACE", PASSCODE] {
        assert!(!said.contains(never), "{what}: {outcome}");
    }
    for text in expected {
        assert!(said.contains(text), "{what}: no `{text}` in {outcome}");
    }
}

/// A grey picture as PNG (ISO/IEC 15948), its data stored without compression (RFC 1951, 3.2.4).
pub(crate) fn grey_png(width: u32, height: u16) -> Vec<u8> {
    let row = 1 + width.div_ceil(8) as usize;
    let data = vec![0; row * usize::from(height)];
    let length = u16::try_from(data.len()).expect("small enough for one block");
    // The Adler-32 sum of nothing but zeroes is their number above, and 1 below.
    let mut stored = vec![0x78, 0x01, 0x01];
    stored.extend(length.to_le_bytes());
    stored.extend((!length).to_le_bytes());
    stored.extend(&data);
    stored.extend(length.to_be_bytes());
    stored.extend([0, 1]);

    let mut header = width.to_be_bytes().to_vec();
    header.extend(u32::from(height).to_be_bytes());
    header.extend([1, 0, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1A\n".to_vec();
    for (kind, content) in [(b"IHDR", &header), (b"IDAT", &stored), (b"IEND", &vec![])] {
        let checked = [&kind[..], content].concat();
        let length = u32::try_from(content.len()).expect("a small chunk");
        png.extend(length.to_be_bytes());
        png.extend(&checked);
        png.extend(crc32(&checked).to_be_bytes());
    }
    png
}

/// The check of a PNG chunk (ISO/IEC 15948, annex D).
fn crc32(bytes: &[u8]) -> u32 {
    let one = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 * (crc & 1))
        })
    };
    !bytes.iter().fold(u32::MAX, one)
}
