//! Which earlier reply delivered a value, and how sure that is.

use super::correlate::{Question, Work};
use super::delivered::{Delivery, servers, telling};
use super::find::Find;
use super::judge::{self, Strength};
use super::search;
use super::sent::{Place, decoded};

/// How what is delivered and what is sent differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Coding {
    /// Not at all.
    #[default]
    Same,
    /// What is delivered is encoded as it stands in the URL that is sent.
    InUrl,
    /// What is delivered is percent-encoded, what is sent is not: a cookie as scripts read it.
    Decoded,
}

/// A place in an earlier reply that had the value.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// The step whose reply it is.
    pub(super) step: usize,
    /// How it is found.
    pub(super) find: Find,
    /// How it is delivered.
    pub(super) coding: Coding,
    /// A hidden field or meta element of the same name: what protects forms.
    pub(super) form_token: bool,
    /// The names agree.
    telling: bool,
    /// Whether the other recording's reply has the other value there.
    verified: Option<bool>,
    /// How many different values the expression would have found.
    among: usize,
    /// The name that it is delivered under; may be empty.
    pub(super) name: String,
}

/// The best place: named ones before searched ones, names that agree before those that do not, the latest reply first.
pub(super) fn best(work: &Work<'_>, q: &Question) -> Option<Candidate> {
    named(work, q, true)
        .or_else(|| named(work, q, false))
        .or_else(|| linked(work, q))
        .or_else(|| searched(work, q))
}

fn named(work: &Work<'_>, q: &Question, wanted: bool) -> Option<Candidate> {
    let in_url = matches!(q.sent.place, Place::Segment(_) | Place::Query);
    let other_in_url = in_url && q.sent.raw != q.sent.value;
    let plain = work.a.delivered_before(&q.sent.value, q.step).map(|(step, d)| {
        let same = d.value == q.sent.value;
        (step, d, if same { Coding::Same } else { Coding::Decoded })
    });
    let encoded = work.a.delivered_before(&q.sent.raw, q.step);
    let encoded = encoded.filter(|(_, d)| other_in_url && d.value == q.sent.raw);
    let mut found: Vec<Candidate> = plain
        .filter(|(_, _, coding)| !in_url || *coding == Coding::Same)
        .chain(encoded.map(|(step, d)| (step, d, Coding::InUrl)))
        .filter(|(_, delivery, _)| telling(&q.sent, delivery) == wanted)
        .filter_map(|(step, delivery, coding)| of_delivery(work, q, step, delivery, coding))
        .collect();
    found.sort_by_key(|c| (std::cmp::Reverse(c.step), rank(&c.find), c.find.clone()));
    found.into_iter().next()
}

fn of_delivery(
    work: &Work<'_>,
    q: &Question,
    step: usize,
    delivery: &Delivery,
    coding: Coding,
) -> Option<Candidate> {
    let visit = &work.a.recording.visits[step];
    if delivery.find.value(visit)? != delivery.value {
        return None;
    }
    let telling = telling(&q.sent, delivery);
    let candidate = Candidate {
        verified: verified(work, q, step, &delivery.find, coding),
        form_token: telling && delivery.hidden,
        find: delivery.find.clone(),
        name: delivery.name.clone(),
        among: 1,
        step,
        coding,
        telling,
    };
    let id = servers(&q.sent.name) || servers(&delivery.name);
    let digits = q.sent.value.bytes().any(|b| b.is_ascii_digit());
    let enough = match candidate.verified {
        Some(false) => false,
        Some(true) if q.differs() => telling || q.sent.value.len() >= 3,
        // What is a word, or the same for both persons, is the application's own constant.
        None if telling && delivery.hidden => q.strength >= Strength::Fair || id || digits,
        _ if telling => q.strength >= Strength::Fair || id || (q.prefilled && judge::identity(&q.sent.name)),
        _ => q.strength == Strength::Strong,
    };
    enough.then_some(candidate)
}

/// Whether the same place in the other recording has what the other person sent.
fn verified(work: &Work<'_>, q: &Question, step: usize, find: &Find, coding: Coding) -> Option<bool> {
    let (b, partner) = work.partner_of(step)?;
    let (_, partner_step) = work.partner_of(q.step)?;
    let other = b.sent(partner_step, &q.sent.key)?;
    let found = find.value(&b.recording.visits[partner]);
    Some(match coding {
        Coding::Same => found.as_ref() == Some(&other.value),
        Coding::InUrl => found.as_ref() == Some(&other.raw),
        Coding::Decoded => found.map(|f| decoded(&f)).as_ref() == Some(&other.value),
    })
}

