mod about;
mod authentic_card;
mod error;
mod piv_card;
mod secrets;
mod status;

use std::collections::BTreeMap;

use authentic::secrets::{NewPasscode, Passcode};
use authentic::{Digest, LastTry, Token};
use ground::Ambient;
use iso7816::Channel;
use jiff::civil::Date;
use piv::words::Algorithm;
use piv::{ApplicationProperties, Client, PublicKey};
use rsa::RsaPrivateKey;

use crate::inspect::TriesState;
use crate::{Applet, Identification, Operation, Profile, Profiles, Refusal, Slot, identify};
use about::About;

pub use error::CardError;
pub use secrets::{AdminSecret, UnlockSecret};
pub use status::{CardStatus, SlotStatus};

/// One card of the estate, whichever application it has.
///
/// Reading needs nothing. Whatever writes to the card or may spend a try needs [`Card::claim`]
/// first, by which the card is known to be the one meant, and is refused for cards of a series
/// that is withdrawn, each operation from its own day on. Tries are looked at before each is
/// spent; the last is kept unless the caller says otherwise.
pub struct Card {
    engine: Engine,
    about: About,
    /// What the PIV keys of the slots are, by their certificates; asked once, before a passcode.
    algorithms: BTreeMap<Slot, Algorithm>,
}

/// What answers on the card.
enum Engine {
    Piv(Box<Client>),
    Authentic(Box<dyn Token>),
    /// Nothing cardwright has an engine for.
    None(Box<Channel>),
}

/// How to take a card up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CardOptions {
    /// The profile to take the card for; it must be one of those it may be of. Without one it is
    /// the first candidate cardwright has an engine for.
    pub profile: Option<String>,
    /// The day on which something is to be done with it.
    pub today: Date,
}

impl CardOptions {
    /// Whatever series the card is of, on this day.
    #[must_use]
    pub const fn on(today: Date) -> Self {
        Self {
            profile: None,
            today,
        }
    }
}

impl Card {
    /// Identifies the card and takes it up. Nothing is written and no try is spent; a card of a
    /// withdrawn series, or of none, can be taken up and refuses what is asked of it.
    ///
    /// # Errors
    ///
    /// [`CardError::Identify`] when the card is lost, [`CardError::Profile`] and
    /// [`CardError::OtherSeries`] for a profile that was named.
    pub fn open(
        mut channel: Channel,
        profiles: &Profiles,
        options: &CardOptions,
    ) -> Result<Self, CardError> {
        let identification = identify(&mut channel, profiles)?;
        Self::from_identified(channel, identification, profiles, options)
    }

    /// Takes up a card that [`identify`] has just left, with its application selected.
    ///
    /// # Errors
    ///
    /// As [`Card::open`].
    pub fn from_identified(
        mut channel: Channel,
        identification: Identification,
        profiles: &Profiles,
        options: &CardOptions,
    ) -> Result<Self, CardError> {
        let about = About::new(identification, profiles, options)?;
        if let Some(profile) = &about.profile {
            channel.set_limits(profile.limits());
        }
        let engine = match about.identification.selected.as_ref() {
            Some(answer) if answer.is_piv() => {
                let application = ApplicationProperties::parse(&answer.data);
                Engine::Piv(Box::new(Client::from_selected(channel, application)))
            }
            Some(answer) => match answer.applet() {
                Some(Applet::Authentic(version)) => Engine::Authentic(
                    authentic::open(channel, version).map_err(|unopened| unopened.error)?,
                ),
                _ => Engine::None(Box::new(channel)),
            },
            None => Engine::None(Box::new(channel)),
        };
        Ok(Self {
            engine,
            about,
            algorithms: BTreeMap::new(),
        })
    }

    /// Takes up a card whose AuthentIC application is selected already.
    ///
    /// # Errors
    ///
    /// As [`Card::open`].
    pub fn from_token(
        token: Box<dyn Token>,
        identification: Identification,
        profiles: &Profiles,
        options: &CardOptions,
    ) -> Result<Self, CardError> {
        Ok(Self {
            engine: Engine::Authentic(token),
            about: About::new(identification, profiles, options)?,
            algorithms: BTreeMap::new(),
        })
    }

