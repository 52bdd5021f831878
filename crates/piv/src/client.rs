use ground::Ambient;
use iso7816::ber::{self, Tag};
use iso7816::{Channel, Command, Expected, Limits, Protocol, Reset, Response, StatusWord};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::secrets::{AdminKey, Passcode, Puk};
use crate::words::{AID, AID_TRUNCATED, Algorithm, KeyReference, ObjectId, PinReference};
use crate::{Action, MessageDigest, PivError, PublicKey};

mod application;
pub mod commands;

pub use application::{ApplicationProperties, ExtendedLength};

/// A selected PIV application: the host's side of SP 800-73-5 Part 2, section 3.
pub struct Client {
    channel: Channel,
    application: ApplicationProperties,
    /// Ne of every command that expects data of unforeseeable length.
    expected: Expected,
}

/// How a reference stands with the card, read without spending a try.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tries {
    /// Verified already in this session.
    Verified,
    /// This many tries left.
    Left(u8),
    /// None left.
    Blocked,
    /// The card has no such reference.
    NotPresent,
}

/// What was proved by [`Client::authenticate_admin`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AdminAuthentication {
    /// Host and card have proved to each other that they know the key.
    Mutual,
    /// The host has proved it; the card does not offer to.
    External,
}

impl Client {
    /// Selects the PIV application: by its full identifier, and if the card refuses that, without
    /// the version.
    ///
    /// # Errors
    ///
    /// [`PivError::NotPiv`] when the card refuses both, [`PivError::Channel`] when bytes are lost.
    pub fn select(mut channel: Channel) -> Result<Self, PivError> {
        let application = Self::probe(&mut channel)?;
        Ok(Self::from_selected(channel, application))
    }

    /// Selects the PIV application on a channel the caller keeps, for identifying a card.
    ///
    /// # Errors
    ///
    /// As [`Client::select`].
    pub fn probe(channel: &mut Channel) -> Result<ApplicationProperties, PivError> {
        let mut response = send(channel, Action::Select, &commands::select(&AID))?;
        if !response.status.is_ok() {
            response = send(channel, Action::Select, &commands::select(&AID_TRUNCATED))?;
        }
        match response.status {
            StatusWord::OK => Ok(ApplicationProperties::parse(&response.data)),
            status => Err(PivError::NotPiv { status }),
        }
    }

    /// A client on a channel where [`Client::probe`] has selected the application.
    #[must_use]
    pub fn from_selected(channel: Channel, application: ApplicationProperties) -> Self {
        Self {
            channel,
            application,
            expected: Expected::SHORT_MAX,
        }
    }

    /// What the card said about its application.
    #[must_use]
    pub fn application(&self) -> &ApplicationProperties {
        &self.application
    }

    /// Asks for extended length fields, or goes back to short ones. Returns whether extended ones
    /// are used from now on: only if the card announces them, in tag 7F66 or in its answer to
    /// reset, and the protocol is T=1. Without them long data is chained, which every card takes.
    pub fn use_extended(&mut self, wanted: bool) -> bool {
        let announced = self.application.extended_length.or_else(|| {
            application::atr_announces_extended(self.channel.link().atr())
                .then_some(ExtendedLength::UNLIMITED)
        });
        match announced {
            Some(length) if wanted && self.channel.link().protocol() == Protocol::T1 => {
                self.channel.set_limits(Limits {
                    command_data: length.command_data(),
                    ..Limits::SHORT
                });
                self.expected = Expected::new(length.response_data());
                true
            }
            _ => {
                self.channel.set_limits(Limits::SHORT);
                self.expected = Expected::SHORT_MAX;
                false
            }
        }
    }

    /// The channel, for commands outside the standard.
    pub fn channel_mut(&mut self) -> &mut Channel {
        &mut self.channel
    }

    /// Gives the channel back. The card keeps its security status.
    #[must_use]
    pub fn into_channel(self) -> Channel {
        self.channel
    }

