use proptest::prelude::*;

use super::*;

fn page(colour: Colour, width: u32, lines: &[u8]) -> Page {
    let stride = Header::new(colour, width, 1).stride();
    let height = u32::try_from(lines.len() / stride).unwrap();
    Page::new(Header::new(colour, width, height), lines.to_vec()).unwrap()
}

/// The bytes behind the header.
fn packed(page: Page) -> Vec<u8> {
    let bytes = Document { pages: vec![page] }.encode();
    bytes[SYNC.len() + HEADER_BYTES..].to_vec()
}

#[test]
fn lines_are_packed_as_the_standard_says() {
    // Three lines: two alike of a run and a single dot, then singles alone.
    let grey = [9, 9, 9, 1, 9, 9, 9, 1, 1, 2, 3, 4];
    assert_eq!(
        packed(page(Colour::Sgray8, 4, &grey)),
        [1, 2, 9, 0, 1, 0, 253, 1, 2, 3, 4]
    );
    let red = [255, 0, 0];
    let line = [red, red, [0, 0, 255]].concat();
    assert_eq!(
        packed(page(Colour::Srgb8, 3, &line)),
        [0, 1, 255, 0, 0, 0, 0, 0, 255]
    );
    // Black by the byte, however many dots the last one has.
    assert_eq!(
        packed(page(Colour::Black1, 20, &[0xFF, 0xFF, 0xF0])),
        [0, 1, 0xFF, 0, 0xF0]
    );
}

#[test]
fn counts_stop_at_their_limits() {
    let line = vec![7; 300];
    assert_eq!(
        packed(page(Colour::Sgray8, 300, &line)),
        [0, 127, 7, 127, 7, 43, 7]
    );
    let lines = vec![7; 2 * 300];
    assert_eq!(
        packed(page(Colour::Sgray8, 2, &lines)),
        [255, 1, 7, 43, 1, 7]
    );
    let singles: Vec<u8> = (0..=255).cycle().take(130).collect();
    let bytes = packed(page(Colour::Sgray8, 130, &singles));
    assert_eq!((bytes[1], bytes[130]), (129, 255));
}

#[test]
fn the_header_lies_where_the_standard_puts_it() {
    let header = Header {
        media: "custom_card_53.98x85.6mm".to_owned(),
        duplex: true,
        mirrored_across: true,
        ..Header::new(Colour::Srgb8, 2, 1)
    };
    let document = Document {
        pages: vec![Page::new(header, vec![0; 6]).unwrap()],
    };
    let bytes = document.encode();
    let word = |place: usize| &bytes[SYNC.len() + place..][..4];
    assert_eq!(&bytes[..14], b"RaS2PwgRaster\0");
    assert_eq!(word(272), [0, 0, 0, 1]);
    assert_eq!(word(276), 300_u32.to_be_bytes());
    assert_eq!(word(372), [0, 0, 0, 2]);
    assert_eq!(word(388), [0, 0, 0, 24]);
    assert_eq!(word(392), [0, 0, 0, 6]);
    assert_eq!(word(400), [0, 0, 0, 19]);
    assert_eq!(word(456), [0xFF; 4]);
    assert_eq!(word(460), [0, 0, 0, 1]);
    assert!(bytes[SYNC.len() + 1732..].starts_with(b"custom_card_53.98x85.6mm\0"));
    assert_eq!(Document::decode(&bytes), Ok(document));
}

#[test]
fn what_another_writer_packs_otherwise_is_read() {
    let mut bytes = Document {
        pages: vec![page(Colour::Srgb8, 3, &[0; 9])],
    }
    .encode();
    bytes.truncate(SYNC.len() + HEADER_BYTES);
    // One dot, then white to the end of the line.
    bytes.extend([0, 0, 1, 2, 3, 128]);
    let picture = Document::decode(&bytes).unwrap().pages[0].picture();
    assert_eq!(picture.bytes(), [1, 2, 3, 255, 255, 255, 255, 255, 255]);
}

