//! Finds the `log_line_prefix` of a log from its first lines.

use std::cmp::Reverse;

use super::{Head, Prefix};
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

/// The prefix that reads most of these lines, of those the one that reads most fields, of those the simplest.
pub fn find(lines: &[&[u8]]) -> Option<Prefix> {
    let mut best: Option<((usize, usize, Reverse<usize>), Prefix)> = None;
    for text in KNOWN {
        let Ok(prefix) = Prefix::parse(text) else { continue };
        let mut clock = Clock::default();
        let (mut read, mut fields) = (0, 0);
        for head in lines.iter().filter_map(|line| prefix.read(line, &mut clock)) {
            read += 1;
            fields += filled(&head);
        }
        let score = (read, fields, Reverse(prefix.steps.len()));
        if read > 0 && best.as_ref().is_none_or(|(most, _)| score > *most) {
            best = Some((score, prefix));
        }
    }
    best.map(|(_, prefix)| prefix)
}

fn filled(head: &Head<'_>) -> usize {
    let names = [
        head.user,
        head.database,
        head.application,
        head.host,
        head.backend,
    ];
    let others = [
        head.at.is_some(),
        head.pid.is_some(),
        head.session.is_some(),
        head.line.is_some(),
        head.sqlstate.is_some(),
        head.query_id.is_some(),
    ];
    names.iter().filter(|n| !n.is_empty()).count() + others.iter().filter(|o| **o).count()
}
