//! The real binary's `canvass serve`.

use std::fs::{self, File};
use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{Api, Place, eventually};

/// The secret behind the codes of [`crate::make_wave`].
pub(crate) const CODES_SECRET: [u8; 32] = [0x5a; 32];

/// A `canvass serve` as a process of its own. It is killed when dropped.
pub struct Server {
    binary: PathBuf,
    settings: Vec<(String, String)>,
    place: Place,
    running: Mutex<Option<Running>>,
}

struct Running {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts the binary on a free port with a database; `settings` are environment variables, such as
    /// (`CANVASS_INGEST_BATCH_ROWS`, `100`).
    pub fn start(binary: &str, database_url: &str, settings: &[(&str, &str)]) -> Self {
        let place = Place::new();
        let keys = place.path().join("keys.toml");
        let hex = |byte: u8| format!("{byte:02x}").repeat(32);
        let text = format!(
            "codes = \"{}\"\n[[ring]]\nid = 1\ncreated = \"\"\nsecret = \"{}\"\n",
            hex(0x5a),
            hex(0x11)
        );
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&keys)
            .unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        let mut all: Vec<(String, String)> = settings
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        all.push(("CANVASS_DATABASE_URL".into(), database_url.into()));
        all.push(("CANVASS_KEYS".into(), keys.display().to_string()));
        let server = Self {
            binary: binary.into(),
            settings: all,
            place,
            running: Mutex::default(),
        };
        server.start_again();
        server
    }

    /// Starts it again, on a port of its own choice, after [`Server::kill`] or [`Server::terminate`].
    pub fn start_again(&self) {
        let log = File::options()
            .append(true)
            .create(true)
            .open(self.log_path())
            .unwrap();
        let seen = log.metadata().unwrap().len();
        let child = Command::new(&self.binary)
            // Supervised: a test that is killed leaves nothing behind.
            .args(["serve", "--supervised", "--listen", "127.0.0.1:0"])
            .current_dir(self.place.path())
            .env("CANVASS_WEB_METRICS_LISTEN", "")
            .env("NO_COLOR", "1")
            .envs(self.settings.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        *self.running.lock().unwrap() = Some(Running {
            child,
            address: ([127, 0, 0, 1], 0).into(),
        });
        let address = eventually("serve to listen", || {
            let said = fs::read_to_string(self.log_path()).unwrap();
            let said = said
                .get(usize::try_from(seen).unwrap()..)
                .unwrap_or("")
                .to_owned();
            let mut running = self.running.lock().unwrap();
            let ended = running.as_mut().and_then(|r| r.child.try_wait().unwrap());
            assert!(ended.is_none(), "serve ended: {said}");
            let address = said
                .split("listening on ")
                .nth(1)?
                .split_once('\n')?
                .0
                .trim()
                .to_owned();
            address.split("//").nth(1).unwrap().parse().ok()
        });
        self.running.lock().unwrap().as_mut().unwrap().address = address;
    }

    /// Where it listens now.
    pub fn address(&self) -> SocketAddr {
        self.running.lock().unwrap().as_ref().unwrap().address
    }

    /// Where it listens now; `None` while it does not.
    pub fn try_address(&self) -> Option<SocketAddr> {
        let running = self.running.lock().unwrap();
        running.as_ref().map(|r| r.address).filter(|a| a.port() != 0)
    }

    /// Its HTTP contract.
    pub fn api(&self) -> Api {
        Api::new(&format!("http://{}", self.address()))
    }

    /// Kills it at once, and waits until it is gone.
    pub fn kill(&self) {
        if let Some(mut running) = self.running.lock().unwrap().take() {
            let _ = running.child.kill();
            running.child.wait().unwrap();
        }
    }

    /// SIGTERM; gives its exit status.
    pub fn terminate(&self) -> ExitStatus {
        let mut running = self.running.lock().unwrap().take().unwrap();
        kill(Pid::from_raw(self.pid_of(&running.child)), Signal::SIGTERM).unwrap();
        running.child.wait().unwrap()
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid_of(&self.running.lock().unwrap().as_ref().unwrap().child)
    }

    fn pid_of(&self, child: &Child) -> i32 {
        i32::try_from(child.id()).unwrap()
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Everything that it logged.
    pub fn log(&self) -> String {
        let mut text = String::new();
        let _ = File::open(self.log_path()).and_then(|mut f| f.read_to_string(&mut text));
        text
    }

    /// Its keys file.
    pub fn keys(&self) -> PathBuf {
        self.place.path().join("keys.toml")
    }

    /// A directory of its own.
    pub fn place(&self) -> &Path {
        self.place.path()
    }

    fn log_path(&self) -> PathBuf {
        self.place.path().join("serve.log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
