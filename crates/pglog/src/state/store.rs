//! Files of a state: private, compressed, on disk before they are named.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{StateError, broken, io_error};

/// How files are opened that are written: they are the owner's alone.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    options
}

/// The directory, the owner's alone.
pub(super) fn make_dir(dir: &Path) -> Result<(), StateError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| io_error(dir, error))
}

/// Reads what [`write()`] wrote.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, StateError> {
    let file = File::open(path).map_err(|error| io_error(path, error))?;
    let reader = BufReader::new(GzDecoder::new(BufReader::new(file)));
    serde_json::from_reader(reader).map_err(|e| broken(path, e.to_string()))
}

/// Writes a new file, to disk.
pub(super) fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), StateError> {
    let failed = |error| io_error(path, error);
    let file = private().truncate(true).open(path).map_err(failed)?;
    let mut writer = BufWriter::new(GzEncoder::new(file, Compression::fast()));
    serde_json::to_writer(&mut writer, value).map_err(|e| failed(io::Error::from(e)))?;
    let encoder = writer.into_inner().map_err(|e| failed(e.into_error()))?;
    let file = encoder.finish().map_err(failed)?;
    file.sync_all().map_err(failed)
}

/// Replaces a file in one step.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    let new = path.with_extension("json.new");
    let failed = |error| io_error(&new, error);
    let mut file = private().truncate(true).open(&new).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&new, path).map_err(|error| io_error(path, error))?;
    // The names of the files, too.
    let dir = path.parent().unwrap_or(Path::new("."));
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|error| io_error(dir, error))
}
