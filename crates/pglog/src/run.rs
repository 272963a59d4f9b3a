//! Reads logs: chunks are parsed by as many threads as asked for and folded in order by one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use crate::event::Parsed;
use crate::fold::Fold;
use crate::input::{Chunk, Source};
use crate::parse::{Format, Memory};

/// What was read of one source.
#[derive(Debug, Clone, Default)]
pub struct ReadOf {
    /// Bytes.
    pub bytes: u64,
    /// Bytes of a last record that was not all there.
    pub cut: u64,
    /// Why reading ended before the end.
    pub failed: Option<String>,
    /// The first and the last time in it, µs since 1970 UTC.
    pub period: Option<(i64, i64)>,
}

/// Reads a source to its end with so many threads, into `fold`.
pub fn read(source: &mut Source, fold: &mut Fold, threads: usize, memories: &mut Vec<Memory>) -> ReadOf {
    memories.resize_with(threads.max(memories.len()), Memory::default);
    let mut period = None;
    let spare = source.spare();
    let mut add = |mut parsed: Parsed| {
        for event in &parsed.events {
            let (first, last) = period.get_or_insert((event.at, event.at));
            (*first, *last) = ((*first).min(event.at), (*last).max(event.at));
        }
        fold.add(&mut parsed);
        spare.give(parsed.bytes);
    };
    let failed = match threads {
        0 | 1 => alone(source, &mut add, &mut memories[0]),
        _ => together(source, &mut add, &mut memories[..threads]),
    };
    add(Parsed {
        counts: source.seen(),
        ..Parsed::default()
    });
    ReadOf {
        period,
        bytes: source.read,
        cut: source.cut,
        failed,
    }
}

fn parse(format: &Format, chunk: Chunk, memory: &mut Memory) -> Parsed {
    let mut parsed = format.parse(chunk.bytes, memory);
    parsed.counts.too_long += u64::from(chunk.too_long);
    if let Some(at) = &mut parsed.counts.first_bad {
        *at += chunk.at;
    }
    parsed
}

fn alone(source: &mut Source, add: &mut impl FnMut(Parsed), memory: &mut Memory) -> Option<String> {
    let format = source.format.clone();
    loop {
        match source.next_chunk() {
            Ok(Some(chunk)) => add(parse(&format, chunk, memory)),
            Ok(None) => return None,
            Err(error) => return Some(error.to_string()),
        }
    }
}

/// Where the workers take their chunks from, one after the other.
struct Desk<'s> {
    source: &'s mut Source,
    next: u64,
    failed: Option<String>,
    at_end: bool,
}

fn together(source: &mut Source, add: &mut impl FnMut(Parsed), memories: &mut [Memory]) -> Option<String> {
    let format = source.format.clone();
    let ahead = memories.len() as u64 * 2;
    let desk = Mutex::new(Desk {
        source,
        next: 0,
        failed: None,
        at_end: false,
    });
    // How many chunks were folded: nobody parses far ahead of it.
    let folded = (Mutex::new(0u64), Condvar::new());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let (send, receive) = sync_channel::<(u64, Parsed)>(memories.len());
        for memory in memories.iter_mut() {
            let (send, desk, folded, format, is_over) = (send.clone(), &desk, &folded, &format, &is_over);
            scope.spawn(move || work(desk, folded, is_over, ahead, format, memory, &send));
        }
        drop(send);
        let mut waiting: BTreeMap<u64, Parsed> = BTreeMap::new();
        let mut next = 0;
        for (number, parsed) in receive {
            waiting.insert(number, parsed);
            while let Some(parsed) = waiting.remove(&next) {
                add(parsed);
                next += 1;
                *folded.0.lock().unwrap_or_else(PoisonError::into_inner) = next;
                folded.1.notify_all();
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    desk.into_inner().unwrap_or_else(PoisonError::into_inner).failed
}

fn work(
    desk: &Mutex<Desk<'_>>,
    folded: &(Mutex<u64>, Condvar),
    is_over: &AtomicBool,
    ahead: u64,
    format: &Format,
    memory: &mut Memory,
    send: &SyncSender<(u64, Parsed)>,
) {
    loop {
        let taken = {
            let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
            if desk.at_end || is_over.load(Ordering::Relaxed) {
                return;
            }
            match desk.source.next_chunk() {
                Ok(Some(chunk)) => {
                    desk.next += 1;
                    (desk.next - 1, chunk)
                }
                Ok(None) => {
                    desk.at_end = true;
                    return;
                }
                Err(error) => {
                    desk.at_end = true;
                    desk.failed = Some(error.to_string());
                    return;
                }
            }
        };
        let (number, chunk) = taken;
        let mut done = folded.0.lock().unwrap_or_else(PoisonError::into_inner);
        while number >= *done + ahead {
            done = folded.1.wait(done).unwrap_or_else(PoisonError::into_inner);
        }
        drop(done);
        if send.send((number, parse(format, chunk, memory))).is_err() {
            return;
        }
    }
}
