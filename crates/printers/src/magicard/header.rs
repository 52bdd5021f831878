use std::fmt;

use super::layout::Ink;

/// One word of the header of a page.
///
/// A word is typed when writing it again gives the same bytes; every other word is
/// [`Word::Other`] and survives unchanged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Word {
    /// `NOC`: how many cards to print.
    Copies(u32),
    /// `BSO`: the page goes on the back, the front stays as it is.
    BackOnly,
    /// `VER`: version of the driver and, after a dash, firmware of the printer.
    Version(String),
    /// `LAN`: language of the display, such as `ENG`.
    Language(String),
    /// `TDT`: seconds since 1970, in hexadecimal.
    Time(u32),
    /// `CR79`: the smaller card.
    Cr79,
    /// `RSPDEF`, `RSPFAST`, `RSPHQ`: how resin is laid down.
    Resin(ResinQuality),
    /// `COEH` (true), `COEL`: coercivity of the magnetic stripe.
    HighCoercivity(bool),
    /// `MAG`: what goes on a track of the magnetic stripe.
    Track(Track),
    /// `REJON`, `REJOFF`: whether a Tango sends cards it cannot encode to its reject tray.
    Reject(bool),
    /// `ESS`: the side on which a Tango hands the card out.
    EjectSide(u32),
    /// `KGE2` and its relatives: the head, and so the layout of the planes.
    Head(Head),
    /// `DPXON`, `DPXOFF`: whether a second page follows for the back.
    Duplex(bool),
    /// `BAC`: what the second page will bring.
    BackFormat(BackFormat),
    /// `PAG`: 1 or 2.
    Page(u32),
    /// `IMF`: the panels of the page by name.
    Format(Format),
    /// `XCO`: shift along the card in dots.
    XOffset(u32),
    /// `YCO`: shift across the card in dots.
    YOffset(u32),
    /// `WID`: dots along the card.
    Width(u32),
    /// `HGT`: dots across the card.
    Height(u32),
    /// `OVRON`, `OVROFF`: whether to lay the overcoat.
    Overcoat(bool),
    /// `NNNON`, `NNNOFF`: overcoat for cards that will be laminated.
    Laminate(bool),
    /// `USFON`, `USFOFF`: whether the overcoat carries the HoloKote watermark.
    HoloKote(bool),
    /// `HKT`: number of the watermark picture.
    HoloKoteImage(u32),
    /// `CKION`, `CKIOFF`: whether the watermark is the one of the printer's own key.
    HoloKoteKey(bool),
    /// `HKM`: the 24 tiles of the watermark, one bit each.
    HoloKoteTiles(u32),
    /// `TRO`: rotation of the watermark in degrees.
    HoloKoteRotation(u32),
    /// `PCT`: where the overcoat goes.
    OvercoatArea(Rectangle),
    /// `NCT`: where it does not go.
    OvercoatHole(Rectangle),
    /// `ICC`: colour correction in the vendor's driver; 0 none.
    ColourCorrection(u32),
    /// `CPW`: power for the dye panels, 50 is normal.
    DyePower(u32),
    /// `KPW`: power for the resin panel, 50 is normal.
    ResinPower(u32),
    /// `OPW`: power for the overcoat, 50 is normal.
    OvercoatPower(u32),
    /// `DDD`: always 50.
    Density(u32),
    /// `SOI`: where the picture starts on the card, 50 is normal.
    ImageStart(u32),
    /// `EOI`: where the picture ends on the card, 50 is normal.
    ImageEnd(u32),
    /// `SZ`: bytes of one plane.
    Size(Ink, u32),
    /// Any other word, without its comma.
    Other(Vec<u8>),
}

/// How resin is laid down.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ResinQuality {
    /// `RSPDEF`.
    #[default]
    Default,
    /// `RSPFAST`.
    Fast,
    /// `RSPHQ`.
    High,
}

/// The head word, chosen by field 2 of the status reply.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Head {
    /// Enduro family.
    #[default]
    Kge2,
    /// Enduro family with head type 1; planes as [`Head::Kge2`].
    Kee1,
    /// Enduro family with head type 2; planes as [`Head::Kge2`].
    Kee4,
    /// Rio and Tango.
    Kee,
    /// Alto, Opera, Tempo. Their planes have 1000 lines, which this codec does not draw.
    Kge,
}