    /// What the card is taken for, and why.
    #[must_use]
    pub fn identification(&self) -> &Identification {
        &self.about.identification
    }

    /// The profile the card is taken for; `None` for a card of no known series.
    #[must_use]
    pub fn profile(&self) -> Option<&Profile> {
        self.about.profile.as_ref()
    }

    /// The application that is spoken to; `None` where cardwright has no engine for what is there.
    #[must_use]
    pub fn applet(&self) -> Option<Applet> {
        match &self.engine {
            Engine::Piv(_) => Some(Applet::Piv),
            Engine::Authentic(token) => Some(Applet::Authentic(token.applet())),
            Engine::None(_) => None,
        }
    }

    /// Why an operation is refused to cards of this series, if it is.
    #[must_use]
    pub fn refusal(&self, operation: Operation) -> Option<&Refusal> {
        self.about.refusal(operation)
    }

    /// The PIV application, for what is particular to it.
    pub fn piv_mut(&mut self) -> Option<&mut Client> {
        match &mut self.engine {
            Engine::Piv(client) => Some(client),
            Engine::Authentic(_) | Engine::None(_) => None,
        }
    }

    /// The AuthentIC application, for what is particular to it.
    pub fn token_mut(&mut self) -> Option<&mut dyn Token> {
        match &mut self.engine {
            Engine::Authentic(token) => Some(&mut **token),
            Engine::Piv(_) | Engine::None(_) => None,
        }
    }

    /// Gives the channel back. The card keeps its security status.
    #[must_use]
    pub fn into_channel(self) -> Channel {
        match self.engine {
            Engine::Piv(client) => client.into_channel(),
            Engine::Authentic(token) => token.into_channel(),
            Engine::None(channel) => *channel,
        }
    }

    /// The names the card goes by: the chip's number, issuer and card number, the GUID of the
    /// CHUID. Nothing is written and no try is spent.
    ///
    /// # Errors
    ///
    /// [`CardError::Piv`] when the card is lost.
    pub fn names(&mut self) -> Result<Vec<String>, CardError> {
        let mut names = self.about.names();
        if let Engine::Piv(client) = &mut self.engine {
            names.extend(piv_card::guid(client)?);
        }
        Ok(names)
    }

    /// Makes sure that this is the card meant, by one of its [`Card::names`]; letter case, blanks
    /// and hyphens do not matter. From here on it may be written to and its tries may be spent.
    ///
    /// # Errors
    ///
    /// [`CardError::OtherCard`]. The card is as it was.
    pub fn claim(&mut self, named: &str) -> Result<(), CardError> {
        let names = self.names()?;
        self.about.claim(named, &names)
    }

    /// How the holder's passcode stands. No try is spent.
    ///
    /// # Errors
    ///
    /// What the card says instead.
    pub fn passcode(&mut self) -> Result<TriesState, CardError> {
        match &mut self.engine {
            Engine::Piv(client) => piv_card::passcode(client),
            Engine::Authentic(token) => authentic_card::tries(&mut **token, authentic::Role::User),
            Engine::None(_) => Err(self.about.no_engine("read the tries left")),
        }
    }

    /// How the secret stands that unlocks the card: the PUK, or the security officer's passcode.
    /// No try is spent. Most PIV cards do not tell.
    ///
    /// # Errors
    ///
    /// What the card says instead.
    pub fn unlocking(&mut self) -> Result<TriesState, CardError> {
        match &mut self.engine {
            Engine::Piv(client) => piv_card::puk(client),
            Engine::Authentic(token) => {
                authentic_card::tries(&mut **token, authentic::Role::Officer)
            }
            Engine::None(_) => Err(self.about.no_engine("read the tries left")),
        }
    }

