//! From the face of a card and the wishes for it to the pages of a job.

use ground::{Blame, Blamed};
use plastic::{Area, Separation};
use thiserror::Error;

use super::header::{BackFormat, Format, Head, Rectangle, ResinQuality, Track, Word};
use super::ink::{self, Panels};
use super::job::{Job, Page};
use super::layout::{Layout, Placement};

/// The normal setting of every power and position.
pub const NORMAL: u32 = 50;

/// What is the same for both sides of a card.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JobOptions {
    /// Cards to print.
    pub copies: u32,
    /// Version word: that of the driver, a dash, and the firmware of the printer.
    pub version: String,
    /// Language of the printer's display.
    pub language: String,
    /// Seconds since 1970.
    pub time: u32,
    /// How resin is laid down.
    pub resin: ResinQuality,
    /// Coercivity of the magnetic stripe; the word is sent even without one.
    pub high_coercivity: bool,
    /// What goes on the magnetic stripe.
    pub tracks: Vec<Track>,
    /// Whether cards that cannot be encoded go to the reject tray; Rio and Tango only.
    pub reject: bool,
    /// The side on which the card is handed out; Rio and Tango only.
    pub eject_side: u32,
    /// The head word, which chooses the layout.
    pub head: Head,
    /// The first dot of the picture, from [`Layout::margin`].
    pub margin: usize,
    /// Power for the dye panels.
    pub dye_power: u32,
    /// Power for the resin panel.
    pub resin_power: u32,
    /// Power for the overcoat.
    pub overcoat_power: u32,
    /// Where the picture starts on the card.
    pub image_start: u32,
    /// Where the picture ends on the card.
    pub image_end: u32,
}

impl JobOptions {
    /// One card on an Enduro with the head in its normal position.
    #[must_use]
    pub fn new(version: impl Into<String>, time: u32) -> Self {
        Self {
            copies: 1,
            version: version.into(),
            language: "ENG".to_owned(),
            time,
            resin: ResinQuality::Default,
            high_coercivity: true,
            tracks: Vec::new(),
            reject: false,
            eject_side: 1,
            head: Head::Kge2,
            margin: Layout::Kge2.margin(NORMAL, 0),
            dye_power: NORMAL,
            resin_power: NORMAL,
            overcoat_power: NORMAL,
            image_start: NORMAL,
            image_end: NORMAL,
        }
    }
}

/// One side of a card.
#[derive(Clone, Debug)]
pub struct Side<'a> {
    /// What to print, landscape, 1016 x 642 dots.
    pub separation: &'a Separation,
    /// The panels by name.
    pub format: Format,
    /// Whether resin dots print as full dye, without a resin plane. Always so for
    /// [`Format::Ymc`].
    pub black_as_dye: bool,
    /// Whether the side is printed upside down, with its overcoat holes.
    pub turned: bool,
    /// The overcoat, if any.
    pub overcoat: Option<Overcoat>,
}

/// The overcoat of one side. It has the holes the separation names, and those named here.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Overcoat {
    /// Holes in the printer's own coordinates, such as [`Rectangle::MAGNETIC`]; they do not turn
    /// with the side.
    pub holes: Vec<Rectangle>,
    /// The kind for cards that will be laminated.
    pub laminate: bool,
    /// The watermark.
    pub holokote: Option<HoloKote>,
}

/// The watermark in the overcoat.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HoloKote {
    /// Number of the picture, from 1.
    pub image: u32,
    /// Whether it is the picture of the printer's own key.
    pub key: bool,
    /// The 24 tiles, one bit each.
    pub tiles: u32,
    /// 0, 90, 180 or 270 degrees.
    pub rotation: u32,
}

impl Default for HoloKote {
    fn default() -> Self {
        Self {
            image: 1,
            key: true,
            tiles: 0x00FF_FFFF,
            rotation: 0,
        }
    }
}

/// Draws a job.
///
/// # Errors
///
/// [`BuildError`] when a side is missing, has the wrong size, or the head has no layout here.
pub fn build(
    options: &JobOptions,
    front: Option<&Side<'_>>,
    back: Option<&Side<'_>>,
) -> Result<Job, BuildError> {
    let layout = Layout::of(options.head).ok_or(BuildError::NoLayout {
        head: options.head.name(),
    })?;
    let draw = |side: &Side<'_>| drawn(side, layout, options.margin);
    let pages = match (front, back) {
        (None, None) => return Err(BuildError::NothingToPrint),
        (Some(front), None) => vec![first_page(options, front, draw(front)?, None, false)],
        (None, Some(back)) => vec![first_page(options, back, draw(back)?, None, true)],
        (Some(front), Some(back)) => {
            let second = draw(back)?;
            let format = back_format(&second, back.overcoat.is_some());
            vec![
                first_page(options, front, draw(front)?, Some(format), false),
                second_page(options, back, second),
            ]
        }
    };
    Ok(Job {
        queries: Vec::new(),
        pages,
    })
}

