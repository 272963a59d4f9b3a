//! `canvass wave`: make, list, open and close waves.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use canvass_store::admin::{Admin, NewWave, WaveSummary};
use canvass_survey::parse;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::config::ConfigArgs;
use crate::serve::block_on;
use crate::times::{self, DayMeans, rfc3339, show};

/// What `canvass wave` takes.
#[derive(Debug, Args)]
pub(crate) struct WaveArgs {
    #[command(subcommand)]
    command: WaveCommand,
}

#[derive(Debug, Subcommand)]
enum WaveCommand {
    Create(CreateArgs),
    /// List all waves with their counts
    List {
        #[command(flatten)]
        settings: ConfigArgs,
        /// Print a JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Open a wave now; a closed one needs a new closing time
    Open {
        /// The wave's name or number
        wave: String,
        /// The new closing time; a date is included
        #[arg(long, value_name = "TIME")]
        closes: Option<String>,
        #[command(flatten)]
        settings: ConfigArgs,
    },
    /// Close a wave now; saves that were under way are accepted until its late period ends
    Close {
        /// The wave's name or number
        wave: String,
        #[command(flatten)]
        settings: ConfigArgs,
    },
}

/// Publish a questionnaire and make a wave that fields it
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  canvass wave create --survey surveys/small.yaml --name \"Spring 2027\" \\\n      \
                        --opens 2027-03-01 --closes 2027-03-19"
)]
struct CreateArgs {
    /// The questionnaire, as docs/questionnaire.md describes it
    #[arg(long, value_name = "FILE")]
    survey: PathBuf,
    /// The wave's name
    #[arg(long)]
    name: String,
    /// When codes are let in: 2027-03-01, "2027-03-01 08:00" or now
    #[arg(long, value_name = "TIME", default_value = "now")]
    opens: String,
    /// Until when; a date is included
    #[arg(long, value_name = "TIME")]
    closes: String,
    /// Days after closing in which saves that were under way are accepted
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    late_days: u16,
    #[command(flatten)]
    settings: ConfigArgs,
}

/// Runs `canvass wave`.
///
/// # Errors
/// In one line, with the way out.
pub(crate) fn run(args: &WaveArgs) -> anyhow::Result<ExitCode> {
    let zone = TimeZone::system();
    match &args.command {
        WaveCommand::Create(create) => create.run(&zone),
        WaveCommand::List { settings, json } => {
            let waves = on_database(settings, async |admin| Ok(admin.waves().await?))?;
            if *json {
                list_json(&waves)
            } else {
                list_table(&waves, &zone)
            }
        }
        WaveCommand::Open {
            wave,
            closes,
            settings,
        } => {
            let closes = closes
                .as_deref()
                .map(|text| times::parse(text, DayMeans::End, &zone))
                .transpose()?;
            on_database(settings, async |admin| {
                let id = admin.find_wave(wave).await?;
                Ok(admin.open_wave(id, closes).await?)
            })?;
            writeln!(io::stdout(), "{wave:?} is open.")?;
            Ok(ExitCode::SUCCESS)
        }
        WaveCommand::Close { wave, settings } => {
            on_database(settings, async |admin| {
                let id = admin.find_wave(wave).await?;
                Ok(admin.close_wave(id).await?)
            })?;
            writeln!(
                io::stdout(),
                "{wave:?} is closed. Saves that were under way are accepted until its late period ends."
            )?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Runs something on an administrator's connection.
pub(crate) fn on_database<T>(
    settings: &ConfigArgs,
    run: impl AsyncFnOnce(&mut Admin) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let database = settings.load()?.database()?;
    block_on(async {
        let mut admin = Admin::connect(&database).await?;
        run(&mut admin).await
    })?
}

impl CreateArgs {
    fn run(&self, zone: &TimeZone) -> anyhow::Result<ExitCode> {
        let file = self.survey.display();
        let bytes = read_bounded(&self.survey).with_context(|| file.to_string())?;
        let source = parse::decode(&bytes).map_err(|problem| anyhow!("{file}:{problem}"))?;
        let questionnaire = parse::parse(source).map_err(|problems| match problems.as_slice() {
            [only] => anyhow!("{file}:{only}"),
            [first, ..] => anyhow!(
                "{file}:{first} ({} in all: see `canvass survey check {file}`)",
                problems.len()
            ),
            [] => anyhow!("{file} cannot be read as a questionnaire"),
        })?;
        let opens_at = times::parse(&self.opens, DayMeans::Start, zone).context("--opens")?;
        let closes_at = times::parse(&self.closes, DayMeans::End, zone).context("--closes")?;
        if closes_at <= Timestamp::now().as_microsecond() {
            bail!("--closes {:?} is in the past", self.closes);
        }
        let wave = NewWave {
            name: &self.name,
            questionnaire: &questionnaire,
            source,
            opens_at,
            closes_at,
            late_seconds: i64::from(self.late_days) * 86_400,
        };
        let id = on_database(&self.settings, async |admin| Ok(admin.create_wave(&wave).await?))?;
        let mut out = io::stdout().lock();
        writeln!(
            out,
            "Wave {id} {:?}: {} {}",
            self.name, questionnaire.survey, questionnaire.version
        )?;
        writeln!(
            out,
            "Open from {} to {}.",
            show(opens_at, zone),
            show(closes_at, zone)
        )?;
        writeln!(
            out,
            "Next: canvass codes --wave {id} --count 100 --csv > codes.csv"
        )?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A file's bytes, one more than a questionnaire may have at most: enough to tell that it is too large.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = parse::MAX_BYTES as u64 + 1;
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn list_json(waves: &[WaveSummary]) -> anyhow::Result<ExitCode> {
    let list = waves.iter().map(|w| {
        json!({
            "wave": w.id, "name": w.name, "survey": w.survey, "version": w.version,
            "opens_at": rfc3339(w.opens_at), "closes_at": rfc3339(w.closes_at), "late_until": rfc3339(w.late_until),
            "enrolled": w.enrolled, "started": w.started, "submitted": w.submitted,
        })
    });
    writeln!(io::stdout(), "{:#}", serde_json::Value::Array(list.collect()))?;
    Ok(ExitCode::SUCCESS)
}

fn list_table(waves: &[WaveSummary], zone: &TimeZone) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    if waves.is_empty() {
        writeln!(out, "There are no waves. `canvass wave create` makes one.")?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = Timestamp::now().as_microsecond();
    writeln!(
        out,
        "{:>4}  {:<22} {:<6} {:<16} {:>8} {:>8} {:>8}",
        "wave", "name", "state", "until", "enrolled", "started", "done"
    )?;
    for w in waves {
        let (state, until) = match now {
            t if t < w.opens_at => ("early", w.opens_at),
            t if t < w.closes_at => ("open", w.closes_at),
            t if t < w.late_until => ("late", w.late_until),
            _ => ("over", w.late_until),
        };
        let name: String = w.name.chars().take(22).collect();
        let until = show(until, zone);
        writeln!(
            out,
            "{:>4}  {name:<22} {state:<6} {until:<16} {:>8} {:>8} {:>8}",
            w.id.0, w.enrolled, w.started, w.submitted
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
