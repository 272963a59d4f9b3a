//! What the person is told besides the scenario.

use super::correlate::{Origin, Work};
use super::scrub::Secrets;
use super::sent::SentBody;
use super::side::Side;
use super::{find, request, sent, visit};

/// Bodies that are no text cannot stand in the file.
pub(super) fn binaries(work: &mut Work<'_>) {
    for (step, sending) in work.a.sendings.iter().enumerate() {
        if let SentBody::Binary { content_type, length } = &sending.body {
            work.unexplained[step].push(format!(
                "body: {length} bytes of {} are no text: save them beside the scenario and name them with file = \"…\"",
                sent::plain(content_type)
            ));
        }
    }
}

/// What is taken out of a request without anything in its place must be put back by hand.
pub(super) fn scrubbed(work: &mut Work<'_>, secrets: &Secrets) {
    for step in 0..work.origins.len() {
        let places = work.a.sendings[step].places.iter().zip(&work.origins[step]);
        let lost: Vec<String> = places
            .filter(|(place, origin)| {
                let texts = [&place.value, &place.raw];
                **origin == Origin::Literal && texts.iter().any(|text| secrets.lost_in(work, step, text))
            })
            .map(|(place, _)| {
                format!(
                    "{}: holds a cookie or a secret of the recording, taken out",
                    place.label()
                )
            })
            .collect();
        work.unexplained[step].extend(lost);
    }
}

/// All notes, in the order in which they are told.
pub(super) fn all(work: &Work<'_>, names: &[String]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for (which, side) in [("", Some(&work.a)), ("second recording: ", work.b.as_ref())] {
        let own = side.into_iter().flat_map(|side| &side.recording.notes);
        let new: Vec<_> = own
            .filter(|note| !notes.contains(note))
            .map(|note| format!("{which}{note}"))
            .collect();
        notes.extend(new);
    }
    notes.extend(unset_cookies(&work.a));
    notes.extend(missing_bodies(&work.a));
    if let Some(b) = &work.b {
        let only_first = names.iter().zip(&work.partners).filter(|(_, p)| p.is_none());
        notes.extend(only_first.map(|(name, _)| format!("only in the first recording, kept: {name:?}")));
        let only_second = (0..b.sendings.len()).filter(|step| !work.partners.contains(&Some(*step)));
        notes.extend(only_second.map(|step| {
            let shape = request::shape(&b.recording.visits[step]);
            format!("only in the second recording, left out: {shape}")
        }));
    }
    if work.choices > 0 {
        notes.push(format!(
            "{} choices differ between the recordings; the first one's are kept",
            work.choices
        ));
    }
    for (lines, name) in work.remarks.iter().zip(names) {
        let assumed = lines.iter().filter(|line| line.contains(": assumed"));
        notes.extend(assumed.map(|line| format!("step {name:?}: {line}")));
    }
    notes
}

/// Cookies that were sent but that no reply had set: people will not have them.
fn unset_cookies(side: &Side<'_>) -> Option<String> {
    let mut set: Vec<String> = Vec::new();
    let mut unset: Vec<String> = Vec::new();
    for visit in &side.recording.visits {
        set.extend(find::cookies(visit).into_iter().map(|c| c.name));
        let lines = visit.hops.iter().filter_map(|hop| hop.request.header("cookie"));
        let names = lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.split_once('='));
        for name in names.map(|(name, _)| name.trim().to_owned()) {
            if !set.contains(&name) && !unset.contains(&name) {
                unset.push(name);
            }
        }
    }
    let list: Vec<_> = unset.iter().map(|name| sent::plain(name)).collect();
    (!list.is_empty()).then(|| {
        format!(
            "cookies that no recorded reply set (a script did, or they were there before: record in a private window); \
             nobody will send them: {}",
            list.join(", ")
        )
    })
}

/// Replies without content: what they delivered cannot be found.
fn missing_bodies(side: &Side<'_>) -> Option<String> {
    let empty = |visit: &&visit::Visit<'_>| {
        let response = &visit.last().response;
        response.body.is_empty() && (visit.page || response.status == 304) && response.status != 204
    };
    let count = side.recording.visits.iter().filter(empty).count();
    (count > 0).then(|| {
        format!(
            "{count} replies have no body in the recording: what they delivered cannot be found; export the HAR with \
             content, and record with the cache disabled"
        )
    })
}
