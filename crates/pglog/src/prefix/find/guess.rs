//! Prefixes that one line's beginning suggests: what it holds is looked at piece by piece; where a piece may be several things, each is
//! tried.

use super::keys::{Key, keys};
use super::scan::{self, Look};

/// Most prefixes of one line.
const MOST: usize = 64;

/// A piece of a line's beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Mark(String),
    /// One of these escapes; an empty one: the text itself.
    One(Vec<&'static str>, String),
    /// A word without a key: a name, whose is not known; whether it is the same in all lines.
    Word(String, bool),
}

/// Prefixes that may have written `head`, the likeliest first. `is_constant`: whether all lines hold a word.
pub(super) fn prefixes(head: &[u8], is_constant: &dyn Fn(&[u8]) -> bool) -> Vec<String> {
    let mut pieces = Vec::new();
    let keys = keys(head);
    let first = keys.first().map_or(head.len(), |key| key.start);
    scanned(&head[..first], is_constant, &mut pieces);
    for (index, key) in keys.iter().enumerate() {
        let end = keys.get(index + 1).map_or(head.len(), |next| next.start);
        keyed(head, *key, end, is_constant, &mut pieces);
    }
    let mut texts: Vec<String> = named(pieces).iter().flat_map(|pieces| combined(pieces)).collect();
    texts.sort_by_key(|text| unlikely(text));
    texts.truncate(MOST);
    texts
}

/// How odd a prefix would be.
pub(super) fn unlikely(text: &str) -> usize {
    let has = |escape: &str| usize::from(text.contains(escape));
    let before = |a: &str, b: &str| matches!((text.find(a), text.find(b)), (Some(a), Some(b)) if a < b);
    let names = has("@") * (1 - has("%u@%d"));
    let nobody = has("%a") * (2 - has("%u") - has("%d"));
    let bare = |escape: &str| has(escape) * (1 - has(&format!("={escape}")));
    let order = usize::from(before("%d", "%u")) + usize::from(before("%a", "%d"));
    names + nobody + bare("%x") + 2 * bare("%Q") + order
}

/// Looks at text without keys.
fn scanned(text: &[u8], is_constant: &dyn Fn(&[u8]) -> bool, pieces: &mut Vec<Piece>) {
    let mut at = 0;
    while at < text.len() {
        let Some((look, length)) = scan::look(&text[at..]) else {
            let mark = text[at..]
                .iter()
                .skip(1)
                .take_while(|b| (0x80..0xc0).contains(*b))
                .count()
                + 1;
            push_mark(pieces, &text[at..at + mark]);
            // Without a session both names are empty.
            if text[at] == b'@' {
                empty_names(&text[..at], &text[at + 1..], pieces);
            }
            at += mark;
            continue;
        };
        let piece = &text[at..at + length];
        let shown = String::from_utf8_lossy(piece).into_owned();
        let one = |escapes: &[&'static str]| Piece::One(escapes.to_vec(), shown.clone());
        pieces.push(match look {
            Look::Time(true) => one(&["%m"]),
            Look::Time(false) => one(&["%t", "%s"]),
            Look::Epoch => one(&["%n"]),
            Look::Session => one(&["%c"]),
            Look::Host(true) => one(&["%r"]),
            Look::Host(false) if piece == b"[local]" => one(&["%h", "%r"]),
            Look::Host(false) => one(&["%h"]),
            Look::Virtual => one(&["%v"]),
            Look::State => one(&["%e"]),
            Look::Backend => one(&["%b"]),
            Look::Tag => one(&["%i"]),
            Look::Number => Piece::One(numbers(piece, &text[..at], &text[at + length..]), shown),
            Look::Word => Piece::Word(shown, piece != b"[unknown]" && is_constant(piece)),
        });
        at += length;
    }
}

/// `@` with no name before or behind.
fn empty_names(before: &[u8], behind: &[u8], pieces: &mut Vec<Piece>) {
    let is_name = |b: Option<&u8>| {
        b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b']' || *b == b'[' || *b >= 0x80)
    };
    if is_name(before.last()) || is_name(behind.first()) {
        return;
    }
    if let Some(Piece::Mark(mark)) = pieces.last_mut() {
        mark.pop();
    }
    pieces.push(Piece::One(vec!["%u"], String::new()));
    pieces.push(Piece::Mark("@".to_owned()));
    pieces.push(Piece::One(vec!["%d"], String::new()));
}

