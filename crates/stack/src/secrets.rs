use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::files::write_private;
use crate::{Error, User};

/// The password in `path`.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    match fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        Ok(_) => Err(Error::SecretMissing {
            path: path.to_owned(),
        }),
        Err(e) if e.kind() == ErrorKind::NotFound => Err(Error::SecretMissing {
            path: path.to_owned(),
        }),
        Err(source) => Err(Error::Io {
            what: "read",
            path: path.to_owned(),
            source,
        }),
    }
}

/// The password in `path`, made first when there is none: 192 random bits in hexadecimal, so that it needs no
/// quoting in SQL, in a connection string or in a shell.
pub(crate) fn read_or_create(path: &Path, owner: &User) -> Result<String, Error> {
    match read(path) {
        Err(Error::SecretMissing { .. }) => {
            let password = generate()?;
            write_private(path, format!("{password}\n").as_bytes(), owner)?;
            Ok(password)
        }
        other => other,
    }
}

fn generate() -> Result<String, Error> {
    let mut bytes = [0u8; 24];
    getrandom::fill(&mut bytes).map_err(Error::Random)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
