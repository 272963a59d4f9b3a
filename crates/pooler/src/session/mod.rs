//! What follows a client from server to server: its settings and its prepared statements.

mod settings;
mod statements;

pub use settings::{APPLICATION_NAME, Tracked, Values, as_reported};
pub use statements::{OURS, Statement, Statements, Texts};
