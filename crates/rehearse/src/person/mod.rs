//! One virtual person: cookie jar, row of the data file, forms as delivered.
pub mod form;
