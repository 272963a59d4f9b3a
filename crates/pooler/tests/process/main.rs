//! The pooler as a process of its own: command line, background, pidfile, signals, service manager, online restart.
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
mod metrics;
mod peers;
mod pool;
mod service;
mod signals;
mod start;

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