    /// Resets the card and selects the application again. All security status is lost.
    ///
    /// # Errors
    ///
    /// [`PivError`].
    pub fn reset(&mut self, reset: Reset) -> Result<(), PivError> {
        self.channel
            .reset(reset)
            .map_err(|error| PivError::Channel {
                action: Action::Reset,
                source: error.into(),
            })?;
        self.application = Self::probe(&mut self.channel)?;
        Ok(())
    }

    /// Reads an object: the value inside tag 53, or inside the object's own tag for the Discovery
    /// Object and the biometric information templates. `None` when the card says that there is no
    /// such object; an object created but not filled is empty.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`], for instance before the PIN; [`PivError::Malformed`] when the
    /// wrapper is not there.
    pub fn get_data(&mut self, object: ObjectId) -> Result<Option<Vec<u8>>, PivError> {
        let wrapper = if object.is_bare() {
            object.tag()
        } else {
            commands::WRAPPER
        };
        let action = Action::Read(object);
        let response = self.read(action, object.tag())?;
        response
            .map(|bytes| unwrap(action, wrapper, &bytes))
            .transpose()
    }

    /// Reads an object as the card gives it, wrapper included.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`].
    pub fn get_data_raw(&mut self, object: ObjectId) -> Result<Option<Vec<u8>>, PivError> {
        self.read(Action::Read(object), object.tag())
    }

    /// Reads an object outside the standard as the card gives it, wrapper included.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`].
    pub fn get_tag_raw(&mut self, tag: Tag) -> Result<Option<Vec<u8>>, PivError> {
        self.read(Action::ReadTag(tag), tag)
    }

