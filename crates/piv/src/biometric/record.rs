//! What the records of fingers, faces and irises have in common: fixed fields at the front, a
//! counted row of parts, and nothing behind them.

use std::fmt;

use super::BiometricError;
use crate::{Finding, Parsed};

/// Reads a record whose `read` fails on fewer than `head` bytes alone, and judges it by its length.
pub(super) fn parse<T>(
    bytes: &[u8],
    what: &'static str,
    head: usize,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    check: impl FnOnce(&T, usize) -> Vec<Finding>,
) -> Result<Parsed<T>, BiometricError> {
    let value = read(&mut Fields { rest: bytes }).ok_or(BiometricError::TooShort {
        what,
        expected: head,
        actual: bytes.len(),
    })?;
    Ok(Parsed {
        findings: check(&value, bytes.len()),
        value,
        raw: bytes.to_vec(),
    })
}

/// Takes fields from the front of a record, big endian.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// What has not been taken.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// As many parts as can be read, at most `count`. A part cut short is not taken.
    pub(super) fn parts<T>(
        &mut self,
        count: impl Into<usize>,
        read: impl Fn(&mut Self) -> Option<T>,
    ) -> Vec<T> {
        let mut parts = Vec::new();
        for _ in 0..count.into() {
            let before = self.rest;
            let Some(part) = read(self) else {
                self.rest = before;
                break;
            };
            parts.push(part);
        }
        parts
    }

    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*first)
    }

    pub(super) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (first, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(first)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }
}

/// Gathers what is wrong with one record.
pub(super) struct Notes {
    name: &'static str,
    clause: &'static str,
    pub(super) findings: Vec<Finding>,
}

impl Notes {
    pub(super) const fn new(name: &'static str, clause: &'static str) -> Self {
        Self {
            name,
            clause,
            findings: Vec::new(),
        }
    }

    pub(super) fn violation(&mut self, what: impl fmt::Display) {
        let finding = Finding::violation(self.clause, format!("{}: {what}", self.name));
        self.findings.push(finding);
    }

    pub(super) fn warning(&mut self, what: impl fmt::Display) {
        let finding = Finding::warning(self.clause, format!("{}: {what}", self.name));
        self.findings.push(finding);
    }

    /// Notes a value that is not the one it must be.
    pub(super) fn expect<T: PartialEq + fmt::Display>(
        &mut self,
        field: &str,
        actual: T,
        expected: T,
    ) {
        if actual != expected {
            self.violation(format_args!("{field} is {actual}, expected {expected}"));
        }
    }

    /// Notes fixed bytes that are not the ones they must be.
    pub(super) fn expect_bytes<const N: usize>(
        &mut self,
        field: &str,
        actual: [u8; N],
        expected: [u8; N],
    ) {
        self.expect(
            field,
            hex::encode_upper(actual),
            hex::encode_upper(expected),
        );
    }

    /// Notes parts that are missing, or bytes behind the last one.
    pub(super) fn expect_parts(
        &mut self,
        part: &str,
        read: usize,
        counted: impl Into<usize>,
        rest: &[u8],
    ) {
        let counted = counted.into();
        if read != counted {
            self.violation(format_args!("cut short: {read} of {counted} {part}s"));
        } else if !rest.is_empty() {
            self.violation(format_args!("{} bytes after the last {part}", rest.len()));
        }
    }
}
