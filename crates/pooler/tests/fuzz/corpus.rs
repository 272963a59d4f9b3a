//! What is right, to be changed.

use fastrand::Rng;

use crate::support::{build, mock, scram};

/// Packets before a session, the start-up packet last.
pub fn opening(dice: &mut Rng, user: &str, database: &str) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    if dice.u8(..3) == 0 {
        packets.push(build::ssl_request());
    }
    if dice.u8(..4) == 0 {
        packets.push(build::gssenc_request());
    }
    if dice.u8(..6) == 0 {
        let secret: Vec<u8> = (0..dice.usize(..300)).map(|_| dice.u8(..)).collect();
        packets.push(build::cancel(dice.u32(..), &secret));
    }
    let more = [
        ("application_name", "fuzz"),
        ("client_encoding", "UTF8"),
        ("options", "-c work_mem=1MB --search-path=public"),
        ("options", "-c geqo=off -c\\ DateStyle=ISO"),
        ("options", "-c= -c"),
        ("replication", "database"),
        ("replication", "true"),
        ("extra_float_digits", "3"),
        ("_pq_.something", "on"),
        ("canvass.deadline", "500ms"),
        ("TimeZone", "UTC"),
        ("DateStyle", "German, DMY"),
        ("unknown", "value"),
        ("", ""),
    ];
    let mut parameters = vec![("user", user), ("database", database)];
    for _ in 0..dice.usize(..4) {
        parameters.push(more[dice.usize(..more.len())]);
    }
    let versions = [(3, 0), (3, 0), (3, 0), (3, 2), (3, 9999), (2, 0), (1234, 5681)];
    let version = versions[dice.usize(..versions.len())];
    packets.push(build::startup_version(version, &parameters));
    packets
}

/// Answers to a request for a password.
pub fn passwords(dice: &mut Rng) -> Vec<Vec<u8>> {
    let last = b"c=biws,r=rOprNGfwEbeRWgbNEkqOxyz,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    let all = [
        scram::initial_response(28),
        build::raw(b'p', last),
        build::raw(b'p', b"md5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0"),
        build::raw(b'p', b"secret\0"),
    ];
    (0..dice.usize(1..4))
        .map(|_| all[dice.usize(..all.len())].clone())
        .collect()
}

/// A client's messages.
pub fn requests(dice: &mut Rng) -> Vec<Vec<u8>> {
    let name = ["", "s", "t", "CANVASS_1", "CANVASS_999999"][dice.usize(..5)];
    let kinds: [&dyn Fn() -> Vec<Vec<u8>>; 13] = [
        &|| vec![build::query("SELECT 'one' AS a, 2")],
        &|| {
            vec![
                build::query("BEGIN"),
                build::query("SELECT 1 / 0"),
                build::query("ROLLBACK"),
            ]
        },
        &|| {
            vec![
                build::parse(name, "SELECT $1::text || '!'", &[25]),
                build::bind("", name, &[Some("hello")]),
                build::describe_portal(""),
                build::execute("", 0),
                build::sync(),
            ]
        },
        &|| vec![build::describe_statement(name), build::flush(), build::sync()],
        &|| {
            vec![
                build::close_statement(name),
                build::close_portal("p"),
                build::sync(),
            ]
        },
        &|| vec![build::query("DEALLOCATE s"), build::query("DEALLOCATE ALL")],
        &|| {
            vec![
                build::query("COPY item FROM STDIN"),
                build::copy_data(b"1\n2\n"),
                build::copy_done(),
            ]
        },
        &|| {
            vec![
                build::parse("", "COPY item FROM STDIN", &[]),
                build::bind("", "", &[]),
                build::execute("", 0),
                build::sync(),
                build::copy_data(b"1\n"),
                build::copy_fail("no"),
                build::sync(),
            ]
        },
        &|| vec![build::query("COPY (SELECT generate_series(1, 50)) TO STDOUT")],
        &|| vec![build::function_call(1598, &[]), build::query("")],
        &|| {
            vec![build::query(
                "SET TimeZone = 'UTC'; SET work_mem = '1MB'; LISTEN l; DISCARD ALL",
            )]
        },
        &|| vec![build::query("SELECT repeat('x', 100000)")],
        &|| {
            let long = "y".repeat(40_000);
            vec![
                build::parse("long", &format!("SELECT '{long}'"), &[]),
                build::bind("", "long", &[]),
                build::execute("", 1),
                build::sync(),
            ]
        },
    ];
    (0..dice.usize(1..5))
        .flat_map(|_| kinds[dice.usize(..kinds.len())]())
        .collect()
}

/// What a server says to a message of this type.
pub fn reply(dice: &mut Rng, kind: u8) -> Vec<Vec<u8>> {
    let error = build::raw(b'E', b"SERROR\0VERROR\0C22012\0Mdivision by CANVASS_1\0\0");
    let notice = build::raw(b'N', b"SNOTICE\0VNOTICE\0C00000\0Mnote\0\0");
    let setting = build::raw(b'S', b"TimeZone\0Asia/Tokyo\0");
    let mut all = match kind {
        b'Q' if dice.u8(..4) == 0 => vec![error, mock::ready()],
        b'Q' if dice.u8(..6) == 0 => vec![build::raw(b'G', b"\0\0\0")],
        b'Q' => mock::one_row("value")
            .chunks(1 << 20)
            .map(<[u8]>::to_vec)
            .collect(),
        b'P' => vec![build::raw(b'1', b"")],
        b'B' => vec![build::raw(b'2', b"")],
        b'C' => vec![build::raw(b'3', b"")],
        b'D' => vec![build::raw(b'n', b"")],
        b'E' => vec![build::raw(b'D', b"\0\0"), build::raw(b'C', b"SELECT 1\0")],
        b'S' => vec![mock::ready()],
        b'F' => vec![build::raw(b'V', b"\xff\xff\xff\xff"), mock::ready()],
        b'c' | b'f' => vec![build::raw(b'C', b"COPY 1\0"), mock::ready()],
        _ => vec![],
    };
    if dice.u8(..6) == 0 {
        all.insert(0, if dice.bool() { notice } else { setting });
    }
    all
}
