//! What a PostgreSQL did, from its own log: read, told apart, normalised, added up, reported. Works on any PostgreSQL's logs
//! and knows nothing of surveys.
//!
//! * `input`: files and standard input, in chunks of whole records. `parse`: one format a file. `prefix`: `log_line_prefix`.
//! * `message`: what a record says. `sql`: statements without their values.
//! * `fold`: the records of a session joined, in the order of the log. `totals`: what is counted.
//! * `report`: what is shown. `run`: threads.

pub mod choose;
mod clean;
pub mod event;
pub mod fold;
mod hash;
pub mod input;
pub mod job;
pub mod message;
pub mod parse;
pub mod prefix;
pub mod record;
pub mod report;
pub mod run;
pub mod sql;
pub mod state;
pub mod time;
pub mod totals;

pub use clean::clean;
