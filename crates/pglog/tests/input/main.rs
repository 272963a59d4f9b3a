//! Logs as they come: every format says the same, wherever chunks end; what is broken is named and the rest counted.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test: a panic is its message"
)]

mod bad;
mod chunks;
mod cut;
mod formats;
mod long;
mod many;
#[path = "../support/mod.rs"]
mod support;
mod wrapped;
