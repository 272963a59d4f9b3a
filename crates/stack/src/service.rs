use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::supervise::Service;
use crate::{DataDir, Error, Process, Spec, User, files, leftovers};

/// A service that is one command, with a log and a pid file in the data directory.
#[derive(Debug)]
pub struct CommandService {
    name: String,
    spec: Spec,
    log: PathBuf,
    pid_file: PathBuf,
    owner: User,
    end: Signal,
}

impl CommandService {
    /// The service `name`: `spec` run as `owner`, logging to `log/NAME.log`. The next run finds it by `run/NAME.pid`
    /// if this one is killed.
    pub fn new(name: &str, spec: Spec, dir: &DataDir, owner: &User) -> CommandService {
        let log = dir.log(name);
        CommandService {
            name: name.to_owned(),
            spec: spec.user(owner).log(&log),
            pid_file: dir.run().join(format!("{name}.pid")),
            log,
            owner: owner.clone(),
            end: Signal::SIGTERM,
        }
    }

    /// What tells it to finish what it has and end, also when we end without stopping it; SIGTERM unless set.
    #[must_use]
    pub fn ended_by(mut self, signal: Signal) -> CommandService {
        self.spec = self.spec.on_parent_death(signal);
        self.end = signal;
        self
    }

    /// Ends `process`: SIGTERM or [`CommandService::ended_by`], `grace` to finish what it had accepted, then SIGKILL.
    pub async fn stop(&self, process: &Process, grace: Duration) {
        process.terminate(self.end, grace).await;
        leftovers::remove_pid_file(&self.pid_file);
    }
}

impl Service for CommandService {
    fn name(&self) -> &str {
        &self.name
    }

    fn log(&self) -> &Path {
        &self.log
    }

    async fn start(&mut self) -> Result<Process, Error> {
        let process = self.spec.spawn()?;
        // A child that has ended already needs no pid file.
        if let Some(text) = leftovers::pid_file_text(process.pid()) {
            files::write_private(&self.pid_file, text.as_bytes(), &self.owner)?;
        }
        Ok(process)
    }
}
