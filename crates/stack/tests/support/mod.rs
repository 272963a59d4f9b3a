//! A place for one cluster, its notices, and ways to look at what happened.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // each test binary uses a part

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use canvass_stack::{Cluster, ClusterConfig, Notices, Profile, Role};
use tokio_postgres::{Client, NoTls};

/// Longer than anything here should take; a condition not met by then has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A directory that any user can enter, removed at the end.
pub struct Place {
    temp: tempfile::TempDir,
    pub said: Arc<Mutex<Vec<String>>>,
}

impl Place {
    pub fn new() -> Place {
        let temp = tempfile::Builder::new()
            .prefix("stack-")
            .tempdir_in("/tmp")
            .unwrap();
        fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Place {
            temp,
            said: Arc::default(),
        }
    }

    pub fn root(&self) -> &Path {
        self.temp.path()
    }

    pub fn dir(&self) -> PathBuf {
        self.root().join("data")
    }

    pub fn notices(&self) -> Notices {
        let said = Arc::clone(&self.said);
        Notices::to(move |line| said.lock().unwrap().push(line.to_owned()))
    }

    pub fn config(&self) -> ClusterConfig {
        let config = ClusterConfig::new(self.dir());
        ClusterConfig {
            profile: Profile::Test,
            min_free: 64 << 20,
            notices: self.notices(),
            ..config
        }
    }

    pub async fn open(&self) -> Cluster {
        Cluster::create_or_open(self.config()).await.unwrap()
    }

    pub async fn started(&self) -> Cluster {
        let cluster = self.open().await;
        cluster.start_ready().await.unwrap();
        cluster
    }

    /// The text of every log.
    pub fn logs(&self) -> String {
        let entries = fs::read_dir(self.dir().join("log")).into_iter().flatten();
        entries
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap_or_default())
            .collect()
    }
}

pub async fn connect(cluster: &Cluster, role: Role) -> Client {
    connect_to(&cluster.url(role, "canvass").unwrap()).await
}

pub async fn connect_to(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub async fn show(client: &Client, setting: &str) -> String {
    client
        .query_one(&format!("SHOW {setting}"), &[])
        .await
        .unwrap()
        .get(0)
}

/// Waits until `met` says yes.
pub async fn until(what: &str, mut met: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !met() {
        assert!(begun.elapsed() < PATIENCE, "still waiting: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Processes that work in `dir` or below.
pub fn processes_in(dir: &Path) -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(dir)))
        .collect()
}

/// Whether a process runs; a zombie whose new parent has not looked yet does not.
pub fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, state)| !state.starts_with('Z'))
}

pub fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