fn numbers(number: &[u8], before: &[u8], behind: &[u8]) -> Vec<&'static str> {
    if before.last() == Some(&b'-') && number == b"1" && behind.first() == Some(&b']') {
        return vec!["%l", ""];
    }
    let is_boxed = before.last() == Some(&b'[') && behind.first() == Some(&b']');
    if behind.starts_with(b"-1]") {
        return vec!["%l", "%p"];
    }
    if number.first() == Some(&b'-') || number.len() > 10 {
        return vec!["%Q"];
    }
    if number.starts_with(b"0000") && number.len() == 5 {
        return vec!["%e"];
    }
    let mut escapes = vec!["%p", "%l", "%x", "%Q"];
    if number.len() == 5 {
        escapes.push("%e");
    }
    match is_boxed {
        true => escapes.retain(|escape| *escape != "%Q"),
        false => escapes.push(""),
    }
    escapes
}

/// A key, its value, and what stands behind it.
fn keyed(head: &[u8], key: Key, end: usize, is_constant: &dyn Fn(&[u8]) -> bool, pieces: &mut Vec<Piece>) {
    push_mark(pieces, &head[key.start..key.value]);
    let whole = &head[key.value..end];
    let end = key.value + extent(whole, key.escape);
    let mut value = &head[key.value..end];
    while let Some(last) = value.last() {
        let opens = |open: u8, close: u8| {
            *last == close
                && value.iter().filter(|b| **b == open).count()
                    < value.iter().filter(|b| **b == close).count()
        };
        let is_mark = b" ,;:|/-".contains(last)
            || opens(b'[', b']')
            || opens(b'(', b')')
            || opens(b'<', b'>')
            || *last == b'"';
        if !is_mark {
            break;
        }
        value = &value[..value.len() - 1];
    }
    let mut marks = &head[key.value + value.len()..end];
    if let Some(inner) = value.strip_prefix(b"\"") {
        push_mark(pieces, b"\"");
        value = inner;
    } else if value.is_empty() && marks.starts_with(b"\"\"") {
        push_mark(pieces, b"\"");
        marks = &marks[1..];
    }
    let shown = String::from_utf8_lossy(value).into_owned();
    let escapes = match key.escape {
        "%h" => match scan::host(value) {
            Some((_, true)) => vec!["%r"],
            _ => vec!["%h", "%r"],
        },
        "%t" | "%m" => match scan::look(value) {
            Some((Look::Time(true), _)) => vec!["%m"],
            Some((Look::Epoch, _)) => vec!["%n"],
            _ => vec!["%t"],
        },
        escape => vec![escape],
    };
    pieces.push(Piece::One(escapes, shown));
    push_mark(pieces, marks);
    scanned(&whole[end - key.value..], is_constant, pieces);
}

/// How far a value may go: one that has a form of its own to its end, a name of one word to the next space.
fn extent(whole: &[u8], escape: &str) -> usize {
    let space = whole.iter().position(|b| *b == b' ').unwrap_or(whole.len());
    match escape {
        "%b" => match scan::look(whole) {
            Some((Look::Backend, length)) => length,
            _ => whole.len(),
        },
        // A name may have several words: up to what is no name.
        "%a" | "%i" => {
            let begins = |at: &usize| {
                let rest = whole[*at..].trim_ascii_start();
                let rest = rest.strip_prefix(b"[").unwrap_or(rest);
                match scan::look(rest) {
                    Some((
                        Look::Backend | Look::Host(_) | Look::Session | Look::Virtual | Look::State,
                        _,
                    )) => true,
                    Some((Look::Number, length)) => length > 10 || rest[..length] == *b"0",
                    _ => false,
                }
            };
            memchr::memchr_iter(b' ', whole)
                .find(begins)
                .unwrap_or(whole.len())
        }
        "%t" | "%m" | "%n" | "%s" => scan::look(whole).map_or(space, |(_, length)| length),
        _ => space,
    }
}

