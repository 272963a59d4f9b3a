//! Finds the `log_line_prefix` of a log from its first lines: those in use, and those that some of the lines suggest, are tried on
//! many lines, and the one that explains them best is taken.

mod evidence;
mod guess;
mod keys;
mod scan;

use std::cmp::Reverse;

use evidence::Evidence;

pub(super) use scan::host;

use super::Prefix;
use crate::record::Part;
use crate::time::Clock;

/// Prefixes in use: PostgreSQL's own, distributions', hosts' and reports' recommendations.
const KNOWN: [&str; 24] = [
    "%m [%p] ",
    "%m [%p] %q%u@%d ",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] ",
    "%t [%p]: ",
    "%t [%p] ",
    "%t:%r:%u@%d:[%p]:",
    "%t:%h:%u@%d:[%p]:",
    "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:",
    "%t [%p-%l] %q%u@%d ",
    "%m [%p] %q[user=%u,db=%d,app=%a] ",
    "%m [%p] user=%u,db=%d,app=%a,client=%h ",
    "%m [%p] %u@%d ",
    "%m [%p] %u@%d %a ",
    "%m [%p] %c %l %e %u@%d %a %h %b %Q ",
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%m [%p]: [%l-1] db=%d,user=%u,app=%a,client=%h ",
    "%t [%p]: [%l-1] db=%d,user=%u,app=%a,client=%h ",
    "%m %p %u@%d %h %a ",
    "%t ",
    "%m ",
    "",
];

/// Lines on which prefixes are tried.
const TRIED: usize = 96;
/// Lines that suggest prefixes, of different shapes.
const SHAPES: usize = 6;
/// Lines on which one that is hopeless is seen to be so.
const FEW: usize = 12;

/// Bytes of a line that are looked at.
const ENOUGH: usize = 600;

/// The prefix that reads most of these lines with least that speaks against it; of those the one that reads most fields, of those the
/// simplest.
pub fn find(lines: &[&[u8]]) -> Option<Prefix> {
    // Prefixes stand at the front.
    let lines: Vec<&[u8]> = lines.iter().map(|line| &line[..line.len().min(ENOUGH)]).collect();
    let heads: Vec<(&[u8], &[u8])> = lines.iter().filter_map(|line| split(line)).collect();
    if heads.is_empty() {
        return None;
    }
    // Some from all over, in order.
    let step = heads.len().div_ceil(TRIED);
    let whole: Vec<&[u8]> = lines
        .iter()
        .copied()
        .filter(|line| split(line).is_some())
        .collect();
    let tried: Vec<&[u8]> = whole.iter().copied().step_by(step).collect();
    // Lines that follow each other say how line numbers grow.
    let run = &whole[..whole.len().min(TRIED / 2)];
    let mut best = Best {
        tried: &tried,
        run,
        few_fields: 0,
        found: None,
    };
    for text in KNOWN {
        best.offer(text, 0);
    }
    let constant = |word: &[u8]| {
        heads
            .iter()
            .all(|(head, _)| memchr::memmem::find(head, word).is_some())
    };
    let mut seen: Vec<String> = KNOWN.iter().map(|&text| text.to_owned()).collect();
    for head in samples(&heads) {
        for (rank, text) in guess::prefixes(head, &constant).into_iter().enumerate() {
            if !seen.contains(&text) {
                best.offer(&text, rank + 1);
                seen.push(text);
            }
        }
    }
    let found = best.found?.1;
    // What is rare was not among the lines tried.
    let mut clock = Clock::default();
    let mut count = |prefix: &Prefix| {
        whole
            .iter()
            .filter(|line| prefix.read(line, &mut clock).is_some())
            .count()
    };
    let read = count(&found);
    let unread = whole
        .iter()
        .find(|line| found.read(line, &mut Clock::default()).is_none());
    let better = unread.and_then(|line| with_quit(found.text(), line));
    Some(better.filter(|prefix| count(prefix) > read).unwrap_or(found))
}

/// What stands before the first severity's word, and what follows its colon.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if line.first() == Some(&b'\t') {
        return None;
    }
    let mut from = 0;
    loop {
        let colon = from + memchr::memmem::find(&line[from..], b":  ")?;
        let word = super::word_before(&line[..colon]);
        if Part::of(word).is_some() {
            return Some((&line[..colon - word.len()], &line[colon + 3..]));
        }
        from = colon + 1;
    }
}

/// Whether a line may be the first of a record.
pub(crate) fn is_record(line: &[u8]) -> bool {
    split(line).is_some_and(|(head, _)| head.len() < 512)
}

