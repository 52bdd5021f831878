use plastic::{CONTACTS, HEIGHT, Raster, Separation, WIDTH};
use proptest::prelude::*;

use super::*;

fn options(profile: &Profile, ribbon: &str) -> JobOptions {
    let ribbon = profile.ribbon(ribbon).unwrap();
    JobOptions::new(profile, ribbon, 1_795_322_640)
}

fn badge() -> Separation {
    let mut picture = Raster::white(WIDTH, HEIGHT);
    picture.set(5, 5, [1, 2, 3]);
    picture.set(50, 60, [0; 3]);
    Separation::of_pure_black(&picture)
}

fn text(stream: &Stream) -> Vec<String> {
    stream
        .items
        .iter()
        .map(|item| match item {
            Item::Command(command) => command.to_string(),
            Item::Bitmap(bitmap) => bitmap.head(),
            Item::Tags(tags) => tags.clone(),
            Item::Filling(count) => format!("{count} x 00"),
        })
        .collect()
}

#[test]
fn the_plain_dialect_is_the_order_of_the_windows_driver() {
    let mut separation = badge();
    separation.colour = Raster::white(WIDTH, HEIGHT);
    let job = Job {
        front: Some(separation),
        ..Job::default()
    };
    let stream = build(&job, &options(&Profile::evolis_line(), "black")).unwrap();
    // One line has a dot in its 74th byte.
    let bytes = 1016 + 74;
    assert_eq!(
        text(&stream).join(" "),
        format!(
            "Pr;k Pmi;F;s Pc;k;=;10 Pdt;DU Mr;s Ppws;1795322640 Ss Sr Dbc;k;2;{bytes}; Se;1 32 x 00"
        )
    );
}

#[test]
fn a_panel_without_ink_is_not_sent_and_each_other_has_a_counted_block() {
    let mut job = Job {
        front: Some(badge()),
        back: Some(badge()),
        overcoat: true,
        copies: 1,
    };
    let mut plain = Raster::white(WIDTH, HEIGHT);
    plain.set(3, 3, [255, 255, 0]);
    job.front.as_mut().unwrap().colour = plain;
    job.back.as_mut().unwrap().colour = Raster::white(WIDTH, HEIGHT);
    let profile = Profile::evolis();
    let all = text(&build(&job, &options(&profile, "YMCKO")).unwrap()).join(" ");
    assert!(all.contains(
        "Pl;f;=;10 Pida;100;0;0;0 <BINARY Size=658379> Db;y;256; </BINARY><BINARY Size=82305> \
         Db;k;2; </BINARY><BINARY Size=82305> Db;o;2; </BINARY> Psync;10;1"
    ));
    assert!(all.contains("Sv Pc;a;=;10") && all.matches("Pida").count() == 1);
    assert!(all.contains("<DOC Duplex=1>"));
    // The back alone has an empty front, so that the card is turned.
    job.front = None;
    let back = text(&build(&job, &options(&profile, "YMCKO")).unwrap()).join(" ");
    assert!(back.contains(
        "Sr Pc;a;=;10 Pl;a;=;10 Pc;k;=;10 Pc;o;=;10 Pc;l;=;10 Pc;f;=;10 Pl;f;=;10 Psync;10;1"
    ));
}

#[test]
fn what_the_ribbon_lacks_is_refused() {
    let mut job = Job {
        front: Some(badge()),
        ..Job::default()
    };
    let profile = Profile::evolis();
    let error = build(&job, &options(&profile, "KO")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the front needs yellow, which ribbon `KO` does not have there"
    );
    job.overcoat = true;
    job.front.as_mut().unwrap().colour = Raster::white(WIDTH, HEIGHT);
    assert!(build(&job, &options(&profile, "KO")).is_ok());
    assert!(matches!(
        build(&job, &options(&profile, "black")),
        Err(BuildError::Ribbon {
            panel: "varnish",
            ..
        })
    ));
    job.front = None;
    assert_eq!(
        build(&job, &options(&profile, "KO")),
        Err(BuildError::NothingToPrint)
    );
    job.front = Some(Separation::of_pure_black(&Raster::white(10, 10)));
    assert!(matches!(
        build(&job, &options(&profile, "KO")),
        Err(BuildError::Size { .. })
    ));
}

#[test]
fn copies_are_whole_jobs_one_after_the_other() {
    let job = Job {
        front: Some(badge()),
        copies: 3,
        ..Job::default()
    };
    let options = options(&Profile::evolis_line(), "YMCKO");
    let bytes = encode(&job, &options).unwrap();
    let sides = decode(&bytes, [false, false]).unwrap();
    let cards: Vec<usize> = sides.iter().map(|side| side.card).collect();
    assert_eq!(cards, [0, 1, 2]);
    assert_eq!(sides[0].face, sides[2].face);
}

#[test]
fn a_panel_twice_on_one_side_is_no_job() {
    let job = Job {
        front: Some(badge()),
        ..Job::default()
    };
    let mut stream = build(&job, &options(&Profile::evolis(), "YMCKO")).unwrap();
    let bitmap = |item: &Item| matches!(item, Item::Bitmap(_));
    let at = stream.items.iter().position(bitmap).unwrap();
    stream.items.insert(at, stream.items[at].clone());
    let error = decode(&stream.encode(), [false, false]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "panel `y` comes twice on one side of card 1"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]
    #[test]
    fn a_job_decodes_to_the_faces_it_was_made_from(
        spots in proptest::collection::vec((0..WIDTH, 0..HEIGHT, any::<[u8; 3]>()), 1..60),
        plain: bool, turned: [bool; 2], duplex: bool, overcoat: bool, shades in 1..5_usize,
    ) {
        let mut picture = Raster::white(WIDTH, HEIGHT);
        for (x, y, colour) in spots {
            picture.set(x, y, colour);
        }
        let mut front = Separation::of_pure_black(&picture);
        front.overcoat_holes.push(CONTACTS);
        let mut back = front.clone();
        back.overcoat_holes.clear();
        let job = Job {
            front: Some(front.clone()),
            back: duplex.then(|| back.clone()),
            overcoat,
            copies: 1,
        };
        let profile = if plain { Profile::evolis_line() } else { Profile::evolis() };
        let options = JobOptions {
            turned,
            shades: Levels::ALL[shades],
            compressed: plain,
            ..options(&profile, "YMCKO")
        };
        let bytes = encode(&job, &options).unwrap();
        let sides = decode(&bytes, turned).unwrap();
        let expected = [Some(&front), duplex.then_some(&back)];
        for (back, separation) in expected.into_iter().enumerate() {
            let Some(separation) = separation else { continue };
            let Some(side) = sides.iter().find(|side| usize::from(side.back) == back) else {
                let face = Face::of(separation, overcoat).unwrap();
                for panel in Panel::ALL {
                    prop_assert!(face.dots(panel, options.shades, false).is_blank());
                }
                continue;
            };
            let face = side.face.separation();
            prop_assert_eq!(&face.black, &separation.black);
            prop_assert_eq!(side.face.overcoat(), Face::of(separation, overcoat).unwrap().overcoat());
            let lost = 8 - options.shades.bits();
            let pairs = face.colour.bytes().iter().zip(separation.colour.bytes());
            for (printed, wanted) in pairs {
                // Fewer shades round every dye down by less than one of them.
                prop_assert!((255 - printed) >> lost == (255 - wanted) >> lost);
            }
        }
    }
}
