//! Puts together what was split into several messages, for several processes at once.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::Message;
use crate::prefix::Prefix;
use crate::record::Part;
use crate::time::{Clock, written};

/// For so many further messages a record waits for parts of its own.
const WAIT: u64 = 200;
/// Most bytes that wait.
const MOST: usize = 4 << 20;

/// Records that are being put together, in the order in which they began.
pub(super) struct Joiner {
    inner: Prefix,
    clock: Clock,
    open: VecDeque<Open>,
    held: usize,
    number: u64,
}

struct Open {
    pid: u32,
    text: Vec<u8>,
    begun: u64,
    is_whole: bool,
}

impl Joiner {
    pub(super) fn new(inner: Prefix) -> Self {
        Self {
            inner,
            clock: Clock::default(),
            open: VecDeque::new(),
            held: 0,
            number: 0,
        }
    }

    /// Adds a message; records that are whole are written to `out`. `false`: it is a part of a record that is not there.
    pub(super) fn add(&mut self, message: &Message<'_>, out: &mut Vec<u8>) -> bool {
        self.number += 1;
        let text = plain(&message.text);
        let mut is_known = true;
        for (index, line) in text.split(|b| *b == b'\n').enumerate() {
            is_known &= self.line(message, line, index > 0);
        }
        self.write(out, false);
        is_known
    }

    /// A line: the beginning of a record, a part of one, more of a message's text, or the rest of a line that was split.
    fn line(&mut self, message: &Message<'_>, line: &[u8], is_next: bool) -> bool {
        let of_it = |open: &&mut Open| open.pid == message.pid && !open.is_whole;
        let head = match line.first() {
            Some(b'\t') => None,
            _ => self.inner.read(line, &mut self.clock),
        };
        let Some(head) = head else {
            let Some(open) = self.open.iter_mut().rfind(of_it) else {
                return false;
            };
            let before = open.text.len();
            // Continued lines begin with a tab; a line that was too long for one message goes on as it is.
            if line.first() == Some(&b'\t') || is_next {
                open.text.extend_from_slice(if line.first() == Some(&b'\t') {
                    b"\n"
                } else {
                    b"\n\t"
                });
            }
            open.text.extend_from_slice(line);
            self.held += open.text.len() - before;
            return true;
        };
        let mut text = written(message.at, message.has_zone).into_bytes();
        text.extend_from_slice(format!(" [{}] ", message.pid).as_bytes());
        text.extend_from_slice(line);
        self.held += text.len() + 1;
        if let Part::Message(_) = head.part {
            if let Some(open) = self.open.iter_mut().rfind(of_it) {
                open.is_whole = true;
            }
        } else if let Some(open) = self.open.iter_mut().rfind(of_it) {
            open.text.push(b'\n');
            open.text.extend_from_slice(&text);
            return true;
        } else {
            return false;
        }
        self.open.push_back(Open {
            pid: message.pid,
            text,
            begun: self.number,
            is_whole: false,
        });
        true
    }

    /// Writes what need not wait, in the order in which it began.
    fn write(&mut self, out: &mut Vec<u8>, at_end: bool) {
        while let Some(first) = self.open.front() {
            let waits = !first.is_whole && first.begun + WAIT > self.number && self.held < MOST;
            if waits && !at_end {
                break;
            }
            out.extend_from_slice(&first.text);
            out.push(b'\n');
            self.held = self.held.saturating_sub(first.text.len());
            self.open.pop_front();
        }
    }

    /// Nothing follows.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        self.write(out, true);
    }
}

/// Without the numbers by which syslog daemons write control characters: `#011` for a tab at the front, `#012` for a line's end
/// when a tab follows.
fn plain(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memmem::find(text, b"#01").is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    if let Some(behind) = rest.strip_prefix(b"#011") {
        out.push(b'\t');
        rest = behind;
    }
    while let Some(at) = memchr::memmem::find(rest, b"#012") {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 4..];
        out.push(b'\n');
        if let Some(behind) = rest.strip_prefix(b"#011") {
            out.push(b'\t');
            rest = behind;
        }
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}
