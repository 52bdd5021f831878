use std::fmt;
use std::sync::Arc;

use ground::{Ambient, AmbientRng};
use iso7816::ber::{self, Tag};
use iso7816::{Command, Expected, Instruction, Response};
use p256::elliptic_curve::Generate;
use subtle::ConstantTimeEq;

use super::{Agreement, CipherSuite, EstablishmentError, Session, SharedSecret, card_identifier};
use crate::cvc::{Cvc, CvcError, Role, Signer};
use crate::words::KeyReference;
use crate::{Finding, Parsed, PublicKey};

#[cfg(test)]
mod tests;

const TEMPLATE: Tag = Tag(0x7C);
const CHALLENGE: Tag = Tag(0x81);
const RESPONSE: Tag = Tag(0x82);

/// CB_H: no persistent binding. The card must answer the same.
const CONTROL: u8 = 0x00;

const CRYPTOGRAM_SIZE: usize = 16;

/// The host's ephemeral key pair, good for one key establishment (SP 800-73-5 Part 2, 4.1.1).
pub struct HostEphemeral {
    suite: CipherSuite,
    identifier: [u8; 8],
    secret: Secret,
    point: Vec<u8>,
}

/// Both zeroize on drop.
enum Secret {
    P256(p256::SecretKey),
    P384(p384::SecretKey),
}

/// A session, and the card it is with.
#[derive(Debug)]
pub struct Established {
    /// The session.
    pub session: Session,
    /// The card's CVC, with findings of its own. Its subject is the Card UUID, which the caller
    /// compares with the GUID of the CHUID.
    pub cvc: Parsed<Cvc>,
    /// Whether a signer was given and the CVC is its.
    pub verified: bool,
    /// What is worth telling about the establishment itself.
    pub findings: Vec<Finding>,
}

impl HostEphemeral {
    /// A new key pair.
    #[must_use]
    pub fn generate(suite: CipherSuite, ambient: &Arc<dyn Ambient>) -> Self {
        let mut rng = AmbientRng::new(Arc::clone(ambient));
        Self::new(
            suite,
            match suite {
                CipherSuite::Cs2 => Secret::P256(p256::SecretKey::generate_from_rng(&mut rng)),
                CipherSuite::Cs7 => Secret::P384(p384::SecretKey::generate_from_rng(&mut rng)),
            },
        )
    }

    /// A known key pair, to recompute a recorded session: 32 bytes for CS2, 48 for CS7, big
    /// endian. Never use one twice with cards.
    ///
    /// # Errors
    ///
    /// [`EstablishmentError::Scalar`] for another length, zero, or a number not below the order
    /// of the curve.
    pub fn from_scalar(suite: CipherSuite, scalar: &[u8]) -> Result<Self, EstablishmentError> {
        let wrong = EstablishmentError::Scalar {
            suite,
            length: scalar.len(),
        };
        if scalar.len() != suite.coordinate_size() {
            return Err(wrong);
        }
        let secret = match suite {
            CipherSuite::Cs2 => p256::SecretKey::from_slice(scalar).map(Secret::P256),
            CipherSuite::Cs7 => p384::SecretKey::from_slice(scalar).map(Secret::P384),
        };
        secret
            .map(|secret| Self::new(suite, secret))
            .map_err(|_| wrong)
    }

    fn new(suite: CipherSuite, secret: Secret) -> Self {
        let public = match &secret {
            Secret::P256(secret) => PublicKey::P256(secret.public_key()),
            Secret::P384(secret) => PublicKey::P384(secret.public_key()),
        };
        Self {
            suite,
            identifier: [0; 8],
            secret,
            point: public.point().expect("a key on a curve has a point"),
        }
    }

    /// Sets ID_sH, whatever the host calls itself; zeros unless set.
    #[must_use]
    pub fn with_identifier(mut self, identifier: [u8; 8]) -> Self {
        self.identifier = identifier;
        self
    }

    /// The cipher suite.
    #[must_use]
    pub fn suite(&self) -> CipherSuite {
        self.suite
    }

    /// The public key: 04, X, Y.
    #[must_use]
    pub fn point(&self) -> &[u8] {
        &self.point
    }

