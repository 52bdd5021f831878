//! Free text of inventories, compared by whole words.

/// Lower-case letters and digits, one space between words and around the whole.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len() + 2);
    plain.push(' ');
    for c in text.chars() {
        if c.is_alphanumeric() {
            plain.extend(c.to_lowercase());
        } else if !plain.ends_with(' ') {
            plain.push(' ');
        }
    }
    if !plain.ends_with(' ') {
        plain.push(' ');
    }
    plain
}

/// Whether one of the phrases stands in a text; all were made by [`plain`].
pub(crate) fn names(text: &str, phrases: &[String]) -> bool {
    phrases.iter().any(|phrase| text.contains(phrase.as_str()))
}

/// What somebody wrote, short and on one line, for a message.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 60;
    let mut shown: String = text
        .chars()
        .take(MOST)
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_compared() {
        let phrases = [plain("PIV minidriver")];
        assert!(names(&plain("9+10 PIV-Minidriver, new"), &phrases));
        assert!(!names(&plain("PIV minidrivers"), &phrases));
        assert_eq!(plain(""), " ");
    }
}
