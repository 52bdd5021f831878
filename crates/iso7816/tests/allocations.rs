//! Reading takes no memory but for what is kept: counted, not timed.

use iso7816::ber::{self, Reader, Tag};
use iso7816::{Command, Response};

fn allocations(run: impl FnOnce()) -> (u64, u64) {
    let info = allocation_counter::measure(run);
    (info.count_total, info.bytes_total)
}

/// A certificate object as a card keeps it, and many small objects.
fn buffers() -> [Vec<u8>; 2] {
    let mut inside = ber::object(Tag(0x70), &[0x30; 1500]);
    ber::write(&mut inside, Tag(0x71), &[0x00]);
    ber::write(&mut inside, Tag(0xFE), &[]);
    let mut many = Vec::new();
    for number in 0..200_u8 {
        ber::write(&mut many, Tag(0x80 | u32::from(number % 16)), &[number; 6]);
    }
    [ber::object(Tag(0x53), &inside), many]
}

#[test]
fn reading_tlv_allocates_nothing() {
    for bytes in buffers() {
        let mut found = 0;
        let counted = allocations(|| {
            for object in Reader::new(&bytes).map_while(Result::ok) {
                found += 1 + object.children().map_while(Result::ok).count();
            }
            let _ = ber::read_one(&bytes);
            let _ = ber::expect(Tag(0x53), &bytes);
            let _ = ber::find(Tag(0x8F), &bytes);
            found += Reader::single_byte_tags(&bytes).count();
        });
        assert!(found > 3);
        assert_eq!(counted, (0, 0));
    }
}

#[test]
fn what_cannot_be_read_allocates_nothing_either() {
    let bytes = [0x53, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x00];
    let counted = allocations(|| {
        assert!(ber::read_one(&bytes).is_err());
        assert!(Reader::new(&bytes).all(|object| object.is_err()));
    });
    assert_eq!(counted, (0, 0));
}

#[test]
fn a_command_and_a_response_allocate_their_data_once() {
    let bytes = Command::new(0x00, iso7816::Instruction::PUT_DATA, 0x3F, 0xFF)
        .with_data(vec![0x5A; 200])
        .to_short()
        .unwrap();
    let mut kept = None;
    let counted = allocations(|| kept = Command::parse(&bytes).ok());
    assert_eq!((kept.unwrap().data.len(), counted), (200, (1, 200)));

    let mut answer = vec![0x5A; 256];
    answer.extend([0x90, 0x00]);
    let mut kept = None;
    let counted = allocations(|| kept = Response::parse(&answer).ok());
    assert_eq!((kept.unwrap().data.len(), counted), (256, (1, 256)));
}