fn push_mark(pieces: &mut Vec<Piece>, text: &[u8]) {
    if text.is_empty() {
        return;
    }
    let text = String::from_utf8_lossy(text);
    match pieces.last_mut() {
        Some(Piece::Mark(mark)) => mark.push_str(&text),
        _ => pieces.push(Piece::Mark(text.into_owned())),
    }
}

/// Gives words without a key their meaning, in every way that may be.
fn named(pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
    let is_told = |escape: &str| {
        pieces
            .iter()
            .any(|p| matches!(p, Piece::One(e, _) if e.contains(&escape)))
    };
    let free: Vec<&'static str> = ["%u", "%d", "%a", "%h"]
        .into_iter()
        .filter(|e| !is_told(e))
        .collect();
    let mut ways = vec![(Vec::new(), free)];
    let mut at = 0;
    while at < pieces.len() {
        let Piece::Word(word, constant) = &pieces[at] else {
            ways.iter_mut().for_each(|(way, _)| way.push(pieces[at].clone()));
            at += 1;
            continue;
        };
        let is_at_front = !pieces[..at].iter().any(|p| matches!(p, Piece::One(..)));
        let mut next = Vec::new();
        for (way, free) in &ways {
            let mut options: Vec<&'static str> = free.clone();
            if *constant && is_at_front {
                options.insert(0, "");
            } else if *constant {
                options.push("");
            }
            for escape in options {
                let mut way = way.clone();
                let mut free = free.clone();
                free.retain(|e| *e != escape);
                way.push(Piece::One(vec![escape], word.clone()));
                next.push((way, free));
            }
        }
        next.truncate(MOST);
        // A name of several words is one name, when there is no other meaning left for them.
        if next.is_empty() {
            for (way, _) in &mut ways {
                if let Some(Piece::Mark(mark)) = way.last()
                    && mark.trim().is_empty()
                    && let Some(Piece::One(escapes, _)) = way.len().checked_sub(2).map(|i| &way[i])
                    && matches!(escapes.as_slice(), ["%a" | "%u" | "%d" | "%i"])
                {
                    way.pop();
                }
            }
        } else {
            ways = next;
        }
        at += 1;
    }
    ways.into_iter().map(|(way, _)| way).collect()
}

/// Every choice of escapes, none twice.
fn combined(pieces: &[Piece]) -> Vec<String> {
    let mut texts = vec![String::new()];
    for piece in pieces {
        let (escapes, own) = match piece {
            Piece::Mark(mark) => (vec![""], mark),
            Piece::One(escapes, own) => (escapes.clone(), own),
            Piece::Word(own, _) => (vec![""], own),
        };
        let mut next = Vec::new();
        for text in &texts {
            for escape in &escapes {
                let is_used = |e: &str| text.contains(e);
                let is_time = |e: &str| matches!(e, "%t" | "%m" | "%n");
                let clashes = !escape.is_empty()
                    && (is_used(escape) || is_time(escape) && ["%t", "%m", "%n"].into_iter().any(is_used));
                if !clashes {
                    let added = if escape.is_empty() {
                        own.replace('%', "%%")
                    } else {
                        (*escape).to_owned()
                    };
                    next.push(format!("{text}{added}"));
                }
            }
        }
        next.truncate(MOST);
        texts = next;
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_suggests_its_prefix() {
        for (head, wanted) in [
            (
                "2026-11-26 14:58:50.350 UTC [1034] 4/1 0 ann@school ",
                "%m [%p] %v %x %u@%d ",
            ),
            (
                "2026-11-26 14:58:50.350 UTC [1034] ann@school/psql db.example.org ",
                "%m [%p] %u@%d/%a %h ",
            ),
            (
                "2026-11-26 14:58:50.350 UTC [1] [1034] ann@school ",
                "%m [%l] [%p] %u@%d ",
            ),
        ] {
            let all = prefixes(head.as_bytes(), &|_| false);
            assert!(all.iter().any(|text| text == wanted), "{wanted}: {all:#?}");
        }
    }
}
