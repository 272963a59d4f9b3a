//! Checks that tell the page of the recording from a page that says "please sign in".

use super::correlate::Work;
use super::judge;
use super::name::steady_title;
use super::scrub::Secrets;
use super::toml::quoted;

/// Longer titles are not checked.
const LONGEST: usize = 120;

/// The checks of a step, as TOML tables.
pub(super) fn checks(work: &Work<'_>, secrets: &Secrets, step: usize) -> Vec<String> {
    let visit = &work.a.recording.visits[step];
    let mut checks = vec![status(work, step)];
    let title = title(work, secrets, step);
    let redirected = visit.hops.len() > 1 || visit.leads_out.is_some();
    if redirected || (visit.page && (title.is_none() || shared(work, step))) {
        checks.push(format!("{{ redirect = {} }}", quoted(&path(work, secrets, step))));
    }
    if let Some(title) = title {
        checks.push(format!("{{ text = {} }}", quoted(&title)));
    }
    if let Some(key) = json_key(work, step) {
        checks.push(format!("{{ json = {} }}", quoted(&key)));
    }
    checks
}

/// The final status; of a page that the browser had already, the status without a cache.
fn status(work: &Work<'_>, step: usize) -> String {
    let of = |status: u16| if status == 304 { 200 } else { status };
    let own = of(work.a.recording.visits[step].last().response.status);
    let other = work
        .partner_of(step)
        .map(|(b, partner)| of(b.recording.visits[partner].last().response.status));
    match other {
        Some(other) if other != own => format!("{{ status = [{own}, {other}] }}"),
        _ => format!("{{ status = {own} }}"),
    }
}

/// The title element as it stands in the page.
fn title(work: &Work<'_>, secrets: &Secrets, step: usize) -> Option<String> {
    steady_title(work, secrets, step)?;
    let element = |body: &[u8]| {
        let body = String::from_utf8_lossy(body);
        let start = body.find("<title")?;
        let end = start + body[start..].find("</title>")? + "</title>".len();
        Some(body[start..end].to_owned())
    };
    let own = element(&work.a.recording.visits[step].last().response.body)?;
    let other = work
        .partner_of(step)
        .map(|(b, partner)| element(&b.recording.visits[partner].last().response.body));
    let line = own.len() <= LONGEST && !own.contains(char::is_control);
    (line && other.is_none_or(|other| other.as_ref() == Some(&own))).then_some(own)
}

/// Whether a page at another path has the same title: then the title proves nothing.
fn shared(work: &Work<'_>, step: usize) -> bool {
    let title = |step: usize| work.a.pages[step].as_ref().map(|page| page.title.as_str());
    let visits = &work.a.recording.visits;
    (0..visits.len())
        .any(|other| title(other) == title(step) && visits[other].end.path() != visits[step].end.path())
}

/// The final path as an expression; what is a value in it may be any.
fn path(work: &Work<'_>, secrets: &Secrets, step: usize) -> String {
    let visit = &work.a.recording.visits[step];
    let end = visit.leads_out.as_ref().unwrap_or(&visit.end);
    let other: Vec<&str> = work
        .partner_of(step)
        .map(|(b, partner)| &b.recording.visits[partner])
        .map(|visit| {
            visit
                .leads_out
                .as_ref()
                .unwrap_or(&visit.end)
                .path()
                .split('/')
                .collect()
        })
        .unwrap_or_default();
    let named = |segment: &str| {
        let mut known = work.known.all.iter();
        judge::dynamic_segment(segment) && known.any(|k| k.value == segment)
    };
    let mut before = "";
    let segments: Vec<_> = end
        .path()
        .split('/')
        .enumerate()
        .map(|(i, segment)| {
            let compared = other.get(i).map(|o| *o == segment);
            let page = segment.len() <= 2 && judge::dynamic_segment(before);
            let looks = judge::dynamic_segment(segment) && compared.is_none() && !page;
            before = segment;
            if compared == Some(false) || looks || named(segment) || !secrets.none_in(segment) {
                "[^/?]+".to_owned()
            } else {
                regex::escape(segment)
            }
        })
        .collect();
    format!("^{}(\\?|$)", segments.join("/"))
}

/// A JSON object's first value.
fn json_key(work: &Work<'_>, step: usize) -> Option<String> {
    let keys = |body: &[u8]| match serde_json::from_slice(body) {
        Ok(serde_json::Value::Object(map)) => map.keys().cloned().collect(),
        _ => Vec::new(),
    };
    let own: Vec<String> = keys(&work.a.recording.visits[step].last().response.body);
    let other = work
        .partner_of(step)
        .map(|(b, partner)| keys(&b.recording.visits[partner].last().response.body));
    let key = own.into_iter().find(|key| {
        judge::strength(key) < judge::Strength::Fair && other.as_ref().is_none_or(|o| o.contains(key))
    })?;
    Some(format!("/{}", key.replace('~', "~0").replace('/', "~1")))
}
