//! Every kind of signature we make, judged by OpenSSL. The objects are those of `vectors/objects`,
//! which the tests of `piv` make again and compare to the byte.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use hil_tests::Program;
use piv::biometric::BiometricKind;
use piv::objects::{BiometricObject, Chuid, SecureMessagingSigner, SecurityObject};
use tempfile::TempDir;

type TestResult = Result<(), Box<dyn Error>>;

const SIGNERS: [&str; 4] = ["p256", "p384", "rsa2048", "rsa3072"];

fn vector(name: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let file = format!("../vectors/objects/{name}.hex");
    let digits = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file))?;
    Ok(hex::decode(digits.split_whitespace().collect::<String>())?)
}

/// A folder with the certificate of a content signer in PEM.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new(signer: &str) -> Result<Self, Box<dyn Error>> {
        let bench = Self {
            folder: tempfile::tempdir()?,
        };
        let der = vector(&format!("content-signer-{signer}.certificate"))?;
        fs::write(bench.path("signer.der"), der)?;
        Program::foreign("openssl")
            .args(["x509", "-inform", "DER", "-in"])
            .arg(bench.path("signer.der"))
            .arg("-out")
            .arg(bench.path("signer.pem"))
            .succeed()?;
        Ok(bench)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Whether OpenSSL takes a CMS signature for the signer's over this content.
    fn is_signed(&self, signature: &[u8], content: Option<&[u8]>) -> Result<bool, Box<dyn Error>> {
        fs::write(self.path("signature"), signature)?;
        let mut verify = Program::foreign("openssl")
            .args(["cms", "-verify", "-binary", "-inform", "DER", "-in"])
            .arg(self.path("signature"))
            .args(["-purpose", "any", "-certfile"])
            .arg(self.path("signer.pem"))
            .arg("-CAfile")
            .arg(self.path("signer.pem"))
            .arg("-out")
            .arg(self.path("content-out"));
        if let Some(content) = content {
            fs::write(self.path("content"), content)?;
            verify = verify.arg("-content").arg(self.path("content"));
        }
        Ok(verify.outcome()?.code() == Some(0))
    }
}

#[test]
fn openssl_verifies_the_chuid_the_security_object_and_the_biometrics_of_every_signer() -> TestResult
{
    for signer in SIGNERS {
        let bench = Bench::new(signer)?;
        let chuid = Chuid::parse(&vector(&format!("chuid-{signer}"))?)?.value;
        let covered = chuid.covered();
        assert!(
            bench.is_signed(&chuid.signature, Some(&covered))?,
            "{signer}"
        );
        let mut changed = covered;
        changed[10] ^= 1;
        assert!(
            !bench.is_signed(&chuid.signature, Some(&changed))?,
            "{signer}"
        );

        let security = SecurityObject::parse(&vector(&format!("security-object-{signer}"))?)?;
        assert!(bench.is_signed(&security.value.signed, None)?, "{signer}");

        for (kind, name) in [
            (BiometricKind::Fingerprints, "fingerprints"),
            (BiometricKind::Face, "face"),
            (BiometricKind::Iris, "iris"),
        ] {
            let value = vector(&format!("{name}-{signer}"))?;
            let record = BiometricObject::parse(kind, &value)?.value.record()?.value;
            let covered = record.covered();
            assert!(
                bench.is_signed(&record.signature, Some(&covered))?,
                "{name} {signer}"
            );
        }
    }
    Ok(())
}

#[test]
fn openssl_verifies_an_intermediate_cvc() -> TestResult {
    let bench = Bench::new("rsa2048")?;
    let value = vector("secure-messaging-signer-intermediate")?;
    let signer = SecureMessagingSigner::parse(&value)?.value;
    let cvc = signer
        .intermediate_cvc()?
        .ok_or("no Intermediate CVC")?
        .value;
    let signature = cvc.signature.as_ref().ok_or("no signature")?;
    fs::write(bench.path("content"), &cvc.covered)?;
    fs::write(bench.path("signature"), &signature.value)?;
    let key = Program::foreign("openssl")
        .args(["x509", "-noout", "-pubkey", "-in"])
        .arg(bench.path("signer.pem"))
        .succeed()?;
    fs::write(bench.path("key.pem"), key.stdout_bytes())?;
    Program::foreign("openssl")
        .args(["dgst", "-sha256", "-verify"])
        .arg(bench.path("key.pem"))
        .arg("-signature")
        .arg(bench.path("signature"))
        .arg(bench.path("content"))
        .succeed()?;
    Ok(())
}
