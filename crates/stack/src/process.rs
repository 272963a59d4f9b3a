//! Children that do not outlive us.
//!
//! Linux sends the parent-death signal when the *thread* that spawned a child ends. So each child has a thread of its
//! own here, which spawns it and then waits for it: the signal comes exactly when this process ends.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use tokio::sync::watch;

use crate::{Error, User, files};

/// What to start, as whom, and where its output goes.
#[derive(Clone, Debug)]
pub struct Spec {
    name: String,
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    own_env_only: bool,
    cwd: Option<PathBuf>,
    user: Option<User>,
    log: Option<PathBuf>,
    parent_death: Signal,
}

impl Spec {
    /// `name` is for people; `program` is a path, or a name looked up in PATH.
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>) -> Spec {
        Spec {
            name: name.into(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            own_env_only: false,
            cwd: None,
            user: None,
            log: None,
            parent_death: Signal::SIGTERM,
        }
    }

    /// Adds an argument. Arguments are visible to every user of the machine: no secrets here.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Spec {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds several arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Spec {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Spec {
        self.env
            .push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Passes on nothing of our own environment but PATH.
    pub fn own_env_only(mut self) -> Spec {
        self.own_env_only = true;
        self
    }

    /// Starts in `dir`.
    pub fn cwd(mut self, dir: impl Into<PathBuf>) -> Spec {
        self.cwd = Some(dir.into());
        self
    }

    /// Runs as `user`.
    pub fn user(mut self, user: &User) -> Spec {
        self.user = Some(user.clone());
        self
    }

    /// Appends standard output and error to `log`.
    pub fn log(mut self, log: impl Into<PathBuf>) -> Spec {
        self.log = Some(log.into());
        self
    }

    /// The signal that the child gets when we end without stopping it; SIGTERM unless set.
    pub fn on_parent_death(mut self, signal: Signal) -> Spec {
        self.parent_death = signal;
        self
    }

    /// Starts the child in a process group of its own, so that a terminal's Ctrl-C reaches only us.
    pub fn spawn(&self) -> Result<Process, Error> {
        let mut command = self.command();
        let output = match (&self.log, &self.user) {
            (Some(log), Some(user)) => {
                let log = files::open_log(log, user)?;
                (log.try_clone().map_err(self.failed())?.into(), log.into())
            }
            _ => (Stdio::null(), Stdio::null()),
        };
        command
            .stdin(Stdio::null())
            .stdout(output.0)
            .stderr(output.1)
            .process_group(0);

        let name = self.name.clone();
        let (tell, told) = mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name(format!("child {name}"))
            .spawn(move || live(command, name, &tell))
            .map_err(self.failed())?;
        match told.recv() {
            Ok(started) => started.map_err(self.failed()),
            Err(_) => Err(self.failed()(std::io::Error::other("its thread ended"))),
        }
    }

    /// Runs to the end without showing any output; blocks.
    pub(crate) fn run_quiet(&self) -> Result<ExitStatus, Error> {
        let mut command = self.command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().map_err(self.failed())
    }

    fn command(&self) -> Command {
        let mut command = match setpriv() {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(become_args(self.user.as_ref()));
                command
                    .arg("--pdeathsig")
                    .arg(self.parent_death.as_str().trim_start_matches("SIG"));
                command.arg("--").arg(&self.program);
                command
            }
            None => {
                let mut command = Command::new(&self.program);
                if let Some(user) = self.user.as_ref().filter(|user| user.switch) {
                    command.uid(user.uid).gid(user.gid);
                }
                command
            }
        };
        if self.own_env_only {
            command.env_clear();
            command.env(
                "PATH",
                std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()),
            );
        }
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(key, value)| (key, value)));
        // Our own directory may be one that the user cannot enter.
        command.current_dir(self.cwd.as_deref().unwrap_or(Path::new("/")));
        command
    }

    fn failed(&self) -> impl FnOnce(std::io::Error) -> Error + use<> {
        let program = self.program.clone();
        move |source| Error::Spawn { program, source }
    }
}

