#![doc = include_str!("../README.md")]

mod authentic;
mod authentic_v2;
mod cards;
mod codecs;
mod dispenser;
mod documents;
mod estate_files;
mod faces;
mod link;
mod mutation;
mod objects;
mod serial;

pub use mutation::Mutator;

/// A parser under any bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called: the name of its binary and of its folder in `vectors/corpus`.
    pub name: &'static str,
    /// Feeds it the bytes.
    ///
    /// # Panics
    ///
    /// If the parser breaks its word.
    pub run: fn(&[u8]),
}

const fn named(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

/// All of them.
pub const TARGETS: &[Target] = &[
    named("application", objects::application),
    named("apdu_description", codecs::apdu_description),
    named("atr", codecs::atr),
    named("authentic_attributes", authentic_v2::attributes),
    named("authentic_container", authentic_v2::container),
    named("authentic_credential_policy", authentic::credential_policy),
    named("authentic_file_control", authentic::file_control),
    named("authentic_generated_key", authentic::generated_key),
    named("authentic_host", authentic::host),
    named("authentic_object_list", authentic_v2::object_list),
    named(
        "authentic_token_information",
        authentic_v2::token_information,
    ),
    named("authentic_v2_file", authentic_v2::file_control),
    named("ber", codecs::ber),
    named("bit_group", objects::bit_group),
    named("block", serial::block),
    named("block_protocol", serial::block_protocol),
    named("card", cards::card),
    named(
        "card_capability_container",
        objects::card_capability_container,
    ),
    named("card_image", documents::card_image),
    named("card_model", documents::card_model),
    named("cbeff", objects::cbeff),
    named("certificate", objects::certificate),
    named("certificate_object", objects::certificate_object),
    named("chuid", objects::chuid),
    named("command", codecs::command),
    named("cvc", objects::cvc),
    named("discovery", objects::discovery),
    named("dispenser", dispenser::dispenser),
    named("dispenser_answer", dispenser::dispenser_answer),
    named("dispenser_driver", dispenser::dispenser_driver),
    named("dispenser_frame", dispenser::dispenser_frame),
    named("dispenser_profile", dispenser::dispenser_profile),
    named("estate_inventory", estate_files::inventory),
    named("estate_register", estate_files::register),
    named("face_limits", faces::face_limits),
    named("face_object", objects::face_object),
    named("face_record", objects::face_record),
    named("face_template", faces::face_template),
    named("fingerprints_object", objects::fingerprints_object),
    named("host", cards::host),
    named("icc_profile", faces::icc_profile),
    named("iris_object", objects::iris_object),
    named("iris_record", objects::iris_record),
    named("key_history", objects::key_history),
    named("minutiae_record", objects::minutiae_record),
    named("pairing_code", objects::pairing_code),
    named("photo", faces::photo),
    named("pkcs15_directory", authentic::pkcs15_directory),
    named("pkcs15_structure", authentic::pkcs15_structure),
    named("printed_information", objects::printed_information),
    named("printer", cards::printer),
    named("printer_job", codecs::printer_job),
    named("printer_profile", documents::printer_profile),
    named("printer_reply", codecs::printer_reply),
    named("production_data", codecs::production_data),
    named("profile", documents::profile),
    named("protocol_selection", serial::protocol_selection),
    named("public_key", objects::public_key),
    named("reader_features", dispenser::reader_features),
    named("response", codecs::response),
    named("secure_channel", cards::secure_channel),
    named("secure_messaging", cards::secure_messaging),
    named(
        "secure_messaging_establishment",
        cards::secure_messaging_establishment,
    ),
    named("secure_messaging_signer", objects::secure_messaging_signer),
    named("security_object", objects::security_object),
    named("serial_driver", serial::serial_driver),
    named("serial_frame", serial::serial_frame),
    named("serial_reader", serial::serial_reader),
    named("status_list", codecs::status_list),
    named("transcript", documents::transcript),
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_targets_have_the_same_name() {
        let mut names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TARGETS.len());
    }
}
