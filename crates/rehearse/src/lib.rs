//! Record one person, rehearse the whole day: for any HTTP application. Knows nothing of surveys.
//!
//! [`record`] writes what a person clicks as a HAR file ([`har`]); [`init`] makes a [`scenario`] of it, with the dynamic
//! values found; [`run`] plays it as thousands of people ([`person`]) who arrive along a curve ([`day`]), each on
//! connections of their own ([`client`]); [`report`] says what came of it; [`reconcile`] compares what was acknowledged
//! with what the application holds.

pub mod acknowledged;
pub mod client;
pub mod day;
pub mod fault;
pub mod har;
pub mod html;
pub mod init;
pub mod live;
pub mod machine;
pub mod measure;
pub mod person;
pub mod reconcile;
pub mod record;
pub mod report;
pub mod run;
pub mod scenario;

mod error;
pub use error::Error;
