//! What the black-box tests share: a client that can say anything byte by byte, a database per test, the pooler under
//! test, and transcripts that can be compared.
//!
//! Nothing here knows how the pooler works inside: `pooler.rs` starts it, everything else speaks the protocol.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a panic is a test's failure, and each test file uses its own part of this"
)]

pub mod build;
pub mod client;
pub mod database;
pub mod message;
pub mod mock;
pub mod network;
pub mod pooler;
pub mod scram;
pub mod transcript;

pub use client::{Next, Reply, Wire};
pub use database::Database;
pub use message::Message;
#[allow(unused_imports, reason = "as above")]
pub use network::{Flow, Network, Way};
pub use pooler::Pooler;

/// The seed of a test that rolls dice: a fixed one, or `CANVASS_TEST_SEED`.
pub fn seed(fixed: u64) -> u64 {
    let seed = std::env::var("CANVASS_TEST_SEED").map_or(fixed, |text| text.parse().unwrap());
    println!("to repeat: CANVASS_TEST_SEED={seed}");
    seed
}

/// A pause between two looks at a condition.
pub fn between_two_looks() {
    std::thread::sleep(std::time::Duration::from_millis(5));
}

/// Sets something aside to be done when the scope ends, also by a panic.
pub struct AtEnd<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
