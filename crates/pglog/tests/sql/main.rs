//! The SQL normaliser: against PostgreSQL's own parser (by stored fingerprints), by property, by example.

mod corpus;
mod throughput;
