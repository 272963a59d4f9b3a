//! Text from a log, made safe to show.

use std::borrow::Cow;

/// Without control characters, with which a log could steer a terminal, and without those that turn the direction of text
/// around (Unicode's bidirectional controls). Line feeds and tabs become spaces.
pub fn clean(text: &str) -> Cow<'_, str> {
    let is_bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_bad) {
        return Cow::Borrowed(text);
    }
    text.chars()
        .filter_map(|c| match c {
            '\n' | '\t' => Some(' '),
            c if is_bad(c) => None,
            c => Some(c),
        })
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_turned_text_go() {
        assert_eq!(clean("a\u{1b}[31mb\u{7}\n c\u{202e}d"), "a[31mb  cd");
        assert!(matches!(clean("plain"), Cow::Borrowed(_)));
    }
}