    /// Verifies the holder's passcode. A wrong one costs a try. One that no card of the series can
    /// have is refused before the card sees it.
    ///
    /// # Errors
    ///
    /// [`CardError::Refused`] for a withdrawn series, [`CardError::NotClaimed`],
    /// [`CardError::Passcode`], [`CardError::LastTry`], and what the card says.
    pub fn verify(&mut self, passcode: &Passcode, last: LastTry) -> Result<(), CardError> {
        self.about
            .permit(Operation::Authentication, "verify the passcode")?;
        self.about.check_existing(passcode)?;
        match &mut self.engine {
            Engine::Piv(client) => {
                // Now, as nothing may come between the passcode and a signature with key 9C.
                if self.algorithms.is_empty() {
                    self.algorithms = piv_card::algorithms(client, self.about.profile.as_ref())?;
                }
                piv_card::verify(client, passcode, last)
            }
            Engine::Authentic(token) => Ok(token.verify(passcode, last)?),
            Engine::None(_) => Err(self.about.no_engine("verify the passcode")),
        }
    }

    /// Replaces the holder's passcode. A wrong old one costs a try.
    ///
    /// # Errors
    ///
    /// As [`Card::verify`].
    pub fn change_passcode(
        &mut self,
        old: &Passcode,
        new: &NewPasscode,
        last: LastTry,
    ) -> Result<(), CardError> {
        const WHAT: &str = "change the passcode";
        self.about.permit(Operation::Authentication, WHAT)?;
        self.about.check_existing(old)?;
        self.about.check_new(new)?;
        match &mut self.engine {
            Engine::Piv(client) => piv_card::change_passcode(client, old, new, last),
            Engine::Authentic(token) => Ok(token.change_passcode(old, new, last)?),
            Engine::None(_) => Err(self.about.no_engine(WHAT)),
        }
    }

    /// Gives the holder a new passcode with all its tries. A wrong secret costs one of its tries;
    /// without any the card cannot be unlocked again. The PUK's tries are not told by most PIV
    /// cards: there a try is spent without knowing how many are left.
    ///
    /// # Errors
    ///
    /// As [`Card::verify`], about the secret; [`CardError::WrongSecret`] for that of the other
    /// application.
    pub fn unlock(
        &mut self,
        secret: &UnlockSecret,
        new: &NewPasscode,
        last: LastTry,
    ) -> Result<(), CardError> {
        const WHAT: &str = "unlock the card";
        self.about.permit(Operation::Unlock, WHAT)?;
        self.about.check_new(new)?;
        match (&mut self.engine, secret) {
            (Engine::Piv(client), UnlockSecret::Puk(puk)) => {
                piv_card::unlock(client, puk, new, last)
            }
            (Engine::Authentic(token), UnlockSecret::Officer(officer)) => {
                Ok(token.unlock(officer, new, last)?)
            }
            (Engine::Piv(_), UnlockSecret::Officer(_)) => Err(CardError::WrongSecret {
                what: WHAT,
                needs: "the PUK",
            }),
            (Engine::Authentic(_), UnlockSecret::Puk(_)) => Err(CardError::WrongSecret {
                what: WHAT,
                needs: "the security officer's passcode (SO PIN)",
            }),
            (Engine::None(_), _) => Err(self.about.no_engine(WHAT)),
        }
    }

    /// Opens the card for writing: PIV with its administration key, AuthentIC with the security
    /// officer's passcode, a wrong one of which costs a try. Allowed for withdrawn cards, which
    /// may still be cleared and cancelled.
    ///
    /// # Errors
    ///
    /// [`CardError::NotClaimed`], [`CardError::WrongSecret`], and what the card says.
    pub fn open_administration(
        &mut self,
        secret: &AdminSecret,
        last: LastTry,
        ambient: &dyn Ambient,
    ) -> Result<(), CardError> {
        const WHAT: &str = "open the card for writing";
        self.about.claimed(WHAT)?;
        match (&mut self.engine, secret) {
            (Engine::Piv(client), AdminSecret::Key(key)) => {
                client.authenticate_admin(key, ambient)?;
                Ok(())
            }
            (Engine::Authentic(token), AdminSecret::Officer(officer)) => {
                Ok(token.verify_officer(officer, last)?)
            }
            (Engine::Piv(_), AdminSecret::Officer(_)) => Err(CardError::WrongSecret {
                what: WHAT,
                needs: "the administration key",
            }),
            (Engine::Authentic(_), AdminSecret::Key(_)) => Err(CardError::WrongSecret {
                what: WHAT,
                needs: "the security officer's passcode (SO PIN)",
            }),
            (Engine::None(_), _) => Err(self.about.no_engine(WHAT)),
        }
    }

