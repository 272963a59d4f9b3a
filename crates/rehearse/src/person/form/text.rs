//! What is typed into a field, by its type: within its lengths, bounds, steps and, when it is simple, its pattern.

use super::{moment, pattern};
use crate::html::{Field, Kind};
use crate::person::persona::PersonaState;
use crate::scenario::Dice;

/// How many characters a long text has, unless the field takes fewer.
pub const LONG: usize = 2_000;

/// What a text of a few words is made of.
const WORDS: &[&str] = &[
    "the", "morning", "was", "quiet", "and", "we", "walked", "along", "a", "river", "with", "friends", "who",
    "know", "every", "bird", "by", "name", "later", "it", "rained", "so", "everyone", "stayed", "inside",
    "read", "played", "cards", "cooked", "soup", "for", "ten", "people", "nobody", "minded", "much",
];

/// What a long text is made of: what encodings, escaping and column widths are bad at.
const AWKWARD: &[&str] = &[
    "\"Quoted\", she said: 'it's fine'. ",
    "Äpfel, Öl und süße Grüße – naïve façade, Ærø, Łódź. ",
    "Two\nlines,\n\nand an empty one. ",
    "🙂 and 👩‍👩‍👧 and 🇦🇹. ",
    "<b>1 < 2 & 3 > 2</b> &amp; \\n %20 + = ; -- ${x} {{y}} \t. ",
    "Ελληνικά, русский, 中文, العربية. ",
];

/// What the person types into this field.
pub(super) fn typed(field: &Field, persona: &PersonaState, dice: &mut Dice) -> String {
    match field.kind {
        Kind::Number => number(field, None, dice),
        Kind::Range => number(field, Some((0.0, 100.0)), dice),
        Kind::Date | Kind::Month | Kind::Week | Kind::Time | Kind::DateTimeLocal => {
            moment::typed(field, dice)
        }
        Kind::Color => format!("#{:06x}", dice.u32(..0x0100_0000)),
        _ => line(field, persona, dice),
    }
}

/// What a field that shows a value of its own sends when nobody touches it (HTML 4.10.5.1: range, color).
pub(super) fn untouched(field: &Field) -> Option<String> {
    match field.kind {
        Kind::Range if field.value.is_empty() => {
            let step = step(field);
            let (low, high) = bounds(field, Some((0.0, 100.0)), step);
            let middle = ((high - low).max(0.0) / 2.0 / step + 0.5).floor() * step;
            Some(written(low + middle, &[low, step]))
        }
        Kind::Color if field.value.is_empty() => Some("#000000".into()),
        _ => None,
    }
}

/// Everything that is typed as text.
fn line(field: &Field, persona: &PersonaState, dice: &mut Dice) -> String {
    if let Some(text) = field
        .pattern
        .as_deref()
        .and_then(|p| pattern::matching(p, field, dice))
    {
        return text;
    }
    let person = persona.person;
    let text = match field.kind {
        Kind::Email => format!("p{person}@example.org"),
        Kind::Url => format!("https://example.org/{person}"),
        // Numbers that are nobody's: 555-0100 to 555-0199 are kept for fiction.
        Kind::Tel => format!("+1202555{:04}", dice.u32(100..200)),
        Kind::Password => (0..12).map(|_| dice.alphanumeric()).collect(),
        kind => free(kind == Kind::Textarea, field.max_length, persona, dice),
    };
    fit(text, field)
}

/// A free text: a few words, or, by the persona's share, a long one.
fn free(lines: bool, most: Option<usize>, persona: &PersonaState, dice: &mut Dice) -> String {
    if dice.f64() < persona.long_text {
        return long(lines, most.unwrap_or(usize::MAX), dice);
    }
    let words: Vec<&str> = (0..dice.usize(2..=10))
        .map(|_| WORDS[dice.usize(..WORDS.len())])
        .collect();
    words.join(" ")
}

