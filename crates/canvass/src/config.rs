//! canvass.toml, the environment, and what is missing in both.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use canvass_store::ingest;
use clap::Args;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// All settings. An empty text means "not set".
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// PostgreSQL's connection string, `postgres://user@host:port/database`.
    pub(crate) database_url: String,
    /// The file with the secret keys.
    pub(crate) keys: String,
    /// The web part.
    pub(crate) web: canvass_web::Config,
    /// The write path.
    pub(crate) ingest: ingest::Config,
    /// `canvass up`.
    pub(crate) up: Up,
}

/// `canvass up`'s settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Up {
    /// The directory that holds everything.
    pub(crate) data: String,
    /// The unprivileged user that PostgreSQL and serve run as when started by root.
    pub(crate) user: String,
    /// PostgreSQL's port on loopback; 0 for a free one.
    pub(crate) postgres_port: u16,
    /// Where the connection pool listens; empty: there is none.
    pub(crate) pool_listen: String,
}

impl Default for Up {
    fn default() -> Self {
        Up {
            data: String::new(),
            user: String::new(),
            postgres_port: 0,
            pool_listen: "127.0.0.1:6432".to_owned(),
        }
    }
}

/// Where the settings come from; for every subcommand that needs the database.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArgs {
    /// Settings file; canvass.toml in the working directory when there is one
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// PostgreSQL's connection string; better in `CANVASS_DATABASE_URL`, where other users cannot see its password
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// The file with the secret keys
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// The directory of a `canvass up`: its database and keys are used
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

impl ConfigArgs {
    /// The settings: file, then environment, then command line. Without a database URL, that of the `canvass up` in
    /// `--data` or `./canvass-data` is used.
    ///
    /// # Errors
    /// A file that cannot be read, an unknown key, a value of the wrong type.
    pub(crate) fn load(&self) -> anyhow::Result<Config> {
        let mut config = load(self.config.as_deref())?;
        if let Some(url) = &self.database_url {
            config.database_url.clone_from(url);
        }
        if let Some(keys) = &self.keys {
            config.keys = keys.display().to_string();
        }
        if self.data.is_some() || config.database_url.is_empty() {
            let data = self
                .data
                .clone()
                .unwrap_or_else(|| match config.up.data.as_str() {
                    "" => PathBuf::from("canvass-data"),
                    data => PathBuf::from(data),
                });
            let found = config.take_from_data_dir(&data)?;
            if self.data.is_some() && !found {
                let data = data.display();
                bail!("{data}: no data directory of a `canvass up`: secrets/database-url is missing");
            }
        }
        Ok(config)
    }
}

impl Config {
    /// The keys, or where to get some.
    ///
    /// # Errors
    /// No keys file is named, or it cannot be read.
    pub(crate) fn key_ring(&self) -> anyhow::Result<canvass_web::keys::KeyRing> {
        if self.keys.is_empty() {
            bail!("no keys file: give --keys FILE; `canvass keys new FILE` makes one");
        }
        Ok(canvass_web::keys::KeyRing::read(Path::new(&self.keys))?)
    }

    /// The database.
    ///
    /// # Errors
    /// No URL, or one that cannot be read.
    pub(crate) fn database(&self) -> anyhow::Result<canvass_store::Database> {
        if self.database_url.is_empty() {
            bail!(
                "no database: give --database-url postgres://user@host/database, or --data DIR of a `canvass up`, \
                 or set CANVASS_DATABASE_URL"
            );
        }
        Ok(canvass_store::Database::new(&self.database_url)?)
    }

    /// What `canvass up` leaves for the other subcommands: the URL in `secrets/database-url`, the keys in `keys.toml`.
    /// False when there is none.
    fn take_from_data_dir(&mut self, data: &Path) -> anyhow::Result<bool> {
        let url = data.join("secrets/database-url");
        let found = url.exists();
        if found {
            let text = std::fs::read_to_string(&url).with_context(|| format!("{}", url.display()))?;
            text.trim().clone_into(&mut self.database_url);
            if self.keys.is_empty() {
                self.keys = data.join("keys.toml").display().to_string();
            }
        }
        Ok(found)
    }

