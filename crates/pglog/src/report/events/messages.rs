//! Errors, cancelled statements, warnings, and what an operator has to see.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::{Builder, Seen, StatementCount};
use crate::message::class_name;
use crate::parse::is_failure;
use crate::record::Severity;
use crate::report::text::{Done, title, wrapped};
use crate::report::words::{as_logged, count};
use crate::totals::{self, MessageTotals};

/// Statements that are named with a message.
const FEW: usize = 5;

/// Errors, cancelled statements, warnings, and what an operator has to see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Messages {
    /// Errors and worse by the class of their SQLSTATE, the most first.
    pub classes: Vec<ErrorClass>,
    /// Errors and worse, the most frequent first.
    pub errors: Vec<MessageGroup>,
    /// How many different ones there are, shown or not.
    pub distinct_errors: u64,
    /// Warnings, notices and the like, the most frequent first.
    pub warnings: Vec<MessageGroup>,
    /// What an operator has to see, the worst first.
    pub server: Vec<ServerEvent>,
    /// Cancelled statements by reason.
    pub cancelled: Vec<Cancelled>,
}

/// Errors of one class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorClass {
    /// The first two characters of the SQLSTATE; empty: not logged, and not certain from the words.
    pub class: String,
    /// In words.
    pub name: String,
    /// How many errors.
    pub count: u64,
}

/// Messages that are the same apart from their values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MessageGroup {
    /// 16 hexadecimal digits.
    pub id: String,
    /// `ERROR`, ….
    pub severity: String,
    /// SQLSTATE; `None`: not logged, and not certain from the words.
    pub sqlstate: Option<String>,
    /// Without values; of a message that is not one of PostgreSQL's own, that it is not shown.
    pub text: String,
    /// How often, and when.
    #[serde(flatten)]
    pub seen: Seen,
    /// The statements that it was about, the most frequent ones.
    pub statements: Vec<StatementCount>,
    /// Who got it.
    pub callers: Vec<CallerCount>,
    /// The first one with its values; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sample: Option<MessageSample>,
}

/// Who, and how often.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CallerCount {
    /// `%a`.
    pub application: String,
    /// `%u`.
    pub user: String,
    /// `%d`.
    pub database: String,
    /// How often.
    pub count: u64,
}

/// A message as logged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MessageSample {
    /// The message.
    pub message: String,
    /// `DETAIL`.
    pub detail: String,
    /// `HINT`.
    pub hint: String,
    /// `CONTEXT`.
    pub context: String,
}

/// Something that an operator has to see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerEvent {
    /// What it is about.
    pub about: String,
    /// `LOG`, `ERROR`, ….
    pub severity: String,
    /// SQLSTATE.
    pub sqlstate: Option<String>,
    /// Without values.
    pub text: String,
    /// How often, and when.
    #[serde(flatten)]
    pub seen: Seen,
}

/// Statements cancelled for one reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cancelled {
    /// Why.
    pub reason: String,
    /// How often, and when.
    #[serde(flatten)]
    pub seen: Seen,
    /// Which statements, the most frequent ones.
    pub statements: Vec<StatementCount>,
}

pub(super) fn build(builder: &Builder<'_>, messages: &totals::Messages) -> Messages {
    let most = builder.settings.statements;
    let groups = |wanted: &dyn Fn(&MessageTotals) -> bool| -> Vec<MessageGroup> {
        let all = messages.groups.largest(usize::MAX, |m| m.seen.count);
        let wanted = all.into_iter().filter(|(_, m)| wanted(m)).take(most);
        wanted.map(|(key, m)| group(builder, *key, m)).collect()
    };
    let is_warning = |m: &MessageTotals| !is_failure(m.severity) && m.severity != Severity::Log;
    let cancelled = messages.cancels.largest(usize::MAX, |c| c.seen.count);
    Messages {
        classes: classes(messages),
        errors: groups(&|m| is_failure(m.severity)),
        distinct_errors: messages
            .groups
            .iter()
            .filter(|(_, m)| is_failure(m.severity))
            .count() as u64,
        warnings: groups(&is_warning),
        server: server(builder, messages),
        cancelled: cancelled
            .into_iter()
            .map(|(reason, c)| Cancelled {
                reason: reason.name().to_owned(),
                seen: builder.seen(&c.seen),
                statements: builder.counted(&c.statements, builder.settings.names),
            })
            .collect(),
    }
}

fn classes(messages: &totals::Messages) -> Vec<ErrorClass> {
    let mut classes: Vec<ErrorClass> = Vec::new();
    for (state, count) in messages.states.iter() {
        let class = state.get(..2).unwrap_or_default();
        match classes.iter_mut().find(|c| c.class == class) {
            Some(known) => known.count += count,
            None => classes.push(ErrorClass {
                class: class.to_owned(),
                name: match class {
                    "" => "class not logged".to_owned(),
                    _ => class_name(class).to_owned(),
                },
                count: *count,
            }),
        }
    }
    classes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.class.cmp(&b.class)));
    classes
}

fn group(builder: &Builder<'_>, key: u64, m: &MessageTotals) -> MessageGroup {
    let sample = m.sample.as_ref().filter(|_| builder.settings.with_values);
    let callers = m.callers.largest(builder.settings.names, |count| *count);
    MessageGroup {
        id: format!("{key:016x}"),
        severity: m.severity.name().to_owned(),
        sqlstate: m.state.as_ref().map(|s| s.to_string()),
        text: shown(m),
        seen: builder.seen(&m.seen),
        statements: builder.counted(&m.statements, FEW),
        callers: callers
            .into_iter()
            .map(|(caller, count)| CallerCount {
                application: caller.application.to_string(),
                user: caller.user.to_string(),
                database: caller.database.to_string(),
                count: *count,
            })
            .collect(),
        sample: sample.map(|s| MessageSample {
            message: as_logged(&s.message),
            detail: as_logged(&s.detail),
            hint: as_logged(&s.hint),
            context: as_logged(&s.context),
        }),
    }
}

