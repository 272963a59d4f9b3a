//! What is said in SQL. Nothing here depends on what other clients have done, so that it can be said twice.

/// Makes what the statements use. Nobody ever writes to `fixed`, nobody ever reads from `sink`.
pub const SETUP: &str = "
    CREATE TABLE fixed (id int PRIMARY KEY, name text NOT NULL);
    INSERT INTO fixed SELECT i, 'name ' || i FROM generate_series(1, 50) i;
    CREATE TABLE sink (n int, t text);
    CREATE FUNCTION noisy(n int) RETURNS int LANGUAGE plpgsql AS
        $$BEGIN RAISE NOTICE 'noise %', n; RETURN n; END$$;
    CREATE FUNCTION fails(n int) RETURNS int LANGUAGE plpgsql AS
        $$BEGIN RAISE EXCEPTION 'failed %', n USING ERRCODE = 'P1234', DETAIL = 'd', HINT = 'h'; END$$;
";

/// Statements that leave nothing behind.
pub const PLAIN: &[&str] = &[
    "SELECT 1",
    "SELECT 1 AS one, 'two' AS two, NULL, 4.5, true, now() IS NOT NULL",
    "",
    ";",
    " ; ; ",
    "-- nothing",
    "/* nothing */ SELECT 2",
    "SELECT",
    "VALUES (1, 'a'), (2, 'b'), (3, NULL)",
    "SELECT * FROM fixed WHERE id < 4",
    "SELECT * FROM fixed WHERE false",
    "SELECT repeat('x', 9000)",
    "SELECT i, repeat('y', 300) FROM generate_series(1, 100) i",
    "SELECT repeat('z', 70000)",
    "INSERT INTO sink VALUES (1, 'one')",
    "INSERT INTO sink VALUES (1, 'one'), (2, 'two') RETURNING n",
    "UPDATE fixed SET name = name WHERE false",
    "SELECT noisy(1)",
    "SELECT noisy(i) FROM generate_series(1, 3) i",
    "DO $$BEGIN RAISE WARNING 'careful'; END$$",
    "SELECT pg_sleep(0)",
    "NOTIFY nobody_listens, 'x'",
    "SHOW server_version",
    "SHOW transaction_isolation",
    "SET LOCAL work_mem = '2MB'",
    "EXPLAIN (COSTS OFF) SELECT * FROM fixed WHERE id = 1",
    "SELECT $$a 'quoted' text;$$",
];

/// Statements that fail.
pub const FAILING: &[&str] = &[
    "SELEC 1",
    "SELECT 1/0",
    "SELECT * FROM missing",
    "SELECT missing FROM fixed",
    "SELECT 'x'::int",
    "INSERT INTO fixed VALUES (1, 'again')",
    "INSERT INTO fixed VALUES (NULL, 'none')",
    "SELECT fails(1)",
    "SELECT noisy(1), fails(2)",
    "SELECT 1/(id - 3) FROM fixed ORDER BY id",
    "SELECT 'open",
    "SELECT $1",
    "EXECUTE never_prepared",
    "FETCH FROM never_declared",
    "VACUUM fixed; SELECT 1",
    "SET no_such_parameter = 1",
    "SET DateStyle = 'nonsense'",
    "COPY missing FROM STDIN",
    "COPY fixed (missing) TO STDOUT",
];

/// Statements about the transaction.
pub const TRANSACTION: &[&str] = &[
    "BEGIN",
    "BEGIN READ ONLY",
    "START TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "COMMIT",
    "ROLLBACK",
    "END",
    "ABORT",
    "COMMIT AND CHAIN",
    "SAVEPOINT a",
    "ROLLBACK TO a",
    "RELEASE a",
    "SET TRANSACTION READ ONLY",
    "DECLARE c CURSOR FOR SELECT * FROM fixed ORDER BY id",
    "FETCH 2 FROM c",
    "CLOSE c",
];

