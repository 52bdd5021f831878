//! The report as plain text: the same for the same comparison.

use std::fmt::Write;

use crate::{Class, Comparison, Difference, Section, Side};

/// The longest value that is shown; longer ones are cut.
const SHOWN: usize = 100;

pub(crate) fn render(comparison: &Comparison, shown: &[Class]) -> String {
    let mut text = String::new();
    line(&mut text, "Cards");
    side(&mut text, "A", &comparison.a);
    side(&mut text, "B", &comparison.b);
    line(
        &mut text,
        &format!(
            "  judged by {}",
            comparison.profile.as_deref().unwrap_or("no profile")
        ),
    );
    for section in Section::ALL {
        let differences: Vec<&Difference> = shown
            .iter()
            .flat_map(|class| comparison.of_class(*class))
            .filter(|difference| difference.section == section)
            .collect();
        let timed = section == Section::Timing && !comparison.timings.is_empty();
        if differences.is_empty() && !timed {
            continue;
        }
        line(&mut text, "");
        line(&mut text, section.heading());
        for difference in differences {
            write_difference(&mut text, difference);
        }
        if timed {
            timings(&mut text, comparison);
        }
    }
    if !comparison.not_compared.is_empty() {
        line(&mut text, "");
        line(&mut text, "Not compared");
        for what in &comparison.not_compared {
            line(&mut text, &format!("  {what}"));
        }
    }
    line(&mut text, "");
    line(&mut text, "Result");
    let counts: Vec<String> = Class::ALL
        .into_iter()
        .map(|class| format!("{} {}", comparison.of_class(class).count(), class.name()))
        .collect();
    line(&mut text, &format!("  {}", counts.join(", ")));
    text
}

fn side(text: &mut String, name: &str, side: &Side) {
    let taken = match &side.taken_at {
        Some(moment) => format!(", taken {moment}"),
        None => String::new(),
    };
    let passcode = if side.with_passcode {
        ", with what is behind the passcode"
    } else {
        ""
    };
    line(text, &format!("  {name}  {}{taken}{passcode}", side.source));
}

fn write_difference(text: &mut String, difference: &Difference) {
    line(
        text,
        &format!("  {:<10}  {}", difference.class.name(), difference.what),
    );
    line(text, &format!("              A  {}", cut(&difference.a)));
    line(text, &format!("              B  {}", cut(&difference.b)));
    line(text, &format!("              {}", difference.why));
}

fn timings(text: &mut String, comparison: &Comparison) {
    for timing in &comparison.timings {
        let ratio = match timing.ratio {
            Some(ratio) => format!("{ratio:.2}"),
            None => "-".to_owned(),
        };
        line(
            text,
            &format!(
                "  {:<16} {:>12} {:>12}  x {ratio}",
                timing.what,
                milliseconds(timing.a),
                milliseconds(timing.b),
            ),
        );
    }
}

fn milliseconds(microseconds: u64) -> String {
    format!("{}.{:03} ms", microseconds / 1000, microseconds % 1000)
}

fn cut(value: &str) -> String {
    if value.chars().count() <= SHOWN {
        return value.to_owned();
    }
    let shown: String = value.chars().take(SHOWN).collect();
    format!("{shown}…")
}

fn line(text: &mut String, line: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{line}");
}
