//! The keys file: the ring of signing keys and the secret behind all codes. Shared by all serve processes.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use canvass_store::code::CodeKeys;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The keys as they stand in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    codes: String,
    ring: Vec<FileKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileKey {
    id: u16,
    /// When it was made, and from when on it signs: RFC 3339. Until then every process has time to learn it.
    created: String,
    #[serde(default)]
    signs_from: String,
    secret: String,
}

const HEADER: &str = "\
# Secret keys of this Canvass installation. Every serve process needs the same file. Keep a copy in a safe place:
# without `codes` no printed code can be printed again or told from a wrong one.
# `ring`: all are accepted; the one with the latest `signs_from` that has come signs. `canvass keys rotate` adds one.

";

/// A problem with the keys file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read or written.
    #[error("keys file {path}: {cause}")]
    File {
        /// Its path.
        path: String,
        /// Why.
        cause: String,
    },
    /// There is none.
    #[error("keys file {path} does not exist: `canvass keys new {path}` makes one")]
    Missing {
        /// Its path.
        path: String,
    },
}

/// A key of the ring.
#[derive(Clone, Copy)]
pub(crate) struct RingKey {
    /// Seconds since the Unix epoch.
    pub(crate) signs_from: i64,
    pub(crate) secret: [u8; 32],
}

/// All keys: each verifies; the newest whose time has come signs.
#[derive(Clone)]
pub struct KeyRing {
    keys: BTreeMap<u16, RingKey>,
    codes: CodeKeys,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({} keys)", self.keys.len())
    }
}

impl KeyRing {
    /// Reads a keys file.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::File`] when it is malformed or others than its owner may read it.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |cause: String| Error::File {
            path: path.display().to_string(),
            cause,
        };
        let file = read_file(path)?;
        let mut keys = BTreeMap::new();
        for key in &file.ring {
            let wrong = |what: &str| failed(format!("ring key {}: {what}", key.id));
            let secret =
                unhex(&key.secret).ok_or_else(|| wrong("the secret is not 64 hexadecimal digits"))?;
            let signs_from = match key.signs_from.as_str() {
                "" => 0,
                text => text
                    .parse::<Timestamp>()
                    .map_err(|_| wrong("signs_from is no time"))?
                    .as_second(),
            };
            if keys.insert(key.id, RingKey { signs_from, secret }).is_some() {
                return Err(wrong("this id is used twice"));
            }
        }
        if keys.is_empty() {
            return Err(failed("the ring is empty".into()));
        }
        let codes = unhex(&file.codes).ok_or_else(|| failed("codes is not 64 hexadecimal digits".into()))?;
        Ok(Self {
            keys,
            codes: CodeKeys::new(&codes),
        })
    }

    /// Makes a keys file with fresh secrets, readable by its owner only. An existing one is not touched.
    ///
    /// # Errors
    /// [`Error::File`], also when it exists.
    pub fn create(path: &Path) -> Result<(), Error> {
        let failed = |cause: String| Error::File {
            path: path.display().to_string(),
            cause,
        };
        let ring = vec![FileKey {
            id: 1,
            created: today(),
            signs_from: String::new(),
            secret: secret().map_err(failed)?,
        }];
        let file = File {
            codes: secret().map_err(failed)?,
            ring,
        };
        let text = toml::to_string(&file).map_err(|e| failed(e.to_string()))?;
        let mut out = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        out.as_mut().map_err(|e| failed(e.to_string())).and_then(|out| {
            out.write_all(format!("{HEADER}{text}").as_bytes())
                .map_err(|e| failed(e.to_string()))
        })
    }

    /// Adds a key to the ring that signs from `after_seconds` on, so that every process can be restarted and learn it
    /// before. Older keys are kept: their tokens may be in outboxes. The file keeps its owner. Returns the key's id.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::File`].
    pub fn rotate(path: &Path, after_seconds: u32) -> Result<u16, Error> {
        let failed = |cause: String| Error::File {
            path: path.display().to_string(),
            cause,
        };
        let mut file = read_file(path)?;
        let id = file.ring.iter().map(|k| k.id).max().unwrap_or(0).checked_add(1);
        let id = id.ok_or_else(|| failed("there is no id left for another key".into()))?;
        let signs_from = Timestamp::now() + SignedDuration::from_secs(after_seconds.into());
        file.ring.push(FileKey {
            id,
            created: today(),
            signs_from: signs_from.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            secret: secret().map_err(failed)?,
        });
        let text = toml::to_string(&file).map_err(|e| failed(e.to_string()))?;
        replace(path, &format!("{HEADER}{text}")).map_err(|e| failed(e.to_string()))?;
        Ok(id)
    }

    /// A ring for tests and benchmarks: of one key.
    pub fn of(key: [u8; 32], codes: &[u8; 32]) -> Self {
        Self {
            keys: BTreeMap::from([(
                1,
                RingKey {
                    signs_from: 0,
                    secret: key,
                },
            )]),
            codes: CodeKeys::new(codes),
        }
    }

    #[cfg(test)]
    pub(crate) fn insert_for_test(&mut self, id: u16, signs_from: i64, secret: [u8; 32]) {
        self.keys.insert(id, RingKey { signs_from, secret });
    }

    /// The keys behind the access codes.
    pub fn codes(&self) -> &CodeKeys {
        &self.codes
    }

    /// Every key with its id, oldest first.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (u16, RingKey)> {
        self.keys.iter().map(|(id, key)| (*id, *key))
    }
}

fn read_file(path: &Path) -> Result<File, Error> {
    let failed = |cause: String| Error::File {
        path: path.display().to_string(),
        cause,
    };
    let text = std::fs::read_to_string(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::Missing {
            path: path.display().to_string(),
        },
        _ => failed(e.to_string()),
    })?;
    let mode = std::fs::metadata(path)
        .map_err(|e| failed(e.to_string()))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(failed(format!(
            "others may read it (mode {:o}): chmod 600 it",
            mode & 0o777
        )));
    }
    // The parser's own message would quote the line, and with it a secret.
    toml::from_str(&text).map_err(|e| {
        let line = e
            .span()
            .map_or(0, |span| text[..span.start.min(text.len())].lines().count());
        failed(format!("line {line} is not as `canvass keys new` writes it"))
    })
}

/// Puts a new text in a file's place, on disk and whole, with the owner that the file had.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let owner = std::fs::metadata(path)?;
    let fresh = path.with_extension("new");
    let mut out = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)?;
    let own = std::fs::metadata(&fresh)?;
    if (owner.uid(), owner.gid()) != (own.uid(), own.gid()) {
        std::os::unix::fs::chown(&fresh, Some(owner.uid()), Some(owner.gid()))?;
    }
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    std::fs::rename(&fresh, path)
}

fn today() -> String {
    Timestamp::now().strftime("%Y-%m-%d").to_string()
}

fn secret() -> Result<String, String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|e| format!("no random numbers: {e}"))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}
