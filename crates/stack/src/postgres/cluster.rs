use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::data_dir::Marker;
use crate::lock::Lock;
use crate::postgres::find::{self, Installation};
use crate::postgres::initdb;
use crate::{DataDir, Error, Notices, Process, User, disk, files, leftovers};

/// How long a leftover service of an earlier run may take to finish.
const SERVICE_GRACE: Duration = Duration::from_secs(10);

/// The shortest statement of a program of ours that is always logged.
pub const SLOW_STATEMENT: Duration = Duration::from_millis(100);
/// Of so many transactions of a program of ours one is logged whole.
pub const LOGGED_TRANSACTIONS: u32 = 100;

/// How a cluster is made and opened.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// The data directory; made when it does not exist.
    pub dir: PathBuf,
    /// The port on loopback; None takes a free one and remembers it.
    pub port: Option<u16>,
    /// The user to run as when we are root; None chooses.
    pub user: Option<String>,
    /// Bytes that must be free before anything is started.
    pub min_free: u64,
    /// How its settings are sized.
    pub profile: Profile,
    /// Name of the application's role and of its database; the superuser is NAME_admin.
    pub application: String,
    /// Where progress is shown.
    pub notices: Notices,
}

impl ClusterConfig {
    /// The defaults, under `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> ClusterConfig {
        ClusterConfig {
            dir: dir.into(),
            port: None,
            user: None,
            min_free: 2 << 30,
            profile: Profile::Sized,
            application: "canvass".into(),
            notices: Notices::default(),
        }
    }
}

/// How a cluster's settings are sized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// From the machine: this is its main work.
    Sized,
    /// Small and quick to make, beside others of its kind; as durable against a killed process as any.
    Test,
}

/// Who connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The superuser.
    Admin,
    /// The application: owns its database and nothing else.
    Application,
}

/// One private PostgreSQL under one directory, locked against every other process. Dropping it asks PostgreSQL to
/// stop (fast) without waiting.
#[derive(Debug)]
pub struct Cluster {
    pub(super) config: ClusterConfig,
    pub(super) dir: DataDir,
    pub(super) user: User,
    pub(super) installation: Installation,
    pub(super) marker: Mutex<Marker>,
    pub(super) process: Mutex<Option<Process>>,
    /// Set while clients rely on the port: from ready to stopped.
    pub(super) pinned: AtomicBool,
    _lock: Lock,
}

impl Cluster {
    /// Opens the cluster under `config.dir`, made first where there is none. Everything that can be refused is
    /// refused before anything is changed; what a killed run left behind is ended and awaited. Logs past
    /// 50 MB are set aside.
    pub async fn create_or_open(config: ClusterConfig) -> Result<Cluster, Error> {
        let dir = DataDir::at(&config.dir)?;
        let user = User::choose(config.user.as_deref(), dir.path())?;
        user.check_reach(dir.path())?;
        dir.marker()?;
        let major = dir.major()?;
        let installation = find::find(dir.path(), major)?;
        if major.is_some() {
            dir.password(&admin_of(&config.application))?;
        }
        disk::check(files::nearest_existing(dir.path()), config.min_free)?;

        dir.make(&user)?;
        let lock = Lock::take(&dir.lock_file(), dir.path(), &user)?;
        let marker = Mutex::new(dir.marker()?.unwrap_or_default());
        let cluster = Cluster {
            config,
            dir,
            user,
            installation,
            marker,
            process: Mutex::new(None),
            pinned: AtomicBool::new(false),
            _lock: lock,
        };
        cluster.end_leftover_services().await?;
        cluster.end_leftover_postgres().await?;
        cluster.initialise().await?;
        files::rotate_logs(&cluster.dir.logs())?;
        Ok(cluster)
    }

    /// Any `run/NAME.pid`: services go before the database that they use.
    async fn end_leftover_services(&self) -> Result<(), Error> {
        let run = self.dir.run();
        for entry in std::fs::read_dir(&run).map_err(Error::io("read", &run))? {
            let path = entry.map_err(Error::io("read", &run))?.path();
            if path.extension().is_some_and(|extension| extension == "pid") {
                leftovers::end_service(&path, SERVICE_GRACE, &self.config.notices).await?;
            }
        }
        Ok(())
    }