impl Head {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Kge2, "KGE2"),
        (Self::Kee1, "KEE1"),
        (Self::Kee4, "KEE4"),
        (Self::Kee, "KEE"),
        (Self::Kge, "KGE"),
    ];

    /// The word itself.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kge2 => "KGE2",
            Self::Kee1 => "KEE1",
            Self::Kee4 => "KEE4",
            Self::Kee => "KEE",
            Self::Kge => "KGE",
        }
    }

    /// From field 2 of the status reply of an Enduro.
    #[must_use]
    pub const fn of_enduro(head_type: u32) -> Self {
        match head_type {
            1 => Self::Kee1,
            2 => Self::Kee4,
            _ => Self::Kge2,
        }
    }
}

/// The panels a page uses by name. A panel without ink is left out of the job all the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// `IMFBGR`: the three dye panels.
    Ymc,
    /// `IMFBGRK`: the dye panels and resin black.
    Ymck,
    /// `IMFK`: resin black alone.
    K,
}

impl Format {
    /// The word without `IMF`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ymc => "BGR",
            Self::Ymck => "BGRK",
            Self::K => "K",
        }
    }
}

/// What the second page of a duplex job brings; at least one of the three.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BackFormat {
    /// Dye.
    pub colour: bool,
    /// Resin black.
    pub resin: bool,
    /// Overcoat.
    pub overcoat: bool,
}

/// A rectangle of the overcoat: x from the left, y from the **bottom** of the landscape card, in
/// dots at 300 dpi, both corners included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rectangle {
    /// Left.
    pub x1: u32,
    /// Bottom.
    pub y1: u32,
    /// Right.
    pub x2: u32,
    /// Top.
    pub y2: u32,
}

impl Rectangle {
    /// The whole card of the Enduro family.
    pub const CARD: Self = Self {
        x1: 0,
        y1: 0,
        x2: plastic::WIDTH - 1,
        y2: plastic::HEIGHT - 1,
    };

    /// The vendor's hole for the contacts of a chip.
    pub const CHIP: Self = Self::of(90, 295, 260, 450);
    /// The vendor's larger hole for the contacts of a chip.
    pub const CHIP_LARGE: Self = Self::of(75, 275, 280, 470);
    /// The vendor's hole for a magnetic stripe.
    pub const MAGNETIC: Self = Self::of(0, 420, 1025, 590);
    /// The vendor's larger hole for a magnetic stripe.
    pub const MAGNETIC_WIDE: Self = Self::of(0, 400, 1025, 610);

    const fn of(x1: u32, y1: u32, x2: u32, y2: u32) -> Self {
        Self { x1, y1, x2, y2 }
    }

    /// From an area of an upright face, which counts from the upper left corner. `None` when
    /// nothing of it lies on the card.
    #[must_use]
    pub fn of_area(area: plastic::Area) -> Option<Self> {
        let (right, bottom) = (
            area.right().min(plastic::WIDTH),
            area.bottom().min(plastic::HEIGHT),
        );
        (area.x < right && area.y < bottom).then(|| Self {
            x1: area.x,
            y1: plastic::HEIGHT - bottom,
            x2: right - 1,
            y2: plastic::HEIGHT - 1 - area.y,
        })
    }
}

/// One track of the magnetic stripe, as it stands in the job. Read in public sources, never
/// compared with a captured job.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Track {
    /// 1, 2 or 3.
    pub number: u8,
    /// `MPC`: bits a character, if not the standard's for the track.
    pub bits: Option<u8>,
    /// `BPI`: bits an inch, if not the standard's for the track.
    pub density: Option<u16>,
    data: Vec<u8>,
}

impl Track {
    /// A track with its sentinels. `None` unless the number is 1 to 3, the data ends with the end
    /// sentinel `?`, has no other, and can stand in a header.
    #[must_use]
    pub fn new(
        number: u8,
        bits: Option<u8>,
        density: Option<u16>,
        data: impl Into<Vec<u8>>,
    ) -> Option<Self> {
        let data = data.into();
        let (last, rest) = data.split_last()?;
        let start = if number == 1 { b'%' } else { b';' };
        let fits = matches!(number, 1..=3)
            && matches!(bits, None | Some(1 | 5 | 7))
            && matches!(density, None | Some(75 | 210))
            && *last == b'?'
            && rest.first() == Some(&start)
            && rest
                .iter()
                .all(|byte| (b' '..=b'_').contains(byte) && *byte != b'?');
        fits.then_some(Self {
            number,
            bits,
            density,
            data,
        })
    }

