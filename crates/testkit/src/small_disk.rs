//! A file system that can be filled to the brim.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Place;

/// A small tmpfs, unmounted when dropped. Whatever uses it must have ended by then, or is left with it.
pub struct SmallDisk {
    place: Place,
}

impl SmallDisk {
    /// Mounts one of `megabytes`; `None` when this user may not mount, which is printed.
    pub fn mount(megabytes: u32) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            println!("skipped: only root can mount a tmpfs");
            return None;
        }
        let disk = Self { place: Place::new() };
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={megabytes}m,mode=0755"),
                "tmpfs",
            ])
            .arg(disk.path())
            .output()
            .unwrap();
        if !mounted.status.success() {
            println!(
                "skipped: no tmpfs can be mounted here: {}",
                String::from_utf8_lossy(&mounted.stderr).trim()
            );
            return None;
        }
        fs::set_permissions(disk.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Some(disk)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Bytes free.
    pub fn free(&self) -> u64 {
        let stat = nix::sys::statvfs::statvfs(self.path()).unwrap();
        stat.blocks_available() * stat.fragment_size()
    }

    /// A file that will take room, empty as yet.
    pub fn ballast(&self) -> Ballast<'_> {
        Ballast {
            disk: self,
            path: self.path().join("ballast"),
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a postmaster that is still stopping keeps its files, and nobody finds the mount afterwards.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).output();
    }
}

/// A file that takes room; removed when dropped.
pub struct Ballast<'a> {
    disk: &'a SmallDisk,
    path: PathBuf,
}

impl Ballast<'_> {
    /// Makes it larger until only so many bytes are free.
    pub fn fill(&self, leave_free: u64) {
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(&self.path)
            .unwrap();
        while self.disk.free() > leave_free {
            let piece = usize::try_from((self.disk.free() - leave_free).min(1 << 20)).unwrap();
            if file.write_all(&vec![1; piece]).is_err() {
                break;
            }
        }
    }
}

impl Drop for Ballast<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
