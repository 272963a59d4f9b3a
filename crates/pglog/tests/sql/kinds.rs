//! What sort of statement it is, whether it writes, how many there are.

use canvass_pglog::sql::{Kind, Normalizer};

/// Given statements, when they are normalised, then kind, `writes` and the number of statements are these.
#[test]
fn kinds() {
    use Kind::*;
    let cases = [
        ("SELECT 1", Select, false, 1),
        ("select a FROM t FOR UPDATE", Select, false, 1),
        ("SELECT a INTO u FROM t", Select, true, 1),
        ("(SELECT 1) UNION SELECT 2", Select, false, 1),
        ("VALUES (1)", Select, false, 1),
        ("TABLE t", Select, false, 1),
        ("INSERT INTO t VALUES (1)", Insert, true, 1),
        ("UPDATE t SET a = 1", Update, true, 1),
        ("DELETE FROM t", Delete, true, 1),
        (
            "MERGE INTO t USING s ON a = b WHEN MATCHED THEN DELETE",
            Merge,
            true,
            1,
        ),
        ("WITH x AS (SELECT 1) SELECT * FROM x", Select, false, 1),
        (
            "WITH x AS (SELECT 1), y (a) AS NOT MATERIALIZED (SELECT 2) INSERT INTO t SELECT 1",
            Insert,
            true,
            1,
        ),
        (
            "WITH RECURSIVE x AS (SELECT 1) UPDATE t SET a = 1",
            Update,
            true,
            1,
        ),
        (
            "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
            Select,
            true,
            1,
        ),
        (
            "WITH x AS MATERIALIZED (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM x",
            Select,
            true,
            1,
        ),
        (
            "WITH update AS (SELECT (delete) FROM t) SELECT * FROM update",
            Select,
            false,
            1,
        ),
        ("COPY t FROM STDIN", Copy, true, 1),
        ("COPY t TO STDOUT", Copy, false, 1),
        ("COPY (SELECT a FROM t) TO STDOUT", Copy, false, 1),
        ("BEGIN", Transaction, false, 1),
        ("START TRANSACTION READ ONLY", Transaction, false, 1),
        ("COMMIT PREPARED 'x'", Transaction, false, 1),
        ("PREPARE TRANSACTION 'x'", Transaction, false, 1),
        ("SAVEPOINT x", Transaction, false, 1),
        ("DECLARE c CURSOR FOR SELECT 1", Cursor, false, 1),
        ("FETCH ALL FROM c", Cursor, false, 1),
        ("SET x = 1", Session, false, 1),
        ("PREPARE x AS SELECT 1", Session, false, 1),
        ("EXECUTE x(1)", Session, false, 1),
        ("LOCK TABLE t", Session, false, 1),
        ("CREATE TABLE t (a int)", Ddl, true, 1),
        ("GRANT SELECT ON t TO r", Ddl, true, 1),
        ("TRUNCATE t", Ddl, true, 1),
        ("REINDEX TABLE t", Ddl, false, 1),
        ("VACUUM t", Maintenance, false, 1),
        ("ANALYZE", Maintenance, false, 1),
        ("REFRESH MATERIALIZED VIEW v", Maintenance, true, 1),
        ("EXPLAIN SELECT 1", Other, false, 1),
        ("EXPLAIN DELETE FROM t", Other, false, 1),
        ("EXPLAIN ANALYZE DELETE FROM t", Other, true, 1),
        ("EXPLAIN (ANALYZE, BUFFERS) DELETE FROM t", Other, true, 1),
        ("EXPLAIN (ANALYZE off) DELETE FROM t", Other, false, 1),
        ("DO $$ BEGIN END $$", Other, false, 1),
        ("CALL p()", Other, false, 1),
        ("nonsense", Other, false, 1),
        ("", Other, false, 0),
        (" ;; -- ;\n", Other, false, 0),
        ("SELECT 1;", Select, false, 1),
        ("SELECT 1; SELECT 2;;", Select, false, 2),
        (
            "BEGIN; SET x = 1; DELETE FROM t; SELECT 1; COMMIT",
            Delete,
            true,
            5,
        ),
        ("BEGIN; COMMIT", Transaction, false, 2),
        ("SELECT ';'; SELECT $$;$$ -- ;", Select, false, 2),
        (
            "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)",
            Ddl,
            true,
            1,
        ),
        (
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN a THEN 1 END; END; SELECT 2",
            Ddl,
            true,
            2,
        ),
    ];
    let mut normalizer = Normalizer::default();
    for (sql, kind, writes, statements) in cases {
        let normal = normalizer.normalize(sql.as_bytes());
        assert_eq!(
            (normal.kind, normal.writes, normal.statements),
            (kind, writes, statements),
            "{sql}"
        );
    }
}

/// Given every kind, when its name is asked for, then it is one lower-case word of its own.
#[test]
fn names() {
    use Kind::*;
    let kinds = [
        Select,
        Insert,
        Update,
        Delete,
        Merge,
        Copy,
        Transaction,
        Cursor,
        Session,
        Ddl,
        Maintenance,
        Other,
    ];
    let names: std::collections::BTreeSet<&str> = kinds.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), kinds.len());
    assert!(
        names
            .iter()
            .all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase()))
    );
}
