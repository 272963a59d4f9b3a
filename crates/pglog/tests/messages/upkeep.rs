use super::support::Entry;
use super::{background, log, told};

#[test]
fn checkpoints_are_added_up_by_reason() {
    let report = told(&[
        background(0, "checkpoint starting: time"),
        background(
            9,
            "checkpoint complete: wrote 10 buffers (0.1%); 0 WAL file(s) added, 1 removed, 2 recycled; write=1.500 s, sync=0.250 s, total=2.000 s; sync files=3, longest=0.100 s, average=0.050 s; distance=100 kB, estimate=200 kB",
        ),
        background(10, "checkpoints are occurring too frequently (9 seconds apart)"),
        background(10, "checkpoint starting: wal"),
        background(
            19,
            "checkpoint complete: wrote 5 buffers (0.1%), wrote 2 SLRU buffers; 1 WAL file(s) added, 0 removed, 0 recycled; write=0.500 s, sync=0.001 s, total=0.600 s; sync files=1, longest=0.001 s, average=0.001 s; distance=50 kB, estimate=150 kB; lsn=0/1D06A88, redo lsn=0/1D06A50",
        ),
        background(20, "restartpoint starting: fast wait"),
        background(
            29,
            "restartpoint complete: wrote 1 buffers (0.0%); 0 WAL file(s) added, 0 removed, 0 recycled; write=0.001 s, sync=0.001 s, total=0.003 s; sync files=0, longest=0.000 s, average=0.000 s; distance=1 kB, estimate=1 kB",
        ),
    ]);
    let c = &report.events.checkpoints;
    let all = &c.all;
    assert_eq!((c.begun, all.count, all.restartpoints), (3, 3, 1));
    assert_eq!((all.buffers, all.slru_buffers, all.too_frequent), (16, 2, 1));
    assert_eq!((all.wal_added, all.wal_removed, all.wal_recycled), (1, 1, 2));
    assert_eq!(
        (all.write_micros, all.max_micros, all.distance_kb),
        (2_001_000, 2_000_000, 151)
    );
    let mut reasons: Vec<_> = c.reasons.iter().map(|r| (r.name.as_str(), r.buffers)).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, [("fast wait", 1), ("time", 10), ("wal", 5)]);
    assert_eq!(c.series.iter().map(|b| b.count).sum::<u64>(), 3);
}

const VACUUM_12: &str = "automatic vacuum of table \"shop.public.a\": index scans: 1\npages: 4 removed, 10 remain, 0 skipped due to pins, 2 skipped frozen\ntuples: 100 removed, 20 remain, 3 are dead but not yet removable, oldest xmin: 500\nbuffer usage: 40 hits, 5 misses, 6 dirtied\navg read rate: 1.000 MB/s, avg write rate: 2.000 MB/s\nsystem usage: CPU: user: 0.10 s, system: 0.02 s, elapsed: 0.50 s";
const VACUUM_13: &str = "automatic aggressive vacuum to prevent wraparound of table \"shop.public.a\": index scans: 1\npages: 4 removed, 10 remain, 0 skipped due to pins, 2 skipped frozen\ntuples: 100 removed, 20 remain, 3 are dead but not yet removable, oldest xmin: 500\nbuffer usage: 40 hits, 5 misses, 6 dirtied\navg read rate: 1.000 MB/s, avg write rate: 2.000 MB/s\nsystem usage: CPU: user: 0.10 s, system: 0.02 s, elapsed: 0.50 s\nWAL usage: 7 records, 2 full page images, 900 bytes";
const VACUUM_15: &str = "automatic vacuum of table \"shop.public.a\": index scans: 1\npages: 4 removed, 10 remain, 10 scanned (100.00% of total)\ntuples: 100 removed, 20 remain, 3 are dead but not yet removable\nremovable cutoff: 30959, which was 0 XIDs old when operation ended\nnew relfrozenxid: 30945, which is 30217 XIDs ahead of previous value\nindex scan needed: 1 pages from table (50.00% of total) had 5 dead item identifiers removed\nindex \"a_pkey\": pages: 2 in total, 9 newly deleted, 0 currently deleted, 0 reusable\nI/O timings: read: 0.100 ms, write: 0.000 ms\navg read rate: 0.000 MB/s, avg write rate: 0.000 MB/s\nbuffer usage: 40 hits, 5 misses, 6 dirtied\nWAL usage: 7 records, 2 full page images, 900 bytes\nsystem usage: CPU: user: 0.10 s, system: 0.02 s, elapsed: 0.50 s";
const VACUUM_18: &str = "automatic vacuum of table \"shop.public.a\": index scans: 1\npages: 4 removed, 10 remain, 10 scanned (100.00% of total), 0 eagerly scanned\ntuples: 100 removed, 20 remain, 3 are dead but not yet removable\nremovable cutoff: 30959, which was 0 XIDs old when operation ended\nfrozen: 0 pages from table (0.00% of total) had 0 tuples frozen\nvisibility map: 10 pages set all-visible, 0 pages set all-frozen (0 were all-visible)\nindex scan needed: 1 pages from table (50.00% of total) had 5 dead item identifiers removed\ndelay time: 0.100 ms\navg read rate: 0.000 MB/s, avg write rate: 0.000 MB/s\nbuffer usage: 40 hits, 5 reads, 6 dirtied\nWAL usage: 7 records, 2 full page images, 900 bytes, 0 buffers full\nsystem usage: CPU: user: 0.10 s, system: 0.02 s, elapsed: 0.50 s";

