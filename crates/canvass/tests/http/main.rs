//! The HTTP contract of `docs/http-api.md`, and what the world may send instead: against the real binary on a real
//! PostgreSQL. One test binary, so that all share one cluster.
#![allow(clippy::unwrap_used, reason = "a panic here is a test's failure")]

mod bad_input;
mod contract;
mod export;
mod nothing_leaks;
mod pages;
mod support;
mod tls;
