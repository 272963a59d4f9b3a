//! What a client's messages ask of its server. Statements travel under names of ours; what the server lacks is prepared
//! there first.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Ended;
use super::exchange::Exchange;
use super::splice::Splice;
use crate::config::{PoolMode, SessionState};
use crate::refusal::Refusal;
use crate::server::{Closed, Owed, Prepared, Server};
use crate::session::{OURS, Statement};
use crate::wire::bind::BindNames;
use crate::wire::parse::Parse;
use crate::wire::ready::{READY_IDLE, Transaction};
use crate::wire::target::Target;
use crate::wire::{self, HEADER, Head, query, row};

/// Statements of a client at most: a client that never closes any has lost count.
const MAX_STATEMENTS: usize = 100_000;
/// Names at the front of a Bind are shorter than this together, or the message is left as it is (NAMEDATALEN is 64).
const LONGEST_NAMES: usize = 4096;
/// Bytes of a request that is kept, to be sent again if need be.
const LONGEST_KEPT: usize = 16 * 1024;
/// A name that no statement has.
const NOBODY: &[u8] = b"CANVASS_0";

/// A request of the extended protocol on its way through the input.
#[derive(Debug, Default)]
struct Request {
    /// Where it begins, when it began with nothing under way.
    from: Option<usize>,
    /// Statements that it uses and that the server had before.
    bound: Vec<Arc<Statement>>,
}

impl Request {
    fn begins(&mut self, at: usize, server: &Server) {
        if server.replies.none() && server.transaction == Transaction::Idle && self.from.is_none() {
            self.from = Some(at);
        }
    }
}

