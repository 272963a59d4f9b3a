//! Hostile clients and hostile servers, made from right messages by changing them: no panic, no endless loop, bounded
//! memory, and an ordinary client is served as ever.
//!
//! Every case has a number of its own from which it is made, and which is printed when it fails. `CANVASS_FUZZ_SECONDS`
//! says how long each suite goes on (2 s), `CANVASS_TEST_SEED` with which number it begins.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test: a panic is its message"
)]

mod clients;
mod corpus;
mod floods;
mod mutate;
mod servers;
#[path = "../support/mod.rs"]
mod support;
mod watch;
