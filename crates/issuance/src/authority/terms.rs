use const_oid::ObjectIdentifier;
use jiff::Timestamp;
use series::{CertificateProfile, Slot, Usage};
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};

/// What a person's certificate says beside names, key and validity, as the profile of the series
/// has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateTerms {
    /// What the key may be used for (RFC 5280, 4.2.1.3).
    pub usage: KeyUsage,
    /// Whether the key usage is critical.
    pub usage_critical: bool,
    /// The certificate policy, if any (RFC 5280, 4.2.1.4).
    pub policy: Option<PolicyTerms>,
    /// The last moment the private key may be used, where that is before the certificate ends
    /// (private key usage period, RFC 3280, 4.2.1.4).
    pub key_until: Option<Timestamp>,
}

/// One certificate policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyTerms {
    /// Which.
    pub identifier: ObjectIdentifier,
    /// Whether the extension is critical.
    pub critical: bool,
    /// Where its practice statement is.
    pub practice_statement: Option<String>,
}

impl CertificateTerms {
    /// What a profile asks of the certificate for a slot that is valid between these moments.
    ///
    /// # Errors
    ///
    /// In words, when the profile names a policy that is no object identifier.
    pub fn of(
        profile: &CertificateProfile,
        slot: Slot,
        not_before: Timestamp,
        not_after: Timestamp,
    ) -> Result<Self, String> {
        let usage = match profile.usage(slot) {
            Some(usages) => usages.value.iter().map(|&usage| flag(usage)).collect(),
            // Content commitment alone for signing, as in the estate's own certificates.
            None if slot == Slot::Signing => vec![KeyUsages::NonRepudiation],
            None => vec![KeyUsages::DigitalSignature],
        };
        let mut flags = der::flagset::FlagSet::default();
        for usage in usage {
            flags |= usage;
        }
        let signing = slot == Slot::Signing;
        let policy = profile.signing_policy.as_ref().filter(|_| signing);
        let policy = policy
            .map(|policy| {
                let identifier = policy.value.parse::<ObjectIdentifier>();
                Ok::<_, String>(PolicyTerms {
                    identifier: identifier
                        .map_err(|error| format!("policy `{}`: {error}", policy.value))?,
                    critical: known(profile.signing_policy_critical.as_ref(), true),
                    practice_statement: profile.signing_cps.as_ref().map(|cps| cps.value.clone()),
                })
            })
            .transpose()?;
        let share = profile.signing_key_life_percent.as_ref();
        let key_until = share
            .filter(|share| signing && share.value < 100)
            .map(|share| {
                let life = not_after.as_second() - not_before.as_second();
                let end = not_before.as_second() + life / 100 * i64::from(share.value);
                Timestamp::from_second(end).expect("a moment between two others")
            });
        Ok(Self {
            usage: KeyUsage(flags),
            usage_critical: known(profile.usage_critical.as_ref(), true),
            policy,
            key_until,
        })
    }
}

fn known(value: Option<&series::Known<bool>>, otherwise: bool) -> bool {
    value.map_or(otherwise, |known| known.value)
}

fn flag(usage: Usage) -> KeyUsages {
    match usage {
        Usage::DigitalSignature => KeyUsages::DigitalSignature,
        Usage::NonRepudiation => KeyUsages::NonRepudiation,
        Usage::KeyEncipherment => KeyUsages::KeyEncipherment,
        Usage::DataEncipherment => KeyUsages::DataEncipherment,
        Usage::KeyAgreement => KeyUsages::KeyAgreement,
    }
}
