//! What a server's messages mean for its client, and for what the server owes.

use std::sync::Arc;

use super::Ended;
use super::exchange::Exchange;
use super::splice::Splice;
use crate::config::PoolMode;
use crate::refusal::Refusal;
use crate::server::{Met, Owed, Prepared, ReadyFor};
use crate::session::{OURS, Statement, Statements};
use crate::wire::command_tag::{self, Trace};
use crate::wire::error::{self, ServerError};
use crate::wire::ready::Transaction;
use crate::wire::target::Target;
use crate::wire::{self, HEADER, parameter_status};

/// Bytes of an error that are read before it is passed on: its code and message stand at the front.
const ENOUGH_OF_ERROR: usize = 8 * 1024;

/// Names of statements that are remembered after their Parse failed.
const MAX_FORGOTTEN: usize = 16;

/// ParseComplete.
const PARSE_COMPLETE: [u8; 5] = [b'1', 0, 0, 0, 4];
/// CloseComplete.
const CLOSE_COMPLETE: [u8; 5] = [b'3', 0, 0, 0, 4];

impl Exchange<'_> {
    /// Reads messages off the front of `input`; how many bytes are done with. The rest must come again, with more behind
    /// it.
    pub(super) fn replies(&mut self, input: &[u8], splice: &mut Splice<'_>) -> Result<usize, Ended> {
        let mut at = 0;
        // Where the reply to the present request begins, as far as it is still here.
        let mut reply = None;
        loop {
            let passed = self.server.body.min(input.len() - at);
            at += passed;
            self.server.body -= passed;
            if at == input.len() {
                return Ok(at);
            }
            let began = *reply.get_or_insert_with(|| splice.mark(at));
            let head = match wire::head(&input[at..]) {
                Ok(Some(head)) => head,
                Ok(None) => return Ok(at),
                Err(_) => {
                    self.server.doubt = Some("a message of impossible length");
                    return Err(Ended::Server(Refusal::SERVER_CONNECTION_CRASHED));
                }
            };
            if head.total > self.terms.max_packet {
                return Err(Ended::Server(Refusal::PACKET_TOO_LARGE));
            }
            let rest = &input[at..];
            let needed = match head.kind {
                b'Z' | b'C' | b'S' | b'1' | b'3' => head.total,
                b'E' => head.total.min(ENOUGH_OF_ERROR),
                _ => HEADER,
            };
            if rest.len() < needed {
                return Ok(at);
            }
            let message = &rest[..head.total.min(rest.len())];
            let heard = match head.kind {
                b'Z' => self.ready(message, at, splice)?,
                b'S' => self.setting(message),
                b'E' => self.error(message, head.total, at, splice),
                // They come at any time, and are the client's.
                b'N' | b'A' => true,
                kind => self.reply(kind, message, at, splice),
            };
            let end = at + message.len();
            if matches!(self.verdict, Some(Ended::Client(_))) {
                // The client hears that it must go, and not that what it must not do was done.
                splice.leave_out_since(&began, end);
                return Ok(end);
            }
            if !heard {
                splice.leave_out(at, end);
            }
            if head.kind == b'Z' {
                reply = None;
            }
            at = end;
            self.server.body = head.total - message.len();
            if matches!(self.verdict, Some(Ended::Server(_))) {
                return Ok(at);
            }
        }
    }

    /// A reply to something that was asked; false when the client must not hear it.
    fn reply(&mut self, kind: u8, message: &[u8], at: usize, splice: &mut Splice<'_>) -> bool {
        self.put_local(at, splice);
        if kind == b'C' {
            self.note_trace(command_tag::trace(message));
        }
        match self.server.replies.meet(kind) {
            Met::Renamed(prepared) => {
                self.name_was_free(*prepared);
                true
            }
            Met::Client => {
                self.again.client_heard();
                true
            }
            Met::Ours => false,
            Met::Unexpected => {
                self.doubt("a reply that was not owed");
                self.verdict.is_none()
            }
        }
    }

    /// The server has said what nobody can have asked for: it is closed at once, and nothing more is heard from it. Where its
    /// client broke the protocol before, PostgreSQL ends the session by itself, and says why.
    fn doubt(&mut self, why: &'static str) {
        if self.server.doubt.is_none() && !self.broken_off {
            self.verdict = Some(Ended::Server(if self.farewell {
                Refusal::silent("server conn crashed?")
            } else {
                Refusal::SERVER_CONNECTION_CRASHED
            }));
        }
        self.server.doubt.get_or_insert(why);
    }

    /// What we answer in the server's place, now that it is its turn.
    fn put_local(&mut self, at: usize, splice: &mut Splice<'_>) {
        while let Some(owed) = self.server.replies.local() {
            self.again.client_heard();
            splice.insert(at, |out| out.extend_from_slice(local_reply(&owed)));
        }
    }

    /// The same when nothing is to come from the server before.
    pub(super) fn answer_locally(&mut self, cx: &mut std::task::Context<'_>) -> Result<(), Ended> {
        let mut answer = Vec::new();
        while let Some(owed) = self.server.replies.local() {
            answer.extend_from_slice(local_reply(&owed));
        }
        if answer.is_empty() && self.client.outbox.is_empty() {
            return Ok(());
        }
        self.counted.sent += answer.len() as u64;
        let client = &mut *self.client;
        let sent = client.outbox.send(cx, &mut client.stream, &answer);
        sent.map_err(|_| Ended::Client(Refusal::silent("client unexpected eof")))
    }

    fn note_trace(&mut self, trace: Trace) {
        match trace {
            Trace::Nothing => {}
            Trace::Setting if self.harmless > 0 => self.harmless -= 1,
            Trace::Setting => self.settings += 1,
            Trace::Session => self.mark_dirty(),
            Trace::StatementsGone | Trace::AllGone => {
                self.client.statements.forget_all();
                self.server.prepared.forget_all();
                self.server.unnamed = None;
                self.client
                    .info
                    .prepared
                    .store(0, std::sync::atomic::Ordering::Relaxed);
                if trace == Trace::AllGone {
                    self.server.dirty = false;
                    if let Some(welcome) = &*self.client.pool.welcome.load() {
                        self.server.values.forget_unreported(&welcome.values);
                    }
                }
            }
        }
    }

    /// A name that seemed to be taken was free by the time the server came to it, as the first to take it had failed.
    /// Our name now stands for something else on this server, which nobody else must meet.
    fn name_was_free(&mut self, prepared: Prepared) {
        self.server.retire = true;
        if let (Some(name), Some(statement)) = (prepared.client_name, prepared.instead) {
            self.client.statements.forget(&name);
            self.client.statements.put_back(name, statement);
        }
    }

    fn mark_dirty(&mut self) {
        use crate::config::SessionState;
        if self.terms.mode != PoolMode::Session && self.terms.session_state != SessionState::Pgbouncer {
            self.server.dirty = true;
        }
    }

    /// A setting has a new value, for the server and for its client.
    fn setting(&mut self, message: &[u8]) -> bool {
        let hub = self.client.hub.clone();
        self.server.note_setting(message, &hub.tracked);
        let Some((name, _)) = parameter_status::read(message) else {
            return true;
        };
        if let Some(place) = hub.tracked.place(name) {
            self.settings = self.settings.saturating_sub(1);
            let value = self.server.values.get(place).cloned();
            self.client.note_value(place, value);
        } else {
            self.note_untracked(name, message);
        }
        true
    }

    /// A setting that does not follow its client is no longer what it was at the server's login, or is again: the role, the
    /// session's user, whether transactions are read-only.
    fn note_untracked(&mut self, name: &[u8], message: &[u8]) {
        let welcome = self.client.pool.welcome.load();
        let is_usual = welcome
            .as_deref()
            .is_none_or(|welcome| memchr::memmem::find(&welcome.messages, message).is_some());
        self.strange.retain(|known| **known != *name);
        // Nobody sets it: the server has become a primary, or a standby.
        if !is_usual && name != b"in_hot_standby" {
            self.strange.push(name.into());
        }
    }

    /// A request is over. False when the client must not hear of it, as it is sent again.
    fn ready(&mut self, message: &[u8], at: usize, splice: &mut Splice<'_>) -> Result<bool, Ended> {
        self.put_local(at, splice);
        let Some(transaction) = Transaction::read(message) else {
            self.doubt("a ReadyForQuery that is none");
            return Ok(self.verdict.is_none());
        };
        let Some(whom_for) = self.server.replies.ready() else {
            self.doubt("a ReadyForQuery that was not owed");
            return Ok(self.verdict.is_none());
        };
        self.server.transaction = transaction;
        if whom_for == ReadyFor::Us {
            self.note_ready();
            return Ok(false);
        }
        if self.again.request_failed() {
            return Ok(false);
        }
        self.again.request_is_over();
        if self.server.replies.is_empty() {
            self.harmless = 0;
        }
        let is_strange = !self.strange.is_empty();
        if transaction == Transaction::Idle && (std::mem::take(&mut self.settings) > 0 || is_strange) {
            self.mark_dirty();
        }
        self.note_ready();
        if self.terms.mode == PoolMode::Statement && transaction != Transaction::Idle {
            self.server.doubt = Some("a transaction block in statement mode");
            self.verdict = Some(Ended::Client(Refusal::TRANSACTION_IN_STATEMENT_MODE));
        }
        Ok(true)
    }

    /// A request has failed, or the session ends; false when the client does not hear of it.
    fn error(&mut self, message: &[u8], total: usize, at: usize, splice: &mut Splice<'_>) -> bool {
        self.put_local(at, splice);
        let Ok(failed) = self.server.replies.fail() else {
            // Said without being asked: the server ends the session.
            self.farewell = true;
            if message.len() == total {
                self.doubt("an error that no request caused");
            } else {
                self.server.doubt = Some("an error that no request caused");
            }
            return true;
        };
        self.farewell |= is_fatal(message);
        if self.server.replies.lost_count() {
            self.server.doubt = Some("a COPY failed that may have swallowed a Sync");
        }
        let whole = message.len() == total;
        if whole && self.may_send_again(message) {
            self.undo(failed);
            self.again.wait_for_ready();
            return false;
        }
        self.again.client_heard();
        // A statement that was to be closed behind the failed request has its name again after the undoing, one that was to
        // be prepared has it before.
        let before = self.renamed(message);
        self.forgotten.truncate(MAX_FORGOTTEN);
        self.undo(failed);
        if let Some((ours, theirs)) = self.renamed(message).or(before).filter(|_| whole) {
            splice.replace(at, at + total, |out| {
                error::put_with_name(message, &ours, &theirs, out);
            });
        }
        true
    }

    /// The name of ours that an error speaks of, and what the client calls the statement.
    fn renamed(&self, message: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let at = memchr::memmem::find(message, OURS)?;
        let digits = message[at + OURS.len()..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let ours = &message[at..at + OURS.len() + digits];
        let gone = || {
            let mut forgotten = self.forgotten.iter().rev();
            forgotten
                .find(|(statement, _)| &*statement.name == ours)
                .map(|(_, name)| &**name)
        };
        let theirs = self.client.statements.name_of(ours).or_else(gone)?;
        Some((ours.to_vec(), theirs.to_vec()))
    }

    /// Takes back what was noted for replies that will not come.
    fn undo(&mut self, failed: Vec<Owed>) {
        let statements = &mut self.client.statements;
        for owed in failed.into_iter().rev() {
            match owed {
                Owed::Parse(None) => {
                    statements.forget_unnamed();
                    self.server.unnamed = None;
                }
                Owed::Parse(Some(prepared)) => {
                    match &prepared.statement {
                        // It has the name already: that is why it failed.
                        Some(_) if prepared.instead.is_some() => continue,
                        Some(statement) => self.server.prepared.forget(statement),
                        None if prepared.client_name.is_none() => self.server.unnamed = None,
                        // A statement under its client's own name.
                        None => {}
                    }
                    self.forgotten.extend(forget(statements, prepared.client_name));
                }
                Owed::LocalParse(prepared) => self.forgotten.extend(forget(statements, prepared.client_name)),
                Owed::LocalClose(closed) => statements.put_back(closed.client_name, closed.statement),
                // It stays on the server, and may be more than there should be: known all the same.
                Owed::Evicted(statement) => drop(self.server.prepared.add(&statement, usize::MAX)),
                _ => {}
            }
        }
    }

    /// The error is about a plan that a change of the schema has made old, nothing of this request has reached the
    /// client, no transaction is lost by sending it again.
    fn may_send_again(&self, message: &[u8]) -> bool {
        if !self.again.is_possible() || self.server.transaction != Transaction::Idle {
            return false;
        }
        let error = ServerError::read(message);
        error.sqlstate == "0A000" && error.message == "cached plan must not change result type"
    }
}

