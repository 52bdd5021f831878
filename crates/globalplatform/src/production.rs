use iso7816::ber::{self, Tag};
use iso7816::{Channel, Command, Expected, Instruction, StatusWord};
use serde::Serialize;

use crate::{
    CardSerial, Cplc, GlobalPlatformError, IssuerSecurityDomain, select_issuer_security_domain,
};

/// What was written into a card during production, as far as it tells.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ProductionData {
    /// The issuer security domain, if it could be selected.
    pub issuer_security_domain: Option<IssuerSecurityDomain>,
    /// Card production life cycle data, tag 9F7F.
    pub cplc: Option<Cplc>,
    /// Issuer identification number, tag 42 (ISO/IEC 7812-1, or the issuer's own).
    #[serde(serialize_with = "optional_hex")]
    pub issuer_identification_number: Option<Vec<u8>>,
    /// Card image number, tag 45: the card's number with its issuer.
    #[serde(serialize_with = "optional_hex")]
    pub card_image_number: Option<Vec<u8>>,
    /// What the card gave malformed.
    pub findings: Vec<Finding>,
}

/// An object the card gave malformed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// The object (`CPLC`).
    pub object: &'static str,
    /// What is wrong with it.
    pub detail: String,
    /// What the card answered, without the status word.
    #[serde(serialize_with = "hex::serialize_upper")]
    pub raw: Vec<u8>,
}

impl ProductionData {
    /// The chip's serial where the card tells it, otherwise the issuer's. The chip's comes first
    /// because it cannot change: some cards arrive without issuer and card number, which the
    /// issuer writes later.
    #[must_use]
    pub fn serial(&self) -> Option<CardSerial> {
        self.chip_serial().or_else(|| self.issuer_serial())
    }

    /// The first 18 bytes of the CPLC, from IC fabricator to IC batch. The serial number alone is
    /// unique within its batch only. None if serial number and batch are blank.
    #[must_use]
    pub fn chip_serial(&self) -> Option<CardSerial> {
        let cplc = self.cplc.as_ref()?;
        let bytes = cplc.to_bytes();
        CardSerial::new(&bytes[12..18]).ok()?;
        CardSerial::new(&bytes[..18]).ok()
    }

    /// Issuer identification number and card image number, one after the other. None unless the
    /// card has both.
    #[must_use]
    pub fn issuer_serial(&self) -> Option<CardSerial> {
        let issuer = self.issuer_identification_number.as_ref()?;
        let card = self.card_image_number.as_ref()?;
        CardSerial::new(&card[..]).ok()?;
        CardSerial::new([&issuer[..], card].concat()).ok()
    }
}

/// Selects the issuer security domain and reads what production left there.
///
/// Whatever was selected before is deselected and loses its security status. What the card does
/// not have is `None`.
///
/// # Errors
///
/// [`GlobalPlatformError::Channel`] when the card was lost.
pub fn read_production_data(channel: &mut Channel) -> Result<ProductionData, GlobalPlatformError> {
    let issuer_security_domain = select_issuer_security_domain(channel)?;
    let mut findings = Vec::new();
    let cplc = get_data(channel, Cplc::TAG)?.and_then(|raw| {
        Cplc::parse(&raw)
            .map_err(|error| {
                findings.push(Finding {
                    object: "CPLC",
                    detail: error.to_string(),
                    raw,
                });
            })
            .ok()
    });
    let mut number = |channel: &mut Channel, object, tag| -> Result<_, GlobalPlatformError> {
        let Some(raw) = get_data(channel, tag)? else {
            return Ok(None);
        };
        match ber::expect(tag, &raw) {
            Ok([]) => Ok(None),
            Ok(value) => Ok(Some(value.to_vec())),
            Err(error) => {
                findings.push(Finding {
                    object,
                    detail: error.to_string(),
                    raw,
                });
                Ok(None)
            }
        }
    };
    let issuer_identification_number = number(channel, "IIN", Tag(0x42))?;
    let card_image_number = number(channel, "CIN", Tag(0x45))?;
    Ok(ProductionData {
        issuer_security_domain,
        cplc,
        issuer_identification_number,
        card_image_number,
        findings,
    })
}

/// GET DATA (GlobalPlatform Card Specification 2.3.1, 11.3), with the interindustry class where
/// the card does not take GlobalPlatform's. None if the card refuses or gives nothing.
fn get_data(channel: &mut Channel, tag: Tag) -> Result<Option<Vec<u8>>, GlobalPlatformError> {
    let (p1, p2) = ((tag.0 >> 8) as u8, tag.0 as u8);
    for class in [0x80, 0x00] {
        let command = Command::new(class, Instruction::GET_DATA_P1P2, p1, p2)
            .with_expected(Expected::SHORT_MAX);
        let response = channel.transmit(&command)?;
        if response.status != StatusWord::CLASS_NOT_SUPPORTED {
            let given = response.status.is_ok() && !response.data.is_empty();
            return Ok(given.then(|| response.data.to_vec()));
        }
    }
    Ok(None)
}

fn optional_hex<S: serde::Serializer>(
    bytes: &Option<Vec<u8>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) => serializer.collect_str(&hex::encode_upper(bytes)),
        None => serializer.serialize_none(),
    }
}
