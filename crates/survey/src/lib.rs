//! The questionnaire and its rules: definition, validation, fold. Pure: no IO, no clock, no SQL.
//!
//! * [`definition`] is what a questionnaire is made of; [`parse`] reads it from YAML.
//! * [`validation`] turns what a respondent sent into answers that are right, or says why not.
//! * [`save`] is the unit of durability with its canonical form and digest.
//! * [`mod@fold`] makes a response's answers out of its saves: one pure function.

pub mod definition;
pub mod fold;
pub mod parse;
pub mod save;
pub mod validation;

pub use definition::{Choice, Item, Kind, Language, Page, Question, Questionnaire, Text};
pub use fold::{Folded, StoredSave, SubmissionEvent, SubmissionKind, fold};
pub use save::{Save, Stamp};
pub use validation::{Checked, Refusal, Refused};
