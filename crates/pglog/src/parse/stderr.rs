//! `log_destination = stderr`: lines with a prefix; what a message holds beyond its first line follows on lines that begin
//! with a tab, and `DETAIL`, `STATEMENT` and so on have a prefix of their own.

use std::borrow::Cow;
use std::collections::VecDeque;

use memchr::{memchr, memrchr};

use super::{Scribe, without_mark};
use crate::prefix::{Head, Prefix, name};
use crate::record::{Part, Record, is_english, some};
use crate::time::Clock;

/// Without the logging collector, lines of several processes mix: for so many records a `DETAIL` still finds its own.
const OPEN: usize = 16;

/// The line that begins at the front of `bytes`, with its line feed.
fn first_line(bytes: &[u8]) -> &[u8] {
    memchr(b'\n', bytes).map_or(bytes, |end| &bytes[..=end])
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn begins_record(prefix: &Prefix, line: &[u8], clock: &mut Clock) -> bool {
    if line.first() == Some(&b'\t') {
        return false;
    }
    let head = prefix.read(without_end(line), clock);
    head.is_some_and(|head| matches!(head.part, Part::Message(_)))
}

/// Where the last record begins, if not at the front.
pub fn last_border(prefix: &Prefix, bytes: &[u8]) -> Option<usize> {
    let mut clock = Clock::default();
    let mut end = bytes.len();
    while let Some(feed) = memrchr(b'\n', &bytes[..end]) {
        let line = first_line(&bytes[feed + 1..]);
        // A line that is not all there yet may be read otherwise once it is.
        if line.ends_with(b"\n") && begins_record(prefix, line, &mut clock) {
            return Some(feed + 1);
        }
        end = feed;
    }
    None
}

/// Of the last bytes of a log, which end without a line feed: where the record begins that is not all there.
pub fn cut_at(prefix: &Prefix, bytes: &[u8]) -> usize {
    let line = memrchr(b'\n', bytes).map_or(0, |feed| feed + 1);
    if begins_record(prefix, &bytes[line..], &mut Clock::default()) {
        return line;
    }
    // What is cut may be a line of a record that began before.
    last_border(prefix, &bytes[..line]).unwrap_or(0)
}

/// Where the next record begins behind the front.
pub fn next_border(prefix: &Prefix, bytes: &[u8]) -> Option<usize> {
    let mut clock = Clock::default();
    let mut at = 0;
    while let Some(feed) = memchr(b'\n', &bytes[at..]) {
        at += feed + 1;
        let line = first_line(&bytes[at..]);
        if line.ends_with(b"\n") && begins_record(prefix, line, &mut clock) {
            return Some(at);
        }
    }
    None
}

/// A record whose lines are still being read.
struct Open<'b> {
    record: Record<'b>,
    last: Part,
    ambiguous: bool,
    foreign: bool,
}

/// Reads a chunk.
pub fn parse<'b>(prefix: &Prefix, bytes: &'b [u8], scribe: &mut Scribe<'b, '_>) {
    let mut open: VecDeque<Open<'b>> = VecDeque::with_capacity(OPEN + 1);
    // Which of the open ones the last line belongs to.
    let mut current: Option<usize> = None;
    let mut at = bytes.len() - without_mark(bytes).len();
    while at < bytes.len() {
        let whole = first_line(&bytes[at..]);
        let line = without_end(whole);
        at += whole.len();
        let head = match line.first() {
            Some(b'\t') => None,
            _ => prefix.read(line, &mut scribe.memory.clock),
        };
        let Some(head) = head else {
            if line.first() != Some(&b'\t') && prefix.is_of_another(line) {
                scribe.out.counts.unread += 1;
                let place = line.as_ptr() as usize - bytes.as_ptr() as usize;
                scribe.out.counts.first_bad.get_or_insert(place as u64);
                current = None;
                continue;
            }
            match current {
                Some(index) => extend(&mut open[index], bytes, line),
                None if line.is_empty() => {}
                None => scribe.out.counts.orphans += 1,
            }
            continue;
        };
        let text = &line[head.text_at..];
        match head.part {
            Part::Message(severity) => {
                if open.len() == OPEN
                    && let Some(oldest) = open.pop_front()
                {
                    finish(&oldest, scribe);
                }
                let mut record = begun(&head);
                record.severity = severity;
                record.message = Cow::Borrowed(text);
                let foreign = !is_english(head.word);
                open.push_back(Open {
                    record,
                    last: head.part,
                    ambiguous: head.ambiguous,
                    foreign,
                });
                current = Some(open.len() - 1);
            }
            part => {
                current = open.iter().rposition(|o| o.record.pid == head.pid);
                match current {
                    Some(index) => add(&mut open[index], part, text),
                    None => scribe.out.counts.orphans += 1,
                }
            }
        }
    }
    for record in &open {
        finish(record, scribe);
    }
}

fn finish(open: &Open<'_>, scribe: &mut Scribe<'_, '_>) {
    scribe.out.counts.foreign += u64::from(open.foreign);
    if open.ambiguous {
        scribe.out.counts.ambiguous += 1;
        scribe.out.counts.records += 1;
    } else {
        scribe.record(&open.record);
    }
}

fn begun<'b>(head: &Head<'b>) -> Record<'b> {
    Record {
        at: head.at,
        pid: head.pid,
        session: head.session.map(Cow::Borrowed),
        line: head.line,
        user: name(head.user),
        database: name(head.database),
        application: name(head.application),
        host: name(head.host),
        backend: some(head.backend),
        sqlstate: head.sqlstate,
        query_id: head.query_id,
        ..Record::default()
    }
}

fn slot<'r, 'b>(record: &'r mut Record<'b>, part: Part) -> Option<&'r mut Option<Cow<'b, [u8]>>> {
    Some(match part {
        Part::Detail => &mut record.detail,
        Part::Hint => &mut record.hint,
        Part::Context => &mut record.context,
        Part::Statement => &mut record.statement,
        Part::Query => &mut record.internal_query,
        Part::Message(_) | Part::Location => return None,
    })
}

fn add<'b>(open: &mut Open<'b>, part: Part, text: &'b [u8]) {
    open.last = part;
    if let Some(slot) = slot(&mut open.record, part) {
        *slot = some(text);
    }
}

/// The part that was read last goes on with `line`.
fn extend<'b>(open: &mut Open<'b>, bytes: &'b [u8], line: &'b [u8]) {
    let base = bytes.as_ptr() as usize;
    let end = line.as_ptr() as usize + line.len() - base;
    let longer = |text: &Cow<'b, [u8]>| match text {
        // It stands in one piece with the line.
        Cow::Borrowed(text) => Cow::Borrowed(&bytes[text.as_ptr() as usize - base..end]),
        Cow::Owned(text) => Cow::Owned([text, &b"\n"[..], line].concat()),
    };
    match open.last {
        Part::Message(_) => open.record.message = longer(&open.record.message),
        part => {
            if let Some(slot) = slot(&mut open.record, part)
                && let Some(text) = slot
            {
                *slot = Some(longer(text));
            }
        }
    }
}
