//! `canvass codes`: enrols people in a wave and prints their access codes.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use canvass_store::WaveId;
use canvass_store::admin::{Admin, Enrolled, NewPerson};
use canvass_web::keys::KeyRing;
use clap::Args;

use crate::config::ConfigArgs;
use crate::serve::block_on;

/// Enrol people in a wave and print their access codes
///
/// Codes are kept nowhere in the clear: with the keys file they can be printed again by --existing. A person whose
/// `person` is known already keeps their code.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  canvass codes --wave 1 --count 600 --unit \"Lincoln School\" --csv > codes.csv\n  \
                        canvass codes --wave 1 --people people.csv --csv > codes.csv\n      \
                        (people.csv: a header with any of person, name, role, unit)\n  \
                        canvass codes --wave 1 --existing --csv > codes.csv"
)]
#[command(group = clap::ArgGroup::new("whom").required(true).args(["count", "people", "existing"]))]
pub(crate) struct CodesArgs {
    /// The wave's name or number
    #[arg(long)]
    wave: String,
    /// So many people without a name
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    count: Option<u32>,
    /// One for each row of a CSV
    #[arg(long, value_name = "FILE")]
    people: Option<PathBuf>,
    /// Those who are enrolled already
    #[arg(long)]
    existing: bool,
    /// The school of those without a `unit`
    #[arg(long, value_name = "NAME")]
    unit: Option<String>,
    /// Print CSV with a header: person,name,unit,code
    #[arg(long)]
    csv: bool,
    /// Write to a file that only you can read, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    settings: ConfigArgs,
}

/// Runs `canvass codes`.
///
/// # Errors
/// In one line, with the way out. Who was printed is enrolled.
pub(crate) fn run(args: &CodesArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.load()?;
    let (database, ring) = (config.database()?, config.key_ring()?);
    let people = people(args)?;
    block_on(async {
        let mut admin = Admin::connect(&database).await?;
        let wave = admin.find_wave(&args.wave).await?;
        let mut sheet = Sheet::open(args)?;
        let printed = match people {
            People::Enrolled => print_enrolled(&admin, wave, &ring, &mut sheet).await,
            People::Listed(people) => {
                admin
                    .enrol(wave, ring.codes(), &people, |e| sheet.write(&e))
                    .await
            }
            People::Nameless(count) => {
                let nobody = NewPerson {
                    unit: args.unit.clone(),
                    ..NewPerson::default()
                };
                enrol_nameless(&mut admin, wave, &ring, nobody, count, &mut sheet).await
            }
        };
        let (begun, known) = (sheet.rows > 0, sheet.known);
        printed.and_then(|()| sheet.finish()).map_err(|error| match begun && !args.existing {
            true => error.context(format!(
                "people were enrolled before this; `canvass codes --wave {wave} --existing` prints their codes"
            )),
            false => error,
        })?;
        if known > 0 && !args.existing {
            let mut err = io::stderr().lock();
            writeln!(
                err,
                "{known} on the roster already: they keep their code, name and unit"
            )?;
        }
        Ok(ExitCode::SUCCESS)
    })?
}

async fn print_enrolled(
    admin: &Admin,
    wave: WaveId,
    ring: &KeyRing,
    sheet: &mut Sheet,
) -> anyhow::Result<()> {
    for enrolled in admin.enrolled(wave, ring.codes()).await? {
        sheet.write(&enrolled)?;
    }
    Ok(())
}

/// In portions, so that ten million people need no memory for all of them at once.
async fn enrol_nameless(
    admin: &mut Admin,
    wave: WaveId,
    ring: &KeyRing,
    nobody: NewPerson,
    count: u32,
    sheet: &mut Sheet,
) -> anyhow::Result<()> {
    let mut left = count;
    while left > 0 {
        let portion = left.min(50_000);
        left -= portion;
        let people = vec![nobody.clone(); portion as usize];
        admin
            .enrol(wave, ring.codes(), &people, |e| sheet.write(&e))
            .await?;
    }
    Ok(())
}

enum People {
    Enrolled,
    Listed(Vec<NewPerson>),
    Nameless(u32),
}

fn people(args: &CodesArgs) -> anyhow::Result<People> {
    match &args.people {
        _ if args.existing => Ok(People::Enrolled),
        Some(path) => Ok(People::Listed(read_people(path, args.unit.as_deref())?)),
        None => Ok(People::Nameless(args.count.unwrap_or(0))),
    }
}

/// Most characters of a name, a school or an identifier.
const LONGEST_FIELD: usize = 200;

