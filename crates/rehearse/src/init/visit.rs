//! The steps of a recording: requests of the application's own host, each with its redirects and its assets.

use std::collections::BTreeMap;
use std::time::Duration;

use url::Url;

use super::keep::{Fate, essence, fate};
use crate::har::{Entry, Har};

/// Redirects that follow one another later than this were not followed by the browser at once.
const FOLLOWED_WITHIN_MS: f64 = 2_000.0;

/// A recording, reduced to what a rehearsal repeats.
pub(super) struct Recording<'a> {
    /// Scheme and authority of the application.
    pub(super) target: Url,
    /// The steps, in order.
    pub(super) visits: Vec<Visit<'a>>,
    /// Replies of the application's host that are no steps: constants may stand in them.
    pub(super) assets: Vec<&'a Entry>,
    /// What was left out.
    pub(super) notes: Vec<String>,
}

/// One request with the redirects that followed it.
pub(super) struct Visit<'a> {
    /// The request, its redirects, the final reply; at least one.
    pub(super) hops: Vec<&'a Entry>,
    /// What was asked for.
    pub(super) url: Url,
    /// What was answered at the end.
    pub(super) end: Url,
    /// The final reply is an HTML page.
    pub(super) page: bool,
    /// Since the browser was last busy.
    pub(super) pause: Duration,
    /// Path and query of the static files that it caused.
    pub(super) assets: Vec<String>,
    /// The last reply redirects to where the recording, or the application, ends.
    pub(super) leads_out: Option<Url>,
}

impl<'a> Visit<'a> {
    /// The request as it began.
    pub(super) fn first(&self) -> &'a Entry {
        self.hops[0]
    }

    /// The last request and its reply.
    pub(super) fn last(&self) -> &'a Entry {
        self.hops[self.hops.len() - 1]
    }

    /// Path and query of the final URL.
    pub(super) fn end_path(&self) -> &str {
        path_and_query(&self.end)
    }
}

/// Path and query of a URL.
pub(super) fn path_and_query(url: &Url) -> &str {
    &url[url::Position::BeforePath..url::Position::AfterQuery]
}

/// An entry that was not claimed yet.
struct Candidate<'a> {
    entry: &'a Entry,
    url: Url,
    fate: Fate,
    claimed: bool,
}

/// Reads a recording; None when nothing of it can be rehearsed. `hosts` belong to the application besides the host of
/// its first page.
pub(super) fn read<'a>(har: &'a Har, hosts: &[String]) -> Option<Recording<'a>> {
    let mut left_out = LeftOut::default();
    let mut all: Vec<Candidate<'a>> = har
        .entries
        .iter()
        .filter_map(|entry| {
            let mut url = Url::parse(&entry.request.url).ok()?;
            url.set_fragment(None);
            let fate = fate(entry, &url);
            Some(Candidate {
                entry,
                url,
                fate,
                claimed: false,
            })
        })
        .collect();
    all.sort_by_key(|c| c.entry.started);
    let home = home(&all)?;
    all.retain(|candidate| {
        let host = candidate.url.host_str().unwrap_or_default();
        let ours = Some(host) == home.host_str() || hosts.iter().any(|h| h == host);
        match candidate.fate {
            Fate::Out(why) if ours || host.is_empty() => left_out.reason(why),
            _ if !ours => left_out.host(host),
            _ => return true,
        }
        false
    });
    let mut recording = Recording {
        target: home,
        visits: Vec::new(),
        assets: Vec::new(),
        notes: Vec::new(),
    };
    let mut busy_until = f64::MAX;
    for i in 0..all.len() {
        let began = millis(all[i].entry);
        if !all[i].claimed {
            let visit = visit(&mut all, i, busy_until);
            recording.place(visit);
        }
        let ended = began + all[i].entry.millis.max(0.0);
        busy_until = if i == 0 { ended } else { busy_until.max(ended) };
    }
    left_out.files = recording.assets.len();
    recording.notes = left_out.notes();
    (!recording.visits.is_empty()).then_some(recording)
}

