//! A file that is written whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Written beside its place under another name; takes its place when finished; removed when dropped before. It is
/// locked while it is written, so that the next export can tell and remove what one that was killed has left.
pub(super) struct WholeFile {
    place: PathBuf,
    partial: PathBuf,
    writer: BufWriter<File>,
    finished: bool,
}

impl WholeFile {
    /// Readable by its owner only: it holds answers.
    pub(super) fn create(place: &Path) -> anyhow::Result<Self> {
        let place = &real_place(place)?;
        let name = place
            .file_name()
            .filter(|_| !place.is_dir())
            .with_context(|| format!("{}: no file name", place.display()))?
            .to_string_lossy();
        remove_leftovers(place, &name);
        let partial = place.with_file_name(format!("{name}.{}.partial", std::process::id()));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partial);
        let file = file.with_context(|| partial.display().to_string())?;
        let _ = file.try_lock();
        Ok(Self {
            place: place.to_owned(),
            partial,
            writer: BufWriter::with_capacity(1 << 18, file),
            finished: false,
        })
    }

    pub(super) fn writer(&mut self) -> &mut impl Write {
        &mut self.writer
    }

    /// On disk, then in its place.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        let place = self.place.display().to_string();
        self.writer
            .flush()
            .and_then(|()| self.writer.get_ref().sync_all())
            .with_context(|| place.clone())?;
        std::fs::rename(&self.partial, &self.place).with_context(|| place.clone())?;
        self.finished = true;
        if let Ok(folder) = File::open(folder_of(&self.place)) {
            folder.sync_all().with_context(|| place)?;
        }
        Ok(())
    }
}

/// Removes the partial files of exports to this place that were killed: nobody holds their lock any more.
fn remove_leftovers(place: &Path, name: &str) {
    let Ok(folder) = std::fs::read_dir(folder_of(place)) else {
        return;
    };
    let prefix = format!("{name}.");
    for entry in folder.flatten() {
        let found = entry.file_name().to_string_lossy().into_owned();
        let process = found
            .strip_prefix(&prefix)
            .and_then(|rest| rest.strip_suffix(".partial"));
        let partial = process.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
        if partial && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Where a link leads; an error for what is there and no regular file: it would be replaced, not written to.
fn real_place(place: &Path) -> anyhow::Result<PathBuf> {
    let Ok(there) = std::fs::metadata(place) else {
        return Ok(place.to_owned());
    };
    let name = place.display();
    anyhow::ensure!(!there.is_dir(), "{name}: is a directory; name a file in it");
    anyhow::ensure!(
        there.is_file(),
        "{name}: not a regular file; --out - writes to standard output"
    );
    std::fs::canonicalize(place).with_context(|| name.to_string())
}

fn folder_of(place: &Path) -> &Path {
    match place.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if !self.finished {
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}
