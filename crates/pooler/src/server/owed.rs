//! The replies that a server still owes. A server goes back to its pool only when this queue is empty at a
//! ReadyForQuery outside a transaction: nothing that it says afterwards can be meant for the client before.
//!
//! Source of the order of replies, of skipping until Sync, and of what COPY swallows: PostgreSQL's documentation,
//! chapter "Message Flow", and `PostgresMain` and `CopyGetData` of its source.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::session::Statement;

/// One reply that is owed.
#[derive(Debug)]
pub enum Owed {
    /// ParseComplete. What to undo if it fails, whether the client hears of it.
    Parse(Option<Box<Prepared>>),
    /// BindComplete.
    Bind,
    /// RowDescription or NoData (a statement's comes behind a ParameterDescription).
    Describe,
    /// CommandComplete, EmptyQueryResponse or PortalSuspended.
    Execute,
    /// CloseComplete of a portal, or of a statement that is nobody's business here.
    Close,
    /// CloseComplete of a statement that was removed from a server to make room; the client never hears of it.
    Evicted(Arc<Statement>),
    /// CloseComplete of a statement that is about to be planned anew; the client never hears of it.
    Closed,
    /// CloseComplete that silences another client's unnamed statement; the client never hears of it.
    Silenced,
    /// We answer in the server's place when it comes to this: ParseComplete for a statement that the server has.
    LocalParse(Box<Prepared>),
    /// We answer in the server's place: CloseComplete for a statement that the server may keep.
    LocalClose(Box<Closed>),
    /// The client ended a COPY: no reply, but a border for what COPY swallows.
    CopyEnd,
    /// ReadyForQuery for a Sync.
    Sync,
    /// Everything up to ReadyForQuery for a simple query.
    Query,
    /// The same for a function call.
    Function,
}

/// What a Parse did before its success was known.
#[derive(Debug)]
pub struct Prepared {
    /// The name under which the client keeps it; `None` when it was prepared again on its behalf, and it hears nothing.
    pub client_name: Option<Box<[u8]>>,
    /// The statement; `None` for the unnamed one.
    pub statement: Option<Arc<Statement>>,
    /// It was sent although the client has the name already, and PostgreSQL will refuse, speaking of our name; if it does
    /// not, this is what the name stands for.
    pub instead: Option<Arc<Statement>>,
}

/// What a Close did before its success was known.
#[derive(Debug)]
pub struct Closed {
    /// The name that the client gave it.
    pub client_name: Box<[u8]>,
    /// The statement.
    pub statement: Arc<Statement>,
}

/// What becomes of a reply.
#[derive(Debug)]
pub enum Met {
    /// It was owed, and is the client's.
    Client,
    /// It was owed, but to us.
    Ours,
    /// ParseComplete for a name that was thought to be taken.
    Renamed(Box<Prepared>),
    /// Nothing of the kind was owed.
    Unexpected,
}

/// The queue.
#[derive(Debug, Default)]
pub struct Replies {
    queue: VecDeque<Owed>,
    /// The server takes COPY data: Sync and Flush mean nothing to it.
    copying: bool,
    /// An extended request failed: the server ignores everything until a Sync.
    skipping: bool,
    /// Syncs that the present COPY swallows, if it does not fail before them.
    swallowed: usize,
    /// An extended request has begun and its Sync has not been sent: the server is in a transaction of which no
    /// ReadyForQuery has told.
    open: bool,
    /// It has done more than to prepare, describe and close statements.
    worked: bool,
    /// The first Sync that is owed is the pooler's own: it ended a request that had only prepared.
    settling: bool,
}

impl Replies {
    /// As it was in another process: what is owed, whether the server takes COPY data, whether it ignores everything until
    /// a Sync, how many Syncs a COPY has swallowed, and whether a request has not come to its Sync.
    pub(crate) fn restored(
        queue: VecDeque<Owed>,
        [copying, skipping, open, settling]: [bool; 4],
        swallowed: usize,
    ) -> Self {
        Self {
            queue,
            copying,
            skipping,
            swallowed,
            open,
            worked: open,
            settling,
        }
    }