    /// The characters, sentinels included.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }
}

impl Word {
    /// Appends the word as it stands in a header, without a comma before or after it.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Other(bytes) => out.extend_from_slice(bytes),
            Self::Track(track) => {
                out.extend_from_slice(format!("MAG{},", track.number).as_bytes());
                if let Some(bits) = track.bits {
                    out.extend_from_slice(format!("MPC{bits},").as_bytes());
                }
                if let Some(density) = track.density {
                    out.extend_from_slice(format!("BPI{density},").as_bytes());
                }
                out.extend_from_slice(&track.data);
            }
            typed => out.extend_from_slice(typed.to_string().as_bytes()),
        }
    }

    /// The word as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let switch = |on: &bool| if *on { "ON" } else { "OFF" };
        match self {
            Self::Copies(count) => write!(f, "NOC{count}"),
            Self::BackOnly => f.write_str("BSO"),
            Self::Version(text) => write!(f, "VER{text}"),
            Self::Language(text) => write!(f, "LAN{text}"),
            Self::Time(seconds) => write!(f, "TDT{seconds:X}"),
            Self::Cr79 => f.write_str("CR79"),
            Self::Resin(ResinQuality::Default) => f.write_str("RSPDEF"),
            Self::Resin(ResinQuality::Fast) => f.write_str("RSPFAST"),
            Self::Resin(ResinQuality::High) => f.write_str("RSPHQ"),
            Self::HighCoercivity(high) => f.write_str(if *high { "COEH" } else { "COEL" }),
            Self::Track(_) | Self::Other(_) => {
                f.write_str(&String::from_utf8_lossy(&self.to_bytes()))
            }
            Self::Reject(on) => write!(f, "REJ{}", switch(on)),
            Self::EjectSide(side) => write!(f, "ESS{side}"),
            Self::Head(head) => f.write_str(head.name()),
            Self::Duplex(on) => write!(f, "DPX{}", switch(on)),
            Self::BackFormat(format) => {
                f.write_str("BAC")?;
                for (there, letter) in [
                    (format.colour, "C"),
                    (format.resin, "K"),
                    (format.overcoat, "O"),
                ] {
                    if there {
                        f.write_str(letter)?;
                    }
                }
                Ok(())
            }
            Self::Page(number) => write!(f, "PAG{number}"),
            Self::Format(format) => write!(f, "IMF{}", format.name()),
            Self::XOffset(dots) => write!(f, "XCO{dots}"),
            Self::YOffset(dots) => write!(f, "YCO{dots}"),
            Self::Width(dots) => write!(f, "WID{dots}"),
            Self::Height(dots) => write!(f, "HGT{dots}"),
            Self::Overcoat(on) => write!(f, "OVR{}", switch(on)),
            Self::Laminate(on) => write!(f, "NNN{}", switch(on)),
            Self::HoloKote(on) => write!(f, "USF{}", switch(on)),
            Self::HoloKoteImage(number) => write!(f, "HKT{number}"),
            Self::HoloKoteKey(on) => write!(f, "CKI{}", switch(on)),
            Self::HoloKoteTiles(tiles) => write!(f, "HKM{tiles:06X}"),
            Self::HoloKoteRotation(degrees) => write!(f, "TRO{degrees}"),
            Self::OvercoatArea(Rectangle { x1, y1, x2, y2 }) => {
                write!(f, "PCT{x1},{y1},{x2},{y2}")
            }
            Self::OvercoatHole(Rectangle { x1, y1, x2, y2 }) => {
                write!(f, "NCT{x1},{y1},{x2},{y2}")
            }
            Self::ColourCorrection(mode) => write!(f, "ICC{mode}"),
            Self::DyePower(power) => write!(f, "CPW{power}"),
            Self::ResinPower(power) => write!(f, "KPW{power}"),
            Self::OvercoatPower(power) => write!(f, "OPW{power}"),
            Self::Density(density) => write!(f, "DDD{density}"),
            Self::ImageStart(position) => write!(f, "SOI{position}"),
            Self::ImageEnd(position) => write!(f, "EOI{position}"),
            Self::Size(ink, bytes) => write!(f, "SZ{}{bytes}", ink.letter()),
        }
    }
}

/// Takes the text of a header apart. The text has no comma before its first word and none after
/// its last; joining the words with commas gives it back exactly.
pub(super) fn parse(text: &[u8]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = Some(text);
    while let Some(here) = rest {
        let (word, used) = next_word(here);
        words.push(word);
        // `used` ends at a comma or at the end of the text.
        rest = here.get(used + 1..);
    }
    words
}

