use std::path::Path;

use crate::Error;

/// Bytes that an unprivileged process can still write on the file system of `path`.
pub fn free_bytes(path: &Path) -> Result<u64, Error> {
    let stat = nix::sys::statvfs::statvfs(path)
        .map_err(|errno| Error::io("measure the free space", path)(errno.into()))?;
    Ok(stat.blocks_available() * stat.fragment_size())
}

/// Refuses a file system with less than `needed` bytes free: PostgreSQL panics when its WAL finds no room.
pub(crate) fn check(dir: &Path, needed: u64) -> Result<(), Error> {
    let free = free_bytes(dir)?;
    if free < needed {
        return Err(Error::DiskNearlyFull {
            dir: dir.to_owned(),
            free,
            needed,
        });
    }
    Ok(())
}

/// Bytes in GiB with one decimal, for people.
pub(crate) fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / (1u64 << 30) as f64)
}
