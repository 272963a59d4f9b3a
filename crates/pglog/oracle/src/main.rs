//! Asks PostgreSQL's own parser, by way of pg_query's fingerprints, which statements are the same.
//!
//! ```text
//! sql-oracle                      writes tests/sql/corpus.fingerprints
//! sql-oracle --check [COUNT SEED] makes up COUNT families of statements: nothing that pg_query tells apart may have
//!                                 one fingerprint with us, and we may split at most 1 % of what it calls the same;
//!                                 then the same with as many changes to the corpus, and our tokens with PostgreSQL's
//! sql-oracle --ask < statements   for each line: pg_query's fingerprints, ours, the normalised text
//! ```

mod check;
#[allow(dead_code)]
#[path = "../../tests/sql/corpus.rs"]
mod corpus;
mod expression;
mod generate;
mod lexing;
mod mutate;
#[allow(dead_code, clippy::duplicate_mod)]
#[path = "../../src/sql/mod.rs"]
mod sql;

use std::error::Error;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use pg_query::FingerprintOptions;

/// pg_query's opinion of one statement, at three settings. Its default leaves out schemas, long numbers in the names of
/// tables, and a table's name where it has an alias; the others bring these back, and each leaves something else out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Opinion {
    pub default: u64,
    pub aliases: u64,
    pub relations: u64,
}

/// Asks pg_query; its message when the statement does not parse.
pub fn ask(sql: &str) -> Result<Opinion, String> {
    let with = |options: FingerprintOptions| {
        pg_query::fingerprint(sql, 0, options)
            .map(|fingerprint| fingerprint.value)
            .map_err(|e| e.to_string())
    };
    Ok(Opinion {
        default: with(FingerprintOptions::from(0))?,
        aliases: with(FingerprintOptions::FULL_RELNAME | FingerprintOptions::RANGEVAR_INCLUDE_SCHEMA)?,
        relations: with(FingerprintOptions::FULL_RELNAME | FingerprintOptions::RANGEVAR_PG17_COMPAT)?,
    })
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: u64| arguments.get(at).map_or(Ok(default), |text| text.parse::<u64>());
    match arguments.first().map(String::as_str) {
        None => write_fingerprints()?,
        Some("--check") => return Ok(check::run(&read_corpus()?, number(1, 20_000)?, number(2, 1)?)),
        Some("--ask") => answer_lines()?,
        Some(other) => return Err(format!("unknown argument {other}; see the top of src/main.rs").into()),
    }
    Ok(ExitCode::SUCCESS)
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/sql")
}

fn read_corpus() -> std::io::Result<Vec<corpus::Entry>> {
    Ok(corpus::parse(&std::fs::read_to_string(
        directory().join("corpus.sql.txt"),
    )?))
}

fn write_fingerprints() -> Result<(), Box<dyn Error>> {
    let corpus = read_corpus()?;
    let mut out = String::from(
        "# Written by: cargo run --release --manifest-path crates/pglog/oracle/Cargo.toml\n\
         # What pg_query makes of corpus.sql.txt: name, fingerprint as by default, with schemas and aliases, with schemas\n\
         # and tables.\n",
    );
    let mut failed = 0;
    for entry in &corpus {
        match ask(&entry.sql) {
            Ok(Opinion {
                default,
                aliases,
                relations,
            }) => {
                writeln!(
                    out,
                    "{} {default:016x} {aliases:016x} {relations:016x}",
                    entry.name
                )?;
            }
            Err(error) => {
                failed += 1;
                eprintln!("{}: {error}: {}", entry.name, entry.sql);
            }
        }
    }
    std::fs::write(directory().join("corpus.fingerprints"), out)?;
    println!("{} statements", corpus.len());
    if failed > 0 {
        Err(format!("{failed} statements do not parse").into())
    } else {
        Ok(())
    }
}

fn answer_lines() -> Result<(), Box<dyn Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let mut normalizer = sql::Normalizer::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let ours = normalizer.normalize(line.as_bytes());
        match ask(line) {
            Ok(o) => println!(
                "{:04x} {:04x} {:04x}",
                o.default >> 48,
                o.aliases >> 48,
                o.relations >> 48
            ),
            Err(error) => println!("{error}"),
        }
        println!("    {:04x} {} | {line}", ours.fingerprint >> 48, ours.text);
    }
    Ok(())
}