/// The planes of a side and the name of its panels.
struct Drawn {
    format: Format,
    planes: Vec<super::Plane>,
    blank: bool,
    holes: Vec<Rectangle>,
}

fn drawn(side: &Side<'_>, layout: Layout, margin: usize) -> Result<Drawn, BuildError> {
    let separation = side.separation;
    for (width, height) in [
        (separation.colour.width(), separation.colour.height()),
        (separation.black.width(), separation.black.height()),
    ] {
        if (width, height) != (plastic::WIDTH, plastic::HEIGHT) {
            return Err(BuildError::Size { width, height });
        }
    }
    let placement = Placement {
        layout,
        margin,
        turned: side.turned,
    };
    let black_as_dye =
        side.format == Format::Ymc || (side.format == Format::Ymck && side.black_as_dye);
    let panels = Panels {
        dye: side.format != Format::K,
        resin: !black_as_dye,
        black_as_dye,
    };
    let mut planes = ink::planes(separation, placement, panels);
    let blank = planes.is_empty();
    if blank {
        planes.push(ink::blank_resin(layout));
    }
    let named = separation
        .overcoat_holes
        .iter()
        .filter_map(|hole| Rectangle::of_area(if side.turned { turned(*hole) } else { *hole }));
    let more = side.overcoat.iter().flat_map(|overcoat| &overcoat.holes);
    let holes = named.chain(more.copied()).collect();
    Ok(Drawn {
        format: if blank { Format::K } else { side.format },
        planes,
        blank,
        holes,
    })
}

/// Where an area lies once the face has been turned by 180 degrees.
fn turned(area: Area) -> Area {
    let (right, bottom) = (
        area.right().min(plastic::WIDTH),
        area.bottom().min(plastic::HEIGHT),
    );
    Area {
        x: plastic::WIDTH - right,
        y: plastic::HEIGHT - bottom,
        width: right.saturating_sub(area.x),
        height: bottom.saturating_sub(area.y),
    }
}

/// What the first page says of the second; `None` when that brings nothing at all.
fn back_format(back: &Drawn, overcoat: bool) -> Option<BackFormat> {
    let has = |resin: bool| {
        !back.blank
            && back
                .planes
                .iter()
                .any(|plane| plane.ink().channel().is_none() == resin)
    };
    let format = BackFormat {
        colour: has(false),
        resin: has(true),
        overcoat,
    };
    (format.colour || format.resin || format.overcoat).then_some(format)
}

/// `back` is `Some` on the front of a duplex job, with what the second page brings.
fn first_page(
    options: &JobOptions,
    side: &Side<'_>,
    drawn: Drawn,
    back: Option<Option<BackFormat>>,
    back_only: bool,
) -> Page {
    let mut words = vec![Word::Copies(options.copies)];
    if back_only {
        words.push(Word::BackOnly);
    }
    words.extend([
        Word::Version(options.version.clone()),
        Word::Language(options.language.clone()),
        Word::Time(options.time),
    ]);
    if options.head == Head::Kee {
        words.extend([
            Word::Reject(options.reject),
            Word::EjectSide(options.eject_side),
        ]);
    } else {
        words.push(Word::Resin(options.resin));
    }
    if options.head != Head::Kee || !options.tracks.is_empty() {
        words.push(Word::HighCoercivity(options.high_coercivity));
    }
    words.extend(options.tracks.iter().cloned().map(Word::Track));
    words.extend(head_words(options.head));
    words.push(Word::Duplex(back.is_some()));
    words.extend(back.flatten().map(Word::BackFormat));
    page(options, side, drawn, words, 1)
}

fn second_page(options: &JobOptions, side: &Side<'_>, drawn: Drawn) -> Page {
    let mut words = vec![Word::Copies(options.copies)];
    words.extend(head_words(options.head));
    words.push(Word::Duplex(true));
    page(options, side, drawn, words, 2)
}

/// The head word and what always follows it.
fn head_words(head: Head) -> Vec<Word> {
    let mut words = vec![Word::Head(head)];
    if head == Head::Kee {
        words.extend(["RT2", "SLWON"].map(verbatim));
    }
    words
}

fn verbatim(word: &str) -> Word {
    Word::Other(word.as_bytes().to_vec())
}

