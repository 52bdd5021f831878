//! The numbers in a card's production data, as identification tells them.

use globalplatform::ProductionData;
use serde::{Serialize, Serializer};

/// IC serial number and IC batch; `None` if the chip was never numbered.
pub(super) fn chip_number(data: &ProductionData) -> Option<[u8; 6]> {
    let cplc = data.cplc?;
    let [a, b, c, d] = match cplc.ic_serial_number {
        0 | u32::MAX => return None,
        serial => serial.to_be_bytes(),
    };
    let [e, f] = cplc.ic_batch.to_be_bytes();
    Some([a, b, c, d, e, f])
}

/// What stands under `numbers` in JSON.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Numbers {
    cplc: Option<Chip>,
    iin: Option<String>,
    cin: Option<String>,
}

/// What identification uses of the production data, and all of it as bytes.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Chip {
    fabricator: String,
    ic_type: String,
    operating_system: String,
    serial: String,
    batch: String,
    raw: String,
}

pub(super) fn serialize<S: Serializer>(
    data: &ProductionData,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    Numbers {
        cplc: data.cplc.map(|cplc| Chip {
            fabricator: format!("{:04X}", cplc.ic_fabricator),
            ic_type: format!("{:04X}", cplc.ic_type),
            operating_system: format!("{:04X}", cplc.operating_system),
            serial: format!("{:08X}", cplc.ic_serial_number),
            batch: format!("{:04X}", cplc.ic_batch),
            raw: hex::encode_upper(cplc.to_bytes()),
        }),
        iin: data
            .issuer_identification_number
            .as_ref()
            .map(hex::encode_upper),
        cin: data.card_image_number.as_ref().map(hex::encode_upper),
    }
    .serialize(serializer)
}
