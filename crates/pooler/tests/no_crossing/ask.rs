//! Questions whose every answer carries the asker's own marker, with the answers that PostgreSQL gives.

use fastrand::Rng;

use crate::support::{build, transcript};

/// Something to ask, in parts that each end with ReadyForQuery.
#[derive(Clone, Debug)]
pub struct Question {
    /// What to look for in an answer.
    pub marker: String,
    /// In their order; any number of them may be sent before the first answer is read.
    pub parts: Vec<Part>,
}

/// Bytes, and the whole answer to them.
#[derive(Clone, Debug)]
pub struct Part {
    /// What to send.
    pub bytes: Vec<u8>,
    /// The lines of the answer's transcript, up to ReadyForQuery.
    pub expected: Vec<String>,
}

/// Makes a question with a marker of its own.
type Make = fn(&str) -> Vec<Part>;

/// Every kind of question.
pub const KINDS: [Make; 15] = [
    simple,
    several_statements,
    simple_error,
    error_between_statements,
    unnamed,
    named,
    shared_statement,
    extended_error,
    portal_in_slices,
    copy_out,
    copy_in,
    copy_refused,
    transaction,
    failed_transaction,
    notice,
];

impl Question {
    /// One of any kind.
    pub fn roll(dice: &mut Rng, marker: &str) -> Self {
        Self::of(KINDS[dice.usize(..KINDS.len())], marker)
    }

    pub fn of(make: Make, marker: &str) -> Self {
        Self {
            marker: marker.to_owned(),
            parts: make(marker),
        }
    }

    /// One whose answer takes `milliseconds`.
    pub fn slow(marker: &str, milliseconds: u32) -> Self {
        let sql = format!("SELECT '{marker}' AS \"{marker}\" FROM pg_sleep({milliseconds}e-3)");
        let expected = one_row(marker, marker);
        let parts = vec![part(build::query(&sql), expected, 'I')];
        Self {
            marker: marker.to_owned(),
            parts,
        }
    }

    /// One with an answer of `kilobytes`, in rows of a kilobyte.
    pub fn large(marker: &str, kilobytes: usize) -> Self {
        let sql = format!(
            "SELECT '{marker}-' || i || repeat('x', 1000) AS \"{marker}\" FROM generate_series(1, {kilobytes}) i"
        );
        let mut expected = vec![column(marker)];
        let text = |i| format!("{marker}-{i}{}", "x".repeat(1000));
        expected.extend((1..=kilobytes).map(|i| row(&text(i))));
        expected.push(format!("CommandComplete SELECT {kilobytes}"));
        Self {
            marker: marker.to_owned(),
            parts: vec![part(build::query(&sql), expected, 'I')],
        }
    }

    /// All of its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.parts.iter().flat_map(|part| part.bytes.clone()).collect()
    }
}

fn simple(m: &str) -> Vec<Part> {
    let sql = format!("SELECT '{m}' AS \"{m}\"");
    vec![part(build::query(&sql), one_row(m, m), 'I')]
}

fn several_statements(m: &str) -> Vec<Part> {
    let sql = format!("SELECT '{m}-1' AS \"{m}\"; SELECT '{m}-2' AS \"{m}\"");
    let expected = [one_row(m, &format!("{m}-1")), one_row(m, &format!("{m}-2"))].concat();
    vec![part(build::query(&sql), expected, 'I')]
}

fn simple_error(m: &str) -> Vec<Part> {
    vec![part(
        build::query(&format!("SELECT '{m}'::int")),
        vec![not_a_number(m, Some(8))],
        'I',
    )]
}

fn error_between_statements(m: &str) -> Vec<Part> {
    let sql = format!("SELECT '{m}' AS \"{m}\"; SELECT ('{m}' || '')::int; SELECT 'never'");
    let expected = [one_row(m, m), vec![not_a_number(m, None)]].concat();
    vec![part(build::query(&sql), expected, 'I')]
}

