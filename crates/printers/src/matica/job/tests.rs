use plastic::{Bitmap, CONTACTS};
use proptest::prelude::*;

use super::*;
use crate::matica::Profile;

const FINE: Geometry = Geometry {
    scale: 2,
    turned: true,
};

fn side(separation: &Separation, geometry: Geometry) -> Side<'_> {
    Side {
        separation,
        geometry,
        peel_off: false,
    }
}

fn noise(seed: u32) -> Separation {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let bytes = (0..WIDTH * HEIGHT * 3)
        .map(|_| (next() >> 16) as u8)
        .collect();
    Separation {
        colour: Raster::from_bytes(WIDTH, HEIGHT, bytes).unwrap(),
        black: Bitmap::from_fn(WIDTH, HEIGHT, |_, _| next() % 5 == 0),
        overcoat_holes: vec![CONTACTS],
    }
}

fn blank() -> Separation {
    Separation {
        colour: Raster::white(WIDTH, HEIGHT),
        black: Bitmap::blank(WIDTH, HEIGHT),
        overcoat_holes: Vec::new(),
    }
}

fn commands(job: &Job) -> Vec<String> {
    let of_command = job
        .frames
        .iter()
        .filter(|frame| frame.kind == host::COMMAND);
    of_command.map(|frame| hex::encode(frame.data())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    fn every_pixel_is_where_the_rules_say(seed: u32, fine: bool, turned: bool) {
        let geometry = Geometry { scale: 1 + u32::from(fine), turned };
        let separation = noise(seed);
        let images = images(&Side { peel_off: true, ..side(&separation, geometry) }).unwrap();
        prop_assert_eq!(images.len(), 5);
        let (columns, rows) = (geometry.columns(), geometry.rows());
        for image in &images {
            for row in 0..rows {
                for column in 0..columns {
                    // A picture in the middle of the image, then turned as a whole.
                    let x = (i64::from(column) - i64::from(columns / 2)).div_euclid(geometry.scale.into()) + 508;
                    let y = (i64::from(row) - i64::from(rows / 2)).div_euclid(geometry.scale.into()) + 321;
                    let ink = match (u32::try_from(x), u32::try_from(y)) {
                        (Ok(x), Ok(y)) if x < WIDTH && y < HEIGHT => {
                            let black = separation.black.get(x, y);
                            let [red, green, blue] = separation.colour.get(x, y);
                            match image.layer {
                                Layer::Black => u8::from(black) * 255,
                                Layer::PeelOff => u8::from(CONTACTS.contains(x, y)) * 255,
                                _ if black => 0,
                                Layer::Yellow => 255 - blue,
                                Layer::Magenta => 255 - green,
                                _ => 255 - red,
                            }
                        }
                        _ => 0,
                    };
                    let (column, row) = if turned {
                        (columns - 1 - column, rows - 1 - row)
                    } else {
                        (column, row)
                    };
                    let at = (row * columns + column) as usize;
                    prop_assert_eq!(image.ink[at], ink, "{:?} {} {}", image.layer, column, row);
                }
            }
        }
    }

    #[test]
    fn a_job_comes_back_and_shows_its_pictures(seed: u32) {
        let (front, back) = (noise(seed), noise(seed ^ 0x5555));
        let job = build(
            Some(&Side { peel_off: true, ..side(&front, FINE) }),
            Some(&side(&back, FINE)),
            false,
        ).unwrap();
        let bytes = job.encode();
        prop_assert!(Job::looks_like(&bytes));
        let again = Job::decode(&bytes).unwrap();
        prop_assert!(again == job);
        let sides = decode_sides(&bytes, &Profile::matica_xid()).unwrap();
        prop_assert_eq!(sides.len(), 2);
        for (side, separation) in sides.iter().zip([&front, &back]) {
            prop_assert!(side.picture == separation.composed());
        }
        prop_assert!(!sides[0].back && sides[1].back);
        let overcoat = sides[0].overcoat.as_ref().unwrap();
        prop_assert!(overcoat.get(CONTACTS.x - 1, CONTACTS.y) && !overcoat.get(CONTACTS.x, CONTACTS.y));
        prop_assert!(!sides[1].overcoat.as_ref().unwrap().dots().contains(&false));
    }
}

#[test]
fn the_order_of_commands_is_that_of_the_source() {
    let mut ink = blank();
    ink.black.set(9, 9, true);
    let blank = blank();
    let of = |front: Option<&Separation>, back: Option<&Separation>| {
        let front = front.map(|front| side(front, FINE));
        let back = back.map(|back| side(back, FINE));
        commands(&build(front.as_ref(), back.as_ref(), false).unwrap())
    };
    assert_eq!(of(Some(&ink), None), ["06020008", "07020005"]);
    assert_eq!(
        of(Some(&ink), Some(&ink)),
        ["06020008", "07021000", "06020008", "07020005"]
    );
    assert_eq!(of(None, Some(&ink)), ["05021000", "06020008", "07020005"]);
    assert_eq!(
        of(Some(&blank), Some(&ink)),
        ["05021000", "06020008", "07020005"]
    );
    assert_eq!(of(Some(&blank), None), ["05020005"]);
    assert_eq!(build(None, None, false), Err(BuildError::NothingToPrint));
}

#[test]
fn one_dye_brings_all_three() {
    let mut cyan = blank();
    cyan.colour.set(3, 4, [0, 255, 255]);
    let job = build(Some(&side(&cyan, FINE)), None, true).unwrap();
    assert_eq!(commands(&job), ["06020007", "0706000500000000"]);
    assert_eq!(job.frames.len(), 5);
    let sequences: Vec<u32> = job.frames.iter().map(|frame| frame.sequence).collect();
    assert_eq!(sequences, [0, 1, 2, 3, 4]);
}

#[test]
fn what_is_no_job_is_refused_with_its_offset() {
    let mut ink = blank();
    ink.black.set(9, 9, true);
    let coarse = Geometry {
        scale: 1,
        turned: true,
    };
    let job = build(Some(&side(&ink, coarse)), None, false).unwrap();
    let bytes = job.encode();
    let first = job.frames[0].size();
    assert!(matches!(
        Job::decode(&bytes[..first + 3]),
        Err(JobError::Frame { offset, .. }) if offset == first
    ));
    let greeting = Frame::new(0xF300_0200, 0, 0, Vec::new()).to_bytes();
    assert!(matches!(
        Job::decode(&greeting),
        Err(JobError::Kind { offset: 0, .. })
    ));
    assert_eq!(Job::decode(&[]), Err(JobError::NoFrame));
    assert!(matches!(
        job.sides(FINE, FINE),
        Err(JobError::Pixels { offset: 0, .. })
    ));
    let many = Command::Status.to_frame(0).to_bytes().repeat(65);
    assert_eq!(
        Job::decode(&many),
        Err(JobError::TooManyFrames { offset: 64 * 20 })
    );
}

proptest! {
    #[test]
    fn any_frames_are_sides_or_an_error(
        pieces in proptest::collection::vec((0_usize..3, proptest::collection::vec(0_u8..8, 0..16)), 0..6)
    ) {
        let kinds = [host::DOCUMENT, host::COMMAND, host::IMAGE];
        let bytes: Vec<u8> = pieces
            .into_iter()
            .flat_map(|(kind, data)| Frame::new(kinds[kind], 0, 0, data).to_bytes())
            .collect();
        if let Ok(job) = Job::decode(&bytes) {
            prop_assert_eq!(job.encode(), bytes);
            let _ = job.sides(FINE, FINE);
        }
    }
}
