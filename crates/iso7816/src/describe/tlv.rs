use serde::Serialize;

use super::Names;
use crate::Masked;
use crate::ber::{Reader, Tag};

/// Objects inside objects are shown down to this depth.
const MAX_DEPTH: usize = 8;

/// One BER-TLV object for display.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct TlvNode {
    /// The tag in hex.
    pub tag: String,
    /// What it is called, where that is known.
    pub name: Option<String>,
    /// Offset of the tag in the data taken apart.
    pub offset: usize,
    /// Bytes of tag and length.
    pub header: usize,
    /// The value.
    pub value: Masked,
    /// What the value consists of; empty where it is shown as bytes.
    pub children: Vec<Self>,
}

/// Takes data apart that is BER-TLV objects from its first byte to its last. None if it is not.
///
/// A value is descended into only if its tag says that it holds objects and it reads cleanly
/// that way, at most eight levels deep. The value of 53 is read with single-byte tags, which is
/// the form inside PIV data objects (SP 800-73-5 Part 1, Appendix A), and not further down.
#[must_use]
pub fn tlv_tree(data: &Masked, names: &dyn Names) -> Option<Vec<TlvNode>> {
    let filled = data.filled();
    let level = Level {
        data,
        names,
        parent: None,
        depth: 0,
    };
    level.read(Reader::new(&filled), 0)
}

const DATA_OBJECT: Tag = Tag(0x53);

#[derive(Clone, Copy)]
struct Level<'a> {
    data: &'a Masked,
    names: &'a dyn Names,
    parent: Option<Tag>,
    depth: usize,
}

impl Level<'_> {
    /// Reads one level; `start` is where its input starts in the data.
    fn read(self, reader: Reader<'_>, start: usize) -> Option<Vec<TlvNode>> {
        let nodes: Vec<TlvNode> = reader
            .map(|object| {
                let object = object.ok()?;
                let offset = start + object.offset;
                let end = offset + object.raw.len();
                let value = end - object.value.len();
                // A header guessed from withheld bytes would be invention.
                self.data.part(offset..value).is_whole().then_some(())?;
                let below = Level {
                    parent: Some(object.tag),
                    depth: self.depth + 1,
                    ..self
                };
                let children = if self.is_flat() || below.depth == MAX_DEPTH {
                    None
                } else if object.tag == DATA_OBJECT {
                    below.read(Reader::single_byte_tags(object.value), value)
                } else if object.tag.is_constructed() {
                    below.read(object.children(), value)
                } else {
                    None
                };
                Some(TlvNode {
                    tag: object.tag.to_string(),
                    name: self.name(object.tag),
                    offset,
                    header: value - offset,
                    value: self.data.part(value..end),
                    children: children.unwrap_or_default(),
                })
            })
            .collect::<Option<_>>()?;
        (!nodes.is_empty()).then_some(nodes)
    }

    fn is_flat(self) -> bool {
        self.parent == Some(DATA_OBJECT)
    }

    fn name(self, tag: Tag) -> Option<String> {
        if self.is_flat() {
            return None;
        }
        self.names
            .object(tag)
            .filter(|_| self.depth == 0)
            .or_else(|| name_of(self.parent, tag).map(str::to_owned))
    }
}

/// Interindustry names, by the template a tag stands in.
pub(super) fn name_of(parent: Option<Tag>, tag: Tag) -> Option<&'static str> {
    let inside = parent.map_or(0, |parent| parent.0);
    Some(match (inside, tag.0) {
        (0x7C, 0x80) => "witness",
        (0x7C, 0x81) => "challenge",
        (0x7C, 0x82) => "response",
        (0x7C, 0x85) => "exponentiation",
        (0x7F49, 0x81) => "modulus",
        (0x7F49, 0x82) => "public exponent",
        (0x7F49, 0x86) => "public point",
        (0x6F | 0x62, 0x80) => "file size",
        (0x6F | 0x62, 0x82) => "file descriptor",
        (0x6F | 0x62, 0x83) => "file identifier",
        (0x6F | 0x62, 0x84) => "application identifier",
        (0x6F | 0x62, 0x8A) => "life-cycle status",
        (0x6F, 0xA5) => "proprietary information",
        (0xAC, 0x80) => "algorithm",
        (0xAC, 0x06) => "object identifier",
        (0, 0x87) => "enciphered data",
        (0, 0x8E) => "message authentication code",
        (0, 0x97) => "expected length",
        (0, 0x99) => "status word",
        (_, 0x42) => "issuer identification number",
        (_, 0x45) => "card image number",
        (_, 0x4F) => "application identifier",
        (_, 0x50) => "application label",
        (_, 0x53) => "data object",
        (_, 0x5C) => "tag list",
        (_, 0x5F50) => "URL",
        (_, 0x61) => "application template",
        (_, 0x62) => "file control parameters",
        (_, 0x66) => "card data",
        (_, 0x6F) => "file control information",
        (_, 0x73) => "discretionary data",
        (_, 0x79) => "allocation authority",
        (_, 0x7C) => "dynamic authentication template",
        (_, 0x7F21) => "card-verifiable certificate",
        (_, 0x7F49) => "public key",
        (_, 0x7F66) => "extended length information",
        (_, 0x9F7F) => "card production life cycle data",
        (_, 0xAC) => "cryptographic mechanism",
        (_, 0xE0) => "key information",
        _ => return None,
    })
}