fn unnamed(m: &str) -> Vec<Part> {
    let sql = format!("SELECT $1::text AS \"{m}\"");
    let expected = [vec!["ParseComplete".into(), "BindComplete".into()], one_row(m, m)].concat();
    vec![part(build::extended(&sql, &[Some(m)]), expected, 'I')]
}

/// Prepared under a name that others use too, with a text of its own.
fn named(m: &str) -> Vec<Part> {
    let sql = format!("SELECT '{m}' || $1::text AS \"{m}\"");
    let described = vec!["ParameterDescription [25]".into(), column(m)];
    vec![
        part(
            [
                build::parse("s", &sql, &[]),
                build::describe_statement("s"),
                build::sync(),
            ]
            .concat(),
            [vec!["ParseComplete".into()], described].concat(),
            'I',
        ),
        part(
            build::execute_prepared("s", &[Some("-1")]),
            executed(&format!("{m}-1")),
            'I',
        ),
        part(
            build::execute_prepared("s", &[Some("-2")]),
            executed(&format!("{m}-2")),
            'I',
        ),
        part(
            [build::close_statement("s"), build::sync()].concat(),
            vec!["CloseComplete".into()],
            'I',
        ),
    ]
}

/// Prepared with the text that everybody uses; what tells the answers apart is the parameter.
fn shared_statement(m: &str) -> Vec<Part> {
    let prepare = build::parse("shared", "SELECT $1::text AS shared, $2::text AS second", &[]);
    let row = vec![
        "ParseComplete".into(),
        "BindComplete".into(),
        format!("DataRow {m:?}, {:?}", format!("{m}!")),
        "CommandComplete SELECT 1".into(),
        "CloseComplete".into(),
    ];
    let bytes = [
        prepare,
        build::bind("", "shared", &[Some(m), Some(&format!("{m}!"))]),
        build::execute("", 0),
        build::close_statement("shared"),
        build::sync(),
    ];
    vec![part(bytes.concat(), row, 'I')]
}

/// What follows an error is skipped up to Sync; what was asked before it is answered.
fn extended_error(m: &str) -> Vec<Part> {
    let bytes = [
        build::parse("", &format!("SELECT '{m}'"), &[]),
        build::bind("", "", &[]),
        build::execute("", 0),
        build::parse("", &format!("SELECT \"{m}\""), &[]),
        build::bind("", "", &[]),
        build::execute("", 0),
        build::sync(),
    ];
    let missing =
        format!("ErrorResponse S=ERROR | V=ERROR | C=42703 | M=column \"{m}\" does not exist | P=8");
    let expected = [vec!["ParseComplete".into()], executed(m), vec![missing]].concat();
    vec![part(bytes.concat(), expected, 'I')]
}

fn portal_in_slices(m: &str) -> Vec<Part> {
    let sql = format!("SELECT '{m}-' || i AS \"{m}\" FROM generate_series(1, 3) i");
    let bytes = [
        build::parse("", &sql, &[]),
        build::bind("p", "", &[]),
        build::execute("p", 2),
        build::execute("p", 2),
        build::sync(),
    ];
    let expected = vec![
        "ParseComplete".into(),
        "BindComplete".into(),
        row(&format!("{m}-1")),
        row(&format!("{m}-2")),
        "PortalSuspended".into(),
        row(&format!("{m}-3")),
        "CommandComplete SELECT 1".into(),
    ];
    vec![part(bytes.concat(), expected, 'I')]
}

fn copy_out(m: &str) -> Vec<Part> {
    const ROWS: usize = 30;
    let sql = format!("COPY (SELECT '{m}-' || i FROM generate_series(1, {ROWS}) i) TO STDOUT");
    let mut expected = vec!["CopyOutResponse format 0 columns [0]".into()];
    expected.extend((1..=ROWS).map(|i| format!("CopyData {:?}", format!("{m}-{i}\n"))));
    expected.push("CopyDone".into());
    expected.push(format!("CommandComplete COPY {ROWS}"));
    vec![part(build::query(&sql), expected, 'I')]
}

