//! `canvass export`: every response of a wave, from one snapshot, in constant memory.

mod columns;
mod whole_file;

use std::borrow::Cow;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use canvass_store::read::{ExportRow, Exporter, UnitNames};
use canvass_store::{Database, Wave, Waves, admin::Admin};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};

use columns::Columns;
use whole_file::WholeFile;

use crate::config::ConfigArgs;
use crate::serve::block_on;
use crate::times::rfc3339;

/// Write every response of a wave to a file, from one snapshot
///
/// The file is written whole or not at all; a codebook stands beside it. A skipped question is -1, one on a page
/// that was never saved is empty. No name and no code is in it.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  canvass export --wave \"Spring 2027\" --format csv --out spring.csv\n      \
                        (and spring.codebook.csv beside it)"
)]
pub(crate) struct ExportArgs {
    /// The wave's name or number
    #[arg(long)]
    wave: String,
    /// The file's format
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// The file; wave-N.csv when not given; - for standard output, then without a codebook
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    settings: ConfigArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Comma-separated values, UTF-8, RFC 4180
    Csv,
}

/// Runs `canvass export`.
///
/// # Errors
/// In one line; a file of an earlier export stays as it was.
pub(crate) fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let Format::Csv = args.format;
    let database = args.settings.load()?.database()?;
    block_on(async {
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        // Ending the export by dropping it takes its unfinished files away.
        tokio::select! {
            done = export(&database, args) => done,
            _ = term.recv() => bail!("stopped before the export was complete; nothing was written"),
            _ = int.recv() => bail!("stopped before the export was complete; nothing was written"),
        }
    })?
}

async fn export(database: &Database, args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let admin = Admin::connect(database).await?;
    let id = admin.find_wave(&args.wave).await?;
    let waves = Waves::default();
    waves.refresh(admin.client()).await?;
    let Some(wave) = waves.get(id) else {
        bail!("the questionnaire of wave {id} cannot be read by this version of Canvass")
    };
    let mut exporter = Exporter::connect(database).await?;
    match args.out.as_deref() {
        Some(path) if path == Path::new("-") => {
            write_csv(&mut exporter, &wave, BufWriter::new(io::stdout())).await?;
        }
        path => {
            let path = path.map_or_else(|| PathBuf::from(format!("wave-{id}.csv")), Path::to_owned);
            to_files(&mut exporter, &wave, &path).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn to_files(exporter: &mut Exporter, wave: &Wave, path: &Path) -> anyhow::Result<()> {
    let codebook = path.with_extension("codebook.csv");
    let (mut answers, mut book) = (WholeFile::create(path)?, WholeFile::create(&codebook)?);
    let responses = write_csv(exporter, wave, answers.writer()).await?;
    Columns::of(&wave.questionnaire).write_codebook(&wave.questionnaire, book.writer())?;
    answers.finish()?;
    book.finish()?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}: {responses} responses", path.display())?;
    writeln!(out, "{}: what the columns mean", codebook.display())?;
    Ok(())
}

async fn write_csv(exporter: &mut Exporter, wave: &Wave, out: impl Write) -> anyhow::Result<u64> {
    let columns = Columns::of(&wave.questionnaire);
    let writer = std::cell::RefCell::new(csv::Writer::from_writer(out));
    let progress = std::cell::OnceCell::new();
    let mut units = UnitNames::new();
    let unit_names = std::cell::RefCell::new(&mut units);
    let mut responses = 0;
    exporter
        .run(
            wave,
            |names, total| {
                **unit_names.borrow_mut() = names.clone();
                let _ = progress.set(progress_bar(total));
                writer.borrow_mut().write_record(columns.header())?;
                Ok::<_, anyhow::Error>(())
            },
            |row| {
                write_row(&mut writer.borrow_mut(), &columns, &unit_names.borrow(), &row)?;
                responses += 1;
                if let Some(bar) = progress.get() {
                    bar.inc(1);
                }
                Ok(())
            },
        )
        .await?;
    writer.into_inner().flush()?;
    if let Some(bar) = progress.get() {
        bar.finish_and_clear();
    }
    Ok(responses)
}

fn write_row(
    writer: &mut csv::Writer<impl Write>,
    columns: &Columns<'_>,
    units: &UnitNames,
    row: &ExportRow,
) -> anyhow::Result<()> {
    let unit = row.unit.and_then(|id| units.get(&id)).map_or("", String::as_str);
    writer.write_field(row.response_id.to_string())?;
    writer.write_field(spreadsheet_safe(unit).as_bytes())?;
    writer.write_field(row.language.as_deref().unwrap_or(""))?;
    writer.write_field(rfc3339(row.started_at))?;
    writer.write_field(row.folded.submitted_at.map(rfc3339).unwrap_or_default())?;
    writer.write_field(row.folded.left_out.to_string())?;
    columns.write_answers(writer, &row.folded)?;
    writer.write_record(None::<&[u8]>)?;
    Ok(())
}

/// A progress bar on a terminal; nothing elsewhere.
fn progress_bar(total: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} responses, {eta} left");
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A text that no spreadsheet takes for a formula: one that starts with = + - @, a tab or a carriage return gets an
/// apostrophe in front (OWASP, "CSV Injection").
pub(crate) fn spreadsheet_safe(text: &str) -> Cow<'_, str> {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => Cow::Owned(format!("'{text}")),
        _ => Cow::Borrowed(text),
    }
}
