//! For tests only: a database per test, a server per test, a network that can be cut.
//!
//! * [`Place`] is a temporary directory that PostgreSQL's user can reach too.
//! * [`TestCluster`] is a real PostgreSQL of one's own, to be killed and started again; [`shared_cluster`] is one for
//!   all tests of a process, in which each test has a [`TestDb`] of its own, copied from a migrated template.
//! * [`Server`] is the real binary's `canvass serve` as a process of its own.
//! * [`SmallDisk`] is a file system that can be filled to the brim.
//! * [`Proxy`] stands in a connection and can cut it, at once or between a COMMIT and its reply.
//! * [`Load`] is people who answer all the time and keep book of it;
//!   [`Crowd`] is many at once, by a timetable; [`Dice`] is chance that can be repeated.
//! * [`Api`] speaks the HTTP contract; [`Respondent`] is somebody with a write token; [`Raw`] writes bytes when told.
//!
//! Nothing here sleeps to wait for something: [`eventually`] waits on a condition.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::print_stdout,
    reason = "a panic here is a test's failure, and what is printed is its output"
)]

mod api;
mod cluster;
mod crowd;
mod dice;
mod load;
mod people;
mod proxy;
mod raw;
mod server;
mod small_disk;

use std::time::{Duration, Instant};

pub use api::{Api, Reply, Respondent};
pub use cluster::{Held, Place, Stopped, TestCluster, TestDb, shared_cluster};
pub use crowd::{Crowd, Sent};
pub use dice::Dice;
pub use load::{Load, Mix};
pub use people::{SMALL_SURVEY, TestWave, WaveTimes, make_wave};
pub use proxy::Proxy;
pub use raw::{Raw, save_request, until_read};
pub use server::Server;
pub use small_disk::{Ballast, SmallDisk};

/// Longer than anything should take; a condition not met by then has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `condition` gives something.
///
/// # Panics
/// When it does not within [`PATIENCE`]; `what` says what was waited for.
pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs a future on a runtime of its own.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// Lets this process open as many files and connections as it is allowed to; how many that is.
pub fn raise_open_files() -> usize {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    usize::try_from(hard).unwrap_or(usize::MAX)
}

/// Now, in µs since the Unix epoch.
pub fn now_micros() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    i64::try_from(since.as_micros()).unwrap()
}
