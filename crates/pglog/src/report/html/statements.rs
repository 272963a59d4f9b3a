//! The statements: each with its row of figures, its text, and what opens below.

use std::fmt::Write;

use super::time::{Time, micros};
use super::{escape, sql};
use crate::clean::clean;
use crate::report::model::{Caller, Logged, Report, Sample, Statement};
use crate::report::words::{self, count, length, share};

/// Bytes of details in a page; the statements behind, of which each takes less time, come without.
const MOST_BYTES: usize = 1_300_000;
/// Characters of a statement's text, with and without details.
const MOST_TEXT: [usize; 2] = [3_000, 300];
/// Callers shown of each statement.
const MOST_CALLERS: usize = 6;
/// Bars of a statement's hours.
const MOST_BARS: i64 = 48;

/// By what statements are put in order: name, column's head, and the figure.
type Measure = (&'static str, &'static str, fn(&Statement) -> u64);

/// The columns, in their order.
pub const MEASURES: [Measure; 10] = [
    ("total time", "total", |s| s.figures.micros),
    ("frequency", "calls", |s| s.figures.calls),
    ("mean", "mean", |s| s.figures.mean),
    ("median", "p50", |s| s.figures.p50),
    ("p95", "p95", |s| s.figures.p95),
    ("p99", "p99", |s| s.figures.p99),
    ("longest", "max", |s| s.figures.max),
    ("errors", "errors", |s| s.failures),
    ("asked again", "again", |s| s.repeats.in_second_micros),
    ("N+1 runs", "N+1", |s| s.repeats.run_micros),
];

/// The statements of a page.
pub struct Statements {
    /// A `tbody` each.
    pub html: String,
    /// How many.
    pub shown: u64,
    /// How many have details.
    pub detailed: u64,
    /// By what each is sorted.
    pub values: Vec<[u64; MEASURES.len()]>,
}

/// All statements of a report.
pub fn statements(report: &Report, time: &Time) -> Statements {
    let mut html = String::new();
    let mut detailed = 0;
    for (i, s) in report.statements.iter().enumerate() {
        let has_details = html.len() < MOST_BYTES;
        detailed += u64::from(has_details);
        row(&mut html, report, s, i + 1);
        text(&mut html, report, s, time, has_details);
    }
    Statements {
        html,
        shown: report.statements.len() as u64,
        detailed,
        values: report
            .statements
            .iter()
            .map(|s| MEASURES.map(|m| m.2(s)))
            .collect(),
    }
}

fn row(html: &mut String, report: &Report, s: &Statement, rank: usize) {
    let (f, r) = (&s.figures, &s.repeats);
    let some = |n: u64| if n > 0 { count(n) } else { "–".to_owned() };
    let time = |us: u64| if f.calls > 0 { length(us) } else { "–".to_owned() };
    let spent = |us: u64| if us > 0 { length(us) } else { "–".to_owned() };
    let part = (1000.0 * f.micros as f64 / report.all.micros.max(1) as f64).round() / 10.0;
    let _ = write!(
        html,
        "<tbody id=s-{}><tr><th scope=row>{rank}<td class=p style=--w:{part}%>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td{}>{}<td>{}<td>{}",
        s.id,
        length(f.micros),
        share(f.micros, report.all.micros),
        count(f.calls),
        time(f.mean),
        time(f.p50),
        time(f.p95),
        time(f.p99),
        time(f.max),
        if s.failures > 0 { " class=bad" } else { "" },
        some(s.failures),
        spent(r.in_second_micros),
        spent(r.run_micros),
    );
}

fn text(html: &mut String, report: &Report, s: &Statement, time: &Time, has_details: bool) {
    let text = clean(&s.text);
    let shown = words::fit(&text, MOST_TEXT[usize::from(!has_details)]);
    let _ = write!(
        html,
        "<tr class=t><td colspan=12><details><summary><code>{}</code></summary>",
        sql::html(&shown)
    );
    facts(html, s);
    if has_details {
        html.push_str("<div class=d>");
        histogram(html, s);
        hours(html, report, s, time);
        steps(html, s);
        callers(html, s, report.logged);
        slowest(html, s, report.logged, time);
        html.push_str("</div>");
    } else {
        html.push_str("<p>Its details are in --json.");
    }
    html.push_str("</details>");
}

