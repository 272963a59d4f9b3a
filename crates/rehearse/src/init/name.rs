//! Short unique names of steps: a page's title, or method and path.

use std::collections::HashMap;

use super::correlate::{Origin, Work};
use super::judge::{self, Strength};
use super::scrub::Secrets;

/// Longer titles are no names.
const LONGEST_TITLE: usize = 40;

/// Longer paths are cut.
const LONGEST_PATH: usize = 70;

/// A name for every step.
pub(super) fn steps(work: &Work<'_>, secrets: &Secrets) -> Vec<String> {
    let mut given: HashMap<String, usize> = HashMap::new();
    let mut names = Vec::new();
    for step in 0..work.a.sendings.len() {
        let base = title(work, secrets, step).unwrap_or_else(|| method_and_path(work, secrets, step));
        let mut name = base.clone();
        let count = given.entry(base.clone()).or_default();
        *count += 1;
        if *count > 1 {
            name = format!("{base} {count}");
        }
        while names.contains(&name) {
            name.push('\'');
        }
        names.push(name);
    }
    names
}

/// The title of a page that was asked for, when it can be the same for everybody.
fn title(work: &Work<'_>, secrets: &Secrets, step: usize) -> Option<String> {
    let visit = &work.a.recording.visits[step];
    let title = steady_title(work, secrets, step)?;
    if visit.first().request.method != "GET" {
        return None;
    }
    let separators = [" | ", " · ", " – ", " — ", " - ", " :: "];
    let cut = separators
        .iter()
        .filter_map(|s| title.find(s))
        .min()
        .unwrap_or(title.len());
    let short = title[..cut].trim();
    (!short.is_empty() && short.chars().count() <= LONGEST_TITLE).then(|| short.to_owned())
}

/// The title of the final page, when nothing in it looks like somebody's, and the other recording has the same.
pub(super) fn steady_title<'w>(work: &'w Work<'_>, secrets: &Secrets, step: usize) -> Option<&'w str> {
    let title = work.a.pages[step].as_ref()?.title.as_str();
    if let Some((b, partner)) = work.partner_of(step)
        && b.pages[partner].as_ref().is_none_or(|page| page.title != title)
    {
        return None;
    }
    let compared = work.partner_of(step).is_some();
    let number = |word: &str| word.bytes().any(|b| b.is_ascii_digit());
    let fixed = |word: &str| judge::strength(word) < Strength::Fair && (compared || !number(word));
    let steady = !title.is_empty()
        && title.split_whitespace().all(fixed)
        && secrets.none_in(title)
        && !title.split_whitespace().any(|word| of_person(work, word))
        && !title.chars().any(char::is_control);
    steady.then_some(title)
}

/// Whether a word of a title is a part of what a person typed to say who she is: `Anna's page` of `anna.k`.
fn of_person(work: &Work<'_>, word: &str) -> bool {
    let letters: String = word
        .chars()
        .take_while(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    letters.chars().count() >= 3
        && work
            .known
            .columns()
            .any(|k| !judge::secret(&k.base) && k.value.to_lowercase().contains(&letters))
}

fn method_and_path(work: &Work<'_>, secrets: &Secrets, step: usize) -> String {
    let sending = &work.a.sendings[step];
    let mut path = String::new();
    let mut at = 0;
    for (span, place) in &sending.path.holes {
        path.push_str(&sending.path.text[at..span.start]);
        match &work.origins[step][*place] {
            Origin::Known { id, .. } => path.push_str(&format!("{{{}}}", work.known.all[*id].name)),
            Origin::Literal => path.push_str(&sending.path.text[span.clone()]),
            _ => path.push('…'),
        }
        at = span.end;
    }
    path.push_str(&sending.path.text[at..]);
    let path = path.split('?').next().unwrap_or_default();
    let method = &work.a.recording.visits[step].first().request.method;
    let operation = work
        .a
        .operation(step)
        .map(|o| format!(" {o}"))
        .unwrap_or_default();
    let mut name = secrets.redact(&format!("{method} {path}{operation}"));
    if name.chars().count() > LONGEST_PATH {
        name = name.chars().take(LONGEST_PATH - 1).chain(['…']).collect();
    }
    name
}
