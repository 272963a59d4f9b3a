//! What is shown: a [`Report`] made of [`Totals`], as text or JSON.

mod build;
mod json;
mod model;
mod text;
mod words;

pub use build::{Settings, build};
pub use json::{read as from_json, write as to_json};
pub use model::*;
pub use text::write as to_text;
pub use words::{clock, length};
