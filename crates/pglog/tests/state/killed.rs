//! Runs that are killed, and runs at once.

use std::thread;

use super::*;

/// A directory as a run that was killed at some moment may leave it: with some of the new files, before the one step that
/// makes them count.
#[test]
fn what_a_killed_run_left_is_removed_and_counts_nowhere() {
    let place = Place::new();
    let log = place.write("a.log", &lines(26, 0, 10));
    place.run(&[&log]);
    let manifest = fs::read(place.state().join("state.json")).unwrap();
    let before: Vec<(PathBuf, Vec<u8>)> = fs::read_dir(place.state())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect();
    place.write("a.log", &lines(26, 0, 30));
    place.run(&[&log]);
    // The new files are there, the old ones too, and state.json names the old ones.
    for (path, bytes) in &before {
        fs::write(path, bytes).unwrap();
    }
    fs::write(place.state().join("state.json"), manifest).unwrap();
    fs::write(place.state().join("state.json.new"), "{\"half").unwrap();
    assert_eq!(calls(&place.run(&[])), 10);
    let names: Vec<String> = fs::read_dir(place.state())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), before.len(), "{names:?}");
    assert_eq!(calls(&place.run(&[&log])), 30);
}

#[test]
fn runs_at_once_wait_for_each_other() {
    let place = Place::new();
    let log = place.write("a.log", &lines(26, 0, 100));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| place.run(&[&log]));
        }
    });
    assert_eq!(calls(&place.run(&[])), 100);
}

#[test]
fn a_state_that_is_broken_is_named() {
    let place = Place::new();
    let log = place.write("a.log", &lines(26, 0, 10));
    place.run(&[&log]);
    fs::write(place.state().join("state.json"), "{").unwrap();
    let error = place.job(&[&log]).run().unwrap_err().to_string();
    assert!(error.contains("state.json"), "{error}");
}
