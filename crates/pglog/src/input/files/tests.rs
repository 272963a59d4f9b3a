use std::io::Cursor;

use super::*;

fn line(second: u32) -> String {
    format!("2026-11-26 14:00:{second:02}.000 UTC [1] LOG:  duration: 1.000 ms  statement: SELECT {second}\n")
}

fn names(inputs: &mut Inputs, dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(opened) = inputs.next_log() {
        let (name, what) = match opened {
            Opened::Log(source) => (
                source.name.clone(),
                if source.leaves_cut { "newest" } else { "older" },
            ),
            Opened::Empty { name } => (name, "empty"),
            Opened::Failed { name, .. } => (name, "failed"),
        };
        let name = name.replace(&format!("{}/", dir.display()), "");
        names.push(format!("{name} {what}"));
    }
    names
}

#[test]
fn files_come_in_the_order_of_their_first_records() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("log.1"), line(2) + &line(9)).unwrap();
    fs::write(at("log"), line(5)).unwrap();
    fs::write(at("log.2"), line(1)).unwrap();
    fs::write(at("log.0"), "").unwrap();
    fs::write(at("current_logfiles"), "stderr log/postgresql.log\n").unwrap();
    std::os::unix::fs::symlink(at("log.2"), at("link")).unwrap();
    let find = |named: &[PathBuf]| Inputs::find(named, Reading::default(), Cursor::new(line(3)));

    let mut inputs = find(&[
        at("log"),
        at("log.1"),
        PathBuf::from("-"),
        at("log.2"),
        at("link"),
        at("no"),
    ]);
    assert_eq!(inputs.notes.len(), 1);
    assert!(inputs.notes[0].ends_with("link was named twice, and read once"));
    assert_eq!(
        names(&mut inputs, dir.path()),
        [
            "no failed",
            "log.2 older",
            "log.1 older",
            "standard input older",
            "log newest"
        ]
    );

    let mut inputs = find(&[dir.path().to_owned()]);
    assert_eq!(
        names(&mut inputs, dir.path()),
        ["log.0 empty", "link older", "log.1 older", "log newest"]
    );
    assert_eq!(
        inputs.notes.len(),
        2,
        "the link's own file, and a file that is no log: {:?}",
        inputs.notes
    );

    let mut inputs = find(&[at("log.[12]")]);
    assert_eq!(names(&mut inputs, dir.path()), ["log.2 older", "log.1 newest"]);
    assert_eq!(
        names(&mut find(&[at("nothing*")]), dir.path()),
        ["nothing* failed"]
    );
    assert_eq!(
        names(&mut find(&[at("current_logfiles")]), dir.path()),
        ["current_logfiles failed"]
    );
}

#[test]
fn logs_of_one_time_in_two_formats_are_told() {
    let log = |name: &str, format, period| (name.to_owned(), format, period);
    let csv = log("a.csv", "csvlog", Some((0, 10)));
    assert!(read_twice(&[csv.clone(), log("a.log", "stderr", Some((10, 20)))]).is_some());
    assert!(read_twice(&[csv.clone(), log("a.log", "stderr", Some((11, 20)))]).is_none());
    assert!(read_twice(&[csv.clone(), log("b.csv", "csvlog", Some((0, 10)))]).is_none());
    assert!(read_twice(&[csv, log("b.log", "stderr", None)]).is_none());
}
