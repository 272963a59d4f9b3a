//! Whether what a client receives is an answer to what it asked: message by message, from the first to the last.
//!
//! An answer may be cut short, but only by an error that says so, and only where something had happened that cuts
//! answers short. Everything before the cut must be the asker's own, in its order.

use std::collections::VecDeque;
use std::time::Instant;

use canvass_testkit::PATIENCE;

use crate::ask::{Part, Question};
use crate::support::{Message, Next, Wire, transcript};

/// A client's open questions.
#[derive(Default)]
pub struct Judge {
    open: VecDeque<Open>,
    /// Set while a question of this client is being cancelled.
    may_be_cancelled: bool,
    /// Set when it was.
    pub was_cancelled: bool,
}

struct Open {
    marker: String,
    part: Part,
    at: usize,
    /// The question's last part.
    is_last: bool,
    /// An earlier part of the question, or an earlier message of this one, was cut short.
    cut: bool,
}

/// How a conversation went on.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All that was asked has been answered.
    Answered,
    /// The server ended the conversation and said why (SQLSTATE).
    Ended(String),
}

impl Judge {
    /// Of one question, whose bytes are about to be sent.
    pub fn of(question: &Question) -> Self {
        let mut judge = Self::default();
        judge.asked(question);
        judge
    }

    /// From now on the open questions may be cut short by a cancellation.
    pub fn may_be_cancelled(mut self) -> Self {
        self.may_be_cancelled = true;
        self
    }

    /// A question whose bytes are about to be sent.
    pub fn asked(&mut self, question: &Question) {
        let last = question.parts.len() - 1;
        for (i, part) in question.parts.iter().enumerate() {
            self.open.push_back(Open {
                marker: question.marker.clone(),
                part: part.clone(),
                at: 0,
                is_last: i == last,
                cut: false,
            });
        }
    }

    /// Reads until everything is answered, or the conversation ends.
    ///
    /// # Errors
    /// What was received and should not have been.
    pub fn read(&mut self, wire: &mut Wire) -> Result<Verdict, String> {
        self.read_parts(wire, usize::MAX)
    }

    /// Reads until this many parts are answered, or the conversation ends.
    ///
    /// # Errors
    /// What was received and should not have been.
    pub fn read_parts(&mut self, wire: &mut Wire, parts: usize) -> Result<Verdict, String> {
        let left = self.open.len().saturating_sub(parts);
        while self.open.len() > left {
            match wire.next_until(Instant::now() + PATIENCE) {
                Next::Message(message) if is_fatal(&message) => return self.ending(wire, &message),
                Next::Message(message) => self.take(&message)?,
                next => {
                    let (what, expected) = (self.what(), self.expected());
                    return Err(format!(
                        "{next:?} without a word, in answer to {what}\nexpected {expected}"
                    ));
                }
            }
        }
        Ok(Verdict::Answered)
    }

    /// Takes what an answer begins with; the rest of it may be missing.
    ///
    /// # Errors
    /// What is not the beginning of an answer.
    pub fn take_beginning(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while let Some((message, length)) = Message::first(bytes) {
            bytes = &bytes[length..];
            if is_fatal(&message) {
                return self.check_fatal(&message).map(drop);
            }
            self.take(&message)?;
        }
        self.check_markers(&String::from_utf8_lossy(bytes))
    }

    fn take(&mut self, message: &Message) -> Result<(), String> {
        let line = transcript::line(message);
        self.check_markers(&line)?;
        let Some(open) = self.open.front_mut() else {
            return Err(format!("nothing was asked, received: {line}"));
        };
        if open.cut {
            return self.take_after_cut(message, &line);
        }
        if open.part.expected[open.at] == line {
            open.at += 1;
            if open.at == open.part.expected.len() {
                self.open.pop_front();
            }
            return Ok(());
        }
        if message.kind == b'E' && message.field(b'C') == "57014" && self.may_be_cancelled {
            open.cut = true;
            self.was_cancelled = true;
            return Ok(());
        }
        Err(format!(
            "in answer to {}\nexpected {}\nreceived {line}",
            self.what(),
            self.expected()
        ))
    }

