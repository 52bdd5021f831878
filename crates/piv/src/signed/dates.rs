use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use x509_cert::Certificate;
use x509_cert::time::Time;

use super::CertificateRole;
use crate::Finding;
use crate::biometric::{BiometricKind, CbeffHeader};

const CERTIFICATES: &str = "FIPS 201-3, 4.2.2; SP 800-85B-4, 11.1.2 and 11.2.2";
const SIGNER: &str = "SP 800-73-5 Part 1, 3.1.2; SP 800-85B-4, 11.7.2";
const CARD: &str = "SP 800-73-5 Part 1, 3.1.2";
const PRINTED: &str = "SP 800-73-5 Part 1, 3.2.3";
const BIOMETRIC: &str = "SP 800-76-2, Table 14";

/// Until when the things on a card say they are valid, each the last day in UTC.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CardDates {
    /// The CHUID's expiration date: that of the card.
    pub chuid: Option<Date>,
    /// The one in the Printed Information.
    pub printed: Option<Date>,
    /// Those of the certificates.
    pub certificates: Vec<(CertificateRole, Date)>,
    /// Those of the biometrics.
    pub biometrics: Vec<(BiometricKind, Date)>,
}

impl CardDates {
    /// Adds the last day of a certificate.
    pub fn add_certificate(&mut self, role: CertificateRole, certificate: &Certificate) {
        let not_after = certificate.tbs_certificate().validity().not_after;
        // Times in certificates end with the year 9999, as days do.
        self.certificates
            .extend(day_of(not_after).map(|day| (role, day)));
    }

    /// Adds the last day of a biometric; one that is no date is a finding of its header.
    pub fn add_biometric(&mut self, kind: BiometricKind, header: &CbeffHeader) {
        let not_after = header.not_after.datetime();
        self.biometrics
            .extend(not_after.map(|moment| (kind, moment.date())));
    }

    fn of(&self, role: CertificateRole) -> Option<Date> {
        let mut dates = self.certificates.iter();
        dates.find(|(of, _)| *of == role).map(|(_, date)| *date)
    }
}

/// Compares the dates on a card with each other and, if it is given, with the day of today.
#[must_use]
pub fn check_dates(dates: &CardDates, today: Option<Date>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(card) = dates.chuid {
        if let Some(printed) = dates.printed.filter(|printed| *printed != card) {
            findings.push(Finding::warning(
                PRINTED,
                format!("Printed Information: expires {printed}, the CHUID {card}"),
            ));
        }
        for (role, expiry) in &dates.certificates {
            findings.extend(outlives_card(*role, *expiry, card));
        }
        for (kind, expiry) in &dates.biometrics {
            if *expiry < card {
                findings.push(Finding::warning(
                    BIOMETRIC,
                    format!("{kind}: valid until {expiry}, the CHUID until {card}"),
                ));
            }
        }
    }
    if let Some(signer) = dates.of(CertificateRole::ContentSigner)
        && let Some(card) = dates.of(CertificateRole::CardAuthentication)
        && signer < card
    {
        findings.push(Finding::violation(
            SIGNER,
            format!(
                "{}: expires {signer}, before the {}, {card}",
                CertificateRole::ContentSigner,
                CertificateRole::CardAuthentication
            ),
        ));
    }
    if let Some(today) = today {
        findings.extend(expired(dates, today));
    }
    findings
}

fn outlives_card(role: CertificateRole, expiry: Date, card: Date) -> Option<Finding> {
    if expiry <= card {
        return None;
    }
    let message = format!("{role}: expires {expiry}, after the CHUID, {card}");
    match role {
        CertificateRole::Authentication | CertificateRole::Signature => {
            Some(Finding::violation(CERTIFICATES, message))
        }
        CertificateRole::CardAuthentication | CertificateRole::KeyManagement => {
            Some(Finding::warning(CERTIFICATES, message))
        }
        // It signs many cards and must outlive them.
        CertificateRole::ContentSigner => None,
    }
}

fn expired(dates: &CardDates, today: Date) -> impl Iterator<Item = Finding> {
    let card = dates
        .chuid
        .filter(|expiry| *expiry < today)
        .map(|expiry| Finding::warning(CARD, format!("the card expired {expiry}")));
    let certificates = dates
        .certificates
        .iter()
        .filter(move |(_, expiry)| *expiry < today)
        .map(|(role, expiry)| {
            let clause = match role {
                CertificateRole::ContentSigner => SIGNER,
                _ => CERTIFICATES,
            };
            Finding::warning(clause, format!("{role}: expired {expiry}"))
        });
    card.into_iter().chain(certificates)
}

/// The day of a time in a certificate, in UTC.
pub(super) fn day_of(time: Time) -> Option<Date> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
    let moment = Timestamp::from_second(seconds).ok()?;
    Some(moment.to_zoned(TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn good() -> CardDates {
        let card = date(2031, 12, 31);
        CardDates {
            chuid: Some(card),
            printed: Some(card),
            certificates: vec![
                (CertificateRole::Authentication, card),
                (CertificateRole::CardAuthentication, card),
                (CertificateRole::Signature, date(2030, 1, 1)),
                (CertificateRole::KeyManagement, card),
                (CertificateRole::ContentSigner, date(2035, 1, 1)),
            ],
            biometrics: vec![(BiometricKind::Face, card)],
        }
    }

    fn only(change: impl Fn(&mut CardDates)) -> String {
        let mut dates = good();
        change(&mut dates);
        let findings = check_dates(&dates, None);
        assert_eq!(findings.len(), 1, "{findings:?}");
        format!("{}: {}", findings[0].severity, findings[0].message)
    }

    #[test]
    fn dates_that_fit_have_no_findings() {
        assert_eq!(check_dates(&good(), None), []);
        assert_eq!(check_dates(&good(), Some(date(2029, 5, 5))), []);
        assert_eq!(
            check_dates(&CardDates::default(), Some(date(2029, 5, 5))),
            []
        );
    }

    #[test]
    fn each_date_that_does_not_fit_is_named() {
        let later = date(2032, 1, 1);
        assert_eq!(
            only(|it| it.certificates[0].1 = later),
            "violation: certificate for PIV Authentication: expires 2032-01-01, after the CHUID, \
             2031-12-31"
        );
        assert!(
            only(|it| it.certificates[2].1 = later).starts_with("violation: certificate for Di")
        );
        assert!(
            only(|it| it.certificates[1].1 = later).starts_with("warning: certificate for Card")
        );
        assert!(
            only(|it| it.certificates[3].1 = later).starts_with("warning: certificate for Key")
        );
        assert_eq!(
            only(|it| it.certificates[4].1 = date(2031, 12, 30)),
            "violation: certificate of the content signer: expires 2031-12-30, before the \
             certificate for Card Authentication, 2031-12-31"
        );
        assert_eq!(
            only(|it| it.printed = Some(later)),
            "warning: Printed Information: expires 2032-01-01, the CHUID 2031-12-31"
        );
        assert_eq!(
            only(|it| it.biometrics[0].1 = date(2031, 1, 1)),
            "warning: facial image: valid until 2031-01-01, the CHUID until 2031-12-31"
        );
    }

    #[test]
    fn what_has_expired_by_today_is_named() {
        assert_eq!(check_dates(&good(), Some(date(2031, 12, 31))).len(), 1);
        let findings = check_dates(&good(), Some(date(2032, 1, 1)));
        assert_eq!(findings.len(), 5);
        assert_eq!(findings[0].message, "the card expired 2031-12-31");
    }
}