/// Beginnings of lines of different shapes, the longest first: they hold most fields.
fn samples<'a>(heads: &[(&'a [u8], &'a [u8])]) -> Vec<&'a [u8]> {
    let mut shapes: Vec<(Vec<u8>, &[u8])> = Vec::new();
    for (head, _) in heads {
        let shape = shape(head);
        if shapes.len() < 200 && !shapes.iter().any(|(s, _)| *s == shape) {
            shapes.push((shape, head));
        }
    }
    shapes.sort_by_key(|(shape, _)| Reverse(shape.len()));
    // The longest may be odd: application names of several words. Some of all lengths.
    let step = shapes.len().div_ceil(SHAPES);
    shapes.into_iter().step_by(step).map(|(_, head)| head).collect()
}

/// Runs of letters and figures as one letter each.
fn shape(head: &[u8]) -> Vec<u8> {
    let mut shape: Vec<u8> = Vec::new();
    for byte in head {
        let letter = if byte.is_ascii_alphanumeric() || *byte >= 0x80 {
            b'a'
        } else {
            *byte
        };
        if letter != b'a' || shape.last() != Some(&b'a') {
            shape.push(letter);
        }
    }
    shape
}

/// How well a prefix explains lines; more is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    read: usize,
    against: Reverse<usize>,
    fields: usize,
    simple: Reverse<usize>,
    rank: Reverse<usize>,
}

impl Score {
    fn of(prefix: &Prefix, rank: usize, tried: &[&[u8]], run: &[&[u8]]) -> Self {
        let spread = Evidence::of(prefix, tried, false);
        let close = Evidence::of(prefix, run, true);
        Self {
            read: spread.read,
            against: Reverse(spread.against + close.against),
            fields: spread.fields,
            simple: Reverse(prefix.steps.len()),
            rank: Reverse(guess::unlikely(prefix.text()) * 1000 + rank),
        }
    }
}

struct Best<'l> {
    /// Lines from all over.
    tried: &'l [&'l [u8]],
    /// Lines that follow each other.
    run: &'l [&'l [u8]],
    /// Fields that the best one reads of few lines.
    few_fields: usize,
    found: Option<(Score, Prefix)>,
}

impl Best<'_> {
    fn offer(&mut self, text: &str, rank: usize) {
        let Ok(prefix) = Prefix::parse(text) else { return };
        let step = self.tried.len().div_ceil(FEW);
        let few: Vec<&[u8]> = self.tried.iter().copied().step_by(step).collect();
        let first = Evidence::of(&prefix, &few, false);
        let is_poorer = first.read == few.len() && first.fields < self.few_fields;
        if first.read == 0 || self.is_perfect() && (first.against > 0 || is_poorer) {
            return;
        }
        // Processes without a session write less.
        let mut clock = Clock::default();
        let mut unread = self
            .tried
            .iter()
            .filter(|line| prefix.read(line, &mut clock).is_none());
        if first.read < few.len()
            && let Some(line) = unread.next()
            && let Some(with_quit) = with_quit(text, line)
        {
            self.weigh(with_quit, rank, &few);
        }
        self.weigh(prefix, rank, &few);
    }

    /// Nothing is unread by the best one, and nothing speaks against it.
    fn is_perfect(&self) -> bool {
        let all = self.tried.len();
        self.found
            .as_ref()
            .is_some_and(|(best, _)| best.read == all && best.against == Reverse(0))
    }

    fn weigh(&mut self, prefix: Prefix, rank: usize, few: &[&[u8]]) {
        let score = Score::of(&prefix, rank, self.tried, self.run);
        if score.read > 0 && self.found.as_ref().is_none_or(|(best, _)| score > *best) {
            self.few_fields = Evidence::of(&prefix, few, false).fields;
            self.found = Some((score, prefix));
        }
    }
}

/// With `%q` at the place from where on `line` lacks it all.
fn with_quit(text: &str, line: &[u8]) -> Option<Prefix> {
    if text.contains("%q") {
        return None;
    }
    let places = text.char_indices().map(|(at, _)| at).skip(1);
    places
        .filter(|at| !is_within_escape(&text[..*at]))
        .filter_map(|at| Prefix::parse(&format!("{}%q{}", &text[..at], &text[at..])).ok())
        .find(|prefix| prefix.read(line, &mut Clock::default()).is_some())
}

/// `%-10` of `%-10u`.
fn is_within_escape(before: &str) -> bool {
    before
        .trim_end_matches(|c: char| c.is_ascii_digit() || c == '-')
        .ends_with('%')
}
