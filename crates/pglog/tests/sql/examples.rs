//! What the text looks like, and what is told apart in it.

use canvass_pglog::sql::{Normalizer, TEXT_LIMIT};

use super::{fingerprint, text};

/// Given statements, when they are normalised, then the text is exactly this.
#[test]
fn texts() {
    let cases = [
        ("SELECT 1", "select ?"),
        ("select  A , b\tFROM\n\"t\" ;", "select a, b from t"),
        (
            "SELECT 'it''s', E'a\\'b', $$x$$, $t$ $$ $t$, U&'d!0061' UESCAPE '!', B'1', X'f'",
            "select ?, ?, ?, ?, ?, ?, ?",
        ),
        ("SELECT N'x'", "select nchar ?"),
        ("SELECT 'a'\n  'b', 'c' -- d\n 'e'", "select ?, ?"),
        (
            "SELECT 1.5, .5, 5., 1e-3, 0x1F, 0o7, 0b1, 1_000, 12abc",
            "select ?, ?, ?, ?, ?, ?, ?, ?, ?",
        ),
        ("SELECT a[1:2], a[1], $1", "select a[?:?], a[?], ?"),
        ("/* 'a' /* b */ */ SELECT 1 -- c", "select ?"),
        (
            "SELECT a -1, -1, b=-1, c - -1, f(-1), (-1), -x",
            "select a - ?, ?, b = ?, c - ?, f(?), (?), - x",
        ),
        (
            "SELECT -1::int, -'1', -$1, -(1)",
            "select - ?::int, - ?, - ?, - (?)",
        ),
        (
            "SELECT a FROM t WHERE b IN (1, 2, 3) AND c IN ($1) AND d NOT IN ('x', NULL)",
            "select a from t where b in (?) and c in (?) and d not in (?)",
        ),
        (
            "SELECT (a, b) IN ((1, 2), (3, 4)), ARRAY[1, 2], ARRAY[[1, 2], [3, 4]], ARRAY['a'::text, 'b'::text]",
            "select (a, b) in ((?, ?)), array[?], array[[?], [?]], array[?::text]",
        ),
        (
            "INSERT INTO t (a, \"B\") VALUES (1, 'x', now()), (2, 'y', now())",
            "insert into t (a, \"B\") values (?, now())",
        ),
        (
            "SELECT f(1, 2), (1, 2), x IN (SELECT 1, 1)",
            "select f(?, ?), (?, ?), x in (select ?, ?)",
        ),
        (
            "SELECT j ? 'k', j ?| array['a'], j @? '$', j->>'x', j #- '{a}'",
            "select j ? ?, j ?| array[?], j @? ?, j ->> ?, j #- ?",
        ),
        (
            "SELECT a!=b, a<=-1, a@-1, a*-b, a::int[], a.\"b\".c, \"A\".\"select\"",
            "select a <> b, a <= ?, a @- ?, a * - b, a::int[], a.b.c, \"A\".select",
        ),
        (
            "SELECT \"select\", \"user\", \"a b\", \"a\"\"b\", U&\"\\0061\"",
            "select \"select\", \"user\", \"a b\", \"a\"\"b\", u&\"\\0061\"",
        ),
        (
            "SELECT a FROM t WHERE b IS NULL AND c = NULL AND d IS NOT TRUE AND NOT true AND e NOT IN (false)",
            "select a from t where b is null and c = ? and d is not true and not ? and e not in (?)",
        ),
        (
            "SELECT * FROM a INNER JOIN b ON true LEFT OUTER JOIN c USING (x)",
            "select * from a join b on ? left join c using (x)",
        ),
        ("SET application_name TO worker_12", "set application_name = ?"),
        ("SET SESSION x.y = 'a', b", "set x.y = ?"),
        ("SET LOCAL x TO DEFAULT", "set local x = default"),
        ("SAVEPOINT \"s140_x2\"", "savepoint ?"),
        ("RELEASE a", "release savepoint ?"),
        ("rollback work to \"b c\"", "rollback to savepoint ?"),
        ("END TRANSACTION", "commit"),
        (
            "DECLARE \"c 1\" CURSOR FOR SELECT 1",
            "declare ? cursor for select ?",
        ),
        (
            "FETCH FORWARD 100 FROM \"<unnamed portal 1>\"",
            "fetch forward ? from ?",
        ),
        ("CLOSE ALL", "close all"),
        ("DEALLOCATE PREPARE a1", "deallocate ?"),
        ("EXECUTE find(1, 'a')", "execute find(?, ?)"),
        (
            "BEGIN; INSERT INTO t VALUES (1);; COMMIT;",
            "begin; insert into t values (?); commit",
        ),
        (
            "ALTER ROLE r PASSWORD 'geheim' VALID UNTIL 'x'",
            "alter role r password ? valid until ?",
        ),
        (
            "CREATE TABLE t (a varchar(10) NOT NULL DEFAULT 'x', b int NULL)",
            "create table t (a varchar(?) not null default ?, b int null)",
        ),
        (
            "COPY t (a) FROM STDIN WITH (FORMAT csv)",
            "copy t (a) from stdin with (format csv)",
        ),
        ("SELECT Äpfel, \"äpfel\" FROM 表", "select Äpfel, äpfel from 表"),
        ("", ""),
        (" ; -- nothing", ""),
        ("SELECT \\ a { b }", "select \\ a { b }"),
    ];
    for (sql, expected) in cases {
        assert_eq!(text(sql.as_bytes()), expected, "{sql}");
    }
}

