use super::{background, said, told};

#[test]
fn an_operator_sees_what_happened_the_worst_first() {
    let messages = [
        "starting PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc, 64-bit",
        "database system is ready to accept connections",
        "received fast shutdown request",
        "server process (PID 77) was terminated by signal 9: Killed",
        "server process (PID 78) was terminated by signal 9: Killed",
        "terminating any other active server processes",
        "all server processes terminated; reinitializing",
        "database system was not properly shut down; automatic recovery in progress",
        "redo starts at 0/1D06A50",
        "redo done at 0/1D06A88 system usage: CPU: user: 0.00 s, system: 0.00 s, elapsed: 0.00 s",
        "received SIGHUP, reloading configuration files",
        "parameter \"work_mem\" changed to \"64MB\"",
        "parameter \"shared_buffers\" cannot be changed without restarting the server",
        "archive command failed with exit code 1",
        "entering standby mode",
        "started streaming WAL from primary at 0/3000000 on timeline 1",
        "replication terminated by primary server",
        "consistent recovery state reached at 0/3000000",
        "selected new timeline ID: 2",
        "received promote request",
        "invalidating obsolete replication slot \"s1\"",
        "logical replication apply worker for subscription \"sub\" has started",
        "recovery still waiting after 1000.123 ms: recovery conflict on lock",
    ];
    let mut entries: Vec<_> = messages
        .iter()
        .enumerate()
        .map(|(i, m)| background(i as i64, m))
        .collect();
    entries.push(said(
        50,
        50,
        "ERROR",
        "53100",
        "could not extend file \"base/5/16384\": No space left on device",
    ));
    entries.push(said(
        51,
        51,
        "ERROR",
        "XX001",
        "invalid page in block 7 of relation base/5/16384",
    ));
    entries.push(said(
        52,
        52,
        "WARNING",
        "01000",
        "database \"shop\" must be vacuumed within 1000000 transactions",
    ));
    entries.push(said(
        53,
        53,
        "PANIC",
        "XX000",
        "could not locate a valid checkpoint record",
    ));
    entries.push(said(
        54,
        54,
        "FATAL",
        "58P01",
        "requested WAL segment 000000010000000000000003 has already been removed",
    ));
    entries.push(said(
        55,
        55,
        "ERROR",
        "22023",
        "invalid value for parameter \"x\": \"y\"",
    ));
    let report = told(&entries);
    let server = &report.events.messages.server;
    let about: Vec<_> = server.iter().map(|e| e.about.as_str()).collect();
    let mut order = about.clone();
    order.dedup();
    assert_eq!(
        order,
        [
            "damage",
            "crash",
            "disk full",
            "wraparound",
            "archiving",
            "replication",
            "replication slots",
            "logical replication and workers",
            "promotion",
            "recovery conflicts",
            "recovery",
            "start",
            "stop",
            "configuration",
        ]
    );
    let has = |text: &str| server.iter().find(|e| e.text == text).map(|e| e.seen.count);
    assert_eq!(
        has("server process (PID ?) was terminated by signal 9: Killed"),
        Some(2)
    );
    assert_eq!(has("parameter \"work_mem\" changed to \"?\""), Some(1));
    assert_eq!(
        has("database \"shop\" must be vacuumed within ? transactions"),
        Some(1)
    );
    assert_eq!(
        about.len(),
        entries.len() - 2,
        "an error of a setting is none of the operator's"
    );
}

#[test]
fn warnings_and_notices_are_counted() {
    let report = told(&[
        said(
            1,
            0,
            "WARNING",
            "25001",
            "there is already a transaction in progress",
        ),
        said(
            2,
            0,
            "WARNING",
            "25001",
            "there is already a transaction in progress",
        ),
        said(3, 0, "NOTICE", "00000", "drop cascades to 3 other objects"),
        said(4, 0, "WARNING", "01000", "something of an extension"),
    ]);
    let warnings: Vec<_> = report
        .events
        .messages
        .warnings
        .iter()
        .map(|w| (w.severity.as_str(), w.text.as_str(), w.seen.count))
        .collect();
    assert_eq!(
        warnings[0],
        ("WARNING", "there is already a transaction in progress", 2)
    );
    assert!(warnings.contains(&("NOTICE", "drop cascades to ? other objects", 1)));
    assert!(warnings.contains(&("WARNING", "(message not shown: SQLSTATE 01000, WARNING)", 1)));
    assert!(report.events.messages.errors.is_empty());
}
