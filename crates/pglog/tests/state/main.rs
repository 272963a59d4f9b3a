//! A state directory: what is new is read, nothing counts twice, whatever happens to the logs and to the run.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

use canvass_pglog::job::{Done, Job, KeepIn};
use canvass_pglog::report::{self, Settings};

mod killed;
mod rotation;

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn state(&self) -> PathBuf {
        self.path("state")
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn job(&self, files: &[&Path]) -> Job {
        let keep = KeepIn {
            dir: self.state(),
            time_zone: None,
            keep_days: None,
            days: None,
        };
        Job {
            files: files.iter().map(|f| f.to_path_buf()).collect(),
            threads: 1,
            state: Some(keep),
            ..Job::default()
        }
    }

    fn run(&self, files: &[&Path]) -> Done {
        self.job(files).run().unwrap()
    }
}

/// `calls` executions from second `from` of a day on, one a second.
fn lines(day: u32, from: u32, calls: u32) -> String {
    let line = |n: u32| {
        let (minute, second) = (n / 60, n % 60);
        format!(
            "2026-11-{day:02} 10:{minute:02}:{second:02}.000 UTC [7] LOG:  duration: 1.{n:03} ms  statement: SELECT {n}\n"
        )
    };
    (from..from + calls).map(line).collect()
}

fn calls(done: &Done) -> u64 {
    done.totals.all.calls
}

/// Everything that is counted, as JSON.
fn told(done: &Done) -> String {
    report::to_json(&report::build(
        &done.totals,
        &done.counts,
        Vec::new(),
        done.logged,
        &Settings::default(),
    ))
}

#[test]
fn what_was_read_is_not_read_again_and_what_is_new_is() {
    let place = Place::new();
    let log = place.write("a.log", &lines(26, 0, 10));
    assert_eq!(calls(&place.run(&[&log])), 10);
    assert_eq!(calls(&place.run(&[&log])), 10);
    place.write("a.log", &lines(26, 0, 25));
    let done = place.run(&[&log]);
    assert_eq!(calls(&done), 25);
    assert!(
        done.inputs[0].bytes < fs::metadata(&log).unwrap().len(),
        "only what is new"
    );
}

#[test]
fn many_runs_give_what_one_gives() {
    let place = Place::new();
    let all = lines(26, 0, 200) + &lines(27, 0, 200);
    let log = place.path("a.log");
    let mut cut = 0;
    // Cuts within lines, too: a line that is not all there is left for the next run.
    while cut < all.len() {
        cut = (cut + 977).min(all.len());
        fs::write(&log, &all[..cut]).unwrap();
        place.run(&[&log]);
    }
    let many = place.run(&[&log]);
    let once = Place::new();
    let log = once.write("a.log", &all);
    let one = once.run(&[&log]);
    assert_eq!(told(&many), told(&one));
    let whole = Job {
        files: vec![log],
        threads: 1,
        ..Job::default()
    }
    .run()
    .unwrap();
    assert_eq!(calls(&many), calls(&whole));
    assert_eq!(many.totals.times, whole.totals.times);
}

#[test]
fn days_are_reported_from_the_state_alone() {
    let place = Place::new();
    let log = place.write("a.log", &(lines(25, 0, 3) + &lines(26, 0, 5) + &lines(27, 0, 7)));
    place.run(&[&log]);
    fs::remove_file(&log).unwrap();
    let mut job = place.job(&[]);
    let days = |first: &str, last: &str| Some((first.parse().unwrap(), last.parse().unwrap()));
    let keep = job.state.as_mut().unwrap();
    keep.days = days("2026-11-26", "2026-11-27");
    assert_eq!(calls(&job.run().unwrap()), 12);
    job.state.as_mut().unwrap().days = days("2026-11-25", "2026-11-25");
    assert_eq!(calls(&job.run().unwrap()), 3);
}

#[test]
fn old_days_are_dropped_when_asked() {
    let place = Place::new();
    let log = place.write("a.log", &(lines(20, 0, 3) + &lines(26, 0, 5)));
    let mut job = place.job(&[&log]);
    job.state.as_mut().unwrap().keep_days = Some(3);
    assert_eq!(calls(&job.run().unwrap()), 5);
}

#[test]
fn a_state_keeps_to_its_time_zone_and_says_so() {
    let place = Place::new();
    let log = place.write("a.log", &lines(26, 0, 3));
    place.run(&[&log]);
    let mut job = place.job(&[&log]);
    job.state.as_mut().unwrap().time_zone = Some("Europe/Berlin".to_owned());
    let error = job.run().unwrap_err().to_string();
    assert!(
        error.contains("time zone") && error.contains("Europe/Berlin"),
        "{error}"
    );
}

#[test]
fn totals_of_different_choices_are_not_added() {
    let place = Place::new();
    let log = place.write("a.log", &lines(26, 0, 3));
    let mut job = place.job(&[&log]);
    job.choice.pids = vec![7];
    assert_eq!(calls(&job.run().unwrap()), 3);
    let error = place.job(&[&log]).run().unwrap_err().to_string();
    assert!(error.contains("another choice"), "{error}");
    assert_eq!(calls(&job.run().unwrap()), 3);
    assert_eq!(
        calls(&place.run(&[])),
        3,
        "what is kept can be reported without a choice"
    );
}

#[test]
fn nothing_in_the_state_is_a_value_and_nobody_else_may_read_it() {
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let secret = "2026-11-26 10:00:00.000 UTC [7] LOG:  duration: 1.000 ms  execute x: SELECT 'zqxsecret', $1\n\
                  2026-11-26 10:00:00.000 UTC [7] DETAIL:  parameters: $1 = 'zqxsecret'\n\
                  2026-11-26 10:00:01.000 UTC [7] ERROR:  duplicate zqxsecret\n\
                  2026-11-26 10:00:01.000 UTC [7] STATEMENT:  INSERT INTO t VALUES ('zqxsecret\n";
    let log = place.write("a.log", secret);
    place.run(&[&log]);
    assert_eq!(
        fs::metadata(place.state()).unwrap().permissions().mode() & 0o777,
        0o700
    );
    for entry in fs::read_dir(place.state()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600,
            "{}",
            path.display()
        );
        let mut bytes = fs::read(&path).unwrap();
        if path.extension().is_some_and(|e| e == "gz") {
            let packed = std::mem::take(&mut bytes);
            flate2::read::GzDecoder::new(&packed[..])
                .read_to_end(&mut bytes)
                .unwrap();
        }
        assert!(
            !String::from_utf8_lossy(&bytes).contains("zqx"),
            "{}",
            path.display()
        );
    }
}