/// What may be shown of a message.
fn shown(m: &MessageTotals) -> String {
    let is_known = !m.text.is_empty() && !m.text.starts_with("raised by ");
    if is_known {
        return m.text.to_string();
    }
    let state = match &m.state {
        Some(state) => format!("SQLSTATE {state}"),
        None => "SQLSTATE not logged".to_owned(),
    };
    let severity = m.severity.name();
    match m.text.is_empty() {
        true => format!("(message not shown: {state}, {severity})"),
        false => format!("(message not shown: {state}, {severity}, {})", m.text),
    }
}

fn server(builder: &Builder<'_>, messages: &totals::Messages) -> Vec<ServerEvent> {
    let mut events: Vec<_> = messages
        .groups
        .iter()
        .filter_map(|(key, m)| Some((m.category?, m.seen.first, *key, m)))
        .collect();
    events.sort_by_key(|(category, first, key, _)| (*category, *first, *key));
    events
        .into_iter()
        .take(builder.settings.statements)
        .map(|(category, _, _, m)| ServerEvent {
            about: category.name().to_owned(),
            severity: m.severity.name().to_owned(),
            sqlstate: m.state.as_ref().map(|s| s.to_string()),
            text: shown(m),
            seen: builder.seen(&m.seen),
        })
        .collect()
}

pub(super) fn write(out: &mut String, messages: &Messages, top: usize) -> Done {
    write_server(out, messages, top)?;
    if !messages.errors.is_empty() {
        title(out, "Errors")?;
        for class in &messages.classes {
            let code = if class.class.is_empty() {
                "--"
            } else {
                &class.class
            };
            writeln!(out, "{:>11}  {code}  {}", count(class.count), class.name)?;
        }
        write_groups(out, &messages.errors, messages.distinct_errors, top)?;
    }
    if !messages.cancelled.is_empty() {
        title(out, "Cancelled statements")?;
    }
    for cancelled in &messages.cancelled {
        writeln!(out, "{:>11}  {}", count(cancelled.seen.count), cancelled.reason)?;
        for statement in cancelled.statements.iter().take(top) {
            write_statement(out, statement)?;
        }
    }
    if !messages.warnings.is_empty() {
        title(out, "Warnings and notices")?;
        write_groups(out, &messages.warnings, messages.warnings.len() as u64, top)?;
    }
    Ok(())
}

fn write_server(out: &mut String, messages: &Messages, top: usize) -> Done {
    if messages.server.is_empty() {
        return Ok(());
    }
    title(out, "What the operator must see")?;
    let mut about = "";
    let mut shown = 0;
    for event in &messages.server {
        if event.about != about {
            about = &event.about;
            shown = 0;
            writeln!(out, "{about}")?;
        }
        shown += 1;
        if shown > top {
            continue;
        }
        wrapped(
            out,
            &format!("{:>11}  ", count(event.seen.count)),
            "             ",
            &format!("{} {}", event.severity, event.text),
        )?;
        writeln!(out, "             {}", period(&event.seen))?;
    }
    Ok(())
}

fn period(seen: &Seen) -> String {
    match seen.first == seen.last {
        true => seen.first.clone(),
        false => format!("{} to {}", seen.first, seen.last),
    }
}

fn write_groups(out: &mut String, groups: &[MessageGroup], all: u64, top: usize) -> Done {
    for group in groups.iter().take(top) {
        let state = group.sqlstate.as_deref().unwrap_or("-----");
        let head = format!("{:>11}  {state} ", count(group.seen.count));
        wrapped(
            out,
            &head,
            "             ",
            &format!("{} {}", group.severity, group.text),
        )?;
        writeln!(out, "             {}", period(&group.seen))?;
        if let Some(sample) = &group.sample {
            let parts = [
                ("", &sample.message),
                ("DETAIL ", &sample.detail),
                ("HINT ", &sample.hint),
                ("CONTEXT ", &sample.context),
            ];
            for (name, text) in parts.iter().filter(|(_, text)| !text.is_empty()) {
                wrapped(
                    out,
                    "             | ",
                    "             | ",
                    &format!("{name}{}", crate::clean(text)),
                )?;
            }
        }
        for caller in group.callers.iter().take(3) {
            let names = [&caller.application, &caller.user, &caller.database];
            let names: Vec<&str> = names
                .iter()
                .map(|n| n.as_str())
                .filter(|n| !n.is_empty())
                .collect();
            if !names.is_empty() {
                let line = format!("{} {}", count(caller.count), names.join(" / "));
                wrapped(out, "             ", "             ", &crate::clean(&line))?;
            }
        }
        for statement in group.statements.iter().take(2) {
            write_statement(out, statement)?;
        }
    }
    if all as usize > top.min(groups.len()) {
        writeln!(out, "             … of {} different ones", count(all))?;
    }
    Ok(())
}

fn write_statement(out: &mut String, statement: &StatementCount) -> Done {
    let id = statement.id.get(..8).unwrap_or("not logged");
    let head = format!("{:>16} {id} ", count(statement.count));
    wrapped(
        out,
        &head,
        "                 ",
        &crate::report::text::shortened(&statement.text, 100),
    )
}
