//! A simulated card made from a card image.

use std::path::Path;

use ::piv::words::{KeyReference, ObjectId, PinReference};
use card_image::{CardImage, Content};
use ground::{Blame, Blamed};
use iso7816::ber::{self, Tag};
use iso7816::{Protocol, StatusWord};
use thiserror::Error;

use super::keys::PrivateKey;
use super::nvm::{Cell, Memory, StateError, Transaction};
use super::random::seeded;
use super::{Condition, Model, PivChip, factory, personalise, state};

impl PivChip {
    /// A card that holds what the image holds, which lives as long as the process.
    ///
    /// Objects, private keys, tries left, answer to reset, answer to SELECT and production data
    /// are the image's, where it has them. All else, the PIN and the PUK among it, is the model's,
    /// and what the chip can do is the model's whatever the image announces. An object that could
    /// not be read is refused as it was, even after the PIN. A pairing code that was left out of
    /// the image is one that follows from the number.
    ///
    /// # Errors
    ///
    /// [`ImageCardError::UnusableKey`].
    pub fn from_image(
        model: &Model,
        image: &CardImage,
        number: u64,
    ) -> Result<Self, ImageCardError> {
        let mut memory = Memory::volatile();
        memory
            .commit(contents(model, image, number)?)
            .expect("memory without a hook takes every write");
        Ok(Self::over(model.clone(), number, memory))
    }

    /// The card of [`PivChip::from_image`] in a new state file.
    ///
    /// # Errors
    ///
    /// [`ImageCardError::State`] with [`StateError::Occupied`] when the file holds a card already;
    /// [`ImageCardError::UnusableKey`] before anything is written.
    pub fn open_image(
        path: &Path,
        model: &Model,
        image: &CardImage,
        number: u64,
    ) -> Result<Self, ImageCardError> {
        let contents = contents(model, image, number)?;
        let mut memory = Memory::in_file(path)?;
        if memory.get(Cell::Number).is_some() {
            let path = path.display().to_string();
            return Err(StateError::Occupied { path }.into());
        }
        state::put(&mut memory, path, contents)?;
        Ok(Self::over(model.clone(), number, memory))
    }
}

/// Why an image cannot be put on a card.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImageCardError {
    /// The chip cannot hold this private key.
    #[error("key {reference} of the card image is none of RSA-2048, RSA-3072, P-256 and P-384")]
    UnusableKey {
        /// Which key.
        reference: KeyReference,
    },
    /// The state file cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Blamed for ImageCardError {
    fn blame(&self) -> Blame {
        match self {
            Self::UnusableKey { .. } => Blame::OperatorMistake,
            Self::State(error) => error.blame(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnusableKey { .. } => Some("take the key's file out of the image".to_owned()),
            Self::State(error) => error.hint(),
        }
    }
}

/// The answer to reset of a card whose image has none: T=1, and card capabilities that name no
/// product, so that nobody takes the card for one of the model's series.
const NAMELESS: [u8; 14] = [
    0x3B, 0xD5, 0x96, 0x00, 0x81, 0x31, 0xFE, 0x45, 0x80, 0x73, 0x84, 0x21, 0xE0, 0xFE,
];

/// What the memory holds.
fn contents(model: &Model, image: &CardImage, number: u64) -> Result<Transaction, ImageCardError> {
    let mut cells = factory(model, number, Condition::Blank);
    match &image.atr {
        Some(atr) => cells = cells.set(Cell::AnswerToReset, atr.as_slice()),
        None if model.transport.protocol == Protocol::T1 => {
            cells = cells.set(Cell::AnswerToReset, NAMELESS);
        }
        None => {}
    }
    if let Some(answer) = &image.select
        && answer.status.is_ok()
        && !answer.data.is_empty()
    {
        cells = cells.set(Cell::SelectAnswer, answer.data.as_slice());
    }
    let production = &image.production;
    for (tag, value) in [
        (0x9F7F, &production.cplc),
        (0x0042, &production.issuer_identification),
        (0x0045, &production.card_image_number),
    ] {
        if let Some(value) = value {
            let object = ber::object(Tag(u32::from(tag)), value);
            cells = cells.set(Cell::IssuerObject(tag), object);
        }
    }
    for (&object, content) in &image.objects {
        cells = put(cells, object, content);
    }
    if has_hidden_pairing_code(image) {
        let code = personalise::pairing_code(&mut seeded(number, 0));
        cells = cells.set(Cell::Object(ObjectId::PairingCode.tag()), code);
    }
    for (&reference, status) in &image.references {
        if let Some(tries) = tries_left(*status)
            && has(model, reference)
        {
            cells = cells.set(Cell::Tries(reference), [tries]);
        }
    }
    for (&reference, key) in &image.keys {
        let cell = PrivateKey::from_pkcs8(key.pkcs8())
            .and_then(|key| key.to_cell())
            .ok_or(ImageCardError::UnusableKey { reference })?;
        cells = cells.set(Cell::Key(reference), cell.as_slice());
    }
    Ok(cells)
}

fn put(cells: Transaction, object: ObjectId, content: &Content) -> Transaction {
    const DATA: Tag = Tag(0x53);
    let tag = object.tag();
    let wrapper = if object.is_bare() { tag } else { DATA };
    match content {
        Content::Present(value) => cells.set(Cell::Object(tag), ber::object(wrapper, value)),
        Content::Empty => cells.set(Cell::Object(tag), ber::object(wrapper, &[])),
        Content::Malformed(answer) => cells.set(Cell::Object(tag), answer.as_slice()),
        Content::Refused(StatusWord::NOT_FOUND) | Content::Withheld => cells,
        Content::Refused(status) => cells.set(Cell::Refusal(tag), status.0.to_be_bytes()),
    }
}

/// Whether the card of the image had a pairing code that is not in the image: it was left out, or
/// not read and VERIFY knew of it.
fn has_hidden_pairing_code(image: &CardImage) -> bool {
    match image.objects.get(&ObjectId::PairingCode) {
        Some(Content::Withheld) => true,
        Some(Content::Refused(status)) if *status != StatusWord::NOT_FOUND => {
            let verify = image.references.get(&PinReference::PairingCode);
            verify == Some(&StatusWord::VERIFICATION_FAILED)
        }
        _ => false,
    }
}

fn tries_left(status: StatusWord) -> Option<u8> {
    match status {
        StatusWord::BLOCKED => Some(0),
        status => status.tries_left(),
    }
}

/// Whether cards of this model have the reference and count its tries.
fn has(model: &Model, reference: PinReference) -> bool {
    match reference {
        PinReference::Application | PinReference::Unblocking => true,
        PinReference::Global => model.global_pin.is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