    /// What is owed, in its order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Owed> {
        self.queue.iter()
    }

    /// A request has begun and has not come to its Sync.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// The first Sync that is owed is the pooler's own.
    pub(crate) fn is_settling(&self) -> bool {
        self.settling
    }

    /// True when everything has been answered of a request that has only prepared, described and closed statements, and
    /// whose client sent a Flush for a Sync: a Sync of ours would take nothing from it.
    pub fn may_be_settled(&self) -> bool {
        self.open && !self.worked && !self.skipping && !self.copying && self.queue.is_empty()
    }

    /// Notes that it was sent.
    pub fn settle(&mut self) {
        self.expect(Owed::Sync);
        self.settling = true;
    }

    /// Syncs that the present COPY swallows.
    pub(crate) fn swallowed(&self) -> usize {
        self.swallowed
    }

    /// True when nothing is owed and the server listens.
    pub fn none(&self) -> bool {
        !self.skipping
            && !self.copying
            && !self.open
            && self.queue.iter().all(|owed| matches!(owed, Owed::CopyEnd))
    }

    /// True while the server takes COPY data.
    pub fn copying(&self) -> bool {
        self.copying
    }

    /// True while the server ignores everything until a Sync.
    pub fn skipping(&self) -> bool {
        self.skipping
    }

    /// True while everything that is owed belongs to one extended request that has not come to its Sync: if something
    /// before fails, what follows is ignored, and otherwise the transaction stands where it stood.
    pub fn within_one_request(&self) -> bool {
        let borders = |owed: &Owed| matches!(owed, Owed::Sync | Owed::Query | Owed::Function | Owed::CopyEnd);
        !self.copying && !self.queue.iter().any(borders)
    }

    /// Replies that are owed.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// True when the server will come to an end without another word from the client.
    pub fn ends_by_itself(&self) -> bool {
        let last = self
            .queue
            .iter()
            .rev()
            .find(|owed| !matches!(owed, Owed::CopyEnd));
        let ends = match last {
            None => !self.open,
            Some(last) => matches!(last, Owed::Sync | Owed::Query | Owed::Function),
        };
        !self.copying && ends
    }

    /// Notes that a message went to the server which will be answered so. False: the server will not answer it.
    pub fn expect(&mut self, owed: Owed) -> bool {
        match owed {
            Owed::Sync if self.copying => {
                self.swallowed += 1;
                false
            }
            Owed::Sync => {
                self.skipping = false;
                self.open = false;
                self.worked = false;
                self.queue.push_back(Owed::Sync);
                true
            }
            _ if self.skipping => false,
            Owed::CopyEnd if self.copying => {
                self.copying = false;
                false
            }
            owed => {
                (self.open, self.worked) = match &owed {
                    Owed::Query | Owed::Function => (false, false),
                    Owed::CopyEnd => (self.open, self.worked),
                    Owed::Bind | Owed::Execute => (true, true),
                    _ => (true, self.worked),
                };
                self.queue.push_back(owed);
                true
            }
        }
    }

    /// The next reply if it is one that we give ourselves.
    #[inline]
    pub fn local(&mut self) -> Option<Owed> {
        match self.queue.front() {
            Some(Owed::LocalParse(_) | Owed::LocalClose(_)) => self.queue.pop_front(),
            _ => None,
        }
    }

    fn head(&mut self) -> Option<&Owed> {
        while matches!(self.queue.front(), Some(Owed::CopyEnd)) {
            self.queue.pop_front();
        }
        self.queue.front()
    }

    /// The server sent a reply of this type, not an error and not ReadyForQuery.
    pub fn meet(&mut self, kind: u8) -> Met {
        let Some(head) = self.head() else {
            return Met::Unexpected;
        };
        match (kind, head) {
            // A simple query or a function call may bring any of these, as often as it likes.
            (b'T' | b'D' | b'C' | b'I' | b'H' | b'd' | b'c', Owed::Query) | (b'V', Owed::Function) => {
                if kind == b'C' {
                    self.swallowed = 0;
                }
                Met::Client
            }
            (b'G', Owed::Query | Owed::Execute) => {
                self.copy_begins();
                Met::Client
            }
            (b'D' | b'H' | b'd' | b'c', Owed::Execute) | (b't', Owed::Describe) => Met::Client,
            (b'C', Owed::Execute) => {
                self.swallowed = 0;
                self.queue.pop_front();
                Met::Client
            }
            (b'I' | b's', Owed::Execute)
            | (b'T' | b'n', Owed::Describe)
            | (b'2', Owed::Bind)
            | (b'3', Owed::Close) => {
                self.queue.pop_front();
                Met::Client
            }
            (b'3', Owed::Evicted(_) | Owed::Silenced | Owed::Closed) => {
                self.queue.pop_front();
                Met::Ours
            }
            (b'1', Owed::Parse(_)) => match self.queue.pop_front() {
                Some(Owed::Parse(Some(prepared))) if prepared.instead.is_some() => Met::Renamed(prepared),
                Some(Owed::Parse(Some(prepared))) if prepared.client_name.is_none() => Met::Ours,
                _ => Met::Client,
            },
            _ => Met::Unexpected,
        }
    }

    /// COPY has begun: the Syncs that were sent before its end reach nobody.
    fn copy_begins(&mut self) {
        let end = self.queue.iter().position(|owed| matches!(owed, Owed::CopyEnd));
        let border = end.unwrap_or(self.queue.len());
        let (mut place, before) = (0, self.queue.len());
        self.queue.retain(|owed| {
            place += 1;
            place > border || !matches!(owed, Owed::Sync)
        });
        self.swallowed += before - self.queue.len();
        let mut requests = self.queue.iter().rev();
        let last = requests.find(|owed| !matches!(owed, Owed::CopyEnd));
        self.open = !matches!(last, Some(Owed::Sync | Owed::Query | Owed::Function));
        // What COPY has brought is taken with the client's own Sync.
        self.worked = self.open;
        match self.queue.iter().position(|owed| matches!(owed, Owed::CopyEnd)) {
            Some(at) => {
                self.queue.remove(at);
            }
            None => self.copying = true,
        }
    }

    /// True when a COPY failed and nobody knows whether it swallowed the Syncs that were sent before its end: what is owed
    /// cannot be told any more.
    pub fn lost_count(&self) -> bool {
        self.swallowed > 0
    }

    /// The server sent an error: the replies that will never come, the failed one first; nothing for a simple query,
    /// whose ReadyForQuery is still owed.
    pub fn fail(&mut self) -> Result<Vec<Owed>, Unowed> {
        self.copying = false;
        match self.head() {
            None => Err(Unowed),
            Some(Owed::Query | Owed::Function | Owed::Sync) => Ok(Vec::new()),
            Some(_) => {
                let sync = self.queue.iter().position(|owed| matches!(owed, Owed::Sync));
                self.skipping = sync.is_none();
                let rest = self.queue.split_off(sync.unwrap_or(self.queue.len()));
                Ok(std::mem::replace(&mut self.queue, rest).into())
            }
        }
    }

    /// The server sent ReadyForQuery: whom for. `None`: none was owed.
    pub fn ready(&mut self) -> Option<ReadyFor> {
        match self.head() {
            Some(Owed::Query | Owed::Function | Owed::Sync) => {
                self.queue.pop_front();
                self.copying = false;
                Some(if std::mem::take(&mut self.settling) {
                    ReadyFor::Us
                } else {
                    ReadyFor::Client
                })
            }
            _ => None,
        }
    }
}

