use std::future::Future;
use std::path::Path;
use std::time::Duration;

use crate::process::describe;
use crate::{Error, Notices, Process, files};

/// Log lines shown when a service is given up.
const LAST_LINES: usize = 15;

/// When a service that died is started again.
#[derive(Clone, Copy, Debug)]
pub struct RestartPolicy {
    /// The pause after the first failure; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// A service that lived this long starts again with the first pause.
    pub settled: Duration,
    /// Failures in a row after which we give up.
    pub failures: u32,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        RestartPolicy {
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(10),
            settled: Duration::from_secs(60),
            failures: 5,
        }
    }
}

impl RestartPolicy {
    /// The pause after the failure numbered `failures` in a row, or None to give up.
    fn pause(&self, failures: u32) -> Option<Duration> {
        if failures >= self.failures {
            return None;
        }
        let doubled = self
            .first_pause
            .saturating_mul(2u32.saturating_pow(failures.saturating_sub(1)));
        Some(doubled.min(self.longest_pause))
    }
}

/// Something that can be started again.
pub trait Service {
    /// What it is, for people.
    fn name(&self) -> &str;
    /// Where its output goes.
    fn log(&self) -> &Path;
    /// Starts it.
    fn start(&mut self) -> impl Future<Output = Result<Process, Error>>;
}

/// Keeps one service alive.
#[derive(Debug)]
pub struct Keeper<S> {
    service: S,
    policy: RestartPolicy,
    notices: Notices,
    process: Option<Process>,
    failures: u32,
}

impl<S: Service> Keeper<S> {
    /// A keeper of a service that is not running yet.
    pub fn new(service: S, policy: RestartPolicy, notices: Notices) -> Self {
        Keeper {
            service,
            policy,
            notices,
            process: None,
            failures: 0,
        }
    }

    /// Starts the service for the first time.
    pub async fn start(&mut self) -> Result<Process, Error> {
        let process = self.service.start().await?;
        self.process = Some(process.clone());
        Ok(process)
    }

    /// Starts the service again whenever it dies; returns only when it gives up, with the reason. Dropping the
    /// future stops the keeping, not the service.
    pub async fn keep(&mut self) -> Error {
        let mut trouble = None;
        loop {
            let reason = match trouble.take() {
                Some(reason) => reason,
                None => self.died().await,
            };
            self.failures += 1;
            let Some(pause) = self.policy.pause(self.failures) else {
                return self.give_up(reason);
            };
            let name = self.service.name();
            self.notices.say(format!(
                "{name} {reason}; starting it again in {:.1} s",
                pause.as_secs_f64()
            ));
            tokio::time::sleep(pause).await;
            if let Err(e) = self.start().await {
                trouble = Some(format!("could not be started ({e})"));
            }
        }
    }

    /// Waits for the end of the running process; a long life wipes out earlier failures.
    async fn died(&mut self) -> String {
        let Some(process) = &self.process else {
            return "was never started".into();
        };
        let status = process.exited().await;
        if process.age() >= self.policy.settled {
            self.failures = 0;
        }
        describe(status)
    }

    fn give_up(&self, reason: String) -> Error {
        let log = self.service.log().to_owned();
        Error::GaveUp {
            name: self.service.name().to_owned(),
            failures: self.failures,
            reason,
            last_lines: files::last_lines(&log, LAST_LINES),
            log,
        }
    }

    /// The process started last, if it still runs.
    pub fn running(&self) -> Option<&Process> {
        self.process.as_ref().filter(|process| process.ended().is_none())
    }

    /// The service itself.
    pub fn service(&self) -> &S {
        &self.service
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_then_we_give_up() {
        let policy = RestartPolicy {
            failures: 9,
            ..RestartPolicy::default()
        };
        let pauses: Vec<_> = (1..=9)
            .map(|n| policy.pause(n).map(|pause| pause.as_millis()))
            .collect();
        let expected = [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]
            .into_iter()
            .map(Some)
            .chain([None]);
        assert_eq!(pauses, expected.collect::<Vec<_>>());
    }
}