    /// Has the card make the key pair of a slot, in place of one there was. PIV needs
    /// [`Card::open_administration`], AuthentIC [`Card::verify`].
    ///
    /// # Errors
    ///
    /// [`CardError::Refused`], [`CardError::NotClaimed`], [`CardError::Ambiguous`], and what the
    /// card says.
    pub fn generate(&mut self, slot: Slot) -> Result<PublicKey, CardError> {
        const WHAT: &str = "generate a key pair";
        self.about.permit(Operation::Renewal, WHAT)?;
        match &mut self.engine {
            Engine::Piv(client) => {
                let (key, algorithm) = self.about.piv_slot(slot, WHAT)?;
                self.algorithms.remove(&slot);
                let public = client.generate(key, algorithm)?;
                self.algorithms.insert(slot, algorithm);
                Ok(public)
            }
            Engine::Authentic(token) => {
                let spec = self.about.key_spec(slot, WHAT)?;
                Ok(PublicKey::Rsa(authentic_card::generate(
                    &mut **token,
                    &spec,
                )?))
            }
            Engine::None(_) => Err(self.about.no_engine(WHAT)),
        }
    }

    /// Writes a key made elsewhere into a slot, in place of one there was. AuthentIC alone, after
    /// [`Card::verify`].
    ///
    /// # Errors
    ///
    /// As [`Card::generate`]; [`CardError::NotOffered`] for PIV, which has no command for it.
    pub fn import_key(&mut self, slot: Slot, key: &RsaPrivateKey) -> Result<(), CardError> {
        const WHAT: &str = "import a key";
        self.about.permit(Operation::Renewal, WHAT)?;
        match &mut self.engine {
            Engine::Piv(_) => Err(CardError::NotOffered {
                what: WHAT,
                applet: Applet::Piv,
                why: "SP 800-73 has no command for it",
            }),
            Engine::Authentic(token) => {
                let spec = self.about.key_spec(slot, WHAT)?;
                authentic_card::import(&mut **token, &spec, key)
            }
            Engine::None(_) => Err(self.about.no_engine(WHAT)),
        }
    }

    /// The certificate of a slot in DER; `None` if there is none. Of PIV the certificate is taken
    /// out of its object, and unpacked if it is compressed.
    ///
    /// # Errors
    ///
    /// [`CardError::Malformed`] when the object holds no certificate, and what the card says.
    pub fn certificate(&mut self, slot: Slot) -> Result<Option<Vec<u8>>, CardError> {
        const WHAT: &str = "read a certificate";
        match &mut self.engine {
            Engine::Piv(client) => {
                let (key, _) = self.about.piv_slot(slot, WHAT)?;
                piv_card::certificate(client, key)
            }
            Engine::Authentic(token) => {
                let spec = self.about.key_spec(slot, WHAT)?;
                Ok(token.certificate(spec.id)?)
            }
            Engine::None(_) => Err(self.about.no_engine(WHAT)),
        }
    }

    /// Writes the certificate of a slot, in place of one there was. PIV needs
    /// [`Card::open_administration`], AuthentIC [`Card::verify`].
    ///
    /// # Errors
    ///
    /// As [`Card::generate`]; [`CardError::Malformed`] for what is no certificate.
    pub fn write_certificate(&mut self, slot: Slot, der: &[u8]) -> Result<(), CardError> {
        const WHAT: &str = "write a certificate";
        self.about.permit(Operation::Renewal, WHAT)?;
        piv_card::parse(der)?;
        match &mut self.engine {
            Engine::Piv(client) => {
                let (key, _) = self.about.piv_slot(slot, WHAT)?;
                piv_card::write_certificate(client, key, der)
            }
            Engine::Authentic(token) => {
                let spec = self.about.key_spec(slot, WHAT)?;
                Ok(token.write_certificate(spec.id, der, &spec.label)?)
            }
            Engine::None(_) => Err(self.about.no_engine(WHAT)),
        }
    }

