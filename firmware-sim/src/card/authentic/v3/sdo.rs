//! Keys as security data objects: the templates of PUT DATA and GENERATE ASYMMETRIC KEY PAIR, and
//! the form of a key in its memory cell.

use ::authentic::words::v3::{MECHANISMS, key, sdo};
use iso7816::StatusWord;
use iso7816::ber::{self, Reader, Tag};
use zeroize::Zeroizing;

use super::access::{self, Pair};
use crate::card::authentic::rsa::{Crt, F4, RsaKey};

/// Top bit of a reference: the key is local. Templates name a key without it.
const LOCAL: u8 = 0x80;

const WRONG: StatusWord = StatusWord::WRONG_DATA;

/// Which key a template is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Name {
    pub(super) mechanism: u8,
    /// 01 to 7F.
    pub(super) id: u8,
}

impl Name {
    /// Bits of the modulus.
    pub(super) fn bits(self) -> u16 {
        MECHANISMS
            .iter()
            .find(|(mechanism, _)| *mechanism == self.mechanism)
            .map_or(0, |(_, bits)| *bits)
    }
}

/// What a key may be used for and by whom, which is fixed when it is created.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Rules {
    pub(super) access: [Pair; key::PAIRS],
    /// Kept and never acted on: what its values mean is not public.
    pub(super) security: u8,
    /// Uses of the private key that are left; `None` for any number.
    pub(super) uses: Option<u16>,
}

/// What PUT DATA asks for.
#[derive(Debug)]
pub(super) enum Put {
    Create(Name, Rules),
    Delete(Name),
    Store(Name, RsaKey),
}

impl Put {
    /// `A1 { 80 mechanism, 83 id [, 86 access [, 87 security] [, 90 uses] | , A5 value] }`.
    ///
    /// # Errors
    ///
    /// 6A80 for anything else, also for a value that is no key of the mechanism.
    pub(super) fn parse(data: &[u8]) -> Result<Self, StatusWord> {
        let mut template = Template::parse(sdo::KEY, data)?;
        let name = template.name()?;
        let put = match (template.take(sdo::ACCESS), template.take(sdo::VALUE)) {
            (Some(access), None) => Self::Create(
                name,
                Rules {
                    access: access::pairs(access).ok_or(WRONG)?,
                    security: template
                        .take(sdo::SECURITY)
                        .map(one)
                        .transpose()?
                        .unwrap_or(0),
                    uses: template.take(sdo::USAGE_COUNTER).map(two).transpose()?,
                },
            ),
            (None, None) => Self::Delete(name),
            (None, Some(value)) => Self::Store(name, private_key(name, value)?),
            (Some(_), Some(_)) => return Err(WRONG),
        };
        template.done()?;
        Ok(put)
    }
}

/// What GENERATE ASYMMETRIC KEY PAIR asks for: `AC { 80 mechanism, 83 id [, 82 exponent] }`.
#[derive(Debug)]
pub(super) struct Generate {
    pub(super) name: Name,
    pub(super) exponent: u32,
}

impl Generate {
    /// # Errors
    ///
    /// 6A80.
    pub(super) fn parse(data: &[u8]) -> Result<Self, StatusWord> {
        let mut template = Template::parse(sdo::GENERATE, data)?;
        let name = template.name()?;
        let exponent = match template.take(sdo::EXPONENT) {
            None => F4,
            Some(bytes @ [_, ..]) if bytes.len() <= 4 => bytes
                .iter()
                .fold(0, |number, &byte| number << 8 | u32::from(byte)),
            Some(_) => return Err(WRONG),
        };
        template.done()?;
        Ok(Self { name, exponent })
    }
}

/// A key object as its memory cell begins: mechanism, security, whether uses are counted, uses,
/// access. The key follows, as [`RsaKey::to_cell`] writes it; nothing until it has a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Header {
    pub(super) mechanism: u8,
    pub(super) rules: Rules,
}

impl Header {
    pub(super) const SIZE: usize = 5 + 2 * key::PAIRS;

    /// The cell of a key with this header.
    pub(super) fn to_cell(&self, value: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut cell = Zeroizing::new(Vec::with_capacity(Self::SIZE + value.len()));
        let uses = self.rules.uses;
        cell.extend_from_slice(&[self.mechanism, self.rules.security, uses.is_some().into()]);
        cell.extend_from_slice(&uses.unwrap_or(0).to_be_bytes());
        cell.extend_from_slice(&access::bytes(&self.rules.access));
        cell.extend_from_slice(value);
        cell
    }

    /// From a memory cell, with the value that follows; `None` where there is no key.
    pub(super) fn from_cell(cell: &[u8]) -> Option<(Self, &[u8])> {
        let (header, value) = cell.split_first_chunk::<{ Self::SIZE }>()?;
        let [mechanism, security, counted, u0, u1, access @ ..] = header;
        let header = Self {
            mechanism: *mechanism,
            rules: Rules {
                access: access::pairs(access)?,
                security: *security,
                uses: (*counted != 0).then(|| u16::from_be_bytes([*u0, *u1])),
            },
        };
        Some((header, value))
    }
}

