//! A client chooses its application name, and may choose one that looks like the end of a prefix and the start of a message:
//! `x LOG:  duration: 1.000 ms  statement: …`. A line that can be read in two ways is told, and not believed.

use memchr::memmem;

use super::{Head, NAME, Prefix, Step, Walk};
use crate::time::Clock;

/// Whether the line could also be read with a longer application name than the one that was found: `application_at` is where
/// that begins.
pub(super) fn is_ambiguous(
    prefix: &Prefix,
    line: &[u8],
    application_at: usize,
    head: &Head<'_>,
    clock: &mut Clock,
) -> bool {
    let Some(step) = prefix.application else {
        return false;
    };
    // The longest name there can be, and what may stand between it and the severity's colon.
    let found_end = application_at + head.application.len();
    let between = head.text_at - found_end.min(head.text_at);
    let limit = line.len().min(application_at + NAME + between + 32);
    if head.text_at >= limit || memmem::find(&line[head.text_at..limit], b":  ").is_none() {
        return false;
    }
    let rest = &prefix.steps[step + 1..];
    let mut at = found_end + 1;
    while at <= line.len().min(application_at + NAME) {
        let mut walk = Walk::new(line, clock, true);
        let here = match rest.iter().find(|s| **s != Step::Quit) {
            Some(Step::Literal(literal)) => memmem::find(&line[at..], literal).map(|offset| at + offset),
            _ => walk.next_severity(at),
        };
        let Some(here) = here.filter(|here| *here <= application_at + NAME) else {
            return false;
        };
        if walk.steps(rest, here) && walk.head.text_at > head.text_at {
            return true;
        }
        at = here + 1;
    }
    false
}
