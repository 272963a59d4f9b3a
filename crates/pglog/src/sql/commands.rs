//! Short commands whose names and words are made up by programs: `SAVEPOINT "s140_x2"`, `CLOSE "<unnamed portal 7>"`,
//! `SET application_name TO worker_12`. Such a name counts as a value, as it does to pg_query; so does whatever a
//! variable is set to, quoted or not. The names of `EXECUTE` and of channels (`LISTEN`, `NOTIFY`) stay.
//!
//! Of the ways to write one command one is taken: `BEGIN` for `BEGIN WORK`, `COMMIT` for `END`, `SET x = …` for
//! `SET SESSION x TO …`.

use std::ops::Range;

use super::keywords;
use super::lists::VALUE;

/// Folds one statement, whose normalised bytes are `out[start..]` and whose last token begins at `last` (`name` says
/// whether that is a word or a quoted name).
pub(super) fn fold(out: &mut Vec<u8>, start: usize, last: usize, name: bool) {
    let Some(statement) = out.get(start..) else { return };
    let end = statement
        .iter()
        .position(|&byte| byte == b' ')
        .unwrap_or(statement.len());
    let (word, rest) = statement.split_at(end);
    let name = name && last > start;
    match word {
        b"set" => fold_set(out, start + end),
        b"savepoint" | b"fetch" | b"move" | b"close" => fold_last(out, last, name),
        b"release" => {
            fold_last(out, last, name);
            insert(out, start + end, b" savepoint");
        }
        b"deallocate" => {
            fold_last(out, last, name);
            remove(out, start + end, b" prepare");
        }
        b"declare" => fold_first(out, start + end),
        b"prepare" if !rest.starts_with(b" transaction ") => fold_first(out, start + end),
        b"begin" | b"commit" => remove_noise(out, start + end),
        b"end" => {
            remove_noise(out, start + end);
            replace(out, start..start + end, b"commit");
        }
        b"rollback" | b"abort" => {
            let to = memchr::memmem::find(rest, b" to ");
            if let Some(to) = to {
                fold_last(out, last, name);
                insert(out, start + end + to + 3, b" savepoint");
            }
            remove_noise(out, start + end);
            replace(out, start..start + end, b"rollback");
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

/// The name behind the command becomes a value.
fn fold_first(out: &mut Vec<u8>, command: usize) {
    if let Some(length) = name_length(&out[command..]) {
        replace(out, command + 1..command + 1 + length, &[VALUE]);
    }
}

/// `set x = 1`, `set local x.y to a, b`: but `DEFAULT` stays, and so do the commands that only begin like it
/// (`SET TIME ZONE …`, `SET ROLE …`).
fn fold_set(out: &mut Vec<u8>, command: usize) {
    let rest = &out[command..];
    let scope = [b" local".as_slice(), b" session"]
        .into_iter()
        .find(|word| rest.starts_with(word));
    let scope = scope.map_or(0, <[u8]>::len);
    let Some(length) = name_length(&rest[scope..]) else {
        return;
    };
    let sign = scope + 1 + length;
    let value = match &rest[sign..] {
        [b' ', b'=', b' ', ..] => sign + 3,
        [b' ', b't', b'o', b' ', ..] => sign + 4,
        _ => return,
    };
    if &rest[value..] != b"default" && value < rest.len() {
        out.truncate(command + value);
        out.push(VALUE);
    }
    replace(out, command + sign..command + value, b" = ");
    remove(out, command, b" session");
}

/// `WORK` and `TRANSACTION` behind `BEGIN`, `COMMIT`, `ROLLBACK` mean nothing.
fn remove_noise(out: &mut Vec<u8>, at: usize) {
    remove(out, at, b" work");
    remove(out, at, b" transaction");
}

/// Takes a word out that stands at `at`, with the space before it.
fn remove(out: &mut Vec<u8>, at: usize, word: &[u8]) {
    let Some(behind) = out[at..].strip_prefix(word) else {
        return;
    };
    if matches!(behind.first(), None | Some(b' ')) {
        replace(out, at..at + word.len(), b"");
    }
}

/// Puts a word in at `at`, with a space before it, if it is not there already.
fn insert(out: &mut Vec<u8>, at: usize, word: &[u8]) {
    if out.get(at..).is_some_and(|rest| !rest.starts_with(word)) {
        replace(out, at..at, word);
    }
}

fn replace(out: &mut Vec<u8>, range: Range<usize>, by: &[u8]) {
    out.splice(range, by.iter().copied());
}

/// The length of the name (or name with dots) behind a space.
fn name_length(rest: &[u8]) -> Option<usize> {
    let name = rest.strip_prefix(b" ")?;
    let mut quoted = false;
    let end = name.iter().position(|&byte| {
        quoted ^= byte == b'"';
        !quoted && matches!(byte, b' ' | b'(')
    });
    let length = end.unwrap_or(name.len());
    (length > 0).then_some(length)
}
