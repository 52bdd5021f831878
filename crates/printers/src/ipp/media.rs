//! Media by their self-describing names (PWG 5101.1-2013).

/// The two sides of a medium in hundredths of a millimetre, in the order of its name: across, then
/// along the way it is fed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Size {
    pub(super) across: u32,
    pub(super) along: u32,
}

impl Size {
    /// The size a name ends with: `custom_card_53.98x85.6mm`, `na_index-4x6_4x6in`.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let (_, size) = name.rsplit_once('_')?;
        let (size, unit) = match size.strip_suffix("mm") {
            Some(size) => (size, 100_000),
            None => (size.strip_suffix("in")?, 2_540_000),
        };
        let (across, along) = size.split_once('x')?;
        Some(Self {
            across: hundredths(across, unit)?,
            along: hundredths(along, unit)?,
        })
    }

    /// In points (1/72 inch), rounded.
    pub(super) fn points(self) -> [u32; 2] {
        [self.across, self.along].map(|side| {
            let points = (u64::from(side) * 72 + 1270) / 2540;
            u32::try_from(points).unwrap_or(u32::MAX)
        })
    }

    fn turned(self) -> Self {
        Self {
            across: self.along,
            along: self.across,
        }
    }

    fn is_about(self, other: Self, tolerance: u32) -> bool {
        self.across.abs_diff(other.across) <= tolerance
            && self.along.abs_diff(other.along) <= tolerance
    }

    fn fits_into(self, least: Self, most: Self) -> bool {
        (least.across..=most.across).contains(&self.across)
            && (least.along..=most.along).contains(&self.along)
    }
}

/// A decimal number with at most three places, in units of which a thousandth is `unit` / 1000
/// hundredths of a millimetre; rounded.
fn hundredths(number: &str, unit: u64) -> Option<u32> {
    let (whole, places) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 5 || places.len() > 3 || !digits(whole) || !digits(places)
    {
        return None;
    }
    let thousandths: u64 = format!("{whole}{places:0<3}").parse().ok()?;
    u32::try_from((thousandths * unit / 1000 + 500) / 1000).ok()
}

/// The name under which a queue has a medium of the size of `card`: that name itself, another of
/// the same size either way round, or `card` where it takes sizes of one's own.
pub(super) fn choose(card: &str, supported: &[String], tolerance: u32) -> Option<String> {
    if supported.iter().any(|name| name == card) {
        return Some(card.to_owned());
    }
    let wanted = Size::of_name(card)?;
    let of_size = |size: Size| {
        supported
            .iter()
            .filter(|name| !name.starts_with("custom_min") && !name.starts_with("custom_max"))
            .find(|name| Size::of_name(name).is_some_and(|it| it.is_about(size, tolerance)))
    };
    if let Some(name) = of_size(wanted).or_else(|| of_size(wanted.turned())) {
        return Some(name.clone());
    }
    let limit = |start: &str| {
        let name = supported.iter().find(|name| name.starts_with(start))?;
        Size::of_name(name)
    };
    let (least, most) = (limit("custom_min")?, limit("custom_max")?);
    wanted.fits_into(least, most).then(|| card.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = "custom_card_53.98x85.6mm";

    #[test]
    fn a_name_ends_with_its_size() {
        let size = |name| Size::of_name(name).map(|size| (size.across, size.along));
        assert_eq!(size(CARD), Some((5398, 8560)));
        assert_eq!(size("na_letter_8.5x11in"), Some((21590, 27940)));
        assert_eq!(size("oe_card_2.125x3.375in"), Some((5398, 8573)));
        for none in [
            "card",
            "a_b",
            "a_1x",
            "a_x1mm",
            "a_1x2cm",
            "a_-1x2mm",
            "a_1.2345x2mm",
        ] {
            assert_eq!(size(none), None, "{none}");
        }
        assert_eq!(Size::of_name(CARD).unwrap().points(), [153, 243]);
    }

    #[test]
    fn a_queue_has_the_card_under_its_own_name_its_size_or_as_a_custom_size() {
        let choose = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            choose(CARD, &names, 100)
        };
        let chosen = |name: &str| Some(name.to_owned());
        assert_eq!(choose(&["iso_a4_210x297mm", CARD]), chosen(CARD));
        let other = "custom_cr80_54x86mm";
        assert_eq!(choose(&["iso_a4_210x297mm", other]), chosen(other));
        let lying = "oe_cr80_85.6x53.98mm";
        assert_eq!(choose(&[lying]), chosen(lying));
        assert_eq!(
            choose(&["custom_min_40x40mm", "custom_max_100x100mm"]),
            chosen(CARD)
        );
        assert_eq!(
            choose(&["custom_min_60x60mm", "custom_max_100x100mm"]),
            None
        );
        assert_eq!(choose(&["iso_a4_210x297mm"]), None);
    }
}
