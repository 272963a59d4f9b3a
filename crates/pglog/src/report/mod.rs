//! What is shown: a [`Report`] made of [`Totals`], as text or JSON.

mod build;
pub mod compare;
pub mod events;
mod findings;
mod html;
mod json;
mod model;
pub mod phases;
mod text;
mod words;

pub use build::{Settings, build};
pub use findings::{Finding, findings};
pub use html::{compare_page as compare_to_html, write as to_html};
pub use json::{read as from_json, write as to_json};
pub use model::*;
pub use text::{write as to_text, write_coloured as to_terminal};
pub use words::{clock, length};

#[cfg(test)]
mod schema;
#[cfg(test)]
mod tests;
