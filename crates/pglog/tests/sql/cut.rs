//! Statements that stop anywhere: logs cut by a limit, a full disk, a torn line.

use canvass_pglog::sql::Normalizer;

use super::{corpus, file, text};

/// Literals, comments and names that programs make up, each with the marker in it.
const SECRETS: &[&str] = &[
    "'zqx'",
    "'a''zqx'",
    "'it''s zqx''s'",
    "E'\\'zqx\\\\'",
    "e'zqx' \n 'zqx'",
    "'zqx' -- zqx\n 'zqx'",
    "N'zqx'",
    "B'zqx'",
    "X'zqx'",
    "U&'zqx' UESCAPE '!'",
    "u&'\\0061zqx'",
    "$$zqx$$",
    "$t$zqx $$ zqx$t$",
    "$t$ 'zqx' $u$ zqx $t$",
    "917253",
    "9172.53",
    "9172e-53",
    "0x91725F",
    "9172zqx",
    "-917253",
    "date 'zqx'",
    "ARRAY['zqx', 'zqx']",
    "('zqx', 9172, 'zqx')",
    "'zqx'::text",
    "/* zqx 'zqx' */ 1",
    "/* zqx /* zqx */ zqx */ 1",
    "1 -- zqx 'zqx\n",
    "'zqx' || E'zqx'",
    "'\u{e4}zqx\u{20ac}zqx'",
];

/// Statements with a place for a secret.
const PLACES: &[&str] = &[
    "SELECT @",
    "SELECT a FROM t WHERE b = @ AND c IN (@, @)",
    "INSERT INTO t (a, b) VALUES (@, now()), (@, @) RETURNING id",
    "UPDATE t SET a = @, b = coalesce(b, @) WHERE id = @",
    "WITH x AS (SELECT @) SELECT * FROM x WHERE y @> @",
    "ALTER ROLE r PASSWORD @ VALID UNTIL @",
    "CREATE TABLE t (a text DEFAULT @, CHECK (a <> @))",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS @",
    "COPY t FROM @ WITH (DELIMITER @)",
    "DO @",
    "SET application_name = @",
    "SET a.b TO 'x', @",
    "COMMENT ON TABLE t IS @",
    "NOTIFY c, @",
    "EXECUTE find(@, @)",
    "CALL p(@)",
    "PREPARE TRANSACTION @",
    "SELECT f(@) OVER (PARTITION BY @ ORDER BY a ROWS @ PRECEDING)",
    "SELECT a[@:@], -@, - (@), a -@, b::float(@), current_timestamp(@)",
    "EXPLAIN (FORMAT @) SELECT @",
];

/// Given secrets in statements, when the text is cut behind any byte, then no byte of a secret shows.
#[test]
fn nothing_of_a_literal_shows() {
    let mut normalizer = Normalizer::default();
    for place in PLACES {
        for secret in SECRETS {
            let sql = place.replace('@', secret);
            for end in 0..=sql.len() {
                let shown = normalizer.normalize(&sql.as_bytes()[..end]).text;
                assert!(
                    !has_secret(shown),
                    "{shown}\n{:?}",
                    String::from_utf8_lossy(&sql.as_bytes()[..end])
                );
            }
        }
    }
}

/// Given names that programs make up, when they are normalised, whole or cut, then they do not show.
#[test]
fn nothing_of_a_made_up_name_shows() {
    let statements = [
        "SAVEPOINT zqx",
        "RELEASE SAVEPOINT \"zqx zqx\"",
        "ROLLBACK TO SAVEPOINT zqx",
        "SET application_name TO zqx",
        "SET LOCAL x.y = zqx, zqx",
        "DECLARE zqx CURSOR FOR SELECT 1",
        "FETCH 10 FROM \"zqx\"",
        "CLOSE zqx",
        "DEALLOCATE zqx",
        "PREPARE zqx (int) AS SELECT $1",
        "SELECT \"zqx",
    ];
    for sql in statements {
        for end in 0..=sql.len() {
            let shown = text(&sql.as_bytes()[..end]);
            assert!(!has_secret(&shown), "{shown}\n{}", &sql[..end]);
        }
    }
}

fn has_secret(shown: &str) -> bool {
    ["zq", "qx", "91", "17", "72", "25", "53"]
        .iter()
        .any(|part| shown.contains(part))
}

/// Given texts that stop within a token and others that do not, when they are normalised, then `cut` says so, and a
/// literal that was cut is a value like any other.
#[test]
fn cut_is_said() {
    let cut = [
        ("SELECT 'ab", "select ?"),
        ("SELECT 'ab''", "select ?"),
        ("SELECT E'ab\\'", "select ?"),
        ("SELECT E'ab\\", "select ?"),
        ("SELECT 'a'\n'b", "select ?"),
        ("SELECT $$ab", "select ?"),
        ("SELECT $t$ab$t", "select ?"),
        ("SELECT $t", "select ?"),
        ("SELECT $", "select ?"),
        ("SELECT U&'a' UESCAPE '", "select ?"),
        ("SELECT B'1", "select ?"),
        ("SELECT a /* b", "select a"),
        ("SELECT a /* b /* c */ ", "select a"),
        ("SELECT \"ab", "select \"…"),
        ("SELECT U&\"ab", "select \"…"),
        (
            "SELECT a FROM t WHERE b IN ('a', 'b",
            "select a from t where b in (?",
        ),
    ];
    let whole = [
        ("SELECT 'ab'", "select ?"),
        ("SELECT a FROM", "select a from"),
        ("SELECT a -- b", "select a"),
        ("SELECT a IN (1,", "select a in (?,"),
        ("SELECT -", "select -"),
        ("SELECT 1e-", "select ? -"),
        ("SEL", "sel"),
    ];
    let mut normalizer = Normalizer::default();
    for (expected, cases) in [(true, &cut[..]), (false, &whole[..])] {
        for (sql, text) in cases {
            let normal = normalizer.normalize(sql.as_bytes());
            assert_eq!((normal.text, normal.cut), (*text, expected), "{sql}");
        }
    }
}

/// Given the corpus, when each statement is cut behind each byte, then it is normalised nevertheless, and a cut text's
/// normal form is no longer than the whole one's by more than what a list had folded.
#[test]
fn corpus_cut_anywhere() {
    let mut normalizer = Normalizer::default();
    for entry in corpus::parse(&file("corpus.sql.txt")) {
        for end in 0..entry.sql.len() {
            let normal = normalizer.normalize(&entry.sql.as_bytes()[..end]);
            assert!(normal.text.len() <= 3 * end + 16, "{}", entry.name);
        }
    }
}
