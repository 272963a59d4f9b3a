//! Decides for every value that is sent whose it is: the application's own constant, the person's, or the server's, who
//! delivered it before.

use super::candidate::{self, Candidate, Coding};
use super::judge::{self, Strength};
use super::known::{Known, Maker, Table};
use super::sent::{Place, Sent};
use super::side::Side;
use crate::html::Kind;

/// What stands at a place of the scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// What was recorded.
    Literal,
    /// A name.
    Known {
        /// Which.
        id: usize,
        /// How its value differs from what is sent.
        coding: Coding,
    },
    /// A time.
    Clock(&'static str),
    /// Words instead of what the person typed.
    FreeText,
    /// Words instead of what the person uploaded.
    Upload,
    /// Nobody knows; what was recorded could be a secret.
    Unexplained,
}

/// Both recordings, and what was decided so far.
pub(super) struct Work<'a> {
    /// The recording that becomes the scenario.
    pub(super) a: Side<'a>,
    /// The recording that it is compared with.
    pub(super) b: Option<Side<'a>>,
    /// The step of `b` that is each step of `a`.
    pub(super) partners: Vec<Option<usize>>,
    /// Whether secrets may be written down.
    pub(super) keep_secrets: bool,
    /// The names.
    pub(super) known: Table,
    /// Step by step, place by place.
    pub(super) origins: Vec<Vec<Origin>>,
    /// Step by step: what the file says above it.
    pub(super) remarks: Vec<Vec<String>>,
    /// Step by step: what could not be explained.
    pub(super) unexplained: Vec<Vec<String>>,
    /// Choices that the two persons made differently.
    pub(super) choices: usize,
}

/// A value in question.
pub(super) struct Question {
    /// Which step sends it.
    pub(super) step: usize,
    /// What is sent.
    pub(super) sent: Sent,
    /// What the other person sent at the same place.
    pub(super) other: Option<String>,
    /// How likely it is to be unique.
    pub(super) strength: Strength,
    /// The form came with this value in the field.
    pub(super) prefilled: bool,
}

impl Question {
    /// The two persons sent different values.
    pub(super) fn differs(&self) -> bool {
        self.other.as_ref().is_some_and(|other| *other != self.sent.value)
    }
}

/// Decides everything, step by step: a value can be known from the steps before.
pub(super) fn correlate(work: &mut Work<'_>) {
    for step in 0..work.a.sendings.len() {
        for place in 0..work.a.sendings[step].places.len() {
            let sent = work.a.sendings[step].places[place].clone();
            let other = work
                .partner_of(step)
                .and_then(|(b, partner)| b.sent(partner, &sent.key));
            let fields = work.a.fields(step, &sent);
            let question = Question {
                step,
                prefilled: !sent.value.is_empty() && fields.iter().any(|f| f.value == sent.value),
                other: other.map(|o| o.value.clone()),
                strength: judge::strength(&sent.value),
                sent,
            };
            let origin = work.decide(&question);
            if let Origin::Known { id, .. } = origin {
                let label = question.sent.label();
                work.known.all[id].uses.push((step, label));
            }
            work.origins[step].push(origin);
        }
    }
    work.known.name();
}

impl<'a> Work<'a> {
    /// The same step of the other recording.
    pub(super) fn partner_of(&self, step: usize) -> Option<(&Side<'a>, usize)> {
        Some((self.b.as_ref()?, self.partners[step]?))
    }

    fn decide(&mut self, q: &Question) -> Origin {
        if self.plainly_constant(q) {
            return Origin::Literal;
        }
        if q.sent.place == Place::Part(true) {
            return self.upload(q);
        }
        let kind = self.a.fields(q.step, &q.sent).first().map(|f| f.kind);
        if self.choice(q) {
            return Origin::Literal;
        }
        if let Some(origin) = self.servers(q, kind) {
            return origin;
        }
        if let Some(template) = judge::clock(
            &q.sent.name,
            &q.sent.value,
            self.a.recording.visits[q.step].first().started,
        ) {
            self.remark(q, "a time: the present one is sent");
            return Origin::Clock(template);
        }
        self.of_nobody(q, kind)
    }

