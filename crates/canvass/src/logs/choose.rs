//! Which records count.

use anyhow::Context;
use canvass_pglog::choose::{Choice, Names};
use clap::Args;
use jiff::tz::TimeZone;
use regex::{Regex, RegexBuilder};

use crate::times::{self, DayMeans};

/// The command line's choice.
#[derive(Debug, Args)]
#[command(next_help_heading = "What counts")]
pub(super) struct Chosen {
    /// From this time on: 2026-11-26, "2026-11-26 08:00", 2026-11-26T08:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before this time; a day counts whole
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Statements whose normalised text this regular expression finds (repeatable)
    #[arg(long, value_name = "REGEX")]
    query: Vec<String>,
    /// No such statements
    #[arg(long, value_name = "REGEX")]
    exclude_query: Vec<String>,
    /// Of this application (repeatable)
    #[arg(long, value_name = "NAME")]
    application: Vec<String>,
    /// Not of this application
    #[arg(long, value_name = "NAME")]
    exclude_application: Vec<String>,
    /// Of this user (repeatable)
    #[arg(long, value_name = "NAME")]
    user: Vec<String>,
    /// Not of this user
    #[arg(long, value_name = "NAME")]
    exclude_user: Vec<String>,
    /// Of this database (repeatable)
    #[arg(long, value_name = "NAME")]
    database: Vec<String>,
    /// Not of this database
    #[arg(long, value_name = "NAME")]
    exclude_database: Vec<String>,
    /// Of this client's host (repeatable)
    #[arg(long, value_name = "HOST")]
    client: Vec<String>,
    /// Not of this client's host
    #[arg(long, value_name = "HOST")]
    exclude_client: Vec<String>,
    /// Of this session, as %c has it (repeatable)
    #[arg(long, value_name = "ID")]
    session: Vec<String>,
    /// Of this process (repeatable)
    #[arg(long, value_name = "PID")]
    pid: Vec<u32>,
    /// Only errors and worse
    #[arg(long, conflicts_with = "select_only")]
    errors_only: bool,
    /// Only statements that read
    #[arg(long)]
    select_only: bool,
}

impl Chosen {
    /// What counts.
    ///
    /// # Errors
    /// A time or a regular expression that is none, by its option.
    pub(super) fn choice(&self, zone: &TimeZone) -> anyhow::Result<Choice> {
        let time = |text: &Option<String>, means, option| {
            let parsed = text.as_ref().map(|text| times::parse(text, means, zone));
            parsed.transpose().context(option)
        };
        let names = |only: &Vec<String>, without: &Vec<String>| Names {
            only: only.clone(),
            without: without.clone(),
        };
        Ok(Choice {
            since: time(&self.since, DayMeans::Start, "--since")?,
            until: time(&self.until, DayMeans::End, "--until")?,
            names: [
                names(&self.application, &self.exclude_application),
                names(&self.user, &self.exclude_user),
                names(&self.database, &self.exclude_database),
                names(&self.client, &self.exclude_client),
            ],
            sessions: self.session.iter().map(|id| Choice::session(id)).collect(),
            pids: self.pid.clone(),
            queries: patterns(&self.query, "--query")?,
            not_queries: patterns(&self.exclude_query, "--exclude-query")?,
            errors_only: self.errors_only,
            select_only: self.select_only,
        })
    }
}

fn patterns(texts: &[String], option: &'static str) -> anyhow::Result<Vec<Regex>> {
    let compile = |text: &String| RegexBuilder::new(text).case_insensitive(true).build();
    texts
        .iter()
        .map(compile)
        .collect::<Result<_, _>>()
        .context(option)
}
