//! The SQL normaliser: against PostgreSQL's own parser (by stored fingerprints), by property, by example.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a panic here is a test's failure, and it tells what it counts"
)]

mod corpus;
mod cut;
mod examples;
mod fingerprints;
mod kinds;
mod properties;
mod throughput;

use canvass_pglog::sql::Normalizer;

/// A file of this directory.
fn file(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/sql")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The normal form of one statement.
fn text(sql: &[u8]) -> String {
    Normalizer::default().normalize(sql).text.to_owned()
}

/// The fingerprint of one statement.
fn fingerprint(sql: &str) -> u64 {
    Normalizer::default().normalize(sql.as_bytes()).fingerprint
}
