//! What is refused before anything is touched: one clear line each, and nothing damaged.

#![allow(clippy::unwrap_used)] // helpers too: a panic there is the failure's message

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use canvass_stack::{Cluster, ClusterConfig, Error, Mode};
use support::Place;

async fn refused(config: ClusterConfig) -> Error {
    let dir = config.dir.clone();
    let before = fingerprint(&dir);
    let error = Cluster::create_or_open(config).await.unwrap_err();
    assert_eq!(fingerprint(&dir), before, "refused, yet changed: {error}");
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
    error
}

/// Names and sizes of everything below `dir`.
fn fingerprint(dir: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let meta = entry.metadata().unwrap();
        found.push((entry.path().display().to_string(), meta.len()));
        if meta.is_dir() {
            found.extend(fingerprint(&entry.path()));
        }
    }
    found.sort();
    found
}

fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

#[tokio::test]
async fn a_directory_of_something_else() {
    let place = Place::new();
    fs::create_dir(place.dir()).unwrap();
    fs::write(place.dir().join("thesis.txt"), "ten years").unwrap();

    let error = refused(place.config()).await.to_string();

    assert!(
        error.contains("data: not empty and not made by canvass"),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_in_its_place() {
    let place = Place::new();
    fs::write(place.dir(), "").unwrap();
    let error = refused(place.config()).await;
    assert!(matches!(error, Error::NotADirectory { .. }), "{error}");
}

#[tokio::test]
async fn a_directory_behind_a_parent_that_the_user_may_not_enter() {
    if !is_root() {
        return; // only root runs things as someone else
    }
    let place = Place::new();
    let closed = place.root().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();

    let error = refused(ClusterConfig {
        dir: closed.join("deep/data"),
        ..place.config()
    })
    .await
    .to_string();

    let expected = format!("may not enter {}: use --data /var/lib/canvass", closed.display());
    assert!(error.ends_with(&expected), "{error}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_written() {
    let place = Place::new();
    // Root may write anywhere but where nobody can.
    let dir = if is_root() {
        Path::new("/sys/canvass").to_owned()
    } else {
        place.root().join("closed/data")
    };
    if !is_root() {
        fs::create_dir(place.root().join("closed")).unwrap();
        fs::set_permissions(place.root().join("closed"), fs::Permissions::from_mode(0o500)).unwrap();
    }
    let error = refused(ClusterConfig {
        dir,
        min_free: 0,
        ..place.config()
    })
    .await
    .to_string();
    assert!(error.contains("not writable by user"), "{error}");
}

#[tokio::test]
async fn a_cluster_of_a_major_that_is_not_installed() {
    let place = Place::new();
    drop(place.open().await);
    let version = place.dir().join("postgres/PG_VERSION");
    let own = fs::read_to_string(&version).unwrap();
    fs::write(&version, "12\n").unwrap();

    let error = refused(place.config()).await.to_string();

    assert!(error.contains("made by PostgreSQL 12, but only"), "{error}");
    assert!(error.contains("`apt-get install postgresql-12`"), "{error}");
    fs::write(&version, own).unwrap();
    place.started().await.stop(Mode::Fast).await.unwrap();
}

#[tokio::test]
async fn a_directory_in_use() {
    let place = Place::new();
    let cluster = place.started().await;
    let pid = cluster.postmaster_pid();

    let error = Cluster::create_or_open(place.config())
        .await
        .unwrap_err()
        .to_string();

    let expected = format!("in use by the running process {}", std::process::id());
    assert!(error.contains(&expected), "{error}");
    assert_eq!(cluster.postmaster_pid(), pid, "the running one is left alone");
    cluster.stop(Mode::Fast).await.unwrap();
}

#[tokio::test]
async fn a_disk_that_is_nearly_full() {
    let place = Place::new();
    let error = refused(ClusterConfig {
        min_free: 1 << 60,
        ..place.config()
    })
    .await
    .to_string();
    assert!(error.contains("GiB free, 1073741824.0 GiB needed"), "{error}");
    assert!(!place.dir().exists());
}

#[tokio::test]
async fn a_cluster_whose_password_is_gone() {
    let place = Place::new();
    place.started().await.stop(Mode::Fast).await.unwrap();
    fs::remove_file(place.dir().join("secrets/canvass_admin")).unwrap();

    let error = refused(place.config()).await.to_string();

    assert!(error.contains("secrets/canvass_admin: missing"), "{error}");
}
