use plastic::{CONTACTS, Raster};
use proptest::prelude::*;

use super::*;
use crate::evolis::{Coding, Command, Dialect, Dots, Item, Levels, Panel, Stream};
use crate::magicard::ResinQuality;

/// These spots, and one that is surely seen: a side without ink is no side in some families' jobs.
fn picture(spots: &[(u32, u32, [u8; 3])]) -> Raster {
    let mut picture = Raster::white(plastic::WIDTH, plastic::HEIGHT);
    picture.set(500, 300, [0, 0, 0]);
    for (x, y, colour) in spots {
        picture.set(*x, *y, *colour);
    }
    picture
}

fn job(front: Option<&Raster>, back: Option<&Raster>, panels: Panels) -> Job {
    Job {
        front: front.map(|front| panels.separate(front)),
        back: back.map(|back| panels.separate(back)),
        ..Job::default()
    }
}

/// The largest difference of two channels at the same dot.
fn difference(one: &Raster, other: &Raster) -> u8 {
    assert_eq!((one.width(), one.height()), (other.width(), other.height()));
    let pairs = one.bytes().iter().zip(other.bytes());
    pairs
        .map(|(one, other)| one.abs_diff(*other))
        .max()
        .unwrap_or(0)
}

/// What a channel may lose on the way: Magicard's dyes have 64 shades, Evolis' 128.
fn loses(family: Family) -> u8 {
    match family {
        Family::MagicardEnduro | Family::MagicardRioTango => 3,
        Family::Evolis => 2,
        _ => 0,
    }
}

/// The part of a face that every family prints: without the columns a Rio Pro 360 cuts off, and
/// without the rows beside the card an Evolis adds.
fn printed(picture: &Raster) -> Raster {
    let above = (picture.height() - plastic::HEIGHT) / 2;
    let mut part = Raster::white(plastic::WIDTH - 6, plastic::HEIGHT);
    for y in 0..part.height() {
        let row = &picture.row(y + above)[3 * 3..][..3 * (plastic::WIDTH as usize - 6)];
        part.row_mut(y).copy_from_slice(row);
    }
    part
}

