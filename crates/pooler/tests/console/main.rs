//! The administrator's console, driven over the wire against a pooler before a real PostgreSQL.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is a test's failure"
)]

mod access;
mod beyond;
mod client;
mod columns;
mod configure;
mod control;
mod figures;
mod pool;
mod shutdown;

use client::Client;
use pool::{ADMIN, Pool, VIEWER};