fn page(
    options: &JobOptions,
    side: &Side<'_>,
    drawn: Drawn,
    mut words: Vec<Word>,
    number: u32,
) -> Page {
    words.extend([
        Word::Page(number),
        Word::Format(drawn.format),
        Word::XOffset(0),
        Word::YOffset(0),
        Word::Width(plastic::WIDTH),
        Word::Height(plastic::HEIGHT),
        Word::Overcoat(side.overcoat.is_some()),
    ]);
    if let Some(overcoat) = &side.overcoat {
        words.extend([
            Word::Laminate(overcoat.laminate),
            Word::HoloKote(overcoat.holokote.is_some()),
        ]);
        if let Some(holokote) = overcoat.holokote {
            words.extend([
                Word::HoloKoteImage(holokote.image),
                Word::HoloKoteKey(holokote.key),
                Word::HoloKoteTiles(holokote.tiles & 0x00FF_FFFF),
                Word::HoloKoteRotation(holokote.rotation),
            ]);
        }
        words.push(Word::OvercoatArea(overcoat_area(options.head)));
        words.extend(drawn.holes.into_iter().map(Word::OvercoatHole));
    }
    words.push(Word::ColourCorrection(0));
    let unless_normal = |word: fn(u32) -> Word, value: u32| (value != NORMAL).then(|| word(value));
    words.extend(unless_normal(Word::DyePower, options.dye_power));
    words.extend(unless_normal(Word::ResinPower, options.resin_power));
    words.extend(unless_normal(Word::OvercoatPower, options.overcoat_power));
    words.push(Word::Density(NORMAL));
    words.extend(unless_normal(Word::ImageStart, options.image_start));
    words.extend(unless_normal(Word::ImageEnd, options.image_end));
    Page::new(words, drawn.planes)
}

/// The vendor's words for "everywhere".
fn overcoat_area(head: Head) -> Rectangle {
    Rectangle {
        x2: if head == Head::Kee { 1025 } else { 1015 },
        ..Rectangle::CARD
    }
}

/// Why a job cannot be drawn.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum BuildError {
    /// Neither front nor back.
    #[error("the job has neither a front nor a back")]
    NothingToPrint,
    /// A side has the wrong size.
    #[error(
        "a side has {width} x {height} dots, expected {} x {}",
        plastic::WIDTH,
        plastic::HEIGHT
    )]
    Size {
        /// Dots across.
        width: u32,
        /// Dots down.
        height: u32,
    },
    /// The layout of this head is not drawn here.
    #[error("planes for head `{head}` cannot be drawn (known: KGE2, KEE1, KEE4, KEE)")]
    NoLayout {
        /// The head word.
        head: &'static str,
    },
}

impl Blamed for BuildError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }
}

#[cfg(test)]
mod tests {
    use plastic::Raster;
    use proptest::prelude::*;

    use super::*;
    use crate::magicard::{Dots, Ink};

