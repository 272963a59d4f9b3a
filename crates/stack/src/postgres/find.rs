use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;

/// The oldest PostgreSQL that we support.
const OLDEST: u32 = 14;
/// The programs we need of one installation.
const NEEDED: [&str; 2] = ["initdb", "postgres"];
/// Where distributions keep one folder per major.
const VERSIONED: [(&str, &str); 2] = [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")];

/// One installed PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Installation {
    /// The folder with its programs.
    pub(crate) bin: PathBuf,
    /// 15.
    pub(crate) major: u32,
    /// "15.18".
    pub(crate) version: String,
}

/// The installation for a data directory made by `major`, or the first one found for a new directory.
pub(crate) fn find(dir: &Path, major: Option<u32>) -> Result<Installation, Error> {
    choose(dir, major, &installed())
}

fn choose(dir: &Path, major: Option<u32>, installed: &[Installation]) -> Result<Installation, Error> {
    let fit: Vec<_> = installed.iter().filter(|found| found.major >= OLDEST).collect();
    if fit.is_empty() {
        return Err(Error::NoPostgres {
            looked: looked(installed),
        });
    }
    let Some(made_by) = major else {
        return Ok(fit[0].clone());
    };
    match fit.iter().find(|found| found.major == made_by) {
        Some(found) => Ok((*found).clone()),
        None => Err(Error::OtherMajor {
            dir: dir.to_owned(),
            made_by,
            installed: majors(installed),
        }),
    }
}

fn looked(installed: &[Installation]) -> String {
    if installed.is_empty() {
        "looked in PATH, pg_config --bindir and /usr/lib/postgresql".into()
    } else {
        format!("only {} is installed", majors(installed))
    }
}

fn majors(installed: &[Installation]) -> String {
    let mut majors: Vec<u32> = installed.iter().map(|found| found.major).collect();
    majors.sort_unstable();
    majors.dedup();
    majors.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

/// Every installation, best first: PATH, `pg_config --bindir`, then versioned folders from the newest down.
fn installed() -> Vec<Installation> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = std::env::split_paths(&path)
        .chain(pg_config_bindir())
        .chain(versioned());
    let mut found: Vec<Installation> = Vec::new();
    for bin in candidates.filter_map(|bin| home(&bin)) {
        if found.iter().all(|known| known.bin != bin) {
            found.extend(installation(bin));
        }
    }
    found
}

/// Where the programs of `bin` really are: one of them may be linked to from elsewhere, without the others.
fn home(bin: &Path) -> Option<PathBuf> {
    let program = bin.join("postgres").canonicalize().ok()?;
    program.parent().map(Path::to_owned)
}

fn pg_config_bindir() -> Option<PathBuf> {
    let output = Command::new("pg_config")
        .arg("--bindir")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

fn versioned() -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for (parent, prefix) in VERSIONED {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        found.extend(entries.filter_map(|entry| {
            let major = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((major, entry.path().join("bin")))
        }));
    }
    found.sort_unstable_by_key(|(major, _)| std::cmp::Reverse(*major));
    found.into_iter().map(|(_, bin)| bin).collect()
}

fn installation(bin: PathBuf) -> Option<Installation> {
    if !NEEDED.iter().all(|program| bin.join(program).is_file()) {
        return None;
    }
    let output = Command::new(bin.join("postgres"))
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let version = parse_version(&String::from_utf8(output.stdout).ok()?)?;
    let major = leading_number(&version)?;
    Some(Installation { bin, major, version })
}

/// "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)" gives "15.18".
fn parse_version(output: &str) -> Option<String> {
    let (_, after) = output.split_once("(PostgreSQL)")?;
    after.split_whitespace().next().map(str::to_owned)
}

/// The major of "15.18" and of "19beta1".
fn leading_number(version: &str) -> Option<u32> {
    let end = version
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(version.len());
    version[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(major: u32) -> Installation {
        Installation {
            bin: format!("/usr/lib/postgresql/{major}/bin").into(),
            major,
            version: major.to_string(),
        }
    }

    #[test]
    fn versions_are_read_from_what_postgres_prints() {
        let debian = parse_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n").unwrap();
        assert_eq!((debian.as_str(), leading_number(&debian)), ("15.18", Some(15)));
        let beta = parse_version("postgres (PostgreSQL) 19beta1\n").unwrap();
        assert_eq!(leading_number(&beta), Some(19));
    }

    #[test]
    fn a_new_directory_takes_the_first_that_is_new_enough() {
        let chosen = choose(Path::new("/d"), None, &[of(13), of(16), of(15)]).unwrap();
        assert_eq!(chosen.major, 16);
    }

    #[test]
    fn an_existing_directory_takes_its_own_major() {
        let chosen = choose(Path::new("/d"), Some(15), &[of(16), of(15)]).unwrap();
        assert_eq!(chosen.major, 15);
        let refused = choose(Path::new("/d"), Some(14), &[of(16), of(15)])
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("made by PostgreSQL 14, but only 15, 16 is installed"),
            "{refused}"
        );
        assert!(refused.contains("apt-get install postgresql-14"), "{refused}");
    }

    #[test]
    fn nothing_or_nothing_new_enough_names_the_package() {
        let none = choose(Path::new("/d"), None, &[]).unwrap_err().to_string();
        assert!(
            none.contains("looked in PATH") && none.contains("apt-get install postgresql"),
            "{none}"
        );
        let old = choose(Path::new("/d"), None, &[of(13)]).unwrap_err().to_string();
        assert!(old.contains("only 13 is installed"), "{old}");
    }
}