#[test]
fn a_mirrored_page_is_read_upright() {
    for (across, along, expected) in [
        (false, false, [1, 2, 3, 4]),
        (true, false, [2, 1, 4, 3]),
        (false, true, [3, 4, 1, 2]),
        (true, true, [4, 3, 2, 1]),
    ] {
        let header = Header {
            mirrored_across: across,
            mirrored_along: along,
            ..Header::new(Colour::Sgray8, 2, 2)
        };
        let picture = Page::new(header, vec![1, 2, 3, 4]).unwrap().picture();
        let greys: Vec<u8> = picture.bytes().chunks(3).map(|dot| dot[0]).collect();
        assert_eq!(greys, expected);
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let good = Document {
        pages: vec![page(Colour::Sgray8, 4, &[9, 9, 9, 1])],
    }
    .encode();
    let with = |place: usize, value: u32| {
        let mut bytes = good.clone();
        bytes[SYNC.len() + place..][..4].copy_from_slice(&value.to_be_bytes());
        Document::decode(&bytes).unwrap_err()
    };
    let message = with(400, 6).to_string();
    assert!(message.contains("ColorSpace at offset 404"), "{message}");
    let message = with(392, 5).to_string();
    assert_eq!(
        message,
        "field BytesPerLine at offset 396 is 5, expected 4 for its width"
    );
    assert!(matches!(
        with(376, 2),
        RasterError::Truncated { offset, .. } if offset == good.len()
    ));
    let mut wide = good.clone();
    for (place, value) in [(372, u32::MAX / 24), (376, u32::MAX), (392, u32::MAX / 24)] {
        wide[SYNC.len() + place..][..4].copy_from_slice(&value.to_be_bytes());
    }
    assert!(matches!(
        Document::decode(&wide),
        Err(RasterError::TooLarge { offset: 4, .. })
    ));
    let mut long = good.clone();
    *long.last_mut().unwrap() = 255;
    long[SYNC.len() + HEADER_BYTES] = 3;
    assert!(matches!(
        Document::decode(&long),
        Err(RasterError::TooManyLines {
            line: 0,
            repeats: 3,
            left: 0,
            ..
        })
    ));
    long[SYNC.len() + HEADER_BYTES..][..2].copy_from_slice(&[0, 4]);
    assert_eq!(
        Document::decode(&long),
        Err(RasterError::RunTooLong {
            offset: SYNC.len() + HEADER_BYTES + 1,
            line: 0
        })
    );
    assert_eq!(Document::decode(b"RaS3"), Err(RasterError::NoRaster));
    assert_eq!(Document::decode(b"RaS2"), Err(RasterError::NoPage));
    let third = [&good[..], &good[4..], &good[4..]].concat();
    assert!(matches!(
        Document::decode(&third),
        Err(RasterError::TooManyPages { .. })
    ));
}

fn colours() -> impl Strategy<Value = Colour> {
    proptest::sample::select(Colour::ALL.to_vec())
}

prop_compose! {
    fn headers()(
        colour in colours(),
        width in 1_u32..40,
        height in 1_u32..12,
        media in "[a-z0-9_.]{0,30}",
        [duplex, tumble, mirrored_across, mirrored_along] in any::<[bool; 4]>(),
        [copies, pages, quality] in any::<[u32; 3]>(),
    ) -> Header {
        Header {
            media,
            duplex,
            tumble,
            mirrored_across,
            mirrored_along,
            copies,
            pages,
            quality,
            ..Header::new(colour, width, height)
        }
    }
}

prop_compose! {
    fn pages()(header in headers())(
        // Few values, so that runs and equal lines occur.
        lines in proptest::collection::vec(
            proptest::sample::select(vec![0_u8, 1, 255]),
            header.stride() * header.height as usize,
        ),
        header in Just(header),
    ) -> Page {
        Page::new(header, lines).unwrap()
    }
}

proptest! {
    #[test]
    fn decoding_gives_back_what_was_encoded(
        pages in proptest::collection::vec(pages(), 1..3)
    ) {
        let document = Document { pages };
        prop_assert_eq!(Document::decode(&document.encode()), Ok(document));
    }

    #[test]
    fn any_runs_behind_a_header_are_a_page_or_an_error(
        page in pages(), runs in proptest::collection::vec(any::<u8>(), 0..200)
    ) {
        let mut bytes = Document { pages: vec![page] }.encode();
        bytes.truncate(SYNC.len() + HEADER_BYTES);
        bytes.extend(runs);
        if let Ok(document) = Document::decode(&bytes) {
            // However it was packed, the dots stay.
            prop_assert_eq!(Document::decode(&document.encode()), Ok(document));
        }
    }

    #[test]
    fn a_damaged_document_is_a_document_or_an_error(
        page in pages(), at in any::<prop::sample::Index>(), value: u8
    ) {
        let mut bytes = Document { pages: vec![page] }.encode();
        let at = at.index(bytes.len());
        bytes[at] = value;
        if let Ok(document) = Document::decode(&bytes) {
            prop_assert_eq!(Document::decode(&document.encode()), Ok(document));
        }
    }
}
