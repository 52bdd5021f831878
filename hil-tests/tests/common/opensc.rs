//! A simulated series 8 card in the reader, and a folder to put OpenSC and OpenSSL to work on it.

use std::error::Error;
use std::fs;
use std::path::Path;

use hil_tests::{Background, Desk, Outcome, Program, RigError};
use tempfile::TempDir;

pub(crate) type TestResult = Result<(), Box<dyn Error>>;

/// The holder's passcode of a personalised card.
pub(crate) const PASSCODE: &str = "12345678";
/// The security officer's passcode as delivered.
pub(crate) const OFFICER: &str = "87654321";

/// SEQUENCE { AlgorithmIdentifier SHA-256, OCTET STRING (32 bytes follow) } (RFC 8017, 9.2).
const SHA_256_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

/// A card in the reader and a folder to work in.
pub(crate) struct Bench {
    folder: TempDir,
    _card: Background,
    _desk: Desk,
}

impl Bench {
    pub(crate) fn new(card: &[&str]) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("message"), b"what is signed")?;
        let desk = Desk::take()?;
        let card = Program::ours("firmware-sim")?
            .in_folder(folder.path())
            .arg("card")
            .args(card);
        Ok(Self {
            _card: desk.insert(card)?,
            folder,
            _desk: desk,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn read(&self, name: &str) -> std::io::Result<Vec<u8>> {
        fs::read(self.folder().join(name))
    }

    pub(crate) fn program(&self, name: &str) -> Program {
        Program::foreign(name).in_folder(self.folder())
    }

    pub(crate) fn run(&self, line: &[&str]) -> Result<Outcome, RigError> {
        self.program(line[0]).args(&line[1..]).outcome()
    }

    pub(crate) fn succeed(&self, line: &[&str]) -> Result<String, RigError> {
        Ok(self.program(line[0]).args(&line[1..]).succeed()?.stdout())
    }

    /// PKCS#11 lists both pairs of keys and their certificates.
    pub(crate) fn lists_both_pairs(&self) -> TestResult {
        let objects = self.succeed(&[
            "pkcs11-tool",
            "--login",
            "--pin",
            PASSCODE,
            "--list-objects",
        ])?;
        for kind in [
            "Private Key Object",
            "Public Key Object",
            "Certificate Object",
        ] {
            assert_eq!(objects.matches(kind).count(), 2, "{kind}: {objects}");
        }
        assert!(objects.contains("O=nhs, OU=People, CN=555"), "{objects}");
        Ok(())
    }

    /// Writes the public key of a certificate on the card to `public.pem`.
    pub(crate) fn public_key(&self, id: &str) -> TestResult {
        self.succeed(&["pkcs15-tool", "--read-certificate", id, "-o", "card.pem"])?;
        let key = self.succeed(&["openssl", "x509", "-in", "card.pem", "-noout", "-pubkey"])?;
        fs::write(self.folder().join("public.pem"), key)?;
        Ok(())
    }

    /// What signs `input` with a mechanism of PKCS#11 after login, into `signature`.
    pub(crate) fn signer(&self, id: &str, mechanism: &str, input: &str) -> Program {
        self.program("pkcs11-tool")
            .args(["--login", "--pin", PASSCODE, "--sign", "--id", id])
            .args(["--mechanism", mechanism, "--input-file", input])
            .args(["--output-file", "signature"])
    }

    /// Enciphers the message to the key in `public.pem` and has the card decipher it, into `plain`.
    pub(crate) fn decipher(&self, id: &str) -> Result<Outcome, RigError> {
        self.succeed(&[
            "openssl",
            "pkeyutl",
            "-encrypt",
            "-pubin",
            "-inkey",
            "public.pem",
            "-in",
            "message",
            "-out",
            "cryptogram",
        ])?;
        self.run(&[
            "pkcs11-tool",
            "--login",
            "--pin",
            PASSCODE,
            "--decrypt",
            "--id",
            id,
            "--mechanism",
            "RSA-PKCS",
            "--input-file",
            "cryptogram",
            "--output-file",
            "plain",
        ])
    }

    /// Makes a key in `key.pem` and a certificate for it in `new.pem`.
    pub(crate) fn self_signed(&self, name: &str) -> Result<String, RigError> {
        self.succeed(&[
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "key.pem",
            "-out",
            "new.pem",
            "-subj",
            &format!("/CN={name}"),
            "-days",
            "10",
        ])
    }

    /// The fingerprint of the certificate in a file.
    pub(crate) fn fingerprint(&self, name: &str) -> Result<String, RigError> {
        self.succeed(&[
            "openssl",
            "x509",
            "-in",
            name,
            "-noout",
            "-fingerprint",
            "-sha256",
        ])
    }

    /// Whether OpenSSL takes `signature` for that of the message.
    pub(crate) fn is_verified(&self, digest: &str) -> Result<bool, RigError> {
        let outcome = self.run(&[
            "openssl",
            "dgst",
            digest,
            "-verify",
            "public.pem",
            "-signature",
            "signature",
            "message",
        ])?;
        Ok(outcome.code() == Some(0))
    }

    /// Writes the DigestInfo of the message to `digest-info`.
    pub(crate) fn digest_info(&self) -> TestResult {
        self.succeed(&[
            "openssl", "dgst", "-sha256", "-binary", "-out", "digest", "message",
        ])?;
        let info = [&SHA_256_INFO[..], &self.read("digest")?].concat();
        fs::write(self.folder().join("digest-info"), info)?;
        Ok(())
    }
}
