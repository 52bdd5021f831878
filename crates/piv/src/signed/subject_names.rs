use der::asn1::OctetString;
use uuid::Uuid;
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::oid;
use crate::objects::FascN;

/// What the subjectAltName of a certificate says of its card (SP 800-73-5 Part 1, 3.4).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SubjectNames {
    /// Each otherName pivFASC-N of 25 bytes.
    pub fasc_n: Vec<FascN>,
    /// Each `urn:uuid:`.
    pub uuids: Vec<Uuid>,
    /// The others in words.
    pub others: Vec<String>,
}

impl SubjectNames {
    /// Reads the subjectAltName; nothing where there is none.
    ///
    /// # Errors
    ///
    /// What the decoder says.
    pub fn of(certificate: &Certificate) -> Result<Self, der::Error> {
        let mut names = Self::default();
        let Some((_, SubjectAltName(all))) = certificate.tbs_certificate().get_extension()? else {
            return Ok(names);
        };
        for name in &all {
            names.take(name);
        }
        Ok(names)
    }

    fn take(&mut self, name: &GeneralName) {
        match name {
            GeneralName::OtherName(other) if other.type_id == oid::FASC_N => {
                let octets = other.value.decode_as::<OctetString>().ok();
                match octets.and_then(|octets| octets.as_bytes().try_into().ok()) {
                    Some(bytes) => self.fasc_n.push(FascN::from_bytes(bytes)),
                    None => self.others.push("a malformed FASC-N".to_owned()),
                }
            }
            GeneralName::OtherName(other) => {
                self.others.push(format!("otherName `{}`", other.type_id));
            }
            GeneralName::UniformResourceIdentifier(uri) => {
                let text = uri.as_str();
                let uuid = text
                    .strip_prefix("urn:uuid:")
                    .and_then(|uuid| Uuid::try_parse(uuid).ok());
                match uuid {
                    Some(uuid) => self.uuids.push(uuid),
                    None => self.others.push(format!("URI `{text}`")),
                }
            }
            GeneralName::Rfc822Name(_) => self.others.push("an e-mail address".to_owned()),
            GeneralName::DnsName(_) => self.others.push("a DNS name".to_owned()),
            GeneralName::DirectoryName(_) => self.others.push("a directory name".to_owned()),
            _ => self.others.push("a name of another form".to_owned()),
        }
    }
}
