//! From the faces of a card to the stream that prints it, and back.

use std::collections::VecDeque;

use ground::{Blame, Blamed};
use serde::Deserialize;
use thiserror::Error;

use super::bitmap::{Bitmap, Coding};
use super::command::Command;
use super::dots::Dots;
use super::face::Face;
use super::panel::{Levels, Panel};
use super::profile::{Profile, Ribbon};
use super::stream::{DecodeError, Item, Stream};
use crate::Job;

/// The zero bytes behind a job in the plain dialect.
const END_FILLING: usize = 32;

/// How the commands of a job are written.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// Commands and bitmaps alone, in the order of the vendor's driver for Windows. (Captures of
    /// it.)
    Plain,
    /// With tags and synchronisation commands between them, as the vendor's library 9.4 writes.
    /// (Jobs of it.)
    Tagged,
}

/// What is the same for both sides of a card.
#[derive(Clone, Debug, PartialEq)]
pub struct JobOptions {
    /// How the commands are written.
    pub dialect: Dialect,
    /// Seconds since 1970: what the printer knows the job by.
    pub time: u32,
    /// The ribbon the job is made for.
    pub ribbon: Ribbon,
    /// Shades of the dyes.
    pub shades: Levels,
    /// Whether resin and varnish are compressed.
    pub compressed: bool,
    /// Whether front and back are printed upside down.
    pub turned: [bool; 2],
}

impl JobOptions {
    /// As the profile has it.
    #[must_use]
    pub fn new(profile: &Profile, ribbon: &Ribbon, time: u32) -> Self {
        let wire = profile.wire();
        Self {
            dialect: wire.dialect.value,
            time,
            ribbon: ribbon.clone(),
            shades: profile.shades(),
            compressed: wire.compressed.value,
            turned: [profile.front_turned.value, profile.back_turned.value],
        }
    }
}

/// The bytes of a job, all its cards one after the other.
///
/// # Errors
///
/// [`BuildError`] when there is nothing to print, a picture has the wrong size, or the ribbon lacks
/// what a side needs.
pub fn encode(job: &Job, options: &JobOptions) -> Result<Vec<u8>, BuildError> {
    let card = build(job, options)?.encode();
    Ok(card.repeat(job.copies as usize))
}

/// The stream of one card of a job.
///
/// # Errors
///
/// As [`encode`].
pub fn build(job: &Job, options: &JobOptions) -> Result<Stream, BuildError> {
    let face = |side: &Option<plastic::Separation>| {
        let face = side.as_ref().map(|side| Face::of(side, job.overcoat));
        face.transpose()
    };
    build_faces(
        face(&job.front)?.as_ref(),
        face(&job.back)?.as_ref(),
        options,
    )
}

/// The stream of one card whose pictures are as large as the panels, 1016 x 648 dots.
///
/// A panel without ink is left out, as the vendor's library does. A card with nothing on its front
/// has an empty front before its back, so that it is turned over.
///
/// # Errors
///
/// As [`encode`].
pub fn build_faces(
    front: Option<&Face>,
    back: Option<&Face>,
    options: &JobOptions,
) -> Result<Stream, BuildError> {
    if front.is_none() && back.is_none() {
        return Err(BuildError::NothingToPrint);
    }
    let panels = |side: usize, face: Option<&Face>| match face {
        Some(face) => panels(side, face, options),
        None => Ok(Panels::default()),
    };
    let mut sides = vec![panels(0, front)?];
    if back.is_some() {
        sides.push(panels(1, back)?);
    }
    Ok(match options.dialect {
        Dialect::Plain => plain(sides, options),
        Dialect::Tagged => tagged(sides, options),
    })
}

/// One side of a job taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodedSide {
    /// Which card of the job, from 0.
    pub card: usize,
    /// Whether it is the back.
    pub back: bool,
    /// The ink of each panel in the order of the wire, as it goes under the head.
    pub panels: Vec<(Panel, Dots)>,
    /// The picture they make, upright.
    pub face: Face,
}

/// Takes the bytes of a job apart: the sides that have any panel, card by card. `turned` says which
/// of front and back are printed upside down. A side has six megabytes: [`decode_sides`] is for jobs
/// of many cards.
///
/// # Errors
///
/// [`DecodeError`], with the offset of a bitmap that makes no panel.
pub fn decode(bytes: &[u8], turned: [bool; 2]) -> Result<Vec<DecodedSide>, DecodeError> {
    Ok(decode_sides(bytes, turned)?.collect())
}

