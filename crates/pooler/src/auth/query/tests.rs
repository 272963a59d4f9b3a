use canvass_testkit::block_on;
use proptest::prelude::*;

use super::*;
use crate::auth::message;

const VERIFIER: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
                        WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

fn row(values: &[Option<&str>]) -> Vec<u8> {
    let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
    for value in values {
        match value {
            None => body.extend((-1_i32).to_be_bytes()),
            Some(text) => {
                body.extend(i32::try_from(text.len()).unwrap().to_be_bytes());
                body.extend(text.as_bytes());
            }
        }
    }
    body
}

/// What an answer of these rows says of `ann`.
fn says(rows: &[&[Option<&str>]]) -> Result<Found, String> {
    let mut reply = Reply::default();
    let mut take = |kind, body: &[u8]| reply.take(kind, body).map_err(|error| error.to_string());
    take(b'1', b"")?;
    take(b'2', b"")?;
    take(b'T', &[0, 2])?;
    for values in rows {
        take(b'D', &row(values))?;
    }
    take(b'C', b"SELECT 1\0")?;
    let answer = take(b'Z', b"I")?.unwrap();
    found("ann", answer.map_err(|error| error.to_string())?).map_err(|error| error.to_string())
}

#[test]
fn rows_say_who_exists() {
    let secret = Found::Secret(Secret::parse(VERIFIER).unwrap());
    assert_eq!(says(&[&[Some("ann"), Some(VERIFIER)]]), Ok(secret));
    assert_eq!(
        says(&[&[Some("ann"), Some("clear")]]),
        Ok(Found::Secret(Secret::parse("clear").unwrap()))
    );
    assert_eq!(says(&[]), Ok(Found::Unknown));
    assert_eq!(says(&[&[None, None]]), Ok(Found::Unknown));
    assert_eq!(says(&[&[None, Some("x")]]), Ok(Found::Unknown));
    assert_eq!(says(&[&[Some("ann"), None]]), Ok(Found::NoPassword));
    assert_eq!(says(&[&[Some("ann"), Some("")]]), Ok(Found::NoPassword));
}

#[test]
fn an_answer_of_the_wrong_shape_is_a_mistake_of_the_configuration() {
    for (rows, problem) in [
        (
            &[&[Some("ann")][..]][..],
            "expected 2 columns from auth_query, not 1",
        ),
        (
            &[&[Some("ann"), Some("x"), None]],
            "expected 2 columns from auth_query, not 3",
        ),
        (
            &[&[Some("ann"), Some("x")], &[Some("ann"), Some("y")]],
            "auth_query returned more than one row",
        ),
        (
            &[&[Some("bob"), Some("x")]],
            "auth_query was asked for user ann and returned user bob",
        ),
        (
            &[&[Some("Ann"), Some("x")]],
            "auth_query was asked for user ann and returned user Ann",
        ),
    ] {
        assert_eq!(says(rows), Err(problem.to_owned()));
    }
    let long = "x".repeat(MAX_ROW);
    assert!(
        says(&[&[Some("ann"), Some(&long)]])
            .unwrap_err()
            .starts_with("auth_query returned a row of more than")
    );
    let error = LookupError::from(QueryError::Shape("shape".to_owned()));
    assert_eq!(
        (error.message.as_str(), error.sqlstate),
        ("bouncer config error", "F0000")
    );
    assert_eq!(error.reason, "shape");
}

#[test]
fn an_error_of_the_server_is_kept_until_the_connection_can_be_used_again() {
    let mut reply = Reply::default();
    let body = b"SERROR\0VERROR\0C42P01\0Mrelation \"not_pg_shadow\" does not exist\0\0";
    assert_eq!(reply.take(b'E', body), Ok(None));
    let result = reply.take(b'Z', b"I").unwrap().unwrap().unwrap_err();
    assert_eq!(
        result.to_string(),
        "auth_query failed: relation \"not_pg_shadow\" does not exist"
    );
    assert_eq!(LookupError::from(result).message, "bouncer config error");

    // CVE-2026-6666: an error without any field
    let mut reply = Reply::default();
    assert_eq!(reply.take(b'E', b"\0"), Ok(None));
    assert!(reply.take(b'Z', b"I").unwrap().unwrap().is_err());
}

