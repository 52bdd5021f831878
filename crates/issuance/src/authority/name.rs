use const_oid::db::rfc4519;
use der::asn1::{Any, SetOfVec, Utf8StringRef};
use der::{Decode, Encode};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::spki::ObjectIdentifier;

use crate::request::UserId;

/// The subject of a person's certificates, as in the estate's own:
/// `O=nhs, OU=People, CN=<12 digits>_<NAME>`. Readers take the 12 digits at the start of the
/// common name as the user's number.
#[must_use]
pub fn subject_name(
    organisation: &str,
    organisational_unit: &str,
    user: UserId,
    name: &str,
) -> Name {
    let common_name = format!("{user}_{}", name.to_uppercase());
    plain_name(&[
        (rfc4519::ORGANIZATION_NAME, organisation),
        (rfc4519::ORGANIZATIONAL_UNIT_NAME, organisational_unit),
        (rfc4519::COMMON_NAME, &common_name),
    ])
}

/// A name of the given attributes, one in each RDN, as UTF-8.
///
/// Built from parts, not parsed from a string: people's names may hold any character.
pub(super) fn plain_name(attributes: &[(ObjectIdentifier, &str)]) -> Name {
    let mut sequence = RdnSequence::default();
    for (oid, text) in attributes {
        let value = Utf8StringRef::new(text).expect("a text has fewer bytes than DER can count");
        let mut set = SetOfVec::new();
        set.insert(AttributeTypeAndValue {
            oid: *oid,
            value: Any::from(value),
        })
        .expect("one attribute cannot repeat itself");
        sequence.push(RelativeDistinguishedName::from(set));
    }
    let der = sequence.to_der().expect("a name of short texts encodes");
    Name::from_der(&der).expect("what was just encoded decodes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_name_starts_with_the_users_digits() {
        let user = "555253521108".parse().unwrap();
        let name = subject_name("nhs", "People", user, "Zoë O'Neill, née Müller+Co");
        assert_eq!(
            name.common_name().unwrap().unwrap().value(),
            "555253521108_ZOË O'NEILL, NÉE MÜLLER+CO"
        );
        assert_eq!(name.organization().unwrap().unwrap().value(), "nhs");
        assert_eq!(name.len(), 3);
    }
}
