//! Commands whose names and words are made up by programs: `SAVEPOINT "s140_x2"`, `CLOSE "<unnamed portal 7>"`,
//! `SET application_name TO worker_12`. Such a name counts as a value, as it does to pg_query; so does whatever a
//! variable is set to, quoted or not. The names of `EXECUTE` and of channels (`LISTEN`, `NOTIFY`) stay.

use super::keywords;
use super::lists::VALUE;

/// Folds the names of one statement, whose normalised bytes are `out[start..]` and whose last token begins at `last`
/// (`name` says whether that is a word or a quoted name).
pub(super) fn fold(out: &mut Vec<u8>, start: usize, last: usize, name: bool) {
    let Some(statement) = out.get(start..) else { return };
    let end = statement
        .iter()
        .position(|&byte| byte == b' ')
        .unwrap_or(statement.len());
    let (word, rest) = statement.split_at(end);
    match word {
        b"set" => {
            if let Some(value) = assigned(rest) {
                out.truncate(start + end + value);
                out.push(VALUE);
            }
        }
        b"savepoint" | b"release" | b"fetch" | b"move" | b"close" | b"deallocate" => {
            fold_last(out, last, name)
        }
        b"rollback" if contains(rest, b" to ") => fold_last(out, last, name && last > start),
        b"declare" | b"prepare" if !rest.starts_with(b" transaction ") => {
            if let Some(length) = name_length(rest) {
                out.splice(start + end + 1..start + end + 1 + length, [VALUE]);
            }
        }
        _ => {}
    }
}

/// The last token becomes a value, if it is a name and not `ALL`.
fn fold_last(out: &mut Vec<u8>, last: usize, name: bool) {
    let reserved = out.get(last..).is_some_and(keywords::is_reserved);
    if name && !reserved {
        out.truncate(last);
        out.push(VALUE);
    }
}

/// Where the value begins in what stands behind `set`: ` x = 1`, ` local x.y to a, b`. None for `DEFAULT`, and for the
/// commands that only begin like it (`SET TIME ZONE …`, `SET ROLE …`).
fn assigned(rest: &[u8]) -> Option<usize> {
    let mut at = 1;
    for word in [b"local ".as_slice(), b"session "] {
        if rest.get(at..)?.starts_with(word) {
            at += word.len();
            break;
        }
    }
    at += name_length(&rest[at - 1..])? + 1;
    let sign = [b"= ".as_slice(), b"to "]
        .into_iter()
        .find(|sign| rest.get(at..).is_some_and(|r| r.starts_with(sign)))?;
    at += sign.len();
    let value = &rest[at..];
    (!value.is_empty() && value != b"default").then_some(at)
}

/// The length of the name (or name with dots) behind a space.
fn name_length(rest: &[u8]) -> Option<usize> {
    let name = rest.strip_prefix(b" ")?;
    let mut quoted = false;
    let length = name
        .iter()
        .position(|&byte| {
            quoted ^= byte == b'"';
            !quoted && matches!(byte, b' ' | b'(')
        })
        .unwrap_or(name.len());
    (length > 0).then_some(length)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}
