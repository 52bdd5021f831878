//! What issuing does through the secure channel of the card manager, where the profile says so: the
//! serial number of a blank without one, the administration key, the card manager's own keys.
//!
//! Each session is opened for one thing and ended by the SELECT that follows. EXTERNAL
//! AUTHENTICATE is sent only to a card that has proved that it has the same keys, and nothing is
//! sent twice: a card that has seen wrong keys often enough locks for good.

use globalplatform::management::{
    KeyPlace, KeyType, SingleKey, SingleKeyPlace, put_key, put_keys, store_issuer_numbers,
};
use globalplatform::scp03::{
    ChannelOptions, Diversification, Kdf3, Mode, SecureChannel, SecurityLevel, StaticKeys,
    Undiversified, open_channel,
};
use globalplatform::{ProductionData, read_production_data, select_issuer_security_domain};
use ground::Ambient;
use iso7816::Channel;
use piv::secrets::AdminKey;
use piv::words::Algorithm;
use series::{
    AdminKeyChange, CardManagerPlan, ChannelProtocol, KeyDiversification, ManagerKeys,
    SerialWriting,
};

use super::PivChip;
use crate::issue::IssueError;
use crate::keys::KeyRing;

/// Versions PUT KEY can replace and write; others are initial keys, beside which new ones are put.
const VERSIONS: std::ops::RangeInclusive<u8> = 0x01..=0x7F;

impl PivChip {
    /// Whether the blank has to get a serial number: the profile says so and the chip has not told
    /// issuer and card number both.
    pub(super) fn lacks_serial(&self) -> bool {
        let plan = self.profile.card_manager.as_ref();
        plan.is_some_and(|plan| plan.serial.value == SerialWriting::WriteIfAbsent)
            && self.numbers.issuer_serial().is_none()
    }

    /// Proves the delivered keys of the card manager where any of them will be needed, so that a
    /// blank of other stock is found before anything is written.
    pub(super) fn prove_manager_keys(
        &mut self,
        keys: &KeyRing,
        ambient: &dyn Ambient,
    ) -> Result<(), IssueError> {
        if self.lacks_serial() || self.replaces_manager_keys() {
            self.with_manager(keys, ambient, |_| Ok(()))?;
        }
        if self.plan.admin.change.value == AdminKeyChange::Scp03PutKey {
            self.with_piv_channel(keys, ambient, |_| Ok(()))?;
        }
        Ok(())
    }

    /// Writes what is absent of issuer and card number, and reads both back. What is there stays
    /// as it is, so that a blank is never numbered twice.
    pub(super) fn number_blank(
        &mut self,
        keys: &KeyRing,
        ambient: &dyn Ambient,
    ) -> Result<String, IssueError> {
        let issuer = self.manager_plan()?.iin();
        let card = self.blank.bytes();
        let there = self.numbers.clone();
        let absent_issuer = absent(there.issuer_identification_number.as_ref(), issuer.as_ref());
        let absent_card = absent(there.card_image_number.as_ref(), Some(&card));
        self.with_manager(keys, ambient, |session| {
            Ok(store_issuer_numbers(session, absent_issuer, absent_card)?)
        })?;

        let channel = self.client.channel_mut();
        let read = read_production_data(channel);
        self.client.reselect()?;
        let now = read?;
        let expected = (
            there.issuer_identification_number.or(issuer),
            there.card_image_number.or(Some(card)),
        );
        if (&now.issuer_identification_number, &now.card_image_number) != (&expected.0, &expected.1)
        {
            return Err(IssueError::SerialNotKept {
                expected: shown(&expected.0, &expected.1),
                actual: shown(&now.issuer_identification_number, &now.card_image_number),
            });
        }
        self.numbers = ProductionData {
            issuer_identification_number: now.issuer_identification_number,
            card_image_number: now.card_image_number,
            ..there
        };
        self.open_administration(keys, ambient)?;
        Ok(format!("serial number {}", shown(&expected.0, &expected.1)))
    }

    /// Replaces the administration key by PUT KEY through the channel of the PIV application.
    pub(super) fn put_admin_key(
        &mut self,
        own: &AdminKey,
        keys: &KeyRing,
        ambient: &dyn Ambient,
    ) -> Result<(), IssueError> {
        let form = self.plan.admin.put_key.clone();
        let form = form.ok_or(IssueError::Prepare {
            what: "PUT KEY for the administration key",
            detail: "the profile does not say its form".to_owned(),
        })?;
        let place = SingleKeyPlace {
            p1: form.p1.value,
            p2: form.p2.value,
            version: form.version.value,
        };
        let key = SingleKey {
            kind: match own.algorithm() {
                Algorithm::TripleDes => KeyType::TripleDes,
                _ => KeyType::Aes,
            },
            bytes: own.bytes(),
            check_value: own.check_value(),
        };
        self.with_piv_channel(keys, ambient, |session| Ok(put_key(session, place, &key)?))
    }

    pub(super) fn replaces_manager_keys(&self) -> bool {
        let plan = self.profile.card_manager.as_ref();
        plan.is_some_and(|plan| plan.keys.value == ManagerKeys::Replace)
    }

