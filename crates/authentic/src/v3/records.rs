//! The records of keys: which key they are of, and how they are written.

use rsa::RsaPublicKey;
use rsa::pkcs1::{DecodeRsaPublicKey, EncodeRsaPublicKey};
use rsa::traits::PublicKeyParts;
use sha1::{Digest as _, Sha1};
use x509_cert::spki::DecodePublicKey;

use crate::pkcs15::{
    AccessModes, AccessRule, Common, Id, KeyAccessFlags, KeyAttributes, ObjectFlags, PrivateKey,
    PublicKey, Reference, UnknownOfKey, UsageFlags, Value,
};
use crate::words::v3::{FIRST_KEY, PKCS15, USER_CREDENTIAL};
use crate::{FilePath, KeyId, KeySpec, KeyUsage};

/// Bit of a key reference: local to the application.
pub(super) const LOCAL: u8 = 0x80;

/// The number of a key by its reference.
pub(super) fn number(key: &KeyAttributes) -> Option<KeyId> {
    let reference = u8::try_from(key.reference?).ok()?;
    Some(KeyId(reference & !LOCAL))
}

pub(super) fn is(record: &PrivateKey, key: KeyId) -> bool {
    number(&record.key) == Some(key)
}

pub(super) fn public_is(record: &PublicKey, key: KeyId) -> bool {
    number(&record.key) == Some(key)
}

/// The key in its record: raw, or in `SubjectPublicKeyInfo` under `A1`.
pub(super) fn public_value(record: &PublicKey) -> Option<RsaPublicKey> {
    let Value::Direct(value) = &record.value else {
        return None;
    };
    let object = iso7816::ber::read_one(value).ok()?;
    match object.tag.0 {
        0xA1 => {
            // The tag of SubjectPublicKeyInfo, or around it.
            let whole = iso7816::ber::object(iso7816::ber::Tag(0x30), object.value);
            RsaPublicKey::from_public_key_der(&whole)
                .or_else(|_| RsaPublicKey::from_public_key_der(object.value))
                .ok()
        }
        _ => RsaPublicKey::from_pkcs1_der(value).ok(),
    }
}

/// SHA-1 of the modulus, as OpenSC makes identifiers.
fn identifier(public: &RsaPublicKey) -> Id {
    Id(Sha1::digest(public.n_bytes()).to_vec())
}

pub(super) fn labelled(label: &str, flags: ObjectFlags) -> Common {
    Common {
        label: Some(label.to_owned()),
        flags: Some(flags),
        ..Common::default()
    }
}

fn usage_flags(usage: KeyUsage) -> UsageFlags {
    match usage {
        KeyUsage::Authentication => UsageFlags::SIGN
            .with(UsageFlags::SIGN_RECOVER)
            .with(UsageFlags::DECRYPT)
            .with(UsageFlags::UNWRAP),
        KeyUsage::Signing => UsageFlags::SIGN.with(UsageFlags::NON_REPUDIATION),
    }
}

fn attributes(spec: &KeySpec, public: &RsaPublicKey, usage: UsageFlags) -> KeyAttributes {
    KeyAttributes {
        reference: Some(u32::from((FIRST_KEY & LOCAL) | spec.id.0)),
        ..KeyAttributes::new(identifier(public), usage)
    }
}

pub(super) fn private_record(
    spec: &KeySpec,
    public: &RsaPublicKey,
    made_on_card: bool,
) -> PrivateKey {
    let holder = Id(vec![USER_CREDENTIAL]);
    let mut used = AccessModes::SIGN
        .with(AccessModes::INTERNAL_AUTHENTICATE)
        .with(AccessModes::UPDATE)
        .with(AccessModes::DELETE)
        .with(AccessModes::EXECUTE);
    if spec.usage == KeyUsage::Authentication {
        used = used.with(AccessModes::DECIPHER);
    }
    let common = Common {
        auth_id: Some(holder.clone()),
        rules: vec![AccessRule {
            modes: used,
            auth_id: Some(holder),
            unknown: Vec::new(),
        }],
        ..labelled(
            &spec.label,
            ObjectFlags::PRIVATE.with(ObjectFlags::MODIFIABLE),
        )
    };
    let mut access = KeyAccessFlags::SENSITIVE;
    if made_on_card {
        access = access
            .with(KeyAccessFlags::ALWAYS_SENSITIVE)
            .with(KeyAccessFlags::NEVER_EXTRACTABLE)
            .with(KeyAccessFlags::LOCAL);
    }
    PrivateKey {
        common,
        key: KeyAttributes {
            access: Some(access),
            ..attributes(spec, public, usage_flags(spec.usage))
        },
        subject: None,
        value: Value::Indirect(Reference::whole(
            (&FilePath::below_master(&[PKCS15])).into(),
        )),
        modulus_length: spec.bits.into(),
        unknown: UnknownOfKey::default(),
    }
}

pub(super) fn public_record(
    spec: &KeySpec,
    public: &RsaPublicKey,
    made_on_card: bool,
) -> PublicKey {
    let usage = match spec.usage {
        KeyUsage::Authentication => UsageFlags::VERIFY
            .with(UsageFlags::VERIFY_RECOVER)
            .with(UsageFlags::ENCRYPT)
            .with(UsageFlags::WRAP),
        KeyUsage::Signing => UsageFlags::VERIFY,
    };
    let mut access = KeyAccessFlags::EXTRACTABLE;
    if made_on_card {
        access = access.with(KeyAccessFlags::LOCAL);
    }
    let value = public
        .to_pkcs1_der()
        .expect("a public key the rsa crate made encodes");
    PublicKey {
        common: labelled(&spec.label, ObjectFlags::MODIFIABLE),
        key: KeyAttributes {
            native: false,
            access: Some(access),
            ..attributes(spec, public, usage)
        },
        subject: None,
        value: Value::Direct(value.as_bytes().to_vec()),
        modulus_length: spec.bits.into(),
        unknown: UnknownOfKey::default(),
    }
}
