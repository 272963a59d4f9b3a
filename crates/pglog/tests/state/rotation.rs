//! Logs that are renamed, compressed, truncated, and names that are used again.

use std::io::Write;

use super::*;

fn gz(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_renamed_log_is_the_same_log() {
    let place = Place::new();
    let log = place.write("a.log", &lines(26, 0, 10));
    place.run(&[&log]);
    let renamed = place.path("a.log.1");
    fs::rename(&log, &renamed).unwrap();
    let new = place.write("a.log", &lines(26, 10, 5));
    assert_eq!(calls(&place.run(&[&renamed, &new])), 15);
}

#[test]
fn a_log_that_was_copied_and_truncated_counts_once() {
    let place = Place::new();
    let log = place.write("a.log", &lines(26, 0, 10));
    place.run(&[&log]);
    // More was written before the copy was made.
    let copy = place.write("a.log.1", &lines(26, 0, 12));
    place.write("a.log", &lines(26, 12, 4));
    assert_eq!(calls(&place.run(&[&copy, &log])), 16);
}

#[test]
fn a_name_that_is_used_again_is_another_log() {
    let place = Place::new();
    let monday = place.write("postgresql-Mon.log", &lines(16, 0, 10));
    place.run(&[&monday]);
    place.write("postgresql-Mon.log", &lines(23, 0, 4));
    assert_eq!(calls(&place.run(&[&monday])), 14);
}

#[test]
fn a_log_that_was_compressed_meanwhile_is_read_on() {
    let place = Place::new();
    let log = place.write("a.log", &lines(26, 0, 10));
    place.run(&[&log]);
    fs::remove_file(&log).unwrap();
    let packed = place.path("a.log.gz");
    fs::write(&packed, gz(&lines(26, 0, 12))).unwrap();
    assert_eq!(calls(&place.run(&[&packed])), 12);
}
