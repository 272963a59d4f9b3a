//! One virtual person: cookie jar, row of the data file, forms as delivered.
pub mod data;
pub mod form;
pub mod jar;