/// Scheme and authority of the first page, or of the first step when there is no page.
fn home(all: &[Candidate<'_>]) -> Option<Url> {
    let steps = || all.iter().filter(|c| c.fate == Fate::Step);
    let page = |c: &&Candidate<'_>| is_page(c.entry) && c.entry.response.status == 200;
    let home = steps().find(page).or_else(|| steps().next())?;
    home.url.join("/").ok()
}

fn is_page(entry: &Entry) -> bool {
    match essence(&entry.response.mime).as_str() {
        "text/html" | "application/xhtml+xml" => true,
        // Some recordings leave the type out.
        "" => {
            let start = entry.response.body.trim_ascii_start();
            let begins =
                |with: &[u8]| start.len() >= with.len() && start[..with.len()].eq_ignore_ascii_case(with);
            begins(b"<!doctype html") || begins(b"<html")
        }
        _ => false,
    }
}

fn millis(entry: &Entry) -> f64 {
    entry.started.as_microsecond() as f64 / 1_000.0
}

/// The visit that begins with entry `i`: claims the redirects that followed.
fn visit<'a>(all: &mut [Candidate<'a>], i: usize, busy_until: f64) -> Visit<'a> {
    let mut hops = vec![i];
    let mut leads_out = None;
    all[i].claimed = true;
    while let Some((location, method)) = redirect(&all[hops[hops.len() - 1]]) {
        let last = hops[hops.len() - 1];
        let ended = millis(all[last].entry) + all[last].entry.millis.max(0.0);
        let next = (last + 1..all.len())
            .take_while(|&n| millis(all[n].entry) - ended <= FOLLOWED_WITHIN_MS)
            .find(|&n| !all[n].claimed && all[n].url == location && all[n].entry.request.method == method);
        let Some(next) = next else {
            leads_out = Some(location);
            break;
        };
        all[next].claimed = true;
        hops.push(next);
    }
    let (first, last) = (&all[i], &all[hops[hops.len() - 1]]);
    Visit {
        url: first.url.clone(),
        end: last.url.clone(),
        page: is_page(last.entry),
        pause: Duration::from_secs_f64(((millis(first.entry) - busy_until) / 1_000.0).clamp(0.0, 86_400.0)),
        assets: Vec::new(),
        leads_out,
        hops: hops.iter().map(|&h| all[h].entry).collect(),
    }
}

/// Where a reply redirects to and by which method (RFC 9110, section 15.4, as browsers do it).
fn redirect(candidate: &Candidate<'_>) -> Option<(Url, String)> {
    let response = &candidate.entry.response;
    let location = match response.redirect.as_str() {
        "" => response.header("location")?,
        location => location,
    };
    let method = candidate.entry.request.method.as_str();
    let method = match response.status {
        301 | 302 if method == "POST" => "GET",
        303 if method != "HEAD" => "GET",
        301 | 302 | 303 | 307 | 308 => method,
        _ => return None,
    };
    let mut url = candidate.url.join(location).ok()?;
    url.set_fragment(None);
    Some((url, method.to_owned()))
}

impl<'a> Recording<'a> {
    /// A step, or a static file that belongs to one: to the page that its Referer names, or else to the last page.
    fn place(&mut self, visit: Visit<'a>) {
        let entry = visit.first();
        let read_only = matches!(entry.request.method.as_str(), "GET" | "HEAD");
        let asset = |e: &Entry, url: &Url| read_only && fate(e, url) == Fate::Asset;
        if !asset(entry, &visit.url) && !asset(visit.last(), &visit.end) {
            self.visits.push(visit);
            return;
        }
        self.assets.extend(&visit.hops);
        let referer = entry.request.header("referer").unwrap_or_default();
        let named = self.visits.iter().rposition(|v| v.end.as_str() == referer);
        let page = named.or_else(|| self.visits.iter().rposition(|v| v.page));
        let path = path_and_query(&visit.url).to_owned();
        let own = visit.url.origin() == self.target.origin();
        if let Some(page) = page.filter(|_| own)
            && !self.visits[page].assets.contains(&path)
        {
            self.visits[page].assets.push(path);
        }
    }
}

/// Counts of what was left out.
#[derive(Default)]
struct LeftOut {
    files: usize,
    reasons: BTreeMap<&'static str, usize>,
    hosts: BTreeMap<String, usize>,
}

impl LeftOut {
    fn reason(&mut self, why: &'static str) {
        *self.reasons.entry(why).or_default() += 1;
    }

    fn host(&mut self, host: &str) {
        *self.hosts.entry(host.to_owned()).or_default() += 1;
    }

    fn notes(self) -> Vec<String> {
        let mut notes = Vec::new();
        let counted = |(what, n): (&dyn std::fmt::Display, usize)| format!("{what} ({n})");
        if self.files > 0 {
            notes.push(format!("static files: {}", self.files));
        }
        if !self.reasons.is_empty() {
            let list: Vec<_> = self.reasons.iter().map(|(why, &n)| counted((why, n))).collect();
            notes.push(format!("left out: {}", list.join(", ")));
        }
        if !self.hosts.is_empty() {
            let list: Vec<_> = self.hosts.iter().map(|(host, &n)| counted((host, n))).collect();
            notes.push(format!(
                "left out, other hosts: {} (--host takes one in)",
                list.join(", ")
            ));
        }
        notes
    }
}