/// Whom a ReadyForQuery is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadyFor {
    /// The client.
    Client,
    /// The pooler, which had sent a Sync of its own.
    Us,
}

/// An error came when no request was under way: the server is about to end the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unowed;

#[cfg(test)]
mod tests {
    use super::*;

    fn owing(all: impl IntoIterator<Item = Owed>) -> Replies {
        let mut replies = Replies::default();
        for owed in all {
            replies.expect(owed);
        }
        replies
    }

    #[test]
    fn an_extended_request_is_met_reply_by_reply() {
        let mut replies = owing([
            Owed::Parse(None),
            Owed::Bind,
            Owed::Describe,
            Owed::Execute,
            Owed::Sync,
        ]);
        for kind in *b"12TDDC" {
            assert!(matches!(replies.meet(kind), Met::Client), "{}", kind as char);
            assert!(!replies.none());
        }
        assert_eq!(replies.ready(), Some(ReadyFor::Client));
        assert!(replies.none());
        assert!(matches!(replies.meet(b'C'), Met::Unexpected));
        assert_eq!(replies.ready(), None);
    }

    #[test]
    fn a_request_is_not_over_before_its_sync() {
        let mut replies = owing([Owed::Parse(None), Owed::Bind, Owed::Execute]);
        for kind in *b"12C" {
            replies.meet(kind);
        }
        assert!(replies.is_empty() && !replies.none(), "a transaction is open");
        replies.expect(Owed::Sync);
        assert_eq!(replies.ready(), Some(ReadyFor::Client));
        assert!(replies.none());
    }

