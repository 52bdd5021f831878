//! The data objects of a PIV card as types (SP 800-73-5 Part 1, section 3 and Appendix A).
//!
//! What is parsed and encoded here is the value inside the wrapper `53`, as
//! [`crate::Client::get_data`] returns it; for the Discovery Object it is the value inside `7E`.
//! Parsing is lenient: whatever can be read is read, whatever is wrong becomes a
//! [`crate::Finding`]. Encoding is strict: the standard's order, shortest lengths, `FE 00` last.
//! Elements the standard does not know keep their place ([`Extra`]), so that an object without
//! findings is written back as it was read.

mod biometric;
mod bit_group;
mod certificate;
mod chuid;
mod container;
mod discovery;
mod elements;
mod fasc_n;
mod key_history;
mod messaging_signer;
mod pairing_code;
mod printed;
mod security;

pub use biometric::BiometricObject;
pub use bit_group::{BiometricInformationTemplate, BiometricInformationTemplates};
pub use certificate::{CertificateObject, CertificateObjectError};
pub use chuid::Chuid;
pub use container::CardCapabilityContainer;
pub use discovery::{Discovery, PinUsagePolicy, PrimaryPin};
pub use elements::{Extra, Layout, ObjectError, Presence, Size, Spec};
pub use fasc_n::{FascN, FascNError, FascNFields};
pub use key_history::KeyHistory;
pub use messaging_signer::SecureMessagingSigner;
pub use pairing_code::PairingCode;
pub use printed::PrintedInformation;
pub use security::{Mapping, SecurityObject};

use crate::words::ObjectId;

impl Layout {
    /// The table of an object made of elements with one-byte tags. `None` for those of BER-TLV
    /// objects (Discovery Object, biometric information templates) and for the pairing code, whose
    /// value is not taken apart by others than its own type. Of the secure messaging certificate
    /// signer it names what comes before the Intermediate CVC.
    #[must_use]
    pub const fn of(object: ObjectId) -> Option<&'static Self> {
        Some(match object {
            ObjectId::CardCapabilityContainer => &container::LAYOUT,
            ObjectId::Chuid => &chuid::LAYOUT,
            ObjectId::AuthenticationCertificate
            | ObjectId::CardAuthenticationCertificate
            | ObjectId::SignatureCertificate
            | ObjectId::KeyManagementCertificate => &certificate::LAYOUT,
            ObjectId::RetiredCertificate(_) => &certificate::RETIRED_LAYOUT,
            ObjectId::Fingerprints => &biometric::FINGERPRINTS,
            ObjectId::FacialImage => &biometric::FACE,
            ObjectId::IrisImages => &biometric::IRIS,
            ObjectId::SecurityObject => &security::LAYOUT,
            ObjectId::PrintedInformation => &printed::LAYOUT,
            ObjectId::KeyHistory => &key_history::LAYOUT,
            ObjectId::SecureMessagingSigner => &messaging_signer::LAYOUT,
            ObjectId::Discovery
            | ObjectId::BiometricInformationTemplates
            | ObjectId::PairingCode => return None,
        })
    }
}
