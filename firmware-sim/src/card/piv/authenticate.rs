//! GENERAL AUTHENTICATE (SP 800-73-5 Part 2, 3.2.4).

use ::piv::words::{Algorithm, Edition, KeyReference};
use iso7816::ber::{self, Tag};
use iso7816::{Command, StatusWord};
use rand_core::Rng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::card::PivChip;
use crate::card::cipher::BlockKey;
use crate::card::nvm::Cell;
use crate::card::session::{Answer, Challenge, Moment, done};

const TEMPLATE: Tag = Tag(0x7C);
const WITNESS: Tag = Tag(0x80);
const CHALLENGE: Tag = Tag(0x81);
pub(super) const RESPONSE: Tag = Tag(0x82);
const EXPONENTIATION: Tag = Tag(0x85);

impl PivChip {
    pub(super) fn general_authenticate(&mut self, command: &Command, moment: Moment) -> Answer {
        let algorithm = Algorithm::from_byte(command.p1).ok_or(StatusWord::WRONG_P1P2)?;
        let key = KeyReference::from_byte(command.p2).ok_or(StatusWord::WRONG_P1P2)?;
        self.check_key(key)?;
        match key {
            KeyReference::Administration => self.administrate(algorithm, command, moment.challenge),
            KeyReference::SecureMessaging => self.establish(algorithm, command),
            _ => self.use_key(key, algorithm, command, moment.pin_just_verified),
        }
    }

    /// Signing, decryption and key agreement.
    fn use_key(
        &mut self,
        reference: KeyReference,
        algorithm: Algorithm,
        command: &Command,
        pin_just_verified: bool,
    ) -> Answer {
        let allowed = match reference {
            KeyReference::CardAuthentication => true,
            KeyReference::Signature => pin_just_verified && self.pin_verified(),
            _ => self.pin_verified(),
        };
        if !allowed {
            return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED.into());
        }
        let short_digests = self.model.keys.short_digests;
        let manages = matches!(
            reference,
            KeyReference::KeyManagement | KeyReference::Retired(_)
        );
        let signs = !manages || self.model.keys.sign_with_key_management;
        // The fifth edition keeps the object 85 from the other keys.
        let agrees = manages || self.model.edition < Edition::Fifth;
        let key = self
            .key(reference)
            .filter(|key| key.algorithm() == algorithm)
            .ok_or(StatusWord::WRONG_P1P2)?;
        let template = Template::read(&command.data)?;
        let result = match template {
            Template {
                challenge: Some(input),
                exponentiation: None,
                witness: None,
                response: Some([]),
            } if key.is_rsa() => key.raw(input),
            Template {
                challenge: Some(input),
                exponentiation: None,
                witness: None,
                response: Some([]),
            } if signs => key.sign(input, short_digests),
            Template {
                exponentiation: Some(point),
                challenge: None,
                witness: None,
                response: Some([]),
            } if agrees => key.agree(point),
            _ => None,
        };
        let result = result.ok_or(StatusWord::WRONG_DATA)?;
        let result = self.hooked(reference, &template).unwrap_or(result);
        Ok(in_template(RESPONSE, &result))
    }

    /// What stands in for the key has to say to the same.
    fn hooked(
        &mut self,
        reference: KeyReference,
        template: &Template<'_>,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let hook = self.key_hook.as_mut()?;
        let result = match (template.challenge, template.exponentiation) {
            (Some(digest), _) => hook.sign(reference, digest),
            (_, Some(point)) => hook.agree(reference, point),
            _ => None,
        };
        result.map(Zeroizing::new)
    }

    /// Authentication of the administrator, external or mutual. The key encrypts for the host
    /// only after the host has proved that it has the key.
    fn administrate(
        &mut self,
        algorithm: Algorithm,
        command: &Command,
        challenge: Option<Challenge>,
    ) -> Answer {
        let key = self
            .memory
            .get(Cell::Key(KeyReference::Administration))
            .and_then(BlockKey::from_cell)
            .filter(|key| key.algorithm() == algorithm)
            .ok_or(StatusWord::WRONG_P1P2)?;
        let size = key.block_size();
        match (Template::read(&command.data)?, challenge) {
            (Template::ASKS_FOR_CHALLENGE, _) => {
                let random = self.random_block(size)?;
                let answer = in_template(CHALLENGE, &random);
                self.session.moment.challenge = Some(Challenge::External(random));
                Ok(answer)
            }
            (Template::ASKS_FOR_WITNESS, _) => {
                let random = self.random_block(size)?;
                let answer = in_template(WITNESS, &key.encrypt(&random));
                self.session.moment.challenge = Some(Challenge::Mutual(random));
                Ok(answer)
            }
            (
                Template {
                    response: Some(answer),
                    challenge: None,
                    witness: None,
                    exponentiation: None,
                },
                Some(Challenge::External(challenge)),
            ) => {
                if !bool::from(key.encrypt(&challenge).as_slice().ct_eq(answer)) {
                    return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED.into());
                }
                self.session.status.administrator = true;
                done()
            }
            (
                Template {
                    witness: Some(witness),
                    challenge: Some(host_challenge),
                    response: None | Some([]),
                    exponentiation: None,
                },
                Some(Challenge::Mutual(expected)),
            ) => {
                if host_challenge.len() != size {
                    return Err(StatusWord::WRONG_DATA.into());
                }
                if !bool::from(expected.as_slice().ct_eq(witness)) {
                    return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED.into());
                }
                self.session.status.administrator = true;
                Ok(in_template(RESPONSE, &key.encrypt(host_challenge)))
            }
            _ => Err(StatusWord::WRONG_DATA.into()),
        }
    }

    fn random_block(&mut self, size: usize) -> Answer {
        let mut block = Zeroizing::new(vec![0; size]);
        self.random()?.fill_bytes(&mut block);
        Ok(block)
    }
}

/// The dynamic authentication template: each object at most once, in any order.
#[derive(Default, Eq, PartialEq)]
pub(super) struct Template<'a> {
    pub(super) witness: Option<&'a [u8]>,
    pub(super) challenge: Option<&'a [u8]>,
    pub(super) response: Option<&'a [u8]>,
    pub(super) exponentiation: Option<&'a [u8]>,
}

impl<'a> Template<'a> {
    /// `81 00`
    const ASKS_FOR_CHALLENGE: Template<'static> = Template {
        witness: None,
        challenge: Some(&[]),
        response: None,
        exponentiation: None,
    };
    /// `80 00`
    const ASKS_FOR_WITNESS: Template<'static> = Template {
        witness: Some(&[]),
        challenge: None,
        response: None,
        exponentiation: None,
    };

    pub(super) fn read(data: &'a [u8]) -> Result<Self, StatusWord> {
        let value = ber::expect(TEMPLATE, data).map_err(|_| StatusWord::WRONG_DATA)?;
        let mut template = Self::default();
        for object in ber::Reader::new(value) {
            let object = object.map_err(|_| StatusWord::WRONG_DATA)?;
            let place = match object.tag {
                WITNESS => &mut template.witness,
                CHALLENGE => &mut template.challenge,
                RESPONSE => &mut template.response,
                EXPONENTIATION => &mut template.exponentiation,
                _ => return Err(StatusWord::WRONG_DATA),
            };
            if place.replace(object.value).is_some() {
                return Err(StatusWord::WRONG_DATA);
            }
        }
        Ok(template)
    }
}

pub(super) fn in_template(tag: Tag, value: &[u8]) -> Zeroizing<Vec<u8>> {
    let inner = Zeroizing::new(ber::object(tag, value));
    Zeroizing::new(ber::object(TEMPLATE, &inner))
}
