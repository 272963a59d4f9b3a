//! The SQL normaliser: against PostgreSQL's own parser (by stored fingerprints), by property, by example.

mod corpus;
mod fingerprints;
mod throughput;

/// A file of this directory.
fn file(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/sql")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