const WRITTEN: [Family; 6] = [
    Family::MagicardEnduro,
    Family::MagicardRioTango,
    Family::RioPro360,
    Family::Evolis,
    Family::MaticaXid,
    Family::Ipp,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn a_job_decodes_to_the_faces_it_was_made_from(
        spots in proptest::collection::vec(
            (0..plastic::WIDTH, 0..plastic::HEIGHT, any::<[u8; 3]>()), 1..40),
        family in proptest::sample::select(WRITTEN.to_vec()),
        dye: bool, both: bool, front: bool, back: bool,
        // Below 36 the last dot of a Rio's or Tango's face falls off the head.
        position in proptest::option::of(36_u32..70),
    ) {
        let (one, other) = (picture(&spots), picture(&spots[1..]));
        let rotated = Some(Rotated { front, back });
        let head_position = position.filter(|_| family.is_magicard());
        let panels = if dye { Panels::Dye } else { Panels::Colour };
        let options = EncodeOptions { panels, rotated, head_position, ..EncodeOptions::default() };
        let job = job(Some(&one), both.then_some(&other), panels);
        let bytes = family.encode(&job, &options).unwrap();
        prop_assert_eq!(Family::recognise(&bytes), Some(family));
        let decoded = family.decode(&bytes, &DecodeOptions { head_position, rotated }).unwrap();
        let names: Vec<_> = decoded.sides.iter().map(|side| side.name).collect();
        prop_assert_eq!(names, if both { vec!["front", "back"] } else { vec!["front"] });
        for (side, face) in decoded.sides.iter().zip([&one, &other]) {
            let lost = difference(&printed(&side.picture), &printed(face));
            prop_assert!(lost <= loses(family), "{} {}: {}", family, side.name, lost);
            // The film of a retransfer printer covers every card.
            prop_assert_eq!(side.overcoat.is_some(), family == Family::MaticaXid);
        }
        prop_assert_eq!(&decoded.header["family"], family.name());
    }

    #[test]
    fn any_bytes_are_a_job_or_an_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        start in proptest::sample::select(vec![
            &b""[..], b"\x05\x01,NOC1,KGE2", b"\x01,NOC1,KEE,SZK0\x1c\x1cB:\x03", b"\x1bDbc;k;2;", b"RaS2",
        ]),
    ) {
        let bytes = [start, &bytes].concat();
        for family in Family::ALL {
            if let Err(error) = family.decode(&bytes, &DecodeOptions::default()) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}

#[test]
fn every_family_is_found_by_its_name() {
    for family in Family::ALL {
        assert_eq!(family.name().parse(), Ok(family));
        assert_eq!(serde_json::to_value(family).unwrap(), family.name());
    }
    let error = "zebra".parse::<Family>().unwrap_err().to_string();
    assert!(
        error.contains("magicard-enduro, magicard-rio-tango"),
        "{error}"
    );
}

#[test]
fn a_job_is_recognised_by_its_first_bytes() {
    for (bytes, family) in [
        (&b"RaS2"[..], Some(Family::Ipp)),
        (b"<?xml version", Some(Family::RioPro360)),
        (b"\x1bPr;k\r", Some(Family::Evolis)),
        (
            b"\x05\x05\x01,NOC1,COEH,KGE2,",
            Some(Family::MagicardEnduro),
        ),
        (b"\x01,NOC1,KEE,RT2", Some(Family::MagicardRioTango)),
        (
            b"\xF0\0\x01\0\0\0\0\x0C\0\0\0\0\0\0\0\0\x01\x02\0\0",
            Some(Family::MaticaXid),
        ),
        (b"%PDF", None),
        (b"", None),
        (b"\x05\x05", None),
    ] {
        assert_eq!(Family::recognise(bytes), family, "{}", bytes.escape_ascii());
    }
}

#[test]
fn the_overcoat_is_everywhere_but_in_its_holes() {
    let face = picture(&[(0, 0, [1, 2, 3])]);
    let mut separation = Panels::Colour.separate(&face);
    separation.overcoat_holes.push(CONTACTS);
    let job = Job {
        front: Some(separation),
        overcoat: true,
        ..Job::default()
    };
    for family in [
        Family::MagicardEnduro,
        Family::MagicardRioTango,
        Family::Evolis,
    ] {
        for front in [false, true] {
            let rotated = Some(Rotated { front, back: false });
            let options = EncodeOptions {
                rotated,
                ..EncodeOptions::default()
            };
            let bytes = family.encode(&job, &options).unwrap();
            let options = DecodeOptions {
                rotated,
                ..DecodeOptions::default()
            };
            let side = family.decode(&bytes, &options).unwrap().sides.remove(0);
            let overcoat = side.overcoat.unwrap();
            let above = (overcoat.height() - plastic::HEIGHT) / 2;
            for y in 0..plastic::HEIGHT {
                for x in 0..plastic::WIDTH {
                    let laid = overcoat.get(x, y + above);
                    assert_eq!(laid, !CONTACTS.contains(x, y), "{family} {x}, {y}");
                }
            }
        }
    }
}

#[test]
fn the_vendors_holes_are_the_same_as_words_and_as_areas() {
    for hole in Hole::ALL {
        let area = hole.area();
        let back = crate::magicard::Rectangle::of_area(area).unwrap();
        let rectangle = hole.rectangle();
        assert_eq!(
            (back.x1, back.y1, back.y2),
            (rectangle.x1, rectangle.y1, rectangle.y2)
        );
        assert_eq!(back.x2, rectangle.x2.min(plastic::WIDTH - 1));
    }
    let job = Job {
        overcoat: true,
        ..job(Some(&picture(&[])), None, Panels::Colour)
    };
    let options = EncodeOptions {
        front_holes: vec![Hole::Magnetic],
        ..EncodeOptions::default()
    };
    let bytes = Family::MagicardEnduro.encode(&job, &options).unwrap();
    let decoded = Family::MagicardEnduro
        .decode(&bytes, &DecodeOptions::default())
        .unwrap();
    let words = decoded.header["pages"][0]["words"]
        .as_array()
        .unwrap()
        .clone();
    assert!(words.iter().any(|word| word == "NCT0,420,1025,590"));
}

#[test]
fn options_are_in_the_job_as_they_were_asked_for() {
    let face = picture(&[(3, 3, [0; 3]), (4, 4, [9, 9, 200])]);
    let words = |options: &EncodeOptions| -> (Vec<String>, Vec<String>) {
        let job = Job {
            copies: 3,
            ..job(Some(&face), None, options.panels)
        };
        let bytes = Family::MagicardEnduro.encode(&job, options).unwrap();
        let decoded = Family::MagicardEnduro
            .decode(&bytes, &DecodeOptions::default())
            .unwrap();
        let words = decoded.header["pages"][0]["words"].as_array().unwrap();
        let planes = decoded.sides[0]
            .planes
            .iter()
            .map(|plane| plane.name.to_owned());
        let words = words.iter().map(|word| word.as_str().unwrap().to_owned());
        (words.collect(), planes.collect())
    };
    let (all, planes) = words(&EncodeOptions {
        resin: Some(ResinQuality::High),
        head_type: Some(1),
        firmware: Some("1.24".to_owned()),
        time: 0x6B02_7288,
        ..EncodeOptions::default()
    });
    for word in [
        "NOC3",
        "RSPHQ",
        "KEE1",
        "VER1.0-1.24",
        "TDT6B027288",
        "IMFBGRK",
        "OVROFF",
    ] {
        assert!(all.iter().any(|found| found == word), "{word}: {all:?}");
    }
    assert_eq!(planes, ["yellow", "magenta", "cyan", "black"]);
    let of = |panels, black_as_dye| {
        words(&EncodeOptions {
            panels,
            black_as_dye,
            ..EncodeOptions::default()
        })
    };
    assert_eq!(of(Panels::Dye, false).1, ["yellow", "magenta", "cyan"]);
    assert_eq!(of(Panels::Colour, true).1, ["yellow", "magenta", "cyan"]);
    assert_eq!(of(Panels::Black, false).1, ["black"]);
    assert_eq!(of(Panels::Mono, false).1, ["black"]);
}

#[test]
fn a_wrong_head_position_is_seen_by_ink_beside_the_face() {
    let face = picture(&[(5, 0, [0; 3]), (5, 641, [0; 3])]);
    let job = job(Some(&face), None, Panels::Colour);
    let bytes = Family::MagicardEnduro
        .encode(&job, &EncodeOptions::default())
        .unwrap();
    let off = |head_position| {
        let options = DecodeOptions {
            head_position,
            ..DecodeOptions::default()
        };
        let decoded = Family::MagicardEnduro.decode(&bytes, &options).unwrap();
        decoded.header["pages"][0]["ink_off_the_face"].as_u64()
    };
    assert_eq!((off(None), off(Some(60))), (Some(0), Some(1)));
}

#[test]
fn what_a_family_cannot_be_told_is_refused_with_words() {
    let face = picture(&[]);
    let plain = job(Some(&face), None, Panels::Colour);
    let overcoat = Job {
        overcoat: true,
        ..plain.clone()
    };
    let default = EncodeOptions::default();
    let refused = |family: Family, job: &Job, options: &EncodeOptions| {
        family.encode(job, options).unwrap_err().to_string()
    };
    for (family, job, options, words) in [
        (Family::Ipp, &overcoat, default.clone(), "no `overcoat`"),
        (
            Family::Ipp,
            &plain,
            EncodeOptions {
                resin: Some(ResinQuality::High),
                ..default.clone()
            },
            "no `resin-quality`",
        ),
        (
            Family::MagicardRioTango,
            &plain,
            EncodeOptions {
                head_type: Some(1),
                ..default.clone()
            },
            "no `head-type`",
        ),
        (
            Family::MagicardEnduro,
            &plain,
            EncodeOptions {
                head_type: Some(7),
                ..default.clone()
            },
            "head type 7 is not known",
        ),
        (
            Family::MagicardEnduro,
            &plain,
            EncodeOptions {
                front_holes: vec![Hole::Chip],
                ..default.clone()
            },
            "holes in an overcoat it does not ask for",
        ),
        (
            Family::MaticaXid,
            &plain,
            EncodeOptions {
                model: Some("XID1".to_owned()),
                ..default.clone()
            },
            "model `XID1` is not known (known: XID",
        ),
        (
            Family::RioPro360,
            &plain,
            EncodeOptions {
                dialect: Some(Dialect::Plain),
                ..default.clone()
            },
            "no `dialect`",
        ),
        (
            Family::Evolis,
            &plain,
            EncodeOptions {
                black_as_dye: true,
                ..default.clone()
            },
            "no `black-as-dye`",
        ),
        (Family::Crt591, &plain, default.clone(), "prints nothing"),
        (
            Family::MagicardEnduro,
            &plain,
            EncodeOptions {
                firmware: Some("1,KEE".to_owned()),
                ..default.clone()
            },
            "cannot stand in a header",
        ),
        (
            Family::MagicardEnduro,
            &Job::default(),
            default.clone(),
            "neither a front nor a back",
        ),
    ] {
        let message = refused(family, job, &options);
        assert!(message.contains(words), "{message}");
    }
    let many = Job {
        copies: 2,
        ..plain.clone()
    };
    assert!(refused(Family::Ipp, &many, &default).contains("one card a job"));
    let rio = Family::MagicardRioTango.encode(&plain, &default).unwrap();
    let error = Family::MagicardEnduro
        .decode(&rio, &DecodeOptions::default())
        .unwrap_err();
    assert!(
        error.to_string().contains("of family magicard-rio-tango"),
        "{error}"
    );
}

#[test]
fn an_evolis_job_is_read_with_its_overcoat_and_a_panel_twice_is_refused() {
    let mut black = Dots::blank(Levels::Two);
    // Left column, lowest dot.
    black.line_mut(0)[0] = 1;
    let mut yellow = Dots::blank(Levels::TwoHundredFiftySix);
    yellow.line_mut(1015)[647] = 55;
    let command = |text: &str| Item::Command(Command::new(text).unwrap());
    let mut stream = Stream {
        items: vec![
            command("Ss"),
            Item::Bitmap(yellow.to_bitmap(Panel::Yellow, Coding::Packed)),
            Item::Bitmap(black.to_bitmap(Panel::Black, Coding::Compressed)),
            Item::Bitmap(black.to_bitmap(Panel::Overlay, Coding::Compressed)),
            command("Se"),
        ],
    };
    let decode =
        |stream: &Stream, options: &DecodeOptions| Family::Evolis.decode(&stream.encode(), options);
    let decoded = decode(&stream, &DecodeOptions::default()).unwrap();
    let [side] = &decoded.sides[..] else { panic!() };
    assert_eq!((side.picture.width(), side.picture.height()), (1016, 648));
    assert_eq!(side.picture.get(0, 647), [0; 3]);
    assert_eq!(side.picture.get(1015, 0), [255, 255, 200]);
    assert_eq!(side.overcoat.as_ref().unwrap().count(), 1);
    assert_eq!(decoded.header["items"][2]["panel"], "k");
    let rotated = Some(Rotated {
        front: true,
        back: false,
    });
    let turned = decode(
        &stream,
        &DecodeOptions {
            rotated,
            ..DecodeOptions::default()
        },
    )
    .unwrap();
    assert_eq!(turned.sides[0].picture.get(1015, 0), [0; 3]);
    stream.items.insert(
        2,
        Item::Bitmap(black.to_bitmap(Panel::Black, Coding::Compressed)),
    );
    let error = decode(&stream, &DecodeOptions::default()).unwrap_err();
    assert!(
        error.to_string().contains("panel `k` comes twice"),
        "{error}"
    );
}

#[test]
fn an_evolis_job_of_several_cards_shows_the_first_and_says_how_many() {
    let face = picture(&[(3, 3, [0; 3]), (4, 4, [9, 9, 201])]);
    let job = Job {
        copies: 3,
        ..job(Some(&face), None, Panels::Colour)
    };
    for dialect in [Dialect::Plain, Dialect::Tagged] {
        let options = EncodeOptions {
            dialect: Some(dialect),
            ..EncodeOptions::default()
        };
        let bytes = Family::Evolis.encode(&job, &options).unwrap();
        let decoded = Family::Evolis
            .decode(&bytes, &DecodeOptions::default())
            .unwrap();
        assert_eq!(decoded.header["cards"], 3);
        assert_eq!(decoded.header["cards_alike"], true);
        assert_eq!(decoded.sides.len(), 1);
        let lost = difference(&printed(&decoded.sides[0].picture), &printed(&face));
        assert!(lost <= loses(Family::Evolis));
    }
}
