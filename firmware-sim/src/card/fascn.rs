//! The FASC-N, 40 characters of 5 bits (SP 800-73-5 Part 1, 3.1.2; PACS 2.3).

/// A FASC-N for a card outside the federal government: agency and system 9999, credential
/// 999999, and the person identifier made of the card's number (its last ten digits).
pub(super) fn of(number: u64) -> [u8; 25] {
    const START: u8 = 0xB;
    const SEPARATOR: u8 = 0xD;
    const END: u8 = 0xF;
    let digits = format!("{:010}", number % 10_000_000_000);
    let mut characters = vec![START];
    for field in ["9999", "9999", "999999", "0", "1"] {
        characters.extend(field.bytes().map(|digit| digit - b'0'));
        characters.push(SEPARATOR);
    }
    // Person, category, organisation and association run on without separators.
    characters.extend(digits.bytes().map(|digit| digit - b'0'));
    characters.extend([1, 9, 9, 9, 9, 1, END]);
    let check = characters
        .iter()
        .fold(0, |check, character| check ^ character);
    characters.push(check);
    pack(&characters)
}

/// Each character least significant bit first, then odd parity; all of them end to end.
fn pack(characters: &[u8]) -> [u8; 25] {
    let mut packed = [0; 25];
    let bits = characters.iter().flat_map(|&character| {
        let parity = u8::from(character.count_ones() % 2 == 0);
        [0, 1, 2, 3]
            .map(|bit| character >> bit & 1)
            .into_iter()
            .chain([parity])
    });
    for (index, bit) in bits.enumerate() {
        packed[index / 8] |= bit << (7 - index % 8);
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_pack_as_in_the_published_example() {
        // S 4700 F 0257 F 000046 F 1 F 1 F 0257000046 1 9999 1 E LRC
        let digits = |text: &str| text.bytes().map(|digit| digit - b'0').collect::<Vec<_>>();
        let mut characters = vec![0xB];
        for field in ["4700", "0257", "000046", "1", "1"] {
            characters.extend(digits(field));
            characters.push(0xD);
        }
        characters.extend(digits("0257000046199991"));
        characters.push(0xF);
        characters.push(
            characters
                .iter()
                .fold(0, |check, character| check ^ character),
        );
        assert_eq!(
            hex::encode_upper(pack(&characters)),
            "D13810D828AF2C1084246DA1685828AF0210848D84E739C3EB"
        );
    }

    #[test]
    fn the_agency_is_9999() {
        assert!(hex::encode_upper(of(1)).starts_with("D4E739"));
        assert_ne!(of(1), of(2));
    }
}