    async fn initialise(&self) -> Result<(), Error> {
        let sync = self.config.profile == Profile::Sized;
        let (admin, notices) = (self.role_name(Role::Admin), &self.config.notices);
        initdb::initialise(&self.dir, &self.installation, &self.user, &admin, sync, notices).await
    }

    /// The data directory.
    pub fn dir(&self) -> &DataDir {
        &self.dir
    }

    /// The user as whom its processes run.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// The version of its programs, such as "15.18".
    pub fn version(&self) -> &str {
        &self.installation.version
    }

    /// The folder of its programs, such as `/usr/lib/postgresql/15/bin`.
    pub fn bin_dir(&self) -> &Path {
        &self.installation.bin
    }

    /// The port on loopback; known from the first start on.
    pub fn port(&self) -> u16 {
        self.marker().port.unwrap_or_default()
    }

    /// The directory of its Unix socket.
    pub fn socket_dir(&self) -> PathBuf {
        self.marker().sockets.clone().unwrap_or_else(|| self.dir.run())
    }

    /// A connection string with the role's password, through the Unix socket.
    pub fn url(&self, role: Role, database: &str) -> Result<String, Error> {
        let host = percent_encode(&self.socket_dir());
        self.url_of(role, &format!("{host}:{}", self.port()), database)
    }

    /// A connection string with the role's password, through TCP on loopback.
    pub fn tcp_url(&self, role: Role, database: &str) -> Result<String, Error> {
        self.url_of(role, &format!("127.0.0.1:{}", self.port()), database)
    }

    /// The same as [`url`](Self::url), for a program whose statements' texts never hold a value: what it does is logged. Of
    /// its transactions one in [`LOGGED_TRANSACTIONS`] is logged whole, and every statement that takes [`SLOW_STATEMENT`].
    /// Before PostgreSQL 15 a role cannot be given that right: there it is the same as `url`.
    pub fn logged_url(&self, role: Role, database: &str) -> Result<String, Error> {
        let url = self.url(role, database)?;
        if !self.grants_settings() {
            return Ok(url);
        }
        let slow = SLOW_STATEMENT.as_millis();
        let rate = 1.0 / f64::from(LOGGED_TRANSACTIONS);
        let options = format!("-c log_min_duration_statement={slow} -c log_transaction_sample_rate={rate}");
        Ok(format!("{url}?options={}", percent_encode(Path::new(&options))))
    }

    /// Whether a role can be given the right to a setting.
    pub(super) fn grants_settings(&self) -> bool {
        self.installation.major >= 15
    }

    fn url_of(&self, role: Role, host: &str, database: &str) -> Result<String, Error> {
        let name = self.role_name(role);
        let password = self.dir.password(&name)?;
        Ok(format!("postgresql://{name}:{password}@{host}/{database}"))
    }

    /// The role's password.
    pub fn password(&self, role: Role) -> Result<String, Error> {
        self.dir.password(&self.role_name(role))
    }

    /// The role's name in the database.
    pub fn role_name(&self, role: Role) -> String {
        match role {
            Role::Admin => admin_of(&self.config.application),
            Role::Application => self.config.application.clone(),
        }
    }

    /// The postmaster's process id, while it runs.
    pub fn postmaster_pid(&self) -> Option<i32> {
        self.running().map(|process| process.pid())
    }

    /// The postmaster, while it runs.
    pub fn running(&self) -> Option<Process> {
        self.lock_process()
            .clone()
            .filter(|process| process.ended().is_none())
    }

    pub(super) fn marker(&self) -> MutexGuard<'_, Marker> {
        self.marker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock_process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(process) = self.running() {
            process.signal(super::Mode::Fast.signal());
        }
    }
}

fn admin_of(application: &str) -> String {
    format!("{application}_admin")
}

/// A path as the host of a connection string.
fn percent_encode(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    path.as_os_str()
        .as_bytes()
        .iter()
        .map(|byte| {
            if plain(*byte) {
                char::from(*byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_directory_can_stand_as_a_host() {
        assert_eq!(percent_encode(Path::new("/srv/a b/run")), "%2Fsrv%2Fa%20b%2Frun");
    }
}
