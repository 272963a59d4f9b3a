//! The reports of an invented run, as people see them.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test: a panic is its message")]

mod example;

use canvass_rehearse::report::summary::summary;

#[test]
fn the_summary_of_a_run_with_a_fault() {
    insta::assert_snapshot!(summary(&example::report(180), false));
}