/// The first word of `text` and how many bytes it takes.
fn next_word(text: &[u8]) -> (Word, usize) {
    let plain = end_of_field(text, 0);
    let candidates = [
        several_fields(text, 4).and_then(|end| rectangle(&text[..end]).map(|word| (word, end))),
        track(text),
        typed(&text[..plain]).map(|word| (word, plain)),
    ];
    for (word, used) in candidates.into_iter().flatten() {
        if word.to_bytes() == text[..used] {
            return (word, used);
        }
    }
    (Word::Other(text[..plain].to_vec()), plain)
}

fn end_of_field(text: &[u8], from: usize) -> usize {
    text[from..]
        .iter()
        .position(|byte| *byte == b',')
        .map_or(text.len(), |at| from + at)
}

fn several_fields(text: &[u8], count: usize) -> Option<usize> {
    let mut end = end_of_field(text, 0);
    for _ in 1..count {
        if end == text.len() {
            return None;
        }
        end = end_of_field(text, end + 1);
    }
    Some(end)
}

fn rectangle(text: &[u8]) -> Option<Word> {
    let text = std::str::from_utf8(text).ok()?;
    let build: fn(Rectangle) -> Word = match text.get(..3)? {
        "PCT" => Word::OvercoatArea,
        "NCT" => Word::OvercoatHole,
        _ => return None,
    };
    let mut numbers = text[3..].split(',').map(|field| field.parse().ok());
    Some(build(Rectangle {
        x1: numbers.next()??,
        y1: numbers.next()??,
        x2: numbers.next()??,
        y2: numbers.next()??,
    }))
}

fn track(text: &[u8]) -> Option<(Word, usize)> {
    let number = text.strip_prefix(b"MAG")?.first()?.checked_sub(b'0')?;
    let mut at = 4;
    let mut modifier = |name: &[u8]| -> Option<u16> {
        let field = text.get(at + 1..end_of_field(text, (at + 1).min(text.len())))?;
        let value = std::str::from_utf8(field.strip_prefix(name)?)
            .ok()?
            .parse()
            .ok()?;
        at += 1 + field.len();
        Some(value)
    };
    let bits = modifier(b"MPC").map(u8::try_from).transpose().ok()?;
    let density = modifier(b"BPI");
    let data = text.get(at + 1..)?;
    let end = data.iter().position(|byte| *byte == b'?')? + 1;
    if !matches!(data.get(end), None | Some(b',')) {
        return None;
    }
    let track = Track::new(number, bits, density, &data[..end])?;
    Some((Word::Track(track), at + 1 + end))
}

fn typed(text: &[u8]) -> Option<Word> {
    let text = std::str::from_utf8(text).ok()?;
    let whole = match text {
        "BSO" => Some(Word::BackOnly),
        "CR79" => Some(Word::Cr79),
        "COEH" => Some(Word::HighCoercivity(true)),
        "COEL" => Some(Word::HighCoercivity(false)),
        "RSPDEF" => Some(Word::Resin(ResinQuality::Default)),
        "RSPFAST" => Some(Word::Resin(ResinQuality::Fast)),
        "RSPHQ" => Some(Word::Resin(ResinQuality::High)),
        _ => Head::ALL
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(head, _)| Word::Head(*head)),
    };
    if whole.is_some() {
        return whole;
    }
    let (name, value) = text.split_at_checked(3)?;
    let number = || value.parse::<u32>().ok();
    let hexadecimal = || u32::from_str_radix(value, 16).ok();
    let switch = || match value {
        "ON" => Some(true),
        "OFF" => Some(false),
        _ => None,
    };
    // A space or a control character would not survive a log line; such a word stays as it is.
    let printable = || {
        value
            .bytes()
            .all(|byte| byte.is_ascii_graphic())
            .then(|| value.to_owned())
    };
    Some(match name {
        "NOC" => Word::Copies(number()?),
        "VER" => Word::Version(printable()?),
        "LAN" => Word::Language(printable()?),
        "TDT" => Word::Time(hexadecimal()?),
        "REJ" => Word::Reject(switch()?),
        "ESS" => Word::EjectSide(number()?),
        "DPX" => Word::Duplex(switch()?),
        "BAC" => Word::BackFormat(back_format(value)?),
        "PAG" => Word::Page(number()?),
        "IMF" => Word::Format(match value {
            "BGR" => Format::Ymc,
            "BGRK" => Format::Ymck,
            "K" => Format::K,
            _ => return None,
        }),
        "XCO" => Word::XOffset(number()?),
        "YCO" => Word::YOffset(number()?),
        "WID" => Word::Width(number()?),
        "HGT" => Word::Height(number()?),
        "OVR" => Word::Overcoat(switch()?),
        "NNN" => Word::Laminate(switch()?),
        "USF" => Word::HoloKote(switch()?),
        "HKT" => Word::HoloKoteImage(number()?),
        "CKI" => Word::HoloKoteKey(switch()?),
        "HKM" => Word::HoloKoteTiles(hexadecimal()?),
        "TRO" => Word::HoloKoteRotation(number()?),
        "ICC" => Word::ColourCorrection(number()?),
        "CPW" => Word::DyePower(number()?),
        "KPW" => Word::ResinPower(number()?),
        "OPW" => Word::OvercoatPower(number()?),
        "DDD" => Word::Density(number()?),
        "SOI" => Word::ImageStart(number()?),
        "EOI" => Word::ImageEnd(number()?),
        _ => {
            let letter = name.strip_prefix("SZ")?.chars().next()?;
            Word::Size(Ink::from_letter(letter)?, number()?)
        }
    })
}

