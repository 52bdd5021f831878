use plastic::{Area, Raster, Separation};
use proptest::prelude::*;

use super::*;
use crate::rio_pro_360::{JobOptions, Overcoat, Side, build};

const PLACEMENT: Placement = Placement {
    first_column: 1,
    from_below: true,
    turned: false,
};

fn separation() -> Separation {
    let mut picture = Raster::white(WIDTH, HEIGHT);
    picture.set(1, 0, [255, 255, 155]);
    picture.set(500, 300, [0, 0, 0]);
    let mut separation = Separation::of_pure_black(&picture);
    separation.overcoat_holes.push(Area {
        x: 121,
        y: 227,
        width: 114,
        height: 111,
    });
    separation
}

fn job() -> Job {
    let separation = separation();
    let side = Side {
        separation: &separation,
        black_as_dye: false,
        placement: PLACEMENT,
        overcoat: Some(Overcoat::default()),
    };
    build(&JobOptions::new(1_794_000_000), Some(&side), None).unwrap()
}

#[test]
fn the_checksum_is_the_catalogued_one() {
    assert_eq!(checksum(b"123456789"), [0x18, 0x19, 0x89, 0xFC]);
}

#[test]
fn the_header_is_written_as_described() {
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\
        <prn>\r\
        \t<card>\r\
        \t\t<card-options>\r\
        \t\t\t<num-copies>1</num-copies>\r\
        \t\t\t<card-size>cr80</card-size>\r\
        \t\t\t<width>1013</width>\r\
        \t\t</card-options>\r\
        \t\t<side-options side=\"0\">\r\
        \t\t\t<panel-options panel=\"y\">\r\
        \t\t\t\t<power-adjust>0</power-adjust>\r\
        \t\t\t</panel-options>\r\
        \t\t\t<panel-options panel=\"k\">\r\
        \t\t\t\t<power-adjust>0</power-adjust>\r\
        \t\t\t</panel-options>\r\
        \t\t\t<panel-options panel=\"o\">\r\
        \t\t\t\t<x-adjust>0</x-adjust>\r\
        \t\t\t\t<y-adjust>0</y-adjust>\r\
        \t\t\t\t<power-adjust>0</power-adjust>\r\
        \t\t\t\t<hole>\r\
        \t\t\t\t\t<x>120</x>\r\
        \t\t\t\t\t<y>227</y>\r\
        \t\t\t\t\t<width>114</width>\r\
        \t\t\t\t\t<height>111</height>\r\
        \t\t\t\t</hole>\r\
        \t\t\t</panel-options>\r\
        \t\t</side-options>\r\
        \t</card>\r\
        \t<binary-size>1300692</binary-size>\r\
        \t<time>1794000000</time>\r\
        </prn>\r";
    assert_eq!(job().header_text(), expected);
    let bytes = job().encode();
    assert_eq!(&bytes[..expected.len()], expected.as_bytes());
    assert!(bytes[..=expected.len()].ends_with(HEADER_END));
    let planes = &bytes[expected.len() + 1..bytes.len() - CHECKSUM];
    assert_eq!(planes.len(), 2 * PLANE);
    // Column 1 is the leftmost printed: line 1012, and the top is pixel 641; yellow 255 - 155.
    assert_eq!(planes[PLANE - 1], 100);
    assert_eq!(planes.iter().filter(|ink| **ink != 0).count(), 2);
}

#[test]
fn a_job_comes_back_and_shows_its_picture_and_overcoat() {
    let bytes = job().encode();
    let again = Job::decode(&bytes).unwrap();
    assert_eq!(again, job());
    assert!(Job::looks_like(&bytes));
    let sides = again.sides(PLACEMENT, PLACEMENT);
    let [side] = &sides[..] else {
        panic!("{} sides", sides.len());
    };
    assert_eq!(side.picture, separation().composed());
    let overcoat = side.overcoat.as_ref().unwrap();
    assert!(overcoat.get(1, 0) && overcoat.get(120, 227));
    assert!(!overcoat.get(0, 0) && !overcoat.get(121, 227) && !overcoat.get(234, 337));
    assert!(!overcoat.get(1014, 5));
    assert_eq!(side.planes[0].name, "yellow");
    assert_eq!(side.planes[0].ink[1], 100);
}

#[test]
fn another_layout_of_the_header_is_read_and_kept() {
    let text = job().header_text();
    let with = text.replace('\r', "\n").replace('\t', "").replace(
        "</card>",
        "<mag-options><coercivity>high</coercivity></mag-options></card>",
    );
    let bytes = job().encode();
    let mut other = with.into_bytes();
    other.extend_from_slice(&bytes[text.len()..bytes.len() - CHECKSUM]);
    let checksum = checksum(&other);
    other.extend_from_slice(&checksum);
    let read = Job::decode(&other).unwrap();
    assert_eq!(read.header(), job().header());
    assert_eq!(read.encode(), other);
}

#[test]
fn what_is_wrong_is_said() {
    let good = job().encode();
    let text = job().header_text();
    let with = |from: &str, to: &str| {
        let mut bytes = text.replace(from, to).into_bytes();
        bytes.extend_from_slice(&good[text.len()..]);
        Job::decode(&bytes).unwrap_err()
    };
    assert!(matches!(with("</time>", ""), DecodeError::Xml { .. }));
    assert_eq!(
        with("num-copies", "copies"),
        DecodeError::Missing {
            element: "num-copies"
        }
    );
    assert!(matches!(
        with("cr80", "cr81"),
        DecodeError::Value {
            element: "card-size",
            ..
        }
    ));
    assert!(matches!(
        with("1300692", "99999999999999999999999"),
        DecodeError::Value { .. }
    ));
    assert!(matches!(
        with("1300692", "1300693"),
        DecodeError::BinarySize { .. }
    ));
    assert!(matches!(
        with("panel=\"k\"", "panel=\"y\""),
        DecodeError::Twice { .. }
    ));
    assert!(matches!(
        with("1794000000", "1794000001"),
        DecodeError::Checksum { .. }
    ));
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(
        Job::decode(&longer),
        Err(DecodeError::Trailing { offset: good.len() })
    );
    assert_eq!(
        Job::decode(&[b'x'; MAX_HEADER + 1]),
        Err(DecodeError::HeaderTooLong)
    );
    for end in [0, 1, text.len(), text.len() + 1, good.len() - 1] {
        let error = Job::decode(&good[..end]).unwrap_err();
        assert!(matches!(error, DecodeError::Truncated { offset, .. } if offset == end));
    }
}

#[test]
fn a_document_type_is_refused() {
    // Entities that grow are how small XML becomes large.
    let bomb = b"<?xml version=\"1.0\"?><!DOCTYPE prn [<!ENTITY a \"aaaa\">]><prn>&a;</prn>\0";
    assert!(matches!(Job::decode(bomb), Err(DecodeError::Xml { .. })));
}

proptest! {
    #[test]
    fn any_bytes_are_a_job_or_an_error(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300),
            "<\\?xml version=\"1.0\"\\?><prn>(<card>|</card>|<time>1</time>|<binary-size>0</binary-size>|<card-options>|</card-options>|<num-copies>2</num-copies>|<card-size>cr80</card-size>|<width>3</width>){0,12}</prn>\r\u{0}.{0,6}"
                .prop_map(String::into_bytes),
        ]
    ) {
        if let Ok(job) = Job::decode(&bytes) {
            prop_assert_eq!(job.encode(), bytes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_damaged_job_is_an_error(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = job().encode();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(Job::decode(&bytes).is_err());
    }
}