#[test]
fn a_server_that_breaks_the_protocol_loses_the_connection() {
    for (kind, body) in [
        (b'G', &b""[..]),
        (b'R', b"\0\0\0\0"),
        (b'Z', b"T"),
        (b'Z', b""),
        (b'T', b""),
        (b'D', b"\0"),
        (b'D', b"\0\x02\0\0\0\x05ann"),
        (b'D', b"\0\x02\xff\xff\xff\xfe\0\0\0\0"),
        (b'D', b"\0\x02\0\0\0\0\0\0\0\0more"),
        (b'D', b"\0\x02\x7f\xff\xff\xff\0\0\0\0"),
    ] {
        let error = Reply::default().take(kind, body).unwrap_err();
        assert!(matches!(error, QueryError::Protocol(_)), "{kind} {body:?}");
    }
}

/// CVE-2025-12819: with a `search_path` of the client's choice, `<` and `now()` could be anything.
#[test]
fn the_default_names_everything_with_its_schema() {
    let config = crate::config::Settings::default().auth_query;
    let spread = DEFAULTS[0].replace(" FROM", "\n\tFROM");
    for configured in [DEFAULTS[0], DEFAULTS[1], &spread, &config, "", " "] {
        assert_eq!(effective(configured), QUALIFIED, "{configured}");
    }
    assert_eq!(effective("SELECT * FROM f($1)"), "SELECT * FROM f($1)");
    let without = QUALIFIED
        .replace("OPERATOR(pg_catalog.<)", "")
        .replace("OPERATOR(pg_catalog.=)", "");
    assert!(
        !without.contains(['<', '>', '=']),
        "an operator without its schema"
    );
    assert!(!without.replace("pg_catalog.now()", "").contains("now()"));
    assert!(!without.replace("pg_catalog.pg_authid", "").contains("pg_authid"));
}

#[test]
fn the_user_is_a_parameter_and_nothing_else_is_sent() {
    let user = "ann'; drop table x; --";
    let request = request("SELECT $1", user);
    let mut rest = &request[..];
    let mut sent = Vec::new();
    while !rest.is_empty() {
        let message = block_on(message::read(&mut rest, |_| Some(1000))).unwrap();
        sent.push((message.kind, message.body));
    }
    let kinds: Vec<u8> = sent.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, *b"PBDES");
    assert_eq!(sent[0].1, b"\0SELECT $1\0\0\0");
    let mut bind = b"\0\0\0\0\0\x01".to_vec();
    bind.extend(22_u32.to_be_bytes());
    bind.extend(user.as_bytes());
    bind.extend([0, 0]);
    assert_eq!(sent[1].1, bind);
}

#[test]
fn the_file_comes_first_and_then_the_query() {
    struct Fixed;
    impl AuthQuery for Fixed {
        async fn run(&self, user: &str) -> Result<Answer, QueryError> {
            let row = [Some(user.to_owned()), Some("from the database".to_owned())];
            Ok(Answer::of_rows(vec![row]))
        }
    }
    let list = Userlist::parse("u".as_ref(), "\"ann\" \"from the file\"\n\"nil\" \"\"\n").unwrap();
    let users = Users {
        list: &list,
        query: Some(Fixed),
    };
    let secret = |text| Ok(Found::Secret(Secret::parse(text).unwrap()));
    block_on(async {
        assert_eq!(users.find("ann").await, secret("from the file"));
        assert_eq!(users.find("nil").await, Ok(Found::NoPassword));
        assert_eq!(users.find("bob").await, secret("from the database"));
        let without = Users::<Fixed> {
            list: &list,
            query: None,
        };
        assert_eq!(without.find("bob").await, Ok(Found::Unknown));
        assert_eq!((users.usual(), without.usual()), (Usual::Scram, Usual::Clear));
    });
}

proptest! {
    #[test]
    fn any_message_is_taken_or_refused(messages: Vec<(prop::sample::Index, Vec<u8>)>) {
        let mut reply = Reply::default();
        for (kind, body) in messages {
            let kind = b"TDEZCNS12"[kind.index(9)];
            if let Ok(Some(Ok(answer))) = reply.take(kind, &body) {
                let _ = found("ann", answer);
            }
        }
    }
}
