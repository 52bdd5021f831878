//! What has to be said of single cases: where the text of the list is not what is done, and why a
//! case is not carried out.

use super::Case;

/// What is to be said of a case.
pub(super) fn of(case: &Case) -> Option<&'static str> {
    let by_case = BY_CASE.iter().find(|(id, _)| *id == case.id);
    let by_check = || {
        let check = case.check.as_deref()?;
        BY_CHECK.iter().find(|(of, _)| *of == check)
    };
    by_case
        .map(|(_, remark)| *remark)
        .or_else(|| by_check().map(|(_, remark)| *remark))
}

/// Remarks about a check, wherever it is asked for.
const BY_CHECK: &[(&str, &str)] = &[
    (
        "BERTLV.2",
        "the tag is the one asked for with GET DATA; what comes back must be the object of that tag",
    ),
    (
        "73-4.24",
        "read as the Authentication Key Map `3D`, retired since SP 800-73-3",
    ),
    (
        "76.19",
        "`A` stands in SP 800-76-2 for “as the base standard has it”: a whole view for each finger",
    ),
    (
        "76.32",
        "no number is below 0: the feature points counted must be there",
    ),
    ("CMS.13", "SP 800-78-5 numbers the table 3, SP 800-78-4 3-3"),
    (
        "CMS.15",
        "which extended key usages are taken follows from the rules of the issuer",
    ),
    (
        "PKIX.6",
        "the policies are those of the issuer's rules; without any it is not applicable",
    ),
    ("PKIX.10", "of federal issuers alone"),
    (
        "PKIX.24",
        "addresses over other protocols, such as LDAP, may stand beside it",
    ),
    ("PKIX.25", "the ending is looked at; nothing is fetched"),
    (
        "PKIX.31",
        "addresses over other protocols, such as LDAP, may stand beside it",
    ),
    (
        "73-4.11",
        "removed in SP 800-73-5: of a card of that edition `object.no-removed-elements` fails",
    ),
    (
        "73-4.9",
        "removed in SP 800-73-5: of a card of that edition `object.no-removed-elements` fails",
    ),
    (
        "73-4.4",
        "removed in SP 800-73-5: of a card of that edition `object.no-removed-elements` fails",
    ),
    (
        "73-4.20",
        "removed in SP 800-73-5: of a card of that edition `object.no-removed-elements` fails",
    ),
    (
        "PKIX.11",
        "by a challenge that the card signs, or for 9D decrypts or agrees on",
    ),
];

/// Shifted by one line against 9.1, as the check numbers show.
const SHIFTED: &str = "the text is that of the case before; the check number counts";

/// Remarks about single cases.
const BY_CASE: &[(&str, &str)] = &[
    (
        "8.2.4",
        "SP 800-85B-4, 8.2 says six years in another place; the list's fifteen are taken",
    ),
    (
        "8.6.1.1",
        "the text names the Printed Information; the facial image is meant",
    ),
    (
        "8.6.1.2",
        "the text is about places in a picture: those of the feature points are looked at, and the \
         elements `BC` and `FE`, which the number is about",
    ),
    ("8.11.0.2", "the tag of the Discovery Object has one byte"),
    (
        "8.11.1.4",
        "no vendor data is given; `discovery.application` and `discovery.policy` hold the tags \
         against the standard",
    ),
    (
        "8.13.1",
        "no check is defined; the assertions about certificate objects are about it too",
    ),
    (
        "8.13.2",
        "no check is defined; the assertions about certificate objects are about it too",
    ),
    (
        "8.14",
        "no check is defined; `key-history.matches-the-card` and `object.conforms` are about it",
    ),
    ("9.2.1.1", SHIFTED),
    ("9.2.1.2", SHIFTED),
    ("9.2.1.3", SHIFTED),
    ("9.2.1.4", SHIFTED),
    ("9.2.2.1", SHIFTED),
    ("9.3.1.1", SHIFTED),
    ("9.3.1.2", SHIFTED),
    ("9.3.1.3", SHIFTED),
    ("9.3.1.4", SHIFTED),
    (
        "9.4.1.2",
        "20323000, as the assertion and real cards have it; 20323030 is a warning",
    ),
    ("9.4.1.8", "the images it was made from are not on the card"),
    ("9.4.1.9", "the images it was made from are not on the card"),
    (
        "9.5.1",
        "no check is defined; `object.conforms` holds the templates against SP 800-76-2",
    ),
    (
        "9.6.2.1",
        "no check is defined; `face.image-type` is about it",
    ),
    (
        "9.6.2.2",
        "no check is defined; `face.compression` is about it",
    ),
    (
        "9.6.2.3",
        "no check is defined; `face.colour-space` is about it",
    ),
    ("9.6.2.4", "no check is defined; `face.source` is about it"),
    (
        "9.7.1",
        "no check is defined; `iris.format`, `iris.images-complete` and `iris.eyes` are about it",
    ),
    (
        "9.7.2",
        "no check is defined; `iris.format`, `iris.images-complete` and `iris.eyes` are about it",
    ),
    (
        "10.4.2.2",
        "3, as SP 800-73-5, SP 800-85B-4 and real cards have it; the list says 1",
    ),
    (
        "10.5.1.8",
        "the text names fingerprints; the iris images are meant",
    ),
    (
        "11.7.1.2",
        "the text names the Card Authentication key; the content signer's is meant",
    ),
    (
        "11.7.2.1.2",
        "digitalSignature alone is a warning: no published content signer has nonRepudiation",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_assertion_a_remark_names_exists() {
        let remarks = BY_CASE.iter().map(|(_, remark)| *remark);
        let of_checks = BY_CHECK.iter().map(|(_, remark)| *remark);
        for remark in remarks.chain(of_checks) {
            let named = remark.split('`').skip(1).step_by(2);
            for id in named.filter(|it| it.contains('.')) {
                assert!(crate::assertion(id).is_some(), "`{id}` in `{remark}`");
            }
        }
    }
}
