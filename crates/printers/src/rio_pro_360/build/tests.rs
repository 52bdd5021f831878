use plastic::{Bitmap, Raster};
use proptest::prelude::*;

use super::*;

const PLACEMENT: Placement = Placement {
    first_column: 1,
    from_below: true,
    turned: false,
};

fn side(separation: &Separation) -> Side<'_> {
    Side {
        separation,
        black_as_dye: false,
        placement: PLACEMENT,
        overcoat: None,
    }
}

fn blank() -> Separation {
    Separation {
        colour: Raster::white(plastic::WIDTH, plastic::HEIGHT),
        black: Bitmap::blank(plastic::WIDTH, plastic::HEIGHT),
        overcoat_holes: Vec::new(),
    }
}

/// Colours and black dots without any order.
fn noise(seed: u32) -> Separation {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let bytes = (0..plastic::WIDTH * plastic::HEIGHT * 3)
        .map(|_| (next() >> 16) as u8)
        .collect();
    Separation {
        colour: Raster::from_bytes(plastic::WIDTH, plastic::HEIGHT, bytes).unwrap(),
        black: Bitmap::from_fn(plastic::WIDTH, plastic::HEIGHT, |_, _| next() % 5 == 0),
        overcoat_holes: Vec::new(),
    }
}

fn placement() -> impl Strategy<Value = Placement> {
    (0_u32..4, any::<bool>(), any::<bool>()).prop_map(|(first_column, from_below, turned)| {
        Placement {
            first_column,
            from_below,
            turned,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn the_fast_way_lays_the_ink_the_rules_say(
        seed: u32, placement in placement(), black_as_dye: bool
    ) {
        let separation = noise(seed);
        let side = Side { placement, black_as_dye, ..side(&separation) };
        let job = build(&JobOptions::new(0), Some(&side), None).unwrap();
        prop_assert_eq!(job.planes().len(), if black_as_dye { 3 } else { 4 });
        for plane in job.planes() {
            let mut expected = vec![0_u8; PLANE];
            for y in 0..plastic::HEIGHT {
                for x in 0..plastic::WIDTH {
                    let Some((line, pixel)) = placement.of(x, y) else { continue };
                    let black = separation.black.get(x, y);
                    expected[line * PIXELS + pixel] = match plane.ink().channel() {
                        None => if black { 255 } else { 0 },
                        Some(_) if black => if black_as_dye { 255 } else { 0 },
                        Some(channel) => 255 - separation.colour.get(x, y)[channel],
                    };
                }
            }
            prop_assert!(plane.data() == expected, "{:?}", plane.ink());
        }
    }
}

#[test]
fn the_vendors_holes_are_counted_from_the_top() {
    // y = 642 - bottom - height.
    assert_eq!((Overcoat::CHIP.x, Overcoat::CHIP.y), (106, 220));
    assert_eq!((Overcoat::CHIP_LARGE.x, Overcoat::CHIP_LARGE.y), (96, 210));
    assert_eq!(Overcoat::MAGNETIC.y, 52);
    assert_eq!(Overcoat::MAGNETIC_WIDE.y, 42);
}

#[test]
fn a_blank_card_is_one_empty_resin_plane() {
    let separation = blank();
    let job = build(&JobOptions::new(0), Some(&side(&separation)), None).unwrap();
    let [plane] = job.planes() else {
        panic!("{job:?}");
    };
    assert_eq!(plane.ink(), Ink::Black);
    assert!(plane.data().iter().all(|ink| *ink == 0));
}

#[test]
fn panels_without_ink_are_left_out_and_sides_follow_each_other() {
    let (mut front, mut back) = (blank(), blank());
    front.colour.set(9, 9, [255, 0, 255]);
    back.colour.set(9, 9, [0, 255, 255]);
    back.black.set(3, 3, true);
    let job = build(&JobOptions::new(0), Some(&side(&front)), Some(&side(&back))).unwrap();
    let planes: Vec<_> = job
        .planes()
        .iter()
        .map(|plane| (plane.is_back(), plane.ink()))
        .collect();
    assert_eq!(
        planes,
        [(false, Ink::Magenta), (true, Ink::Cyan), (true, Ink::Black)]
    );
}

#[test]
fn power_is_counted_in_steps_of_655() {
    assert_eq!(power_adjust(50), 0);
    assert_eq!(power_adjust(49), -655);
    assert_eq!(power_adjust(60), 6550);
}

#[test]
fn a_face_of_another_size_and_a_job_of_nothing_are_refused() {
    let small = Separation {
        colour: Raster::white(642, 1016),
        ..blank()
    };
    assert_eq!(
        build(&JobOptions::new(0), Some(&side(&small)), None),
        Err(BuildError::Size {
            width: 642,
            height: 1016
        })
    );
    assert_eq!(
        build(&JobOptions::new(0), None, None),
        Err(BuildError::NothingToPrint)
    );
}