fn copy_in(m: &str) -> Vec<Part> {
    let bytes = [
        build::query("COPY sink FROM STDIN"),
        build::copy_data(format!("{m}-1\n{m}-").as_bytes()),
        build::copy_data(b"2\n"),
        build::copy_done(),
    ];
    let expected = vec![
        "CopyInResponse format 0 columns [0]".into(),
        "CommandComplete COPY 2".into(),
    ];
    vec![part(bytes.concat(), expected, 'I')]
}

fn copy_refused(m: &str) -> Vec<Part> {
    let bytes = [
        build::query("COPY sink FROM STDIN"),
        build::copy_data(format!("lost-{m}\n").as_bytes()),
        build::copy_fail(m),
    ];
    let expected = vec![
        "CopyInResponse format 0 columns [0]".into(),
        format!(
            "ErrorResponse S=ERROR | V=ERROR | C=57014 | M=COPY from stdin failed: {m} | \
             W=COPY sink, line 2"
        ),
    ];
    vec![part(bytes.concat(), expected, 'I')]
}

fn transaction(m: &str) -> Vec<Part> {
    vec![
        part(build::query("BEGIN"), vec!["CommandComplete BEGIN".into()], 'T'),
        part(
            build::query(&format!(
                "INSERT INTO sink VALUES ('{m}') RETURNING marker || '' AS \"{m}\""
            )),
            vec![column(m), row(m), "CommandComplete INSERT 0 1".into()],
            'T',
        ),
        part(
            build::extended(&format!("SELECT '{m}'::text AS \"{m}\""), &[]),
            [vec!["ParseComplete".into(), "BindComplete".into()], one_row(m, m)].concat(),
            'T',
        ),
        part(build::query("COMMIT"), vec!["CommandComplete COMMIT".into()], 'I'),
    ]
}

fn failed_transaction(m: &str) -> Vec<Part> {
    let aborted = "ErrorResponse S=ERROR | V=ERROR | C=25P02 | M=current transaction is aborted, commands \
                   ignored until end of transaction block";
    vec![
        part(
            build::query(&format!("BEGIN; INSERT INTO sink VALUES ('lost-{m}')")),
            vec![
                "CommandComplete BEGIN".into(),
                "CommandComplete INSERT 0 1".into(),
            ],
            'T',
        ),
        part(
            build::query(&format!("SELECT '{m}'::int")),
            vec![not_a_number(m, Some(8))],
            'E',
        ),
        part(build::query(&format!("SELECT '{m}'")), vec![aborted.into()], 'E'),
        part(
            build::query("COMMIT"),
            vec!["CommandComplete ROLLBACK".into()],
            'I',
        ),
    ]
}

fn notice(m: &str) -> Vec<Part> {
    let expected = vec![
        format!(
            "NoticeResponse S=NOTICE | V=NOTICE | C=00000 | M={m} | \
             W=PL/pgSQL function inline_code_block line 1 at RAISE"
        ),
        "CommandComplete DO".into(),
    ];
    let sql = format!("DO $$BEGIN RAISE NOTICE '{m}'; END$$");
    vec![part(build::query(&sql), expected, 'I')]
}

fn part(bytes: Vec<u8>, mut expected: Vec<String>, state: char) -> Part {
    expected.push(format!("ReadyForQuery {state}"));
    Part { bytes, expected }
}

fn column(name: &str) -> String {
    format!("RowDescription {name}(0.0 type 25 65535 -1 format 0)")
}

fn row(text: &str) -> String {
    format!("DataRow {}", transcript::value(text.as_bytes()))
}

fn one_row(name: &str, text: &str) -> Vec<String> {
    vec![column(name), row(text), "CommandComplete SELECT 1".into()]
}

/// The answer to Bind and Execute.
fn executed(text: &str) -> Vec<String> {
    vec![
        "BindComplete".into(),
        row(text),
        "CommandComplete SELECT 1".into(),
    ]
}

fn not_a_number(m: &str, position: Option<u32>) -> String {
    let position = position.map_or(String::new(), |position| format!(" | P={position}"));
    format!(
        "ErrorResponse S=ERROR | V=ERROR | C=22P02 | M=invalid input syntax for type integer: \"{m}\"{position}"
    )
}