impl Exchange<'_> {
    /// Reads messages off the front of `input`; how many bytes are done with. The rest must come again, with more behind
    /// it.
    pub(super) fn requests(&mut self, input: &[u8], splice: &mut Splice<'_>) -> Result<usize, Ended> {
        let mut at = 0;
        let mut request = Request::default();
        loop {
            let passed = self.client.body.min(input.len() - at);
            at += passed;
            self.client.body -= passed;
            if at == input.len() {
                return Ok(at);
            }
            if !wire::is_client_kind(input[at]) {
                return Ok(self.break_off(input.len(), "a message of an unknown type"));
            }
            let head = match wire::client_head(&input[at..]) {
                Ok(Some(head)) => head,
                Ok(None) => return Ok(at),
                Err(_) => return Ok(self.break_off(at + HEADER, "a message of impossible length")),
            };
            if head.total > self.terms.max_packet {
                return Err(Ended::Client(Refusal::PACKET_TOO_LARGE));
            }
            let rest = &input[at..];
            let whole = rest.get(..head.total);
            if self.server.replies.skipping() && head.kind != b'S' && head.kind != b'X' {
                // PostgreSQL reads it and does nothing.
                self.pass(head, rest.len(), &mut at);
                continue;
            }
            request.begins(at, self.server);
            match head.kind {
                b'X' => {
                    self.leaving = true;
                    return Ok(at);
                }
                b'P' | b'D' | b'C' if self.looks_at(head) => {
                    let Some(message) = whole else {
                        match rest.get(HEADER) {
                            _ if head.total <= self.longest_held() => return Ok(at),
                            None => return Ok(at),
                            // One that has no name need not be kept: it is gone with this request.
                            Some(0) if head.kind == b'P' => self.pass_unnamed(head, rest.len(), &mut at),
                            Some(_) => return Err(too_long(self.terms.max_prepared_bytes)),
                        }
                        continue;
                    };
                    match head.kind {
                        b'P' => self.parse(message, at, splice)?,
                        b'D' => self.describe(message, at, splice),
                        _ => self.close(message, at, splice),
                    }
                    at += head.total;
                }
                b'B' if self.looks_at(head) => {
                    let Some(end) = self.bind(head, rest, at, splice, &mut request) else {
                        return Ok(at);
                    };
                    at += end;
                    self.client.body = head.total - end;
                }
                b'Q' if self.terms.no_simple_queries => {
                    return Err(Ended::Client(Refusal::PQEXEC_DISABLED));
                }
                b'Q' if whole.is_some_and(|message| self.deallocates(message, at, splice)) => {
                    at += head.total;
                }
                kind => {
                    self.note(kind, head.total, whole);
                    self.pass(head, rest.len(), &mut at);
                    if kind == b'S' {
                        self.keep(std::mem::take(&mut request), &input[..at]);
                    }
                }
            }
        }
    }

    /// Keeps a request that is whole and the only one under way, to send it again if its plan turns out to be old.
    fn keep(&mut self, request: Request, input: &[u8]) {
        let Some(from) = request.from.filter(|_| !request.bound.is_empty()) else {
            return;
        };
        if input.len() - from <= LONGEST_KEPT && self.client.body == 0 {
            self.again.keep(&input[from..], request.bound);
        }
    }

    /// The client has said something that ends its session. It goes to PostgreSQL as far as PostgreSQL reads it, which
    /// answers what came before and then says what it has to say.
    fn break_off(&mut self, end: usize, why: &'static str) -> usize {
        self.server.doubt = Some(why);
        self.leaving = true;
        self.broken_off = true;
        end
    }

    fn pass(&mut self, head: Head, available: usize, at: &mut usize) {
        let now = head.total.min(available);
        *at += now;
        self.client.body = head.total - now;
    }

    /// Passes on a Parse of the unnamed statement as it comes, too long to be prepared again on another server.
    fn pass_unnamed(&mut self, head: Head, available: usize, at: &mut usize) {
        self.note_request();
        self.counted.client_parses += 1;
        self.counted.server_parses += 1;
        self.client.statements.forget_unnamed();
        self.server.unnamed = Some((self.client.info.id, 0));
        self.server.replies.expect(Owed::Parse(None));
        self.pass(head, available, at);
    }

    /// Messages about statements are looked at where a server changes hands: at the unnamed statement always, lest a client
    /// meets another's, at those with names if they are followed.
    fn looks_at(&self, head: Head) -> bool {
        self.terms.mode != PoolMode::Session
            && !self.server.replies.copying()
            && (self.terms.follows_statements() || head.kind == b'B' || head.total <= self.longest_held())
    }

    /// Bytes of a message that is held until it is whole.
    fn longest_held(&self) -> usize {
        self.terms.max_prepared_bytes.saturating_add(4096)
    }

    /// Notes a `SET` that leaves nothing behind that matters, where such things are noticed.
    fn note_harmless(&mut self, text: &[u8]) {
        let noticed = self.terms.session_state != SessionState::Pgbouncer;
        self.harmless += u32::from(noticed && query::sets_nothing_that_stays(text));
    }

    /// Notes what a message that goes on as it is will be answered with.
    fn note(&mut self, kind: u8, total: usize, whole: Option<&[u8]>) {
        let replies = &mut self.server.replies;
        match kind {
            b'Q' => {
                replies.expect(Owed::Query);
                self.server.unnamed = None;
                self.client.statements.forget_unnamed();
                self.note_harmless(whole.and_then(query::text).unwrap_or_default());
            }
            b'S' => {
                replies.expect(Owed::Sync);
            }
            b'F' => {
                replies.expect(Owed::Function);
            }
            b'P' => {
                self.counted.client_parses += 1;
                self.counted.server_parses += 1;
                replies.expect(Owed::Parse(None));
                self.server.unnamed = None;
            }
            b'B' => {
                self.counted.binds += 1;
                replies.expect(Owed::Bind);
            }
            b'D' => {
                replies.expect(Owed::Describe);
            }
            b'E' => {
                replies.expect(Owed::Execute);
            }
            b'C' => {
                replies.expect(Owed::Close);
            }
            b'c' | b'f' => {
                replies.expect(Owed::CopyEnd);
                return;
            }
            b'd' => return,
            b'H' if total == HEADER => return,
            // A Flush with a body is malformed: it fails as any extended message does.
            b'H' => {
                replies.expect(Owed::Close);
            }
            // PostgreSQL ends the session over it.
            _ => self.server.doubt = Some("a message of an unknown type"),
        }
        if self.server.replies.copying() && kind != b'S' {
            self.server.doubt = Some("a request in the middle of a COPY");
        }
        if kind != b'S' || whole.is_none() {
            self.note_request();
        }
    }

    /// A Parse: prepared under our name, unless the server has the same statement.
    fn parse(&mut self, message: &[u8], at: usize, splice: &mut Splice<'_>) -> Result<(), Ended> {
        let Some(parse) = Parse::read(message) else {
            self.note(b'P', message.len(), Some(message));
            return Ok(());
        };
        self.note_request();
        self.counted.client_parses += 1;
        self.note_harmless(parse.text());
        let end = at + message.len();
        if parse.name.is_empty() {
            let number = if parse.definition.len() <= self.terms.max_prepared_bytes {
                self.client.statements.keep_unnamed(parse.definition)
            } else {
                self.client.statements.forget_unnamed();
                0
            };
            self.counted.server_parses += 1;
            self.server.unnamed = Some((self.client.info.id, number));
            self.server.replies.expect(Owed::Parse(None));
            return Ok(());
        }
        if !self.terms.follows_statements() {
            self.counted.server_parses += 1;
            self.server.replies.expect(Owed::Parse(Some(Box::new(Prepared {
                client_name: Some(parse.name.into()),
                statement: None,
                instead: None,
            }))));
            return Ok(());
        }
        if std::str::from_utf8(parse.name).is_err() {
            // Whether the client's encoding allows it, only the server can say: it keeps its name there.
            self.server.retire = true;
            let prepared = Prepared {
                client_name: Some(parse.name.into()),
                statement: None,
                instead: None,
            };
            self.counted.server_parses += 1;
            self.server.replies.expect(Owed::Parse(Some(Box::new(prepared))));
            return Ok(());
        }
        if let Some(known) = self.client.statements.get(parse.name).cloned() {
            // PostgreSQL refuses a name that is taken: it is made to, and its words are put right.
            self.inject(at, splice, |exchange, out| exchange.need(&known, out));
            let prepared = Prepared {
                client_name: Some(parse.name.into()),
                statement: Some(known.clone()),
                instead: Some(self.client.hub.texts.statement(parse.definition)),
            };
            self.server.replies.expect(Owed::Parse(Some(Box::new(prepared))));
            splice.replace(at, end, |out| Parse::put(&known.name, parse.definition, out));
            return Ok(());
        }
        let statement = self.client.hub.texts.statement(parse.definition);
        self.client
            .statements
            .keep(
                parse.name,
                statement.clone(),
                MAX_STATEMENTS,
                self.terms.max_prepared_bytes,
            )
            .map_err(|error| Ended::Client(Refusal::new("54000", error.to_string())))?;
        self.note_held();
        let prepared = Box::new(Prepared {
            client_name: Some(parse.name.into()),
            statement: Some(statement.clone()),
            instead: None,
        });
        if self.server.prepared.touch(&statement) {
            if self.server.transaction != Transaction::Failed && self.server.replies.within_one_request() {
                splice.leave_out(at, end);
                self.server.replies.expect(Owed::LocalParse(prepared));
                return Ok(());
            }
            // A transaction that has failed, or may have by then, refuses most statements: only the server knows which.
            splice.insert(at, |out| Target::put_statement(b'C', &statement.name, out));
            self.server.replies.expect(Owed::Evicted(statement.clone()));
            self.server.prepared.forget(&statement);
        }
        self.inject(at, splice, |exchange, out| {
            exchange.make_room_for(&statement, out)
        });
        splice.replace(at, end, |out| Parse::put(&statement.name, parse.definition, out));
        self.counted.server_parses += 1;
        self.server.replies.expect(Owed::Parse(Some(prepared)));
        Ok(())
    }

    /// Notes that the server will have the statement; what it has too many is closed there.
    fn make_room_for(&mut self, statement: &Arc<Statement>, out: &mut Vec<u8>) {
        for evicted in self.server.prepared.add(statement, self.terms.max_prepared) {
            Target::put_statement(b'C', &evicted.name, out);
            self.server.replies.expect(Owed::Evicted(evicted));
        }
        let count = u32::try_from(self.server.prepared.len()).unwrap_or(u32::MAX);
        self.server.info.prepared.store(count, Ordering::Relaxed);
    }

    /// Prepares a statement of the client's on the server, if the server has it not.
    fn need(&mut self, statement: &Arc<Statement>, out: &mut Vec<u8>) {
        if self.server.prepared.touch(statement) {
            return;
        }
        self.make_room_for(statement, out);
        Parse::put(&statement.name, &statement.definition, out);
        self.counted.server_parses += 1;
        let prepared = Prepared {
            client_name: None,
            statement: Some(statement.clone()),
            instead: None,
        };
        self.server.replies.expect(Owed::Parse(Some(Box::new(prepared))));
    }

    /// Sees to it that the server's unnamed statement is this client's.
    fn need_unnamed(&mut self, out: &mut Vec<u8>) {
        let mine = self.client.statements.unnamed();
        let id = self.client.info.id;
        match (mine, self.server.unnamed) {
            (Some((number, _)), Some(of)) if of == (id, number) => {}
            (None, Some((owner, 0))) if owner == id => {}
            (None, None) => {}
            (Some((number, definition)), _) => {
                Parse::put(b"", definition, out);
                self.counted.server_parses += 1;
                self.server.unnamed = Some((id, number));
                self.server.replies.expect(Owed::Parse(Some(Box::new(Prepared {
                    client_name: None,
                    statement: None,
                    instead: None,
                }))));
            }
            (None, Some(_)) => {
                Target::put_statement(b'C', b"", out);
                self.server.unnamed = None;
                self.server.replies.expect(Owed::Silenced);
            }
        }
    }

    /// A Bind: its names are looked at, the rest goes on as it comes. Bytes of head and names; `None` when they have not
    /// come whole.
    fn bind(
        &mut self,
        head: Head,
        rest: &[u8],
        at: usize,
        splice: &mut Splice<'_>,
        request: &mut Request,
    ) -> Option<usize> {
        let message = &rest[..head.total.min(rest.len())];
        let Some(names) = BindNames::read(message) else {
            if message.len() < head.total && message.len() < LONGEST_NAMES {
                return None;
            }
            self.note(b'B', head.total, None);
            return Some(HEADER);
        };
        self.note_request();
        self.counted.binds += 1;
        let end = names.end();
        if names.statement.is_empty() {
            self.inject(at, splice, Self::need_unnamed);
        } else if let Some(statement) = self.client.statements.get(names.statement).cloned() {
            if self.server.prepared.touch(&statement) {
                request.bound.push(statement.clone());
            }
            self.inject(at, splice, |exchange, out| exchange.need(&statement, out));
            splice.replace(at, at + end, |out| names.put_renamed(head, &statement.name, out));
        } else if names.statement.starts_with(OURS) && self.terms.follows_statements() {
            splice.replace(at, at + end, |out| names.put_renamed(head, NOBODY, out));
        }
        self.server.replies.expect(Owed::Bind);
        Some(end)
    }

    /// Puts messages of ours before the client's byte `at`, if there are any.
    fn inject(&mut self, at: usize, splice: &mut Splice<'_>, write: impl FnOnce(&mut Self, &mut Vec<u8>)) {
        let mut out = Vec::new();
        write(self, &mut out);
        if !out.is_empty() {
            splice.insert(at, |all| all.extend_from_slice(&out));
        }
    }

    fn describe(&mut self, message: &[u8], at: usize, splice: &mut Splice<'_>) {
        self.note_request();
        if let Some(Target { what: b'S', name }) = Target::read(message) {
            let end = at + message.len();
            if name.is_empty() {
                self.inject(at, splice, Self::need_unnamed);
            } else if let Some(statement) = self.client.statements.get(name).cloned() {
                self.inject(at, splice, |exchange, out| exchange.need(&statement, out));
                splice.replace(at, end, |out| Target::put_statement(b'D', &statement.name, out));
            } else if name.starts_with(OURS) && self.terms.follows_statements() {
                splice.replace(at, end, |out| Target::put_statement(b'D', NOBODY, out));
            }
        }
        self.server.replies.expect(Owed::Describe);
    }

    /// A Close: the client loses its statement, the server may keep it for others.
    fn close(&mut self, message: &[u8], at: usize, splice: &mut Splice<'_>) {
        self.note_request();
        if let Some(Target { what: b'S', name }) = Target::read(message) {
            let end = at + message.len();
            if name.is_empty() {
                self.client.statements.forget_unnamed();
                self.server.unnamed = None;
            } else if let Some(statement) = self.client.statements.forget(name) {
                splice.leave_out(at, end);
                self.note_held();
                self.server.replies.expect(Owed::LocalClose(Box::new(Closed {
                    client_name: name.into(),
                    statement,
                })));
                return;
            } else if name.starts_with(OURS) && self.terms.follows_statements() {
                splice.replace(at, end, |out| Target::put_statement(b'C', NOBODY, out));
            }
        }
        self.server.replies.expect(Owed::Close);
    }

    /// `DEALLOCATE name` of a statement that was prepared by protocol: the server knows no such name. Answered here when
    /// nothing is owed before it; true when it was.
    fn deallocates(&mut self, message: &[u8], at: usize, splice: &mut Splice<'_>) -> bool {
        let looks_so =
            message.len() > HEADER + 10 && !self.client.statements.is_empty() && self.server.replies.none();
        if !looks_so || self.server.transaction == Transaction::Failed {
            return false;
        }
        let name = query::text(message).and_then(query::deallocated);
        if name
            .and_then(|name| self.client.statements.forget(&name))
            .is_none()
        {
            return false;
        }
        splice.leave_out(at, at + message.len());
        self.note_held();
        let mut answer = Vec::new();
        row::put_complete("DEALLOCATE", &mut answer);
        answer.extend_from_slice(&READY_IDLE);
        if let Some(last) = answer.last_mut()
            && self.server.transaction == Transaction::Open
        {
            *last = b'T';
        }
        self.client.outbox.push(&answer);
        true
    }

    fn note_held(&self) {
        let held = self.client.statements.len() as u64;
        self.client.info.prepared.store(held, Ordering::Relaxed);
    }
}

fn too_long(limit: usize) -> Ended {
    Ended::Client(Refusal::new(
        "54000",
        format!(
            "a message of more than {limit} bytes to prepare a statement: raise prepared_statement_max_bytes in [canvass]"
        ),
    ))
}