fn become_args(user: Option<&User>) -> Vec<String> {
    let Some(user) = user.filter(|user| user.switch) else {
        return Vec::new();
    };
    let groups = if user.known {
        "--init-groups"
    } else {
        "--clear-groups"
    };
    vec![
        format!("--reuid={}", user.uid),
        format!("--regid={}", user.gid),
        groups.into(),
    ]
}

/// util-linux's setpriv, which alone sets the parent-death signal without unsafe code; looked for once.
fn setpriv() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let setpriv = PathBuf::from("setpriv");
        let works = Command::new(&setpriv)
            .args(["--pdeathsig", "TERM", "--", "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        works.is_ok_and(|status| status.success()).then_some(setpriv)
    };
    FOUND.get_or_init(find).as_deref()
}

/// A child of ours. Clones are the same child; dropping them does not stop it.
#[derive(Clone, Debug)]
pub struct Process(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    pid: Pid,
    started: Instant,
    /// Held while the child is reaped or signalled, so that no signal ever goes to a stranger with its old number.
    reaped: Mutex<bool>,
    exit: watch::Sender<Option<ExitStatus>>,
}

impl Process {
    /// What it is, for people.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.0.pid.as_raw()
    }

    /// How long ago it was started.
    pub fn age(&self) -> Duration {
        self.0.started.elapsed()
    }

    /// Sends `signal`, unless the child has ended already.
    pub fn signal(&self, signal: Signal) {
        let reaped = self.0.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if !*reaped {
            // A child that has not been reaped can always be signalled by its parent's user or root.
            let _ = kill(self.0.pid, signal);
        }
    }

    /// How it ended, or None while it runs.
    pub fn ended(&self) -> Option<ExitStatus> {
        *self.0.exit.borrow()
    }

    /// Waits until it ends. May be dropped and called again.
    pub async fn exited(&self) -> ExitStatus {
        let mut exit = self.0.exit.subscribe();
        match exit.wait_for(Option::is_some).await {
            Ok(status) => status.unwrap_or_default(),
            // Not reached: the sender lives in self.
            Err(_) => ExitStatus::default(),
        }
    }

    /// `signal`, then SIGKILL after `grace`. For services that keep nothing; never for PostgreSQL.
    pub async fn terminate(&self, signal: Signal, grace: Duration) -> ExitStatus {
        self.signal(signal);
        if let Ok(status) = tokio::time::timeout(grace, self.exited()).await {
            return status;
        }
        self.signal(Signal::SIGKILL);
        self.exited().await
    }
}

/// A child's thread: spawn, tell, wait, reap.
fn live(mut command: Command, name: String, tell: &mpsc::SyncSender<std::io::Result<Process>>) {
    let child = match command.spawn() {
        Ok(child) => child,
        Err(e) => {
            // Nobody listening means nobody to tell.
            let _ = tell.send(Err(e));
            return;
        }
    };
    drop(command); // holds the log files open
    let inner = Arc::new(Inner {
        name,
        pid: Pid::from_raw(child.id().cast_signed()),
        started: Instant::now(),
        reaped: Mutex::new(false),
        exit: watch::Sender::new(None),
    });
    let _ = tell.send(Ok(Process(Arc::clone(&inner))));
    wait(child, &inner);
}

fn wait(mut child: Child, inner: &Inner) {
    // Returns early only when interrupted; the child stays a zombie until it is reaped under the lock below.
    while waitid(Id::Pid(inner.pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)
        == Err(nix::errno::Errno::EINTR)
    {}
    let mut reaped = inner.reaped.lock().unwrap_or_else(PoisonError::into_inner);
    let status = child.wait().unwrap_or_default();
    *reaped = true;
    drop(reaped);
    inner.exit.send_replace(Some(status));
}

/// How a process ended, as the verb of a sentence.
pub(crate) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(number)) => match Signal::try_from(number) {
            Ok(signal) => format!("was ended by {signal}"),
            Err(_) => format!("was ended by signal {number}"),
        },
        (None, None) => "ended".into(),
    }
}
