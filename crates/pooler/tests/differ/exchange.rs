//! A sequence sent to a server, and everything that came back.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::say::Say;
use crate::support::{Next, Wire, build, database, transcript};

/// How a sequence reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In one write.
    Whole,
    /// In pieces of so many bytes.
    Pieces(usize),
    /// Waiting for the answer after each message that has one.
    Patient,
}

/// How a conversation ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A ROLLBACK and a last query, whose answers show that all is read and how things stand.
    LastQuery,
    /// The same, then so many bytes of a message, then nothing more.
    Truncated(Say, usize),
}

/// What a client says from its login to its end.
#[derive(Clone, Debug)]
pub struct Sequence {
    pub says: Vec<Say>,
    pub delivery: Delivery,
    pub ending: Ending,
}

/// Everything that was received, normalised, and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    pub lines: Vec<String>,
    /// For each message of the sequence, how many messages had been received when the next one was sent.
    counts: Vec<usize>,
}

/// The last query's answer.
const LAST: &str = "SELECT 'the end' AS last";
const LAST_ROW: &str = "DataRow \"the end\"";

/// Longer than any sequence takes; shorter than a test's patience, because a shrunk failure is tried many times.
const LONG: Duration = Duration::from_secs(10);

/// How long a patient client waits for an answer that PostgreSQL need not give, as to a Sync within COPY.
const SHORT: Duration = Duration::from_millis(150);

impl Sequence {
    /// Says it to PostgreSQL itself.
    pub fn direct(&self, address: SocketAddr, database: &str) -> Heard {
        self.exchange(address, database, None)
    }

    /// Says it to a pooler, which has to answer as the other did: a patient client waits for as many messages as
    /// there were from the other.
    pub fn like(&self, other: &Heard, address: SocketAddr, database: &str) -> Heard {
        self.exchange(address, database, Some(&other.counts))
    }

    fn exchange(&self, address: SocketAddr, database: &str, counts: Option<&[usize]>) -> Heard {
        let mut wire = Wire::connect(address);
        let mut heard = Heard::default();
        let login = [("user", database::OWNER), ("database", database)];
        let _ = wire.send(&build::startup(&login));
        if !heard.listen(&mut wire, |lines| {
            lines.last().is_some_and(|line| line.starts_with("Ready"))
        }) {
            return heard;
        }
        heard.lines.clear();
        self.say(&mut wire, &mut heard, counts);
        let last = [build::sync(), build::query("ROLLBACK"), build::query(LAST)].concat();
        let _ = wire.send(&last);
        if !heard.listen(&mut wire, is_last) {
            return heard;
        }
        match &self.ending {
            Ending::LastQuery => {}
            Ending::Truncated(say, length) => {
                let _ = wire.send(&say.bytes()[..*length]);
                wire.finish_sending();
                heard.listen(&mut wire, |_| false);
            }
        }
        heard
    }

    fn say(&self, wire: &mut Wire, heard: &mut Heard, counts: Option<&[usize]>) {
        match self.delivery {
            Delivery::Whole => drop(wire.send(&self.bytes())),
            Delivery::Pieces(size) => drop(wire.send_split(&self.bytes(), size)),
            Delivery::Patient => {
                for (i, say) in self.says.iter().enumerate() {
                    let _ = wire.send(&say.bytes());
                    match counts.and_then(|counts| counts.get(i)) {
                        Some(count) => drop(heard.listen(wire, |lines| lines.len() >= *count)),
                        None if say.is_answered() => heard.listen_shortly(wire),
                        None => {}
                    }
                    heard.counts.push(heard.lines.len());
                }
            }
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.says.iter().flat_map(Say::bytes).collect()
    }

    /// Readable, one message a line.
    pub fn show(&self) -> String {
        let mut lines: Vec<String> = self.says.iter().map(Say::show).collect();
        lines.push(format!("({:?}, delivered {:?})", self.ending, self.delivery));
        lines.join("\n")
    }
}

impl Heard {
    /// Listens until a condition holds (true), or the conversation ends (false).
    fn listen(&mut self, wire: &mut Wire, is_enough: impl Fn(&[String]) -> bool) -> bool {
        let deadline = Instant::now() + LONG;
        while !self.has_ended() && !is_enough(&self.lines) {
            self.take(wire.next_until(deadline));
        }
        !self.has_ended()
    }

