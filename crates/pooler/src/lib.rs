//! A PostgreSQL connection pooler for any client, from a pgbouncer.ini. Knows nothing of surveys.

pub mod auth;
pub mod config;
pub mod tls;
