//! What key files hold, and READ and WRITE COMPONENT.
//!
//! ```text
//! private  01 PKCS#1                    a whole key
//!          00 { length(2) value }*5     what was loaded so far: p, q, qInv, dP, dQ
//! public   { length(2) value }*2        modulus, exponent
//! DES      the key
//! ```

use ::authentic::words::v2;
use cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use des::{Des, TdesEde2, TdesEde3};
use iso7816::{Command, StatusWord};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::card::authentic::AuthenticChip;
use crate::card::authentic::files::{self, Place};
use crate::card::authentic::rsa::{Crt, RsaKey};
use crate::card::session::Answer;

/// The sizes of a DES key: one, two and three keys of 64 bits.
pub(super) const DES_BITS: [u16; 3] = [64, 128, 192];

/// P2 of WRITE COMPONENT for RSA and for DES.
const RSA: u8 = 0x04;
const DES: u8 = 0x00;

/// The kind of key a block of WRITE COMPONENT is for.
const PUBLIC: u8 = 0xA1;
const PRIVATE: u8 = 0xA3;
const SECRET: u8 = 0x80;

const MODULUS: u8 = 1;
const EXPONENT: u8 = 2;

/// Bytes of the exponent as it is read: the driver takes leading zeros away.
const EXPONENT_FIELD: usize = 4;

const WHOLE: u8 = 0x01;
const IN_PARTS: u8 = 0x00;

/// Values one after the other, each with its length.
struct Parts<const N: usize>([Zeroizing<Vec<u8>>; N]);

impl<const N: usize> Parts<N> {
    fn none() -> Self {
        Self(std::array::from_fn(|_| Zeroizing::new(Vec::new())))
    }

    /// As far as there are any.
    fn read(mut body: &[u8]) -> Self {
        let mut parts = Self::none();
        for part in &mut parts.0 {
            let Some((&[high, low], rest)) = body.split_first_chunk() else {
                break;
            };
            let length = usize::from(u16::from_be_bytes([high, low]));
            let Some((value, rest)) = rest.split_at_checked(length) else {
                break;
            };
            *part = Zeroizing::new(value.to_vec());
            body = rest;
        }
        parts
    }

    fn write(&self, out: &mut Zeroizing<Vec<u8>>) {
        out.reserve(self.0.iter().map(|part| 2 + part.len()).sum());
        for part in &self.0 {
            out.extend_from_slice(&(part.len() as u16).to_be_bytes());
            out.extend_from_slice(part);
        }
    }
}

/// The body of a private key file with a whole key.
pub(super) fn private_body(key: &RsaKey) -> Option<Zeroizing<Vec<u8>>> {
    let key = key.to_cell()?;
    let mut body = Zeroizing::new(Vec::with_capacity(1 + key.len()));
    body.push(WHOLE);
    body.extend_from_slice(&key);
    Some(body)
}

/// The body of a public key file.
pub(super) fn public_body(modulus: &[u8], exponent: &[u8]) -> Zeroizing<Vec<u8>> {
    let parts = Parts([modulus, exponent].map(|part| Zeroizing::new(part.to_vec())));
    let mut body = Zeroizing::new(Vec::new());
    parts.write(&mut body);
    body
}

/// The key of a private key file, if it is whole.
pub(super) fn private_key(cell: &[u8]) -> Option<RsaKey> {
    match cell.get(files::HEADER..)? {
        [WHOLE, key @ ..] => RsaKey::from_cell(key),
        _ => None,
    }
}

