//! Reads the files of a configuration, line by line and section by section, and keeps everything that is wrong with
//! them.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::assign::{Section, assign, shown};
use super::connection_string;
use super::ini::{self, Line};
use super::sections::{Database, Peer, User};
use super::table::{self, Key};
use super::words::nearest;
use super::{Canvass, Config, ConfigError, Loaded, Settings};

/// How deep files may include files, as in pgbouncer.
const MAX_DEPTH: usize = 10;
/// All files together: room for a hundred thousand databases.
const MAX_BYTES: u64 = 64 << 20;
/// How many files may be included, counting each time.
const MAX_INCLUDES: usize = 1000;
/// More problems, or warnings, than anybody reads at once.
const MAX_SENTENCES: usize = 50;

/// Settings without a default in pgbouncer: they survive when `[pgbouncer]` begins again.
const KEPT: [&str; 10] = [
    "auth_dbname",
    "auth_file",
    "auth_ident_file",
    "auth_ldap_options",
    "auth_user",
    "client_tls13_ciphers",
    "conffile",
    "server_tls13_ciphers",
    "user",
    "verbose",
];

const BEHIND_PASSWORD: &str = "something unknown stands behind password=; a password with spaces in it must stand in \
                               single quotes";

/// Where the reader is.
enum Place {
    /// Before the first section.
    Nowhere,
    In(Section),
    /// In a section that doesn't exist: said once, its lines are passed over.
    Unknown,
}

pub(super) struct Reader {
    config: Config,
    warnings: Vec<String>,
    problems: Vec<String>,
    /// How many problems there are beyond those.
    more_problems: usize,
    place: Place,
    /// `file:line` of the line being read.
    at: String,
    /// Where each name was set last.
    set_at: HashMap<(Section, String), String>,
    /// Where `[pgbouncer]` began.
    began_at: Option<String>,
    /// The files that are open, the innermost last.
    open: Vec<PathBuf>,
    includes: usize,
    bytes_left: u64,
}

