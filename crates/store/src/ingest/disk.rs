//! Refuses writes before PostgreSQL runs out of disk: it would panic, and recovery needs room too.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nix::sys::statvfs::statvfs;

/// Whether there is disk enough to write; shared by every core, cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct DiskGate {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    watched: Option<(PathBuf, u64)>,
    shut: AtomicBool,
    free: AtomicU64,
}

impl DiskGate {
    /// Watches the file system that holds `path`, which needs `min_free` bytes.
    pub fn watching(path: &Path, min_free: u64) -> Self {
        let watched = Some((path.to_owned(), min_free));
        let gate = Self {
            inner: Arc::new(Inner {
                watched,
                ..Inner::default()
            }),
        };
        gate.look();
        gate
    }

    /// Looks at the disk; to be called about once a second. It opens again only with 5 % to spare, so that it
    /// does not flutter.
    pub fn look(&self) {
        let Some((path, min_free)) = &self.inner.watched else {
            return;
        };
        let free = match statvfs(path) {
            Ok(stat) => stat.blocks_available().saturating_mul(stat.fragment_size()),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot tell how much disk is left");
                return;
            }
        };
        self.inner.free.store(free, Ordering::Relaxed);
        let was_shut = self.inner.shut.load(Ordering::Relaxed);
        let needed = if was_shut {
            min_free + min_free / 20
        } else {
            *min_free
        };
        let shut = free < needed;
        self.inner.shut.store(shut, Ordering::Relaxed);
        match (was_shut, shut) {
            (false, true) => tracing::error!(free, min_free, "disk nearly full: writes are refused with 503"),
            (true, false) => tracing::info!(free, "disk has room again: writes are accepted"),
            _ => {}
        }
    }

    /// True while writes are refused.
    pub fn is_shut(&self) -> bool {
        self.inner.shut.load(Ordering::Relaxed)
    }

    /// Bytes free at the last look; 0 when no disk is watched.
    pub fn free(&self) -> u64 {
        self.inner.free.load(Ordering::Relaxed)
    }
}