impl AuthenticChip {
    /// A value of the current public key.
    pub(super) fn read_component(&mut self, command: &Command) -> Answer {
        if command.p2 != 0 {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        if !command.data.is_empty() {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        let (place, header) = self.current()?;
        if header.kind != v2::TYPE_PUBLIC_KEY {
            return Err(StatusWord::COMMAND_NOT_ALLOWED.into());
        }
        let Parts([modulus, exponent]) = Parts::read(files::body(&self.memory, place));
        let value = match command.p1 {
            MODULUS => modulus,
            EXPONENT if exponent.is_empty() => exponent,
            EXPONENT => {
                let zeros = EXPONENT_FIELD.saturating_sub(exponent.len());
                Zeroizing::new([&vec![0; zeros], exponent.as_slice()].concat())
            }
            _ => return Err(StatusWord::WRONG_P1P2.into()),
        };
        match value.is_empty() {
            true => Err(StatusWord::REFERENCE_NOT_FOUND.into()),
            false => Ok(value),
        }
    }

    /// A value of the current key, which comes in one block or, when it is long, in two.
    pub(super) fn write_component(&mut self, command: &Command) -> Answer {
        let (place, header) = self.current()?;
        let (kind, p2) = match header.kind {
            v2::TYPE_PUBLIC_KEY => (PUBLIC, RSA),
            v2::TYPE_PRIVATE_KEY => (PRIVATE, RSA),
            v2::TYPE_DES_KEY => (SECRET, DES),
            _ => return Err(StatusWord::COMMAND_NOT_ALLOWED.into()),
        };
        if command.p2 != p2 {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let blocks = Blocks::read(kind, &command.data).ok_or(StatusWord::WRONG_DATA)?;
        self.check_access(&header, v2::private_key::UPDATE)?;
        let body = match kind {
            SECRET => des_body(header.size, &blocks).ok_or(StatusWord::WRONG_DATA)?,
            _ if !blocks.check.is_empty() => return Err(StatusWord::WRONG_DATA.into()),
            PUBLIC => self.public_with(place, header.size, command.p1, blocks.value)?,
            _ => self.private_with(place, header.size, command.p1, blocks.value)?,
        };
        self.session.v2.purpose = None;
        self.write(place, &header, &body)
    }

    fn public_with(
        &self,
        place: Place,
        bits: u16,
        number: u8,
        value: Zeroizing<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, StatusWord> {
        let mut parts = Parts::<2>::read(files::body(&self.memory, place));
        let fits = match number {
            MODULUS => value.len() == usize::from(bits) / 8,
            EXPONENT => (1..=8).contains(&value.len()),
            _ => return Err(StatusWord::WRONG_P1P2),
        };
        if !fits {
            return Err(StatusWord::WRONG_DATA);
        }
        parts.0[usize::from(number) - 1] = value;
        let mut body = Zeroizing::new(Vec::new());
        parts.write(&mut body);
        Ok(body)
    }

    /// With the last of the five values they must make a key. The first new value of a key that
    /// is whole ends that key.
    fn private_with(
        &self,
        place: Place,
        bits: u16,
        number: u8,
        value: Zeroizing<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, StatusWord> {
        let mut parts = match files::body(&self.memory, place) {
            [IN_PARTS, parts @ ..] => Parts::<5>::read(parts),
            _ => Parts::none(),
        };
        let part = usize::from(number)
            .checked_sub(1)
            .and_then(|index| parts.0.get_mut(index))
            .ok_or(StatusWord::WRONG_P1P2)?;
        if value.is_empty() || value.len() > usize::from(bits) / 16 {
            return Err(StatusWord::WRONG_DATA);
        }
        *part = value;
        if parts.0.iter().all(|part| !part.is_empty()) {
            let [p, q, q_inverse, dp, dq] = &parts.0;
            let crt = Crt {
                p,
                q,
                q_inverse,
                dp,
                dq,
            };
            return RsaKey::from_crt(bits, &crt)
                .and_then(|key| private_body(&key))
                .ok_or(StatusWord::WRONG_DATA);
        }
        let mut body = Zeroizing::new(vec![IN_PARTS]);
        parts.write(&mut body);
        Ok(body)
    }
}

/// The data of WRITE COMPONENT: `{ kind length value check-length check }*`, their values laid end
/// to end.
struct Blocks {
    value: Zeroizing<Vec<u8>>,
    check: Vec<u8>,
}

impl Blocks {
    fn read(kind: u8, mut data: &[u8]) -> Option<Self> {
        let mut blocks = Self {
            value: Zeroizing::new(Vec::with_capacity(data.len())),
            check: Vec::new(),
        };
        while let &[of, ref rest @ ..] = data {
            if of != kind {
                return None;
            }
            let (value, rest) = counted(rest)?;
            let (check, rest) = counted(rest)?;
            blocks.value.extend_from_slice(value);
            blocks.check.extend_from_slice(check);
            data = rest;
        }
        (!blocks.value.is_empty()).then_some(blocks)
    }
}

fn counted(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = data.split_first()?;
    rest.split_at_checked(usize::from(length))
}

/// A DES key with the beginning of zeros encrypted with it.
fn des_body(bits: u16, blocks: &Blocks) -> Option<Zeroizing<Vec<u8>>> {
    if blocks.value.len() != usize::from(bits) / 8 {
        return None;
    }
    let check = DesKey::new(&blocks.value)?.encrypt([0; 8]);
    bool::from(check[..3].ct_eq(&blocks.check)).then(|| blocks.value.clone())
}

/// A DES key of one, two or three parts.
pub(super) enum DesKey {
    Single(Box<Des>),
    Double(Box<TdesEde2>),
    Triple(Box<TdesEde3>),
}

impl DesKey {
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        fn keyed<C: KeyInit>(key: &[u8]) -> Option<Box<C>> {
            C::new_from_slice(key).ok().map(Box::new)
        }
        match key.len() {
            8 => keyed(key).map(Self::Single),
            16 => keyed(key).map(Self::Double),
            24 => keyed(key).map(Self::Triple),
            _ => None,
        }
    }

    fn encrypt(&self, block: [u8; 8]) -> [u8; 8] {
        let mut block = Block::<Des>::from(block);
        match self {
            Self::Single(key) => key.encrypt_block(&mut block),
            Self::Double(key) => key.encrypt_block(&mut block),
            Self::Triple(key) => key.encrypt_block(&mut block),
        }
        block.into()
    }

    pub(super) fn decrypt(&self, block: [u8; 8]) -> [u8; 8] {
        let mut block = Block::<Des>::from(block);
        match self {
            Self::Single(key) => key.decrypt_block(&mut block),
            Self::Double(key) => key.decrypt_block(&mut block),
            Self::Triple(key) => key.decrypt_block(&mut block),
        }
        block.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_read_back(values in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..300), 5)
        ) {
            let values: [Vec<u8>; 5] = values.try_into().unwrap();
            let parts = Parts(values.map(Zeroizing::new));
            let mut body = Zeroizing::new(Vec::new());
            parts.write(&mut body);
            prop_assert_eq!(Parts::<5>::read(&body).0, parts.0);
        }

        #[test]
        fn any_bytes_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Parts::<5>::read(&bytes);
            let _ = private_key(&bytes);
            let _ = Blocks::read(PRIVATE, &bytes);
        }

        #[test]
        fn a_value_in_two_blocks_is_one_value(
            value in proptest::collection::vec(any::<u8>(), 2..400), cut in 1_usize..255,
        ) {
            let (first, last) = value.split_at(cut.min(value.len() - 1));
            prop_assume!(last.len() < 256);
            let block = |part: &[u8]| [&[PUBLIC, part.len() as u8], part, &[0]].concat();
            let data = [block(first), block(last)].concat();
            prop_assert_eq!(&*Blocks::read(PUBLIC, &data).unwrap().value, &value);
            prop_assert!(Blocks::read(PRIVATE, &data).is_none());
        }
    }
}