/// What the row does not say.
fn facts(html: &mut String, s: &Statement) {
    let r = &s.repeats;
    let mut facts = vec![s.kind.clone()];
    if s.statements > 1 {
        facts.push(format!("{} statements in one message", s.statements));
    }
    if s.cut {
        facts.push("cut off in the log".to_owned());
    }
    if s.figures.calls > 0 {
        facts.push(format!("shortest {}", length(s.figures.min)));
    }
    if s.fetches > 0 {
        facts.push(format!("{} from open portals", words::many(s.fetches, "fetch")));
    }
    if r.in_second > 0 {
        facts.push(format!(
            "asked again within a second {}",
            words::many(r.in_second, "time")
        ));
    }
    if r.in_session > 0 {
        facts.push(format!(
            "asked again in its session {} ({})",
            words::many(r.in_session, "time"),
            length(r.in_session_micros)
        ));
    }
    if r.runs > 0 {
        facts.push(format!(
            "{} of in all {} executions",
            words::many(r.runs, "run"),
            count(r.run_calls)
        ));
    }
    if !s.query_ids.is_empty() {
        let ids: Vec<String> = s.query_ids.iter().map(i64::to_string).collect();
        facts.push(format!("query_id {}", ids.join(", ")));
    }
    let _ = write!(html, "<p><code>{}</code> · {}", s.id, escape(&facts.join(" · ")));
}

/// Bars from 1 µs to 268 s, ten units each, on the scale that all statements share.
fn histogram(html: &mut String, s: &Statement) {
    let Some(most) = s
        .figures
        .histogram
        .iter()
        .map(|(_, n)| *n)
        .max()
        .filter(|n| *n > 0)
    else {
        return;
    };
    html.push_str("<figure><figcaption>how long it took</figcaption><svg viewBox=\"0 0 280 64\" aria-hidden=true><path class=b d=\"");
    for (upper, n) in &s.figures.histogram {
        let bar = i64::from(upper.trailing_zeros()).clamp(1, 28) - 1;
        let high = (46.0 * *n as f64 / most as f64).ceil().max(1.0);
        let _ = write!(html, "M{} 48v-{high}h9v{high}z", bar * 10);
    }
    html.push_str("\"/><use href=#hx /></svg></figure>");
}

