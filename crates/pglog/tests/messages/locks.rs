use super::support::Entry;
use super::{log, said, told};

fn waits(pid: u32, at: i64, what: &str, holder: u32) -> Entry {
    Entry {
        detail: format!("Process holding the lock: {holder}. Wait queue: {pid}."),
        context: "while updating tuple (0,1) in relation \"answers\"".to_owned(),
        statement: format!("UPDATE answers SET n = {at} WHERE id = 1"),
        ..log(pid, at, &format!("process {pid} {what}"))
    }
}

#[test]
fn a_wait_counts_once_with_its_whole_time_and_for_whom() {
    let report = told(&[
        log(
            4,
            0,
            "duration: 1.000 ms  statement: DELETE FROM answers WHERE id = 1",
        ),
        waits(
            5,
            1000,
            "still waiting for ShareLock on transaction 778 after 1000.123 ms",
            4,
        ),
        waits(
            5,
            2000,
            "still waiting for ShareLock on transaction 778 after 2000.123 ms",
            4,
        ),
        waits(
            5,
            3000,
            "acquired ShareLock on transaction 778 after 2500.000 ms",
            4,
        ),
        waits(
            6,
            3000,
            "still waiting for ShareLock on transaction 779 after 1000.500 ms",
            99,
        ),
    ]);
    let locks = &report.events.locks;
    assert_eq!(
        (locks.waits.count, locks.waits.sum, locks.acquired),
        (2, 3_500_500, 1)
    );
    let object = &locks.objects[0];
    assert_eq!(
        (
            object.kind.as_str(),
            object.relation.as_str(),
            object.mode.as_str()
        ),
        ("transaction", "answers", "ShareLock")
    );
    let edge = &locks.edges[0];
    assert_eq!(edge.waiting_text, "update answers set n = ? where id = ?");
    assert_eq!(edge.holding_text, "delete from answers where id = ?");
    assert_eq!(locks.edges[1].holding, "", "of process 99 nothing is known");
}

#[test]
fn kinds_of_locks_are_told_without_their_numbers() {
    let wait = |pid, on: &str| {
        log(
            pid,
            0,
            &format!("process {pid} still waiting for ExclusiveLock on {on} after 1000.000 ms"),
        )
    };
    let report = told(&[
        wait(1, "relation 16384 of database 5"),
        wait(2, "extension of relation 16384 of database 5"),
        wait(3, "tuple (0,3) of relation 16384 of database 5"),
        wait(4, "advisory lock [5,0,4711,1]"),
        wait(5, "virtual transaction 4/77"),
        wait(6, "object 7 of class 1262 of database 0"),
        log(
            7,
            0,
            "process 7 avoided deadlock for ShareLock on transaction 9 by rearranging queue order after 1000.000 ms",
        ),
        log(
            8,
            0,
            "process 8 detected deadlock while waiting for ShareLock on transaction 9 after 1000.000 ms",
        ),
        log(9, 0, "process 9 could not obtain ShareLock on transaction 9"),
    ]);
    let locks = &report.events.locks;
    let mut kinds: Vec<_> = locks.objects.iter().map(|o| o.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            "advisory lock",
            "extension of a relation",
            "object",
            "relation",
            "row",
            "transaction",
            "virtual transaction"
        ]
    );
    assert_eq!((locks.waits.count, locks.avoided, locks.failed), (8, 1, 1));
}

#[test]
fn deadlocks_of_one_shape_are_one_wherever_their_circle_begins() {
    let deadlock = |pid: u32, first: u32, second: u32, swapped: bool| {
        let one = "UPDATE a\nSET n = 1 WHERE id = 7";
        let two = "UPDATE b SET n = 2 WHERE id = 8";
        let (of_first, of_second) = if swapped { (two, one) } else { (one, two) };
        Entry {
            detail: format!(
                "Process {first} waits for ShareLock on transaction 778; blocked by process {second}.\n\
                 Process {second} waits for ShareLock on transaction 779; blocked by process {first}.\n\
                 Process {first}: {of_first}\nProcess {second}: {of_second}"
            ),
            statement: "UPDATE a SET n = 1 WHERE id = 7".to_owned(),
            ..said(pid, i64::from(pid), "ERROR", "40P01", "deadlock detected")
        }
    };
    let report = told(&[deadlock(1, 1, 2, false), deadlock(5, 5, 6, true)]);
    let deadlocks = &report.events.locks.deadlocks;
    assert_eq!(deadlocks.len(), 1);
    assert_eq!(deadlocks[0].seen.count, 2);
    let mut texts: Vec<_> = deadlocks[0].steps.iter().map(|s| s.text.as_str()).collect();
    texts.sort_unstable();
    assert_eq!(
        texts,
        [
            "update a set n = ? where id = ?",
            "update b set n = ? where id = ?"
        ]
    );
}