fn back_format(text: &str) -> Option<BackFormat> {
    let format = BackFormat {
        colour: text.contains('C'),
        resin: text.contains('K'),
        overcoat: text.contains('O'),
    };
    (format.colour || format.resin || format.overcoat).then_some(format)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn joined(words: &[Word]) -> Vec<u8> {
        words
            .iter()
            .map(Word::to_bytes)
            .collect::<Vec<_>>()
            .join(&b',')
    }

    #[test]
    fn every_word_of_a_full_header_is_typed() {
        let text = "NOC1,BSO,VER1.0-1.24,LANENG,TDT6B027288,CR79,RSPHQ,COEH,MAG1,%B1234^A,B?,\
                    MAG2,MPC7,BPI210,;12?,KGE2,DPXON,BACCKO,PAG1,IMFBGRK,XCO0,YCO0,WID1016,HGT642,\
                    OVRON,NNNOFF,USFON,HKT1,CKION,HKMFFFFFF,TRO270,PCT0,0,1015,641,\
                    NCT0,420,1025,590,ICC0,CPW42,KPW58,OPW47,DDD50,SOI40,EOI60,SZB585216,SZK97536";
        let words = parse(text.as_bytes());
        assert!(!words.iter().any(|word| matches!(word, Word::Other(_))));
        assert_eq!(words.len(), 37);
        assert_eq!(joined(&words), text.as_bytes());
        assert!(words.contains(&Word::OvercoatHole(Rectangle::MAGNETIC)));
    }

    #[test]
    fn a_word_that_would_be_written_differently_stays_as_it_is() {
        for text in [
            "NOC01",
            "TDT6b",
            "PCT0,0,1015",
            "NCT0,0,1,+2",
            "HKMFF",
            "ERAON",
            "SZX12",
            "MAG2,12",
            "",
        ] {
            let words = parse(text.as_bytes());
            assert!(
                words.iter().all(|word| matches!(word, Word::Other(_))),
                "{text}: {words:?}"
            );
            assert_eq!(joined(&words), text.as_bytes());
        }
    }

    #[test]
    fn the_contacts_of_iso_7816_lie_inside_the_vendors_chip_hole() {
        let contacts = Rectangle::of_area(plastic::CONTACTS).unwrap();
        for hole in [Rectangle::CHIP, Rectangle::CHIP_LARGE] {
            assert!(contacts.x1 >= hole.x1 && contacts.x2 <= hole.x2);
            assert!(contacts.y1 >= hole.y1 && contacts.y2 <= hole.y2);
        }
        assert_eq!(
            Rectangle::of_area(plastic::Area::FACE),
            Some(Rectangle::CARD)
        );
    }

    proptest! {
        #[test]
        fn any_text_comes_back_unchanged(
            text in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..200),
                "([A-Z]{3}[0-9]{0,4},|PCT[0-9]{1,3},|[0-9]{1,3},|MAG[1-3],|;[0-9]{2}[?],){0,12}"
                    .prop_map(String::into_bytes),
            ]
        ) {
            prop_assert_eq!(joined(&parse(&text)), text);
        }
    }
}
