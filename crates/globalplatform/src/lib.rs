#![doc = include_str!("../README.md")]

mod cplc;
pub mod management;
mod production;
pub mod scp01;
pub mod scp03;
mod security_domain;
mod serial;

pub use cplc::{Cplc, CplcDate, CplcError};
pub use production::{Finding, ProductionData, read_production_data};
pub use security_domain::{
    CARD_MANAGER_AID, GlobalPlatformError, ISSUER_SECURITY_DOMAIN_AID, IssuerSecurityDomain,
    select_issuer_security_domain,
};
pub use serial::{CardSerial, CardSerialError};
