//! Values that a reply delivers without a name: in links, attributes and the text of scripts. The last resort.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::find::Find;
use super::judge::{self, Strength};
use super::sent::{Place, Sent};
use super::visit::Visit;

/// How many occurrences of a value are looked at.
const TRIED: usize = 5;

/// A link whose path has the value where the request's path has it: the expression that finds it first, and how many
/// different values it would find in this reply.
pub(super) fn link(sent: &Sent, after: Option<&str>, visit: &Visit<'_>) -> Option<(Find, usize)> {
    let Place::Segment(before) = &sent.place else {
        return None;
    };
    let body = &visit.last().response.body;
    memchr::memmem::find(body, sent.raw.as_bytes())?;
    let mut prefix = String::new();
    for segment in before {
        prefix.push('/');
        match judge::dynamic_segment(segment) {
            true => prefix.push_str(r#"[^/?"'#&<>\s]+"#),
            false => prefix.push_str(&regex::escape(segment)),
        }
    }
    let class = match sent.raw.as_str() {
        raw if raw.bytes().all(|b| b.is_ascii_digit()) => r"\d+",
        raw if judge::uuid(raw) => "[0-9A-Fa-f-]{36}",
        _ => r#"[^/?"'#&<>\\\s]+"#,
    };
    let suffix = after.filter(|a| !a.is_empty() && !judge::dynamic_segment(a));
    let suffixed = suffix.map(|s| format!("{prefix}/({class})/{}", regex::escape(s)));
    let plain = (!prefix.is_empty()).then(|| format!("{prefix}/({class})"));
    let started = |e: &String| format!(r#"["'](?:https?://[^/"']+)?{e}"#);
    let tries = [
        suffixed.clone(),
        plain.clone(),
        suffixed.as_ref().map(started),
        plain.as_ref().map(started),
    ];
    tries.into_iter().flatten().find_map(|expression| {
        let regex = Regex::new(&expression).ok()?;
        let mut values: Vec<&[u8]> = regex
            .captures_iter(body)
            .filter_map(|c| Some(c.get(1)?.as_bytes()))
            .collect();
        let here = values.contains(&sent.raw.as_bytes());
        values.sort_unstable();
        values.dedup();
        here.then_some((Find::Regex(expression), values.len()))
    })
}

/// What stands before a value: the name of an attribute, or the key of an object or assignment.
static KEY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"([A-Za-z_][\w$.:-]*)["']?\s*[:=]\s*["']?$"#).expect("the expression is valid")
});

/// An attribute or a piece of text that has the value: how it is found, and the name that it goes under.
pub(super) fn text(value: &str, visit: &Visit<'_>) -> Option<(Find, String)> {
    let body = &visit.last().response.body;
    if value.len() < 5 || judge::strength(value) < Strength::Fair {
        return None;
    }
    spellings(value).iter().find_map(|spelling| {
        let places = memchr::memmem::find_iter(body, spelling.as_bytes()).take(TRIED);
        places.into_iter().find_map(|at| {
            let line = body[..at].iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1);
            let before = &body[line.max(at.saturating_sub(80))..at];
            let mut finds = by_key(before, value).into_iter().chain(by_context(before, value));
            finds.find(|(find, _)| find.value(visit).as_deref() == Some(value))
        })
    })
}

/// A value as it may stand in a page: plain, or with character references as templating languages write them.
fn spellings(value: &str) -> Vec<String> {
    let spelled = |list: &[(char, &str)]| {
        let letter = |c: char| match list.iter().find(|(plain, _)| *plain == c) {
            Some((_, reference)) => (*reference).to_owned(),
            None => c.to_string(),
        };
        value.chars().map(letter).collect::<String>()
    };
    let mut all = vec![
        value.to_owned(),
        spelled(&[('&', "&amp;")]),
        spelled(&[('&', "&amp;"), ('+', "&#43;"), ('=', "&#61;")]),
        spelled(&[('&', "&amp;"), ('+', "&#x2B;"), ('=', "&#x3D;"), ('/', "&#x2F;")]),
    ];
    all.dedup();
    all
}

fn by_key(before: &[u8], value: &str) -> Vec<(Find, String)> {
    let Some(captures) = KEY.captures(before) else {
        return Vec::new();
    };
    let text = |group: usize| {
        captures
            .get(group)
            .map(|m| String::from_utf8_lossy(m.as_bytes()).into_owned())
    };
    let (Some(whole), Some(key)) = (text(0), text(1)) else {
        return Vec::new();
    };
    if judge::strength(&key) > Strength::Fair {
        return Vec::new();
    }
    let mut finds = Vec::new();
    let attribute = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let usual = [
        "value", "content", "href", "src", "action", "class", "name", "id", "style",
    ];
    if key.bytes().all(attribute) && !usual.contains(&key.as_str()) {
        finds.push(Find::Css(format!("[{key}]"), key.to_ascii_lowercase()));
    }
    let whole = regex::escape(&whole);
    finds.extend(classes(value).map(|class| Find::Regex(format!("{whole}({class})"))));
    finds.into_iter().map(|find| (find, key.clone())).collect()
}

/// By the characters that stand right before the value, when none of them can be a value itself.
fn by_context(before: &[u8], value: &str) -> Vec<(Find, String)> {
    let Ok(before) = std::str::from_utf8(before) else {
        return Vec::new();
    };
    let lengths = [12, 24, 40];
    let contexts = lengths.iter().filter_map(|&length| {
        let start = before
            .char_indices()
            .rev()
            .nth(length - 1)
            .map_or(0, |(at, _)| at);
        let context = &before[start..];
        let fixed = !context
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
            .any(judge::dynamic_segment);
        (fixed && context.trim().len() >= 4).then(|| regex::escape(context))
    });
    contexts
        .flat_map(|context| classes(value).map(move |class| Find::Regex(format!("{context}({class})"))))
        .map(|find| (find, String::new()))
        .collect()
}

/// Expressions for values like this one, the narrowest first.
fn classes(value: &str) -> impl Iterator<Item = &'static str> {
    let digits = value.bytes().all(|b| b.is_ascii_digit()).then_some(r"\d+");
    let hex = value
        .bytes()
        .all(|b| b.is_ascii_hexdigit() || b == b'-')
        .then_some("[0-9A-Fa-f-]+");
    let word = value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        .then_some(r"[\w-]+");
    // Without the padding of base64, and with it.
    let open = [r#"[^"'<>&=\s\\,;)]+"#, r#"[^"'<>&\s\\,;)]+"#];
    [digits, hex, word].into_iter().flatten().chain(open)
}