    /// Refuses values with which nothing would be served.
    fn check(&self) -> anyhow::Result<()> {
        let (web, ingest) = (&self.web, &self.ingest);
        let at_least_one = [
            ("web.readers", web.readers as u64),
            ("web.max_connections", web.max_connections as u64),
            ("web.max_body_bytes", web.max_body_bytes as u64),
            ("web.header_timeout_ms", web.header_timeout_ms),
            ("web.body_timeout_ms", web.body_timeout_ms),
            ("web.wrong_codes_per_address", web.wrong_codes_per_address.into()),
            (
                "web.wrong_code_refill_seconds",
                web.wrong_code_refill_seconds.into(),
            ),
            ("web.wrong_codes_per_second", web.wrong_codes_per_second.into()),
            ("ingest.queue_rows", ingest.queue_rows as u64),
            ("ingest.queue_bytes", ingest.queue_bytes as u64),
            ("ingest.batch_rows", ingest.batch_rows as u64),
            ("ingest.batch_bytes", ingest.batch_bytes as u64),
            ("ingest.deadline_ms", ingest.deadline_ms),
        ];
        if let Some((key, _)) = at_least_one.iter().find(|(_, value)| *value == 0) {
            bail!("{key} = 0: nothing would be served; leave it out for its default");
        }
        if web.idle_minutes > 7 * 24 * 60 {
            bail!("web.idle_minutes = {}: at most a week, 10080", web.idle_minutes);
        }
        let url = &web.public_url;
        if !(url.is_empty() || url.starts_with("https://") || url.starts_with("http://")) {
            bail!("web.public_url = {url:?}: expected https://HOST or http://HOST");
        }
        Ok(())
    }
}

/// Reads the settings of file and environment.
///
/// # Errors
/// A file that cannot be read, an unknown key (with the nearest one), a value of the wrong type.
pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Config> {
    let here = Path::new("canvass.toml");
    let file = file.or_else(|| here.exists().then_some(here));
    let (name, text) = match file {
        Some(path) => {
            let name = path.display().to_string();
            (name.clone(), std::fs::read_to_string(path).with_context(|| name)?)
        }
        None => ("canvass.toml".to_owned(), String::new()),
    };
    parse(&name, &text, std::env::vars())
}

fn parse(name: &str, text: &str, env: impl Iterator<Item = (String, String)>) -> anyhow::Result<Config> {
    let mut table: Table = toml::from_str(text)
        .map_err(|e| anyhow::anyhow!("{}: {}", place(name, text, &e), one_line(e.message())))?;
    let known = known_keys();
    refuse_unknown(name, &table, &known)?;
    for (variable, value) in env {
        let Some(key) = known.iter().find(|k| variable_of(k) == variable) else {
            refuse_misspelt(&variable, &known)?;
            continue;
        };
        set(&mut table, key, &value).with_context(|| format!("{variable}={value:?}"))?;
    }
    let config: Config = table
        .try_into()
        .map_err(|e: toml::de::Error| anyhow::anyhow!("{name}: {}", one_line(&e.to_string())))?;
    config.check()?;
    Ok(config)
}

/// A variable of one of our sections that is none of our keys. Others that start with CANVASS_ may be anybody's.
fn refuse_misspelt(variable: &str, known: &[String]) -> anyhow::Result<()> {
    if !["CANVASS_WEB_", "CANVASS_INGEST_", "CANVASS_UP_"]
        .iter()
        .any(|section| variable.starts_with(section))
    {
        return Ok(());
    }
    let names = known.iter().map(|key| variable_of(key));
    let nearest = names
        .min_by_key(|name| strsim::damerau_levenshtein(name, variable))
        .unwrap_or_default();
    bail!("environment: unknown variable {variable}, did you mean {nearest}?")
}

/// Where a file is no TOML. The parser's own words would quote the line, and with it a password.
fn place(name: &str, text: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let before = text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("{name}:{line}:{column}")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every key, as `web.listen`, with its default.
fn known_keys() -> Vec<String> {
    let defaults = Table::try_from(Config::default()).unwrap_or_default();
    let mut keys = Vec::new();
    for (key, value) in &defaults {
        match value {
            Value::Table(section) => keys.extend(section.keys().map(|inner| format!("{key}.{inner}"))),
            _ => keys.push(key.clone()),
        }
    }
    keys
}

fn refuse_unknown(name: &str, table: &Table, known: &[String]) -> anyhow::Result<()> {
    let mut given = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(section) if !section.is_empty() => {
                given.extend(section.keys().map(|inner| format!("{key}.{inner}")));
            }
            Value::Table(_) => {}
            _ => given.push(key.clone()),
        }
    }
    for key in given {
        if known.contains(&key) {
            continue;
        }
        let nearest = known.iter().min_by_key(|k| strsim::damerau_levenshtein(k, &key));
        let nearest = nearest.map_or(String::new(), |k| format!(", did you mean {k:?}?"));
        bail!("{name}: unknown key {key:?}{nearest}");
    }
    Ok(())
}

/// `web.listen` is `CANVASS_WEB_LISTEN`.
fn variable_of(key: &str) -> String {
    format!("CANVASS_{}", key.replace('.', "_").to_uppercase())
}