    /// After a cut the rest of a question is answered as a failed transaction is, or as without any transaction.
    fn take_after_cut(&mut self, message: &Message, line: &str) -> Result<(), String> {
        let open = self.open.front_mut().ok_or("nothing is open")?;
        let rest = &open.part.expected[open.at..];
        let is_own = rest.iter().any(|expected| expected == line);
        let is_aftermath = match message.kind {
            b'Z' => true,
            b'E' | b'N' => matches!(message.field(b'C').as_str(), "25P02" | "25P01"),
            b'C' => message.text() == "ROLLBACK",
            _ => false,
        };
        if !is_own && !is_aftermath {
            return Err(format!("after a cancelled statement of {}: {line}", self.what()));
        }
        if message.kind == b'Z' {
            let is_last = open.is_last;
            self.open.pop_front();
            if let Some(next) = self.open.front_mut().filter(|_| !is_last) {
                next.cut = true;
            }
        }
        Ok(())
    }

    /// After a fatal error nothing may come but another one and the end.
    fn ending(&mut self, wire: &mut Wire, first: &Message) -> Result<Verdict, String> {
        let code = self.check_fatal(first)?;
        let rest = wire.until_end();
        for message in &rest.messages {
            if !is_fatal(message) {
                return Err(format!("after a fatal error: {}", rest.show()));
            }
            self.check_fatal(message)?;
        }
        self.open.clear();
        Ok(Verdict::Ended(code))
    }

    /// Connection exceptions, intervention by the operator, and insufficient resources end a conversation.
    fn check_fatal(&self, message: &Message) -> Result<String, String> {
        let line = transcript::line(message);
        self.check_markers(&line)?;
        let code = message.field(b'C');
        match &code[..2] {
            "08" | "57" | "53" => Ok(code),
            _ => Err(format!("in answer to {}: {line}", self.what())),
        }
    }

    /// Whoever's marker is in there, it must be that of the question that is being answered.
    fn check_markers(&self, text: &str) -> Result<(), String> {
        let own = self.open.front().map(|open| open.marker.as_str());
        match markers(text).find(|marker| Some(*marker) != own) {
            Some(stranger) => Err(format!(
                "ANOTHER'S ANSWER: {stranger} was received by whoever asked {}:\n{text}",
                self.what()
            )),
            None => Ok(()),
        }
    }

    fn what(&self) -> String {
        self.open.front().map_or("nothing".into(), |open| {
            format!("{}: {:?}", open.marker, String::from_utf8_lossy(&open.part.bytes))
        })
    }

    fn expected(&self) -> &str {
        let open = self.open.front();
        open.map_or("nothing", |open| open.part.expected[open.at].as_str())
    }
}

fn is_fatal(message: &Message) -> bool {
    message.kind == b'E' && message.field(b'V') != "ERROR" && message.field(b'S') != "ERROR"
}

/// All markers, `c17q93x`, in a text; one that is cut off at the text's end is none.
fn markers(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('c').filter_map(|(start, _)| {
        let rest = &text[start + 1..];
        let (client, rest) = rest.split_once('q')?;
        let (number, _) = rest.split_once('x')?;
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        (digits(client) && digits(number)).then(|| &text[start..start + client.len() + number.len() + 3])
    })
}

/// The marker of a client's question.
pub fn marker(client: usize, question: usize) -> String {
    format!("c{client}q{question}x")
}

#[cfg(test)]
mod tests {
    use super::{marker, markers};

    #[test]
    fn markers_are_found_wherever_they_stand() {
        let text = format!("DataRow \"lost-{}\", cq1x {} c5q", marker(7, 12), marker(0, 3));
        assert_eq!(markers(&text).collect::<Vec<_>>(), ["c7q12x", "c0q3x"]);
    }
}
