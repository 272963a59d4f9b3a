//! Values that no earlier reply delivered: the person's, the browser's, a constant of a script, or unexplained.

use super::candidate::Coding;
use super::correlate::{Origin, Question, Work};
use super::judge::{self, Strength};
use super::known::Maker;
use super::sent::Place;
use crate::html::Kind;

impl Work<'_> {
    pub(super) fn of_nobody(&mut self, q: &Question, kind: Option<Kind>) -> Origin {
        let name = q.sent.name.as_str();
        if q.sent.value.is_empty() && !q.differs() {
            return Origin::Literal;
        }
        let several_words = q.other.is_none() && q.sent.value.split_whitespace().count() > 1;
        let free = kind == Some(Kind::Textarea)
            || judge::free_text(name, &q.sent.value)
            || (typed(kind) && several_words && !self.persons_by_name(q, kind));
        if free && !self.keep_secrets {
            self.remark(q, "a text that somebody wrote: other words are sent");
            return Origin::FreeText;
        }
        if let Some(origin) = self.constant(q) {
            return origin;
        }
        if judge::iso_time(&q.sent.value, self.a.recording.visits[q.step].first().started) {
            self.remark(q, "a time of the recording; it is sent as it was");
            return Origin::Literal;
        }
        if self.persons(q, kind) {
            return self.column(q);
        }
        if let Some(template) = generated(q, self.method(q.step)) {
            self.remark(
                q,
                &format!("assumed to be random, made by the browser: {template} is sent"),
            );
            let maker = Maker::Set(q.step, template);
            let id = self
                .known
                .add(maker, name, &q.sent.value, q.other.as_deref(), String::new());
            return Origin::Known {
                id,
                coding: Coding::Same,
            };
        }
        if q.strength == Strength::Strong || (q.differs() && q.strength > Strength::Weak && !typed(kind)) {
            return self.unexplained(q);
        }
        if q.differs() && q.sent.place != Place::Json(false) && q.sent.place != Place::Word {
            return self.column(q);
        }
        if q.differs() {
            self.remark(q, "differs between the recordings; the first one's is sent");
        }
        Origin::Literal
    }

    fn method(&self, step: usize) -> &str {
        &self.a.recording.visits[step].first().request.method
    }

    /// A constant of the application's script.
    fn constant(&mut self, q: &Question) -> Option<Origin> {
        // What stands in a public script is no secret, unless it says that it is one.
        let key = judge::words(&q.sent.name)
            .iter()
            .any(|w| w == "key" || w == "apikey");
        if q.differs() || (judge::secret(&q.sent.name) && !key) {
            return None;
        }
        let file = self.a.constant_in(&q.sent.value)?;
        let file = super::sent::plain(file.rsplit('/').next().unwrap_or_default());
        self.remark(q, &format!("a constant of {file}"));
        Some(Origin::Literal)
    }

    /// Whether a value from nowhere says who the person is, or differs from person to person.
    fn persons(&self, q: &Question, kind: Option<Kind>) -> bool {
        match q.sent.place {
            Place::Word => return false,
            // What stands in an address came from outside: an invitation, a bookmark.
            Place::Segment(_) if q.step == 0 && q.strength >= Strength::Fair => return true,
            Place::Segment(_) if !q.differs() => return false,
            Place::Query if q.step == 0 && q.strength >= Strength::Fair => return true,
            _ => {}
        }
        let fixed = self.keep_secrets && q.other.is_some() && !q.differs();
        let his = self.persons_by_name(q, kind);
        let differing =
            q.differs() && (typed(kind) || q.strength < Strength::Fair) && q.sent.place != Place::Json(false);
        (his && !fixed && !matches!(q.sent.value.as_str(), "true" | "false" | "on")) || differing
    }

    /// Whether name or field say that the value tells who the person is.
    fn persons_by_name(&self, q: &Question, kind: Option<Kind>) -> bool {
        matches!(kind, Some(Kind::Password | Kind::Email | Kind::Tel))
            || (judge::identity(&q.sent.name) && !servers_secret(&q.sent.name))
            || (typed(kind) && self.a.beside_password(q.step, &q.sent))
    }

    fn column(&mut self, q: &Question) -> Origin {
        let id = self.known.add(
            Maker::Column,
            &q.sent.name,
            &q.sent.value,
            q.other.as_deref(),
            String::new(),
        );
        let why = match (&q.other, q.differs()) {
            (_, true) => "differs between the recordings",
            (Some(_), _) => "the same in both recordings, but the person's by its name",
            (None, _) => "the person's by its name or place",
        };
        self.remark(q, &format!("a column of the data file: {why}"));
        Origin::Known {
            id,
            coding: Coding::Same,
        }
    }

    fn unexplained(&mut self, q: &Question) -> Origin {
        let length = q.sent.value.chars().count();
        let why = self.hint(q);
        let label = q.sent.label();
        self.unexplained[q.step].push(format!(
            "{label}: {length} characters that no earlier reply delivered{why}"
        ));
        Origin::Unexplained
    }

    /// Where an unexplained value could come from.
    fn hint(&self, q: &Question) -> String {
        let value = q.sent.value.as_bytes();
        let within = |text: &[u8]| memchr::memmem::find(text, value).is_some();
        let visits = &self.a.recording.visits;
        for visit in &visits[..=q.step] {
            let cookies = visit.hops.iter().filter_map(|hop| hop.request.header("cookie"));
            let mut pairs = cookies
                .flat_map(|line| line.split("; "))
                .filter_map(|pair| pair.split_once('='));
            if let Some((name, _)) = pairs.find(|(_, v)| *v == q.sent.value) {
                let name = super::sent::plain(name);
                return format!("; the cookie {name} had it, which no reply set: record in a private window");
            }
        }
        let mut hops = visits[..q.step].iter().flat_map(|v| &v.hops[..v.hops.len() - 1]);
        let headers =
            |hop: &&&crate::har::Entry| hop.response.headers.iter().any(|(_, v)| within(v.as_bytes()));
        if hops.any(|hop| within(&hop.response.body) || headers(&hop)) {
            return "; a redirect did, which extractors do not see: set follow = false there".to_owned();
        }
        if visits[..q.step].iter().any(|v| within(&v.last().response.body)) {
            return "; it stands in one, but no extractor finds it for sure".to_owned();
        }
        String::new()
    }
}

/// A field that the person types into.
fn typed(kind: Option<Kind>) -> bool {
    kind.is_some_and(|k| !matches!(k, Kind::Hidden | Kind::File) && !super::delivered::chosen(k))
}

/// A name of something that only the server can have made.
fn servers_secret(name: &str) -> bool {
    let words = judge::words(name);
    let list = [
        "token",
        "csrf",
        "xsrf",
        "nonce",
        "session",
        "signature",
        "ticket",
        "hash",
        "state",
    ];
    words.iter().any(|w| list.contains(&w.as_str()))
}

/// The template for a value that a script makes of random numbers.
fn generated(q: &Question, method: &str) -> Option<String> {
    let reading = method == "GET" || method == "HEAD";
    if servers_secret(&q.sent.name) || judge::secret(&q.sent.name) {
        return None;
    }
    if reading && matches!(q.sent.place, Place::Segment(_) | Place::Query) {
        return None;
    }
    if judge::uuid(&q.sent.value) {
        return Some("${uuid}".to_owned());
    }
    judge::hex(&q.sent.value).map(|digits| format!("${{hex({digits})}}"))
}