#[test]
fn vacuums_of_every_version_say_the_same() {
    for (message, has_wal) in [
        (VACUUM_12, false),
        (VACUUM_13, true),
        (VACUUM_15, true),
        (VACUUM_18, true),
    ] {
        let report = told(&[background(0, message)]);
        let table = &report.events.vacuums.tables[0];
        let w = &table.vacuum;
        assert_eq!((table.table.as_str(), w.count), ("shop.public.a", 1), "{message}");
        assert_eq!((w.index_scans, w.pages_removed, w.pages_remain), (1, 4, 10));
        assert_eq!((w.tuples_removed, w.tuples_remain, w.tuples_dead), (100, 20, 3));
        assert_eq!((w.hits, w.misses, w.dirtied), (40, 5, 6), "{message}");
        assert_eq!((w.cpu_micros, w.micros), (120_000, 500_000));
        let wal = (w.wal_records, w.wal_images, w.wal_bytes);
        assert_eq!(wal, if has_wal { (7, 2, 900) } else { (0, 0, 0) });
        let special = u64::from(message == VACUUM_13);
        assert_eq!((w.aggressive, w.wraparound), (special, special));
    }
}

#[test]
fn analyzes_and_skipped_tables_are_counted() {
    let report = told(&[
        background(
            0,
            "automatic analyze of table \"shop.public.a\" system usage: CPU: user: 0.00 s, system: 0.00 s, elapsed: 0.25 s",
        ),
        background(
            1,
            "automatic analyze of table \"shop.public.a\"\navg read rate: 0.000 MB/s, avg write rate: 0.000 MB/s\nbuffer usage: 4 hits, 0 misses, 0 dirtied\nsystem usage: CPU: user: 0.00 s, system: 0.00 s, elapsed: 0.50 s",
        ),
        background(2, "skipping vacuum of \"a\" --- lock not available"),
        background(3, "skipping analyze of \"a\" --- relation no longer exists"),
    ]);
    let v = &report.events.vacuums;
    assert_eq!((v.all.analyze.count, v.all.analyze.micros), (2, 750_000));
    assert_eq!((v.all.skipped, v.tables.len()), (2, 2));
    assert_eq!(v.series[0].analyzes, 2);
}

#[test]
fn temporary_files_are_counted_by_statement() {
    let file = |pid, bytes: u64, sql: &str| Entry {
        statement: sql.to_owned(),
        ..log(
            pid,
            0,
            &format!("temporary file: path \"base/pgsql_tmp/pgsql_tmp{pid}.0\", size {bytes}"),
        )
    };
    let report = told(&[
        file(1, 1000, "SELECT * FROM t ORDER BY 1"),
        file(2, 5000, "SELECT * FROM t ORDER BY 2"),
        file(3, 10, "CREATE INDEX ON t (a)"),
        file(4, 1, ""),
    ]);
    let t = &report.events.temporary;
    assert_eq!((t.all.count, t.all.sum, t.all.max), (4, 6011, 5000));
    assert_eq!(t.statements[0].text, "select * from t order by ?");
    assert_eq!(
        (t.statements[0].amount.count, t.statements[0].amount.sum),
        (2, 6000)
    );
    assert_eq!(t.callers[0].application, "web");
}