/// `7F49 { 81 modulus, 82 exponent }`.
pub(super) fn public_key(key: &RsaKey) -> Vec<u8> {
    let mut parts = ber::object(tag(sdo::MODULUS), &key.modulus());
    ber::write(&mut parts, tag(sdo::PUBLIC_EXPONENT), &key.exponent());
    ber::object(Tag(sdo::PUBLIC.into()), &parts)
}

/// From `7F48 { 92 p, 93 q, 94 qInv, 95 dP, 96 dQ }, 7F49 { 81 n, 82 e }`. Everything in it must
/// agree with everything else.
fn private_key(name: Name, value: &[u8]) -> Result<RsaKey, StatusWord> {
    let part = |of: u16| ber::find(Tag(of.into()), value).ok().flatten().ok_or(WRONG);
    let mut private = Template::of(part(sdo::PRIVATE)?)?;
    let mut public = Template::of(part(sdo::PUBLIC)?)?;
    let mut secret = |tag: u8| private.take(tag).ok_or(WRONG);
    let key = RsaKey::from_crt(
        name.bits(),
        &Crt {
            p: secret(sdo::P)?,
            q: secret(sdo::Q)?,
            q_inverse: secret(sdo::Q_INVERSE)?,
            dp: secret(sdo::DP)?,
            dq: secret(sdo::DQ)?,
        },
    );
    let key = key.ok_or(WRONG)?;
    let told = |number: Option<&[u8]>| number.map(without_zeros).unwrap_or_default().to_vec();
    let agrees = told(public.take(sdo::MODULUS)) == key.modulus()
        && told(public.take(sdo::PUBLIC_EXPONENT)) == key.exponent();
    private.done()?;
    public.done()?;
    agrees.then_some(key).ok_or(WRONG)
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let first = number.iter().position(|&byte| byte != 0);
    &number[first.unwrap_or(number.len())..]
}

/// The objects of a template, each to be taken once.
struct Template<'a>(Vec<(u8, &'a [u8])>);

impl<'a> Template<'a> {
    fn parse(outer: u8, data: &'a [u8]) -> Result<Self, StatusWord> {
        Self::of(ber::expect(tag(outer), data).map_err(|_| WRONG)?)
    }

