//! Real PostgreSQL servers for tests.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use canvass_stack::{Cluster, ClusterConfig, Mode, Profile, Role};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio_postgres::{Client, NoTls};

use crate::block_on;

/// A temporary directory that any user can enter, removed at the end.
pub struct Place(tempfile::TempDir);

impl Place {
    /// Under /tmp, so that socket paths stay short.
    #[allow(clippy::new_without_default, reason = "it makes a directory")]
    pub fn new() -> Self {
        let temp = tempfile::Builder::new()
            .prefix("canvass-")
            .tempdir_in("/tmp")
            .unwrap();
        fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self(temp)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A PostgreSQL of one's own.
pub struct TestCluster {
    cluster: Cluster,
    databases: AtomicUsize,
    _place: Option<Place>,
}

impl TestCluster {
    /// A fresh one in a directory of its own, started, with a migrated template.
    pub fn start() -> Self {
        let place = Place::new();
        let mut cluster = Self::start_in(&place.path().join("data"));
        cluster._place = Some(place);
        cluster
    }

    /// A fresh one under `dir`, which is not removed.
    pub fn start_in(dir: &Path) -> Self {
        let config = ClusterConfig {
            profile: Profile::Test,
            min_free: 1 << 20,
            ..ClusterConfig::new(dir)
        };
        block_on(async {
            let cluster = Cluster::create_or_open(config).await.unwrap();
            cluster.start_ready().await.unwrap();
            let this = Self {
                cluster,
                databases: AtomicUsize::new(0),
                _place: None,
            };
            let admin = this.connect("postgres").await;
            admin
                .batch_execute("CREATE DATABASE template_canvass OWNER canvass")
                .await
                .unwrap();
            canvass_store::migrate(&this.url("template_canvass"))
                .await
                .unwrap();
            this
        })
    }

    /// A new database with the schema of now, for one test.
    pub fn database(&self) -> TestDb {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        block_on(async {
            let admin = self.connect("postgres").await;
            let sql = format!("CREATE DATABASE {name} TEMPLATE template_canvass OWNER canvass");
            admin.batch_execute(&sql).await.unwrap();
        });
        TestDb {
            url: self.url(&name),
            admin_url: self.cluster.tcp_url(Role::Admin, &name).unwrap(),
            name,
        }
    }

    /// The application's URL of a database, over TCP.
    pub fn url(&self, database: &str) -> String {
        self.cluster.tcp_url(Role::Application, database).unwrap()
    }

    /// TCP port on loopback.
    pub fn port(&self) -> u16 {
        self.cluster.port()
    }

    /// The directory with everything of it.
    pub fn dir(&self) -> &Path {
        self.cluster.dir().path()
    }

    /// What PostgreSQL logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.cluster.dir().log("postgres")).unwrap_or_default()
    }

    /// Kills every PostgreSQL process of it, at once and without any warning, and waits until they are gone.
    pub fn kill_all(&self) {
        let Some(postmaster) = self.cluster.postmaster_pid() else {
            return;
        };
        let mut pids = children(postmaster);
        pids.insert(0, postmaster);
        for pid in &pids {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        crate::eventually("PostgreSQL's processes to be gone", || {
            self.cluster.running().is_none().then_some(())?;
            pids.iter().all(|pid| gone(*pid)).then_some(())
        });
    }

    /// Starts it again after [`TestCluster::kill_all`] or [`TestCluster::stop`]; returns when it is ready.
    pub fn start_again(&self) {
        block_on(async { self.cluster.start_ready().await.map(drop).unwrap() });
    }

    /// True while its postmaster runs.
    pub fn is_running(&self) -> bool {
        self.cluster.running().is_some()
    }

    /// Stops it in good order, clients cut off.
    pub fn stop(&self) {
        block_on(async { self.cluster.stop(Mode::Fast).await.unwrap() });
    }

    /// Stops it without good order, clients cut off: the next start recovers from the WAL.
    pub fn stop_at_once(&self) {
        block_on(async { self.cluster.stop(Mode::Immediate).await.unwrap() });
    }

    /// Stops every process of it in its tracks: connections stay open and nobody answers, until it is dropped.
    pub fn freeze(&self) -> Stopped {
        let postmaster = self.cluster.postmaster_pid().unwrap();
        let mut pids = children(postmaster);
        pids.insert(0, postmaster);
        for pid in &pids {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGSTOP);
        }
        Stopped(pids)
    }

    /// Lets every role in without a password, over TCP on this machine, now and after every further start. It is
    /// started again for that.
    pub fn trust_everybody(&self) {
        let path = self.dir().join("trust_hba.conf");
        let lines = "host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n\
                     local all all trust\n";
        fs::write(&path, lines).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let sql = format!("ALTER SYSTEM SET hba_file = '{}'", path.display());
        self.execute("postgres", &sql);
        self.stop();
        self.start_again();
    }

    /// Runs statements as superuser, in a database.
    pub fn execute(&self, database: &str, sql: &str) {
        block_on(async { self.connect(database).await.batch_execute(sql).await.unwrap() });
    }

    async fn connect(&self, database: &str) -> Client {
        connect(&self.cluster.tcp_url(Role::Admin, database).unwrap()).await
    }
}

/// Processes that were stopped; they go on when this is dropped.
pub struct Stopped(Vec<i32>);

impl Drop for Stopped {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGCONT);
        }
    }
}

