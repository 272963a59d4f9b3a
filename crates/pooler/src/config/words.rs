//! Settings whose value is one word of a few.

/// The words of a setting and what they mean.
pub(super) type Words<T> = &'static [(&'static str, T)];

/// What a word means; case doesn't matter, as in pgbouncer.
///
/// # Errors
/// The words that there are, the nearest one first.
pub(super) fn named<T: Copy>(words: Words<T>, text: &str) -> Result<T, String> {
    if let Some((_, value)) = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
        return Ok(*value);
    }
    let list = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    Err(match nearest(words.iter().map(|(word, _)| *word), text) {
        Some(near) => format!("did you mean \"{near}\"? It must be one of {list}"),
        None => format!("it must be one of {list}"),
    })
}

/// The word for a value of the list.
pub(super) fn word<T: PartialEq>(words: Words<T>, value: &T) -> &'static str {
    words
        .iter()
        .find(|(_, known)| known == value)
        .map_or("", |(word, _)| word)
}

/// The name most like the text, if one is like it at all.
pub(super) fn nearest<'a>(names: impl Iterator<Item = &'a str>, text: &str) -> Option<&'a str> {
    let text = text.to_ascii_lowercase();
    names
        .map(|name| (strsim::jaro_winkler(name, &text), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, name)| name)
}