/// The same one side after the other: the dots of a side are unpacked when it is its turn.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_sides(bytes: &[u8], turned: [bool; 2]) -> Result<DecodedSides, DecodeError> {
    let stream = Stream::decode(bytes)?;
    let mut offset = 0;
    for item in &stream.items {
        if let Item::Bitmap(bitmap) = item
            && bitmap.coding() == Coding::Compressed
        {
            bitmap
                .dots()
                .map_err(|source| DecodeError::Bitmap { offset, source })?;
        }
        offset += item.size();
    }
    let mut left = VecDeque::new();
    for (card, sides) in stream.cards().into_iter().enumerate() {
        for (back, bitmaps) in [false, true].into_iter().zip(sides) {
            for (at, bitmap) in bitmaps.iter().enumerate() {
                let panel = bitmap.panel();
                if bitmaps[..at].iter().any(|other| other.panel() == panel) {
                    return Err(DecodeError::PanelTwice {
                        card: card + 1,
                        panel: panel.letter(),
                    });
                }
            }
            if !bitmaps.is_empty() {
                let bitmaps = bitmaps.into_iter().cloned().collect();
                left.push_back((card, back, bitmaps));
            }
        }
    }
    Ok(DecodedSides { left, turned })
}

/// The sides of a job, one after the other.
#[derive(Clone, Debug)]
pub struct DecodedSides {
    left: VecDeque<(usize, bool, Vec<Bitmap>)>,
    turned: [bool; 2],
}

impl Iterator for DecodedSides {
    type Item = DecodedSide;

    fn next(&mut self) -> Option<DecodedSide> {
        let (card, back, bitmaps) = self.left.pop_front()?;
        // Every one has been unpacked before.
        let panels: Vec<(Panel, Dots)> = bitmaps
            .iter()
            .filter_map(|bitmap| Some((bitmap.panel(), bitmap.dots().ok()?)))
            .collect();
        Some(DecodedSide {
            card,
            back,
            face: Face::of_panels(&panels, self.turned[usize::from(back)]),
            panels,
        })
    }
}

/// The bitmaps of a side and what is said of its picture.
#[derive(Default)]
struct Panels {
    dyes: Vec<Item>,
    others: Vec<Item>,
    /// `Pida`: bare dots of a hundred and the mean ink of yellow, magenta and cyan.
    picture: [u64; 4],
}

fn panels(side: usize, face: &Face, options: &JobOptions) -> Result<Panels, BuildError> {
    face.fits()?;
    let has = options.ribbon.panels(side);
    let mut out = Panels {
        picture: [face.bare_percent(), 0, 0, 0],
        ..Panels::default()
    };
    for panel in Panel::ALL {
        let dots = face.dots(panel, options.shades, options.turned[side]);
        if dots.is_blank() {
            continue;
        }
        if !has.contains(&panel) {
            return Err(BuildError::Ribbon {
                ribbon: options.ribbon.name.clone(),
                side: ["front", "back"][side],
                panel: panel.name(),
            });
        }
        match Panel::DYES.iter().position(|dye| *dye == panel) {
            Some(dye) => {
                out.picture[1 + dye] = dots.mean();
                let bitmap = dots.to_bitmap(panel, Coding::Packed);
                out.dyes.push(Item::Bitmap(bitmap));
            }
            None => {
                let coding = if options.compressed {
                    Coding::Compressed
                } else {
                    Coding::Packed
                };
                out.others.push(Item::Bitmap(dots.to_bitmap(panel, coding)));
            }
        }
    }
    Ok(out)
}

fn plain(sides: Vec<Panels>, options: &JobOptions) -> Stream {
    let ribbon = &options.ribbon;
    let mut items = vec![command(&format!("Pr;{}", ribbon.word)), command("Pmi;F;s")];
    for panel in ribbon.panels(0) {
        items.push(command(&format!("Pc;{};=;10", panel.letter())));
    }
    items.extend(["Pdt;DU", "Mr;s"].map(command));
    items.push(command(&format!("Ppws;{}", options.time)));
    items.push(command("Ss"));
    for (side, word) in sides.into_iter().zip(["Sr", "Sv"]) {
        items.push(command(word));
        items.extend(side.dyes);
        items.extend(side.others);
    }
    items.push(command("Se;1"));
    items.push(Item::Filling(END_FILLING));
    Stream { items }
}

