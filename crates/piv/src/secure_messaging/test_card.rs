//! The card's side, written from the standard and from nothing else in this module but AES and
//! CMAC, so that a misreading on one side shows.

use cipher::{BlockCipherDecrypt, KeyInit};
use iso7816::{Command, Response, StatusWord};

use super::{SessionKey, SessionKeys};

pub(super) struct TestCard {
    keys: SessionKeys,
    count: u8,
    command_chaining: Vec<u8>,
    response_chaining: Vec<u8>,
}

impl TestCard {
    /// Good for 255 commands, enough for tests.
    pub(super) fn new(keys: SessionKeys) -> Self {
        Self {
            keys,
            count: 1,
            command_chaining: vec![0; 16],
            response_chaining: vec![0; 16],
        }
    }

    /// Verifies and decrypts a protected command, sent in parts. `None` where a card answers 6988.
    pub(super) fn open(&mut self, parts: &[Command]) -> Option<(Vec<u8>, bool)> {
        let (last, before) = parts.split_last()?;
        let chained = before.iter().all(|part| {
            part.class == 0x1C
                && part.data.len() == 255
                && part.expected.is_none()
                && (part.instruction, part.p1, part.p2) == (last.instruction, last.p1, last.p2)
        });
        if !chained || last.class != 0x0C || last.to_short().ok()?.last() != Some(&0) {
            return None;
        }
        let whole: Vec<u8> = parts.iter().flat_map(|part| part.data.to_vec()).collect();
        let (covered, mac) = whole.split_at(whole.len().checked_sub(10)?);
        let mut input = self.command_chaining.clone();
        input.extend([0x0C, last.instruction.0, last.p1, last.p2, 0x80]);
        input.resize(32, 0);
        input.extend(covered);
        let full = self.keys.command_mac.cmac(&[&input]);
        if mac[..2] != [0x8E, 0x08] || mac[2..] != full[..8] {
            return None;
        }
        self.command_chaining = full.to_vec();
        let (cryptogram, le) = match covered {
            [rest @ .., 0x97, 0x01, 0x00] => (rest, true),
            rest => (rest, false),
        };
        let value = match cryptogram {
            [] => return Some((Vec::new(), le)),
            [0x87, 0x82, _, _, 0x01, value @ ..]
            | [0x87, 0x81, _, 0x01, value @ ..]
            | [0x87, _, 0x01, value @ ..] => value,
            _ => return None,
        };
        let mut previous = self.keys.encryption.encrypt_block(&self.counter(0x00));
        let mut data = Vec::new();
        for block in value.chunks(16) {
            let block: [u8; 16] = block.try_into().ok()?;
            let plain = decrypt_block(&self.keys.encryption, block);
            data.extend(plain.iter().zip(previous).map(|(a, b)| a ^ b));
            previous = block;
        }
        while data.pop()? == 0 {}
        Some((data, le))
    }

    /// Protects a response.
    pub(super) fn seal(&mut self, data: &[u8], status: StatusWord) -> Response {
        let mut objects = Vec::new();
        if !data.is_empty() {
            let mut padded = data.to_vec();
            padded.push(0x80);
            while !padded.len().is_multiple_of(16) {
                padded.push(0);
            }
            let length = padded.len() + 1;
            objects.push(0x87);
            match length {
                0..0x80 => objects.push(length as u8),
                0x80..0x100 => objects.extend([0x81, length as u8]),
                _ => objects.extend([0x82, (length >> 8) as u8, length as u8]),
            }
            objects.push(0x01);
            let mut previous = self.keys.encryption.encrypt_block(&self.counter(0x80));
            for block in padded.chunks(16) {
                let mixed = std::array::from_fn(|i| block[i] ^ previous[i]);
                previous = self.keys.encryption.encrypt_block(&mixed);
                objects.extend(previous);
            }
        }
        objects.extend([0x99, 0x02, (status.0 >> 8) as u8, status.0 as u8]);
        let mac = self
            .keys
            .response_mac
            .cmac(&[&self.response_chaining, &objects]);
        self.response_chaining = mac.to_vec();
        objects.extend([0x8E, 0x08]);
        objects.extend(&mac[..8]);
        self.count += 1;
        Response::new(objects, StatusWord::OK)
    }

    fn counter(&self, first: u8) -> [u8; 16] {
        let mut block = [0; 16];
        block[0] = first;
        block[15] = self.count;
        block
    }
}

fn decrypt_block(key: &SessionKey, block: [u8; 16]) -> [u8; 16] {
    let mut block = block.into();
    match key.bytes().len() {
        16 => aes::Aes128::new_from_slice(key.bytes())
            .unwrap()
            .decrypt_block(&mut block),
        _ => aes::Aes256::new_from_slice(key.bytes())
            .unwrap()
            .decrypt_block(&mut block),
    }
    block.into()
}