    /// Signs a digest with the key of a slot: RSA with PKCS#1 v1.5, ECDSA in DER, as the card's
    /// certificate says, or the profile where there is none. Needs [`Card::verify`]; the signing
    /// key of PIV (9C) directly before each signature.
    ///
    /// # Errors
    ///
    /// [`CardError::Refused`], [`CardError::NotClaimed`]; [`CardError::NotOffered`] for SHA-1 with
    /// an elliptic curve; what the card says.
    pub fn sign(&mut self, slot: Slot, digest: &Digest) -> Result<Vec<u8>, CardError> {
        const WHAT: &str = "sign";
        self.about.permit(Operation::Authentication, WHAT)?;
        match &mut self.engine {
            Engine::Piv(client) => {
                let (key, planned) = self.about.piv_slot(slot, WHAT)?;
                let algorithm = self.algorithms.get(&slot).copied().unwrap_or(planned);
                piv_card::sign(client, key, algorithm, digest)
            }
            Engine::Authentic(token) => {
                let spec = self.about.key_spec(slot, WHAT)?;
                Ok(token.sign(spec.id, *digest)?)
            }
            Engine::None(_) => Err(self.about.no_engine(WHAT)),
        }
    }

    /// Wipes what is the holder's, so that the plastic can be used again: certificates, keys and
    /// identity objects. Passcodes, unblocking and administration secrets stay as they are, for
    /// the next issue to replace. A card cut off half-way is cleared by clearing it again.
    ///
    /// - PIV, after [`Card::open_administration`]: the objects are emptied. The standard has no
    ///   command to delete a key, so each key of a slot is overwritten by a new one that nobody
    ///   has certified.
    /// - AuthentIC, after [`Card::verify`]: certificates, keys and data objects are deleted.
    ///
    /// # Errors
    ///
    /// [`CardError::NotClaimed`], [`CardError::Ambiguous`], and what the card says.
    pub fn clear(&mut self) -> Result<(), CardError> {
        const WHAT: &str = "clear the card";
        self.about.claimed(WHAT)?;
        match &mut self.engine {
            Engine::Piv(client) => {
                let plan = self.about.piv_plan(WHAT)?;
                self.algorithms.clear();
                piv_card::clear(client, plan)
            }
            Engine::Authentic(token) => Ok(token.clear()?),
            Engine::None(_) => Err(self.about.no_engine(WHAT)),
        }
    }

    /// Makes the card useless for good: clears it as [`Card::clear`] does, then blocks the secret
    /// that could unlock it and the holder's passcode, by wrong ones until none of their tries is
    /// left. What is revoked with the authority and the directory is no matter of the card.
    ///
    /// - PIV: PUK and PIN blocked. Nothing in the standard lifts that; whoever has the
    ///   administration key can still write objects, and no key can be used.
    /// - AuthentIC: holder's and security officer's passcode blocked, with nothing left to lift
    ///   it.
    ///
    /// # Errors
    ///
    /// As [`Card::clear`]; [`CardError::NotBlocked`] when the card does not block a secret however
    /// often it is wrong.
    pub fn cancel(&mut self, ambient: &dyn Ambient) -> Result<(), CardError> {
        const WHAT: &str = "cancel the card";
        self.about.claimed(WHAT)?;
        self.clear()?;
        match &mut self.engine {
            Engine::Piv(client) => piv_card::block(client, ambient),
            Engine::Authentic(token) => authentic_card::block(&mut **token, ambient),
            Engine::None(_) => Err(self.about.no_engine(WHAT)),
        }
    }

    /// What the card is, how its secrets stand, what is in its slots and what is refused to it.
    /// Nothing is written and no try is spent.
    ///
    /// # Errors
    ///
    /// What the card says where it is lost; what it refuses is told in the status.
    pub fn status(&mut self) -> Result<CardStatus, CardError> {
        status::read(self)
    }
}
