//! One virtual person: cookie jar, row of the data file, forms as delivered.
pub mod check;
pub mod data;
pub mod extract;
pub mod form;
pub mod jar;
pub mod persona;
