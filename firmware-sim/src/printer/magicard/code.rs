use crate::printer::trouble::Trouble;

/// The simulator's error pairs as a table for a driver's profile.
///
/// Only `11:01` is publicly known. All pairs that start with 90 are the simulator's own and mean
/// nothing to a real printer.
pub const FAULT_TABLE: &str = include_str!("faults.toml");

/// The error pair in the replies. Only that of [`Trouble::CardNotDrawnIn`] is a real printer's.
pub(super) const fn code(trouble: Trouble) -> (u8, u8) {
    match trouble {
        Trouble::CardNotDrawnIn => (11, 1),
        Trouble::HopperEmpty => (90, 1),
        Trouble::Jam => (90, 2),
        Trouble::FilmOut => (90, 3),
        Trouble::CoverOpen => (90, 4),
        Trouble::BadJob => (90, 5),
        Trouble::Storage => (90, 6),
        Trouble::Silent => (90, 7),
        Trouble::DoubleFeed => (90, 8),
        Trouble::WrongFilm => (90, 9),
        Trouble::HeadHot => (90, 10),
        Trouble::OutputFull => (90, 11),
        Trouble::RejectFull => (90, 12),
        Trouble::CleaningCard => (90, 13),
        Trouble::MissingOption => (90, 14),
        Trouble::PowerCut => (90, 15),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_trouble_a_driver_can_see_is_in_the_fault_table() {
        for trouble in Trouble::ALL {
            let (major, minor) = code(trouble);
            // The one public pair is the driver's own knowledge; silence has no reply.
            let listed = trouble != Trouble::CardNotDrawnIn && !trouble.is_mute();
            let entry = format!("code = \"{major:02}:{minor:02}\"");
            assert_eq!(FAULT_TABLE.contains(&entry), listed, "{trouble}");
        }
        let codes: HashSet<_> = Trouble::ALL.into_iter().map(code).collect();
        assert_eq!(codes.len(), Trouble::ALL.len());
    }
}