    /// Replaces an object. `value` is what [`Client::get_data`] will return; empty empties it.
    /// Needs [`Client::authenticate_admin`].
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`].
    pub fn put_data(&mut self, object: ObjectId, value: &[u8]) -> Result<(), PivError> {
        self.done(Action::Write(object), &commands::put_data(object, value))
    }

    /// Replaces an object outside the standard; `value` goes inside tag 53.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`].
    pub fn put_tag(&mut self, tag: Tag, value: &[u8]) -> Result<(), PivError> {
        self.done(Action::WriteTag(tag), &commands::put_tag(tag, value))
    }

    /// Verifies a passcode or pairing code. A wrong one costs a try.
    ///
    /// # Errors
    ///
    /// [`PivError::WrongPasscode`], [`PivError::Blocked`], [`PivError::Refused`].
    pub fn verify(&mut self, reference: PinReference, passcode: &Passcode) -> Result<(), PivError> {
        let action = Action::Verify(reference);
        let response = self.send(action, &commands::verify(reference, passcode))?;
        verified(action, reference, response.status)
    }

    /// How many tries are left. Spends none.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`] for an answer that says neither.
    pub fn tries(&mut self, reference: PinReference) -> Result<Tries, PivError> {
        let action = Action::ReadTries(reference);
        let status = self.send(action, &commands::read_tries(reference))?.status;
        match (status, status.tries_left()) {
            (StatusWord::OK, _) => Ok(Tries::Verified),
            (StatusWord::BLOCKED, _) | (_, Some(0)) => Ok(Tries::Blocked),
            (_, Some(left)) => Ok(Tries::Left(left)),
            (StatusWord::REFERENCE_NOT_FOUND, _) => Ok(Tries::NotPresent),
            _ => Err(PivError::Refused { action, status }),
        }
    }

    /// Makes the card forget that the reference was verified. Costs no try.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`] from cards older than SP 800-73-4.
    pub fn logout(&mut self, reference: PinReference) -> Result<(), PivError> {
        self.done(Action::LogOut(reference), &commands::log_out(reference))
    }

    /// Changes the PIV PIN. A wrong old one costs a try.
    ///
    /// # Errors
    ///
    /// As [`Client::verify`].
    pub fn change_passcode(&mut self, old: &Passcode, new: &Passcode) -> Result<(), PivError> {
        self.change(PinReference::Application, old.padded(), new.padded())
    }

    /// Changes the Global PIN. A wrong old one costs a try.
    ///
    /// # Errors
    ///
    /// As [`Client::verify`].
    pub fn change_global_passcode(
        &mut self,
        old: &Passcode,
        new: &Passcode,
    ) -> Result<(), PivError> {
        self.change(PinReference::Global, old.padded(), new.padded())
    }

    /// Changes the PUK. A wrong old one costs a try of the PUK.
    ///
    /// # Errors
    ///
    /// As [`Client::verify`], about the PUK.
    pub fn change_puk(&mut self, old: &Puk, new: &Puk) -> Result<(), PivError> {
        self.change(PinReference::Unblocking, old.bytes(), new.bytes())
    }

    /// Sets a new PIV PIN with the PUK and gives it all its tries back.
    ///
    /// # Errors
    ///
    /// As [`Client::verify`], about the PUK.
    pub fn reset_retry_counter(&mut self, puk: &Puk, new: &Passcode) -> Result<(), PivError> {
        let response = self.send(Action::Unblock, &commands::reset_retry_counter(puk, new))?;
        verified(Action::Unblock, PinReference::Unblocking, response.status)
    }

    /// Authenticates with key 9B, mutually if the card can (SP 800-73-5 Part 2, A.1), else the
    /// host alone. The challenge is drawn from `ambient`.
    ///
    /// # Errors
    ///
    /// [`PivError::WrongAdminKey`] when the card does not accept the host,
    /// [`PivError::CardNotGenuine`] when the host does not accept the card, whatever else the card
    /// says; [`PivError::Refused`] and [`PivError::Malformed`].
    pub fn authenticate_admin(
        &mut self,
        key: &AdminKey,
        ambient: &dyn Ambient,
    ) -> Result<AdminAuthentication, PivError> {
        let action = Action::AuthenticateAdmin;
        let request = commands::request_witness(key.algorithm());
        let response = self.send(action, &request)?;
        match response.status {
            StatusWord::OK => self.authenticate_mutually(key, &response.data, ambient),
            // How cards say that they do not know the form, as opposed to the key.
            StatusWord::WRONG_DATA
            | StatusWord::FUNCTION_NOT_SUPPORTED
            | StatusWord::WRONG_P1P2
            | StatusWord::WRONG_LENGTH
            | StatusWord::CONDITIONS_NOT_SATISFIED => self.authenticate_externally(key),
            status => Err(PivError::Refused { action, status }),
        }
    }

    /// Replaces key 9B by the vendor command [`commands::set_admin_key`]. Needs
    /// [`Client::authenticate_admin`] with the old key.
    ///
    /// # Errors
    ///
    /// [`PivError::Impossible`] for a weak key, [`PivError::Refused`].
    pub fn set_admin_key(&mut self, key: &AdminKey) -> Result<(), PivError> {
        let action = Action::SetAdminKey;
        if key.is_weak() {
            return Err(PivError::Impossible {
                action,
                what: format!("the new {} key is weak", key.algorithm()),
            });
        }
        self.done(action, &commands::set_admin_key(key))
    }

    /// Generates a key pair on the card and returns its public half. Needs
    /// [`Client::authenticate_admin`]. Any key in that place is lost.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`]; [`PivError::Malformed`] also when the key is of another algorithm
    /// than asked for.
    pub fn generate(
        &mut self,
        key: KeyReference,
        algorithm: Algorithm,
    ) -> Result<PublicKey, PivError> {
        let action = Action::Generate(key, algorithm);
        let command = self.long(commands::generate(key, algorithm));
        let data = self.data(action, &command)?;
        let malformed = |what| PivError::Malformed { action, what };
        let public = PublicKey::parse(&data).map_err(|error| malformed(error.to_string()))?;
        // The point of a secure messaging key is on the curve of its suite.
        let curve = match algorithm {
            Algorithm::CipherSuite2 => Algorithm::P256,
            Algorithm::CipherSuite7 => Algorithm::P384,
            algorithm => algorithm,
        };
        if public.algorithm() != Some(curve) {
            let actual = public
                .algorithm()
                .map_or("RSA of another size".to_owned(), |actual| {
                    actual.to_string()
                });
            return Err(malformed(format!("a {actual} key, expected {curve}")));
        }
        Ok(public)
    }

    /// Signs a digest: PKCS#1 v1.5 for RSA, made up by the host; ECDSA in DER for P-256 and P-384,
    /// the digest cut or filled with zeros on the left to the size of the curve.
    ///
    /// # Errors
    ///
    /// [`PivError::Impossible`] for algorithms that do not sign, [`PivError::Refused`],
    /// [`PivError::Malformed`].
    pub fn sign_digest(
        &mut self,
        key: KeyReference,
        algorithm: Algorithm,
        digest: &MessageDigest,
    ) -> Result<Vec<u8>, PivError> {
        let action = Action::Sign(key, algorithm);
        let input = match algorithm {
            Algorithm::P256 => Some(digest.fitted(32)),
            Algorithm::P384 => Some(digest.fitted(48)),
            _ => rsa_size(algorithm).and_then(|size| digest.padded(size)),
        }
        .ok_or_else(|| PivError::Impossible {
            action,
            what: format!("{algorithm} does not sign"),
        })?;
        let signature = self.sign_raw(key, algorithm, &input)?;
        let well_formed = match algorithm {
            Algorithm::P256 => p256::ecdsa::Signature::from_der(&signature).is_ok(),
            Algorithm::P384 => p384::ecdsa::Signature::from_der(&signature).is_ok(),
            _ => signature.len() == input.len(),
        };
        if !well_formed {
            return Err(PivError::Malformed {
                action,
                what: format!("{} bytes are no {algorithm} signature", signature.len()),
            });
        }
        Ok(signature)
    }

    /// Has the card apply a private key to `input` as it is: a padded block for RSA, a digest for
    /// ECDSA.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`], [`PivError::Malformed`].
    pub fn sign_raw(
        &mut self,
        key: KeyReference,
        algorithm: Algorithm,
        input: &[u8],
    ) -> Result<Vec<u8>, PivError> {
        let command = commands::private_key_operation(algorithm, key, input);
        let output = self.authenticate(Action::Sign(key, algorithm), command)?;
        Ok(output.to_vec())
    }

    /// Has the card apply an RSA private key to a ciphertext. The padding is left in place.
    ///
    /// # Errors
    ///
    /// [`PivError::Impossible`] for other algorithms or a ciphertext that is not of the key's
    /// size, [`PivError::Refused`], [`PivError::Malformed`].
    pub fn decipher_raw(
        &mut self,
        key: KeyReference,
        algorithm: Algorithm,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PivError> {
        let action = Action::Decipher(key, algorithm);
        if rsa_size(algorithm) != Some(ciphertext.len()) {
            return Err(PivError::Impossible {
                action,
                what: format!("{} bytes are no {algorithm} ciphertext", ciphertext.len()),
            });
        }
        let command = commands::private_key_operation(algorithm, key, ciphertext);
        let plain = self.authenticate(action, command)?;
        exactly(action, ciphertext.len(), plain)
    }

    /// Agrees on a secret with the holder of `peer`, an uncompressed point: the X coordinate, 32
    /// bytes for P-256 and 48 for P-384.
    ///
    /// # Errors
    ///
    /// [`PivError::Impossible`] for other algorithms or a point not on the curve,
    /// [`PivError::Refused`], [`PivError::Malformed`].
    pub fn agree(
        &mut self,
        key: KeyReference,
        algorithm: Algorithm,
        peer: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PivError> {
        let action = Action::Agree(key, algorithm);
        let size = match (algorithm, PublicKey::from_point(peer)) {
            (Algorithm::P256, Ok(PublicKey::P256(_))) => 32,
            (Algorithm::P384, Ok(PublicKey::P384(_))) => 48,
            _ => {
                return Err(PivError::Impossible {
                    action,
                    what: format!("{} bytes are no point on {algorithm}", peer.len()),
                });
            }
        };
        let secret = self.authenticate(action, commands::agree(algorithm, key, peer))?;
        exactly(action, size, secret)
    }

    /// Random bytes from the card: a challenge of key 9B, of the block size of its algorithm. A
    /// card may refuse a second one in a row.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`], [`PivError::Malformed`].
    pub fn challenge(&mut self, algorithm: Algorithm) -> Result<Vec<u8>, PivError> {
        let action = Action::Challenge;
        let data = self.data(action, &commands::request_challenge(algorithm))?;
        template_element(action, commands::CHALLENGE, &data)
    }

    fn authenticate_mutually(
        &mut self,
        key: &AdminKey,
        response: &[u8],
        ambient: &dyn Ambient,
    ) -> Result<AdminAuthentication, PivError> {
        let action = Action::AuthenticateAdmin;
        let mut witness = template_element(action, commands::WITNESS, response)?;
        one_block(action, key, "witness", &witness)?;
        key.decrypt(&mut witness);

        let mut challenge = vec![0; key.block_size()];
        ambient.fill_random(&mut challenge);
        let command = commands::answer_witness(key.algorithm(), &witness, &challenge);
        let response = self.send(action, &command)?;
        admin_accepted(action, response.status)?;

        let mut expected = challenge;
        key.encrypt(&mut expected);
        let cryptogram = template_element(action, commands::RESPONSE, &response.data)?;
        if bool::from(cryptogram.ct_eq(&expected)) {
            Ok(AdminAuthentication::Mutual)
        } else {
            Err(PivError::CardNotGenuine { action })
        }
    }

    fn authenticate_externally(&mut self, key: &AdminKey) -> Result<AdminAuthentication, PivError> {
        let action = Action::AuthenticateAdmin;
        let request = commands::request_challenge(key.algorithm());
        let mut block =
            template_element(action, commands::CHALLENGE, &self.data(action, &request)?)?;
        one_block(action, key, "challenge", &block)?;
        key.encrypt(&mut block);
        let answer = commands::answer_challenge(key.algorithm(), &block);
        let response = self.send(action, &answer)?;
        admin_accepted(action, response.status)?;
        Ok(AdminAuthentication::External)
    }

    fn change(
        &mut self,
        reference: PinReference,
        old: &[u8; 8],
        new: &[u8; 8],
    ) -> Result<(), PivError> {
        let action = Action::Change(reference);
        let response = self.send(action, &commands::change_reference(reference, old, new))?;
        verified(action, reference, response.status)
    }

    fn read(&mut self, action: Action, tag: Tag) -> Result<Option<Vec<u8>>, PivError> {
        let command = self.long(commands::get_data(tag));
        let response = self.send(action, &command)?;
        match response.status {
            StatusWord::OK => Ok(Some(response.data.to_vec())),
            StatusWord::NOT_FOUND => Ok(None),
            status => Err(PivError::Refused { action, status }),
        }
    }

    /// Sends a GENERAL AUTHENTICATE and returns its response element.
    fn authenticate(
        &mut self,
        action: Action,
        command: Command,
    ) -> Result<Zeroizing<Vec<u8>>, PivError> {
        let command = self.long(command);
        let data = self.data(action, &command)?;
        template_element(action, commands::RESPONSE, &data).map(Zeroizing::new)
    }

    fn done(&mut self, action: Action, command: &Command) -> Result<(), PivError> {
        self.data(action, command).map(drop)
    }

    fn data(&mut self, action: Action, command: &Command) -> Result<Zeroizing<Vec<u8>>, PivError> {
        let response = self.send(action, command)?;
        match response.status {
            StatusWord::OK => Ok(response.data),
            status => Err(PivError::Refused { action, status }),
        }
    }

    fn send(&mut self, action: Action, command: &Command) -> Result<Response, PivError> {
        send(&mut self.channel, action, command)
    }

    /// The command, asking for as much as one response may hold.
    fn long(&self, command: Command) -> Command {
        command.with_expected(self.expected)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("channel", &self.channel)
            .field("label", &self.application.label)
            .finish_non_exhaustive()
    }
}

fn send(channel: &mut Channel, action: Action, command: &Command) -> Result<Response, PivError> {
    channel
        .transmit(command)
        .map_err(|source| PivError::Channel { action, source })
}

/// What the status word says about a passcode that was sent.
fn verified(action: Action, reference: PinReference, status: StatusWord) -> Result<(), PivError> {
    match (status, status.tries_left()) {
        (StatusWord::OK, _) => Ok(()),
        (StatusWord::BLOCKED, _) => Err(PivError::Blocked {
            action,
            what: reference,
        }),
        (StatusWord::VERIFICATION_FAILED, tries_left) | (_, tries_left @ Some(_)) => {
            Err(PivError::WrongPasscode {
                action,
                reference,
                tries_left,
            })
        }
        _ => Err(PivError::Refused { action, status }),
    }
}

/// What the status word says about an answer made with key 9B.
fn admin_accepted(action: Action, status: StatusWord) -> Result<(), PivError> {
    match status {
        StatusWord::OK => Ok(()),
        StatusWord::SECURITY_STATUS_NOT_SATISFIED
        | StatusWord::VERIFICATION_FAILED
        | StatusWord::WRONG_DATA => Err(PivError::WrongAdminKey { action, status }),
        status if status.tries_left().is_some() => Err(PivError::WrongAdminKey { action, status }),
        status => Err(PivError::Refused { action, status }),
    }
}

fn unwrap(action: Action, wrapper: Tag, bytes: &[u8]) -> Result<Vec<u8>, PivError> {
    ber::expect(wrapper, bytes)
        .map(<[u8]>::to_vec)
        .map_err(|error| PivError::Malformed {
            action,
            what: error.to_string(),
        })
}

/// An element of the dynamic authentication template `7C`.
fn template_element(action: Action, tag: Tag, bytes: &[u8]) -> Result<Vec<u8>, PivError> {
    let malformed = |what| PivError::Malformed { action, what };
    let element = ber::expect(commands::TEMPLATE, bytes)
        .and_then(|inner| ber::find(tag, inner))
        .map_err(|error| malformed(error.to_string()))?;
    element
        .map(<[u8]>::to_vec)
        .ok_or_else(|| malformed(format!("no element `{tag}` in the template `7C`")))
}

fn one_block(action: Action, key: &AdminKey, what: &str, bytes: &[u8]) -> Result<(), PivError> {
    if bytes.len() == key.block_size() {
        return Ok(());
    }
    Err(PivError::Malformed {
        action,
        what: format!(
            "{what} of {} bytes, {} has {}",
            bytes.len(),
            key.algorithm(),
            key.block_size()
        ),
    })
}

fn exactly(
    action: Action,
    size: usize,
    bytes: Zeroizing<Vec<u8>>,
) -> Result<Zeroizing<Vec<u8>>, PivError> {
    if bytes.len() == size {
        return Ok(bytes);
    }
    Err(PivError::Malformed {
        action,
        what: format!("{} bytes, expected {size}", bytes.len()),
    })
}

fn rsa_size(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::Rsa1024 => Some(128),
        Algorithm::Rsa2048 => Some(256),
        Algorithm::Rsa3072 => Some(384),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