/// The axis of [`histogram`], once in a page.
pub fn histogram_axis() -> String {
    let mut axis = String::from(r#"<g id="hx"><path class="axis" d="M0 48.5H280"/>"#);
    for (us, label) in [(10.0, "10 µs"), (1e3, "1 ms"), (1e5, "100 ms"), (1e7, "10 s")] {
        let x = 10.0 * f64::log2(us);
        let _ = write!(
            axis,
            r#"<path class="axis" d="M{x:.0} 48v4"/><text x="{x:.0}" y="62" text-anchor="middle">{label}</text>"#
        );
    }
    axis + "</g>"
}

fn hours(html: &mut String, report: &Report, s: &Statement, time: &Time) {
    const HOUR: i64 = 3_600_000_000;
    let at = |from: &str| micros(from);
    let ends = report.hours.first().zip(report.hours.last());
    let Some((first, last)) = ends.and_then(|(a, b)| at(&a.from).zip(at(&b.from))) else {
        return;
    };
    let all = (last - first) / HOUR + 1;
    if all < 2 {
        return;
    }
    let together = (all + MOST_BARS - 1) / MOST_BARS;
    let mut bars = vec![0u64; ((all + together - 1) / together) as usize];
    for hour in &s.hours {
        let bar = at(&hour.from).map_or(-1, |at| (at - first) / HOUR / together);
        if let Some(sum) = usize::try_from(bar).ok().and_then(|bar| bars.get_mut(bar)) {
            *sum += hour.micros;
        }
    }
    let most = bars.iter().copied().max().unwrap_or(0).max(1);
    let wide = 280.0 / bars.len() as f64;
    let each = match together {
        1 => "hour".to_owned(),
        n => format!("{n} hours"),
    };
    let _ = write!(
        html,
        "<figure><figcaption>by the {each}, {} to {}, at most {}</figcaption><svg viewBox=\"0 0 280 49\" aria-hidden=true><path class=b d=\"",
        time.format(first, "%-d %b %H:%M"),
        time.format(last + HOUR, if all < 24 { "%H:%M" } else { "%-d %b %H:%M" }),
        length(most)
    );
    let bar_wide = (wide * 0.9 * 10.0).round() / 10.0;
    for (i, sum) in bars.iter().enumerate().filter(|(_, sum)| **sum > 0) {
        let high = (46.0 * *sum as f64 / most as f64).ceil();
        let x = (i as f64 * wide * 10.0).round() / 10.0;
        let _ = write!(html, "M{x} 48v-{high}h{bar_wide}v{high}z");
    }
    html.push_str("\"/><path class=axis d=\"M0 48.5H280\"/></svg></figure>");
}

fn steps(html: &mut String, s: &Statement) {
    let all = s.figures.micros;
    if s.parse_micros + s.bind_micros == 0 {
        return;
    }
    let execute = all.saturating_sub(s.parse_micros + s.bind_micros);
    html.push_str("<figure><figcaption>");
    let steps = [
        ("Parse", s.parse_micros),
        ("Bind", s.bind_micros),
        ("Execute", execute),
    ];
    for (i, (name, micros)) in steps.into_iter().enumerate() {
        let _ = write!(
            html,
            "{}<b class=s{i}>{name}</b> {}",
            if i > 0 { ", " } else { "" },
            share(micros, all)
        );
    }
    html.push_str("</figcaption><div class=s>");
    for (i, (_, micros)) in steps.into_iter().enumerate() {
        let part = (1000.0 * micros as f64 / all.max(1) as f64).round() / 10.0;
        let _ = write!(html, "<i class=s{i} style=flex-grow:{part}></i>");
    }
    html.push_str("</div></figure>");
}

/// Application, user and database, as far as they are logged.
fn who_heads(html: &mut String, logged: Logged) {
    for (name, is_logged) in [
        ("application", logged.application),
        ("user", logged.user),
        ("database", logged.database),
    ] {
        if is_logged {
            let _ = write!(html, "<th scope=col class=l>{name}");
        }
    }
}

fn who(html: &mut String, logged: Logged, [application, user, database]: [&str; 3]) {
    for (name, is_logged) in [
        (application, logged.application),
        (user, logged.user),
        (database, logged.database),
    ] {
        if is_logged {
            let _ = write!(html, "<td class=l>{}", escape(words::named(&clean(name))));
        }
    }
}

fn callers(html: &mut String, s: &Statement, logged: Logged) {
    if s.callers.is_empty() || !(logged.application || logged.user || logged.database) {
        return;
    }
    html.push_str("<table><caption>who calls it</caption><tr>");
    who_heads(html, logged);
    html.push_str("<th scope=col>calls<th scope=col>time<th scope=col>errors");
    for Caller {
        application,
        user,
        database,
        share,
    } in s.callers.iter().take(MOST_CALLERS)
    {
        html.push_str("<tr>");
        who(html, logged, [application, user, database]);
        let _ = write!(
            html,
            "<td>{}<td>{}<td>{}",
            count(share.calls),
            length(share.micros),
            count(share.failures)
        );
    }
    let more = s.callers.len().saturating_sub(MOST_CALLERS);
    if more > 0 {
        let _ = write!(
            html,
            "<tr><td class=l colspan=6>and {} more in --json",
            count(more as u64)
        );
    }
    html.push_str("</table>");
}

fn slowest(html: &mut String, s: &Statement, logged: Logged, time: &Time) {
    if s.slowest.is_empty() {
        return;
    }
    html.push_str("<table><caption>slowest</caption><tr><th scope=col>ended at<th scope=col>took");
    who_heads(html, logged);
    if logged.process {
        html.push_str("<th scope=col>process");
    }
    for sample in &s.slowest {
        let at = micros(&sample.at).map_or_else(|| escape(&sample.at), |at| time.format(at, "%F %T%.3f"));
        let _ = write!(html, "<tr><td>{at}<td>{}", length(sample.micros));
        who(
            html,
            logged,
            [&sample.application, &sample.user, &sample.database],
        );
        if logged.process {
            let _ = write!(html, "<td>{}", sample.pid);
        }
    }
    html.push_str("</table>");
    s.slowest.iter().for_each(|sample| values(html, sample));
}

/// The statement with its values, when the report has them.
fn values(html: &mut String, sample: &Sample) {
    let Some(text) = &sample.text else { return };
    let _ = write!(html, "<pre>{}", escape(&words::fit(text, MOST_TEXT[0])));
    if let Some(parameters) = &sample.parameters {
        let _ = write!(html, "\n-- {}", escape(&words::fit(parameters, MOST_TEXT[0])));
    }
    html.push_str("</pre>");
}