    /// Replaces the delivered keys of the card manager by the card's own, and proves those.
    pub(super) fn replace_manager_keys(
        &mut self,
        keys: &KeyRing,
        ambient: &dyn Ambient,
    ) -> Result<String, IssueError> {
        let length = self.delivered(keys)?.key_length();
        let own = keys.manager_keys(length, &self.blank)?;
        let version = self.with_manager(keys, ambient, |session| {
            let delivered = session.info().key_version;
            let (place, version) = if VERSIONS.contains(&delivered) {
                (KeyPlace::Replace(delivered), delivered)
            } else {
                (KeyPlace::New, *VERSIONS.start())
            };
            put_keys(session, place, version, &own)?;
            Ok(version)
        })?;
        let opening = Opening {
            keys: &own,
            version,
            diversification: &Undiversified,
        };
        self.with_manager_as(&opening, ambient, |_| Ok(()))?;
        Ok(format!(
            "card manager keys of ring `{}`, version {version:02X}, check value {}",
            keys.name(),
            hex::encode_upper(own.encryption().check_value())
        ))
    }

    fn manager_plan(&self) -> Result<&CardManagerPlan, IssueError> {
        self.profile
            .card_manager
            .as_ref()
            .ok_or(IssueError::Prepare {
                what: "the secure channel",
                detail: "the profile has no table `[card-manager]`".to_owned(),
            })
    }

    fn delivered<'k>(&self, keys: &'k KeyRing) -> Result<&'k StaticKeys, IssueError> {
        Ok(keys.transport(&self.profile.id)?.manager_keys()?)
    }

    /// Does something in a session with the card manager, with the delivered keys, and selects the
    /// PIV application again.
    fn with_manager<R>(
        &mut self,
        keys: &KeyRing,
        ambient: &dyn Ambient,
        act: impl FnOnce(&mut SecureChannel<'_>) -> Result<R, IssueError>,
    ) -> Result<R, IssueError> {
        let plan = self.manager_plan()?;
        let opening = Opening {
            version: plan.key_version.value,
            diversification: diversification(plan),
            keys: self.delivered(keys)?,
        };
        self.with_manager_as(&opening, ambient, act)
    }

    fn with_manager_as<R>(
        &mut self,
        opening: &Opening<'_>,
        ambient: &dyn Ambient,
        act: impl FnOnce(&mut SecureChannel<'_>) -> Result<R, IssueError>,
    ) -> Result<R, IssueError> {
        let plan = self.manager_plan()?.clone();
        let series = self.profile.id.clone();
        let channel = self.client.channel_mut();
        let done = select_issuer_security_domain(channel)
            .map_err(IssueError::from)
            .and_then(|domain| domain.ok_or(IssueError::NoCardManager))
            .and_then(|domain| {
                let domain = Some(domain.aid);
                opening.run(channel, domain, &plan, &series, ambient, act)
            });
        // The first error is the one to tell; a card that is gone cannot be selected again either.
        let again = self.client.reselect();
        let value = done?;
        again?;
        Ok(value)
    }

    /// Does something in a session opened while the PIV application is selected. It ends with the
    /// next command in clear.
    fn with_piv_channel<R>(
        &mut self,
        keys: &KeyRing,
        ambient: &dyn Ambient,
        act: impl FnOnce(&mut SecureChannel<'_>) -> Result<R, IssueError>,
    ) -> Result<R, IssueError> {
        let plan = self.manager_plan()?.clone();
        let opening = Opening {
            version: plan.key_version.value,
            diversification: diversification(&plan),
            keys: self.delivered(keys)?,
        };
        // Which security domain serves the application, and so goes into the card challenge, is
        // not told by the card.
        let series = self.profile.id.clone();
        opening.run(
            self.client.channel_mut(),
            None,
            &plan,
            &series,
            ambient,
            act,
        )
    }
}

/// With which keys a session is opened.
struct Opening<'a> {
    keys: &'a StaticKeys,
    version: u8,
    diversification: &'a dyn Diversification,
}

impl Opening<'_> {
    fn run<R>(
        &self,
        channel: &mut Channel,
        security_domain: Option<Vec<u8>>,
        plan: &CardManagerPlan,
        series: &str,
        ambient: &dyn Ambient,
        act: impl FnOnce(&mut SecureChannel<'_>) -> Result<R, IssueError>,
    ) -> Result<R, IssueError> {
        let options = ChannelOptions {
            key_version: self.version,
            mode: match plan.protocol.value {
                ChannelProtocol::Scp03S8 => Mode::S8,
                ChannelProtocol::Scp03S16 => Mode::S16,
            },
            diversification: self.diversification,
            security_domain,
        };
        let level = SecurityLevel::from_byte(plan.security_level.value.byte())
            .expect("a profile's levels are those of the protocol");
        let mut session =
            open_channel(channel, self.keys, level, ambient, &options).map_err(|source| {
                IssueError::ManagerChannel {
                    series: series.to_owned(),
                    source,
                }
            })?;
        act(&mut session)
    }
}

fn diversification(plan: &CardManagerPlan) -> &'static dyn Diversification {
    match plan.diversification.value {
        KeyDiversification::None => &Undiversified,
        KeyDiversification::Kdf3 => &Kdf3,
    }
}

/// What has to be written where nothing is.
fn absent<'a>(there: Option<&Vec<u8>>, wanted: Option<&'a Vec<u8>>) -> Option<&'a [u8]> {
    match there {
        Some(_) => None,
        None => wanted.map(Vec::as_slice),
    }
}

fn shown(issuer: &Option<Vec<u8>>, card: &Option<Vec<u8>>) -> String {
    let text = |number: &Option<Vec<u8>>| match number {
        Some(number) => hex::encode_upper(number),
        None => "none".to_owned(),
    };
    format!("IIN {} CIN {}", text(issuer), text(card))
}