/// A connection whose traffic runs on the current runtime.
pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The cluster that all tests of this process share. It ends with the process; its directory is removed by the next
/// run that finds it left over.
pub fn shared_cluster() -> &'static TestCluster {
    static SHARED: OnceLock<TestCluster> = OnceLock::new();
    SHARED.get_or_init(|| {
        remove_leftovers();
        let dir = PathBuf::from(format!("/tmp/canvass-shared-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
        TestCluster::start_in(&dir.join("data"))
    })
}

fn remove_leftovers() {
    for entry in fs::read_dir("/tmp").unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name
            .strip_prefix("canvass-shared-")
            .and_then(|pid| pid.parse().ok());
        if pid.is_some_and(gone) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A database of one test.
pub struct TestDb {
    /// The application's connection string.
    pub url: String,
    admin_url: String,
    /// Its name.
    pub name: String,
}

impl TestDb {
    /// The rows of a query, each column as text; as superuser.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        block_on(async {
            let client = connect(&self.admin_url).await;
            let messages = client.simple_query(sql).await.unwrap();
            let rows = messages.iter().filter_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            });
            rows.map(|row| {
                (0..row.len())
                    .map(|i| row.get(i).unwrap_or("").to_owned())
                    .collect()
            })
            .collect()
        })
    }

    /// Runs statements as superuser.
    pub fn execute(&self, sql: &str) {
        block_on(async { connect(&self.admin_url).await.batch_execute(sql).await.unwrap() });
    }

    /// Runs statements as superuser.
    ///
    /// # Errors
    /// What keeps them from being run, in words.
    pub fn try_execute(&self, sql: &str) -> Result<(), String> {
        block_on(async {
            let connected = tokio_postgres::connect(&self.admin_url, NoTls).await;
            let (client, connection) = connected.map_err(|e| e.to_string())?;
            tokio::spawn(connection);
            client.batch_execute(sql).await.map_err(|e| e.to_string())
        })
    }

    /// Runs statements as superuser in a transaction that stays open, with its locks, until it is dropped.
    pub fn hold(&self, sql: &str) -> Held {
        let (url, sql) = (self.admin_url.clone(), format!("BEGIN; {sql}"));
        let (held, wait) = std::sync::mpsc::channel();
        let (release, released) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            block_on(async {
                let client = connect(&url).await;
                client.batch_execute(&sql).await.unwrap();
                held.send(()).unwrap();
                let _ = released.await;
                let _ = client.batch_execute("ROLLBACK").await;
            });
        });
        wait.recv().unwrap();
        Held(Some((release, thread)))
    }

    /// Waits until somebody in this database waits for a lock.
    pub fn until_locked_out(&self) {
        let waiting = "SELECT count(*) FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        crate::eventually("somebody to wait for a lock", || {
            (self.value(waiting) != "0").then_some(())
        });
    }

    /// The only value of a query's only row.
    pub fn value(&self, sql: &str) -> String {
        self.rows(sql)[0][0].clone()
    }
}

/// An open transaction.
pub struct Held(Option<(tokio::sync::oneshot::Sender<()>, std::thread::JoinHandle<()>)>);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some((release, thread)) = self.0.take() {
            let _ = release.send(());
            let _ = thread.join();
        }
    }
}

fn children(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// True when there is no such process, or only its exit status.
pub(crate) fn gone(pid: i32) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat
            .rsplit(") ")
            .next()
            .is_some_and(|rest| rest.starts_with(['Z', 'X'])),
        Err(_) => true,
    }
}