/// Several statements in one message.
pub const SEVERAL: &[&str] = &[
    "SELECT 1; SELECT 2",
    "SELECT 1; SELECT 1/0; SELECT 3",
    "BEGIN; SELECT 1; COMMIT",
    "BEGIN; SELECT 1",
    "SELECT 1; BEGIN",
    "SELECT 1; COMMIT; SELECT 2",
    "BEGIN; SELECT 1/0; COMMIT",
    "ROLLBACK; BEGIN; SELECT 1",
    "SELECT noisy(1); SELECT noisy(2);",
    "INSERT INTO sink VALUES (3, 'three'); SELECT 1; SELEC",
    "INSERT INTO sink VALUES (3, 'three'); SELECT 'x'::int",
    "SELECT 1;; SELECT 2;",
    "COPY (SELECT 1) TO STDOUT; SELECT 2",
    "SELECT 1; COPY (SELECT * FROM fixed WHERE id < 3) TO STDOUT",
    "COPY (SELECT 1) TO STDOUT; COPY (SELECT 1/0) TO STDOUT; SELECT 3",
];

/// Parameters that a server reports when they change, and that must follow a client wherever it goes; and what shows
/// their effect.
pub const REPORTED: &[&str] = &[
    "SET application_name = 'differ'",
    "SET application_name = 'a ''quoted'' \"name\"'",
    "SHOW application_name",
    "SET DateStyle = 'German'",
    "SET datestyle TO 'SQL, DMY'",
    "SELECT date '2026-03-14'",
    "SET TimeZone = 'Asia/Tokyo'",
    "SET TIME ZONE 'UTC'",
    "SELECT timestamptz '2026-03-14 12:00+00'",
    "SET client_encoding = 'LATIN1'",
    "SET NAMES 'UTF8'",
    "SELECT 'gr\u{fc}n'",
    "SET standard_conforming_strings = off",
    "SHOW standard_conforming_strings",
    "SET IntervalStyle = 'iso_8601'",
    "SELECT interval '1 day 2 hours'",
    "BEGIN; SET application_name = 'rolled back'; ROLLBACK",
    "BEGIN; SET LOCAL TimeZone = 'Asia/Kolkata'; SELECT timestamptz '2026-03-14 12:00+00'; COMMIT",
    "SELECT set_config('application_name', 'by function', false)",
];

/// What takes back all or some of a session's state; a pooler must know what this means for its own book-keeping.
pub const CLEARING: &[&str] = &["DEALLOCATE ALL", "DISCARD ALL", "deallocate all", "DISCARD ALL;"];

/// Statements that leave something in the session which nobody reports, or that need it to be there.
pub const SESSION: &[&str] = &[
    "CREATE TEMP TABLE mine (n int)",
    "INSERT INTO mine VALUES (1), (2)",
    "SELECT * FROM mine",
    "DROP TABLE mine",
    "LISTEN news",
    "NOTIFY news, 'read all about it'",
    "UNLISTEN *",
    "PREPARE q AS SELECT 7",
    "PREPARE q2 (int) AS SELECT $1 + 1",
    "EXECUTE q",
    "EXECUTE q2 (8)",
    "DEALLOCATE q",
    "DISCARD TEMP",
    "DISCARD PLANS",
    "SET work_mem = '1MB'",
    "SHOW work_mem",
    "RESET ALL",
    "SET search_path = pg_catalog",
    "SHOW search_path",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "BEGIN; DECLARE h CURSOR WITH HOLD FOR VALUES (1), (2), (3); COMMIT",
    "FETCH 1 FROM h",
    "CLOSE ALL",
    "SET lc_messages = 'C'",
];

/// With parameters, and values for them that fit, or do not.
pub const WITH_PARAMETERS: &[(&str, &[&str])] = &[
    ("SELECT $1::text", &["a"]),
    ("SELECT $1::int + $2::int", &["1", "2"]),
    ("SELECT $1::int + 1", &["no number"]),
    ("SELECT * FROM fixed WHERE id = $1", &["7"]),
    ("SELECT name FROM fixed WHERE id < $1 ORDER BY id", &["6"]),
    ("INSERT INTO sink VALUES ($1, $2)", &["9", "nine"]),
    ("INSERT INTO sink (n) VALUES ($1) RETURNING n", &["10"]),
    ("SELECT 1/$1::int", &["0"]),
    ("SELECT noisy($1)", &["5"]),
    ("SELECT $1::int", &[]),
    ("SELECT $1::text", &["a", "one too many"]),
];

/// Functions that can be called by their OID, with arguments: `int4pl`, `length(text)`, none, and one that fails.
pub const FUNCTIONS: &[(u32, &[&str])] = &[
    (177, &["1", "2"]),
    (1257, &["four"]),
    (177, &["1", "no number"]),
    (177, &["1"]),
    (4_000_000_000, &[]),
    // int4div
    (154, &["1", "0"]),
];