/// Given what is no text at all, when it is normalised, then there is a text all the same, without control characters.
#[test]
fn odd_bytes() {
    assert_eq!(text(b"select a\0b, \x1b[31m"), "select a \u{fffd} b, \u{fffd}[?");
    assert_eq!(
        text(b"select \"a\nb\x07\", \xff\xfe"),
        "select \"a\u{fffd}b\u{fffd}\", \u{fffd}\u{fffd}"
    );
    assert_ne!(fingerprint("select \"a\nb\""), fingerprint("select \"a\tb\""));
}

/// Given pairs that read almost alike, when they are normalised, then their fingerprints differ.
#[test]
fn told_apart() {
    let pairs = [
        ("SELECT a ? 'k'", "SELECT a, 'k'"),
        ("SELECT ? 1", "SELECT 1 1"),
        ("SELECT -(1)", "SELECT -('1')"),
        ("SELECT x::float(24)", "SELECT x::float(25)"),
        ("SELECT current_timestamp(3)", "SELECT current_timestamp(6)"),
        ("SELECT a::int[3]", "SELECT a::int[4]"),
        ("SELECT ARRAY[a, a]", "SELECT ARRAY[a]"),
        ("SELECT ARRAY[[1], [2]]", "SELECT ARRAY[[1]]"),
        (
            "SELECT a FROM t WHERE b IN (1)",
            "SELECT a FROM t WHERE b IN ((1, 2))",
        ),
        (
            "SELECT a FROM t WHERE b = (1)",
            "SELECT a FROM t WHERE b = (1, 2)",
        ),
        ("SELECT a FROM t ORDER BY b, b", "SELECT a FROM t ORDER BY b"),
        (
            "SELECT a FROM t WHERE b IN (SELECT c FROM u ORDER BY d, d)",
            "SELECT a FROM t WHERE b IN (SELECT c FROM u ORDER BY d)",
        ),
        ("SELECT \"A\"", "SELECT a"),
        ("SELECT \"select\"", "SELECT select"),
        ("SELECT a::\"char\"", "SELECT a::char"),
        ("SELECT a -1", "SELECT a, -1"),
        ("SELECT b.* -1", "SELECT b.* TRUE"),
        ("SELECT b <-1", "SELECT b < @ 1"),
        ("SELECT U&\"a!0062\" UESCAPE '!'", "SELECT U&\"a!0062\""),
        ("SELECT a IS NULL", "SELECT a IS TRUE"),
        ("CLOSE ALL", "CLOSE a"),
        (
            "ALTER TABLE t SET (select = true)",
            "ALTER TABLE t SET (select = false)",
        ),
        ("SELECT a IN ((SELECT 1))", "SELECT a IN ((SELECT 1), (SELECT 2))"),
        ("SELECT x::float(0b101)", "SELECT x::float(25)"),
        ("SET x TO DEFAULT", "SET x TO a"),
        ("SET LOCAL x TO a", "SET x TO a"),
        ("SELECT 1; SELECT 1", "SELECT 1"),
    ];
    for (one, other) in pairs {
        assert_ne!(fingerprint(one), fingerprint(other), "{one}\n{other}");
    }
}

/// Given a statement that is longer than the limit, when it is normalised, then the text is cut between characters and
/// says so, and the fingerprint still tells what comes behind.
#[test]
fn long_texts() {
    let columns = "spalte_mit_ä, ".repeat(5_000);
    let (one, other) = (
        format!("SELECT {columns} a FROM t"),
        format!("SELECT {columns} b FROM t"),
    );
    let mut normalizer = Normalizer::default();
    let first = normalizer.normalize(one.as_bytes());
    assert!(first.text.len() <= TEXT_LIMIT && first.text.len() > TEXT_LIMIT - 8 && first.text.ends_with('…'));
    assert_ne!(first.fingerprint, fingerprint(&other));
    let mut bytes = vec![b'a'; TEXT_LIMIT - 4];
    bytes.extend([0xff; 64]);
    assert!(text(&bytes).len() <= TEXT_LIMIT);
}

/// Given long runs of whatever might be looked at twice, when they are normalised, then it is over at once.
#[test]
fn linear() {
    let pieces = [
        "(",
        "[",
        "'",
        "''",
        "'a' ",
        "$",
        "$a",
        "$$",
        "/*",
        "*/",
        "--",
        "-",
        "+",
        "*+",
        "- - ",
        "-(",
        "in (",
        "array[",
        "values (",
        "values (1),",
        "(1),",
        ",",
        ";",
        "\"",
        "U&\"a\" ",
        "u&'a' uescape ",
        "1[1]",
        "a::int[1]",
        "not null ",
        "on null ",
        "begin atomic ",
        "case ",
        "with x as (",
        "rollback to ",
        "set x = ",
        "e'\\",
        "0x",
        "1e",
        ".",
        "..",
        "::",
        ":",
        "\\",
        "\u{e4}",
        "a\n",
        "'\n'",
        "in (a,",
        "in ((1,2),",
        "x'",
        "select ",
        "true ",
        "'a' -- b\n",
    ];
    let mut normalizer = Normalizer::default();
    for piece in pieces {
        for start in [
            "",
            "select ",
            "select 1 in (",
            "values (",
            "create function f() begin atomic ",
        ] {
            let sql = start.to_owned() + &piece.repeat(50_000 / piece.len());
            normalizer.normalize(sql.as_bytes());
        }
    }
}