impl Reader {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            warnings: Vec::new(),
            problems: Vec::new(),
            more_problems: 0,
            place: Place::Nowhere,
            at: String::new(),
            set_at: HashMap::new(),
            began_at: None,
            open: Vec::new(),
            includes: 0,
            bytes_left: MAX_BYTES,
        }
    }

    /// What was read.
    ///
    /// # Errors
    /// Everything that was wrong.
    pub(super) fn finish(mut self) -> Result<Loaded, ConfigError> {
        if self.problems.is_empty() {
            let found = super::check::check(&self.config);
            self.problems = found.problems;
            self.warnings.extend(found.warnings);
        }
        if self.problems.is_empty() {
            return Ok(Loaded {
                config: self.config,
                warnings: self.warnings,
            });
        }
        if self.more_problems > 0 {
            self.problems
                .push(format!("and {} more problems", self.more_problems));
        }
        Err(ConfigError(self.problems))
    }

    /// Reads a file and what it includes.
    pub(super) fn file(&mut self, path: &Path) {
        let bytes = match self.bytes(path) {
            Ok(bytes) => bytes,
            Err(error) => return self.problem(format!("{} cannot be read: {error}", path.display())),
        };
        match String::from_utf8(bytes) {
            Ok(text) => {
                self.open
                    .push(path.canonicalize().unwrap_or_else(|_| path.to_owned()));
                self.text(&text, path);
                self.open.pop();
            }
            Err(error) => {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
                self.at = format!("{}:{line}", path.display());
                self.problem("the line is not in UTF-8; save the file in UTF-8");
            }
        }
    }

    fn bytes(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        let file = File::open(path).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        let read = file
            .take(self.bytes_left + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| error.to_string())?;
        self.bytes_left = self.bytes_left.checked_sub(read as u64).ok_or_else(|| {
            format!(
                "the configuration has more than {} MiB; is this the right file?",
                MAX_BYTES >> 20
            )
        })?;
        Ok(bytes)
    }

    /// Reads a text that is said to stand in that file.
    pub(super) fn text(&mut self, text: &str, path: &Path) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (number, line) in text.lines().enumerate() {
            self.at = format!("{}:{}", path.display(), number + 1);
            match ini::line(line) {
                Ok(Line::Blank) => {}
                Ok(Line::Section(name)) => self.section(name),
                Ok(Line::Include(file)) => self.include(Path::new(file)),
                Ok(Line::Setting(name, value)) => self.setting(&name, value),
                Err(problem) => self.problem(problem),
            }
        }
    }

    fn section(&mut self, name: &str) {
        let Some((_, section)) = Section::ALL.iter().find(|(known, _)| *known == name) else {
            self.place = Place::Unknown;
            let near = nearest(Section::ALL.iter().map(|(known, _)| *known), name);
            let near = near.unwrap_or("pgbouncer");
            return self.problem(format!(
                "unknown section [{}], did you mean [{near}]?",
                shown(name)
            ));
        };
        self.place = Place::In(*section);
        if *section == Section::Pgbouncer {
            self.pgbouncer_begins();
        }
    }

    /// As in pgbouncer, a second section of that name starts from the defaults again.
    fn pgbouncer_begins(&mut self) {
        let Some(first) = self.began_at.replace(self.at.clone()) else {
            return;
        };
        let mut fresh = Settings::default();
        for key in Settings::KEYS.iter().filter(|key| KEPT.contains(&key.name)) {
            key.copy(&mut fresh, &self.config.settings);
        }
        self.config.settings = fresh;
        self.set_at
            .retain(|(section, _), _| *section != Section::Pgbouncer);
        self.warn(format!(
            "[pgbouncer] begins a second time, and what the first one at {first} sets is forgotten, as in pgbouncer; \
             keep one section, and let included files have none"
        ));
    }

    fn include(&mut self, path: &Path) {
        self.includes += 1;
        let canonical = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if self.open.contains(&canonical) {
            self.problem(format!("{} includes itself; remove this line", path.display()));
        } else if self.open.len() > MAX_DEPTH {
            self.problem(format!(
                "{} is included over more than {MAX_DEPTH} files",
                path.display()
            ));
        } else if self.includes > MAX_INCLUDES {
            self.problem(format!("more than {MAX_INCLUDES} files are included"));
        } else if canonical.exists() && !canonical.is_file() {
            self.problem(format!("{} is not a file", path.display()));
        } else {
            self.file(path);
        }
    }

    fn setting(&mut self, name: &str, value: &str) {
        let section = match self.place {
            Place::In(section) => section,
            Place::Unknown => return,
            Place::Nowhere => {
                return self.problem("the setting stands before any section; write [pgbouncer] above it");
            }
        };
        if let Some(earlier) = self.set_at.insert((section, name.to_owned()), self.at.clone()) {
            let name = shown(name);
            self.warn(format!(
                "{name} is also set at {earlier}, in vain: the last one counts"
            ));
        }
        match section {
            Section::Pgbouncer => {
                let said = assign(section, Settings::KEYS, &mut self.config.settings, name, value);
                self.note("", said);
            }
            Section::Canvass => {
                let said = assign(section, Canvass::KEYS, &mut self.config.canvass, name, value);
                self.note("", said);
            }
            Section::Databases => self.database(name, value),
            Section::Users => self.user(name, value),
            Section::Peers => self.peer(name, value),
        }
    }

    fn database(&mut self, name: &str, value: &str) {
        if name == "pgbouncer" {
            return self
                .problem("the database pgbouncer is the console and cannot be set; give it another name");
        }
        let mut database = Database {
            name: name.to_owned(),
            ..Database::default()
        };
        self.pairs(Section::Databases, Database::KEYS, &mut database, name, value);
        if name == "*" {
            self.config.any_database = Some(database);
        } else {
            self.config.databases.insert(name.to_owned(), database);
        }
    }

    fn user(&mut self, name: &str, value: &str) {
        let mut user = User {
            name: name.to_owned(),
            ..User::default()
        };
        self.pairs(Section::Users, User::KEYS, &mut user, name, value);
        self.config.users.insert(name.to_owned(), user);
    }

    fn peer(&mut self, name: &str, value: &str) {
        let id = match (super::kinds::PEER_ID.read)(name) {
            Ok(id) if id > 0 => id,
            _ => {
                return self.problem(format!(
                    "peer {}: it must be a peer_id from 1 to 16383",
                    shown(name)
                ));
            }
        };
        let mut peer = Peer {
            id,
            ..Peer::default()
        };
        let problems = self.problems.len();
        self.pairs(Section::Peers, Peer::KEYS, &mut peer, name, value);
        if peer.host.is_empty() && self.problems.len() == problems {
            self.problem(format!("peer {id}: there is no host=; say where it is"));
        }
        self.config.peers.insert(id, peer);
    }

    /// Reads a connection string into the settings of a database, user or peer.
    fn pairs<T: Clone + Default>(
        &mut self,
        section: Section,
        keys: &'static [Key<T>],
        values: &mut T,
        of: &str,
        text: &str,
    ) {
        let of = shown(of);
        let mut password = false;
        let read = connection_string::pairs(text, |key, value| {
            let key = if section == Section::Databases && key == "reserve_pool" {
                "reserve_pool_size"
            } else {
                key
            };
            if password && table::find(keys, key).is_none() {
                self.problem(format!("{of}: {BEHIND_PASSWORD}"));
            } else {
                self.note(&format!("{of}: "), assign(section, keys, values, key, value));
            }
            password |= key == "password" || nearest(["password"].into_iter(), key).is_some();
        });
        if let Err(fault) = read {
            match table::find(keys, fault.key) {
                Some(key) => self.problem(format!("{of}: {}: {}", key.name, fault.problem)),
                None => self.problem(format!("{of}: {}", fault.problem)),
            }
        }
    }

    /// Keeps what was said about a value of `of`.
    fn note(&mut self, of: &str, said: Result<Option<String>, String>) {
        match said {
            Ok(None) => {}
            Ok(Some(warning)) => self.warn(format!("{of}{warning}")),
            Err(problem) => self.problem(format!("{of}{problem}")),
        }
    }

    fn problem(&mut self, problem: impl AsRef<str>) {
        let problem = problem.as_ref();
        if self.problems.len() == MAX_SENTENCES {
            self.more_problems += 1;
        } else if self.at.is_empty() {
            self.problems.push(problem.to_owned());
        } else {
            self.problems.push(format!("{}: {problem}", self.at));
        }
    }

    fn warn(&mut self, warning: impl AsRef<str>) {
        if self.warnings.len() < MAX_SENTENCES {
            self.warnings.push(format!("{}: {}", self.at, warning.as_ref()));
        }
    }
}
