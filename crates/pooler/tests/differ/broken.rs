//! Messages that no client should send. Each leaves PostgreSQL either in step or with an end: lengths that would leave
//! it waiting for more are not among them.

use fastrand::Rng;

use crate::say::Say;

/// Any of those that leave the two in step.
pub fn in_step(dice: &mut Rng) -> Say {
    let all = bodies();
    all[dice.usize(..all.len())].clone()
}

/// Every broken message.
pub fn all() -> Vec<Say> {
    [out_of_step(), bodies()].concat()
}

/// Those after which nobody can tell where the next message begins.
pub fn out_of_step() -> Vec<Say> {
    [unknown_kinds(), lengths()].concat()
}

fn raw(kind: u8, body: &[u8]) -> Say {
    Say::Raw {
        kind,
        body: body.to_owned(),
    }
}

fn lying(kind: u8, length: u32, body: &[u8]) -> Say {
    Say::Lying {
        kind,
        length,
        body: body.to_owned(),
    }
}

/// Kinds that are none of a client's, those of a server and of a login among them.
fn unknown_kinds() -> Vec<Say> {
    b"\0!1ZTRKpNGvz\xff"
        .iter()
        .map(|kind| raw(*kind, b"body\0"))
        .collect()
}

fn lengths() -> Vec<Say> {
    vec![
        // Less than the length itself.
        lying(b'Q', 0, b""),
        lying(b'Q', 3, b"SELECT 1\0"),
        lying(b'S', 2, b""),
        lying(b'd', 1, b""),
        // Negative.
        lying(b'Q', u32::MAX, b"SELECT 1\0"),
        lying(b'P', 0x8000_0000, b"\0SELECT 1\0\0\0"),
        // More than such a message may have.
        lying(b'S', 10_001, b""),
        lying(b'E', 20_000, b"\0\0\0\0\0"),
        lying(b'H', 0x0100_0000, b""),
        lying(b'Q', 0x4000_0000, b"SELECT 1\0"),
        lying(b'B', 0x7fff_ffff, b"\0\0\0\0\0\0\0\0"),
        // One too few: what is left is no message.
        lying(b'Q', 12, b"SELECT 1\0"),
        lying(b'Q', 10, b"SELECT 11\0"),
        lying(b'S', 5, b""),
        lying(b'E', 8, b"\0\0\0\0\0"),
    ]
}

fn bodies() -> Vec<Say> {
    vec![
        // Texts without an end.
        raw(b'Q', b"SELECT 1"),
        raw(b'Q', b""),
        raw(b'P', b"name"),
        raw(b'P', b"\0SELECT 1"),
        raw(b'D', b"Sname"),
        raw(b'C', b"Pname"),
        raw(b'f', b"no end"),
        // More than belongs there.
        raw(b'Q', b"SELECT 1\0SELECT 2\0"),
        raw(b'Q', b"\0\0\0"),
        raw(b'P', b"\0SELECT 1\0\0\0more"),
        raw(b'S', b"more"),
        raw(b'H', b"more"),
        raw(b'c', b"more"),
        raw(b'E', b"\0\0\0\0\0more"),
        raw(b'D', b"S\0more"),
        raw(b'C', b"S\0more"),
        // Less than belongs there.
        raw(b'P', b"\0SELECT 1\0"),
        raw(b'P', b"\0SELECT 1\0\0\x02\0\0\0\x17"),
        raw(b'P', b""),
        raw(b'B', b""),
        raw(b'B', b"\0\0"),
        raw(b'B', b"\0\0\0\x01"),
        raw(b'B', b"\0\0\0\0\0\x01\0\0\0\x09short\0\0"),
        raw(b'B', b"\0no such statement\0\0\0\0\0\0\0"),
        raw(b'E', b"\0"),
        raw(b'E', b"no end"),
        raw(b'D', b""),
        raw(b'D', b"S"),
        raw(b'C', b""),
        raw(b'F', b"\0\0"),
        raw(b'F', b"\0\0\0\xb1\0\0\0\x02\0\0\0\x011"),
        // Things that cannot be described or closed; counts below zero; formats that do not exist.
        raw(b'D', b"Xname\0"),
        raw(b'C', b"\0name\0"),
        raw(b'P', b"\0SELECT 1\0\xff\xff"),
        raw(b'B', b"\0s1\0\0\0\xff\xff\0\0"),
        raw(b'B', b"\0s1\0\0\x01\0\x07\0\0\0\0"),
        raw(b'E', b"\0\xff\xff\xff\xff"),
        // Text that is no text.
        raw(b'Q', b"SELECT '\xff\xfe'\0"),
        raw(b'P', b"\xff\0SELECT 1\0\0\0"),
        raw(b'P', b"\0SELECT '\xc3'\0\0\0"),
    ]
}
