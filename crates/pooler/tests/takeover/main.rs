//! Online restart: a new process takes over from the one that is running, and no client notices.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a panic is a test's failure"
)]

#[path = "../console/client.rs"]
#[allow(dead_code, reason = "another test uses the rest")]
mod client;
mod failures;
mod load;
mod peer;
#[path = "../process/pool.rs"]
#[allow(dead_code, reason = "another test uses the rest")]
mod pool;
mod psql;
mod secrets;
mod state;
#[allow(unused_imports, reason = "another test uses the rest")]
#[path = "../support/mod.rs"]
mod support;
mod told;
mod under_way;
mod world;

use client::Client;
use pool::Pool;

/// The pooler that other tests start.
#[test]
#[ignore = "it is the pooler that other tests start"]
fn pooler() {
    let options = pool::options_of_child();
    match canvass_pooler::process::run(&options) {
        Ok(()) => std::process::exit(0),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}