    #[test]
    fn an_error_takes_everything_up_to_the_next_sync() {
        let mut replies = owing([
            Owed::Parse(None),
            Owed::Bind,
            Owed::Query,
            Owed::Sync,
            Owed::Bind,
            Owed::Sync,
        ]);
        assert_eq!(replies.fail().unwrap().len(), 3, "a query inside is ignored too");
        assert_eq!(replies.ready(), Some(ReadyFor::Client));
        assert!(!replies.none(), "the second request is owed");
        assert!(matches!(replies.meet(b'2'), Met::Client));
        assert_eq!(replies.ready(), Some(ReadyFor::Client));
        assert!(replies.none());
    }

    #[test]
    fn without_a_sync_the_server_ignores_what_follows() {
        let mut replies = owing([Owed::Parse(None)]);
        assert_eq!(replies.fail().unwrap().len(), 1);
        assert!(!replies.expect(Owed::Bind), "ignored");
        assert!(!replies.none(), "the server is waiting for a Sync");
        assert!(replies.expect(Owed::Sync));
        assert_eq!(replies.ready(), Some(ReadyFor::Client));
        assert!(replies.none());
    }

    #[test]
    fn copy_swallows_the_sync_that_came_too_early() {
        // Given a pipelined COPY with its Sync sent too early, and everything behind it in one go.
        let mut replies = owing([Owed::Execute, Owed::Sync, Owed::CopyEnd, Owed::Sync]);
        assert!(matches!(replies.meet(b'G'), Met::Client));
        assert!(matches!(replies.meet(b'C'), Met::Client));
        assert_eq!(replies.ready(), Some(ReadyFor::Client));
        assert!(replies.none(), "one ReadyForQuery is all that comes");

        // The same, the client waiting for CopyInResponse.
        let mut replies = owing([Owed::Execute, Owed::Sync]);
        replies.meet(b'G');
        assert!(!replies.expect(Owed::Sync), "swallowed");
        replies.expect(Owed::CopyEnd);
        assert!(replies.expect(Owed::Sync));
        replies.meet(b'C');
        assert_eq!(replies.ready(), Some(ReadyFor::Client));
        assert!(replies.none());
    }

    #[test]
    fn when_a_copy_fails_that_may_have_swallowed_a_sync_the_count_is_lost() {
        // Given a Sync sent early, in either order with CopyInResponse.
        let mut early = owing([Owed::Query, Owed::Sync]);
        early.meet(b'G');
        let mut late = owing([Owed::Query]);
        late.meet(b'G');
        late.expect(Owed::Sync);
        for mut replies in [early, late] {
            assert!(replies.fail().unwrap().is_empty());
            assert!(replies.lost_count());
        }

        // But not when the COPY went well.
        let mut replies = owing([Owed::Query, Owed::Sync, Owed::CopyEnd]);
        replies.meet(b'G');
        replies.meet(b'C');
        assert!(!replies.lost_count());
    }

    #[test]
    fn a_copy_that_fails_leaves_the_client_s_end_without_meaning() {
        let mut replies = owing([Owed::Query]);
        replies.meet(b'G');
        assert!(replies.fail().unwrap().is_empty());
        assert!(replies.expect(Owed::CopyEnd));
        assert_eq!(replies.ready(), Some(ReadyFor::Client));
        assert!(replies.none());
    }

    #[test]
    fn only_what_prepared_and_nothing_more_may_be_settled() {
        let mut replies = owing([Owed::Parse(None), Owed::Describe]);
        assert!(!replies.may_be_settled(), "it has not been answered");
        assert!(matches!(replies.meet(b'1'), Met::Client));
        assert!(matches!(replies.meet(b'n'), Met::Client));
        assert!(replies.may_be_settled() && !replies.none());
        replies.settle();
        assert!(!replies.none());
        assert_eq!(replies.ready(), Some(ReadyFor::Us));
        assert!(replies.none());

        let mut replies = owing([Owed::Parse(None), Owed::Bind]);
        assert!(matches!(replies.meet(b'1'), Met::Client));
        assert!(matches!(replies.meet(b'2'), Met::Client));
        assert!(!replies.may_be_settled(), "a portal would go");
        replies.expect(Owed::Sync);
        assert_eq!(replies.ready(), Some(ReadyFor::Client));
        assert!(!replies.may_be_settled() && replies.none());

        // COPY swallows the Sync before its end: the rows wait for the next one.
        let mut replies = owing([Owed::Bind, Owed::Execute, Owed::Sync, Owed::CopyEnd]);
        for kind in *b"2GC" {
            assert!(matches!(replies.meet(kind), Met::Client), "{}", kind as char);
        }
        assert!(replies.is_empty() && !replies.none() && !replies.may_be_settled());
    }
}