/// Forgets a statement of the client's; what it was called, since messages that name it may be under way.
fn forget(statements: &mut Statements, name: Option<Box<[u8]>>) -> Option<(Arc<Statement>, Box<[u8]>)> {
    let name = name?;
    Some((statements.forget(&name)?, name))
}

fn is_fatal(message: &[u8]) -> bool {
    error::fields(message).any(|(code, text)| code == b'V' && (text == b"FATAL" || text == b"PANIC"))
}

fn local_reply(owed: &Owed) -> &'static [u8] {
    match owed {
        Owed::LocalClose(_) => &CLOSE_COMPLETE,
        _ => &PARSE_COMPLETE,
    }
}

/// The request under way, kept so that it can be sent again when the server finds a plan that a change of the schema has
/// made old: error 0A000, "cached plan must not change result type".
#[derive(Debug, Default)]
pub(super) struct Again {
    pub(super) state: AgainState,
    pub(super) request: Vec<u8>,
    pub(super) bound: Vec<Arc<Statement>>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum AgainState {
    /// There is nothing to send again, or the client has heard some of the reply.
    #[default]
    No,
    /// It may have to be sent again.
    Possible,
    /// It has failed; its ReadyForQuery is still to come.
    Failed,
    /// It is sent again now.
    Due,
}

impl Again {
    /// Keeps a whole request, which used these statements that the server had.
    pub(super) fn keep(&mut self, request: &[u8], bound: Vec<Arc<Statement>>) {
        *self = Self {
            state: AgainState::Possible,
            request: request.to_vec(),
            bound,
        };
    }

