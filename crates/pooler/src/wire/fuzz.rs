//! Messages that are nearly right, read at high speed: nothing panics, and what can be read can be written again.
//!
//! `CANVASS_FUZZ_SECONDS` says for how long (1 s), `CANVASS_TEST_SEED` with which number the dice begin.

use std::time::{Duration, Instant};

use fastrand::Rng;

use super::backend_key::BackendKey;
use super::bind::BindNames;
use super::error::{self, ServerError};
use super::parse::Parse;
use super::ready::Transaction;
use super::startup::{Opening, Startup};
use super::target::Target;
use super::{HEADER, command_tag, parameter_status, query};

/// Whole messages, each with its type, and start-up packets without their length.
fn right(dice: &mut Rng) -> Vec<u8> {
    let mut out = Vec::new();
    match dice.u8(..10) {
        0 => Parse::put(b"name", b"select $1\0\0\x01\0\0\0\x17", &mut out),
        1 => super::put(&mut out, b'B', |body| {
            body.extend_from_slice(b"portal\0name\0\0\0\0\0\0\0")
        }),
        2 => Target::put_statement(b"DC"[dice.usize(..2)], b"name", &mut out),
        3 => query::put_query(b"deallocate prepare \"a\"\"b\" ;", &mut out),
        4 => error::put_error(
            error::Severity::Error,
            "42P05",
            "CANVASS_1",
            Some("hint"),
            &mut out,
        ),
        5 => parameter_status::put_status(b"TimeZone", b"UTC", &mut out),
        6 => super::put(&mut out, b'C', |body| super::put_cstr(body, b"DISCARD ALL")),
        7 => {
            let key = BackendKey {
                pid: dice.u32(..),
                secret: vec![7; dice.usize(..300)],
            };
            key.put(&mut out);
        }
        8 => out.extend_from_slice(&super::ready::READY_IDLE),
        _ => {
            let parameters = vec![("user".into(), "a".into()), ("options".into(), "-c a=b".into())];
            Startup { minor: 0, parameters }.put(&mut out);
            out.drain(..4);
        }
    }
    out
}

fn change(dice: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..dice.usize(..4) {
        let at = dice.usize(..bytes.len().max(1));
        match dice.u8(..6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), dice.u8(..)),
            2 => bytes.extend((0..dice.usize(..20)).map(|_| 0)),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = [0, 0xff, 0x7f, 0x80, dice.u8(..)][dice.usize(..5)];
                }
            }
        }
    }
    // The length is right more often than not, so that what is behind it is looked at.
    if dice.u8(..3) > 0 && bytes.len() >= HEADER {
        let length = (bytes.len() - 1) as u32;
        bytes[1..HEADER].copy_from_slice(&length.to_be_bytes());
    }
}

/// Reads it as everything that it could be.
fn read(bytes: &[u8]) {
    if let Ok(Some(head)) = super::head(bytes) {
        assert!(head.total >= HEADER);
        assert!(super::client_head(bytes).is_err() || super::client_head(bytes) == Ok(Some(head)));
    }
    if let Ok(Opening::Startup(startup)) = Opening::read(bytes)
        && startup.minor == 0
    {
        let mut out = Vec::new();
        startup.put(&mut out);
        assert_eq!(&out[4..], bytes);
    }
    if let Some(parse) = Parse::read(bytes) {
        let mut out = Vec::new();
        Parse::put(parse.name, parse.definition, &mut out);
        assert_eq!(out[HEADER..], bytes[HEADER..]);
    }
    if let Some(names) = BindNames::read(bytes) {
        assert!(names.end() <= bytes.len());
        if let Ok(Some(head)) = super::head(bytes)
            && head.total >= names.end()
        {
            let mut out = Vec::new();
            names.put_renamed(head, names.statement, &mut out);
            assert_eq!(out[1..], bytes[1..names.end()]);
        }
    }
    if let Some(key) = BackendKey::read(bytes) {
        let mut out = Vec::new();
        key.put(&mut out);
        assert_eq!(out[HEADER..], bytes[HEADER..]);
    }
    let _ = (
        Target::read(bytes),
        Transaction::read(bytes),
        command_tag::trace(bytes),
    );
    let _ = (parameter_status::read(bytes), ServerError::read(bytes));
    let _ = query::text(bytes).map(query::deallocated);
    if !bytes.is_empty() {
        error::put_with_name(bytes, b"CANVASS_1", b"mine", &mut Vec::new());
    }
}

#[test]
fn nothing_that_is_read_panics_and_what_is_read_can_be_written() {
    let number = |name: &str, usual: u64| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    let seed = number("CANVASS_TEST_SEED", 70_000_000);
    let until = Instant::now() + Duration::from_secs(number("CANVASS_FUZZ_SECONDS", 1));
    let mut dice = Rng::with_seed(seed);
    while Instant::now() < until {
        for _ in 0..1_000 {
            let mut bytes = right(&mut dice);
            change(&mut dice, &mut bytes);
            let read = std::panic::catch_unwind(|| read(&bytes));
            assert!(read.is_ok(), "seed {seed}: {bytes:?}");
        }
    }
}