    fn of(objects: &'a [u8]) -> Result<Self, StatusWord> {
        Reader::new(objects)
            .map(|object| {
                let object = object.map_err(|_| WRONG)?;
                Ok((u8::try_from(object.tag.0).map_err(|_| WRONG)?, object.value))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let at = self.0.iter().position(|(of, _)| *of == tag)?;
        Some(self.0.remove(at).1)
    }

    fn name(&mut self) -> Result<Name, StatusWord> {
        let mechanism = one(self.take(sdo::MECHANISM).ok_or(WRONG)?)?;
        let id = one(self.take(sdo::REFERENCE).ok_or(WRONG)?)?;
        let name = Name { mechanism, id };
        if id == 0 || id & LOCAL != 0 || name.bits() == 0 {
            return Err(WRONG);
        }
        Ok(name)
    }

    /// That nothing is left over, unknown or there twice.
    fn done(self) -> Result<(), StatusWord> {
        self.0.is_empty().then_some(()).ok_or(WRONG)
    }
}

fn tag(byte: u8) -> Tag {
    Tag(byte.into())
}

fn one(bytes: &[u8]) -> Result<u8, StatusWord> {
    match bytes {
        &[byte] => Ok(byte),
        _ => Err(WRONG),
    }
}

fn two(bytes: &[u8]) -> Result<u16, StatusWord> {
    bytes.try_into().map(u16::from_be_bytes).map_err(|_| WRONG)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::card::random::seeded;

    static KEY: LazyLock<RsaKey> =
        LazyLock::new(|| RsaKey::generate(1024, F4, &mut seeded(1, 1)).unwrap());

    const RSA_1024: u8 = 0x08;

    /// The numbers of a key by tag, the private ones as PKCS #1 lists them after n, e and d.
    fn parts(key: &RsaKey) -> Vec<(u8, Vec<u8>)> {
        let der = key.to_cell().unwrap();
        let numbers: Vec<&[u8]> = ber::read_one(&der)
            .unwrap()
            .children()
            .map(|number| without_zeros(number.unwrap().value))
            .collect();
        let [_version, n, e, _d, p, q, dp, dq, q_inverse] = numbers[..] else {
            panic!("{} numbers", numbers.len())
        };
        [
            (sdo::P, p),
            (sdo::Q, q),
            (sdo::Q_INVERSE, q_inverse),
            (sdo::DP, dp),
            (sdo::DQ, dq),
            (sdo::MODULUS, n),
            (sdo::PUBLIC_EXPONENT, e),
        ]
        .map(|(tag, number)| (tag, number.to_vec()))
        .to_vec()
    }

    fn store(mechanism: u8, parts: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let template = |outer: u16, parts: &[(u8, Vec<u8>)]| {
            let mut inner = Vec::new();
            for (of, value) in parts {
                ber::write(&mut inner, tag(*of), value);
            }
            ber::object(Tag(outer.into()), &inner)
        };
        let (private, public) = parts.split_at(5);
        let value = [
            template(sdo::PRIVATE, private),
            template(sdo::PUBLIC, public),
        ]
        .concat();
        let mut whole = ber::object(tag(sdo::MECHANISM), &[mechanism]);
        ber::write(&mut whole, tag(sdo::REFERENCE), &[0x01]);
        ber::write(&mut whole, tag(sdo::VALUE), &value);
        ber::object(tag(sdo::KEY), &whole)
    }

    fn bytes(hex: &str) -> Vec<u8> {
        hex::decode(hex.replace(' ', "")).unwrap()
    }

    /// As OpenSC encodes them, `authentic_manage_sdo_encode`.
    #[test]
    fn the_templates_are_told_apart_by_what_is_in_them() {
        let create = bytes("A114 80010C 830101 860C 000100010001000000010001");
        let Ok(Put::Create(name, rules)) = Put::parse(&create) else {
            panic!("no creation")
        };
        assert_eq!((name.mechanism, name.id, name.bits()), (0x0C, 1, 2048));
        assert_eq!(rules.access[key::SIGN], Pair::ALWAYS);
        assert_eq!(rules.access[key::GENERATE], Pair([0, 1]));
        assert_eq!(rules.uses, None);

        let delete = Put::parse(&bytes("A106 800108 830101"));
        assert!(matches!(
            delete,
            Ok(Put::Delete(Name {
                mechanism: RSA_1024,
                id: 1
            }))
        ));
        let counted = bytes("A11B 80010C 830101 860C 000100010001000000010001 870101 900200FF");
        let Ok(Put::Create(_, rules)) = Put::parse(&counted) else {
            panic!("no creation")
        };
        assert_eq!((rules.security, rules.uses), (1, Some(0xFF)));

        let generate = Generate::parse(&bytes("AC06 80010C 830101")).unwrap();
        assert_eq!(generate.exponent, F4);
        let generate = Generate::parse(&bytes("AC09 80010C 830101 820103")).unwrap();
        assert_eq!(generate.exponent, 3);
    }

    #[test]
    fn a_template_with_anything_else_is_refused() {
        for wrong in [
            "",
            "A100",
            "A106 80010C 830100",
            "A106 80010C 830181",
            "A106 800107 830101",
            "A109 800108 800108 830101",
            "A107 800108 830101 00",
            "A109 800108 830101 910100",
            "A206 800108 830101",
            "AC07 800108 830101 00",
            "AC08 800108 830101 8200",
            "AC0B 800108 830101 820500010001",
        ] {
            assert!(Put::parse(&bytes(wrong)).is_err(), "{wrong}");
            assert!(Generate::parse(&bytes(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_stored_only_if_all_its_numbers_agree() {
        let good = parts(&KEY);
        let Ok(Put::Store(name, key)) = Put::parse(&store(RSA_1024, &good)) else {
            panic!("no value")
        };
        assert_eq!(name.id, 1);
        assert_eq!(key.to_cell(), KEY.to_cell());
        assert!(Put::parse(&store(0x0C, &good)).is_err(), "another size");
        for at in 0..good.len() {
            let mut changed = good.clone();
            if let Some(last) = changed[at].1.last_mut() {
                *last ^= 0x02;
            }
            assert!(Put::parse(&store(RSA_1024, &changed)).is_err(), "{at}");
            let mut missing = good.clone();
            missing[at].1.clear();
            assert!(Put::parse(&store(RSA_1024, &missing)).is_err(), "{at}");
        }
    }

    #[test]
    fn the_public_key_has_the_whole_modulus() {
        let object = public_key(&KEY);
        let parts = ber::expect(Tag(0x7F49), &object).unwrap();
        let modulus = ber::find(Tag(0x81), parts).unwrap().unwrap();
        assert_eq!((modulus.len(), modulus[0] & 0x80), (128, 0x80));
        assert_eq!(ber::find(Tag(0x82), parts), Ok(Some(&[1, 0, 1][..])));
    }

    proptest! {
        #[test]
        fn a_header_survives_its_cell(
            mechanism: u8,
            security: u8,
            uses: Option<u16>,
            access: [[u8; 2]; key::PAIRS],
            value in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let header = Header {
                mechanism,
                rules: Rules { access: access.map(Pair), security, uses },
            };
            let cell = header.to_cell(&value);
            prop_assert_eq!(Header::from_cell(&cell), Some((header, &value[..])));
        }

        #[test]
        fn no_data_makes_it_panic(data in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _put = Put::parse(&data);
            let _generate = Generate::parse(&data);
            let _header = Header::from_cell(&data);
        }

        /// Numbers of a key that are any bytes at all.
        #[test]
        fn no_value_makes_it_panic(
            values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 7),
        ) {
            let tags = parts(&KEY).into_iter().map(|(tag, _)| tag);
            let parts: Vec<_> = tags.zip(values).collect();
            prop_assert!(Put::parse(&store(RSA_1024, &parts)).is_err());
        }
    }
}