/// Reads people from a CSV whose header has any of person, name, role, unit.
fn read_people(path: &Path, unit: Option<&str>) -> anyhow::Result<Vec<NewPerson>> {
    let name = path.display();
    let file = File::open(path).with_context(|| name.to_string())?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let header = reader.headers().with_context(|| name.to_string())?.clone();
    const COLUMNS: [&str; 4] = ["person", "name", "role", "unit"];
    let plain = |h: &str| h.trim_start_matches('\u{feff}').to_ascii_lowercase();
    for column in &header {
        if !COLUMNS.contains(&plain(column).as_str()) {
            bail!(
                "{name}: unknown column {column:?}; a person has any of {}",
                COLUMNS.join(", ")
            );
        }
    }
    for wanted in COLUMNS {
        if header.iter().filter(|h| plain(h) == wanted).count() > 1 {
            bail!("{name}: column {wanted:?} stands twice");
        }
    }
    let place = |wanted: &str| header.iter().position(|h| plain(h) == wanted);
    let places = COLUMNS.map(place);
    let mut people = Vec::new();
    let mut seen = std::collections::HashMap::new();
    for (n, row) in reader.records().enumerate() {
        let row = row.with_context(|| format!("{name}: row {}", n + 2))?;
        let field = |i: usize| {
            places[i]
                .and_then(|p| row.get(p))
                .filter(|v| !v.is_empty())
                .map(str::to_owned)
        };
        let line = row.position().map_or(n as u64 + 2, csv::Position::line);
        if row.iter().any(|v| v.contains('\0')) {
            bail!("{name}:{line}: a NUL character");
        }
        if row.iter().all(str::is_empty) {
            continue;
        }
        if row.iter().any(|v| v.chars().count() > LONGEST_FIELD) {
            bail!("{name}:{line}: a field of more than {LONGEST_FIELD} characters");
        }
        let person = NewPerson {
            person: field(0),
            name: field(1),
            role: field(2).map(|role| role.to_lowercase()),
            unit: field(3).or(unit.map(str::to_owned)),
        };
        if let Some(role) = &person.role
            && !["student", "teacher", "parent"].contains(&role.as_str())
        {
            bail!("{name}:{line}: unknown role {role:?}; a role is student, teacher or parent");
        }
        if let Some(id) = &person.person
            && let Some(earlier) = seen.insert(id.clone(), line)
        {
            // The line says who it is; the words may end in somebody's log.
            bail!("{name}:{line}: the person of line {earlier} once more");
        }
        people.push(person);
    }
    if people.is_empty() {
        bail!("{name}: nobody in it");
    }
    Ok(people)
}

/// Where the codes are written.
struct Sheet {
    out: Out,
    rows: u64,
    known: u64,
}

enum Out {
    Csv(Box<csv::Writer<Box<dyn Write>>>),
    Plain(Box<dyn Write>),
}

impl Sheet {
    fn open(args: &CodesArgs) -> anyhow::Result<Self> {
        let target: Box<dyn Write> = match &args.out {
            Some(path) => {
                let file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(path);
                Box::new(BufWriter::new(file.with_context(|| path.display().to_string())?))
            }
            None => Box::new(BufWriter::new(io::stdout())),
        };
        if !args.csv {
            return Ok(Self {
                out: Out::Plain(target),
                rows: 0,
                known: 0,
            });
        }
        let mut writer = csv::Writer::from_writer(target);
        writer.write_record(["person", "name", "unit", "code"])?;
        Ok(Self {
            out: Out::Csv(Box::new(writer)),
            rows: 0,
            known: 0,
        })
    }

    fn write(&mut self, enrolled: &Enrolled) -> anyhow::Result<()> {
        self.rows += 1;
        self.known += u64::from(enrolled.known);
        let code = enrolled.code.printed();
        let text =
            |t: &Option<String>| crate::export::spreadsheet_safe(t.as_deref().unwrap_or("")).into_owned();
        match &mut self.out {
            Out::Csv(writer) => {
                writer.write_record([
                    text(&enrolled.person),
                    text(&enrolled.name),
                    text(&enrolled.unit),
                    code,
                ])?;
            }
            Out::Plain(out) => {
                let parts = [&enrolled.person, &enrolled.name, &enrolled.unit];
                let who: Vec<&str> = parts.into_iter().filter_map(Option::as_deref).collect();
                writeln!(out, "{code}  {}", who.join(", "))?;
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        match self.out {
            Out::Csv(mut writer) => writer.flush()?,
            Out::Plain(mut out) => out.flush()?,
        }
        Ok(())
    }
}