/// [`LONG`] characters, at most `most` UTF-16 units.
fn long(lines: bool, most: usize, dice: &mut Dice) -> String {
    let mut out = String::with_capacity(4 * LONG);
    let (mut characters, mut units) = (0, 0);
    let start = dice.usize(..AWKWARD.len());
    for c in AWKWARD.iter().cycle().skip(start).flat_map(|piece| piece.chars()) {
        units += c.len_utf16();
        if characters == LONG || units > most {
            break;
        }
        characters += 1;
        out.push(if c == '\n' && !lines { ' ' } else { c });
    }
    out
}

/// Cut to the field's greatest length, padded to its least. White space at the ends is replaced: applications trim it,
/// and what they hold is compared with what was sent.
fn fit(mut text: String, field: &Field) -> String {
    let units = |text: &str| text.encode_utf16().count();
    if let Some(most) = field.max_length {
        while units(&text) > most {
            text.pop();
        }
    }
    let missing = field
        .min_length
        .unwrap_or(0)
        .min(field.max_length.unwrap_or(usize::MAX))
        .min(100_000);
    text.extend(std::iter::repeat_n('x', missing.saturating_sub(units(&text))));
    let ends = [text.chars().next(), text.chars().next_back()];
    if ends.into_iter().flatten().any(char::is_whitespace) {
        let inner = text.trim();
        let before = text.len() - text.trim_start().len();
        let after = text.len() - before - inner.len();
        // The ends that are replaced are ASCII: the lengths stay.
        text = format!("{}{inner}{}", "x".repeat(before), "x".repeat(after));
    }
    text
}

/// The bounds of a number: as given, else around 0 to 100 steps.
fn bounds(field: &Field, default: Option<(f64, f64)>, step: f64) -> (f64, f64) {
    let (min, max) = (parse(field.min.as_deref()), parse(field.max.as_deref()));
    match (min, max, default) {
        (Some(min), Some(max), _) => (min, max),
        (min, max, Some((low, high))) => {
            let low = min.unwrap_or(low);
            (low, max.unwrap_or(high.max(low)))
        }
        (Some(min), None, None) => (min, min + 100.0 * step),
        (None, Some(max), None) => ((max - 100.0 * step).max(max.min(0.0)), max),
        (None, None, None) => (0.0, 100.0 * step),
    }
}

/// A number of the form `base + k · step` within the bounds; the base is the minimum, else the value delivered, else 0
/// (HTML, "step base"). Without any such number: the lower bound.
fn number(field: &Field, default: Option<(f64, f64)>, dice: &mut Dice) -> String {
    let step = step(field);
    let base = parse(field.min.as_deref())
        .or_else(|| parse(Some(&field.value)))
        .unwrap_or(0.0);
    let (low, high) = bounds(field, default, step);
    let first = ((low - base) / step - 1e-9).ceil();
    let last = ((high - base) / step + 1e-9).floor();
    let count = last - first + 1.0;
    if !count.is_finite() || count < 1.0 {
        return written(low, &[low]);
    }
    let k = (first + (dice.f64() * count).floor()).min(last);
    written(base + k * step, &[base, step])
}

fn step(field: &Field) -> f64 {
    parse(field.step.as_deref())
        .filter(|&step| step > 0.0)
        .unwrap_or(1.0)
}

/// A number as HTML writes it (4.10.5.1.12 takes no NaN and no infinity).
fn parse(text: Option<&str>) -> Option<f64> {
    text?.trim().parse().ok().filter(|n: &f64| n.is_finite())
}

/// With no more decimals than the numbers that it was made of.
fn written(number: f64, made_of: &[f64]) -> String {
    let decimals = made_of.iter().map(|&n| decimals(n)).max().unwrap_or(0);
    let mut text = format!("{number:.decimals$}");
    if decimals > 0 {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    if text == "-0" { "0".into() } else { text }
}

fn decimals(number: f64) -> usize {
    let whole = |&digits: &usize| {
        let scaled = number * 10_f64.powi(digits as i32);
        (scaled - scaled.round()).abs() < 1e-6 * scaled.abs().max(1e-3)
    };
    (0..12).find(whole).unwrap_or(12)
}