    fn side(separation: &Separation) -> Side<'_> {
        Side {
            separation,
            format: Format::Ymck,
            black_as_dye: false,
            turned: false,
            overcoat: None,
        }
    }

    fn blank() -> Separation {
        ink::dye_only(&Raster::white(plastic::WIDTH, plastic::HEIGHT))
    }

    fn text(page: &Page) -> String {
        let words: Vec<_> = page.header().iter().map(ToString::to_string).collect();
        words.join(",")
    }

    #[test]
    fn a_blank_side_is_one_empty_resin_plane() {
        let job = build(&JobOptions::new("1.0", 0), Some(&side(&blank())), None).unwrap();
        let page = &job.pages[0];
        assert!(text(page).contains(",IMFK,") && text(page).ends_with(",SZK97536"));
        assert!(page.dots(Layout::Kge2, Ink::Black).unwrap().is_blank());
    }

    #[test]
    fn a_duplex_job_tells_on_the_first_page_what_the_second_brings() {
        let (front, mut back) = (blank(), blank());
        back.colour.set(0, 0, [0, 0, 0]);
        back.black.set(9, 9, true);
        let overcoat = || Some(Overcoat::default());
        let options = JobOptions::new("1.0-1.24", 0x6B02_7288);
        let both = |back: &Side<'_>| {
            let job = build(&options, Some(&side(&front)), Some(back)).unwrap();
            (text(&job.pages[0]), text(&job.pages[1]))
        };
        let (first, second) = both(&Side {
            overcoat: overcoat(),
            ..side(&back)
        });
        assert!(first.starts_with(
            "NOC1,VER1.0-1.24,LANENG,TDT6B027288,RSPDEF,COEH,KGE2,DPXON,BACCKO,PAG1,"
        ));
        assert!(second.starts_with("NOC1,KGE2,DPXON,PAG2,IMFBGRK,XCO0,"));
        assert!(second.contains(",OVRON,NNNOFF,USFOFF,PCT0,0,1015,641,ICC0,DDD50,SZB"));
        let (first, second) = both(&side(&blank()));
        assert!(first.contains(",DPXON,PAG1,") && second.contains(",IMFK,"));
        let (first, _) = both(&Side {
            overcoat: overcoat(),
            ..side(&blank())
        });
        assert!(first.contains(",DPXON,BACO,PAG1,"));
    }

    #[test]
    fn the_first_page_for_a_tango_is_the_captured_one() {
        let mut front = blank();
        front.colour.set(0, 0, [1, 2, 3]);
        let mut back = blank();
        back.black.set(9, 9, true);
        let options = JobOptions {
            head: Head::Kee,
            margin: Layout::Kee.margin(NORMAL, 0),
            ..JobOptions::new("1.0", 0x6B02_6F6C)
        };
        let overcoat = Some(Overcoat {
            holokote: Some(HoloKote::default()),
            ..Overcoat::default()
        });
        let front = Side {
            overcoat,
            ..side(&front)
        };
        let back = Side {
            overcoat: Some(Overcoat::default()),
            format: Format::K,
            ..side(&back)
        };
        let job = build(&options, Some(&front), Some(&back)).unwrap();
        assert_eq!(
            text(&job.pages[0]),
            "NOC1,VER1.0,LANENG,TDT6B026F6C,REJOFF,ESS1,KEE,RT2,SLWON,DPXON,BACKO,PAG1,IMFBGRK,XCO0,\
             YCO0,WID1016,HGT642,OVRON,NNNOFF,USFON,HKT1,CKION,HKMFFFFFF,TRO0,PCT0,0,1025,641,ICC0,\
             DDD50,SZB512064,SZG512064,SZR512064"
        );
    }

    #[test]
    fn a_hole_turns_with_its_side() {
        let mut separation = blank();
        separation.overcoat_holes.push(plastic::CONTACTS);
        let holes = |turned| {
            let side = Side {
                turned,
                overcoat: Some(Overcoat::default()),
                ..side(&separation)
            };
            text(
                &build(&JobOptions::new("1.0", 0), Some(&side), None)
                    .unwrap()
                    .pages[0],
            )
        };
        assert!(holes(false).contains(",NCT121,304,234,414,"));
        assert!(holes(true).contains(",NCT781,227,894,337,"));
    }

    #[test]
    fn a_picture_of_another_size_is_refused() {
        let small = ink::dye_only(&Raster::white(100, 50));
        assert_eq!(
            build(&JobOptions::new("1.0", 0), Some(&side(&small)), None),
            Err(BuildError::Size {
                width: 100,
                height: 50
            })
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn a_job_decodes_to_the_picture_and_options_it_was_made_from(
            spots in proptest::collection::vec(
                (0..plastic::WIDTH, 0..plastic::HEIGHT, any::<[u8; 3]>()), 1..60),
            kee: bool, turned: bool, dye_black: bool, position in 0_u32..80,
            power in 0_u32..100, copies in 1_u32..9, time: u32,
        ) {
            let mut picture = Raster::white(plastic::WIDTH, plastic::HEIGHT);
            for (x, y, colour) in spots {
                picture.set(x, y, colour);
            }
            let separation = Separation::of_pure_black(&picture);
            let layout = if kee { Layout::Kee } else { Layout::Kge2 };
            let options = JobOptions {
                copies,
                dye_power: power,
                head: if kee { Head::Kee } else { Head::Kge2 },
                margin: layout.margin(position, 0),
                ..JobOptions::new("1.0-9.9", time)
            };
            let side = Side { turned, black_as_dye: dye_black, ..side(&separation) };
            let job = build(&options, Some(&side), None).unwrap();
            let decoded = super::super::Job::decode(&job.encode()).unwrap();
            prop_assert_eq!(&decoded, &job);
            let page = &decoded.pages[0];
            prop_assert!(page.header().contains(&Word::Time(time)));
            prop_assert!(page.header().contains(&Word::Copies(copies)));
            prop_assert_eq!(page.header().contains(&Word::DyePower(power)), power != NORMAL);
            let placement = Placement { layout, margin: options.margin, turned };
            for ink in [Ink::Yellow, Ink::Magenta, Ink::Cyan, Ink::Black] {
                let mut expected = Dots::blank(ink);
                for y in 0..plastic::HEIGHT {
                    for x in 0..plastic::WIDTH {
                        let colour = picture.get(x, y);
                        let black = colour == [0; 3];
                        let value = match ink.channel() {
                            None => u8::from(black && !dye_black),
                            Some(_) if black && !dye_black => 0,
                            Some(channel) => ink::of_channel(colour[channel]),
                        };
                        if let Some((line, dot)) = placement.of(x as usize, y as usize) {
                            expected.set(line, dot, value);
                        }
                    }
                }
                prop_assert!(page.dots(layout, ink).unwrap() == expected, "{:?}", ink);
            }
        }
    }
}