    /// The GENERAL AUTHENTICATE command that asks for a session (4.1.8). A card that takes it
    /// forgets any session before.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut challenge = Vec::with_capacity(128);
        challenge.push(CONTROL);
        challenge.extend_from_slice(&self.identifier);
        challenge.extend_from_slice(&self.point);
        let mut inner = Vec::with_capacity(128);
        ber::write(&mut inner, CHALLENGE, &challenge);
        ber::write(&mut inner, RESPONSE, &[]);
        Command::new(
            0x00,
            Instruction::GENERAL_AUTHENTICATE,
            self.suite.algorithm().byte(),
            KeyReference::SecureMessaging.byte(),
        )
        .with_data(ber::object(TEMPLATE, &inner))
        .with_expected(Expected::SHORT_MAX)
    }

    /// Z: the Diffie-Hellman secret with the card's key; `None` if that is on another curve.
    #[must_use]
    pub fn shared_secret(&self, card: &PublicKey) -> Option<SharedSecret> {
        match (&self.secret, card) {
            (Secret::P256(host), PublicKey::P256(card)) => Some(SharedSecret::new(
                host.diffie_hellman(card).raw_secret_bytes(),
            )),
            (Secret::P384(host), PublicKey::P384(card)) => Some(SharedSecret::new(
                host.diffie_hellman(card).raw_secret_bytes(),
            )),
            _ => None,
        }
    }

    /// What both sides know once the card has answered with this nonce and CVC.
    #[must_use]
    pub fn agreement(&self, nonce: &[u8], cvc: &[u8]) -> Agreement {
        Agreement {
            suite: self.suite,
            host_control: CONTROL,
            host_identifier: self.identifier,
            host_coordinates: self.point[1..].to_vec(),
            card_control: CONTROL,
            card_identifier: card_identifier(cvc),
            nonce: nonce.to_vec(),
        }
    }

    /// Checks the card's response and derives the session's keys (4.1.1, steps H4 to H13).
    ///
    /// With a signer, the CVC's signature must be its; for a card whose CVC an Intermediate CVC
    /// signs, take that with [`Signer::from_intermediate`]. Without one, anybody could have made
    /// the CVC and [`Established::findings`] says so.
    ///
    /// # Errors
    ///
    /// [`EstablishmentError`].
    pub fn establish(
        self,
        response: &Response,
        signer: Option<&Signer>,
    ) -> Result<Established, EstablishmentError> {
        if !response.status.is_ok() {
            return Err(EstablishmentError::Refused {
                status: response.status,
            });
        }
        let CardResponse {
            nonce,
            cryptogram,
            cvc: cvc_bytes,
        } = CardResponse::parse(self.suite, &response.data)?;

        let cvc = Cvc::parse(cvc_bytes)?;
        let card_key = self.check(&cvc.value)?;
        if let Some(signer) = signer {
            cvc.value.verify(signer)?;
        }
        let agreement = self.agreement(nonce, cvc_bytes);
        let secret = self
            .shared_secret(card_key)
            .ok_or(EstablishmentError::Curve { suite: self.suite })?;
        let keys = agreement.derive(&secret);
        let expected = agreement.cryptogram(&keys.confirmation);
        if !bool::from(expected.ct_eq(cryptogram)) {
            return Err(EstablishmentError::Cryptogram);
        }
        let findings = signer.is_none().then(|| {
            Finding::warning(
                "SP 800-73-5 Part 2, 4.1.1, step H5",
                "the card verifiable certificate is unverified: no signer was given, so the \
                 session may be with anybody",
            )
        });
        Ok(Established {
            session: Session::new(self.suite, keys),
            cvc,
            verified: signer.is_some(),
            findings: findings.into_iter().collect(),
        })
    }

    /// The card's key, if the CVC is a card's and its curve the suite's.
    fn check<'a>(&self, cvc: &'a Cvc) -> Result<&'a PublicKey, EstablishmentError> {
        match cvc.role {
            Some(Role::Card) => {}
            Some(actual) => {
                return Err(EstablishmentError::Cvc(CvcError::Role {
                    expected: Role::Card,
                    actual,
                }));
            }
            None => {
                return Err(EstablishmentError::Cvc(CvcError::Missing {
                    element: "role identifier (5F4C)",
                }));
            }
        }
        let key = cvc
            .public_key
            .as_ref()
            .ok_or(EstablishmentError::Cvc(CvcError::Missing {
                element: "public key (7F49)",
            }))?;
        if key.algorithm() != Some(self.suite.curve()) {
            return Err(EstablishmentError::Curve { suite: self.suite });
        }
        Ok(key)
    }
}

impl fmt::Debug for HostEphemeral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostEphemeral")
            .field("suite", &self.suite)
            .field("point", &hex::encode_upper(&self.point))
            .finish_non_exhaustive()
    }
}

/// `7C { 82 { CB_ICC, N_ICC, AuthCryptogram, C_ICC } }` taken apart (4.1.8).
struct CardResponse<'a> {
    nonce: &'a [u8],
    cryptogram: &'a [u8],
    cvc: &'a [u8],
}

impl<'a> CardResponse<'a> {
    fn parse(suite: CipherSuite, data: &'a [u8]) -> Result<Self, EstablishmentError> {
        let template = ber::expect(TEMPLATE, data)?;
        let value = ber::find(RESPONSE, template)?.ok_or(EstablishmentError::NoResponse)?;
        let short = EstablishmentError::Short {
            length: value.len(),
            fixed: 1 + suite.nonce_size() + CRYPTOGRAM_SIZE,
        };
        let (&control, rest) = value.split_first().ok_or(short)?;
        if control != CONTROL {
            return Err(EstablishmentError::ControlByte { actual: control });
        }
        let (nonce, rest) = rest.split_at_checked(suite.nonce_size()).ok_or(short)?;
        let (cryptogram, cvc) = rest.split_at_checked(CRYPTOGRAM_SIZE).ok_or(short)?;
        Ok(Self {
            nonce,
            cryptogram,
            cvc,
        })
    }
}
