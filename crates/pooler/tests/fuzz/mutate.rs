//! Messages that are nearly right: whole ones, changed where it hurts.

use fastrand::Rng;

use crate::support::build;

/// Numbers at which arithmetic breaks.
const NUMBERS: [u32; 14] = [
    0,
    1,
    3,
    4,
    5,
    255,
    256,
    10_000,
    30_001,
    65_536,
    0x3fff_ffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
];

/// Types of messages that there are, of clients and of servers.
const KINDS: &[u8] = b"QPBDCESHXFdcfpRKSZTtnN12373AGWIVvEs\0\xff";

/// A stream made of `messages`, more or less. `typed`: each begins with its type.
pub fn stream(dice: &mut Rng, mut messages: Vec<Vec<u8>>, typed: bool) -> Vec<u8> {
    for _ in 0..=dice.usize(..4) {
        if messages.is_empty() {
            messages.push(vec![]);
        }
        let at = dice.usize(..messages.len());
        match dice.u8(..12) {
            0 => drop(messages.remove(at)),
            1 => messages.insert(at, messages[at].clone()),
            2 => {
                let other = dice.usize(..messages.len());
                messages.swap(at, other);
            }
            3 => messages.insert(at, anything(dice)),
            _ => change(dice, &mut messages[at], typed),
        }
    }
    let mut bytes = messages.concat();
    if dice.u8(..4) == 0 && !bytes.is_empty() {
        bytes.truncate(dice.usize(..bytes.len()));
    }
    bytes
}

/// A message of any type with any body, whose length is right.
fn anything(dice: &mut Rng) -> Vec<u8> {
    let kind = KINDS[dice.usize(..KINDS.len())];
    let length = match dice.u8(..8) {
        0 => dice.usize(..100_000),
        _ => dice.usize(..40),
    };
    let letters = dice.bool();
    let body: Vec<u8> = (0..length)
        .map(|_| {
            if letters {
                dice.u8(b' '..=b'z')
            } else {
                dice.u8(..)
            }
        })
        .collect();
    build::raw(kind, &body)
}

/// Changes one message.
fn change(dice: &mut Rng, message: &mut Vec<u8>, typed: bool) {
    if message.is_empty() {
        return;
    }
    let at = dice.usize(..message.len());
    match dice.u8(..9) {
        0 => message[at] ^= 1 << dice.u8(..8),
        1 => message[at] = dice.u8(..),
        2 => message[at] = 0,
        // The length says something else.
        3 | 4 => put_number(dice, message, usize::from(typed)),
        // A number inside does.
        5 => put_number(dice, message, at),
        6 => {
            message.truncate(at);
            set_length(message, typed);
        }
        7 => {
            let more: Vec<u8> = (0..dice.usize(1..20)).map(|_| dice.u8(..)).collect();
            message.splice(at..at, more);
            set_length(message, typed);
        }
        _ => message[0] = KINDS[dice.usize(..KINDS.len())],
    }
}

fn put_number(dice: &mut Rng, message: &mut [u8], at: usize) {
    let number = match dice.u8(..3) {
        0 => dice.u32(..),
        1 => u32::try_from(message.len()).unwrap() - 1 + dice.u32(..3),
        _ => NUMBERS[dice.usize(..NUMBERS.len())],
    };
    if let Some(place) = message.get_mut(at..at + 4) {
        place.copy_from_slice(&number.to_be_bytes());
    }
}

/// Makes the length right again, so that what is behind it is read.
fn set_length(message: &mut [u8], typed: bool) {
    let typed = usize::from(typed);
    let length = u32::try_from(message.len().saturating_sub(typed)).unwrap();
    if let Some(place) = message.get_mut(typed..typed + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}