    /// Listens until a server waits for its client again, or is silent for a while.
    fn listen_shortly(&mut self, wire: &mut Wire) {
        let from = self.lines.len();
        let deadline = Instant::now() + SHORT;
        let waits = |line: &String| line.starts_with("ReadyForQuery") || line.starts_with("CopyIn");
        while !self.has_ended() && !self.lines[from..].last().is_some_and(waits) {
            match wire.next_until(deadline) {
                Next::Silence => return,
                next => self.take(next),
            }
        }
    }

    fn take(&mut self, next: Next) {
        self.lines.push(match next {
            Next::Message(message) => in_copy(transcript::line(&message)),
            Next::End(rest) if rest.is_empty() => ENDED.into(),
            Next::End(rest) => format!("{ENDED} in a message, after {}", transcript::value(&rest)),
            Next::Silence => SILENT.into(),
        });
    }

    fn has_ended(&self) -> bool {
        let last = self.lines.last();
        last.is_some_and(|line| line.starts_with(ENDED) || line == SILENT)
    }

    /// True when a server left its client without answer and without end: no sequence should make PostgreSQL do that.
    pub fn is_stuck(&self) -> bool {
        self.lines.last().is_some_and(|line| line == SILENT)
    }
}

impl Heard {
    /// Whether two servers said the same.
    ///
    /// Two things count as the same: a fatal error and then the end, where PostgreSQL ends without a word (a pooler may
    /// say why); and what was still to come when the connection was reset.
    pub fn is_same(&self, pooled: &Self) -> bool {
        if self.lines == pooled.lines {
            return true;
        }
        let Some((ended, before)) = self.lines.split_last() else {
            return false;
        };
        // Cut off in a message: it was reset, and bytes that had been sent were lost. The pooler closes in order.
        if ended.starts_with(ENDED) && ended != ENDED {
            return pooled.lines.starts_with(before)
                && pooled.lines.last().is_some_and(|line| line.starts_with(ENDED));
        }
        let explained = match pooled.lines.split_last() {
            Some((last, [rest @ .., why])) if last == ended => rest == before && is_connection_error(why),
            _ => false,
        };
        ended == ENDED && explained && !before.last().is_some_and(|line| is_fatal(line))
    }

    /// Both, side by side, up to a little after the first difference.
    pub fn compare(&self, pooled: &Self) -> String {
        let pairs = self.lines.iter().zip(&pooled.lines);
        let same = pairs.take_while(|(direct, pooled)| direct == pooled).count();
        let from = |lines: &[String]| {
            let lines: Vec<&str> = lines.iter().skip(same).take(6).map(String::as_str).collect();
            lines.join("\n    ")
        };
        format!(
            "both:\n    {}\nthen PostgreSQL:\n    {}\nand the pooler:\n    {}",
            self.lines[..same].join("\n    "),
            from(&self.lines),
            from(&pooled.lines)
        )
    }
}

/// COPY names the type of the message that it refuses. The pooler may have put one of its own before the client's, where
/// that came before anybody could know of the COPY.
fn in_copy(line: String) -> String {
    const REFUSED: &str = "unexpected message type 0x";
    match line.find(REFUSED).map(|at| line.split_at(at + REFUSED.len())) {
        Some((before, after))
            if ["42", "43", "44", "50"]
                .iter()
                .any(|kind| after.starts_with(kind)) =>
        {
            format!("{before}..{}", &after[2..])
        }
        _ => line,
    }
}

fn is_fatal(line: &str) -> bool {
    line.starts_with("ErrorResponse S=FATAL")
}

/// A fatal error of class 08, connection exception.
fn is_connection_error(line: &str) -> bool {
    is_fatal(line) && line.contains("| C=08")
}

/// How the end of a connection is written down.
pub const ENDED: &str = "(the connection ended)";
const SILENT: &str = "(no answer and no end)";

fn is_last(lines: &[String]) -> bool {
    matches!(lines, [.., row, _, ready] if row == LAST_ROW && ready.starts_with("ReadyForQuery"))
}