fn tagged(sides: Vec<Panels>, options: &JobOptions) -> Stream {
    let ribbon = options.ribbon.number;
    let mut items = Vec::new();
    let mut add = |texts: &[&str]| items.extend(texts.iter().map(|text| item(text)));
    add(&["Psync;1;0", "<HEADER>", "Psmgr;1"]);
    add(&[&format!("Ppws;{}", options.time), "Pcla;1", "Ppmode;0"]);
    add(&[
        &format!("Pr;{ribbon};t"),
        &format!("Pwres;300;300;{ribbon}"),
    ]);
    add(&[
        "Psk;10",
        "Piqla;a;d",
        "Pmc;h",
        "Peoic;k;D",
        "Psync;2",
        "</HEADER>",
    ]);
    add(&[
        "Psync;12;1",
        "<OPTION Dpi=300x300>",
        "Psync;13;0",
        "</OPTION>",
    ]);
    let duplex = u8::from(sides.len() > 1);
    add(&["Psync;3;1", &format!("<DOC Duplex={duplex}>"), "Psync;3;0"]);
    add(&["Psync;5;1", "<CARD>", "Psync;5;0", "Ss", "Mr;s"]);
    for (side, word) in sides.into_iter().zip(["Sr", "Sv"]) {
        let mut add = |texts: &[&str]| items.extend(texts.iter().map(|text| item(text)));
        add(&["Psync;9;1", "<FACE>", "Psync;9;0", word]);
        add(&["Pc;a;=;10", "Pl;a;=;10", "Pc;k;=;10", "Pc;o;=;10"]);
        add(&["Pc;l;=;10", "Pc;f;=;10", "Pl;f;=;10"]);
        if !side.dyes.is_empty() {
            let [bare, yellow, magenta, cyan] = side.picture;
            add(&[&format!("Pida;{bare};{yellow};{magenta};{cyan}")]);
        }
        add_panels(&mut items, side.dyes, side.others);
        let mut add = |texts: &[&str]| items.extend(texts.iter().map(|text| item(text)));
        add(&["Psync;10;1", "</FACE>", "Psync;10;0"]);
    }
    let mut add = |texts: &[&str]| items.extend(texts.iter().map(|text| item(text)));
    add(&["Se", "Psync;6;1", "</CARD>", "Psync;6;0"]);
    add(&["Psync;4;1", "</DOC>", "Psync;4;0"]);
    add(&["Pcla;0", "Psync;11;1", "<END>", "Psync;11;0"]);
    Stream { items }
}

/// The dyes share one counted block, every other panel has its own. Between two blocks the tags
/// stand in one run.
fn add_panels(items: &mut Vec<Item>, dyes: Vec<Item>, others: Vec<Item>) {
    let blocks = std::iter::once(dyes).chain(others.into_iter().map(|panel| vec![panel]));
    let mut end = "";
    for block in blocks.filter(|block| !block.is_empty()) {
        let size: usize = block.iter().map(Item::size).sum();
        items.push(Item::Tags(format!("{end}<BINARY Size={size}>")));
        items.extend(block);
        end = "</BINARY>";
    }
    if !end.is_empty() {
        items.push(Item::Tags(end.to_owned()));
    }
}

fn item(text: &str) -> Item {
    if text.starts_with('<') {
        Item::Tags(text.to_owned())
    } else {
        command(text)
    }
}

fn command(text: &str) -> Item {
    Item::Command(Command::new(text).expect("the texts here and in a profile are plain"))
}

/// Why a job cannot be made.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum BuildError {
    /// Neither side is given.
    #[error("the job has neither a front nor a back")]
    NothingToPrint,
    /// A picture of the wrong size.
    #[error(
        "a side is {width} x {height} dots, expected 1016 x 642 (or 1016 x 648 with its margin)"
    )]
    Size {
        /// Dots across.
        width: u32,
        /// Dots down.
        height: u32,
    },
    /// The ribbon lacks a panel the side needs.
    #[error("the {side} needs {panel}, which ribbon `{ribbon}` does not have there")]
    Ribbon {
        /// Its name.
        ribbon: String,
        /// Which side.
        side: &'static str,
        /// What is missing.
        panel: &'static str,
    },
}

impl Blamed for BuildError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Ribbon { .. } => {
                Some("load a ribbon that has it, or print without colour".to_owned())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