/// Structured places before others, shallow ones before deep ones.
fn rank(find: &Find) -> (u8, usize) {
    match find {
        Find::Input(_) => (0, 0),
        Find::Css(..) => (1, 0),
        Find::Meta(_) => (2, 0),
        Find::Json(pointer) => (3, pointer.matches('/').count()),
        Find::Header(_) => (4, 0),
        Find::Cookie(_) => (5, 0),
        Find::Url(expression) => (6, expression.len()),
        Find::Regex(expression) => (7, expression.len()),
    }
}

/// A link of an earlier reply: the latest that leaves no choice, or where the persons' links differ.
fn linked(work: &Work<'_>, q: &Question) -> Option<Candidate> {
    let Place::Segment(before) = &q.sent.place else {
        return None;
    };
    let path = work.a.recording.visits[q.step].url.path();
    let after = path.trim_start_matches('/').split('/').nth(before.len() + 1);
    let found = (0..q.step).rev().filter_map(|step| {
        let visit = &work.a.recording.visits[step];
        let (find, among) = search::link(&q.sent, after, visit)?;
        let first = find.value(visit).as_deref() == Some(q.sent.raw.as_str());
        let verified = verified(work, q, step, &find, Coding::InUrl);
        let sure = first && (among == 1 || q.strength == Strength::Strong);
        let enough = match verified {
            Some(true) => q.differs() || sure,
            Some(false) => q.differs() && has(work, step, &find),
            None => sure,
        };
        enough.then_some(Candidate {
            verified,
            find,
            step,
            among,
            coding: Coding::InUrl,
            form_token: false,
            telling: true,
            name: String::new(),
        })
    });
    found.into_iter().next()
}

/// Whether the other recording's reply has anything there.
fn has(work: &Work<'_>, step: usize, find: &Find) -> bool {
    work.partner_of(step)
        .is_some_and(|(b, partner)| find.value(&b.recording.visits[partner]).is_some())
}

fn searched(work: &Work<'_>, q: &Question) -> Option<Candidate> {
    let in_url = matches!(q.sent.place, Place::Segment(_) | Place::Query);
    let mut needles = vec![(q.sent.value.as_str(), Coding::Same)];
    if in_url && q.sent.raw != q.sent.value {
        needles.push((q.sent.raw.as_str(), Coding::InUrl));
    }
    (0..q.step).rev().find_map(|step| {
        let visit = &work.a.recording.visits[step];
        needles.iter().find_map(|&(needle, coding)| {
            let (find, name) = search::text(needle, visit)?;
            let telling = judge::normal(&name) == judge::normal(&q.sent.name);
            let verified = verified(work, q, step, &find, coding);
            let enough = match verified {
                Some(false) => false,
                Some(true) if q.differs() => true,
                _ => q.strength == Strength::Strong || telling,
            };
            enough.then_some(Candidate {
                verified,
                find,
                step,
                coding,
                among: 1,
                form_token: false,
                telling,
                name,
            })
        })
    })
}

/// How sure it is that the value is the server's, and why; never the value itself.
pub(super) fn confidence(q: &Question, candidate: &Candidate) -> String {
    let differs = q.differs() && candidate.verified == Some(true);
    let length = q.sent.value.chars().count();
    let level = match (q.strength, differs, candidate.telling) {
        _ if candidate.among > 1 && q.strength < Strength::Strong => "low",
        (Strength::Strong, true, _) | (Strength::Strong, _, true) | (_, true, true) => "high",
        (Strength::Strong, _, _) | (Strength::Fair, _, true) | (_, true, _) => "medium",
        // The application itself sent the person there.
        (_, _, true) if matches!(candidate.find, Find::Url(_)) => "medium",
        _ => "low",
    };
    let mut why = vec![match length {
        1 => "1 character".to_owned(),
        n => format!("{n} characters"),
    }];
    if differs {
        why.push("differs between the recordings".to_owned());
    } else if q.other.is_some() && !q.differs() {
        why.push("the same in both recordings".to_owned());
    } else if candidate.telling && candidate.among == 1 {
        why.push("the names agree".to_owned());
    }
    if candidate.among > 1 {
        why.push(format!("the first of {} such links", candidate.among));
    }
    format!("confidence {level}: {}", why.join(", "))
}