    /// True until what has failed has been sent again.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, AgainState::Failed | AgainState::Due)
    }

    fn is_possible(&self) -> bool {
        self.state == AgainState::Possible
    }

    fn client_heard(&mut self) {
        if self.state == AgainState::Possible {
            *self = Self::default();
        }
    }

    fn request_is_over(&mut self) {
        self.client_heard();
    }

    fn wait_for_ready(&mut self) {
        self.state = AgainState::Failed;
    }

    fn request_failed(&mut self) -> bool {
        let failed = self.state == AgainState::Failed;
        if failed {
            self.state = AgainState::Due;
        }
        failed
    }
}

impl Exchange<'_> {
    /// Sends the request again whose plan was old: its statements are closed first, and so planned anew.
    pub(super) fn send_again(&mut self, cx: &mut std::task::Context<'_>) -> Result<(), Ended> {
        if self.again.state != AgainState::Due {
            return Ok(());
        }
        let again = std::mem::take(&mut self.again);
        let mut closes = Vec::new();
        for statement in again.bound {
            Target::put_statement(b'C', &statement.name, &mut closes);
            self.server.prepared.forget(&statement);
            self.server.replies.expect(Owed::Closed);
        }
        self.server.outbox.push(&closes);
        self.pass_on(cx, &again.request)
    }
}