/// Sets a key from the environment, as the type that its default has.
fn set(table: &mut Table, key: &str, value: &str) -> anyhow::Result<()> {
    let defaults = Table::try_from(Config::default())?;
    let (section, inner) = key.split_once('.').unwrap_or(("", key));
    let default = if section.is_empty() {
        defaults.get(inner)
    } else {
        defaults.get(section).and_then(|s| s.get(inner))
    };
    let value = match default {
        Some(Value::Integer(_)) => {
            Value::Integer(value.trim().parse().context("a whole number is expected")?)
        }
        Some(Value::Array(_)) => {
            let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
        }
        _ => Value::String(value.to_owned()),
    };
    let target = match section {
        "" => table,
        section => table
            .entry(section)
            .or_insert_with(|| Value::Table(Table::new()))
            .as_table_mut()
            .with_context(|| format!("{section} is not a section"))?,
    };
    target.insert(inner.to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, env: &[(&str, &str)]) -> anyhow::Result<Config> {
        parse(
            "canvass.toml",
            text,
            env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
        )
    }

    #[test]
    fn every_key_is_described() {
        let described = include_str!("../../../docs/configuration.md");
        for key in known_keys() {
            let (row, variable) = (format!("| `{key}` | "), format!("`{}`", variable_of(&key)));
            let line = described.lines().find(|line| line.starts_with(&row));
            let line = line.unwrap_or_else(|| panic!("docs/configuration.md lacks a row {row}"));
            assert!(line.contains(&variable), "{variable} is missing in: {line}");
        }
        let rows = described
            .lines()
            .filter(|line| line.starts_with("| `") && line.contains("`CANVASS_"));
        let all = known_keys();
        for row in rows {
            let key = row.split('`').nth(1).unwrap().to_owned();
            assert!(
                all.contains(&key),
                "docs/configuration.md has a key that there is not: {key}"
            );
        }
    }

    #[test]
    fn a_file_that_is_no_toml_is_not_quoted() {
        let error = with("[web]\n\ndatabase_url = \"postgres://u:secret@h\n", &[])
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("canvass.toml:3:") && !error.contains("secret"),
            "{error}"
        );
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let file = "[web]\nlisten = \"127.0.0.1:1\"\nreaders = 7\n";
        let env = [
            ("CANVASS_WEB_LISTEN", "127.0.0.1:2"),
            ("CANVASS_INGEST_BATCH_ROWS", "5"),
            ("CANVASS_WEB_TRUSTED_PROXIES", "::1, 10.0.0.0/8"),
        ];
        let config = with(file, &env).unwrap();
        assert_eq!(config.web.listen, "127.0.0.1:2");
        assert_eq!(config.web.readers, 7);
        assert_eq!(config.ingest.batch_rows, 5);
        assert_eq!(config.web.trusted_proxies, ["::1", "10.0.0.0/8"]);
    }

    #[test]
    fn unknown_keys_are_refused_with_the_nearest_one() {
        let error = with("[web]\nlissten = \"x\"\n", &[]).unwrap_err().to_string();
        assert_eq!(
            error,
            "canvass.toml: unknown key \"web.lissten\", did you mean \"web.listen\"?"
        );
        let error = with("databse_url = \"x\"\n", &[]).unwrap_err().to_string();
        assert_eq!(
            error,
            "canvass.toml: unknown key \"databse_url\", did you mean \"database_url\"?"
        );
    }

    #[test]
    fn values_with_which_nothing_would_be_served_are_refused() {
        for text in [
            "[web]\nreaders = 0",
            "[ingest]\nqueue_rows = 0",
            "[ingest]\ndeadline_ms = 0",
        ] {
            let error = with(text, &[]).unwrap_err().to_string();
            assert!(
                error.ends_with("nothing would be served; leave it out for its default"),
                "{error}"
            );
        }
        assert!(with("[web]\nidle_minutes = 4000000000", &[]).is_err());
        assert!(with("[web]\npublic_url = \"ftp://x\"", &[]).is_err());
    }

    #[test]
    fn a_misspelt_variable_is_refused_with_the_nearest_one() {
        let error = with("", &[("CANVASS_WEB_LISSTEN", "x")]).unwrap_err().to_string();
        assert_eq!(
            error,
            "environment: unknown variable CANVASS_WEB_LISSTEN, did you mean CANVASS_WEB_LISTEN?"
        );
        assert!(with("", &[("CANVASS_BIN", "x")]).is_ok());
    }

    #[test]
    fn values_of_the_wrong_type_are_named() {
        assert!(
            with("[web]\nreaders = \"many\"\n", &[])
                .unwrap_err()
                .to_string()
                .contains("readers")
        );
        let error = format!("{:#}", with("", &[("CANVASS_WEB_READERS", "many")]).unwrap_err());
        assert!(
            error.contains("CANVASS_WEB_READERS=\"many\": a whole number is expected"),
            "{error}"
        );
    }
}