    /// What needs no thought: nothing, JSON's words, the application's own words in a path.
    fn plainly_constant(&self, q: &Question) -> bool {
        let value = q.sent.value.as_str();
        if q.differs() {
            return false;
        }
        match &q.sent.place {
            // A page's number within something: `/answers/17/2/`.
            Place::Segment(before)
                if value.len() <= 2 && before.last().is_some_and(|b| judge::dynamic_segment(b)) =>
            {
                true
            }
            Place::Segment(_) => !judge::dynamic_segment(value) && !self.is_known(q),
            Place::Json(false) => matches!(value, "true" | "false" | "null"),
            Place::Part(true) => false,
            _ => value.is_empty(),
        }
    }

    fn is_known(&self, q: &Question) -> bool {
        self.known
            .all
            .iter()
            .any(|k| k.ready(q.step) && k.is(&q.sent.name, &q.sent.value, q.other.as_deref()))
    }

    fn upload(&mut self, q: &Question) -> Origin {
        if self.keep_secrets && !q.sent.value.contains('\u{fffd}') && !q.sent.value.is_empty() {
            return Origin::Literal;
        }
        self.remark(q, "an uploaded file: a few words are sent instead of its content");
        Origin::Upload
    }

    /// A radio button, box, option or button: the person chose it among what was offered.
    fn choice(&mut self, q: &Question) -> bool {
        let fields = self.a.fields(q.step, &q.sent);
        if !Side::offered(&fields, &q.sent.value) {
            return false;
        }
        if q.differs() {
            // The other person chose something else, or had other values to choose among.
            let offered_too = self.partner_of(q.step).is_none_or(|(b, partner)| {
                b.sent(partner, &q.sent.key)
                    .is_none_or(|sent| Side::offered(&b.fields(partner, sent), &q.sent.value))
            });
            if !offered_too {
                return false;
            }
            self.choices += 1;
        }
        true
    }

    /// A name that is known already, or a value that an earlier reply delivered.
    fn servers(&mut self, q: &Question, kind: Option<Kind>) -> Option<Origin> {
        let known = self
            .known
            .all
            .iter()
            .rposition(|k| k.ready(q.step) && k.is(&q.sent.name, &q.sent.value, q.other.as_deref()));
        if kind == Some(Kind::Password) && known.is_none() {
            return None;
        }
        let best = self.candidate(q, kind);
        let maker = known.map(|id| &self.known.all[id].maker);
        // A token that is delivered anew is the newer one's, even when it is still the same.
        let newer = match (&best, maker) {
            (Some(best), Some(Maker::Extract(at, _))) => best.form_token && best.step > *at,
            (Some(_), None) => true,
            _ => false,
        };
        if let Some(id) = known.filter(|_| !newer) {
            let coding = match self.known.all[id].decoded {
                true => Coding::Decoded,
                false => Coding::Same,
            };
            return Some(Origin::Known { id, coding });
        }
        let best = best?;
        let (coding, decoded) = (best.coding, best.coding == Coding::Decoded);
        let maker = Maker::Extract(best.step, best.find.clone());
        let same = |k: &Known| k.maker == maker && k.decoded == decoded;
        let id = self.known.all.iter().position(same).unwrap_or_else(|| {
            let why = candidate::confidence(q, &best);
            let value = if coding == Coding::InUrl {
                &q.sent.raw
            } else {
                &q.sent.value
            };
            let header = q.sent.name == "authorization" && !best.name.is_empty();
            let name = if header { &best.name } else { &q.sent.name };
            let id = self
                .known
                .add(maker.clone(), name, value, q.other.as_deref(), why);
            self.known.all[id].decoded = decoded;
            id
        });
        Some(Origin::Known { id, coding })
    }

    /// Where an earlier reply delivered the value. What a person types is hers, unless it cannot be.
    fn candidate(&self, q: &Question, kind: Option<Kind>) -> Option<Candidate> {
        let typed = kind.is_some_and(|k| !matches!(k, Kind::Hidden) && !super::delivered::chosen(k));
        if typed && q.strength < Strength::Strong && !q.differs() && !q.prefilled {
            return None;
        }
        if kind.is_none() && judge::identity(&q.sent.name) && q.strength < Strength::Strong && !q.differs() {
            return None;
        }
        candidate::best(self, q)
    }

    pub(super) fn remark(&mut self, q: &Question, what: &str) {
        let line = format!("{}: {what}", q.sent.label());
        let remarks = &mut self.remarks[q.step];
        if !remarks.contains(&line) {
            remarks.push(line);
        }
    }
}
